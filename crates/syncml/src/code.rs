//! Status and alert codes, by their names in the standard.

/// A status code (Representation Protocol, response status codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(pub u16);

/// An alert code (Representation Protocol, alert types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertCode(pub u16);

macro_rules! codes {
    ($type:ident { $($(#[doc = $doc:literal])* $name:ident = $value:literal, $text:literal;)* }) => {
        impl $type {
            $($(#[doc = $doc])* pub const $name: Self = Self($value);)*

            /// What the standard calls the code; `unknown` for one it does not have.
            pub const fn phrase(self) -> &'static str {
                match self.0 {
                    $($value => $text,)*
                    _ => "unknown",
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

codes! { StatusCode {
    /// Still being worked on; on the header: busy.
    IN_PROGRESS = 101, "in progress";
    /// Done.
    OK = 200, "ok";
    /// Done, and a new item arose.
    ITEM_ADDED = 201, "item added";
    /// Begun; the outcome follows later.
    ACCEPTED = 202, "accepted for processing";
    /// Answered by someone else than the target.
    NON_AUTHORITATIVE = 203, "non-authoritative response";
    /// Done, nothing to return.
    NO_CONTENT = 204, "no content";
    /// The originator should refresh its copy.
    RESET_CONTENT = 205, "reset content";
    /// A part is done.
    PARTIAL_CONTENT = 206, "partial content";
    /// Conflict resolved by merging.
    CONFLICT_MERGED = 207, "conflict resolved with merge";
    /// Conflict resolved in favour of the client.
    CONFLICT_CLIENT_WON = 208, "conflict resolved with client's command winning";
    /// Conflict resolved by keeping both.
    CONFLICT_DUPLICATED = 209, "conflict resolved with duplicate";
    /// Deleted, but not archived.
    DELETED_NOT_ARCHIVED = 210, "delete without archive";
    /// Nothing to delete.
    NOT_DELETED = 211, "item not deleted";
    /// Credentials accepted for the whole session.
    AUTHENTICATED = 212, "authentication accepted";
    /// Chunk buffered, send the next.
    CHUNK_ACCEPTED = 213, "chunked item accepted and buffered";
    /// Done, but no more commands are processed in this session.
    CANCELLED_DONE = 214, "operation cancelled";
    /// The user declined.
    NOT_EXECUTED = 215, "not executed";
    /// A member of an Atomic was undone.
    ATOMIC_ROLLED_BACK = 216, "atomic roll back ok";
    /// The target is ambiguous.
    MULTIPLE_CHOICES = 300, "multiple choices";
    /// Elsewhere from now on.
    MOVED_PERMANENTLY = 301, "moved permanently";
    /// Elsewhere for now.
    FOUND = 302, "found";
    /// At another address.
    SEE_OTHER = 303, "see other";
    /// Not executed on the target.
    NOT_MODIFIED = 304, "not modified";
    /// Reachable through a proxy.
    USE_PROXY = 305, "use proxy";
    /// Malformed command.
    BAD_REQUEST = 400, "bad request";
    /// Credentials are wrong.
    INVALID_CREDENTIALS = 401, "invalid credentials";
    /// Payment needed.
    PAYMENT_NEEDED = 402, "payment needed";
    /// Understood and refused.
    FORBIDDEN = 403, "forbidden";
    /// Not there.
    NOT_FOUND = 404, "not found";
    /// Not allowed on this target.
    NOT_ALLOWED = 405, "command not allowed";
    /// An optional feature that is not supported.
    NOT_SUPPORTED = 406, "optional feature not supported";
    /// Credentials are missing.
    MISSING_CREDENTIALS = 407, "missing credentials";
    /// An expected message did not come in time.
    REQUEST_TIMEOUT = 408, "request timeout";
    /// Conflict, not resolved.
    CONFLICT = 409, "conflict";
    /// Gone for good.
    GONE = 410, "gone";
    /// `Size` is missing.
    SIZE_REQUIRED = 411, "size required";
    /// A part of the command is missing.
    INCOMPLETE_COMMAND = 412, "incomplete command";
    /// Larger than can be processed.
    TOO_LARGE = 413, "request entity too large";
    /// Address too long.
    URI_TOO_LONG = 414, "uri too long";
    /// Media type or format not supported.
    UNSUPPORTED_TYPE = 415, "unsupported media type or format";
    /// The stated size is too large.
    SIZE_TOO_BIG = 416, "requested size too big";
    /// Try again later.
    RETRY_LATER = 417, "retry later";
    /// The item is there already.
    ALREADY_EXISTS = 418, "already exists";
    /// Conflict resolved in favour of the server.
    CONFLICT_SERVER_WON = 419, "conflict resolved with server data";
    /// No room left.
    DEVICE_FULL = 420, "device full";
    /// Unknown search grammar.
    UNKNOWN_GRAMMAR = 421, "unknown search grammar";
    /// Bad query.
    BAD_CGI = 422, "bad cgi script";
    /// The soft-deleted item was deleted meanwhile.
    SOFT_DELETE_CONFLICT = 423, "soft-delete conflict";
    /// The object differs from its stated size.
    SIZE_MISMATCH = 424, "size mismatch";
    /// Access control forbids it.
    PERMISSION_DENIED = 425, "permission denied";
    /// Chunks are not taken: resend whole.
    PARTIAL_NOT_ACCEPTED = 426, "partial item not accepted";
    /// A folder with children.
    NOT_EMPTY = 427, "item not empty";
    /// The move failed.
    MOVE_FAILED = 428, "move failed";
    /// The command failed.
    COMMAND_FAILED = 500, "command failed";
    /// Not implemented at all.
    NOT_IMPLEMENTED = 501, "command not implemented";
    /// Upstream answered wrongly.
    BAD_GATEWAY = 502, "bad gateway";
    /// Temporarily not available.
    UNAVAILABLE = 503, "service unavailable";
    /// Upstream did not answer.
    GATEWAY_TIMEOUT = 504, "gateway timeout";
    /// `VerDTD` not supported.
    DTD_NOT_SUPPORTED = 505, "DTD version not supported";
    /// Application error; retry.
    PROCESSING_ERROR = 506, "processing error";
    /// All members of an Atomic failed.
    ATOMIC_FAILED = 507, "atomic failed";
    /// The sync state is lost: slow sync or refresh.
    REFRESH_REQUIRED = 508, "refresh required";
    /// Reserved; some peers refuse a resume with it.
    RESERVED_509 = 509, "reserved";
    /// The datastore failed.
    DATA_STORE_FAILURE = 510, "data store failure";
    /// The server failed severely.
    SERVER_FAILURE = 511, "server failure";
    /// The synchronization failed: start a new session.
    SYNC_FAILED = 512, "synchronization failed";
    /// `VerProto` not supported.
    PROTOCOL_NOT_SUPPORTED = 513, "protocol version not supported";
    /// Not done, the session was cancelled.
    CANCELLED = 514, "operation cancelled";
    /// A member of an Atomic could not be undone.
    ATOMIC_ROLL_BACK_FAILED = 516, "atomic roll back failed";
    /// The answer to an Atomic does not fit one message.
    ATOMIC_TOO_LARGE = 517, "atomic response too large";
}}

impl StatusCode {
    /// Whether the command was carried out: 2xx, by class for codes the standard lacks, but for
    /// those that say it was not yet, not at all or not any more (213, 215, 216).
    // spec: C14
    pub const fn is_success(self) -> bool {
        let undone = matches!(
            self,
            Self::CHUNK_ACCEPTED | Self::NOT_EXECUTED | Self::ATOMIC_ROLLED_BACK
        );
        self.0 >= 200 && self.0 < 300 && !undone
    }
}

codes! { AlertCode {
    /// Show a text to the user.
    DISPLAY = 100, "display";
    /// Two-way sync.
    TWO_WAY = 200, "two-way";
    /// Slow sync: all items are compared.
    SLOW = 201, "slow";
    /// The client's changes only.
    ONE_WAY_FROM_CLIENT = 202, "one-way from client";
    /// The client's items replace the server's.
    REFRESH_FROM_CLIENT = 203, "refresh from client";
    /// The server's changes only.
    ONE_WAY_FROM_SERVER = 204, "one-way from server";
    /// The server's items replace the client's.
    REFRESH_FROM_SERVER = 205, "refresh from server";
    /// The server invites to a two-way sync.
    TWO_WAY_BY_SERVER = 206, "two-way by server";
    /// The server invites to a one-way sync from the client.
    ONE_WAY_FROM_CLIENT_BY_SERVER = 207, "one-way from client by server";
    /// The server invites to a refresh from the client.
    REFRESH_FROM_CLIENT_BY_SERVER = 208, "refresh from client by server";
    /// The server invites to a one-way sync from the server.
    ONE_WAY_FROM_SERVER_BY_SERVER = 209, "one-way from server by server";
    /// The server invites to a refresh from the server.
    REFRESH_FROM_SERVER_BY_SERVER = 210, "refresh from server by server";
    /// Poll for the answer after a busy status.
    RESULT = 221, "result alert";
    /// Ask for the next message of the open package.
    NEXT_MESSAGE = 222, "next message";
    /// A chunked object was not finished.
    NO_END_OF_DATA = 223, "no end of data";
    /// Suspend the session.
    SUSPEND = 224, "suspend";
    /// Resume a suspended session.
    RESUME = 225, "resume";
}}

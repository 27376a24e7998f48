//! What makes an older state fit to meet devices that are ahead of it.
//!
//! They hold items that it does not know, and have confirmed changes that it has yet to hear of. So
//! what it remembers of their anchors is void, and each compares all items in its next sync. Numbers
//! that it gave out since may be held by somebody, so it goes on behind them. Nonces that were used
//! since must not be taken again; each engine writes an empty one.

/// What a state that was brought back forgets: all that devices and sessions would go on with.
pub(crate) const RENEW: &str = "
    UPDATE link SET client_anchor = '', previous_client_anchor = '', server_anchor = '',
        previous_server_anchor = '', open_alert = NULL, open_client_last = NULL, open_until = NULL,
        sending_guid = NULL, sending_seq = NULL, sending_confirmed = NULL;
    DELETE FROM session;
    DELETE FROM partial;
    DELETE FROM chunk;
    DELETE FROM rendering;
    DELETE FROM moved;
";

/// Identifiers of items that a state which was brought back leaves out: it may have given them
/// since.
pub(crate) const LEFT_OUT_GUIDS: i64 = 100_000;

/// The same for places in the change sequence.
pub(crate) const LEFT_OUT_CHANGES: i64 = 1 << 32;

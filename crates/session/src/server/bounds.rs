//! Bounds on the texts that a message is known by, which the server repeats and remembers.
//!
//! The standard bounds none of them. What honest devices write is far below these, and what goes
//! beyond would be multiplied: every status repeats the `MsgID` and the addresses of its command.

use syncml::{Error, Header};

/// Bytes of an address, of a LUID or of an anchor.
const MAX_URI: usize = 1024;

/// Bytes of a `SessionID`, `MsgID` or `CmdID`.
const MAX_ID: usize = 64;

/// Whether a text may be repeated in a message: short, and of characters that XML can hold.
pub(super) fn is_fit(text: &str) -> bool {
    text.len() <= MAX_URI && !text.contains(|c: char| c.is_control() || c >= '\u{fffe}')
}

/// Whether a text can name a command.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID && is_fit(text)
}

/// Refuses a header whose texts are beyond the bounds, or that lacks what every header has.
// spec: A18
pub(super) fn check_header(header: &Header<'_>) -> Result<(), Error> {
    let limit = |what| {
        Err(Error::Limit {
            what,
            limit: MAX_URI,
        })
    };
    if header.session_id.len() > MAX_ID || header.msg_id.len() > MAX_ID {
        return Err(Error::Limit {
            what: "bytes in SessionID or MsgID",
            limit: MAX_ID,
        });
    }
    let texts = [
        &header.session_id,
        &header.msg_id,
        &header.target.uri,
        &header.source.uri,
    ];
    let name = header.source.name.as_deref().unwrap_or_default();
    if !texts.iter().all(|text| is_fit(text)) || !is_fit(name) {
        return limit("plain bytes in an address of the header");
    }
    let mandatory = [
        (&header.session_id, "SessionID"),
        (&header.msg_id, "MsgID"),
        (&header.target.uri, "Target"),
        (&header.source.uri, "Source"),
    ];
    if let Some((_, element)) = mandatory.iter().find(|(text, _)| text.trim().is_empty()) {
        return Err(Error::Missing { element });
    }
    Ok(())
}

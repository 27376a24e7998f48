//! What the deterministic crates are not to ask for: the time and random bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::report::{Failure, Outcome};

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

/// The IANA name of the zone that the system is in, where it has one.
pub(crate) fn zone() -> Option<String> {
    let zone = jiff::tz::TimeZone::try_system().ok()?;
    zone.iana_name().map(str::to_owned)
}

/// A time in RFC 3339 form, UTC; `None` for zero, which stands for never.
pub(crate) fn timestamp(seconds: i64) -> Option<String> {
    if seconds == 0 {
        return None;
    }
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_string())
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::state(format_args!(
            "the system gives no random bytes: {error}; check /dev/urandom"
        ))
    })?;
    Ok(bytes)
}

/// Letters and digits that nobody takes for another, and that a phone's keypad has.
const ALPHABET: &[u8; 31] = b"abcdefghijkmnpqrstuvwxyz2345679";

/// A password of 14 characters, 69 bits.
pub(crate) fn password() -> Outcome<String> {
    let mut password = String::new();
    while password.len() < 14 {
        for byte in random::<32>()? {
            // the largest multiple of the alphabet's length: every character is as likely
            let letter = ALPHABET.get(usize::from(byte) % ALPHABET.len());
            if byte < 248 && password.len() < 14 {
                password.extend(letter.map(|letter| char::from(*letter)));
            }
        }
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn passwords_are_readable_and_differ() {
        let (one, two) = (password().unwrap(), password().unwrap());
        assert_eq!(one.len(), 14);
        assert!(one.bytes().all(|b| ALPHABET.contains(&b)), "{one}");
        assert_ne!(one, two);
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(timestamp(0), None);
        let second = timestamp(1_000_000_000);
        assert_eq!(second.as_deref(), Some("2001-09-09T01:46:40Z"));
    }
}

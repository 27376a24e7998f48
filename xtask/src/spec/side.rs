//! Which side of a session a test shows: by where it stands.

/// The sides, as rows name them.
pub(super) const SIDES: [&str; 2] = ["client", "server"];

/// Where tests show one side alone. Tests elsewhere are of what both sides are made of, or run the one
/// against the other.
const ONE_SIDED: [(&str, &str); 9] = [
    ("crates/connectors/", "client"),
    ("crates/session/src/client/", "client"),
    ("crates/session/tests/", "client"),
    ("crates/syncline/src/commands/sync/", "client"),
    ("crates/transports/src/http/client", "client"),
    ("crates/session/src/peer/", "server"),
    ("crates/session/src/server/", "server"),
    ("crates/store/tests/", "server"),
    ("crates/syncline/src/node", "server"),
];

/// Tests of the store with the project's own client at the other end, and no client that says what the
/// test wants.
const TWO_SIDED: [&str; 5] = [
    "crates/store/tests/client.rs",
    "crates/store/tests/large_objects.rs",
    "crates/store/tests/one_package.rs",
    "crates/store/tests/small_messages.rs",
    "crates/store/tests/suspended.rs",
];

/// Whether a test in this file shows what one side does.
pub(super) fn shows(file: &str, side: &str) -> bool {
    let mut sides = ONE_SIDED.iter();
    match sides.find(|(place, _)| file.starts_with(place)) {
        Some((_, of)) if !TWO_SIDED.contains(&file) => *of == side,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_counts_for_both_sides_has_no_scripted_client() {
        for file in TWO_SIDED {
            let text = std::fs::read_to_string(crate::root().join(file)).unwrap();
            assert!(text.contains("Device::new("), "{file}");
            assert!(!text.contains("Client::new("), "{file}");
        }
    }

    #[test]
    fn a_test_shows_the_side_that_it_stands_with() {
        let shown = |file| SIDES.map(|side| shows(file, side));
        for (file, expected) in [
            ("crates/session/tests/conformance/taken.rs", [true, false]),
            ("crates/store/tests/sessions/broken.rs", [false, true]),
            ("crates/store/tests/client.rs", [true, true]),
            ("crates/syncml/tests/conformance.rs", [true, true]),
            ("crates/syncline/tests/kill.rs", [true, true]),
        ] {
            assert_eq!(shown(file), expected, "{file}");
        }
    }
}

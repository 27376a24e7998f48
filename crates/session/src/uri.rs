//! Addresses: the forms in which devices write the names of datastores and of themselves.

/// The datastore that an address means: `./`, leading `/`, the server's own base and a query are
/// dropped, and the names that devices have built in stand for ours.
///
/// Names are compared without regard to case. An address below a datastore (`./contacts/anybody`)
/// means the datastore. An unknown one comes back as it was, in lower case.
// spec: A21
pub fn datastore_name(uri: &str) -> String {
    let name = path_of(uri);
    let first = name.split('/').next().unwrap_or_default();
    known(&name)
        .or_else(|| known(first))
        .map_or(name, str::to_owned)
}

/// Whether two addresses of datastores of one device are the same, however they are written.
pub(crate) fn same_path(a: &str, b: &str) -> bool {
    path_of(a) == path_of(b)
}

/// The name in an address: without `./`, leading `/`, scheme, host and query, in lower case.
pub(crate) fn path_of(uri: &str) -> String {
    let mut path = uri.trim();
    if let Some(scheme) = path.find("://") {
        let rest = &path[scheme + 3..];
        path = rest.find('/').map_or("", |slash| &rest[slash..]);
    }
    path = path.split(['?', '#']).next().unwrap_or_default();
    loop {
        let shorter = path.trim_start_matches('/');
        let shorter = shorter.strip_prefix("./").unwrap_or(shorter);
        if shorter.len() == path.len() {
            break;
        }
        path = shorter;
    }
    path.trim_end_matches('/').to_lowercase()
}

fn known(name: &str) -> Option<&'static str> {
    let found = ALIASES.iter().find(|(_, aliases)| aliases.contains(&name));
    found.map(|(store, _)| *store)
}

/// Whether two addresses of one device or datastore are the same: trimmed, without regard to
/// case, to a leading `./` and to the `IMEI:` that some devices leave out in later messages.
pub fn same_address(a: &str, b: &str) -> bool {
    fn bare(uri: &str) -> &str {
        let uri = uri.trim();
        let uri = uri.strip_prefix("./").unwrap_or(uri);
        match uri.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("imei:") => &uri[5..],
            _ => uri,
        }
    }
    bare(a).eq_ignore_ascii_case(bare(b))
}

const ALIASES: [(&str, &[&str]); 6] = [
    (
        "contacts",
        &[
            "contacts",
            "contact",
            "con",
            "card",
            "card3",
            "pb",
            "addressbook",
            "phonebook",
            "contact/unfiled",
            "vcard",
            "people",
        ],
    ),
    (
        "calendar",
        &[
            "calendar",
            "cal",
            "cal2",
            "event",
            "events",
            "agenda",
            "appointment",
            "appointments",
            "calendar/events",
        ],
    ),
    (
        "tasks",
        &["tasks", "task", "task2", "todo", "todos", "calendar/tasks"],
    ),
    (
        "notes",
        &["notes", "note", "memo", "memos", "pnote", "notepad"],
    ),
    ("mail", &["mail", "email", "messages"]),
    ("files", &["files", "file", "picture", "briefcase"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    // spec: A21
    #[test]
    fn names_of_datastores() {
        for (uri, name) in [
            ("contacts", "contacts"),
            ("./contacts", "contacts"),
            ("/Card", "contacts"),
            ("./Contact/Unfiled", "contacts"),
            ("http://host:8080/addressbook", "contacts"),
            ("events?/dr(-30,90)", "calendar"),
            ("./todo/", "tasks"),
            ("./contacts/anybody", "contacts"),
            ("memo", "notes"),
            ("./Unheard", "unheard"),
            ("", ""),
        ] {
            assert_eq!(datastore_name(uri), name, "{uri}");
        }
    }

    #[test]
    fn addresses_of_devices() {
        assert!(same_address("IMEI:49301", "49301"));
        assert!(same_address(" imei:49301", "IMEI:49301 "));
        assert!(!same_address("IMEI:49301", "IMEI:49302"));
    }
}

//! Addresses: the forms in which devices write the names of datastores and of themselves.

use core::net::IpAddr;

/// The datastore that an address means: `./`, leading `/`, the server's own base and a query are
/// dropped, and the names that devices have built in stand for ours.
///
/// Names are compared without regard to case. An address below a datastore (`./contacts/anybody`)
/// means the datastore. What is the server's own base of an absolute address is not known here, so its
/// first parts that mean nothing are passed over. An unknown one comes back as it was, in lower case.
// spec: A21
pub fn datastore_name(uri: &str) -> String {
    let name = path_of(uri);
    let at = |name: &str| known(name).or_else(|| known(name.split('/').next().unwrap_or_default()));
    let is_absolute = uri.contains("://") || uri.trim_start().starts_with('/');
    let mut rest = name.as_str();
    loop {
        if let Some(datastore) = at(rest) {
            return datastore.to_owned();
        }
        match rest.split_once('/') {
            Some((_, shorter)) if is_absolute => rest = shorter,
            _ => return name,
        }
    }
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
            "scard",
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
            "scal",
            // of devices that keep events and tasks together, as this datastore can
            "caltask",
            "caltasks",
            "calendar+todo",
            "eventtask",
        ],
    ),
    (
        "tasks",
        &[
            "tasks",
            "task",
            "task2",
            "todo",
            "todos",
            "calendar/tasks",
            "eventtask/tasks",
            "stask",
        ],
    ),
    (
        "notes",
        &[
            "notes", "note", "memo", "memos", "pnote", "notepad", "snote",
        ],
    ),
    ("mail", &["mail", "email", "messages"]),
    ("files", &["files", "file", "picture", "briefcase"]),
];

/// Scheme and host of an address, without port, in lower case.
fn place_of(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => &authority[..colon],
        _ => authority,
    };
    Some((scheme.to_ascii_lowercase(), host.to_ascii_lowercase()))
}

/// The host of an address, without port, in lower case.
pub(crate) fn host_of(url: &str) -> Option<String> {
    place_of(url).map(|(_, host)| host)
}

/// Whether a session may go on at another address: on the same host, and not with less secrecy.
pub(crate) fn may_follow(from: &str, to: &str) -> bool {
    match (place_of(from), place_of(to)) {
        (Some((from_scheme, from_host)), Some((to_scheme, to_host))) => {
            from_host == to_host && (to_scheme == from_scheme || to_scheme == "https")
        }
        // an address without a host goes on where the session is
        _ => false,
    }
}

/// Whether others can read what goes to an address.
pub(crate) fn is_readable(url: &str) -> bool {
    place_of(url).is_none_or(|(scheme, host)| {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        scheme != "https" && !is_here
    })
}

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
            ("./EventTask", "calendar"),
            ("./EventTask/Tasks", "tasks"),
            ("calendar+todo", "calendar"),
            ("sTask", "tasks"),
            ("./todo/", "tasks"),
            ("./contacts/anybody", "contacts"),
            ("http://host/syncml/contacts", "contacts"),
            ("/servlet/sync/card/anybody", "contacts"),
            ("./syncml/contacts", "syncml/contacts"),
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

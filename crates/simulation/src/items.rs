//! Records as items: what a person's datastore holds, with the record's number and version inside.
//!
//! A record is recognized by its number, as a slow sync recognizes it: by a name, an identifier or
//! the beginning of a text. Every kind has the same properties in all versions, so that completing
//! one version by another adds nothing. A note's versions are told apart only by what was added at
//! its end: a note of which one side has more is known as the same, two that went apart are not.
//! Files and folders are known by nothing but their whole content.

use session::store::DatastoreKind;

/// The datastores of a run, in the order in which devices alert them.
pub(crate) const KINDS: [DatastoreKind; 4] = [
    DatastoreKind::Contacts,
    DatastoreKind::Calendar,
    DatastoreKind::Notes,
    DatastoreKind::Files,
];

/// The media type of a kind's items.
pub(crate) fn media_type(kind: DatastoreKind) -> &'static str {
    kind.content_types().first().map_or("", |first| first.0)
}

/// How the second address of a contact begins, of which some devices keep one.
pub(crate) const SECOND_ADDRESS: &str = "EMAIL;TYPE=HOME:";

/// How a folder's content begins, whose name is the record with its version.
const FOLDER: &str = "<Folder><name>";

/// A new folder's content, or that of a folder with a new name.
pub(crate) fn compose_folder(record: u32, version: u32) -> String {
    format!("{FOLDER}\nRecord {record:06}\nedit {version}:\n</name></Folder>")
}

/// Whether the content is a folder's.
pub(crate) fn is_folder(content: &str) -> bool {
    content.starts_with(FOLDER)
}

/// The media type of an item, by its content where a kind has several.
pub(crate) fn media_type_of(kind: DatastoreKind, content: &str) -> &'static str {
    if is_folder(content) {
        "application/vnd.omads-folder+xml"
    } else {
        media_type(kind)
    }
}

/// A record's content. `before` is the content that was edited, `filling` the bytes of a remark.
pub(crate) fn compose(
    kind: DatastoreKind,
    record: u32,
    version: u32,
    before: Option<&str>,
    filling: usize,
) -> String {
    let remark = "z".repeat(filling.max(1));
    match kind {
        DatastoreKind::Contacts => format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Person{record};Test;;;\r\nFN:Test Person{record}\r\n\
             EMAIL:person{record}@example.org\r\n{SECOND_ADDRESS}person{record}@example.net\r\n\
             TEL;TYPE=CELL:{version}\r\nNOTE:{remark}\r\n\
             REV:20261125T{:02}{:02}{:02}Z\r\nEND:VCARD\r\n",
            version / 3600,
            version / 60 % 60,
            version % 60
        ),
        DatastoreKind::Calendar | DatastoreKind::Tasks => format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:record-{record}\r\n\
             DTSTART:20261125T100000Z\r\nSUMMARY:Meeting {record}\r\nLOCATION:Room {version}\r\n\
             DESCRIPTION:{remark}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        ),
        DatastoreKind::Mail | DatastoreKind::Files => {
            format!("Record {record:06}, a file to be kept\nedit {version}: {remark}.")
        }
        DatastoreKind::Notes => {
            let beginning = format!("Record {record:06}, a note to be kept");
            let before = before.unwrap_or(&beginning);
            format!("{before}\nedit {version}: {remark}.")
        }
    }
}

/// The number of a record and its versions, oldest first; only notes have several.
pub(crate) fn read(content: &str) -> Option<(u32, Vec<u32>)> {
    let mut record = None;
    let mut versions = Vec::new();
    for line in content.lines() {
        if let Some(rest) = line.strip_prefix("N:Person") {
            record = number(rest);
        } else if let Some(rest) = line.strip_prefix("UID:record-") {
            record = number(rest);
        } else if let Some(rest) = line.strip_prefix("Record ") {
            record = number(rest);
        } else if let Some(rest) = line.strip_prefix("TEL;TYPE=CELL:") {
            versions.extend(number(rest));
        } else if let Some(rest) = line.strip_prefix("LOCATION:Room ") {
            versions.extend(number(rest));
        } else if let Some(rest) = line.strip_prefix("edit ") {
            versions.extend(number(rest));
        }
    }
    record.map(|record| (record, versions))
}

/// The number that a text begins with.
fn number(text: &str) -> Option<u32> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_composed_can_be_read() {
        for kind in KINDS {
            let first = compose(kind, 7, 11, None, 5);
            assert_eq!(read(&first), Some((7, vec![11])), "{kind:?}");
            let second = compose(kind, 7, 12, Some(&first), 5);
            let versions = match kind {
                DatastoreKind::Notes => vec![11, 12],
                _ => vec![12],
            };
            assert_eq!(read(&second), Some((7, versions)), "{kind:?}");
            assert!(kind.takes(media_type(kind), second.as_bytes()));
        }
    }

    #[test]
    fn a_folder_can_be_read() {
        let folder = compose_folder(7, 11);
        assert_eq!(read(&folder), Some((7, vec![11])));
        assert!(is_folder(&folder));
    }

    #[test]
    fn versions_are_known_as_one_record() {
        for kind in KINDS.into_iter().filter(|kind| !kind.is_hierarchical()) {
            let media = media_type(kind);
            let first = compose(kind, 7, 1, None, 5);
            let second = compose(kind, 7, 12, Some(&first), 50);
            let other = compose(kind, 70, 12, None, 50);
            let compare = |a: &str, b: &str| pim::compare(media, a.as_bytes(), media, b.as_bytes());
            assert!(matches!(compare(&first, &second), pim::Likeness::Match(_)));
            assert_eq!(compare(&first, &other), pim::Likeness::Different);
        }
    }
}

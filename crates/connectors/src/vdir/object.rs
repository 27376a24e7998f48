//! The objects of OMA DS: what a file and a subfolder are as items.
//!
//! A folder is its object. A file is the content of its object, or the message of a mail, and what else the
//! object says is its head ([`pim::ObjectParts`]).

use session::store::DatastoreKind;

/// The media type of a folder.
pub(super) const FOLDER: &str = "application/vnd.omads-folder+xml";

/// The media type of the objects that the files of a datastore are.
pub(super) fn media_type(kind: DatastoreKind) -> Option<&'static str> {
    match kind {
        DatastoreKind::Files => Some("application/vnd.omads-file+xml"),
        DatastoreKind::Mail => Some("application/vnd.omads-email+xml"),
        _ => None,
    }
}

/// Whether an item of the server is an object of those that the files of a datastore are.
pub(super) fn is_of(kind: DatastoreKind, media_type: &str) -> bool {
    let name = match kind {
        DatastoreKind::Files => "omads-file",
        DatastoreKind::Mail => "omads-email",
        _ => return false,
    };
    media_type.to_ascii_lowercase().contains(name)
}

/// The media type of files of a datastore that are no objects.
pub(super) fn plain_media_type(kind: DatastoreKind) -> Option<&'static str> {
    match kind {
        DatastoreKind::Files => Some("application/octet-stream"),
        DatastoreKind::Mail => Some("message/rfc822"),
        _ => None,
    }
}

/// Bytes of a folder's name, for the file systems that take the least.
const MAX_NAME: usize = 120;

/// Bytes of an extension that stays when a name is cut, its dot among them.
const MAX_EXTENSION: usize = 16;

/// Names that are devices on some systems, whatever follows a dot.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// The object of a subfolder: the one that it had under its former name, with the name that it has now.
pub(super) fn of(before: Option<(&str, Option<&[u8]>)>, name: &str) -> Vec<u8> {
    match before {
        Some((former, Some(object))) if former == name => object.to_vec(),
        Some((_, Some(object))) => renamed(object, name).unwrap_or_else(|| new(name)),
        _ => new(name),
    }
}

fn new(name: &str) -> Vec<u8> {
    format!("<Folder>{}</Folder>", named(name)).into_bytes()
}

/// The object with another name; all else in it stays, above all what the folder is for (`role`).
fn renamed(object: &[u8], name: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(object).ok()?;
    let (before, rest) = text.split_once("<name>")?;
    let (_, after) = rest.split_once("</name>")?;
    Some(format!("{before}{}{after}", named(name)).into_bytes())
}

/// The element of a name.
fn named(name: &str) -> String {
    pim::with_element("", "name", name)
}

/// The head of a file of this name that is new here.
pub(super) fn new_head(kind: DatastoreKind, name: &str) -> Option<String> {
    match kind {
        DatastoreKind::Files => Some(named(name)),
        // nothing is known of it
        DatastoreKind::Mail => Some(String::new()),
        _ => None,
    }
}

/// The head that a file had under its former name, with the name that it has now. Mail has none.
pub(super) fn renamed_head(kind: DatastoreKind, former: &str, head: &str, name: &str) -> String {
    if former == name || kind != DatastoreKind::Files {
        return head.to_owned();
    }
    pim::with_element(head, "name", name)
}

/// The head of a file that was changed at this time, nanoseconds since 1970.
pub(super) fn changed_at(head: &str, modified_ns: i64) -> String {
    match jiff::Timestamp::from_nanosecond(modified_ns.into()) {
        Ok(at) => pim::with_element(head, "modified", &at.strftime("%Y%m%dT%H%M%SZ").to_string()),
        Err(_) => head.to_owned(),
    }
}

/// What tells heads apart, to be laid over the hash of a content: none has no part in it.
pub(super) fn hash_of(head: Option<&str>) -> i64 {
    head.map_or(0, |head| super::files::hash_of(head.as_bytes()))
}

/// The whole name in an object. What it cannot read, [`pim::summary`] may, which cuts long names.
fn title_of(object: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(object).ok()?;
    let (_, rest) = text.split_once("<name>")?;
    let (name, _) = rest.split_once("</name>")?;
    let mut title = String::new();
    let mut parts = name.trim().split('&');
    title.push_str(parts.next().filter(|part| !part.contains('<'))?);
    for part in parts {
        let (entity, after) = part.split_once(';').filter(|_| !part.contains('<'))?;
        title.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        });
        title.push_str(after);
    }
    Some(title)
}

/// A name for the subfolder that a folder of the server becomes.
pub(super) fn name_of(object: &[u8]) -> String {
    let title = title_of(object).or_else(|| pim::summary(object, FOLDER));
    safe_name(&title.unwrap_or_default(), "folder")
}

/// A name for the file that a file object of the server becomes; `None` where the object has none, as that
/// of mail.
pub(super) fn name_of_head(head: &str) -> Option<String> {
    Some(safe_name(&pim::element_in_head(head, "name")?, "file"))
}

/// A name for the file of a mail: that of its subject.
pub(super) fn name_of_mail(message: &[u8]) -> String {
    let media_type = media_type(DatastoreKind::Mail).unwrap_or_default();
    let object = pim::write_object(media_type, "", message);
    let subject = object.and_then(|object| pim::summary(&object, media_type));
    let subject = subject.filter(|subject| !subject.trim().is_empty());
    safe_name(
        &(subject.as_deref().unwrap_or("mail").to_owned() + ".eml"),
        "mail.eml",
    )
}

/// A name of the server as far as all systems take it, or `other` where they take nothing of it. A long one
/// keeps its extension, which says what opens it.
fn safe_name(title: &str, other: &str) -> String {
    let is_safe = |c: char| !c.is_control() && !"<>:\"/\\|?*".contains(c);
    let safe: String = title
        .chars()
        .map(|c| if is_safe(c) { c } else { '_' })
        .collect();
    let (stem, extension) = match super::files::split_name(&safe) {
        (stem, extension) if extension.len() <= MAX_EXTENSION => (stem, extension),
        _ => (safe.as_str(), ""),
    };
    let mut end = stem.len().min(MAX_NAME - extension.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let cut = stem.get(..end).unwrap_or_default().to_owned() + extension;
    // what is hidden or a left-over of a program is no item, and some systems drop the dots and spaces
    let cut = cut
        .trim_start_matches(['.', ' '])
        .trim_end_matches(['.', ' ', '~']);
    let (stem, rest) = cut.split_at(cut.find('.').unwrap_or(cut.len()));
    let is_special = DEVICES
        .iter()
        .any(|one| one.eq_ignore_ascii_case(stem.trim_end()));
    // a device stays one whatever follows the dot
    let name = if is_special {
        format!("{stem}_{rest}")
    } else {
        cut.to_owned()
    };
    match name.as_str() {
        "" => other.to_owned(),
        name if !super::files::is_item(name) => format!("{name}_"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_folder_keeps_its_object_under_another_name() {
        let object = b"<Folder><name>Old &amp; so</name><role>inbox</role></Folder>";
        let known = Some(("Old", Some(&object[..])));
        assert_eq!(of(known, "Old"), object);
        let now = b"<Folder><name>A &lt; B</name><role>inbox</role></Folder>";
        assert_eq!(of(known, "A < B"), now);
        assert_eq!(of(None, "a&b"), b"<Folder><name>a&amp;b</name></Folder>");
        assert_eq!(of(Some(("x", Some(b"junk"))), "y"), new("y"));
    }

    #[test]
    fn names_of_the_server_are_names_of_files_everywhere() {
        let name = |name: &str| name_of(&new(name));
        for (theirs, ours) in [
            ("Work", "Work"),
            ("..", "folder"),
            ("../../etc", "_.._etc"),
            ("/", "_"),
            ("a/b\\c:d", "a_b_c_d"),
            (".syncline", "syncline"),
            ("CON", "CON_"),
            ("nul.txt", "nul_.txt"),
            ("dots. .", "dots"),
            ("old~", "old"),
            ("x.tmp", "x.tmp_"),
            ("", "folder"),
        ] {
            assert_eq!(name(theirs), ours, "{theirs:?}");
        }
        let long = format!("{}.pdf", "\u{65e5}".repeat(60));
        let cut = name_of_head(&named(&long)).unwrap();
        assert!(
            cut.len() <= MAX_NAME && cut.ends_with("\u{65e5}.pdf"),
            "{cut}"
        );
        assert_eq!(name_of_head(&named("a/b.txt")).unwrap(), "a_b.txt");
        assert_eq!(name_of_head(&named("con.txt")).unwrap(), "con_.txt");
        assert_eq!(name_of_head(&named(".hidden")).unwrap(), "hidden");
        let hundred = "x".repeat(100);
        assert_eq!(name(&hundred), hundred);
        assert_eq!(
            name_of(b"<Folder><name>a&#x26;b &amp; c</name></Folder>"),
            "a&b & c"
        );
        let long = name(&"\u{65e5}".repeat(200));
        assert!(long.len() <= MAX_NAME && long.starts_with('\u{65e5}'));
    }
}

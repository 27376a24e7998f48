//! The words of both formats: values of properties and parameters, and people.

/// Names of one property, in vCalendar 1.0 and in iCalendar 2.0.
pub(super) const NAMES: [(&str, &str); 2] = [("DCREATED", "CREATED"), ("X-METHOD", "METHOD")];

/// Properties that are lists, parted by `;` in vCalendar 1.0 and by `,` in iCalendar 2.0.
pub(super) const LISTS: [&str; 2] = ["CATEGORIES", "RESOURCES"];

/// Properties whose value is no text with escapes.
pub(super) const VERBATIM: [&str; 6] = ["URL", "ATTACH", "SEQUENCE", "CLASS", "GEO", "DURATION"];

/// Properties of iCalendar 2.0 that vCalendar 1.0 lacks.
pub(super) const ONLY_NEW: [&str; 7] = [
    "COMMENT",
    "CONTACT",
    "DTSTAMP",
    "REQUEST-STATUS",
    "CALSCALE",
    "COLOR",
    "CONFERENCE",
];

const STATUS: [(&str, &str); 8] = [
    ("NEEDS ACTION", "NEEDS-ACTION"),
    ("COMPLETED", "COMPLETED"),
    ("TENTATIVE", "TENTATIVE"),
    ("CONFIRMED", "CONFIRMED"),
    ("DECLINED", "CANCELLED"),
    ("ACCEPTED", "NEEDS-ACTION"),
    ("SENT", "NEEDS-ACTION"),
    ("DELEGATED", "NEEDS-ACTION"),
];

const PARTICIPATION: [(&str, &str); 8] = [
    ("NEEDS ACTION", "NEEDS-ACTION"),
    ("ACCEPTED", "ACCEPTED"),
    ("TENTATIVE", "TENTATIVE"),
    ("DECLINED", "DECLINED"),
    ("COMPLETED", "COMPLETED"),
    ("DELEGATED", "DELEGATED"),
    ("CONFIRMED", "ACCEPTED"),
    ("SENT", "NEEDS-ACTION"),
];

const ROLES: [(&str, &str); 3] = [
    ("REQUIRE", "REQ-PARTICIPANT"),
    ("REQUEST", "OPT-PARTICIPANT"),
    ("FYI", "NON-PARTICIPANT"),
];

/// A word of another format, and whether it says the same there.
type Word = (&'static str, bool);

/// The first pair of a word is the one that comes back as it was.
fn find(table: &[(&'static str, &'static str)], word: &str, to_new: bool) -> Option<Word> {
    let pick = |pair: &(&'static str, &'static str)| if to_new { *pair } else { (pair.1, pair.0) };
    let (_, found) = table
        .iter()
        .map(pick)
        .find(|(from, _)| from.eq_ignore_ascii_case(word))?;
    let back = table
        .iter()
        .map(|(old, new)| if to_new { (new, old) } else { (old, new) });
    let same = back
        .into_iter()
        .find(|(there, _)| **there == found)
        .is_some_and(|(_, here)| here.eq_ignore_ascii_case(word));
    Some((found, same))
}

fn spaced(word: &str) -> String {
    word.trim().replace(['_', '-'], " ")
}

/// STATUS of an event or a task in iCalendar 2.0. A task that somebody has taken on is IN-PROCESS
/// if it `is_begun`.
// spec: U02
pub(super) fn status_new(word: &str, is_task: bool, is_begun: bool) -> Option<Word> {
    let (found, same) = find(&STATUS, &spaced(word), true)?;
    if is_task && is_begun && !same && found == "NEEDS-ACTION" {
        return Some(("IN-PROCESS", false));
    }
    let for_task = ["NEEDS-ACTION", "COMPLETED"].contains(&found);
    match (found, is_task) {
        ("CANCELLED", _) => Some((found, same)),
        ("CONFIRMED" | "TENTATIVE", true) => Some(("NEEDS-ACTION", false)),
        _ => (for_task == is_task).then_some((found, same)),
    }
}

// spec: U02
pub(super) fn status_old(word: &str) -> Option<Word> {
    match word.trim() {
        "IN-PROCESS" => Some(("NEEDS ACTION", false)),
        word => find(&STATUS, word, false),
    }
}

pub(super) fn participation_new(word: &str) -> Option<Word> {
    find(&PARTICIPATION, &spaced(word), true)
}

pub(super) fn participation_old(word: &str) -> Option<Word> {
    find(&PARTICIPATION, word.trim(), false)
}

pub(super) fn role_new(expect: &str) -> Option<Word> {
    find(&ROLES, expect.trim(), true)
}

pub(super) fn role_old(role: &str) -> Option<Word> {
    find(&ROLES, role.trim(), false)
}

/// PRIORITY in iCalendar 2.0: the middle of each class.
// spec: U01
pub(super) fn priority_new(word: &str) -> Option<Word> {
    match word.trim() {
        "0" => Some(("0", true)),
        "1" => Some(("1", true)),
        "2" => Some(("5", true)),
        "3" => Some(("9", true)),
        "4" | "5" | "6" | "7" | "8" | "9" => Some(("9", false)),
        _ => None,
    }
}

// spec: U01
pub(super) fn priority_old(word: &str) -> Option<Word> {
    match word.trim() {
        "0" => Some(("0", true)),
        "1" => Some(("1", true)),
        "2" | "3" | "4" => Some(("1", false)),
        "5" => Some(("2", true)),
        "6" | "7" | "8" => Some(("3", false)),
        "9" => Some(("3", true)),
        _ => None,
    }
}

/// TRANSP in iCalendar 2.0: whatever does not block is transparent.
// spec: U03
pub(super) fn transparency_new(word: &str) -> Option<Word> {
    match word.trim() {
        "0" | "OPAQUE" => Some(("OPAQUE", true)),
        "1" | "TRANSPARENT" => Some(("TRANSPARENT", true)),
        word => word.parse::<u8>().ok().map(|_| ("TRANSPARENT", false)),
    }
}

// spec: U03
pub(super) fn transparency_old(word: &str) -> Option<Word> {
    match word.trim() {
        "OPAQUE" => Some(("0", true)),
        "TRANSPARENT" => Some(("1", true)),
        _ => None,
    }
}

/// The name and the address in `Name <address>`; a text without `@` is a name alone.
pub(super) fn person(text: &str) -> (String, String) {
    let text = text.trim();
    if let Some((name, rest)) = text.rsplit_once('<') {
        let address = rest.trim_end_matches('>').trim();
        let name = name.trim().trim_matches('"').trim();
        return (name.to_owned(), address.to_owned());
    }
    if text.contains('@') {
        return (String::new(), strip_mailto(text).to_owned());
    }
    (text.to_owned(), String::new())
}

pub(super) fn strip_mailto(address: &str) -> &str {
    match address.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => {
            address.get(7..).unwrap_or_default()
        }
        _ => address,
    }
}

/// A parameter's value as iCalendar 2.0 writes it; what cannot stand in one is left out.
pub(super) fn quote(value: &str) -> String {
    let clean: String = value
        .chars()
        .filter(|c| *c != '"' && !c.is_control())
        .collect();
    if clean.contains([':', ';', ',']) {
        format!("\"{clean}\"")
    } else {
        clean
    }
}

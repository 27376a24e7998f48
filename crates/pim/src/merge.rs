//! Joining two versions of one record, when nothing tells which one is newer.

use crate::identity::is_cut_note;
use crate::line::Lines;
use crate::media::Format;

/// Properties that belong together with others or say when software did something: taken from
/// one side only.
const NEVER_FILLED: [&[u8]; 20] = [
    b"BEGIN",
    b"END",
    b"VERSION",
    b"PRODID",
    b"REV",
    b"UID",
    b"SEQUENCE",
    b"DTSTAMP",
    b"CREATED",
    b"DCREATED",
    b"LAST-MODIFIED",
    b"RRULE",
    b"EXRULE",
    b"RDATE",
    b"EXDATE",
    b"DTSTART",
    b"DTEND",
    b"DURATION",
    b"DUE",
    b"RECURRENCE-ID",
];

/// The winner's exact bytes with the properties of the loser that the winner lacks altogether,
/// by the loser's exact lines, before the end of the main component.
///
/// If the winner is a note of which the loser has more, as a device with little room leaves it, the
/// loser's exact bytes.
///
/// `None` when nothing is to be added, or when the two are not of one format and version: lines
/// of one format are not legal in another.
pub fn fill_missing(winner: &[u8], loser: &[u8]) -> Option<Vec<u8>> {
    if is_cut_note(winner, loser) {
        return Some(loser.to_vec());
    }
    let format = Format::of("", winner).filter(|format| *format != Format::Text)?;
    if Format::of("", loser) != Some(format) {
        return None;
    }
    let main = main_component(winner)?;
    let (held, end) = survey(winner, &main);
    let end = end?;
    let mut added = Vec::new();
    for (line, name) in main_lines(loser, &main) {
        if held.contains(&name) || NEVER_FILLED.contains(&name.as_slice()) {
            continue;
        }
        added.extend_from_slice(line);
        if !line.ends_with(b"\n") && !line.ends_with(b"\r") {
            added.extend(b"\r\n");
        }
    }
    if added.is_empty() {
        return None;
    }
    let (before, after) = winner.split_at(end);
    Some([before, &added, after].concat())
}

/// The component that the record is: the innermost of a calendar, the card itself.
fn main_component(content: &[u8]) -> Option<Vec<u8>> {
    Lines::new(content)
        .filter(|line| line.is("BEGIN"))
        .map(|line| line.raw_value().trim_ascii().to_ascii_uppercase())
        .find(|name| {
            name != b"VCALENDAR"
                && name != b"VTIMEZONE"
                && !name.starts_with(b"STANDARD")
                && !name.starts_with(b"DAYLIGHT")
        })
}

/// Names of the properties directly in the main component, and the offset of its end.
fn survey(content: &[u8], main: &[u8]) -> (Vec<Vec<u8>>, Option<usize>) {
    let names = main_lines(content, main)
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    let end = Lines::new(content)
        .find(|line| line.is("END") && line.raw_value().trim_ascii().eq_ignore_ascii_case(main))
        .map(|line| line.offset());
    (names, end)
}

/// Lines directly in the first main component, with their names in upper case.
fn main_lines<'a>(content: &'a [u8], main: &[u8]) -> Vec<(&'a [u8], Vec<u8>)> {
    let mut lines = Vec::new();
    let mut depth = 0usize;
    for line in Lines::new(content) {
        let value = line.raw_value().trim_ascii();
        if line.is("BEGIN") {
            if depth > 0 || value.eq_ignore_ascii_case(main) {
                depth += 1;
            }
        } else if line.is("END") {
            if depth == 1 {
                break;
            }
            depth = depth.saturating_sub(1);
        } else if depth == 1 && !line.is_empty() && !line.is_malformed() && !line.is_dangling() {
            lines.push((line.source(), line.name().to_ascii_uppercase()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_only_the_loser_has_is_added() {
        let winner = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada\r\nTEL:1\r\nEND:VCARD\r\n";
        let loser =
            b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;A.\r\nREV:1\r\nTEL:2\r\nNOTE:x\r\n  y\r\nEND:VCARD\r\n";
        let merged = fill_missing(winner, loser).unwrap();
        assert_eq!(
            String::from_utf8(merged).unwrap(),
            "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada\r\nTEL:1\r\nNOTE:x\r\n  y\r\nEND:VCARD\r\n"
        );
        assert_eq!(fill_missing(winner, winner), None);
    }

    #[test]
    fn a_cut_note_is_completed() {
        let whole = b"Bread, butter, milk, a dozen eggs, flour and sugar";
        let cut = b"Bread, butter, milk, a dozen eggs, fl";
        assert_eq!(fill_missing(cut, whole), Some(whole.to_vec()));
        assert_eq!(fill_missing(whole, cut), None);
    }

    #[test]
    fn formats_are_not_mixed() {
        let old = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada\r\nNOTE:x\r\nEND:VCARD\r\n";
        let new = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada\r\nEND:VCARD\r\n";
        assert_eq!(fill_missing(new, old), None);
        assert_eq!(fill_missing(b"a note", b"another"), None);
    }
}

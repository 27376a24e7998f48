//! Joining two versions of one record, when nothing tells which one is newer.

use crate::component::{Components, Event};
use crate::identity::is_cut_note;
use crate::line::Line;
use crate::media::Format;
use crate::moment::Moment;

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
    let main = main_component(winner, is_record)?;
    let end = main.end?;
    let source = main_component(loser, |name| name == main.name)?;
    let mut added = Vec::new();
    for property in source.properties {
        let name = &property.name;
        if main.has(name) || NEVER_FILLED.contains(&name.as_slice()) {
            continue;
        }
        push_line(&mut added, property.line);
    }
    if added.is_empty() {
        return None;
    }
    let (before, after) = winner.split_at(end);
    Some([before, &added, after].concat())
}

/// A component, without what is inside of components in it.
pub(crate) struct Main<'a> {
    /// Its name in upper case.
    name: Vec<u8>,
    pub(crate) properties: Vec<Property<'a>>,
    /// Where the line stands that ends it, if there is one.
    pub(crate) end: Option<usize>,
}

/// A property of a component.
pub(crate) struct Property<'a> {
    pub(crate) line: &'a [u8],
    /// Where it stands.
    offset: usize,
    /// Its name in upper case.
    name: Vec<u8>,
}

impl Main<'_> {
    fn has(&self, name: &[u8]) -> bool {
        self.properties.iter().any(|held| held.name == name)
    }
}

/// Adds a line, ended.
pub(crate) fn push_line(text: &mut Vec<u8>, line: &[u8]) {
    text.extend_from_slice(line);
    if !line.ends_with(b"\n") && !line.ends_with(b"\r") {
        text.extend(b"\r\n");
    }
}

/// A record of which some properties are replaced: those that `partial` has, all of a name at once,
/// by its exact lines (`FieldLevel` of the Meta-Information). Everything else stands, in its exact
/// bytes. Only the first record of each counts.
///
/// `None` when the two are not of one format and version, or either has no record.
pub fn replace_fields(record: &[u8], partial: &[u8]) -> Option<Vec<u8>> {
    let format = Format::of("", record).filter(|format| *format != Format::Text)?;
    if Format::of("", partial) != Some(format) {
        return None;
    }
    let main = main_component(record, is_record)?;
    let end = main.end?;
    let source = main_component(partial, |name| name == main.name)?;
    let is_new = |name: &Vec<u8>| name != b"VERSION" && source.has(name);
    let mut text = Vec::with_capacity(record.len() + partial.len());
    let mut from = 0;
    for property in main.properties.iter().filter(|held| is_new(&held.name)) {
        text.extend_from_slice(record.get(from..property.offset).unwrap_or_default());
        from = property.offset + property.line.len();
    }
    text.extend_from_slice(record.get(from..end).unwrap_or_default());
    for property in source.properties.iter().filter(|new| is_new(&new.name)) {
        push_line(&mut text, property.line);
    }
    text.extend_from_slice(record.get(end..).unwrap_or_default());
    Some(text)
}

/// When a record says that it was changed last, in seconds since 1970 (`REV`, `LAST-MODIFIED`); a
/// time without zone is taken for UTC.
pub fn modified(record: &[u8]) -> Option<i64> {
    let main = main_component(record, is_record)?;
    let dialect = Format::of("", record)?.dialect();
    let mut times = main.properties.iter().filter_map(|property| {
        let is_time = property.name == b"REV" || property.name == b"LAST-MODIFIED";
        let line = Line::parse(property.line).filter(|_| is_time)?;
        Moment::read(&line.text(dialect), None).wall()
    });
    times.next()
}

/// The first component of such a name.
pub(crate) fn main_component(content: &[u8], is_main: impl Fn(&[u8]) -> bool) -> Option<Main<'_>> {
    let mut depth = 0_usize;
    let mut found: Option<(usize, Main<'_>)> = None;
    for event in Components::new(content) {
        match (event, &mut found) {
            (Event::Begin { line, .. }, found) => {
                depth += 1;
                let name = line.raw_value().trim_ascii().to_ascii_uppercase();
                if found.is_none() && is_main(&name) {
                    let main = Main {
                        name,
                        properties: Vec::new(),
                        end: None,
                    };
                    *found = Some((depth, main));
                }
            }
            (Event::Property(line), Some((level, main))) if *level == depth => {
                if !line.is_empty() && !line.is_malformed() && !line.is_dangling() {
                    main.properties.push(Property {
                        line: line.source(),
                        offset: line.offset(),
                        name: line.name().to_ascii_uppercase(),
                    });
                }
            }
            (Event::End { line, .. }, Some((level, main))) if *level == depth => {
                main.end = line.map(|line| line.offset());
                break;
            }
            // what stands before the main component's end is in one that was never ended
            (Event::End { line: None, .. }, Some(_)) => break,
            (Event::End { .. }, _) => depth = depth.saturating_sub(1),
            (Event::Property(_), _) => {}
        }
    }
    found.map(|(_, main)| main)
}

/// Whether a component of that name is a record, not what stands around or beside records.
fn is_record(name: &[u8]) -> bool {
    name != b"VCALENDAR"
        && name != b"VTIMEZONE"
        && !name.starts_with(b"STANDARD")
        && !name.starts_with(b"DAYLIGHT")
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
    fn fields_are_replaced_by_name() {
        let record =
            b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada\r\nTEL:1\r\nX-A:b\r\nTEL:2\r\nEND:VCARD\r\n";
        let partial = b"BEGIN:VCARD\r\nVERSION:3.0\r\nTEL:3\r\nEND:VCARD\r\n";
        let text = replace_fields(record, partial).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada\r\nX-A:b\r\nTEL:3\r\nEND:VCARD\r\n"
        );
        assert_eq!(
            replace_fields(record, b"BEGIN:VCARD\r\nVERSION:2.1\r\nEND:VCARD"),
            None
        );
        assert_eq!(replace_fields(b"text", partial), None);
    }

    #[test]
    fn a_record_says_when_it_changed() {
        let card = |rev: &str| format!("BEGIN:VCARD\r\nVERSION:3.0\r\n{rev}N:A\r\nEND:VCARD\r\n");
        let of = |rev: &str| modified(card(rev).as_bytes());
        assert_eq!(of("REV:19700102T000001Z\r\n"), Some(86_401));
        assert_eq!(of("REV:1970-01-02\r\n"), Some(86_400));
        assert_eq!(of("REV:yesterday\r\n"), None);
        assert_eq!(of(""), None);
        let event = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nLAST-MODIFIED:19700101T000100Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(modified(event), Some(60));
    }

    #[test]
    fn a_cut_note_is_completed() {
        let whole = b"Bread, butter, milk, a dozen eggs, flour and sugar";
        let cut = b"Bread, butter, milk, a dozen eggs, fl";
        assert_eq!(fill_missing(cut, whole), Some(whole.to_vec()));
        assert_eq!(fill_missing(whole, cut), None);
    }

    #[test]
    fn the_card_of_an_agent_is_left_alone() {
        let winner =
            b"BEGIN:VCARD\nVERSION:2.1\nN:Berg;Ada\nAGENT:\nBEGIN:VCARD\nN:Lund\nEND:VCARD\n\
            TEL:1\nEND:VCARD\n";
        let loser = b"BEGIN:VCARD\nVERSION:2.1\nN:Berg;Ada\nORG:Works\nEND:VCARD\n";
        let merged = fill_missing(winner, loser).unwrap();
        assert_eq!(
            String::from_utf8(merged.clone()).unwrap(),
            "BEGIN:VCARD\nVERSION:2.1\nN:Berg;Ada\nAGENT:\nBEGIN:VCARD\nN:Lund\nEND:VCARD\n\
             TEL:1\nORG:Works\nEND:VCARD\n"
        );
        assert_eq!(fill_missing(&merged, loser), None);
    }

    #[test]
    fn nothing_is_added_to_an_unended_component() {
        let winner = b"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:x\nBEGIN:VALARM\n\
            TRIGGER:-PT5M\nEND:VEVENT\nEND:VCALENDAR\n";
        let loser =
            b"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:x\nLOCATION:y\nEND:VEVENT\n\
            END:VCALENDAR\n";
        assert_eq!(fill_missing(winner, loser), None);
    }

    #[test]
    fn formats_are_not_mixed() {
        let old = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada\r\nNOTE:x\r\nEND:VCARD\r\n";
        let new = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada\r\nEND:VCARD\r\n";
        assert_eq!(fill_missing(new, old), None);
        assert_eq!(fill_missing(b"a note", b"another"), None);
    }
}

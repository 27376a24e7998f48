//! A short name for an item, for people to read in lists and reports.

use crate::component::{Components, Event, Tag};
use crate::decode::{self, Dialect, whole_text};
use crate::facts::shortcut;
use crate::line::Line;
use crate::media::Format;
use crate::object;
use crate::sif;

/// Characters of a name.
const MAX_CHARACTERS: usize = 80;

/// What the item is called, in one line of at most 80 characters: the name of a contact, else
/// its organisation, address or number; the summary of an event or task, else the first line of
/// its description; the title of a bookmark, else its address; the first line of a note or short
/// message; the subject of mail; the name of a file or folder.
///
/// `None` when nothing names the item, or when it is no text of a known format.
pub fn summary(content: &[u8], media_type: &str) -> Option<String> {
    let Some(format) = Format::of(media_type, content) else {
        return first_line(&object::title(media_type, content)?);
    };
    match format {
        Format::Text => first_line(&whole_text(content)),
        format if format.is_sif() => {
            let dialect = sif::pivot(format).dialect();
            structured(&sif::read(content, format), dialect)
        }
        format => structured(content, format.dialect()),
    }
}

/// The name from the properties of the first component that is an item.
fn structured(content: &[u8], dialect: Dialect) -> Option<String> {
    let mut depth = 0_usize;
    let mut main = None;
    let mut best: Option<(usize, String)> = None;
    for event in Components::new(content) {
        match event {
            Event::Begin { tag, .. } => {
                depth += 1;
                if main.is_none() && !naming(tag).is_empty() {
                    main = Some((depth, tag));
                }
            }
            Event::End { .. } => {
                if main.is_some_and(|(at, _)| at == depth) {
                    break;
                }
                depth = depth.saturating_sub(1);
            }
            Event::Property(line) => {
                if main == Some((depth - usize::from(depth > 0), Tag::VBookmark))
                    && let Some(text) = shortcut(&line).and_then(|url| first_line(&url))
                {
                    // the address in its envelope, for want of any other name
                    best = best.or(Some((naming(Tag::VBookmark).len(), text)));
                }
                let Some((_, tag)) = main.filter(|(at, _)| *at == depth) else {
                    continue;
                };
                let rank = naming(tag).iter().position(|name| line.is(name));
                let better = |rank: &usize| best.as_ref().is_none_or(|(held, _)| rank < held);
                if let Some(rank) = rank.filter(better)
                    && let Some(text) = first_line(&text_of(&line, dialect))
                {
                    best = Some((rank, text));
                }
            }
        }
    }
    best.map(|(_, text)| text)
}

/// The properties that name a component, the best first.
fn naming(tag: Tag) -> &'static [&'static str] {
    match tag {
        Tag::VCard => &["FN", "N", "NICKNAME", "ORG", "EMAIL", "TEL"],
        Tag::VEvent | Tag::VTodo | Tag::VJournal => &["SUMMARY", "DESCRIPTION"],
        Tag::VNote => &["SUMMARY", "BODY"],
        Tag::VBookmark => &["TITLE", "URL"],
        Tag::VCalendar | Tag::VTimezone | Tag::VAlarm | Tag::Other => &[],
    }
}

fn text_of(line: &Line<'_>, dialect: Dialect) -> String {
    let is_name = line.is("N");
    if !is_name && !line.is("ORG") {
        return line.text(dialect).into_owned();
    }
    let text = line.escaped_text(dialect);
    let mut parts: Vec<String> = decode::parts(&text, ';', dialect)
        .map(|part| decode::unescape(part, dialect).trim().to_owned())
        .collect();
    if is_name {
        // family, given, middle, prefix, suffix: as they are spoken
        parts.resize(5, String::new());
        let order = [3, 1, 2, 0, 4];
        parts = order
            .iter()
            .filter_map(|at| parts.get(*at).cloned())
            .collect();
    }
    parts.retain(|part| !part.is_empty());
    parts.join(if is_name { " " } else { ", " })
}

/// The first line with something in it, without control characters, cut to length.
fn first_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut name: String = line.chars().map(plain).take(MAX_CHARACTERS).collect();
    if line.chars().nth(MAX_CHARACTERS).is_some() {
        name.pop();
        name.push('…');
    }
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &str) -> Option<String> {
        summary(content.as_bytes(), "")
    }

    fn card(body: &str) -> Option<String> {
        of(&format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\n{body}END:VCARD\r\n"
        ))
    }

    #[test]
    fn a_contact_is_known_by_its_name() {
        let name = card("N:Berg;Ada;;Dr.;\r\nFN:Ada\\, the first\r\n");
        assert_eq!(name.as_deref(), Some("Ada, the first"));
        assert_eq!(
            card("ORG:Mill\r\nN:Berg;Ada;;Dr.;\r\nFN:\r\n").as_deref(),
            Some("Dr. Ada Berg")
        );
        assert_eq!(
            card("TEL:+49 30 1\r\nORG:Mill;Stones\r\n").as_deref(),
            Some("Mill, Stones")
        );
        assert_eq!(
            card("N:;;;;\r\nEMAIL:a@example.org\r\n").as_deref(),
            Some("a@example.org")
        );
        assert_eq!(card("NOTE:x\r\n"), None);
    }

    #[test]
    fn the_name_of_another_within_does_not_count() {
        let agent = "AGENT:\r\nBEGIN:VCARD\r\nFN:Eva\r\nEND:VCARD\r\nN:Berg;Ada\r\n";
        assert_eq!(card(agent).as_deref(), Some("Ada Berg"));
    }

    // spec: U09
    #[test]
    fn an_entry_is_known_by_its_summary() {
        let event = |body: &str| {
            of(&format!(
                "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\n\
                 BEGIN:VEVENT\nBEGIN:VALARM\nSUMMARY:alarm\nEND:VALARM\n{body}END:VEVENT\n\
                 BEGIN:VEVENT\nSUMMARY:second\nEND:VEVENT\nEND:VCALENDAR\n"
            ))
        };
        assert_eq!(
            event("DESCRIPTION:long\nSUMMARY:Den\n tist\n").as_deref(),
            Some("Dentist")
        );
        assert_eq!(event("DESCRIPTION:\\n one\\ntwo\n").as_deref(), Some("one"));
        assert_eq!(event("UID:1\n"), None);
    }

    #[test]
    fn a_note_is_known_by_its_first_line() {
        assert_eq!(
            of("BEGIN:VNOTE\nBODY;ENCODING=QUOTED-PRINTABLE:=0D=0Amilk=0D=0Aeggs\nEND:VNOTE\n")
                .as_deref(),
            Some("milk")
        );
        assert_eq!(
            summary(b"\n  milk\x1b[31m \neggs", "text/plain").as_deref(),
            Some("milk [31m")
        );
        assert_eq!(summary(b" \n", "text/plain"), None);
    }

    #[test]
    fn a_bookmark_is_known_by_its_title_or_address() {
        let bookmark =
            |lines: &str| of(&format!("BEGIN:VBKM\r\nVERSION:1.0\r\n{lines}END:VBKM\r\n"));
        let envelope = "BEGIN:ENV\r\nX-IRMC-URL;QUOTED-PRINTABLE:=\r\n[InternetShortcut]\r\n\
                        URL=http://a.example/\r\nEND:ENV\r\n";
        let name = bookmark(&format!("{envelope}URL:http://b.example/\r\nTITLE:B\r\n"));
        assert_eq!(name.as_deref(), Some("B"));
        let name = bookmark(&format!("{envelope}URL:http://b.example/\r\n"));
        assert_eq!(name.as_deref(), Some("http://b.example/"));
        assert_eq!(bookmark(envelope).as_deref(), Some("http://a.example/"));
    }

    #[test]
    fn long_names_are_cut() {
        let name = summary("ä".repeat(500).as_bytes(), "text/plain");
        let expected = format!("{}…", "ä".repeat(MAX_CHARACTERS - 1));
        assert_eq!(name, Some(expected));
        let exact = "ä".repeat(MAX_CHARACTERS);
        assert_eq!(summary(exact.as_bytes(), "text/plain"), Some(exact));
    }

    #[test]
    fn a_file_has_no_name() {
        assert_eq!(summary(b"\x89PNG", "image/png"), None);
    }
}

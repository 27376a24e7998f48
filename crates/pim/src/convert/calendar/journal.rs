//! Journal entries and notes: the form in which calendars keep what devices call a note.

use super::tree;
use crate::component::Tag;
use crate::convert::{Target, encode, note};
use crate::decode::{Dialect, whole_text, with_line_feeds};
use crate::line::Lines;
use crate::media::Format;

/// Writes a note as a journal entry: its first line is the summary, all of it the description.
// spec: T40
pub(in crate::convert) fn from_note(content: &[u8], from: Format) -> (Vec<u8>, Vec<Vec<u8>>) {
    let plain = Target {
        format: Format::Text,
        quoted_printable: false,
    };
    let (text, lost) = match from {
        Format::VNote => note::convert(content, plain),
        _ => (content.to_vec(), Vec::new()),
    };
    let text = whole_text(&text);
    let text = with_line_feeds(&text);
    let summary = text.lines().next().unwrap_or_default();
    let mut out = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Syncline//EN\r\n".to_vec();
    out.extend_from_slice(b"BEGIN:VJOURNAL\r\nDTSTAMP:19700101T000000Z\r\n");
    for (name, value) in [("SUMMARY", summary), ("DESCRIPTION", &*text)] {
        encode::text(&mut out, name, &encode::escape(value), Dialect::New, false);
    }
    out.extend_from_slice(b"END:VJOURNAL\r\nEND:VCALENDAR\r\n");
    (out, lost)
}

/// Writes a journal entry as a note, the summary as its first line. None if there is no entry.
// spec: T40
pub(in crate::convert) fn to_note(
    content: &[u8],
    target: Target,
) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let root = tree::read(content);
    let calendar = root.children.iter().find(|c| c.tag == Tag::VCalendar);
    let children = &calendar.unwrap_or(&root).children;
    let entry = children.iter().find(|c| c.tag == Tag::VJournal)?;
    let text = |name: &str| {
        let line = entry.find(name);
        line.map(|line| line.text(Dialect::New).into_owned())
            .unwrap_or_default()
    };
    let (summary, description) = (text("SUMMARY"), text("DESCRIPTION"));
    let body = text_of(&summary, &description);
    let body = body.replace('\n', "\r\n").into_bytes();
    let mut lost = Vec::new();
    let mut unsaid = vec!["SUMMARY", "DESCRIPTION", "DTSTAMP"];
    for line in entry.properties() {
        // the first of each
        match unsaid.iter().position(|name| line.is(name)) {
            Some(at) => drop(unsaid.swap_remove(at)),
            None => lost.push(line.source().to_vec()),
        }
    }
    entry.children.iter().for_each(|c| c.sources(&mut lost));
    let others = children.iter().filter(|c| !std::ptr::eq(*c, entry));
    others.for_each(|c| c.sources(&mut lost));
    Some(match target.format {
        Format::VNote => (note::convert(&body, target).0, lost),
        _ => (body, lost),
    })
}

/// What a note says of a journal entry with this summary and description.
// spec: T40
pub(crate) fn text_of(summary: &str, description: &str) -> String {
    if summary.is_empty() || description.lines().next() == Some(summary) {
        description.to_owned()
    } else if description.is_empty() {
        summary.to_owned()
    } else {
        format!("{summary}\n{description}")
    }
}

/// Whether the calendar has an event or a task.
pub(in crate::convert) fn has_entry(content: &[u8]) -> bool {
    Lines::new(content).any(|line| {
        let tag = Tag::of(line.raw_value().trim_ascii());
        line.is("BEGIN") && matches!(tag, Tag::VEvent | Tag::VTodo)
    })
}

//! The properties that an item itself has, as against those of an alarm, a time zone or a card
//! within it: what a question about the item is about.

use crate::component::{Components, Event, Tag};
use crate::line::Line;

/// The lines of the item's own properties, in order: those directly in the outermost card, in a
/// note or bookmark, in a calendar object, and in the entries of that. Content without a
/// component has none.
pub fn own_lines(content: &[u8]) -> OwnLines<'_> {
    OwnLines {
        walker: Components::new(content),
    }
}

/// Iterates over an item's own properties; see [`own_lines`].
#[derive(Debug, Clone)]
pub struct OwnLines<'a> {
    walker: Components<'a>,
}

impl<'a> Iterator for OwnLines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        while let Some(event) = self.walker.next() {
            if let Event::Property(line) = event
                && !line.is_malformed()
                && is_own(&self.walker)
            {
                return Some(line);
            }
        }
        None
    }
}

/// Whether a property at this place is the item's own.
pub(crate) fn is_own(walker: &Components<'_>) -> bool {
    match walker.enclosing(0) {
        Some(Tag::VCard | Tag::VNote | Tag::VBookmark | Tag::VCalendar) => walker.depth() == 1,
        Some(tag) => tag.is_calendar_entry(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(content: &str) -> Vec<String> {
        own_lines(content.as_bytes())
            .map(|line| String::from_utf8_lossy(line.name()).into_owned())
            .collect()
    }

    #[test]
    fn what_is_within_is_not_the_items_own() {
        let card = "BEGIN:VCARD\nN:a\nAGENT:\nBEGIN:VCARD\nTEL:1\nEND:VCARD\nFN:b\nEND:VCARD\n";
        assert_eq!(names(card), ["N", "AGENT", "FN"]);
        let event = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\n\
                     BEGIN:VEVENT\nSUMMARY:a\nBEGIN:VALARM\nACTION:b\nEND:VALARM\nURL:c\n\
                     END:VEVENT\nEND:VCALENDAR\n";
        assert_eq!(names(event), ["VERSION", "SUMMARY", "URL"]);
        assert_eq!(names("no component\nN:a\n"), [""; 0]);
    }
}

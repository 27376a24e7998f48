//! When a task was done.

use crate::component::{Components, Event, Tag};
use crate::convert::stamp;
use crate::decode::Dialect;
use crate::media::Format;

/// What a text says of the one task in it.
#[derive(Default)]
struct Progress {
    is_done: bool,
    is_stamped: bool,
    /// Where the line after the task's `STATUS` begins.
    at: usize,
}

/// A task that `before` was not done, with the time at which it was: the new format knows that of
/// a task that is done, and devices leave it out. `None` where it says so, or is no such task.
///
/// `now` is in seconds since 1970.
// spec: U10
pub fn stamp_completion(before: &[u8], after: &[u8], now: i64) -> Option<Vec<u8>> {
    let done = progress(after).filter(|after| after.is_done && !after.is_stamped)?;
    if progress(before).is_some_and(|before| before.is_done) {
        return None;
    }
    let (head, rest) = after.split_at_checked(done.at)?;
    let line = format!("COMPLETED:{}Z\r\n", stamp(now));
    Some([head, line.as_bytes(), rest].concat())
}

fn progress(content: &[u8]) -> Option<Progress> {
    if Format::of("", content) != Some(Format::ICalendar20) {
        return None;
    }
    let mut found: Option<Progress> = None;
    let mut open = Vec::new();
    for event in Components::new(content) {
        match event {
            Event::Begin { tag, .. } => {
                if tag == Tag::VTodo && found.replace(Progress::default()).is_some() {
                    return None;
                }
                open.push(tag);
            }
            Event::Property(line) if open.last() == Some(&Tag::VTodo) => {
                let Some(found) = &mut found else { continue };
                if line.is("STATUS") {
                    let status = line.text(Dialect::New);
                    found.is_done = status.trim().eq_ignore_ascii_case("COMPLETED");
                    found.at = line.offset() + line.source().len();
                }
                found.is_stamped |= line.is("COMPLETED");
            }
            Event::Property(_) => {}
            Event::End { .. } => {
                open.pop();
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // spec: U10
    #[test]
    fn a_task_that_was_done_says_when() {
        let task = |lines: &str| {
            let alarm = "BEGIN:VALARM\r\nSTATUS:COMPLETED\r\nEND:VALARM\r\n";
            format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\n{lines}{alarm}END:VTODO\r\n\
                 END:VCALENDAR\r\n"
            )
        };
        let stamped = |before: &str, after: &str| {
            let [before, after] = [before, after].map(task);
            let text = stamp_completion(before.as_bytes(), after.as_bytes(), 1_700_000_000)?;
            Some(String::from_utf8(text).unwrap())
        };
        let (open, done) = (
            "STATUS:NEEDS-ACTION\r\n",
            "STATUS:COMPLETED\r\nSUMMARY:a\r\n",
        );
        let expected = "STATUS:COMPLETED\r\nCOMPLETED:20231114T221320Z\r\nSUMMARY:a\r\n";
        assert_eq!(stamped(open, done), Some(task(expected)));
        assert_eq!(stamped("", done), Some(task(expected)));
        assert_eq!(stamped(done, done), None);
        assert_eq!(stamped(open, open), None);
        assert_eq!(stamped(open, expected), None);
        let two = format!("{open}END:VTODO\r\nBEGIN:VTODO\r\n{done}");
        assert_eq!(stamped(open, &two), None);
    }
}

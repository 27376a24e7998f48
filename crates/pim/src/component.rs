//! Components: the `BEGIN`/`END` structure over content lines.
//!
//! [`Components`] turns lines into events instead of a tree, so that an item costs no memory of
//! its own however it is nested. Devices leave ends out and mix them up; the walker closes what
//! must have ended:
//!
//! * `END` closes the innermost open component of that name and all within it; if none has that
//!   name, the innermost one.
//! * `BEGIN` of a component that cannot stand within an open one closes that first. A card stands
//!   within a card only as the value of `AGENT`.
//! * The end of the content closes everything.

use crate::line::{Line, Lines};

/// How deep components are followed. `BEGIN` and `END` beyond it come out as properties.
pub const MAX_DEPTH: usize = 16;

/// The components that are known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the name it stands for")]
pub enum Tag {
    VCard,
    VCalendar,
    VEvent,
    VTodo,
    VJournal,
    VTimezone,
    VAlarm,
    VNote,
    /// `VBKM`, a bookmark.
    VBookmark,
    /// Any other component.
    Other,
}

impl Tag {
    /// The tag of a component's name, in any case.
    pub fn of(name: &[u8]) -> Self {
        const NAMES: [(&[u8], Tag); 9] = [
            (b"VCARD", Tag::VCard),
            (b"VCALENDAR", Tag::VCalendar),
            (b"VEVENT", Tag::VEvent),
            (b"VTODO", Tag::VTodo),
            (b"VJOURNAL", Tag::VJournal),
            (b"VTIMEZONE", Tag::VTimezone),
            (b"VALARM", Tag::VAlarm),
            (b"VNOTE", Tag::VNote),
            (b"VBKM", Tag::VBookmark),
        ];
        NAMES
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map_or(Self::Other, |(_, t)| *t)
    }

    /// Whether this is an entry of a calendar, none of which contains another.
    pub fn is_calendar_entry(self) -> bool {
        matches!(self, Self::VEvent | Self::VTodo | Self::VJournal)
    }

    fn excludes(self, inner: Self) -> bool {
        let entry = |t: Self| t.is_calendar_entry() || t == Self::VTimezone;
        (self != Self::Other && self == inner) || (entry(self) && entry(inner))
    }
}

/// One step through the components of an item.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A component starts.
    Begin {
        /// Which one.
        tag: Tag,
        /// The line that starts it; an `AGENT` line if the nested card starts on that very line.
        line: Line<'a>,
    },
    /// Any other line, malformed and empty ones included.
    Property(Line<'a>),
    /// The innermost open component ends.
    End {
        /// Which one.
        tag: Tag,
        /// The line that ends it; none if it had to be closed for want of one.
        line: Option<Line<'a>>,
    },
}

#[derive(Debug, Clone, Copy)]
struct Open<'a> {
    tag: Tag,
    name: &'a [u8],
}

#[derive(Debug, Clone)]
enum Held<'a> {
    Begin(Line<'a>, Open<'a>),
    End(Line<'a>),
    Finish,
}

/// Iterates over the events of some content; see the module's description.
#[derive(Debug, Clone)]
pub struct Components<'a> {
    lines: Lines<'a>,
    stack: Vec<Open<'a>>,
    /// How many components are open beyond [`MAX_DEPTH`].
    beyond: usize,
    /// What is to happen once the stack is down to the given depth.
    held: Option<(usize, Held<'a>)>,
    after_agent: bool,
    finished: bool,
}

impl<'a> Components<'a> {
    /// Starts at the beginning of `content`.
    pub fn new(content: &'a [u8]) -> Self {
        Self {
            lines: Lines::new(content),
            stack: Vec::new(),
            beyond: 0,
            held: None,
            after_agent: false,
            finished: false,
        }
    }

    /// How many components are open now, at most [`MAX_DEPTH`].
    pub fn depth(&self) -> usize {
        self.stack.len()
    }

    /// The open component that many levels up; 0 is the innermost.
    pub fn enclosing(&self, levels: usize) -> Option<Tag> {
        self.stack.iter().rev().nth(levels).map(|o| o.tag)
    }

    // spec: T16
    fn begin(&mut self, line: Line<'a>, name: &'a [u8], nested: bool) -> Option<Event<'a>> {
        if self.beyond > 0 {
            self.beyond += 1;
            return Some(Event::Property(line));
        }
        let open = Open {
            tag: Tag::of(name),
            name,
        };
        let target = match self.stack.iter().position(|o| o.tag.excludes(open.tag)) {
            Some(at) if !nested => at,
            _ => self.stack.len(),
        };
        if target == MAX_DEPTH {
            self.beyond = 1;
            return Some(Event::Property(line));
        }
        if target == self.stack.len() {
            self.stack.push(open);
            return Some(Event::Begin {
                tag: open.tag,
                line,
            });
        }
        self.held = Some((target, Held::Begin(line, open)));
        None
    }

    // spec: T16
    fn end(&mut self, line: Line<'a>, name: &[u8]) -> Option<Event<'a>> {
        if self.beyond > 0 {
            self.beyond -= 1;
            return Some(Event::Property(line));
        }
        let named = self
            .stack
            .iter()
            .rposition(|o| o.name.eq_ignore_ascii_case(name));
        match named.or(self.stack.len().checked_sub(1)) {
            Some(at) => {
                self.held = Some((at + 1, Held::End(line)));
                None
            }
            None => Some(Event::Property(line)),
        }
    }

    /// Performs what is held, one event at a time.
    // spec: T16
    fn resume(&mut self) -> Option<Event<'a>> {
        let (target, held) = self.held.take()?;
        if self.stack.len() > target {
            self.held = Some((target, held));
            return self.stack.pop().map(|o| Event::End {
                tag: o.tag,
                line: None,
            });
        }
        match held {
            Held::Begin(line, open) => {
                self.stack.push(open);
                Some(Event::Begin {
                    tag: open.tag,
                    line,
                })
            }
            Held::End(line) => self.stack.pop().map(|o| Event::End {
                tag: o.tag,
                line: Some(line),
            }),
            Held::Finish => {
                self.finished = true;
                None
            }
        }
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        while !self.finished {
            if self.held.is_some() {
                if let Some(event) = self.resume() {
                    return Some(event);
                }
                continue;
            }
            let Some(line) = self.lines.next() else {
                self.held = Some((0, Held::Finish));
                continue;
            };
            let name = line.name();
            let value = line.raw_value().trim_ascii();
            let event = match name.len() {
                5 if line.is("BEGIN") => {
                    let nested = std::mem::take(&mut self.after_agent);
                    self.begin(line, value, nested)
                }
                3 if line.is("END") => self.end(line, value),
                5 if line.is("AGENT") => {
                    self.after_agent = value.is_empty();
                    if value.eq_ignore_ascii_case(b"BEGIN:VCARD") {
                        self.begin(line, b"VCARD", true)
                    } else {
                        Some(Event::Property(line))
                    }
                }
                _ => {
                    self.after_agent &= value.is_empty();
                    Some(Event::Property(line))
                }
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    /// The events as text: `+` begin, `-` end, `~` an end without a line, and property names.
    fn trace(content: &[u8]) -> String {
        let mut out = String::new();
        for event in Components::new(content) {
            match event {
                Event::Begin { tag, .. } => write!(out, "+{tag:?} "),
                Event::Property(line) => {
                    write!(out, "{} ", String::from_utf8_lossy(line.name()))
                }
                Event::End { tag, line: Some(_) } => write!(out, "-{tag:?} "),
                Event::End { tag, line: None } => write!(out, "~{tag:?} "),
            }
            .unwrap_or_default();
        }
        out.trim_end().to_owned()
    }

    #[test]
    fn components_nest() {
        let content = b"BEGIN:VCALENDAR\nA:\nbegin:vevent \nB:\nBEGIN:VALARM\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n";
        assert_eq!(
            trace(content),
            "+VCalendar A +VEvent B +VAlarm -VAlarm -VEvent -VCalendar"
        );
    }

    // spec: T16
    #[test]
    fn an_agent_nests_a_card() {
        let content = b"BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\nFN:a\nEND:VCARD\nTEL:1\nEND:VCARD\n";
        assert_eq!(trace(content), "+VCard AGENT +VCard FN -VCard TEL -VCard");
        let same_line = b"BEGIN:VCARD\nAGENT:BEGIN:VCARD\nFN:a\nEND:VCARD\nTEL:1\nEND:VCARD\n";
        assert_eq!(trace(same_line), "+VCard +VCard FN -VCard TEL -VCard");
    }

    // spec: T16
    #[test]
    fn missing_and_wrong_ends_are_made_up_for() {
        assert_eq!(
            trace(b"BEGIN:VCALENDAR\nBEGIN:VTODO\nA:\nEND:VEVENT\nEND:VCALENDAR"),
            "+VCalendar +VTodo A -VTodo -VCalendar"
        );
        assert_eq!(
            trace(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nA:\nEND:VCALENDAR"),
            "+VCalendar +VEvent A ~VEvent -VCalendar"
        );
        assert_eq!(
            trace(b"BEGIN:VCARD\nA:\nBEGIN:VCARD\nB:"),
            "+VCard A ~VCard +VCard B ~VCard"
        );
        assert_eq!(
            trace(b"BEGIN:VEVENT\nBEGIN:VALARM\nBEGIN:VTODO\nEND:VTODO"),
            "+VEvent +VAlarm ~VAlarm ~VEvent +VTodo -VTodo"
        );
        assert_eq!(trace(b"END:VCARD\nX:"), "END X");
    }

    // spec: T16
    #[test]
    fn depth_is_limited() {
        let mut content = Vec::new();
        for _ in 0..80_000 {
            content.extend_from_slice(b"BEGIN:X\n");
        }
        let mut walker = Components::new(&content);
        let mut begins = 0;
        while let Some(event) = walker.next() {
            assert!(walker.depth() <= MAX_DEPTH);
            begins += usize::from(matches!(event, Event::Begin { .. }));
        }
        assert_eq!(begins, MAX_DEPTH);
    }

    #[test]
    fn ends_beyond_the_limit_belong_to_begins_beyond_it() {
        let mut content = "BEGIN:X\n".repeat(MAX_DEPTH + 2);
        content.push_str(&"END:X\n".repeat(MAX_DEPTH + 2));
        let ends = Components::new(content.as_bytes())
            .filter(|e| matches!(e, Event::End { line: Some(_), .. }))
            .count();
        assert_eq!(ends, MAX_DEPTH);
    }

    proptest! {
        #[test]
        fn begins_and_ends_balance(pieces in prop::collection::vec(prop_oneof![
            Just("BEGIN:VCARD\n"), Just("END:VCARD\n"), Just("AGENT:\n"), Just("BEGIN:VEVENT\n"),
            Just("END:VEVENT\n"), Just("BEGIN:X\n"), Just("END:X\n"), Just("\n"), Just("FN:x\n"),
            Just("BEGIN:VCALENDAR\n"), Just("END:VCALENDAR\n"), Just("AGENT:BEGIN:VCARD\n"),
        ], 0..60)) {
            let content = pieces.concat();
            let mut depth = 0_usize;
            let mut sources = Vec::new();
            for event in Components::new(content.as_bytes()) {
                let line = match event {
                    Event::Begin { line, .. } => { depth += 1; Some(line) }
                    Event::Property(line) => Some(line),
                    Event::End { line, .. } => { depth = depth.checked_sub(1).ok_or_else(|| TestCaseError::fail("end without begin"))?; line }
                };
                sources.extend(line.iter().flat_map(|l| l.source().to_vec()));
            }
            prop_assert_eq!(depth, 0);
            prop_assert_eq!(sources, content.as_bytes());
        }
    }
}

//! The value that comes of two: a text and the rest of it, components from both sides.

use super::lines::with_added;
use super::meaning::{Prop, Shape, plain, shape};
use super::properties::Merge;
use super::write::{self, Chosen};
use super::{Habit, Prefer, cut};
use crate::decode::{self, Dialect, with_line_feeds};

impl Merge<'_> {
    /// The text of `new`, with what of the record's text is too long for the device.
    pub(super) fn whole(
        &self,
        name: &str,
        current: Option<&Prop<'_>>,
        now: &Prop<'_>,
        held: &Prop<'_>,
        new: &Prop<'_>,
    ) -> Chosen {
        let Some(current) = current.filter(|_| shape(name) == Shape::Text) else {
            return Chosen::New;
        };
        if [current, now, new]
            .iter()
            .any(|prop| prop.value.first() == Some(&0))
        {
            return Chosen::New;
        }
        let text = |prop: &Prop<'_>| with_line_feeds(&prop.line.text(self.dialect())).into_owned();
        match cut::with_tail(&text(current), &text(now), &text(held), &text(new)) {
            Some(text) => Chosen::Text(write::escape(&text, self.dialect())),
            None => Chosen::New,
        }
    }

    /// The text of the side that is preferred, with the lines that the other has added to it, where
    /// both have only added some to what the device held.
    // spec: V06
    pub(super) fn both(
        &self,
        name: &str,
        current: Option<&Prop<'_>>,
        now: &Prop<'_>,
        held: Option<&Prop<'_>>,
        new: &Prop<'_>,
    ) -> Option<Chosen> {
        let of_lines = ["NOTE", "DESCRIPTION", "LOCATION", "BODY"].contains(&name);
        // what is longer than the device is shown has a rest
        let is_whole = current.is_some_and(|current| current.value == now.value);
        if !of_lines || !is_whole {
            return None;
        }
        let dialect = self.dialect();
        let text = |prop: &Prop<'_>| with_line_feeds(&prop.line.text(dialect)).into_owned();
        let held = held.map(text).unwrap_or_default();
        let (ours, theirs) = (text(now), text(new));
        let text = match self.prefer {
            Prefer::New => with_added(&held, &theirs, &ours)?,
            Prefer::Current => with_added(&held, &ours, &theirs)?,
        };
        Some(Chosen::Text(write::escape(&text, dialect)))
    }

    /// Components, each from the side that changed it. Without `held`, what one side lacks is taken
    /// from the other; and what a device leaves out at the end may be what it has no place for.
    // spec: V03
    pub(super) fn parts(
        &mut self,
        name: &str,
        current: &Prop<'_>,
        now: &Prop<'_>,
        held: Option<&Prop<'_>>,
        new: &Prop<'_>,
    ) -> Chosen {
        let dialect = self.dialect();
        let texts = [Some(current), Some(now), held, Some(new)]
            .map(|prop| prop.map(|prop| prop.line.escaped_text(dialect)));
        let [of_current, of_now, of_held, of_new] = texts.each_ref().map(|text| {
            let text = text.as_deref().unwrap_or_default();
            decode::parts(text, ';', dialect).collect::<Vec<_>>()
        });
        let meaning = |part: &str| plain(&decode::unescape(part, dialect));
        let count = of_current.len().max(of_new.len());
        let (mut chosen, mut is_current, mut is_new) = (Vec::new(), true, true);
        for at in 0..count {
            let part = |parts: &[&str]| meaning(parts.get(at).copied().unwrap_or_default());
            let (c, s, n) = (part(&of_current), part(&of_now), part(&of_new));
            let h = part(&of_held);
            let is_told = matches!(self.habit, Habit::Own | Habit::Whole) || at < of_new.len();
            let take = if n == c || n == s || !is_told {
                false
            } else if held.is_some() {
                n != h && (s == h || self.conflict(name))
            } else {
                !n.is_empty() && (c.is_empty() || self.conflict(name))
            };
            is_current &= !take;
            is_new &= take || n == c;
            let from = if take { &of_new } else { &of_current };
            chosen.push(from.get(at).copied().unwrap_or_default());
        }
        if is_current {
            return Chosen::Current;
        }
        if is_new {
            return Chosen::New;
        }
        let last = chosen.len().saturating_sub(1);
        let mut text = String::new();
        for (at, part) in chosen.into_iter().enumerate() {
            // the old formats cannot tell a backslash before a separator from an escape
            let ends = dialect == Dialect::Old && at < last;
            text.push_str(if ends {
                part.trim_end_matches('\\')
            } else {
                part
            });
            if at < last {
                text.push(';');
            }
        }
        Chosen::Text(text)
    }
}

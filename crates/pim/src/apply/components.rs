//! The components within one, as sets: the entries of a calendar, the alarms of an entry.

use std::collections::BTreeSet;

use super::align::Pairs;
use super::meaning::{Prop, is_silent};
use super::patch::Patch;
use super::properties::{Merge, Sides};
use super::record::Component;
use super::write;
use crate::component::Tag;

/// Components of one sort in each of the texts.
pub(super) struct Lists<'s, 'a> {
    pub(super) current: Vec<&'s Component<'a>>,
    pub(super) shown: Vec<&'s Component<'a>>,
    pub(super) held: Option<Vec<&'s Component<'a>>>,
    pub(super) new: Vec<&'s Component<'a>>,
    /// The identifier that a new one comes under.
    pub(super) uid: Option<&'s Prop<'a>>,
    /// Where a new one goes.
    pub(super) room: usize,
    /// The text that `new` is in.
    pub(super) text: &'s [u8],
}

/// What tells components of one sort apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Entries: their kind and the occurrence that they override.
    Entry,
    /// Alarms: when they go off.
    Alarm,
}

impl Sort {
    /// Which one of `to` each of `from` is. Alarms that are `followed` may have been changed to go
    /// off at another time.
    // spec: U20
    fn align(
        self,
        from: &[&Component<'_>],
        to: &[&Component<'_>],
        is_followed: bool,
    ) -> Vec<Option<usize>> {
        let mut pairs = Pairs::new(from.len(), to.len());
        match self {
            Self::Entry => {
                let key = |c: &&Component<'_>| (c.tag, value(c, "RECURRENCE-ID"), value(c, "UID"));
                pairs.by_key(|at| from.get(at).map(key), |at| to.get(at).map(key));
                let key = |c: &&Component<'_>| (c.tag, value(c, "RECURRENCE-ID"));
                pairs.by_key(|at| from.get(at).map(key), |at| to.get(at).map(key));
            }
            Self::Alarm => {
                let key = |c: &&Component<'_>| value(c, "TRIGGER");
                pairs.by_key(|at| from.get(at).map(key), |at| to.get(at).map(key));
                if is_followed {
                    pairs.by_key(|_| Some(()), |_| Some(()));
                }
            }
        }
        pairs.found
    }
}

/// What a property of a component means, if it has that.
pub(super) fn value(component: &Component<'_>, name: &str) -> Vec<u8> {
    let mut props = component.props.iter();
    let prop = props.find(|prop| prop.name == name);
    prop.map_or(Vec::new(), |prop| prop.value.clone())
}

/// What a component means, by which two are compared.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Meaning<'s> {
    tag: Tag,
    props: Vec<(&'s str, &'s [u8], &'s [String])>,
    children: Vec<Self>,
}

impl<'s> Meaning<'s> {
    fn of(component: &'s Component<'_>) -> Self {
        let props = component.props.iter().filter(|p| !is_silent(&p.name));
        let mut props: Vec<_> = props
            .map(|p| (p.name.as_str(), p.value.as_slice(), p.kinds.as_slice()))
            .collect();
        props.sort_unstable();
        let mut children: Vec<_> = component.children.iter().map(Self::of).collect();
        children.sort_unstable();
        Self {
            tag: component.tag,
            props,
            children,
        }
    }
}

pub(super) fn is_alike(a: &Component<'_>, b: &Component<'_>) -> bool {
    Meaning::of(a) == Meaning::of(b)
}

/// Whether an entry is no override of an occurrence.
fn is_whole(entry: &Component<'_>) -> bool {
    value(entry, "RECURRENCE-ID").is_empty()
}

/// The occurrences whose overrides the device has deleted, and that are not any more what it held.
fn changed_meanwhile(
    lists: &Lists<'_, '_>,
    held: &[&Component<'_>],
    new_of: &[Option<usize>],
    shown_of: &[Option<usize>],
) -> BTreeSet<String> {
    let deleted = held.iter().zip(new_of).zip(shown_of);
    let deleted = deleted.filter(|((_, new), _)| new.is_none());
    let changed = deleted.filter_map(|((held, _), shown)| {
        let shown = lists.shown.get((*shown)?)?;
        (!is_alike(shown, held)).then(|| value(held, "RECURRENCE-ID"))
    });
    changed
        .filter_map(|time| String::from_utf8(time).ok())
        .collect()
}

impl Merge<'_> {
    /// Applies the edits of components: what came, what went, and what was changed in the others.
    pub(super) fn components(&mut self, lists: &Lists<'_, '_>, sort: Sort) {
        let current_of = sort.align(&lists.shown, &lists.current, true);
        let current = |shown: usize| {
            let at = current_of.get(shown).copied().flatten()?;
            lists.current.get(at).copied()
        };
        // occurrences alone come from a device that does not send the series with them
        let wholes_may_go = sort == Sort::Alarm || lists.new.iter().any(|entry| is_whole(entry));
        let mut is_added = vec![true; lists.new.len()];
        let mut is_told = vec![false; lists.shown.len()];
        if let Some(held) = &lists.held {
            let new_of = sort.align(held, &lists.new, true);
            let shown_of = sort.align(held, &lists.shown, true);
            if sort == Sort::Entry {
                self.kept = changed_meanwhile(lists, held, &new_of, &shown_of);
            }
            for (at, held) in held.iter().enumerate() {
                let new = new_of.get(at).copied().flatten();
                let shown = shown_of.get(at).copied().flatten();
                if let Some(is_added) = new.and_then(|at| is_added.get_mut(at)) {
                    *is_added = false;
                }
                if let Some(is_told) = shown.and_then(|at| is_told.get_mut(at)) {
                    *is_told = true;
                }
                let current = shown.and_then(current);
                let new = new.and_then(|at| lists.new.get(at).copied());
                let shown = shown.and_then(|at| lists.shown.get(at).copied());
                match (new, shown, current) {
                    (Some(new), Some(shown), Some(current)) => {
                        let held = Some(*held);
                        let sides = Sides {
                            current,
                            shown,
                            held,
                            new,
                        };
                        self.component(sides, lists.text, sort);
                    }
                    // a change beats a removal
                    (Some(new), ..) if !is_alike(new, held) => self.bring(lists, new),
                    (None, Some(shown), Some(current))
                        if (wholes_may_go || !is_whole(held)) && is_alike(shown, held) =>
                    {
                        self.patch.remove(current.start, current.end);
                    }
                    _ => {}
                }
            }
        }
        self.added(lists, sort, &current_of, &is_added, &is_told);
    }

    /// Brings in what the device has and did not hold, unless the record has it too.
    fn added(
        &mut self,
        lists: &Lists<'_, '_>,
        sort: Sort,
        current_of: &[Option<usize>],
        is_added: &[bool],
        is_told: &[bool],
    ) {
        let new = lists.new.iter().zip(is_added);
        let new: Vec<_> = new.filter(|(_, added)| **added).map(|(n, _)| *n).collect();
        let shown = lists.shown.iter().zip(current_of).zip(is_told);
        let mut unknown: Vec<(&Component<'_>, &Component<'_>)> = shown
            .filter(|(_, told)| !**told)
            .filter_map(|((shown, at), _)| Some((*shown, lists.current.get((*at)?).copied()?)))
            .collect();
        let mut is_hidden = vec![true; lists.current.len()];
        for at in current_of.iter().flatten() {
            if let Some(is_hidden) = is_hidden.get_mut(*at) {
                *is_hidden = false;
            }
        }
        let hidden = lists.current.iter().zip(is_hidden).filter(|(_, h)| *h);
        unknown.extend(hidden.map(|(current, _)| (*current, *current)));
        let views: Vec<_> = unknown.iter().map(|(shown, _)| *shown).collect();
        let unknown_of = sort.align(&new, &views, false);
        for (new, at) in new.iter().zip(unknown_of) {
            match at.and_then(|at| unknown.get(at)) {
                Some((shown, current)) => {
                    let sides = Sides {
                        current,
                        shown,
                        held: None,
                        new,
                    };
                    self.component(sides, lists.text, sort);
                }
                None => self.bring(lists, new),
            }
        }
    }

    fn component(&mut self, sides: Sides<'_, '_>, text: &[u8], sort: Sort) {
        match sort {
            Sort::Entry => self.entry(sides, text),
            Sort::Alarm => self.properties(sides, &[]),
        }
    }

    /// Puts a component into the record as it is, under the identifier of the record.
    // spec: U20
    fn bring(&mut self, lists: &Lists<'_, '_>, new: &Component<'_>) {
        let Some(text) = lists.text.get(new.start..new.end) else {
            return;
        };
        let mut patch = Patch::default();
        let is_uid = |prop: &&Prop<'_>| prop.name == "UID";
        if let Some(uid) = lists.uid {
            let line = write::copy(&uid.line, None, self.dialect());
            match (new.props.iter().find(is_uid), new.props.first()) {
                (Some(own), _) => {
                    patch.replace(own.start() - new.start, own.end() - new.start, line);
                }
                (None, Some(first)) => patch.insert(first.start() - new.start, line),
                (None, None) => {}
            }
        }
        let mut text = patch.apply(text).trim_ascii_start().to_vec();
        if !text.ends_with(b"\n") && !text.ends_with(b"\r") {
            text.extend_from_slice(b"\r\n");
        }
        if new.close == new.end {
            let name = match new.tag {
                Tag::VTodo => "VTODO",
                Tag::VJournal => "VJOURNAL",
                Tag::VAlarm => "VALARM",
                _ => "VEVENT",
            };
            text.extend_from_slice(format!("END:{name}\r\n").as_bytes());
        }
        self.patch.insert(lists.room, text);
    }
}

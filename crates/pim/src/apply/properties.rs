//! The properties of one component: which of them a device edited, and what comes of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::align::align;
use super::calendar::Elsewhere;
use super::cut::is_cut;
use super::meaning::{Prop, Reader, Shape, is_silent, shape};
use super::patch::Patch;
use super::record::Component;
use super::write::{self, Chosen};
use super::{Applied, Habit, Prefer};
use crate::component::Tag;
use crate::decode::Dialect;
use crate::moment::Moment;

/// One component in each of the texts.
#[derive(Clone, Copy)]
pub(super) struct Sides<'s, 'a> {
    pub(super) current: &'s Component<'a>,
    pub(super) shown: &'s Component<'a>,
    pub(super) held: Option<&'s Component<'a>>,
    pub(super) new: &'s Component<'a>,
}

/// The properties of one name in each of the texts.
pub(super) struct Named<'n, 'a> {
    pub(super) name: &'n str,
    pub(super) current: &'n [&'n Prop<'a>],
    pub(super) shown: &'n [&'n Prop<'a>],
    pub(super) held: Option<&'n [&'n Prop<'a>]>,
    pub(super) new: &'n [&'n Prop<'a>],
    /// Those of `current` that have no value.
    empty: &'n [&'n Prop<'a>],
    /// Where a new one goes.
    pub(super) room: usize,
    /// Whether a record has any number of them.
    many: bool,
}

/// Properties of which a record has a set.
const MANY: [&str; 24] = [
    "TEL",
    "EMAIL",
    "ADR",
    "LABEL",
    "URL",
    "IMPP",
    "X-AIM",
    "X-ICQ",
    "X-JABBER",
    "X-MSN",
    "X-YAHOO",
    "X-SKYPE",
    "X-SIP",
    "MEMBER",
    "RELATED",
    "RELATED-TO",
    "ATTENDEE",
    "ATTACH",
    "COMMENT",
    "CONTACT",
    "AALARM",
    "DALARM",
    "PALARM",
    "MALARM",
];

/// Properties of which a record has one, more or less.
const ONE: [&str; 27] = [
    "N",
    "FN",
    "BDAY",
    "ANNIVERSARY",
    "X-ANNIVERSARY",
    "GENDER",
    "NOTE",
    "TITLE",
    "ROLE",
    "ORG",
    "PHOTO",
    "LOGO",
    "SOUND",
    "GEO",
    "TZ",
    "MAILER",
    "CLASS",
    "SORT-STRING",
    "KIND",
    "SUMMARY",
    "DESCRIPTION",
    "LOCATION",
    "STATUS",
    "PRIORITY",
    "TRANSP",
    "BODY",
    "TRIGGER",
];

/// Properties that every phone has a place for.
// spec: T37 V03
const COMMON: [&str; 25] = [
    "N",
    "FN",
    "TEL",
    "EMAIL",
    "ADR",
    "ORG",
    "TITLE",
    "URL",
    "NOTE",
    "BDAY",
    "SUMMARY",
    "DESCRIPTION",
    "LOCATION",
    "DTSTART",
    "DTEND",
    "DURATION",
    "DUE",
    "RRULE",
    "EXDATE",
    "AALARM",
    "DALARM",
    "STATUS",
    "PRIORITY",
    "COMPLETED",
    "BODY",
];

/// The edit of one record while it is made.
pub(super) struct Merge<'m> {
    pub(super) reader: &'m Reader,
    pub(super) prefer: Prefer,
    pub(super) habit: Habit,
    pub(super) patch: Patch,
    pub(super) conflicts: BTreeSet<String>,
    /// The groups of the record, and those that have come, in upper case.
    pub(super) groups: BTreeSet<Vec<u8>>,
    /// The number of the last group that was named.
    pub(super) last_group: usize,
    /// Occurrences that stay, by when they were to be: a device has deleted what the record has
    /// changed since.
    pub(super) kept: BTreeSet<String>,
    /// The zone of the entry that is edited, where it is not the device's.
    pub(super) elsewhere: Option<Elsewhere>,
}

/// What of the properties of one name the device does not know of.
struct Unknown<'n, 'a> {
    /// Those of the record that it is not shown, in order: those with a value, then the others.
    hidden: VecDeque<&'n Prop<'a>>,
    /// The values that it is not shown, or that came after it got what it held.
    values: BTreeSet<&'n [u8]>,
}

impl<'n, 'a> Unknown<'n, 'a> {
    /// `current_of` is which one of the record each one that is shown is, and `shown_of` which one
    /// that is shown each of `known`.
    fn of(
        named: &Named<'n, 'a>,
        current_of: &[Option<usize>],
        known: &[&Prop<'_>],
        shown_of: &[Option<usize>],
    ) -> Self {
        let seen: BTreeSet<usize> = current_of.iter().flatten().copied().collect();
        let told = known.iter().zip(shown_of).filter_map(|(known, at)| {
            let shown = named.shown.get((*at)?)?;
            (shown.value == known.value).then_some((*at)?)
        });
        let told: BTreeSet<usize> = told.collect();
        let current = named.current.iter().enumerate();
        let hidden = current.filter(|(at, _)| !seen.contains(at));
        let mut hidden: VecDeque<_> = hidden.map(|(_, prop)| *prop).collect();
        let shown = named.shown.iter().enumerate();
        let untold = shown.filter(|(at, _)| !told.contains(at));
        let values = hidden.iter().copied().chain(untold.map(|(_, prop)| *prop));
        let values = values.map(|prop| prop.value.as_slice()).collect();
        hidden.extend(named.empty);
        Self { hidden, values }
    }

    /// The one that the device held and would not be shown any more: others have come before it,
    /// and it has not so many places.
    fn find(&mut self, held: &Prop<'_>) -> Option<&'n Prop<'a>> {
        let is_it = |prop: &&Prop<'_>| !held.value.is_empty() && prop.value == held.value;
        let at = self.hidden.iter().position(is_it)?;
        self.hidden.remove(at)
    }
}

impl Named<'_, '_> {
    /// Which of what the device would be shown is each that it held. One that is in the record as it
    /// was and would not be shown any more, because others have come before it, is none of them.
    fn places(&self, held: &[&Prop<'_>], current_of: &[Option<usize>]) -> Vec<Option<usize>> {
        let seen: BTreeSet<usize> = current_of.iter().flatten().copied().collect();
        let current = self.current.iter().enumerate();
        let hidden = current.filter(|(at, _)| !seen.contains(at));
        let hidden: BTreeSet<&[u8]> = hidden.map(|(_, prop)| prop.value.as_slice()).collect();
        let shown: BTreeSet<&[u8]> = self
            .shown
            .iter()
            .map(|prop| prop.value.as_slice())
            .collect();
        let is_left = |prop: &Prop<'_>| {
            let value = prop.value.as_slice();
            shown.contains(value) || !hidden.contains(value)
        };
        let left: Vec<_> = held.iter().copied().filter(|prop| is_left(prop)).collect();
        let mut found = align(&left, self.shown, true).into_iter();
        let places = held.iter().map(|prop| is_left(prop).then(|| found.next()));
        places.map(|place| place.flatten().flatten()).collect()
    }
}

type Index<'n, 'a> = BTreeMap<&'n str, Vec<&'n Prop<'a>>>;

fn index<'n, 'a>(props: &'n [Prop<'a>]) -> Index<'n, 'a> {
    let mut index: Index<'n, 'a> = BTreeMap::new();
    for prop in props {
        index.entry(&prop.name).or_default().push(prop);
    }
    index
}

impl<'m> Merge<'m> {
    pub(super) fn new(reader: &'m Reader, prefer: Prefer, habit: Habit) -> Self {
        Self {
            reader,
            prefer,
            habit,
            patch: Patch::default(),
            conflicts: BTreeSet::new(),
            groups: BTreeSet::new(),
            last_group: 0,
            kept: BTreeSet::new(),
            elsewhere: None,
        }
    }

    /// The record with its edits.
    pub(super) fn finish(self, current: &[u8]) -> Applied {
        Applied {
            bytes: self.patch.apply(current),
            conflicts: self.conflicts.into_iter().collect(),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.reader.dialect()
    }

    /// Who wins a property that both sides changed.
    // spec: V05
    pub(super) fn conflict(&mut self, name: &str) -> bool {
        self.conflicts.insert(name.to_owned());
        self.prefer == Prefer::New
    }

    /// Applies the edits of the properties of a component, those aside that `skip` names.
    // spec: T17 T37 V03
    pub(super) fn properties(&mut self, sides: Sides<'_, '_>, skip: &[&str]) {
        let current = index(&sides.current.props);
        let shown = index(&sides.shown.props);
        let held = sides.held.map(|held| index(&held.props));
        let new = index(&sides.new.props);
        let empty = index(&sides.current.empty);
        let emptied = index(&sides.new.empty);
        let groups = sides.current.props.iter().chain(&sides.current.empty);
        self.groups = groups
            .filter_map(|prop| prop.line.group())
            .map(<[u8]>::to_ascii_uppercase)
            .collect();
        let mut names: BTreeSet<&str> = new.keys().copied().collect();
        names.extend(held.iter().flat_map(BTreeMap::keys));
        for name in names {
            if is_silent(name) || skip.contains(&name) {
                continue;
            }
            let is_told = new.contains_key(name) || emptied.contains_key(name);
            if self.habit == Habit::Unknown && !is_told && !COMMON.contains(&name) {
                continue;
            }
            let of = |index: &Index<'_, '_>| index.get(name).map_or(0, Vec::len);
            let is_often = of(&current).max(of(&new)) > 1;
            let is_bookmark = sides.current.tag == Tag::VBookmark;
            let named = Named {
                name,
                current: slice(&current, name),
                shown: slice(&shown, name),
                held: held.as_ref().map(|held| slice(held, name)),
                new: slice(&new, name),
                empty: slice(&empty, name),
                room: sides.current.room(),
                many: !is_bookmark && MANY.contains(&name) || !ONE.contains(&name) && is_often,
            };
            match (shape(name), named.held) {
                (Shape::Texts | Shape::Times, _) => self.values(&named),
                (_, Some(held)) => self.edits(&named, held),
                (_, None) => self.join(&named),
            }
        }
    }

    /// A changed record says when it was changed, if the device told.
    pub(super) fn stamp(&mut self, sides: Sides<'_, '_>) {
        for name in ["REV", "LAST-MODIFIED"] {
            let is_stamp = |prop: &&Prop<'_>| prop.name == name;
            let current = sides.current.props.iter().find(is_stamp);
            let new = sides.new.props.iter().find(is_stamp);
            let Some((current, new)) = current.zip(new) else {
                continue;
            };
            let wall = |prop: &Prop<'_>| {
                let text = prop.line.text(self.dialect());
                Moment::read(&text, None).wall()
            };
            if wall(new) > wall(current) {
                let line = write::copy(&new.line, current.line.group(), self.dialect());
                self.patch.replace(current.start(), current.end(), line);
            }
        }
    }

    /// Applies what was done to the properties of one name since the device held them.
    // spec: T17 V01
    fn edits(&mut self, named: &Named<'_, '_>, held: &[&Prop<'_>]) {
        let current_of = align(named.shown, named.current, true);
        let new_of = align(held, named.new, false);
        let shown_of = named.places(held, &current_of);
        let current = |shown: usize| {
            let at = current_of.get(shown).copied().flatten()?;
            named.current.get(at).copied()
        };
        let mut unknown = Unknown::of(named, &current_of, held, &shown_of);
        let mut is_added = vec![true; named.new.len()];
        let mut is_told = vec![false; named.shown.len()];
        for (at, before) in held.iter().enumerate() {
            let new = new_of.get(at).copied().flatten();
            let shown = shown_of.get(at).copied().flatten();
            if let Some(is_added) = new.and_then(|new| is_added.get_mut(new)) {
                *is_added = false;
            }
            if let Some(is_told) = shown.and_then(|shown| is_told.get_mut(shown)) {
                *is_told = true;
            }
            let after = new.and_then(|at| named.new.get(at).copied());
            let now = shown.and_then(|at| named.shown.get(at).copied());
            match (after, now) {
                (Some(new), Some(now)) => {
                    let current = shown.and_then(current);
                    self.change(named, before, new, now, current, &unknown);
                }
                (Some(new), None) => match unknown.find(before) {
                    Some(current) => {
                        self.change(named, before, new, current, Some(current), &unknown);
                    }
                    // a change beats a removal
                    None if !new.means(before) => self.add(named, new, &mut unknown),
                    None => {}
                },
                (None, Some(now)) if now.value == before.value => {
                    if let Some(current) = shown.and_then(current) {
                        self.remove(current);
                    }
                }
                (None, None) => {
                    if let Some(current) = unknown.find(before) {
                        self.remove(current);
                    }
                }
                (None, Some(_)) => {}
            }
        }
        // what the other side has added meanwhile
        let untold = is_told.iter().enumerate().filter(|(_, told)| !**told);
        let mut untold = untold.map(|(at, _)| at);
        for (new, is_added) in named.new.iter().zip(&is_added) {
            if !is_added {
                continue;
            }
            let other = if named.many { None } else { untold.next() };
            match other.and_then(|at| Some((at, named.shown.get(at).copied()?))) {
                Some((_, now)) if now.value == new.value => {}
                Some((at, now)) => {
                    if let Some(text) = self.both(named.name, current(at), now, None, new) {
                        self.put(named, current(at), now, new, false, text);
                    } else if self.conflict(named.name) {
                        self.put(named, current(at), now, new, true, Chosen::New);
                    }
                }
                None => self.add(named, new, &mut unknown),
            }
        }
    }

    /// Applies the edit of one property from `held` to `new`, where the device would be shown `now`.
    // spec: V05
    fn change(
        &mut self,
        named: &Named<'_, '_>,
        held: &Prop<'_>,
        new: &Prop<'_>,
        now: &Prop<'_>,
        current: Option<&Prop<'_>>,
        unknown: &Unknown<'_, '_>,
    ) {
        let may_cut = self.habit != Habit::Own;
        let is_cut = may_cut && is_cut(&new.value, &held.value, named.name, true);
        let is_edit = new.value != held.value && !is_cut;
        let kinds_edited = new.kinds != held.kinds;
        if !(is_edit || kinds_edited) || new.means(now) {
            return;
        }
        let differs = is_edit && new.value != now.value;
        let is_changed = now.value != held.value;
        let is_one_place = held.kinds == new.kinds && held.kinds == now.kinds;
        if named.many && differs && is_changed && !is_one_place {
            // each side has put another one in its place
            if !unknown.values.contains(new.value.as_slice()) {
                self.insert(named.room, new);
            }
            return;
        }
        let value = if !differs {
            Chosen::Current
        } else if shape(named.name) == Shape::Parts {
            self.parts(named.name, current.unwrap_or(now), now, Some(held), new)
        } else if let Some(text) = self.both(named.name, current, now, Some(held), new)
            && is_changed
        {
            text
        } else if !is_changed || self.conflict(named.name) {
            self.whole(named.name, current, now, held, new)
        } else {
            Chosen::Current
        };
        let kinds = kinds_edited
            && new.kinds != now.kinds
            && (now.kinds == held.kinds || self.conflict(named.name));
        if kinds || !matches!(value, Chosen::Current) {
            self.put(named, current, now, new, kinds, value);
        }
    }

    /// Adds or completes the properties of one name from a device of which nothing is known.
    // spec: V04
    fn join(&mut self, named: &Named<'_, '_>) {
        let current_of = align(named.shown, named.current, true);
        let shown_of = align(named.new, named.shown, false);
        let mut unknown = Unknown::of(named, &current_of, named.new, &shown_of);
        for (at, new) in named.new.iter().enumerate() {
            let shown = shown_of.get(at).copied().flatten();
            let now = shown.and_then(|at| named.shown.get(at).copied());
            let current = shown
                .and_then(|at| current_of.get(at).copied().flatten())
                .and_then(|at| named.current.get(at).copied());
            match now {
                Some(now) if now.value == new.value => {
                    if tells_more(new, now) && (!tells_more(now, new) || self.conflict(named.name))
                    {
                        self.put(named, current, now, new, true, Chosen::Current);
                    }
                }
                Some(now) if !named.many => self.complete(named, current, now, new),
                _ => self.add(named, new, &mut unknown),
            }
        }
    }

    /// Decides between two values of what a record has once.
    // spec: V04
    fn complete(
        &mut self,
        named: &Named<'_, '_>,
        current: Option<&Prop<'_>>,
        now: &Prop<'_>,
        new: &Prop<'_>,
    ) {
        let whole = current.unwrap_or(now);
        let name = named.name;
        if new.value == whole.value || is_cut(&new.value, &whole.value, name, false) {
            return;
        }
        let is_longer = is_cut(&whole.value, &new.value, name, false);
        let value = if shape(name) == Shape::Parts {
            self.parts(name, whole, now, None, new)
        } else if is_longer {
            Chosen::New
        } else if self.conflict(name) {
            self.whole(name, current, now, now, new)
        } else {
            Chosen::Current
        };
        if !matches!(value, Chosen::Current) {
            let kinds = tells_more(new, now);
            self.put(named, current, now, new, kinds, value);
        }
    }

    /// Adds a property that the record does not have yet.
    fn add(&mut self, named: &Named<'_, '_>, new: &Prop<'_>, unknown: &mut Unknown<'_, '_>) {
        if unknown.values.contains(new.value.as_slice()) {
            return;
        }
        // of what there can be one, the new takes the place of the one that the device cannot show
        let place = if named.many {
            None
        } else {
            unknown.hidden.pop_front()
        };
        match place {
            Some(current) => {
                for label in &current.labels {
                    self.remove_line(label);
                }
                let line = write::copy(&new.line, new.line.group(), self.dialect());
                self.patch.replace(current.start(), current.end(), line);
            }
            None => self.insert(named.room, new),
        }
    }
}

/// Whether one has a type or parameter that the other lacks.
fn tells_more(one: &Prop<'_>, other: &Prop<'_>) -> bool {
    let is_known = |kind: &String| other.kinds.binary_search(kind).is_ok();
    !one.kinds.iter().all(is_known)
}

fn slice<'n, 'a>(index: &'n Index<'n, 'a>, name: &str) -> &'n [&'n Prop<'a>] {
    index.get(name).map_or(&[], Vec::as_slice)
}

//! Which record is the same record: numbers for an index, and the comparison behind them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::facts::{Facts, Purpose, TEXT_KEY, hash};
use crate::media::Kind;
use crate::moment::Moment;

/// What an index needs of an item. The numbers are stable over versions and platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// What sort of thing it is.
    pub kind: Kind,
    /// Equal for items that say the same, whatever the order, folding, encoding or line ends, and
    /// with or without empty properties and properties that software changes by itself. Parameters
    /// count, but for those that only say how a value is encoded.
    pub exact: u64,
    /// Equal for items that may be the same record; `None` when nothing names the item.
    pub key: Option<u64>,
    /// Identifier of a calendar entry, with that of the occurrence it overrides; of a series with
    /// overrides, that of the series.
    pub uid: Option<u64>,
    /// Equal for items that may be the same record where one of them has only the beginning of the
    /// name or title; `None` for what is too short to be a beginning, and for what devices do not
    /// cut so.
    pub short: Option<u64>,
}

/// How two items compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// They say the same.
    Same,
    /// They are versions of one record; the more they share, the higher.
    Match(u32),
    /// They are different records, or nothing tells that they are not.
    Different,
}

/// The fingerprint of an item.
pub fn fingerprint(media_type: &str, content: &[u8]) -> Fingerprint {
    let facts = Facts::of(media_type, content, Purpose::Index);
    Fingerprint {
        kind: facts.kind(),
        exact: facts.exact,
        key: key(&facts).map(|key| hash(key.as_bytes())),
        uid: Some(facts.record.uid())
            .filter(|uid| !uid.is_empty())
            .map(|uid| hash(uid.as_bytes())),
        short: short_key(&facts).map(|key| hash(key.as_bytes())),
    }
}

/// Characters of a name that every device keeps.
const SHORT_KEY: usize = 8;

/// What two items have in common whose names begin alike.
fn short_key(facts: &Facts) -> Option<String> {
    let mut name = facts.written_name.char_indices();
    let (last, character) = name.nth(SHORT_KEY - 1)?;
    let beginning = facts.written_name.get(..last + character.len_utf8())?;
    Some(with_start(facts, beginning))
}

/// What two items have in common, beside a UID, whenever they may match.
fn key(facts: &Facts) -> Option<String> {
    let record = &facts.record;
    if let Some(twin) = &facts.twin {
        return Some(twin.clone());
    }
    if record.title.is_empty() {
        // a card without a name is known by its first address or number
        let other = facts.emails.first().or_else(|| facts.phones.first())?;
        return Some(format!("\n{other}"));
    }
    Some(with_start(facts, &record.title))
}

/// A title with the start of what has one.
fn with_start(facts: &Facts, title: &str) -> String {
    match (facts.kind(), &facts.record.start) {
        (Kind::Event, Some(start)) => {
            let (zoned, number) = start.bucket();
            format!("{title}\n{zoned} {number}")
        }
        _ => title.to_owned(),
    }
}

/// Compares two items.
///
/// Items that differ are versions of one record ([`Likeness::Match`]) if they are of one kind and
///
/// * events: have one UID, of 8 characters at least, or one title, starts that
///   may be the same, and both recur or neither does. Starts are the same if they are one instant,
///   by the VTIMEZONE in the items; where one side only names a zone, if that zone's offset could
///   make them so; and, for dates and times without a zone, if they are written alike.
/// * tasks: have one UID, or one title and are due at most one day apart, or one has no due date.
/// * contacts: have one name, and share a phone number, address or birthday; or contradict each other
///   in none of these, and share the organization or one has nothing of these. Names are equal
///   whatever their order where one is written as one text. Companies are known by their
///   organization; without that, contacts have to share their first address or number.
/// * journal entries: have one UID, or one beginning of what a note would say of them, no two
///   starts, and one summary or text as notes have.
/// * notes: have one text, or one, in the same format, has only the beginning of the other's, at
///   least 32 characters.
/// * bookmarks: have one URL.
/// * mail: have one message, whatever its flags; files: one name and content; folders: one role;
///   short messages: one number, minute and text.
///
/// They are the same ([`Likeness::Same`]) if they are versions of one record and say the same in
/// every line, whatever their formats: `+49 30 1` and `+49301` are one number, and `TEL;CELL` and
/// `TEL;TYPE=cell` are one type.
///
/// A series with overridden occurrences is compared by its own properties, not by theirs. Two
/// items that are the same or match have equal [`Fingerprint::exact`], [`Fingerprint::key`] or
/// [`Fingerprint::uid`], if their media types are equal.
pub fn compare(media_a: &str, a: &[u8], media_b: &str, b: &[u8]) -> Likeness {
    if a == b {
        return Likeness::Same;
    }
    Comparable::of(media_a, a).compare(&Comparable::of(media_b, b))
}

/// An item that was read once, to be compared many times. It holds some hundred bytes and eight to
/// sixteen for each line of the item.
#[derive(Debug)]
pub struct Comparable(Facts);

impl Comparable {
    /// Reads an item.
    pub fn of(media_type: &str, content: &[u8]) -> Self {
        Self(Facts::of(media_type, content, Purpose::Compare))
    }

    /// Equal for items that are the same ([`Likeness::Same`]).
    pub fn signature(&self) -> u64 {
        if self.0.sayings.is_empty() {
            return self.0.exact;
        }
        let bytes: Vec<u8> = self
            .0
            .sayings
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();
        hash(&bytes)
    }

    /// Whether more than the name is one in both: of a contact a number, an address or the birthday, of a
    /// task the day on which it is due. Items of other kinds that match are known by more than a name.
    pub fn has_more_than_name_of(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        match a.kind() {
            Kind::Contact => shares_reach(a, b),
            Kind::Task => a.record.due.is_some() && b.record.due.is_some() && same_due(a, b),
            _ => true,
        }
    }

    /// What [`compare`] says of the two items.
    pub fn compare(&self, other: &Self) -> Likeness {
        let likeness = self.likeness(other);
        debug_assert!(likeness != Likeness::Same || self.signature() == other.signature());
        likeness
    }

    fn likeness(&self, other: &Self) -> Likeness {
        let (a, b) = (&self.0, &other.0);
        if a.kind() != b.kind() {
            return Likeness::Different;
        }
        if a.exact == b.exact && (a.lines == b.lines) {
            return Likeness::Same;
        }
        if !same_uid(a, b) && !same_by_content(a, b) {
            return Likeness::Different;
        }
        if !a.sayings.is_empty() && a.sayings == b.sayings {
            return Likeness::Same;
        }
        let shared = shared(&a.sayings, &b.sayings);
        Likeness::Match(u32::try_from(shared).unwrap_or(u32::MAX))
    }
}

/// Whether a new version of an item takes the place of it, rather than that it edits it: they say
/// different things, and what the item is known by (the name of a contact, the title and start of
/// an event, the text of a note) is another one, or the new version keeps less than half of what
/// was said.
pub fn replaces(before: (&str, &[u8]), after: (&str, &[u8])) -> bool {
    if before == after {
        return false;
    }
    let facts = |(media_type, content)| Facts::of(media_type, content, Purpose::Compare);
    let (before, after) = (facts(before), facts(after));
    if before.exact == after.exact {
        return false;
    }
    let former_key = key(&before);
    if former_key.is_some() && former_key != key(&after) {
        return true;
    }
    2 * shared(&before.sayings, &after.sayings) < before.sayings.len()
}

/// How many numbers two sorted lists have in common.
fn shared(a: &[u64], b: &[u64]) -> usize {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut count = 0;
    while let (Some(first), Some(second)) = (a.peek(), b.peek()) {
        match first.cmp(second) {
            Ordering::Less => drop(a.next()),
            Ordering::Greater => drop(b.next()),
            Ordering::Equal => {
                count += 1;
                a.next();
                b.next();
            }
        }
    }
    count
}

/// Whether `cut` is a note of which `whole` has more: what a device with little room leaves of it.
pub(crate) fn is_cut_note(cut: &[u8], whole: &[u8]) -> bool {
    const MEDIA: &str = "text/plain";
    let facts = |content: &[u8]| Facts::of(MEDIA, content, Purpose::Index);
    let (cut, whole) = (facts(cut), facts(whole));
    cut.kind() == Kind::Note && whole.kind() == Kind::Note && is_beginning(&cut, &whole)
}

/// A shorter UID tells nothing: some devices write a number of their own, or the same one always.
const UID_LENGTH: usize = 8;

/// Only calendars have identifiers that devices keep.
fn same_uid(a: &Facts, b: &Facts) -> bool {
    let has_uid = matches!(a.kind(), Kind::Event | Kind::Task | Kind::Journal);
    let uid = a.record.uid();
    has_uid && uid.len() >= UID_LENGTH && uid == b.record.uid()
}

pub(crate) fn same_by_content(a: &Facts, b: &Facts) -> bool {
    let key_of_a = key(a);
    if key_of_a.is_none() || key_of_a != key(b) {
        // the index would not have found it
        return false;
    }
    match a.kind() {
        Kind::Contact => same_contact(a, b),
        Kind::Event => same_start(a, b) && a.record.recurs == b.record.recurs,
        Kind::Journal => {
            // a device that has it as a note knows of no date
            let are_dated = a.record.start.is_some() && b.record.start.is_some();
            let is_titled = !a.written_name.is_empty() && a.written_name == b.written_name;
            (!are_dated || same_start(a, b)) && (is_titled || is_one_text(a, b))
        }
        Kind::Task => same_due(a, b),
        Kind::Note => is_one_text(a, b),
        Kind::Bookmark => true,
        Kind::Other => a.twin.is_some() && a.twin == b.twin,
    }
}

fn same_start(a: &Facts, b: &Facts) -> bool {
    match (&a.record.start, &b.record.start) {
        (Some(a), Some(b)) => a.is_alike(b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn same_due(a: &Facts, b: &Facts) -> bool {
    let day = |facts: &Facts| facts.record.due.as_ref().and_then(Moment::day);
    match (day(a), day(b)) {
        (Some(a), Some(b)) => a.abs_diff(b) <= 1,
        _ => true,
    }
}

/// Whether two have one text, or one has the beginning of the other's.
fn is_one_text(a: &Facts, b: &Facts) -> bool {
    a.body == b.body || is_beginning(a, b) || is_beginning(b, a)
}

// spec: V07
fn is_beginning(cut: &Facts, whole: &Facts) -> bool {
    cut.format == whole.format
        && cut.body.len() < whole.body.len()
        && cut.body.chars().count() >= TEXT_KEY
        && whole.body.starts_with(&cut.body)
}

/// Of one name, something beside it agrees, or nothing disagrees and one side has nothing beside it
/// or both work in one place. Two people of one name with different numbers stay two, colleagues or
/// not. What has no name is known by its key.
fn same_contact(a: &Facts, b: &Facts) -> bool {
    if a.record.title.is_empty() {
        return true;
    }
    let is_other = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
    if is_other(&a.structured_name, &b.structured_name) {
        // the same words, but given and family name are not told apart by a machine
        return false;
    }
    if shares_reach(a, b) {
        return true;
    }
    let has_birthday = has_birthdays(a, b);
    let differs = |a: &BTreeSet<String>, b: &BTreeSet<String>| !a.is_empty() && !b.is_empty();
    if has_birthday || differs(&a.phones, &b.phones) || differs(&a.emails, &b.emails) {
        return false;
    }
    let has_nothing = |facts: &Facts| {
        facts.phones.is_empty() && facts.emails.is_empty() && facts.birthday.is_empty()
    };
    let one_company = !a.organization.is_empty() && a.organization == b.organization;
    let names_a_person = !a.is_company && !b.is_company;
    (one_company && names_a_person)
        || ((has_nothing(a) || has_nothing(b)) && !is_other(&a.organization, &b.organization))
}

fn has_birthdays(a: &Facts, b: &Facts) -> bool {
    !a.birthday.is_empty() && !b.birthday.is_empty()
}

/// Whether a number, an address or the birthday is one in two cards.
fn shares_reach(a: &Facts, b: &Facts) -> bool {
    // some devices leave out the year
    let one_birthday = has_birthdays(a, b)
        && (a.birthday.ends_with(&b.birthday) || b.birthday.ends_with(&a.birthday));
    one_birthday || !a.phones.is_disjoint(&b.phones) || !a.emails.is_disjoint(&b.emails)
}

#[cfg(test)]
mod tests;

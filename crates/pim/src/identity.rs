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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CARD: &str = "text/vcard";

    fn card(body: &str) -> String {
        format!("BEGIN:VCARD\r\nVERSION:3.0\r\n{body}END:VCARD\r\n")
    }

    fn exact(content: &str) -> u64 {
        fingerprint(CARD, content.as_bytes()).exact
    }

    fn likeness(a: &str, b: &str) -> Likeness {
        compare(CARD, a.as_bytes(), CARD, b.as_bytes())
    }

    #[test]
    fn spelling_does_not_show() {
        let a = card("N:Berg;Ada\r\nTEL;TYPE=CELL,HOME:+49 30 1234567\r\nNOTE:long text\r\n");
        for b in [
            card("TEL;TYPE=HOME;TYPE=CELL:+49 30 1234567\r\nN:Berg;Ada\r\nNOTE:long text\r\n"),
            card("N:Berg;Ada\r\nTEL;TYPE=CELL,HOME:+49 30 1234567\r\nNOTE:long\r\n  text\r\n"),
            card("N:Berg;Ada;;;\r\nTEL;TYPE=CELL,HOME:+49 30 1234567\r\nNOTE:long text\r\nURL:\r\n"),
            card("REV:20260101T000000Z\r\nN:Berg;Ada\r\nTEL;CELL;HOME:+49 30 1234567\r\nNOTE:long text\r\n")
                .replace("\r\n", "\n"),
        ] {
            assert_eq!(exact(&a), exact(&b), "{b}");
            assert_eq!(likeness(&a, &b), Likeness::Same);
        }
        assert_ne!(exact(&a), exact(&a.replace("4567", "4568")));
    }

    #[test]
    fn an_edit_keeps_the_name_and_half_of_what_was_said() {
        let before = card("N:Berg;Ada\r\nTEL:+49 30 1\r\nEMAIL:ada@example.org\r\nORG:Mill\r\n");
        let replaced = |after: &str| {
            let after = card(after);
            replaces((CARD, before.as_bytes()), (CARD, after.as_bytes()))
        };
        for edit in [
            "ORG:Mill\r\nEMAIL:ada@example.org\r\nTEL:+49 30 1\r\nN:Berg;Ada\r\n",
            "N:Berg;Ada\r\nTEL:+49 30 2\r\nEMAIL:ada@example.org\r\nORG:Mill\r\nNOTE:New\r\n",
            "N:Berg;Ada\r\nTEL:+49 30 1\r\n",
        ] {
            assert!(!replaced(edit), "{edit}");
        }
        for other in [
            "N:B?rg;Ada\r\nTEL:+49 30 1\r\nEMAIL:ada@example.org\r\nORG:Mill\r\n",
            "TEL:+49 30 1\r\nEMAIL:ada@example.org\r\nORG:Mill\r\n",
            "N:Berg;Ada\r\n",
            "N:Berg;Ada\r\nTEL:+49 30 2\r\nEMAIL:eva@example.org\r\nORG:Forge\r\n",
        ] {
            assert!(replaced(other), "{other}");
        }
    }

    #[test]
    fn an_item_in_another_format_is_not_replaced() {
        let old =
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada\r\nTEL;CELL:1\r\nNOTE:x\r\nEND:VCARD\r\n";
        let new = card("N:Berg;Ada\r\nTEL;TYPE=cell:1\r\nNOTE:x\r\nURL:http://a.example/\r\n");
        let new = (CARD, new.as_bytes());
        assert!(!replaces(("text/x-vcard", old.as_bytes()), new));
        let note = |text: &'static str| ("text/plain", text.as_bytes());
        assert!(replaces(note("Milk\nand bread"), note("Paint")));
    }

    #[test]
    fn contacts_of_one_name() {
        let a = card("N:Berg;Ada\r\nTEL:+49 30 1234567\r\nEMAIL:ada@example.org\r\n");
        let moved = card("N:BERG;ada\r\nTEL:030/1234567\r\nORG:Mill\r\n");
        assert!(matches!(likeness(&a, &moved), Likeness::Match(_)));
        assert_eq!(
            fingerprint(CARD, a.as_bytes()).key,
            fingerprint(CARD, moved.as_bytes()).key
        );
        let bare = card("N:Berg;Ada\r\n");
        assert!(matches!(likeness(&a, &bare), Likeness::Match(_)));
        let twin = card("N:Berg;Ada\r\nTEL:+49 40 7654321\r\n");
        assert_eq!(likeness(&a, &twin), Likeness::Different);
        let other = card("N:Berg;Eva\r\nTEL:+49 30 1234567\r\n");
        assert_eq!(likeness(&a, &other), Likeness::Different);
    }

    #[test]
    fn events() {
        let event = |uid: &str, start: &str, summary: &str| {
            format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
                 DTSTART:{start}\r\nSUMMARY:{summary}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
            )
        };
        let likeness = |a: &str, b: &str| {
            compare("text/calendar", a.as_bytes(), "text/calendar", b.as_bytes())
        };
        let a = event("1@example", "20260302T090000Z", "Dentist");
        assert!(matches!(
            likeness(&a, &event("1@example", "20260309T090000Z", "Dentist")),
            Likeness::Match(_)
        ));
        assert!(matches!(
            likeness(&a, &event("2@example", "20260302T090000Z", "dentist")),
            Likeness::Match(_)
        ));
        assert_eq!(
            likeness(&a, &event("2@example", "20260309T090000Z", "Dentist")),
            Likeness::Different
        );
        assert_eq!(fingerprint("text/calendar", a.as_bytes()).kind, Kind::Event);
    }

    #[test]
    fn notes_are_their_text() {
        let same = compare(
            "text/plain",
            b"milk\r\neggs \r\n",
            "text/plain",
            b"milk\neggs",
        );
        assert_eq!(same, Likeness::Same);
        let other = compare("text/plain", b"milk", "text/plain", b"milk\neggs");
        assert_eq!(other, Likeness::Different);
    }

    #[test]
    fn a_name_and_its_beginning_have_one_short_key() {
        let short = |content: &str| fingerprint(CARD, content.as_bytes()).short;
        let whole = short(&card("N:Wolfeschlegelstein;Hubert\r\nFN:Hubert\r\n"));
        assert!(whole.is_some());
        assert_eq!(whole, short(&card("N:WOLFESCH;;;\r\nFN:Else\r\n")));
        assert_ne!(whole, short(&card("N:Wolfesheim;Hubert\r\n")));
        assert_eq!(
            short(&card("N:Berg;Ada\r\n")),
            short(&card("FN:Berg Ada K.\r\n"))
        );
        assert_eq!(short(&card("N:Berg;Al\r\n")), None, "too short to be cut");
        let event = |start: &str, title: &str| {
            let lines = format!("SUMMARY:{title}\r\nDTSTART:{start}\r\n");
            let text = calendar(&component("VEVENT", &lines));
            fingerprint(CALENDAR, text.as_bytes()).short
        };
        let nine = event("20260302T090000Z", "Committee on names");
        assert_eq!(nine, event("20260302T090000Z", "Committee"));
        assert_ne!(nine, event("20260312T090000Z", "Committee"));
    }

    #[test]
    fn separators_alone_say_nothing() {
        let plain = card("N:Berg;Ada;;;\r\nFN:Ada Berg\r\nTEL:1\r\n");
        let padded = card(
            "N:Berg;Ada;;;\r\nFN:Ada Berg\r\nTEL:1\r\nORG:;;;\r\nADR;TYPE=HOME:;;;;;;\r\nGEO:;\r\n",
        );
        let print = |text: &str| fingerprint(CARD, text.as_bytes());
        assert_eq!(print(&plain), print(&padded));
        let likeness = compare(CARD, plain.as_bytes(), CARD, padded.as_bytes());
        assert_eq!(likeness, Likeness::Same);
        let noted = card("N:Berg;Ada;;;\r\nFN:Ada Berg\r\nTEL:1\r\nNOTE:;\r\n");
        assert_ne!(
            print(&plain).exact,
            print(&noted).exact,
            "a text of its own"
        );
    }

    #[test]
    fn a_nameless_item_has_no_key() {
        assert_eq!(fingerprint(CARD, card("NOTE:x\r\n").as_bytes()).key, None);
    }

    const CALENDAR: &str = "text/calendar";

    fn calendar(components: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{components}END:VCALENDAR\r\n")
    }

    fn component(name: &str, properties: &str) -> String {
        format!("BEGIN:{name}\r\n{properties}END:{name}\r\n")
    }

    fn event(properties: &str) -> String {
        calendar(&component("VEVENT", properties))
    }

    /// What two items of one type are to each other, which is the same the other way round, and
    /// which the index agrees with.
    fn likeness_of(media_type: &str, a: &str, b: &str) -> Likeness {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        let likeness = compare(media_type, a, media_type, b);
        assert_eq!(likeness, compare(media_type, b, media_type, a));
        let (a, b) = (fingerprint(media_type, a), fingerprint(media_type, b));
        let is_found = (a.key.is_some() && a.key == b.key) || (a.uid.is_some() && a.uid == b.uid);
        match likeness {
            Likeness::Same => assert!(a.exact == b.exact || is_found, "{a:?} {b:?}"),
            Likeness::Match(_) => assert!(is_found, "{a:?} {b:?}"),
            Likeness::Different => assert!(a.kind != b.kind || a.exact != b.exact),
        }
        likeness
    }

    fn is_match(media_type: &str, a: &str, b: &str) -> bool {
        matches!(likeness_of(media_type, a, b), Likeness::Match(_))
    }

    #[test]
    fn tasks_of_one_title_are_told_by_their_due_date() {
        let task = |properties: &str| calendar(&component("VTODO", properties));
        let a = task("UID:1@example\r\nSUMMARY:Report\r\nDUE:20260302T170000Z\r\n");
        for (other, matches) in [
            (
                "UID:2@example\r\nSUMMARY:Report\r\nDUE:20260309T170000Z\r\n",
                false,
            ),
            (
                "UID:2@example\r\nSUMMARY:Report\r\nDUE:20260304T000000Z\r\n",
                false,
            ),
            (
                "UID:2@example\r\nSUMMARY:report\r\nDUE;VALUE=DATE:20260303\r\n",
                true,
            ),
            ("UID:2@example\r\nSUMMARY:Report\r\n", true),
            (
                "UID:2@example\r\nSUMMARY:Review\r\nDUE:20260302T170000Z\r\n",
                false,
            ),
            (
                "UID:1@example\r\nSUMMARY:Review\r\nDUE:20270302T170000Z\r\n",
                true,
            ),
        ] {
            assert_eq!(is_match(CALENDAR, &a, &task(other)), matches, "{other}");
        }
    }

    #[test]
    fn journal_entries_of_one_title_are_told_by_their_day() {
        let entry = |day: &str| {
            let properties = format!(
                "SUMMARY:Diary\r\nDTSTART:{day}\r\n\
                 DESCRIPTION:What has happened since I got up: {day}\r\n"
            );
            calendar(&component("VJOURNAL", &properties))
        };
        assert!(!is_match(CALENDAR, &entry("20260302"), &entry("20260303")));
        assert!(is_match(
            CALENDAR,
            &entry("20260302"),
            &entry("20260302T000000")
        ));
        // and what was a note has none
        let undated = entry("1").replace("DTSTART:1\r\n", "");
        assert!(is_match(CALENDAR, &entry("20260302"), &undated));
        let other = undated.replace("What has", "All that");
        assert!(!is_match(CALENDAR, &entry("20260302"), &other));
        // as notes are two that begin alike
        let minutes = |month: &str| {
            let summary = format!("SUMMARY:Minutes of the weekly board meeting - {month}\r\n");
            calendar(&component("VJOURNAL", &summary))
        };
        assert!(!is_match(CALENDAR, &minutes("Feb"), &minutes("Mar")));
        assert!(is_match(CALENDAR, &minutes("Feb"), &minutes("feb")));
    }

    #[test]
    fn a_note_and_a_journal_entry_of_it_have_one_key() {
        let key = |media_type, text: &str| fingerprint(media_type, text.as_bytes()).key;
        let entry = |properties: &str| key(CALENDAR, &calendar(&component("VJOURNAL", properties)));
        let note = key("text/plain", "Shopping\r\nMilk, and bread");
        assert!(note.is_some());
        let apart = "DTSTART:20260302\r\nSUMMARY:Shopping\r\nDESCRIPTION:Milk\\, and bread\r\n";
        assert_eq!(entry(apart), note);
        let whole = "SUMMARY:Shopping\r\nDESCRIPTION:Shopping\\nMilk\\, and bread\r\n";
        assert_eq!(entry(whole), note);
        // of several descriptions a note has the first
        let more = format!("{apart}DESCRIPTION:And more\r\n");
        assert_eq!(entry(&more), note);
    }

    #[test]
    fn a_series_is_known_by_its_own_properties() {
        let master = component(
            "VEVENT",
            "UID:1@example\r\nDTSTART:20260302T090000Z\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:Choir\r\n",
        );
        let moved = component(
            "VEVENT",
            "RECURRENCE-ID:20260309T090000Z\r\nUID:1@example\r\nDTSTART:20260310T090000Z\r\n\
             SUMMARY:Choir on Tuesday\r\n",
        );
        let series = calendar(&master);
        let anonymous = |text: &str| text.replace("UID:1@example\r\n", "");
        for overridden in [
            calendar(&format!("{master}{moved}")),
            calendar(&format!("{moved}{master}")),
        ] {
            assert!(is_match(CALENDAR, &series, &overridden));
            assert!(is_match(
                CALENDAR,
                &anonymous(&series),
                &anonymous(&overridden)
            ));
        }
        let occurrence = calendar(&moved);
        assert!(!is_match(CALENDAR, &series, &occurrence));
        let renamed = occurrence.replace("Choir on", "Singing on");
        assert!(is_match(CALENDAR, &occurrence, &renamed));
    }

    #[test]
    fn starts_are_compared_by_the_zone_in_the_item() {
        let rule = |name: &str, from: &str, to: &str, month: u8| {
            component(
                name,
                &format!(
                    "DTSTART:19700101T020000\r\nTZOFFSETFROM:{from}\r\nTZOFFSETTO:{to}\r\n\
                     RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY=-1SU\r\n"
                ),
            )
        };
        let zone = component(
            "VTIMEZONE",
            &format!(
                "TZID:Home\r\n{}{}",
                rule("DAYLIGHT", "+0100", "+0200", 3),
                rule("STANDARD", "+0200", "+0100", 10)
            ),
        );
        let zoned = |start: &str| {
            let properties =
                format!("UID:1@example\r\nDTSTART;TZID=Home:{start}\r\nSUMMARY:Choir\r\n");
            let event = component("VEVENT", &properties);
            // where the zone stands does not matter
            [
                calendar(&format!("{zone}{event}")),
                calendar(&format!("{event}{zone}")),
            ]
        };
        let utc = |start: &str| {
            event(&format!(
                "UID:2@example\r\nDTSTART:{start}\r\nSUMMARY:Choir\r\n"
            ))
        };
        for (local, start, matches) in [
            ("20260101T100000", "20260101T090000Z", true),
            ("20260701T100000", "20260701T080000Z", true),
            ("20260701T100000", "20260701T090000Z", false),
            ("20260101T003000", "20251231T233000Z", true),
            ("20260105T003000", "20260104T233000Z", true),
            ("20260101T100000", "20260101T100000", false),
        ] {
            for zoned in zoned(local) {
                let found = is_match(CALENDAR, &zoned, &utc(start));
                assert_eq!(found, matches, "{local} {start}");
            }
        }
    }

    #[test]
    fn starts_in_a_zone_that_is_only_named() {
        let starts = |uid: &str, start: &str| {
            event(&format!("UID:{uid}\r\nDTSTART{start}\r\nSUMMARY:Choir\r\n"))
        };
        for (a, b, matches) in [
            (
                ":20260101T090000Z",
                ";TZID=Europe/Berlin:20260101T100000",
                true,
            ),
            (
                ":20251231T233000Z",
                ";TZID=Europe/Berlin:20260101T003000",
                true,
            ),
            (
                ":20260101T090000Z",
                ";TZID=Europe/Berlin:20260101T101000",
                false,
            ),
            (
                ":20260101T090000Z",
                ";TZID=Somewhere:20260102T090000",
                false,
            ),
            (":20260101T090000", ":20260101T100000", false),
            (
                ":20260101T090000",
                ";TZID=Europe/Berlin:20260101T100000",
                false,
            ),
            (";VALUE=DATE:20260101", ":20260101T000000", true),
            (";VALUE=DATE:20260101", ";VALUE=DATE:20260102", false),
        ] {
            let (first, second) = (starts("1", a), starts("2", b));
            assert_eq!(is_match(CALENDAR, &first, &second), matches, "{a} {b}");
        }
    }

    #[test]
    fn parameters_count() {
        let a = card("N:Berg;Ada\r\nTEL;TYPE=CELL;X-A=1:030 1234567\r\n");
        for parameters in [
            "TYPE=CELL",
            "TYPE=CELL;X-A=2",
            "TYPE=CELL;X-A=1;PREF=1",
            "TYPE=CELL;X-A=1;VALUE=text",
        ] {
            let b = card(&format!("N:Berg;Ada\r\nTEL;{parameters}:030 1234567\r\n"));
            assert!(is_match(CARD, &a, &b), "{parameters}");
        }
        for parameters in [
            "x-a=1;TYPE=cell",
            "X-A=\"1\";CELL",
            "CELL;ENCODING=8BIT;X-A=1;CHARSET=UTF-8",
        ] {
            let b = card(&format!("N:Berg;Ada\r\nTEL;{parameters}:030 1234567\r\n"));
            assert_eq!(likeness_of(CARD, &a, &b), Likeness::Same, "{parameters}");
        }
        let meeting = |parameters: &str| {
            event(&format!(
                "UID:1@example\r\nSUMMARY:Plan\r\nATTENDEE;{parameters}:mailto:ada@example.org\r\n"
            ))
        };
        let a = meeting("PARTSTAT=ACCEPTED;CN=Ada");
        assert!(is_match(CALENDAR, &a, &meeting("PARTSTAT=DECLINED;CN=Ada")));
        assert!(is_match(CALENDAR, &a, &meeting("PARTSTAT=ACCEPTED;CN=ADA")));
        let spelled = meeting("CN=\"Ada\";partstat=accepted");
        assert_eq!(likeness_of(CALENDAR, &a, &spelled), Likeness::Same);
        let alarm = |related: &str| {
            let alarm = component("VALARM", &format!("TRIGGER;RELATED={related}:-PT5M\r\n"));
            event(&format!("UID:1@example\r\nSUMMARY:Plan\r\n{alarm}"))
        };
        assert!(is_match(CALENDAR, &alarm("START"), &alarm("END")));
    }

    #[test]
    fn cards_without_a_name_are_known_by_address_or_number() {
        let a = card("EMAIL:ada@example.org\r\nTEL:030 1234567\r\n");
        let other = card("EMAIL:Ada@example.org\r\nNOTE:x\r\n");
        assert!(is_match(CARD, &a, &other));
        assert!(!is_match(CARD, &a, &card("EMAIL:eva@example.org\r\n")));
        let named = card("N:Berg;Ada\r\nEMAIL:ada@example.org\r\n");
        assert!(!is_match(CARD, &a, &named));
    }

    // spec: V07
    #[test]
    fn a_note_that_a_device_cut_is_the_same_note() {
        let whole = "Bread, butter, milk, a dozen eggs, flour\nand sugar";
        let cut = "Bread, butter, milk, a dozen eggs, fl";
        assert!(is_match("text/plain", whole, cut));
        assert!(!is_match("text/plain", whole, "Bread, butter, milk"));
        assert!(!is_match("text/plain", whole, &cut.replace("fl", "fi")));
        assert!(is_cut_note(cut.as_bytes(), whole.as_bytes()));
        assert!(!is_cut_note(whole.as_bytes(), cut.as_bytes()));
        let note = component(
            "VNOTE",
            "VERSION:1.1\r\nSUMMARY:Bread\r\nBODY:Bread and milk\r\n",
        );
        assert!(is_match("text/plain", &note, "Bread and milk\r\n"));
    }

    // spec: T41
    #[test]
    fn bookmarks_are_their_address() {
        let bookmark = |title: &str, url: &str| {
            component(
                "VBKM",
                &format!("VERSION:1.0\r\nTITLE:{title}\r\nURL:{url}\r\n"),
            )
        };
        let a = bookmark("Mill", "http://Example.org/Mill");
        let same = bookmark("The mill", "HTTP://example.org/Mill/");
        assert!(is_match("text/x-vbookmark", &a, &same));
        let other = bookmark("Mill", "http://example.org/mill");
        assert!(!is_match("text/x-vbookmark", &a, &other));
        // the envelope has the address too
        let envelope = "BEGIN:ENV\r\nX-IRMC-URL;QUOTED-PRINTABLE:=\r\n[InternetShortcut]\r\n\
                        URL=http://example.org/Mill\r\nEND:ENV\r\n";
        let without = component("VBKM", &format!("VERSION:1.0\r\nTITLE:M\r\n{envelope}"));
        assert!(is_match("text/x-vbookmark", &a, &without));
        let encoded = without.replace(
            "PRINTABLE:=\r\n[InternetShortcut]\r\nURL=",
            "PRINTABLE:=0D=0AURL=3D",
        );
        assert!(is_match("text/x-vbookmark", &a, &encoded));
        let with = component(
            "VBKM",
            &format!("{envelope}URL:http://example.org/other\r\n"),
        );
        assert!(!is_match("text/x-vbookmark", &a, &with));
    }

    /// One of the properties that decide, often none.
    fn maybe(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
        prop_oneof![Just(""), proptest::sample::select(choices)]
    }

    fn any_entry() -> impl Strategy<Value = String> {
        let starts = &[
            "DTSTART:20260101T090000Z\r\n",
            "DTSTART:20260104T030000Z\r\n",
            "DTSTART:20260101T100000\r\n",
            "DTSTART;TZID=Europe/Berlin:20260101T100000\r\n",
            "DTSTART;TZID=Europe/Berlin:20260104T050000\r\n",
            "DTSTART;TZID=Home:20260101T100000\r\n",
            "DTSTART;VALUE=DATE:20260101\r\n",
            "DTSTART:soon\r\n",
        ];
        let dues = &[
            "DUE:20260101\r\n",
            "DUE:20260102T120000Z\r\n",
            "DUE:20260109\r\n",
        ];
        let component_of_an_entry = (
            maybe(&["UID:1@example\r\n", "UID:2@example\r\n"]),
            maybe(&["SUMMARY:Choir\r\n", "SUMMARY:choir\r\n", "SUMMARY:Mill\r\n"]),
            maybe(starts),
            maybe(dues),
            maybe(&["RRULE:FREQ=DAILY\r\n"]),
            maybe(&["RECURRENCE-ID:20260101T090000Z\r\n"]),
            maybe(&["ATTENDEE;CN=A:a\r\n", "ATTENDEE;CN=B:a\r\n"]),
        )
            .prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].concat());
        let zone = maybe(&[
            "BEGIN:VTIMEZONE\r\nTZID:Home\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
             TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
        ]);
        let name = proptest::sample::select(&["VEVENT", "VTODO", "VJOURNAL"][..]);
        let components = proptest::collection::vec(component_of_an_entry, 1..3);
        (name, components, zone).prop_map(|(name, components, zone)| {
            let components = components.iter().map(|text| component(name, text));
            calendar(&(components.collect::<String>() + zone))
        })
    }

    fn any_card() -> impl Strategy<Value = String> {
        (
            maybe(&["N:Berg;Ada\r\n", "N:BERG;ada;\r\n", "N:Berg;Eva\r\n"]),
            maybe(&["FN:Berg Ada\r\n", "FN:Mill\r\n"]),
            maybe(&[
                "TEL:1234567\r\n",
                "TEL;PREF=1:+1 1234567\r\n",
                "TEL:7654321\r\n",
            ]),
            maybe(&["EMAIL:a@example.org\r\n", "EMAIL:b@example.org\r\n"]),
            maybe(&["EMAIL:c@example.org\r\n", "UID:1@example\r\n"]),
            maybe(&["ORG:Mill\r\n"]),
        )
            .prop_map(|(a, b, c, d, e, f)| card(&[a, b, c, d, e, f].concat()))
    }

    fn any_note() -> impl Strategy<Value = String> {
        let text = "Bread,  butter, milk, \u{fc}ber a dozen eggs, flour and sugar";
        (0..text.len(), maybe(&["\r\n", "x"]), any::<bool>()).prop_map(
            move |(end, more, wrapped)| {
                let text: String = text.chars().take(end).collect();
                if wrapped {
                    component("VNOTE", &format!("SUMMARY:Bread\r\nBODY:{text}{more}\r\n"))
                } else {
                    text + more
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_index_finds_what_matches(
            entries in (any_entry(), any_entry()),
            cards in (any_card(), any_card()),
            notes in (any_note(), any_note()),
        ) {
            likeness_of(CALENDAR, &entries.0, &entries.1);
            likeness_of(CARD, &cards.0, &cards.1);
            likeness_of("text/plain", &notes.0, &notes.1);
        }
    }
}

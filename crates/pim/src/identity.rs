//! Which record is the same record: numbers for an index, and the comparison behind them.

use crate::facts::{Facts, hash};
use crate::media::Kind;

/// What an index needs of an item. The numbers are stable over versions and platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// What sort of thing it is.
    pub kind: Kind,
    /// Equal for items that say the same, whatever the order, folding, encoding or line ends, and
    /// with or without empty properties and properties that software changes by itself.
    pub exact: u64,
    /// Equal for items that may be the same record; `None` when nothing names the item.
    pub key: Option<u64>,
    /// Identifier of a calendar entry, with that of the occurrence it overrides.
    pub uid: Option<u64>,
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
    let facts = Facts::of(media_type, content);
    Fingerprint {
        kind: facts.kind(),
        exact: facts.exact,
        key: key(&facts).map(|key| hash(key.as_bytes())),
        uid: (!facts.uid.is_empty()).then(|| hash(facts.uid.as_bytes())),
    }
}

fn key(facts: &Facts) -> Option<String> {
    if facts.title.is_empty() {
        // a card without a name is known by its first address or number
        let other = facts.emails.first().or_else(|| facts.phones.first())?;
        return Some(format!("unnamed {other}"));
    }
    Some(match facts.kind() {
        Kind::Event => format!("{} {}", facts.title, day(&facts.start)),
        _ => facts.title.clone(),
    })
}

/// The date within a start: the last eight digits before a time.
fn day(start: &str) -> &str {
    let date = start.split('T').next().unwrap_or_default();
    date.get(date.len().saturating_sub(8)..).unwrap_or(date)
}

/// Compares two items.
pub fn compare(media_a: &str, a: &[u8], media_b: &str, b: &[u8]) -> Likeness {
    if a == b {
        return Likeness::Same;
    }
    let (a, b) = (Facts::of(media_a, a), Facts::of(media_b, b));
    if a.kind() != b.kind() {
        return Likeness::Different;
    }
    if a.exact == b.exact && (a.lines == b.lines) {
        return Likeness::Same;
    }
    let shared = u32::try_from(a.lines.intersection(&b.lines).count()).unwrap_or(u32::MAX);
    let is_match = match a.kind() {
        Kind::Contact => same_contact(&a, &b),
        Kind::Event => {
            same_uid(&a, &b) || (same_title(&a, &b) && a.start == b.start && a.recurs == b.recurs)
        }
        Kind::Task | Kind::Journal => same_uid(&a, &b) || same_title(&a, &b),
        Kind::Note | Kind::Bookmark | Kind::Other => false,
    };
    if is_match {
        Likeness::Match(shared)
    } else {
        Likeness::Different
    }
}

fn same_uid(a: &Facts, b: &Facts) -> bool {
    !a.uid.is_empty() && a.uid == b.uid
}

fn same_title(a: &Facts, b: &Facts) -> bool {
    !a.title.is_empty() && a.title == b.title
}

/// Same name, and something beside it agrees or one side has nothing beside it. Two people of one
/// name with different numbers stay two.
fn same_contact(a: &Facts, b: &Facts) -> bool {
    if !same_title(a, b) {
        return false;
    }
    let nothing = |facts: &Facts| {
        facts.phones.is_empty() && facts.emails.is_empty() && facts.birthday.is_empty()
    };
    nothing(a)
        || nothing(b)
        || !a.phones.is_disjoint(&b.phones)
        || !a.emails.is_disjoint(&b.emails)
        || (!a.organization.is_empty() && a.organization == b.organization)
        || (!a.birthday.is_empty() && a.birthday == b.birthday)
}

#[cfg(test)]
mod tests {
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
        let a = event("1", "20260302T090000Z", "Dentist");
        assert!(matches!(
            likeness(&a, &event("1", "20260309T090000Z", "Dentist")),
            Likeness::Match(_)
        ));
        assert!(matches!(
            likeness(&a, &event("2", "20260302T090000Z", "dentist")),
            Likeness::Match(_)
        ));
        assert_eq!(
            likeness(&a, &event("2", "20260309T090000Z", "Dentist")),
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
    fn a_nameless_item_has_no_key() {
        assert_eq!(fingerprint(CARD, card("NOTE:x\r\n").as_bytes()).key, None);
    }
}

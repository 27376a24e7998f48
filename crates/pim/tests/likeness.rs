//! Which spellings are one record, and which near records are two.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use pim::{Likeness, compare, fingerprint};

fn card(version: &str, lines: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:{version}\r\n{lines}\r\nEND:VCARD\r\n")
}

/// What two cards are to each other, the first of version 3.0 and the second of 2.1.
fn across(new: &str, old: &str) -> Likeness {
    let (new, old) = (card("3.0", new), card("2.1", old));
    let likeness = compare("text/vcard", new.as_bytes(), "text/x-vcard", old.as_bytes());
    let back = compare("text/x-vcard", old.as_bytes(), "text/vcard", new.as_bytes());
    assert_eq!(likeness, back);
    if likeness != Likeness::Different {
        let new = fingerprint("text/vcard", new.as_bytes());
        let old = fingerprint("text/x-vcard", old.as_bytes());
        assert!(
            new.exact == old.exact || new.key == old.key,
            "no index finds it"
        );
    }
    likeness
}

// spec: H01
#[test]
fn one_content_in_two_versions_is_the_same() {
    for (new, old) in [
        ("N:Berg\\, Jr.;Ada", "N:Berg, Jr.;Ada;;;"),
        (
            "N:Berg;Ada\r\nTEL;TYPE=\"cell,pref\":+49 (30) 12-34",
            "N:Berg;Ada\r\nTEL;PREF;CELL:0049301234",
        ),
        (
            "N:Berg;Ada\r\nTEL;TYPE=HOME,VOICE:030 1\r\nTEL;TYPE=HOME:030 2",
            "TEL;HOME:0302\r\nTEL;HOME;VOICE:0301\r\nN:Berg;Ada",
        ),
        (
            "N:Berg;Ada\r\nBDAY;VALUE=date:1984-05-06",
            "N:Berg;Ada\r\nBDAY:19840506T000000Z",
        ),
        (
            "N:Berg;Ada\r\nORG:Mill\\; Sons;Office\r\nCATEGORIES:One,Two",
            "N:Berg;Ada\r\nORG;ENCODING=QUOTED-PRINTABLE:Mill=3B Sons;Office\r\nCATEGORIES:Two;One",
        ),
        (
            "N:Berg;Ada\r\nCATEGORIES:One,Two",
            "N:Berg;Ada\r\nCATEGORIES:Two,One",
        ),
        (
            "N:Berg;Ada\r\nEMAIL;TYPE=INTERNET:Ada@Example.org\r\nNOTE:a\\, b\\nc",
            "N:Berg;Ada\r\nEMAIL:ada@example.org\r\nNOTE;ENCODING=QUOTED-PRINTABLE:a, b=0D=0Ac",
        ),
        (
            "N:Berg;Ada\r\nNOTE:a\\nb",
            "N:Berg;Ada\r\nNOTE;ENCODING=QUOTED-PRINTABLE:a=0Db",
        ),
    ] {
        assert_eq!(across(new, old), Likeness::Same, "{new} and {old}");
    }
    for (new, old) in [
        (
            "N:Berg;Ada\r\nTEL;TYPE=CELL:030 1",
            "N:Berg;Ada\r\nTEL;HOME:030 1",
        ),
        (
            "N:Berg;Ada\r\nTEL;TYPE=FAX:030 1",
            "N:Berg;Ada\r\nTEL;FAX;VOICE:030 1",
        ),
        ("N:Berg;Ada\r\nNOTE:a", "N:Berg;Ada\r\nNOTE:A"),
    ] {
        assert!(
            matches!(across(new, old), Likeness::Match(_)),
            "{new} and {old}"
        );
    }
}

// spec: H04
#[test]
fn a_name_is_one_in_whichever_order_a_device_writes_it() {
    let ada = "N:Berg;Ada;;;\r\nFN:Ada Berg\r\nTEL:030 1234567";
    for name in [
        "FN:Ada Berg",
        "N:;;;;\r\nFN:Berg, Ada",
        "N:;;\r\nFN:BERG ADA",
    ] {
        let other = format!("{name}\r\nTEL:030/1234567");
        assert!(matches!(across(ada, &other), Likeness::Match(_)), "{name}");
        let twin = format!("{name}\r\nTEL:030/7654321");
        assert_eq!(across(ada, &twin), Likeness::Different, "{name}");
    }
    // who has both names has them for a reason
    let turned = "N:Ada;Berg\r\nTEL:030 1234567";
    assert_eq!(across(ada, turned), Likeness::Different);
}

// spec: H06
#[test]
fn namesakes_stay_apart() {
    let with = |lines: &str| format!("N:Berg;Ada\r\n{lines}");
    for (a, b, matches) in [
        // colleagues of one name
        (
            "ORG:Mill\r\nTEL:030 1234567",
            "ORG:Mill\r\nTEL:030 7654321",
            false,
        ),
        (
            "ORG:Mill\r\nTEL:030 1234567",
            "ORG:Mill\r\nEMAIL:a@example.org",
            true,
        ),
        (
            "ORG:Mill\r\nTEL:030 1234567",
            "ORG:Sea\r\nEMAIL:a@example.org",
            false,
        ),
        ("ORG:Mill\r\nTEL:030 1234567", "ORG:Sea", false),
        ("ORG:Mill\r\nTEL:030 1234567", "TITLE:Baker", true),
        (
            "BDAY:1984-05-06\r\nTEL:030 1234567",
            "BDAY:--0506\r\nTEL:040 1",
            true,
        ),
        ("BDAY:1984-05-06", "BDAY:19840507", false),
        ("TEL:+49 30 1234567p12", "TEL:030-1234567", true),
        ("TEL:+49 30 1234567p7654321", "TEL:040 7654321", false),
    ] {
        let found = matches!(across(&with(a), &with(b)), Likeness::Match(_));
        assert_eq!(found, matches, "{a} and {b}");
    }
}

// spec: H06
#[test]
fn a_name_is_one_in_every_spelling() {
    for (new, old) in [
        ("N:BERG;ada", "N:Berg;Ada"),
        ("N:Berg ;  Ada  Maria", "N:Berg;Ada Maria;"),
        ("N:M\u{fc}ller;Ada", "N;CHARSET=UTF-8:Mu\u{308}ller;Ada"),
        ("N:\u{ff22}\u{ff45}\u{ff52}\u{ff47};Ada", "N:Berg;Ada"),
        ("N:\u{fb01}sch;Ada", "N:Fisch;Ada"),
        ("N:Berg;Ada;;Dr.;jr", "N:Berg;Ada"),
    ] {
        let with = |name: &str, number: &str| format!("{name}\r\nTEL:{number}");
        let likeness = across(&with(new, "030 1234567"), &with(old, "030 1234567"));
        assert_ne!(likeness, Likeness::Different, "{new} and {old}");
        let twin = across(&with(new, "030 1234567"), &with(old, "030 7654321"));
        assert_eq!(twin, Likeness::Different, "{new} and {old}");
    }
    let middle = across(
        "N:Berg;Ada;Maria\r\nTEL:1234567",
        "N:Berg;Ada;Eva\r\nTEL:1234567",
    );
    assert_eq!(middle, Likeness::Different);
}

// spec: H06
#[test]
fn an_event_is_its_title_and_start_whatever_else_it_says() {
    let event = |lines: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\n\
             END:VCALENDAR\r\n"
        )
    };
    let at = |lines: &str| {
        event(&format!(
            "SUMMARY:Choir\r\nDTSTART:20260701T080000Z\r\n{lines}"
        ))
    };
    let ours = at("UID:1\r\nLOCATION:Hall\r\nDTEND:20260701T090000Z");
    let likeness = |theirs: &str| {
        compare(
            "text/calendar",
            ours.as_bytes(),
            "text/calendar",
            theirs.as_bytes(),
        )
    };
    for same in [
        at("UID:2\r\nLOCATION:Church"),
        at("UID:2\r\nDESCRIPTION:a\r\nDTEND:20260701T100000Z"),
        at("UID:2\r\nCATEGORIES:a\r\nPRIORITY:1\r\nSTATUS:TENTATIVE"),
        at("UID:2\r\nEXDATE:20260702T080000Z\r\nATTENDEE:mailto:a@example.org"),
    ] {
        assert!(matches!(likeness(&same), Likeness::Match(_)), "{same}");
    }
    for other in [
        at("UID:2\r\nRRULE:FREQ=DAILY"),
        event("SUMMARY:Choirs\r\nDTSTART:20260701T080000Z"),
        event("SUMMARY:Choir\r\nDTSTART;VALUE=DATE:20260701"),
        event("SUMMARY:Choir"),
        // what has no title is known by nothing
        event("DTSTART:20260701T080000Z\r\nDTEND:20260701T090000Z\r\nLOCATION:Hall"),
    ] {
        assert_eq!(likeness(&other), Likeness::Different, "{other}");
    }
    let untitled = event("DTSTART:20260701T080000Z");
    let other = event("DTSTART:20260701T080000Z\r\nLOCATION:Hall");
    let likeness = compare(
        "text/calendar",
        untitled.as_bytes(),
        "text/calendar",
        other.as_bytes(),
    );
    assert_eq!(likeness, Likeness::Different);
}

// spec: H06
#[test]
fn a_company_is_known_by_its_organization() {
    let mill = "ORG:Mill;Stones\r\nTEL:030 1234567";
    assert!(matches!(
        across(mill, "N:;;;;\r\nORG:MILL\r\nTEL:030/1234567"),
        Likeness::Match(_)
    ));
    assert!(matches!(
        across(mill, "FN:Mill\r\nTEL:0301234567"),
        Likeness::Match(_)
    ));
    assert_eq!(
        across(mill, "ORG:Mill\r\nTEL:030 7654321"),
        Likeness::Different
    );
    assert_eq!(
        across(mill, "ORG:Sea\r\nTEL:030 1234567"),
        Likeness::Different
    );
}

// spec: H06
#[test]
fn a_zone_that_is_only_named_is_looked_up() {
    let event = |start: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Choir\r\nDTSTART{start}\r\n\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    let berlin = event(";TZID=Europe/Berlin:20260701T100000");
    for (start, matches) in [
        (":20260701T080000Z", true),
        (":20260701T090000Z", false),
        (";TZID=Europe/London:20260701T090000", true),
        (";TZID=\"W. Europe Standard Time\":20260701T100000", true),
        (";TZID=Europe/London:20260701T100000", false),
    ] {
        let likeness = compare(
            "text/calendar",
            berlin.as_bytes(),
            "text/calendar",
            event(start).as_bytes(),
        );
        let found = likeness != Likeness::Different;
        assert_eq!(found, matches, "{start}");
    }
}

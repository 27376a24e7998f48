//! Which records are one, and which are not.

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
    let old = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada\r\nTEL;CELL:1\r\nNOTE:x\r\nEND:VCARD\r\n";
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
    let likeness =
        |a: &str, b: &str| compare("text/calendar", a.as_bytes(), "text/calendar", b.as_bytes());
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
        let properties = format!("UID:1@example\r\nDTSTART;TZID=Home:{start}\r\nSUMMARY:Choir\r\n");
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
    (0..text.len(), maybe(&["\r\n", "x"]), any::<bool>()).prop_map(move |(end, more, wrapped)| {
        let text: String = text.chars().take(end).collect();
        if wrapped {
            component("VNOTE", &format!("SUMMARY:Bread\r\nBODY:{text}{more}\r\n"))
        } else {
            text + more
        }
    })
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

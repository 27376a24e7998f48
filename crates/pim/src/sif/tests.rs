//! Items of Funambol's clients, by example and by what holds for any.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::convert::stamp;
use crate::{
    ConvertError, Converted, Likeness, Target, TimeMode, TimeProfile, Zone, compare, convert,
    convert_for,
};

const SIF_C: &str = "text/x-s4j-sifc";
const SIF_E: &str = "text/x-s4j-sife";
const SIF_T: &str = "text/x-s4j-sift";
const SIF_N: &str = "text/x-s4j-sifn";

fn to(format: Format) -> Target {
    Target {
        format,
        quoted_printable: false,
    }
}

fn document(root: &str, fields: &[(&str, &str)]) -> String {
    let fields = fields.iter();
    let fields = fields.map(|(name, text)| format!("<{name}>{text}</{name}>"));
    format!(
        "<?xml version='1.0'?>\n<{root}>{}</{root}>",
        fields.collect::<String>()
    )
}

/// The fields of a document, the empty ones and what says nothing left out.
fn fields(document: &[u8]) -> Vec<(String, String)> {
    let mut all: Vec<_> = Elements::read(document)
        .all()
        .filter(|(name, text)| !text.is_empty() && name != "SIFVersion")
        .collect();
    all.sort();
    all
}

fn text(converted: Converted) -> String {
    String::from_utf8(converted.bytes).unwrap()
}

/// An item in another format, and what it comes back as.
fn there_and_back(media_type: &str, source: &str, format: Format) -> (String, String) {
    let there = convert(source.as_bytes(), media_type, to(format)).unwrap();
    let own = Format::of(media_type, source.as_bytes()).unwrap();
    let back = convert(&there.bytes, there.media_type, to(own)).unwrap();
    (text(there), text(back))
}

fn person() -> Vec<(&'static str, &'static str)> {
    vec![
        ("FirstName", "Ann"),
        ("LastName", "Lake"),
        ("MiddleName", "Mary"),
        ("Title", "Dr."),
        ("Suffix", "Jr."),
        ("FileAs", "Lake, Ann"),
        ("NickName", "Annie"),
        ("CompanyName", "Mill &amp; Co; Ltd"),
        ("Department", "Flour"),
        ("JobTitle", "Miller"),
        ("Profession", "Chief"),
        ("Birthday", "1984-05-06"),
        ("Anniversary", "2010-01-02"),
        ("Email1Address", "ann@example.org"),
        ("Email3Address", "lake@example.org"),
        ("MobileTelephoneNumber", "+49 1"),
        ("Home2TelephoneNumber", "2"),
        ("BusinessTelephoneNumber", "3"),
        ("Business2TelephoneNumber", "4"),
        ("CompanyMainTelephoneNumber", "5"),
        ("BusinessFaxNumber", "6"),
        ("PagerNumber", "7"),
        ("OtherTelephoneNumber", "8"),
        ("PrimaryTelephoneNumber", "9"),
        ("HomeAddressStreet", "1 Main St"),
        ("HomeAddressCity", "Town"),
        ("HomeAddressPostalCode", "99"),
        ("BusinessAddressCountry", "Land"),
        ("BusinessAddress", "Mill\nLand"),
        ("WebPage", "http://a.example/?b=c,d;e"),
        ("BusinessWebPage", "http://b.example/"),
        ("Spouse", "Bob"),
        ("Children", "Cy"),
        ("Categories", "Business, Friends"),
        ("Gender", "1"),
        ("Sensitivity", "2"),
        ("Body", "tall\n\nand: \\quiet; &lt;b&gt;"),
        ("Photo", "/9j/4AAQ"),
        ("Hobby", "chess, go; and = so on"),
        ("YomiLastName", "レイク"),
    ]
}

// spec: T43
#[test]
fn a_contact_says_the_same_as_a_card() {
    let source = document("contact", &person());
    let (card, back) = there_and_back(SIF_C, &source, Format::VCard30);
    for line in [
        "N:Lake;Ann;Mary;Dr.;Jr.",
        "FN:Lake\\, Ann",
        "ORG:Mill & Co\\; Ltd;Flour",
        "TEL;TYPE=CELL:+49 1",
        "TEL;TYPE=FAX;TYPE=WORK:6",
        "TEL;TYPE=WORK;TYPE=VOICE;X-SIF=CompanyMainTelephoneNumber:5",
        "ADR;TYPE=HOME:;;1 Main St;Town;;99;",
        "URL:http://a.example/?b=c,d;e",
        "CATEGORIES:Business,Friends",
        "CLASS:PRIVATE",
        "X-GENDER:Female",
        "NOTE:tall\\n\\nand: \\\\quiet\\; <b>",
        "PHOTO;ENCODING=b:/9j/4AAQ",
        "BDAY:1984-05-06",
    ] {
        assert!(card.contains(&format!("{line}\r\n")), "no {line} in {card}");
    }
    assert_eq!(fields(back.as_bytes()), fields(source.as_bytes()));
    // by the phone's version of the card, too
    let (old, _) = there_and_back(SIF_C, &source, Format::VCard21);
    assert!(
        old.contains("VERSION:2.1\r\n") && old.contains("TEL;CELL:+49 1\r\n"),
        "{old}"
    );
    assert_ne!(
        compare(SIF_C, source.as_bytes(), "text/x-vcard", old.as_bytes()),
        Likeness::Different
    );
}

#[test]
fn a_card_of_another_client_finds_the_elements() {
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann\r\nFN:Ann Lake\r\nTEL;TYPE=WORK,PREF:1\r\n\
        TEL;TYPE=CELL,VOICE:2\r\nTEL;TYPE=WORK,CELL:3\r\nTEL;TYPE=HOME:4\r\nTEL;TYPE=HOME:5\r\n\
        TEL;TYPE=HOME:6\r\nTEL;TYPE=VIDEO:7\r\nEMAIL;TYPE=HOME:a\r\nADR;TYPE=HOME:1;2;3;4;5;6;7\r\n\
        X-JABBER:j\r\nUID:1\r\nEND:VCARD\r\n";
    let converted = convert(card.as_bytes(), "text/vcard", to(Format::SifContact)).unwrap();
    let lost: Vec<_> = converted
        .lost
        .iter()
        .map(|line| String::from_utf8_lossy(line))
        .collect();
    assert_eq!(
        lost,
        [
            "TEL;TYPE=WORK,CELL:3\r\n",
            "TEL;TYPE=HOME:6\r\n",
            "TEL;TYPE=VIDEO:7\r\n",
            "EMAIL;TYPE=HOME:a\r\n",
            "ADR;TYPE=HOME:1;2;3;4;5;6;7\r\n",
            "X-JABBER:j\r\n",
            "UID:1\r\n"
        ]
    );
    let text = text(converted);
    for element in [
        "<BusinessTelephoneNumber>1<",
        "<MobileTelephoneNumber>2<",
        "<HomeTelephoneNumber>4<",
        "<Home2TelephoneNumber>5<",
        "<OtherTelephoneNumber>7<",
        "<Email1Address>a<",
        "<HomeAddressStreet>3<",
        "<FileAs>Ann Lake<",
    ] {
        assert!(text.contains(element), "no {element} in {text}");
    }
}

const MEETING: [(&str, &str); 9] = [
    ("Subject", "Choir"),
    ("Start", "20240506T070000Z"),
    ("End", "20240506T083000Z"),
    ("AllDayEvent", "0"),
    ("BusyStatus", "3"),
    ("Importance", "2"),
    ("ReminderSet", "1"),
    ("ReminderMinutesBeforeStart", "15"),
    ("MeetingStatus", "1"),
];

// spec: T43
#[test]
fn an_event_says_the_same_as_in_a_calendar() {
    let mut fields_of = MEETING.to_vec();
    fields_of.extend([
        ("IsRecurring", "1"),
        ("RecurrenceType", "1"),
        ("Interval", "2"),
        ("DayOfWeekMask", "10"),
        ("PatternStartDate", "20240506T070000Z"),
        ("NoEndDate", "0"),
        ("PatternEndDate", "20240605T070000Z"),
        ("ExcludeDate", "20240508T070000Z"),
    ]);
    let source = document("appointment", &fields_of);
    let (old, back) = there_and_back(SIF_E, &source, Format::VCalendar10);
    for line in [
        "DTSTART:20240506T070000Z",
        "DTEND:20240506T083000Z",
        "AALARM:20240506T064500Z",
        "RRULE:W2 MO WE 20240605T070000Z",
        "EXDATE:20240508T070000Z",
        "TRANSP:0",
        "PRIORITY:1",
    ] {
        assert!(old.contains(&format!("{line}\r\n")), "no {line} in {old}");
    }
    assert_eq!(fields(back.as_bytes()), fields(source.as_bytes()));
    let (new, back) = there_and_back(SIF_E, &source, Format::ICalendar20);
    assert!(new.contains("TRIGGER:-PT15M\r\n"), "{new}");
    assert!(
        new.contains("INTERVAL=2") && new.contains("BYDAY=MO,WE"),
        "{new}"
    );
    assert_eq!(fields(back.as_bytes()), fields(source.as_bytes()));
    assert_ne!(
        compare(SIF_E, source.as_bytes(), "text/calendar", new.as_bytes()),
        Likeness::Different
    );
}

#[test]
fn a_whole_day_is_a_day_everywhere() {
    let day = |start: &str, end: &str| {
        document(
            "appointment",
            &[
                ("Subject", "Fair"),
                ("AllDayEvent", "1"),
                ("Start", start),
                ("End", end),
            ],
        )
    };
    let profile = TimeProfile {
        mode: TimeMode::Utc,
        zone: Zone::new("Europe/Berlin"),
        ..TimeProfile::default()
    };
    for (start, end, last) in [
        ("2024-05-06", "2024-05-07", "20240508"),
        ("20240506T000000", "20240508T000000", "20240508"),
        ("20240506T000000", "20240507T235900", "20240508"),
        ("2024-05-06", "", "20240507"),
    ] {
        let source = day(start, end);
        let new = convert_for(source.as_bytes(), SIF_E, to(Format::ICalendar20), &profile);
        let new = text(new.unwrap());
        assert!(new.contains("DTSTART;VALUE=DATE:20240506\r\n"), "{new}");
        assert!(
            new.contains(&format!("DTEND;VALUE=DATE:{last}\r\n")),
            "{start} {end} {new}"
        );
        let back = convert_for(
            new.as_bytes(),
            "text/calendar",
            to(Format::SifEvent),
            &profile,
        );
        let back = text(back.unwrap());
        assert!(back.contains("<Start>2024-05-06</Start>"), "{back}");
        assert!(back.contains("<AllDayEvent>1</AllDayEvent>"), "{back}");
    }
}

#[test]
fn times_of_a_zone_are_the_devices() {
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
        DTSTAMP:20240101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20240506T090000\r\n\
        DTEND;TZID=Europe/Berlin:20240506T100000\r\nSUMMARY:Choir\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";
    let write = |mode| {
        let profile = TimeProfile {
            mode,
            zone: Zone::new("America/New_York"),
            ..TimeProfile::default()
        };
        text(
            convert_for(
                event.as_bytes(),
                "text/calendar",
                to(Format::SifEvent),
                &profile,
            )
            .unwrap(),
        )
    };
    assert!(write(TimeMode::Utc).contains("<Start>20240506T070000Z</Start>"));
    assert!(write(TimeMode::Floating).contains("<Start>20240506T030000</Start>"));
}

// spec: T43
#[test]
fn patterns_are_rules() {
    let monday = ("Start", "20240101T090000Z");
    let rows: [(&[(&str, &str)], &str); 11] = [
        // of any day of the week, the last is the last of the month
        (
            &[
                ("RecurrenceType", "3"),
                ("Interval", "1"),
                ("DayOfWeekMask", "127"),
                ("Instance", "5"),
                ("Occurrences", "12"),
            ],
            "MD1 LD #12",
        ),
        (
            &[
                ("RecurrenceType", "3"),
                ("Interval", "1"),
                ("DayOfWeekMask", "2"),
                ("Instance", "1"),
                ("Occurrences", "12"),
            ],
            "MP1 1+ MO #12",
        ),
        (
            &[
                ("RecurrenceType", "0"),
                ("Interval", "3"),
                ("Occurrences", "5"),
            ],
            "D3 #5",
        ),
        (
            &[
                ("RecurrenceType", "1"),
                ("Interval", "1"),
                ("DayOfWeekMask", "62"),
                ("NoEndDate", "1"),
            ],
            "W1 MO TU WE TH FR #0",
        ),
        // ten meetings on two days are five weeks
        (
            &[
                ("RecurrenceType", "1"),
                ("Interval", "1"),
                ("DayOfWeekMask", "10"),
                ("Occurrences", "10"),
            ],
            "W1 MO WE 20240131T090000Z",
        ),
        (
            &[
                ("RecurrenceType", "1"),
                ("Interval", "2"),
                ("DayOfWeekMask", "10"),
                ("Occurrences", "3"),
            ],
            "W2 MO WE 20240115T090000Z",
        ),
        (
            &[
                ("RecurrenceType", "2"),
                ("Interval", "1"),
                ("DayOfMonth", "15"),
                ("NoEndDate", "1"),
            ],
            "MD1 15 #0",
        ),
        (
            &[
                ("RecurrenceType", "3"),
                ("Interval", "1"),
                ("DayOfWeekMask", "2"),
                ("Instance", "1"),
                ("NoEndDate", "1"),
            ],
            "MP1 1+ MO #0",
        ),
        (
            &[
                ("RecurrenceType", "3"),
                ("Interval", "2"),
                ("DayOfWeekMask", "2"),
                ("Instance", "5"),
                ("NoEndDate", "1"),
            ],
            "MP2 1- MO #0",
        ),
        (
            &[
                ("RecurrenceType", "5"),
                ("Interval", "1"),
                ("DayOfMonth", "1"),
                ("MonthOfYear", "1"),
                ("NoEndDate", "1"),
            ],
            "YM1 1 #0",
        ),
        (
            &[
                ("RecurrenceType", "6"),
                ("Interval", "1"),
                ("DayOfWeekMask", "2"),
                ("Instance", "1"),
                ("MonthOfYear", "1"),
                ("NoEndDate", "1"),
            ],
            "MP12 1+ MO #0",
        ),
    ];
    for (pattern, rule) in rows {
        let mut all = vec![monday, ("IsRecurring", "1")];
        all.extend_from_slice(pattern);
        let source = document("appointment", &all);
        let (old, back) = there_and_back(SIF_E, &source, Format::VCalendar10);
        assert!(
            old.contains(&format!("RRULE:{rule}\r\n")),
            "no {rule} in {old}"
        );
        // counted on several days of the week, a series gets the date of its last occurrence
        let is_dated = rule.ends_with('Z');
        for (name, value) in pattern
            .iter()
            .filter(|(name, _)| !is_dated || *name != "Occurrences")
        {
            assert!(
                back.contains(&format!("<{name}>{value}</{name}>")),
                "{rule}: {back}"
            );
        }
    }
    // what Outlook has no pattern for
    for rule in [
        "MP1 5+ MO #0",
        "MP1 1+ MO TU #0",
        "MP0 1+ MO #0",
        "D0 #0",
        "D1 #x",
        "MD1 99 #0",
        "YM1 99 #0",
        "MD1 1 15 #0",
        "YD1 100 #0",
        "MP1 1+ MO 2+ TU #0",
    ] {
        let event = format!(
            "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nDTSTART:20240101T090000Z\r\n\
             RRULE:{rule}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let converted = convert(event.as_bytes(), "", to(Format::SifEvent)).unwrap();
        assert_eq!(converted.lost, [format!("RRULE:{rule}\r\n").into_bytes()]);
        assert!(text(converted).contains("<IsRecurring>0<"));
    }
}

#[test]
fn a_pattern_without_a_rule_is_kept_as_it_is() {
    let patterns: [&[(&str, &str)]; 6] = [
        // the first working day of a month is one day, and a rule would have five
        &[
            ("RecurrenceType", "3"),
            ("DayOfWeekMask", "62"),
            ("Instance", "1"),
        ],
        &[("RecurrenceType", "5"), ("DayOfMonth", "15")],
        &[
            ("RecurrenceType", "6"),
            ("DayOfWeekMask", "2"),
            ("Instance", "1"),
            ("MonthOfYear", "3"),
        ],
        &[("RecurrenceType", "2"), ("DayOfMonth", "99")],
        &[
            ("RecurrenceType", "3"),
            ("DayOfWeekMask", "2"),
            ("Instance", "-7"),
        ],
        &[("RecurrenceType", "77")],
    ];
    for pattern in patterns {
        let mut all = vec![
            ("Start", "20240101T090000Z"),
            ("IsRecurring", "1"),
            ("Interval", "1"),
            ("Occurrences", "12"),
        ];
        all.extend_from_slice(pattern);
        let source = document("appointment", &all);
        let (old, back) = there_and_back(SIF_E, &source, Format::VCalendar10);
        assert!(!old.contains("RRULE"), "{old}");
        for (name, value) in all.iter().skip(1) {
            let element = format!("<{name}>{value}</{name}>");
            assert_eq!(back.matches(&element).count(), 1, "{name}: {back}");
        }
        assert_eq!(back.matches("<IsRecurring>").count(), 1, "{back}");
    }
}

#[test]
fn a_day_that_is_named_twice_is_one_day() {
    let event = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nDTSTART:20240101T090000Z\r\n\
                 RRULE:W1 MO MO #5\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let converted = convert(event.as_bytes(), "", to(Format::SifEvent)).unwrap();
    let text = text(converted);
    assert!(
        text.contains("<DayOfWeekMask>2<") && text.contains("<Occurrences>5<"),
        "{text}"
    );
}

#[test]
fn a_series_ends_before_times_cannot_be_written_any_more() {
    let source = document(
        "appointment",
        &[
            ("Start", "20240101T090000Z"),
            ("IsRecurring", "1"),
            ("RecurrenceType", "1"),
            ("Interval", "999"),
            ("DayOfWeekMask", "6"),
            ("Occurrences", "10000"),
        ],
    );
    let (old, _) = there_and_back(SIF_E, &source, Format::VCalendar10);
    assert!(old.contains("RRULE:W999 MO TU 99"), "{old}");
}

// spec: T43
#[test]
fn elements_of_any_name_are_kept() {
    let source = document(
        "appointment",
        &[
            ("Start", "20240101T090000Z"),
            ("My_Field", "x"),
            ("A.b-c", "y"),
        ],
    );
    let (_, back) = there_and_back(SIF_E, &source, Format::VCalendar10);
    for element in ["<My_Field>x<", "<A.b-c>y<"] {
        assert!(back.contains(element), "{back}");
    }
}

// spec: T43
#[test]
fn a_task_says_how_far_it_has_come() {
    let rows: [(&[(&str, &str)], &str); 4] = [
        (
            &[
                ("Complete", "1"),
                ("Status", "2"),
                ("DateCompleted", "20240506T070000Z"),
                ("PercentComplete", "100"),
            ],
            "STATUS:COMPLETED",
        ),
        (&[("Complete", "0"), ("Status", "0")], "STATUS:NEEDS-ACTION"),
        (
            &[
                ("Complete", "0"),
                ("Status", "1"),
                ("PercentComplete", "40"),
            ],
            "PERCENT-COMPLETE:40",
        ),
        (&[("Complete", "0"), ("Status", "4")], "STATUS:NEEDS-ACTION"),
    ];
    for (state, line) in rows {
        let mut all = vec![
            ("Subject", "Buy milk"),
            ("StartDate", "2024-05-01"),
            ("DueDate", "2024-05-06"),
            ("ReminderSet", "1"),
            ("ReminderTime", "20240505T160000Z"),
            ("IsRecurring", "0"),
            ("TeamTask", "1"),
        ];
        all.extend_from_slice(state);
        let source = document("task", &all);
        let (new, back) = there_and_back(SIF_T, &source, Format::ICalendar20);
        assert!(new.contains(&format!("{line}\r\n")), "no {line} in {new}");
        assert_eq!(fields(back.as_bytes()), fields(source.as_bytes()), "{new}");
    }
}

// spec: T43
#[test]
fn a_note_keeps_its_title_and_colour() {
    let source = document(
        "note",
        &[
            ("Subject", "Groceries"),
            ("Body", "Groceries\nBread; &amp; butter"),
            ("Categories", "Home, Shop"),
            ("Color", "3"),
        ],
    );
    let (note, back) = there_and_back(SIF_N, &source, Format::VNote);
    assert!(note.contains("CATEGORIES:Home;Shop\r\n"), "{note}");
    assert_eq!(fields(back.as_bytes()), fields(source.as_bytes()));
    let (plain, back) = there_and_back(SIF_N, &source, Format::Text);
    assert_eq!(plain, "Groceries\r\nBread; & butter");
    assert!(back.contains("<Subject>Groceries</Subject>"), "{back}");
    let titled = source.replace("<Subject>Groceries", "<Subject>Shopping");
    let (_, back) = there_and_back(SIF_N, &titled, Format::VNote);
    assert_eq!(fields(back.as_bytes()), fields(titled.as_bytes()));
}

// spec: T43
#[test]
fn what_is_absent_says_nothing_and_what_is_empty_is_gone() {
    let held = document(
        "contact",
        &[("FirstName", "Ann"), ("Body", "tall"), ("Hobby", "go")],
    );
    let new = "<contact><FirstName>Anna</FirstName><Body/></contact>";
    let whole = complete(held.as_bytes(), new.as_bytes()).unwrap();
    let card = text(convert(&whole, SIF_C, to(Format::VCard30)).unwrap());
    assert!(
        card.contains("N:;Anna;") && card.contains("Hobby=go"),
        "{card}"
    );
    assert!(!card.contains("NOTE"), "{card}");
    assert_eq!(complete(held.as_bytes(), held.as_bytes()), None);
}

#[test]
fn the_root_tells_the_format_and_no_kind_becomes_another() {
    let note = document("note", &[("Body", "a")]);
    assert_eq!(Format::of(SIF_C, note.as_bytes()), Some(Format::SifNote));
    assert_eq!(
        Format::of("text/plain", note.as_bytes()),
        Some(Format::Text)
    );
    let event = document("appointment", &MEETING);
    for format in [Format::SifContact, Format::SifTask, Format::VCard30] {
        let failed = convert(event.as_bytes(), SIF_E, to(format));
        assert!(
            matches!(failed, Err(ConvertError::NoConversion { .. })),
            "{format:?}"
        );
    }
}

/// A text without blanks around it, of characters that mean something in one of the formats.
fn any_text() -> impl Strategy<Value = String> {
    "[a-zÀ-ž;,:=\\\\<>&'\" \\n]{0,24}".prop_map(|text| text.trim().to_owned())
}

fn any_fields(names: &'static [&'static str]) -> impl Strategy<Value = Written> {
    prop::collection::vec(any_text(), names.len()).prop_map(|texts| {
        let names = names.iter().map(|name| (*name).to_owned());
        names.zip(texts).collect()
    })
}

proptest! {
    #[test]
    fn a_contact_comes_back(
        mut all in any_fields(&[
            "FileAs", "LastName", "FirstName", "Suffix", "CompanyName", "Department", "JobTitle", "Body",
            "HomeTelephoneNumber", "Home2TelephoneNumber", "Email1Address", "Email2Address",
            "TelexNumber", "OtherAddressStreet", "OtherAddressCity", "HomeAddress", "Hobby", "Initials",
        ]),
    ) {
        // a card has to have a name, and a name is of one line
        all[0].1 = format!("x{}", all[0].1);
        let source = xml::write("contact", &all);
        let source = String::from_utf8(source).unwrap();
        let (card, back) = there_and_back(SIF_C, &source, Format::VCard30);
        prop_assert_eq!(fields(back.as_bytes()), fields(source.as_bytes()), "{}", card);
    }

    #[test]
    fn an_event_comes_back(
        all in any_fields(&["Subject", "Location", "Body", "ReplyTime", "Mileage"]),
        minutes in 0_i64..40_000,
        length in 0_i64..10_000,
        ahead in prop::option::of(0_i64..10_000),
    ) {
        let mut all = all;
        let start = 1_700_000_000 / 60 * 60 + minutes * 60;
        let time = |wall: i64| stamp(wall) + "Z";
        put(&mut all, "Start", time(start));
        put(&mut all, "End", time(start + length * 60));
        put(&mut all, "AllDayEvent", "0");
        put(&mut all, "IsRecurring", "0");
        put(&mut all, "ReminderSet", if ahead.is_some() { "1" } else { "0" });
        if let Some(ahead) = ahead {
            put(&mut all, "ReminderMinutesBeforeStart", ahead.to_string());
        }
        let source = String::from_utf8(xml::write("appointment", &all)).unwrap();
        for format in [Format::VCalendar10, Format::ICalendar20] {
            let (there, back) = there_and_back(SIF_E, &source, format);
            let mut expected = fields(source.as_bytes());
            // phones copy the title there, so iCalendar does not take it for a description
            let is_copy = all[0].1 == all[2].1 && format == Format::ICalendar20;
            expected.retain(|(name, _)| !(is_copy && name == "Body"));
            prop_assert_eq!(fields(back.as_bytes()), expected, "{}", there);
        }
    }

    #[test]
    fn any_text_is_borne(text in "[<>/&;!a-z\\[\\] =\"-]{0,200}", root in "(contact|appointment|task|note)") {
        for source in [text.clone(), format!("<{root}>{text}</{root}>")] {
            for (media_type, format) in [
                (SIF_C, Format::VCard40),
                (SIF_E, Format::ICalendar20),
                (SIF_T, Format::ICalendar20),
                (SIF_N, Format::Text),
            ] {
                let _ = convert(source.as_bytes(), media_type, to(format));
                compare(media_type, source.as_bytes(), media_type, source.as_bytes());
            }
        }
    }
}

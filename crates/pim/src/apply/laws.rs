//! What holds for any edit.
#![allow(clippy::unwrap_used, clippy::type_complexity)]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Lines of cards, by name.
const LINES: [(&str, &[&str]); 11] = [
    ("N", &["N:Berg;Ada", "N:Berg;Ada;Maria;;", "N:Lund;Ada"]),
    ("FN", &["FN:Ada Berg", "FN:Ada Lund", "FN;X-A=1:Ada"]),
    (
        "NOTE",
        &["NOTE:a\\nb", "NOTE:b\\;c", "NOTE:a\r\n  long one"],
    ),
    (
        "TEL",
        &[
            "TEL;TYPE=CELL:+49 30 1",
            "TEL;TYPE=CELL,PREF:+49301",
            "TEL;CELL:2",
        ],
    ),
    ("TEL", &["TEL;TYPE=HOME:3", "TEL:3", "TEL;TYPE=FAX;X-B=1:4"]),
    (
        "TEL",
        &[
            "item1.TEL:5\r\nitem1.X-ABLabel:Mill",
            "item2.TEL:6",
            "TEL:7",
        ],
    ),
    ("EMAIL", &["EMAIL:a@x", "EMAIL;TYPE=HOME:A@x", "EMAIL:b@x"]),
    (
        "ADR",
        &[
            "ADR:;;Mill 1;Ulm",
            "ADR:;;Mill 1;Ulm;;89073",
            "ADR;HOME:;;Mill 2;Ulm",
        ],
    ),
    (
        "CATEGORIES",
        &["CATEGORIES:a,b", "CATEGORIES:b", "CATEGORIES:c\\,d,A"],
    ),
    (
        "PHOTO",
        &[
            "PHOTO;ENCODING=b;TYPE=JPEG:AAAA",
            "PHOTO;VALUE=uri:http://x",
        ],
    ),
    ("X-A", &["X-A:b", "x-a:c", "X-A;X-B=1:b"]),
];

/// A card: for each of the places, one of its lines or none.
type Choice = [Option<usize>; LINES.len()];

fn any_choice() -> impl Strategy<Value = Choice> {
    proptest::array::uniform11(prop_oneof![Just(None), (0..3_usize).prop_map(Some)])
}

fn lines(choice: &Choice) -> Vec<&'static str> {
    let places = LINES.iter().zip(choice);
    places
        .filter_map(|((_, lines), at)| lines.get((*at)?).copied())
        .collect()
}

fn card(choice: &Choice) -> String {
    let lines = [
        lines(choice).join(
            "
",
        ),
        "
"
        .to_owned(),
    ]
    .concat();
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\n{lines}END:VCARD\r\n")
}

fn run(current: &str, shown: &str, held: Option<&str>, new: &str, prefer: Prefer) -> Applied {
    let edit = Edit {
        habit: Habit::Whole,
        current: current.as_bytes(),
        shown: shown.as_bytes(),
        held: held.map(str::as_bytes),
        new: new.as_bytes(),
    };
    apply(&edit, prefer).unwrap()
}

/// What a card means: names, values, and types.
fn meaning(card: &[u8], names: &dyn Fn(&str) -> bool) -> BTreeSet<(String, Vec<u8>, Vec<String>)> {
    let reader = Reader::new(Format::VCard30, &[]);
    let root = Component::read(card, &reader);
    let mut all = BTreeSet::new();
    for prop in &root.children[0].props {
        if meaning::is_silent(&prop.name) || !names(&prop.name) {
            continue;
        }
        if prop.name == "CATEGORIES" {
            let values = reader.values(&prop.line, &prop.name).into_iter();
            all.extend(values.map(|(_, value)| (prop.name.clone(), value.into(), Vec::new())));
        } else {
            all.insert((prop.name.clone(), prop.value.clone(), prop.kinds.clone()));
        }
    }
    all
}

fn anything(_: &str) -> bool {
    true
}

fn any_prefer() -> impl Strategy<Value = Prefer> {
    prop_oneof![Just(Prefer::New), Just(Prefer::Current)]
}

/// Lines of entries, by what they are about.
const ENTRY_LINES: [&[&str]; 9] = [
    &[
        "DTSTART:20260302T090000Z",
        "DTSTART;TZID=Europe/Berlin:20260302T100000",
        "DTSTART:20260302",
    ],
    &[
        "DTEND:20260302T100000Z",
        "DURATION:PT1H",
        "DTEND;TZID=Europe/Berlin:20260302T110000",
    ],
    &[
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=WEEKLY",
        "RDATE:20260303T090000Z",
    ],
    &["SUMMARY:a", "SUMMARY:b", "SUMMARY;LANGUAGE=de:a"],
    &[
        "EXDATE:20260303T090000Z",
        "EXDATE;TZID=Europe/Berlin:20260303T100000",
        "EXDATE:20260304",
    ],
    &[
        "ATTENDEE:mailto:a@x",
        "ATTENDEE;CN=A:mailto:a@x",
        "ATTENDEE:mailto:b@x",
    ],
    &["X-A:b", "DESCRIPTION:a\\nb", "DESCRIPTION:c"],
    &[
        "BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM",
        "BEGIN:VALARM\r\nTRIGGER:-PT5M\r\nX-A:b\r\nEND:VALARM",
        "BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nACTION:AUDIO\r\nEND:VALARM",
    ],
    &[
        "BEGIN:VALARM\r\nTRIGGER:PT0S\r\nEND:VALARM",
        "BEGIN:VALARM\r\nTRIGGER:P0D\r\nX-A:b\r\nEND:VALARM",
        "BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM",
    ],
];

fn any_entry() -> impl Strategy<Value = String> {
    let choice = proptest::array::uniform9(prop_oneof![Just(None), (0..3_usize).prop_map(Some)]);
    choice.prop_map(|choice| {
        let places = ENTRY_LINES.iter().zip(choice);
        let lines = places.filter_map(|(lines, at)| lines.get(at?).copied());
        lines.flat_map(|line| [line, "\r\n"]).collect()
    })
}

/// A series, and which of two occurrences are overridden.
fn any_calendar() -> impl Strategy<Value = String> {
    let overrides = proptest::array::uniform2(proptest::option::of(any_entry()));
    (any_entry(), overrides).prop_map(|(series, overrides)| {
        let entry = |lines: &str| format!("BEGIN:VEVENT\r\nUID:1\r\n{lines}END:VEVENT\r\n");
        let mut entries = entry(&series);
        for (day, lines) in overrides.iter().enumerate() {
            if let Some(lines) = lines {
                let id = format!("RECURRENCE-ID:2026030{}T090000Z\r\n", day + 3);
                entries.push_str(&entry(&(id + lines)));
            }
        }
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{entries}END:VCALENDAR\r\n")
    })
}

/// Whether two calendars mean the same, whatever the order of their entries.
fn are_alike(a: &str, b: &str) -> bool {
    let reader = Reader::new(Format::ICalendar20, &[]);
    let [a, b] = [a, b].map(|text| Component::read(text.as_bytes(), &reader));
    components::is_alike(&a, &b)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    // spec: V02
    #[test]
    fn no_edit_changes_no_byte(
        current in any_choice(), shown in any_choice(), held in any_choice(), prefer in any_prefer(),
    ) {
        let (current, held) = (card(&current), card(&held));
        let applied = run(&current, &card(&shown), Some(&held), &held, prefer);
        prop_assert_eq!(String::from_utf8(applied.bytes).unwrap(), current);
        prop_assert!(applied.conflicts.is_empty());
    }

    #[test]
    fn an_edit_of_the_whole_record_is_the_new_one(
        held in any_choice(), new in any_choice(), prefer in any_prefer(),
    ) {
        let (held, new) = (card(&held), card(&new));
        let applied = run(&held, &held, Some(&held), &new, prefer);
        prop_assert_eq!(
            meaning(&applied.bytes, &anything),
            meaning(new.as_bytes(), &anything),
            "{}", String::from_utf8_lossy(&applied.bytes)
        );
        prop_assert!(applied.conflicts.is_empty());
    }

    // spec: V01
    #[test]
    fn what_is_hidden_from_a_device_stays(
        current in any_choice(), view in proptest::array::uniform11(any::<bool>()),
        held in any_choice(), new in any_choice(), prefer in any_prefer(), known in any::<bool>(),
    ) {
        let part = |choice: &Choice| {
            let mut at = 0;
            choice.map(|line| { at += 1; line.filter(|_| view[at - 1]) })
        };
        let (shown, held, new) = (part(&current), card(&part(&held)), card(&part(&new)));
        let applied = run(&card(&current), &card(&shown), known.then_some(&*held), &new, prefer);
        let text = String::from_utf8(applied.bytes).unwrap();
        for (at, (name, lines)) in LINES.iter().enumerate() {
            let line = current[at].and_then(|line| lines.get(line));
            // of a name that the device knows, equal values may come to be one
            let is_hidden = !LINES.iter().zip(view).any(|((n, _), view)| n == name && view);
            if let Some(line) = line.filter(|_| is_hidden) {
                prop_assert!(text.contains(line), "{line} is gone from {text}");
            }
        }
    }

    // spec: V05
    #[test]
    fn edits_of_both_sides_are_in_the_result(
        held in any_choice(), now in any_choice(), new in any_choice(),
        sides in proptest::array::uniform11(any::<bool>()), prefer in any_prefer(),
    ) {
        let is_new = |name: &str| {
            let at = LINES.iter().position(|(n, _)| *n == name);
            at.is_some_and(|at| sides[at])
        };
        let mut current = held;
        let mut edited = held;
        for (at, (name, _)) in LINES.iter().enumerate() {
            if is_new(name) {
                edited[at] = new[at];
            } else {
                current[at] = now[at];
            }
        }
        let (held, current, edited) = (card(&held), card(&current), card(&edited));
        let applied = run(&current, &current, Some(&held), &edited, prefer);
        let mut expected = meaning(edited.as_bytes(), &is_new);
        expected.extend(meaning(current.as_bytes(), &|name| !is_new(name)));
        prop_assert_eq!(
            meaning(&applied.bytes, &anything), expected,
            "{}", String::from_utf8_lossy(&applied.bytes)
        );
        prop_assert!(applied.conflicts.is_empty());
    }

    // spec: V02
    #[test]
    fn the_same_edit_again_is_none(
        current in any_choice(), held in any_choice(), new in any_choice(), prefer in any_prefer(),
    ) {
        let (current, held, new) = (card(&current), card(&held), card(&new));
        let once = run(&current, &current, Some(&held), &new, prefer);
        let text = String::from_utf8(once.bytes).unwrap();
        let again = run(&text, &text, Some(&new), &new, prefer);
        prop_assert_eq!(String::from_utf8(again.bytes).unwrap(), text);
    }

    #[test]
    fn edits_of_calendars(
        current in any_calendar(), held in any_calendar(), new in any_calendar(), prefer in any_prefer(),
    ) {
        let applied = run(&current, &new, Some(&held), &held, prefer);
        prop_assert_eq!(String::from_utf8(applied.bytes).unwrap(), current.clone());
        let applied = run(&held, &held, Some(&held), &new, prefer);
        prop_assert!(applied.conflicts.is_empty());
        let text = String::from_utf8(applied.bytes).unwrap();
        prop_assert!(are_alike(&text, &new), "{text} is not {new}");
        let once = run(&current, &current, Some(&held), &new, prefer);
        let text = String::from_utf8(once.bytes).unwrap();
        let again = run(&text, &text, Some(&new), &new, prefer);
        prop_assert_eq!(String::from_utf8(again.bytes).unwrap(), text);
        // what one side alone knows of is there
        let applied = run(&current, &current, None, &new, Prefer::New);
        let text = String::from_utf8(applied.bytes).unwrap();
        for name in ["RECURRENCE-ID:20260303", "RECURRENCE-ID:20260304", "X-A", "ATTENDEE"] {
            let is_known = current.contains(name) || new.contains(name);
            prop_assert_eq!(text.contains(name), is_known, "{}", text);
        }
    }

    #[test]
    fn any_text_is_borne(
        texts in proptest::array::uniform4(proptest::collection::vec(
            proptest::sample::select(&[
                "BEGIN:VCARD\r\n", "END:VCARD\r\n", "VERSION:2.1\r\n", "VERSION:3.0\n", "TEL:1\r\n",
                "N;ENCODING=QUOTED-PRINTABLE:=C3=\r\n", " x", "\r\n", "a.TEL", ";TYPE=\"", ":=",
                "PHOTO;BASE64:AA\r\n", "BEGIN:VCALENDAR\r\n", "END:VCALENDAR\r\n", "\u{fc}",
                "BEGIN:VEVENT\r\n", "END:VEVENT\r\n", "VERSION:2.0\r\n", "BEGIN:VALARM\r\n",
                "RECURRENCE-ID:20260101\r\n", "DTSTART;TZID=x:20260101T000000\r\n", "EXDATE:1,2\r\n",
                "END:VALARM\r\n", "TRIGGER:-PT5M\r\n", "AGENT:\r\n", "NOTE:a\\\r\n", "CATEGORIES:,\r\n",
                "BEGIN:VNOTE\r\n", "BODY:x",
            ][..]), 0..12)),
        start in proptest::sample::select(&["", "BEGIN:VCARD\r\n", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"][..]),
        known in any::<bool>(), prefer in any_prefer(),
    ) {
        let [current, shown, held, new] = texts.map(|text| start.to_owned() + &text.concat());
        let edit = Edit {
            habit: Habit::Whole,
            current: current.as_bytes(),
            shown: shown.as_bytes(),
            held: known.then_some(held.as_bytes()),
            new: new.as_bytes(),
        };
        if let Some(applied) = apply(&edit, prefer) {
            prop_assert!(applied.bytes.len() <= 4 * (current.len() + new.len()) + 1024);
        }
        let edit = Edit { new: held.as_bytes(), held: Some(held.as_bytes()), ..edit };
        if let Some(applied) = apply(&edit, prefer) {
            prop_assert_eq!(applied.bytes, current.as_bytes());
        }
    }

    #[test]
    fn any_bytes_are_borne(
        texts in proptest::array::uniform4(proptest::collection::vec(any::<u8>(), 0..64)),
        prefer in any_prefer(),
    ) {
        for start in ["", "BEGIN:VCARD\n", "BEGIN:VEVENT\n"] {
            let [current, shown, held, new] =
                texts.clone().map(|text| [start.as_bytes(), &text].concat());
            let edit = Edit { habit: Habit::Whole, current: &current, shown: &shown, held: Some(&held), new: &new };
            apply(&edit, prefer);
        }
    }
}

//! Edits of cards and notes, by the rules of properties, sets and cut texts.

#![allow(clippy::unwrap_used, clippy::type_complexity)]

use super::*;

/// A card of these lines.
fn card(lines: &[&str]) -> String {
    let lines = [lines.join("\r\n"), "\r\n".to_owned()].concat();
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

/// A row: the lines of the record, of what the device is shown, held, and has; those that come of
/// it under both preferences, and the conflicts.
type Row<'r> = (
    &'r str,
    &'r [&'r str],
    &'r [&'r str],
    Option<&'r [&'r str]>,
    &'r [&'r str],
    &'r [&'r str],
);

fn check(rows: &[Row<'_>]) {
    for (rule, current, shown, held, new, expected) in rows {
        let held = held.map(card);
        let (current, shown, new) = (card(current), card(shown), card(new));
        for prefer in [Prefer::New, Prefer::Current] {
            let applied = run(&current, &shown, held.as_deref(), &new, prefer);
            let text = String::from_utf8(applied.bytes).unwrap();
            assert_eq!(text, card(expected), "{rule}");
            assert_eq!(applied.conflicts, [""; 0], "{rule}");
        }
    }
}

const LONG: &str = "NOTE:Bread\\, butter\\, milk\\, a dozen eggs\\, flour and sugar";
const CUT: &str = "NOTE:Bread\\, butter\\, milk\\, a dozen eggs\\, fl";

// spec: V01
#[test]
fn edits_since_the_device_held_it() {
    check(&[
        (
            "trap 14: what the device never had stays",
            &["N:Berg;Ada", "PHOTO;ENCODING=b;TYPE=JPEG:AAAA", "TEL:1"],
            &["N:Berg;Ada", "TEL:1"],
            Some(&["N:Berg;Ada", "TEL:1"]),
            &["N:Berg;Ada", "TEL:2"],
            &["N:Berg;Ada", "PHOTO;ENCODING=b;TYPE=JPEG:AAAA", "TEL:2"],
        ),
        (
            "trap 14: what the person removed goes",
            &["N:Berg;Ada", "PHOTO;ENCODING=b;TYPE=JPEG:AAAA", "TEL:1"],
            &["N:Berg;Ada", "PHOTO;ENCODING=b;TYPE=JPEG:AAA", "TEL:1"],
            Some(&["N:Berg;Ada", "PHOTO;ENCODING=b;TYPE=JPEG:AAA", "TEL:1"]),
            &["N:Berg;Ada", "TEL:1"],
            &["N:Berg;Ada", "TEL:1"],
        ),
        (
            "what went out of view, because others came before it, can be removed",
            &["N:Berg;Ada", "TEL:1", "TEL:3", "TEL:2"],
            &["N:Berg;Ada", "TEL:1", "TEL:3"],
            Some(&["N:Berg;Ada", "TEL:1", "TEL:2"]),
            &["N:Berg;Ada", "TEL:1"],
            &["N:Berg;Ada", "TEL:1", "TEL:3"],
        ),
        (
            "what went out of view can be changed",
            &["N:Berg;Ada", "TEL:1", "TEL:3", "TEL;X-A=1:2"],
            &["N:Berg;Ada", "TEL:1", "TEL:3"],
            Some(&["N:Berg;Ada", "TEL:1", "TEL:2"]),
            &["N:Berg;Ada", "TEL:1", "TEL:4"],
            &["N:Berg;Ada", "TEL:1", "TEL:3", "TEL;X-A=1:4"],
        ),
        (
            "trap 15: the same number in another spelling",
            &["N:Berg;Ada", "TEL;TYPE=CELL:+49 (30) 12-34"],
            &["N:Berg;Ada", "TEL;TYPE=CELL:+49 (30) 12-34"],
            Some(&["N:Berg;Ada", "TEL;TYPE=CELL:+49 (30) 12-34"]),
            &[
                "REV:20260101T000000Z",
                "TEL;TYPE=VOICE,PREF,CELL:+49301234",
                "N:Berg;Ada;;;",
            ],
            &["N:Berg;Ada", "TEL;TYPE=CELL:+49 (30) 12-34"],
        ),
        (
            "trap 16: two swapped",
            &["TEL;TYPE=HOME:1", "TEL;TYPE=HOME:2"],
            &["TEL;TYPE=HOME:1", "TEL;TYPE=HOME:2"],
            Some(&["TEL;TYPE=HOME:1", "TEL;TYPE=HOME:2"]),
            &["TEL;TYPE=HOME:2", "TEL;TYPE=HOME:1"],
            &["TEL;TYPE=HOME:1", "TEL;TYPE=HOME:2"],
        ),
        (
            "trap 16: one deleted",
            &["TEL;TYPE=HOME:1", "TEL;TYPE=HOME:2"],
            &["TEL;TYPE=HOME:1", "TEL;TYPE=HOME:2"],
            Some(&["TEL;TYPE=HOME:1", "TEL;TYPE=HOME:2"]),
            &["TEL;TYPE=HOME:2"],
            &["TEL;TYPE=HOME:2"],
        ),
        (
            "trap 17: a newline more is no edit",
            &["NOTE:a"],
            &["NOTE:a"],
            Some(&["NOTE:a"]),
            &["NOTE:a\\n"],
            &["NOTE:a"],
        ),
        (
            "trap 18: a cut text, not edited",
            &[LONG, "TEL:1"],
            &[CUT, "TEL:1"],
            Some(&[CUT, "TEL:1"]),
            &[CUT, "TEL:2"],
            &[LONG, "TEL:2"],
        ),
        (
            "trap 18: a text that the device held whole comes back cut",
            &[LONG],
            &[LONG],
            Some(&[LONG]),
            &[CUT],
            &[LONG],
        ),
        (
            "trap 18: a cut text, edited",
            &[LONG],
            &[CUT],
            Some(&[CUT]),
            &["NOTE:Tea\\, bread\\, butter\\, milk\\, a dozen eggs\\, fl"],
            &["NOTE:Tea\\, bread\\, butter\\, milk\\, a dozen eggs\\, flour and sugar"],
        ),
        (
            "a text that a person shortened",
            &[LONG],
            &[LONG],
            Some(&[LONG]),
            &["NOTE:Bread\\, butter"],
            &["NOTE:Bread\\, butter"],
        ),
        (
            "parameters and types that the device is not shown",
            &["TEL;TYPE=CELL,X-LOUD;X-ID=7:1"],
            &["TEL;TYPE=CELL:1"],
            Some(&["TEL;TYPE=CELL:1"]),
            &["TEL;TYPE=CELL:2"],
            &["TEL;TYPE=CELL,X-LOUD;X-ID=7:2"],
        ),
        (
            "types edited, the value as the record spells it",
            &["TEL;TYPE=CELL,X-LOUD;X-ID=7:030 1"],
            &["TEL;TYPE=CELL:0301"],
            Some(&["TEL;TYPE=CELL:0301"]),
            &["TEL;TYPE=WORK:0301"],
            &["TEL;TYPE=WORK;TYPE=X-LOUD;X-ID=7:030 1"],
        ),
        (
            "components that the device is not shown",
            &[
                "N:Berg;Ada;Maria;Dr.;",
                "ADR;TYPE=HOME:;;Mill 1;Ulm;;89073;Germany",
            ],
            &["N:Berg;Ada", "ADR;TYPE=HOME:;;Mill 1;Ulm"],
            Some(&["N:Berg;Ada", "ADR;TYPE=HOME:;;Mill 1;Ulm"]),
            &["N:Lund;Ada", "ADR;TYPE=HOME:;;Mill 2;Ulm"],
            &[
                "N:Lund;Ada;Maria;Dr.;",
                "ADR;TYPE=HOME:;;Mill 2;Ulm;;89073;Germany",
            ],
        ),
        (
            "sets take what both sides add and remove",
            &["EMAIL:b@x", "EMAIL:c@x", "CATEGORIES:b,c"],
            &["EMAIL:b@x", "EMAIL:c@x", "CATEGORIES:b,c"],
            Some(&["EMAIL:a@x", "EMAIL:b@x", "CATEGORIES:a,b"]),
            &["EMAIL:a@x", "EMAIL:d@x", "CATEGORIES:D,a"],
            &["EMAIL:d@x", "EMAIL:c@x", "CATEGORIES:c,D"],
        ),
        (
            "both add the same, and one removes what was there",
            &["EMAIL:z@x"],
            &["EMAIL:z@x"],
            Some(&["EMAIL:a@x"]),
            &["EMAIL:a@x", "EMAIL:z@x"],
            &["EMAIL:z@x"],
        ),
        (
            "the same change on both sides",
            &["FN:Ada Lund"],
            &["FN:Ada Lund"],
            Some(&["FN:Ada Berg"]),
            &["FN:Ada Lund "],
            &["FN:Ada Lund"],
        ),
        (
            "a change beats a removal, on either side",
            &["TITLE:Miller", "NOTE:b"],
            &["TITLE:Miller", "NOTE:b"],
            Some(&["TITLE:Miller", "NOTE:a", "ROLE:x"]),
            &["TITLE:Miller", "ROLE:y"],
            &["TITLE:Miller", "NOTE:b", "ROLE:y"],
        ),
        (
            "removed on both sides",
            &["N:a"],
            &["N:a"],
            Some(&["N:a", "NOTE:b", "BDAY:20000101"]),
            &["N:a"],
            &["N:a"],
        ),
        (
            "a label goes with its property",
            &[
                "item1.TEL:1",
                "item1.X-ABLabel:Mill",
                "item2.TEL:2",
                "item2.X-ABLabel:Barn",
            ],
            &[
                "item1.TEL:1",
                "item1.X-ABLabel:Mill",
                "item2.TEL:2",
                "item2.X-ABLabel:Barn",
            ],
            Some(&[
                "item1.TEL:1",
                "item1.X-ABLabel:Mill",
                "item2.TEL:2",
                "item2.X-ABLabel:Barn",
            ]),
            &["item1.TEL:2", "item1.X-ABLabel:Barn"],
            &["item2.TEL:2", "item2.X-ABLabel:Barn"],
        ),
        (
            "a label that the device is not shown",
            &["item1.TEL:1", "item1.X-ABLabel:Mill"],
            &["TEL:1"],
            Some(&["TEL:1"]),
            &["TEL:2"],
            &["item1.TEL:2", "item1.X-ABLabel:Mill"],
        ),
        (
            "a label edited, and a property with a label added",
            &["item1.TEL:1", "item1.X-ABLabel:Mill"],
            &["item1.TEL:1", "item1.X-ABLabel:Mill"],
            Some(&["item1.TEL:1", "item1.X-ABLabel:Mill"]),
            &[
                "a.TEL:1",
                "a.X-ABLabel:Barn",
                "item1.URL:x",
                "item1.X-ABLabel:Site",
            ],
            &[
                "item1.TEL:1",
                "item1.X-ABLabel:Barn",
                "item2.URL:x",
                "item2.X-ABLabel:Site",
            ],
        ),
        (
            "what the device cannot show gives way to what it can have once",
            &["N:a", "NOTE:hidden", "BDAY:"],
            &["N:a"],
            Some(&["N:a"]),
            &["N:a", "NOTE:b", "BDAY:20000101"],
            &["N:a", "NOTE:b", "BDAY:20000101"],
        ),
        (
            "the value of one side and the types of the other",
            &["TEL;TYPE=WORK:1"],
            &["TEL;TYPE=WORK:1"],
            Some(&["TEL;TYPE=HOME:1"]),
            &["TEL;TYPE=HOME:2"],
            &["TEL;TYPE=WORK:2"],
        ),
    ]);
}

// spec: V04
#[test]
fn nothing_is_known_of_the_device() {
    check(&[
        (
            "what the device lacks stays",
            &["N:Berg;Ada", "TEL:1", "EMAIL:a@x", "CATEGORIES:a"],
            &["N:Berg;Ada", "TEL:1", "EMAIL:a@x", "CATEGORIES:a"],
            None,
            &["N:Berg;Ada", "TEL:2"],
            &["N:Berg;Ada", "TEL:1", "EMAIL:a@x", "CATEGORIES:a", "TEL:2"],
        ),
        (
            "values come into sets and free places",
            &["N:Berg;Ada", "CATEGORIES:a"],
            &["N:Berg;Ada", "CATEGORIES:a"],
            None,
            &["N:Berg;Ada;Maria", "CATEGORIES:b,A", "BDAY:20000101"],
            &["N:Berg;Ada;Maria", "CATEGORIES:a,b", "BDAY:20000101"],
        ),
        ("a cut copy", &[LONG], &[LONG], None, &[CUT], &[LONG]),
        ("a cut copy here", &[CUT], &[CUT], None, &[LONG], &[LONG]),
        (
            "types that one side lacks",
            &["TEL;TYPE=CELL,WORK:1", "EMAIL:a@x"],
            &["TEL;TYPE=CELL,WORK:1", "EMAIL:a@x"],
            None,
            &["TEL;TYPE=CELL:1", "EMAIL;TYPE=HOME:a@x"],
            &["TEL;TYPE=CELL,WORK:1", "EMAIL;TYPE=HOME:a@x"],
        ),
        (
            "what is hidden from the device is there",
            &["TEL:1", "TEL:2"],
            &["TEL:1"],
            None,
            &["TEL:1", "TEL;TYPE=VOICE:2"],
            &["TEL:1", "TEL:2"],
        ),
    ]);
}

// spec: V05
#[test]
fn one_side_is_preferred_in_a_conflict() {
    let rows: [(&[&str], Option<&[&str]>, &[&str], &[&str]); 5] = [
        (&["NOTE:b"], Some(&["NOTE:a"]), &["NOTE:c"], &["NOTE"]),
        (&["TITLE:b"], Some(&[]), &["TITLE:c"], &["TITLE"]),
        (&["NOTE:b"], None, &["NOTE:c"], &["NOTE"]),
        (
            &["N:b;Ada", "TEL:1"],
            Some(&["N:a;Ada", "TEL:1"]),
            &["N:c;Ada", "TEL:1"],
            &["N"],
        ),
        (
            &["TEL;TYPE=WORK:1"],
            Some(&["TEL;TYPE=HOME:1"]),
            &["TEL;TYPE=CELL:1"],
            &["TEL"],
        ),
    ];
    for (current, held, new, conflicts) in rows {
        let held = held.map(card);
        let (current, new) = (card(current), card(new));
        let applied = run(&current, &current, held.as_deref(), &new, Prefer::Current);
        assert_eq!(String::from_utf8(applied.bytes).unwrap(), current);
        assert_eq!(applied.conflicts, conflicts);
        let applied = run(&current, &current, held.as_deref(), &new, Prefer::New);
        assert_eq!(String::from_utf8(applied.bytes).unwrap(), new);
        assert_eq!(applied.conflicts, conflicts);
    }
}

// spec: T30
#[test]
fn old_cards_are_edited_in_their_own_dialect() {
    let card = |lines: &str| format!("BEGIN:VCARD\r\nVERSION:2.1\r\n{lines}END:VCARD\r\n");
    let current = card(
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Ada;Maria\r\n\
         PHOTO;JPEG;ENCODING=BASE64:\r\n AAAA\r\n\r\nTEL;CELL;X-A=b:1\r\n\
         AGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nTEL:9\r\nEND:VCARD\r\nX-A:b=\r\n",
    );
    let held =
        card("N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;Ada\r\nTEL;CELL:1\r\n");
    let new = card(
        "N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FChle;Ada\r\nTEL;CELL:2\r\nTEL:3\r\n\
         NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab=\r\n",
    );
    let applied = run(&current, &held, Some(&held), &new, Prefer::New);
    let expected = card(
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BChle;Ada;Maria\r\n\
         PHOTO;JPEG;ENCODING=BASE64:\r\n AAAA\r\n\r\nTEL;CELL;X-A=b:2\r\n\
         AGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nTEL:9\r\nEND:VCARD\r\nX-A:b=\r\n\
         NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab\r\nTEL:3\r\n",
    );
    assert_eq!(String::from_utf8(applied.bytes).unwrap(), expected);
}

#[test]
fn a_changed_record_says_when() {
    let card = |rev: &str, tel: &str| card(&[rev, tel]);
    let (old, new) = ("REV:20260101T000000Z", "REV:20260201T000000Z");
    let held = card(old, "TEL:1");
    let applied = run(&held, &held, Some(&held), &card(new, "TEL:2"), Prefer::New);
    assert_eq!(applied.bytes, card(new, "TEL:2").into_bytes());
    let applied = run(&held, &held, Some(&held), &card(new, "TEL:1"), Prefer::New);
    assert_eq!(applied.bytes, held.into_bytes());
}

#[test]
fn formats_are_not_mixed() {
    let card = card(&["TEL:1"]);
    let note = "a note";
    let older = card.replace("3.0", "2.1");
    for other in [note, &older, ""] {
        let edit = Edit {
            habit: Habit::Whole,
            current: card.as_bytes(),
            shown: card.as_bytes(),
            held: Some(other.as_bytes()),
            new: card.as_bytes(),
        };
        assert_eq!(apply(&edit, Prefer::New), None);
    }
}

// spec: V07
#[test]
fn a_note_is_edited_as_a_whole() {
    let whole = "Bread, butter, milk,\r\na dozen eggs, flour and sugar";
    let cut = "Bread, butter, milk,\r\na dozen eggs, fl";
    let edited = "Tea, bread, butter, milk,\na dozen eggs, fl";
    let long = "Tea, bread, butter, milk,\r\na dozen eggs, flour and sugar";
    let rows: [(&str, &str, Option<&str>, &str, &str, &str, bool); 9] = [
        (whole, cut, Some(cut), cut, whole, whole, false),
        (whole, whole, Some(whole), cut, whole, whole, false),
        (whole, cut, Some(cut), edited, long, long, false),
        (whole, whole, None, cut, whole, whole, false),
        (cut, cut, None, whole, whole, whole, false),
        ("b", "b", Some("a"), "b\r\n", "b", "b", false),
        ("b", "b", Some("a"), "c", "c", "b", true),
        ("b", "b", None, "c", "c", "b", true),
        ("b", "b", Some("b"), "", "", "", false),
    ];
    for (current, shown, held, new, if_new, if_current, is_conflict) in rows {
        for (prefer, expected) in [(Prefer::New, if_new), (Prefer::Current, if_current)] {
            let applied = run(current, shown, held, new, prefer);
            assert_eq!(String::from_utf8(applied.bytes).unwrap(), expected);
            assert_eq!(!applied.conflicts.is_empty(), is_conflict, "{new}");
        }
    }
    let vnote =
        |body: &str| format!("BEGIN:VNOTE\r\nVERSION:1.1\r\nX-A:b\r\nBODY:{body}\r\nEND:VNOTE\r\n");
    let [whole, cut] = [whole, cut].map(|text| text.replace("\r\n", " "));
    let held = vnote(&cut).replace("X-A:b\r\n", "");
    let new = held.replace("Bread", "Tea, bread");
    let applied = run(&vnote(&whole), &held, Some(&held), &new, Prefer::New);
    let expected = vnote(&whole.replace("Bread", "Tea, bread"));
    assert_eq!(String::from_utf8(applied.bytes).unwrap(), expected);
}

#[test]
fn a_line_stays_a_line_of_its_own() {
    let begin = "BEGIN:VCARD\r\nVERSION:3.0\r\n";
    let end = "END:VCARD\r\n";
    let rows = [
        // the line after a photo that goes would be a fold of the one before it
        (
            "N:a\r\nPHOTO;ENCODING=b:AAAA\r\n\r\n  TEL:1\r\n",
            "N:a\r\nTEL:1\r\n",
            "N:a\r\n\r\n  TEL:1\r\n",
        ),
        // the new line would continue the value that breaks off
        (
            "N:a\r\nNOTE;QUOTED-PRINTABLE:b=\r\n",
            "N:a\r\nNOTE:b\r\nTEL:1\r\n",
            "N:a\r\nNOTE;QUOTED-PRINTABLE:b=\r\n\r\nTEL:1\r\n",
        ),
    ];
    for (held, new, expected) in rows {
        let [held, new, expected] = [held, new, expected].map(|text| format!("{begin}{text}{end}"));
        let applied = run(&held, &held, Some(&held), &new, Prefer::New);
        assert_eq!(String::from_utf8(applied.bytes).unwrap(), expected);
    }
    let held = format!("{begin}N:a");
    let applied = run(
        &held,
        &held,
        Some(&held),
        &format!("{begin}N:a\nTEL:1"),
        Prefer::New,
    );
    let expected = format!("{begin}N:a\r\nTEL:1\r\n");
    assert_eq!(String::from_utf8(applied.bytes).unwrap(), expected);
}

// spec: T18
#[test]
fn ten_thousand_numbers_are_edited() {
    let numbers = |from: usize| {
        let lines: Vec<String> = (from..from + 10_000).map(|i| format!("TEL:{i}")).collect();
        card(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (held, new) = (numbers(0), numbers(5_000));
    let applied = run(&held, &held, Some(&held), &new, Prefer::New);
    let lines = |text: &str| {
        text.lines()
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(
        lines(&String::from_utf8(applied.bytes).unwrap()),
        lines(&new)
    );
}

// spec: V03
#[test]
fn what_a_device_never_says_it_has_not_removed() {
    let old = |lines: &[&str]| card(lines).replace("3.0", "2.1");
    let held = old(&[
        "N:Lake;Ann;Mary;Dr.;Jr.",
        "ORG:Mill;Unit",
        "CATEGORIES:a",
        "X-A:b",
        "TEL:1",
        "NOTE:c",
    ]);
    let new = old(&["N:Lake;Anna", "ORG:Mill", "TEL:2"]);
    let rows: [(Habit, &[&str]); 3] = [
        (Habit::Whole, &["N:Lake;Anna", "ORG:Mill", "TEL:2"]),
        (
            Habit::Listed,
            &["N:Lake;Anna;Mary;Dr.;Jr.", "ORG:Mill;Unit", "TEL:2"],
        ),
        (
            Habit::Unknown,
            &[
                "N:Lake;Anna;Mary;Dr.;Jr.",
                "ORG:Mill;Unit",
                "CATEGORIES:a",
                "X-A:b",
                "TEL:2",
            ],
        ),
    ];
    for (habit, expected) in rows {
        let edit = Edit {
            habit,
            current: held.as_bytes(),
            shown: held.as_bytes(),
            held: Some(held.as_bytes()),
            new: new.as_bytes(),
        };
        let applied = apply(&edit, Prefer::New).unwrap();
        assert_eq!(String::from_utf8(applied.bytes).unwrap(), old(expected));
    }
    // an empty component is one that was removed
    let emptied = held.replace("Mary", "");
    let edit = Edit {
        habit: Habit::Listed,
        current: held.as_bytes(),
        shown: held.as_bytes(),
        held: Some(held.as_bytes()),
        new: emptied.as_bytes(),
    };
    assert_eq!(apply(&edit, Prefer::New).unwrap().bytes, emptied.as_bytes());
}

// spec: V06
#[test]
fn lines_that_both_sides_add_to_a_note_stand() {
    let rows: [(&[&str], &str, &str, &str, &str); 3] = [
        (
            &["NOTE:a"],
            "NOTE:a\\nb",
            "NOTE:a\\nc",
            "NOTE:a\\nc\\nb",
            "NOTE:a\\nb\\nc",
        ),
        (
            &["NOTE:a"],
            "NOTE:b\\na",
            "NOTE:c\\na",
            "NOTE:c\\na\\nb",
            "NOTE:b\\na\\nc",
        ),
        (&[], "NOTE:b", "NOTE:c", "NOTE:c\\nb", "NOTE:b\\nc"),
    ];
    for (held, ours, theirs, if_new, if_current) in rows {
        let (held, ours, theirs) = (card(held), card(&[ours]), card(&[theirs]));
        for (prefer, expected) in [(Prefer::New, if_new), (Prefer::Current, if_current)] {
            let applied = run(&ours, &ours, Some(&held), &theirs, prefer);
            assert_eq!(applied.conflicts, [""; 0]);
            assert_eq!(String::from_utf8(applied.bytes).unwrap(), card(&[expected]));
        }
    }
    let applied = run("a\r\nb", "a\r\nb", Some("a"), "a\nc", Prefer::New);
    assert_eq!(applied.bytes, b"a\r\nc\r\nb");
    assert_eq!(applied.conflicts, [""; 0]);
}

// spec: T17
#[test]
fn an_empty_value_is_a_removal_of_what_the_device_held() {
    let old = |lines: &[&str]| card(lines).replace("3.0", "2.1");
    let held = old(&["N:a", "TEL;HOME:1", "TEL;CELL:2", "CATEGORIES:b"]);
    let new = old(&["N:a", "TEL;HOME:", "TEL;CELL:2", "CATEGORIES:"]);
    for habit in [Habit::Own, Habit::Whole, Habit::Listed, Habit::Unknown] {
        let current = || held.as_bytes();
        let edit = |held| Edit {
            habit,
            current: current(),
            shown: current(),
            held,
            new: new.as_bytes(),
        };
        let applied = apply(&edit(Some(current())), Prefer::New).unwrap();
        let applied = String::from_utf8(applied.bytes).unwrap();
        assert_eq!(applied, old(&["N:a", "TEL;CELL:2"]), "{habit:?}");
        // of a comparison it says no more than an absent one
        assert_eq!(apply(&edit(None), Prefer::New).unwrap().bytes, current());
    }
}

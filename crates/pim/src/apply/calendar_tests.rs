//! Edits of calendars, by the rules of entries, overrides and alarms.

#![allow(clippy::unwrap_used, clippy::type_complexity)]

use super::*;

const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Home\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
    TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

fn text(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\r\n"]).collect()
}

fn calendar(components: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{components}END:VCALENDAR\r\n")
}

fn event(lines: &[&str]) -> String {
    format!("BEGIN:VEVENT\r\nUID:1\r\n{}END:VEVENT\r\n", text(lines))
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

fn string(applied: Applied) -> String {
    String::from_utf8(applied.bytes).unwrap()
}

/// A rule, the lines of the record, those that the device held and is shown, those that it has,
/// and those that come of it.
type Row<'r> = (
    &'r str,
    &'r [&'r str],
    &'r [&'r str],
    &'r [&'r str],
    &'r [&'r str],
);

const START: &str = "DTSTART:20260302T090000Z";
const END: &str = "DTEND:20260302T100000Z";
const LATER: &str = "DTSTART:20260302T110000Z";
const LATER_END: &str = "DTEND:20260302T120000Z";

// spec: U13
#[test]
fn entries_are_edited_by_property() {
    let rows: &[Row<'_>] = &[
        (
            "trap 22: a rule that the device cannot show stays",
            &[
                "SUMMARY:a",
                START,
                END,
                "RRULE:FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU",
            ],
            &["SUMMARY:a", START, END],
            &["SUMMARY:b", START, END],
            &[
                "SUMMARY:b",
                START,
                END,
                "RRULE:FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU",
            ],
        ),
        (
            "and stays when the event is moved",
            &[START, END, "RRULE:FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU"],
            &[START, END],
            &[LATER, LATER_END],
            &[
                LATER,
                LATER_END,
                "RRULE:FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU",
            ],
        ),
        (
            "times are taken together, whatever says the end",
            &[START, "DURATION:PT1H", "X-A:b"],
            &[START, END],
            &[LATER, LATER_END],
            &[LATER, "X-A:b", LATER_END],
        ),
        (
            "an end that the device is not shown moves along",
            &[START, END],
            &[START],
            &[LATER],
            &[LATER, "DURATION:PT3600S"],
        ),
        (
            "a start that only looks different is as it was",
            &[
                "DTSTART;TZID=Europe/Berlin:20260302T100000",
                END,
                "SUMMARY:a",
            ],
            &[START, END, "SUMMARY:a"],
            &[START, LATER_END, "SUMMARY:a"],
            &[
                "DTSTART;TZID=Europe/Berlin:20260302T100000",
                LATER_END,
                "SUMMARY:a",
            ],
        ),
        (
            "a rule removed",
            &[START, END, "RRULE:FREQ=DAILY"],
            &[START, END, "RRULE:FREQ=DAILY"],
            &[START, END],
            &[START, END],
        ),
        (
            "exceptions are a set, in whatever zone",
            &[
                START,
                "EXDATE;TZID=Europe/Berlin:20260303T100000,20260304T100000",
            ],
            &[START, "EXDATE:20260303T090000Z", "EXDATE:20260304T090000Z"],
            &[START, "EXDATE:20260304T090000Z,20260305T090000Z"],
            &[
                START,
                "EXDATE;TZID=Europe/Berlin:20260304T100000",
                "EXDATE:20260305T090000Z",
            ],
        ),
        (
            "software's own properties are no edit",
            &[
                START,
                "DTSTAMP:20260101T000000Z",
                "SEQUENCE:1",
                "PRIORITY:1",
            ],
            &[START, "DTSTAMP:20260101T000000Z", "SEQUENCE:1"],
            &[
                START,
                "DTSTAMP:20260201T000000Z",
                "SEQUENCE:2",
                "LAST-MODIFIED:20260201T000000Z",
            ],
            &[
                START,
                "DTSTAMP:20260101T000000Z",
                "SEQUENCE:1",
                "PRIORITY:1",
            ],
        ),
        (
            "alarms are a set by when they go off",
            &[
                START,
                "BEGIN:VALARM",
                "TRIGGER:-PT15M",
                "ACTION:DISPLAY",
                "X-A:b",
                "END:VALARM",
                "BEGIN:VALARM",
                "TRIGGER:-PT30M",
                "ACTION:DISPLAY",
                "END:VALARM",
                "BEGIN:VALARM",
                "TRIGGER:-PT45M",
                "ACTION:EMAIL",
                "END:VALARM",
            ],
            &[
                START,
                "BEGIN:VALARM",
                "TRIGGER:-P0DT0H15M0S",
                "ACTION:DISPLAY",
                "END:VALARM",
                "BEGIN:VALARM",
                "TRIGGER:-PT30M",
                "ACTION:DISPLAY",
                "END:VALARM",
            ],
            &[
                START,
                "BEGIN:VALARM",
                "TRIGGER:-PT10M",
                "ACTION:DISPLAY",
                "END:VALARM",
                "LOCATION:x",
            ],
            &[
                START,
                "LOCATION:x",
                "BEGIN:VALARM",
                "TRIGGER:-PT10M",
                "ACTION:DISPLAY",
                "X-A:b",
                "END:VALARM",
                "BEGIN:VALARM",
                "TRIGGER:-PT45M",
                "ACTION:EMAIL",
                "END:VALARM",
            ],
        ),
        (
            "an alarm is added",
            &[START],
            &[START],
            &[START, "BEGIN:VALARM", "TRIGGER:-PT10M", "END:VALARM"],
            &[START, "BEGIN:VALARM", "TRIGGER:-PT10M", "END:VALARM"],
        ),
        (
            "people keep what the device is not shown of them",
            &[
                START,
                "ATTENDEE;CN=Ada;PARTSTAT=ACCEPTED:mailto:a@x",
                "ATTENDEE;CN=Eva:mailto:e@x",
            ],
            &[START, "ATTENDEE;CN=Ada:MAILTO:a@x"],
            &[START, "ATTENDEE;CN=Ada:mailto:A@x", "ATTENDEE:mailto:b@x"],
            &[
                START,
                "ATTENDEE;CN=Ada;PARTSTAT=ACCEPTED:mailto:a@x",
                "ATTENDEE;CN=Eva:mailto:e@x",
                "ATTENDEE:mailto:b@x",
            ],
        ),
    ];
    for (rule, current, held, new, expected) in rows {
        let [current, held, new, expected] =
            [current, held, new, expected].map(|lines| calendar(&event(lines)));
        let applied = run(&current, &held, Some(&held), &new, Prefer::Current);
        assert_eq!(applied.conflicts, [""; 0], "{rule}");
        assert_eq!(string(applied), expected, "{rule}");
        let applied = run(&current, &held, Some(&held), &held, Prefer::New);
        assert_eq!(string(applied), current, "{rule}: no edit");
    }
}

// spec: U10
#[test]
fn a_tasks_progress_is_one() {
    let task = |lines: &[&str]| calendar(&format!("BEGIN:VTODO\r\n{}END:VTODO\r\n", text(lines)));
    let current = task(&[
        "STATUS:IN-PROCESS",
        "PERCENT-COMPLETE:50",
        "SUMMARY:a",
        "X-A:b",
    ]);
    let held = task(&["STATUS:IN-PROCESS", "SUMMARY:a"]);
    let new = task(&[
        "STATUS:COMPLETED",
        "COMPLETED:20260101T000000Z",
        "SUMMARY:a",
    ]);
    let applied = run(&current, &held, Some(&held), &new, Prefer::New);
    let expected = task(&[
        "STATUS:COMPLETED",
        "SUMMARY:a",
        "X-A:b",
        "COMPLETED:20260101T000000Z",
    ]);
    assert_eq!(string(applied), expected);
}

// spec: V05
#[test]
fn times_changed_on_both_sides_are_a_conflict() {
    let held = calendar(&event(&[START, END, "SUMMARY:a"]));
    let current = calendar(&event(&["DTSTART:20260303T090000Z", END, "SUMMARY:b"]));
    let new = calendar(&event(&[LATER, LATER_END, "SUMMARY:a", "LOCATION:c"]));
    for (prefer, start, end) in [
        (Prefer::New, LATER, LATER_END),
        (Prefer::Current, "DTSTART:20260303T090000Z", END),
    ] {
        let applied = run(&current, &current, Some(&held), &new, prefer);
        assert_eq!(applied.conflicts, ["DTEND", "DTSTART"]);
        let expected = calendar(&event(&[start, end, "SUMMARY:b", "LOCATION:c"]));
        assert_eq!(string(applied), expected);
    }
}

const MASTER: &[&str] = &[START, "RRULE:FREQ=DAILY", "SUMMARY:a"];
const FIRST: &[&str] = &[
    "RECURRENCE-ID:20260303T090000Z",
    "DTSTART:20260303T100000Z",
    "SUMMARY:b",
];
const SECOND: &[&str] = &[
    "RECURRENCE-ID:20260304T090000Z",
    "DTSTART:20260304T100000Z",
    "SUMMARY:c",
];

// spec: U20
#[test]
fn overrides_are_known_by_their_occurrence() {
    let without_first = [MASTER, &["EXDATE:20260303T090000Z"]].concat();
    let without_third = [MASTER, &["EXDATE:20260305T090000Z"]].concat();
    let series = |entries: &[&[&str]]| {
        calendar(&entries.iter().map(|lines| event(lines)).collect::<String>())
    };
    let edited: &[&str] = &[
        "RECURRENCE-ID;TZID=Europe/Berlin:20260303T100000",
        "DTSTART:20260303T100000Z",
        "SUMMARY:d",
    ];
    let kept: &[&str] = &[FIRST[0], FIRST[1], "SUMMARY:d"];
    let rows: &[(&str, &[&[&str]], &[&[&str]], &[&[&str]], &[&[&str]])] = &[
        (
            "trap 21: one is deleted",
            &[MASTER, FIRST, SECOND],
            &[MASTER, FIRST, SECOND],
            &[MASTER, SECOND],
            &[MASTER, SECOND],
        ),
        (
            "one is deleted, and its occurrence with it",
            &[MASTER, FIRST, SECOND],
            &[MASTER, FIRST, SECOND],
            &[&without_first, SECOND],
            &[&without_first, SECOND],
        ),
        (
            "an occurrence as the rule has it is deleted",
            &[MASTER, FIRST, SECOND],
            &[MASTER, FIRST],
            &[&without_third, FIRST],
            &[&without_third, FIRST, SECOND],
        ),
        (
            "one that the device is not shown stays",
            &[MASTER, FIRST, SECOND],
            &[MASTER, FIRST],
            &[MASTER],
            &[MASTER, SECOND],
        ),
        (
            "one is added",
            &[MASTER, FIRST],
            &[MASTER, FIRST],
            &[MASTER, FIRST, SECOND],
            &[MASTER, FIRST, SECOND],
        ),
        (
            "one is edited, in another zone and order",
            &[MASTER, FIRST],
            &[MASTER, FIRST],
            &[edited, MASTER],
            &[MASTER, kept],
        ),
        (
            "trap 21: the series does not go with its overrides left",
            &[MASTER, FIRST],
            &[MASTER, FIRST],
            &[FIRST],
            &[MASTER, FIRST],
        ),
    ];
    for (rule, current, held, new, expected) in rows {
        let [current, held, new, expected] = [current, held, new, expected].map(|e| series(e));
        let applied = run(&current, &held, Some(&held), &new, Prefer::Current);
        assert_eq!(applied.conflicts, [""; 0], "{rule}");
        assert_eq!(string(applied), expected, "{rule}");
    }
    // the server changed what the device deleted
    let current = series(&[MASTER, kept]);
    let applied = run(
        &current,
        &current,
        Some(&series(&[MASTER, FIRST])),
        &series(&[MASTER]),
        Prefer::New,
    );
    assert_eq!(string(applied), current);
    // and so does the occurrence, of which the device made an exception
    let applied = run(
        &current,
        &current,
        Some(&series(&[MASTER, FIRST])),
        &series(&[&without_first]),
        Prefer::New,
    );
    assert_eq!(string(applied), current);
    // both added it
    let held = series(&[MASTER]);
    let applied = run(
        &current,
        &current,
        Some(&held),
        &series(&[MASTER, FIRST]),
        Prefer::New,
    );
    assert_eq!(applied.conflicts, ["SUMMARY"]);
    assert_eq!(string(applied), series(&[MASTER, FIRST]));
}

// spec: U20
#[test]
fn an_override_comes_with_the_identifier_and_zone_that_it_needs() {
    let held = calendar(&event(MASTER));
    let lines = [
        "RECURRENCE-ID;TZID=Home:20260303T100000",
        "DTSTART;TZID=Home:20260303T110000",
    ];
    let added = event(&lines);
    let new = calendar(&format!(
        "{ZONE}{}{}",
        event(MASTER),
        added.replace("UID:1", "UID:2")
    ));
    let expected = calendar(&format!("{ZONE}{}{added}", event(MASTER)));
    let applied = run(&held, &held, Some(&held), &new, Prefer::New);
    assert_eq!(string(applied), expected);
    let again = run(&expected, &expected, Some(&held), &new, Prefer::New);
    assert_eq!(string(again), expected);
}

// spec: V04
#[test]
fn nothing_is_known_of_the_device() {
    let current = calendar(&event(&[
        START,
        END,
        "RRULE:FREQ=DAILY",
        "SUMMARY:a",
        "BEGIN:VALARM",
        "TRIGGER:-PT15M",
        "END:VALARM",
    ]));
    let new = calendar(&event(&[START, "SUMMARY:a", "LOCATION:x"]));
    let applied = run(&current, &current, None, &new, Prefer::New);
    assert_eq!(applied.conflicts, [""; 0]);
    let expected = current.replace("SUMMARY:a\r\n", "SUMMARY:a\r\nLOCATION:x\r\n");
    assert_eq!(string(applied), expected);
    let moved = calendar(&event(&[LATER, LATER_END]));
    let applied = run(&current, &current, None, &moved, Prefer::New);
    assert_eq!(applied.conflicts, ["DTEND", "DTSTART"]);
    let expected = current.replace(START, LATER).replace(END, LATER_END);
    assert_eq!(string(applied), expected);
    let applied = run(&current, &current, None, &moved, Prefer::Current);
    assert_eq!(string(applied), current);
}

#[test]
fn old_calendars_are_edited_in_their_own_dialect() {
    let calendar = |lines: &[&str]| {
        let lines = text(lines);
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    let held = calendar(&[
        START,
        "CATEGORIES:a;b",
        "AALARM:20260302T084500Z;;;",
        "EXDATE:20260303T090000Z;20260304T090000Z",
        "X-A:b",
    ]);
    let new = calendar(&[
        START,
        "CATEGORIES:b;c",
        "DALARM:20260302T084500Z;;;x",
        "EXDATE:20260304T090000Z",
        "X-A:b",
    ]);
    let applied = run(&held, &held, Some(&held), &new, Prefer::New);
    let expected = calendar(&[
        START,
        "CATEGORIES:b;c",
        "EXDATE:20260304T090000Z",
        "X-A:b",
        "DALARM:20260302T084500Z;;;x",
    ]);
    assert_eq!(string(applied), expected);
}

#[test]
fn a_calendar_without_entries_is_no_record() {
    let whole = calendar(&event(MASTER));
    let none = calendar("");
    let pairs = [(&whole, &none), (&none, &whole)];
    for (current, new) in pairs {
        let edit = Edit {
            habit: Habit::Whole,
            current: current.as_bytes(),
            shown: whole.as_bytes(),
            held: Some(whole.as_bytes()),
            new: new.as_bytes(),
        };
        assert_eq!(apply(&edit, Prefer::New), None);
    }
}

// spec: V09
#[test]
fn a_time_stays_in_the_zone_of_the_record() {
    let one = |start: &str, more: &str| calendar(&event(&[start, more, "SUMMARY:a"]));
    let weekly = "RRULE:FREQ=WEEKLY;BYDAY=MO";
    let current = one("DTSTART;TZID=Europe/Berlin:20260713T180000", weekly);
    let held = one("DTSTART;TZID=America/Los_Angeles:20260713T090000", weekly);
    for moved in [
        "DTSTART;TZID=America/Los_Angeles:20260713T093000",
        "DTSTART:20260713T163000Z",
    ] {
        let new = one(moved, weekly);
        let edited = run(&current, &held, Some(&held), &new, Prefer::New);
        let expected = one("DTSTART;TZID=Europe/Berlin:20260713T183000", weekly);
        assert_eq!(string(edited), expected);
    }
    // a rule says days of the clock that it was made by
    let new = one(
        "DTSTART;TZID=America/Los_Angeles:20260714T093000",
        "RRULE:FREQ=WEEKLY;BYDAY=TU",
    );
    let edited = run(&current, &held, Some(&held), &new, Prefer::New);
    assert_eq!(string(edited), new);
}

// spec: U10
#[test]
fn when_a_task_was_done_stays_where_a_device_leaves_it_out() {
    let task = |lines: &[&str]| calendar(&format!("BEGIN:VTODO\r\n{}END:VTODO\r\n", text(lines)));
    let done = [
        "STATUS:COMPLETED",
        "COMPLETED:20260101T000000Z",
        "SUMMARY:a",
    ];
    let held = task(&done);
    let new = task(&["STATUS:COMPLETED", "SUMMARY:b"]);
    let applied = run(&held, &held, Some(&held), &new, Prefer::New);
    assert_eq!(string(applied), held.replace("SUMMARY:a", "SUMMARY:b"));
    // but not of a task that is to be done again
    let new = task(&["STATUS:NEEDS-ACTION", "SUMMARY:a"]);
    let applied = run(&held, &held, Some(&held), &new, Prefer::New);
    assert_eq!(string(applied), new);
}

// spec: V06
#[test]
fn lines_that_both_sides_add_to_a_description_stand() {
    for name in ["DESCRIPTION", "LOCATION"] {
        let of = |value: &str| calendar(&event(&[START, END, &format!("{name}:{value}")]));
        for (prefer, expected) in [
            (Prefer::New, "Bring: milk\\nbread\\neggs"),
            (Prefer::Current, "Bring: milk\\neggs\\nbread"),
        ] {
            let current = of("Bring: milk\\neggs");
            let applied = run(
                &current,
                &current,
                Some(&of("Bring: milk")),
                &of("Bring: milk\\nbread"),
                prefer,
            );
            assert_eq!(applied.conflicts, [""; 0]);
            assert_eq!(string(applied), of(expected));
        }
    }
}

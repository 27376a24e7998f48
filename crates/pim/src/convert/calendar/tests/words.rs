//! The words of both formats, one by one: what a value becomes, and whether that says the same.

use super::*;

/// A line of one format, the line that it becomes, and whether something of it is lost.
type Row<'r> = (&'r str, &'r str, bool);

fn check(kind: &str, to_new: bool, rows: &[Row<'_>]) {
    for (source, expected, is_lost) in rows {
        let name = expected.split([':', ';']).next().unwrap();
        // of a name alone there is no line
        let expected = expected.strip_suffix(':').map_or(*expected, |_| "");
        let (version, start) = if to_new {
            ("1.0", "DTSTART:20240506T070000Z")
        } else {
            ("2.0", "DTSTART:20240506T070000Z\r\nUID:1")
        };
        let calendar = calendar(version, kind, &[start, source]);
        let (text, lost) = if to_new {
            new(&calendar, &TimeProfile::default())
        } else {
            old(&calendar, &TimeProfile::default())
        };
        assert_eq!(line(&text, name), expected, "{source}");
        assert_eq!(
            lost.iter().any(|line| line.trim() == *source),
            *is_lost,
            "{source}"
        );
    }
}

#[test]
fn priorities_are_classes() {
    let rows = [("0", "0"), ("1", "1"), ("2", "5"), ("3", "9")];
    for (old, new) in rows {
        let (old, new) = (format!("PRIORITY:{old}"), format!("PRIORITY:{new}"));
        check("VEVENT", true, &[(&old, &new, false)]);
        check("VEVENT", false, &[(&new, &old, false)]);
    }
    check(
        "VTODO",
        false,
        &[
            ("PRIORITY:2", "PRIORITY:1", true),
            ("PRIORITY:4", "PRIORITY:1", true),
            ("PRIORITY:6", "PRIORITY:3", true),
            ("PRIORITY:8", "PRIORITY:3", true),
        ],
    );
}

#[test]
fn states_are_those_of_the_kind() {
    check(
        "VEVENT",
        true,
        &[
            ("STATUS:TENTATIVE", "STATUS:TENTATIVE", false),
            ("STATUS:CONFIRMED", "STATUS:CONFIRMED", false),
            ("STATUS:DECLINED", "STATUS:CANCELLED", false),
        ],
    );
    check(
        "VTODO",
        true,
        &[
            ("STATUS:NEEDS ACTION", "STATUS:NEEDS-ACTION", false),
            ("STATUS:NEEDS_ACTION", "STATUS:NEEDS-ACTION", false),
            ("STATUS:NEEDS-ACTION", "STATUS:NEEDS-ACTION", false),
            ("STATUS:ACCEPTED", "STATUS:NEEDS-ACTION", true),
            ("STATUS:SENT", "STATUS:NEEDS-ACTION", true),
            ("STATUS:DELEGATED", "STATUS:NEEDS-ACTION", true),
            ("STATUS:CONFIRMED", "STATUS:NEEDS-ACTION", true),
            ("STATUS:COMPLETED", "STATUS:COMPLETED", false),
        ],
    );
    check(
        "VTODO",
        false,
        &[
            ("STATUS:NEEDS-ACTION", "STATUS:NEEDS ACTION", false),
            ("STATUS:IN-PROCESS", "STATUS:NEEDS ACTION", true),
            ("STATUS:COMPLETED", "STATUS:COMPLETED", false),
            ("STATUS:CANCELLED", "STATUS:DECLINED", false),
            // all is done, or nothing is said
            ("PERCENT-COMPLETE:100", "STATUS:COMPLETED", false),
        ],
    );
}

#[test]
fn what_blocks_and_who_may_see_it() {
    check(
        "VEVENT",
        true,
        &[
            ("TRANSP:0", "TRANSP:OPAQUE", false),
            ("TRANSP:1", "TRANSP:TRANSPARENT", false),
            ("TRANSP:3", "TRANSP:TRANSPARENT", true),
            ("CLASS:CONFIDENTIAL", "CLASS:CONFIDENTIAL", false),
            (
                "DCREATED:20240101T000000Z",
                "CREATED:20240101T000000Z",
                false,
            ),
            ("CATEGORIES:MEETING;x", "CATEGORIES:MEETING,x", false),
            ("RESOURCES:a;b", "RESOURCES:a,b", false),
            ("X-METHOD:PUBLISH", "METHOD:PUBLISH", false),
            ("RELATED-TO:1", "RELATED-TO:1", false),
        ],
    );
    check(
        "VEVENT",
        false,
        &[
            ("TRANSP:OPAQUE", "TRANSP:0", false),
            ("TRANSP:TRANSPARENT", "TRANSP:1", false),
            ("CLASS:PUBLIC", "CLASS:PUBLIC", false),
            (
                "CREATED:20240101T000000Z",
                "DCREATED:20240101T000000Z",
                false,
            ),
            ("CATEGORIES:MEETING,x", "CATEGORIES:MEETING;x", false),
        ],
    );
}

#[test]
fn people_have_a_role_and_an_answer() {
    let answers = [
        ("NEEDS ACTION", "NEEDS-ACTION", false),
        ("ACCEPTED", "ACCEPTED", false),
        ("SENT", "NEEDS-ACTION", true),
        ("TENTATIVE", "TENTATIVE", false),
        ("CONFIRMED", "ACCEPTED", true),
        ("DECLINED", "DECLINED", false),
        ("COMPLETED", "COMPLETED", false),
        ("DELEGATED", "DELEGATED", false),
    ];
    for (old, new, is_lost) in answers {
        let old = format!("ATTENDEE;ROLE=ATTENDEE;STATUS={old}:a@example.com");
        let new = format!("ATTENDEE;PARTSTAT={new}:mailto:a@example.com");
        check("VEVENT", true, &[(&old, &new, is_lost)]);
    }
    let roles = [
        ("REQUIRE", "REQ-PARTICIPANT"),
        ("REQUEST", "OPT-PARTICIPANT"),
        ("FYI", "NON-PARTICIPANT"),
    ];
    for (old, new) in roles {
        let old = format!("ATTENDEE;EXPECT={old}:a@example.com");
        let new = format!("ATTENDEE;ROLE={new}:mailto:a@example.com");
        check("VEVENT", true, &[(&old, &new, false)]);
    }
    check(
        "VEVENT",
        true,
        &[
            (
                "ATTENDEE;RSVP=NO:a@example.com",
                "ATTENDEE;RSVP=FALSE:mailto:a@example.com",
                false,
            ),
            (
                "ATTENDEE;ROLE=ORGANIZER:a@example.com",
                "ORGANIZER:mailto:a@example.com",
                false,
            ),
        ],
    );
}

#[test]
fn a_task_is_done_or_not_in_one_way() {
    check(
        "VTODO",
        true,
        &[
            (
                "STATUS:COMPLETED\r\nCOMPLETED:20240506T080000Z",
                "COMPLETED:20240506T080000Z",
                false,
            ),
            // the state is believed, not the time
            (
                "STATUS:NEEDS ACTION\r\nCOMPLETED:20240506T080000Z",
                "STATUS:NEEDS-ACTION",
                false,
            ),
            (
                "COMPLETED:20240506T080000Z",
                "COMPLETED:20240506T080000Z",
                false,
            ),
            ("PERCENT-COMPLETE:40", "PERCENT-COMPLETE:40", false),
            ("DUE:20240501T080000Z", "DUE:20240501T080000Z", false),
        ],
    );
    check(
        "VTODO",
        false,
        &[
            ("PERCENT-COMPLETE:40", "PERCENT-COMPLETE:", true),
            ("RRULE:FREQ=DAILY", "RRULE:D1 #0", false),
        ],
    );
    let task = |lines: &[&str]| new(&calendar("1.0", "VTODO", lines), &TimeProfile::default());
    let (text, lost) = task(&["STATUS:NEEDS ACTION", "COMPLETED:20240506T080000Z"]);
    assert_eq!(line(&text, "COMPLETED"), "");
    assert_eq!(lost, ["COMPLETED:20240506T080000Z\r\n"]);
    let (text, lost) = task(&["STATUS:COMPLETED", "PERCENT-COMPLETE:100"]);
    assert_eq!(lines(&text, "PERCENT-COMPLETE"), ["PERCENT-COMPLETE:100"]);
    assert!(lost.is_empty());
    // it cannot begin after it is due
    let (text, lost) = task(&["DTSTART:20240507T080000Z", "DUE:20240506T080000Z"]);
    assert_eq!(line(&text, "DTSTART"), "");
    assert_eq!(lost, ["DTSTART:20240507T080000Z\r\n"]);
    let (text, _) = task(&["DUE:20240507T000000", "SUMMARY:a"]);
    assert_eq!(line(&text, "DUE"), "DUE;VALUE=DATE:20240507");
    for (word, state) in [("ACCEPTED", "IN-PROCESS"), ("NEEDS ACTION", "NEEDS-ACTION")] {
        let (text, _) = task(&[&format!("STATUS:{word}"), "PERCENT-COMPLETE:40"]);
        assert_eq!(line(&text, "STATUS"), format!("STATUS:{state}"));
    }
}

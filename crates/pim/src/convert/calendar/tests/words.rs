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

// spec: U01
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

// spec: U02
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

// spec: U03
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

// spec: U04
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
            // roles and wishes that nothing stands for
            (
                "ATTENDEE;ROLE=OWNER:a@example.com",
                "ATTENDEE:mailto:a@example.com",
                true,
            ),
            (
                "ATTENDEE;ROLE=DELEGATE:a@example.com",
                "ATTENDEE:mailto:a@example.com",
                true,
            ),
            (
                "ATTENDEE;EXPECT=IMMEDIATE:a@example.com",
                "ATTENDEE:mailto:a@example.com",
                true,
            ),
            (
                "ATTENDEE:\"Lake, Ann\" <a@example.com>",
                "ATTENDEE;CN=\"Lake, Ann\":mailto:a@example.com",
                false,
            ),
            // a name without an address
            ("ATTENDEE:Ann", "ATTENDEE;CN=Ann:invalid:nomail", false),
        ],
    );
}

// spec: U04
#[test]
fn people_are_told_to_a_phone() {
    let answers = [
        ("NEEDS-ACTION", "NEEDS ACTION"),
        ("ACCEPTED", "ACCEPTED"),
        ("TENTATIVE", "TENTATIVE"),
        ("DECLINED", "DECLINED"),
        ("COMPLETED", "COMPLETED"),
        ("DELEGATED", "DELEGATED"),
    ];
    for (new, old) in answers {
        let new = format!("ATTENDEE;PARTSTAT={new}:mailto:a@example.com");
        let old = format!("ATTENDEE;ROLE=ATTENDEE;STATUS={old}:a@example.com");
        check("VEVENT", false, &[(&new, &old, false)]);
    }
    for (new, old, is_lost) in [
        ("ROLE=REQ-PARTICIPANT", "EXPECT=REQUIRE", false),
        ("ROLE=OPT-PARTICIPANT", "EXPECT=REQUEST", false),
        ("ROLE=NON-PARTICIPANT", "EXPECT=FYI", false),
        ("RSVP=TRUE", "RSVP=YES", false),
        ("RSVP=FALSE", "RSVP=NO", false),
        ("PARTSTAT=X-LATE", "", true),
        ("CUTYPE=ROOM", "", true),
    ] {
        let new = format!("ATTENDEE;{new}:mailto:a@example.com");
        let old = match old {
            "" => "ATTENDEE;ROLE=ATTENDEE:a@example.com".to_owned(),
            old => format!("ATTENDEE;ROLE=ATTENDEE;{old}:a@example.com"),
        };
        check("VEVENT", false, &[(&new, &old, is_lost)]);
    }
    check(
        "VEVENT",
        false,
        &[
            (
                "ORGANIZER;CN=Ann:mailto:a@example.com",
                "ATTENDEE;ROLE=ORGANIZER:Ann <a@example.com>",
                false,
            ),
            (
                "ATTENDEE;CN=Ann:invalid:nomail",
                "ATTENDEE;ROLE=ATTENDEE:Ann",
                false,
            ),
            // the address of what is no mail
            (
                "ATTENDEE:http://a.example/",
                "ATTENDEE;ROLE=ATTENDEE:http://a.example/",
                true,
            ),
        ],
    );
}

// spec: U05
#[test]
fn lists_are_parted_by_either() {
    for (old, new) in [
        ("MEETING", "MEETING"),
        ("MEETING;PHONE CALL", "MEETING,PHONE CALL"),
        ("MEETING,PHONE CALL", "MEETING,PHONE CALL"),
        ("a\\;b;c", "a\\;b,c"),
    ] {
        for name in ["CATEGORIES", "RESOURCES"] {
            let (old, new) = (format!("{name}:{old}"), format!("{name}:{new}"));
            check("VEVENT", true, &[(&old, &new, false)]);
        }
    }
    check(
        "VEVENT",
        false,
        &[
            ("RESOURCES:a,b", "RESOURCES:a;b", false),
            ("CATEGORIES:a\\,b,c", "CATEGORIES:a,b;c", true),
        ],
    );
}

// spec: U09
#[test]
fn no_title_is_made_up() {
    for to_new in [true, false] {
        let version = if to_new { "1.0" } else { "2.0" };
        let source = calendar(
            version,
            "VEVENT",
            &["DTSTART:20240506T070000Z", "DESCRIPTION:a"],
        );
        let (text, _) = if to_new {
            new(&source, &TimeProfile::default())
        } else {
            old(&source, &TimeProfile::default())
        };
        assert_eq!(line(&text, "SUMMARY"), "");
        assert_eq!(line(&text, "DESCRIPTION"), "DESCRIPTION:a");
    }
}

// spec: U06
#[test]
fn properties_of_both_go_over_as_they_are() {
    for one in [
        "LOCATION:Mill",
        "URL:http://a.example/?b=c;d",
        "X-EPOCAGENDAENTRYTYPE:APPOINTMENT",
        "X-EPOCTODOLIST:Home",
        "X-SYMBIAN-LUID:7",
        "X-SONYERICSSON-DST:4",
        "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
        "CATEGORIES:X-65536",
        "CLASS:PRIVATE",
    ] {
        for to_new in [true, false] {
            check("VTODO", to_new, &[(one, one, false)]);
        }
    }
    check(
        "VEVENT",
        true,
        &[
            ("SUMMARY:a\\;b, c", "SUMMARY:a\\;b\\, c", false),
            (
                "ATTACH;VALUE=URL:http://a.example/",
                "ATTACH:http://a.example/",
                false,
            ),
            ("SEQUENCE:3", "SEQUENCE:3", false),
            ("UID:1-2@example.com", "UID:1-2@example.com", false),
            // some send octets that are no text at all
            (
                "UID;ENCODING=QUOTED-PRINTABLE:2506=C2=81",
                "UID:2506\u{81}",
                false,
            ),
            // the number of expansions says nothing of its own
            ("RNUM:5", "RNUM:", false),
        ],
    );
    check(
        "VEVENT",
        false,
        &[
            ("SUMMARY:a\\;b\\, c", "SUMMARY:a;b, c", false),
            ("SEQUENCE:3", "SEQUENCE:", true),
            ("ATTACH:http://a.example/", "ATTACH:", true),
            (
                "RELATED-TO;RELTYPE=CHILD:1",
                "RELATED-TO;RELTYPE=CHILD:1",
                false,
            ),
        ],
    );
}

// spec: U07
#[test]
fn a_place_is_the_calendars_in_one_format_and_the_entrys_in_the_other() {
    let source = event_old(&["DTSTART:20240506T070000Z"]);
    let source = source.replace("VERSION:1.0\r\n", "VERSION:1.0\r\nGEO:13.4,52.5\r\n");
    let (text, lost) = new(&source, &TimeProfile::default());
    assert_eq!(
        (line(&text, "GEO"), lost.len()),
        ("GEO:52.5;13.4".to_owned(), 0)
    );
    let (entry, after) = (text.find("BEGIN:VEVENT"), text.find("GEO:"));
    assert!(entry < after, "{text}");
    let (back, lost) = old(&text, &TimeProfile::default());
    assert_eq!(
        (line(&back, "GEO"), lost.len()),
        ("GEO:13.4,52.5".to_owned(), 0)
    );
    assert!(back.find("GEO:") < back.find("BEGIN:VEVENT"), "{back}");
}

// spec: U08
#[test]
fn no_identifier_is_made_up_and_no_product_sent_to_a_phone() {
    let (text, _) = new(
        &event_old(&["DTSTART:20240506T070000Z"]),
        &TimeProfile::default(),
    );
    assert_eq!(lines(&text, "PRODID").len(), 1);
    assert_eq!(line(&text, "DTSTAMP"), "DTSTAMP:19700101T000000Z");
    assert_eq!(line(&text, "UID"), "");
    let (back, _) = old(&text, &TimeProfile::default());
    for name in ["PRODID", "LAST-MODIFIED", "DTSTAMP", "DURATION", "TZ"] {
        assert_eq!(line(&back, name), "", "{back}");
    }
    let changed = event_old(&["DTSTART:20240506T070000Z", "LAST-MODIFIED:20240507T080000Z"]);
    let (text, _) = new(&changed, &TimeProfile::default());
    assert_eq!(line(&text, "DTSTAMP"), "DTSTAMP:20240507T080000Z");
}

// spec: U10
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

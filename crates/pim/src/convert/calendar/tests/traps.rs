//! What devices write, and what has tripped converters.

use super::*;

/// A phone names an exception by its instant, and in summer that is another hour of UTC than
/// the start is.
// spec: U19
#[test]
fn exceptions_in_utc_hit_the_series_in_summer() {
    let source = event_old(&[
        "DTSTART:20240108T080000Z",
        "DTEND:20240108T090000Z",
        "RRULE:W1 MO #0",
        "EXDATE:20240708T070000Z;20240715T070000Z",
    ]);
    let (text, lost) = new(&source, &device("Europe/Berlin"));
    assert!(lost.is_empty());
    assert_eq!(
        line(&text, "DTSTART"),
        "DTSTART;TZID=Europe/Berlin:20240108T090000"
    );
    assert_eq!(
        lines(&text, "EXDATE"),
        [
            "EXDATE;TZID=Europe/Berlin:20240708T090000",
            "EXDATE;TZID=Europe/Berlin:20240715T090000"
        ]
    );
    let (back, lost) = old(&text, &device("Europe/Berlin"));
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(
        line(&back, "EXDATE"),
        "EXDATE:20240708T070000Z;20240715T070000Z"
    );
    assert_eq!(line(&back, "DTSTART"), "DTSTART:20240108T080000Z");
}

/// Symbian writes the start in UTC, and the end of the series as its own clock shows it.
// spec: U16
#[test]
fn an_end_of_a_series_may_be_local_while_its_start_is_not() {
    let profile = TimeProfile {
        rule_end: RuleEnd::LocalDate,
        ..device("Europe/Berlin")
    };
    let source = event_old(&["DTSTART:20240115T130000Z", "RRULE:MD1 15+ 20240715T140000"]);
    let (text, lost) = new(&source, &profile);
    assert!(lost.is_empty());
    let rule = "RRULE:FREQ=MONTHLY;BYMONTHDAY=15;UNTIL=20240715T120000Z";
    assert_eq!(line(&text, "RRULE"), rule);
    let (back, _) = old(&text, &profile);
    assert_eq!(line(&back, "RRULE"), "RRULE:MD1 15 20240715T140000");
}

/// Described for as long as it recurs, a birthday has a line of summer time for each year.
// spec: U25
#[test]
fn an_anniversary_without_end_does_not_describe_a_century() {
    let profile = TimeProfile {
        describes_zone: true,
        ..device("Europe/Berlin")
    };
    let source = event_new(&[
        "DTSTART;TZID=Europe/Berlin:20240506T090000",
        "RRULE:FREQ=YEARLY",
    ]);
    let (text, _) = old(&source, &profile);
    assert_eq!(line(&text, "TZ:"), "TZ:+01:00");
    let years = lines(&text, "DAYLIGHT");
    assert_eq!(years.len(), 3);
    assert_eq!(
        years[0],
        "DAYLIGHT:TRUE;+02:00;20240331T020000;20241027T030000;;"
    );
    let (back, lost) = new(&text, &TimeProfile::default());
    assert!(lost.is_empty());
    assert_eq!(
        line(&back, "DTSTART"),
        "DTSTART;TZID=Europe/Berlin:20240506T090000"
    );
}

/// An offset may come in either form, with or without word on summer time.
// spec: U24
#[test]
fn an_offset_alone_is_a_zone() {
    let with = |tz: &str| {
        let source = event_old(&[tz, "DTSTART:20240506T090000"]);
        let (text, _) = new(&source, &TimeProfile::default());
        assert!(text.contains("TZOFFSETTO:-0330\r\n"), "{text}");
        line(&text, "DTSTART")
    };
    for tz in ["TZ:-03:30", "TZ:-0330", "TZ:-03:30\r\nDAYLIGHT:FALSE"] {
        assert_eq!(with(tz), "DTSTART;TZID=UTC-0330:20240506T090000");
    }
}

/// A traveller's phone tells of a zone that is not the one it is registered with.
// spec: U24
#[test]
fn what_an_item_says_of_its_zone_goes_before_what_is_known_of_the_device() {
    let los_angeles = "TZ:-08\r\n\
        DAYLIGHT:TRUE;-07;20240310T020000;20241103T020000;PST;PDT\r\nDTSTART:20240506T160000Z";
    let rows = [
        (los_angeles, "America/Los_Angeles:20240506T090000"),
        (
            "TZ:+05:30\r\nDTSTART:20240506T090000",
            "UTC+0530:20240506T090000",
        ),
        // these are the device's zone, in winter or in summer
        (
            "TZ:+01\r\nDTSTART:20240506T070000Z",
            "Europe/Rome:20240506T090000",
        ),
        (
            "TZ:+02\r\nDTSTART:20240506T070000Z",
            "Europe/Rome:20240506T090000",
        ),
        (
            "TZ:+01\r\nDAYLIGHT:TRUE;+02;20240331T020000;20241027T030000;CET;CEST\r\n\
             DTSTART:20240506T070000Z",
            "Europe/Rome:20240506T090000",
        ),
        // a device that knows no summer
        (
            "TZ:+01\r\nDAYLIGHT:FALSE\r\nDTSTART:20240506T080000Z",
            "UTC+0100:20240506T090000",
        ),
        // that it counts in UTC does not say where it is
        (
            "TZ:+00\r\nDTSTART:20240506T070000Z",
            "Europe/Rome:20240506T090000",
        ),
    ];
    for mode in [TimeMode::Utc, TimeMode::Floating] {
        let profile = TimeProfile {
            mode,
            ..floating("Europe/Rome")
        };
        for (times, expected) in rows {
            let (text, _) = new(&event_old(&[times]), &profile);
            assert_eq!(line(&text, "DTSTART"), format!("DTSTART;TZID={expected}"));
            // and where the calendar as a whole says so
            let lines: Vec<_> = times.split("\r\n").collect();
            let (start, zone) = lines.split_last().unwrap();
            let zone = format!("VERSION:1.0\r\n{}\r\n", zone.join("\r\n"));
            let source = event_old(&[start]).replacen("VERSION:1.0\r\n", &zone, 1);
            let (text, _) = new(&source, &profile);
            assert_eq!(line(&text, "DTSTART"), format!("DTSTART;TZID={expected}"));
        }
    }
}

/// No two makers write a whole day alike, and some write what looks like a meeting.
// spec: U27
#[test]
fn whole_days_are_told_in_every_convention() {
    let berlin = || floating("Europe/Berlin");
    let daytime = TimeProfile {
        all_day: AllDay::Daytime,
        ..berlin()
    };
    let no_end = TimeProfile {
        all_day: AllDay::NoEnd,
        ..berlin()
    };
    let false_z = TimeProfile {
        mode: TimeMode::FalseZ,
        ..berlin()
    };
    let cases: [(&TimeProfile, &[&str]); 21] = [
        (
            &berlin(),
            &[
                "DTSTART:20240506T090000",
                "DTEND:20240506T170000",
                "X-ALLDAYEVENT:1",
            ],
        ),
        // in UTC with the device's zone beside it
        (
            &device("Europe/Berlin"),
            &[
                "DTSTART:20240505T220000Z",
                "DTEND:20240506T215900Z",
                "X-EPOCAGENDAENTRYTYPE:EVENT",
            ],
        ),
        (
            &berlin(),
            &[
                "DTSTART:20240506T000000",
                "DTEND:20240507T000000",
                "X-EPOCAGENDAENTRYTYPE:APPOINTMENT",
            ],
        ),
        (
            &berlin(),
            &[
                "DTSTART:20240506",
                "CATEGORIES:SPECIAL OCCASION",
                "RRULE:YD1 #0",
            ],
        ),
        (
            &berlin(),
            &[
                "DTSTART:20240506T000000",
                "DTEND:20240507T000000",
                "X-EPOCAGENDAENTRYTYPE:EVENT",
            ],
        ),
        (
            &berlin(),
            &[
                "DTSTART:20240506T000000",
                "DTEND:20240506T000000",
                "X-EPOCAGENDAENTRYTYPE:ANNIVERSARY",
            ],
        ),
        (
            &device("America/Los_Angeles"),
            &[
                "DTSTART:20240506T070000Z",
                "DTEND:20240507T065900Z",
                "X-EPOCAGENDAENTRYTYPE:APPOINTMENT",
            ],
        ),
        (
            &device("Pacific/Tongatapu"),
            &["DTSTART:20240505T110000Z", "DTEND:20240506T110000Z"],
        ),
        (
            &berlin(),
            &[
                "DTSTART:20240506T090000",
                "DTEND:20240506T170000",
                "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
            ],
        ),
        (&berlin(), &["DTSTART:20240506", "DTEND:20240507"]),
        (
            &berlin(),
            &["DTSTART:20240506T000000", "DTEND:20240507T000000"],
        ),
        (
            &berlin(),
            &["DTSTART:20240506T000000", "DTEND:20240506T000000"],
        ),
        (
            &berlin(),
            &[
                "DTSTART:20240506T000000",
                "DTEND:20240506T235900",
                "X-FUNAMBOL-ALLDAY:1",
            ],
        ),
        (
            &berlin(),
            &["DTSTART:20240506T000000", "DTEND:20240506T235959"],
        ),
        (
            &berlin(),
            &["DTSTART:20240506T000000", "DTEND:20240506T240000"],
        ),
        (
            &false_z,
            &["DTSTART:20240506T000000Z", "DTEND:20240506T240000Z"],
        ),
        (
            &berlin(),
            &["DTSTART:20240506T235900", "CATEGORIES:MISCELLANEOUS"],
        ),
        (
            &berlin(),
            &[
                "DTSTART:20240506T000000",
                "DTEND:20240505T235900",
                "X-EPOCAGENDAENTRYTYPE:ANNIVERSARY",
            ],
        ),
        (
            &daytime,
            &["DTSTART:20240506T080000", "DTEND:20240506T180000"],
        ),
        (&no_end, &["DTSTART:20240506T000000"]),
        (
            &device("Europe/Berlin"),
            &["DTSTART:20240505T220000Z", "DTEND:20240506T215900Z"],
        ),
    ];
    for (profile, source) in cases {
        let (text, _) = new(&event_old(source), profile);
        assert_eq!(
            line(&text, "DTSTART"),
            "DTSTART;VALUE=DATE:20240506",
            "{source:?}"
        );
        let end = line(&text, "DTEND");
        let expected = if source.iter().any(|l| l.starts_with("DTEND")) {
            "DTEND;VALUE=DATE:20240507"
        } else {
            ""
        };
        assert_eq!(end, expected, "{source:?}");
    }
    let days = event_old(&["DTSTART:20240506T000000", "DTEND:20240508T235900"]);
    let (text, _) = new(&days, &berlin());
    assert_eq!(line(&text, "DTEND"), "DTEND;VALUE=DATE:20240509");
    let timed = event_old(&["DTSTART:20240506T000000", "DTEND:20240506T010000"]);
    assert_eq!(
        line(&new(&timed, &berlin()).0, "DTSTART"),
        "DTSTART;TZID=Europe/Berlin:20240506T000000"
    );
}

/// A day that ends otherwise than the device expects is shown as two, or as none.
// spec: U28
#[test]
fn whole_days_are_written_as_the_device_does() {
    let source = event_new(&["DTSTART;VALUE=DATE:20240506", "DTEND;VALUE=DATE:20240508"]);
    for (all_day, end) in [
        (AllDay::Midnight, "DTEND:20240508T000000"),
        (AllDay::Minute, "DTEND:20240507T235900"),
        (AllDay::Second, "DTEND:20240507T235959"),
        (AllDay::Hour24, "DTEND:20240507T240000"),
        (AllDay::Daytime, "DTEND:20240507T180000"),
    ] {
        let profile = TimeProfile {
            all_day,
            ..device("Pacific/Auckland")
        };
        let (text, lost) = old(&source, &profile);
        assert_eq!((line(&text, "DTEND").as_str(), lost.len()), (end, 0));
        let (back, _) = new(&text, &profile);
        assert_eq!(line(&back, "DTSTART"), "DTSTART;VALUE=DATE:20240506");
        assert_eq!(line(&back, "DTEND"), "DTEND;VALUE=DATE:20240508");
    }
    let profile = TimeProfile {
        all_day: AllDay::NoEnd,
        ..device("Pacific/Auckland")
    };
    let (text, lost) = old(&source, &profile);
    assert_eq!(line(&text, "DTEND"), "");
    assert_eq!(lost, ["DTEND;VALUE=DATE:20240508\r\n"]);
}

/// Some phones add an empty line each time, and some fill the description with the title.
// spec: U09
#[test]
fn a_description_does_not_grow() {
    let source = event_old(&[
        "SUMMARY:a",
        "DESCRIPTION;ENCODING=QUOTED-PRINTABLE:b=0D=0A=0D=0A",
    ]);
    let (text, _) = new(&source, &TimeProfile::default());
    assert_eq!(line(&text, "DESCRIPTION"), "DESCRIPTION:b");
    let copy = event_old(&["SUMMARY:a", "DESCRIPTION:a"]);
    assert_eq!(
        line(&new(&copy, &TimeProfile::default()).0, "DESCRIPTION"),
        ""
    );
}

/// Without the exception a phone shows a moved meeting at both times.
// spec: U20
#[test]
fn an_override_is_an_exception_of_its_series() {
    let inner = [
        "UID:1\r\nDTSTART;TZID=Europe/Berlin:20240108T090000\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT",
        "BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID;TZID=Europe/Berlin:20240115T090000",
        "DTSTART;TZID=Europe/Berlin:20240115T110000",
    ];
    let (text, lost) = old(&event_new(&inner), &floating("Europe/Berlin"));
    assert_eq!(line(&text, "EXDATE"), "EXDATE:20240115T090000");
    assert_eq!(lines(&text, "BEGIN:VEVENT").len(), 1);
    assert_eq!(lost.len(), 5);
    let alone = event_new(&inner[1..]).replacen("BEGIN:VEVENT\r\n", "", 1);
    let (text, lost) = old(&alone, &floating("Europe/Berlin"));
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(
        line(&text, "X-RECURRENCE-ID"),
        "X-RECURRENCE-ID:20240115T090000"
    );
    let (back, _) = new(&text, &floating("Europe/Berlin"));
    let id = "RECURRENCE-ID;TZID=Europe/Berlin:20240115T090000";
    assert_eq!(line(&back, "RECURRENCE-ID"), id);
}

/// Some devices name an exception by its day or midnight, at which no occurrence begins.
// spec: U19
#[test]
fn a_date_of_an_exception_hits_the_occurrence_of_that_day() {
    for date in ["20240115", "20240115T000000"] {
        let source = event_old(&[
            "DTSTART:20240108T090000",
            "RRULE:W1 MO #0",
            &format!("EXDATE:{date}"),
        ]);
        let (text, _) = new(&source, &floating("Europe/Berlin"));
        assert_eq!(
            line(&text, "EXDATE"),
            "EXDATE;TZID=Europe/Berlin:20240115T090000"
        );
    }
    let series = event_new(&[
        "DTSTART;TZID=Europe/Berlin:20240108T090000",
        "RRULE:FREQ=WEEKLY",
        "EXDATE:20240115T090000",
    ]);
    let (text, _) = old(&series, &device("Europe/Berlin"));
    assert_eq!(line(&text, "EXDATE"), "EXDATE:20240115T080000Z");
}

/// One item may hold two entries; neither may go, nor become a record of its own.
// spec: U31
#[test]
fn an_event_and_a_task_of_one_item_both_go_over() {
    let source = event_old(&[
        "DTSTART:20240506T070000Z\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nSUMMARY:t\r\nEND:VTODO",
    ]);
    let (text, _) = new(&source, &TimeProfile::default());
    assert_eq!(lines(&text, "BEGIN:V").len(), 3);
}

/// A time that is taken for a distance rings in another year.
// spec: U21
#[test]
fn alarms_are_distances_in_one_format_and_times_in_the_other() {
    let source = event_old(&[
        "DTSTART:20240506T070000Z",
        "DALARM:20240506T064500Z;PT5M;2;Call\\; now",
        "AALARM:20240505T070000Z",
        "PALARM:20240506T070000Z;;;run",
        "AALARM:20990101T000000Z;;;",
    ]);
    let (text, lost) = new(&source, &TimeProfile::default());
    assert_eq!(lost.len(), 2);
    let alarm = "BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nREPEAT:2\r\nDURATION:PT5M\r\nACTION:DISPLAY\r\n\
                 DESCRIPTION:Call\\; now\r\nEND:VALARM\r\nBEGIN:VALARM\r\nTRIGGER:-P1D\r\n\
                 ACTION:AUDIO\r\nEND:VALARM\r\n";
    assert!(text.contains(alarm), "{text}");
    let (back, lost) = old(&text, &device("Europe/Berlin"));
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(
        line(&back, "DALARM"),
        "DALARM:20240506T064500Z;PT5M;2;Call\\; now"
    );
    assert_eq!(line(&back, "AALARM"), "AALARM:20240505T070000Z");
    let bare = TimeProfile {
        bare_alarms: true,
        ..floating("Europe/Berlin")
    };
    let (back, lost) = old(&text, &bare);
    assert_eq!(line(&back, "AALARM"), "AALARM:20240505T090000");
    assert_eq!(lost.len(), 7);
}

/// Words are spelled with blanks, underscores and hyphens.
// spec: U04
#[test]
fn words_and_people_go_over() {
    let source = calendar(
        "1.0",
        "VTODO",
        &[
            "DUE:20240506T070000Z",
            "PRIORITY:2",
            "STATUS:NEEDS_ACTION",
            "CLASS:PRIVATE",
            "CATEGORIES:a;b",
            "ATTENDEE;ROLE=ORGANIZER:Ann <ann@example.com>",
            "ATTENDEE;ROLE=ATTENDEE;STATUS=CONFIRMED;RSVP=YES;EXPECT=REQUEST:bob@example.com",
            "X-KEPT;X-A=1:c\\;d",
        ],
    );
    let (text, lost) = new(&source, &TimeProfile::default());
    assert_eq!(lost.len(), 1, "{lost:?}");
    for expected in [
        "PRIORITY:5",
        "STATUS:NEEDS-ACTION",
        "CLASS:PRIVATE",
        "CATEGORIES:a,b",
        "ORGANIZER;CN=Ann:mailto:ann@example.com",
        "ATTENDEE;PARTSTAT=ACCEPTED;RSVP=TRUE;ROLE=OPT-PARTICIPANT:mailto:bob@example.com",
        "X-KEPT;X-A=1:c\\;d",
        "DUE:20240506T070000Z",
    ] {
        assert_eq!(line(&text, expected), expected, "{text}");
    }
}

/// A phone that is in summer takes the times of winter for an hour off.
// spec: U23
#[test]
fn a_device_that_converts_by_todays_offset_keeps_the_hour() {
    let profile = TimeProfile {
        converts_by: Some(7200),
        ..device("Europe/Berlin")
    };
    let source = event_new(&["DTSTART;TZID=Europe/Berlin:20240108T090000"]);
    let (text, lost) = old(&source, &profile);
    assert!(lost.is_empty());
    assert_eq!(line(&text, "DTSTART"), "DTSTART:20240108T070000Z");
    let (back, _) = new(&text, &profile);
    assert_eq!(
        line(&back, "DTSTART"),
        "DTSTART;TZID=Europe/Berlin:20240108T090000"
    );
}

/// Zones are named by paths, by Windows and by offsets.
// spec: U26
#[test]
fn zones_are_found_under_other_names() {
    for (name, zone) in [
        ("/example.org/2007_1/Europe/Berlin", "Europe/Berlin"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("+0530", "UTC+0530"),
        ("UTC", "UTC"),
        ("EST5EDT,M3.2.0,M11.1.0", "EST5EDT_M3.2.0_M11.1.0"),
    ] {
        assert_eq!(Zone::new(name).expect(name).name(), zone);
    }
    assert_eq!(Zone::new("Nowhere/At all"), None);
    assert_eq!(Zone::new(""), None);
}

/// A zone may have a name that nobody else knows.
// spec: U26
#[test]
fn a_zone_that_only_the_item_describes_is_followed() {
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Home\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
                TZOFFSETFROM:+0545\r\nTZOFFSETTO:+0545\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
    let source = event_new(&["DTSTART;TZID=Home:20240506T054500"]);
    let source = source.replace("BEGIN:VEVENT", &format!("{zone}BEGIN:VEVENT"));
    let (text, lost) = old(&source, &TimeProfile::default());
    assert_eq!(line(&text, "DTSTART"), "DTSTART:20240506T000000Z");
    assert_eq!(lost, ["DTSTART;TZID=Home:20240506T054500\r\n"]);
}

/// An end before the start, and times that are none.
// spec: U30
#[test]
fn times_and_lengths_that_make_no_sense_are_lost() {
    let source = event_old(&[
        "DTSTART:20240506T070000Z",
        "DTEND:20240505T070000Z",
        "DCREATED:x",
    ]);
    let (text, lost) = new(&source, &TimeProfile::default());
    assert_eq!(line(&text, "DTEND"), "");
    assert_eq!(lost, ["DCREATED:x\r\n", "DTEND:20240505T070000Z\r\n"]);
    let length = event_new(&["DTSTART:20240506T070000Z", "DURATION:PT90M"]);
    let (text, lost) = old(&length, &TimeProfile::default());
    assert_eq!(
        (line(&text, "DTEND").as_str(), lost.len()),
        ("DTEND:20240506T083000Z", 0)
    );
}

/// A title that stands in the text too would come twice, and a line end be added each time.
// spec: T40
#[test]
fn a_journal_entry_is_a_note() {
    let to = |format| Target {
        format,
        quoted_printable: true,
    };
    let text = "Title\r\nbody; more".as_bytes();
    let (entry, _) = journal::from_note(text, Format::Text);
    assert_eq!(
        journal::to_note(&entry, to(Format::Text)),
        Some((text.to_vec(), vec![]))
    );
    let (vnote, _) = journal::to_note(&entry, to(Format::VNote)).unwrap();
    assert_eq!(journal::from_note(&vnote, Format::VNote), (entry, vec![]));
    let given = "BEGIN:VNOTE\r\nVERSION:1.1\r\n\
                 BODY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Gr=C3=BC=C3=9Fe=0D=0AZeile 2\r\n\
                 DCREATED:20240506T070000Z\r\nLAST-MODIFIED:20240507T080000Z\r\nEND:VNOTE\r\n";
    let (entry, lost) = journal::from_note(given.as_bytes(), Format::VNote);
    let entry = String::from_utf8(entry).unwrap();
    assert_eq!(line(&entry, "SUMMARY"), "SUMMARY:Grüße");
    assert_eq!(line(&entry, "DESCRIPTION"), "DESCRIPTION:Grüße\\nZeile 2");
    assert_eq!(lost.len(), 2);
    // a title that is not the first line of the text stands before it, and no line is added
    for (lines, expected) in [
        ("SUMMARY:a\r\nDESCRIPTION:b\\nc\r\n", "a\r\nb\r\nc"),
        ("SUMMARY:a\r\nDESCRIPTION:a\\nb\r\n", "a\r\nb"),
        ("SUMMARY:a\r\n", "a"),
        ("DESCRIPTION:b\\n\r\n", "b\r\n"),
    ] {
        let entry = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VJOURNAL\r\n{lines}END:VJOURNAL\r\n\
             END:VCALENDAR\r\n"
        );
        let (text, lost) = journal::to_note(entry.as_bytes(), to(Format::Text)).unwrap();
        assert_eq!(
            (String::from_utf8(text).unwrap().as_str(), lost.len()),
            (expected, 0)
        );
    }
}

/// Sounds of the device, dummies for "none", and alarms of whole days.
// spec: U22
#[test]
fn alarms_of_odd_devices() {
    let profile = device("Europe/Berlin");
    let with = |lines: &[&str]| new(&event_old(lines), &profile);
    // the sound is a file of the device
    let (text, lost) = with(&[
        "DTSTART:20240506T070000Z",
        "AALARM;TYPE=X-EPOCSOUND;ENCODING=QUOTED-PRINTABLE:20240506T064500Z;;;z:=5Ca.wav",
    ]);
    assert!(
        text.contains("TRIGGER:-PT15M\r\nACTION:AUDIO\r\n"),
        "{text}"
    );
    assert_eq!(lost.len(), 1);
    let (text, lost) = with(&["DTSTART:20240506T070000Z", "DALARM:20240506T064500Z"]);
    let alarm = "TRIGGER:-PT15M\r\nACTION:DISPLAY\r\nDESCRIPTION:alarm\r\n";
    assert!(text.contains(alarm) && lost.is_empty(), "{text}");
    // after the event, or years from it: the device says that there is none
    for none in ["20240506T080000Z", "19800101T000000Z"] {
        let alarm = format!("AALARM:{none}");
        let (text, lost) = with(&["DTSTART:20240506T070000Z", &alarm]);
        assert!(!text.contains("VALARM"), "{text}");
        assert_eq!(lost, [format!("{alarm}\r\n")]);
    }
    // too long before to be told as a distance
    let (text, lost) = with(&["DTSTART:20240506T070000Z", "AALARM:20240306T070000Z"]);
    assert!(text.contains("TRIGGER;VALUE=DATE-TIME:20240306T070000Z\r\n"));
    assert!(lost.is_empty());
    // of a whole day: before its midnight on the device
    let (text, lost) = with(&[
        "DTSTART:20240506T000000",
        "DTEND:20240507T000000",
        "AALARM:20240505T160000Z",
    ]);
    assert!(
        text.contains("TRIGGER:-PT6H\r\n") && lost.is_empty(),
        "{text}"
    );
    let (back, lost) = old(&text, &profile);
    assert_eq!(
        (line(&back, "AALARM").as_str(), lost.len()),
        ("AALARM:20240505T160000Z", 0)
    );
}

/// An alarm without an action is none to strict readers, and half of a repetition neither.
// spec: U21
#[test]
fn each_alarm_of_the_old_format_has_an_action() {
    let with = |alarm: &str| {
        let source = event_old(&["DTSTART:20240506T070000Z", alarm]);
        let (text, lost) = new(&source, &TimeProfile::default());
        let alarms = lines(&text, "BEGIN:VALARM").len();
        (text, alarms, lost.len())
    };
    let at = "20240506T064500Z";
    for (alarm, action, lost) in [
        (format!("AALARM:{at};;;"), "ACTION:AUDIO\r\n", 0),
        (
            format!("AALARM;VALUE=URL:{at};;;file:a.wav"),
            "ACTION:AUDIO\r\n",
            1,
        ),
        (
            format!("DALARM:{at};;;a"),
            "ACTION:DISPLAY\r\nDESCRIPTION:a\r\n",
            0,
        ),
        (
            format!("MALARM:{at};;;ann@example.com;a"),
            "ACTION:EMAIL\r\nATTENDEE:mailto:ann@example.com\r\nSUMMARY:a\r\nDESCRIPTION:a\r\n",
            0,
        ),
        // half of a repetition is none
        (
            format!("AALARM:{at};PT5M;;"),
            "TRIGGER:-PT15M\r\nACTION:AUDIO\r\n",
            1,
        ),
        (
            format!("AALARM:{at};;2;"),
            "TRIGGER:-PT15M\r\nACTION:AUDIO\r\n",
            1,
        ),
        (
            format!("AALARM:{at};PT5M;2"),
            "REPEAT:2\r\nDURATION:PT5M\r\nACTION:AUDIO\r\n",
            0,
        ),
    ] {
        let (text, alarms, count) = with(&alarm);
        assert!(text.contains(action), "{text}");
        assert_eq!((alarms, count), (1, lost), "{alarm}");
    }
    let (text, alarms, lost) = with(&format!("PALARM:{at};;;run"));
    assert_eq!((alarms, lost), (0, 1), "{text}");
}

/// A device repeats any alarm with the series, and none at the end or by mail.
// spec: U22
#[test]
fn alarms_that_a_device_cannot_ring_are_lost() {
    let alarm = |lines: &str, rule: &str| {
        let source = event_new(&[
            "DTSTART:20240506T070000Z",
            "DTEND:20240506T080000Z",
            rule,
            &format!("BEGIN:VALARM\r\n{lines}\r\nEND:VALARM"),
        ]);
        let (text, lost) = old(&source, &TimeProfile::default());
        (
            ["AALARM", "DALARM", "MALARM", "PALARM"]
                .map(|name| line(&text, name))
                .concat(),
            lost.len(),
        )
    };
    let once = "CLASS:PUBLIC";
    let start = "ACTION:AUDIO\r\nTRIGGER;RELATED=START:-PT1H";
    assert_eq!(
        alarm(start, once),
        ("AALARM:20240506T060000Z".to_owned(), 0)
    );
    // rings, but no more before the end
    let end = "ACTION:AUDIO\r\nTRIGGER;RELATED=END:-PT1H";
    assert_eq!(alarm(end, once), ("AALARM:20240506T070000Z".to_owned(), 4));
    let email =
        "ACTION:EMAIL\r\nTRIGGER:-PT1H\r\nATTENDEE:mailto:a@b\r\nSUMMARY:s\r\nDESCRIPTION:s";
    let (text, lost) = alarm(email, once);
    assert_eq!((text.as_str(), lost), ("", 7));
    let program = "ACTION:PROCEDURE\r\nTRIGGER:-PT1H\r\nATTACH:file:///a";
    assert_eq!(alarm(program, once), (String::new(), 5));
    // at a point in time it rings once, and a device repeats it with the series
    let fixed = "ACTION:AUDIO\r\nTRIGGER;VALUE=DATE-TIME:20240506T060000Z";
    let (text, lost) = alarm(fixed, "RRULE:FREQ=DAILY");
    assert_eq!((text.as_str(), lost), ("AALARM:20240506T060000Z", 4));
    // half of a repetition is none
    let half = "ACTION:AUDIO\r\nTRIGGER:-PT1H\r\nREPEAT:2";
    assert_eq!(alarm(half, once), ("AALARM:20240506T060000Z".to_owned(), 5));
}

/// Lists are parted by either separator, and exceptions of whole days come in UTC.
// spec: U19
#[test]
fn additions_and_odd_exceptions_of_a_series() {
    let profile = floating("Europe/Berlin");
    let source = event_old(&[
        "DTSTART:20240108T090000",
        "RRULE:W1 MO #0",
        "RDATE:20240110T090000;20240117T090000",
        // parted as in the new format
        "EXDATE:20240115T090000,20240122T090000",
        "RNUM:3",
    ]);
    let (text, lost) = new(&source, &profile);
    assert!(lost.is_empty(), "{lost:?}");
    let dated = |name: &str, day: &str| format!("{name};TZID=Europe/Berlin:202401{day}T090000");
    assert_eq!(
        lines(&text, "EXDATE"),
        [dated("EXDATE", "15"), dated("EXDATE", "22")]
    );
    assert_eq!(
        lines(&text, "RDATE"),
        [dated("RDATE", "10"), dated("RDATE", "17")]
    );
    let (back, lost) = old(&text, &profile);
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(
        line(&back, "EXDATE"),
        "EXDATE:20240115T090000;20240122T090000"
    );
    assert_eq!(
        line(&back, "RDATE"),
        "RDATE:20240110T090000;20240117T090000"
    );
    // whole days: an exception in UTC is a day of the device
    let source = event_old(&[
        "DTSTART:20240107T230000Z",
        "DTEND:20240108T230000Z",
        "RRULE:W1 MO #0",
        "EXDATE:20240707T220000Z",
    ]);
    let (text, _) = new(&source, &device("Europe/Berlin"));
    assert_eq!(line(&text, "EXDATE"), "EXDATE;VALUE=DATE:20240708");
}

/// The version may stand in the entry, an end be of another kind, and junk or a second object
/// follow.
// spec: T15
#[test]
fn what_stands_around_an_entry_does_not_matter() {
    let event = event_old(&["SUMMARY:a", "DTSTART:20240506T070000Z"]);
    let inner = event
        .replace("VERSION:1.0\r\n", "")
        .replace("BEGIN:VEVENT\r\n", "BEGIN:VEVENT\r\nVERSION:1.0\r\n");
    let twice = event.clone() + &event.replace("SUMMARY:a", "SUMMARY:b");
    let junk = event.clone() + "\0\0junk\0";
    let expected = new(&event, &TimeProfile::default()).0;
    for text in [inner, twice, junk] {
        assert_eq!(new(&text, &TimeProfile::default()).0, expected, "{text}");
    }
    let crossed = event.replace("END:VEVENT", "END:VTODO");
    assert_eq!(new(&crossed, &TimeProfile::default()).0, expected);
}

/// Dates before 1980 make some phones fail, and birthdays have them.
// spec: U29
#[test]
fn a_series_begins_where_the_device_can_hold_it() {
    let phone = TimeProfile {
        earliest_year: Some(1980),
        ..device("Europe/Berlin")
    };
    for (start, rule, start_there, rule_there) in [
        (
            "DTSTART:19010506T070000Z",
            "RRULE:FREQ=YEARLY",
            "19800506T070000Z",
            "YM1 5 #0",
        ),
        (
            "DTSTART:19790301T070000Z",
            "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TH",
            "19800103T070000Z",
            "W2 TH #0",
        ),
        // the 29th of February comes every four years
        (
            "DTSTART:19200229T070000Z",
            "RRULE:FREQ=YEARLY;INTERVAL=4",
            "19800229T070000Z",
            "YM4 2 #0",
        ),
        (
            "DTSTART:19781231T070000Z",
            "RRULE:FREQ=DAILY;COUNT=400",
            "19800101T070000Z",
            "D1 19800203T070000Z",
        ),
        // nothing of it is left, or nothing to move it by
        (
            "DTSTART:20010506T070000Z",
            "RRULE:FREQ=YEARLY",
            "20010506T070000Z",
            "YM1 5 #0",
        ),
    ] {
        let event = event_new(&[start, "DTEND:19010506T080000Z", rule, "SUMMARY:Old"]);
        let (text, lost) = old(&event, &phone);
        assert_eq!(
            line(&text, "DTSTART"),
            format!("DTSTART:{start_there}"),
            "{text}"
        );
        assert_eq!(
            line(&text, "RRULE"),
            format!("RRULE:{rule_there}"),
            "{text}"
        );
        let starts = lost.iter().filter(|line| line.starts_with("DTSTART"));
        assert_eq!(starts.count(), 1, "{lost:?}");
    }
    // the end moves with the start
    let event = event_new(&[
        "DTSTART:19010506T070000Z",
        "DTEND:19010506T083000Z",
        "RRULE:FREQ=YEARLY",
    ]);
    assert_eq!(
        line(&old(&event, &phone).0, "DTEND"),
        "DTEND:19800506T083000Z"
    );
    let dates = event_new(&["DTSTART;VALUE=DATE:19010506", "RRULE:FREQ=YEARLY"]);
    let (text, lost) = old(&dates, &phone);
    assert_eq!(line(&text, "DTSTART"), "DTSTART:19800506T000000");
    assert_eq!(lost, ["DTSTART;VALUE=DATE:19010506\r\n"]);
    // a rule of exceptions would count from another day
    let start = "DTSTART:19010506T070000Z";
    let rules = ["RRULE:FREQ=YEARLY", "EXRULE:FREQ=YEARLY;COUNT=90"];
    let excepted = event_new(&[start, rules[0], rules[1]]);
    let (text, lost) = old(&excepted, &phone);
    assert_eq!(line(&text, "DTSTART"), "DTSTART:19800506T070000Z");
    assert_eq!(line(&text, "EXRULE"), "");
    assert!(lost.iter().any(|line| line.starts_with("EXRULE")));
    // what does not recur any more, or never did, begins with what the device can hold
    for lines in [
        &["DTSTART:19010506T070000Z", "DTEND:19010506T080000Z"][..],
        &[
            "DTSTART:19500506T070000Z",
            "DTEND:19500506T080000Z",
            "RRULE:FREQ=YEARLY;COUNT=3",
        ],
        &[
            "DTSTART:19010506T070000Z",
            "DTEND:19010506T080000Z",
            "EXDATE:19010506T070000Z",
        ],
        &[
            "DTSTART:19010506T070000Z",
            "DTEND:19010506T080000Z",
            "CREATED:19010506T070000Z",
        ],
        &["DTSTART:19800101T070000Z", "DTEND:19800101T080000Z"],
    ] {
        let (text, _) = old(&event_new(lines), &phone);
        let day = if lines[0].contains("1980") {
            "01"
        } else {
            "02"
        };
        assert_eq!(
            line(&text, "DTSTART"),
            format!("DTSTART:198001{day}T070000Z")
        );
        assert_eq!(line(&text, "DTEND"), format!("DTEND:198001{day}T080000Z"));
        assert!(
            !text.contains(":19") || text.matches(":1980").count() == 2,
            "{text}"
        );
        assert!(!text.contains("RRULE"), "{text}");
    }
    for due in ["DUE:19010506T070000Z", "DUE;VALUE=DATE:19010506"] {
        let (text, _) = old(&event_new(&[due]).replace("VEVENT", "VTODO"), &phone);
        assert!(line(&text, "DUE").starts_with("DUE:19800102T0"), "{text}");
    }
}

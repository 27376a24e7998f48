//! The grammar of recurrence rules, case by case, of a device in Berlin.

use super::super::rule::Rule;
use super::super::zone::{civil, seconds};
use super::*;
use crate::moment::read_wall;

/// Start, rule of vCalendar 1.0, rule of RFC 5545, number of occurrences and last day.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    usize,
    &'static str,
);

const CASES: [Case; 30] = [
    (
        "20240101T090000",
        "D1 #10",
        "FREQ=DAILY;COUNT=10",
        10,
        "20240110",
    ),
    ("20240101T090000", "D2 #0", "FREQ=DAILY;INTERVAL=2", 0, ""),
    (
        "20240101T090000",
        "D1 20241224T090000",
        "FREQ=DAILY;UNTIL=20241224T080000Z",
        359,
        "20241224",
    ),
    ("20240101T090000", "D1", "FREQ=DAILY;COUNT=2", 2, "20240102"),
    (
        "20240101T090000",
        "D10 #5",
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        5,
        "20240210",
    ),
    (
        "20240108T090000",
        "W1 #20",
        "FREQ=WEEKLY;COUNT=20",
        20,
        "20240520",
    ),
    (
        "20240108T090000",
        "W1 MO WE FR #0",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        0,
        "",
    ),
    (
        "20240102T090000",
        "W1 TU TH #5",
        "FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20240203T225959Z",
        10,
        "20240201",
    ),
    (
        "20240108T090000",
        "W2 MO WE FR 20241224T235959",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;UNTIL=20241224T225959Z",
        76,
        "20241223",
    ),
    (
        "20240707T090000",
        "W2 SU MO #0",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO",
        0,
        "",
    ),
    (
        "20240110T090000",
        "W1 MO FR #0",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        0,
        "",
    ),
    (
        "20240101T090000",
        "MP1 1+ MO #0",
        "FREQ=MONTHLY;BYDAY=1MO",
        0,
        "",
    ),
    (
        "20240126T090000",
        "MP1 1- FR #0",
        "FREQ=MONTHLY;BYDAY=-1FR",
        0,
        "",
    ),
    (
        "20240107T090000",
        "MP2 1+ SU 1- SU #10",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU,-1SU;UNTIL=20250731T215959Z",
        20,
        "20250727",
    ),
    (
        "20240108T090000",
        "MP6 2+ MO TU WE TH FR #10",
        "FREQ=MONTHLY;INTERVAL=6;BYDAY=2MO,2TU,2WE,2TH,2FR;UNTIL=20280731T215959Z",
        50,
        "20280714",
    ),
    (
        "20240122T090000",
        "MP1 2- MO #6",
        "FREQ=MONTHLY;BYDAY=-2MO;COUNT=6",
        6,
        "20240617",
    ),
    ("20240314T090000", "MP1 #0", "FREQ=MONTHLY;BYDAY=2TH", 0, ""),
    (
        "20240115T090000",
        "MD1 15 #0",
        "FREQ=MONTHLY;BYMONTHDAY=15",
        0,
        "",
    ),
    (
        "20240131T090000",
        "MD1 LD #0",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        0,
        "",
    ),
    (
        "20240131T090000",
        "MD1 1- #0",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        0,
        "",
    ),
    (
        "20240129T090000",
        "MD1 3- #4",
        "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=4",
        4,
        "20240428",
    ),
    (
        "20240102T090000",
        "MD1 2 15 #9",
        "FREQ=MONTHLY;BYMONTHDAY=2,15;UNTIL=20240930T215959Z",
        18,
        "20240915",
    ),
    (
        "20240110T090000",
        "MD3 10+ 20+ 20250101T000000",
        "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=10,20;UNTIL=20250101T225959Z",
        8,
        "20241020",
    ),
    (
        "20240131T090000",
        "MD1 31 #12",
        "FREQ=MONTHLY;BYMONTHDAY=31;UNTIL=20241231T225959Z",
        7,
        "20241231",
    ),
    ("20240314T090000", "YM1 #0", "FREQ=YEARLY", 0, ""),
    (
        "20240610T090000",
        "YM1 6 7 #10",
        "FREQ=YEARLY;BYMONTH=6,7;UNTIL=20331231T225959Z",
        20,
        "20330710",
    ),
    ("19840506", "YD1 #0", "FREQ=YEARLY", 0, ""),
    (
        "20240101T090000",
        "YD3 1 100 200 #10",
        "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200;UNTIL=20511231T225959Z",
        30,
        "20510719",
    ),
    ("20240229T090000", "YM1 2 #0", "FREQ=YEARLY", 0, ""),
    ("19840506T090000", "MD12 6 #0", "FREQ=YEARLY", 0, ""),
];

/// The days of a rule of RFC 5545 whose `UNTIL`, if it has one, is in UTC.
pub(super) fn days(rule: &str, start: &str, zone: &Zone) -> Vec<String> {
    let parsed = Rule::read_new(rule).unwrap();
    let (start, ..) = read_wall(start).unwrap();
    let until = match &parsed.end {
        rule::End::Date(text) => {
            let (wall, _, utc) = read_wall(text).unwrap();
            Some(civil(if utc { zone.wall(wall) } else { wall }).date())
        }
        // the first ones of a rule without end
        rule::End::Never => Some(civil(start + 20 * 366 * 86_400).date()),
        rule::End::Count(_) => None,
    };
    let days = parsed.days(civil(start).date(), until, 10_000, &mut 1_000_000);
    let days = days.unwrap();
    assert!(!days.is_empty(), "{rule}");
    let text = |day: &jiff::civil::Date| zone::day_stamp(seconds(day.at(0, 0, 0, 0)));
    days.iter().map(text).collect()
}

fn rule_new(start: &str, rule: &str) -> String {
    let source = event_old(&[&format!("DTSTART:{start}"), &format!("RRULE:{rule}")]);
    let (text, lost) = new(&source, &floating("Europe/Berlin"));
    assert!(lost.is_empty(), "{rule}: {lost:?}");
    line(&text, "RRULE:").replace("RRULE:", "")
}

fn rule_old(start: &str, rule: &str, profile: &TimeProfile) -> (String, Vec<String>) {
    let start = match start.len() {
        8 => format!("DTSTART;VALUE=DATE:{start}"),
        _ => format!("DTSTART;TZID=Europe/Berlin:{start}"),
    };
    let (text, lost) = old(&event_new(&[&start, &format!("RRULE:{rule}")]), profile);
    (line(&text, "RRULE:").replace("RRULE:", ""), lost)
}

// spec: U11
#[test]
fn rules_are_read_as_devices_mean_them() {
    let berlin = Zone::new("Europe/Berlin").unwrap();
    for (start, old, new, count, last) in CASES {
        assert_eq!(rule_new(start, old), new, "{start} {old}");
        if count > 0 {
            let days = days(new, start, &berlin);
            assert_eq!(
                (days.len(), days.last().unwrap().as_str()),
                (count, last),
                "{old}"
            );
        }
    }
}

// spec: U12
#[test]
fn rules_come_back_as_the_same_days() {
    let berlin = Zone::new("Europe/Berlin").unwrap();
    for (start, _, rule, ..) in CASES {
        for profile in [floating("Europe/Berlin"), device("Europe/Berlin")] {
            let (there, lost) = rule_old(start, rule, &profile);
            let far = lost.iter().any(|l| l.contains("2051"));
            assert!(lost.is_empty() || far, "{rule} {there}: {lost:?}");
            let back = rule_new(start, &there);
            if !far && profile.mode == TimeMode::Floating {
                assert_eq!(
                    days(&back, start, &berlin),
                    days(rule, start, &berlin),
                    "{there}"
                );
            }
        }
    }
}

// spec: U12
#[test]
fn rules_are_written_with_the_last_occurrence() {
    let profile = floating("Europe/Berlin");
    for (start, rule, expected) in [
        (
            "20240104T090000",
            "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=10",
            "W1 TU TH 20240206T090000",
        ),
        (
            "20241128T090000",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            "MP12 4+ TH #0",
        ),
        (
            "20240101T090000",
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
            "W1 MO TU WE TH FR #0",
        ),
        ("20240131T090000", "FREQ=MONTHLY;BYMONTHDAY=-1", "MD1 LD #0"),
        (
            "20240107T090000",
            "FREQ=MONTHLY;BYDAY=1SU,-1SU",
            "MP1 1+ SU 1- SU #0",
        ),
    ] {
        let (text, lost) = rule_old(start, rule, &profile);
        assert_eq!((text.as_str(), lost.len()), (expected, 0));
    }
}

// spec: U13
#[test]
fn a_rule_without_a_form_is_lost_and_the_event_stays() {
    for rule in [
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=HOURLY",
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=DAILY;BYHOUR=9,12",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,WE",
        "FREQ=YEARLY;BYYEARDAY=-1",
        "FREQ=DAILY;INTERVAL=4294967295",
    ] {
        let (text, lost) = rule_old("20240131T090000", rule, &floating("Europe/Berlin"));
        assert_eq!(text, "", "{rule}");
        assert_eq!(lost, [format!("RRULE:{rule}\r\n")]);
    }
    let two = event_new(&[
        "DTSTART:20240131T090000",
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=YEARLY",
    ]);
    let (text, lost) = old(&two, &TimeProfile::default());
    assert_eq!(
        (line(&text, "RRULE").as_str(), lost.len()),
        ("RRULE:D1 #0", 2)
    );
}

// spec: U14
#[test]
fn a_device_that_refuses_dates_gets_numbers() {
    let profile = TimeProfile {
        rule_end: RuleEnd::Count,
        ..floating("Europe/Berlin")
    };
    let written = |rule| rule_old("20240102T090000", rule, &profile);
    let (text, lost) = written("FREQ=WEEKLY;UNTIL=20240131T080000Z");
    assert_eq!((text.as_str(), lost.len()), ("W1 #5", 0));
    let (text, lost) = written("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=5");
    assert_eq!((text.as_str(), lost.len()), ("W1 TU TH #0", 1));
}

// spec: U15
#[test]
fn ends_that_say_nothing_are_none() {
    let none = [
        ("D1 #1", ""),
        ("D1 20230101T090000", ""),
        ("D2 21001230T000000", "FREQ=DAILY;INTERVAL=2"),
        ("D2 20370101T000000", "FREQ=DAILY;INTERVAL=2"),
        (
            "D2 20361231T090000",
            "FREQ=DAILY;INTERVAL=2;UNTIL=20361231T080000Z",
        ),
    ];
    for (rule, expected) in none {
        assert_eq!(rule_new("20240101T090000", rule), expected);
    }
    for broken in [
        "D0 #3",
        "M1 #2",
        "D1 M5 #2",
        "W1 MO 0900 #2",
        "W1 XX #0",
        "MD1 32",
        "D",
        "W1 MO 2024",
    ] {
        let source = event_old(&["DTSTART:20240101T090000", &format!("RRULE:{broken}")]);
        let (_, lost) = new(&source, &TimeProfile::default());
        assert_eq!(lost, [format!("RRULE:{broken}\r\n")]);
    }
}

// spec: U17
#[test]
fn a_series_that_is_on_another_day_on_the_device_changes_its_weekdays() {
    let source = event_new(&[
        "DTSTART;TZID=Asia/Tokyo:20240108T060000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE",
    ]);
    let (text, lost) = old(&source, &floating("Europe/Berlin"));
    assert_eq!(line(&text, "DTSTART"), "DTSTART:20240107T220000");
    assert_eq!(line(&text, "RRULE"), "RRULE:W1 TU SU #0");
    assert_eq!(lost, ["DTSTART;TZID=Asia/Tokyo:20240108T060000\r\n"]);
}

// spec: U18
#[test]
fn exceptions_by_rule_become_dates() {
    let many = ["DTSTART:20240101T090000", "EXRULE:D1 #400"];
    let all = [&many[..], &["EXRULE:D1 #101"], &["EXRULE:D7 #100"]].concat();
    let (written, lost) = new(&event_old(&all), &TimeProfile::default());
    // what is beyond five hundred dates of an item is lost, whatever rules they come from
    assert_eq!(written.matches("EXDATE").count(), 500, "{lost:?}");
    assert_eq!(lost, ["EXRULE:D1 #101\r\n"]);

    let source = event_old(&["DTSTART:20240101T090000", "RRULE:D1 #10", "EXRULE:D2 #3"]);
    let (text, lost) = new(&source, &TimeProfile::default());
    assert!(lost.is_empty());
    let expected = ["20240101", "20240103", "20240105"].map(|d| format!("EXDATE:{d}T090000"));
    assert_eq!(lines(&text, "EXDATE"), expected);
}

// spec: U11
#[test]
fn rules_without_an_end_go_on_as_people_mean_them() {
    let cases = [
        // the last day of any month
        (
            "20240131",
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            ["20240131", "20240229", "20240331"],
        ),
        (
            "20240129",
            "FREQ=MONTHLY;BYMONTHDAY=-3",
            ["20240129", "20240227", "20240329"],
        ),
        // leap years only, whatever a phone shows
        (
            "20240229",
            "FREQ=YEARLY",
            ["20240229", "20280229", "20320229"],
        ),
        // a date, not a day of the year
        (
            "20240315",
            "FREQ=YEARLY",
            ["20240315", "20250315", "20260315"],
        ),
        // weeks from Sunday: the Monday is the day after
        (
            "20240707",
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO",
            ["20240707", "20240708", "20240721"],
        ),
        (
            "20240110",
            "FREQ=WEEKLY;BYDAY=MO,WE,FR",
            ["20240110", "20240112", "20240115"],
        ),
    ];
    let berlin = Zone::new("Europe/Berlin").unwrap();
    for (start, rule, expected) in cases {
        let counted = format!("{rule};COUNT=3");
        assert_eq!(days(&counted, start, &berlin), expected, "{rule}");
    }
}

// spec: U16
#[test]
fn the_end_of_whole_days_is_the_day_of_the_device() {
    let rule = |profile: &TimeProfile, start: &str, end: &str, until: &str| {
        let source = event_old(&[
            &format!("DTSTART:{start}"),
            &format!("DTEND:{end}"),
            &format!("RRULE:D1 {until}"),
        ]);
        line(&new(&source, profile).0, "RRULE")
    };
    let expected = "RRULE:FREQ=DAILY;UNTIL=20240510";
    let (west, east) = (device("America/Los_Angeles"), device("Pacific/Auckland"));
    let text = rule(
        &west,
        "20240506T070000Z",
        "20240507T070000Z",
        "20240510T070000Z",
    );
    assert_eq!(text, expected);
    let text = rule(
        &east,
        "20240505T120000Z",
        "20240506T120000Z",
        "20240509T120000Z",
    );
    assert_eq!(text, expected);
    let text = rule(&east, "20240506", "20240507", "20240510T000000");
    assert_eq!(text, expected);
}

// spec: U11
#[test]
fn a_count_and_a_date_are_the_first_of_both() {
    for (rule, expected) in [
        ("D1 #3 20240110T090000", "FREQ=DAILY;COUNT=3"),
        ("D1 20240110T090000 #3", "FREQ=DAILY;UNTIL=20240110T080000Z"),
    ] {
        assert_eq!(rule_new("20240101T090000", rule), expected);
    }
    // days without a sign, and positions without one
    assert_eq!(
        rule_new("20240113T090000", "MD2 13+ 20240713T090000"),
        "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=13;UNTIL=20240713T070000Z"
    );
    assert_eq!(
        rule_new("20240101T090000", "MP1 1 MO #0"),
        "FREQ=MONTHLY;BYDAY=1MO"
    );
}

//! The days of a rule, beside those that another implementation of RFC 5545 finds.

use std::collections::BTreeSet;

use calcard::common::timezone::Tz;
use calcard::icalendar::ICalendar;
use proptest::prelude::*;

use super::*;
use crate::moment::read_wall;

const START: &str = "20240108T090000";

/// Rules that a day of the start is part of; without that, what they mean is not defined.
fn rule() -> impl Strategy<Value = String> {
    let n = 1..5_u8;
    let head = prop_oneof![
        n.clone().prop_map(|n| format!("FREQ=DAILY;INTERVAL={n}")),
        Just("FREQ=DAILY;BYDAY=MO,TU,FR".to_owned()),
        n.clone().prop_map(|n| format!("FREQ=WEEKLY;INTERVAL={n}")),
        (n.clone(), prop::sample::select(vec!["MO", "SU"]))
            .prop_map(|(n, w)| format!("FREQ=WEEKLY;INTERVAL={n};WKST={w};BYDAY=SU,MO,TH")),
        (n.clone(), 1..31_i8)
            .prop_map(|(n, d)| format!("FREQ=MONTHLY;INTERVAL={n};BYMONTHDAY=8,{d}")),
        (n.clone(), 1..28_i8)
            .prop_map(|(n, d)| format!("FREQ=MONTHLY;INTERVAL={n};BYMONTHDAY=8,-{d}")),
        (n.clone(), 1..6_i8)
            .prop_map(|(n, o)| format!("FREQ=MONTHLY;INTERVAL={n};BYDAY=2MO,{o}FR")),
        (n.clone(), 1..6_i8)
            .prop_map(|(n, o)| format!("FREQ=MONTHLY;INTERVAL={n};BYDAY=2MO,-{o}WE")),
        n.clone().prop_map(|n| format!("FREQ=YEARLY;INTERVAL={n}")),
        (n.clone(), 2..13_u8).prop_map(|(n, m)| format!("FREQ=YEARLY;INTERVAL={n};BYMONTH=1,{m}")),
        (n.clone(), 2..13_u8)
            .prop_map(|(n, m)| format!("FREQ=YEARLY;INTERVAL={n};BYMONTH=1,{m};BYDAY=2MO")),
        (n, 9..366_u16).prop_map(|(n, d)| format!("FREQ=YEARLY;INTERVAL={n};BYYEARDAY=8,{d}")),
    ];
    let end = prop_oneof![
        (1..30_u8).prop_map(|count| format!("COUNT={count}")),
        (2024..2026_u16, 1..13_u8).prop_map(|(y, m)| format!("UNTIL={y}{m:02}15T235959Z")),
    ];
    (head, end).prop_map(|(head, end)| format!("{head};{end}"))
}

/// calcard compares an `UNTIL` in UTC with the clock of the zone, so that in Sydney it finds nothing
/// on the last morning.
fn counted() -> impl Strategy<Value = String> {
    rule().prop_filter("an end in UTC", |rule| !rule.contains("UNTIL"))
}

proptest! {
    // spec: U11
    #[test]
    fn the_days_of_a_rule_are_those_that_others_find(rule in rule()) {
        let source = event_new(&["UID:1", &format!("DTSTART:{START}Z"), &format!("RRULE:{rule}")]);
        let parsed = ICalendar::parse(&source).expect("a calendar");
        let mut expected: Vec<_> = parsed
            .expand_dates(Tz::UTC, 2000)
            .events
            .iter()
            .map(|event| event.start.naive_local().date().to_string().replace('-', ""))
            .collect();
        expected.sort();
        expected.dedup();
        // that one finds nothing when it gives up
        prop_assume!(!expected.is_empty());
        prop_assert_eq!(rules::days(&rule, START, &Zone::utc()), expected);
    }

    /// In a zone, across its changes of the clock, with exceptions as a phone is told of them.
    // spec: U11 U19
    #[test]
    fn the_instants_of_a_series_are_those_that_others_find(
        rule in counted(), skipped in prop::collection::vec(0..12_usize, 0..4),
        place in prop::sample::select(vec![
            "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Santiago"
        ])
    ) {
        let zone = Zone::new(place).expect("a zone");
        let at = |day: &str| {
            let (wall, ..) = read_wall(&format!("{day}T090000")).expect("a time");
            zone.instant(wall)
        };
        let days = rules::days(&rule, START, &zone);
        let left_out: BTreeSet<_> = skipped.iter().filter_map(|at| days.get(*at)).collect();
        let out = left_out.iter().map(|day| format!("\r\nEXDATE;TZID={place}:{day}T090000"));
        let out: String = out.collect();
        let source = event_new(&[
            "UID:1",
            &format!("DTSTART;TZID={place}:{START}"),
            &format!("RRULE:{rule}{out}"),
        ]);
        let parsed = ICalendar::parse(&source).expect("a calendar");
        let starts = parsed.expand_dates(Tz::UTC, 2000).events;
        let expected: BTreeSet<_> = starts.iter().map(|event| event.start.timestamp()).collect();
        prop_assume!(!expected.is_empty());
        let (there, _) = old(&source, &device(place));
        let told = line(&there, "EXDATE:").replace("EXDATE:", "");
        let told = told.split(';').filter_map(|text| Some(read_wall(text)?.0));
        let mut found: BTreeSet<_> = days.iter().map(|day| at(day)).collect();
        for exception in told {
            prop_assert!(found.remove(&exception), "{there}");
        }
        prop_assert_eq!(found, expected, "{}", source);
    }
}

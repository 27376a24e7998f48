//! Calendars for devices of any clock: what is converted is no longer than in proportion and can be
//! converted back, and the occurrences of a series can be taken out one by one.

use std::collections::BTreeSet;

use pim::{
    AllDay, Format, MAX_OCCURRENCES, RuleEnd, Target, TimeMode, TimeProfile, Zone, convert_for,
    occurrences, put_occurrence, remove_occurrence, without_dates,
};

const ICALENDAR: &str = "text/calendar";

/// Bytes that a conversion may add whatever it converts: descriptions of zones, and the dates that
/// exceptions by rule become.
const ADDED: usize = 64 * 1024;

/// Times that a conversion may make of one: a letter of an 8-bit character set is two bytes, and each is
/// `=XX`; and short lines have longer names.
const GROWTH: usize = 64;

pub(crate) fn run(input: &[u8]) {
    for profile in profiles() {
        for format in [Format::VCalendar10, Format::ICalendar20] {
            let target = Target {
                format,
                quoted_printable: profile.zone.is_some(),
            };
            let Some(made) = converted(input, target, &profile) else {
                continue;
            };
            if Format::of("", input) != Some(format) {
                assert_eq!(Format::of("", &made), Some(format), "of another format");
            }
            for back in [
                Format::VCalendar10,
                Format::ICalendar20,
                Format::SifEvent,
                Format::SifTask,
            ] {
                let target = Target {
                    format: back,
                    quoted_printable: false,
                };
                converted(&made, target, &profile);
            }
        }
    }
    taken_apart(input);
}

fn profiles() -> [TimeProfile; 3] {
    let berlin = || Zone::new("Europe/Berlin");
    [
        TimeProfile::default(),
        TimeProfile {
            mode: TimeMode::FalseZ,
            zone: berlin(),
            all_day: AllDay::Hour24,
            rule_end: RuleEnd::Count,
            ..TimeProfile::default()
        },
        TimeProfile {
            mode: TimeMode::Floating,
            zone: berlin(),
            converts_by: Some(-3600),
            describes_zone: true,
            ..TimeProfile::default()
        },
    ]
}

fn converted(content: &[u8], target: Target, profile: &TimeProfile) -> Option<Vec<u8>> {
    let made = convert_for(content, "", target, profile).ok()?.bytes;
    let most = GROWTH * content.len() + ADDED;
    assert!(made.len() <= most, "{} bytes", made.len());
    Some(made)
}

/// Each occurrence has a key of its own and none in it; without it the others are there.
fn taken_apart(series: &[u8]) {
    if let Some(plain) = without_dates(series) {
        assert_eq!(without_dates(&plain), None, "dates stay");
    }
    let all = occurrences(ICALENDAR, series);
    assert!(all.len() <= MAX_OCCURRENCES, "{} occurrences", all.len());
    let keys: BTreeSet<&str> = all.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys.len(), all.len(), "two of one key");
    for one in all.iter().take(4) {
        assert_eq!(occurrences(ICALENDAR, &one.content), [], "a series in it");
        if let Some(put) = put_occurrence(series, &one.key, &one.content) {
            let there = occurrences(ICALENDAR, &put);
            assert!(there.iter().any(|is| is.key == one.key), "it is not there");
        }
        let rest = remove_occurrence(series, &one.key).expect("one that is there can go");
        let left = occurrences(ICALENDAR, &rest);
        assert!(left.iter().all(|is| is.key != one.key), "it is still there");
    }
}

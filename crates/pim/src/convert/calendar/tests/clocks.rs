//! Devices around the world, in winter and in summer.

use super::super::rule::Rule;
use super::super::zone::{civil, seconds, stamp};
use super::*;
use crate::moment::read_wall;

const PLACES: [&str; 5] = [
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Australia/Sydney",
    "Pacific/Auckland",
];

fn profiles(zone: &str) -> [TimeProfile; 4] {
    let with = |mode| TimeProfile {
        mode,
        ..device(zone)
    };
    [
        with(TimeMode::Utc),
        with(TimeMode::Floating),
        with(TimeMode::FalseZ),
        with(TimeMode::UtcWithoutZ),
    ]
}

/// When a device shows a weekly series for a year: it takes the start to its own clock, and
/// counts weeks there.
fn shown(text: &str, profile: &TimeProfile) -> Vec<String> {
    let zone = profile.zone.as_ref().unwrap();
    let start = line(text, "DTSTART:").replace("DTSTART:", "");
    let (wall, _, _) = read_wall(&start).unwrap();
    let in_utc = [TimeMode::Utc, TimeMode::UtcWithoutZ].contains(&profile.mode);
    let wall = if in_utc { zone.wall(wall) } else { wall };
    let rule = line(text, "RRULE:").replace("RRULE:", "");
    let rule = Rule::read_old(&rule, civil(wall).date()).unwrap();
    let until = civil(wall + 370 * 86_400).date();
    let days = rule.days(civil(wall).date(), Some(until), 1000, &mut 1_000_000);
    let time = wall.rem_euclid(86_400);
    let at = |day: jiff::civil::Date| stamp(seconds(day.at(0, 0, 0, 0)) + time);
    days.unwrap().into_iter().map(at).collect()
}

// spec: U23
#[test]
fn a_series_stays_on_the_hour_everywhere() {
    for place in PLACES {
        for profile in profiles(place) {
            for first in ["20240108", "20240708"] {
                let source = event_new(&[
                    &format!("DTSTART;TZID={place}:{first}T090000"),
                    "RRULE:FREQ=WEEKLY;BYDAY=MO,WE",
                    &format!("DTEND;TZID={place}:{first}T100000"),
                ]);
                let (there, lost) = old(&source, &profile);
                assert!(lost.is_empty(), "{place}: {lost:?}");
                let times = shown(&there, &profile);
                assert!(times.len() > 100, "{place}");
                assert!(
                    times.iter().all(|t| t.ends_with("T090000")),
                    "{place} {times:?}"
                );
                let (back, _) = new(&there, &profile);
                for name in ["DTSTART", "DTEND", "RRULE"] {
                    assert_eq!(line(&back, name), line(&source, name), "{place} {there}");
                }
            }
        }
    }
}

// spec: U23
#[test]
fn a_series_that_ends_keeps_its_last_occurrence_across_a_change() {
    for place in PLACES {
        for profile in profiles(place) {
            for (first, last) in [("20240304", "20240506"), ("20240902", "20241202")] {
                let zone = profile.zone.as_ref().unwrap();
                let (wall, ..) = read_wall(&format!("{last}T233000")).unwrap();
                let until = format!("{}Z", stamp(zone.instant(wall)));
                let source = event_new(&[
                    &format!("DTSTART;TZID={place}:{first}T233000"),
                    &format!("RRULE:FREQ=WEEKLY;UNTIL={until}"),
                ]);
                let (there, lost) = old(&source, &profile);
                assert!(lost.is_empty());
                let (back, _) = new(&there, &profile);
                assert_eq!(
                    line(&back, "RRULE"),
                    line(&source, "RRULE"),
                    "{place} {there}"
                );
            }
        }
    }
}

// spec: U28
#[test]
fn whole_days_stay_on_their_day_everywhere() {
    for place in PLACES {
        for profile in profiles(place) {
            for day in [
                "20240331", "20240310", "20240407", "20241027", "20241006", "20240929",
            ] {
                let source = event_new(&[
                    &format!("DTSTART;VALUE=DATE:{day}"),
                    "RRULE:FREQ=YEARLY;UNTIL=20300101",
                    "EXDATE;VALUE=DATE:20250310",
                ]);
                let (there, lost) = old(&source, &profile);
                assert!(lost.is_empty());
                let (back, _) = new(&there, &profile);
                for name in ["DTSTART", "EXDATE"] {
                    assert_eq!(line(&back, name), line(&source, name), "{place} {there}");
                }
            }
        }
    }
}

/// The whole day as a phone sends it that turns everything into UTC.
// spec: U27
#[test]
fn a_day_in_utc_is_the_day_of_the_device() {
    for place in PLACES {
        let profile = device(place);
        let zone = profile.zone.as_ref().unwrap();
        let (wall, ..) = read_wall("20240506").unwrap();
        let utc = |wall| format!("{}Z", stamp(zone.instant(wall)));
        let source = event_old(&[
            &format!("DTSTART:{}", utc(wall)),
            &format!("DTEND:{}", utc(wall + 86_400)),
        ]);
        let (text, _) = new(&source, &profile);
        assert_eq!(
            line(&text, "DTSTART"),
            "DTSTART;VALUE=DATE:20240506",
            "{place}"
        );
    }
}

// spec: U25
#[test]
fn the_description_of_a_zone_agrees_with_its_data() {
    for place in PLACES {
        let zone = Zone::new(place).unwrap();
        let source = event_old(&["DTSTART:20240506T090000"]);
        let (text, _) = new(&source, &floating(place));
        // the same events under a name that only the description knows
        let renamed = text.replace(&format!("TZID:{place}"), "TZID:Described");
        for month in 1..=12 {
            let wall = format!("2025{month:02}15T090000");
            let (seconds, ..) = read_wall(&wall).unwrap();
            let times = renamed.replace(
                &format!("DTSTART;TZID={place}:20240506T090000"),
                &format!("DTSTART;TZID=Described:{wall}"),
            );
            let (there, _) = old(&times, &TimeProfile::default());
            let expected = format!("DTSTART:{}Z", stamp(zone.instant(seconds)));
            assert_eq!(line(&there, "DTSTART"), expected, "{place} {text}");
        }
    }
}

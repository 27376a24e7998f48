//! What of a series its rule does not make, taken apart and put back.

#![allow(clippy::unwrap_used)]

use super::*;

const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\n\
    DTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n\
    DTSTART:19700329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n";

/// A weekly meeting in Berlin with these lines, and these components behind it.
fn series(lines: &[&str], more: &[&str]) -> Vec<u8> {
    let lines = lines.iter().flat_map(|line| [line, "\r\n"]);
    let lines: String = lines.collect();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n{ZONE}BEGIN:VEVENT\r\n\
         UID:choir\r\nSUMMARY:Choir\r\nDTSTART;TZID=Europe/Berlin:20260112T090000\r\n\
         DTEND;TZID=Europe/Berlin:20260112T103000\r\nRRULE:FREQ=WEEKLY\r\n{lines}\
         BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\n{}\
         END:VCALENDAR\r\n",
        more.concat()
    )
    .into_bytes()
}

/// An override, of the occurrence that this line names.
fn moved(id: &str, more: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:choir\r\n{id}\r\nSUMMARY:Choir abroad\r\n\
         DTSTART;TZID=Europe/Berlin:20260720T113000\r\n\
         DTEND;TZID=Europe/Berlin:20260720T123000\r\n{more}END:VEVENT\r\n"
    )
}

const ID: &str = "RECURRENCE-ID;TZID=Europe/Berlin:20260720T090000";

fn all(content: &[u8]) -> Vec<(String, String)> {
    let found = occurrences("text/calendar", content).into_iter();
    found
        .map(|one| (one.key, String::from_utf8(one.content).unwrap()))
        .collect()
}

fn keys(content: &[u8]) -> Vec<String> {
    all(content).into_iter().map(|(key, _)| key).collect()
}

fn text(content: Option<Vec<u8>>) -> String {
    String::from_utf8(content.unwrap()).unwrap()
}

#[test]
fn an_override_is_an_event_of_its_own() {
    let found = all(&series(&[], &[&moved(ID, "")]));
    let expected = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n{ZONE}BEGIN:VEVENT\r\n\
         SUMMARY:Choir abroad\r\nDTSTART;TZID=Europe/Berlin:20260720T113000\r\n\
         DTEND;TZID=Europe/Berlin:20260720T123000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    // nine o'clock in summer
    assert_eq!(found, [("20260720T070000Z".to_owned(), expected)]);
}

#[test]
fn an_occurrence_has_one_key_however_it_is_named() {
    for id in [ID, "RECURRENCE-ID:20260720T070000Z"] {
        let content = series(&[], &[&moved(id, "")]);
        assert_eq!(keys(&content), ["20260720T070000Z"], "{id}");
    }
    let floating = String::from_utf8(series(&[], &[&moved(ID, "")])).unwrap();
    let floating = floating.replace(";TZID=Europe/Berlin", "");
    assert_eq!(keys(floating.as_bytes()), ["20260720T090000"]);
}

#[test]
fn an_added_date_is_an_event_as_long_as_the_others() {
    let found = all(&series(
        &["RDATE;TZID=Europe/Berlin:20260114T180000,20260115T190000"],
        &[],
    ));
    let keys: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["20260114T170000Z", "20260115T180000Z"]);
    let expected = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n{ZONE}BEGIN:VEVENT\r\n\
         DTSTART;TZID=Europe/Berlin:20260114T180000\r\nDURATION:PT5400S\r\nSUMMARY:Choir\r\n\
         BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n"
    );
    assert_eq!(found[0].1, expected);
}

#[test]
fn whole_days_are_added_as_such() {
    let content = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Fair\r\n\
        DTSTART;VALUE=DATE:20260501\r\nDTEND;VALUE=DATE:20260503\r\nRRULE:FREQ=YEARLY\r\n\
        RDATE;VALUE=DATE:20260601\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let found = all(content);
    assert_eq!(found.len(), 1);
    let (key, event) = &found[0];
    assert_eq!(key, "20260601");
    assert!(
        event.contains("\r\nDTSTART;VALUE=DATE:20260601\r\nDURATION:P2D\r\n"),
        "{event}"
    );
    let without = text(remove_occurrence(content, key));
    assert!(!without.contains("RDATE") && !without.contains("EXDATE"));
}

#[test]
fn what_is_excluded_cancelled_or_the_rules_own_is_none() {
    let none: [&[&str]; 5] = [
        &[],
        &["RDATE:20260112T080000Z"],
        &[
            "RDATE:20260114T170000Z",
            "EXDATE;TZID=Europe/Berlin:20260114T180000",
        ],
        &["RDATE;VALUE=PERIOD:20260114T170000Z/PT1H"],
        &["RDATE;VALUE=DATE:20260114"],
    ];
    for lines in none {
        assert_eq!(keys(&series(lines, &[])), [""; 0], "{lines:?}");
    }
    let cancelled = moved(ID, "STATUS:CANCELLED\r\n");
    assert_eq!(keys(&series(&[], &[&cancelled])), [""; 0]);
    let other = moved(ID, "").replace("UID:choir", "UID:other");
    assert_eq!(keys(&series(&[], &[&other])), [""; 0]);
    // the override is what takes place on the added date
    let id = "RECURRENCE-ID:20260114T170000Z";
    let found = all(&series(&["RDATE:20260114T170000Z"], &[&moved(id, "")]));
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("Choir abroad"));
    // without an end it cannot be written again
    let broken = String::from_utf8(series(&[], &[&moved(ID, "")])).unwrap();
    let broken = broken.replacen("END:VEVENT\r\n", "", 1);
    assert_eq!(keys(broken.as_bytes()), [""; 0]);
}

#[test]
fn of_many_the_last_are_shown() {
    let days = (1..=70).map(|day| format!("2026{:02}{:02}T200000Z", 2 + day / 28, 1 + day % 28));
    let days: Vec<_> = days.collect();
    let list = format!("RDATE:{}", days.join(","));
    let found = keys(&series(&[&list], &[]));
    assert_eq!(found.len(), MAX_OCCURRENCES);
    assert_eq!(found.last(), days.last());
    assert_eq!(found.first(), days.get(6));
}

#[test]
fn of_very_many_dates_the_last_are_looked_at() {
    let days = (0..1200).map(|day| {
        format!(
            "{}{:02}{:02}T180000Z",
            1980 + day / 28,
            day % 12 + 1,
            day % 28 + 1
        )
    });
    let mut days: Vec<_> = days.collect();
    days.sort();
    let (old, new) = days.split_at(600);
    let [new, old] = [new, old].map(|days| format!("RDATE:{}", days.join(",")));
    let found = keys(&series(&[&new, &old], &[]));
    assert_eq!(found, days[days.len() - MAX_OCCURRENCES..]);
}

#[test]
fn an_event_goes_back_into_its_series() {
    let before = series(&[], &[&moved(ID, "")]);
    let (key, event) = all(&before).remove(0);
    let same = put_occurrence(&before, &key, event.as_bytes());
    assert_eq!(same, Some(before.clone()));
    let later = event.replace("T113000", "T120000");
    let after = text(put_occurrence(&before, &key, later.as_bytes()));
    let expected = String::from_utf8(before)
        .unwrap()
        .replace("T113000", "T120000");
    assert_eq!(after, expected);
    assert_eq!(all(after.as_bytes()), [(key, later)]);
}

#[test]
fn the_event_of_an_added_date_becomes_an_override() {
    let date = "RDATE;TZID=Europe/Berlin:20260114T180000";
    let before = series(&[date], &[]);
    let (key, event) = all(&before).remove(0);
    let edited = event.replace("SUMMARY:Choir", "SUMMARY:Concert");
    let after = text(put_occurrence(&before, &key, edited.as_bytes()));
    assert!(after.contains(date), "{after}");
    assert!(
        after.contains(
            "BEGIN:VEVENT\r\nUID:choir\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260114T180000\r\n"
        ),
        "{after}"
    );
    assert_eq!(all(after.as_bytes()), [(key.clone(), edited)]);
    let gone = text(remove_occurrence(after.as_bytes(), &key));
    assert_eq!(gone.as_bytes(), series(&[], &[]));
}

#[test]
fn an_override_that_went_may_come_back() {
    let plain = series(&[], &[]);
    let (key, event) = all(&series(&[], &[&moved(ID, "")])).remove(0);
    let after = put_occurrence(&plain, &key, event.as_bytes()).unwrap();
    assert_eq!(after, series(&[], &[&moved(ID, "")]));
    let excluded = series(&["EXDATE:20260720T070000Z"], &[]);
    assert_eq!(put_occurrence(&excluded, &key, event.as_bytes()), None);
    let recurs = event.replace("SUMMARY", "RRULE:FREQ=DAILY\r\nSUMMARY");
    assert_eq!(put_occurrence(&plain, &key, recurs.as_bytes()), None);
}

#[test]
fn an_occurrence_that_goes_is_excluded() {
    let before = series(&["EXDATE:20260119T080000Z"], &[&moved(ID, "")]);
    let after = remove_occurrence(&before, "20260720T070000Z").unwrap();
    let lines = [
        "EXDATE:20260119T080000Z",
        "EXDATE;TZID=Europe/Berlin:20260720T090000",
    ];
    assert_eq!(after, series(&lines, &[]));
    assert_eq!(remove_occurrence(&after, "20260720T070000Z"), None);
    let dates = series(
        &["RDATE:20260114T170000Z,20260115T170000Z,20260116T170000Z"],
        &[],
    );
    let after = remove_occurrence(&dates, "20260115T170000Z").unwrap();
    assert_eq!(
        after,
        series(&["RDATE:20260114T170000Z,20260116T170000Z"], &[])
    );
}

#[test]
fn zones_of_the_event_come_along() {
    let before = series(&[], &[&moved(ID, "")]);
    let (key, event) = all(&before).remove(0);
    let abroad = event.replace("Europe/Berlin", "Europe/Lisbon");
    let after = text(put_occurrence(&before, &key, abroad.as_bytes()));
    assert!(after.contains("TZID:Europe/Berlin\r\n") && after.contains("TZID:Europe/Lisbon\r\n"));
    assert_eq!(after.matches("BEGIN:VTIMEZONE").count(), 2);
}

#[test]
fn a_series_is_shown_without_its_added_dates() {
    let dates = ["RDATE:20260114T170000Z", "CATEGORIES:MUSIC"];
    let alone = without_dates(&series(&dates, &[&moved(ID, "")])).unwrap();
    assert_eq!(alone, series(&dates[1..], &[&moved(ID, "")]));
    assert_eq!(without_dates(&alone), None);
}

//! Calendars from one format to the other: rules, times, alarms, and what each cannot say.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clocks;
mod oracle;
mod properties;
mod rules;
mod traps;
mod words;

use super::*;

/// A device of some zone that writes UTC.
fn device(zone: &str) -> TimeProfile {
    TimeProfile {
        zone: Some(Zone::new(zone).expect("a zone")),
        ..TimeProfile::default()
    }
}

fn floating(zone: &str) -> TimeProfile {
    TimeProfile {
        mode: TimeMode::Floating,
        ..device(zone)
    }
}

fn run(content: &str, format: Format, profile: &TimeProfile) -> (String, Vec<String>) {
    let target = Target {
        format,
        quoted_printable: true,
    };
    let (bytes, lost) = convert(content.as_bytes(), target, profile);
    let lost = lost.into_iter().map(|l| String::from_utf8(l).unwrap());
    (String::from_utf8(bytes).unwrap(), lost.collect())
}

fn old(content: &str, profile: &TimeProfile) -> (String, Vec<String>) {
    run(content, Format::VCalendar10, profile)
}

fn new(content: &str, profile: &TimeProfile) -> (String, Vec<String>) {
    run(content, Format::ICalendar20, profile)
}

/// A calendar of one entry with these lines.
fn calendar(version: &str, kind: &str, lines: &[&str]) -> String {
    let lines = lines.join("\r\n");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:{version}\r\nBEGIN:{kind}\r\n{lines}\r\nEND:{kind}\r\nEND:VCALENDAR\r\n"
    )
}

fn event_old(lines: &[&str]) -> String {
    calendar("1.0", "VEVENT", lines)
}

fn event_new(lines: &[&str]) -> String {
    calendar("2.0", "VEVENT", lines)
}

/// The lines that start with a name, unfolded; those of a zone's description aside.
fn lines(text: &str, name: &str) -> Vec<String> {
    let text = text.replace("\r\n ", "");
    let (mut found, mut zone) = (Vec::new(), false);
    for line in text.lines() {
        zone |= line == "BEGIN:VTIMEZONE";
        if line.starts_with(name) && !zone {
            found.push(line.to_owned());
        }
        zone &= line != "END:VTIMEZONE";
    }
    found
}

fn line(text: &str, name: &str) -> String {
    lines(text, name).into_iter().next().unwrap_or_default()
}

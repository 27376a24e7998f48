//! Events: iCalendar 2.0 on the server, mostly vCalendar 1.0 on the device.

use super::{Overlap, Sizes, edit, is_edited, overlap};
use crate::items::{Lines, MEETINGS, Random, date, escape};

/// How a start is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Utc,
    /// In Lübeck, winter or summer, with a description of the zone.
    Described,
    /// The same by the zone's name alone.
    Named,
    /// Of no place.
    Floating,
    AllDay,
}

#[derive(Debug, Clone)]
struct Event {
    uid: String,
    summary: String,
    /// Days from the first.
    day: usize,
    /// Minutes after midnight, on the server's clock.
    minute: usize,
    clock: Clock,
    weekly: bool,
    place: String,
    description: String,
    categories: String,
    private: bool,
}

/// Two collections of events.
///
/// Half of the device's events have another identifier or none. A twin has the title and place of
/// another event and starts at another time, or recurs where the other does not.
pub fn events(sizes: Sizes, seed: u64) -> Overlap {
    let mut random = Random::new(seed);
    overlap(sizes, &mut random, record, twin, write)
}

fn record(number: usize, random: &mut Random) -> Event {
    let clocks = [
        Clock::Utc,
        Clock::Described,
        Clock::Named,
        Clock::Floating,
        Clock::AllDay,
    ];
    Event {
        uid: format!("{number}@example.com"),
        // many share a title; no two a title and a start
        summary: format!("{}, part {}", MEETINGS[number % 8], number / 8 % 60),
        day: number / 480 * 12 + random.below(12),
        minute: 7 * 60 + random.below(50) * 15,
        clock: clocks[random.below(5)],
        weekly: random.below(6) == 0,
        place: "Town hall; entrance 2".to_owned(),
        description: format!("Bring the papers, number {number}.\nÜber die Brücke, then left."),
        categories: "MEETING".to_owned(),
        private: false,
    }
}

fn twin(original: &Event, random: &mut Random) -> Event {
    let mut twin = Event {
        uid: format!("twin-{:x}", random.below(usize::MAX / 2)),
        ..original.clone()
    };
    match random.below(4) {
        0 => twin.weekly ^= true,
        1 if twin.clock != Clock::AllDay => twin.minute += 15 * (1 + random.below(20)),
        // beyond all days of the others of that title
        _ => twin.day += 3000 + random.below(100_000),
    }
    twin
}

fn write(event: &Event, by_device: bool, random: &mut Random) -> (Vec<u8>, String) {
    if !by_device {
        return (new_event(event, false, random), String::new());
    }
    let mut event = event.clone();
    let mut told = String::new();
    for (field, text) in [
        ("place", &mut event.place),
        ("description", &mut event.description),
        ("categories", &mut event.categories),
    ] {
        if is_edited(random, &mut told, field) {
            *text = edit(random, text);
        }
    }
    event.private = is_edited(random, &mut told, "class");
    if random.below(2) == 0 {
        event.uid = match random.below(2) {
            0 => String::new(),
            _ => format!("device-{:x}", random.below(usize::MAX / 2)),
        };
        told.push_str(" uid");
    }
    let is_old = random.below(3) > 0;
    told.push_str(if is_old { " 1.0" } else { " 2.0" });
    let content = if is_old {
        old_event(&event, random)
    } else {
        new_event(&event, true, random)
    };
    (content, told)
}

fn stamp(day: usize, minute: usize) -> String {
    let (year, month, day) = date((day + minute / 1440) as u32);
    let minute = minute % 1440;
    format!(
        "{year}{month:02}{day:02}T{:02}{:02}00",
        minute / 60,
        minute % 60
    )
}

/// Minutes that a clock in Lübeck is ahead of UTC on a day, by the rule of the European Union.
fn ahead(day: usize) -> usize {
    let (year, month, date_of) = date(day as u32);
    // day 0 is a Monday
    let last_sunday = |month: u32| {
        let (mut at, mut last) = (day - (date_of as usize - 1), 0);
        while date(at as u32).1 == month && date(at as u32).0 == year {
            if at % 7 == 6 {
                last = date(at as u32).2;
            }
            at += 1;
        }
        last
    };
    let summer = match month {
        4..=9 => true,
        3 => date_of >= last_sunday(3),
        10 => date_of < last_sunday(10),
        _ => false,
    };
    if summer { 120 } else { 60 }
}

const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Home\r\nBEGIN:DAYLIGHT\r\nDTSTART:19810329T020000\r\n\
    TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n\
    END:DAYLIGHT\r\nBEGIN:STANDARD\r\nDTSTART:19961027T030000\r\nTZOFFSETFROM:+0200\r\n\
    TZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

fn new_event(event: &Event, spelled: bool, random: &mut Random) -> Vec<u8> {
    let mut lines = Vec::new();
    let (day, minute) = (event.day, event.minute);
    let end = stamp(day, minute + 60);
    let start = stamp(day, minute);
    let zoned = |zone: &str| {
        (
            format!("DTSTART;TZID={zone}:{start}"),
            format!("DTEND;TZID={zone}:{end}"),
        )
    };
    let (start, end) = match event.clock {
        Clock::Utc => (format!("DTSTART:{start}Z"), format!("DTEND:{end}Z")),
        // a device that knows its zone tells the instant
        Clock::Described | Clock::Named if spelled => utc(event),
        Clock::Described => zoned("Home"),
        Clock::Named => zoned("Europe/Berlin"),
        Clock::Floating => (format!("DTSTART:{start}"), format!("DTEND:{end}")),
        Clock::AllDay => (
            format!("DTSTART;VALUE=DATE:{}", &stamp(day, 0)[..8]),
            format!("DTEND;VALUE=DATE:{}", &stamp(day + 1, 0)[..8]),
        ),
    };
    lines.extend([start, end]);
    if !event.uid.is_empty() {
        lines.push(format!("UID:{}", event.uid));
    }
    if event.weekly {
        lines.push("RRULE:FREQ=WEEKLY;COUNT=9".to_owned());
    }
    lines.push(format!("SUMMARY:{}", escape(&event.summary)));
    lines.push(format!("LOCATION:{}", escape(&event.place)));
    lines.push(format!("DESCRIPTION:{}", escape(&event.description)));
    lines.push(format!("CATEGORIES:{}", escape(&event.categories)));
    let class = if event.private { "PRIVATE" } else { "PUBLIC" };
    lines.push(format!("CLASS:{class}"));
    if spelled {
        random.shuffle(&mut lines);
    }
    let mut text = Lines::default();
    text.add("BEGIN:VCALENDAR");
    text.add("VERSION:2.0");
    if event.clock == Clock::Described && !spelled {
        text.0.push_str(ZONE);
    }
    text.add("BEGIN:VEVENT");
    for line in lines {
        text.add(&line);
    }
    text.add("END:VEVENT");
    text.add("END:VCALENDAR");
    text.0.into_bytes()
}

fn utc(event: &Event) -> (String, String) {
    // no event is within the hours in which the clock changes
    let at = event.minute - ahead(event.day);
    let (start, end) = (stamp(event.day, at), stamp(event.day, at + 60));
    (format!("DTSTART:{start}Z"), format!("DTEND:{end}Z"))
}

fn old_event(event: &Event, random: &mut Random) -> Vec<u8> {
    let line = |name: &str, value: &str| {
        let mut lines = Lines::default();
        lines.add_21(name, &[value]);
        lines.0
    };
    let (start, end) = match event.clock {
        Clock::Described | Clock::Named => utc(event),
        Clock::AllDay => (
            format!("DTSTART:{}", stamp(event.day, 0)),
            format!("DTEND:{}", stamp(event.day, 1440)),
        ),
        Clock::Floating => (
            format!("DTSTART:{}", stamp(event.day, event.minute)),
            format!("DTEND:{}", stamp(event.day, event.minute + 60)),
        ),
        Clock::Utc => (
            format!("DTSTART:{}Z", stamp(event.day, event.minute)),
            format!("DTEND:{}Z", stamp(event.day, event.minute + 60)),
        ),
    };
    let mut lines = vec![format!("{start}\r\n"), format!("{end}\r\n")];
    if !event.uid.is_empty() {
        lines.push(line("UID", &event.uid));
    }
    if event.weekly {
        lines.push(line("RRULE", "W1 #9"));
    }
    lines.push(line("SUMMARY", &event.summary));
    lines.push(line("LOCATION", &event.place));
    lines.push(line("DESCRIPTION", &event.description));
    lines.push(line("CATEGORIES", &event.categories));
    lines.push(line(
        "CLASS",
        if event.private { "PRIVATE" } else { "PUBLIC" },
    ));
    random.shuffle(&mut lines);
    let lines = lines.concat();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    .into_bytes()
}

//! Calendars of devices around the world, through sessions: what a person wrote down for nine
//! o'clock stays at nine o'clock, in winter and in summer, whatever a device makes of time. The
//! clocks that decide are those of the zone data, not those of the server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;
#[path = "conformance/talk.rs"]
mod talk;

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use session::peer::Table;
use session::store::{Content, DatastoreId, DatastoreKind, Guid, Origin};
use syncml::ChangeKind;
use talk::{Heard, Talk, alert, item, status};

const PLACES: [&str; 5] = [
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Australia/Sydney",
    "Pacific/Auckland",
];

const MODES: [&str; 4] = ["utc", "local", "false-utc", "unmarked-utc"];

/// Days around the changes of the clocks, in the north and in the south.
const DAYS: [&str; 12] = [
    "20260112", "20260307", "20260309", "20260328", "20260330", "20260404", "20260406", "20260713",
    "20260926", "20260928", "20261024", "20261103",
];

/// An account whose calendar is synced.
struct Office {
    talk: Talk,
    /// Anchors of the devices.
    anchors: BTreeMap<&'static str, u32>,
    /// Devices whose information says that they know UTC.
    utc: bool,
}

impl Office {
    /// With these rules, in TOML.
    fn new(rules: &str) -> Self {
        let mut talk = Talk::new();
        talk.server.config.rules = Table::parse(rules).unwrap();
        Self {
            talk,
            anchors: BTreeMap::new(),
            utc: true,
        }
    }

    /// With a phone called `phone`, at a place, which writes times so.
    fn at(place: &str, times: &str, more: &str) -> Self {
        Self::new(&format!(
            "[[rule]]\nname = 'phone'\nmatch.device = ['phone']\nset.time-zone = '{place}'\n\
             set.times = '{times}'\n{more}\n"
        ))
    }

    fn calendar(&self) -> DatastoreId {
        let kinds = DatastoreKind::ALL.into_iter().zip(1..);
        let mut kinds = kinds.filter(|(kind, _)| *kind == DatastoreKind::Calendar);
        DatastoreId {
            account: self.talk.server.account,
            number: kinds.next().unwrap().1,
        }
    }

    /// Writes an item on the server.
    fn put(&mut self, text: &str) {
        let calendar = self.calendar();
        let content = content(text);
        let state = &mut self.talk.server.state;
        state.add_item(calendar, content, Origin::Local, 0).unwrap();
    }

    fn change(&mut self, guid: i64, text: &str) {
        let calendar = self.calendar();
        let state = &mut self.talk.server.state;
        let content = content(text);
        state
            .replace_item(calendar, Guid(guid), content, Origin::Local, 0)
            .unwrap();
    }

    fn contents(&self) -> Vec<String> {
        let items = self.talk.server.state.items(self.calendar()).into_iter();
        let live = items.filter(|item| !item.deleted);
        live.map(|item| String::from_utf8(item.content).unwrap())
            .collect()
    }

    fn content(&self) -> String {
        let mut contents = self.contents();
        assert_eq!(contents.len(), 1, "{contents:?}");
        contents.remove(0)
    }

    /// A session of a device of vCalendar 1.0 with these commands; new items get the LUID `l` with
    /// their GUID.
    fn sync(&mut self, device: &'static str, code: u16, commands: &str) -> Heard {
        let talk = &mut self.talk;
        talk.device = device;
        let anchor = self.anchors.entry(device).or_default();
        let last = match *anchor {
            0 => String::new(),
            last => last.to_string(),
        };
        *anchor += 1;
        talk.begin();
        let format = "<CTType>text/x-vcalendar</CTType><VerCT>1.0</VerCT>";
        let utc = if self.utc { "<UTC/>" } else { "" };
        let put = format!(
            "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
             application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12\
             </LocURI></Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD>\
             <DevID>{device}</DevID><DevTyp>phone</DevTyp>{utc}<DataStore><SourceRef>my-calendar\
             </SourceRef><Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref><SyncCap>\
             <SyncType>1</SyncType></SyncCap></DataStore></DevInf></Data></Item></Put>"
        );
        let alert = alert(1, code, "calendar", &last, &anchor.to_string());
        let heard = talk.say(&(alert + &put + "<Final/>"));
        assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
        let heard = talk.say(&(talk::sync("calendar", commands) + "<Final/>"));
        for (_, _, cmd, code) in &heard.said.statuses {
            assert!(*code < 300, "{code} to {cmd}");
        }
        let mut last = String::new();
        for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
            last += &status(number, talk.message, cmd_id, cmd, 200);
        }
        for (number, change) in (200..).zip(&heard.said.changes) {
            if change.kind == ChangeKind::Add {
                let map = talk::map(number, &change.guid, &format!("l{}", change.guid));
                last += &map.replace("contacts", "calendar");
            }
        }
        talk.say(&(last + "<Final/>"));
        heard
    }

    /// What the phone is sent in its next session.
    fn sent(&mut self, code: u16) -> Vec<String> {
        let heard = self.sync("phone", code, "");
        let changes = heard.said.changes.into_iter();
        changes.map(|change| change.content).collect()
    }
}

fn content(text: &str) -> Content<'_> {
    Content::new("text/calendar", text.as_bytes())
}

fn command(name: &str, luid: &str, text: &str) -> String {
    format!(
        "<{name}><CmdID>31</CmdID><Meta><Type xmlns='syncml:metinf'>text/x-vcalendar</Type></Meta>\
         {}</{name}>",
        item(luid, text)
    )
}

/// A new event, as a person writes it into a rich client.
fn event(lines: &[&str]) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:1@example\r\n\
         DTSTAMP:20260101T000000Z\r\nSUMMARY:Choir\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        lines.join("\r\n")
    )
}

/// A new event, as the phone writes it.
fn entry(lines: &[&str]) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nSUMMARY:Choir\r\n{}\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
        lines.join("\r\n")
    )
}

fn value<'t>(text: &'t str, name: &str) -> &'t str {
    let mut lines = text.lines().filter_map(|line| {
        let (head, value) = line.split_once(':')?;
        (head.split(';').next() == Some(name)).then_some(value)
    });
    lines
        .next()
        .unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn zone(place: &str) -> TimeZone {
    TimeZone::get(place).unwrap()
}

/// A time on the clock at a place, as a device of this kind writes it.
fn written(clock: &str, place: &str, times: &str) -> String {
    let clock: DateTime = clock.parse().unwrap();
    let instant = zone(place)
        .to_zoned(clock)
        .unwrap()
        .with_time_zone(TimeZone::UTC);
    let (shown, mark) = match times {
        "utc" => (instant.datetime(), "Z"),
        "local" => (clock, ""),
        "false-utc" => (clock, "Z"),
        _ => (instant.datetime(), ""),
    };
    shown.strftime("%Y%m%dT%H%M%S").to_string() + mark
}

#[test]
fn events_of_a_rich_client_are_on_the_hour_on_phones() {
    for place in PLACES {
        for times in MODES {
            let mut office = Office::at(place, times, "");
            for day in DAYS {
                office.put(&event(&[
                    &format!("DTSTART;TZID={place}:{day}T090000"),
                    &format!("DTEND;TZID={place}:{day}T103000"),
                ]));
            }
            let sent = office.sent(201);
            assert_eq!(sent.len(), DAYS.len());
            for (text, day) in sent.iter().zip(DAYS) {
                let start = written(&format!("{day}T090000"), place, times);
                let end = written(&format!("{day}T103000"), place, times);
                assert_eq!(value(text, "DTSTART"), start, "{place} {times} {text}");
                assert_eq!(value(text, "DTEND"), end, "{place} {times} {text}");
            }
            assert_eq!(office.sent(200), [""; 0]);
            // what the phone has of them is no edit
            let before = office.contents();
            for (text, number) in sent.iter().zip(1..) {
                office.sync(
                    "phone",
                    200,
                    &command("Replace", &format!("l{number}"), text),
                );
            }
            assert_eq!(office.contents(), before, "{place} {times}");
        }
    }
}

#[test]
fn events_of_phones_are_on_the_hour_on_the_server() {
    for place in PLACES {
        for times in MODES {
            for day in DAYS {
                let mut office = Office::at(place, times, "");
                let text = entry(&[
                    &format!(
                        "DTSTART:{}",
                        written(&format!("{day}T090000"), place, times)
                    ),
                    &format!("DTEND:{}", written(&format!("{day}T103000"), place, times)),
                    "RRULE:D1 #3",
                ]);
                let heard = office.sync("phone", 201, &command("Add", "a", &text));
                assert_eq!(heard.said.changes, [], "{}", heard.xml);
                let rich = office.content();
                assert!(
                    rich.contains(&format!("DTSTART;TZID={place}:{day}T090000")),
                    "{place} {times} {rich}"
                );
                assert_eq!(office.sent(200), [""; 0]);
                assert_eq!(office.sent(200), [""; 0]);
            }
        }
    }
}

#[test]
fn a_series_with_all_there_is_outlives_a_new_title() {
    for place in PLACES {
        for times in MODES {
            let mut office = Office::at(place, times, "");
            let series = event(&[
                &format!("DTSTART;TZID={place}:20260112T090000"),
                &format!("DTEND;TZID={place}:20260112T103000"),
                "RRULE:FREQ=WEEKLY;BYDAY=MO,WE",
                &format!("EXDATE;TZID={place}:20260713T090000"),
                "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:soon\r\nTRIGGER:-PT15M\r\nX-A:b\r\n\
                 END:VALARM",
                "CATEGORIES:MUSIC\r\nATTENDEE;CN=Ada:mailto:ada@example.org\r\nEND:VEVENT\r\n\
                 BEGIN:VEVENT\r\nUID:1@example\r\nDTSTAMP:20260101T000000Z",
                &format!("RECURRENCE-ID;TZID={place}:20260720T090000"),
                &format!("DTSTART;TZID={place}:20260720T113000"),
                &format!("DTEND;TZID={place}:20260720T123000"),
                "SUMMARY:Choir abroad",
            ]);
            office.put(&series);
            let sent = office.sent(201);
            let text = sent.first().unwrap();
            assert_eq!(
                value(text, "DTSTART"),
                written("20260112T090000", place, times),
                "{text}"
            );
            assert_eq!(
                value(text, "RRULE"),
                "W1 MO WE #0",
                "{place} {times} {text}"
            );
            let titled = text.replacen("SUMMARY:Choir\r\n", "SUMMARY:Singing\r\n", 1);
            assert_ne!(&titled, text);
            let heard = office.sync("phone", 200, &command("Replace", "l1", &titled));
            assert_eq!(heard.said.changes, [], "{}", heard.xml);
            let expected = series.replacen("SUMMARY:Choir\r\n", "SUMMARY:Singing\r\n", 1);
            assert_eq!(office.content(), expected, "{place} {times}\n{text}");
            assert_eq!(office.sent(200), [""; 0], "{place} {times}");

            // an hour later, beside all else
            let moved = [
                ("084500", "094500"),
                ("090000", "100000"),
                ("103000", "113000"),
            ];
            let moved = moved.into_iter().fold(titled.clone(), |text, (from, to)| {
                let clock = |time: &str| written(&format!("20260112T{time}"), place, times);
                text.replacen(&clock(from), &clock(to), 1)
            });
            assert_ne!(moved, titled);
            office.sync("phone", 200, &command("Replace", "l1", &moved));
            let after = office.content();
            for line in [
                &format!("DTSTART;TZID={place}:20260112T100000"),
                &format!("DTEND;TZID={place}:20260112T113000"),
                "RRULE:FREQ=WEEKLY;BYDAY=MO,WE",
                "TRIGGER:-PT15M",
                "X-A:b",
                "ATTENDEE;CN=Ada:mailto:ada@example.org",
                "SUMMARY:Singing",
            ] {
                assert!(
                    after.contains(line),
                    "{place} {times}: no {line} in {after}"
                );
            }
        }
    }
}

#[test]
fn whole_days_stay_the_days_they_are() {
    for place in PLACES {
        for times in MODES {
            for style in ["midnight", "minute", "second", "hour24", "daytime"] {
                let mut office = Office::at(place, times, &format!("set.all-day = '{style}'"));
                for day in DAYS {
                    office.put(&event(&[&format!("DTSTART;VALUE=DATE:{day}")]));
                }
                let before = office.contents();
                let sent = office.sent(201);
                let own = |text: &String| value(text, "DTSTART").to_owned();
                for (text, day) in sent.iter().zip(DAYS) {
                    let hour = if style == "daytime" { "08" } else { "00" };
                    let clock = format!("{day}T{hour}0000");
                    // a day is a day, and not a time that could be elsewhere
                    let mode = if times == "utc" { "local" } else { times };
                    assert_eq!(own(text), written(&clock, place, mode), "{style} {text}");
                }
                for (text, number) in sent.iter().zip(1..) {
                    office.sync(
                        "phone",
                        200,
                        &command("Replace", &format!("l{number}"), text),
                    );
                }
                assert_eq!(office.contents(), before, "{place} {times} {style}");
                // the same days, written on the phone
                for text in &sent {
                    let text = text.replace("Choir", "Fair");
                    let text: String = text
                        .split_inclusive("\r\n")
                        .filter(|line| !line.starts_with("UID"))
                        .collect();
                    let luid = format!("n{}", own(&text));
                    office.sync("phone", 200, &command("Add", &luid, &text));
                }
                let fairs = office.contents();
                let fairs = fairs.iter().filter(|text| text.contains("Fair"));
                let days: Vec<String> = fairs
                    .map(|text| {
                        let is_date = text.contains("DTSTART;VALUE=DATE:");
                        assert!(is_date || text.contains("VERSION:1.0"), "{text}");
                        own(text).chars().take(8).collect()
                    })
                    .collect();
                assert_eq!(days, DAYS, "{place} {times} {style}");
                assert_eq!(office.sent(200), [""; 0], "{place} {times} {style}");
            }
        }
    }
}

#[test]
fn a_device_without_rules_is_where_the_server_says() {
    for (utc, times) in [(true, "utc"), (false, "local")] {
        let mut office = Office::new("");
        office.utc = utc;
        office.talk.server.config.zone = pim::Zone::new("America/Los_Angeles");
        office.put(&event(&[
            "DTSTART;TZID=Europe/Berlin:20260713T180000",
            "DTEND;TZID=Europe/Berlin:20260713T190000",
        ]));
        let sent = office.sent(201);
        let text = sent.first().unwrap();
        let start = written("20260713T090000", "America/Los_Angeles", times);
        assert_eq!(value(text, "DTSTART"), start);
        let later = text.replace(
            &start,
            &written("20260713T093000", "America/Los_Angeles", times),
        );
        office.sync("phone", 200, &command("Replace", "l1", &later));
        let line = "DTSTART;TZID=Europe/Berlin:20260713T183000";
        let content = office.content();
        assert!(content.contains(line), "{times} {content}");
    }
}

#[test]
fn a_series_of_a_phone_that_counts_in_utc_stays_on_the_hour_of_its_place() {
    let place = "America/Los_Angeles";
    for zoned in [true, false] {
        let mut office = if zoned {
            Office::at(place, "utc", "")
        } else {
            Office::new("")
        };
        let server = if zoned { "Europe/Berlin" } else { place };
        office.talk.server.config.zone = pim::Zone::new(server);
        let start = written("20260112T090000", place, "utc");
        let end = written("20260112T100000", place, "utc");
        let text = entry(&[
            &format!("DTSTART:{start}"),
            &format!("DTEND:{end}"),
            "RRULE:W1 MO #0",
        ]);
        let heard = office.sync("phone", 201, &command("Add", "a", &text));
        assert_eq!(heard.said.changes, [], "{}", heard.xml);
        let rich = office.content();
        let line = format!("DTSTART;TZID={place}:20260112T090000");
        assert!(rich.contains(&line), "{rich}");
        assert!(rich.contains("RRULE:FREQ=WEEKLY;BYDAY=MO"), "{rich}");
        assert_eq!(office.sent(200), [""; 0]);
        // one event is when it is, and is kept as it came
        let single = entry(&[&format!("DTSTART:{start}"), &format!("DTEND:{end}")]);
        office.sync("phone", 200, &command("Add", "b", &single));
        assert!(office.contents().contains(&single));
    }
}

/// Noon of a day, in seconds since 1970.
fn noon(day: &str) -> i64 {
    let noon: DateTime = format!("{day}T120000").parse().unwrap();
    let noon = TimeZone::UTC.to_timestamp(noon).unwrap();
    noon.as_second()
}

#[test]
fn a_phone_that_reckons_by_today_shows_the_hour_that_was_meant() {
    let mut office = Office::at("Europe/Berlin", "utc", "set.converts-by-today = true");
    office.talk.server.now = noon("20260112");
    office.put(&event(&[
        "DTSTART;TZID=Europe/Berlin:20260713T090000",
        "DTEND;TZID=Europe/Berlin:20260713T100000",
    ]));
    let sent = office.sent(201);
    // to which it adds the hour of January
    assert_eq!(value(&sent[0], "DTSTART"), "20260713T080000Z");
    let own = entry(&["DTSTART:20260714T080000Z", "DTEND:20260714T090000Z"]);
    office.sync("phone", 200, &command("Add", "a", &own));
    let before = office.contents();
    let line = "DTSTART;TZID=Europe/Berlin:20260714T090000";
    assert!(before[1].contains(line), "{}", before[1]);
    // in summer it takes off two, and has moved nothing
    office.talk.server.now = noon("20260720");
    assert_eq!(office.sent(200), [""; 0]);
    for (luid, text) in [("l1", &sent[0]), ("a", &own)] {
        let text = text.replace("T080000Z", "T070000Z");
        let text = text.replace("T090000Z", "T080000Z");
        office.sync("phone", 200, &command("Replace", luid, &text));
    }
    assert_eq!(office.contents(), before);
    assert_eq!(office.sent(200), [""; 0]);
}

/// A phone in Berlin that has this event of the server's, as it has it.
fn shown(event: &str) -> (Office, String) {
    let mut office = Office::at("Europe/Berlin", "local", "");
    office.put(event);
    let mut sent = office.sent(201);
    assert_eq!(sent.len(), 1, "{sent:?}");
    (office, sent.remove(0))
}

impl Office {
    /// The phone has changed its event to this; what the server then has.
    fn edit(&mut self, text: &str) -> String {
        let heard = self.sync("phone", 200, &command("Replace", "l1", text));
        assert_eq!(heard.said.changes, [], "{}", heard.xml);
        assert_eq!(self.sent(200), [""; 0]);
        self.content()
    }
}

#[test]
fn a_rule_that_a_phone_cannot_tell_outlives_a_new_title() {
    let event = event(&[
        "DTSTART;TZID=Europe/Berlin:20260130T090000",
        "DTEND;TZID=Europe/Berlin:20260130T100000",
        "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    ]);
    let (mut office, text) = shown(&event);
    let titled = text.replace("Choir", "Singing");
    assert_eq!(office.edit(&titled), event.replace("Choir", "Singing"));
    // it moves, and goes on by the same rule
    let later = titled
        .replace("T090000", "T093000")
        .replace("T100000", "T103000");
    let moved = event
        .replace("T090000", "T093000")
        .replace("T100000", "T103000");
    assert_eq!(office.edit(&later), moved.replace("Choir", "Singing"));
}

#[test]
fn a_description_does_not_grow() {
    let event = event(&[
        "DTSTART;TZID=Europe/Berlin:20260130T090000",
        "DTEND;TZID=Europe/Berlin:20260130T100000",
        "DESCRIPTION:bring the score",
    ]);
    let (mut office, mut text) = shown(&event);
    for _ in 0..3 {
        // the phone adds an empty line whenever it writes
        text = text
            .replace("score", "score=0D=0A")
            .replace("DESCRIPTION:", "DESCRIPTION;ENCODING=QUOTED-PRINTABLE:");
        assert_eq!(office.edit(&text), event);
    }
}

#[test]
fn what_goes_of_a_series_on_a_phone_goes_alone() {
    let series = event(&[
        "DTSTART;TZID=Europe/Berlin:20260112T090000",
        "DTEND;TZID=Europe/Berlin:20260112T103000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO",
        "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:1@example\r\nDTSTAMP:20260101T000000Z",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260119T090000",
        "DTSTART;TZID=Europe/Berlin:20260119T110000",
        "DTEND;TZID=Europe/Berlin:20260119T120000",
        "SUMMARY:Choir abroad",
    ]);
    let mut office = Office::at("Europe/Berlin", "local", "");
    office.put(&series);
    let sent = office.sent(201);
    let [text, elsewhere] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    // the phone knows the occurrence that is elsewhere as an event of its own
    assert_eq!(value(text, "EXDATE"), "20260119T090000");
    assert_eq!(value(elsewhere, "DTSTART"), "20260119T110000");
    let fewer = text.replace(
        "EXDATE:20260119T090000",
        "EXDATE:20260119T090000;20260126T090000",
    );
    let kept = office.edit(&fewer);
    for line in [
        "EXDATE;TZID=Europe/Berlin:20260126T090000",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260119T090000",
        "DTSTART;TZID=Europe/Berlin:20260119T110000",
        "SUMMARY:Choir abroad",
    ] {
        assert!(kept.contains(line), "no {line} in {kept}");
    }
    assert!(
        !kept.contains("EXDATE;TZID=Europe/Berlin:20260119"),
        "{kept}"
    );
    // the series goes, and with it what was elsewhere
    let delete =
        "<Delete><CmdID>31</CmdID><Item><Source><LocURI>l1</LocURI></Source></Item></Delete>";
    office.sync("phone", 200, delete);
    assert_eq!(office.contents(), [""; 0]);
}

/// The starts of a weekly series of a year, on the clock of a phone that repeats it by that.
fn expanded(text: &str, place: &str, times: &str) -> Vec<DateTime> {
    let read = |text: &str| -> DateTime {
        let clock: DateTime = text.trim_end_matches('Z').parse().unwrap();
        if times == "utc" || times == "unmarked-utc" {
            let instant = TimeZone::UTC.to_timestamp(clock).unwrap();
            return zone(place).to_datetime(instant);
        }
        clock
    };
    let first = read(value(text, "DTSTART"));
    let left_out: Vec<DateTime> = if text.contains("EXDATE") {
        value(text, "EXDATE").split(';').map(read).collect()
    } else {
        Vec::new()
    };
    let week = jiff::Span::new().weeks(1);
    let starts = std::iter::successors(Some(first), |start| start.checked_add(week).ok());
    let starts = starts.take(52);
    starts.filter(|start| !left_out.contains(start)).collect()
}

#[test]
fn exceptions_of_a_series_hit_its_occurrences_on_the_clocks_of_five_other_places() {
    let start = "DTSTART;TZID=Europe/Berlin:20260105T090000";
    // between the changes of the clocks here and there, and after both
    let weeks = [
        "20260316", "20260330", "20260406", "20260928", "20261026", "20261102",
    ];
    let out: Vec<String> = weeks
        .iter()
        .map(|day| format!("EXDATE;TZID=Europe/Berlin:{day}T090000"))
        .collect();
    let series = event(&[
        start,
        "DTEND;TZID=Europe/Berlin:20260105T100000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO",
        &out.join("\r\n"),
    ]);
    let first: DateTime = "20260105T090000".parse().unwrap();
    for place in [
        "America/Los_Angeles",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Sydney",
        "Pacific/Auckland",
    ] {
        for times in MODES {
            let mut office = Office::at(place, times, "");
            office.put(&series);
            let text = office.sent(201).remove(0);
            let shown = expanded(&text, place, times);
            assert_eq!(shown.len(), 52 - weeks.len(), "{place} {times} {text}");
            assert_eq!(office.sent(200), [""; 0]);
            // the person takes one out on the phone, in a week in which one clock has changed
            let all = expanded(&text.replace("EXDATE", "X-A"), place, times);
            let gone = first.checked_add(jiff::Span::new().weeks(9)).unwrap();
            let there = written(&all[9].strftime("%Y%m%dT%H%M%S").to_string(), place, times);
            let fewer = text.replace("EXDATE:", &format!("EXDATE:{there};"));
            let heard = office.sync("phone", 200, &command("Replace", "l1", &fewer));
            assert_eq!(heard.said.changes, [], "{}", heard.xml);
            let gone = gone.strftime("%Y%m%dT%H%M%S");
            let line = format!("EXDATE;TZID=Europe/Berlin:{gone}\r\n");
            let content = office.content();
            assert!(content.contains(&line), "{place} {times} {content}");
            assert_eq!(content.replace(&line, ""), series);
            assert_eq!(office.sent(200), [""; 0]);
        }
    }
}

#[test]
fn events_of_one_meaningless_identifier_stay_as_many_as_they_are() {
    let mut office = Office::new("");
    let entry = |number: usize| {
        entry(&[
            "UID:1",
            &format!("DTSTART:202601{:02}T090000Z", number + 1),
            &format!("DTEND:202601{:02}T100000Z", number + 1),
        ])
        .replace("SUMMARY:Choir", &format!("SUMMARY:Meeting {number}"))
    };
    let all: String = (0..10)
        .map(|number| command("Add", &format!("a{number}"), &entry(number)))
        .collect();
    office.sync("phone", 201, &all);
    assert_eq!(office.contents().len(), 10);
    // a comparison after which it has another one in the place of the last
    let all: String = (0..9)
        .chain([11])
        .map(|number| command("Add", &format!("b{number}"), &entry(number)))
        .collect();
    office.sync("phone", 201, &all);
    let mut contents = office.contents();
    contents.sort();
    let mut expected: Vec<String> = (0..10).chain([11]).map(entry).collect();
    expected.sort();
    assert_eq!(contents, expected);
}

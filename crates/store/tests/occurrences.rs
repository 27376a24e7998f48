//! What of a series its rule does not make, on a phone that has no words for it: each moved meeting and
//! each added date is an event of its own there, and is part of the series everywhere else.

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

use crate::scripted::Server;
use session::server::Guard;
use session::store::{Content, DatastoreId, DatastoreKind, Guid, Origin};
use store::{Duplicates, Expiry, Tidying};
use syncml::ChangeKind::{self, Add, Delete, Replace};
use talk::{Talk, alert, item, status};

const SERIES: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\n\
    UID:choir\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Choir\r\nDTSTART:20260112T090000Z\r\n\
    DTEND:20260112T103000Z\r\nRRULE:FREQ=WEEKLY\r\nMORE\
    END:VEVENT\r\nOVERRIDESEND:VCALENDAR\r\n";

const DATE: &str = "RDATE:20260115T180000Z\r\n";
const EXCLUDED: &str = "EXDATE:20260720T090000Z\r\n";

fn series(more: &str, overrides: &[&str]) -> String {
    SERIES
        .replace("MORE", more)
        .replace("OVERRIDES", &overrides.concat())
}

/// The occurrence of a day in July, later on that day.
fn moved(day: u8, title: &str, time: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:choir\r\nRECURRENCE-ID:202607{day:02}T090000Z\r\n\
         DTSTAMP:20260101T000000Z\r\nSUMMARY:{title}\r\nDTSTART:202607{day:02}T{time}00Z\r\n\
         DTEND:202607{day:02}T200000Z\r\nEND:VEVENT\r\n"
    )
}

/// With one moved meeting and one added date.
fn both() -> String {
    series(DATE, &[&moved(20, "Abroad", "1130")])
}

/// A device with a calendar.
struct Device {
    name: &'static str,
    /// It reads and writes vCalendar 1.0.
    is_old: bool,
    anchor: u32,
    held: BTreeMap<String, String>,
    made: u32,
    /// What its device information calls the datastore that it describes.
    describes: &'static str,
    /// It goes away after the first message of the server's changes.
    leaves: bool,
}

type Edit<'e> = (ChangeKind, &'e str, &'e str);

impl Device {
    fn new(name: &'static str, is_old: bool) -> Self {
        Self {
            name,
            is_old,
            anchor: 0,
            held: BTreeMap::new(),
            made: 0,
            describes: "my-calendar",
            leaves: false,
        }
    }

    fn media_type(&self) -> &'static str {
        if self.is_old {
            "text/x-vcalendar"
        } else {
            "text/calendar"
        }
    }

    /// Title and start of each event, with a mark on what recurs.
    fn shown(&self) -> Vec<String> {
        let mut all: Vec<_> = self.held.values().map(|text| told(text)).collect();
        all.sort();
        all
    }

    /// The LUID of the event of which this is shown.
    fn luid(&self, shown: &str) -> String {
        let mut all = self.held.iter();
        let found = all.find(|(_, text)| told(text) == shown);
        found
            .unwrap_or_else(|| panic!("{:?}", self.shown()))
            .0
            .clone()
    }

    fn text(&self, shown: &str) -> String {
        self.held[&self.luid(shown)].clone()
    }
}

fn told(text: &str) -> String {
    let value = |name: &str| {
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map_or("", |(_, value)| value)
    };
    let mark = if text.contains("RRULE") {
        " weekly"
    } else {
        ""
    };
    format!("{} {}{mark}", value("SUMMARY"), value("DTSTART"))
}

const ALL: [&str; 3] = [
    "Abroad 20260720T113000Z",
    "Choir 20260112T090000Z weekly",
    "Choir 20260115T180000Z",
];

/// An account whose calendar is on a phone and on a laptop.
struct Home {
    talk: Talk,
    phone: Device,
    laptop: Device,
}

impl Home {
    fn new() -> Self {
        Self::over(Talk::new())
    }

    fn over(talk: Talk) -> Self {
        Self {
            talk,
            phone: Device::new("phone", true),
            laptop: Device::new("laptop", false),
        }
    }

    /// With a series from the laptop on both.
    fn with(text: &str) -> Self {
        let mut home = Self::new();
        home.laptop(201, &[(Add, "s", text)]);
        home.phone(201, &[]);
        home
    }

    fn calendar(&self) -> DatastoreId {
        let kinds = DatastoreKind::ALL.into_iter().zip(1..);
        let mut kinds = kinds.filter(|(kind, _)| *kind == DatastoreKind::Calendar);
        DatastoreId {
            account: self.talk.server.account,
            number: kinds.next().unwrap().1,
        }
    }

    /// What everybody else sees of the server's calendar.
    fn contents(&self) -> Vec<String> {
        let items = self.talk.server.state.items(self.calendar()).into_iter();
        items
            .map(|item| String::from_utf8(item.content).unwrap())
            .collect()
    }

    fn phone(&mut self, code: u16, edits: &[Edit<'_>]) -> Vec<(ChangeKind, String)> {
        session(&mut self.talk, &mut self.phone, code, edits)
    }

    fn laptop(&mut self, code: u16, edits: &[Edit<'_>]) -> Vec<(ChangeKind, String)> {
        session(&mut self.talk, &mut self.laptop, code, edits)
    }

    /// A person changes an event of the phone.
    fn edit(&mut self, shown: &str, from: &str, to: &str) -> Vec<(ChangeKind, String)> {
        let (luid, text) = (self.phone.luid(shown), self.phone.text(shown));
        assert!(text.contains(from), "{text}");
        let text = text.replace(from, to);
        self.phone(200, &[(Replace, &luid, &text)])
    }

    /// A person deletes events of the phone.
    fn delete(&mut self, shown: &[&str]) -> Vec<(ChangeKind, String)> {
        let luids: Vec<_> = shown.iter().map(|shown| self.phone.luid(shown)).collect();
        let edits: Vec<_> = luids
            .iter()
            .map(|luid| (Delete, luid.as_str(), ""))
            .collect();
        self.phone(200, &edits)
    }

    /// A person writes the series anew on the laptop.
    fn rewrite(&mut self, text: &str) {
        let luid = self.laptop.held.keys().next().unwrap().clone();
        assert_eq!(self.laptop(200, &[(Replace, &luid, text)]), []);
    }

    /// Nobody has anything to tell to anybody, in step and in a comparison of all.
    fn is_quiet(&mut self) {
        for code in [200, 200, 201, 201, 200] {
            assert_eq!(self.laptop(code, &[]), [], "laptop, {code}");
            assert_eq!(self.phone(code, &[]), [], "phone, {code}");
        }
    }
}

/// A session of a device, in which it tells its edits, or all that it has; what it is sent.
fn session(
    talk: &mut Talk,
    device: &mut Device,
    code: u16,
    edits: &[Edit<'_>],
) -> Vec<(ChangeKind, String)> {
    for (kind, luid, text) in edits {
        match kind {
            Delete => device.held.remove(*luid),
            _ => device.held.insert((*luid).to_owned(), (*text).to_owned()),
        };
    }
    let all: Vec<(ChangeKind, String, String)> = match code {
        201 | 203 => {
            let held = device.held.iter();
            held.map(|(luid, text)| (Replace, luid.clone(), text.clone()))
                .collect()
        }
        _ => {
            let edits = edits.iter();
            edits
                .map(|(kind, luid, text)| (*kind, (*luid).to_owned(), (*text).to_owned()))
                .collect()
        }
    };
    let mut commands = String::new();
    for ((kind, luid, text), number) in all.iter().zip(300..) {
        let name = kind.name();
        let meta = format!(
            "<Meta><Type xmlns='syncml:metinf'>{}</Type></Meta>",
            device.media_type()
        );
        let command = if *kind == Delete {
            talk::delete(number, luid)
        } else {
            let item = item(luid, text);
            format!("<{name}><CmdID>{number}</CmdID>{meta}{item}</{name}>")
        };
        commands += &command;
    }
    talk.device = device.name;
    talk.begin();
    let version = if device.is_old { "1.0" } else { "2.0" };
    let format = format!(
        "<CTType>{}</CTType><VerCT>{version}</VerCT>",
        device.media_type()
    );
    let types = (1..=6).map(|number| format!("<SyncType>{number}</SyncType>"));
    let types: String = types.collect();
    let put = format!(
        "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
         application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
         </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>{}</DevID>\
         <DevTyp>phone</DevTyp><UTC/><DataStore><SourceRef>{}</SourceRef>\
         <Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref><SyncCap>{types}</SyncCap>\
         </DataStore></DevInf></Data></Item></Put>",
        device.name, device.describes
    );
    let last = match device.anchor {
        0 => String::new(),
        last => last.to_string(),
    };
    device.anchor += 1;
    let alert = alert(1, code, "calendar", &last, &device.anchor.to_string());
    let heard = talk.say(&(alert + &put + "<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
    if code == 205 {
        device.held.clear();
    }
    let heard = talk.say(&(talk::sync("calendar", &commands) + "<Final/>"));
    for (_, _, cmd, code) in &heard.said.statuses {
        assert!(*code < 300, "{code} to {cmd}: {}", heard.xml);
    }
    assert!(heard.said.is_final || device.leaves);
    let mut replies = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        replies += &status(number, talk.message, cmd_id, cmd, 200);
    }
    for (number, change) in (600..).zip(&heard.said.changes) {
        match change.kind {
            Add => {
                device.made += 1;
                let luid = format!("l{}", device.made);
                let map = talk::map(number, &change.guid, &luid);
                replies += &map.replace("contacts", "calendar");
                device.held.insert(luid, change.content.clone());
            }
            Delete => {
                let had = device.held.remove(&change.luid);
                assert!(had.is_some(), "{}", change.luid);
            }
            _ => {
                let had = device
                    .held
                    .insert(change.luid.clone(), change.content.clone());
                assert!(had.is_some(), "{}", change.luid);
            }
        }
    }
    talk.say(&(replies + "<Final/>"));
    let changes = heard.said.changes.into_iter();
    changes
        .map(|change| (change.kind, told(&change.content)))
        .collect()
}

fn kinds(sent: &[(ChangeKind, String)]) -> Vec<ChangeKind> {
    let mut kinds: Vec<_> = sent.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_by_key(|kind| kind.name());
    kinds
}

#[test]
fn moved_meetings_and_added_dates_are_events_of_the_phone() {
    let mut home = Home::with(&both());
    assert_eq!(home.phone.shown(), ALL);
    let text = home.phone.text(ALL[1]);
    assert!(text.contains("EXDATE:20260720T090000Z\r\n"), "{text}");
    assert!(!text.contains("RDATE"), "{text}");
    let added = home.phone.text(ALL[2]);
    assert!(added.contains("DTEND:20260115T193000Z"), "{added}");
    for shown in [ALL[0], ALL[2]] {
        let text = home.phone.text(shown);
        assert!(
            !text.contains("UID") && !text.contains("RECURRENCE-ID"),
            "{text}"
        );
    }
    assert_eq!(home.contents(), [both()]);
    home.is_quiet();
    assert_eq!(home.phone.shown(), ALL);
    assert_eq!(home.contents(), [both()]);
}

#[test]
fn an_edit_on_the_phone_is_one_of_the_series() {
    let mut home = Home::with(&both());
    assert_eq!(home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome"), []);
    let titled = both().replace("Abroad", "In Rome");
    assert_eq!(home.contents(), std::slice::from_ref(&titled));
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    assert_eq!(home.laptop.held.values().collect::<Vec<_>>(), [&titled]);
    home.is_quiet();

    // that of an added date says something of this one alone
    let sent = home.edit(ALL[2], "SUMMARY:Choir", "SUMMARY:Concert");
    // which is no occurrence of the rule any more, whether it was one or not
    assert_eq!(sent, [(Replace, ALL[1].to_owned())]);
    let text = home.contents().remove(0);
    assert!(text.contains("SUMMARY:Concert\r\n"), "{text}");
    assert!(
        text.contains("RECURRENCE-ID:20260115T180000Z\r\n"),
        "{text}"
    );
    assert!(text.contains(DATE), "{text}");
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    let expected = [
        "Choir 20260112T090000Z weekly",
        "Concert 20260115T180000Z",
        "In Rome 20260720T113000Z",
    ];
    assert_eq!(home.phone.shown(), expected);
    home.is_quiet();
    assert_eq!(home.phone.shown(), expected);
}

#[test]
fn a_meeting_may_be_moved_on_the_phone() {
    let mut home = Home::with(&both());
    assert_eq!(home.edit(ALL[0], "T113000Z", "T150000Z"), []);
    let expected = both().replace("T113000Z", "T150000Z");
    assert_eq!(home.contents(), [expected]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    home.is_quiet();
}

#[test]
fn a_deletion_on_the_phone_takes_one_occurrence() {
    let mut home = Home::with(&both());
    assert_eq!(home.delete(&[ALL[0]]), []);
    assert_eq!(
        home.contents(),
        [series(&(DATE.to_owned() + EXCLUDED), &[])]
    );
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    assert_eq!(home.delete(&[ALL[2]]), []);
    assert_eq!(home.contents(), [series(EXCLUDED, &[])]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    home.is_quiet();
    assert_eq!(home.phone.shown(), [ALL[1]]);
}

#[test]
fn what_others_do_to_occurrences_reaches_the_phone() {
    let mut home = Home::with(&both());
    home.rewrite(&both().replace("Abroad", "In Rome"));
    let sent = home.phone(200, &[]);
    assert!(
        sent.contains(&(Replace, "In Rome 20260720T113000Z".to_owned())),
        "{sent:?}"
    );
    assert_eq!(home.phone.shown().len(), 3);

    let more = [moved(20, "In Rome", "1130"), moved(27, "At sea", "1200")];
    let more = [more[0].as_str(), more[1].as_str()];
    home.rewrite(&series(DATE, &more));
    let sent = home.phone(200, &[]);
    assert!(
        sent.contains(&(Add, "At sea 20260727T120000Z".to_owned())),
        "{sent:?}"
    );
    assert_eq!(home.phone.shown().len(), 4);

    home.rewrite(&series("", &more[1..]));
    let sent = home.phone(200, &[]);
    assert_eq!(kinds(&sent)[..2], [Delete, Delete], "{sent:?}");
    let left = ["At sea 20260727T120000Z", ALL[1]];
    assert_eq!(home.phone.shown(), left);
    assert!(!home.phone.text(ALL[1]).contains("EXDATE:20260720T090000Z"));

    // and one that was there before
    home.rewrite(&both());
    home.phone(200, &[]);
    assert_eq!(home.phone.shown(), ALL);
    home.is_quiet();
}

#[test]
fn a_series_that_is_moved_takes_no_event_from_the_phone() {
    let mut home = Home::with(&both());
    let later = both().replace("T090000Z", "T091500Z");
    home.rewrite(&later.replace("T103000Z", "T104500Z"));
    assert_eq!(kinds(&home.phone(200, &[])), [Replace]);
    let expected = [
        ALL[0].to_owned(),
        "Choir 20260112T091500Z weekly".to_owned(),
        ALL[2].to_owned(),
    ];
    assert_eq!(home.phone.shown(), expected);
    home.is_quiet();
    // and goes on being that of its occurrence
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    let text = home.contents().remove(0);
    assert!(
        text.contains("RECURRENCE-ID:20260720T091500Z\r\n"),
        "{text}"
    );
    assert!(text.contains("SUMMARY:In Rome\r\n"), "{text}");
}

#[test]
fn nothing_of_a_deleted_series_stays() {
    let mut home = Home::with(&both());
    let luid = home.laptop.held.keys().next().unwrap().clone();
    home.laptop(200, &[(Delete, &luid, "")]);
    assert_eq!(kinds(&home.phone(200, &[])), [Delete; 3]);
    assert_eq!(home.phone.shown(), [""; 0]);
    home.is_quiet();
    assert_eq!(home.contents(), [""; 0]);

    // the phone has the series and its events, and deletes only the first
    let mut home = Home::with(&both());
    assert_eq!(kinds(&home.delete(&[ALL[1]])), [Delete; 2]);
    assert_eq!(home.phone.shown(), [""; 0]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Delete]);
    home.is_quiet();

    // whatever it deletes first
    for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1]] {
        let mut home = Home::with(&both());
        assert_eq!(home.delete(&order.map(|at| ALL[at])), []);
        assert_eq!(kinds(&home.laptop(200, &[])), [Delete]);
        assert_eq!(home.contents(), [""; 0]);
        home.is_quiet();
    }
}

#[test]
fn a_comparison_of_all_doubles_nothing() {
    let mut home = Home::with(&both());
    // the phone has lost its anchors and names its events anew
    let texts: Vec<_> = std::mem::take(&mut home.phone.held).into_values().collect();
    for (text, number) in texts.into_iter().rev().zip(1..) {
        home.phone.held.insert(format!("n{number}"), text);
    }
    assert_eq!(home.phone(201, &[]), []);
    home.is_quiet();
    assert_eq!(home.phone.shown(), ALL);
    assert_eq!(home.contents(), [both()]);
    // what it does not have it is sent
    home.phone.held.clear();
    assert_eq!(kinds(&home.phone(201, &[])), [Add; 3]);
    home.is_quiet();
}

#[test]
fn refreshes() {
    let mut home = Home::with(&both());
    home.phone.held.clear();
    assert_eq!(kinds(&home.phone(205, &[])), [Add; 3]);
    assert_eq!(home.phone.shown(), ALL);
    home.is_quiet();
    // that the phone lacks one says too little to take it from everybody
    let luid = home.phone.luid(ALL[0]);
    home.phone.held.remove(&luid);
    assert_eq!(home.phone(203, &[]), []);
    assert_eq!(home.contents(), [both()]);
    assert_eq!(kinds(&home.phone(200, &[])), [Add]);
    assert_eq!(home.phone.shown(), ALL);
    home.is_quiet();
    // that it lacks the series does
    home.phone.held.clear();
    assert_eq!(home.phone(203, &[]), []);
    assert_eq!(home.contents(), [""; 0]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Delete]);
    home.is_quiet();
}

#[test]
fn both_sides_change_a_moved_meeting() {
    let mut home = Home::with(&both());
    let placed = both().replace("SUMMARY:Abroad\r\n", "SUMMARY:Abroad\r\nLOCATION:Rome\r\n");
    home.rewrite(&placed);
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:Concert");
    let text = home.contents().remove(0);
    assert!(text.contains("SUMMARY:Concert\r\n"), "{text}");
    assert!(text.contains("LOCATION:Rome\r\n"), "{text}");
    home.phone(200, &[]);
    home.laptop(200, &[]);
    assert!(
        home.phone
            .text("Concert 20260720T113000Z")
            .contains("LOCATION:Rome")
    );
    home.is_quiet();
}

#[test]
fn a_change_on_the_phone_outlives_what_others_delete() {
    // the series
    let mut home = Home::with(&both());
    let luid = home.laptop.held.keys().next().unwrap().clone();
    home.laptop(200, &[(Delete, &luid, "")]);
    let sent = home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    assert_eq!(kinds(&sent), [Delete; 2]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Add]);
    for device in [&home.phone, &home.laptop] {
        assert_eq!(device.shown(), ["In Rome 20260720T113000Z"]);
    }
    home.is_quiet();
    assert_eq!(home.contents().len(), 1);

    // the override
    let mut home = Home::with(&both());
    home.rewrite(&series(DATE, &[]));
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    let text = home.contents().remove(0);
    assert!(
        text.contains("RECURRENCE-ID:20260720T090000Z\r\n"),
        "{text}"
    );
    home.phone(200, &[]);
    home.laptop(200, &[]);
    home.is_quiet();
    assert_eq!(home.contents().len(), 1);
    assert_eq!(home.phone.shown()[2], "In Rome 20260720T113000Z");

    // this one meeting
    let mut home = Home::with(&both());
    home.rewrite(&series(&(DATE.to_owned() + EXCLUDED), &[]));
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    home.phone(200, &[]);
    home.laptop(200, &[]);
    assert_eq!(home.contents().len(), 2);
    assert_eq!(home.phone.shown().len(), 3);
    assert_eq!(home.laptop.shown()[1], "In Rome 20260720T113000Z");
    home.is_quiet();
}

#[test]
fn a_deletion_on_the_phone_does_not_outlive_what_others_change() {
    let mut home = Home::with(&both());
    home.rewrite(&both().replace("Abroad", "In Rome"));
    let sent = home.delete(&[ALL[0]]);
    assert!(
        sent.contains(&(Add, "In Rome 20260720T113000Z".to_owned())),
        "{sent:?}"
    );
    assert_eq!(home.contents(), [both().replace("Abroad", "In Rome")]);
    home.is_quiet();
}

#[test]
fn an_event_that_recurs_by_itself_leaves_the_series() {
    let mut home = Home::with(&both());
    home.edit(ALL[0], "SUMMARY:Abroad", "RRULE:W1 #3\r\nSUMMARY:Abroad");
    home.phone(200, &[]);
    home.laptop(200, &[]);
    assert_eq!(home.contents().len(), 2);
    assert_eq!(
        home.contents()[0],
        series(&(DATE.to_owned() + EXCLUDED), &[])
    );
    let expected = "Abroad 20260720T113000Z weekly";
    assert_eq!(
        (home.phone.shown()[0].as_str(), home.phone.shown().len()),
        (expected, 3)
    );
    assert_eq!(home.laptop.shown()[0], expected);
    home.is_quiet();
}

#[test]
fn a_device_that_learns_the_new_form_gets_the_series_alone() {
    let mut home = Home::with(&both());
    home.phone.is_old = false;
    let sent = home.phone(200, &[]);
    assert_eq!(kinds(&sent), [Delete, Delete, Replace], "{sent:?}");
    assert_eq!(home.phone.held.values().collect::<Vec<_>>(), [&both()]);
    assert_eq!(home.contents(), [both()]);
    home.is_quiet();
    home.phone.is_old = true;
    let sent = home.phone(200, &[]);
    assert_eq!(kinds(&sent), [Add, Add, Replace], "{sent:?}");
    assert_eq!(home.phone.shown(), ALL);
    home.is_quiet();
}

#[test]
fn what_a_device_does_while_it_learns_the_new_form_is_done_to_the_series() {
    for kind in [Replace, Delete] {
        let mut home = Home::with(&both());
        let (luid, text) = (home.phone.luid(ALL[0]), home.phone.text(ALL[0]));
        let text = text.replace("VERSION:1.0", "VERSION:2.0");
        let text = text.replace("Abroad", "Edited");
        home.phone.is_old = false;
        home.phone(200, &[(kind, &luid, &text)]);
        let series = home.contents().concat();
        assert!(!series.contains("SUMMARY:Abroad"), "{series}");
        assert_eq!(series.contains("SUMMARY:Edited"), kind == Replace);
        home.laptop(200, &[]);
        home.is_quiet();
    }
}

#[test]
fn a_device_that_says_nothing_of_its_calendar_keeps_its_events() {
    let mut home = Home::with(&both());
    home.phone.describes = "my-notes";
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    assert!(home.contents().concat().contains("SUMMARY:In Rome"));
    assert_eq!(home.phone.held.len(), ALL.len());
    home.phone.describes = "my-calendar";
    home.phone(200, &[]);
    let shown = home.phone.shown();
    assert_eq!(shown.len(), ALL.len(), "{shown:?}");
    assert!(shown.iter().any(|shown| shown.starts_with("In Rome")));
    home.laptop(200, &[]);
    home.is_quiet();
}

#[test]
fn an_edit_beside_more_than_one_message_follows_overwrites_nothing() {
    let mut home = Home::with(&both());
    let dates: Vec<_> = (0..64)
        .map(|day| format!("2027{:02}{:02}T120000Z", day / 28 + 1, day % 28 + 1))
        .collect();
    let calendar = home.calendar();
    for number in 0..18 {
        let many = both().replace("UID:", &format!("UID:{number}-"));
        let many = many.replace("RRULE", &format!("RDATE:{}\r\nRRULE", dates.join(",")));
        let content = Content::new("text/calendar", many.as_bytes());
        let state = &mut home.talk.server.state;
        state.add_item(calendar, content, Origin::Local, 0).unwrap();
    }
    home.laptop.leaves = true;
    home.phone.leaves = true;
    let ours = both().replace("SUMMARY:Abroad", "LOCATION:Rome\r\nSUMMARY:Abroad");
    home.laptop(200, &[(Replace, "s", &ours)]);
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:Away");
    let series = home.contents().concat();
    assert!(series.contains("LOCATION:Rome"), "{series}");
    assert!(series.contains("SUMMARY:Away"), "{series}");
}

#[test]
fn a_device_of_the_new_form_finds_no_occurrence_by_content() {
    let mut home = Home::with(&both());
    // a person has written the moved meeting down on the laptop as well
    let own = both().replace("RRULE:FREQ=WEEKLY\r\n", "");
    let own = own
        .replace("20260112T", "20260720T")
        .replace("T090000Z", "T113000Z");
    let own = own
        .replace("T103000Z", "T200000Z")
        .replace("Choir", "Abroad");
    let (own, _) = own.split_once("RDATE").unwrap();
    let own = own.replace("UID:choir\r\n", "") + "END:VEVENT\r\nEND:VCALENDAR\r\n";
    home.laptop.held.insert("own".to_owned(), own);
    assert_eq!(home.laptop(201, &[]), []);
    assert_eq!(home.contents().len(), 2);
    assert_eq!(kinds(&home.phone(200, &[])), [Add]);
    home.is_quiet();
    assert_eq!(home.laptop.held.len(), 2);
}

#[test]
fn occurrences_follow_what_was_there_before_the_phone() {
    let mut home = Home::new();
    let calendar = home.calendar();
    // more than one page of changes, and a series in the last one
    for number in 0..120 {
        let text = series("", &[]).replace("choir", &format!("c{number}"));
        let text = text.replace("Choir", &format!("Choir {number}"));
        let content = Content::new("text/calendar", text.as_bytes());
        let state = &mut home.talk.server.state;
        state.add_item(calendar, content, Origin::Local, 0).unwrap();
    }
    let content = both();
    let content = Content::new("text/calendar", content.as_bytes());
    let state = &mut home.talk.server.state;
    state.add_item(calendar, content, Origin::Local, 0).unwrap();
    home.phone(201, &[]);
    assert_eq!(home.phone.held.len(), 123);
    // the server's own side changes it
    let content = series("", &[]);
    let content = Content::new("text/calendar", content.as_bytes());
    let state = &mut home.talk.server.state;
    state
        .replace_item(calendar, Guid(121), content, Origin::Local, 0)
        .unwrap();
    assert_eq!(kinds(&home.phone(200, &[])), [Delete, Delete, Replace]);
}

#[test]
fn persons_see_the_series_alone_and_may_restore_it() {
    let mut talk = Talk::new();
    talk.server = Server::in_engine();
    let mut home = Home::over(talk);
    home.laptop(201, &[(Add, "s", &both())]);
    home.phone(201, &[]);
    let calendar = home.calendar();
    let store = home.talk.server.state.store().clone();
    let live = || {
        let all = store.datastores_summary(calendar.account).unwrap();
        let own = all.iter().find(|(one, _)| one.id == calendar);
        own.unwrap().1
    };
    assert_eq!(live(), 1);
    let looked = store
        .duplicates(calendar, Duplicates::default(), 100)
        .unwrap();
    assert_eq!(format!("{looked:?}").matches("removed: Guid").count(), 0);

    home.delete(&[ALL[0]]);
    home.edit(ALL[2], "SUMMARY:Choir", "SUMMARY:Concert");
    assert_eq!(live(), 1);
    let changed = store.histories(calendar, 9).unwrap();
    let guids: Vec<_> = changed.iter().map(|(guid, ..)| *guid).collect();
    assert_eq!(guids, [Guid(1)]);
    let sessions = store.past_sessions(calendar.account, 9).unwrap();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    // both edits are undone
    store.restore(calendar, Guid(1), Some(1), 5).unwrap();
    assert_eq!(home.contents(), [both()]);
    home.phone(200, &[]);
    assert_eq!(home.phone.shown(), ALL);
    home.laptop(200, &[]);
    home.is_quiet();
    // a version of an occurrence alone goes into the series, too
    let versions = store.history(calendar, Guid(2)).unwrap();
    let concert = versions
        .iter()
        .position(|version| String::from_utf8_lossy(&version.content).contains("SUMMARY:Concert"));
    store
        .restore(calendar, Guid(2), Some(concert.unwrap() + 1), 6)
        .unwrap();
    assert!(home.contents()[0].contains("SUMMARY:Concert\r\n"));
}

#[test]
fn a_tombstone_stays_until_its_occurrences_have_gone() {
    let mut talk = Talk::new();
    talk.server = Server::in_engine();
    let mut home = Home::over(talk);
    home.laptop(201, &[(Add, "s", &both())]);
    home.phone(201, &[]);
    home.laptop(200, &[(Delete, "s", "")]);
    home.talk.server.now += 86_400;
    let before = Some(home.talk.server.now - 1000);
    let expiry = Expiry {
        history: before,
        tombstones: before,
        unfinished: before,
    };
    let store = home.talk.server.state.store().clone();
    store
        .forget_device(home.calendar().account, "laptop")
        .unwrap();
    let account = home.calendar().account;
    let until = home.talk.server.now;
    store.expire_sessions(until, until).unwrap();
    let tidy = |expiry: Expiry| {
        let mut walk = Tidying::new(expiry, false);
        while store.tidy(&mut walk).unwrap() {}
        walk.done().tombstones
    };
    assert!(store.devices(account).unwrap().len() == 1);
    // the phone has not been told yet; its anchors go with the tombstone of what it holds
    assert_eq!(tidy(expiry), 0);
    assert_eq!(kinds(&home.phone(200, &[])), [Delete; 3]);
}

#[test]
fn many_deletions_of_occurrences_are_not_made() {
    let mut home = Home::new();
    home.talk.server.config.guard = Some(Guard {
        share: 10,
        floor: 2,
    });
    let days = (1..=9).map(|day| format!("2026010{day}T180000Z"));
    let list = format!("RDATE:{}\r\n", days.collect::<Vec<_>>().join(","));
    let text = series(&list, &[]);
    home.laptop(201, &[(Add, "s", &text)]);
    home.phone(201, &[]);
    assert_eq!(home.phone.shown().len(), 10);
    let gone: Vec<_> = (1..=5)
        .map(|day| format!("Choir 2026010{day}T180000Z"))
        .collect();
    let gone: Vec<_> = gone.iter().map(String::as_str).collect();
    // the first two are an edit of the series, which a person can undo
    assert_eq!(kinds(&home.delete(&gone)), [Add; 3]);
    assert_eq!(home.phone.shown().len(), 8);
    let left = home.contents().remove(0);
    assert!(
        !left.contains("20260102T180000Z") && left.contains("20260103T180000Z"),
        "{left}"
    );
}

/// A sequence of numbers that looks like none.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A series of some moved meetings and added dates.
fn drawn(draw: &mut Draw) -> String {
    let days = [6, 13, 20, 27];
    let moved: Vec<_> = days
        .into_iter()
        .filter(|_| draw.below(2) == 0)
        .collect::<Vec<_>>()
        .into_iter()
        .map(|day| moved(day, &format!("Day {day} is {}", draw.below(1000)), "1130"))
        .collect();
    let dates: Vec<_> = (1..4)
        .filter(|_| draw.below(2) == 0)
        .map(|day| format!("2026030{day}T180000Z"))
        .collect();
    let dates = match dates.len() {
        0 => String::new(),
        _ => format!("RDATE:{}\r\n", dates.join(",")),
    };
    series(
        &dates,
        &moved.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

/// What a phone holds of a series, by what the library makes of it.
fn expected(home: &Home) -> Vec<String> {
    let mut all = Vec::new();
    for text in home.contents() {
        let own = text.split("END:VEVENT").next().unwrap();
        all.push(told(own));
        let found = pim::occurrences("text/calendar", text.as_bytes()).into_iter();
        all.extend(found.map(|one| told(&String::from_utf8(one.content).unwrap())));
    }
    all.sort();
    all
}

/// A series as it is; of an event that has become one of its own, what is shown.
fn of_series(text: &str) -> String {
    if text.contains("UID:choir") {
        text.to_owned()
    } else {
        told(text)
    }
}

#[test]
fn phone_and_laptop_agree_whatever_persons_do() {
    // a database takes its time
    let seeds = if module_path!().starts_with("postgres::") {
        4
    } else {
        60
    };
    for seed in 0..seeds {
        let mut draw = Draw(seed * 7919 + 1);
        let mut home = Home::with(&drawn(&mut draw));
        for step in 0..12 {
            match draw.below(6) {
                0 => {
                    let luid = home.laptop.held.keys().next().cloned();
                    if let Some(luid) =
                        luid.filter(|luid| home.laptop.held[luid].contains("UID:choir"))
                    {
                        let text = drawn(&mut draw);
                        home.laptop(200, &[(Replace, &luid, &text)]);
                    }
                }
                1..3 => {
                    let count = home.phone.held.len() as u64;
                    let shown = home.phone.shown();
                    if let Some(one) = shown.get(draw.below(count.max(1)) as usize) {
                        let title = one.split(" 2026").next().unwrap().to_owned();
                        let to = format!("SUMMARY:Step {step} of {seed}");
                        home.edit(one, &format!("SUMMARY:{title}"), &to);
                    }
                }
                3 => {
                    let shown = home.phone.shown();
                    let some = shown.iter().filter(|one| !one.ends_with("weekly"));
                    let some: Vec<_> = some.map(String::as_str).collect();
                    if let Some(one) = some.get(draw.below(some.len().max(1) as u64) as usize) {
                        home.delete(&[one]);
                    }
                }
                4 => {
                    home.phone(201, &[]);
                }
                _ => {
                    home.laptop(200, &[]);
                }
            }
        }
        home.laptop(200, &[]);
        home.phone(200, &[]);
        home.laptop(200, &[]);
        assert_eq!(home.phone.shown(), expected(&home), "seed {seed}");
        let rich = home.laptop.held.values().map(|text| of_series(text));
        let mut rich: Vec<_> = rich.collect();
        let own = home.contents().into_iter().map(|text| of_series(&text));
        let mut own: Vec<_> = own.collect();
        rich.sort();
        own.sort();
        assert_eq!(rich, own, "seed {seed}");
        home.is_quiet();
    }
}

//! A device that keeps the beginning of a name only, and compares all items: its records are found by
//! what it would be shown of ours, and nobody is taken for somebody else of the same beginning.

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

use session::store::{Content, DatastoreId, Origin};
use talk::{Heard, Talk, alert, change, item, put_devinf, status, sync};

/// A server with items, and a phone that keeps this much of their names.
struct Desk {
    talk: Talk,
    name: &'static str,
    datastore: DatastoreId,
    capabilities: String,
}

const PROPERTIES: [&str; 6] = ["N", "TEL", "SUMMARY", "DTSTART", "DTEND", "DUE"];

impl Desk {
    fn new(name: &'static str, limit: &str, items: &[String]) -> Self {
        let mut talk = Talk::new();
        let (number, media_type, version) = match name {
            "contacts" => (1, "text/x-vcard", "2.1"),
            "calendar" => (2, "text/x-vcalendar", "1.0"),
            _ => (3, "text/x-vcalendar", "1.0"),
        };
        let datastore = DatastoreId {
            account: talk.server.account,
            number,
        };
        for item in items {
            let content = Content::new("", item.as_bytes());
            let state = &mut talk.server.state;
            state
                .add_item(datastore, content, Origin::Local, 1)
                .unwrap();
        }
        let format = format!("<CTType>{media_type}</CTType><VerCT>{version}</VerCT>");
        let properties = PROPERTIES.map(|property| {
            let is_cut = ["N", "SUMMARY"].contains(&property);
            let limit = if is_cut { limit } else { "" };
            format!("<Property><PropName>{property}</PropName>{limit}</Property>")
        });
        let capabilities = put_devinf(
            2,
            &format!(
                "<UTC/><DataStore><SourceRef>my-{name}</SourceRef><Rx-Pref>{format}</Rx-Pref><Tx-Pref>\
                 {format}</Tx-Pref><SyncCap><SyncType>2</SyncType></SyncCap><CTCap>{format}{}</CTCap>\
                 </DataStore>",
                properties.concat()
            ),
        );
        Self {
            talk,
            name,
            datastore,
            capabilities,
        }
    }

    /// A slow sync of a phone that has these items; what the server sends.
    fn compare(&mut self, items: &[String]) -> Heard {
        let alert = alert(1, 201, self.name, "", "1");
        self.talk.begin();
        let heard = self.talk.say(&(alert + &self.capabilities + "<Final/>"));
        assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
        let media_type = if self.name == "contacts" {
            "text/x-vcard"
        } else {
            "text/x-vcalendar"
        };
        let commands: String = (30..)
            .zip(items)
            .map(|(number, text)| {
                change("Add", number, &item(&format!("l{number}"), text))
                    .replace("text/x-vcard", media_type)
            })
            .collect();
        let heard = self.talk.say(&(sync(self.name, &commands) + "<Final/>"));
        let mut last = String::new();
        for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
            last += &status(number, self.talk.message, cmd_id, cmd, 200);
        }
        self.talk.say(&(last + "<Final/>"));
        heard
    }

    fn contents(&self) -> Vec<String> {
        let items = self.talk.server.state.items(self.datastore).into_iter();
        items
            .map(|item| String::from_utf8(item.content).unwrap())
            .collect()
    }
}

const TWELVE: &str = "<MaxSize>12</MaxSize>";

fn person(name: &str, more: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\nN:{name}\r\nFN:x\r\n{more}END:VCARD\r\n")
}

fn on_phone(name: &str, more: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\n{more}END:VCARD\r\n")
}

fn meeting(title: &str, start: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:{title}\r\nDTSTART:{start}\r\n\
         DTEND:{start}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn meeting_on_phone(title: &str, start: &str) -> String {
    meeting(title, start).replace("VERSION:2.0", "VERSION:1.0")
}

// spec: H01 F21
#[test]
fn a_record_of_which_the_device_has_the_beginning_of_the_name_is_that_record() {
    let hubert = person(
        "Wolfeschlegelstein;Hubert;;;",
        "TEL;TYPE=CELL:+49 30 1234567\r\n",
    );
    let known = [hubert];
    let mut desk = Desk::new("contacts", TWELVE, &known);
    let heard = desk.compare(&[on_phone("Wolfeschlege", "TEL;CELL:+49301234567\r\n")]);
    assert_eq!(heard.said.changes.len(), 0, "{}", heard.xml);
    assert_eq!(desk.contents(), known);

    let known = [meeting("Committee on names", "20260105T090000Z")];
    let mut desk = Desk::new("calendar", TWELVE, &known);
    let heard = desk.compare(&[meeting_on_phone("Committee on", "20260105T090000Z")]);
    assert_eq!(heard.said.changes.len(), 0, "{}", heard.xml);
    assert_eq!(desk.contents(), known);
}

// spec: H01 H20
#[test]
fn a_number_that_both_have_makes_the_beginning_enough() {
    let mut desk = Desk::new(
        "contacts",
        TWELVE,
        &[person(
            "Wolfeschlegelstein;Hubert;;;",
            "TEL;TYPE=CELL:+49 30 1234567\r\nEMAIL:h@example.org\r\n",
        )],
    );
    desk.compare(&[on_phone(
        "Wolfeschlege",
        "TEL;CELL:+49301234567\r\nTEL;HOME:5\r\n",
    )]);
    let held = desk.contents();
    assert_eq!(held.len(), 1, "{held:?}");
    for kept in ["N:Wolfeschlegelstein;Hubert", "EMAIL:h@", "HOME:5"] {
        assert!(held[0].contains(kept), "{kept} in {held:?}");
    }
}

// spec: H01
#[test]
fn people_of_one_beginning_stay_apart() {
    let mut desk = Desk::new(
        "contacts",
        TWELVE,
        &[
            person("Wolfeschlegelstein;Hubert;;;", "TEL;TYPE=CELL:1111111\r\n"),
            person("Wolfeschlegelberg;Ada;;;", "TEL;TYPE=CELL:2222222\r\n"),
        ],
    );
    let heard = desk.compare(&[
        on_phone("Wolfeschlege", "TEL;CELL:2222222\r\n"),
        on_phone("Wolfeschlege", "TEL;CELL:9999999\r\n"),
        on_phone("Wolfeschlege", ""),
    ]);
    let held = desk.contents();
    assert_eq!(held.len(), 4, "{held:?}");
    assert!(
        held[0].contains("Hubert") && held[0].contains(":1111111"),
        "{held:?}"
    );
    assert!(
        held[1].contains("Ada") && held[1].contains(":2222222"),
        "{held:?}"
    );
    assert!(
        held[2].contains(":9999999") && !held[3].contains("TEL"),
        "{held:?}"
    );
    // Hubert is all that the phone lacks
    let came: Vec<&str> = heard
        .said
        .changes
        .iter()
        .map(|change| change.content.as_str())
        .collect();
    assert!(came.len() == 1 && came[0].contains("1111111"), "{came:?}");
}

// spec: H01
#[test]
fn meetings_of_one_beginning_that_begin_together_are_each_found_once() {
    let start = "20260105T090000Z";
    let known = [
        meeting("Committee one", start),
        meeting("Committee one and two", start),
        meeting("Committee one", "20260106T090000Z"),
    ];
    let mut desk = Desk::new("calendar", TWELVE, &known);
    let heard = desk.compare(&[
        meeting_on_phone("Committee on", start),
        meeting_on_phone("Committee on", start),
        meeting_on_phone("Committee on", "20260107T090000Z"),
    ]);
    let held = desk.contents();
    assert_eq!((&held[..3], held.len()), (&known[..], 4), "{held:?}");
    // of the first day the phone has both
    let came = &heard.said.changes;
    assert!(
        came.len() == 1 && came[0].content.contains("20260106"),
        "{}",
        heard.xml
    );
}

// spec: H01
#[test]
fn a_device_that_keeps_whole_names_means_what_it_says() {
    let mut desk = Desk::new(
        "contacts",
        "",
        &[person(
            "Wolfeschlegelstein;Hubert;;;",
            "TEL;TYPE=CELL:1111111\r\n",
        )],
    );
    desk.compare(&[on_phone("Wolfeschlege", "TEL;CELL:1111111\r\n")]);
    assert_eq!(desk.contents().len(), 2);
}

//! Devices that name a newer format than most: what a device names is what it gets, and what comes
//! back reaches all others.

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

use std::fmt::Write as _;

use session::peer::Table;
use session::store::DatastoreKind;
use talk::{Talk, alert, item, kept, put_devinf, replies, sync};

/// A device of the tests.
struct Device {
    name: &'static str,
    kind: DatastoreKind,
    introduction: String,
    /// The media type that it writes.
    writes: &'static str,
    /// The session of this device.
    session: u32,
}

impl Device {
    /// A device that lists these formats, the preferred one first.
    fn new(name: &'static str, kind: DatastoreKind, formats: &[(&'static str, &str)]) -> Self {
        let mut listed = String::new();
        for element in ["Rx", "Tx"] {
            for (number, (media_type, version)) in formats.iter().enumerate() {
                let element = match number {
                    0 => format!("{element}-Pref"),
                    _ => element.to_owned(),
                };
                write!(
                    listed,
                    "<{element}><CTType>{media_type}</CTType><VerCT>{version}</VerCT></{element}>"
                )
                .unwrap();
            }
        }
        let store = format!(
            "<UTC/><DataStore><SourceRef>my-{}</SourceRef>{listed}</DataStore>",
            kind.name()
        );
        Self {
            name,
            kind,
            introduction: put_devinf(2, &store),
            writes: formats[0].0,
            session: 0,
        }
    }

    fn add(&self, cmd_id: u32, luid: &str, data: &str) -> String {
        self.command("Add", cmd_id, luid, data)
    }

    fn replace(&self, cmd_id: u32, luid: &str, data: &str) -> String {
        self.command("Replace", cmd_id, luid, data)
    }

    fn command(&self, name: &str, cmd_id: u32, luid: &str, data: &str) -> String {
        format!(
            "<{name}><CmdID>{cmd_id}</CmdID><Meta><Type xmlns='syncml:metinf'>{}</Type></Meta>{}\
             </{name}>",
            self.writes,
            item(luid, data)
        )
    }

    /// A session with these changes of the device; what the server sends. New items get the LUID `l`
    /// with the GUID.
    fn sync(&mut self, talk: &mut Talk, commands: &str) -> Vec<String> {
        self.session(talk, if self.session == 0 { 201 } else { 200 }, commands)
    }

    fn session(&mut self, talk: &mut Talk, code: u16, commands: &str) -> Vec<String> {
        let name = self.kind.name();
        talk.device = self.name;
        talk.begin();
        let last = match self.session {
            0 => String::new(),
            last => last.to_string(),
        };
        self.session += 1;
        let alert = alert(1, code, name, &last, &self.session.to_string());
        let heard = talk.say(&(alert + &self.introduction + "<Final/>"));
        assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
        let heard = talk.say(&(sync(name, commands) + "<Final/>"));
        for (_, _, cmd, code) in &heard.said.statuses {
            assert!(*code < 300, "{code} to {cmd}: {}", heard.xml);
        }
        let replies = replies(talk, &heard, name);
        talk.say(&(replies + "<Final/>"));
        let changes = heard.said.changes.into_iter();
        changes.map(|change| change.content).collect()
    }
}

const OLD_CARD: &str = "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8:Bär;Ann\r\nTEL;CELL;PREF:1\r\n\
     BDAY:19800401\r\nX-SHOE:38\r\nEND:VCARD\r\n";

fn phone() -> Device {
    let formats = [("text/x-vcard", "2.1")];
    Device::new("phone", DatastoreKind::Contacts, &formats)
}

/// What a device of these formats is sent of a phone's card, and that edits go back and forth.
#[track_caller]
fn is_shown(talk: &mut Talk, formats: &[(&'static str, &str)], version: &str, tel: &str) {
    let contacts = DatastoreKind::Contacts;
    let (mut old, mut new) = (phone(), Device::new("tablet", contacts, formats));
    assert_eq!(old.sync(talk, &old.add(30, "p1", OLD_CARD)), [""; 0]);
    let sent = new.sync(talk, "").remove(0);
    let number = |digit| format!("{tel}:{digit}\r\n");
    for line in [version, &number(1), "N:Bär;Ann", "X-SHOE:38"] {
        assert!(sent.contains(line), "no {line} in {sent}");
    }
    // the device's edit
    let edited = sent.replace(&number(1), &number(2));
    assert_eq!(new.sync(talk, &new.replace(30, "l1", &edited)), [""; 0]);
    let sent = old.sync(talk, "").remove(0);
    for line in ["VERSION:2.1", "TEL;CELL;PREF:2", "X-SHOE:38"] {
        assert!(sent.contains(line), "no {line} in {sent}");
    }
    // and the phone's
    let edited = sent.replace("PREF:2", "PREF:3");
    assert_eq!(old.sync(talk, &old.replace(30, "p1", &edited)), [""; 0]);
    let sent = new.sync(talk, "").remove(0);
    for line in [version, &number(3), "BDAY:", "X-SHOE:38"] {
        assert!(sent.contains(line), "no {line} in {sent}");
    }
    // in step: neither hears anything more, and a comparison of all changes nothing
    let before = kept(talk, contacts);
    assert_eq!(before.len(), 1);
    for _ in 0..2 {
        assert_eq!(old.sync(talk, ""), [""; 0]);
        assert_eq!(new.sync(talk, ""), [""; 0]);
    }
    let again = new.replace(30, "l1", &sent);
    assert_eq!(new.session(talk, 201, &again), [""; 0]);
    assert_eq!(kept(talk, contacts), before);
}

const NEW_NUMBER: &str = "TEL;TYPE=CELL;PREF=1";

const MIDDLE_NUMBER: &str = "TEL;TYPE=CELL;TYPE=PREF";

// spec: F10
#[test]
fn a_device_of_vcard_4_gets_that() {
    let (four, three) = (("text/vcard", "4.0"), ("text/vcard", "3.0"));
    is_shown(&mut Talk::new(), &[four], "VERSION:4.0", NEW_NUMBER);
    is_shown(&mut Talk::new(), &[four, three], "VERSION:4.0", NEW_NUMBER);
    is_shown(
        &mut Talk::new(),
        &[three, four],
        "VERSION:3.0",
        MIDDLE_NUMBER,
    );
}

#[test]
fn a_rule_can_say_that_a_device_gets_vcard_4() {
    let mut talk = Talk::new();
    let rule = "[[rule]]\nname = 'tablet'\nmatch.device = ['tablet']\n\
                set.prefer.contacts = { media-type = 'text/vcard', version = '4.0' }\n";
    talk.server.config.rules = Table::parse(rule).unwrap();
    let three = ("text/vcard", "3.0");
    is_shown(&mut talk, &[three], "VERSION:4.0", NEW_NUMBER);
}

// spec: F11
#[test]
fn only_who_names_a_newer_format_is_offered_it() {
    let offer = |formats: &[(&'static str, &str)], kind| {
        let mut device = Device::new("tablet", kind, formats);
        device.introduction += "<Get><CmdID>3</CmdID><Meta><Type xmlns='syncml:metinf'>\
             application/vnd.syncml-devinf+xml</Type></Meta><Item><Target><LocURI>./devinf12\
             </LocURI></Target></Item></Get>";
        let mut talk = Talk::new();
        talk.device = device.name;
        talk.begin();
        let alert = alert(1, 201, kind.name(), "", "1");
        talk.say(&(alert + &device.introduction + "<Final/>")).xml
    };
    let contacts = DatastoreKind::Contacts;
    let old = offer(&[("text/x-vcard", "2.1")], contacts);
    assert!(old.contains("2.1") && !old.contains("4.0"), "{old}");
    let none_of_ours = offer(&[("x-own/card", "1")], contacts);
    assert!(!none_of_ours.contains("4.0"), "{none_of_ours}");
    let new = offer(&[("text/vcard", "4.0")], contacts);
    assert!(new.contains("<VerCT>4.0</VerCT>"), "{new}");
    let notes = offer(&[("text/plain", "1.0")], DatastoreKind::Notes);
    assert!(!notes.contains("text/calendar"), "{notes}");
}

const JOURNAL: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VJOURNAL\r\nUID:j1\r\n\
     DTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260102\r\nSUMMARY:Shopping\r\n\
     DESCRIPTION:Shopping\\nmilk\r\nCATEGORIES:Home\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n";

// spec: T40
#[test]
fn notes_go_between_journals_and_texts() {
    let mut talk = Talk::new();
    let notes = DatastoreKind::Notes;
    let mut memo = Device::new("tablet", notes, &[("text/calendar", "2.0")]);
    let mut phone = Device::new("phone", notes, &[("text/plain", "1.0")]);
    let mut old = Device::new("old", notes, &[("text/x-vnote", "1.1")]);
    memo.sync(&mut talk, &memo.add(30, "j1", JOURNAL));
    let bought = phone.add(30, "n1", "Call Ann\r\ntoday");
    assert_eq!(phone.sync(&mut talk, &bought), ["Shopping\r\nmilk"]);
    let sent = old.sync(&mut talk, "");
    assert!(sent.len() == 2 && sent[0].contains("BODY"), "{sent:?}");
    let sent = memo.sync(&mut talk, "").remove(0);
    for line in [
        "BEGIN:VJOURNAL",
        "SUMMARY:Call Ann",
        "DESCRIPTION:Call Ann\\ntoday",
    ] {
        assert!(sent.contains(line), "no {line} in {sent}");
    }
    // a text phone changes the journal, and what it has no words for stays
    let more = phone.replace(30, "l1", "Shopping\r\nmilk\r\nbread");
    assert_eq!(phone.sync(&mut talk, &more), [""; 0]);
    let edited = memo.sync(&mut talk, "").remove(0);
    assert_eq!(edited, JOURNAL.replace("milk", "milk\\nbread"));
    let renamed = phone.replace(30, "l1", "Market\r\nmilk\r\nbread");
    assert_eq!(phone.sync(&mut talk, &renamed), [""; 0]);
    let edited = memo.sync(&mut talk, "").remove(0);
    let market = JOURNAL
        .replace("milk", "milk\\nbread")
        .replace("Shopping", "Market");
    assert_eq!(edited, market);
    // and so does the journal device with a text
    let later = sent.replace("today", "tomorrow");
    assert_eq!(
        memo.sync(&mut talk, &memo.replace(30, "l2", &later)),
        [""; 0]
    );
    assert_eq!(phone.sync(&mut talk, ""), ["Call Ann\r\ntomorrow"]);
    // in step: nothing moves, and a comparison of all finds what it has
    old.sync(&mut talk, "");
    let before = kept(&talk, notes);
    assert_eq!(before[0], market);
    for device in [&mut memo, &mut phone, &mut old] {
        assert_eq!(device.sync(&mut talk, ""), [""; 0]);
    }
    let both = memo.replace(30, "j1", &market) + &memo.replace(31, "l2", &later);
    assert_eq!(memo.session(&mut talk, 201, &both), [""; 0]);
    let both = phone.replace(30, "l1", "Market\r\nmilk\r\nbread")
        + &phone.replace(31, "n1", "Call Ann\r\ntomorrow");
    assert_eq!(phone.session(&mut talk, 201, &both), [""; 0]);
    assert_eq!(kept(&talk, notes), before);
}

// spec: T40
#[test]
fn a_text_phones_edit_leaves_what_else_a_vnote_says() {
    let mut talk = Talk::new();
    let notes = DatastoreKind::Notes;
    let mut old = Device::new("old", notes, &[("text/x-vnote", "1.1")]);
    let mut phone = Device::new("phone", notes, &[("text/plain", "1.0")]);
    let note = "BEGIN:VNOTE\r\nVERSION:1.1\r\nBODY:milk\r\nDCREATED:20060102T030405Z\r\n\
                CATEGORIES:Home\r\nEND:VNOTE\r\n";
    old.sync(&mut talk, &old.add(30, "v1", note));
    assert_eq!(phone.sync(&mut talk, ""), ["milk"]);
    phone.sync(&mut talk, &phone.replace(30, "l1", "bread"));
    assert_eq!(kept(&talk, notes), [note.replace("milk", "bread")]);
    assert_eq!(old.sync(&mut talk, ""), [note.replace("milk", "bread")]);
}

//! What a device has no place for stays on the server: it does not come to the device, and nothing that
//! the device does or lacks takes it away.

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

use session::peer::Table;
use session::server::ConflictPolicy;
use session::store::{Content, DatastoreId, Guid, Origin};
use syncml::Version;
use talk::{Heard, Talk, alert, change, item, put_devinf, status, sync};

/// A phone with one datastore.
struct Phone {
    talk: Talk,
    name: &'static str,
    /// Elements of its datastore.
    datastore: String,
    /// Elements of the device.
    device: &'static str,
    /// Bytes of the largest object that it takes; 0 where it says nothing.
    max_obj_size: u32,
    anchor: u32,
}

const CARDS: &str = "<CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>";
const CALENDAR: &str = "<CTType>text/x-vcalendar</CTType><VerCT>1.0</VerCT>";

/// The elements of a datastore of this format that lists these properties.
fn listing(format: &str, properties: &str) -> String {
    let capabilities = if properties.is_empty() {
        String::new()
    } else {
        format!("<CTCap>{format}{properties}</CTCap>")
    };
    format!(
        "<Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref><SyncCap><SyncType>1</SyncType>\
         <SyncType>2</SyncType><SyncType>4</SyncType></SyncCap>{capabilities}"
    )
}

fn property(name: &str, more: &str) -> String {
    format!("<Property><PropName>{name}</PropName>{more}</Property>")
}

impl Phone {
    fn new(name: &'static str, datastore: String, items: &[&str]) -> Self {
        let mut phone = Self {
            talk: Talk::new(),
            name,
            datastore,
            device: "",
            max_obj_size: 0,
            anchor: 0,
        };
        for text in items {
            let content = Content::new("", text.as_bytes());
            let id = phone.id();
            let state = &mut phone.talk.server.state;
            state.add_item(id, content, Origin::Local, 1).unwrap();
        }
        phone
    }

    fn id(&self) -> DatastoreId {
        DatastoreId {
            account: self.talk.server.account,
            number: if self.name == "contacts" { 1 } else { 2 },
        }
    }

    /// A session with these commands of the phone, which takes all that comes. New items get the LUID
    /// `l` with their GUID.
    fn sync(&mut self, code: u16, commands: &str) -> Heard {
        let last = match self.anchor {
            0 => String::new(),
            anchor => anchor.to_string(),
        };
        self.anchor += 1;
        let alert = alert(1, code, self.name, &last, &self.anchor.to_string());
        let size = self.max_obj_size;
        let size = format!("<Meta><MaxObjSize xmlns='syncml:metinf'>{size}</MaxObjSize>");
        let alert = alert.replace("<Meta>", &size);
        let datastore = format!(
            "<UTC/>{}<DataStore><SourceRef>my-{}</SourceRef>{}</DataStore>",
            self.device, self.name, self.datastore
        );
        self.talk.begin();
        let heard = self
            .talk
            .say(&(alert + &put_devinf(2, &datastore) + "<Final/>"));
        assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
        let heard = self.talk.say(&(sync(self.name, commands) + "<Final/>"));
        let mut last = String::new();
        for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
            last += &status(number, self.talk.message, cmd_id, cmd, 200);
        }
        for (number, change) in (200..).zip(&heard.said.changes) {
            if !change.guid.is_empty() {
                let map = talk::map(number, &change.guid, &format!("l{}", change.guid));
                last += &map.replace("contacts", self.name);
            }
        }
        self.talk.say(&(last + "<Final/>"));
        heard
    }

    fn contents(&self) -> Vec<String> {
        let items = self.talk.server.state.items(self.id()).into_iter();
        items
            .map(|item| String::from_utf8(item.content).unwrap())
            .collect()
    }
}

fn came(heard: &Heard) -> String {
    let changes = heard.said.changes.iter();
    changes.map(|change| change.content.as_str()).collect()
}

// spec: F21 G04
#[test]
fn tasks_outlive_a_refresh_from_a_phone_that_keeps_events_only() {
    let events = property("BEGIN", "<ValEnum>VEVENT</ValEnum>")
        + &["SUMMARY", "DTSTART", "DTEND", "DUE"]
            .map(|name| property(name, ""))
            .concat();
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Choir\r\n\
                 DTSTART:20260105T090000Z\r\nDTEND:20260105T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let task = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nSUMMARY:Paint\r\n\
                DUE:20260105T090000Z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";
    let mut phone = Phone::new("calendar", listing(CALENDAR, &events), &[event, task]);
    let came = came(&phone.sync(201, ""));
    assert!(came.contains("Choir") && !came.contains("Paint"), "{came}");
    // the phone has nothing any more
    phone.sync(203, "");
    assert_eq!(phone.contents(), [task]);
}

/// A card with a photo of so many bytes.
fn with_photo(bytes: usize) -> String {
    // three bytes of a picture are four letters
    let data = "AAAA".repeat(bytes / 3);
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada;;;\r\nFN:Ada Berg\r\nTEL;TYPE=CELL:1\r\n\
         PHOTO;ENCODING=b;TYPE=JPEG:{data}\r\nEND:VCARD\r\n"
    )
}

// spec: F21 H05
#[test]
fn a_photo_that_is_too_large_for_a_phone_stays_through_its_edits() {
    let sized = |size: &str| {
        let photo = property("PHOTO", size);
        listing(CARDS, &(property("N", "") + &property("TEL", "") + &photo))
    };
    let limited = "set.max-photo = 300";
    for (datastore, rule) in [
        // as the phone says
        (sized("<MaxSize>300</MaxSize>"), ""),
        // as is known of it, whatever it says, or where it says nothing
        (sized("<MaxSize>9000</MaxSize>"), limited),
        (listing(CARDS, ""), limited),
    ] {
        for (bytes, fits) in [(300, true), (303, false)] {
            let card = with_photo(bytes);
            let mut phone = Phone::new("contacts", datastore.clone(), &[&card]);
            let rule = format!("[[rule]]\nname = 'test'\n{rule}\n");
            phone.talk.server.config.rules = Table::parse(&rule).unwrap();
            let shown = came(&phone.sync(201, ""));
            assert_eq!(shown.contains("PHOTO"), fits, "{bytes}: {shown}");
            // it edits the number, and sends what it has
            let edited = shown.replace(":1\r\n", ":2\r\n");
            phone.sync(200, &talk::replace(30, "l1", &edited));
            // and compares all that it has
            phone.sync(201, &change("Add", 30, &item("l1", &edited)));
            let held = phone.contents();
            assert_eq!(held.len(), 1, "{held:?}");
            assert!(
                held[0].contains(":2\r\n") && !held[0].contains(":1\r\n"),
                "{held:?}"
            );
            // folded or not, and in whichever version
            let photo = format!(":{}\r\n", "AAAA".repeat(bytes / 3));
            assert!(held[0].replace("\r\n ", "").contains(&photo), "{held:?}");
        }
    }
}

/// A phone that takes objects of at most so many bytes, or messages. What it lists of cards is all that it
/// holds, the photo among it.
fn narrow(limits: (Version, u64, u32), cards: &[&str]) -> Phone {
    let names = ["N", "FN", "TEL", "PHOTO"].map(|name| property(name, ""));
    let mut phone = Phone::new("contacts", listing(CARDS, &names.concat()), cards);
    (phone.talk.version, phone.talk.limit, phone.max_obj_size) = limits;
    if phone.max_obj_size > 0 {
        phone.device = "<SupportLargeObjs/>";
    }
    phone
}

/// A phone that takes no objects in chunks, and one that takes small ones.
const NARROW: [(Version, u64, u32); 2] =
    [(Version::V1_0, 10_000, 0), (Version::V1_1, 20_000, 5_000)];

/// What another device of the account gets, which takes everything.
fn elsewhere(phone: &mut Phone) -> Vec<String> {
    let talk = &mut phone.talk;
    (talk.device, talk.version, talk.limit) = ("tablet", Version::V1_2, 1_000_000);
    let heard = talk.sync(201, ("", "1"), "");
    let cards = heard.said.changes.into_iter();
    cards
        .map(|card| card.content.replace("\r\n ", ""))
        .collect()
}

fn photo_line(bytes: usize) -> String {
    format!(":{}\r\n", "AAAA".repeat(bytes / 3))
}

// spec: J12 F21 H05
#[test]
fn a_card_that_is_too_large_comes_without_its_photo() {
    for limits in NARROW {
        let mut phone = narrow(limits, &[&with_photo(40_000)]);
        let shown = came(&phone.sync(201, ""));
        assert!(
            shown.contains("Berg") && shown.contains(":1\r\n"),
            "{shown}"
        );
        assert!(!shown.contains("PHOTO"), "{limits:?}: {shown}");
        assert_eq!(came(&phone.sync(200, "")), "", "{limits:?}");
        let edited = shown.replace(":1\r\n", ":2\r\n");
        let heard = phone.sync(200, &talk::replace(30, "l1", &edited));
        assert_eq!(came(&heard), "", "{limits:?}");
        let held = phone.contents();
        // it compares all that it has, and replaces all that is here
        for code in [201, 203] {
            let heard = phone.sync(code, &change("Add", 30, &item("l1", &edited)));
            assert_eq!(came(&heard), "", "{limits:?}");
            assert_eq!(phone.contents(), held, "{limits:?}");
        }
        let rich = elsewhere(&mut phone);
        assert!(
            rich.len() == 1 && rich[0].contains(&photo_line(40_000)),
            "{limits:?}"
        );
        assert!(
            rich[0].contains(":2\r\n") && !rich[0].contains(":1\r\n"),
            "{limits:?}"
        );
    }
}

// spec: F21 H05
#[test]
fn a_photo_stays_when_a_phone_takes_more_or_less_than_before() {
    for (before, after) in [(10_000, 200_000), (200_000, 10_000)] {
        for policy in ConflictPolicy::ALL {
            let mut phone = narrow((Version::V1_0, before, 0), &[&with_photo(40_000)]);
            let id = phone.id();
            phone.talk.server.state.set_policy(id, 0, policy.name());
            let shown = came(&phone.sync(201, ""));
            assert_eq!(shown.contains("PHOTO"), before > after);
            phone.talk.limit = after;
            let edited = shown.replace(":1\r\n", ":2\r\n");
            let got = came(&phone.sync(200, &talk::replace(30, "l1", &edited)));
            assert_eq!(got.contains("PHOTO"), after > before, "{after}: {got}");
            let held = phone.contents().concat().replace("\r\n ", "");
            assert!(held.contains(&photo_line(40_000)), "{after}");
            assert!(held.contains(":2\r\n"), "{after}: {}", policy.name());
            assert_eq!(came(&phone.sync(200, "")), "", "{after}");
        }
    }
}

// spec: F21 H05
#[test]
fn a_comparison_is_with_what_was_shown_under_the_limit_of_before() {
    for (before, after) in [(10_000, 200_000), (200_000, 10_000)] {
        for code in [201, 203] {
            let context = format!("{code}, {before}, then {after}");
            let mut phone = narrow((Version::V1_0, before, 0), &[&with_photo(40_000)]);
            let id = phone.id();
            let shown = came(&phone.sync(201, ""));
            let newer = with_photo(40_000).replace("NOTE", "X-NEWER:1\r\nNOTE");
            assert_eq!(newer.matches("BEGIN").count(), 1);
            // somebody else has another number meanwhile
            let newer = newer.replace(":1\r\n", ":3\r\n");
            let content = Content::new("", newer.as_bytes());
            let state = &mut phone.talk.server.state;
            state
                .replace_item(id, Guid(1), content, Origin::Local, 2)
                .unwrap();
            phone.talk.limit = after;
            phone.sync(code, &talk::replace(30, "l1", &shown));
            let held = phone.contents().concat().replace("\r\n ", "");
            assert!(held.contains(&photo_line(40_000)), "{context}");
            assert_eq!(phone.contents().len(), 1, "{context}");
            if code == 201 {
                assert!(held.contains(":3\r\n"), "{context}: {}", &held[..200]);
            }
            phone.sync(200, "");
            assert_eq!(came(&phone.sync(200, "")), "", "{context}");
        }
    }
}

// spec: F21 H05
#[test]
fn a_refresh_removes_no_photo_that_was_left_out_before_the_phone_took_any() {
    for between in [None, Some(203)] {
        let mut phone = narrow((Version::V1_1, 10_000, 0), &[&with_photo(40_000)]);
        let shown = came(&phone.sync(201, ""));
        assert!(!shown.contains("PHOTO"));
        phone.device = "<SupportLargeObjs/>";
        let held = talk::replace(30, "l1", &shown);
        if let Some(code) = between {
            phone.sync(code, &held);
        }
        phone.sync(203, &held);
        let held = phone.contents().concat().replace("\r\n ", "");
        assert!(held.contains(&photo_line(40_000)), "{between:?}");
        // and it gets the photo that it takes now
        assert!(came(&phone.sync(200, "")).contains("PHOTO"), "{between:?}");
    }
}

// spec: F21 H05
#[test]
fn a_photo_that_was_left_out_stays_where_a_smaller_one_has_taken_its_place() {
    for (limit, policy) in [10_000, 200_000]
        .into_iter()
        .zip(ConflictPolicy::ALL.into_iter().cycle())
    {
        let mut phone = narrow((Version::V1_0, 10_000, 0), &[&with_photo(40_000)]);
        let shown = came(&phone.sync(201, ""));
        let (id, smaller) = (phone.id(), with_photo(300));
        let content = Content::new("", smaller.as_bytes());
        let state = &mut phone.talk.server.state;
        state.set_policy(id, 0, policy.name());
        let changed = state.replace_item(id, Guid(1), content, Origin::Local, 2);
        changed.unwrap();
        phone.talk.limit = limit;
        let edited = shown.replace(":1\r\n", ":2\r\n");
        phone.sync(200, &talk::replace(30, "l1", &edited));
        let held = phone.contents().concat().replace("\r\n ", "");
        assert!(held.contains(&photo_line(300)), "{limit}: {held}");
        // a refresh from what it was shown at first takes nothing away either
        let mut phone = narrow((Version::V1_0, 10_000, 0), &[&with_photo(40_000)]);
        phone.sync(201, "");
        let state = &mut phone.talk.server.state;
        let changed = state.replace_item(id, Guid(1), content, Origin::Local, 2);
        changed.unwrap();
        phone.talk.limit = limit;
        phone.sync(203, &talk::replace(30, "l1", &edited));
        let held = phone.contents().concat().replace("\r\n ", "");
        assert!(held.contains(&photo_line(300)), "{limit}: {held}");
    }
}

// spec: F21 H05
#[test]
fn a_photo_of_the_phone_itself_is_no_more_than_it_can_hold() {
    let card = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada\r\nTEL;CELL:1\r\n\
                PHOTO;ENCODING=BASE64;JPEG:";
    // too large to be sent to it beside all that a message may have
    let card = format!("{card}{}\r\n\r\nEND:VCARD\r\n", "AAAA".repeat(2250));
    let mut phone = narrow((Version::V1_0, 10_000, 0), &[]);
    assert_eq!(came(&phone.sync(201, &talk::add(30, "own", &card))), "");
    let edited = card.replace("CELL:1", "CELL:2");
    assert_eq!(
        came(&phone.sync(200, &talk::replace(30, "own", &edited))),
        ""
    );
    let held = phone.contents().concat().replace("\r\n ", "");
    assert!(
        held.contains(&"AAAA".repeat(2250)) && held.contains("CELL:2"),
        "{held}"
    );
    assert_eq!(came(&phone.sync(200, "")), "");
    // what it takes off itself is gone
    let without = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada\r\nTEL;CELL:3\r\nEND:VCARD\r\n";
    phone.sync(200, &talk::replace(30, "own", without));
    let held = phone.contents().concat();
    assert!(
        held.contains("CELL:3") && !held.contains("AAAAAAAA"),
        "{held}"
    );
}

/// A card of this version with a first number and a note.
fn noted(version: &str, number: u8, note: &str) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:{version}\r\nN:Berg;Ada;;;\r\nFN:Ada Berg\r\n\
         TEL;TYPE=CELL:{number}\r\nTEL;TYPE=HOME:2\r\nNOTE:{note}\r\nEND:VCARD\r\n"
    )
}

/// A phone that was shown a card without its note, which was too long and would fit since; and what it
/// was shown.
fn shown_without_its_note(version: &str, number: u8) -> (Phone, String) {
    let names = ["N", "FN", "TEL"].map(|name| property(name, ""));
    let listed = names.concat() + &property("NOTE", "<MaxSize>12</MaxSize><NoTruncate/>");
    let long = noted(version, 1, "likes tea, or water");
    let mut phone = Phone::new("contacts", listing(CARDS, &listed), &[&long]);
    let shown = came(&phone.sync(201, ""));
    assert!(shown.contains("TEL") && !shown.contains("NOTE"), "{shown}");
    let (id, short) = (phone.id(), noted(version, number, "likes tea"));
    let content = Content::new("", short.as_bytes());
    let state = &mut phone.talk.server.state;
    let changed = state.replace_item(id, Guid(1), content, Origin::Local, 2);
    changed.unwrap();
    (phone, shown)
}

// spec: F21 H05 V10
#[test]
fn what_was_too_long_for_a_phone_before_outlives_a_conflict() {
    for policy in ConflictPolicy::ALL {
        // in the form of the phone and in another one
        for version in ["2.1", "3.0"] {
            let (mut phone, shown) = shown_without_its_note(version, 4);
            let id = phone.id();
            phone.talk.server.state.set_policy(id, 0, policy.name());
            let edited = shown.replace(":1\r\n", ":3\r\n");
            phone.sync(200, &talk::replace(30, "l1", &edited));
            for held in phone.contents() {
                let keeps = held.contains("NOTE:likes tea\r\n");
                assert!(keeps, "{}, {version}: {held}", policy.name());
            }
        }
    }
}

// spec: F21 H05 V10
#[test]
fn what_was_too_long_for_a_phone_before_outlives_its_refresh() {
    // in the form of the phone and in another one
    for version in ["2.1", "3.0"] {
        // it would fit now, and the phone has the version before
        let (mut phone, shown) = shown_without_its_note(version, 1);
        let lines = shown.split_inclusive("\r\n");
        let fewer: String = lines.filter(|line| !line.ends_with(":2\r\n")).collect();
        phone.sync(203, &talk::replace(30, "l1", &fewer));
        let held = phone.contents().concat();
        for (text, stays) in [
            ("NOTE:likes tea\r\n", true),
            (":1\r\n", true),
            (":2\r\n", false),
        ] {
            assert_eq!(held.contains(text), stays, "{text} in {held}");
        }
    }
}

//! What the server makes of a device's information and of the rules that hold for the device: each
//! flag by what it changes in a session.

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
use session::store::{Content, Guid, Origin};
use syncml::ChangeKind::{Add, Replace};
use syncml::{Command, Data, DevInf, Document, Limits, Version};
use talk::{Heard, Talk, add, alert, card, change, item, map, replace, status, sync};

const CARDS: &str = "<Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref>\
     <Tx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Tx-Pref>";

/// A client with rules that hold for every device.
fn ruled(flags: &str) -> Talk {
    let mut talk = Talk::new();
    let rule = format!("[[rule]]\nname = 'test'\n{flags}\n");
    talk.server.config.rules = Table::parse(&rule).unwrap();
    talk
}

/// A Put of device information with these elements of the device and of its contacts.
fn put(device: &str, contacts: &str) -> String {
    format!(
        "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
         application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
         </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>x</DevID>\
         <DevTyp>phone</DevTyp>{device}<DataStore><SourceRef>./my-contacts</SourceRef>{contacts}\
         </DataStore></DevInf></Data></Item></Put>"
    )
}

fn sync_types(types: &[u8]) -> String {
    let types = types
        .iter()
        .map(|one| format!("<SyncType>{one}</SyncType>"));
    format!("<SyncCap>{}</SyncCap>", types.collect::<String>())
}

impl Talk {
    /// Opens the contacts with device information in the same message.
    fn introduce(&mut self, code: u16, anchors: (&str, &str), put: &str) -> Heard {
        self.begin();
        self.say(&(alert(1, code, "contacts", anchors.0, anchors.1) + put + "<Final/>"))
    }

    /// Says Final after a Sync, answers what came with 200, and ends the session.
    fn go_on(&mut self, commands: &str) -> Heard {
        let heard = self.say(&(sync("contacts", commands) + "<Final/>"));
        self.answer(&heard, "");
        heard
    }

    fn answer(&mut self, heard: &Heard, more: &str) -> Heard {
        let mut last = String::new();
        for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
            last += &status(number, self.message, cmd_id, cmd, 200);
        }
        self.say(&(last + more + "<Final/>"))
    }

    /// Items that come to be on the server.
    fn stock(&mut self, contents: impl IntoIterator<Item = String>) {
        let contacts = self.server.contacts();
        for bytes in contents {
            let content = content(&bytes);
            self.server
                .state
                .add_item(contacts, content, Origin::Local, 0)
                .unwrap();
        }
    }

    fn change_on_server(&mut self, guid: i64, bytes: &str) {
        let contacts = self.server.contacts();
        self.server
            .state
            .replace_item(contacts, Guid(guid), content(bytes), Origin::Local, 0)
            .unwrap();
    }
}

fn content(bytes: &str) -> Content<'_> {
    Content::new("text/x-vcard", bytes.as_bytes())
}

fn asks_for_devinf(heard: &Heard) -> bool {
    heard.said.others.contains(&"Get".to_owned())
}

/// The server's device information in an answer.
fn of_server(heard: &Heard) -> DevInf {
    let document = Document::new(&heard.bytes, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let found = message.commands.iter().find_map(|command| match command {
        Command::Results(results) => results.items.first()?.data.as_ref(),
        _ => None,
    });
    let Some(Data::DevInf(devinf)) = found else {
        panic!("no device information in {}", heard.xml);
    };
    devinf.as_ref().clone()
}

const GET: &str =
    "<Get><CmdID>9</CmdID><Item><Target><LocURI>./devinf12</LocURI></Target></Item></Get>";

// spec: G18
#[test]
fn a_kind_of_sync_that_the_device_does_not_list_is_refused() {
    let contacts = CARDS.to_owned() + &sync_types(&[1, 2]);
    let mut talk = Talk::new();
    let heard = talk.introduce(205, ("", "1"), &put("", &contacts));
    assert_eq!(heard.said.code_of("Alert"), 406);
    assert!(heard.said.alerts.is_empty());
    assert!(!asks_for_devinf(&heard), "it has just come");
    // what is kept of an earlier session may be out of date
    let heard = talk.open(205, "", "1");
    assert_eq!(heard.said.code_of("Alert"), 406);
    assert!(asks_for_devinf(&heard));
    assert_eq!(talk.open(201, "", "1").said.code_of("Alert"), 200);
    for flags in ["set.check-sync-types = false", "set.sync-types = [1, 2, 6]"] {
        let heard = ruled(flags).introduce(205, ("", "1"), &put("", &contacts));
        assert_eq!(heard.said.code_of("Alert"), 200, "{flags}");
    }
    let mut talk = ruled("set.sync-types = [1, 2]");
    assert_eq!(talk.open(205, "", "1").said.code_of("Alert"), 406);
}

#[test]
fn a_datastore_of_other_things_is_refused() {
    let events = CARDS.replace("text/x-vcard", "text/x-vcalendar");
    let heard = Talk::new().introduce(201, ("", "1"), &put("", &events));
    assert_eq!(heard.said.code_of("Alert"), 415);
    let heard =
        ruled("set.check-content-types = false").introduce(201, ("", "1"), &put("", &events));
    assert_eq!(heard.said.code_of("Alert"), 200);
    let heard = Talk::new().introduce(201, ("", "1"), &put("", CARDS));
    assert_eq!(heard.said.code_of("Alert"), 200);
}

#[test]
fn the_formats_offered_are_those_that_both_have() {
    let versions = |talk: &mut Talk| {
        let heard = talk.introduce(201, ("", "1"), &(put("", CARDS) + GET));
        let devinf = of_server(&heard);
        let contacts = devinf.datastores.into_iter().next().unwrap();
        let all = contacts.rx_pref.into_iter().chain(contacts.rx);
        all.map(|one| one.version).collect::<Vec<_>>()
    };
    assert_eq!(versions(&mut Talk::new()), ["2.1"]);
    let prefer = "set.prefer.contacts = { media-type = 'text/vcard', version = '3.0' }";
    assert_eq!(versions(&mut ruled(prefer)), ["3.0", "2.1"]);
}

// spec: F22
#[test]
fn device_information_is_asked_for_again_when_it_may_have_changed() {
    let mut talk = Talk::new();
    let heard = talk.introduce(201, ("", "1"), &put("", CARDS));
    assert!(!asks_for_devinf(&heard));
    assert!(
        !asks_for_devinf(&talk.open(201, "", "2")),
        "nothing changed"
    );
    talk.version = Version::V1_1;
    assert!(asks_for_devinf(&talk.open(201, "", "3")), "another version");
    let mut talk = ruled("set.ask-devinf = false");
    assert!(!asks_for_devinf(&talk.open(201, "", "1")));
}

// spec: F22
#[test]
fn device_information_is_asked_for_again_when_the_transport_names_another_device() {
    let mut talk = Talk::new();
    talk.server.user_agent = Some("Acme One/1.0");
    let heard = talk.introduce(201, ("", "1"), &put("", CARDS));
    assert!(!asks_for_devinf(&heard), "it came with the alert");
    assert!(!asks_for_devinf(&talk.open(201, "", "2")), "the same");
    talk.server.user_agent = None;
    assert!(
        !asks_for_devinf(&talk.open(201, "", "3")),
        "nothing is said"
    );
    talk.server.user_agent = Some("Acme One/2.0");
    assert!(asks_for_devinf(&talk.open(201, "", "4")), "an update");
    talk.introduce(201, ("", "5"), &put("", CARDS));
    assert!(!asks_for_devinf(&talk.open(201, "", "6")), "it was given");
}

// spec: H12 H13
#[test]
fn an_identifier_is_no_longer_than_the_device_can_keep() {
    let contacts = CARDS.to_owned() + "<MaxGUIDSize>1</MaxGUIDSize>";
    let mut talk = Talk::new();
    talk.stock((1..10).map(|number| card("Old", &number.to_string())));
    talk.introduce(201, ("", "1"), &put("", &contacts));
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    let maps: String = (40..)
        .zip(&heard.said.changes)
        .map(|(id, change)| map(id, &change.guid, &format!("luid-{}", change.guid)))
        .collect();
    talk.answer(&heard, &maps);

    talk.stock([card("New", "1"), card("New", "2")]);
    talk.open(200, "1", "2");
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    let guids: Vec<&str> = heard
        .said
        .changes
        .iter()
        .map(|change| change.guid.as_str())
        .collect();
    assert_eq!(guids, ["k", "l"], "10 and 11");

    // the session breaks before the map, which the client has kept and sends in the next
    let heard = talk.open(200, "1", "3");
    assert_eq!(heard.said.code_of("Alert"), 200);
    let maps = map(41, "k", "a") + &map(42, "L", "b");
    let heard = talk.say(&(maps + &sync("contacts", "") + "<Final/>"));
    assert_eq!(heard.said.code_of("Map"), 200);
    assert_eq!(heard.said.changes, [], "the device has both");
    let heard = talk.answer(&heard, "");
    assert!(heard.said.is_final);

    // a device that changes an item by its own identifier changes that item
    talk.sync(200, ("3", "4"), &replace(31, "b", &card("New", "3")));
    let stored = talk.server.items();
    let changed = stored.iter().find(|item| item.guid == Guid(11)).unwrap();
    assert!(String::from_utf8_lossy(&changed.content).contains("CELL:3"));
}

// spec: H12
#[test]
fn what_cannot_be_named_is_not_sent() {
    let mut talk = ruled("set.max-guid-size = 1");
    talk.stock((0..30).map(|number| card("Many", &number.to_string())));
    talk.open(201, "", "1");
    let heard = talk.go_on("");
    assert_eq!(heard.said.changes.len(), 25);
    assert!(heard.said.changes.iter().all(|one| one.guid.len() == 1));
}

#[test]
fn answers_stay_below_what_the_rules_say() {
    let longest = |mut talk: Talk| {
        talk.stock((0..40).map(|number| card("Many", &number.to_string())));
        talk.open(201, "", "1");
        let mut heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        let mut longest = heard.bytes.len();
        while !heard.said.is_final {
            heard = talk.say("<Alert><CmdID>1</CmdID><Data>222</Data><Item/></Alert>");
            longest = longest.max(heard.bytes.len());
        }
        longest
    };
    let plain = longest(Talk::new());
    assert!(plain > 6000, "{plain}");
    let limited = longest(ruled("set.message-limit = 3200"));
    assert!(limited <= 3040, "{limited}");
    let mut talk = ruled("set.message-fill = 50");
    talk.limit = 6000;
    let half = longest(talk);
    assert!(half <= 3000, "{half}");
    let mut talk = ruled("set.assumed-message-size = 3000");
    talk.limit = 0;
    let assumed = longest(talk);
    assert!(assumed <= 2850, "{assumed}");
}

// spec: J15
#[test]
fn large_objects_go_to_devices_that_take_them() {
    let goes = |flags: &str, device: &str| {
        let mut talk = ruled(flags);
        talk.limit = 3000;
        talk.stock([card("Long", &"7".repeat(5000))]);
        talk.introduce(201, ("", "1"), &put(device, CARDS));
        let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        heard.xml.contains("<MoreData")
    };
    let takes = "<SupportLargeObjs/>";
    assert!(!goes("", ""));
    assert!(goes("", takes));
    assert!(goes("set.large-objects = true", ""));
    assert!(!goes("set.large-objects = false", takes));
    assert!(!goes("set.object-limit = 4000", takes));
    assert!(goes("set.object-limit = 6000", takes));
}

// spec: J17
#[test]
fn a_large_object_is_told_one_byte_larger_where_the_device_wants_that() {
    let size_told = |flags: &str| {
        let mut talk = ruled(flags);
        talk.stock([card("Long", &"7".repeat(5000))]);
        talk.limit = 2000;
        talk.introduce(201, ("", "1"), &put("<SupportLargeObjs/>", CARDS));
        let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        let (_, rest) = heard.xml.split_once("<Size").unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        rest.split_once('<').unwrap().0.parse::<u64>().unwrap()
    };
    assert_eq!(size_told("set.size-plus-one = true"), size_told("") + 1);
}

#[test]
fn the_root_of_an_answer_has_no_namespace_where_the_device_cannot_read_one() {
    let mut talk = ruled("set.plain-xml-root = true");
    talk.stock([card("Ann", "1")]);
    let roots = [talk.open(201, "", "1"), talk.go_on("")].map(|heard| {
        let text = String::from_utf8(heard.bytes).unwrap();
        let (_, root) = text.split_once("?>").unwrap();
        let (root, rest) = root.split_once('>').unwrap();
        assert!(rest.contains("syncml:metinf"), "{rest}");
        root.to_owned()
    });
    assert_eq!(roots, ["<SyncML", "<SyncML"]);
    // WBXML says its version elsewhere
    talk.encoding = syncml::Encoding::Wbxml;
    assert!(talk.open(200, "1", "2").xml.contains("SYNCML:SYNCML1.2"));
}

// spec: G17
#[test]
fn a_datastore_without_a_name_of_ours_is_known_by_what_is_in_it() {
    let nameless = |text: String| {
        text.replace("./contacts", "")
            .replace("my-contacts", "./C\\People")
    };
    let mut talk = Talk::new();
    talk.stock([card("Ann", "1")]);
    talk.begin();
    let devinf = put("", CARDS).replace("./my-contacts", "./C\\People");
    let first = nameless(alert(1, 201, "contacts", "", "1")) + &devinf + "<Final/>";
    assert_eq!(talk.say(&first).said.code_of("Alert"), 200);
    let bob = add(21, "b", &card("Bob", "2"));
    let heard = talk.say(&(nameless(sync("contacts", &bob)) + "<Final/>"));
    assert_eq!(heard.said.code_of("Add"), 201);
    assert_eq!(heard.said.changes.len(), 1);
    // of a device that says nothing of it there is nothing to know
    let mut stranger = Talk::new();
    stranger.begin();
    let first = nameless(alert(1, 201, "contacts", "", "1")) + "<Final/>";
    assert_eq!(stranger.say(&first).said.code_of("Alert"), 404);
}

#[test]
fn the_number_of_changes_goes_to_devices_that_want_it() {
    let told = |flags: &str, device: &str| {
        let mut talk = ruled(flags);
        talk.stock([card("Ada", "1")]);
        talk.introduce(201, ("", "1"), &put(device, CARDS));
        talk.go_on("").said.number_of_changes
    };
    let wants = "<SupportNumberOfChanges/>";
    assert_eq!(told("", ""), None);
    assert_eq!(told("", wants), Some(1));
    assert_eq!(told("set.number-of-changes = true", ""), Some(1));
    assert_eq!(told("set.number-of-changes = false", wants), None);
}

#[test]
fn a_size_of_the_device_is_passed_over_where_it_is_known_to_be_wrong() {
    let contacts = CARDS.to_owned() + "<DSMem><MaxID>1</MaxID></DSMem>";
    for (flags, sent) in [("", 1), ("set.ignore-memory = true", 3)] {
        let mut talk = ruled(flags);
        talk.stock((0..3).map(|number| card("Many", &number.to_string())));
        talk.introduce(201, ("", "1"), &put("", &contacts));
        assert_eq!(talk.go_on("").said.changes.len(), sent, "{flags}");
    }
}

#[test]
fn datastores_of_which_the_device_has_none_are_not_listed() {
    let names = |put: &str| {
        let heard = Talk::new().introduce(201, ("", "1"), &(put.to_owned() + GET));
        let devinf = of_server(&heard);
        let names = devinf.datastores.into_iter().map(|one| one.source_ref);
        names.collect::<Vec<_>>()
    };
    assert!(names("").contains(&"mail".to_owned()), "it is not known");
    assert_eq!(names(&put("", CARDS)), ["./contacts"]);
    let more = CARDS.to_owned() + "<Rx><CTType>text/calendar</CTType><VerCT>2.0</VerCT></Rx>";
    assert_eq!(names(&put("", &more)), ["./contacts", "calendar", "tasks"]);
}

#[test]
fn a_datastore_is_listed_just_as_it_was_alerted() {
    let mut talk = Talk::new();
    talk.version = Version::V1_1;
    talk.begin();
    let asked = alert(1, 201, "calendar?/dr(-30,90)", "", "1");
    let heard = talk.say(&(asked + GET + "<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 200);
    let mut listed = of_server(&heard).datastores.into_iter();
    assert!(listed.any(|one| one.source_ref == "./calendar?/dr(-30,90)"));
}

#[test]
fn a_datastore_is_known_by_a_name_of_the_rules() {
    let names = "set.datastores = { kontakte = 'contacts' }";
    for (flags, code) in [("", 404), (names, 200)] {
        let mut talk = ruled(flags);
        talk.begin();
        let heard = talk.say(&(alert(1, 201, "Kontakte", "", "1") + "<Final/>"));
        assert_eq!(heard.said.code_of("Alert"), code);
        if code == 200 {
            let commands = add(31, "a", &card("Ada", "1"));
            let heard = talk.say(&(sync("Kontakte", &commands) + "<Final/>"));
            assert_eq!(heard.said.code_of("Add"), 201);
        }
    }
}

#[test]
fn resp_uri_is_left_out_for_devices_that_break_on_it() {
    for (flags, expected) in [("", true), ("set.resp-uri = false", false)] {
        let mut talk = ruled(flags);
        talk.server.resp_uri_base = Some("http://server/syncml");
        let heard = talk.open(201, "", "1");
        assert_eq!(heard.said.resp_uri.is_some(), expected);
        let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        assert_eq!(heard.said.resp_uri.is_some(), expected);
    }
}

#[test]
fn a_wrong_last_is_passed_over_where_the_device_is_known_for_it() {
    let ignore = "set.ignore-last-anchor = true";
    for (flags, code, sent) in [("", 508, 1), (ignore, 200, 0)] {
        let mut talk = ruled(flags);
        assert_eq!(talk.open(200, "wrong", "1").said.code_of("Alert"), 508);
        talk.go_on(&add(31, "a", &card("Ada", "1")));
        let heard = talk.open(200, "wrong", "2");
        assert_eq!(heard.said.code_of("Alert"), code);
        let heard = talk.go_on("");
        assert_eq!(heard.said.changes.len(), sent);
        assert_eq!(
            talk.open(200, "", "3").said.code_of("Alert"),
            508,
            "a device without Last has nothing"
        );
    }
}

#[test]
fn copy_stands_for_add_where_the_device_is_known_for_it() {
    let commands = change("Copy", 31, &item("a", &card("Ada", "1")));
    for (flags, code, held) in [("", 412, 0), ("set.copy-is-add = true", 201, 1)] {
        let mut talk = ruled(flags);
        talk.open(201, "", "1");
        let heard = talk.go_on(&commands);
        assert_eq!(heard.said.code_of("Copy"), code);
        assert_eq!(talk.server.items().len(), held);
    }
}

#[test]
fn a_replace_waits_for_the_session_after_a_slow_sync() {
    let ours = card("Ada", "1").replace("END:VCARD", "NOTE:ours\r\nEND:VCARD");
    for (flags, waits) in [("", false), ("set.replace-in-slow-sync = false", true)] {
        let mut talk = ruled(flags);
        talk.stock([ours.clone(), card("Bob", "2")]);
        talk.introduce(201, ("", "1"), &put("<SupportNumberOfChanges/>", CARDS));
        let heard = talk.say(&(sync("contacts", &add(31, "a", &card("Ada", "1"))) + "<Final/>"));
        let kinds =
            |heard: &Heard| -> Vec<_> { heard.said.changes.iter().map(|one| one.kind).collect() };
        let first = if waits { vec![Add] } else { vec![Add, Replace] };
        let mut came = kinds(&heard);
        came.sort_by_key(|kind| *kind == Replace);
        assert_eq!(came, first);
        assert_eq!(heard.said.number_of_changes, (!waits).then_some(2));
        talk.answer(&heard, &map(40, "2", "b"));
        talk.open(200, "1", "2");
        let heard = talk.go_on("");
        let then = if waits { vec![Replace] } else { vec![] };
        assert_eq!(kinds(&heard), then);
        talk.open(200, "2", "3");
        assert_eq!(kinds(&talk.go_on("")), []);
    }
}

#[test]
fn successes_need_no_status_of_their_own() {
    let mut talk = ruled("set.item-statuses = false");
    talk.open(201, "", "1");
    let commands = add(31, "a", &card("Ada", "1")) + &add(32, "b", "no card");
    let heard = talk.go_on(&commands);
    let codes: Vec<(&str, u16)> = heard
        .codes()
        .into_iter()
        .filter(|(cmd_ref, _)| ["20", "31", "32"].contains(cmd_ref))
        .collect();
    assert_eq!(codes, [("20", 200), ("32", 415)]);
    assert_eq!(talk.server.items().len(), 1);
}

#[test]
fn a_status_that_never_comes_is_taken_for_success_where_the_device_is_known_for_it() {
    let lenient = "set.missing-status-is-success = true";
    for (flags, again) in [("", 1), (lenient, 0)] {
        let mut talk = ruled(flags);
        talk.open(201, "", "1");
        talk.go_on(&add(31, "a", &card("Ada", "1")));
        talk.change_on_server(1, &card("Ada", "2"));
        talk.open(200, "1", "2");
        let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        assert_eq!(heard.said.changes.len(), 1);
        talk.say("<Final/>");
        talk.open(200, "2", "3");
        assert_eq!(talk.go_on("").said.changes.len(), again);
    }
}

#[test]
fn a_device_is_recognized_by_what_its_transport_says() {
    let mut talk = ruled("match.user-agent = ['Acme*']\nset.ask-devinf = false");
    assert!(asks_for_devinf(&talk.open(201, "", "1")));
    talk.server.user_agent = Some("acme/1.0");
    assert!(!asks_for_devinf(&talk.open(201, "", "1")));
}

#[test]
fn a_device_is_recognized_by_the_name_of_its_datastore_and_by_its_maker() {
    for pattern in ["datastore = ['my-*']", "man = ['acme']"] {
        let mut talk = ruled(&format!("match.{pattern}\nset.number-of-changes = true"));
        talk.stock([card("Ada", "1")]);
        talk.introduce(201, ("", "1"), &put("<Man>ACME</Man>", CARDS));
        assert_eq!(talk.go_on("").said.number_of_changes, Some(1), "{pattern}");
    }
}

// spec: F20 F21 H05
#[test]
fn a_device_is_shown_what_it_can_hold_and_loses_nothing_else() {
    let property =
        |name: &str, more: &str| format!("<Property><PropName>{name}</PropName>{more}</Property>");
    let contacts = format!(
        "{CARDS}{}<CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>{}{}{}</CTCap>",
        sync_types(&[1, 2]),
        property("N", ""),
        property("TEL", "<MaxOccur>1</MaxOccur>"),
        property("NOTE", "<MaxSize>5</MaxSize>"),
    );
    let whole = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann;;;\r\nFN:Ann Lake\r\nTEL;TYPE=CELL:1\r\n\
                 TEL;TYPE=WORK:2\r\nEMAIL:ann@example.org\r\nNOTE:tall and quiet\r\nEND:VCARD\r\n";
    let mut talk = Talk::new();
    talk.stock([whole.to_owned()]);
    talk.introduce(201, ("", "1"), &put("", &contacts));
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    let shown = &heard.xml;
    assert!(
        shown.contains("VERSION:2.1") && shown.contains("Lake;Ann"),
        "{shown}"
    );
    assert!(
        shown.contains("tall") && !shown.contains("quiet"),
        "{shown}"
    );
    assert_eq!(shown.matches("TEL").count(), 1, "{shown}");
    assert!(!shown.contains("EMAIL"), "{shown}");
    talk.answer(&heard, &map(90, "1", "a"));

    let edited = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann\r\nTEL;CELL:7\r\nNOTE:tall \r\n\
                  END:VCARD\r\n";
    talk.introduce(200, ("1", "2"), &put("", &contacts));
    talk.go_on(&replace(21, "a", edited));
    let kept = talk.server.contents().concat();
    for property in [
        "CELL:7",
        "WORK:2",
        "EMAIL:ann@example.org",
        "NOTE:tall and quiet",
    ] {
        assert!(kept.contains(property), "{property} in {kept}");
    }
    assert!(!kept.contains("CELL:1"), "{kept}");
}

#[test]
fn a_client_that_says_nothing_is_sent_what_a_rule_says_that_it_reads() {
    for (device, media_type) in [
        ("sync4j-pocketpc", "text/x-s4j-sifc"),
        ("phone", "text/x-vcard"),
    ] {
        let mut talk = Talk::new();
        talk.server.config.rules = Table::built_in().unwrap();
        talk.stock([card("Ann", "1")]);
        talk.device = device;
        talk.begin();
        talk.say(&(alert(1, 201, "contacts", "", "1") + "<Final/>"));
        let heard = talk.go_on("");
        assert_eq!(heard.said.changes.len(), 1);
        assert!(heard.xml.contains(media_type), "{}", heard.xml);
    }
}

/// A phone that says nothing of properties has five places for numbers, and a person edits there.
// spec: F20 F21 H05
#[test]
fn a_phone_without_lists_is_shown_what_its_rule_says_and_loses_nothing_else() {
    let man = "<Man>NOKIA</Man><Mod>Nokia 6300</Mod>";
    let mut talk = Talk::new();
    talk.server.config.rules = Table::built_in().unwrap();
    let numbers = [
        "CELL:1", "HOME:2", "WORK:3", "FAX:4", "PAGER:5", "CAR:6", "ISDN:7", "VIDEO:8",
    ];
    let numbers = numbers
        .map(|number| format!("TEL;TYPE={number}\r\n"))
        .concat();
    talk.stock([format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann;Mary;Dr.;\r\nFN:Ann Lake\r\n{numbers}\
         ADR;TYPE=HOME:;;Way 1;;;;\r\nADR;TYPE=WORK:;;Mill 2;;;;\r\nNICKNAME:Annie\r\nEND:VCARD\r\n"
    )]);
    let contacts = CARDS.to_owned() + &sync_types(&[1, 2]);
    talk.introduce(201, ("", "1"), &put(man, &contacts));
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    let shown = &heard.xml;
    assert_eq!(shown.matches("TEL").count(), 5, "{shown}");
    assert_eq!(shown.matches("ADR").count(), 1, "{shown}");
    assert!(shown.contains("N:Lake;Ann;;;"), "{shown}");
    // what the rule does not name is sent, too
    assert!(shown.contains("Annie"), "{shown}");
    talk.answer(&heard, &map(90, "1", "a"));

    // one number is edited, one removed; the phone has dropped what it does not know
    let edited = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann\r\nTEL;CELL:11\r\nTEL;HOME:2\r\n\
                  TEL;FAX:4\r\nTEL;PAGER:5\r\nADR:;;Way 1\r\nEND:VCARD\r\n";
    talk.introduce(200, ("1", "2"), &put(man, &contacts));
    talk.go_on(&replace(21, "a", edited));
    let kept = talk.server.contents().concat();
    for property in [
        "N:Lake;Ann;Mary;Dr.;",
        "CELL:11",
        "HOME:2",
        "FAX:4",
        "PAGER:5",
        "CAR:6",
        "ISDN:7",
        "VIDEO:8",
        "ADR;TYPE=HOME:;;Way 1;;;;",
        "ADR;TYPE=WORK:;;Mill 2;;;;",
        "NICKNAME:Annie",
    ] {
        assert!(kept.contains(property), "{property} in {kept}");
    }
    assert!(
        !kept.contains("CELL:1\r") && !kept.contains("WORK:3"),
        "{kept}"
    );
}

// spec: H01
#[test]
fn a_name_of_which_a_phone_has_two_parts_is_found_in_a_comparison() {
    let man = "<Man>NOKIA</Man><Mod>Nokia 6300</Mod>";
    let mut talk = Talk::new();
    talk.server.config.rules = Table::built_in().unwrap();
    talk.stock([
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lakeside;Ann;Mary;Dr.;\r\nFN:Ann Lakeside\r\n\
         TEL;TYPE=CELL:1\r\nEND:VCARD\r\n"
            .to_owned(),
    ]);
    let contacts = CARDS.to_owned() + &sync_types(&[1, 2]);
    talk.introduce(201, ("", "1"), &put(man, &contacts));
    let heard = talk.go_on("");
    let shown = heard.said.changes[0].content.clone();
    assert!(shown.contains("N:Lakeside;Ann;;;"), "{shown}");
    // it has lost what it knew, and compares all
    talk.introduce(201, ("", "2"), &put(man, &contacts));
    let heard = talk.go_on(&add(21, "new", &shown));
    assert_eq!(heard.said.changes, []);
    assert_eq!(talk.server.contents().len(), 1);
}

//! Packages, their Final, and what happens where they take several messages or break off.

use syncml::ChangeKind;

use crate::talk::{Heard, Talk, add, alert, card, delete, map, replace, replies, status, sync};

/// A server with thirty contacts, of which a phone of small messages knows none.
fn crowded() -> Talk {
    let mut talk = Talk::with_contacts(0..30);
    talk.limit = 2000;
    talk
}

const ASK: &str = "<Alert><CmdID>9</CmdID><Data>222</Data></Alert>";

// spec: B02 B06 B07 B08
#[test]
fn the_next_part_comes_however_it_is_asked_for() {
    let with_item = alert(9, 222, "contacts", "", "1");
    for asks in [ASK, with_item.as_str(), &status(9, 2, "0", "SyncHdr", 200)] {
        let mut talk = crowded();
        talk.open(201, "", "1");
        let mut heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        let mut parts = 1;
        let mut items = heard.said.changes.len();
        while !heard.said.is_final {
            heard = talk.say(asks);
            if asks.contains("222") {
                assert_eq!(heard.said.code_of("Alert"), 200);
            }
            assert!(!heard.said.changes.is_empty());
            items += heard.said.changes.len();
            parts += 1;
            assert!(parts < 30);
        }
        assert!(parts > 2, "Final is in the last of {parts}");
        assert_eq!(items, 30);
    }
}

// spec: B03 B04 B12
#[test]
fn an_open_package_is_answered_by_statuses_and_asked_for() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    let heard = talk.say(&sync("contacts", &add(21, "a", &card("Ann", "1"))));
    assert_eq!(heard.codes(), [("0", 200), ("20", 200), ("21", 201)]);
    assert_eq!(heard.said.alerts[0].0, 222);
    assert!(!heard.said.is_final);
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert!(heard.said.is_final);
}

// spec: B05
#[test]
fn nothing_is_asked_for_after_a_final() {
    let mut talk = Talk::new();
    let mut answers = vec![talk.open(201, "", "1")];
    answers.push(talk.say(&(sync("contacts", "") + "<Final/>")));
    answers.push(talk.say(&(status(3, 2, "0", "SyncHdr", 200) + "<Final/>")));
    for heard in answers {
        assert!(heard.said.is_final);
        assert!(heard.said.alerts.iter().all(|alert| alert.0 != 222));
    }
}

// spec: B09
#[test]
fn a_sync_in_the_next_message_goes_on() {
    let mut talk = Talk::new();
    talk.open(203, "", "1");
    talk.say(&sync("contacts", &add(21, "a", &card("Ann", "1"))));
    talk.say(&(sync("contacts", &add(21, "b", &card("Bob", "2"))) + "<Final/>"));
    assert_eq!(talk.server.contents(), [card("Ann", "1"), card("Bob", "2")]);
}

// spec: B11 B22
#[test]
fn the_last_answer_is_a_status_and_final() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    talk.say(&(sync("contacts", "") + "<Final/>"));
    let heard = talk.say(&(status(3, 2, "0", "SyncHdr", 200) + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 200)]);
    assert!(heard.said.to_answer.is_empty() && heard.said.is_final);
    let again = talk.open(200, "1", "2");
    assert_eq!(again.said.code_of("Alert"), 200, "the anchors were kept");
}

// spec: B13 S05
#[test]
fn two_databases_are_in_every_package() {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    talk.begin();
    let note = "<Add><CmdID>31</CmdID><Meta><Type xmlns='syncml:metinf'>text/plain</Type></Meta>\
        <Item><Source><LocURI>n</LocURI></Source><Data>rye bread</Data></Item></Add>";
    let alerts = alert(1, 201, "contacts", "", "1") + &alert(2, 201, "notes", "", "1");
    let heard = talk.say(&(alerts.clone() + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 212), ("1", 200), ("2", 200)]);
    let codes: Vec<u16> = heard.said.alerts.iter().map(|alert| alert.0).collect();
    assert_eq!(codes, [201, 201]);
    let notes = sync("notes", note).replace("<CmdID>20", "<CmdID>30");
    let contacts = sync("contacts", &add(21, "a", &card("Ann", "1")));
    talk.say(&(contacts + &notes + "<Final/>"));
    talk.say("<Final/>");

    talk.device = "phone";
    talk.begin();
    talk.say(&(alerts + "<Final/>"));
    let notes = sync("notes", "").replace("<CmdID>20", "<CmdID>30");
    let heard = talk.say(&(sync("contacts", "") + &notes + "<Final/>"));
    assert_eq!(heard.xml.matches("<Sync>").count(), 2);
    assert_eq!(heard.said.changes.len(), 2);
}

// spec: B16
#[test]
fn after_a_sync_from_the_client_only_nothing_is_sent() {
    for code in [202, 203] {
        let mut talk = crowded();
        talk.limit = 100_000;
        talk.sync(201, ("", "1"), "");
        talk.open(code, "1", "2");
        let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        assert!(!heard.xml.contains("<Sync>"), "{code}");
        assert!(heard.said.is_final);
        let next = talk.open(200, "2", "3");
        assert_eq!(next.said.code_of("Alert"), 200, "{code} ended there");
    }
}

// spec: B19
#[test]
fn alerts_and_changes_may_come_together() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), "");
    talk.begin();
    let ann = card("Ann", "1");
    let both = alert(1, 200, "contacts", "1", "2") + &sync("contacts", &add(21, "a", &ann));
    let heard = talk.say(&(both + "<Final/>"));
    let codes = [("0", 212), ("1", 200), ("20", 200), ("21", 201)];
    assert_eq!(heard.codes(), codes);
    assert!(heard.said.is_final);
    assert_eq!(talk.server.contents(), [ann]);
}

// spec: B20
#[test]
fn changes_that_come_with_a_wrong_anchor_wait_for_the_slow_sync() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), "");
    talk.begin();
    let ann = card("Ann", "1");
    let changes = sync("contacts", &add(21, "a", &ann));
    let both = alert(1, 200, "contacts", "wrong", "2") + &changes;
    let heard = talk.say(&(both + "<Final/>"));
    let codes = [("0", 212), ("1", 508), ("20", 508), ("21", 508)];
    assert_eq!(heard.codes(), codes);
    assert_eq!(heard.said.alerts[0].0, 201);
    assert!(talk.server.items().is_empty());
    let heard = talk.say(&(changes + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 200), ("20", 200), ("21", 201)]);
    assert_eq!(talk.server.contents(), [ann]);
}

// spec: G09 R02
#[test]
fn anchors_stay_where_a_session_breaks() {
    let mut talk = Talk::new();
    let ann = card("Ann", "1");
    talk.sync(201, ("", "1"), &add(21, "a", &ann));
    // package 3 does not come, or not to its end
    talk.open(200, "1", "2");
    talk.open(200, "1", "3");
    talk.say(&sync("contacts", &replace(21, "a", &card("Ann", "2"))));
    let heard = talk.open(200, "1", "4");
    assert_eq!(heard.said.code_of("Alert"), 200);
    for anchor in ["2", "3"] {
        assert_eq!(talk.open(200, anchor, "5").said.code_of("Alert"), 508);
    }
}

// spec: R04
#[test]
fn changes_come_again_where_package_5_does_not() {
    let mut talk = crowded();
    talk.limit = 100_000;
    talk.sync(201, ("", "1"), "");
    for next in ["2", "3"] {
        talk.open(200, "1", next);
        let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        assert_eq!(heard.said.changes.len(), 30);
    }
}

// spec: R10
#[test]
fn devices_take_turns_and_a_second_session_of_one_takes_over() {
    let mut talk = Talk::new();
    let (ann, bob, eve) = (card("Ann", "1"), card("Bob", "2"), card("Eve", "3"));
    talk.open(201, "", "1");
    let first = talk.session;
    talk.device = "tablet";
    talk.open(201, "", "1");
    let tablet = talk.session;
    talk.device = "phone";
    talk.open(201, "", "1");
    let heard = talk.say(&(sync("contacts", &add(21, "a", &ann)) + "<Final/>"));
    assert_eq!(heard.said.code_of("Sync"), 200);

    (talk.device, talk.session, talk.message) = ("tablet", tablet, 1);
    let heard = talk.say(&(sync("contacts", &add(21, "b", &bob)) + "<Final/>"));
    assert_eq!(heard.said.code_of("Sync"), 200);

    (talk.device, talk.session, talk.message) = ("phone", first, 1);
    let heard = talk.say(&(sync("contacts", &add(21, "e", &eve)) + "<Final/>"));
    assert_ne!(heard.said.code_of("Sync"), 200);
    assert_eq!(talk.server.contents(), [ann, bob]);
}

// spec: R13
#[test]
fn a_clock_that_goes_back_breaks_no_anchor() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "20260101T000000Z"), "");
    talk.server.now -= 1_000_000;
    let anchors = ("20260101T000000Z", "20250101T000000Z");
    talk.sync(200, anchors, &add(21, "a", &card("Ann", "1")));
    let heard = talk.open(200, "20250101T000000Z", "x");
    assert_eq!(heard.said.code_of("Alert"), 200);
    assert_eq!(talk.server.items().len(), 1);
}

// spec: H16 H17
#[test]
fn maps_that_are_repeated_or_of_nothing_do_no_harm() {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    talk.sync(201, ("", "1"), &add(21, "a", &card("Ann", "1")));
    talk.device = "phone";
    talk.open(201, "", "1");
    talk.say(&(sync("contacts", "") + "<Final/>"));
    let maps = map(31, "1", "L") + &map(32, "1", "L") + &map(33, "777", "M") + &map(34, "x", "N");
    let heard = talk.say(&(maps + "<Final/>"));
    let codes = [
        ("0", 200),
        ("31", 200),
        ("32", 200),
        ("33", 200),
        ("34", 200),
    ];
    assert_eq!(heard.codes(), codes);
    let quiet = talk.sync(200, ("1", "2"), "");
    assert!(quiet.said.changes.is_empty());
}

/// A phone that has item 1 under `L` and answers item 2 with that identifier, and the next session's
/// answer.
fn names_two_items_by_one_identifier(first: &str, second: &str) -> (Talk, Heard) {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    talk.sync(201, ("", "1"), &add(21, "a", first));
    talk.device = "phone";
    talk.open(201, "", "1");
    talk.say(&(sync("contacts", "") + "<Final/>"));
    talk.say(&(map(31, "1", "L") + "<Final/>"));
    talk.device = "laptop";
    // an equal one in the same session would be taken for a repetition
    talk.sync(200, ("1", "2"), &add(21, "b", second));
    talk.device = "phone";
    talk.open(200, "1", "2");
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert_eq!(heard.said.changes[0].guid, "2");
    let cmd_id = &heard.said.changes[0].cmd_id;
    let known = status(3, 2, cmd_id, "Add", 418);
    let heard = talk.say(&(known + &map(31, "2", "L") + "<Final/>"));
    assert_eq!(heard.said.code_of("Map"), 200);
    talk.open(200, "2", "3");
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    (talk, heard)
}

// spec: H16 H17
#[test]
fn equal_items_that_are_one_to_a_device_become_one() {
    let ann = card("Ann", "1");
    let (mut talk, heard) = names_two_items_by_one_identifier(&ann, &ann);
    assert_eq!(heard.said.changes, []);
    assert_eq!(talk.server.contents(), [ann]);
    // the pair that is left is that of the item that is left
    talk.say("<Final/>");
    talk.device = "laptop";
    talk.open(200, "2", "3");
    let heard = talk.say(&(sync("contacts", &delete(21, "a")) + "<Final/>"));
    let kinds: Vec<_> = heard.said.changes.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [ChangeKind::Delete], "it has one of them too many");
    assert_eq!(heard.said.changes[0].luid, "b");
    talk.say("<Final/>");
    talk.device = "phone";
    talk.open(200, "3", "4");
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert_eq!(heard.said.changes.len(), 1);
    assert_eq!(heard.said.changes[0].kind, ChangeKind::Delete);
    assert_eq!(heard.said.changes[0].luid, "L");
}

// spec: H16 H17
#[test]
fn an_item_whose_identifier_went_to_another_one_is_sent_again() {
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
    let (mut talk, heard) = names_two_items_by_one_identifier(&ann, &bob);
    let again = heard.said.changes.iter();
    let again: Vec<_> = again
        .map(|change| (change.kind, change.guid.as_str(), change.luid.as_str()))
        .collect();
    // whichever of the two it has under that name, it is Bob from here on
    assert_eq!(
        again,
        [(ChangeKind::Add, "1", ""), (ChangeKind::Replace, "", "L")]
    );
    let answers = replies(&talk, &heard, "contacts");
    talk.say(&(answers + "<Final/>"));
    assert_eq!(talk.server.contents(), [ann, bob]);
    talk.open(200, "3", "4");
    let heard = talk.say(&(sync("contacts", &delete(21, "L")) + "<Final/>"));
    assert_eq!(heard.said.changes, []);
    assert_eq!(talk.server.contents(), [card("Ann", "1")]);
}

// spec: G04
#[test]
fn a_datastore_that_was_alerted_and_not_synced_stays_as_it_was() {
    let mut talk = Talk::with_contacts(0..2);
    talk.begin();
    let alerts = alert(1, 203, "contacts", "", "1") + &alert(2, 201, "notes", "", "1");
    talk.say(&(alerts + "<Final/>"));
    let heard = talk.say(&(sync("notes", "") + "<Final/>"));
    assert_eq!(heard.said.code_of("Sync"), 200);
    talk.say("<Final/>");
    assert_eq!(talk.server.items().len(), 2);
    let heard = talk.open(200, "1", "2");
    assert_eq!(heard.said.code_of("Alert"), 200);
}

// spec: B17
#[test]
fn a_client_that_does_nothing_but_ask_is_ended() {
    let mut talk = Talk::new();
    talk.begin();
    talk.say(&alert(1, 201, "contacts", "", "1"));
    let mut asked = 0;
    while talk.say(ASK).codes()[0] == ("0", 200) {
        asked += 1;
        assert!(asked < 200, "it goes on for ever");
    }
    assert!(asked > 50, "a client may wait a while");
    let heard = talk.say(&(ASK.to_owned() + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 500), ("9", 500)]);
    assert!(heard.said.is_final);
    talk.sync(201, ("", "2"), &add(21, "a", &card("Ann", "1")));
    assert_eq!(talk.server.contents().len(), 1);
}

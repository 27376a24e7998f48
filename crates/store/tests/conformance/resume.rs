//! Sessions that a client suspends.

use crate::talk::{Talk, add, alert, card, delete, sync};

const SUSPEND: &str = "<Alert><CmdID>40</CmdID><Data>224</Data><Item>\
    <Target><LocURI>http://server/syncml</LocURI></Target>\
    <Source><LocURI>phone</LocURI></Source></Item></Alert>";

// spec: I02
#[test]
fn a_suspension_is_confirmed_and_what_comes_after_it_is_not_done() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), &add(21, "a", &card("Ann", "1")));
    talk.open(200, "1", "2");
    let before = sync("contacts", &add(21, "b", &card("Bob", "1")));
    let after = sync("contacts", &add(51, "c", &card("Cid", "1")));
    let after = after.replacen("<CmdID>20<", "<CmdID>50<", 1);
    let heard = talk.say(&(before + SUSPEND + &after + "<Final/>"));
    assert_eq!(
        heard.codes(),
        [
            ("0", 200),
            ("20", 200),
            ("21", 201),
            ("40", 200),
            ("50", 514),
            ("51", 514)
        ]
    );
    assert!(heard.said.changes.is_empty() && heard.said.alerts.is_empty());
    assert_eq!(talk.server.contents(), [card("Ann", "1"), card("Bob", "1")]);
    // the anchors are those of the last session that was completed
    let heard = talk.open(200, "2", "3");
    assert_eq!(heard.said.code_of("Alert"), 508);
    let heard = talk.open(200, "1", "3");
    assert_eq!(heard.said.code_of("Alert"), 200);
    assert_eq!(heard.said.alerts[0].0, 200);
}

// spec: I02
#[test]
fn a_session_may_be_suspended_while_the_server_sends() {
    let mut talk = Talk::with_contacts(21..51);
    talk.limit = 2000;
    talk.open(201, "", "1");
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert!(!heard.said.is_final && !heard.said.changes.is_empty());
    let heard = talk.say(&(SUSPEND.to_owned() + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 200), ("40", 200)]);
    assert!(heard.said.changes.is_empty(), "nothing more is sent");
    talk.begin();
    let heard = talk.say(&(alert(1, 225, "contacts", "", "2") + "<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 200);
    assert_eq!(
        heard.said.alerts[0].0, 201,
        "the type of the suspended session"
    );
}

// spec: I05 I06
#[test]
fn a_session_whose_end_the_client_did_not_hear_of_is_gone_on_with() {
    let mut talk = Talk::new();
    let both = add(21, "a", &card("Ann", "1")) + &add(22, "b", &card("Bob", "1"));
    talk.sync(201, ("", "1"), &both);
    talk.sync(200, ("1", "2"), "");
    // for the client that was session 2, and the first one is what it completed
    talk.begin();
    let heard = talk.say(&(alert(1, 225, "contacts", "1", "3") + "<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 200);
    assert_eq!(heard.said.alerts[0].0, 200);
    // a comparison would not hear of this, and bring the record back
    let heard = talk.say(&(sync("contacts", &delete(21, "a")) + "<Final/>"));
    assert_eq!(heard.codes()[2], ("21", 200));
    assert_eq!(talk.server.contents(), [card("Bob", "1")]);
    assert!(heard.said.changes.is_empty());
    // what was before that is unknown
    talk.begin();
    let heard = talk.say(&(alert(1, 225, "contacts", "0", "4") + "<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 508);
    assert_eq!(heard.said.alerts[0].0, 201);
}

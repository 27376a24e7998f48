//! A busy server: messages that are put off.

use crate::talk::{Talk, add, card, sync};

const POLL: &str = "<Alert><CmdID>5</CmdID><Data>221</Data><Item>\
     <Target><LocURI>http://server/syncml</LocURI></Target>\
     <Source><LocURI>phone</LocURI></Source></Item></Alert>";

/// `(Cmd, code)` of all statuses, in order.
fn said(heard: &crate::talk::Heard) -> Vec<(&str, u16)> {
    let statuses = heard.statuses.iter();
    statuses
        .map(|status| (status.cmd.as_str(), status.code))
        .collect()
}

// spec: K01 K03 K05
#[test]
fn a_message_that_is_put_off_is_answered_when_the_client_asks() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    talk.server.busy = true;
    let heard = talk.say(&(sync("contacts", &add(30, "a", &card("Ann", "1"))) + "<Final/>"));
    assert_eq!(said(&heard), [("SyncHdr", 101)]);
    assert!(!heard.said.is_final && heard.said.changes.is_empty());
    assert!(talk.server.items().is_empty(), "nothing is done yet");
    // asked too early
    let heard = talk.say(POLL);
    assert_eq!(said(&heard), [("SyncHdr", 101), ("Alert", 101)]);
    assert!(!heard.said.is_final);
    talk.server.busy = false;
    let heard = talk.say(POLL);
    assert_eq!(
        said(&heard),
        [
            ("SyncHdr", 200),
            ("SyncHdr", 200),
            ("Sync", 200),
            ("Add", 201),
            ("Alert", 200)
        ]
    );
    // those of the message that was put off refer to it
    let messages: Vec<&str> = heard.said.statuses.iter().map(|s| s.0.as_str()).collect();
    assert_eq!(messages, ["4", "2", "2", "2", "4"]);
    assert!(heard.said.is_final);
    assert_eq!(talk.server.contents(), [card("Ann", "1")]);
    // the session goes on as if nothing had been
    talk.say("<Final/>");
    let heard = talk.open(200, "1", "2");
    assert_eq!(heard.said.code_of("Alert"), 200);
}

// spec: K04
#[test]
fn a_client_that_leaves_a_busy_server_finds_its_anchors_as_they_were() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), "");
    talk.open(200, "1", "2");
    talk.server.busy = true;
    talk.say(&(sync("contacts", &add(30, "a", &card("Ann", "1"))) + "<Final/>"));
    talk.server.busy = false;
    let heard = talk.open(200, "1", "3");
    assert_eq!(heard.said.code_of("Alert"), 200, "the old anchor holds");
    let heard = talk.say(&(sync("contacts", &add(30, "a", &card("Ann", "1"))) + "<Final/>"));
    assert_eq!(heard.said.code_of("Add"), 201);
}

#[test]
fn a_stranger_is_not_put_off() {
    let mut talk = Talk::new();
    talk.server.busy = true;
    let heard = talk.open(201, "", "1");
    assert_eq!(heard.said.code_of("SyncHdr"), 212);
}

//! Slow sync, pairs of identifiers, and what both sides do to one item.

use syncml::ChangeKind;

use crate::talk::{Talk, add, card, delete, map, sync};

/// A server whose contacts came from a laptop.
fn filled(names: &[&str]) -> Talk {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    let all: String = (21..)
        .zip(names)
        .map(|(cmd_id, name)| add(cmd_id, &cmd_id.to_string(), &card(name, "1")))
        .collect();
    talk.sync(201, ("", "1"), &all);
    talk.device = "phone";
    talk
}

// spec: H01 H02 H03 H07
#[test]
fn a_slow_sync_sends_what_the_client_lacks_as_add() {
    let mut talk = filled(&["Ann", "Bob"]);
    let ours = add(21, "x", &card("Bob", "1")) + &add(22, "y", &card("Eve", "1"));
    let heard = talk.sync(201, ("", "1"), &ours);
    assert_eq!(heard.codes()[2..], [("21", 200), ("22", 201)]);
    let sent = &heard.said.changes;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].kind, ChangeKind::Add);
    assert_eq!(sent[0].content, card("Ann", "1"));
    assert_eq!((sent[0].guid.as_str(), sent[0].luid.as_str()), ("1", ""));
    assert_eq!(talk.server.items().len(), 3);
}

// spec: H06
#[test]
fn an_item_is_paired_once() {
    let mut talk = filled(&["Ann"]);
    let ann = card("Ann", "1");
    let heard = talk.sync(201, ("", "1"), &(add(21, "x", &ann) + &add(22, "y", &ann)));
    assert_eq!(heard.codes()[2..], [("21", 200), ("22", 201)]);
    assert_eq!(talk.server.items().len(), 2);
}

// spec: G26 H08
#[test]
fn a_deletion_names_the_identifier_of_the_client() {
    let mut talk = filled(&["Ann"]);
    talk.open(201, "", "1");
    talk.say(&(sync("contacts", "") + "<Final/>"));
    talk.say(&(map(31, "1", "their own") + "<Final/>"));
    talk.device = "laptop";
    talk.sync(200, ("1", "2"), &delete(21, "21"));
    talk.device = "phone";
    let heard = talk.sync(200, ("1", "2"), "");
    let sent = &heard.said.changes[0];
    assert_eq!(sent.kind, ChangeKind::Delete);
    assert_eq!((sent.guid.as_str(), sent.luid.as_str()), ("", "their own"));
}

// spec: H27
#[test]
fn what_both_sides_have_deleted_is_gone() {
    let mut talk = filled(&["Ann"]);
    talk.open(201, "", "1");
    talk.say(&(sync("contacts", "") + "<Final/>"));
    talk.say(&(map(31, "1", "L") + "<Final/>"));
    talk.device = "laptop";
    talk.sync(200, ("1", "2"), &delete(21, "21"));
    talk.device = "phone";
    let heard = talk.sync(200, ("1", "2"), &delete(21, "L"));
    assert_eq!(heard.codes(), [("0", 200), ("20", 200), ("21", 200)]);
    assert!(heard.said.changes.is_empty());
    assert!(talk.server.items().is_empty());
}

// spec: H29
#[test]
fn the_pairs_of_a_slow_sync_replace_those_before() {
    let mut talk = Talk::new();
    let ann = card("Ann", "1");
    talk.sync(201, ("", "1"), &add(21, "old", &ann));
    talk.sync(201, ("1", "2"), &add(21, "new", &ann));
    let heard = talk.sync(200, ("2", "3"), &(delete(21, "old") + &delete(22, "new")));
    assert_eq!(heard.codes()[2..], [("21", 211), ("22", 200)]);
    assert!(talk.server.items().is_empty());
}

// spec: M10
#[test]
fn what_is_deleted_with_archive_is_kept() {
    let mut talk = Talk::new();
    let ann = card("Ann", "1");
    talk.sync(201, ("", "1"), &add(21, "a", &ann));
    let archive = delete(21, "a").replace("</CmdID>", "</CmdID><Archive/>");
    let heard = talk.sync(200, ("1", "2"), &archive);
    assert_eq!(heard.codes()[2..], [("21", 200)]);
    assert!(talk.server.items().is_empty());
    let contacts = talk.server.contacts();
    let kept = talk.server.state.history(contacts, session::store::Guid(1));
    assert_eq!(kept, [ann.as_bytes()]);
}

#[test]
fn a_record_under_the_identifier_of_another_one_takes_nothing_from_it() {
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), &add(21, "slot", &ann));
    let heard = talk.sync(200, ("1", "2"), &add(21, "slot", &bob));
    assert_eq!(heard.codes()[2], ("21", 201));
    let mut both = vec![ann.clone(), bob];
    both.sort();
    let mut contents = talk.server.contents();
    contents.sort();
    assert_eq!(contents, both);
    // nobody has deleted the other one
    assert_eq!(heard.said.changes.len(), 1);
    assert_eq!(heard.said.changes[0].content, ann);
    // the same record with another number is an edit, as is what comes again after a break
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), &add(21, "slot", &ann));
    talk.sync(200, ("1", "2"), &add(21, "slot", &card("Ann", "3")));
    assert_eq!(talk.server.contents(), [card("Ann", "3")]);
    talk.open(200, "2", "3");
    talk.say(&sync("contacts", &add(21, "new", &card("Eve", "4"))));
    talk.sync(200, ("2", "3"), &add(21, "new", &card("Eva", "4")));
    assert_eq!(talk.server.contents().len(), 2);
}

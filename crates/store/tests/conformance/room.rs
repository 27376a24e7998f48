//! Room on the device: what it says of it, and what waits for want of it.

use syncml::ChangeKind;

use crate::talk::{Heard, Talk, add, alert, card, delete, map, put_devinf, status, sync};

/// A server with five contacts out of a laptop.
fn five() -> Talk {
    Talk::with_contacts(1..6)
}

/// A Sync of a device that says how much it has room for.
fn with_room(mem: &str, commands: &str) -> String {
    let meta = format!("<Meta><Mem xmlns='syncml:metinf'>{mem}</Mem></Meta>");
    sync("contacts", commands).replacen("</Source>", &format!("</Source>{meta}"), 1)
}

/// A session of a phone; the additions get `code` and, where that is a success, a map.
fn session(talk: &mut Talk, first: &str, package_3: &str, code: u16) -> Vec<Heard> {
    talk.begin();
    talk.say(&(first.to_owned() + "<Final/>"));
    let mut all = vec![talk.say(&(package_3.to_owned() + "<Final/>"))];
    loop {
        let heard = all.last().unwrap();
        let mut reply = String::new();
        for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
            let code = if cmd == "Add" { code } else { 200 };
            reply += &status(number, talk.message, cmd_id, cmd, code);
        }
        for (number, change) in (90..).zip(&heard.said.changes) {
            if change.kind == ChangeKind::Add && code < 300 {
                reply += &map(number, &change.guid, &format!("L-{}", change.guid));
            }
        }
        if heard.said.is_final {
            talk.say(&(reply + "<Final/>"));
            return all;
        }
        all.push(talk.say(&reply));
        assert!(all.len() < 30);
    }
}

/// The kinds and identifiers of what was sent.
fn sent(all: &[Heard]) -> Vec<(ChangeKind, &str)> {
    let changes = all.iter().flat_map(|heard| &heard.said.changes);
    changes
        .map(|change| match change.guid.as_str() {
            "" => (change.kind, change.luid.as_str()),
            guid => (change.kind, guid),
        })
        .collect()
}

fn slow() -> String {
    alert(1, 201, "contacts", "", "1")
}

fn two_way(last: &str, next: &str) -> String {
    alert(1, 200, "contacts", last, next)
}

// spec: K07
#[test]
fn no_more_is_added_than_the_device_has_room_for() {
    use ChangeKind::Add;
    let size = card("Person 1", "1").len();
    for mem in [
        "<FreeMem>100000</FreeMem><FreeID>2</FreeID>".to_owned(),
        format!("<FreeMem>{}</FreeMem><FreeID>9</FreeID>", 3 * size - 1),
    ] {
        let mut talk = five();
        let all = session(&mut talk, &slow(), &with_room(&mem, ""), 201);
        assert_eq!(sent(&all), [(Add, "1"), (Add, "2")], "{mem}");
        // what waited comes when there is room
        let all = session(&mut talk, &two_way("1", "2"), &sync("contacts", ""), 201);
        assert_eq!(sent(&all), [(Add, "3"), (Add, "4"), (Add, "5")], "{mem}");
        let all = session(&mut talk, &two_way("2", "3"), &sync("contacts", ""), 201);
        assert_eq!(sent(&all), [], "{mem}");
    }
}

// spec: K07
#[test]
fn deletions_go_first_and_make_room() {
    use ChangeKind::{Add, Delete};
    let mut talk = five();
    session(&mut talk, &slow(), &sync("contacts", ""), 201);
    talk.device = "laptop";
    let commands = add(21, "6", &card("Person 6", "1"))
        + &add(22, "7", &card("Person 7", "1"))
        + &delete(23, "2");
    talk.sync(200, ("1", "2"), &commands);
    talk.device = "phone";
    let full = with_room("<FreeMem>0</FreeMem><FreeID>0</FreeID>", "");
    let all = session(&mut talk, &two_way("1", "2"), &full, 201);
    assert_eq!(sent(&all), [(Delete, "L-2"), (Add, "6")]);
}

// spec: K08
#[test]
fn a_device_that_is_full_gets_no_more_until_the_next_session() {
    let mut talk = five();
    // two of the cards fit into a message
    talk.limit = 1500;
    let all = session(&mut talk, &slow(), &sync("contacts", ""), 420);
    let tried = sent(&all).len();
    assert!((1..5).contains(&tried), "{tried}");
    assert_eq!(
        all[0].said.changes.len(),
        tried,
        "nothing after the first 420"
    );
    talk.limit = 100_000;
    let all = session(&mut talk, &two_way("1", "2"), &sync("contacts", ""), 201);
    assert_eq!(sent(&all).len(), 5);
}

#[test]
fn the_size_of_a_datastore_limits_what_is_added_too() {
    let devinf = "<DataStore><SourceRef>my-contacts</SourceRef>\
        <Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref>\
        <Tx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Tx-Pref>\
        <DSMem><MaxID>3</MaxID></DSMem><SyncCap><SyncType>1</SyncType></SyncCap></DataStore>";
    let mut talk = five();
    let first = slow() + &put_devinf(2, devinf);
    let own = add(21, "mine", &card("Mine", "1"));
    let all = session(&mut talk, &first, &sync("contacts", &own), 201);
    assert_eq!(sent(&all).len(), 2, "one of three places is taken");
}

//! Room on the device: what it says of it, and what waits for want of it.

use syncml::ChangeKind;

use crate::talk::{Heard, Talk, add, alert, card, delete, map, put_devinf, replace, status, sync};

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

/// A contact with a note of so many bytes.
fn noted(length: usize) -> String {
    let note = format!("NOTE:{}\r\nEND:", "x".repeat(length));
    card("Person", "1").replace("END:", &note)
}

/// The laptop gives its contacts notes of these lengths.
fn edit(talk: &mut Talk, anchors: (&str, &str), lengths: &[usize]) {
    talk.device = "laptop";
    let edits: String = (1..)
        .zip(lengths)
        .map(|(n, length)| replace(20 + n, &n.to_string(), &noted(*length)))
        .collect();
    talk.sync(200, anchors, &edits);
    talk.device = "phone";
}

/// Contacts with notes of 1000 bytes out of a laptop, which a phone holds too.
fn three_noted(first: &str) -> Talk {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    let all: String = (1..4)
        .map(|n| add(20 + n, &n.to_string(), &noted(1000)))
        .collect();
    talk.sync(201, ("", "1"), &all);
    talk.device = "phone";
    session(&mut talk, first, &sync("contacts", ""), 201);
    talk
}

// spec: K07
#[test]
fn what_grows_needs_room_and_what_shrinks_makes_some() {
    use ChangeKind::Replace;
    let mut talk = three_noted(&slow());
    edit(&mut talk, ("1", "2"), &[1300, 1300, 1400]);
    let some = with_room("<FreeMem>699</FreeMem><FreeID>0</FreeID>", "");
    let all = session(&mut talk, &two_way("1", "2"), &some, 201);
    assert_eq!(sent(&all), [(Replace, "L-1"), (Replace, "L-2")]);
    // what waits goes on waiting
    let none = with_room("<FreeMem>99</FreeMem><FreeID>0</FreeID>", "");
    let all = session(&mut talk, &two_way("2", "3"), &none, 201);
    assert_eq!(sent(&all), []);
    // a change of another does not take its turn, and makes its room
    edit(&mut talk, ("2", "3"), &[1000]);
    let some = with_room("<FreeMem>100</FreeMem><FreeID>0</FreeID>", "");
    let all = session(&mut talk, &two_way("3", "4"), &some, 201);
    assert_eq!(sent(&all), [(Replace, "L-1")], "400 wait for 100");
    let some = with_room("<FreeMem>400</FreeMem><FreeID>0</FreeID>", "");
    let all = session(&mut talk, &two_way("4", "5"), &some, 201);
    assert_eq!(sent(&all), [(Replace, "L-3")]);
    let all = session(&mut talk, &two_way("5", "6"), &some, 201);
    assert_eq!(sent(&all), []);
}

#[test]
fn what_shrinks_makes_room_for_what_grows_after_it() {
    use ChangeKind::Replace;
    let mut talk = three_noted(&slow());
    edit(&mut talk, ("1", "2"), &[500, 1400, 1200]);
    let none = with_room("<FreeMem>0</FreeMem><FreeID>0</FreeID>", "");
    let all = session(&mut talk, &two_way("1", "2"), &none, 201);
    assert_eq!(sent(&all), [(Replace, "L-1"), (Replace, "L-2")]);
}

/// Device information of a phone whose contacts have so much room in all.
fn of_size(size: &str) -> String {
    let devinf = format!(
        "<DataStore><SourceRef>my-contacts</SourceRef>\
        <Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref>\
        <Tx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Tx-Pref>\
        <DSMem>{size}</DSMem><SyncCap><SyncType>1</SyncType></SyncCap></DataStore>"
    );
    slow() + &put_devinf(2, &devinf)
}

#[test]
fn the_size_of_a_datastore_limits_what_its_items_grow_to() {
    use ChangeKind::Replace;
    let all_of_it = 3 * noted(1000).len() + 300;
    let mut talk = three_noted(&of_size(&format!("<MaxMem>{all_of_it}</MaxMem>")));
    edit(&mut talk, ("1", "2"), &[1150, 1150]);
    let all = session(&mut talk, &two_way("1", "2"), &sync("contacts", ""), 201);
    assert_eq!(sent(&all), [(Replace, "L-1"), (Replace, "L-2")]);
    edit(&mut talk, ("2", "3"), &[1151, 1150]);
    for anchors in [("2", "3"), ("3", "4")] {
        let next = two_way(anchors.0, anchors.1);
        let all = session(&mut talk, &next, &sync("contacts", ""), 201);
        assert_eq!(sent(&all), [], "one byte too many");
    }
    edit(&mut talk, ("3", "4"), &[1151, 1149]);
    let all = session(&mut talk, &two_way("4", "5"), &sync("contacts", ""), 201);
    assert_eq!(sent(&all), [(Replace, "L-1"), (Replace, "L-2")]);
}

/// A session with contacts and tasks; what each datastore is sent.
fn of_two(talk: &mut Talk, first: &str, metas: [&str; 2]) -> [usize; 2] {
    talk.begin();
    talk.say(&(first.to_owned() + "<Final/>"));
    let syncs = ["contacts", "tasks"].map(|name| {
        let meta = metas[usize::from(name == "tasks")];
        sync(name, "").replacen("</Source>", &format!("</Source>{meta}"), 1)
    });
    let heard = talk.say(&(syncs.concat() + "<Final/>"));
    let mut reply = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        reply += &status(number, talk.message, cmd_id, cmd, 200);
    }
    talk.say(&(reply + "<Final/>"));
    let count = |of: &str| heard.xml.matches(of).count();
    [count("BEGIN:VCARD"), count("BEGIN:VCALENDAR")]
}

/// A phone with contacts and tasks of one room, at a server with five contacts and three tasks.
fn five_and_three() -> Talk {
    let mut talk = five();
    talk.device = "laptop";
    talk.begin();
    talk.say(&(alert(1, 201, "tasks", "", "1") + "<Final/>"));
    let tasks: String = (1..4)
        .map(|n| {
            let text = format!(
                "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VTODO\r\nSUMMARY:Task {n}\r\n\
                 END:VTODO\r\nEND:VCALENDAR\r\n"
            );
            add(20 + n, &n.to_string(), &text).replace("text/x-vcard", "text/x-vcalendar")
        })
        .collect();
    talk.say(&(sync("tasks", &tasks) + "<Final/>"));
    talk.device = "phone";
    talk
}

// spec: K07
#[test]
fn datastores_that_share_a_room_get_no_more_than_it_holds_together() {
    let both = slow() + &alert(2, 201, "tasks", "", "1");
    let said = "<Meta><Mem xmlns='syncml:metinf'><SharedMem/><FreeMem>100000</FreeMem>\
                <FreeID>6</FreeID></Mem></Meta>";
    let mut talk = five_and_three();
    assert_eq!(of_two(&mut talk, &both, [said, said]), [5, 1]);

    let store = |name: &str, media: &str, version: &str| {
        format!(
            "<DataStore><SourceRef>my-{name}</SourceRef>\
             <Rx-Pref><CTType>{media}</CTType><VerCT>{version}</VerCT></Rx-Pref>\
             <Tx-Pref><CTType>{media}</CTType><VerCT>{version}</VerCT></Tx-Pref>\
             <DSMem><SharedMem/><MaxID>6</MaxID></DSMem>\
             <SyncCap><SyncType>1</SyncType></SyncCap></DataStore>"
        )
    };
    let devinf =
        store("contacts", "text/x-vcard", "2.1") + &store("tasks", "text/x-vcalendar", "1.0");
    let mut talk = five_and_three();
    let first = both + &put_devinf(3, &devinf);
    assert_eq!(of_two(&mut talk, &first, ["", ""]), [5, 1]);
}

#[test]
fn a_deletion_makes_the_room_of_one_item() {
    use ChangeKind::{Add, Delete};
    let mut talk = three_noted(&of_size("<MaxID>3</MaxID>"));
    talk.device = "laptop";
    let commands =
        add(21, "6", &card("Ann", "1")) + &add(22, "7", &card("Bob", "2")) + &delete(23, "2");
    talk.sync(200, ("1", "2"), &commands);
    talk.device = "phone";
    let all = session(&mut talk, &two_way("1", "2"), &sync("contacts", ""), 201);
    assert_eq!(sent(&all), [(Delete, "L-2"), (Add, "4")]);
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
    let mut talk = five();
    let first = of_size("<MaxID>3</MaxID>");
    let own = add(21, "mine", &card("Mine", "1"));
    let all = session(&mut talk, &first, &sync("contacts", &own), 201);
    assert_eq!(sent(&all).len(), 2, "one of three places is taken");
}

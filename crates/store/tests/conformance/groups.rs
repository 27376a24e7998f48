//! Commands that belong together, and those that are no plain change: copies, soft deletions,
//! changes of some fields.

use session::store::Guid;
use syncml::ChangeKind;

use crate::talk::{Talk, add, card, change, delete, item, replace, sync};

fn group(name: &str, cmd_id: u32, commands: &str) -> String {
    format!("<{name}><CmdID>{cmd_id}</CmdID>{commands}</{name}>")
}

/// Something that is no contact.
fn misfit(cmd_id: u32, luid: &str) -> String {
    change("Add", cmd_id, &item(luid, "no card"))
}

// spec: M14
#[test]
fn an_atomic_does_all_or_nothing() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), &add(21, "held", &card("Held", "1")));
    let members = add(31, "a", &card("Ann", "1"))
        + &replace(32, "held", &card("Held", "2"))
        + &misfit(33, "c")
        + &delete(34, "held");
    let heard = talk.sync(200, ("1", "2"), &group("Atomic", 30, &members));
    assert_eq!(
        heard.codes()[2..],
        [
            ("30", 507),
            ("31", 216),
            ("32", 216),
            ("33", 415),
            ("34", 216)
        ]
    );
    assert_eq!(talk.server.contents(), [card("Held", "1")]);
    assert!(
        talk.server
            .state
            .history(talk.server.contacts(), Guid(1))
            .is_empty()
    );
    // what was undone is not known: the same without the bad one goes through
    let members = add(31, "a", &card("Ann", "1")) + &replace(32, "held", &card("Held", "2"));
    let both = group("Atomic", 30, &members) + &add(41, "z", &card("Zoe", "1"));
    let heard = talk.sync(200, ("2", "3"), &both);
    assert_eq!(
        heard.codes()[2..],
        [("30", 200), ("31", 201), ("32", 200), ("41", 201)]
    );
    let all = [card("Ann", "1"), card("Held", "2"), card("Zoe", "1")];
    assert_eq!(talk.server.contents(), all);
}

// spec: M14
#[test]
fn a_member_that_wants_no_status_fails_the_atomic_too() {
    let mut talk = Talk::new();
    let quiet = misfit(32, "b").replace("</CmdID>", "</CmdID><NoResp/>");
    let members = add(31, "a", &card("Ann", "1")) + &quiet;
    let heard = talk.sync(201, ("", "1"), &group("Atomic", 30, &members));
    assert_eq!(heard.codes()[2..], [("30", 507), ("31", 216)]);
    assert!(talk.server.items().is_empty());
}

// spec: M14
#[test]
fn commands_around_a_failed_atomic_stand() {
    let mut talk = Talk::new();
    let failing = group(
        "Atomic",
        30,
        &(add(31, "a", &card("Ann", "1")) + &misfit(32, "b")),
    );
    let all = add(21, "x", &card("Xia", "1")) + &failing + &add(41, "y", &card("Yan", "1"));
    talk.sync(201, ("", "1"), &all);
    assert_eq!(talk.server.contents(), [card("Xia", "1"), card("Yan", "1")]);
}

// spec: M15
#[test]
fn an_atomic_inside_of_another_is_refused_and_nothing_done() {
    let mut talk = Talk::new();
    let inner = group("Atomic", 32, &add(33, "b", &card("Bob", "1")));
    let outer = group("Atomic", 30, &(add(31, "a", &card("Ann", "1")) + &inner));
    let heard = talk.sync(201, ("", "1"), &outer);
    assert_eq!(
        heard.codes()[2..],
        [("30", 507), ("31", 216), ("32", 500), ("33", 500)]
    );
    assert!(talk.server.items().is_empty());
}

// spec: M14 J08
#[test]
fn an_object_in_chunks_is_no_member_of_an_atomic() {
    let mut talk = Talk::new();
    let whole = card("Large", "1");
    let size = format!(
        "<Meta><Size xmlns='syncml:metinf'>{}</Size></Meta>",
        whole.len()
    );
    let chunk = |cmd_id: u32, data: &str, rest: &str| {
        let whole = item("large", data);
        change(
            "Add",
            cmd_id,
            &whole.replace("</Item>", &format!("{rest}</Item>")),
        )
    };
    let (first, rest) = whole.split_at(30);
    let first = chunk(32, first, "<MoreData/>").replace("<Data>", &format!("{size}<Data>"));
    talk.open(201, "", "1");
    let members = add(31, "a", &card("Ann", "1")) + &first;
    let heard = talk.say(&sync("contacts", &group("Atomic", 30, &members)));
    assert_eq!(heard.codes()[2..], [("30", 507), ("31", 216), ("32", 400)]);
    // what still comes of it is no item
    let heard = talk.say(&(sync("contacts", &chunk(33, rest, "")) + "<Final/>"));
    assert_eq!(heard.codes()[2..], [("33", 424)]);
    assert!(talk.server.items().is_empty());
}

// spec: M16
#[test]
fn a_sequence_is_done_in_order() {
    let mut talk = Talk::new();
    let members = add(31, "a", &card("Ann", "1"))
        + &replace(32, "a", &card("Ann", "2"))
        + &add(33, "b", &card("Bob", "1"))
        + &delete(34, "b");
    let heard = talk.sync(201, ("", "1"), &group("Sequence", 30, &members));
    assert_eq!(
        heard.codes()[2..],
        [
            ("30", 200),
            ("31", 201),
            ("32", 200),
            ("33", 201),
            ("34", 200)
        ]
    );
    assert_eq!(talk.server.contents(), [card("Ann", "2")]);
    // one that fails does not keep the others from being done
    let members = misfit(31, "c") + &replace(32, "a", &card("Ann", "3"));
    let heard = talk.sync(200, ("1", "2"), &group("Sequence", 30, &members));
    assert_eq!(heard.codes()[2..], [("30", 200), ("31", 415), ("32", 200)]);
    assert_eq!(talk.server.contents(), [card("Ann", "3")]);
}

/// A laptop and a phone that both hold Ann: as `a` and as `L`.
fn shared() -> Talk {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    talk.sync(201, ("", "1"), &add(21, "a", &card("Ann", "1")));
    talk.device = "phone";
    talk.sync(201, ("", "1"), &add(21, "L", &card("Ann", "1")));
    talk
}

fn soft_delete(cmd_id: u32, luid: &str) -> String {
    delete(cmd_id, luid).replace("</CmdID>", "</CmdID><SftDel/>")
}

// spec: M11
#[test]
fn what_is_deleted_softly_stays_here_and_comes_back_when_it_changes() {
    let mut talk = shared();
    let heard = talk.sync(200, ("1", "2"), &soft_delete(21, "L"));
    assert_eq!(heard.codes()[2..], [("21", 200)]);
    assert!(heard.said.changes.is_empty());
    assert_eq!(talk.server.contents(), [card("Ann", "1")]);
    // no other device hears of it
    talk.device = "laptop";
    let heard = talk.sync(200, ("1", "2"), "");
    assert!(heard.said.changes.is_empty());
    talk.sync(200, ("2", "3"), &replace(21, "a", &card("Ann", "2")));
    talk.device = "phone";
    let heard = talk.sync(200, ("2", "3"), "");
    let came = &heard.said.changes[0];
    assert_eq!((came.kind, came.guid.as_str()), (ChangeKind::Add, "1"));
    assert_eq!(came.content, card("Ann", "2"));
}

// spec: M12
#[test]
fn a_soft_deletion_of_what_is_deleted_here_is_a_conflict() {
    let mut talk = shared();
    talk.device = "laptop";
    talk.sync(200, ("1", "2"), &delete(21, "a"));
    talk.device = "phone";
    let heard = talk.sync(200, ("1", "2"), &soft_delete(21, "L"));
    assert_eq!(heard.codes()[2..], [("21", 423)]);
    assert!(talk.server.items().is_empty());
}

fn copy(cmd_id: u32, from: &str, to: &str) -> String {
    format!(
        "<Copy><CmdID>{cmd_id}</CmdID><Item><Target><LocURI>{to}</LocURI></Target>\
         <Source><LocURI>{from}</LocURI></Source></Item></Copy>"
    )
}

// spec: M13
#[test]
fn a_copy_is_an_item_of_its_own() {
    let mut talk = shared();
    let commands = copy(21, "L", "M") + &copy(22, "L", "M") + &copy(23, "none", "N");
    let heard = talk.sync(200, ("1", "2"), &commands);
    assert_eq!(heard.codes()[2..], [("21", 201), ("22", 418), ("23", 404)]);
    assert_eq!(talk.server.contents(), [card("Ann", "1"), card("Ann", "1")]);
    assert!(heard.said.changes.is_empty(), "the device has it");
    talk.sync(200, ("2", "3"), &replace(21, "M", &card("Ann", "2")));
    assert_eq!(talk.server.contents(), [card("Ann", "1"), card("Ann", "2")]);
    talk.device = "laptop";
    let heard = talk.sync(200, ("1", "2"), "");
    let came = &heard.said.changes[0];
    assert_eq!((came.kind, heard.said.changes.len()), (ChangeKind::Add, 1));
    assert_eq!(came.content, card("Ann", "2"));
}

#[test]
fn a_copy_of_an_old_version_comes_up_to_date_with_it() {
    let mut talk = shared();
    talk.device = "laptop";
    talk.sync(200, ("1", "2"), &replace(21, "a", &card("Ann", "2")));
    talk.device = "phone";
    let heard = talk.sync(200, ("1", "2"), &copy(21, "L", "M"));
    let came = heard.said.changes.iter();
    let came: Vec<_> = came
        .map(|change| (change.kind, change.luid.as_str(), change.content.as_str()))
        .collect();
    let new = card("Ann", "2");
    let replaced = |luid| (ChangeKind::Replace, luid, new.as_str());
    assert_eq!(came, [replaced("L"), replaced("M")]);
    assert!(talk.sync(200, ("2", "3"), "").said.changes.is_empty());
}

fn partial(cmd_id: u32, luid: &str, data: &str) -> String {
    replace(cmd_id, luid, data).replace(
        "<Meta>",
        "<Meta><FieldLevel xmlns='syncml:metinf'></FieldLevel>",
    )
}

// spec: M20
#[test]
fn a_replacement_of_some_fields_leaves_the_others() {
    let rich = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Ann\r\nTEL;CELL:1\r\nTEL;HOME:2\r\nNOTE:tall\r\n\
                END:VCARD\r\n";
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), &add(21, "a", rich));
    let heard = talk.sync(200, ("1", "2"), &partial(21, "a", &card("Ann", "9")));
    assert_eq!(heard.codes()[2..], [("21", 200)]);
    let contents = talk.server.contents();
    assert!(contents[0].contains("NOTE:tall"), "{contents:?}");
    assert!(contents[0].contains("TEL;CELL:9"), "{contents:?}");
    assert!(!contents[0].contains("TEL;HOME"), "{contents:?}");
    // without the mark the whole card is replaced
    talk.sync(200, ("2", "3"), &replace(21, "a", &card("Ann", "9")));
    assert_eq!(talk.server.contents(), [card("Ann", "9")]);
}

// spec: M20
#[test]
fn fields_that_come_in_chunks_are_not_taken_for_the_whole() {
    let rich = card("Ann", "1").replace("N:Ann", "NOTE:tall\r\nN:Ann");
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), &add(21, "a", &rich));
    let fields = card("Ann", "9");
    let whole = partial(21, "a", &fields);
    let (first, last) = fields.split_at(20);
    let size = format!("<Size xmlns='syncml:metinf'>{}</Size></Meta>", fields.len());
    let first = whole
        .replace(&fields, first)
        .replacen("</Meta>", &size, 1)
        .replacen("</Data>", "</Data><MoreData/>", 1);
    talk.open(200, "1", "2");
    let heard = talk.say(&sync("contacts", &first));
    assert_eq!(heard.codes()[2..], [("21", 213)]);
    let heard = talk.say(&(sync("contacts", &replace(21, "a", last)) + "<Final/>"));
    assert_eq!(heard.codes()[2..], [("21", 200)]);
    assert_eq!(talk.server.contents(), [rich.replace(":1\r", ":9\r")]);
}

// spec: M21
#[test]
fn a_replacement_of_another_type_is_taken_where_it_belongs() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), &add(21, "a", &card("Ann", "1")));
    let newer = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nN:Ann\r\nEND:VCARD\r\n";
    let modern = replace(21, "a", newer).replace("text/x-vcard", "text/vcard");
    let heard = talk.sync(200, ("1", "2"), &modern);
    assert_eq!(heard.codes()[2..], [("21", 200)]);
    let kept = ["BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nN:Ann\r\nEND:VCARD\r\n"];
    assert_eq!(talk.server.contents(), kept);
    assert_eq!(talk.server.items()[0].media_type, "text/vcard");
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\n\
                 END:VCALENDAR\r\n";
    let misplaced = replace(21, "a", event).replace("text/x-vcard", "text/calendar");
    let heard = talk.sync(200, ("2", "3"), &misplaced);
    assert_eq!(heard.codes()[2..], [("21", 415)]);
    assert_eq!(talk.server.contents(), kept);
}

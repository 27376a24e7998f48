//! Who wins: policies of the server, of a datastore and of a device.

use session::server::ConflictPolicy;
use session::store::{Content, DatastoreId, Guid, Origin};
use syncml::ChangeKind;

use crate::talk::{Heard, Talk, add, alert, card, delete, put_devinf, replace, status, sync};

/// A phone and a laptop that both hold this contact, as `p` and as `l`; then the laptop has brought
/// another version, and the phone is about to bring a third.
fn changed(old: &str, here: &str) -> Talk {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), &add(21, "p", old));
    talk.device = "laptop";
    talk.sync(201, ("", "1"), &add(21, "l", old));
    talk.sync(200, ("1", "2"), &replace(21, "l", here));
    talk.device = "phone";
    talk
}

fn conflict(talk: &mut Talk, there: &str) -> (u16, Heard) {
    let heard = talk.sync(200, ("1", "2"), &replace(21, "p", there));
    (heard.codes()[2].1, heard)
}

fn device_number(talk: &mut Talk, uri: &str) -> i64 {
    let account = talk.server.account;
    talk.server
        .state
        .device(account, uri)
        .unwrap()
        .unwrap()
        .number
}

/// A session in which the phone brings this version and insists on it, after what was done meanwhile.
fn insists(
    talk: &mut Talk,
    anchors: (&str, &str),
    (first, there): (&str, &str),
    meanwhile: impl FnOnce(&mut Talk),
) -> Heard {
    talk.begin();
    talk.say(&(alert(1, 200, "contacts", anchors.0, anchors.1) + first + "<Final/>"));
    let heard = talk.say(&(sync("contacts", &replace(21, "p", there)) + "<Final/>"));
    let mut replies = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        let code = if cmd == "Replace" { 409 } else { 200 };
        replies += &status(number, talk.message, cmd_id, cmd, code);
    }
    meanwhile(talk);
    talk.say(&(replies + "<Final/>"));
    heard
}

// spec: H25
#[test]
fn the_wish_for_a_device_goes_before_that_for_a_datastore_and_that_for_all() {
    let (old, here, there) = (card("Ann", "1"), card("Ann", "2"), card("Ann", "3"));
    let policies = ["server-wins", "duplicate", "merge", "ask"];
    // (datastore's, device's): which one of the policies above is set where
    type Places = [Option<usize>; 4];
    let cases: [(Places, u16); 5] = [
        ([None; 4], 208),
        ([None, None, None, Some(0)], 419),
        ([None, None, Some(1), Some(0)], 209),
        ([None, Some(0), Some(1), Some(3)], 419),
        ([Some(3), Some(0), Some(1), Some(1)], 409),
    ];
    for (places, code) in cases {
        let mut talk = changed(&old, &here);
        let phone = device_number(&mut talk, "phone");
        let contacts = talk.server.contacts();
        let any = DatastoreId {
            number: 0,
            ..contacts
        };
        let targets = [(contacts, phone), (contacts, 0), (any, phone), (any, 0)];
        for (place, target) in places.iter().zip(targets) {
            if let Some(policy) = place {
                talk.server
                    .state
                    .set_policy(target.0, target.1, policies[*policy]);
            }
        }
        assert_eq!(conflict(&mut talk, &there).0, code, "{places:?}");
    }
}

// spec: H25
#[test]
fn the_wish_for_another_device_or_datastore_does_not_count() {
    let (old, here, there) = (card("Ann", "1"), card("Ann", "2"), card("Ann", "3"));
    let mut talk = changed(&old, &here);
    let laptop = device_number(&mut talk, "laptop");
    let contacts = talk.server.contacts();
    let other = DatastoreId {
        number: 2,
        ..contacts
    };
    talk.server
        .state
        .set_policy(contacts, laptop, "server-wins");
    talk.server.state.set_policy(other, 0, "server-wins");
    assert_eq!(conflict(&mut talk, &there).0, 208);
}

// spec: H20
#[test]
fn a_merged_conflict_has_what_both_sides_have() {
    let extra = |line: &str| card("Ann", "1").replace("END:", &format!("{line}\r\nEND:"));
    let mut talk = changed(&card("Ann", "1"), &extra("NOTE:tall"));
    talk.server.config.conflict = ConflictPolicy::Merge;
    let (code, heard) = conflict(&mut talk, &extra("TITLE:Dr"));
    assert_eq!(code, 207);
    let contents = talk.server.contents();
    for line in ["NOTE:tall", "TITLE:Dr"] {
        assert!(contents[0].contains(line), "{contents:?}");
    }
    let sent = &heard.said.changes[0];
    assert_eq!((sent.kind, sent.luid.as_str()), (ChangeKind::Replace, "p"));
    assert_eq!(sent.content, contents[0]);
}

#[test]
fn the_version_that_says_it_is_newer_wins() {
    let dated = |phone: &str, time: &str| {
        let rev = format!("REV:{time}\r\nEND:");
        card("Ann", phone).replace("END:", &rev)
    };
    let old = dated("1", "20200101T000000Z");
    let (early, late) = ("20200102T000000Z", "20200103T000000Z");
    for (here, there, code) in [
        (dated("2", early), dated("3", late), 208),
        (dated("2", late), dated("3", early), 419),
        (dated("2", late), card("Ann", "3"), 208),
    ] {
        let mut talk = changed(&old, &here);
        talk.server.config.conflict = ConflictPolicy::NewestWins;
        let (answered, heard) = conflict(&mut talk, &there);
        assert_eq!(answered, code);
        let stands = if code == 208 {
            "TEL;CELL:3"
        } else {
            "TEL;CELL:2"
        };
        let contents = talk.server.contents();
        assert!(contents[0].contains(stands), "{contents:?}");
        assert_eq!(contents[0].matches("TEL").count(), 1, "{contents:?}");
        assert_eq!(heard.said.changes.len(), usize::from(code == 419));
    }
}

// spec: H24
#[test]
fn a_conflict_that_nobody_settles_is_left_to_the_client() {
    let (old, here, there) = (card("Ann", "1"), card("Ann", "2"), card("Ann", "3"));
    // it takes ours
    let mut talk = changed(&old, &here);
    talk.server.config.conflict = ConflictPolicy::Ask;
    let (code, heard) = conflict(&mut talk, &there);
    assert_eq!(code, 409);
    assert_eq!(talk.server.contents(), [here.as_str()]);
    let sent = &heard.said.changes[0];
    assert_eq!(
        (sent.luid.as_str(), sent.content.as_str()),
        ("p", here.as_str())
    );
    let contacts = talk.server.contacts();
    let history = talk.server.state.history(contacts, Guid(1));
    assert!(
        history.contains(&there.clone().into_bytes()),
        "its own is kept"
    );
    assert!(talk.sync(200, ("2", "3"), "").said.changes.is_empty());

    // it insists on its own
    let mut talk = changed(&old, &here);
    talk.server.config.conflict = ConflictPolicy::Ask;
    insists(&mut talk, ("1", "2"), ("", &there), |_| ());
    let heard = talk.sync(200, ("2", "3"), &replace(21, "p", &there));
    assert_eq!(heard.codes()[2].1, 200);
    assert!(heard.said.changes.is_empty());
    assert_eq!(talk.server.contents(), [there]);
}

// spec: H24
#[test]
fn a_client_insists_on_its_version_only_against_the_one_that_it_was_shown() {
    let card = |phone| card("Ann", phone);
    let mut talk = changed(&card("1"), &card("2"));
    talk.server.config.conflict = ConflictPolicy::Ask;
    let contacts = talk.server.contacts();
    let newer = card("4");
    insists(&mut talk, ("1", "2"), ("", &card("3")), |talk| {
        let content = Content::new("text/x-vcard", newer.as_bytes());
        let state = &mut talk.server.state;
        let changed = state.replace_item(contacts, Guid(1), content, Origin::Local, 5);
        changed.unwrap();
    });
    let heard = insists(&mut talk, ("2", "3"), ("", &card("3")), |_| ());
    assert_eq!(heard.codes()[2].1, 409, "nobody has decided on this one");
    assert_eq!(heard.said.changes[0].content, newer);
    assert_eq!(talk.server.contents(), [newer]);
    let heard = talk.sync(200, ("3", "4"), &replace(21, "p", &card("3")));
    assert_eq!(heard.codes()[2].1, 200);
    assert_eq!(talk.server.contents(), [card("3")]);
}

// spec: H24
#[test]
fn a_client_that_insists_gets_nothing_of_the_other_version() {
    let noted = |phone: &str, note: &str| {
        let note = format!("NOTE:{note}\r\nEND:");
        card("Ann", phone).replace("END:", &note)
    };
    let there = noted("1", "there");
    // what a device holds is not known any more once it holds items in another form
    let put = |others: &[&str]| {
        let format = "<CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>";
        let names = ["BEGIN", "END", "VERSION", "N", "TEL", "NOTE"].iter();
        let all: Vec<&str> = names.chain(others).copied().collect();
        let properties = all.join("</PropName></Property><Property><PropName>");
        let properties = format!("<Property><PropName>{properties}</PropName></Property>");
        let datastore = format!(
            "<DataStore><SourceRef>my-contacts</SourceRef><Rx-Pref>{format}</Rx-Pref>\
             <Tx-Pref>{format}</Tx-Pref><CTCap>{format}{properties}</CTCap>\
             <SyncCap><SyncType>1</SyncType></SyncCap></DataStore>"
        );
        put_devinf(2, &datastore)
    };
    let old = noted("1", "old");
    let mut talk = Talk::new();
    talk.begin();
    talk.say(&(alert(1, 201, "contacts", "", "1") + &put(&["TITLE"]) + "<Final/>"));
    talk.say(&(sync("contacts", &add(21, "p", &old)) + "<Final/>"));
    talk.say("<Final/>");
    talk.device = "laptop";
    talk.sync(201, ("", "1"), &add(21, "l", &old));
    talk.sync(200, ("1", "2"), &replace(21, "l", &noted("2", "here")));
    talk.device = "phone";
    talk.server.config.conflict = ConflictPolicy::Ask;
    let heard = insists(&mut talk, ("1", "2"), (&put(&[]), &there), |_| ());
    assert!(heard.codes().contains(&("21", 409)), "{}", heard.xml);
    let heard = talk.sync(200, ("2", "3"), &replace(21, "p", &there));
    assert_eq!(heard.codes()[2].1, 200);
    assert!(heard.said.changes.is_empty(), "{}", heard.xml);
    assert_eq!(talk.server.contents(), [there]);
}

// spec: H24
#[test]
fn a_refusal_of_a_client_that_was_not_asked_settles_nothing() {
    let (old, here) = (card("Ann", "1"), card("Ann", "2"));
    let mut talk = changed(&old, &here);
    talk.server.config.conflict = ConflictPolicy::Ask;
    talk.open(204, "1", "2");
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    let mut replies = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        // its owner was just editing it
        let code = if cmd == "Replace" { 409 } else { 200 };
        replies += &status(number, talk.message, cmd_id, cmd, code);
    }
    talk.say(&(replies + "<Final/>"));
    let heard = talk.sync(200, ("2", "3"), "");
    assert_eq!(heard.said.changes.len(), 1, "{}", heard.xml);
    assert!(talk.sync(200, ("3", "4"), "").said.changes.is_empty());
}

// spec: H04
#[test]
fn a_deleted_record_comes_back_as_it_was_last() {
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    let mut talk = changed(&old, &new);
    talk.device = "laptop";
    talk.sync(200, ("2", "3"), &delete(21, "l"));
    assert_eq!(talk.server.items().len(), 0);
    // the phone has lost what it knew, and holds a version that nobody has made since
    talk.device = "phone";
    let heard = talk.sync(201, ("", "2"), &replace(21, "p", &old));
    assert_eq!(heard.codes()[2].1, 207, "{}", heard.xml);
    assert_eq!(talk.server.contents(), [new]);
    assert!(heard.xml.contains("TEL;CELL:2"), "{}", heard.xml);
}

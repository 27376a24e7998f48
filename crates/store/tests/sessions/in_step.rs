//! What devices and server hold after whole sessions.

use session::server::ConflictPolicy;
use session::store::Guid;
use syncml::ChangeKind::{Add, Delete, Replace};
use syncml::{Encoding, Version};

use crate::scripted::{Client, Server, card};

// spec: D05 D06 G01 G02 G07 G10 G14 G24 G25 G26 G27 G30 H03 S07 S08 S10 S11 S12 S13 S17
#[test]
fn two_devices_come_into_step_in_every_version_and_encoding() {
    for version in Version::ALL {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            two_devices(version, encoding);
        }
    }
}

fn two_devices(version: Version, encoding: Encoding) {
    let mut server = Server::new();
    let client = |device| Client {
        version,
        encoding,
        ..Client::new(device)
    };
    let (mut phone, mut tablet) = (client("phone"), client("tablet"));
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));

    let first = phone.sync(
        &mut server,
        200,
        ("", "p1"),
        &[(Add, "a", &ann), (Add, "b", &bob)],
    );
    assert_eq!(
        (first.alert_status, first.agreed),
        (508, 201),
        "no anchor yet: slow"
    );
    assert_eq!(first.codes, [201, 201]);
    assert!(first.changes.is_empty());

    let second = tablet.sync(&mut server, 201, ("", "t1"), &[]);
    assert_eq!((second.alert_status, second.agreed), (200, 201));
    assert_eq!(second.changes.len(), 2);

    let quiet = phone.sync(&mut server, 200, ("p1", "p2"), &[]);
    assert_eq!((quiet.alert_status, quiet.agreed), (200, 200));
    assert!(quiet.changes.is_empty());
    assert!(!quiet.server_last.is_empty());

    let guid = server.items()[1].guid.0;
    let newer = card("Bob", "22");
    let changed = tablet.sync(
        &mut server,
        200,
        ("t1", "t2"),
        &[
            (Replace, &format!("luid-{guid}"), &newer),
            (Delete, "luid-1", ""),
        ],
    );
    assert_eq!(changed.codes, [200, 200]);
    assert!(
        changed.changes.is_empty(),
        "its own changes do not come back"
    );

    let told = phone.sync(&mut server, 200, ("p2", "p3"), &[]);
    let told: Vec<_> = told
        .changes
        .iter()
        .map(|c| (c.kind, c.luid.as_str()))
        .collect();
    assert_eq!(told, [(Replace, "b"), (Delete, "a")]);
    assert_eq!(server.contents(), [newer]);
    assert!(
        phone
            .sync(&mut server, 200, ("p3", "p4"), &[])
            .changes
            .is_empty()
    );
}

// spec: H01 H29 S16
#[test]
fn a_second_slow_sync_doubles_nothing() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
    let all = [(Add, "a", ann.as_str()), (Add, "b", bob.as_str())];
    phone.sync(&mut server, 201, ("", "1"), &all);
    let again = phone.sync(&mut server, 201, ("1", "2"), &all);
    assert_eq!(again.codes, [200, 200], "known already");
    assert!(again.changes.is_empty());
    // other identifiers and another order, as after a phone was set up anew
    let anew = [(Replace, "x", bob.as_str()), (Replace, "y", ann.as_str())];
    let again = phone.sync(&mut server, 200, ("lost", "3"), &anew);
    assert_eq!((again.alert_status, again.agreed), (508, 201));
    assert!(again.changes.is_empty());
    assert_eq!(server.contents(), [ann, bob]);
}

// spec: H04 H05 H20
#[test]
fn a_slow_sync_completes_records_that_differ() {
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    let here = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Ann\r\nTEL;CELL:1\r\nEMAIL:ann@example.org\r\nEND:VCARD\r\n";
    let there = card("Ann", "1");
    phone.sync(&mut server, 201, ("", "1"), &[(Add, "a", here)]);
    let merged = tablet.sync(&mut server, 201, ("", "1"), &[(Add, "t", &there)]);
    assert_eq!(merged.codes, [207]);
    assert_eq!(merged.changes.len(), 1, "what it lacks is sent");
    assert!(merged.changes[0].content.contains("EMAIL:ann@example.org"));
    assert_eq!(server.items().len(), 1);
}

// spec: A15 B09
#[test]
fn small_messages_carry_everything() {
    for limit in [1200, 2000, 5000] {
        let mut server = Server::new();
        let cards: Vec<String> = (0..40)
            .map(|n| card(&format!("Person {n}"), &n.to_string()))
            .collect();
        let luids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let all: Vec<_> = cards
            .iter()
            .zip(&luids)
            .map(|(card, luid)| (Add, luid.as_str(), card.as_str()))
            .collect();
        let mut phone = Client {
            limit,
            ..Client::new("phone")
        };
        let first = phone.sync(&mut server, 200, ("", "1"), &all);
        assert_eq!(first.codes, [201; 40], "limit {limit}");
        let mut tablet = Client {
            limit,
            ..Client::new("tablet")
        };
        let second = tablet.sync(&mut server, 200, ("", "1"), &[]);
        assert_eq!(second.changes.len(), 40, "limit {limit}");
        let quiet = tablet.sync(&mut server, 200, ("1", "2"), &[]);
        assert!(quiet.changes.is_empty(), "all were mapped, limit {limit}");
    }
}

// spec: R11
#[test]
fn an_item_too_large_for_a_device_is_left_out_and_the_rest_goes_on() {
    let mut server = Server::new();
    let big = card(&"x".repeat(3000), "1");
    let small = card("Ann", "2");
    Client::new("laptop").sync(
        &mut server,
        200,
        ("", "1"),
        &[(Add, "b", &big), (Add, "s", &small)],
    );
    let mut phone = Client {
        limit: 2000,
        ..Client::new("phone")
    };
    let got = phone.sync(&mut server, 200, ("", "1"), &[]);
    assert_eq!(got.changes.len(), 1);
    assert_eq!(got.changes[0].content, small);
    phone.limit = 100_000;
    let got = phone.sync(&mut server, 200, ("1", "2"), &[]);
    assert_eq!(got.changes.len(), 1, "it stayed pending");
    assert_eq!(got.changes[0].content, big);
}

// spec: G03 G04 G05 G06
#[test]
fn refreshes_and_one_way_syncs() {
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    let (ann, bob, eve) = (card("Ann", "1"), card("Bob", "2"), card("Eve", "3"));
    phone.sync(
        &mut server,
        200,
        ("", "1"),
        &[(Add, "a", &ann), (Add, "b", &bob)],
    );
    tablet.sync(&mut server, 200, ("", "1"), &[]);

    // one way from the client: its addition comes in, nothing goes out
    let one_way = tablet.sync(&mut server, 202, ("1", "2"), &[(Add, "e", &eve)]);
    assert_eq!((one_way.codes, one_way.changes.len()), (vec![201], 0));
    // one way from the server: nothing comes in, the addition goes out
    let one_way = phone.sync(&mut server, 204, ("1", "2"), &[]);
    assert_eq!(one_way.changes.len(), 1);
    assert_eq!(one_way.changes[0].content, eve);

    // refresh from the client removes what it does not send
    let refresh = phone.sync(&mut server, 203, ("2", "3"), &[(Replace, "a", &ann)]);
    assert_eq!((refresh.codes, refresh.changes.len()), (vec![200], 0));
    assert_eq!(server.contents(), std::slice::from_ref(&ann));
    assert_eq!(
        server.state.history(server.contacts(), Guid(2)),
        [bob.as_bytes()],
        "a deletion can be taken back"
    );
    let told = tablet.sync(&mut server, 200, ("2", "3"), &[]);
    assert!(told.changes.iter().all(|change| change.kind == Delete));
    assert_eq!(told.changes.len(), 2);

    // refresh from the server sends all of it, changed or not
    let refresh = tablet.sync(&mut server, 205, ("3", "4"), &[]);
    assert_eq!(refresh.changes.len(), 1);
    assert_eq!(refresh.changes[0].kind, Add);
    assert!(
        tablet
            .sync(&mut server, 200, ("4", "5"), &[])
            .changes
            .is_empty()
    );
}

// spec: H21 H22 H23
#[test]
fn both_sides_changed() {
    let (old, here, there) = (card("Ann", "1"), card("Ann", "2"), card("Ann", "3"));
    for (policy, code, stays, history) in [
        (
            ConflictPolicy::ClientWins,
            208,
            vec![&there],
            vec![&old, &here],
        ),
        (
            ConflictPolicy::ServerWins,
            419,
            vec![&here],
            vec![&old, &there],
        ),
        (
            ConflictPolicy::Duplicate,
            209,
            vec![&here, &there],
            vec![&old, &here],
        ),
    ] {
        let mut server = Server::new();
        server.config.conflict = policy;
        let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
        phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
        tablet.sync(&mut server, 200, ("", "1"), &[]);
        phone.sync(&mut server, 200, ("1", "2"), &[(Replace, "a", &here)]);
        let conflict = tablet.sync(&mut server, 200, ("1", "2"), &[(Replace, "luid-1", &there)]);
        assert_eq!(conflict.codes, [code], "{policy:?}");
        let stays: Vec<String> = stays.into_iter().cloned().collect();
        assert_eq!(server.contents(), stays, "{policy:?}");
        let kept = server.state.history(server.contacts(), Guid(1));
        let history: Vec<_> = history.iter().map(|text| text.as_bytes()).collect();
        assert_eq!(kept, history, "{policy:?}");
        let sent_back = usize::from(policy != ConflictPolicy::ClientWins);
        assert_eq!(conflict.changes.len(), sent_back, "{policy:?}");
    }
}

fn a_change_beats_a_deletion(policy: ConflictPolicy) {
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    // deleted here, changed there
    let mut server = Server::new();
    server.config.conflict = policy;
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    phone.sync(&mut server, 200, ("1", "2"), &[(Delete, "a", "")]);
    let outcome = tablet.sync(&mut server, 200, ("1", "2"), &[(Replace, "luid-1", &new)]);
    assert_eq!(outcome.codes, [208], "{policy:?}");
    assert_eq!(server.contents(), std::slice::from_ref(&new), "{policy:?}");
    // changed here, deleted there
    let gone = phone.sync(&mut server, 200, ("2", "3"), &[]);
    assert_eq!(
        gone.changes.len(),
        1,
        "it comes back to the one that deleted it"
    );
    let newest = card("Ann", "3");
    tablet.sync(
        &mut server,
        200,
        ("2", "3"),
        &[(Replace, "luid-1", &newest)],
    );
    let outcome = phone.sync(&mut server, 200, ("3", "4"), &[(Delete, "luid-1", "")]);
    assert_eq!(outcome.codes, [200], "{policy:?}");
    assert_eq!(
        server.contents(),
        std::slice::from_ref(&newest),
        "{policy:?}"
    );
    assert_eq!(outcome.changes.len(), 1, "{policy:?}");
    assert_eq!(outcome.changes[0].content, newest);
}

#[test]
fn a_change_beats_a_deletion_on_either_side_under_every_policy() {
    for policy in [
        ConflictPolicy::ClientWins,
        ConflictPolicy::ServerWins,
        ConflictPolicy::NewestWins,
        ConflictPolicy::Duplicate,
        ConflictPolicy::Merge,
        ConflictPolicy::Ask,
    ] {
        a_change_beats_a_deletion(policy);
    }
}

#[test]
fn a_slow_sync_does_not_bring_an_older_version_back() {
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    phone.sync(&mut server, 200, ("1", "2"), &[(Replace, "a", &new)]);
    let slow = tablet.sync(&mut server, 201, ("1", "2"), &[(Replace, "luid-1", &old)]);
    assert_eq!(slow.codes, [207]);
    assert_eq!(slow.changes.len(), 1);
    assert_eq!(slow.changes[0].content, new);
    assert_eq!(server.contents(), [new]);
}

#[test]
fn a_person_may_go_back_to_what_was_before() {
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    let (one, two) = (card("Ann", "1"), card("Ann", "2"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &one)]);
    phone.sync(&mut server, 200, ("1", "2"), &[(Replace, "a", &two)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    let noted = two.replace("END:VCARD", "NOTE:tall\r\nEND:VCARD");
    tablet.sync(&mut server, 200, ("1", "2"), &[(Replace, "luid-1", &noted)]);
    // the first version is in the history, and yet it is an edit
    phone.sync(&mut server, 200, ("2", "3"), &[(Replace, "a", &one)]);
    let kept = server.contents().concat();
    assert!(kept.contains("NOTE:tall"), "{kept}");
    assert!(
        kept.contains(":1\r\n") && !kept.contains(":2\r\n"),
        "{kept}"
    );
}

#[test]
fn a_change_that_brings_a_record_back_keeps_what_was_changed_before() {
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    let old = card("Ann", "1");
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    let noted = old.replace("END:VCARD", "NOTE:tall\r\nEND:VCARD");
    phone.sync(&mut server, 200, ("1", "2"), &[(Replace, "a", &noted)]);
    phone.sync(&mut server, 200, ("2", "3"), &[(Delete, "a", "")]);
    let called = card("Ann", "2");
    tablet.sync(
        &mut server,
        200,
        ("1", "2"),
        &[(Replace, "luid-1", &called)],
    );
    let kept = server.contents().concat();
    assert!(
        kept.contains("NOTE:tall") && kept.contains(":2\r\n"),
        "{kept}"
    );
}

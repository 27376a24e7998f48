//! The server's session, message by message, over the model in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use scripted::{
    Client, PASSWORD, Server, USER, get_devinf, map_of, read, statuses_for, sync_alert, sync_of,
};
use session::server::ConflictPolicy;
use session::store::{Guid, Origin};
use syncml::ChangeKind::{Add, Delete, Replace};
use syncml::{Command, Encoding, MapItem, Version, auth};

fn card(name: &str, phone: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\nTEL;CELL:{phone}\r\nEND:VCARD\r\n")
}

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

// spec: G23
#[test]
fn a_broken_refresh_from_the_client_removes_nothing() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let ann = card("Ann", "1");
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &ann)]);
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 203, "1", "2")], true);
    phone.send(&mut server, &[sync_of(&[])], false);
    assert_eq!(server.contents(), [ann]);
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

#[test]
fn a_change_beats_a_deletion_on_either_side() {
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    // deleted here, changed there
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    phone.sync(&mut server, 200, ("1", "2"), &[(Delete, "a", "")]);
    tablet.sync(&mut server, 200, ("1", "2"), &[(Replace, "luid-1", &new)]);
    assert_eq!(server.contents(), std::slice::from_ref(&new));
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
    assert_eq!(server.contents(), std::slice::from_ref(&newest));
    assert_eq!(outcome.changes.len(), 1);
    assert_eq!(outcome.changes[0].content, newest);
}

// spec: A25 N19
#[test]
fn a_repeated_message_gets_the_same_answer_and_does_nothing() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let ann = card("Ann", "1");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let body = phone.last_body.clone();
    let again = server.post(&body, None).unwrap();
    assert!(again.repeated);
    phone.send(&mut server, &[sync_of(&[(Add, "a", &ann)])], true);
    let body = phone.last_body.clone();
    let first = server.post(&body, None).unwrap();
    let second = server.post(&body, None).unwrap();
    assert!(first.repeated && second.repeated);
    assert_eq!(first.body, second.body);
    assert_eq!(server.items().len(), 1);
}

// spec: H19
#[test]
fn an_answer_lost_at_the_end_costs_no_slow_sync() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.sync(
        &mut server,
        200,
        ("", "1"),
        &[(Add, "a", &card("Ann", "1"))],
    );
    // the client never saw the end of this one and keeps its old anchor
    let lost = phone.sync(
        &mut server,
        200,
        ("1", "2"),
        &[(Add, "b", &card("Bob", "2"))],
    );
    let next = phone.sync(
        &mut server,
        200,
        ("1", "3"),
        &[(Add, "b", &card("Bob", "2"))],
    );
    assert_eq!((next.alert_status, next.agreed), (200, 200));
    assert_eq!(next.server_last, lost.server_last, "as the client knows it");
    assert_eq!(
        server.items().len(),
        2,
        "the addition come again is no second one"
    );
    // nor did it see the end of that
    let next = phone.sync(&mut server, 200, ("1", "4"), &[]);
    assert_eq!((next.alert_status, next.agreed), (200, 200));
    // it has seen this one, and means the first no more
    phone.sync(&mut server, 200, ("4", "5"), &[]);
    let next = phone.sync(&mut server, 200, ("1", "6"), &[]);
    assert_eq!((next.alert_status, next.agreed), (508, 201));
}

// spec: E05 E06 E07 E08 S01 S02 S03
#[test]
fn logins_are_refused_with_a_challenge() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    for (cred, code) in [
        (None, 407),
        (Some(auth::basic_cred(USER, "wrong")), 401),
        (Some(auth::basic_cred("nobody", PASSWORD)), 401),
        (Some(auth::md5_cred([0; 16])), 401),
    ] {
        phone.cred = cred;
        phone.begin();
        let alert = sync_alert(1, 200, "", "1");
        let said = phone.send(&mut server, &[alert], true);
        assert_eq!(said.codes(), [code, code], "header and alert");
        let challenge = &said.challenges[0].meta;
        assert_eq!(challenge.media_type.as_deref(), Some("syncml:auth-md5"));
        assert!(challenge.next_nonce.is_some());
        assert!(said.alerts.is_empty() && said.changes.is_empty());
    }
    // after the first refusal of something else than a digest, basic is offered too
    phone.cred = Some(auth::basic_cred(USER, "wrong"));
    phone.begin();
    let alert = sync_alert(1, 200, "", "1");
    phone.send(&mut server, std::slice::from_ref(&alert), true);
    let said = phone.send(&mut server, std::slice::from_ref(&alert), true);
    assert_eq!(
        said.challenges[0].meta.media_type.as_deref(),
        Some("syncml:auth-basic")
    );
    phone.send(&mut server, std::slice::from_ref(&alert), true);
    let said = phone.send(&mut server, std::slice::from_ref(&alert), true);
    assert!(said.challenges.is_empty(), "no fifth try is offered");
    // the right password in the same session
    phone.cred = Some(auth::basic_cred(USER, PASSWORD));
    let said = phone.send(&mut server, &[alert], true);
    assert_eq!(said.codes(), [212, 508]);
}

// spec: E02 E03 E09 E14 E20
#[test]
fn digests_prove_the_account_with_a_fresh_nonce_each_time() {
    for version in Version::ALL {
        for keeps_password in [true, false] {
            let mut server = Server::keeping(keeps_password.then_some(PASSWORD));
            let mut phone = Client {
                version,
                ..Client::new("phone")
            };
            let digest = |nonce: &[u8]| match version {
                Version::V1_0 if keeps_password => auth::md5_v1_0(USER, PASSWORD, nonce),
                _ => auth::md5(&auth::user_digest(USER, PASSWORD), nonce),
            };
            let alert = sync_alert(1, 200, "", "1");
            let mut log_in = |phone: &mut Client, nonce: &[u8]| {
                phone.cred = Some(auth::md5_cred(digest(nonce)));
                phone.send(&mut server, std::slice::from_ref(&alert), true)
            };
            let nonce_of = |said: &scripted::Said| {
                let nonce = said.challenges[0].meta.next_nonce.clone().unwrap();
                assert!(nonce.len() >= 16);
                nonce
            };
            // no nonce proves nothing, the challenge's does
            phone.begin();
            let said = log_in(&mut phone, b"");
            assert_eq!(said.codes(), [401, 401], "{version}");
            let challenge = nonce_of(&said);
            let said = log_in(&mut phone, &challenge);
            assert_eq!(said.codes(), [212, 508], "{version}");
            let next = nonce_of(&said);
            assert_ne!(next, challenge);
            // what was used once is worth nothing, also to who pretends to be another device
            for device in ["phone", "another"] {
                let mut thief = Client {
                    version,
                    ..Client::new(device)
                };
                thief.session = 70;
                thief.begin();
                let said = log_in(&mut thief, &challenge);
                assert_eq!(said.codes()[0], 401, "{version}: a replayed digest");
            }
            phone.begin();
            let said = log_in(&mut phone, &next);
            assert_eq!(said.codes()[0], 212, "{version}");
            phone.begin();
            let said = log_in(&mut phone, &next);
            assert_eq!(said.codes()[0], 401, "{version}: a replayed digest");
        }
    }
}

#[test]
fn versions_that_are_not_ours_are_told_which_are() {
    let mut server = Server::new();
    let message = |dtd: &str, proto: &str| {
        format!(
            "<SyncML><SyncHdr><VerDTD>{dtd}</VerDTD><VerProto>{proto}</VerProto>\
             <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>s</LocURI></Target>\
             <Source><LocURI>phone</LocURI></Source></SyncHdr><SyncBody>\
             <Alert><CmdID>1</CmdID><Data>200</Data></Alert><Final/></SyncBody></SyncML>"
        )
    };
    for (dtd, proto, code) in [
        ("2.0", "SyncML/2.0", 505),
        ("1.2", "SyncML/3.0", 513),
        ("1.2", "DM/1.2", 513),
    ] {
        let answer = server.post(message(dtd, proto).as_bytes(), None).unwrap();
        assert_eq!(read(&answer.body).codes(), [code, code], "{dtd} {proto}");
    }
}

// spec: B14 C17 G17 S18
#[test]
fn one_datastore_fails_and_the_others_go_on() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    let mut unknown = sync_alert(1, 200, "", "1");
    if let Command::Alert(alert) = &mut unknown {
        alert.items[0].target = Some(syncml::Location::new("./bookmarks"));
    }
    let mut no_anchor = sync_alert(2, 200, "", "1");
    if let Command::Alert(alert) = &mut no_anchor {
        alert.items[0].target = Some(syncml::Location::new("./notes"));
        alert.items[0].meta = None;
    }
    let good = sync_alert(3, 200, "", "1");
    let said = phone.send(&mut server, &[unknown, no_anchor, good], true);
    assert_eq!(said.codes(), [212, 404, 412, 508]);
    assert_eq!(said.alerts.len(), 1);
    let mut wrong = sync_of(&[(Add, "a", "x")]);
    if let Command::Sync(sync) = &mut wrong {
        sync.cmd_id = "60".into();
        sync.target = Some(syncml::Location::new("./bookmarks"));
        if let Some(Command::Change(change)) = sync.commands.first_mut() {
            change.cmd_id = "61".into();
        }
    }
    let right = sync_of(&[(Add, "a", &card("Ann", "1"))]);
    let said = phone.send(&mut server, &[wrong, right], true);
    assert_eq!(said.codes(), [200, 404, 404, 200, 201]);
    assert_eq!(server.items().len(), 1);
}

// spec: F04 F22 S04
#[test]
fn device_information_is_exchanged() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    let said = phone.send(
        &mut server,
        &[sync_alert(1, 200, "", "1"), get_devinf()],
        true,
    );
    assert_eq!(said.code_of("Get"), 200);
    assert_eq!(
        said.others,
        ["Results", "Get"],
        "ours is given, theirs asked for"
    );
    assert!(said.is_final);
}

// spec: A28
#[test]
fn no_resp_is_kept() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    phone.no_resp = true;
    let said = phone.send(
        &mut server,
        &[sync_of(&[(Add, "a", &card("Ann", "1"))])],
        true,
    );
    assert!(said.statuses.is_empty());
    assert_eq!(server.items().len(), 1);
}

// spec: N15
#[test]
fn resp_uri_comes_after_the_login_and_has_to_be_kept() {
    let mut server = Server::new();
    server.resp_uri_base = Some("http://server/syncml");
    let mut phone = Client::new("phone");
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let uri = said.resp_uri.clone().unwrap();
    let token = uri.strip_prefix("http://server/syncml?sid=").unwrap();
    let replies = statuses_for(&said, 1);
    // two messages with the token, then one without: it is not this session any more
    let body = |phone: &mut Client, server: &mut Server, commands: &[Command<'_>], token| {
        let mut scratch = Server::new();
        phone.send(&mut scratch, commands, false);
        read(&server.post(&phone.last_body, token).unwrap().body)
    };
    let said = body(&mut phone, &mut server, &replies, Some(token));
    assert_eq!(said.code_of("SyncHdr"), 200);
    phone.cred = None;
    let said = body(&mut phone, &mut server, &[sync_of(&[])], None);
    assert_eq!(said.code_of("SyncHdr"), 407);
}

// spec: B18
#[test]
fn an_item_that_changed_while_it_was_sent_comes_again() {
    let mut server = Server::new();
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    Client::new("laptop").sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    let mut phone = Client::new("phone");
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let mut replies = statuses_for(&said, 1);
    replies.push(sync_of(&[]));
    let said = phone.send(&mut server, &replies, true);
    assert_eq!(said.changes.len(), 1);
    let contacts = server.contacts();
    let content = session::store::Content::new("text/x-vcard", new.as_bytes());
    server
        .state
        .replace_item(contacts, Guid(1), content, Origin::Local, 0)
        .unwrap();
    let mut replies = statuses_for(&said, 2);
    replies.push(map_of(vec![MapItem {
        guid: "1".into(),
        luid: "L".into(),
    }]));
    phone.send(&mut server, &replies, true);
    let next = phone.sync(&mut server, 200, ("1", "2"), &[]);
    assert_eq!(next.changes.len(), 1);
    assert_eq!(next.changes[0].luid, "L");
    assert_eq!(next.changes[0].content, new);
}

// spec: C12 R04
#[test]
fn a_change_without_a_map_or_a_status_comes_again() {
    let mut server = Server::new();
    let ann = card("Ann", "1");
    Client::new("laptop").sync(&mut server, 200, ("", "1"), &[(Add, "a", &ann)]);
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.changes.len(), 1);
    phone.send(&mut server, &[], true);
    let next = phone.sync(&mut server, 200, ("1", "2"), &[]);
    assert_eq!(next.alert_status, 200);
    assert_eq!(next.changes.len(), 1);
}

// spec: R06
#[test]
fn a_message_that_breaks_after_its_header_is_told_so_and_can_be_sent_again() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let mut scratch = Server::new();
    let ann = card("Ann", "1");
    phone.send(&mut scratch, &[sync_of(&[(Add, "a", &ann)])], true);
    let broken = &phone.last_body[..phone.last_body.len() - 40];
    let answer = read(&server.post(broken, None).unwrap().body);
    assert_eq!(answer.codes(), [400]);
    assert!(server.items().is_empty());
    assert!(server.post(&broken[..100], None).is_err(), "no header");
    let whole = phone.again(&mut server);
    assert_eq!(whole.codes(), [200, 200, 201]);
}

/// Takes messages until `count` items came; confirms and maps them; gives their GUIDs.
fn take(
    server: &mut Server,
    phone: &mut Client,
    mut said: scripted::Said,
    count: usize,
) -> Vec<String> {
    let mut guids = Vec::new();
    loop {
        guids.extend(said.changes.iter().map(|change| change.guid.clone()));
        let mut replies = statuses_for(&said, phone.message);
        let pairs: Vec<MapItem<'_>> = said
            .changes
            .iter()
            .map(|change| MapItem {
                guid: change.guid.clone().into(),
                luid: format!("luid-{}", change.guid).into(),
            })
            .collect();
        let is_final = said.is_final;
        if !pairs.is_empty() {
            replies.push(map_of(pairs));
        }
        let suspend = guids.len() >= count && !is_final;
        if suspend {
            replies.push(sync_alert(91, 224, "", ""));
        }
        said = phone.send(server, &replies, is_final || suspend);
        if suspend {
            assert!(said.changes.is_empty() && said.is_final, "suspended");
        }
        if is_final || suspend {
            return guids;
        }
    }
}

// spec: I05
#[test]
fn a_suspended_session_is_resumed_and_sends_nothing_twice() {
    for alert in [200, 201, 205] {
        let mut server = Server::new();
        let mut phone = Client::new("phone");
        phone.sync(
            &mut server,
            200,
            ("", "1"),
            &[(Add, "own", &card("Own", "0"))],
        );
        let cards: Vec<String> = (1..=20).map(|n| card("Ann", &n.to_string())).collect();
        let luids: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        let all: Vec<_> = cards
            .iter()
            .zip(&luids)
            .map(|(card, luid)| (Add, luid.as_str(), card.as_str()))
            .collect();
        Client::new("laptop").sync(&mut server, 200, ("", "1"), &all);

        phone.limit = 2000;
        phone.begin();
        let said = phone.send(&mut server, &[sync_alert(1, alert, "1", "2")], true);
        assert_eq!(said.alerts[0].0, alert);
        let own = card("Own", "0");
        let own_again = [(Replace, "own", own.as_str())];
        let sent: &[_] = if alert == 201 { &own_again } else { &[] };
        let said = phone.send(&mut server, &[sync_of(sent)], true);
        let mut got = take(&mut server, &mut phone, said, 5);
        assert!(got.len() < 20);

        phone.begin();
        let said = phone.send(&mut server, &[sync_alert(1, 225, "1", "3")], true);
        assert_eq!(said.code_of("Alert"), 200);
        assert_eq!(said.alerts[0].0, alert, "the type of the suspended session");
        let said = phone.send(&mut server, &[sync_of(&[])], true);
        got.extend(take(&mut server, &mut phone, said, usize::MAX));
        let expected = if alert == 205 { 21 } else { 20 };
        assert_eq!(got.len(), expected, "alert {alert}");
        got.sort();
        got.dedup();
        assert_eq!(got.len(), expected, "nothing came twice, alert {alert}");

        phone.limit = 100_000;
        let quiet = phone.sync(&mut server, 200, ("3", "4"), &[]);
        assert_eq!(quiet.alert_status, 200);
        assert!(quiet.changes.is_empty());
        assert_eq!(server.items().len(), 21);
    }
}

#[test]
fn a_slow_sync_that_broke_while_it_was_received_is_resumed() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let (ann, bob, eve) = (card("Ann", "1"), card("Bob", "2"), card("Eve", "3"));
    for alert in [201, 203] {
        phone.begin();
        phone.send(&mut server, &[sync_alert(1, alert, "", "1")], true);
        phone.send(
            &mut server,
            &[sync_of(&[(Add, "a", &ann), (Add, "b", &bob)])],
            false,
        );
        // the line breaks here; what was sent is not sent again
        phone.begin();
        let said = phone.send(&mut server, &[sync_alert(1, 225, "", "2")], true);
        assert_eq!((said.code_of("Alert"), said.alerts[0].0), (200, alert));
        let said = phone.send(&mut server, &[sync_of(&[(Add, "e", &eve)])], true);
        assert!(said.changes.is_empty());
        let replies = statuses_for(&said, 2);
        phone.send(&mut server, &replies, true);
        assert_eq!(server.contents(), [ann.clone(), bob.clone(), eve.clone()]);
    }
}

// spec: I06 I14
#[test]
fn a_resume_that_nothing_led_to_becomes_a_slow_sync() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let ann = card("Ann", "1");
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &ann)]);
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 225, "1", "2")], true);
    assert_eq!((said.code_of("Alert"), said.alerts[0].0), (508, 201));
    // another alert gives the open session up
    phone.sync(&mut server, 201, ("1", "2"), &[(Replace, "a", &ann)]);
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 225, "1", "3")], true);
    assert_eq!((said.code_of("Alert"), said.alerts[0].0), (508, 201));
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
fn what_came_in_a_session_that_broke_is_no_edit_when_it_comes_back() {
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    let (one, two, three) = (card("Ann", "1"), card("Ann", "2"), card("Ann", "3"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &one)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    phone.sync(&mut server, 200, ("1", "2"), &[(Replace, "a", &two)]);
    // the tablet takes the second version and cannot say so
    tablet.begin();
    tablet.send(&mut server, &[sync_alert(1, 200, "1", "2")], true);
    let said = tablet.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.changes[0].content, two);
    phone.sync(&mut server, 200, ("2", "3"), &[(Replace, "a", &three)]);
    let next = tablet.sync(&mut server, 200, ("1", "3"), &[(Replace, "luid-1", &two)]);
    assert_eq!(server.contents(), std::slice::from_ref(&three));
    assert_eq!(next.changes[0].content, three);
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

// spec: C11
#[test]
fn a_map_that_comes_with_the_next_session_is_as_good_as_in_time() {
    let mut server = Server::new();
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
    Client::new("laptop").sync(
        &mut server,
        200,
        ("", "1"),
        &[(Add, "a", &ann), (Add, "b", &bob)],
    );
    let mut phone = Client::new("phone");
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let mut replies = statuses_for(&said, 1);
    replies.push(sync_of(&[]));
    let said = phone.send(&mut server, &replies, true);
    assert_eq!(said.changes.len(), 2);
    phone.send(&mut server, &statuses_for(&said, 2), true);
    // the pairs come before the changes of the next session, which delete one of the items
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "1", "2")], true);
    let pair = |guid: &'static str| MapItem {
        guid: guid.into(),
        luid: format!("L{guid}").into(),
    };
    let late = map_of(vec![pair("1"), pair("2")]);
    let said = phone.send(&mut server, &[late, sync_of(&[(Delete, "L1", "")])], true);
    assert_eq!(said.codes(), [200, 200, 200, 200]);
    assert!(said.changes.is_empty(), "nothing is sent again");
    assert_eq!(server.contents(), [bob]);
}

#[test]
fn what_belongs_elsewhere_is_refused() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let event = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let outcome = phone.sync(
        &mut server,
        200,
        ("", "1"),
        &[(Add, "a", event), (Add, "b", &card("Ann", "1"))],
    );
    assert_eq!(outcome.codes, [415, 201]);
    assert_eq!(server.items().len(), 1);
}

#[test]
fn an_answer_is_no_larger_than_the_servers_own_limit() {
    let mut server = Server::new();
    server.config.max_msg_size = 4000;
    let cards: Vec<String> = (0..40).map(|n| card(&format!("Person {n}"), "1")).collect();
    let luids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let all: Vec<_> = cards
        .iter()
        .zip(&luids)
        .map(|(card, luid)| (Add, luid.as_str(), card.as_str()))
        .collect();
    Client::new("laptop").sync(&mut server, 200, ("", "1"), &all);
    let mut phone = Client {
        limit: 4_000_000_000,
        ..Client::new("phone")
    };
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert!(said.size <= 4000, "{}", said.size);
    assert!(!said.is_final);
}

#[test]
fn an_answer_is_not_given_again_to_who_did_not_send_the_message() {
    let mut server = Server::new();
    let ann = card("Ann", "1");
    Client::new("laptop").sync(&mut server, 200, ("", "1"), &[(Add, "a", &ann)]);
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.changes.len(), 1);
    let mut thief = Client {
        cred: None,
        ..Client::new("phone")
    };
    thief.session = phone.session;
    thief.message = phone.message - 1;
    let said = thief.send(&mut server, &[], false);
    assert!(said.changes.is_empty());
}

#[test]
fn changes_after_a_final_that_came_too_early_are_taken() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 203, "", "1")], true);
    phone.send(
        &mut server,
        &[sync_of(&[(Add, "a", &card("Ann", "1"))])],
        true,
    );
    let said = phone.send(
        &mut server,
        &[sync_of(&[(Add, "b", &card("Bob", "2"))])],
        true,
    );
    assert_eq!(said.code_of("Add"), 201);
    assert_eq!(server.items().len(), 2);
}

#[test]
fn a_stranger_gets_little_work_out_of_a_message() {
    let mut server = Server::new();
    let header = "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>\
        <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>s</LocURI></Target>\
        <Source><LocURI>phone</LocURI></Source></SyncHdr><SyncBody>";
    let gets =
        "<Get><CmdID>7</CmdID><Item><Target><LocURI>./devinf12</LocURI></Target></Item></Get>"
            .repeat(5000);
    let body = format!("{header}{gets}<Final/></SyncBody></SyncML>");
    let answer = server.post(body.as_bytes(), None).unwrap();
    assert!(answer.body.len() < 10_000);
    let kept = server.state.find_session("phone", "1", false).unwrap();
    assert!(kept.unwrap().state.len() < 2000);
}

// spec: R07
#[test]
fn headers_beyond_all_measure_are_refused_before_anything_is_kept() {
    let mut server = Server::new();
    let long = "x".repeat(50_000);
    for (device, session, message) in [
        (long.as_str(), "1", "1"),
        ("phone", long.as_str(), "1"),
        ("phone", "1", long.as_str()),
        ("", "1", "1"),
        ("pho&#1;ne", "1", "1"),
    ] {
        let body = format!(
            "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>\
             <SessionID>{session}</SessionID><MsgID>{message}</MsgID>\
             <Target><LocURI>s</LocURI></Target><Source><LocURI>{device}</LocURI></Source>\
             </SyncHdr><SyncBody><Final/></SyncBody></SyncML>"
        );
        assert!(server.post(body.as_bytes(), None).is_err());
    }
}

#[test]
fn a_stranger_does_not_hide_the_session_that_is_logged_in() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let mut stranger = Client {
        cred: None,
        ..Client::new("phone")
    };
    stranger.begin();
    stranger.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    phone.cred = None;
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.code_of("SyncHdr"), 200);
}

#[test]
fn a_session_without_a_token_stays_where_it_logged_in() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    server.peer = Some("10.0.0.1");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    phone.cred = None;
    server.peer = Some("10.0.0.2");
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.code_of("SyncHdr"), 407);
}

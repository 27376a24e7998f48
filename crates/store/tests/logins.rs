//! Who the client is, in every way that a server may be told to ask, and what it may do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use session::client::Mode;
use session::server::{AnswerError, Scheme, Verdict};
use session::store::Permission;
use syncml::{Command, Cred, Data, Encoding, Meta, Version, auth};

use scripted::device::Device;
use scripted::{Client, PASSWORD, Said, Server, USER, statuses_for, sync_alert, sync_of};

fn alert() -> Command<'static> {
    sync_alert(1, 200, "", "1")
}

fn first(phone: &mut Client, server: &mut Server) -> Said {
    phone.begin();
    phone.send(server, &[alert()], true)
}

fn scheme_of(said: &Said) -> &str {
    said.challenges[0].meta.media_type.as_deref().unwrap()
}

fn nonce_of(said: &Said) -> Vec<u8> {
    said.challenges[0].meta.next_nonce.clone().unwrap()
}

fn digest_over(nonce: &[u8]) -> Cred<'static> {
    auth::md5_cred(auth::md5(&auth::user_digest(USER, PASSWORD), nonce))
}

fn mac_server() -> Server {
    let mut server = Server::new();
    server.config.auth.scheme = Scheme::Mac;
    server
}

// spec: N21 E10
#[test]
fn a_mac_proves_each_message() {
    let mut server = mac_server();
    let mut phone = Client {
        cred: None,
        ..Client::new("phone")
    };
    let said = first(&mut phone, &mut server);
    assert_eq!(said.codes(), [407, 407]);
    assert_eq!(scheme_of(&said), auth::MAC);
    let mut nonce = nonce_of(&said);
    for expected in [vec![200, 508], vec![200, 200]] {
        phone.mac_nonce = Some(nonce.clone());
        let said = if expected[1] == 508 {
            phone.send(&mut server, &[alert()], true)
        } else {
            phone.send(&mut server, &[sync_of(&[])], true)
        };
        assert_eq!(said.codes(), expected);
        assert_ne!(nonce_of(&said), nonce);
        nonce = nonce_of(&said);
    }
}

// spec: N21 E08
#[test]
fn a_message_without_its_mac_changes_nothing() {
    let mut server = mac_server();
    let mut phone = Client {
        cred: None,
        ..Client::new("phone")
    };
    let challenge = nonce_of(&first(&mut phone, &mut server));
    phone.mac_nonce = Some(challenge.clone());
    let said = phone.send(&mut server, &[alert()], true);
    let next = nonce_of(&said);
    let card = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake\r\nEND:VCARD\r\n";
    let add = sync_of(&[(syncml::ChangeKind::Add, "1", card)]);
    for nonce in [None, Some(challenge), Some(b"made up".to_vec())] {
        let code = if nonce.is_none() { 407 } else { 401 };
        phone.mac_nonce = nonce;
        let said = phone.send(&mut server, std::slice::from_ref(&add), true);
        assert_eq!(said.codes(), [code, code, code]);
        assert!(said.is_final && said.alerts.is_empty());
        assert!(server.items().is_empty());
    }
    // the owner goes on where the session was
    phone.mac_nonce = Some(next);
    let said = phone.send(&mut server, &[add], true);
    assert_eq!(said.codes(), [200, 200, 201]);
}

// spec: E10
#[test]
fn a_login_may_hold_for_one_message() {
    for is_digest in [false, true] {
        let mut server = Server::new();
        server.config.auth.per_message = true;
        let mut phone = Client::new("phone");
        let mut next = Vec::new();
        if is_digest {
            phone.cred = None;
            next = nonce_of(&first(&mut phone, &mut server));
            phone.cred = Some(digest_over(&next));
        } else {
            phone.begin();
        }
        let said = phone.send(&mut server, &[alert()], true);
        assert_eq!(said.codes(), [200, 508]);
        let cred = phone.cred.take();
        let said_without = phone.send(&mut server, &[sync_of(&[])], true);
        assert_eq!(said_without.codes(), [407, 407]);
        phone.cred = cred;
        if is_digest {
            let said_again = phone.send(&mut server, &[sync_of(&[])], true);
            assert_eq!(said_again.codes()[0], 401, "a used nonce");
            assert_ne!(nonce_of(&said), next);
            phone.cred = Some(digest_over(&nonce_of(&said)));
        }
        let said = phone.send(&mut server, &[sync_of(&[])], true);
        assert_eq!(said.codes(), [200, 200]);
    }
}

// spec: E14
#[test]
fn a_device_that_keeps_its_nonce_as_a_string_needs_no_second_try() {
    let as_string = |nonce: Vec<u8>| -> Vec<u8> {
        let kept = nonce.into_iter();
        kept.take_while(|byte| *byte != 0).collect()
    };
    for draws in 0..=u8::MAX {
        let mut server = Server::new();
        server.draws = draws;
        let mut phone = Client {
            cred: None,
            ..Client::new("phone")
        };
        let said = first(&mut phone, &mut server);
        phone.cred = Some(digest_over(&as_string(nonce_of(&said))));
        let said = phone.send(&mut server, &[alert()], true);
        assert_eq!(said.codes()[0], 212, "in the session, after draw {draws}");
        phone.cred = Some(digest_over(&as_string(nonce_of(&said))));
        let said = first(&mut phone, &mut server);
        assert_eq!(said.codes()[0], 212, "in the next one, after draw {draws}");
    }
}

#[test]
fn a_session_does_not_change_its_owner() {
    let mut server = Server::new();
    server.config.auth.per_message = true;
    let digest = auth::user_digest("eve", "secret");
    server.state.add_account("eve", &digest, None);
    let mut phone = Client::new("phone");
    first(&mut phone, &mut server);
    phone.cred = Some(auth::basic_cred("eve", "secret"));
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.codes(), [401, 401]);
}

// spec: E21
#[test]
fn sessions_without_credentials_are_taken_where_that_is_allowed() {
    let mut server = Server::new();
    server.config.auth.anonymous = Some(USER.to_owned());
    let mut phone = Client {
        cred: None,
        ..Client::new("phone")
    };
    assert_eq!(first(&mut phone, &mut server).codes(), [200, 508]);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.codes(), [200, 200]);
    phone.cred = Some(auth::basic_cred(USER, "wrong"));
    assert_eq!(first(&mut phone, &mut server).codes(), [401, 401]);
    server.config.auth.anonymous = Some("nobody".to_owned());
    phone.cred = None;
    assert_eq!(first(&mut phone, &mut server).codes(), [407, 407]);
}

// spec: E17 E07
#[test]
fn an_unknown_scheme_is_answered_by_a_known_one() {
    let mut server = Server::new();
    let cred = Cred {
        meta: Some(Meta::of_type("syncml:auth-x509")),
        data: Data::text("QUJD"),
    };
    let mut phone = Client {
        cred: Some(cred),
        ..Client::new("phone")
    };
    let said = first(&mut phone, &mut server);
    assert_eq!(said.codes(), [401, 401]);
    assert_eq!(scheme_of(&said), auth::MD5);
    phone.cred = Some(digest_over(&nonce_of(&said)));
    let said = phone.send(&mut server, &[alert()], true);
    assert_eq!(said.codes(), [212, 508]);
}

// spec: E19
#[test]
fn a_digest_may_be_raw_bytes() {
    let mut server = Server::new();
    let mut phone = Client {
        cred: None,
        encoding: Encoding::Wbxml,
        version: Version::V1_1,
        ..Client::new("phone")
    };
    let nonce = nonce_of(&first(&mut phone, &mut server));
    let digest = auth::md5(&auth::user_digest(USER, PASSWORD), &nonce);
    phone.cred = Some(Cred {
        meta: Some(Meta {
            format: Some("bin".into()),
            ..Meta::of_type(auth::MD5)
        }),
        data: Data::Bytes(digest.to_vec().into()),
    });
    let said = phone.send(&mut server, &[alert()], true);
    assert_eq!(said.codes(), [212, 508]);
}

fn alert_with(cred: Cred<'static>) -> Command<'static> {
    let Command::Alert(mut alert) = alert() else {
        unreachable!("it is an alert");
    };
    alert.cred = Some(cred);
    Command::Alert(alert)
}

// spec: E16
#[test]
fn credentials_at_a_datastore_are_judged_there() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    let wrong = alert_with(auth::basic_cred(USER, "wrong"));
    let said = phone.send(&mut server, &[wrong], true);
    assert_eq!(said.codes(), [212, 401], "header and alert");
    assert!(said.alerts.is_empty());
    let nonce = nonce_of(&said);
    // the alert may come again in the session
    let right = alert_with(digest_over(&nonce));
    let mut more = statuses_for(&said, 1);
    more.push(right);
    let said = phone.send(&mut server, &more, true);
    assert_eq!(said.code_of("Alert"), 508);
    assert_eq!(said.alerts.len(), 1);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.code_of("Sync"), 200);
}

// spec: E16
#[test]
fn the_same_digest_may_stand_in_header_and_alert() {
    let mut server = Server::new();
    let mut phone = Client {
        cred: None,
        ..Client::new("phone")
    };
    let nonce = nonce_of(&first(&mut phone, &mut server));
    phone.cred = Some(digest_over(&nonce));
    let said = phone.send(&mut server, &[alert_with(digest_over(&nonce))], true);
    assert_eq!(said.codes(), [212, 508]);
}

// spec: E09
#[test]
fn a_login_may_stand_in_the_alert_alone() {
    let mut server = Server::new();
    let mut phone = Client {
        cred: None,
        ..Client::new("phone")
    };
    phone.begin();
    let basic = auth::basic_cred(USER, PASSWORD);
    let said = phone.send(&mut server, &[alert_with(basic)], true);
    assert_eq!(said.codes(), [212, 508]);
    let wrong = alert_with(auth::basic_cred(USER, "wrong"));
    phone.begin();
    assert_eq!(phone.send(&mut server, &[wrong], true).codes(), [401, 401]);
}

#[test]
fn an_authority_is_asked_before_anything_is_done() {
    let mut server = Server::new();
    server.config.auth.delegates = true;
    let mut phone = Client::new("phone");
    // the account's own password needs no authority
    assert_eq!(first(&mut phone, &mut server).codes(), [212, 508]);
    phone.cred = None;
    let said = first(&mut phone, &mut server);
    assert_eq!(
        scheme_of(&said),
        auth::BASIC,
        "a digest could not be judged"
    );
    let cred = auth::basic_cred("Bruce@example", "directory");
    phone.cred = Some(cred);
    server.verdict = Some(Verdict::Unknown);
    assert_eq!(first(&mut phone, &mut server).codes(), [401, 401]);
    let body = phone.last_body.clone();
    let refused = server.post(&body, None).unwrap();
    assert!(refused.repeated);
    server.verdict = Some(Verdict::Vouched { account: USER });
    assert_eq!(first(&mut phone, &mut server).codes(), [212, 508]);

    server.verdict = None;
    let body = String::from_utf8(phone.last_body.clone()).unwrap();
    let body = body.replace("<SessionID>", "<SessionID>9");
    let Err(AnswerError::Ask { question }) = server.post(body.as_bytes(), None) else {
        panic!("nobody was asked");
    };
    assert_eq!(question.user, "Bruce@example");
    assert_eq!(question.password, "directory");
    assert!(!format!("{question:?}").contains("directory"));
}

fn card(name: &str, phone: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\nTEL;CELL:{phone}\r\nEND:VCARD\r\n")
}

#[test]
fn a_refused_datastore_is_refused_in_its_alert() {
    let mut server = Server::new();
    let contacts = server.contacts();
    server
        .state
        .set_permission(contacts, Some("phone"), Permission::Refused);
    let mut phone = Client::new("phone");
    let said = first(&mut phone, &mut server);
    assert_eq!(said.codes(), [212, 403]);
    assert!(said.alerts.is_empty());
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.code_of("Sync"), 404, "there is no such alert");
    // another device is not meant, and what is said of all is overruled for one
    let mut tablet = Client::new("tablet");
    assert_eq!(first(&mut tablet, &mut server).codes(), [212, 508]);
    server
        .state
        .set_permission(contacts, None, Permission::Refused);
    assert_eq!(first(&mut tablet, &mut server).codes(), [212, 403]);
    server
        .state
        .set_permission(contacts, Some("tablet"), Permission::ReadWrite);
    assert_eq!(first(&mut tablet, &mut server).codes(), [212, 508]);
}

#[test]
fn a_device_that_may_only_read_changes_nothing() {
    use syncml::ChangeKind::{Add, Delete, Replace};
    let mut server = Server::new();
    let ann = card("Ann", "1");
    let bob = card("Bob", "2").replace("END:", "EMAIL:bob@example.org\r\nEND:");
    let mut laptop = Client::new("laptop");
    let both = [(Add, "a", ann.as_str()), (Add, "b", bob.as_str())];
    laptop.sync(&mut server, 200, ("", "1"), &both);
    let contacts = server.contacts();
    server
        .state
        .set_permission(contacts, Some("phone"), Permission::ReadOnly);

    // what the phone has already does not come twice, and where it differs it gets the server's
    let mut phone = Client::new("phone");
    let (other_bob, eve) = (card("Bob", "2"), card("Eve", "3"));
    let changes = [
        (Add, "1", ann.as_str()),
        (Add, "2", other_bob.as_str()),
        (Add, "3", eve.as_str()),
    ];
    let outcome = phone.sync(&mut server, 201, ("", "1"), &changes);
    assert_eq!(outcome.alert_status, 200);
    assert_eq!(outcome.codes, [200, 419, 425]);
    assert_eq!(outcome.changes.len(), 1, "{:?}", outcome.changes);
    assert_eq!(outcome.changes[0].kind, Replace);
    assert_eq!(outcome.changes[0].luid, "2");
    assert_eq!(outcome.changes[0].content, bob);
    assert_eq!(server.contents(), [ann.clone(), bob.clone()]);

    let cat = card("Cat", "9");
    laptop.sync(&mut server, 200, ("1", "2"), &[(Add, "c", cat.as_str())]);
    let changes = [
        (Replace, "1", other_bob.as_str()),
        (Delete, "2", ""),
        (Add, "4", eve.as_str()),
    ];
    let outcome = phone.sync(&mut server, 200, ("1", "2"), &changes);
    assert_eq!(outcome.codes, [425, 425, 425]);
    assert_eq!(outcome.changes.len(), 1);
    assert_eq!(outcome.changes[0].content, cat);
    assert_eq!(server.contents().len(), 3);

    // types that only change the server are refused whole: a refresh would empty it
    for code in [202, 203] {
        phone.begin();
        let alert = sync_alert(1, code, "2", "3");
        let said = phone.send(&mut server, &[alert], true);
        assert_eq!(said.codes(), [212, 425]);
    }
}

// spec: K11
#[test]
fn a_login_beyond_the_sessions_at_one_time_is_put_off() {
    let mut server = Server::new();
    server.config.max_sessions = 2;
    for device in ["phone", "laptop"] {
        let said = first(&mut Client::new(device), &mut server);
        assert_eq!(said.codes(), [212, 508]);
    }
    // neither those who are in nor another session of theirs is one too many
    let mut phone = Client::new("phone");
    phone.session = 1;
    assert_eq!(first(&mut phone, &mut server).codes(), [212, 508]);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.codes()[0], 200);

    let before = server.state.told();
    let mut tablet = Client::new("tablet");
    let said = first(&mut tablet, &mut server);
    assert_eq!(said.codes(), [503, 503]);
    assert!(said.challenges.is_empty());
    let is_there = server.state.device(server.account, "tablet").unwrap();
    assert_eq!(is_there, None);
    assert_eq!(server.state.told(), before);
    // strangers take nobody's place, and the same message is good later
    server.now += 70;
    for device in ["a", "b", "c"] {
        let mut stranger = Client {
            cred: None,
            ..Client::new(device)
        };
        assert_eq!(first(&mut stranger, &mut server).codes(), [407, 407]);
    }
    assert_eq!(tablet.again(&mut server).codes(), [212, 508]);
}

// spec: K11
#[test]
fn the_sessions_of_one_account_do_not_keep_others_out() {
    let mut server = Server::new();
    server.config.max_sessions_per_account = 2;
    let other = "austin";
    let digest = auth::user_digest(other, PASSWORD);
    server.state.add_account(other, &digest, Some(PASSWORD));
    let mut phone = Client::new("phone");
    for client in [&mut phone, &mut Client::new("laptop")] {
        assert_eq!(first(client, &mut server).codes(), [212, 508]);
    }
    let mut tablet = Client::new("tablet");
    assert_eq!(first(&mut tablet, &mut server).codes(), [503, 503]);
    let mut guest = Client {
        cred: Some(auth::basic_cred(other, PASSWORD)),
        ..Client::new("tablet")
    };
    assert_eq!(first(&mut guest, &mut server).codes(), [212, 508]);
    // those who are in go on, and who was put off comes in when one of them is done
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.codes()[0], 200);
    server.now += 70;
    assert_eq!(tablet.again(&mut server).codes(), [212, 508]);
}

// spec: K11
#[test]
fn a_digest_that_was_put_off_is_good_later() {
    let mut server = Server::new();
    let mut tablet = Client {
        cred: None,
        ..Client::new("tablet")
    };
    let nonce = nonce_of(&first(&mut tablet, &mut server));
    server.config.max_sessions = 1;
    first(&mut Client::new("phone"), &mut server);
    tablet.cred = Some(digest_over(&nonce));
    let said = tablet.send(&mut server, &[alert()], true);
    assert_eq!(said.codes(), [503, 503]);
    server.now += 70;
    assert_eq!(tablet.again(&mut server).codes(), [212, 508]);
}

// spec: K11
#[test]
fn a_session_that_is_over_takes_no_place() {
    let mut server = Server::new();
    server.config.max_sessions = 1;
    for name in ["phone", "laptop", "tablet"] {
        Device::new(name).sync(&mut server, Mode::Slow);
    }
}

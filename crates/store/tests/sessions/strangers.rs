//! Logins, and what a peer that has none gets.

use session::peer::Table;
use syncml::ChangeKind::Add;
use syncml::{Version, auth};

use crate::scripted::{Client, PASSWORD, Said, Server, USER, card, sync_alert, sync_of};

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
            let nonce_of = |said: &Said| {
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
fn a_digest_over_no_nonce_logs_in_where_a_rule_says_so() {
    let log_in = |rule: &str, password: &str| {
        let mut server = Server::new();
        server.config.rules = Table::parse(rule).unwrap();
        server.user_agent = Some("Symbian SyncMLClient (M600)");
        let mut phone = Client {
            cred: Some(auth::md5_cred(auth::md5(
                &auth::user_digest(USER, password),
                b"",
            ))),
            ..Client::new("phone")
        };
        phone.begin();
        phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true)
    };
    let rule = "[[rule]]\nname = 'mine'\nmatch.user-agent = ['*M600*']\nset.empty-nonce = true\n";
    let said = log_in(rule, PASSWORD);
    assert_eq!(said.codes(), [212, 508]);
    assert!(
        !said.challenges[0]
            .meta
            .next_nonce
            .clone()
            .unwrap()
            .is_empty()
    );
    assert_eq!(log_in(rule, "wrong").codes(), [401, 401]);
    assert_eq!(log_in("", PASSWORD).codes(), [401, 401]);
    assert_eq!(
        log_in(&rule.replace("M600", "P990"), PASSWORD).codes(),
        [401, 401]
    );
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

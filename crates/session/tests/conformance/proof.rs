//! Logins beside that of the session: a server that proves the bytes of its messages, and datastores that
//! ask for a login of their own.

use super::*;
use session::client::{Error, Login};
use syncml::auth;

const CHALLENGE: &str = "<Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-MAC</Type>\
    <Format xmlns='syncml:metinf'>b64</Format>\
    <NextNonce xmlns='syncml:metinf'>Tm9uY2U=</NextNonce></Meta></Chal><Data>401<";

/// A session whose messages the server wants proved by MAC, and that expects the same of the server; with
/// the message in which it asks for that, and the nonce.
fn asking() -> (Session, Sent, Vec<u8>) {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    session.expect_server("sync.example", "secret", [7; 16]);
    let first = next(&mut session);
    let answer = first.answer(|_| 401, "", "<Final/>");
    let answer = answer.replacen("<Data>212<", CHALLENGE, 1);
    session.receive(answer.as_bytes(), None).unwrap();
    let mut has_mac = false;
    let second = next_of(&mut session, |step| {
        has_mac = matches!(step, Step::Send { mac: Some(_), .. });
    });
    assert!(has_mac);
    let answer = second.answer(|_| 200, "", &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    let third = next(&mut session);
    let document = Document::new(&third.body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let chal = message.commands.iter().find_map(|command| match command {
        Command::Status(status) => status.chal.clone(),
        _ => None,
    });
    let meta = chal.unwrap().meta;
    assert_eq!(meta.media_type.as_deref(), Some("syncml:auth-MAC"));
    let nonce = meta.next_nonce.unwrap().clone();
    drop(message);
    (session, third, nonce)
}

fn mac(user: &str, password: &str, nonce: &[u8], body: &[u8]) -> String {
    let digest = auth::mac(&auth::user_digest(user, password), nonce, body);
    let user = user.to_owned();
    auth::Mac { user, digest }.to_string()
}

// spec: N21 E15
#[test]
fn a_server_that_signs_its_messages_is_known_by_that() {
    let (mut session, sent, nonce) = asking();
    let answer = sent.answer(|_| 200, "", &alert(200));
    let proof = mac("sync.example", "secret", &nonce, answer.as_bytes());
    session
        .receive_proved(answer.as_bytes(), None, Some(&proof))
        .unwrap();
    let next = next(&mut session);
    assert!(next.has("Sync"), "{}", next.text);
    assert!(next.text.contains("<Data>212</Data>"));
}

// spec: N21 E15
#[test]
fn a_signature_of_other_bytes_or_of_another_server_proves_nothing() {
    for (user, password, other) in [
        ("sync.example", "guess", ""),
        ("other.example", "secret", ""),
        ("sync.example", "secret", " "),
    ] {
        let (mut session, sent, nonce) = asking();
        let answer = sent.answer(|_| 200, "", &alert(200));
        let proof = mac(user, password, &nonce, answer.as_bytes());
        let received = answer + other;
        let outcome = session.receive_proved(received.as_bytes(), None, Some(&proof));
        if outcome.is_ok() {
            let sent = next(&mut session);
            assert!(!sent.has("Sync") && sent.text.contains("<Data>401</Data>"));
            let answer = sent.answer(|_| 200, "", &alert(200));
            let error = session.receive_proved(answer.as_bytes(), None, Some(&proof));
            assert!(matches!(error, Err(Error::Impostor { .. })));
        }
    }
}

/// An answer in which the datastore wants a login by this scheme, and the session goes on without it.
fn asked_by(sent: &Sent, scheme: &str) -> String {
    let chal = CHALLENGE.replace("auth-MAC", &format!("auth-{scheme}"));
    let chal = chal.replace("<Data>401<", "<Data>407<");
    let status = |name: &str| if name == "Alert" { 407 } else { 200 };
    let answer = sent.answer(status, "", "<Final/>");
    answer.replacen("<Data>407<", &chal, 1)
}

fn alert_cred(sent: &Sent) -> Option<String> {
    let document = Document::new(&sent.body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    message.commands.iter().find_map(|command| match command {
        Command::Alert(alert) => alert.cred.as_ref().map(|cred| format!("{:?}", cred.data)),
        _ => None,
    })
}

// spec: E16
#[test]
fn a_datastore_that_asks_for_a_login_of_its_own_gets_one() {
    let replica = Shared::default();
    replica.lock().unwrap().insert("text/plain", b"mine");
    let mut session = contacts(Mode::TwoWay, &replica);
    let first = next(&mut session);
    assert_eq!(alert_cred(&first), None);
    let answer = asked_by(&first, "md5");
    session.receive(answer.as_bytes(), None).unwrap();
    let second = next(&mut session);
    let digest = auth::md5(&auth::user_digest("bruce", "OhBehave"), b"Nonce");
    let expected = format!("{:?}", auth::md5_cred(digest).data);
    assert_eq!(alert_cred(&second), Some(expected));
    assert!(second.is_final && !second.has("Put") && !second.has("Sync"));
    let answer = second.answer(|_| 200, "", &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    let third = exchange(&mut session, &sync(""));
    assert!(third.has("Sync") && third.has("Add"), "{}", third.text);
    exchange(&mut session, "<Final/>");
    assert!(is_over(&mut session));
    assert_eq!(session.summary().sources[0].error, None);
}

// spec: E16
#[test]
fn a_datastore_has_a_login_of_its_own_where_one_is_named_for_it() {
    let of = |user: &str| Login {
        user: user.to_owned(),
        password: "secret".to_owned(),
    };
    for (scheme, expected) in [
        (
            "md5",
            auth::md5_cred(auth::md5(&auth::user_digest("ann", "secret"), b"Nonce")),
        ),
        ("basic", auth::basic_cred("ann", "secret")),
    ] {
        let mut session = contacts(Mode::TwoWay, &Shared::default());
        session.log_in_as("contacts", of("ann"));
        session.log_in_as("notes", of("bob"));
        let first = next(&mut session);
        assert!(!first.text.contains(">ann<"), "nobody has asked");
        let answer = asked_by(&first, scheme);
        session.receive(answer.as_bytes(), None).unwrap();
        let second = next(&mut session);
        assert_eq!(alert_cred(&second), Some(format!("{:?}", expected.data)));
        let text: String = second.text.split_whitespace().collect();
        let named = "<LocURI>./contacts</LocURI><LocName>ann</LocName>";
        assert!(text.contains(named), "{text}");
        let header = text.split("</SyncHdr>").next().unwrap();
        assert!(header.contains("<LocName>bruce</LocName>"), "{header}");
    }
}

// spec: E16
#[test]
fn a_datastore_that_asks_again_or_in_a_way_that_is_not_known_is_left() {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    for _ in 0..2 {
        let sent = next(&mut session);
        let answer = asked_by(&sent, "md5");
        session.receive(answer.as_bytes(), None).unwrap();
    }
    assert!(is_over(&mut session));
    let error = session.summary().sources[0].error.clone().unwrap();
    assert!(error.contains("407"), "{error}");

    for scheme in ["x509", "MAC"] {
        let mut session = contacts(Mode::TwoWay, &Shared::default());
        let sent = next(&mut session);
        let answer = asked_by(&sent, scheme);
        session.receive(answer.as_bytes(), None).unwrap();
        assert!(is_over(&mut session), "{scheme}");
    }
}

// spec: E16
#[test]
fn a_password_in_the_clear_is_told_to_no_datastore_over_a_line_that_others_read() {
    for (url, tells) in [
        ("https://server/syncml", true),
        ("http://server/syncml", false),
    ] {
        let mut config = config(Version::V1_2, Encoding::Xml);
        config.url = url.into();
        let mut session = session_of(config, Mode::TwoWay, &Shared::default());
        let sent = next(&mut session);
        let answer = asked_by(&sent, "basic");
        session.receive(answer.as_bytes(), None).unwrap();
        assert_eq!(is_over_or_cred(&mut session).is_some(), tells, "{url}");
    }
}

fn is_over_or_cred(session: &mut Session) -> Option<String> {
    match session.step().unwrap() {
        Step::Done(_) => None,
        Step::Send { body, .. } => {
            let text = syncml::transcode::to_xml(&body).unwrap();
            text.contains("syncml:auth-basic").then_some(text)
        }
    }
}

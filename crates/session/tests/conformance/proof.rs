//! A server that proves the bytes of its messages.

use super::*;
use session::client::Error;
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

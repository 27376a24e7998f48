//! Logins that a real LDAP directory judges.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod certified;

use certified::certified;
use testkit::items::Kind;
use testkit::slapd::{PERSON, Slapd};
use testkit::syncline::{Device, Installation};
use testkit::{Peer, require};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

#[test]
fn people_of_a_directory_log_in_and_get_their_accounts() {
    let Some(installed) = require(Peer::Slapd) else {
        return;
    };
    let directory = Slapd::start(installed, &[("ada", "from the directory")]).unwrap();
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("bob", "of his own").unwrap();
    let text = format!(
        "[server.ldap]\nurl = '{}'\nbind = '{PERSON}'\n",
        directory.url()
    );
    installation.configure(&text).unwrap();
    let server = installation.serve().unwrap();

    let sync = |user: &str, password: &str| {
        let stores = [("contacts", Kind::Contact)];
        let device = Device::new(PROGRAM, server.url(), user, password, &stores).unwrap();
        device.run("two-way").unwrap().code
    };
    assert_eq!(sync("ada", "from the directory"), Some(0));
    assert_eq!(
        sync("Ada", "from the directory"),
        Some(0),
        "the same person"
    );
    assert_eq!(sync("bob", "of his own"), Some(0), "an account of our own");
    for (user, password) in [
        ("ada", "guess"),
        ("bob", "from the directory"),
        ("eve", "from the directory"),
        ("ada,ou=people", "from the directory"),
        ("*", "from the directory"),
    ] {
        assert_eq!(sync(user, password), Some(3), "{user} {password}");
    }
    let list = installation.run(&["user", "list"], b"").unwrap().text();
    assert!(list.contains("ada") && !list.contains("eve"), "{list}");

    drop(directory);
    assert_eq!(sync("ada", "from the directory"), Some(3), "nobody vouches");
    assert_eq!(sync("bob", "of his own"), Some(0));
}

#[test]
fn a_directory_is_asked_for_its_certificate() {
    let Some(installed) = require(Peer::Slapd) else {
        return;
    };
    let ([authority, certificate, key], [stranger, ..]) = (certified(), certified());
    let parts = Some([certificate.as_str(), key.as_str()]);
    let directory = Slapd::start_with(installed, &[("ada", "secret")], parts).unwrap();
    let encrypted = directory.encrypted_url().unwrap().to_owned();
    let plain = directory.url().replace("127.0.0.1", "localhost");
    let folder = tempfile::tempdir().unwrap();
    let [known, unknown] = [("known", authority), ("unknown", stranger)].map(|(name, pem)| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    });
    for (url, start_tls) in [(&encrypted, false), (&plain, true)] {
        for (authorities, expected) in [(&known, 0), (&unknown, 3)] {
            let installation = Installation::new(PROGRAM).unwrap();
            let text = format!(
                "[server.ldap]\nurl = '{url}'\nbind = '{PERSON}'\nstart-tls = {start_tls}\n"
            );
            installation.configure(&text).unwrap();
            let server = installation.serve_trusting(authorities).unwrap();
            let stores = [("contacts", Kind::Contact)];
            let device = Device::new(PROGRAM, server.url(), "ada", "secret", &stores).unwrap();
            let output = device.run("two-way").unwrap();
            assert_eq!(output.code, Some(expected), "{url}: {}", output.all());
            let says = server.logs().contains("certificate");
            assert_eq!(says, expected != 0, "{url}: {}", server.logs());
        }
    }
}

//! Notifications against packages whose bytes and digests were computed elsewhere, and at random.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use proptest::prelude::*;
use syncml::san::{
    self, ContentType, Error, Initiator, MAX_PACKAGE, Notification, Package, Received, Sync,
    UiMode, push,
};
use syncml::{AlertCode, Encoding, Version};

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    std::fs::read(folder.join(name)).unwrap()
}

fn package(name: &str) -> Result<Package, Error> {
    Package::read(&sample(&format!("san/{name}.san")))
}

fn secret() -> String {
    san::password_digest("sync.example.com", "secret")
}

fn sync(code: u16, content_type: ContentType, server_uri: &str) -> Sync {
    Sync {
        code: AlertCode(code),
        content_type,
        server_uri: server_uri.into(),
        client_uri: None,
    }
}

fn one_sync() -> Notification {
    Notification {
        version: Version::V1_2,
        ui_mode: UiMode::Background,
        initiator: Initiator::Server,
        session_id: Some(0x1234.to_string()),
        server_id: "sync.example.com".into(),
        syncs: vec![sync(206, ContentType::Code(7), "./card")],
        vendor: Vec::new(),
    }
}

fn three_syncs() -> Notification {
    Notification {
        ui_mode: UiMode::UserInteraction,
        initiator: Initiator::User,
        session_id: None,
        syncs: vec![
            sync(206, ContentType::Code(7), "./card"),
            sync(208, ContentType::Code(6), "./calendar"),
            sync(210, ContentType::Code(3), "./notes"),
        ],
        ..one_sync()
    }
}

// spec: Q01
#[test]
fn packages_are_written_bit_by_bit() {
    assert_eq!(
        san::password_digest("sync.example.com", "secret"),
        "gAYB6S+sRRHOqwejL1YcOQ=="
    );
    let none = Notification {
        syncs: Vec::new(),
        ..one_sync()
    };
    let vendor = Notification {
        vendor: b"X-Vendor\x01\x02\x03".to_vec(),
        ..one_sync()
    };
    for (notification, name) in [
        (one_sync(), "one_sync"),
        (three_syncs(), "three_syncs"),
        (none, "no_sync"),
        (vendor, "vendor_tail"),
    ] {
        let written = notification.to_package(&secret(), b"Nonce").unwrap();
        assert_eq!(written, sample(&format!("san/{name}.san")), "{name}");
    }
    let written = one_sync().to_package(&secret(), b"").unwrap();
    assert_eq!(written, sample("san/empty_nonce.san"));
}

// spec: Q02
#[test]
fn packages_are_read_with_all_their_fields() {
    assert_eq!(package("one_sync").unwrap().notification, one_sync());
    assert_eq!(package("three_syncs").unwrap().notification, three_syncs());
    let vendor = package("vendor_tail").unwrap().notification.vendor;
    assert_eq!(vendor, b"X-Vendor\x01\x02\x03");
    let version = package("version11").unwrap().notification.version;
    assert_eq!(version, Version::V1_1);
    assert_eq!(
        package("fifteen_syncs").unwrap().notification.syncs.len(),
        15
    );
    let uri = package("utf8_uri").unwrap().notification.syncs.remove(0);
    assert_eq!(uri.server_uri, "./Kontakte/Jörg");
    let codes = package("all_types").unwrap().notification.syncs;
    let codes: Vec<u16> = codes.iter().map(|sync| sync.code.0).collect();
    assert_eq!(codes, [206, 207, 208, 209, 210]);
    for ui_mode in [
        UiMode::NotSpecified,
        UiMode::Background,
        UiMode::Informative,
        UiMode::UserInteraction,
    ] {
        let notification = Notification {
            ui_mode,
            ..one_sync()
        };
        let written = notification.to_package("", b"").unwrap();
        assert_eq!(Package::read(&written).unwrap().notification, notification);
    }
}

// spec: Q03
#[test]
fn only_the_right_digest_proves_a_package() {
    let proved = |name: &str, nonce: &[u8]| package(name).unwrap().is_proved_by(&secret(), nonce);
    for name in [
        "one_sync",
        "no_sync",
        "three_syncs",
        "vendor_tail",
        "all_types",
    ] {
        assert!(proved(name, b"Nonce"), "{name}");
        assert!(!proved(name, b"Nonse"), "{name}");
        assert!(!proved(name, b""), "{name}");
    }
    assert!(proved("nonce_as_base64", b"Nonce"));
    assert!(proved("empty_nonce", b""));
    assert!(!proved("empty_nonce", b"Nonce"));
    assert!(!proved("zero_digest", b"Nonce"));
    assert!(!proved("bad/wrong_digest", b"Nonce"));
    let other = san::password_digest("sync.example.com", "Secret");
    assert!(!package("one_sync").unwrap().is_proved_by(&other, b"Nonce"));
}

// spec: Q06
#[test]
fn bits_for_future_use_are_sent_as_zero_and_ignored() {
    let read = package("bad/reserved_bits").unwrap();
    assert_eq!(read.notification, one_sync());
    let written = one_sync().to_package("", b"").unwrap();
    assert_eq!((written[17] & 7, &written[18..21]), (0, &[0, 0, 0][..]));
    let mut all = written.clone();
    // beside the count and beside the sync type
    all[40] |= 0x0f;
    all[41] |= 0x0f;
    assert_eq!(Package::read(&all).unwrap().notification, one_sync());
}

// spec: Q10
#[test]
fn broken_packages_are_refused() {
    for name in [
        "empty",
        "digest_only",
        "cut_in_header",
        "cut_in_server_id",
        "cut_in_uri",
        "server_id_length_255",
        "uri_length_255",
        "count_too_high",
    ] {
        let error = package(&format!("bad/{name}")).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{name}: {error}");
    }
    let error = package("bad/version_0").unwrap_err();
    assert!(matches!(error, Error::Version { tenths: 0 }), "{error}");

    let whole = three_syncs().to_package(&secret(), b"Nonce").unwrap();
    for length in 0..whole.len() {
        assert!(Package::read(&whole[..length]).is_err(), "{length}");
    }
    let most = [whole.as_slice(), &[0; 1024]].concat();
    assert_eq!(
        Package::read(&most).unwrap().notification.vendor.len(),
        1024
    );
    let more = [whole.as_slice(), &[0; 1025]].concat();
    assert!(matches!(Package::read(&more), Err(Error::TooLong { .. })));
    let huge = [whole.as_slice(), &[0; MAX_PACKAGE]].concat();
    assert!(matches!(Package::read(&huge), Err(Error::TooLong { .. })));
}

#[test]
fn a_sync_of_an_unknown_type_is_kept_so_that_it_can_be_left_out() {
    let syncs = package("bad/sync_type_15").unwrap().notification.syncs;
    let codes: Vec<_> = syncs.iter().map(Sync::client_code).collect();
    assert_eq!(codes, [None, Some(AlertCode::TWO_WAY)]);
}

#[test]
fn what_does_not_fit_a_package_is_refused() {
    let refused = |change: fn(&mut Notification)| {
        let mut notification = one_sync();
        change(&mut notification);
        let error = notification.to_package("", b"").unwrap_err();
        assert!(matches!(error, Error::Field { .. }), "{error}");
    };
    refused(|one| one.session_id = Some("0".into()));
    refused(|one| one.session_id = Some("C0".into()));
    refused(|one| one.session_id = Some("65536".into()));
    refused(|one| one.server_id = "x".repeat(256));
    refused(|one| one.syncs = vec![one.syncs[0].clone(); 16]);
    refused(|one| one.syncs[0].code = AlertCode(199));
    refused(|one| one.syncs[0].code = AlertCode(216));
    refused(|one| one.syncs[0].server_uri = "x".repeat(256));
    refused(|one| one.syncs[0].content_type = ContentType::Code(0x0100_0000));
    refused(|one| one.vendor = vec![0; 1025]);
}

// spec: Q13
#[test]
fn pushes_are_those_of_the_samples() {
    let body = sample("san/one_sync.san");
    assert_eq!(
        push::push(1, push::Content::Package, &body),
        sample("san/wsp_push.bin")
    );
    let body = sample("misc/server_alert_11.wbxml");
    let content = push::Content::Message(Encoding::Wbxml);
    assert_eq!(
        push::push(2, content, &body),
        sample("san/wsp_push_ds11.bin")
    );
}

// spec: Q11
#[test]
fn messages_are_read() {
    for (name, encoding) in [
        ("misc/server_alert_11.xml", Encoding::Xml),
        ("misc/server_alert_11.wbxml", Encoding::Wbxml),
    ] {
        let Received::Message(message) = san::read(&sample(name)).unwrap() else {
            panic!("{name} is a message");
        };
        assert_eq!(message.encoding, encoding);
        assert_eq!(message.device, "IMEI:351999040012348");
        assert_eq!(
            (message.msg_id.as_str(), message.cmd_ids),
            ("1", vec!["1".into(), "2".into()])
        );
        let said = message.notification;
        assert_eq!(said.version, Version::V1_1);
        assert_eq!(said.session_id.as_deref(), Some("C0"));
        assert_eq!(said.server_id, "http://sync.example.org/ds11");
        let expected = [(206, "./calendar", "./cal"), (210, "./card", "./phonebook")];
        for (sync, (code, server, client)) in said.syncs.iter().zip(expected) {
            assert_eq!((sync.code.0, sync.server_uri.as_str()), (code, server));
            assert_eq!(sync.client_uri.as_deref(), Some(client));
        }
    }
    let said = san::read(&sample("misc/server_alert_10.xml")).unwrap();
    assert_eq!(said.notification().version, Version::V1_0);
}

#[test]
fn a_message_of_a_session_is_no_notification() {
    let error = san::read(&sample("seed_pkg1.xml")).unwrap_err();
    assert!(matches!(error, Error::NoSync), "{error}");
    let nothing = three_syncs();
    let nothing = Notification {
        syncs: Vec::new(),
        ..nothing
    };
    let error = nothing.to_message("device", Encoding::Xml).unwrap_err();
    assert!(matches!(error, Error::NoSync), "{error}");
}

fn notification() -> impl Strategy<Value = Notification> {
    let version = proptest::sample::select(Version::ALL.to_vec());
    let ui_mode = proptest::sample::select(vec![
        UiMode::NotSpecified,
        UiMode::Background,
        UiMode::Informative,
        UiMode::UserInteraction,
    ]);
    let initiator = proptest::sample::select(vec![Initiator::User, Initiator::Server]);
    let session_id = proptest::option::of((1..=u16::MAX).prop_map(|id| id.to_string()));
    let sync = (200..=215_u16, 0..=0x00ff_ffff_u32, "[a-zä./]{0,80}").prop_map(
        |(code, content_type, uri)| {
            let content_type = match content_type {
                0 => ContentType::NotSpecified,
                code => ContentType::Code(code),
            };
            sync(code, content_type, &uri)
        },
    );
    let syncs = proptest::collection::vec(sync, 0..=15);
    let vendor = proptest::collection::vec(any::<u8>(), 0..64);
    (
        version,
        ui_mode,
        initiator,
        session_id,
        "[a-zö.:/]{0,80}",
        syncs,
        vendor,
    )
        .prop_map(
            |(version, ui_mode, initiator, session_id, server_id, syncs, vendor)| Notification {
                version,
                ui_mode,
                initiator,
                session_id,
                server_id,
                syncs,
                vendor,
            },
        )
}

proptest! {
    // spec: Q01 Q02 Q03
    #[test]
    fn packages_come_back(said in notification(), nonce in proptest::collection::vec(any::<u8>(), 0..20)) {
        let bytes = said.to_package(&secret(), &nonce).unwrap();
        let package = Package::read(&bytes).unwrap();
        prop_assert!(package.is_proved_by(&secret(), &nonce));
        prop_assert_eq!(&package.notification, &said);
        prop_assert_eq!(san::read(&bytes).unwrap(), Received::Package(package));
    }

    // spec: Q03
    #[test]
    fn a_flipped_bit_is_noticed(said in notification(), place in any::<proptest::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = said.to_package(&secret(), b"Nonce").unwrap();
        *place.get_mut(&mut bytes) ^= 1 << bit;
        if let Ok(package) = Package::read(&bytes) {
            prop_assert!(!package.is_proved_by(&secret(), b"Nonce"));
        }
    }

    // spec: Q11
    #[test]
    fn messages_come_back(
        codes in proptest::collection::vec(206..=210_u16, 1..8),
        version in proptest::sample::select(vec![Version::V1_0, Version::V1_1]),
        encoding in proptest::sample::select(vec![Encoding::Xml, Encoding::Wbxml]),
        client in proptest::option::of("\\./[a-z<&]{1,20}"),
    ) {
        let mut said = Notification { version, ui_mode: UiMode::NotSpecified, ..one_sync() };
        said.syncs = codes
            .iter()
            .map(|code| Sync { client_uri: client.clone(), ..sync(*code, ContentType::Code(7), "./card") })
            .collect();
        let bytes = said.to_message("device", encoding).unwrap();
        let Received::Message(message) = san::read(&bytes).unwrap() else {
            return Err(TestCaseError::fail("it is a message"));
        };
        prop_assert_eq!(message.cmd_ids.len(), codes.len());
        prop_assert_eq!((message.encoding, message.device.as_str()), (encoding, "device"));
        prop_assert_eq!(message.notification, said);
    }

    // spec: Q10
    #[test]
    fn no_bytes_break_the_reader(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), real in any::<bool>()) {
        if real && bytes.len() > 18 {
            // a version that is known, so that the rest is looked at
            bytes[16] = 3;
            bytes[17] &= 0x3f;
        }
        if let Ok(package) = Package::read(&bytes) {
            // all but the future bits comes back
            let again = package.notification.to_package(&secret(), b"").unwrap();
            prop_assert_eq!(again.len(), bytes.len());
        }
        let _ = san::read(&bytes);
    }

    // spec: Q10
    #[test]
    fn no_change_of_a_message_breaks_the_reader(place in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>()) {
        for name in ["misc/server_alert_11.wbxml", "misc/server_alert_10.xml", "san/three_syncs.san"] {
            let mut bytes = sample(name);
            *place.get_mut(&mut bytes) = byte;
            let _ = san::read(&bytes);
            let length = cut.index(bytes.len());
            let _ = san::read(&bytes[..length]);
        }
    }
}

//! The header, identifiers, and the ways in which content can be written; version and encoding.

use std::collections::BTreeSet;

use syncml::{Document, Encoding, Limits, Version};

use crate::talk::{Talk, add, alert, base64, card, change, delete, map, status, sync};

/// Every message of a session in which both sides bring something.
fn messages(version: Version, encoding: Encoding) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut talk = Talk {
        version,
        encoding,
        device: "laptop",
        ..Talk::new()
    };
    talk.sync(201, ("", "1"), &add(21, "a", &card("Ann", "1")));
    talk.device = "phone";
    talk.begin();
    let packages = [
        alert(1, 201, "contacts", "", "1")
            + &alert(2, 200, "nowhere", "", "1")
            + "<Get><CmdID>3</CmdID><Item><Target><LocURI>./devinf</LocURI></Target></Item></Get>",
        status(4, 1, "0", "SyncHdr", 200)
            + &sync(
                "contacts",
                &(add(21, "b", &card("Bob", "2")) + &delete(22, "c")),
            ),
        status(4, 2, "0", "SyncHdr", 200) + &map(5, "1", "L"),
    ];
    let mut all = Vec::new();
    for package in packages {
        let sent = talk.message(&(package + "<Final/>"));
        let heard = talk.post(&sent);
        all.push((sent, heard.bytes));
    }
    all
}

// spec: A01 A02 A09 A10 D04 D05
#[test]
fn each_answer_has_the_header_of_its_session() {
    for version in Version::ALL {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            for (number, (_, answer)) in (1..).zip(messages(version, encoding)) {
                let document = Document::new(&answer, None).unwrap();
                assert_eq!(document.encoding(), encoding);
                let message = document.read(&Limits::default()).unwrap();
                let header = message.header;
                assert_eq!(header.ver_dtd, version.dtd());
                assert_eq!(header.ver_proto, version.proto());
                assert_eq!(header.session_id, "2");
                assert_eq!(header.msg_id, number.to_string());
                assert_eq!(header.target.uri, "phone");
                assert_eq!(header.source.uri, "http://server/syncml");
            }
        }
    }
}

// spec: A01 A03
#[test]
fn an_answer_as_xml_has_its_namespaces_and_order() {
    for (version, namespace) in [
        (Version::V1_0, "SYNCML:SYNCML1.0"),
        (Version::V1_1, "SYNCML:SYNCML1.1"),
        (Version::V1_2, "SYNCML:SYNCML1.2"),
    ] {
        let (_, answer) = messages(version, Encoding::Xml).swap_remove(0);
        let text = String::from_utf8(answer).unwrap();
        let root = text.split('>').find(|tag| tag.contains("<SyncML"));
        assert!(root.unwrap().contains(namespace), "{root:?}");
        assert!(text.contains("syncml:metinf"), "{text}");
        assert!(text.contains("syncml:devinf"), "{text}");
        let order = [
            "<VerDTD>",
            "<VerProto>",
            "<SessionID>",
            "<MsgID>",
            "<Target>",
            "<Source>",
            "</SyncHdr>",
        ];
        let places: Vec<usize> = order.iter().map(|tag| text.find(tag).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
    }
}

// spec: A05
#[test]
fn an_answer_as_wbxml_begins_with_its_public_identifier() {
    for (version, start) in [
        (Version::V1_1, &b"\x02\x9f\x53\x6a"[..]),
        (Version::V1_2, &b"\x02\xa4\x01\x6a"[..]),
    ] {
        for (_, answer) in messages(version, Encoding::Wbxml) {
            assert!(answer.starts_with(start), "{version}");
        }
    }
    for (_, answer) in messages(Version::V1_0, Encoding::Wbxml) {
        let text = b"-//SYNCML//DTD SyncML 1.0//EN";
        assert_eq!(&answer[..5], b"\x02\x00\x00\x6a\x1d");
        assert_eq!(&answer[5..5 + text.len()], text);
    }
}

// spec: A11 A12
#[test]
fn identifiers_are_unique_and_references_lead_to_commands() {
    for version in Version::ALL {
        for (sent, answer) in messages(version, Encoding::Xml) {
            let ids = |bytes: &[u8]| -> Vec<String> {
                let text = String::from_utf8_lossy(bytes).into_owned();
                let ids = text.split("<CmdID>").skip(1);
                ids.map(|rest| rest.split('<').next().unwrap().to_owned())
                    .collect()
            };
            let ours = ids(&answer);
            let unique: BTreeSet<&String> = ours.iter().collect();
            assert_eq!(unique.len(), ours.len());
            assert!(!ours.contains(&"0".to_owned()));
            let theirs = ids(&sent);
            let document = Document::new(&answer, None).unwrap();
            let request = Document::new(&sent, None).unwrap();
            let request = request.read(&Limits::default()).unwrap();
            for command in &document.read(&Limits::default()).unwrap().commands {
                let syncml::Command::Status(status) = command else {
                    continue;
                };
                assert_eq!(status.msg_ref, request.header.msg_id);
                let is_header = status.cmd_ref == "0" && status.cmd == "SyncHdr";
                assert!(is_header || theirs.contains(&status.cmd_ref.to_string()));
            }
        }
    }
}

// spec: A16
#[test]
fn a_limit_that_changes_is_kept() {
    let mut talk = Talk::with_contacts(0..30);
    talk.open(201, "", "1");
    talk.limit = 1500;
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert!(heard.bytes.len() <= 1500, "{} bytes", heard.bytes.len());
    talk.limit = 3000;
    let heard = talk.say(&alert(2, 222, "contacts", "", "1"));
    assert!((1501..=3000).contains(&heard.bytes.len()));
}

// spec: A17
#[test]
fn elements_that_nobody_knows_are_skipped() {
    let mut talk = Talk::new();
    talk.header = "<Weather><Sun>1</Sun></Weather>";
    talk.begin();
    let alert = alert(1, 201, "contacts", "", "1").replace(
        "<Data>201</Data>",
        "<Moon phase='full'><Data>7</Data></Moon><Data>201</Data>",
    );
    let heard = talk.say(&(alert + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 212), ("1", 200)]);
}

// spec: A18
#[test]
fn a_header_without_a_mandatory_element_is_refused() {
    let mut talk = Talk::new();
    talk.begin();
    let message = talk.message(&(alert(1, 201, "contacts", "", "1") + "<Final/>"));
    let text = String::from_utf8(message).unwrap();
    for element in [
        "<Source><LocURI>phone</LocURI></Source>",
        "<Target><LocURI>http://server/syncml</LocURI></Target>",
        "<SessionID>1</SessionID>",
        "<MsgID>1</MsgID>",
    ] {
        let without = text.replacen(element, "", 1);
        assert_ne!(without, text);
        assert!(talk.server.post(without.as_bytes(), None).is_err());
    }
    assert!(talk.server.post(text.as_bytes(), None).is_ok());
}

// spec: A19 A22
#[test]
fn meta_of_the_command_holds_for_items_without() {
    let mut talk = Talk::new();
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
    let items = format!(
        "<Item><Source><LocURI>a</LocURI></Source><Data>{}</Data></Item>\
         <Item><Source><LocURI>b</LocURI></Source>\
         <Meta><Format xmlns='syncml:metinf'>chr</Format></Meta><Data>{}</Data></Item>",
        base64(&ann),
        bob.replace("\r\n", "&#13;\n")
    );
    let command = format!(
        "<Add><CmdID>21</CmdID><Meta><Format xmlns='syncml:metinf'>b64</Format>\
         <Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta>{items}</Add>"
    );
    let heard = talk.sync(201, ("", "1"), &command);
    assert_eq!(heard.codes(), [("0", 200), ("20", 200), ("21", 201)]);
    assert_eq!(talk.server.contents(), [ann, bob]);
}

// spec: A20 C06
#[test]
fn addresses_are_any_text_and_come_back_as_they_were() {
    for device in [
        "IMEI:493005100592800",
        "urn:uuid:0b7a",
        "http://phone/x",
        "me",
    ] {
        let mut talk = Talk {
            device,
            ..Talk::new()
        };
        let heard = talk.open(201, "", "1");
        assert_eq!(heard.statuses[0].source_refs, [device]);
        assert_eq!(heard.statuses[1].target_refs, ["./contacts"]);
        assert_eq!(heard.statuses[1].source_refs, ["my-contacts"]);
    }
}

// spec: A21
#[test]
fn a_database_is_the_same_under_relative_and_absolute_addresses() {
    let mut talk = Talk::new();
    talk.begin();
    let first = alert(1, 201, "contacts", "", "1");
    talk.say(&(first + "<Final/>"));
    for address in ["contacts", "./contacts", "http://server/contacts"] {
        let part = sync("contacts", "").replace("./contacts", address);
        let heard = talk.say(&part);
        assert_eq!(heard.said.code_of("Sync"), 200, "{address}");
    }
}

// spec: A23 A24
#[test]
fn content_is_the_same_however_it_is_written() {
    let ann = "BEGIN:VCARD\nVERSION:2.1\nN:Änn & <Ö> 日本\nEND:VCARD\n";
    let escaped = ann.replace('&', "&amp;").replace('<', "&lt;");
    let wrapped = format!("<![CDATA[{ann}]]>");
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        for data in [&escaped, &wrapped] {
            let mut talk = Talk {
                encoding,
                ..Talk::new()
            };
            let item =
                format!("<Item><Source><LocURI>a</LocURI></Source><Data>{data}</Data></Item>");
            talk.sync(201, ("", "1"), &change("Add", 21, &item));
            assert_eq!(talk.server.contents(), [ann]);
        }
    }
}

// spec: A26
#[test]
fn declarations_and_comments_do_no_harm() {
    let mut talk = Talk::new();
    talk.begin();
    let message = talk.message(&(alert(1, 201, "contacts", "", "1") + "<Final/>"));
    let message = String::from_utf8(message).unwrap().replace(
        "<SyncBody>",
        "<!-- <Final/> --><?phone power=\"low\"?><SyncBody>",
    );
    let prologue = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <!DOCTYPE SyncML PUBLIC \"-//SYNCML//DTD SyncML 1.2//EN\" \"http://server/syncml.dtd\">\n";
    let heard = talk.post(format!("{prologue}{message}").as_bytes());
    assert_eq!(heard.codes(), [("0", 212), ("1", 200)]);
}

// spec: D01 D02
#[test]
fn a_version_that_is_not_ours_is_answered_with_those_that_are() {
    for (dtd, proto, code, supported) in [
        (
            "1.2",
            "SyncML/2.0",
            513,
            "SyncML/1.0, SyncML/1.1, SyncML/1.2",
        ),
        ("9.9", "SyncML/1.2", 505, "1.0, 1.1, 1.2"),
    ] {
        let mut talk = Talk::new();
        talk.begin();
        let message = talk.message(&(alert(1, 200, "contacts", "", "1") + "<Final/>"));
        let message = String::from_utf8(message)
            .unwrap()
            .replace("<VerDTD>1.2", &format!("<VerDTD>{dtd}"))
            .replace("SyncML/1.2", proto);
        let heard = talk.post(message.as_bytes());
        assert_eq!(heard.codes(), [("0", code), ("1", code)]);
        assert_eq!(heard.statuses[0].items, [supported]);
    }
}

// spec: D07 D08 I15
#[test]
fn older_versions_see_nothing_of_newer_ones() {
    for version in [Version::V1_0, Version::V1_1] {
        for (_, answer) in messages(version, Encoding::Xml) {
            let text = String::from_utf8(answer).unwrap();
            let mut newer = vec![
                "<Move",
                "<Filter",
                "<SourceParent",
                "<TargetParent",
                "<FieldLevel",
                "<Data>224",
                "<Data>225",
            ];
            if version == Version::V1_0 {
                newer.extend(["<MoreData", "<NumberOfChanges", "<MaxObjSize"]);
            }
            for element in newer {
                assert!(!text.contains(element), "{version}: {element} in {text}");
            }
        }
    }
}

//! Device information of the server, and what it does with that of a client.

use syncml::{Command, Data, DevInf, Document, Encoding, Limits, Version};

use crate::talk::{Talk, alert, put_devinf, sync};

fn get(uri: &str) -> String {
    format!("<Get><CmdID>3</CmdID><Item><Target><LocURI>{uri}</LocURI></Target></Item></Get>")
}

/// What the server says of itself: the address, the type and the document.
fn of_server(version: Version, encoding: Encoding) -> (String, String, DevInf) {
    let mut talk = Talk {
        version,
        encoding,
        ..Talk::new()
    };
    talk.begin();
    let uri = format!("./{}", version.devinf_uri().trim_start_matches("./"));
    let heard = talk.say(&(alert(1, 201, "contacts", "", "1") + &get(&uri) + "<Final/>"));
    assert_eq!(heard.said.code_of("Get"), 200);
    let document = Document::new(&heard.bytes, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let results = message.commands.iter().find_map(|command| match command {
        Command::Results(results) => Some(results),
        _ => None,
    });
    let results = results.unwrap();
    let item = &results.items[0];
    let Some(Data::DevInf(devinf)) = &item.data else {
        panic!("{:?}", item.data);
    };
    let media_type = results.meta.as_ref().unwrap().media_type.as_deref();
    (
        item.source_uri().to_owned(),
        media_type.unwrap().to_owned(),
        devinf.as_ref().clone(),
    )
}

/// A device that did not hear that the server takes large objects would send none.
#[test]
fn a_server_of_small_messages_says_what_it_is_all_the_same() {
    for version in [Version::V1_1, Version::V1_2] {
        let mut talk = Talk {
            version,
            encoding: Encoding::Xml,
            limit: 10_240,
            ..Talk::new()
        };
        talk.server.config.max_msg_size = 1500;
        talk.begin();
        let uri = format!("./{}", version.devinf_uri().trim_start_matches("./"));
        let mut heard = talk.say(&(alert(1, 201, "contacts", "", "1") + &get(&uri) + "<Final/>"));
        let mut is_said = heard.xml.contains("<SupportLargeObjs/>");
        while !heard.said.is_final {
            heard = talk.say(&alert(1, 222, "contacts", "", ""));
            is_said |= heard.xml.contains("<SupportLargeObjs/>");
            assert!(talk.message < 10, "the package does not end");
        }
        assert!(is_said, "{version}");
    }
}

// spec: F04 F06 F07 F18
#[test]
fn a_get_is_answered_in_the_form_of_the_session() {
    for (version, uri) in [
        (Version::V1_0, "./devinf10"),
        (Version::V1_1, "./devinf11"),
        (Version::V1_2, "./devinf12"),
    ] {
        for (encoding, expected) in [
            (Encoding::Xml, "application/vnd.syncml-devinf+xml"),
            (Encoding::Wbxml, "application/vnd.syncml-devinf+wbxml"),
        ] {
            let (source, media_type, devinf) = of_server(version, encoding);
            assert_eq!(source, uri);
            assert_eq!(media_type, expected);
            assert_eq!(devinf.version, Some(version));
        }
    }
}

// spec: F09 F11 F12
#[test]
fn the_server_says_what_it_is() {
    let (_, _, devinf) = of_server(Version::V1_2, Encoding::Xml);
    for text in [
        &devinf.man,
        &devinf.model,
        &devinf.firmware,
        &devinf.software,
        &devinf.hardware,
    ] {
        assert!(text.as_ref().is_some_and(|text| !text.is_empty()));
    }
    assert!(!devinf.dev_id.is_empty());
    assert_eq!(devinf.dev_type, "server");
    assert_eq!(devinf.datastores.len(), 6);
    for datastore in &devinf.datastores {
        assert_eq!(datastore.max_guid_size, None);
        assert!(datastore.sync_types.contains(&1) && datastore.sync_types.contains(&2));
        assert!(datastore.rx_pref.is_some() && datastore.tx_pref.is_some());
    }
}

// spec: F05 F19
#[test]
fn what_a_client_puts_is_kept() {
    let mut talk = Talk::new();
    talk.begin();
    let put = "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
        application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
        </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><Man>Acme</Man>\
        <DevID>phone</DevID><DevTyp>phone</DevTyp>\
        <Ext><XNam>X-Colour</XNam><XVal>red</XVal></Ext></DevInf></Data></Item></Put>";
    let heard = talk.say(&(alert(1, 201, "contacts", "", "1") + put + "<Final/>"));
    assert_eq!(heard.said.code_of("Put"), 200);
    assert!(!heard.said.others.contains(&"Get".to_owned()), "it has it");
    let account = talk.server.account;
    let device = talk.server.state.device(account, "phone").unwrap().unwrap();
    let kept = DevInf::read(&device.devinf.unwrap()).unwrap();
    assert_eq!(kept.man.as_deref(), Some("Acme"));
}

/// A datastore of a device that takes this format, and is of this name.
fn datastore(name: &str, media_type: &str, version: &str) -> String {
    let format = format!("<CTType>{media_type}</CTType><VerCT>{version}</VerCT>");
    format!(
        "<DataStore><SourceRef>{name}</SourceRef><Rx-Pref>{format}</Rx-Pref>\
         <Tx-Pref>{format}</Tx-Pref><SyncCap><SyncType>1</SyncType></SyncCap></DataStore>"
    )
}

/// The device's datastores as they are known, each with the version of its format.
fn known(talk: &mut Talk) -> Vec<(String, String)> {
    let account = talk.server.account;
    let device = talk.server.state.device(account, "phone").unwrap().unwrap();
    let kept = DevInf::read(&device.devinf.unwrap()).unwrap();
    let all = kept.datastores.into_iter();
    all.map(|one| (one.source_ref, one.rx_pref.unwrap().version))
        .collect()
}

/// A session that syncs one datastore and puts this device information.
fn puts(talk: &mut Talk, name: &str, anchors: (&str, &str), devinf: &str) {
    let code = if anchors.0.is_empty() { 201 } else { 200 };
    talk.begin();
    let alert = alert(1, code, name, anchors.0, anchors.1);
    talk.say(&(alert + &put_devinf(2, devinf) + "<Final/>"));
    talk.say(&(sync(name, "") + "<Final/>"));
    talk.say("<Final/>");
}

// spec: F05
#[test]
fn a_synced_datastore_that_later_device_information_leaves_out_is_as_it_was() {
    let mut talk = Talk::new();
    let contacts = datastore("my-contacts", "text/x-vcard", "2.1");
    let notes = datastore("./my-notes", "text/plain", "1.0");
    let idle = datastore("my-calendar", "text/x-vcalendar", "1.0");
    let of = |name: &str, version: &str| (name.to_owned(), version.to_owned());
    puts(
        &mut talk,
        "contacts",
        ("", "1"),
        &(contacts.clone() + &idle),
    );
    puts(&mut talk, "notes", ("", "1"), &notes);
    let both = [of("./my-notes", "1.0"), of("my-contacts", "2.1")];
    assert_eq!(
        known(&mut talk),
        both,
        "nothing was ever synced with the third"
    );
    // what it says of one takes the place of what it said of that before
    let newer = datastore("/MY-contacts", "text/vcard", "3.0");
    puts(&mut talk, "contacts", ("1", "2"), &newer);
    let both = [of("/MY-contacts", "3.0"), of("./my-notes", "1.0")];
    assert_eq!(known(&mut talk), both);
    // another software may have other datastores
    let updated = format!("<SwV>2</SwV>{contacts}");
    puts(&mut talk, "contacts", ("2", "3"), &updated);
    assert_eq!(known(&mut talk), [of("my-contacts", "2.1")]);
}

// spec: F16 F22
#[test]
fn a_session_without_device_information_runs() {
    let mut talk = Talk::new();
    let heard = talk.open(201, "", "1");
    assert!(
        heard.said.others.contains(&"Get".to_owned()),
        "it is asked for"
    );
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert_eq!(heard.said.code_of("Sync"), 200);
    talk.say("<Final/>");
    assert_eq!(talk.open(200, "1", "2").said.code_of("Alert"), 200);
}

// spec: F17
#[test]
fn a_get_of_anything_else_finds_nothing() {
    let mut talk = Talk::new();
    talk.begin();
    let heard = talk.say(&(get("./xyz") + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 212), ("3", 404)]);
}

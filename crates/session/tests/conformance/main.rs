//! The client's messages, requirement by requirement, against a server that says what a test
//! gives it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod conflicts;
mod early;
mod filters;
mod folders;
mod interrupted;
mod known;
mod objects;
mod proof;
mod rules;
mod taken;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use session::client::{Config, MemoryReplica, Mode, Replica as _, Session, Source, Step};
use session::store::DatastoreKind;
use syncml::{Command, Data, DevInf, Document, Encoding, Limits, Version};

type Shared = Arc<Mutex<MemoryReplica>>;

const URL: &str = "https://server/syncml";

fn config(version: Version, encoding: Encoding) -> Config {
    Config {
        url: URL.into(),
        user: "bruce".into(),
        password: "OhBehave".into(),
        device_id: "device".into(),
        version,
        encoding,
        max_msg_size: 100_000,
        max_obj_size: 32 << 20,
        resume: true,
        one_package: false,
        basic_first: false,
        software_version: "1".into(),
    }
}

/// A datastore without a filter, under its own name on both sides.
fn source(name: &str, kind: DatastoreKind, mode: Mode, replica: &Shared) -> Source {
    Source {
        name: name.into(),
        local_uri: format!("./{name}"),
        remote_uri: name.into(),
        kind,
        mode,
        filter: None,
        replica: Box::new(Arc::clone(replica)),
    }
}

fn of_contacts(mode: Mode, replica: &Shared) -> Source {
    source("contacts", DatastoreKind::Contacts, mode, replica)
}

fn begin(config: Config, source: Source) -> Session {
    Session::new(config, vec![source], 1_795_600_000, [7; 8]).unwrap()
}

fn session_of(config: Config, mode: Mode, replica: &Shared) -> Session {
    begin(config, of_contacts(mode, replica))
}

fn contacts(mode: Mode, replica: &Shared) -> Session {
    session_of(config(Version::V1_2, Encoding::Xml), mode, replica)
}

/// A message of the client.
struct Sent {
    url: String,
    body: Vec<u8>,
    text: String,
    /// `(CmdID, name)` of everything that wants a status, in order.
    commands: Vec<(String, String)>,
    is_final: bool,
    msg_id: String,
    session_id: String,
}

fn next(session: &mut Session) -> Sent {
    next_of(session, |_| {})
}

/// The next message; `look` sees the whole step.
fn next_of(session: &mut Session, look: impl FnOnce(&Step)) -> Sent {
    let step = session.step().unwrap();
    look(&step);
    let Step::Send { url, body, .. } = step else {
        panic!("the session is over");
    };
    let text = syncml::transcode::to_xml(&body).unwrap();
    let document = Document::new(&body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let mut commands = Vec::new();
    let mut note = |command: &Command<'_>| {
        if !matches!(command, Command::Status(_)) {
            commands.push((command.cmd_id().to_owned(), command.name().to_owned()));
        }
    };
    for command in &message.commands {
        note(command);
        if let Command::Sync(sync) = command {
            sync.commands.iter().for_each(&mut note);
        }
    }
    Sent {
        url,
        text,
        commands,
        is_final: message.is_final,
        msg_id: message.header.msg_id.to_string(),
        session_id: message.header.session_id.to_string(),
        body: body.clone(),
    }
}

impl Sent {
    fn has(&self, name: &str) -> bool {
        self.commands.iter().any(|command| command.1 == name)
    }

    /// An answer with a status for all, of a code by name, and with these commands.
    fn answer(&self, code: impl Fn(&str) -> u16, header: &str, commands: &str) -> String {
        let Self {
            msg_id, session_id, ..
        } = self;
        let head = ("0".to_owned(), "SyncHdr".to_owned());
        let all = std::iter::once(&head).chain(&self.commands);
        let statuses: Vec<String> = (1..)
            .zip(all)
            .map(|(number, (cmd_id, cmd))| {
                format!(
                    "<Status><CmdID>{number}</CmdID><MsgRef>{msg_id}</MsgRef>\
                     <CmdRef>{cmd_id}</CmdRef><Cmd>{cmd}</Cmd><Data>{}</Data></Status>",
                    if cmd == "SyncHdr" { 212 } else { code(cmd) }
                )
            })
            .collect();
        let statuses = statuses.concat();
        format!(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
             <VerProto>SyncML/1.2</VerProto><SessionID>{session_id}</SessionID>\
             <MsgID>{msg_id}</MsgID><Target><LocURI>device</LocURI></Target>\
             <Source><LocURI>{URL}</LocURI></Source>{header}</SyncHdr>\
             <SyncBody>{statuses}{commands}</SyncBody></SyncML>"
        )
    }
}

/// One exchange in which all is well.
fn exchange(session: &mut Session, commands: &str) -> Sent {
    let sent = next(session);
    let answer = sent.answer(|_| 200, "", commands);
    session.receive(answer.as_bytes(), None).unwrap();
    sent
}

fn alert(code: u16) -> String {
    format!(
        "<Alert><CmdID>901</CmdID><Data>{code}</Data><Item>\
         <Target><LocURI>./contacts</LocURI></Target><Source><LocURI>contacts</LocURI></Source>\
         <Meta><Anchor xmlns='syncml:metinf'><Next>s1</Next></Anchor></Meta></Item></Alert><Final/>"
    )
}

fn sync(changes: &str) -> String {
    format!(
        "<Sync><CmdID>902</CmdID><Target><LocURI>./contacts</LocURI></Target>\
         <Source><LocURI>contacts</LocURI></Source>{changes}</Sync><Final/>"
    )
}

fn change(name: &str, cmd_id: u32, guid: &str, luid: &str) -> String {
    let place = |name: &str, uri: &str| match uri {
        "" => String::new(),
        uri => format!("<{name}><LocURI>{uri}</LocURI></{name}>"),
    };
    let data = match name {
        "Delete" => String::new(),
        _ => format!("<Data>text {cmd_id}</Data>"),
    };
    format!(
        "<{name}><CmdID>{cmd_id}</CmdID><Meta><Type xmlns='syncml:metinf'>text/plain</Type></Meta>\
         <Item>{}{}{data}</Item></{name}>",
        place("Target", luid),
        place("Source", guid)
    )
}

/// The statuses in a message for what is not its header: `(Cmd, code)`.
fn statuses(sent: &Sent) -> Vec<(String, String)> {
    let document = Document::new(&sent.body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let statuses = message.commands.iter().filter_map(|command| match command {
        Command::Status(status) => Some((status.cmd.to_string(), status.data.to_string())),
        _ => None,
    });
    statuses.collect()
}

fn is_over(session: &mut Session) -> bool {
    matches!(session.step().unwrap(), Step::Done(_))
}

/// The client's messages of a two-way session with these changes of the server.
fn two_way(session: &mut Session, changes: &str) -> Vec<Sent> {
    vec![
        exchange(session, &alert(200)),
        exchange(session, &sync(changes)),
        exchange(session, "<Final/>"),
    ]
}

// spec: A01 A02 A09 A10 A11
#[test]
fn each_message_has_the_header_of_its_session() {
    for version in Version::ALL {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            let replica = Shared::default();
            replica.lock().unwrap().insert("text/plain", b"mine");
            let mut session = session_of(config(version, encoding), Mode::TwoWay, &replica);
            let messages = two_way(&mut session, &change("Add", 903, "7", ""));
            let id = messages[0].session_id.clone();
            for (number, sent) in (1..).zip(&messages) {
                let document = Document::new(&sent.body, None).unwrap();
                assert_eq!(document.encoding(), encoding);
                let message = document.read(&Limits::default()).unwrap();
                let header = &message.header;
                assert_eq!(header.ver_dtd, version.dtd());
                assert_eq!(header.ver_proto, version.proto());
                assert_eq!(header.session_id, id);
                assert_eq!(header.msg_id, number.to_string());
                assert_eq!(header.target.uri, URL);
                assert_eq!(header.source.uri, "device");
                let ids: Vec<&str> = sent
                    .text
                    .split("<CmdID>")
                    .skip(1)
                    .map(|rest| rest.split('<').next().unwrap())
                    .collect();
                let unique: BTreeSet<&&str> = ids.iter().collect();
                assert_eq!(unique.len(), ids.len());
                assert!(!ids.contains(&"0"));
            }
        }
    }
}

// spec: A13 A14 N15
#[test]
fn the_session_goes_on_where_the_server_says_and_repeats_nothing() {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    let first = next(&mut session);
    let header = "<RespURI>https://server/syncml?sid=abc</RespURI>";
    let answer = first.answer(|_| 200, header, &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    let second = next(&mut session);
    assert_eq!(first.url, URL);
    assert_eq!(second.url, "https://server/syncml?sid=abc");
    assert!(second.has("Sync"));
    for name in ["Alert", "Put", "Get"] {
        assert!(first.has(name) && !second.has(name), "{name}");
    }
}

// spec: A16
#[test]
fn a_limit_that_changes_is_kept() {
    let replica = Shared::default();
    for _ in 0..40 {
        replica.lock().unwrap().insert("text/plain", &[b'x'; 200]);
    }
    let mut session = contacts(Mode::TwoWay, &replica);
    let limit =
        |size| format!("<Meta><MaxMsgSize xmlns='syncml:metinf'>{size}</MaxMsgSize></Meta>");
    let mut commands = alert(200);
    let mut lengths = Vec::new();
    for size in [5000, 2000, 4000] {
        let sent = next(&mut session);
        lengths.push(sent.body.len());
        let answer = sent.answer(|_| 200, &limit(size), &commands);
        session.receive(answer.as_bytes(), None).unwrap();
        commands = String::new();
    }
    lengths.push(next(&mut session).body.len());
    assert!((2001..=5000).contains(&lengths[1]), "{lengths:?}");
    assert!(lengths[2] <= 2000, "{lengths:?}");
    assert!((2001..=4000).contains(&lengths[3]), "{lengths:?}");
}

// spec: B01 B02 B05 B22
#[test]
fn packages_follow_each_other_and_end() {
    let replica = Shared::default();
    replica.lock().unwrap().insert("text/plain", b"mine");
    let mut session = contacts(Mode::TwoWay, &replica);
    let messages = two_way(&mut session, &change("Add", 903, "7", ""));
    assert!(is_over(&mut session));
    let names = |sent: &Sent| -> Vec<String> {
        let commands = sent.commands.iter();
        commands.map(|command| command.1.clone()).collect()
    };
    assert_eq!(names(&messages[0]), ["Alert", "Put", "Get"]);
    assert_eq!(names(&messages[1]), ["Sync", "Add"]);
    assert_eq!(names(&messages[2]), ["Map"]);
    for sent in &messages {
        assert!(sent.is_final);
        assert!(!sent.text.contains("<Data>222</Data>"));
    }
}

// spec: C05
#[test]
fn a_status_that_names_no_item_is_of_all_of_them() {
    let replica = Shared::default();
    let added = change("Add", 903, "7", "") + &change("Add", 904, "8", "");
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), &added);
    let map = messages.last().unwrap();
    assert_eq!(map.text.matches("<MapItem>").count(), 2, "one command");
    assert!(!map.text.contains("TargetRef>7"));
    let again = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    assert!(
        again.iter().all(|sent| !sent.has("Map")),
        "both are settled"
    );
}

// spec: B06 B07 B08
#[test]
fn the_next_part_of_a_package_follows_however_it_is_asked_for() {
    let asks = |item: &str| format!("<Alert><CmdID>950</CmdID><Data>222</Data>{item}</Alert>");
    let databases = "<Item><Target><LocURI>./contacts</LocURI></Target>\
        <Source><LocURI>contacts</LocURI></Source></Item>";
    for ask in [asks(""), asks(databases), String::new()] {
        let replica = Shared::default();
        for number in 0..40 {
            let text = format!("{number:0100}");
            replica
                .lock()
                .unwrap()
                .insert("text/plain", text.as_bytes());
        }
        let mut session = contacts(Mode::TwoWay, &replica);
        let first = next(&mut session);
        let limit = "<Meta><MaxMsgSize xmlns='syncml:metinf'>3000</MaxMsgSize></Meta>";
        let answer = first.answer(|_| 200, limit, &alert(200));
        session.receive(answer.as_bytes(), None).unwrap();
        let part = exchange(&mut session, &ask);
        assert!(part.has("Sync") && !part.is_final, "{ask}");
        let another = next(&mut session);
        assert!(another.has("Sync"), "{ask}");
        let status = ("Alert".to_owned(), "200".to_owned());
        assert_eq!(statuses(&another).contains(&status), !ask.is_empty());
    }
}

// spec: B10
#[test]
fn nothing_is_sent_to_say_that_the_last_answer_came() {
    for (mode, code) in [(Mode::FromClient, 202), (Mode::RefreshFromClient, 203)] {
        let replica = Shared::default();
        if mode == Mode::FromClient {
            two_way(&mut contacts(Mode::TwoWay, &replica), "");
        }
        let mut session = contacts(mode, &replica);
        exchange(&mut session, &alert(code));
        exchange(&mut session, "<Final/>");
        assert!(is_over(&mut session), "{code}");
    }
}

// spec: B15
#[test]
fn who_only_receives_sends_an_empty_sync() {
    let replica = Shared::default();
    two_way(&mut contacts(Mode::TwoWay, &replica), "");
    replica.lock().unwrap().insert("text/plain", b"mine");
    let mut session = contacts(Mode::FromServer, &replica);
    exchange(&mut session, &alert(204));
    let sent = exchange(&mut session, &sync(""));
    assert!(sent.has("Sync") && !sent.has("Add"));
}

// spec: C09 C14 H26
#[test]
fn a_code_says_whether_a_change_is_done() {
    for (code, is_done) in [
        (200, true),
        (201, true),
        (207, true),
        (208, true),
        (209, true),
        (299, true),
        (418, true),
        (419, true),
        (409, false),
        (499, false),
        (500, false),
        (599, false),
    ] {
        let replica = Shared::default();
        replica.lock().unwrap().insert("text/plain", b"mine");
        let mut session = contacts(Mode::TwoWay, &replica);
        exchange(&mut session, &alert(200));
        let sent = next(&mut session);
        let answer = sent.answer(|cmd| if cmd == "Add" { code } else { 200 }, "", &sync(""));
        session.receive(answer.as_bytes(), None).unwrap();
        let last = exchange(&mut session, "<Final/>");
        assert!(!last.text.contains("<Cmd>Status"));
        let sent = two_way(&mut contacts(Mode::TwoWay, &replica), "");
        assert_eq!(!sent[1].has("Add"), is_done, "{code}");
    }
}

// spec: C13
#[test]
fn statuses_are_matched_in_any_order() {
    let replica = Shared::default();
    for text in [b"one", b"two"] {
        replica.lock().unwrap().insert("text/plain", text);
    }
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    let statuses: Vec<String> = (1..)
        .zip(sent.commands.iter().rev())
        .map(|(number, (cmd_id, cmd))| {
            format!(
                "<Status><CmdID>{number}</CmdID><MsgRef>{}</MsgRef><CmdRef>{cmd_id}</CmdRef>\
                 <Cmd>{cmd}</Cmd><Data>200</Data></Status>",
                sent.msg_id
            )
        })
        .collect();
    let nothing = Sent {
        commands: Vec::new(),
        ..sent
    };
    let answer = nothing.answer(|_| 200, "", &(statuses.concat() + &sync("")));
    session.receive(answer.as_bytes(), None).unwrap();
    assert_eq!(session.summary().sources[0].sent.added, 2);
}

// spec: D07 D08 I15
#[test]
fn older_versions_see_nothing_of_newer_ones() {
    for version in [Version::V1_0, Version::V1_1] {
        let replica = Shared::default();
        replica.lock().unwrap().insert("text/plain", b"mine");
        let mut session = session_of(config(version, Encoding::Xml), Mode::TwoWay, &replica);
        for sent in two_way(&mut session, &change("Add", 903, "7", "")) {
            let mut newer = vec![
                "<Move",
                "<Filter",
                "Parent>",
                "<FieldLevel",
                ">224<",
                ">225<",
            ];
            if version == Version::V1_0 {
                newer.extend(["<MoreData", "NumberOfChanges", "<MaxObjSize"]);
            }
            for element in newer {
                assert!(!sent.text.contains(element), "{version}: {element}");
            }
        }
    }
}

/// The device information in a message, with its address.
fn devinf_in(sent: &Sent) -> (String, String, DevInf) {
    let document = Document::new(&sent.body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let found = message.commands.iter().find_map(|command| {
        let (meta, item) = match command {
            Command::Access(access) => (&access.meta, access.items.first()?),
            Command::Results(results) => (&results.meta, results.items.first()?),
            _ => return None,
        };
        let Some(Data::DevInf(devinf)) = &item.data else {
            return None;
        };
        let media_type = meta.as_ref()?.media_type.as_deref()?.to_owned();
        Some((
            item.source_uri().to_owned(),
            media_type,
            devinf.as_ref().clone(),
        ))
    });
    found.unwrap()
}

// spec: F01 F06 F07 F18
#[test]
fn the_first_message_brings_device_information() {
    for (version, uri) in [
        (Version::V1_0, "./devinf10"),
        (Version::V1_1, "./devinf11"),
        (Version::V1_2, "./devinf12"),
    ] {
        for (encoding, expected) in [
            (Encoding::Xml, "application/vnd.syncml-devinf+xml"),
            (Encoding::Wbxml, "application/vnd.syncml-devinf+wbxml"),
        ] {
            let replica = Shared::default();
            let mut session = session_of(config(version, encoding), Mode::TwoWay, &replica);
            let sent = next(&mut session);
            assert!(sent.has("Put"));
            let (source, media_type, devinf) = devinf_in(&sent);
            assert_eq!(source, uri);
            assert_eq!(media_type, expected);
            assert_eq!(devinf.version, Some(version));
        }
    }
}

// spec: F02
#[test]
fn device_information_goes_again_when_it_has_changed() {
    let replica = Shared::default();
    let puts = |version: &str| {
        let config = Config {
            software_version: version.into(),
            ..config(Version::V1_2, Encoding::Xml)
        };
        let mut session = session_of(config, Mode::TwoWay, &replica);
        let sent = two_way(&mut session, "");
        assert!(is_over(&mut session));
        sent[0].has("Put")
    };
    assert!(puts("1"), "the server has none");
    assert!(!puts("1"));
    assert!(puts("2"));
    assert!(!puts("2"));

    let config = config(Version::V1_2, Encoding::Xml);
    let mut session = session_of(config, Mode::TwoWay, &Shared::default());
    let sent = next(&mut session);
    let refused = |name: &str| if name == "Put" { 500 } else { 200 };
    let answer = sent.answer(refused, "", &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    let replica = session.into_sources().remove(0).replica.devinf_sent();
    assert_eq!(replica.unwrap(), None, "the server has none still");
}

// spec: F09 F10 F12
#[test]
fn the_client_says_what_it_is() {
    let (_, _, devinf) = devinf_in(&next(&mut contacts(Mode::TwoWay, &Shared::default())));
    for text in [
        &devinf.man,
        &devinf.model,
        &devinf.firmware,
        &devinf.software,
        &devinf.hardware,
    ] {
        assert!(text.as_ref().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(devinf.dev_id, "device");
    assert!(!devinf.dev_type.is_empty());
    let datastore = &devinf.datastores[0];
    assert_eq!(datastore.source_ref, "./contacts");
    assert!(datastore.max_guid_size.is_some());
    for types in [
        (&datastore.rx_pref, &datastore.rx),
        (&datastore.tx_pref, &datastore.tx),
    ] {
        assert!(types.0.is_some() && !types.1.is_empty());
    }
    assert!(datastore.sync_types.contains(&1) && datastore.sync_types.contains(&2));
}

// spec: F03 F17 M24 S04
#[test]
fn a_get_is_answered_with_results_or_not_found() {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    let get = |cmd_id, uri| {
        format!(
            "<Get><CmdID>{cmd_id}</CmdID><Item><Target><LocURI>{uri}</LocURI></Target></Item></Get>"
        )
    };
    let gets = get(903, "./devinf12") + &get(904, "./xyz");
    exchange(&mut session, &(gets + &alert(200)));
    let sent = next(&mut session);
    assert!(sent.has("Results"));
    assert_eq!(devinf_in(&sent).2.dev_id, "device");
    let flat: String = sent.text.split_whitespace().collect();
    assert!(flat.contains("<CmdRef>903</CmdRef><Cmd>Get</Cmd>"));
    let after = flat
        .split("<CmdRef>904</CmdRef><Cmd>Get</Cmd>")
        .nth(1)
        .unwrap();
    let code = after.split("<Data>").nth(1).unwrap();
    assert!(code.starts_with("404<"), "{code}");
}

// spec: G08 G21
#[test]
fn the_alert_carries_both_anchors_and_no_last_after_a_reset() {
    let replica = Shared::default();
    let first = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    let flat = |sent: &Sent| -> String { sent.text.split_whitespace().collect() };
    let anchor = |text: &str, name: &str| -> String {
        let rest = text.split(&format!("<{name}>")).nth(1);
        rest.map_or(String::new(), |rest| rest.split('<').next().unwrap().into())
    };
    let given = anchor(&flat(&first[0]), "Next");
    assert!(!given.is_empty());
    assert_eq!(anchor(&flat(&first[0]), "Last"), "");
    let again = next(&mut contacts(Mode::TwoWay, &replica));
    assert_eq!(anchor(&flat(&again), "Last"), given);
    assert_ne!(anchor(&flat(&again), "Next"), given);
    *replica.lock().unwrap() = MemoryReplica::default();
    let reset = next(&mut contacts(Mode::TwoWay, &replica));
    assert_eq!(anchor(&flat(&reset), "Last"), "");
}

// spec: G19 G20
#[test]
fn a_server_that_says_no_last_agrees_and_one_that_says_another_does_not() {
    let replica = Shared::default();
    two_way(&mut contacts(Mode::TwoWay, &replica), "");
    replica.lock().unwrap().insert("text/plain", b"mine");
    for (last, code) in [
        ("", 200),
        ("<Last/>", 200),
        ("<Last>s0</Last>", 508),
        ("<Last>0</Last>", 508),
    ] {
        let fresh = Arc::new(Mutex::new(replica.lock().unwrap().clone()));
        let mut session = contacts(Mode::TwoWay, &fresh);
        exchange(
            &mut session,
            &alert(200).replace("<Next>", &format!("{last}<Next>")),
        );
        let sent = next(&mut session);
        let answered = ("Alert".to_owned(), code.to_string());
        assert!(statuses(&sent).contains(&answered), "{last}: {}", sent.text);
        // all items are compared as replacements
        assert_eq!(sent.has("Replace"), code == 508, "{last}");
        assert_eq!(sent.has("Add"), code == 200, "{last}");
    }
}

// spec: G22
#[test]
fn a_refresh_deletes_only_when_the_servers_items_come() {
    let replica = Shared::default();
    replica.lock().unwrap().insert("text/plain", b"mine");
    let mut session = contacts(Mode::RefreshFromServer, &replica);
    exchange(&mut session, &alert(205));
    let sent = next(&mut session);
    assert_eq!(replica.lock().unwrap().items().count(), 1);
    let answer = sent.answer(|_| 200, "", &sync(&change("Add", 903, "7", "")));
    session.receive(answer.as_bytes(), None).unwrap();
    let replica = replica.lock().unwrap();
    let items: Vec<&[u8]> = replica.items().map(|(_, content)| content).collect();
    assert_eq!(items, [b"text 903"]);
}

// spec: G28 G29 H10 H11 A20 C16 S15
#[test]
fn changes_of_what_is_not_there_are_made_good() {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    let odd = "g/17 \u{e4}&amp;?=%20";
    let changes = change("Replace", 903, odd, "gone") + &change("Delete", 904, "", "gone too");
    let messages = two_way(&mut session, &changes);
    let flat: String = messages[2].text.split_whitespace().collect();
    let code = |cmd_ref: u32| {
        let after = flat.split(&format!("<CmdRef>{cmd_ref}</CmdRef>")).nth(1);
        let data = after.unwrap().split("<Data>").nth(1).unwrap();
        data.split('<').next().unwrap().to_owned()
    };
    assert_eq!((code(903).as_str(), code(904).as_str()), ("201", "211"));
    assert!(messages[2].has("Map"));
    assert!(
        messages[2]
            .text
            .contains(&format!("<LocURI>{odd}</LocURI>")),
        "{}",
        messages[2].text
    );
    assert_eq!(replica.lock().unwrap().items().count(), 1);
}

// spec: H18
#[test]
fn an_identifier_is_not_given_again() {
    let mut replica = MemoryReplica::default();
    let first = replica.insert("text/plain", b"one");
    assert!(replica.remove(&first));
    assert_ne!(replica.insert("text/plain", b"two"), first);
}

// spec: R01 R05
#[test]
fn anchors_stay_where_an_answer_does_not_come() {
    let replica = Shared::default();
    two_way(&mut contacts(Mode::TwoWay, &replica), "");
    let before = {
        use session::client::Replica as _;
        replica.lock().unwrap().anchors().unwrap()
    };
    for exchanges in 0..3 {
        let mut session = contacts(Mode::TwoWay, &replica);
        let brings = [
            alert(200),
            sync(&change("Add", 903, &exchanges.to_string(), "")),
        ];
        for commands in brings.iter().take(exchanges) {
            exchange(&mut session, commands);
        }
        next(&mut session);
        drop(session);
        use session::client::Replica as _;
        assert_eq!(replica.lock().unwrap().anchors().unwrap(), before);
    }
    // what was added in the last of them is told in the next
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    assert!(messages[1].has("Map"));
}

// spec: M24 M25 S14
#[test]
fn every_command_of_a_server_is_taken_and_every_one_of_ours_sent() {
    let replica = Shared::default();
    let luids: Vec<String> = (0..4)
        .map(|number| {
            let text = format!("item {number}");
            replica
                .lock()
                .unwrap()
                .insert("text/plain", text.as_bytes())
        })
        .collect();
    let first = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    assert!(replica.lock().unwrap().edit(&luids[0], b"edited"));
    assert!(replica.lock().unwrap().remove(&luids[1]));
    let mut session = contacts(Mode::TwoWay, &replica);
    let get =
        "<Get><CmdID>910</CmdID><Item><Target><LocURI>./devinf12</LocURI></Target></Item></Get>";
    let mut sent = vec![exchange(&mut session, &(get.to_owned() + &alert(200)))];
    let changes = change("Add", 903, "7", "")
        + &change("Replace", 904, "", &luids[2])
        + &change("Delete", 905, "", &luids[3]);
    sent.push(exchange(&mut session, &sync(&changes)));
    sent.push(exchange(&mut session, "<Final/>"));
    assert!(is_over(&mut session));
    sent.extend(first);
    for name in [
        "Alert", "Sync", "Add", "Replace", "Delete", "Map", "Put", "Results",
    ] {
        assert!(sent.iter().any(|sent| sent.has(name)), "{name}");
    }
    let received = session.summary().sources[0].received;
    assert_eq!(
        (received.added, received.changed, received.deleted),
        (1, 1, 1)
    );
}

// spec: A12 C02 C03 C06 C07 C01
#[test]
fn the_clients_statuses_are_in_order_and_refer_to_what_came() {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let second = next(&mut session);
    let changes = change("Add", 903, "7", "") + &change("Delete", 904, "", "none");
    let answer = second.answer(|_| 200, "", &sync(&changes));
    session.receive(answer.as_bytes(), None).unwrap();
    let third = next(&mut session);
    let statuses = |sent: &Sent| -> Vec<String> {
        let document = Document::new(&sent.body, None).unwrap();
        let message = document.read(&Limits::default()).unwrap();
        let statuses = message.commands.iter().filter_map(|command| match command {
            Command::Status(status) => Some(format!(
                "{} {} {} {} {:?} {:?} {:?}",
                status.msg_ref,
                status.cmd_ref,
                status.cmd,
                status.data,
                status.target_refs,
                status.source_refs,
                status
                    .items
                    .iter()
                    .map(|item| &item.data)
                    .collect::<Vec<_>>()
            )),
            _ => None,
        });
        statuses.collect()
    };
    assert_eq!(
        statuses(&second),
        [
            r#"1 0 SyncHdr 200 ["device"] ["https://server/syncml"] []"#,
            r#"1 901 Alert 200 ["./contacts"] ["contacts"] [Some(Anchor(Anchor { last: None, next: "s1" }))]"#,
        ]
    );
    assert_eq!(
        statuses(&third),
        [
            r#"2 0 SyncHdr 200 ["device"] ["https://server/syncml"] []"#,
            r#"2 902 Sync 200 ["./contacts"] ["contacts"] []"#,
            r#"2 903 Add 201 [] ["7"] []"#,
            r#"2 904 Delete 211 ["none"] [] []"#,
        ]
    );
}

// spec: B14 C17
#[test]
fn a_sync_that_nobody_asked_for_is_refused_with_all_in_it() {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let odd = sync(&change("Add", 905, "9", ""))
        .replace("./contacts", "./odd")
        .replace(">contacts<", ">odd<")
        .replace("902", "904")
        .replace("<Final/>", "");
    let good = sync(&change("Add", 903, "7", ""));
    exchange(&mut session, &(odd + &good));
    let flat: String = next(&mut session).text.split_whitespace().collect();
    for (cmd_ref, code) in [(904, 404), (905, 404), (902, 200), (903, 201)] {
        let after = flat.split(&format!("<CmdRef>{cmd_ref}</CmdRef>")).nth(1);
        let data = after.unwrap().split("<Data>").nth(1).unwrap();
        assert!(data.starts_with(&code.to_string()), "{cmd_ref}");
    }
    assert_eq!(replica.lock().unwrap().items().count(), 1);
}

// spec: A09
#[test]
fn a_session_is_named_by_four_bytes_at_most() {
    for entropy in [0_u64, 1, u64::MAX, 0x270f << 48, 0x270e << 48] {
        let config = config(Version::V1_2, Encoding::Xml);
        let session = Session::new(config, Vec::new(), 1_795_600_000, entropy.to_be_bytes());
        let Step::Send { body, .. } = session.unwrap().step().unwrap() else {
            panic!("the session is over");
        };
        let document = Document::new(&body, None).unwrap();
        let message = document.read(&Limits::default()).unwrap();
        let id = &message.header.session_id;
        assert!((1..=4).contains(&id.len()), "{id}");
        assert_ne!(id, "0");
    }
}

// spec: M19
#[test]
fn the_text_of_an_alert_is_for_the_person() {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    let display = |cmd_id: u32, text: &str| {
        format!(
            "<Alert><CmdID>{cmd_id}</CmdID><Data>100</Data>\
             <Item><Data>{text}</Data></Item></Alert>"
        )
    };
    let texts: Vec<String> = (0..40)
        .map(|number| display(1000 + number, &format!("more {number}")))
        .collect();
    let first = display(903, "Maintenance\r\n  tonight") + &display(904, &"x".repeat(5000));
    exchange(&mut session, &(first + &texts.concat() + &alert(200)));
    let flat: String = next(&mut session).text.split_whitespace().collect();
    assert!(flat.contains("<CmdRef>903</CmdRef><Cmd>Alert</Cmd><Data>200</Data>"));
    let messages = session.summary().messages;
    assert_eq!(messages[0], "Maintenance tonight");
    assert_eq!(messages[1].len(), 1000);
    assert_eq!(messages.len(), 16, "and no more");
}

//! The client's session against a server that says what a test wants it to say.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use session::client::{
    Applied, Config, Error, MemoryReplica, Mode, Plan, Replica, Session, Source, Step,
};
use session::store::DatastoreKind;
use syncml::{Command, Document, Encoding, Limits, Version, auth};

type Shared = Arc<Mutex<MemoryReplica>>;

fn source(name: &str, mode: Mode, replica: &Shared) -> Source {
    Source {
        name: name.into(),
        local_uri: format!("./{name}"),
        remote_uri: name.into(),
        kind: DatastoreKind::Contacts,
        mode,
        filter: None,
        replica: Box::new(Arc::clone(replica)),
    }
}

fn config(encoding: Encoding) -> Config {
    Config {
        url: "https://server/syncml".into(),
        user: "bruce".into(),
        password: "OhBehave".into(),
        device_id: "device".into(),
        version: Version::V1_2,
        encoding,
        max_msg_size: 100_000,
        max_obj_size: 32 << 20,
        resume: true,
        one_package: false,
        basic_first: false,
        software_version: "1".into(),
    }
}

fn session_of(sources: Vec<Source>, encoding: Encoding) -> Session {
    Session::new(config(encoding), sources, 1_795_600_000, [7; 8]).unwrap()
}

fn contacts(mode: Mode, replica: &Shared) -> Session {
    session_of(vec![source("contacts", mode, replica)], Encoding::Xml)
}

/// What the client said, command by command: `(CmdID, name, a detail)`.
#[derive(Debug)]
struct Heard {
    session_id: String,
    msg_id: String,
    digest: Option<String>,
    commands: Vec<(String, String, String)>,
    is_final: bool,
}

impl Heard {
    fn of(body: &[u8]) -> Self {
        let document = Document::new(body, None).unwrap();
        let message = document.read(&Limits::default()).unwrap();
        let mut commands = Vec::new();
        for command in &message.commands {
            note(command, &mut commands);
        }
        let cred = message.header.cred.as_ref();
        Self {
            session_id: message.header.session_id.to_string(),
            msg_id: message.header.msg_id.to_string(),
            digest: cred.map(|cred| format!("{:?}", cred.data)),
            commands,
            is_final: message.is_final,
        }
    }

    fn details(&self, name: &str) -> Vec<&str> {
        let of_name = self.commands.iter().filter(|command| command.1 == name);
        of_name.map(|command| command.2.as_str()).collect()
    }

    fn names(&self) -> Vec<&str> {
        let commands = self.commands.iter();
        commands.map(|command| command.1.as_str()).collect()
    }
}

fn note(command: &Command<'_>, into: &mut Vec<(String, String, String)>) {
    let detail = match command {
        Command::Alert(alert) => alert.data.to_string(),
        Command::Status(status) => format!("{} {}", status.cmd, status.data),
        Command::Map(map) => {
            let pairs = map.items.iter();
            let pairs: Vec<String> = pairs
                .map(|pair| format!("{}={}", pair.guid, pair.luid))
                .collect();
            pairs.join(" ")
        }
        Command::Change(change) => change.items[0].source_uri().to_owned(),
        _ => String::new(),
    };
    into.push((
        command.cmd_id().to_owned(),
        command.name().to_owned(),
        detail,
    ));
    if let Command::Sync(sync) = command {
        for inner in &sync.commands {
            note(inner, into);
        }
    }
}

/// A server with settings instead of state.
struct Peer {
    messages: u32,
    limit: Option<u64>,
    header: u16,
    challenge: &'static str,
    /// The status of a command of that name; `None` gives none.
    status: fn(&str) -> Option<u16>,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            messages: 0,
            limit: None,
            header: 212,
            challenge: "",
            status: |_| Some(200),
        }
    }
}

impl Peer {
    /// An answer with statuses for all that was heard, and with `commands`.
    fn answer(&mut self, heard: &Heard, commands: &str, is_final: bool) -> String {
        self.messages += 1;
        let limit = self.limit.map_or(String::new(), |limit| {
            format!("<Meta><MaxMsgSize xmlns='syncml:metinf'>{limit}</MaxMsgSize></Meta>")
        });
        let Heard {
            session_id, msg_id, ..
        } = heard;
        let mut statuses = format!(
            "<Status><CmdID>1</CmdID><MsgRef>{msg_id}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>\
             {}<Data>{}</Data></Status>",
            self.challenge, self.header
        );
        for (index, (cmd_id, name, _)) in heard.commands.iter().enumerate() {
            if let (false, Some(code)) = (name == "Status", (self.status)(name)) {
                let status = format!(
                    "<Status><CmdID>{}</CmdID><MsgRef>{msg_id}</MsgRef><CmdRef>{cmd_id}</CmdRef>\
                     <Cmd>{name}</Cmd><Data>{code}</Data></Status>",
                    index + 2
                );
                statuses.push_str(&status);
            }
        }
        let last = if is_final { "<Final/>" } else { "" };
        format!(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
             <VerProto>SyncML/1.2</VerProto><SessionID>{session_id}</SessionID>\
             <MsgID>{}</MsgID><Target><LocURI>device</LocURI></Target>\
             <Source><LocURI>http://server/syncml</LocURI></Source>{limit}</SyncHdr>\
             <SyncBody>{statuses}{commands}{last}</SyncBody></SyncML>",
            self.messages
        )
    }
}

fn alert(code: u16, name: &str) -> String {
    format!(
        "<Alert><CmdID>9001</CmdID><Data>{code}</Data><Item>\
         <Target><LocURI>./{name}</LocURI></Target><Source><LocURI>{name}</LocURI></Source>\
         <Meta><Anchor xmlns='syncml:metinf'><Next>s1</Next></Anchor></Meta></Item></Alert>"
    )
}

fn sync(name: &str, changes: &str) -> String {
    format!(
        "<Sync><CmdID>9002</CmdID><Target><LocURI>./{name}</LocURI></Target>\
         <Source><LocURI>{name}</LocURI></Source>{changes}</Sync>"
    )
}

fn addition(guid: &str) -> String {
    format!(
        "<Add><CmdID>9003</CmdID><Meta><Type xmlns='syncml:metinf'>text/plain</Type></Meta>\
         <Item><Source><LocURI>{guid}</LocURI></Source><Data>text {guid}</Data></Item></Add>"
    )
}

fn heard(session: &mut Session) -> Heard {
    let Step::Send { body, .. } = session.step().unwrap() else {
        panic!("the session is over");
    };
    Heard::of(&body)
}

/// One exchange; what the client said.
fn exchange(session: &mut Session, peer: &mut Peer, commands: &str, is_final: bool) -> Heard {
    let said = heard(session);
    let answer = peer.answer(&said, commands, is_final);
    session.receive(answer.as_bytes(), None).unwrap();
    said
}

fn is_over(session: &mut Session) -> bool {
    matches!(session.step().unwrap(), Step::Done(_))
}

/// A whole two-way session in which the server has nothing.
fn sync_quietly(replica: &Shared, status: fn(&str) -> Option<u16>) -> Session {
    let mut session = contacts(Mode::TwoWay, replica);
    let mut peer = Peer {
        status,
        ..Peer::default()
    };
    exchange(&mut session, &mut peer, &alert(200, "contacts"), true);
    exchange(&mut session, &mut peer, &sync("contacts", ""), true);
    exchange(&mut session, &mut peer, "", true);
    assert!(is_over(&mut session));
    session
}

// spec: E11 E13 S02
#[test]
fn a_challenge_is_answered_with_the_whole_package_and_its_nonce_kept() {
    const CHALLENGE: &str = "<Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-md5</Type>\
        <Format xmlns='syncml:metinf'>b64</Format>\
        <NextNonce xmlns='syncml:metinf'>Tm9uY2U=</NextNonce></Meta></Chal>";
    let digest = |nonce: &[u8]| {
        let user = auth::user_digest("bruce", "OhBehave");
        Some(format!(
            "{:?}",
            auth::md5_cred(auth::md5(&user, nonce)).data
        ))
    };
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    let mut peer = Peer {
        header: 401,
        challenge: CHALLENGE,
        ..Peer::default()
    };
    let first = exchange(&mut session, &mut peer, "", true);
    assert_eq!(first.digest, digest(b""));
    let second = heard(&mut session);
    assert_eq!(
        (&second.session_id, second.msg_id.as_str()),
        (&first.session_id, "2")
    );
    assert_eq!(second.digest, digest(b"Nonce"));
    assert_eq!(second.names(), ["Status", "Alert", "Put", "Get"]);
    assert!(second.is_final);

    let mut next = contacts(Mode::TwoWay, &replica);
    assert_eq!(heard(&mut next).digest, digest(b"Nonce"));
}

/// Messages that the client sends to a server that challenges each of them, in these schemes in turn.
fn messages_until_refused(schemes: &[&str], nonce: Option<&[u8]>, basic_first: bool) -> u32 {
    let replica = Shared::default();
    if let Some(nonce) = nonce {
        replica.lock().unwrap().set_nonce(nonce).unwrap();
    }
    let sources = vec![source("contacts", Mode::TwoWay, &replica)];
    let mut config = config(Encoding::Xml);
    config.basic_first = basic_first;
    let mut session = Session::new(config, sources, 1_795_600_000, [7; 8]).unwrap();
    for (number, scheme) in schemes.iter().enumerate() {
        let said = heard(&mut session);
        let challenge = format!(
            "<Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-{scheme}</Type>\
             <Format xmlns='syncml:metinf'>b64</Format>\
             <NextNonce xmlns='syncml:metinf'>{}</NextNonce></Meta></Chal>",
            ["MQ==", "Mg==", "Mw==", "NA==", "NQ=="][number]
        );
        let mut peer = Peer {
            header: 401,
            challenge: challenge.leak(),
            ..Peer::default()
        };
        let answer = peer.answer(&said, "", true);
        if let Err(error) = session.receive(answer.as_bytes(), None) {
            assert!(matches!(error, Error::Refused { .. }), "{error}");
            return u32::try_from(number).unwrap() + 1;
        }
    }
    panic!("it goes on for ever");
}

// spec: E12
#[test]
fn an_answer_that_is_challenged_again_is_the_last() {
    for nonce in [None, Some(b"stale".as_slice())] {
        assert_eq!(messages_until_refused(&["md5"; 5], nonce, false), 2);
    }
    assert_eq!(messages_until_refused(&["basic"; 5], None, true), 2);
    // a scheme that was not tried may do
    let changing = ["basic", "md5", "basic", "md5", "basic"];
    assert_eq!(messages_until_refused(&changing, None, true), 3);
}

// spec: E18
#[test]
fn a_challenge_of_an_unknown_scheme_is_refused_and_ends_the_session() {
    for (code, encoding) in [(401, Encoding::Xml), (407, Encoding::Wbxml)] {
        let replica = Shared::default();
        replica.lock().unwrap().insert("text/plain", b"one");
        let before = replica.lock().unwrap().anchors().unwrap();
        let sources = vec![source("contacts", Mode::TwoWay, &replica)];
        let mut session = session_of(sources, encoding);
        let mut peer = Peer {
            header: code,
            challenge: "<Chal><Meta><Type xmlns='syncml:metinf'> syncml:auth-x509 </Type>\
                <Format xmlns='syncml:metinf'>b64</Format></Meta></Chal>",
            ..Peer::default()
        };
        exchange(&mut session, &mut peer, "", true);
        let last = heard(&mut session);
        assert_eq!(last.digest, None);
        assert!(last.is_final);
        assert_eq!(last.details("Status"), ["SyncHdr 200", "Status 406"]);
        assert_eq!(last.names(), ["Status", "Status"]);
        // whatever the server says to that
        peer.header = 212;
        let answer = peer.answer(&last, "", true);
        let error = session.receive(answer.as_bytes(), None).unwrap_err();
        assert!(
            matches!(&error, Error::Scheme { scheme } if scheme == "syncml:auth-x509"),
            "{error}"
        );
        assert_eq!(replica.lock().unwrap().anchors().unwrap(), before);
    }
}

#[test]
fn credentials_go_with_every_message_until_they_hold_for_the_session() {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    let mut peer = Peer {
        header: 200,
        ..Peer::default()
    };
    exchange(&mut session, &mut peer, &alert(200, "contacts"), true);
    peer.header = 212;
    let second = exchange(&mut session, &mut peer, "", false);
    assert!(second.digest.is_some(), "200 is for one message");
    assert_eq!(heard(&mut session).digest, None);
}

// spec: H09 H14 H15
#[test]
fn pairs_are_sent_until_they_are_acknowledged() {
    let replica = Shared::default();
    let first = |session: &mut Session, peer: &mut Peer, changes: &str| {
        exchange(session, peer, &alert(200, "contacts"), true);
        exchange(session, peer, &sync("contacts", changes), true)
    };
    let mut session = contacts(Mode::TwoWay, &replica);
    let mut peer = Peer::default();
    first(&mut session, &mut peer, &addition("17"));
    assert_eq!(heard(&mut session).details("Map"), ["17=1"]);
    // the answer does not come

    let mut session = contacts(Mode::TwoWay, &replica);
    let package_3 = first(&mut session, &mut Peer::default(), &addition("17"));
    assert_eq!(package_3.names(), ["Status", "Status", "Map", "Sync"]);
    assert_eq!(package_3.details("Map"), ["17=1"]);
    let package_5 = exchange(&mut session, &mut Peer::default(), "", true);
    assert_eq!(package_5.details("Map"), ["17=1"], "it came a second time");
    assert_eq!(replica.lock().unwrap().items().count(), 1);
    assert!(is_over(&mut session));

    let mut session = contacts(Mode::TwoWay, &replica);
    let package_3 = first(&mut session, &mut Peer::default(), "");
    assert_eq!(package_3.details("Map"), Vec::<&str>::new());
}

// spec: B02 B03 B04
#[test]
fn an_open_package_of_the_server_is_asked_for() {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    let mut peer = Peer::default();
    exchange(&mut session, &mut peer, "", false);
    let asks = exchange(&mut session, &mut peer, &alert(200, "contacts"), true);
    assert_eq!((asks.details("Alert"), asks.is_final), (vec!["222"], false));
    exchange(
        &mut session,
        &mut peer,
        &sync("contacts", &addition("1")),
        false,
    );
    let asks = exchange(
        &mut session,
        &mut peer,
        &sync("contacts", &addition("2")),
        true,
    );
    assert_eq!(
        asks.names(),
        ["Status", "Status", "Status", "Map", "Alert"],
        "for the header, the Sync and its Add"
    );
    let last = exchange(&mut session, &mut peer, "", false);
    assert_eq!((last.details("Map"), last.is_final), (vec!["2=2"], true));
    // package 5 is complete, package 6 is not
    let asks = exchange(&mut session, &mut peer, "", true);
    assert_eq!((asks.details("Alert"), asks.is_final), (vec!["222"], false));
    assert!(is_over(&mut session));
    assert_eq!(replica.lock().unwrap().anchors().unwrap().server, "s1");
}

// spec: G15 G16
#[test]
fn a_type_that_was_not_asked_for_is_refused() {
    for (mode, code) in [
        (Mode::TwoWay, 205),
        (Mode::TwoWay, 203),
        (Mode::RefreshFromServer, 201),
        (Mode::RefreshFromServer, 200),
        (Mode::RefreshFromClient, 201),
        (Mode::RefreshFromClient, 205),
    ] {
        let replica = Shared::default();
        let mut session = session_of(
            vec![
                source("contacts", mode, &replica),
                source("others", Mode::TwoWay, &Shared::default()),
            ],
            Encoding::Xml,
        );
        replica.lock().unwrap().insert("text/plain", b"mine");
        let mut peer = Peer::default();
        let alerts = alert(code, "contacts") + &alert(200, "others");
        exchange(&mut session, &mut peer, &alerts, true);
        let said = heard(&mut session);
        assert_eq!(
            said.details("Status"),
            ["SyncHdr 200", "Alert 403", "Alert 200"],
            "{mode:?} {code}"
        );
        assert_eq!(said.details("Sync").len(), 1, "the other one goes on");
        let sources = session.summary().sources;
        assert!(sources[0].error.is_some() && sources[1].error.is_none());
        assert_eq!(replica.lock().unwrap().items().count(), 1);
    }
}

// spec: G11 S17
#[test]
fn an_anchor_that_the_server_does_not_know_leads_to_a_slow_sync() {
    let replica = Shared::default();
    replica.lock().unwrap().insert("text/plain", b"mine");
    sync_quietly(&replica, |_| Some(200));
    let mut session = contacts(Mode::TwoWay, &replica);
    let mut peer = Peer {
        status: |name| Some(if name == "Alert" { 508 } else { 200 }),
        ..Peer::default()
    };
    exchange(&mut session, &mut peer, &alert(201, "contacts"), true);
    assert_eq!(heard(&mut session).details("Replace"), ["1"]);
    assert_eq!(session.summary().sources[0].alert, 201);
}

// spec: C12
#[test]
fn a_change_without_a_status_is_reported_and_sent_again() {
    let replica = Shared::default();
    replica.lock().unwrap().insert("text/plain", b"mine");
    let session = sync_quietly(&replica, |name| (name != "Add").then_some(200));
    let summary = session.summary();
    assert_eq!(summary.sources[0].sent.total(), 0);
    assert_eq!(summary.sources[0].failed.len(), 1);
    let again = sync_quietly(&replica, |_| Some(201));
    assert_eq!(again.summary().sources[0].sent.added, 1);
}

#[test]
fn an_item_that_the_server_has_lost_is_added_again() {
    let replica = Shared::default();
    let luid = replica.lock().unwrap().insert("text/plain", b"mine");
    sync_quietly(&replica, |_| Some(200));
    assert!(replica.lock().unwrap().edit(&luid, b"newer"));
    let lost = sync_quietly(&replica, |name| {
        Some(if name == "Replace" { 404 } else { 200 })
    });
    assert_eq!(lost.summary().sources[0].failed.len(), 1);
    let again = sync_quietly(&replica, |_| Some(200));
    let sent = again.summary().sources[0].sent;
    assert_eq!((sent.added, sent.changed), (1, 0));
}

#[test]
fn changes_that_come_with_package_2_overwrite_no_edit() {
    let replica = Shared::default();
    let luid = replica.lock().unwrap().insert("text/plain", b"mine");
    sync_quietly(&replica, |_| Some(200));
    let mut session = contacts(Mode::TwoWay, &replica);
    replica.lock().unwrap().edit(&luid, b"mine, edited");
    let early = format!(
        "<Replace><CmdID>9004</CmdID><Item><Target><LocURI>{luid}</LocURI></Target>\
         <Data>theirs</Data></Item></Replace>"
    );
    let commands = alert(200, "contacts") + &sync("contacts", &early);
    let mut peer = Peer::default();
    exchange(&mut session, &mut peer, &commands, true);
    let said = heard(&mut session);
    assert_eq!(said.details("Status").last(), Some(&"Replace 409"));
    assert_eq!(said.details("Replace"), [luid.as_str()]);
    assert_eq!(
        replica.lock().unwrap().items().next().unwrap().1,
        b"mine, edited"
    );
}

#[test]
fn a_sync_from_the_server_only_overwrites_no_edit() {
    let replica = Shared::default();
    let luid = replica.lock().unwrap().insert("text/plain", b"mine");
    sync_quietly(&replica, |_| Some(200));
    replica.lock().unwrap().edit(&luid, b"mine, edited");
    let change = format!(
        "<Replace><CmdID>9004</CmdID><Item><Target><LocURI>{luid}</LocURI></Target>\
         <Data>theirs</Data></Item></Replace>"
    );
    let mut session = contacts(Mode::FromServer, &replica);
    let mut peer = Peer::default();
    exchange(&mut session, &mut peer, &alert(204, "contacts"), true);
    exchange(&mut session, &mut peer, &sync("contacts", &change), true);
    let said = exchange(&mut session, &mut peer, "", true);
    assert_eq!(said.details("Status").last(), Some(&"Replace 409"));
    assert_eq!(
        replica.lock().unwrap().items().next().unwrap().1,
        b"mine, edited"
    );
    let later = sync_quietly(&replica, |_| Some(200));
    assert_eq!(later.summary().sources[0].sent.changed, 1);
}

#[test]
fn what_is_confirmed_is_what_was_given_out() {
    let changes = Plan {
        all_items: false,
        sends: true,
        renews_map: false,
        resumes: false,
    };
    let mut replica = MemoryReplica::default();
    let [first, second] = [b"1", b"2"].map(|text| replica.insert("text/plain", text));
    assert_eq!(replica.begin(changes).unwrap(), 2);
    assert!(replica.edit(&first, b"1, edited") && replica.remove(&second));
    let given = replica.next_change().unwrap().unwrap();
    assert_eq!(
        (given.luid, given.content),
        (first.clone(), b"1, edited".to_vec())
    );
    assert_eq!(
        replica.next_change().unwrap(),
        None,
        "the other one is gone"
    );
    assert!(replica.edit(&first, b"1, edited again"));
    replica.confirm(&first).unwrap();
    let outcome = replica.replace(&first, "text/plain", b"theirs").unwrap();
    assert_eq!(outcome, Applied::ChangedHere);
    assert_eq!(
        replica.begin(changes).unwrap(),
        1,
        "the edit that was not given out"
    );
}

/// Answers for ever without bringing anything; how the session ends.
fn endless(limit: Option<u64>, is_final: bool) -> Error {
    let replica = Shared::default();
    replica.lock().unwrap().insert("text/plain", &[b'x'; 500]);
    let mut session = contacts(Mode::TwoWay, &replica);
    let mut peer = Peer {
        limit,
        ..Peer::default()
    };
    exchange(&mut session, &mut peer, &alert(200, "contacts"), true);
    peer.status = |_| None;
    for _ in 0..100 {
        let Step::Send { body, .. } = session.step().unwrap() else {
            panic!("it ended well");
        };
        let answer = peer.answer(&Heard::of(&body), "", is_final);
        if let Err(error) = session.receive(answer.as_bytes(), None) {
            return error;
        }
    }
    panic!("it goes on for ever");
}

// spec: B17
#[test]
fn a_server_that_repeats_itself_is_left() {
    let again = alert(201, "contacts");
    let change = |meta: &str| {
        format!(
            "<Sync><CmdID>3</CmdID><Target><LocURI>./contacts</LocURI></Target>\
             <Source><LocURI>contacts</LocURI></Source><Add><CmdID>4</CmdID>\
             <Meta xmlns='syncml:metinf'><Type>text/plain</Type>{meta}</Meta>\
             <Item><Source><LocURI>1</LocURI></Source><Data></Data><MoreData/></Item></Add></Sync>"
        )
    };
    let (first, huge) = (
        change("<Size>1000</Size>"),
        change("<Size>99999999999</Size>"),
    );
    // the same alert, chunks without content, chunks that are refused, a Sync without changes
    let empty = change("");
    let bare = first.replace(
        &first[first.find("<Add>").unwrap()..first.find("</Sync>").unwrap()],
        "",
    );
    for commands in [&again, &first, &empty, &huge, &bare] {
        let replica = Shared::default();
        let mut session = contacts(Mode::TwoWay, &replica);
        let mut peer = Peer::default();
        exchange(&mut session, &mut peer, &alert(201, "contacts"), true);
        let ended = (0..100).find_map(|_| {
            let Step::Send { body, .. } = session.step().unwrap() else {
                panic!("it ended well");
            };
            let answer = peer.answer(&Heard::of(&body), commands, false);
            session.receive(answer.as_bytes(), None).err()
        });
        assert!(matches!(ended, Some(Error::Protocol { .. })), "{commands}");
    }
}

// spec: B17
#[test]
fn a_session_that_gets_nowhere_ends() {
    assert!(matches!(endless(None, false), Error::Protocol { .. }));
    // the server's limit leaves no room for a Sync
    assert!(matches!(endless(Some(500), true), Error::Protocol { .. }));
    assert!(matches!(endless(Some(500), false), Error::Protocol { .. }));
}

#[test]
fn a_limit_that_a_challenge_brings_holds_for_the_repeated_package() {
    let sources = (0..12).map(|number| {
        let name = format!("datastore-of-a-long-name-{number}");
        source(&name, Mode::TwoWay, &Shared::default())
    });
    let mut session = session_of(sources.collect(), Encoding::Xml);
    let mut peer = Peer {
        header: 401,
        challenge: "<Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-basic</Type></Meta></Chal>",
        limit: Some(3000),
        ..Peer::default()
    };
    exchange(&mut session, &mut peer, "", true);
    peer.header = 212;
    peer.challenge = "";
    let mut alerts = 0;
    loop {
        let Step::Send { body, .. } = session.step().unwrap() else {
            panic!("the session is over");
        };
        assert!(body.len() <= 3000, "{} bytes", body.len());
        let said = Heard::of(&body);
        alerts += said.details("Alert").len();
        let answer = peer.answer(&said, "", false);
        session.receive(answer.as_bytes(), None).unwrap();
        if said.is_final {
            break;
        }
    }
    assert_eq!(alerts, 12, "each datastore is alerted once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // spec: A15 B09
    #[test]
    fn every_message_keeps_the_limit_and_every_item_that_can_go_goes(
        limit in 1500_u64..6000,
        sizes in prop::collection::vec(0_usize..2500, 0..25),
        wbxml: bool,
    ) {
        let replica = Shared::default();
        for size in &sizes {
            replica.lock().unwrap().insert("text/plain", &vec![b'x'; *size]);
        }
        let encoding = if wbxml { Encoding::Wbxml } else { Encoding::Xml };
        let sources = vec![source("contacts", Mode::TwoWay, &replica)];
        let mut session = session_of(sources, encoding);
        let mut peer = Peer { limit: Some(limit), ..Peer::default() };
        exchange(&mut session, &mut peer, &alert(200, "contacts"), true);
        let mut sent = Vec::new();
        for message in 0..100 {
            let Step::Send { body, .. } = session.step().unwrap() else {
                break;
            };
            prop_assert!(message < 99, "the session does not end");
            prop_assert!(body.len() as u64 <= limit, "{} > {limit}", body.len());
            let said = Heard::of(&body);
            sent.extend(said.details("Add").iter().map(|luid| (*luid).to_owned()));
            let changes = if said.is_final && sent.len() < 1000 { sync("contacts", "") } else { String::new() };
            let answer = peer.answer(&said, &changes, said.is_final);
            session.receive(answer.as_bytes(), None).unwrap();
        }
        let mut once = sent.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), sent.len(), "an item was sent twice");
        let failed = session.summary().sources[0].failed.len();
        prop_assert_eq!(sent.len() + failed, sizes.len());
        // header, statuses, Sync and Add take less than 1200 bytes
        let surely = sizes.iter().filter(|size| **size as u64 + 1200 <= limit).count();
        prop_assert!(sent.len() >= surely);
    }
}

// spec: D03
#[test]
fn a_server_of_lower_versions_is_tried_in_those() {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    for (code, lower) in [
        (505, Some(Version::V1_1)),
        (513, Some(Version::V1_1)),
        (400, Some(Version::V1_1)),
        (503, None),
    ] {
        let mut peer = Peer {
            header: code,
            ..Peer::default()
        };
        let said = heard(&mut session);
        let answer = peer.answer(&said, "", true);
        let error = session.receive(answer.as_bytes(), None).unwrap_err();
        assert_eq!(error.lower_version(Version::V1_2), lower, "{code}");
        assert_eq!(error.lower_version(Version::V1_0), None);
    }
}

/// A message of 1.1 that asks for a sync of contacts and of notes.
fn invitation() -> syncml::san::Received {
    let text = "<SyncML xmlns='SYNCML:SYNCML1.1'><SyncHdr><VerDTD>1.1</VerDTD>\
        <VerProto>SyncML/1.1</VerProto><SessionID>C0</SessionID><MsgID>1</MsgID>\
        <Target><LocURI>device</LocURI></Target><Source><LocURI>https://server</LocURI></Source>\
        </SyncHdr><SyncBody>\
        <Alert><CmdID>7</CmdID><Data>206</Data><Item><Source><LocURI>./contacts</LocURI></Source>\
        </Item></Alert>\
        <Alert><CmdID>8</CmdID><Data>206</Data><Item><Source><LocURI>./notes</LocURI></Source>\
        </Item></Alert><Final/></SyncBody></SyncML>";
    syncml::san::read(text.as_bytes()).unwrap()
}

// spec: Q04 Q12
#[test]
fn a_message_that_asks_for_a_session_is_answered_in_package_1() {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    session.accept(&invitation());
    let first = heard(&mut session);
    assert_eq!(first.session_id, "C0");
    assert_eq!(
        first.details("Status"),
        ["SyncHdr 200", "Alert 200", "Alert 404"]
    );
    assert_eq!(first.names()[..4], ["Status", "Status", "Status", "Alert"]);

    // the login is tried again, so package 1 begins anew
    let mut peer = Peer {
        header: 401,
        challenge: "<Chal><Meta><Format xmlns='syncml:metinf'>b64</Format>\
                    <Type xmlns='syncml:metinf'>syncml:auth-md5</Type>\
                    <NextNonce xmlns='syncml:metinf'>Tm9uY2U=</NextNonce></Meta></Chal>",
        ..Peer::default()
    };
    let answer = peer.answer(&first, "", true);
    session.receive(answer.as_bytes(), None).unwrap();
    let second = heard(&mut session);
    assert_eq!(second.session_id, "C0");
    assert_eq!(
        second.details("Status")[..3],
        ["SyncHdr 200", "Alert 200", "Alert 404"]
    );
    peer.header = 212;
    peer.challenge = "";
    let answer = peer.answer(&second, &alert(200, "contacts"), true);
    session.receive(answer.as_bytes(), None).unwrap();
    let third = heard(&mut session);
    assert!(!third.details("Status").contains(&"Alert 404"), "said once");
}

// spec: Q04 Q05
#[test]
fn a_package_gives_the_session_its_identifier_or_leaves_it_to_the_client() {
    let mut asked = syncml::san::Notification {
        version: Version::V1_2,
        ui_mode: syncml::san::UiMode::Background,
        initiator: syncml::san::Initiator::Server,
        session_id: Some("4660".into()),
        server_id: "server".into(),
        syncs: Vec::new(),
        vendor: Vec::new(),
    };
    let first = |asked: &syncml::san::Notification| {
        let package = asked.to_package("", b"").unwrap();
        let mut session = contacts(Mode::TwoWay, &Shared::default());
        session.accept(&syncml::san::read(&package).unwrap());
        heard(&mut session)
    };
    let numbered = first(&asked);
    assert_eq!(numbered.session_id, "4660");
    assert!(numbered.details("Status").is_empty());
    asked.session_id = None;
    let own = heard(&mut contacts(Mode::TwoWay, &Shared::default()));
    assert_eq!(first(&asked).session_id, own.session_id);
}

//! What the client does otherwise with servers of which a rule holds.

use super::*;
use session::client::Resting;
use session::peer::ServerTable;

/// Rules of a server of which this holds.
fn odd(set: &str) -> ServerTable {
    let table = format!("[[rule]]\nname = 'odd'\nmatch.host = ['server']\n{set}\n");
    ServerTable::parse(&table).unwrap()
}

/// A session by these rules.
fn by_rules(config: Config, source: Source, table: ServerTable) -> Session {
    Session::by_rules(config, vec![source], table, 1_795_600_000, [7; 8]).unwrap()
}

fn ruled(set: &str, config: Config, mode: Mode, replica: &Shared) -> Session {
    by_rules(config, of_contacts(mode, replica), odd(set))
}

fn newest() -> Config {
    config(Version::V1_2, Encoding::Xml)
}

/// Both without and with these flags.
fn both(set: &str, look: impl Fn(&mut Session) -> bool) -> [bool; 2] {
    ["", set].map(|set| {
        let replica = Shared::default();
        look(&mut ruled(set, newest(), Mode::TwoWay, &replica))
    })
}

#[test]
fn rules_are_named() {
    let session = ruled("", newest(), Mode::TwoWay, &Shared::default());
    assert_eq!(session.server_rules(), ["odd"]);
    let session = contacts(Mode::TwoWay, &Shared::default());
    assert!(session.server_rules().is_empty());
}

#[test]
fn a_server_is_told_nothing_unasked() {
    let puts = both("set.put-devinf = false", |session| next(session).has("Put"));
    assert_eq!(puts, [true, false]);
}

#[test]
fn a_server_hears_of_no_folders() {
    let names = |set: &str| {
        let files = source(
            "files",
            DatastoreKind::Files,
            Mode::TwoWay,
            &Shared::default(),
        );
        let mut session = by_rules(newest(), files, odd(set));
        session.mention(vec![Resting {
            local_uri: "./mail".into(),
            remote_uri: "mail".into(),
            kind: DatastoreKind::Mail,
            has_folders: true,
            size: None,
        }]);
        let sent = next(&mut session);
        assert!(sent.has("Put"));
        sent.text.matches("SupportHierarchicalSync").count()
    };
    assert_eq!(names(""), 2, "of the synced one and of the resting one");
    assert_eq!(names("set.hierarchy = false"), 0);
    // whatever the server says of folders itself
    let places = |set: &str| {
        let replica = folders::nested();
        let files = source("files", DatastoreKind::Files, Mode::TwoWay, &replica);
        let session = by_rules(newest(), files, odd(set));
        let sent = folders::answered_in(session, true, 200, |_| 200);
        assert_eq!(sent.len(), 3);
        sent.iter()
            .filter(|(_, _, parent)| !parent.is_empty())
            .count()
    };
    assert_eq!([places(""), places("set.hierarchy = false")], [3, 0]);
}

#[test]
fn the_password_goes_first_where_nobody_can_read_it() {
    let is_basic = |set: &str, url: &str| {
        let config = Config {
            url: url.into(),
            ..newest()
        };
        let mut session = ruled(set, config, Mode::TwoWay, &Shared::default());
        next(&mut session).text.contains("auth-basic")
    };
    let set = "set.basic-first = true";
    assert!(!is_basic("", URL));
    assert!(is_basic(set, URL));
    assert!(!is_basic(set, "http://server/syncml"));
}

/// A replica with items of 300 bytes, and with one of so many.
fn items(number: usize, large: usize) -> Shared {
    let replica = Shared::default();
    for _ in 0..number {
        replica.lock().unwrap().insert("text/plain", &[b'x'; 300]);
    }
    replica
        .lock()
        .unwrap()
        .insert("text/plain", &vec![b'x'; large]);
    replica
}

const LIMITS: &str = "<Meta><MaxMsgSize xmlns='syncml:metinf'>3000</MaxMsgSize>\
    <MaxObjSize xmlns='syncml:metinf'>100000</MaxObjSize></Meta>";

/// The message with the first changes, after the server has told its limits.
fn first_changes(set: &str, replica: &Shared) -> Sent {
    let mut session = ruled(set, newest(), Mode::TwoWay, replica);
    let first = next(&mut session);
    let answer = first.answer(|_| 200, LIMITS, &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    next(&mut session)
}

#[test]
fn messages_are_no_longer_than_a_rule_says() {
    let set = "set.message-limit = 1500";
    assert!(first_changes("", &items(20, 10)).body.len() > 1500);
    assert!(first_changes(set, &items(20, 10)).body.len() <= 1500);
}

#[test]
fn objects_go_in_chunks_as_a_rule_says() {
    let chunked = |set: &str| {
        first_changes(set, &items(0, 6000))
            .text
            .contains("<MoreData")
    };
    assert!(chunked(""));
    assert!(!chunked("set.large-objects = false"));
}

#[test]
fn changes_are_counted_as_a_rule_says() {
    let counts = |set: &str| {
        let sent = first_changes(set, &items(1, 10));
        sent.text.contains("<NumberOfChanges>")
    };
    assert!(counts(""));
    assert!(!counts("set.number-of-changes = false"));
}

/// A session that ends without the answer to its changes.
fn break_off(replica: &Shared) {
    two_way(&mut ruled("", newest(), Mode::TwoWay, replica), "");
    replica.lock().unwrap().insert("text/plain", b"new");
    let mut session = ruled("", newest(), Mode::TwoWay, replica);
    exchange(&mut session, &alert(200));
    next(&mut session);
}

#[test]
fn a_session_that_broke_is_not_gone_on_with() {
    let resumes = |set: &str| {
        let replica = Shared::default();
        break_off(&replica);
        let sent = next(&mut ruled(set, newest(), Mode::TwoWay, &replica));
        sent.text.contains("<Data>225</Data>")
    };
    assert!(resumes(""));
    assert!(!resumes("set.resume = false"));
}

#[test]
fn anchors_that_do_not_match_are_borne_with() {
    let agreed = |set: &str| {
        let replica = Shared::default();
        two_way(&mut ruled("", newest(), Mode::TwoWay, &replica), "");
        let mut session = ruled(set, newest(), Mode::TwoWay, &replica);
        let other = alert(200).replace("<Next>", "<Last>other</Last><Next>");
        exchange(&mut session, &other);
        session.summary().sources[0].alert
    };
    assert_eq!(agreed(""), 201);
    assert_eq!(agreed("set.ignore-last-anchor = true"), 200);
}

#[test]
fn device_information_that_is_not_true_refuses_nothing() {
    let refused = |set: &str, mode: Mode, code: u16, datastore: &str| {
        let mut session = ruled(set, newest(), mode, &Shared::default());
        let devinf = format!(
            "<Results><CmdID>920</CmdID><CmdRef>3</CmdRef><Meta><Type xmlns='syncml:metinf'>\
             application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12\
             </LocURI></Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD>\
             <DevID>s</DevID><DevTyp>server</DevTyp><DataStore><SourceRef>./contacts</SourceRef>\
             {datastore}</DataStore></DevInf></Data></Item></Results>"
        );
        exchange(&mut session, &(devinf + &alert(code)));
        session.summary().sources[0].error.is_some()
    };
    let types = "<SyncCap><SyncType>1</SyncType></SyncCap>";
    let refresh = |set: &str| refused(set, Mode::RefreshFromClient, 203, types);
    assert!(refresh("") && !refresh("set.check-sync-types = false"));
    let formats = "<Rx-Pref><CTType>text/x-vnote</CTType></Rx-Pref>\
        <Tx-Pref><CTType>text/x-vnote</CTType></Tx-Pref>";
    let two_way = |set: &str| refused(set, Mode::TwoWay, 200, formats);
    assert!(two_way("") && !two_way("set.check-content-types = false"));
}

// spec: F15
#[test]
fn a_server_is_known_by_what_it_said_in_the_last_session() {
    let replica = Shared::default();
    let table = "[[rule]]\nname = 'acme'\nmatch.man = ['Acme*']\nset.put-devinf = false\n";
    let table = ServerTable::parse(table).unwrap();
    let session =
        |replica: &Shared| by_rules(newest(), of_contacts(Mode::TwoWay, replica), table.clone());
    let mut first = session(&replica);
    assert!(first.server_rules().is_empty());
    let devinf = "<Put><CmdID>920</CmdID><Meta><Type xmlns='syncml:metinf'>\
        application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
        </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><Man>Acme Inc</Man>\
        <DevID>s</DevID><DevTyp>server</DevTyp></DevInf></Data></Item></Put>";
    assert!(exchange(&mut first, &(devinf.to_owned() + &alert(200))).has("Put"));
    assert_eq!(first.server_rules(), ["acme"]);
    let mut second = session(&replica);
    assert_eq!(second.server_rules(), ["acme"]);
    assert!(!next(&mut second).has("Put"));
}

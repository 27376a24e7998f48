//! What the client makes of the device information of a server.

use super::*;
use session::client::Resting;
use session::filter::{FieldProperty, Fields, Filter, Query};

/// Device information with these flags, and with this inside of the datastore.
fn devinf(flags: &str, datastore: &str) -> String {
    format!(
        "<Item><Source><LocURI>./devinf12</LocURI></Source><Data>\
         <DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>s</DevID><DevTyp>server</DevTyp>\
         {flags}<DataStore><SourceRef>./contacts</SourceRef>{datastore}</DataStore></DevInf>\
         </Data></Item>"
    )
}

const TYPE: &str =
    "<Meta><Type xmlns='syncml:metinf'>application/vnd.syncml-devinf+xml</Type></Meta>";

fn results(item: &str) -> String {
    format!("<Results><CmdID>920</CmdID><CmdRef>3</CmdRef>{TYPE}{item}</Results>")
}

const CARDS: &str = "<Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref>\
    <Tx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Tx-Pref>";

const FILTERS: &str =
    "<Filter-Rx><CTType>syncml:filtertype-cgi</CTType><VerCT>1.0</VerCT></Filter-Rx>";

fn capability(name: &str) -> String {
    format!(
        "<CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>\
         <Property><PropName>{name}</PropName></Property></CTCap>"
    )
}

/// A two-way session with a filter, of a client that takes messages of so many bytes.
fn filtered(replica: &Shared, filter: Filter, max_msg_size: u64) -> Session {
    let source = Source {
        filter: Some(filter),
        ..of_contacts(Mode::TwoWay, replica)
    };
    let config = Config {
        max_msg_size,
        ..config(Version::V1_2, Encoding::Xml)
    };
    Session::new(config, vec![source], 1_795_600_000, [7; 8]).unwrap()
}

fn wants(record: bool, field: Option<&str>) -> Filter {
    Filter {
        media_type: "text/x-vcard".into(),
        kind: session::filter::Kind::Exclusive,
        record: record.then(|| Query::parse("N&CON;Ann").unwrap()),
        fields: field.map(|name| Fields {
            properties: vec![FieldProperty {
                name: name.into(),
                ..FieldProperty::default()
            }],
        }),
    }
}

/// The reason why a session is over with package 2, before any data went; `None` where it goes on.
fn refusal(mut session: Session, code: u16, devinf: &str) -> Option<String> {
    exchange(&mut session, &(results(devinf) + &alert(code)));
    match session.step().unwrap() {
        Step::Done(summary) => Some(summary.sources[0].error.clone().unwrap()),
        Step::Send { body, .. } => {
            let text = syncml::transcode::to_xml(&body).unwrap();
            assert!(text.contains("<Sync>"), "{text}");
            None
        }
    }
}

// spec: G18
#[test]
fn a_type_that_the_server_does_not_list_is_refused_before_data_flows() {
    let types = |numbers: &[u8]| {
        let types = numbers.iter();
        let types: Vec<String> = types
            .map(|number| format!("<SyncType>{number}</SyncType>"))
            .collect();
        devinf("", &format!("<SyncCap>{}</SyncCap>", types.concat()))
    };
    let refresh = || contacts(Mode::RefreshFromClient, &Shared::default());
    let reason = refusal(refresh(), 203, &types(&[1, 2, 5])).unwrap();
    assert!(reason.contains("refresh"), "{reason}");
    assert_eq!(refusal(refresh(), 203, &types(&[1, 2, 4])), None);
    // nothing is no list, and two-way sync is everybody's duty
    assert_eq!(refusal(refresh(), 203, &types(&[])), None);
    let two_way = contacts(Mode::TwoWay, &Shared::default());
    assert_eq!(refusal(two_way, 200, &types(&[3])), None);
}

// spec: F10
#[test]
fn a_datastore_of_other_things_is_refused_before_data_flows() {
    let two_way = || contacts(Mode::TwoWay, &Shared::default());
    let notes = CARDS.replace("text/x-vcard", "text/x-vnote");
    let reason = refusal(two_way(), 200, &devinf("", &notes)).unwrap();
    assert!(reason.contains("text/x-vnote"), "{reason}");
    assert_eq!(refusal(two_way(), 200, &devinf("", CARDS)), None);
    assert_eq!(refusal(two_way(), 200, &devinf("", "")), None);
}

// spec: L15
#[test]
fn a_filter_that_the_server_does_not_announce_is_refused() {
    let ask = |filter: Filter, datastore: &str| {
        let session = filtered(&Shared::default(), filter, 100_000);
        refusal(session, 200, &devinf("", datastore))
    };
    let reason = ask(wants(true, None), CARDS).unwrap();
    assert!(reason.contains("filter"), "{reason}");
    assert!(ask(wants(false, Some("TEL")), CARDS).is_some());
    let other = FILTERS.replace("syncml:filtertype-cgi", "x-other");
    assert!(ask(wants(true, None), &other).is_some());
    assert_eq!(ask(wants(true, Some("TEL")), FILTERS), None);
    // a list of properties is closed
    let of = |name: &str| capability(name) + FILTERS;
    assert_eq!(ask(wants(false, Some("tel")), &of("TEL")), None);
    let reason = ask(wants(false, Some("PHOTO")), &of("TEL")).unwrap();
    assert!(reason.contains("PHOTO"), "{reason}");
}

// spec: L15 F10
#[test]
fn what_may_have_been_cut_from_a_document_refuses_nothing() {
    // of a client of small messages it says what fits
    let replica = Shared::default();
    let session = filtered(&replica, wants(true, Some("TEL")), 5000);
    let notes = CARDS.replace("text/x-vcard", "text/x-vnote");
    assert_eq!(refusal(session, 200, &devinf("", &notes)), None);
    let mut session = filtered(&replica, wants(true, Some("TEL")), 5000);
    let datastore = devinf_in(&next(&mut session)).2.datastores.remove(0);
    assert!(!datastore.rx.is_empty() && !datastore.tx.is_empty());
}

#[test]
fn a_server_that_has_no_such_datastore_is_said_to_have_others() {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    let sent = next(&mut session);
    let unknown = |name: &str| if name == "Alert" { 404 } else { 200 };
    let others = devinf("", "").replace("./contacts", "./photos");
    let answer = sent.answer(unknown, "", &(results(&others) + "<Final/>"));
    session.receive(answer.as_bytes(), None).unwrap();
    assert!(is_over(&mut session));
    let error = session.summary().sources[0].error.clone().unwrap();
    assert!(error.contains("./photos"), "{error}");
    // but one that agrees has what it does not mention
    let two_way = contacts(Mode::TwoWay, &Shared::default());
    assert_eq!(refusal(two_way, 200, &others), None);
}

/// A session that brings this device information, by the Results of a Get or by a Put.
fn introduced(replica: &Shared, item: &str, by_put: bool) {
    let command = if by_put {
        format!("<Put><CmdID>920</CmdID>{TYPE}{item}</Put>")
    } else {
        results(item)
    };
    let mut session = contacts(Mode::TwoWay, replica);
    exchange(&mut session, &(command + &alert(200)));
    exchange(&mut session, &sync(""));
    exchange(&mut session, "<Final/>");
    assert!(is_over(&mut session));
}

// spec: F15
#[test]
fn what_the_server_said_holds_in_later_sessions() {
    for by_put in [false, true] {
        let replica = Shared::default();
        let flags = "<SupportLargeObjs/><SupportNumberOfChanges/>";
        introduced(&replica, &devinf(flags, CARDS), by_put);
        let limits = "<Meta><MaxMsgSize xmlns='syncml:metinf'>2500</MaxMsgSize></Meta>";
        replica.lock().unwrap().insert("text/plain", &[b'x'; 6000]);
        let mut session = contacts(Mode::TwoWay, &replica);
        let first = next(&mut session);
        assert!(!first.has("Get"), "it has said all");
        let answer = first.answer(|_| 200, limits, &alert(200));
        session.receive(answer.as_bytes(), None).unwrap();
        let second = next(&mut session);
        assert!(second.text.contains("<MoreData"), "{}", second.text);
        assert!(second.text.contains("<NumberOfChanges>"));

        introduced(&replica, &devinf("", CARDS), by_put);
        let mut session = contacts(Mode::TwoWay, &replica);
        let first = next(&mut session);
        let answer = first.answer(|_| 200, limits, &alert(200));
        session.receive(answer.as_bytes(), None).unwrap();
        let second = next(&mut session);
        assert!(!second.text.contains("<MoreData"), "{}", second.text);
        assert!(!second.text.contains("<NumberOfChanges>"));
    }
}

// spec: F10
#[test]
fn formats_that_both_know_are_offered() {
    let replica = Shared::default();
    let types = |replica: &Shared| {
        let devinf = contacts(Mode::TwoWay, replica);
        let mut devinf = devinf;
        let sent = next(&mut devinf);
        assert!(sent.has("Put"));
        let datastore = devinf_in(&sent).2.datastores.remove(0);
        let rx = datastore.rx_pref.into_iter().chain(datastore.rx);
        let tx = datastore.tx_pref.into_iter().chain(datastore.tx);
        let names = |list: Vec<syncml::devinf::ContentType>| -> Vec<String> {
            list.into_iter().map(|one| one.media_type).collect()
        };
        (names(rx.collect()), names(tx.collect()))
    };
    let (rx, tx) = types(&replica);
    assert!(
        rx.len() > 1 && tx.len() > 1,
        "all of ours before it is known"
    );
    let one_way = CARDS.replace(
        "<Tx-Pref>",
        "<Tx-Pref><CTType>text/vcard</CTType></Tx-Pref><Tx>",
    );
    let one_way = one_way.replace("2.1</VerCT></Tx-Pref>", "2.1</VerCT></Tx>");
    introduced(&replica, &devinf("", &one_way), false);
    let (both, only) = types(&replica);
    assert_eq!(only, ["text/x-vcard"]);
    assert!(
        both.contains(&"text/vcard".to_owned()) && both.len() > 1,
        "{both:?}"
    );
}

// spec: F02 G18
#[test]
fn what_was_said_earlier_refuses_nothing_before_the_server_is_asked_again() {
    let replica = Shared::default();
    let types =
        |n: u8| format!("<SyncCap><SyncType>1</SyncType><SyncType>{n}</SyncType></SyncCap>");
    introduced(&replica, &devinf("", &types(2)), false);
    let mut session = contacts(Mode::RefreshFromClient, &replica);
    let sent = next(&mut session);
    assert!(sent.has("Get"));
    let answer = sent.answer(
        |_| 200,
        "",
        &(results(&devinf("", &types(4))) + &alert(203)),
    );
    session.receive(answer.as_bytes(), None).unwrap();
    assert!(next(&mut session).has("Sync"), "it has learned more");

    // one that does not answer the question is taken as it comes
    let replica = Shared::default();
    introduced(&replica, &devinf("", &types(2)), false);
    let mut session = contacts(Mode::RefreshFromClient, &replica);
    exchange(&mut session, &alert(203));
    assert!(next(&mut session).has("Sync"));
}

// spec: F09
#[test]
fn datastores_that_are_not_synced_now_are_named_too() {
    let resting = |name: &str, kind| Resting {
        local_uri: format!("./{name}"),
        remote_uri: name.to_owned(),
        kind,
        has_folders: false,
        size: None,
    };
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    session.mention(vec![
        resting("notes", DatastoreKind::Notes),
        resting("calendar", DatastoreKind::Calendar),
    ]);
    let text = next(&mut session).text;
    let at = |name: &str| {
        text.find(&format!("<SourceRef>./{name}</SourceRef>"))
            .unwrap()
    };
    // in one order, whichever are synced: what says the same is not sent again
    assert!(at("calendar") < at("contacts") && at("contacts") < at("notes"));
    assert!(text.contains("text/x-vcalendar"));
    let alerts = text.matches("<Alert>").count();
    assert_eq!(alerts, 1);
}

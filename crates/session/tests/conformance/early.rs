//! Initialization and changes in one package, and types that the server chooses.

use session::client::Replica as _;

use super::*;

fn one_package(replica: &Shared) -> Session {
    let config = Config {
        one_package: true,
        ..config(Version::V1_2, Encoding::Xml)
    };
    session_of(config, Mode::TwoWay, replica)
}

/// A replica that the server knows, with a change that it does not.
fn known() -> Shared {
    let replica = Shared::default();
    replica.lock().unwrap().insert("text/plain", b"old");
    two_way(&mut contacts(Mode::TwoWay, &replica), "");
    replica.lock().unwrap().insert("text/plain", b"new");
    replica
}

// spec: B21
#[test]
fn changes_go_with_the_first_message_to_a_server_that_is_known() {
    let replica = Shared::default();
    let sent = next(&mut one_package(&replica));
    assert!(
        sent.has("Alert") && !sent.has("Sync"),
        "it is not known yet"
    );

    let replica = known();
    let mut session = one_package(&replica);
    let answered = alert(200).replace("<Final/>", "") + &sync(&change("Add", 903, "7", ""));
    let sent = exchange(&mut session, &answered);
    assert!(sent.has("Alert") && sent.has("Sync") && sent.has("Add"));
    assert!(sent.is_final && sent.text.contains("new"));
    let sent = exchange(&mut session, "<Final/>");
    assert!(sent.has("Map") && !sent.has("Sync") && sent.is_final);
    assert!(is_over(&mut session));
    let summary = session.summary().sources.remove(0);
    assert_eq!((summary.error, summary.failed), (None, Vec::new()));
    assert_eq!((summary.sent.added, summary.received.added), (1, 1));
    let sent = next(&mut one_package(&replica));
    assert!(!sent.has("Add"), "all is confirmed");
}

// spec: B21
#[test]
fn a_server_that_wants_all_items_instead_gets_them() {
    let replica = known();
    let mut session = one_package(&replica);
    let sent = next(&mut session);
    let refused = |name: &str| match name {
        "Alert" | "Sync" | "Add" => 508,
        _ => 200,
    };
    let answer = sent.answer(refused, "", &alert(201));
    session.receive(answer.as_bytes(), None).unwrap();
    let sent = exchange(&mut session, &sync(""));
    assert!(!sent.has("Alert") && sent.is_final);
    let all = sent.commands.iter().filter(|(_, name)| name == "Replace");
    assert_eq!(all.count(), 2, "{}", sent.text);
    exchange(&mut session, "<Final/>");
    assert!(is_over(&mut session));
    let summary = session.summary().sources.remove(0);
    assert_eq!((summary.error, summary.failed), (None, Vec::new()));
    assert_eq!((summary.alert, summary.compared), (201, 2));
}

// spec: B21
#[test]
fn anchors_stay_where_the_server_does_not_answer_the_alert() {
    let replica = known();
    let before = replica.lock().unwrap().anchors().unwrap();
    let mut session = one_package(&replica);
    exchange(&mut session, "<Final/>");
    assert!(is_over(&mut session));
    assert!(session.summary().sources[0].error.is_some());
    assert_eq!(replica.lock().unwrap().anchors().unwrap(), before);
}

// spec: G15
#[test]
fn a_server_may_want_all_items_in_place_of_the_changes() {
    let replica = known();
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(201));
    let sent = exchange(&mut session, &sync(""));
    let all = sent.commands.iter().filter(|(_, name)| name == "Replace");
    assert_eq!(all.count(), 2);
    assert_eq!(session.summary().sources[0].alert, 201);
}

// spec: G16
#[test]
fn a_server_may_not_write_where_only_the_client_was_to() {
    let replica = known();
    let mut session = contacts(Mode::FromClient, &replica);
    let sent = next(&mut session);
    let answer = sent.answer(|_| 200, "", &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    assert!(session.summary().sources[0].error.is_some());
    assert!(is_over(&mut session), "there is nothing else to sync");
    assert_eq!(replica.lock().unwrap().items().count(), 2);
}

// spec: E15
#[test]
fn a_server_that_has_to_prove_itself_is_told_no_changes_before() {
    let replica = known();
    let mut session = one_package(&replica);
    session.expect_server("sync.example", "secret", [7; 16]);
    assert!(!next(&mut session).has("Sync"));
}

// spec: B09
#[test]
fn changes_of_the_server_may_come_while_ours_go_out() {
    let replica = Shared::default();
    for number in 0..40 {
        let text = format!("{number:0100}");
        replica
            .lock()
            .unwrap()
            .insert("text/plain", text.as_bytes());
    }
    let limit = "<Meta><MaxMsgSize xmlns='syncml:metinf'>2000</MaxMsgSize></Meta>";
    let mut session = contacts(Mode::TwoWay, &replica);
    let first = next(&mut session);
    let answer = first.answer(|_| 200, limit, &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    let mut came = 0;
    let mut both_ways = 0;
    loop {
        let sent = next(&mut session);
        let taken = statuses(&sent);
        let of_adds = taken
            .iter()
            .filter(|(cmd, code)| cmd == "Add" && code == "201");
        assert_eq!(
            of_adds.count(),
            usize::from(came > 0),
            "each is answered once"
        );
        both_ways += usize::from(came > 0 && sent.has("Add"));
        came += 1;
        let more = sync(&change("Add", 903, &format!("g{came}"), ""));
        let is_last = sent.is_final;
        let more = if is_last {
            more
        } else {
            more.replace("<Final/>", "")
        };
        let answer = sent.answer(|_| 200, limit, &more);
        session.receive(answer.as_bytes(), None).unwrap();
        if is_last {
            break;
        }
    }
    assert!(both_ways > 2, "{both_ways}");
    let last = exchange(&mut session, "<Final/>");
    assert!(last.has("Map") && last.is_final);
    assert!(is_over(&mut session));
    let summary = session.summary().sources.remove(0);
    assert_eq!((summary.error, summary.failed), (None, Vec::new()));
    assert_eq!((summary.sent.added, summary.received.added), (40, came));
    let mut again = contacts(Mode::TwoWay, &replica);
    let messages = two_way(&mut again, "");
    assert!(
        messages
            .iter()
            .all(|sent| !sent.has("Add") && !sent.has("Map"))
    );
}

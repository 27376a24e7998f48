//! Sessions that are suspended, break off and are resumed, and servers that are busy.

use session::client::{Error, Replica as _};

use super::*;

/// The text of an element's first occurrence.
fn text_in(sent: &Sent, name: &str) -> String {
    let flat: String = sent.text.split_whitespace().collect();
    let rest = flat.split(&format!("<{name}>")).nth(1);
    rest.map_or(String::new(), |rest| rest.split('<').next().unwrap().into())
}

fn says(sent: &Sent, code: u16) -> bool {
    sent.text.contains(&format!("<Data>{code}</Data>"))
}

fn insert(replica: &Shared, text: &str) -> String {
    let mut replica = replica.lock().unwrap();
    replica.insert("text/plain", text.as_bytes())
}

/// A replica with an item that a session has brought to the server; the `Next` of that session.
fn synced() -> (Shared, String) {
    let replica = Shared::default();
    insert(&replica, "first");
    let sent = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    (replica, text_in(&sent[0], "Next"))
}

/// Begins a session that breaks off when its first Sync is out.
fn break_off(replica: &Shared) -> Sent {
    let mut session = contacts(Mode::TwoWay, replica);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    assert!(sent.has("Sync"));
    sent
}

// spec: I01
#[test]
fn a_suspension_is_said_with_final_and_ends_the_session() {
    let (replica, _) = synced();
    let before = replica.lock().unwrap().anchors().unwrap();
    insert(&replica, "second");
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    session.suspend();
    let sent = next(&mut session);
    assert!(says(&sent, 224) && sent.is_final);
    assert!(!sent.has("Sync") && !sent.has("Add"));
    let answer = sent.answer(|_| 200, "", "<Final/>");
    session.receive(answer.as_bytes(), None).unwrap();
    assert!(is_over(&mut session));
    assert!(session.summary().suspended);
    assert_eq!(replica.lock().unwrap().anchors().unwrap(), before);
}

// spec: I01 I04
#[test]
fn a_server_suspends_the_session_and_the_next_one_goes_on() {
    let (replica, _) = synced();
    let before = replica.lock().unwrap().anchors().unwrap();
    insert(&replica, "second");
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    assert!(sent.has("Sync"));
    let suspends = "<Alert><CmdID>950</CmdID><Data>224</Data></Alert><Final/>";
    let answer = sent.answer(|_| 200, "", suspends);
    session.receive(answer.as_bytes(), None).unwrap();
    let sent = next(&mut session);
    assert!(sent.is_final && !sent.has("Sync"), "{}", sent.text);
    assert!(sent.text.contains("<CmdRef>950</CmdRef>") && says(&sent, 200));
    let answer = sent.answer(|_| 200, "", "<Final/>");
    session.receive(answer.as_bytes(), None).unwrap();
    assert!(is_over(&mut session));
    assert!(session.summary().suspended);
    assert_eq!(replica.lock().unwrap().anchors().unwrap(), before);
    let sent = next(&mut contacts(Mode::TwoWay, &replica));
    assert!(says(&sent, 225));
}

// spec: I01
#[test]
fn a_session_is_suspended_while_the_server_sends_with_the_maps_that_wait() {
    let (replica, _) = synced();
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let open = sync(&change("Add", 903, "7", "")).replace("<Final/>", "");
    exchange(&mut session, &open);
    session.suspend();
    let sent = next(&mut session);
    let names: Vec<&str> = sent
        .commands
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    assert_eq!(names, ["Map", "Alert"]);
    assert!(says(&sent, 224) && sent.is_final && !says(&sent, 222));
}

// spec: I04
#[test]
fn a_resumed_session_names_the_anchor_of_the_last_complete_one() {
    let (replica, last) = synced();
    insert(&replica, "second");
    break_off(&replica);
    let mut session = contacts(Mode::TwoWay, &replica);
    let sent = next(&mut session);
    assert!(says(&sent, 225) && !says(&sent, 200));
    assert_eq!(text_in(&sent, "Last"), last);
    // and so does one that resumes after a second break
    let answer = sent.answer(|_| 200, "", &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    next(&mut session);
    let sent = next(&mut contacts(Mode::TwoWay, &replica));
    assert!(says(&sent, 225));
    assert_eq!(text_in(&sent, "Last"), last);
}

// spec: I07
#[test]
fn a_refused_resume_becomes_what_the_servers_alert_says() {
    for code in [508, 509] {
        for (agreed, command) in [(201, "Replace"), (200, "Add")] {
            let (replica, _) = synced();
            insert(&replica, "second");
            break_off(&replica);
            let mut session = contacts(Mode::TwoWay, &replica);
            let sent = next(&mut session);
            assert!(says(&sent, 225));
            let code_of = |name: &str| if name == "Alert" { code } else { 200 };
            let answer = sent.answer(code_of, "", &alert(agreed));
            session.receive(answer.as_bytes(), None).unwrap();
            let sent = exchange(&mut session, &sync(""));
            let items = sent.commands.iter().filter(|(_, name)| name == command);
            let expected = if agreed == 201 { 2 } else { 1 };
            assert_eq!(items.count(), expected, "{code} {agreed}: {}", sent.text);
            exchange(&mut session, "<Final/>");
            assert!(is_over(&mut session));
            let sent = next(&mut contacts(Mode::TwoWay, &replica));
            assert!(says(&sent, 200) && !says(&sent, 225));
        }
    }
}

// spec: I08
#[test]
fn a_server_that_knows_no_resume_gets_a_normal_alert() {
    for code in [400, 406] {
        let (replica, last) = synced();
        insert(&replica, "second");
        break_off(&replica);
        let mut session = contacts(Mode::TwoWay, &replica);
        let sent = next(&mut session);
        let code_of = |name: &str| if name == "Alert" { code } else { 200 };
        let answer = sent.answer(code_of, "", "<Final/>");
        let error = session.receive(answer.as_bytes(), None).unwrap_err();
        assert!(matches!(error, Error::Resume { .. }), "{error}");
        let mut session = contacts(Mode::TwoWay, &replica);
        let sent = exchange(&mut session, &alert(200));
        assert!(says(&sent, 200) && !says(&sent, 225));
        assert_eq!(text_in(&sent, "Last"), last);
        assert!(next(&mut session).has("Add"), "nothing is lost");
    }
}

// spec: I11
#[test]
fn maps_that_wait_come_first_in_a_resumed_session() {
    let (replica, _) = synced();
    insert(&replica, "second");
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    let addition = sync(&change("Add", 903, "7", "")).replace("<Final/>", "");
    // the server's answer to ours is lost, its own addition is not
    let answer = sent.answer(|_| 200, "", &addition);
    let unanswered = answer.replace(
        "<Cmd>Add</Cmd><Data>200</Data>",
        "<Cmd>Add</Cmd><Data>506</Data>",
    );
    session.receive(unanswered.as_bytes(), None).unwrap();
    drop(session);
    let mut session = contacts(Mode::TwoWay, &replica);
    let sent = exchange(&mut session, &alert(200));
    assert!(says(&sent, 225));
    let sent = next(&mut session);
    let names: Vec<&str> = sent
        .commands
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    assert_eq!(names, ["Map", "Sync", "Add"]);
}

// spec: I12
#[test]
fn what_changes_after_a_break_waits_for_the_session_after_the_resumed_one() {
    let (replica, _) = synced();
    insert(&replica, "before the break");
    break_off(&replica);
    insert(&replica, "after it");
    let mut session = contacts(Mode::TwoWay, &replica);
    let sent = two_way(&mut session, "");
    assert!(says(&sent[0], 225));
    assert!(sent[1].text.contains("before the break"));
    assert!(!sent[1].text.contains("after it"));
    assert!(is_over(&mut session));
    let sent = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    assert!(says(&sent[0], 200));
    assert!(sent[1].text.contains("after it"));
    assert!(!sent[1].text.contains("before the break"));
}

/// The answer of a server that is busy with what it was sent.
fn busy(sent: &Sent) -> String {
    let answer = sent.answer(|_| 101, "", "");
    let answer = answer.replacen("<Data>212</Data>", "<Data>101</Data>", 1);
    if sent.has("Alert") && sent.commands.len() == 1 {
        return answer;
    }
    let (head, rest) = answer.split_once("</Status>").unwrap();
    let (_, end) = rest.rsplit_once("</Status>").unwrap();
    format!("{head}</Status>{end}")
}

// spec: K02
#[test]
fn a_busy_server_is_asked_by_alert_221_until_it_answers() {
    let replica = Shared::default();
    insert(&replica, "mine");
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let changes = next(&mut session);
    assert!(changes.has("Add") && changes.is_final);
    session.receive(busy(&changes).as_bytes(), None).unwrap();
    for _ in 0..2 {
        let poll = next(&mut session);
        assert!(says(&poll, 221) && !poll.is_final);
        assert_eq!(poll.commands.len(), 1);
        session.receive(busy(&poll).as_bytes(), None).unwrap();
    }
    // the statuses for what was sent come with the answer to the last question
    let poll = next(&mut session);
    let late = changes.answer(|_| 200, "", "");
    let late = late.split_once("<SyncBody>").unwrap().1;
    let late = late.split_once("</SyncBody>").unwrap().0;
    let answer = poll.answer(|_| 200, "", &(late.to_owned() + &sync("")));
    session.receive(answer.as_bytes(), None).unwrap();
    exchange(&mut session, "<Final/>");
    assert!(is_over(&mut session));
    let summary = session.summary().sources.remove(0);
    assert_eq!((summary.sent.added, summary.failed), (1, Vec::new()));
}

// spec: K04
#[test]
fn anchors_stay_where_a_busy_server_is_left() {
    let (replica, _) = synced();
    insert(&replica, "second");
    let before = replica.lock().unwrap().anchors().unwrap();
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let changes = next(&mut session);
    session.receive(busy(&changes).as_bytes(), None).unwrap();
    drop(session);
    assert_eq!(replica.lock().unwrap().anchors().unwrap(), before);
    let mut session = contacts(Mode::TwoWay, &replica);
    let sent = two_way(&mut session, "");
    assert!(sent[1].text.contains("second"), "it is sent again");
}

/// The next message, and how long the client is to wait before it is sent.
fn awaited(session: &mut Session) -> (Sent, u64) {
    let mut wait = 0;
    let sent = next_of(session, |step| {
        if let Step::Send { wait_seconds, .. } = step {
            wait = *wait_seconds;
        }
    });
    (sent, wait)
}

// spec: K02
#[test]
fn a_server_that_is_busy_for_long_is_asked_ever_more_slowly() {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    let (first, wait) = awaited(&mut session);
    assert_eq!(wait, 0);
    session.receive(busy(&first).as_bytes(), None).unwrap();
    let mut waits = Vec::new();
    for _ in 0..50 {
        let (poll, wait) = awaited(&mut session);
        assert!(says(&poll, 221));
        waits.push(wait);
        session.receive(busy(&poll).as_bytes(), None).unwrap();
    }
    assert_eq!(waits[..12], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
    let poll = next(&mut session);
    let answer = poll.answer(|_| 200, "", &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    let (changes, wait) = awaited(&mut session);
    assert!(changes.has("Sync"));
    assert_eq!(wait, 0);
    // the next wait is a new one
    session.receive(busy(&changes).as_bytes(), None).unwrap();
    assert_eq!(awaited(&mut session).1, 1);
}

// spec: B17 K04
#[test]
fn a_server_that_is_busy_for_ever_is_left() {
    let (replica, _) = synced();
    let before = replica.lock().unwrap().anchors().unwrap();
    let mut session = contacts(Mode::TwoWay, &replica);
    let error = (0..1000).find_map(|_| {
        let sent = next(&mut session);
        session.receive(busy(&sent).as_bytes(), None).err()
    });
    let error = error.unwrap();
    assert!(matches!(error, Error::Busy { polls: 100 }), "{error}");
    assert_eq!(replica.lock().unwrap().anchors().unwrap(), before);
}

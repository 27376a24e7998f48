//! Objects in chunks and numbers of changes, as the client sends and takes them.

use super::*;

const LIMITS: &str = "<Meta><MaxMsgSize xmlns='syncml:metinf'>2500</MaxMsgSize>\
    <MaxObjSize xmlns='syncml:metinf'>100000</MaxObjSize></Meta>";

/// A client whose item of 6000 bytes needs several messages; the message with its first chunk.
fn first_chunk(replica: &Shared) -> (Session, Sent) {
    let mut session = contacts(Mode::TwoWay, replica);
    let sent = next(&mut session);
    let answer = sent.answer(|_| 200, LIMITS, &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    let sent = next(&mut session);
    assert!(sent.text.contains("<MoreData"), "{}", sent.text);
    (session, sent)
}

fn large() -> Shared {
    let replica = Shared::default();
    let mut content = vec![b'x'; 5990];
    content.extend_from_slice(b"the end");
    replica.lock().unwrap().insert("text/plain", &content);
    replica
}

// spec: J05
#[test]
fn a_chunk_may_be_confirmed_by_213_or_214() {
    for code in [213, 214] {
        let replica = large();
        let (mut session, mut sent) = first_chunk(&replica);
        let mut chunks = 1;
        while !sent.is_final {
            let code_of = |name: &str| if name == "Add" { code } else { 200 };
            let answer = sent.answer(code_of, LIMITS, "");
            session.receive(answer.as_bytes(), None).unwrap();
            sent = next(&mut session);
            chunks += usize::from(sent.has("Add"));
        }
        assert!(chunks > 2 && sent.text.contains("the end"));
        let answer = sent.answer(|_| 200, LIMITS, &sync(""));
        session.receive(answer.as_bytes(), None).unwrap();
        exchange(&mut session, "<Final/>");
        let summary = session.summary().sources.remove(0);
        assert_eq!((summary.sent.added, summary.failed.len()), (1, 0), "{code}");
    }
}

// spec: J09
#[test]
fn an_object_that_did_not_arrive_is_sent_whole_in_the_next_session() {
    let unended = "<Alert><CmdID>950</CmdID><Data>223</Data><Item>\
        <Source><LocURI>1</LocURI></Source></Item></Alert>";
    for (code, command) in [(213, unended), (424, "")] {
        let replica = large();
        let (mut session, sent) = first_chunk(&replica);
        let code_of = |name: &str| if name == "Add" { code } else { 200 };
        let answer = sent.answer(code_of, LIMITS, command);
        session.receive(answer.as_bytes(), None).unwrap();
        let sent = next(&mut session);
        assert!(!sent.has("Add") && sent.is_final, "{}", sent.text);
        let answer = sent.answer(|_| 200, LIMITS, &sync(""));
        session.receive(answer.as_bytes(), None).unwrap();
        exchange(&mut session, "<Final/>");
        assert!(is_over(&mut session));
        assert_eq!(session.summary().sources[0].failed.len(), 1);
        let (_, again) = first_chunk(&replica);
        assert!(
            again.text.contains("<Size"),
            "from its start: {}",
            again.text
        );
    }
}

// spec: J16
#[test]
fn the_number_of_changes_is_that_of_what_is_sent() {
    let replica = Shared::default();
    let texts = (0..10).map(|number| format!("{number} {}", "x".repeat(300)));
    let luids: Vec<String> = texts
        .map(|text| {
            replica
                .lock()
                .unwrap()
                .insert("text/plain", text.as_bytes())
        })
        .collect();
    two_way(&mut contacts(Mode::TwoWay, &replica), "");
    {
        let mut replica = replica.lock().unwrap();
        for luid in &luids[..6] {
            replica.edit(luid, &[b'y'; 300]);
        }
        replica.remove(&luids[7]);
        replica.insert("text/plain", &[b'z'; 300]);
    }
    let mut session = contacts(Mode::TwoWay, &replica);
    let sent = next(&mut session);
    let answer = sent.answer(|_| 200, LIMITS, &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    let mut numbers = Vec::new();
    let mut count = 0;
    loop {
        let sent = next(&mut session);
        let flat: String = sent.text.split_whitespace().collect();
        let number = flat.split("<NumberOfChanges>").nth(1);
        numbers.extend(number.map(|rest| rest.split('<').next().unwrap().to_owned()));
        let names = sent.commands.iter().map(|(_, name)| name.as_str());
        count += names
            .filter(|name| ["Add", "Replace", "Delete"].contains(name))
            .count();
        if sent.is_final {
            break;
        }
        let answer = sent.answer(|_| 200, LIMITS, "");
        session.receive(answer.as_bytes(), None).unwrap();
    }
    assert_eq!((numbers, count), (vec!["8".to_owned()], 8));
}

// spec: J18
#[test]
fn a_wrong_number_of_changes_is_no_error() {
    for number in ["0", "70", "many", "1000000000000000000000000000000"] {
        let replica = Shared::default();
        let mut session = contacts(Mode::TwoWay, &replica);
        let counted = format!("</Source><NumberOfChanges>{number}</NumberOfChanges><Add>");
        let package = sync(&change("Add", 903, "7", "")).replacen("</Source><Add>", &counted, 1);
        assert!(package.contains(number));
        exchange(&mut session, &alert(200));
        exchange(&mut session, &package);
        exchange(&mut session, "<Final/>");
        assert!(is_over(&mut session));
        let summary = session.summary().sources.remove(0);
        assert_eq!((summary.error, summary.received.added), (None, 1));
    }
}

// spec: J19
#[test]
fn sizes_of_the_server_are_decimal_and_no_larger_than_can_be() {
    let huge = "1000000000000000000000000000000";
    for (size, code) in [
        (" 10 ", "213"),
        ("0x0a", "411"),
        ("-5", "411"),
        (huge, "416"),
    ] {
        let replica = Shared::default();
        let mut session = contacts(Mode::TwoWay, &replica);
        let meta = format!("<Size xmlns='syncml:metinf'>{size}</Size></Meta>");
        let chunk = change("Add", 903, "7", "")
            .replacen("</Meta>", &meta, 1)
            .replacen("</Data>", "</Data><MoreData/>", 1);
        exchange(&mut session, &alert(200));
        let package = sync(&chunk).replace("<Final/>", "");
        exchange(&mut session, &package);
        let said = statuses(&next(&mut session));
        let expected = ("Add".to_owned(), code.to_owned());
        assert!(said.contains(&expected), "{size}: {said:?}");
    }
    // and a limit that is no number is none
    let replica = large();
    let mut session = contacts(Mode::TwoWay, &replica);
    let sent = next(&mut session);
    let limits = LIMITS.replace("100000", huge);
    let answer = sent.answer(|_| 200, &limits, &alert(200));
    session.receive(answer.as_bytes(), None).unwrap();
    assert!(next(&mut session).text.contains("<MoreData"));
}

/// The first chunk of an addition that the server says has 1000 bytes.
fn server_chunk() -> String {
    let meta = "<Size xmlns='syncml:metinf'>1000</Size></Meta>";
    change("Add", 903, "7", "")
        .replacen("</Meta>", meta, 1)
        .replacen("</Data>", "</Data><MoreData/>", 1)
}

/// What the client says of a package that follows the first chunk of an object, and what it has then.
fn after_first_chunk(package: &str) -> (Sent, usize) {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    exchange(&mut session, &sync(&server_chunk()).replace("<Final/>", ""));
    exchange(&mut session, package);
    let sent = next(&mut session);
    let count = replica.lock().unwrap().items().count();
    (sent, count)
}

// spec: J07
#[test]
fn an_object_of_another_size_than_was_said_is_refused() {
    let last = change("Add", 904, "7", "");
    let (sent, count) = after_first_chunk(&sync(&last));
    let said = statuses(&sent);
    assert!(
        said.contains(&("Add".to_owned(), "424".to_owned())),
        "{said:?}"
    );
    assert_eq!(count, 0);
}

// spec: J08
#[test]
fn another_item_in_place_of_the_next_chunk_is_told_and_taken() {
    let other = change("Add", 904, "8", "");
    let (sent, count) = after_first_chunk(&sync(&other));
    assert!(sent.text.contains("<Data>223</Data>"), "{}", sent.text);
    let said = statuses(&sent);
    assert!(
        said.contains(&("Add".to_owned(), "201".to_owned())),
        "{said:?}"
    );
    assert_eq!(count, 1);
}

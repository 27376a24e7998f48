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
        let (sent, _) = after_chunk(&chunk_with(&size_of(size)));
        assert!(answers(&sent, code), "{size}: {:?}", statuses(&sent));
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

fn size_of(size: &str) -> String {
    format!("<Size xmlns='syncml:metinf'>{size}</Size>")
}

/// The first chunk of an addition of the server, with this in its Meta.
fn chunk_with(size: &str) -> String {
    change("Add", 903, "7", "")
        .replacen("</Meta>", &format!("{size}</Meta>"), 1)
        .replacen("</Data>", "</Data><MoreData/>", 1)
}

/// What the client says of a chunk after which more is to come, and its session then.
fn after_chunk(chunk: &str) -> (Sent, Session) {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    exchange(&mut session, &alert(200));
    exchange(&mut session, &sync(chunk).replace("<Final/>", ""));
    (next(&mut session), session)
}

fn answers(sent: &Sent, code: &str) -> bool {
    statuses(sent).contains(&("Add".to_owned(), code.to_owned()))
}

// spec: J04 J13 J14
#[test]
fn a_first_chunk_is_taken_or_refused_by_its_size() {
    let most: u64 = 32 << 20;
    for (size, code) in [
        (size_of("1000"), "213"),
        (size_of(&most.to_string()), "213"),
        (size_of(&(most + 1).to_string()), "416"),
        (String::new(), "411"),
    ] {
        let (sent, session) = after_chunk(&chunk_with(&size));
        assert!(answers(&sent, code), "{size}: {:?}", statuses(&sent));
        assert!(sent.text.contains("<Data>222</Data>"), "{}", sent.text);
        let failed = session.summary().sources.remove(0).failed;
        assert_eq!(failed.len(), usize::from(code != "213"), "{failed:?}");
    }
}

// spec: J12 J15
#[test]
fn a_server_gets_no_chunks_that_it_cannot_take() {
    for (most, goes) in [("", false), ("5996", false), ("5997", true)] {
        let limits = match most {
            "" => LIMITS.replacen(
                "<MaxObjSize xmlns='syncml:metinf'>100000</MaxObjSize>",
                "",
                1,
            ),
            most => LIMITS.replacen("100000", most, 1),
        };
        let mut session = contacts(Mode::TwoWay, &large());
        let sent = next(&mut session);
        let answer = sent.answer(|_| 200, &limits, &alert(200));
        session.receive(answer.as_bytes(), None).unwrap();
        let sent = next(&mut session);
        assert_eq!(sent.has("Add"), goes, "{most}: {}", sent.text);
        assert_eq!(sent.text.contains("<MoreData"), goes, "{most}");
        let failed = session.summary().sources.remove(0).failed;
        assert_eq!(failed.len(), usize::from(!goes), "{most}: {failed:?}");
    }
}

/// What the client says of a package that follows the first chunk of an object, and what it has then.
fn after_first_chunk(package: &str) -> (Sent, usize) {
    let replica = Shared::default();
    let mut session = contacts(Mode::TwoWay, &replica);
    let chunk = chunk_with(&size_of("1000"));
    exchange(&mut session, &alert(200));
    exchange(&mut session, &sync(&chunk).replace("<Final/>", ""));
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
    assert!(answers(&sent, "424"), "{:?}", statuses(&sent));
    assert_eq!(count, 0);
}

// spec: J08
#[test]
fn another_item_in_place_of_the_next_chunk_is_told_and_taken() {
    let other = change("Add", 904, "8", "");
    let (sent, count) = after_first_chunk(&sync(&other));
    assert!(sent.text.contains("<Data>223</Data>"), "{}", sent.text);
    assert!(answers(&sent, "201"), "{:?}", statuses(&sent));
    assert_eq!(count, 1);
}

//! What the client makes of commands that are no plain change, and of its own limits.

use super::*;

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

fn expect(sent: &Sent, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(cmd, code)| ((*cmd).to_owned(), (*code).to_owned()))
        .collect();
    assert_eq!(statuses(sent), expected);
}

fn texts(replica: &Shared) -> Vec<String> {
    let replica = replica.lock().unwrap();
    let items = replica.items();
    let mut texts: Vec<String> = items
        .map(|(_, content)| String::from_utf8(content.to_vec()).unwrap())
        .collect();
    texts.sort();
    texts
}

/// The client's answer to these changes of the server, given with `header`.
fn answer_to(replica: &Shared, header: &str, changes: &str) -> Sent {
    let mut session = contacts(Mode::TwoWay, replica);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    let answer = sent.answer(|_| 200, "", &sync(changes));
    let answer = answer.replacen(
        "</Source></SyncHdr>",
        &format!("</Source>{header}</SyncHdr>"),
        1,
    );
    session.receive(answer.as_bytes(), None).unwrap();
    next(&mut session)
}

// spec: C10
#[test]
fn a_command_that_wants_no_status_gets_none_and_the_others_do() {
    let replica = Shared::default();
    let quiet = change("Add", 904, "8", "").replace("</CmdID>", "</CmdID><NoResp/>");
    let changes = change("Add", 903, "7", "") + &quiet + &change("Add", 905, "9", "");
    let sent = answer_to(&replica, "", &changes);
    expect(
        &sent,
        &[
            ("SyncHdr", "200"),
            ("Sync", "200"),
            ("Add", "201"),
            ("Add", "201"),
        ],
    );
    assert!(!sent.text.contains("<CmdRef>904<") && sent.text.contains("<CmdRef>905<"));
    assert_eq!(texts(&replica).len(), 3);
}

// spec: A28
#[test]
fn a_message_that_wants_no_status_gets_none() {
    let replica = Shared::default();
    let sent = answer_to(&replica, "<NoResp/>", &change("Add", 903, "7", ""));
    expect(&sent, &[]);
    assert!(sent.has("Map"));
    assert_eq!(texts(&replica), ["text 903"]);
}

// spec: M15
#[test]
fn an_atomic_is_refused_and_none_of_it_done() {
    let replica = Shared::default();
    let members = change("Add", 904, "8", "") + &change("Add", 905, "9", "");
    let atomic = format!("<Atomic><CmdID>903</CmdID>{members}</Atomic>");
    let sent = answer_to(&replica, "", &(atomic + &change("Add", 906, "10", "")));
    expect(
        &sent,
        &[
            ("SyncHdr", "200"),
            ("Sync", "200"),
            ("Atomic", "406"),
            ("Add", "406"),
            ("Add", "406"),
            ("Add", "201"),
        ],
    );
    assert_eq!(texts(&replica), ["text 906"]);
}

// spec: M16
#[test]
fn a_sequence_is_done_in_order() {
    let replica = Shared::default();
    let luid = replica.lock().unwrap().insert("text/plain", b"old");
    two_way(&mut contacts(Mode::TwoWay, &replica), "");
    let members = change("Replace", 904, "", &luid)
        + &change("Replace", 905, "", &luid)
        + &change("Add", 906, "9", "");
    let sequence = format!("<Sequence><CmdID>903</CmdID>{members}</Sequence>");
    let sent = answer_to(&replica, "", &sequence);
    expect(
        &sent,
        &[
            ("SyncHdr", "200"),
            ("Sync", "200"),
            ("Sequence", "200"),
            ("Replace", "200"),
            ("Replace", "200"),
            ("Add", "201"),
        ],
    );
    assert_eq!(texts(&replica), ["text 905", "text 906"]);
}

// spec: M13
#[test]
fn a_copy_is_refused() {
    let replica = Shared::default();
    let sent = answer_to(&replica, "", &change("Copy", 903, "7", ""));
    expect(
        &sent,
        &[("SyncHdr", "200"), ("Sync", "200"), ("Copy", "406")],
    );
}

// spec: K06
#[test]
fn free_room_is_said_in_the_first_sync() {
    let replica = Shared::default();
    {
        let mut replica = replica.lock().unwrap();
        replica.limit(1000, 5);
        for _ in 0..3 {
            replica.insert("text/plain", &[b'x'; 100]);
        }
    }
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    let document = Document::new(&sent.body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let mem = message.commands.iter().find_map(|command| match command {
        Command::Sync(sync) => sync.meta.as_ref().and_then(|meta| meta.mem),
        _ => None,
    });
    let mem = mem.unwrap();
    assert_eq!((mem.free_bytes, mem.free_ids), (Some(700), Some(2)));
    // who has no limit says none
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    exchange(&mut session, &alert(200));
    assert!(!next(&mut session).text.contains("<Mem"));
}

// spec: K08
#[test]
fn what_does_not_fit_is_answered_by_420() {
    let replica = Shared::default();
    replica.lock().unwrap().limit(1000, 1);
    let changes = change("Add", 903, "7", "") + &change("Add", 904, "8", "");
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    exchange(&mut session, &sync(&changes));
    let sent = next(&mut session);
    expect(
        &sent,
        &[
            ("SyncHdr", "200"),
            ("Sync", "200"),
            ("Add", "201"),
            ("Add", "420"),
        ],
    );
    assert_eq!(texts(&replica), ["text 903"]);
    assert_eq!(session.summary().sources[0].failed[0].item, "8");
}

// spec: K09
#[test]
fn the_size_of_a_datastore_is_said_in_device_information() {
    let size = |replica: &Shared| {
        let sent = next(&mut contacts(Mode::TwoWay, replica));
        devinf_in(&sent).2.datastores[0].memory
    };
    let replica = Shared::default();
    assert_eq!(size(&replica), None);
    replica.lock().unwrap().limit(1000, 5);
    replica.lock().unwrap().insert("text/plain", &[b'x'; 100]);
    let memory = size(&replica).unwrap();
    assert_eq!((memory.max_bytes, memory.max_ids), (Some(1000), Some(5)));
}

/// A Move, or an Add, with a folder.
fn placed(name: &str, cmd_id: u32, (guid, luid): (&str, &str), parent: &str) -> String {
    change(name, cmd_id, guid, luid).replacen("<Data>", &format!("{parent}<Data>"), 1)
}

// spec: M02 M04 M05 M06 M09
#[test]
fn items_are_put_into_the_folders_that_the_server_names() {
    let parent = |name: &str, uri: &str| format!("<{name}><LocURI>{uri}</LocURI></{name}>");
    let replica = Shared::default();
    let changes = change("Add", 903, "7", "")
        + &placed("Add", 904, ("8", ""), &parent("SourceParent", "7"))
        + &placed("Add", 905, ("9", ""), &parent("TargetParent", "1"))
        + &placed("Move", 906, ("", "2"), "")
        + &placed("Move", 907, ("", "2"), &parent("SourceParent", "70"))
        + &placed("Move", 908, ("", "2"), &parent("TargetParent", "70"))
        + &placed("Move", 909, ("", "3"), &parent("TargetParent", "/"))
        + &placed("Move", 910, ("", "3"), &parent("TargetParent", "2"))
        + &placed("Move", 911, ("", "2"), &parent("TargetParent", "/"));
    let sent = answer_to(&replica, "", &changes);
    let codes: Vec<String> = statuses(&sent).into_iter().map(|(_, code)| code).collect();
    assert_eq!(
        codes[2..],
        [
            "201", "201", "201", "412", "428", "428", "200", "200", "200"
        ]
    );
    let replica = replica.lock().unwrap();
    let parents = ["1", "2", "3"].map(|luid| replica.parent_of(luid));
    assert_eq!(parents, [None, None, Some("2")]);
    assert_eq!(replica.items().count(), 3);
}

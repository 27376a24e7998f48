//! What the client makes of commands that are no plain change, and of its own limits.

use super::*;

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

// spec: M21
#[test]
fn what_does_not_belong_into_a_datastore_is_refused_and_what_does_is_kept_as_it_is() {
    let replica = Shared::default();
    replica.lock().unwrap().restrict(DatastoreKind::Contacts);
    let card = |version: &str| format!("BEGIN:VCARD\nVERSION:{version}\nN:Ann\nEND:VCARD\n");
    let event = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n";
    let of = |command: String, media_type: &str, content: &str| {
        let typed = command.replace("text/plain", media_type);
        let (head, rest) = typed.split_once("<Data>").unwrap();
        let (_, tail) = rest.split_once("</Data>").unwrap();
        format!("{head}<Data>{content}</Data>{tail}")
    };
    let (three, two) = (card("3.0"), card("2.1"));
    let add = of(change("Add", 903, "7", ""), "text/vcard", &three);
    let changes = add + &of(change("Add", 904, "8", ""), "text/calendar", event);
    let sent = answer_to(&replica, "", &changes);
    let of_head = [("SyncHdr", "200"), ("Sync", "200")];
    expect(
        &sent,
        &[&of_head[..], &[("Add", "201"), ("Add", "415")]].concat(),
    );
    assert_eq!(texts(&replica), [three]);
    let other = of(change("Replace", 903, "", "1"), "text/x-vcard", &two);
    let changes = other + &of(change("Replace", 904, "", "1"), "text/calendar", event);
    let sent = answer_to(&replica, "", &changes);
    expect(
        &sent,
        &[&of_head[..], &[("Replace", "200"), ("Replace", "415")]].concat(),
    );
    assert_eq!(texts(&replica), [two]);
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

// spec: C10 C07
#[test]
fn an_alert_that_wants_no_status_gives_its_anchor_to_no_other() {
    let mut session = contacts(Mode::TwoWay, &Shared::default());
    let get =
        "<Get><CmdID>900</CmdID><Item><Target><LocURI>./devinf12</LocURI></Target></Item></Get>";
    let quiet = alert(200).replace("</CmdID>", "</CmdID><NoResp/>");
    exchange(&mut session, &(get.to_owned() + &quiet));
    let sent = next(&mut session);
    expect(&sent, &[("SyncHdr", "200"), ("Get", "200")]);
    assert!(sent.has("Sync"));
    let statuses = sent.text.split("<Results").next().unwrap();
    assert!(!statuses.contains("<Next"), "{statuses}");
}

// spec: C15 M17
#[test]
fn commands_that_are_unknown_or_of_other_protocols_are_refused() {
    let odd = |first: u32| {
        format!(
            "<Exec><CmdID>{}</CmdID><Item><Target><LocURI>x</LocURI></Target></Item></Exec>\
             <Search><CmdID>{}</CmdID><Meta><Type xmlns='syncml:metinf'>x</Type></Meta>\
             <Data>x</Data></Search><Frob><CmdID>{}</CmdID></Frob>",
            first,
            first + 1,
            first + 2
        )
    };
    let refused = [("Exec", "501"), ("Search", "501"), ("Frob", "501")];
    let replica = Shared::default();
    let changes = odd(910) + &change("Add", 903, "7", "");
    let inside = answer_to(&replica, "", &changes);
    let mut expected = vec![("SyncHdr", "200"), ("Sync", "200")];
    expected.extend(refused);
    expected.push(("Add", "201"));
    expect(&inside, &expected);
    assert_eq!(texts(&replica), ["text 903"]);

    let mut session = contacts(Mode::TwoWay, &Shared::default());
    exchange(&mut session, &(odd(910) + &alert(200)));
    let beside = next(&mut session);
    let mut expected = vec![("SyncHdr", "200")];
    expected.extend(refused);
    expected.push(("Alert", "200"));
    expect(&beside, &expected);
    assert!(beside.has("Sync"));
}

// spec: M10
#[test]
fn what_is_to_be_archived_and_deleted_is_deleted_and_said_not_to_be_archived() {
    let replica = Shared::default();
    two_way(
        &mut contacts(Mode::TwoWay, &replica),
        &change("Add", 903, "7", ""),
    );
    let archive = |cmd_id, luid: &str| {
        change("Delete", cmd_id, "", luid).replace("</CmdID>", "</CmdID><Archive/>")
    };
    let sent = answer_to(&replica, "", &(archive(904, "1") + &archive(905, "none")));
    let codes = statuses(&sent);
    assert_eq!(codes.last_chunk(), Some(&["210", "211"].map(deleted)));
    assert_eq!(texts(&replica), [""; 0]);
}

fn atomic(cmd_id: u32, members: &str) -> String {
    format!("<Atomic><CmdID>{cmd_id}</CmdID>{members}</Atomic>")
}

/// What each command was answered with, behind the header.
fn codes(sent: &Sent) -> Vec<String> {
    let statuses = statuses(sent).into_iter();
    statuses.map(|(_, code)| code).skip(1).collect()
}

/// A replica that both sides agree on: items 1 (GUID 7) and 2 (GUID 8).
fn agreed() -> Shared {
    let replica = Shared::default();
    let added = change("Add", 903, "7", "") + &change("Add", 904, "8", "");
    two_way(&mut contacts(Mode::TwoWay, &replica), &added);
    replica
}

// spec: M14 C08
#[test]
fn an_atomic_is_done_as_a_whole() {
    let replica = agreed();
    let members = change("Add", 911, "9", "")
        + &change("Replace", 912, "", "1")
        + &change("Delete", 913, "", "2");
    let changes = atomic(910, &members) + &change("Add", 920, "10", "");
    let mut session = contacts(Mode::TwoWay, &replica);
    let sent = &two_way(&mut session, &changes)[2];
    assert_eq!(codes(sent), ["200", "200", "201", "200", "200", "201"]);
    assert_eq!(texts(&replica), ["text 911", "text 912", "text 920"]);
    let summary = &session.summary().sources[0];
    let received = summary.received;
    assert_eq!(
        (received.added, received.changed, received.deleted),
        (2, 1, 1)
    );
    assert!(sent.text.contains("<LocURI>9</LocURI>"), "its pair is told");
}

// spec: M14
#[test]
fn an_atomic_of_which_a_member_fails_leaves_nothing_behind() {
    for failing in [
        change("Replace", 919, "", "70"),
        change("Exec", 919, "", "").replace("<Meta>", "<Meta >"),
        atomic(919, &change("Add", 920, "12", "")),
    ] {
        let replica = agreed();
        let members = change("Add", 911, "9", "")
            + &change("Replace", 912, "", "1")
            + &format!("<Sequence><CmdID>913</CmdID>{}</Sequence>", soft(914, "2"))
            + &failing;
        let changes = atomic(910, &members) + &change("Add", 930, "10", "");
        let mut session = contacts(Mode::TwoWay, &replica);
        let sent = &two_way(&mut session, &changes)[2];
        let codes = codes(sent);
        let rolled_back = ["200", "507", "216", "216", "216", "216"];
        assert_eq!(codes[..6], rolled_back, "{failing}");
        assert!(
            ["404", "501", "500"].contains(&codes[6].as_str()),
            "{codes:?}"
        );
        assert_eq!(codes.last().map(String::as_str), Some("201"));
        assert_eq!(texts(&replica), ["text 903", "text 904", "text 930"]);
        assert!(!sent.text.contains("<LocURI>9</LocURI>"), "no pair is told");
        let summary = &session.summary().sources[0];
        assert_eq!(summary.received.total(), 1);
        let failed = summary.failed.iter().map(|failure| failure.item.as_str());
        let failed: Vec<&str> = failed.filter(|item| *item != "70").collect();
        assert_eq!(failed, ["9", "1", "2"]);
        // what a person edits goes on as if nothing had been
        replica.lock().unwrap().edit("1", b"mine");
        let messages = two_way(&mut contacts(Mode::TwoWay, &replica), "");
        assert!(messages[1].has("Replace") && !messages[1].has("Delete"));
    }
}

// spec: M14
#[test]
fn an_atomic_tells_what_a_member_that_wants_no_status_came_to() {
    let replica = agreed();
    let quiet = change("Replace", 912, "", "70").replace("</CmdID>", "</CmdID><NoResp/>");
    let members = change("Add", 911, "9", "") + &quiet;
    let sent = answer_to(&replica, "", &atomic(910, &members));
    assert_eq!(codes(&sent), ["200", "507", "216"]);
    assert_eq!(texts(&replica), ["text 903", "text 904"]);
}

// spec: M14 M15
#[test]
fn an_atomic_beside_a_sync_takes_syncs_alone() {
    let whole = |members: &str| {
        let inner = sync(members).replace("<Final/>", "");
        atomic(940, &inner) + "<Final/>"
    };
    for (member, expected) in [
        (
            change("Replace", 912, "", "1"),
            vec!["200", "200", "201", "200"],
        ),
        (
            change("Replace", 912, "", "70"),
            vec!["507", "216", "216", "404"],
        ),
    ] {
        let is_done = expected[0] == "200";
        let replica = agreed();
        let mut session = contacts(Mode::TwoWay, &replica);
        exchange(&mut session, &alert(200));
        exchange(
            &mut session,
            &whole(&(change("Add", 911, "9", "") + &member)),
        );
        let sent = next(&mut session);
        assert_eq!(codes(&sent), expected);
        let texts = texts(&replica);
        assert_eq!(texts.contains(&"text 911".to_owned()), is_done);
    }
    let replica = agreed();
    let mut session = contacts(Mode::TwoWay, &replica);
    let alerted = alert(200).replace("<Final/>", "");
    exchange(
        &mut session,
        &(atomic(940, &alerted) + &alert(200).replace("901", "950")),
    );
    let sent = next(&mut session);
    assert_eq!(codes(&sent), ["406", "406", "200"]);
}

// spec: M14 J01
#[test]
fn an_object_in_pieces_fails_its_atomic() {
    let replica = agreed();
    let chunk = change("Add", 912, "10", "")
        .replace("</Type>", "</Type><Size xmlns='syncml:metinf'>100</Size>")
        .replace("</Data>", "</Data><MoreData/>");
    let members = change("Add", 911, "9", "") + &chunk;
    let sent = answer_to(&replica, "", &atomic(910, &members));
    assert_eq!(codes(&sent), ["200", "507", "216", "517"]);
    assert_eq!(texts(&replica), ["text 903", "text 904"]);
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
fn a_copy_is_an_item_of_its_own() {
    let replica = agreed();
    replica.lock().unwrap().put_into("2", Some("1"));
    two_way(&mut contacts(Mode::TwoWay, &replica), "");
    let copy = |cmd_id, from: &str, to: &str| change("Copy", cmd_id, from, to);
    // by the LUID, by the GUID, once more, and what there is not
    let changes = copy(903, "2", "20")
        + &copy(904, "7", "21")
        + &copy(905, "2", "20")
        + &copy(906, "70", "22")
        + &copy(907, "2", "")
        + &copy(908, "", "23");
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), &changes);
    let codes = codes(&messages[2]);
    assert_eq!(codes[1..], ["201", "201", "201", "404", "412", "412"]);
    assert!(messages[2].has("Map"));
    for guid in ["20", "21"] {
        let told = format!("<LocURI>{guid}</LocURI>");
        assert!(messages[2].text.contains(&told), "{guid}");
    }
    assert_eq!(
        texts(&replica),
        ["text 903", "text 903", "text 904", "text 904"]
    );
    assert_eq!(replica.lock().unwrap().parent_of("3"), Some("1"));
    // no change of ours
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    assert!(!messages[1].has("Add") && !messages[1].has("Replace"));
}

// spec: M13
#[test]
fn what_a_person_changed_meanwhile_is_not_copied() {
    let replica = agreed();
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    assert!(replica.lock().unwrap().edit("1", b"mine"));
    let answer = sent.answer(|_| 200, "", &sync(&change("Copy", 903, "1", "20")));
    session.receive(answer.as_bytes(), None).unwrap();
    assert_eq!(codes(&next(&mut session)), ["200", "409"]);
    assert_eq!(texts(&replica), ["mine", "text 904"]);
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

// spec: A19 A22 C04
#[test]
fn items_of_one_command_are_taken_and_answered_each_for_itself() {
    let item = |guid: &str, meta: &str, data: &str| {
        format!(
            "<Item><Source><LocURI>{guid}</LocURI></Source>\
             <Meta><Format xmlns='syncml:metinf'>{meta}</Format></Meta><Data>{data}</Data></Item>"
        )
    };
    let add = |cmd_id: u32, items: &str| {
        format!(
            "<Add><CmdID>{cmd_id}</CmdID><Meta><Type xmlns='syncml:metinf'>text/plain</Type>\
             <Format xmlns='syncml:metinf'>b64</Format></Meta>{items}</Add>"
        )
    };
    let replica = Shared::default();
    replica.lock().unwrap().limit(1000, 3);
    let whole = add(
        903,
        &(item("7", "chr", "plain") + &item("8", "b64", "Y29kZWQ=")),
    );
    // the Format of the command holds where the item has none
    let inherits = item("9", "", "YWxzbw==").replace("<Format xmlns='syncml:metinf'></Format>", "");
    let split = add(904, &(inherits + &item("10", "chr", "no room")));
    let sent = answer_to(&replica, "", &(whole + &split));
    assert_eq!(texts(&replica), ["also", "coded", "plain"]);
    let document = Document::new(&sent.body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let answered: Vec<(String, String, Vec<String>)> = message
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Status(status) if &*status.cmd == "Add" => Some((
                status.cmd_ref.to_string(),
                status.data.to_string(),
                status.source_refs.iter().map(ToString::to_string).collect(),
            )),
            _ => None,
        })
        .collect();
    let status = |cmd_ref: &str, code: &str, guid: &str| {
        (cmd_ref.to_owned(), code.to_owned(), vec![guid.to_owned()])
    };
    assert_eq!(
        answered,
        [
            status("903", "201", "7"),
            status("903", "201", "8"),
            status("904", "201", "9"),
            status("904", "420", "10"),
        ]
    );
}

// spec: C08 K08
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

// spec: K08
#[test]
fn what_grows_beyond_the_room_is_answered_by_420() {
    let replica = Shared::default();
    let add = |cmd_id: u32, guid: &str| change("Add", cmd_id, guid, "");
    let first = add(903, "7") + &add(904, "8");
    two_way(&mut contacts(Mode::TwoWay, &replica), &first);
    // both items as they are, and ten bytes
    replica.lock().unwrap().limit(26, 2);
    let longer = |cmd_id: u32, luid: &str, more: &str| {
        let data = format!("text {cmd_id}");
        change("Replace", cmd_id, "", luid).replace(&data, &(data.clone() + more))
    };
    let changes =
        longer(905, "1", " and no room") + &longer(906, "2", " with room") + &longer(907, "2", "");
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    exchange(&mut session, &sync(&changes));
    let codes: Vec<String> = statuses(&next(&mut session))
        .into_iter()
        .skip(2)
        .map(|(_, code)| code)
        .collect();
    assert_eq!(codes, ["420", "200", "200"]);
    assert_eq!(texts(&replica), ["text 903", "text 907"]);
    assert_eq!(session.summary().sources[0].failed.len(), 1);
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
        + &placed("Move", 907, ("", "1"), &parent("SourceParent", "70"))
        + &placed("Move", 908, ("", "1"), &parent("TargetParent", "70"))
        + &placed("Move", 909, ("", "3"), &parent("TargetParent", "/"))
        + &placed("Move", 910, ("", "3"), &parent("TargetParent", "2"))
        + &placed("Move", 911, ("", "2"), &parent("TargetParent", "/"));
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), &changes);
    let statuses = statuses(&messages[2]);
    let codes: Vec<String> = statuses.into_iter().map(|(_, code)| code).collect();
    assert_eq!(
        codes[2..],
        [
            "201", "201", "201", "412", "428", "428", "200", "200", "200"
        ]
    );
    let parents = {
        let replica = replica.lock().unwrap();
        assert_eq!(replica.items().count(), 3);
        ["1", "2", "3"].map(|luid| replica.parent_of(luid).map(str::to_owned))
    };
    assert_eq!(parents, [None, None, Some("2".to_owned())]);
}

// spec: M06
#[test]
fn a_folder_is_not_moved_into_what_is_in_it() {
    let parent = |luid: &str| format!("<TargetParent><LocURI>{luid}</LocURI></TargetParent>");
    let replica = Shared::default();
    let added = change("Add", 903, "7", "")
        + &placed("Add", 904, ("8", ""), &parent("1"))
        + &placed("Add", 905, ("9", ""), &parent("2"));
    two_way(&mut contacts(Mode::TwoWay, &replica), &added);
    for (name, luid, folder, code) in [
        ("Move", "1", "1", "428"),
        ("Move", "1", "2", "428"),
        ("Move", "1", "3", "428"),
        ("Replace", "1", "3", "200"),
        ("Move", "3", "1", "200"),
    ] {
        let change = placed(name, 906, ("", luid), &parent(folder));
        let messages = two_way(&mut contacts(Mode::TwoWay, &replica), &change);
        let expected = (name.to_owned(), code.to_owned());
        assert_eq!(statuses(&messages[2]).last(), Some(&expected));
    }
    let replica = replica.lock().unwrap();
    let parents = ["1", "2", "3"].map(|luid| replica.parent_of(luid));
    assert_eq!(parents, [None, Some("1"), Some("1")]);
}

/// As [`change`], for the device alone.
fn soft(cmd_id: u32, luid: &str) -> String {
    change("Delete", cmd_id, "", luid).replace("</CmdID>", "</CmdID><SftDel/>")
}

// spec: M11
#[test]
fn a_soft_deletion_frees_the_device_and_deletes_nothing() {
    let replica = Shared::default();
    replica.lock().unwrap().limit(1000, 3);
    let first = change("Add", 903, "7", "") + &change("Add", 904, "8", "");
    two_way(&mut contacts(Mode::TwoWay, &replica), &first);
    let changes = soft(903, "1") + &soft(904, "2") + &soft(905, "2");
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), &changes);
    let codes = statuses(&messages[2]);
    assert_eq!(
        codes.last_chunk(),
        Some(&["200", "200", "200"].map(deleted))
    );
    assert_eq!(texts(&replica), [""; 0]);

    // nothing is told to the server, and both ways to bring it back do so
    let back = change("Replace", 903, "", "1") + &change("Add", 904, "8", "");
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), &back);
    assert!(!messages[1].has("Delete"));
    assert_eq!(texts(&replica), ["text 903", "text 904"]);
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    assert!(
        !["Add", "Replace", "Delete"]
            .iter()
            .any(|name| messages[1].has(name))
    );
    // and now a person deletes it
    assert!(replica.lock().unwrap().remove("1"));
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    assert!(messages[1].has("Delete"));
}

fn deleted(code: &str) -> (String, String) {
    ("Delete".to_owned(), code.to_owned())
}

// spec: M12
#[test]
fn a_soft_deletion_of_what_a_person_changed_or_deleted_is_a_conflict() {
    let replica = Shared::default();
    let first = change("Add", 903, "7", "") + &change("Add", 904, "8", "");
    two_way(&mut contacts(Mode::TwoWay, &replica), &first);
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    assert!(replica.lock().unwrap().edit("1", b"mine"));
    assert!(replica.lock().unwrap().remove("2"));
    let answer = sent.answer(|_| 200, "", &sync(&(soft(903, "1") + &soft(904, "2"))));
    session.receive(answer.as_bytes(), None).unwrap();
    let codes = statuses(&exchange(&mut session, "<Final/>"));
    assert_eq!(codes.last_chunk(), Some(&["423", "423"].map(deleted)));
    assert!(is_over(&mut session));
    assert_eq!(texts(&replica), ["mine"]);
    let messages = two_way(&mut contacts(Mode::TwoWay, &replica), "");
    assert!(messages[1].has("Replace") && messages[1].has("Delete"));
}

/// A Replace of some fields, said by the command or by the item.
fn fields(cmd_id: u32, name: &str, luid: &str, of_item: bool, lines: &str) -> String {
    let flag = "<FieldLevel xmlns='syncml:metinf'/>";
    let (command, item) = if of_item {
        (String::new(), format!("<Meta>{flag}</Meta>"))
    } else {
        (flag.to_owned(), String::new())
    };
    format!(
        "<{name}><CmdID>{cmd_id}</CmdID>\
         <Meta>{command}<Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta>\
         <Item><Target><LocURI>{luid}</LocURI></Target><Source><LocURI>9</LocURI></Source>{item}\
         <Data>BEGIN:VCARD\r\nVERSION:2.1\r\n{lines}END:VCARD\r\n</Data></Item></{name}>"
    )
}

// spec: M20
#[test]
fn a_change_of_some_fields_leaves_the_others() {
    let whole = "BEGIN:VCARD\r\nVERSION:2.1\r\nFN:Ann\r\nTEL:1\r\nEND:VCARD\r\n";
    for of_item in [false, true] {
        let replica = Shared::default();
        {
            let mut replica = replica.lock().unwrap();
            replica.insert("text/x-vcard", whole.as_bytes());
            replica.insert("text/plain", b"no record");
        }
        two_way(&mut contacts(Mode::TwoWay, &replica), "");
        let changes = fields(903, "Replace", "1", of_item, "TEL:2\r\n")
            + &fields(904, "Replace", "2", of_item, "TEL:2\r\n")
            + &fields(905, "Replace", "70", of_item, "TEL:2\r\n")
            + &fields(906, "Add", "", of_item, "TEL:2\r\n");
        let messages = two_way(&mut contacts(Mode::TwoWay, &replica), &changes);
        let codes = statuses(&messages[2]).into_iter().map(|(_, code)| code);
        let codes: Vec<String> = codes.skip(2).collect();
        assert_eq!(codes, ["200", "406", "404", "406"]);
        assert_eq!(
            texts(&replica),
            [whole.replace("TEL:1", "TEL:2").as_str(), "no record"]
        );
    }
}

// spec: M20
#[test]
fn fields_that_come_in_chunks_are_not_taken_for_the_whole() {
    let whole = "BEGIN:VCARD\r\nVERSION:2.1\r\nFN:Ann\r\nTEL:1\r\nEND:VCARD\r\n";
    let replica = Shared::default();
    replica
        .lock()
        .unwrap()
        .insert("text/x-vcard", whole.as_bytes());
    two_way(&mut contacts(Mode::TwoWay, &replica), "");
    let part = "BEGIN:VCARD\r\nVERSION:2.1\r\nTEL:2\r\nEND:VCARD\r\n";
    let (first, last) = part.split_at(20);
    let chunk = |cmd_id: u32, meta: &str, data: &str, more: &str| {
        format!(
            "<Replace><CmdID>{cmd_id}</CmdID><Meta>{meta}\
             <Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta><Item>\
             <Target><LocURI>1</LocURI></Target><Data>{data}</Data>{more}</Item></Replace>"
        )
    };
    let meta = format!(
        "<FieldLevel xmlns='syncml:metinf'/><Size xmlns='syncml:metinf'>{}</Size>",
        part.len()
    );
    let mut session = contacts(Mode::TwoWay, &replica);
    exchange(&mut session, &alert(200));
    let begun = sync(&chunk(903, &meta, first, "<MoreData/>")).replace("<Final/>", "");
    exchange(&mut session, &begun);
    exchange(&mut session, &sync(&chunk(904, "", last, "")));
    assert_eq!(texts(&replica), [whole.replace("TEL:1", "TEL:2")]);
}

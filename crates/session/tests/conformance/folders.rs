//! Folders of the client, as it tells the server of them.

use super::*;

fn files(replica: &Shared) -> Session {
    let files = source("files", DatastoreKind::Files, Mode::TwoWay, replica);
    begin(config(Version::V1_2, Encoding::Xml), files)
}

/// What the client sends in package 3 to a server that knows folders or not:
/// `(command, LUID, SourceParent)`.
fn sent(replica: &Shared, knows_folders: bool) -> Vec<(String, String, String)> {
    answered(replica, knows_folders, 200, |_| 200)
}

/// The same where the server alerts with this code, and answers each command with a code by its name.
fn answered(
    replica: &Shared,
    knows_folders: bool,
    alerted: u16,
    code: impl Fn(&str) -> u16,
) -> Vec<(String, String, String)> {
    answered_in(files(replica), knows_folders, alerted, code)
}

/// The same in a session of files.
pub(super) fn answered_in(
    mut session: Session,
    knows_folders: bool,
    alerted: u16,
    code: impl Fn(&str) -> u16,
) -> Vec<(String, String, String)> {
    let place = |text: &str| text.replace("contacts", "files");
    let flag = if knows_folders {
        "<SupportHierarchicalSync/>"
    } else {
        ""
    };
    let results = format!(
        "<Results><CmdID>920</CmdID><CmdRef>3</CmdRef>\
         <Meta><Type xmlns='syncml:metinf'>application/vnd.syncml-devinf+xml</Type></Meta>\
         <Item><Source><LocURI>./devinf12</LocURI></Source><Data>\
         <DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>s</DevID><DevTyp>server</DevTyp>\
         <DataStore><SourceRef>./files</SourceRef>{flag}</DataStore></DevInf></Data></Item></Results>"
    );
    let first = exchange(&mut session, &(results + &place(&alert(alerted))));
    assert!(first.has("Get"));
    let package = next(&mut session);
    let answer = package.answer(code, "", &place(&sync("")));
    session.receive(answer.as_bytes(), None).unwrap();
    exchange(&mut session, "<Final/>");
    assert!(is_over(&mut session));
    let document = Document::new(&package.body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let changes = message.commands.iter().filter_map(|command| match command {
        Command::Sync(sync) => Some(&sync.commands),
        _ => None,
    });
    let told = changes.flatten().map(|command| {
        let Command::Change(change) = command else {
            panic!("{command:?}");
        };
        let item = &change.items[0];
        let parent = item.source_parent.as_deref().unwrap_or_default();
        (
            change.kind.name().to_owned(),
            item.source_uri().to_owned(),
            parent.to_owned(),
        )
    });
    told.collect()
}

fn told(all: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let own = |text: &str| text.to_owned();
    all.iter()
        .map(|(kind, luid, parent)| (own(kind), own(luid), own(parent)))
        .collect()
}

/// An item 1 in the folder 2, which is in the folder 3.
pub(super) fn nested() -> Shared {
    let replica = Shared::default();
    {
        let mut replica = replica.lock().unwrap();
        for text in ["leaf", "sub", "top"] {
            replica.insert("text/plain", text.as_bytes());
        }
        replica.put_into("1", Some("2"));
        replica.put_into("2", Some("3"));
    }
    replica
}

// spec: M01 M03 M04
#[test]
fn folders_go_before_what_is_in_them_and_moves_are_moves() {
    let replica = nested();
    let expected = [("Add", "3", "/"), ("Add", "2", "3"), ("Add", "1", "2")];
    assert_eq!(sent(&replica, true), told(&expected));
    replica.lock().unwrap().put_into("1", Some("3"));
    assert_eq!(sent(&replica, true), told(&[("Move", "1", "3")]));
    replica.lock().unwrap().put_into("1", None);
    assert_eq!(sent(&replica, true), told(&[("Move", "1", "/")]));
    {
        let mut replica = replica.lock().unwrap();
        replica.put_into("1", Some("2"));
        replica.edit("1", b"other");
    }
    assert_eq!(sent(&replica, true), told(&[("Replace", "1", "2")]));
    assert_eq!(sent(&replica, true), []);
}

// spec: M09
#[test]
fn an_item_at_the_root_is_said_to_be_there_where_the_server_may_have_it_elsewhere() {
    // it may have a new one, too: the answer to an earlier addition may be lost
    let replica = nested();
    assert_eq!(sent(&replica, true)[0], told(&[("Add", "3", "/")])[0]);
    // what stands where the server has last been told does not say so again
    let edited = |parent| told(&[("Replace", "3", parent)]);
    replica.lock().unwrap().edit("3", b"other");
    let failed = |name: &str| if name == "Replace" { 500 } else { 200 };
    assert_eq!(answered(&replica, true, 200, failed), edited(""));
    assert_eq!(sent(&replica, true), edited("/"), "in doubt");
    replica.lock().unwrap().edit("3", b"another");
    assert_eq!(sent(&replica, true), edited(""));
    let all = [
        ("Replace", "3", "/"),
        ("Replace", "2", "3"),
        ("Replace", "1", "2"),
    ];
    assert_eq!(answered(&replica, true, 201, |_| 200), told(&all));
}

// spec: M06 M07
#[test]
fn a_deletion_or_move_that_cannot_be_is_not_sent_again() {
    let replica = nested();
    sent(&replica, true);
    replica.lock().unwrap().put_into("1", Some("3"));
    replica.lock().unwrap().remove("2");
    let refused = |name: &str| match name {
        "Move" => 428,
        "Delete" => 427,
        _ => 200,
    };
    let expected = [("Move", "1", "3"), ("Delete", "2", "")];
    assert_eq!(answered(&replica, true, 200, refused), told(&expected));
    assert_eq!(sent(&replica, true), []);
}

// spec: M08
#[test]
fn a_server_without_folders_hears_of_none() {
    let replica = nested();
    let expected = [("Add", "3", ""), ("Add", "2", ""), ("Add", "1", "")];
    assert_eq!(sent(&replica, false), told(&expected));
    replica.lock().unwrap().put_into("1", Some("3"));
    assert_eq!(sent(&replica, false), []);
    replica.lock().unwrap().edit("1", b"other");
    assert_eq!(sent(&replica, false), told(&[("Replace", "1", "")]));
}

// spec: M07
#[test]
fn a_folder_that_is_not_empty_is_not_deleted() {
    let replica = nested();
    let place = |text: &str| text.replace("contacts", "files");
    let soft = |text: String| text.replace("</CmdID>", "</CmdID><SftDel/>");
    sent(&replica, true);
    let changes = change("Delete", 903, "", "2")
        + &soft(change("Delete", 904, "", "3"))
        + &change("Delete", 905, "", "1")
        + &change("Delete", 906, "", "2")
        + &change("Delete", 907, "", "3");
    let mut session = files(&replica);
    exchange(&mut session, &place(&alert(200)));
    exchange(&mut session, &place(&sync(&changes)));
    let codes: Vec<String> = statuses(&next(&mut session))
        .into_iter()
        .filter_map(|(cmd, code)| (cmd == "Delete").then_some(code))
        .collect();
    assert_eq!(codes, ["427", "427", "200", "200", "200"]);
    let summary = &session.summary().sources[0];
    assert_eq!((summary.received.deleted, summary.failed.len()), (3, 2));
    assert_eq!(replica.lock().unwrap().items().count(), 0);
}

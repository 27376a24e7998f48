//! Folders: what the server makes of those of a client, and how it tells of its own.

use session::guard::{self, Decided};
use session::server::Guard;
use session::store::{DatastoreId, Guid, LinkId, StoreError, StoredItem};
use syncml::{ChangeKind, Command, Document, Limits};

use crate::talk::{Heard, Talk, alert, delete, map, put_devinf, status, sync};

const FOLDERS: &str = "<DataStore><SourceRef>my-files</SourceRef>\
    <Rx-Pref><CTType>*/*</CTType><VerCT>1.0</VerCT></Rx-Pref>\
    <Tx-Pref><CTType>*/*</CTType><VerCT>1.0</VerCT></Tx-Pref>\
    <SupportHierarchicalSync/><SyncCap><SyncType>1</SyncType></SyncCap></DataStore>";

fn flat() -> String {
    FOLDERS.replace("<SupportHierarchicalSync/>", "")
}

/// A change whose item has these elements after its identifier.
fn item(name: &str, cmd_id: u32, luid: &str, is_folder: bool, parents: &str) -> String {
    let kind = if is_folder { "folder" } else { "file" };
    let has_content = matches!(name, "Add" | "Replace");
    let (meta, data) = if has_content {
        let media_type = format!("application/vnd.omads-{kind}+xml");
        (
            format!("<Meta><Type xmlns='syncml:metinf'>{media_type}</Type></Meta>"),
            format!("<Data>{kind} {luid} {cmd_id}</Data>"),
        )
    } else {
        (String::new(), String::new())
    };
    format!(
        "<{name}><CmdID>{cmd_id}</CmdID>{meta}<Item><Source><LocURI>{luid}</LocURI></Source>\
         {parents}{data}</Item></{name}>"
    )
}

fn within(luid: &str) -> String {
    format!("<SourceParent><LocURI>{luid}</LocURI></SourceParent>")
}

/// A whole session of a device's files; new ones of the server are mapped to `L-GUID`.
fn files(talk: &mut Talk, devinf: &str, code: u16, anchors: (&str, &str), commands: &str) -> Heard {
    talk.begin();
    let alerted = alert(1, code, "files", anchors.0, anchors.1);
    talk.say(&(alerted + &put_devinf(2, devinf) + "<Final/>"));
    let heard = talk.say(&(sync("files", commands) + "<Final/>"));
    let mut last = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        last += &status(number, talk.message, cmd_id, cmd, 200);
    }
    for (number, change) in (90..).zip(&heard.said.changes) {
        if change.kind == ChangeKind::Add {
            let pair = map(number, &change.guid, &format!("L-{}", change.guid));
            last += &pair.replace("contacts", "files");
        }
    }
    talk.say(&(last + "<Final/>"));
    heard
}

/// What the server sent: `(kind, identifier, SourceParent, TargetParent)`.
fn sent(heard: &Heard) -> Vec<(ChangeKind, String, String, String)> {
    let document = Document::new(&heard.bytes, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let mut all = Vec::new();
    for command in &message.commands {
        let Command::Sync(sync) = command else {
            continue;
        };
        for command in &sync.commands {
            let Command::Change(change) = command else {
                panic!("{command:?}");
            };
            let item = &change.items[0];
            let identifier = match item.source_uri() {
                "" => item.target_uri(),
                guid => guid,
            };
            let parent = |uri: &Option<syncml::Text<'_>>| uri.as_deref().unwrap_or("").to_owned();
            all.push((
                change.kind,
                identifier.to_owned(),
                parent(&item.source_parent),
                parent(&item.target_parent),
            ));
        }
    }
    all
}

fn says(
    kind: ChangeKind,
    id: &str,
    source: &str,
    target: &str,
) -> (ChangeKind, String, String, String) {
    (kind, id.into(), source.into(), target.into())
}

fn files_of(talk: &Talk) -> DatastoreId {
    DatastoreId {
        number: 6,
        ..talk.server.contacts()
    }
}

fn held(talk: &Talk) -> Vec<StoredItem> {
    talk.server.state.items(files_of(talk))
}

/// GUID and folder of every file.
fn tree(talk: &Talk) -> Vec<(i64, Option<i64>)> {
    let items = held(talk).into_iter();
    items
        .map(|item| (item.guid.0, item.parent.map(|guid| guid.0)))
        .collect()
}

/// Confirms what waits of the device.
fn confirm(talk: &mut Talk) -> Decided {
    let (account, datastore) = (talk.server.account, files_of(talk));
    let device = talk.server.state.device(account, talk.device);
    let device = device.unwrap().unwrap().number;
    let link = LinkId { datastore, device };
    let decided: Result<_, StoreError> = talk.server.state.transact(|tx| {
        let name = tx.hold(link)?.expect("changes wait");
        guard::confirm(tx, account, &name, None, 5)
    });
    decided.unwrap()
}

/// A server with the folder 1, in it the folder 2, and in that the file 3, out of a laptop.
fn nested() -> Talk {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    let commands = item("Add", 21, "top", true, "")
        + &item("Add", 22, "sub", true, &within("top"))
        + &item("Add", 23, "leaf", false, &within("sub"));
    let heard = files(&mut talk, FOLDERS, 201, ("", "1"), &commands);
    assert_eq!(heard.codes()[2..], [("21", 201), ("22", 201), ("23", 201)]);
    talk
}

/// The same, and a phone that has all of it; the laptop's turn.
fn nested_on_both() -> Talk {
    let mut talk = nested();
    talk.device = "phone";
    files(&mut talk, FOLDERS, 201, ("", "1"), "");
    talk.device = "laptop";
    talk
}

// spec: M01
#[test]
fn source_parents_build_the_tree() {
    let talk = nested();
    assert_eq!(tree(&talk), [(1, None), (2, Some(1)), (3, Some(2))]);
}

// spec: M01
#[test]
fn what_comes_before_its_folder_is_in_it_when_that_comes() {
    let mut talk = Talk::new();
    let commands = item("Add", 21, "leaf", false, &within("late"))
        + &item("Add", 22, "lost", false, &within("never"))
        + &item("Add", 23, "late", true, "");
    files(&mut talk, FOLDERS, 201, ("", "1"), &commands);
    assert_eq!(tree(&talk), [(1, Some(3)), (2, None), (3, None)]);
}

// spec: M09
#[test]
fn the_root_is_a_slash_or_nothing() {
    let mut talk = Talk::new();
    let commands = item("Add", 21, "top", true, &within("/"))
        + &item("Add", 22, "a", false, "")
        + &item("Add", 23, "b", false, &within("top"))
        + &item("Add", 24, "c", false, &within("top"));
    files(&mut talk, FOLDERS, 201, ("", "1"), &commands);
    assert_eq!(tree(&talk)[..2], [(1, None), (2, None)]);
    // to the root by name; a change that names no folder leaves the item where it is
    let commands =
        item("Replace", 21, "b", false, &within("/")) + &item("Replace", 22, "c", false, "");
    files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
    assert_eq!(tree(&talk)[2..], [(3, None), (4, Some(1))]);
}

// spec: M02 M03
#[test]
fn a_folder_is_told_by_guid_until_it_has_a_luid() {
    let mut talk = nested();
    // the folders change last, and are sent before what is in them nevertheless
    let commands =
        item("Replace", 21, "sub", true, "") + &item("Replace", 22, "top", true, &within("/"));
    files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
    talk.device = "phone";
    let heard = files(&mut talk, FOLDERS, 201, ("", "1"), "");
    assert_eq!(
        sent(&heard),
        [
            says(ChangeKind::Add, "1", "", ""),
            says(ChangeKind::Add, "2", "1", ""),
            says(ChangeKind::Add, "3", "2", ""),
        ]
    );
    talk.device = "laptop";
    let commands = item("Add", 21, "new", false, &within("sub"));
    files(&mut talk, FOLDERS, 200, ("2", "3"), &commands);
    talk.device = "phone";
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), "");
    assert_eq!(sent(&heard), [says(ChangeKind::Add, "4", "", "L-2")]);
}

// spec: M04
#[test]
fn a_move_changes_the_folder_and_keeps_the_identifiers() {
    let mut talk = nested_on_both();
    let before = held(&talk);
    let commands = item("Move", 21, "leaf", false, &within("top"));
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
    assert_eq!(heard.codes()[2..], [("21", 200)]);
    assert_eq!(tree(&talk), [(1, None), (2, Some(1)), (3, Some(1))]);
    assert_eq!(held(&talk)[2].content, before[2].content);
    talk.device = "phone";
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), "");
    assert_eq!(sent(&heard), [says(ChangeKind::Move, "L-3", "", "L-1")]);
    // back to the root, by the other device
    let commands = item("Move", 21, "L-3", false, &within("/"));
    files(&mut talk, FOLDERS, 200, ("2", "3"), &commands);
    talk.device = "laptop";
    let heard = files(&mut talk, FOLDERS, 200, ("2", "3"), "");
    assert_eq!(sent(&heard), [says(ChangeKind::Move, "leaf", "", "/")]);
    assert_eq!(tree(&talk)[2], (3, None));
}

// spec: M05 M06
#[test]
fn a_move_needs_a_folder_that_is_there() {
    let mut talk = nested();
    let commands = item("Move", 21, "leaf", false, "")
        + &item("Move", 22, "leaf", false, &within("nowhere"))
        + &item("Move", 23, "top", true, &within("sub"))
        + &item("Move", 24, "top", true, &within("top"))
        + &item("Move", 25, "unknown", false, &within("top"));
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
    assert_eq!(
        heard.codes()[2..],
        [
            ("21", 412),
            ("22", 428),
            ("23", 428),
            ("24", 428),
            ("25", 404)
        ]
    );
    assert_eq!(tree(&talk), [(1, None), (2, Some(1)), (3, Some(2))]);
}

// spec: M07
#[test]
fn a_folder_is_deleted_when_nothing_is_in_it() {
    let mut talk = nested();
    let commands = delete(21, "top") + &delete(22, "leaf") + &delete(23, "sub");
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
    assert_eq!(heard.codes()[2..], [("21", 427), ("22", 200), ("23", 200)]);
    // the device got what it wanted in the end, whether it takes the folder for gone or not
    assert!(held(&talk).is_empty());
    assert_eq!(sent(&heard), []);
    let heard = files(&mut talk, FOLDERS, 200, ("2", "3"), &delete(21, "top"));
    assert_eq!(heard.codes()[2..], [("21", 211)]);
    assert_eq!(sent(&heard), []);
}

/// A laptop that deletes a folder with something in it, is told that it is not empty, and is cut off.
fn cut_off_after_427() -> Talk {
    let mut talk = nested();
    talk.begin();
    talk.say(&(alert(1, 200, "files", "1", "2") + "<Final/>"));
    let heard = talk.say(&sync("files", &delete(21, "top")));
    assert!(heard.codes().contains(&("21", 427)));
    talk
}

// spec: M07
#[test]
fn a_folder_that_is_not_empty_comes_back_after_a_broken_session_too() {
    for code in [200, 225] {
        let mut talk = cut_off_after_427();
        let heard = files(&mut talk, FOLDERS, code, ("1", "3"), "");
        assert_eq!(sent(&heard), [says(ChangeKind::Add, "1", "", "")], "{code}");
        assert_eq!(tree(&talk), [(1, None), (2, Some(1)), (3, Some(2))]);
    }
}

// spec: M07
#[test]
fn a_folder_that_was_changed_meanwhile_outlives_its_deletion() {
    let mut talk = cut_off_after_427();
    talk.device = "phone";
    files(&mut talk, FOLDERS, 201, ("", "1"), "");
    let changes =
        item("Replace", 21, "L-1", true, "") + &item("Move", 22, "L-2", true, &within("/"));
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &changes);
    assert_eq!(heard.codes()[2..], [("21", 200), ("22", 200)]);
    talk.device = "laptop";
    let heard = files(&mut talk, FOLDERS, 200, ("1", "3"), "");
    assert_eq!(tree(&talk), [(1, None), (2, None), (3, Some(2))]);
    assert!(sent(&heard).contains(&says(ChangeKind::Add, "1", "", "")));
}

// spec: M07
#[test]
fn a_folder_that_is_emptied_after_a_broken_session_goes() {
    for code in [200, 225] {
        let mut talk = cut_off_after_427();
        let rest = delete(22, "leaf") + &delete(23, "sub");
        let heard = files(&mut talk, FOLDERS, code, ("1", "3"), &rest);
        assert_eq!(sent(&heard), [], "{code}");
        assert_eq!(tree(&talk), [], "{code}");
    }
}

// spec: M01
#[test]
fn a_device_is_told_where_an_item_is_that_cannot_wait_for_its_folder() {
    let mut talk = Talk::new();
    talk.limit = 10_000_000;
    let waiting: String = (0..1001)
        .map(|number| {
            item(
                "Add",
                100 + number,
                &format!("f{number}"),
                false,
                &within("late"),
            )
        })
        .collect();
    let late = item("Add", 5000, "late", true, "");
    let heard = files(&mut talk, FOLDERS, 201, ("", "1"), &(waiting + &late));
    let tree = tree(&talk);
    let inside = tree.iter().filter(|(_, folder)| *folder == Some(1002));
    assert_eq!(inside.count(), 1000);
    assert_eq!(tree[1000], (1001, None));
    assert_eq!(sent(&heard), [says(ChangeKind::Move, "f1000", "", "/")]);
}

// spec: M07
#[test]
fn a_folder_waits_for_a_decision_with_all_that_is_in_it() {
    let refreshes = FOLDERS.replace(
        "<SyncType>1</SyncType>",
        "<SyncType>1</SyncType><SyncType>4</SyncType>",
    );
    let mut talk = nested();
    talk.server.config.guard = Some(Guard { share: 0, floor: 1 });
    files(&mut talk, &refreshes, 203, ("1", "2"), "");
    assert_eq!(tree(&talk), [(1, None), (2, Some(1)), (3, Some(2))]);
    let decided = confirm(&mut talk);
    assert_eq!((decided.deletions, decided.left), (3, Vec::new()));
    assert_eq!(tree(&talk), []);
}

// spec: M05
#[test]
fn a_device_whose_edit_waits_is_told_with_the_decision_where_the_item_is() {
    // the edit waits at once, or is made and taken back
    for floor in [0, 1] {
        let mut talk = nested_on_both();
        let moved = item("Move", 21, "leaf", false, &within("top"));
        files(&mut talk, FOLDERS, 200, ("1", "2"), &moved);
        talk.device = "phone";
        talk.server.config.guard = Some(Guard { share: 0, floor });
        let edited = item("Replace", 21, "L-3", false, "") + &item("Replace", 22, "L-1", true, "");
        let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &edited);
        assert_eq!(heard.codes().last(), Some(&("22", 202)));
        assert_eq!(confirm(&mut talk).replacements, 2);
        let heard = files(&mut talk, FOLDERS, 200, ("2", "3"), "");
        let told = [says(ChangeKind::Move, "L-3", "", "L-1")];
        assert_eq!(sent(&heard), told, "{floor}");
        let heard = files(&mut talk, FOLDERS, 200, ("3", "4"), "");
        assert_eq!(sent(&heard), []);
    }
}

// spec: M03
#[test]
fn a_device_is_told_to_delete_what_is_in_a_folder_first() {
    let mut talk = nested_on_both();
    let commands = delete(21, "leaf") + &delete(22, "sub") + &delete(23, "top");
    files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
    talk.device = "phone";
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), "");
    let order: Vec<String> = sent(&heard).into_iter().map(|change| change.1).collect();
    assert_eq!(order, ["L-3", "L-2", "L-1"]);
}

// spec: M08
#[test]
fn a_device_without_folders_gets_none() {
    let mut talk = nested();
    talk.device = "phone";
    let heard = files(&mut talk, &flat(), 201, ("", "1"), "");
    assert_eq!(sent(&heard), [says(ChangeKind::Add, "3", "", "")]);
    talk.device = "laptop";
    let commands = item("Move", 21, "leaf", false, &within("top"));
    files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
    talk.device = "phone";
    let heard = files(&mut talk, &flat(), 200, ("1", "2"), "");
    assert_eq!(sent(&heard), [], "where it is has changed, and no more");
    // a change of the content still comes, and its own leave the folder alone
    talk.device = "laptop";
    files(
        &mut talk,
        FOLDERS,
        200,
        ("2", "3"),
        &item("Replace", 21, "leaf", false, ""),
    );
    talk.device = "phone";
    let heard = files(&mut talk, &flat(), 200, ("2", "3"), "");
    assert_eq!(sent(&heard), [says(ChangeKind::Replace, "L-3", "", "")]);
    files(
        &mut talk,
        &flat(),
        200,
        ("3", "4"),
        &item("Replace", 22, "L-3", false, ""),
    );
    assert_eq!(tree(&talk)[2], (3, Some(1)));
    assert!(held(&talk).iter().all(|item| item.guid != Guid(4)));
}

// spec: M08
#[test]
fn contacts_have_no_folders() {
    let mut talk = Talk::new();
    let moved = item("Move", 21, "a", false, &within("b"));
    let heard = talk.sync(201, ("", "1"), &moved);
    assert_eq!(heard.codes()[2..], [("21", 406)]);
}

// spec: M01
#[test]
fn an_item_that_was_moved_meanwhile_is_not_taken_back_by_the_folder_it_waited_for() {
    let mut talk = Talk::new();
    // the file waits for `late`, is moved into `other`, and then `late` comes
    let commands = item("Add", 30, "other", true, "")
        + &item("Add", 31, "file", false, &within("late"))
        + &item("Move", 32, "file", false, &within("other"))
        + &item("Add", 33, "late", true, "");
    files(&mut talk, FOLDERS, 201, ("", "1"), &commands);
    assert_eq!(tree(&talk), [(1, None), (2, Some(1)), (3, None)]);
}

// spec: M01 H22
#[test]
fn what_a_conflict_makes_two_of_stays_in_its_folder() {
    let mut talk = Talk::new();
    talk.server.config.conflict = session::server::ConflictPolicy::Duplicate;
    let first = item("Add", 30, "dir", true, "") + &item("Add", 31, "file", false, &within("dir"));
    files(&mut talk, FOLDERS, 201, ("", "1"), &first);
    talk.device = "other";
    files(&mut talk, FOLDERS, 201, ("", "1"), "");
    let theirs = item("Replace", 40, "L-2", false, &within("L-1"));
    files(&mut talk, FOLDERS, 200, ("1", "2"), &theirs);
    talk.device = "phone";
    let ours = item("Replace", 50, "file", false, &within("dir"));
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &ours);
    assert_eq!(heard.said.code_of("Replace"), 209);
    assert_eq!(tree(&talk), [(1, None), (2, Some(1)), (3, Some(1))]);
}

// spec: M07
#[test]
fn a_folder_that_is_not_empty_comes_back_to_who_deleted_it() {
    let mut talk = nested();
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &delete(21, "top"));
    assert_eq!(heard.codes()[2..], [("21", 427)]);
    assert_eq!(sent(&heard), [says(ChangeKind::Add, "1", "", "")]);
}

// spec: M01
#[test]
fn a_deleted_folder_comes_back_for_what_another_device_put_into_it() {
    let mut talk = nested_on_both();
    let commands = delete(21, "leaf") + &delete(22, "sub") + &delete(23, "top");
    files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
    assert_eq!(tree(&talk), []);
    talk.device = "phone";
    let new = item("Add", 21, "new", false, &within("L-2"));
    files(&mut talk, FOLDERS, 200, ("1", "2"), &new);
    assert_eq!(tree(&talk), [(1, None), (2, Some(1)), (4, Some(2))]);
}

// spec: M06
#[test]
fn a_device_whose_move_failed_is_told_where_the_item_is() {
    let mut talk = nested();
    let moved = item("Move", 21, "top", true, &within("sub"));
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &moved);
    assert_eq!(heard.codes()[2..], [("21", 428)]);
    assert_eq!(sent(&heard), [says(ChangeKind::Move, "top", "", "/")]);
}

// spec: M07
#[test]
fn a_refresh_removes_folders_from_the_inside_and_from_those_who_know_them_alone() {
    let refreshes = |devinf: &str| {
        let both = "<SyncType>1</SyncType><SyncType>4</SyncType>";
        devinf.replace("<SyncType>1</SyncType>", both)
    };
    let mut talk = nested();
    talk.device = "phone";
    files(&mut talk, &refreshes(&flat()), 201, ("", "1"), "");
    files(&mut talk, &refreshes(&flat()), 203, ("1", "2"), "");
    assert_eq!(tree(&talk), [(1, None), (2, Some(1))]);
    talk.device = "laptop";
    let top = item("Replace", 21, "top", true, "");
    files(&mut talk, &refreshes(FOLDERS), 203, ("1", "2"), &top);
    assert_eq!(tree(&talk), [(1, None)]);
}

// spec: M09
#[test]
fn what_waits_for_its_folder_in_vain_is_where_it_was_and_its_device_is_told() {
    let mut talk = nested();
    let edit = item("Replace", 21, "leaf", false, &within("never"));
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &edit);
    assert_eq!(tree(&talk)[2], (3, Some(2)));
    assert_eq!(sent(&heard), [says(ChangeKind::Move, "leaf", "", "sub")]);
}

// spec: M01 M09
#[test]
fn what_comes_back_brings_the_folders_that_its_device_has_and_is_at_the_root_without() {
    let whole = vec![(1, None), (2, Some(1)), (3, Some(2))];
    for (devinf, there) in [(FOLDERS, whole), (&*flat(), vec![(3, None)])] {
        let mut talk = nested();
        talk.device = "phone";
        files(&mut talk, devinf, 201, ("", "1"), "");
        talk.device = "laptop";
        let commands = delete(21, "leaf") + &delete(22, "sub") + &delete(23, "top");
        files(&mut talk, FOLDERS, 200, ("1", "2"), &commands);
        talk.device = "phone";
        let edit = item("Replace", 22, "L-3", false, "");
        files(&mut talk, devinf, 200, ("1", "2"), &edit);
        assert_eq!(tree(&talk), there);
    }
}

// spec: M05 M09
#[test]
fn an_edit_that_names_no_folder_leaves_the_item_where_others_have_moved_it() {
    for (parents, place) in [("", 1), (&*within("L-2"), 2)] {
        let mut talk = nested_on_both();
        let moved = item("Move", 21, "leaf", false, &within("top"));
        files(&mut talk, FOLDERS, 200, ("1", "2"), &moved);
        talk.device = "phone";
        let edited = item("Replace", 21, "L-3", false, parents);
        let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &edited);
        assert_eq!(tree(&talk)[2], (3, Some(place)), "{parents}");
        let told = sent(&heard);
        match place {
            1 => assert_eq!(told, [says(ChangeKind::Move, "L-3", "", "L-1")]),
            _ => assert_eq!(told, []),
        }
    }
}

// spec: M05 M09
#[test]
fn an_item_that_comes_back_to_where_it_was_moved_is_told_to_be_there() {
    let mut talk = nested_on_both();
    let moved = item("Move", 21, "leaf", false, &within("top"));
    files(&mut talk, FOLDERS, 200, ("1", "2"), &moved);
    files(&mut talk, FOLDERS, 200, ("2", "3"), &delete(21, "leaf"));
    talk.device = "phone";
    let edited = item("Replace", 21, "L-3", false, "");
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &edited);
    assert_eq!(tree(&talk)[2], (3, Some(1)));
    assert_eq!(sent(&heard), [says(ChangeKind::Move, "L-3", "", "L-1")]);
}

// spec: M08
#[test]
fn a_device_that_knew_folders_does_so_where_it_says_nothing_of_them() {
    for code in [200, 225] {
        let mut talk = nested();
        talk.device = "phone";
        files(&mut talk, FOLDERS, 201, ("", "1"), "");
        // it puts what it can do with its contacts, and that is all that is known of it then
        let others = FOLDERS.replace("my-files", "my-contacts");
        if code == 225 {
            talk.begin();
            let alerted = alert(1, 200, "files", "1", "1a");
            talk.say(&(alerted + &put_devinf(2, &others) + "<Final/>"));
            talk.say(&sync("files", ""));
        }
        talk.device = "laptop";
        let moved = item("Move", 21, "leaf", false, &within("top"));
        files(&mut talk, FOLDERS, 200, ("1", "2"), &moved);
        talk.device = "phone";
        let heard = files(&mut talk, &others, code, ("1", "2"), "");
        assert_eq!(sent(&heard), [says(ChangeKind::Move, "L-3", "", "L-1")]);
    }
}

/// Checks that a device which had the file alone gets the folders, and is told where the file is.
fn tells_all(heard: &Heard) {
    let mut told = sent(heard);
    told.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(
        told,
        [
            says(ChangeKind::Add, "1", "", ""),
            says(ChangeKind::Add, "2", "1", ""),
            says(ChangeKind::Replace, "L-3", "2", ""),
        ]
    );
}

// spec: M08
#[test]
fn a_device_that_learns_of_folders_is_told_where_everything_is() {
    let mut talk = nested();
    talk.device = "phone";
    files(&mut talk, &flat(), 201, ("", "1"), "");
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), "");
    tells_all(&heard);
}

// spec: M08
#[test]
fn a_device_that_learns_of_folders_while_a_comparison_is_broken_is_told_too() {
    let mut talk = nested();
    talk.device = "phone";
    // its first session: it has told of its contacts alone, takes a file without folders, and breaks
    let others = FOLDERS.replace("my-files", "my-contacts");
    talk.begin();
    let alerted = alert(1, 201, "files", "", "1");
    talk.say(&(alerted + &put_devinf(2, &others) + "<Final/>"));
    let heard = talk.say(&(sync("files", "") + "<Final/>"));
    assert_eq!(sent(&heard), [says(ChangeKind::Add, "3", "", "")]);
    let pair = map(90, "3", "L-3").replace("contacts", "files");
    talk.say(&(status(60, talk.message, "3", "Add", 201) + &pair));
    let heard = files(&mut talk, FOLDERS, 225, ("", "2"), "");
    tells_all(&heard);
}

/// A laptop in step, which then sends a file whose folder is still to come, and is cut off.
fn cut_off_before_the_folder() -> Talk {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    files(&mut talk, FOLDERS, 201, ("", "1"), "");
    talk.begin();
    talk.say(&(alert(1, 200, "files", "1", "2") + "<Final/>"));
    let heard = talk.say(&sync(
        "files",
        &item("Add", 21, "leaf", false, &within("late")),
    ));
    assert!(heard.codes().contains(&("21", 201)));
    assert_eq!(tree(&talk), [(1, None)]);
    talk
}

// spec: M01
#[test]
fn a_folder_that_comes_after_a_broken_session_gets_what_waits_for_it() {
    for code in [200, 225] {
        let mut talk = cut_off_before_the_folder();
        let folder = item("Add", 21, "late", true, "");
        let heard = files(&mut talk, FOLDERS, code, ("1", "3"), &folder);
        assert_eq!(heard.codes()[2..], [("21", 201)]);
        assert_eq!(sent(&heard), [], "{code}: the laptop has it where it is");
        assert_eq!(tree(&talk), [(1, Some(2)), (2, None)], "{code}");
        // nothing waits any more
        let moved = item(
            "Move",
            21,
            "leaf",
            false,
            "<TargetParent><LocURI>/</LocURI></TargetParent>",
        );
        files(&mut talk, FOLDERS, 200, ("3", "4"), &moved);
        files(
            &mut talk,
            FOLDERS,
            200,
            ("4", "5"),
            &item("Replace", 21, "late", true, ""),
        );
        assert_eq!(tree(&talk), [(1, None), (2, None)], "{code}");
    }
}

// spec: M01
#[test]
fn a_folder_is_awaited_across_sessions_that_bring_nothing_of_the_client() {
    let mut talk = cut_off_before_the_folder();
    // one breaks before its first change, and one has no changes of the client
    talk.begin();
    talk.say(&(alert(1, 200, "files", "1", "3") + "<Final/>"));
    let one_way = "<SyncType>1</SyncType><SyncType>5</SyncType>";
    let devinf = FOLDERS.replace("<SyncType>1</SyncType>", one_way);
    files(&mut talk, &devinf, 204, ("1", "4"), "");
    files(
        &mut talk,
        &devinf,
        200,
        ("4", "5"),
        &item("Add", 21, "late", true, ""),
    );
    assert_eq!(tree(&talk), [(1, Some(2)), (2, None)]);
}

// spec: M01
#[test]
fn a_folder_that_never_comes_is_awaited_no_longer_than_a_whole_session() {
    let mut talk = cut_off_before_the_folder();
    let heard = files(&mut talk, FOLDERS, 200, ("1", "3"), "");
    assert_eq!(sent(&heard), [says(ChangeKind::Move, "leaf", "", "/")]);
    files(
        &mut talk,
        FOLDERS,
        200,
        ("3", "4"),
        &item("Add", 21, "late", true, ""),
    );
    assert_eq!(tree(&talk), [(1, None), (2, None)]);
}

// spec: M04 H19
#[test]
fn who_loses_a_conflict_with_a_move_gets_the_content_back() {
    let mut talk = nested();
    talk.server.config.conflict = session::server::ConflictPolicy::ServerWins;
    talk.device = "phone";
    files(&mut talk, FOLDERS, 201, ("", "1"), "");
    talk.device = "laptop";
    let moved = item("Move", 21, "leaf", false, &within("top"));
    files(&mut talk, FOLDERS, 200, ("1", "2"), &moved);
    talk.device = "phone";
    let edit = item("Replace", 22, "L-3", false, "");
    let heard = files(&mut talk, FOLDERS, 200, ("1", "2"), &edit);
    assert_eq!(heard.said.code_of("Replace"), 419);
    assert_eq!(sent(&heard), [says(ChangeKind::Replace, "L-3", "", "L-1")]);
}

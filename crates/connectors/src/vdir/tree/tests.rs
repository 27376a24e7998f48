//! Folders in a folder, as persons and servers change them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use session::client::{Anchors, Applied, Plan, Replica as _};
use session::store::DatastoreKind;

use super::*;

mod objects;

const FILE: &str = "application/vnd.omads-file+xml";
const FOLDER: &str = "application/vnd.omads-folder+xml";

fn open(path: &Path) -> Vdir {
    Vdir::open(path, "http://server files", DatastoreKind::Files, FILE).unwrap()
}

fn begin(vdir: &mut Vdir, all_items: bool) -> u64 {
    let plan = Plan {
        all_items,
        sends: true,
        renews_map: all_items,
        resumes: false,
    };
    vdir.begin(plan).unwrap()
}

/// The changes of a session that confirms all of them: what, which path, and the folder that is told.
fn told(vdir: &mut Vdir) -> Vec<String> {
    begin(vdir, false);
    let mut told = Vec::new();
    while let Some(change) = vdir.next_change().unwrap() {
        let path = |luid: &str| vdir.path(luid).unwrap_or_else(|| "-".to_owned());
        let parent = change.parent.as_deref().map_or("/".to_owned(), path);
        told.push(format!(
            "{:?} {} in {parent}",
            change.kind,
            path(&change.luid)
        ));
        vdir.confirm(&change.luid).unwrap();
    }
    vdir.complete(&Anchors::default()).unwrap();
    told
}

/// All paths, with what the files hold.
fn paths(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if name.starts_with(".syncline") {
                continue;
            }
            if path.is_dir() {
                found.push(format!("{name}/"));
                open.push(path);
            } else {
                found.push(format!("{name}={}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn folder(name: &str) -> Vec<u8> {
    format!("<Folder><name>{name}</name></Folder>").into_bytes()
}

/// An item that the server adds into a folder.
fn add(vdir: &mut Vdir, guid: &str, parent: Option<&str>, content: Result<&str, &str>) -> String {
    let added = match content {
        Ok(text) => vdir.add(guid, FILE, text.as_bytes()),
        Err(name) => vdir.add(guid, FOLDER, &folder(name)),
    };
    let luid = added.unwrap().luid;
    assert_eq!(vdir.set_parent(&luid, parent).unwrap(), Applied::Done);
    luid
}

/// `work/`, `work/deep/`, `work/deep/2.txt` and `1.txt`, all of the server's; their LUIDs.
fn with_some(path: &Path) -> (Vdir, [String; 4]) {
    let mut vdir = open(path);
    begin(&mut vdir, false);
    let work = add(&mut vdir, "10", None, Err("work"));
    let deep = add(&mut vdir, "11", Some(&work), Err("deep"));
    let two = add(&mut vdir, "2", Some(&deep), Ok("two"));
    let one = add(&mut vdir, "1", None, Ok("one"));
    vdir.complete(&Anchors::default()).unwrap();
    begin(&mut vdir, false);
    (vdir, [work, deep, two, one])
}

// spec: M01 M03 M04
#[test]
fn what_a_person_does_to_folders_is_told() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "a/b/x", "x");
    write(root, "y", "y");
    fs::create_dir(root.join("empty")).unwrap();
    let mut vdir = open(root);
    assert_eq!(
        told(&mut vdir),
        [
            "Add a in /",
            "Add empty in /",
            "Add y in /",
            "Add a/b in a",
            "Add a/b/x in a/b"
        ]
    );
    assert_eq!(told(&mut vdir), Vec::<String>::new());
    drop(vdir);
    // moved, renamed, both with an edit, and removed
    fs::rename(root.join("a/b/x"), root.join("a/x")).unwrap();
    fs::rename(root.join("a"), root.join("c")).unwrap();
    fs::rename(root.join("y"), root.join("empty/z")).unwrap();
    fs::write(root.join("empty/z"), "edited").unwrap();
    fs::remove_dir(root.join("c/b")).unwrap();
    let mut vdir = open(root);
    assert_eq!(vdir.outlook().unwrap(), [0, 3, 1]);
    assert_eq!(
        told(&mut vdir),
        [
            "Replace c in /",
            "Replace empty/z in empty",
            "Move c/x in c",
            "Delete - in /"
        ]
    );
    fs::rename(root.join("c/x"), root.join("c/w")).unwrap();
    assert_eq!(told(&mut vdir), ["Replace c/w in c"]);
    fs::rename(root.join("c"), root.join("empty/c")).unwrap();
    assert_eq!(told(&mut vdir), ["Move empty/c in empty"]);
    fs::remove_dir_all(root.join("empty")).unwrap();
    let gone = told(&mut vdir);
    assert_eq!(gone.len(), 4, "{gone:?}");
    assert_eq!(told(&mut vdir), Vec::<String>::new());
}

// spec: M04
#[test]
fn a_move_that_the_server_does_not_take_is_told_in_another_way() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "x", "x");
    fs::create_dir(root.join("a")).unwrap();
    let mut vdir = open(root);
    told(&mut vdir);
    let refusals: [fn(&mut Vdir, &str); 2] = [
        |vdir, luid| vdir.move_refused(luid).unwrap(),
        |vdir, luid| vdir.forgotten(luid).unwrap(),
    ];
    let places = [("x", "a/x"), ("a/x", "x")];
    let told_then = ["Replace a/x in a", "Add x in /"];
    for ((refuse, (from, to)), then) in refusals.into_iter().zip(places).zip(told_then) {
        fs::rename(root.join(from), root.join(to)).unwrap();
        begin(&mut vdir, false);
        let moved = vdir.next_change().unwrap().unwrap();
        assert_eq!(moved.kind, ChangeKind::Move);
        refuse(&mut vdir, &moved.luid);
        vdir.complete(&Anchors::default()).unwrap();
        assert_eq!(told(&mut vdir), [then]);
        assert_eq!(told(&mut vdir), Vec::<String>::new());
    }
}

// spec: M01 M04
#[test]
fn an_item_that_is_back_in_its_folder_is_told_if_the_server_may_have_it_elsewhere() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "x", "x");
    fs::create_dir(root.join("a")).unwrap();
    let mut vdir = open(root);
    told(&mut vdir);
    fs::rename(root.join("x"), root.join("a/x")).unwrap();
    begin(&mut vdir, false);
    let moved = vdir.next_change().unwrap().unwrap();
    assert_eq!(moved.kind, ChangeKind::Move);
    vdir.message_done().unwrap();
    // the answer is lost
    fs::rename(root.join("a/x"), root.join("x")).unwrap();
    begin(&mut vdir, false);
    let back = vdir.next_change().unwrap().unwrap();
    assert!(!back.stays, "{back:?}");
    assert_eq!((back.luid, back.parent), (moved.luid, None));
    assert_eq!(told(&mut vdir), ["Replace x in /"]);
    assert_eq!(told(&mut vdir), Vec::<String>::new());
}

#[test]
fn what_is_in_a_folder_goes_before_it() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "a/b/c/x", "x");
    let mut vdir = open(root);
    told(&mut vdir);
    let luids = vdir.in_order();
    fs::remove_dir_all(root.join("a")).unwrap();
    begin(&mut vdir, false);
    let mut gone = Vec::new();
    while let Some(change) = vdir.next_change().unwrap() {
        assert_eq!(change.kind, ChangeKind::Delete);
        gone.push(change.luid);
    }
    gone.reverse();
    assert_eq!(gone, luids);
}

#[test]
fn a_file_that_was_moved_is_the_same_by_itself_or_by_its_content() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for name in ["a", "b", "c"] {
        write(root, name, name);
    }
    fs::create_dir(root.join("sub")).unwrap();
    let mut vdir = open(root);
    told(&mut vdir);
    // as it is moved to another disk and back
    fs::copy(root.join("a"), root.join("sub/a")).unwrap();
    fs::remove_file(root.join("a")).unwrap();
    assert_eq!(told(&mut vdir), ["Move sub/a in sub"]);
    // a copy is another item
    fs::copy(root.join("b"), root.join("sub/b")).unwrap();
    assert_eq!(told(&mut vdir), ["Add sub/b in sub"]);
    // as editors save: the new content under the name of the former, which goes
    fs::write(root.join("new"), "edited").unwrap();
    fs::rename(root.join("new"), root.join("c")).unwrap();
    assert_eq!(told(&mut vdir), ["Replace c in /"]);
    // and with a copy of the former left over
    fs::rename(root.join("c"), root.join("c.bak")).unwrap();
    fs::write(root.join("c"), "edited again").unwrap();
    assert_eq!(told(&mut vdir), ["Replace c in /", "Add c.bak in /"]);
}

#[test]
fn files_that_change_places_stay_the_items_that_they_are() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for path in ["a", "b", "sub/c"] {
        write(root, path, path);
    }
    let mut vdir = open(root);
    told(&mut vdir);
    let swap = |one: &str, other: &str| {
        fs::rename(root.join(one), root.join("aside")).unwrap();
        fs::rename(root.join(other), root.join(one)).unwrap();
        fs::rename(root.join("aside"), root.join(other)).unwrap();
    };
    swap("a", "b");
    assert_eq!(told(&mut vdir), ["Replace b in /", "Replace a in /"]);
    assert_eq!(told(&mut vdir), Vec::<String>::new());
    swap("a", "sub/c");
    assert_eq!(told(&mut vdir), ["Replace a in /", "Replace sub/c in sub"]);
    assert_eq!(told(&mut vdir), Vec::<String>::new());
}

#[test]
fn a_folder_is_the_same_wherever_it_is_and_another_one_takes_its_name() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "a/x", "x");
    let mut vdir = open(root);
    told(&mut vdir);
    fs::rename(root.join("a"), root.join("b")).unwrap();
    fs::create_dir(root.join("a")).unwrap();
    assert_eq!(told(&mut vdir), ["Replace b in /", "Add a in /"]);
    // one that was copied from elsewhere is the one at its place
    fs::create_dir(root.join("other")).unwrap();
    fs::copy(root.join("b/x"), root.join("other/x")).unwrap();
    fs::remove_dir_all(root.join("b")).unwrap();
    fs::rename(root.join("other"), root.join("b")).unwrap();
    assert_eq!(told(&mut vdir), Vec::<String>::new());
}

#[test]
fn without_times_folders_are_known_by_their_places() {
    let id = |number| {
        Some(FileId {
            number,
            created_ns: 0,
        })
    };
    let placed = |name: &str, number| {
        let placed = Placed {
            spot: Spot {
                parent: None,
                name: name.to_owned(),
            },
            id: id(number),
            object: Some(folder(name)),
            head: None,
        };
        (format!("luid-{name}"), placed)
    };
    let entry = |name: &str, number| Entry {
        above: None,
        name: name.to_owned(),
        path: name.to_owned(),
        is_folder: true,
        id: id(number),
        size: 0,
        closed: None,
    };
    let tree = Tree::new(BTreeMap::from([
        placed("a", 1),
        placed("b", 2),
        placed("c", 3),
    ]));
    // mounted again, with a new folder that has the number of a former one, and one that was renamed
    let entries = [entry("0", 1), entry("a", 2), entry("b", 1), entry("d", 3)];
    let mut look = Look::new(&tree, &entries);
    for (index, entry) in entries.iter().enumerate() {
        look.find_folder(index, entry);
    }
    let found: Vec<Option<&str>> = look.luids.iter().map(Option::as_deref).collect();
    assert_eq!(
        found,
        [None, Some("luid-a"), Some("luid-b"), Some("luid-c")]
    );
}

// spec: M02 M05 M07 M09
#[test]
fn what_the_server_does_to_folders_is_done_here() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [work, deep, two, one]) = with_some(root);
    assert_eq!(
        paths(root),
        ["1.bin=one", "work/", "work/deep/", "work/deep/2.bin=two"]
    );
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    // a move, with one that finds its name taken, and a new name
    begin(&mut vdir, false);
    let other = add(&mut vdir, "1", None, Ok("one"));
    assert_eq!(other, one, "it comes again");
    assert_eq!(vdir.set_parent(&one, Some(&deep)).unwrap(), Applied::Done);
    assert_eq!(vdir.set_parent(&deep, None).unwrap(), Applied::Done);
    let renamed = vdir.replace(&work, FOLDER, &folder("Work")).unwrap();
    assert_eq!(renamed, Applied::Done);
    vdir.message_done().unwrap();
    assert_eq!(
        paths(root),
        ["Work/", "deep/", "deep/1.bin=one", "deep/2.bin=two"]
    );
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    // what holds anything does not go
    begin(&mut vdir, false);
    assert!(vdir.has_children(&deep).unwrap());
    assert!(!vdir.has_children(&work).unwrap());
    vdir.delete(&one).unwrap();
    assert!(vdir.has_children(&deep).unwrap());
    vdir.set_parent(&two, Some(&work)).unwrap();
    assert!(!vdir.has_children(&deep).unwrap());
    assert!(vdir.has_children(&work).unwrap());
    assert_eq!(vdir.delete(&deep).unwrap(), Applied::Done);
    vdir.message_done().unwrap();
    assert_eq!(paths(root), ["Work/", "Work/2.bin=two"]);
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    fs::write(root.join("Work/.hidden"), "a person's").unwrap();
    begin(&mut vdir, false);
    fs::write(root.join("Work/left.tmp"), "").unwrap();
    vdir.delete(&two).unwrap();
    assert!(!vdir.has_children(&work).unwrap(), "they are no items");
    fs::write(root.join("Work/new"), "new").unwrap();
    assert!(vdir.has_children(&work).unwrap());
    fs::remove_file(root.join("Work/new")).unwrap();
    assert_eq!(vdir.delete(&work).unwrap(), Applied::Done);
    vdir.message_done().unwrap();
    assert_eq!(
        paths(root),
        ["Work/", "Work/.hidden=a person's", "Work/left.tmp="]
    );
    assert_eq!(told(&mut vdir), Vec::<String>::new());
    // it is a folder again with the first item in it
    fs::write(root.join("Work/new"), "new").unwrap();
    fs::remove_file(root.join("Work/left.tmp")).unwrap();
    assert_eq!(told(&mut vdir), ["Add Work in /", "Add Work/new in Work"]);
}

#[test]
fn two_folders_change_places_in_one_message() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [work, deep, two, _]) = with_some(root);
    // neither into itself nor into what is in it
    for folder in [&work, &deep, &two] {
        let refused = vdir.set_parent(&work, Some(folder)).unwrap();
        assert_eq!(refused, Applied::Unknown);
    }
    vdir.set_parent(&deep, None).unwrap();
    vdir.set_parent(&work, Some(&deep)).unwrap();
    vdir.message_done().unwrap();
    assert_eq!(
        paths(root),
        ["1.bin=one", "deep/", "deep/2.bin=two", "deep/work/"]
    );
}

#[test]
fn what_cannot_be_where_the_server_has_it_is_told_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    let (mut vdir, [_, _, two, one]) = with_some(root.path());
    let refused = vdir.set_parent(&one, Some(&two)).unwrap();
    assert_eq!(refused, Applied::Unknown);
    vdir.message_done().unwrap();
    assert_eq!(told(&mut vdir), ["Move 1.bin in /"]);
    assert_eq!(told(&mut vdir), Vec::<String>::new());
}

#[test]
fn what_a_person_has_moved_stays_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [work, deep, two, one]) = with_some(root);
    fs::rename(root.join("1.bin"), root.join("work/1.bin")).unwrap();
    begin(&mut vdir, false);
    let outcome = vdir.set_parent(&one, Some(&deep)).unwrap();
    assert_eq!(outcome, Applied::ChangedHere);
    assert_eq!(vdir.delete(&one).unwrap(), Applied::ChangedHere);
    // and what goes while a message is taken
    vdir.set_parent(&two, Some(&work)).unwrap();
    fs::rename(root.join("work/deep/2.bin"), root.join("2.bin")).unwrap();
    vdir.message_done().unwrap();
    assert_eq!(
        paths(root),
        ["2.bin=two", "work/", "work/1.bin=one", "work/deep/"]
    );
    assert_eq!(
        told(&mut vdir),
        ["Move 2.bin in /", "Move work/1.bin in work"]
    );
}

#[test]
fn names_of_folders_stay_inside() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    let mut vdir = open(&root);
    begin(&mut vdir, false);
    let names = [
        "..",
        "../../up",
        "/",
        "/etc",
        ".syncline",
        "CON",
        "Work",
        "work",
        "work",
        "",
    ];
    for (number, name) in names.iter().enumerate() {
        let guid = format!("1{number}");
        let luid = add(&mut vdir, &guid, None, Err(name));
        add(&mut vdir, &format!("2{number}"), Some(&luid), Ok(&guid));
    }
    vdir.message_done().unwrap();
    let items = paths(&root);
    assert_eq!(items.len(), 2 * names.len(), "{items:?}");
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
    // no two of them are one where case does not count
    let mut folders: Vec<String> = vdir.in_order();
    folders.retain(|luid| vdir.is_folder(luid));
    let mut lower: Vec<String> = folders
        .iter()
        .map(|luid| vdir.path(luid).unwrap().to_lowercase())
        .collect();
    lower.sort();
    lower.dedup();
    assert_eq!(lower.len(), names.len());
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    let aside = outer.path().join("aside");
    write(&aside, "private", "x");
    let (mut vdir, [work, deep, two, one]) = with_some(&root);
    std::os::unix::fs::symlink(&aside, root.join("link")).unwrap();
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    // a folder becomes a link in the middle of a message
    begin(&mut vdir, false);
    vdir.replace(&two, FILE, b"new").unwrap();
    vdir.set_parent(&one, Some(&deep)).unwrap();
    add(&mut vdir, "7", Some(&work), Ok("seven"));
    fs::rename(root.join("work"), outer.path().join("away")).unwrap();
    std::os::unix::fs::symlink(&aside, root.join("work")).unwrap();
    assert!(vdir.message_done().is_err());
    assert_eq!(paths(&aside), ["private=x"]);
    drop(vdir);
    open(&root);
    assert_eq!(paths(&aside), ["private=x"]);
}

#[test]
fn a_message_is_done_as_a_whole_wherever_power_fails() {
    for done in 0.. {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let (mut vdir, [work, deep, two, one]) = with_some(root);
        let new = add(&mut vdir, "12", None, Err("new"));
        vdir.set_parent(&deep, Some(&new)).unwrap();
        add(&mut vdir, "3", Some(&deep), Ok("three"));
        vdir.replace(&two, FILE, b"two again").unwrap();
        vdir.set_parent(&two, None).unwrap();
        vdir.delete(&one).unwrap();
        assert!(!vdir.has_children(&work).unwrap());
        vdir.delete(&work).unwrap();
        let mut batch = vdir.prepare().unwrap().unwrap();
        let steps = batch.steps.clone();
        for step in steps.iter().take(done) {
            vdir.perform(&mut batch, *step).unwrap();
        }
        drop(vdir);
        let mut vdir = open(root);
        assert_eq!(
            paths(root),
            [
                "2.bin=two again",
                "new/",
                "new/deep/",
                "new/deep/3.bin=three"
            ],
            "{done}"
        );
        assert_eq!(vdir.outlook().unwrap(), [0; 3], "{done}");
        assert_eq!(vdir.luid_of("12").unwrap(), Some(new));
        if done > steps.len() {
            return;
        }
    }
}

#[test]
fn what_a_person_puts_into_a_folder_that_is_planned_is_theirs() {
    for power_fails in [None, Some(1), Some(2), Some(3), Some(4)] {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let mut vdir = open(root);
        begin(&mut vdir, false);
        let work = add(&mut vdir, "10", None, Err("work"));
        add(&mut vdir, "2", Some(&work), Ok("server's"));
        add(&mut vdir, "2-1", Some(&work), Ok("another"));
        write(root, "work/2.bin", "a person's");
        if let Some(done) = power_fails {
            let mut batch = vdir.prepare().unwrap().unwrap();
            for step in batch.steps.clone().iter().take(done) {
                vdir.perform(&mut batch, *step).unwrap();
            }
            drop(vdir);
            vdir = open(root);
        } else {
            vdir.message_done().unwrap();
        }
        assert_eq!(
            paths(root),
            [
                "work/",
                "work/2-1.bin=another",
                "work/2-2.bin=server's",
                "work/2.bin=a person's"
            ],
            "{power_fails:?}"
        );
        assert_eq!(told(&mut vdir), ["Add work/2.bin in work"]);
    }
}

#[test]
fn what_cannot_be_done_keeps_no_folder_from_being_opened() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [work, deep, two, one]) = with_some(root);
    vdir.replace(&two, FILE, b"two again").unwrap();
    vdir.delete(&one).unwrap();
    vdir.set_parent(&deep, None).unwrap();
    add(&mut vdir, "7", Some(&work), Ok("seven"));
    drop(vdir.prepare().unwrap().unwrap());
    drop(vdir);
    // folders are in the way of files
    fs::remove_file(root.join("1.bin")).unwrap();
    write(root, "1.bin/x", "a person's");
    fs::remove_file(root.join("work/deep/2.bin")).unwrap();
    write(root, "work/deep/2.bin/x", "a person's");
    let mut vdir = open(root);
    assert_eq!(
        paths(root),
        [
            "1.bin/",
            "1.bin/x=a person's",
            "deep/",
            "deep/2.bin/",
            "deep/2.bin/x=a person's",
            "work/",
            "work/7.bin=seven"
        ]
    );
    // what the server does not hear of as done, it does again
    assert_eq!(
        vdir.luid_of("7").unwrap().map(|luid| vdir.path(&luid)),
        Some(Some("work/7.bin".to_owned()))
    );
    begin(&mut vdir, false);
    assert_eq!(
        vdir.replace(&two, FILE, b"two again").unwrap(),
        Applied::ChangedHere
    );
}

#[test]
fn paths_that_are_too_long_are_refused_one_by_one() {
    let root = tempfile::tempdir().unwrap();
    let mut vdir = open(root.path());
    begin(&mut vdir, false);
    let name = "n".repeat(79);
    let mut parent = None;
    let mut refused = 0;
    for number in 0..50 {
        let guid = format!("1{number}");
        let luid = vdir.add(&guid, FOLDER, &folder(&name)).unwrap().luid;
        match vdir.set_parent(&luid, parent.as_deref()) {
            Ok(outcome) => assert_eq!(outcome, Applied::Done),
            Err(_) => refused += 1,
        }
        parent = Some(luid);
    }
    assert_ne!(refused, 0);
    vdir.message_done().unwrap();
    drop(vdir);
    assert_eq!(open(root.path()).outlook().unwrap(), [0; 3]);
}

#[cfg(unix)]
#[test]
fn a_subfolder_that_takes_no_changes_is_told_of_its_items_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [_, _, two, one]) = with_some(root);
    let deep = root.join("work/deep");
    fs::set_permissions(&deep, fs::Permissions::from_mode(0o555)).unwrap();
    // permissions do not stop everybody
    let is_stopped = fs::write(deep.join(".try"), "").is_err();
    assert_eq!(vdir.replace(&two, FILE, b"new").is_err(), is_stopped);
    assert_eq!(vdir.delete(&two).is_err(), is_stopped);
    vdir.delete(&one).unwrap();
    vdir.message_done().unwrap();
    assert_eq!(deep.join("2.bin").exists(), is_stopped);
    assert!(!root.join("1.bin").exists());
    fs::set_permissions(&deep, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn of_a_folder_there_is_no_version_to_keep_beside_the_servers() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [work, ..]) = with_some(root);
    fs::rename(root.join("work"), root.join("mine")).unwrap();
    begin(&mut vdir, false);
    let change = vdir.next_change().unwrap().unwrap();
    assert_eq!(change.luid, work);
    vdir.keep_own(&work).unwrap();
    let outcome = vdir.replace(&work, FOLDER, &folder("theirs")).unwrap();
    assert_eq!(outcome, Applied::Done);
    vdir.message_done().unwrap();
    assert_eq!(
        paths(root),
        [
            "1.bin=one",
            "theirs/",
            "theirs/deep/",
            "theirs/deep/2.bin=two"
        ]
    );
}

// spec: M14
#[test]
fn an_atomic_that_is_undone_moves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [work, _, two, one]) = with_some(root);
    let before = paths(root);
    vdir.begin_atomic().unwrap();
    add(&mut vdir, "12", Some(&work), Err("new"));
    vdir.set_parent(&one, Some(&work)).unwrap();
    vdir.delete(&two).unwrap();
    vdir.undo_atomic().unwrap();
    vdir.message_done().unwrap();
    assert_eq!(paths(root), before);
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    // nor does it keep a name
    begin(&mut vdir, false);
    vdir.begin_atomic().unwrap();
    add(&mut vdir, "12", Some(&work), Err("new"));
    vdir.undo_atomic().unwrap();
    add(&mut vdir, "13", Some(&work), Err("new"));
    vdir.message_done().unwrap();
    assert!(root.join("work/new").is_dir());
}

#[cfg(unix)]
#[test]
fn a_subfolder_that_cannot_be_read_is_left_out_unless_an_item_is_in_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, _) = with_some(root);
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let closed = root.join("lost+found");
    fs::create_dir(&closed).unwrap();
    mode(&closed, 0);
    // permissions do not stop everybody
    let is_stopped = fs::read_dir(&closed).is_err();
    write(root, "new", "x");
    let new = vdir.outlook().unwrap()[0];
    assert_eq!(new, if is_stopped { 1 } else { 2 });
    assert_eq!(vdir.left_out().len(), usize::from(is_stopped));
    mode(&root.join("work/deep"), 0);
    assert_eq!(vdir.outlook().is_err(), is_stopped);
    mode(&root.join("work/deep"), 0o755);
    mode(&closed, 0o755);
    let outlook = vdir.outlook().unwrap();
    assert_eq!(outlook[1..], [0; 2]);
}

#[test]
fn a_refresh_leaves_nothing_of_the_servers_and_what_is_no_item() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, _) = with_some(root);
    write(root, "work/.hidden", "x");
    assert_eq!(vdir.clear().unwrap(), 4);
    assert_eq!(paths(root), ["work/", "work/.hidden=x"]);
    add(&mut vdir, "10", None, Err("work"));
    vdir.complete(&Anchors::default()).unwrap();
    assert_eq!(paths(root), ["work/", "work/.hidden=x"]);
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
}

// spec: M11 M12
#[test]
fn what_is_taken_off_the_folder_alone_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [_, deep, two, _]) = with_some(root);
    assert_eq!(vdir.release(&two).unwrap(), Applied::Done);
    vdir.message_done().unwrap();
    assert!(!root.join("work/deep/2.bin").exists());
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    begin(&mut vdir, false);
    assert_eq!(vdir.replace(&two, FILE, b"back").unwrap(), Applied::Done);
    assert_eq!(vdir.set_parent(&two, Some(&deep)).unwrap(), Applied::Done);
    vdir.message_done().unwrap();
    assert_eq!(paths(&root.join("work/deep")).len(), 1);
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
}

// spec: M13
#[test]
fn a_copy_is_in_the_folder_of_its_original() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let (mut vdir, [_, _, two, _]) = with_some(root);
    vdir.copy(&two, "9").unwrap();
    vdir.message_done().unwrap();
    assert_eq!(paths(&root.join("work/deep")), ["2.bin=two", "9.bin=two"]);
}

#[test]
fn files_of_before_there_were_folders_stay_the_items_that_they_are() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for name in ["1.bin", "2.bin", "3.bin"] {
        write(root, name, name);
    }
    let mut vdir = open(root);
    for name in ["1.bin", "2.bin", "3.bin"] {
        let print = vdir.folder.print(name).unwrap().unwrap();
        vdir.state.know(name, &print, "").unwrap();
    }
    vdir.state.commit().unwrap();
    drop(vdir);
    fs::write(root.join("2.bin"), "edited").unwrap();
    fs::remove_file(root.join("3.bin")).unwrap();
    let mut vdir = open(root);
    assert_eq!(told(&mut vdir), ["Replace 2.bin in /", "Delete - in /"]);
    assert_eq!(vdir.path("1.bin").as_deref(), Some("1.bin"));
}

#[test]
fn an_old_file_shares_its_luid_with_no_new_one() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "item-1", "old");
    let mut vdir = open(root);
    let print = vdir.folder.print("item-1").unwrap().unwrap();
    vdir.state.know("item-1", &print, "").unwrap();
    vdir.outlook().unwrap();
    // a slow sync forgets what was agreed
    begin(&mut vdir, true);
    write(root, "new", "new");
    vdir.look().unwrap();
    assert_eq!(vdir.in_order().len(), 2);
    assert_eq!(vdir.path("item-1").as_deref(), Some("item-1"));
}

#[test]
fn folders_without_end_are_refused_before_anything_is_taken_for_gone() {
    let root = tempfile::tempdir().unwrap();
    let (mut vdir, _) = with_some(root.path());
    let deep = ["d"; MAX_DEPTH + 2].join("/");
    fs::create_dir_all(root.path().join(deep)).unwrap();
    assert!(vdir.outlook().is_err());
    fs::remove_dir_all(root.path().join("d")).unwrap();
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
}

//! Folders as persons and servers change them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::time::{Duration, SystemTime};

use session::client::{Added, Anchors, Copied, Plan};

use super::*;

const TYPE: &str = "text/vcard";

fn open(path: &Path) -> Vdir {
    Vdir::open(
        path,
        "http://server contacts",
        DatastoreKind::Contacts,
        TYPE,
    )
    .unwrap()
}

fn plan(all_items: bool) -> Plan {
    Plan {
        all_items,
        sends: true,
        renews_map: all_items,
        resumes: false,
    }
}

/// The changes of a session that confirms all of them.
fn send_all(vdir: &mut Vdir, all_items: bool) -> Vec<(ChangeKind, String)> {
    let count = vdir.begin(plan(all_items)).unwrap();
    let mut sent = Vec::new();
    while let Some(change) = vdir.next_change().unwrap() {
        sent.push((change.kind, change.luid.clone()));
        vdir.confirm(&change.luid).unwrap();
    }
    assert_eq!(count, sent.len() as u64);
    vdir.complete(&Anchors::default()).unwrap();
    sent
}

/// Does what is staged, as far as to the last file.
fn power_fails_before_the_memory(vdir: Vdir) {
    power_fails_after(vdir, usize::MAX);
}

fn card(note: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nNOTE:{note}\r\nEND:VCARD\r\n")
}

#[test]
fn what_changed_in_the_folder_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("a.vcf"), card("1")).unwrap();
    fs::write(path.join("b.vcf"), card("2")).unwrap();
    fs::write(path.join(".hidden"), "x").unwrap();
    fs::write(path.join("README.md"), "x").unwrap();
    fs::write(path.join("photo.jpg"), "x").unwrap();
    fs::write(path.join("a.vcf~"), "backup").unwrap();
    fs::create_dir(path.join("sub")).unwrap();
    let mut vdir = open(path);
    let both = [
        (ChangeKind::Add, "a.vcf".into()),
        (ChangeKind::Add, "b.vcf".into()),
    ];
    assert_eq!(send_all(&mut vdir, false), both);
    assert_eq!(send_all(&mut vdir, false), []);
    // of the same length, within the same tick of the clock
    fs::write(path.join("a.vcf"), card("9")).unwrap();
    fs::remove_file(path.join("b.vcf")).unwrap();
    fs::write(path.join("c.vcf"), card("3")).unwrap();
    assert_eq!(vdir.outlook().unwrap(), [1, 1, 1]);
    drop(vdir);
    let mut vdir = open(path);
    assert_eq!(
        send_all(&mut vdir, false),
        [
            (ChangeKind::Replace, "a.vcf".into()),
            (ChangeKind::Add, "c.vcf".into()),
            (ChangeKind::Delete, "b.vcf".into()),
        ]
    );
    let all = [
        (ChangeKind::Replace, "a.vcf".into()),
        (ChangeKind::Replace, "c.vcf".into()),
    ];
    assert_eq!(send_all(&mut vdir, true), all);
    // another server knows nothing yet
    drop(vdir);
    let mut other =
        Vdir::open(path, "http://other contacts", DatastoreKind::Contacts, TYPE).unwrap();
    assert_eq!(other.outlook().unwrap(), [2, 0, 0]);
}

#[test]
fn what_is_no_item_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (name, content) in [
        ("empty.vcf", String::new()),
        ("garbage.vcf", "garbage".to_owned()),
        ("cut.vcf", card("1").replace("END:VCARD\r\n", "")),
        ("two.vcf", card("1") + &card("2")),
        ("good.vcf", card("3")),
    ] {
        fs::write(path.join(name), content).unwrap();
    }
    let mut vdir = open(path);
    vdir.begin(plan(true)).unwrap();
    let sent = vdir.next_change().unwrap().unwrap();
    assert_eq!(sent.luid, "good.vcf");
    assert_eq!(vdir.next_change().unwrap(), None);
    let named: Vec<String> = vdir.left_out().into_iter().map(|(name, _)| name).collect();
    assert_eq!(named, ["cut.vcf", "empty.vcf", "garbage.vcf", "two.vcf"]);
    assert!(vdir.left_out().is_empty());
}

#[test]
fn a_file_that_goes_before_its_confirmation_is_told_as_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vcf");
    fs::write(&path, card("1")).unwrap();
    let mut vdir = open(folder.path());
    vdir.begin(plan(false)).unwrap();
    vdir.next_change().unwrap().unwrap();
    vdir.message_done().unwrap();
    // the server may have it: the answer was lost
    drop(vdir);
    fs::remove_file(path).unwrap();
    let mut vdir = open(folder.path());
    let gone = [(ChangeKind::Delete, "a.vcf".into())];
    assert_eq!(send_all(&mut vdir, false), gone);
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
}

#[test]
fn an_item_that_the_server_may_have_is_replaced_and_not_added_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vcf");
    fs::write(&path, card("1")).unwrap();
    let mut vdir = open(folder.path());
    vdir.begin(plan(false)).unwrap();
    assert_eq!(vdir.next_change().unwrap().unwrap().kind, ChangeKind::Add);
    vdir.message_done().unwrap();
    // the answer is lost, and the person goes on
    drop(vdir);
    fs::write(path, card("2")).unwrap();
    let mut vdir = open(folder.path());
    vdir.begin(plan(false)).unwrap();
    let again = vdir.next_change().unwrap().unwrap();
    assert_eq!(again.kind, ChangeKind::Replace);
    // one that has not got it, and will not take it so, gets it
    vdir.forgotten("a.vcf").unwrap();
    vdir.complete(&Anchors::default()).unwrap();
    assert_eq!(
        send_all(&mut vdir, false),
        [(ChangeKind::Add, "a.vcf".into())]
    );
}

#[test]
fn what_is_as_it_was_again_is_told_if_the_server_may_have_it_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vcf");
    fs::write(&path, card("1")).unwrap();
    let mut vdir = open(folder.path());
    send_all(&mut vdir, false);
    let given_out_and_not_answered = |vdir: &mut Vdir, kind| {
        vdir.begin(plan(false)).unwrap();
        assert_eq!(vdir.next_change().unwrap().unwrap().kind, kind);
        vdir.message_done().unwrap();
    };
    let again = [(ChangeKind::Replace, "a.vcf".to_owned())];
    fs::write(&path, card("2")).unwrap();
    given_out_and_not_answered(&mut vdir, ChangeKind::Replace);
    fs::write(&path, card("1")).unwrap();
    assert_eq!(vdir.outlook().unwrap(), [0, 1, 0]);
    assert_eq!(send_all(&mut vdir, false), again);
    fs::remove_file(&path).unwrap();
    given_out_and_not_answered(&mut vdir, ChangeKind::Delete);
    fs::write(&path, card("1")).unwrap();
    assert_eq!(send_all(&mut vdir, false), again);
    assert_eq!(send_all(&mut vdir, false), []);

    // the server has made a conflict of it, and its version is here
    fs::write(&path, card("3")).unwrap();
    given_out_and_not_answered(&mut vdir, ChangeKind::Replace);
    vdir.replace("a.vcf", TYPE, card("4").as_bytes()).unwrap();
    vdir.complete(&Anchors::default()).unwrap();
    assert_eq!(send_all(&mut vdir, false), []);
}

// spec: M21
#[test]
fn cards_of_any_version_belong_to_contacts_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let vdir = open(folder.path());
    let card = card("1");
    let old = card.replace("3.0", "2.1");
    for (media_type, content) in [(TYPE, &card), ("", &card), ("text/x-vcard", &old)] {
        assert!(vdir.takes(media_type, content.as_bytes()), "{media_type}");
    }
    let event = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    assert!(!vdir.takes("text/calendar", event.as_bytes()));
    assert!(!vdir.takes("", b""));
    let folder = tempfile::tempdir().unwrap();
    let kind = DatastoreKind::Notes;
    let notes = Vdir::open(folder.path(), "http://server notes", kind, "text/plain").unwrap();
    for text in [&b"caf\xe9"[..], b"as is:\r\nBEGIN:VCARD\r\nEND:VCARD\r\n"] {
        assert!(notes.takes("text/plain", text) && notes.takes("", text));
    }
}

#[test]
fn changes_of_the_server_are_applied_and_are_no_changes_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let mut vdir = open(folder.path());
    vdir.begin(plan(false)).unwrap();
    let first = vdir.add("17", TYPE, card("1").as_bytes()).unwrap();
    assert_eq!((first.luid.as_str(), first.existed), ("17.vcf", false));
    let again = vdir.add("17", TYPE, card("1").as_bytes()).unwrap();
    assert!(again.existed);
    assert_eq!(again.luid, first.luid);
    vdir.message_done().unwrap();
    assert_eq!(
        vdir.pending_maps().unwrap(),
        [("17".into(), "17.vcf".into())]
    );
    vdir.maps_acknowledged(&["17".into()]).unwrap();
    assert!(vdir.pending_maps().unwrap().is_empty());
    let newer = card("2");
    assert_eq!(
        vdir.replace("17.vcf", TYPE, newer.as_bytes()).unwrap(),
        Applied::Done
    );
    vdir.message_done().unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("17.vcf")).unwrap(),
        newer
    );
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
    assert_eq!(vdir.delete("17.vcf").unwrap(), Applied::Done);
    assert_eq!(vdir.delete("17.vcf").unwrap(), Applied::Unknown);
    vdir.message_done().unwrap();
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
    assert!(!folder.path().join("17.vcf").exists());
}

#[test]
fn an_edit_of_a_person_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let mut vdir = open(folder.path());
    vdir.begin(plan(false)).unwrap();
    vdir.add("1", TYPE, card("1").as_bytes()).unwrap();
    vdir.message_done().unwrap();
    let path = folder.path().join("1.vcf");
    fs::write(&path, card("mine")).unwrap();
    let outcome = vdir
        .replace("1.vcf", TYPE, card("theirs").as_bytes())
        .unwrap();
    assert_eq!(outcome, Applied::ChangedHere);
    assert_eq!(vdir.delete("1.vcf").unwrap(), Applied::ChangedHere);
    assert_eq!(fs::read_to_string(path).unwrap(), card("mine"));
    assert_eq!(vdir.outlook().unwrap(), [0, 1, 0]);
}

#[test]
fn names_from_outside_stay_inside() {
    let folder = tempfile::tempdir().unwrap();
    let mut vdir = open(folder.path());
    vdir.begin(plan(false)).unwrap();
    for guid in [
        "../../escape",
        "/etc/passwd",
        "..",
        "a/b",
        "\u{0}",
        ".hidden",
    ] {
        let added = vdir.add(guid, TYPE, card(guid).as_bytes()).unwrap();
        assert!(files::is_item(&added.luid), "{}", added.luid);
        vdir.message_done().unwrap();
        assert!(folder.path().join(&added.luid).is_file());
    }
    assert_eq!(vdir.folder.names().unwrap().len(), 6);
    for luid in ["../x", "", ".syncline", "a/b"] {
        let outcome = vdir.replace(luid, TYPE, b"x").unwrap();
        assert_eq!(outcome, Applied::Unknown);
        assert_eq!(vdir.delete(luid).unwrap(), Applied::Unknown);
    }
}

#[test]
fn what_a_crash_left_half_done_is_recognized() {
    let folder = tempfile::tempdir().unwrap();
    let content = card("1");
    let mut vdir = open(folder.path());
    vdir.begin(plan(false)).unwrap();
    vdir.add("1", TYPE, content.as_bytes()).unwrap();
    // power fails when the file is there and the memory is not
    power_fails_before_the_memory(vdir);
    let mut vdir = open(folder.path());
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
    let again = vdir.add("1", TYPE, content.as_bytes()).unwrap();
    assert_eq!((again.luid.as_str(), again.existed), ("1.vcf", true));
    vdir.message_done().unwrap();
    // and when a file is gone and the memory does not know
    vdir.delete("1.vcf").unwrap();
    power_fails_before_the_memory(vdir);
    assert_eq!(open(folder.path()).outlook().unwrap(), [0, 0, 0]);
}

#[test]
fn an_edit_of_what_a_crash_left_half_done_is_a_change_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut vdir = open(folder.path());
    vdir.begin(plan(false)).unwrap();
    vdir.add("1", TYPE, card("1").as_bytes()).unwrap();
    power_fails_before_the_memory(vdir);
    let path = folder.path().join("1.vcf");
    fs::write(&path, card("mine")).unwrap();
    // the next sync comes long after the edit
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(hour_ago).unwrap();
    let mut vdir = open(folder.path());
    assert_eq!(vdir.outlook().unwrap(), [0, 1, 0]);
    let again = vdir.add("1", TYPE, card("1").as_bytes()).unwrap();
    assert_eq!((again.luid.as_str(), again.existed), ("1.vcf", true));
    let content = fs::read_to_string(folder.path().join("1.vcf")).unwrap();
    assert_eq!(content, card("mine"));
}

#[test]
fn the_name_of_an_item_whose_deletion_is_not_sent_is_not_given_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("17.vcf"), card("1")).unwrap();
    let mut vdir = open(folder.path());
    send_all(&mut vdir, false);
    fs::remove_file(folder.path().join("17.vcf")).unwrap();
    vdir.begin(Plan {
        sends: false,
        ..plan(false)
    })
    .unwrap();
    let added = vdir.add("17", TYPE, card("2").as_bytes()).unwrap();
    assert_ne!(added.luid, "17.vcf");
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 1]);
}

#[test]
fn a_file_counts_as_recent_by_the_time_at_which_it_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vcf");
    let mut vdir = open(folder.path());
    let now = SystemTime::now();
    let minute = Duration::from_mins(1);
    for (modified, is_recent) in [(now + minute, true), (now - minute, false)] {
        fs::write(&path, card("1")).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        let print = vdir.folder.print("a.vcf").unwrap().unwrap();
        vdir.state.know("a.vcf", &print, "").unwrap();
        let known = vdir.state.known_one("a.vcf").unwrap().unwrap();
        assert_eq!(known.seen_ns, print.read_ns);
        assert_eq!(known.is_recent(), is_recent);
    }
}

#[test]
fn a_file_that_is_found_unchanged_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vcf");
    fs::write(&path, card("1")).unwrap();
    let mut vdir = open(folder.path());
    send_all(&mut vdir, false);
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(hour_ago).unwrap();
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
    let known = vdir.state.known_one("a.vcf").unwrap().unwrap();
    assert_eq!(vdir.folder.stat("a.vcf").unwrap(), Some(known.stat));
    assert!(!known.is_recent());
}

#[test]
fn what_the_server_has_lost_is_a_new_item() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.vcf"), card("1")).unwrap();
    let mut vdir = open(folder.path());
    send_all(&mut vdir, false);
    vdir.forgotten("a.vcf").unwrap();
    assert_eq!(vdir.outlook().unwrap(), [1, 0, 0]);
}

#[test]
fn a_folder_is_synced_by_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let contacts = DatastoreKind::Contacts;
    let second = Vdir::open(folder.path(), "http://server contacts", contacts, TYPE);
    assert!(matches!(second, Err(Error::Locked { .. })));
    drop(first);
    open(folder.path());
}

// spec: M11 M12
#[test]
fn what_is_taken_off_the_folder_alone_is_no_deletion_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut vdir = open(path);
    for guid in ["1", "2", "3"] {
        vdir.add(guid, TYPE, card(guid).as_bytes()).unwrap();
    }
    vdir.message_done().unwrap();
    fs::write(path.join("3.vcf"), card("edited")).unwrap();
    for luid in ["1.vcf", "2.vcf"] {
        assert_eq!(vdir.release(luid).unwrap(), Applied::Done);
    }
    assert_eq!(vdir.release("3.vcf").unwrap(), Applied::ChangedHere);
    assert_eq!(vdir.release("9.vcf").unwrap(), Applied::Unknown);
    assert_eq!(vdir.release("../1.vcf").unwrap(), Applied::Unknown);
    vdir.complete(&Anchors::default()).unwrap();
    drop(vdir);

    let mut vdir = open(path);
    assert!(!path.join("1.vcf").exists() && !path.join("2.vcf").exists());
    assert_eq!(vdir.outlook().unwrap(), [0, 1, 0]);
    assert_eq!(
        vdir.release("1.vcf").unwrap(),
        Applied::Done,
        "it came again"
    );
    let back = card("back");
    let replaced = vdir.replace("1.vcf", TYPE, back.as_bytes()).unwrap();
    assert_eq!(replaced, Applied::Done);
    let added = vdir.add("2", TYPE, back.as_bytes()).unwrap();
    assert!(!added.existed);
    vdir.message_done().unwrap();
    for luid in ["1.vcf", &added.luid] {
        assert_eq!(fs::read_to_string(path.join(luid)).unwrap(), back);
    }
    assert_eq!(vdir.outlook().unwrap(), [0, 1, 0]);
    // a deletion of theirs is the end of it
    fs::remove_file(path.join("1.vcf")).unwrap();
    assert_eq!(vdir.outlook().unwrap(), [0, 1, 1]);
}

#[test]
fn a_crash_while_an_item_is_taken_off_the_folder_deletes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut vdir = open(folder.path());
    vdir.add("1", TYPE, card("1").as_bytes()).unwrap();
    vdir.message_done().unwrap();
    vdir.release("1.vcf").unwrap();
    power_fails_before_the_memory(vdir);
    let mut vdir = open(folder.path());
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
    assert_eq!(vdir.release("1.vcf").unwrap(), Applied::Done);
}

// spec: M20
#[test]
fn the_content_of_a_file_is_given_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let mut vdir = open(folder.path());
    vdir.add("1", TYPE, card("1").as_bytes()).unwrap();
    let content = |vdir: &mut Vdir, luid: &str| vdir.content(luid).unwrap();
    assert_eq!(content(&mut vdir, "1.vcf"), Some(card("1").into_bytes()));
    vdir.message_done().unwrap();
    fs::write(folder.path().join("1.vcf"), card("2")).unwrap();
    assert_eq!(content(&mut vdir, "1.vcf"), Some(card("2").into_bytes()));
    assert_eq!(content(&mut vdir, "9.vcf"), None);
    assert_eq!(content(&mut vdir, ".syncline/state.db"), None);
}

// spec: H27
#[test]
fn what_a_person_removed_is_a_deletion_still_when_the_server_takes_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut vdir = open(folder.path());
    for guid in ["1", "2"] {
        vdir.add(guid, TYPE, card(guid).as_bytes()).unwrap();
    }
    vdir.complete(&Anchors::default()).unwrap();
    for luid in ["1.vcf", "2.vcf"] {
        fs::remove_file(folder.path().join(luid)).unwrap();
    }
    vdir.begin(plan(false)).unwrap();
    assert_eq!(vdir.delete("1.vcf").unwrap(), Applied::ChangedHere);
    let again = vdir.replace("2.vcf", TYPE, card("2").as_bytes());
    assert_eq!(again.unwrap(), Applied::ChangedHere);
    vdir.complete(&Anchors::default()).unwrap();
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 2]);
    vdir.begin(plan(false)).unwrap();
    while let Some(change) = vdir.next_change().unwrap() {
        // now the server has it
        assert_eq!(vdir.delete(&change.luid).unwrap(), Applied::Unknown);
    }
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
}

/// Puts files in their places or takes them away, so many of them, and stops before the memory.
fn power_fails_after(mut vdir: Vdir, done: usize) {
    let mut batch = vdir.prepare().unwrap().unwrap();
    for step in batch.steps.clone().into_iter().take(done) {
        vdir.perform(&mut batch, step).unwrap();
    }
}

/// A folder with three items of the server, in a session.
fn with_three(path: &Path) -> Vdir {
    let mut vdir = open(path);
    for guid in ["1", "2", "3"] {
        vdir.add(guid, TYPE, card(guid).as_bytes()).unwrap();
    }
    vdir.complete(&Anchors::default()).unwrap();
    vdir.begin(plan(false)).unwrap();
    vdir
}

fn contents(path: &Path) -> Vec<(String, String)> {
    let names = fs::read_dir(path).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut items: Vec<(String, String)> = names
        .filter(|name| files::is_item(name))
        .map(|name| (name.clone(), fs::read_to_string(path.join(&name)).unwrap()))
        .collect();
    items.sort();
    items
}

fn pairs(all: &[(&str, String)]) -> Vec<(String, String)> {
    let all = all.iter();
    all.map(|(name, content)| ((*name).to_owned(), content.clone()))
        .collect()
}

// spec: M14
#[test]
fn an_atomic_that_is_undone_leaves_files_and_memory_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut vdir = with_three(path);
    vdir.replace("3.vcf", TYPE, card("before").as_bytes())
        .unwrap();
    vdir.begin_atomic().unwrap();
    vdir.add("9", TYPE, card("9").as_bytes()).unwrap();
    assert_eq!(
        vdir.replace("9.vcf", TYPE, card("10").as_bytes()).unwrap(),
        Applied::Done
    );
    assert_eq!(
        vdir.content("9.vcf").unwrap(),
        Some(card("10").into_bytes())
    );
    vdir.delete("1.vcf").unwrap();
    vdir.release("2.vcf").unwrap();
    vdir.replace("3.vcf", TYPE, card("undone").as_bytes())
        .unwrap();
    vdir.undo_atomic().unwrap();
    assert_eq!(vdir.luid_of("9").unwrap(), None);
    vdir.add("11", TYPE, card("after").as_bytes()).unwrap();
    vdir.message_done().unwrap();
    let expected = pairs(&[
        ("1.vcf", card("1")),
        ("11.vcf", card("after")),
        ("2.vcf", card("2")),
        ("3.vcf", card("before")),
    ]);
    assert_eq!(contents(path), expected);
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
    let waiting = vdir.pending_maps().unwrap();
    assert!(waiting.iter().all(|(guid, _)| guid != "9"), "{waiting:?}");
    // and one that is kept
    vdir.begin_atomic().unwrap();
    vdir.delete("1.vcf").unwrap();
    vdir.release("2.vcf").unwrap();
    vdir.end_atomic().unwrap();
    vdir.message_done().unwrap();
    let expected = pairs(&[("11.vcf", card("after")), ("3.vcf", card("before"))]);
    assert_eq!(contents(path), expected);
    assert_eq!(vdir.outlook().unwrap(), [0, 0, 0]);
}

// spec: M14
#[test]
fn what_a_message_brings_is_done_as_a_whole_wherever_power_fails() {
    for done in 0..=4 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mut vdir = with_three(path);
        vdir.replace("1.vcf", TYPE, card("new").as_bytes()).unwrap();
        vdir.delete("2.vcf").unwrap();
        vdir.add("4", TYPE, card("4").as_bytes()).unwrap();
        vdir.release("3.vcf").unwrap();
        power_fails_after(vdir, done);
        let mut vdir = open(path);
        let expected = pairs(&[("1.vcf", card("new")), ("4.vcf", card("4"))]);
        assert_eq!(contents(path), expected, "{done}");
        assert_eq!(vdir.outlook().unwrap(), [0, 0, 0], "{done}");
        // the message comes again
        vdir.begin(plan(false)).unwrap();
        assert!(vdir.add("4", TYPE, card("4").as_bytes()).unwrap().existed);
        assert_eq!(vdir.delete("2.vcf").unwrap(), Applied::Unknown);
        assert_eq!(vdir.release("3.vcf").unwrap(), Applied::Done);
    }
}

#[test]
fn what_a_person_did_after_the_power_failed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut vdir = with_three(path);
    vdir.replace("1.vcf", TYPE, card("theirs").as_bytes())
        .unwrap();
    vdir.delete("2.vcf").unwrap();
    vdir.replace("3.vcf", TYPE, card("theirs").as_bytes())
        .unwrap();
    power_fails_after(vdir, 0);
    for name in ["1.vcf", "2.vcf"] {
        fs::write(path.join(name), card("mine")).unwrap();
    }
    fs::remove_file(path.join("3.vcf")).unwrap();
    let mut vdir = open(path);
    let mine = pairs(&[("1.vcf", card("mine")), ("2.vcf", card("mine"))]);
    assert_eq!(contents(path), mine);
    assert_eq!(vdir.outlook().unwrap(), [0, 2, 1]);
}

// spec: M13
#[test]
fn a_copy_is_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut vdir = open(path);
    vdir.add("1", TYPE, card("1").as_bytes()).unwrap();
    vdir.add("2", TYPE, card("2").as_bytes()).unwrap();
    vdir.message_done().unwrap();
    let copied = |luid: &str| {
        Copied::Done(Added {
            luid: luid.to_owned(),
            existed: false,
        })
    };
    assert_eq!(vdir.copy("1.vcf", "7").unwrap(), copied("7.vcf"));
    assert_eq!(vdir.copy("9.vcf", "8").unwrap(), Copied::Unknown);
    fs::write(path.join("2.vcf"), card("mine")).unwrap();
    assert_eq!(vdir.copy("2.vcf", "8").unwrap(), Copied::ChangedHere);
    vdir.message_done().unwrap();
    let expected = pairs(&[
        ("1.vcf", card("1")),
        ("2.vcf", card("mine")),
        ("7.vcf", card("1")),
    ]);
    assert_eq!(contents(path), expected);
    let pair = ("7".to_owned(), "7.vcf".to_owned());
    assert!(vdir.pending_maps().unwrap().contains(&pair));
    assert_eq!(vdir.outlook().unwrap(), [0, 1, 0]);
}

// spec: H24
#[test]
fn a_version_of_ones_own_is_kept_beside_the_servers_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut vdir = open(path);
    vdir.add("1", TYPE, card("1").as_bytes()).unwrap();
    vdir.complete(&Anchors::default()).unwrap();
    fs::write(path.join("1.vcf"), card("mine")).unwrap();
    vdir.begin(plan(false)).unwrap();
    assert_eq!(vdir.next_change().unwrap().unwrap().luid, "1.vcf");
    vdir.keep_own("1.vcf").unwrap();
    // power fails, and the server's version comes again
    drop(vdir);
    let mut vdir = open(path);
    vdir.begin(plan(false)).unwrap();
    while vdir.next_change().unwrap().is_some() {}
    vdir.keep_own("1.vcf").unwrap();
    vdir.keep_own("9.vcf").unwrap();
    let replaced = vdir.replace("1.vcf", TYPE, card("theirs").as_bytes());
    assert_eq!(replaced.unwrap(), Applied::Done);
    vdir.complete(&Anchors::default()).unwrap();
    let held: Vec<String> = contents(path).into_iter().map(|(_, text)| text).collect();
    assert_eq!(held.len(), 2);
    assert!(held.contains(&card("mine")) && held.contains(&card("theirs")));
    // it was given out, too
    assert_eq!(vdir.outlook().unwrap(), [0, 1, 0]);
}

fn limited(path: &Path, bytes: u64, items: Option<u64>) -> Vdir {
    let mut vdir = open(path);
    vdir.limit(Room {
        bytes,
        items,
        shared: false,
    });
    vdir
}

// spec: K06 K08 K09
#[test]
fn no_more_is_taken_than_there_is_room_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("mine.vcf"), card("1")).unwrap();
    fs::write(path.join("README.md"), [b'x'; 5000]).unwrap();
    let size = card("1").len() as u64;
    let mut vdir = limited(path, 3 * size, Some(3));
    let free = |vdir: &mut Vdir| {
        let room = vdir.room().unwrap().unwrap();
        (room.bytes, room.items)
    };
    assert_eq!(free(&mut vdir), (2 * size, Some(2)));
    assert_eq!(vdir.size().unwrap().unwrap().bytes, 3 * size);
    let is_full = |outcome: Result<Added, ReplicaError>| outcome.is_err_and(|error| error.is_full);
    assert!(is_full(vdir.add(
        "1",
        TYPE,
        card(&"x".repeat(500)).as_bytes()
    )));
    vdir.add("1", TYPE, card("2").as_bytes()).unwrap();
    vdir.add("2", TYPE, card("3").as_bytes()).unwrap();
    assert!(
        is_full(vdir.add("3", TYPE, card("").as_bytes())),
        "the third of theirs"
    );
    // the same one once more takes no more room, and a longer one does
    vdir.add("1", TYPE, card("4").as_bytes()).unwrap();
    let longer = vdir.replace("2.vcf", TYPE, card("33").as_bytes());
    assert!(longer.unwrap_err().is_full);
    vdir.message_done().unwrap();
    assert_eq!(free(&mut vdir), (0, Some(0)));
    // what goes makes room in the same message
    vdir.delete("1.vcf").unwrap();
    vdir.add("3", TYPE, card("5").as_bytes()).unwrap();
    vdir.message_done().unwrap();
    let theirs = contents(path).len();
    assert_eq!(theirs, 3 + 1, "with what is no item");
}

#[test]
fn a_number_of_items_need_not_be_limited() {
    let folder = tempfile::tempdir().unwrap();
    let mut vdir = limited(folder.path(), 100_000, None);
    for guid in ["1", "2", "3"] {
        vdir.add(guid, TYPE, card(guid).as_bytes()).unwrap();
    }
    assert_eq!(vdir.room().unwrap().unwrap().items, None);
}

#[test]
fn an_item_that_goes_and_comes_back_in_one_message_is_there() {
    for release in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut vdir = open(folder.path());
        vdir.add("1", TYPE, card("1").as_bytes()).unwrap();
        vdir.complete(&Anchors::default()).unwrap();
        vdir.begin(plan(false)).unwrap();
        if release {
            vdir.release("1.vcf").unwrap();
        } else {
            vdir.delete("1.vcf").unwrap();
        }
        let added = vdir.add("1", TYPE, card("again").as_bytes()).unwrap();
        assert!(!added.existed, "the server has to learn its name");
        vdir.message_done().unwrap();
        let held: Vec<String> = contents(folder.path())
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(held, [card("again")], "{release}");
        assert_eq!(vdir.luid_of("1").unwrap(), Some(added.luid));
    }
}

#[test]
fn what_a_person_does_while_a_message_is_taken_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut vdir = with_three(path);
    vdir.replace("1.vcf", TYPE, card("theirs").as_bytes())
        .unwrap();
    vdir.delete("2.vcf").unwrap();
    vdir.replace("3.vcf", TYPE, card("three").as_bytes())
        .unwrap();
    for name in ["1.vcf", "2.vcf"] {
        fs::write(path.join(name), card("a person was here")).unwrap();
    }
    vdir.message_done().unwrap();
    let mut held: Vec<String> = contents(path).into_iter().map(|(_, text)| text).collect();
    held.sort();
    let own = card("a person was here");
    let mut expected = vec![own.clone(), own, card("theirs"), card("three")];
    expected.sort();
    assert_eq!(held, expected);
    // both are told in the next session: the one beside as new, the one that was to go as changed
    assert_eq!(vdir.outlook().unwrap(), [1, 1, 0]);
}

//! What a replica in memory remembers of what it has given out.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use session::client::{Applied, ChangeKind, MemoryReplica, Plan, Replica as _};

/// An ordinary two-way session.
const CHANGES: Plan = Plan {
    all_items: false,
    sends: true,
    renews_map: false,
    resumes: false,
};

#[test]
fn what_was_given_out_once_is_deleted_even_if_it_did_not_fit_later() {
    let mut replica = MemoryReplica::default();
    let luid = replica.insert("text/x-vcard", b"BEGIN:VCARD\r\nN:Ann\r\nEND:VCARD\r\n");
    replica.begin(CHANGES).unwrap();
    replica.next_change().unwrap().unwrap();
    // the answer is lost, and the next session has no room for it in its first message
    replica.begin(CHANGES).unwrap();
    let change = replica.next_change().unwrap().unwrap();
    replica.unread(change);
    replica.remove(&luid);
    replica.begin(CHANGES).unwrap();
    let change = replica.next_change().unwrap().unwrap();
    assert_eq!((change.kind, change.luid), (ChangeKind::Delete, luid));
}

// spec: H27
#[test]
fn what_a_person_removed_is_a_deletion_still_when_the_server_takes_it_away() {
    let mut replica = MemoryReplica::default();
    for (guid, luid) in [("7", "1"), ("8", "2")] {
        let added = replica.add(guid, "text/plain", b"text").unwrap();
        assert_eq!(added.luid, luid);
        assert!(replica.remove(luid));
    }
    assert_eq!(replica.delete("1").unwrap(), Applied::ChangedHere);
    let replaced = replica.replace("2", "text/plain", b"again").unwrap();
    assert_eq!(replaced, Applied::ChangedHere);
    replica.begin(CHANGES).unwrap();
    for luid in ["1", "2"] {
        let change = replica.next_change().unwrap().unwrap();
        assert_eq!(
            (change.kind, change.luid.as_str()),
            (ChangeKind::Delete, luid)
        );
        // now the server has it
        assert_eq!(replica.delete(luid).unwrap(), Applied::Unknown);
    }
}

// spec: M06
#[test]
fn where_an_item_stays_that_could_not_be_moved_is_a_change() {
    let mut replica = MemoryReplica::default();
    replica.add("7", "text/plain", b"text").unwrap();
    assert_eq!(
        replica.set_parent("1", Some("9")).unwrap(),
        Applied::Unknown
    );
    replica.begin(CHANGES).unwrap();
    let change = replica.next_change().unwrap().unwrap();
    assert_eq!((change.kind, change.parent), (ChangeKind::Move, None));
}

// spec: M03 M07
#[test]
fn what_was_in_a_folder_is_deleted_before_it() {
    let mut replica = MemoryReplica::default();
    for text in ["top", "sub", "leaf"] {
        replica.insert("text/plain", text.as_bytes());
    }
    replica.put_into("2", Some("1"));
    replica.put_into("3", Some("2"));
    replica.begin(CHANGES).unwrap();
    while let Some(change) = replica.next_change().unwrap() {
        replica.confirm(&change.luid).unwrap();
    }
    for luid in ["3", "2", "1"] {
        replica.remove(luid);
    }
    replica.begin(CHANGES).unwrap();
    let mut deleted = Vec::new();
    while let Some(change) = replica.next_change().unwrap() {
        deleted.push((change.kind, change.luid));
    }
    let expected = ["3", "2", "1"].map(|luid| (ChangeKind::Delete, luid.to_owned()));
    assert_eq!(deleted, expected);
}

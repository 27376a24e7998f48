//! What a replica in memory remembers of what it has given out.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use session::client::{ChangeKind, MemoryReplica, Plan, Replica as _};

#[test]
fn what_was_given_out_once_is_deleted_even_if_it_did_not_fit_later() {
    let plan = Plan {
        all_items: false,
        sends: true,
        renews_map: false,
        resumes: false,
    };
    let mut replica = MemoryReplica::default();
    let luid = replica.insert("text/x-vcard", b"BEGIN:VCARD\r\nN:Ann\r\nEND:VCARD\r\n");
    replica.begin(plan).unwrap();
    replica.next_change().unwrap().unwrap();
    // the answer is lost, and the next session has no room for it in its first message
    replica.begin(plan).unwrap();
    let change = replica.next_change().unwrap().unwrap();
    replica.unread(change);
    replica.remove(&luid);
    replica.begin(plan).unwrap();
    let change = replica.next_change().unwrap().unwrap();
    assert_eq!((change.kind, change.luid), (ChangeKind::Delete, luid));
}

//! Sessions that delete or replace too much, what people decide about them, and how they are
//! undone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use scripted::{Client, Outcome, Server, statuses_for, sync_alert, sync_of};
use session::guard::{self, Decided, Extent, Restored};
use session::server::{ConflictPolicy, Guard};
use session::store::{Content, DatastoreId, Guid, LinkId, Origin, StoreError, Transaction};
use syncml::ChangeKind::{self, Add, Delete, Replace};
use syncml::Command;

fn card(name: &str, phone: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\nTEL;CELL:{phone}\r\nEND:VCARD\r\n")
}

fn noted(card: &str) -> String {
    card.replace("END:", "NOTE:Old friend\r\nEND:")
}

/// A server with ten contacts that a phone (LUIDs `p1` to `p10`) and a tablet (`luid-1` to
/// `luid-10`) hold; more than three deletions or replacements are too many.
struct World {
    server: Server,
    phone: Client,
    tablet: Client,
    cards: Vec<String>,
    /// Sessions so far, of which anchors are made.
    sessions: u32,
    phone_anchor: String,
    tablet_anchor: String,
}

impl World {
    fn new() -> Self {
        let mut server = Server::new();
        server.config.guard = Some(Guard {
            share: 30,
            floor: 2,
        });
        let mut world = Self {
            server,
            phone: Client::new("phone"),
            tablet: Client::new("tablet"),
            cards: (1..=10)
                .map(|n| card(&format!("Person {n}"), "1"))
                .collect(),
            sessions: 0,
            phone_anchor: String::new(),
            tablet_anchor: String::new(),
        };
        let cards = world.cards.clone();
        let luids = luids(10);
        let pairs = luids.iter().zip(&cards);
        let all: Vec<_> = pairs
            .map(|(luid, card)| (Add, luid.as_str(), card.as_str()))
            .collect();
        world.phone(200, &all);
        world.tablet(200, &[]);
        world
    }

    fn phone(&mut self, alert: u16, changes: &[(ChangeKind, &str, &str)]) -> Outcome {
        self.sessions += 1;
        let next = self.sessions.to_string();
        let last = std::mem::replace(&mut self.phone_anchor, next.clone());
        let last = (last.as_str(), next.as_str());
        self.phone.sync(&mut self.server, alert, last, changes)
    }

    fn tablet(&mut self, alert: u16, changes: &[(ChangeKind, &str, &str)]) -> Outcome {
        self.sessions += 1;
        let next = self.sessions.to_string();
        let last = std::mem::replace(&mut self.tablet_anchor, next.clone());
        let last = (last.as_str(), next.as_str());
        self.tablet.sync(&mut self.server, alert, last, changes)
    }

    /// The phone deletes its first contacts.
    fn delete(&mut self, count: usize) -> Outcome {
        let luids = luids(count);
        let all: Vec<_> = luids
            .iter()
            .map(|luid| (Delete, luid.as_str(), ""))
            .collect();
        self.phone(200, &all)
    }

    fn phone_link(&self) -> LinkId {
        LinkId {
            datastore: self.server.contacts(),
            device: 1,
        }
    }

    fn state<R>(&mut self, job: impl Fn(&mut dyn Transaction) -> Result<R, StoreError>) -> R {
        self.server.state.transact(job).unwrap()
    }

    /// The name of the session under which changes wait.
    fn held(&mut self) -> Option<String> {
        let link = self.phone_link();
        self.state(|tx| tx.hold(link))
    }

    /// From now on the server knows that the phone keeps names and numbers alone.
    fn make_phone_poor(&mut self) {
        let account = self.server.account;
        let mut phone = self.server.state.device(account, "phone").unwrap().unwrap();
        let names = ["BEGIN", "END", "VERSION", "N", "TEL"];
        let properties = names
            .map(|name| format!("<Property><PropName>{name}</PropName></Property>"))
            .concat();
        let devinf = format!(
            "<DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>phone</DevID>\
             <DevTyp>phone</DevTyp><DataStore><SourceRef>addressbook</SourceRef>\
             <Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref>\
             <CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>{properties}</CTCap>\
             </DataStore></DevInf>"
        );
        phone.devinf = Some(devinf.into_bytes());
        self.state(|tx| tx.put_device(account, &phone));
    }

    /// The first contacts get a note here, which the phone cannot hold.
    fn add_notes(&mut self, count: usize) {
        for n in 1..=count {
            let noted = noted(&self.cards[n - 1]);
            self.change_here(i64::try_from(n).unwrap(), &noted);
            self.cards[n - 1] = noted;
        }
    }

    fn confirm(&mut self, session: &str) -> Decided {
        let account = self.server.account;
        self.state(|tx| guard::confirm(tx, account, session, None, 5))
    }

    fn reject(&mut self, session: &str) -> Decided {
        let account = self.server.account;
        self.state(|tx| guard::reject(tx, account, session, None, 5))
    }

    fn restore(&mut self, session: &str, extent: Extent) -> Restored {
        let contacts = self.server.contacts();
        self.state(|tx| guard::restore(tx, contacts, session, extent, 5))
    }

    fn change_here(&mut self, guid: i64, text: &str) {
        let content = Content::new("text/x-vcard", text.as_bytes());
        let contacts = self.server.contacts();
        let state = &mut self.server.state;
        let changed = state.replace_item(contacts, Guid(guid), content, Origin::Local, 5);
        changed.unwrap();
    }

    fn all_are_there(&self) -> bool {
        let mut cards = self.cards.clone();
        cards.sort();
        self.server.contents() == cards
    }
}

fn luids(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("p{n}")).collect()
}

fn replacements<'a>(
    luids: &'a [String],
    cards: &'a [String],
) -> Vec<(ChangeKind, &'a str, &'a str)> {
    let pairs = luids.iter().zip(cards);
    pairs
        .map(|(luid, card)| (Replace, luid.as_str(), card.as_str()))
        .collect()
}

fn kinds(outcome: &Outcome) -> Vec<(ChangeKind, &str)> {
    outcome
        .changes
        .iter()
        .map(|change| {
            let name = if change.kind == Add {
                &change.guid
            } else {
                &change.luid
            };
            (change.kind, name.as_str())
        })
        .collect()
}

#[test]
fn some_deletions_and_replacements_pass() {
    let mut world = World::new();
    let (new, newer) = (card("Person 3", "2"), card("Person 9", "9"));
    let done = world.phone(
        200,
        &[
            (Delete, "p1", ""),
            (Delete, "p2", ""),
            (Replace, "p3", &new),
            (Add, "p11", &newer),
        ],
    );
    assert_eq!(done.codes, [200, 200, 200, 201]);
    assert_eq!(world.held(), None);
    assert_eq!(world.server.items().len(), 9);
}

#[test]
fn a_phone_that_deletes_everything_deletes_nothing() {
    let mut world = World::new();
    let done = world.delete(10);
    assert_eq!(
        done.codes,
        [200, 200, 200, 202, 202, 202, 202, 202, 202, 202]
    );
    assert!(
        done.changes.is_empty(),
        "nothing goes back before a decision"
    );
    assert!(world.all_are_there());
    assert!(world.held().is_some());

    // the phone goes on as ever, and adds what it likes; what it deletes waits as well
    let new = card("New", "1");
    let done = world.phone(200, &[(Add, "p1", &new)]);
    assert_eq!((done.alert_status, done.codes), (200, vec![201]));
    assert!(done.changes.is_empty());
    let done = world.phone(200, &[(Delete, "p1", "")]);
    assert_eq!(done.codes, [202]);
    assert_eq!(world.server.items().len(), 11);
    // to the tablet, nothing was deleted; it had seen none of it
    let told = world.tablet(200, &[]);
    assert!(told.changes.iter().all(|change| change.kind != Delete));
}

#[test]
fn what_is_confirmed_is_done_and_reaches_the_others() {
    let mut world = World::new();
    world.delete(9);
    let session = world.held().unwrap();
    let decided = world.confirm(&session);
    assert_eq!((decided.deletions, decided.left.len()), (9, 0));
    assert_eq!(world.held(), None);
    assert_eq!(world.server.contents(), [world.cards[9].clone()]);
    assert!(world.phone(200, &[]).changes.is_empty());
    let told = world.tablet(200, &[]);
    let deleted = told.changes.iter().filter(|change| change.kind == Delete);
    assert_eq!(deleted.count(), 9);
    // as any session, it can be undone still
    let undone = world.restore(&session, Extent::default());
    assert_eq!(undone.restored.len(), 9);
    assert!(world.all_are_there());
}

#[test]
fn what_is_rejected_goes_back_to_the_phone() {
    let mut world = World::new();
    world.delete(9);
    let session = world.held().unwrap();
    let decided = world.reject(&session);
    assert_eq!(decided.deletions, 9);
    assert_eq!(world.held(), None);
    let back = world.phone(200, &[]);
    assert_eq!((back.alert_status, back.agreed), (200, 200));
    let mut guids: Vec<i64> = back
        .changes
        .iter()
        .map(|change| {
            assert_eq!(change.kind, Add);
            change.guid.parse().unwrap()
        })
        .collect();
    guids.sort_unstable();
    assert_eq!(guids, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(world.phone(200, &[]).changes.is_empty());
    assert!(world.all_are_there());
}

#[test]
fn a_rejection_while_the_phone_syncs_is_not_missed() {
    let mut world = World::new();
    world.delete(9);
    let session = world.held().unwrap();
    // a session that has begun and looked at all changes when the decision comes
    let last = world.phone_anchor.clone();
    world.phone.begin();
    let alert = sync_alert(1, 200, &last, "next");
    let said = world.phone.send(&mut world.server, &[alert], true);
    let mut replies = statuses_for(&said, 1);
    replies.push(sync_of(&[]));
    let said = world.phone.send(&mut world.server, &replies, true);
    assert!(said.changes.is_empty());
    world.reject(&session);
    let replies = statuses_for(&said, 2);
    world.phone.send(&mut world.server, &replies, true);
    world.phone_anchor = "next".to_owned();
    assert_eq!(world.phone(200, &[]).changes.len(), 9);
}

#[test]
fn replacements_wait_and_come_to_their_decision() {
    for confirmed in [true, false] {
        let mut world = World::new();
        let garbled: Vec<String> = (1..=10)
            .map(|n| card(&format!("P?rson {n}"), "1"))
            .collect();
        let luids = luids(10);
        let all = replacements(&luids, &garbled);
        let done = world.phone(200, &all);
        assert_eq!(done.codes[..5], [200, 200, 200, 202, 202]);
        assert!(done.changes.is_empty());
        assert!(world.all_are_there());
        // what comes again, as from a phone that takes 202 for a failure, changes nothing
        let again = world.phone(200, &all);
        assert_eq!(again.codes, [202; 10]);
        assert!(world.all_are_there());

        let session = world.held().unwrap();
        if confirmed {
            assert_eq!(world.confirm(&session).replacements, 10);
            let mut expected = garbled.clone();
            expected.sort();
            assert_eq!(world.server.contents(), expected);
            assert!(world.phone(200, &[]).changes.is_empty(), "it has them");
            assert_eq!(world.tablet(200, &[]).changes.len(), 10);
        } else {
            assert_eq!(world.reject(&session).replacements, 10);
            // even where the phone offers its versions again
            let back = world.phone(200, &all);
            let told = kinds(&back);
            assert_eq!(told.len(), 10);
            assert!(told.iter().all(|(kind, _)| *kind == Replace));
            assert!(world.all_are_there());
            assert!(world.phone(200, &[]).changes.is_empty());
            let contacts = world.server.contacts();
            let history = world.server.state.history(contacts, Guid(5));
            assert_eq!(history, [garbled[4].as_bytes()], "and they are kept");
            // who makes such a change deliberately can
            let one = world.phone(200, &all[..1]);
            assert_eq!(one.codes, [200]);
            assert!(world.server.contents().contains(&garbled[0]));
        }
    }
}

#[test]
fn a_refresh_that_would_empty_the_server_is_held() {
    let mut world = World::new();
    let card = world.cards[4].clone();
    let done = world.phone(203, &[(Add, "x", &card)]);
    assert_eq!(done.codes, [200]);
    assert!(world.all_are_there());
    let session = world.held().unwrap();
    assert!(world.phone(200, &[]).changes.is_empty());
    assert_eq!(world.reject(&session).deletions, 9);
    assert_eq!(world.phone(200, &[]).changes.len(), 9);

    let done = world.phone(203, &[(Add, "x", &card)]);
    assert_eq!(done.codes, [200]);
    let session = world.held().unwrap();
    assert_eq!(world.confirm(&session).deletions, 9);
    assert_eq!(world.server.contents(), [card]);
}

#[test]
fn a_comparison_of_all_does_not_bring_back_what_waits() {
    let mut world = World::new();
    world.delete(9);
    let last = world.cards[9].clone();
    let slow = world.phone(201, &[(Add, "p10", &last)]);
    assert!(slow.changes.is_empty());
    let session = world.held().unwrap();
    // what the phone has again does not wait for its deletion any more
    let first = world.cards[0].clone();
    let slow = world.phone(201, &[(Add, "p10", &last), (Add, "q1", &first)]);
    assert_eq!(slow.codes, [200, 200]);
    assert_eq!(world.confirm(&session).deletions, 8);
    let mut kept = vec![first, last];
    kept.sort();
    assert_eq!(world.server.contents(), kept);
}

#[test]
fn what_changed_meanwhile_stays() {
    let mut world = World::new();
    world.delete(9);
    let session = world.held().unwrap();
    let newer = card("Person 2", "22");
    world.change_here(2, &newer);
    // a change outlives a deletion, decided or not
    assert_eq!(kinds(&world.phone(200, &[])), [(Add, "2")]);
    let decided = world.confirm(&session);
    assert_eq!(decided.deletions, 8);
    assert_eq!(decided.left, [(world.server.contacts(), Guid(2))]);
    let mut left = vec![newer, world.cards[9].clone()];
    left.sort();
    assert_eq!(world.server.contents(), left);
    assert!(world.phone(200, &[]).changes.is_empty());
}

#[test]
fn changes_of_both_sides_are_counted_under_every_policy() {
    for policy in [ConflictPolicy::ClientWins, ConflictPolicy::NewestWins] {
        let mut world = World::new();
        world.server.config.conflict = policy;
        let dated = |name: &str, n: i64, year: u32| {
            let rev = format!("REV:{year}0101T000000Z\r\nEND:");
            card(&format!("{name} {n}"), "1").replace("END:", &rev)
        };
        let here: Vec<String> = (1..=5).map(|n| dated("Here", n, 2020)).collect();
        for (guid, text) in (1..).zip(&here) {
            world.change_here(guid, text);
        }
        // where it is not known what the device held, its edit is joined with the item
        let link = world.phone_link();
        world.state(|tx| tx.forget_forms(link, 0));
        let there: Vec<String> = (1..=5).map(|n| dated("There", n, 2021)).collect();
        let done = world.phone(200, &replacements(&luids(5), &there));
        assert_eq!(done.codes, [208, 208, 208, 202, 202]);
        let contents = world.server.contents();
        assert!(here.iter().all(|card| contents.contains(card)));
    }
}

#[test]
fn a_poor_phone_that_garbles_all_names_is_held() {
    for confirmed in [true, false] {
        let mut world = World::new();
        world.make_phone_poor();
        world.add_notes(10);
        world.phone(200, &[]);
        let garbled: Vec<String> = (1..=10)
            .map(|n| card(&format!("P?rson {n}"), "1"))
            .collect();
        let luids = luids(10);
        let all = replacements(&luids, &garbled);
        let done = world.phone(200, &all);
        assert_eq!(
            done.codes,
            [200, 200, 200, 202, 202, 202, 202, 202, 202, 202]
        );
        assert!(done.changes.is_empty());
        assert!(world.all_are_there());
        let again = world.phone(200, &all);
        assert_eq!(again.codes, [202; 10]);
        assert!(again.changes.is_empty());
        assert!(world.all_are_there());

        let session = world.held().unwrap();
        if confirmed {
            assert_eq!(world.confirm(&session).replacements, 10);
            world.cards = garbled.iter().map(|card| noted(card)).collect();
            assert!(world.all_are_there());
            world.phone(200, &[]);
            assert_eq!(world.tablet(200, &[]).changes.len(), 10);
        } else {
            assert_eq!(world.reject(&session).replacements, 10);
            let back = world.phone(200, &all);
            assert_eq!(back.changes.len(), 10);
            assert!(back.changes.iter().all(|change| change.kind == Replace));
        }
        assert!(world.all_are_there());
        assert!(world.phone(200, &[]).changes.is_empty());
    }
}

#[test]
fn a_refresh_of_a_poor_phone_with_other_names_is_held() {
    let mut world = World::new();
    world.make_phone_poor();
    world.add_notes(10);
    world.phone(200, &[]);
    // of one key, and nothing else of what was said
    let other: Vec<String> = (1..=10)
        .map(|n| card(&format!("Person {n}"), "1").replace("TEL;CELL:1", "TEL;HOME:1"))
        .collect();
    for (n, text) in world.cards.clone().iter().enumerate() {
        let crowded = text.replace("END:", "TEL;WORK:2\r\nTEL;FAX:3\r\nEND:");
        world.change_here(i64::try_from(n + 1).unwrap(), &crowded);
        world.cards[n] = crowded;
    }
    world.phone(200, &[]);
    let luids = luids(10);
    let all: Vec<_> = luids
        .iter()
        .zip(&other)
        .map(|(luid, card)| (Add, luid.as_str(), card.as_str()))
        .collect();
    let done = world.phone(203, &all);
    assert_eq!(
        done.codes,
        [200, 200, 200, 202, 202, 202, 202, 202, 202, 202]
    );
    assert!(world.all_are_there());
    let session = world.held().unwrap();
    assert_eq!(world.reject(&session).replacements, 10);
    assert_eq!(world.phone(200, &[]).changes.len(), 10);
    assert!(world.all_are_there());
}

#[test]
fn what_lives_on_as_a_copy_is_not_taken_back() {
    let mut world = World::new();
    world.server.config.conflict = ConflictPolicy::Duplicate;
    let here: Vec<String> = (1..=2).map(|n| card(&format!("Here {n}"), "1")).collect();
    for (guid, text) in (1..).zip(&here) {
        world.change_here(guid, text);
    }
    let there: Vec<String> = (1..=2).map(|n| card(&format!("There {n}"), "1")).collect();
    let luids = luids(2);
    let mut all = replacements(&luids, &there);
    let deleted = ["p7", "p8", "p9", "p10"];
    all.extend(deleted.map(|luid| (Delete, luid, "")));
    let done = world.phone(200, &all);
    assert_eq!(done.codes, [209, 209, 200, 200, 200, 202]);
    world.cards.splice(..2, here.into_iter().chain(there));
    assert!(world.all_are_there());
}

#[test]
fn a_record_that_came_back_as_another_loses_nothing() {
    let mut world = World::new();
    let contacts = world.server.contacts();
    // deleted, and brought back by another device with more in it
    for n in 1..=10 {
        world.state(|tx| tx.delete_item(contacts, Guid(n), Origin::Local, 5));
    }
    let noted: Vec<String> = world.cards.iter().map(|card| noted(card)).collect();
    let fresh: Vec<String> = (1..=10).map(|n| format!("t{n}")).collect();
    let pairs = fresh.iter().zip(&noted);
    let all: Vec<_> = pairs
        .map(|(luid, card)| (Add, luid.as_str(), card.as_str()))
        .collect();
    world.tablet(200, &all);
    assert_eq!(world.server.items().len(), 10);
    let edited: Vec<String> = (1..=10)
        .map(|n| card(&format!("Person {n}"), "1").replace("END:", "TEL;HOME:2\r\nEND:"))
        .collect();
    let done = world.phone(200, &replacements(&luids(10), &edited));
    assert!(done.codes.iter().all(|code| *code < 300));
    assert_eq!(world.held(), None);
    let contents = world.server.contents();
    assert_eq!(contents.len(), 10);
    for card in contents {
        assert!(card.contains("NOTE:Old friend"), "{card}");
        assert!(card.contains("TEL;HOME:2"), "{card}");
    }
}

#[test]
fn edits_of_what_a_device_holds_in_part_are_made_whatever_waits() {
    let mut world = World::new();
    world.make_phone_poor();
    world.add_notes(6);
    world.phone(200, &[]);
    let edited = |n: usize, phone: &str| card(&format!("Person {n}"), phone);
    let joined = |n: usize, phone: &str| noted(&edited(n, phone));
    let texts: Vec<String> = (1..=5).map(|n| edited(n, "5")).collect();
    let luids = luids(5);
    let mut all = replacements(&luids, &texts);
    // five edits do not count, and stay when the deletions prove too many
    let deleted = ["p7", "p8", "p9", "p10"];
    all.extend(deleted.map(|luid| (Delete, luid, "")));
    let done = world.phone(200, &all);
    assert_eq!(done.codes, [200, 200, 200, 200, 200, 200, 200, 200, 202]);
    assert!(world.held().is_some());
    for n in 1..=5 {
        world.cards[n - 1] = joined(n, "5");
    }
    assert!(world.all_are_there());
    let sixth = edited(6, "6");
    let done = world.phone(200, &[(Replace, "p6", &sixth)]);
    assert_eq!(done.codes, [200]);
    world.cards[5] = joined(6, "6");
    assert!(world.all_are_there());
    let session = world.held().unwrap();
    assert_eq!(world.confirm(&session).deletions, 4);
    world.cards.truncate(6);
    assert!(world.all_are_there());
}

#[test]
fn a_version_that_waits_gives_way_to_an_edit_of_what_the_device_can_hold() {
    let mut world = World::new();
    world.add_notes(10);
    world.phone(200, &[]);
    let bare: Vec<String> = (1..=10)
        .map(|n| card(&format!("P?rson {n}"), "1"))
        .collect();
    let luids = luids(10);
    let all = replacements(&luids, &bare);
    world.phone(200, &all);
    assert!(world.all_are_there());
    // now the phone says that it cannot hold notes: that they are missing was no change of anybody
    world.make_phone_poor();
    let right = card("Person 1", "7");
    world.phone(200, &[(Replace, "p1", &right)]);
    world.cards[0] = noted(&right);
    assert!(world.all_are_there());
    let session = world.held().unwrap();
    assert_eq!(world.confirm(&session).replacements, 9);
    assert!(world.server.contents().contains(&world.cards[0]));
    let contacts = world.server.contacts();
    let history = world.server.state.history(contacts, Guid(1));
    let kept = history.iter().any(|former| former == bare[0].as_bytes());
    assert!(kept, "what waited is in the history");
}

#[test]
fn fields_are_changed_in_the_version_that_waits() {
    let mut world = World::new();
    let garbled: Vec<String> = (1..=4).map(|n| card(&format!("P?rson {n}"), "1")).collect();
    let luids = luids(4);
    let all = replacements(&luids, &garbled);
    world.phone(200, &all);
    let session = world.held().unwrap();

    let field = "BEGIN:VCARD\r\nVERSION:2.1\r\nTEL;CELL:9\r\nEND:VCARD\r\n";
    let mut sync = sync_of(&[(Replace, "p1", field)]);
    if let Command::Sync(sync) = &mut sync
        && let Some(Command::Change(change)) = sync.commands.first_mut()
        && let Some(meta) = &mut change.items[0].meta
    {
        meta.field_level = true;
    }
    let last = world.phone_anchor.clone();
    world.phone.begin();
    let alert = sync_alert(1, 200, &last, "next");
    let said = world.phone.send(&mut world.server, &[alert], true);
    let mut replies = statuses_for(&said, 1);
    replies.push(sync);
    let said = world.phone.send(&mut world.server, &replies, true);
    assert_eq!(said.code_of("Replace"), 202);
    assert!(world.all_are_there());
    assert_eq!(world.confirm(&session).replacements, 4);
    let expected = card("P?rson 1", "9");
    assert!(world.server.contents().contains(&expected));
}

#[test]
fn who_got_a_version_that_was_taken_back_edits_just_that() {
    let mut world = World::new();
    let garbled: Vec<String> = (1..=4).map(|n| card(&format!("P?rson {n}"), "1")).collect();
    let last = world.phone_anchor.clone();
    world.phone.begin();
    let alert = sync_alert(1, 200, &last, "next");
    let said = world.phone.send(&mut world.server, &[alert], true);
    let mut replies = statuses_for(&said, 1);
    replies.push(sync_of(&[(Replace, "p1", &garbled[0])]));
    let said = world.phone.send(&mut world.server, &replies, false);
    assert_eq!(said.code_of("Replace"), 200);
    let told = world.tablet(200, &[]);
    assert_eq!(kinds(&told), [(Replace, "luid-1")]);
    let mut replies = statuses_for(&said, 2);
    let rest = [
        (Replace, "p2", garbled[1].as_str()),
        (Replace, "p3", &garbled[2]),
        (Replace, "p4", &garbled[3]),
    ];
    replies.push(sync_of(&rest));
    world.phone.send(&mut world.server, &replies, true);
    assert!(world.held().is_some());
    assert!(world.all_are_there());

    // a number is all that changed on the tablet: the name that it was given is not its edit
    let edited = card("P?rson 1", "2");
    world.tablet(200, &[(Replace, "luid-1", &edited)]);
    world.cards[0] = card("Person 1", "2");
    assert!(world.all_are_there());
}

#[test]
fn without_a_guard_everything_is_taken() {
    let mut world = World::new();
    world.server.config.guard = None;
    assert_eq!(world.delete(10).codes, [200; 10]);
    assert!(world.server.contents().is_empty());
}

/// The name of the session that began last.
fn last_session(world: &World) -> String {
    // the entropy of the n-th message is n, and a session's name is made of that of its first
    let first = world.server.draws - u8::try_from(world.phone.message - 1).unwrap();
    format!("{first:02x}").repeat(4)
}

#[test]
fn a_session_is_undone_exactly() {
    let mut world = World::new();
    let (new, other) = (card("Person 3", "2"), card("Stranger", "9"));
    world.phone(
        200,
        &[
            (Delete, "p1", ""),
            (Replace, "p3", &new),
            (Replace, "p4", &new),
            (Add, "p11", &other),
        ],
    );
    let session = last_session(&world);
    assert_eq!(world.server.items().len(), 10);
    // somebody changes one of them since
    let later = card("Person 4", "44");
    world.change_here(4, &later);
    let dry = Extent {
        dry_run: true,
        ..Extent::default()
    };
    let expected = Restored {
        restored: vec![Guid(1), Guid(3)],
        changed_since: vec![Guid(4)],
        added: vec![Guid(11)],
        removed: Vec::new(),
    };
    let before = world.server.contents();
    assert_eq!(world.restore(&session, dry), expected);
    assert_eq!(world.server.contents(), before);

    assert_eq!(world.restore(&session, Extent::default()), expected);
    let mut contents = world.cards.clone();
    contents[3].clone_from(&later);
    contents.push(other);
    contents.sort();
    assert_eq!(world.server.contents(), contents);
    // every device gets it
    let mut told = world.phone(200, &[]);
    told.changes.sort_by_key(|change| change.content.clone());
    assert_eq!(kinds(&told), [(Add, "1"), (Replace, "p3"), (Replace, "p4")]);

    let all = Extent {
        force: true,
        remove_added: true,
        dry_run: false,
    };
    let rest = world.restore(&session, all);
    assert_eq!(
        (rest.restored, rest.removed),
        (vec![Guid(4)], vec![Guid(11)])
    );
    assert!(world.all_are_there());
    let told = world.phone(200, &[]);
    assert_eq!(kinds(&told), [(Replace, "p4"), (Delete, "p11")]);
    assert_eq!(world.restore(&session, all), Restored::default());
}

// spec: M02
#[test]
fn what_is_restored_without_its_folder_is_at_the_root() {
    let mut world = World::new();
    let files = DatastoreId {
        number: 6,
        ..world.server.contacts()
    };
    let places = |world: &mut World| {
        let items = world.server.state.items(files).into_iter();
        items
            .map(|item| (item.guid, item.parent))
            .collect::<Vec<_>>()
    };
    let (folder, file) = world.state(|tx| {
        let mut add = |text: &str| {
            let content = Content::new("application/octet-stream", text.as_bytes());
            tx.add_item(files, content, Origin::Local, 1)
        };
        let (folder, file) = (add("folder")?.0, add("file")?.0);
        tx.move_item(files, file, Some(folder), 1)?;
        Ok((folder, file))
    });
    // each of them goes with a session of its own
    for (session, guid) in [("first", file), ("second", folder)] {
        world.state(|tx| {
            tx.name_session(session);
            tx.delete_item(files, guid, Origin::Session("phone"), 2)
        });
    }
    let restore = |world: &mut World, session| {
        world.state(|tx| guard::restore(tx, files, session, Extent::default(), 3))
    };
    restore(&mut world, "first");
    assert_eq!(places(&mut world), [(file, None)]);
    restore(&mut world, "second");
    assert_eq!(places(&mut world), [(folder, None), (file, None)]);
}

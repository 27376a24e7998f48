//! What goes from a state by its age, what stays because a device or a person needs it, and that
//! devices lose and double nothing by it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use scripted::{Client, Outcome, Server, statuses_for, sync_alert, sync_of};
use session::store::{Content, DatastoreId, Device, Guid, LinkId, Origin, StoreError};
use store::{Expiry, Tidied, Tidying};
use syncml::ChangeKind::{self, Add, Delete, Replace};

const DAY: i64 = 24 * 3600;

fn card(name: &str, phone: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\nTEL;CELL:{phone}\r\nEND:VCARD\r\n")
}

/// A server with three contacts that a phone (LUIDs `p1` to `p3`) and a tablet (`luid-1` to
/// `luid-3`) hold.
struct World {
    server: Server,
    phone: Client,
    tablet: Client,
    cards: Vec<String>,
    sessions: u32,
    anchors: [String; 2],
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            server: Server::in_engine(),
            phone: Client::new("phone"),
            tablet: Client::new("tablet"),
            cards: (1..=3).map(|n| card(&format!("Person {n}"), "1")).collect(),
            sessions: 0,
            anchors: Default::default(),
        };
        let cards = world.cards.clone();
        let luids: Vec<String> = (1..=3).map(|n| format!("p{n}")).collect();
        let pairs = luids.iter().zip(&cards);
        let all: Vec<_> = pairs
            .map(|(luid, card)| (Add, luid.as_str(), card.as_str()))
            .collect();
        world.phone(&all);
        world.tablet(&[]);
        world
    }

    fn next(&mut self, device: usize) -> (String, String) {
        self.sessions += 1;
        let next = self.sessions.to_string();
        let last = std::mem::replace(&mut self.anchors[device], next.clone());
        (last, next)
    }

    fn phone(&mut self, changes: &[(ChangeKind, &str, &str)]) -> Outcome {
        let (last, next) = self.next(0);
        let anchors = (last.as_str(), next.as_str());
        self.phone.sync(&mut self.server, 200, anchors, changes)
    }

    fn tablet(&mut self, changes: &[(ChangeKind, &str, &str)]) -> Outcome {
        let (last, next) = self.next(1);
        let anchors = (last.as_str(), next.as_str());
        self.tablet.sync(&mut self.server, 200, anchors, changes)
    }

    fn pass(&mut self, days: i64) {
        self.server.now += days * DAY;
        let day_ago = self.server.now - DAY;
        let store = self.server.state.store();
        store.expire_sessions(day_ago, day_ago).unwrap();
    }

    /// What is older than ten days goes.
    fn tidy(&mut self, dry_run: bool) -> Tidied {
        let before = Some(self.server.now - 10 * DAY);
        let expiry = Expiry {
            history: before,
            tombstones: before,
            unfinished: before,
        };
        self.tidy_by(expiry, dry_run)
    }

    fn tidy_by(&mut self, expiry: Expiry, dry_run: bool) -> Tidied {
        let mut walk = Tidying::new(expiry, dry_run);
        while self.server.state.store().tidy(&mut walk).unwrap() {}
        walk.done()
    }

    fn versions(&self, guid: i64) -> Vec<String> {
        let store = self.server.state.store();
        let all = store.history(self.server.contacts(), Guid(guid)).unwrap();
        let texts = all.into_iter().map(|version| version.content);
        texts.map(|text| String::from_utf8(text).unwrap()).collect()
    }

    /// Whether the state knows an item, be it as a tombstone.
    fn knows(&mut self, guid: i64) -> bool {
        let contacts = self.server.contacts();
        let job = move |tx: &mut dyn session::store::Transaction| tx.item(contacts, Guid(guid));
        let item = self.server.state.run::<_, StoreError>(job).unwrap();
        item.is_some()
    }

    fn change_here(&mut self, guid: i64, text: &str) {
        let (contacts, now, text) = (self.server.contacts(), self.server.now, text.to_owned());
        let job = move |tx: &mut dyn session::store::Transaction| {
            let content = Content::new("text/x-vcard", text.as_bytes());
            tx.replace_item(contacts, Guid(guid), content, Origin::Local, now)
        };
        self.server.state.run::<_, StoreError>(job).unwrap();
    }
}

#[test]
fn former_versions_go_by_age_unless_a_device_holds_them() {
    let mut world = World::new();
    let texts = ["2", "3", "4"].map(|phone| card("Person 1", phone));
    for text in &texts {
        world.change_here(1, text);
    }
    world.pass(5);
    assert_eq!(world.tidy(false), Tidied::default());
    world.pass(6);
    let counted = world.tidy(true);
    // what both devices hold is the first version
    assert_eq!(counted.versions, 2);
    assert_eq!(counted.bytes as usize, texts[0].len() + texts[1].len());
    assert_eq!(world.versions(1).len(), 3);
    assert_eq!(world.tidy(false), counted);
    assert_eq!(world.versions(1), [world.cards[0].clone()]);

    world.phone(&[]);
    assert_eq!(world.tidy(false).versions, 0);
    world.tablet(&[]);
    assert_eq!(world.tidy(false).versions, 1);
    assert!(world.versions(1).is_empty());
}

#[test]
fn what_a_device_last_held_is_still_what_its_edit_is_compared_with() {
    let mut world = World::new();
    // here the number changes, there the name of the same record: neither is lost
    world.change_here(1, &card("Person 1", "2"));
    world.pass(20);
    world.tidy(false);
    assert_eq!(world.versions(1), [world.cards[0].clone()]);
    let edited = card("Person 1", "1").replace("END:", "NOTE:Old friend\r\nEND:");
    let done = world.phone(&[(Replace, "p1", &edited)]);
    assert_eq!(done.agreed, 200);
    let contents = world.server.contents();
    let found = contents.iter().find(|text| text.contains("Person 1"));
    assert!(found.unwrap().contains("Old friend"), "{contents:?}");
    assert_eq!(contents.len(), 3);
}

#[test]
fn a_comparison_under_way_needs_what_was_held_before_it() {
    let mut world = World::new();
    world.change_here(1, &card("Person 1", "2"));
    world.tablet(&[]);
    let (last, next) = world.next(0);
    let World { server, phone, .. } = &mut world;
    phone.begin();
    phone.send(server, &[sync_alert(1, 201, &last, &next)], true);
    phone.send(server, &[sync_of(&[])], false);
    world.server.now += 20 * DAY;
    world.tidy(false);
    assert_eq!(world.versions(1), [world.cards[0].clone()]);
}

#[test]
fn a_tombstone_goes_when_all_have_heard_of_it() {
    let mut world = World::new();
    world.phone(&[(Delete, "p2", "")]);
    world.pass(6);
    // the tablet comes, but does not hear of the deletion to the end
    world.pass(6);
    world.tablet(&[]);
    assert_eq!(world.tidy(true).tombstones, 1);
    assert!(world.knows(2));
    let done = world.tidy(false);
    assert_eq!((done.tombstones, done.voided), (1, 0));
    assert!(!world.knows(2) && world.versions(2).is_empty());
    // both go on as ever
    assert_eq!(world.phone(&[]).agreed, 200);
    assert_eq!(world.tablet(&[(Delete, "luid-3", "")]).agreed, 200);
    assert_eq!(world.phone(&[]).changes.len(), 1);
    assert_eq!(world.server.contents(), [world.cards[0].clone()]);
}

#[test]
fn a_comparison_shows_that_a_device_does_not_hold_an_item() {
    let mut world = World::new();
    world.phone(&[(Delete, "p2", "")]);
    world.pass(20);
    world.phone(&[]);
    // the tablet comes without anchors, and without the item
    let cards = world.cards.clone();
    world.anchors[1].clear();
    let held = [(Add, "a", cards[0].as_str()), (Add, "c", &cards[2])];
    assert_eq!(world.tablet(&held).agreed, 201);
    let done = world.tidy(false);
    assert_eq!((done.tombstones, done.voided), (1, 0));
    assert_eq!(world.tablet(&[]).agreed, 200);
    assert_eq!(
        world.server.contents(),
        [cards[0].clone(), cards[2].clone()]
    );
}

#[test]
fn a_tombstone_waits_for_who_was_there_lately() {
    let mut world = World::new();
    world.pass(12);
    world.tablet(&[]);
    world.pass(2);
    world.phone(&[(Delete, "p2", "")]);
    world.pass(11);
    world.tablet.begin();
    let last = world.anchors[1].clone();
    // a session has read its anchors, but has not heard of the deletion
    let alert = [sync_alert(1, 200, &last, "x")];
    world.tablet.send(&mut world.server, &alert, true);
    assert_eq!(world.tidy(false).tombstones, 0);
    let said = world.tablet.send(&mut world.server, &[sync_of(&[])], true);
    assert_eq!(said.changes.len(), 1);
    let answers = statuses_for(&said, world.tablet.message);
    world.tablet.send(&mut world.server, &answers, true);
    assert_eq!(world.tidy(false).tombstones, 1);
}

#[test]
fn who_stayed_away_for_longer_compares_everything() {
    let mut world = World::new();
    world.phone(&[(Delete, "p2", "")]);
    world.pass(20);
    world.phone(&[]);
    let done = world.tidy(false);
    assert_eq!((done.tombstones, done.voided), (1, 1));
    assert!(world.versions(2).is_empty());
    assert!(!world.knows(2));

    let refused = world.tablet(&[]);
    assert_eq!((refused.alert_status, refused.agreed), (508, 201));
    // that session was a comparison to which it sent nothing, as if it had lost all: it gets all
    assert_eq!(refused.changes.len(), 2);

    // one that has its items keeps them, each once; what it alone still has comes back
    let mut world = World::new();
    world.phone(&[(Delete, "p2", "")]);
    world.pass(20);
    world.phone(&[]);
    world.tidy(false);
    let cards = world.cards.clone();
    let luids = ["luid-1", "luid-2", "luid-3"];
    let all: Vec<_> = luids
        .iter()
        .zip(&cards)
        .map(|(luid, card)| (Replace, *luid, card.as_str()))
        .collect();
    let compared = world.tablet(&all);
    assert_eq!(compared.agreed, 201);
    assert!(compared.changes.is_empty(), "{:?}", compared.changes);
    assert_eq!(world.server.contents(), cards);
    assert_eq!(world.phone(&[]).changes.len(), 1);
    assert!(world.tablet(&[]).changes.is_empty());
}

#[test]
fn no_tombstone_goes_while_its_history_stays() {
    let mut world = World::new();
    world.phone(&[(Delete, "p2", "")]);
    world.tablet(&[]);
    world.pass(20);
    let before = Some(world.server.now);
    for history in [None, Some(world.server.now - 30 * DAY)] {
        let expiry = Expiry {
            history,
            tombstones: before,
            unfinished: before,
        };
        assert_eq!(world.tidy_by(expiry, false), Tidied::default());
    }
    let contacts = world.server.contacts();
    let store = world.server.state.store();
    let now = world.server.now;
    store.restore(contacts, Guid(2), None, now).unwrap();
    assert_eq!(world.server.contents(), world.cards);
}

#[test]
fn what_waits_for_a_decision_stays_whole() {
    let mut world = World::new();
    world.server.config.guard = Some(session::server::Guard { share: 0, floor: 1 });
    let new = card("Person 1", "2");
    let done = world.phone(&[
        (Replace, "p1", &new),
        (Delete, "p2", ""),
        (Delete, "p3", ""),
    ]);
    assert_eq!(done.codes.len(), 3);
    let before = world.versions(1);
    assert!(!before.is_empty());
    world.pass(20);
    assert_eq!(world.tidy(false), Tidied::default());
    assert_eq!(world.versions(1), before);
}

#[test]
fn parts_of_objects_go_with_devices_that_stay_away() {
    let mut world = World::new();
    let link = LinkId {
        datastore: world.server.contacts(),
        device: 1,
    };
    let keep = move |tx: &mut dyn session::store::Transaction| {
        tx.begin_partial(link, b"head")?;
        tx.append_partial(link, b"some")?;
        tx.keep_rendering(link, b"shown")
    };
    world.server.state.run::<_, StoreError>(keep).unwrap();
    world.pass(8);
    assert_eq!(world.tidy(false).unfinished, 0);
    world.pass(8);
    assert_eq!(world.tidy(true).unfinished, 1);
    assert_eq!(world.tidy(false).unfinished, 1);
    let read = move |tx: &mut dyn session::store::Transaction| tx.partial(link);
    let partial = world.server.state.run::<_, StoreError>(read).unwrap();
    assert_eq!(partial, None);
    assert_eq!(world.tidy(false), Tidied::default());
}

#[test]
fn many_old_rows_go_step_by_step() {
    let mut world = World::new();
    for round in 0..450 {
        world.change_here(1, &card("Person 1", &round.to_string()));
    }
    world.pass(20);
    let before = Some(world.server.now - 10 * DAY);
    let expiry = Expiry {
        history: before,
        ..Expiry::default()
    };
    let mut walk = Tidying::new(expiry, false);
    let mut left = Vec::new();
    while world.server.state.store().tidy(&mut walk).unwrap() {
        left.push(world.versions(1).len());
    }
    left.dedup();
    assert_eq!(left, [450, 251, 51, 1]);
}

#[test]
fn parts_of_many_objects_are_all_counted() {
    let mut world = World::new();
    let account = world.server.contacts().account;
    let keep = move |tx: &mut dyn session::store::Transaction| {
        for device in 0..150 {
            let uri = format!("device {device}");
            let device = Device {
                uri,
                ..Device::default()
            };
            let device = tx.put_device(account, &device)?;
            for number in 1..=3 {
                let datastore = DatastoreId { account, number };
                tx.begin_partial(LinkId { datastore, device }, b"head")?;
            }
        }
        Ok::<_, StoreError>(())
    };
    world.server.state.run(keep).unwrap();
    for dry_run in [true, false] {
        assert_eq!(world.tidy(dry_run).unfinished, 450);
    }
    assert_eq!(world.tidy(true), Tidied::default());
}

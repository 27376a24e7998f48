//! What persons see and undo, and what housekeeping leaves.

use session::store::Guid;
use store::{Duplicates, Expiry, Tidying};
use syncml::ChangeKind::{Add, Delete};

use crate::home::*;
use crate::scripted::Server;
use crate::talk::Talk;

#[test]
fn persons_see_the_series_alone_and_may_restore_it() {
    let mut talk = Talk::new();
    talk.server = Server::in_engine();
    let mut home = Home::over(talk);
    home.laptop(201, &[(Add, "s", &both())]);
    home.phone(201, &[]);
    let calendar = home.calendar();
    let store = home.talk.server.state.store().clone();
    let live = || {
        let all = store.datastores_summary(calendar.account).unwrap();
        let own = all.iter().find(|(one, _)| one.id == calendar);
        own.unwrap().1
    };
    assert_eq!(live(), 1);
    let looked = store
        .duplicates(calendar, Duplicates::default(), 100)
        .unwrap();
    assert_eq!(format!("{looked:?}").matches("removed: Guid").count(), 0);

    home.delete(&[ALL[0]]);
    home.edit(ALL[2], "SUMMARY:Choir", "SUMMARY:Concert");
    assert_eq!(live(), 1);
    let changed = store.histories(calendar, 9).unwrap();
    let guids: Vec<_> = changed.iter().map(|(guid, ..)| *guid).collect();
    assert_eq!(guids, [Guid(1)]);
    let sessions = store.past_sessions(calendar.account, 9).unwrap();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    // both edits are undone
    store.restore(calendar, Guid(1), Some(1), 5).unwrap();
    assert_eq!(home.contents(), [both()]);
    home.phone(200, &[]);
    assert_eq!(home.phone.shown(), ALL);
    home.laptop(200, &[]);
    home.is_quiet();
    // a version of an occurrence alone goes into the series, too
    let versions = store.history(calendar, Guid(2)).unwrap();
    let concert = versions
        .iter()
        .position(|version| String::from_utf8_lossy(&version.content).contains("SUMMARY:Concert"));
    store
        .restore(calendar, Guid(2), Some(concert.unwrap() + 1), 6)
        .unwrap();
    assert!(home.contents()[0].contains("SUMMARY:Concert\r\n"));
}

#[test]
fn a_tombstone_stays_until_its_occurrences_have_gone() {
    let mut talk = Talk::new();
    talk.server = Server::in_engine();
    let mut home = Home::over(talk);
    home.laptop(201, &[(Add, "s", &both())]);
    home.phone(201, &[]);
    home.laptop(200, &[(Delete, "s", "")]);
    home.talk.server.now += 86_400;
    let before = Some(home.talk.server.now - 1000);
    let expiry = Expiry {
        history: before,
        tombstones: before,
        unfinished: before,
    };
    let store = home.talk.server.state.store().clone();
    store
        .forget_device(home.calendar().account, "laptop")
        .unwrap();
    let account = home.calendar().account;
    let until = home.talk.server.now;
    store.expire_sessions(until, until).unwrap();
    let tidy = |expiry: Expiry| {
        let mut walk = Tidying::new(expiry, false);
        while store.tidy(&mut walk).unwrap() {}
        walk.done().tombstones
    };
    assert!(store.devices(account).unwrap().len() == 1);
    // the phone has not been told yet; its anchors go with the tombstone of what it holds
    assert_eq!(tidy(expiry), 0);
    assert_eq!(kinds(&home.phone(200, &[])), [Delete; 3]);
}

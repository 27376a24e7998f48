//! What persons see and undo, and what housekeeping leaves.

use session::guard::{self, Extent, Restored};
use session::server::ConflictPolicy;
use session::store::{Content, Guid, Origin, StoreError};
use store::{Duplicates, Expiry, Tidying};
use syncml::ChangeKind::{Add, Delete, Replace};

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
fn occurrences_go_with_the_tombstone_of_their_series() {
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
    // the phone has not been told yet: its anchors go with what it holds, as for any item
    assert_eq!(tidy(expiry), 1);
    assert_eq!(tidy(expiry), 2);
    assert_eq!(home.phone(200, &[]), []);
    assert_eq!(home.phone.shown(), ALL);
    assert_eq!(home.contents().len(), 3);
    home.laptop(201, &[]);
    home.is_quiet();
}

#[test]
fn an_occurrence_that_was_changed_after_its_series_went_outlives_the_tombstone() {
    let mut talk = Talk::new();
    talk.server = Server::in_engine();
    let mut home = Home::over(talk);
    home.laptop(201, &[(Add, "s", &both())]);
    home.phone(201, &[]);
    home.laptop(200, &[(Delete, "s", "")]);
    let (calendar, now) = (home.calendar(), home.talk.server.now);
    // as a session leaves it that breaks before it is made an item of its own
    let changed = home.talk.server.state.run(move |tx| {
        let one = tx.item(calendar, Guid(2))?.unwrap();
        for guid in [2, 3] {
            tx.delete_item(calendar, Guid(guid), Origin::Local, now)?;
        }
        let until = tx.last_change(calendar)?;
        tx.set_followed(calendar, until)?;
        let text = String::from_utf8(one.content).unwrap();
        let text = text.replace("SUMMARY:", "SUMMARY:Changed ");
        let content = Content::new(&one.media_type, text.as_bytes());
        tx.replace_item(calendar, Guid(2), content, Origin::Local, now)?;
        Ok::<_, StoreError>(text)
    });
    let changed = changed.unwrap();
    home.talk.server.now += 86_400;
    let store = home.talk.server.state.store().clone();
    let until = home.talk.server.now;
    store.expire_sessions(until, until).unwrap();
    let before = Some(until - 1000);
    let expiry = Expiry {
        history: before,
        tombstones: before,
        unfinished: before,
    };
    for _ in 0..2 {
        let mut walk = Tidying::new(expiry, false);
        while store.tidy(&mut walk).unwrap() {}
    }
    let left = home.talk.server.state.run(move |tx| {
        let series = tx.item(calendar, Guid(1))?;
        Ok::<_, StoreError>((series.is_some(), tx.item(calendar, Guid(2))?))
    });
    let (has_series, left) = left.unwrap();
    let left = left.filter(|one| !one.deleted).unwrap();
    assert!(has_series && left.content == changed.as_bytes());
}

#[test]
fn undoing_a_session_leaves_no_copy_of_what_it_took_out_of_a_series() {
    // with all that the session added, and with nothing of it
    for remove_added in [false, true] {
        let mut talk = Talk::new();
        talk.server = Server::in_engine();
        let mut home = Home::over(talk);
        home.laptop(201, &[(Add, "s", &both())]);
        home.phone(201, &[]);
        let luid = home.phone.luid(ALL[0]);
        let text = home.phone.text(ALL[0]);
        let text = text.replace("SUMMARY:Abroad", "RRULE:W1 #3\r\nSUMMARY:Abroad");
        let other = text
            .replace("Abroad", "Else")
            .replace("20260720", "20260721");
        home.phone(200, &[(Replace, &luid, &text), (Add, "new", &other)]);
        home.laptop(200, &[]);
        assert_eq!(home.contents().len(), 3);
        let calendar = home.calendar();
        let store = home.talk.server.state.store().clone();
        let sessions = store.past_sessions(calendar.account, 9).unwrap();
        let extent = Extent {
            remove_added,
            ..Extent::default()
        };
        let name = sessions[0].session.clone();
        for dry_run in [true, false] {
            let extent = Extent { dry_run, ..extent };
            let name = name.clone();
            let state = &mut home.talk.server.state;
            let undone = state.run(move |tx| guard::restore(tx, calendar, &name, extent, 5));
            let done: Restored = undone.map_err(|error: StoreError| error).unwrap();
            assert_eq!(done.restored, [Guid(1)]);
            assert_eq!(done.removed.len(), 1 + usize::from(remove_added));
            assert_eq!(done.added.len(), usize::from(!remove_added));
        }
        let left = 1 + usize::from(!remove_added);
        assert_eq!(home.contents().len(), left);
        assert_eq!(home.contents()[0], both());
        home.phone(200, &[]);
        home.laptop(200, &[]);
        let phone = home.phone.shown();
        let phone = phone.iter().filter(|one| !one.starts_with("Else"));
        assert_eq!(phone.collect::<Vec<_>>(), ALL.iter().collect::<Vec<_>>());
        assert_eq!(home.laptop.held.len(), left);
        home.is_quiet();
    }
}

#[test]
fn what_lost_a_conflict_is_listed_with_its_series() {
    let mut talk = Talk::new();
    talk.server = Server::in_engine();
    talk.server.config.conflict = ConflictPolicy::ServerWins;
    let mut home = Home::over(talk);
    home.laptop(201, &[(Add, "s", &both())]);
    home.phone(201, &[]);
    home.rewrite(&both().replace("Abroad", "In Rome"));
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:Concert");
    let calendar = home.calendar();
    let store = home.talk.server.state.store().clone();
    let lost = store.overruled(calendar, 9).unwrap();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].series, Some(Guid(1)));
    store
        .restore(calendar, lost[0].guid, Some(lost[0].number), 6)
        .unwrap();
    let series = home.contents().concat();
    assert!(series.contains("SUMMARY:Concert\r\n"), "{series}");
}

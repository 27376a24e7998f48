//! What late messages and the sessions of other devices must not disturb: each case was found by
//! the simulation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub
)]

#[allow(dead_code)] // shared with tests that use more of it
mod scripted;

use scripted::{Client, Server, read, statuses_for, sync_alert, sync_of};
use session::server::ConflictPolicy;
use session::store::Guid;
use syncml::ChangeKind::{Add, Delete, Replace};

fn card(name: &str, phone: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\nTEL;CELL:{phone}\r\nEND:VCARD\r\n")
}

#[test]
fn an_earlier_message_of_the_session_changes_nothing() {
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "1", "2")], true);
    phone.send(&mut server, &[sync_of(&[(Replace, "a", &old)])], false);
    let late = phone.last_body.clone();
    phone.send(&mut server, &[sync_of(&[(Replace, "a", &new)])], false);

    let said = read(&server.post(&late, None).unwrap().body);
    assert_eq!(said.codes(), [400]);
    assert_eq!(server.contents(), std::slice::from_ref(&new));
    // the session goes on as if nothing had come
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert!(said.is_final);
}

#[test]
fn a_session_does_not_go_on_in_one_that_a_late_message_began() {
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
    for with_token in [true, false] {
        let mut server = Server::new();
        server.resp_uri_base = Some("http://server/syncml");
        let mut phone = Client::new("phone");
        phone.begin();
        let said = phone.send(&mut server, &[sync_alert(1, 201, "", "1")], true);
        let first = phone.last_body.clone();
        let uri = said.resp_uri.unwrap();
        let token = uri.split_once("?sid=").map(|(_, token)| token);
        let token = token.filter(|_| with_token);

        let post = |server: &mut Server, phone: &Client| {
            read(&server.post(&phone.last_body, token).unwrap().body)
        };
        // the messages that follow are written against a server of their own
        let mut other = Server::new();
        phone.cred = None;
        phone.send(&mut other, &[sync_of(&[(Replace, "a", &ann)])], false);
        assert_eq!(post(&mut server, &phone).code_of("Replace"), 201);
        server.post(&first, None).unwrap();

        phone.send(&mut other, &[sync_of(&[(Replace, "b", &bob)])], true);
        let said = post(&mut server, &phone);
        assert!(said.codes().iter().all(|code| *code >= 400), "{said:?}");
        assert!(said.changes.is_empty(), "Ann would be there twice");
        assert_eq!(server.contents(), std::slice::from_ref(&ann));
    }
}

#[test]
fn what_changed_during_a_refresh_from_the_client_is_not_seen() {
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);

    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 203, "1", "2")], true);
    phone.send(&mut server, &[sync_of(&[(Replace, "a", &old)])], false);
    tablet.sync(&mut server, 200, ("1", "2"), &[(Replace, "luid-1", &new)]);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    let statuses = statuses_for(&said, phone.message);
    phone.send(&mut server, &statuses, true);

    let next = phone.sync(&mut server, 200, ("2", "3"), &[]);
    assert_eq!(next.agreed, 200);
    let told: Vec<&str> = next.changes.iter().map(|c| c.content.as_str()).collect();
    assert_eq!(told, [new]);
}

#[test]
fn a_duplicated_item_keeps_its_guid_on_the_device_that_changed_it() {
    let (old, here, there) = (card("Ann", "1"), card("Ann", "2"), card("Ann", "3"));
    let mut server = Server::new();
    server.config.conflict = ConflictPolicy::Duplicate;
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    phone.sync(&mut server, 200, ("1", "2"), &[(Replace, "a", &here)]);
    let conflict = tablet.sync(&mut server, 200, ("1", "2"), &[(Replace, "luid-1", &there)]);
    // a device that knows GUID 1 takes an addition of it for its own item
    let added: Vec<_> = conflict.changes.iter().map(|c| c.guid.as_str()).collect();
    assert_eq!(added, ["2"]);
    assert_eq!(conflict.changes[0].content, here);
    let items = server.items();
    assert_eq!(items[0].guid, Guid(1));
    assert_eq!(items[0].content, there.as_bytes());
}

#[test]
fn a_record_that_came_back_under_another_guid_keeps_the_one_that_the_device_knows() {
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    let more = new.replace("TEL", "NOTE:kept\r\nTEL");
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    phone.sync(&mut server, 200, ("1", "2"), &[(Delete, "a", "")]);
    phone.sync(&mut server, 200, ("2", "3"), &[(Add, "b", &new)]);
    assert_eq!(server.items()[0].guid, Guid(2));

    tablet.sync(&mut server, 200, ("1", "2"), &[(Replace, "luid-1", &more)]);
    let items = server.items();
    assert_eq!(items.len(), 1, "it is one record");
    assert_eq!(items[0].guid, Guid(1));
    assert_eq!(items[0].content, more.as_bytes());
}

#[test]
fn a_change_that_comes_again_one_way_undoes_nothing() {
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    tablet.sync(&mut server, 200, ("1", "2"), &[(Replace, "luid-1", &new)]);
    // the phone has not heard that its change was taken
    let again = phone.sync(&mut server, 202, ("1", "2"), &[(Replace, "a", &old)]);
    assert_eq!(again.codes, [200]);
    assert_eq!(server.contents(), [new]);
}

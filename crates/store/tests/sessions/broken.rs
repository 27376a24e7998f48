//! Sessions that break, are suspended and go on, and what comes twice for it.

use session::store::{Guid, Origin};
use syncml::ChangeKind::{Add, Delete, Replace};
use syncml::MapItem;

use crate::scripted::{
    Client, Said, Server, card, map_of, read, statuses_for, sync_alert, sync_of,
};

// spec: G23
#[test]
fn a_broken_refresh_from_the_client_removes_nothing() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let ann = card("Ann", "1");
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &ann)]);
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 203, "1", "2")], true);
    phone.send(&mut server, &[sync_of(&[])], false);
    assert_eq!(server.contents(), [ann]);
}

// spec: A25 N19
#[test]
fn a_repeated_message_gets_the_same_answer_and_does_nothing() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let ann = card("Ann", "1");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let body = phone.last_body.clone();
    let again = server.post(&body, None).unwrap();
    assert!(again.repeated);
    phone.send(&mut server, &[sync_of(&[(Add, "a", &ann)])], true);
    let body = phone.last_body.clone();
    let first = server.post(&body, None).unwrap();
    let second = server.post(&body, None).unwrap();
    assert!(first.repeated && second.repeated);
    assert_eq!(first.body, second.body);
    assert_eq!(server.items().len(), 1);
}

// spec: A25
#[test]
fn another_message_of_a_used_number_is_neither_done_nor_answered_as_the_first_was() {
    for base in [Some("http://server/syncml"), None] {
        let mut server = Server::new();
        server.resp_uri_base = base;
        let mut phone = Client::new("phone");
        let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
        phone.begin();
        let said = phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
        let uri = said.resp_uri.unwrap_or_default();
        let token = uri.split_once("?sid=").map(|(_, token)| token);
        let mut adding = |luid: &str, content: &str, message: u32| {
            phone.message = message - 1;
            // composed alone: what another server says to it is of no interest
            let add = sync_of(&[(Add, luid, content)]);
            phone.send(&mut Server::new(), &[add], false);
            phone.last_body.clone()
        };
        let (first, other) = (adding("a", &ann, 2), adding("b", &bob, 2));
        let answer = server.post(&first, token).unwrap();
        let refused = server.post(&other, token).unwrap();
        assert!(!refused.repeated);
        assert_eq!(read(&refused.body).codes(), [400]);
        assert_eq!(server.contents(), [ann.as_str()]);
        let again = server.post(&first, token).unwrap();
        assert!(again.repeated);
        assert_eq!(again.body, answer.body);
        // under a number of its own it is taken
        let next = server.post(&adding("b", &bob, 3), token).unwrap();
        assert_eq!(read(&next.body).code_of("Add"), 201);
        assert_eq!(server.contents(), [ann, bob]);
    }
}

// spec: H19
#[test]
fn an_answer_lost_at_the_end_costs_no_slow_sync() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.sync(
        &mut server,
        200,
        ("", "1"),
        &[(Add, "a", &card("Ann", "1"))],
    );
    // the client never saw the end of this one and keeps its old anchor
    let lost = phone.sync(
        &mut server,
        200,
        ("1", "2"),
        &[(Add, "b", &card("Bob", "2"))],
    );
    let next = phone.sync(
        &mut server,
        200,
        ("1", "3"),
        &[(Add, "b", &card("Bob", "2"))],
    );
    assert_eq!((next.alert_status, next.agreed), (200, 200));
    assert_eq!(next.server_last, lost.server_last, "as the client knows it");
    assert_eq!(
        server.items().len(),
        2,
        "the addition come again is no second one"
    );
    // nor did it see the end of that
    let next = phone.sync(&mut server, 200, ("1", "4"), &[]);
    assert_eq!((next.alert_status, next.agreed), (200, 200));
    // it has seen this one, and means the first no more
    phone.sync(&mut server, 200, ("4", "5"), &[]);
    let next = phone.sync(&mut server, 200, ("1", "6"), &[]);
    assert_eq!((next.alert_status, next.agreed), (508, 201));
}

// spec: B18
#[test]
fn an_item_that_changed_while_it_was_sent_comes_again() {
    let mut server = Server::new();
    let (old, new) = (card("Ann", "1"), card("Ann", "2"));
    Client::new("laptop").sync(&mut server, 200, ("", "1"), &[(Add, "a", &old)]);
    let mut phone = Client::new("phone");
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let mut replies = statuses_for(&said, 1);
    replies.push(sync_of(&[]));
    let said = phone.send(&mut server, &replies, true);
    assert_eq!(said.changes.len(), 1);
    let contacts = server.contacts();
    let content = session::store::Content::new("text/x-vcard", new.as_bytes());
    server
        .state
        .replace_item(contacts, Guid(1), content, Origin::Local, 0)
        .unwrap();
    let mut replies = statuses_for(&said, 2);
    replies.push(map_of(vec![MapItem {
        guid: "1".into(),
        luid: "L".into(),
    }]));
    phone.send(&mut server, &replies, true);
    let next = phone.sync(&mut server, 200, ("1", "2"), &[]);
    assert_eq!(next.changes.len(), 1);
    assert_eq!(next.changes[0].luid, "L");
    assert_eq!(next.changes[0].content, new);
}

// spec: C12 R04
#[test]
fn a_change_without_a_map_or_a_status_comes_again() {
    let mut server = Server::new();
    let ann = card("Ann", "1");
    Client::new("laptop").sync(&mut server, 200, ("", "1"), &[(Add, "a", &ann)]);
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.changes.len(), 1);
    phone.send(&mut server, &[], true);
    let next = phone.sync(&mut server, 200, ("1", "2"), &[]);
    assert_eq!(next.alert_status, 200);
    assert_eq!(next.changes.len(), 1);
}

// spec: R06
#[test]
fn a_message_that_breaks_after_its_header_is_told_so_and_can_be_sent_again() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let mut scratch = Server::new();
    let ann = card("Ann", "1");
    phone.send(&mut scratch, &[sync_of(&[(Add, "a", &ann)])], true);
    let broken = &phone.last_body[..phone.last_body.len() - 40];
    let answer = read(&server.post(broken, None).unwrap().body);
    assert_eq!(answer.codes(), [400]);
    assert!(server.items().is_empty());
    assert!(server.post(&broken[..100], None).is_err(), "no header");
    let whole = phone.again(&mut server);
    assert_eq!(whole.codes(), [200, 200, 201]);
}

/// Takes messages until `count` items came; confirms and maps them; gives their GUIDs.
fn take(server: &mut Server, phone: &mut Client, mut said: Said, count: usize) -> Vec<String> {
    let mut guids = Vec::new();
    loop {
        guids.extend(said.changes.iter().map(|change| change.guid.clone()));
        let mut replies = statuses_for(&said, phone.message);
        let pairs: Vec<MapItem<'_>> = said
            .changes
            .iter()
            .map(|change| MapItem {
                guid: change.guid.clone().into(),
                luid: format!("luid-{}", change.guid).into(),
            })
            .collect();
        let is_final = said.is_final;
        if !pairs.is_empty() {
            replies.push(map_of(pairs));
        }
        let suspend = guids.len() >= count && !is_final;
        if suspend {
            replies.push(sync_alert(91, 224, "", ""));
        }
        said = phone.send(server, &replies, is_final || suspend);
        if suspend {
            assert!(said.changes.is_empty() && said.is_final, "suspended");
        }
        if is_final || suspend {
            return guids;
        }
    }
}

// spec: I05
#[test]
fn a_suspended_session_is_resumed_and_sends_nothing_twice() {
    for alert in [200, 201, 205] {
        let mut server = Server::new();
        let mut phone = Client::new("phone");
        phone.sync(
            &mut server,
            200,
            ("", "1"),
            &[(Add, "own", &card("Own", "0"))],
        );
        let cards: Vec<String> = (1..=20).map(|n| card("Ann", &n.to_string())).collect();
        let luids: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        let all: Vec<_> = cards
            .iter()
            .zip(&luids)
            .map(|(card, luid)| (Add, luid.as_str(), card.as_str()))
            .collect();
        Client::new("laptop").sync(&mut server, 200, ("", "1"), &all);

        phone.limit = 2000;
        phone.begin();
        let said = phone.send(&mut server, &[sync_alert(1, alert, "1", "2")], true);
        assert_eq!(said.alerts[0].0, alert);
        let own = card("Own", "0");
        let own_again = [(Replace, "own", own.as_str())];
        let sent: &[_] = if alert == 201 { &own_again } else { &[] };
        let said = phone.send(&mut server, &[sync_of(sent)], true);
        let mut got = take(&mut server, &mut phone, said, 5);
        assert!(got.len() < 20);

        phone.begin();
        let said = phone.send(&mut server, &[sync_alert(1, 225, "1", "3")], true);
        assert_eq!(said.code_of("Alert"), 200);
        assert_eq!(said.alerts[0].0, alert, "the type of the suspended session");
        let said = phone.send(&mut server, &[sync_of(&[])], true);
        got.extend(take(&mut server, &mut phone, said, usize::MAX));
        let expected = if alert == 205 { 21 } else { 20 };
        assert_eq!(got.len(), expected, "alert {alert}");
        got.sort();
        got.dedup();
        assert_eq!(got.len(), expected, "nothing came twice, alert {alert}");

        phone.limit = 100_000;
        let quiet = phone.sync(&mut server, 200, ("3", "4"), &[]);
        assert_eq!(quiet.alert_status, 200);
        assert!(quiet.changes.is_empty());
        assert_eq!(server.items().len(), 21);
    }
}

#[test]
fn a_slow_sync_that_broke_while_it_was_received_is_resumed() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let (ann, bob, eve) = (card("Ann", "1"), card("Bob", "2"), card("Eve", "3"));
    for alert in [201, 203] {
        phone.begin();
        phone.send(&mut server, &[sync_alert(1, alert, "", "1")], true);
        phone.send(
            &mut server,
            &[sync_of(&[(Add, "a", &ann), (Add, "b", &bob)])],
            false,
        );
        // the line breaks here; what was sent is not sent again
        phone.begin();
        let said = phone.send(&mut server, &[sync_alert(1, 225, "", "2")], true);
        assert_eq!((said.code_of("Alert"), said.alerts[0].0), (200, alert));
        let said = phone.send(&mut server, &[sync_of(&[(Add, "e", &eve)])], true);
        assert!(said.changes.is_empty());
        let replies = statuses_for(&said, 2);
        phone.send(&mut server, &replies, true);
        assert_eq!(server.contents(), [ann.clone(), bob.clone(), eve.clone()]);
    }
}

// spec: I14
#[test]
fn an_ordinary_alert_gives_up_what_could_have_been_resumed() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let cards = [card("Ann", "1"), card("Bob", "2"), card("Eve", "3")];
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &cards[0])]);
    // two sessions that break, the second one no resume of the first
    for (alert, next, luid, card) in [(202, "2", "b", &cards[1]), (200, "3", "c", &cards[2])] {
        phone.begin();
        phone.send(&mut server, &[sync_alert(1, alert, "1", next)], true);
        phone.send(&mut server, &[sync_of(&[(Add, luid, card)])], false);
    }
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 225, "1", "4")], true);
    assert_eq!((said.code_of("Alert"), said.alerts[0].0), (200, 200));
    phone.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(server.contents(), cards);
}

// spec: I06
#[test]
fn a_resume_that_nothing_led_to_becomes_a_slow_sync() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let ann = card("Ann", "1");
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &ann)]);
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 225, "1", "2")], true);
    assert_eq!((said.code_of("Alert"), said.alerts[0].0), (508, 201));
    // another alert gives the open session up
    phone.sync(&mut server, 201, ("1", "2"), &[(Replace, "a", &ann)]);
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 225, "1", "3")], true);
    assert_eq!((said.code_of("Alert"), said.alerts[0].0), (508, 201));
}

#[test]
fn what_came_in_a_session_that_broke_is_no_edit_when_it_comes_back() {
    let mut server = Server::new();
    let (mut phone, mut tablet) = (Client::new("phone"), Client::new("tablet"));
    let (one, two, three) = (card("Ann", "1"), card("Ann", "2"), card("Ann", "3"));
    phone.sync(&mut server, 200, ("", "1"), &[(Add, "a", &one)]);
    tablet.sync(&mut server, 200, ("", "1"), &[]);
    phone.sync(&mut server, 200, ("1", "2"), &[(Replace, "a", &two)]);
    // the tablet takes the second version and cannot say so
    tablet.begin();
    tablet.send(&mut server, &[sync_alert(1, 200, "1", "2")], true);
    let said = tablet.send(&mut server, &[sync_of(&[])], true);
    assert_eq!(said.changes[0].content, two);
    phone.sync(&mut server, 200, ("2", "3"), &[(Replace, "a", &three)]);
    let next = tablet.sync(&mut server, 200, ("1", "3"), &[(Replace, "luid-1", &two)]);
    assert_eq!(server.contents(), std::slice::from_ref(&three));
    assert_eq!(next.changes[0].content, three);
}

// spec: C11
#[test]
fn a_map_that_comes_with_the_next_session_is_as_good_as_in_time() {
    let mut server = Server::new();
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
    Client::new("laptop").sync(
        &mut server,
        200,
        ("", "1"),
        &[(Add, "a", &ann), (Add, "b", &bob)],
    );
    let mut phone = Client::new("phone");
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let mut replies = statuses_for(&said, 1);
    replies.push(sync_of(&[]));
    let said = phone.send(&mut server, &replies, true);
    assert_eq!(said.changes.len(), 2);
    phone.send(&mut server, &statuses_for(&said, 2), true);
    // the pairs come before the changes of the next session, which delete one of the items
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "1", "2")], true);
    let pair = |guid: &'static str| MapItem {
        guid: guid.into(),
        luid: format!("L{guid}").into(),
    };
    let late = map_of(vec![pair("1"), pair("2")]);
    let said = phone.send(&mut server, &[late, sync_of(&[(Delete, "L1", "")])], true);
    assert_eq!(said.codes(), [200, 200, 200, 200]);
    assert!(said.changes.is_empty(), "nothing is sent again");
    assert_eq!(server.contents(), [bob]);
}

#[test]
fn changes_after_a_final_that_came_too_early_are_taken() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 203, "", "1")], true);
    phone.send(
        &mut server,
        &[sync_of(&[(Add, "a", &card("Ann", "1"))])],
        true,
    );
    let said = phone.send(
        &mut server,
        &[sync_of(&[(Add, "b", &card("Bob", "2"))])],
        true,
    );
    assert_eq!(said.code_of("Add"), 201);
    assert_eq!(server.items().len(), 2);
}

// spec: G09
#[test]
fn changes_that_come_when_all_of_the_servers_are_out_are_taken() {
    let mut server = Server::new();
    let mut laptop = Client::new("laptop");
    let mut phone = Client::new("phone");
    let people: Vec<String> = (1..5)
        .map(|number| card(&format!("Person {number}"), &number.to_string()))
        .collect();
    phone.sync(&mut server, 200, ("", "1"), &[]);
    laptop.sync(&mut server, 200, ("", "1"), &[(Add, "l", &people[0])]);

    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "1", "2")], true);
    let said = phone.send(
        &mut server,
        &[sync_of(&[(Add, "a", people[1].as_str())])],
        true,
    );
    assert!(said.is_final, "all of the server's is out");
    let guid = said.changes[0].guid.clone();
    // the first of these Finals ends the session, and what comes after it is taken as well
    for (luid, content) in [("b", &people[2]), ("c", &people[3])] {
        let said = phone.send(&mut server, &[sync_of(&[(Add, luid, content)])], true);
        assert_eq!(said.code_of("Sync"), 200);
        assert_eq!(said.code_of("Add"), 201);
    }
    let mut last = statuses_for(&said, 2);
    last.push(map_of(vec![MapItem {
        guid: guid.into(),
        luid: "mapped".into(),
    }]));
    let said = phone.send(&mut server, &last, true);
    assert_eq!(said.code_of("Map"), 200);
    assert_eq!(server.contents(), people);

    let said = phone.sync(&mut server, 200, ("2", "3"), &[]);
    assert_eq!((said.alert_status, said.agreed), (200, 200));
    assert_eq!(said.changes, []);
    let said = laptop.sync(&mut server, 200, ("1", "2"), &[]);
    assert_eq!(said.changes.len(), 3);
}

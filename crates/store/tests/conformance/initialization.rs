//! Alerts, kinds of sync and anchors.

use crate::talk::{Talk, add, alert, card, delete, replace, status, sync};

// spec: G08 G14
#[test]
fn an_alert_is_answered_with_the_code_and_both_anchors() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), "");
    let mut last = String::new();
    for (code, anchors) in [
        (200, ("1", "2")),
        (202, ("2", "3")),
        (204, ("3", "4")),
        (201, ("4", "5")),
        (203, ("5", "6")),
        (205, ("6", "7")),
    ] {
        let heard = talk.open(code, anchors.0, anchors.1);
        let (said, database, theirs, next) = heard.said.alerts[0].clone();
        assert_eq!((said, database.as_str()), (code, "my-contacts"));
        assert!(!next.is_empty());
        if !last.is_empty() && code < 203 && code != 201 {
            assert_eq!(theirs, last, "{code}: the anchor given before");
        }
        last = next;
        talk.say(&(sync("contacts", "") + "<Final/>"));
        talk.say("<Final/>");
    }
}

// spec: G18
#[test]
fn a_kind_of_sync_that_there_is_not_is_refused() {
    let mut talk = Talk::new();
    for code in [210, 250, 999] {
        talk.begin();
        let heard = talk.say(&(alert(1, code, "contacts", "", "1") + "<Final/>"));
        assert_eq!(heard.codes(), [("0", 212), ("1", 406)], "{code}");
        assert!(heard.said.alerts.is_empty());
    }
}

// spec: G17
#[test]
fn a_database_that_there_is_not_is_refused() {
    let mut talk = Talk::new();
    talk.begin();
    let heard = talk.say(&(alert(1, 200, "nowhere", "", "1") + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 212), ("1", 404)]);
    assert!(heard.said.alerts.is_empty());
}

// spec: G19
#[test]
fn an_anchor_is_any_text() {
    for (first, second) in [
        ("276", "277"),
        ("20040119T081812Z", "20040120T081812Z"),
        ("the other day", "today, at last"),
    ] {
        let mut talk = Talk::new();
        talk.sync(201, ("", first), "");
        talk.sync(200, (first, second), "");
        assert_eq!(talk.open(200, second, "x").said.code_of("Alert"), 200);
        assert_eq!(talk.open(200, "other", "x").said.code_of("Alert"), 508);
    }
}

// spec: G20
#[test]
fn an_empty_last_means_that_there_was_no_sync() {
    let mut talk = Talk::new();
    talk.sync(201, ("", "1"), "");
    let heard = talk.open(200, "", "2");
    assert_eq!(heard.said.code_of("Alert"), 508);
    assert_eq!(heard.said.alerts[0].0, 201);
    talk.device = "tablet";
    let heard = talk.open(200, "", "1");
    assert_eq!(heard.said.alerts[0].0, 201);
}

// spec: S14
#[test]
fn items_of_the_client_can_be_replaced_and_deleted_by_it() {
    let mut talk = Talk::new();
    let both = add(21, "a", &card("Ann", "1")) + &add(22, "b", &card("Bob", "2"));
    talk.sync(201, ("", "1"), &both);
    let newer = card("Ann", "9");
    let heard = talk.sync(
        200,
        ("1", "2"),
        &(replace(21, "a", &newer) + &delete(22, "b")),
    );
    assert_eq!(heard.codes()[2..], [("21", 200), ("22", 200)]);
    assert_eq!(talk.server.contents(), [newer]);
}

// spec: G13
#[test]
fn a_client_that_does_not_know_the_anchor_gets_a_slow_sync() {
    let mut talk = Talk::new();
    let both = add(21, "a", &card("Ann", "1")) + &add(22, "b", &card("Bob", "2"));
    talk.sync(201, ("", "1"), &both);
    let heard = talk.open(200, "1", "2");
    assert_eq!(heard.said.alerts[0].0, 200);
    let (cmd_id, _) = heard
        .said
        .to_answer
        .iter()
        .find(|(_, name)| name == "Alert")
        .unwrap();
    let refusal = status(9, talk.message, cmd_id, "Alert", 508);
    let mine = sync("contacts", &replace(21, "a", &card("Ann", "1")));
    let heard = talk.say(&(refusal + &mine + "<Final/>"));
    let sent: Vec<&str> = heard
        .said
        .changes
        .iter()
        .map(|change| change.content.as_str())
        .collect();
    assert_eq!(sent, [card("Bob", "2")], "what the client lacks");
    assert_eq!(talk.server.contents().len(), 2, "and nothing doubles");
}

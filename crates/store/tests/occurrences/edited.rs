//! What the phone makes of its events.

use session::server::Guard;
use session::store::{Content, Origin};
use syncml::ChangeKind::{Add, Delete, Replace};

use crate::home::*;

#[test]
fn an_edit_on_the_phone_is_one_of_the_series() {
    let mut home = Home::with(&both());
    assert_eq!(home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome"), []);
    let titled = both().replace("Abroad", "In Rome");
    assert_eq!(home.contents(), std::slice::from_ref(&titled));
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    assert_eq!(home.laptop.held.values().collect::<Vec<_>>(), [&titled]);
    home.is_quiet();

    // that of an added date says something of this one alone
    let sent = home.edit(ALL[2], "SUMMARY:Choir", "SUMMARY:Concert");
    // which is no occurrence of the rule any more, whether it was one or not
    assert_eq!(sent, [(Replace, ALL[1].to_owned())]);
    let text = home.contents().remove(0);
    assert!(text.contains("SUMMARY:Concert\r\n"), "{text}");
    assert!(
        text.contains("RECURRENCE-ID:20260115T180000Z\r\n"),
        "{text}"
    );
    assert!(text.contains(DATE), "{text}");
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    let expected = [
        "Choir 20260112T090000Z weekly",
        "Concert 20260115T180000Z",
        "In Rome 20260720T113000Z",
    ];
    assert_eq!(home.phone.shown(), expected);
    home.is_quiet();
    assert_eq!(home.phone.shown(), expected);
}

#[test]
fn a_meeting_may_be_moved_on_the_phone() {
    let mut home = Home::with(&both());
    assert_eq!(home.edit(ALL[0], "T113000Z", "T150000Z"), []);
    let expected = both().replace("T113000Z", "T150000Z");
    assert_eq!(home.contents(), [expected]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    home.is_quiet();
}

#[test]
fn a_deletion_on_the_phone_takes_one_occurrence() {
    let mut home = Home::with(&both());
    assert_eq!(home.delete(&[ALL[0]]), []);
    assert_eq!(
        home.contents(),
        [series(&(DATE.to_owned() + EXCLUDED), &[])]
    );
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    assert_eq!(home.delete(&[ALL[2]]), []);
    assert_eq!(home.contents(), [series(EXCLUDED, &[])]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Replace]);
    home.is_quiet();
    assert_eq!(home.phone.shown(), [ALL[1]]);
}

#[test]
fn nothing_of_a_deleted_series_stays() {
    let mut home = Home::with(&both());
    let luid = home.laptop.held.keys().next().unwrap().clone();
    home.laptop(200, &[(Delete, &luid, "")]);
    assert_eq!(kinds(&home.phone(200, &[])), [Delete; 3]);
    assert_eq!(home.phone.shown(), [""; 0]);
    home.is_quiet();
    assert_eq!(home.contents(), [""; 0]);

    // the phone has the series and its events, and deletes only the first
    let mut home = Home::with(&both());
    assert_eq!(kinds(&home.delete(&[ALL[1]])), [Delete; 2]);
    assert_eq!(home.phone.shown(), [""; 0]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Delete]);
    home.is_quiet();

    // whatever it deletes first
    for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1]] {
        let mut home = Home::with(&both());
        assert_eq!(home.delete(&order.map(|at| ALL[at])), []);
        assert_eq!(kinds(&home.laptop(200, &[])), [Delete]);
        assert_eq!(home.contents(), [""; 0]);
        home.is_quiet();
    }
}

#[test]
fn both_sides_change_a_moved_meeting() {
    let mut home = Home::with(&both());
    let placed = both().replace("SUMMARY:Abroad\r\n", "SUMMARY:Abroad\r\nLOCATION:Rome\r\n");
    home.rewrite(&placed);
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:Concert");
    let text = home.contents().remove(0);
    assert!(text.contains("SUMMARY:Concert\r\n"), "{text}");
    assert!(text.contains("LOCATION:Rome\r\n"), "{text}");
    home.phone(200, &[]);
    home.laptop(200, &[]);
    assert!(
        home.phone
            .text("Concert 20260720T113000Z")
            .contains("LOCATION:Rome")
    );
    home.is_quiet();
}

#[test]
fn a_change_on_the_phone_outlives_what_others_delete() {
    // the series
    let mut home = Home::with(&both());
    let luid = home.laptop.held.keys().next().unwrap().clone();
    home.laptop(200, &[(Delete, &luid, "")]);
    let sent = home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    assert_eq!(kinds(&sent), [Delete; 2]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Add]);
    for device in [&home.phone, &home.laptop] {
        assert_eq!(device.shown(), ["In Rome 20260720T113000Z"]);
    }
    home.is_quiet();
    assert_eq!(home.contents().len(), 1);

    // the override
    let mut home = Home::with(&both());
    home.rewrite(&series(DATE, &[]));
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    let text = home.contents().remove(0);
    assert!(
        text.contains("RECURRENCE-ID:20260720T090000Z\r\n"),
        "{text}"
    );
    home.phone(200, &[]);
    home.laptop(200, &[]);
    home.is_quiet();
    assert_eq!(home.contents().len(), 1);
    assert_eq!(home.phone.shown()[2], "In Rome 20260720T113000Z");

    // this one meeting
    let mut home = Home::with(&both());
    home.rewrite(&series(&(DATE.to_owned() + EXCLUDED), &[]));
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    home.phone(200, &[]);
    home.laptop(200, &[]);
    assert_eq!(home.contents().len(), 2);
    assert_eq!(home.phone.shown().len(), 3);
    assert_eq!(home.laptop.shown()[1], "In Rome 20260720T113000Z");
    home.is_quiet();
}

#[test]
fn a_deletion_on_the_phone_does_not_outlive_what_others_change() {
    let mut home = Home::with(&both());
    home.rewrite(&both().replace("Abroad", "In Rome"));
    let sent = home.delete(&[ALL[0]]);
    assert!(
        sent.contains(&(Add, "In Rome 20260720T113000Z".to_owned())),
        "{sent:?}"
    );
    assert_eq!(home.contents(), [both().replace("Abroad", "In Rome")]);
    home.is_quiet();
}

#[test]
fn an_event_that_recurs_by_itself_leaves_the_series() {
    let mut home = Home::with(&both());
    home.edit(ALL[0], "SUMMARY:Abroad", "RRULE:W1 #3\r\nSUMMARY:Abroad");
    home.phone(200, &[]);
    home.laptop(200, &[]);
    assert_eq!(home.contents().len(), 2);
    assert_eq!(
        home.contents()[0],
        series(&(DATE.to_owned() + EXCLUDED), &[])
    );
    let expected = "Abroad 20260720T113000Z weekly";
    assert_eq!(
        (home.phone.shown()[0].as_str(), home.phone.shown().len()),
        (expected, 3)
    );
    assert_eq!(home.laptop.shown()[0], expected);
    home.is_quiet();
}

#[test]
fn an_edit_beside_more_than_one_message_follows_overwrites_nothing() {
    let mut home = Home::with(&both());
    let dates: Vec<_> = (0..64)
        .map(|day| format!("2027{:02}{:02}T120000Z", day / 28 + 1, day % 28 + 1))
        .collect();
    let calendar = home.calendar();
    for number in 0..18 {
        let many = both().replace("UID:", &format!("UID:{number}-"));
        let many = many.replace("RRULE", &format!("RDATE:{}\r\nRRULE", dates.join(",")));
        let content = Content::new("text/calendar", many.as_bytes());
        let state = &mut home.talk.server.state;
        state.add_item(calendar, content, Origin::Local, 0).unwrap();
    }
    home.laptop.way = Way::Leaving;
    home.phone.way = Way::Leaving;
    let ours = both().replace("SUMMARY:Abroad", "LOCATION:Rome\r\nSUMMARY:Abroad");
    home.laptop(200, &[(Replace, "s", &ours)]);
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:Away");
    let series = home.contents().concat();
    assert!(series.contains("LOCATION:Rome"), "{series}");
    assert!(series.contains("SUMMARY:Away"), "{series}");
}

#[test]
fn many_deletions_of_occurrences_are_not_made() {
    let mut home = Home::new();
    home.talk.server.config.guard = Some(Guard {
        share: 10,
        floor: 2,
    });
    let days = (1..=9).map(|day| format!("2026010{day}T180000Z"));
    let list = format!("RDATE:{}\r\n", days.collect::<Vec<_>>().join(","));
    let text = series(&list, &[]);
    home.laptop(201, &[(Add, "s", &text)]);
    home.phone(201, &[]);
    assert_eq!(home.phone.shown().len(), 10);
    let gone: Vec<_> = (1..=5)
        .map(|day| format!("Choir 2026010{day}T180000Z"))
        .collect();
    let gone: Vec<_> = gone.iter().map(String::as_str).collect();
    // the first two are an edit of the series, which a person can undo
    assert_eq!(kinds(&home.delete(&gone)), [Add; 3]);
    assert_eq!(home.phone.shown().len(), 8);
    let left = home.contents().remove(0);
    assert!(
        !left.contains("20260102T180000Z") && left.contains("20260103T180000Z"),
        "{left}"
    );
}

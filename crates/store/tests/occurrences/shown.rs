//! What of a series is an event of the phone, and when.

use session::store::{Content, Guid, Origin};
use syncml::ChangeKind::{Add, Delete, Replace};

use crate::home::*;

#[test]
fn moved_meetings_and_added_dates_are_events_of_the_phone() {
    let mut home = Home::with(&both());
    assert_eq!(home.phone.shown(), ALL);
    let text = home.phone.text(ALL[1]);
    assert!(text.contains("EXDATE:20260720T090000Z\r\n"), "{text}");
    assert!(!text.contains("RDATE"), "{text}");
    let added = home.phone.text(ALL[2]);
    assert!(added.contains("DTEND:20260115T193000Z"), "{added}");
    for shown in [ALL[0], ALL[2]] {
        let text = home.phone.text(shown);
        assert!(
            !text.contains("UID") && !text.contains("RECURRENCE-ID"),
            "{text}"
        );
    }
    assert_eq!(home.contents(), [both()]);
    home.is_quiet();
    assert_eq!(home.phone.shown(), ALL);
    assert_eq!(home.contents(), [both()]);
}

#[test]
fn what_others_do_to_occurrences_reaches_the_phone() {
    let mut home = Home::with(&both());
    home.rewrite(&both().replace("Abroad", "In Rome"));
    let sent = home.phone(200, &[]);
    assert!(
        sent.contains(&(Replace, "In Rome 20260720T113000Z".to_owned())),
        "{sent:?}"
    );
    assert_eq!(home.phone.shown().len(), 3);

    let more = [moved(20, "In Rome", "1130"), moved(27, "At sea", "1200")];
    let more = [more[0].as_str(), more[1].as_str()];
    home.rewrite(&series(DATE, &more));
    let sent = home.phone(200, &[]);
    assert!(
        sent.contains(&(Add, "At sea 20260727T120000Z".to_owned())),
        "{sent:?}"
    );
    assert_eq!(home.phone.shown().len(), 4);

    home.rewrite(&series("", &more[1..]));
    let sent = home.phone(200, &[]);
    assert_eq!(kinds(&sent)[..2], [Delete, Delete], "{sent:?}");
    let left = ["At sea 20260727T120000Z", ALL[1]];
    assert_eq!(home.phone.shown(), left);
    assert!(!home.phone.text(ALL[1]).contains("EXDATE:20260720T090000Z"));

    // and one that was there before
    home.rewrite(&both());
    home.phone(200, &[]);
    assert_eq!(home.phone.shown(), ALL);
    home.is_quiet();
}

#[test]
fn a_series_that_is_moved_takes_no_event_from_the_phone() {
    let mut home = Home::with(&both());
    let later = both().replace("T090000Z", "T091500Z");
    home.rewrite(&later.replace("T103000Z", "T104500Z"));
    assert_eq!(kinds(&home.phone(200, &[])), [Replace]);
    let expected = [
        ALL[0].to_owned(),
        "Choir 20260112T091500Z weekly".to_owned(),
        ALL[2].to_owned(),
    ];
    assert_eq!(home.phone.shown(), expected);
    home.is_quiet();
    // and goes on being that of its occurrence
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    let text = home.contents().remove(0);
    assert!(
        text.contains("RECURRENCE-ID:20260720T091500Z\r\n"),
        "{text}"
    );
    assert!(text.contains("SUMMARY:In Rome\r\n"), "{text}");
}

#[test]
fn a_device_that_learns_the_new_form_gets_the_series_alone() {
    let mut home = Home::with(&both());
    home.phone.is_old = false;
    let sent = home.phone(200, &[]);
    assert_eq!(kinds(&sent), [Delete, Delete, Replace], "{sent:?}");
    assert_eq!(home.phone.held.values().collect::<Vec<_>>(), [&both()]);
    assert_eq!(home.contents(), [both()]);
    home.is_quiet();
    home.phone.is_old = true;
    let sent = home.phone(200, &[]);
    assert_eq!(kinds(&sent), [Add, Add, Replace], "{sent:?}");
    assert_eq!(home.phone.shown(), ALL);
    home.is_quiet();
}

#[test]
fn what_a_device_does_while_it_learns_the_new_form_is_done_to_the_series() {
    for kind in [Replace, Delete] {
        let mut home = Home::with(&both());
        let (luid, text) = (home.phone.luid(ALL[0]), home.phone.text(ALL[0]));
        let text = text.replace("VERSION:1.0", "VERSION:2.0");
        let text = text.replace("Abroad", "Edited");
        home.phone.is_old = false;
        home.phone(200, &[(kind, &luid, &text)]);
        let series = home.contents().concat();
        assert!(!series.contains("SUMMARY:Abroad"), "{series}");
        assert_eq!(series.contains("SUMMARY:Edited"), kind == Replace);
        home.laptop(200, &[]);
        home.is_quiet();
    }
}

#[test]
fn a_device_that_says_nothing_of_its_calendar_keeps_its_events() {
    let mut home = Home::with(&both());
    home.phone.describes = "my-notes";
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    assert!(home.contents().concat().contains("SUMMARY:In Rome"));
    assert_eq!(home.phone.held.len(), ALL.len());
    home.phone.describes = "my-calendar";
    home.phone(200, &[]);
    let shown = home.phone.shown();
    assert_eq!(shown.len(), ALL.len(), "{shown:?}");
    assert!(shown.iter().any(|shown| shown.starts_with("In Rome")));
    // it was given the series as it is meanwhile, and says so
    home.phone(201, &[]);
    assert_eq!(times_shown(&home.phone), 1);
    home.laptop(200, &[]);
    home.is_quiet();
}

#[test]
fn occurrences_follow_what_was_there_before_the_phone() {
    let mut home = Home::new();
    let calendar = home.calendar();
    // more than one page of changes, and a series in the last one
    for number in 0..120 {
        let text = series("", &[]).replace("choir", &format!("c{number}"));
        let text = text.replace("Choir", &format!("Choir {number}"));
        let content = Content::new("text/calendar", text.as_bytes());
        let state = &mut home.talk.server.state;
        state.add_item(calendar, content, Origin::Local, 0).unwrap();
    }
    let content = both();
    let content = Content::new("text/calendar", content.as_bytes());
    let state = &mut home.talk.server.state;
    state.add_item(calendar, content, Origin::Local, 0).unwrap();
    home.phone(201, &[]);
    assert_eq!(home.phone.held.len(), 123);
    // the server's own side changes it
    let content = series("", &[]);
    let content = Content::new("text/calendar", content.as_bytes());
    let state = &mut home.talk.server.state;
    state
        .replace_item(calendar, Guid(121), content, Origin::Local, 0)
        .unwrap();
    assert_eq!(kinds(&home.phone(200, &[])), [Delete, Delete, Replace]);
}

#[test]
fn a_device_that_is_described_later_gets_what_is_there() {
    let mut home = Home::with(&both());
    let mut pager = Device::new("pager", true);
    pager.describes = "my-notes";
    session(&mut home.talk, &mut pager, 201, &[]);
    assert_eq!(pager.held.values().collect::<Vec<_>>(), [&both()]);
    pager.describes = "my-calendar";
    let sent = session(&mut home.talk, &mut pager, 200, &[]);
    assert_eq!(kinds(&sent), [Add, Add, Replace], "{sent:?}");
    assert_eq!(pager.shown(), ALL);
    assert_eq!(session(&mut home.talk, &mut pager, 201, &[]), []);
    home.is_quiet();
}

/// How often the phone shows the added date: in its series, or as an event.
fn times_shown(phone: &Device) -> usize {
    let lines = phone.held.values().flat_map(|text| text.lines());
    let shown = lines.filter(|line| {
        let is_date = line.starts_with("RDATE") || line.starts_with("DTSTART");
        is_date && line.contains("20260115T180000")
    });
    shown.count()
}

#[test]
fn a_series_of_the_phones_own_shows_no_date_twice() {
    for knows_utc in [true, false] {
        for edits_too in [true, false] {
            let mut home = Home::new();
            home.phone.knows_utc = knows_utc;
            let own = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nSUMMARY:Choir\r\n\
                DTSTART:20260112T090000Z\r\nDTEND:20260112T103000Z\r\nRRULE:W1 MO #0\r\n\
                RDATE:20260115T180000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
            let own = if knows_utc {
                own.to_owned()
            } else {
                own.replace("00Z", "00")
            };
            home.phone(201, &[]);
            home.phone(200, &[(Add, "own", &own)]);
            assert_eq!(times_shown(&home.phone), 1, "{:?}", home.phone.held);
            home.laptop(201, &[]);
            let (luid, text) = home.laptop.held.first_key_value().unwrap();
            let (luid, text) = (luid.clone(), text.replace("SUMMARY:Choir", "SUMMARY:Song"));
            assert!(text.contains("RDATE"), "{text}");
            home.laptop(200, &[(Replace, &luid, &text)]);
            if edits_too {
                let text =
                    home.phone.held["own"].replace("END:VEVENT", "LOCATION:Hall\r\nEND:VEVENT");
                home.phone(200, &[(Replace, "own", &text)]);
            }
            for code in [200, 200, 201, 200] {
                home.phone(code, &[]);
                assert_eq!(times_shown(&home.phone), 1, "{:?}", home.phone.held);
            }
            home.laptop(200, &[]);
            home.is_quiet();
            let series = home.contents().concat();
            assert!(
                series.contains("RDATE") && series.contains("SUMMARY:Song"),
                "{series}"
            );
            assert_eq!(series.contains("LOCATION:Hall"), edits_too);
            assert_eq!(home.contents().len(), 1);
        }
    }
}

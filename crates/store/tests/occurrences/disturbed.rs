//! Occurrences where sessions do not go as they should, or differ.

use session::server::ConflictPolicy;
use syncml::ChangeKind::{Add, Delete, Replace};

use crate::home::*;

const WAYS: [Way; 5] = [
    Way::Ordinary,
    Way::Leaving,
    Way::Atomic,
    Way::Repeating,
    Way::Unheard,
];

#[test]
fn changes_are_made_once_however_a_session_goes() {
    for way in WAYS {
        for next in [200, 201] {
            let mut home = Home::new();
            home.laptop(201, &[(Add, "s", &both())]);
            home.phone.way = way;
            home.phone(201, &[]);
            assert_eq!(home.phone.shown(), ALL, "{way:?}");
            home.phone.way = Way::Ordinary;
            home.phone(200, &[]);
            assert_eq!(home.phone.shown(), ALL, "{way:?}");
            home.phone.way = way;
            let [titled, gone] = [ALL[0], ALL[2]].map(|shown| home.phone.luid(shown));
            let text = home.phone.text(ALL[0]).replace("Abroad", "In Rome");
            home.phone(200, &[(Replace, &titled, &text), (Delete, &gone, "")]);
            home.rewrite_as(|series| series.replace("Choir", "Song"));
            home.phone.way = Way::Ordinary;
            home.phone(next, &[]);
            home.phone(200, &[]);
            home.laptop(200, &[]);
            let expected = series("", &[&moved(20, "In Rome", "1130")]).replace("Choir", "Song");
            assert_eq!(home.contents(), [expected], "{way:?}, {next}");
            assert_eq!(home.phone.held.len(), 2, "{way:?}, {next}");
            home.is_quiet();
        }
    }
}

#[test]
fn two_phones_have_each_others_events() {
    let mut home = Home::with(&both());
    let mut pager = Device::new("pager", true);
    session(&mut home.talk, &mut pager, 201, &[]);
    assert_eq!(pager.shown(), ALL);
    // one titles and places a meeting that the other titles, too; and each deletes another one
    let more = [moved(20, "Abroad", "1130"), moved(27, "At sea", "1200")];
    home.rewrite(&series(DATE, &[&more[0], &more[1]]));
    home.phone(200, &[]);
    session(&mut home.talk, &mut pager, 200, &[]);
    let placed = "LOCATION:Rome\r\nSUMMARY:In Rome";
    home.edit(ALL[0], "SUMMARY:Abroad", placed);
    let luid = pager.luid(ALL[0]);
    let text = pager
        .text(ALL[0])
        .replace("SUMMARY:Abroad", "SUMMARY:Concert");
    let gone = pager.luid("At sea 20260727T120000Z");
    let edits = [(Replace, luid.as_str(), text.as_str()), (Delete, &gone, "")];
    session(&mut home.talk, &mut pager, 200, &edits);
    home.delete(&[ALL[2]]);
    session(&mut home.talk, &mut pager, 200, &[]);
    home.phone(200, &[]);
    home.laptop(200, &[]);
    let text = home.contents().concat();
    assert!(text.contains("SUMMARY:Concert\r\n") && text.contains("LOCATION:Rome\r\n"));
    assert!(
        !text.contains("RDATE") && !text.contains("At sea"),
        "{text}"
    );
    let expected = ["Choir 20260112T090000Z weekly", "Concert 20260720T113000Z"];
    assert_eq!(home.phone.shown(), expected);
    assert_eq!(pager.shown(), expected);
    for code in [200, 201, 200] {
        assert_eq!(session(&mut home.talk, &mut pager, code, &[]), []);
        home.is_quiet();
    }
}

#[test]
fn conflicts_end_as_they_do_for_whole_items() {
    for policy in ConflictPolicy::ALL {
        let mut home = Home::with(&both());
        home.talk.server.config.conflict = policy;
        home.rewrite(&both().replace("Abroad", "In Rome"));
        home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:Concert");
        home.phone(200, &[]);
        home.laptop(200, &[]);
        let stands = match policy {
            ConflictPolicy::ServerWins | ConflictPolicy::Ask => "In Rome",
            _ => "Concert",
        };
        let titles = |texts: &[String]| {
            ["In Rome", "Concert"].map(|title| texts.concat().matches(title).count())
        };
        let expected = match policy {
            ConflictPolicy::Duplicate => [1, 1],
            _ => ["In Rome", "Concert"].map(|title| usize::from(title == stands)),
        };
        let phone: Vec<_> = home.phone.held.values().cloned().collect();
        assert_eq!(titles(&home.contents()), expected, "{policy:?}");
        assert_eq!(titles(&phone), expected, "{policy:?}");
        assert!(home.contents()[0].contains(stands), "{policy:?}");
        home.is_quiet();
    }
}

#[test]
fn a_filter_of_times_is_one_of_each_event() {
    let mut home = Home::new();
    home.laptop(201, &[(Add, "s", &both())]);
    home.phone.filter =
        Some("SINCE&amp;EQ;20260701T000000Z&amp;AND;BEFORE&amp;EQ;20260801T000000Z");
    home.phone(201, &[]);
    assert_eq!(home.phone.shown(), &ALL[..2]);
    home.is_quiet();
    home.edit(ALL[0], "SUMMARY:Abroad", "SUMMARY:In Rome");
    home.laptop(200, &[]);
    // the date comes into the time, and the moved meeting goes out of it
    let other = both().replace("20260115T180000Z", "20260715T180000Z");
    home.rewrite(
        &other
            .replace("DTSTART:20260720", "DTSTART:20260820")
            .replace("DTEND:20260720", "DTEND:20260820"),
    );
    home.phone(200, &[]);
    assert!(
        home.phone
            .shown()
            .contains(&"Choir 20260715T180000Z".to_owned())
    );
    home.is_quiet();
    home.phone.filter = None;
    home.phone(201, &[]);
    assert_eq!(home.phone.shown().len(), 3);
    home.is_quiet();
}

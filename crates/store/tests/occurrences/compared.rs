//! Occurrences in comparisons of all items.

use syncml::ChangeKind::{Add, Delete};

use crate::home::*;

#[test]
fn a_comparison_of_all_doubles_nothing() {
    let mut home = Home::with(&both());
    // the phone has lost its anchors and names its events anew
    let texts: Vec<_> = std::mem::take(&mut home.phone.held).into_values().collect();
    for (text, number) in texts.into_iter().rev().zip(1..) {
        home.phone.held.insert(format!("n{number}"), text);
    }
    assert_eq!(home.phone(201, &[]), []);
    home.is_quiet();
    assert_eq!(home.phone.shown(), ALL);
    assert_eq!(home.contents(), [both()]);
    // what it does not have it is sent
    home.phone.held.clear();
    assert_eq!(kinds(&home.phone(201, &[])), [Add; 3]);
    home.is_quiet();
}

#[test]
fn refreshes() {
    let mut home = Home::with(&both());
    home.phone.held.clear();
    assert_eq!(kinds(&home.phone(205, &[])), [Add; 3]);
    assert_eq!(home.phone.shown(), ALL);
    home.is_quiet();
    // that the phone lacks one says too little to take it from everybody
    let luid = home.phone.luid(ALL[0]);
    home.phone.held.remove(&luid);
    assert_eq!(home.phone(203, &[]), []);
    assert_eq!(home.contents(), [both()]);
    assert_eq!(kinds(&home.phone(200, &[])), [Add]);
    assert_eq!(home.phone.shown(), ALL);
    home.is_quiet();
    // that it lacks the series does
    home.phone.held.clear();
    assert_eq!(home.phone(203, &[]), []);
    assert_eq!(home.contents(), [""; 0]);
    assert_eq!(kinds(&home.laptop(200, &[])), [Delete]);
    home.is_quiet();
}

#[test]
fn a_device_of_the_new_form_finds_no_occurrence_by_content() {
    let mut home = Home::with(&both());
    // a person has written the moved meeting down on the laptop as well
    let own = both().replace("RRULE:FREQ=WEEKLY\r\n", "");
    let own = own
        .replace("20260112T", "20260720T")
        .replace("T090000Z", "T113000Z");
    let own = own
        .replace("T103000Z", "T200000Z")
        .replace("Choir", "Abroad");
    let (own, _) = own.split_once("RDATE").unwrap();
    let own = own.replace("UID:choir\r\n", "") + "END:VEVENT\r\nEND:VCALENDAR\r\n";
    home.laptop.held.insert("own".to_owned(), own);
    assert_eq!(home.laptop(201, &[]), []);
    assert_eq!(home.contents().len(), 2);
    assert_eq!(kinds(&home.phone(200, &[])), [Add]);
    home.is_quiet();
    assert_eq!(home.laptop.held.len(), 2);
}

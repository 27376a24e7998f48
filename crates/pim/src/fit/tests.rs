//! What devices keep of items: by example, and what holds for any text.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::{Edit, Habit, Prefer, apply};

fn holding(name: &str) -> Holding {
    Holding {
        name: name.to_owned(),
        ..Holding::default()
    }
}

fn sized(name: &str, max_size: u64) -> Holding {
    Holding {
        max_size: Some(max_size),
        ..holding(name)
    }
}

fn valued(name: &str, values: &[&str]) -> Holding {
    Holding {
        values: values.iter().map(|&v| v.to_owned()).collect(),
        ..holding(name)
    }
}

fn with(name: &str, parameters: &[(&str, &[&str])]) -> Holding {
    let parameter = |(name, values): &(&str, &[&str])| Parameter {
        name: (*name).to_owned(),
        values: values.iter().map(|&v| v.to_owned()).collect(),
        max_size: None,
    };
    Holding {
        parameters: parameters.iter().map(parameter).collect(),
        ..holding(name)
    }
}

fn only(properties: Vec<Holding>) -> Holdings {
    Holdings {
        properties: Some(properties),
        max_photo: None,
    }
}

/// What is left and what went, as text.
fn fitted(content: &str, holdings: &Holdings) -> (String, Vec<String>) {
    let string = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match fit(content.as_bytes(), "", holdings) {
        None => (content.to_owned(), Vec::new()),
        Some(fitted) => {
            assert_eq!(fit(&fitted.bytes, "", holdings), None);
            let lost = fitted.lost.into_iter().map(string).collect();
            (string(fitted.bytes), lost)
        }
    }
}

fn old(lines: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\n{lines}END:VCARD\r\n")
}

fn new(lines: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\n{lines}END:VCARD\r\n")
}

fn left(lines: &str, holdings: Vec<Holding>) -> String {
    let (text, _) = fitted(&old(lines), &only(holdings));
    let text = text.strip_prefix("BEGIN:VCARD\r\nVERSION:2.1\r\n").unwrap();
    text.strip_suffix("END:VCARD\r\n").unwrap().to_owned()
}

// spec: F20
#[test]
fn an_open_list_limits_what_it_names_and_keeps_the_rest() {
    let card = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann;Mary;Dr.;\r\nTEL;CELL:1\r\nTEL;PREF;WORK:2\r\n\
                TEL;PAGER:3\r\nADR;HOME;X-A=1:;;Way 1\r\nNICKNAME:Annie\r\nX-B:b\r\nEND:VCARD\r\n";
    let list = vec![
        with("N", &[("LastName", &[]), ("FirstName", &[])]),
        Holding {
            max_occur: Some(2),
            ..with("TEL", &[("TYPE", &["CELL", "WORK"])])
        },
        with("ADR", &[("TYPE", &[""])]),
        holding(OTHERS),
    ];
    let (left, lost) = fitted(card, &only(list));
    assert_eq!(
        left,
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann;;;\r\nTEL;CELL:1\r\nTEL;WORK:2\r\nADR:;;Way 1\r\n\
         NICKNAME:Annie\r\nX-B:b\r\nEND:VCARD\r\n"
    );
    assert_eq!(lost.len(), 4, "{lost:?}");
}

// spec: F20
#[test]
fn a_name_in_parts_is_enough_for_an_old_card() {
    let fit =
        |lines: &str, listed: &[&str]| left(lines, listed.iter().map(|n| holding(n)).collect());
    let both = "N:Berg;Ada\r\nFN:Ada\r\n";
    assert_eq!(fit(both, &["N", "TEL"]), "N:Berg;Ada\r\n");
    assert_eq!(fit(&format!("{both}TEL:1\r\n"), &["N", "FN"]), both);
    let unnamed = "N:;;\r\nFN:Ada\r\n";
    assert_eq!(fit(&format!("{unnamed}TEL:1\r\n"), &["N"]), unnamed);
}

// spec: F20
#[test]
fn what_is_not_listed_is_left_out() {
    let source = new(
        "N:Berg;Ada\r\nFN:Ada Berg\r\nitem1.TEL;TYPE=HOME:+49\r\n  30\r\nitem1.X-ABLabel:a\r\n\
         EMAIL:a@example.org\r\nX-A:b\r\n",
    );
    let (text, lost) = fitted(&source, &only(vec![holding("tel"), holding("ADR.HOME")]));
    assert_eq!(
        text,
        new("N:Berg;Ada\r\nFN:Ada Berg\r\nitem1.TEL;TYPE=HOME:+49\r\n  30\r\n")
    );
    assert_eq!(
        lost,
        [
            "item1.X-ABLabel:a\r\n",
            "EMAIL:a@example.org\r\n",
            "X-A:b\r\n"
        ]
    );
    assert_eq!(fit(source.as_bytes(), "", &Holdings::default()), None);
}

#[test]
fn an_alarm_has_the_name_that_the_device_knows() {
    let event = |lines: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nDTSTART:20240506T070000Z\r\n{lines}\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    let read = "DALARM:20240506T064500Z;PT5M;2;Call\\; now\r\n";
    let heard = "AALARM:20240506T060000Z;;;\r\n";
    let both = [read, heard].concat();
    let numbered = |name: &str| Holding {
        max_occur: Some(2),
        ..holding(name)
    };
    for (lines, listed, expected) in [
        (
            read,
            holding("AALARM"),
            "AALARM:20240506T064500Z;PT5M;2\r\n",
        ),
        (heard, holding("DALARM"), "DALARM:20240506T060000Z\r\n"),
        (read, holding("DALARM"), read),
        (heard, holding("SUMMARY"), ""),
        // a device that does not say how many keeps one, and the last is waited for
        (
            &both,
            holding("AALARM"),
            "AALARM:20240506T064500Z;PT5M;2\r\n",
        ),
        (&both, holding("DALARM"), read),
        (
            &both,
            numbered("AALARM"),
            "AALARM:20240506T064500Z;PT5M;2\r\nAALARM:20240506T060000Z;;;\r\n",
        ),
    ] {
        let (text, _) = fitted(&event(lines), &only(vec![listed]));
        assert_eq!(text, event(expected), "{lines}");
    }
    let each = only(vec![holding("AALARM"), holding("DALARM")]);
    assert_eq!(fitted(&event(&both), &each), (event(&both), vec![]));
}

// spec: F21
#[test]
fn a_long_value_is_cut_or_left_out() {
    let note = "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:abc=E9=\r\nfg\r\n";
    assert_eq!(left(note, vec![sized("NOTE", 6)]), note);
    assert_eq!(
        left(note, vec![sized("NOTE", 5)]),
        "NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:abc=C3=A9f\r\n"
    );
    assert_eq!(left(note, vec![sized("NOTE", 0)]), "NOTE:\r\n");
    let whole = Holding {
        no_truncate: true,
        ..sized("NOTE", 5)
    };
    assert_eq!(left(note, vec![whole]), "");
    assert_eq!(left("TEL:12345\r\n", vec![sized("TEL", 4)]), "");
    assert_eq!(left("BDAY:19800101\r\n", vec![sized("BDAY", 4)]), "");
    assert_eq!(
        left("ORG:Mill\\;Co;Unit\r\n", vec![sized("ORG", 8)]),
        "ORG:Mill\\;Co;\r\n"
    );
    let name = Holding {
        no_truncate: true,
        ..sized("N", 6)
    };
    assert_eq!(left("N:Berg;Ada\r\n", vec![name]), "N:Berg;A\r\n");
    let (text, lost) = fitted(
        &new("NOTE:a\\, b\\nc\r\n d\r\n"),
        &only(vec![sized("NOTE", 5)]),
    );
    assert_eq!(text, new("NOTE:a\\, b\\n\r\n"));
    assert_eq!(lost, ["NOTE:a\\, b\\nc\r\n d\r\n"]);
}

// spec: F20 F21
#[test]
fn a_structured_value_is_cut_by_component() {
    let parts = |name: &str, parts: &[(&str, Option<u64>)]| {
        let parameter = |(name, max_size): &(&str, Option<u64>)| Parameter {
            name: (*name).to_owned(),
            max_size: *max_size,
            ..Parameter::default()
        };
        Holding {
            parameters: parts.iter().map(parameter).collect(),
            ..holding(name)
        }
    };
    let name = "N:Lake\\;side;Annabel;Mary;Dr.;Jr.\r\n";
    let two = || parts("N", &[("Last Name", Some(6)), ("first-name", Some(4))]);
    assert_eq!(left(name, vec![two()]), "N:Lake\\;s;Anna;;;\r\n");
    let address = "ADR;HOME:1;2;3 Main Street;Town;;99;Land\r\n";
    let listed = || {
        parts(
            "ADR",
            &[("Street", Some(6)), ("City", None), ("HOME", None)],
        )
    };
    assert_eq!(
        left(address, vec![listed()]),
        "ADR;HOME:;;3 Main;Town;;;\r\n"
    );
    // types are listed beside components, and other parameters only if there are any
    let work = address.replace("HOME", "WORK");
    assert_eq!(left(&work, vec![listed()]), "ADR:;;3 Main;Town;;;\r\n");
    let no_types = || parts("ADR", &[("Street", None)]);
    assert_eq!(
        left(&work, vec![no_types()]),
        "ADR;WORK:;;3 Main Street;;;;\r\n"
    );
    let whole = Holding {
        no_truncate: true,
        ..listed()
    };
    assert_eq!(left(address, vec![whole]), "ADR;HOME:;;;Town;;;\r\n");
    // two places keep what either keeps
    let country = parts("ADR", &[("Country", None), ("Street", None)]);
    assert_eq!(
        left(address, vec![no_types(), country]),
        "ADR;HOME:;;3 Main Street;;;;Land\r\n"
    );
    // an address of which nothing is left is none, and a name stays
    let empty = "ADR:1;;;;;;\r\n";
    assert_eq!(left(empty, vec![no_types()]), "");
    let only_last = "N:Lake;;\r\n";
    assert_eq!(
        left(only_last, vec![parts("N", &[("Given", None)])]),
        only_last
    );
    let unit = left(
        "ORG:Mill;Flour;Night\r\n",
        vec![parts("ORG", &[("Company", None)])],
    );
    assert_eq!(unit, "ORG:Mill;;\r\n");
    let (text, _) = fitted(
        &new("N:Lake\\, a,b;Ann;;;\r\nFN:A\r\n"),
        &only(vec![parts("N", &[("Family", Some(6))])]),
    );
    assert_eq!(text, new("N:Lake\\, ;;;;\r\nFN:A\r\n"));
}

#[test]
fn a_backslash_at_a_cut_is_no_escape() {
    let mut name = with("N", &[("Family", &[])]);
    name.parameters[0].max_size = Some(1);
    name.max_size = Some(2);
    assert_eq!(left("N:\\\\;a;b\r\n", vec![name]), "N:\\\\;\r\n");
}

#[test]
fn a_line_end_is_not_cut_in_two() {
    let note = "NOTE;ENCODING=QUOTED-PRINTABLE:a=0Ab=0D=0Ac\r\n";
    for (size, kept) in [
        (2, "NOTE:a\r\n"),
        (3, "NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0A\r\n"),
        (4, "NOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab\r\n"),
        (7, note),
    ] {
        assert_eq!(left(note, vec![sized("NOTE", size)]), kept);
    }
}

// spec: F20
#[test]
fn of_too_many_the_preferred_stay_then_the_first() {
    let most = |max_occur| Holding {
        max_occur: Some(max_occur),
        ..holding("TEL")
    };
    let numbers = "TEL:1\r\nTEL:2\r\nTEL;CELL;PREF:3\r\nTEL:4\r\n";
    assert_eq!(left(numbers, vec![most(1)]), "TEL;CELL;PREF:3\r\n");
    assert_eq!(
        left(numbers, vec![most(3)]),
        "TEL:1\r\nTEL:2\r\nTEL;CELL;PREF:3\r\n"
    );
    assert_eq!(left(numbers, vec![most(2), most(2)]), numbers);
    // of each entry by itself
    let event = |n: &str| format!("BEGIN:VEVENT\r\nSUMMARY:{n}\r\nEND:VEVENT\r\n");
    let series = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}{}END:VCALENDAR\r\n",
        event("a"),
        event("b")
    );
    let once = Holding {
        max_occur: Some(1),
        ..holding("SUMMARY")
    };
    assert_eq!(fitted(&series, &only(vec![once])), (series, vec![]));
}

// spec: F20
#[test]
fn types_that_are_not_listed_go_from_the_line() {
    let number = "TEL;HOME;FAX;X-A=b:1\r\n";
    for (listed, kept) in [
        (
            with("TEL", &[("TYPE", &["HOME", "CELL"])]),
            "TEL;HOME:1\r\n",
        ),
        (
            with("TEL", &[("HOME", &[]), ("X-A", &[])]),
            "TEL;HOME;X-A=b:1\r\n",
        ),
        (with("TEL", &[("TYPE", &[])]), "TEL;HOME;FAX:1\r\n"),
        (
            with("TEL", &[("TYPE", &["cell"]), ("X-A", &["c"])]),
            "TEL:1\r\n",
        ),
        (holding("TEL"), number),
        // the parts of a value are listed like parameters
        (with("TEL", &[("Number", &[])]), "TEL;HOME;FAX:1\r\n"),
    ] {
        assert_eq!(left(number, vec![listed]), kept);
    }
    let source = new("N:a\r\nTEL;TYPE=\"home,cell\";TYPE=PREF:1\r\n  2\r\n");
    let (text, lost) = fitted(
        &source,
        &only(vec![with("TEL", &[("TYPE", &["HOME", "PREF"])])]),
    );
    assert_eq!(text, new("N:a\r\nTEL;TYPE=home;TYPE=PREF:1\r\n  2\r\n"));
    assert_eq!(lost.len(), 1);
}

// spec: F20
#[test]
fn of_combinations_of_types_one_stays() {
    let listed = || {
        vec![with(
            "TEL",
            &[("TYPE", &["VOICE, HOME", "VOICE,WORK", "CELL", "FAX,WORK"])],
        )]
    };
    for (types, kept) in [
        (";HOME;VOICE", ";HOME;VOICE"),
        (";VOICE;HOME", ";VOICE;HOME"),
        (";HOME", ";HOME"),
        (";WORK;FAX", ";WORK;FAX"),
        (";CELL;HOME;PREF", ";HOME"),
        (";HOME;FAX", ""),
        (";CELL;VOICE", ";CELL"),
        ("", ""),
    ] {
        let line = format!("TEL{types}:1\r\n");
        assert_eq!(left(&line, listed()), format!("TEL{kept}:1\r\n"), "{types}");
    }
}

#[test]
fn a_value_that_is_not_listed_leaves_the_property_out() {
    let listed = || {
        vec![
            valued("CLASS", &["PUBLIC", "PRIVATE"]),
            valued("CATEGORIES", &["a", "b"]),
        ]
    };
    assert_eq!(left("CLASS:private \r\n", listed()), "CLASS:private \r\n");
    assert_eq!(left("CLASS:CONFIDENTIAL\r\n", listed()), "");
    assert_eq!(left("CATEGORIES:B,a\r\n", listed()), "CATEGORIES:B,a\r\n");
    assert_eq!(left("CATEGORIES:a,c\r\n", listed()), "");
}

#[test]
fn components_that_are_not_listed_are_left_out() {
    let part = |name: &str, lines: &str| format!("BEGIN:{name}\r\n{lines}END:{name}\r\n");
    let zone = part(
        "VTIMEZONE",
        &format!("TZID:a\r\n{}", part("STANDARD", "TZOFFSETTO:+0100\r\n")),
    );
    let alarm = part("VALARM", "TRIGGER:-PT5M\r\n");
    let event = |lines: &str| part("VEVENT", &format!("DTSTART{lines}"));
    let calendar = |lines: &str| part("VCALENDAR", &format!("VERSION:2.0\r\n{lines}"));
    let begin = |names: &[&str]| only(vec![valued("BEGIN", names), holding("SUMMARY")]);
    let task = part("VTODO", "SUMMARY:b\r\n");

    let source = calendar(&format!(
        "{zone}{}{task}",
        event(&format!(":1Z\r\n{alarm}"))
    ));
    let events = calendar(&event(":1Z\r\n"));
    let (text, lost) = fitted(&source, &begin(&["VCALENDAR", "VEVENT"]));
    assert_eq!((text, lost.len()), (events, 12));
    // no entry is named, which tells nothing
    assert_eq!(
        fitted(&source, &begin(&["VCALENDAR"])),
        (source.clone(), vec![])
    );
    assert_eq!(
        fitted(&source, &begin(&["VEVENT", "VTODO", "VALARM", "VTIMEZONE"])).1,
        [""; 0]
    );
    // without the zone the time would be another one
    let zoned = calendar(&format!("{zone}{}", event(";TZID=a:1\r\n")));
    assert_eq!(fitted(&zoned, &begin(&["VEVENT"])), (zoned.clone(), vec![]));
    // nothing is left for a device without tasks
    let (text, lost) = fitted(&calendar(&task), &begin(&["VEVENT"]));
    assert_eq!((text.as_str(), lost.len()), ("", 6));
    // a device that knows of triggers keeps alarms
    let mut triggers = begin(&["VEVENT"]);
    triggers
        .properties
        .as_mut()
        .unwrap()
        .push(holding("TRIGGER"));
    let alarmed = calendar(&event(&format!(":1Z\r\n{alarm}")));
    assert_eq!(fitted(&alarmed, &triggers), (alarmed.clone(), vec![]));
}

#[test]
fn a_large_photo_is_left_out() {
    let photo = "PHOTO;JPEG;ENCODING=BASE64:\r\n AAECAwQF\r\n\r\n";
    let source = old(&format!("{photo}NOTE:a\r\n"));
    let most = |max_photo| Holdings {
        properties: None,
        max_photo: Some(max_photo),
    };
    assert_eq!(fitted(&source, &most(6)), (source.clone(), vec![]));
    assert_eq!(
        fitted(&source, &most(5)),
        (old("NOTE:a\r\n"), vec![photo.to_owned()])
    );
    let uri = "BEGIN:VCARD\r\nVERSION:4.0\r\nPHOTO:data:image/png;base64,AAECAwQF\r\nEND:VCARD\r\n";
    assert_eq!(fitted(uri, &most(6)).1, [""; 0]);
    assert_eq!(fitted(uri, &most(5)).1.len(), 1);
    // nor does a picture help that cannot be shown
    assert_eq!(left(photo, vec![with("PHOTO", &[("TYPE", &["GIF"])])]), "");
    assert_eq!(left(photo, vec![sized("PHOTO", 6)]), photo);
    assert_eq!(left(photo, vec![sized("PHOTO", 5)]), "");
}

// spec: F21 V10
#[test]
fn what_was_too_long_before_is_not_removed() {
    let whole = |name: &str| Holding {
        no_truncate: true,
        ..sized(name, 12)
    };
    let holdings = Holdings {
        properties: Some(vec![
            whole("N"),
            whole("NOTE"),
            sized("TITLE", 12),
            sized("TEL", 12),
            sized("LOGO", 12),
            valued("CLASS", &["PUBLIC"]),
            holding("PHOTO"),
            holding("ROLE"),
        ]),
        max_photo: Some(6),
    };
    // what each property of the record is to a device that has none of them
    let record = new(
        "N:Berg;Ada\r\nFN:Ada\r\nNOTE:short now\r\nTITLE:a\r\nTEL:1\r\nROLE:b\r\n\
                      LOGO;ENCODING=b:AAAA\r\nPHOTO;ENCODING=b:AAAA\r\nCLASS:PUBLIC\r\n",
    );
    let given = new("N:Berg;Ada\r\nFN:Ada\r\n");
    let held = |given: &str| {
        let (record, given) = (record.as_bytes(), given.as_bytes());
        let held = surely_shown(record, record, given, &holdings);
        String::from_utf8(held).unwrap()
    };
    let sure = new("N:Berg;Ada\r\nFN:Ada\r\nTITLE:a\r\nTEL:1\r\nROLE:b\r\n");
    assert_eq!(held(&given), sure);
    let edit = Edit {
        current: record.as_bytes(),
        shown: record.as_bytes(),
        held: Some(sure.as_bytes()),
        new: given.as_bytes(),
        habit: Habit::Whole,
    };
    let followed = apply(&edit, Prefer::New).unwrap();
    assert_eq!(
        String::from_utf8(followed.bytes).unwrap(),
        new(
            "N:Berg;Ada\r\nFN:Ada\r\nNOTE:short now\r\nLOGO;ENCODING=b:AAAA\r\n\
             PHOTO;ENCODING=b:AAAA\r\nCLASS:PUBLIC\r\n"
        )
    );
    // what it has is its own, be it empty
    for note in ["NOTE:old\r\n", "NOTE:\r\n"] {
        let given = new(&format!("N:Berg;Ada\r\nFN:Ada\r\n{note}"));
        assert!(held(&given).contains("NOTE:short now"));
    }
    let open = Holdings::default();
    assert_eq!(
        surely_shown(record.as_bytes(), record.as_bytes(), b"", &open),
        record.as_bytes()
    );
}

// spec: F21 V10
#[test]
fn what_was_one_too_many_before_is_not_removed() {
    let two = Holding {
        max_occur: Some(2),
        ..holding("TEL")
    };
    let holdings = only(vec![holding("N"), two]);
    let card = |numbers: &[&str]| {
        let numbers = numbers.iter().map(|number| format!("TEL:{number}\r\n"));
        old(&format!("N:Berg;Ada\r\n{}", numbers.collect::<String>()))
    };
    // all numbers of the record, those of them that the device has, and what is left of the record
    for (whole, given, left) in [
        // the third was not shown as long as the device has had the second
        (&["3", "1", "2"][..], &["1", "2"][..], &["3", "1", "2"][..]),
        // the device is not full, so a person has removed one there
        (&["3", "1", "2"], &["1"], &["1", "2"]),
        // the device keeps all of them, and one was changed there
        (&["3", "1"], &["1", "2"], &["2", "1"]),
    ] {
        let (current, new) = (card(whole), card(given));
        let shown = fit(current.as_bytes(), "text/x-vcard", &holdings)
            .map_or_else(|| current.clone().into_bytes(), |fitted| fitted.bytes);
        let held = surely_shown(current.as_bytes(), &shown, new.as_bytes(), &holdings);
        let edit = Edit {
            current: current.as_bytes(),
            shown: &shown,
            held: Some(&held),
            new: new.as_bytes(),
            habit: Habit::Listed,
        };
        let followed = apply(&edit, Prefer::New).unwrap();
        assert_eq!(String::from_utf8(followed.bytes).unwrap(), card(left));
    }
}

#[test]
fn notes_are_cut_by_their_body() {
    let text = |holdings: Vec<Holding>| {
        fit("\u{e4}b\r\nc".as_bytes(), "text/plain", &only(holdings)).map(|f| f.bytes)
    };
    assert_eq!(text(vec![sized("BODY", 5)]), None);
    assert_eq!(text(vec![sized("body", 1)]).unwrap(), "\u{e4}".as_bytes());
    assert_eq!(text(vec![sized("", 3)]).unwrap(), "\u{e4}b".as_bytes());
    assert_eq!(text(vec![holding("X")]), None);
    let whole = Holding {
        no_truncate: true,
        ..sized("BODY", 2)
    };
    assert_eq!(text(vec![whole.clone()]).unwrap(), b"");
    let note = "BEGIN:VNOTE\r\nVERSION:1.1\r\nBODY:abc\r\nDCREATED:1\r\nEND:VNOTE\r\n";
    let (cut, lost) = fitted(note, &only(vec![sized("BODY", 2)]));
    assert_eq!(
        cut,
        "BEGIN:VNOTE\r\nVERSION:1.1\r\nBODY:ab\r\nEND:VNOTE\r\n"
    );
    assert_eq!(lost, ["BODY:abc\r\n", "DCREATED:1\r\n"]);
    assert_eq!(fitted(note, &only(vec![whole])).0, "");
}

#[test]
fn neighbours_of_what_goes_are_read_as_before() {
    // a blank after an empty line, base64 without an end, a soft break without one
    let source = "BEGIN:VCARD\nVERSION:2.1\nN:a\nPHOTO;BASE64:\n AAAA\n\n NOTE:b\nEND:VCARD\n";
    let (text, _) = fitted(source, &only(vec![holding("NOTE")]));
    assert_eq!(text, "BEGIN:VCARD\nVERSION:2.1\nN:a\nNOTE:b\nEND:VCARD\n");
    let source = "BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\nSUMMARY;QUOTED-PRINTABLE:a==\n\
                  BEGIN:VALARM\nEND:VALARM\nLOCATION:b\nEND:VEVENT\nEND:VCALENDAR\n";
    let listed = only(vec![
        valued("BEGIN", &["VEVENT"]),
        holding("SUMMARY"),
        holding("LOCATION"),
    ]);
    let (text, _) = fitted(source, &listed);
    assert!(
        text.contains("SUMMARY;QUOTED-PRINTABLE:a\r\nLOCATION:b\n"),
        "{text}"
    );
    // without its end, the first entry would have what follows the second
    let source = "BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\nSUMMARY:a\nBEGIN:VTODO\n\
                  SUMMARY:b\nEND:VTODO\nLOCATION:b\nEND:VCALENDAR\n";
    let (text, _) = fitted(source, &listed);
    assert!(
        text.contains("SUMMARY:a\nEND:VEVENT\r\nLOCATION:b\n"),
        "{text}"
    );
}

#[test]
fn the_value_of_an_agent_goes_with_it() {
    let agent = "AGENT:\r\nBEGIN:VCARD\r\nTEL:2\r\nX:1\r\nEND:VCARD\r\n";
    assert_eq!(
        left(&format!("{agent}TEL:1\r\n"), vec![holding("TEL")]),
        "TEL:1\r\n"
    );
    assert_eq!(left(agent, vec![holding("AGENT")]), agent);
}

/// Lines, some of them broken.
fn lines() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "TZID:a\n",
        "DTSTART;TZID=a:1\n",
        "FN:long name\n",
        "NOTE;QUOTED-PRINTABLE:a=3Bb=\n",
        "NOTE;QUOTED-PRINTABLE:=0A=0Ab=C3=A9 \n",
        "\n",
        " x\n",
        " X:y\n",
        "NOTE:\u{e9}\\n\\,;x\n y\n",
        "NOTE;X=\"a:b\n",
        "NOTE;X=\"a;TYPE=b\":\"c:d\n",
        "NOTE;a=;QP:\"=\n",
        "a.TEL;CELL;FAX:1\n",
        "TEL;TYPE=\"home,pref\":23456\n",
        "TEL;HOME;VOICE:1\n",
        "TEL;X-A=1;PREF=1:4\n",
        "PHOTO;BASE64:AAAA\n",
        "PHOTO;JPEG;B:AAAAAAAA\n A\n\n",
        "junk\n",
        "UID:1\r\n",
        "X:\n",
        "NO\n TE:ab\n",
        "CLASS:PUBLIC\n",
        "CLASS:X\n",
        "N:a;b\\;c;d\n",
        "N:\\\\;a\\,b,c;\\;d;e\\\n",
        "BODY:abcdef\r",
        "AALARM:20240506T060000Z;;;a\n",
        "AALARM;QUOTED-PRINTABLE:20240506T064500Z;=0A;b=\n",
        "DALARM:20240506T064500Z;PT5M;2;c\\;d\n",
    ]);
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

/// A component, the end of which may be missing or that of another.
fn component(
    name: &'static str,
    inner: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    let end = prop_oneof![
        8 => Just(format!("END:{name}\r\n")),
        1 => Just(String::new()),
        1 => Just("END:VEVENT\n".to_owned()),
    ];
    (inner, end).prop_map(move |(inner, end)| format!("BEGIN:{name}\n{inner}{end}"))
}

fn items() -> impl Strategy<Value = String> {
    let several = |inner: BoxedStrategy<String>| {
        prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat())
    };
    let versioned = |version: &'static str, inner: BoxedStrategy<String>| {
        inner.prop_map(move |inner| format!("VERSION:{version}\n{inner}"))
    };
    let agent = component("VCARD", lines()).prop_map(|card| format!("AGENT:\n{card}"));
    let card = several(prop_oneof![4 => lines(), 1 => agent].boxed()).boxed();
    let alarm = component("VALARM", lines());
    let inner = || several(prop_oneof![lines(), component("VALARM", lines())].boxed());
    let entry = prop_oneof![component("VEVENT", inner()), component("VTODO", inner())];
    let zone = component("VTIMEZONE", component("STANDARD", lines()));
    let other = component("X", several(prop_oneof![lines(), alarm].boxed()));
    let calendar = several(prop_oneof![3 => entry, 1 => zone, 1 => other, 1 => lines()].boxed());
    let calendar = calendar.boxed();
    prop_oneof![
        component("VCARD", versioned("2.1", card.clone())),
        component("VCARD", versioned("3.0", card)),
        component("VCALENDAR", versioned("1.0", calendar.clone())),
        component("VCALENDAR", versioned("2.0", calendar)),
        component("VNOTE", lines()),
        lines(),
    ]
}

fn holdings() -> impl Strategy<Value = Holdings> {
    let name = prop::sample::select(vec![
        "NOTE", "TEL", "PHOTO", "BODY", "X", "AGENT", "N", "FN", "CLASS", "",
    ]);
    let words = prop::sample::subsequence(
        vec![
            "HOME",
            "CELL",
            "PREF",
            "VOICE,HOME",
            "FAX,CELL",
            "PUBLIC",
            "JPEG",
            "ab",
        ],
        0..4,
    );
    let parameter = (
        prop::sample::select(vec![
            "TYPE",
            "CELL",
            "X-A",
            "X",
            "PREF",
            "First name",
            "Family",
        ]),
        words.clone(),
        prop::option::of(0_u64..4),
    );
    let size = || prop::option::of(0_u64..6);
    let one = (
        name,
        size(),
        size(),
        any::<bool>(),
        words,
        prop::collection::vec(parameter, 0..3),
    )
        .prop_map(
            |(name, max_size, max_occur, no_truncate, values, parameters)| {
                let mut holding = with(name, &[]);
                holding.parameters = parameters
                    .into_iter()
                    .map(|(name, values, max_size)| Parameter {
                        max_size,
                        ..with(name, &[(name, &values)]).parameters.remove(0)
                    })
                    .collect();
                holding.values = if values.len() > 2 {
                    valued(name, &values).values
                } else {
                    vec![]
                };
                Holding {
                    max_size,
                    max_occur,
                    no_truncate,
                    ..holding
                }
            },
        );
    let begin =
        prop::sample::subsequence(vec!["VEVENT", "VTODO", "VALARM", "VTIMEZONE", "X"], 0..5)
            .prop_map(|names| valued("BEGIN", &names));
    let list = (prop::collection::vec(one, 0..8), begin).prop_map(|(mut list, begin)| {
        list.push(begin);
        list
    });
    (prop::option::of(list), prop::option::of(0_u64..7)).prop_map(|(properties, max_photo)| {
        Holdings {
            properties,
            max_photo,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_fits_fits_again(content in items(), holdings in holdings()) {
        for media_type in ["text/x-vcard", "text/calendar", "text/plain"] {
            if let Some(first) = fit(content.as_bytes(), media_type, &holdings) {
                prop_assert!(!first.lost.is_empty());
                let again = fit(&first.bytes, media_type, &holdings);
                prop_assert_eq!(again, None, "{}", String::from_utf8_lossy(&first.bytes));
            }
        }
    }

    #[test]
    fn any_bytes_are_taken(content in prop::collection::vec(any::<u8>(), 0..300), holdings in holdings()) {
        for media_type in ["text/plain", "text/x-vcard", "text/calendar", "text/x-vnote", ""] {
            fit(&content, media_type, &holdings);
        }
    }
}

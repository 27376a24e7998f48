//! What a field filter leaves of an item.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::line::Lines;
use crate::own::own_lines;
use proptest::prelude::*;

fn field(name: &str) -> Field {
    Field {
        name: name.to_owned(),
        ..Field::default()
    }
}

fn sized(name: &str, max_size: u64) -> Field {
    Field {
        max_size: Some(max_size),
        ..field(name)
    }
}

fn kept(content: &str, fields: &[Field]) -> String {
    String::from_utf8(keep_fields("", content.as_bytes(), fields)).unwrap()
}

const CARD: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Laine;Aino;;;\r\nFN:Aino Laine\r\n\
                    item1.TEL;TYPE=CELL;X-A=b:+358 40\r\n 123\r\nTEL:2\r\nTEL:3\r\n\
                    NOTE:caf\u{e9}\\, tea\\nand more\r\nBDAY:19800101\r\nUID:7\r\nEND:VCARD\r\n";

// spec: L04
#[test]
fn only_what_is_listed_stays() {
    assert_eq!(
        kept(CARD, &[field("tel"), field("X-NONE")]),
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Laine;Aino;;;\r\nFN:Aino Laine\r\n\
         item1.TEL;TYPE=CELL;X-A=b:+358 40\r\n 123\r\nTEL:2\r\nTEL:3\r\nUID:7\r\nEND:VCARD\r\n"
    );
}

#[test]
fn occurrences_and_parameters_are_limited() {
    let tel = Field {
        max_occur: Some(2),
        parameters: vec!["type".to_owned()],
        ..field("TEL")
    };
    let out = kept(CARD, &[tel]);
    assert!(
        out.contains("item1.TEL;TYPE=CELL:+358 40123\r\nTEL:2\r\n"),
        "{out}"
    );
    assert!(!out.contains("TEL:3"), "{out}");
}

#[test]
fn a_text_is_cut_between_characters() {
    let cuts = [
        (0, "NOTE:\r\n"),
        (3, "NOTE:caf\r\n"),
        (4, "NOTE:caf\u{e9}\r\n"),
        (5, "NOTE:caf\u{e9}\\,\r\n"),
        (9, "NOTE:caf\u{e9}\\, tea\r\n"),
        (10, "NOTE:caf\u{e9}\\, tea\\n\r\n"),
        (18, "NOTE:caf\u{e9}\\, tea\\nand more\r\n"),
        (u64::MAX, "NOTE:caf\u{e9}\\, tea\\nand more\r\n"),
    ];
    for (size, line) in cuts {
        let out = kept(CARD, &[sized("NOTE", size)]);
        assert!(out.contains(line), "{size}: {out}");
    }
    let whole = Field {
        no_truncate: true,
        ..sized("NOTE", 4)
    };
    assert!(!kept(CARD, &[whole]).contains("NOTE"));
    assert!(!kept(CARD, &[sized("BDAY", 4)]).contains("BDAY"));
    assert!(kept(CARD, &[sized("UID", 0)]).contains("UID:7"));
}

#[test]
fn old_cards_are_cut_in_their_encoding() {
    let card = "BEGIN:VCARD\nVERSION:2.1\nN:a\n\
                NOTE;HOME;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:caf=E9 one=\ntwo\n\
                PHOTO;JPEG;BASE64:\n QUJDREVG\n\nEND:VCARD\n";
    let out = kept(card, &[sized("NOTE", 5), sized("PHOTO", 8)]);
    assert!(
        out.contains("NOTE;HOME;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:caf=C3=A9=20\r\n"),
        "{out}"
    );
    assert!(
        out.contains("PHOTO;JPEG;BASE64:\n QUJDREVG\n\nEND"),
        "{out}"
    );
    let broken = card.replace("caf=E9", "ca=0D=0A");
    let out = kept(&broken, &[sized("NOTE", 3)]);
    assert!(out.contains("NOTE;HOME:ca\r\n"), "{out}");
    assert!(!kept(card, &[sized("PHOTO", 7)]).contains("PHOTO"));
}

#[test]
fn zones_stay_and_alarms_go() {
    let event = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:a\nBEGIN:STANDARD\n\
                 DTSTART:19700101T000000\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\n\
                 DTSTART;TZID=a:20100101T090000\nSUMMARY:b\nRRULE:FREQ=DAILY\nBEGIN:VALARM\n\
                 ACTION:c\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n";
    let without = event
        .replace("RRULE:FREQ=DAILY\n", "")
        .replace("BEGIN:VALARM\nACTION:c\nEND:VALARM\n", "");
    assert_eq!(kept(event, &[field("SUMMARY")]), without);
    let all = [field("SUMMARY"), field("RRULE"), field("VALARM")];
    assert_eq!(kept(event, &all), event);
}

#[test]
fn other_formats_are_not_touched() {
    let text = |size| {
        String::from_utf8(keep_fields(
            "text/plain",
            "\u{e4}bc".as_bytes(),
            &[sized("BODY", size)],
        ))
    };
    assert_eq!(text(2).unwrap(), "\u{e4}b");
    assert_eq!(text(3).unwrap(), "\u{e4}bc");
    let binary = [0, 1, 2, 255];
    assert_eq!(keep_fields("image/png", &binary, &[field("N")]), binary);
}

#[test]
fn a_line_that_breaks_off_swallows_nothing() {
    let event = "BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\n\
                 SUMMARY;ENCODING=QUOTED-PRINTABLE:a=\nBEGIN:VALARM\nEND:VALARM\n\
                 LOCATION:b\nEND:VEVENT\nEND:VCALENDAR\n";
    let out = kept(event, &[field("SUMMARY"), field("LOCATION")]);
    let names: Vec<_> = own_lines(out.as_bytes())
        .map(|l| l.name().to_vec())
        .collect();
    assert_eq!(names, [&b"VERSION"[..], b"SUMMARY", b"LOCATION"]);
}

#[test]
fn the_value_of_an_agent_goes_with_it() {
    let card = |inner: &str| format!("BEGIN:VCARD\nVERSION:2.1\nAGENT:\n{inner}TEL:1\nEND:VCARD\n");
    let agent = "BEGIN:VCARD\nTEL:2\nEND:VCARD\n";
    let without = "BEGIN:VCARD\nVERSION:2.1\nTEL:1\nEND:VCARD\n";
    assert_eq!(kept(&card(agent), &[field("TEL")]), without);
    let all = [field("TEL"), field("AGENT")];
    assert_eq!(kept(&card(agent), &all), card(agent));
    // the inner one would end the outer one without its AGENT
    let nested = "BEGIN:VCALENDAR\nAGENT:\nBEGIN:VCALENDAR\nAGENT:\n";
    assert_eq!(kept(nested, &[]), "BEGIN:VCALENDAR\n");
}

fn pieces() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("BEGIN:VCARD\n"),
        Just("END:VCARD\n"),
        Just("VERSION:2.1\n"),
        Just("VERSION:3.0\n"),
        Just("BEGIN:VCALENDAR\n"),
        Just("END:VCALENDAR\n"),
        Just("BEGIN:VEVENT\n"),
        Just("END:VEVENT\n"),
        Just("BEGIN:VALARM\n"),
        Just("END:VALARM\n"),
        Just("AGENT:\n"),
        Just("NOTE;QUOTED-PRINTABLE:a=3Bb=\n"),
        Just("NOTE:\u{e9}\\n\\,;x\n y\n"),
        Just("\n"),
        Just("a.TEL;CELL:1\n"),
        Just("PHOTO;BASE64:AAAA\n"),
        Just("junk\n"),
        Just("UID:1\r\n"),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn what_stays_is_listed_and_short(content in pieces(), size in 0_u64..6) {
        let fields = [sized("NOTE", size), field("TEL")];
        let out = keep_fields("text/x-vcard", content.as_bytes(), &fields);
        let format = Format::of("text/x-vcard", content.as_bytes());
        if format.is_some_and(|f| f != Format::Text) {
            let dialect = format.unwrap().dialect();
            for line in own_lines(&out) {
                let is_allowed = is_one_of(&line, &ALWAYS) || is_one_of(&line, &["NOTE", "TEL", "N", "FN"]);
                prop_assert!(is_allowed, "{:?}", line);
                if line.is("NOTE") {
                    let text = line.escaped_text(dialect).into_owned();
                    prop_assert!(cut(&text, size, Some(dialect)).is_none(), "{:?}", line);
                }
            }
            prop_assert!(Lines::new(&out).all(|line| !line.is("PHOTO")) || content.contains("AGENT") || content.contains("VALARM"));
        }
    }

    #[test]
    fn any_bytes_are_taken(content in prop::collection::vec(any::<u8>(), 0..300), size in 0_u64..9) {
        let fields = [sized("BODY", size)];
        for media_type in ["text/plain", "text/x-vcard", "text/calendar", ""] {
            keep_fields(media_type, &content, &fields);
            crate::span(media_type, &content);
        }
    }
}

//! Contacts from one version to another and back, by table and by property.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use calcard::common::IanaString as _;
use calcard::vcard::{VCard, VCardParameterName, VCardParameterValue, VCardValue};
use proptest::prelude::*;

use super::*;
use crate::convert::encode;
use crate::decode::{self, Dialect};
use crate::generated::cards::{self, Property};
use crate::line::Lines;

pub(super) fn to(content: &str, from: Format, format: Format) -> (String, Vec<String>) {
    let target = Target {
        format,
        quoted_printable: true,
    };
    let (bytes, lost) = convert(content.as_bytes(), from, target);
    let lost = lost.iter().map(|l| string(l)).collect();
    (String::from_utf8(bytes).unwrap(), lost)
}

pub(super) fn card(version: &str, lines: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:{version}\r\n{lines}END:VCARD\r\n")
}

// spec: T13
#[test]
fn a_card_is_written_for_an_old_phone() {
    let source = card(
        "3.0",
        "N:Müller\\; Co;Ann;;;\r\nFN:A\r\nTEL;TYPE=home,pref:+1 2\r\nNOTE:a\\nb\r\n\
         PHOTO;ENCODING=b;TYPE=JPEG:/9j/\r\nCATEGORIES:x,y\r\n",
    );
    let expected = card(
        "2.1",
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller\\;=20Co;Ann;;;\r\nFN:A\r\n\
         TEL;HOME;VOICE;PREF:+1 2\r\nNOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab\r\n\
         PHOTO;JPEG;ENCODING=BASE64:\r\n /9j/\r\n\r\nCATEGORIES:x,y\r\n",
    );
    let (text, lost) = to(&source, Format::VCard30, Format::VCard21);
    assert_eq!((text.as_str(), lost.len()), (expected.as_str(), 0));
}

// spec: T34
#[test]
fn a_card_is_written_as_version_4() {
    let source = card(
        "3.0",
        "N:;Ann;;;\r\nFN:Ann\r\nX-GENDER:Female\r\nX-JABBER:a@example.com\r\nTEL;TYPE=PREF:12\r\n\
         PHOTO;TYPE=JPEG;ENCODING=b:/9j/\r\nCLASS:PUBLIC\r\n",
    );
    let expected = card(
        "4.0",
        "N:;Ann;;;\r\nFN:Ann\r\nGENDER:F\r\nIMPP:xmpp:a@example.com\r\nTEL;PREF=1:12\r\n\
         PHOTO:data:image/jpeg;base64,/9j/\r\n",
    );
    let (text, lost) = to(&source, Format::VCard30, Format::VCard40);
    assert_eq!(text, expected);
    assert_eq!(lost, ["CLASS:PUBLIC\r\n"]);
    let (back, _) = to(&text, Format::VCard40, Format::VCard30);
    assert_eq!(back, source.replace("CLASS:PUBLIC\r\n", ""));
}

// spec: T25
#[test]
fn a_birthday_without_a_year_needs_version_4() {
    let source = card("4.0", "BDAY:--0506\r\n");
    let (text, lost) = to(&source, Format::VCard40, Format::VCard30);
    assert_eq!(text, card("3.0", ""));
    assert_eq!(lost, ["BDAY:--0506\r\n"]);
}

// spec: T24
#[test]
fn a_sound_keeps_its_sort_and_group() {
    let source = card("3.0", "a.SOUND;TYPE=WAV;ENCODING=b:/9j/\r\n");
    let (text, lost) = to(&source, Format::VCard30, Format::VCard40);
    assert_eq!(text, card("4.0", "a.SOUND:data:audio/wav;base64,/9j/\r\n"));
    assert_eq!(lost, [""; 0]);
}

// spec: T24
#[test]
fn a_media_type_cannot_start_a_line() {
    let source = card("3.0", "PHOTO:data:image/\\nFN:x\\n;base64,/9j/\r\n");
    let (text, lost) = to(&source, Format::VCard30, Format::VCard21);
    assert_eq!(
        text,
        card("2.1", "PHOTO;JPEG;ENCODING=BASE64:\r\n /9j/\r\n\r\n")
    );
    assert_eq!(lost.len(), 1);
}

proptest! {
    // spec: T34
    #[test]
    fn text_survives_both_ways(
        last in "[a-zß€;,=: ]{0,40}x", note in "[a-zß€;,=:\n\\\\]{0,90}x",
        photo in prop::collection::vec(any::<u8>(), 1..80)
    ) {
        let mut source = b"BEGIN:VCARD\r\nVERSION:3.0\r\n".to_vec();
        let last = encode::escape(&last);
        encode::text(&mut source, "N", &format!("{last};Ann;;;"), Dialect::New, true);
        source.extend_from_slice(b"FN:Ann\r\n");
        encode::text(&mut source, "NOTE", &encode::escape(&note), Dialect::New, true);
        encode::binary(&mut source, "PHOTO;TYPE=PNG;ENCODING=b", &photo, Dialect::New);
        source.extend_from_slice(b"END:VCARD\r\n");
        let source = String::from_utf8(source).unwrap();
        for middle in [Format::VCard21, Format::VCard40] {
            let (text, lost) = to(&source, Format::VCard30, middle);
            prop_assert!(lost.is_empty());
            let (back, lost) = to(&text, middle, Format::VCard30);
            prop_assert!(lost.is_empty());
            prop_assert_eq!(&back, &source);
        }
    }

    #[test]
    fn no_input_panics(content in "(BEGIN:VCARD\n)?[ -~\n=;:,\\\\]{0,200}") {
        for from in [Format::VCard21, Format::VCard30, Format::VCard40] {
            to(&content, from, Format::VCard21);
            to(&content, from, Format::VCard40);
        }
    }
}

// spec: T02
#[test]
fn the_version_inside_decides_whatever_the_media_type_and_the_escapes_say() {
    let under_old =
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann\r\nNOTE:one\\, two\\nthree\r\nEND:VCARD\r\n";
    assert_eq!(
        Format::of("text/x-vcard", under_old.as_bytes()),
        Some(Format::VCard30)
    );
    let old_with_new_escapes = under_old.replace("3.0", "2.1");
    let target = Target {
        format: Format::VCard30,
        quoted_printable: false,
    };
    let converted = crate::convert(old_with_new_escapes.as_bytes(), "text/vcard", target).unwrap();
    let text = String::from_utf8(converted.bytes).unwrap();
    // there a backslash is nothing but one, as in C:\new, so it stays in the text
    assert!(text.contains("NOTE:one\\\\\\, two\\\\nthree\r\n"), "{text}");
}

// spec: T18
#[test]
fn huge_cards_are_read_whole_and_cost_no_more_than_they_are_large() {
    let many: Vec<String> = (0..10_000)
        .map(|n| format!("TEL;TYPE=CELL:{n}\r\n"))
        .collect();
    for lines in [
        format!("NOTE:{}\r\n", "n".repeat(1 << 20)),
        many.concat(),
        format!("X-LONG:{}\r\n", "x".repeat(100_000)),
    ] {
        let card =
            format!("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann\r\nFN:Ann\r\n{lines}END:VCARD\r\n");
        let target = Target {
            format: Format::VCard21,
            quoted_printable: false,
        };
        let there = crate::convert(card.as_bytes(), "text/vcard", target).unwrap();
        assert!(there.bytes.len() < 2 * card.len());
        let target = Target {
            format: Format::VCard30,
            quoted_printable: false,
        };
        let back = crate::convert(&there.bytes, "text/x-vcard", target).unwrap();
        let print = |bytes: &[u8]| crate::fingerprint("text/vcard", bytes).exact;
        assert_eq!(print(&back.bytes), print(card.as_bytes()));
    }
}

// spec: T24
#[test]
fn what_is_of_another_device_does_not_reach_a_phone() {
    let card = |lines: &str| {
        format!("BEGIN:VCARD\r\nVERSION:3.0\r\nN:x\r\nFN:x\r\n{lines}\r\nEND:VCARD\r\n")
    };
    for lines in [
        "PHOTO;VALUE=uri:file:///home/ann/a.jpg",
        "PHOTO;VALUE=uri:FILE:a.jpg",
        "PHOTO;VALUE=uri:C:\\\\a.jpg",
        "LOGO;VALUE=uri:/home/ann/a.jpg",
    ] {
        let (text, lost) = to(&card(lines), Format::VCard30, Format::VCard21);
        assert!(!text.contains("a.jpg"), "{text}");
        assert_eq!(lost.len(), 1, "{lines}");
    }
    let there = "PHOTO;VALUE=uri:http://a.example/a.jpg";
    let (text, _) = to(&card(there), Format::VCard30, Format::VCard21);
    assert!(text.contains("/a.jpg"), "{text}");
}

// spec: T24
#[test]
fn what_came_beside_a_card_in_a_message_is_with_nobody_any_more() {
    for line in [
        "PHOTO;VALUE=CONTENT-ID:<a@b>\r\n",
        "LOGO;VALUE=cid:a@b\r\n",
        "SOUND;WAVE;VALUE=CONTENT-ID:<a@b>\r\n",
    ] {
        let source = card("2.1", &format!("N:x\r\nFN:x\r\n{line}"));
        for format in [Format::VCard30, Format::VCard40] {
            let (text, lost) = to(&source, Format::VCard21, format);
            assert!(!text.contains("a@b"), "{text}");
            assert_eq!(lost, [line]);
        }
    }
}

/// There and back: what is written is what the other version has for it, and nothing is lost.
fn check(properties: &[Property], home: Format, middle: Format) -> Result<(), TestCaseError> {
    let source = cards::written(properties, home);
    let (there, lost) = to(&source, home, middle);
    prop_assert!(lost.is_empty(), "{home:?} to {middle:?}: {lost:?}");
    let expected = cards::fields(&cards::written(properties, middle), middle);
    prop_assert_eq!(
        cards::fields(&there, middle),
        expected,
        "{:?} to {:?}",
        home,
        middle
    );
    let (back, lost) = to(&there, middle, home);
    prop_assert!(lost.is_empty(), "back from {middle:?}: {lost:?}");
    prop_assert_eq!(
        cards::fields(&back, home),
        cards::fields(&source, home),
        "{}",
        there
    );
    Ok(())
}

proptest! {
    // spec: T34
    #[test]
    fn what_all_versions_can_say_comes_back_field_by_field(properties in cards::properties()) {
        for (home, middle) in [(Format::VCard30, Format::VCard21), (Format::VCard21, Format::VCard30),
            (Format::VCard40, Format::VCard21), (Format::VCard21, Format::VCard40),
            (Format::VCard30, Format::VCard40), (Format::VCard40, Format::VCard30),] {
            check(&properties, home, middle)?;
        }
    }
}

/// Properties whose values another reader gives as text, as parts or as octets; of the others it
/// makes numbers and dates.
const READ_BY_OTHERS: [&str; 14] = [
    "N",
    "FN",
    "ADR",
    "ORG",
    "TITLE",
    "ROLE",
    "NOTE",
    "CATEGORIES",
    "NICKNAME",
    "TEL",
    "EMAIL",
    "URL",
    "X-CUSTOM",
    "X-EVOLUTION-FILE-AS",
];

/// Name, types and values of the lines of a card, as they are read here.
fn read_here(card: &str) -> Vec<(String, Vec<String>, Vec<String>)> {
    let upper = |word: &[u8]| string(word).to_uppercase();
    let mut read = Vec::new();
    for line in Lines::new(card.as_bytes()) {
        let name = upper(line.name());
        let separator = match name.as_str() {
            "N" | "ADR" | "ORG" => ';',
            "CATEGORIES" | "NICKNAME" => ',',
            _ => '\0',
        };
        let text = line.escaped_text(Dialect::New);
        let values = decode::parts(&text, separator, Dialect::New)
            .map(|part| decode::unescape(part, Dialect::New).into_owned());
        if READ_BY_OTHERS.contains(&name.as_str()) {
            read.push((name, line.types().map(upper).collect(), values.collect()));
        }
    }
    read
}

/// The same as calcard reads them.
fn read_by_others(card: &str) -> Vec<(String, Vec<String>, Vec<String>)> {
    let mut read = Vec::new();
    for entry in VCard::parse(card).unwrap().entries {
        let name = entry.name.as_str().to_uppercase();
        let types = entry
            .params
            .iter()
            .filter(|p| p.name == VCardParameterName::Type);
        let types = types.map(|param| match &param.value {
            VCardParameterValue::Type(kind) => kind.as_str().to_uppercase(),
            VCardParameterValue::Text(kind) => kind.to_uppercase(),
            other => format!("{other:?}"),
        });
        let values = entry.values.iter().map(|value| match value {
            VCardValue::Text(text) => text.clone(),
            VCardValue::Component(parts) => parts.join(","),
            other => format!("{other:?}"),
        });
        if READ_BY_OTHERS.contains(&name.as_str()) {
            read.push((name, types.collect(), values.collect()));
        }
    }
    read
}

proptest! {
    // spec: T09 T11 T12
    #[test]
    fn a_card_is_read_as_others_read_it(properties in cards::properties()) {
        for version in [Format::VCard30, Format::VCard40] {
            let card = cards::written(&properties, version);
            prop_assert_eq!(read_here(&card), read_by_others(&card), "{}", card);
        }
    }
}

//! Items: no byte is lost by reading, decoding is bounded, comparing is fair, joining comes to an
//! end and takes nothing away, and no edit changes no byte.
//!
//! The input is two items, with a line `%%` between them, and perhaps what a device held between
//! the two as a third.

use std::borrow::Cow;

use pim::component::{Components, Event, MAX_DEPTH};

use pim::decode::{self, Dialect};
use pim::line::{Line, Lines};
use pim::{
    Edit, Format, Habit, Holding, Holdings, Likeness, Parameter, Prefer, Target, apply, compare,
    convert, fill_missing, fingerprint, fit, media, split, summary,
};

use super::script::{blocks, contains};

const MEDIA_TYPES: [&str; 5] = [
    "",
    "text/x-vcard",
    "text/vcard",
    "text/x-vcalendar",
    "text/plain",
];

pub(crate) fn run(input: &[u8]) {
    let mut items = blocks(input);
    let first = items.next().unwrap_or_default();
    let second = items.next().unwrap_or(first);
    for item in [first, second] {
        lines(item);
        components(item);
        parts(item);
        for media_type in MEDIA_TYPES {
            named(item, media_type);
            fitted(item, media_type);
        }
    }
    pair(first, second);
    edited(first, second, items.next().unwrap_or(second));
    for format in [
        Format::VCard21,
        Format::VCard30,
        Format::VCard40,
        Format::VNote,
        Format::Text,
    ] {
        for quoted_printable in [false, true] {
            converted(
                first,
                Target {
                    format,
                    quoted_printable,
                },
            );
        }
    }
}

/// An edit that is none changes nothing; any other makes a record that is not much longer.
fn edited(current: &[u8], new: &[u8], held: &[u8]) {
    for shown in [current, new] {
        for prefer in [Prefer::New, Prefer::Current] {
            let edit = |held| Edit {
                habit: Habit::Whole,
                current,
                shown,
                held,
                new,
            };
            if let Some(same) = apply(&edit(Some(new)), prefer) {
                assert_eq!(same.bytes, current, "bytes change without an edit");
            }
            for held in [Some(held), None] {
                let Some(applied) = apply(&edit(held), prefer) else {
                    continue;
                };
                // a letter of an 8-bit character set is two bytes, and each is `=XX`
                let most = 12 * (current.len() + new.len()) + 1024;
                assert!(applied.bytes.len() <= most, "{} bytes", applied.bytes.len());
            }
        }
    }
}

/// What is converted is of the format wanted and not much longer; what is said to be lost was there.
fn converted(content: &[u8], target: Target) {
    let Ok(made) = convert(content, "", target) else {
        return;
    };
    // a letter of an 8-bit character set is two bytes, and each is `=XX`
    let most = 12 * content.len() + 1024;
    assert!(made.bytes.len() <= most, "{} bytes", made.bytes.len());
    for line in &made.lost {
        assert!(contains(content, line), "a lost line that never was");
    }
    let again = convert(&made.bytes, made.media_type, target);
    let again = again.expect("what is written is of a known format");
    assert_eq!(again.bytes, made.bytes, "another conversion changes it");
    if target.format != Format::Text {
        assert_eq!(Format::of("", &made.bytes), Some(target.format));
        let begins = Lines::new(&made.bytes).filter(|line| line.is("BEGIN"));
        let ends = Lines::new(&made.bytes).filter(|line| line.is("END"));
        if !contains(&content.to_ascii_uppercase(), b"AGENT")
            && Format::of("", content) != Some(target.format)
        {
            assert_eq!((begins.count(), ends.count()), (1, 1), "a line breaks out");
        }
    }
}

/// What a device keeps is not much longer than the item, and what is said to be lost was there.
fn fitted(content: &[u8], media_type: &str) {
    let holding = |name: &str, max_size, types: &[&str]| Holding {
        name: name.to_owned(),
        max_size,
        max_occur: Some(1),
        parameters: types
            .iter()
            .map(|name| Parameter {
                name: (*name).to_owned(),
                max_size: Some(4),
                ..Parameter::default()
            })
            .collect(),
        ..Holding::default()
    };
    let holdings = Holdings {
        properties: Some(vec![
            holding("N", Some(9), &["FirstName", "LastName"]),
            holding("TEL", None, &["HOME", "CELL"]),
            holding("NOTE", Some(5), &[]),
            holding("BODY", Some(5), &[]),
            holding("SUMMARY", Some(5), &[]),
            holding("PHOTO", None, &[]),
        ]),
        max_photo: Some(100),
    };
    let Some(made) = fit(content, media_type, &holdings) else {
        return;
    };
    assert!(made.bytes.len() <= 12 * content.len() + 1024);
    assert!(!made.lost.is_empty(), "it was changed");
    for line in &made.lost {
        assert!(contains(content, line), "a lost line that never was");
    }
    let _ = fit(&made.bytes, media_type, &holdings);
}

fn lines(content: &[u8]) {
    let mut joined = Vec::with_capacity(content.len());
    for line in Lines::new(content) {
        assert!(!line.source().is_empty(), "a line of nothing");
        joined.extend_from_slice(line.source());
        value(&line);
        for param in line.params() {
            let _ = param.unquoted();
            assert!(param.values().count() <= line.source().len() + 1);
        }
    }
    assert_eq!(joined, content, "lines are not the bytes they came from");
}

fn value(line: &Line<'_>) {
    let length = line.source().len();
    for dialect in [Dialect::Old, Dialect::New] {
        // a byte of an 8-bit character set is three of UTF-8 at most
        let text = line.text(dialect);
        assert!(text.len() <= 3 * length, "{} of {length}", text.len());
        let escaped = line.escaped_text(dialect);
        for part in decode::parts(&escaped, ';', dialect) {
            assert!(decode::unescape(part, dialect).len() <= part.len());
        }
        let joined: usize = decode::parts(&escaped, ';', dialect)
            .map(|part| part.len() + 1)
            .sum();
        assert_eq!(joined, escaped.len() + 1, "parts lose text");
        let mut out = Vec::new();
        decode::unfold(line.raw_value(), dialect, &mut out);
        assert!(out.len() <= length);
        out.clear();
        decode::quoted_printable(line.raw_value(), dialect, true, &mut out);
        assert!(out.len() <= length);
    }
    let mut out = Vec::new();
    decode::base64(line.raw_value(), &mut out);
    assert!(out.len() <= length);
    let decoded = decode::charset(Cow::Borrowed(line.raw_value()), line.charset());
    assert!(decoded.len() <= 3 * length);
}

fn components(content: &[u8]) {
    let mut open = 0_usize;
    let mut seen = 0_usize;
    let mut components = Components::new(content);
    while let Some(event) = components.next() {
        match event {
            Event::Begin { .. } => open += 1,
            Event::End { line, .. } => {
                assert!(open > 0, "an end without a start");
                open -= 1;
                seen += line.map_or(0, |line| line.source().len());
            }
            Event::Property(line) => seen += line.source().len(),
        }
        assert!(open <= MAX_DEPTH + 1, "{open} open components");
        assert_eq!(components.depth().min(MAX_DEPTH), components.depth());
        assert!(seen <= content.len(), "lines come twice");
    }
    assert_eq!(open, 0, "a component is left open");
}

fn parts(content: &[u8]) {
    for part in split(content).flatten() {
        assert!(!part.content.is_empty(), "an item of nothing");
        // the time zones and properties of a calendar come into each of its items
        assert!(part.content.len() <= 2 * content.len() + 1024);
    }
}

fn named(content: &[u8], media_type: &str) {
    if let Some(name) = summary(content, media_type) {
        assert!(name.chars().count() <= 80, "a name of {}", name.len());
        assert!(!name.contains(['\r', '\n']), "a name of two lines");
        assert!(!name.trim().is_empty(), "a name of nothing");
    }
    let _ = media::kind_of(media_type, content);
    let _ = media::extension_of(media_type, content);
    assert_eq!(
        fingerprint(media_type, content),
        fingerprint(media_type, content)
    );
    assert_eq!(
        compare(media_type, content, media_type, content),
        Likeness::Same
    );
}

fn pair(first: &[u8], second: &[u8]) {
    for media_type in MEDIA_TYPES {
        let likeness = compare(media_type, first, media_type, second);
        assert_eq!(
            compare(media_type, second, media_type, first),
            likeness,
            "it depends on the order"
        );
        if likeness != Likeness::Different {
            let (a, b) = (
                fingerprint(media_type, first),
                fingerprint(media_type, second),
            );
            let is_found = a.exact == b.exact
                || (a.key.is_some() && a.key == b.key)
                || (a.uid.is_some() && a.uid == b.uid);
            assert!(is_found, "{likeness:?}, which no index finds");
        }
    }
    let Some(joined) = fill_missing(first, second) else {
        return;
    };
    // a line end for each line, where the last has none
    assert!(joined.len() <= first.len() + 3 * second.len() + 2);
    if let Some(again) = fill_missing(&joined, second) {
        let [once, again] = [&joined, &again].map(|bytes| bytes.escape_ascii());
        panic!("joining again adds more: {once} and {again}");
    }
    if joined != second {
        let kept = Lines::new(first).all(|line| contains(&joined, line.source()));
        assert!(kept, "a line of the winner is gone");
    }
}

//! Cards of anything that all versions can say, each written and read by the rules of its version.
//!
//! The cards are written here, and not by what is tested; what is shared is the reading of lines and
//! the alphabet of base64.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::decode::{Dialect, parts, unescape, with_line_feeds};
use crate::line::{Encoding, Lines};
use crate::media::Format;
use crate::media::Format::{VCard21 as V21, VCard30 as V30, VCard40 as V40};

/// What a property's value is made of.
#[derive(Debug, Clone)]
enum Value {
    Text(String),
    /// Components, parted by `;`.
    Parts(Vec<String>),
    /// A list, parted by `,`.
    List(Vec<String>),
    /// Octets of a picture or sound, of a media type.
    Octets(&'static str, &'static str, Vec<u8>),
    /// What no escape is for: dates, numbers, addresses.
    Plain(String),
}

/// A property: its name in the versions 2.1 and 3.0 and in 4.0, its types and its value.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    names: (&'static str, &'static str),
    types: Vec<&'static str>,
    is_preferred: bool,
    value: Value,
}

fn property(name: &'static str, value: Value) -> Property {
    Property {
        names: (name, name),
        types: Vec::new(),
        is_preferred: false,
        value,
    }
}

/// Text of what is hard: separators, quotes, blanks, equal signs, what ASCII lacks, and long lines.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-zA-Z0-9 ]{1,12}",
        1 => "[;,:=\"'<>&^.%@!?()/-]{1,3}",
        1 => "[äöüßéñ€žЖλ日本語😀\u{301}\u{200d}]{1,4}",
        1 => Just("x".repeat(90)),
    ];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| {
        let text = pieces.concat();
        format!("a{}z", text.trim())
    })
}

/// Text of several lines with backslashes in it.
pub(crate) fn lines_of_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![text(), Just(String::new()), Just("C:\\new\\, x".to_owned())];
    prop::collection::vec(line, 1..5).prop_map(|lines| format!("{}.", lines.join("\n")))
}

/// Components, some of them empty.
fn components(count: usize) -> impl Strategy<Value = Vec<String>> {
    let one = prop_oneof![1 => Just(String::new()), 2 => text()];
    prop::collection::vec(one, count).prop_map(|mut parts| {
        if parts.iter().all(String::is_empty) {
            parts[0] = "a".to_owned();
        }
        parts
    })
}

fn types(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(of, 0..=of.len().min(4))
}

/// Several of one property, the first of them preferred or none.
fn several(
    name: &'static str,
    of: &'static [&'static str],
    value: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Vec<Property>> {
    let one = (types(of), value).prop_map(move |(types, value)| Property {
        types,
        ..property(name, value)
    });
    (prop::collection::vec(one, 0..4), any::<bool>())
        .prop_map(|(mut all, is_preferred)| {
            if let Some(first) = all.first_mut() {
                first.is_preferred = is_preferred;
            }
            all
        })
        .boxed()
}

fn perhaps(one: impl Strategy<Value = Property> + 'static) -> BoxedStrategy<Vec<Property>> {
    prop::option::of(one).prop_map(Vec::from_iter).boxed()
}

fn renamed(
    old: &'static str,
    new: &'static str,
    value: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Vec<Property>> {
    perhaps(value.prop_map(move |value| Property {
        names: (old, new),
        ..property(old, value)
    }))
}

fn date() -> impl Strategy<Value = Value> {
    (1900..2030_u16, 1..13_u8, 1..29_u8)
        .prop_map(|(year, month, day)| Value::Plain(format!("{year}{month:02}{day:02}")))
}

fn octets(name: &'static str) -> BoxedStrategy<Vec<Property>> {
    let kinds: Vec<(_, _, &[u8])> = if name == "SOUND" {
        vec![("WAVE", "audio/wave", b"RIFF")]
    } else {
        vec![
            ("JPEG", "image/jpeg", &[0xff, 0xd8, 0xff]),
            ("PNG", "image/png", &[0x89, b'P', b'N', b'G']),
            ("GIF", "image/gif", b"GIF8"),
        ]
    };
    let value = (
        prop::sample::select(kinds),
        prop::collection::vec(any::<u8>(), 0..300),
    );
    perhaps(value.prop_map(move |((kind, media_type, start), data)| {
        property(
            name,
            Value::Octets(kind, media_type, [start, &data].concat()),
        )
    }))
}

const NUMBERS: [&str; 12] = [
    "HOME", "WORK", "CELL", "FAX", "PAGER", "CAR", "VIDEO", "VOICE", "MSG", "BBS", "MODEM", "ISDN",
];
const PLACES: [&str; 2] = ["HOME", "WORK"];

/// A card's properties that all versions have a form for.
pub(crate) fn properties() -> impl Strategy<Value = Vec<Property>> {
    let name = components(5).prop_map(|parts| vec![property("N", Value::Parts(parts))]);
    let full = text().prop_map(|text| vec![property("FN", Value::Text(text))]);
    let number = "[+]?[0-9]{1,5}([ ()/p#*-]?[0-9]{1,4}){0,3}";
    let organization = (1..5_usize).prop_flat_map(components);
    let address = (types(&PLACES), components(7)).prop_map(|(types, parts)| Property {
        types,
        ..property("ADR", Value::Parts(parts))
    });
    let words = prop::collection::vec("[a-zäЖ][a-z ä]{0,8}[a-zß]", 1..4);
    let place = (-9000..9000_i32, -18000..18000_i32).prop_map(|(latitude, longitude)| {
        let [latitude, longitude] = [latitude, longitude].map(|at| f64::from(at) / 100.0);
        Value::Plain(format!("{latitude};{longitude}"))
    });
    let fields: Vec<BoxedStrategy<Vec<Property>>> = vec![
        name.boxed(),
        full.boxed(),
        several("TEL", &NUMBERS, number.prop_map(Value::Plain)),
        several(
            "EMAIL",
            &PLACES,
            "[a-zA-Z.+-]{1,20}@[a-z]{1,9}[.]org".prop_map(Value::Plain),
        ),
        prop::collection::vec(address, 0..3).boxed(),
        perhaps(organization.prop_map(|parts| property("ORG", Value::Parts(parts)))),
        perhaps(text().prop_map(|text| property("TITLE", Value::Text(text)))),
        perhaps(text().prop_map(|text| property("ROLE", Value::Text(text)))),
        perhaps(lines_of_text().prop_map(|text| property("NOTE", Value::Text(text)))),
        perhaps(date().prop_map(|date| property("BDAY", date))),
        renamed("X-ANNIVERSARY", "ANNIVERSARY", date()),
        several(
            "URL",
            &PLACES,
            "https?://[a-z]{1,9}[.]org/[a-z?=&;,%~#]{0,30}".prop_map(Value::Plain),
        ),
        perhaps(
            words
                .clone()
                .prop_map(|words| property("CATEGORIES", Value::List(words))),
        ),
        perhaps(words.prop_map(|words| property("NICKNAME", Value::List(words)))),
        octets("PHOTO"),
        octets("LOGO"),
        octets("SOUND"),
        perhaps(place.prop_map(|place| property("GEO", place))),
        perhaps("[+-][01][0-9]:[03]0".prop_map(|offset| property("TZ", Value::Plain(offset)))),
        perhaps("[a-z0-9-]{8,40}".prop_map(|uid| property("UID", Value::Plain(uid)))),
        perhaps(text().prop_map(|text| property("X-CUSTOM", Value::Text(text)))),
        perhaps(
            lines_of_text().prop_map(|text| property("X-EVOLUTION-FILE-AS", Value::Text(text))),
        ),
        renamed(
            "X-GENDER",
            "GENDER",
            prop::sample::select(vec!["Male", "Female"])
                .prop_map(|word| Value::Plain(word.to_owned())),
        ),
        renamed(
            "X-JABBER",
            "IMPP",
            "[a-z]{1,9}@[a-z]{1,9}[.]org".prop_map(Value::Plain),
        ),
        renamed("X-SPOUSE", "RELATED", text().prop_map(Value::Text)),
        renamed("MAILER", "X-MAILER", text().prop_map(Value::Text)),
    ];
    fields.prop_map(|fields| fields.concat())
}

fn is_ascii(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    text.replace(',', "\\,").replace(';', "\\;")
}

/// A line of vCard 2.1: what is not one line of ASCII is quoted-printable, each octet on its own.
pub(super) fn line_old(head: &str, text: &str) -> String {
    if is_ascii(text) {
        return format!("{head}:{text}\r\n");
    }
    let text = text.replace('\n', "\r\n");
    let code = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b';' | b'\\' => char::from(byte).to_string(),
        _ => format!("={byte:02X}"),
    };
    let codes: Vec<String> = text.bytes().map(code).collect();
    // soft breaks between any two octets, in the middle of characters too
    let lines: Vec<String> = codes.chunks(20).map(<[String]>::concat).collect();
    let charset = "CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE";
    format!("{head};{charset}:{}\r\n", lines.join("=\r\n"))
}

pub(super) fn line_new(head: &str, text: &str) -> String {
    let line = format!("{head}:{text}");
    let mut folded = String::new();
    let mut width = 0;
    for c in line.chars() {
        if width + c.len_utf8() > 75 {
            folded.push_str("\r\n ");
            width = 1;
        }
        folded.push(c);
        width += c.len_utf8();
    }
    folded + "\r\n"
}

fn base64(data: &[u8]) -> String {
    crate::convert::encode::base64(data)
}

impl Property {
    fn head(&self, version: Format) -> String {
        let name = if version == V40 {
            self.names.1
        } else {
            self.names.0
        };
        let mut head = name.to_owned();
        let mut types: Vec<&str> = self.types.clone();
        match version {
            V40 => {}
            _ if self.is_preferred => types.push("PREF"),
            _ => {}
        }
        if version == V21 {
            for kind in types {
                head = format!("{head};{kind}");
            }
            return head;
        }
        if !types.is_empty() {
            head = format!("{head};TYPE={}", types.join(","));
        }
        if version == V40 && self.is_preferred {
            head.push_str(";PREF=1");
        }
        if name == "RELATED" {
            head.push_str(";TYPE=SPOUSE;VALUE=text");
        }
        head
    }

    pub(crate) fn line(&self, version: Format) -> String {
        let head = self.head(version);
        let is_old = version == V21;
        match &self.value {
            Value::Octets(kind, media_type, data) => match version {
                V21 => {
                    format!(
                        "{head};{kind};ENCODING=BASE64:\r\n {}\r\n\r\n",
                        base64(data)
                    )
                }
                V30 => line_new(&format!("{head};ENCODING=b;TYPE={kind}"), &base64(data)),
                _ => line_new(&head, &format!("data:{media_type};base64,{}", base64(data))),
            },
            Value::Plain(text) => {
                let text = match (self.names.0, version) {
                    ("BDAY" | "X-ANNIVERSARY", V30) => {
                        format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..])
                    }
                    ("GEO", V40) => format!("geo:{}", text.replace(';', ",")),
                    ("X-GENDER", V40) => text[..1].to_owned(),
                    ("X-JABBER", V40) => format!("xmpp:{text}"),
                    _ => text.clone(),
                };
                if is_old {
                    line_old(&head, &text)
                } else {
                    line_new(&head, &text)
                }
            }
            Value::Text(text) if is_old => line_old(&head, text),
            Value::Text(text) => line_new(&head, &escaped(text)),
            Value::List(words) if is_old => line_old(&head, &words.join(",")),
            Value::List(words) => {
                let words: Vec<String> = words.iter().map(|word| escaped(word)).collect();
                line_new(&head, &words.join(","))
            }
            Value::Parts(parts) if is_old => {
                let parts: Vec<String> =
                    parts.iter().map(|part| part.replace(';', "\\;")).collect();
                line_old(&head, &parts.join(";"))
            }
            Value::Parts(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| escaped(part)).collect();
                line_new(&head, &parts.join(";"))
            }
        }
    }
}

pub(crate) fn written(properties: &[Property], version: Format) -> String {
    let lines: String = properties
        .iter()
        .map(|property| property.line(version))
        .collect();
    let version = version.version();
    format!("BEGIN:VCARD\r\nVERSION:{version}\r\n{lines}END:VCARD\r\n")
}

/// What a card says, field by field: name, types and other parameters, value.
pub(crate) fn fields(card: &str, version: Format) -> Vec<String> {
    let dialect = version.dialect();
    let mut fields: Vec<String> = Lines::new(card.as_bytes())
        .map(|line| {
            let name = String::from_utf8_lossy(line.name()).to_uppercase();
            let word = |word: &[u8]| String::from_utf8_lossy(word).to_uppercase();
            let types: BTreeSet<String> = line
                .types()
                .map(word)
                .filter(|kind| !(kind == "VOICE" && name == "TEL"))
                .filter(|kind| !(kind == "INTERNET" && name == "EMAIL"))
                .collect();
            let said = ["TYPE", "CHARSET", "ENCODING", "VALUE"];
            let others: BTreeSet<String> = line
                .params()
                .filter(|param| !param.name.is_empty() && !said.iter().any(|said| param.is(said)))
                .map(|param| format!("{}={}", word(param.name), word(param.unquoted())))
                .collect();
            let value = match name.as_str() {
                _ if line.encoding() == Encoding::Base64 => format!("{:?}", line.bytes(dialect)),
                "N" | "ADR" | "ORG" | "GEO" => {
                    format!("{:?}", list(&line.escaped_text(dialect), ';', dialect))
                }
                "CATEGORIES" | "NICKNAME" => {
                    format!("{:?}", list(&line.escaped_text(dialect), ',', dialect))
                }
                "BDAY" | "X-ANNIVERSARY" | "ANNIVERSARY" => line.text(dialect).replace('-', ""),
                _ => with_line_feeds(&line.text(dialect)).into_owned(),
            };
            format!("{name} {types:?} {others:?} {value}")
        })
        .collect();
    fields.sort_unstable();
    fields
}

pub(super) fn list(text: &str, separator: char, dialect: Dialect) -> Vec<String> {
    let parts = parts(text, separator, dialect).map(|part| unescape(part, dialect).into_owned());
    let mut parts: Vec<String> = parts
        .map(|part| with_line_feeds(&part).into_owned())
        .collect();
    while parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    parts
}

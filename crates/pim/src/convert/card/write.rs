//! Writing a property as a line of the target's version.

use memchr::memchr;

use super::names::{BINARY, TEXT};
use super::{Property, Value};
use crate::convert::{Target, encode};
use crate::decode::Dialect;
use crate::media::Format;

/// Room for the pieces of a line, which is used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Room {
    head: String,
    value: String,
}

// spec: T28 T36
fn write_head(head: &mut String, property: &Property, to: Format, with_types: bool) {
    if let Some(group) = &property.group {
        head.extend([group, "."]);
    }
    head.push_str(&property.name);
    let is_new = to == Format::VCard40;
    if with_types {
        let lead = if to == Format::VCard21 { ";" } else { ";TYPE=" };
        for kind in property.types.iter().filter(|kind| *kind != "PREF") {
            head.extend([lead, kind]);
        }
    }
    if property.types.iter().any(|kind| kind == "PREF") {
        head.push_str(match to {
            Format::VCard21 => ";PREF",
            Format::VCard40 => ";PREF=1",
            _ => ";TYPE=PREF",
        });
    }
    for (key, value) in &property.params {
        let value = if is_new {
            let value = value.replace('^', "^^").replace('"', "^'");
            value.replace('\r', "").replace('\n', "^n")
        } else {
            value.clone()
        };
        let quote = if value.contains([':', ';', ',']) {
            "\""
        } else {
            ""
        };
        head.extend([";", key, "=", quote, &value, quote]);
    }
}

// spec: T20 T34
pub(super) fn write(out: &mut Vec<u8>, property: &Property, target: Target, room: &mut Room) {
    let to = target.format;
    let dialect = to.dialect();
    let is_data = to == Format::VCard40 && matches!(property.value, Value::Binary(_));
    let Room { head, value } = room;
    head.clear();
    value.clear();
    write_head(head, property, to, !is_data);
    let is_text = TEXT.contains(&property.name.as_str());
    match &property.value {
        Value::Binary(data) if is_data => {
            let tree = match property.name.as_str() {
                "SOUND" => "audio",
                "KEY" => "application",
                _ => "image",
            };
            let media = match property.types.iter().find(|kind| *kind != "PREF") {
                Some(kind) => format!("{tree}/{}", kind.to_ascii_lowercase()),
                None => "application/octet-stream".to_owned(),
            };
            return encode::data_uri(out, head, &media, data);
        }
        Value::Binary(data) => {
            let encoding = if to == Format::VCard21 { "BASE64" } else { "b" };
            head.extend([";ENCODING=", encoding]);
            return encode::binary(out, head, data, dialect);
        }
        Value::Card(card) => {
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(b":\r\n");
            out.extend_from_slice(card);
            return;
        }
        Value::Verbatim(text) => {
            let is_uri = BINARY.contains(&property.name.as_str()) || property.name == "AGENT";
            if is_uri && to != Format::VCard40 {
                head.push_str(if to == Format::VCard21 {
                    ";VALUE=URL"
                } else {
                    ";VALUE=uri"
                });
            }
            match dialect {
                Dialect::New => value.extend(text.split(['\r', '\n'])),
                Dialect::Old => value.push_str(text),
            }
        }
        Value::Text(text) => match dialect {
            Dialect::New => encode::escape_into(value, text),
            Dialect::Old => old_part(value, text, is_text),
        },
        Value::Parts(parts) => {
            let glue = match dialect {
                Dialect::Old if ["N", "ADR"].contains(&property.name.as_str()) => ' ',
                _ => ',',
            };
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    value.push(';');
                }
                match (dialect, part.as_slice()) {
                    (Dialect::New, part) => new_part(value, part, glue),
                    (Dialect::Old, []) => {}
                    (Dialect::Old, [one]) => old_part(value, one, is_text),
                    (Dialect::Old, many) => {
                        let joined = many.join(glue.encode_utf8(&mut [0; 4]));
                        old_part(value, &joined, is_text);
                    }
                }
            }
        }
    }
    encode::text(out, head, value, dialect, target.quoted_printable);
}

fn new_part(value: &mut String, part: &[String], glue: char) {
    for (at, text) in part.iter().enumerate() {
        if at > 0 {
            value.push(glue);
        }
        encode::escape_into(value, text);
    }
}

/// The old formats know one escape. In the one text of a property a `;` is none of it.
// spec: T13
fn old_part(value: &mut String, text: &str, is_text: bool) {
    let text = if is_text {
        text
    } else {
        text.trim_end_matches('\\')
    };
    let mut rest = text;
    while let Some(at) = memchr(b';', rest.as_bytes()) {
        let (before, after) = rest.split_at(at);
        value.push_str(before);
        let is_escape = is_text && before.ends_with('\\');
        value.push_str(if is_escape || !is_text { "\\;" } else { ";" });
        rest = after.get(1..).unwrap_or_default();
    }
    value.push_str(rest);
}

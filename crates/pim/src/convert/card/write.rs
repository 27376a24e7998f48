//! Writing a property as a line of the target's version.

use std::borrow::Cow;

use super::names::{BINARY, TEXT};
use super::{Property, Value};
use crate::convert::{Target, encode};
use crate::decode::Dialect;
use crate::media::Format;

fn head(property: &Property, to: Format, with_types: bool) -> String {
    let mut head = String::with_capacity(80);
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
    head
}

pub(super) fn write(out: &mut Vec<u8>, property: &Property, target: Target) {
    let to = target.format;
    let dialect = to.dialect();
    let is_data = to == Format::VCard40 && matches!(property.value, Value::Binary(_));
    let mut head = head(property, to, !is_data);
    let value = match &property.value {
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
            return encode::data_uri(out, &head, &media, data);
        }
        Value::Binary(data) => {
            let encoding = if to == Format::VCard21 { "BASE64" } else { "b" };
            head.extend([";ENCODING=", encoding]);
            return encode::binary(out, &head, data, dialect);
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
                Dialect::New => text.replace(['\r', '\n'], ""),
                Dialect::Old => text.clone(),
            }
        }
        Value::Parts(parts) => {
            let glue = match dialect {
                Dialect::Old if ["N", "ADR"].contains(&property.name.as_str()) => ' ',
                _ => ',',
            };
            let is_text = TEXT.contains(&property.name.as_str());
            let mut value = String::with_capacity(80);
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    value.push(';');
                }
                match dialect {
                    Dialect::New => new_part(&mut value, part, glue),
                    Dialect::Old => old_part(&mut value, part, glue, is_text),
                }
            }
            value
        }
    };
    encode::text(out, &head, &value, dialect, target.quoted_printable);
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
fn old_part(value: &mut String, part: &[String], glue: char, is_text: bool) {
    let joined = match part {
        [] => return,
        [one] => Cow::Borrowed(one.as_str()),
        many => Cow::Owned(many.join(glue.encode_utf8(&mut [0; 4]))),
    };
    let (joined, from, to) = if is_text {
        (&*joined, "\\;", "\\\\;")
    } else {
        (joined.trim_end_matches('\\'), ";", "\\;")
    };
    let mut pieces = joined.split(from);
    value.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        value.push_str(to);
        value.push_str(piece);
    }
}

//! Writing a property as a line of the target's version.

use super::names::{BINARY, TEXT};
use super::{Property, Value};
use crate::convert::{Target, encode};
use crate::decode::Dialect;
use crate::media::Format;

fn head(property: &Property, to: Format, with_types: bool) -> String {
    let mut head = property
        .group
        .as_ref()
        .map_or(String::new(), |g| format!("{g}."));
    head.push_str(&property.name);
    let (pref, types): (Vec<_>, Vec<_>) = property.types.iter().partition(|t| *t == "PREF");
    let is_new = to == Format::VCard40;
    if with_types {
        for kind in types {
            let lead = if to == Format::VCard21 { ";" } else { ";TYPE=" };
            head.extend([lead, kind]);
        }
    }
    if !pref.is_empty() {
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
        Value::Parts(parts) if dialect == Dialect::New => {
            let part = |p: &Vec<String>| {
                let escaped: Vec<_> = p.iter().map(|t| encode::escape(t)).collect();
                escaped.join(",")
            };
            parts.iter().map(part).collect::<Vec<_>>().join(";")
        }
        Value::Parts(parts) => {
            let glue = if ["N", "ADR"].contains(&property.name.as_str()) {
                " "
            } else {
                ","
            };
            let part = |p: &Vec<String>| {
                if TEXT.contains(&property.name.as_str()) {
                    p.join(glue).replace("\\;", "\\\\;")
                } else {
                    p.join(glue).trim_end_matches('\\').replace(';', "\\;")
                }
            };
            parts.iter().map(part).collect::<Vec<_>>().join(";")
        }
    };
    encode::text(out, &head, &value, dialect, target.quoted_printable);
}

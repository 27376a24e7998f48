//! Contacts: vCard 2.1, 3.0 and 4.0.
//!
//! Each property is read into components of decoded text, or into binary data, and written from
//! there under the name, the parameters and the escapes that the target knows.

use super::{Target, encode};
use crate::component::{Components, Event, Tag};
use crate::decode::{self, Dialect};
use crate::line::{Encoding, Line};
use crate::media::Format;

/// Names that differ: in vCard 2.1 and 3.0, and in 4.0.
const NAMES: [(&str, &str); 5] = [
    ("X-ANNIVERSARY", "ANNIVERSARY"),
    ("X-GENDER", "GENDER"),
    ("X-ADDRESSBOOKSERVER-KIND", "KIND"),
    ("X-ADDRESSBOOKSERVER-MEMBER", "MEMBER"),
    ("MAILER", "X-MAILER"),
];

/// Messenger addresses: the property of vCard 2.1 and 3.0, and the scheme of `IMPP`.
const MESSENGERS: [(&str, &str); 6] = [
    ("X-AIM", "aim"),
    ("X-JABBER", "xmpp"),
    ("X-MSN", "msnim"),
    ("X-YAHOO", "ymsgr"),
    ("X-SKYPE", "skype"),
    ("X-SIP", "sip"),
];

/// Properties that vCard 4.0 has dropped.
const NOT_IN_40: [&str; 7] = [
    "LABEL",
    "SORT-STRING",
    "AGENT",
    "CLASS",
    "NAME",
    "PROFILE",
    "X-ABLABEL",
];

/// Properties that only vCard 4.0 has.
const ONLY_IN_40: [&str; 5] = ["CLIENTPIDMAP", "LANG", "RELATED", "XML", "IMPP"];

/// Properties of vCard 3.0 that 2.1 does not have even by custom.
const NOT_IN_21: [&str; 4] = ["CLASS", "SORT-STRING", "X-ABLABEL", "IMPP"];

const BINARY: [&str; 4] = ["PHOTO", "LOGO", "SOUND", "KEY"];
/// Values that are no text: they are carried as they stand.
const VERBATIM: [&str; 10] = [
    "URL",
    "UID",
    "REV",
    "BDAY",
    "ANNIVERSARY",
    "TZ",
    "SOURCE",
    "FBURL",
    "CALURI",
    "MEMBER",
];
/// Properties of one text, in which a `;` separates nothing.
const TEXT: [&str; 8] = [
    "FN", "NOTE", "TITLE", "ROLE", "EMAIL", "TEL", "LABEL", "MAILER",
];
const LISTS: [&str; 2] = ["CATEGORIES", "NICKNAME"];

enum Value {
    Verbatim(String),
    Binary(Vec<u8>),
    /// Components, each a list.
    Parts(Vec<Vec<String>>),
}

struct Property {
    group: Option<String>,
    name: String,
    types: Vec<String>,
    /// The other parameters, transfer encodings and character sets aside.
    params: Vec<(String, String)>,
    value: Value,
    /// Whether something of the source is missing already.
    partial: bool,
}

/// The card in the target's version, and the lines that do not fit in it. Cards within the card
/// are lost, and so is what follows the first card.
pub(super) fn convert(content: &[u8], from: Format, target: Target) -> (Vec<u8>, Vec<Vec<u8>>) {
    let to = target.format;
    let mut out = format!("BEGIN:VCARD\r\nVERSION:{}\r\n", to.version()).into_bytes();
    let mut lost = Vec::new();
    let mut depth = 0_usize;
    let mut done = false;
    for event in Components::new(content) {
        match event {
            Event::Begin { tag, line } => {
                depth += 1;
                if depth > 1 || tag != Tag::VCard || done {
                    lost.push(line.source().to_vec());
                }
            }
            Event::End { line, .. } => {
                depth = depth.saturating_sub(1);
                match line {
                    Some(line) if depth > 0 || done => lost.push(line.source().to_vec()),
                    _ => done |= depth == 0,
                }
            }
            Event::Property(line) if line.is("VERSION") && depth == 1 && !done => {}
            Event::Property(line) if line.is_malformed() && line.is_empty() => {}
            Event::Property(line) if line.is_malformed() || depth != 1 || done => {
                lost.push(line.source().to_vec());
            }
            Event::Property(line) => {
                let mut property = read(&line, from);
                let fits = fit(&mut property, to);
                if !fits || property.partial {
                    lost.push(line.source().to_vec());
                }
                if fits {
                    write(&mut out, &property, target);
                }
            }
        }
    }
    out.extend_from_slice(b"END:VCARD\r\n");
    (out, lost)
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(line: &Line<'_>, from: Format) -> Property {
    let dialect = from.dialect();
    let mut name = string(line.name()).to_ascii_uppercase();
    if from != Format::VCard40
        && let Some((_, new)) = NAMES
            .iter()
            .find(|(old, _)| *old == name && *old != "MAILER")
    {
        (*new).clone_into(&mut name);
    }
    let mut types: Vec<String> = line
        .types()
        .map(|t| string(t).to_ascii_uppercase())
        .collect();
    let mut params = Vec::new();
    for param in line.params() {
        let key = string(param.name).to_ascii_uppercase();
        match key.as_str() {
            "" | "TYPE" | "ENCODING" | "CHARSET" => {}
            "PREF" => types.push("PREF".to_owned()),
            _ => params.push((key, string(param.unquoted()))),
        }
    }
    let is_uri = params.iter().any(|(k, v)| {
        k == "VALUE" && (v.eq_ignore_ascii_case("uri") || v.eq_ignore_ascii_case("url"))
    });
    params.retain(|(k, v)| {
        k != "VALUE"
            || !["uri", "url", "inline", "binary"]
                .iter()
                .any(|n| v.eq_ignore_ascii_case(n))
    });
    let mut value = if line.encoding() == Encoding::Base64 {
        Value::Binary(line.bytes(dialect).into_owned())
    } else if is_uri || VERBATIM.contains(&name.as_str()) || BINARY.contains(&name.as_str()) {
        Value::Verbatim(line.text(dialect).into_owned())
    } else if TEXT.contains(&name.as_str()) {
        Value::Parts(vec![vec![line.text(dialect).into_owned()]])
    } else {
        components(&line.escaped_text(dialect), &name, dialect)
    };
    if let Value::Verbatim(uri) = &value
        && BINARY.contains(&name.as_str())
        && let Some((media, data)) = uri
            .strip_prefix("data:")
            .and_then(|d| d.split_once(";base64,"))
    {
        if let Some((_, kind)) = media.rsplit_once('/')
            && kind != "octet-stream"
        {
            types.push(kind.to_ascii_uppercase());
        }
        let mut bytes = Vec::new();
        decode::base64(data.as_bytes(), &mut bytes);
        value = Value::Binary(bytes);
    }
    Property {
        group: line.group().map(string),
        name,
        types,
        params,
        value,
        partial: false,
    }
}

fn components(escaped: &str, name: &str, dialect: Dialect) -> Value {
    let lists = dialect == Dialect::New || LISTS.contains(&name);
    let text = |part: &str| decode::unescape(part, dialect).into_owned();
    let parts = decode::parts(escaped, ';', dialect).map(|part| {
        if lists {
            decode::parts(part, ',', dialect).map(text).collect()
        } else {
            vec![text(part)]
        }
    });
    Value::Parts(parts.collect())
}

/// Gives the property the form it has in the target's version; false if it has none.
fn fit(property: &mut Property, to: Format) -> bool {
    let new = to == Format::VCard40;
    if new {
        if NOT_IN_40.contains(&property.name.as_str()) {
            return false;
        }
        if property.name == "MAILER" {
            "X-MAILER".clone_into(&mut property.name);
        }
        if let Some((_, scheme)) = MESSENGERS.iter().find(|(old, _)| *old == property.name)
            && let Value::Parts(parts) = &property.value
        {
            property.value = Value::Verbatim(format!("{scheme}:{}", joined(parts)));
            "IMPP".clone_into(&mut property.name);
        }
    } else {
        if property.name == "IMPP"
            && let Value::Verbatim(uri) = plain(&property.value)
            && let Some((scheme, address)) = uri.split_once(':')
            && let Some((old, _)) = MESSENGERS.iter().find(|(_, s)| *s == scheme)
        {
            (*old).clone_into(&mut property.name);
            property.value = Value::Parts(vec![vec![address.to_owned()]]);
        }
        if to == Format::VCard21 && NOT_IN_21.contains(&property.name.as_str())
            || ONLY_IN_40.contains(&property.name.as_str())
        {
            return false;
        }
        if let Some((old, _)) = NAMES.iter().find(|(_, n)| *n == property.name) {
            (*old).clone_into(&mut property.name);
        }
    }
    if property.name.ends_with("GENDER") {
        gender(&mut property.value, new);
    }
    if let Value::Verbatim(date) = &property.value
        && !new
        && ["BDAY", "X-ANNIVERSARY"].contains(&property.name.as_str())
        && date.starts_with("--")
    {
        return false;
    }
    if matches!(property.value, Value::Binary(_)) && new {
        property.partial |=
            property.types.len() > 1 || property.group.is_some() || !property.params.is_empty();
    }
    telephone(property);
    // What could end a parameter early would be read as another line's parts.
    let before = property.params.len() + property.types.len();
    let token = |c: char| c.is_alphanumeric() || "-_+.".contains(c);
    property.types.retain(|kind| kind.chars().all(token));
    property
        .params
        .retain(|(_, value)| !value.contains(['"', '\r', '\n']));
    property.params.retain(|(key, _)| {
        key.starts_with("X-")
            || key == "LANGUAGE"
            || (key == "VALUE" && to != Format::VCard21)
            || (new && key != "CONTEXT")
    });
    property.partial |= property.params.len() + property.types.len() != before;
    if to == Format::VCard21 {
        property.partial |= property.group.take().is_some();
        let list = LISTS.contains(&property.name.as_str());
        if let Value::Parts(parts) = &property.value {
            let last = parts.len().saturating_sub(1);
            property.partial |= parts.iter().enumerate().any(|(i, part)| {
                (part.len() > 1 && !list)
                    || (list && part.iter().any(|p| p.contains(',')))
                    || (i < last && part.iter().any(|p| p.ends_with('\\')))
            });
        }
    }
    true
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Parts(parts) => Value::Verbatim(joined(parts)),
        Value::Verbatim(text) => Value::Verbatim(text.clone()),
        Value::Binary(_) => Value::Verbatim(String::new()),
    }
}

fn joined(parts: &[Vec<String>]) -> String {
    let parts: Vec<_> = parts.iter().map(|p| p.join(",")).collect();
    parts.join(";")
}

fn gender(value: &mut Value, new: bool) {
    let Value::Parts(parts) = value else { return };
    let Some(first) = parts.first_mut().and_then(|p| p.first_mut()) else {
        return;
    };
    for (long, short) in [("Male", "M"), ("Female", "F")] {
        let (from, to) = if new { (long, short) } else { (short, long) };
        if first.eq_ignore_ascii_case(from) {
            to.clone_into(first);
        }
    }
}

/// A `tel:` URI is a number like any other in the versions before 4.0, and in 4.0 as text.
fn telephone(property: &mut Property) {
    if property.name == "TEL"
        && let Value::Verbatim(uri) = &property.value
    {
        let number = uri.strip_prefix("tel:").unwrap_or(uri).to_owned();
        property.value = Value::Parts(vec![vec![number]]);
    }
}

fn head(property: &Property, to: Format) -> String {
    let mut head = property
        .group
        .as_ref()
        .map_or(String::new(), |g| format!("{g}."));
    head.push_str(&property.name);
    let (pref, types): (Vec<_>, Vec<_>) = property.types.iter().partition(|t| *t == "PREF");
    if to == Format::VCard21 {
        for kind in &property.types {
            head.extend([";", kind]);
        }
    } else {
        let types = if to == Format::VCard40 {
            types
        } else {
            property.types.iter().collect()
        };
        for kind in types {
            head.extend([";TYPE=", kind]);
        }
        if to == Format::VCard40 && !pref.is_empty() {
            head.push_str(";PREF=1");
        }
    }
    for (key, value) in &property.params {
        let quote = if value.contains([':', ';', ',']) {
            "\""
        } else {
            ""
        };
        head.extend([";", key, "=", quote, value, quote]);
    }
    head
}

fn write(out: &mut Vec<u8>, property: &Property, target: Target) {
    let to = target.format;
    let dialect = to.dialect();
    let mut head = head(property, to);
    let value = match &property.value {
        Value::Binary(data) if to == Format::VCard40 => {
            let tree = match property.name.as_str() {
                "SOUND" => "audio",
                "KEY" => "application",
                _ => "image",
            };
            let media = match property.types.first() {
                Some(kind) => format!("{tree}/{}", kind.to_ascii_lowercase()),
                None => "application/octet-stream".to_owned(),
            };
            return encode::data_uri(out, &property.name, &media, data);
        }
        Value::Binary(data) => {
            let encoding = if to == Format::VCard21 { "BASE64" } else { "b" };
            head.extend([";ENCODING=", encoding]);
            return encode::binary(out, &head, data, dialect);
        }
        Value::Verbatim(text) => {
            if BINARY.contains(&property.name.as_str()) && to != Format::VCard40 {
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

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;

//! Reading a card's lines into properties of decoded text, whatever the version.

use super::names::{BINARY, DATES, LISTS, NAMES, READING, TEXT, VERBATIM};
use super::{Property, Value, is_token, string};
use crate::decode::{self, Dialect};
use crate::line::{Encoding, Line};
use crate::media::Format;

// spec: T24 T33 T34
pub(super) fn read(line: &Line<'_>, from: Format) -> Property {
    let dialect = from.dialect();
    let mut name = upper(line.name());
    if from != Format::VCard40
        && let Some((_, new)) = NAMES.iter().find(|(old, _)| *old == name)
    {
        (*new).clone_into(&mut name);
    }
    if from == Format::VCard40 && name == "X-MAILER" {
        "MAILER".clone_into(&mut name);
    }
    let mut types: Vec<String> = line.types().map(upper).collect();
    let mut params = Vec::new();
    let mut rank = None;
    for param in line.params() {
        if param.name.is_empty() || ["TYPE", "ENCODING", "CHARSET"].iter().any(|n| param.is(n)) {
            continue;
        }
        let key = upper(param.name);
        let value = string(param.unquoted());
        match key.as_str() {
            "PREF" => rank = Some(value.trim().parse().unwrap_or(1)),
            _ if from == Format::VCard40 => params.push((key, without_carets(&value))),
            _ => params.push((key, value)),
        }
    }
    let has_value = |names: &[&str]| {
        params
            .iter()
            .any(|(k, v)| k == "VALUE" && names.iter().any(|name| v.eq_ignore_ascii_case(name)))
    };
    let is_uri = has_value(&["uri", "url"]) || (name == "RELATED" && !has_value(&["text"]));
    let is_text = TEXT.contains(&name.as_str()) || name == "RELATED";
    let is_known = name == "RELATED" || DATES.contains(&name.as_str());
    params.retain(|(k, v)| {
        k != "VALUE"
            || !(is_known
                || ["uri", "url", "inline", "binary"]
                    .iter()
                    .any(|n| v.eq_ignore_ascii_case(n)))
    });
    let is_reading = name == "SOUND" && types.iter().any(|kind| kind == READING);
    let mut value = if is_reading {
        components(&line.escaped_text(dialect), &name, dialect)
    } else if line.encoding() == Encoding::Base64 {
        Value::Binary(line.bytes(dialect).into_owned())
    } else if is_uri || VERBATIM.contains(&name.as_str()) || BINARY.contains(&name.as_str()) {
        Value::Verbatim(line.text(dialect).into_owned())
    } else if name == "GEO" {
        place(line, from)
    } else if is_text {
        Value::Text(line.text(dialect).into_owned())
    } else {
        components(&line.escaped_text(dialect), &name, dialect)
    };
    if BINARY.contains(&name.as_str()) {
        for kind in &mut types {
            if let Some((_, last)) = kind.rsplit_once('/') {
                *kind = last.to_owned();
            }
        }
        if let Value::Verbatim(uri) = &value
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
        if let Value::Binary(data) = &value
            && types.iter().all(|kind| kind == "PREF" || !is_token(kind))
            && let Some(kind) = kind_of_data(data)
        {
            types.push(kind.to_owned());
        }
    }
    if name == "AGENT"
        && let Value::Text(text) = &value
        && let Some(begin) = text.trim_start().get(..11)
        && begin.eq_ignore_ascii_case("BEGIN:VCARD")
    {
        value = Value::Card(text.clone().into_bytes());
    }
    Property {
        group: line.group().map(string),
        name,
        types,
        params,
        rank,
        value,
        partial: false,
    }
}

fn upper(bytes: &[u8]) -> String {
    let mut text = string(bytes);
    text.make_ascii_uppercase();
    text
}

/// The components of a value; one that is empty has no list.
// spec: T20
fn components(escaped: &str, name: &str, dialect: Dialect) -> Value {
    let lists = dialect == Dialect::New || LISTS.contains(&name);
    let text = |part: &str| decode::unescape(part, dialect).into_owned();
    let parts = decode::parts(escaped, ';', dialect).map(|part| {
        if part.is_empty() {
            Vec::new()
        } else if lists {
            decode::parts(part, ',', dialect).map(text).collect()
        } else {
            vec![text(part)]
        }
    });
    Value::Parts(parts.collect())
}

/// A place as latitude and longitude. With a comma, as the text of vCard 2.1 has it, the longitude
/// stands first, unless what stands second can be no latitude.
// spec: T29
fn place(line: &Line<'_>, from: Format) -> Value {
    let text = line.text(from.dialect());
    let text = text.trim();
    let pair = if let Some(uri) = text.strip_prefix("geo:") {
        let place = uri.split(';').next().unwrap_or_default();
        let mut parts = place.split(',');
        parts.next().zip(parts.next())
    } else if let Some(pair) = text.split_once(';') {
        Some(pair)
    } else if let Some((a, b)) = text.split_once(',') {
        let second: Option<f64> = b.trim().parse().ok();
        let is_latitude = second.is_some_and(|degrees| degrees.abs() <= 90.0);
        Some(if is_latitude { (b, a) } else { (a, b) })
    } else {
        None
    };
    match pair {
        Some((a, b)) => Value::Parts(
            [a, b]
                .map(|degrees| vec![degrees.trim().to_owned()])
                .to_vec(),
        ),
        None => Value::Verbatim(text.to_owned()),
    }
}

/// Undoes the escapes of parameters (RFC 6868), and the `\n` that vCard 4.0 uses in `LABEL`.
fn without_carets(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        let decoded = match (c, chars.peek()) {
            ('^' | '\\', Some('n')) | ('\\', Some('N')) => '\n',
            ('^', Some('^')) => '^',
            ('^', Some('\'')) => '"',
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push(decoded);
        chars.next();
    }
    out
}

/// The type of a picture or sound, by its first bytes.
// spec: T24
fn kind_of_data(data: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 6] = [
        (b"\xff\xd8\xff", "JPEG"),
        (b"\x89PNG", "PNG"),
        (b"GIF8", "GIF"),
        (b"BM", "BMP"),
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
    ];
    if data.starts_with(b"RIFF") && data.get(8..12) == Some(b"WAVE") {
        return Some("WAVE");
    }
    let known = MAGIC.iter().find(|(magic, _)| data.starts_with(magic));
    known.map(|(_, kind)| *kind)
}

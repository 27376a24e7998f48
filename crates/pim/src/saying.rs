//! What a line says, whichever format and spelling it says it in.
//!
//! The canonical form behind [`Fingerprint::exact`](crate::Fingerprint::exact) forgives the spelling
//! of one format. The form here forgives that of all: escapes are undone, numbers are their digits,
//! addresses are in lower case, a birthday is its date, lists have no order. It is never stored, so
//! it may become more forgiving; two records whose lines all say the same are the same.

use crate::decode::{self, Dialect};
use crate::facts::{canonical_param, hash, normalized};
use crate::line::Line;

/// Types of a telephone number that is not for speaking alone.
const NOT_VOICE: [&[u8]; 6] = [b"FAX", b"MODEM", b"PAGER", b"MSG", b"BBS", b"VIDEO"];

/// A number for what the line says; `None` if it says nothing.
pub(crate) fn saying(line: &Line<'_>, dialect: Dialect) -> Option<u64> {
    let value = value(line, dialect);
    if value.bytes().all(|byte| byte == SEPARATOR as u8) {
        return None;
    }
    let mut form = line.name().to_ascii_uppercase();
    for kind in types(line) {
        form.push(b';');
        form.extend(kind);
    }
    let mut others: Vec<Vec<u8>> = line
        .params()
        .filter(|param| !(line.is("BDAY") && param.is("VALUE")))
        .filter_map(canonical_param)
        .collect();
    others.sort_unstable();
    for param in others {
        form.push(b';');
        form.extend(param);
    }
    form.push(b':');
    form.extend(value.bytes());
    Some(hash(&form))
}

/// Between the parts of a value.
const SEPARATOR: char = '\u{1f}';

pub(crate) fn value(line: &Line<'_>, dialect: Dialect) -> String {
    if line.encoding() == crate::line::Encoding::Base64 {
        // data is what it is
        return String::from_utf8_lossy(&line.bytes(dialect)).into_owned();
    }
    if line.is("N") || line.is("ADR") || line.is("ORG") {
        let parts = parts(line, ';', dialect).join("\u{1f}");
        return parts.trim_end_matches(SEPARATOR).to_owned();
    }
    if line.is("CATEGORIES") {
        // the old formats part them by either
        let mut parts = match dialect {
            Dialect::New => parts(line, ',', dialect),
            Dialect::Old => {
                let parts = parts(line, ';', dialect);
                let all = parts.iter().flat_map(|part| part.split(','));
                all.map(|part| part.trim().to_owned()).collect()
            }
        };
        parts.sort_unstable();
        return parts.join("\u{1f}");
    }
    let text = line.text(dialect);
    if line.is("TEL") {
        number(&text)
    } else if line.is("EMAIL") {
        text.trim().to_lowercase()
    } else if line.is("BDAY") {
        date(&text)
    } else {
        decode::with_line_feeds(text.trim()).into_owned()
    }
}

/// The parts of a value, each without its escapes.
pub(crate) fn parts(line: &Line<'_>, separator: char, dialect: Dialect) -> Vec<String> {
    let text = line.escaped_text(dialect);
    decode::parts(&text, separator, dialect)
        .map(|part| decode::unescape(part, dialect).trim().to_owned())
        .collect()
}

/// The types of a line in upper case, sorted, without those that are taken for granted.
fn types(line: &Line<'_>) -> Vec<Vec<u8>> {
    let mut types: Vec<Vec<u8>> = line.types().map(<[u8]>::to_ascii_uppercase).collect();
    if line.is("EMAIL") {
        types.retain(|kind| kind != b"INTERNET");
    }
    let speaks = |kind: &Vec<u8>| !NOT_VOICE.contains(&kind.as_slice());
    if line.is("TEL") && types.iter().all(speaks) {
        types.retain(|kind| kind != b"VOICE");
    }
    types.sort_unstable();
    types.dedup();
    types
}

/// A number without what is there to be read more easily.
fn number(text: &str) -> String {
    let kept = |c: &char| c.is_ascii_digit() || "+*#pwPW".contains(*c);
    let number: String = text.chars().filter(kept).collect();
    match number.strip_prefix("00") {
        Some(rest) => format!("+{rest}").to_lowercase(),
        None => number.to_lowercase(),
    }
}

/// The digits by which two spellings of a telephone number are compared: at most the last `most` of
/// those before a pause. What is dialled after it is not part of the number.
pub(crate) fn digits_of_number(text: &str, most: usize) -> String {
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
        } else if !digits.is_empty() && "pPwW,;".contains(c) {
            break;
        }
    }
    let tail = digits.len().saturating_sub(most);
    digits.split_off(tail)
}

/// The digits of a date, without the time that some devices add to it.
pub(crate) fn date(text: &str) -> String {
    let date = text.split(['T', 't']).next().unwrap_or_default();
    date.chars().filter(char::is_ascii_digit).take(8).collect()
}

/// Text by which two spellings of a person's name are equal, whichever of its words stands first.
pub(crate) fn name_in_any_order(text: &str) -> String {
    let text = normalized(&text.replace([',', ';'], " "));
    let mut words: Vec<&str> = text.split(' ').collect();
    words.sort_unstable();
    words.join(" ")
}

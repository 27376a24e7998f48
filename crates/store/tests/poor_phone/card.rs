//! Cards as the devices of this test read and write them, by a reader of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What a card says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    pub last: String,
    pub first: String,
    /// The formatted name, where it is not made of the others.
    pub formatted: String,
    /// Numbers, each with its type.
    pub tels: BTreeMap<String, String>,
    pub note: String,
    /// Properties by name and value.
    pub others: BTreeSet<(String, String)>,
}

/// A line: name, types, value.
struct Line {
    name: String,
    types: Vec<String>,
    value: String,
}

impl Card {
    pub fn plain_name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// Reads a card of either version.
    #[track_caller]
    pub fn read(text: &str) -> Self {
        let mut card = Self::default();
        for line in lines(text) {
            let Line { name, types, value } = line;
            match name.as_str() {
                "BEGIN" | "END" | "VERSION" => {}
                "N" => {
                    let mut parts = value.split(';').map(str::to_owned);
                    card.last = parts.next().unwrap_or_default();
                    card.first = parts.next().unwrap_or_default();
                    assert!(parts.all(|part| part.is_empty()), "{text}");
                }
                "FN" => card.formatted = value,
                "TEL" => {
                    let mut types = types.into_iter().filter(|one| one != "VOICE");
                    let kind = types.next().unwrap_or_default();
                    let twin = card.tels.insert(value, kind);
                    assert_eq!(twin, None, "a number is there twice: {text}");
                }
                "NOTE" => {
                    assert!(card.note.is_empty(), "two notes: {text}");
                    card.note = value;
                }
                _ => {
                    let is_new = card.others.insert((name, value));
                    assert!(is_new, "a property is there twice: {text}");
                }
            }
        }
        if card.formatted == card.plain_name() {
            card.formatted.clear();
        }
        card
    }

    /// As the rich client writes it.
    pub fn rich(&self) -> String {
        let formatted = if self.formatted.is_empty() {
            self.plain_name()
        } else {
            self.formatted.clone()
        };
        let mut text = format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nN:{};{};;;\r\nFN:{formatted}\r\n",
            self.last, self.first
        );
        for (number, kind) in &self.tels {
            write!(text, "TEL;TYPE={kind}:{number}\r\n").unwrap();
        }
        if !self.note.is_empty() {
            write!(text, "NOTE:{}\r\n", self.note).unwrap();
        }
        for (name, value) in &self.others {
            let head = match name.as_str() {
                "PHOTO" => "PHOTO;ENCODING=b;TYPE=JPEG",
                "EMAIL" => "EMAIL;TYPE=HOME",
                other => other,
            };
            write!(text, "{head}:{value}\r\n").unwrap();
        }
        text + "END:VCARD\r\n"
    }

    /// As the phone writes it, in its own order and spelling.
    pub fn poor(&self) -> String {
        let mut text = format!(
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN:{};{}\r\n",
            self.last, self.first
        );
        if !self.note.is_empty() {
            let mut quoted = String::new();
            for byte in self.note.bytes() {
                match byte {
                    b' '..=b'<' | b'>'..=b'~' => quoted.push(char::from(byte)),
                    _ => write!(quoted, "={byte:02X}").unwrap(),
                }
            }
            text += "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:";
            text += &quoted;
            text += "\r\n";
        }
        for (number, kind) in self.tels.iter().rev() {
            write!(text, "TEL;{kind}:{number}\r\n").unwrap();
        }
        text + "END:VCARD\r\n"
    }
}

fn lines(text: &str) -> Vec<Line> {
    let mut whole: Vec<String> = Vec::new();
    for line in text.split("\r\n") {
        let continued = whole.last_mut().filter(|last| {
            let quoted = last.contains("QUOTED-PRINTABLE") && last.ends_with('=');
            quoted || line.starts_with(' ')
        });
        match continued {
            Some(last) if last.ends_with('=') && last.contains("QUOTED-PRINTABLE") => {
                last.pop();
                last.push_str(line);
            }
            Some(last) => last.push_str(&line[1..]),
            None => whole.push(line.to_owned()),
        }
    }
    whole.retain(|line| !line.is_empty());
    whole.iter().map(|line| read_line(line)).collect()
}

fn read_line(line: &str) -> Line {
    let (head, value) = line.split_once(':').expect(line);
    let mut words = head.split(';').map(str::to_ascii_uppercase);
    let name = words.next().unwrap();
    let words: Vec<String> = words.collect();
    let is_quoted = words.iter().any(|word| word.ends_with("QUOTED-PRINTABLE"));
    let types = words
        .iter()
        .filter(|word| !word.starts_with("CHARSET") && !word.starts_with("ENCODING"))
        .flat_map(|word| word.trim_start_matches("TYPE=").split(','));
    Line {
        name,
        types: types.map(str::to_owned).collect(),
        value: if is_quoted {
            unquoted(value)
        } else {
            value.replace("\\,", ",").replace("\\;", ";")
        },
    }
}

fn unquoted(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'=' {
            out.push(u8::from_str_radix(&value[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

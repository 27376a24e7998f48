//! Properties whose value is no time: texts, words and people.

use std::fmt::Write as _;

use super::Writer;
use crate::convert::calendar::tree::{name, string};
use crate::convert::calendar::words;
use crate::convert::encode;
use crate::decode::{self, Dialect};
use crate::line::{Encoding, Line};

impl Writer<'_> {
    pub(super) fn word(&mut self, line: &Line<'_>, word: Option<(&str, bool)>) {
        if let Some((word, _)) = word {
            self.push(&format!("{}:{word}\r\n", name(line)));
        }
        if !word.is_some_and(|(_, same)| same) && !line.is_empty() {
            self.lose(line);
        }
    }

    // spec: U04
    pub(super) fn attendee(&mut self, line: &Line<'_>, kind: &str) {
        let organizer = kind == "ORGANIZER";
        let mut head = String::from("ATTENDEE;ROLE=");
        head.push_str(if organizer { "ORGANIZER" } else { "ATTENDEE" });
        let text = line.text(Dialect::New).trim().to_owned();
        let address = words::strip_mailto(&text);
        let mut complete = address.len() < text.len() || text == "invalid:nomail";
        let mut person = String::new();
        for param in line.params() {
            let value = string(param.unquoted());
            let word = match string(param.name).to_ascii_uppercase().as_str() {
                "CN" => {
                    complete &= !value.contains(['<', '>']) && value.trim() == value;
                    person = value;
                    continue;
                }
                "PARTSTAT" if !organizer => {
                    words::participation_old(&value).map(|(w, same)| ("STATUS", w, same))
                }
                "ROLE" if !organizer => {
                    words::role_old(&value).map(|(w, same)| ("EXPECT", w, same))
                }
                "RSVP" if !organizer => {
                    let yes = value.eq_ignore_ascii_case("TRUE");
                    Some(("RSVP", if yes { "YES" } else { "NO" }, true))
                }
                _ => None,
            };
            complete &= word.is_some_and(|(_, _, same)| same);
            if let Some((name, word, _)) = word {
                let _ = write!(head, ";{name}={word}");
            }
        }
        let value = match (person.is_empty(), text == "invalid:nomail") {
            (_, true) => {
                complete &= !person.contains('@') && !person.is_empty();
                person
            }
            (true, _) => address.to_owned(),
            (false, _) => format!("{person} <{address}>"),
        };
        encode::text(&mut self.out, &head, &value, Dialect::Old, self.quoted);
        if !complete {
            self.lose(line);
        }
    }

    /// A property that has the same meaning in both formats.
    // spec: U03 U05 U06 U07
    pub(super) fn plain(&mut self, line: &Line<'_>) {
        let new = name(line);
        let known = words::NAMES.iter().find(|(_, n)| *n == new);
        let old = known.map_or(new.as_str(), |(old, _)| *old);
        let named = old.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if line.is_malformed() || !named || words::ONLY_NEW.contains(&old) {
            self.lose(line);
            return;
        }
        let text = line.text(Dialect::New).into_owned();
        let mut complete = line.group().is_none();
        let value = if old == "GEO" {
            match text.split_once(';') {
                Some((latitude, longitude)) if self.geo.is_none() && !text.contains('\n') => {
                    self.geo = Some(format!("{},{}", longitude.trim(), latitude.trim()));
                }
                _ => self.lose(line),
            }
            return;
        } else if words::LISTS.contains(&old) {
            let escaped = line.escaped_text(Dialect::New);
            let items = decode::parts(&escaped, ',', Dialect::New);
            let items = items.map(|item| {
                let item = decode::unescape(item, Dialect::New);
                complete &= !item.contains(',') && item.trim() == item && !item.ends_with('\\');
                item.trim_end_matches('\\').replace(';', "\\;")
            });
            items.collect::<Vec<_>>().join(";")
        } else if old.starts_with("X-") {
            line.escaped_text(Dialect::New).into_owned()
        } else {
            text.replace("\\;", "\\\\;")
        };
        let mut head = old.to_owned();
        for kind in line.types().map(string) {
            complete &= head_part(&mut head, "", &kind);
        }
        for param in line.params() {
            let key = string(param.name).to_ascii_uppercase();
            match key.as_str() {
                "" | "TYPE" | "ENCODING" => {}
                "VALUE" => {
                    let value = string(param.unquoted()).to_ascii_uppercase();
                    complete &= ["TEXT", "URI", "BINARY"].contains(&value.as_str());
                }
                _ if key == "LANGUAGE" || key == "RELTYPE" || key.starts_with("X-") => {
                    complete &= head_part(&mut head, &key, &string(param.unquoted()));
                }
                _ => complete = false,
            }
        }
        if line.encoding() == Encoding::Base64 {
            head.push_str(";ENCODING=BASE64");
            let data = line.bytes(Dialect::New);
            encode::binary(&mut self.out, &head, &data, Dialect::Old);
        } else {
            encode::text(&mut self.out, &head, &value, Dialect::Old, self.quoted);
        }
        if !complete {
            self.lose(line);
        }
    }
}

/// Appends a parameter, unless it cannot stand in a line of the old format.
fn head_part(head: &mut String, key: &str, value: &str) -> bool {
    let unsafe_char = |c: char| c.is_control() || [';', ':', ',', '"', '='].contains(&c);
    if value.is_empty() || value.contains(unsafe_char) || key.contains(unsafe_char) {
        return false;
    }
    head.push(';');
    if !key.is_empty() {
        head.push_str(key);
        head.push('=');
    }
    head.push_str(value);
    true
}

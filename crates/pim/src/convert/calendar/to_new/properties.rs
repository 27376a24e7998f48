//! Properties whose value is no time: texts, words and people.

use std::fmt::Write as _;

use super::Writer;
use crate::convert::calendar::tree::{name, param, string};
use crate::convert::calendar::words;
use crate::convert::encode;
use crate::decode::{self, Dialect};
use crate::line::{Encoding, Line};

impl Writer<'_> {
    pub(super) fn word(&mut self, line: &Line<'_>, name: &str, word: Option<(&str, bool)>) {
        if let Some((word, _)) = word {
            self.push(&format!("{name}:{word}\r\n"));
        }
        if !word.is_some_and(|(_, same)| same) && !line.is_empty() {
            self.lose(line);
        }
    }

    // spec: U04
    pub(super) fn attendee(&mut self, line: &Line<'_>) {
        let (person, address) = words::person(&line.text(Dialect::Old));
        let role = param(line, "ROLE").unwrap_or_default();
        let organizer = role.eq_ignore_ascii_case("ORGANIZER");
        let mut head = String::from(if organizer { "ORGANIZER" } else { "ATTENDEE" });
        if !person.is_empty() {
            let _ = write!(head, ";CN={}", words::quote(&person));
        }
        let mut complete = !person.contains('"')
            && (organizer || role.is_empty() || role.eq_ignore_ascii_case("ATTENDEE"));
        for param in line.params() {
            let value = string(param.unquoted());
            let word = match string(param.name).to_ascii_uppercase().as_str() {
                "STATUS" if !organizer => {
                    words::participation_new(&value).map(|(w, same)| ("PARTSTAT", w, same))
                }
                "EXPECT" if !organizer => {
                    words::role_new(&value).map(|(w, same)| ("ROLE", w, same))
                }
                "RSVP" if !organizer => {
                    let yes = value.eq_ignore_ascii_case("YES");
                    Some(("RSVP", if yes { "TRUE" } else { "FALSE" }, true))
                }
                "ROLE" | "ENCODING" | "CHARSET" | "" => continue,
                _ => None,
            };
            complete &= word.is_some_and(|(_, _, same)| same);
            if let Some((name, word, _)) = word {
                let _ = write!(head, ";{name}={word}");
            }
        }
        let value = if address.is_empty() {
            "invalid:nomail".to_owned()
        } else {
            format!("mailto:{address}")
        };
        let clean = value.replace(['\r', '\n'], "");
        encode::text(&mut self.out, &head, &clean, Dialect::New, false);
        if !complete {
            self.lose(line);
        }
    }

    /// A property that has the same meaning in both formats.
    // spec: U03 U05 U06 U07
    pub(super) fn plain(&mut self, line: &Line<'_>) {
        let old = name(line);
        let known = words::NAMES.iter().find(|(n, _)| *n == old);
        let new = known.map_or(old.as_str(), |(_, new)| *new);
        if line.is_malformed() || !new.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            self.lose(line);
            return;
        }
        let text = line.text(Dialect::Old).replace("\r\n", "\n");
        let value = if new == "GEO" {
            // longitude first and a comma by the book, latitude and a semicolon by custom
            match text.split_once(',') {
                Some((longitude, latitude)) => format!("{};{}", latitude.trim(), longitude.trim()),
                None => text.replace('\n', ""),
            }
        } else if words::LISTS.contains(&new) {
            let escaped = line.escaped_text(Dialect::Old);
            let items = decode::parts(&escaped, ';', Dialect::Old);
            let items = items.flat_map(|item| item.split(','));
            let items = items.map(|i| encode::escape(&decode::unescape(i.trim(), Dialect::Old)));
            items.collect::<Vec<_>>().join(",")
        } else if new.starts_with("X-") {
            let escaped = line.escaped_text(Dialect::Old);
            escaped.replace("\r\n", "\n").replace(['\r', '\n'], "\\n")
        } else if words::VERBATIM.contains(&new) {
            text.replace(['\r', '\n'], "")
        } else {
            encode::escape(&text)
        };
        self.text(line, new, &value);
    }

    /// Writes a line with the parameters that the new format has too.
    pub(super) fn text(&mut self, line: &Line<'_>, name: &str, value: &str) {
        let mut head = name.to_owned();
        let mut complete = line.group().is_none();
        let types: Vec<_> = line.types().map(string).collect();
        if !types.is_empty() {
            let _ = write!(head, ";TYPE={}", words::quote(&types.join(",")));
        }
        for param in line.params() {
            let key = string(param.name).to_ascii_uppercase();
            let value = string(param.unquoted());
            match key.as_str() {
                "" | "TYPE" | "ENCODING" | "CHARSET" => {}
                "VALUE"
                    if ["INLINE", "URL", "URI"].contains(&value.to_ascii_uppercase().as_str()) => {}
                _ if key == "LANGUAGE" || key == "RELTYPE" || key.starts_with("X-") => {
                    let _ = write!(head, ";{key}={}", words::quote(&value));
                }
                _ => complete = false,
            }
        }
        if line.encoding() == Encoding::Base64 {
            head.push_str(";ENCODING=BASE64;VALUE=BINARY");
            let data = line.bytes(Dialect::Old);
            encode::binary(&mut self.out, &head, &data, Dialect::New);
        } else {
            encode::text(&mut self.out, &head, value, Dialect::New, false);
        }
        if !complete {
            self.lose(line);
        }
    }
}

//! The items that are no records of a person: the mail, file and folder objects of OMA DS, and the
//! vMessages that phones write of short messages.
//!
//! They are opaque but for what tells whether two are the same, and what they are called. The
//! objects are small XML documents; only the elements that matter are read, in any order.

mod absent;
mod wrapped;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use absent::complete_object;
pub use wrapped::{ObjectParts, element_in_head, object_parts, with_element, write_object};

use crate::decode::{self, Dialect, whole_text};
use crate::facts::{PHONE_TAIL, hash};
use crate::line::Lines;

/// Headers that a vMessage has before its text.
const HEADERS: [&str; 6] = ["DATE", "SUBJECT", "CONTENT-TYPE", "FROM", "TO", "X-SS-DT"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Email,
    File,
    Folder,
    Message,
}

fn object(media_type: &str, content: &[u8]) -> Option<Object> {
    let media_type = media_type.to_ascii_lowercase();
    let mut names = [
        ("omads-email", Object::Email),
        ("omads-file", Object::File),
        ("omads-folder", Object::Folder),
    ]
    .into_iter();
    let named = names.find(|(name, _)| media_type.contains(name));
    named.map(|(_, object)| object).or_else(|| {
        let start = whole_text(content.get(..64).unwrap_or(content));
        let start = start.trim_start().get(..10).map(str::to_ascii_uppercase);
        (start.as_deref() == Some("BEGIN:VMSG")).then_some(Object::Message)
    })
}

/// What two items have in common exactly if they are versions of one; `None` if nothing tells.
///
/// * Mail: the message, whatever its flags are and however it is encoded. A message of which a
///   device has a part is another one, so that the part never takes the place of the whole.
/// * A file: its name and content, whatever its times and attributes are.
/// * A folder: its role. What it is called does not tell, since another may be called so elsewhere.
/// * A vMessage: the end of the first number, the minute and the text.
// spec: T42
pub(crate) fn twin(media_type: &str, content: &[u8]) -> Option<String> {
    let object = object(media_type, content)?;
    let text = whole_text(content);
    match object {
        Object::Email => {
            let message = data(&text, "emailitem")?;
            let plain: Vec<u8> = message.into_iter().filter(|b| *b != b'\r').collect();
            let plain = plain.trim_ascii();
            (!plain.is_empty()).then(|| format!("mail\n{}\n{:x}", plain.len(), hash(plain)))
        }
        Object::File => {
            let name = element(&text, "name")?.1;
            let body = data(&text, "body")?;
            Some(format!("file\n{}\n{:x}\n{name}", body.len(), hash(&body)))
        }
        Object::Folder => {
            let role = element(&text, "role")?.1.trim().to_lowercase();
            (!role.is_empty()).then(|| format!("folder\n{role}"))
        }
        Object::Message => {
            let message = Message::read(&text);
            let is_known = !message.date.is_empty() && !message.text.is_empty();
            is_known.then(|| {
                format!(
                    "message\n{}\n{}\n{}",
                    message.number, message.date, message.text
                )
            })
        }
    }
}

/// What the item is called: the subject of mail, the name of a file or folder, the text of a
/// short message.
pub(crate) fn title(media_type: &str, content: &[u8]) -> Option<String> {
    let object = object(media_type, content)?;
    let text = whole_text(content);
    match object {
        Object::Email => {
            let message = data(&text, "emailitem")?;
            Lines::new(&message)
                .take_while(|line| !line.source().trim_ascii().is_empty())
                .find(|line| line.is("SUBJECT"))
                .map(|line| line.text(Dialect::Old).into_owned())
        }
        Object::File | Object::Folder => Some(element(&text, "name")?.1.into_owned()),
        Object::Message => Some(Message::read(&text).text),
    }
}

/// A short message.
#[derive(Debug, Default)]
struct Message {
    number: String,
    /// The digits of day and minute, in the order in which the device writes them.
    date: String,
    text: String,
}

impl Message {
    fn read(content: &str) -> Self {
        let mut message = Self::default();
        let mut in_body = false;
        let mut in_text = false;
        for line in content.lines() {
            let line = line.trim_end();
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let key = key.split(';').next().unwrap_or_default().trim();
            let is = |name: &str| key.eq_ignore_ascii_case(name);
            let is_header = HEADERS.iter().any(|name| is(name));
            if (is("DATE") || is("X-SS-DT")) && message.date.is_empty() && !in_text {
                let digits = value.chars().filter(char::is_ascii_digit);
                message.date = digits.take(12).collect();
            }
            if is("BEGIN") && value.eq_ignore_ascii_case("VBODY") {
                in_body = true;
            } else if is("END") && value.eq_ignore_ascii_case("VBODY") {
                in_body = false;
            } else if in_body && (in_text || !is_header) {
                in_text = true;
                let _ = writeln!(message.text, "{line}");
            } else if is("TEL") && message.number.is_empty() {
                let digits: Vec<char> = value.chars().filter(char::is_ascii_digit).collect();
                let tail = digits.len().saturating_sub(PHONE_TAIL);
                message.number = digits.into_iter().skip(tail).collect();
            }
        }
        message.text.truncate(message.text.trim_end().len());
        message
    }
}

/// The content of an element in its transfer encoding (`enc`).
fn data(xml: &str, name: &str) -> Option<Vec<u8>> {
    let (tag, text) = element(xml, name)?;
    let tag = tag.to_ascii_lowercase();
    let mut out = Vec::new();
    if tag.contains("base64") {
        out.reserve(text.len() / 4 * 3 + 3);
        decode::base64(text.as_bytes(), &mut out);
    } else if tag.contains("quoted-printable") {
        decode::quoted_printable(text.as_bytes(), Dialect::Old, false, &mut out);
    } else {
        out = text.into_owned().into_bytes();
    }
    Some(out)
}

/// The first element of this name, prefix and case aside: its tag and its text.
fn element<'x>(xml: &'x str, name: &str) -> Option<(&'x str, Cow<'x, str>)> {
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..)?;
        if let Some((_, after)) = section(rest) {
            rest = after;
            continue;
        }
        let (tag, after) = rest.split_once('>')?;
        rest = after;
        let word = tag.split(|c: char| c.is_whitespace() || c == '/').next()?;
        let local = word.split_once(':').map_or(word, |(_, local)| local);
        if local.eq_ignore_ascii_case(name) {
            let is_empty = tag.ends_with('/');
            return Some((tag, if is_empty { "".into() } else { text(after) }));
        }
    }
    None
}

/// What a marked section or a comment holds, which `rest` starts with, and what follows it.
pub(crate) fn section(rest: &str) -> Option<(Option<&str>, &str)> {
    if let Some(marked) = rest.strip_prefix("![CDATA[") {
        return Some(match end_of_marked(marked) {
            Some((at, length)) => (marked.get(..at), marked.get(at + length..)?),
            None => (Some(marked), ""),
        });
    }
    let comment = rest.strip_prefix("!--")?;
    Some((
        None,
        comment.split_once("-->").map_or("", |(_, after)| after),
    ))
}

/// Where a marked section ends, and the length of its end. One that stood in another marked section
/// cannot end as it should: clients of Funambol end the message of a mail in `]]&gt;` then, and no
/// section of such an object has another end.
fn end_of_marked(marked: &str) -> Option<(usize, usize)> {
    const END: &str = "]]>";
    const NESTED: &str = "]]&gt;";
    // not looked for beyond the next section, or many would cost the square of their number
    let (own, _) = marked.split_once("<![CDATA[").unwrap_or((marked, ""));
    if let Some(at) = own.find(END) {
        return Some((at, END.len()));
    }
    let is_end = |at: &usize| {
        let after = own.get(at + NESTED.len()..).unwrap_or_default();
        after.trim_start().starts_with("</emailitem>")
    };
    let nested = own.match_indices(NESTED).map(|(at, _)| at).find(is_end);
    let nested = nested.map(|at| (at, NESTED.len()));
    nested.or_else(|| marked.find(END).map(|at| (at, END.len())))
}

/// The text up to the next tag.
fn text(xml: &str) -> Cow<'_, str> {
    // what is in one piece, which may be many megabytes, is not copied
    let mut out = Cow::Borrowed("");
    let mut rest = xml;
    loop {
        let (plain, after) = rest.split_once('<').unwrap_or((rest, ""));
        out += unescaped(plain);
        let Some((inner, next)) = section(after) else {
            return out;
        };
        out += inner.unwrap_or_default();
        rest = next;
    }
}

pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.bytes().take(12).position(|b| b == b';');
        let decoded = end.and_then(|end| Some((entity(after.get(..end)?)?, after.get(end + 1..)?)));
        if let Some((c, next)) = decoded {
            out.push(c);
            rest = next;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::{Likeness, compare, fingerprint, summary};

    pub(super) const EMAIL: &str = "application/vnd.omads-email+xml";
    pub(super) const FILE: &str = "application/vnd.omads-file+xml";
    pub(super) const FOLDER: &str = "application/vnd.omads-folder+xml";
    const MESSAGE: &str = "text/x-vmessage";

    fn is_match(media_type: &str, a: &str, b: &str) -> bool {
        let likeness = compare(media_type, a.as_bytes(), media_type, b.as_bytes());
        let key = |item: &str| fingerprint(media_type, item.as_bytes()).key;
        assert!(likeness == Likeness::Different || key(a) == key(b));
        likeness != Likeness::Different
    }

    // spec: T44
    #[test]
    fn mail_is_its_message_in_any_encoding() {
        let plain = "<Email><read>false</read><emailitem>From: a\nSubject: Hi &amp; so\n\nLunch?\n</emailitem></Email>";
        for same in [
            "<Email><read>true</read><!-- <emailitem> --><emailitem><![CDATA[From: a\r\nSubject: Hi & so\r\n\r\nLunch?\r\n]]></emailitem></Email>",
            "<o:Email><o:emailitem enc=\"QUOTED-PRINTABLE\">From: a=0D=0ASubject: Hi &#38; so=0A=0ALunch?</o:emailitem></o:Email>",
            "<Email><emailitem enc=\"base64\">RnJvbTogYQpTdWJqZWN0OiBIaSAmIHNvCgpMdW5jaD8K</emailitem></Email>",
        ] {
            assert!(is_match(EMAIL, plain, same), "{same}");
            assert_eq!(summary(same.as_bytes(), EMAIL).as_deref(), Some("Hi & so"));
        }
        let nested = "<Email><read>true</read><emailitem><![CDATA[From: a\r\nSubject: Hi & so\r\n\r\nLunch?\r\n]]&gt;</emailitem></Email>";
        assert!(is_match(EMAIL, plain, nested));
        assert!(!is_match(EMAIL, plain, &plain.replace("\nLunch?", "")));
        let flags = "<Email><read>true</read></Email>";
        assert!(!is_match(EMAIL, flags, &flags.replace("true", "false")));
    }

    // spec: T44
    #[test]
    fn a_marked_section_ends_where_it_says() {
        for (marked, inner, after) in [
            ("![CDATA[a]]>b", "a", "b"),
            ("![CDATA[a]]]>b", "a]", "b"),
            ("![CDATA[]]>", "", ""),
            ("![CDATA[a", "a", ""),
            // text of a message, and the end of one within another section
            ("![CDATA[a]]&gt;b]]>c", "a]]&gt;b", "c"),
            ("![CDATA[a]]&gt;</b>]]>c", "a]]&gt;</b>", "c"),
            ("![CDATA[a]]&gt;\n</emailitem>", "a", "\n</emailitem>"),
            (
                "![CDATA[a]]&gt;</emailitem><b>]]></b>",
                "a]]&gt;</emailitem><b>",
                "</b>",
            ),
            ("![CDATA[a<![CDATA[b]]>c", "a<![CDATA[b", "c"),
        ] {
            assert_eq!(section(marked), Some((Some(inner), after)), "{marked}");
        }
        assert_eq!(section("!--a-->b"), Some((None, "b")));
        assert_eq!(section("emailitem>"), None);
    }

    // spec: T45
    #[test]
    fn a_file_is_its_name_and_content() {
        let file = |name: &str, time: &str, body: &str| {
            format!("<File><name>{name}</name><modified>{time}</modified>{body}</File>")
        };
        let a = file("a &lt;b&gt;", "1", "<body>milk</body><size>4</size>");
        let same = file(
            "a <![CDATA[<b>]]>",
            "2",
            "<body enc=\"base64\">bWlsaw==</body>",
        );
        assert!(is_match(FILE, &a, &same));
        assert!(!is_match(FILE, &a, &file("c", "1", "<body>milk</body>")));
        assert!(!is_match(
            FILE,
            &a,
            &file("a &lt;b&gt;", "1", "<body>eggs</body>")
        ));
        assert!(!is_match(FILE, &file("a", "1", ""), &file("a", "2", "")));
        assert!(is_match(
            FILE,
            &file("a", "1", "<body/>"),
            &file("a", "2", "<body></body>")
        ));
        assert_eq!(summary(a.as_bytes(), FILE).as_deref(), Some("a <b>"));
    }

    // spec: T45
    #[test]
    fn a_folder_is_its_role() {
        let folder = |name: &str, role: &str| format!("<Folder><name>{name}</name>{role}</Folder>");
        let inbox = folder("Inbox", "<role>inbox</role>");
        assert!(is_match(
            FOLDER,
            &inbox,
            &folder("Eingang", "<role>Inbox</role>")
        ));
        assert!(!is_match(
            FOLDER,
            &inbox,
            &folder("Inbox", "<role>sent</role>")
        ));
        assert_eq!(summary(inbox.as_bytes(), FOLDER).as_deref(), Some("Inbox"));
    }

    // spec: T42
    #[test]
    fn a_short_message_is_its_number_minute_and_text() {
        let message = |status: &str, number: &str, date: &str, text: &str| {
            format!(
                "BEGIN:VMSG\r\nVERSION:1.1\r\nX-IRMC-STATUS:{status}\r\nBEGIN:VCARD\r\nTEL:{number}\r\n\
                 END:VCARD\r\nBEGIN:VENV\r\nBEGIN:VBODY\r\nDate:{date}\r\n{text}\r\nEND:VBODY\r\n\
                 END:VENV\r\nEND:VMSG\r\n"
            )
        };
        let a = message(
            "UNREAD",
            "+49 170 1234567",
            "06.05.2024 09:15:00",
            "See you\r\nat: nine",
        );
        let read = message(
            "READ",
            "0170/1234567",
            "06.05.2024 09:15:30",
            "See you\nat: nine",
        );
        assert!(is_match(MESSAGE, &a, &read));
        for other in [
            message(
                "READ",
                "0170/1234568",
                "06.05.2024 09:15:30",
                "See you\nat: nine",
            ),
            message(
                "READ",
                "0170/1234567",
                "06.05.2024 09:16:30",
                "See you\nat: nine",
            ),
            message(
                "READ",
                "0170/1234567",
                "06.05.2024 09:15:30",
                "See you\nat: ten",
            ),
        ] {
            assert!(!is_match(MESSAGE, &a, &other), "{other}");
        }
        assert_eq!(summary(a.as_bytes(), MESSAGE).as_deref(), Some("See you"));
    }

    proptest! {
        #[test]
        fn no_object_panics(content in "(<[a-zE!/]{0,9}|emailitem|body|name|\\[CDATA\\[|\\]\\]>|[<>&;#x0-9é:\n-]|BEGIN:V(MSG|BODY)\n|Date:|TEL:){0,60}") {
            for media_type in [EMAIL, FILE, FOLDER, MESSAGE] {
                twin(media_type, content.as_bytes());
                title(media_type, content.as_bytes());
            }
        }
    }
}

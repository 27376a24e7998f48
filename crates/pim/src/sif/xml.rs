//! The elements of a SIF document: a root, and in it fields of text.

use super::Written;
use crate::decode::{whole_text, with_line_feeds};
use crate::object::{section, unescaped};

/// A field.
#[derive(Debug)]
struct Element {
    name: String,
    text: String,
    is_taken: bool,
}

/// The fields of a document, in order. Those of a list stand beside the others.
#[derive(Debug, Default)]
pub(super) struct Elements {
    root: String,
    all: Vec<Element>,
}

impl Elements {
    /// Reads any text: what is no element is passed over.
    pub(super) fn read(content: &[u8]) -> Self {
        let text = whole_text(content);
        let mut elements = Self::default();
        let mut rest = text.as_ref();
        while let Some((_, after)) = rest.split_once('<') {
            if let Some((_, next)) = section(after) {
                rest = next;
                continue;
            }
            let Some((tag, inner)) = after.split_once('>') else {
                break;
            };
            rest = inner;
            let name = tag.split(|c: char| c.is_whitespace() || c == '/').next();
            let name = name.unwrap_or_default();
            if name.is_empty() || name.starts_with(['?', '!']) {
                continue;
            }
            if elements.root.is_empty() {
                name.clone_into(&mut elements.root);
                continue;
            }
            if tag.ends_with('/') {
                elements.push(name, String::new());
                continue;
            }
            let (text, next) = leaf(inner);
            // what holds elements is no field
            if next.starts_with('/') {
                elements.push(name, text);
            }
        }
        elements
    }

    fn push(&mut self, name: &str, text: String) {
        self.all.push(Element {
            name: name.to_owned(),
            text,
            is_taken: false,
        });
    }

    /// The name of the root, empty when there is none.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// The texts of all fields of this name that have one. Whoever takes them has understood them.
    pub(super) fn take_all(&mut self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.all.iter_mut().filter(|element| element.name == name) {
            element.is_taken = true;
            let text = element.text.trim();
            if !text.is_empty() {
                texts.push(text.to_owned());
            }
        }
        texts
    }

    /// The text of a field, empty when there is none.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.take_all(name).into_iter().next().unwrap_or_default()
    }

    /// Leaves a field to those that are kept as they are.
    pub(super) fn leave(&mut self, name: &str) {
        for element in self.all.iter_mut().filter(|element| element.name == name) {
            element.is_taken = false;
        }
    }

    /// The fields with a text that nobody took.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&str, &str)> {
        let rest = self.all.iter().filter(|element| !element.is_taken);
        let rest = rest.map(|element| (element.name.as_str(), element.text.trim()));
        rest.filter(|(_, text)| !text.is_empty())
    }

    /// All fields.
    pub(super) fn all(&self) -> impl Iterator<Item = (String, String)> {
        let all = self.all.iter();
        all.map(|element| (element.name.clone(), element.text.clone()))
    }

    /// Whether there is a field of this name, empty or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all.iter().any(|element| element.name == name)
    }
}

/// The text up to the next tag, its line ends LF, and what is behind the `<` of that.
fn leaf(xml: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = xml;
    loop {
        let (plain, after) = rest.split_once('<').unwrap_or((rest, ""));
        text.push_str(&unescaped(plain));
        let Some((inner, next)) = section(after) else {
            return (with_line_feeds(&text).into_owned(), after);
        };
        text.push_str(inner.unwrap_or_default());
        rest = next;
    }
}

/// The document of these fields; those named `ExcludeDate` and `IncludeDate` go into one list.
pub(super) fn write(root: &str, written: &Written) -> Vec<u8> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n");
    let is_listed = |name: &str| matches!(name, "ExcludeDate" | "IncludeDate");
    let field = |out: &mut String, (name, text): &(String, String)| {
        out.extend(["<", name, ">"]);
        escape(out, text);
        out.extend(["</", name, ">\r\n"]);
    };
    out.extend(["<", root, ">\r\n<SIFVersion>1.1</SIFVersion>\r\n"]);
    let fields = written.iter().filter(|(name, _)| name != "SIFVersion");
    let (listed, fields): (Vec<_>, Vec<_>) = fields.partition(|(name, _)| is_listed(name));
    for one in fields {
        field(&mut out, one);
    }
    if !listed.is_empty() {
        out.push_str("<Exceptions>\r\n");
        for one in listed {
            field(&mut out, one);
        }
        out.push_str("</Exceptions>\r\n");
    }
    out.extend(["</", root, ">\r\n"]);
    out.into_bytes()
}

/// Appends a text, its line ends CRLF, as Outlook has them. Characters that XML has no form for are
/// left out.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push_str("\r\n"),
            '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if c.is_control() && c < ' ' => {}
            _ => out.push(c),
        }
    }
}

//! Elements as indented XML.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::element::Element;
use super::input::BASE64_MARK;
use super::walk::{Place, Sink, Versions};
use crate::error::Error;
use crate::names::{Vocabulary, devinf, metinf};
use crate::version::Version;
use crate::write::{escaped, xml_text};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Namespace {
    SyncMl,
    MetInf,
    DevInf,
}

impl Namespace {
    fn of(element: &Element<'_>) -> Option<Self> {
        match element {
            Element::Known(Vocabulary::DevInf, _) => Some(Self::DevInf),
            Element::Known(Vocabulary::SyncMl, name) if name.page == metinf::ANCHOR.page => {
                Some(Self::MetInf)
            }
            Element::Known(Vocabulary::SyncMl, _) => Some(Self::SyncMl),
            Element::Token { .. } | Element::Named(_) => None,
        }
    }

    fn text(self, version: Version) -> &'static str {
        match self {
            Self::SyncMl => version.namespace(),
            Self::MetInf => "syncml:metinf",
            Self::DevInf => "syncml:devinf",
        }
    }
}

#[derive(Debug)]
struct Open {
    name: Cow<'static, str>,
    namespace: Option<Namespace>,
    /// Its tag lacks the closing bracket.
    in_tag: bool,
    /// It holds text, next to which no white space may be added.
    has_text: bool,
}

/// XML as it is written.
#[derive(Debug)]
pub(super) struct Xml {
    text: String,
    open: Vec<Open>,
    /// Where the namespace of the root goes once the version is certain.
    root_namespace: Option<usize>,
    max_bytes: usize,
}

impl Xml {
    /// `length` is that of the document, in proportion to which the XML may grow.
    pub(super) fn new(length: usize) -> Self {
        let mut text = String::with_capacity(length.saturating_mul(3));
        text.push_str(DECLARATION);
        Self {
            text,
            open: Vec::new(),
            root_namespace: None,
            max_bytes: length.saturating_mul(32).saturating_add(64 * 1024),
        }
    }

    pub(super) fn finish(mut self, versions: Versions) -> String {
        if let Some(at) = self.root_namespace {
            let namespace = versions.message.namespace();
            self.text.insert_str(at, &format!(" xmlns=\"{namespace}\""));
        }
        self.text.push('\n');
        self.text
    }

    fn line(&mut self) {
        self.text.push('\n');
        for _ in &self.open {
            self.text.push_str("  ");
        }
    }

    fn value(&mut self, text: &str) {
        if reads_better_whole(text) {
            self.text.extend(["<![CDATA[", text, "]]>"]);
        } else {
            self.text.push_str(&escaped(text));
        }
    }
}

/// Whether a text is of several lines or has markup, and can stand as it is: its carriage returns
/// are parts of line ends, and it does not end the section that it stands in.
fn reads_better_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr2(b'\n', b'<', bytes).is_some()
        && memchr::memchr_iter(b'\r', bytes).all(|at| bytes.get(at + 1) == Some(&b'\n'))
        && memchr::memmem::find(bytes, b"]]>").is_none()
}

impl Sink for Xml {
    fn start(
        &mut self,
        element: &Element<'_>,
        _is_document: bool,
        versions: Versions,
    ) -> Result<(), Error> {
        if self.text.len() > self.max_bytes {
            return Err(Error::Limit {
                what: "bytes of XML",
                limit: self.max_bytes,
            });
        }
        let mut outer = None;
        let mut indent = true;
        if let Some(parent) = self.open.last_mut() {
            if std::mem::take(&mut parent.in_tag) {
                self.text.push('>');
            }
            outer = parent.namespace;
            indent = !parent.has_text;
        }
        if indent {
            self.line();
        }
        let is_size = element.is(Vocabulary::DevInf, devinf::MAX_SIZE);
        let name = if is_size && versions.devinf < Version::V1_2 {
            Cow::Borrowed("Size")
        } else {
            element.xml_name()
        };
        self.text.push('<');
        self.text.push_str(&name);
        let own = Namespace::of(element);
        match own {
            Some(Namespace::SyncMl) if self.open.is_empty() => {
                self.root_namespace = Some(self.text.len());
            }
            Some(namespace) if own != outer => {
                let namespace = namespace.text(versions.message);
                self.text.extend([" xmlns=\"", namespace, "\""]);
            }
            _ => {}
        }
        self.open.push(Open {
            name,
            namespace: own.or(outer),
            in_tag: true,
            has_text: false,
        });
        Ok(())
    }

    fn text(&mut self, text: &[u8], place: Place) {
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let in_tag = std::mem::take(&mut open.in_tag);
        open.has_text = true;
        match xml_text(text) {
            Some(text) => {
                if in_tag {
                    self.text.push('>');
                }
                self.value(text);
            }
            None if place.is_whole => {
                let (name, value) = BASE64_MARK;
                let text = STANDARD.encode(text);
                self.text.extend([" ", name, "=\"", value, "\">", &text]);
            }
            None => {
                if in_tag {
                    self.text.push('>');
                }
                // text beside elements that is none has no better form
                let readable: String = String::from_utf8_lossy(text)
                    .chars()
                    .map(|c| {
                        if xml_text(c.to_string().as_bytes()).is_some() {
                            c
                        } else {
                            '\u{fffd}'
                        }
                    })
                    .collect();
                self.value(&readable);
            }
        }
    }

    fn end(&mut self, _versions: Versions) -> Result<(), Error> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        if open.in_tag {
            self.text.push_str("/>");
            return Ok(());
        }
        if !open.has_text {
            self.line();
        }
        self.text.extend(["</", &open.name, ">"]);
        Ok(())
    }
}

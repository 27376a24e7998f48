//! Elements and texts into either encoding.

use wbxml::{WritePublicId, Writer};

use super::{can_carry, devinf, escaped, legible};
use crate::devinf::DevInf;
use crate::names::{Name, metinf, syncml as n};
use crate::version::{Encoding, Version};

/// The WBXML version written: 1.2, which every peer reads.
pub(super) const WBXML_VERSION: u8 = 2;

/// A place in the output to return to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    place: Place,
    in_sync: bool,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Xml(usize),
    Wbxml(wbxml::Mark),
}

/// The message written so far.
#[derive(Debug, Clone)]
pub(super) enum Output {
    Xml {
        text: String,
        /// Elements of MetInf open, when inside it: the outermost declares the namespace.
        metinf: Option<usize>,
    },
    Wbxml(Writer),
}

impl Output {
    // spec: A03 A05
    pub(super) fn message(encoding: Encoding, version: Version) -> Self {
        match encoding {
            Encoding::Xml => Self::Xml {
                text: format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><SyncML xmlns=\"{}\">",
                    version.namespace()
                ),
                metinf: None,
            },
            Encoding::Wbxml => {
                let public_id = match version {
                    // the oldest phones know the text alone
                    Version::V1_0 => WritePublicId::Text("-//SYNCML//DTD SyncML 1.0//EN"),
                    Version::V1_1 => WritePublicId::Number(0x0fd3),
                    Version::V1_2 => WritePublicId::Number(0x1201),
                };
                let mut writer = Writer::new(WBXML_VERSION, public_id);
                writer.start(n::SYNCML.page, n::SYNCML.code);
                Self::Wbxml(writer)
            }
        }
    }

    pub(super) fn begin_metinf(&mut self) {
        if let Self::Xml { metinf, .. } = self {
            *metinf = Some(0);
        }
    }

    pub(super) fn end_metinf(&mut self) {
        if let Self::Xml { metinf, .. } = self {
            *metinf = None;
        }
    }

    pub(super) fn start(&mut self, name: Name) {
        match self {
            Self::Xml { text, metinf } => {
                text.push('<');
                *text += name.text;
                if let Some(depth) = metinf {
                    if *depth == 0 {
                        *text += " xmlns=\"syncml:metinf\"";
                    }
                    *depth += 1;
                }
                text.push('>');
            }
            Self::Wbxml(writer) => writer.start(name.page, name.code),
        }
    }

    pub(super) fn end(&mut self, name: Name) {
        match self {
            Self::Xml { text, metinf } => {
                *text += "</";
                *text += name.text;
                text.push('>');
                if let Some(depth) = metinf {
                    *depth = depth.saturating_sub(1);
                }
            }
            Self::Wbxml(writer) => writer.end(),
        }
    }

    pub(super) fn empty(&mut self, name: Name) {
        match self {
            Self::Xml { text, metinf } => {
                text.push('<');
                *text += name.text;
                if *metinf == Some(0) {
                    *text += " xmlns=\"syncml:metinf\"";
                }
                *text += "/>";
            }
            Self::Wbxml(writer) => writer.empty(name.page, name.code),
        }
    }

    pub(super) fn leaf(&mut self, name: Name, value: &str) {
        if value.is_empty() {
            self.empty(name);
            return;
        }
        self.start(name);
        match self {
            Self::Xml { text, .. } => *text += &escaped(&legible(value)),
            Self::Wbxml(writer) => writer.text(value),
        }
        self.end(name);
    }

    /// Whether the encoding has a form for these bytes as they are.
    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Self::Wbxml(_) => Encoding::Wbxml,
            Self::Xml { .. } => Encoding::Xml,
        }
    }

    pub(super) fn can_carry(&self, bytes: &[u8]) -> bool {
        can_carry(self.encoding(), bytes)
    }

    pub(super) fn payload(&mut self, bytes: &[u8]) {
        match self {
            Self::Xml { text, .. } => {
                *text += &escaped(&legible(&String::from_utf8_lossy(bytes)));
            }
            Self::Wbxml(writer) => writer.opaque(bytes),
        }
    }

    // spec: F08
    pub(super) fn devinf(&mut self, devinf: &DevInf, version: Version) {
        match self {
            Self::Xml { text, .. } => *text += &devinf::to_xml(devinf, version),
            Self::Wbxml(writer) => writer.opaque(&devinf::to_wbxml(devinf, version)),
        }
    }

    /// Bytes that the message has once what is open is ended and `Final` is written.
    pub(super) fn finished_len(&self, in_sync: bool) -> usize {
        match self {
            Self::Xml { text, .. } => {
                let sync = if in_sync { "</Sync>".len() } else { 0 };
                text.len() + sync + "<Final/></SyncBody></SyncML>".len()
            }
            Self::Wbxml(writer) => {
                let switch = if writer.page() == metinf::ANCHOR.page {
                    2
                } else {
                    0
                };
                writer.len() + usize::from(in_sync) + switch + 3
            }
        }
    }

    pub(super) fn mark(&self, in_sync: bool) -> Mark {
        let place = match self {
            Self::Xml { text, .. } => Place::Xml(text.len()),
            Self::Wbxml(writer) => Place::Wbxml(writer.mark()),
        };
        Mark { place, in_sync }
    }

    /// Goes back to a mark of this output; whether a Sync was open there.
    pub(super) fn rollback(&mut self, mark: Mark) -> bool {
        match (self, mark.place) {
            (Self::Xml { text, .. }, Place::Xml(length)) => text.truncate(length),
            (Self::Wbxml(writer), Place::Wbxml(place)) => writer.rollback(place),
            // a mark of another message: there is nothing to go back to
            _ => {}
        }
        mark.in_sync
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Xml { text, .. } => text.into_bytes(),
            Self::Wbxml(writer) => writer.finish(),
        }
    }
}

//! What an element is, from what its tag says and where it stands.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::input::Label;
use crate::names::{Name, Vocabulary};

/// An element, however its document spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Element<'a> {
    /// One of the tables.
    Known(Vocabulary, Name),
    /// A token that no table has.
    Token { page: u8, code: u8 },
    /// A name that no table has.
    Named(Cow<'a, [u8]>),
}

impl<'a> Element<'a> {
    /// `inside` is the vocabulary of the nearest known element around it. Names decide, not the
    /// tokens they came by: some peers write device information with the tokens of the message.
    pub(super) fn new(label: Label<'a>, inside: Option<Vocabulary>) -> Self {
        let name = match label {
            Label::Token { page, code } => return Self::Token { page, code },
            Label::Name(name) => name,
        };
        let Ok(text) = std::str::from_utf8(&name) else {
            return Self::Named(name);
        };
        let order = match inside {
            Some(Vocabulary::DevInf) => [Vocabulary::DevInf, Vocabulary::SyncMl],
            _ => [Vocabulary::SyncMl, Vocabulary::DevInf],
        };
        for vocabulary in order {
            if let Some(name) = vocabulary.named(text) {
                return Self::Known(vocabulary, name);
            }
        }
        if let Some((page, code)) = unknown_token(text)
            && order[0].entry(page, code).is_none()
        {
            return Self::Token { page, code };
        }
        match literal_name(text) {
            Some(bytes) => Self::Named(Cow::Owned(bytes)),
            None => Self::Named(name),
        }
    }

    /// Whether this is the element of a table.
    pub(super) fn is(&self, vocabulary: Vocabulary, name: Name) -> bool {
        // page and token are enough, and cheaper to compare than the text
        matches!(self, Self::Known(own, known)
            if *own == vocabulary && known.code == name.code && known.page == name.page)
    }

    pub(super) fn vocabulary(&self) -> Option<Vocabulary> {
        match self {
            Self::Known(vocabulary, _) => Some(*vocabulary),
            Self::Token { .. } | Self::Named(_) => None,
        }
    }

    /// The token as written in a document, known or not.
    pub(super) fn token(&self) -> Option<(u8, u8)> {
        match self {
            Self::Known(Vocabulary::SyncMl, name) => Some((name.page, name.code)),
            Self::Token { page, code } => Some((*page, *code)),
            Self::Known(Vocabulary::DevInf, _) | Self::Named(_) => None,
        }
    }

    /// The name in XML, from which [`Element::new`] gives the same element: `unknown-0-3F` for
    /// a token that is not assigned, `literal-` and hexadecimal digits for a name that is none in
    /// XML.
    pub(super) fn xml_name(&self) -> Cow<'static, str> {
        match self {
            Self::Known(_, name) => Cow::Borrowed(name.text),
            Self::Token { page, code } => Cow::Owned(format!("unknown-{page}-{code:02X}")),
            Self::Named(name) => Cow::Owned(match std::str::from_utf8(name) {
                Ok(text) if is_xml_name(text) => text.to_owned(),
                _ => name.iter().fold("literal-".to_owned(), |mut text, byte| {
                    // a String takes all that is written to it
                    let _ = write!(text, "{byte:02X}");
                    text
                }),
            }),
        }
    }
}

fn is_xml_name(text: &str) -> bool {
    let mut characters = text.chars();
    let starts = characters
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_');
    starts && characters.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn unknown_token(name: &str) -> Option<(u8, u8)> {
    let (page, code) = name.strip_prefix("unknown-")?.split_once('-')?;
    let code = u8::from_str_radix(code, 16).ok()?;
    let token = Element::Token {
        page: page.parse().ok()?,
        code,
    };
    // one spelling alone, so that it comes back
    ((0x05..=0x3f).contains(&code) && token.xml_name() == name)
        .then_some(())
        .and(token.token())
}

fn literal_name(name: &str) -> Option<Vec<u8>> {
    let digits = name.strip_prefix("literal-")?.as_bytes();
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes.filter(|bytes| {
        !bytes.contains(&0) && Element::Named(Cow::Borrowed(bytes)).xml_name() == name
    })
}

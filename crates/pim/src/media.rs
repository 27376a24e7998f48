//! Formats, media types and file extensions.
//!
//! A peer may send the right text under the wrong media type, so the text decides what an item is
//! and the declared type only breaks ties.

use crate::component::Tag;
use crate::decode::Dialect;
use crate::line::{Line, Lines};
use crate::sif;

/// What sort of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A person or organisation: vCard.
    Contact,
    /// A calendar event: `VEVENT`.
    Event,
    /// A task: `VTODO`.
    Task,
    /// A journal entry: `VJOURNAL`.
    Journal,
    /// A note: vNote or plain text.
    Note,
    /// A bookmark: vBookmark.
    Bookmark,
    /// Anything else: a file, a message, a folder.
    Other,
}

/// A format an item can be written in, with its version. The versions of one format are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// A contact of Funambol's clients: SIF-C.
    SifContact,
    /// An event of Funambol's clients: SIF-E.
    SifEvent,
    /// A task of Funambol's clients: SIF-T.
    SifTask,
    /// A note of Funambol's clients: SIF-N.
    SifNote,
    /// vCard 2.1.
    VCard21,
    /// vCard 3.0 (RFC 2426).
    VCard30,
    /// vCard 4.0 (RFC 6350).
    VCard40,
    /// vCalendar 1.0.
    VCalendar10,
    /// iCalendar 2.0 (RFC 5545).
    ICalendar20,
    /// vNote 1.1 (IrMC).
    VNote,
    /// vBookmark 1.0 (IrMC).
    VBookmark,
    /// Plain text.
    Text,
}

impl Format {
    /// The format of `content`.
    ///
    /// Under a type of SIF the root of the document decides; else the first `BEGIN` and the first
    /// `VERSION`. Without a version, `media_type` does. Text
    /// that does not start with `BEGIN` is plain text, unless `media_type` names a structured
    /// format and a `BEGIN` follows later on (some peers send junk first). None if neither
    /// `content` nor `media_type` tells of a text format.
    // spec: T02
    pub fn of(media_type: &str, content: &[u8]) -> Option<Self> {
        let declared = Self::of_media_type(media_type);
        if let Some(declared) = declared.filter(|format| format.is_sif()) {
            return Some(sif::format(declared, content));
        }
        let structured = declared.is_some_and(|f| f != Self::Text);
        let Some(tag) = first_component(content, structured) else {
            return declared;
        };
        let version = || first_version(content);
        match tag {
            Tag::VCard => Some(match version() {
                Some(b"2.1") => Self::VCard21,
                Some(b"3.0") => Self::VCard30,
                Some(b"4.0") => Self::VCard40,
                _ => declared.filter(|f| f.is_card()).unwrap_or(Self::VCard21),
            }),
            Tag::VNote => Some(Self::VNote),
            Tag::VBookmark => Some(Self::VBookmark),
            Tag::Other => declared,
            _ => Some(match version() {
                Some(b"1.0") => Self::VCalendar10,
                Some(b"2.0") => Self::ICalendar20,
                _ => declared
                    .filter(|f| f.is_calendar())
                    .unwrap_or(Self::ICalendar20),
            }),
        }
    }

    /// The format a media type stands for, parameters and case aside. None for types that are none
    /// of these formats.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        match canonical(media_type) {
            "text/x-vcard" => Some(Self::VCard21),
            "text/vcard" => Some(if has_version(media_type, "4.0") {
                Self::VCard40
            } else {
                Self::VCard30
            }),
            "text/x-vcalendar" => Some(Self::VCalendar10),
            "text/calendar" => Some(Self::ICalendar20),
            "text/x-vnote" => Some(Self::VNote),
            "text/x-vbookmark" => Some(Self::VBookmark),
            "text/x-s4j-sifc" => Some(Self::SifContact),
            "text/x-s4j-sife" => Some(Self::SifEvent),
            "text/x-s4j-sift" => Some(Self::SifTask),
            "text/x-s4j-sifn" => Some(Self::SifNote),
            "text/plain" => Some(Self::Text),
            _ => None,
        }
    }

    /// The media type, as written in `Meta` and `DevInf`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::VCard21 => "text/x-vcard",
            Self::VCard30 | Self::VCard40 => "text/vcard",
            Self::VCalendar10 => "text/x-vcalendar",
            Self::ICalendar20 => "text/calendar",
            Self::VNote => "text/x-vnote",
            Self::VBookmark => "text/x-vbookmark",
            Self::SifContact => "text/x-s4j-sifc",
            Self::SifEvent => "text/x-s4j-sife",
            Self::SifTask => "text/x-s4j-sift",
            Self::SifNote => "text/x-s4j-sifn",
            Self::Text => "text/plain",
        }
    }

    /// The version, as written in `VerCT`.
    pub fn version(self) -> &'static str {
        match self {
            Self::VCard21 => "2.1",
            Self::VCard30 => "3.0",
            Self::VCard40 => "4.0",
            Self::VCalendar10
            | Self::VBookmark
            | Self::Text
            | Self::SifContact
            | Self::SifEvent
            | Self::SifTask
            | Self::SifNote => "1.0",
            Self::ICalendar20 => "2.0",
            Self::VNote => "1.1",
        }
    }

    /// The usual file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::VCard21 | Self::VCard30 | Self::VCard40 => "vcf",
            Self::VCalendar10 => "vcs",
            Self::ICalendar20 => "ics",
            Self::VNote => "vnt",
            Self::VBookmark => "vbm",
            Self::SifContact | Self::SifEvent | Self::SifTask | Self::SifNote => "xml",
            Self::Text => "txt",
        }
    }

    /// The family of syntax the format belongs to.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::VCard30 | Self::VCard40 | Self::ICalendar20 => Dialect::New,
            _ => Dialect::Old,
        }
    }

    /// Whether it is one of the XML formats of Funambol's clients, which go as base64.
    pub fn is_sif(self) -> bool {
        matches!(
            self,
            Self::SifContact | Self::SifEvent | Self::SifTask | Self::SifNote
        )
    }

    pub(crate) fn is_card(self) -> bool {
        matches!(self, Self::VCard21 | Self::VCard30 | Self::VCard40)
    }

    fn is_calendar(self) -> bool {
        matches!(self, Self::VCalendar10 | Self::ICalendar20)
    }
}

/// The component that `content` starts with; with `search`, the first one anywhere.
pub(crate) fn first_component(content: &[u8], search: bool) -> Option<Tag> {
    for line in Lines::new(content) {
        if line.is("BEGIN") {
            return Some(Tag::of(line.raw_value().trim_ascii()));
        }
        let blank = line.is_malformed() && line.is_empty();
        if !blank && !search {
            return None;
        }
    }
    None
}

fn first_version(content: &[u8]) -> Option<&[u8]> {
    Lines::new(content)
        .find(|l| l.is("VERSION"))
        .map(|l: Line<'_>| l.raw_value().trim_ascii())
}

fn has_version(media_type: &str, version: &str) -> bool {
    media_type.split(';').skip(1).any(|p| {
        p.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("version") && value.trim().trim_matches('"') == version
        })
    })
}

/// The media types that occur, each with the one name it has here.
// spec: T01
const NAMES: [(&str, &str); 24] = [
    ("text/vcard", "text/vcard"),
    ("text/directory", "text/vcard"),
    ("text/x-vcard", "text/x-vcard"),
    ("text/calendar", "text/calendar"),
    ("text/icalendar", "text/calendar"),
    ("text/x-icalendar", "text/calendar"),
    ("application/ics", "text/calendar"),
    ("text/x-vcalendar", "text/x-vcalendar"),
    ("text/vcalendar", "text/x-vcalendar"),
    ("text/x-vcal", "text/x-vcalendar"),
    ("text/x-vnote", "text/x-vnote"),
    ("text/vnote", "text/x-vnote"),
    ("text/x-vbookmark", "text/x-vbookmark"),
    ("text/x-vbkm", "text/x-vbookmark"),
    ("text/plain", "text/plain"),
    ("text/x-vmessage", "text/x-vmessage"),
    ("text/x-vmsg", "text/x-vmessage"),
    ("text/message", "message/rfc822"),
    ("message/rfc822", "message/rfc822"),
    ("message/x-rfc822", "message/rfc822"),
    ("text/x-s4j-sifc", "text/x-s4j-sifc"),
    ("text/x-s4j-sife", "text/x-s4j-sife"),
    ("text/x-s4j-sift", "text/x-s4j-sift"),
    ("text/x-s4j-sifn", "text/x-s4j-sifn"),
];

/// The media type without parameters.
fn bare(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// The one name of a media type; what is not known stays as it is, without parameters.
// spec: T01
fn canonical(media_type: &str) -> &str {
    let bare = bare(media_type);
    NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(bare))
        .map_or(bare, |(_, to)| to)
}

/// The media type of `content`, by its text alone: one of the structured formats, or plain text.
pub fn media_type_of(content: &[u8]) -> &'static str {
    Format::of("", content).unwrap_or(Format::Text).media_type()
}

/// Whether two media types mean the same, parameters, case and old names aside.
///
/// `text/vcard` and `text/x-vcard` are different types: they tell vCard 3.0 from 2.1.
pub fn same_media(a: &str, b: &str) -> bool {
    canonical(a).eq_ignore_ascii_case(canonical(b))
}

/// Whether a media type is that of folders (OMA DS Folder object).
pub fn is_folder(media_type: &str) -> bool {
    media_type.to_ascii_lowercase().contains("omads-folder")
}

/// The kind of item that a media type alone promises.
pub fn kind_of_media_type(media_type: &str) -> Kind {
    match canonical(media_type) {
        "text/vcard" | "text/x-vcard" | "text/x-s4j-sifc" => Kind::Contact,
        "text/calendar" | "text/x-vcalendar" | "text/x-s4j-sife" => Kind::Event,
        "text/x-s4j-sift" => Kind::Task,
        "text/x-vnote" | "text/plain" | "text/x-s4j-sifn" => Kind::Note,
        "text/x-vbookmark" => Kind::Bookmark,
        _ => Kind::Other,
    }
}

/// What an item is: by its first component, else by its media type.
// spec: T42
pub fn kind_of(media_type: &str, content: &[u8]) -> Kind {
    let components = Lines::new(content).filter(|line| line.is("BEGIN"));
    let mut kinds = components.filter_map(|line| {
        let name = line.raw_value().trim_ascii().to_ascii_uppercase();
        match name.as_slice() {
            b"VCARD" => Some(Kind::Contact),
            b"VEVENT" => Some(Kind::Event),
            b"VTODO" => Some(Kind::Task),
            b"VJOURNAL" => Some(Kind::Journal),
            b"VNOTE" => Some(Kind::Note),
            b"VBKM" => Some(Kind::Bookmark),
            // the cards in it are those of who wrote it
            b"VMSG" => Some(Kind::Other),
            _ => None,
        }
    });
    kinds
        .next()
        .unwrap_or_else(|| kind_of_media_type(media_type))
}

/// The media type a kind of item is stored in when nothing else is asked for.
pub fn default_media_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Contact => "text/vcard",
        Kind::Event | Kind::Task | Kind::Journal => "text/calendar",
        Kind::Note => "text/plain",
        Kind::Bookmark => "text/x-vbookmark",
        Kind::Other => "application/octet-stream",
    }
}

/// The file extension for an item, without the dot: by its text, else by its media type, else
/// `bin`.
pub fn extension_of(media_type: &str, content: &[u8]) -> &'static str {
    Format::of(media_type, content).map_or("bin", Format::extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: T02
    #[test]
    fn the_text_decides_the_format() {
        let of = Format::of;
        assert_eq!(
            of("text/x-vcard", b"BEGIN:VCARD\nVERSION:3.0\n"),
            Some(Format::VCard30)
        );
        assert_eq!(
            of("text/vcard", b"begin:vcard\nfn:x\nversion:2.1\n"),
            Some(Format::VCard21)
        );
        assert_eq!(
            of("text/vcard", b"BEGIN:VCARD\nFN:x\n"),
            Some(Format::VCard30)
        );
        assert_eq!(
            of("text/vcard;version=4.0", b"BEGIN:VCARD\n"),
            Some(Format::VCard40)
        );
        assert_eq!(of("text/plain", b"BEGIN:VCARD\n"), Some(Format::VCard21));
        assert_eq!(
            of("", b"\xef\xbb\xbf\r\nBEGIN:VCALENDAR\nVERSION:1.0"),
            Some(Format::VCalendar10)
        );
        assert_eq!(
            of("", b"BEGIN:VEVENT\nDTSTART:1"),
            Some(Format::ICalendar20)
        );
        assert_eq!(
            of("text/x-vcalendar", b"BEGIN:VTODO\n"),
            Some(Format::VCalendar10)
        );
        assert_eq!(
            of("text/calendar", b"junk\nBEGIN:VCALENDAR\n"),
            Some(Format::ICalendar20)
        );
        assert_eq!(
            of("text/plain", b"hello\nBEGIN:VCARD\n"),
            Some(Format::Text)
        );
        assert_eq!(of("image/png", b"\x89PNG"), None);
        assert_eq!(of("", b"BEGIN:VNOTE\n"), Some(Format::VNote));
        assert_eq!(of("", b"BEGIN:VBKM\n"), Some(Format::VBookmark));
    }

    #[test]
    fn media_types_are_sniffed() {
        assert_eq!(
            media_type_of(b"BEGIN:VCARD\r\nVERSION:4.0\r\n"),
            "text/vcard"
        );
        assert_eq!(
            media_type_of(b"BEGIN:VCARD\r\nVERSION:2.1\r\n"),
            "text/x-vcard"
        );
        assert_eq!(
            media_type_of(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"),
            "text/calendar"
        );
        assert_eq!(
            media_type_of(b"BEGIN:VCALENDAR\r\nVERSION:1.0\r\n"),
            "text/x-vcalendar"
        );
        assert_eq!(media_type_of(b"Shopping\r\nmilk"), "text/plain");
    }

    // spec: M22 T01
    #[test]
    fn aliases_parameters_and_case_do_not_matter() {
        assert!(same_media(
            "Text/VCard; charset=UTF-8",
            "text/directory;profile=vCard"
        ));
        assert!(same_media("text/x-vcal", "text/x-vcalendar"));
        assert!(same_media("image/PNG", "image/png; x=y"));
        assert!(!same_media("text/vcard", "text/x-vcard"));
        assert!(!same_media("", "text/plain"));
    }

    #[test]
    fn a_kind_has_a_type_and_a_type_a_kind() {
        for kind in [
            Kind::Contact,
            Kind::Event,
            Kind::Note,
            Kind::Bookmark,
            Kind::Other,
        ] {
            assert_eq!(kind_of_media_type(default_media_type(kind)), kind);
        }
        assert_eq!(kind_of("text/plain", b"BEGIN:VBKM\n"), Kind::Bookmark);
        assert_eq!(extension_of("text/plain", b"hi"), "txt");
        assert_eq!(extension_of("", b"BEGIN:VCARD\n"), "vcf");
        assert_eq!(extension_of("text/x-vcalendar", b""), "vcs");
        assert_eq!(extension_of("image/png", b""), "bin");
    }

    // spec: T01
    #[test]
    fn every_format_is_found_by_its_media_type() {
        for format in [
            Format::VCard21,
            Format::VCard30,
            Format::VCalendar10,
            Format::ICalendar20,
            Format::VNote,
            Format::VBookmark,
            Format::Text,
        ] {
            assert_eq!(Format::of_media_type(format.media_type()), Some(format));
        }
    }
}

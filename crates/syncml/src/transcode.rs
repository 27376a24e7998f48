//! Documents from one encoding into the other, without reading them as messages.
//!
//! What people look at is XML, and what they send is often binary. [`to_xml`] shows any document
//! of either encoding as indented XML, [`to_wbxml`] makes binary XML of it, and [`redacted_xml`]
//! is [`to_xml`] without secrets, for logs. None of them judges: elements that no table has, and
//! content that belongs nowhere, come through.
//!
//! ```text
//! bytes ─▶ Input (XML │ WBXML) ─▶ Walk: elements, texts, the nested document ─▶ XML │ WBXML
//! ```
//!
//! Both forms say the same, so that one can be made from the other again:
//!
//! * An element is known by its local name. Its namespace and code page follow from that;
//!   attributes, comments and declarations are dropped.
//! * Device information in `Data` is a nested document in WBXML and elements in XML; the type in
//!   `Meta` is spelled for the form (`…devinf+wbxml`, `…devinf+xml`).
//! * A token that no table has is an element like `unknown-0-3F` (code page and token); a name
//!   that no table has is a literal tag in WBXML. One that is no name in XML is `literal-` and
//!   its bytes in hexadecimal.
//! * Text that XML has no form for stands as base64 in an element marked `opaque="base64"`.
//!   Text with line ends or markup stands as CDATA, with its line ends as they are.
//! * White space counts in `Data` alone; elsewhere text of nothing else is dropped.
//!
//! Memory and time are linear in the document; the limits on open elements and their number are
//! those of [`Limits`](crate::Limits).

mod binary;
mod element;
mod input;
mod walk;
mod xml;

use std::fmt::Write as _;

use crate::error::Error;
use crate::read::Document;
use crate::version::Encoding;
use binary::Binary;
use input::Input;
use walk::Walk;
use xml::Xml;

/// Bytes of an unreadable document that are shown at most.
const DUMP: usize = 64;

/// A SyncML, MetInf or DevInf document of either encoding as indented XML, with declaration and
/// namespaces. Its version is that of `VerDTD`, else that of the document's type.
///
/// # Errors
///
/// When the document is broken or exceeds a limit, among them 64 KiB and 32 times its length for
/// the XML.
pub fn to_xml(document: &[u8]) -> Result<String, Error> {
    let document = Document::new(document, None)?;
    let mut xml = Xml::new(document.bytes().len());
    let mut walk = Walk::new(&mut xml, devinf_spelling(&document), false);
    walk.document(Input::new(&document)?)?;
    let versions = walk.versions;
    Ok(xml.finish(versions))
}

/// A document of either encoding as WBXML 1.2: item data opaque, other text as inline strings,
/// no string table but for what has no token and for the document type of 1.0.
///
/// # Errors
///
/// When the document is broken or exceeds a limit, among them 256 bytes for a name without a
/// token and 64 KiB for all of them.
pub fn to_wbxml(document: &[u8]) -> Result<Vec<u8>, Error> {
    let document = Document::new(document, None)?;
    let mut binary = Binary::default();
    Walk::new(&mut binary, Some(Encoding::Wbxml), false).document(Input::new(&document)?)?;
    Ok(binary.finish())
}

/// [`to_xml`] with `[redacted]` for all text of credentials but their type and format, and for
/// nonces.
///
/// A document that cannot be read becomes a few words: its length, the error, and the first 64
/// bytes in hexadecimal, of them only what was read before any secret, string table or fault.
pub fn redacted_xml(document: &[u8]) -> String {
    let length = document.len();
    let document = match Document::new(document, None) {
        Ok(document) => document,
        Err(error) => return unreadable(length, &error, false, &[]),
    };
    let input = match Input::new(&document) {
        Ok(input) => input,
        Err(error) => return unreadable(length, &error, false, &[]),
    };
    let mut xml = Xml::new(document.bytes().len());
    let mut walk = Walk::new(&mut xml, devinf_spelling(&document), true);
    match walk.document(input) {
        Ok(()) => {
            let versions = walk.versions;
            xml.finish(versions)
        }
        Err(error) => {
            let shown = walk.safe.min(DUMP);
            let head = document.bytes().get(..shown).unwrap_or_default();
            unreadable(length, &error, walk.met_secret, head)
        }
    }
}

/// XML keeps what it says; what was binary is spelled for XML.
fn devinf_spelling(document: &Document<'_>) -> Option<Encoding> {
    (document.encoding() == Encoding::Wbxml).then_some(Encoding::Xml)
}

fn unreadable(length: usize, error: &Error, met_secret: bool, head: &[u8]) -> String {
    let error = match error {
        // its words may quote the document
        Error::Xml { offset, .. } if met_secret => format!("XML at byte {offset}: not well-formed"),
        error => error.to_string(),
    };
    let mut text = format!("unreadable document of {length} bytes: {error}\n");
    if !head.is_empty() {
        text.push_str("first bytes:");
        for byte in head {
            // a String takes all that is written to it
            let _ = write!(text, " {byte:02x}");
        }
        text.push('\n');
    }
    text
}

//! The content of an item, out of the ways in which a message carries it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use pim::Format;
use syncml::{Data, Item, Meta, Text};

/// Devices pad base64 as they like.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes of an item's data, decoded by its format; `None` when they cannot be.
// spec: A22
pub(crate) fn content_of<'i>(item: &'i Item<'_>, meta: &Meta<'_>) -> Option<Cow<'i, [u8]>> {
    decoded(Cow::Borrowed(carried(item)?), meta.format.as_deref())
}

/// The bytes of an item's data as they are carried; `None` for what is no text or bytes.
pub(crate) fn carried<'i>(item: &'i Item<'_>) -> Option<&'i [u8]> {
    match item.data.as_ref() {
        None => Some(&[]),
        Some(Data::Bytes(bytes)) => Some(bytes),
        Some(Data::Markup(text)) => Some(text.as_bytes()),
        Some(_) => None,
    }
}

/// Bytes decoded by the format they are carried in; `None` when they cannot be.
pub(crate) fn decoded<'b>(bytes: Cow<'b, [u8]>, format: Option<&str>) -> Option<Cow<'b, [u8]>> {
    if !is_base64(format) {
        return Some(bytes);
    }
    let text: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    BASE64.decode(text).ok().map(Cow::Owned)
}

/// Whether items of a media type go as base64 whatever is in them: devices that write SIF read it
/// in no other way.
pub(crate) fn goes_as_base64(media_type: &str) -> bool {
    Format::of_media_type(media_type).is_some_and(Format::is_sif)
}

/// The Meta and the Data in which an item of this type goes to a device.
pub(crate) fn packed<'c>(
    media_type: impl Into<Text<'c>>,
    bytes: impl Into<Cow<'c, [u8]>>,
) -> (Meta<'c>, Data<'c>) {
    let (mut meta, bytes) = (Meta::of_type(media_type), bytes.into());
    if !meta.media_type.as_deref().is_some_and(goes_as_base64) {
        return (meta, Data::Bytes(bytes));
    }
    meta.format = Some("b64".into());
    (meta, Data::Bytes(encoded(&bytes).into_bytes().into()))
}

/// Bytes as base64.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Whether data of this format is base64.
pub(crate) fn is_base64(format: Option<&str>) -> bool {
    format.is_some_and(|format| format.trim().eq_ignore_ascii_case("b64"))
}

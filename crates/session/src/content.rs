//! The content of an item, out of the ways in which a message carries it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use syncml::{Data, Item, Meta};

/// Devices pad base64 as they like.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes of an item's data, decoded by its format; `None` when they cannot be.
pub(crate) fn content_of<'i>(item: &'i Item<'_>, meta: &Meta<'_>) -> Option<Cow<'i, [u8]>> {
    let bytes: Cow<'i, [u8]> = match item.data.as_ref() {
        None => return Some(Cow::Borrowed(&[])),
        Some(Data::Bytes(bytes)) => Cow::Borrowed(bytes.as_ref()),
        Some(Data::Markup(text)) => Cow::Borrowed(text.as_bytes()),
        Some(_) => return None,
    };
    let format = meta.format.as_deref().unwrap_or("chr").trim();
    if !format.eq_ignore_ascii_case("b64") {
        return Some(bytes);
    }
    let text: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    BASE64.decode(text).ok().map(Cow::Owned)
}

//! What a device cannot miss unless somebody removed it there.

use std::collections::BTreeSet;

use super::rewrite::data_length;
use super::slot::Slots;
use super::{Holdings, MEDIA, Need, is_one_of, need};
use crate::apply::patch::Patch;
use crate::line::Line;
use crate::media::Format;
use crate::own::own_lines;

/// What a device would be shown, `shown`, without the properties that are not in its text `new` and
/// that it may not have been shown yet: those that are left out while they are too long or have another
/// value than it lists. They may fit by now, and the device has the version before.
///
/// A number or address is not among them: one that is too long for a device is none.
// spec: F21 V10
pub fn surely_shown(shown: &[u8], new: &[u8], holdings: &Holdings) -> Vec<u8> {
    let Some(format) = Format::of("", shown) else {
        return shown.to_vec();
    };
    let slots = Slots::of(holdings);
    let name = |line: &Line<'_>| line.name().to_ascii_uppercase();
    let has: BTreeSet<Vec<u8>> = own_lines(new).map(|line| name(&line)).collect();
    let may_be_out = |line: &Line<'_>| {
        let is_data = data_length(line, format.dialect()).is_some();
        let is_large = is_one_of(line, &MEDIA) && slots.max_photo.is_some();
        is_large
            || slots.find(line.name()).is_some_and(|slot| {
                slot.has_values() || slot.max_size.is_some() && (slot.no_truncate || is_data)
            })
    };
    let mut patch = Patch::default();
    for line in own_lines(shown) {
        if need(&line, format, true) == Need::None
            && !has.contains(&name(&line))
            && may_be_out(&line)
        {
            patch.remove(line.offset(), line.offset() + line.source().len());
        }
    }
    patch.apply(shown)
}

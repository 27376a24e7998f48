//! What a device cannot miss unless somebody removed it there.

use std::collections::BTreeMap;

use super::rewrite::data_length;
use super::slot::Slots;
use super::{Holdings, MEDIA, Need, is_one_of, need};
use crate::apply::patch::Patch;
use crate::line::Line;
use crate::media::Format;
use crate::own::own_lines;

/// What a device would be shown, `shown`, without the properties that are not in its text `new` and
/// that it may not have been shown yet: those that are left out while they are too long or have another
/// value than it lists. They may fit by now, and the device has the version before. Nor may it have been
/// shown what it lacks of a property of which the whole item, `current`, has more than it keeps, where it
/// is full of others: of the version before, others may have been chosen.
///
/// A number or address is not among them: one that is too long for a device is none.
// spec: F21 V10
pub fn surely_shown(current: &[u8], shown: &[u8], new: &[u8], holdings: &Holdings) -> Vec<u8> {
    let Some(format) = Format::of("", shown) else {
        return shown.to_vec();
    };
    let (slots, dialect) = (Slots::of(holdings), format.dialect());
    let name = |line: &Line<'_>| line.name().to_ascii_uppercase();
    let mut has: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for line in own_lines(new) {
        let texts = has.entry(name(&line)).or_default();
        texts.push(line.text(dialect).into_owned());
    }
    let mut whole: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for line in own_lines(current) {
        *whole.entry(name(&line)).or_default() += 1;
    }
    let may_be_out = |line: &Line<'_>| {
        let is_data = data_length(line, dialect).is_some();
        let is_large = is_one_of(line, &MEDIA) && slots.max_photo.is_some();
        is_large
            || slots.find(line.name()).is_some_and(|slot| {
                slot.has_values() || slot.max_size.is_some() && (slot.no_truncate || is_data)
            })
    };
    let may_be_beyond = |line: &Line<'_>, has: &[String]| {
        let most = slots.find(line.name()).and_then(|slot| slot.max_occur);
        most.is_some_and(|most| {
            let is_cut = whole.get(&name(line)).is_some_and(|all| *all > most);
            is_cut
                && has.len() as u64 >= most
                && !has.iter().any(|text| *text == line.text(dialect))
        })
    };
    let mut patch = Patch::default();
    for line in own_lines(shown) {
        let may_lack = match has.get(&name(&line)) {
            Some(has) => may_be_beyond(&line, has),
            None => may_be_out(&line),
        };
        if need(&line, format, true) == Need::None && may_lack {
            patch.remove(line.offset(), line.offset() + line.source().len());
        }
    }
    patch.apply(shown)
}

//! Alarms of vCalendar 1.0: one that a device would ignore for its name is one that it does not
//! ring.

use super::slot::{Slot, Slots};
use crate::decode::{self, Dialect};
use crate::line::Line;

/// To be heard and to be read.
const NAMES: [&str; 2] = ["AALARM", "DALARM"];

/// The time, how long to snooze, and how often. What follows is to be heard, or to be read.
const FIELDS: usize = 3;

pub(super) fn is_one(line: &Line<'_>) -> bool {
    NAMES.iter().any(|name| line.is(name))
}

/// The name under which a device keeps such an alarm.
// spec: U22
pub(super) fn known_as<'s>(name: &[u8], slots: &'s Slots) -> Option<(&'static str, &'s Slot)> {
    let find = |name: &&'static str| slots.find(name.as_bytes()).map(|slot| (*name, slot));
    let own = NAMES.iter().filter(|known| known.as_bytes() == name);
    let others = NAMES.iter().filter(|known| known.as_bytes() != name);
    own.chain(others).find_map(find)
}

/// The alarm under the other name, without what only the first one has.
pub(super) fn renamed(line: &Line<'_>, name: &str) -> Vec<u8> {
    let text = line.escaped_text(Dialect::Old);
    let fields: Vec<_> = decode::parts(&text, ';', Dialect::Old)
        .take(FIELDS)
        .map(|field| field.replace(['\r', '\n'], ""))
        .collect();
    let value = fields.join(";");
    format!("{name}:{}\r\n", value.trim_end_matches(';')).into_bytes()
}

/// When it goes off, as the device writes it.
pub(super) fn time(line: &Line<'_>) -> String {
    let text = line.escaped_text(Dialect::Old);
    let mut fields = decode::parts(&text, ';', Dialect::Old);
    fields.next().unwrap_or_default().trim().to_owned()
}

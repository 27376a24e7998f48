//! What happened in a run, for people: a line a step, and what changed by it.

use std::collections::BTreeMap;

use crate::device::Device;
use crate::items::{KINDS, read};
use crate::server::Server;

/// The record and its versions, and the folder.
type Shown = (Option<(u32, Vec<u32>)>, Option<String>);

/// A journal; one that nobody reads costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    lines: Option<Vec<String>>,
    /// The record, its versions and its folder in every place, as last told.
    told: BTreeMap<String, Shown>,
}

impl Journal {
    pub(crate) fn new(is_read: bool) -> Self {
        Self {
            lines: is_read.then(Vec::new),
            told: BTreeMap::new(),
        }
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(line());
        }
    }

    /// Tells what changed in what the server and the devices hold.
    pub(crate) fn tell_changes(&mut self, server: &Server, devices: &[Device]) {
        let Some(lines) = &mut self.lines else {
            return;
        };
        let mut now = BTreeMap::new();
        for kind in KINDS {
            for item in server.items(kind) {
                let content = String::from_utf8_lossy(&item.content);
                let place = format!("    server, {}, GUID {}", kind.name(), item.guid.0);
                let folder = item.parent.map(|guid| guid.0.to_string());
                now.insert(place, (read(&content), folder));
            }
        }
        for (owner, device) in devices.iter().enumerate() {
            for store in &device.stores {
                for (luid, (content, folder)) in store.tree() {
                    let place = format!("    {owner}, {}, LUID {luid}", store.kind.name());
                    now.insert(place, (read(&content), folder));
                }
            }
        }
        for (place, value) in &now {
            if self.told.get(place) != Some(value) {
                let (record, folder) = value;
                let folder = folder.iter().map(|folder| format!(" in {folder}"));
                let folder = folder.collect::<String>();
                lines.push(format!("{place}: {record:?}{folder}"));
            }
        }
        for place in self.told.keys().filter(|place| !now.contains_key(*place)) {
            lines.push(format!("{place}: gone"));
        }
        self.told = now;
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

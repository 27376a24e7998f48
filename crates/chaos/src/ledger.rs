//! What persons did to the records of an account, and what of it may be left in the end.
//!
//! Devices edit without knowing of each other, so that it is often open which version stands. It is
//! never open that
//!
//! - a record that nobody has deleted is there, and once;
//! - one that nobody has edited and somebody has deleted is gone, unless a device compared all items
//!   while it held it: such a device does not know that it was there before, so it brings it back; or
//!   the device on which it was deleted compared all items before it had told the deletion;
//! - the version of a record is the last one of a person that has edited it: of the only one, if there
//!   was only one;
//! - all devices and the server hold the same.

use std::collections::{BTreeMap, BTreeSet};

/// Records by name, each as its sorted lines.
pub(crate) type Holding = BTreeMap<String, Vec<String>>;

/// What became of one record.
#[derive(Debug, Default)]
struct Life {
    /// The last version of each device that has made one.
    last: BTreeMap<usize, String>,
    is_edited: bool,
    is_deleted: bool,
    is_compared: bool,
    /// Devices on which it was deleted, and that have not told it in a session that ended well.
    untold: BTreeSet<usize>,
    /// All of it in words, for who has to find out what went wrong.
    story: Vec<String>,
}

/// What persons have done, in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) added: u64,
    pub(crate) edited: u64,
    pub(crate) deleted: u64,
}

/// The records of an account, by name.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    lives: BTreeMap<String, Life>,
    pub(crate) counts: Counts,
}

impl Ledger {
    /// A person has made a record.
    pub(crate) fn added(&mut self, device: usize, name: &str, version: &str) {
        self.counts.added += 1;
        let life = self.lives.entry(name.to_owned()).or_default();
        life.last.insert(device, version.to_owned());
        life.story.push(format!("{device} adds {version}"));
    }

    /// A person has given a record another version.
    pub(crate) fn edited(&mut self, device: usize, content: &[u8], version: &str) {
        self.counts.edited += 1;
        let life = self.lives.entry(name_of(content)).or_default();
        life.last.insert(device, version.to_owned());
        life.is_edited = true;
        let before = version_of(content);
        life.story
            .push(format!("{device} makes {version} of {before}"));
    }

    /// A person has deleted a record.
    pub(crate) fn deleted(&mut self, device: usize, content: &[u8]) {
        self.counts.deleted += 1;
        let life = self.lives.entry(name_of(content)).or_default();
        life.is_deleted = true;
        life.untold.insert(device);
        let version = version_of(content);
        life.story.push(format!("{device} deletes {version}"));
    }

    /// A device compares all items, and holds these.
    pub(crate) fn compared<'c>(
        &mut self,
        device: usize,
        contents: impl IntoIterator<Item = &'c [u8]>,
    ) {
        for content in contents {
            let life = self.lives.entry(name_of(content)).or_default();
            life.is_compared = true;
            let version = version_of(content);
            life.story.push(format!("{device} compares {version}"));
        }
        for life in self.lives.values_mut() {
            if life.untold.remove(&device) {
                life.is_compared = true;
                life.story.push(format!("{device} compares without it"));
            }
        }
    }

    /// A session of a device has ended well, and all its deletions are told.
    pub(crate) fn told(&mut self, device: usize) {
        for life in self.lives.values_mut() {
            life.untold.remove(&device);
        }
    }

    /// What is wrong with a holding: the names of records, and words.
    pub(crate) fn complaints(&self, holding: &Holding) -> Vec<(String, String)> {
        let mut complaints = Vec::new();
        for (name, life) in &self.lives {
            let mut complain = |what: &str| {
                let text = format!("{name} {what} ({})", life.story.join(", "));
                complaints.push((name.clone(), text));
            };
            match holding.get(name) {
                None if !life.is_deleted => complain("is lost"),
                None => {}
                Some(_) if life.is_deleted && !life.is_edited && !life.is_compared => {
                    complain("was deleted and is there");
                }
                Some(lines) => {
                    let versions: BTreeSet<&str> = lines
                        .iter()
                        .filter_map(|line| line.strip_prefix("NOTE:"))
                        .collect();
                    let known = |version: &str| life.last.values().any(|last| last == version);
                    if versions.len() != 1 || !versions.iter().all(|version| known(version)) {
                        let last = &life.last;
                        complain(&format!("has {versions:?} and should have one of {last:?}"));
                    }
                }
            }
        }
        let strangers = holding
            .keys()
            .filter(|name| !self.lives.contains_key(*name));
        complaints.extend(strangers.map(|name| (name.clone(), format!("nobody has made {name}"))));
        complaints
    }
}

/// A contact of that name and version.
pub(crate) fn card(name: &str, version: &str) -> Vec<u8> {
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:{name};Chaos;;;\r\nFN:Chaos {name}\r\nNOTE:{version}\r\n\
         END:VCARD\r\n"
    )
    .into_bytes()
}

/// The name of a contact.
pub(crate) fn name_of(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let line = text.lines().find_map(|line| line.strip_prefix("N:"));
    let name = line.and_then(|line| line.split(';').next());
    name.unwrap_or_default().to_owned()
}

/// The version of a contact.
pub(crate) fn version_of(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let version = text.lines().find_map(|line| line.strip_prefix("NOTE:"));
    version.unwrap_or_default().to_owned()
}

/// What contacts make up together, and the names that are there twice.
pub(crate) fn holding<'c>(contents: impl IntoIterator<Item = &'c [u8]>) -> (Holding, Vec<String>) {
    let mut holding = Holding::new();
    let mut doubled = Vec::new();
    for content in contents {
        let name = name_of(content);
        let text = String::from_utf8_lossy(content);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        if holding.insert(name.clone(), lines).is_some() {
            doubled.push(name);
        }
    }
    (holding, doubled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(cards: &[(&str, &str)]) -> Holding {
        let cards: Vec<Vec<u8>> = cards.iter().map(|(name, note)| card(name, note)).collect();
        holding(cards.iter().map(Vec::as_slice)).0
    }

    #[test]
    fn what_may_be_left_is_told_from_what_may_not() {
        let mut ledger = Ledger::default();
        ledger.added(1, "plain", "a");
        ledger.added(1, "edited", "b");
        ledger.edited(2, &card("edited", "b"), "c");
        ledger.edited(2, &card("edited", "c"), "d");
        ledger.added(1, "deleted", "e");
        ledger.deleted(1, &card("deleted", ""));
        ledger.added(1, "disputed", "f");
        ledger.edited(2, &card("disputed", "f"), "g");
        ledger.deleted(1, &card("disputed", ""));
        ledger.added(1, "compared", "h");
        ledger.compared(2, [card("compared", "h").as_slice()]);
        ledger.deleted(1, &card("compared", ""));
        ledger.added(1, "untold", "i");
        ledger.deleted(3, &card("untold", "i"));
        ledger.compared(3, []);
        ledger.added(1, "told", "j");
        ledger.deleted(3, &card("told", "j"));
        ledger.told(3);
        ledger.compared(3, []);
        let fine = [("plain", "a"), ("edited", "d")];
        for more in [
            &[][..],
            &[("disputed", "g")],
            &[("disputed", "f")],
            &[("compared", "h")],
            &[("untold", "i")],
        ] {
            let holding = held(&[&fine[..], more].concat());
            assert_eq!(ledger.complaints(&holding), [], "{more:?}");
        }
        for (wrong, complaint) in [
            (&[("edited", "b")][..], "plain is lost"),
            (&[("plain", "z"), ("edited", "d")], "plain has"),
            (&[("plain", "a"), ("edited", "c")], "edited has"),
            (&[fine[0], fine[1], ("deleted", "e")], "deleted was deleted"),
            (&[fine[0], fine[1], ("told", "j")], "told was deleted"),
            (&[fine[0], fine[1], ("other", "e")], "nobody has made other"),
        ] {
            let complaints = ledger.complaints(&held(wrong));
            assert_eq!(complaints.len(), 1, "{complaints:?}");
            assert!(complaints[0].1.starts_with(complaint), "{complaints:?}");
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_told() {
        let cards = [card("a", "1"), card("b", "1"), card("a", "2")];
        let (held, doubled) = holding(cards.iter().map(Vec::as_slice));
        assert_eq!((held.len(), doubled), (2, vec!["a".to_owned()]));
    }
}

//! What the persons did, and what must therefore be true in the end.

use std::collections::BTreeMap;

/// One record's story.
#[derive(Debug, Clone, Default)]
struct Story {
    edits: Vec<u32>,
    deleted: bool,
    /// It was deleted where both sides knew it, and nobody edited it ever.
    deleted_for_good: bool,
}

/// All stories, by the number of the record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    stories: BTreeMap<u32, Story>,
    next_version: u32,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A record that nobody deleted is gone.
    #[error("record {record} is lost")]
    Lost {
        /// Its number.
        record: u32,
    },
    /// A record is there more than once.
    #[error("record {record} is there {times} times")]
    Doubled {
        /// Its number.
        record: u32,
        /// How often it is there.
        times: usize,
    },
    /// A deleted record is back.
    #[error("record {record} was deleted and is back")]
    Back {
        /// Its number.
        record: u32,
    },
    /// The only edit that a record ever had is gone.
    #[error("the edit {version} of record {record} is lost")]
    EditLost {
        /// Its number.
        record: u32,
        /// The edit.
        version: u32,
    },
    /// Two replicas differ.
    #[error("{device} does not hold what the server holds")]
    Differs {
        /// The device.
        device: String,
    },
    /// Items still move when all should be quiet.
    #[error("{device} still has something to say after everything was said")]
    Restless {
        /// The device.
        device: String,
    },
    /// A session failed on a good network.
    #[error("{device} cannot sync on a good network: {reason}")]
    Stuck {
        /// The device.
        device: String,
        /// What the session said.
        reason: String,
    },
}

/// A record as an item: its number in the name and the mail address, by which it is recognized, its
/// version in the telephone number.
pub(crate) fn card(record: u32, version: u32) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Person{record};Test;;;\r\nFN:Test Person{record}\r\n\
         EMAIL:person{record}@example.org\r\nTEL;TYPE=CELL:{version}\r\nEND:VCARD\r\n"
    )
}

/// The number of a record and the versions in it: a merged one has several.
fn read(content: &str) -> Option<(u32, Vec<u32>)> {
    let mut record = None;
    let mut versions = Vec::new();
    for line in content.lines() {
        if let Some(name) = line.strip_prefix("N:Person") {
            record = name.split(';').next().and_then(|text| text.parse().ok());
        } else if line.starts_with("TEL") {
            versions.extend(
                line.rsplit(':')
                    .next()
                    .and_then(|text| text.parse::<u32>().ok()),
            );
        }
    }
    record.map(|record| (record, versions))
}

impl Ledger {
    /// A person makes a record; its content.
    pub(crate) fn create(&mut self) -> String {
        let record = self.stories.len() as u32 + 1;
        self.next_version += 1;
        self.stories.insert(record, Story::default());
        card(record, self.next_version)
    }

    /// A person edits a record; its new content.
    pub(crate) fn edit(&mut self, content: &str) -> Option<String> {
        let (record, _) = read(content)?;
        let story = self.stories.get_mut(&record)?;
        self.next_version += 1;
        story.edits.push(self.next_version);
        story.deleted_for_good = false;
        Some(card(record, self.next_version))
    }

    /// A person deletes a record. `agreed` tells that the device was in step before, and that no
    /// later comparison of all items can bring the record back.
    pub(crate) fn delete(&mut self, content: &str, agreed: bool) {
        let story = read(content).and_then(|(record, _)| self.stories.get_mut(&record));
        if let Some(story) = story {
            // one that has come back before may be on other devices as changed
            story.deleted_for_good = agreed && story.edits.is_empty() && !story.deleted;
            story.deleted = true;
        }
    }

    /// A comparison of all items took place: what was deleted may legitimately be back.
    pub(crate) fn all_compared(&mut self) {
        for story in self.stories.values_mut() {
            story.deleted_for_good = false;
        }
    }

    /// Checks what the server holds in the end.
    pub(crate) fn check(&self, contents: &[String]) -> Result<(), Fault> {
        let mut held: BTreeMap<u32, Vec<Vec<u32>>> = BTreeMap::new();
        for content in contents {
            if let Some((record, versions)) = read(content) {
                held.entry(record).or_default().push(versions);
            }
        }
        for (record, story) in &self.stories {
            let record = *record;
            let copies = held.get(&record).map_or(&[][..], Vec::as_slice);
            if copies.len() > 1 {
                return Err(Fault::Doubled {
                    record,
                    times: copies.len(),
                });
            }
            match copies.first() {
                None if !story.deleted => return Err(Fault::Lost { record }),
                Some(_) if story.deleted_for_good => return Err(Fault::Back { record }),
                Some(versions) => {
                    if !story.deleted
                        && let [version] = story.edits.as_slice()
                        && !versions.contains(version)
                    {
                        return Err(Fault::EditLost {
                            record,
                            version: *version,
                        });
                    }
                }
                None => {}
            }
        }
        Ok(())
    }
}

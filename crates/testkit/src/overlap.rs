//! Two collections that overlap, as a server and a device hold them before they first meet.
//!
//! [`contacts`] and [`events`] are pure functions of sizes and a seed. What both sides hold of one
//! record differs as it does between real programs: another format, another order and spelling, and
//! a fifth of the fields edited, added or missing. Among them are *twins*: other records that share
//! what people take for the identity of a record, and that nothing may make one.

use crate::items::Random;

/// An item of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Where in [`Overlap::held`] the same record is; `None` where the server has none.
    pub partner: Option<usize>,
    /// What of it was changed, for reports of what went wrong.
    pub told: String,
}

/// Two collections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// What the server holds: vCard 3.0 or iCalendar 2.0.
    pub held: Vec<Vec<u8>>,
    /// What the device brings: vCard 2.1 or vCalendar 1.0, a third of it in the server's format.
    pub brought: Vec<Brought>,
}

/// How much of what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Items of each side, twins among them.
    pub side: usize,
    /// Of them records that the other side does not have.
    pub alone: usize,
    /// Of them twins of a record of either side; even.
    pub twins: usize,
}

/// Makes both sides of records that `write` writes: for the server with `false`, for the device
/// with `true`. `twin` makes of a record another one that is much like it.
fn overlap<R>(
    sizes: Sizes,
    random: &mut Random,
    record: impl Fn(usize, &mut Random) -> R,
    twin: impl Fn(&R, &mut Random) -> R,
    write: impl Fn(&R, bool, &mut Random) -> (Vec<u8>, String),
) -> Overlap {
    let singles = sizes.side - sizes.twins;
    let records: Vec<R> = (0..singles + sizes.alone)
        .map(|number| record(number, random))
        .collect();
    let mut held: Vec<(Option<usize>, Vec<u8>)> = Vec::new();
    let mut brought = Vec::new();
    for (number, record) in records.iter().enumerate() {
        if number < singles {
            held.push((Some(number), write(record, false, random).0));
        }
        if number >= sizes.alone {
            brought.push((Some(number), write(record, true, random)));
        }
    }
    for _ in 0..sizes.twins {
        let original = random.below(records.len());
        let there = twin(&records[original], random);
        held.push((None, write(&there, false, random).0));
        let original = random.below(records.len());
        let here = twin(&records[original], random);
        brought.push((None, write(&here, true, random)));
    }
    random.shuffle(&mut held);
    random.shuffle(&mut brought);
    let mut places = vec![None; records.len()];
    for (place, (number, _)) in held.iter().enumerate() {
        if let Some(number) = number {
            places[*number] = Some(place);
        }
    }
    let brought = brought
        .into_iter()
        .map(|(number, (content, told))| Brought {
            content,
            partner: number.and_then(|number| places[number]),
            told,
        });
    Overlap {
        brought: brought.collect(),
        held: held.into_iter().map(|(_, content)| content).collect(),
    }
}

/// Whether a field is one of the fifth that differs.
fn is_edited(random: &mut Random, told: &mut String, field: &str) -> bool {
    let edited = random.below(5) == 0;
    if edited {
        told.push(' ');
        told.push_str(field);
    }
    edited
}

/// A text that was edited: another one, a longer one, or none.
fn edit(random: &mut Random, text: &str) -> String {
    match random.below(3) {
        0 => String::new(),
        1 => format!("{text}, and more"),
        _ => "quite another".to_owned(),
    }
}

mod contact;
mod event;

pub use contact::contacts;
pub use event::events;

//! What the server does with each item: reading and writing contacts, beside calcard; and finding
//! for each of 5,000 items the one that it is, among 5,000 that are held.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use calcard::vcard::VCard;
use pim::line::Lines;
use pim::{ConvertError, Dialect, Format, Likeness, Target, compare, convert, fingerprint};
use testkit::items::{self, Kind};
use testkit::overlap::{self, Overlap, Sizes};

use crate::codec::time;
use crate::report::{self, Target as Goal, heading, row, seconds};
use crate::{ITEMS, Outcome};

/// Megabytes a second and core that reading and writing back should reach.
const WANTED: f64 = 100.0;

/// Seconds of processor time for the whole matching.
const MATCHING: f64 = 0.3;

const MEDIA: &str = "text/vcard";

/// Measures contacts and matching.
pub(crate) fn run() -> Outcome<()> {
    let cards: Vec<String> = (1..=ITEMS)
        .map(|number| String::from_utf8(items::item(Kind::Contact, number, 0)))
        .collect::<Result<_, _>>()?;
    let bytes: usize = cards.iter().map(String::len).sum();
    heading(&format!(
        "Contacts, {ITEMS} of {} bytes: MB/s of one core",
        bytes / cards.len()
    ));
    let speed = |work: &dyn Fn(&str) -> usize| {
        let spent = time(1, || cards.iter().map(|card| work(card)).sum::<usize>());
        bytes as f64 / 1e6 / spent.as_secs_f64()
    };
    let peer = speed(&|card| VCard::parse(black_box(card)).map_or(0, |card| card.entries.len()));
    show("calcard: parse", peer, Goal::none());
    let both = speed(&|card| {
        VCard::parse(black_box(card)).map_or(0, |card| black_box(card.to_string()).len())
    });
    show("calcard: parse and write", both, Goal::none());
    let ours = speed(&read_and_write);
    show(
        "lines read and written back",
        ours,
        Goal::at_least(ours, WANTED),
    );
    ratio(ours, peer);
    let decoded = speed(&decode);
    show("lines read, their values decoded", decoded, Goal::none());
    ratio(decoded, peer);
    let prints = speed(&|card| fingerprint(MEDIA, black_box(card.as_bytes())).exact as usize & 1);
    show("fingerprint", prints, Goal::none());
    ratio(prints, peer);
    let target = Target {
        format: Format::VCard21,
        quoted_printable: true,
    };
    let old = |card: &str| -> Result<usize, ConvertError> {
        Ok(convert(black_box(card.as_bytes()), MEDIA, target)?
            .bytes
            .len())
    };
    // what is measured has to work first
    cards.iter().try_for_each(|card| old(card).map(drop))?;
    let converted = speed(&|card| old(card).unwrap_or_default());
    show("conversion to vCard 2.1", converted, Goal::none());
    ratio(converted, peer);
    matching()
}

fn show(what: &str, speed: f64, goal: Goal) {
    row(what, &format!("{speed:.0}"), goal);
}

fn ratio(ours: f64, peer: f64) {
    row(
        "  times calcard's parse",
        &format!("{:.1}", ours / peer),
        Goal::none(),
    );
}

fn read_and_write(card: &str) -> usize {
    let mut written = Vec::with_capacity(card.len());
    for line in Lines::new(black_box(card.as_bytes())) {
        written.extend_from_slice(line.source());
    }
    black_box(written).len()
}

fn decode(card: &str) -> usize {
    Lines::new(black_box(card.as_bytes()))
        .map(|line| line.text(Dialect::New).len())
        .sum()
}

fn matching() -> Outcome<()> {
    let sizes = Sizes {
        side: ITEMS as usize,
        alone: 250,
        twins: 250,
    };
    heading(&format!(
        "Matching {ITEMS} items of a device with {ITEMS} that are held: CPU, s"
    ));
    for (what, overlap, types) in [
        (
            "contacts",
            overlap::contacts(sizes, 14),
            [MEDIA, "text/x-vcard"],
        ),
        (
            "events",
            overlap::events(sizes, 14),
            ["text/calendar", "text/x-vcalendar"],
        ),
    ] {
        let index = Index::of(&overlap, types[0]);
        let wrong = index.pair(&overlap, types);
        if wrong > 0 {
            return Err(format!("{wrong} {what} are paired wrongly").into());
        }
        let spent: Duration = time(1, || index.pair(black_box(&overlap), types));
        row(
            what,
            &seconds(spent),
            Goal::below(spent.as_secs_f64(), MATCHING),
        );
    }
    report::say("  (a database's own work not counted)");
    Ok(())
}

/// The numbers of a store's index, and which items have them.
#[derive(Default)]
struct Index {
    exact: HashMap<u64, Vec<usize>>,
    alike: HashMap<u64, Vec<usize>>,
}

impl Index {
    fn of(overlap: &Overlap, media_type: &str) -> Self {
        let mut index = Self::default();
        for (place, content) in overlap.held.iter().enumerate() {
            let print = fingerprint(media_type, content);
            index.exact.entry(print.exact).or_default().push(place);
            for number in [print.key, print.uid].into_iter().flatten() {
                index.alike.entry(number).or_default().push(place);
            }
        }
        index
    }

    /// Pairs all items as a slow sync does; how many have another partner than they should.
    fn pair(&self, overlap: &Overlap, [held_as, brought_as]: [&str; 2]) -> usize {
        let mut taken = vec![false; overlap.held.len()];
        let mut wrong = 0;
        for item in &overlap.brought {
            let print = fingerprint(brought_as, &item.content);
            let found = |map: &HashMap<u64, Vec<usize>>, number: u64| -> Vec<usize> {
                map.get(&number).cloned().unwrap_or_default()
            };
            let mut places = found(&self.exact, print.exact);
            for number in [print.key, print.uid].into_iter().flatten() {
                places.extend(found(&self.alike, number));
            }
            let best = places
                .into_iter()
                .filter(|place| !taken[*place])
                .filter_map(|place| {
                    let held = &overlap.held[place];
                    match compare(brought_as, &item.content, held_as, held) {
                        Likeness::Same => Some((u32::MAX, place)),
                        Likeness::Match(rank) => Some((rank, place)),
                        Likeness::Different => None,
                    }
                })
                .max_by_key(|(rank, _)| *rank)
                .map(|(_, place)| place);
            if let Some(place) = best {
                taken[place] = true;
            }
            wrong += usize::from(best != item.partner);
        }
        wrong
    }
}

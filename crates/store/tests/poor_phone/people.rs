//! The people of the address book as they ought to be, and the random course of events.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use crate::card::Card;
use crate::device::{Device, NOTE, NUMBERS};
use crate::talk::Talk;

/// Numbers drawn from a seed.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % n as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const KINDS: [&str; 3] = ["CELL", "HOME", "WORK"];
const PHONE: usize = 0;
const RICH: usize = 1;

struct Person {
    card: Card,
    is_dead: bool,
    /// When each side last edited anything, the note or the name; 0 for never.
    edited: [usize; 2],
    note: [usize; 2],
    name: [usize; 2],
    /// When each offered it as its own; the server may take its spelling for a change.
    offered: [usize; 2],
}

pub struct World {
    seed: u64,
    talk: Talk,
    devices: [Device; 2],
    people: BTreeMap<String, Person>,
    draws: Draws,
    /// Edits so far.
    now: usize,
    tokens: usize,
    /// Edits that each side has brought to the server for sure, and those that it may have.
    given: [(usize, usize); 2],
    /// Edits of the other side that each has got for sure, and those that it may have.
    seen: [(usize, usize); 2],
    log: Vec<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(io::stderr(), "seed {}:\n{}", self.seed, self.log.join("\n"));
        }
    }
}

impl World {
    /// Two devices with people of their own and two that both know, before their first session.
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            seed,
            talk: Talk::new(),
            devices: [
                Device::new("phone", true, seed.is_multiple_of(2)),
                Device::new("rich", false, seed.is_multiple_of(3)),
            ],
            people: BTreeMap::new(),
            draws: Draws(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            now: 1,
            tokens: 0,
            given: [(0, 0); 2],
            seen: [(0, 0); 2],
            log: Vec::new(),
        };
        for _ in 0..3 {
            world.add(PHONE);
            world.add(RICH);
        }
        for _ in 0..2 {
            world.add(RICH);
            let last = world.people.keys().next_back().unwrap().clone();
            let shared = world.number();
            let own = world.number();
            let person = world.people.get_mut(&last).unwrap();
            person.edited[PHONE] = world.now;
            let first = person.card.first.clone();
            person.card.tels.insert(shared.clone(), "CELL".to_owned());
            let on_rich = person.card.clone();
            person.card.tels.insert(own.clone(), "HOME".to_owned());
            let held = world.devices[RICH].items.values_mut();
            held.filter(|held| held.card.last == last)
                .for_each(|held| held.card = on_rich.clone());
            let tels = [(shared, "CELL".to_owned()), (own, "HOME".to_owned())];
            world.devices[PHONE].insert(Card {
                last,
                first,
                tels: tels.into_iter().collect(),
                ..Card::default()
            });
        }
        world.session(RICH, true);
        world.session(PHONE, true);
        world
    }

    fn token(&mut self) -> String {
        self.tokens += 1;
        format!("{:04}", self.tokens)
    }

    fn number(&mut self) -> String {
        format!("555{}", self.token())
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<String> = (0..count)
            .map(|at| {
                let umlaut = if at == 2 { "ü" } else { "w" };
                format!("{umlaut}{}", self.token())
            })
            .collect();
        words.join(" ")
    }

    /// One edit, and perhaps a session after it.
    pub fn step(&mut self) {
        self.now += 1;
        let side = self.draws.below(2);
        self.edit(side);
        if self.draws.one_in(3) {
            let side = self.draws.below(2);
            let slow = self.draws.one_in(4) && self.may_compare(side);
            self.session(side, slow);
        }
        if self.draws.one_in(15) {
            self.settle();
        }
    }

    fn add(&mut self, side: usize) {
        let last = format!("P{}", self.token());
        let mut card = Card {
            last: last.clone(),
            first: format!("F{}", self.token()),
            ..Card::default()
        };
        let most = if side == PHONE { NUMBERS } else { 4 };
        for _ in 0..self.draws.below(most + 1) {
            let kind = (*self.draws.of(&KINDS)).to_owned();
            card.tels.insert(self.number(), kind);
        }
        if side == RICH {
            card.note = {
                let count = self.draws.below(9);
                self.words(count)
            };
            if self.draws.one_in(2) {
                card.formatted = format!("Dr {}", self.token());
            }
            let photo = "/9j/4AAQSkZJRgABAQEA".repeat(self.draws.below(20) + 1);
            let others = [
                ("EMAIL", format!("m{}@example.org", self.token())),
                ("EMAIL", format!("m{}@example.org", self.token())),
                ("CATEGORIES", format!("C{}", self.token())),
                ("X-OWN", self.token()),
                ("PHOTO", photo),
            ];
            card.others = others.map(|(name, value)| (name.to_owned(), value)).into();
        }
        self.log.push(format!("{side} adds {card:?}"));
        self.devices[side].insert(card.clone());
        let mut person = Person {
            card,
            is_dead: false,
            edited: [0; 2],
            note: [0; 2],
            name: [0; 2],
            offered: [0; 2],
        };
        person.edited[side] = self.now;
        person.note[side] = self.now;
        person.name[side] = self.now;
        self.people.insert(last, person);
    }

    fn edit(&mut self, side: usize) {
        let luids: Vec<String> = self.devices[side].items.keys().cloned().collect();
        if luids.is_empty() || self.draws.one_in(8) {
            return self.add(side);
        }
        let luid = self.draws.of(&luids).clone();
        if !self.devices[side].is_settled(&luid) {
            // which changes of it are edits cannot be told in every case
            return;
        }
        let held = self.devices[side].items[&luid].clone();
        let last = held.card.last.clone();
        // what the other has got and offers as its own is not told from another, once it has another
        // name, and comes back, once it is gone
        let other = &self.devices[1 - side];
        let is_offered = other
            .items
            .iter()
            .any(|(luid, held)| held.card.last == last && !other.is_settled(luid));
        let person = self.people.get_mut(&last).unwrap();
        let unseen = |edited: [usize; 2], seen: usize| edited[1 - side] > seen;
        let (sure, may) = self.seen[side];
        if self.draws.one_in(8) {
            let lives = unseen(person.edited, may);
            let dies = !unseen(person.edited, sure);
            let is_clear = (lives || dies) && !unseen(person.offered, sure);
            if !held.dirty && !held.new && is_clear && !is_offered {
                person.is_dead |= dies;
                self.log
                    .push(format!("{side} deletes {last}, which dies: {dies}"));
                self.devices[side].remove(&luid);
            }
            return;
        }
        let mut card = held.card.clone();
        let numbers: Vec<String> = card.tels.keys().cloned().collect();
        let before = person.card.clone();
        let model = &mut person.card;
        match self.draws.below(if side == RICH { 7 } else { 5 }) {
            0 if !numbers.is_empty() => {
                // of one that the other side has changed, a new one beside it could not be told from
                // another change
                let number = self.draws.of(&numbers);
                if model.tels.remove(number).is_none() {
                    return;
                }
                card.tels.remove(number);
            }
            1 if !numbers.is_empty() => {
                let number = self.draws.of(&numbers).clone();
                if !model.tels.contains_key(&number) {
                    return;
                }
                let kind = card.tels.remove(&number).unwrap();
                model.tels.remove(&number);
                self.tokens += 1;
                let new = format!("555{:04}", self.tokens);
                card.tels.insert(new.clone(), kind.clone());
                model.tels.insert(new, kind);
            }
            2 if side == RICH || numbers.len() < NUMBERS => {
                self.tokens += 1;
                let new = format!("555{:04}", self.tokens);
                let kind = (*self.draws.of(&KINDS)).to_owned();
                card.tels.insert(new.clone(), kind.clone());
                model.tels.insert(new, kind);
            }
            3 if !unseen(person.note, sure) => {
                person.note[side] = self.now;
                self.tokens += 1;
                let word = format!("n{:04}", self.tokens);
                if side == PHONE && model.note.chars().count() > NOTE {
                    let rest = |note: &str| note.split_once(' ').unwrap().1.to_owned();
                    assert!(model.note.starts_with(card.note.trim_end()), "{last}");
                    card.note = format!("{word} {}", rest(&card.note));
                    model.note = format!("{word} {}", rest(&model.note));
                } else {
                    let count = self.draws.below(if side == RICH { 9 } else { 5 });
                    let words: Vec<String> = (0..count)
                        .map(|_| {
                            self.tokens += 1;
                            format!("x{:04}", self.tokens)
                        })
                        .collect();
                    card.note = words.join(" ");
                    model.note.clone_from(&card.note);
                }
            }
            4 if !unseen(person.name, sure) && !is_offered => {
                person.name[side] = self.now;
                self.tokens += 1;
                card.first = format!("G{:04}", self.tokens);
                model.first.clone_from(&card.first);
                if side == PHONE {
                    // what a person is called is the new name, to who knows no other
                    model.formatted.clear();
                }
            }
            at @ 5..7 if !card.others.is_empty() => {
                let all: Vec<_> = card.others.iter().cloned().collect();
                let old = self.draws.of(&all).clone();
                card.others.remove(&old);
                model.others.remove(&old);
                if at == 5 {
                    self.tokens += 1;
                    let value = match old.0.as_str() {
                        "PHOTO" => "/9j/4AAQSkZJRgABAQEC".repeat(2 + self.tokens % 7),
                        "EMAIL" => format!("m{:04}@example.org", self.tokens),
                        _ => format!("{:04}", self.tokens),
                    };
                    card.others.insert((old.0.clone(), value.clone()));
                    model.others.insert((old.0, value));
                }
            }
            _ => return,
        }
        if card == held.card || card == held.base {
            // nobody would hear of it
            person.card = before;
            return;
        }
        self.log.push(format!("{side} edits {card:?}"));
        person.is_dead = false;
        person.edited[side] = self.now;
        let held = self.devices[side].items.get_mut(&luid).unwrap();
        held.card = card;
        held.dirty = true;
    }

    /// Whether all that a side holds may be compared anew, so that what comes of it is known: it has
    /// nothing to say, and what it holds has neither gone nor got another name.
    fn may_compare(&self, side: usize) -> bool {
        let device = &self.devices[side];
        let is_plain = |last: &str| {
            let person = &self.people[last];
            !person.is_dead && person.name[1 - side] <= self.seen[side].0
        };
        !device.broke
            && device.deleted.is_empty()
            && device
                .items
                .values()
                .all(|held| held.new || (!held.dirty && is_plain(&held.card.last)))
    }

    /// A session of a side, which may break; a comparison of all is tried until it ends.
    fn session(&mut self, side: usize, slow: bool) {
        loop {
            let lost = self.draws.one_in(4).then(|| {
                let at = u32::try_from(self.draws.below(4)).unwrap() + 1;
                (at, self.draws.one_in(2))
            });
            let told = self.run(side, slow, lost);
            if told == 0 && slow {
                continue;
            }
            return;
        }
    }

    /// Whether it ended.
    fn run(&mut self, side: usize, slow: bool, lost: Option<(u32, bool)>) -> usize {
        let code = if slow { 201 } else { 200 };
        self.now += 1;
        for last in self.devices[side].offered() {
            self.people.get_mut(&last).unwrap().offered[side] = self.now;
        }
        self.log
            .push(format!("{side} syncs by {code}, losing {lost:?}"));
        let told = self.devices[side].sync(&mut self.talk, code, lost);
        for (kind, content) in &told.changes {
            self.log.push(format!("  {kind:?} {content:?}"));
        }
        let other = self.given[1 - side];
        self.given[side].1 = self.now;
        self.seen[side].1 = other.1;
        if told.ended {
            self.given[side].0 = self.now;
            self.seen[side].0 = other.0;
        }
        usize::from(told.ended)
    }

    /// Sessions until both sides are in step, and what then has to hold.
    pub fn settle(&mut self) {
        self.log.push("settling".to_owned());
        for side in [PHONE, RICH, PHONE, RICH] {
            assert_eq!(self.run(side, false, None), 1);
        }
        self.people.retain(|_, person| !person.is_dead);
        self.check();
        for (code, side) in [(200, PHONE), (200, RICH), (201, PHONE), (201, RICH)] {
            for _ in 0..2 {
                self.log.push(format!("{side} syncs by {code} once more"));
                let told = self.devices[side].sync(&mut self.talk, code, None);
                assert_eq!(told.changes, [], "{code} of {side}");
                self.check();
            }
        }
    }

    fn check(&self) {
        let contents = self.talk.server.contents();
        let on_server: Vec<Card> = contents.iter().map(|text| Card::read(text)).collect();
        let on_server = by_name(on_server.iter());
        let expected = by_name(self.people.values().map(|person| &person.card));
        for (last, card) in &expected {
            assert_eq!(on_server.get(last), Some(card), "{last} on the server");
        }
        assert_eq!(on_server.len(), expected.len(), "{:?}", on_server.keys());
        let held = |side: usize| by_name(self.devices[side].items.values().map(|held| &held.card));
        for (last, card) in &expected {
            assert_eq!(held(RICH).get(last), Some(card), "{last} on the client");
        }
        assert_eq!(held(RICH).len(), expected.len());
        let on_phone = held(PHONE);
        assert_eq!(on_phone.len(), expected.len());
        for (last, whole) in expected {
            let card = on_phone[last];
            assert_eq!(card.first, whole.first);
            assert_eq!(card.tels.len(), whole.tels.len().min(NUMBERS), "{last}");
            for (number, kind) in &card.tels {
                assert_eq!(whole.tels.get(number), Some(kind), "{last}");
            }
            let note: String = whole.note.chars().take(NOTE).collect();
            assert_eq!(card.note.trim_end(), note.trim_end(), "{last}");
        }
    }
}

fn by_name<'c>(cards: impl Iterator<Item = &'c Card>) -> BTreeMap<&'c str, &'c Card> {
    let mut all = BTreeMap::new();
    for card in cards {
        let twin = all.insert(card.last.as_str(), card);
        assert!(twin.is_none(), "{} is there twice", card.last);
    }
    all
}

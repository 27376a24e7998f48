//! Whatever persons do, phone and laptop agree.

use session::server::ConflictPolicy;
use syncml::ChangeKind::{Add, Replace};

use crate::home::*;
use crate::scripted::Server;
use crate::talk::Talk;

/// A sequence of numbers that looks like none.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A series of some moved meetings and added dates.
fn drawn(draw: &mut Draw) -> String {
    let days = [6, 13, 20, 27];
    let moved: Vec<_> = days
        .into_iter()
        .filter(|_| draw.below(2) == 0)
        .collect::<Vec<_>>()
        .into_iter()
        .map(|day| moved(day, &format!("Day {day} is {}", draw.below(1000)), "1130"))
        .collect();
    let dates: Vec<_> = (1..4)
        .filter(|_| draw.below(2) == 0)
        .map(|day| format!("2026030{day}T180000Z"))
        .collect();
    let dates = match dates.len() {
        0 => String::new(),
        _ => format!("RDATE:{}\r\n", dates.join(",")),
    };
    series(
        &dates,
        &moved.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

/// What a phone holds of a series, by what the library makes of it.
fn expected(home: &Home) -> Vec<String> {
    let mut all = Vec::new();
    for text in home.contents() {
        let own = text.split("END:VEVENT").next().unwrap();
        all.push(told(own));
        let found = pim::occurrences("text/calendar", text.as_bytes()).into_iter();
        all.extend(found.map(|one| told(&String::from_utf8(one.content).unwrap())));
    }
    all.sort();
    all
}

/// A series as it is; of an event that has become one of its own, what is shown.
fn of_series(text: &str) -> String {
    if text.contains("UID:choir") {
        text.to_owned()
    } else {
        told(text)
    }
}

#[test]
fn phone_and_laptop_agree_whatever_persons_do() {
    // a database takes its time
    let seeds = if module_path!().starts_with("postgres::") {
        4
    } else {
        60
    };
    for seed in 0..seeds {
        agree(seed, Server::new());
    }
}

#[test]
fn they_agree_over_a_file() {
    for seed in 60..66 {
        agree(seed, Server::in_file());
    }
}

/// Under the policies in turn, and with sessions that go as they may.
fn agree(seed: u64, server: Server) {
    let mut draw = Draw(seed * 7919 + 1);
    let mut talk = Talk::new();
    talk.server = server;
    talk.server.config.conflict = ConflictPolicy::ALL[seed as usize % ConflictPolicy::ALL.len()];
    let mut home = Home::over(talk);
    home.laptop(201, &[(Add, "s", &drawn(&mut draw))]);
    home.phone(201, &[]);
    for step in 0..12 {
        home.phone.way = match draw.below(8) {
            0 => Way::Atomic,
            1 => Way::Repeating,
            2 => Way::Unheard,
            _ => Way::Ordinary,
        };
        match draw.below(6) {
            0 => {
                let luid = home.laptop.held.keys().next().cloned();
                if let Some(luid) = luid.filter(|luid| home.laptop.held[luid].contains("UID:choir"))
                {
                    let text = drawn(&mut draw);
                    home.laptop(200, &[(Replace, &luid, &text)]);
                }
            }
            1..3 => {
                let count = home.phone.held.len() as u64;
                let shown = home.phone.shown();
                if let Some(one) = shown.get(draw.below(count.max(1)) as usize) {
                    let title = one.split(" 2026").next().unwrap().to_owned();
                    let to = format!("SUMMARY:Step {step} of {seed}");
                    home.edit(one, &format!("SUMMARY:{title}"), &to);
                }
            }
            3 => {
                let shown = home.phone.shown();
                let some = shown.iter().filter(|one| !one.ends_with("weekly"));
                let some: Vec<_> = some.map(String::as_str).collect();
                if let Some(one) = some.get(draw.below(some.len().max(1) as u64) as usize) {
                    home.delete(&[one]);
                }
            }
            4 => {
                home.phone(201, &[]);
            }
            _ => {
                home.laptop(200, &[]);
            }
        }
    }
    home.phone.way = Way::Ordinary;
    home.laptop(200, &[]);
    home.phone(200, &[]);
    home.laptop(200, &[]);
    assert_eq!(home.phone.shown(), expected(&home), "seed {seed}");
    let rich = home.laptop.held.values().map(|text| of_series(text));
    let mut rich: Vec<_> = rich.collect();
    let own = home.contents().into_iter().map(|text| of_series(&text));
    let mut own: Vec<_> = own.collect();
    rich.sort();
    own.sort();
    assert_eq!(rich, own, "seed {seed}");
    home.is_quiet();
}

//! A device of this test: what it holds, what a person changed on it, and its sessions, which may
//! break after any message.

use std::collections::{BTreeMap, BTreeSet};

use syncml::{ChangeKind, Version};

use crate::card::Card;
use crate::talk::{Heard, Talk, add, alert, delete, map, replace, status, sync};

/// Properties that the phone lists: a name, two numbers, a short note.
const LISTED: &str = "<PropName>N</PropName><Size>30</Size>\
     <PropName>TEL</PropName><MaxOccur>2</MaxOccur><Size>30</Size>\
     <PropName>NOTE</PropName><Size>30</Size>";

/// Characters of the note that the phone holds.
pub const NOTE: usize = 30;

/// Numbers that the phone holds.
pub const NUMBERS: usize = 2;

#[derive(Debug, Clone)]
pub struct Held {
    pub card: Card,
    /// As it was after the last session that ended, or as it came.
    pub base: Card,
    /// It was added or changed since the last session that ended.
    pub dirty: bool,
    /// The server has not had it yet, as far as the device knows.
    pub new: bool,
}

pub struct Device {
    pub name: &'static str,
    pub is_poor: bool,
    pub items: BTreeMap<String, Held>,
    pub deleted: BTreeSet<String>,
    /// Pairs of identifiers that the server may not have got.
    maps: Vec<(String, String)>,
    /// Items that came in a session that broke.
    unconfirmed: BTreeSet<String>,
    /// Whether it keeps such pairs beyond a session that breaks.
    keeps_maps: bool,
    last: u32,
    luids: u32,
    /// Whether the last session broke.
    pub broke: bool,
    /// The kind of the session that broke, which is tried again.
    pub again: u16,
}

/// What came of a session.
#[derive(Debug, Default)]
pub struct Told {
    pub ended: bool,
    /// Changes that the server sent: the kind and what it was.
    pub changes: Vec<(ChangeKind, String)>,
}

impl Device {
    pub fn new(name: &'static str, is_poor: bool, keeps_maps: bool) -> Self {
        Self {
            name,
            is_poor,
            items: BTreeMap::new(),
            deleted: BTreeSet::new(),
            maps: Vec::new(),
            unconfirmed: BTreeSet::new(),
            keeps_maps,
            last: 0,
            luids: 0,
            broke: false,
            again: 0,
        }
    }

    fn luid(&mut self) -> String {
        self.luids += 1;
        format!("{}{}", &self.name[..1], self.luids)
    }

    pub fn insert(&mut self, card: Card) {
        let luid = self.luid();
        let held = Held {
            base: Card::default(),
            card,
            dirty: true,
            new: true,
        };
        self.items.insert(luid, held);
    }

    pub fn remove(&mut self, luid: &str) {
        let held = self.items.remove(luid).unwrap();
        assert!(!held.new);
        self.deleted.insert(luid.to_owned());
    }

    /// Whether the server knows for sure what the device holds of an item.
    pub fn is_settled(&self, luid: &str) -> bool {
        !self.unconfirmed.contains(luid)
    }

    /// People whom it got in a session that broke, and offers as its own.
    pub fn offered(&self) -> Vec<String> {
        let maps = self.maps.iter().filter(|_| !self.keeps_maps);
        let held = maps.filter_map(|(_, luid)| self.items.get(luid));
        held.map(|held| held.card.last.clone()).collect()
    }

    fn introduction(&self, version: Version) -> String {
        let (formats, properties) = if self.is_poor {
            let format = "<CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>";
            let list = format!("<CTCap><CTType>text/x-vcard</CTType>{LISTED}</CTCap>");
            (format, list)
        } else {
            let format = "<CTType>text/vcard</CTType><VerCT>3.0</VerCT>";
            (format, String::new())
        };
        let number = if version == Version::V1_1 { 11 } else { 12 };
        let store = format!(
            "<DataStore><SourceRef>./my-contacts</SourceRef><Rx-Pref>{formats}</Rx-Pref>\
             <Tx-Pref>{formats}</Tx-Pref><SyncCap><SyncType>1</SyncType><SyncType>2</SyncType>\
             </SyncCap>"
        );
        let stores = if version == Version::V1_1 {
            format!("{store}</DataStore>{properties}")
        } else {
            format!("{store}{properties}</DataStore>")
        };
        format!(
            "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
             application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>\
             ./devinf{number}</LocURI></Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>{}\
             </VerDTD><DevID>{}</DevID><DevTyp>phone</DevTyp>{stores}</DevInf></Data></Item></Put>",
            version.dtd(),
            self.name,
        )
    }

    /// A session of this kind, whose answers are lost from this message on, or which goes to its
    /// end.
    pub fn sync(&mut self, talk: &mut Talk, code: u16, lost: Option<(u32, bool)>) -> Told {
        talk.device = self.name;
        talk.version = if self.is_poor {
            Version::V1_1
        } else {
            Version::V1_2
        };
        talk.limit = if self.is_poor { 4000 } else { 100_000 };
        let mut told = Told::default();
        let (last, next) = (self.last, self.last + 1 + u32::from(self.broke));
        let last = if last == 0 {
            String::new()
        } else {
            last.to_string()
        };
        let is_slow = code == 201;
        (self.broke, self.again) = (true, code);
        let is_lost = |message: u32| lost.is_some_and(|(at, _)| message >= at);
        talk.begin();
        let put = self.introduction(talk.version);
        let heard =
            talk.say(&(alert(1, code, "contacts", &last, &next.to_string()) + &put + "<Final/>"));
        let answer = heard.said.code_of("Alert");
        assert!(answer == 200 || last.is_empty(), "{answer}: {}", heard.xml);
        if is_lost(1) {
            return told;
        }
        let mut heard = talk.say(&self.changes(is_slow));
        for (_, _, cmd, code) in &heard.said.statuses {
            assert!(
                *code < 300 || (cmd == "Delete" && *code == 211),
                "{code} to {cmd}"
            );
        }
        for message in 2.. {
            if is_lost(message) && lost.is_some_and(|(_, applies)| !applies) {
                return told;
            }
            let maps = self.take(&heard, &mut told);
            if is_lost(message) {
                return told;
            }
            let is_last = heard.said.is_final;
            let mut body = String::new();
            for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
                let code = if cmd == "Add" { 201 } else { 200 };
                body += &status(number, talk.message, cmd_id, cmd, code);
            }
            body += &maps;
            body += if is_last {
                "<Final/>"
            } else {
                "<Alert><CmdID>59</CmdID><Data>222</Data><Item/></Alert>"
            };
            heard = talk.say(&body);
            if is_last {
                assert!(heard.said.is_final);
                if !is_lost(message + 1) {
                    break;
                }
                return told;
            }
        }
        (self.broke, told.ended) = (false, true);
        self.last = next;
        self.maps.clear();
        self.unconfirmed.clear();
        self.deleted.clear();
        for held in self.items.values_mut() {
            (held.dirty, held.new) = (false, false);
            held.base = held.card.clone();
        }
        told
    }

    /// Package 3.
    fn changes(&mut self, is_slow: bool) -> String {
        let mut maps = String::new();
        if !is_slow && self.keeps_maps {
            for (number, (guid, luid)) in (10..).zip(&self.maps) {
                maps += &map(number, guid, luid);
            }
        }
        let mut commands = String::new();
        for (number, (luid, held)) in (1000..).zip(&self.items) {
            let text = self.written(&held.card);
            let unmapped = !self.keeps_maps && self.maps.iter().any(|(_, mapped)| mapped == luid);
            if held.new || (unmapped && !is_slow) {
                commands += &add(number, luid, &text);
            } else if held.dirty || is_slow {
                commands += &replace(number, luid, &text);
            }
        }
        if !is_slow {
            for (number, luid) in (3000..).zip(&self.deleted) {
                commands += &delete(number, luid);
            }
        }
        maps + &sync("contacts", &commands) + "<Final/>"
    }

    fn written(&self, card: &Card) -> String {
        if self.is_poor {
            card.poor()
        } else {
            card.rich()
        }
    }

    /// Takes what the server sent; the maps of what is new.
    fn take(&mut self, heard: &Heard, told: &mut Told) -> String {
        let mut maps = String::new();
        for (number, change) in (200..).zip(&heard.said.changes) {
            told.changes.push((change.kind, change.content.clone()));
            match change.kind {
                ChangeKind::Add => {
                    let luid = self.luid();
                    let card = self.kept(&change.content);
                    let held = Held {
                        base: card.clone(),
                        card,
                        dirty: false,
                        new: false,
                    };
                    self.items.insert(luid.clone(), held);
                    self.unconfirmed.insert(luid.clone());
                    maps += &map(number, &change.guid, &luid);
                    self.maps.push((change.guid.clone(), luid));
                }
                ChangeKind::Replace => {
                    let card = self.kept(&change.content);
                    let held = self.items.get_mut(&change.luid).expect(&change.luid);
                    held.base = card.clone();
                    held.card = card;
                    self.unconfirmed.insert(change.luid.clone());
                }
                ChangeKind::Delete => {
                    self.items.remove(&change.luid);
                }
                other => panic!("{other:?}"),
            }
        }
        maps
    }

    /// What the device keeps of a card that it is sent.
    fn kept(&self, text: &str) -> Card {
        let mut card = Card::read(text);
        if self.is_poor {
            assert!(text.contains("VERSION:2.1"), "{text}");
            assert!(card.others.is_empty(), "{text}");
            assert!(card.tels.len() <= NUMBERS, "{text}");
            assert!(card.note.chars().count() <= NOTE, "{text}");
            card.formatted.clear();
        } else {
            assert!(text.contains("VERSION:3.0"), "{text}");
        }
        card
    }
}

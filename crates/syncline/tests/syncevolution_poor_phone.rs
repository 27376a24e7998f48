//! A phone that holds a name and two numbers, and SyncEvolution, which holds everything, on one
//! account: what the phone has no place for outlives its edits.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use syncml::{ChangeKind, Command, Document, Limits};
use testkit::items::Kind;
use testkit::syncevolution::{Client, Counts, Mode, Report, Settings, Store};
use testkit::syncline::Installation;
use testkit::{Peer, require};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");
const USER: &str = "ada";

/// `ada:secret` in Base64, as `syncml:auth-basic` wants it.
const LOGIN: &str = "YWRhOnNlY3JldA==";

const PHOTO: &str = "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\
                     AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/2Q==";

/// A change that the server sent: its kind, the server's identifier, the device's, the content.
type Change = (ChangeKind, String, String, String);

/// A phone of vCard 2.1, which says what it holds.
struct Phone {
    host: String,
    session: u32,
}

impl Phone {
    fn post(&self, message: u32, body: &str) -> Vec<u8> {
        let message = format!(
            "<SyncML xmlns='SYNCML:SYNCML1.1'><SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1\
             </VerProto><SessionID>{}</SessionID><MsgID>{message}</MsgID><Target><LocURI>\
             http://{}/syncml</LocURI></Target><Source><LocURI>poor-phone</LocURI></Source><Cred>\
             <Meta><Type xmlns='syncml:metinf'>syncml:auth-basic</Type></Meta><Data>{LOGIN}</Data>\
             </Cred><Meta><MaxMsgSize xmlns='syncml:metinf'>5000</MaxMsgSize></Meta></SyncHdr>\
             <SyncBody>{body}</SyncBody></SyncML>",
            self.session, self.host
        );
        let mut stream = TcpStream::connect(&self.host).unwrap();
        write!(
            stream,
            "POST /syncml HTTP/1.1\r\nHost: {}\r\nContent-Type: application/vnd.syncml+xml\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{message}",
            self.host,
            message.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        answer.split_off(end.unwrap() + 4)
    }

    /// A session with these commands; what the server sends. What is new gets the LUID `p` with the
    /// server's identifier.
    fn sync(&mut self, code: u16, commands: &str) -> Vec<Change> {
        self.session += 1;
        let (last, next) = (self.session - 1, self.session);
        let last = if last == 0 {
            String::new()
        } else {
            last.to_string()
        };
        let put = "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
             application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf11\
             </LocURI></Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.1</VerDTD><DevID>x\
             </DevID><DevTyp>phone</DevTyp><DataStore><SourceRef>pb</SourceRef><Rx-Pref><CTType>\
             text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref><Tx-Pref><CTType>text/x-vcard\
             </CTType><VerCT>2.1</VerCT></Tx-Pref><SyncCap><SyncType>1</SyncType><SyncType>2\
             </SyncType></SyncCap></DataStore><CTCap><CTType>text/x-vcard</CTType><PropName>N\
             </PropName><Size>30</Size><PropName>TEL</PropName><MaxOccur>2</MaxOccur></CTCap>\
             </DevInf></Data></Item></Put>";
        let alert = format!(
            "<Alert><CmdID>1</CmdID><Data>{code}</Data><Item><Target><LocURI>./contacts</LocURI>\
             </Target><Source><LocURI>pb</LocURI></Source><Meta><Anchor xmlns='syncml:metinf'>\
             <Last>{last}</Last><Next>{next}</Next></Anchor></Meta></Item></Alert>"
        );
        self.post(1, &format!("{alert}{put}<Final/>"));
        let mut answer = self.post(
            2,
            &format!(
                "<Sync><CmdID>3</CmdID><Target><LocURI>./contacts</LocURI></Target><Source>\
                 <LocURI>pb</LocURI></Source>{commands}</Sync><Final/>"
            ),
        );
        let mut all = Vec::new();
        for message in 3.. {
            let (changes, replies, is_final) = read(&answer, message - 1);
            all.extend(changes);
            let end = if is_final {
                "<Final/>"
            } else {
                "<Alert><CmdID>9</CmdID><Data>222</Data></Alert>"
            };
            answer = self.post(message, &format!("{replies}{end}"));
            if is_final {
                break;
            }
        }
        all
    }
}

/// The changes in an answer, what the phone says to them, and whether they are all.
fn read(answer: &[u8], number: u32) -> (Vec<Change>, String, bool) {
    let document = Document::new(answer, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let (of_message, is_final) = (number, message.is_final);
    let mut changes = Vec::new();
    let mut replies = String::new();
    for command in &message.commands {
        match command {
            Command::Status(status) => {
                let code: u16 = status.data.parse().unwrap();
                assert!(code < 300, "{code} to {}", status.cmd);
            }
            Command::Sync(sync) => {
                for (inner, number) in sync.commands.iter().zip(10..) {
                    let Command::Change(change) = inner else {
                        panic!("{inner:?}");
                    };
                    let item = change.items.first().unwrap();
                    let data = item.data.as_ref().map(|data| data.to_text().into_owned());
                    let guid = item.source_uri().to_owned();
                    replies += &status(number, of_message, inner);
                    if change.kind == ChangeKind::Add {
                        replies += &map(number + 100, &guid);
                    }
                    let luid = item.target_uri().to_owned();
                    changes.push((change.kind, guid, luid, data.unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    (changes, replies, is_final)
}

fn status(number: u32, message: u32, command: &Command<'_>) -> String {
    format!(
        "<Status><CmdID>{number}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{}</CmdRef><Cmd>{}</Cmd>\
         <Data>200</Data></Status>",
        command.cmd_id(),
        command.name()
    )
}

fn map(number: u32, guid: &str) -> String {
    format!(
        "<Map><CmdID>{number}</CmdID><Target><LocURI>./contacts</LocURI></Target><Source><LocURI>pb\
         </LocURI></Source><MapItem><Target><LocURI>{guid}</LocURI></Target><Source><LocURI>p{guid}\
         </LocURI></Source></MapItem></Map>"
    )
}

fn replace(luid: &str, card: &str) -> String {
    format!(
        "<Replace><CmdID>4</CmdID><Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta><Item>\
         <Source><LocURI>{luid}</LocURI></Source><Data><![CDATA[{card}]]></Data></Item></Replace>"
    )
}

#[track_caller]
fn sync(client: &Client, mode: Mode) -> Report {
    let report = client.sync(mode).unwrap();
    assert!(report.is_success(), "{mode:?}: {report:#?}");
    report
}

/// The one card of a folder, unfolded.
fn card(folder: &Path) -> String {
    let mut files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let text = fs::read_to_string(files.next().unwrap()).unwrap();
    assert_eq!(files.next(), None, "it is there once");
    text.replace("\r\n ", "")
}

#[track_caller]
fn has(text: &str, parts: &[&str], not: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part} in {text}");
    }
    for part in not {
        assert!(!text.contains(part), "{part} in {text}");
    }
}

// spec: H05
#[test]
fn what_a_poor_phone_has_no_place_for_outlives_its_edits() {
    let Some(installed) = require(Peer::SyncEvolutionClient) else {
        return;
    };
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user(USER, "secret").unwrap();
    let server = installation.serve().unwrap();
    let mut settings = Settings::new(server.url(), USER, "secret", "rich");
    settings.stores = vec![Store::new("addressbook", Kind::Contact, "contacts")];
    let client = Client::new(installed, settings).unwrap();
    let folder = client.folder("addressbook");
    let whole = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann;;;\r\nFN:Ann Lake\r\nTEL;TYPE=CELL:5550001\r\n\
         TEL;TYPE=HOME:5550002\r\nTEL;TYPE=WORK:5550003\r\nEMAIL;TYPE=HOME:ann@example.org\r\n\
         EMAIL;TYPE=WORK:lake@example.com\r\nNOTE:tall and quiet\r\nBDAY:1984-05-06\r\n\
         PHOTO;ENCODING=b;TYPE=JPEG:{PHOTO}\r\nEND:VCARD\r\n"
    );
    fs::write(folder.join("1"), whole).unwrap();
    sync(&client, Mode::TwoWay);

    let host = server.url().strip_prefix("http://").unwrap();
    let mut phone = Phone {
        host: host.split('/').next().unwrap().to_owned(),
        session: 0,
    };
    let sent = phone.sync(201, "");
    let [(ChangeKind::Add, guid, _, shown)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    has(
        shown,
        &["VERSION:2.1", "Lake;Ann", "5550001"],
        &["EMAIL", "PHOTO", "NOTE", "BDAY"],
    );
    assert_eq!(shown.matches("TEL").count(), 2, "{shown}");

    // the number of her mobile is another one
    let luid = format!("p{guid}");
    let called = shown.replace("5550001", "5550009");
    assert_eq!(phone.sync(200, &replace(&luid, &called)), []);
    let report = sync(&client, Mode::TwoWay);
    let part = report.store("addressbook");
    assert_eq!(part.received, Counts::new(0, 1, 0), "{}", report.output);
    let rest = [
        "5550002",
        "5550003",
        "ann@example.org",
        "lake@example.com",
        "tall and quiet",
        "1984",
        PHOTO,
    ];
    let held = card(&folder);
    has(&held, &rest, &["5550001"]);
    has(&held, &["5550009"], &[]);

    // the first e-mail is another one; then the number goes from the phone
    let file = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("ann@example.org", "ann@example.net")).unwrap();
    sync(&client, Mode::TwoWay);
    let without: String = called
        .split_inclusive("\r\n")
        .filter(|line| !line.contains("5550009"))
        .collect();
    phone.sync(200, &replace(&luid, &without));
    sync(&client, Mode::TwoWay);
    let held = card(&folder);
    has(
        &held,
        &["ann@example.net", "lake@example.com", "5550003", PHOTO],
        &["5550009"],
    );

    // both are in step, and stay so when all is compared
    phone.sync(200, "");
    assert_eq!(phone.sync(200, ""), []);
    for mode in [Mode::TwoWay, Mode::Slow, Mode::Slow] {
        let report = sync(&client, mode);
        let received = report.store("addressbook").received;
        assert_eq!(received, Counts::default(), "{mode:?} {}", report.output);
    }
    assert_eq!(card(&folder), held);
    assert_eq!(phone.sync(200, ""), []);
}

/// Numbers drawn from a seed.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % n as u64).unwrap()
    }
}

/// How many numbers are in a card. SyncEvolution writes an empty one where there is none.
fn numbers_of(card: &str) -> usize {
    let lines = card.lines().filter(|line| line.starts_with("TEL"));
    lines.filter(|line| !line.ends_with(':')).count()
}

/// Somebody in the address book, as the book ought to be. All words are there once, so that each can be
/// looked for.
#[derive(Debug, Clone, Default)]
struct Person {
    /// The first name, the numbers, and what only the rich client knows.
    words: BTreeSet<String>,
    numbers: BTreeSet<String>,
    has_photo: bool,
    /// What of it was edited since the last round: its numbers, its name, the rest.
    touched: BTreeSet<&'static str>,
}

/// One address book that both sides edit.
struct Book<'c> {
    phone: Phone,
    /// What the phone holds, by its own identifiers, and which of it the server has to hear of.
    held: BTreeMap<String, String>,
    added: BTreeSet<String>,
    edited: BTreeSet<String>,
    deleted: BTreeSet<String>,
    client: &'c Client,
    people: BTreeMap<String, Person>,
    /// Words that nobody should see any more.
    gone: BTreeSet<String>,
    draws: Draws,
    words: u32,
    log: Vec<String>,
}

impl Drop for Book<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "{}", self.log.join("\n"));
        }
    }
}

impl Book<'_> {
    fn word(&mut self, letter: &str) -> String {
        self.words += 1;
        format!("{letter}{:05}", self.words)
    }

    fn number(&mut self) -> String {
        self.word("555")
    }

    fn file_of(&self, last: &str) -> PathBuf {
        let files = fs::read_dir(self.client.folder("addressbook")).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        let is_it = |path: &PathBuf| fs::read_to_string(path).unwrap().contains(last);
        files.find(is_it).expect(last)
    }

    fn luid_of(&self, last: &str) -> String {
        let mut held = self.held.iter();
        let found = held.find(|(_, card)| card.contains(last));
        found.expect(last).0.clone()
    }

    /// Whom a side may edit so: the other has not edited the same since the last round.
    fn somebody(&mut self, what: &'static str) -> Option<String> {
        let is_free = |person: &Person| {
            !person.touched.contains(what)
                && !person.touched.contains("all")
                && (what != "all" || person.touched.is_empty())
        };
        let free: Vec<&String> = self
            .people
            .iter()
            .filter(|(_, person)| is_free(person))
            .map(|(last, _)| last)
            .collect();
        let last = (*free.get(self.draws.below(free.len().max(1)))?).clone();
        self.people.get_mut(&last).unwrap().touched.insert(what);
        Some(last)
    }

    /// One word of somebody becomes another.
    fn replace_word(&mut self, last: &str, old: &str, new: &str) {
        let person = self.people.get_mut(last).unwrap();
        assert!(person.words.remove(old));
        person.words.insert(new.to_owned());
        if person.numbers.remove(old) {
            person.numbers.insert(new.to_owned());
        }
        self.gone.insert(old.to_owned());
    }

    fn remove(&mut self, last: &str) {
        let person = self.people.remove(last).unwrap();
        self.gone.extend(person.words);
        self.gone.insert(last.to_owned());
    }

    fn add_on_rich(&mut self) {
        let (last, first) = (self.word("L"), self.word("F"));
        let numbers: BTreeSet<String> = (0..self.draws.below(4)).map(|_| self.number()).collect();
        let (home, work, note) = (self.word("m"), self.word("m"), self.word("n"));
        let mut card =
            format!("BEGIN:VCARD\r\nVERSION:3.0\r\nN:{last};{first};;;\r\nFN:{first} {last}\r\n");
        let kinds = ["CELL", "HOME", "WORK"];
        let tels = numbers.iter().zip(kinds);
        let tels = tels.map(|(number, kind)| format!("TEL;TYPE={kind}:{number}\r\n"));
        card.extend(tels);
        card += &[
            "EMAIL;TYPE=HOME:",
            &home,
            "@example.org\r\nEMAIL;TYPE=WORK:",
            &work,
            "@example.com\r\nNOTE:",
            &note,
            " and more\r\nPHOTO;ENCODING=b;TYPE=JPEG:",
            PHOTO,
            "\r\nEND:VCARD\r\n",
        ]
        .concat();
        fs::write(self.client.folder("addressbook").join(&last), card).unwrap();
        let mut words = numbers.clone();
        words.extend([first, home, work, note]);
        let person = Person {
            words,
            numbers,
            has_photo: true,
            touched: BTreeSet::from(["all"]),
        };
        self.people.insert(last, person);
    }

    fn add_on_phone(&mut self) {
        let (last, first) = (self.word("L"), self.word("F"));
        let numbers: BTreeSet<String> = (0..self.draws.below(3)).map(|_| self.number()).collect();
        let mut card = format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{last};{first}\r\n");
        let tels = numbers.iter().zip(["CELL", "HOME"]);
        card.extend(tels.map(|(number, kind)| format!("TEL;{kind}:{number}\r\n")));
        let luid = self.word("a");
        self.held.insert(luid.clone(), card + "END:VCARD\r\n");
        self.added.insert(luid);
        let mut words = numbers.clone();
        words.insert(first);
        let person = Person {
            words,
            numbers,
            has_photo: false,
            touched: BTreeSet::from(["all"]),
        };
        self.people.insert(last, person);
    }

    /// Whether anything came of it.
    fn edit_on_rich(&mut self) -> bool {
        let what = match self.draws.below(8) {
            0 => {
                self.add_on_rich();
                return true;
            }
            1 => "all",
            2 | 3 => "numbers",
            4 => "name",
            _ => "rest",
        };
        let Some(last) = self.somebody(what) else {
            return false;
        };
        self.log.push(format!("rich: {what} of {last}"));
        let file = self.file_of(&last);
        let text = fs::read_to_string(&file).unwrap();
        if what == "all" {
            fs::remove_file(file).unwrap();
            self.remove(&last);
            return true;
        }
        let person = self.people[&last].clone();
        let of_kind = |word: &&String| match what {
            "numbers" => person.numbers.contains(*word),
            "name" => word.starts_with('F'),
            _ => word.starts_with(['m', 'n']),
        };
        let words: Vec<&String> = person.words.iter().filter(of_kind).collect();
        if what == "numbers" && (words.is_empty() || self.draws.below(2) == 0) {
            let number = self.number();
            let line = format!("TEL;TYPE=WORK:{number}\r\nEND:VCARD");
            fs::write(&file, text.replace("END:VCARD", &line)).unwrap();
            let person = self.people.get_mut(&last).unwrap();
            person.words.insert(number.clone());
            person.numbers.insert(number);
            return true;
        }
        let Some(old) = words.get(self.draws.below(words.len().max(1))) else {
            return false;
        };
        let new = self.word(&old[..old.len() - 5]);
        fs::write(&file, text.replace(old.as_str(), &new)).unwrap();
        self.replace_word(&last, old, &new);
        true
    }

    /// Whether anything came of it.
    fn edit_on_phone(&mut self) -> bool {
        let what = match self.draws.below(8) {
            0 => {
                self.add_on_phone();
                return true;
            }
            1 => "all",
            2 => "name",
            _ => "numbers",
        };
        let Some(last) = self.somebody(what) else {
            return false;
        };
        let luid = self.luid_of(&last);
        self.log.push(format!("phone: {what} of {last}"));
        if what == "all" {
            self.held.remove(&luid);
            self.deleted.insert(luid);
            self.remove(&last);
            return true;
        }
        let card = self.held[&luid].clone();
        let person = self.people[&last].clone();
        let is_wanted = |word: &&String| {
            card.contains(word.as_str()) && person.numbers.contains(*word) == (what == "numbers")
        };
        let words: Vec<&String> = person.words.iter().filter(is_wanted).collect();
        let Some(old) = words.get(self.draws.below(words.len().max(1))) else {
            return false;
        };
        let edited = if what == "numbers" && self.draws.below(3) == 0 {
            let person = self.people.get_mut(&last).unwrap();
            person.words.remove(*old);
            person.numbers.remove(*old);
            self.gone.insert((*old).clone());
            let lines = card.split_inclusive("\r\n");
            lines.filter(|line| !line.contains(old.as_str())).collect()
        } else {
            let new = self.word(&old[..old.len() - 5]);
            self.replace_word(&last, old, &new);
            card.replace(old.as_str(), &new)
        };
        self.held.insert(luid.clone(), edited);
        if !self.added.contains(&luid) {
            self.edited.insert(luid);
        }
        true
    }

    /// How many changes came.
    fn sync_phone(&mut self, code: u16) -> usize {
        let mut commands = String::new();
        let changed: Vec<String> = if code == 201 {
            self.held.keys().cloned().collect()
        } else {
            self.added.union(&self.edited).cloned().collect()
        };
        for (number, luid) in (100..).zip(changed) {
            let command = replace(&luid, &self.held[&luid]);
            let name = if self.added.contains(&luid) {
                "Add>"
            } else {
                "Replace>"
            };
            commands += &command
                .replace("Replace>", name)
                .replace("<CmdID>4<", &format!("<CmdID>{number}<"));
        }
        let deletions = (500..).zip(&self.deleted).map(|(number, luid)| {
            format!(
                "<Delete><CmdID>{number}</CmdID><Item><Source><LocURI>{luid}</LocURI></Source></Item>\
                 </Delete>"
            )
        });
        commands.extend(deletions);
        let came = self.phone.sync(code, &commands);
        self.log.push(format!("phone synced by {code}: {came:?}"));
        let count = came.len();
        for (kind, guid, luid, card) in came {
            match kind {
                ChangeKind::Add => {
                    self.held.insert(format!("p{guid}"), card);
                }
                ChangeKind::Replace => {
                    self.held.insert(luid, card);
                }
                ChangeKind::Delete => {
                    self.held.remove(&luid);
                }
                other => panic!("{other:?}"),
            }
        }
        self.added.clear();
        self.edited.clear();
        self.deleted.clear();
        count
    }

    /// Both sides hold what the book ought to be: all of it, once.
    fn check(&self) {
        let files = fs::read_dir(self.client.folder("addressbook")).unwrap();
        let cards: Vec<String> = files
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .map(|card| card.replace("\r\n ", ""))
            .collect();
        let lasts: Vec<&String> = self.people.keys().collect();
        assert_eq!(cards.len(), lasts.len(), "{lasts:?} {cards:#?}");
        assert_eq!(self.held.len(), lasts.len(), "{lasts:?} {:#?}", self.held);
        for (last, person) in &self.people {
            let rich = cards.iter().find(|card| card.contains(last)).expect(last);
            let words: Vec<&str> = person.words.iter().map(String::as_str).collect();
            has(rich, &words, &[]);
            for number in &person.numbers {
                assert_eq!(
                    rich.matches(number.as_str()).count(),
                    1,
                    "{number} in {rich}"
                );
            }
            assert_eq!(numbers_of(rich), person.numbers.len(), "{rich}");
            assert_eq!(rich.contains(PHOTO), person.has_photo, "{rich}");
            let poor = &self.held[&self.luid_of(last)];
            let known = person.numbers.iter().filter(|word| poor.contains(*word));
            assert_eq!(
                known.count(),
                person.numbers.len().min(2),
                "{poor} of {person:?}"
            );
            assert_eq!(numbers_of(poor), person.numbers.len().min(2), "{poor}");
        }
        for word in &self.gone {
            for card in cards.iter().chain(self.held.values()) {
                assert!(!card.contains(word.as_str()), "{word} in {card}");
            }
        }
    }
}

// spec: H05 H20
#[test]
fn fifty_random_edits_of_a_poor_phone_and_of_a_rich_client_lose_and_double_nothing() {
    let Some(installed) = require(Peer::SyncEvolutionClient) else {
        return;
    };
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user(USER, "secret").unwrap();
    let server = installation.serve().unwrap();
    let mut settings = Settings::new(server.url(), USER, "secret", "rich");
    settings.stores = vec![Store::new("addressbook", Kind::Contact, "contacts")];
    let client = Client::new(installed, settings).unwrap();
    let host = server.url().strip_prefix("http://").unwrap();
    let mut book = Book {
        phone: Phone {
            host: host.split('/').next().unwrap().to_owned(),
            session: 0,
        },
        held: BTreeMap::new(),
        added: BTreeSet::new(),
        edited: BTreeSet::new(),
        deleted: BTreeSet::new(),
        client: &client,
        people: BTreeMap::new(),
        gone: BTreeSet::new(),
        draws: Draws(0x5EED),
        words: 0,
        log: Vec::new(),
    };
    for _ in 0..12 {
        book.add_on_rich();
        book.add_on_phone();
    }
    for round in 0..=10 {
        let is_slow = round % 5 == 4;
        let (code, mode) = match (round, is_slow) {
            (0, _) | (_, true) => (201, Mode::Slow),
            _ => (200, Mode::TwoWay),
        };
        sync(&client, Mode::TwoWay);
        book.sync_phone(if round == 0 { 201 } else { 200 });
        sync(&client, Mode::TwoWay);
        book.sync_phone(200);
        book.check();
        // all of both sides is compared, and nothing comes of it
        if code == 201 {
            assert_eq!(book.sync_phone(code), 0);
            let report = sync(&client, mode);
            let received = report.store("addressbook").received;
            assert_eq!(received, Counts::default(), "{}", report.output);
            // SyncEvolution spells some of its cards otherwise by then, of which the phone may hear
            book.sync_phone(200);
            book.check();
        }
        for person in book.people.values_mut() {
            person.touched.clear();
        }
        for _ in 0..5 {
            while !book.edit_on_rich() {}
            while !book.edit_on_phone() {}
        }
    }
}

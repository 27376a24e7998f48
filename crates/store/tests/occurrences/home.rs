//! An account whose calendar is on a phone of vCalendar 1.0 and on a laptop.

use std::collections::BTreeMap;

use crate::scripted::Received;
use crate::talk::{self, Heard, Talk, alert, item, status};
use session::store::{DatastoreId, DatastoreKind};
use syncml::ChangeKind::{self, Add, Delete, Replace};

pub const SERIES: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\n\
    UID:choir\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Choir\r\nDTSTART:20260112T090000Z\r\n\
    DTEND:20260112T103000Z\r\nRRULE:FREQ=WEEKLY\r\nMORE\
    END:VEVENT\r\nOVERRIDESEND:VCALENDAR\r\n";

pub const DATE: &str = "RDATE:20260115T180000Z\r\n";
pub const EXCLUDED: &str = "EXDATE:20260720T090000Z\r\n";

pub fn series(more: &str, overrides: &[&str]) -> String {
    SERIES
        .replace("MORE", more)
        .replace("OVERRIDES", &overrides.concat())
}

/// The occurrence of a day in July, later on that day.
pub fn moved(day: u8, title: &str, time: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:choir\r\nRECURRENCE-ID:202607{day:02}T090000Z\r\n\
         DTSTAMP:20260101T000000Z\r\nSUMMARY:{title}\r\nDTSTART:202607{day:02}T{time}00Z\r\n\
         DTEND:202607{day:02}T200000Z\r\nEND:VEVENT\r\n"
    )
}

/// With one moved meeting and one added date.
pub fn both() -> String {
    series(DATE, &[&moved(20, "Abroad", "1130")])
}

/// A device with a calendar.
pub struct Device {
    pub name: &'static str,
    /// It reads and writes vCalendar 1.0.
    pub is_old: bool,
    /// Its anchors.
    last: u32,
    next: u32,
    pub held: BTreeMap<String, String>,
    made: u32,
    /// What its device information calls the datastore that it describes.
    pub describes: &'static str,
    /// It says that it has a clock of UTC.
    pub knows_utc: bool,
    /// Which events it wants.
    pub filter: Option<&'static str>,
    pub way: Way,
    /// What its last session should have mapped.
    owed: Vec<(String, String)>,
    /// The server may say again what the device has done.
    was_unheard: bool,
}

/// How a device goes about its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Ordinary,
    /// It goes away after the first message of the server's changes.
    Leaving,
    /// What it tells of is all of it done or nothing.
    Atomic,
    /// It sends each message twice.
    Repeating,
    /// What it says of the server's changes is lost, and its Map comes with the next session.
    Unheard,
}

pub type Edit<'e> = (ChangeKind, &'e str, &'e str);

impl Device {
    pub fn new(name: &'static str, is_old: bool) -> Self {
        Self {
            name,
            is_old,
            last: 0,
            next: 0,
            held: BTreeMap::new(),
            made: 0,
            describes: "my-calendar",
            knows_utc: true,
            filter: None,
            way: Way::Ordinary,
            owed: Vec::new(),
            was_unheard: false,
        }
    }

    pub fn media_type(&self) -> &'static str {
        if self.is_old {
            "text/x-vcalendar"
        } else {
            "text/calendar"
        }
    }

    /// Title and start of each event, with a mark on what recurs.
    pub fn shown(&self) -> Vec<String> {
        let mut all: Vec<_> = self.held.values().map(|text| told(text)).collect();
        all.sort();
        all
    }

    /// Does what the server says; the GUIDs of what is new with its LUIDs.
    fn take(&mut self, changes: &[Received]) -> Vec<(String, String)> {
        let mut new = Vec::new();
        for change in changes {
            let content = change.content.clone();
            match change.kind {
                Add => {
                    self.made += 1;
                    let luid = format!("l{}", self.made);
                    new.push((change.guid.clone(), luid.clone()));
                    self.held.insert(luid, content);
                }
                Delete => {
                    let had = self.held.remove(&change.luid);
                    assert!(had.is_some() || self.was_unheard, "{}", change.luid);
                }
                _ => {
                    let had = self.held.insert(change.luid.clone(), content);
                    assert!(had.is_some(), "{}", change.luid);
                }
            }
        }
        new
    }

    /// The LUID of the event of which this is shown.
    pub fn luid(&self, shown: &str) -> String {
        let mut all = self.held.iter();
        let found = all.find(|(_, text)| told(text) == shown);
        found
            .unwrap_or_else(|| panic!("{:?}", self.shown()))
            .0
            .clone()
    }

    pub fn text(&self, shown: &str) -> String {
        self.held[&self.luid(shown)].clone()
    }
}

pub fn told(text: &str) -> String {
    let value = |name: &str| {
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map_or("", |(_, value)| value)
    };
    let mark = if text.contains("RRULE") {
        " weekly"
    } else {
        ""
    };
    format!("{} {}{mark}", value("SUMMARY"), value("DTSTART"))
}

pub const ALL: [&str; 3] = [
    "Abroad 20260720T113000Z",
    "Choir 20260112T090000Z weekly",
    "Choir 20260115T180000Z",
];

/// An account whose calendar is on a phone and on a laptop.
pub struct Home {
    pub talk: Talk,
    pub phone: Device,
    pub laptop: Device,
}

impl Home {
    pub fn new() -> Self {
        Self::over(Talk::new())
    }

    pub fn over(talk: Talk) -> Self {
        Self {
            talk,
            phone: Device::new("phone", true),
            laptop: Device::new("laptop", false),
        }
    }

    /// With a series from the laptop on both.
    pub fn with(text: &str) -> Self {
        let mut home = Self::new();
        home.laptop(201, &[(Add, "s", text)]);
        home.phone(201, &[]);
        home
    }

    pub fn calendar(&self) -> DatastoreId {
        let kinds = DatastoreKind::ALL.into_iter().zip(1..);
        let mut kinds = kinds.filter(|(kind, _)| *kind == DatastoreKind::Calendar);
        DatastoreId {
            account: self.talk.server.account,
            number: kinds.next().unwrap().1,
        }
    }

    /// What everybody else sees of the server's calendar.
    pub fn contents(&self) -> Vec<String> {
        let items = self.talk.server.state.items(self.calendar()).into_iter();
        items
            .map(|item| String::from_utf8(item.content).unwrap())
            .collect()
    }

    pub fn phone(&mut self, code: u16, edits: &[Edit<'_>]) -> Vec<(ChangeKind, String)> {
        session(&mut self.talk, &mut self.phone, code, edits)
    }

    pub fn laptop(&mut self, code: u16, edits: &[Edit<'_>]) -> Vec<(ChangeKind, String)> {
        session(&mut self.talk, &mut self.laptop, code, edits)
    }

    /// A person changes an event of the phone.
    pub fn edit(&mut self, shown: &str, from: &str, to: &str) -> Vec<(ChangeKind, String)> {
        let (luid, text) = (self.phone.luid(shown), self.phone.text(shown));
        assert!(text.contains(from), "{text}");
        let text = text.replace(from, to);
        self.phone(200, &[(Replace, &luid, &text)])
    }

    /// A person deletes events of the phone.
    pub fn delete(&mut self, shown: &[&str]) -> Vec<(ChangeKind, String)> {
        let luids: Vec<_> = shown.iter().map(|shown| self.phone.luid(shown)).collect();
        let edits: Vec<_> = luids
            .iter()
            .map(|luid| (Delete, luid.as_str(), ""))
            .collect();
        self.phone(200, &edits)
    }

    /// A person writes the series anew on the laptop.
    pub fn rewrite(&mut self, text: &str) {
        let luid = self.laptop.held.keys().next().unwrap().clone();
        assert_eq!(self.laptop(200, &[(Replace, &luid, text)]), []);
    }

    /// A person changes the series on the laptop, after it has heard of others.
    pub fn rewrite_as(&mut self, change: impl Fn(&str) -> String) {
        self.laptop(200, &[]);
        let text = change(self.laptop.held.values().next().unwrap());
        self.rewrite(&text);
    }

    /// Nobody has anything to tell to anybody, in step and in a comparison of all.
    pub fn is_quiet(&mut self) {
        for code in [200, 200, 201, 201, 200] {
            assert_eq!(self.laptop(code, &[]), [], "laptop, {code}");
            assert_eq!(self.phone(code, &[]), [], "phone, {code}");
        }
    }
}

/// A session of a device, in which it tells its edits, or all that it has; what it is sent.
pub fn session(
    talk: &mut Talk,
    device: &mut Device,
    code: u16,
    edits: &[Edit<'_>],
) -> Vec<(ChangeKind, String)> {
    for (kind, luid, text) in edits {
        match kind {
            Delete => device.held.remove(*luid),
            _ => device.held.insert((*luid).to_owned(), (*text).to_owned()),
        };
    }
    talk.device = device.name;
    talk.begin();
    let opening = opening(device, code) + "<Final/>";
    let heard = say(talk, device, &opening);
    let code = match heard.said.code_of("Alert") {
        // a comparison that broke is to be begun anew
        508 => 201,
        agreed => {
            assert_eq!(agreed, 200, "{}", heard.xml);
            code
        }
    };
    if code == 205 {
        device.held.clear();
    }
    let owed = std::mem::take(&mut device.owed);
    let changes = maps(&owed) + &talk::sync("calendar", &commands(device, code, edits));
    let heard = say(talk, device, &(changes + "<Final/>"));
    for (_, _, cmd, code) in &heard.said.statuses {
        assert!(
            *code < 300 || [409, 419].contains(code),
            "{code} to {cmd}: {}",
            heard.xml
        );
    }
    assert!(heard.said.is_final || device.way == Way::Leaving);
    let mut replies = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        replies += &status(number, talk.message, cmd_id, cmd, 200);
    }
    let new = device.take(&heard.said.changes);
    device.was_unheard = device.way == Way::Unheard;
    if device.was_unheard {
        device.owed = new;
    } else {
        say(talk, device, &(replies + &maps(&new) + "<Final/>"));
        device.last = device.next;
    }
    let changes = heard.said.changes.into_iter();
    changes
        .map(|change| (change.kind, told(&change.content)))
        .collect()
}

fn say(talk: &mut Talk, device: &Device, body: &str) -> Heard {
    let message = talk.message(body);
    let heard = talk.post(&message);
    if device.way == Way::Repeating {
        assert_eq!(talk.post(&message).xml, heard.xml);
    }
    heard
}

/// How a session begins: with the device's anchors, filter and description.
fn opening(device: &mut Device, code: u16) -> String {
    let version = if device.is_old { "1.0" } else { "2.0" };
    let format = format!(
        "<CTType>{}</CTType><VerCT>{version}</VerCT>",
        device.media_type()
    );
    let types = (1..=6).map(|number| format!("<SyncType>{number}</SyncType>"));
    let types: String = types.collect();
    let clock = if device.knows_utc { "<UTC/>" } else { "" };
    let put = format!(
        "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
         application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
         </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>{}</DevID>\
         <DevTyp>phone</DevTyp>{clock}<DataStore><SourceRef>{}</SourceRef>\
         <Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref><SyncCap>{types}</SyncCap>\
         </DataStore></DevInf></Data></Item></Put>",
        device.name, device.describes
    );
    let last = match device.last {
        0 => String::new(),
        last => last.to_string(),
    };
    device.next += 1;
    let alert = alert(1, code, "calendar", &last, &device.next.to_string());
    let place = "<LocURI>./calendar</LocURI>";
    let filtered = match device.filter {
        None => place.to_owned(),
        Some(query) => format!(
            "{place}<Filter><Meta><Type xmlns='syncml:metinf'>text/calendar</Type></Meta><Record>\
             <Item><Meta><Type xmlns='syncml:metinf'>syncml:filtertype-cgi</Type></Meta>\
             <Data>{query}</Data></Item></Record></Filter>"
        ),
    };
    alert.replace(place, &filtered) + &put
}

/// What the device tells: these edits, or all that it has.
fn commands(device: &Device, code: u16, edits: &[Edit<'_>]) -> String {
    let held = device.held.iter();
    let held = held.map(|(luid, text)| (Replace, luid.as_str(), text.as_str()));
    let all: Vec<Edit<'_>> = match code {
        201 | 203 => held.collect(),
        _ => edits.to_vec(),
    };
    let mut commands = String::new();
    for ((kind, luid, text), number) in all.iter().zip(300..) {
        let name = kind.name();
        let meta = format!(
            "<Meta><Type xmlns='syncml:metinf'>{}</Type></Meta>",
            device.media_type()
        );
        let command = if *kind == Delete {
            talk::delete(number, luid)
        } else {
            let item = item(luid, text);
            format!("<{name}><CmdID>{number}</CmdID>{meta}{item}</{name}>")
        };
        commands += &command;
    }
    match device.way {
        Way::Atomic if !all.is_empty() => {
            format!("<Atomic><CmdID>299</CmdID>{commands}</Atomic>")
        }
        _ => commands,
    }
}

fn maps(pairs: &[(String, String)]) -> String {
    let pairs = (600..).zip(pairs);
    let maps = pairs.map(|(number, (guid, luid))| talk::map(number, guid, luid));
    maps.collect::<String>().replace("contacts", "calendar")
}

pub fn kinds(sent: &[(ChangeKind, String)]) -> Vec<ChangeKind> {
    let mut kinds: Vec<_> = sent.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_by_key(|kind| kind.name());
    kinds
}

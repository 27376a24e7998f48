//! A client that says whatever XML a test gives it, and what it hears.

use std::ops::Range;

use session::store::{DatastoreId, DatastoreKind};
use syncml::transcode::{to_wbxml, to_xml};
use syncml::{ChangeKind, Command, Data, Document, Encoding, Item, Limits, Version, auth};

pub use crate::scripted::card;
use crate::scripted::{PASSWORD, Said, Server, USER, read};

pub struct Talk {
    pub server: Server,
    pub version: Version,
    pub encoding: Encoding,
    pub device: &'static str,
    pub limit: u64,
    pub session: u32,
    pub message: u32,
    /// Further elements of the next headers.
    pub header: &'static str,
}

/// An answer.
pub struct Heard {
    pub bytes: Vec<u8>,
    pub xml: String,
    pub said: Said,
    pub statuses: Vec<Heeded>,
}

/// A Status of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heeded {
    pub cmd_ref: String,
    pub cmd: String,
    pub target_refs: Vec<String>,
    pub source_refs: Vec<String>,
    pub code: u16,
    pub items: Vec<String>,
}

impl Talk {
    pub fn new() -> Self {
        Self {
            server: Server::new(),
            version: Version::V1_2,
            encoding: Encoding::Xml,
            device: "phone",
            limit: 100_000,
            session: 0,
            message: 0,
            header: "",
        }
    }

    /// A phone's, with a server to which a laptop has brought the contacts of these numbers.
    pub fn with_contacts(numbers: Range<u32>) -> Self {
        let mut talk = Self {
            device: "laptop",
            ..Self::new()
        };
        let all: String = (21..)
            .zip(numbers)
            .map(|(cmd_id, number)| {
                let card = card(&format!("Person {number}"), "1");
                add(cmd_id, &number.to_string(), &card)
            })
            .collect();
        talk.sync(201, ("", "1"), &all);
        talk.device = "phone";
        talk
    }

    pub fn begin(&mut self) {
        self.session += 1;
        self.message = 0;
    }

    /// A message with this body, as it leaves.
    pub fn message(&mut self, body: &str) -> Vec<u8> {
        self.message += 1;
        let Self {
            version,
            session,
            message,
            device,
            limit,
            header,
            ..
        } = self;
        let cred = base64(&format!("{USER}:{PASSWORD}"));
        let xml = format!(
            "<SyncML xmlns='{}'><SyncHdr><VerDTD>{}</VerDTD><VerProto>{}</VerProto>\
             <SessionID>{session}</SessionID><MsgID>{message}</MsgID>\
             <Target><LocURI>http://server/syncml</LocURI></Target>\
             <Source><LocURI>{device}</LocURI></Source>{header}\
             <Cred><Meta><Type xmlns='syncml:metinf'>syncml:auth-basic</Type></Meta>\
             <Data>{cred}</Data></Cred>\
             <Meta><MaxMsgSize xmlns='syncml:metinf'>{limit}</MaxMsgSize></Meta></SyncHdr>\
             <SyncBody>{body}</SyncBody></SyncML>",
            version.namespace(),
            version.dtd(),
            version.proto(),
        );
        match self.encoding {
            Encoding::Xml => xml.into_bytes(),
            Encoding::Wbxml => to_wbxml(xml.as_bytes()).unwrap(),
        }
    }

    pub fn say(&mut self, body: &str) -> Heard {
        let message = self.message(body);
        self.post(&message)
    }

    pub fn post(&mut self, message: &[u8]) -> Heard {
        let answer = self.server.post(message, None).unwrap();
        assert_eq!(answer.encoding, self.encoding);
        Heard::of(answer.body)
    }

    /// Opens the contacts and says Final.
    pub fn open(&mut self, code: u16, last: &str, next: &str) -> Heard {
        self.begin();
        self.say(&(alert(1, code, "contacts", last, next) + "<Final/>"))
    }

    /// A session in which the client sends these commands; the answer to them.
    pub fn sync(&mut self, code: u16, anchors: (&str, &str), commands: &str) -> Heard {
        self.open(code, anchors.0, anchors.1);
        let heard = self.say(&(sync("contacts", commands) + "<Final/>"));
        let mut last = String::new();
        for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
            last += &status(number, self.message, cmd_id, cmd, 200);
        }
        self.say(&(last + "<Final/>"));
        heard
    }
}

impl Heard {
    fn of(bytes: Vec<u8>) -> Self {
        let document = Document::new(&bytes, None).unwrap();
        let message = document.read(&Limits::default()).unwrap();
        let text = |item: &Item<'_>| match &item.data {
            Some(Data::Anchor(anchor)) => format!("next {}", anchor.next),
            Some(data) => data.to_text().into_owned(),
            None => String::new(),
        };
        let statuses = message.commands.iter().filter_map(|command| match command {
            Command::Status(status) => Some(Heeded {
                cmd_ref: status.cmd_ref.to_string(),
                cmd: status.cmd.to_string(),
                target_refs: status.target_refs.iter().map(ToString::to_string).collect(),
                source_refs: status.source_refs.iter().map(ToString::to_string).collect(),
                code: status.data.parse().unwrap(),
                items: status.items.iter().map(text).collect(),
            }),
            _ => None,
        });
        let statuses = statuses.collect();
        Self {
            xml: to_xml(&bytes).unwrap(),
            said: read(&bytes),
            statuses,
            bytes,
        }
    }

    /// `(CmdRef, code)` of all statuses, in order.
    pub fn codes(&self) -> Vec<(&str, u16)> {
        let statuses = self.statuses.iter();
        statuses
            .map(|status| (status.cmd_ref.as_str(), status.code))
            .collect()
    }
}

/// Of a text with a colon in it, which is what the library encodes.
pub fn base64(text: &str) -> String {
    let (head, rest) = text.split_once(':').unwrap();
    auth::basic_cred(head, rest).data.to_text().into_owned()
}

pub fn alert(cmd_id: u32, code: u16, name: &str, last: &str, next: &str) -> String {
    format!(
        "<Alert><CmdID>{cmd_id}</CmdID><Data>{code}</Data><Item>\
         <Target><LocURI>./{name}</LocURI></Target><Source><LocURI>my-{name}</LocURI></Source>\
         <Meta><Anchor xmlns='syncml:metinf'><Last>{last}</Last><Next>{next}</Next></Anchor></Meta>\
         </Item></Alert>"
    )
}

/// A Sync with CmdID 20.
pub fn sync(name: &str, commands: &str) -> String {
    format!(
        "<Sync><CmdID>20</CmdID><Target><LocURI>./{name}</LocURI></Target>\
         <Source><LocURI>my-{name}</LocURI></Source>{commands}</Sync>"
    )
}

pub fn item(luid: &str, data: &str) -> String {
    format!("<Item><Source><LocURI>{luid}</LocURI></Source><Data><![CDATA[{data}]]></Data></Item>")
}

/// A Put of device information with these elements after the device's type.
pub fn put_devinf(cmd_id: u32, elements: &str) -> String {
    format!(
        "<Put><CmdID>{cmd_id}</CmdID>\
         <Meta><Type xmlns='syncml:metinf'>application/vnd.syncml-devinf+xml</Type></Meta>\
         <Item><Source><LocURI>./devinf12</LocURI></Source><Data>\
         <DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>phone</DevID>\
         <DevTyp>phone</DevTyp>{elements}</DevInf></Data></Item></Put>"
    )
}

/// A command of one or more items, of the type of contacts.
pub fn change(name: &str, cmd_id: u32, items: &str) -> String {
    format!(
        "<{name}><CmdID>{cmd_id}</CmdID>\
         <Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta>{items}</{name}>"
    )
}

pub fn add(cmd_id: u32, luid: &str, data: &str) -> String {
    change("Add", cmd_id, &item(luid, data))
}

pub fn replace(cmd_id: u32, luid: &str, data: &str) -> String {
    change("Replace", cmd_id, &item(luid, data))
}

pub fn delete(cmd_id: u32, luid: &str) -> String {
    format!(
        "<Delete><CmdID>{cmd_id}</CmdID>\
         <Item><Source><LocURI>{luid}</LocURI></Source></Item></Delete>"
    )
}

pub fn status(cmd_id: u32, message: u32, cmd_ref: &str, cmd: &str, code: u16) -> String {
    format!(
        "<Status><CmdID>{cmd_id}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{cmd_ref}</CmdRef>\
         <Cmd>{cmd}</Cmd><Data>{code}</Data></Status>"
    )
}

/// A Map of the contacts.
pub fn map(cmd_id: u32, guid: &str, luid: &str) -> String {
    format!(
        "<Map><CmdID>{cmd_id}</CmdID><Target><LocURI>./contacts</LocURI></Target>\
         <Source><LocURI>my-contacts</LocURI></Source><MapItem>\
         <Target><LocURI>{guid}</LocURI></Target><Source><LocURI>{luid}</LocURI></Source>\
         </MapItem></Map>"
    )
}

/// Statuses for an answer, and maps for what is new in it: LUIDs are `l` with the GUID.
pub fn replies(talk: &Talk, heard: &Heard, name: &str) -> String {
    let mut text = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        text += &status(number, talk.message, cmd_id, cmd, 200);
    }
    for (number, change) in (200..).zip(&heard.said.changes) {
        if change.kind == ChangeKind::Add {
            let map = map(number, &change.guid, &format!("l{}", change.guid));
            text += &map.replace("contacts", name);
        }
    }
    text
}

/// What the server holds in the datastore of a kind.
pub fn kept(talk: &Talk, kind: DatastoreKind) -> Vec<String> {
    let numbers = DatastoreKind::ALL.into_iter().zip(1..);
    let mut numbers = numbers.filter(|(one, _)| *one == kind);
    let datastore = DatastoreId {
        account: talk.server.account,
        number: numbers.next().unwrap().1,
    };
    let items = talk.server.state.items(datastore).into_iter();
    items
        .map(|item| String::from_utf8(item.content).unwrap())
        .collect()
}

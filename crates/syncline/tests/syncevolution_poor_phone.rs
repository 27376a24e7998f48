//! A phone that holds a name and two numbers, and SyncEvolution, which holds everything, on one
//! account: what the phone has no place for outlives its edits.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

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
        let answer = self.post(
            2,
            &format!(
                "<Sync><CmdID>3</CmdID><Target><LocURI>./contacts</LocURI></Target><Source>\
                 <LocURI>pb</LocURI></Source>{commands}</Sync><Final/>"
            ),
        );
        let (changes, replies) = read(&answer);
        self.post(3, &format!("{replies}<Final/>"));
        changes
    }
}

/// The changes in an answer, and what the phone says to them.
fn read(answer: &[u8]) -> (Vec<Change>, String) {
    let document = Document::new(answer, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    assert!(message.is_final);
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
                    replies += &status(number, inner);
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
    (changes, replies)
}

fn status(number: u32, command: &Command<'_>) -> String {
    format!(
        "<Status><CmdID>{number}</CmdID><MsgRef>2</MsgRef><CmdRef>{}</CmdRef><Cmd>{}</Cmd>\
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

//! Messages that no honest device sends, against the real server: each gets the status that its
//! fault deserves, the server goes on answering good ones, and its memory does not grow with what
//! the attacker claims.

#![cfg(target_os = "linux")] // reads the server's memory from /proc
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use syncml::{Command, Document, Limits};
use testkit::process::{PATIENCE, Server};
use testkit::syncline::Installation;

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");
const XML: &str = "application/vnd.syncml+xml";
const WBXML: &str = "application/vnd.syncml+wbxml";

/// `ada:secret` in Base64, as `syncml:auth-basic` wants it.
const LOGIN: &str = "YWRhOnNlY3JldA==";

/// What all attacks together may add to the highest memory use of a server that has answered a
/// good message in either encoding, bytes.
const MAX_GROWTH: u64 = 32 << 20;

/// The largest body that the server takes, bytes.
const MAX_BODY: usize = 4 << 20;

/// What all attacks of a table may add to the log, bytes.
const MAX_LOG: usize = 1 << 20;

/// The largest message that the server makes or wants, bytes.
const MAX_MESSAGE: usize = 1_000_000;

/// Tokens of SyncML's first code page, with the bit for content.
mod token {
    pub(crate) const ALERT: u8 = 0x46;
    pub(crate) const ATOMIC: u8 = 0x48;
    pub(crate) const CMD_ID: u8 = 0x4b;
    pub(crate) const CRED: u8 = 0x4e;
    pub(crate) const DATA: u8 = 0x4f;
    pub(crate) const GET: u8 = 0x53;
    pub(crate) const ITEM: u8 = 0x54;
    pub(crate) const LOC_URI: u8 = 0x57;
    pub(crate) const MSG_ID: u8 = 0x5b;
    pub(crate) const SESSION_ID: u8 = 0x65;
    pub(crate) const SOURCE: u8 = 0x67;
    pub(crate) const SYNC_BODY: u8 = 0x6b;
    pub(crate) const SYNC_HDR: u8 = 0x6c;
    pub(crate) const SYNCML: u8 = 0x6d;
    pub(crate) const TARGET: u8 = 0x6e;
    pub(crate) const VER_DTD: u8 = 0x71;
    pub(crate) const VER_PROTO: u8 = 0x72;
    pub(crate) const END: u8 = 0x01;
    pub(crate) const STR_I: u8 = 0x03;
    pub(crate) const STR_T: u8 = 0x83;
    pub(crate) const OPAQUE: u8 = 0xc3;
    /// `Final`, which has no content.
    pub(crate) const FINAL: u8 = 0x12;
}

/// Five bytes that say 4,294,967,295.
const U32_MAX: [u8; 5] = [0x8f, 0xff, 0xff, 0xff, 0x7f];

/// The answer that an attack has to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// This HTTP status, without a message.
    Http(u16),
    /// A message with this status for the header.
    Header(u16),
}

struct Attack {
    name: String,
    headers: String,
    body: Vec<u8>,
    expected: Answer,
}

fn attack(name: &str, media_type: &str, body: impl Into<Vec<u8>>, expected: Answer) -> Attack {
    Attack {
        name: name.to_owned(),
        headers: format!("Content-Type: {media_type}\r\n"),
        body: body.into(),
        expected,
    }
}

fn xml(name: &str, body: impl Into<Vec<u8>>, expected: Answer) -> Attack {
    attack(name, XML, body, expected)
}

fn wbxml(name: &str, body: impl Into<Vec<u8>>, expected: Answer) -> Attack {
    attack(name, WBXML, body, expected)
}

/// The children of a header: message 1 of the session of a device, with credentials.
fn xml_header(device: &str) -> String {
    format!(
        "<VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto><SessionID>1</SessionID>\
         <MsgID>1</MsgID><Target><LocURI>http://sync.example/</LocURI></Target>\
         <Source><LocURI>{device}</LocURI></Source><Cred><Data>{LOGIN}</Data></Cred>"
    )
}

fn xml_of(header: &str, body: &str) -> String {
    format!("<SyncML><SyncHdr>{header}</SyncHdr><SyncBody>{body}</SyncBody></SyncML>")
}

/// A message with other credentials than [`LOGIN`], `<Cred>` and all, or with none.
fn xml_stranger(cred: &str, body: &str) -> String {
    let header = xml_header("stranger");
    let at = header.find("<Cred>").unwrap();
    xml_of(&format!("{}{cred}", &header[..at]), body)
}

/// A message that logs a device in, with these commands.
fn xml_message(body: &str) -> String {
    xml_of(&xml_header("attacker"), body)
}

fn element(token: u8, content: &[u8]) -> Vec<u8> {
    [&[token], content, &[token::END]].concat()
}

fn leaf(token: u8, text: &str) -> Vec<u8> {
    element(token, &[&[token::STR_I], text.as_bytes(), &[0]].concat())
}

fn wbxml_header(device: &str) -> Vec<u8> {
    [
        leaf(token::VER_DTD, "1.2"),
        leaf(token::VER_PROTO, "SyncML/1.2"),
        leaf(token::SESSION_ID, "1"),
        leaf(token::MSG_ID, "1"),
        element(token::TARGET, &leaf(token::LOC_URI, "http://sync.example/")),
        element(token::SOURCE, &leaf(token::LOC_URI, device)),
        element(token::CRED, &leaf(token::DATA, LOGIN)),
    ]
    .concat()
}

/// Version 1.2, the public identifier of SyncML 1.2, UTF-8, and a string table.
fn wbxml_of(table_length: &[u8], table: &[u8], header: &[u8], body: &[u8]) -> Vec<u8> {
    let body = element(token::SYNC_BODY, body);
    let content = [element(token::SYNC_HDR, header), body].concat();
    let root = element(token::SYNCML, &content);
    [&[0x02, 0xa4, 0x01, 0x6a], table_length, table, &root].concat()
}

fn wbxml_message(body: &[u8]) -> Vec<u8> {
    wbxml_of(&[0], &[], &wbxml_header("attacker"), body)
}

/// A command whose data is `content`.
fn wbxml_alert(content: &[u8]) -> Vec<u8> {
    let children = [leaf(token::CMD_ID, "1"), element(token::DATA, content)].concat();
    element(token::ALERT, &children)
}

/// A good message of a device: it asks for nothing.
fn good(media_type: &str, device: &str) -> Attack {
    let body = if media_type == XML {
        xml_of(&xml_header(device), "<Final/>").into_bytes()
    } else {
        wbxml_of(&[0], &[], &wbxml_header(device), &[token::FINAL])
    };
    attack("a good message", media_type, body, Answer::Header(212))
}

/// The first place where `part` begins.
fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes
        .windows(part.len())
        .position(|window| window == part)
        .unwrap()
}

/// A message cut off at many places. Once the header is complete there is somebody to answer to.
fn truncated() -> Vec<Attack> {
    let text = xml_message("<Alert><CmdID>1</CmdID><Data>222</Data></Alert><Final/>").into_bytes();
    let text_header = find(&text, b"</SyncHdr>") + "</SyncHdr>".len();
    let binary = wbxml_message(&[wbxml_alert(b"\x03222\0"), vec![token::FINAL]].concat());
    let binary_header = find(&binary, &[token::END, token::SYNC_BODY]) + 1;
    let mut attacks = Vec::new();
    for (media_type, whole, header) in [(XML, text, text_header), (WBXML, binary, binary_header)] {
        let cuts = (0..whole.len()).step_by(11);
        for cut in cuts.chain([header - 1, header, header + 1, whole.len() - 1]) {
            let expected = if cut < header {
                Answer::Http(400)
            } else {
                Answer::Header(400)
            };
            let name = format!("{media_type} cut at {cut} of {}", whole.len());
            attacks.push(attack(&name, media_type, &whole[..cut], expected));
        }
    }
    attacks
}

fn media_types() -> Vec<Attack> {
    let text = xml_message("<Final/>");
    let binary = wbxml_message(&[token::FINAL]);
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
    // a member of no content: its header, an empty final block, checksum and length
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
    let coded = |mut attack: Attack, coding: &str| {
        write!(attack.headers, "Content-Encoding: {coding}\r\n").unwrap();
        attack
    };
    vec![
        attack("a page", "text/html", "<html/>", Answer::Http(415)),
        attack(
            "a message as a page",
            "text/html",
            &*text,
            Answer::Http(415),
        ),
        attack("JSON", "application/json", "{}", Answer::Http(415)),
        attack("a picture", "image/jpeg", jpeg, Answer::Http(415)),
        attack("an upload", "multipart/form-data", "--x", Answer::Http(415)),
        attack("an empty type", "", "a=b", Answer::Http(415)),
        xml("a picture as XML", jpeg, Answer::Http(400)),
        wbxml("a picture as WBXML", jpeg, Answer::Http(400)),
        // mixed up, as some gateways do: the bytes decide
        xml("WBXML as XML", &*binary, Answer::Header(212)),
        wbxml("XML as WBXML", &*text, Answer::Header(212)),
        attack(
            "an unknown character set",
            &format!("{XML}; charset=x-none"),
            &*text,
            Answer::Http(400),
        ),
        attack(
            "another character set",
            &format!("{XML}; charset=utf-16"),
            &*text,
            Answer::Http(400),
        ),
        coded(xml("gzip of nothing", gzip, Answer::Http(400)), "gzip"),
        coded(wbxml("gzip as deflate", gzip, Answer::Http(400)), "deflate"),
        coded(xml("another coding", gzip, Answer::Http(415)), "br"),
        xml("gzip that is not declared", gzip, Answer::Http(400)),
        attack("gzip of no type", "", gzip, Answer::Http(415)),
    ]
}

fn entities() -> Vec<Attack> {
    let message = xml_message("<Final/>");
    let mut bomb = "<!DOCTYPE SyncML [<!ENTITY a0 \"aaaaaaaaaa\">".to_owned();
    for level in 1..=9 {
        let below = format!("&a{};", level - 1).repeat(10);
        write!(bomb, "<!ENTITY a{level} \"{below}\">").unwrap();
    }
    let bomb = format!("{bomb}]>{}", xml_of(&xml_header("&a9;"), "<Final/>"));
    let file = format!(
        "<!DOCTYPE SyncML [<!ENTITY file SYSTEM \"file:///etc/passwd\">]>{}",
        xml_of(&xml_header("&file;"), "<Final/>")
    );
    let doctype = |rest: &str| format!("<!DOCTYPE SyncML {rest}>{message}");
    vec![
        xml("an entity bomb", bomb, Answer::Http(400)),
        xml("a file as an entity", file, Answer::Http(400)),
        xml(
            "declarations in the document type",
            doctype("[<!ELEMENT SyncML ANY>]"),
            Answer::Http(400),
        ),
        xml(
            "empty declarations after an address",
            doctype("SYSTEM \"http://192.0.2.1/syncml.dtd\" []"),
            Answer::Http(400),
        ),
        // phones name the type, and nothing is fetched
        xml(
            "a document type with an address",
            doctype("SYSTEM \"http://192.0.2.1/syncml.dtd\""),
            Answer::Header(212),
        ),
        xml(
            "an entity in the header",
            xml_of(&xml_header("&none;"), ""),
            Answer::Http(400),
        ),
        xml(
            "an entity in the body",
            xml_message("<Alert><CmdID>1</CmdID><Data>&none;</Data></Alert>"),
            Answer::Header(400),
        ),
        xml(
            "a character beyond the last",
            xml_message("<Alert><CmdID>1</CmdID><Data>&#x110000;</Data></Alert>"),
            Answer::Header(400),
        ),
    ]
}

fn nesting() -> Vec<Attack> {
    const DEPTH: usize = 100_000;
    let closed = |name: &str| {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        format!("{}{}", start.repeat(DEPTH), end.repeat(DEPTH))
    };
    let binary = |token: u8| [vec![token; DEPTH], vec![token::END; DEPTH]].concat();
    vec![
        xml("nothing but starts", "<a>".repeat(DEPTH), Answer::Http(400)),
        xml("a deep header", xml_of(&closed("a"), ""), Answer::Http(400)),
        xml(
            "deep data",
            xml_message(&format!("<Put><Item><Data>{}", closed("b"))),
            Answer::Header(400),
        ),
        xml(
            "deep items",
            xml_message(&closed("Item")),
            Answer::Header(400),
        ),
        xml(
            "deep commands",
            xml_message(&closed("Atomic")),
            Answer::Header(400),
        ),
        wbxml(
            "nothing but starts in WBXML",
            [
                &[0x02, 0xa4, 0x01, 0x6a, 0][..],
                &vec![token::SYNCML; DEPTH],
            ]
            .concat(),
            Answer::Http(400),
        ),
        wbxml(
            "a deep header in WBXML",
            wbxml_of(&[0], &[], &binary(token::TARGET), &[]),
            Answer::Http(400),
        ),
        wbxml(
            "deep items in WBXML",
            wbxml_message(&binary(token::ITEM)),
            Answer::Header(400),
        ),
        wbxml(
            "deep commands in WBXML",
            wbxml_message(&binary(token::ATOMIC)),
            Answer::Header(400),
        ),
    ]
}

fn lengths() -> Vec<Attack> {
    let header = wbxml_header("attacker");
    let huge_opaque = [&[token::OPAQUE][..], &U32_MAX, b"x"].concat();
    let endless = [&[token::OPAQUE][..], &[0xff; 64]].concat();
    let over = [token::OPAQUE, 0x9f, 0xff, 0xff, 0xff, 0x7f];
    let in_source = |content: &[u8]| {
        let uri = element(token::LOC_URI, content);
        wbxml_of(&[0], &[], &element(token::SOURCE, &uri), &[])
    };
    let in_body = |content: &[u8]| wbxml_message(&wbxml_alert(content));
    let with_table = |length: &[u8], table: &[u8]| wbxml_of(length, table, &header, &[]);
    // 64 KiB of one string, and references to it from every byte that is left
    let table = vec![b'x'; 1 << 16];
    let multiply = |references: usize| {
        let content = [token::STR_T, 0].repeat(references);
        wbxml_of(&[0x84, 0x80, 0], &table, &header, &wbxml_alert(&content))
    };
    vec![
        wbxml(
            "opaque bytes of 4 GiB in the header",
            in_source(&huge_opaque),
            Answer::Http(400),
        ),
        wbxml(
            "opaque bytes of 4 GiB",
            in_body(&huge_opaque),
            Answer::Header(400),
        ),
        wbxml(
            "an integer without end",
            in_body(&endless),
            Answer::Header(400),
        ),
        wbxml(
            "an integer above 32 bits",
            in_body(&over),
            Answer::Header(400),
        ),
        wbxml(
            "an integer without end in the header",
            in_source(&endless),
            Answer::Http(400),
        ),
        wbxml(
            "a string table of 4 GiB",
            with_table(&U32_MAX, b"x"),
            Answer::Http(400),
        ),
        wbxml(
            "a string table without end",
            with_table(&[0xff; 64], b"x"),
            Answer::Http(400),
        ),
        wbxml(
            "a string without end",
            in_body(b"\x03222"),
            Answer::Header(400),
        ),
        wbxml(
            "a reference behind the table",
            in_body(&[token::STR_T, 1]),
            Answer::Header(400),
        ),
        wbxml(
            "a reference of 4 GiB",
            in_body(&[&[token::STR_T][..], &U32_MAX].concat()),
            Answer::Header(400),
        ),
        wbxml(
            "100,000 references that multiply",
            multiply(100_000),
            Answer::Header(400),
        ),
        wbxml(
            "references in a body of 4 MiB",
            multiply(2_000_000),
            Answer::Header(400),
        ),
    ]
}

fn sizes() -> Vec<Attack> {
    const COMMANDS: usize = 100_000;
    let filling = "u".repeat(MAX_BODY - 1000);
    let header = |more: &str| xml_of(&(xml_header("attacker") + more), "<Final/>");
    let size = |size: &str| header(&format!("<Meta><MaxMsgSize>{size}</MaxMsgSize></Meta>"));
    let named = |command: &str| format!("<{command}><CmdID>1</CmdID></{command}>");
    let binary = element(token::GET, &leaf(token::CMD_ID, "1"));
    vec![
        xml(
            "an address of 4 MiB",
            xml_of(&xml_header(&"u".repeat(MAX_BODY)), "<Final/>"),
            Answer::Http(413),
        ),
        xml(
            "a device's address of nearly 4 MiB",
            xml_of(&xml_header(&filling), "<Final/>"),
            Answer::Http(400),
        ),
        xml(
            "an item's address of nearly 4 MiB",
            xml_message(&format!(
                "<Get><CmdID>1</CmdID><Item><Target><LocURI>{filling}</LocURI></Target></Item></Get>"
            )),
            Answer::Header(212),
        ),
        xml(
            "a body of nothing but blanks",
            " ".repeat(MAX_BODY),
            Answer::Http(400),
        ),
        xml(
            "100,000 commands without anything",
            xml_message(&"<Alert/>".repeat(COMMANDS)),
            Answer::Header(400),
        ),
        xml(
            "100,000 commands with numbers are too many",
            xml_message(&named("Get").repeat(COMMANDS)),
            Answer::Header(400),
        ),
        xml(
            "90,000 commands with numbers",
            xml_message(&named("Get").repeat(90_000)),
            Answer::Header(400),
        ),
        wbxml(
            "100,000 commands without anything in WBXML",
            wbxml_message(&vec![token::ALERT & 0x3f; COMMANDS]),
            Answer::Header(400),
        ),
        wbxml(
            "90,000 commands with numbers in WBXML",
            wbxml_message(&binary.repeat(90_000)),
            Answer::Header(400),
        ),
        xml(
            "a MaxMsgSize of 64 bits",
            size(&u64::MAX.to_string()),
            Answer::Header(212),
        ),
        xml(
            "a MaxMsgSize beyond",
            size(&"9".repeat(1000)),
            Answer::Header(212),
        ),
        xml("a MaxMsgSize below zero", size("-1"), Answer::Header(212)),
        xml("a MaxMsgSize of one byte", size("1"), Answer::Header(212)),
        xml(
            "invalid UTF-8 in the header",
            header_bytes(b"\xff\xfe\x80"),
            Answer::Http(400),
        ),
        xml(
            "an overlong slash in the header",
            header_bytes(b"\xc0\xaf"),
            Answer::Http(400),
        ),
        // binary XML carries bytes, so that this can only be mended
        wbxml(
            "invalid UTF-8 in WBXML",
            wbxml_message(&wbxml_alert(b"\x03\xff\xfe\x80\0")),
            Answer::Header(212),
        ),
    ]
}

/// What an attacker without an account can do.
fn strangers() -> Vec<Attack> {
    let cred = |data: &str| format!("<Cred><Data>{data}</Data></Cred>");
    let digest = "<Cred><Meta><Type>syncml:auth-md5</Type></Meta><Data>AAAA</Data></Cred>";
    let get = "<Get><CmdID>1</CmdID></Get>";
    vec![
        xml("no credentials", xml_stranger("", get), Answer::Header(407)),
        xml(
            "empty credentials",
            xml_stranger("<Cred/>", get),
            Answer::Header(401),
        ),
        xml(
            "a wrong password",
            xml_stranger(&cred("YWRhOnNlY3JlVA=="), get),
            Answer::Header(401),
        ),
        xml(
            "no Base64",
            xml_stranger(&cred("!"), get),
            Answer::Header(401),
        ),
        xml(
            "a short digest",
            xml_stranger(digest, get),
            Answer::Header(401),
        ),
        xml(
            "a password of 1 MiB",
            xml_stranger(&cred(&format!("YWRh{}", "OmFh".repeat(1 << 18))), get),
            Answer::Header(401),
        ),
        xml(
            "90,000 commands without credentials",
            xml_stranger("", &get.repeat(90_000)),
            Answer::Header(400),
        ),
    ]
}

/// A message from a device whose address is these bytes.
fn header_bytes(device: &[u8]) -> Vec<u8> {
    let message = xml_of(&xml_header("DEVICE"), "<Final/>").into_bytes();
    let at = find(&message, b"DEVICE");
    [&message[..at], device, &message[at + 6..]].concat()
}

/// The server under attack.
struct Victim {
    server: Server,
    installation: Installation,
    /// Good messages so far, which are told apart by their device: the answer to a repeated one
    /// would prove little.
    good: Cell<u32>,
}

impl Victim {
    fn new() -> Self {
        let installation = Installation::new(PROGRAM).unwrap();
        installation.add_user("ada", "secret").unwrap();
        // every good message begins a session, all of one account
        installation
            .configure("[server]\nmax-sessions-per-account = 10000\n")
            .unwrap();
        let server = installation.serve().unwrap();
        let victim = Self {
            server,
            installation,
            good: Cell::new(0),
        };
        victim.answers_good_messages("the start");
        victim
    }

    /// Sends a request's bytes and gives the HTTP status and the body of the answer.
    fn exchange(&self, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // a server that refuses a request from its head does not read the rest
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
        let Some(status) = status else {
            panic!("no answer but {text:?}");
        };
        let body = find(&answer, b"\r\n\r\n") + 4;
        (status, answer.split_off(body))
    }

    fn send(&self, attack: &Attack) -> (Answer, Vec<u8>) {
        let Attack { headers, body, .. } = attack;
        let head = format!(
            "POST /syncml HTTP/1.1\r\nHost: sync.example\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        let (status, body) = self.exchange(&head, body);
        let answer = if status == 200 {
            Answer::Header(header_status(&body))
        } else {
            Answer::Http(status)
        };
        (answer, body)
    }

    #[track_caller]
    fn answers_good_messages(&self, after: &str) {
        for media_type in [XML, WBXML] {
            self.good.update(|count| count + 1);
            let good = good(media_type, &format!("honest device {}", self.good.get()));
            assert_eq!(self.send(&good).0, good.expected, "after {after}");
        }
    }

    /// Answers each attack as it deserves, and good messages after it; nothing panics and memory
    /// stays about what it was.
    fn withstands(&self, attacks: &[Attack]) {
        let mut highest = self.memory();
        let allowed = highest + MAX_GROWTH;
        let mut faults = Vec::new();
        for attack in attacks {
            let name = &attack.name;
            let (answer, body) = self.send(attack);
            if answer != attack.expected {
                let body = String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned();
                faults.push(format!(
                    "{name}: {answer:?}, not {:?}: {body}",
                    attack.expected
                ));
            }
            self.answers_good_messages(name);
            let memory = self.memory();
            if memory > highest.max(allowed) {
                let over = memory - allowed;
                faults.push(format!(
                    "{name}: {over} bytes of memory above what is allowed"
                ));
            }
            highest = highest.max(memory);
        }
        let log = self.server.logs();
        if log.len() > MAX_LOG {
            faults.push(format!("a log of {} bytes", log.len()));
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(
            log.contains("honest device"),
            "the log is somewhere else: {log}"
        );
        assert!(!log.contains("panicked"), "{log}");
    }

    /// The highest memory use so far, bytes.
    fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.server.pid());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 = line.unwrap().trim_end_matches("kB").trim().parse().unwrap();
        kib * 1024
    }
}

/// The status of the header in an answer.
fn header_status(body: &[u8]) -> u16 {
    let document = Document::new(body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let Some(Command::Status(status)) = message.commands.first() else {
        panic!("no status in {message:?}");
    };
    assert_eq!((&*status.cmd_ref, &*status.cmd), ("0", "SyncHdr"));
    status.code().unwrap().0
}

// spec: R06
#[test]
fn truncated_messages() {
    Victim::new().withstands(&truncated());
}

// spec: N12
#[test]
fn foreign_and_compressed_bodies() {
    Victim::new().withstands(&media_types());
}

// spec: A27
#[test]
fn entities_and_document_types() {
    Victim::new().withstands(&entities());
}

// spec: R07
#[test]
fn deep_nesting() {
    Victim::new().withstands(&nesting());
}

// spec: R07
#[test]
fn lengths_that_lie() {
    Victim::new().withstands(&lengths());
}

#[test]
fn large_and_many_parts() {
    Victim::new().withstands(&sizes());
}

// spec: N11
#[test]
fn strangers_at_the_door() {
    Victim::new().withstands(&strangers());
}

/// Faults that are in the request and not in the message; heads without their last line.
#[test]
fn requests_beyond_measure() {
    let victim = Victim::new();
    let allowed = victim.memory() + MAX_GROWTH;
    let long = "u".repeat(MAX_BODY);
    let post = "POST /syncml HTTP/1.1\r\nHost: sync.example\r\n";
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n");
    let endless = format!("100000\r\n{}\r\n", "<".repeat(1 << 20)).repeat(5);
    for (head, body, expected) in [
        (
            format!("POST /syncml?sid={long} HTTP/1.1\r\nHost: h\r\n"),
            "",
            431,
        ),
        (
            format!(
                "POST /syncml?sid={} HTTP/1.1\r\nHost: h\r\n",
                &long[..100_000]
            ),
            "",
            414,
        ),
        (format!("{post}User-Agent: {long}\r\n"), "", 431),
        (format!("{post}{}", "X: y\r\n".repeat(1000)), "", 431),
        (
            format!("{post}Content-Length: {}\r\n", u64::MAX - 2),
            "",
            413,
        ),
        (format!("{post}Content-Length: -1\r\n"), "", 400),
        (
            format!("{post}Content-Length: {}\r\n", "9".repeat(100)),
            "",
            400,
        ),
        (chunked.clone(), "ffffffffffffffffff\r\n<", 400),
        (chunked.clone(), "x\r\n<", 400),
        (chunked, &endless, 413),
    ] {
        let name = &head[..head.len().min(60)];
        let (status, body) = victim.exchange(&format!("{head}\r\n"), body.as_bytes());
        let body = String::from_utf8_lossy(&body);
        assert_eq!(status, expected, "{name}: {body}");
        victim.answers_good_messages(name);
    }
    assert!(victim.memory() < allowed);
    assert!(!victim.server.logs().contains("panicked"));
}

/// A device that claims to take messages of any size gets no datastore in one.
#[test]
fn a_huge_max_msg_size() {
    const NOTES: usize = 2000;
    const NOTE: usize = 32_000;
    let victim = Victim::new();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..NOTES {
        let text = format!("note {number}\n{}", "x".repeat(NOTE));
        fs::write(folder.path().join(format!("{number}.txt")), text).unwrap();
    }
    victim
        .installation
        .import("ada", "notes", folder.path())
        .unwrap();
    let allowed = victim.memory() + MAX_GROWTH;
    let meta = format!("<Meta><MaxMsgSize>{}</MaxMsgSize></Meta>", u64::MAX);
    let alert = "<Alert><CmdID>1</CmdID><Data>201</Data><Item>\
                 <Target><LocURI>notes</LocURI></Target><Source><LocURI>n</LocURI></Source>\
                 <Meta><Anchor><Next>1</Next></Anchor></Meta></Item></Alert>";
    let header = xml_header("glutton") + &meta;
    let first = xml_of(&header, &format!("{alert}<Final/>"));
    let changes = "<Sync><CmdID>1</CmdID><Target><LocURI>notes</LocURI></Target>\
                   <Source><LocURI>n</LocURI></Source></Sync><Final/>";
    let header = header.replace("<MsgID>1</MsgID>", "<MsgID>2</MsgID>");
    let second = xml_of(&header, changes);
    let (answer, _) = victim.send(&xml("alert", first, Answer::Header(212)));
    assert_eq!(answer, Answer::Header(212));
    let (answer, body) = victim.send(&xml("changes", second, Answer::Header(200)));
    assert_eq!(answer, Answer::Header(200));
    let length = body.len();
    assert!(length > NOTE, "there are changes to send");
    assert!(length <= MAX_MESSAGE, "an answer of {length} bytes");
    let memory = victim.memory();
    assert!(
        memory < allowed,
        "{} bytes above what is allowed",
        memory - allowed
    );
    victim.answers_good_messages("a huge answer");
}

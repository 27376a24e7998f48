//! A Windows Mobile device with Funambol's client, which reads and writes SIF: the server keeps what
//! all clients read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;
#[path = "conformance/talk.rs"]
mod talk;

use std::fmt::Write as _;

use session::store::{Content, DatastoreId, DatastoreKind, Origin};
use syncml::ChangeKind;
use talk::{Talk, add, alert, replace, status, sync};

fn put(name: &str, media_type: &str) -> String {
    let format = format!("<CTType>{media_type}</CTType><VerCT>1.0</VerCT>");
    format!(
        "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
         application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
         </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>x</DevID>\
         <DevTyp>pda</DevTyp><UTC/><DataStore><SourceRef>my-{name}</SourceRef>\
         <Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref></DataStore></DevInf></Data></Item>\
         </Put>"
    )
}

/// A command with an item of that type, in base64 as these clients write it.
fn in_base64(command: &str, media_type: &str, text: &str) -> String {
    let typed = command.replace(
        "text/x-vcard</Type>",
        &format!("{media_type}</Type><Format xmlns='syncml:metinf'>b64</Format>"),
    );
    assert_ne!(typed, command);
    typed.replace("CONTENT", &base64(text))
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let octet = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = char::from(DIGITS[(bits >> shift & 63) as usize]);
            out.push(if at > chunk.len() { '=' } else { digit });
        }
    }
    out
}

/// A session of the device; the items that the server sends, decoded.
fn session(
    talk: &mut Talk,
    name: &str,
    media_type: &str,
    last: u32,
    commands: &str,
) -> Vec<String> {
    talk.begin();
    let (code, old) = match last {
        0 => (201, String::new()),
        last => (200, last.to_string()),
    };
    let opening = alert(1, code, name, &old, &(last + 1).to_string()) + &put(name, media_type);
    let heard = talk.say(&format!("{opening}<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
    let heard = talk.say(&(sync(name, commands) + "<Final/>"));
    for (_, _, cmd, code) in &heard.said.statuses {
        assert!(*code < 300, "{code} to {cmd}: {}", heard.xml);
    }
    let mut text = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        text += &status(number, talk.message, cmd_id, cmd, 200);
    }
    for (number, change) in (200..).zip(&heard.said.changes) {
        if change.kind == ChangeKind::Add {
            let map = talk::map(number, &change.guid, "l1");
            write!(text, "{}", map.replace("contacts", name)).unwrap();
        }
    }
    if heard
        .said
        .changes
        .iter()
        .any(|change| !change.content.is_empty())
    {
        assert!(heard.xml.contains("b64"), "{}", heard.xml);
        assert!(heard.xml.contains(media_type), "{}", heard.xml);
    }
    talk.say(&(text + "<Final/>"));
    let changes = heard.said.changes.into_iter();
    changes
        .map(|change| {
            let mut text = Vec::new();
            pim::decode::base64(change.content.as_bytes(), &mut text);
            String::from_utf8(text).unwrap()
        })
        .collect()
}

fn datastore(talk: &Talk, kind: DatastoreKind) -> DatastoreId {
    let numbers = DatastoreKind::ALL.into_iter().zip(1..);
    let mut numbers = numbers.filter(|(one, _)| *one == kind);
    DatastoreId {
        account: talk.server.account,
        number: numbers.next().unwrap().1,
    }
}

fn stock(talk: &mut Talk, kind: DatastoreKind, media_type: &str, text: &str) {
    let content = Content::new(media_type, text.as_bytes());
    let datastore = datastore(talk, kind);
    let state = &mut talk.server.state;
    state
        .add_item(datastore, content, Origin::Local, 0)
        .unwrap();
}

fn kept(talk: &Talk, kind: DatastoreKind) -> Vec<String> {
    let items = talk.server.state.items(datastore(talk, kind));
    let items = items.into_iter();
    items
        .map(|item| String::from_utf8(item.content).unwrap())
        .collect()
}

#[test]
fn a_contact_is_edited_in_sif_and_kept_as_a_card() {
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann;;;\r\nFN:Ann Lake\r\n\
        TEL;TYPE=CELL:+49 1\r\nX-JABBER:ann@example.org\r\nUID:1@example\r\nEND:VCARD\r\n";
    let (name, sif) = ("contacts", "text/x-s4j-sifc");
    let mut talk = Talk::new();
    stock(&mut talk, DatastoreKind::Contacts, "text/vcard", card);
    let sent = session(&mut talk, name, sif, 0, "");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].contains("<MobileTelephoneNumber>+49 1<"),
        "{sent:?}"
    );
    // what the client does not write it does not delete
    let edited = sent[0]
        .replace("+49 1<", "+49 2<")
        .replace("<FileAs>Ann Lake</FileAs>\r\n", "");
    assert_ne!(edited, sent[0]);
    let command = in_base64(&replace(30, "l1", "CONTENT"), sif, &edited);
    assert_eq!(session(&mut talk, name, sif, 1, &command), [""; 0]);
    assert_eq!(
        kept(&talk, DatastoreKind::Contacts),
        [card.replace("+49 1", "+49 2")]
    );
    assert_eq!(session(&mut talk, name, sif, 2, ""), [""; 0]);
    let new = "<contact><FirstName>Bob</FirstName><LastName>Hill</LastName><Body/></contact>";
    let command = in_base64(&add(30, "l2", "CONTENT"), sif, new);
    assert_eq!(session(&mut talk, name, sif, 3, &command), [""; 0]);
    let cards = kept(&talk, DatastoreKind::Contacts);
    assert!(
        cards.iter().any(|card| card.contains("N:Hill;Bob")),
        "{cards:?}"
    );
    assert!(
        cards.iter().all(|card| card.starts_with("BEGIN:VCARD")),
        "{cards:?}"
    );
    // all of it again, in a slow sync
    let both = in_base64(&add(30, "l1", "CONTENT"), sif, &edited)
        + &in_base64(&add(31, "l2", "CONTENT"), sif, new);
    assert_eq!(session(&mut talk, name, sif, 0, &both), [""; 0]);
    assert_eq!(kept(&talk, DatastoreKind::Contacts), cards);
}

#[test]
fn an_event_moves_in_sif_and_stays_in_its_zone() {
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\n\
        UID:1@example\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260713T180000\r\n\
        DTEND;TZID=Europe/Berlin:20260713T190000\r\nSUMMARY:Choir\r\nATTENDEE:mailto:a@example\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";
    let (name, sif) = ("calendar", "text/x-s4j-sife");
    let mut talk = Talk::new();
    stock(&mut talk, DatastoreKind::Calendar, "text/calendar", event);
    let sent = session(&mut talk, name, sif, 0, "");
    assert!(
        sent[0].contains("<Start>20260713T160000Z</Start>"),
        "{sent:?}"
    );
    let edited = sent[0]
        .replace("T160000Z", "T163000Z")
        .replace("T170000Z", "T173000Z");
    let command = in_base64(&replace(30, "l1", "CONTENT"), sif, &edited);
    assert_eq!(session(&mut talk, name, sif, 1, &command), [""; 0]);
    let moved = event
        .replace("T180000", "T183000")
        .replace("T190000", "T193000");
    assert_eq!(kept(&talk, DatastoreKind::Calendar), [moved]);
    assert_eq!(session(&mut talk, name, sif, 2, ""), [""; 0]);
}

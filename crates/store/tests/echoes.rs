//! A device that edits its part of a record holds what it sent: nothing goes back to it, in that
//! session or the next one, however the server keeps the record.

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

use pim::Dialect;
use pim::line::{Encoding, Lines};
use session::store::{Content, DatastoreId, DatastoreKind, Origin};
use syncml::ChangeKind;
use talk::{Talk, alert, replace, status, sync};

/// A phone of vCard 2.1 that keeps these properties; all when none are named.
fn phone(names: &[&str]) -> String {
    let format = "<CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>";
    let properties = names
        .iter()
        .map(|name| format!("<Property><PropName>{name}</PropName></Property>"));
    let list = if names.is_empty() {
        String::new()
    } else {
        format!("<CTCap>{format}{}</CTCap>", properties.collect::<String>())
    };
    format!(
        "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
         application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
         </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>x</DevID>\
         <DevTyp>phone</DevTyp><DataStore><SourceRef>my-contacts</SourceRef>\
         <Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref>{list}\
         </DataStore></DevInf></Data></Item></Put>"
    )
}

/// A server with one card of a rich client.
fn with_card(text: &str) -> Talk {
    let mut talk = Talk::new();
    let content = Content::new("text/vcard", text.as_bytes());
    let numbers = DatastoreKind::ALL.into_iter().zip(1..);
    let mut numbers = numbers.filter(|(one, _)| *one == DatastoreKind::Contacts);
    let datastore = DatastoreId {
        account: talk.server.account,
        number: numbers.next().unwrap().1,
    };
    let state = &mut talk.server.state;
    state
        .add_item(datastore, content, Origin::Local, 0)
        .unwrap();
    talk
}

/// A session of the phone; the items that the server sends.
fn session(talk: &mut Talk, put: &str, last: u32, commands: &str) -> Vec<String> {
    talk.begin();
    let (code, old) = match last {
        0 => (201, String::new()),
        last => (200, last.to_string()),
    };
    let opening = alert(1, code, "contacts", &old, &(last + 1).to_string()) + put;
    let heard = talk.say(&format!("{opening}<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
    let heard = talk.say(&(sync("contacts", commands) + "<Final/>"));
    let mut text = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        text += &status(number, talk.message, cmd_id, cmd, 200);
    }
    for (number, change) in (200..).zip(&heard.said.changes) {
        if change.kind == ChangeKind::Add {
            text += &talk::map(number, &change.guid, "l1");
        }
    }
    talk.say(&(text + "<Final/>"));
    let changes = heard.said.changes.into_iter();
    changes.map(|change| change.content).collect()
}

const RICH: [(&str, &str); 24] = [
    ("3.0", ""),
    ("4.0", ""),
    ("3.0", "TEL;TYPE=WORK,VOICE:+1 (555) 222\r\n"),
    ("3.0", "TEL;TYPE=CELL,PREF:99\r\nTEL;TYPE=HOME:77\r\n"),
    (
        "4.0",
        "TEL;PREF=1;TYPE=\"home,voice\";VALUE=uri:tel:+1-555-333\r\n",
    ),
    ("3.0", "item1.TEL:4444\r\nitem1.X-ABLabel:Boat\r\n"),
    ("3.0", "NOTE:one\\, two\\;\\nthree \\\\\r\n"),
    ("3.0", "NOTE:a\r\nNOTE:b\r\n"),
    ("3.0", "NICKNAME:Annie,Anne\r\nCATEGORIES:a,b\r\n"),
    (
        "3.0",
        "ADR;TYPE=HOME:;;1 Main St\\, Apt 2;Town;;1234;Land\r\nLABEL;TYPE=HOME:x\\ny\r\n",
    ),
    ("3.0", "ADR;TYPE=WORK:;;A,B;C;D;E;F\r\n"),
    (
        "4.0",
        "ADR;TYPE=home;LABEL=\"1 Main St\\nTown\":;;1 Main St;Town;;;\r\n",
    ),
    ("3.0", "ORG:Mill\\; Co;Unit\r\nTITLE:Boss\r\nROLE:r\r\n"),
    (
        "3.0",
        "BDAY:1984-05-06\r\nURL:http://a.example/?a=b,c;d\r\n",
    ),
    ("4.0", "BDAY:--0506\r\nANNIVERSARY:20100101\r\nGENDER:F\r\n"),
    ("4.0", "BDAY:19840506T000000Z\r\n"),
    (
        "3.0",
        "EMAIL;TYPE=INTERNET,PREF:a@example.org\r\nEMAIL;TYPE=WORK:b@example.org\r\n",
    ),
    (
        "3.0",
        "X-JABBER:a@example.org\r\nIMPP;TYPE=home:xmpp:b@example.org\r\n",
    ),
    (
        "4.0",
        "RELATED;TYPE=spouse;VALUE=text:Bob\r\nIMPP:xmpp:b@example.org\r\n",
    ),
    ("3.0", "GEO:37.386013;-122.082932\r\nTZ:-05:00\r\n"),
    ("3.0", "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQ==\r\n"),
    (
        "3.0",
        "SOUND;VALUE=uri:http://a.example/s\r\nKEY;ENCODING=b;TYPE=X509:AAAA\r\n",
    ),
    ("3.0", "NOTE:Grüße an alle\\, überall\r\nTITLE:Müllerin\r\n"),
    (
        "3.0",
        "SORT-STRING:Lake\r\nCLASS:PRIVATE\r\nREV:20240101T000000Z\r\nUID:1@example\r\n",
    ),
];

/// How a phone writes a property that it got: its name, its types, its value with escapes.
type Habit = fn(&mut String, &mut Vec<String>, &mut String);

fn is_structured(name: &str) -> bool {
    ["N", "ADR", "ORG"].contains(&name)
}

/// What phones do to what they got, beside the edit.
const HABITS: [(&str, Habit); 8] = [
    ("nothing", |_, _, _| {}),
    ("shorter", |name, _, value| {
        if is_structured(name) {
            let shorter = value.trim_end_matches(';').to_owned();
            *value = shorter;
        }
    }),
    ("two parts of a name", |name, _, value| {
        if name == "N" {
            let parts: Vec<&str> = value.split(';').take(2).collect();
            *value = parts.join(";");
        }
    }),
    ("lower case, and fewer types", |_, types, _| {
        types.retain(|kind| kind != "VOICE" && kind != "INTERNET");
        for kind in types {
            *kind = kind.to_lowercase();
        }
    }),
    ("more types", |name, types, _| {
        if name == "TEL" && !types.iter().any(|kind| kind == "VOICE") {
            types.push("VOICE".to_owned());
        }
    }),
    ("a preferred number", |name, types, _| {
        if name == "TEL" && !types.iter().any(|kind| kind == "PREF") {
            types.insert(0, "PREF".to_owned());
        }
    }),
    ("digits", |name, _, value| {
        if name == "TEL" {
            value.retain(|c| c.is_ascii_digit() || c == '+');
        }
    }),
    ("another form of dates", |name, _, value| {
        if name == "BDAY" && value.len() == 8 {
            *value = format!("{}-{}-{}", &value[..4], &value[4..6], &value[6..]);
        }
    }),
];

/// The card as the phone writes it.
fn written(card: &str, habit: Habit, is_quoted: bool, is_turned: bool) -> String {
    let mut lines = Vec::new();
    for line in Lines::new(card.as_bytes()) {
        let name = String::from_utf8(line.name().to_vec()).unwrap();
        if ["", "BEGIN", "END", "VERSION"].contains(&name.as_str()) {
            continue;
        }
        if line.encoding() == Encoding::Base64 {
            lines.push(String::from_utf8(line.source().to_vec()).unwrap());
            continue;
        }
        let mut types: Vec<String> = line
            .types()
            .map(|kind| String::from_utf8(kind.to_vec()).unwrap())
            .collect();
        let mut value = if is_structured(&name) {
            line.escaped_text(Dialect::Old).into_owned()
        } else {
            let text = line.text(Dialect::Old).replace("\r\n", "\n");
            text.replace('\n', "\r\n")
        };
        let mut name = name;
        habit(&mut name, &mut types, &mut value);
        for kind in types {
            name.push(';');
            name.push_str(&kind);
        }
        if is_quoted || value.contains('\r') || !value.is_ascii() {
            let octets = value.bytes().map(|byte| match byte {
                b';' | b'\\' | b'0'..=b'9' | b'a'..=b'z' => char::from(byte).to_string(),
                byte => format!("={byte:02X}"),
            });
            let octets: String = octets.collect();
            value = octets;
            name += ";ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8";
        }
        lines.push(format!("{name}:{value}\r\n"));
    }
    if is_turned {
        lines.reverse();
    }
    format!(
        "BEGIN:VCARD\r\nVERSION:2.1\r\n{}END:VCARD\r\n",
        lines.concat()
    )
}

const NAMES: [&str; 3] = [
    "N:Lake;Ann;;;\r\nFN:Ann Lake\r\n",
    "N:Lake;Ann;Mary,Sue;Dr.;Jr.\r\nFN:Dr. Ann M. Lake\\, Jr.\r\n",
    "N:;;;;\r\nFN:Lake Mill\\, Inc.\r\n",
];

#[test]
fn an_edit_of_a_number_is_not_sent_back() {
    let lists: [&[&str]; 4] = [
        &[],
        &["N", "TEL"],
        &["N", "FN", "TEL", "EMAIL", "NOTE"],
        &[
            "N", "TEL", "ADR", "ORG", "TITLE", "URL", "BDAY", "NOTE", "EMAIL", "PHOTO", "LABEL",
        ],
    ];
    let mut seen = Vec::new();
    for ((version, more), (number, list)) in RICH
        .iter()
        .flat_map(|rich| lists.iter().enumerate().map(move |list| (rich, list)))
    {
        for (at, name) in NAMES.iter().enumerate() {
            let card = format!(
                "BEGIN:VCARD\r\nVERSION:{version}\r\n{name}TEL;TYPE=CELL:+49 30 1234\r\n{more}\
                 END:VCARD\r\n"
            );
            for (turn, (habit, write)) in HABITS.iter().enumerate() {
                let mut talk = with_card(&card);
                let put = phone(list);
                let sent = session(&mut talk, &put, 0, "");
                let edited = sent[0].replace("30 1234", "30 5678");
                assert_ne!(edited, sent[0]);
                let (is_quoted, is_turned) = ((turn + number) % 2 == 0, (turn + at) % 2 == 0);
                let text = written(&edited, *write, is_quoted, is_turned);
                let back = session(&mut talk, &put, 1, &replace(30, "l1", &text));
                let next = session(&mut talk, &put, 2, "");
                if back.len() + next.len() > 0 {
                    let kept = talk.server.contents().join("");
                    seen.push(format!(
                        "--- {habit}, {list:?}, of\n{card}it has\n{text}and is sent {back:?} {next:?} of\n{kept}"
                    ));
                }
            }
        }
    }
    assert!(seen.is_empty(), "{}", seen.join(""));
}

/// The card as a phone writes it that drops the properties of these names, and cuts its name short.
fn dropped(card: &str, names: &[&str]) -> String {
    let mut text = String::new();
    for line in Lines::new(card.as_bytes()) {
        let name = String::from_utf8_lossy(line.name()).into_owned();
        if name == "N" {
            text += "N:Lake;Ann\r\n";
        } else if !names.contains(&name.as_str()) {
            text += &String::from_utf8_lossy(line.source());
        }
    }
    text
}

#[test]
fn what_a_phone_drops_without_a_word_stays() {
    let photo = "PHOTO;JPEG;ENCODING=BASE64:\r\n /9j/4AAQSkZJRgABAQ==\r\n\r\n";
    let old = format!(
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann;Mary;Dr.;Jr.\r\nORG:Mill;Unit\r\n{photo}\
         CATEGORIES:Friends\r\nX-SPOUSE:Bob\r\nTEL;CELL:1111\r\nNOTE:gone soon\r\nEND:VCARD\r\n"
    );
    let new = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann;Mary;Dr.;Jr.\r\nFN:Ann Lake\r\n\
               ORG:Mill;Unit\r\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQ==\r\n\
               CATEGORIES:Friends\r\nX-SPOUSE:Bob\r\nTEL;TYPE=CELL:1111\r\nNOTE:gone soon\r\n\
               END:VCARD\r\n";
    for card in [old.as_str(), new] {
        let mut talk = with_card(card);
        let put = phone(&[]);
        let sent = session(&mut talk, &put, 0, "");
        let kept = dropped(
            &sent[0],
            &["PHOTO", "CATEGORIES", "X-SPOUSE", "ORG", "NOTE"],
        );
        let kept = kept.replace("TEL", "ORG:Mill\r\nTEL");
        for (last, number) in [(1, "2222"), (2, "3333")] {
            let text = kept.replace("1111", number);
            let back = session(&mut talk, &put, last, &replace(30, "l1", &text));
            assert!(back.is_empty(), "{back:?}");
            let whole = talk.server.contents().join("");
            assert!(whole.contains(number), "{whole}");
            // each phone has notes, so that it was removed
            assert!(!whole.contains("NOTE"), "{whole}");
            for part in [
                "N:Lake;Ann;Mary;Dr.;Jr.",
                "ORG:Mill;Unit",
                "/9j/4AAQSkZJRgABAQ==",
                "CATEGORIES:Friends",
                "X-SPOUSE:Bob",
            ] {
                assert!(whole.contains(part), "{part} of {whole}");
            }
        }
    }
}

#[test]
fn what_a_phone_has_given_it_can_take_back() {
    let card = |more: &str| {
        format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann\r\n{more}TEL:1\r\nEND:VCARD\r\n")
    };
    let mut talk = Talk::new();
    let put = phone(&[]);
    let added = talk::add(30, "l1", &card("CATEGORIES:a\r\nORG:Mill;Unit\r\n"));
    session(&mut talk, &put, 0, &added);
    let less = card("ORG:Mill\r\n");
    let back = session(&mut talk, &put, 1, &replace(30, "l1", &less));
    assert!(back.is_empty(), "{back:?}");
    assert_eq!(talk.server.contents(), [less]);
}

//! Items that a device is shown in another form than the server keeps them in: in chunks, after a
//! change of what the device says of itself, by fields, and in every kind of sync.

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

use session::peer::Table;
use session::store::{Content, DatastoreId, DatastoreKind, Origin, StoreError};
use talk::{Heard, Talk, add, alert, replace, replies, status, sync};

/// A phone of vCard 2.1 with these elements of the device, and these of its contacts.
fn introduction(device: &str, more: &str) -> String {
    let format = "<CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>";
    put(
        device,
        "contacts",
        &format!("<Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref>{more}"),
    )
}

fn put(device: &str, name: &str, elements: &str) -> String {
    format!(
        "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
         application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
         </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>x</DevID>\
         <DevTyp>phone</DevTyp>{device}<DataStore><SourceRef>my-{name}</SourceRef>{elements}\
         </DataStore></DevInf></Data></Item></Put>"
    )
}

/// The properties that a device lists for its cards.
fn listed(names: &[&str]) -> String {
    let names = names.iter();
    let properties = names.map(|name| format!("<Property><PropName>{name}</PropName></Property>"));
    format!(
        "<CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>{}</CTCap>",
        properties.collect::<String>()
    )
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

fn rich(more: &str) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann;;;\r\nFN:Ann Lake\r\nTEL;TYPE=CELL:1\r\n\
         EMAIL:ann@example.org\r\n{more}END:VCARD\r\n"
    )
}

/// A server with one rich card.
fn with_card(text: &str) -> Talk {
    let mut talk = Talk::new();
    stock(&mut talk, DatastoreKind::Contacts, "text/vcard", text);
    talk
}

/// A session, in which the client begins with this; what the server sends.
fn session(talk: &mut Talk, name: &str, opening: &str, commands: &str) -> Vec<String> {
    talk.begin();
    let heard = talk.say(&format!("{opening}<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
    let heard = talk.say(&(sync(name, commands) + "<Final/>"));
    for (_, _, cmd, code) in &heard.said.statuses {
        assert!(*code < 300, "{code} to {cmd}: {}", heard.xml);
    }
    let replies = replies(talk, &heard, name);
    talk.say(&(replies + "<Final/>"));
    let changes = heard.said.changes.into_iter();
    changes.map(|change| change.content).collect()
}

fn opening(code: u16, last: u32, put: &str) -> String {
    let old = match last {
        0 => String::new(),
        last => last.to_string(),
    };
    alert(1, code, "contacts", &old, &(last + 1).to_string()) + put
}

/// A photo of about 60 kB, as it is written in a card.
fn photo() -> String {
    let mut state = 7_u32;
    let letters = (0..80_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[(state >> 27) as usize])
    });
    letters.collect()
}

/// The base64 of the photo in a card of either version.
fn photo_in(card: &str) -> String {
    let (_, rest) = card.split_once("PHOTO").unwrap();
    let (_, rest) = rest.split_once(':').unwrap();
    let lines = rest.split("\r\n");
    let mut data = String::new();
    for (number, line) in lines.enumerate() {
        if number > 0 && !line.starts_with(' ') {
            break;
        }
        data += line.trim();
    }
    data
}

/// What came of one object, from the chunks in an answer.
fn take(object: &mut String, heard: &Heard) {
    for change in &heard.said.changes {
        assert!(object.is_empty() || !change.content.starts_with("BEGIN:VCARD"));
        *object += &change.content;
    }
}

// spec: J05 I05
#[test]
fn a_photo_goes_in_chunks_in_the_form_of_the_device_and_goes_on_after_a_break() {
    let card = rich(&format!("PHOTO;ENCODING=b;TYPE=JPEG:{}\r\n", photo()));
    for breaks_at in [usize::MAX, 1, 4, 13] {
        let mut talk = with_card(&card);
        talk.limit = 5000;
        let put = introduction("<SupportLargeObjs/>", "");
        talk.begin();
        talk.say(&(opening(201, 0, &put) + "<Final/>"));
        let mut heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        let mut object = String::new();
        take(&mut object, &heard);
        let mut messages = 1;
        while !heard.said.is_final {
            if messages == breaks_at {
                // the last chunk came, and was not confirmed
                let unconfirmed = heard.said.changes.last().unwrap().content.len();
                object.truncate(object.len() - unconfirmed);
                talk.begin();
                let heard = talk
                    .say(&(opening(225, 0, &put).replace(">1</Next>", ">2</Next>") + "<Final/>"));
                assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
            }
            let body = if messages == breaks_at {
                sync("contacts", "") + "<Final/>"
            } else {
                let mut body = String::new();
                for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
                    let code = if cmd == "Add" { 213 } else { 200 };
                    body += &status(number, talk.message, cmd_id, cmd, code);
                }
                body + "<Alert><CmdID>59</CmdID><Data>222</Data><Item/></Alert>"
            };
            heard = talk.say(&body);
            assert!(heard.bytes.len() <= 5000);
            take(&mut object, &heard);
            messages += 1;
            assert!(messages < 60);
        }
        assert!(object.contains("VERSION:2.1"), "{}", &object[..200]);
        assert!(object.ends_with("END:VCARD\r\n"));
        assert_eq!(photo_in(&object), photo(), "{breaks_at}");
        let last = status(
            60,
            talk.message,
            &heard.said.to_answer.last().unwrap().0,
            "Add",
            201,
        );
        talk.say(&(last + &talk::map(61, "1", "l1") + "<Final/>"));
        // what came is what the device has: an edit of it leaves the photo as it was
        talk.limit = 200_000;
        let called = object.replace("CELL:1", "CELL:7");
        let next = if breaks_at == usize::MAX { 1 } else { 2 };
        let sent = session(
            &mut talk,
            "contacts",
            &opening(200, next, &put),
            &replace(30, "l1", &called),
        );
        assert_eq!(sent, [""; 0]);
        let kept = talk.server.contents().concat();
        assert_eq!(kept, card.replace("CELL:1", "CELL:7"), "{breaks_at}");
    }
}

#[test]
fn a_phone_that_can_hold_more_is_sent_its_items_again_once() {
    let mut talk = with_card(&rich("NOTE:tall\r\n"));
    let poor = introduction("", &listed(&["N", "TEL"]));
    let better = introduction("", &listed(&["N", "TEL", "NOTE"]));
    let sent = session(&mut talk, "contacts", &opening(201, 0, &poor), "");
    assert!(!sent[0].contains("NOTE"), "{sent:?}");
    assert_eq!(
        session(&mut talk, "contacts", &opening(200, 1, &poor), ""),
        [""; 0]
    );
    let sent = session(&mut talk, "contacts", &opening(200, 2, &better), "");
    assert!(sent.len() == 1 && sent[0].contains("NOTE:tall"), "{sent:?}");
    assert_eq!(
        session(&mut talk, "contacts", &opening(200, 3, &better), ""),
        [""; 0]
    );
    // and what it changes before it has them is no removal of what it did not know
    let edited = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann\r\nTEL;CELL:2\r\nEND:VCARD\r\n";
    let best = introduction("", &listed(&["N", "TEL", "NOTE", "EMAIL"]));
    let sent = session(
        &mut talk,
        "contacts",
        &opening(200, 4, &best),
        &replace(30, "l1", edited),
    );
    assert_eq!(sent.len(), 1, "{sent:?}");
    let kept = talk.server.contents().concat();
    for line in ["TEL;TYPE=CELL:2", "NOTE:tall", "EMAIL:ann@example.org"] {
        assert!(kept.contains(line), "no {line} in {kept}");
    }
}

const NAME_ONLY: &str = "<Filter><Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta><Field>\
     <Item><Meta><Type xmlns='syncml:metinf'>application/vnd.syncml-devinf+xml</Type></Meta>\
     <Data><Property><PropName>N</PropName></Property><Property><PropName>NOTE</PropName></Property>\
     </Data></Item></Field></Filter>";

fn filtered(code: u16, last: u32, put: &str) -> String {
    opening(code, last, put).replace(
        "<LocURI>./contacts</LocURI>",
        &format!("<LocURI>./contacts</LocURI>{NAME_ONLY}"),
    )
}

// spec: L04
#[test]
fn a_field_filter_is_exact_in_the_form_of_the_device() {
    let mut talk = with_card(&rich("NOTE:tall\r\n"));
    let put = introduction("", "");
    let sent = session(&mut talk, "contacts", &filtered(201, 0, &put), "");
    assert!(
        sent[0].contains("VERSION:2.1")
            && sent[0].contains("NOTE:tall")
            && sent[0].contains("Lake"),
        "{sent:?}"
    );
    assert!(
        !sent[0].contains("TEL") && !sent[0].contains("EMAIL"),
        "{sent:?}"
    );
    let noted = sent[0].replace("tall", "quiet");
    let again = session(
        &mut talk,
        "contacts",
        &filtered(200, 1, &put),
        &replace(30, "l1", &noted),
    );
    assert_eq!(again, [""; 0]);
    assert_eq!(talk.server.contents(), [rich("NOTE:quiet\r\n")]);
    // without the filter all of it comes, once
    let all = session(&mut talk, "contacts", &opening(200, 2, &put), "");
    assert!(all.len() == 1 && all[0].contains("TEL"), "{all:?}");
    assert_eq!(
        session(&mut talk, "contacts", &opening(200, 3, &put), ""),
        [""; 0]
    );
}

// spec: M20
#[test]
fn a_replacement_of_fields_changes_these_of_an_item_in_another_form() {
    let card = rich("NOTE:tall\r\n");
    let mut talk = with_card(&card);
    let put = introduction("", "");
    session(&mut talk, "contacts", &opening(201, 0, &put), "");
    let part = |text: &str| {
        replace(30, "l1", text).replace(
            "</Type></Meta>",
            "</Type><FieldLevel xmlns='syncml:metinf'/></Meta>",
        )
    };
    let quiet = "BEGIN:VCARD\r\nVERSION:2.1\r\nNOTE:quiet\r\nEND:VCARD\r\n";
    let sent = session(&mut talk, "contacts", &opening(200, 1, &put), &part(quiet));
    assert_eq!(sent, [""; 0]);
    assert_eq!(talk.server.contents(), [card.replace("tall", "quiet")]);
    // of a device that has become another one, and whose form of the item is not known any more
    let other = introduction("", &listed(&["N", "TEL", "NOTE"]));
    let loud = quiet.replace("quiet", "loud");
    session(
        &mut talk,
        "contacts",
        &opening(200, 2, &other),
        &part(&loud),
    );
    assert_eq!(talk.server.contents(), [card.replace("tall", "loud")]);
}

#[test]
fn a_refresh_from_a_poor_phone_keeps_what_it_cannot_hold() {
    let mut talk = with_card(&rich("NOTE:tall\r\nTEL;TYPE=WORK:2\r\n"));
    let put = introduction("", &listed(&["N", "TEL"]));
    session(&mut talk, "contacts", &opening(201, 0, &put), "");
    let own = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann\r\nTEL;WORK:2\r\nEND:VCARD\r\n";
    let sent = session(
        &mut talk,
        "contacts",
        &opening(203, 1, &put),
        &add(30, "new", own),
    );
    assert_eq!(sent, [""; 0]);
    let kept = talk.server.contents();
    assert_eq!(kept.len(), 1, "{kept:?}");
    for line in ["TEL;TYPE=WORK:2", "NOTE:tall", "EMAIL:ann@example.org"] {
        assert!(kept[0].contains(line), "no {line} in {kept:?}");
    }
    assert!(!kept[0].contains("CELL"), "it went on the phone: {kept:?}");
}

#[test]
fn a_record_that_a_poor_phone_brings_back_is_whole() {
    let card = rich("NOTE:tall\r\n");
    let mut talk = with_card(&card);
    let put = introduction("", &listed(&["N", "TEL"]));
    let sent = session(&mut talk, "contacts", &opening(201, 0, &put), "");
    let contacts = talk.server.contacts();
    let guid = talk.server.items()[0].guid;
    let state = &mut talk.server.state;
    state
        .transact::<_, StoreError>(|tx| tx.delete_item(contacts, guid, Origin::Local, 0))
        .unwrap();
    session(
        &mut talk,
        "contacts",
        &opening(201, 1, &put),
        &replace(30, "l1", &sent[0]),
    );
    assert_eq!(talk.server.contents(), [card]);
}

#[test]
fn notes_are_text_on_one_phone_and_structured_on_another() {
    let mut talk = Talk::new();
    let notes = datastore(&talk, DatastoreKind::Notes);
    let put_of = |media_type: &str, version: &str| {
        let format = format!("<CTType>{media_type}</CTType><VerCT>{version}</VerCT>");
        let both = format!("<Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref>");
        put("", "notes", &both)
    };
    let (plain, structured) = (put_of("text/plain", "1.0"), put_of("text/x-vnote", "1.1"));
    let opening =
        |code: u16, last: &str, next: &str, put: &str| alert(1, code, "notes", last, next) + put;
    let of_type = |command: String, media_type: &str| command.replace("text/x-vcard", media_type);
    let text = "Groceries\r\nBread, butter; Käse";
    talk.device = "plain";
    let added = of_type(add(30, "p1", text), "text/plain");
    session(&mut talk, "notes", &opening(201, "", "1", &plain), &added);

    talk.device = "structured";
    let sent = session(&mut talk, "notes", &opening(201, "", "1", &structured), "");
    assert!(sent[0].starts_with("BEGIN:VNOTE"), "{sent:?}");
    assert!(
        sent[0].contains("Groceries") && sent[0].contains("K=C3=A4se"),
        "{sent:?}"
    );
    let edited = sent[0].replace("Bread", "Milk");
    assert_ne!(edited, sent[0]);
    let edited = of_type(replace(30, "l1", &edited), "text/x-vnote");
    let back = session(
        &mut talk,
        "notes",
        &opening(200, "1", "2", &structured),
        &edited,
    );
    assert_eq!(back, [""; 0]);

    talk.device = "plain";
    let sent = session(&mut talk, "notes", &opening(200, "1", "2", &plain), "");
    assert_eq!(sent, [text.replace("Bread", "Milk")]);
    for (device, put, form) in [
        (
            "plain",
            &plain,
            of_type(replace(30, "p1", &sent[0]), "text/plain"),
        ),
        ("structured", &structured, String::new()),
    ] {
        talk.device = device;
        let again = session(&mut talk, "notes", &opening(200, "2", "3", put), &form);
        assert_eq!(again, [""; 0], "{device}");
    }
    assert_eq!(talk.server.state.items(notes).len(), 1);
}

#[test]
fn a_number_in_another_spelling_is_no_edit() {
    let card = rich("NOTE:tall\r\n").replace("CELL:1", "CELL:+49 (30) 12-34");
    let mut talk = with_card(&card);
    let put = introduction("", &listed(&["N", "TEL"]));
    let sent = session(&mut talk, "contacts", &opening(201, 0, &put), "");
    let bare = sent[0].replace("+49 (30) 12-34", "+49301234");
    assert_ne!(bare, sent[0]);
    for last in 1..4 {
        let again = session(
            &mut talk,
            "contacts",
            &opening(200, last, &put),
            &replace(30, "l1", &bare),
        );
        assert_eq!(again, [""; 0]);
        assert_eq!(talk.server.contents(), [card.as_str()]);
    }
}

#[test]
fn two_of_a_record_on_a_phone_stay_two_and_nothing_goes_to_and_fro() {
    let card = rich("NOTE:tall\r\n");
    let mut talk = with_card(&card);
    let put = introduction("", &listed(&["N", "TEL"]));
    let own = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lake;Ann\r\nTEL;CELL:1\r\nEND:VCARD\r\n";
    let both = add(30, "a", own) + &add(31, "b", own);
    for last in 0..3 {
        let sent = session(&mut talk, "contacts", &opening(201, last, &put), &both);
        assert_eq!(sent, [""; 0], "{last}");
        let kept = talk.server.contents();
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert!(kept.contains(&card), "{kept:?}");
    }
    assert_eq!(
        session(&mut talk, "contacts", &opening(200, 3, &put), ""),
        [""; 0]
    );
    assert_eq!(talk.server.contents().len(), 2);
}

#[test]
fn a_birthday_begins_in_a_year_that_the_phone_can_hold_and_stays_as_old_as_it_is() {
    let mut talk = Talk::new();
    talk.server.config.rules = Table::built_in().unwrap();
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Ann\r\n\
                 DTSTART:19500506T070000Z\r\nDTEND:19500506T080000Z\r\nRRULE:FREQ=YEARLY\r\n\
                 BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT15M\r\nREPEAT:2\r\nDURATION:PT5M\r\n\
                 END:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    stock(&mut talk, DatastoreKind::Calendar, "text/calendar", event);
    let format = "<CTType>text/x-vcalendar</CTType><VerCT>1.0</VerCT>";
    let both = format!("<Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref>");
    let put = put("<Man>NOKIA</Man><Mod>6300</Mod><UTC/>", "calendar", &both);
    let opening = |code: u16, last: &str, next: &str| alert(1, code, "calendar", last, next) + &put;
    let sent = session(&mut talk, "calendar", &opening(201, "", "1"), "");
    assert!(sent[0].contains("DTSTART:19800506T070000Z\r\n"), "{sent:?}");
    assert!(sent[0].contains("AALARM:19800506T064500Z\r\n"), "{sent:?}");
    let edited = sent[0].replace("SUMMARY:Ann", "SUMMARY:Ann Lake");
    let edited = replace(30, "l1", &edited).replace("text/x-vcard", "text/x-vcalendar");
    let back = session(&mut talk, "calendar", &opening(200, "1", "2"), &edited);
    assert_eq!(back, [""; 0]);
    let calendar = datastore(&talk, DatastoreKind::Calendar);
    let kept = talk.server.state.items(calendar).remove(0).content;
    let kept = String::from_utf8(kept).unwrap();
    assert_eq!(kept, event.replace("SUMMARY:Ann", "SUMMARY:Ann Lake"));
}

#[test]
fn a_task_that_is_done_on_a_phone_says_when() {
    let mut talk = Talk::new();
    talk.server.now = 1_700_000_000;
    let task = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VTODO\r\n\
                UID:1@example.org\r\nDTSTAMP:20240101T000000Z\r\nSUMMARY:Report\r\n\
                STATUS:NEEDS-ACTION\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";
    stock(&mut talk, DatastoreKind::Tasks, "text/calendar", task);
    let format = "<CTType>text/x-vcalendar</CTType><VerCT>1.0</VerCT>";
    let both = format!("<Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref>");
    let put = put("", "tasks", &both);
    let opening = |code: u16, last: &str, next: &str| alert(1, code, "tasks", last, next) + &put;
    let of_type = |command: String| command.replace("text/x-vcard", "text/x-vcalendar");
    let sent = session(&mut talk, "tasks", &opening(201, "", "1"), "");
    let done = sent[0].replace("NEEDS ACTION", "COMPLETED");
    assert_ne!(done, sent[0]);
    let titled = done.replace("Report", "Long report");
    let tasks = datastore(&talk, DatastoreKind::Tasks);
    for (last, next, text) in [("1", "2", &done), ("2", "3", &titled)] {
        let replaced = of_type(replace(30, "l1", text));
        let back = session(&mut talk, "tasks", &opening(200, last, next), &replaced);
        assert!(back.is_empty(), "{back:?}");
        let kept = talk.server.state.items(tasks).remove(0).content;
        let kept = String::from_utf8(kept).unwrap();
        assert!(kept.contains("STATUS:COMPLETED\r\n"), "{kept}");
        assert!(kept.contains("COMPLETED:20231114T"), "{kept}");
    }
}

#[test]
fn a_series_is_written_as_the_rules_of_the_phone_say() {
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:K\u{e4}se\r\n\
                 DTSTART:20260105T070000Z\r\nDTEND:20260105T080000Z\r\n\
                 RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260126T070000Z\r\n\
                 BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:b\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n\
                 END:VEVENT\r\nEND:VCALENDAR\r\n";
    let of = |man: &str| format!("<Man>{man}</Man><Mod>One</Mod><UTC/>");
    let own = |flags: &str| {
        let rule = format!("[[rule]]\nname = 'own'\nmatch.man = ['Acme']\n{flags}\n");
        Table::parse(&rule).unwrap()
    };
    let built_in = || Table::built_in().unwrap();
    for (rules, man, written, not) in [
        (built_in(), "Acme", "RRULE:W1 MO 20260126T070000Z", "TZ:"),
        (built_in(), "Motorola", "RRULE:W1 MO #4", "20260126"),
        (
            own("set.rule-end = 'count'"),
            "Acme",
            "W1 MO #4",
            "20260126",
        ),
        (built_in(), "Nokia", "ALARM:20260105T064500Z\r\n", ";;b"),
        (built_in(), "Acme", "ALARM:20260105T064500Z;;;b\r\n", "TZ:"),
        (
            built_in(),
            "Acme",
            "QUOTED-PRINTABLE:K=C3=A4se",
            "K\u{e4}se",
        ),
        (
            own("set.quoted-printable = false"),
            "Acme",
            "K\u{e4}se",
            "=C3",
        ),
        (
            own("set.describe-zone = true\nset.time-zone = 'Europe/Berlin'"),
            "Acme",
            "DAYLIGHT:TRUE;+02:00;20260329T020000;20261025T030000;",
            "UNTIL",
        ),
        (
            own("set.earliest-year = 2026\nset.times = 'local'\nset.time-zone = '+01:00'"),
            "Acme",
            "DTSTART:20260105T080000\r\n",
            "Z\r\n",
        ),
    ] {
        let mut talk = Talk::new();
        talk.server.config.rules = rules;
        stock(&mut talk, DatastoreKind::Calendar, "text/calendar", event);
        let format = "<CTType>text/x-vcalendar</CTType><VerCT>1.0</VerCT>";
        let both = format!("<Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref>");
        let opening = alert(1, 201, "calendar", "", "1") + &put(&of(man), "calendar", &both);
        let sent = session(&mut talk, "calendar", &opening, "").concat();
        assert!(
            sent.contains(written) && !sent.contains(not),
            "{man}: {written} in {sent}"
        );
    }
}

//! Large objects and numbers of changes, where what the peer says is unusual.

use session::store::DatastoreId;

use crate::talk::{Heard, Talk, add, alert, card, map, put_devinf, status, sync};

const LARGE: &str = "<SupportLargeObjs/>";

/// A server with a contact of about 5000 bytes, and a phone of small messages that has said that it
/// takes chunks; the first of them.
fn first_chunk() -> (Talk, Heard) {
    let mut talk = Talk {
        device: "laptop",
        ..Talk::new()
    };
    let note = "x".repeat(5000);
    let content = card("Large", "1").replace("END:", &format!("NOTE:{note}\r\nEND:"));
    talk.sync(201, ("", "1"), &add(21, "a", &content));
    talk.device = "phone";
    talk.limit = 2000;
    talk.begin();
    let first = alert(1, 201, "contacts", "", "1") + &put_devinf(2, LARGE);
    talk.say(&(first + "<Final/>"));
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert!(heard.xml.contains("<MoreData"), "{}", heard.xml);
    (talk, heard)
}

/// Answers the chunk with a code; what comes then.
fn answer(talk: &mut Talk, heard: &Heard, code: u16, more: &str) -> Heard {
    let mut reply = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        let code = if cmd == "Add" { code } else { 200 };
        reply += &status(number, talk.message, cmd_id, cmd, code);
    }
    talk.say(&(reply + more))
}

// spec: J05
#[test]
fn a_chunk_may_be_confirmed_by_213_or_214() {
    for code in [213, 214] {
        let (mut talk, mut heard) = first_chunk();
        let mut content = String::new();
        loop {
            content += &heard.said.changes[0].content;
            if heard.said.is_final {
                break;
            }
            heard = answer(&mut talk, &heard, code, "");
        }
        assert_eq!(talk.server.contents(), [content], "{code}");
    }
}

// spec: J09
#[test]
fn an_object_that_did_not_arrive_is_sent_whole_later() {
    let unended = "<Alert><CmdID>8</CmdID><Data>223</Data><Item>\
        <Source><LocURI>1</LocURI></Source></Item></Alert>";
    for (code, alert_223) in [(213, unended), (424, "")] {
        let (mut talk, heard) = first_chunk();
        let heard = answer(&mut talk, &heard, code, alert_223);
        assert!(
            heard.said.changes.is_empty(),
            "it does not go on: {}",
            heard.xml
        );
        assert!(heard.said.is_final);
        answer(&mut talk, &heard, 200, "<Final/>");
        talk.open(200, "1", "2");
        let mut heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        assert!(heard.xml.contains("<Size"), "from its start: {}", heard.xml);
        let mut content = heard.said.changes[0].content.clone();
        while !heard.said.is_final {
            heard = answer(&mut talk, &heard, 213, "");
            content += &heard.said.changes[0].content;
        }
        assert_eq!(talk.server.contents(), [content]);
    }
}

/// The number that the server says and the changes that it sends, to a device of this information.
fn counted(devinf: &str, limit: u64) -> (Vec<Option<u64>>, usize) {
    let mut talk = Talk::with_contacts(21..31);
    talk.limit = limit;
    talk.begin();
    talk.say(&(alert(1, 201, "contacts", "", "1") + &put_devinf(2, devinf) + "<Final/>"));
    let own = add(21, "same", &card("Person 21", "1"));
    let mut heard = talk.say(&(sync("contacts", &own) + "<Final/>"));
    let mut numbers = vec![heard.said.number_of_changes];
    let mut count = heard.said.changes.len();
    while !heard.said.is_final {
        heard = answer(&mut talk, &heard, 201, &map(90, "2", "L"));
        numbers.push(heard.said.number_of_changes);
        count += heard.said.changes.len();
    }
    (numbers, count)
}

// spec: J16 J17
#[test]
fn who_wants_to_know_is_told_the_number_of_changes_once() {
    let wants = "<SupportNumberOfChanges/>";
    assert_eq!(counted(wants, 100_000), (vec![Some(9)], 9));
    let (numbers, count) = counted(wants, 2000);
    assert_eq!((numbers[0], count), (Some(9), 9));
    assert!(numbers.len() > 1 && numbers[1..].iter().all(Option::is_none));
    assert_eq!(counted("", 100_000), (vec![None], 9));
}

// spec: J18
#[test]
fn a_wrong_number_of_changes_is_no_error() {
    for number in ["0", "7", "99999", "many", "1000000000000000000000000000000"] {
        let mut talk = Talk::new();
        talk.open(201, "", "1");
        let counted = format!("</Source><NumberOfChanges>{number}</NumberOfChanges>");
        let package = sync("contacts", &add(21, "a", &card("Ann", "1")));
        let package = package.replacen("</Source>", &counted, 1);
        let heard = talk.say(&(package + "<Final/>"));
        assert_eq!(
            heard.codes(),
            [("0", 200), ("20", 200), ("21", 201)],
            "{number}"
        );
    }
}

// spec: J19
#[test]
fn sizes_are_decimal_and_no_larger_than_can_be() {
    let content = card("Ann", "1");
    let chunk = |size: &str| {
        let meta = format!("<Size xmlns='syncml:metinf'>{size}</Size></Meta>");
        let first = add(21, "a", &content[..20]).replacen("</Meta>", &meta, 1);
        sync(
            "contacts",
            &first.replacen("</Data>", "</Data><MoreData/>", 1),
        )
    };
    for (size, code) in [
        (format!(" {} ", content.len()), 213),
        (format!("0x{:x}", content.len()), 411),
        ("-5".to_owned(), 411),
        ("1000000000000000000000000000000".to_owned(), 416),
    ] {
        let mut talk = Talk::new();
        talk.open(201, "", "1");
        let heard = talk.say(&chunk(&size));
        assert_eq!(heard.codes()[2], ("21", code), "{size}");
    }
    // one that cannot be is as none, and limits nothing
    let (mut talk, _) = first_chunk();
    talk.header = "";
    talk.begin();
    let huge = alert(1, 201, "contacts", "", "2").replace(
        "</Anchor>",
        "</Anchor><MaxObjSize xmlns='syncml:metinf'>1000000000000000000000000000000</MaxObjSize>",
    );
    talk.say(&(huge + &put_devinf(2, LARGE) + "<Final/>"));
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert!(heard.xml.contains("<MoreData"), "{}", heard.xml);
}

/// A chunk of a note in a message of its own; the code that it gets.
fn chunk(talk: &mut Talk, luid: &str, size: Option<u64>, text: &str, more: bool) -> u16 {
    let size = size.map_or_else(String::new, |size| format!("<Size>{size}</Size>"));
    let more = if more { "<MoreData/>" } else { "" };
    let add = format!(
        "<Add><CmdID>21</CmdID><Meta xmlns='syncml:metinf'><Type>text/plain</Type>{size}</Meta>\
         <Item><Source><LocURI>{luid}</LocURI></Source><Data>{text}</Data>{more}</Item></Add>"
    );
    let heard = talk.say(&sync("notes", &add));
    heard.said.code_of("Add")
}

// spec: J08
#[test]
fn the_rest_of_a_dropped_object_is_no_item() {
    let mut talk = Talk::new();
    talk.begin();
    talk.say(&(alert(1, 201, "notes", "", "1") + "<Final/>"));
    let huge = Some(99_999_999_999);
    // refused for its size, or for want of one, or since another item came in its place
    assert_eq!(chunk(&mut talk, "a", huge, "its beginning", true), 416);
    assert_eq!(chunk(&mut talk, "a", None, "its middle", true), 424);
    assert_eq!(chunk(&mut talk, "a", None, "its end", false), 424);
    assert_eq!(chunk(&mut talk, "b", None, "its beginning", true), 411);
    assert_eq!(chunk(&mut talk, "b", None, "its end", false), 424);
    assert_eq!(chunk(&mut talk, "c", Some(20), "its beginning", true), 213);
    assert_eq!(chunk(&mut talk, "d", None, "another note", false), 201);
    assert_eq!(chunk(&mut talk, "c", None, "its end", false), 424);
    let notes = DatastoreId {
        number: 4,
        ..talk.server.contacts()
    };
    let held = talk.server.state.items(notes);
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].content, b"another note");
    // it may begin anew, or come as it is
    assert_eq!(chunk(&mut talk, "a", Some(9), "begun ", true), 213);
    assert_eq!(chunk(&mut talk, "a", None, "new", false), 201);
    assert_eq!(chunk(&mut talk, "b", None, "as it is", false), 201);
}

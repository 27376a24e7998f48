//! Search: the server's items that match a query.

use crate::talk::{Talk, add, card};

fn search(grammar: &str, query: &str, extra: &str) -> String {
    format!(
        "<Search><CmdID>7</CmdID>{extra}<Source><LocURI>./contacts</LocURI></Source>\
         <Meta><Type xmlns='syncml:metinf'>{grammar}</Type></Meta>\
         <Data>{}</Data></Search>",
        query.replace('&', "&amp;")
    )
}

const CGI: &str = "syncml:filtertype-cgi";

fn filled() -> Talk {
    let mut talk = Talk::new();
    let cards = add(30, "a", &card("Ann", "1")) + &add(31, "b", &card("Bob", "2"));
    talk.sync(201, ("", "1"), &cards);
    talk.begin();
    talk
}

// spec: M18
#[test]
fn a_search_brings_what_matches() {
    let mut talk = filled();
    let heard = talk.say(&(search(CGI, "TEL&EQ;2", "") + "<Final/>"));
    assert_eq!(heard.said.code_of("Search"), 200);
    assert!(heard.xml.contains("N:Bob") && !heard.xml.contains("N:Ann"));
    assert!(heard.xml.contains("<Results>") && heard.xml.contains("<CmdRef>7</CmdRef>"));
    // without results the status tells alone
    let heard = filled().say(&(search(CGI, "TEL&EQ;2", "<NoResults/>") + "<Final/>"));
    assert_eq!(heard.said.code_of("Search"), 200);
    assert!(!heard.xml.contains("N:Bob"));
    for (grammar, query, code) in [("x-sql", "TEL&EQ;2", 421), (CGI, "TEL&EQ", 422)] {
        let heard = filled().say(&(search(grammar, query, "") + "<Final/>"));
        assert_eq!(heard.said.code_of("Search"), code);
    }
    let elsewhere = search(CGI, "TEL&EQ;2", "").replace("./contacts", "./nowhere");
    assert_eq!(filled().say(&elsewhere).said.code_of("Search"), 404);
}

// spec: L12 M18
#[test]
fn a_search_knows_the_identifiers_of_the_device() {
    let heard = filled().say(&(search(CGI, "&LUID;&EQ;b", "") + "<Final/>"));
    assert!(heard.xml.contains("N:Bob") && !heard.xml.contains("N:Ann"));
    let mut talk = filled();
    talk.device = "laptop";
    let heard = talk.say(&(search(CGI, "&LUID;&EQ;b", "") + "<Final/>"));
    assert!(!heard.xml.contains("N:Bob"), "it is the phone's");
}

/// Device information of a phone that takes one format, and names alone.
fn put_names(format: &str) -> String {
    format!(
        "<Put><CmdID>6</CmdID><Meta><Type xmlns='syncml:metinf'>\
         application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
         </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>x</DevID>\
         <DevTyp>phone</DevTyp><DataStore><SourceRef>people</SourceRef>\
         <Rx-Pref>{format}</Rx-Pref><Tx-Pref>{format}</Tx-Pref><CTCap>{format}\
         <Property><PropName>N</PropName></Property></CTCap></DataStore></DevInf></Data></Item></Put>"
    )
}

// spec: M18
#[test]
fn what_is_found_is_in_the_form_of_the_device() {
    let put = put_names("<CTType>text/x-vcard</CTType><VerCT>2.1</VerCT>");
    let mut talk = Talk::new();
    let rich = card("Bob", "2").replace("2.1", "3.0");
    talk.sync(201, ("", "1"), &add(31, "b", &rich));
    talk.begin();
    // it has alerted nothing, and the server's property that it cannot keep is found all the same
    let heard = talk.say(&(put + &search(CGI, "TEL&EQ;2", "") + "<Final/>"));
    assert_eq!(heard.said.code_of("Search"), 200, "{}", heard.xml);
    let (_, found) = heard.xml.split_once("<CmdRef>7</CmdRef>").unwrap();
    let (_, found) = found.split_once("<Results>").unwrap();
    assert!(
        found.contains("text/x-vcard") && found.contains("VERSION:2.1"),
        "{found}"
    );
    assert!(found.contains("N:Bob") && !found.contains("TEL"), "{found}");
}

// spec: M18
#[test]
fn what_is_found_goes_as_base64_where_items_do() {
    let put = put_names("<CTType>text/x-s4j-sifc</CTType><VerCT>1.0</VerCT>");
    let mut talk = filled();
    talk.begin();
    let heard = talk.say(&(put + &search(CGI, "TEL&EQ;2", "") + "<Final/>"));
    let (_, found) = heard.xml.split_once("<Results>").unwrap();
    assert!(found.contains("text/x-s4j-sifc"), "{found}");
    let is_encoded = found.contains(">b64</Format>") && !found.contains("<contact");
    assert!(is_encoded && !found.contains("&lt;contact"), "{found}");
}

#[test]
fn searches_of_one_message_share_what_they_may_look_through() {
    let mut talk = Talk::new();
    let cards: String = (30..70)
        .map(|number| {
            add(
                number,
                &number.to_string(),
                &card(&format!("P{number}"), "2"),
            )
        })
        .collect();
    talk.sync(201, ("", "1"), &cards);
    talk.begin();
    let one = search(CGI, "TEL&EQ;2", "<NoResults/>");
    // each looks through forty items
    let many: String = (100..700)
        .map(|number| one.replace("<CmdID>7", &format!("<CmdID>{number}")))
        .collect();
    talk.limit = 10_000_000;
    talk.server.config.max_msg_size = 10_000_000;
    let heard = talk.say(&many);
    let codes: Vec<u16> = heard.statuses.iter().map(|status| status.code).collect();
    assert!(
        codes.contains(&200) && codes.contains(&417),
        "{:?}",
        codes.last()
    );
}

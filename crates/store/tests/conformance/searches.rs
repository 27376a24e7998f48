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

//! Filters of times: what an index answers is what a look at every item would.

use session::store::{Content, DatastoreId, DatastoreKind, Guid, Origin, StoreError};
use syncml::ChangeKind;

use crate::talk::{Heard, Talk, alert, status, sync};

fn calendar(talk: &Talk) -> DatastoreId {
    let at = DatastoreKind::ALL
        .iter()
        .position(|kind| *kind == DatastoreKind::Calendar);
    DatastoreId {
        account: talk.server.account,
        number: at.unwrap() as i64 + 1,
    }
}

fn entry(title: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:{title}\r\n{lines}END:VEVENT\r\n\
         END:VCALENDAR\r\n"
    )
}

/// A talk with a server that has these entries.
fn with_entries(entries: &[String]) -> Talk {
    let mut talk = Talk::new();
    let datastore = calendar(&talk);
    let filled: Result<(), StoreError> = talk.server.state.transact(|tx| {
        for entry in entries {
            let content = Content::new("text/calendar", entry.as_bytes());
            tx.add_item(datastore, content, Origin::Local, 1)?;
        }
        Ok(())
    });
    filled.unwrap();
    talk
}

fn filtered(code: u16, anchors: (&str, &str), query: &str) -> String {
    let query = query.replace('&', "&amp;");
    let filter = format!(
        "<Filter><Meta><Type xmlns='syncml:metinf'>text/calendar</Type></Meta><Record><Item><Meta>\
         <Type xmlns='syncml:metinf'>syncml:filtertype-cgi</Type></Meta><Data>{query}</Data></Item>\
         </Record></Filter>"
    );
    let (last, next) = anchors;
    alert(1, code, "calendar", last, next).replace(
        "<LocURI>./calendar</LocURI>",
        &format!("<LocURI>./calendar</LocURI>{filter}"),
    )
}

/// A session with this filter, of which the client takes all; what came. New items get the LUID `l`
/// with their GUID.
fn session(talk: &mut Talk, alert: &str) -> Heard {
    talk.begin();
    let opened = talk.say(&(alert.to_owned() + "<Final/>"));
    assert_eq!(opened.said.code_of("Alert"), 200, "{}", opened.xml);
    let heard = talk.say(&(sync("calendar", "") + "<Final/>"));
    let mut last = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        let code = if cmd == "Add" { 201 } else { 200 };
        last += &status(number, talk.message, cmd_id, cmd, code);
    }
    for (number, change) in (200..).zip(&heard.said.changes) {
        if change.kind == ChangeKind::Add {
            let map = crate::talk::map(number, &change.guid, &format!("l{}", change.guid));
            last += &map.replace("contacts", "calendar");
        }
    }
    talk.say(&(last + "<Final/>"));
    heard
}

/// `+title` of what was added, `=title` of what was replaced, `-luid` of what goes.
fn came(heard: &Heard) -> Vec<String> {
    let changes = heard.said.changes.iter().map(|change| {
        let title = change.content.split("SUMMARY:").nth(1).unwrap_or_default();
        let title = title.lines().next().unwrap_or_default();
        match change.kind {
            ChangeKind::Add => format!("+{title}"),
            ChangeKind::Replace => format!("={title}"),
            _ => format!("-{}", change.luid),
        }
    });
    changes.collect()
}

// spec: L01 L13
#[test]
fn ten_of_ten_thousand_are_found_without_reading_the_others() {
    let entries: Vec<String> = (0..10_000)
        .map(|number| {
            let (year, month, day) = (2000 + number / 336, number / 28 % 12 + 1, number % 28 + 1);
            let start = format!("DTSTART:{year}{month:02}{day:02}T090000Z\r\n");
            entry(&number.to_string(), &start)
        })
        .collect();
    let mut talk = with_entries(&entries);
    let (mut next, mut now) = (0, 1);
    for (query, first) in [
        ("SINCE&EQ;20040201&AND;BEFORE&EQ;20040210T235959Z", 1372),
        (
            "DTSTART&GE;20050301T000000Z&AND;DTSTART&LT;20050311T000000Z",
            1736,
        ),
    ] {
        let before = talk.server.state.looked_at();
        let anchors = (next.to_string(), now.to_string());
        let code = if next == 0 { 201 } else { 200 };
        let heard = session(&mut talk, &filtered(code, (&anchors.0, &anchors.1), query));
        let mut came = came(&heard);
        came.retain(|one| one.starts_with('+'));
        let wanted: Vec<String> = (first..first + 10)
            .map(|number| format!("+{number}"))
            .collect();
        assert_eq!(came, wanted, "{query}");
        let read = talk.server.state.looked_at() - before;
        assert!(read < 100, "{read} of 10,000 items are read for {query}");
        (next, now) = (now, now + 1);
    }
}

// spec: L06 L16
#[test]
fn what_leaves_the_wanted_time_goes_from_the_device() {
    let on = |day: &str| entry(day, &format!("DTSTART:{day}T090000Z\r\n"));
    let weekly = "DTSTART:20200106T090000Z\r\nRRULE:FREQ=WEEKLY\r\n";
    let mut talk = with_entries(&[
        on("20260105"),
        on("20260205"),
        entry("weekly", weekly),
        entry("some day", ""),
        entry("of another kind", "DTSTART:soon\r\n"),
        on("20260305"),
    ]);
    let first = session(&mut talk, &filtered(201, ("", "1"), "SINCE&EQ;20260201"));
    let endless = ["+weekly", "+some day", "+of another kind"];
    let wanted = [&["+20260205"], &endless[..], &["+20260305"]].concat();
    assert_eq!(came(&first), wanted);
    // edited out of the time on the server
    let text = on("20251224");
    let content = Content::new("text/calendar", text.as_bytes());
    let datastore = calendar(&talk);
    let state = &mut talk.server.state;
    state
        .replace_item(datastore, Guid(2), content, Origin::Local, 2)
        .unwrap();
    let same = session(&mut talk, &filtered(200, ("1", "2"), "SINCE&EQ;20260201"));
    assert_eq!(came(&same), ["-l2"]);
    // later: what does not match any more goes, and stays here
    let later = session(&mut talk, &filtered(200, ("2", "3"), "SINCE&EQ;20260401"));
    assert_eq!(came(&later), ["-l6"]);
    let earlier = session(&mut talk, &filtered(200, ("3", "4"), "BEFORE&EQ;20260201"));
    assert_eq!(came(&earlier), ["+20260105", "+20251224"]);
}

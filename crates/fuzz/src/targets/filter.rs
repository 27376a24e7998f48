//! Filters: a query that is read says the same when it is written and read again, and chooses the same
//! records; addresses lose nothing; what a filter reduces a record to is no longer than it was.

use session::filter::{Address, Query, Record};

use super::shown::assert_same;

/// Records that every query is asked about.
const RECORDS: [(&str, &[u8]); 4] = [
    (
        "text/vcard",
        b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada;;;\r\nFN:Ada Berg\r\nTEL;TYPE=CELL:030 12\r\n\
          BDAY:1980-02-29\r\nCATEGORIES:Family\r\nEND:VCARD\r\n",
    ),
    (
        "text/calendar",
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART:20260101T100000Z\r\n\
          RRULE:FREQ=WEEKLY;COUNT=3\r\nSUMMARY:Choir\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ),
    ("text/plain", b"buy milk"),
    ("application/octet-stream", b"\x00\xff"),
];

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(query) = Query::parse(text) {
        as_query(&query);
    }
    if let Ok(address) = Address::split(text) {
        assert!(text.contains(address.uri), "the address is another one");
        if let Some(query) = address.query_at(1_795_600_000) {
            as_query(&query);
        }
    }
}

fn as_query(query: &Query) {
    let again = Query::parse(&query.to_string());
    let Ok(again) = again else {
        // options of an address may join more than one query may have
        assert!(
            query.to_string().len() > 1024,
            "what is written is not read"
        );
        return;
    };
    assert_same(&again, query, "written and read again");
    for (media_type, content) in RECORDS {
        let record = Record {
            media_type,
            content,
            luid: Some("7"),
            modified: 1_795_600_000,
        };
        assert_eq!(query.matches(&record), again.matches(&record));
    }
}

//! What the tests of filters share.

#![allow(clippy::unwrap_used)]

use super::*;

mod evaluation;
mod periods;
mod reading;
mod texts;

const CARD: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Laine;Aino;;;\r\nFN:Aino Laine\r\n\
                    TEL;TYPE=HOME:111\r\nTEL;TYPE=CELL:222\r\nORG:Koivu\\, Oy;Sales\r\n\
                    CATEGORIES:Sailing club,Work\r\nBDAY:19800215\r\nNICKNAME:\r\n\
                    NOTE:50% of a & b (c)\r\nREV:20100101T120000Z\r\nX-N:7\r\nEND:VCARD\r\n";

fn event(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Choir\r\n{lines}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn record<'r>(media_type: &'r str, content: &'r str) -> Record<'r> {
    Record {
        media_type,
        content: content.as_bytes(),
        luid: Some("17"),
        modified: pim::Time::read("20100601T000000Z").unwrap().earliest,
    }
}

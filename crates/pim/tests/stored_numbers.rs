//! Databases hold the numbers of a fingerprint: what is equal today has to be equal tomorrow.

use pim::fingerprint;

// spec: H01
#[test]
fn the_number_of_a_content_never_changes() {
    let card = "BEGIN:VCARD\r\nVERSION:2.1\r\n\
        N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:B=C3=A9rg=3B;Ada;;\r\n\
        item1.tel;home;X-A=\"b\";CELL:+49 30 1\r\nNOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab\r\n\
        PHOTO;JPEG;ENCODING=BASE64:\r\n /9j/4AAQ\r\n\r\nORG;CHARSET=UTF-8:M\u{fc}hle\r\nEND:VCARD\r\n";
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n\
        DTSTART;TZID=x:20260101T100000\r\nSUMMARY;LANGUAGE=en:long\r\n  text\\, folded;;\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";
    let numbers = [("text/x-vcard", card), ("text/calendar", event)]
        .map(|(media_type, text)| fingerprint(media_type, text.as_bytes()).exact);
    assert_eq!(
        numbers,
        [13_862_076_476_592_486_226, 8_283_033_837_230_843_742]
    );
}

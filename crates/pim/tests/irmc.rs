//! What phones have beside contacts and calendars: bookmarks, and short messages in vMessage.

#![allow(clippy::unwrap_used)]

use pim::media::kind_of;
use pim::{
    ConvertError, Edit, Format, Habit, Holding, Holdings, Kind, Likeness, Prefer, Target, apply,
    compare, convert, fingerprint, fit, summary,
};

const BOOKMARK: &str = "text/x-vbookmark";
const MESSAGE: &str = "text/x-vMessage";

fn bookmark(lines: &str) -> String {
    format!("BEGIN:VBKM\r\nVERSION:1.0\r\n{lines}END:VBKM\r\n")
}

const ENVELOPE: &str = "BEGIN:ENV\r\nX-IRMC-URL;QUOTED-PRINTABLE:=\r\n[InternetShortcut]\r\n\
    URL=http://a.example/\r\nEND:ENV\r\n";

fn edited(current: &str, held: &str, new: &str) -> String {
    let edit = Edit {
        habit: Habit::Whole,
        current: current.as_bytes(),
        shown: held.as_bytes(),
        held: Some(held.as_bytes()),
        new: new.as_bytes(),
    };
    String::from_utf8(apply(&edit, Prefer::New).unwrap().bytes).unwrap()
}

// spec: T41
#[test]
fn when_a_bookmark_was_changed_is_no_change() {
    let at = |time: &str| {
        bookmark(&format!(
            "TITLE:Mill\r\nURL:http://a.example/\r\nX-LAST-MODIFIED:{time}\r\n"
        ))
    };
    let (before, after) = (at("20240506T070000Z"), at("20240507T080000Z"));
    let exact = |text: &str| fingerprint(BOOKMARK, text.as_bytes()).exact;
    assert_eq!(exact(&before), exact(&after));
    let likeness = compare(BOOKMARK, before.as_bytes(), BOOKMARK, after.as_bytes());
    assert_eq!(likeness, Likeness::Same);
    assert_eq!(edited(&before, &before, &after), before);
}

// spec: T41
#[test]
fn a_bookmark_in_another_spelling_is_the_same_and_no_edit() {
    let kept =
        bookmark("TITLE:Mühle; alt\r\nURL:http://a.example/?b=c;d\r\nCATEGORIES:Work,Old\r\n");
    for spelling in [
        "TITLE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BChle; alt\r\n\
         URL:http://a.example/?b=c;d\r\nCATEGORIES:Old;Work\r\n",
        "CATEGORIES:Work,Old\r\nURL:http://a.example/?b=c;d\r\nTITLE:M\u{fc}hle; alt\r\n",
    ] {
        let given = bookmark(spelling);
        let likeness = compare(BOOKMARK, kept.as_bytes(), BOOKMARK, given.as_bytes());
        assert_eq!(likeness, Likeness::Same, "{given}");
        assert_eq!(edited(&kept, &kept, &given), kept, "{given}");
    }
    let other = kept.replace("Old", "New");
    let likeness = compare(BOOKMARK, kept.as_bytes(), BOOKMARK, other.as_bytes());
    assert!(matches!(likeness, Likeness::Match(_)));
}

// spec: T41
#[test]
fn a_bookmark_is_edited_by_property() {
    let whole = bookmark(&format!(
        "TITLE:Mill\r\nURL:http://a.example/\r\nCATEGORIES:Work,Old\r\nNOTE:flour\r\n{ENVELOPE}"
    ));
    let held = bookmark("TITLE:Mill\r\nURL:http://a.example/\r\n");
    let titled = held.replace("Mill", "The mill");
    assert_eq!(
        edited(&whole, &held, &titled),
        whole.replace("Mill", "The mill")
    );
    let moved = held.replace("a.example", "b.example");
    let moved = edited(&whole, &held, &moved);
    assert!(moved.contains("URL:http://b.example/\r\n"), "{moved}");
    assert!(!moved.contains("URL:http://a.example/\r\n"), "{moved}");
    for line in ["TITLE:Mill", "CATEGORIES:Work,Old", "NOTE:flour"] {
        assert!(moved.contains(line), "no {line} in {moved}");
    }
}

// spec: T41
#[test]
fn what_a_device_keeps_of_a_bookmark_is_still_one() {
    let whole = bookmark("TITLE:Old mill\r\nURL:http://a.example/\r\nCLASS:PRIVATE\r\n");
    let holdings = Holdings {
        properties: Some(vec![Holding {
            name: "TITLE".to_owned(),
            max_size: Some(3),
            ..Holding::default()
        }]),
        max_photo: None,
    };
    let fitted = fit(whole.as_bytes(), BOOKMARK, &holdings).unwrap();
    let left = bookmark("TITLE:Old\r\nURL:http://a.example/\r\n");
    assert_eq!(String::from_utf8(fitted.bytes).unwrap(), left);
    assert_eq!(fitted.lost.len(), 2);
    // no other format holds one
    let target = Target {
        format: Format::VNote,
        quoted_printable: true,
    };
    let failed = convert(whole.as_bytes(), BOOKMARK, target);
    assert!(matches!(failed, Err(ConvertError::NoConversion { .. })));
}

// spec: T42
#[test]
fn a_short_message_is_no_contact_and_stays_as_it_is() {
    let message = "BEGIN:VMSG\r\nVERSION:1.1\r\nX-IRMC-STATUS:READ\r\nX-IRMC-BOX:INBOX\r\n\
        X-MESSAGE-TYPE:SMS\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nN:Karl\r\nTEL:+491701234567\r\n\
        END:VCARD\r\nBEGIN:VENV\r\nBEGIN:VBODY\r\nDate:06.05.2024 09:15:00\r\nSee you at nine\r\n\
        END:VBODY\r\nEND:VENV\r\nEND:VMSG\r\n";
    for media_type in [MESSAGE, "text/x-vmsg", ""] {
        assert_eq!(kind_of(media_type, message.as_bytes()), Kind::Other);
        assert_eq!(Format::of(media_type, message.as_bytes()), None);
        let name = summary(message.as_bytes(), media_type);
        assert_eq!(name.as_deref(), Some("See you at nine"));
    }
    let holdings = Holdings {
        properties: Some(Vec::new()),
        max_photo: Some(0),
    };
    assert_eq!(fit(message.as_bytes(), MESSAGE, &holdings), None);
}

//! What each property becomes in the other versions.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::tests::{card, to};
use crate::component::{Components, Event};
use crate::media::Format;
use crate::media::Format::{VCard21 as V21, VCard30 as V30, VCard40 as V40};

/// The lines of a card in the target's version, and how many source lines are lost.
fn lines(source: &str, from: Format, format: Format) -> (String, usize) {
    let (text, lost) = to(&card(from.version(), source), from, format);
    let head = format!("BEGIN:VCARD\r\nVERSION:{}\r\n", format.version());
    let text = text.strip_prefix(&head).unwrap();
    let text = text.strip_suffix("END:VCARD\r\n").unwrap();
    (text.to_owned(), lost.len())
}

/// Each row holds the version and lines of the source, the target's version and lines, and how
/// many lines are lost.
fn check(rows: &[(Format, &str, Format, &str, usize)]) {
    for (from, source, to, expected, lost) in rows {
        let (text, count) = lines(source, *from, *to);
        assert_eq!(
            (text.as_str(), count),
            (*expected, *lost),
            "{source:?} to {to:?}"
        );
    }
}

// spec: T29
#[test]
fn places() {
    let new = "GEO:geo:60.17,24.94\r\n";
    check(&[
        (V30, "GEO:60.17;24.94\r\n", V21, "GEO:60.17;24.94\r\n", 0),
        (V30, "GEO:60.17;24.94\r\n", V40, new, 0),
        (V21, "GEO:24.94,60.17\r\n", V40, new, 0),
        (V21, "GEO:60.17;24.94\r\n", V40, new, 0),
        (V21, "GEO:37.4,-122.1\r\n", V30, "GEO:37.4;-122.1\r\n", 0),
        (
            V40,
            "GEO:geo:60.17,24.94;u=10\r\n",
            V30,
            "GEO:60.17;24.94\r\n",
            0,
        ),
        (V30, "GEO:here\r\n", V40, "GEO:here\r\n", 0),
    ]);
}

// spec: T28
#[test]
fn preferences() {
    check(&[
        (
            V40,
            "FN:a\r\nN:a\r\nTEL;PREF=2:1\r\nTEL;PREF=1:2\r\n",
            V30,
            "FN:a\r\nN:a\r\nTEL:1\r\nTEL;TYPE=PREF:2\r\n",
            1,
        ),
        (
            V40,
            "TEL;TYPE=cell;PREF=5:1\r\n",
            V21,
            "TEL;CELL;PREF:1\r\n",
            0,
        ),
        (
            V21,
            "TEL;CELL;PREF:1\r\nFN:a\r\n",
            V40,
            "TEL;TYPE=CELL;PREF=1:1\r\nFN:a\r\n",
            0,
        ),
    ]);
}

// spec: T21
#[test]
fn names_that_are_required() {
    check(&[
        (
            V21,
            "N:Berg;Ada;B.;Dr.;jr\r\n",
            V30,
            "FN:Dr. Ada B. Berg jr\r\nN:Berg;Ada;B.;Dr.;jr\r\n",
            0,
        ),
        (
            V21,
            "N:;;;;\r\nORG:Mill;Stones\r\n",
            V40,
            "FN:Mill\\, Stones\r\nN:;;;;\r\nORG:Mill;Stones\r\n",
            0,
        ),
        (
            V21,
            "EMAIL:a@b\r\nTEL:1\r\n",
            V40,
            "FN:a@b\r\nEMAIL:a@b\r\nTEL:1\r\n",
            0,
        ),
        (V21, "TEL:1\r\nFN:\r\n", V40, "TEL:1\r\nFN:1\r\n", 0),
        (V21, "NOTE:x\r\n", V40, "NOTE:x\r\n", 0),
        (
            V40,
            "FN:Ada B. C. Berg\r\n",
            V21,
            "N:Berg;Ada;B. C.;;\r\nFN:Ada B. C. Berg\r\n",
            0,
        ),
        (
            V40,
            "FN:Berg\\, Ada\r\n",
            V30,
            "N:Berg;Ada;;;\r\nFN:Berg\\, Ada\r\n",
            0,
        ),
        (
            V40,
            "FN:Ada\r\nN:;;;;\r\n",
            V21,
            "FN:Ada\r\nN:;Ada;;;\r\n",
            0,
        ),
    ]);
}

// spec: T25
#[test]
fn dates() {
    check(&[
        (V30, "BDAY:1984-05-06\r\n", V21, "BDAY:19840506\r\n", 0),
        (
            V30,
            "BDAY;VALUE=date:19840506\r\n",
            V40,
            "BDAY:19840506\r\n",
            0,
        ),
        (V21, "BDAY:19840506\r\n", V30, "BDAY:1984-05-06\r\n", 0),
        (
            V21,
            "BDAY:19840506T000000Z\r\n",
            V30,
            "BDAY:1984-05-06\r\n",
            0,
        ),
        (
            V30,
            "BDAY:1984-05-06T22:30:00Z\r\n",
            V21,
            "BDAY:19840506\r\n",
            1,
        ),
        (V21, "BDAY:0000-00-00\r\n", V30, "", 0),
        (V21, "BDAY:0000-05-06\r\n", V40, "BDAY:--0506\r\n", 0),
        (V40, "BDAY:--0506\r\nANNIVERSARY:2001\r\n", V21, "", 2),
        (V40, "BDAY;VALUE=text:circa 1800\r\n", V30, "", 1),
        (V21, "BDAY:in May\r\n", V40, "BDAY;VALUE=text:in May\r\n", 0),
        (
            V30,
            "X-EVOLUTION-ANNIVERSARY:2001-02-03\r\n",
            V40,
            "ANNIVERSARY:20010203\r\n",
            0,
        ),
        (
            V30,
            "X-KADDRESSBOOK-X-Anniversary:2001-02-03\r\n",
            V21,
            "X-ANNIVERSARY:20010203\r\n",
            0,
        ),
        (
            V40,
            "ANNIVERSARY:20010203\r\n",
            V30,
            "X-ANNIVERSARY:2001-02-03\r\n",
            0,
        ),
        (
            V30,
            "a.X-ABDATE:2001-02-03\r\na.X-ABLabel:_$!<Anniversary>!$_\r\n",
            V40,
            "ANNIVERSARY:20010203\r\n",
            0,
        ),
    ]);
}

// spec: T24
#[test]
fn pictures_say_what_they_are() {
    check(&[
        (
            V30,
            "PHOTO;ENCODING=b;TYPE=image/jpeg:AAAA\r\n",
            V21,
            "PHOTO;JPEG;ENCODING=BASE64:\r\n AAAA\r\n\r\n",
            0,
        ),
        (
            V21,
            "PHOTO;BASE64:\r\n iVBORw==\r\n\r\n",
            V30,
            "PHOTO;TYPE=PNG;ENCODING=b:iVBORw==\r\n",
            0,
        ),
        (
            V21,
            "PHOTO;BASE64:\r\n iVBORw==\r\n\r\n",
            V40,
            "PHOTO:data:image/png;base64,iVBORw==\r\n",
            0,
        ),
        (
            V30,
            "PHOTO;ENCODING=b:AAAA\r\n",
            V21,
            "PHOTO;ENCODING=BASE64:\r\n AAAA\r\n\r\n",
            0,
        ),
    ]);
}

// spec: T26
#[test]
fn addresses_and_their_text() {
    check(&[
        (
            V30,
            "LABEL;TYPE=HOME:Mill \"A\"\\nTown\r\nADR;TYPE=HOME,PREF:;;Mill;Town;;;\r\n\
             LABEL;TYPE=WORK:x\r\n",
            V40,
            "ADR;TYPE=HOME;PREF=1;LABEL=Mill ^'A^'^nTown:;;Mill;Town;;;\r\n\
             ADR;TYPE=WORK;LABEL=x:;;;;;;\r\n",
            0,
        ),
        (
            V40,
            "ADR;TYPE=HOME;LABEL=\"Mill, 1\\nTown\":;;Mill;Town;;;\r\nADR;LABEL=x^ny:;;;;;;\r\n",
            V21,
            "ADR;HOME:;;Mill;Town;;;\r\n\
             LABEL;HOME;ENCODING=QUOTED-PRINTABLE:Mill,=201=0D=0ATown\r\n\
             LABEL;ENCODING=QUOTED-PRINTABLE:x=0D=0Ay\r\n",
            0,
        ),
    ]);
}

// spec: T22
#[test]
fn names_to_sort_by() {
    check(&[
        (
            V30,
            "FN:a\r\nSORT-STRING:Berg\r\nN:von Berg;A;;;\r\n",
            V40,
            "FN:a\r\nN;SORT-AS=Berg:von Berg;A;;;\r\n",
            0,
        ),
        (
            V40,
            "FN:a\r\nN;SORT-AS=\"Berg,A\":von Berg;A;;;\r\n",
            V30,
            "FN:a\r\nN:von Berg;A;;;\r\nSORT-STRING:Berg\\,A\r\n",
            0,
        ),
        (
            V40,
            "FN:a\r\nN;SORT-AS=Berg:von Berg;A;;;\r\n",
            V21,
            "FN:a\r\nN:von Berg;A;;;\r\n",
            1,
        ),
        (V30, "FN:a\r\nSORT-STRING:b\r\n", V40, "FN:a\r\n", 1),
    ]);
}

// spec: T32
#[test]
fn people_by_their_part() {
    check(&[
        (
            V30,
            "X-EVOLUTION-SPOUSE:Ada\\, B.\r\n",
            V40,
            "RELATED;TYPE=SPOUSE;VALUE=text:Ada\\, B.\r\n",
            0,
        ),
        (
            V21,
            "X-KADDRESSBOOK-X-ManagersName:Ada\r\n",
            V40,
            "RELATED;TYPE=MANAGER;VALUE=text:Ada\r\n",
            0,
        ),
        (
            V40,
            "RELATED;TYPE=assistant;VALUE=text:Ada\r\n",
            V30,
            "X-ASSISTANT:Ada\r\n",
            0,
        ),
        (
            V40,
            "RELATED;TYPE=spouse:urn:uuid:1\r\nRELATED;TYPE=friend;VALUE=text:Ada\r\n",
            V30,
            "",
            2,
        ),
        (
            V30,
            "a.X-ABRELATEDNAMES;TYPE=pref:Ada\r\na.X-ABLABEL:_$!<Spouse>!$_\r\n",
            V21,
            "X-SPOUSE:Ada\r\n",
            0,
        ),
    ]);
    // whoever wrote it, it is told by the first of its names
    for (names, kind) in [
        (
            [
                "X-SPOUSE",
                "X-EVOLUTION-SPOUSE",
                "X-KADDRESSBOOK-X-SpousesName",
            ]
            .as_slice(),
            "SPOUSE",
        ),
        (
            &[
                "X-MANAGER",
                "X-EVOLUTION-MANAGER",
                "X-KADDRESSBOOK-X-ManagersName",
            ],
            "MANAGER",
        ),
        (
            &[
                "X-ASSISTANT",
                "X-EVOLUTION-ASSISTANT",
                "X-KADDRESSBOOK-X-AssistantsName",
            ],
            "ASSISTANT",
        ),
        (&["X-CHILDREN"], "CHILD"),
    ] {
        let new = format!("RELATED;TYPE={kind};VALUE=text:Ada\r\n");
        for name in names {
            check(&[(V30, &format!("{name}:Ada\r\n"), V40, &new, 0)]);
        }
        check(&[(V40, &new, V21, &format!("{}:Ada\r\n", names[0]), 0)]);
    }
}

// spec: T33
#[test]
fn words_that_have_another_name() {
    for (old, new) in [
        ("MAILER:m", "X-MAILER:m"),
        ("X-GENDER:Male", "GENDER:M"),
        ("X-GENDER:Female", "GENDER:F"),
    ] {
        let (old, new) = (format!("{old}\r\n"), format!("{new}\r\n"));
        for version in [V21, V30] {
            check(&[(version, &old, V40, &new, 0), (V40, &new, version, &old, 0)]);
        }
    }
    check(&[
        (V30, "X-EVOLUTION-GENDER:Female\r\n", V40, "GENDER:F\r\n", 0),
        (V40, "GENDER:O;other\r\n", V21, "X-GENDER:O;other\r\n", 0),
    ]);
}

// spec: T07
#[test]
fn every_newline_of_a_note_is_one() {
    for newline in ["=0D=0A", "=0A", "=0D", "=0A=0D=\r\n"] {
        let old = format!("NOTE;ENCODING=QUOTED-PRINTABLE:a{newline}b\r\n");
        check(&[
            (V21, &old, V30, "NOTE:a\\nb\r\n", 0),
            (V21, &old, V40, "NOTE:a\\nb\r\n", 0),
        ]);
    }
    // several notes stay several
    let notes = "NOTE:a\r\nNOTE:b\r\n";
    check(&[(V30, notes, V21, notes, 0), (V21, notes, V30, notes, 0)]);
}

// spec: T36
#[test]
fn what_a_parameter_says_of_a_value() {
    check(&[
        (
            V21,
            "NOTE;LANGUAGE=de;VALUE=INLINE:a\r\n",
            V30,
            "NOTE;LANGUAGE=de:a\r\n",
            0,
        ),
        (
            V30,
            "NOTE;LANGUAGE=de:a\r\n",
            V21,
            "NOTE;LANGUAGE=de:a\r\n",
            0,
        ),
        (
            V21,
            "PHOTO;VALUE=INLINE;JPEG;BASE64:\r\n /9j/\r\n\r\n",
            V30,
            "PHOTO;TYPE=JPEG;ENCODING=b:/9j/\r\n",
            0,
        ),
        // quoted only where it has to be
        (
            V30,
            "LABEL:a\\, b\r\n",
            V40,
            "ADR;LABEL=\"a, b\":;;;;;;\r\n",
            0,
        ),
        (
            V30,
            "FN:x\r\nTEL;X-A=\"b\";X-B=\"c:d\":1\r\n",
            V40,
            "FN:x\r\nTEL;X-A=b;X-B=\"c:d\":1\r\n",
            0,
        ),
        (V40, "TZ;VALUE=utc-offset:-0500\r\n", V21, "TZ:-0500\r\n", 1),
    ]);
}

/// What each kind of number is to a phone, which is told again as it was.
// spec: T27
#[test]
fn numbers_have_the_types_of_their_kind() {
    for (new, old) in [
        ("CELL", ";CELL"),
        ("CELL;TYPE=VOICE", ";CELL;VOICE"),
        ("CELL;TYPE=HOME", ";CELL;HOME"),
        ("HOME;TYPE=VOICE", ";HOME;VOICE"),
        ("WORK;TYPE=VOICE", ";WORK;VOICE"),
        ("HOME;TYPE=FAX", ";HOME;FAX"),
        ("WORK;TYPE=FAX", ";WORK;FAX"),
        ("FAX", ";FAX"),
        ("PAGER", ";PAGER"),
        ("CAR;TYPE=VOICE", ";CAR;VOICE"),
        ("VIDEO;TYPE=HOME", ";VIDEO;HOME"),
        ("VOICE", ";VOICE"),
    ] {
        let [new, old] = [format!("TYPE={new}"), old.replacen(';', "", 1)]
            .map(|kinds| format!("N:x\r\nFN:x\r\nTEL;{kinds}:1\r\n"));
        check(&[(V30, &new, V21, &old, 0), (V21, &old, V30, &new, 0)]);
    }
    // a place alone is one to speak to
    check(&[
        (
            V30,
            "TEL;TYPE=home,pref:1\r\n",
            V21,
            "TEL;HOME;VOICE;PREF:1\r\n",
            0,
        ),
        (
            V30,
            "TEL;TYPE=home,work:1\r\n",
            V21,
            "TEL;HOME;WORK;VOICE:1\r\n",
            0,
        ),
        (V30, "TEL:1\r\n", V21, "TEL:1\r\n", 0),
    ]);
}

// spec: T15
#[test]
fn what_follows_a_card_is_none_of_it() {
    let first = card("2.1", "N:a\r\nFN:a\r\n");
    let expected = card("3.0", "N:a\r\nFN:a\r\n");
    let (text, lost) = to(&format!("{first}\0\0junk\0"), V21, V30);
    assert_eq!((text, lost.len()), (expected.clone(), 1));
    let second = card("2.1", "N:b\r\nFN:b\r\n");
    let (text, lost) = to(&format!("{first}{second}"), V21, V30);
    assert_eq!((text, lost.len()), (expected, 5));
}

// spec: T30
#[test]
fn agents() {
    let names = "FN:x\r\nN:x\r\n";
    let nested = format!(
        "{names}AGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada\r\nFN:Ada; B\r\nEND:VCARD\r\n\
         TEL:1\r\n"
    );
    let escaped = format!(
        "{names}AGENT:BEGIN:VCARD\\nVERSION:3.0\\nN:Berg\\;Ada\\nFN:Ada\\\\\\; B\\nEND:VCARD\\n\r\n\
         TEL:1\r\n"
    );
    let deep = format!(
        "{names}AGENT:\r\nBEGIN:VCARD\r\nN:a\r\nFN:a\r\nAGENT:\r\nBEGIN:VCARD\r\nEND:VCARD\r\n\
         END:VCARD\r\n"
    );
    let made = format!(
        "{names}AGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada;;;\r\nFN:Ada Berg\r\n\
         END:VCARD\r\n"
    );
    check(&[
        (V21, &nested, V30, &escaped, 0),
        (V30, &escaped, V21, &nested, 0),
        (
            V21,
            &nested,
            V40,
            "FN:x\r\nN:x\r\nRELATED;TYPE=AGENT;VALUE=text:Ada\\; B\r\nTEL:1\r\n",
            6,
        ),
        (
            V21,
            "FN:x\r\nAGENT:BEGIN:VCARD\r\nUID:urn:uuid:1\r\nEND:VCARD\r\n",
            V40,
            "FN:x\r\nRELATED;TYPE=AGENT:urn:uuid:1\r\n",
            3,
        ),
        (
            V30,
            "N:x\r\nFN:x\r\nAGENT;VALUE=uri:urn:uuid:1\r\n",
            V21,
            "N:x\r\nFN:x\r\nAGENT;VALUE=URL:urn:uuid:1\r\n",
            0,
        ),
        (
            V40,
            "FN:x\r\nN:x\r\nRELATED;TYPE=agent;VALUE=text:Ada Berg\r\n",
            V21,
            &made,
            0,
        ),
        // an agent's agent goes: the escapes of escapes double
        (
            V21,
            &deep,
            V30,
            "FN:x\r\nN:x\r\nAGENT:BEGIN:VCARD\\nVERSION:3.0\\nN:a\\nFN:a\\nEND:VCARD\\n\r\n",
            8,
        ),
    ]);
}

// spec: T27
#[test]
fn numbers_and_addresses_for_phones() {
    check(&[
        (
            V30,
            "EMAIL:a@b\r\nEMAIL;TYPE=X400:c\r\n",
            V21,
            "EMAIL;INTERNET:a@b\r\nEMAIL;X400:c\r\n",
            0,
        ),
        (
            V21,
            "FN:a\r\nEMAIL;INTERNET;HOME:a@b\r\n",
            V40,
            "FN:a\r\nEMAIL;TYPE=HOME:a@b\r\n",
            0,
        ),
        (
            V30,
            "TEL;TYPE=WORK:1\r\nTEL;TYPE=PREF:2\r\nTEL;TYPE=HOME,FAX:3\r\nTEL;TYPE=CELL:4\r\n",
            V21,
            "TEL;WORK;VOICE:1\r\nTEL;PREF:2\r\nTEL;HOME;FAX:3\r\nTEL;CELL:4\r\n",
            0,
        ),
    ]);
}

// spec: T31
#[test]
fn messengers() {
    for (old, new) in [
        ("X-ICQ:1\r\n", "IMPP;X-SERVICE-TYPE=ICQ:aim:1\r\n"),
        ("X-AIM:1\r\n", "IMPP:aim:1\r\n"),
        (
            "X-GADUGADU:1\r\n",
            "IMPP;X-SERVICE-TYPE=GaduGadu:x-apple:1\r\n",
        ),
        (
            "X-GROUPWISE:1\r\n",
            "IMPP;X-SERVICE-TYPE=GroupWise:x-apple:1\r\n",
        ),
        ("X-SKYPE:1\r\n", "IMPP:skype:1\r\n"),
        ("X-JABBER:1\r\n", "IMPP:xmpp:1\r\n"),
        ("X-MSN:1\r\n", "IMPP:msnim:1\r\n"),
        ("X-YAHOO:1\r\n", "IMPP:ymsgr:1\r\n"),
        ("X-SIP:1\r\n", "IMPP:sip:1\r\n"),
    ] {
        check(&[
            (V21, old, V40, new, 0),
            (V40, new, V21, old, 0),
            (V30, new, V21, old, 0),
        ]);
    }
    check(&[
        (
            V40,
            "IMPP;X-SERVICE-TYPE=Jabber:xmpp:1\r\nIMPP:irc:1\r\n",
            V21,
            "X-JABBER:1\r\n",
            1,
        ),
        (V40, "IMPP:irc:1\r\n", V30, "IMPP:irc:1\r\n", 0),
    ]);
}

// spec: T20
#[test]
fn names_have_as_many_parts_as_a_device_sends() {
    check(&[
        (V21, "N:Berg\r\n", V30, "FN:Berg\r\nN:Berg\r\n", 0),
        (
            V21,
            "N:Berg;Ada\r\n",
            V40,
            "FN:Ada Berg\r\nN:Berg;Ada\r\n",
            0,
        ),
        (
            V30,
            "FN:a\r\nN:Berg;Ada;Maria,Eva;Dr.,Prof.;\r\n",
            V21,
            "FN:a\r\nN:Berg;Ada;Maria Eva;Dr. Prof.;\r\n",
            1,
        ),
        (
            V40,
            "FN:a\r\nFN:b\r\nN:Berg;Ada\r\nNICKNAME:x,y\r\n",
            V30,
            "FN:a\r\nFN:b\r\nN:Berg;Ada\r\nNICKNAME:x,y\r\n",
            0,
        ),
        (
            V21,
            "N:x\r\nFN:x\r\nNICKNAME:Addie,A\r\n",
            V30,
            "N:x\r\nFN:x\r\nNICKNAME:Addie,A\r\n",
            0,
        ),
    ]);
}

/// Properties that are spelled alike in all versions, or in none of them: they are kept.
// spec: T34
#[test]
fn what_has_one_form_goes_over_as_it_is() {
    for line in [
        "TITLE:Miller\\; chief",
        "ROLE:Flour",
        "URL;TYPE=HOME:http://a.example/?b=c;d",
        "UID:1",
        "REV:20240506T070000Z",
        "TZ:-05:00",
        "TZ:-0500",
        "X-EPOCSECONDNAME:Addie",
        "X-NICKNAME:Addie",
        "X-MOT-NICKNAME:Addie",
        "X-CLASS:public",
        "X-WV-ID:1",
        "X-EVOLUTION-FILE-AS:Berg\\, Ada",
        "X-EVOLUTION-BLOG-URL:http://a.example/",
        "X-EVOLUTION-VIDEO-URL:http://a.example/",
        "X-MOZILLA-HTML:FALSE",
        "FBURL:http://a.example/",
        "CALURI:http://a.example/",
        "CATEGORIES:X-Work,X-65536",
        "TEL;TYPE=VIDEO:1",
        "TEL;TYPE=CAR;TYPE=VOICE:1",
        "TEL;TYPE=PAGER:1",
        "TEL;TYPE=HOME;TYPE=FAX:1",
        "TEL;TYPE=WORK;TYPE=FAX:1",
        "TEL:1",
        "ADR:;;Mill;Town;;1;Land",
        "ORG:Mill;Flour;Night",
        "X-PHONETIC-LAST-NAME:b",
        "NOTE:a\tb",
        "LOGO;TYPE=PNG;ENCODING=b:iVBORw==",
        "SOUND;TYPE=WAVE;ENCODING=b:UklGRgAAAABXQVZF",
        "KEY;TYPE=X509;ENCODING=b:AAAA",
        "KEY;TYPE=PGP;ENCODING=b:AAAA",
    ] {
        let source = format!("N:x\r\nFN:x\r\n{line}\r\n");
        for middle in [V21, V40] {
            let (there, lost) = lines(&source, V30, middle);
            assert_eq!(lost, 0, "{line} in {there}");
            let (back, lost) = lines(&there, middle, V30);
            assert_eq!((back.as_str(), lost), (source.as_str(), 0), "{there}");
        }
    }
}

// spec: T35
#[test]
fn what_a_version_has_no_place_for_is_lost() {
    check(&[
        (
            V30,
            "N:x\r\nFN:x\r\nCLASS:PRIVATE\r\n",
            V21,
            "N:x\r\nFN:x\r\n",
            1,
        ),
        (
            V30,
            "N:x\r\nFN:x\r\nNAME:n\r\nPROFILE:VCARD\r\nSOURCE:http://a.example/\r\n",
            V40,
            "N:x\r\nFN:x\r\nSOURCE:http://a.example/\r\n",
            2,
        ),
        (
            V40,
            "N:x\r\nFN:x\r\nLANG:de\r\nXML:<a/>\r\n",
            V30,
            "N:x\r\nFN:x\r\n",
            2,
        ),
        (
            V30,
            "N:x\r\nFN:x\r\nitem1.TEL:1\r\nitem1.X-ABLabel:Mill\r\n",
            V21,
            "N:x\r\nFN:x\r\nTEL:1\r\n",
            2,
        ),
        (
            V40,
            "N:x\r\nFN:x\r\nKIND:group\r\nMEMBER:urn:uuid:1\r\n",
            V30,
            "N:x\r\nFN:x\r\nX-ADDRESSBOOKSERVER-KIND:group\r\n\
             X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1\r\n",
            0,
        ),
    ]);
}

// spec: T24
#[test]
fn pictures_elsewhere_keep_their_address() {
    check(&[
        (
            V30,
            "N:x\r\nFN:x\r\nPHOTO;VALUE=uri:http://a.example/b.jpg\r\n",
            V21,
            "N:x\r\nFN:x\r\nPHOTO;VALUE=URL:http://a.example/b.jpg\r\n",
            0,
        ),
        (
            V21,
            "N:x\r\nFN:x\r\nPHOTO;VALUE=URL:http://a.example/b.jpg\r\n",
            V40,
            "N:x\r\nFN:x\r\nPHOTO:http://a.example/b.jpg\r\n",
            0,
        ),
        (
            V21,
            "N:x\r\nFN:x\r\nSOUND;WAVE;BASE64:\r\n AAAA\r\n\r\n",
            V40,
            "N:x\r\nFN:x\r\nSOUND:data:audio/wave;base64,AAAA\r\n",
            0,
        ),
    ]);
}

// spec: T27
#[test]
fn a_number_may_be_an_address_of_a_telephone() {
    check(&[
        (
            V40,
            "N:x\r\nFN:x\r\nTEL;VALUE=uri;TYPE=\"home,voice\":tel:+49-30-1\r\n",
            V21,
            "N:x\r\nFN:x\r\nTEL;HOME;VOICE:+49-30-1\r\n",
            0,
        ),
        (
            V40,
            "N:x\r\nFN:x\r\nTEL;VALUE=uri;TYPE=cell;PREF=1:tel:+49-30-1\r\n",
            V30,
            "N:x\r\nFN:x\r\nTEL;TYPE=CELL;TYPE=PREF:+49-30-1\r\n",
            0,
        ),
    ]);
}

/// Japanese phones say in a sound how a name is read.
// spec: T23
#[test]
fn the_reading_of_a_name_is_that_everywhere() {
    let phonetic = "N:x\r\nFN:x\r\nX-PHONETIC-LAST-NAME:yomi\r\nX-PHONETIC-FIRST-NAME:mei\r\n";
    let reading = "N:x\r\nFN:x\r\nSOUND;X-IRMC-N:yomi;mei\r\n";
    for new in [V30, V40] {
        check(&[
            (V21, reading, new, phonetic, 0),
            (new, phonetic, V21, reading, 0),
        ]);
    }
    check(&[
        (
            V21,
            "N:x\r\nFN:x\r\nSOUND;X-IRMC-N;CHARSET=UTF-8:よみ;;;;\r\n",
            V30,
            "N:x\r\nFN:x\r\nX-PHONETIC-LAST-NAME:よみ\r\n",
            0,
        ),
        (
            V30,
            "N:x\r\nFN:x\r\nX-PHONETIC-FIRST-NAME:mei\r\n",
            V21,
            "N:x\r\nFN:x\r\nSOUND;X-IRMC-N:;mei\r\n",
            0,
        ),
        (
            V21,
            "N:x\r\nFN:x\r\nSOUND;X-IRMC-N:;\r\n",
            V30,
            "N:x\r\nFN:x\r\n",
            0,
        ),
        // a middle name has no place
        (
            V21,
            "N:x\r\nFN:x\r\nSOUND;X-IRMC-N:yomi;mei;naka\r\n",
            V30,
            phonetic,
            1,
        ),
    ]);
}

fn properties_of_both() -> impl Strategy<Value = String> {
    prop::sample::subsequence(
        vec![
            "TEL;TYPE=CELL:+1 (2)\r\n",
            "TEL;TYPE=HOME;TYPE=VOICE:1\r\n",
            "TEL;TYPE=WORK;TYPE=FAX;TYPE=PREF:2\r\n",
            "EMAIL;TYPE=INTERNET:a@example.org\r\n",
            "ADR;TYPE=HOME:;;Mill;Town;;1;\r\n",
            "ORG:Mill\\; Co;Unit\r\n",
            "LABEL;TYPE=HOME:Mill\\nTown\r\n",
            "BDAY:1984-05-06\r\n",
            "X-ANNIVERSARY:2001-02-03\r\n",
            "GEO:60.17;24.94\r\n",
            "TZ:-05:00\r\n",
            "NOTE:\u{e9}\\, \\\\ b\\nc\r\n",
            "CATEGORIES:a,b\r\n",
            "URL:http://a/?b=c;d\r\n",
            "PHOTO;TYPE=JPEG;ENCODING=b:/9j/\r\n",
            "X-ICQ:1\r\n",
            "X-SPOUSE:Ada\r\n",
            "MAILER:m\r\n",
            "UID:1\r\n",
            "AGENT:BEGIN:VCARD\\nVERSION:3.0\\nN:a\\nFN:a\\nEND:VCARD\\n\r\n",
            "X-A:d\r\n",
            "X-GENDER:Male\r\n",
        ],
        0..22,
    )
    .prop_shuffle()
    .prop_map(|lines| lines.concat())
}

/// Lines as they come, with cards in cards.
fn pieces() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "BEGIN:VCARD\n",
        "END:VCARD\n",
        "VERSION:3.0\n",
        "AGENT:\n",
        "AGENT:BEGIN:VCARD\n",
        "AGENT:BEGIN:VCARD\\nAGENT:BEGIN:VCARD\\\\nFN:a\n",
        "RELATED;TYPE=agent;VALUE=text:a\n",
        "a.X-ABDATE:20010203\n",
        "a.X-ABLabel:Anniversary\n",
        "ADR;LABEL=\"a^nb\":x\n",
        "LABEL;X-A=b:y\n",
        "N;SORT-AS=a:b;c\n",
        "SORT-STRING:d\n",
        "BDAY:--05é\n",
        "BDAY:0000é0506\n",
        "GEO:a,b\n",
        "GEO:geo:\n",
        "IMPP:a\n",
        "TEL;PREF=x:tel:\n",
        "PHOTO;TYPE=a/b;ENCODING=b:Qk0=\n",
        "PHOTO:data:image/\"\n;base64,Qk0=\n",
        "junk\n",
    ]);
    prop::collection::vec(line, 0..30).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn what_is_written_is_one_card(content in pieces()) {
        for from in [V21, V30, V40] {
            for version in [V21, V30, V40] {
                let (text, _) = to(&content, from, version);
                let mut depth = 0_usize;
                let mut cards = 0;
                for event in Components::new(text.as_bytes()) {
                    match event {
                        Event::Begin { .. } => depth += 1,
                        Event::End { line, .. } => {
                            prop_assert!(line.is_some(), "{text}");
                            depth -= 1;
                            cards += usize::from(depth == 0);
                        }
                        Event::Property(_) => prop_assert!(depth > 0, "{text}"),
                    }
                }
                prop_assert_eq!((depth, cards), (0, 1), "{}", text);
            }
        }
    }

    // spec: T34
    #[test]
    fn what_both_versions_have_survives(lines in properties_of_both()) {
        let source = card("3.0", &format!("N:Berg;Ada;;;\r\nFN:Ada\r\n{lines}"));
        let (text, lost) = to(&source, V30, V21);
        prop_assert!(lost.is_empty(), "{lost:?}");
        let (back, lost) = to(&text, V21, V30);
        prop_assert!(lost.is_empty(), "{lost:?}");
        prop_assert_eq!(back, source);
    }
}

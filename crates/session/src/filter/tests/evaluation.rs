//! What each operator, keyword and property asks for.

use super::*;

/// Checks the answers to queries about one record.
fn answers(media_type: &str, content: &str, table: &[(&str, bool)]) {
    for (text, expected) in table {
        let query = Query::parse(text).unwrap();
        query.check(media_type).unwrap();
        let found = query.matches(&record(media_type, content));
        assert_eq!(found, *expected, "{text}\n{content}");
    }
}

// spec: L12
#[test]
fn every_operator_compares_text() {
    answers(
        "text/vcard",
        CARD,
        &[
            ("FN&EQ;Aino Laine", true),
            ("FN&EQ;aino laine", false),
            ("FN&iEQ;aino laine", true),
            ("FN&NE;Aino Laine", false),
            ("FN&NE;aino laine", true),
            ("FN&iNE;aino laine", false),
            ("FN&GT;Aino", true),
            ("FN&GT;Aino Laine", false),
            ("FN&GT;aino", false),
            ("FN&iGT;aino", true),
            ("FN&GE;Aino Laine", true),
            ("FN&GE;B", false),
            ("FN&iGE;AINO LAINE", true),
            ("FN&LT;B", true),
            ("FN&LT;Aino Laine", false),
            ("FN&iLT;AINO LAINE", false),
            ("FN&LE;Aino Laine", true),
            ("FN&LE;Aino", false),
            ("FN&iLE;aino laine", true),
            ("FN&CON;no La", true),
            ("FN&CON;NO", false),
            ("FN&iCON;NO", true),
            ("FN&NCON;no La", false),
            ("FN&NCON;NO", true),
            ("FN&iNCON;NO", false),
            ("fn&eq;Aino Laine", true),
            ("FN&ieq;AINO LAINE", true),
        ],
    );
}

// spec: L12
#[test]
fn absent_and_empty_are_null() {
    answers(
        "text/vcard",
        CARD,
        &[
            ("TITLE&EQ;&NULL;", true),
            ("NICKNAME&EQ;&NULL;", true),
            ("FN&EQ;&NULL;", false),
            ("FN&NE;&null;", true),
            ("TITLE&NE;&NULL;", false),
            ("TITLE&EQ;", true),
            ("TITLE&EQ;x", false),
            ("TITLE&NE;x", true),
            ("TITLE&LT;x", false),
            ("TITLE&NCON;x", true),
        ],
    );
}

// spec: L12
#[test]
fn identifiers_are_the_clients() {
    answers(
        "text/vcard",
        CARD,
        &[
            ("&LUID;&EQ;17", true),
            ("&LUID;&EQ;18", false),
            ("&LUID;&NE;18", true),
            ("&luid;&EQ;18&OR;&LUID;&EQ;17", true),
            ("&LUID;&EQ;&NULL;", false),
        ],
    );
    let unmapped = Record {
        luid: None,
        ..record("text/vcard", CARD)
    };
    assert!(!Query::parse("&LUID;&EQ;17").unwrap().matches(&unmapped));
}

#[test]
fn properties_have_occurrences_types_and_components() {
    answers(
        "text/vcard",
        CARD,
        &[
            ("TEL&EQ;222", true),
            ("TEL&NE;222", false),
            ("TEL[1]&EQ;222", false),
            ("TEL[2]&EQ;222", true),
            ("TEL[3]&EQ;&NULL;", true),
            ("TEL.CELL&EQ;222", true),
            ("TEL.HOME&EQ;222", false),
            ("TEL[1].CELL&EQ;&NULL;", true),
            ("N&EQ;Laine", true),
            ("N.1&EQ;Laine", true),
            ("N.2&EQ;Laine", false),
            ("N.9&EQ;&NULL;", true),
            ("ORG&EQ;Koivu, Oy", true),
            ("ORG.1&EQ;Koivu, Oy", true),
            ("ORG.2&iEQ;sales", true),
            ("CATEGORIES&EQ;Work", true),
            ("CATEGORIES.1.2&EQ;Work", true),
            ("X-N&EQ;7", true),
        ],
    );
}

// spec: L14
#[test]
fn values_have_escapes() {
    answers(
        "text/vcard",
        CARD,
        &[
            ("NOTE&EQ;50%25 of a %26 b (c)", true),
            ("NOTE&CON;a %26 b", true),
            ("(NOTE&CON;b (c)&AND;FN&CON;A)", true),
            ("GROUP&EQ;Sailing%20club", true),
            ("GROUP&EQ;Sailing", false),
            ("GROUP&iCON;sail", true),
            ("GROUP&NE;Work", false),
        ],
    );
    let text = |query: &str| match Query::parse(query).unwrap() {
        Query::Clause(clause) => clause.value,
        other => panic!("{other:?}"),
    };
    assert_eq!(text("N&EQ;%C3%A4"), Value::Text("\u{e4}".to_owned()));
    assert_eq!(text("N&EQ;%E4"), Value::Text("\u{e4}".to_owned()));
    assert_eq!(text("N&EQ;%26NULL;"), Value::Text("&NULL;".to_owned()));
}

// spec: L13
#[test]
fn and_binds_tighter_than_or() {
    for bits in 0..8_u32 {
        let holds = [bits & 1 > 0, bits & 2 > 0, bits & 4 > 0];
        let clause = |holds| if holds { "FN&CON;A" } else { "FN&CON;?" };
        let [a, b, c] = holds;
        let [first, second, third] = holds.map(clause);
        answers(
            "text/vcard",
            CARD,
            &[
                (&format!("{first}&AND;{second}"), a && b),
                (&format!("{first}&or;{second}"), a || b),
                (&format!("{first}&OR;{second}&AND;{third}"), a || b && c),
                (&format!("{first}&AND;{second}&OR;{third}"), a && b || c),
                (
                    &format!("({first}&OR;{second}) &AND; {third}"),
                    (a || b) && c,
                ),
                (
                    &format!("{first}&AND;({second}&OR;({third}))"),
                    a && (b || c),
                ),
            ],
        );
    }
}

#[test]
fn dates_and_numbers_compare_by_value() {
    answers(
        "text/vcard",
        CARD,
        &[
            ("BDAY&EQ;1980-02-15", true),
            ("BDAY&LT;19800216", true),
            ("BDAY&LT;19800215", false),
            ("BDAY&GE;19800215", true),
            ("BDAY&NE;19800215", false),
            ("BDAY&CON;0215", true),
            ("REV&GE;20100101T120000Z", true),
            ("REV&GT;20100101T120000Z", false),
            ("REV&LE;2010-01-01T12:00:00Z", true),
            // the whole day, wherever it is
            ("REV&EQ;20100101", true),
            ("REV&EQ;20100103", false),
        ],
    );
    let task = event("PRIORITY:9").replace("VEVENT", "VTODO");
    answers(
        "text/calendar",
        &task,
        &[
            ("PRIORITY&LT;10", true),
            ("PRIORITY&GT;10", false),
            ("PRIORITY&EQ;9.0", true),
            ("SUMMARY&EQ;Choir", true),
        ],
    );
    let doubtful = event("PRIORITY:high\r\nDTEND:soon");
    answers(
        "text/calendar",
        &doubtful,
        &[("PRIORITY&LT;3", true), ("DTEND&LT;20100101", true)],
    );
}

// spec: L01
#[test]
fn since_and_before_are_about_the_time_of_an_event() {
    let january = event("DTSTART:20100131T230000Z\r\nDTEND:20100201T010000Z");
    answers(
        "text/calendar",
        &january,
        &[
            ("SINCE&EQ;20100131T230000Z", true),
            ("SINCE&EQ;20100201T005959Z", true),
            ("SINCE&EQ;20100201T010000Z", false),
            ("BEFORE&EQ;20100131T230000Z", false),
            ("BEFORE&EQ;20100131T230001Z", true),
            ("&SINCE;&EQ;20100201T005959Z", true),
            ("&since;&EQ;20100201T010000Z", false),
            ("&BEFORE;&EQ;20100131T230000Z", false),
            ("&BEFORE;&EQ;20100131T230001Z", true),
            (
                "SINCE&EQ;20100201T000000Z&AND;BEFORE&EQ;20100301T000000Z",
                true,
            ),
            (
                "since&EQ;20100301T000000Z&AND;before&EQ;20100401T000000Z",
                false,
            ),
            (
                "DTSTART&GE;20100101T000000Z&AND;DTSTART&LT;20100201T000000Z",
                true,
            ),
        ],
    );
    let series = event("DTSTART:20100101T090000Z\r\nRRULE:FREQ=WEEKLY");
    answers(
        "text/calendar",
        &series,
        &[
            ("SINCE&EQ;20200101T000000Z", true),
            ("BEFORE&EQ;20100101T000000Z", false),
        ],
    );
    answers("text/calendar", &event(""), &[("SINCE&EQ;20200101", true)]);
}

#[test]
fn since_and_before_are_about_the_last_change_of_other_records() {
    answers(
        "text/vcard",
        CARD,
        &[
            ("SINCE&EQ;20100601T000000Z", true),
            ("SINCE&EQ;20100601T000001Z", false),
            ("BEFORE&EQ;20100601T000000Z", false),
            ("BEFORE&EQ;20100601T000001Z", true),
        ],
    );
}

#[test]
fn plain_text_is_a_body_and_mail_has_flags() {
    answers(
        "text/plain",
        "Milk\nEggs",
        &[("BODY&CON;Eggs", true), ("BODY&CON;Tea", false)],
    );
    let mail = "<Email><read>false</read><received>20100101T000000Z</received>\
                <emailitem><![CDATA[x]]></emailitem></Email>";
    answers(
        "application/vnd.omads-email+xml",
        mail,
        &[
            ("UNSEEN&EQ;TRUE", true),
            ("UNSEEN&EQ;0", false),
            ("UNSEEN&NE;1", false),
            ("received&GE;20091231T000000Z", true),
            ("received&LT;20091231T000000Z", false),
        ],
    );
}

//! Filters of messages and addresses, and what is refused of them.

use super::*;
use crate::store::DatastoreKind as Store;

fn typed(media_type: &str) -> Meta<'static> {
    Meta {
        media_type: Some(media_type.to_owned().into()),
        ..Meta::default()
    }
}

fn item(media_type: &str, data: &str) -> Item<'static> {
    Item {
        meta: Some(typed(media_type)),
        data: Some(Data::text(data.to_owned())),
        ..Item::default()
    }
}

fn wanted(query: &str) -> syncml::Filter<'static> {
    syncml::Filter {
        meta: Some(typed("text/x-vcard")),
        field: None,
        record: Some(item(GRAMMAR, query)),
        filter_type: None,
    }
}

const FIELD: &str = "<Property><PropName>FN</PropName></Property>\
                     <Property><PropName>NOTE</PropName><MaxSize>4</MaxSize></Property>";

#[test]
fn bad_queries_are_told_apart() {
    let syntax = [
        "",
        "N",
        "N&EQ",
        "&EQ;a",
        "N&XX;a",
        "N&EQ;a&AND;",
        "N&EQ;Laine&AND;&AND;",
        "N&EQ;a&b",
        "(N&EQ;a",
        "N[0]&EQ;a",
        "N[x]&EQ;a",
        "N.&EQ;a",
        "N&EQ;%4",
        "N&EQ;%zz",
        "N&GT;&NULL;",
        "&LUID;&GT;1",
        "SINCE&EQ;soon",
        "UNSEEN&EQ;maybe",
        "&LUID;",
        "()",
        "N&EQ;&NULL;x",
    ];
    for text in syntax {
        let error = Query::parse(text).unwrap_err();
        assert!(
            matches!(error, FilterError::Syntax { .. }),
            "{text}: {error}"
        );
        assert_eq!(error.status(), StatusCode::BAD_CGI);
    }
    let long = [
        "(".repeat(MAX_DEPTH + 1),
        vec!["N&EQ;a"; MAX_CLAUSES + 1].join("&OR;"),
        format!("N&EQ;{}", "a".repeat(MAX_BYTES)),
    ];
    for text in long {
        let error = Query::parse(&text).unwrap_err();
        assert!(matches!(error, FilterError::TooLong { .. }), "{error}");
    }
    let unsupported = [
        ("text/vcard", "UNSEEN&EQ;1"),
        ("text/vcard", "SINCE&NE;20100101"),
        ("text/vcard", "GROUP&GT;a"),
        ("text/plain", "GROUP&EQ;a"),
        ("text/plain", "SUMMARY&EQ;a"),
        ("application/vnd.omads-email+xml", "N&EQ;a"),
        ("image/png", "N&EQ;a"),
    ];
    for (media_type, text) in unsupported {
        let error = Query::parse(text).unwrap().check(media_type).unwrap_err();
        assert_eq!(error.status(), StatusCode::NOT_SUPPORTED, "{text}");
    }
    let value = Query::parse("DTSTART&GE;soon").unwrap();
    let error = value.check("text/calendar").unwrap_err();
    assert_eq!(error.status(), StatusCode::BAD_CGI);
}

// spec: L03 L05
#[test]
fn a_filter_is_read() {
    let empty = syncml::Filter {
        record: None,
        filter_type: Some("FOO".into()),
        ..wanted("")
    };
    assert_eq!(Filter::read(&empty, Store::Contacts).unwrap(), None);
    assert_eq!(Filter::read(&wanted(" "), Store::Contacts).unwrap(), None);

    let exclusive = Filter::read(&wanted("N&EQ;a"), Store::Contacts);
    assert_eq!(exclusive.unwrap().unwrap().kind, Kind::Exclusive);
    let inclusive = syncml::Filter {
        filter_type: Some("inclusive".into()),
        record: Some(item("syncml::filtertype-cgi", "N&EQ;a")),
        ..wanted("")
    };
    let inclusive = Filter::read(&inclusive, Store::Contacts).unwrap().unwrap();
    assert_eq!(inclusive.kind, Kind::Inclusive);
}

// spec: L02 L09 L11
#[test]
fn a_refusal_has_its_status_and_says_what() {
    let base = || wanted("N&EQ;a");
    let table = [
        (
            syncml::Filter {
                filter_type: Some("FOO".into()),
                ..base()
            },
            StatusCode::NOT_SUPPORTED,
            Some("FOO"),
        ),
        (
            syncml::Filter {
                meta: Some(typed("text/calendar")),
                ..base()
            },
            StatusCode::UNSUPPORTED_TYPE,
            Some("text/calendar"),
        ),
        (
            syncml::Filter {
                record: Some(item("sql", "N&EQ;a")),
                ..base()
            },
            StatusCode::UNKNOWN_GRAMMAR,
            Some("sql"),
        ),
        (wanted("N&EQ;Laine&AND;&AND;"), StatusCode::BAD_CGI, None),
        (
            wanted("UNSEEN&EQ;TRUE"),
            StatusCode::NOT_SUPPORTED,
            Some("UNSEEN&EQ;TRUE"),
        ),
        (
            syncml::Filter {
                field: Some(item("text/plain", FIELD)),
                ..base()
            },
            StatusCode::UNSUPPORTED_TYPE,
            Some("text/plain"),
        ),
        (
            syncml::Filter {
                field: Some(item(DEVINF, "<Property>")),
                ..base()
            },
            StatusCode::BAD_REQUEST,
            None,
        ),
    ];
    for (filter, status, detail) in table {
        let error = Filter::read(&filter, Store::Contacts).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert_eq!(error.detail(), detail, "{error}");
    }
    let without_type = syncml::Filter {
        meta: None,
        ..wanted("UNSEEN&EQ;TRUE")
    };
    assert!(Filter::read(&without_type, Store::Contacts).is_err());
}

// spec: L04
#[test]
fn fields_are_kept_and_cut() {
    let filter = syncml::Filter {
        field: Some(item(DEVINF, FIELD)),
        record: None,
        ..wanted("")
    };
    let filter = Filter::read(&filter, Store::Contacts).unwrap().unwrap();
    let content = filter.reduce("text/vcard", CARD.as_bytes());
    assert_eq!(
        String::from_utf8_lossy(&content),
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Laine;Aino;;;\r\nFN:Aino Laine\r\nNOTE:50% \r\nEND:VCARD\r\n"
    );
    let other = event("");
    let untouched = filter.reduce("text/calendar", other.as_bytes());
    assert!(matches!(untouched, Cow::Borrowed(_)));
}

// spec: L04
#[test]
fn values_that_are_not_wanted_stay_behind() {
    let properties = "<Property><PropName>TEL</PropName><PropParam><ParamName>TYPE</ParamName>\
        <ValEnum>CELL</ValEnum></PropParam></Property>\
        <Property><PropName>CLASS</PropName><ValEnum>PUBLIC</ValEnum></Property>\
        <Property><PropName>BEGIN</PropName><ValEnum>VCARD</ValEnum></Property>\
        <Property><PropName>ORG</PropName></Property>";
    let filter = syncml::Filter {
        field: Some(item(DEVINF, properties)),
        record: None,
        ..wanted("")
    };
    let filter = Filter::read(&filter, Store::Contacts).unwrap().unwrap();
    let of_class = |class: &str| {
        let card = CARD.replace("X-N:7", &format!("CLASS:{class}\r\nTEL;TYPE=CELL:333"));
        let content = filter.reduce("text/vcard", card.as_bytes()).into_owned();
        // what was reduced once says all that is wanted of it
        assert_eq!(filter.reduce("text/vcard", &content), content);
        String::from_utf8(content).unwrap()
    };
    let wanted = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Laine;Aino;;;\r\nFN:Aino Laine\r\nTEL:111\r\n\
        TEL;TYPE=CELL:222\r\nORG:Koivu\\, Oy;Sales\r\nTEL;TYPE=CELL:333\r\nEND:VCARD\r\n";
    assert_eq!(of_class("PRIVATE"), wanted);
    assert!(of_class("PUBLIC").contains("CLASS:PUBLIC"));
    // it is kept and written as it came, and what was kept before is read
    let stored = serde_json::to_string(&filter).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&stored).unwrap(), filter);
    let written = filter.to_syncml();
    assert_eq!(
        Filter::read(&written, Store::Contacts).unwrap(),
        Some(filter)
    );
    let former = r#"{"name":"TEL","parameters":["TYPE"]}"#;
    let property: FieldProperty = serde_json::from_str(former).unwrap();
    assert_eq!(property.parameters[0].name, "TYPE");
    assert_eq!(
        serde_json::to_value(&property).unwrap()["parameters"][0],
        "TYPE"
    );
}

// spec: L04
#[test]
fn values_are_limited_and_alarms_are_not() {
    let properties = "<Property><PropName>SUMMARY</PropName></Property>\
        <Property><PropName>AALARM</PropName></Property>\
        <Property><PropName>CLASS</PropName><ValEnum>PUBLIC</ValEnum></Property>";
    let filter = syncml::Filter {
        meta: Some(typed("text/x-vcalendar")),
        field: Some(item(DEVINF, properties)),
        record: None,
        ..wanted("")
    };
    let filter = Filter::read(&filter, Store::Calendar).unwrap().unwrap();
    let event = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nSUMMARY:Choir\r\nCLASS:PRIVATE\r\n\
        DTSTART:20261125T100000Z\r\nAALARM:20261125T090000Z\r\nAALARM:20261125T080000Z\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";
    let content = filter.reduce("text/x-vcalendar", event.as_bytes());
    assert_eq!(
        String::from_utf8_lossy(&content),
        event.replace("CLASS:PRIVATE\r\n", "")
    );
}

#[test]
fn a_filter_is_about_one_kind_of_record() {
    let folder = record("application/vnd.omads-folder+xml", "<Folder/>");
    let address = Address::split("mail?BEFORE&EQ;19990101").unwrap();
    let all = Filter::of_address(&address, Store::Mail, 0).unwrap();
    let all = all.unwrap();
    assert!(all.matches(&folder));
    assert!(!all.matches(&record("application/vnd.omads-email+xml", "<Email/>")));
    let filter = Filter::read(&wanted("FN&EQ;nobody"), Store::Contacts);
    let filter = filter.unwrap().unwrap();
    assert!(!filter.matches(&record("text/vcard", CARD)));
    assert!(filter.matches(&record("text/calendar", &event(""))));
}

#[test]
fn a_filter_outlives_its_message() {
    let filter = syncml::Filter {
        field: Some(item(DEVINF, FIELD)),
        ..wanted("N&EQ;a%26b&OR;(GROUP&iCON;x&AND;SINCE&EQ;20100101)")
    };
    let filter = Filter::read(&filter, Store::Contacts).unwrap().unwrap();
    let stored = serde_json::to_string(&filter).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&stored).unwrap(), filter);
    let written = filter.to_syncml();
    assert_eq!(
        Filter::read(&written, Store::Contacts).unwrap(),
        Some(filter)
    );
}

// spec: L15
#[test]
fn what_is_announced_works() {
    for store in Store::ALL {
        let (grammars, capabilities) = announced(store);
        assert_eq!(grammars[0].media_type, GRAMMAR);
        for capability in &capabilities {
            assert!(grammars.contains(&capability.content_type));
            for keyword in &capability.keywords {
                let value = match keyword.as_str() {
                    "GROUP" => "a",
                    "UNSEEN" => "TRUE",
                    _ => "20100101T000000Z",
                };
                let query = Query::parse(&format!("{keyword}&EQ;{value}")).unwrap();
                query.check_for(store).unwrap();
            }
            for name in &capability.properties {
                let query = Query::parse(&format!("{name}&NE;&NULL;")).unwrap();
                query.check_for(store).unwrap();
                let types = store.content_types().iter();
                for (media_type, _) in types.filter(|(t, _)| query.check(t).is_ok()) {
                    let (full, bare) = samples(store, media_type, name);
                    assert!(query.matches(&record(media_type, &full)), "{name}: {full}");
                    assert!(!query.matches(&record(media_type, &bare)), "{name}: {bare}");
                }
            }
        }
    }
}

/// A record that has a property, and one that has not.
fn samples(store: Store, media_type: &str, name: &str) -> (String, String) {
    let (begin, end) = match (store, media_type) {
        (Store::Contacts, _) => ("BEGIN:VCARD\n", "END:VCARD\n"),
        (Store::Calendar, _) => (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\n",
            "END:VEVENT\nEND:VCALENDAR\n",
        ),
        (Store::Tasks, _) => (
            "BEGIN:VCALENDAR\nBEGIN:VTODO\n",
            "END:VTODO\nEND:VCALENDAR\n",
        ),
        (Store::Notes, "text/plain") => return ("20100101".to_owned(), String::new()),
        (Store::Mail | Store::Files, _) => {
            let full = format!("<Email><{name}>20100101</{name}></Email>");
            return (full, "<Email></Email>".to_owned());
        }
        (Store::Notes, _) => ("BEGIN:VNOTE\n", "END:VNOTE\n"),
    };
    (
        format!("{begin}{name}:20100101\n{end}"),
        format!("{begin}X-OTHER:1\n{end}"),
    )
}

// spec: L17
#[test]
fn an_address_may_hold_a_filter() {
    let plain = Address::split("./contacts").unwrap();
    assert_eq!((plain.uri, plain.query_at(0)), ("./contacts", None));
    assert_eq!(Address::split("./contacts?").unwrap().query_at(0), None);

    let query = "DTSTART&GE;20050301T000000Z&AND;DTSTART&LT;20050401T000000Z";
    let text = format!("./calendar?{query}");
    let address = Address::split(&text).unwrap();
    assert_eq!(address.uri, "./calendar");
    let filter = Filter::of_address(&address, Store::Calendar, 0);
    let filter = filter.unwrap().unwrap();
    assert_eq!(filter.record.unwrap().to_string(), query);
    assert_eq!(filter.kind, Kind::Exclusive);

    let address = Address::split("events?/dr(-14,30)/li(2000)/na/MAX(9)/fi(URL&EQ;a/b)").unwrap();
    let options = Options {
        days: Some((-14, 30)),
        max_size: Some(2000),
        query: Some(Query::parse("URL&EQ;a/b").unwrap()),
        no_attachments: true,
        max_records: Some(9),
    };
    assert_eq!(address.options, options);
    assert_eq!(
        address.query_at(15 * 86_400).unwrap().to_string(),
        "URL&EQ;a/b&AND;SINCE&EQ;19700102T000000Z&AND;BEFORE&EQ;19700215T000000Z"
    );

    let refused = [
        ("a?/xy(1)", StatusCode::NOT_SUPPORTED),
        ("a?/dr(1)", StatusCode::NOT_SUPPORTED),
        ("a?/li(x)", StatusCode::NOT_SUPPORTED),
        ("a?/na(1)", StatusCode::NOT_SUPPORTED),
        ("a?/dr(1,2", StatusCode::NOT_SUPPORTED),
        ("a?N&EQ", StatusCode::BAD_CGI),
        ("a?/fi(N)", StatusCode::BAD_CGI),
    ];
    for (uri, status) in refused {
        assert_eq!(Address::split(uri).unwrap_err().status(), status, "{uri}");
    }
}

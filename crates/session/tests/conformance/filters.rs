//! What the client asks for with a filter, as each version can say it.

use session::filter::{Fields, Filter, Kind, Query};
use syncml::devinf::Property;

use super::*;

const QUERY: &str = "N&iCON;Ann";

fn filter(kind: Kind, query: Option<&str>, property: Option<&str>) -> Filter {
    let property = property.map(|name| Property {
        name: name.to_owned(),
        ..Property::default()
    });
    Filter {
        media_type: "text/x-vcard".into(),
        kind,
        record: query.map(|query| Query::parse(query).unwrap()),
        fields: property.and_then(|property| Fields::of(&[property]).unwrap()),
    }
}

/// A session over contacts with this filter, and over notes without one.
fn filtered(version: Version, filter: Filter) -> Session {
    let source = |name: &str, filter| Source {
        filter,
        ..source(
            name,
            DatastoreKind::Contacts,
            Mode::TwoWay,
            &Shared::default(),
        )
    };
    let sources = vec![source("contacts", Some(filter)), source("notes", None)];
    let config = config(version, Encoding::Xml);
    Session::new(config, sources, 1_795_600_000, [7; 8]).unwrap()
}

// spec: L08
#[test]
fn what_the_client_has_goes_whatever_its_filter_says() {
    let replica = Shared::default();
    let bob = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Bob\r\nEND:VCARD\r\n";
    replica
        .lock()
        .unwrap()
        .insert("text/x-vcard", bob.as_bytes());
    let source = Source {
        filter: Some(filter(Kind::Exclusive, Some(QUERY), None)),
        ..of_contacts(Mode::TwoWay, &replica)
    };
    let config = config(Version::V1_2, Encoding::Xml);
    let mut session = begin(config, source);
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    assert!(sent.text.contains("N:Bob"), "{}", sent.text);
}

/// The targets of the alerts in a message.
fn targets(sent: &Sent) -> Vec<(String, Option<syncml::Filter<'static>>)> {
    let document = Document::new(&sent.body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let alerts = message.commands.iter().filter_map(|command| match command {
        Command::Alert(alert) => alert.items[0].target.as_ref(),
        _ => None,
    });
    let read = |target: &syncml::Location<'_>| {
        let filter = target.filter.as_ref();
        let filter = filter.map(|filter| Filter::read(filter, DatastoreKind::Contacts).unwrap());
        let filter = filter.flatten().map(|filter| filter.to_syncml());
        (target.uri.to_string(), filter)
    };
    alerts.map(read).collect()
}

#[test]
fn a_filter_is_an_element_of_the_alert() {
    for wanted in [
        filter(Kind::Exclusive, Some(QUERY), None),
        filter(Kind::Inclusive, Some(QUERY), None),
        filter(Kind::Exclusive, None, Some("TEL")),
        filter(Kind::Inclusive, Some(QUERY), Some("TEL")),
    ] {
        let sent = next(&mut filtered(Version::V1_2, wanted.clone()));
        let flat: String = sent.text.split_whitespace().collect();
        let kind = format!("<FilterType>{}</FilterType>", wanted.kind.name());
        assert!(flat.contains(&kind), "{flat}");
        let expected = [
            ("contacts".to_owned(), Some(wanted.to_syncml())),
            ("notes".to_owned(), None),
        ];
        assert_eq!(targets(&sent), expected);
    }
}

// spec: L17
#[test]
fn before_1_2_a_filter_is_in_the_address_or_the_datastore_is_left_out() {
    for version in [Version::V1_0, Version::V1_1] {
        let said = filter(Kind::Exclusive, Some(QUERY), None);
        let mut session = filtered(version, said);
        let sent = next(&mut session);
        assert!(!sent.text.contains("<Filter"));
        let uris: Vec<String> = targets(&sent).into_iter().map(|(uri, _)| uri).collect();
        assert_eq!(uris, [format!("contacts?{QUERY}"), "notes".to_owned()]);
        assert_eq!(session.summary().sources[0].error, None);

        for unsayable in [
            filter(Kind::Inclusive, Some(QUERY), None),
            filter(Kind::Exclusive, Some(QUERY), Some("TEL")),
            filter(Kind::Exclusive, None, Some("TEL")),
        ] {
            let mut session = filtered(version, unsayable);
            let sent = next(&mut session);
            let uris: Vec<String> = targets(&sent).into_iter().map(|(uri, _)| uri).collect();
            assert_eq!(uris, ["notes"]);
            let sources = session.summary().sources;
            let error = sources[0].error.as_ref().unwrap();
            assert!(error.contains("1.2"), "{error}");
            assert_eq!(sources[1].error, None);
        }
    }
}

// spec: L17
#[test]
fn a_session_that_can_say_none_of_its_filters_is_over_before_it_begins() {
    let inclusive = filter(Kind::Inclusive, Some(QUERY), None);
    let mut sources = filtered(Version::V1_1, inclusive).into_sources();
    sources.truncate(1);
    let config = config(Version::V1_1, Encoding::Xml);
    let mut session = Session::new(config, sources, 1_795_600_000, [7; 8]).unwrap();
    assert!(is_over(&mut session));
    assert!(session.summary().sources[0].error.is_some());
}

// spec: L10 L11
#[test]
fn a_filter_that_the_server_refuses_is_named_as_the_cause() {
    for (code, is_of_filter) in [
        (406, true),
        (415, true),
        (421, true),
        (422, true),
        (404, false),
        (503, false),
    ] {
        let wanted = filter(Kind::Exclusive, Some(QUERY), None);
        let mut session = filtered(Version::V1_2, wanted);
        let sent = next(&mut session);
        let refused = |name: &str| if name == "Alert" { code } else { 200 };
        let answer = sent.answer(refused, "", "<Final/>");
        session.receive(answer.as_bytes(), None).unwrap();
        let sources = session.summary().sources;
        let [filtered, plain] = [0, 1].map(|index| sources[index].error.clone().unwrap());
        assert!(filtered.contains(&code.to_string()), "{filtered}");
        assert_eq!(filtered.contains("filter"), is_of_filter, "{filtered}");
        assert!(!plain.contains("filter"), "{plain}");
    }
}

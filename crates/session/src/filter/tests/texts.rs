//! Queries and their texts, for any query and any text.

use proptest::prelude::*;

use super::*;

fn clauses() -> impl Strategy<Value = Query> {
    let word = "[A-Za-z][A-Za-z0-9_-]{0,6}";
    let not_a_keyword = |name: &String| {
        !["SINCE", "BEFORE", "UNSEEN", "GROUP"]
            .iter()
            .any(|keyword| keyword.eq_ignore_ascii_case(name))
    };
    let property = (
        word.prop_filter("a keyword", not_a_keyword),
        prop::option::of(1_u32..100),
        prop::collection::vec("[A-Za-z0-9_-]{1,5}", 0..3),
    )
        .prop_map(|(name, index, parts)| Subject::Property(PropertyPath { name, index, parts }));
    let operator = prop::sample::select(Operator::ALL.to_vec()).prop_map(|(operator, _)| operator);
    let general = (
        prop_oneof![property, Just(Subject::Group)],
        operator,
        any::<bool>(),
        any::<String>(),
    )
        .prop_map(|(subject, operator, ignore_case, text)| {
            (subject, operator, ignore_case, Value::Text(text))
        });
    let equality = (
        prop_oneof![Just(Subject::Luid), Just(Subject::Group)],
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(subject, is_eq, ignore_case)| {
            let operator = if is_eq { Operator::Eq } else { Operator::Ne };
            (subject, operator, ignore_case, Value::Null)
        });
    prop_oneof![general, equality].prop_map(|(subject, operator, ignore_case, value)| {
        Query::Clause(Clause {
            subject,
            operator,
            ignore_case,
            value,
        })
    })
}

fn queries() -> impl Strategy<Value = Query> {
    clauses().prop_recursive(4, 32, 4, |inner| {
        let many = prop::collection::vec(inner, 1..4);
        prop_oneof![many.clone().prop_map(Query::all), many.prop_map(Query::any),]
    })
}

/// Text that is nearly a query.
fn almost() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "N", "SINCE", "UNSEEN", "&LUID;", "&EQ;", "&iNE;", "&CON;", "&AND;", "&OR;", "&NULL;", "(",
        ")", "[", "]", "1", ".", "%", "%41", "&", ";", " ", "20100101", "\u{e4}", "/", "?", "/dr(",
    ]);
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_query_is_its_text(query in queries()) {
        let text = query.to_string();
        prop_assert_eq!(Query::parse(&text).unwrap(), query, "{}", text);
    }

    #[test]
    fn no_text_is_too_strange(text in prop_oneof![almost(), any::<String>()], body in any::<String>()) {
        let uri = format!("a?{text}");
        let _ = Address::split(&uri).map(|address| address.query_at(i64::MAX));
        if let Ok(query) = Query::parse(&text) {
            let read_again = Query::parse(&query.to_string()).unwrap();
            prop_assert_eq!(&read_again, &query);
            let card = CARD.replace("Aino Laine", &body);
            for (media_type, content) in [("text/vcard", card.as_str()), ("text/plain", &body), ("application/vnd.omads-email+xml", &body)] {
                query.matches(&record(media_type, content));
            }
        }
    }
}

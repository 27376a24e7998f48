//! What matches a query takes place within its times: the index leaves nothing out.

use proptest::prelude::*;

use super::*;
use crate::store::{Period, Times};

/// A date or time around the turn of a year, in one of the ways in which they are written.
fn time() -> impl Strategy<Value = String> {
    let day = (0..3_usize, 1..29_u8).prop_map(|(month, day)| {
        let month = ["202512", "202601", "202602"][month];
        format!("{month}{day:02}")
    });
    let hour = prop_oneof![
        Just(String::new()),
        (0..24_u8).prop_map(|hour| format!("T{hour:02}3000Z")),
        (0..24_u8).prop_map(|hour| format!("T{hour:02}3000")),
    ];
    prop_oneof![
        20 => (day, hour).prop_map(|(day, hour)| day + &hour),
        1 => Just("soon".to_owned()),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "DTSTART",
        "DTSTART",
        "DTEND",
        "DUE",
        "DTSTART;TZID=Home",
        "RDATE",
        "EXDATE",
        "RECURRENCE-ID",
        "DURATION:PT3H\nCOMPLETED",
        "RRULE:FREQ=DAILY;COUNT=3\nDTSTAMP",
    ]);
    let until = time().prop_map(|time| format!("RRULE:FREQ=WEEKLY;UNTIL={time}\n"));
    prop_oneof![
        8 => (name, time()).prop_map(|(name, time)| format!("{name}:{time}\n")),
        1 => (time(), time()).prop_map(|(a, b)| format!("DTSTART:{a},{b}\n")),
        1 => until,
    ]
}

fn calendar() -> impl Strategy<Value = String> {
    let entry = (
        prop::sample::select(vec!["VEVENT", "VTODO", "VJOURNAL"]),
        prop::collection::vec(line(), 0..5),
    )
        .prop_map(|(name, lines)| format!("BEGIN:{name}\n{}END:{name}\n", lines.concat()));
    (any::<bool>(), prop::collection::vec(entry, 1..3)).prop_map(|(is_old, entries)| {
        let version = if is_old { "1.0" } else { "2.0" };
        format!(
            "BEGIN:VCALENDAR\nVERSION:{version}\n{}END:VCALENDAR\n",
            entries.concat()
        )
    })
}

fn query() -> impl Strategy<Value = Query> {
    let subject = prop::sample::select(vec![
        "SINCE&EQ;",
        "BEFORE&EQ;",
        "DTSTART&GE;",
        "DTSTART&GT;",
        "DTSTART&LE;",
        "DTSTART&LT;",
        "DTSTART&EQ;",
        "DTSTART&NE;",
        "DTSTART[2]&GE;",
        "DTSTART.1&GE;",
        "DTEND&GT;",
        "DTEND&LE;",
        "DUE&EQ;",
        "DUE&LT;",
        "DTEND&CON;",
        "SUMMARY&EQ;",
    ]);
    let clause = (subject, time()).prop_filter_map("no date", |(subject, time)| {
        Query::parse(&(subject.to_owned() + &time)).ok()
    });
    clause.prop_recursive(2, 6, 3, |inner| {
        let some = prop::collection::vec(inner, 1..4);
        (any::<bool>(), some).prop_map(|(all, some)| {
            if all {
                Query::all(some)
            } else {
                Query::any(some)
            }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    // spec: L01 L12 L13
    #[test]
    fn what_matches_takes_place_within_the_times(text in calendar(), query in query()) {
        let times = Times::of("text/calendar", text.as_bytes());
        let is_wanted = query.matches(&record("text/calendar", &text));
        prop_assert!(
            !is_wanted || query.period().has(times),
            "{times:?} is outside of {:?} of {query}", query.period()
        );
    }
}

#[test]
fn a_range_of_times_leaves_out_what_is_before_and_after() {
    let at = |day: &str| {
        Times::of(
            "text/calendar",
            event(&format!("DTSTART:{day}T120000Z")).as_bytes(),
        )
    };
    for text in [
        "SINCE&EQ;20260110T000000Z&AND;BEFORE&EQ;20260120T000000Z",
        "DTSTART&GE;20260110T000000Z&AND;DTSTART&LT;20260120T000000Z",
        "DTSTART&EQ;20260115T120000Z&OR;DTSTART&EQ;20260117T120000Z",
    ] {
        let period = Query::parse(text).unwrap().period();
        assert!(period.has(at("20260115")), "{text}");
        assert!(
            !period.has(at("20260105")) && !period.has(at("20260125")),
            "{text}"
        );
    }
}

#[test]
fn a_filter_of_notes_says_nothing_of_calendars() {
    let filter = |media_type: &str| Filter {
        media_type: media_type.to_owned(),
        kind: Kind::Exclusive,
        record: Some(Query::parse("SINCE&EQ;20260110").unwrap()),
        fields: None,
    };
    assert_eq!(filter("text/plain").period(), Period::ANY);
    assert_ne!(filter("text/x-vcalendar").period(), Period::ANY);
    assert_ne!(filter("").period(), Period::ANY);
}

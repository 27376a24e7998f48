//! What holds for any calendar: nothing that both formats can say is lost, and any text is borne.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::convert::encode;
use crate::decode::Dialect;

/// The rules that both formats have, for a series from Monday the 8th of January 2024.
fn rule() -> impl Strategy<Value = String> {
    let head = prop_oneof![
        (1..9_u8).prop_map(|n| format!("FREQ=DAILY;INTERVAL={n}")),
        (1..9_u8).prop_map(|n| format!("FREQ=WEEKLY;INTERVAL={n};BYDAY=MO,TH")),
        (1..9_u8).prop_map(|n| format!("FREQ=MONTHLY;INTERVAL={n};BYDAY=2MO,-1FR")),
        (1..9_u8, 9..28_u8)
            .prop_map(|(n, d)| format!("FREQ=MONTHLY;INTERVAL={n};BYMONTHDAY=8,{d}")),
        (1..3_u8).prop_map(|n| format!("FREQ=YEARLY;INTERVAL={n}")),
        Just("FREQ=YEARLY;BYMONTH=1,7".to_owned()),
    ];
    (head, prop_oneof![Just(None), (1..5_u8).prop_map(Some)]).prop_map(|(head, count)| {
        let head = head.replace(";INTERVAL=1;", ";").replace(";INTERVAL=1", "");
        match count {
            Some(count) => format!("{head};COUNT={count}"),
            None => head,
        }
    })
}

/// The lines as a set: their order means nothing. Rules with an end are compared by their days.
fn canonical(text: &str, zone: &Zone) -> BTreeSet<String> {
    let ends = |line: &str| {
        line.starts_with("RRULE:") && (line.contains("COUNT") || line.contains("UNTIL"))
    };
    let lines = lines(text, "")
        .into_iter()
        .map(|line| match line.split_once(':') {
            Some((_, rule)) if ends(&line) => {
                format!("{:?}", rules::days(rule, "20240108T093000", zone))
            }
            _ => line,
        });
    lines.collect()
}

proptest! {
    // spec: U06
    #[test]
    fn what_both_can_say_comes_back(
        summary in "[a-zß€;,=:\\\\ ]{0,60}x", description in "[A-Z;,:\n\\\\]{0,90}y",
        categories in prop::collection::vec("[a-zü; ]{0,6}z", 1..4),
        priority in prop::sample::select(vec!["0", "1", "5", "9"]),
        ahead in 0..40_000_i64, rule in prop::option::of(rule()), exception in 1..28_u8,
        place in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
        mode in prop::sample::select(vec![
            TimeMode::Utc, TimeMode::Floating, TimeMode::FalseZ, TimeMode::UtcWithoutZ
        ]),
        whole_day in any::<bool>()
    ) {
        let profile = TimeProfile { mode, ..device(place) };
        let mut source = Vec::new();
        let mut add = |head: &str, value: &str| {
            encode::text(&mut source, head, value, Dialect::New, false);
        };
        add("BEGIN", "VCALENDAR");
        add("VERSION", "2.0");
        add("PRODID", "-//Syncline//EN");
        add("BEGIN", "VEVENT");
        add("DTSTAMP", "20240101T000000Z");
        add("LAST-MODIFIED", "20240101T000000Z");
        let form = if whole_day { ";VALUE=DATE".to_owned() } else { format!(";TZID={place}") };
        let time = |text: &str| if whole_day { text[..8].to_owned() } else { text.to_owned() };
        add(&format!("DTSTART{form}"), &time("20240108T093000"));
        add(&format!("DTEND{form}"), &time("20240109T103000"));
        if let Some(rule) = &rule {
            add("RRULE", rule);
            add(&format!("EXDATE{form}"), &time(&format!("202404{exception:02}T093000")));
        }
        add("SUMMARY", &encode::escape(&summary));
        add("DESCRIPTION", &encode::escape(&description));
        let escaped: Vec<_> = categories.iter().map(|c| encode::escape(c.trim())).collect();
        add("CATEGORIES", &escaped.join(","));
        add("PRIORITY", priority);
        add("TRANSP", "TRANSPARENT");
        add("ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED", "mailto:ann@example.com");
        add("X-OTHER", "a\\,b,c;d");
        add("BEGIN", "VALARM");
        let length = alarm::write_duration(ahead * 60);
        add("TRIGGER", &if ahead == 0 { length } else { format!("-{length}") });
        add("ACTION", "DISPLAY");
        add("DESCRIPTION", "up");
        add("END", "VALARM");
        add("END", "VEVENT");
        add("END", "VCALENDAR");
        let source = String::from_utf8(source).unwrap();
        let (there, lost) = old(&source, &profile);
        prop_assert!(lost.is_empty(), "{:?}", lost);
        let (back, lost) = new(&there, &profile);
        prop_assert!(lost.is_empty(), "{:?}", lost);
        let zone = profile.zone.as_ref().unwrap();
        prop_assert_eq!(canonical(&back, zone), canonical(&source, zone), "{}", there);
    }

    #[test]
    fn no_input_panics(
        content in "(BEGIN:VEVENT\n)?((DTSTART|DTEND|DUE|RRULE|EXRULE|EXDATE|AALARM|TZ|DAYLIGHT|DURATION|X)\
                    [:;][ -~]{0,24}\n){0,8}"
    ) {
        for profile in [TimeProfile::default(), device("Europe/Berlin"), floating("Asia/Tokyo")] {
            old(&content, &profile);
            new(&content, &profile);
        }
    }

    #[test]
    fn rules_of_any_text_end(
        rule in "(D|W|MP|MD|YM|YD)[0-9]{1,4}( (MO|[1-5][+-]|[0-9]{1,3}|LD)){0,4}( #[0-9]{1,9})?",
        rule_new in "FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;(INTERVAL|COUNT|BYMONTHDAY|BYMONTH|BYYEARDAY)=[0-9]{1,9}){0,3}",
        year in 1..9999_u16
    ) {
        let start = format!("DTSTART:{year:04}0229T235959Z");
        let profile = device("Europe/Berlin");
        new(&event_old(&[&start, &format!("RRULE:{rule}"), &format!("EXRULE:{rule}")]), &profile);
        old(&event_new(&[&start, &format!("RRULE:{rule_new}")]), &profile);
    }
}

//! What holds for any calendar: nothing that both formats can say is lost, and any text is borne.

use proptest::prelude::*;

use super::*;
use crate::decode::Dialect;
use crate::generated::entries;

proptest! {
    // spec: U06
    #[test]
    fn what_both_can_say_comes_back(entry in entries::entry()) {
        let profile = TimeProfile { mode: entry.mode, ..device(entry.place) };
        let zone = entry.zone();
        let days = |rule: &str, start: &str| rules::days(rule, start, &zone);
        let as_days = |calendar: &str| {
            let start = line(calendar, "DTSTART");
            let start = start.split_once(':').unwrap().1.trim_end_matches('Z').to_owned();
            entries::fields(calendar, Dialect::New, &|rule| format!("{:?}", days(rule, &start)))
        };
        let as_text = |calendar: &str| entries::fields(calendar, Dialect::Old, &str::to_owned);
        let (phone, laptop) = (entry.as_old(&days), entry.as_new());

        let (there, lost) = old(&laptop, &profile);
        prop_assert!(lost.is_empty(), "{:?}", lost);
        prop_assert_eq!(as_text(&there), as_text(&phone), "{}", laptop);
        let (back, lost) = new(&there, &profile);
        prop_assert!(lost.is_empty(), "{:?}", lost);
        prop_assert_eq!(as_days(&back), as_days(&laptop), "{}", there);

        let (there, lost) = new(&phone, &profile);
        prop_assert!(lost.is_empty(), "{:?}", lost);
        prop_assert_eq!(as_days(&there), as_days(&laptop), "{}", phone);
        let (back, lost) = old(&there, &profile);
        prop_assert!(lost.is_empty(), "{:?}", lost);
        prop_assert_eq!(as_text(&back), as_text(&phone), "{}", there);
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

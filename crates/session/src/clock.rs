//! Anchors: the time of the session, told apart when two fall into one second.

/// Seconds that a clock may have been ahead of what it says now: a thousand years.
const MOST_AHEAD: i64 = 1 << 35;

/// The `Next` for a session at `now`: later than `last` where that is a time, so that no anchor comes
/// twice when several sessions fall into one second or the clock is set back; never equal to it.
// spec: R13
pub(crate) fn next_anchor(now: i64, last: &str) -> String {
    let anchor = basic_utc(now);
    let is_time = last.len() == anchor.len() && last.ends_with('Z');
    if anchor.as_str() > last || !is_time {
        return anchor;
    }
    // the first second whose text is later: the texts of times sort as the times do
    let (mut before, mut after) = (now, now + MOST_AHEAD);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if basic_utc(middle).as_str() > last {
            after = middle;
        } else {
            before = middle;
        }
    }
    basic_utc(after)
}

/// Seconds since 1970 in basic ISO 8601, `20261125T101500Z`.
pub(crate) fn basic_utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // years counted from March, so that the leap day ends them
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(basic_utc(0), "19700101T000000Z");
        assert_eq!(basic_utc(951_782_400), "20000229T000000Z");
        assert_eq!(basic_utc(1_795_601_045), "20261125T100405Z");
    }

    // spec: R13
    #[test]
    fn anchors_of_one_second_differ() {
        assert_eq!(next_anchor(0, "19700101T000000Z"), "19700101T000001Z");
        // the third session of a second has not the anchor of the first
        assert_eq!(next_anchor(0, "19700101T000001Z"), "19700101T000002Z");
        assert_eq!(next_anchor(0, "20261125T100405Z"), "20261125T100406Z");
        assert_eq!(
            next_anchor(1_795_601_045, "20261125T100404Z"),
            "20261125T100405Z"
        );
        for foreign in ["", "7", "zzz", "99999999T999999Z"] {
            assert_ne!(next_anchor(0, foreign), foreign);
        }
    }
}

//! Anchors: the time of the session, told apart when two fall into one second.

/// The `Next` for a session at `now`, never equal to `last`.
// spec: R13
pub(crate) fn next_anchor(now: i64, last: &str) -> String {
    let mut at = now;
    loop {
        let anchor = basic_utc(at);
        if anchor != last {
            return anchor;
        }
        at += 1;
    }
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
    }
}

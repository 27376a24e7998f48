//! A view as a link remembers it: what the device was shown in the last session.
//!
//! Beside its name, which is made of what is known of the device, stands what differs from one session to the
//! next: the limit of cards ([`super::most`]), and the day for which series are shown that go as one event.

use super::Run;
use super::state::DatastoreState;
use super::view::View;
use crate::store::Forms;

/// Seconds.
pub(super) const DAY: i64 = 86_400;

/// Days after which a device is shown the next occurrence of a series that goes as one event.
const SHOWN_FOR: i64 = 7;

/// What a series has in it that goes as one event.
const PLACES: &str = "BYSETPOS";

/// What stands before the limit, and before the day.
const MARKS: [char; 2] = ['@', '~'];

/// In other words an item may take several times its bytes: quoted-printable has three letters for one.
const GROWTH: u64 = 4;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Remembered<'l> {
    /// Its name; empty for items as they are.
    pub(super) name: &'l str,
    /// Bytes of the largest card that is shown whole.
    pub(super) most: Option<u64>,
    /// The day, counted from 1970.
    pub(super) day: Option<i64>,
}

impl<'l> Remembered<'l> {
    pub(super) fn read(link: &'l str) -> Self {
        let (rest, day) = link.split_once(MARKS[1]).unwrap_or((link, ""));
        let (name, most) = rest.split_once(MARKS[0]).unwrap_or((rest, ""));
        Self {
            name,
            most: most.parse().ok(),
            day: day.parse().ok(),
        }
    }

    pub(super) fn write(&self) -> String {
        let most = self.most.map(|most| format!("{}{most}", MARKS[0]));
        let day = self.day.map(|day| format!("{}{day}", MARKS[1]));
        [
            self.name,
            &most.unwrap_or_default(),
            &day.unwrap_or_default(),
        ]
        .concat()
    }

    /// The items that may be shown in another form than before, the name aside.
    pub(super) fn differing(&self, before: &Self) -> Option<Forms> {
        if self.most != before.most {
            let least = self.most.into_iter().chain(before.most).min();
            return least.map(|least| Forms::Large(least / GROWTH));
        }
        (self.day != before.day).then_some(Forms::With(PLACES))
    }
}

impl Run<'_> {
    /// The day for which the device is shown series that go as one event. It stays for some days, since
    /// the events are sent again with it; and while all is compared with what the device was shown.
    pub(super) fn shown_day(
        &self,
        ds: &DatastoreState,
        view: &View,
        before: Option<i64>,
    ) -> Option<i64> {
        if !view.splits_series() {
            return None;
        }
        let today = self.request.now.div_euclid(DAY);
        let stays = |day: &i64| ds.renews_map() || (0..SHOWN_FOR).contains(&(today - day));
        Some(before.filter(stays).unwrap_or(today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_remembered_with_what_differs_from_session_to_session() {
        for (text, name, most, day) in [
            ("", "", None, None),
            ("12ab+", "12ab+", None, None),
            ("12ab@8000", "12ab", Some(8000), None),
            ("@8000", "", Some(8000), None),
            ("12ab+~20000", "12ab+", None, Some(20_000)),
            ("12ab@8000~20000", "12ab", Some(8000), Some(20_000)),
        ] {
            let read = Remembered::read(text);
            assert_eq!(read, Remembered { name, most, day });
            assert_eq!(read.write(), text);
        }
    }
}

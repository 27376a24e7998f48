//! Telling what differs, where whole documents would hide it.

use std::fmt::Debug;

/// Characters shown around the first difference.
const AROUND: usize = 160;

/// Panics unless the two are equal, and shows where they part.
pub(crate) fn assert_same<T: PartialEq + Debug>(left: &T, right: &T, what: &str) {
    if left != right {
        let [left, right] = [left, right].map(|value| format!("{value:?}"));
        assert_same_text(&left, &right, what);
        panic!("{what}: they differ in what is not shown");
    }
}

/// [`assert_same`] for texts.
pub(crate) fn assert_same_text(left: &str, right: &str, what: &str) {
    if left == right {
        return;
    }
    let pairs = left.chars().zip(right.chars());
    let common = pairs.take_while(|(left, right)| left == right).count();
    let [left, right] = [left, right].map(|text| {
        let from = text.chars().skip(common.saturating_sub(AROUND));
        from.take(2 * AROUND).collect::<String>()
    });
    panic!("{what}, from character {common} on:\n  {left:?}\n  {right:?}");
}

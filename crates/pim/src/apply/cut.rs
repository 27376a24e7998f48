//! Texts that are too long for a device: what it has is the beginning.

use super::meaning::{Shape, shape};

/// A shorter beginning may be a text of its own.
const LEAST: usize = 32;

/// What of a short text has to stay as it was at its end for the rest to follow it still.
const ANCHOR: usize = 8;

/// Whether `cut` is what a device with little room leaves of `whole`.
///
/// With `is_known`, the device had the whole, so that a person may have shortened it: then the text
/// has to end where devices cut and people do not, within a word or at a usual limit.
pub(super) fn is_cut(cut: &[u8], whole: &[u8], name: &str, is_known: bool) -> bool {
    if shape(name) != Shape::Text || cut.len() >= whole.len() || !whole.starts_with(cut) {
        return false;
    }
    let (Ok(cut), Ok(whole)) = (std::str::from_utf8(cut), std::str::from_utf8(whole)) else {
        return false;
    };
    is_cut_text(cut, whole, is_known)
}

/// [`is_cut`] of two texts.
// spec: V07
pub(crate) fn is_cut_text(cut: &str, whole: &str, is_known: bool) -> bool {
    let Some(rest) = whole.strip_prefix(cut).filter(|rest| !rest.is_empty()) else {
        return false;
    };
    let count = cut.chars().count();
    if count < LEAST {
        return false;
    }
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let is_within_word = is_word(cut.chars().next_back()) && is_word(rest.chars().next());
    let is_limit =
        |n: usize| n.is_power_of_two() || (n + 1).is_power_of_two() || n.is_multiple_of(100);
    !is_known || is_within_word || is_limit(count) || is_limit(cut.len())
}

/// The edited text of a device, followed by what of the whole text the device was not shown.
///
/// `None` if it was shown the whole, or nothing of a short text is left that the rest would follow.
/// Newlines are LF in all.
// spec: V07
pub(super) fn with_tail(whole: &str, shown: &str, held: &str, new: &str) -> Option<String> {
    let (shown, new) = (shown.trim_end(), new.trim_end());
    let tail = whole.strip_prefix(shown)?;
    if tail.trim().is_empty() || shown.is_empty() || new.is_empty() {
        return None;
    }
    let held = held.trim_end();
    let alike = held.chars().rev().zip(new.chars().rev());
    let anchor = alike.take_while(|(a, b)| a == b).count();
    (shown.chars().count() >= LEAST || anchor >= ANCHOR).then(|| format!("{new}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "Bread, butter, milk, a dozen eggs, flour and sugar";

    // spec: V07
    #[test]
    fn a_cut_copy_ends_within_a_word_or_at_a_limit() {
        let is_cut = |cut: &str, known: bool| is_cut_text(cut, WHOLE, known);
        assert!(is_cut("Bread, butter, milk, a dozen eggs, fl", true));
        assert!(is_cut("Bread, butter, milk, a dozen egg", true));
        assert!(!is_cut("Bread, butter, milk, a dozen eggs, flour", true));
        assert!(is_cut("Bread, butter, milk, a dozen eggs, flour", false));
        assert!(!is_cut("Bread, but", false));
        assert!(!is_cut(WHOLE, false));
    }

    // spec: V07
    #[test]
    fn the_rest_follows_an_edit() {
        let shown = "Bread, butter, milk, a dozen eggs, fl";
        let new = "Tea, bread, butter, milk, a dozen eggs, fl";
        assert_eq!(
            with_tail(WHOLE, shown, shown, new).as_deref(),
            Some("Tea, bread, butter, milk, a dozen eggs, flour and sugar")
        );
        assert_eq!(with_tail(WHOLE, WHOLE, WHOLE, new), None);
        let name = "Christopher";
        assert_eq!(with_tail(name, "Christo", "Christo", "Maria"), None);
    }
}

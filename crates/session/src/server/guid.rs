//! Identifiers of items as devices get them.
//!
//! They are decimal numbers. A device that keeps only few bytes (`MaxGUIDSize`) gets a number that
//! is too long for it in a shorter form: a letter and digits of base 36. That form is a temporary
//! identifier in the sense of the standard; as it is computed from the number and back, no table
//! has to be kept for it, and it holds beyond a session that breaks.

use crate::store::Guid;

const DIGITS: u32 = 36;
const LETTERS: u32 = 26;

/// How an identifier is written for a device that keeps so many bytes; `None` when it does not fit
/// in any form.
// spec: H12 H13
pub(super) fn written(guid: Guid, max_size: Option<u64>) -> Option<String> {
    let decimal = guid.0.to_string();
    let Some(max_size) = max_size.filter(|size| (decimal.len() as u64) > *size) else {
        return Some(decimal);
    };
    let mut rest = u64::try_from(guid.0).ok()?;
    let mut reversed = String::new();
    while rest >= u64::from(LETTERS) {
        reversed.extend(char::from_digit((rest % u64::from(DIGITS)) as u32, DIGITS));
        rest /= u64::from(DIGITS);
    }
    // a letter in front tells it from a decimal number
    reversed.extend(char::from_digit(rest as u32 + (DIGITS - LETTERS), DIGITS));
    let short: String = reversed.chars().rev().collect();
    (short.len() as u64 <= max_size).then_some(short)
}

/// The identifier that a device wrote, in either form.
pub(super) fn read(text: &str) -> Option<Guid> {
    let text = text.trim();
    let first = text.chars().next()?;
    if !first.is_ascii_alphabetic() {
        return text.parse().ok().map(Guid);
    }
    let start = i64::from(first.to_digit(DIGITS)?) - i64::from(DIGITS - LETTERS);
    let mut digits = text.chars().skip(1);
    let value = digits.try_fold(start, |value, digit| {
        value
            .checked_mul(i64::from(DIGITS))?
            .checked_add(i64::from(digit.to_digit(DIGITS)?))
    })?;
    Some(Guid(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // spec: H12
    #[test]
    fn an_identifier_is_as_long_as_the_device_can_keep() {
        let written = |number, size| written(Guid(number), Some(size));
        assert_eq!(written(9999, 4).as_deref(), Some("9999"));
        assert_eq!(written(10_000, 4).as_deref(), Some("hps"));
        assert_eq!(written(1_200_000, 4).as_deref(), Some("zpxc"));
        assert_eq!(written(1_300_000, 4), None);
        assert_eq!(written(12, 1).as_deref(), Some("m"));
    }

    #[test]
    fn what_is_no_identifier_is_none() {
        for text in ["", " ", "x-1", "zzzzzzzzzzzzzzzzzzzz", "12a", "é1"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(" 12 "), Some(Guid(12)));
        assert_eq!(read("M"), read("m"));
    }

    proptest! {
        // spec: H12 H13
        #[test]
        fn every_form_leads_back(number in 0..i64::MAX, size in 1_u64..20) {
            if let Some(text) = written(Guid(number), Some(size)) {
                prop_assert!(text.len() as u64 <= size);
                prop_assert_eq!(read(&text), Some(Guid(number)));
            }
            let decimal = written(Guid(number), None);
            prop_assert_eq!(decimal.as_deref().and_then(read), Some(Guid(number)));
        }
    }
}

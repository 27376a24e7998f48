//! Lines that both sides have added to a text.

use std::collections::BTreeSet;

/// The text of one side with the lines that the other has added since `held`, if both have only
/// added some: then nothing is in dispute. Newlines are LF.
// spec: V06
pub(super) fn with_added(held: &str, one: &str, other: &str) -> Option<String> {
    let (_, added) = (added(held, one)?, added(held, other)?);
    let mut text = one.trim_end().to_owned();
    let have: BTreeSet<&str> = one.lines().map(str::trim).collect();
    for line in added {
        if !have.contains(line.trim()) {
            text.push('\n');
            text.push_str(line);
        }
    }
    Some(text)
}

/// The lines of a text that `held` does not have; `None` if it lacks one of those that it has.
fn added<'t>(held: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut rest = held.trim_end().lines().peekable();
    let mut added = Vec::new();
    for line in text.trim_end().lines() {
        if rest.peek().is_some_and(|next| next.trim() == line.trim()) {
            rest.next();
        } else {
            added.push(line);
        }
    }
    rest.peek().is_none().then_some(added)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_sides_stand() {
        for (held, one, other, expected) in [
            ("a", "a\nb", "a\nc", Some("a\nb\nc")),
            ("a", "b\na", "c\na\nd", Some("b\na\nc\nd")),
            ("a", "a\nb", "a\nb", Some("a\nb")),
            ("", "b", "c\nb", Some("b\nc")),
            ("a\nb", "a\nb\nc", "b\nd", None),
            ("a", "b", "a\nc", None),
        ] {
            assert_eq!(with_added(held, one, other).as_deref(), expected, "{held}");
        }
    }
}

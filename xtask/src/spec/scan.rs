//! The citations in a source: comments of their own, `// spec: C14`, above what they speak of.

use super::rows::is_id;

/// One row named in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Citation {
    /// The row.
    pub(super) row: String,
    /// The file, from the root.
    pub(super) file: String,
    /// The line of the comment, from 1.
    pub(super) line: usize,
    /// The item below the comment, or around it.
    pub(super) name: String,
    pub(super) place: Place,
}

/// What a citation says about its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is implemented here.
    Code,
    /// It is shown here.
    Test,
}

/// All citations of a file, one a row; an error where a comment cites nothing or speaks of nothing.
pub(super) fn citations(file: &str, text: &str) -> Vec<Result<Citation, String>> {
    let lines: Vec<&str> = text.lines().collect();
    let tests_begin = lines
        .iter()
        .position(|line| line.trim() == "#[cfg(test)]")
        .unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(cited) = line.trim().strip_prefix("// spec:") else {
            continue;
        };
        let number = index + 1;
        let ids: Vec<&str> = cited.split_whitespace().collect();
        if ids.is_empty() || !ids.iter().all(|id| is_id(id)) {
            found.push(Err(format!("{file}:{number}: not a list of rows:{cited}")));
            continue;
        }
        let among_tests = file.contains("/tests/") || index > tests_begin;
        match target(&lines, index) {
            Some((name, place)) if place == Place::Test || !among_tests => {
                found.extend(ids.iter().map(|id| {
                    Ok(Citation {
                        row: (*id).to_owned(),
                        file: file.to_owned(),
                        line: number,
                        name: name.clone(),
                        place,
                    })
                }));
            }
            Some(_) => found.push(Err(format!("{file}:{number}: above no test"))),
            None => found.push(Err(format!("{file}:{number}: speaks of nothing"))),
        }
    }
    found
}

/// The item that a comment speaks of, and whether it is a test.
fn target(lines: &[&str], comment: usize) -> Option<(String, Place)> {
    let above = lines[..comment].iter().rev().map(|line| line.trim());
    let mut is_test = above.take_while(|line| is_prelude(line)).any(is_test_mark);
    let mut below = lines[comment + 1..].iter().map(|line| line.trim());
    let first = below.find(|line| {
        is_test |= is_test_mark(line);
        !is_prelude(line)
    })?;
    if let Some(name) = item_name(first) {
        let place = if is_test { Place::Test } else { Place::Code };
        return Some((name, place));
    }
    let depth = indentation(lines[comment]);
    let around = lines[..comment].iter().rev();
    let name = around
        .filter(|line| indentation(line) < depth)
        .find_map(|line| item_name(line.trim()))?;
    Some((name, Place::Code))
}

/// Whether a line belongs to the comments and attributes above an item.
fn is_prelude(line: &str) -> bool {
    line.starts_with("//") || (line.starts_with("#[") && line.ends_with(']'))
}

fn is_test_mark(line: &str) -> bool {
    matches!(line, "#[test]") || line.starts_with("#[tokio::test")
}

/// The name of the item that a line begins, if it begins one.
fn item_name(line: &str) -> Option<String> {
    let mut words = line
        .split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty());
    let mut word = words.next()?;
    if word == "pub" {
        word = words.next()?;
        if line.starts_with("pub(") {
            // the path that the item is visible in ends at the bracket
            let (_, rest) = line.split_once(')')?;
            return item_name(rest.trim());
        }
    }
    loop {
        match word {
            "fn" | "struct" | "enum" | "trait" | "type" | "static" | "mod" => {
                return words.next().map(str::to_owned);
            }
            "const" => {
                let next = words.next()?;
                if next != "fn" {
                    return Some(next.to_owned());
                }
                word = next;
            }
            "async" | "unsafe" => word = words.next()?,
            _ => return None,
        }
    }
}

fn indentation(line: &str) -> usize {
    if line.trim().is_empty() {
        return usize::MAX;
    }
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn found(file: &str, text: &str) -> Vec<(String, String, Place)> {
        citations(file, text)
            .into_iter()
            .map(|citation| {
                let citation = citation.unwrap();
                (citation.row, citation.name, citation.place)
            })
            .collect()
    }

    fn one(row: &str, name: &str, place: Place) -> (String, String, Place) {
        (row.to_owned(), name.to_owned(), place)
    }

    #[test]
    fn code_is_the_item_below_or_around() {
        let text = "\
//! Why.

// spec: A01 A02
/// What it does.
#[must_use]
pub(super) const fn header() {
    if fits() {
        // spec: A03
        return;
    }
}

// spec: B01
pub const LIMIT: u8 = 1;

enum Code {
    // spec: B02
    Known,
}
";
        assert_eq!(
            found("crates/x/src/a.rs", text),
            [
                one("A01", "header", Place::Code),
                one("A02", "header", Place::Code),
                one("A03", "header", Place::Code),
                one("B01", "LIMIT", Place::Code),
                one("B02", "Code", Place::Code),
            ]
        );
    }

    #[test]
    fn a_test_is_known_by_its_attribute() {
        let text = "\
// spec: A01
#[test]
fn one() {}

#[test]
// spec: A02
fn two() {}

// spec: A03
/// What it shows.
#[tokio::test(flavor = \"multi_thread\")]
async fn three() {}
";
        assert_eq!(
            found("crates/x/tests/a.rs", text),
            [
                one("A01", "one", Place::Test),
                one("A02", "two", Place::Test),
                one("A03", "three", Place::Test),
            ]
        );
    }

    #[test]
    fn in_a_source_only_tests_show() {
        let text = "\
// spec: A01
fn code() {}

#[cfg(test)]
mod tests {
    // spec: A01
    #[test]
    fn test() {}

    // spec: A01
    fn helper() {}
}
";
        let all = citations("crates/x/src/a.rs", text);
        assert_eq!(all[0].as_ref().unwrap().place, Place::Code);
        assert_eq!(all[1].as_ref().unwrap().place, Place::Test);
        assert_eq!(
            all[2],
            Err("crates/x/src/a.rs:10: above no test".to_owned())
        );
    }

    #[test]
    fn what_cites_nothing_is_named() {
        for (text, fault) in [
            ("// spec:\nfn f() {}\n", "x/a.rs:1: not a list of rows:"),
            (
                "// spec: A1\nfn f() {}\n",
                "x/a.rs:1: not a list of rows: A1",
            ),
            ("// spec: A01\n", "x/a.rs:1: speaks of nothing"),
            ("// spec: A01\nuse x;\n", "x/a.rs:1: speaks of nothing"),
        ] {
            assert_eq!(citations("x/a.rs", text), [Err(fault.to_owned())]);
        }
    }

    #[test]
    fn a_comment_inside_of_a_text_line_is_none() {
        let text = "let text = \"a // spec: A01\"; // spec: A02\n";
        assert_eq!(citations("x/a.rs", text), []);
    }
}

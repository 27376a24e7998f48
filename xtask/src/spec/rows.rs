//! The requirements, and those that nothing shows yet, read from their files.

use std::collections::BTreeMap;

/// A section of the requirements.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Its letter and title.
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

/// One requirement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// A letter and two digits.
    pub(super) id: String,
    pub(super) role: &'static str,
    pub(super) versions: String,
    pub(super) level: &'static str,
    pub(super) requirement: String,
}

/// Why nothing shows a row, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gap {
    /// It is not done, or not tested.
    Open(String),
    /// It belongs to a transport that is not here.
    Later(String),
    /// Tests show it, but for this.
    Partly(String),
}

pub(super) fn parse_rows(text: &str) -> Result<Vec<Section>, String> {
    let mut sections: Vec<Section> = Vec::new();
    for line in lines(text) {
        if let Some(title) = line.strip_prefix("== ") {
            sections.push(Section {
                title: title.to_owned(),
                rows: Vec::new(),
            });
            continue;
        }
        let row = parse_row(line).ok_or_else(|| format!("no row: {line}"))?;
        let repeats = sections
            .iter()
            .flat_map(|section| &section.rows)
            .any(|other| other.id == row.id);
        match sections.last_mut() {
            Some(section) if row.id.get(..1) == section.title.get(..1) && !repeats => {
                section.rows.push(row);
            }
            _ => return Err(format!("out of place: {line}")),
        }
    }
    Ok(sections)
}

fn parse_row(line: &str) -> Option<Row> {
    let (head, requirement) = line.split_once(" | ")?;
    let [id, role, versions, level] = head.split(' ').collect::<Vec<_>>().try_into().ok()?;
    is_id(id).then_some(())?;
    Some(Row {
        id: id.to_owned(),
        role: match role {
            "B" => "both",
            "C" => "client",
            "S" => "server",
            _ => return None,
        },
        versions: versions.to_owned(),
        level: match level {
            "M" => "must",
            "S" => "should",
            "O" => "may",
            "P" => "ours",
            _ => return None,
        },
        requirement: requirement.to_owned(),
    })
}

pub(super) fn parse_gaps(text: &str) -> Result<BTreeMap<String, Gap>, String> {
    let mut gaps = BTreeMap::new();
    for line in lines(text) {
        let wrong = || format!("no gap: {line}");
        let (head, reason) = line.split_once(" | ").ok_or_else(wrong)?;
        let (ids, kind) = head.rsplit_once(' ').ok_or_else(wrong)?;
        let gap = match kind {
            "open" => Gap::Open(reason.to_owned()),
            "later" => Gap::Later(reason.to_owned()),
            "partly" => Gap::Partly(reason.to_owned()),
            _ => return Err(wrong()),
        };
        for ids in ids.split(' ') {
            for id in range(ids).ok_or_else(wrong)? {
                if gaps.insert(id, gap.clone()).is_some() {
                    return Err(format!("named twice: {line}"));
                }
            }
        }
    }
    Ok(gaps)
}

/// The rows of `A01`, or of `A01-A09`.
fn range(ids: &str) -> Option<Vec<String>> {
    let (first, last) = ids.split_once('-').unwrap_or((ids, ids));
    let same_section = first.get(..1) == last.get(..1);
    if !is_id(first) || !is_id(last) || !same_section {
        return None;
    }
    let (section, first) = first.split_at(1);
    let (first, last): (u8, u8) = (first.parse().ok()?, last[1..].parse().ok()?);
    Some(
        (first..=last)
            .map(|number| format!("{section}{number:02}"))
            .collect(),
    )
}

/// Whether a text is the identifier of a row: a letter and two digits.
pub(super) fn is_id(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, tens, ones]
        if letter.is_ascii_uppercase() && tens.is_ascii_digit() && ones.is_ascii_digit())
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rows_are_read_by_section() {
        let sections =
            parse_rows("# ours\n\n== A Header\nA01 B all M | One | two.\n== B Packages\n").unwrap();
        assert_eq!(sections.len(), 2);
        assert_eq!(
            sections[0],
            Section {
                title: "A Header".into(),
                rows: vec![Row {
                    id: "A01".into(),
                    role: "both",
                    versions: "all".into(),
                    level: "must",
                    requirement: "One | two.".into(),
                }],
            }
        );
    }

    #[test]
    fn rows_that_are_wrong_are_named() {
        for text in [
            "A01 B all M | before any section",
            "== A Header\nB01 B all M | of another section",
            "== A Header\nA01 B all M | x\nA01 B all M | twice",
            "== A Header\nA01 X all M | no such role",
            "== A Header\nA01 B all | no level",
            "== A Header\nA1 B all M | no identifier",
        ] {
            assert!(parse_rows(text).is_err(), "{text}");
        }
    }

    #[test]
    fn gaps_are_read_with_their_ranges() {
        let gaps =
            parse_gaps("A01 A08-A11 open | why\nO01 later | OBEX\nB01 partly | but\n").unwrap();
        let ids: Vec<&str> = gaps.keys().map(String::as_str).collect();
        assert_eq!(ids, ["A01", "A08", "A09", "A10", "A11", "B01", "O01"]);
        assert_eq!(gaps["A10"], Gap::Open("why".into()));
        assert_eq!(gaps["O01"], Gap::Later("OBEX".into()));
        assert_eq!(gaps["B01"], Gap::Partly("but".into()));
    }

    #[test]
    fn gaps_that_are_wrong_are_named() {
        for text in [
            "A01 | no kind",
            "A01 shut | no such kind",
            "A01-B02 open | two sections",
            "A01 A01 open | twice",
            "A1 open | no identifier",
        ] {
            assert!(parse_gaps(text).is_err(), "{text}");
        }
    }
}

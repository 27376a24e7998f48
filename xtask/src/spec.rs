//! Which requirement is implemented where, and which test shows it.
//!
//! `docs/conformance/rows.txt` holds the requirements, `open.txt` beside it those that nothing shows
//! yet. Comments `// spec: C14` in the sources name the rows that the code below them implements, or
//! the test below them shows. Of these three `docs/conformance.md` is written.

mod rows;
mod scan;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rows::{Gap, Row};
use scan::{Citation, Place};

const ROWS: &str = "docs/conformance/rows.txt";
const OPEN: &str = "docs/conformance/open.txt";
const TABLE: &str = "docs/conformance.md";

/// Writes the table.
pub(crate) fn write(root: &Path) -> Result<(), String> {
    let (table, faults) = build(root)?;
    fs::write(root.join(TABLE), table).map_err(|error| format!("{TABLE}: {error}"))?;
    report(&faults)
}

/// Checks the citations, and that the table is what [`write()`] would write.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let (table, mut faults) = build(root)?;
    if read(root, TABLE).as_ref() != Ok(&table) {
        faults.push(format!("{TABLE}: not up to date, run `cargo xtask spec`"));
    }
    report(&faults)
}

fn report(faults: &[String]) -> Result<(), String> {
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// The table, and what is wrong.
fn build(root: &Path) -> Result<(String, Vec<String>), String> {
    let sections = rows::parse_rows(&read(root, ROWS)?)?;
    let gaps = rows::parse_gaps(&read(root, OPEN)?)?;
    let mut citations = Vec::new();
    let mut faults = Vec::new();
    for file in crate::tidy::files(root, &["crates"]) {
        if Path::new(&file)
            .extension()
            .is_none_or(|extension| extension != "rs")
        {
            continue;
        }
        for found in scan::citations(&file, &read(root, &file)?) {
            match found {
                Ok(citation) => citations.push(citation),
                Err(fault) => faults.push(fault),
            }
        }
    }
    let rows: Vec<&Row> = sections.iter().flat_map(|section| &section.rows).collect();
    faults.extend(faults_of(&rows, &gaps, &citations));
    let table = table::render(&sections, &gaps, &citations);
    Ok((table, faults))
}

/// Citations of nothing, rows that nothing shows, and gaps that are none.
fn faults_of(rows: &[&Row], gaps: &BTreeMap<String, Gap>, citations: &[Citation]) -> Vec<String> {
    let exists = |id: &str| rows.iter().any(|row| row.id == id);
    let mut faults: Vec<String> = citations
        .iter()
        .filter(|citation| !exists(&citation.row))
        .map(|citation| {
            format!(
                "{}:{}: no row {}",
                citation.file, citation.line, citation.row
            )
        })
        .collect();
    faults.extend(
        gaps.keys()
            .filter(|id| !exists(id))
            .map(|id| format!("{OPEN}: no row {id}")),
    );
    for row in rows {
        let shown = citations
            .iter()
            .any(|citation| citation.row == row.id && citation.place == Place::Test);
        match (shown, gaps.get(&row.id)) {
            (false, None | Some(Gap::Partly(_))) => {
                faults.push(format!("{}: no test shows it", row.id));
            }
            (true, Some(Gap::Open(_) | Gap::Later(_))) => {
                faults.push(format!("{OPEN}: a test shows {}", row.id));
            }
            _ => {}
        }
    }
    faults
}

fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn citation(row: &str, place: Place) -> Citation {
        Citation {
            row: row.to_owned(),
            file: "crates/a/src/b.rs".to_owned(),
            line: 3,
            name: "c".to_owned(),
            place,
        }
    }

    #[test]
    fn faults_are_citations_of_nothing_rows_without_test_and_gaps_with_one() {
        let sections = rows::parse_rows(
            "== A Header\nA01 B all M | One.\nA02 B all M | Two.\nA03 B all M | Three.\nA04 B all M | Four.\n\
             A05 B all M | Five.\nA06 B all M | Six.\n",
        )
        .unwrap();
        let rows: Vec<&Row> = sections.iter().flat_map(|section| &section.rows).collect();
        let gaps = rows::parse_gaps("A03 A04 A09 open | not yet\nA05 A06 partly | but\n").unwrap();
        let citations = [
            citation("A01", Place::Test),
            citation("A02", Place::Code),
            citation("A04", Place::Test),
            citation("A05", Place::Test),
            citation("Z99", Place::Code),
        ];
        assert_eq!(
            faults_of(&rows, &gaps, &citations),
            [
                "crates/a/src/b.rs:3: no row Z99",
                "docs/conformance/open.txt: no row A09",
                "A02: no test shows it",
                "docs/conformance/open.txt: a test shows A04",
                "A06: no test shows it",
            ]
        );
    }
}

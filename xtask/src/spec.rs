//! Which requirement is implemented where, and which test shows it.
//!
//! `docs/conformance/rows.txt` holds the requirements, `open.txt` beside it those that nothing shows
//! yet. Comments `// spec: C14` in the sources name the rows that the code below them implements, or
//! the test below them shows. Of these three `docs/conformance.md` is written. A row that is for both sides
//! needs a test of each, and one that tests show the code that does it.

mod rows;
mod scan;
mod side;
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

/// Citations of nothing, rows that nothing shows or does, and gaps that are none.
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
        let tests: Vec<&Citation> = citations
            .iter()
            .filter(|citation| citation.row == row.id && citation.place == Place::Test)
            .collect();
        match (tests.is_empty(), gaps.get(&row.id)) {
            (true, None | Some(Gap::Partly(_))) => {
                faults.push(format!("{}: no test shows it", row.id));
            }
            (false, Some(Gap::Open(_) | Gap::Later(_))) => {
                faults.push(format!("{OPEN}: a test shows {}", row.id));
            }
            (false, None) => {
                faults.extend(code_missing(row, citations));
                faults.extend(sides_missing(row, &tests));
            }
            (false, Some(Gap::Partly(_))) => faults.extend(code_missing(row, citations)),
            (true, Some(Gap::Open(_) | Gap::Later(_))) => {}
        }
    }
    faults
}

/// What is wrong where tests show a row that no code names.
fn code_missing(row: &Row, citations: &[Citation]) -> Option<String> {
    let mut of_row = citations.iter().filter(|citation| citation.row == row.id);
    let is_done = of_row.any(|citation| citation.place == Place::Code);
    (!is_done).then(|| format!("{}: no code is named that does it", row.id))
}

/// The sides that a row is for and that none of its tests shows.
fn sides_missing(row: &Row, tests: &[&Citation]) -> Vec<String> {
    let wanted = side::SIDES
        .into_iter()
        .filter(|side| row.role == "both" || row.role == *side);
    wanted
        .filter(|side| !tests.iter().any(|test| side::shows(&test.file, side)))
        .map(|side| format!("{}: no test shows it of the {side}", row.id))
        .collect()
}

fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn citation(row: &str, place: Place) -> Citation {
        at("crates/a/src/b.rs", row, place)
    }

    fn at(file: &str, row: &str, place: Place) -> Citation {
        Citation {
            row: row.to_owned(),
            file: file.to_owned(),
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
            citation("A01", Place::Code),
            citation("A01", Place::Test),
            citation("A02", Place::Code),
            citation("A04", Place::Test),
            citation("A05", Place::Code),
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

    #[test]
    fn a_row_that_a_test_shows_names_the_code_that_does_it() {
        let sections = rows::parse_rows(
            "== A Header\nA01 B all M | One.\nA02 B all M | Two.\nA03 B all M | Three.\nA04 B all M | Four.\n",
        )
        .unwrap();
        let rows: Vec<&Row> = sections.iter().flat_map(|section| &section.rows).collect();
        let gaps = rows::parse_gaps("A03 partly | but\nA04 open | not yet\n").unwrap();
        let citations = [
            citation("A01", Place::Code),
            citation("A01", Place::Test),
            citation("A02", Place::Test),
            citation("A03", Place::Test),
        ];
        assert_eq!(
            faults_of(&rows, &gaps, &citations),
            [
                "A02: no code is named that does it",
                "A03: no code is named that does it",
            ]
        );
    }

    #[test]
    fn a_row_of_both_sides_needs_a_test_of_each() {
        let sections = rows::parse_rows(
            "== A Header\nA01 B all M | One.\nA02 B all M | Two.\nA03 C all M | Three.\nA04 B all M | Four.\n\
             A05 S all M | Five.\n",
        )
        .unwrap();
        let rows: Vec<&Row> = sections.iter().flat_map(|section| &section.rows).collect();
        let gaps = rows::parse_gaps("A04 partly | but for the client\n").unwrap();
        let (client, server) = (
            "crates/session/tests/client.rs",
            "crates/store/tests/guard.rs",
        );
        let tests = [
            at(client, "A01", Place::Test),
            at(server, "A01", Place::Test),
            at(server, "A02", Place::Test),
            at(server, "A03", Place::Test),
            at(server, "A04", Place::Test),
            at("crates/syncline/tests/kill.rs", "A05", Place::Test),
        ];
        let code = rows.iter().map(|row| citation(&row.id, Place::Code));
        let citations: Vec<Citation> = tests.into_iter().chain(code).collect();
        assert_eq!(
            faults_of(&rows, &gaps, &citations),
            [
                "A02: no test shows it of the client",
                "A03: no test shows it of the client",
            ]
        );
    }
}

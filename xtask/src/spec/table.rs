//! The table for people: every requirement, the code that does it and the tests that show it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::rows::{Gap, Row, Section};
use super::scan::{Citation, Place};

const INTRODUCTION: &str = "\
# Conformance

What the specifications of OMA Data Synchronization ask for, where it is done, and which tests show
it. Written by `cargo xtask spec` out of [rows.txt](conformance/rows.txt),
[open.txt](conformance/open.txt) and the comments `// spec: ID` in the sources; change those.

Level: *must*, *should* and *may* are the specification's; *ours* is a rule of this project, made
for what devices do in the field.
";

pub(super) fn render(
    sections: &[Section],
    gaps: &BTreeMap<String, Gap>,
    citations: &[Citation],
) -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str(&count(sections, gaps));
    for section in sections {
        let title = section.title.replacen(' ', ". ", 1);
        let _ = write!(
            text,
            "\n## {title}\n\n\
             | Row | Role | Versions | Level | Requirement | Done in | Shown by |\n\
             |---|---|---|---|---|---|---|\n"
        );
        for row in &section.rows {
            render_row(row, gaps, citations, &mut text);
        }
    }
    text
}

fn count(sections: &[Section], gaps: &BTreeMap<String, Gap>) -> String {
    let all: usize = sections.iter().map(|section| section.rows.len()).sum();
    let of = |is: fn(&Gap) -> bool| gaps.values().filter(|gap| is(gap)).count();
    let open = of(|gap| matches!(gap, Gap::Open(_)));
    let later = of(|gap| matches!(gap, Gap::Later(_)));
    let partly = of(|gap| matches!(gap, Gap::Partly(_)));
    let shown = all.saturating_sub(gaps.len());
    format!(
        "\n{all} rows: {shown} are shown by tests, {partly} in part, {open} are open, {later} belong \
         to transports that are not here.\n"
    )
}

fn render_row(row: &Row, gaps: &BTreeMap<String, Gap>, citations: &[Citation], text: &mut String) {
    let links = |place: Place| {
        let mut links: Vec<String> = citations
            .iter()
            .filter(|citation| citation.row == row.id && citation.place == place)
            .map(link)
            .collect();
        links.dedup();
        links.join(", ")
    };
    let shown = match gaps.get(&row.id) {
        Some(Gap::Open(reason)) => format!("*open: {reason}*"),
        Some(Gap::Later(transport)) => format!("*later: {transport}*"),
        Some(Gap::Partly(reason)) => format!("{}; *but: {reason}*", links(Place::Test)),
        None => links(Place::Test),
    };
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {shown} |",
        row.id,
        row.role,
        row.versions,
        row.level,
        row.requirement.replace('|', "\\|"),
        links(Place::Code),
    );
}

/// `file:item`, leading to the file; without its line, which would change with every edit above.
fn link(citation: &Citation) -> String {
    let file = citation.file.rsplit('/').next().unwrap_or_default();
    let stem = file.trim_end_matches(".rs");
    format!("[{stem}:{}](../{})", citation.name, citation.file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::rows::{parse_gaps, parse_rows};
    use super::*;

    #[test]
    fn a_row_tells_where_it_is_done_and_shown_or_why_not() {
        let sections = parse_rows(
            "== A Header\nA01 B all M | One.\nA02 C 1.2 O | Two.\nA03 S 1.2 S | Three.\n",
        )
        .unwrap();
        let gaps = parse_gaps("A02 later | OBEX\nA03 partly | so\n").unwrap();
        let citation = |row: &str, file: &str, name: &str, place| Citation {
            row: row.into(),
            file: file.into(),
            line: 1,
            name: name.into(),
            place,
        };
        let citations = [
            citation("A01", "crates/a/src/b.rs", "code", Place::Code),
            citation("A01", "crates/a/src/b.rs", "code", Place::Code),
            citation("A01", "crates/a/tests/c.rs", "test", Place::Test),
            citation("A03", "crates/a/tests/c.rs", "three", Place::Test),
        ];
        let text = render(&sections, &gaps, &citations);
        assert!(text.contains("3 rows: 1 are shown by tests, 1 in part, 0 are open, 1 belong"));
        assert!(text.ends_with(
            "\n## A. Header\n\n\
             | Row | Role | Versions | Level | Requirement | Done in | Shown by |\n\
             |---|---|---|---|---|---|---|\n\
             | A01 | both | all | must | One. | [b:code](../crates/a/src/b.rs) \
             | [c:test](../crates/a/tests/c.rs) |\n\
             | A02 | client | 1.2 | may | Two. |  | *later: OBEX* |\n\
             | A03 | server | 1.2 | should | Three. |  \
             | [c:three](../crates/a/tests/c.rs); *but: so* |\n"
        ));
    }
}

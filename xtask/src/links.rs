//! Links of the documentation: the file has to be there, and a link that names an item of it
//! (`[module:item](../crates/…)`) has to find that item.

use std::fs;
use std::path::Path;

use crate::tidy::files;

/// Checks the links of all pages but those that are written of the sources.
pub(crate) fn check(root: &Path, faults: &mut Vec<String>) {
    let pages = files(root, &["docs"]).into_iter();
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(str::to_owned);
    for page in pages.chain(top) {
        let is_page = Path::new(&page).extension().is_some_and(|of| of == "md");
        if !is_page || page == "docs/conformance.md" {
            continue;
        }
        let text = fs::read_to_string(root.join(&page)).unwrap_or_default();
        for (number, line) in (1..).zip(text.lines()) {
            for (name, target) in links(line) {
                if let Some(fault) = broken(root, &page, name, target) {
                    faults.push(format!("{page}:{number}: {fault}"));
                }
            }
        }
    }
}

/// The names and targets of the links in a line.
fn links(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices("](").filter_map(|(at, mark)| {
        let name = line.get(..at)?.rsplit_once('[')?.1;
        let target = line.get(at + mark.len()..)?.split_once(')')?.0;
        Some((name, target))
    })
}

/// What is wrong with a link of a page.
fn broken(root: &Path, page: &str, name: &str, target: &str) -> Option<String> {
    let file = target.split('#').next().unwrap_or_default();
    if file.is_empty() || file.contains("://") {
        return None;
    }
    let path = root.join(page).parent()?.join(file);
    if !path.exists() {
        return Some(format!("there is no {target}"));
    }
    let (_, item) = name.rsplit_once(':')?;
    let text = fs::read_to_string(&path).unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let is_there = text.split(|c: char| !is_part(c)).any(|word| word == item);
    (item.chars().all(is_part) && !is_there).then(|| format!("{file} has no {item}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_a_name_and_a_target() {
        let line = "[a](../a.rs), [a::one](../a.rs#x) | [no] (link) [b](c";
        let found: Vec<_> = links(line).collect();
        assert_eq!(found, [("a", "../a.rs"), ("a::one", "../a.rs#x")]);
    }

    #[test]
    fn a_link_finds_its_file_and_its_item() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, target, fault) in [
            ("this", "../src/links.rs", None),
            ("links::check", "../src/links.rs", None),
            ("elsewhere", "https://example.org/a:b", None),
            ("here", "#a", None),
            ("a", "../src/none.rs", Some("there is no ../src/none.rs")),
        ] {
            let found = broken(root, "src/page.md", name, target);
            assert_eq!(found.as_deref(), fault, "{name} {target}");
        }
        let gone = "is_gone".repeat(2);
        let found = broken(root, "src/page.md", &format!("links:{gone}"), "links.rs");
        assert_eq!(found, Some(format!("links.rs has no {gone}")));
    }
}

//! The table of what is in the items names tests that are there.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[test]
fn each_test_that_the_table_names_is_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let table = fs::read_to_string(docs.join("items.md")).unwrap();
    let links = table.split("](").skip(1).zip(table.split("]("));
    let mut count = 0;
    for (target, before) in links {
        let (target, _) = target.split_once(')').unwrap();
        let Some((_, name)) = before.rsplit_once('[').unwrap().1.split_once("::") else {
            continue;
        };
        let file = fs::read_to_string(docs.join(target)).unwrap();
        assert!(
            file.contains(&format!("fn {name}(")),
            "no {name} in {target}"
        );
        count += 1;
    }
    assert!(count > 150, "{count}");
}

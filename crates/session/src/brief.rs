//! Device information for a peer of small messages.
//!
//! A device that hears nothing of the other side takes it for one without folders and large objects, so
//! a document that does not fit is said with less in it, down to what decides how to go on: that there
//! is a datastore, and what it can do. What remains is true; of what is left out nothing is known, as
//! of a peer that says nothing.

use syncml::devinf::{DataStore, DevInf};
use syncml::{Command, Data};

/// The command and shorter forms of it, each with less device information than the one before.
/// `is_wanted` tells the datastores that this session is about.
// spec: F09
pub(crate) fn forms(
    command: Command<'_>,
    is_wanted: impl Fn(&DataStore) -> bool,
) -> impl Iterator<Item = Command<'_>> {
    std::iter::successors(Some(command), move |last| {
        let mut next = last.clone();
        let is_shorter = shorten(document(&mut next)?, &is_wanted);
        is_shorter.then_some(next)
    })
}

fn document<'c>(command: &'c mut Command<'_>) -> Option<&'c mut DevInf> {
    let items = match command {
        Command::Access(access) => &mut access.items,
        Command::Results(results) => &mut results.items,
        _ => return None,
    };
    items.iter_mut().find_map(|item| match &mut item.data {
        Some(Data::DevInf(devinf)) => Some(devinf.as_mut()),
        _ => None,
    })
}

/// Leaves out what can best be done without; `false` when nothing is left to leave out.
fn shorten(devinf: &mut DevInf, is_wanted: impl Fn(&DataStore) -> bool) -> bool {
    let stores = &mut devinf.datastores;
    let others = stores.iter().filter(|one| !is_wanted(one)).count();
    if others > 0 && others < stores.len() {
        stores.retain(is_wanted);
        return true;
    }
    let has_filters =
        |one: &DataStore| !one.filter_rx.is_empty() || !one.filter_capabilities.is_empty();
    if stores.iter().any(has_filters) {
        for one in stores {
            one.filter_rx = Vec::new();
            one.filter_capabilities = Vec::new();
        }
        return true;
    }
    if stores
        .iter()
        .any(|one| !one.rx.is_empty() || !one.tx.is_empty())
    {
        for one in stores {
            one.rx = Vec::new();
            one.tx = Vec::new();
        }
        return true;
    }
    if stores.len() < 2 {
        return false;
    }
    // one with folders needs most to be known
    let flat = stores.iter().rposition(|one| !one.hierarchical);
    stores.remove(flat.unwrap_or(stores.len() - 1));
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use syncml::devinf::{ContentType, FilterCapability};
    use syncml::{Access, AccessKind, Item};

    fn store(name: &str, hierarchical: bool) -> DataStore {
        let of = |media_type: &str| ContentType {
            media_type: media_type.to_owned(),
            version: "1".to_owned(),
        };
        DataStore {
            source_ref: name.to_owned(),
            rx_pref: Some(of("a/a")),
            rx: vec![of("b/b")],
            tx_pref: Some(of("a/a")),
            hierarchical,
            filter_capabilities: vec![FilterCapability::default()],
            ..DataStore::default()
        }
    }

    fn put(stores: &[(&str, bool)]) -> Command<'static> {
        let devinf = DevInf {
            datastores: stores.iter().map(|(name, is)| store(name, *is)).collect(),
            ..DevInf::default()
        };
        Command::Access(Access {
            kind: AccessKind::Put,
            cmd_id: "1".into(),
            no_resp: false,
            lang: None,
            cred: None,
            meta: None,
            items: vec![Item {
                data: Some(Data::DevInf(Box::new(devinf))),
                ..Item::default()
            }],
        })
    }

    /// Names of the datastores of each form, with `f` where filters are told and `r` where formats
    /// beside the preferred one are.
    fn told(stores: &[(&str, bool)], wanted: &[&str]) -> Vec<String> {
        let is_wanted = |one: &DataStore| wanted.contains(&one.source_ref.as_str());
        forms(put(stores), is_wanted)
            .map(|mut form| {
                let devinf = document(&mut form).unwrap();
                let all = devinf.datastores.iter().map(|one| {
                    assert!(one.rx_pref.is_some() && one.tx_pref.is_some());
                    let mut text = one.source_ref.clone();
                    text += if one.filter_capabilities.is_empty() {
                        ""
                    } else {
                        "f"
                    };
                    text += if one.rx.is_empty() { "" } else { "r" };
                    text
                });
                all.collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    #[test]
    fn what_matters_least_goes_first() {
        let all = [("A", false), ("B", true), ("C", false)];
        assert_eq!(
            told(&all, &["B", "C"]),
            ["Afr Bfr Cfr", "Bfr Cfr", "Br Cr", "B C", "B"]
        );
        assert_eq!(told(&all, &["A"]), ["Afr Bfr Cfr", "Afr", "Ar", "A"]);
    }

    #[test]
    fn where_none_or_all_are_wanted_nothing_else_goes_before() {
        let both = [("A", true), ("B", true)];
        for wanted in [&[][..], &["A", "B"]] {
            assert_eq!(told(&both, wanted), ["Afr Bfr", "Ar Br", "A B", "A"]);
        }
        assert_eq!(told(&[], &["A"]), [""]);
    }

    #[test]
    fn other_commands_have_one_form() {
        let alert = Command::Alert(syncml::Alert::default());
        assert_eq!(forms(alert, |_| true).count(), 1);
    }
}

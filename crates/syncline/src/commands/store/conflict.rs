//! `syncline store policy`: who wins the conflicts of a datastore and a device.

use serde::Serialize;
use session::store::Account;
use store::Store;

use crate::cli::Conflict;
use crate::report::{Failure, Outcome};
use crate::{output, state};

/// The name that stands for every datastore.
const ALL: &str = "all";

#[derive(Serialize)]
struct Row {
    /// `null` for every one.
    datastore: Option<String>,
    /// `null` for every one.
    device: Option<String>,
    policy: String,
}

/// Lists what was said, what goes before first.
pub(super) fn list(store: &Store, account: &Account, json: bool) -> Outcome {
    let wishes = store.policies(account.id)?.into_iter();
    let rows = wishes.map(|wish| Row {
        datastore: wish.datastore,
        device: wish.device,
        policy: wish.policy,
    });
    if json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let rows = rows.map(|row| {
        let datastore = row
            .datastore
            .unwrap_or_else(|| "(every datastore)".to_owned());
        let device = row.device.unwrap_or_else(|| "(every device)".to_owned());
        vec![datastore, device, row.policy]
    });
    output::table(
        &["datastore", "device", "policy"],
        rows.collect(),
        "conflicts are resolved as the server's configuration says",
    )
}

/// Says who wins, or with no policy forgets what was said.
pub(super) fn set(
    store: &Store,
    account: &Account,
    name: &str,
    device: Option<&str>,
    policy: Option<Conflict>,
) -> Outcome {
    let datastore = match name {
        ALL => None,
        name => Some(state::datastore(store, account, name)?),
    };
    let id = datastore.as_ref().map(|datastore| datastore.id);
    let wish = policy.map(Into::into);
    if !store.set_policy(account.id, id, device, wish)? {
        return Err(Failure::usage(format_args!(
            "there is no device {:?}; see `syncline device list`",
            device.unwrap_or_default()
        )));
    }
    let place = datastore.map_or_else(|| "every datastore".to_owned(), |one| one.name);
    let whom = device.map_or_else(
        || "every device".to_owned(),
        |device| output::foreign(device, output::PHRASE),
    );
    let what = wish.map_or("the default", session::server::ConflictPolicy::name);
    output::line(format_args!("{place}, {whom}: {what}"))
}

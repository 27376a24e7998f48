//! `syncline user`: accounts.

use serde::Serialize;
use session::store::{AccountId, Permission};
use syncml::auth;

use super::password_from_stdin;
use crate::cli::{NewPassword, User};
use crate::config::Config;
use crate::report::{Failure, Outcome};
use crate::{output, state, world};

pub(super) fn run(command: User) -> Outcome {
    match command {
        User::Add {
            state: options,
            account,
        } => {
            check_name(&account.name)?;
            let password = Password::of(&account)?;
            let config = Config::load(options.config.as_deref())?;
            let store = state::open_or_create(&options, &config)?;
            add(&store, &account.name, &password)?;
            output::line(format_args!("made account {}", account.name))?;
            password.show()
        }
        User::List {
            state: options,
            json,
        } => list(&state::open_existing(&options)?, json),
        User::Remove {
            state: options,
            name,
        } => {
            if !state::open_existing(&options)?.remove_account(&name)? {
                return Err(state::no_account(&name));
            }
            output::line(format_args!("removed account {name}"))
        }
        User::Access {
            state: options,
            name,
            store: Some(datastore),
            access: Some(access),
            device,
        } => {
            let store = state::open_existing(&options)?;
            let account = state::account(&store, &name)?;
            let datastore = state::datastore(&store, &account, &datastore)?;
            let permission = Permission::from(access);
            store.set_permission(datastore.id, device.as_deref(), permission)?;
            output::line(format_args!(
                "{} may do {} with {} of {name}",
                device.as_deref().unwrap_or("every device"),
                permission.name(),
                datastore.name
            ))
        }
        User::Access {
            state: options,
            name,
            ..
        } => list_access(&state::open_existing(&options)?, &name),
        User::Password {
            state: options,
            account,
        } => {
            let password = Password::of(&account)?;
            let store = state::open_existing(&options)?;
            let digest = auth::user_digest(&account.name, &password.text);
            if !store.set_password(&account.name, &digest, password.kept())? {
                return Err(state::no_account(&account.name));
            }
            output::line(format_args!("changed the password of {}", account.name))?;
            password.show()
        }
    }
}

/// A password that an account gets.
pub(super) struct Password {
    text: String,
    made_up: bool,
    digest_only: bool,
}

impl Password {
    fn of(account: &NewPassword) -> Outcome<Self> {
        Ok(Self {
            text: if account.password_stdin {
                password_from_stdin()?
            } else {
                world::password()?
            },
            made_up: !account.password_stdin,
            digest_only: account.digest_only,
        })
    }

    /// A password that the program chose and tells elsewhere.
    pub(super) fn given(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            made_up: false,
            digest_only: false,
        }
    }

    /// What the account keeps besides the digest: SyncML 1.0 digests need the password itself.
    fn kept(&self) -> Option<&str> {
        (!self.digest_only).then_some(self.text.as_str())
    }

    /// Prints a password that nobody knows yet.
    fn show(&self) -> Outcome {
        if self.made_up {
            output::line(format_args!("password: {}", self.text))?;
        }
        Ok(())
    }
}

/// Basic credentials end the name at its first colon, and logs are lines.
fn check_name(name: &str) -> Outcome {
    if name.trim().is_empty() || name.contains(|c: char| c == ':' || c.is_control()) {
        return Err(Failure::usage(format_args!(
            "{name:?} is no account name; choose one without colons and control characters"
        )));
    }
    Ok(())
}

/// Makes an account.
pub(super) fn add(store: &store::Store, name: &str, password: &Password) -> Outcome {
    let id = i64::from_be_bytes(world::random()?) & i64::MAX;
    let digest = auth::user_digest(name, &password.text);
    store.add_account(AccountId(id), name, &digest, password.kept())?;
    Ok(())
}

fn list_access(store: &store::Store, name: &str) -> Outcome {
    let account = state::account(store, name)?;
    let rules = store.permissions(account.id)?;
    let rows = rules.into_iter().map(|rule| {
        let device = rule.device.unwrap_or_else(|| "(every device)".to_owned());
        vec![rule.datastore, device, rule.permission.name().to_owned()]
    });
    output::table(
        &["datastore", "device", "access"],
        rows.collect(),
        "every device may read and write every datastore",
    )
}

#[derive(Serialize)]
struct Row {
    name: String,
    devices: usize,
    items: u64,
}

fn list(store: &store::Store, json: bool) -> Outcome {
    let mut rows = Vec::new();
    for account in store.accounts()? {
        let datastores = store.datastores_summary(account.id)?;
        rows.push(Row {
            devices: store.devices(account.id)?.len(),
            items: datastores.iter().map(|(_, items)| items).sum(),
            name: account.name,
        });
    }
    if json {
        return output::json(&rows);
    }
    let rows = rows
        .into_iter()
        .map(|row| vec![row.name, row.devices.to_string(), row.items.to_string()]);
    output::table(
        &["account", "devices", "items"],
        rows.collect(),
        "there are no accounts; make one with `syncline user add NAME`",
    )
}

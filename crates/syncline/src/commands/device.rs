//! `syncline device`: devices and what the server knows of them.

use serde::Serialize;
use session::peer::{Rules, Table, Traits};
use session::store::{Account, Device as StoredDevice, Link};
use store::Store;
use syncml::DevInf;

use crate::cli::Device;
use crate::config::Config;
use crate::report::{Failure, Outcome};
use crate::{output, state, world};

pub(super) fn run(command: Device) -> Outcome {
    match command {
        Device::List {
            state: options,
            user,
            json,
        } => list(
            &find(&state::open_existing(&options)?, user.as_deref())?,
            json,
        ),
        Device::Show {
            state: options,
            user,
            json,
            device,
        } => {
            let table = Config::load(options.config.as_deref())?.device_rules()?;
            let store = state::open_existing(&options)?;
            show(&one(&store, user.as_deref(), &device)?.1, &table, json)
        }
        Device::Forget {
            state: options,
            user,
            device,
        } => {
            let store = state::open_existing(&options)?;
            let (account, row) = one(&store, user.as_deref(), &device)?;
            store.forget_device(account.id, &row.device)?;
            output::line(format_args!(
                "forgot device {} of {}",
                output::foreign(&row.device, output::PHRASE),
                account.name
            ))
        }
    }
}

/// A device as people see it.
#[derive(Debug, Serialize)]
struct Row {
    user: String,
    device: String,
    maker: Option<String>,
    model: Option<String>,
    firmware: Option<String>,
    software: Option<String>,
    kind: Option<String>,
    last_seen: Option<String>,
    last_sync: Option<String>,
    datastores: Vec<Datastore>,
    #[serde(skip)]
    about: DevInf,
}

/// What `device show` says beyond the list.
#[derive(Debug, Serialize)]
struct Shown<'r> {
    #[serde(flatten)]
    row: &'r Row,
    /// Names of the rules that hold, in order.
    rules: Vec<&'r str>,
    /// What holds by them.
    flags: Rules,
}

/// A datastore that the device has synced.
#[derive(Debug, Serialize)]
struct Datastore {
    name: String,
    device_uri: String,
    last_sync: Option<String>,
    client_anchor: String,
    server_anchor: String,
    /// A session began and did not complete.
    incomplete: bool,
}

impl Row {
    fn new(user: &str, device: StoredDevice, links: Vec<(String, Link)>) -> Self {
        let about = device
            .devinf
            .as_deref()
            .and_then(|document| DevInf::read(document).ok())
            .unwrap_or_default();
        let last_sync = links.iter().map(|(_, link)| link.last_sync).max();
        Self {
            user: user.to_owned(),
            device: device.uri,
            maker: about.man.clone(),
            model: about.model.clone(),
            firmware: about.firmware.clone(),
            software: about.software.clone(),
            kind: Some(about.dev_type.clone()).filter(|kind| !kind.is_empty()),
            about,
            last_seen: world::timestamp(device.last_seen),
            last_sync: last_sync.and_then(world::timestamp),
            datastores: links
                .into_iter()
                .map(|(name, link)| Datastore {
                    name,
                    device_uri: link.client_uri,
                    last_sync: world::timestamp(link.last_sync),
                    client_anchor: link.client_anchor,
                    server_anchor: link.server_anchor,
                    incomplete: link.open.is_some(),
                })
                .collect(),
        }
    }
}

/// All devices, or those of an account.
fn find(store: &Store, user: Option<&str>) -> Outcome<Vec<(Account, Row)>> {
    let accounts = match user {
        Some(name) => vec![state::account(store, name)?],
        None => store.accounts()?,
    };
    let mut all = Vec::new();
    for account in accounts {
        for (device, links) in store.devices(account.id)? {
            let row = Row::new(&account.name, device, links);
            all.push((account.clone(), row));
        }
    }
    Ok(all)
}

/// The one device of that address.
fn one(store: &Store, user: Option<&str>, device: &str) -> Outcome<(Account, Row)> {
    let mut found = find(store, user)?;
    found.retain(|(_, row)| row.device == device);
    if found.len() > 1 {
        return Err(Failure::usage(format_args!(
            "several accounts have a device {device:?}; name one with --user"
        )));
    }
    found.pop().ok_or_else(|| {
        Failure::usage(format_args!(
            "there is no device {device:?}; see `syncline device list`"
        ))
    })
}

fn dash(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "-".to_owned())
}

fn list(devices: &[(Account, Row)], json: bool) -> Outcome {
    if json {
        let rows: Vec<&Row> = devices.iter().map(|(_, row)| row).collect();
        return output::json(&rows);
    }
    let rows = devices.iter().map(|(_, row)| {
        let names: Vec<&str> = row.datastores.iter().map(|one| one.name.as_str()).collect();
        vec![
            row.user.clone(),
            row.device.clone(),
            dash(row.maker.as_ref()),
            dash(row.model.as_ref()),
            dash(row.last_sync.as_ref()),
            names.join(", "),
        ]
    });
    output::table(
        &[
            "account",
            "device",
            "maker",
            "model",
            "last sync",
            "datastores",
        ],
        rows.collect(),
        "no device has synced yet",
    )
}

fn show(row: &Row, table: &Table, json: bool) -> Outcome {
    let traits = Traits {
        devinf: Some(&row.about),
        device: &row.device,
        user_agent: None,
        datastores: row
            .datastores
            .iter()
            .map(|one| one.device_uri.as_str())
            .collect(),
        version: row.about.version,
    };
    let rules: Vec<&str> = table.of(&traits).map(|rule| rule.name.as_str()).collect();
    if json {
        let flags = table.resolve(&traits);
        return output::json(&Shown { row, rules, flags });
    }
    let rules = Some(rules.join(", ")).filter(|rules| !rules.is_empty());
    let facts = [
        ("device", row.device.clone()),
        ("account", row.user.clone()),
        ("maker", dash(row.maker.as_ref())),
        ("model", dash(row.model.as_ref())),
        ("kind", dash(row.kind.as_ref())),
        ("firmware", dash(row.firmware.as_ref())),
        ("software", dash(row.software.as_ref())),
        ("last heard", dash(row.last_seen.as_ref())),
        ("rules", dash(rules.as_ref())),
    ];
    for (name, value) in facts {
        let value = output::foreign(&value, output::PHRASE);
        output::line(format_args!("{name:<12}{value}"))?;
    }
    output::line("")?;
    let rows = row.datastores.iter().map(|one| {
        vec![
            one.name.clone(),
            one.device_uri.clone(),
            dash(one.last_sync.as_ref()),
            one.client_anchor.clone(),
            one.server_anchor.clone(),
            if one.incomplete { "yes" } else { "no" }.to_owned(),
        ]
    });
    output::table(
        &[
            "datastore",
            "on the device",
            "last sync",
            "device's anchor",
            "server's anchor",
            "interrupted",
        ],
        rows.collect(),
        "it has not synced a datastore yet",
    )
}

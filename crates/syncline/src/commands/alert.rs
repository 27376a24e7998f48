//! `syncline alert`: notifications that ask a device to sync.

use std::io::IsTerminal as _;

use session::store::{Account, Datastore, Device, Link};
use store::Store;
use syncml::san::{self, ContentType, Notification, Sync};
use syncml::{AlertCode, DevInf, Encoding, Version};

use crate::cli::{Alert, AlertForm};
use crate::config::Config;
use crate::report::{Failure, Outcome, say, warn};
use crate::{output, state, world};

/// Identifier of a server that has no other.
pub(super) const SERVER_ID: &str = "syncline";

pub(super) fn run(options: &Alert) -> Outcome {
    let config = Config::load(options.state.config.as_deref())?;
    let store = state::open_existing(&options.state)?;
    let account = state::account(&store, &options.user)?;
    let (device, links) = device(&store, &account, &options.device)?;
    let version = version_of(&device);
    let form = options.form.unwrap_or(match version {
        Some(Version::V1_0 | Version::V1_1) => AlertForm::Message,
        _ => AlertForm::Package,
    });
    let encoding = match (form, options.encoding) {
        (AlertForm::Package, Some(_)) => {
            return Err(Failure::usage(
                "the form 1.2 has one encoding; leave --encoding out, or choose --form 1.1",
            ));
        }
        (_, encoding) => encoding.unwrap_or_default().into(),
    };
    let is_text = form == AlertForm::Message && encoding == Encoding::Xml;
    let to_stdout = options.out.as_os_str() == "-";
    if to_stdout && !is_text && std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "the notification is binary and no text for a terminal; name a file with --out, or \
             redirect",
        ));
    }
    let notification = Notification {
        version: match form {
            AlertForm::Package => Version::V1_2,
            AlertForm::Message => version.unwrap_or(Version::V1_1).min(Version::V1_1),
        },
        ui_mode: options.ui.into(),
        initiator: options.initiator.into(),
        // four digits: a SessionID has that many bytes
        session_id: Some((1 + u64::from_be_bytes(world::random()?) % 9999).to_string()),
        server_id: server_id(options, &config, form),
        syncs: syncs(options, &store, &account, &links, form)?,
        vendor: vendor(options, form)?,
    };
    let bytes = match form {
        AlertForm::Message => notification.to_message(&device.uri, encoding),
        AlertForm::Package => {
            let secret = secret(&account, &notification.server_id)?;
            if device.nonce.is_empty() {
                warn("the device has no nonce, so the digest is made without one");
            }
            notification.to_package(&secret, &device.nonce)
        }
    };
    let bytes = bytes.map_err(|error| {
        Failure::usage(format_args!(
            "the notification cannot be made: {error}; ask for fewer datastores, or shorten what \
             does not fit"
        ))
    })?;
    if to_stdout {
        output::bytes(&bytes)?;
    } else {
        std::fs::write(&options.out, &bytes).map_err(|error| {
            Failure::input(format_args!(
                "{} cannot be written: {error}; check the path",
                options.out.display()
            ))
        })?;
    }
    say(&output::foreign(
        &told(&notification, &device, bytes.len()),
        output::PHRASE,
    ));
    Ok(())
}

/// What follows for devices of a vendor.
fn vendor(options: &Alert, form: AlertForm) -> Outcome<Vec<u8>> {
    let Some(path) = &options.vendor else {
        return Ok(Vec::new());
    };
    if form == AlertForm::Message {
        return Err(Failure::usage(
            "the form 1.1 has no room for --vendor; leave it out, or choose --form 1.2",
        ));
    }
    std::fs::read(path).map_err(|error| {
        Failure::usage(format_args!(
            "{} cannot be read: {error}; check the path",
            path.display()
        ))
    })
}

/// What was made.
fn told(notification: &Notification, device: &Device, size: usize) -> String {
    let syncs: Vec<String> = notification
        .syncs
        .iter()
        .map(|sync| {
            let code = sync.client_code().unwrap_or(AlertCode::TWO_WAY);
            format!("{} ({})", sync.server_uri, code.phrase())
        })
        .collect();
    format!(
        "made a notification of SyncML {}, {size} bytes, for {} from {}: session {}, {}",
        notification.version,
        device.uri,
        notification.server_id,
        notification
            .session_id
            .as_deref()
            .unwrap_or("of its choice"),
        if syncs.is_empty() {
            "all datastores".to_owned()
        } else {
            syncs.join(", ")
        }
    )
}

/// The account's device of that address, and the datastores that it has synced.
fn device(store: &Store, account: &Account, uri: &str) -> Outcome<(Device, Vec<(String, Link)>)> {
    let mut devices = store.devices(account.id)?.into_iter();
    devices
        .find(|(device, _)| device.uri == uri)
        .ok_or_else(|| {
            Failure::usage(format_args!(
                "the account {:?} has no device {uri:?}; see `syncline device list`",
                account.name
            ))
        })
}

/// The version that a device says it speaks.
fn version_of(device: &Device) -> Option<Version> {
    let about = DevInf::read(device.devinf.as_deref()?).ok()?;
    about.version
}

/// What a package is proved with. It takes the password, since it digests another name with it
/// than a login does.
fn secret(account: &Account, server_id: &str) -> Outcome<String> {
    let password = account.password.as_deref().ok_or_else(|| {
        Failure::usage(format_args!(
            "of the account {:?} only a digest is kept, which makes no notification of 1.2; set \
             its password without --digest-only, or choose --form 1.1",
            account.name
        ))
    })?;
    Ok(san::password_digest(server_id, password))
}

/// Under which name the device knows the server: a message has an address in that place.
fn server_id(options: &Alert, config: &Config, form: AlertForm) -> String {
    let given = options
        .server_id
        .clone()
        .or_else(|| config.server.id.clone());
    let public = config
        .server
        .public_url
        .as_deref()
        .filter(|url| *url != "off");
    let public = public.map(|url| match form {
        AlertForm::Message => url,
        AlertForm::Package => host(url),
    });
    given
        .or_else(|| public.map(str::to_owned))
        .unwrap_or_else(|| SERVER_ID.to_owned())
}

/// The host of an address, or the text itself where it is no address.
pub(super) fn host(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else {
        return url;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// What the notification asks for.
fn syncs(
    options: &Alert,
    store: &Store,
    account: &Account,
    links: &[(String, Link)],
    form: AlertForm,
) -> Outcome<Vec<Sync>> {
    let mut names: Vec<&str> = options.datastore.iter().map(String::as_str).collect();
    if names.is_empty() {
        if form == AlertForm::Package && options.sync_type.is_none() {
            return Ok(Vec::new());
        }
        // a type is said, and a message speaks, of single datastores only
        names = links.iter().map(|(name, _)| name.as_str()).collect();
        if names.is_empty() {
            return Err(Failure::usage(
                "the device has synced no datastore yet; name one with --datastore",
            ));
        }
    }
    let code = match options.sync_type {
        Some(sync_type) => sync_type.code(),
        None => AlertCode::TWO_WAY_BY_SERVER,
    };
    let mut syncs: Vec<Sync> = Vec::new();
    for name in names {
        let datastore = state::datastore(store, account, name)?;
        if syncs.iter().any(|sync| sync.server_uri == datastore.name) {
            continue;
        }
        let mut links = links.iter();
        let link = links.find(|(linked, _)| *linked == datastore.name);
        syncs.push(Sync {
            code,
            content_type: content_type(&datastore),
            client_uri: link
                .map(|(_, link)| link.client_uri.clone())
                .filter(|uri| form == AlertForm::Message && !uri.is_empty()),
            server_uri: datastore.name,
        });
    }
    Ok(syncs)
}

/// The first type of a datastore that has a short code.
fn content_type(datastore: &Datastore) -> ContentType {
    let types = datastore.kind.content_types().iter();
    types
        .map(|(name, _)| ContentType::named(name))
        .find(|named| matches!(named, ContentType::Code(_)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_addresses() {
        for (url, expected) in [
            ("http://sync.example.org/syncml", "sync.example.org"),
            ("https://sync.example.org:8443", "sync.example.org"),
            ("http://me:word@h?x", "h"),
            ("http://[::1]:8080/syncml", "::1"),
            ("sync.example.org", "sync.example.org"),
            ("", ""),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}

//! `syncline serve`: the server.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use session::server;
use tokio::net::TcpListener;
use transports::http::{RespUri, Settings, Tls, TlsError, serve};

use super::runtime;
use crate::cli::Serve;
use crate::config::Config;
use crate::keep::tidy_up;
use crate::node::Node;
use crate::report::{Failure, Outcome};
use crate::{authority, output, state, world};

/// Where the server listens unless told otherwise.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// How long work may go on that nobody waits for any more, once the server has stopped.
const AFTER_STOP: Duration = Duration::from_secs(2);

pub(super) fn run(options: Serve) -> Outcome {
    let config = Config::load(options.state.config.as_deref())?;
    let listen = options.listen.or(config.server.listen).unwrap_or(LISTEN);
    let public_url = options
        .public_url
        .clone()
        .or_else(|| config.server.public_url.clone());
    let mut protocol = protocol(&options, &config);
    protocol.rules = config.device_rules()?;
    let zone = config.server.time_zone.clone().or_else(world::zone);
    protocol.zone = zone.as_deref().and_then(pim::Zone::new);
    let mut settings = settings(resp_uri(public_url.as_deref())?, protocol.max_msg_size);
    settings.tls = tls(
        options
            .tls_cert
            .as_deref()
            .or(config.server.tls_cert.as_deref()),
        options
            .tls_key
            .as_deref()
            .or(config.server.tls_key.as_deref()),
    )?;
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    if options.behind_proxy || config.server.behind_proxy {
        settings.max_connections_per_peer = settings.max_connections;
    }
    let messages = options
        .log_messages
        .clone()
        .or_else(|| config.server.log_messages.clone());
    if let Some(folder) = &messages {
        state::make_private(folder).map_err(|error| super::folder::unusable(folder, &error))?;
    }
    // before the state: who cannot listen leaves no folder behind
    let runtime = runtime()?;
    let listener = runtime.block_on(bind(listen))?;
    let store = state::open_to_serve(&options.state, &config)?;
    let authority = authority::of(config.server.ldap.as_ref())?;
    let zone = protocol.zone.clone();
    let answer_within = config.server.answer_within.map(Duration::from_secs);
    let node = Node::new(store.clone(), protocol, messages)
        .with_authority(authority)
        .answering_within(answer_within);
    let node = Arc::new(node);
    let outcome = runtime.block_on(async {
        let stop = stop_signal()?;
        let address = listener.local_addr().map_err(Failure::usage)?;
        let cleaning = tokio::spawn(tidy_up(store, Arc::clone(&node), config.keep));
        if let Some(zone) = &zone {
            tracing::info!("devices are taken to be in {}", zone.name());
        } else {
            tracing::warn!(
                "the zone of the system is not known; set time-zone in the configuration for devices that write times without one"
            );
        }
        output::line(format_args!("listening on {scheme}://{address}/syncml"))?;
        serve(listener, node, settings, stop).await;
        cleaning.abort();
        tracing::info!("stopped");
        Ok(())
    });
    // work may outlive its client, with a database that does not answer: what was not committed by
    // now is undone
    runtime.shutdown_timeout(AFTER_STOP);
    outcome
}

fn protocol(options: &Serve, config: &Config) -> server::Config {
    let mut protocol = server::Config {
        auth: config.server.auth(),
        matching: config.matching.policy(),
        guard: config.guard.limits(),
        ..server::Config::default()
    };
    if let Some(conflict) = options.conflict.or(config.server.conflict) {
        protocol.conflict = conflict.into();
    }
    if let Some(size) = options.max_msg_size.or(config.server.max_msg_size) {
        protocol.max_msg_size = size;
    }
    if let Some(size) = options.max_obj_size.or(config.server.max_obj_size) {
        protocol.max_obj_size = size;
    }
    if let Some(count) = config.server.max_sessions {
        protocol.max_sessions = count;
    }
    if let Some(count) = config.server.max_sessions_per_account {
        protocol.max_sessions_per_account = count;
    }
    protocol
}

/// Some devices send more than the size they were told, so bodies may be larger than messages.
fn settings(resp_uri: RespUri, max_msg_size: u64) -> Settings {
    let settings = Settings::default();
    let twice = usize::try_from(max_msg_size.saturating_mul(2)).unwrap_or(usize::MAX);
    let max_body = settings.max_body.max(twice);
    Settings {
        resp_uri,
        max_body,
        // a few of the largest at one time, whatever their size
        max_body_memory: settings.max_body_memory.max(max_body.saturating_mul(8)),
        ..settings
    }
}

fn resp_uri(public_url: Option<&str>) -> Outcome<RespUri> {
    match public_url {
        None => Ok(RespUri::FromRequest),
        Some("off") => Ok(RespUri::Off),
        Some(url)
            if (url.starts_with("http://") || url.starts_with("https://"))
                && !url.contains(['?', '#', ' ']) =>
        {
            Ok(RespUri::Fixed(url.to_owned()))
        }
        Some(url) => Err(Failure::usage(format_args!(
            "{url:?} is no public address; give an http or https address without a query, or `off`"
        ))),
    }
}

/// Reads certificate and key.
fn tls(certificate: Option<&Path>, key: Option<&Path>) -> Outcome<Option<Tls>> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            return Err(Failure::usage(
                "encryption needs both --tls-cert and --tls-key; give both or neither",
            ));
        }
    };
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            Failure::usage(format_args!(
                "{} cannot be read: {error}; check the path",
                path.display()
            ))
        })
    };
    let tls = Tls::new(&read(certificate)?, &read(key)?).map_err(|error| {
        let path = match error {
            TlsError::Key => key,
            _ => certificate,
        };
        Failure::usage(format_args!(
            "{}: {error}; give PEM files that belong together",
            path.display()
        ))
    })?;
    Ok(Some(tls))
}

/// Listens on an address.
pub(super) async fn bind(address: SocketAddr) -> Outcome<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format_args!(
            "cannot listen on {address}: {error}; choose another address with --listen"
        ))
    })
}

/// Completes when the process is asked to end.
pub(super) fn stop_signal() -> Outcome<impl Future<Output = ()>> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    let listen = |kind| -> Outcome<Signal> {
        signal(kind)
            .map_err(|error| Failure::state(format_args!("signals cannot be received: {error}")))
    };
    let mut interrupted = listen(SignalKind::interrupt())?;
    let mut terminated = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        tracing::info!("stopping");
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn public_addresses() {
        assert_eq!(resp_uri(None).unwrap(), RespUri::FromRequest);
        assert_eq!(resp_uri(Some("off")).unwrap(), RespUri::Off);
        let url = "https://sync.example/syncml";
        assert_eq!(resp_uri(Some(url)).unwrap(), RespUri::Fixed(url.to_owned()));
        assert!(resp_uri(Some("sync.example")).is_err());
        assert!(resp_uri(Some("http://h/?x=1")).is_err());
    }
}

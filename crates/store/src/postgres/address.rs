//! The address of a database, and how the connection to it is secured.
//!
//! `sslmode` means what it means to libpq: `prefer` and `require` encrypt without asking who
//! answers, `verify-ca` asks for a certificate of a known authority, `verify-full` for one of that
//! very host. `sslrootcert` names the authorities; without it they are the system's.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::Error;

/// Connections that a node uses at most unless told otherwise.
const CONNECTIONS: usize = 16;

/// The port of a host that names none.
const PORT: u16 = 5432;

/// How long a connection may take to come about unless the address says otherwise.
const CONNECT: Duration = Duration::from_secs(5);

/// How long sent bytes may stay without acknowledgement, and a silent peer without a sign of life.
const SILENCE: Duration = Duration::from_secs(15);

/// Where a database is and how to connect to it.
pub(super) struct Address {
    /// How to reach each of its hosts, in the order in which they are tried.
    pub(super) hosts: Vec<Config>,
    pub(super) tls: ClientConfig,
    pub(super) connections: usize,
    /// Hosts, ports and name, for messages: never the password.
    pub(super) place: String,
}

/// Whose certificate is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verify {
    Nobody,
    Authority,
    Host,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut others = Vec::new();
        let mut connections = CONNECTIONS;
        let mut verify = Verify::Nobody;
        let mut mode = None;
        let mut authorities = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("connections", number) => {
                    connections = number
                        .parse()
                        .ok()
                        .filter(|number| (1..=1000).contains(number))
                        .ok_or_else(|| wrong("connections is a number from 1 to 1000"))?;
                }
                ("sslmode", "verify-ca") => (verify, mode) = (Verify::Authority, Some("require")),
                ("sslmode", "verify-full") => (verify, mode) = (Verify::Host, Some("require")),
                ("sslmode", "allow") => mode = Some("prefer"),
                ("sslmode", known @ ("disable" | "prefer" | "require")) => mode = Some(known),
                ("sslmode", other) => {
                    return Err(wrong(&format!("sslmode {other:?} is not known")));
                }
                ("sslrootcert", path) => authorities = Some(decoded(path)?),
                _ => others.push(pair),
            }
        }
        // a named authority is there to be asked
        if authorities.is_some() && verify == Verify::Nobody && mode == Some("require") {
            verify = Verify::Authority;
        }
        let plain = format!("{base}?{}", others.join("&"));
        let mut config: Config = plain
            .parse()
            .map_err(|error: tokio_postgres::Error| wrong(&reason(&error)))?;
        if let Some(mode) = mode {
            config.ssl_mode(match mode {
                "disable" => SslMode::Disable,
                "require" => SslMode::Require,
                _ => SslMode::Prefer,
            });
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(SILENCE / 3)
            .keepalives_interval(SILENCE / 3)
            .keepalives_retries(2);
        if config.get_application_name().is_none() {
            config.application_name("syncline");
        }
        Ok(Self {
            place: place(&config)?,
            tls: tls(verify, authorities.as_deref())?,
            hosts: hosts(&config)?,
            connections,
        })
    }
}

fn wrong(what: &str) -> Error {
    Error::Address(what.to_owned())
}

/// What a client error says at its root, in one line.
pub(super) fn reason(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.message().replace('\n', " ");
    }
    root(error).to_string().replace('\n', " ")
}

/// What is at the root of a client error.
pub(super) fn root(error: &tokio_postgres::Error) -> &(dyn std::error::Error + 'static) {
    let mut deepest: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest
}

/// Hosts, ports and name of the database.
fn place(config: &Config) -> Result<String, Error> {
    let ports = config.get_ports();
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(number, host)| {
            let host = match host {
                Host::Tcp(host) => host.clone(),
                Host::Unix(folder) => folder.display().to_string(),
            };
            let port = ports.get(number).or(ports.first()).copied();
            format!("{host}:{}", port.unwrap_or(PORT))
        })
        .collect();
    if hosts.is_empty() {
        return Err(wrong("it names no host"));
    }
    let user = config.get_user().unwrap_or_default();
    let name = config.get_dbname().unwrap_or(user);
    Ok(format!("{}/{name}", hosts.join(",")))
}

/// The address of each host alone: a host that is silent must not take the time of the others.
fn hosts(config: &Config) -> Result<Vec<Config>, Error> {
    let hosts = config.get_hosts();
    let addresses = config.get_hostaddrs();
    let ports = config.get_ports();
    if !addresses.is_empty() && addresses.len() != hosts.len() {
        return Err(wrong("host and hostaddr are not equally many"));
    }
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(wrong("hosts and ports are not equally many"));
    }
    let one = |(number, host): (usize, &Host)| {
        let mut one = without_host(config);
        match host {
            Host::Tcp(host) => one.host(host),
            Host::Unix(folder) => one.host_path(folder),
        };
        if let Some(address) = addresses.get(number) {
            one.hostaddr(*address);
        }
        one.port(*ports.get(number).or(ports.first()).unwrap_or(&PORT));
        one
    };
    Ok(hosts.iter().enumerate().map(one).collect())
}

/// Everything that an address says but where.
fn without_host(config: &Config) -> Config {
    let mut plain = Config::new();
    if let Some(user) = config.get_user() {
        plain.user(user);
    }
    if let Some(password) = config.get_password() {
        plain.password(password);
    }
    if let Some(name) = config.get_dbname() {
        plain.dbname(name);
    }
    if let Some(options) = config.get_options() {
        plain.options(options);
    }
    if let Some(name) = config.get_application_name() {
        plain.application_name(name);
    }
    if let Some(time) = config.get_connect_timeout() {
        plain.connect_timeout(*time);
    }
    if let Some(time) = config.get_tcp_user_timeout() {
        plain.tcp_user_timeout(*time);
    }
    if let Some(time) = config.get_keepalives_interval() {
        plain.keepalives_interval(time);
    }
    if let Some(number) = config.get_keepalives_retries() {
        plain.keepalives_retries(number);
    }
    plain
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    plain
}

/// Undoes the escapes of a URL.
fn decoded(text: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let pair = digit(rest.next()).zip(digit(rest.next()));
        let (high, low) = pair.ok_or_else(|| wrong("an escape is broken"))?;
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| wrong("an escape is no UTF-8"))
}

fn tls(verify: Verify, authorities: Option<&str>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let failed = |error: rustls::Error| wrong(&format!("encryption cannot be set up: {error}"));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nobody => Arc::new(Lenient {
            authority: None,
            provider,
        }),
        Verify::Authority | Verify::Host => {
            let roots = roots(authorities)?;
            let full =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(|error| wrong(&format!("no authority is usable: {error}")))?;
            if verify == Verify::Host {
                full
            } else {
                Arc::new(Lenient {
                    authority: Some(full),
                    provider,
                })
            }
        }
    };
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// The authorities of a file, or the system's.
fn roots(file: Option<&str>) -> Result<RootCertStore, Error> {
    let certificates = match file {
        None => rustls_native_certs::load_native_certs().certs,
        Some(file) => CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| wrong(&format!("sslrootcert {file} cannot be read: {error}")))?,
    };
    let mut roots = RootCertStore::empty();
    // one that cannot be read vouches for nobody
    roots.add_parsable_certificates(certificates);
    Ok(roots)
}

/// Asks for a certificate of an authority, whatever its host, or for none that is worth anything.
#[derive(Debug)]
struct Lenient {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // the name is looked at last
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio_postgres::config::TargetSessionAttrs;

    use super::*;

    #[test]
    fn an_address_is_told_without_its_password() {
        let address = Address::parse("postgres://ann:secret@db.example:5433/sync").unwrap();
        assert_eq!(address.place, "db.example:5433/sync");
        assert_eq!(address.connections, 16);
        let address = Address::parse("postgresql://ann@db/?connections=3").unwrap();
        assert_eq!(
            (address.place.as_str(), address.connections),
            ("db:5432/ann", 3)
        );
    }

    #[test]
    fn each_of_several_hosts_is_told_and_has_an_address_of_its_own() {
        let url = "postgres://ann:secret@one:5433,two,three:5434/sync\
                   ?target_session_attrs=read-write&connect_timeout=3";
        let address = Address::parse(url).unwrap();
        assert_eq!(address.place, "one:5433,two:5432,three:5434/sync");
        let hosts: Vec<_> = address
            .hosts
            .iter()
            .map(|host| (host.get_hosts().to_vec(), host.get_ports().to_vec()))
            .collect();
        let host = |name: &str, port| (vec![Host::Tcp(name.to_owned())], vec![port]);
        assert_eq!(
            hosts,
            [host("one", 5433), host("two", 5432), host("three", 5434)]
        );
        for host in &address.hosts {
            assert_eq!(host.get_password(), Some(b"secret".as_slice()));
            assert_eq!(host.get_dbname(), Some("sync"));
            assert_eq!(host.get_connect_timeout(), Some(&Duration::from_secs(3)));
            assert_eq!(
                host.get_target_session_attrs(),
                TargetSessionAttrs::ReadWrite
            );
        }
    }

    #[test]
    fn modes_of_encryption() {
        let mode = |query: &str| {
            let address = Address::parse(&format!("postgres://u@h/d?{query}")).unwrap();
            address.hosts[0].get_ssl_mode()
        };
        assert_eq!(mode(""), SslMode::Prefer);
        assert_eq!(mode("sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("sslmode=require&connect_timeout=3"), SslMode::Require);
        assert_eq!(mode("sslmode=verify-full"), SslMode::Require);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in [
            "postgres://u@h/d?sslmode=always",
            "postgres://u@h/d?connections=0",
            "postgres://u@h/d?colour=blue",
            "postgres://u@h:port/d",
            "postgres://",
            "postgres://u@h/d?sslmode=verify-ca&sslrootcert=/no/such/file",
            "postgres://u@h/d?sslmode=verify-ca&sslrootcert=%2",
        ] {
            assert!(
                matches!(Address::parse(url), Err(Error::Address(_))),
                "{url}"
            );
        }
    }
}

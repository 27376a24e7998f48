//! Encrypted connections of the server (SyncML over HTTPS).

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The server's certificate with its key.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ServerConfig>);

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no certificate in PEM format.
    #[error("there is no certificate in it")]
    Certificate,
    /// There is no private key in PEM format.
    #[error("there is no private key in it")]
    Key,
    /// The two do not belong together, or are of a kind that is not supported.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Tls {
    /// Of a chain of certificates, the server's first, and the private key of that one; both are
    /// PEM texts. TLS 1.2 and 1.3 are spoken; clients show no certificate.
    // spec: N20
    pub fn new(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let certificates: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(certificates)
                .collect::<Result<_, _>>()
                .map_err(|_| TlsError::Certificate)?;
        if certificates.is_empty() {
            return Err(TlsError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }
}

/// Two are equal when one is a copy of the other.
impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tls {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_what_belongs_together_is_taken() {
        let make = || rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
        let (one, other) = (make(), make());
        let certificate = one.cert.pem();
        let key = one.signing_key.serialize_pem();
        assert!(Tls::new(certificate.as_bytes(), key.as_bytes()).is_ok());
        let fails = |certificate: &str, key: &str| {
            Tls::new(certificate.as_bytes(), key.as_bytes()).unwrap_err()
        };
        let other_key = other.signing_key.serialize_pem();
        assert!(matches!(
            fails(&certificate, &other_key),
            TlsError::Unusable(_)
        ));
        assert!(matches!(fails("no", &key), TlsError::Certificate));
        assert!(matches!(fails(&certificate, "no"), TlsError::Key));
    }
}

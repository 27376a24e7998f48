//! Encrypted connections, with a certificate made for the test.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use syncml::Encoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use transports::http::{
    Client, Error, Exchange, Incoming, Options, Outgoing, Settings, Tls, serve,
};

/// Answers every message alike, and remembers the address that it came to.
#[derive(Default)]
struct Answering {
    base: Mutex<Option<String>>,
}

impl Exchange for Answering {
    async fn exchange(&self, incoming: Incoming) -> Outgoing {
        *self.base.lock().unwrap() = incoming.resp_uri_base;
        Outgoing::Message {
            encoding: Encoding::Wbxml,
            body: b"\x02answer".to_vec(),
            mac: None,
        }
    }

    async fn ready(&self) -> bool {
        true
    }
}

// spec: N20
#[tokio::test]
async fn messages_go_over_encrypted_connections() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls::new(
        cert.pem().as_bytes(),
        signing_key.serialize_pem().as_bytes(),
    );
    let settings = Settings {
        tls: Some(tls.unwrap()),
        ..Settings::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let exchange = Arc::new(Answering::default());
    let forever = std::future::pending();
    tokio::spawn(serve(listener, Arc::clone(&exchange), settings, forever));
    let url = format!("https://localhost:{}/syncml", address.port());
    let post = async |client: &Client| {
        let message = Bytes::from_static(b"\x02message");
        let sent = client.post(&url, Encoding::Wbxml.media_type(), message);
        sent.await
    };

    let trusting = Client::new(Options {
        roots: cert.pem().into_bytes(),
        ..Options::default()
    })
    .unwrap();
    let answer = post(&trusting).await.unwrap();
    assert_eq!(answer.body, Bytes::from_static(b"\x02answer"));
    assert_eq!(exchange.base.lock().unwrap().as_ref(), Some(&url));

    let error = post(&Client::new(Options::default()).unwrap()).await;
    assert!(matches!(error, Err(Error::Unreachable { .. })), "{error:?}");

    // a client that does not encrypt is closed, and harms nobody else
    let mut plain = tokio::net::TcpStream::connect(address).await.unwrap();
    plain.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    post(&trusting).await.unwrap();
}

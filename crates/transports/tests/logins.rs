//! HTTP's own login: what the client shows to a server or a proxy that asks for one. The proofs are
//! computed here once more, from RFC 7616.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scripted;

use md5::Md5;
use scripted::{Seen, response, scripted, send};
use sha2::Sha256;
use transports::http::{Client, Error, Login, Options};

fn with_login() -> Client {
    let login = Login {
        user: "gate".to_owned(),
        password: "open sesame".to_owned(),
    };
    Client::new(Options {
        login: Some(login),
        ..Options::default()
    })
    .unwrap()
}

/// `gate:open sesame`
const AUTHORIZATION: &str = "authorization: basic z2f0ztpvcgvuihnlc2ftzq==";

// spec: N14
#[tokio::test]
async fn a_server_that_asks_for_a_login_gets_it() {
    let challenge = "WWW-Authenticate: Basic realm=\"sync\"\r\n";
    let (url, server) = scripted(vec![
        response("401 Unauthorized", challenge, b""),
        response("200 OK", "", b"\x02"),
        response("200 OK", "", b"\x02"),
    ]);
    let client = with_login();
    send(&client, &url, b"\x02").await.unwrap();
    send(&client, &url, b"\x02").await.unwrap();
    let shown: Vec<bool> = server
        .join()
        .unwrap()
        .iter()
        .map(|(head, _)| head.contains(AUTHORIZATION))
        .collect();
    assert_eq!(shown, [false, true, true]);
}

#[tokio::test]
async fn a_login_that_is_refused_is_not_repeated() {
    let basic = "WWW-Authenticate: Basic realm=\"sync\"\r\n";
    let other = "WWW-Authenticate: Negotiate\r\n";
    let (url, server) = scripted(vec![
        response("401 Unauthorized", basic, b""),
        response("401 Unauthorized", basic, b""),
        response("401 Unauthorized", other, b""),
    ]);
    for _ in 0..2 {
        let error = send(&with_login(), &url, b"\x02").await.unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 401, .. }),
            "{error}"
        );
    }
    server.join().unwrap();
}

/// The parameters of the Digest in this header of a request.
#[derive(Debug)]
struct Proof(Vec<(String, String)>);

impl Proof {
    fn of((head, _): &Seen, header: &str) -> Option<Self> {
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix(header)?.strip_prefix(": digest "))?;
        let fields = line.split(", ").map(|field| {
            let (name, value) = field.split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        });
        Some(Self(fields.collect()))
    }

    fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(of, _)| of == name);
        field.map_or("", |(_, value)| value)
    }

    /// Whether it proves the password for a request whose proof covers `a2`.
    fn holds(&self, a2: &str) -> bool {
        let hash = |text: &str| match self.get("algorithm") {
            "sha-256" => hex(&<Sha256 as sha2::Digest>::digest(text)),
            _ => hex(&<Md5 as md5::Digest>::digest(text)),
        };
        let a1 = hash(&format!("gate:{}:open sesame", self.get("realm")));
        let [nonce, nc, cnonce, qop] = ["nonce", "nc", "cnonce", "qop"].map(|name| self.get(name));
        let a2 = hash(a2);
        let secret = if qop.is_empty() {
            format!("{a1}:{nonce}:{a2}")
        } else {
            assert!(cnonce.len() >= 16, "{self:?}");
            format!("{a1}:{nonce}:{nc}:{cnonce}:{qop}:{a2}")
        };
        self.get("response") == hash(&secret) && self.get("username") == "gate"
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn challenge(nonce: &str, rest: &str) -> String {
    format!("WWW-Authenticate: Digest realm=\"sync\", nonce=\"{nonce}\"{rest}\r\n")
}

const AUTH: &str = ", qop=\"auth\"";

// spec: N14
#[tokio::test]
async fn a_digest_is_proved_in_every_form() {
    let forms = [
        ", qop=\"auth\", opaque=\"o1\"",
        ", qop=\"auth-int,auth\", algorithm=MD5",
        ", qop=\"auth\", algorithm=SHA-256",
        "",
    ];
    for form in forms {
        let (url, server) = scripted(vec![
            response("401 Unauthorized", &challenge("n1", form), b""),
            response("200 OK", "", b"\x02"),
            response("200 OK", "", b"\x02"),
        ]);
        let client = with_login();
        send(&client, &url, b"\x02").await.unwrap();
        let other = format!("{url}?sid=1");
        send(&client, &other, b"\x02").await.unwrap();
        let seen = server.join().unwrap();
        let proofs: Vec<Option<Proof>> = seen
            .iter()
            .map(|request| Proof::of(request, "authorization"))
            .collect();
        let [None, Some(first), Some(second)] = proofs.as_slice() else {
            panic!("{form}: {proofs:?}");
        };
        // the heads are in lower case here, and so the method is that of the client
        assert!(first.holds("POST:/sync"), "{form}: {first:?}");
        assert!(second.holds("POST:/sync?sid=1"), "{form}: {second:?}");
        assert!(!second.holds("POST:/sync"));
        assert_eq!(first.get("uri"), "/sync");
        assert_eq!(first.get("nonce"), "n1");
        assert_eq!(first.get("opaque").is_empty(), !form.contains("opaque"));
        let counted = [first, second].map(|proof| proof.get("nc"));
        let has_count = form.contains("qop");
        assert_eq!(
            counted,
            if has_count {
                ["00000001", "00000002"]
            } else {
                [""; 2]
            }
        );
    }
}

// spec: N14
#[tokio::test]
async fn a_nonce_that_has_become_stale_is_renewed() {
    let stale = format!("{AUTH}, stale=true");
    let (url, server) = scripted(vec![
        response("401 Unauthorized", &challenge("n1", AUTH), b""),
        response("200 OK", "", b"\x02"),
        response("401 Unauthorized", &challenge("n2", &stale), b""),
        response("401 Unauthorized", &challenge("n3", &stale), b""),
        response("200 OK", "", b"\x02"),
        // a node that has not seen the nonce
        response("401 Unauthorized", &challenge("n4", AUTH), b""),
        response("200 OK", "", b"\x02"),
    ]);
    let client = with_login();
    for _ in 0..3 {
        send(&client, &url, b"\x02").await.unwrap();
    }
    let seen = server.join().unwrap();
    let nonces: Vec<String> = seen
        .iter()
        .map(|request| {
            Proof::of(request, "authorization").map_or_else(String::new, |proof| {
                assert!(proof.holds("POST:/sync"));
                format!("{} {}", proof.get("nonce"), proof.get("nc"))
            })
        })
        .collect();
    assert_eq!(
        nonces,
        [
            "",
            "n1 00000001",
            "n1 00000002",
            "n2 00000001",
            "n3 00000001",
            "n3 00000002",
            "n4 00000001",
        ]
    );
}

// spec: N14
#[tokio::test]
async fn a_proof_that_is_refused_is_not_repeated() {
    let refusal =
        |nonce: &str, rest: &str| response("401 Unauthorized", &challenge(nonce, rest), b"");
    let stale = format!("{AUTH}, stale=true");
    let (url, server) = scripted(vec![
        refusal("n1", AUTH),
        refusal("n2", AUTH),
        // who always says so is not believed
        refusal("n3", &stale),
        refusal("n4", &stale),
        refusal("n5", &stale),
        refusal("n6", &stale),
    ]);
    for _ in 0..2 {
        let error = send(&with_login(), &url, b"\x02").await.unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 401, .. }),
            "{error}"
        );
    }
    assert_eq!(server.join().unwrap().len(), 6);
}

// spec: N14
#[tokio::test]
async fn a_proxy_and_the_server_behind_it_are_both_answered() {
    let by_proxy = challenge("p1", AUTH).replace("WWW-", "Proxy-");
    let (url, server) = scripted(vec![
        response("407 Proxy Authentication Required", &by_proxy, b""),
        response("401 Unauthorized", &challenge("s1", AUTH), b""),
        response("200 OK", "", b"\x02"),
    ]);
    let client = with_login();
    send(&client, &url, b"\x02").await.unwrap();
    let seen = server.join().unwrap();
    let proof = |index: usize, header| Proof::of(&seen[index], header);
    assert!(proof(0, "proxy-authorization").is_none());
    assert!(proof(1, "authorization").is_none());
    let whole = format!("POST:{url}");
    for (index, nc) in [(1, "00000001"), (2, "00000002")] {
        let proof = proof(index, "proxy-authorization").unwrap();
        assert!(proof.holds(&whole), "{proof:?}");
        assert_eq!(proof.get("nc"), nc);
    }
    assert!(proof(2, "authorization").unwrap().holds("POST:/sync"));
}

#[tokio::test]
async fn without_a_login_the_refusal_stands() {
    let (url, server) = scripted(vec![response(
        "401 Unauthorized",
        &challenge("n1", AUTH),
        b"",
    )]);
    let client = Client::new(Options::default()).unwrap();
    let error = send(&client, &url, b"\x02").await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 401, .. }));
    server.join().unwrap();
}

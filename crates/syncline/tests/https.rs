//! The program over an encrypted connection.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rcgen::{CertifiedKey, generate_simple_self_signed};

fn syncline(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
    command
        .args(args)
        .current_dir(folder)
        .env("SYNCLINE_DATA", folder.join("data"))
        .env_remove("SYNCLINE_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let mut child = syncline(folder, args).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // who does not want it may have closed it
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    child.wait_with_output().unwrap()
}

/// A server that ends with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// spec: N20
#[test]
fn a_folder_is_synced_over_an_encrypted_connection() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("server.pem"), cert.pem()).unwrap();
    fs::write(folder.join("server.key"), signing_key.serialize_pem()).unwrap();
    fs::create_dir(folder.join("cards")).unwrap();
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nN:Ann;;;;\r\nEND:VCARD\r\n";
    fs::write(folder.join("cards/ann.vcf"), card).unwrap();
    let added = run(
        folder,
        &["user", "add", "ada", "--password-stdin"],
        "secret\n",
    );
    assert!(added.status.success(), "{added:?}");

    let half = run(folder, &["serve", "--tls-cert", "server.pem"], "");
    assert_eq!(half.status.code(), Some(2), "{half:?}");

    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        "server.pem",
        "--tls-key",
        "server.key",
    ];
    let mut server = Serving(syncline(folder, &arguments).spawn().unwrap());
    let mut line = String::new();
    let mut out = BufReader::new(server.0.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on https://127.0.0.1:");
    let url = format!("https://localhost:{}", address.expect(&line));
    let sync = |further: &[&str]| {
        let first = ["sync", "--url", &url, "--user", "ada", "--password-stdin"];
        run(
            folder,
            &[&first, further, &["contacts=cards"]].concat(),
            "secret\n",
        )
    };
    let stranger = sync(&[]);
    assert_eq!(stranger.status.code(), Some(3), "{stranger:?}");
    let done = sync(&["--ca-file", "server.pem"]);
    assert!(done.status.success(), "{done:?}");
    let report = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(report.starts_with("contacts: sent 1 added"), "{report}");
}

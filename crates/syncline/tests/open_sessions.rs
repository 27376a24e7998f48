//! What sessions cost the server that are open: rows of its state, and no memory.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use testkit::process::{PATIENCE, Server};
use testkit::syncline::Installation;

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

/// Sessions that are open before anything is measured: what the server does for the first time is not
/// what is asked for.
const BEFORE: u64 = 200;

/// Sessions that are measured.
const MEASURED: u64 = 800;

/// What one may cost, bytes: ten thousand then cost less than 200 MiB.
const EACH: u64 = 20 << 10;

/// `ann:secret` in Base64.
const LOGIN: &str = "YW5uOnNlY3JldA==";

/// A device opens its contacts, gets its answer, and is heard of no more.
fn open(server: &Server, number: u64) {
    let body = format!(
        "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>\
         <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>http://server/syncml</LocURI></Target>\
         <Source><LocURI>device-{number}</LocURI></Source>\
         <Cred><Meta><Type xmlns='syncml:metinf'>syncml:auth-basic</Type></Meta>\
         <Data>{LOGIN}</Data></Cred></SyncHdr><SyncBody>\
         <Alert><CmdID>1</CmdID><Data>201</Data><Item><Target><LocURI>contacts</LocURI></Target>\
         <Source><LocURI>people</LocURI></Source>\
         <Meta><Anchor xmlns='syncml:metinf'><Next>1</Next></Anchor></Meta></Item></Alert>\
         <Final/></SyncBody></SyncML>"
    );
    let answer = server.post(&body, PATIENCE).unwrap();
    assert!(answer.contains("<Data>212</Data>"), "{answer}");
}

#[test]
fn ten_thousand_of_them_would_fit_into_200_mib() {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let limits = "[server]\nmax-sessions = 100000\nmax-sessions-per-account = 100000\n";
    installation.configure(limits).unwrap();
    let server = installation.serve().unwrap();
    for number in 0..BEFORE {
        open(&server, number);
    }
    server.reset_peak_memory().unwrap();
    let before = server.peak_memory().unwrap();
    for number in BEFORE..BEFORE + MEASURED {
        open(&server, number);
    }
    let grown = server.peak_memory().unwrap().saturating_sub(before);
    assert!(
        grown < MEASURED * EACH,
        "{grown} bytes for {MEASURED} sessions"
    );
}

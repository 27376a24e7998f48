//! The program over a PostgreSQL database: served, administered, by two nodes, through an outage.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod certified;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use certified::certified;
use testkit::items::{self, Kind};
use testkit::postgres::{Disk, Postgres};
use testkit::process::{self, Server};
use testkit::proxy::{Break, Moment, Proxy};
use testkit::syncline::{Device, Installation, Transfer};
use testkit::{Peer, require};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

const STORES: [(&str, Kind); 1] = [("contacts", Kind::Contact)];

fn device(server: &Server) -> Device {
    Device::new(PROGRAM, server.url(), "ann", "secret", &STORES).unwrap()
}

/// The status of `GET PATH`.
fn status(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn two_nodes_serve_one_database() {
    let Some(database) = Postgres::shared() else {
        return;
    };
    let database = database.database().unwrap();
    let installation = Installation::with_database(PROGRAM, database.url()).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let folder = tempfile::tempdir().unwrap();
    items::fill(folder.path(), Kind::Contact, 1..=30, 0).unwrap();
    installation
        .import("ann", "contacts", folder.path())
        .unwrap();

    let nodes = [installation.serve().unwrap(), installation.serve().unwrap()];
    let [mut phone, mut laptop] = [0, 1].map(|node| device(&nodes[node]));
    items::fill(&phone.folder("contacts"), Kind::Contact, 31..=60, 0).unwrap();
    let first = phone.sync("two-way").unwrap()["contacts"];
    assert_eq!((first.sent.added, first.received.added), (30, 30));
    assert_eq!(
        laptop.sync("two-way").unwrap()["contacts"].received.added,
        60
    );
    // each goes on at the other node, without another first sync
    phone.url = nodes[1].url().to_owned();
    laptop.url = nodes[0].url().to_owned();
    items::fill(&laptop.folder("contacts"), Kind::Contact, 61..=61, 0).unwrap();
    assert_eq!(laptop.sync("two-way").unwrap()["contacts"].sent.added, 1);
    let last = phone.sync("two-way").unwrap()["contacts"];
    assert_eq!((last.sent.added, last.received.added), (0, 1));

    assert_eq!(installation.counts("ann").unwrap()["contacts"], 61);
    let held = installation
        .essences("ann", "contacts", Kind::Contact)
        .unwrap();
    assert_eq!(held, phone.essences("contacts", Kind::Contact).unwrap());
    let list = installation.run(&["user", "list"], b"").unwrap().text();
    assert!(list.contains("ann") && list.contains("61"), "{list}");
    let list = installation.run(&["device", "list"], b"").unwrap().text();
    assert_eq!(list.matches("ann").count(), 2, "{list}");
    for node in nodes {
        assert_eq!(node.terminate().unwrap(), Some(0));
    }
}

#[test]
fn a_server_outlives_its_database() {
    let Some(installed) = require(Peer::Postgres) else {
        return;
    };
    let mut database = Postgres::start(installed, Disk::Durable).unwrap();
    let url = database.url("postgres");
    let installation = Installation::with_database(PROGRAM, url).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let server = installation.serve().unwrap();
    let phone = device(&server);
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=5, 0).unwrap();
    assert_eq!(phone.sync("two-way").unwrap()["contacts"].sent.added, 5);
    assert_eq!(status(&server, "/readyz"), "200");

    database.crash().unwrap();
    assert_eq!(status(&server, "/readyz"), "503");
    assert_eq!(status(&server, "/healthz"), "200");
    items::fill(&phone.folder("contacts"), Kind::Contact, 6..=9, 0).unwrap();
    let refused = phone.run("two-way").unwrap();
    assert_eq!(refused.code, Some(3), "{}", refused.all());

    database.start_again().unwrap();
    assert_eq!(status(&server, "/readyz"), "200");
    assert_eq!(phone.sync("two-way").unwrap()["contacts"].sent.added, 4);
    assert_eq!(installation.counts("ann").unwrap()["contacts"], 9);
}

fn run(program: &str, arguments: &[&str]) {
    let output = process::run(program.as_ref(), arguments, b"").unwrap();
    assert_eq!(output.code, Some(0), "{}", output.all());
}

/// Copies a database into another, with the programs of PostgreSQL.
fn dump(from: &str, to: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump").to_string_lossy().into_owned();
    run(
        "/usr/bin/pg_dump",
        &["--format=custom", "--file", &file, from],
    );
    run(
        "/usr/bin/pg_restore",
        &["--no-owner", "--dbname", to, &file],
    );
}

#[test]
fn a_dump_of_a_database_is_the_same_server_elsewhere() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let (database, other) = (server.database().unwrap(), server.database().unwrap());
    let installation = Installation::with_database(PROGRAM, database.url()).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let node = installation.serve().unwrap();
    let phone = device(&node);
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=20, 0).unwrap();
    assert_eq!(phone.sync("two-way").unwrap()["contacts"].sent.added, 20);

    // while it runs
    dump(&database.url(), &other.url());
    let address = node.address().to_owned();
    assert_eq!(node.terminate().unwrap(), Some(0));
    // the device notices nothing
    let restored = Installation::with_database(PROGRAM, other.url()).unwrap();
    let _node = restored.serve_on(&address).unwrap();
    items::fill(&phone.folder("contacts"), Kind::Contact, 21..=21, 0).unwrap();
    let next = phone.sync("two-way").unwrap()["contacts"];
    assert_eq!((next.sent.added, next.received.added), (1, 0));
    assert_eq!(restored.counts("ann").unwrap()["contacts"], 21);
}

/// Both devices sync until nothing moves, and hold what the server holds.
fn settle(installation: &Installation, devices: [&Device; 2]) {
    for device in [devices[0], devices[1], devices[0]] {
        device.sync("two-way").unwrap();
    }
    let held = installation
        .essences("ann", "contacts", Kind::Contact)
        .unwrap();
    for device in devices {
        let own = device.essences("contacts", Kind::Contact).unwrap();
        assert_eq!(own, held);
    }
}

#[test]
fn a_dump_that_devices_write_beside_is_joined_with_what_they_have() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let (database, other) = (server.database().unwrap(), server.database().unwrap());
    let installation = Installation::with_database(PROGRAM, database.url()).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let node = installation.serve().unwrap();
    let [phone, laptop] = [0, 1].map(|_| device(&node));
    items::fill(&laptop.folder("contacts"), Kind::Contact, 1..=20, 0).unwrap();
    laptop.sync("two-way").unwrap();
    phone.sync("two-way").unwrap();
    let written = std::thread::scope(|scope| {
        let dumping = scope.spawn(|| dump(&database.url(), &other.url()));
        let mut last = 20;
        while !dumping.is_finished() || last == 20 {
            items::fill(
                &phone.folder("contacts"),
                Kind::Contact,
                last + 1..=last + 5,
                0,
            )
            .unwrap();
            last += 5;
            phone.sync("two-way").unwrap();
        }
        dumping.join().unwrap();
        last
    });
    let address = node.address().to_owned();
    assert_eq!(node.terminate().unwrap(), Some(0));
    let restored = Installation::with_database(PROGRAM, other.url()).unwrap();
    let before = restored.counts("ann").unwrap()["contacts"];
    assert!(before <= u64::from(written), "{before}");
    restored.run(&["restore"], b"").unwrap();
    let _node = restored.serve_on(&address).unwrap();
    settle(&restored, [&phone, &laptop]);
    let after = restored.counts("ann").unwrap()["contacts"];
    assert_eq!(after, u64::from(written));
}

#[test]
fn a_database_taken_back_to_a_moment_is_joined_with_what_devices_have() {
    let Some(installed) = require(Peer::Postgres) else {
        return;
    };
    let mut database = Postgres::start(installed, Disk::Durable).unwrap();
    let archive = database.archive().unwrap();
    let installation = Installation::with_database(PROGRAM, database.url("postgres")).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let node = installation.serve().unwrap();
    let [phone, laptop] = [0, 1].map(|_| device(&node));
    let fill = |device: &Device, numbers| {
        items::fill(&device.folder("contacts"), Kind::Contact, numbers, 0).unwrap();
    };
    fill(&phone, 1..=10);
    phone.sync("two-way").unwrap();
    let copy = database.copy(&archive).unwrap();
    fill(&phone, 11..=20);
    settle(&installation, [&phone, &laptop]);
    database.mark("noon").unwrap();
    fill(&laptop, 21..=30);
    settle(&installation, [&phone, &laptop]);
    fill(&phone, 31..=35);
    phone.sync("two-way").unwrap();
    database.mark("after").unwrap();
    let address = node.address().to_owned();
    assert_eq!(node.terminate().unwrap(), Some(0));

    let recovered = copy.recover("noon").unwrap();
    let restored = Installation::with_database(PROGRAM, recovered.url("postgres")).unwrap();
    assert_eq!(restored.counts("ann").unwrap()["contacts"], 20);
    let output = restored.run(&["restore"], b"").unwrap();
    assert_eq!(output.code, Some(0), "{}", output.all());
    let _node = restored.serve_on(&address).unwrap();
    settle(&restored, [&phone, &laptop]);
    assert_eq!(restored.counts("ann").unwrap()["contacts"], 35);
}

#[test]
fn a_database_that_hangs_stalls_nobody() {
    let Some(installed) = require(Peer::Postgres) else {
        return;
    };
    let database = Postgres::start(installed, Disk::Durable).unwrap();
    let url = database.url("postgres");
    let installation = Installation::with_database(PROGRAM, url).unwrap();
    installation.add_user("ann", "secret").unwrap();
    installation
        .configure("[server]\nanswer-within = 1\n")
        .unwrap();
    let server = installation.serve().unwrap();
    let phone = device(&server);
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=5, 0).unwrap();
    assert_eq!(phone.sync("two-way").unwrap()["contacts"].sent.added, 5);

    let hanging = database.hang().unwrap();
    let message = "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>\
                   <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>s</LocURI></Target>\
                   <Source><LocURI>d</LocURI></Source></SyncHdr><SyncBody><Final/></SyncBody></SyncML>";
    // a fraction of the time after which the database is given up itself
    let answer = server.post(message, Duration::from_secs(30)).unwrap();
    assert!(answer.starts_with("HTTP/1.0 503"), "{answer}");
    assert!(
        answer.to_lowercase().contains("\r\nretry-after: "),
        "{answer}"
    );
    assert_eq!(status(&server, "/readyz"), "503");
    assert_eq!(status(&server, "/healthz"), "200");
    drop(hanging);

    items::fill(&phone.folder("contacts"), Kind::Contact, 6..=9, 0).unwrap();
    assert_eq!(phone.sync("two-way").unwrap()["contacts"].sent.added, 4);
    assert_eq!(status(&server, "/readyz"), "200");
    let logs = server.logs();
    let told = |text: &str| logs.lines().position(|line| line.contains(text));
    let (down, up) = (
        told("the state cannot be used;"),
        told("the state can be used again"),
    );
    assert!(down.is_some() && down < up, "{logs}");
}

/// A signal to a node, by its name.
fn signal(node: &Server, name: &str) {
    run("/bin/kill", &[name, &node.pid().to_string()]);
}

#[test]
fn what_a_node_had_in_hand_when_it_froze_is_not_done_twice() {
    let Some(database) = Postgres::shared() else {
        return;
    };
    let database = database.database().unwrap();
    let installation = Installation::with_database(PROGRAM, database.url()).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let nodes = [installation.serve().unwrap(), installation.serve().unwrap()];
    let proxy = Proxy::start(nodes[0].url()).unwrap();
    let mut phone = device(&nodes[0]);
    proxy.url().clone_into(&mut phone.url);
    phone.arguments = ["--max-msg-size", "3000"].map(str::to_owned).to_vec();
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=60, 0).unwrap();

    proxy.break_at(5, Moment::During, Break::Silence);
    let mut running = phone.start("two-way").unwrap();
    assert!(running.wait_until(|_| proxy.is_broken()).unwrap());
    signal(&nodes[0], "-STOP");
    running.kill();
    running.finish(process::PATIENCE).unwrap();
    proxy.mend();
    proxy.lead_to(nodes[1].url());
    // if it froze within its transaction, that is ended for it before long
    phone.sync("two-way").unwrap();
    assert_eq!(installation.counts("ann").unwrap()["contacts"], 60);
    // it goes on with its message as if no time had passed
    signal(&nodes[0], "-CONT");
    assert_eq!(status(&nodes[0], "/readyz"), "200");
    proxy.lead_to(nodes[0].url());
    let quiet = phone.sync("two-way").unwrap()["contacts"];
    assert_eq!(quiet, Transfer::default());
    assert_eq!(installation.counts("ann").unwrap()["contacts"], 60);
}

#[test]
fn an_account_that_waits_leaves_connections_to_others() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    let url = format!("{}?connections=2", database.url());
    let installation = Installation::with_database(PROGRAM, url).unwrap();
    for user in ["ann", "bob"] {
        installation.add_user(user, "secret").unwrap();
    }
    let node = installation.serve().unwrap();
    let phones: Vec<Device> = (1..=4)
        .map(|number| {
            let mut phone = device(&node);
            phone.arguments = ["--max-msg-size", "2000"].map(str::to_owned).to_vec();
            let numbers = number * 1000 + 1..=number * 1000 + 50;
            items::fill(&phone.folder("contacts"), Kind::Contact, numbers, 0).unwrap();
            phone
        })
        .collect();
    let bobs = Device::new(PROGRAM, node.url(), "bob", "secret", &STORES).unwrap();
    items::fill(&bobs.folder("contacts"), Kind::Contact, 1..=5, 0).unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let syncing = std::thread::scope(|scope| {
        let locking = scope.spawn(|| {
            let lock = "BEGIN; SELECT 1 FROM account WHERE name = 'ann' FOR UPDATE;
                        SELECT pg_sleep(600)";
            database.sql(lock).unwrap_err();
        });
        let locked = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event = 'PgSleep'";
        while database.sql(locked).unwrap() == "0" {}
        // whose their first messages are has to be seen from them
        let phones: Vec<_> = phones
            .iter()
            .map(|phone| phone.start("two-way").unwrap())
            .collect();
        while database.sql(waiting).unwrap() == "0" {}
        let syncing = scope.spawn(|| bobs.sync("two-way").unwrap()["contacts"].sent.added);
        let mut held = String::new();
        while !syncing.is_finished() && held != "2" {
            held = database.sql(waiting).unwrap();
        }
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%'
                     AND pid <> pg_backend_pid()";
        assert_eq!(database.sql(end).unwrap(), "1");
        locking.join().unwrap();
        assert_eq!(syncing.join().unwrap(), 5);
        assert_ne!(held, "2", "one of the connections is for others");
        phones
    });
    for one in syncing {
        let done = one.finish(process::PATIENCE).unwrap();
        assert_eq!(done.code, Some(0), "{}", done.all());
    }
    let counts = installation.counts("ann").unwrap();
    assert_eq!(counts["contacts"], 4 * 50);
}

#[test]
fn a_database_that_cannot_be_used_is_named_in_a_sentence() {
    let Some(database) = Postgres::shared() else {
        return;
    };
    let database = database.database().unwrap();
    let list = |url: &str| {
        let arguments = ["user", "list", "--database", url];
        let output = process::run(PROGRAM.as_ref(), &arguments, b"").unwrap();
        (output.code, output.stderr)
    };
    let url = database.url();
    let (exit, text) = list(&url);
    assert_eq!(exit, Some(2), "{text}");
    assert!(
        text.contains("holds no state") && text.contains("user add"),
        "{text}"
    );
    let made = database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(made.unwrap(), "0");
    let installation = Installation::with_database(PROGRAM, url.clone()).unwrap();
    installation.add_user("ann", "secret").unwrap();
    assert_eq!(list(&url).0, Some(0));
    let role = |options: &str| {
        let name = format!(
            "{}_{}",
            database.name(),
            options.replace(' ', "_").to_lowercase()
        );
        let sql = format!("CREATE ROLE {name} LOGIN PASSWORD 'guess' {options}");
        database.sql(&sql).unwrap();
        let place = url.rsplit_once('@').unwrap().1;
        format!("postgres://{name}:guess@{place}")
    };
    let (host, _) = url.rsplit_once('/').unwrap();
    let cases = [
        (
            url.replace("tests@", "guess@"),
            4,
            ["password", "user and password in"],
        ),
        (
            url.replace(":of%20the%20tests@", "@"),
            4,
            ["password", "user and password in"],
        ),
        (format!("{host}/nowhere"), 4, ["does not exist", "createdb"]),
        (role("CONNECTION LIMIT 0"), 4, ["too many", "`connections`"]),
        (
            role("CONNECTION LIMIT 5"),
            4,
            ["permission denied", "grant"],
        ),
        (
            format!("{url}?sslmode=require"),
            4,
            ["TLS", "encryption on"],
        ),
        (
            "postgres://u:guess@127.0.0.1:1/d".to_owned(),
            4,
            ["cannot be reached", "host and port"],
        ),
        (
            "postgres://u:guess@127.0.0.1/d?sslmode=x".to_owned(),
            2,
            ["sslmode", "write it as"],
        ),
        (
            "mysql://u:guess@127.0.0.1/d".to_owned(),
            2,
            ["no kind", "use sqlite:PATH"],
        ),
    ];
    for (url, code, parts) in cases {
        let (exit, text) = list(&url);
        assert_eq!(exit, Some(code), "{text}");
        assert!(text.starts_with("error: "), "{text}");
        assert!(
            parts.iter().all(|part| text.contains(part)),
            "{parts:?}: {text}"
        );
        assert!(text.trim_end().lines().count() == 1, "{text}");
        assert!(!text.contains("guess"), "{text}");
    }
    database
        .sql("UPDATE syncline_schema SET version = 99")
        .unwrap();
    let (exit, text) = list(&url);
    assert_eq!(exit, Some(4));
    assert!(text.contains("version 99"), "{text}");
}

#[test]
fn an_encrypted_database_is_asked_for_its_certificate() {
    let Some(installed) = require(Peer::Postgres) else {
        return;
    };
    let server = Postgres::start(installed, Disk::Fast).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [authority, certificate, key] = certified();
    server.encrypt(&certificate, &key).unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let known = written("known.pem", &authority);
    let other = written("other.pem", &certified()[0]);
    let by_number = server.url("postgres");
    let by_name = by_number.replace("127.0.0.1", "localhost");
    let url = format!("{by_name}?sslmode=verify-full&sslrootcert={known}");
    let installation = Installation::with_database(PROGRAM, url).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let serving = installation.serve().unwrap();
    let sql =
        "SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
               WHERE application_name = 'syncline'";
    assert_eq!(server.sql("postgres", sql).unwrap(), "t");
    assert_eq!(serving.terminate().unwrap(), Some(0));

    let list = |url: &str, query: &str| {
        let url = format!("{url}?{query}");
        let arguments = ["user", "list", "--database", &url];
        process::run(PROGRAM.as_ref(), &arguments, b"").unwrap()
    };
    let root = |file: &str| format!("sslrootcert={file}");
    for (url, query) in [
        (&by_number, "sslmode=prefer".to_owned()),
        (&by_number, "sslmode=require".to_owned()),
        (&by_number, format!("sslmode=require&{}", root(&known))),
        (&by_number, format!("sslmode=verify-ca&{}", root(&known))),
        (&by_name, format!("sslmode=verify-full&{}", root(&known))),
    ] {
        let listed = list(url, &query);
        assert_eq!(listed.code, Some(0), "{query}: {}", listed.all());
    }
    let encryption = "sslmode and sslrootcert";
    for (url, query, advice) in [
        (
            &by_number,
            format!("sslmode=verify-full&{}", root(&known)),
            encryption,
        ),
        (
            &by_name,
            format!("sslmode=verify-full&{}", root(&other)),
            encryption,
        ),
        (
            &by_number,
            format!("sslmode=verify-ca&{}", root(&other)),
            encryption,
        ),
        (
            &by_number,
            format!("sslmode=require&{}", root(&other)),
            encryption,
        ),
        (
            &by_number,
            "sslmode=disable".to_owned(),
            "(sslmode=require)",
        ),
    ] {
        let refused = list(url, &query);
        assert_eq!(refused.code, Some(4), "{query}: {}", refused.all());
        assert!(
            refused.stderr.contains(advice),
            "{query}: {}",
            refused.stderr
        );
    }
}

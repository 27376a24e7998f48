//! SyncEvolution's command-line client against our server: another implementation's idea of the
//! protocol. Each kind of sync and each kind of change happens in both encodings, all versions and
//! with both kinds of credentials.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::thread;

use testkit::items::{self, Kind};
use testkit::process::Server;
use testkit::syncevolution::{
    Authentication, Client, Counts, Encoding, Mode, Report, Settings, Store, Version,
};
use testkit::syncline::{Device, Installation};
use testkit::{Availability, Peer, require};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");
const USER: &str = "ada";
const PASSWORD: &str = "correct horse";
const NOTHING: Counts = Counts {
    added: 0,
    changed: 0,
    deleted: 0,
};

/// Our server with one account, and the datastores as both sides call them.
struct World {
    installed: Availability,
    // before the folder that its log is in, so that the log can be shown when a test fails
    server: Server,
    installation: Installation,
    stores: Vec<Store>,
}

impl World {
    /// `None` when SyncEvolution is not installed.
    fn new() -> Option<Self> {
        let installed = require(Peer::SyncEvolutionClient)?;
        let installation = Installation::new(PROGRAM).unwrap();
        installation.add_user(USER, PASSWORD).unwrap();
        let server = installation.serve().unwrap();
        Some(Self {
            installed,
            server,
            installation,
            stores: Store::usual(),
        })
    }

    fn client(
        &self,
        device: &str,
        encoding: Encoding,
        version: Version,
        authentication: Authentication,
    ) -> Client {
        let mut settings = Settings::new(self.server.url(), USER, PASSWORD, device);
        settings.encoding = encoding;
        settings.version = Some(version);
        settings.authentication = authentication;
        Client::new(self.installed, settings).unwrap()
    }

    /// Our own client on folders of its own, as another device of the account.
    fn device(&self) -> Device {
        let stores: Vec<(&str, Kind)> = self
            .stores
            .iter()
            .map(|store| (store.uri.as_str(), store.kind))
            .collect();
        Device::new(PROGRAM, self.server.url(), USER, PASSWORD, &stores).unwrap()
    }

    /// The server's items of `store` are these, as (number, revision).
    #[track_caller]
    fn holds(&self, store: &Store, expected: &[(u32, u32)]) {
        assert_eq!(
            self.essences(store),
            items::expected(store.kind, expected.iter().copied()),
            "{} at the server",
            store.uri
        );
    }

    fn essences(&self, store: &Store) -> Vec<String> {
        self.installation
            .essences(USER, &store.uri, store.kind)
            .unwrap()
    }

    /// The client's items are the server's.
    #[track_caller]
    fn equals(&self, client: &Client) {
        for store in &self.stores {
            assert_eq!(
                client.essences(store).unwrap(),
                self.essences(store),
                "{}: client (left) and server (right)",
                store.name
            );
        }
    }

    /// Our device's items are the server's.
    #[track_caller]
    fn equals_device(&self, device: &Device) {
        for store in &self.stores {
            assert_eq!(
                device.essences(&store.uri, store.kind).unwrap(),
                self.essences(store),
                "{}: device (left) and server (right)",
                store.uri
            );
        }
    }
}

#[track_caller]
fn sync(client: &Client, mode: Mode) -> Report {
    let report = client.sync(mode).unwrap();
    assert!(report.is_success(), "{mode:?}: {report:#?}");
    report
}

/// Every datastore sent and received these.
#[track_caller]
fn each(client: &Client, report: &Report, sent: Counts, received: Counts) {
    for store in client.stores() {
        let part = report.store(&store.name);
        assert_eq!(
            (part.sent, part.received),
            (sent, received),
            "{}: sent, received\n{}",
            store.name,
            report.output
        );
    }
}

/// How many items of a kind a new client begins with.
fn first_items(kind: Kind) -> u32 {
    match kind {
        Kind::Contact | Kind::Contact21 => 100,
        Kind::Event => 50,
        Kind::Task | Kind::Note => 20,
    }
}

fn fill(client: &Client) {
    for store in client.stores() {
        let folder = client.folder(&store.name);
        items::fill(&folder, store.kind, 1..=first_items(store.kind), 0).unwrap();
    }
}

/// First sync, a sync without changes, and one change of each kind.
fn first_changes(world: &World, client: &Client) {
    fill(client);
    let report = sync(client, Mode::TwoWay);
    for store in client.stores() {
        let part = report.store(&store.name);
        let first = first_items(store.kind);
        assert_eq!(part.mode, "slow", "{}", store.name);
        assert_eq!(part.sent, Counts::new(first.into(), 0, 0), "{}", store.name);
        assert_eq!(part.received, NOTHING, "{}", store.name);
        world.holds(store, &(1..=first).map(|n| (n, 0)).collect::<Vec<_>>());
    }
    let counts = world.installation.counts(USER).unwrap();
    let expected = [
        ("calendar", 50),
        ("contacts", 100),
        ("files", 0),
        ("mail", 0),
        ("notes", 20),
        ("tasks", 20),
    ];
    assert_eq!(
        counts,
        expected
            .map(|(name, items)| (name.to_owned(), items))
            .into()
    );

    let report = sync(client, Mode::TwoWay);
    for store in client.stores() {
        assert_eq!(report.store(&store.name).mode, "two-way", "{}", store.name);
    }
    each(client, &report, NOTHING, NOTHING);

    for store in client.stores() {
        let folder = client.folder(&store.name);
        items::fill(&folder, store.kind, 901..=901, 0).unwrap();
        items::change(&folder, store.kind, 2, 1).unwrap();
        items::delete(&folder, store.kind, 3).unwrap();
    }
    let report = sync(client, Mode::TwoWay);
    each(client, &report, Counts::new(1, 1, 1), NOTHING);
    for store in client.stores() {
        let mut expected = vec![(1, 0), (2, 1), (901, 0)];
        expected.extend((4..=first_items(store.kind)).map(|n| (n, 0)));
        world.holds(store, &expected);
    }
}

/// Everything a pair of devices of one account goes through.
fn scenario(world: &World, encoding: Encoding, version: Version, authentication: Authentication) {
    let mut client = world.client("phone", encoding, version, authentication);
    first_changes(world, &client);

    // a second device of another make sees the same
    let device = world.device();
    for (store, transfer) in device.sync("two-way").unwrap() {
        assert_eq!(transfer.sent, NOTHING, "{store}");
        assert_eq!(transfer.failed, 0, "{store}");
    }
    world.equals_device(&device);

    // changes of the second device arrive
    for store in &world.stores {
        let folder = device.folder(&store.uri);
        items::fill(&folder, store.kind, 201..=202, 0).unwrap();
        items::change(&folder, store.kind, 5, 1).unwrap();
        items::delete(&folder, store.kind, 6).unwrap();
    }
    device.sync("two-way").unwrap();
    let report = sync(&client, Mode::TwoWay);
    each(&client, &report, NOTHING, Counts::new(2, 1, 1));
    world.equals(&client);
    let report = sync(&client, Mode::TwoWay);
    each(&client, &report, NOTHING, NOTHING);

    // changes of both sides cross
    for store in &world.stores {
        let folder = device.folder(&store.uri);
        items::fill(&folder, store.kind, 203..=203, 0).unwrap();
        items::change(&folder, store.kind, 7, 1).unwrap();
        items::delete(&folder, store.kind, 8).unwrap();
        let folder = client.folder(&store.name);
        items::fill(&folder, store.kind, 301..=301, 0).unwrap();
        items::change(&folder, store.kind, 9, 1).unwrap();
        items::change(&folder, store.kind, 201, 1).unwrap();
        items::delete(&folder, store.kind, 10).unwrap();
    }
    device.sync("two-way").unwrap();
    let report = sync(&client, Mode::TwoWay);
    each(&client, &report, Counts::new(1, 2, 1), Counts::new(1, 1, 1));
    device.sync("two-way").unwrap();
    let mut expected: Vec<Vec<(u32, u32)>> = Vec::new();
    for store in &world.stores {
        let mut items = vec![
            (1, 0),
            (2, 1),
            (4, 0),
            (5, 1),
            (7, 1),
            (9, 1),
            (201, 1),
            (202, 0),
            (203, 0),
            (301, 0),
            (901, 0),
        ];
        items.extend((11..=first_items(store.kind)).map(|n| (n, 0)));
        world.holds(store, &items);
        expected.push(items);
    }
    world.equals(&client);
    world.equals_device(&device);

    // a slow sync finds that both sides have the same
    let report = sync(&client, Mode::Slow);
    for store in client.stores() {
        let part = report.store(&store.name);
        assert_eq!(part.mode, "slow", "{}", store.name);
        assert_eq!(part.received, NOTHING, "{}", store.name);
    }
    for (store, items) in world.stores.iter().zip(&expected) {
        world.holds(store, items);
    }
    world.equals(&client);
    device.sync("slow").unwrap();
    for (store, items) in world.stores.iter().zip(&expected) {
        world.holds(store, items);
    }
    world.equals_device(&device);

    // a new device of the first make sees the same
    let second = world.client("tablet", encoding, version, authentication);
    sync(&second, Mode::TwoWay);
    world.equals(&second);

    one_way(world, &client, &device, &expected);
    refresh(world, &mut client, &device);
}

/// A new item for the client's folders and another for the device's, which syncs it to the server.
fn add_on_both(world: &World, client: &Client, device: &Device, ours: u32, theirs: u32) {
    for store in &world.stores {
        let folder = client.folder(&store.name);
        items::fill(&folder, store.kind, ours..=ours, 0).unwrap();
        let folder = device.folder(&store.uri);
        items::fill(&folder, store.kind, theirs..=theirs, 0).unwrap();
    }
    device.sync("two-way").unwrap();
}

fn one_way(world: &World, client: &Client, device: &Device, before: &[Vec<(u32, u32)>]) {
    let mut expected = before.to_vec();
    let mut also = |numbers: &[u32]| {
        for items in &mut expected {
            items.extend(numbers.iter().map(|number| (*number, 0)));
        }
        expected.clone()
    };
    let locate =
        |store: &Store, number| items::locate(&client.folder(&store.name), store.kind, number);

    add_on_both(world, client, device, 401, 501);
    sync(client, Mode::OneWayFromLocal);
    for (store, items) in world.stores.iter().zip(also(&[401, 501])) {
        world.holds(store, &items);
        locate(store, 501).unwrap_err();
    }
    sync(client, Mode::TwoWay);
    world.equals(client);

    add_on_both(world, client, device, 402, 502);
    sync(client, Mode::OneWayFromRemote);
    for (store, items) in world.stores.iter().zip(also(&[502])) {
        world.holds(store, &items);
        locate(store, 502).unwrap();
        locate(store, 402).unwrap();
    }
    // The client now offers what it has just received as new, too: known items, not new ones.
    sync(client, Mode::TwoWay);
    for (store, items) in world.stores.iter().zip(also(&[402])) {
        world.holds(store, &items);
    }
    world.equals(client);
}

fn refresh(world: &World, client: &mut Client, device: &Device) {
    add_on_both(world, client, device, 403, 503);
    let before: Vec<Vec<String>> = world
        .stores
        .iter()
        .map(|store| client.essences(store).unwrap())
        .collect();
    sync(client, Mode::RefreshFromLocal);
    for (store, before) in world.stores.iter().zip(&before) {
        assert_eq!(&world.essences(store), before, "{}", store.uri);
    }
    world.equals(client);
    device.sync("two-way").unwrap();
    world.equals_device(device);

    // once as the client does it by default, with a slow sync of an empty folder, once with the
    // alert made for it
    for (real, ours, theirs) in [(false, 404, 504), (true, 405, 505)] {
        client
            .change(|settings| settings.real_refresh = real)
            .unwrap();
        add_on_both(world, client, device, ours, theirs);
        let before: Vec<Vec<String>> = world
            .stores
            .iter()
            .map(|store| world.essences(store))
            .collect();
        sync(client, Mode::RefreshFromRemote);
        for (store, before) in world.stores.iter().zip(&before) {
            assert_eq!(&world.essences(store), before, "{}", store.uri);
        }
        world.equals(client);
        let report = sync(client, Mode::TwoWay);
        each(client, &report, NOTHING, NOTHING);
    }
}

/// The scenario in all combinations with a version, side by side: the client waits for the clock
/// most of the time.
fn in_all_combinations(version: Version) {
    thread::scope(|scope| {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            for authentication in [Authentication::Md5, Authentication::Basic] {
                thread::Builder::new()
                    .name(format!("{version:?} {encoding:?} {authentication:?}"))
                    .spawn_scoped(scope, move || {
                        let Some(world) = World::new() else { return };
                        scenario(&world, encoding, version, authentication);
                        world.server.terminate().unwrap();
                    })
                    .unwrap();
            }
        }
    });
}

#[test]
fn all_kinds_of_sync_in_10() {
    in_all_combinations(Version::V10);
}

#[test]
fn all_kinds_of_sync_in_11() {
    in_all_combinations(Version::V11);
}

#[test]
fn all_kinds_of_sync_in_12() {
    in_all_combinations(Version::V12);
}

#[test]
fn small_messages_carry_a_large_first_sync() {
    let Some(world) = World::new() else { return };
    let mut client = world.client("phone", Encoding::Wbxml, Version::V12, Authentication::Md5);
    client
        .change(|settings| settings.max_message_size = 5000)
        .unwrap();
    fill(&client);
    sync(&client, Mode::TwoWay);
    world.equals(&client);
    let mut second = world.client("tablet", Encoding::Xml, Version::V11, Authentication::Md5);
    second
        .change(|settings| settings.max_message_size = 5000)
        .unwrap();
    sync(&second, Mode::TwoWay);
    world.equals(&second);
    for store in &world.stores {
        assert_eq!(
            second.essences(store).unwrap(),
            client.essences(store).unwrap(),
            "{}",
            store.name
        );
    }
}

#[test]
fn items_of_both_sides_join_without_duplicates() {
    let Some(world) = World::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    for store in &world.stores {
        let from = folder.path().join(&store.uri);
        items::fill(&from, store.kind, 11..=30, 0).unwrap();
        world.installation.import(USER, &store.uri, &from).unwrap();
    }
    let client = world.client("phone", Encoding::Wbxml, Version::V12, Authentication::Md5);
    for store in client.stores() {
        items::fill(&client.folder(&store.name), store.kind, 1..=20, 0).unwrap();
    }
    let report = sync(&client, Mode::TwoWay);
    for store in client.stores() {
        world.holds(store, &(1..=30).map(|n| (n, 0)).collect::<Vec<_>>());
        assert_eq!(
            report.store(&store.name).received.added,
            10,
            "{}",
            store.name
        );
    }
    world.equals(&client);
    let report = sync(&client, Mode::TwoWay);
    each(&client, &report, NOTHING, NOTHING);
}

#[test]
fn old_and_new_formats_of_a_contact_are_one_contact() {
    let Some(world) = World::new() else { return };
    let mut settings = Settings::new(world.server.url(), USER, PASSWORD, "old phone");
    let old = Store::new("addressbook", Kind::Contact21, "contacts");
    settings.stores = vec![old.clone()];
    let phone = Client::new(world.installed, settings).unwrap();
    items::fill(&phone.folder(&old.name), old.kind, 1..=20, 0).unwrap();
    sync(&phone, Mode::TwoWay);

    let tablet = world.client("tablet", Encoding::Wbxml, Version::V12, Authentication::Md5);
    let new = Store::new("addressbook", Kind::Contact, "contacts");
    items::fill(&tablet.folder(&new.name), new.kind, 11..=30, 0).unwrap();
    sync(&tablet, Mode::TwoWay);

    let expected: Vec<(u32, u32)> = (1..=30).map(|n| (n, 0)).collect();
    world.holds(&new, &expected);
    let expected = items::expected(Kind::Contact, expected);
    assert_eq!(tablet.essences(&new).unwrap(), expected);
}

#[test]
fn a_wrong_password_is_refused() {
    let Some(world) = World::new() else { return };
    for (encoding, version, authentication) in [
        (Encoding::Xml, Version::V10, Authentication::Md5),
        (Encoding::Wbxml, Version::V11, Authentication::Basic),
        (Encoding::Xml, Version::V12, Authentication::Basic),
        (Encoding::Wbxml, Version::V12, Authentication::Md5),
    ] {
        let mut client = world.client("phone", encoding, version, authentication);
        client
            .change(|settings| "incorrect horse".clone_into(&mut settings.password))
            .unwrap();
        fill(&client);
        let report = client.sync(Mode::TwoWay).unwrap();
        assert_eq!(report.status, 401, "{report:#?}");
        let advice = format!("check username '{USER}' and password");
        for words in ["authorization failed (remote, status 401)", &advice] {
            assert!(report.output.contains(words), "{}", report.output);
        }
        assert_ne!(report.exit, Some(0));
        for store in client.stores() {
            world.holds(store, &[]);
            let kept = client.essences(store).unwrap();
            assert_eq!(
                kept.len(),
                first_items(store.kind) as usize,
                "{}",
                store.name
            );
        }
    }
    let log = world.server.logs();
    for scheme in ["syncml:auth-md5", "syncml:auth-basic"] {
        let refusal = format!("login refused, scheme {scheme}, name \"{USER}\"");
        assert!(log.contains(&refusal), "no {refusal:?} in {log}");
    }
    assert!(!log.contains("incorrect horse"), "{log}");
}

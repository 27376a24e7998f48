//! Large collections that overlap are paired rightly by a slow sync: no record twice, no two made
//! one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use std::sync::{Arc, Mutex};

use scripted::{Client as Script, PASSWORD, Server, USER};
use session::client::{Config as Client, MemoryReplica, Mode, Session, Source, Step};
use session::server::{AnswerError, Config, Matching, Proof, Request, answer};
use session::store::{AccountId, DatastoreId, DatastoreKind, LinkId, StoreError};
use store::Sqlite;
use syncml::{ChangeKind, Document, Encoding, Version, auth};
use testkit::overlap::{self, Overlap, Sizes};

const SIZES: Sizes = Sizes {
    side: 5000,
    alone: 250,
    twins: 250,
};

const ACCOUNT: AccountId = AccountId(1);

/// A server in a file.
struct World {
    store: Sqlite,
    config: Arc<Config>,
    sessions: u8,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("syncline.db")).unwrap();
        let digest = auth::user_digest(USER, PASSWORD);
        store
            .add_account(ACCOUNT, USER, &digest, Some(PASSWORD))
            .unwrap();
        Self {
            store,
            config: Arc::default(),
            sessions: 0,
            _folder: folder,
        }
    }

    fn answer(&self, body: Vec<u8>, token: Option<String>) -> Vec<u8> {
        let config = Arc::clone(&self.config);
        let answered = self.store.transact(move |tx| {
            let hash = session::hash(&body);
            let document = Document::new(&body, None).map_err(AnswerError::Unreadable)?;
            let request = Request {
                busy: None,
                document: &document,
                hash,
                token: token.as_deref(),
                resp_uri_base: Some("http://server/syncml"),
                peer: None,
                user_agent: None,
                proof: Proof::default(),
                answer_as: None,
                now: 1_795_600_000,
                entropy: [hash.to_be_bytes()[0]; 32],
            };
            answer(tx, &config, &request)
        });
        answered.unwrap().body
    }

    /// A slow sync; how many items went to the server and came from it as new or changed.
    fn sync(&mut self, replica: &Arc<Mutex<MemoryReplica>>, kind: DatastoreKind) -> [u64; 2] {
        self.sessions += 1;
        let source = Source {
            name: kind.name().into(),
            local_uri: "./here".into(),
            remote_uri: kind.name().into(),
            kind,
            mode: Mode::Slow,
            filter: None,
            replica: Box::new(Arc::clone(replica)),
        };
        let client = Client {
            url: "http://server/syncml".into(),
            user: USER.into(),
            password: PASSWORD.into(),
            device_id: "phone".into(),
            version: Version::V1_2,
            encoding: Encoding::Wbxml,
            max_msg_size: 150_000,
            max_obj_size: 32 << 20,
            resume: true,
            one_package: false,
            basic_first: false,
            software_version: "1".into(),
        };
        let mut session =
            Session::new(client, vec![source], 1_795_600_000, [self.sessions; 8]).unwrap();
        while let Step::Send { url, body, .. } = session.step().unwrap() {
            let token = url.split_once("?sid=").map(|(_, token)| token.to_owned());
            let answer = self.answer(body, token);
            session.receive(&answer, None).unwrap();
        }
        let source = session.summary().sources.remove(0);
        assert_eq!((source.error, source.failed.len()), (None, 0));
        [source.sent.total(), source.received.total()]
    }

    /// The item of the server that the device's is paired with.
    fn guid_of(&self, datastore: DatastoreId, luid: &str) -> i64 {
        let luid = luid.to_owned();
        let found = self.store.transact::<_, StoreError>(move |tx| {
            let device = tx.device(ACCOUNT, "phone")?.unwrap().number;
            tx.mapping(LinkId { datastore, device }, &luid)
        });
        found.unwrap().unwrap().guid.0
    }
}

/// Syncs both collections and looks at who was paired with whom.
fn pairs(kind: DatastoreKind, [held_as, brought_as]: [&str; 2], overlap: &Overlap) {
    let mut world = World::new();
    let datastore = world
        .store
        .datastores_summary(ACCOUNT)
        .unwrap()
        .into_iter()
        .find(|(datastore, _)| datastore.kind == kind)
        .unwrap()
        .0
        .id;
    let held = overlap.held.iter();
    let held: Vec<_> = held
        .map(|item| (held_as.to_owned(), item.clone()))
        .collect();
    world.store.import(datastore, held, 1_795_500_000).unwrap();
    let mut replica = MemoryReplica::default();
    let luids: Vec<String> = overlap
        .brought
        .iter()
        .map(|item| replica.insert(brought_as, &item.content))
        .collect();
    let replica = Arc::new(Mutex::new(replica));
    world.sync(&replica, kind);

    let mut wrong = Vec::new();
    for (luid, item) in luids.iter().zip(&overlap.brought) {
        let guid = usize::try_from(world.guid_of(datastore, luid)).unwrap();
        // the server's items were numbered from 1 as they were imported
        let found = Some(guid - 1).filter(|place| *place < overlap.held.len());
        if found != item.partner {
            let texts = [item.partner, found].map(|place| {
                place.map_or_else(String::new, |place| {
                    String::from_utf8_lossy(&overlap.held[place]).into_owned()
                })
            });
            wrong.push(format!(
                "{}\n{}\nwanted {}\nfound {}",
                item.told,
                String::from_utf8_lossy(&item.content),
                texts[0],
                texts[1]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} are paired wrongly, such as{}",
        wrong.len(),
        luids.len(),
        wrong
            .iter()
            .take(4)
            .fold(String::new(), |all, one| all + "\n" + one)
    );
    let union = overlap.held.len()
        + overlap
            .brought
            .iter()
            .filter(|item| item.partner.is_none())
            .count();
    let held = world.store.datastores_summary(ACCOUNT).unwrap();
    let held = held.iter().find(|(held, _)| held.kind == kind).unwrap().1;
    assert_eq!(held, union as u64);
    assert_eq!(replica.lock().unwrap().items().count(), union);

    let [_, received] = world.sync(&replica, kind);
    assert_eq!(received, 0, "a second slow sync finds nothing to do");
}

// spec: H01 H04 H06
#[test]
fn five_thousand_contacts_find_their_partners_and_no_others() {
    let overlap = overlap::contacts(SIZES, 14);
    pairs(
        DatastoreKind::Contacts,
        ["text/vcard", "text/x-vcard"],
        &overlap,
    );
}

// spec: H01 H04 H06
#[test]
fn five_thousand_events_find_their_partners_and_no_others() {
    let overlap = overlap::events(SIZES, 14);
    pairs(
        DatastoreKind::Calendar,
        ["text/calendar", "text/x-vcalendar"],
        &overlap,
    );
}

const HELD: &str =
    "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Berg;Ada\r\nTEL:030 1234567\r\nNOTE:first\r\nEND:VCARD\r\n";

/// A server that holds [`HELD`] as item 1.
fn server() -> Server {
    let mut server = Server::new();
    let change = (ChangeKind::Add, "1", HELD);
    let codes = Script::new("laptop")
        .sync(&mut server, 201, ("", "1"), &[change])
        .codes;
    assert_eq!(codes, [201]);
    server
}

// spec: H06
#[test]
fn who_is_merely_like_a_record_leaves_it_to_who_is_the_same() {
    let like = HELD.replace("first", "second");
    let same = HELD.replace("030 ", "(030) ");
    for (name, exact) in [("equal", HELD), ("spelled otherwise", &same)] {
        let mut server = server();
        let changes = [
            (ChangeKind::Add, "like", like.as_str()),
            (ChangeKind::Add, "same", exact),
        ];
        let outcome = Script::new("phone").sync(&mut server, 201, ("", "1"), &changes);
        assert_eq!(outcome.codes, [201, 200], "{name}");
        assert_eq!(outcome.changes, [], "{name}");
        let mut contents = [HELD.to_owned(), like.clone()];
        contents.sort();
        assert_eq!(server.contents(), contents, "{name}");
    }
}

// spec: H06
#[test]
fn each_of_two_equal_records_has_a_partner_of_its_own() {
    let like = HELD.replace("first", "second");
    let mut server = server();
    let laptop = [(ChangeKind::Add, "1", HELD), (ChangeKind::Add, "2", HELD)];
    let codes = Script::new("tablet")
        .sync(&mut server, 201, ("", "1"), &laptop)
        .codes;
    assert_eq!(codes, [200, 201]);
    let phone = [
        (ChangeKind::Add, "same", HELD),
        (ChangeKind::Add, "like", like.as_str()),
    ];
    let outcome = Script::new("phone").sync(&mut server, 201, ("", "1"), &phone);
    assert_eq!(outcome.codes, [200, 200], "nothing waits for the second");
    assert_eq!(server.items().len(), 2);
}

// spec: H04
#[test]
fn only_equal_content_is_matched_where_the_configuration_says_so() {
    let like = HELD.replace("first", "second");
    let changes = [(ChangeKind::Add, "like", like.as_str())];
    let mut other = server();
    let codes = |server: &mut Server| {
        Script::new("phone")
            .sync(server, 201, ("", "1"), &changes)
            .codes
    };
    assert_eq!(codes(&mut other), [200]);
    let mut exact = server();
    let matching = &mut exact.config.matching;
    matching.set(DatastoreKind::Contacts, Matching::Exact);
    assert_eq!(codes(&mut exact), [201]);
    assert_eq!(exact.items().len(), 2);
    let same = [(ChangeKind::Add, "same", HELD)];
    let outcome = Script::new("watch").sync(&mut exact, 201, ("", "1"), &same);
    assert_eq!(outcome.codes, [200]);
}

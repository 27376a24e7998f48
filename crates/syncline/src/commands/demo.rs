//! `syncline demo`: a server and two devices that sync through it, to look at.

mod items;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use session::client::Mode;
use session::peer::ServerTable;
use session::server;
use session::store::DatastoreKind;
use store::{Sqlite, Store};
use syncml::{Encoding, Version};
use tokio::net::TcpListener;
use transports::http::{Options, Settings, serve};

use super::serve::{bind, stop_signal};
use super::{runtime, sync, user};
use crate::cli::Demo;
use crate::device::{Device, Folder};
use crate::node::Node;
use crate::output;
use crate::report::{Failure, Outcome};

/// Name and password of the account.
const ACCOUNT: &str = "demo";

/// The datastores that the example devices have.
const KINDS: [DatastoreKind; 3] = [
    DatastoreKind::Contacts,
    DatastoreKind::Calendar,
    DatastoreKind::Notes,
];

pub(super) fn run(options: &Demo) -> Outcome {
    let folder = tempfile::Builder::new()
        .prefix("syncline-demo-")
        .tempdir()
        .map_err(|error| {
            Failure::state(format_args!(
                "no temporary folder can be made: {error}; check $TMPDIR"
            ))
        })?;
    let demo = Folders {
        root: folder.path().to_owned(),
    };
    let store = demo.server()?;
    runtime()?.block_on(async {
        let stop = stop_signal()?;
        let listener = bind(options.listen).await?;
        let address = listener.local_addr().map_err(Failure::usage)?;
        let (leave, left) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(serving(listener, store, left));
        let mut stop = pin!(stop);
        let outcome = tokio::select! {
            outcome = show(&demo, address, options.exit) => outcome,
            () = &mut stop => Err(Failure::partly()),
        };
        if outcome.is_ok() && !options.exit {
            output::line("\nThe server runs on until Ctrl-C; the folder goes away with it.")?;
            stop.await;
        }
        drop(leave);
        // a panic of the task was reported on stderr
        let _ = serving.await;
        outcome
    })
}

/// Serves until the other side of `left` is dropped.
async fn serving(listener: TcpListener, store: Store, left: tokio::sync::oneshot::Receiver<()>) {
    let node = Node::new(store, server::Config::default(), None);
    let left = async {
        let _ = left.await;
    };
    serve(listener, Arc::new(node), Settings::default(), left).await;
}

/// The demonstration's folders.
struct Folders {
    root: PathBuf,
}

impl Folders {
    /// The server's state with the account.
    fn server(&self) -> Outcome<Store> {
        let folder = self.root.join("server");
        make(&folder)?;
        let store = Store::from(Sqlite::open(&folder.join("syncline.db"))?);
        user::add(&store, ACCOUNT, &user::Password::given(ACCOUNT))?;
        Ok(store)
    }

    fn dir(&self, device: &str, kind: DatastoreKind) -> PathBuf {
        self.root.join(device).join(kind.name())
    }

    /// Puts an item into a device's folder, in place of what was there.
    fn put(&self, device: &str, kind: DatastoreKind, file: &str, content: &str) -> Outcome {
        let folder = self.dir(device, kind);
        make(&folder)?;
        fs::write(folder.join(file), content).map_err(|error| unwritable(&folder, &error))
    }

    fn remove(&self, device: &str, kind: DatastoreKind, file: &str) -> Outcome {
        let path = self.dir(device, kind).join(file);
        fs::remove_file(&path).map_err(|error| unwritable(&path, &error))
    }

    fn device(&self, name: &str, url: &str, version: Version, encoding: Encoding) -> Device {
        let folders = KINDS.map(|kind| Folder {
            store: kind.name().to_owned(),
            dir: self.dir(name, kind),
            kind,
            media_type: kind.content_types().first().map_or("", |(name, _)| *name),
            mode: Mode::TwoWay,
            filter: None,
            room: None,
            login: None,
        });
        Device {
            http: Options::default(),
            url: url.to_owned(),
            user: ACCOUNT.to_owned(),
            password: ACCOUNT.to_owned(),
            server: None,
            id: Some(format!("demo-{name}")),
            version: Some(version),
            encoding: Some(encoding),
            rules: ServerTable::default(),
            max_msg_size: 1_000_000,
            basic_first: false,
            one_package: false,
            on_conflict: None,
            folders: folders.to_vec(),
            resting: Vec::new(),
            invitation: None,
        }
    }
}

fn make(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::state(format_args!(
        "{} cannot be written: {error}; check $TMPDIR",
        path.display()
    ))
}

/// Plays the scene and tells it.
async fn show(demo: &Folders, address: SocketAddr, leaves: bool) -> Outcome {
    use DatastoreKind::{Calendar, Contacts, Notes};
    let url = format!("http://{address}/syncml");
    output::line(format_args!("1. A server listens on {url}."))?;
    let phone = demo.device("phone", &url, Version::V1_1, Encoding::Xml);
    let laptop = demo.device("laptop", &url, Version::V1_2, Encoding::Wbxml);

    demo.put("phone", Contacts, "ada.vcf", items::ADA)?;
    demo.put("phone", Contacts, "jonas.vcf", items::JONAS)?;
    demo.put("phone", Calendar, "dentist.ics", items::DENTIST)?;
    demo.put("phone", Notes, "shopping.txt", items::SHOPPING)?;
    output::line(
        "2. The phone has two contacts, an event and a note. It syncs for the first time \
         (SyncML 1.1, XML):",
    )?;
    session(&phone).await?;

    demo.put("laptop", Contacts, "jonas-berg.vcf", items::JONAS)?;
    demo.put("laptop", Contacts, "mira.vcf", items::MIRA)?;
    demo.put("laptop", Calendar, "review.ics", items::REVIEW)?;
    output::line(
        "3. The laptop has two contacts, one of which the phone has too, and an event. It syncs \
         for the first time (SyncML 1.2, WBXML); the common contact is recognized:",
    )?;
    session(&laptop).await?;

    output::line("4. The phone syncs again and gets what the laptop brought:")?;
    session(&phone).await?;

    demo.put("phone", Contacts, "ada.vcf", items::ADA_MOVED)?;
    demo.remove("phone", Notes, "shopping.txt")?;
    demo.put("laptop", Calendar, "train.ics", items::TRAIN)?;
    output::line(
        "5. Ada gets another number on the phone and the shopping is done; on the laptop there is \
         a new event. Phone, laptop and phone sync:",
    )?;
    for device in [&phone, &laptop, &phone] {
        session(device).await?;
    }
    if leaves {
        return output::line(
            "\nBoth devices hold the same now. The demonstration leaves, and its folder is removed.",
        );
    }
    look(demo, &url)
}

/// Runs a session of a device and shows its report.
async fn session(device: &Device) -> Outcome {
    let summary = device.sync(|_| (), &Arc::default()).await?;
    for source in &summary.sources {
        output::line(format_args!("     {}", sync::line(source)))?;
        if let Some(error) = &source.error {
            return Err(Failure::peer(format_args!("{}: {error}", source.name)));
        }
    }
    Ok(())
}

/// Says where to look.
fn look(demo: &Folders, url: &str) -> Outcome {
    let root = demo.root.display();
    let program = program();
    output::line(format_args!(
        "\nBoth devices hold the same now. Look at them, change something and sync again:\n\
         \x20 server   {url}   user {ACCOUNT}   password {ACCOUNT}\n\
         \x20 phone    {root}/phone\n\
         \x20 laptop   {root}/laptop\n\
         \x20 state    {program} device list --data {root}/server\n\
         \x20 sync     echo {ACCOUNT} | {program} sync --url {url} --user {ACCOUNT} \
         --password-stdin --device-id demo-laptop contacts={root}/laptop/contacts \
         calendar={root}/laptop/calendar notes={root}/laptop/notes"
    ))
}

/// What to type to run this program: its name where a shell finds it, else its path.
fn program() -> String {
    let name = "syncline";
    let Ok(running) = std::env::current_exe() else {
        return name.to_owned();
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_some_and(|file| file.canonicalize().is_ok_and(|file| file == running)) {
        return name.to_owned();
    }
    let shown = running.display().to_string();
    if shown.contains(|c: char| !c.is_alphanumeric() && !"/-_.+".contains(c)) {
        format!("'{}'", shown.replace('\'', "'\\''"))
    } else {
        shown
    }
}

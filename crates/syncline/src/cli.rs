//! The command line's definition.

mod alert;
mod backup;
mod migrate;
mod sessions;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use session::client::Mode;
use session::server::ConflictPolicy;
use session::store::Permission;
use syncml::{Encoding, Version};

pub(crate) use alert::{Alert, AlertForm};
pub(crate) use backup::{Backup, Restore};
pub(crate) use migrate::Migrate;
pub(crate) use sessions::{Decision, Session, Undo};

/// A SyncML (OMA Data Synchronization) server and client.
///
/// Keeps contacts, calendars, tasks and notes of phones, organizers and folders in step, over
/// SyncML 1.0, 1.1 and 1.2.
#[derive(Debug, Parser)]
#[command(
    name = "syncline",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  syncline demo                           see a server and two devices sync
  syncline user add alice                 make an account, print its password
  syncline serve --listen 0.0.0.0:8080    run the server
  syncline sync --url http://localhost:8080/syncml --user alice --password-stdin contacts=./contacts

Exit codes: 0 done; 1 done, but an item or datastore failed; 2 usage or configuration;
3 the peer cannot be reached or refuses the login; 4 the state is unusable."
)]
pub(crate) struct Cli {
    /// Form of the log on stderr; $SYNCLINE_LOG filters it (`debug`, `warn`, `transports=debug`).
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until SIGTERM or Ctrl-C.
    #[command(after_help = "\
Examples:
  syncline serve
  syncline serve --data /var/lib/syncline --listen 0.0.0.0:8080 --public-url https://sync.example.org/syncml
  syncline serve --tls-cert server.pem --tls-key server.key
  syncline serve --log-messages ./messages     keep every message as readable XML, without passwords")]
    Serve(Serve),
    /// Make, list and remove accounts.
    User {
        #[command(subcommand)]
        command: User,
    },
    /// List, show and forget devices.
    Device {
        #[command(subcommand)]
        command: Device,
    },
    /// List datastores, export and import their items.
    Store {
        #[command(subcommand)]
        command: Store,
    },
    /// List sessions that deleted or replaced items, and decide about those that are held.
    Session {
        #[command(subcommand)]
        command: Session,
    },
    /// Move a whole state to another place, from a file to a PostgreSQL database or back.
    ///
    /// Devices go on where they were, even within a session. No server may run over either place
    /// meanwhile; the copy is compared with what was read before it stands, and the state at the
    /// old place stays as it is.
    #[command(after_help = "\
Examples:
  syncline migrate --from sqlite:syncline-data/syncline.db --to postgres.toml --dry-run
  syncline migrate --from sqlite:syncline-data/syncline.db --to postgres.toml
  syncline migrate --from postgres://syncline:PASSWORD@db.example/syncline --to sqlite:/var/lib/syncline/syncline.db")]
    Migrate(Migrate),
    /// Copy the state into a file, also while a server uses it, and check the copy.
    ///
    /// For a state in PostgreSQL use pg_dump or the database's own means.
    #[command(after_help = "\
Examples:
  syncline backup /backup/syncline.db
  syncline backup --force --data /var/lib/syncline /backup/syncline.db")]
    Backup(Backup),
    /// Put a backup in the place of the state, which no server may use meanwhile.
    ///
    /// The state that was there is kept beside it. Every device compares all its items with the
    /// restored state in its next sync, so that nothing is lost or doubled. For a PostgreSQL
    /// database that was restored by its own means, the command without a file does that part.
    #[command(after_help = "\
Examples:
  syncline restore /backup/syncline.db
  syncline restore --database postgres://syncline@db.example/syncline")]
    Restore(Restore),
    /// Sync local folders, one item a file, with a SyncML server.
    #[command(after_help = "\
Examples:
  syncline sync --url http://sync.example.org/syncml --user alice --password-stdin \\
      contacts=./contacts calendar=./calendar < password
  syncline sync --mode refresh-from-server … notes=./notes:text/plain
  syncline sync home.toml

A profile holds the same as the options, which go before it:
  url = \"http://sync.example.org/syncml\"
  user = \"alice\"
  password-file = \"password\"      # or: password = \"…\"
  [stores]
  contacts = \"contacts\"
  calendar = { dir = \"calendar\", type = \"text/x-vcalendar\", mode = \"from-server\" }

Rules for a server that departs from the standard go into a profile too (docs/devices.md).")]
    Sync(Sync),
    /// Make a notification that asks a device to sync (server-alerted sync).
    ///
    /// It is written to a file or stdout; what carries it to the device is not this command's
    /// matter. `syncline sync --alert` acts on one.
    #[command(after_help = "\
Examples:
  syncline alert alice IMEI:351999040012348 --out wake.san
  syncline alert alice syncline-1f2e3d4c --datastore contacts --type refresh-from-server --out wake.san
  syncline alert alice IMEI:351999040012348 --form 1.1 --encoding xml")]
    Alert(Alert),
    /// Show a WBXML document as indented XML.
    #[command(after_help = "\
Examples:
  syncline decode message.wbxml
  syncline decode < message.wbxml | less")]
    Decode(Codec),
    /// Turn an XML document into WBXML.
    #[command(after_help = "\
Examples:
  syncline encode message.xml > message.wbxml
  syncline encode message.xml --output message.wbxml")]
    Encode(Codec),
    /// Run a server in a temporary folder and two example devices that sync through it.
    Demo(Demo),
    /// Print a completion script for a shell.
    #[command(after_help = "\
Example:
  syncline completions bash > ~/.local/share/bash-completion/completions/syncline")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page of the program or of one of its commands.
    #[command(after_help = "\
Examples:
  syncline man | man -l -
  syncline man store import > syncline-store-import.1")]
    Man {
        /// The command.
        command: Vec<String>,
    },
}

/// Where the state is.
#[derive(Debug, Args)]
pub(crate) struct StateOptions {
    /// Folder of the state [default: $SYNCLINE_DATA, else ./syncline-data].
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    pub(crate) data: Option<PathBuf>,
    /// Database of the state: sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE.
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Configuration file (TOML) [default: $SYNCLINE_CONFIG].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address that devices are told to go on with, or `off` [default: the one they used].
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// All clients come through a proxy, so that one address may hold all connections.
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// Encrypt connections, with the certificate in this PEM file and those that vouch for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Who wins when device and server changed the same item [default: client-wins].
    #[arg(long, value_enum)]
    pub(crate) conflict: Option<Conflict>,
    /// Largest SyncML message taken, bytes [default: 1000000].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(MSG_SIZES))]
    pub(crate) max_msg_size: Option<u64>,
    /// Largest item taken in pieces, bytes [default: 33554432].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(OBJ_SIZES))]
    pub(crate) max_obj_size: Option<u64>,
    /// Keep every message in this folder as readable XML, credentials removed.
    #[arg(long, value_name = "DIR")]
    pub(crate) log_messages: Option<PathBuf>,
}

/// Sizes that the largest message may have, bytes.
pub(crate) const MSG_SIZES: RangeInclusive<u64> = 1_000..=16_000_000;

/// Sizes that the largest item taken in pieces may have, bytes.
pub(crate) const OBJ_SIZES: RangeInclusive<u64> = 1_000..=1_000_000_000;

/// Who wins a conflict. What loses is kept in the item's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Conflict {
    /// The device's version stands.
    ClientWins,
    /// The server's version stands.
    ServerWins,
    /// The version that says that it is newer stands; the device's where either says nothing.
    NewestWins,
    /// Both stay, as two items.
    Duplicate,
    /// The device's version stands, completed by what only the server's has.
    Merge,
    /// The device is told, and takes the server's version or insists on its own.
    Ask,
}

impl From<Conflict> for ConflictPolicy {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::ClientWins => Self::ClientWins,
            Conflict::ServerWins => Self::ServerWins,
            Conflict::NewestWins => Self::NewestWins,
            Conflict::Duplicate => Self::Duplicate,
            Conflict::Merge => Self::Merge,
            Conflict::Ask => Self::Ask,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make an account with its datastores; without --password-stdin a password is made up and
    /// printed.
    #[command(after_help = "\
Examples:
  syncline user add alice
  echo 'correct horse' | syncline user add alice --password-stdin")]
    Add {
        #[command(flatten)]
        state: StateOptions,
        #[command(flatten)]
        account: NewPassword,
    },
    /// List the accounts.
    List {
        #[command(flatten)]
        state: StateOptions,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove an account with its devices and items.
    Remove {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        name: String,
    },
    /// Say what devices may do with an account's datastore; without one, list what was said.
    #[command(after_help = "\
Examples:
  syncline user access alice
  syncline user access alice calendar ro
  syncline user access alice calendar rw --device IMEI:004400112233445")]
    Access {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        name: String,
        /// The datastore.
        #[arg(requires = "access")]
        store: Option<String>,
        /// What they may do.
        #[arg(value_enum)]
        access: Option<Access>,
        /// Only the device of this address; it goes before what is said of all.
        #[arg(long, value_name = "URI", requires = "access")]
        device: Option<String>,
    },
    /// Change an account's password; without --password-stdin one is made up and printed.
    Password {
        #[command(flatten)]
        state: StateOptions,
        #[command(flatten)]
        account: NewPassword,
    },
}

/// What a device may do with a datastore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Access {
    /// Take items and change them.
    Rw,
    /// Take items; changes are refused.
    Ro,
    /// Nothing.
    None,
}

impl From<Access> for Permission {
    fn from(access: Access) -> Self {
        match access {
            Access::Rw => Self::ReadWrite,
            Access::Ro => Self::ReadOnly,
            Access::None => Self::Refused,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct NewPassword {
    /// The account's name.
    pub(crate) name: String,
    /// Read the password from stdin, its first line.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Keep only a digest of the password; devices of SyncML 1.0 must then send it in the clear.
    #[arg(long)]
    pub(crate) digest_only: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// List devices.
    List {
        #[command(flatten)]
        state: StateOptions,
        /// Only this account's.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a device: what it is, its datastores and anchors.
    Show {
        #[command(flatten)]
        state: StateOptions,
        /// The account, when several have the device.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The device's address, as listed.
        device: String,
    },
    /// Forget a device; items stay, and its next sync is a slow one.
    Forget {
        #[command(flatten)]
        state: StateOptions,
        /// The account, when several have the device.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// The device's address, as listed.
        device: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// List an account's datastores with the number of their items.
    List {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write every item to a file of its own; other files of the folder stay as they are.
    #[command(after_help = "\
Example:
  syncline store export --user alice contacts ./backup")]
    Export {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// The media type to write: an item that is held in another one is converted, and one that
        /// cannot be is left out and named.
        #[arg(long = "type", value_name = "TYPE")]
        media_type: Option<String>,
        /// The datastore.
        store: String,
        /// The folder, made if it is not there.
        dir: PathBuf,
    },
    /// Add the items of a file or of a folder's files; a file with several cards or events is split.
    ///
    /// Every item is added as a new one: importing a folder twice adds its items twice. Hidden
    /// files and sub-folders are passed over.
    #[command(after_help = "\
Examples:
  syncline store import --user alice contacts ./contacts
  syncline store import --user alice contacts addressbook.vcf")]
    Import {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// The datastore.
        store: String,
        /// The file or folder.
        #[arg(value_name = "PATH")]
        from: PathBuf,
    },
    /// List the former versions of an item, or the items that have any.
    #[command(after_help = "\
Examples:
  syncline store history --user alice contacts        the latest 100 changed items
  syncline store history --user alice contacts 17     every former version of item 17")]
    History {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The datastore.
        store: String,
        /// The item, as listed and as exported files are named.
        guid: Option<i64>,
    },
    /// Make a former version of an item the present one, or undo what a session did; all devices
    /// get it.
    ///
    /// What was present becomes a former version in turn, so that a restore can be undone. Deleted
    /// items come back.
    #[command(after_help = "\
Examples:
  syncline store restore --user alice contacts 17 --version 2
  syncline store restore --user alice contacts --before 1f2e3d4c --dry-run
  syncline store restore --user alice contacts --before 1f2e3d4c")]
    Restore {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// The version, as numbered by `store history` [default: the latest].
        #[arg(
            long = "version",
            id = "number",
            value_name = "N",
            conflicts_with = "before"
        )]
        version: Option<usize>,
        #[command(flatten)]
        undo: Undo,
        /// The datastore.
        store: String,
        /// The item, as listed by `store history`.
        #[arg(required_unless_present = "before", conflicts_with = "before")]
        guid: Option<i64>,
    },
    /// Say who wins conflicts, in place of what the server's configuration says; list it without
    /// POLICY.
    ///
    /// What is said of a datastore and a device goes before what is said of the datastore, then of
    /// the device, then of all. It holds from the next message on.
    #[command(after_help = "\
Examples:
  syncline store policy --user alice
  syncline store policy --user alice contacts merge
  syncline store policy --user alice all server-wins --device IMEI:351999040012348
  syncline store policy --user alice contacts --default")]
    Policy {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// The datastore, or `all`.
        #[arg(requires = "wish")]
        store: Option<String>,
        /// Who wins.
        #[arg(value_enum, group = "wish")]
        policy: Option<Conflict>,
        /// Forget what was said.
        #[arg(long, group = "wish", requires = "store")]
        default: bool,
        /// Only the device of this address.
        #[arg(long, value_name = "URI", requires = "wish")]
        device: Option<String>,
        /// Print JSON.
        #[arg(long, conflicts_with = "wish")]
        json: bool,
    },
    /// Find records that a datastore holds twice, and make one of each two.
    ///
    /// Two items are one record if they say the same, or if they share a name and a number, a title
    /// and a start and the like, and contradict each other in nothing; namesakes stay. The earlier
    /// item is kept, with what only the later one says; the later one goes from all devices. Both
    /// stay in the history.
    #[command(after_help = "\
Examples:
  syncline store dedupe --user alice contacts --dry-run
  syncline store dedupe --user alice contacts")]
    Dedupe {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// Only list them.
        #[arg(long)]
        dry_run: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The datastore.
        store: String,
    },
    /// Remove what is older than the configuration's section `keep` says: former versions, tombstones
    /// of deleted items, parts of large objects, sessions. A running server does this by itself.
    ///
    /// What a device still holds stays, and what waits for a decision. A device that has not synced
    /// for as long compares all items in its next sync.
    #[command(after_help = "\
Examples:
  syncline store tidy --dry-run
  syncline store tidy --config syncline.toml")]
    Tidy {
        #[command(flatten)]
        state: StateOptions,
        /// Only count.
        #[arg(long)]
        dry_run: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the latest 100 versions of devices that lost a conflict; `store restore` brings one back.
    /// Of a meeting that was moved out of a series, which devices of vCalendar 1.0 have as an event, the
    /// series is named too.
    #[command(after_help = "\
Example:
  syncline store conflicts --user alice contacts")]
    Conflicts {
        #[command(flatten)]
        state: StateOptions,
        /// The account.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The datastore.
        store: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// The server's address.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The account.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Read the password from stdin, its first line.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Trust the certificates in this PEM file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Name for HTTP's own login (Basic or Digest), where a gateway before the server or a proxy
    /// asks for one.
    #[arg(long, value_name = "NAME", requires = "http_password_file")]
    pub(crate) http_user: Option<String>,
    /// A file whose first line is the password for that.
    #[arg(long, value_name = "FILE", requires = "http_user")]
    pub(crate) http_password_file: Option<PathBuf>,
    /// How to sync; goes before the modes that a profile names, also those of single datastores
    /// [default: two-way].
    #[arg(long, value_enum)]
    pub(crate) mode: Option<SyncMode>,
    /// SyncML version [default: the newest that the server speaks].
    #[arg(long = "version", id = "protocol", value_name = "VERSION", value_enum)]
    pub(crate) version: Option<SyncVersion>,
    /// Encoding of the messages [default: wbxml].
    #[arg(long, value_enum)]
    pub(crate) encoding: Option<SyncEncoding>,
    /// Largest message taken, bytes [default: 1000000].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(MSG_SIZES))]
    pub(crate) max_msg_size: Option<u64>,
    /// This device's identifier [default: made up once and kept].
    #[arg(long, value_name = "ID")]
    pub(crate) device_id: Option<String>,
    /// Send the password in the clear with the first message, for servers that know no digests.
    #[arg(long)]
    pub(crate) basic: bool,
    /// Take of a datastore only what this query of the standard's filter language matches, as in
    /// `contacts=CATEGORIES&CON;Family` or `calendar=SINCE&EQ;20260101T000000Z`. What does not
    /// match goes from the folder, and stays on the server.
    #[arg(long = "filter", value_name = "STORE=QUERY")]
    pub(crate) filters: Vec<String>,
    /// Take of a datastore only these properties, for this sync, as in `contacts=N,FN,TEL;TYPE=CELL/WORK,NOTE:200`:
    /// `;NAME` keeps of its parameters those that are named, `=VALUE` of their values these, `:SIZE` cuts what has more characters, and
    /// `:SIZE!` leaves it out. What is not taken stays on the server.
    #[arg(long = "fields", value_name = "STORE=PROPERTIES")]
    pub(crate) fields: Vec<String>,
    /// With a filter: keep what the folder has, whether it matches or not.
    #[arg(long)]
    pub(crate) inclusive: bool,
    /// Take no more of a datastore than fits into so many bytes, and so many items where that is said too;
    /// the rest follows when there is room.
    #[arg(long = "room", value_name = "STORE=BYTES[,ITEMS]")]
    pub(crate) rooms: Vec<String>,
    /// Log in to a datastore that asks for a login of its own as this file says: the name on its first
    /// line, the password on the second. Without it, that is the login to the server.
    #[arg(long = "store-login", value_name = "STORE=FILE")]
    pub(crate) store_logins: Vec<String>,
    /// What becomes of an item that was changed here and on the server, where the server leaves that to
    /// this side (its policy `ask`) [default: the server's version stands].
    #[arg(long, value_enum)]
    pub(crate) on_conflict: Option<OnConflict>,
    /// Send the changes with the first message: fewer messages with a server that is known.
    #[arg(long)]
    pub(crate) one_package: bool,
    /// Sync as the notification in this file asks: its datastores, its types, its session. One of
    /// SyncML 1.2 has to prove by its digest that the server sent it; one of 1.0 or 1.1 cannot.
    #[arg(long, value_name = "FILE", conflicts_with = "mode")]
    pub(crate) alert: Option<PathBuf>,
    /// Identifier under which the server sends notifications [default: the host of its address, or
    /// `syncline`].
    #[arg(long, value_name = "ID")]
    pub(crate) server_id: Option<String>,
    /// Sync only with a server that proves by a password that it has this name; nothing else of
    /// what it says is done before.
    #[arg(long, value_name = "NAME", requires = "server_password_file")]
    pub(crate) server_name: Option<String>,
    /// A file whose first line is the server's password.
    #[arg(long, value_name = "FILE", requires = "server_name")]
    pub(crate) server_password_file: Option<PathBuf>,
    /// Say what would be sent, and contact nobody.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// A datastore of the server, a folder, and the type of its items where the name does not
    /// tell; or one profile file, which stands alone.
    #[arg(value_name = "STORE=DIR[:TYPE] | PROFILE", required = true)]
    pub(crate) what: Vec<String>,
}

/// Which version of an item that was changed on both sides shall stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnConflict {
    /// The server's.
    Server,
    /// The one here; the next sync sends it.
    Client,
    /// Both: the one here becomes a file of its own, which the next sync sends.
    Both,
    /// Ask for each, on the terminal.
    Ask,
}

/// How to sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SyncMode {
    /// Changes of both sides.
    #[default]
    TwoWay,
    /// Compare all items of both sides.
    Slow,
    /// Changes of this side only.
    FromClient,
    /// This side's items replace the server's.
    RefreshFromClient,
    /// Changes of the server only.
    FromServer,
    /// The server's items replace this side's.
    RefreshFromServer,
}

impl From<SyncMode> for Mode {
    fn from(mode: SyncMode) -> Self {
        match mode {
            SyncMode::TwoWay => Self::TwoWay,
            SyncMode::Slow => Self::Slow,
            SyncMode::FromClient => Self::FromClient,
            SyncMode::RefreshFromClient => Self::RefreshFromClient,
            SyncMode::FromServer => Self::FromServer,
            SyncMode::RefreshFromServer => Self::RefreshFromServer,
        }
    }
}

/// A protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
pub(crate) enum SyncVersion {
    /// SyncML 1.0.
    #[value(name = "1.0")]
    #[serde(rename = "1.0")]
    V1_0,
    /// SyncML 1.1.
    #[value(name = "1.1")]
    #[serde(rename = "1.1")]
    V1_1,
    /// SyncML 1.2.
    #[value(name = "1.2")]
    #[serde(rename = "1.2")]
    V1_2,
}

impl From<SyncVersion> for Version {
    fn from(version: SyncVersion) -> Self {
        match version {
            SyncVersion::V1_0 => Self::V1_0,
            SyncVersion::V1_1 => Self::V1_1,
            SyncVersion::V1_2 => Self::V1_2,
        }
    }
}

/// An encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SyncEncoding {
    /// Binary XML.
    #[default]
    Wbxml,
    /// Text XML.
    Xml,
}

impl From<SyncEncoding> for Encoding {
    fn from(encoding: SyncEncoding) -> Self {
        match encoding {
            SyncEncoding::Wbxml => Self::Wbxml,
            SyncEncoding::Xml => Self::Xml,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Codec {
    /// The document [default: stdin].
    pub(crate) file: Option<PathBuf>,
    /// Where to write [default: stdout].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave when the devices are in step, instead of waiting for Ctrl-C.
    #[arg(long)]
    pub(crate) exit: bool,
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}

//! What a state consists of: one list of tables and columns for both engines, and rows as neither
//! of them writes them.

use std::hash::{DefaultHasher, Hasher as _};

/// What a column holds. Every one may be null where the tables let it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A signed integer of 64 bits.
    Integer,
    /// Yes or no; SQLite has 1 and 0 for it.
    Flag,
    Text,
    Bytes,
}

/// A column that both engines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// A column by which each engine counts what came after what, under a name and from a start of
/// its own. Only the order is the state's: it counts within rows of the same values before it in
/// [`Table::order`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// A table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// How many of the columns, from the first on, its rows are read by. With the turn they are
    /// different for each row, and both engines have an index over them.
    pub(crate) order: usize,
    pub(crate) turn: Option<Turn>,
    pub(crate) columns: &'static [Column],
}

const fn integer(name: &'static str) -> Column {
    column(name, Kind::Integer)
}

const fn flag(name: &'static str) -> Column {
    column(name, Kind::Flag)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn bytes(name: &'static str) -> Column {
    column(name, Kind::Bytes)
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

const fn table(name: &'static str, order: usize, columns: &'static [Column]) -> Table {
    Table {
        name,
        order,
        turn: None,
        columns,
    }
}

/// All tables, none before one that it refers to.
pub(crate) const TABLES: [Table; 14] = [
    table(
        "account",
        1,
        &[
            integer("id"),
            text("name"),
            text("digest"),
            text("password"),
        ],
    ),
    table(
        "datastore",
        2,
        &[
            integer("account"),
            integer("number"),
            text("name"),
            text("kind"),
            integer("last_seq"),
            integer("last_guid"),
            integer("followed"),
        ],
    ),
    table(
        "device",
        2,
        &[
            integer("account"),
            integer("number"),
            text("uri"),
            bytes("devinf"),
            bytes("nonce"),
            integer("last_seen"),
        ],
    ),
    table(
        "link",
        3,
        &[
            integer("account"),
            integer("datastore"),
            integer("device"),
            text("client_anchor"),
            text("previous_client_anchor"),
            text("server_anchor"),
            text("previous_server_anchor"),
            integer("seen"),
            integer("previous_seen"),
            integer("sent_until"),
            integer("generation"),
            text("client_uri"),
            integer("last_sync"),
            integer("open_alert"),
            text("open_client_last"),
            integer("open_until"),
            integer("sending_guid"),
            integer("sending_seq"),
            integer("sending_confirmed"),
            text("filter"),
            text("view"),
            text("orphans"),
        ],
    ),
    table(
        "item",
        3,
        &[
            integer("account"),
            integer("datastore"),
            integer("guid"),
            integer("seq"),
            flag("deleted"),
            text("media_type"),
            integer("exact"),
            integer("key"),
            integer("uid"),
            integer("short"),
            integer("first_time"),
            integer("last_time"),
            integer("parent"),
            integer("content_seq"),
            integer("modified"),
            text("added_by"),
            integer("series"),
            text("occurrence"),
            bytes("content"),
        ],
    ),
    table(
        "map",
        4,
        &[
            integer("account"),
            integer("datastore"),
            integer("device"),
            integer("guid"),
            text("luid"),
            integer("revision"),
            integer("generation"),
            flag("stale"),
            bytes("device_text"),
        ],
    ),
    Table {
        name: "history",
        order: 2,
        turn: Some(Turn {
            sqlite: "id",
            postgres: "number",
        }),
        columns: &[
            integer("account"),
            integer("datastore"),
            integer("guid"),
            text("media_type"),
            integer("exact"),
            bytes("content"),
            integer("content_seq"),
            flag("was_deleted"),
            text("why"),
            text("origin"),
            text("session"),
            integer("at"),
        ],
    },
    table(
        "withheld",
        4,
        &[
            integer("account"),
            integer("datastore"),
            integer("device"),
            integer("guid"),
            text("session"),
            text("origin"),
            integer("seq"),
            text("media_type"),
            bytes("content"),
            integer("at"),
        ],
    ),
    Table {
        name: "session",
        order: 2,
        turn: Some(Turn {
            sqlite: "rowid",
            postgres: "turn",
        }),
        columns: &[
            text("device"),
            text("session_id"),
            text("token"),
            integer("account"),
            bytes("state"),
            text("last_msg_id"),
            integer("last_request"),
            bytes("last_answer"),
            integer("updated"),
        ],
    },
    table(
        "partial",
        3,
        &[
            integer("account"),
            integer("datastore"),
            integer("device"),
            bytes("head"),
            integer("received"),
            integer("chunks"),
        ],
    ),
    table(
        "chunk",
        4,
        &[
            integer("account"),
            integer("datastore"),
            integer("device"),
            integer("number"),
            bytes("bytes"),
        ],
    ),
    table(
        "rendering",
        3,
        &[
            integer("account"),
            integer("datastore"),
            integer("device"),
            bytes("bytes"),
        ],
    ),
    table(
        "policy",
        3,
        &[
            integer("account"),
            integer("datastore"),
            integer("device"),
            text("conflict"),
        ],
    ),
    table(
        "permission",
        3,
        &[
            integer("account"),
            integer("datastore"),
            text("device"),
            text("permission"),
        ],
    ),
];

/// Columns of PostgreSQL that follow from the others: the last number given to a former version,
/// and what an index is over.
#[cfg(test)]
pub(crate) const DERIVED: [(&str, &str); 2] =
    [("datastore", "last_version"), ("session", "minute")];

/// What a row has in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    /// An integer, or a flag as 1 or 0.
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// Bytes of memory, about.
    fn size(&self) -> usize {
        let held = match self {
            Self::Null | Self::Integer(_) => 0,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        };
        held + size_of::<Self>()
    }
}

/// A row, in the order of its table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) values: Vec<Value>,
    /// Its place, from 1, among the rows with the same values in the columns that the table is
    /// ordered by, if it has a turn.
    pub(crate) turn: i64,
}

impl Record {
    /// Bytes of memory, about.
    pub(crate) fn size(&self) -> usize {
        self.values.iter().map(Value::size).sum()
    }

    /// A hash of the row. A NUL within a text, which PostgreSQL cannot hold, counts as what it is
    /// replaced by there.
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut put = |kind: u8, bytes: &[u8]| {
            hasher.write_u8(kind);
            hasher.write_usize(bytes.len());
            hasher.write(bytes);
        };
        put(0, &self.turn.to_le_bytes());
        for value in &self.values {
            match value {
                Value::Null => put(1, b""),
                Value::Integer(number) => put(2, &number.to_le_bytes()),
                Value::Text(text) if text.contains('\0') => {
                    put(3, text.replace('\0', "\u{fffd}").as_bytes());
                }
                Value::Text(text) => put(3, text.as_bytes()),
                Value::Bytes(bytes) => put(4, bytes),
            }
        }
        hasher.finish()
    }
}

/// Gives rows that come in a table's order their turns.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    before: Vec<Value>,
    last: i64,
}

impl Turns {
    /// The row of these values, which follows those given before.
    pub(crate) fn record(&mut self, table: &Table, values: Vec<Value>) -> Record {
        if table.turn.is_none() {
            return Record { values, turn: 0 };
        }
        let group = values.get(..table.order).unwrap_or_default();
        if self.before == group {
            self.last += 1;
        } else {
            self.before = group.to_vec();
            self.last = 1;
        }
        Record {
            values,
            turn: self.last,
        }
    }
}

/// How many rows there were, of what size, and what they said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) checksum: u64,
}

impl Tally {
    /// Counts a row. In which order rows come does not matter.
    pub(crate) fn count(&mut self, row: &Record) {
        self.rows += 1;
        self.bytes += row.size() as u64;
        self.checksum = self.checksum.wrapping_add(row.hash());
    }
}

//! `syncline session`: sessions that deleted or replaced items, and decisions about what waits.

use serde::Serialize;
use session::guard::{self, Decided};
use session::store::{Account, AccountId, DatastoreId, Guid, StoreError, Transaction};
use store::{PastSession, Store};

use crate::cli::{Decision, Session};
use crate::report::{Failure, Outcome};
use crate::{output, state, world};

/// Sessions listed at most.
const SESSIONS: usize = 100;

pub(super) fn run(command: Session) -> Outcome {
    match command {
        Session::List {
            state: options,
            user,
            json,
        } => list(&state::open_existing(&options)?, user.as_deref(), json),
        Session::Confirm(decision) => decide(&decision, guard::confirm, &|decided| {
            format!(
                "made {} deletions and {} replacements",
                decided.deletions, decided.replacements
            )
        }),
        Session::Reject(decision) => decide(&decision, guard::reject, &|decided| {
            format!(
                "dropped {} deletions and {} replacements; the device gets these items in its next \
                 session",
                decided.deletions, decided.replacements
            )
        }),
    }
}

/// What a session did to a datastore and would do to it.
#[derive(Serialize)]
struct Row {
    session: String,
    user: String,
    device: String,
    datastore: String,
    at: Option<String>,
    deleted: u64,
    replaced: u64,
    /// Replacements that were rejected.
    rejected: u64,
    waiting_deletions: u64,
    waiting_replacements: u64,
}

impl Row {
    fn new(user: &str, past: PastSession) -> Self {
        Self {
            session: past.session,
            user: user.to_owned(),
            device: past.device,
            datastore: past.datastore,
            at: world::timestamp(past.at),
            deleted: past.deleted,
            replaced: past.replaced,
            rejected: past.rejected,
            waiting_deletions: past.waiting_deletions,
            waiting_replacements: past.waiting_replacements,
        }
    }

    fn cells(self) -> Vec<String> {
        let waiting = match (self.waiting_deletions, self.waiting_replacements) {
            (0, 0) => "-".to_owned(),
            (deletions, 0) => format!("{deletions} deletions"),
            (0, replacements) => format!("{replacements} replacements"),
            (deletions, replacements) => {
                format!("{deletions} deletions, {replacements} replacements")
            }
        };
        vec![
            self.session,
            self.user,
            self.device,
            self.datastore,
            self.at.unwrap_or_else(|| "-".to_owned()),
            self.deleted.to_string(),
            self.replaced.to_string(),
            waiting,
        ]
    }
}

fn list(store: &Store, user: Option<&str>, json: bool) -> Outcome {
    let mut found = Vec::new();
    for account in accounts(store, user)? {
        let sessions = store.past_sessions(account.id, SESSIONS)?.into_iter();
        found.extend(sessions.map(|past| (account.name.clone(), past)));
    }
    found.sort_by_key(|(_, past)| past.place());
    found.truncate(SESSIONS);
    let waits = found.iter().any(|(_, past)| past.waits());
    let rows = found.into_iter().map(|(user, past)| Row::new(&user, past));
    if json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    output::table(
        &[
            "session",
            "account",
            "device",
            "datastore",
            "last change",
            "deleted",
            "replaced",
            "waiting",
        ],
        rows.map(Row::cells).collect(),
        "no session has deleted or replaced an item",
    )?;
    if waits {
        output::line(
            "`syncline session confirm SESSION` makes what waits, `syncline session reject SESSION` \
             drops it",
        )?;
    }
    Ok(())
}

/// The account named, or all.
fn accounts(store: &Store, user: Option<&str>) -> Outcome<Vec<Account>> {
    match user {
        Some(name) => Ok(vec![state::account(store, name)?]),
        None => Ok(store.accounts()?),
    }
}

/// [`guard::confirm`] or [`guard::reject`].
type Decide = fn(
    &mut dyn Transaction,
    AccountId,
    &str,
    Option<DatastoreId>,
    i64,
) -> Result<Decided, StoreError>;

/// What a decision came to, as scripts get it.
#[derive(Serialize)]
struct Decree<'d> {
    session: &'d str,
    user: &'d str,
    deletions: u64,
    replacements: u64,
    /// They have changed since, or are folders with items in them.
    left: Vec<Left>,
}

#[derive(Serialize)]
struct Left {
    datastore: String,
    guid: i64,
}

fn decide(decision: &Decision, decide: Decide, told: &dyn Fn(&Decided) -> String) -> Outcome {
    let store = state::open_existing(&decision.state)?;
    let account = owner(&store, decision)?;
    let datastore = match &decision.store {
        Some(name) => Some(state::datastore(&store, &account, name)?.id),
        None => None,
    };
    let (id, name, now) = (account.id, decision.session.clone(), world::now());
    let decided = store
        .transact::<_, StoreError>(move |tx| decide(tx, id, &name, datastore, now))
        .map_err(store::Error::from)?;
    if decided == Decided::default() {
        return Err(nothing_waits(&decision.session));
    }
    let left = named(&store, &account, &decided.left)?;
    if decision.json {
        return output::json(&Decree {
            session: &decision.session,
            user: &account.name,
            deletions: decided.deletions,
            replacements: decided.replacements,
            left,
        });
    }
    output::line(told(&decided))?;
    for Left { datastore, guid } in left {
        output::line(format_args!(
            "{datastore}: item {guid} stays: it was changed since, or has items in it"
        ))?;
    }
    Ok(())
}

/// The account of which changes wait under the session's name.
fn owner(store: &Store, decision: &Decision) -> Outcome<Account> {
    let mut found = Vec::new();
    for account in accounts(store, decision.user.as_deref())? {
        let (id, name) = (account.id, decision.session.clone());
        let waiting = store
            .transact::<_, StoreError>(move |tx| tx.withheld_by(id, &name))
            .map_err(store::Error::from)?;
        if !waiting.is_empty() {
            found.push(account);
        }
    }
    if found.len() > 1 {
        let names: Vec<String> = found.into_iter().map(|account| account.name).collect();
        return Err(Failure::usage(format_args!(
            "several accounts have a session {:?}; choose one with --user: {}",
            decision.session,
            names.join(", ")
        )));
    }
    found.pop().ok_or_else(|| nothing_waits(&decision.session))
}

fn nothing_waits(session: &str) -> Failure {
    Failure::usage(format_args!(
        "nothing waits under the name {session:?}; see `syncline session list`"
    ))
}

/// Items with the names of their datastores.
fn named(store: &Store, account: &Account, items: &[(DatastoreId, Guid)]) -> Outcome<Vec<Left>> {
    let datastores = store.datastores_summary(account.id)?;
    let name = |id: DatastoreId| {
        let found = datastores.iter().find(|(datastore, _)| datastore.id == id);
        found.map_or_else(String::new, |(datastore, _)| datastore.name.clone())
    };
    let named = items.iter().map(|(id, guid)| Left {
        datastore: name(*id),
        guid: guid.0,
    });
    Ok(named.collect())
}

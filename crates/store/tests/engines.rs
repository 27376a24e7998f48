//! An engine does what the model does, keeps it, and shares it between jobs. This is run over SQLite,
//! and over PostgreSQL from the folder of that name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use session::guard::{Replacement, Withheld};
use session::store::{
    AccountId, Among, ChangeSeq, Content, DatastoreId, Device, Guid, Link, LinkId, Mapping,
    OpenSession, Origin, PendingRange, Period, Permission, Sending, StoreError, StoredSession,
    Transaction,
};
use store::{Error, Memory, PastSession, Postgres, Sqlite, Store};

#[path = "fresh/mod.rs"]
mod fresh;

const ACCOUNT: AccountId = AccountId(1);
const CONTACTS: DatastoreId = DatastoreId {
    account: ACCOUNT,
    number: 1,
};

/// Where a state is.
struct Place {
    folder: tempfile::TempDir,
    database: Option<fresh::Fresh>,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            database: fresh::database(),
        }
    }
}

fn open(place: &Place) -> Store {
    match &place.database {
        None => Sqlite::open(&place.folder.path().join("state.db"))
            .unwrap()
            .into(),
        Some(database) => Postgres::open(&database.url()).unwrap().into(),
    }
}

fn with_account(place: &Place) -> Store {
    let state = open(place);
    state.add_account(ACCOUNT, "ann", "digest", None).unwrap();
    state
}

fn card(number: u8) -> Vec<u8> {
    if number >= 12 {
        return event(number);
    }
    // few names, so that contents, keys and identifiers meet
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Montgomery {};;;;\r\nUID:{}\r\nNOTE:{}\r\nEND:VCARD\r\n",
        number % 3,
        number % 4,
        number % 5
    )
    .into_bytes()
}

/// A meeting on one of a few days, or one without a day.
fn event(number: u8) -> Vec<u8> {
    let start = match number % 4 {
        0 => String::new(),
        day => format!("DTSTART:2026010{day}T090000Z\r\n"),
    };
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Committee {}\r\n{start}\
         END:VEVENT\r\nEND:VCALENDAR\r\n",
        number % 3
    )
    .into_bytes()
}

/// Times around some of those days.
fn period(number: u8) -> Period {
    let day = |number: u8| 1_767_225_600 + 86_400 * i64::from(number % 4);
    match number % 3 {
        0 => Period::ANY,
        1 => Period {
            since: day(number),
            ..Period::ANY
        },
        _ => Period {
            since: day(number),
            until: day(number / 4),
        },
    }
}

fn content(bytes: &[u8]) -> Content<'_> {
    Content::new("text/vcard", bytes)
}

fn link(device: i64) -> LinkId {
    LinkId {
        datastore: CONTACTS,
        device,
    }
}

/// Sessions that have a name.
const SESSIONS: u8 = 3;

/// One call of the trait, over small numbers.
#[derive(Debug, Clone)]
enum Call {
    Account,
    Datastores,
    /// What a device may do, after it was asked for.
    Permission(u8),
    Device(u8),
    PutDevice(u8, u8),
    Session(u8),
    FindSession(u8, u8),
    PutSession(u8, u8, u8),
    EndOtherSessions(u8, u8),
    Link(u8),
    PutLink(u8, u8),
    Mapping(u8, u8),
    MappingOf(u8, u8),
    PutMapping(u8, u8, u8, u8, u8),
    RemoveMapping(u8, u8),
    LastChange,
    Item(u8),
    Add(u8),
    Replace(u8, u8),
    Delete(u8),
    Overrule(u8, u8),
    Candidates(u8, u8, u8),
    HadVersion(u8, u8),
    Pending(u8, u8, u8, u8),
    Unmapped(u8, u8),
    Slice(u8, u8),
    Move(u8, u8),
    Children(u8),
    Partial(u8),
    BeginPartial(u8, u8),
    AppendPartial(u8, u8),
    Held(u8, u8),
    UndoPartial(u8),
    EndPartial(u8),
    ForgetForms(u8, u8),
    DeviceText(u8, u8),
    KeepDeviceText(u8, u8, u8),
    ContentAt(u8, u8),
    KeepRendering(u8, u8),
    RenderingSlice(u8, u8),
    EndRendering(u8),
    /// An addition inside an Atomic, which is undone or kept.
    Atomic(u8, bool),
    /// What is an occurrence of what.
    SetOccurrence(u8, u8),
    Occurrences(u8, u8),
    Changed(u8, u8),
    /// An addition by a session.
    AddIn(u8),
    /// A deletion by a session.
    DeleteIn(u8),
    LiveItems,
    Withhold(u8, u8, u8),
    Withheld(u8, u8),
    ForgetWithheld(u8, u8),
    Hold(u8),
    WithheldBy(u8),
    /// What a session did.
    Deeds(u8),
    Before(u8, u8),
    IsLastOf(u8, u8),
    TakeBack(u8, u8),
    KeepRejected(u8, u8),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let (d, l, g, n) = (1..3u8, 0..5u8, 1..6u8, 0..20u8);
    let call = prop_oneof![
        1 => Just(Call::Account),
        1 => Just(Call::Datastores),
        1 => d.clone().prop_map(Call::Permission),
        1 => d.clone().prop_map(Call::Device),
        1 => (d.clone(), n.clone()).prop_map(|(d, n)| Call::PutDevice(d, n)),
        1 => l.clone().prop_map(Call::Session),
        1 => (d.clone(), 0..2u8).prop_map(|(d, s)| Call::FindSession(d, s)),
        1 => (l.clone(), d.clone(), 0..2u8).prop_map(|(t, d, s)| Call::PutSession(t, d, s)),
        1 => (d.clone(), l.clone()).prop_map(|(d, t)| Call::EndOtherSessions(d, t)),
        1 => d.clone().prop_map(Call::Link),
        1 => (d.clone(), n.clone()).prop_map(|(d, n)| Call::PutLink(d, n)),
        1 => (d.clone(), l.clone()).prop_map(|(d, l)| Call::Mapping(d, l)),
        1 => (d.clone(), g.clone()).prop_map(|(d, g)| Call::MappingOf(d, g)),
        1 => (d.clone(), l, g.clone(), n.clone(), 0..2u8)
            .prop_map(|(d, l, g, n, m)| Call::PutMapping(d, l, g, n, m)),
        1 => (d.clone(), g.clone()).prop_map(|(d, g)| Call::RemoveMapping(d, g)),
        1 => Just(Call::LastChange),
        1 => g.clone().prop_map(Call::Item),
        5 => n.clone().prop_map(Call::Add),
        2 => (g.clone(), n.clone()).prop_map(|(g, n)| Call::Replace(g, n)),
        1 => g.clone().prop_map(Call::Delete),
        1 => (g, n.clone()).prop_map(|(g, n)| Call::Overrule(g, n)),
        2 => (d.clone(), 0..2u8, n.clone()).prop_map(|(d, m, n)| Call::Candidates(d, m, n)),
        2 => (1..6u8, n.clone()).prop_map(|(g, n)| Call::HadVersion(g, n)),
        3 => (d.clone(), n, 0..2u8, 1..5u8).prop_map(|(d, n, m, x)| Call::Pending(d, n, m, x)),
        2 => (d.clone(), 0..2u8).prop_map(|(d, m)| Call::Unmapped(d, m)),
        1 => (1..6u8, 0..200u8).prop_map(|(g, n)| Call::Slice(g, n)),
        2 => (1..6u8, 0..6u8).prop_map(|(g, p)| Call::Move(g, p)),
        1 => (1..6u8).prop_map(Call::Children),
        1 => d.clone().prop_map(Call::Partial),
        1 => (d.clone(), 0..3u8).prop_map(|(d, n)| Call::BeginPartial(d, n)),
        2 => (d.clone(), 0..9u8).prop_map(|(d, n)| Call::AppendPartial(d, n)),
        1 => (d.clone(), 0..2u8).prop_map(|(d, m)| Call::Held(d, m)),
        1 => d.clone().prop_map(Call::UndoPartial),
        1 => d.clone().prop_map(Call::EndPartial),
        1 => (d.clone(), 0..60u8).prop_map(|(d, n)| Call::ForgetForms(d, n)),
        2 => (d.clone(), 1..6u8).prop_map(|(d, g)| Call::DeviceText(d, g)),
        2 => (d.clone(), 1..6u8, 0..9u8).prop_map(|(d, g, n)| Call::KeepDeviceText(d, g, n)),
        2 => (1..6u8, 0..20u8).prop_map(|(g, n)| Call::ContentAt(g, n)),
        1 => (d.clone(), 0..9u8).prop_map(|(d, n)| Call::KeepRendering(d, n)),
        1 => (d.clone(), 0..9u8).prop_map(|(d, n)| Call::RenderingSlice(d, n)),
        1 => d.clone().prop_map(Call::EndRendering),
        1 => (0..20u8, any::<bool>()).prop_map(|(n, undone)| Call::Atomic(n, undone)),
        9 => of_sessions(),
        4 => (1..6u8, 0..4u8).prop_map(|(g, s)| Call::SetOccurrence(g, s)),
        2 => (1..6u8, 1..4u8).prop_map(|(g, s)| Call::Occurrences(g, s)),
        2 => (0..20u8, 1..5u8).prop_map(|(n, x)| Call::Changed(n, x)),
    ];
    proptest::collection::vec(call, 1..60)
}

/// Calls about what sessions did and what waits for a decision.
fn of_sessions() -> impl Strategy<Value = Call> {
    let (d, g, n, s) = (1..3u8, 1..6u8, 0..20u8, 0..SESSIONS);
    prop_oneof![
        3 => n.clone().prop_map(Call::AddIn),
        3 => g.clone().prop_map(Call::DeleteIn),
        1 => Just(Call::LiveItems),
        4 => (d.clone(), g.clone(), n.clone()).prop_map(|(d, g, n)| Call::Withhold(d, g, n)),
        1 => (d.clone(), g.clone()).prop_map(|(d, g)| Call::Withheld(d, g)),
        1 => (d.clone(), g.clone()).prop_map(|(d, g)| Call::ForgetWithheld(d, g)),
        1 => d.prop_map(Call::Hold),
        1 => s.clone().prop_map(Call::WithheldBy),
        2 => s.clone().prop_map(Call::Deeds),
        2 => (g.clone(), s.clone()).prop_map(|(g, s)| Call::Before(g, s)),
        2 => (g.clone(), s.clone()).prop_map(|(g, s)| Call::IsLastOf(g, s)),
        3 => (g.clone(), s).prop_map(|(g, s)| Call::TakeBack(g, s)),
        1 => (g, n).prop_map(|(g, n)| Call::KeepRejected(g, n)),
    ]
}

/// Makes calls, and writes down what came of each.
fn make_all(tx: &mut dyn Transaction, calls: &[(i64, Call)]) -> Result<Vec<String>, StoreError> {
    let made = calls.iter().map(|(now, call)| make(tx, call, *now));
    made.collect()
}

/// Makes a call and writes down what came of it.
#[allow(clippy::many_single_char_names)] // the letters are those of the calls
fn make(tx: &mut dyn Transaction, call: &Call, now: i64) -> Result<String, StoreError> {
    let wide = i64::from;
    // a session makes some calls in a row
    tx.name_session(&(now / 7 % i64::from(SESSIONS)).to_string());
    let exists = |tx: &mut dyn Transaction, guid: u8| tx.item(CONTACTS, Guid(wide(guid)));
    Ok(match *call {
        Call::Account => format!("{:?}", (tx.account("ann")?.is_some(), tx.account("bob")?)),
        Call::Datastores => format!("{:?}", tx.datastores(ACCOUNT)?),
        Call::Permission(d) => {
            let uri = d.to_string();
            tx.device(ACCOUNT, &uri)?;
            format!("{:?}", tx.permission(CONTACTS, &uri)?)
        }
        Call::Device(d) => format!("{:?}", tx.device(ACCOUNT, &d.to_string())?),
        Call::PutDevice(d, n) => {
            let known = tx.device(ACCOUNT, &d.to_string())?;
            let device = Device {
                number: known.map_or(0, |device| device.number),
                uri: d.to_string(),
                nonce: vec![n],
                devinf: (n % 2 == 0).then(|| vec![n, n]),
                last_seen: now,
            };
            format!("{:?}", tx.put_device(ACCOUNT, &device)?)
        }
        Call::Session(t) => format!("{:?}", tx.session(&t.to_string())?),
        Call::FindSession(d, s) => {
            format!(
                "{:?}",
                tx.find_session(&d.to_string(), &s.to_string(), d == 1)?
            )
        }
        Call::PutSession(t, d, s) => {
            // a token belongs to one device and session for ever
            let known = tx.session(&t.to_string())?;
            let session = StoredSession {
                token: t.to_string(),
                account: (s == 0).then_some(ACCOUNT),
                device: known.as_ref().map_or(d.to_string(), |k| k.device.clone()),
                session_id: known.map_or(s.to_string(), |k| k.session_id),
                state: vec![t, d],
                last_msg_id: now.to_string(),
                last_request: u64::MAX - u64::from(t),
                last_answer: vec![s; 3],
                updated: now,
            };
            format!("{:?}", tx.put_session(&session)?)
        }
        Call::EndOtherSessions(d, t) => format!(
            "{:?}",
            tx.end_other_sessions(ACCOUNT, &d.to_string(), &t.to_string())?
        ),
        Call::Link(d) => format!("{:?}", tx.link(link(wide(d)))?),
        Call::PutLink(d, n) => {
            if tx.device(ACCOUNT, &d.to_string())?.is_none() {
                return Ok("no device".to_owned());
            }
            let number = tx.device(ACCOUNT, &d.to_string())?.unwrap().number;
            let state = Link {
                client_anchor: n.to_string(),
                seen: ChangeSeq(wide(n)),
                sent_until: ChangeSeq(wide(n) + 1),
                generation: wide(n % 2),
                open: (n % 3 == 0).then(|| OpenSession {
                    alert: 200 + u16::from(n % 6),
                    client_last: n.to_string(),
                    until: ChangeSeq(wide(n)),
                    sending: (n % 2 == 0).then(|| Sending {
                        guid: Guid(wide(n)),
                        seq: ChangeSeq(wide(n)),
                        confirmed: u64::from(n),
                    }),
                }),
                filter: n.to_string(),
                view: n.to_string(),
                orphans: n.to_string(),
                ..Link::default()
            };
            format!("{:?}", tx.put_link(link(number), &state)?)
        }
        Call::Mapping(d, l) => format!("{:?}", tx.mapping(link(wide(d)), &l.to_string())?),
        Call::MappingOf(d, g) => format!("{:?}", tx.mapping_of(link(wide(d)), Guid(wide(g)))?),
        Call::PutMapping(d, l, g, n, m) => {
            let Some(device) = tx.device(ACCOUNT, &d.to_string())? else {
                return Ok("no device".to_owned());
            };
            let mapping = Mapping {
                luid: l.to_string(),
                guid: Guid(wide(g)),
                revision: ChangeSeq(wide(n)),
                generation: wide(m),
                stale: n % 3 == 0,
            };
            format!("{:?}", tx.put_mapping(link(device.number), &mapping)?)
        }
        Call::RemoveMapping(d, g) => {
            format!("{:?}", tx.remove_mapping(link(wide(d)), Guid(wide(g)))?)
        }
        Call::LastChange => format!("{:?}", tx.last_change(CONTACTS)?),
        Call::Item(g) => format!("{:?}", exists(tx, g)?),
        Call::Add(n) => format!(
            "{:?}",
            tx.add_item(CONTACTS, content(&card(n)), Origin::Local, now)?
        ),
        Call::Replace(g, n) if exists(tx, g)?.is_some() => format!(
            "{:?}",
            tx.replace_item(
                CONTACTS,
                Guid(wide(g)),
                content(&card(n)),
                Origin::Session("d"),
                now
            )?
        ),
        Call::Delete(g) if exists(tx, g)?.is_some() => format!(
            "{:?}",
            tx.delete_item(CONTACTS, Guid(wide(g)), Origin::Local, now)?
        ),
        Call::Overrule(g, n) if exists(tx, g)?.is_some() => format!(
            "{:?}",
            tx.keep_overruled(
                CONTACTS,
                Guid(wide(g)),
                content(&card(n)),
                Origin::Session("d"),
                now
            )?
        ),
        Call::Replace(..) | Call::Delete(_) | Call::Overrule(..) => "no item".to_owned(),
        Call::Candidates(d, m, n) => {
            let fingerprint = pim::fingerprint("text/vcard", &card(n));
            let among = Among {
                deleted: n % 4 == 0,
                occurrences: n % 3 == 0,
            };
            let link = link(wide(d));
            let short = fingerprint.short.unwrap_or_default();
            format!(
                "{:?} {:?}",
                tx.candidates(link, wide(m), &fingerprint, among, 3)?,
                tx.candidates_by_beginning(link, wide(m), short, among, 3)?
            )
        }
        Call::HadVersion(g, n) => {
            let fingerprint = pim::fingerprint("text/vcard", &card(n));
            format!(
                "{:?}",
                tx.had_version(CONTACTS, Guid(wide(g)), fingerprint.exact)?
            )
        }
        Call::Pending(d, n, m, limit) => {
            let range = PendingRange {
                after: ChangeSeq(wide(n) / 2),
                until: ChangeSeq(wide(n) + 5),
                generation: wide(m),
                limit: usize::from(limit),
                inline: usize::from(n) * 10,
                with_held: n % 2 == 0,
                period: period(n),
                with_occurrences: n % 5 == 0,
            };
            format!(
                "{:?} {:?}",
                tx.pending(link(wide(d)), range)?,
                tx.count_pending(link(wide(d)), range)?
            )
        }
        Call::Unmapped(d, m) => format!("{:?}", tx.unmapped(link(wide(d)), wide(m), 3)?),
        Call::Slice(g, n) if exists(tx, g)?.is_some() => {
            let guid = Guid(wide(g));
            format!("{:?}", tx.content_slice(CONTACTS, guid, u64::from(n), 30)?)
        }
        Call::Move(g, p) if exists(tx, g)?.is_some() => {
            let parent = (p > 0).then(|| Guid(wide(p)));
            format!("{:?}", tx.move_item(CONTACTS, Guid(wide(g)), parent, now)?)
        }
        Call::Slice(..) | Call::Move(..) => "no item".to_owned(),
        Call::Children(g) => format!("{:?}", tx.children(CONTACTS, Guid(wide(g)), 2)?),
        Call::Partial(d) => format!(
            "{:?} {:?}",
            tx.partial(link(wide(d)))?,
            tx.partial_content(link(wide(d)))?
        ),
        Call::BeginPartial(d, n) => match tx.device(ACCOUNT, &d.to_string())? {
            Some(device) => format!("{:?}", tx.begin_partial(link(device.number), &[n])?),
            None => "no device".to_owned(),
        },
        Call::AppendPartial(d, n) => match tx.partial(link(wide(d)))? {
            Some(_) => format!(
                "{:?}",
                tx.append_partial(link(wide(d)), &vec![n; usize::from(n)])?
            ),
            None => "no partial".to_owned(),
        },
        Call::Atomic(n, undone) => {
            let known = tx.device(ACCOUNT, "1")?;
            tx.begin_atomic()?;
            if let Some(device) = known {
                let state = Link {
                    client_anchor: now.to_string(),
                    ..Link::default()
                };
                tx.put_link(link(device.number), &state)?;
            }
            let added = tx.add_item(CONTACTS, content(&card(n)), Origin::Local, now)?;
            if undone {
                tx.undo_atomic()?;
            } else {
                tx.end_atomic()?;
            }
            format!("{added:?}")
        }
        Call::Held(d, m) => format!("{:?}", tx.held(link(wide(d)), wide(m))?),
        Call::UndoPartial(d) => format!("{:?}", tx.undo_partial(link(wide(d)))?),
        Call::EndPartial(d) => format!("{:?}", tx.end_partial(link(wide(d)))?),
        Call::ForgetForms(d, n) => {
            format!("{:?}", tx.forget_forms(link(wide(d)), u64::from(n))?)
        }
        Call::DeviceText(d, g) => format!("{:?}", tx.device_text(link(wide(d)), Guid(wide(g)))?),
        Call::KeepDeviceText(d, g, n) => {
            let (link, guid) = (link(wide(d)), Guid(wide(g)));
            format!(
                "{:?}",
                tx.keep_device_text(link, guid, &vec![n; usize::from(n)])?
            )
        }
        Call::ContentAt(g, n) => {
            let at = ChangeSeq(wide(n));
            format!("{:?}", tx.content_at(CONTACTS, Guid(wide(g)), at)?)
        }
        Call::KeepRendering(d, n) => match tx.device(ACCOUNT, &d.to_string())? {
            Some(device) => format!(
                "{:?}",
                tx.keep_rendering(link(device.number), &vec![n; usize::from(n)])?
            ),
            None => "no device".to_owned(),
        },
        Call::RenderingSlice(d, n) => {
            // one that is missing is damage in either engine
            let slice = tx.rendering_slice(link(wide(d)), u64::from(n), 3);
            format!("{:?}", slice.ok())
        }
        Call::EndRendering(d) => format!("{:?}", tx.end_rendering(link(wide(d)))?),
        Call::SetOccurrence(g, s) if exists(tx, g)?.is_some() => {
            let key = g.to_string();
            let of = (s > 0).then_some((Guid(wide(s)), key.as_str()));
            format!("{:?}", tx.set_occurrence(CONTACTS, Guid(wide(g)), of)?)
        }
        Call::SetOccurrence(..) => "no item".to_owned(),
        Call::Occurrences(g, s) => format!(
            "{:?} {:?}",
            tx.occurrence(CONTACTS, Guid(wide(g)))?,
            tx.occurrences(CONTACTS, Guid(wide(s)))?
        ),
        Call::Changed(n, limit) => {
            let (followed, limit) = (tx.followed(CONTACTS)?, usize::from(limit));
            tx.set_followed(CONTACTS, ChangeSeq(wide(n)))?;
            let changed = tx.changed_items(CONTACTS, ChangeSeq(wide(n) / 2), limit)?;
            let strays = tx.stray_occurrences(CONTACTS, limit)?;
            format!("{followed:?} {changed:?} {strays:?}")
        }
        _ => make_of_session(tx, call, now)?,
    })
}

/// [`make`] for the calls of [`of_sessions`].
#[allow(clippy::many_single_char_names)] // the letters are those of the calls
fn make_of_session(tx: &mut dyn Transaction, call: &Call, now: i64) -> Result<String, StoreError> {
    let wide = i64::from;
    let at = |g: u8| Guid(wide(g));
    Ok(match *call {
        Call::AddIn(n) => format!(
            "{:?}",
            tx.add_item(CONTACTS, content(&card(n)), Origin::Session("d"), now)?
        ),
        Call::DeleteIn(g) if tx.item(CONTACTS, at(g))?.is_some() => format!(
            "{:?}",
            tx.delete_item(CONTACTS, at(g), Origin::Session("d"), now)?
        ),
        Call::LiveItems => format!("{:?}", tx.live_items(CONTACTS)?),
        Call::Withhold(d, g, n) => {
            let Some(device) = tx.device(ACCOUNT, &d.to_string())? else {
                return Ok("no device".to_owned());
            };
            let item = tx.item(CONTACTS, at(g))?;
            let change = Withheld {
                guid: at(g),
                session: (n % SESSIONS).to_string(),
                device: d.to_string(),
                // some have changed since
                seq: item.map_or(ChangeSeq(0), |item| {
                    ChangeSeq(item.content_seq.0 - wide(n % 4 / 3))
                }),
                replacement: (n % 2 == 0).then(|| Replacement {
                    media_type: "text/vcard".to_owned(),
                    content: card(n),
                }),
                at: now,
            };
            format!("{:?}", tx.withhold(link(device.number), &change)?)
        }
        Call::Withheld(d, g) => format!("{:?}", tx.withheld(link(wide(d)), at(g))?),
        Call::ForgetWithheld(d, g) => format!("{:?}", tx.forget_withheld(link(wide(d)), at(g))?),
        Call::Hold(d) => format!("{:?}", tx.hold(link(wide(d)))?),
        Call::WithheldBy(s) => format!("{:?}", tx.withheld_by(ACCOUNT, &s.to_string())?),
        Call::Deeds(s) => format!(
            "{:?} {:?}",
            tx.changed_by(CONTACTS, &s.to_string())?,
            tx.added_by(CONTACTS, &s.to_string())?
        ),
        Call::Before(g, s) => format!("{:?}", tx.before(CONTACTS, at(g), &s.to_string())?),
        Call::IsLastOf(g, s) => format!("{:?}", tx.is_last_of(CONTACTS, at(g), &s.to_string())?),
        Call::TakeBack(g, s) if tx.before(CONTACTS, at(g), &s.to_string())?.is_some() => {
            format!("{:?}", tx.take_back(CONTACTS, at(g), &s.to_string(), now)?)
        }
        Call::KeepRejected(g, n) if tx.item(CONTACTS, at(g))?.is_some() => format!(
            "{:?}",
            tx.keep_rejected(
                CONTACTS,
                at(g),
                content(&card(n)),
                Origin::Session("d"),
                now
            )?
        ),
        _ => "nothing".to_owned(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_engine_does_what_the_model_does(
        calls in calls(),
        // how many calls share a transaction
        together in proptest::collection::vec(1..8usize, 60),
    ) {
        let place = Place::new();
        let state = with_account(&place);
        let mut model = Memory::default();
        model.add_account("ann", "digest", None);
        let mut calls: VecDeque<_> = (1..).zip(calls).collect();
        for together in together {
            let made: Vec<_> = calls.drain(..together.min(calls.len())).collect();
            if made.is_empty() {
                break;
            }
            let expected = make_all(&mut model, &made).unwrap();
            let told = made.clone();
            let got = state
                .transact::<_, StoreError>(move |tx| make_all(tx, &made))
                .unwrap();
            prop_assert_eq!(got, expected, "{:?}", told);
        }
        let guids = 1..=model.items(CONTACTS).len() as i64;
        for guid in guids {
            let history = state.history(CONTACTS, Guid(guid)).unwrap();
            let contents: Vec<_> = history.into_iter().map(|version| version.content).collect();
            prop_assert_eq!(contents, model.history(CONTACTS, Guid(guid)));
        }
    }
}

fn add(state: &Store, number: u8) -> Result<Guid, StoreError> {
    state.transact(move |tx| {
        let bytes = card(number);
        Ok(tx.add_item(CONTACTS, content(&bytes), Origin::Local, 0)?.0)
    })
}

// spec: R12
#[test]
fn what_was_answered_is_there_after_reopening() {
    let place = Place::new();
    let state = with_account(&place);
    let guid = add(&state, 1).unwrap();
    drop(state);
    let state = open(&place);
    let items = state.items_page(CONTACTS, Guid(0), 10).unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].guid, &items[0].content), (guid, &card(1)));
    assert_eq!(state.accounts().unwrap()[0].name, "ann");
}

#[test]
fn many_threads_share_commits_and_a_failing_job_harms_nobody() {
    let place = Place::new();
    let state = with_account(&place);
    let failed = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let (state, failed) = (state.clone(), Arc::clone(&failed));
            scope.spawn(move || {
                for round in 0..25u8 {
                    if round % 5 == 4 {
                        let outcome: Result<(), StoreError> = state.transact(|tx| {
                            let bytes = card(0);
                            tx.add_item(CONTACTS, content(&bytes), Origin::Local, 0)?;
                            Err(StoreError::Retry)
                        });
                        assert!(matches!(outcome, Err(StoreError::Retry)));
                        failed.fetch_add(1, Ordering::Relaxed);
                    } else {
                        add(&state, thread).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(failed.load(Ordering::Relaxed), 40);
    let (contacts, count) = state.datastores_summary(ACCOUNT).unwrap().swap_remove(0);
    assert_eq!((contacts.name.as_str(), count), ("contacts", 160));
    let last = state
        .transact::<_, StoreError>(|tx| tx.last_change(CONTACTS))
        .unwrap();
    assert_eq!(last, ChangeSeq(160), "failed jobs left no number behind");
}

#[test]
fn a_job_that_panics_is_undone_and_the_store_goes_on() {
    let place = Place::new();
    let state = with_account(&place);
    let outcome: Result<(), StoreError> = state.transact(|tx| {
        let bytes = card(0);
        tx.add_item(CONTACTS, content(&bytes), Origin::Local, 0)?;
        panic!("a fault in a job");
    });
    assert!(matches!(outcome, Err(StoreError::Damaged { .. })));
    add(&state, 1).unwrap();
    assert_eq!(state.items_page(CONTACTS, Guid(0), 10).unwrap().len(), 1);
}

#[test]
fn two_handles_on_one_state_see_each_other() {
    let place = Place::new();
    let (one, two) = (with_account(&place), open(&place));
    std::thread::scope(|scope| {
        for state in [&one, &two] {
            scope.spawn(move || {
                for number in 0..20 {
                    add(state, number).unwrap();
                }
            });
        }
    });
    assert_eq!(one.items_page(CONTACTS, Guid(0), 100).unwrap().len(), 40);
}

#[test]
fn what_sessions_destroyed_is_listed() {
    let place = Place::new();
    let state = with_account(&place);
    let fill = |tx: &mut dyn Transaction| -> Result<(), StoreError> {
        let phone = Device {
            uri: "phone".into(),
            ..Device::default()
        };
        let number = tx.put_device(ACCOUNT, &phone)?;
        let (text, from) = (card(1), Origin::Session("phone"));
        tx.name_session("first");
        for _ in 0..5 {
            tx.add_item(CONTACTS, content(&text), from, 10)?;
        }
        tx.name_session("second");
        tx.delete_item(CONTACTS, Guid(1), from, 20)?;
        // twice the same item is one item
        tx.replace_item(CONTACTS, Guid(2), content(&card(2)), from, 20)?;
        tx.replace_item(CONTACTS, Guid(2), content(&card(3)), from, 21)?;
        tx.keep_overruled(CONTACTS, Guid(3), content(&card(4)), from, 22)?;
        tx.name_session("third");
        tx.delete_item(CONTACTS, Guid(3), from, 30)?;
        tx.replace_item(CONTACTS, Guid(4), content(&card(2)), from, 30)?;
        tx.take_back(CONTACTS, Guid(4), "third", 31)?;
        tx.keep_rejected(CONTACTS, Guid(2), content(&card(4)), from, 31)?;
        for (guid, replacement, at) in [
            (4, None, 5),
            (5, None, 6),
            (
                2,
                Some(Replacement {
                    media_type: "text/vcard".into(),
                    content: text.clone(),
                }),
                4,
            ),
        ] {
            let change = Withheld {
                guid: Guid(guid),
                session: "held".into(),
                device: "phone".into(),
                seq: ChangeSeq(guid),
                replacement,
                at,
            };
            tx.withhold(link(number), &change)?;
        }
        tx.delete_item(CONTACTS, Guid(5), Origin::Local, 40)
            .map(|_| ())
    };
    state.transact(fill).unwrap();
    let past = |session: &str, at| PastSession {
        session: session.into(),
        device: "phone".into(),
        datastore: "contacts".into(),
        at,
        ..PastSession::default()
    };
    let expected = [
        PastSession {
            waiting_deletions: 2,
            waiting_replacements: 1,
            ..past("held", 6)
        },
        PastSession {
            deleted: 1,
            rejected: 1,
            ..past("third", 31)
        },
        PastSession {
            deleted: 1,
            replaced: 1,
            ..past("second", 21)
        },
    ];
    assert_eq!(state.past_sessions(ACCOUNT, 9).unwrap(), expected);
    assert_eq!(state.past_sessions(ACCOUNT, 1).unwrap(), expected[..1]);
    let named = state.history(CONTACTS, Guid(1)).unwrap();
    assert_eq!(named[0].session.as_deref(), Some("second"));
    assert_eq!(state.history(CONTACTS, Guid(5)).unwrap()[0].session, None);
}

#[test]
fn sessions_of_others_are_counted() {
    let place = Place::new();
    let state = with_account(&place);
    let mut model = Memory::default();
    let fill = |tx: &mut dyn Transaction| -> Result<Vec<(u64, u64)>, StoreError> {
        for (token, account, device, updated) in [
            ("a", Some(ACCOUNT), "phone", 50),
            ("b", Some(ACCOUNT), "laptop", 50),
            ("c", Some(AccountId(2)), "phone", 51),
            ("d", Some(ACCOUNT), "tablet", 49),
            ("e", None, "phone", 60),
        ] {
            tx.put_session(&StoredSession {
                token: token.into(),
                account,
                device: device.into(),
                session_id: token.into(),
                state: Vec::new(),
                last_msg_id: "1".into(),
                last_request: 0,
                last_answer: Vec::new(),
                updated,
            })?;
        }
        let mut count = |since, limit| tx.count_sessions(since, ACCOUNT, "phone", limit);
        let mut counts = Vec::new();
        for (since, limit) in [(50, 9), (49, 9), (51, 9), (61, 9)] {
            let counted = count(since, limit)?;
            counts.push((counted.all, counted.of_account));
        }
        assert_eq!(count(49, 2)?.all, 2);
        Ok(counts)
    };
    let expected = [(2, 1), (3, 2), (1, 0), (0, 0)];
    assert_eq!(fill(&mut model).unwrap(), expected);
    let counts = state.transact::<_, StoreError>(move |tx| fill(tx));
    assert_eq!(counts.unwrap(), expected);
}

// spec: K11
#[test]
fn accounts_devices_and_sessions_are_administered() {
    let place = Place::new();
    let state = with_account(&place);
    assert!(matches!(
        state.add_account(AccountId(2), "ann", "d", None),
        Err(Error::Exists { .. })
    ));
    assert!(state.set_password("ann", "other", Some("clear")).unwrap());
    assert!(!state.set_password("bob", "other", None).unwrap());
    assert_eq!(state.accounts().unwrap()[0].digest, "other");
    state
        .transact::<_, StoreError>(|tx| {
            let phone = Device {
                uri: "phone".into(),
                ..Device::default()
            };
            let number = tx.put_device(ACCOUNT, &phone)?;
            tx.put_link(link(number), &Link::default())?;
            let mapping = Mapping {
                luid: "1".into(),
                guid: Guid(1),
                revision: ChangeSeq(1),
                generation: 0,
                stale: false,
            };
            tx.put_mapping(link(number), &mapping)?;
            for (token, account, updated) in [
                ("a", Some(ACCOUNT), 5),
                ("b", None, 5),
                ("c", Some(ACCOUNT), 50),
            ] {
                tx.put_session(&StoredSession {
                    token: token.into(),
                    account,
                    device: "phone".into(),
                    session_id: token.into(),
                    state: Vec::new(),
                    last_msg_id: "1".into(),
                    last_request: 0,
                    last_answer: Vec::new(),
                    updated,
                })?;
            }
            Ok(())
        })
        .unwrap();
    let devices = state.devices(ACCOUNT).unwrap();
    assert_eq!(devices[0].0.uri, "phone");
    assert_eq!(devices[0].1[0].0, "contacts");
    assert_eq!(state.expire_sessions(3, 10).unwrap(), 1, "that of nobody");
    assert_eq!(state.expire_sessions(10, 10).unwrap(), 1);
    // more than one transaction removes
    state
        .transact::<_, StoreError>(|tx| {
            for number in 0..1_100 {
                tx.put_session(&StoredSession {
                    token: format!("many {number}"),
                    account: None,
                    device: "phone".into(),
                    session_id: number.to_string(),
                    state: Vec::new(),
                    last_msg_id: "1".into(),
                    last_request: 0,
                    last_answer: Vec::new(),
                    updated: 1,
                })?;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(state.expire_sessions(10, 10).unwrap(), 1_100);
    assert!(state.forget_device(ACCOUNT, "phone").unwrap());
    assert!(!state.forget_device(ACCOUNT, "phone").unwrap());
    let left = state
        .transact::<_, StoreError>(|tx| {
            Ok((
                tx.session("c")?.is_some(),
                tx.link(link(1))?.is_some(),
                tx.mapping(link(1), "1")?.is_some(),
            ))
        })
        .unwrap();
    assert_eq!(left, (false, false, false));
    add(&state, 1).unwrap();
    assert!(state.remove_account("ann").unwrap());
    assert!(!state.remove_account("ann").unwrap());
    assert!(state.items_page(CONTACTS, Guid(0), 10).unwrap().is_empty());
    state.ping().unwrap();
}

#[test]
fn files_that_cannot_be_used_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    drop(Sqlite::open(&path).unwrap());
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    assert!(matches!(
        Sqlite::open(&path),
        Err(Error::Newer { found: 99, .. })
    ));
    let path = folder.path().join("noise.db");
    std::fs::write(&path, vec![b'x'; 10_000]).unwrap();
    assert!(matches!(Sqlite::open(&path), Err(Error::Damaged(_))));
    let path = folder.path().join("no/such/folder/state.db");
    assert!(matches!(Sqlite::open(&path), Err(Error::Open { .. })));
}

#[test]
fn what_a_device_may_do_is_kept() {
    let place = Place::new();
    let may = |state: &Store, device: &'static str| {
        let asked = move |tx: &mut dyn Transaction| tx.permission(CONTACTS, device);
        state.transact::<_, StoreError>(asked).unwrap()
    };
    let state = with_account(&place);
    assert_eq!(may(&state, "phone"), Permission::ReadWrite);
    let set = |device, permission| state.set_permission(CONTACTS, device, permission).unwrap();
    set(None, Permission::Refused);
    set(Some("phone"), Permission::ReadWrite);
    set(Some("phone"), Permission::ReadOnly);
    let rules = state.permissions(ACCOUNT).unwrap();
    assert_eq!(rules.len(), 2);
    assert_eq!(rules[1].device.as_deref(), Some("phone"));
    drop(state);
    let state = open(&place);
    assert_eq!(may(&state, "phone"), Permission::ReadOnly);
    assert_eq!(may(&state, "tablet"), Permission::Refused);
}

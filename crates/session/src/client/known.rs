//! What a server says of itself, and what follows from it (Device Information).
//!
//! What was said in an earlier session opens ways and closes none: where a refusal would follow from it,
//! the server is asked again, since it may have changed. What a server leaves out rules nothing out where
//! the document may have been cut to fit into a message, and one that says nothing is taken as it comes.

use syncml::devinf::{ContentType, DataStore, DevInf};
use syncml::{Data, Item, StatusCode, Version};

use super::{Active, Config, Error, Session, Source};
use crate::filter::{Filter, GRAMMAR};
use crate::peer::{Capabilities, Rules, ServerRules, ServerTable, ServerTraits};
use crate::store::DatastoreKind;
use crate::uri::datastore_name;

/// Bytes that hold any document with what follows of it: formats and filters are what a server leaves out
/// first where the client takes less.
const WHOLE: u64 = 50_000;

/// Datastores that are named to the person.
const NAMED: usize = 16;

/// What is known of a server.
#[derive(Debug)]
pub(super) struct Known {
    table: ServerTable,
    /// What holds of it.
    pub(super) rules: ServerRules,
    devinf: Option<DevInf>,
    /// Nothing had to be left out of it.
    is_whole: bool,
    /// Something that it said earlier does not go with what is wanted now.
    pub(super) is_in_doubt: bool,
}

impl Known {
    /// What the server said in an earlier session.
    // spec: F15
    pub(super) fn recalled(
        sources: &mut [Source],
        table: ServerTable,
        config: &Config,
    ) -> Result<Self, Error> {
        let kept = match sources.first_mut() {
            Some(first) => first
                .replica
                .server_devinf()
                .map_err(|source| Error::Replica {
                    name: first.name.clone(),
                    source,
                })?,
            None => None,
        };
        let devinf = kept.and_then(|kept| DevInf::read(&kept).ok());
        Ok(Self::of(devinf, table, config))
    }

    fn of(devinf: Option<DevInf>, table: ServerTable, config: &Config) -> Self {
        let rules = table.resolve(&ServerTraits {
            url: &config.url,
            devinf: devinf.as_ref(),
        });
        Self {
            table,
            rules,
            devinf,
            is_whole: is_whole(config),
            is_in_doubt: false,
        }
    }

    /// Whether what it said in an earlier session goes with what is wanted now.
    // spec: F15
    pub(super) fn weigh(&mut self, sources: &[Active], config: &Config) {
        let is_in_doubt = self.devinf.as_ref().is_some_and(|devinf| {
            let mut wanted = sources.iter().filter(|active| active.is_on());
            wanted.any(|active| {
                let is_new = active.anchors.client.is_empty();
                (is_new && datastore_of(devinf, &active.source.remote_uri).is_none())
                    || objection(devinf, &self.rules, &active.source, config).is_some()
            })
        });
        self.is_in_doubt = is_in_doubt;
    }

    /// Whether it takes objects in chunks.
    pub(super) fn takes_objects(&self) -> bool {
        let says_so = |devinf: &DevInf| devinf.large_objects;
        let by_rule = self.rules.large_objects;
        by_rule.unwrap_or_else(|| self.devinf.as_ref().is_some_and(says_so))
    }

    /// Whether it may be told numbers of changes: 1.0 has no word for that.
    pub(super) fn takes_counts(&self) -> bool {
        let newer = self.devinf.as_ref();
        let newer = newer.filter(|devinf| devinf.version != Some(Version::V1_0));
        let by_rule = self.rules.number_of_changes;
        by_rule.unwrap_or_else(|| newer.is_none_or(|devinf| devinf.number_of_changes))
    }

    /// The formats of a datastore that both know and the server gives, ours first preferred.
    // spec: F10
    pub(super) fn formats_taken(&self, uri: &str, kind: DatastoreKind) -> Vec<ContentType> {
        let known = self.capabilities(uri);
        ours(kind, &known.to_receive(&Rules::default(), kind))
    }

    /// The formats of a datastore that both know and the server takes, ours first preferred.
    // spec: F10
    pub(super) fn formats_given(&self, uri: &str, kind: DatastoreKind) -> Vec<ContentType> {
        let known = self.capabilities(uri);
        ours(kind, &known.to_send(&Rules::default(), kind))
    }

    fn capabilities(&self, uri: &str) -> Capabilities {
        let devinf = self.devinf.as_ref();
        let found = devinf.and_then(|devinf| datastore_of(devinf, uri));
        let name = found.map_or("", |found| found.source_ref.as_str());
        capabilities(devinf, name, self.is_whole)
    }
}

/// Whether no document needs to be cut for this client.
fn is_whole(config: &Config) -> bool {
    config.max_msg_size >= WHOLE
}

/// What the server's datastore of that name can do. Formats of a document that may have been cut are only
/// some of them.
fn capabilities(devinf: Option<&DevInf>, name: &str, is_whole: bool) -> Capabilities {
    let mut known = Capabilities::of(devinf, &Rules::default(), name);
    if !is_whole {
        known.accepts.clear();
        known.gives.clear();
    }
    known
}

/// Our formats that are among these. The order is ours: a folder keeps what it gets.
fn ours(kind: DatastoreKind, both: &[ContentType]) -> Vec<ContentType> {
    let own = kind.content_types().iter();
    let all = own.chain(kind.named_content_types());
    let all = all.map(|(media_type, version)| ContentType {
        media_type: (*media_type).to_owned(),
        version: (*version).to_owned(),
    });
    all.filter(|one| both.contains(one)).collect()
}

fn datastore_of<'d>(devinf: &'d DevInf, uri: &str) -> Option<&'d DataStore> {
    let name = datastore_name(uri);
    let mut all = devinf.datastores.iter();
    all.find(|one| datastore_name(&one.source_ref) == name)
}

/// Why a datastore cannot be synced as it is wanted with a server that says this of itself.
// spec: G18 L15
fn objection(
    devinf: &DevInf,
    rules: &ServerRules,
    source: &Source,
    config: &Config,
) -> Option<String> {
    let datastore = datastore_of(devinf, &source.remote_uri)?;
    let known = capabilities(Some(devinf), &datastore.source_ref, is_whole(config));
    let alert = source.mode.alert();
    let checks = Rules {
        check_sync_types: rules.check_sync_types,
        check_content_types: rules.check_content_types,
        ..Rules::default()
    };
    match known.refusal(&checks, source.kind, alert) {
        Some(StatusCode::UNSUPPORTED_TYPE) => Some(format!(
            "the server keeps there {}, and nothing of what is kept here",
            listed(
                known
                    .accepts
                    .iter()
                    .chain(&known.gives)
                    .map(|one| one.media_type.as_str())
            )
        )),
        Some(_) => Some(format!(
            "the server offers no {} sync there; choose another type",
            alert.phrase()
        )),
        None => {
            let may_say = config.version >= Version::V1_2 && is_whole(config);
            unannounced(datastore, source.filter.as_ref().filter(|_| may_say)?)
        }
    }
}

/// What of a filter the server does not say that it knows.
// spec: L15
fn unannounced(datastore: &DataStore, filter: &Filter) -> Option<String> {
    let mut grammars = datastore.filter_rx.iter();
    let is_known = grammars.any(|one| one.media_type.trim().eq_ignore_ascii_case(GRAMMAR));
    if datastore.filter_rx.is_empty() || (filter.record.is_some() && !is_known) {
        return Some("the server announces no such filter there; leave the filter out".to_owned());
    }
    let mut listed = datastore
        .capabilities
        .iter()
        .flat_map(|capability| &capability.properties)
        .peekable();
    // no list is no word on what there is
    listed.peek()?;
    let names: Vec<&str> = listed.map(|property| property.name.trim()).collect();
    let fields = filter.fields.as_ref()?;
    let unknown = fields.properties.iter().find(|field| {
        let mut names = names.iter();
        !names.any(|name| name.eq_ignore_ascii_case(&field.name))
    })?;
    Some(format!(
        "the server knows no property {} there; leave it out of the filter",
        unknown.name
    ))
}

/// A list for a sentence, each once.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut once: Vec<&str> = Vec::new();
    for name in names.take(NAMED) {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once.join(", ")
}

impl Session {
    /// Device information of the server, as far as these items are any.
    // spec: F15 G18
    pub(super) fn take_server(&mut self, items: &[Item<'_>]) -> Result<(), Error> {
        for item in items {
            if let Some(Data::DevInf(devinf)) = &item.data {
                self.use_server(devinf)?;
            }
        }
        Ok(())
    }

    fn use_server(&mut self, devinf: &DevInf) -> Result<(), Error> {
        let config = &self.config;
        let table = std::mem::take(&mut self.server.table);
        self.server = Known::of(Some(devinf.clone()), table, config);
        if self.server.takes_objects() {
            self.peer_max_obj_size.get_or_insert(u64::MAX);
        }
        for active in &mut self.sources {
            let datastore = datastore_of(devinf, &active.source.remote_uri);
            active.peer_folders |=
                !active.is_flat && datastore.is_some_and(|datastore| datastore.hierarchical);
            // what goes on already is not ended by it
            if !active.begun
                && let Some(reason) = objection(devinf, &self.server.rules, &active.source, config)
            {
                active.fail(reason);
            }
            let has_others = datastore.is_none() && !devinf.datastores.is_empty();
            if has_others
                && std::mem::take(&mut active.is_missing)
                && let Some(error) = &mut active.summary.error
            {
                let names = devinf.datastores.iter().map(|one| one.source_ref.as_str());
                error.extend(["; it has ", &listed(names)]);
            }
        }
        if let Some(first) = self.sources.first_mut() {
            let whole = devinf.to_whole_xml(config.version);
            first.call(|replica| replica.set_server_devinf(&whole))?;
        }
        Ok(())
    }

    /// The names of the rules that hold of the server, as far as it is known by now.
    pub fn server_rules(&self) -> Vec<String> {
        let traits = ServerTraits {
            url: &self.config.url,
            devinf: self.server.devinf.as_ref(),
        };
        let rules = self.server.table.of(&traits);
        rules.map(|rule| rule.name.clone()).collect()
    }
}

//! What the session knows of its device: its information, and the rules that hold for it.

use syncml::devinf::DataStore;
use syncml::{Command, Data, DevInf, Message};

use super::room::Limit;
use super::state::Owed;
use super::{Run, bounds};
use crate::peer::{Capabilities, Traits, datastore_for, describes, kind_of};
use crate::store::{ChangeSeq, DatastoreKind, Link, LinkId, StoreError};
use crate::uri::{datastore_name, path_of, same_path};

/// Names of rules that a session remembers, to say when they change.
const NAMED: usize = 32;

/// The extension of stored device information that says which `User-Agent` came with it.
const AGENT: &str = "X-Syncline-User-Agent";

/// The `User-Agent` with which device information came.
fn agent_of(devinf: &DevInf) -> Option<&str> {
    let mut all = devinf.extensions.iter();
    let (_, values) = all.find(|(name, _)| name == AGENT)?;
    values.first().map(String::as_str)
}

/// What a device says of its software and hardware.
fn software_of(devinf: &DevInf) -> [Option<&str>; 6] {
    [
        &devinf.man,
        &devinf.model,
        &devinf.oem,
        &devinf.firmware,
        &devinf.software,
        &devinf.hardware,
    ]
    .map(Option::as_deref)
}

impl Run<'_> {
    /// Device information of the message, before its commands: alerts stand before the Put, and
    /// what the device can do decides them.
    pub(super) fn foresee_devinf(&mut self, message: &Message<'_>) -> Result<(), StoreError> {
        let items = message.commands.iter().flat_map(|command| match command {
            Command::Access(access) => access.items.as_slice(),
            Command::Results(results) => results.items.as_slice(),
            _ => &[],
        });
        for item in items {
            if let Some(Data::DevInf(devinf)) = &item.data {
                self.devinf = Some(self.with_former(devinf)?);
                self.devinf_read = true;
            }
        }
        Ok(())
    }

    /// Device information with what the device has said before of datastores that it leaves out now, and has
    /// synced: a client may name those that it syncs at the time, and its programs may know nothing of one
    /// another. Another software, or another version of it, may have other datastores.
    // spec: F05
    pub(super) fn with_former(&mut self, devinf: &DevInf) -> Result<DevInf, StoreError> {
        let mut whole = devinf.clone();
        let Some(login) = self.state.login.clone() else {
            return Ok(whole);
        };
        let Some(device) = self.tx.device(login.id(), &self.state.device)? else {
            return Ok(whole);
        };
        let former = device.devinf.and_then(|former| DevInf::read(&former).ok());
        let former = former.filter(|former| software_of(former) == software_of(devinf));
        let mut left_out = former.map_or(Vec::new(), |former| former.datastores);
        left_out.retain(|datastore| !describes(devinf, &datastore.source_ref));
        if left_out.is_empty() {
            return Ok(whole);
        }
        for datastore in self.tx.datastores(login.id())? {
            let link = LinkId {
                datastore: datastore.id,
                device: device.number,
            };
            let Some(link) = self.tx.link(link)? else {
                continue;
            };
            let is_it = |one: &DataStore| same_path(&one.source_ref, &link.client_uri);
            if let Some(place) = left_out.iter().position(is_it) {
                whole.datastores.push(left_out.remove(place));
            }
        }
        Ok(whole)
    }

    /// Looks for what is known of the device, which alerts its datastore of that name.
    pub(super) fn know_device(&mut self, datastore: &str) -> Result<(), StoreError> {
        if self.state.login.is_none() {
            return Ok(());
        }
        self.read_devinf()?;
        self.apply_rules(Some(datastore));
        if !self.devinf_used {
            self.take_limits();
        }
        Ok(())
    }

    /// Reads what the device has said of itself in this or an earlier session.
    pub(super) fn read_devinf(&mut self) -> Result<(), StoreError> {
        let Some(login) = self.state.login.clone().filter(|_| !self.devinf_read) else {
            return Ok(());
        };
        self.devinf_read = true;
        let device = self.tx.device(login.id(), &self.state.device)?;
        let document = device.and_then(|device| device.devinf);
        self.devinf = document.and_then(|document| DevInf::read(&document).ok());
        Ok(())
    }

    /// Takes from device information what a session keeps of it.
    fn take_limits(&mut self) {
        self.devinf_used = true;
        let Some(devinf) = &self.devinf else { return };
        self.state.limits = if self.state.rules.ignore_memory {
            Vec::new()
        } else {
            Limit::all_in(devinf)
        };
        let known = devinf.datastores.iter().filter(|store| store.hierarchical);
        self.state.hierarchical = known.map(|store| store.source_ref.clone()).collect();
    }

    /// Device information has come.
    // spec: F05 F15
    pub(super) fn use_devinf(&mut self, devinf: &DevInf) {
        self.devinf = Some(devinf.clone());
        self.devinf_read = true;
        self.views.clear();
        self.search_views.clear();
        self.compared.forget();
        self.state.devinf_settled = true;
        self.state
            .owed
            .retain(|owed| !matches!(owed, Owed::GetDevInf));
        self.apply_rules(None);
        self.take_limits();
        for index in 0..self.state.datastores.len() {
            let Some(source) = self.state.datastores.get(index).map(|ds| ds.source.clone()) else {
                continue;
            };
            let max_guid_size = self.capabilities(&source).max_guid_size;
            if let Some(ds) = self.state.datastores.get_mut(index) {
                ds.max_guid_size = max_guid_size;
            }
        }
    }

    /// Device information with what the transport says of the device that gives it: the one changes with
    /// the other.
    pub(super) fn with_agent(&self, devinf: &DevInf) -> DevInf {
        let mut known = devinf.clone();
        known.extensions.retain(|(name, _)| name != AGENT);
        let agent = self.agent().map(|agent| vec![agent.to_owned()]);
        known
            .extensions
            .extend(agent.map(|values| (AGENT.to_owned(), values)));
        known
    }

    /// The transport's `User-Agent`, where it has one.
    fn agent(&self) -> Option<&str> {
        let agent = self.request.user_agent;
        agent.filter(|agent| bounds::is_fit(agent))
    }

    /// Finds the rules that hold for the device, as far as it is known.
    // spec: J17
    fn apply_rules(&mut self, datastore: Option<&str>) {
        if let Some(agent) = self.agent() {
            self.state.user_agent = Some(agent.to_owned());
        }
        let alerted = self.state.datastores.iter().map(|ds| ds.source.as_str());
        let traits = Traits {
            devinf: self.devinf.as_ref(),
            device: &self.state.device,
            user_agent: self.state.user_agent.as_deref(),
            datastores: alerted.chain(datastore).collect(),
            version: Some(self.state.version()),
        };
        let table = &self.config.rules;
        let names: Vec<String> = table
            .of(&traits)
            .take(NAMED)
            .map(|rule| rule.name.clone())
            .collect();
        self.state.rules = table.resolve(&traits);
        if names != self.state.rule_names {
            self.info(format!("rules of the device: {}", names.join(", ")));
            self.state.rule_names = names;
        }
        let known = self.capabilities("");
        self.state.number_of_changes = known.number_of_changes;
        self.state.large_objects = known.large_objects;
    }

    /// Whether the device has said anything of its datastore of that name.
    pub(super) fn describes(&self, datastore: &str) -> bool {
        let devinf = self.devinf.as_ref();
        devinf.is_some_and(|devinf| describes(devinf, datastore))
    }

    /// What the device's datastore of that name can do.
    pub(super) fn capabilities(&self, datastore: &str) -> Capabilities {
        Capabilities::of(self.devinf.as_ref(), &self.state.rules, datastore)
    }

    /// Asks for the client's device information where none is known, where it is of another
    /// version than the session or the transport names the device otherwise than when it was given, as
    /// after an update of the device, or where by it an alert was refused, which a device that does as it
    /// says does not send. Once a session.
    // spec: F16 F22
    pub(super) fn ask_devinf(&mut self, refused: bool) {
        if self.state.devinf_settled || self.state.login.is_none() {
            return;
        }
        let version = self.state.version();
        let is_current = self.devinf.as_ref().is_some_and(|devinf| {
            let is_of_agent = match (agent_of(devinf), self.agent()) {
                (Some(then), Some(now)) => then == now,
                _ => true,
            };
            is_of_agent
                && devinf
                    .version
                    .is_none_or(|of_document| of_document == version)
        });
        if refused || !is_current {
            self.state.devinf_settled = true;
            if self.state.rules.ask_devinf {
                self.state.owed.push(Owed::GetDevInf);
            }
        }
    }

    /// The server's datastore that two addresses mean: that of the server as the client has it,
    /// and where that one is empty the client's own, by its name, or by what it holds if the name tells
    /// nothing.
    // spec: A21 G17
    pub(super) fn name_meant(&self, target: &str, source: &str) -> String {
        let is_empty = datastore_name(target).is_empty();
        let uri = if is_empty { source } else { target };
        if let Some(by_rule) = self.state.rules.datastores.get(&path_of(uri)) {
            return by_rule.clone();
        }
        let name = datastore_name(uri);
        if !is_empty || DatastoreKind::from_name(&name).is_some() {
            return name;
        }
        let held = self.devinf.as_ref().and_then(|known| {
            let kind = kind_of(known, source)?;
            // of two that hold the same, one only can be ours
            let first = datastore_for(known, kind)?;
            (datastore_name(first) == datastore_name(source)).then_some(kind)
        });
        held.map_or(name, |kind| kind.name().to_owned())
    }

    /// The change sequence that a client with this `Last` has seen; `None` when it is not one that
    /// the server remembers.
    // spec: G19 G20 S07
    pub(super) fn seen_at(&self, link: &Link, last: &str) -> Option<ChangeSeq> {
        if last.is_empty() {
            None
        } else if last == link.client_anchor {
            Some(link.seen)
        } else if last == link.previous_client_anchor {
            Some(link.previous_seen)
        } else if self.state.rules.ignore_last_anchor && !link.client_anchor.is_empty() {
            Some(link.seen)
        } else {
            None
        }
    }

    /// Bytes that this answer may have.
    pub(super) fn message_limit(&self) -> usize {
        // a device may take any size: what one answer costs here is ours to bound
        self.limit_within(self.config.max_msg_size)
    }

    /// Bytes that the device takes at most.
    pub(super) fn peer_limit(&self) -> usize {
        self.limit_within(u64::MAX)
    }

    fn limit_within(&self, most: u64) -> usize {
        let rules = &self.state.rules;
        let told = self
            .state
            .peer_max_msg_size
            .unwrap_or(rules.assumed_message_size);
        let limit = told.min(rules.message_limit.unwrap_or(u64::MAX)).min(most);
        let margin = limit.saturating_mul(100_u64.saturating_sub(rules.message_fill)) / 100;
        usize::try_from(limit - margin).unwrap_or(usize::MAX)
    }
}

//! Packages 1 and 2: alerts, anchors, device information.

use std::collections::BTreeSet;

use syncml::{Access, AccessKind, Alert, AlertCode, Command, Data, Item, Results, StatusCode};

use super::guard::Damage;
use super::selection::Selection;
use super::state::{Begun, DatastoreState, Owed, Phase};
use super::{Run, bounds};
use crate::clock;
use crate::store::{Datastore, DatastoreId, Link, LinkId, Permission, StoreError};

/// Commands that may be owed to a client at a time.
const MAX_OWED: usize = 100;

impl Run<'_> {
    // spec: S20
    pub(super) fn take_alert(
        &mut self,
        command: &Command<'_>,
        alert: &Alert<'_>,
    ) -> Result<(), StoreError> {
        match alert.code() {
            None => self.push_status(command, StatusCode::BAD_REQUEST),
            // spec: B06 B07
            Some(AlertCode::NEXT_MESSAGE | AlertCode::RESULT | AlertCode::DISPLAY) => {
                self.push_status(command, StatusCode::OK);
            }
            Some(
                code @ (AlertCode::TWO_WAY
                | AlertCode::SLOW
                | AlertCode::ONE_WAY_FROM_CLIENT
                | AlertCode::REFRESH_FROM_CLIENT
                | AlertCode::ONE_WAY_FROM_SERVER
                | AlertCode::REFRESH_FROM_SERVER
                | AlertCode::RESUME),
            ) => {
                let again = self.state.phase == Phase::FromClient
                    && std::mem::take(&mut self.state.alert_refused)
                    && !self.state.datastores.iter().any(|ds| ds.sync_received);
                if again {
                    self.state.phase = Phase::Initialization;
                    self.state.package_ended = false;
                }
                if self.state.phase != Phase::Initialization {
                    self.push_status(command, StatusCode::NOT_ALLOWED);
                    return Ok(());
                }
                if alert.items.is_empty() {
                    self.push_status(command, StatusCode::INCOMPLETE_COMMAND);
                }
                for item in &alert.items {
                    self.take_sync_alert(command, code, item)?;
                }
            }
            Some(AlertCode::NO_END_OF_DATA) => {
                self.give_up_sending(alert);
                self.push_status(command, StatusCode::OK);
            }
            Some(AlertCode::SUSPEND) => {
                // what is done stays done; the anchors stay as they were
                self.info("suspended by the device".to_owned());
                self.state.phase = Phase::Suspended;
                // an object that is coming goes on in the session that resumes this one
                self.state.receiving = None;
                self.push_status(command, StatusCode::OK);
            }
            Some(code) => {
                // spec: G18
                self.warn(format!("alert {code} ({}) is not supported", code.phrase()));
                self.push_status(command, StatusCode::NOT_SUPPORTED);
            }
        }
        Ok(())
    }

    // spec: C07 G07 G10 G14 I09 S05 S07 S17 S20
    fn take_sync_alert(
        &mut self,
        command: &Command<'_>,
        wanted: AlertCode,
        item: &Item<'_>,
    ) -> Result<(), StoreError> {
        self.know_device(item.source_uri())?;
        let Some(datastore) = self.find_datastore(item)? else {
            self.warn(format!(
                "no datastore {:?}: there are contacts, calendar, tasks, notes, mail and files",
                item.target_uri()
            ));
            self.push_status(command, StatusCode::NOT_FOUND);
            return Ok(());
        };
        let anchor = item.meta.as_ref().and_then(|meta| meta.anchor.as_ref());
        let Some(anchor) = anchor.filter(|anchor| bounds::is_fit(&anchor.next)) else {
            self.push_status(command, StatusCode::INCOMPLETE_COMMAND);
            return Ok(());
        };
        if self
            .state
            .datastores
            .iter()
            .any(|ds| ds.number == datastore.id.number)
        {
            // two stores of a client cannot share one of ours: each would delete the other's items
            self.warn(format!("datastore {} was alerted twice", datastore.name));
            self.push_status(command, StatusCode::NOT_ALLOWED);
            return Ok(());
        }
        let link_id = self.link_of(datastore.id);
        let link = self.tx.link(link_id)?.unwrap_or_default();
        let last = anchor.last.as_deref().unwrap_or_default().trim();
        let seen = self.seen_at(&link, last);
        let resumed = link
            .open
            .clone()
            .filter(|open| wanted == AlertCode::RESUME && open.client_last == last);
        // The session was completed here, and the client has not heard of it: what it did not hear
        // of comes again, as with an ordinary alert.
        let is_completed = wanted == AlertCode::RESUME
            && link.open.is_none()
            && last != link.client_anchor
            && last == link.previous_client_anchor
            && seen.is_some();
        let (code, agreed) = match (&resumed, wanted) {
            // spec: I05
            (Some(open), _) => (StatusCode::OK, AlertCode(open.alert)),
            (None, AlertCode::SLOW | AlertCode::REFRESH_FROM_CLIENT) => (StatusCode::OK, wanted),
            (None, AlertCode::REFRESH_FROM_SERVER) => (StatusCode::OK, wanted),
            (None, AlertCode::RESUME) if is_completed => (StatusCode::OK, AlertCode::TWO_WAY),
            // spec: I06
            (None, AlertCode::RESUME) => (StatusCode::REFRESH_REQUIRED, AlertCode::SLOW),
            (None, _) if seen.is_none() => (StatusCode::REFRESH_REQUIRED, AlertCode::SLOW),
            (None, _) => (StatusCode::OK, wanted),
        };
        let permission = self.tx.permission(datastore.id, &self.state.device)?;
        if let Some(code) = refusal(permission, agreed) {
            self.warn(format!("{}: this device has no access", datastore.name));
            self.push_status(command, code);
            return Ok(());
        }
        let selection = match Selection::read(item, datastore.kind, &link, self.request.now) {
            Ok(selection) => selection,
            Err(fault) => {
                self.refuse_filter(command, &fault);
                return Ok(());
            }
        };
        let known = self.capabilities(item.source_uri());
        if let Some(code) = known.refusal(&self.state.rules, datastore.kind, agreed) {
            self.warn(format!(
                "{}: {} is refused, {code}: the device does not list it for {:?}",
                datastore.name,
                agreed.phrase(),
                item.source_uri()
            ));
            self.push_status(command, code);
            self.ask_devinf(true);
            return Ok(());
        }
        self.info(format!(
            "{}: {} wanted, {} agreed{}",
            datastore.name,
            wanted.phrase(),
            agreed.phrase(),
            match (code, &resumed) {
                (StatusCode::OK, None) => "",
                (StatusCode::OK, Some(_)) => ", resumed",
                _ if link.client_anchor.is_empty() => ", it was never in step",
                _ => ", the anchors do not match",
            }
        ));
        if let Some(meta) = &item.meta {
            self.take_max_obj_size(meta);
        }
        let mut state = DatastoreState {
            number: datastore.id.number,
            name: datastore.name,
            kind: datastore.kind.name().to_owned(),
            target: item.target_uri().to_owned(),
            source: item.source_uri().to_owned(),
            alert: agreed.0,
            overridden: agreed != wanted && resumed.is_none() && !is_completed,
            client_last: last.to_owned(),
            max_guid_size: known.max_guid_size,
            read_only: permission == Permission::ReadOnly,
            client_next: anchor.next.trim().to_owned(),
            server_last: match seen {
                None => String::new(),
                Some(_) if last != link.client_anchor && last == link.previous_client_anchor => {
                    link.previous_server_anchor.clone()
                }
                Some(_) => link.server_anchor.clone(),
            },
            alerted: None,
            server_next: clock::next_anchor(self.request.now, &link.server_anchor),
            seen: seen.unwrap_or_default().0,
            generation: link.generation,
            begun: resumed.is_some(),
            viewed: false,
            most: None,
            maps_until: link.sent_until.0,
            after_break: link.open.is_some(),
            damage: Damage::with_hold(self.tx.hold(link_id)?),
            refused: 0,
            sync_received: false,
            until: resumed.as_ref().map_or(0, |open| open.until.0),
            cursor: 0,
            stuck: None,
            counted: false,
            sent_all: false,
            selection,
            noted: None,
            room: None,
            full: false,
            deletions_sent: false,
            knows_folders: false,
            has_occurrences: false,
            folders_sent: Vec::new(),
            asked: BTreeSet::new(),
            sending: None,
            in_chunks: false,
            resumes: resumed
                .as_ref()
                .and_then(|open| open.sending)
                .map(|sending| Begun {
                    guid: sending.guid.0,
                    seq: sending.seq.0,
                    confirmed: sending.confirmed,
                }),
        };
        if state.damage.is_held() {
            self.warn(format!(
                "{}: changes of this device wait for a decision, see `syncline session list`",
                state.name
            ));
        }
        // spec: I14
        if resumed.is_none() {
            self.tx.end_partial(link_id)?;
            if link.open.is_some() {
                let without = Link {
                    open: None,
                    ..link.clone()
                };
                self.tx.put_link(link_id, &without)?;
            }
        }
        self.wait_again(&state, &link, resumed.is_some());
        if state.selection.is_new {
            // what was outside of the last filter may be inside of this one
            state.seen = 0;
        }
        if state.renews_map() {
            if resumed.is_none() {
                state.renew_map();
            }
            state.seen = 0;
        }
        if !self.reply.no_resp && !command.no_resp() {
            let mut status = self.status_for(command, code);
            status.target_ref = Some(item.target_uri().to_owned());
            status.source_ref = Some(item.source_uri().to_owned());
            status.anchor = Some(state.client_next.clone());
            self.reply.statuses.push(status);
        }
        self.state.datastores.push(state);
        self.state
            .owed
            .push(Owed::Alert(self.state.datastores.len() - 1));
        self.ask_devinf(false);
        Ok(())
    }

    /// The account's datastore that an alert means; by the client's own name when the phone
    /// leaves ours empty.
    // spec: A21 G17
    fn find_datastore(&mut self, item: &Item<'_>) -> Result<Option<Datastore>, StoreError> {
        let Some(login) = self.state.login.clone() else {
            return Ok(None);
        };
        if !bounds::is_fit(item.target_uri()) || !bounds::is_fit(item.source_uri()) {
            return Ok(None);
        }
        let name = self.name_meant(item.target_uri(), item.source_uri());
        let datastores = self.tx.datastores(login.id())?;
        Ok(datastores
            .into_iter()
            .find(|datastore| datastore.name == name))
    }

    pub(super) fn link_of(&self, datastore: DatastoreId) -> LinkId {
        LinkId {
            datastore,
            device: self.state.login.as_ref().map_or(0, |login| login.device),
        }
    }

    // spec: F04 F05 F17 S04
    pub(super) fn take_access(
        &mut self,
        command: &Command<'_>,
        access: &Access<'_>,
    ) -> Result<(), StoreError> {
        match access.kind {
            AccessKind::Put => {
                let mut code = StatusCode::NOT_FOUND;
                for item in &access.items {
                    if is_devinf(item.source_uri()) || is_devinf(item.target_uri()) {
                        code = self.keep_devinf(item)?;
                    }
                }
                self.push_status(command, code);
            }
            AccessKind::Get => {
                let asked = access
                    .items
                    .iter()
                    .find(|item| is_devinf(item.target_uri()));
                let Some(item) = asked else {
                    self.push_status(command, StatusCode::NOT_FOUND);
                    return Ok(());
                };
                if self.state.owed.len() >= MAX_OWED {
                    self.push_status(command, StatusCode::RETRY_LATER);
                    return Ok(());
                }
                self.push_status(command, StatusCode::OK);
                // before the alerts, as the standard orders package 2
                self.state.owed.insert(
                    0,
                    Owed::Results {
                        msg_ref: self.header.msg_id.to_string(),
                        cmd_ref: access.cmd_id.to_string(),
                        uri: item.target_uri().to_owned(),
                    },
                );
            }
        }
        Ok(())
    }

    pub(super) fn take_results(&mut self, results: &Results<'_>) -> Result<(), StoreError> {
        for item in &results.items {
            if is_devinf(item.source_uri()) || matches!(item.data, Some(Data::DevInf(_))) {
                self.keep_devinf(item)?;
            }
        }
        Ok(())
    }

    // spec: F05
    fn keep_devinf(&mut self, item: &Item<'_>) -> Result<StatusCode, StoreError> {
        let Some(login) = self.state.login.clone() else {
            return Ok(StatusCode::MISSING_CREDENTIALS);
        };
        let Some(Data::DevInf(devinf)) = &item.data else {
            self.warn("the device information cannot be read".to_owned());
            return Ok(StatusCode::BAD_REQUEST);
        };
        let devinf = self.with_former(devinf)?;
        let devinf = &self.with_agent(&devinf);
        let document = devinf.to_whole_xml(self.state.version());
        self.use_devinf(devinf);
        if let Some(mut device) = self.tx.device(login.id(), &self.state.device)?
            && device.devinf.as_deref() != Some(document.as_slice())
        {
            self.info(format!(
                "device is {} {} {}",
                devinf.man.as_deref().unwrap_or("?"),
                devinf.model.as_deref().unwrap_or("?"),
                devinf.software.as_deref().unwrap_or_default()
            ));
            device.devinf = Some(document);
            self.tx.put_device(login.id(), &device)?;
        }
        Ok(StatusCode::OK)
    }
}

/// Why an alert is refused to who has this permission; `None` when it is not. A type that only
/// changes the server is of no use where nothing may be changed.
fn refusal(permission: Permission, agreed: AlertCode) -> Option<StatusCode> {
    match (permission, agreed) {
        (Permission::Refused, _) => Some(StatusCode::FORBIDDEN),
        (Permission::ReadOnly, AlertCode::ONE_WAY_FROM_CLIENT | AlertCode::REFRESH_FROM_CLIENT) => {
            Some(StatusCode::PERMISSION_DENIED)
        }
        _ => None,
    }
}

fn is_devinf(uri: &str) -> bool {
    let uri = uri.trim().trim_start_matches("./").trim_start_matches('/');
    uri.get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case("devinf"))
}

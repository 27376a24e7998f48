//! What the server says: statuses, alerts, device information, changes.

use syncml::{
    Access, AccessKind, Alert, AlertCode, Chal, Command, Document, Header, Item, Limits, Message,
    Status, StatusCode, auth,
};

use super::{
    Anchors, Awaited, Error, Failure, MAX_IDLE, MAX_POLLS, MAX_SHOWN, Owed, Phase, Scheme, Session,
    Suspending, renews_map,
};
use crate::uri::{datastore_name, is_readable, may_follow, same_address};

/// Characters of an unknown scheme's name that are kept for the person.
const MAX_SCHEME: usize = 100;

impl Session {
    pub(super) fn take(
        &mut self,
        body: &[u8],
        charset: Option<&str>,
        mac: Option<&str>,
    ) -> Result<(), Error> {
        if let Some(scheme) = self.unknown_scheme.clone() {
            return Err(Error::Scheme { scheme });
        }
        let document = Document::new(body, charset)?;
        let message = document.read(&Limits::default())?;
        let header = &message.header;
        if header.session_id.trim() != self.id {
            return Err(Error::Protocol {
                what: format!(
                    "an answer for session {:?} came in session {:?}",
                    header.session_id, self.id
                ),
            });
        }
        // spec: A13 A14 N15
        if let Some(uri) = &header.resp_uri
            && !uri.trim().is_empty()
        {
            if !may_follow(&self.config.url, uri.trim()) {
                return Err(Error::Protocol {
                    what: format!("it moves the session to {:?}", uri.trim()),
                });
            }
            uri.trim().clone_into(&mut self.url);
        }
        // spec: A16
        if let Some(size) = header.meta.as_ref().and_then(|meta| meta.max_msg_size) {
            self.peer_max_msg_size = Some(size).filter(|size| *size > 0);
        }
        if let Some(meta) = &header.meta {
            self.take_max_obj_size(meta);
        }
        self.no_resp = header.no_resp;
        let was_busy = self.busy;
        let header_status = message.commands.iter().find_map(|command| match command {
            Command::Status(status) if is_for_header(status) => Some(status),
            _ => None,
        });
        if let Some(status) = header_status
            && !self.take_header_status(status)?
        {
            self.owe_header(header);
            if self.unknown_scheme.is_some() {
                self.refuse_challenge(header, status);
            }
            return Ok(());
        }
        if was_busy && self.busy {
            self.polls += 1;
        } else {
            self.polls = 0;
        }
        if self.busy {
            // nothing else is in such a message
            return self.check_polls();
        }
        if !self.knows_server(&message, mac.map(|mac| (mac, body)))? {
            return Ok(());
        }
        self.forget_completed()?;
        let mut brought = false;
        for command in &message.commands {
            brought |= self.take_command(header, command)?;
        }
        let phase = self.phase;
        self.end_message(&message)?;
        self.idle = if brought || self.phase != phase {
            0
        } else {
            self.idle + 1
        };
        self.check_idle()
    }

    // spec: B17
    fn check_idle(&self) -> Result<(), Error> {
        if self.idle > MAX_IDLE {
            return Err(Error::Protocol {
                what: format!("{MAX_IDLE} messages in a row brought nothing"),
            });
        }
        Ok(())
    }

    // spec: B17
    fn check_polls(&self) -> Result<(), Error> {
        if self.polls >= MAX_POLLS {
            return Err(Error::Busy { polls: self.polls });
        }
        Ok(())
    }

    /// Whether the session goes on with this message; `false` when the client has to log in again.
    // spec: S03
    fn take_header_status(&mut self, status: &Status<'_>) -> Result<bool, Error> {
        let Some(code) = status.code() else {
            return Err(Error::Protocol {
                what: format!("a status says {:?}", status.data),
            });
        };
        if let Some(nonce) = status
            .chal
            .as_ref()
            .and_then(|chal| chal.meta.next_nonce.as_deref())
        {
            // spec: E13
            nonce.clone_into(&mut self.nonce);
            if let Some(first) = self.sources.first_mut() {
                first.call(|replica| replica.set_nonce(nonce))?;
                first.call(|replica| replica.message_done())?;
            }
        }
        self.busy = code == StatusCode::IN_PROGRESS;
        match code {
            StatusCode::AUTHENTICATED => {
                self.authenticated = true;
                Ok(true)
            }
            StatusCode::INVALID_CREDENTIALS | StatusCode::MISSING_CREDENTIALS => {
                self.log_in_again(status, code)
            }
            // spec: D03
            StatusCode::DTD_NOT_SUPPORTED
            | StatusCode::PROTOCOL_NOT_SUPPORTED
            | StatusCode::NOT_IMPLEMENTED => Err(Error::Version {
                version: self.config.version,
                status: code,
            }),
            StatusCode::IN_PROGRESS => Ok(true),
            code if code.is_success() => Ok(true),
            code => Err(Error::Rejected { status: code }),
        }
    }

    // spec: E11 E12 S01 S02
    fn log_in_again(&mut self, status: &Status<'_>, code: StatusCode) -> Result<bool, Error> {
        let wanted = status
            .chal
            .as_ref()
            .and_then(|chal| chal.meta.media_type.as_deref());
        let scheme = match wanted.map(str::trim) {
            Some(name) if name.eq_ignore_ascii_case(auth::BASIC) => Scheme::Basic,
            Some(name) if name.eq_ignore_ascii_case(auth::MD5) => Scheme::Md5,
            Some(name) if name.eq_ignore_ascii_case(auth::MAC) => Scheme::Mac,
            // spec: E18
            Some(name) if !name.is_empty() && !self.no_resp => {
                self.unknown_scheme = Some(name.chars().take(MAX_SCHEME).collect());
                return Ok(false);
            }
            _ => return Err(Error::Refused { status: code }),
        };
        let is_early = matches!(self.phase, Phase::Alerting | Phase::Initialization)
            || self.sources.iter().any(|active| active.early);
        if self.challenged.contains(&scheme) || !is_early {
            return Err(Error::Refused { status: code });
        }
        self.challenged.push(scheme);
        let is_private = self.config.basic_first || !is_readable(&self.url);
        if scheme == Scheme::Basic && !is_private {
            return Err(Error::ClearPassword);
        }
        self.scheme = scheme;
        self.phase = Phase::Alerting;
        self.devinf_exchanged = [false; 2];
        for active in &mut self.sources {
            active.alerted = false;
            active.send_again();
        }
        self.awaited.clear();
        self.answer_again();
        Ok(false)
    }

    /// Answers a challenge that cannot be met: the one status that has a status of its own.
    // spec: E18
    fn refuse_challenge(&mut self, header: &Header<'_>, status: &Status<'_>) {
        self.owed.push(Owed {
            msg_ref: header.msg_id.to_string(),
            cmd_ref: status.cmd_id.to_string(),
            cmd: "Status".to_owned(),
            target_ref: None,
            source_ref: None,
            code: StatusCode::NOT_SUPPORTED,
            anchor: None,
            challenge: None,
        });
    }

    pub(super) fn take_max_obj_size(&mut self, meta: &syncml::Meta<'_>) {
        if let Some(size) = meta.max_obj_size.filter(|size| *size > 0) {
            self.peer_max_obj_size = Some(size);
        }
    }

    pub(super) fn owe_header(&mut self, header: &Header<'_>) {
        self.owe_header_with(header, StatusCode::OK, None);
    }

    /// As [`Session::owe_header`], with a challenge.
    pub(super) fn owe_header_with(
        &mut self,
        header: &Header<'_>,
        code: StatusCode,
        challenge: Option<Chal<'static>>,
    ) {
        if self.no_resp {
            return;
        }
        self.owed.push(Owed {
            msg_ref: header.msg_id.to_string(),
            cmd_ref: "0".to_owned(),
            cmd: "SyncHdr".to_owned(),
            target_ref: Some(header.target.uri.to_string()),
            source_ref: Some(header.source.uri.to_string()),
            code,
            anchor: None,
            challenge,
        });
    }

    pub(super) fn owe(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        item: Option<&Item<'_>>,
        code: StatusCode,
    ) {
        self.owe_with(header, command, item, code, None);
    }

    /// As [`Session::owe`], with the server's anchor in the status.
    fn owe_with(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        item: Option<&Item<'_>>,
        code: StatusCode,
        anchor: Option<String>,
    ) {
        self.note_in_atomic(code);
        // spec: A28 C10
        if self.no_resp || command.no_resp() {
            return;
        }
        let uri = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (target_ref, source_ref) = match (command, item) {
            (Command::Sync(sync), _) => (
                sync.target.as_ref().map(|target| target.uri.to_string()),
                sync.source.as_ref().map(|source| source.uri.to_string()),
            ),
            (_, Some(item)) => (uri(item.target_uri()), uri(item.source_uri())),
            _ => (None, None),
        };
        self.owed.push(Owed {
            msg_ref: header.msg_id.to_string(),
            cmd_ref: command.cmd_id().to_owned(),
            cmd: command.name().to_owned(),
            target_ref,
            source_ref,
            code,
            anchor,
            challenge: None,
        });
    }

    /// Carries a command out; whether it brought the session forward.
    // spec: M24
    pub(super) fn take_command(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
    ) -> Result<bool, Error> {
        match command {
            // spec: C09
            Command::Status(status) => self.take_status(status),
            Command::Alert(alert) => Ok(self.take_alert(header, command, alert)),
            // these go on for ever with a server that goes on asking
            Command::Access(access) => {
                self.take_access(header, command, access)?;
                Ok(false)
            }
            Command::Results(results) => {
                self.take_server(&results.items)?;
                self.owe(header, command, results.items.first(), StatusCode::OK);
                Ok(false)
            }
            Command::Sync(sync) => self.take_sync(header, command, sync),
            Command::Group(group) => self.take_group(header, command, group, None),
            Command::Change(_) | Command::Map(_) => {
                self.owe(header, command, None, StatusCode::NOT_ALLOWED);
                Ok(false)
            }
            // spec: C15 M17
            _ => {
                self.owe(header, command, None, StatusCode::NOT_IMPLEMENTED);
                Ok(false)
            }
        }
    }

    // spec: F03 F17 S04
    fn take_access(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        access: &Access<'_>,
    ) -> Result<(), Error> {
        let item = access.items.first();
        if access.kind == AccessKind::Put {
            self.owe(header, command, item, StatusCode::OK);
            return self.take_server(&access.items);
        }
        let is_devinf = item.is_some_and(|item| {
            let uri = item.target_uri().trim_start_matches("./");
            uri.to_ascii_lowercase().starts_with("devinf")
        });
        if is_devinf {
            self.owe(header, command, item, StatusCode::OK);
            self.asked_devinf
                .push((header.msg_id.to_string(), access.cmd_id.to_string()));
        } else {
            self.owe(header, command, item, StatusCode::NOT_FOUND);
        }
        Ok(())
    }

    fn take_alert(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        alert: &Alert<'_>,
    ) -> bool {
        let code = match alert.code() {
            Some(AlertCode::DISPLAY) => {
                self.show(alert);
                self.owe(header, command, alert.items.first(), StatusCode::OK);
                return false;
            }
            Some(AlertCode::NEXT_MESSAGE | AlertCode::RESULT) => {
                self.owe(header, command, alert.items.first(), StatusCode::OK);
                return false;
            }
            Some(AlertCode::NO_END_OF_DATA) => {
                self.give_up_sending();
                self.owe(header, command, alert.items.first(), StatusCode::OK);
                return true;
            }
            Some(AlertCode::SUSPEND) => {
                // what is done stays done, and the next session goes on
                self.owe(header, command, alert.items.first(), StatusCode::OK);
                self.suspend();
                return true;
            }
            Some(code) if (200..=205).contains(&code.0) => code,
            _ => {
                self.owe(
                    header,
                    command,
                    alert.items.first(),
                    StatusCode::NOT_SUPPORTED,
                );
                return false;
            }
        };
        let agreed = |session: &Self| {
            let sources = session.sources.iter();
            sources
                .filter(|active| active.agreed.is_some() || !active.is_on())
                .count()
        };
        // one that is repeated brings nothing
        let before = agreed(self);
        for item in &alert.items {
            let status = self.take_sync_alert(code, item);
            let anchor = item.meta.as_ref().and_then(|meta| meta.anchor.as_ref());
            let next = anchor.map(|anchor| anchor.next.to_string());
            self.owe_with(header, command, Some(item), status, next);
            if let Some(meta) = &item.meta {
                self.take_max_obj_size(meta);
            }
        }
        agreed(self) != before
    }

    /// Keeps what the person shall read.
    // spec: M19
    fn show(&mut self, alert: &Alert<'_>) {
        let (most, longest) = MAX_SHOWN;
        for data in alert.items.iter().filter_map(|item| item.data.as_ref()) {
            let text = data.to_text();
            let words: Vec<&str> = text.split_whitespace().collect();
            let line: String = words.join(" ").chars().take(longest).collect();
            if !line.is_empty() && self.messages.len() < most {
                self.messages.push(line);
            }
        }
    }

    // spec: C07 G11 G12 G15 G16 S07 S17
    fn take_sync_alert(&mut self, code: AlertCode, item: &Item<'_>) -> StatusCode {
        let Some(index) = self.find_source(item.target_uri(), item.source_uri()) else {
            return StatusCode::NOT_FOUND;
        };
        let Some(active) = self.sources.get_mut(index) else {
            return StatusCode::NOT_FOUND;
        };
        let wanted = active.source.mode.alert();
        if code != wanted && code != AlertCode::SLOW && code != AlertCode::TWO_WAY {
            active.fail(format!(
                "the server wants a {} sync in place of {}, which was not agreed to",
                code.phrase(),
                wanted.phrase()
            ));
            active.forget_unfinished();
            return StatusCode::FORBIDDEN;
        }
        if code != wanted
            && let Err(reason) = active.bear_with(code)
        {
            active.fail(reason);
            active.forget_unfinished();
            return StatusCode::FORBIDDEN;
        }
        let anchor = item.meta.as_ref().and_then(|meta| meta.anchor.as_ref());
        let last = anchor.and_then(|anchor| anchor.last.as_deref());
        let last = last.unwrap_or_default().trim();
        let expected = active.anchors.server.clone();
        let is_checked =
            code == AlertCode::TWO_WAY && !active.resumed && !self.server.rules.ignore_last_anchor;
        // The server goes on with a session before the one that began to compare all items here, and has
        // forgotten for that what was known.
        let is_of_another = active.resumed
            && code == AlertCode::TWO_WAY
            && active
                .unfinished
                .as_ref()
                .is_some_and(|unfinished| renews_map(AlertCode(unfinished.alert)));
        if is_of_another {
            active.resumed = false;
            active.forget_unfinished();
        }
        let is_lost = is_of_another || (is_checked && !last.is_empty() && last != expected);
        if is_lost {
            // the anchors are void from now on
            if let Err(error) = active.call(|replica| replica.complete(&Anchors::default())) {
                active.fail(error.to_string());
                return StatusCode::REFRESH_REQUIRED;
            }
        }
        if is_lost && active.early {
            active.fail(format!(
                "the server's last anchor is {last:?} where {expected:?} was expected; \
                 the next sync compares all items"
            ));
            return StatusCode::REFRESH_REQUIRED;
        }
        if active.early && code == AlertCode::SLOW && wanted != code {
            // spec: B20
            active.again = true;
        }
        if active.early && !active.again {
            let unfinished = active.begun_as(code);
            if let Err(error) = active.call(|replica| replica.set_unfinished(Some(&unfinished))) {
                active.fail(error.to_string());
            }
        }
        let agreed = if is_lost { AlertCode::SLOW } else { code };
        active.agreed = Some(agreed);
        active.summary.alert = agreed.0;
        active.server_next = Some(anchor.map_or(String::new(), |anchor| anchor.next.to_string()));
        if is_lost {
            StatusCode::REFRESH_REQUIRED
        } else {
            StatusCode::OK
        }
    }

    /// The source that a pair of addresses means: by our own first, which the server got from us.
    // spec: A21
    pub(super) fn find_source(&self, target: &str, source: &str) -> Option<usize> {
        let ours = self
            .sources
            .iter()
            .position(|active| same_address(&active.source.local_uri, target));
        ours.or_else(|| {
            let name = datastore_name(source);
            self.sources
                .iter()
                .position(|active| datastore_name(&active.source.remote_uri) == name)
        })
    }

    /// Makes the message's work durable and moves on.
    // spec: B22
    fn end_message(&mut self, message: &Message<'_>) -> Result<(), Error> {
        // an object that is coming goes on in the session that resumes a suspended one
        if message.is_final && self.suspending == Suspending::No {
            self.end_of_data_missing()?;
        }
        if message.is_final && matches!(self.phase, Phase::Initialization | Phase::Receiving) {
            // the answer to the alerts is in package 2, which may hold package 4 as well
            let has_answer = |active: &super::Active| active.agreed.is_some() || !active.alerted;
            for active in self.sources.iter_mut().filter(|a| !has_answer(a)) {
                active.fail("the server did not answer the alert");
            }
        }
        for active in &mut self.sources {
            active.call(|replica| replica.message_done())?;
        }
        match self.phase {
            // a datastore that wants a login of its own is alerted once more
            Phase::Initialization if message.is_final => {
                let mut all = self.sources.iter();
                let waits = all.any(|active| active.is_on() && !active.alerted);
                self.phase = if waits {
                    Phase::Alerting
                } else {
                    Phase::Sending
                };
            }
            Phase::Receiving if message.is_final && self.sources.iter().any(|a| a.again) => {
                for active in self.sources.iter_mut().filter(|active| active.again) {
                    active.send_again();
                }
                self.phase = Phase::Sending;
            }
            // spec: B10
            Phase::Receiving if message.is_final => {
                let receives = |active: &super::Active| active.is_on() && active.receives();
                if self.sources.iter().any(receives) {
                    self.phase = Phase::Mapping;
                } else {
                    self.complete()?;
                }
            }
            Phase::Closing if message.is_final => self.complete()?,
            _ => {}
        }
        if !self.sources.iter().any(super::Active::is_on) {
            self.phase = Phase::Done;
        }
        Ok(())
    }

    // spec: C12 I13 K04 R01
    fn complete(&mut self) -> Result<(), Error> {
        self.phase = Phase::Done;
        // the wish to suspend came when all was said already
        self.suspending = Suspending::No;
        for awaited in std::mem::take(&mut self.awaited).into_values() {
            if let Awaited::Change { source, luid, .. } = awaited
                && let Some(active) = self.sources.get_mut(source)
            {
                active.summary.failed.push(Failure {
                    item: luid,
                    reason: "the server did not say what became of it".to_owned(),
                });
            }
        }
        for active in self.sources.iter_mut().filter(|active| active.is_on()) {
            let anchors = Anchors {
                client: active.next.clone(),
                server: active.server_next.clone().unwrap_or_default(),
            };
            active.call(|replica| replica.complete(&anchors))?;
        }
        Ok(())
    }
}

pub(super) fn is_for_header(status: &Status<'_>) -> bool {
    status.cmd_ref.trim() == "0" || (status.cmd_ref.is_empty() && status.cmd == "SyncHdr")
}

impl super::Active {
    /// The server goes on with a session of another type: the next one is an ordinary one.
    fn forget_unfinished(&mut self) {
        self.unfinished = None;
        if let Err(error) = self.call(|replica| replica.set_unfinished(None)) {
            self.fail(error.to_string());
        }
    }

    /// What was sent does not count: it is sent again, all of it.
    fn send_again(&mut self) {
        self.begun = false;
        self.opened = false;
        self.sent_all = false;
        self.early = false;
        self.again = false;
        self.sending = None;
        self.progress.sent = 0;
    }
}

//! The server's statuses: what they settle of what was sent.

use syncml::{AlertCode, Status, StatusCode};

use super::take::is_for_header;
use super::{Active, Awaited, ChangeKind, Error, Failure, Phase, Session};

impl Active {
    /// Whether an item went out only to be compared, and the server had it.
    fn is_comparison(&self, kind: ChangeKind, code: StatusCode) -> bool {
        let had_it = matches!(
            code,
            StatusCode::OK | StatusCode::ALREADY_EXISTS | StatusCode::CONFLICT_SERVER_WON
        );
        had_it && kind == ChangeKind::Replace && self.agreed == Some(AlertCode::SLOW)
    }

    /// The server does not agree to the alert; where there is a filter in it, some codes mean that.
    // spec: L10 L11
    fn refuse_alert(&mut self, code: StatusCode) {
        let is_of_filter = self.source.filter.is_some()
            && matches!(
                code,
                StatusCode::NOT_SUPPORTED
                    | StatusCode::UNSUPPORTED_TYPE
                    | StatusCode::UNKNOWN_GRAMMAR
                    | StatusCode::BAD_CGI
            );
        let phrase = code.phrase();
        self.is_missing = code == StatusCode::NOT_FOUND;
        self.fail(if is_of_filter {
            format!(
                "the server refuses the filter ({code}, {phrase}); change the filter or leave it out"
            )
        } else {
            format!("the server answered {code}, {phrase}")
        });
    }
}

impl Session {
    // spec: C13
    pub(super) fn take_status(&mut self, status: &Status<'_>) -> Result<bool, Error> {
        if is_for_header(status) {
            return Ok(false);
        }
        let (Some(code), Ok(msg), Ok(cmd)) = (
            status.code(),
            status.msg_ref.trim().parse::<u32>(),
            status.cmd_ref.trim().parse::<u32>(),
        ) else {
            return Ok(false);
        };
        let Some(awaited) = self.awaited.remove(&(msg, cmd)) else {
            return Ok(false);
        };
        // a Sync may be opened again and again without carrying anything
        let brought = !matches!(awaited, Awaited::Sync(_));
        match awaited {
            Awaited::Suspend => self.phase = Phase::Done,
            // spec: F02
            Awaited::DevInf(hash) => {
                if code.is_success()
                    && let Some(first) = self.sources.first_mut()
                {
                    first.call(|replica| replica.set_devinf_sent(hash))?;
                }
            }
            Awaited::Chunk {
                source,
                luid,
                offset,
            } => self.settle_chunk(source, &luid, offset, code)?,
            Awaited::Alert(source) if self.log_in_to(source, code, status) => {}
            Awaited::Alert(source) if self.is_resumed(source) => {
                self.settle_resume(source, code)?;
            }
            Awaited::Alert(source) => {
                let goes_on = code.is_success()
                    || matches!(
                        code,
                        StatusCode::REFRESH_REQUIRED | StatusCode::RESERVED_509
                    );
                if !goes_on && let Some(active) = self.sources.get_mut(source) {
                    active.refuse_alert(code);
                }
            }
            Awaited::Sync(source) => {
                let Some(active) = self.sources.get_mut(source) else {
                    return Ok(brought);
                };
                if active.is_put_off(code) {
                    // spec: B20
                    active.again = true;
                } else if !code.is_success() {
                    active.fail(format!("the server answered {code}, {}", code.phrase()));
                }
            }
            Awaited::Change { source, luid, kind } => {
                self.settle_change(source, luid, kind, code)?;
            }
            // spec: H15
            Awaited::Map { source, guids } => {
                if code.is_success()
                    && let Some(active) = self.sources.get_mut(source)
                {
                    active.call(|replica| replica.maps_acknowledged(&guids))?;
                }
            }
        }
        Ok(brought)
    }

    /// Whether the status asks for a login to the datastore, which goes with its alert once more then.
    // spec: E16
    fn log_in_to(&mut self, source: usize, code: StatusCode, status: &Status<'_>) -> bool {
        let is_asked = matches!(
            code,
            StatusCode::INVALID_CREDENTIALS | StatusCode::MISSING_CREDENTIALS
        );
        let Some(chal) = status.chal.as_ref().filter(|_| is_asked) else {
            return false;
        };
        let own = self.sources.get(source);
        let cred = self.cred_for(chal, own.and_then(|active| active.login.as_ref()));
        let Some(active) = self.sources.get_mut(source) else {
            return false;
        };
        // once, and with nothing out that its answer would have to settle
        if active.cred.is_some() || active.early || cred.is_none() {
            return false;
        }
        active.cred = cred;
        active.alerted = false;
        true
    }

    fn is_resumed(&self, source: usize) -> bool {
        let active = self.sources.get(source);
        active.is_some_and(|active| active.unfinished.is_some())
    }

    /// The server's answer to the alert that asks to go on with an unfinished session.
    // spec: I06 I07 I08 S20
    fn settle_resume(&mut self, source: usize, code: StatusCode) -> Result<(), Error> {
        let Some(active) = self.sources.get_mut(source) else {
            return Ok(());
        };
        if code.is_success() {
            active.resumed = true;
            return Ok(());
        }
        active.unfinished = None;
        active.call(|replica| replica.set_unfinished(None))?;
        active.call(|replica| replica.message_done())?;
        // the server says in its alert which type holds instead
        if matches!(
            code,
            StatusCode::REFRESH_REQUIRED | StatusCode::RESERVED_509
        ) {
            return Ok(());
        }
        Err(Error::Resume { status: code })
    }

    /// The server's answer to a change of ours.
    // spec: C14 H26 I13 R03 R09 R11
    fn settle_change(
        &mut self,
        source: usize,
        luid: String,
        kind: ChangeKind,
        code: StatusCode,
    ) -> Result<(), Error> {
        let Some(active) = self.sources.get_mut(source) else {
            return Ok(());
        };
        if active.is_put_off(code) {
            // the server wants all items, and gets them
            return Ok(());
        }
        let gone = matches!(code, StatusCode::NOT_FOUND | StatusCode::GONE);
        // conflicts are the server's to resolve: what it decided comes as a change of its own
        let settled = code.is_success()
            || matches!(
                code,
                StatusCode::ALREADY_EXISTS | StatusCode::CONFLICT_SERVER_WON
            )
            || (kind == ChangeKind::Delete && gone);
        active.forget_sending(&luid)?;
        if settled {
            // a slow sync sends every item as a replacement, and the status tells which were new
            let new = kind == ChangeKind::Replace && code == StatusCode::ITEM_ADDED;
            let kind = if new { ChangeKind::Add } else { kind };
            active.summary.waiting += u64::from(code == StatusCode::ACCEPTED);
            if active.is_comparison(kind, code) {
                active.summary.compared += 1;
            } else {
                active.summary.sent.count(kind);
            }
            active.call(|replica| replica.confirm(&luid))
        } else {
            // the server keeps what it has, and tells us of it
            let is_given_up = (kind == ChangeKind::Delete && code == StatusCode::NOT_EMPTY)
                || (kind == ChangeKind::Move && code == StatusCode::MOVE_FAILED);
            if is_given_up {
                active.call(|replica| replica.confirm(&luid))?;
            }
            if kind == ChangeKind::Replace && code == StatusCode::CONFLICT {
                active.disputed.insert(luid.clone());
            }
            if matches!(kind, ChangeKind::Replace | ChangeKind::Move) && gone {
                active.call(|replica| replica.forgotten(&luid))?;
            }
            let knows_no_move =
                matches!(code, StatusCode::NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED);
            if kind == ChangeKind::Move && knows_no_move {
                active.call(|replica| replica.move_refused(&luid))?;
            }
            active.summary.failed.push(Failure {
                item: luid,
                reason: format!("the server answered {code}, {}", code.phrase()),
            });
            Ok(())
        }
    }
}

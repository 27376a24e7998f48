//! A busy server (DS Protocol, busy signalling): a message is put off with status 101, and answered when
//! the client asks for its answer with alert 221.
//!
//! What is put off lies in the state of the session, so that any node may do the work later.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use syncml::{AlertCode, Command, Encoding, Message, MessageWriter, StatusCode};

use super::Run;
use super::state::State;
use crate::store::StoreError;

/// Whether a message does nothing but ask for the answer to the one before.
pub(super) fn is_poll(message: &Message<'_>) -> bool {
    let asks = |command: &Command<'_>| match command {
        Command::Alert(alert) => alert.code() == Some(AlertCode::RESULT),
        Command::Status(_) => true,
        _ => false,
    };
    message.commands.iter().all(asks)
        && message
            .commands
            .iter()
            .any(|command| matches!(command, Command::Alert(_)))
}

/// The message that was put off in the session.
pub(super) fn deferred(state: &mut State) -> Option<Vec<u8>> {
    state
        .deferred
        .take()
        .and_then(|text| STANDARD.decode(text).ok())
}

impl<'r> Run<'r> {
    /// Puts a message off; its answer says so and nothing else.
    // spec: K01 K03 K04
    pub(super) fn put_off(&mut self, message: &Message<'_>, body: &[u8]) {
        if is_poll(message) {
            self.answer_polls(message, StatusCode::IN_PROGRESS);
        } else if self.state.deferred.is_some() {
            // one is put off at a time
            self.reply.header_status = Some(self.header_status(StatusCode::RETRY_LATER));
            return;
        } else {
            self.state.deferred = Some(STANDARD.encode(body));
        }
        self.info("busy, the message is put off".to_owned());
        self.reply.header_status = Some(self.header_status(StatusCode::IN_PROGRESS));
    }

    pub(super) fn write_busy(&mut self, token: &str, encoding: Encoding) -> Vec<u8> {
        let msg_id = self.state.next_msg_id;
        self.state.next_msg_id += 1;
        let version = self.state.version();
        let header = self.answer_header(token, msg_id, version);
        let mut writer = MessageWriter::new(encoding, version, &header);
        let statuses = self.reply.header_status.take().into_iter();
        let statuses = statuses.chain(std::mem::take(&mut self.reply.statuses));
        for (status, cmd_id) in statuses.zip(1..) {
            writer.command(&Command::Status(status.to_status(cmd_id)));
        }
        self.finished(writer, false)
    }

    /// Does the work of a message that was put off, and answers the one that asks for it.
    // spec: K05
    pub(super) fn catch_up(
        &mut self,
        deferred: &'r Message<'r>,
        poll: &'r Message<'r>,
    ) -> Result<(), StoreError> {
        self.header = &deferred.header;
        self.handle(deferred)?;
        if !self.reply.no_resp {
            let header_status = self
                .reply
                .header_status
                .take()
                .unwrap_or_else(|| self.header_status(StatusCode::OK));
            self.reply.statuses.insert(0, header_status);
        }
        self.header = &poll.header;
        self.answer_polls(poll, StatusCode::OK);
        Ok(())
    }

    fn answer_polls(&mut self, message: &Message<'_>, code: StatusCode) {
        for command in &message.commands {
            match command {
                Command::Status(_) => {}
                Command::Alert(alert) if alert.code() == Some(AlertCode::RESULT) => {
                    self.push_status(command, code);
                }
                // it came too early: the client may send it again
                _ => self.refuse(command, StatusCode::RETRY_LATER),
            }
        }
    }
}

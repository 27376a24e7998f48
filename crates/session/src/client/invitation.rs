//! Sessions that the server asked for: the notification gives the session its identifier, and one
//! of 1.0 or 1.1 is a message whose commands are answered in package 1.

use syncml::StatusCode;
use syncml::san::{AlertMessage, Received};

use super::{Owed, Session};
use crate::uri::datastore_name;

impl Session {
    /// Makes this the session that a notification asks for; to be called before the first
    /// [`Session::step`]. The datastores and their modes are the caller's to choose by what the
    /// notification says.
    ///
    /// The session takes the notification's identifier, where it has one. A notification that is
    /// a message (1.0 and 1.1) is answered at the head of package 1: its header and the alerts of
    /// datastores that are synced with status 200, other alerts with 404.
    pub fn accept(&mut self, notification: &Received) {
        // spec: Q04 Q05
        if let Some(id) = &notification.notification().session_id {
            self.id.clone_from(id);
        }
        if let Received::Message(message) = notification {
            self.invited = self.answers(message);
            self.owed.clone_from(&self.invited);
        }
    }

    /// The statuses that a message is owed.
    // spec: Q12
    fn answers(&self, message: &AlertMessage) -> Vec<Owed> {
        let said = &message.notification;
        let status = |cmd_ref: &str, cmd: &str| Owed {
            msg_ref: message.msg_id.clone(),
            cmd_ref: cmd_ref.to_owned(),
            cmd: cmd.to_owned(),
            target_ref: None,
            source_ref: None,
            code: StatusCode::OK,
            anchor: None,
            challenge: None,
        };
        let mut answers = vec![Owed {
            target_ref: Some(message.device.clone()),
            source_ref: Some(said.server_id.clone()),
            ..status("0", "SyncHdr")
        }];
        for (sync, cmd_id) in said.syncs.iter().zip(&message.cmd_ids) {
            let name = datastore_name(&sync.server_uri);
            let mut sources = self.sources.iter();
            let is_synced = sources.any(|one| datastore_name(&one.source.remote_uri) == name);
            answers.push(Owed {
                target_ref: sync.client_uri.clone(),
                source_ref: Some(sync.server_uri.clone()),
                code: if is_synced {
                    StatusCode::OK
                } else {
                    StatusCode::NOT_FOUND
                },
                ..status(cmd_id, "Alert")
            });
        }
        answers
    }

    /// Owes the answers again, before all else: package 1 begins anew with another login.
    pub(super) fn answer_again(&mut self) {
        let later = std::mem::replace(&mut self.owed, self.invited.clone());
        self.owed.extend(later);
    }
}

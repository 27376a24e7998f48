//! The options of `syncline alert`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use syncml::AlertCode;
use syncml::san::{Initiator, UiMode};

use super::{StateOptions, SyncEncoding};

#[derive(Debug, Args)]
pub(crate) struct Alert {
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// The account.
    pub(crate) user: String,
    /// The device's address, as listed by `device list`.
    pub(crate) device: String,
    /// A datastore to sync, may be given several times [default: all].
    #[arg(long, value_name = "NAME")]
    pub(crate) datastore: Vec<String>,
    /// How to sync [default: two-way, or where no datastore is named what the device is used to].
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub(crate) sync_type: Option<AlertType>,
    /// How the device is to involve the person; only the form of 1.2 says it.
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub(crate) ui: AlertUi,
    /// Who caused it, which a device may show; only the form of 1.2 says it.
    #[arg(long, value_name = "WHO", value_enum, default_value_t)]
    pub(crate) initiator: AlertInitiator,
    /// File of what follows for devices of a vendor that understand it; only the form of 1.2 has room
    /// for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) vendor: Option<PathBuf>,
    /// Form of the notification: 1.2 is a short package with a digest, 1.1 a message
    /// [default: by the device's version].
    #[arg(long, value_enum)]
    pub(crate) form: Option<AlertForm>,
    /// Encoding of a message of the form 1.1 [default: wbxml].
    #[arg(long, value_enum)]
    pub(crate) encoding: Option<SyncEncoding>,
    /// Identifier under which the device knows the server [default: `id` of the configuration, else
    /// the host of `public-url`, else `syncline`; for the form 1.1 `public-url` itself].
    #[arg(long, value_name = "ID")]
    pub(crate) server_id: Option<String>,
    /// Where to write; `-` is stdout.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
}

/// A type of sync that a server can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertType {
    /// Changes of both sides.
    TwoWay,
    /// Changes of the device only.
    FromClient,
    /// The device's items replace the server's.
    RefreshFromClient,
    /// Changes of the server only.
    FromServer,
    /// The server's items replace the device's.
    RefreshFromServer,
}

impl AlertType {
    /// The alert by which a server asks for it.
    pub(crate) const fn code(self) -> AlertCode {
        match self {
            Self::TwoWay => AlertCode::TWO_WAY_BY_SERVER,
            Self::FromClient => AlertCode::ONE_WAY_FROM_CLIENT_BY_SERVER,
            Self::RefreshFromClient => AlertCode::REFRESH_FROM_CLIENT_BY_SERVER,
            Self::FromServer => AlertCode::ONE_WAY_FROM_SERVER_BY_SERVER,
            Self::RefreshFromServer => AlertCode::REFRESH_FROM_SERVER_BY_SERVER,
        }
    }
}

/// How a device is to involve the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum AlertUi {
    /// As the device is used to.
    #[default]
    NotSpecified,
    /// Without showing anything.
    Background,
    /// Showing that it syncs.
    Informative,
    /// Asking first.
    Interactive,
}

impl From<AlertUi> for UiMode {
    fn from(ui: AlertUi) -> Self {
        match ui {
            AlertUi::NotSpecified => Self::NotSpecified,
            AlertUi::Background => Self::Background,
            AlertUi::Informative => Self::Informative,
            AlertUi::Interactive => Self::UserInteraction,
        }
    }
}

/// Who caused a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum AlertInitiator {
    /// The server, of itself.
    #[default]
    Server,
    /// A person, at another place.
    User,
}

impl From<AlertInitiator> for Initiator {
    fn from(initiator: AlertInitiator) -> Self {
        match initiator {
            AlertInitiator::Server => Self::Server,
            AlertInitiator::User => Self::User,
        }
    }
}

/// Form of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertForm {
    /// A message with alerts, as SyncML 1.0 and 1.1 have it.
    #[value(name = "1.1")]
    Message,
    /// A binary package with a digest.
    #[value(name = "1.2")]
    Package,
}

//! The version of the protocol as text: what rules of peers name and what the state of a session keeps.

use serde::{Deserialize, Serialize};
use syncml::Version;

/// A version of the protocol, as rules and state write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spoken {
    /// SyncML 1.0.
    #[serde(rename = "1.0")]
    V1_0,
    /// SyncML 1.1.
    #[serde(rename = "1.1")]
    V1_1,
    /// SyncML 1.2.
    #[serde(rename = "1.2")]
    V1_2,
}

impl From<Version> for Spoken {
    fn from(version: Version) -> Self {
        match version {
            Version::V1_0 => Self::V1_0,
            Version::V1_1 => Self::V1_1,
            Version::V1_2 => Self::V1_2,
        }
    }
}

impl From<Spoken> for Version {
    fn from(spoken: Spoken) -> Self {
        match spoken {
            Spoken::V1_0 => Self::V1_0,
            Spoken::V1_1 => Self::V1_1,
            Spoken::V1_2 => Self::V1_2,
        }
    }
}

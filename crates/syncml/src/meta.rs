//! Meta-Information (`syncml:metinf`): what is said about data, not the data.

use crate::Text;

/// The children of a `Meta` element (Meta-Information 1.2.2). A `MetInf` wrapper is read through
/// and never written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta<'a> {
    /// `FieldLevel`: the data replaces some fields only (1.2).
    pub field_level: bool,
    /// `Format`: `chr`, `b64`, `bin`, `xml` …; absent means `chr`.
    pub format: Option<Text<'a>>,
    /// `Type`: the media type, authentication scheme or grammar of the data.
    pub media_type: Option<Text<'a>>,
    /// `Mark`: `draft`, `final`, `read` …; for device management an importance.
    pub mark: Option<Text<'a>>,
    /// `Size`: bytes of the whole object, on the first chunk of a large one.
    pub size: Option<u64>,
    /// `Anchor`: the sync anchors of an initialization alert.
    pub anchor: Option<Anchor<'a>>,
    /// `Version`: the revision of one object.
    pub version: Option<Text<'a>>,
    /// `NextNonce`, decoded to the raw bytes that go into a digest.
    pub next_nonce: Option<Vec<u8>>,
    /// `MaxMsgSize`: bytes of the largest message that the sender takes.
    pub max_msg_size: Option<u64>,
    /// `MaxObjSize`: bytes of the largest object that the sender takes (1.1).
    pub max_obj_size: Option<u64>,
    /// `EMI`: experimental extensions, in order.
    pub emi: Vec<Text<'a>>,
    /// `Mem`: free room of the source datastore.
    pub mem: Option<Mem>,
}

impl<'a> Meta<'a> {
    /// A `Meta` that says the media type alone.
    pub fn of_type(media_type: impl Into<Text<'a>>) -> Self {
        Self {
            media_type: Some(media_type.into()),
            ..Self::default()
        }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This item `Meta` completed by what descends from the command's: `Format`, `Type`, `Mark`,
    /// `EMI` and `FieldLevel`, element by element (Representation Protocol, inheritance of Meta).
    // spec: A19
    #[must_use]
    pub fn inherit(mut self, command: Option<&Self>) -> Self {
        let Some(command) = command else { return self };
        self.format = self.format.or_else(|| command.format.clone());
        self.media_type = self.media_type.or_else(|| command.media_type.clone());
        self.mark = self.mark.or_else(|| command.mark.clone());
        if self.emi.is_empty() {
            self.emi.clone_from(&command.emi);
        }
        self.field_level |= command.field_level;
        self
    }
}

/// Sync anchors: opaque texts, compared for equality only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Anchor<'a> {
    /// `Last`: the sender's `Next` of the last completed session; absent or empty on a first sync.
    pub last: Option<Text<'a>>,
    /// `Next`: names this session.
    pub next: Text<'a>,
}

/// Free room of a datastore (`Mem`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mem {
    /// `SharedMem`: the room is shared with other datastores.
    pub shared: bool,
    /// `FreeMem`, bytes.
    pub free_bytes: Option<u64>,
    /// `FreeID`, number of items.
    pub free_ids: Option<u64>,
}

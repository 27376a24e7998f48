//! Versions and encodings, and every name that depends on them.
//!
//! The dot releases (1.0.1, 1.1.2, 1.2.2 …) cannot be told apart on the wire, so there are three
//! versions. What a peer wrote in `VerDTD` and `VerProto` stays text in the
//! [`Header`](crate::Header); this module says which [`Version`] that text means.

/// A version of the SyncML protocols that can be told apart on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// SyncML 1.0 and 1.0.1.
    V1_0,
    /// SyncML 1.1 to 1.1.2.
    V1_1,
    /// SyncML (OMA Data Synchronization) 1.2 to 1.2.2.
    V1_2,
}

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V1_0, Self::V1_1, Self::V1_2];

    /// The version that a `VerDTD` value means; `None` for one this crate does not know.
    pub fn from_dtd(text: &str) -> Option<Self> {
        match text.trim() {
            "1.0" => Some(Self::V1_0),
            "1.1" => Some(Self::V1_1),
            "1.2" => Some(Self::V1_2),
            _ => None,
        }
    }

    /// The version that a Data Synchronization `VerProto` value (`SyncML/1.1`) means, compared
    /// without regard to case; `None` for device management (`DM/1.2`) and unknown values.
    pub fn from_proto(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, number) = text.split_once('/')?;
        if !name.eq_ignore_ascii_case("SyncML") {
            return None;
        }
        Self::from_dtd(number)
    }

    /// The `VerDTD` value, `1.2`.
    pub const fn dtd(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
        }
    }

    /// The `VerProto` value of Data Synchronization, `SyncML/1.2`.
    pub const fn proto(self) -> &'static str {
        match self {
            Self::V1_0 => "SyncML/1.0",
            Self::V1_1 => "SyncML/1.1",
            Self::V1_2 => "SyncML/1.2",
        }
    }

    /// The XML namespace of the SyncML root element.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::V1_0 => "SYNCML:SYNCML1.0",
            Self::V1_1 => "SYNCML:SYNCML1.1",
            Self::V1_2 => "SYNCML:SYNCML1.2",
        }
    }

    /// The address of the device information document, `./devinf12`.
    // spec: F06
    pub const fn devinf_uri(self) -> &'static str {
        match self {
            Self::V1_0 => "./devinf10",
            Self::V1_1 => "./devinf11",
            Self::V1_2 => "./devinf12",
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.dtd())
    }
}

/// How a message is put into bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Text XML, `application/vnd.syncml+xml`.
    Xml,
    /// Binary XML, `application/vnd.syncml+wbxml`.
    Wbxml,
}

impl Encoding {
    /// The media type of a Data Synchronization message.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Xml => "application/vnd.syncml+xml",
            Self::Wbxml => "application/vnd.syncml+wbxml",
        }
    }

    /// The media type of a device information document inside a message.
    // spec: F07
    pub const fn devinf_media_type(self) -> &'static str {
        match self {
            Self::Xml => "application/vnd.syncml-devinf+xml",
            Self::Wbxml => "application/vnd.syncml-devinf+wbxml",
        }
    }

    /// The encoding that a transport's media type names, parameters and case ignored; `None` when
    /// it is no SyncML type. Device management types count: the message layer is the same.
    pub fn from_media_type(value: &str) -> Option<Self> {
        let base = value.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| base.eq_ignore_ascii_case(name);
        if is("application/vnd.syncml+xml") || is("application/vnd.syncml.dm+xml") {
            Some(Self::Xml)
        } else if is("application/vnd.syncml+wbxml") || is("application/vnd.syncml.dm+wbxml") {
            Some(Self::Wbxml)
        } else {
            None
        }
    }
}

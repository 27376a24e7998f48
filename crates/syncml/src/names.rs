//! The names of all elements and their tokens, as data (WBXML representation of SyncML, MetInf
//! and Device Information).

/// An element: its name, code page and token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: &'static str,
    pub(crate) page: u8,
    pub(crate) code: u8,
}

macro_rules! page {
    ($(#[$doc:meta])* $module:ident, $page:literal, { $($constant:ident $text:literal $code:literal)* }) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use super::Name;
            $(pub(crate) const $constant: Name = Name { text: $text, page: $page, code: $code };)*
            pub(super) const ALL: &[Name] = &[$($constant),*];
        }
    };
}

page! {
    /// SyncML, code page 0.
    syncml, 0, {
    ADD "Add" 0x05 ALERT "Alert" 0x06 ARCHIVE "Archive" 0x07 ATOMIC "Atomic" 0x08 CHAL "Chal" 0x09
    CMD "Cmd" 0x0a CMD_ID "CmdID" 0x0b CMD_REF "CmdRef" 0x0c COPY "Copy" 0x0d CRED "Cred" 0x0e
    DATA "Data" 0x0f DELETE "Delete" 0x10 EXEC "Exec" 0x11 FINAL "Final" 0x12 GET "Get" 0x13
    ITEM "Item" 0x14 LANG "Lang" 0x15 LOC_NAME "LocName" 0x16 LOC_URI "LocURI" 0x17 MAP "Map" 0x18
    MAP_ITEM "MapItem" 0x19 META "Meta" 0x1a MSG_ID "MsgID" 0x1b MSG_REF "MsgRef" 0x1c
    NO_RESP "NoResp" 0x1d NO_RESULTS "NoResults" 0x1e PUT "Put" 0x1f REPLACE "Replace" 0x20
    RESP_URI "RespURI" 0x21 RESULTS "Results" 0x22 SEARCH "Search" 0x23 SEQUENCE "Sequence" 0x24
    SESSION_ID "SessionID" 0x25 SFT_DEL "SftDel" 0x26 SOURCE "Source" 0x27
    SOURCE_REF "SourceRef" 0x28 STATUS "Status" 0x29 SYNC "Sync" 0x2a SYNC_BODY "SyncBody" 0x2b
    SYNC_HDR "SyncHdr" 0x2c SYNCML "SyncML" 0x2d TARGET "Target" 0x2e TARGET_REF "TargetRef" 0x2f
    VER_DTD "VerDTD" 0x31 VER_PROTO "VerProto" 0x32 NUMBER_OF_CHANGES "NumberOfChanges" 0x33
    MORE_DATA "MoreData" 0x34 FIELD "Field" 0x35 FILTER "Filter" 0x36 RECORD "Record" 0x37
    FILTER_TYPE "FilterType" 0x38 SOURCE_PARENT "SourceParent" 0x39
    TARGET_PARENT "TargetParent" 0x3a MOVE "Move" 0x3b CORRELATOR "Correlator" 0x3c
    }
}

page! {
    /// MetInf, code page 1.
    metinf, 1, {
    ANCHOR "Anchor" 0x05 EMI "EMI" 0x06 FORMAT "Format" 0x07 FREE_ID "FreeID" 0x08
    FREE_MEM "FreeMem" 0x09 LAST "Last" 0x0a MARK "Mark" 0x0b MAX_MSG_SIZE "MaxMsgSize" 0x0c
    MEM "Mem" 0x0d MET_INF "MetInf" 0x0e NEXT "Next" 0x0f NEXT_NONCE "NextNonce" 0x10
    SHARED_MEM "SharedMem" 0x11 SIZE "Size" 0x12 TYPE "Type" 0x13 VERSION "Version" 0x14
    MAX_OBJ_SIZE "MaxObjSize" 0x15 FIELD_LEVEL "FieldLevel" 0x16
    }
}

page! {
    /// Device Information, code page 0 of its own document.
    devinf, 0, {
    CT_CAP "CTCap" 0x05 CT_TYPE "CTType" 0x06 DATA_STORE "DataStore" 0x07 DATA_TYPE "DataType" 0x08
    DEV_ID "DevID" 0x09 DEV_INF "DevInf" 0x0a DEV_TYP "DevTyp" 0x0b DISPLAY_NAME "DisplayName" 0x0c
    DS_MEM "DSMem" 0x0d EXT "Ext" 0x0e FW_V "FwV" 0x0f HW_V "HwV" 0x10 MAN "Man" 0x11
    MAX_GUID_SIZE "MaxGUIDSize" 0x12 MAX_ID "MaxID" 0x13 MAX_MEM "MaxMem" 0x14 MOD "Mod" 0x15
    OEM "OEM" 0x16 PARAM_NAME "ParamName" 0x17 PROP_NAME "PropName" 0x18 RX "Rx" 0x19
    RX_PREF "Rx-Pref" 0x1a SHARED_MEM "SharedMem" 0x1b MAX_SIZE "MaxSize" 0x1c
    SOURCE_REF "SourceRef" 0x1d SW_V "SwV" 0x1e SYNC_CAP "SyncCap" 0x1f SYNC_TYPE "SyncType" 0x20
    TX "Tx" 0x21 TX_PREF "Tx-Pref" 0x22 VAL_ENUM "ValEnum" 0x23 VER_CT "VerCT" 0x24
    VER_DTD "VerDTD" 0x25 X_NAM "XNam" 0x26 X_VAL "XVal" 0x27 UTC "UTC" 0x28
    SUPPORT_NUMBER_OF_CHANGES "SupportNumberOfChanges" 0x29
    SUPPORT_LARGE_OBJS "SupportLargeObjs" 0x2a PROPERTY "Property" 0x2b PROP_PARAM "PropParam" 0x2c
    MAX_OCCUR "MaxOccur" 0x2d NO_TRUNCATE "NoTruncate" 0x2e FILTER_RX "Filter-Rx" 0x30
    FILTER_CAP "FilterCap" 0x31 FILTER_KEYWORD "FilterKeyword" 0x32 FIELD_LEVEL "FieldLevel" 0x33
    SUPPORT_HIERARCHICAL_SYNC "SupportHierarchicalSync" 0x34
    }
}

/// Token of the root of a device information document.
const DEVINF_ROOT: u8 = devinf::DEV_INF.code;

/// Which table the tokens of a document are read by; the root decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    SyncMl,
    DevInf,
}

impl Vocabulary {
    /// The vocabulary of a document whose root has this token.
    pub(crate) fn of_root(page: u8, code: u8) -> Self {
        if page == 0 && code == DEVINF_ROOT {
            Self::DevInf
        } else {
            Self::SyncMl
        }
    }

    /// The name of a token; `None` for one that is not assigned.
    pub(crate) fn name(self, page: u8, code: u8) -> Option<&'static str> {
        self.entry(page, code).map(|name| name.text)
    }

    /// The entry of a token; `None` for one that is not assigned.
    pub(crate) fn entry(self, page: u8, code: u8) -> Option<Name> {
        let table = self.pages().get(usize::from(page))?;
        // tables are ordered by token, with few gaps
        let guess = usize::from(code.checked_sub(5)?).min(table.len().saturating_sub(1));
        table[..=guess]
            .iter()
            .rev()
            .find(|name| name.code == code)
            .copied()
    }

    /// The entry of a name, whatever its page; names differ between the pages of a vocabulary.
    pub(crate) fn named(self, text: &str) -> Option<Name> {
        let text = match (self, text) {
            // the name of this token before 1.2
            (Self::DevInf, "Size") => devinf::MAX_SIZE.text,
            (Self::DevInf, "Xnam") => devinf::X_NAM.text,
            (Self::DevInf, "Xval") => devinf::X_VAL.text,
            _ => text,
        };
        let first = text.as_bytes().first();
        let mut names = self.pages().iter().copied().flatten();
        // most names differ in length or first letter, which costs no call
        names
            .find(|name| {
                name.text.len() == text.len()
                    && name.text.as_bytes().first() == first
                    && name.text == text
            })
            .copied()
    }

    fn pages(self) -> &'static [&'static [Name]] {
        match self {
            Self::SyncMl => &[syncml::ALL, metinf::ALL],
            Self::DevInf => &[devinf::ALL],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_has_its_name() {
        for (vocabulary, table) in [
            (Vocabulary::SyncMl, syncml::ALL),
            (Vocabulary::SyncMl, metinf::ALL),
            (Vocabulary::DevInf, devinf::ALL),
        ] {
            for name in table {
                assert_eq!(vocabulary.name(name.page, name.code), Some(name.text));
                assert_eq!(vocabulary.named(name.text), Some(*name));
            }
        }
    }

    #[test]
    fn reserved_tokens_have_none() {
        assert_eq!(Vocabulary::SyncMl.name(0, 0x30), None);
        assert_eq!(Vocabulary::SyncMl.name(0, 0x3f), None);
        assert_eq!(Vocabulary::SyncMl.name(2, 0x05), None);
        assert_eq!(Vocabulary::DevInf.name(0, 0x2f), None);
    }
}

//! Elements to commands.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::devinf::Cost;
use super::source::{Event, Source};
use crate::devinf::DevInf;
use crate::error::Error;
use crate::message::{
    Access, AccessKind, Alert, Chal, Change, ChangeKind, Command, Cred, Data, Exec, Filter, Group,
    GroupKind, Header, Item, Location, Map, MapItem, Results, Search, Status, Sync, Text, Unknown,
};
use crate::meta::{Anchor, Mem, Meta};

/// Commands inside commands: `Sync` in `Sequence` in `Atomic` is as deep as the model goes.
const MAX_NESTED_COMMANDS: usize = 4;

/// Documents of device information within a message: an honest one has one or two, and each is
/// read with limits of its own.
const MAX_DOCUMENTS: usize = 4;

#[derive(Debug)]
pub(super) struct Parser<'a> {
    source: Source<'a>,
    /// Commands open around the one being read.
    nested: usize,
    /// Commands begun so far, and how many there may be.
    commands: usize,
    max_commands: usize,
    /// Items begun so far.
    items: usize,
    /// Documents within `Data` looked at so far.
    documents: usize,
    /// What device information has cost so far.
    pub(super) devinf_cost: Cost,
}

impl<'a> Parser<'a> {
    pub(super) fn new(source: Source<'a>, max_commands: usize) -> Self {
        Self {
            source,
            nested: 0,
            commands: 0,
            max_commands,
            items: 0,
            documents: 0,
            devinf_cost: Cost::default(),
        }
    }

    /// The next element within the open one; `None` when that ends.
    // spec: A04
    pub(super) fn child(&mut self) -> Result<Option<Cow<'a, str>>, Error> {
        loop {
            match self.source.next()? {
                Event::Start(name) => return Ok(Some(name)),
                Event::End => return Ok(None),
                Event::Text(_) => {}
                Event::EndDocument => return Err(Error::Truncated),
            }
        }
    }

    pub(super) fn root(&mut self) -> Result<Cow<'a, str>, Error> {
        match self.source.next()? {
            Event::Start(name) => Ok(name),
            _ => Err(Error::Missing {
                element: "the root",
            }),
        }
    }

    /// Steps over the rest of the open element.
    // spec: A17
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        let mut depth = 1;
        while depth > 0 {
            match self.source.next()? {
                Event::Start(_) => depth += 1,
                Event::End => depth -= 1,
                Event::Text(_) => {}
                Event::EndDocument => return Err(Error::Truncated),
            }
        }
        Ok(())
    }

    /// The text of the open element and of all inside it.
    pub(super) fn bytes(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        let mut text: Cow<'a, [u8]> = Cow::Borrowed(&[]);
        let mut depth = 1;
        while depth > 0 {
            match self.source.next()? {
                Event::Start(_) => depth += 1,
                Event::End => depth -= 1,
                Event::Text(piece) if text.is_empty() => text = piece,
                Event::Text(piece) => text.to_mut().extend_from_slice(&piece),
                Event::EndDocument => return Err(Error::Truncated),
            }
        }
        Ok(text)
    }

    /// The text, without surrounding white space.
    pub(super) fn text(&mut self) -> Result<Text<'a>, Error> {
        Ok(match self.bytes()? {
            Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text.trim()),
                Err(_) => Cow::Owned(String::from_utf8_lossy(bytes).trim().to_owned()),
            },
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).trim().to_owned()),
        })
    }

    /// A decimal number; the largest one for those that are larger.
    // spec: J18 J19
    fn number(&mut self) -> Result<Option<u64>, Error> {
        let text = self.text()?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(is_number.then(|| text.parse().unwrap_or(u64::MAX)))
    }

    pub(super) fn flag(&mut self) -> Result<bool, Error> {
        self.skip()?;
        Ok(true)
    }

    /// Reads up to and with the header, and into the body.
    pub(super) fn header(&mut self) -> Result<Header<'a>, Error> {
        if self.root()? != "SyncML" {
            return Err(Error::Missing { element: "SyncML" });
        }
        let header = loop {
            match self.child()?.as_deref() {
                None | Some("SyncBody") => return Err(Error::Missing { element: "SyncHdr" }),
                Some("SyncHdr") => break self.header_children()?,
                Some(_) => self.skip()?,
            }
        };
        let in_body = |source| Error::Body {
            header: Box::new(header.to_static()),
            source: Box::new(source),
        };
        loop {
            match self.child().map_err(in_body)?.as_deref() {
                None => {
                    return Err(in_body(Error::Missing {
                        element: "SyncBody",
                    }));
                }
                Some("SyncBody") => return Ok(header),
                Some(_) => self.skip().map_err(in_body)?,
            }
        }
    }

    fn header_children(&mut self) -> Result<Header<'a>, Error> {
        let mut header = Header::default();
        while let Some(name) = self.child()? {
            match &*name {
                "VerDTD" => header.ver_dtd = self.text()?,
                "VerProto" => header.ver_proto = self.text()?,
                "SessionID" => header.session_id = self.text()?,
                "MsgID" => header.msg_id = self.text()?,
                "Target" => header.target = self.location()?,
                "Source" => header.source = self.location()?,
                "RespURI" => header.resp_uri = Some(self.text()?),
                "NoResp" => header.no_resp = self.flag()?,
                "Cred" => header.cred = Some(self.cred()?),
                "Meta" => header.meta = Some(self.meta()?),
                _ => self.skip()?,
            }
        }
        Ok(header)
    }

    /// The next command of the body; at its end the document has to be complete.
    pub(super) fn body_command(
        &mut self,
        is_final: &mut bool,
    ) -> Result<Option<Command<'a>>, Error> {
        while let Some(name) = self.child()? {
            if name == "Final" {
                *is_final = self.flag()?;
                continue;
            }
            return self.command(name).map(Some);
        }
        self.skip()?;
        Ok(None)
    }

    fn nested_command(&mut self, name: Cow<'a, str>) -> Result<Command<'a>, Error> {
        if self.nested == MAX_NESTED_COMMANDS {
            return Err(Error::Limit {
                what: "nested commands",
                limit: MAX_NESTED_COMMANDS,
            });
        }
        self.nested += 1;
        let command = self.command(name);
        self.nested -= 1;
        command
    }

    fn command(&mut self, name: Cow<'a, str>) -> Result<Command<'a>, Error> {
        self.commands += 1;
        if self.commands > self.max_commands {
            return Err(Error::Limit {
                what: "commands",
                limit: self.max_commands,
            });
        }
        Ok(match &*name {
            "Add" => Command::Change(self.change(ChangeKind::Add)?),
            "Replace" => Command::Change(self.change(ChangeKind::Replace)?),
            "Delete" => Command::Change(self.change(ChangeKind::Delete)?),
            "Copy" => Command::Change(self.change(ChangeKind::Copy)?),
            "Move" => Command::Change(self.change(ChangeKind::Move)?),
            "Alert" => Command::Alert(self.alert()?),
            "Atomic" => Command::Group(self.group(GroupKind::Atomic)?),
            "Sequence" => Command::Group(self.group(GroupKind::Sequence)?),
            "Exec" => Command::Exec(self.exec()?),
            "Get" => Command::Access(self.access(AccessKind::Get)?),
            "Put" => Command::Access(self.access(AccessKind::Put)?),
            "Map" => Command::Map(self.map()?),
            "Results" => Command::Results(self.results()?),
            "Search" => Command::Search(self.search()?),
            "Status" => Command::Status(self.status()?),
            "Sync" => Command::Sync(self.sync()?),
            _ => Command::Unknown(self.unknown(name)?),
        })
    }

    fn change(&mut self, kind: ChangeKind) -> Result<Change<'a>, Error> {
        let mut change = Change {
            kind,
            cmd_id: Text::default(),
            no_resp: false,
            archive: false,
            soft_delete: false,
            cred: None,
            meta: None,
            items: Vec::new(),
        };
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => change.cmd_id = self.text()?,
                "NoResp" => change.no_resp = self.flag()?,
                "Archive" => change.archive = self.flag()?,
                "SftDel" => change.soft_delete = self.flag()?,
                "Cred" => change.cred = Some(self.cred()?),
                "Meta" => change.meta = Some(self.meta()?),
                "Item" => change.items.push(self.item()?),
                _ => self.skip()?,
            }
        }
        Ok(change)
    }

    fn alert(&mut self) -> Result<Alert<'a>, Error> {
        let mut alert = Alert::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => alert.cmd_id = self.text()?,
                "NoResp" => alert.no_resp = self.flag()?,
                "Cred" => alert.cred = Some(self.cred()?),
                "Data" => alert.data = self.text()?,
                "Correlator" => alert.correlator = Some(self.text()?),
                "Item" => alert.items.push(self.item()?),
                _ => self.skip()?,
            }
        }
        Ok(alert)
    }

    fn group(&mut self, kind: GroupKind) -> Result<Group<'a>, Error> {
        let mut group = Group {
            kind,
            cmd_id: Text::default(),
            no_resp: false,
            meta: None,
            commands: Vec::new(),
        };
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => group.cmd_id = self.text()?,
                "NoResp" => group.no_resp = self.flag()?,
                "Meta" => group.meta = Some(self.meta()?),
                _ => group.commands.push(self.nested_command(name)?),
            }
        }
        Ok(group)
    }

    fn exec(&mut self) -> Result<Exec<'a>, Error> {
        let mut exec = Exec::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => exec.cmd_id = self.text()?,
                "NoResp" => exec.no_resp = self.flag()?,
                "Cred" => exec.cred = Some(self.cred()?),
                "Meta" => exec.meta = Some(self.meta()?),
                "Correlator" => exec.correlator = Some(self.text()?),
                "Item" => exec.items.push(self.item()?),
                _ => self.skip()?,
            }
        }
        Ok(exec)
    }

    fn access(&mut self, kind: AccessKind) -> Result<Access<'a>, Error> {
        let mut access = Access {
            kind,
            cmd_id: Text::default(),
            no_resp: false,
            lang: None,
            cred: None,
            meta: None,
            items: Vec::new(),
        };
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => access.cmd_id = self.text()?,
                "NoResp" => access.no_resp = self.flag()?,
                "Lang" => access.lang = Some(self.text()?),
                "Cred" => access.cred = Some(self.cred()?),
                "Meta" => access.meta = Some(self.meta()?),
                "Item" => access.items.push(self.item()?),
                _ => self.skip()?,
            }
        }
        self.recognize_devinf(&mut access.items, access.meta.as_ref());
        Ok(access)
    }

    fn map(&mut self) -> Result<Map<'a>, Error> {
        let mut map = Map::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => map.cmd_id = self.text()?,
                "Target" => map.target = self.location()?,
                "Source" => map.source = self.location()?,
                "Cred" => map.cred = Some(self.cred()?),
                "Meta" => map.meta = Some(self.meta()?),
                "MapItem" => map.items.push(self.map_item()?),
                _ => self.skip()?,
            }
        }
        Ok(map)
    }

    fn map_item(&mut self) -> Result<MapItem<'a>, Error> {
        let mut pair = MapItem::default();
        while let Some(name) = self.child()? {
            match &*name {
                "Target" => pair.guid = self.location()?.uri,
                "Source" => pair.luid = self.location()?.uri,
                _ => self.skip()?,
            }
        }
        Ok(pair)
    }

    fn results(&mut self) -> Result<Results<'a>, Error> {
        let mut results = Results::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => results.cmd_id = self.text()?,
                "MsgRef" => results.msg_ref = Some(self.text()?),
                "CmdRef" => results.cmd_ref = Some(self.text()?),
                "Cmd" => results.cmd = Some(self.text()?),
                "Meta" => results.meta = Some(self.meta()?),
                "TargetRef" => results.target_ref = Some(self.text()?),
                "SourceRef" => results.source_ref = Some(self.text()?),
                "Item" => results.items.push(self.item()?),
                _ => self.skip()?,
            }
        }
        self.recognize_devinf(&mut results.items, results.meta.as_ref());
        Ok(results)
    }

    fn search(&mut self) -> Result<Search<'a>, Error> {
        let mut search = Search::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => search.cmd_id = self.text()?,
                "NoResp" => search.no_resp = self.flag()?,
                "NoResults" => search.no_results = self.flag()?,
                "Cred" => search.cred = Some(self.cred()?),
                "Target" => search.target = Some(self.location()?),
                "Source" => search.sources.push(self.location()?),
                "Lang" => search.lang = Some(self.text()?),
                "Meta" => search.meta = Some(self.meta()?),
                "Data" => search.data = self.data()?,
                _ => self.skip()?,
            }
        }
        Ok(search)
    }

    fn status(&mut self) -> Result<Status<'a>, Error> {
        let mut status = Status::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => status.cmd_id = self.text()?,
                "MsgRef" => status.msg_ref = self.text()?,
                "CmdRef" => status.cmd_ref = self.text()?,
                "Cmd" => status.cmd = self.text()?,
                "TargetRef" => status.target_refs.push(self.text()?),
                "SourceRef" => status.source_refs.push(self.text()?),
                "Cred" => status.cred = Some(self.cred()?),
                "Chal" => status.chal = Some(self.chal()?),
                "Data" => status.data = self.text()?,
                "Item" => status.items.push(self.item()?),
                _ => self.skip()?,
            }
        }
        Ok(status)
    }

    fn sync(&mut self) -> Result<Sync<'a>, Error> {
        let mut sync = Sync::default();
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => sync.cmd_id = self.text()?,
                "NoResp" => sync.no_resp = self.flag()?,
                "Cred" => sync.cred = Some(self.cred()?),
                "Target" => sync.target = Some(self.location()?),
                "Source" => sync.source = Some(self.location()?),
                "Meta" => sync.meta = Some(self.meta()?),
                "NumberOfChanges" => sync.number_of_changes = self.number()?,
                _ => sync.commands.push(self.nested_command(name)?),
            }
        }
        Ok(sync)
    }

    fn unknown(&mut self, name: Cow<'a, str>) -> Result<Unknown<'a>, Error> {
        let mut unknown = Unknown {
            name,
            cmd_id: Text::default(),
        };
        while let Some(name) = self.child()? {
            match &*name {
                "CmdID" => unknown.cmd_id = self.text()?,
                _ => self.skip()?,
            }
        }
        Ok(unknown)
    }

    fn item(&mut self) -> Result<Item<'a>, Error> {
        // an item costs what a command costs, and few commands have two
        let limit = self.max_commands.saturating_mul(2);
        self.items += 1;
        if self.items > limit {
            return Err(Error::Limit {
                what: "items",
                limit,
            });
        }
        let mut item = Item::default();
        let mut loose = Meta::default();
        while let Some(name) = self.child()? {
            match &*name {
                "Target" => item.target = Some(self.location()?),
                "Source" => item.source = Some(self.location()?),
                "SourceParent" => item.source_parent = Some(self.location()?.uri),
                "TargetParent" => item.target_parent = Some(self.location()?.uri),
                "Meta" => item.meta = Some(self.meta()?),
                "Data" if item.data.is_none() => item.data = Some(self.data()?),
                "MoreData" => item.more_data = self.flag()?,
                // a published Windows example has the type beside an empty Meta
                other => self.meta_child(other, &mut loose)?,
            }
        }
        if !loose.is_empty() {
            let meta = item.meta.take().unwrap_or_default();
            item.meta = Some(meta.inherit(Some(&loose)));
        }
        Ok(item)
    }

    // spec: A20
    fn location(&mut self) -> Result<Location<'a>, Error> {
        let mut location = Location::default();
        while let Some(name) = self.child()? {
            match &*name {
                "LocURI" => location.uri = self.text()?,
                "LocName" => location.name = Some(self.text()?),
                "Filter" => location.filter = Some(Box::new(self.filter()?)),
                _ => self.skip()?,
            }
        }
        Ok(location)
    }

    fn filter(&mut self) -> Result<Filter<'a>, Error> {
        let mut filter = Filter::default();
        while let Some(name) = self.child()? {
            match &*name {
                "Meta" => filter.meta = Some(self.meta()?),
                "Field" => filter.field = self.only_item()?,
                "Record" => filter.record = self.only_item()?,
                "FilterType" => filter.filter_type = Some(self.text()?),
                _ => self.skip()?,
            }
        }
        Ok(filter)
    }

    fn only_item(&mut self) -> Result<Option<Item<'a>>, Error> {
        let mut item = None;
        while let Some(name) = self.child()? {
            match &*name {
                "Item" => item = Some(self.item()?),
                _ => self.skip()?,
            }
        }
        Ok(item)
    }

    fn cred(&mut self) -> Result<Cred<'a>, Error> {
        let mut cred = Cred::default();
        while let Some(name) = self.child()? {
            match &*name {
                "Meta" => cred.meta = Some(self.meta()?),
                "Data" => cred.data = self.data()?,
                _ => self.skip()?,
            }
        }
        Ok(cred)
    }

    fn chal(&mut self) -> Result<Chal<'a>, Error> {
        let mut chal = Chal::default();
        while let Some(name) = self.child()? {
            match &*name {
                "Meta" => chal.meta = self.meta()?,
                _ => self.skip()?,
            }
        }
        Ok(chal)
    }

    fn meta(&mut self) -> Result<Meta<'a>, Error> {
        let mut meta = Meta::default();
        self.meta_children(&mut meta)?;
        Ok(meta)
    }

    fn meta_children(&mut self, meta: &mut Meta<'a>) -> Result<(), Error> {
        while let Some(name) = self.child()? {
            self.meta_child(&name, meta)?;
        }
        Ok(())
    }

    fn meta_child(&mut self, name: &str, meta: &mut Meta<'a>) -> Result<(), Error> {
        match name {
            "MetInf" => {
                while let Some(name) = self.child()? {
                    // one wrapper only, so that depth here is bounded
                    if name == "MetInf" {
                        self.skip()?;
                    } else {
                        self.meta_child(&name, meta)?;
                    }
                }
            }
            "FieldLevel" => meta.field_level = self.flag()?,
            "Format" => meta.format = Some(self.text()?),
            "Type" => meta.media_type = Some(self.text()?),
            "Mark" => meta.mark = Some(self.text()?),
            "Size" => meta.size = self.number()?,
            "Anchor" => meta.anchor = Some(self.anchor()?),
            "Version" => meta.version = Some(self.text()?),
            "NextNonce" => {
                let bytes = self.bytes()?;
                let text: Vec<u8> = bytes
                    .iter()
                    .copied()
                    .filter(|b| !b.is_ascii_whitespace())
                    .collect();
                // raw bytes are met in binary XML
                let nonce = STANDARD.decode(text).unwrap_or_else(|_| bytes.into_owned());
                meta.next_nonce = Some(nonce);
            }
            "MaxMsgSize" => meta.max_msg_size = self.number()?,
            "MaxObjSize" => meta.max_obj_size = self.number()?,
            "EMI" => meta.emi.push(self.text()?),
            "Mem" => meta.mem = Some(self.mem()?),
            _ => self.skip()?,
        }
        Ok(())
    }

    fn anchor(&mut self) -> Result<Anchor<'a>, Error> {
        let mut anchor = Anchor::default();
        while let Some(name) = self.child()? {
            match &*name {
                "Last" => anchor.last = Some(self.text()?),
                "Next" => anchor.next = self.text()?,
                _ => self.skip()?,
            }
        }
        Ok(anchor)
    }

    fn mem(&mut self) -> Result<Mem, Error> {
        let mut mem = Mem::default();
        while let Some(name) = self.child()? {
            match &*name {
                "SharedMem" => mem.shared = self.flag()?,
                "FreeMem" => mem.free_bytes = self.number()?,
                // the seed of the white paper has the second spelling
                "FreeID" | "FreeId" => mem.free_ids = self.number()?,
                _ => self.skip()?,
            }
        }
        Ok(mem)
    }

    /// Data: text, or elements of another vocabulary.
    fn data(&mut self) -> Result<Data<'a>, Error> {
        let mut text: Cow<'a, [u8]> = Cow::Borrowed(&[]);
        let mut nested = None;
        loop {
            match self.source.next()? {
                Event::End => break,
                Event::EndDocument => return Err(Error::Truncated),
                Event::Text(piece) if text.is_empty() => text = piece,
                Event::Text(piece) => text.to_mut().extend_from_slice(&piece),
                Event::Start(name) => {
                    nested = Some(match &*name {
                        "DevInf" => Data::DevInf(Box::new(self.devinf()?)),
                        "Anchor" => Data::Anchor(self.anchor()?),
                        _ => {
                            let mut markup = match nested {
                                Some(Data::Markup(markup)) => markup,
                                _ => String::new(),
                            };
                            self.markup(&name, &mut markup)?;
                            Data::Markup(markup)
                        }
                    });
                }
            }
        }
        Ok(nested.unwrap_or(Data::Bytes(text)))
    }

    /// An element that nobody here understands, written out again as XML text.
    fn markup(&mut self, name: &str, out: &mut String) -> Result<(), Error> {
        let mut open = vec![name.to_owned()];
        out.extend(["<", name, ">"]);
        while let Some(last) = open.last() {
            match self.source.next()? {
                Event::Start(name) => {
                    out.extend(["<", &name, ">"]);
                    open.push(name.into_owned());
                }
                Event::End => {
                    out.extend(["</", last, ">"]);
                    open.pop();
                }
                Event::Text(text) => {
                    *out += &quick_xml::escape::escape(String::from_utf8_lossy(&text).as_ref());
                }
                Event::EndDocument => return Err(Error::Truncated),
            }
        }
        Ok(())
    }

    /// Device information that came as text or bytes is read here, because only the command around
    /// it tells that it is one.
    // spec: F08
    fn recognize_devinf(&mut self, items: &mut [Item<'_>], meta: Option<&Meta<'_>>) {
        for item in items {
            let says = |text: &str| text.to_ascii_lowercase().contains("devinf");
            let item_type = item
                .meta
                .as_ref()
                .and_then(|meta| meta.media_type.as_deref());
            let media_type = item_type.or(meta.and_then(|meta| meta.media_type.as_deref()));
            if !says(item.source_uri()) && !says(item.target_uri()) && !media_type.is_some_and(says)
            {
                continue;
            }
            let Some(Data::Bytes(bytes)) = &item.data else {
                continue;
            };
            if self.documents == MAX_DOCUMENTS {
                return;
            }
            self.documents += 1;
            if let Some(devinf) = devinf_of(bytes) {
                item.data = Some(Data::DevInf(Box::new(devinf)));
            }
        }
    }
}

/// A document in any of the forms that it travels in: plain, escaped once more, or base64.
fn devinf_of(bytes: &[u8]) -> Option<DevInf> {
    let text = bytes.trim_ascii();
    if text.starts_with(b"&lt;") {
        let text = std::str::from_utf8(text).ok()?;
        let text = quick_xml::escape::unescape(text).ok()?;
        return DevInf::read(text.as_bytes()).ok();
    }
    // converters may keep the blanks that stood around the elements
    if let Ok(devinf) = DevInf::read(bytes).or_else(|_| DevInf::read(text)) {
        return Some(devinf);
    }
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    DevInf::read(&STANDARD.decode(text).ok()?).ok()
}

//! How a device is shown the server's items, and what an item that it gives back says of the
//! server's.
//!
//! The server holds the whole record; a device holds what its format can say and its datastore can
//! keep (`Rx-Pref`, `CTCap`). A view is the way from the one to the other, a function of what is
//! known of the device, so that what a device holds can be made again at any time:
//!
//! ```text
//! item ──▶ format of the device ──▶ fields of its filter ──▶ fields and sizes it can keep
//!      ──▶ without its photo, if it would be too large ──▶ device
//! ```

use std::rc::Rc;

use pim::line::Lines;
use pim::{
    AllDay, Format, Habit, Holding, Holdings, Kind, OTHERS, Parameter, RuleEnd, Target, TimeMode,
    TimeProfile, Zone, convert_for,
};
use syncml::Version;
use syncml::devinf::{Capability, ContentType};

use super::Run;
use super::most;
use super::state::DatastoreState;
use crate::filter::Filter;
use crate::peer::{Capabilities, Rules};
use crate::store::{
    ChangeSeq, DatastoreId, DatastoreKind, Guid, LinkId, Mapping, Pending, StoreError, StoredItem,
};

/// Bytes of an item by which its format is known.
const HEAD: usize = 4096;

/// Parts of a person's name in a card.
const NAME_PARTS: usize = 5;

/// How one datastore of a device is shown items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    /// The format that items are converted to, where they can be.
    prefers: Option<Format>,
    /// Text outside of ASCII is written as quoted-printable in the old formats.
    quoted_printable: bool,
    /// What the device makes of time.
    times: TimeProfile,
    /// What it keeps, by format. A format that is not listed is kept whole.
    holdings: Vec<(Format, Holdings)>,
    /// The fields that its user wants, by the filter of the session.
    filter: Option<Filter>,
    /// Bytes beyond which a card is shown without its photo.
    most: Option<u64>,
}

/// An item in the form of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) media_type: String,
    /// Nothing, when the device can keep none of it.
    pub(super) bytes: Vec<u8>,
}

impl View {
    /// The view of a device with these capabilities, whose properties are listed as `properties`.
    // spec: F14 F20 F21
    pub(super) fn of(
        known: &Capabilities,
        properties: &[Capability],
        rules: &Rules,
        kind: DatastoreKind,
        zone: Option<&Zone>,
        (version, now): (Version, i64),
    ) -> Self {
        if !matches!(
            kind,
            DatastoreKind::Contacts
                | DatastoreKind::Calendar
                | DatastoreKind::Tasks
                | DatastoreKind::Notes
        ) {
            return Self::default();
        }
        let wanted = rules.prefer.contains_key(kind.name());
        let best = known.to_send(rules, kind).first().and_then(format_of);
        let accepted = known.accepts.iter().filter_map(format_of);
        let prefers = best.filter(|best| wanted || accepted.clone().any(|one| one == *best));
        let own_zone = rules.time_zone.as_deref().and_then(Zone::new);
        let zone = own_zone.or_else(|| zone.cloned());
        let today = zone.as_ref().map(|zone| zone.ahead(now));
        let mut holdings: Vec<_> = properties.iter().filter_map(holdings_of).collect();
        if kind == DatastoreKind::Contacts && rules.max_photo.is_some() {
            limit_photos(&mut holdings, rules.max_photo);
        }
        Self {
            prefers,
            quoted_printable: rules.quoted_printable,
            times: TimeProfile {
                mode: rules.times.map_or_else(
                    || {
                        // before 1.1 a device had no way to say so
                        let is_told = !known.accepts.is_empty() && version > Version::V1_0;
                        if is_told && !known.utc {
                            TimeMode::Floating
                        } else {
                            TimeMode::Utc
                        }
                    },
                    TimeMode::from,
                ),
                zone,
                converts_by: today.filter(|_| rules.converts_by_today),
                all_day: rules.all_day.map(AllDay::from).unwrap_or_default(),
                rule_end: rules.rule_end.map(RuleEnd::from).unwrap_or_default(),
                describes_zone: rules.describe_zone,
                bare_alarms: rules.bare_alarms,
                earliest_year: rules.earliest_year,
            },
            holdings,
            filter: None,
            most: None,
        }
    }

    /// The view with the fields of a filter.
    fn with_filter(mut self, filter: Option<&Filter>) -> Self {
        self.filter = filter.filter(|filter| filter.fields.is_some()).cloned();
        self
    }

    /// The view for cards of at most so many bytes.
    fn with_most(mut self, most: Option<u64>) -> Self {
        self.most = most;
        self
    }

    /// Names the view, but for the filter and the limit: another name means that the device may hold its items in
    /// another form than this one would show them. What it holds by its own clock does not change
    /// with the time of year.
    pub(super) fn name(&self) -> String {
        let mut of_device = Self {
            filter: None,
            most: None,
            ..self.clone()
        };
        of_device.times.converts_by = None;
        // a field that says nothing is not in the names that links remember
        let text = format!("{of_device:?}").replace(", most: None", "");
        format!("{:016x}", crate::hash::hash(text.as_bytes()))
    }

    /// An item as the device is shown it; `None` as it is.
    pub(super) fn show(&self, media_type: &str, content: &[u8]) -> Option<Shown> {
        let Some(format) = Format::of(media_type, content) else {
            // mail and files have fields, too
            let filter = self.filter.as_ref()?;
            return Some(Shown {
                media_type: media_type.to_owned(),
                bytes: filter.reduce(media_type, content).into_owned(),
            });
        };
        let alone = if self.splits_series() && format == Format::ICalendar20 {
            pim::without_dates(content)
        } else {
            None
        };
        let content = alone.as_deref().unwrap_or(content);
        let converted = self.target(format).and_then(|target| {
            let converted = convert_for(content, media_type, target, &self.times);
            converted.ok()
        });
        let (mut media_type, format) = match &converted {
            Some(converted) => (converted.media_type, self.prefers.unwrap_or(format)),
            None => (media_type, format),
        };
        let mut bytes = converted.as_ref().map(|converted| converted.bytes.clone());
        if let Some(filter) = &self.filter {
            let whole = bytes.as_deref().unwrap_or(content);
            let reduced = filter.reduce(media_type, whole).into_owned();
            bytes = Some(reduced);
        }
        let whole = bytes.as_deref().unwrap_or(content);
        let fitted = self
            .holdings
            .iter()
            .find(|(of, _)| *of == format)
            .and_then(|(_, holdings)| pim::fit(whole, media_type, holdings));
        if let Some(fitted) = fitted {
            bytes = Some(fitted.bytes);
        }
        let whole = bytes.as_deref().unwrap_or(content);
        if let Some(smaller) = self.without_media(media_type, whole) {
            bytes = Some(smaller);
        }
        if media_type.is_empty() {
            media_type = format.media_type();
        }
        bytes.map(|bytes| Shown {
            media_type: media_type.to_owned(),
            bytes,
        })
    }

    /// A card that would be too large, without its photo, logo and sound.
    pub(super) fn without_media(&self, media_type: &str, card: &[u8]) -> Option<Vec<u8>> {
        let most = self.most.filter(|most| card.len() as u64 > *most);
        most.and_then(|_| most::without_media(media_type, card))
    }

    /// Whether some version of an item of this beginning may be shown in another form.
    pub(super) fn may_change(&self, media_type: &str, head: &[u8]) -> bool {
        self.most.is_some() || self.may_change_small(media_type, head)
    }

    /// Whether an item of this beginning and size may be shown in another form.
    fn may_change_sized(&self, media_type: &str, head: &[u8], size: u64) -> bool {
        let is_too_large = self.most.is_some_and(|most| size > most);
        is_too_large || self.may_change_small(media_type, head)
    }

    fn may_change_small(&self, media_type: &str, head: &[u8]) -> bool {
        let Some(format) = Format::of(media_type, head) else {
            return self.filter.is_some();
        };
        self.target(format).is_some()
            || self.filter.is_some()
            || self.holdings.iter().any(|(of, _)| *of == format)
    }

    /// Whether an item may be shown as nothing at all: the device keeps some kinds of entries only.
    pub(super) fn may_hide(&self) -> bool {
        let mut all = self
            .holdings
            .iter()
            .flat_map(|(_, holdings)| holdings.properties.iter().flatten());
        all.any(|holding| holding.name.eq_ignore_ascii_case("BEGIN") && !holding.values.is_empty())
    }

    /// Whether the device has no words for what of a series its rule does not make, and gets it as
    /// events of their own.
    pub(super) fn splits_series(&self) -> bool {
        self.prefers == Some(Format::VCalendar10)
    }

    /// Whether the device cuts what records are known by.
    pub(super) fn cuts_names(&self) -> bool {
        let mut all = self
            .holdings
            .iter()
            .flat_map(|(_, holdings)| holdings.properties.iter().flatten());
        all.any(|holding| {
            let is_name = ["N", "FN", "SUMMARY"]
                .iter()
                .any(|name| holding.name.eq_ignore_ascii_case(name));
            let cuts_part = || {
                holding
                    .parameters
                    .iter()
                    .any(|part| part.max_size.is_some())
            };
            // parts of a name that are not listed are left out of it
            let lacks_parts = holding.name.eq_ignore_ascii_case("N")
                && (1..NAME_PARTS).contains(&holding.parameters.len());
            is_name && (holding.max_size.is_some() || cuts_part() || lacks_parts)
        })
    }

    fn target(&self, from: Format) -> Option<Target> {
        let format = self.prefers.filter(|prefers| *prefers != from)?;
        Some(Target {
            format,
            quoted_printable: self.quoted_printable,
        })
    }

    /// A text of the device in another format.
    pub(super) fn read(&self, media_type: &str, text: &[u8], to: Format) -> Option<Vec<u8>> {
        if Format::of(media_type, text) == Some(to) {
            return Some(text.to_vec());
        }
        let target = Target {
            format: to,
            quoted_printable: false,
        };
        let converted = convert_for(text, media_type, target, &self.times).ok()?;
        Some(converted.bytes)
    }

    /// A text of the device as the server keeps it: times of a clock that only this device has are
    /// written as what they are. `None` where the text says it all.
    pub(super) fn taken(&self, media_type: &str, text: &[u8]) -> Option<Shown> {
        let format = Format::of(media_type, text);
        if let Some(to) = format.filter(|format| format.is_sif()).map(kept_as) {
            let bytes = self.read(media_type, text, to)?;
            return Some(Shown {
                media_type: to.media_type().to_owned(),
                bytes,
            });
        }
        let is_plain = self.times.mode == TimeMode::Utc
            && self.times.converts_by.is_none()
            && !(self.times.zone.is_some() && recurs(text))
            && self.times.all_day == AllDay::default()
            && self.times.rule_end != RuleEnd::LocalDate;
        if is_plain || format != Some(Format::VCalendar10) {
            return None;
        }
        let to = Format::ICalendar20;
        let bytes = self.read(media_type, text, to)?;
        Some(Shown {
            media_type: to.media_type().to_owned(),
            bytes,
        })
    }

    /// What the device says by leaving out what it held; `is_own`, of a text that it wrote itself.
    pub(super) fn habit(&self, media_type: &str, text: &[u8], is_own: bool) -> Habit {
        let phones = [Format::VCard21, Format::VCalendar10, Format::VNote];
        let format = Format::of(media_type, text).filter(|format| phones.contains(format));
        match format {
            _ if is_own => Habit::Own,
            Some(format) if self.lists_properties(format) => Habit::Listed,
            Some(_) => Habit::Unknown,
            None => Habit::Whole,
        }
    }

    /// Whether it is known of every property whether the device keeps it.
    fn lists_properties(&self, format: Format) -> bool {
        let mut holdings = self.holdings.iter();
        holdings.any(|(of, holdings)| {
            let list = holdings.properties.as_ref();
            *of == format && list.is_some_and(|list| !list.iter().any(|held| held.name == OTHERS))
        })
    }

    /// Whether a text of the device lacks of `shown` only what it says nothing about.
    pub(super) fn lacks_only(&self, shown: (&str, &[u8]), new: (&str, &[u8])) -> bool {
        let habit = self.habit(new.0, new.1, false);
        if habit == Habit::Whole || Format::of(shown.0, shown.1) != Format::of(new.0, new.1) {
            return false;
        }
        let edit = pim::Edit {
            habit,
            current: shown.1,
            shown: shown.1,
            held: Some(shown.1),
            new: new.1,
        };
        pim::apply(&edit, pim::Prefer::New).is_some_and(|applied| applied.bytes == shown.1)
    }

    /// Whether two texts of the device say the same in other words: neither would add anything to the
    /// other.
    pub(super) fn agree(&self, a: (&str, &[u8]), b: (&str, &[u8])) -> bool {
        let (Some(a_format), Some(b_format)) = (Format::of(a.0, a.1), Format::of(b.0, b.1)) else {
            return false;
        };
        let format = kept_as(fuller(a_format, b_format));
        let (Some(a), Some(b)) = (self.read(a.0, a.1, format), self.read(b.0, b.1, format)) else {
            return false;
        };
        let adds_nothing = |to: &[u8], new: &[u8]| {
            let edit = pim::Edit {
                habit: Habit::Whole,
                current: to,
                shown: to,
                held: None,
                new,
            };
            pim::apply(&edit, pim::Prefer::New).is_some_and(|applied| applied.bytes == to)
        };
        adds_nothing(&a, &b) && adds_nothing(&b, &a)
    }

    /// The texts of an edit in one format, that of the item or the device's, whichever says more.
    pub(super) fn edit(
        &self,
        item: (&str, &[u8]),
        held: Option<&[u8]>,
        new: (&str, &[u8]),
        habit: Habit,
    ) -> Option<Texts> {
        let (item_type, current) = item;
        let (new_type, new) = new;
        let from = Format::of(item_type, current)?;
        let theirs = Format::of(new_type, new)?;
        let format = kept_as(fuller(from, theirs));
        let shown = self.show(item_type, current);
        let shown = match &shown {
            Some(shown) => self.read(&shown.media_type, &shown.bytes, format)?,
            None => self.read(item_type, current, format)?,
        };
        let whole = held.and_then(|held| pim::complete(new_type, held, new));
        let new = whole.as_deref().unwrap_or(new);
        let held = match held {
            Some(held) => Some(self.read(new_type, held, format)?),
            None => None,
        };
        Some(Texts {
            current: self.read(item_type, current, format)?,
            shown,
            held,
            new: self.read(new_type, new, format)?,
            habit,
            media_type: if format == from {
                item_type.to_owned()
            } else {
                format.media_type().to_owned()
            },
        })
    }
}

/// Whether an entry of a calendar recurs: its times in UTC do not say when it does.
fn recurs(text: &[u8]) -> bool {
    let mut lines = Lines::new(text);
    lines.any(|line| line.is("RRULE") || line.is("RDATE"))
}

/// The texts of an edit, in one format.
pub(super) struct Texts {
    pub(super) current: Vec<u8>,
    shown: Vec<u8>,
    held: Option<Vec<u8>>,
    new: Vec<u8>,
    habit: Habit,
    pub(super) media_type: String,
}

impl Texts {
    /// The texts of a device that is to be followed in all that it can hold: what it lacks was removed
    /// there, unless it may never have been shown it.
    pub(super) fn replacing(self, view: &View) -> Self {
        let by_size = Holdings {
            properties: None,
            max_photo: view.most,
        };
        let holdings = view.holdings.iter().map(|(_, holdings)| holdings);
        let holdings = holdings.chain([&by_size]);
        let held = holdings.fold(self.shown.clone(), |held, holdings| {
            pim::surely_shown(&self.current, &held, &self.new, holdings)
        });
        Self {
            held: Some(held),
            ..self
        }
    }

    pub(super) fn apply(&self, prefer: pim::Prefer) -> Option<pim::Applied> {
        let edit = pim::Edit {
            habit: self.habit,
            current: &self.current,
            shown: &self.shown,
            held: self.held.as_deref(),
            new: &self.new,
        };
        pim::apply(&edit, prefer)
    }
}

/// The format in which an item is kept and edited: what only Funambol's clients read becomes what all
/// do.
fn kept_as(format: Format) -> Format {
    match format {
        Format::SifContact => Format::VCard30,
        Format::SifEvent | Format::SifTask => Format::ICalendar20,
        Format::SifNote => Format::VNote,
        format => format,
    }
}

/// The forms of a note, from the one that says least.
const NOTES: [Format; 4] = [
    Format::Text,
    Format::SifNote,
    Format::VNote,
    Format::ICalendar20,
];

/// Of two formats of a record, the one that says more.
fn fuller(a: Format, b: Format) -> Format {
    let place = |format| NOTES.iter().position(|one| *one == format);
    match (place(a), place(b)) {
        (Some(a_place), Some(b_place)) if a_place > b_place => a,
        (Some(_), Some(_)) => b,
        _ => a.max(b),
    }
}

/// The format that a media type and version name together; devices write the one beside the other
/// at will, and the version decides.
fn format_of(one: &ContentType) -> Option<Format> {
    let by_type = Format::of_media_type(&one.media_type)?;
    if by_type.is_sif() {
        return Some(by_type);
    }
    let by_version = match (
        pim::media::kind_of_media_type(&one.media_type),
        one.version.trim().chars().next(),
    ) {
        (Kind::Contact, Some('2')) => Format::VCard21,
        (Kind::Contact, Some('3')) => Format::VCard30,
        (Kind::Contact, Some('4')) => Format::VCard40,
        (Kind::Event, Some('1')) => Format::VCalendar10,
        (Kind::Event, Some('2')) => Format::ICalendar20,
        _ => by_type,
    };
    Some(by_version)
}

const CARDS: [Format; 3] = [Format::VCard21, Format::VCard30, Format::VCard40];

/// A device that was seen to fail at larger photos gets none that is larger, whatever it says.
fn limit_photos(holdings: &mut Vec<(Format, Holdings)>, max_photo: Option<u64>) {
    for format in CARDS {
        match holdings.iter_mut().find(|(of, _)| *of == format) {
            Some((_, known)) => known.max_photo = max_photo,
            None => holdings.push((
                format,
                Holdings {
                    properties: None,
                    max_photo,
                },
            )),
        }
    }
}

/// What a device keeps of the items of one format; `None` when it lists nothing for it.
fn holdings_of(capability: &Capability) -> Option<(Format, Holdings)> {
    let format = format_of(&ContentType {
        media_type: capability.media_type.clone(),
        version: capability.version.clone(),
    })?;
    if capability.properties.is_empty() {
        return None;
    }
    let properties = capability.properties.iter().map(|property| Holding {
        name: property.name.clone(),
        max_size: property.max_size,
        max_occur: property.max_occur,
        no_truncate: property.no_truncate,
        values: property.values.clone(),
        parameters: property
            .parameters
            .iter()
            .map(|parameter| Parameter {
                name: parameter.name.clone(),
                values: parameter.values.clone(),
                max_size: parameter.max_size,
            })
            .collect(),
    });
    let holdings = Holdings {
        properties: Some(properties.collect()),
        max_photo: None,
    };
    Some((format, holdings))
}

/// Whether two texts say the same.
pub(super) fn says_the_same(a: (&str, &[u8]), b: (&str, &[u8])) -> bool {
    a.1 == b.1 || pim::fingerprint(a.0, a.1).exact == pim::fingerprint(b.0, b.1).exact
}

impl Run<'_> {
    /// How the device is shown the items of a datastore of the session.
    pub(super) fn view(&mut self, ds: &DatastoreState) -> Result<Rc<View>, StoreError> {
        if let Some(view) = self.views.get(&ds.number) {
            return Ok(Rc::clone(view));
        }
        self.read_devinf()?;
        let known = self.capabilities(&ds.source);
        let rules = &self.state.rules;
        let devinf = self.devinf.as_ref();
        let properties = Capabilities::properties(devinf, rules, &ds.source, ds.kind());
        let zone = self.config.zone.as_ref();
        let at = (self.state.version(), self.request.now);
        let view = View::of(&known, &properties, rules, ds.kind(), zone, at)
            .with_filter(ds.selection.filter.as_ref())
            .with_most(ds.most);
        let view = Rc::new(view);
        self.views.insert(ds.number, Rc::clone(&view));
        Ok(view)
    }

    /// What the device holds of an item, where that is known: the text that it gave itself, else
    /// what it was shown of the version it has.
    pub(super) fn held_text(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
        mapping: &Mapping,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(text) = self.own_text(ds, link, item)? {
            return Ok(Some(text));
        }
        // another filter than the last session's would show another part
        let is_unknown = mapping.stale || mapping.revision == ChangeSeq(0);
        if is_unknown || (ds.selection.is_new && ds.selection.some_fields) {
            return Ok(None);
        }
        self.text_at(ds, link, item, mapping.revision)
    }

    /// What the device holds of an item by what it gave itself.
    pub(super) fn own_text(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        match self.tx.device_text(link, item.guid)? {
            Some(text) => Ok(Some(text)),
            None => self.waiting_text(ds, link, item),
        }
    }

    /// An item as the device would be shown it now.
    pub(super) fn shown_now(
        &mut self,
        ds: &DatastoreState,
        item: &StoredItem,
    ) -> Result<Vec<u8>, StoreError> {
        let shown = self.view(ds)?.show(&item.media_type, &item.content);
        Ok(shown.map_or_else(|| item.content.clone(), |shown| shown.bytes))
    }

    /// An item as the device would have been shown it when the change sequence was at `at`; `None`
    /// where that is not known.
    pub(super) fn text_at(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
        at: ChangeSeq,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let content = self.tx.content_at(link.datastore, item.guid, at)?;
        let Some(content) = content.filter(|_| at > ChangeSeq(0)) else {
            return Ok(None);
        };
        let view = self.view(ds)?;
        let shown = view.show(&item.media_type, &content);
        Ok(Some(shown.map_or(content, |shown| shown.bytes)))
    }

    /// Brings an item into the form of the device; whether it is another one than the server's.
    /// `None` when there is nothing that the device could keep.
    // spec: H05
    pub(super) fn show(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        pending: &mut Pending,
    ) -> Result<Option<bool>, StoreError> {
        if pending.item.deleted {
            return Ok(Some(false));
        }
        let view = self.view(ds)?;
        let guid = pending.item.guid;
        if pending.item.content.is_empty() && pending.size > 0 {
            let head = self.tx.content_slice(link.datastore, guid, 0, HEAD)?;
            if !view.may_change_sized(&pending.item.media_type, &head, pending.size) {
                return Ok(Some(false));
            }
            let length = usize::try_from(pending.size).unwrap_or(usize::MAX);
            pending.item.content = self.tx.content_slice(link.datastore, guid, 0, length)?;
        }
        let Some(shown) = view.show(&pending.item.media_type, &pending.item.content) else {
            return Ok(Some(false));
        };
        if shown.bytes.is_empty() {
            return Ok(None);
        }
        pending.size = shown.bytes.len() as u64;
        pending.item.content = shown.bytes;
        pending.item.media_type = shown.media_type;
        Ok(Some(true))
    }

    /// Whether the device could keep nothing of an item.
    pub(super) fn is_hidden(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        pending: &Pending,
    ) -> Result<bool, StoreError> {
        if !self.view(ds)?.may_hide() {
            return Ok(false);
        }
        Ok(self.show(ds, link, &mut pending.clone())?.is_none())
    }

    /// Whether the device could keep nothing of the item of this GUID, so that it cannot have removed it.
    pub(super) fn never_had(
        &mut self,
        ds: &DatastoreState,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<bool, StoreError> {
        let view = self.view(ds)?;
        if !view.may_hide() {
            return Ok(false);
        }
        let Some(item) = self.tx.item(datastore, guid)? else {
            return Ok(false);
        };
        let shown = view.show(&item.media_type, &item.content);
        Ok(shown.is_some_and(|shown| shown.bytes.is_empty()))
    }

    /// The media type under which an item goes that is kept in the device's form.
    pub(super) fn shown_type(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
    ) -> Result<String, StoreError> {
        let head = self.tx.content_slice(link.datastore, item.guid, 0, HEAD)?;
        let view = self.view(ds)?;
        let format = Format::of(&item.media_type, &head);
        let target = format.and_then(|format| view.target(format));
        Ok(target.map_or_else(
            || item.media_type.clone(),
            |target| target.format.media_type().to_owned(),
        ))
    }

    /// Keeps the text that the device holds, where it is not the one that it would be shown.
    pub(super) fn keep_text(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
        stored: (&str, &[u8]),
        text: &[u8],
    ) -> Result<(), StoreError> {
        let view = self.view(ds)?;
        let shown = view.show(stored.0, stored.1);
        let shown = shown.as_ref().map_or(stored.1, |shown| &shown.bytes);
        if shown == text && view.habit(stored.0, text, false) != Habit::Unknown {
            return Ok(());
        }
        self.tx.keep_device_text(link, guid, text)
    }
}

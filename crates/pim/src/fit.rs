//! What a device keeps of an item (Device Information, `CTCap`): the server sends no more of it
//! than that, and knows what the device therefore cannot have deleted.
//!
//! The list of properties is closed. A line that stays keeps its bytes; it is written anew only
//! where its value is cut or a parameter goes. What is left fits: fitting it again changes
//! nothing, so that what comes back from the device can be told from an edit.

mod alarm;
mod parts;
mod pieces;
mod rewrite;
mod slot;
mod sure;

use std::collections::BTreeMap;

use self::parts::is_void;
pub use self::parts::names_component;
use self::pieces::{Action, Pieces};
use self::rewrite::{data_length, head, is_preferred, text_of, words, written};
use self::slot::{Slots, is_type};
pub use self::sure::surely_shown;
use crate::component::{Components, Event, Tag};
use crate::decode::whole_text;
use crate::fields::{WHOLE, cut, is_one_of};
use crate::line::{Line, Lines, Param};
use crate::media::{Format, first_component};
use crate::own::{is_own, own_lines};

/// What a device keeps of the items of a format (Device Information, `CTCap`). The default keeps
/// everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Holdings {
    /// The properties it keeps; None when all. What the format requires stays in any case: the
    /// structure and version, N and FN of a card (of vCard 2.1, FN where there is no N), the start and identity of a calendar's entry,
    /// the body of a note, the address of a bookmark. Of plain text, `BODY` or a property
    /// without a name is the text.
    ///
    /// The values of `BEGIN` are the components that are kept, if they name an entry of a
    /// calendar. Several holdings of one name are as many places for it. One of the name [`OTHERS`] says
    /// that what is not listed is kept whole.
    pub properties: Option<Vec<Holding>>,
    /// Bytes of the largest photo, decoded; None: any. A larger PHOTO, LOGO or SOUND is left out.
    pub max_photo: Option<u64>,
}

/// The name of a [`Holding`] that stands for every property that is not listed.
pub const OTHERS: &str = "*";

/// A property that a device keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Holding {
    /// Its name, in any case.
    pub name: String,
    /// The longest value in characters of the decoded text, an escaped one counting as one, and a
    /// line end of the old formats as two; octets of binary data. A structured value (N, ADR) is
    /// counted as a whole, separators included. None: any.
    pub max_size: Option<u64>,
    /// The most occurrences in one component. None: any.
    pub max_occur: Option<u64>,
    /// Leave a value that is too long out instead of cutting it. A card's name is cut even so.
    pub no_truncate: bool,
    /// The values it may have, in any case; none listed: any. A value that is a comma list
    /// has to have all its parts in here.
    pub values: Vec<String>,
    /// The parameters it may have; none listed: any. Types are listed as the values of `TYPE` or,
    /// as before 1.2, by their own names. A value of `TYPE` that is a comma list is a combination;
    /// then of each line's types one combination is kept. Parameters of N, ADR and ORG that are
    /// named like a component (`Street`, `LastName`) list the components that it keeps.
    pub parameters: Vec<Parameter>,
}

/// A parameter that a device keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// Its name, in any case.
    pub name: String,
    /// The values it may have, in any case; none listed: any.
    pub values: Vec<String>,
    /// Of a component, the most characters of its decoded text, as in [`Holding::max_size`]. None:
    /// any.
    pub max_size: Option<u64>,
}

/// What of an item fits into a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitted {
    /// The item as the device can keep it; empty if it can keep none of it, such as a task where
    /// only events are kept.
    pub bytes: Vec<u8>,
    /// The source lines, folds and line ends included, that were left out, cut, or lost a
    /// parameter.
    pub lost: Vec<Vec<u8>>,
}

/// Binary data of which a device may have no use in another form.
const MEDIA: [&str; 3] = ["PHOTO", "LOGO", "SOUND"];

/// Values of which a part means something else, beside those of a field filter. A cut number
/// would call somebody else.
const UNCUT: [&str; 11] = [
    "TEL",
    "PHOTO",
    "LOGO",
    "SOUND",
    "KEY",
    "ATTACH",
    "UID",
    "CLASS",
    "STATUS",
    "ATTENDEE",
    "ORGANIZER",
];

/// The item as the device can keep it; None when it keeps all of it.
///
/// * What is not listed is left out: properties, parameters, components. An alarm stays if
///   `VALARM` or its `TRIGGER` is listed or no list of components is given; a time zone also
///   stays as long as a time that stays is in it.
/// * Of too many occurrences the preferred ones stay (`PREF`), then the first ones.
/// * A value that is too long is cut between two characters; dates, rules, numbers, addresses,
///   binary data and values of a list are left out instead.
/// * Of a structured value the components that are not listed become empty, and one that is too
///   long is cut (with `no_truncate`, empty too). A name of which nothing would be left stays.
/// * Types that are not listed go from their line. A photo or sound goes if its type does.
/// * An alarm of vCalendar 1.0 gets the name that is listed: devices have `AALARM`, some
///   `DALARM`, few both. Of several alarms the last one stays, unless a number of them is listed.
///
/// Fitting what came out changes nothing. Text of no known format is kept as it is, and SIF.
// spec: F20 F21
pub fn fit(content: &[u8], media_type: &str, holdings: &Holdings) -> Option<Fitted> {
    if holdings.properties.is_none() && holdings.max_photo.is_none() {
        return None;
    }
    let slots = Slots::of(holdings);
    match Format::of(media_type, content)? {
        Format::Text => fit_text(content, &slots),
        // its list is one of elements, and what they hold has been read and written by then
        format if format.is_sif() => None,
        format => Sieve::new(content, format, &slots).sift(),
    }
}

fn fit_text(content: &[u8], slots: &Slots) -> Option<Fitted> {
    let slot = slots.find(b"BODY").or_else(|| slots.find(b""))?;
    let text = whole_text(content);
    let part = cut(&text, slot.max_size?, None)?;
    let part = part.strip_suffix('\r').unwrap_or(part);
    let part = if slot.no_truncate { "" } else { part };
    Some(Fitted {
        bytes: part.as_bytes().to_vec(),
        lost: Lines::new(content)
            .map(|line| line.source().to_vec())
            .collect(),
    })
}

/// How much an item needs a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It may go.
    None,
    /// It stays, but may be cut.
    Some,
    /// It stays as it is.
    Whole,
}

/// `has_name` says that the item is a card with a name in parts.
fn need(line: &Line<'_>, format: Format, has_name: bool) -> Need {
    if is_one_of(line, &["BEGIN", "END", "VERSION"]) {
        return Need::Whole;
    }
    let (some, whole): (&[&str], &[&str]) = match format {
        Format::VCard21 if has_name => (&["N"], &[]),
        Format::VCard21 | Format::VCard30 | Format::VCard40 => (&["N", "FN"], &[]),
        Format::VCalendar10 => (&[], &["DTSTART", "RECURRENCE-ID", "X-RECURRENCE-ID"]),
        Format::ICalendar20 => (
            &[],
            &[
                "PRODID",
                "CALSCALE",
                "UID",
                "DTSTAMP",
                "DTSTART",
                "RECURRENCE-ID",
            ],
        ),
        Format::VNote => (&["BODY"], &[]),
        Format::VBookmark => (&[], &["URL"]),
        Format::Text
        | Format::SifContact
        | Format::SifEvent
        | Format::SifTask
        | Format::SifNote => (&[], &[]),
    };
    if is_one_of(line, some) {
        Need::Some
    } else if is_one_of(line, whole) {
        Need::Whole
    } else {
        Need::None
    }
}

/// An open component.
#[derive(Debug, Default)]
struct Open {
    name: Vec<u8>,
    /// The lines of properties of which only some may stay, by name: those preferred and the
    /// others, as numbers of pieces.
    limited: BTreeMap<Vec<u8>, Limited>,
}

#[derive(Debug, Default)]
struct Limited {
    most: u64,
    preferred: Vec<usize>,
    others: Vec<usize>,
    /// Alarms of vCalendar 1.0: their times as the device writes them, and their numbers.
    alarms: Vec<(String, usize)>,
}

struct Sieve<'a, 's> {
    content: &'a [u8],
    format: Format,
    slots: &'s Slots,
    pieces: Pieces<'a>,
    open: Vec<Open>,
    has_begun: bool,
    /// The item is a card with a name in parts.
    has_name: bool,
    /// The pieces of time zones that are not listed.
    zones: Vec<usize>,
    /// Entries of a calendar: how many there are, and how many stay.
    entries: (usize, usize),
    /// Whether something without which the item is nothing was left out.
    is_void: bool,
}

impl<'a, 's> Sieve<'a, 's> {
    fn new(content: &'a [u8], format: Format, slots: &'s Slots) -> Self {
        Self {
            content,
            format,
            slots,
            pieces: Pieces::new(content),
            open: Vec::new(),
            has_begun: false,
            has_name: format.is_card()
                && own_lines(content).any(|line| {
                    let text = line.text(format.dialect());
                    line.is("N") && text.contains(|part: char| part != ';' && !part.is_whitespace())
                }),
            zones: Vec::new(),
            entries: (0, 0),
            is_void: false,
        }
    }

    fn sift(mut self) -> Option<Fitted> {
        let mut walker = Components::new(self.content);
        // the depth of the component that is being left out, or of the zone that may be
        let mut left_out: Option<usize> = None;
        let mut zone: Option<usize> = None;
        let has_item = self.slots.are_closed() && first_component(self.content, true).is_some();
        while let Some(event) = walker.next() {
            let depth = walker.depth();
            match event {
                Event::Begin { tag, line } => {
                    let outer = walker.enclosing(1);
                    let entry = usize::from(tag.is_calendar_entry() && left_out.is_none());
                    if left_out.is_none() && !self.keeps(tag, &line, outer) {
                        left_out = Some(depth);
                    }
                    self.begin(&line);
                    self.entries.0 += entry;
                    self.entries.1 += usize::from(left_out.is_none()) * entry;
                    if zone.is_none()
                        && tag == Tag::VTimezone
                        && !self.slots.keep_component(b"VTIMEZONE")
                    {
                        zone = Some(depth);
                    }
                    self.push(&line, left_out, zone);
                }
                Event::End { line, .. } => {
                    let was_out = left_out.is_some();
                    match &line {
                        Some(line) => self.push(line, left_out, zone),
                        None if !was_out => self.add_end(zone),
                        None => {}
                    }
                    self.end();
                    left_out = left_out.filter(|outer| depth >= *outer);
                    zone = zone.filter(|outer| depth >= *outer);
                }
                Event::Property(line) => {
                    if left_out.is_none() && zone.is_none() && is_own(&walker) {
                        self.property(&line);
                    } else if depth == 0 && has_item && !line.is_empty() {
                        // junk around the item
                        self.pieces.push(&line, Action::Gone, false);
                    } else {
                        self.push(&line, left_out, zone);
                    }
                }
            }
        }
        if !self.zones.is_empty() && !self.pieces.are_zoned() {
            for piece in std::mem::take(&mut self.zones) {
                self.pieces.remove(piece);
            }
        }
        let is_empty = self.entries.0 > 0 && self.entries.1 == 0;
        self.pieces.finish(!is_empty && !self.is_void)
    }

    fn begin(&mut self, line: &Line<'_>) {
        self.has_begun |= line.is("BEGIN");
        let value = line.raw_value().trim_ascii();
        let name = if line.is("BEGIN") { value } else { b"VCARD" };
        self.open.push(Open {
            name: name.to_vec(),
            limited: BTreeMap::new(),
        });
    }

    /// Ends the innermost component: what is too much of its properties goes.
    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        for mut limited in open.limited.into_values() {
            // the last one before the start is what a person waits for
            limited.alarms.sort_by(|a, b| b.0.cmp(&a.0));
            let alarms = limited.alarms.into_iter().map(|(_, number)| number);
            limited.others.extend(alarms);
            let most = usize::try_from(limited.most).unwrap_or(usize::MAX);
            let rest = most.saturating_sub(limited.preferred.len());
            let preferred = limited.preferred.into_iter().skip(most);
            for piece in preferred.chain(limited.others.into_iter().skip(rest)) {
                self.pieces.remove(piece);
            }
        }
    }

    /// The end of a component that has none: without it, what goes could leave another one to
    /// end it.
    fn add_end(&mut self, zone: Option<usize>) {
        if let Some(open) = self.open.last() {
            if zone.is_some() {
                self.zones.push(self.pieces.next());
            }
            self.pieces
                .add([b"END:", open.name.as_slice(), b"\r\n"].concat());
        }
    }

    /// A line that is judged by the component it is in.
    fn push(&mut self, line: &Line<'_>, left_out: Option<usize>, zone: Option<usize>) {
        if left_out.is_some() {
            self.pieces.push(line, Action::Gone, true);
            return;
        }
        if zone.is_some() {
            self.zones.push(self.pieces.next());
        }
        self.pieces.push(line, Action::Same, zone.is_some());
    }

    /// Whether a component stays that is now open, within `outer`.
    fn keeps(&self, tag: Tag, line: &Line<'_>, outer: Option<Tag>) -> bool {
        let name = line.raw_value().trim_ascii();
        let is_nested = match tag {
            Tag::VCard | Tag::VCalendar | Tag::VNote | Tag::VBookmark => true,
            Tag::VTimezone => return true,
            tag if tag.is_calendar_entry() => return self.slots.keep_component(name),
            _ => false,
        };
        match outer {
            // the item itself, or what says which format it has
            None => true,
            Some(_) if is_nested && !self.has_begun => true,
            Some(Tag::VTimezone | Tag::VAlarm | Tag::Other) => true,
            // the value of AGENT
            Some(_) if is_nested => !self.slots.are_closed() || self.slots.find(b"AGENT").is_some(),
            Some(_) if tag == Tag::VAlarm => {
                self.slots.keep_component(name) || self.slots.find(b"TRIGGER").is_some()
            }
            Some(_) => self.slots.keep_component(name),
        }
    }

    /// One of the item's own properties.
    fn property(&mut self, line: &Line<'_>) {
        if line.is_malformed() {
            let stays = line.is_empty() || !self.slots.are_closed();
            let action = if stays { Action::Same } else { Action::Gone };
            return self.pieces.push(line, action, false);
        }
        if self.format == Format::VCalendar10 && alarm::is_one(line) {
            return self.alarm(line);
        }
        let need = need(line, self.format, self.has_name);
        let action = self.judge(line, need);
        if action == Action::Gone {
            self.is_void |= need == Need::Some;
            return self.pieces.push(line, action, false);
        }
        let most = self.slots.find(line.name()).and_then(|slot| slot.max_occur);
        let most = most.filter(|_| need != Need::Whole && !line.is("AGENT"));
        let number = self.pieces.next();
        self.pieces.push(line, action, most.is_some());
        if let (Some(most), Some(open)) = (most, self.open.last_mut()) {
            let limited = open
                .limited
                .entry(line.name().to_ascii_uppercase())
                .or_default();
            limited.most = most.max(u64::from(need == Need::Some));
            if is_preferred(line) {
                limited.preferred.push(number);
            } else {
                limited.others.push(number);
            }
        }
    }

    /// An alarm of vCalendar 1.0, under the name that the device knows alarms by: without a number
    /// in its list, it keeps one of each name.
    fn alarm(&mut self, line: &Line<'_>) {
        let name = line.name().to_ascii_uppercase();
        let Some((name, slot)) = alarm::known_as(&name, self.slots) else {
            let stays = !self.slots.are_closed();
            let action = if stays { Action::Same } else { Action::Gone };
            return self.pieces.push(line, action, false);
        };
        let action = if line.is(name) {
            self.judge(line, Need::None)
        } else {
            Action::New(alarm::renamed(line, name))
        };
        if action == Action::Gone {
            return self.pieces.push(line, action, false);
        }
        let number = self.pieces.next();
        self.pieces.push(line, action, true);
        if let Some(open) = self.open.last_mut() {
            let limited = open.limited.entry(name.as_bytes().to_vec()).or_default();
            limited.most = slot.max_occur.unwrap_or(1);
            limited.alarms.push((alarm::time(line), number));
        }
    }

    /// What becomes of a property by itself.
    fn judge(&self, line: &Line<'_>, need: Need) -> Action {
        if need == Need::Whole {
            return Action::Same;
        }
        let is_media = is_one_of(line, &MEDIA);
        let data = data_length(line, self.format.dialect());
        if is_media
            && data
                .zip(self.slots.max_photo)
                .is_some_and(|(n, most)| n > most)
        {
            return Action::Gone;
        }
        let Some(slot) = self.slots.find(line.name()) else {
            return if self.slots.are_closed() && need == Need::None {
                Action::Gone
            } else {
                Action::Same
            };
        };
        if line.is("AGENT") {
            return Action::Same;
        }
        let dialect = self.format.dialect();
        if need == Need::None && data.is_none() && !slot.takes(&line.text(dialect)) {
            return Action::Gone;
        }
        let types = slot.types_of(line);
        if is_media && line.types().next().is_some() && !line.types().any(|word| types.has(word)) {
            return Action::Gone;
        }
        let text = text_of(line, dialect);
        let is_name = self.format.is_card() && need == Need::Some;
        let parted = slot.parts_of(&text, dialect, is_name);
        let is_emptied = parted.as_deref().is_some_and(is_void);
        if is_emptied && !is_name && !is_void(&text) {
            return Action::Gone;
        }
        let parted = parted.filter(|_| !is_emptied);
        let part = match (slot.max_size, data) {
            (Some(max), Some(length)) if length > max => return Action::Gone,
            (Some(max), None) => cut(parted.as_deref().unwrap_or(&text), max, Some(dialect)),
            _ => None,
        };
        if let Some(part) = part {
            let is_whole = slot.has_values() || is_one_of(line, &WHOLE) || is_one_of(line, &UNCUT);
            if !is_name && (is_whole || slot.no_truncate) {
                return Action::Gone;
            }
            return Action::New(written(line, slot, &types, part, dialect));
        }
        if let Some(parted) = parted {
            return Action::New(written(line, slot, &types, &parted, dialect));
        }
        let stays = |param: Param<'_>| {
            slot.may_have(&param, &types)
                && (!is_type(&param) || words(&param).all(|word| types.has(word)))
        };
        if line.params().all(stays) {
            return Action::Same;
        }
        let mut out = head(line, slot, &types, true);
        out.push(b':');
        out.extend_from_slice(line.source_of_value());
        Action::New(out)
    }
}

#[cfg(test)]
mod tests;

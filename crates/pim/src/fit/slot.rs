//! What a device keeps of one property, made ready for looking up.

use std::collections::{BTreeMap, BTreeSet};

use super::parts::{self, Components};
use super::{Holding, Holdings, OTHERS, Parameter};
use crate::component::Tag;
use crate::decode::Dialect;
use crate::fields::NEEDED;
use crate::line::{Encoding, Line, Param};

/// Combinations of types that are looked at: each line is compared with all of them.
const MAX_COMBINATIONS: usize = 64;

/// Types by which a list of parameters shows that types are listed one by one, as before 1.2.
const TYPES: [&str; 17] = [
    "PREF", "WORK", "HOME", "VOICE", "FAX", "MSG", "CELL", "PAGER", "BBS", "MODEM", "CAR", "ISDN",
    "VIDEO", "INTERNET", "X400", "JPEG", "GIF",
];

/// Types that say that nobody can be spoken to under the number.
const SPEECHLESS: [&str; 5] = ["FAX", "PAGER", "MODEM", "BBS", "ISDN"];

type Words = BTreeSet<String>;

/// All that a device keeps.
#[derive(Debug)]
pub(super) struct Slots {
    /// None when all properties are kept.
    listed: Option<BTreeMap<String, Slot>>,
    /// Whether what is not listed is kept, too.
    is_open: bool,
    /// The components that are kept, if the list names an entry of a calendar. Some devices name
    /// only what encloses the entries, which says nothing.
    components: Option<Words>,
    pub(super) max_photo: Option<u64>,
}

/// What is kept of the properties of one name; several holdings of a name are as many places.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// None: any number.
    pub(super) max_occur: Option<u64>,
    pub(super) max_size: Option<u64>,
    pub(super) no_truncate: bool,
    /// None: any value.
    values: Option<Words>,
    types: Types,
    /// The other parameters, each with its values (none listed: any); None: any parameter.
    parameters: Option<BTreeMap<String, Words>>,
    /// None: all components of a structured value.
    components: Option<Components>,
}

/// The types a property may have.
#[derive(Debug, Default)]
enum Types {
    #[default]
    Any,
    Words(Words),
    /// Of these, one.
    Combinations(Vec<Words>),
}

/// The types that one line may keep.
pub(super) struct Allowed<'s> {
    /// None: any.
    words: Option<&'s Words>,
    is_listed: bool,
    prefers: bool,
}

impl Allowed<'_> {
    pub(super) fn has(&self, word: &[u8]) -> bool {
        let word = upper(word);
        if word == "PREF" {
            return self.prefers;
        }
        self.is_listed && self.words.is_none_or(|words| words.contains(&word))
    }
}

fn upper(word: &[u8]) -> String {
    String::from_utf8_lossy(word.trim_ascii()).to_uppercase()
}

fn words(list: &str) -> impl Iterator<Item = String> {
    list.split(',')
        .map(|word| upper(word.as_bytes()))
        .filter(|word| !word.is_empty())
}

impl Slots {
    pub(super) fn of(holdings: &Holdings) -> Self {
        let mut slots = Self {
            listed: None,
            is_open: true,
            components: None,
            max_photo: holdings.max_photo,
        };
        let Some(properties) = &holdings.properties else {
            return slots;
        };
        let mut map: BTreeMap<String, Slot> = BTreeMap::new();
        for holding in properties {
            // `TEL;HOME` and `ADR.HOME` are places of one property
            let name = holding.name.split([';', '.']).next().unwrap_or_default();
            let slot = Slot::of(holding);
            match map.get_mut(&upper(name.as_bytes())) {
                Some(first) => first.join(slot),
                None => {
                    map.insert(upper(name.as_bytes()), slot);
                }
            }
        }
        let begun = map.get("BEGIN").and_then(|slot| slot.values.clone());
        slots.components = begun.filter(|names| {
            let entry = |name: &String| Tag::of(name.as_bytes()).is_calendar_entry();
            names.iter().any(entry)
        });
        slots.is_open = map.contains_key(OTHERS);
        slots.listed = Some(map);
        slots
    }

    /// Whether only what is listed is kept.
    pub(super) fn are_closed(&self) -> bool {
        !self.is_open
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<&Slot> {
        self.listed.as_ref()?.get(&upper(name))
    }

    /// Whether components of that name are kept within a calendar.
    pub(super) fn keep_component(&self, name: &[u8]) -> bool {
        self.components
            .as_ref()
            .is_none_or(|names| names.contains(&upper(name)))
    }
}

impl Slot {
    fn of(holding: &Holding) -> Self {
        let values: Words = holding.values.iter().flat_map(|v| words(v)).collect();
        let name = holding.name.split([';', '.']).next().unwrap_or_default();
        let (named, parameters): (Vec<_>, Vec<_>) = holding
            .parameters
            .iter()
            .partition(|parameter| parts::place(name, parameter).is_some());
        let components = named
            .iter()
            .filter_map(|parameter| Some((parts::place(name, parameter)?, parameter.max_size)));
        Self {
            max_occur: holding.max_occur,
            max_size: holding.max_size,
            no_truncate: holding.no_truncate,
            values: (!values.is_empty()).then_some(values),
            components: (!named.is_empty()).then(|| components.collect()),
            types: Types::of(&parameters),
            parameters: (!parameters.is_empty()).then(|| {
                let mut map: BTreeMap<String, Words> = BTreeMap::new();
                for parameter in parameters {
                    let values = map.entry(upper(parameter.name.as_bytes())).or_default();
                    values.extend(parameter.values.iter().flat_map(|v| words(v)));
                }
                map
            }),
        }
    }

    /// Adds the places of another holding of the same name: what either takes is taken.
    fn join(&mut self, other: Self) {
        let both = |a: Option<u64>, b: Option<u64>| Some((a?, b?));
        self.max_occur = both(self.max_occur, other.max_occur).map(|(a, b)| a.saturating_add(b));
        self.max_size = both(self.max_size, other.max_size).map(|(a, b)| a.max(b));
        self.no_truncate |= other.no_truncate;
        self.values = match (self.values.take(), other.values) {
            (Some(mut a), Some(b)) => {
                a.extend(b);
                Some(a)
            }
            _ => None,
        };
        self.types = std::mem::take(&mut self.types).join(other.types);
        self.components = match (self.components.take(), other.components) {
            (Some(mut a), Some(b)) => {
                parts::join(&mut a, b);
                Some(a)
            }
            _ => None,
        };
        self.parameters = match (self.parameters.take(), other.parameters) {
            (Some(mut a), Some(b)) => {
                for (name, values) in b {
                    match a.get_mut(&name) {
                        Some(held) if held.is_empty() || values.is_empty() => held.clear(),
                        Some(held) => held.extend(values),
                        None => {
                            a.insert(name, values);
                        }
                    }
                }
                Some(a)
            }
            _ => None,
        };
    }

    /// What is left of a structured value; `None` when all of it is. A name is cut even where nothing
    /// else may be.
    pub(super) fn parts_of(&self, text: &str, dialect: Dialect, is_name: bool) -> Option<String> {
        let components = self.components.as_ref()?;
        parts::kept(text, components, dialect, self.no_truncate && !is_name)
    }

    /// Whether only some values are taken.
    pub(super) fn has_values(&self) -> bool {
        self.values.is_some()
    }

    /// Whether the value is taken: all of a list, case and blanks aside.
    pub(super) fn takes(&self, text: &str) -> bool {
        let Some(values) = &self.values else {
            return true;
        };
        values.contains(&upper(text.as_bytes())) || words(text).all(|word| values.contains(&word))
    }

    /// The types that the line may keep. Of combinations, the one of which the line has all and
    /// that has most of the line's; nothing is ever added, but a number is for voice unless it
    /// says otherwise.
    pub(super) fn types_of(&self, line: &Line<'_>) -> Allowed<'_> {
        let allowed = |words, is_listed, prefers| Allowed {
            words,
            is_listed,
            prefers,
        };
        match &self.types {
            Types::Any => allowed(None, true, true),
            Types::Words(words) => allowed(Some(words), true, words.contains("PREF")),
            Types::Combinations(sets) => {
                let types: Words = line.types().map(upper).collect();
                let speaks = !SPEECHLESS.iter().any(|word| types.contains(*word));
                let has = |word: &String| {
                    types.contains(word) || word == "PREF" || (word == "VOICE" && speaks)
                };
                let common = |set: &&Words| set.intersection(&types).count();
                let fitting = sets.iter().filter(|set| set.iter().all(has));
                // of equals the first
                let best = fitting.rev().max_by_key(common);
                let prefers = sets.iter().any(|set| set.contains("PREF"));
                allowed(best, best.is_some(), prefers)
            }
        }
    }

    /// Whether the line may keep a parameter, apart from the types in it.
    pub(super) fn may_have(&self, param: &Param<'_>, types: &Allowed<'_>) -> bool {
        if is_type(param) || is_encoding(param) || NEEDED.iter().any(|name| param.is(name)) {
            return true;
        }
        let Some(parameters) = &self.parameters else {
            return true;
        };
        if param.is("PREF") && types.prefers && !matches!(self.types, Types::Any) {
            return true;
        }
        parameters.get(&upper(param.name)).is_some_and(|values| {
            values.is_empty() || param.values().all(|value| values.contains(&upper(value)))
        })
    }
}

impl Types {
    fn of(parameters: &[&Parameter]) -> Self {
        let mut sets: Vec<Words> = Vec::new();
        let mut names = Words::new();
        let mut is_limited = false;
        for parameter in parameters {
            if parameter.name.trim().eq_ignore_ascii_case("TYPE") {
                if parameter.values.is_empty() {
                    return Self::Any;
                }
                is_limited = true;
                sets.extend(parameter.values.iter().map(|v| words(v).collect()));
            } else {
                let name = upper(parameter.name.as_bytes());
                is_limited |= TYPES.contains(&name.as_str());
                names.insert(name);
            }
        }
        if !is_limited {
            return Self::Any;
        }
        if sets.iter().all(|set| set.len() < 2) {
            names.extend(sets.into_iter().flatten());
            return Self::Words(names);
        }
        sets.truncate(MAX_COMBINATIONS);
        Self::Combinations(sets)
    }

    fn join(self, other: Self) -> Self {
        let sets = |types: Self| match types {
            Self::Words(words) => words.into_iter().map(|word| Words::from([word])).collect(),
            Self::Combinations(sets) => sets,
            Self::Any => Vec::new(),
        };
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Words(mut a), Self::Words(b)) => {
                a.extend(b);
                Self::Words(a)
            }
            (a, b) => {
                let mut all = sets(a);
                all.extend(sets(b));
                all.truncate(MAX_COMBINATIONS);
                Self::Combinations(all)
            }
        }
    }
}

/// Whether a parameter holds types: `TYPE`, or a bare one of vCard 2.1.
pub(super) fn is_type(param: &Param<'_>) -> bool {
    param.is("TYPE") || (param.name.is_empty() && Encoding::named(param.value).is_none())
}

/// Whether a parameter says how the value is encoded.
pub(super) fn is_encoding(param: &Param<'_>) -> bool {
    param.is("ENCODING")
        || param.is("CHARSET")
        || (param.name.is_empty() && Encoding::named(param.value).is_some())
}

//! What the versions divide among properties differently: the text of an address, the name to sort
//! by, labels in groups, which of several is preferred, and the name that has to be there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::names::{PHONETIC, READING, RELATIONS};
use super::{Entry, Property, Value};
use crate::media::Format;

/// The properties as the target divides them, each in the target's or the source's own form.
pub(super) fn relate(mut entries: Vec<Entry<'_>>, from: Format, to: Format) -> Vec<Entry<'_>> {
    prefer(&mut entries);
    if to != Format::VCard30 {
        name_by_label(&mut entries);
    }
    if to == Format::VCard40 {
        entries = label_addresses(entries);
        sort_names(&mut entries);
    } else if from == Format::VCard40 {
        entries = part(entries, to);
    }
    if to == Format::VCard21 {
        join_reading(&mut entries);
    } else {
        entries = part_reading(entries);
    }
    complete(&mut entries, to);
    entries
}

/// The lowest rank of a property's occurrences is what the other versions call preferred.
// spec: T28
fn prefer(entries: &mut [Entry<'_>]) {
    if entries.iter().all(|entry| entry.property.rank.is_none()) {
        return;
    }
    let mut lowest: BTreeMap<String, u32> = BTreeMap::new();
    for Entry { property, .. } in entries.iter() {
        if let Some(rank) = property.rank {
            let least = lowest.entry(property.name.clone()).or_insert(rank);
            *least = rank.min(*least);
        }
    }
    for Entry { property, .. } in entries {
        match (property.rank, lowest.get(&property.name)) {
            (Some(rank), Some(least)) if rank == *least => property.types.push("PREF".to_owned()),
            (Some(_), _) => property.partial = true,
            (None, _) => {}
        }
    }
}

/// Dates and relations that a label in their group tells the sort of.
// spec: T32
fn name_by_label(entries: &mut Vec<Entry<'_>>) {
    let is_label = |property: &Property| property.name == "X-ABLABEL";
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for Entry { property, .. } in entries.iter().filter(|entry| is_label(&entry.property)) {
        let label = property.text();
        let label = label
            .trim()
            .trim_start_matches("_$!<")
            .trim_end_matches(">!$_");
        let label = label.to_uppercase();
        let name = if label == "ANNIVERSARY" {
            Some("ANNIVERSARY")
        } else {
            let relation = RELATIONS.iter().find(|(_, kind)| *kind == label);
            relation.map(|(name, _)| *name)
        };
        if let (Some(name), Some(group)) = (name, &property.group) {
            names.insert(group.clone(), name);
        }
    }
    if names.is_empty() {
        return;
    }
    let mut told = BTreeSet::new();
    for Entry { property, .. } in entries.iter_mut() {
        let Some(group) = &property.group else {
            continue;
        };
        let Some(name) = names.get(group) else {
            continue;
        };
        let is_date = *name == "ANNIVERSARY";
        if property.name
            == if is_date {
                "X-ABDATE"
            } else {
                "X-ABRELATEDNAMES"
            }
        {
            told.insert(group.clone());
            (*name).clone_into(&mut property.name);
            property.group = None;
            property.types.clear();
        }
    }
    let is_told = |property: &Property| property.group.as_ref().is_some_and(|g| told.contains(g));
    entries.retain(|entry| !(is_label(&entry.property) && is_told(&entry.property)));
}

/// The types of an address, by which its text is found.
fn place(property: &Property) -> Vec<String> {
    let mut types: Vec<String> = property.types.clone();
    types.retain(|kind| kind != "PREF");
    types.sort_unstable();
    types
}

/// The text of an address becomes a parameter of the address of the same types, or of an empty one.
// spec: T26
fn label_addresses(entries: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    let mut addresses: BTreeMap<Vec<String>, VecDeque<usize>> = BTreeMap::new();
    for (number, entry) in entries.iter().enumerate() {
        if entry.property.name == "ADR" {
            let numbers = addresses.entry(place(&entry.property)).or_default();
            numbers.push_back(number);
        }
    }
    let mut texts: BTreeMap<usize, String> = BTreeMap::new();
    let mut related: Vec<Option<Entry<'_>>> = Vec::with_capacity(entries.len());
    for mut entry in entries {
        if entry.property.name == "LABEL" {
            let text = entry.property.text();
            let numbers = addresses.get_mut(&place(&entry.property));
            if let Some(number) = numbers.and_then(VecDeque::pop_front) {
                texts.insert(number, text);
                related.push(None);
                continue;
            }
            "ADR".clone_into(&mut entry.property.name);
            entry.property.params.push(("LABEL".to_owned(), text));
            entry.property.value = Value::Parts(vec![vec![String::new()]; 7]);
        }
        related.push(Some(entry));
    }
    for (number, text) in texts {
        if let Some(Some(entry)) = related.get_mut(number) {
            entry.property.params.push(("LABEL".to_owned(), text));
        }
    }
    related.into_iter().flatten().collect()
}

/// The name to sort by becomes a parameter of the name.
// spec: T22
fn sort_names(entries: &mut Vec<Entry<'_>>) {
    let find =
        |entries: &[Entry<'_>], name: &str| entries.iter().position(|e| e.property.name == name);
    let Some(at) = find(entries, "SORT-STRING") else {
        return;
    };
    let name = find(entries, "N").or_else(|| find(entries, "ORG"));
    if let Some(name) = name {
        let text = entries.remove(at).property.text();
        let name = if at < name { name - 1 } else { name };
        if let Some(entry) = entries.get_mut(name) {
            entry.property.params.push(("SORT-AS".to_owned(), text));
        }
    }
}

/// Parameters of vCard 4.0 that are properties elsewhere.
// spec: T22 T26
fn part(entries: Vec<Entry<'_>>, to: Format) -> Vec<Entry<'_>> {
    let mut parted = Vec::with_capacity(entries.len());
    for mut entry in entries {
        let property = &mut entry.property;
        let mut made = None;
        if property.name == "ADR"
            && let Some(text) = take(property, "LABEL")
        {
            let mut label = Property::new("LABEL", Value::Text(text));
            label.types.clone_from(&property.types);
            made = Some(label);
        } else if property.name == "N"
            && to == Format::VCard30
            && let Some(text) = take(property, "SORT-AS")
        {
            made = Some(Property::new("SORT-STRING", Value::Text(text)));
        }
        let is_empty =
            property.name == "ADR" && property.text().trim_matches([';', ',']).is_empty();
        if !(is_empty && made.is_some()) {
            parted.push(entry);
        }
        parted.extend(made.map(Entry::made));
    }
    parted
}

/// How a name is read: each of its parts is a property.
// spec: T23
fn part_reading(entries: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    let mut parted = Vec::with_capacity(entries.len());
    for entry in entries {
        let is_reading = entry.property.types.iter().any(|kind| kind == READING);
        let (true, "SOUND", Value::Parts(parts)) = (
            is_reading,
            entry.property.name.as_str(),
            &entry.property.value,
        ) else {
            parted.push(entry);
            continue;
        };
        let text = |at: usize| parts.get(at).map_or(String::new(), |part| part.join(","));
        let has_more = (PHONETIC.len()..parts.len()).any(|at| !text(at).is_empty());
        let mut source = Some((entry.source, has_more));
        for (at, name) in PHONETIC.iter().enumerate() {
            if text(at).is_empty() {
                continue;
            }
            let mut made = Entry::made(Property::new(name, Value::Text(text(at))));
            if let Some((source, is_partial)) = source.take() {
                made.source = source;
                made.property.partial = is_partial;
            }
            parted.push(made);
        }
    }
    parted
}

/// How a name is read: its parts are one property.
// spec: T23
fn join_reading(entries: &mut Vec<Entry<'_>>) {
    let find =
        |entries: &[Entry<'_>], name: &str| entries.iter().position(|e| e.property.name == name);
    let found = PHONETIC.map(|name| find(entries, name));
    let Some(first) = found.into_iter().flatten().min() else {
        return;
    };
    let parts = found.map(|at| {
        let text = at.and_then(|at| entries.get(at)).map(|e| e.property.text());
        text.map_or(Vec::new(), |text| vec![text])
    });
    let mut sources = Vec::new();
    let mut is_partial = false;
    for entry in found.into_iter().flatten().filter_map(|at| entries.get(at)) {
        let Property {
            group,
            types,
            params,
            ..
        } = &entry.property;
        is_partial |= group.is_some() || !types.is_empty() || !params.is_empty();
        sources.push(entry.source);
    }
    if let Some(entry) = entries.get_mut(first) {
        entry.property = Property::new("SOUND", Value::Parts(parts.to_vec()));
        entry.property.types.push(READING.to_owned());
        entry.property.partial = is_partial;
        entry.source = &[];
        entry.more = sources;
    }
    if let Some(rest) = found.into_iter().flatten().find(|at| *at != first) {
        entries.remove(rest);
    }
}

fn take(property: &mut Property, key: &str) -> Option<String> {
    let at = property.params.iter().position(|(k, _)| k == key)?;
    Some(property.params.remove(at).1)
}

/// Makes up the name that the target's version requires.
// spec: T21
fn complete(entries: &mut Vec<Entry<'_>>, to: Format) {
    let text = |name: &str| {
        let mut texts = entries.iter().filter(|e| e.property.name == name);
        texts.find_map(|entry| {
            let text = match &entry.property.value {
                Value::Parts(parts) if name == "N" => spoken(parts),
                Value::Parts(parts) if name == "ORG" => listed(parts),
                _ => entry.property.text(),
            };
            let text = text.trim().to_owned();
            (!text.is_empty()).then_some(text)
        })
    };
    let (name, value) = if to == Format::VCard21 || text("FN").is_some() {
        match text("FN") {
            Some(display) if to != Format::VCard40 && text("N").is_none() => {
                ("N", Value::Parts(structured(&display)))
            }
            _ => return,
        }
    } else {
        let display = text("N")
            .or_else(|| text("ORG"))
            .or_else(|| text("EMAIL"))
            .or_else(|| text("TEL"));
        match display {
            Some(display) => ("FN", Value::Text(display)),
            None => return,
        }
    };
    let made = Property::new(name, value);
    // an empty one, if there is one, has its place
    let held = entries.iter_mut().find(|e| e.property.name == name);
    match held {
        Some(entry) => entry.property.value = made.value,
        None => entries.insert(0, Entry::made(made)),
    }
}

/// A name as it is spoken: prefix, first, middle, last, suffix.
fn spoken(parts: &[Vec<String>]) -> String {
    let mut words = Vec::new();
    for at in [3, 1, 2, 0, 4] {
        let part = parts.get(at).into_iter().flatten();
        words.extend(part.map(|word| word.trim()).filter(|word| !word.is_empty()));
    }
    words.join(" ")
}

fn listed(parts: &[Vec<String>]) -> String {
    let words = parts.iter().flatten().map(|word| word.trim());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(", ")
}

/// A name in parts: `Last, First` or `First Middle Last`.
fn structured(display: &str) -> Vec<Vec<String>> {
    let (first, middle, last) = if let Some((last, first)) = display.split_once(',') {
        (
            first.trim().to_owned(),
            String::new(),
            last.trim().to_owned(),
        )
    } else {
        let mut words = display.split_whitespace();
        let first = words.next().unwrap_or_default().to_owned();
        let last = words.next_back().unwrap_or_default().to_owned();
        (first, words.collect::<Vec<_>>().join(" "), last)
    };
    let parts = [last, first, middle, String::new(), String::new()];
    parts.into_iter().map(|part| vec![part]).collect()
}

//! The form that a property has in the target's version, by itself.

use super::names::{
    BINARY, DATES, LISTS, MESSENGERS, NAMES, NETWORKS, NOT_IN_21, NOT_IN_40, ONLY_IN_40, RELATIONS,
};
use super::{Property, Shaped, Value, convert_card, is_token, string};
use crate::convert::{Target, encode};
use crate::decode::Dialect;
use crate::facts::is_number_of_slot;
use crate::media::Format;
use crate::own::own_lines;

/// Gives the property the form it has in the target's version, if it has one.
// spec: T33 T35 T36 T38
pub(super) fn shape(property: &mut Property, from: Format, target: Target) -> Shaped {
    let to = target.format;
    let is_new = to == Format::VCard40;
    if is_new {
        to_new(property);
        if NOT_IN_40.contains(&property.name.as_str()) {
            return Shaped::Lost;
        }
    } else {
        to_old(property, target);
        if to == Format::VCard21 && NOT_IN_21.contains(&property.name.as_str())
            || ONLY_IN_40.contains(&property.name.as_str())
        {
            return Shaped::Lost;
        }
    }
    if property.name == "GENDER" {
        gender(&mut property.value, is_new);
    }
    if DATES.contains(&property.name.as_str()) {
        match date(property, from, to) {
            Shaped::Fits => {}
            other => return other,
        }
    }
    if !is_new && let Some((old, _)) = NAMES.iter().find(|(_, n)| *n == property.name) {
        (*old).clone_into(&mut property.name);
    }
    if matches!(property.value, Value::Binary(_)) && is_new {
        let kinds = property.types.iter().filter(|kind| *kind != "PREF");
        property.partial |= kinds.count() > 1;
    }
    if BINARY.contains(&property.name.as_str())
        && (is_in_message(property) || to == Format::VCard21 && is_path(property))
    {
        return Shaped::Lost;
    }
    telephone(property, to);
    if property.name == "EMAIL" {
        address(property, to);
    }
    // What could end a parameter early would be read as another line's parts.
    property
        .params
        .retain(|(key, _)| !is_number_of_slot(key.as_bytes()));
    let before = property.params.len() + property.types.len();
    property.types.retain(|kind| is_token(kind));
    property
        .params
        .retain(|(_, value)| is_new || !value.contains(['"', '\r', '\n']));
    // phones drop a property with a parameter that they do not know
    property.params.retain(|(key, _)| {
        (key.starts_with("X-") && (to != Format::VCard21 || key == "X-SERVICE-TYPE"))
            || key == "LANGUAGE"
            || (key == "VALUE" && to != Format::VCard21)
            || (is_new && key != "CONTEXT")
    });
    property.partial |= property.params.len() + property.types.len() != before;
    if to == Format::VCard21 {
        flatten(property);
    }
    Shaped::Fits
}

/// Whether a picture or sound is another part of the message that the card came in.
// spec: T24
fn is_in_message(property: &Property) -> bool {
    let mut params = property.params.iter();
    params.any(|(key, value)| {
        let names = ["CONTENT-ID", "CID"];
        key == "VALUE" && names.iter().any(|name| value.eq_ignore_ascii_case(name))
    })
}

/// Whether a picture or sound is a file of another machine.
// spec: T24
fn is_path(property: &Property) -> bool {
    let Value::Verbatim(address) = &property.value else {
        return false;
    };
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.trim());
    // one letter is a drive
    scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case("file") || scheme.len() < 2)
}

/// vCard 2.1 has no groups, and no lists in parts.
fn flatten(property: &mut Property) {
    property.partial |= property.group.take().is_some();
    let list = LISTS.contains(&property.name.as_str());
    if let Value::Parts(parts) = &property.value {
        let last = parts.len().saturating_sub(1);
        property.partial |= parts.iter().enumerate().any(|(i, part)| {
            (part.len() > 1 && !list)
                || (list && part.iter().any(|p| p.contains(',')))
                || (i < last && part.iter().any(|p| p.ends_with('\\')))
        });
    }
}

// spec: T29 T31 T32
fn to_new(property: &mut Property) {
    let name = property.name.as_str();
    if name == "MAILER" {
        "X-MAILER".clone_into(&mut property.name);
    } else if name == "GEO"
        && let Value::Parts(parts) = &property.value
        && let [latitude, longitude] = parts.as_slice()
    {
        let uri = format!("geo:{},{}", latitude.join(","), longitude.join(","));
        property.value = Value::Verbatim(uri);
    } else if name == "AGENT" {
        agent_to_new(property);
    } else if let Some((_, kind)) = RELATIONS.iter().find(|(old, _)| *old == name)
        && property.value.is_text()
    {
        property.value = Value::Text(property.text());
        property.types.push((*kind).to_owned());
        property
            .params
            .push(("VALUE".to_owned(), "text".to_owned()));
        "RELATED".clone_into(&mut property.name);
    } else if let Some((_, scheme, service)) = MESSENGERS.iter().find(|(old, ..)| *old == name)
        && property.value.is_text()
    {
        property.value = Value::Verbatim(format!("{scheme}:{}", property.text()));
        if !service.is_empty() {
            let service = ("X-SERVICE-TYPE".to_owned(), (*service).to_owned());
            property.params.push(service);
        }
        "IMPP".clone_into(&mut property.name);
    }
}

/// An agent is a relation, named by the identifier or the name in its card.
// spec: T30
fn agent_to_new(property: &mut Property) {
    "RELATED".clone_into(&mut property.name);
    property.types.push("AGENT".to_owned());
    let Value::Card(card) = &property.value else {
        if property.value.is_text() {
            property
                .params
                .push(("VALUE".to_owned(), "text".to_owned()));
        }
        return;
    };
    let format = Format::of("", card).unwrap_or(Format::VCard21);
    let text = |name: &str| {
        let mut lines = own_lines(card).filter(|line| line.is(name));
        lines.find_map(|line| {
            let text = line.text(format.dialect()).trim().to_owned();
            (!text.is_empty()).then_some(text)
        })
    };
    property.partial = true;
    property.value = if let Some(uid) = text("UID").filter(|uid| uid.contains(':')) {
        Value::Verbatim(uid)
    } else {
        property
            .params
            .push(("VALUE".to_owned(), "text".to_owned()));
        let name = text("FN").or_else(|| text("N")).unwrap_or_default();
        Value::Text(name)
    };
}

// spec: T30 T31
fn to_old(property: &mut Property, target: Target) {
    if property.name == "RELATED" {
        relation_to_old(property);
    }
    if property.name == "AGENT"
        && let Value::Card(card) = &property.value
    {
        let from = Format::of("", card).unwrap_or(Format::VCard21);
        let (card, lost) = convert_card(card, from, target, true);
        property.partial |= !lost.is_empty();
        property.value = match target.format {
            Format::VCard21 => Value::Card(card),
            _ => Value::Text(string(&card)),
        };
    }
    if property.name == "IMPP" {
        let uri = property.text();
        let service = property.params.iter().find(|(k, _)| k == "X-SERVICE-TYPE");
        let (scheme, address) = uri.split_once(':').unwrap_or(("", ""));
        let is = |(_, of, name): &&(&str, &str, &str)| match service {
            Some((_, service)) if !name.is_empty() => name.eq_ignore_ascii_case(service),
            Some((_, service)) => of.eq_ignore_ascii_case(scheme) && !is_service(service),
            None => name.is_empty() && of.eq_ignore_ascii_case(scheme),
        };
        if let Some((old, ..)) = MESSENGERS.iter().find(is) {
            property.value = Value::Text(address.to_owned());
            (*old).clone_into(&mut property.name);
            property.params.retain(|(key, _)| key != "X-SERVICE-TYPE");
        }
    }
}

fn is_service(name: &str) -> bool {
    let mut named = MESSENGERS.iter().filter(|(.., of)| !of.is_empty());
    named.any(|(.., of)| of.eq_ignore_ascii_case(name))
}

// spec: T30 T32
fn relation_to_old(property: &mut Property) {
    let is_text = property.value.is_text();
    let text = property.text();
    let has = |types: &[String], kind: &str| types.iter().any(|k| k == kind);
    if has(&property.types, "AGENT") {
        property.value = if is_text {
            let mut card = b"BEGIN:VCARD\r\nVERSION:4.0\r\n".to_vec();
            encode::text(&mut card, "FN", &encode::escape(&text), Dialect::New, false);
            card.extend_from_slice(b"END:VCARD\r\n");
            Value::Card(card)
        } else {
            Value::Verbatim(text)
        };
        "AGENT".clone_into(&mut property.name);
        property.types.retain(|kind| kind != "AGENT");
    } else if is_text
        && let Some((old, kind)) = RELATIONS.iter().find(|(_, k)| has(&property.types, k))
    {
        (*old).clone_into(&mut property.name);
        property.types.retain(|k| k != kind);
    }
}

// spec: T33
fn gender(value: &mut Value, new: bool) {
    let Value::Parts(parts) = value else { return };
    let Some(first) = parts.first_mut().and_then(|p| p.first_mut()) else {
        return;
    };
    for (long, short) in [("Male", "M"), ("Female", "F")] {
        let (from, to) = if new { (long, short) } else { (short, long) };
        if first.eq_ignore_ascii_case(from) {
            to.clone_into(first);
        }
    }
}

/// Writes a date as the target does. It is the same day everywhere; a time of it is left out.
// spec: T25
fn date(property: &mut Property, from: Format, to: Format) -> Shaped {
    let text = property.text();
    let text = text.trim();
    let (day, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, ""));
    let (day, is_yearless) = match day.strip_prefix("--") {
        Some(rest) => (format!("0000{}", rest.replace('-', "")), true),
        None => (day.replace('-', ""), false),
    };
    let is_date = day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit());
    if is_date && day.bytes().all(|b| b == b'0') && !is_yearless {
        // some devices write this for none
        return Shaped::Absent;
    }
    let parts = is_date
        .then(|| Some((day.get(..4)?, day.get(4..6)?, day.get(6..)?)))
        .flatten()
        .filter(|(_, month, day)| ("01"..="12").contains(month) && ("01"..="31").contains(day));
    let written = match parts {
        Some(("0000", month, day)) => match to {
            Format::VCard40 => format!("--{month}{day}"),
            _ => return Shaped::Lost,
        },
        Some((year, month, day)) => match to {
            Format::VCard30 => format!("{year}-{month}-{day}"),
            _ => format!("{year}{month}{day}"),
        },
        None if to == Format::VCard40 && !text.is_empty() => {
            property
                .params
                .push(("VALUE".to_owned(), "text".to_owned()));
            property.value = Value::Text(text.to_owned());
            return Shaped::Fits;
        }
        None if to == Format::VCard30 && from == Format::VCard21 || text.is_empty() => {
            return Shaped::Fits;
        }
        None => return Shaped::Lost,
    };
    property.partial |= time.bytes().any(|b| matches!(b, b'1'..=b'9'));
    property.value = Value::Verbatim(written);
    Shaped::Fits
}

/// A `tel:` URI is a number like any other in the versions before 4.0, and in 4.0 as text. Phones
/// expect to be told that a number is one to speak to.
// spec: T27
fn telephone(property: &mut Property, to: Format) {
    if property.name != "TEL" {
        return;
    }
    if let Value::Verbatim(uri) = &property.value {
        let number = uri.strip_prefix("tel:").unwrap_or(uri).to_owned();
        property.value = Value::Text(number);
    }
    let mut kinds = property
        .types
        .iter()
        .filter(|kind| *kind != "PREF")
        .peekable();
    let is_place = |kind: &String| kind == "HOME" || kind == "WORK";
    if to == Format::VCard21 && kinds.peek().is_some() && kinds.all(is_place) {
        property.types.push("VOICE".to_owned());
    }
}

/// Phones ignore addresses that do not say of which network they are; vCard 4.0 knows only one.
// spec: T27
fn address(property: &mut Property, to: Format) {
    let is_network = |kind: &String| NETWORKS.contains(&kind.as_str());
    if to == Format::VCard40 {
        property.types.retain(|kind| kind != "INTERNET");
    } else if to == Format::VCard21 && !property.types.iter().any(is_network) {
        property.types.push("INTERNET".to_owned());
    }
}

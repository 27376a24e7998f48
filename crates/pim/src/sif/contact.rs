//! Contacts: SIF-C and vCard 3.0.

use std::collections::BTreeSet;

use super::xml::Elements;
use super::{KEPT, Written, has, keep_rest, put, put_back, text_line};
use crate::convert::encode;
use crate::decode::{self, Dialect};
use crate::line::{Encoding, Line};
use crate::own::own_lines;

/// Texts: the element, the property, its type.
const TEXTS: [(&str, &str, &str); 11] = [
    ("FileAs", "FN", ""),
    ("JobTitle", "TITLE", ""),
    ("Profession", "ROLE", ""),
    ("Body", "NOTE", ""),
    ("BusinessAddress", "LABEL", "WORK"),
    ("HomeAddress", "LABEL", "HOME"),
    ("OtherAddress", "LABEL", ""),
    ("Spouse", "X-SPOUSE", ""),
    ("ManagerName", "X-MANAGER", ""),
    ("AssistantName", "X-ASSISTANT", ""),
    ("Children", "X-CHILDREN", ""),
];

/// Values without escapes.
const PLAIN: [(&str, &str, &str); 5] = [
    ("Birthday", "BDAY", ""),
    ("Anniversary", "X-ANNIVERSARY", ""),
    ("WebPage", "URL", ""),
    ("HomeWebPage", "URL", "HOME"),
    ("BusinessWebPage", "URL", "WORK"),
];

/// Numbers and addresses by their types. Of several elements of equal types the first that is free
/// is meant.
const SLOTS: [(&str, &str, &[&str]); 14] = [
    ("MobileTelephoneNumber", "TEL", &["CELL"]),
    ("HomeTelephoneNumber", "TEL", &["HOME"]),
    ("Home2TelephoneNumber", "TEL", &["HOME"]),
    ("BusinessTelephoneNumber", "TEL", &["WORK"]),
    ("Business2TelephoneNumber", "TEL", &["WORK"]),
    ("BusinessFaxNumber", "TEL", &["FAX", "WORK"]),
    ("HomeFaxNumber", "TEL", &["FAX", "HOME"]),
    ("OtherFaxNumber", "TEL", &["FAX"]),
    ("PagerNumber", "TEL", &["PAGER"]),
    ("CarTelephoneNumber", "TEL", &["CAR"]),
    ("OtherTelephoneNumber", "TEL", &[]),
    ("Email1Address", "EMAIL", &[]),
    ("Email2Address", "EMAIL", &[]),
    ("Email3Address", "EMAIL", &[]),
];

/// Numbers whose sort no type tells: a parameter names the element.
const NAMED: [(&str, &[&str]); 6] = [
    ("CompanyMainTelephoneNumber", &["WORK"]),
    ("PrimaryTelephoneNumber", &[]),
    ("AssistantTelephoneNumber", &[]),
    ("CallbackTelephoneNumber", &[]),
    ("RadioTelephoneNumber", &[]),
    ("TelexNumber", &[]),
];

/// The parameter that names the element where types do not.
const ELEMENT: &str = "X-SIF";

/// Types that tell no sort of a number or address.
const SILENT: [&str; 4] = ["VOICE", "PREF", "MSG", "INTERNET"];

/// What a number is before all, whatever else it is.
const SORTS: [(&str, &str); 6] = [
    ("CELL", "MobileTelephoneNumber"),
    ("PAGER", "PagerNumber"),
    ("CAR", "CarTelephoneNumber"),
    ("FAX", "OtherFaxNumber"),
    ("WORK", "Business2TelephoneNumber"),
    ("HOME", "Home2TelephoneNumber"),
];

/// Postal addresses by type.
const PLACES: [(&str, &str); 3] = [("Business", "WORK"), ("Home", "HOME"), ("Other", "")];

/// Components of a postal address, the second of which SIF lacks.
const ADDRESS: [&str; 7] = [
    "PostOfficeBox",
    "",
    "Street",
    "City",
    "State",
    "PostalCode",
    "Country",
];

const NAME: [&str; 5] = ["LastName", "FirstName", "MiddleName", "Title", "Suffix"];

/// The order in which a name is spoken.
const SPOKEN: [usize; 5] = [3, 1, 2, 0, 4];

const CLASSES: [(&str, &str); 4] = [
    ("0", "PUBLIC"),
    ("2", "PRIVATE"),
    ("3", "CONFIDENTIAL"),
    ("1", "PRIVATE"),
];

const GENDERS: [(&str, &str); 2] = [("1", "Female"), ("2", "Male")];

pub(super) fn read(elements: &mut Elements) -> Vec<u8> {
    let mut out = b"BEGIN:VCARD\r\nVERSION:3.0\r\n".to_vec();
    let name = NAME.map(|element| elements.take(element));
    let company = [elements.take("CompanyName"), elements.take("Department")];
    parts_line(&mut out, "N", &name);
    let display = elements.take("FileAs");
    let spoken = SPOKEN.map(|at| name[at].as_str());
    let spoken: Vec<&str> = spoken.into_iter().filter(|word| !word.is_empty()).collect();
    let made = if spoken.is_empty() {
        company[0].clone()
    } else {
        spoken.join(" ")
    };
    let display = if display.is_empty() { made } else { display };
    text_line(&mut out, "FN", &display, Dialect::New);
    if company.iter().any(|part| !part.is_empty()) {
        let filled = if company[1].is_empty() { 1 } else { 2 };
        parts_line(&mut out, "ORG", &company[..filled]);
    }
    for (element, property, kind) in TEXTS.iter().skip(1) {
        let text = elements.take(element);
        if !text.is_empty() {
            text_line(&mut out, &head(property, kind), &text, Dialect::New);
        }
    }
    for (element, property, kind) in PLAIN {
        let text = elements.take(element);
        if !text.is_empty() {
            let text = text.replace(['\r', '\n'], "");
            encode::text(&mut out, &head(property, kind), &text, Dialect::New, false);
        }
    }
    read_slots(&mut out, elements);
    for (place, kind) in PLACES {
        let parts = ADDRESS.map(|part| match part {
            "" => String::new(),
            part => elements.take(&format!("{place}Address{part}")),
        });
        if parts.iter().any(|part| !part.is_empty()) {
            parts_line(&mut out, &head("ADR", kind), &parts);
        }
    }
    for (element, property) in [("NickName", "NICKNAME"), ("Categories", "CATEGORIES")] {
        let list = elements.take(element);
        let list: Vec<String> = list
            .split([',', ';'])
            .map(|one| encode::escape(one.trim()))
            .collect();
        let list = list.join(",");
        if !list.is_empty() {
            encode::text(&mut out, property, &list, Dialect::New, false);
        }
    }
    for (element, property, words) in [
        ("Sensitivity", "CLASS", &CLASSES[..]),
        ("Gender", "X-GENDER", &GENDERS[..]),
    ] {
        let number = elements.take(element);
        if let Some((_, word)) = words.iter().find(|(known, _)| *known == number) {
            text_line(&mut out, property, word, Dialect::New);
        }
    }
    let photo = elements.take("Photo");
    if !photo.is_empty() {
        let mut data = Vec::new();
        decode::base64(photo.as_bytes(), &mut data);
        encode::binary(&mut out, "PHOTO;ENCODING=b", &data, Dialect::New);
    }
    keep_rest(&mut out, elements, Dialect::New);
    out.extend_from_slice(b"END:VCARD\r\n");
    out
}

/// The numbers and addresses. One that its types would put into another element names its own.
fn read_slots(out: &mut Vec<u8>, elements: &mut Elements) {
    let mut filled: BTreeSet<&str> = BTreeSet::new();
    for (element, property, types) in SLOTS {
        let text = elements.take(element);
        if text.is_empty() {
            continue;
        }
        let is_meant = free(property, types, |one| filled.contains(one)) == Some(element);
        filled.insert(element);
        slot_line(out, property, types, (!is_meant).then_some(element), &text);
    }
    for (element, types) in NAMED {
        let text = elements.take(element);
        if !text.is_empty() {
            slot_line(out, "TEL", types, Some(element), &text);
        }
    }
}

fn slot_line(out: &mut Vec<u8>, property: &str, types: &[&str], element: Option<&str>, text: &str) {
    let mut head = property.to_owned();
    let speaks = property == "TEL" && !types.iter().any(|kind| ["FAX", "PAGER"].contains(kind));
    let implied = if property == "EMAIL" {
        Some("INTERNET")
    } else {
        (speaks && !types.contains(&"CELL")).then_some("VOICE")
    };
    for kind in types.iter().copied().chain(implied) {
        head.extend([";TYPE=", kind]);
    }
    if let Some(element) = element {
        head.extend([";", ELEMENT, "=", element]);
    }
    text_line(out, &head, text, Dialect::New);
}

/// The first element of these types that is not taken.
fn free(property: &str, types: &[&str], is_taken: impl Fn(&str) -> bool) -> Option<&'static str> {
    let mut all = SLOTS.iter();
    let found = all.find(|(element, of, kinds)| {
        *of == property && (*kinds == types || property == "EMAIL") && !is_taken(element)
    });
    found.map(|(element, ..)| *element)
}

fn head(property: &str, kind: &str) -> String {
    if kind.is_empty() {
        property.to_owned()
    } else {
        format!("{property};TYPE={kind}")
    }
}

fn parts_line(out: &mut Vec<u8>, head: &str, parts: &[String]) {
    let parts: Vec<String> = parts.iter().map(|part| encode::escape(part)).collect();
    encode::text(out, head, &parts.join(";"), Dialect::New, false);
}

pub(super) fn write(content: &[u8], lost: &mut Vec<Vec<u8>>) -> Option<Written> {
    let lines: Vec<Line<'_>> = own_lines(content).collect();
    if lines.is_empty() {
        return None;
    }
    let mut written = Written::new();
    let is_slot = |line: &Line<'_>| line.is("TEL") || line.is("EMAIL");
    // who names an element has it, whoever comes first
    let (named, others): (Vec<_>, Vec<_>) = lines
        .into_iter()
        .partition(|line| is_slot(line) && line.param(ELEMENT).is_some());
    for line in named.iter().chain(&others) {
        let fits = if is_slot(line) {
            write_slot(&mut written, line)
        } else {
            write_line(&mut written, line)
        };
        if !fits {
            lost.push(line.source().to_vec());
        }
    }
    Some(written)
}

fn types(line: &Line<'_>) -> BTreeSet<String> {
    let types = line
        .types()
        .map(|kind| String::from_utf8_lossy(kind).to_uppercase());
    types
        .filter(|kind| !SILENT.contains(&kind.as_str()))
        .collect()
}

/// Writes a number or address; whether all that its line says is said.
fn write_slot(written: &mut Written, line: &Line<'_>) -> bool {
    let text = line.text(Dialect::New).trim().to_owned();
    let types = types(line);
    let property = if line.is("TEL") { "TEL" } else { "EMAIL" };
    let wanted = line
        .param(ELEMENT)
        .map(|param| String::from_utf8_lossy(param.unquoted()));
    let wanted = wanted.and_then(|name| {
        let slots = SLOTS.iter().filter(|(_, of, _)| *of == property);
        let slots = slots.map(|(element, ..)| *element);
        let named = NAMED
            .iter()
            .filter(|_| property == "TEL")
            .map(|(element, _)| *element);
        slots.chain(named).find(|element| *element == name)
    });
    let is_taken = |element: &str| has(written, element);
    let words: Vec<&str> = types.iter().map(String::as_str).collect();
    let exact = wanted
        .filter(|element| !is_taken(element))
        .or_else(|| free(property, &words, is_taken));
    let nearest = || {
        if property == "EMAIL" {
            return None;
        }
        let mut sorts = SORTS.iter();
        let sort = sorts.find(|(kind, _)| types.contains(*kind));
        let element = sort.map_or("OtherTelephoneNumber", |(_, element)| *element);
        let first = element.replace('2', "");
        let known = |name: &str| {
            let mut all = SLOTS.iter().map(|(element, ..)| *element);
            all.find(|element| *element == name)
        };
        let all = [known(&first), Some(element)];
        all.into_iter().flatten().find(|element| !is_taken(element))
    };
    let is_exact = exact.is_some() && (property == "TEL" || types.is_empty());
    match exact.or_else(nearest) {
        Some(element) => {
            put(written, element, text);
            is_exact
        }
        None => text.is_empty(),
    }
}

/// Writes any other property; whether all that its line says is said.
fn write_line(written: &mut Written, line: &Line<'_>) -> bool {
    let text = || line.text(Dialect::New).into_owned();
    let types = types(line);
    let has_type = |kind: &str| match kind {
        "" => types.is_empty(),
        kind => types.len() == 1 && types.contains(kind),
    };
    let field = |tables: &[(&'static str, &str, &str)]| {
        let mut fields = tables.iter();
        let found = fields.find(|(_, property, kind)| line.is(property) && has_type(kind));
        found.map(|(element, ..)| *element)
    };
    if let Some(element) = field(&TEXTS).or_else(|| field(&PLAIN)) {
        if has(written, element) {
            return false;
        }
        put(written, element, text());
        return true;
    }
    if line.is("N") {
        return write_parts(written, line, &NAME, "");
    }
    if line.is("ORG") {
        return write_parts(written, line, &["CompanyName", "Department"], "");
    }
    if line.is("ADR") {
        let place = PLACES.iter().find(|(_, kind)| has_type(kind));
        let is_free = |place: &str| {
            let prefix = format!("{place}Address");
            let of_place = |name: &str| {
                name.strip_prefix(&prefix)
                    .is_some_and(|rest| ADDRESS.contains(&rest) && !rest.is_empty())
            };
            !written.iter().any(|(name, _)| of_place(name))
        };
        return match place {
            Some((place, _)) if is_free(place) => {
                write_parts(written, line, &ADDRESS, &format!("{place}Address"))
            }
            _ => false,
        };
    }
    if line.is("NICKNAME") || line.is("CATEGORIES") {
        let element = if line.is("NICKNAME") {
            "NickName"
        } else {
            "Categories"
        };
        if has(written, element) {
            return false;
        }
        let list = line.escaped_text(Dialect::New);
        let list = decode::parts(&list, ',', Dialect::New);
        let list: Vec<_> = list
            .map(|one| decode::unescape(one, Dialect::New))
            .collect();
        put(written, element, list.join(", "));
        return true;
    }
    if line.is("CLASS") || line.is("X-GENDER") {
        let (element, words): (_, &[(&str, &str)]) = if line.is("CLASS") {
            ("Sensitivity", &CLASSES)
        } else {
            ("Gender", &GENDERS)
        };
        let text = text();
        let word = words
            .iter()
            .find(|(_, word)| word.eq_ignore_ascii_case(text.trim()));
        return match word {
            Some((number, _)) if !has(written, element) => {
                put(written, element, *number);
                true
            }
            _ => false,
        };
    }
    if line.is("PHOTO") && line.encoding() == Encoding::Base64 && !has(written, "Photo") {
        put(written, "Photo", encode::base64(&line.bytes(Dialect::New)));
        return true;
    }
    if line.is(KEPT) {
        return put_back(written, &text());
    }
    line.is("VERSION")
}

/// Writes the components of a value that there is an element for.
fn write_parts(written: &mut Written, line: &Line<'_>, names: &[&str], prefix: &str) -> bool {
    let escaped = line.escaped_text(Dialect::New);
    let mut is_whole = true;
    for (at, part) in decode::parts(&escaped, ';', Dialect::New).enumerate() {
        let list: Vec<_> = decode::parts(part, ',', Dialect::New)
            .map(|one| decode::unescape(one, Dialect::New))
            .collect();
        let text = list.join(" ");
        if text.is_empty() {
            continue;
        }
        match names.get(at).filter(|name| !name.is_empty()) {
            Some(name) if !has(written, &format!("{prefix}{name}")) => {
                is_whole &= list.len() == 1;
                put(written, &format!("{prefix}{name}"), text);
            }
            _ => is_whole = false,
        }
    }
    is_whole
}

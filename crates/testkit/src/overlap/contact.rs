//! Contacts: vCard 3.0 on the server, mostly vCard 2.1 on the device.

use super::{Overlap, Sizes, edit, is_edited, overlap};
use crate::items::{CITIES, GIVEN, Lines, Random, escape, family};

#[derive(Debug, Clone)]
struct Contact {
    family: String,
    given: String,
    company: String,
    unit: String,
    title: String,
    phones: Vec<(&'static str, String)>,
    emails: Vec<String>,
    street: String,
    city: usize,
    birthday: (usize, usize, usize),
    note: String,
}

/// Two collections of contacts.
///
/// Some have a comma or semicolon in their name or company, some are companies without a name, and
/// some devices write the name as one text only. An edit never takes all numbers and addresses of a
/// record at once. A twin has the name of another contact, half of them its company too, and numbers,
/// addresses and a birthday of its own.
pub fn contacts(sizes: Sizes, seed: u64) -> Overlap {
    let mut random = Random::new(seed);
    overlap(sizes, &mut random, record, twin, write)
}

fn record(number: usize, random: &mut Random) -> Contact {
    let family = family(number as u32);
    let given = GIVEN[number % GIVEN.len()].to_owned();
    let (family, given) = match number % 40 {
        7 => (format!("{family}, Jr."), given),
        19 => (String::new(), String::new()),
        _ => (family, given),
    };
    let company = match number % 13 {
        5 => format!("Mill; Sons & {number}"),
        _ => format!("Works, {number}"),
    };
    Contact {
        family,
        given,
        company,
        unit: "Office".to_owned(),
        title: "Baker".to_owned(),
        street: format!("{} Mill Lane", number % 180 + 1),
        city: random.below(CITIES.len()),
        note: format!("Met at the fair; number {number}.\nLikes tea, strong."),
        ..alone(random)
    }
}

/// Numbers, addresses and a birthday that nobody else has.
fn alone(random: &mut Random) -> Contact {
    let number = |area: &str, random: &mut Random| {
        format!("+49 {area} {:08}", 10_000_000 + random.below(89_999_999))
    };
    let token = random.below(usize::MAX / 2);
    Contact {
        family: String::new(),
        given: String::new(),
        company: String::new(),
        unit: String::new(),
        title: String::new(),
        phones: vec![
            ("CELL", number("170", random)),
            ("WORK", number("451", random)),
            ("HOME", number("40", random)),
        ],
        emails: vec![
            format!("p{token:x}@example.com"),
            format!("Home.{token:x}@example.org"),
        ],
        street: String::new(),
        city: 0,
        birthday: (
            1930 + random.below(80),
            random.below(12) + 1,
            random.below(28) + 1,
        ),
        note: String::new(),
    }
}

fn twin(original: &Contact, random: &mut Random) -> Contact {
    let alone = alone(random);
    let mut twin = Contact {
        phones: alone.phones,
        emails: alone.emails,
        birthday: alone.birthday,
        ..original.clone()
    };
    if random.below(2) == 0 {
        twin.company = format!("Other works {}", random.below(1_000_000));
    }
    twin
}

fn write(contact: &Contact, by_device: bool, random: &mut Random) -> (Vec<u8>, String) {
    if !by_device {
        return (card(contact, false, false, random), String::new());
    }
    let mut contact = contact.clone();
    let mut told = String::new();
    for (field, text) in [
        ("unit", &mut contact.unit),
        ("title", &mut contact.title),
        ("street", &mut contact.street),
        ("note", &mut contact.note),
    ] {
        if is_edited(random, &mut told, field) {
            *text = edit(random, text);
        }
    }
    if !contact.given.is_empty() && is_edited(random, &mut told, "company") {
        contact.company = edit(random, &contact.company);
    }
    if is_edited(random, &mut told, "birthday") {
        contact.birthday.2 = contact.birthday.2 % 28 + 1;
    }
    let kept = random.below(contact.phones.len() + contact.emails.len());
    let mut at = 0;
    contact.phones.retain(|_| {
        at += 1;
        at - 1 == kept || !is_edited(random, &mut told, "phone")
    });
    contact.emails.retain(|_| {
        at += 1;
        at - 1 == kept || !is_edited(random, &mut told, "email")
    });
    if random.below(5) == 0 {
        contact
            .phones
            .push(("FAX", format!("030 {:07}", random.below(9_999_999))));
        told.push_str(" fax");
    }
    let is_old = random.below(3) > 0;
    let name_alone = !contact.given.is_empty() && random.below(10) == 0;
    told.push_str(if is_old { " 2.1" } else { " 3.0" });
    if name_alone {
        told.push_str(" FN");
    }
    let content = if is_old {
        old_card(&contact, name_alone, random)
    } else {
        card(&contact, true, name_alone, random)
    };
    (content, told)
}

/// A number as somebody else spells it.
fn respelled(number: &str, random: &mut Random) -> String {
    let digits = number.trim_start_matches("+49 ");
    match random.below(4) {
        0 => number.replace(' ', ""),
        1 => format!("0{digits}").replace(' ', "/"),
        2 => format!("(0{digits}").replacen(' ', ") ", 1),
        _ => format!("0049-{digits}").replace(' ', "-"),
    }
}

fn card(contact: &Contact, spelled: bool, name_alone: bool, random: &mut Random) -> Vec<u8> {
    let mut lines = Vec::new();
    let Contact { family, given, .. } = contact;
    if name_alone {
        lines.push("N:;;;;".to_owned());
        lines.push(format!("FN:{}", escape(&one_text(contact, random))));
    } else {
        lines.push(format!("N:{};{};;;", escape(family), escape(given)));
        let display = format!("{given} {family}");
        lines.push(format!("FN:{}", escape(display.trim())));
    }
    let (company, unit) = (escape(&contact.company), escape(&contact.unit));
    lines.push(format!("ORG:{company};{unit}"));
    lines.push(format!("TITLE:{}", escape(&contact.title)));
    for (kind, number) in &contact.phones {
        lines.push(if spelled {
            let number = respelled(number, random);
            format!("tel;type=\"{}\":{number}", kind.to_lowercase())
        } else {
            format!("TEL;TYPE={kind},VOICE:{number}")
        });
    }
    for address in &contact.emails {
        lines.push(if spelled {
            format!("item1.EMAIL:{}", address.to_uppercase())
        } else {
            format!("EMAIL;TYPE=INTERNET:{address}")
        });
    }
    let (city, code, country) = CITIES[contact.city];
    lines.push(format!(
        "ADR;TYPE=HOME:;;{};{city};;{code};{country}",
        escape(&contact.street)
    ));
    let (year, month, day) = contact.birthday;
    lines.push(format!("BDAY:{year}-{month:02}-{day:02}"));
    lines.push(format!("NOTE:{}", escape(&contact.note)));
    if spelled {
        random.shuffle(&mut lines);
    }
    let mut card = Lines::default();
    card.add("BEGIN:VCARD");
    card.add("VERSION:3.0");
    for line in lines {
        card.add(&line);
    }
    card.add("END:VCARD");
    card.0.into_bytes()
}

/// The name as devices write it that have one field for it.
fn one_text(contact: &Contact, random: &mut Random) -> String {
    let Contact { family, given, .. } = contact;
    if random.below(2) == 0 {
        format!("{given} {family}")
    } else {
        format!("{family}, {given}")
    }
}

fn old_card(contact: &Contact, name_alone: bool, random: &mut Random) -> Vec<u8> {
    let Contact { family, given, .. } = contact;
    let line = |name: &str, fields: &[&str]| {
        let mut lines = Lines::default();
        lines.add_21(name, fields);
        lines.0
    };
    let mut lines = Vec::new();
    if name_alone {
        lines.push(line("N", &["", "", "", "", ""]));
        lines.push(line("FN", &[&one_text(contact, random)]));
    } else {
        lines.push(line("N", &[family, given, "", "", ""]));
    }
    lines.push(line("ORG", &[&contact.company, &contact.unit]));
    lines.push(line("TITLE", &[&contact.title]));
    for (kind, number) in &contact.phones {
        let number = respelled(number, random);
        let name = ["TEL;{kind}", "TEL;{kind};PREF", "TEL;VOICE;{kind}"][random.below(3)];
        lines.push(line(&name.replace("{kind}", kind), &[&number]));
    }
    for address in &contact.emails {
        lines.push(line("EMAIL;INTERNET", &[&address.to_lowercase()]));
    }
    let (city, code, country) = CITIES[contact.city];
    let fields = ["", "", &contact.street, city, "", code, country];
    lines.push(line("ADR;HOME", &fields));
    let (year, month, day) = contact.birthday;
    let time = ["", "T000000Z"][random.below(2)];
    lines.push(line("BDAY", &[&format!("{year}{month:02}{day:02}{time}")]));
    lines.push(line("NOTE", &[&contact.note]));
    random.shuffle(&mut lines);
    let lines = lines.concat();
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\n{lines}END:VCARD\r\n").into_bytes()
}

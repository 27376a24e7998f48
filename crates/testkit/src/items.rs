//! Sample items, made from a number, and the comparison of items that a peer has rewritten.
//!
//! [`item`] is a pure function: the same kind, number and revision give the same bytes, two numbers
//! never give the same record, and a later revision of a number is the same record with other
//! details. A peer that stores an item in its own form changes its lines, not what they say;
//! [`essence`] is what they say, in one form for all formats.

use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// What an item is, and in which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A contact as vCard 3.0, about 700 bytes.
    Contact,
    /// A contact as vCard 2.1, about 700 bytes.
    Contact21,
    /// An event as iCalendar 2.0.
    Event,
    /// A task as iCalendar 2.0.
    Task,
    /// A note as plain text.
    Note,
}

impl Kind {
    /// File name extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Contact | Self::Contact21 => "vcf",
            Self::Event | Self::Task => "ics",
            Self::Note => "txt",
        }
    }

    /// Media type as SyncML peers name it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Contact => "text/vcard",
            Self::Contact21 => "text/x-vcard",
            Self::Event | Self::Task => "text/calendar",
            Self::Note => "text/plain",
        }
    }

    /// The properties whose values survive every peer.
    fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Contact | Self::Contact21 => &["FN", "TEL", "EMAIL", "ORG", "TITLE", "NOTE"],
            Self::Event => &[
                "UID",
                "SUMMARY",
                "DTSTART",
                "DTEND",
                "LOCATION",
                "DESCRIPTION",
            ],
            Self::Task => &["UID", "SUMMARY", "DUE", "DESCRIPTION"],
            Self::Note => &[],
        }
    }
}

pub(crate) const GIVEN: [&str; 24] = [
    "Ada", "Bruno", "Chloé", "Dario", "Elif", "Frida", "Gustav", "Hana", "Ivo", "Jonna", "Kofi",
    "Lucía", "Mats", "Nadia", "Ólafur", "Petra", "Quentin", "Rosa", "Søren", "Tomasz", "Ulla",
    "Viktor", "Wanda", "Zeynep",
];

const SYLLABLES: [&str; 16] = [
    "bar", "del", "fin", "gor", "hal", "jen", "kor", "lin", "mar", "nor", "pel", "ros", "sun",
    "tor", "val", "wen",
];

const STREETS: [&str; 6] = [
    "Mill Lane",
    "Gartenweg",
    "Rue du Port",
    "Storgatan",
    "Calle Nueva",
    "Harbour Road",
];

pub(crate) const CITIES: [(&str, &str, &str); 6] = [
    ("Lübeck", "23552", "Germany"),
    ("Nantes", "44000", "France"),
    ("Malmö", "21115", "Sweden"),
    ("Gijón", "33201", "Spain"),
    ("Cork", "T12", "Ireland"),
    ("Gdańsk", "80-001", "Poland"),
];

const ERRANDS: [&str; 8] = [
    "Call the plumber",
    "Water the plants",
    "Return the books",
    "Check the tyres",
    "Renew the pass",
    "Order more paper",
    "Sort the photos",
    "Bake bread",
];

pub(crate) const MEETINGS: [&str; 8] = [
    "Choir practice",
    "Budget round",
    "Dentist",
    "Project call",
    "Café with Maja",
    "Workshop",
    "Train to Malmö",
    "House meeting",
];

/// Numbers that look drawn, the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`, which is not zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mixed(self.0) % limit as u64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.below(end + 1));
        }
    }
}

/// SplitMix64's finalizer: neighbours in, strangers out.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// One of `list`, chosen by `n` and by what it is chosen for.
fn pick<T: Copy>(list: &[T], n: u32, salt: u32) -> T {
    let number = (u64::from(salt) << 32 | u64::from(n)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    list[mixed(number) as usize % list.len()]
}

/// A family name that no other `n` with the same given name has.
pub(crate) fn family(n: u32) -> String {
    let mut rest = n / GIVEN.len() as u32;
    let mut name = String::new();
    loop {
        name.push_str(SYLLABLES[rest as usize % SYLLABLES.len()]);
        rest /= SYLLABLES.len() as u32;
        if rest == 0 {
            break;
        }
    }
    let initial = name.remove(0).to_ascii_uppercase();
    format!("{initial}{name}sen")
}

/// Year, month and day, `days` days after 5 January 2026.
pub(crate) fn date(days: u32) -> (u32, u32, u32) {
    let (mut year, mut day) = (2026, days + 4);
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [
            31,
            28 + u32::from(leap),
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ];
        for (month, length) in (1..).zip(lengths) {
            if day < length {
                return (year, month, day + 1);
            }
            day -= length;
        }
        year += 1;
    }
}

/// The bytes of item `number` in its `revision` (0: as first written).
///
/// Lines end in CRLF, except in notes, which have LF only and no line end at their end.
pub fn item(kind: Kind, number: u32, revision: u32) -> Vec<u8> {
    match kind {
        Kind::Contact => contact(number, revision, Card::V30),
        Kind::Contact21 => contact(number, revision, Card::V21),
        Kind::Event => event(number, revision),
        Kind::Task => task(number, revision),
        Kind::Note => note(number, revision),
    }
    .into_bytes()
}

/// The last line of a text that was changed.
fn revised(revision: u32) -> String {
    match revision {
        0 => String::new(),
        times => format!("\nRevised {times} times."),
    }
}

#[derive(Clone, Copy)]
enum Card {
    V30,
    V21,
}

fn contact(n: u32, revision: u32, version: Card) -> String {
    let given = GIVEN[n as usize % GIVEN.len()];
    let family = family(n);
    let (city, code, country) = pick(&CITIES, n, 1);
    let street = format!("{} {}", n % 180 + 1, pick(&STREETS, n, 2));
    let title = pick(&["Baker", "Nurse", "Pilot", "Teacher", "Welder"], n, 3);
    let trade = pick(&["Bakery", "Clinic", "Airways", "School", "Works"], n, 3);
    let unit = pick(&["Office", "North", "South", "Night shift"], n, 4);
    let mut remark = format!(
        "Met at the {} in {city}, with the colleagues from {unit}; likes {} and long walks.",
        pick(&["fair", "concert", "regatta", "conference"], n, 5),
        pick(&["tea, strong", "chess", "sailing", "crosswords"], n, 6),
    );
    remark.push_str("\nBest reached in the morning, before nine; at other times the neighbours take a message. Writes letters and answers each within a week.");
    remark.push_str(&revised(revision));
    let phone = |area: u32, revision: u32| format!("+49 {area} {:07}", n + 1_000_000 * revision);
    let mut card = Lines::default();
    card.add("BEGIN:VCARD");
    match version {
        Card::V30 => {
            card.add("VERSION:3.0");
            card.add(&format!("N:{};{};;;", escape(&family), escape(given)));
            card.add(&format!("FN:{} {}", escape(given), escape(&family)));
            card.add(&format!("ORG:{family} {trade};{unit}"));
            card.add(&format!("TITLE:{title}"));
            card.add(&format!("TEL;TYPE=CELL:{}", phone(170, revision)));
            card.add(&format!("TEL;TYPE=WORK,VOICE:{}", phone(451, 0)));
            card.add(&format!("TEL;TYPE=HOME,VOICE:{}", phone(40, 0)));
            card.add(&format!("EMAIL;TYPE=INTERNET,WORK:p{n}@example.com"));
            card.add(&format!("EMAIL;TYPE=INTERNET,HOME:home{n}@example.org"));
            card.add(&format!(
                "ADR;TYPE=HOME:;;{};{};;{code};{country}",
                escape(&street),
                escape(city)
            ));
            card.add(&format!("URL:https://people.example.com/{n}"));
            card.add(&format!(
                "BDAY:{}-{:02}-{:02}",
                1950 + n % 55,
                n % 12 + 1,
                n % 28 + 1
            ));
            card.add(&format!("NOTE:{}", escape(&remark)));
        }
        Card::V21 => {
            card.add("VERSION:2.1");
            card.add_21("N", &[&family, given, "", "", ""]);
            card.add_21("FN", &[&format!("{given} {family}")]);
            card.add_21("ORG", &[&format!("{family} {trade}"), unit]);
            card.add_21("TITLE", &[title]);
            card.add(&format!("TEL;CELL:{}", phone(170, revision)));
            card.add(&format!("TEL;WORK;VOICE:{}", phone(451, 0)));
            card.add(&format!("TEL;HOME;VOICE:{}", phone(40, 0)));
            card.add(&format!("EMAIL;INTERNET;WORK:p{n}@example.com"));
            card.add(&format!("EMAIL;INTERNET;HOME:home{n}@example.org"));
            card.add_21("ADR;HOME", &["", "", &street, city, "", code, country]);
            card.add(&format!("URL:https://people.example.com/{n}"));
            card.add(&format!(
                "BDAY:{}{:02}{:02}",
                1950 + n % 55,
                n % 12 + 1,
                n % 28 + 1
            ));
            card.add_21("NOTE", &[&remark]);
        }
    }
    card.add("END:VCARD");
    card.0
}

fn event(n: u32, revision: u32) -> String {
    let (year, month, day) = date(n);
    let hour = 7 + n % 11;
    let place = pick(&["Town hall", "Room 12", "Harbour café", "Online"], n, 7);
    let mut lines = Lines::default();
    lines.add("BEGIN:VCALENDAR");
    lines.add("VERSION:2.0");
    lines.add("PRODID:-//Syncline//Sample items//EN");
    lines.add("BEGIN:VEVENT");
    lines.add(&format!("UID:event-{n:08}@example.com"));
    lines.add("DTSTAMP:20260101T000000Z");
    lines.add(&format!("DTSTART:{year}{month:02}{day:02}T{hour:02}1500Z"));
    lines.add(&format!(
        "DTEND:{year}{month:02}{day:02}T{:02}0000Z",
        hour + 1
    ));
    lines.add(&format!("SUMMARY:{} {n}", escape(pick(&MEETINGS, n, 8))));
    let moved = if revision > 0 {
        format!(" (moved, {revision})")
    } else {
        String::new()
    };
    lines.add(&format!(
        "LOCATION:{}",
        escape(&format!("{place}, entrance {}{moved}", n % 5 + 1))
    ));
    lines.add(&format!(
        "DESCRIPTION:{}",
        escape(&format!(
            "Bring the papers; number {n}.\nÜber die Brücke, then left."
        ))
    ));
    lines.add("CLASS:PUBLIC");
    lines.add("TRANSP:OPAQUE");
    lines.add("END:VEVENT");
    lines.add("END:VCALENDAR");
    lines.0
}

fn task(n: u32, revision: u32) -> String {
    let (year, month, day) = date(n);
    let mut lines = Lines::default();
    lines.add("BEGIN:VCALENDAR");
    lines.add("VERSION:2.0");
    lines.add("PRODID:-//Syncline//Sample items//EN");
    lines.add("BEGIN:VTODO");
    lines.add(&format!("UID:task-{n:08}@example.com"));
    lines.add("DTSTAMP:20260101T000000Z");
    lines.add(&format!("SUMMARY:{} {n}", escape(pick(&ERRANDS, n, 9))));
    lines.add(&format!("DUE;VALUE=DATE:{year}{month:02}{day:02}"));
    let state = if revision > 0 {
        format!(" Looked at {revision} times.")
    } else {
        String::new()
    };
    lines.add(&format!(
        "DESCRIPTION:{}",
        escape(&format!("Before the weekend, if possible.{state}"))
    ));
    lines.add(&format!("PRIORITY:{}", pick(&[1, 5, 9], n, 10)));
    lines.add("STATUS:NEEDS-ACTION");
    lines.add("END:VTODO");
    lines.add("END:VCALENDAR");
    lines.0
}

fn note(n: u32, revision: u32) -> String {
    let mut text = format!(
        "Note {n}: {}\n\n{} was here, and left <this> & \"that\".\nGrüße, 東京 – end.",
        pick(&ERRANDS, n, 11).to_lowercase(),
        GIVEN[n as usize % GIVEN.len()],
    );
    text.push_str(&revised(revision));
    text
}

/// A contact like that of [`item`], with a photo of `size` bytes that no other `number` has.
///
/// It is a vCard 3.0, and about four thirds as large as the photo.
pub fn contact_with_photo(number: u32, size: usize) -> Vec<u8> {
    let mut card = contact(number, 0, Card::V30);
    let end = card.len() - "END:VCARD\r\n".len();
    let photo = STANDARD.encode(photo(number, size));
    let mut line = Lines::default();
    line.add(&format!("PHOTO;ENCODING=b;TYPE=JPEG:{photo}"));
    card.insert_str(end, &line.0);
    card.into_bytes()
}

/// The photo of [`contact_with_photo`]: not one that can be looked at.
pub fn photo(number: u32, size: usize) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
    let numbers = (0..256).collect::<Vec<u32>>();
    bytes.extend((4..size as u32).map(|at| pick(&numbers, at, number + 1000) as u8));
    bytes
}

/// The photo that a contact has, whoever wrote it.
pub fn photo_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let lines = content_lines(&text);
    let line = lines
        .iter()
        .find(|line| line.to_ascii_uppercase().starts_with("PHOTO"))?;
    let (_, value) = line.split_once(':')?;
    let value: String = value.split_whitespace().collect();
    STANDARD.decode(value).ok()
}

/// Content lines being written.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) String);

impl Lines {
    /// Adds a line, folded before its 75th byte as RFC 2425 and RFC 5545 want it.
    pub(crate) fn add(&mut self, line: &str) {
        let mut room = 74;
        for character in line.chars() {
            if room < character.len_utf8() {
                self.0.push_str("\r\n ");
                room = 73;
            }
            room -= character.len_utf8();
            self.0.push(character);
        }
        self.0.push_str("\r\n");
    }

    /// Adds a vCard 2.1 line: quoted-printable where the value needs it.
    pub(crate) fn add_21(&mut self, name: &str, fields: &[&str]) {
        let fields: Vec<String> = fields
            .iter()
            .map(|field| field.replace(';', "\\;"))
            .collect();
        let value = fields.join(";");
        if value.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
            self.0.extend([name, ":", &value, "\r\n"]);
            return;
        }
        self.0
            .extend([name, ";CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:"]);
        let mut room = 20;
        for byte in value.replace('\n', "\r\n").bytes() {
            let shown = match byte {
                b'=' | ..b' ' | 0x7f.. => format!("={byte:02X}"),
                plain => char::from(plain).to_string(),
            };
            if room <= shown.len() {
                self.0.push_str("=\r\n");
                room = 74;
            }
            room -= shown.len();
            self.0.push_str(&shown);
        }
        self.0.push_str("\r\n");
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
        .replace('\n', "\\n")
}

/// Writes items as files `NUMBER.EXTENSION` into `folder`, which is made if it is not there.
///
/// # Errors
///
/// [`Error::Io`] with the file's path.
pub fn fill(
    folder: &Path,
    kind: Kind,
    numbers: RangeInclusive<u32>,
    revision: u32,
) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io(folder.display().to_string()))?;
    for number in numbers {
        let path = folder.join(format!("{number}.{}", kind.extension()));
        fs::write(&path, item(kind, number, revision))
            .map_err(Error::io(path.display().to_string()))?;
    }
    Ok(())
}

/// What an item says, in one form for all formats and all peers' ways of writing it.
///
/// For contacts, events and tasks: the lines `NAME:value` of the properties that every peer keeps,
/// decoded, sorted, without empty ones; for notes the text. Line ends are LF.
pub fn essence(kind: Kind, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    if kind == Kind::Note {
        return text.trim_end().to_owned();
    }
    let mut said: Vec<String> = content_lines(&text)
        .iter()
        .filter_map(|line| {
            let (head, value) = line.split_once(':')?;
            let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
            let name = name.rsplit('.').next()?.to_ascii_uppercase();
            if !kind.properties().contains(&name.as_str()) {
                return None;
            }
            let value = plain(parameters, value);
            (!value.is_empty()).then(|| format!("{name}:{value}"))
        })
        .collect();
    said.sort_unstable();
    said.join("\n")
}

/// Lines with folds and soft line breaks undone.
fn content_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let (mut soft, mut quoted_printable) = (false, false);
    for line in text.split('\n') {
        let folded = line.strip_prefix([' ', '\t']);
        match lines.last_mut() {
            Some(last) if soft => last.push_str(line),
            Some(last) if folded.is_some() => last.push_str(folded.unwrap_or_default()),
            _ => lines.push(line.to_owned()),
        }
        // parameters stand at the beginning of what may be a very long line
        if let Some(last) = lines.last().filter(|last| last.len() < 1000) {
            quoted_printable = last.to_ascii_uppercase().contains("QUOTED-PRINTABLE");
        }
        soft = quoted_printable && line.ends_with('=');
        if soft && let Some(last) = lines.last_mut() {
            last.pop();
        }
    }
    lines
}

/// A property's value with its encoding and escapes undone and trailing empty fields cut off.
fn plain(parameters: &str, value: &str) -> String {
    let parameters = parameters.to_ascii_uppercase();
    let value = if parameters.contains("QUOTED-PRINTABLE") {
        from_quoted_printable(value)
    } else {
        value.to_owned()
    };
    let mut out = String::new();
    let mut characters = value.trim_end_matches(';').chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(escaped) => out.push(escaped),
                None => out.push('\\'),
            },
            '\r' => {}
            other => out.push(other),
        }
    }
    // A date's form says nothing: 2026-01-05 and 20260105 are one day.
    if parameters.contains("VALUE=DATE") && !parameters.contains("DATE-TIME") {
        out.retain(|character| character != '-');
    }
    out.trim_end().to_owned()
}

fn from_quoted_printable(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        if let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) {
            bytes.push((high * 16 + low) as u8);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The number that an item was made from, whatever its revision and whoever rewrote it; `None` for
/// an item that [`item`] did not make.
pub fn number(kind: Kind, bytes: &[u8]) -> Option<u32> {
    let said = essence(kind, bytes);
    let (before, after) = match kind {
        Kind::Contact | Kind::Contact21 => ("EMAIL:p", "@"),
        Kind::Event => ("UID:event-", "@"),
        Kind::Task => ("UID:task-", "@"),
        Kind::Note => ("Note ", ":"),
    };
    let line = said.lines().find_map(|line| line.strip_prefix(before))?;
    line.split_once(after)?.0.parse().ok()
}

/// The file in `folder` that holds item `wanted`, under whatever name.
///
/// # Errors
///
/// [`Error::Io`] with the path; `NotFound` when no file holds it.
pub fn locate(folder: &Path, kind: Kind, wanted: u32) -> Result<PathBuf, Error> {
    for path in files(folder)? {
        let bytes = fs::read(&path).map_err(Error::io(path.display().to_string()))?;
        if number(kind, &bytes) == Some(wanted) {
            return Ok(path);
        }
    }
    let what = format!("item {wanted} in {}", folder.display());
    Err(Error::io(what)(io::ErrorKind::NotFound.into()))
}

/// Overwrites item `number`, wherever it is in `folder`, with its `revision`.
///
/// # Errors
///
/// As [`locate`].
pub fn change(folder: &Path, kind: Kind, number: u32, revision: u32) -> Result<(), Error> {
    let path = locate(folder, kind, number)?;
    fs::write(&path, item(kind, number, revision)).map_err(Error::io(path.display().to_string()))
}

/// Removes item `number`, wherever it is in `folder`.
///
/// # Errors
///
/// As [`locate`].
pub fn delete(folder: &Path, kind: Kind, number: u32) -> Result<(), Error> {
    let path = locate(folder, kind, number)?;
    fs::remove_file(&path).map_err(Error::io(path.display().to_string()))
}

/// The files in `folder`, without those whose names begin with a dot.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder.display().to_string()))? {
        let entry = entry.map_err(Error::io(folder.display().to_string()))?;
        let path = entry.path();
        if !entry.file_name().as_encoded_bytes().starts_with(b".") && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

/// The [`essence`] of every file in `folder`, sorted: equal for two folders with the same items,
/// whatever the files' names. Names that begin with a dot are left out.
///
/// # Errors
///
/// [`Error::Io`] with the path.
pub fn essences(folder: &Path, kind: Kind) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    for path in files(folder)? {
        let bytes = fs::read(&path).map_err(Error::io(path.display().to_string()))?;
        all.push(essence(kind, &bytes));
    }
    all.sort_unstable();
    Ok(all)
}

/// The [`essences`] that a folder filled with these items would have.
pub fn expected(kind: Kind, items: impl IntoIterator<Item = (u32, u32)>) -> Vec<String> {
    let mut all: Vec<String> = items
        .into_iter()
        .map(|(number, revision)| essence(kind, &item(kind, number, revision)))
        .collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    const KINDS: [Kind; 5] = [
        Kind::Contact,
        Kind::Contact21,
        Kind::Event,
        Kind::Task,
        Kind::Note,
    ];

    #[test]
    fn every_number_and_revision_is_another_record() {
        for kind in KINDS {
            let all: BTreeSet<String> = expected(kind, (0..2_000).map(|n| (n, 0)))
                .into_iter()
                .chain(expected(kind, (0..10).map(|n| (n, 1))))
                .chain(expected(kind, (0..10).map(|n| (n, 2))))
                .collect();
            assert_eq!(all.len(), 2_020, "{kind:?}");
        }
    }

    #[test]
    fn names_are_unique() {
        let name = |n| {
            let text = String::from_utf8(item(Kind::Contact, n, 0)).unwrap();
            text.lines()
                .find(|line| line.starts_with("FN:"))
                .unwrap()
                .to_owned()
        };
        assert_eq!((0..10_000).map(name).collect::<BTreeSet<_>>().len(), 10_000);
    }

    #[test]
    fn contacts_are_about_700_bytes() {
        for kind in [Kind::Contact, Kind::Contact21] {
            let sum: usize = (0..1000).map(|n| item(kind, n, 0).len()).sum();
            assert!(
                (600..800).contains(&(sum / 1000)),
                "{kind:?}: {}",
                sum / 1000
            );
        }
    }

    #[test]
    fn lines_are_short_enough_for_the_strictest_reader() {
        for kind in [Kind::Contact, Kind::Contact21, Kind::Event, Kind::Task] {
            for n in 0..500 {
                let text = String::from_utf8(item(kind, n, 1)).unwrap();
                for line in text.split("\r\n") {
                    assert!(line.len() <= 76, "{kind:?} {n}: {line}");
                    assert!(!line.contains('\n'), "{kind:?} {n}: {line}");
                }
            }
        }
    }

    #[test]
    fn both_versions_of_a_contact_say_the_same() {
        for n in 0..500 {
            assert_eq!(
                essence(Kind::Contact, &item(Kind::Contact, n, 2)),
                essence(Kind::Contact21, &item(Kind::Contact21, n, 2)),
            );
        }
    }

    #[test]
    fn an_essence_forgives_form_and_nothing_else() {
        let of = |text: &str| essence(Kind::Contact, text.as_bytes());
        let plain =
            of("BEGIN:VCARD\r\nFN:Ada Éx\r\nORG:A;B\r\nNOTE:one\\, two\\nthree\r\nEND:VCARD\r\n");
        assert_eq!(plain, "FN:Ada Éx\nNOTE:one, two\nthree\nORG:A;B");
        let other = "BEGIN:VCARD\nNOTE;ENCODING=QUOTED-PRINTABLE:one, tw=\no=0D=0Athree\n\
             item1.org;X=1:A;\n B;;\nTITLE:\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Ada =C3=89x\nEND:VCARD";
        assert_eq!(of(other), plain);
        assert_ne!(of("FN:Ada Ex\nORG:A;B\nNOTE:one\\, two\\nthree"), plain);
        let day = essence(Kind::Task, b"DUE;VALUE=DATE:2026-01-05\nUID:u-1");
        assert_eq!(day, "DUE:20260105\nUID:u-1");
    }

    #[test]
    fn a_photo_is_found_again() {
        let card = contact_with_photo(7, 5000);
        assert_eq!(photo_of(&card).unwrap(), photo(7, 5000));
        assert_eq!(photo(7, 5000).len(), 5000);
        assert_ne!(photo(7, 5000), photo(8, 5000));
        assert_eq!(
            essence(Kind::Contact, &card),
            essence(Kind::Contact, &item(Kind::Contact, 7, 0))
        );
        assert_eq!(photo_of(&item(Kind::Contact, 7, 0)), None);
    }

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(date(0), (2026, 1, 5));
        assert_eq!(date(26), (2026, 1, 31));
        assert_eq!(date(27), (2026, 2, 1));
        assert_eq!(date(361), (2027, 1, 1));
        assert_eq!(date(785), (2028, 2, 29));
    }

    #[test]
    fn a_filled_folder_has_the_expected_essences() {
        let folder = tempfile::tempdir().unwrap();
        for kind in [Kind::Event, Kind::Note] {
            let path = folder.path().join(kind.extension());
            fill(&path, kind, 1..=3, 0).unwrap();
            fill(&path, kind, 2..=2, 1).unwrap();
            fs::write(path.join(".hidden"), "not an item").unwrap();
            assert_eq!(
                essences(&path, kind).unwrap(),
                expected(kind, [(3, 0), (1, 0), (2, 1)])
            );
        }
    }

    #[test]
    fn an_item_is_found_by_its_number_under_any_name() {
        let folder = tempfile::tempdir().unwrap();
        for kind in KINDS {
            let path = folder.path().join(format!("{kind:?}"));
            fill(&path, kind, 1..=12, 0).unwrap();
            fs::write(path.join("stranger"), "BEGIN:VCARD").unwrap();
            change(&path, kind, 11, 1).unwrap();
            fs::rename(locate(&path, kind, 11).unwrap(), path.join("other name")).unwrap();
            assert_eq!(locate(&path, kind, 11).unwrap(), path.join("other name"));
            delete(&path, kind, 11).unwrap();
            assert!(matches!(locate(&path, kind, 11), Err(Error::Io { .. })));
            locate(&path, kind, 1).unwrap();
        }
    }
}

//! Edits that go through the format of a device, there and back.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::generated::cards::{self, Property};
use crate::{Field, Holding, Holdings, Target, TimeProfile, Zone, convert_for, fit, keep_fields};

/// What a device of an old format makes of a record, in that format and back.
struct Device {
    old: Format,
    whole: Format,
    /// The properties that it keeps; none: any.
    fields: Vec<Field>,
    /// What it lists of itself, if it does.
    listed: Option<Holdings>,
    profile: TimeProfile,
}

impl Device {
    fn convert(&self, text: &str, format: Format) -> String {
        let target = Target {
            format,
            quoted_printable: true,
        };
        let made = convert_for(text.as_bytes(), "", target, &self.profile).unwrap();
        String::from_utf8(made.bytes).unwrap()
    }

    fn show(&self, record: &str) -> String {
        let text = self.convert(record, self.old);
        let kept = match self.fields.as_slice() {
            [] => text.into_bytes(),
            fields => keep_fields(self.old.media_type(), text.as_bytes(), fields),
        };
        let holdings = self.listed.clone().unwrap_or_default();
        let fitted = fit(&kept, self.old.media_type(), &holdings);
        String::from_utf8(fitted.map_or(kept, |fitted| fitted.bytes)).unwrap()
    }

    /// The record after an edit of the text that the device has.
    fn edit(&self, record: &str, edit: &dyn Fn(&str) -> String) -> String {
        self.edit_as(Habit::Whole, record, edit)
    }

    fn edit_as(&self, habit: Habit, record: &str, edit: &dyn Fn(&str) -> String) -> String {
        let held = self.show(record);
        let [shown, new] = [&held, &edit(&held)].map(|text| self.convert(text, self.whole));
        let applied = apply(
            &Edit {
                habit,
                current: record.as_bytes(),
                shown: shown.as_bytes(),
                held: Some(shown.as_bytes()),
                new: new.as_bytes(),
            },
            Prefer::New,
        );
        let applied = applied.unwrap();
        assert_eq!(applied.conflicts, [""; 0]);
        String::from_utf8(applied.bytes).unwrap()
    }
}

fn fields(names: &[&str]) -> Vec<Field> {
    let field = |name: &&str| Field {
        name: (*name).to_owned(),
        max_size: (*name == "NOTE" || *name == "DESCRIPTION").then_some(40),
        ..Field::default()
    };
    names.iter().map(field).collect()
}

/// A list of these properties, or none.
fn listed(names: &[&str]) -> Option<Holdings> {
    let holding = |name: &&str| Holding {
        name: (*name).to_owned(),
        ..Holding::default()
    };
    (!names.is_empty()).then(|| Holdings {
        properties: Some(names.iter().map(holding).collect()),
        max_photo: None,
    })
}

// spec: V08
#[test]
fn a_card_goes_through_a_poor_phone() {
    let phone = Device {
        old: Format::VCard21,
        whole: Format::VCard30,
        fields: fields(&["N", "TEL", "NOTE", "ADR"]),
        listed: None,
        profile: TimeProfile::default(),
    };
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nN:Müller;Ada;Maria,Eva;Dr.;\r\nFN:Dr. Ada Müller\r\n\
        item1.TEL;TYPE=CELL,VOICE,PREF;X-ID=7:+49 (30) 12-34\r\nitem1.X-ABLabel:Mühle\r\n\
        TEL;TYPE=FAX;TYPE=WORK:2\r\nADR;TYPE=HOME:;;Mill Street 1\\, left;Ulm;;89073;Germany\r\n\
        CATEGORIES:a,b\r\nPHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\n\
        NOTE:Bread\\, butter\\, milk\\, a dozen eggs\\, flour\\; and\\nsugar\r\nX-A:b\r\nEND:VCARD\r\n";
    assert_eq!(phone.edit(card, &str::to_owned), card);
    let called = phone.edit(card, &|text| text.replace("+49 (30) 12-34", "+49305"));
    assert_eq!(called, card.replace("+49 (30) 12-34", "+49305"));
    let moved = phone.edit(card, &|text| text.replace("Mill Street 1, left", "Barn 2"));
    assert_eq!(moved, card.replace("Mill Street 1\\, left", "Barn 2"));
    let noted = phone.edit(card, &|text| text.replace("Bread", "Tea and bread"));
    let joined = noted.replace("\r\n ", "");
    assert_eq!(joined, card.replace("Bread", "Tea and bread"));
    let gone = phone.edit(card, &|text| {
        let lines = text
            .split_inclusive("\r\n")
            .filter(|line| !line.contains("+49"));
        lines.collect()
    });
    let is_first = |line: &&str| line.starts_with("item1.");
    let expected: String = card
        .split_inclusive("\r\n")
        .filter(|line| !is_first(line))
        .collect();
    assert_eq!(gone, expected);
}

// spec: V08
#[test]
fn a_series_goes_through_an_old_phone() {
    let phone = Device {
        old: Format::VCalendar10,
        whole: Format::ICalendar20,
        fields: fields(&[
            "SUMMARY",
            "DTEND",
            "RRULE",
            "EXDATE",
            "AALARM",
            "DALARM",
            "DESCRIPTION",
        ]),
        listed: None,
        profile: TimeProfile {
            zone: Zone::new("Europe/Berlin"),
            ..TimeProfile::default()
        },
    };
    for rule in [
        "FREQ=WEEKLY;BYDAY=MO",
        "FREQ=MONTHLY;BYSETPOS=-2;BYDAY=MO,TU,WE",
    ] {
        let series = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
             DTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260302T100000\r\n\
             DURATION:PT1H\r\nRRULE:{rule}\r\nSUMMARY:Chor\r\nCATEGORIES:a\r\n\
             EXDATE;TZID=Europe/Berlin:20260309T100000\r\nATTENDEE;CN=Ada:mailto:a@x\r\n\
             BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:x\r\nX-A:b\r\nEND:VALARM\r\n\
             END:VEVENT\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n\
             RECURRENCE-ID;TZID=Europe/Berlin:20260316T100000\r\n\
             DTSTART;TZID=Europe/Berlin:20260316T120000\r\nDURATION:PT1H\r\nSUMMARY:Chor\r\n\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        assert_eq!(phone.edit(&series, &str::to_owned), series);
        let renamed = phone.edit(&series, &|text| {
            text.replace("SUMMARY:Chor", "SUMMARY:Probe")
        });
        assert_eq!(renamed, series.replacen("SUMMARY:Chor", "SUMMARY:Probe", 1));
        let moved = phone.edit(&series, &|text| {
            let text = text.replace("DTSTART:20260302T1000", "DTSTART:20260302T1030");
            text.replace("DTSTART:20260302T0900", "DTSTART:20260302T0930")
        });
        for kept in [
            rule,
            "ATTENDEE",
            "X-A:b",
            "20260316T120000",
            "CATEGORIES:a",
            "EXDATE",
        ] {
            assert!(moved.contains(kept), "{kept} is gone from {moved}");
        }
        assert!(moved.contains("T1030"), "{moved}");
    }
}

// spec: U22
#[test]
fn an_alarm_goes_through_a_phone_that_knows_one_kind() {
    let names = ["SUMMARY", "DTEND", "AALARM", "DALARM"];
    let phone = Device {
        old: Format::VCalendar10,
        whole: Format::ICalendar20,
        fields: fields(&names),
        listed: listed(&["SUMMARY", "DTEND", "AALARM"]),
        profile: TimeProfile::default(),
    };
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260302T100000Z\r\nDTEND:20260302T110000Z\r\n\
         SUMMARY:Chor\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-P1D\r\nDESCRIPTION:y\r\n\
         END:VALARM\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:x\r\n\
         END:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    assert!(
        phone
            .show(event)
            .contains("\r\nAALARM:20260302T094500Z\r\n")
    );
    assert_eq!(phone.edit(event, &str::to_owned), event);
    let later = phone.edit(event, &|text| text.replace("T0945", "T0930"));
    assert_eq!(later, event.replace("-PT15M", "-PT30M"));
    let silent = phone.edit(event, &|text| {
        text.replace("AALARM:20260302T094500Z\r\n", "")
    });
    let (first, last) = (event.find("BEGIN:VALARM"), event.rfind("BEGIN:VALARM"));
    let end = event.rfind("END:VEVENT").unwrap();
    assert!(first < last);
    let expected = [&event[..last.unwrap()], &event[end..]].concat();
    assert_eq!(silent, expected);
}

// spec: T38
#[test]
fn the_number_of_a_slot_outlives_a_phone() {
    let phone = Device {
        old: Format::VCard21,
        whole: Format::VCard30,
        fields: fields(&["N", "FN", "TEL"]),
        listed: None,
        profile: TimeProfile::default(),
    };
    let record = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann;;;\r\nFN:Ann Lake\r\n\
                  TEL;TYPE=CELL;X-EVOLUTION-UI-SLOT=1:1111\r\n\
                  TEL;TYPE=CELL;X-EVOLUTION-UI-SLOT=2;X-SYNCMLREF1=3:2222\r\nEND:VCARD\r\n";
    let shown = phone.show(record);
    assert!(!shown.contains("X-"), "{shown}");
    assert_eq!(phone.edit(record, &str::to_owned), record);
    let numbered = |text: &str| text.replace("TEL;CELL:", "TEL;CELL;X-SYNCMLREF1=9:");
    assert_eq!(phone.edit(record, &numbered), record);
    let edited = phone.edit(record, &|text| text.replace("1111", "3333"));
    assert_eq!(edited, record.replace("1111", "3333"));
}

/// Phones know no groups of people: they show one as a person, and write of it what they know.
// spec: T37
#[test]
fn a_group_keeps_its_members_through_a_phone() {
    let new = "BEGIN:VCARD\r\nVERSION:4.0\r\nKIND:group\r\nN:Choir;;;;\r\nFN:Choir\r\n\
               MEMBER:urn:uuid:1\r\nMEMBER:mailto:ada@example.org\r\nEND:VCARD\r\n";
    let custom = new
        .replace("4.0", "3.0")
        .replace("KIND", "X-ADDRESSBOOKSERVER-KIND")
        .replace("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER");
    let common = ["BEGIN", "END", "VERSION", "N:", "FN:", "TEL"];
    let known = |text: &str| -> String {
        let lines = text.split_inclusive("\r\n");
        let known = lines.filter(|line| common.iter().any(|name| line.starts_with(name)));
        known.collect()
    };
    for (group, whole) in [(new, Format::VCard40), (&custom, Format::VCard30)] {
        for (names, habit) in [
            (&["N", "FN", "TEL"][..], Habit::Whole),
            (&["N", "FN", "TEL"], Habit::Listed),
            (&[], Habit::Unknown),
        ] {
            let phone = Device {
                old: Format::VCard21,
                whole,
                fields: Vec::new(),
                listed: listed(names),
                profile: TimeProfile::default(),
            };
            let edit = |edit: &dyn Fn(&str) -> String| {
                phone.edit_as(habit, group, &|text| edit(&known(text)))
            };
            assert_eq!(edit(&str::to_owned), group);
            let renamed = edit(&|text| text.replace("Choir", "Singers"));
            assert_eq!(renamed, group.replace("Choir", "Singers"));
            let called = edit(&|text| text.replace("END:", "TEL;HOME:1\r\nEND:"));
            let number = "TEL;TYPE=HOME:1\r\nEND:";
            assert_eq!(called, group.replace("END:", number));
        }
    }
}

const CARD_LINES: [&str; 22] = [
    "UID:1@example.org\r\n",
    "NICKNAME:Annie\\, the one\r\n",
    "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQ==\r\n",
    "PHOTO;VALUE=uri:file:///home/ann/a.jpg\r\n",
    "item1.TEL;X-A=b:4444\r\nitem1.X-ABLabel:Boat\r\n",
    "EMAIL;TYPE=INTERNET,PREF:a@example.org\r\n",
    "EMAIL;TYPE=WORK:b@example.org\r\n",
    "EMAIL:c@example.org\r\n",
    "IMPP;X-SERVICE-TYPE=Skype:skype:ann\r\n",
    "IMPP:irc:ann\r\n",
    "CATEGORIES:a,b\\,c\r\n",
    "SORT-STRING:Lake\r\n",
    "CLASS:PRIVATE\r\n",
    "ADR;TYPE=HOME:;;1 Main St\\, Apt 2;Town;;1234;Land\r\n",
    "ORG:Mill\\; Co;Unit\r\n",
    "BDAY:1984-05-06T10:00:00Z\r\n",
    "GEO:37.386013;-122.082932\r\n",
    "NOTE;LANGUAGE=de:one\\, two\\;\\nthree\r\n",
    "KEY;ENCODING=b;TYPE=X509:AAAA\r\n",
    "X-ABDATE;X-A=b:2001-02-03\r\n",
    "RELATED:urn:uuid:1\r\n",
    "URL:http://a.example/?a=b,c;d\r\n",
];

const ENTRY_LINES: [&str; 18] = [
    "ORGANIZER;CN=Ada:mailto:ada@example.org\r\n",
    "ATTENDEE;CN=\"Lake, Ann\";CUTYPE=GROUP;X-A=b:mailto:ann@example.org\r\n",
    "ATTACH:http://a.example/\r\n",
    "RELATED-TO;RELTYPE=SIBLING:2@example\r\n",
    "COLOR:red\r\n",
    "CONFERENCE;VALUE=URI:tel:1\r\n",
    "DESCRIPTION;LANGUAGE=de:one\\, two\\nthree\r\n",
    "COMMENT:b\r\n",
    "GEO:52.5;13.4\r\n",
    "CATEGORIES:a,b\\,c\r\n",
    "PRIORITY:4\r\n",
    "SEQUENCE:7\r\n",
    "CLASS:CONFIDENTIAL\r\n",
    "RESOURCES:a,b\r\n",
    "X-A;X-B=c:d\r\n",
    "LOCATION;ALTREP=\"http://a.example/\":Mill\r\n",
    "URL:http://a.example/?b=c;d\r\n",
    "STATUS;X-A=b:TENTATIVE\r\n",
];

const ALARMS: [&str; 3] = [
    "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT1H\r\nSUMMARY:s\r\nDESCRIPTION:s\r\n\
     ATTENDEE:mailto:a@example.org\r\nEND:VALARM\r\n",
    "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER;RELATED=END:-PT15M\r\nDESCRIPTION:s\r\nX-A:b\r\n\
     END:VALARM\r\n",
    "BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT5M\r\nREPEAT:2\r\nDURATION:PT1M\r\nEND:VALARM\r\n",
];

const EVENT_TIMES: [&str; 4] = [
    "DTSTART;TZID=Asia/Tokyo:20240506T090000\r\nDTEND;TZID=Asia/Tokyo:20240506T100000\r\n",
    "DTSTART:20240531T090000Z\r\nDURATION:PT1H\r\n\
     RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1\r\n",
    "DTSTART;TZID=Europe/Berlin:20240506T090000\r\nRRULE:FREQ=WEEKLY\r\n\
     EXDATE;TZID=Europe/Berlin:20240513T090000\r\nRDATE;TZID=Europe/Berlin:20240514T090000\r\n",
    "DTSTART;VALUE=DATE:19750506\r\nDTEND;VALUE=DATE:19750508\r\n",
];

const TASK_TIMES: [&str; 4] = [
    "DUE;VALUE=DATE:20240506\r\n",
    "DUE;TZID=Asia/Tokyo:20240506T090000\r\nPERCENT-COMPLETE:40\r\n",
    "DTSTART:20240506T090000Z\r\nDUE:20240507T090000Z\r\nRRULE:FREQ=DAILY;INTERVAL=2\r\n",
    "COMPLETED:20240101T000000Z\r\nPERCENT-COMPLETE:100\r\n",
];

fn some(lines: &'static [&'static str]) -> impl Strategy<Value = String> {
    let count = lines.len();
    let some = prop::sample::subsequence(lines.to_vec(), 0..=count);
    some.prop_map(|lines| lines.concat())
}

proptest! {
    // spec: V08
    #[test]
    fn an_edit_on_a_phone_of_an_old_format_is_all_that_changes(
        lines in some(&CARD_LINES),
        (entry, alarms) in (some(&ENTRY_LINES), some(&ALARMS)),
        (event, task) in (prop::sample::select(&EVENT_TIMES), prop::sample::select(&TASK_TIMES)),
        time in prop::sample::select(vec!["Europe/Berlin", "America/Los_Angeles"]),
    ) {
        let phone = |old, whole| Device {
            old,
            whole,
            fields: Vec::new(),
            listed: None,
            profile: TimeProfile {
                zone: Zone::new(time),
                earliest_year: Some(1980),
                ..TimeProfile::default()
            },
        };
        let cards = phone(Format::VCard21, Format::VCard30);
        let card = format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lake;Ann;Mary,Sue;Dr.;Jr.\r\nFN:Ann Lake\r\n\
             TEL;TYPE=CELL:1111\r\n{lines}END:VCARD\r\n"
        );
        let edited = cards.edit(&card, &|text| text.replace("1111", "2222"));
        prop_assert_eq!(edited, card.replace("1111", "2222"));
        let calendar = phone(Format::VCalendar10, Format::ICalendar20);
        for (kind, times) in [("VEVENT", event), ("VTODO", task)] {
            let record = format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:{kind}\r\n\
                 UID:1@example\r\nDTSTAMP:20240101T000000Z\r\nSUMMARY:Choir\r\n{times}{entry}\
                 {alarms}END:{kind}\r\nEND:VCALENDAR\r\n"
            );
            let edited = calendar.edit(&record, &|text| text.replace("Choir", "Singing"));
            prop_assert_eq!(edited, record.replace("Choir", "Singing"));
        }
    }
}

/// What a device may list: for some of the properties how long and how many they may be.
fn any_holdings() -> impl Strategy<Value = Holdings> {
    let names = [
        "FN",
        "TEL",
        "EMAIL",
        "ADR",
        "ORG",
        "TITLE",
        "ROLE",
        "NOTE",
        "BDAY",
        "URL",
        "CATEGORIES",
        "NICKNAME",
        "PHOTO",
        "LOGO",
        "GEO",
        "TZ",
        "X-CUSTOM",
        "X-SPOUSE",
    ];
    let holding = |name: &'static str| {
        let size = prop::option::of(8..60_u64);
        let limits = (size, prop::option::of(1..3_u64), any::<bool>());
        limits.prop_map(move |(max_size, max_occur, no_truncate)| Holding {
            name: name.to_owned(),
            max_size: max_size.filter(|_| name != "TEL"),
            max_occur,
            no_truncate,
            ..Holding::default()
        })
    };
    let names = prop::sample::subsequence(names.to_vec(), 0..=names.len());
    let listed =
        names.prop_flat_map(move |names| names.into_iter().map(holding).collect::<Vec<_>>());
    let max_photo = prop::option::of(0..200_u64);
    (listed, max_photo).prop_map(|(mut properties, max_photo)| {
        let name = |name: &str| Holding {
            name: name.to_owned(),
            ..Holding::default()
        };
        properties.extend([name("N"), name("MAILER")]);
        Holdings {
            properties: Some(properties),
            max_photo,
        }
    })
}

proptest! {
    // spec: V08
    #[test]
    fn a_card_of_anything_goes_through_a_device_of_any_list(
        properties in cards::properties(), holdings in any_holdings(),
    ) {
        let is_edited = |property: &Property| property.line(Format::VCard21).starts_with("MAILER");
        let mut properties = properties;
        properties.retain(|property| !is_edited(property));
        for whole in [Format::VCard30, Format::VCard40] {
            let name = if whole == Format::VCard40 { "X-MAILER" } else { "MAILER" };
            let mailer = |value: &str| format!("{name}:{value}\r\nEND:VCARD");
            let record = cards::written(&properties, whole).replace("END:VCARD", &mailer("one"));
            let phone = Device {
                old: Format::VCard21,
                whole,
                fields: Vec::new(),
                listed: Some(holdings.clone()),
                profile: TimeProfile::default(),
            };
            prop_assert_eq!(&phone.edit(&record, &str::to_owned), &record);
            let edited = phone.edit(&record, &|text| text.replace("MAILER:one", "MAILER:two"));
            let expected = record.replace(&mailer("one"), &mailer("two"));
            prop_assert_eq!(&edited, &expected, "{}", phone.show(&record));
        }
    }
}

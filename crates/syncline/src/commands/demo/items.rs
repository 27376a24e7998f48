//! The items of the demonstration.

/// A contact.
pub(super) const ADA: &str = "\
BEGIN:VCARD\r\n\
VERSION:3.0\r\n\
N:Lindqvist;Ada;;;\r\n\
FN:Ada Lindqvist\r\n\
ORG:Harbour Library\r\n\
TEL;TYPE=WORK,VOICE:+46 31 555 01 20\r\n\
EMAIL:ada@library.example\r\n\
ADR;TYPE=WORK:;;Kajgatan 4;Göteborg;;411 09;Sweden\r\n\
END:VCARD\r\n";

/// The same with another number.
pub(super) const ADA_MOVED: &str = "\
BEGIN:VCARD\r\n\
VERSION:3.0\r\n\
N:Lindqvist;Ada;;;\r\n\
FN:Ada Lindqvist\r\n\
ORG:Harbour Library\r\n\
TEL;TYPE=WORK,VOICE:+46 31 555 07 99\r\n\
EMAIL:ada@library.example\r\n\
ADR;TYPE=WORK:;;Kajgatan 4;Göteborg;;411 09;Sweden\r\n\
END:VCARD\r\n";

/// A contact that both devices have.
pub(super) const JONAS: &str = "\
BEGIN:VCARD\r\n\
VERSION:3.0\r\n\
N:Berg;Jonas;;;\r\n\
FN:Jonas Berg\r\n\
TEL;TYPE=CELL:+49 170 5550134\r\n\
BDAY:1979-11-02\r\n\
NOTE:Plays the cello\\, tunes pianos.\r\n\
END:VCARD\r\n";

/// A contact of the laptop.
pub(super) const MIRA: &str = "\
BEGIN:VCARD\r\n\
VERSION:3.0\r\n\
N:Okafor;Mira;;Dr.;\r\n\
FN:Dr. Mira Okafor\r\n\
TITLE:Veterinarian\r\n\
TEL;TYPE=WORK:+44 1632 960 144\r\n\
EMAIL;TYPE=INTERNET:mira@practice.example\r\n\
END:VCARD\r\n";

/// An event of the phone.
pub(super) const DENTIST: &str = "\
BEGIN:VCALENDAR\r\n\
VERSION:2.0\r\n\
PRODID:-//Syncline//Demo//EN\r\n\
BEGIN:VEVENT\r\n\
UID:demo-dentist\r\n\
DTSTAMP:20260301T080000Z\r\n\
DTSTART:20260914T073000Z\r\n\
DTEND:20260914T081500Z\r\n\
SUMMARY:Dentist\r\n\
LOCATION:Storgatan 12\r\n\
END:VEVENT\r\n\
END:VCALENDAR\r\n";

/// A weekly event of the laptop.
pub(super) const REVIEW: &str = "\
BEGIN:VCALENDAR\r\n\
VERSION:2.0\r\n\
PRODID:-//Syncline//Demo//EN\r\n\
BEGIN:VEVENT\r\n\
UID:demo-review\r\n\
DTSTAMP:20260301T080000Z\r\n\
DTSTART:20260907T130000Z\r\n\
DTEND:20260907T140000Z\r\n\
SUMMARY:Project review\r\n\
RRULE:FREQ=WEEKLY;COUNT=10\r\n\
END:VEVENT\r\n\
END:VCALENDAR\r\n";

/// An event that the laptop gets later.
pub(super) const TRAIN: &str = "\
BEGIN:VCALENDAR\r\n\
VERSION:2.0\r\n\
PRODID:-//Syncline//Demo//EN\r\n\
BEGIN:VEVENT\r\n\
UID:demo-train\r\n\
DTSTAMP:20260301T080000Z\r\n\
DTSTART:20260918T061200Z\r\n\
DTEND:20260918T113000Z\r\n\
SUMMARY:Train to Kiel\r\n\
LOCATION:Platform 7\r\n\
END:VEVENT\r\n\
END:VCALENDAR\r\n";

/// A note.
pub(super) const SHOPPING: &str = "\
Shopping\n\
rye bread\n\
coffee\n\
strings for the cello\n";

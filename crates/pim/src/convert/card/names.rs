//! What the versions call things, and which of them has what.

/// Names that differ: in vCard 2.1 and 3.0, and in 4.0.
// spec: T33
pub(super) const NAMES: [(&str, &str); 7] = [
    ("X-ANNIVERSARY", "ANNIVERSARY"),
    ("X-EVOLUTION-ANNIVERSARY", "ANNIVERSARY"),
    ("X-KADDRESSBOOK-X-ANNIVERSARY", "ANNIVERSARY"),
    ("X-GENDER", "GENDER"),
    ("X-EVOLUTION-GENDER", "GENDER"),
    ("X-ADDRESSBOOKSERVER-KIND", "KIND"),
    ("X-ADDRESSBOOKSERVER-MEMBER", "MEMBER"),
];

/// Messenger addresses: the property of vCard 2.1 and 3.0, the scheme of `IMPP`, and the service
/// where the scheme does not tell it.
// spec: T31
pub(super) const MESSENGERS: [(&str, &str, &str); 9] = [
    ("X-AIM", "aim", ""),
    ("X-ICQ", "aim", "ICQ"),
    ("X-JABBER", "xmpp", ""),
    ("X-MSN", "msnim", ""),
    ("X-YAHOO", "ymsgr", ""),
    ("X-SKYPE", "skype", ""),
    ("X-SIP", "sip", ""),
    ("X-GADUGADU", "x-apple", "GaduGadu"),
    ("X-GROUPWISE", "x-apple", "GroupWise"),
];

/// People by their part: the properties of vCard 2.1 and 3.0, the first of which is written, and
/// the type of `RELATED`.
// spec: T32
pub(super) const RELATIONS: [(&str, &str); 10] = [
    ("X-SPOUSE", "SPOUSE"),
    ("X-EVOLUTION-SPOUSE", "SPOUSE"),
    ("X-KADDRESSBOOK-X-SPOUSESNAME", "SPOUSE"),
    ("X-MANAGER", "MANAGER"),
    ("X-EVOLUTION-MANAGER", "MANAGER"),
    ("X-KADDRESSBOOK-X-MANAGERSNAME", "MANAGER"),
    ("X-ASSISTANT", "ASSISTANT"),
    ("X-EVOLUTION-ASSISTANT", "ASSISTANT"),
    ("X-KADDRESSBOOK-X-ASSISTANTSNAME", "ASSISTANT"),
    ("X-CHILDREN", "CHILD"),
];

/// The type of a `SOUND` of vCard 2.1 that is text: how Japanese phones say that a name is read.
pub(super) const READING: &str = "X-IRMC-N";

/// How the parts of a name are read, in the order in which such a `SOUND` has them.
pub(super) const PHONETIC: [&str; 2] = ["X-PHONETIC-LAST-NAME", "X-PHONETIC-FIRST-NAME"];

/// Properties that vCard 4.0 has dropped.
pub(super) const NOT_IN_40: [&str; 7] = [
    "LABEL",
    "SORT-STRING",
    "AGENT",
    "CLASS",
    "NAME",
    "PROFILE",
    "X-ABLABEL",
];

/// Properties that only vCard 4.0 has.
pub(super) const ONLY_IN_40: [&str; 4] = ["CLIENTPIDMAP", "LANG", "RELATED", "XML"];

/// Properties of vCard 3.0 that 2.1 does not have even by custom.
pub(super) const NOT_IN_21: [&str; 4] = ["CLASS", "SORT-STRING", "X-ABLABEL", "IMPP"];

pub(super) const BINARY: [&str; 4] = ["PHOTO", "LOGO", "SOUND", "KEY"];

/// Values that are no text: they are carried as they stand.
pub(super) const VERBATIM: [&str; 8] = [
    "URL", "UID", "REV", "TZ", "SOURCE", "FBURL", "CALURI", "MEMBER",
];

/// Properties of one text, in which a `;` separates nothing.
pub(super) const TEXT: [&str; 14] = [
    "FN",
    "NOTE",
    "TITLE",
    "ROLE",
    "EMAIL",
    "TEL",
    "LABEL",
    "MAILER",
    "AGENT",
    "SORT-STRING",
    "BDAY",
    "ANNIVERSARY",
    "X-ABLABEL",
    "X-ABDATE",
];

pub(super) const LISTS: [&str; 2] = ["CATEGORIES", "NICKNAME"];

pub(super) const DATES: [&str; 2] = ["BDAY", "ANNIVERSARY"];

/// Networks that an address of vCard 2.1 may be in.
pub(super) const NETWORKS: [&str; 12] = [
    "AOL",
    "APPLELINK",
    "ATTMAIL",
    "CIS",
    "EWORLD",
    "IBMMAIL",
    "INTERNET",
    "MCIMAIL",
    "POWERSHARE",
    "PRODIGY",
    "TLX",
    "X400",
];

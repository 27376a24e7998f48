//! The table of rules, and which of them hold for a peer.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use syncml::{DevInf, Version};

use super::flags::Flags;

/// Characters of a text that patterns are held against: what a device writes has no bound.
const COMPARED: usize = 256;

/// A smaller `message-limit` leaves no room for an answer's header and a status.
const SMALLEST_LIMIT: u64 = 1000;

/// By what a peer is recognized.
pub trait Recognize {
    /// What a peer shows of itself.
    type Traits<'a>;

    /// Whether this fits a peer.
    fn recognizes(&self, traits: &Self::Traits<'_>) -> bool;
}

/// Flags that rules lay over each other.
pub trait FlagSet: Default + PartialEq {
    /// Every flag, with its default where no rule sets it.
    type Whole;

    /// Lays the flags of a later rule over these.
    fn lay_over(&mut self, later: &Self);

    /// The flags with their defaults.
    fn whole(&self) -> Self::Whole;

    /// What is wrong with a value, where one cannot hold.
    fn mistake(&self) -> Option<String>;
}

/// A rule: what holds of the peers that its pattern fits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleOf<P, F> {
    /// Its name; a later rule of the same name takes its place.
    pub name: String,
    /// What the peers do, and how that is known.
    #[serde(default)]
    pub why: String,
    /// By what the peers are recognized.
    #[serde(rename = "match", default)]
    pub pattern: P,
    /// What then holds.
    #[serde(rename = "set", default)]
    pub flags: F,
}

/// A rule of devices.
pub type Rule = RuleOf<Pattern, Flags>;

/// By what a rule recognizes a device. Each field lists texts of which one has to fit, with `*`
/// for any characters and `?` for one, without regard to case. All fields that are named have to
/// fit, so that a pattern of none fits every device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pattern {
    /// `Man` of its device information.
    pub man: Vec<String>,
    /// `Mod`.
    pub model: Vec<String>,
    /// `OEM`.
    pub oem: Vec<String>,
    /// `FwV`.
    pub firmware: Vec<String>,
    /// `SwV`.
    pub software: Vec<String>,
    /// `HwV`.
    pub hardware: Vec<String>,
    /// `DevID`.
    pub dev_id: Vec<String>,
    /// `DevTyp`.
    pub dev_type: Vec<String>,
    /// Its address, the `Source` of the header.
    pub device: Vec<String>,
    /// `User-Agent` of the transport.
    pub user_agent: Vec<String>,
    /// The device's name of a datastore that it syncs.
    pub datastore: Vec<String>,
    /// The version of the session: `1.0`, `1.1` or `1.2`.
    pub version: Vec<String>,
}

/// What a device shows of itself.
#[derive(Debug, Clone, Default)]
pub struct Traits<'a> {
    /// Its device information, where that is known.
    pub devinf: Option<&'a DevInf>,
    /// Its address.
    pub device: &'a str,
    /// `User-Agent`, where the transport has one and tells it.
    pub user_agent: Option<&'a str>,
    /// Its names of the datastores that it syncs.
    pub datastores: Vec<&'a str>,
    /// The version of the session.
    pub version: Option<Version>,
}

impl Pattern {
    /// Whether the pattern fits a device.
    pub fn fits(&self, traits: &Traits<'_>) -> bool {
        let of = |text: fn(&DevInf) -> Option<&str>| traits.devinf.and_then(text);
        let version = traits.version.map(Version::dtd);
        fits(&self.man, of(|devinf| devinf.man.as_deref()))
            && fits(&self.model, of(|devinf| devinf.model.as_deref()))
            && fits(&self.oem, of(|devinf| devinf.oem.as_deref()))
            && fits(&self.firmware, of(|devinf| devinf.firmware.as_deref()))
            && fits(&self.software, of(|devinf| devinf.software.as_deref()))
            && fits(&self.hardware, of(|devinf| devinf.hardware.as_deref()))
            && fits(&self.dev_id, of(|devinf| Some(&devinf.dev_id)))
            && fits(&self.dev_type, of(|devinf| Some(&devinf.dev_type)))
            && fits(&self.device, Some(traits.device))
            && fits(&self.user_agent, traits.user_agent)
            && fits(&self.version, version)
            && (self.datastore.is_empty()
                || traits
                    .datastores
                    .iter()
                    .any(|name| fits(&self.datastore, Some(name))))
    }
}

impl Recognize for Pattern {
    type Traits<'a> = Traits<'a>;

    fn recognizes(&self, traits: &Traits<'_>) -> bool {
        self.fits(traits)
    }
}

/// Whether one of the patterns fits a text; without patterns, any does.
pub(super) fn fits(patterns: &[String], text: Option<&str>) -> bool {
    patterns.is_empty()
        || text.is_some_and(|text| patterns.iter().any(|pattern| glob(pattern, text)))
}

fn glob(pattern: &str, text: &str) -> bool {
    let lower = |text: &str| -> Vec<char> {
        let start = text.trim().chars().take(COMPARED);
        start.flat_map(char::to_lowercase).collect()
    };
    let (pattern, text) = (lower(pattern), lower(text));
    let (mut at, mut read) = (0, 0);
    // where the last star stands, and the text after what it stands for so far
    let mut star: Option<(usize, usize)> = None;
    while let Some(here) = text.get(read) {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                star = Some((at, read));
                at += 1;
            }
            (Some(wanted), _) if *wanted == '?' || wanted == here => {
                at += 1;
                read += 1;
            }
            (_, Some((stood, from))) => {
                star = Some((stood, from + 1));
                at = stood + 1;
                read = from + 1;
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

/// Rules in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOf<P, F> {
    rules: Vec<RuleOf<P, F>>,
}

/// The rules of devices.
pub type Table = TableOf<Pattern, Flags>;

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The text is no table of rules.
    #[error("the rules cannot be read: {0}")]
    Syntax(#[source] Box<toml::de::Error>),
    /// A flag has a value that cannot hold.
    #[error("rule {rule:?}: {what}")]
    Value {
        /// The rule's name.
        rule: String,
        /// What is wrong.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile<R> {
    #[serde(default = "Vec::new")]
    rule: Vec<R>,
}

impl Table {
    /// The rules that come with the server: what is known of real devices.
    ///
    /// # Errors
    ///
    /// [`TableError`], which the tests of this crate rule out.
    pub fn built_in() -> Result<Self, TableError> {
        Self::parse(include_str!("rules.toml"))
    }
}

impl<P, F> Default for TableOf<P, F> {
    fn default() -> Self {
        Self { rules: Vec::new() }
    }
}

impl<P, F> TableOf<P, F>
where
    P: Recognize + Default + DeserializeOwned,
    F: FlagSet + DeserializeOwned,
{
    /// Reads a table: TOML with one `[[rule]]` each.
    ///
    /// # Errors
    ///
    /// [`TableError::Syntax`] with the place, [`TableError::Value`] for a flag beyond its range.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let file: TableFile<RuleOf<P, F>> =
            toml::from_str(text).map_err(|error| TableError::Syntax(Box::new(error)))?;
        let mut table = Self::default();
        table.extend(file.rule)?;
        Ok(table)
    }

    /// Adds rules at the end, where they go over the earlier ones. A rule whose name is in the
    /// table replaces the one there; without flags it does away with it.
    ///
    /// # Errors
    ///
    /// [`TableError::Value`] for a flag beyond its range.
    pub fn extend(&mut self, rules: Vec<RuleOf<P, F>>) -> Result<(), TableError> {
        for rule in rules {
            check(&rule)?;
            let known = self.rules.len();
            self.rules.retain(|held| held.name != rule.name);
            let replaces = self.rules.len() < known;
            if !replaces || rule.flags != F::default() {
                self.rules.push(rule);
            }
        }
        Ok(())
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[RuleOf<P, F>] {
        &self.rules
    }

    /// The rules that hold for a peer, in order.
    pub fn of<'t>(&'t self, traits: &'t P::Traits<'_>) -> impl Iterator<Item = &'t RuleOf<P, F>> {
        let rules = self.rules.iter();
        rules.filter(|rule| rule.pattern.recognizes(traits))
    }

    /// The flags that hold for a peer: those of its rules, the later over the earlier.
    pub fn resolve(&self, traits: &P::Traits<'_>) -> F::Whole {
        let mut flags = F::default();
        for rule in self.of(traits) {
            flags.lay_over(&rule.flags);
        }
        flags.whole()
    }
}

fn check<P, F: FlagSet>(rule: &RuleOf<P, F>) -> Result<(), TableError> {
    let wrong = if rule.name.trim().is_empty() {
        Some("a rule needs a name".to_owned())
    } else {
        rule.flags.mistake()
    };
    match wrong {
        None => Ok(()),
        Some(what) => Err(TableError::Value {
            rule: rule.name.clone(),
            what,
        }),
    }
}

/// What is wrong with a limit of messages, where there is one.
pub(super) fn too_small(size: Option<u64>) -> Option<String> {
    let is_too_small = size.is_some_and(|size| size < SMALLEST_LIMIT);
    is_too_small.then(|| format!("messages cannot be smaller than {SMALLEST_LIMIT} bytes"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::peer::flags::{AllDay, RuleEnd, Times};

    fn device(man: &str, model: &str) -> DevInf {
        DevInf {
            man: Some(man.to_owned()),
            model: Some(model.to_owned()),
            ..DevInf::default()
        }
    }

    fn names<'t>(table: &'t Table, traits: &'t Traits<'_>) -> Vec<&'t str> {
        table.of(traits).map(|rule| rule.name.as_str()).collect()
    }

    #[test]
    fn patterns_have_wildcards_and_no_case() {
        for (pattern, text, fits) in [
            ("Nokia", " NOKIA ", true),
            ("Nokia", "Nokia Corporation", false),
            ("Nokia*", "Nokia Corporation", true),
            ("*70?i", "K700i", true),
            ("*70?i", "K70i", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("***", "x", true),
            ("Über*", "ÜBERPHONE", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_long_text_costs_no_more_than_a_short_one() {
        let pattern = "*a".repeat(60) + "b";
        assert!(!glob(&pattern, &"a".repeat(1 << 20)));
    }

    #[test]
    fn every_field_that_is_named_has_to_fit() {
        let table = Table::parse(
            "[[rule]]\nname = 'all'\n\
             [[rule]]\nname = 'acme'\nmatch.man = ['Acme*', 'ACM']\n\
             [[rule]]\nname = 'one'\nmatch.man = ['Acme']\nmatch.model = ['One']\n\
             [[rule]]\nname = 'by-store'\nmatch.datastore = ['*.cdb']\nmatch.version = ['1.1']\n\
             [[rule]]\nname = 'by-agent'\nmatch.user-agent = ['Acme/*']\n",
        )
        .unwrap();
        let devinf = device("ACME", "Two");
        let known = Traits {
            devinf: Some(&devinf),
            ..Traits::default()
        };
        assert_eq!(names(&table, &known), ["all", "acme"]);
        let unknown = Traits {
            datastores: vec!["x", "./C:Contacts.cdb"],
            version: Some(Version::V1_1),
            user_agent: Some("acme/1.0"),
            ..Traits::default()
        };
        assert_eq!(names(&table, &unknown), ["all", "by-store", "by-agent"]);
    }

    #[test]
    fn a_rule_of_the_same_name_takes_the_place() {
        let mut table =
            Table::parse("[[rule]]\nname = 'a'\nset.resp-uri = false\nset.copy-is-add = true\n")
                .unwrap();
        let other = Table::parse("[[rule]]\nname = 'a'\nset.copy-is-add = true\n").unwrap();
        table.extend(other.rules).unwrap();
        let rules = table.resolve(&Traits::default());
        assert!(rules.copy_is_add && rules.resp_uri);
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |text: &str| Table::parse(text).unwrap_err().to_string();
        let text = wrong("[[rule]]\nname = 'x'\nset.no-such-flag = true\n");
        assert!(
            text.contains("no-such-flag") && text.contains("line 3"),
            "{text}"
        );
        let text = wrong("[[rule]]\nname = 'x'\nset.message-limit = 10\n");
        assert!(text.contains("\"x\"") && text.contains("1000"), "{text}");
        wrong("[[rule]]\nname = 'x'\nset.message-fill = 120\n");
        wrong("[[rule]]\nname = ' '\n");
        let list = |held: &str| format!("[[rule]]\nname = 'x'\nset.properties.contacts = [{held}]");
        let text = wrong(&list("{ name = 'ADR', parts = ['Street', 'LastName'] }"));
        assert!(text.contains("ADR has no part LastName"), "{text}");
        wrong(&list("{ most = 1 }"));
    }

    #[test]
    fn the_rules_that_come_with_the_server_can_be_read() {
        let table = Table::built_in().unwrap();
        assert!(table.rules().len() > 5);
        for rule in table.rules() {
            assert!(!rule.why.is_empty(), "{} says why", rule.name);
            assert_ne!(rule.pattern, Pattern::default(), "{} picks", rule.name);
            assert_ne!(rule.flags, Flags::default(), "{} sets", rule.name);
        }
    }

    #[test]
    fn devices_of_the_field_are_recognized() {
        let table = Table::built_in().unwrap();
        for (man, model, names_wanted) in [
            (
                "SIEMENS",
                "S55",
                &["siemens-s55", "siemens-local-times", "siemens-today"][..],
            ),
            (
                "NOKIA",
                "Nokia 6300",
                &[
                    "nokia",
                    "nokia-s40-size",
                    "nokia-s40-messages",
                    "nokia-s40-places",
                ],
            ),
            (
                "Nokia Corporation",
                "9210i",
                &["nokia", "nokia-local-times", "nokia-9210"],
            ),
            (
                "SonyEricsson",
                "W890i",
                &["sony-ericsson", "sony-ericsson-today", "sony-ericsson-w890"],
            ),
            (
                "Nokia",
                "Nokia 7510",
                &["nokia", "nokia-s40-size", "nokia-s40-places", "nokia-7510"],
            ),
            (
                "NOKIA",
                "Nokia 7210c",
                &["nokia", "nokia-7210c-places", "nokia-7210c"],
            ),
            ("Ericsson", "T68i", &["sony-ericsson-t68"]),
            (
                "SonyEricsson",
                "K750i",
                &["sony-ericsson", "sony-ericsson-today", "sony-ericsson-k750"],
            ),
            ("Weblicon AG", "x", &["weblicon"]),
            ("SyncJE for Outlook", "x", &["syncje-outlook"]),
            ("Synthesis AG", "SySync Client Treo", &["synthesis-palm"]),
            ("Synthesis AG", "SySync Client PalmOS", &[]),
            (
                "SonyEricsson",
                "W800i",
                &["sony-ericsson", "sony-ericsson-today", "sony-ericsson-w800"],
            ),
            ("Sendo", "X", &["sendo-x"]),
            ("Panasonic", "X70", &["panasonic-x70"]),
            ("Panasonic", "X700", &[]),
            ("Synthesis AG", "SySync Client PocketPC", &[]),
            ("Acme", "One", &[]),
        ] {
            let devinf = device(man, model);
            let traits = Traits {
                devinf: Some(&devinf),
                ..Traits::default()
            };
            assert_eq!(names(&table, &traits), names_wanted, "{man} {model}");
        }
    }

    #[test]
    fn devices_of_the_field_are_recognized_by_their_addresses_and_datastores() {
        let table = Table::built_in().unwrap();
        for (address, datastore, names_wanted) in [
            ("fol-12", "card", &["funambol-days", "funambol-outlook"][..]),
            ("fbb-12", "card", &["funambol-days"]),
            ("sync4j-pocketpc", "card", &["sync4j", "funambol-pocket-pc"]),
            ("IMEI:1", "EriCalDB", &["sony-ericsson-old"]),
            (
                "IMEI:1",
                "/telecom/pb.vcf",
                &["nokia-s40-names", "nokia-s40-days"],
            ),
            (
                "IMEI:1",
                "./C:Contacts.cdb",
                &["nokia-s60-names", "nokia-s60-series"],
            ),
            ("IMEI:1", r"c:\Documents\Agenda\Agenda", &["uiq-2"]),
            ("IMEI:1", "card", &[]),
        ] {
            let traits = Traits {
                device: address,
                datastores: vec![datastore],
                ..Traits::default()
            };
            let found = names(&table, &traits);
            assert_eq!(found, names_wanted, "{address} {datastore}");
        }
        let devinf = DevInf {
            software: Some("6.5.2".to_owned()),
            ..DevInf::default()
        };
        let traits = Traits {
            device: "fol-12",
            devinf: Some(&devinf),
            ..Traits::default()
        };
        assert!(names(&table, &traits).contains(&"funambol-6.5"));
    }

    #[test]
    fn devices_of_the_field_are_sent_messages_of_this_size() {
        let table = Table::built_in().unwrap();
        for (man, model, limit) in [
            ("Nokia", "3110c", Some(2500)),
            ("Nokia", "2680s-2", Some(5000)),
            ("Nokia", "N80", None),
            ("Motorola CE, Copyright 2004", "V3", Some(1850)),
            ("Motorola", "V3xx", Some(6000)),
            ("SonyEricsson", "K610i", Some(4500)),
            ("Sony Ericsson", "M600i", Some(8000)),
            ("SonyEricsson", "K800i", None),
        ] {
            let devinf = device(man, model);
            let rules = table.resolve(&Traits {
                devinf: Some(&devinf),
                ..Traits::default()
            });
            assert_eq!(rules.message_limit, limit, "{man} {model}");
        }
    }

    #[test]
    fn devices_of_the_field_make_this_of_time() {
        let table = Table::built_in().unwrap();
        let rules = |man: &str, model: &str, datastore: &str| {
            let devinf = device(man, model);
            let rules = table.resolve(&Traits {
                devinf: Some(&devinf),
                datastores: vec![datastore],
                ..Traits::default()
            });
            (rules.times, rules.all_day, rules.rule_end)
        };
        for (man, model, datastore, expected) in [
            ("NOKIA", "Nokia 6630", "x", (Some(Times::Local), None, None)),
            ("NOKIA", "Nokia 6600", "x", (Some(Times::Local), None, None)),
            ("Nokia", "6230i", "x", (None, None, None)),
            ("Nokia", "9500", "x", (Some(Times::UnmarkedUtc), None, None)),
            ("Siemens", "S65", "x", (Some(Times::Local), None, None)),
            (
                "Motorola",
                "V3",
                "x",
                (None, Some(AllDay::Hour24), Some(RuleEnd::Count)),
            ),
            (
                "SonyEricsson",
                "K800i",
                "x",
                (None, None, Some(RuleEnd::Count)),
            ),
            (
                "SonyEricsson",
                "P910i",
                r"c:\Documents\agenda\agenda",
                (
                    Some(Times::FalseUtc),
                    Some(AllDay::Hour24),
                    Some(RuleEnd::Date),
                ),
            ),
            (
                "Nokia",
                "3110",
                "/telecom/cal.vcs",
                (None, Some(AllDay::NoEnd), None),
            ),
            (
                "Nokia",
                "N80",
                "./C:Calendar",
                (None, None, Some(RuleEnd::LocalDate)),
            ),
        ] {
            assert_eq!(rules(man, model, datastore), expected, "{man} {model}");
        }
    }
}

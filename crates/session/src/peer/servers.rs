//! How real servers depart from the protocol: the rules that a client goes by.

use serde::{Deserialize, Serialize};
use syncml::{DevInf, Encoding};

use super::flags::{flags, replaced};
use super::table::{FlagSet, Recognize, RuleOf, TableError, TableOf, fits, too_small};
use crate::spoken::Spoken;
use crate::uri::{host_of, path_of};

/// By what a rule recognizes a server, written as in [`Pattern`](super::Pattern).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerPattern {
    /// The host of its address, without port.
    pub host: Vec<String>,
    /// The path of its address, without the `/` at its beginning and its end.
    pub path: Vec<String>,
    /// `Man` of its device information.
    pub man: Vec<String>,
    /// `Mod`.
    pub model: Vec<String>,
    /// `SwV`.
    pub software: Vec<String>,
    /// `DevID`.
    pub dev_id: Vec<String>,
}

/// What a server shows of itself.
#[derive(Debug, Clone, Default)]
pub struct ServerTraits<'a> {
    /// Its address.
    pub url: &'a str,
    /// Its device information: of this session, else of the last one.
    pub devinf: Option<&'a DevInf>,
}

impl Recognize for ServerPattern {
    type Traits<'a> = ServerTraits<'a>;

    fn recognizes(&self, traits: &ServerTraits<'_>) -> bool {
        let of = |text: fn(&DevInf) -> Option<&str>| traits.devinf.and_then(text);
        fits(&self.host, host_of(traits.url).as_deref())
            && fits(&self.path, Some(&path_of(traits.url)))
            && fits(&self.man, of(|devinf| devinf.man.as_deref()))
            && fits(&self.model, of(|devinf| devinf.model.as_deref()))
            && fits(&self.software, of(|devinf| devinf.software.as_deref()))
            && fits(&self.dev_id, of(|devinf| Some(&devinf.dev_id)))
    }
}

/// How messages to a server are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Written {
    /// As XML.
    Xml,
    /// As WBXML.
    Wbxml,
}

impl From<Written> for Encoding {
    fn from(written: Written) -> Self {
        match written {
            Written::Xml => Self::Xml,
            Written::Wbxml => Self::Wbxml,
        }
    }
}

replaced!(Option<Spoken>, Option<Written>);

flags! {
    /// The flags that a rule of servers sets; of those it does not name it says nothing. The fields
    /// are those of [`ServerRules`].
    ServerFlags,
    /// What holds of a server: every flag, with its default where no rule sets it.
    ServerRules:
    /// The newest version that the server is spoken to in, unless the person names one. The caller
    /// of a session acts on it, as on the next two.
    max_version: Option<Spoken> = None;
    /// How messages are written, unless the person says it.
    encoding: Option<Written> = None;
    /// What a device identifier that is made up begins with.
    device_prefix: Option<String> = None;
    /// Bytes that a message has at most, whatever `MaxMsgSize` the server gives.
    message_limit: Option<u64> = None;
    /// The server is told what the client is without being asked (Put of device information).
    put_devinf: bool = true;
    /// The server is told that folders are kept, and which.
    hierarchy: bool = true;
    /// Whether objects are sent in chunks; unset, as the server says.
    large_objects: Option<bool> = None;
    /// Whether the server is told the number of changes; unset, as it says.
    number_of_changes: Option<bool> = None;
    /// A type of sync that the server does not list is not asked for.
    check_sync_types: bool = true;
    /// A datastore for which the server lists no format that is known is not synced.
    check_content_types: bool = true;
    /// The password goes in the clear with the first message, where nobody can read the line.
    basic_first: bool = false;
    /// A session that broke is gone on with.
    resume: bool = true;
    /// The server's `Last` is not compared.
    ignore_last_anchor: bool = false;
}

impl FlagSet for ServerFlags {
    type Whole = ServerRules;

    fn lay_over(&mut self, later: &Self) {
        self.overlay(later);
    }

    fn whole(&self) -> ServerRules {
        ServerRules::from(self)
    }

    fn mistake(&self) -> Option<String> {
        let prefix = self.device_prefix.as_ref().and_then(Option::as_ref);
        let is_odd = prefix.is_some_and(|prefix| prefix.contains(char::is_control));
        too_small(self.message_limit.flatten())
            .or_else(|| is_odd.then(|| "device-prefix has control characters".to_owned()))
    }
}

/// A rule of servers.
pub type ServerRule = RuleOf<ServerPattern, ServerFlags>;

/// The rules of servers.
pub type ServerTable = TableOf<ServerPattern, ServerFlags>;

impl ServerTable {
    /// The rules that come with the client: what is known of real servers.
    ///
    /// # Errors
    ///
    /// [`TableError`], which the tests of this crate rule out.
    pub fn of_known_servers() -> Result<Self, TableError> {
        Self::parse(include_str!("servers.toml"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::peer::Table;

    fn names<'t>(table: &'t ServerTable, traits: &'t ServerTraits<'_>) -> Vec<&'t str> {
        table.of(traits).map(|rule| rule.name.as_str()).collect()
    }

    #[test]
    fn servers_are_recognized_by_address_and_device_information() {
        let table = ServerTable::of_known_servers().unwrap();
        for (url, rules) in [
            ("http://me:8080/funambol/ds", &["funambol"][..]),
            ("https://OneMediaHub.com/sync/", &["onemediahub"]),
            ("http://me/horde/rpc.php", &["horde"]),
            ("https://me/horde/rpc/?a=b", &["horde"]),
            ("https://sync.zyb.com/", &["zyb"]),
            ("https://sync.o3sis.example/", &["o3sis"]),
            ("https://m.google.com/syncml", &["google"]),
            ("https://sync.example.org/syncml", &[]),
        ] {
            let traits = ServerTraits { url, devinf: None };
            assert_eq!(names(&table, &traits), rules, "{url}");
        }
        for (man, rule) in [
            ("The Horde Project (http://www.horde.org/)", "horde-by-name"),
            ("Funambol", "funambol-by-name"),
            ("DeskNow Server", "desknow"),
        ] {
            let devinf = DevInf {
                man: Some(man.to_owned()),
                ..DevInf::default()
            };
            let traits = ServerTraits {
                url: "https://me/sync",
                devinf: Some(&devinf),
            };
            assert_eq!(names(&table, &traits), [rule]);
        }
    }

    #[test]
    fn the_rules_that_come_with_the_client_can_be_read() {
        let table = ServerTable::of_known_servers().unwrap();
        assert!(table.rules().len() > 3);
        for rule in table.rules() {
            assert!(!rule.why.is_empty(), "{} says why", rule.name);
            assert_ne!(rule.pattern, ServerPattern::default(), "{}", rule.name);
            assert_ne!(rule.flags, ServerFlags::default(), "{}", rule.name);
        }
    }

    #[test]
    fn the_manual_names_every_rule() {
        let page = include_str!("../../../../docs/interoperability.md");
        let devices = Table::built_in().unwrap();
        let devices = devices.rules().iter().map(|rule| &rule.name);
        let servers = ServerTable::of_known_servers().unwrap();
        let servers = servers.rules().iter().map(|rule| &rule.name);
        for name in devices.chain(servers) {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn the_manual_names_every_flag() {
        let page = include_str!("../../../../docs/devices.md");
        let (_, page) = page.split_once("## Servers that depart").unwrap();
        let flags = toml::Table::try_from(ServerRules {
            max_version: Some(Spoken::V1_1),
            encoding: Some(Written::Xml),
            device_prefix: Some(String::new()),
            message_limit: Some(0),
            large_objects: Some(true),
            number_of_changes: Some(true),
            ..ServerRules::default()
        });
        for flag in flags.unwrap().keys() {
            assert!(page.contains(&format!("| `{flag}` |")), "{flag}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |text: &str| ServerTable::parse(text).unwrap_err().to_string();
        let text = wrong("[[rule]]\nname = 'x'\nset.copy-is-add = true\n");
        assert!(text.contains("copy-is-add"), "{text}");
        let text = wrong("[[rule]]\nname = 'x'\nset.max-version = '1.3'\n");
        assert!(text.contains("1.3"), "{text}");
        let text = wrong("[[rule]]\nname = 'x'\nset.message-limit = 10\n");
        assert!(text.contains("\"x\"") && text.contains("1000"), "{text}");
        let text = wrong("[[rule]]\nname = 'x'\nset.device-prefix = \"a\\u0000\"\n");
        assert!(text.contains("device-prefix"), "{text}");
    }
}

//! What a device's datastore can do: its device information as the rules of the device have it.

use std::collections::BTreeSet;

use pim::media::{Kind, kind_of_media_type, same_media};
use syncml::devinf::{Capability, ContentType, DataStore, DevInf, Memory};
use syncml::{AlertCode, StatusCode};

use super::flags::{Format, Held, Rules};
use crate::store::DatastoreKind;
use crate::uri::same_path;

/// What the datastore of a device can do (Device Information, `DataStore`). Of a device that says
/// nothing, the lists are empty and the limits `None`: nothing is ruled out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The formats it takes, the preferred one first.
    pub accepts: Vec<ContentType>,
    /// The formats it gives, the preferred one first.
    pub gives: Vec<ContentType>,
    /// The sync types it lists, 1 (two-way) to 7 (server alerted); others as sent.
    pub sync_types: BTreeSet<u64>,
    /// Objects may come in chunks.
    pub large_objects: bool,
    /// It wants to be told the number of changes.
    pub number_of_changes: bool,
    /// It understands times in UTC.
    pub utc: bool,
    /// Bytes of the longest identifier it can keep.
    pub max_guid_size: Option<u64>,
    /// It syncs folders.
    pub hierarchical: bool,
    /// The size of the datastore.
    pub memory: Option<Memory>,
}

/// Datastores, formats and sync types that are heeded: a document may list any number, and is
/// looked through at every alert.
const HEEDED: usize = 64;

impl Capabilities {
    /// The capabilities of the device's datastore of that name.
    // spec: F15
    pub fn of(devinf: Option<&DevInf>, rules: &Rules, datastore: &str) -> Self {
        let says = |flag: fn(&DevInf) -> bool| devinf.is_some_and(flag);
        let found = devinf.and_then(|devinf| find(devinf, datastore));
        let mut known = found.map(Self::of_datastore).unwrap_or_default();
        if !rules.sync_types.is_empty() {
            known.sync_types.clone_from(&rules.sync_types);
        }
        Self {
            large_objects: rules
                .large_objects
                .unwrap_or_else(|| says(|devinf| devinf.large_objects)),
            number_of_changes: rules
                .number_of_changes
                .unwrap_or_else(|| says(|devinf| devinf.number_of_changes)),
            utc: says(|devinf| devinf.utc),
            // a device that keeps no identifier at all could be sent nothing
            max_guid_size: rules
                .max_guid_size
                .or(known.max_guid_size)
                .filter(|size| *size > 0),
            ..known
        }
    }

    fn of_datastore(datastore: &DataStore) -> Self {
        let list = |preferred: &Option<ContentType>, others: &[ContentType]| {
            let mut list: Vec<ContentType> = preferred.iter().cloned().collect();
            for other in others.iter().take(HEEDED) {
                if !list.contains(other) {
                    list.push(other.clone());
                }
            }
            list
        };
        Self {
            accepts: list(&datastore.rx_pref, &datastore.rx),
            gives: list(&datastore.tx_pref, &datastore.tx),
            sync_types: datastore.sync_types.iter().take(HEEDED).copied().collect(),
            max_guid_size: datastore.max_guid_size,
            hierarchical: datastore.hierarchical,
            memory: datastore.memory,
            ..Self::default()
        }
    }

    /// The properties that the device's datastore of that name keeps of what is in one of ours, by format.
    /// A list is closed; a format without one keeps all. A device that lists none for any of the formats
    /// keeps what the rules list.
    // spec: F14
    pub fn properties(
        devinf: Option<&DevInf>,
        rules: &Rules,
        datastore: &str,
        kind: DatastoreKind,
    ) -> Vec<Capability> {
        let found = devinf.and_then(|devinf| find(devinf, datastore));
        let found = found.filter(|_| !rules.ignore_properties);
        let mut properties = found.map_or(Vec::new(), |found| found.capabilities.clone());
        if rules.ignore_sizes {
            let all = properties.iter_mut();
            for property in all.flat_map(|capability| &mut capability.properties) {
                property.max_size = None;
            }
        }
        let lists = |one: &Capability| !one.properties.is_empty() && holds(kind, &one.media_type);
        if !properties.iter().any(lists) {
            properties.extend(ruled(rules, kind));
        }
        properties
    }

    /// The status with which an alert of this type is refused, because the device itself says that
    /// it cannot sync so. Two-way and slow sync are everybody's duty, and a device that lists
    /// nothing is not held to it.
    // spec: G18
    pub fn refusal(
        &self,
        rules: &Rules,
        kind: DatastoreKind,
        alert: AlertCode,
    ) -> Option<StatusCode> {
        let sync_type = u64::from(alert.0).saturating_sub(199);
        let has_type = matches!(alert, AlertCode::TWO_WAY | AlertCode::SLOW)
            || self.sync_types.is_empty()
            || self.sync_types.contains(&sync_type);
        if rules.check_sync_types && !has_type {
            return Some(StatusCode::NOT_SUPPORTED);
        }
        let mut formats = self.accepts.iter().chain(&self.gives).peekable();
        let has_format = formats.peek().is_none() || formats.any(|format| may_hold(kind, format));
        (rules.check_content_types && !has_format).then_some(StatusCode::UNSUPPORTED_TYPE)
    }

    /// The formats of a datastore of the server that the device takes, the best first.
    pub fn to_send(&self, rules: &Rules, kind: DatastoreKind) -> Vec<ContentType> {
        common(&self.accepts, kind, rules.prefer.get(kind.name()))
    }

    /// The formats of a datastore of the server that the device gives, the best first.
    pub fn to_receive(&self, rules: &Rules, kind: DatastoreKind) -> Vec<ContentType> {
        common(&self.gives, kind, rules.prefer.get(kind.name()))
    }
}

/// What the rules list for a datastore of ours, for each of its formats.
fn ruled(rules: &Rules, kind: DatastoreKind) -> Vec<Capability> {
    let Some(list) = rules.properties.get(kind.name()) else {
        return Vec::new();
    };
    let formats = pairs(kind.content_types()).chain(pairs(kind.named_content_types()));
    let capabilities = formats.map(|format| Capability {
        media_type: format.media_type,
        version: format.version,
        properties: list.iter().map(Held::listed).collect(),
        ..Capability::default()
    });
    capabilities.collect()
}

/// Whether a device has a datastore for what is in one of ours. A device that lists no datastores
/// may have any.
pub fn has_use(devinf: &DevInf, kind: DatastoreKind) -> bool {
    let datastores = devinf.datastores.iter().take(HEEDED);
    let mut formats = datastores
        .flat_map(|one| {
            let others = one.rx.iter().chain(&one.tx).take(HEEDED);
            one.rx_pref.iter().chain(&one.tx_pref).chain(others)
        })
        .peekable();
    formats.peek().is_none()
        || formats.any(|format| match kind {
            // everything can be kept as a file, and that is no reason to
            DatastoreKind::Files => is_of(kind, &format.media_type),
            _ => holds(kind, &format.media_type),
        })
}

/// The name of the device's datastore for what is in one of ours, as far as its formats tell: the
/// first one, where several do.
pub fn datastore_for(devinf: &DevInf, kind: DatastoreKind) -> Option<&str> {
    let mut all = devinf.datastores.iter().take(HEEDED);
    let found = all.find(|one| {
        let others = one.rx.iter().chain(&one.tx).take(HEEDED);
        let mut formats = one.rx_pref.iter().chain(&one.tx_pref).chain(others);
        formats.any(|format| holds(kind, &format.media_type))
    });
    found.map(|found| found.source_ref.as_str())
}

/// What is in the device's datastore of that name, as far as its formats tell. The first kind that has
/// them: devices have one datastore for events and tasks.
pub fn kind_of(devinf: &DevInf, datastore: &str) -> Option<DatastoreKind> {
    let found = find(devinf, datastore)?;
    let others = found.rx.iter().chain(&found.tx).take(HEEDED);
    let formats: Vec<&ContentType> = found
        .rx_pref
        .iter()
        .chain(&found.tx_pref)
        .chain(others)
        .collect();
    let mut kinds = DatastoreKind::ALL.into_iter();
    kinds.find(|kind| {
        let mut formats = formats.iter();
        formats.any(|format| match kind {
            // everything can be kept as a file
            DatastoreKind::Files => is_of(*kind, &format.media_type),
            _ => holds(*kind, &format.media_type),
        })
    })
}

/// Whether device information says anything of the device's datastore of that name.
pub fn describes(devinf: &DevInf, datastore: &str) -> bool {
    find(devinf, datastore).is_some()
}

fn find<'d>(devinf: &'d DevInf, datastore: &str) -> Option<&'d DataStore> {
    let mut all = devinf.datastores.iter().take(HEEDED);
    all.find(|one| same_path(&one.source_ref, datastore))
}

/// Whether items of a media type belong into a datastore. Notes come under types of the devices'
/// own; objects that are defined elsewhere are none.
fn holds(kind: DatastoreKind, media_type: &str) -> bool {
    let of_type = kind_of_media_type(media_type);
    match kind {
        DatastoreKind::Contacts => of_type == Kind::Contact,
        DatastoreKind::Calendar | DatastoreKind::Tasks => {
            matches!(of_type, Kind::Event | Kind::Task | Kind::Journal)
        }
        DatastoreKind::Notes => match of_type {
            Kind::Note | Kind::Journal => true,
            Kind::Other => !is_defined_elsewhere(media_type),
            _ => false,
        },
        DatastoreKind::Mail => is_of(kind, media_type),
        DatastoreKind::Files => true,
    }
}

/// Whether items of a format may be in a datastore that the device itself syncs with one of ours: notes
/// as journal entries are found under the type of events.
fn may_hold(kind: DatastoreKind, format: &ContentType) -> bool {
    let mut named = pairs(kind.named_content_types());
    holds(kind, &format.media_type) || named.any(|one| same(&one, format))
}

fn pairs(types: &'static [(&str, &str)]) -> impl Iterator<Item = ContentType> {
    types.iter().map(|(media_type, version)| ContentType {
        media_type: (*media_type).to_owned(),
        version: (*version).to_owned(),
    })
}

fn is_of(kind: DatastoreKind, media_type: &str) -> bool {
    let types = kind.content_types();
    types.iter().any(|(known, _)| same_media(known, media_type))
}

fn is_defined_elsewhere(media_type: &str) -> bool {
    let media_type = media_type.trim().to_ascii_lowercase();
    media_type.starts_with("application/vnd.omads-") || media_type.starts_with("message/")
}

/// The server's formats that are in the list of the device: first the one wanted, then the one that
/// the device prefers, then in the server's order. All of the server's for a device whose list is
/// empty or has none of them: its items may be none of these and be kept all the same.
fn common(
    theirs: &[ContentType],
    kind: DatastoreKind,
    wanted: Option<&Format>,
) -> Vec<ContentType> {
    let wanted = wanted.map(|wanted| ContentType {
        media_type: wanted.media_type.clone(),
        version: wanted.version.clone(),
    });
    let is_named = |one: &ContentType| theirs.iter().chain(&wanted).any(|other| same(one, other));
    let mut ours: Vec<ContentType> = pairs(kind.content_types()).collect();
    ours.extend(pairs(kind.named_content_types()).filter(is_named));
    // the XML of Funambol's clients is for those that name it, and for those of which a rule says so
    let of_funambol = |one: &&ContentType| is_sif(&one.media_type) && holds(kind, &one.media_type);
    let mut named = wanted.iter().chain(theirs);
    ours.extend(named.find(of_funambol).cloned());
    let is_theirs = |one: &&ContentType| theirs.iter().any(|other| same(one, other));
    let mut both: Vec<ContentType> = ours.iter().filter(is_theirs).cloned().collect();
    if both.is_empty() {
        both.clone_from(&ours);
    }
    if let Some(preferred) = theirs.first() {
        to_front(&mut both, preferred);
    }
    if let Some(wanted) = wanted {
        let known = ours.iter().find(|one| same(one, &wanted));
        if let Some(known) = known.filter(|known| !both.contains(known)) {
            both.push(known.clone());
        }
        to_front(&mut both, &wanted);
    }
    both
}

fn to_front(formats: &mut [ContentType], wanted: &ContentType) {
    if let Some(at) = formats.iter().position(|one| same(one, wanted))
        && let Some(start) = formats.get_mut(..=at)
    {
        start.rotate_right(1);
    }
}

/// Whether two pairs name one format. The version decides where devices name the other type of the
/// same family, as in `text/x-vcard` 3.0; an empty one means what the type says.
fn same(a: &ContentType, b: &ContentType) -> bool {
    let family = |one: &ContentType| match kind_of_media_type(&one.media_type) {
        _ if is_sif(&one.media_type) => None,
        kind @ (Kind::Contact | Kind::Event) => Some(kind),
        _ => None,
    };
    match (family(a), family(b)) {
        (Some(a_kind), Some(b_kind)) => a_kind == b_kind && version(a) == version(b),
        _ => same_media(&a.media_type, &b.media_type),
    }
}

fn is_sif(media_type: &str) -> bool {
    pim::Format::of_media_type(media_type).is_some_and(pim::Format::is_sif)
}

/// The first number of a version, which is all that tells the formats of a family apart.
fn version(one: &ContentType) -> Option<char> {
    let named = one.version.trim().chars().next();
    let of_type = || {
        pim::Format::of_media_type(&one.media_type)?
            .version()
            .chars()
            .next()
    };
    named.or_else(of_type)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn pair(media_type: &str, version: &str) -> ContentType {
        ContentType {
            media_type: media_type.to_owned(),
            version: version.to_owned(),
        }
    }

    fn device(formats: &[(&str, &str)], sync_types: &[u64]) -> DevInf {
        let mut formats = formats.iter().map(|(a, b)| pair(a, b));
        let preferred = formats.next();
        let others: Vec<ContentType> = formats.collect();
        DevInf {
            datastores: vec![DataStore {
                source_ref: "./people".to_owned(),
                max_guid_size: Some(8),
                rx_pref: preferred.clone(),
                rx: others.clone(),
                tx_pref: preferred,
                tx: others,
                sync_types: sync_types.iter().copied().collect(),
                ..DataStore::default()
            }],
            ..DevInf::default()
        }
    }

    fn listed(devinf: &DevInf, rules: &Rules, datastore: &str) -> Vec<Capability> {
        Capabilities::properties(Some(devinf), rules, datastore, DatastoreKind::Contacts)
    }

    fn refusal(devinf: &DevInf, kind: DatastoreKind, alert: AlertCode) -> Option<StatusCode> {
        let rules = Rules::default();
        Capabilities::of(Some(devinf), &rules, "people").refusal(&rules, kind, alert)
    }

    // spec: G18
    #[test]
    fn what_a_device_does_not_list_is_refused() {
        let contacts = DatastoreKind::Contacts;
        let devinf = device(&[("text/x-vcard", "2.1")], &[1, 2, 4]);
        assert_eq!(refusal(&devinf, contacts, AlertCode::TWO_WAY), None);
        assert_eq!(
            refusal(&devinf, contacts, AlertCode::REFRESH_FROM_CLIENT),
            None
        );
        assert_eq!(
            refusal(&devinf, contacts, AlertCode::REFRESH_FROM_SERVER),
            Some(StatusCode::NOT_SUPPORTED)
        );
        assert_eq!(
            refusal(&devinf, DatastoreKind::Notes, AlertCode::TWO_WAY),
            Some(StatusCode::UNSUPPORTED_TYPE)
        );
        let silent = device(&[], &[]);
        assert_eq!(
            refusal(&silent, contacts, AlertCode::REFRESH_FROM_SERVER),
            None
        );
        let lenient = Rules {
            check_sync_types: false,
            check_content_types: false,
            ..Rules::default()
        };
        let known = Capabilities::of(Some(&devinf), &lenient, "people");
        let notes = DatastoreKind::Notes;
        assert_eq!(
            known.refusal(&lenient, notes, AlertCode::REFRESH_FROM_SERVER),
            None
        );
    }

    // spec: G18
    #[test]
    fn notes_may_be_journal_entries_where_a_device_says_so() {
        let journals = device(&[("text/calendar", "2.0")], &[]);
        let notes = DatastoreKind::Notes;
        assert_eq!(refusal(&journals, notes, AlertCode::TWO_WAY), None);
        let rules = Rules::default();
        let known = Capabilities::of(Some(&journals), &rules, "people");
        let list = known.to_send(&rules, notes);
        assert_eq!(list, [pair("text/calendar", "2.0")]);
        // and what does not say what it is has events
        assert_eq!(kind_of(&journals, "people"), Some(DatastoreKind::Calendar));
        assert!(!has_use(&journals, notes));
        assert_eq!(datastore_for(&journals, notes), None);
        let old = device(&[("text/x-vcalendar", "1.0")], &[]);
        assert_eq!(
            refusal(&old, notes, AlertCode::TWO_WAY),
            Some(StatusCode::UNSUPPORTED_TYPE)
        );
    }

    #[test]
    fn two_way_and_slow_sync_need_no_listing() {
        let devinf = device(&[("text/x-vcard", "2.1")], &[7]);
        for alert in [AlertCode::TWO_WAY, AlertCode::SLOW] {
            assert_eq!(refusal(&devinf, DatastoreKind::Contacts, alert), None);
        }
    }

    #[test]
    fn files_are_no_notes_and_no_events() {
        let files = device(&[("application/vnd.omads-file+xml", "1.2")], &[1, 2]);
        for kind in [DatastoreKind::Notes, DatastoreKind::Calendar] {
            let code = refusal(&files, kind, AlertCode::TWO_WAY);
            assert_eq!(code, Some(StatusCode::UNSUPPORTED_TYPE));
        }
        let sif = device(&[("text/x-s4j-sifc", "1.0")], &[1, 2]);
        assert_eq!(
            refusal(&sif, DatastoreKind::Contacts, AlertCode::TWO_WAY),
            None
        );
    }

    #[test]
    fn formats_that_both_have_are_offered() {
        let rules = Rules::default();
        let offered = |formats: &[(&str, &str)]| {
            let known = Capabilities::of(Some(&device(formats, &[])), &rules, "./people");
            let list = known.to_send(&rules, DatastoreKind::Contacts);
            list.iter()
                .map(|one| one.version.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(offered(&[("text/x-vcard", "2.1")]), ["2.1"]);
        assert_eq!(
            offered(&[("TEXT/X-VCARD", " 2.1"), ("text/vcard", "3.0")]),
            ["2.1", "3.0"]
        );
        assert_eq!(offered(&[("text/x-vcard", "3.0")]), ["3.0"]);
        assert_eq!(offered(&[("text/vcard", "")]), ["3.0"]);
        assert_eq!(offered(&[("text/vcard;version=4.0", "")]), ["4.0"]);
        assert_eq!(offered(&[("text/vcard", "4.0")]), ["4.0"]);
        assert_eq!(
            offered(&[("text/vcard", "3.0"), ("text/vcard", "4.0")]),
            ["3.0", "4.0"]
        );
        // those that have never heard of 4.0 do not hear of it here
        assert_eq!(offered(&[("image/png", "")]), ["3.0", "2.1"]);
        assert_eq!(offered(&[]), ["3.0", "2.1"]);
    }

    #[test]
    fn what_only_funambols_clients_read_is_offered_to_them() {
        let rules = Rules::default();
        let offered = |formats: &[(&str, &str)], kind| {
            let known = Capabilities::of(Some(&device(formats, &[])), &rules, "./people");
            let list = known.to_send(&rules, kind);
            list.into_iter()
                .map(|one| one.media_type)
                .collect::<Vec<_>>()
        };
        let contacts = ("text/x-s4j-sifc", "1.0");
        assert_eq!(
            offered(
                &[contacts, ("text/x-vcard", "2.1")],
                DatastoreKind::Contacts
            ),
            ["text/x-s4j-sifc", "text/x-vcard"]
        );
        // of the same version, and another format
        let event = ("text/x-s4j-sife", "1.0");
        assert_eq!(
            offered(&[event], DatastoreKind::Calendar),
            ["text/x-s4j-sife"]
        );
        assert_eq!(
            offered(&[contacts], DatastoreKind::Calendar),
            ["text/calendar", "text/x-vcalendar"]
        );
    }

    #[test]
    fn properties_are_those_that_the_rules_leave() {
        use syncml::devinf::Property;
        let mut devinf = device(&[("text/x-vcard", "2.1")], &[]);
        devinf.datastores[0].capabilities = vec![Capability {
            media_type: "text/x-vcard".to_owned(),
            properties: vec![Property {
                name: "N".to_owned(),
                max_size: Some(256),
                ..Property::default()
            }],
            ..Capability::default()
        }];
        let mut rules = Rules::default();
        let all = listed(&devinf, &rules, "people");
        assert_eq!(all, devinf.datastores[0].capabilities);
        assert_eq!(listed(&devinf, &rules, "others"), []);
        rules.ignore_sizes = true;
        let without = listed(&devinf, &rules, "people");
        assert_eq!(without[0].properties[0].max_size, None);
        rules.ignore_properties = true;
        assert_eq!(listed(&devinf, &rules, "people"), []);
    }

    // spec: F14
    #[test]
    fn a_rule_lists_what_a_device_does_not() {
        use syncml::devinf::Property;
        let table = crate::peer::Table::parse(
            "[[rule]]\nname = 'a'\nset.properties.contacts = [\
             { name = 'N', parts = ['LastName', 'FirstName'] }, { name = 'TEL', most = 5, size = 40, \
             types = ['CELL', 'FAX'] }, { name = 'ADR', types = [] }]",
        )
        .unwrap();
        let mut rules = table.resolve(&crate::peer::Traits::default());
        let silent = device(&[("text/x-vcard", "2.1")], &[]);
        let list = listed(&silent, &rules, "people");
        let formats: Vec<&str> = list.iter().map(|one| one.version.as_str()).collect();
        assert_eq!(formats, ["3.0", "2.1", "4.0"]);
        assert_eq!(list[0].properties[1].max_occur, Some(5));
        let notes = DatastoreKind::Notes;
        let none = Capabilities::properties(Some(&silent), &rules, "people", notes);
        assert_eq!(none, []);
        // a device that gives no information at all
        let unknown = Capabilities::properties(None, &rules, "people", DatastoreKind::Contacts);
        assert_eq!(unknown, list);
        rules.ignore_sizes = true;
        let sized = &listed(&silent, &rules, "people")[0].properties[1];
        assert_eq!(sized.max_size, Some(40), "the sizes are not the device's");

        let mut telling = silent.clone();
        telling.datastores[0].capabilities = vec![Capability {
            media_type: "text/x-vcard".to_owned(),
            properties: vec![Property {
                name: "N".to_owned(),
                ..Property::default()
            }],
            ..Capability::default()
        }];
        let own = telling.datastores[0].capabilities.clone();
        assert_eq!(listed(&telling, &rules, "people"), own);
        rules.ignore_properties = true;
        assert_eq!(listed(&telling, &rules, "people"), list);
    }

    #[test]
    fn a_rule_goes_over_what_the_device_says() {
        let mut rules = Rules::default();
        rules.prefer.insert(
            "calendar".to_owned(),
            Format {
                media_type: "text/x-vcalendar".to_owned(),
                version: "1.0".to_owned(),
            },
        );
        rules.large_objects = Some(false);
        rules.max_guid_size = Some(4);
        let mut devinf = device(&[("text/calendar", "2.0")], &[]);
        devinf.large_objects = true;
        let known = Capabilities::of(Some(&devinf), &rules, "PEOPLE?/dr(-30,90)");
        let list = known.to_receive(&rules, DatastoreKind::Calendar);
        assert_eq!(
            list,
            [
                pair("text/x-vcalendar", "1.0"),
                pair("text/calendar", "2.0")
            ]
        );
        assert!(!known.large_objects);
        assert_eq!(known.max_guid_size, Some(4));
    }
}

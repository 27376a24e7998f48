//! What is special about a datastore: filter, room and login of the command line and the profile.

use session::client::Room;
use session::filter::{self, FieldParameter, FieldProperty, Fields, Filter, MAX_PROPERTIES, Query};

use super::profile::Entry;
use crate::cli::Sync;
use crate::report::{Failure, Outcome};

/// The datastores with what the command line says of each.
pub(super) fn added(
    mut stores: Vec<(String, Entry)>,
    options: &Sync,
) -> Outcome<Vec<(String, Entry)>> {
    for filter in &options.filters {
        let (entry, query) = named(&mut stores, filter, "STORE=QUERY")?;
        entry.filter = Some(query.to_owned());
    }
    for fields in &options.fields {
        let (entry, list) = named(&mut stores, fields, "STORE=PROPERTIES")?;
        entry.fields = Some(list.to_owned());
    }
    for room in &options.rooms {
        let (entry, room) = named(&mut stores, room, "STORE=BYTES or STORE=BYTES,ITEMS")?;
        entry.room = Some(room.to_owned());
    }
    for login in &options.store_logins {
        let (entry, file) = named(&mut stores, login, "STORE=FILE")?;
        entry.login_file = Some(file.into());
    }
    for (_, entry) in &mut stores {
        entry.inclusive |= options.inclusive;
    }
    Ok(stores)
}

/// The datastore that an option is for, and the rest of it.
fn named<'s, 't>(
    stores: &'s mut [(String, Entry)],
    option: &'t str,
    form: &str,
) -> Outcome<(&'s mut Entry, &'t str)> {
    let wrong = |what: &str| {
        Failure::usage(format_args!(
            "the option {option:?} {what}; write {form} with a datastore that is synced"
        ))
    };
    let (name, rest) = option.split_once('=').ok_or_else(|| wrong("has no `=`"))?;
    let name = session::datastore_name(name);
    let (_, entry) = stores
        .iter_mut()
        .find(|(store, _)| session::datastore_name(store) == name)
        .ok_or_else(|| wrong("names no datastore"))?;
    Ok((entry, rest))
}

/// Room of so many bytes and, where that is said, items.
pub(super) fn room_of(text: &str) -> Outcome<Room> {
    let (bytes, items) = match text.split_once(',') {
        Some((bytes, items)) => (bytes, Some(items)),
        None => (text, None),
    };
    let number = |text: &str| text.trim().parse::<u64>();
    let room = number(bytes).and_then(|bytes| Ok((bytes, items.map(number).transpose()?)));
    let (bytes, items) = room.map_err(|_| {
        Failure::usage(format_args!(
            "the room {text:?} cannot be read; write bytes, or bytes and items, as in 100000,50"
        ))
    })?;
    Ok(Room {
        bytes,
        items,
        shared: false,
    })
}

/// The filter that query and properties of a datastore make.
pub(super) fn filter_of(entry: &Entry, media_type: &str) -> Outcome<Option<Filter>> {
    let record = entry.filter.as_deref().map(query_of).transpose()?;
    let fields = entry.fields.as_deref().map(fields_of).transpose()?;
    if record.is_none() && fields.is_none() {
        return Ok(None);
    }
    Ok(Some(Filter {
        media_type: media_type.to_owned(),
        kind: if entry.inclusive {
            filter::Kind::Inclusive
        } else {
            filter::Kind::Exclusive
        },
        record,
        fields,
    }))
}

fn query_of(query: &str) -> Outcome<Query> {
    Query::parse(query).map_err(|error| {
        Failure::usage(format_args!(
            "the filter {query:?} cannot be read ({error}); write clauses like TEL&CON;030, joined \
             by &AND; or &OR;"
        ))
    })
}

/// The properties of a list, as in `N,TEL;TYPE=CELL,NOTE:200`.
fn fields_of(list: &str) -> Outcome<Fields> {
    let properties = list.split(',').map(property_of).collect::<Option<Vec<_>>>();
    let properties = properties.filter(|all| all.len() <= MAX_PROPERTIES);
    let properties = properties.ok_or_else(|| {
        Failure::usage(format_args!(
            "the properties {list:?} cannot be read; write at most {MAX_PROPERTIES} names, each with \
             what is wanted of it, as in N,FN,TEL;TYPE=CELL,NOTE:200"
        ))
    })?;
    Ok(Fields { properties })
}

fn property_of(text: &str) -> Option<FieldProperty> {
    let (names, size) = match text.trim().split_once(':') {
        Some((names, size)) => (names, Some(size)),
        None => (text.trim(), None),
    };
    let (max_size, no_truncate) = match size {
        Some(size) => {
            let whole = size.strip_suffix('!');
            (Some(whole.unwrap_or(size).parse().ok()?), whole.is_some())
        }
        None => (None, false),
    };
    let mut names = names.split(';').map(str::trim);
    let name = names.next().filter(|name| is_name(name))?.to_owned();
    let parameters = names.map(parameter_of).collect::<Option<Vec<_>>>()?;
    Some(FieldProperty {
        name,
        max_size,
        no_truncate,
        parameters,
        ..FieldProperty::default()
    })
}

/// A parameter, with the values that are wanted of it, as in `TYPE=CELL/WORK`.
fn parameter_of(text: &str) -> Option<FieldParameter> {
    let (name, values) = match text.split_once('=') {
        Some((name, values)) => (name, values.split('/').collect()),
        None => (text, Vec::new()),
    };
    let is_whole = is_name(name) && values.iter().all(|value| is_name(value));
    is_whole.then(|| FieldParameter {
        name: name.to_owned(),
        values: values.into_iter().map(str::to_owned).collect(),
        max_size: None,
    })
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    !name.is_empty() && letters.all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn room_is_bytes_and_items() {
        let read = |text: &str| room_of(text).map(|room| (room.bytes, room.items)).ok();
        assert_eq!(read("1000"), Some((1000, None)));
        assert_eq!(read("1000, 5"), Some((1000, Some(5))));
        for wrong in ["", "x", "1,", "1,x", "1,2,3", "-1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    // spec: L04
    #[test]
    fn a_list_of_properties_says_what_is_wanted_of_each() {
        let read = fields_of("N, TEL;TYPE=CELL/HOME;X-SLOT ,NOTE:200,X-PIC:9!")
            .unwrap()
            .properties;
        let names: Vec<&str> = read.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["N", "TEL", "NOTE", "X-PIC"]);
        let parameters = read[1].parameters.iter();
        let parameters: Vec<(&str, String)> = parameters
            .map(|one| (one.name.as_str(), one.values.join("/")))
            .collect();
        let expected = [("TYPE", "CELL/HOME".to_owned()), ("X-SLOT", String::new())];
        assert_eq!(parameters, expected);
        assert_eq!((read[1].max_size, read[1].no_truncate), (None, false));
        assert_eq!((read[2].max_size, read[2].no_truncate), (Some(200), false));
        assert_eq!((read[3].max_size, read[3].no_truncate), (Some(9), true));
        for wrong in [
            "",
            "N,",
            "N:",
            "N:x",
            "N:1:2",
            "TEL;",
            "TEL;TYPE=",
            "TEL;=CELL",
            "A B",
            "N!",
            "<N>",
        ] {
            assert!(fields_of(wrong).is_err(), "{wrong}");
        }
    }
}

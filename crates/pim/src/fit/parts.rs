//! The components of a structured value that a device keeps: some list them as parameters, each with
//! a size of its own (Device Information, `ParamName` and `Size` of N, ADR and ORG).

use std::collections::BTreeMap;

use super::Parameter;
use crate::decode::{self, Dialect};
use crate::fields::cut;

/// A property, and the words by which devices name its components, in order.
type Words = (&'static str, &'static [&'static [&'static str]]);

const COMPONENTS: [Words; 3] = [
    (
        "N",
        &[
            &["LASTNAME", "FAMILYNAME", "SURNAME", "FAMILY", "LAST"],
            &["FIRSTNAME", "GIVENNAME", "GIVEN", "FIRST"],
            &[
                "MIDDLENAME",
                "MIDDLENAMES",
                "ADDITIONALNAME",
                "ADDITIONALNAMES",
                "MIDDLE",
            ],
            &[
                "PREFIX",
                "NAMEPREFIX",
                "HONORIFICPREFIX",
                "HONORIFICPREFIXES",
            ],
            &[
                "SUFFIX",
                "NAMESUFFIX",
                "HONORIFICSUFFIX",
                "HONORIFICSUFFIXES",
            ],
        ],
    ),
    (
        "ADR",
        &[
            &["POBOX", "POSTOFFICEBOX", "POSTOFFICEADDRESS", "POSTBOX"],
            &["EXTENDED", "EXTENDEDADDRESS", "EXTENSION", "EXTADDRESS"],
            &["STREET", "STREETADDRESS"],
            &["CITY", "LOCALITY", "TOWN"],
            &["REGION", "STATE", "PROVINCE"],
            &["POSTALCODE", "POSTCODE", "ZIP", "ZIPCODE"],
            &["COUNTRY", "COUNTRYNAME"],
        ],
    ),
    (
        "ORG",
        &[
            &[
                "COMPANY",
                "COMPANYNAME",
                "ORGNAME",
                "ORGANIZATIONNAME",
                "ORGANISATIONNAME",
            ],
            &[
                "UNIT",
                "ORGUNIT",
                "ORGANIZATIONUNIT",
                "ORGANIZATIONALUNIT",
                "DEPARTMENT",
            ],
        ],
    ),
];

/// The components that are kept, by place, each with the most characters that it may have.
pub(super) type Components = BTreeMap<usize, Option<u64>>;

/// The place of the component that a parameter of this property names, blanks, hyphens and case
/// aside.
pub(super) fn place(property: &str, parameter: &Parameter) -> Option<usize> {
    place_of(property, &parameter.name)
}

/// Whether a word names a component of a structured value, as devices name those of N, ADR and ORG: a
/// [`Parameter`] of that name lists it.
// spec: F20
pub fn names_component(property: &str, word: &str) -> bool {
    place_of(property, word).is_some()
}

fn place_of(property: &str, word: &str) -> Option<usize> {
    let property = property.trim();
    let mut all = COMPONENTS.iter();
    let (_, words) = all.find(|(name, _)| name.eq_ignore_ascii_case(property))?;
    let letters = word.chars().filter(char::is_ascii_alphanumeric);
    let word: String = letters.map(|c| c.to_ascii_uppercase()).collect();
    words
        .iter()
        .position(|names| names.contains(&word.as_str()))
}

/// Adds the components of another place for the same property: what either takes is taken.
pub(super) fn join(components: &mut Components, other: Components) {
    for (place, size) in other {
        let joined = match components.get(&place) {
            Some(own) => own.zip(size).map(|(a, b)| a.max(b)),
            None => size,
        };
        components.insert(place, joined);
    }
}

/// What is left of a structured value, escapes in it; `None` when all of it is. Components that are
/// too long are cut, or with `whole` left out.
pub(super) fn kept(
    text: &str,
    components: &Components,
    dialect: Dialect,
    whole: bool,
) -> Option<String> {
    let parts: Vec<&str> = decode::parts(text, ';', dialect).collect();
    let mut out: Vec<&str> = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        out.push(match components.get(&at) {
            None => "",
            Some(None) => part,
            Some(Some(most)) => match cut(part, *most, Some(dialect)) {
                None => part,
                Some(_) if whole => "",
                // the old formats cannot tell a backslash before a separator from an escape, and
                // what stands last here may have been cut off before one
                Some(short) if dialect == Dialect::Old => short.trim_end_matches('\\'),
                Some(short) => short,
            },
        });
    }
    (out != parts).then(|| out.join(";"))
}

/// Whether a structured value says nothing.
pub(super) fn is_void(text: &str) -> bool {
    text.chars().all(|c| c == ';' || c.is_whitespace())
}

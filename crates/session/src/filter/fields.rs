//! The field filter: the properties that a client takes in this session, in place of those that
//! its device information lists (DS Protocol, filtering; Device Information, Property).

use std::collections::BTreeSet;

use pim::line::Lines;
use pim::{Field, Holding, Holdings, Parameter};
use serde::{Deserialize, Serialize};
use syncml::devinf::Property;

use super::{FilterError, MAX_PROPERTIES};

/// The properties that a client takes, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// In the client's order.
    pub properties: Vec<FieldProperty>,
}

/// A property that a client takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FieldProperty {
    /// `PropName`.
    pub name: String,
    /// `MaxSize`, characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// `NoTruncate`: leave out rather than cut.
    #[serde(default)]
    pub no_truncate: bool,
    /// `MaxOccur`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_occur: Option<u64>,
    /// `ValEnum`: the values that are wanted; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Its `PropParam`s; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<FieldParameter>,
}

/// A parameter of a property that a client takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "StoredParameter", into = "StoredParameter")]
pub struct FieldParameter {
    /// `ParamName`.
    pub name: String,
    /// `ValEnum`: the values that are wanted; empty means all.
    pub values: Vec<String>,
    /// `Size`, characters: of a component that the parameter names.
    pub max_size: Option<u64>,
}

/// A parameter as it is kept: one of which there is nothing but its name is a text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredParameter {
    Name(String),
    Limited {
        name: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_size: Option<u64>,
    },
}

impl From<StoredParameter> for FieldParameter {
    fn from(stored: StoredParameter) -> Self {
        match stored {
            StoredParameter::Name(name) => Self {
                name,
                ..Self::default()
            },
            StoredParameter::Limited {
                name,
                values,
                max_size,
            } => Self {
                name,
                values,
                max_size,
            },
        }
    }
}

impl From<FieldParameter> for StoredParameter {
    fn from(parameter: FieldParameter) -> Self {
        let FieldParameter {
            name,
            values,
            max_size,
        } = parameter;
        if values.is_empty() && max_size.is_none() {
            return Self::Name(name);
        }
        Self::Limited {
            name,
            values,
            max_size,
        }
    }
}

/// How many of a property there may be where values alone are limited: of alarms without a number a device
/// has one.
const ANY_NUMBER: Option<u64> = Some(u64::MAX);

impl Fields {
    /// The properties of a list, those without a name aside; `None` if none is left.
    ///
    /// `BEGIN` with `ValEnum` lists components: an alarm among them is wanted. Which entries are wanted is
    /// for a query to say, and no limit of what is in them.
    ///
    /// # Errors
    ///
    /// [`FilterError::TooLong`] beyond [`MAX_PROPERTIES`].
    pub fn of(list: &[Property]) -> Result<Option<Self>, FilterError> {
        let mut properties = Vec::new();
        for property in list {
            let name = property.name.trim();
            let is_component = ["BEGIN", "END"]
                .iter()
                .any(|structure| structure.eq_ignore_ascii_case(name));
            if name.eq_ignore_ascii_case("BEGIN") {
                let components = property.values.iter().map(|value| value.trim());
                properties.extend(
                    components
                        .filter(|value| value.eq_ignore_ascii_case("VALARM"))
                        .map(|value| FieldProperty {
                            name: value.to_owned(),
                            ..FieldProperty::default()
                        }),
                );
            }
            if !name.is_empty() {
                properties.push(FieldProperty {
                    name: name.to_owned(),
                    max_size: property.max_size,
                    no_truncate: property.no_truncate,
                    max_occur: property.max_occur,
                    values: if is_component {
                        Vec::new()
                    } else {
                        trimmed(&property.values)
                    },
                    parameters: property
                        .parameters
                        .iter()
                        .map(|parameter| FieldParameter {
                            name: parameter.name.trim().to_owned(),
                            values: trimmed(&parameter.values),
                            max_size: parameter.max_size,
                        })
                        .filter(|parameter| !parameter.name.is_empty())
                        .collect(),
                });
            }
            if properties.len() > MAX_PROPERTIES {
                return Err(FilterError::TooLong {
                    what: "properties",
                    limit: MAX_PROPERTIES,
                });
            }
        }
        Ok((!properties.is_empty()).then_some(Self { properties }))
    }

    /// The content with these properties and those that it cannot do without, as
    /// [`pim::keep_fields`] leaves it, and of these the values that are wanted, as [`pim::fit`] leaves
    /// them. What comes back from the client must not count as an edit of what was left out.
    pub fn reduce(&self, media_type: &str, content: &[u8]) -> Vec<u8> {
        let fields: Vec<Field> = self
            .properties
            .iter()
            .map(|property| Field {
                name: property.name.clone(),
                max_size: property.max_size,
                no_truncate: property.no_truncate,
                max_occur: property.max_occur,
                parameters: property
                    .parameters
                    .iter()
                    .map(|parameter| parameter.name.clone())
                    .collect(),
            })
            .collect();
        let kept = pim::keep_fields(media_type, content, &fields);
        if !self.limits_values() {
            return kept;
        }
        match pim::fit(&kept, media_type, &self.limits(&kept)) {
            Some(fitted) => fitted.bytes,
            None => kept,
        }
    }

    /// Whether some values of a property or parameter are wanted and others not.
    fn limits_values(&self) -> bool {
        self.properties.iter().any(|property| {
            let mut parameters = property.parameters.iter();
            !property.values.is_empty()
                || parameters.any(|one| !one.values.is_empty() || one.max_size.is_some())
        })
    }

    /// The limits of values, over properties of which all else is in the content by now: what a list
    /// does not name goes.
    fn limits(&self, content: &[u8]) -> Holdings {
        let listed = self.properties.iter().map(|property| Holding {
            name: property.name.clone(),
            values: property.values.clone(),
            parameters: property
                .parameters
                .iter()
                .map(|parameter| Parameter {
                    name: parameter.name.clone(),
                    values: parameter.values.clone(),
                    max_size: parameter.max_size,
                })
                .collect(),
            max_occur: ANY_NUMBER,
            ..Holding::default()
        });
        let mut holdings: Vec<Holding> = listed.collect();
        let names = holdings.iter().map(|one| one.name.to_ascii_uppercase());
        let mut known: BTreeSet<String> = names.collect();
        for line in Lines::new(content) {
            let name = String::from_utf8_lossy(line.name()).into_owned();
            if known.insert(name.to_ascii_uppercase()) {
                holdings.push(Holding {
                    name,
                    max_occur: ANY_NUMBER,
                    ..Holding::default()
                });
            }
        }
        Holdings {
            properties: Some(holdings),
            max_photo: None,
        }
    }

    /// The `Property` elements.
    pub(super) fn to_markup(&self) -> String {
        let mut out = String::new();
        for property in &self.properties {
            out += "<Property xmlns=\"syncml:devinf\"><PropName>";
            escape(&property.name, &mut out);
            out += "</PropName>";
            if let Some(max_occur) = property.max_occur {
                out.extend(["<MaxOccur>", &max_occur.to_string(), "</MaxOccur>"]);
            }
            if let Some(max_size) = property.max_size {
                out.extend(["<MaxSize>", &max_size.to_string(), "</MaxSize>"]);
            }
            if property.no_truncate {
                out += "<NoTruncate/>";
            }
            values_to_markup(&property.values, &mut out);
            for parameter in &property.parameters {
                out += "<PropParam><ParamName>";
                escape(&parameter.name, &mut out);
                out += "</ParamName>";
                values_to_markup(&parameter.values, &mut out);
                out += "</PropParam>";
            }
            out += "</Property>";
        }
        out
    }
}

fn values_to_markup(values: &[String], out: &mut String) {
    for value in values {
        *out += "<ValEnum>";
        escape(value, out);
        *out += "</ValEnum>";
    }
}

fn trimmed(values: &[String]) -> Vec<String> {
    let values = values.iter().map(|value| value.trim().to_owned());
    values.filter(|value| !value.is_empty()).collect()
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => *out += "&lt;",
            '>' => *out += "&gt;",
            '&' => *out += "&amp;",
            c => out.push(c),
        }
    }
}

//! The field filter: the properties that a client takes in this session, in place of those that
//! its device information lists (DS Protocol, filtering; Device Information, Property).

use pim::Field;
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
    /// The names of its `PropParam`s; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
}

impl Fields {
    /// The properties of a list, those without a name aside; `None` if none is left.
    ///
    /// `BEGIN` with `ValEnum` lists components: an alarm among them is wanted.
    ///
    /// # Errors
    ///
    /// [`FilterError::TooLong`] beyond [`MAX_PROPERTIES`].
    pub fn of(list: &[Property]) -> Result<Option<Self>, FilterError> {
        let mut properties = Vec::new();
        for property in list {
            let name = property.name.trim();
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
                    parameters: property
                        .parameters
                        .iter()
                        .map(|parameter| parameter.name.trim().to_owned())
                        .filter(|name| !name.is_empty())
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
    /// [`pim::keep_fields`] leaves it. What comes back from the client must not count as an
    /// edit of what was left out.
    pub fn reduce(&self, media_type: &str, content: &[u8]) -> Vec<u8> {
        let fields: Vec<Field> = self
            .properties
            .iter()
            .map(|property| Field {
                name: property.name.clone(),
                max_size: property.max_size,
                no_truncate: property.no_truncate,
                max_occur: property.max_occur,
                parameters: property.parameters.clone(),
            })
            .collect();
        pim::keep_fields(media_type, content, &fields)
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
            for name in &property.parameters {
                out += "<PropParam><ParamName>";
                escape(name, &mut out);
                out += "</ParamName></PropParam>";
            }
            out += "</Property>";
        }
        out
    }
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

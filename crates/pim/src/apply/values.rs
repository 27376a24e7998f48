//! Properties that are sets of values, in one line or in many: categories, exceptions.

use std::collections::BTreeSet;

use super::meaning::{Prop, Shape, shape};
use super::properties::{Merge, Named};
use super::write;

impl Merge<'_> {
    /// Takes values out of the lines of a set and puts values in, as a device has done.
    pub(super) fn values(&mut self, named: &Named<'_, '_>) {
        let name = named.name;
        let reader = self.reader;
        let meanings = |props: &[&Prop<'_>]| -> BTreeSet<String> {
            let values = props
                .iter()
                .flat_map(|prop| reader.values(&prop.line, name));
            values.map(|(_, meaning)| meaning).collect()
        };
        let before = meanings(named.held.unwrap_or(named.shown));
        let after = meanings(named.new);
        let is_removed = |meaning: &String| {
            named.held.is_some() && before.contains(meaning) && !after.contains(meaning)
        };
        let mut known = before.clone();
        known.extend(meanings(named.current));
        if name == "EXDATE" {
            // an exception would take away the override that stays
            known.extend(self.kept.iter().cloned());
        }
        let added: Vec<_> = named
            .new
            .iter()
            .map(|prop| {
                let values = reader.values(&prop.line, name).into_iter();
                let added = values.filter(|(_, meaning)| known.insert(meaning.clone()));
                (*prop, added.map(|(text, _)| text).collect::<Vec<_>>())
            })
            .filter(|(_, added)| !added.is_empty())
            .collect();
        // times have a zone, so that those of another line cannot join
        let last = named.current.len().checked_sub(1);
        let last = last.filter(|_| shape(name) == Shape::Texts);
        for (at, prop) in named.current.iter().enumerate() {
            let values = reader.values(&prop.line, name);
            let count = values.len();
            let kept = values.into_iter().filter(|(_, value)| !is_removed(value));
            let mut kept: Vec<String> = kept.map(|(text, _)| text).collect();
            let mut is_edited = kept.len() < count;
            if last == Some(at) {
                let more = added.iter().flat_map(|(_, values)| values);
                is_edited |= !added.is_empty();
                kept.extend(more.cloned());
            }
            if !is_edited {
                continue;
            }
            if kept.is_empty() {
                self.remove(prop);
                continue;
            }
            let text = self.joined(prop, &kept, name);
            self.patch.replace(prop.start(), prop.end(), text);
        }
        if last.is_some() {
            return;
        }
        for (prop, mut values) in added {
            if let Some(elsewhere) = self.elsewhere.as_ref().filter(|_| name == "EXDATE") {
                values.retain(|text| match elsewhere.exception(text) {
                    Some(line) => {
                        self.patch.insert(named.room, line.into_bytes());
                        false
                    }
                    None => true,
                });
            }
            if values.is_empty() {
                continue;
            }
            let count = reader.values(&prop.line, name).len();
            if count == values.len() {
                self.insert(named.room, prop);
            } else {
                let text = self.joined(prop, &values, name);
                self.patch.insert(named.room, text);
            }
        }
    }

    /// The line of a property with other values.
    fn joined(&self, prop: &Prop<'_>, values: &[String], name: &str) -> Vec<u8> {
        let dialect = self.dialect();
        let escaped = prop.line.escaped_text(dialect);
        let separator = self.reader.separator(&escaped, name).to_string();
        write::with_value(&prop.line, values.join(&separator), dialect)
    }
}

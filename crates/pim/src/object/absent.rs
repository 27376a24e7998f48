//! What a mail, file or folder object leaves unsaid: an element that is absent from a replacement
//! is unchanged. So a device that has read a mail sends its flags alone, and one that has renamed a
//! file its name.

use std::collections::BTreeSet;

use super::{Object, data, object, section};
use crate::apply::cut::is_cut_text;
use crate::decode::whole_text;

/// Elements of one element, as deep as they may nest before a document is taken for broken.
const DEPTH: usize = 64;

/// An element: `text` is all of it, tags included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'x> {
    pub(super) name: &'x str,
    tag: &'x str,
    pub(super) inner: &'x str,
    pub(super) text: &'x str,
}

impl Element<'_> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// An object of OMA DS that a device gives in place of `current`, with the elements that it does
/// not say and the message or content that it does not change. `None` where it lacks none, or
/// either is no such object.
///
/// The message of a mail that is the beginning of the one held is a cut copy of it, and so is the
/// content that `shown`, the object as the device was shown it, has: the whole stays. An empty
/// message is none, while an empty file is one.
pub fn complete_object(
    media_type: &str,
    current: &[u8],
    shown: &[u8],
    new: &[u8],
) -> Option<Vec<u8>> {
    let kind = object(media_type, new)?;
    let (whole, told): (&str, &[&str]) = match kind {
        Object::Email => ("emailitem", &["emailitem"]),
        Object::File => ("body", &["body", "size"]),
        Object::Folder => ("", &[]),
        Object::Message => return None,
    };
    let [current, shown, new] = [current, shown, new].map(whole_text);
    let (ours, theirs) = (root(&current)?, root(&new)?);
    let stays = !whole.is_empty() && keeps(kind, whole, [&current, &shown, &new]);
    let is_told = |element: &Element<'_>| told.iter().any(|name| element.is(name));
    let ours: Vec<_> = children(ours.inner)?
        .into_iter()
        .filter(|element| stays || !is_told(element))
        .collect();
    let given = children(theirs.inner)?;
    let count = given.len();
    let given: Vec<_> = given
        .into_iter()
        .filter(|element| !stays || !is_told(element))
        .collect();
    let mut out = String::new();
    let is_changed = completed(&ours, &given, &mut out)? || given.len() < count;
    if !is_changed {
        return None;
    }
    let before = new.find(theirs.text)?;
    let (before, after) = (new.get(..before)?, new.get(before + theirs.text.len()..)?);
    let tag = theirs.tag.trim_end_matches('/').trim_end();
    let word = tag.split_whitespace().next()?;
    Some(format!("{before}<{tag}>{out}</{word}>{after}").into_bytes())
}

/// Writes the elements of `given` and those that only `ours` has; whether there are any.
fn completed(ours: &[Element<'_>], given: &[Element<'_>], out: &mut String) -> Option<bool> {
    let mut is_changed = false;
    // the first of each: more of them would be more work than an object is worth
    let mut held = ours.iter().find(|held| held.is("attributes"));
    for element in given {
        let held = if element.is("attributes") {
            held.take()
        } else {
            None
        };
        match held {
            Some(held) => {
                let mut inner = String::new();
                let all = (children(held.inner)?, children(element.inner)?);
                is_changed |= completed(&all.0, &all.1, &mut inner)?;
                let tag = element.tag.trim_end_matches('/');
                let word = tag.split_whitespace().next()?;
                out.extend(["<", tag, ">", &inner, "</", word, ">"]);
            }
            None => out.push_str(element.text),
        }
    }
    let names: BTreeSet<String> = given
        .iter()
        .map(|one| one.name.to_ascii_lowercase())
        .collect();
    for element in ours {
        if !names.contains(&element.name.to_ascii_lowercase()) {
            is_changed = true;
            push_plain(element.text, out);
        }
    }
    Some(is_changed)
}

/// Whether the message or the content of an object stays as it is held.
fn keeps(kind: Object, name: &str, [current, shown, new]: [&str; 3]) -> bool {
    let (Some(held), Some(given)) = (data(current, name), data(new, name)) else {
        return data(new, name).is_none();
    };
    let plain = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace('\r', "");
        text.trim().to_owned()
    };
    let shown = data(shown, name);
    if shown.as_ref() == Some(&given) && held != given {
        return true;
    }
    if kind != Object::Email {
        return false;
    }
    let had_all = shown.as_ref() == Some(&held);
    let (held, given) = (plain(&held), plain(&given));
    given.is_empty() || is_cut_text(&given, &held, had_all)
}

/// The outermost element.
pub(super) fn root(xml: &str) -> Option<Element<'_>> {
    let mut found = None;
    each(xml, |element| {
        found = Some(element);
        false
    })?;
    found
}

pub(super) fn children(xml: &str) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    each(xml, |element| {
        found.push(element);
        true
    })?;
    Some(found)
}

/// Goes through the elements of a text, as long as `take` wants more. `None` if they do not nest.
fn each<'x>(xml: &'x str, mut take: impl FnMut(Element<'x>) -> bool) -> Option<()> {
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        let from = rest.get(at..)?;
        let after = from.get(1..)?;
        if let Some((_, next)) = section(after) {
            rest = next;
        } else if after.starts_with(['?', '!']) {
            rest = after.split_once('>')?.1;
        } else {
            let element = first(from)?;
            rest = from.get(element.text.len()..)?;
            if !take(element) {
                return Some(());
            }
        }
    }
    Some(())
}

/// The element that a text begins with.
fn first(xml: &str) -> Option<Element<'_>> {
    let (tag, body) = xml.get(1..)?.split_once('>')?;
    let name = name_in(tag)?;
    let (mut depth, mut rest) = (usize::from(!tag.ends_with('/')), body);
    let mut inner = "";
    while depth > 0 {
        let at = rest.find('<')?;
        let after = rest.get(at + 1..)?;
        if let Some((_, next)) = section(after) {
            rest = next;
            continue;
        }
        let (next, left) = after.split_once('>')?;
        if let Some(end) = next.strip_prefix('/') {
            name_in(end)?;
            depth -= 1;
            inner = body.get(..body.len() - rest.len() + at)?;
        } else if !next.starts_with(['?', '!']) {
            name_in(next)?;
            depth += usize::from(!next.ends_with('/'));
        }
        if depth > DEPTH {
            return None;
        }
        rest = left;
    }
    Some(Element {
        name,
        tag,
        inner,
        text: xml.get(..xml.len() - rest.len())?,
    })
}

/// The name that a tag begins with, without its prefix; `None` where that is none, or the tag holds the
/// beginning of another.
fn name_in(tag: &str) -> Option<&str> {
    if tag.contains('<') {
        return None;
    }
    let word = tag.split(|c: char| c.is_whitespace() || c == '/').next()?;
    let name = word.rsplit(':').next()?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!name.is_empty() && word.replace(':', "").chars().all(is_name)).then_some(name)
}

/// An element without the prefixes of its names, which another document does not declare.
pub(super) fn push_plain(xml: &str, out: &mut String) {
    let mut rest = xml;
    while let Some((text, after)) = rest.split_once('<') {
        out.push_str(text);
        out.push('<');
        if let Some((_, next)) = section(after) {
            out.push_str(after.get(..after.len() - next.len()).unwrap_or_default());
            rest = next;
            continue;
        }
        if after.starts_with(['?', '!']) {
            let end = after.find('>').unwrap_or(after.len());
            let (mark, next) = after.split_at(end);
            out.push_str(mark);
            rest = next;
            continue;
        }
        let end = after.find(|c: char| c.is_whitespace() || c == '>' || c == '"');
        let (word, next) = after.split_at(end.unwrap_or(after.len()));
        let slash = if word.starts_with('/') { "/" } else { "" };
        match word.rsplit_once(':') {
            Some((_, local)) => out.extend([slash, local]),
            None => out.push_str(word),
        }
        rest = next;
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::tests::{EMAIL, FILE, FOLDER};
    use super::*;

    const MAIL: &str = "<Email><read>false</read><emailitem><![CDATA[From: ann@example.org\n\
                        Subject: Hi\n\nLunch at the <lake>, with everybody?]]></emailitem>\
                        <Ext><XNam>a</XNam><XVal>1</XVal></Ext></Email>";

    fn done(media_type: &str, current: &str, new: &str) -> Option<String> {
        let [current, new] = [current, new].map(str::as_bytes);
        complete_object(media_type, current, current, new)
            .map(|done| String::from_utf8(done).unwrap())
    }

    // spec: T46
    #[test]
    fn flags_alone_leave_the_message() {
        for flags in [
            "<?xml version='1.0'?><Email><read>true</read></Email>\n",
            "<?xml version='1.0'?><Email><read>true</read><emailitem/></Email>\n",
        ] {
            let whole = done(EMAIL, MAIL, flags).unwrap();
            let rest = MAIL.replace("<Email><read>false</read>", "");
            let expected = format!("<?xml version='1.0'?><Email><read>true</read>{rest}\n");
            assert_eq!(whole, expected);
        }
        assert_eq!(done(EMAIL, MAIL, MAIL), None);
        // the whole object was in a marked section itself
        let nested = MAIL.replace("]]>", "]]&gt;");
        let whole = done(EMAIL, &nested, "<Email><read>true</read></Email>").unwrap();
        assert!(
            whole.contains("with everybody?]]&gt;</emailitem>"),
            "{whole}"
        );
        let prefixed = MAIL
            .replace("<E", "<o:E")
            .replace("<emailitem", "<o:emailitem");
        let prefixed = prefixed
            .replace("</E", "</o:E")
            .replace("</emailitem", "</o:emailitem");
        let flags = "<e:Email><e:read>true</e:read></e:Email>";
        let whole = done(EMAIL, &prefixed, flags).unwrap();
        let message = "<emailitem><![CDATA[From: ann@example.org\n";
        assert!(whole.starts_with(&format!("<e:Email><e:read>true</e:read>{message}")));
        assert!(whole.contains("with everybody?]]></emailitem><Ext><XNam>a"));
        assert!(whole.ends_with("</Ext></e:Email>"));
    }

    // spec: T46
    #[test]
    fn the_beginning_of_a_message_is_a_cut_copy() {
        let cut = "<Email><read>true</read><emailitem>From: ann@example.org\r\nSubject: Hi\r\n\r\n\
                   Lunch at the &lt;la</emailitem></Email>";
        let whole = done(EMAIL, MAIL, cut).unwrap();
        assert!(whole.contains("with everybody?]]></emailitem>"), "{whole}");
        let draft = cut.replace("Lunch", "Dinner");
        let whole = done(EMAIL, MAIL, &draft).unwrap();
        assert!(whole.contains("Dinner at the &lt;la</emailitem>"));
        assert!(!whole.contains("Lunch") && whole.contains("<XVal>1</XVal>"));
    }

    // spec: T46
    #[test]
    fn a_name_alone_leaves_the_content() {
        let file = "<File><name>a</name><attributes><h>true</h><x>true</x></attributes>\
                    <body enc=\"base64\">bWlsaw==</body><size>4</size></File>";
        assert_eq!(
            done(FILE, file, "<File><name>b</name><size>9</size></File>").unwrap(),
            file.replace(">a<", ">b<")
        );
        let hidden = "<File><attributes><h>false</h></attributes><body/></File>";
        assert_eq!(
            done(FILE, file, hidden).unwrap(),
            "<File><attributes><h>false</h><x>true</x></attributes><body/><name>a</name></File>"
        );
        let shown = file.replace("bWlsaw==", "bWk=");
        let back = shown.replace(">a<", ">b<");
        let whole = complete_object(FILE, file.as_bytes(), shown.as_bytes(), back.as_bytes());
        let whole = String::from_utf8(whole.unwrap()).unwrap();
        assert!(whole.contains(">bWlsaw==<") && whole.contains("<name>b</name>"));
        let folder = "<Folder><name>In</name><role>inbox</role></Folder>";
        assert_eq!(
            done(FOLDER, folder, "<Folder><name>Eingang</name></Folder>").unwrap(),
            folder.replace("In<", "Eingang<")
        );
        assert_eq!(done(FOLDER, folder, "<Folder><name>"), None);
        assert_eq!(done("text/plain", folder, "x"), None);
    }

    proptest! {
        #[test]
        fn no_object_breaks_it(
            current in "(<[a-zE!/?]{0,9}>?|emailitem|<body>|name|<!\\[CDATA\\[|\\]\\]>|[<>&;:/é\n-]){0,40}",
            new in "(<[a-zE!/?]{0,9}>?|emailitem|<body>|name|<!\\[CDATA\\[|\\]\\]>|[<>&;:/é\n-]){0,40}",
        ) {
            for media_type in [EMAIL, FILE, FOLDER] {
                let whole = done(media_type, &current, &new);
                if let Some(whole) = whole {
                    prop_assert_eq!(done(media_type, &current, &whole), None);
                }
            }
        }
    }
}

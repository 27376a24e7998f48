//! The mail and file objects of OMA DS taken apart and put together, for who keeps what is in them as a
//! file: the message or content on one side, and on the other the head, which is all else that the object
//! says.
//!
//! A head is written as the elements of the object without `emailitem`, or `body` and `size`, and with no
//! prefixes.

use super::absent::{children, push_plain, root};
use super::{Object, data, element, object};
use crate::convert::encode::{base64_into, base64_length};
use crate::decode::whole_text;

/// How an object is written.
struct Form {
    root: &'static str,
    /// The element of the message or content.
    body: &'static str,
    /// Whether that is one without a byte.
    may_be_empty: bool,
    /// Its elements in their order; what else there is comes last.
    order: &'static [&'static str],
}

const EMAIL: Form = Form {
    root: "Email",
    body: "emailitem",
    may_be_empty: false,
    order: &[
        "read",
        "forwarded",
        "replied",
        "received",
        "created",
        "modified",
        "deleted",
        "flagged",
        "emailitem",
    ],
};

const FILE: Form = Form {
    root: "File",
    body: "body",
    may_be_empty: true,
    order: &[
        "name",
        "created",
        "modified",
        "accessed",
        "attributes",
        "cttype",
        "body",
        "size",
    ],
};

impl Form {
    fn of(media_type: &str) -> Option<&'static Self> {
        match object(media_type, b"")? {
            Object::Email => Some(&EMAIL),
            Object::File => Some(&FILE),
            Object::Folder | Object::Message => None,
        }
    }

    fn rank(&self, name: &str) -> usize {
        let found = self
            .order
            .iter()
            .position(|one| one.eq_ignore_ascii_case(name));
        found.unwrap_or(self.order.len())
    }
}

/// A mail or file object in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectParts {
    /// All that the object says but for message or content.
    pub head: String,
    /// The message or content, decoded; `None` where the object leaves it as it is.
    pub body: Option<Vec<u8>>,
}

/// Takes a mail or file object apart. `None` where the item is none, or cannot be read.
// spec: T44 T45 T46
pub fn object_parts(media_type: &str, content: &[u8]) -> Option<ObjectParts> {
    let form = Form::of(media_type)?;
    let text = whole_text(content);
    let outer = root(&text).filter(|element| element.is(form.root))?;
    let (mut head, mut body) = (String::new(), None);
    for element in children(outer.inner)? {
        if element.is(form.body) {
            // markup that is not escaped is no text: what is read of it would be a part
            if !children(element.inner)?.is_empty() {
                return None;
            }
            body = body.or_else(|| data(element.text, form.body));
        } else if !element.is("size") {
            push_plain(element.text, &mut head);
        }
    }
    // an empty message is none, while an empty file is one
    let body = body.filter(|body| form.may_be_empty || !body.trim_ascii().is_empty());
    Some(ObjectParts { head, body })
}

/// The text of an element of a head, such as `name` or `modified`; `None` where it has none.
pub fn element_in_head(head: &str, name: &str) -> Option<String> {
    let found = children(head)?.into_iter().find(|one| one.is(name))?;
    element(found.text, name).map(|(_, text)| text.into_owned())
}

/// A head with this text in an element that the object has once, such as `name` or `modified`, new or not.
/// A head that cannot be read is left, and begins anew.
pub fn with_element(head: &str, name: &str, text: &str) -> String {
    let mut out = format!("<{name}>{}</{name}>", escaped(text));
    for element in children(head).unwrap_or_default() {
        if !element.is(name) {
            out.push_str(element.text);
        }
    }
    out
}

/// The mail or file object of a head and a message or content, in the order of the standard. `None` where
/// the media type is that of neither.
// spec: T44 T45
pub fn write_object(media_type: &str, head: &str, body: &[u8]) -> Option<Vec<u8>> {
    let form = Form::of(media_type)?;
    let name = form.body;
    let size = format!("<size>{}</size>", body.len());
    // a head has neither content nor size, so that none would stand before those that are given
    let mut parts: Vec<(usize, Option<&str>)> = children(head)
        .unwrap_or_default()
        .into_iter()
        .filter(|element| !element.is(name) && !element.is("size"))
        .map(|element| (form.rank(element.name), Some(element.text)))
        .collect();
    parts.push((form.rank(name), None));
    if form.order.contains(&"size") {
        parts.push((form.rank("size"), Some(&size)));
    }
    parts.sort_by_key(|(rank, _)| *rank);
    // the tags of the object and of its content are less than this; a content of many megabytes is in
    // memory twice, as it is and as it is written, and no third time
    let tags = 100;
    let mut out = String::with_capacity(head.len() + base64_length(body) + size.len() + tags);
    out.extend(["<", form.root, ">"]);
    for (_, text) in parts {
        if let Some(text) = text {
            out.push_str(text);
        } else {
            out.extend(["<", name, " enc=\"base64\">"]);
            base64_into(&mut out, body);
            out.extend(["</", name, ">"]);
        }
    }
    out.extend(["</", form.root, ">"]);
    Some(out.into_bytes())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::tests::{EMAIL, FILE, FOLDER};
    use super::*;

    fn written(media_type: &str, head: &str, body: &[u8]) -> String {
        String::from_utf8(write_object(media_type, head, body).unwrap()).unwrap()
    }

    // spec: T45 T46
    #[test]
    fn a_file_object_comes_apart_and_together() {
        let object = "<?xml version=\"1.0\"?><o:File xmlns:o=\"x\"><o:Ext><o:XNam>a</o:XNam></o:Ext>\
                      <o:size>9</o:size><o:name>a &lt;b&gt;</o:name><o:attributes><o:h>true</o:h>\
                      </o:attributes><o:body enc=\"quoted-printable\">mi=6Ck</o:body></o:File>";
        let read = object_parts(FILE, object.as_bytes()).unwrap();
        assert_eq!(
            element_in_head(&read.head, "name").as_deref(),
            Some("a <b>")
        );
        assert_eq!(read.body.as_deref(), Some(&b"milk"[..]));
        assert_eq!(
            written(FILE, &read.head, b"eggs"),
            "<File><name>a &lt;b&gt;</name><attributes><h>true</h></attributes>\
             <body enc=\"base64\">ZWdncw==</body><size>4</size><Ext><XNam>a</XNam></Ext></File>"
        );
        let renamed = with_element(&read.head, "name", "c&d");
        assert_eq!(element_in_head(&renamed, "name").as_deref(), Some("c&d"));
        assert!(renamed.contains("<h>true</h>") && !renamed.contains("&lt;b"));
        for (object, body) in [
            ("<File><name>a</name></File>", None),
            // what an extension holds is its own
            (
                "<File><Ext><name>k</name><body>x</body></Ext><name>a</name></File>",
                None,
            ),
            ("<File><name>a</name><body/></File>", Some(vec![])),
        ] {
            let read = object_parts(FILE, object.as_bytes()).unwrap();
            assert_eq!(read.body, body, "{object}");
            assert_eq!(
                element_in_head(&read.head, "name").as_deref(),
                Some("a"),
                "{object}"
            );
        }
        for broken in [
            "<File><name>a.html</name><body>Hello <b>x</b> end</body></File>",
            "<Email><read>true</read></Email>",
            "<File><name>",
            "milk",
            "",
        ] {
            assert_eq!(object_parts(FILE, broken.as_bytes()), None, "{broken}");
        }
        for media_type in ["text/plain", FOLDER] {
            assert_eq!(object_parts(media_type, object.as_bytes()), None);
            assert_eq!(write_object(media_type, "", b""), None);
        }
    }

    // spec: T44
    #[test]
    fn a_mail_object_comes_apart_and_together() {
        let object =
            "<Email><emailitem><![CDATA[From: a\n\nb]]></emailitem><Ext/><read>true</read></Email>";
        let read = object_parts(EMAIL, object.as_bytes()).unwrap();
        assert_eq!(read.head, "<Ext/><read>true</read>");
        assert_eq!(read.body.as_deref(), Some(&b"From: a\n\nb"[..]));
        assert_eq!(
            written(EMAIL, &read.head, b"x"),
            "<Email><read>true</read><emailitem enc=\"base64\">eA==</emailitem><Ext/></Email>"
        );
        // an empty message is none, while an empty file is one
        for flags in ["<emailitem/>", "<emailitem>\n</emailitem>", ""] {
            let object = format!("<Email><read>true</read>{flags}</Email>");
            assert_eq!(object_parts(EMAIL, object.as_bytes()).unwrap().body, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "[^\u{0}-\u{1f}]{1,20}", body in any::<Vec<u8>>()) {
            let head = with_element("<created>1</created>", "name", &name);
            let read = object_parts(FILE, &write_object(FILE, &head, &body).unwrap()).unwrap();
            prop_assert_eq!(element_in_head(&read.head, "name"), Some(name));
            prop_assert_eq!(read.body, Some(body));
            prop_assert_eq!(read.head, head);
        }

        #[test]
        fn no_head_breaks_it(
            head in "(<[a-zE!/?]{0,9}>?|<body>|name|<!\\[CDATA\\[|\\]\\]>|[<>&;:/é\n-]){0,40}",
        ) {
            let named = with_element(&head, "name", "a");
            prop_assert_eq!(element_in_head(&named, "name"), Some("a".to_owned()));
            let whole = written(FILE, &named, b"x");
            let read = object_parts(FILE, whole.as_bytes()).unwrap();
            prop_assert_eq!(element_in_head(&read.head, "name"), Some("a".to_owned()));
            object_parts(FILE, head.as_bytes());
        }
    }

    #[test]
    fn a_head_brings_no_content_of_its_own() {
        for head in [
            "<body><body></></>",
            // no names, which would end what stands around them
            "<]]><!:<<]]></]]>",
            "name]]><a/:</>",
            "<body>a</body><size>1</size>",
            "<o:Body>a</o:Body>",
        ] {
            let whole = written(FILE, &with_element(head, "name", "a"), b"x");
            assert_eq!(
                whole,
                "<File><name>a</name><body enc=\"base64\">eA==</body><size>1</size></File>"
            );
        }
    }
}

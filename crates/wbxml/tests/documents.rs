//! Whole documents: what is read from them, what is refused, and that writing is the inverse.

#![allow(clippy::unwrap_used, clippy::format_push_string)]

use proptest::prelude::*;
use wbxml::{Error, Event, Limits, PublicId, Reader, Tag, WritePublicId, Writer};

/// The body as a short text: `<page:token`, `<"literal"`, texts in quotes, `>`.
fn outline(document: &[u8]) -> Result<String, Error> {
    let mut reader = Reader::new(document, &Limits::default())?;
    let mut out = String::new();
    loop {
        match reader.next()? {
            Event::Start(Tag::Token { page, code }) => out += &format!("<{page}:{code:02x}"),
            Event::Start(Tag::Literal(name)) => {
                out += &format!("<{:?}", String::from_utf8_lossy(name));
            }
            Event::End => out.push('>'),
            Event::Text(text) => out += &format!("{:?}", String::from_utf8_lossy(&text)),
            Event::Opaque(bytes) => out += &format!("({})", String::from_utf8_lossy(bytes)),
            Event::EndDocument => return Ok(out),
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

#[track_caller]
fn check(bytes: &str, expected: &str) {
    assert_eq!(outline(&hex(bytes)).as_deref(), Ok(expected), "{bytes}");
}

// spec: A06
#[test]
fn a_message_id() {
    check("03 A4 01 6A 00 6D 5B 03 31 00 01 01", r#"<0:2d<0:1b"1">>"#);
}

// spec: A06
#[test]
fn unknown_public_id() {
    check("03 01 6A 00 6D 5B 03 31 00 01 01", r#"<0:2d<0:1b"1">>"#);
}

// spec: A06
#[test]
fn public_id_in_the_table_without_nul() {
    let mut document = hex("02 00 00 6A 1D");
    document.extend(b"-//SYNCML//DTD SyncML 1.2//EN");
    document.extend(hex("6D 5B 03 31 00 01 01"));
    assert_eq!(outline(&document).unwrap(), r#"<0:2d<0:1b"1">>"#);
    let reader = Reader::new(&document, &Limits::default()).unwrap();
    assert_eq!(
        reader.header().public_id,
        PublicId::Text(b"-//SYNCML//DTD SyncML 1.2//EN")
    );
}

#[test]
fn tolerated_forms() {
    check(
        "03 80 A4 01 6A 00 6D 5B 03 31 00 01 01",
        r#"<0:2d<0:1b"1">>"#,
    );
    check("03 A4 01 00 00 6D 5B 03 31 00 01 01", r#"<0:2d<0:1b"1">>"#);
    check(
        "03 A4 01 6A 00 6D 5B 03 31 00 02 81 20 01 01",
        r#"<0:2d<0:1b"1""\u{a0}">>"#,
    );
    check(
        "03 A4 01 6A 03 61 62 00 6D 5B 83 01 01 01",
        r#"<0:2d<0:1b"b">>"#,
    );
    check(
        "03 A4 01 6A 00 6D 5B 03 31 00 01 01 0A",
        r#"<0:2d<0:1b"1">>"#,
    );
    check(
        "03 A4 01 6A 00 6D 5B 03 31 00 03 32 00 C3 01 33 01 01",
        r#"<0:2d<0:1b"1""2"(3)>>"#,
    );
    check("03 A4 01 6A 00 6D 12 01", "<0:2d<0:12>>");
    check("03 A4 01 6A 00 6D 52 01 01", "<0:2d<0:12>>");
    check("00 A4 01 00 6D 12 01", "<0:2d<0:12>>");
    check("00 A4 01 6A 00 6D 12 01", "<0:2d<0:12>>");
    check("03 A4 01 04 00 6D 5B 03 E9 00 01 01", r#"<0:2d<0:1b"é">>"#);
}

// spec: A07
#[test]
fn pages_stay_until_switched() {
    check(
        "03 A4 01 6A 00 6D 5A 00 01 4C 03 31 00 01 00 00 01 5B 03 31 00 01 01",
        r#"<0:2d<0:1a<1:0c"1">><0:1b"1">>"#,
    );
    check("03 A4 01 6A 00 00 00 6D 00 01 00 00 12 01", "<0:2d<0:12>>");
}

#[test]
fn what_syncml_does_not_use_is_stepped_over() {
    // an attribute by a literal of an empty table, as a phone writes xmlns
    check(
        "03 A4 01 6A 00 ED 04 00 03 53 59 00 01 1B 01",
        "<0:2d<0:1b>>",
    );
    check(
        "03 A4 01 6A 04 46 6F 6F 00 6D 43 04 00 03 31 00 01 1B 01",
        "<0:2d<0:1b>>",
    );
    check("03 A4 01 6A 00 6D 40 61 00 81 05 C2 1B 01", "<0:2d<0:1b>>");
    check(
        "03 A4 01 6A 04 46 6F 6F 00 6D 44 00 03 31 00 01 04 00 01",
        r#"<0:2d<"Foo""1"><"Foo">>"#,
    );
}

#[test]
fn refused_forms() {
    let truncated = |offset| Err(Error::Truncated { offset });
    for (bytes, expected) in [
        ("", truncated(0)),
        ("03", truncated(1)),
        ("09 01 6A 00 6D 01", Err(Error::Version { version: 9 })),
        ("03 01 87 68 00 6D 01", Err(Error::Charset { mib: 1000 })),
        ("03 A4 01 6A 00 6D 5B 03 31 00 01", truncated(11)),
        ("03 A4 01 6A 00 6D 5B 03 31", truncated(9)),
        (
            "03 A4 01 6A 00 6D 5B C3 8F FF FF FF 7F 31 01 01",
            truncated(16),
        ),
        (
            "03 A4 01 6A 00 6D 5B C3 80 80 80 80 80 01 31 01 01",
            Err(Error::Integer { offset: 8 }),
        ),
        (
            "03 A4 01 6A 03 61 62 00 6D 5B 83 03 01 01",
            Err(Error::StringTable {
                offset: 10,
                index: 3,
                length: 3,
            }),
        ),
        (
            "03 A4 01 6A 00 6D 02 00 01",
            Err(Error::Entity { offset: 6, code: 0 }),
        ),
        (
            "03 A4 01 6A 00 6D 02 83 B0 00 01",
            Err(Error::Entity {
                offset: 6,
                code: 0xd800,
            }),
        ),
        (
            "03 A4 01 6A 00 01",
            Err(Error::Unexpected {
                offset: 5,
                token: 1,
            }),
        ),
        ("03 A4 01 6A 7F", truncated(5)),
    ] {
        assert_eq!(outline(&hex(bytes)), expected, "{bytes}");
    }
}

// spec: R07
#[test]
fn limits_hold() {
    let mut deep = hex("03 A4 01 6A 00");
    deep.extend(std::iter::repeat_n(0x6d, 100_000));
    assert!(matches!(
        outline(&deep),
        Err(Error::Limit {
            what: "open elements",
            ..
        })
    ));

    let mut wide = hex("03 A4 01 6A 00 6D");
    wide.extend(std::iter::repeat_n(0x12, 300_000));
    assert!(matches!(
        outline(&wide),
        Err(Error::Limit {
            what: "elements",
            ..
        })
    ));

    let mut bomb = hex("03 A4 01 6A 81 C0 00");
    bomb.extend(std::iter::repeat_n(b'x', 0x6000));
    bomb.push(0x6d);
    for _ in 0..1000 {
        bomb.extend([0x83, 0]);
    }
    bomb.push(1);
    assert!(matches!(
        outline(&bomb),
        Err(Error::Limit {
            what: "bytes of referenced text",
            ..
        })
    ));
}

// spec: A07
#[test]
fn rollback_restores_the_page() {
    let mut writer = Writer::new(3, WritePublicId::Number(0x1201));
    writer.start(0, 0x2d);
    let mark = writer.mark();
    writer.start(1, 0x0c);
    writer.text("5");
    writer.rollback(mark);
    writer.empty(0, 0x12);
    writer.end();
    assert_eq!(writer.finish(), hex("03 A4 01 6A 00 6D 12 01"));
}

#[derive(Debug, Clone)]
enum Node {
    Element(u8, u8, Vec<Self>),
    Text(String),
    Opaque(Vec<u8>),
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        "[^\\x00]{0,20}".prop_map(Node::Text),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Node::Opaque),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        (0u8..3, 5u8..0x40, prop::collection::vec(inner, 0..6))
            .prop_map(|(page, code, children)| Node::Element(page, code, children))
    })
}

fn write(writer: &mut Writer, node: &Node, out: &mut String) {
    match node {
        Node::Element(page, code, children) => {
            *out += &format!("<{page}:{code:02x}");
            if children.is_empty() {
                writer.empty(*page, *code);
            } else {
                writer.start(*page, *code);
                for child in children {
                    write(writer, child, out);
                }
                writer.end();
            }
            out.push('>');
        }
        Node::Text(text) => {
            writer.text(text);
            *out += &format!("{text:?}");
        }
        Node::Opaque(bytes) => {
            writer.opaque(bytes);
            *out += &format!("({})", String::from_utf8_lossy(bytes));
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(children in prop::collection::vec(node(), 0..5)) {
        let mut writer = Writer::new(2, WritePublicId::Text("-//X//DTD X 1.0//EN"));
        let mut expected = String::new();
        write(&mut writer, &Node::Element(0, 0x2d, children), &mut expected);
        prop_assert_eq!(outline(&writer.finish()).unwrap(), expected);
    }

    // spec: R06
    #[test]
    fn arbitrary_bytes_end(document in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = outline(&document);
    }

    #[test]
    fn cut_documents_are_refused(children in prop::collection::vec(node(), 0..5), cut in 1usize..50) {
        let mut writer = Writer::new(2, WritePublicId::Number(0x1201));
        write(&mut writer, &Node::Element(0, 0x2d, children), &mut String::new());
        let document = writer.finish();
        let cut = document.len().saturating_sub(cut);
        // an element without content needs no more than its token
        if cut < document.len() && document.len() > 6 {
            prop_assert!(outline(&document[..cut]).is_err());
        }
    }
}

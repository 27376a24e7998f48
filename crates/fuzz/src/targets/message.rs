//! Messages: what is read can be written in both encodings, which then say the same.

use syncml::{
    Command, Data, Document, Encoding, Item, Limits, Message, MessageWriter, Meta, Version,
};

use super::script::contains;
use super::shown::{assert_same, assert_same_text};

/// Device information is a document of its own in binary XML, and so many of a message are read.
const READ_DOCUMENTS: usize = 4;

pub(crate) fn run(input: &[u8]) {
    for charset in [None, Some("iso-8859-1")] {
        let Ok(document) = Document::new(input, charset) else {
            continue;
        };
        let Ok(message) = document.read(&Limits::default()) else {
            continue;
        };
        check(&message, input.len());
    }
}

fn check(message: &Message<'_>, length: usize) {
    let version = Version::from_dtd(&message.header.ver_dtd).unwrap_or(Version::V1_2);
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        let written = write(message, version, encoding);
        // five names of the longest element for one byte that stood for it, six bytes a reference
        let most = 64 * length + 4096;
        assert!(
            written.len() <= most,
            "{} bytes from {length} as {encoding:?}",
            written.len()
        );
        let document = Document::new(&written, None).expect("what is written is a document");
        assert_eq!(document.encoding(), encoding);
        let settled = document
            .read(&Limits::default())
            .expect("what is written is read");
        assert_eq!(settled.is_final, message.is_final);
        let twice = write(&settled, version, encoding);
        assert_text(&rewritten(&twice, version), &twice);
        // what a version cannot say of device information may take two passes to go
        let is_plain = !contains(&twice, b"<DevInf ");
        if encoding == Encoding::Xml && is_plain {
            assert_text(&twice, &written);
        }
        if encoding == Encoding::Xml {
            let text = std::str::from_utf8(&written).expect("XML is written in UTF-8");
            assert!(
                text.chars().all(has_form),
                "a character XML has no form for"
            );
            let documents = text.matches("<DevInf ").count();
            if documents <= READ_DOCUMENTS && documents == expected_documents(&settled) {
                same_in_binary(&settled, version);
            }
        }
    }
}

fn assert_text(again: &[u8], before: &[u8]) {
    assert_same_text(
        &String::from_utf8_lossy(again),
        &String::from_utf8_lossy(before),
        "read and written again",
    );
}

/// A message once more, in its encoding.
fn rewritten(bytes: &[u8], version: Version) -> Vec<u8> {
    let document = Document::new(bytes, None).expect("what is written is a document");
    let message = document.read(&Limits::default());
    let message = message.expect("what is written is read");
    write(&message, version, document.encoding())
}

/// Whether XML can hold the character (XML 1.0, production 2).
fn has_form(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// How much device information is where it belongs, under a name that says what it is: in binary XML
/// it is known as such there only.
fn expected_documents(message: &Message<'_>) -> usize {
    let items = |command: &Command<'_>| match command {
        Command::Access(access) => count_documents(&access.items, access.meta.as_ref()),
        Command::Results(results) => count_documents(&results.items, results.meta.as_ref()),
        _ => 0,
    };
    all_commands(&message.commands).into_iter().map(items).sum()
}

fn count_documents(items: &[Item<'_>], meta: Option<&Meta<'_>>) -> usize {
    let says = |text: &str| text.to_ascii_lowercase().contains("devinf");
    let media_type = |meta: Option<&Meta<'_>>| {
        let media_type = meta.and_then(|meta| meta.media_type.as_deref());
        media_type.map(str::to_owned)
    };
    let is_document = |item: &&Item<'_>| {
        let kind = media_type(item.meta.as_ref()).or_else(|| media_type(meta));
        matches!(item.data, Some(Data::DevInf(_)))
            && (says(item.source_uri())
                || says(item.target_uri())
                || kind.is_some_and(|kind| says(&kind)))
    };
    items.iter().filter(is_document).count()
}

/// What XML can say, binary XML says too.
fn same_in_binary(message: &Message<'_>, version: Version) {
    let written = write(message, version, Encoding::Wbxml);
    let document = Document::new(&written, None).expect("what is written is a document");
    let binary = document
        .read(&Limits::default())
        .expect("what is written is read");
    assert_same(&binary, message, "binary and text differ");
}

fn write(message: &Message<'_>, version: Version, encoding: Encoding) -> Vec<u8> {
    let mut writer = MessageWriter::new(encoding, version, &message.header);
    for command in &message.commands {
        let (mark, size) = (writer.mark(), writer.size());
        writer.command(command);
        writer.rollback(mark);
        assert_eq!(writer.size(), size, "a rollback leaves nothing");
        writer.command(command);
    }
    let size = writer.size();
    let bytes = writer.finish(message.is_final);
    if message.is_final {
        assert_eq!(bytes.len(), size, "the announced size is the real one");
    } else {
        assert!(bytes.len() <= size, "more than the announced size");
    }
    bytes
}

/// Every command of a message, those inside of others included.
pub(crate) fn all_commands<'m, 'a>(commands: &'m [Command<'a>]) -> Vec<&'m Command<'a>> {
    let mut all = Vec::new();
    for command in commands {
        all.push(command);
        match command {
            Command::Sync(sync) => all.extend(all_commands(&sync.commands)),
            Command::Group(group) => all.extend(all_commands(&group.commands)),
            _ => {}
        }
    }
    all
}

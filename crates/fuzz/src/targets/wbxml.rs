//! The binary XML codec: reading is bounded and balanced, and writing is its inverse.

use wbxml::{Error, Event, Limits, Reader, Tag, WritePublicId, Writer};

pub(crate) fn run(input: &[u8]) {
    let limits = Limits::default();
    let Ok(events) = read(input, &limits) else {
        return;
    };
    let text: usize = events.iter().map(text_len).sum();
    // a reference may be repeated, and a byte of Latin-1 be two of UTF-8
    let most = 2 * (9 * input.len() + 64 * 1024);
    assert!(
        text <= most,
        "{text} bytes of text from {} bytes",
        input.len()
    );
    if let Some(written) = write(&events) {
        let again = read(&written, &limits).expect("what is written is read");
        assert_eq!(joined(&again), joined(&events), "written and read again");
    }
}

/// All events up to the end of the root; checks that elements are balanced and within the limits.
fn read<'a>(input: &'a [u8], limits: &Limits) -> Result<Vec<Event<'a>>, Error> {
    let mut reader = Reader::new(input, limits)?;
    let mut events = Vec::new();
    let (mut depth, mut elements) = (0_usize, 0_usize);
    loop {
        let event = reader.next()?;
        match &event {
            Event::Start(_) => {
                depth += 1;
                elements += 1;
                assert!(depth <= limits.max_depth && elements <= limits.max_elements);
            }
            Event::End => {
                assert!(depth > 0, "an end without a start");
                depth -= 1;
            }
            Event::EndDocument => {
                assert_eq!(depth, 0, "the document ends within an element");
                return Ok(events);
            }
            Event::Text(_) | Event::Opaque(_) => {}
        }
        events.push(event);
    }
}

fn text_len(event: &Event<'_>) -> usize {
    match event {
        Event::Text(text) => text.len(),
        Event::Opaque(bytes) => bytes.len(),
        _ => 0,
    }
}

/// The events as a document; `None` where the writer has no form for one.
fn write(events: &[Event<'_>]) -> Option<Vec<u8>> {
    let mut writer = Writer::new(3, WritePublicId::Number(0x1201));
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Token { page, code }) => writer.start(*page, *code),
            Event::Start(Tag::Literal(_)) => return None,
            Event::End => writer.end(),
            Event::Text(text) => writer.text(std::str::from_utf8(text).ok()?),
            Event::Opaque(bytes) => writer.opaque(bytes),
            Event::EndDocument => return None,
        }
        if at % 3 == 0 {
            let mark = writer.mark();
            let length = writer.len();
            writer.start(7, 0x05);
            writer.text("taken back");
            writer.rollback(mark);
            assert_eq!(writer.len(), length, "a rollback leaves nothing");
        }
    }
    let length = writer.len();
    let document = writer.finish();
    assert_eq!(document.len(), length, "the announced size is the real one");
    Some(document)
}

/// The events with text in one form: it may be cut anywhere, and a NUL makes it opaque.
fn joined(events: &[Event<'_>]) -> Vec<Result<Event<'static>, Vec<u8>>> {
    let mut out: Vec<Result<Event<'static>, Vec<u8>>> = Vec::new();
    for event in events {
        let text: &[u8] = match event {
            Event::Text(text) => text,
            Event::Opaque(bytes) => bytes,
            Event::Start(Tag::Token { page, code }) => {
                out.push(Ok(Event::Start(Tag::Token {
                    page: *page,
                    code: *code,
                })));
                continue;
            }
            Event::End => {
                out.push(Ok(Event::End));
                continue;
            }
            _ => continue,
        };
        match out.last_mut() {
            Some(Err(before)) => before.extend_from_slice(text),
            _ if text.is_empty() => {}
            _ => out.push(Err(text.to_vec())),
        }
    }
    out
}

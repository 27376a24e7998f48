//! Notes: SIF-N and vNote 1.1.

use super::xml::Elements;
use super::{KEPT, Written, has, keep_rest, put, put_back, text_line};
use crate::decode::{self, Dialect};
use crate::own::own_lines;

/// The title of a note is the first line of its text, unless it says so in a property of its own.
pub(super) fn read(elements: &mut Elements) -> Vec<u8> {
    let mut out = b"BEGIN:VNOTE\r\nVERSION:1.1\r\n".to_vec();
    let (title, mut text) = (elements.take("Subject"), elements.take("Body"));
    if text.is_empty() {
        text.clone_from(&title);
    }
    if !title.is_empty() && text.lines().next().map(str::trim) != Some(title.as_str()) {
        text_line(&mut out, "SUMMARY", &title, Dialect::Old);
    }
    text_line(&mut out, "BODY", &text, Dialect::Old);
    let categories = elements.take("Categories");
    if !categories.is_empty() {
        let list = super::calendar::categories(&categories);
        crate::convert::encode::text(&mut out, "CATEGORIES", &list, Dialect::Old, false);
    }
    keep_rest(&mut out, elements, Dialect::Old);
    out.extend_from_slice(b"END:VNOTE\r\n");
    out
}

pub(super) fn write(content: &[u8], lost: &mut Vec<Vec<u8>>) -> Option<Written> {
    let mut written = Written::new();
    for line in own_lines(content) {
        let text = || line.text(Dialect::Old).replace("\r\n", "\n");
        let fits = if line.is("SUMMARY") && !has(&written, "Subject") {
            put(&mut written, "Subject", text());
            true
        } else if line.is("BODY") && !has(&written, "Body") {
            put(&mut written, "Body", text());
            true
        } else if line.is("CATEGORIES") && !has(&written, "Categories") {
            let list = line.escaped_text(Dialect::Old);
            let list = decode::parts(&list, ';', Dialect::Old);
            let list: Vec<_> = list
                .map(|part| decode::unescape(part, Dialect::Old))
                .collect();
            put(&mut written, "Categories", list.join(", "));
            true
        } else if line.is(KEPT) {
            put_back(&mut written, &text())
        } else {
            line.is("VERSION") || line.is_malformed()
        };
        if !fits {
            lost.push(line.source().to_vec());
        }
    }
    let (_, text) = written.iter().find(|(name, _)| name == "Body")?;
    if !has(&written, "Subject") {
        let title = text.lines().next().unwrap_or_default().trim().to_owned();
        put(&mut written, "Subject", title);
    }
    Some(written)
}

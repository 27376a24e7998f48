//! A calendar as a tree of components, and what both directions ask of it.

use crate::component::{Components, Event, Tag};
use crate::decode::Dialect;
use crate::line::Line;

/// A component with its lines and the components in it.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) tag: Tag,
    /// The lines, `BEGIN` and `END` included.
    pub(super) lines: Vec<Line<'a>>,
    pub(super) children: Vec<Self>,
}

/// The components of some content under one root, which is no component.
pub(super) fn read(content: &[u8]) -> Node<'_> {
    let node = |tag, lines| Node {
        tag,
        lines,
        children: Vec::new(),
    };
    let mut open = vec![node(Tag::Other, Vec::new())];
    for event in Components::new(content) {
        match event {
            Event::Begin { tag, line } => open.push(node(tag, vec![line])),
            Event::Property(line) => {
                if let Some(inner) = open.last_mut() {
                    inner.lines.push(line);
                }
            }
            Event::End { line, .. } => {
                if let Some(mut done) = open.pop() {
                    done.lines.extend(line);
                    match open.last_mut() {
                        Some(outer) => outer.children.push(done),
                        None => open.push(done),
                    }
                }
            }
        }
    }
    open.into_iter()
        .next()
        .unwrap_or_else(|| node(Tag::Other, Vec::new()))
}

impl<'a> Node<'a> {
    /// The properties: no `BEGIN`, `END` or empty line.
    pub(super) fn properties(&self) -> impl Iterator<Item = &Line<'a>> {
        let frame = |line: &&Line<'_>| {
            !(line.is("BEGIN") || line.is("END") || line.is_malformed() && line.is_empty())
        };
        self.lines.iter().filter(frame)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Line<'a>> {
        self.properties().find(|line| line.is(name))
    }

    /// The text of the first property of a name, if it is not empty.
    pub(super) fn text(&self, name: &str, dialect: Dialect) -> Option<String> {
        let text = self.find(name)?.text(dialect).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// The source of everything in it.
    pub(super) fn sources(&self, out: &mut Vec<Vec<u8>>) {
        let (last, lines) = match self.lines.split_last() {
            Some((last, lines)) if last.is("END") => (Some(last), lines),
            _ => (None, self.lines.as_slice()),
        };
        out.extend(lines.iter().map(|line| line.source().to_vec()));
        for child in &self.children {
            child.sources(out);
        }
        out.extend(last.map(|line| line.source().to_vec()));
    }
}

pub(super) fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The value of a parameter.
pub(super) fn param(line: &Line<'_>, name: &str) -> Option<String> {
    line.param(name).map(|p| string(p.unquoted()))
}

pub(super) fn name(line: &Line<'_>) -> String {
    string(line.name()).to_ascii_uppercase()
}

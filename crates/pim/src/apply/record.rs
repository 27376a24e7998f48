//! A record as a tree of components, each with its properties and where they stand.

use super::meaning::{Prop, Reader};
use crate::component::{Components, Event, Tag};
use crate::line::Line;

/// A component, with what is within it.
#[derive(Debug)]
pub(super) struct Component<'a> {
    pub(super) tag: Tag,
    /// Where the line stands that begins it.
    pub(super) start: usize,
    /// Where the line stands that ends it, or where it had to be closed.
    pub(super) close: usize,
    /// Where what follows it stands.
    pub(super) end: usize,
    /// Its properties with a value, those that only label another one of their group aside.
    pub(super) props: Vec<Prop<'a>>,
    /// Its properties without a value.
    pub(super) empty: Vec<Prop<'a>>,
    pub(super) children: Vec<Self>,
}

/// A component that is being read.
struct Open<'a> {
    component: Component<'a>,
    lines: Vec<Line<'a>>,
}

impl<'a> Open<'a> {
    fn new(tag: Tag, start: usize) -> Self {
        Self {
            component: Component {
                tag,
                start,
                close: start,
                end: start,
                props: Vec::new(),
                empty: Vec::new(),
                children: Vec::new(),
            },
            lines: Vec::new(),
        }
    }

    fn close(mut self, close: usize, end: usize, reader: &Reader) -> Component<'a> {
        self.component.close = close;
        self.component.end = end;
        let (props, empty) = reader.props(self.lines);
        self.component.props = props;
        self.component.empty = empty;
        self.component
    }
}

impl<'a> Component<'a> {
    /// The components of some content under one root, which is no component.
    pub(super) fn read(content: &'a [u8], reader: &Reader) -> Self {
        let mut open = vec![Open::new(Tag::Other, 0)];
        let mut at = 0;
        for event in Components::new(content) {
            match event {
                Event::Begin { tag, line } => {
                    open.push(Open::new(tag, line.offset()));
                    at = line.offset() + line.source().len();
                }
                Event::Property(line) => {
                    at = line.offset() + line.source().len();
                    if let Some(inner) = open.last_mut()
                        && !line.is_malformed()
                    {
                        inner.lines.push(line);
                    }
                }
                Event::End { line, .. } => {
                    let close = line.as_ref().map_or(at, Line::offset);
                    at = line.map_or(at, |line| line.offset() + line.source().len());
                    if open.len() > 1
                        && let Some(done) = open.pop()
                        && let Some(outer) = open.last_mut()
                    {
                        let done = done.close(close, at, reader);
                        outer.component.children.push(done);
                    }
                }
            }
        }
        match open.into_iter().next() {
            Some(root) => root.close(at, at, reader),
            None => Open::new(Tag::Other, 0).component,
        }
    }

    /// Where a property is inserted: before the components within, which follow the properties in a
    /// calendar, and before the end of a card, in which they are values.
    pub(super) fn room(&self) -> usize {
        match self.children.first() {
            Some(child) if self.tag != Tag::VCard => child.start,
            _ => self.close,
        }
    }
}

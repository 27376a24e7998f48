//! When an entry begins and ends.

use super::{Place, When, Writer};
use crate::component::Tag;
use crate::convert::calendar::alarm::read_duration;
use crate::convert::calendar::profile::{AllDay, DAY};
use crate::convert::calendar::tree::{Node, name};
use crate::decode::Dialect;

impl Writer<'_> {
    /// Writes DTSTART, DTEND and DUE.
    pub(super) fn times(
        &mut self,
        node: &Node<'_>,
        start: Option<&When>,
        end: Option<&When>,
        due: Option<&When>,
        recurs: bool,
    ) {
        let is_task = node.tag == Tag::VTodo;
        let mut lost = Vec::new();
        let day = |when: Option<&When>| when.is_some_and(|w| matches!(w.place, Place::Date));
        if !is_task && day(start) && start.is_some() {
            let first = start.map_or(0, |w| w.wall);
            let after = end.filter(|_| day(end)).map_or(first + DAY, |w| w.wall);
            let after = after.max(first + DAY);
            let (first_text, last) = self.profile.write_days(first, after, self.home.as_ref());
            self.push(&format!("DTSTART:{first_text}\r\n"));
            if let Some(last) = &last {
                self.push(&format!("DTEND:{last}\r\n"));
            }
            if self.profile.all_day == AllDay::Minute && node.find("X-FUNAMBOL-ALLDAY").is_none() {
                self.push("X-FUNAMBOL-ALLDAY:1\r\n");
            }
            if (last.is_none() && after != first + DAY) || (end.is_some() && !day(end)) {
                lost.extend(["DTEND", "DURATION"]);
            }
        } else {
            let due_name = if is_task && due.is_none() { end } else { due };
            let end = if is_task { None } else { end };
            for (name, when) in [("DTSTART", start), ("DTEND", end), ("DUE", due_name)] {
                let Some(when) = when else { continue };
                let text = self.write_when(when);
                self.push(&format!("{name}:{text}\r\n"));
                if !self.keeps(when, recurs) {
                    lost.push(name);
                }
            }
            // times of a day that a reader must take for whole days
            let timed = |when: Option<&When>| when.filter(|_| !day(when)).map(|w| self.local(w));
            let whole = if is_task {
                let mut walls = [timed(start), timed(due)].into_iter().flatten().peekable();
                walls.peek().is_some() && walls.all(|wall| wall.rem_euclid(DAY) == 0)
            } else {
                let start = timed(start);
                start.is_some_and(|s| self.profile.whole_days(s, timed(end)).is_some())
            };
            if whole || (is_task && day(start) != day(due) && start.is_some() && due.is_some()) {
                lost.extend(["DTSTART", "DUE"]);
            }
        }
        for line in node.properties() {
            let upper = name(line);
            let times = ["DTSTART", "DTEND", "DUE"].contains(&upper.as_str());
            let unread = times && self.read_line(line).is_none();
            let unused = upper == "DURATION" && (read_duration(&line.text(Dialect::New)).is_none());
            if unread || unused || lost.contains(&upper.as_str()) {
                self.lose(line);
            }
        }
    }
}

/// The end that DURATION means: days count on the wall, hours by the clock.
// spec: U30
pub(super) fn duration_end(node: &Node<'_>, start: Option<&When>) -> Option<When> {
    let text = node.text("DURATION", Dialect::New)?;
    let length = read_duration(&text).filter(|length| *length >= 0)?;
    let start = start?;
    let wall = start.wall.checked_add(length)?;
    match &start.place {
        Place::Zone(zone) if text.contains(['T', 't']) => {
            let instant = zone.instant(start.wall).checked_add(length)?;
            Some(When {
                wall: zone.wall(instant),
                place: start.place.clone(),
            })
        }
        place => Some(When {
            wall,
            place: place.clone(),
        }),
    }
}

//! Alarms: `AALARM`, `DALARM`, `MALARM` of vCalendar 1.0, and `VALARM` of iCalendar 2.0.
//!
//! The old format names the time of the alarm before the first occurrence; devices repeat it with
//! the series. The new one says how long before the start it is.

use std::fmt::Write as _;

use super::profile::DAY;
use super::tree::{self, Node};
use super::words;
use super::zone::{civil, stamp};
use crate::convert::encode;
use crate::decode::{self, Dialect};
use crate::line::Line;
use crate::moment::read_wall;

/// How far before its start an alarm is told by the distance; beyond, by its time.
const MAX_AHEAD: i64 = 30 * DAY;

/// An alarm so far from the start is a device's way to say that there is none.
pub(super) const NEVER: i64 = 366 * DAY;

/// `-PT15M`, in seconds.
pub(super) fn read_duration(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let mut total: i64 = 0;
    let mut digits = String::new();
    let mut seen = false;
    for c in rest.strip_prefix('P')?.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            'T' if digits.is_empty() => continue,
            'W' => 7 * DAY,
            'D' => DAY,
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        let number: i64 = digits.parse().ok()?;
        total = total.checked_add(number.checked_mul(unit)?)?;
        digits.clear();
        seen = true;
    }
    (seen && digits.is_empty() && total < 1_000 * NEVER).then_some(total * sign)
}

/// A duration that is not negative.
pub(super) fn write_duration(seconds: i64) -> String {
    let mut out = String::from("P");
    let (days, rest) = (seconds / DAY, seconds % DAY);
    if days > 0 {
        let _ = write!(out, "{days}D");
    }
    if rest > 0 || days == 0 {
        out.push('T');
        let units = [(rest / 3600, 'H'), (rest / 60 % 60, 'M'), (rest % 60, 'S')];
        for (number, unit) in units.into_iter().filter(|(number, _)| *number > 0) {
            let _ = write!(out, "{number}{unit}");
        }
        if rest == 0 {
            out.push_str("0S");
        }
    }
    out
}

/// The start or due time that an alarm is before: its wall time and its instant.
#[derive(Clone, Copy)]
pub(super) struct Anchor {
    pub(super) wall: i64,
    pub(super) instant: i64,
}

/// Writes an alarm of vCalendar 1.0 as a VALARM; false if part of it cannot be. `read` gives the
/// wall time of a text and `instant` the instant of a wall time.
// spec: U21 U22
pub(super) fn write_new(
    line: &Line<'_>,
    anchor: Option<Anchor>,
    read: impl Fn(&str) -> Option<i64>,
    instant: impl Fn(i64) -> i64,
    out: &mut Vec<u8>,
) -> bool {
    let escaped = line.escaped_text(Dialect::Old);
    let fields = decode::parts(&escaped, ';', Dialect::Old).take(6);
    let fields: Vec<_> = fields
        .map(|f| decode::unescape(f, Dialect::Old).trim_end().to_owned())
        .collect();
    let field = |at: usize| fields.get(at).map_or("", String::as_str);
    let Some(wall) = read(field(0)) else {
        return line.is_empty();
    };
    let ahead = anchor.map(|anchor| anchor.wall - wall);
    let trigger = match ahead {
        Some(0) => "TRIGGER:PT0S\r\n".to_owned(),
        Some(ahead) if (0..=MAX_AHEAD).contains(&ahead) => {
            format!("TRIGGER:-{}\r\n", write_duration(ahead))
        }
        Some(ahead) if !(0..NEVER).contains(&ahead) => return false,
        _ => format!("TRIGGER;VALUE=DATE-TIME:{}Z\r\n", stamp(instant(wall))),
    };
    let mut complete = true;
    out.extend_from_slice(b"BEGIN:VALARM\r\n");
    out.extend_from_slice(trigger.as_bytes());
    let snooze = read_duration(field(1)).filter(|s| *s > 0);
    let repeat = field(2).parse::<u16>().ok().filter(|n| *n > 0);
    match (snooze, repeat) {
        (Some(snooze), Some(repeat)) => {
            let duration = write_duration(snooze);
            out.extend_from_slice(format!("REPEAT:{repeat}\r\nDURATION:{duration}\r\n").as_bytes());
        }
        _ => complete &= field(1).is_empty() && field(2).is_empty(),
    }
    let mut text = |name: &str, text: &str| {
        encode::text(out, name, &encode::escape(text), Dialect::New, false);
    };
    if line.is("AALARM") {
        text("ACTION", "AUDIO");
        complete &= field(3).is_empty();
    } else if line.is("MALARM") {
        text("ACTION", "EMAIL");
        text(
            "ATTENDEE",
            &format!("mailto:{}", words::strip_mailto(field(3))),
        );
        text(
            "SUMMARY",
            if field(4).is_empty() {
                "alarm"
            } else {
                field(4)
            },
        );
        text(
            "DESCRIPTION",
            if field(4).is_empty() {
                "alarm"
            } else {
                field(4)
            },
        );
    } else {
        text("ACTION", "DISPLAY");
        text(
            "DESCRIPTION",
            if field(3).is_empty() {
                "alarm"
            } else {
                field(3)
            },
        );
    }
    out.extend_from_slice(b"END:VALARM\r\n");
    complete
}

/// What a VALARM says that vCalendar 1.0 can say too.
pub(super) struct Alarm {
    name: &'static str,
    wall: i64,
    repeat: Option<(i64, u16)>,
    address: Option<String>,
    text: String,
    /// Whether nothing else is in it.
    pub(super) complete: bool,
}

/// Reads a VALARM; none if it never rings or does what the old format cannot. `end` is the wall
/// time of the end, and `wall` gives the wall time of an instant.
// spec: U21 U22
pub(super) fn read_new(
    node: &Node<'_>,
    anchor: Option<Anchor>,
    end: Option<i64>,
    recurs: bool,
    wall: impl Fn(i64) -> i64,
) -> Option<Alarm> {
    let text = |name: &str| node.text(name, Dialect::New);
    let name = match text("ACTION")?.to_ascii_uppercase().as_str() {
        "AUDIO" => "AALARM",
        "DISPLAY" => "DALARM",
        // no phone sends mail
        _ => return None,
    };
    let trigger = node.find("TRIGGER")?;
    let value = text("TRIGGER")?;
    let mut complete = true;
    let at = if let Some(offset) = read_duration(&value) {
        let related = tree::param(trigger, "RELATED").unwrap_or_default();
        let from = if related.eq_ignore_ascii_case("END") {
            complete = false;
            end?
        } else {
            anchor?.wall
        };
        complete &= offset <= 0 && -offset <= MAX_AHEAD;
        from.checked_add(offset)?
    } else {
        let (instant, is_date, _) = read_wall(&value)?;
        let ahead = anchor.map(|anchor| anchor.instant - instant);
        // an alarm at a point in time rings once, the device's with each occurrence
        complete &= !recurs && ahead.is_some_and(|a| a > MAX_AHEAD && a < NEVER);
        (!is_date).then(|| wall(instant))?
    };
    let snooze = text("DURATION").and_then(|d| read_duration(&d));
    let count = text("REPEAT").and_then(|n| n.parse().ok());
    let repeat = snooze
        .zip(count)
        .filter(|(snooze, n)| *snooze > 0 && *n > 0);
    let known = ["ACTION", "TRIGGER", "REPEAT", "DURATION"];
    let used: &[&str] = match name {
        "AALARM" => &[],
        "DALARM" => &["DESCRIPTION"],
        _ => &["ATTENDEE", "SUMMARY", "DESCRIPTION"],
    };
    let known = |line: &Line<'_>| known.iter().chain(used).any(|n| line.is(n));
    complete &= node.properties().all(known) && node.children.is_empty();
    complete &= repeat.is_some() || (node.find("REPEAT").is_none() && snooze.is_none());
    let description = if name == "AALARM" {
        String::new()
    } else {
        text("DESCRIPTION").unwrap_or_default()
    };
    let address = (name == "MALARM").then(|| text("ATTENDEE").unwrap_or_default());
    if name == "MALARM" {
        let many = node.properties().filter(|l| l.is("ATTENDEE")).count() > 1;
        complete &= !many && text("SUMMARY").is_none_or(|s| s == description);
    }
    Some(Alarm {
        name,
        wall: at,
        repeat,
        address,
        text: description,
        complete,
    })
}

impl Alarm {
    /// Writes the alarm for a device; `time` gives the device's text of a wall time.
    pub(super) fn write_old(
        &mut self,
        bare: bool,
        quoted: bool,
        time: impl Fn(i64) -> String,
        out: &mut Vec<u8>,
    ) {
        if civil(self.wall).year() < 1 {
            self.complete = false;
            return;
        }
        let time = time(self.wall);
        if bare {
            self.complete &= self.repeat.is_none() && self.text.is_empty();
            encode::text(out, self.name, &time, Dialect::Old, quoted);
            return;
        }
        let escape = |text: &str| text.trim_end_matches('\\').replace(';', "\\;");
        let (snooze, repeat) = match self.repeat {
            Some((snooze, repeat)) => (write_duration(snooze), repeat.to_string()),
            None => (String::new(), String::new()),
        };
        let address = self.address.as_deref().map(words::strip_mailto);
        let address = address.map(escape);
        let fields = [time, snooze, repeat];
        let mut fields: Vec<_> = fields.into_iter().chain(address).collect();
        fields.push(escape(&self.text));
        // some devices take no alarm with empty fields for one
        while fields.pop_if(|field| field.is_empty()).is_some() {}
        let value = fields.join(";");
        encode::text(out, self.name, &value, Dialect::Old, quoted);
    }
}

//! Conflicts that the server leaves to this side: decided by a rule, or by the person at the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use session::client::{Conflict, Decide, Decision};

use crate::cli::OnConflict;
use crate::output;
use crate::report::{Failure, Outcome};

/// Lines of a version that are shown.
const MAX_LINES: usize = 40;

/// How often somebody who thinks about an answer is looked at, whether they want an end.
const GLANCE: Duration = Duration::from_millis(100);

/// What comes of a question.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Line(String),
    /// There will be none.
    None,
    /// The person wants the session to end.
    Stop,
}

/// Whether there is somebody to ask, where that is wanted.
pub(crate) fn check(choice: Option<OnConflict>) -> Outcome {
    let can_ask = || std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if choice == Some(OnConflict::Ask) && !can_ask() {
        return Err(Failure::usage(
            "there is no terminal to ask on about conflicts; choose --on-conflict server, client or \
             both, and with a terminal put the password into a profile",
        ));
    }
    Ok(())
}

/// Who decides. `stop` is set when the person wants the session to end.
pub(crate) fn decider(choice: OnConflict, stop: &Arc<AtomicBool>) -> Decide {
    let stop = Arc::clone(stop);
    match choice {
        OnConflict::Server => Box::new(|_| Decision::Server),
        OnConflict::Client => Box::new(|_| Decision::Client),
        OnConflict::Both => Box::new(|_| Decision::Both),
        OnConflict::Ask => {
            let mut lines = None;
            Box::new(move |conflict| {
                let lines = lines.get_or_insert_with(typed_lines);
                let mut screen = std::io::stderr().lock();
                // who does not answer has not agreed to lose either
                let next = || answer(lines, &stop);
                ask(&stop, next, &mut screen, conflict).unwrap_or(Decision::Both)
            })
        }
    }
}

/// The lines that the person types. A thread of its own waits for them: nothing ends the reading of a
/// terminal.
fn typed_lines() -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let typed = std::io::stdin().lock().lines().map_while(Result::ok);
        for line in typed {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The next answer, unless the person wants an end.
fn answer(lines: &Receiver<String>, stop: &AtomicBool) -> Answer {
    while !stop.load(Ordering::Relaxed) {
        match lines.recv_timeout(GLANCE) {
            Ok(line) => return Answer::Line(line),
            Err(RecvTimeoutError::Disconnected) => return Answer::None,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    Answer::Stop
}

/// Asks until there is an answer, or until there will be none.
fn ask(
    stop: &AtomicBool,
    mut next: impl FnMut() -> Answer,
    screen: &mut impl Write,
    conflict: &Conflict<'_>,
) -> std::io::Result<Decision> {
    // the rest of a message's conflicts, once the person has asked for an end
    if stop.load(Ordering::Relaxed) {
        return Ok(Decision::Later);
    }
    let name = pim::summary(conflict.theirs, conflict.media_type);
    let name = name.as_deref().unwrap_or(conflict.luid);
    let name = output::foreign(name, output::PHRASE);
    let source = conflict.source;
    writeln!(
        screen,
        "\n{source}: {name:?} was changed here and on the server."
    )?;
    for (whose, content) in [("here", conflict.ours), ("the server's", conflict.theirs)] {
        writeln!(screen, "--- {whose}")?;
        let text = String::from_utf8_lossy(content);
        for line in text.lines().take(MAX_LINES) {
            writeln!(screen, "{}", output::foreign(line, output::PHRASE))?;
        }
    }
    loop {
        write!(
            screen,
            "Which one shall stand: [s]erver, [c]lient, [b]oth? "
        )?;
        screen.flush()?;
        let answer = match next() {
            Answer::Line(line) => line,
            Answer::None => return Ok(Decision::Both),
            Answer::Stop => return Ok(Decision::Later),
        };
        match answer.trim().to_ascii_lowercase().as_str() {
            "s" | "server" => return Ok(Decision::Server),
            "c" | "client" => return Ok(Decision::Client),
            "b" | "both" => return Ok(Decision::Both),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn answered(keys: &str) -> (Decision, String) {
        let mut lines = keys.lines();
        asked(&AtomicBool::new(false), || {
            lines
                .next()
                .map_or(Answer::None, |line| Answer::Line(line.to_owned()))
        })
    }

    fn asked(stop: &AtomicBool, next: impl FnMut() -> Answer) -> (Decision, String) {
        let conflict = Conflict {
            source: "contacts",
            luid: "a.vcf",
            ours: b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nTEL:1\r\nEND:VCARD\r\n",
            theirs: b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nTEL:2\r\n\x1b[2JEND:VCARD\r\n",
            media_type: "text/vcard",
        };
        let mut screen = Vec::new();
        let decision = ask(stop, next, &mut screen, &conflict).unwrap();
        (decision, String::from_utf8(screen).unwrap())
    }

    #[test]
    fn a_person_sees_both_versions_and_chooses() {
        let (decision, screen) = answered("s\n");
        assert_eq!(decision, Decision::Server);
        for text in ["contacts", "Ann", "TEL:1", "TEL:2"] {
            assert!(screen.contains(text), "{text}: {screen}");
        }
        assert!(
            !screen.contains('\x1b'),
            "a terminal takes no orders of a server"
        );
        assert_eq!(answered("maybe\nBoth\n").0, Decision::Both);
        assert_eq!(answered("c").0, Decision::Client);
        // who goes away has not agreed to lose anything
        assert_eq!(answered("what\n").0, Decision::Both);
    }

    #[test]
    fn who_wants_an_end_while_being_asked_has_decided_nothing() {
        let (typed, lines) = mpsc::channel();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (decision, _) = asked(&stop, || {
                // it comes while the answer is waited for
                scope.spawn(|| stop.store(true, Ordering::Relaxed));
                answer(&lines, &stop)
            });
            assert_eq!(decision, Decision::Later);
        });
        // and is shown nothing more
        let nothing = (Decision::Later, String::new());
        assert_eq!(asked(&stop, || Answer::None), nothing);
        stop.store(false, Ordering::Relaxed);
        typed.send("c".to_owned()).unwrap();
        assert_eq!(answer(&lines, &stop), Answer::Line("c".to_owned()));
        drop(typed);
        assert_eq!(answer(&lines, &stop), Answer::None);
    }
}

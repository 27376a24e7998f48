//! Conflicts that the server leaves to this side: decided by a rule, or by the person at the terminal.

use std::io::{BufRead, IsTerminal as _, Write};

use session::client::{Conflict, Decide, Decision};

use crate::cli::OnConflict;
use crate::output;
use crate::report::{Failure, Outcome};

/// Lines of a version that are shown.
const MAX_LINES: usize = 40;

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

/// Who decides.
pub(crate) fn decider(choice: OnConflict) -> Decide {
    match choice {
        OnConflict::Server => Box::new(|_| Decision::Server),
        OnConflict::Client => Box::new(|_| Decision::Client),
        OnConflict::Both => Box::new(|_| Decision::Both),
        OnConflict::Ask => Box::new(|conflict| {
            let (mut input, mut screen) = (std::io::stdin().lock(), std::io::stderr().lock());
            // who does not answer has not agreed to lose either
            ask(&mut input, &mut screen, conflict).unwrap_or(Decision::Both)
        }),
    }
}

/// Asks until there is an answer, or until there will be none.
fn ask(
    input: &mut impl BufRead,
    screen: &mut impl Write,
    conflict: &Conflict<'_>,
) -> std::io::Result<Decision> {
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
        let mut answer = String::new();
        if input.read_line(&mut answer)? == 0 {
            return Ok(Decision::Both);
        }
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
        let conflict = Conflict {
            source: "contacts",
            luid: "a.vcf",
            ours: b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nTEL:1\r\nEND:VCARD\r\n",
            theirs: b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nTEL:2\r\n\x1b[2JEND:VCARD\r\n",
            media_type: "text/vcard",
        };
        let mut screen = Vec::new();
        let decision = ask(&mut keys.as_bytes(), &mut screen, &conflict).unwrap();
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
}

//! Cards that stand for a group of people and not for a person: a device that knows no groups would
//! show somebody of that name, whom nobody can call.

use crate::line::Line;
use crate::media::Format;
use crate::own::own_lines;

/// The properties that say what a card stands for, and who is in the group: of vCard 4.0 (RFC 6350,
/// 6.1.4 and 6.6.5), and those that are in use before it.
pub const GROUP_PROPERTIES: [&str; 4] = [
    "KIND",
    "MEMBER",
    "X-ADDRESSBOOKSERVER-KIND",
    "X-ADDRESSBOOKSERVER-MEMBER",
];

/// Whether an item is a card of a group (RFC 6350, 6.1.4).
pub fn is_group(media_type: &str, content: &[u8]) -> bool {
    let word = b"group";
    // most cards do not have the word, and need not be read
    if !content
        .windows(word.len())
        .any(|part| part.eq_ignore_ascii_case(word))
    {
        return false;
    }
    let Some(format) = Format::of(media_type, content).filter(|format| format.is_card()) else {
        return false;
    };
    let is_kind = |line: &Line<'_>| line.is("KIND") || line.is("X-ADDRESSBOOKSERVER-KIND");
    own_lines(content).any(|line| {
        let text = line.text(format.dialect());
        is_kind(&line) && text.trim().eq_ignore_ascii_case("group")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_says_so() {
        let is = |version: &str, lines: &str| {
            let card = format!("BEGIN:VCARD\nVERSION:{version}\nFN:Choir\n{lines}END:VCARD\n");
            is_group("text/vcard", card.as_bytes())
        };
        assert!(is("4.0", "KIND:group\nMEMBER:urn:uuid:1\n"));
        assert!(is("3.0", "X-ADDRESSBOOKSERVER-KIND:Group\n"));
        for not in [
            "",
            "KIND:individual\n",
            "KIND:org\nNOTE:A group\n",
            "NOTE:group\n",
        ] {
            assert!(!is("4.0", not), "{not}");
        }
        let agent = "AGENT:\nBEGIN:VCARD\nKIND:group\nEND:VCARD\n";
        assert!(!is("2.1", agent), "of somebody within");
        assert!(!is_group("text/plain", b"KIND:group"));
    }
}

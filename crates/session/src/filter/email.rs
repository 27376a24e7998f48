//! The flags of the email object of OMA DS, read without reading the message within.

/// The text of the first element of this name, prefix aside; empty for an empty element. Marked
/// sections, where the message stands, are stepped over.
pub(super) fn element(content: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    let mut rest = &*text;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..)?;
        let section = if rest.starts_with("![CDATA[") {
            Some("]]>")
        } else if rest.starts_with("!--") {
            Some("-->")
        } else {
            None
        };
        if let Some(end) = section {
            rest = rest.split_once(end)?.1;
            continue;
        }
        let (tag, after) = rest.split_once('>')?;
        rest = after;
        let is_empty = tag.ends_with('/');
        let tag = tag
            .split(|c: char| c.is_whitespace() || c == '/')
            .next()
            .unwrap_or_default();
        let local = tag.split_once(':').map_or(tag, |(_, local)| local);
        if local.eq_ignore_ascii_case(name) {
            let text = after.split('<').next().unwrap_or_default();
            return Some(if is_empty { "" } else { text.trim() }.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_around_the_message() {
        let email = "<Email><!-- <read>no</read> --><emailitem><![CDATA[<read>9</read>]]>\
                     </emailitem><e:read a=\"1\"> true </e:read><flagged/></Email>";
        let found = [
            ("read", Some("true")),
            ("READ", Some("true")),
            ("flagged", Some("")),
            ("modified", None),
        ];
        for (name, text) in found {
            assert_eq!(element(email.as_bytes(), name).as_deref(), text, "{name}");
        }
        assert_eq!(element(b"<a><![CDATA[", "read"), None);
        assert_eq!(element(b"<read", "read"), None);
    }
}

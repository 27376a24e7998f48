//! Filters: which of the server's items a client wants.

use session::server::ConflictPolicy;
use syncml::{ChangeKind, Version};

use crate::talk::{Heard, Talk, alert, card, map, status, sync};

/// Another device puts contacts on the server.
fn filled(cards: &[(&str, &str)]) -> Talk {
    let mut talk = Talk::new();
    talk.device = "other";
    let commands: String = (30..)
        .zip(cards)
        .map(|(number, (name, phone))| crate::talk::add(number, name, &card(name, phone)))
        .collect();
    talk.sync(201, ("", "1"), &commands);
    talk.device = "phone";
    talk
}

/// The alert of the contacts with a filter in its target.
fn filtered(code: u16, anchors: (&str, &str), filter: &str) -> String {
    let (last, next) = anchors;
    alert(1, code, "contacts", last, next).replace(
        "<LocURI>./contacts</LocURI>",
        &format!("<LocURI>./contacts</LocURI>{filter}"),
    )
}

fn record(query: &str, kind: &str) -> String {
    let query = query.replace('&', "&amp;");
    format!(
        "<Filter><Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta><Record><Item><Meta>\
         <Type xmlns='syncml:metinf'>syncml:filtertype-cgi</Type></Meta><Data>{query}</Data></Item>\
         </Record>{kind}</Filter>"
    )
}

const INCLUSIVE: &str = "<FilterType>INCLUSIVE</FilterType>";

/// A session with this alert; what the server sends, which the client takes. New items get the LUID
/// `l` with their GUID.
fn session(talk: &mut Talk, alert: &str, changes: &str) -> Heard {
    talk.begin();
    let opened = talk.say(&(alert.to_owned() + "<Final/>"));
    assert_eq!(opened.said.code_of("Alert"), 200, "{}", opened.xml);
    let heard = talk.say(&(sync("contacts", changes) + "<Final/>"));
    let mut last = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        let code = if cmd == "Add" { 201 } else { 200 };
        last += &status(number, talk.message, cmd_id, cmd, code);
    }
    for (number, change) in (200..).zip(&heard.said.changes) {
        if change.kind == ChangeKind::Add {
            last += &map(number, &change.guid, &format!("l{}", change.guid));
        }
    }
    talk.say(&(last + "<Final/>"));
    heard
}

/// Names in what came, with what was done to them: `+Ann`, `=Ann`, `-l1`.
fn came(heard: &Heard) -> Vec<String> {
    let changes = heard.said.changes.iter().map(|change| {
        let name = change.content.split("\nN:").nth(1).unwrap_or_default();
        let name = name.lines().next().unwrap_or_default();
        match change.kind {
            ChangeKind::Add => format!("+{name}"),
            ChangeKind::Replace => format!("={name}"),
            _ => format!("-{}", change.luid),
        }
    });
    changes.collect()
}

const PEOPLE: [(&str, &str); 3] = [("Ann", "1"), ("Bob", "2"), ("Cy", "3")];

// spec: L01 L05 L06 L16
#[test]
fn an_exclusive_filter_leaves_on_the_device_what_matches() {
    let mut talk = filled(&PEOPLE);
    let first = filtered(201, ("", "1"), &record("TEL&NE;2", ""));
    assert_eq!(came(&session(&mut talk, &first, "")), ["+Ann", "+Cy"]);
    // the same again brings nothing
    let same = filtered(200, ("1", "2"), &record("TEL&NE;2", ""));
    assert_eq!(came(&session(&mut talk, &same, "")), [""; 0]);
    // narrower: what does not match any more goes from the device
    let narrow = filtered(200, ("2", "3"), &record("TEL&EQ;3", ""));
    assert_eq!(came(&session(&mut talk, &narrow, "")), ["-l1"]);
    assert_eq!(talk.server.items().len(), 3, "the server keeps all");
    // wider: it comes back, and so does what never matched
    let wide = alert(1, 200, "contacts", "3", "4");
    assert_eq!(came(&session(&mut talk, &wide, "")), ["+Ann", "+Bob"]);
    assert_eq!(
        came(&session(
            &mut talk,
            &alert(1, 200, "contacts", "4", "5"),
            ""
        )),
        [""; 0]
    );
}

// spec: L06 L16
#[test]
fn an_item_that_is_edited_out_of_the_filter_goes_from_the_device_only() {
    let mut talk = filled(&PEOPLE);
    let filter = record("TEL&NE;2", "");
    let first = filtered(201, ("", "1"), &filter);
    session(&mut talk, &first, "");
    talk.device = "other";
    talk.sync(
        200,
        ("1", "2"),
        &crate::talk::replace(30, "Ann", &card("Ann", "2")),
    );
    talk.device = "phone";
    let next = filtered(200, ("1", "2"), &filter);
    assert_eq!(came(&session(&mut talk, &next, "")), ["-l1"]);
    assert_eq!(talk.server.items().len(), 3);
    let next = filtered(200, ("2", "3"), &filter);
    assert_eq!(came(&session(&mut talk, &next, "")), [""; 0]);
}

// spec: L07
#[test]
fn an_inclusive_filter_updates_what_the_device_has_and_adds_nothing_outside() {
    let mut talk = filled(&PEOPLE);
    session(&mut talk, &alert(1, 201, "contacts", "", "1"), "");
    talk.device = "other";
    let changes = crate::talk::replace(30, "Ann", &card("Ann", "9"))
        + &crate::talk::add(31, "Dee", &card("Dee", "4"))
        + &crate::talk::add(32, "Eve", &card("Eve", "3"));
    talk.sync(200, ("1", "2"), &changes);
    talk.device = "phone";
    let next = filtered(200, ("1", "2"), &record("TEL&EQ;3", INCLUSIVE));
    assert_eq!(came(&session(&mut talk, &next, "")), ["=Ann", "+Eve"]);
}

// spec: L08
#[test]
fn changes_of_the_client_outside_of_its_filter_are_taken() {
    let mut talk = filled(&PEOPLE);
    let first = filtered(201, ("", "1"), &record("TEL&EQ;3", ""));
    session(
        &mut talk,
        &first,
        &crate::talk::add(30, "x", &card("Dee", "8")),
    );
    assert!(talk.server.contents().contains(&card("Dee", "8")));
}

// spec: L04
#[test]
fn a_field_filter_holds_for_one_session_and_loses_nothing() {
    let mut talk = filled(&[("Ann", "1")]);
    let fields = "<Filter><Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta><Field><Item>\
         <Meta><Type xmlns='syncml:metinf'>application/vnd.syncml-devinf+xml</Type></Meta>\
         <Data><Property><PropName>N</PropName></Property></Data></Item></Field></Filter>";
    let heard = session(&mut talk, &filtered(201, ("", "1"), fields), "");
    assert_eq!(came(&heard), ["+Ann"]);
    assert!(!heard.said.changes[0].content.contains("TEL"));
    // an edit of what the device has of the item leaves the rest as it was
    let edited = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Anna\r\nEND:VCARD\r\n";
    let again = filtered(200, ("1", "2"), fields);
    session(&mut talk, &again, &crate::talk::replace(30, "l1", edited));
    let held = talk.server.contents();
    assert!(
        held[0].contains("N:Anna") && held[0].contains("TEL;CELL:1"),
        "{held:?}"
    );
    // the next session without the filter brings all of it
    let heard = session(&mut talk, &alert(1, 200, "contacts", "2", "3"), "");
    assert_eq!(came(&heard), ["=Anna"]);
    assert!(heard.said.changes[0].content.contains("TEL;CELL:1"));
    let heard = session(&mut talk, &alert(1, 200, "contacts", "3", "4"), "");
    assert_eq!(came(&heard), [""; 0]);
}

// spec: L02 L03 L09 L10 L11
#[test]
fn a_filter_that_cannot_be_followed_is_refused_by_its_own_status() {
    let typed = |media_type: &str| record("TEL&EQ;3", "").replacen("text/x-vcard", media_type, 1);
    for (filter, code, detail) in [
        (
            record("TEL&EQ;3", "<FilterType>FOO</FilterType>"),
            406,
            "FOO",
        ),
        (typed("text/x-vcalendar"), 415, "text/x-vcalendar"),
        (
            record("TEL&EQ;3", "").replace("syncml:filtertype-cgi", "x-sql"),
            421,
            "x-sql",
        ),
        (record("TEL&EQ", ""), 422, ""),
        (record("UNSEEN&EQ;TRUE", ""), 406, "UNSEEN"),
    ] {
        let mut talk = filled(&PEOPLE);
        talk.begin();
        let heard = talk.say(&(filtered(201, ("", "1"), &filter) + "<Final/>"));
        let said = heard
            .statuses
            .iter()
            .find(|status| status.cmd == "Alert")
            .unwrap();
        assert_eq!(said.code, code, "{filter}");
        assert!(said.items.join(" ").contains(detail), "{said:?}");
        assert!(heard.said.alerts.is_empty(), "no alert for what is refused");
        // the session goes on without the filter
        let heard = talk.say(&(alert(1, 201, "contacts", "", "1") + "<Final/>"));
        assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
        assert!(heard.said.alerts.iter().any(|alert| alert.0 == 201));
        let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
        assert_eq!(heard.said.changes.len(), 3);
    }
    let mut talk = filled(&PEOPLE);
    let empty = "<Filter><Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta></Filter>";
    let heard = session(&mut talk, &filtered(201, ("", "1"), empty), "");
    assert_eq!(came(&heard).len(), 3, "a filter of nothing is none");
}

// spec: L12 L13 L14
#[test]
fn operators_of_the_grammar_choose_records() {
    for (query, expected) in [
        ("TEL&EQ;2", vec!["+Bob"]),
        ("TEL&NE;2", vec!["+Ann", "+Cy"]),
        ("TEL&GT;1", vec!["+Bob", "+Cy"]),
        ("TEL&GE;2", vec!["+Bob", "+Cy"]),
        ("TEL&LT;2", vec!["+Ann"]),
        ("TEL&LE;2", vec!["+Ann", "+Bob"]),
        ("N&CON;n", vec!["+Ann"]),
        ("N&NCON;n", vec!["+Bob", "+Cy"]),
        ("N&iEQ;ann", vec!["+Ann"]),
        ("NOTE&EQ;&NULL;", vec!["+Ann", "+Bob", "+Cy"]),
        ("TEL&EQ;1&OR;TEL&EQ;3", vec!["+Ann", "+Cy"]),
        ("TEL&GT;1&AND;TEL&LT;3", vec!["+Bob"]),
        ("N&EQ;%41nn", vec!["+Ann"]),
    ] {
        let mut talk = filled(&PEOPLE);
        let first = filtered(201, ("", "1"), &record(query, ""));
        assert_eq!(came(&session(&mut talk, &first, "")), expected, "{query}");
    }
}

// spec: L17
#[test]
fn an_address_carries_the_filter_before_1_2() {
    let mut talk = filled(&PEOPLE);
    talk.version = Version::V1_1;
    let asked = |query: &str| {
        alert(1, 201, "contacts", "", "1").replace("./contacts<", &format!("./contacts?{query}<"))
    };
    let heard = session(&mut talk, &asked("TEL&amp;EQ;2"), "");
    assert_eq!(came(&heard), ["+Bob"]);
    talk.begin();
    let heard = talk.say(&(asked("/max(3)") + "<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 406);
    assert!(
        heard
            .xml
            .contains("<TargetRef>./contacts?/max(3)</TargetRef>")
    );
}

// spec: L15
#[test]
fn what_device_information_announces_is_followed() {
    for (keyword, value) in [
        ("SINCE", "19990101T000000Z"),
        ("BEFORE", "19990101T000000Z"),
    ] {
        let mut talk = filled(&PEOPLE);
        let first = filtered(
            201,
            ("", "1"),
            &record(&format!("{keyword}&EQ;{value}"), ""),
        );
        let count = came(&session(&mut talk, &first, "")).len();
        assert_eq!(count, if keyword == "SINCE" { 3 } else { 0 }, "{keyword}");
    }
    let mut talk = Talk::new();
    talk.begin();
    let get =
        "<Get><CmdID>2</CmdID><Item><Target><LocURI>./devinf12</LocURI></Target></Item></Get>";
    let heard = talk.say(&(alert(1, 201, "contacts", "", "1") + get + "<Final/>"));
    let text = heard.xml;
    assert!(text.contains("<Filter-Rx>") && text.contains("<FilterKeyword>SINCE</FilterKeyword>"));
}

// spec: L17
#[test]
fn what_was_too_large_for_an_address_comes_without_it() {
    let mut talk = filled(&[("Ann", "1"), ("Bob", &"2".repeat(300))]);
    talk.version = Version::V1_1;
    let short = |code: u16, anchors: (&str, &str)| {
        alert(1, code, "contacts", anchors.0, anchors.1)
            .replace("./contacts<", "./contacts?/li(200)<")
    };
    assert_eq!(
        came(&session(&mut talk, &short(201, ("", "1")), "")),
        ["+Ann"]
    );
    assert_eq!(
        came(&session(&mut talk, &short(200, ("1", "2")), "")),
        [""; 0]
    );
    let all = alert(1, 200, "contacts", "2", "3");
    assert_eq!(came(&session(&mut talk, &all, "")), ["+Bob"]);
}

/// The properties that are wanted of contacts.
fn fields(name: &str) -> String {
    format!(
        "<Filter><Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta><Field><Item><Meta>\
         <Type xmlns='syncml:metinf'>application/vnd.syncml-devinf+xml</Type></Meta><Data>\
         <Property><PropName>{name}</PropName></Property></Data></Item></Field></Filter>"
    )
}

// spec: L04 L07
#[test]
fn what_an_inclusive_filter_leaves_on_the_device_is_made_whole_again() {
    let mut talk = filled(&PEOPLE[..2]);
    let names = filtered(201, ("", "1"), &fields("N"));
    assert_eq!(came(&session(&mut talk, &names, "")), ["+Ann", "+Bob"]);
    let whole = filtered(200, ("1", "2"), &record("TEL&EQ;2", INCLUSIVE));
    let heard = session(&mut talk, &whole, "");
    assert_eq!(came(&heard), ["=Ann", "=Bob"]);
    assert!(heard.said.changes[0].content.contains("TEL;CELL:1"));
}

// spec: L06
#[test]
fn a_filter_whose_session_broke_may_have_taken_items_off_the_device() {
    let mut talk = filled(&PEOPLE);
    session(&mut talk, &alert(1, 201, "contacts", "", "1"), "");
    talk.begin();
    talk.say(&(filtered(200, ("1", "2"), &record("TEL&EQ;3", "")) + "<Final/>"));
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert_eq!(came(&heard), ["-l1", "-l2"]);
    // its statuses are lost
    let all = alert(1, 200, "contacts", "1", "3");
    assert_eq!(came(&session(&mut talk, &all, "")), ["=Ann", "=Bob"]);
    let all = alert(1, 200, "contacts", "3", "4");
    assert_eq!(came(&session(&mut talk, &all, "")), [""; 0]);
}

// spec: L06
#[test]
fn what_a_person_deletes_while_a_filter_takes_it_off_the_device_is_deleted() {
    let mut talk = filled(&PEOPLE);
    session(&mut talk, &alert(1, 201, "contacts", "", "1"), "");
    talk.begin();
    talk.say(&(filtered(200, ("1", "2"), &record("TEL&EQ;3", "")) + "<Final/>"));
    talk.say(&(sync("contacts", "") + "<Final/>"));
    let deleted = crate::talk::delete(30, "l1");
    let all = alert(1, 200, "contacts", "1", "3");
    assert_eq!(came(&session(&mut talk, &all, &deleted)), ["=Bob"]);
    assert_eq!(talk.server.items().len(), 2);
}

// spec: L06
#[test]
fn a_filter_of_a_session_in_which_the_server_sends_nothing_holds_from_the_next_on() {
    let mut talk = filled(&PEOPLE);
    session(&mut talk, &alert(1, 201, "contacts", "", "1"), "");
    let filter = record("TEL&EQ;3", "");
    talk.begin();
    talk.say(&(filtered(202, ("1", "2"), &filter) + "<Final/>"));
    talk.say(&(sync("contacts", "") + "<Final/>"));
    let next = filtered(200, ("2", "3"), &filter);
    assert_eq!(came(&session(&mut talk, &next, "")), ["-l1", "-l2"]);
}

// spec: G04 L04
#[test]
fn a_refresh_from_a_device_that_holds_some_properties_keeps_the_others() {
    let mut talk = filled(&PEOPLE[..1]);
    session(&mut talk, &filtered(201, ("", "1"), &fields("N")), "");
    let shown = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Ann\r\nEND:VCARD\r\n";
    let commands = crate::talk::replace(30, "l1", shown);
    session(
        &mut talk,
        &filtered(203, ("1", "2"), &fields("N")),
        &commands,
    );
    let held = talk.server.contents();
    assert!(
        held.len() == 1 && held[0].contains("TEL;CELL:1"),
        "{held:?}"
    );
}

// spec: H22 L04
#[test]
fn of_a_conflict_both_items_have_what_the_device_does_not_want() {
    let mut talk = filled(&PEOPLE[..1]);
    talk.server.config.conflict = ConflictPolicy::Duplicate;
    session(&mut talk, &filtered(201, ("", "1"), &fields("N")), "");
    talk.device = "other";
    let theirs = crate::talk::replace(30, "Ann", &card("Annie", "1"));
    talk.sync(200, ("1", "2"), &theirs);
    talk.device = "phone";
    let edited = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Anna\r\nEND:VCARD\r\n";
    let ours = crate::talk::replace(30, "l1", edited);
    let next = filtered(200, ("1", "2"), &fields("N"));
    let heard = session(&mut talk, &next, &ours);
    assert_eq!(heard.said.code_of("Replace"), 209);
    let held = talk.server.contents();
    for name in ["N:Anna\r", "N:Annie\r"] {
        let is_whole = |card: &String| card.contains(name) && card.contains("TEL;CELL:1");
        assert!(held.iter().any(is_whole), "{held:?}");
    }
}

/// Posts what the client says, and looks how many items were read for the answer.
fn reads(talk: &mut Talk, body: &str) -> (Heard, usize) {
    let before = talk.server.state.looked_at();
    let heard = talk.say(body);
    (heard, talk.server.state.looked_at() - before)
}

/// A datastore with many contacts of which every 700th is of Paris.
fn crowded(count: usize) -> Talk {
    let mut talk = Talk::new();
    let contacts = talk.server.contacts();
    let filled: Result<(), session::store::StoreError> = talk.server.state.transact(|tx| {
        for number in 1..=count {
            let name = if number % 700 == 0 { "Paris" } else { "Anyone" };
            let text = card(&format!("{name} {number}"), &number.to_string());
            let content = session::store::Content::new("text/x-vcard", text.as_bytes());
            let origin = session::store::Origin::Session("other");
            tx.add_item(contacts, content, origin, 1)?;
        }
        Ok(())
    });
    filled.unwrap();
    talk
}

/// A session with a filter in as many messages as it takes. The client takes what `takes` says, by
/// content. What came, and the most items read for one message.
fn whole(
    talk: &mut Talk,
    (code, anchors): (u16, (&str, &str)),
    filter: &str,
    takes: impl Fn(&str) -> bool,
) -> (Vec<String>, usize) {
    talk.begin();
    talk.say(&(filtered(code, anchors, filter) + "<Final/>"));
    let (mut heard, mut most) = reads(talk, &(sync("contacts", "") + "<Final/>"));
    let mut names = Vec::new();
    loop {
        let mut next = String::new();
        let refused: Vec<&str> = heard
            .said
            .changes
            .iter()
            .filter(|change| !takes(&change.content))
            .map(|change| change.cmd_id.as_str())
            .collect();
        for (number, (cmd_id, cmd)) in (10_000..).zip(&heard.said.to_answer) {
            let code = if refused.contains(&cmd_id.as_str()) {
                500
            } else {
                200
            };
            next += &status(number, talk.message, cmd_id, cmd, code);
        }
        for (number, change) in (20_000..).zip(&heard.said.changes) {
            names.push(change.content.clone());
            if takes(&change.content) {
                next += &map(number, &change.guid, &format!("l{}", change.guid));
            }
        }
        if heard.said.is_final {
            let (_, read) = reads(talk, &(next + "<Final/>"));
            return (names, most.max(read));
        }
        next += &alert(90, 222, "contacts", "", "");
        let read;
        (heard, read) = reads(talk, &next);
        most = most.max(read);
    }
}

// spec: L04
#[test]
fn a_message_looks_at_a_slice_of_a_large_datastore() {
    let filter = record("N&iCON;Paris", INCLUSIVE);
    for takes in [true, false] {
        let mut talk = crowded(5000);
        let (names, most) = whole(&mut talk, (201, ("", "1")), &filter, |_| takes);
        assert_eq!(names.len(), 7);
        assert!(most <= 1200, "{most} items are read for one message");
        assert!(talk.message > 6, "{}", talk.message);
        // what the device did not take comes again, what it took does not, and little is looked at
        let (again, most) = whole(&mut talk, (200, ("1", "2")), &filter, |_| true);
        if takes {
            assert_eq!((again.len(), talk.message), (0, 3));
            assert!(most < 10, "{most}");
        } else {
            assert_eq!(again, names);
        }
    }
}

#[test]
fn the_one_item_of_many_that_was_not_taken_comes_again() {
    let filter = record("N&iCON;Anyone", INCLUSIVE);
    for (limit, refused) in [
        (10_000_000, "Anyone 4"),
        (10_000_000, "Anyone 2500"),
        (100_000, "Anyone 2500"),
    ] {
        let mut talk = crowded(2500);
        talk.limit = limit;
        talk.server.config.max_msg_size = limit;
        let name = format!("{refused}\r\n");
        let (names, _) = whole(&mut talk, (201, ("", "1")), &filter, |card| {
            !card.contains(&name)
        });
        assert_eq!(names.len(), 2497);
        let (again, _) = whole(&mut talk, (200, ("1", "2")), &filter, |_| true);
        assert_eq!(again.len(), 1, "{again:?}");
        assert!(again[0].contains(&name));
        let (none, most) = whole(&mut talk, (200, ("2", "3")), &filter, |_| true);
        assert_eq!((none.len(), most < 1200), (0, true), "{most}");
    }
}

/// A phone that holds the names alone, and refuses the whole of its contact, since its owner edits it.
fn with_refused_whole(policy: ConflictPolicy) -> Talk {
    let mut talk = filled(&PEOPLE[..1]);
    talk.server.config.conflict = policy;
    session(&mut talk, &filtered(201, ("", "1"), &fields("N")), "");
    talk.begin();
    talk.say(&(alert(1, 204, "contacts", "1", "2") + "<Final/>"));
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert_eq!(came(&heard), ["=Ann"]);
    let mut last = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        let code = if cmd == "Replace" { 409 } else { 200 };
        last += &status(number, talk.message, cmd_id, cmd, code);
    }
    talk.say(&(last + "<Final/>"));
    talk
}

// spec: L04
#[test]
fn an_edit_of_a_part_loses_nothing_when_the_device_refused_the_whole() {
    for policy in [ConflictPolicy::ClientWins, ConflictPolicy::Ask] {
        let mut talk = with_refused_whole(policy);
        let edited = crate::talk::replace(30, "l1", &shown("Anna"));
        let next = alert(1, 200, "contacts", "2", "3");
        session(&mut talk, &next, &edited);
        let held = talk.server.contents();
        assert!(
            held[0].contains("N:Anna") && held[0].contains("TEL;CELL:1"),
            "{held:?}"
        );
    }
}

/// A card of which nothing but the name came.
fn shown(name: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\nEND:VCARD\r\n")
}

// spec: L04
#[test]
fn an_edit_of_a_part_that_was_not_confirmed_loses_nothing() {
    let mut talk = Talk::new();
    let whole = alert(1, 201, "contacts", "", "1");
    session(
        &mut talk,
        &whole,
        &crate::talk::add(30, "l1", &card("Ann", "1")),
    );
    talk.device = "other";
    session(&mut talk, &whole, "");
    let theirs = card("Ann", "1").replace("END:", "EMAIL:ann@example.org\r\nEND:");
    talk.sync(200, ("1", "2"), &crate::talk::replace(30, "l1", &theirs));
    talk.device = "phone";
    talk.begin();
    talk.say(&(filtered(200, ("1", "2"), &fields("N")) + "<Final/>"));
    let edited = crate::talk::replace(30, "l1", &card("Anna", "1"));
    let heard = talk.say(&(sync("contacts", &edited) + "<Final/>"));
    assert_eq!(came(&heard), ["=Anna"]);
    assert!(!heard.said.changes[0].content.contains("TEL"));
    // it takes the part, and the line breaks; its owner edits the part
    let next = alert(1, 200, "contacts", "1", "3");
    session(
        &mut talk,
        &next,
        &crate::talk::replace(30, "l1", &shown("Anne")),
    );
    let held = talk.server.contents();
    let parts = ["N:Anne", "TEL;CELL:1", "EMAIL:ann@"];
    assert!(parts.iter().all(|part| held[0].contains(part)), "{held:?}");
}

// spec: G04 L04
#[test]
fn a_refresh_from_a_device_that_refused_the_whole_keeps_the_rest() {
    let mut talk = with_refused_whole(ConflictPolicy::ClientWins);
    let refresh = alert(1, 203, "contacts", "2", "3");
    session(
        &mut talk,
        &refresh,
        &crate::talk::replace(30, "l1", &shown("Ann")),
    );
    let held = talk.server.contents();
    assert!(
        held.len() == 1 && held[0].contains("TEL;CELL:1"),
        "{held:?}"
    );
}

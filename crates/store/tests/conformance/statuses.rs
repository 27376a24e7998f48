//! Which Status answers which command, in what order and with which code.

use syncml::auth;

use crate::scripted::{PASSWORD, USER};
use crate::talk::{
    Talk, add, alert, base64, card, change, delete, item, map, replace, status, sync,
};

// spec: C01 C02 C03
#[test]
fn each_command_has_its_status_in_order() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    let commands: String = (0..20)
        .map(|number| {
            let luid = number.to_string();
            match number % 3 {
                0 => add(30 + number, &luid, &card(&format!("Person {number}"), "1")),
                1 => replace(30 + number, &luid, &card(&format!("Person {number}"), "1")),
                _ => delete(30 + number, &luid),
            }
        })
        .collect();
    let heard = talk.say(&(sync("contacts", &commands) + &map(60, "9", "x") + "<Final/>"));
    let mut expected = vec!["0".to_owned(), "20".to_owned()];
    expected.extend((30..50).map(|number| number.to_string()));
    expected.push("60".to_owned());
    let refs: Vec<String> = heard
        .statuses
        .iter()
        .map(|status| status.cmd_ref.clone())
        .collect();
    assert_eq!(refs, expected);
    assert_eq!(heard.statuses[0].cmd, "SyncHdr");
}

// spec: C04 C05 C06 C08
#[test]
fn items_with_different_results_have_statuses_of_their_own() {
    let mut talk = Talk::new();
    let event = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let good = item("a", &card("Ann", "1")) + &item("b", &card("Bob", "2"));
    let mixed = item("c", &card("Eve", "3")) + &item("d", event);
    let commands = change("Add", 21, &good) + &change("Add", 22, &mixed);
    let heard = talk.sync(201, ("", "1"), &commands);
    let codes = [
        ("0", 200),
        ("20", 200),
        ("21", 201),
        ("22", 201),
        ("22", 415),
    ];
    assert_eq!(heard.codes(), codes);
    assert!(heard.statuses[2].source_refs.is_empty(), "one for both");
    assert_eq!(heard.statuses[3].source_refs, ["c"]);
    assert_eq!(heard.statuses[4].source_refs, ["d"]);
}

// spec: C07
#[test]
fn the_status_of_an_alert_returns_the_next_anchor() {
    let mut talk = Talk::new();
    let heard = talk.open(201, "", "today at noon");
    assert_eq!(heard.statuses[1].items, ["next today at noon"]);
}

// spec: C09
#[test]
fn a_status_is_not_answered() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    let statuses = status(31, 1, "0", "SyncHdr", 200) + &status(32, 1, "77", "Add", 200);
    let heard = talk.say(&(statuses + &sync("contacts", "") + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 200), ("20", 200)]);
}

// spec: C10
#[test]
fn no_resp_keeps_back_the_status_of_its_command() {
    let mut talk = Talk::new();
    let quiet = add(22, "b", &card("Bob", "2")).replace("</CmdID>", "</CmdID><NoResp/>");
    let commands = add(21, "a", &card("Ann", "1")) + &quiet + &add(23, "c", &card("Eve", "3"));
    let heard = talk.sync(201, ("", "1"), &commands);
    let codes = [("0", 200), ("20", 200), ("21", 201), ("23", 201)];
    assert_eq!(heard.codes(), codes);
    assert_eq!(talk.server.items().len(), 3);
}

/// A command that asks for the server's device information.
fn get(cmd_id: u32) -> String {
    format!(
        "<Get><CmdID>{cmd_id}</CmdID><Meta><Type xmlns='syncml:metinf'>\
         application/vnd.syncml-devinf+xml</Type></Meta><Item><Target>\
         <LocURI>./devinf12</LocURI></Target></Item></Get>"
    )
}

// spec: A28 C10
#[test]
fn no_resp_keeps_back_the_status_of_any_command_and_of_a_message() {
    let quiet = |command: String| command.replacen("</CmdID>", "</CmdID><NoResp/>", 1);
    let search = |cmd_id| {
        format!(
            "<Search><CmdID>{cmd_id}</CmdID><Source><LocURI>./contacts</LocURI></Source>\
             <Meta><Type xmlns='syncml:metinf'>syncml:filtertype-cgi</Type></Meta>\
             <Data>FN&amp;CON;Ann</Data></Search>"
        )
    };
    let mut talk = Talk::new();
    talk.begin();
    let opening = quiet(alert(1, 201, "contacts", "", "1")) + &quiet(get(2));
    let heard = talk.say(&(opening + "<Final/>"));
    assert_eq!(heard.codes(), [("0", 212)]);
    assert!(heard.xml.contains("<Results>"), "that was asked for");
    assert!(heard.xml.contains("<Alert>"));
    let commands = quiet(add(21, "a", &card("Ann", "1"))) + &quiet(delete(22, "none"));
    let heard = talk.say(&(quiet(sync("contacts", &commands)) + &quiet(search(30))));
    assert_eq!(heard.codes(), [("0", 200)]);
    assert_eq!(talk.server.items().len(), 1);
    // what fails says nothing either, down to the credentials
    let wrong = "</CmdID><NoResp/><Cred><Data>QnJ1Y2UyOndyb25n</Data></Cred>";
    let refused = get(40).replacen("</CmdID>", wrong, 1);
    assert_eq!(talk.say(&refused).codes(), [("0", 200)]);

    talk.header = "<NoResp/>";
    let commands = add(21, "b", &card("Bob", "1")) + &delete(22, "none");
    let heard = talk.say(&(sync("contacts", &commands) + &get(31)));
    assert_eq!(heard.statuses, []);
    assert!(heard.xml.contains("<Results>"));
    assert_eq!(talk.server.items().len(), 2);
}

// spec: E16
#[test]
fn credentials_of_any_command_are_judged_there() {
    let wrong = "<Cred><Meta><Type xmlns='syncml:metinf'>syncml:auth-basic</Type></Meta>\
                 <Data>QnJ1Y2UyOndyb25n</Data></Cred>";
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    let with = |text: String, after: &str| text.replacen(after, &format!("{after}{wrong}"), 1);
    let ann = add(21, "1", &card("Ann", "1"));
    let bob = add(22, "2", &card("Bob", "1"));
    let all = sync("contacts", &(with(ann.clone(), "</CmdID>") + &bob));
    let heard = talk.say(&all);
    assert_eq!(
        heard.codes(),
        [("0", 200), ("20", 200), ("21", 401), ("22", 201)]
    );
    assert_eq!(heard.xml.matches("<Chal>").count(), 1);
    // a Sync is refused with all that is in it, and may come again
    let whole = sync("contacts", &ann);
    let heard = talk.say(&with(whole.clone(), "</CmdID>"));
    assert_eq!(heard.codes(), [("0", 200), ("20", 401), ("21", 401)]);
    let heard = talk.say(&(whole + "<Final/>"));
    assert_eq!(heard.codes()[..3], [("0", 200), ("20", 200), ("21", 201)]);
    let get = "<Get><CmdID>5</CmdID><Meta><Type xmlns='syncml:metinf'>\
               application/vnd.syncml-devinf+xml</Type></Meta><Item><Target>\
               <LocURI>./devinf12</LocURI></Target></Item></Get>";
    let heard = talk.say(&with(get.to_owned(), "</CmdID>"));
    assert_eq!(heard.codes(), [("0", 200), ("5", 401)]);
    assert!(!heard.xml.contains("<Results>"));
}

// spec: E16
#[test]
fn a_message_in_the_name_of_another_account_has_no_part_in_the_session() {
    let mut talk = Talk::new();
    let digest = auth::user_digest("eve", "of her own");
    talk.server.state.add_account("eve", &digest, None);
    talk.open(201, "", "1");
    let message =
        String::from_utf8(talk.message(&sync("contacts", &add(21, "a", &card("Ann", "1")))));
    let message = message.unwrap();
    let own = base64(&format!("{USER}:{PASSWORD}"));
    let others = message.replace(&own, &base64("eve:of her own"));
    let heard = talk.post(others.as_bytes());
    assert_eq!(heard.statuses[0].code, 401);
    assert!(talk.server.items().is_empty());
}

/// A phone that has been sent three contacts, and the commands that it has to answer.
fn three_sent() -> (Talk, Vec<(String, String)>) {
    let mut talk = Talk::with_contacts(0..3);
    talk.sync(201, ("", "1"), "");
    let first: Vec<String> = (1..=3)
        .map(|guid| map(30 + guid, &guid.to_string(), &format!("L{guid}")))
        .collect();
    talk.open(200, "1", "2");
    talk.say(&(first.concat() + &sync("contacts", "") + "<Final/>"));
    talk.say("<Final/>");
    talk.device = "laptop";
    let all: String = (0..3)
        .map(|number| {
            let name = format!("Person {number}");
            replace(21 + number, &number.to_string(), &card(&name, "2"))
        })
        .collect();
    talk.sync(200, ("1", "2"), &all);
    talk.device = "phone";
    talk.open(200, "2", "3");
    let heard = talk.say(&(sync("contacts", "") + "<Final/>"));
    assert_eq!(heard.said.changes.len(), 3);
    let commands = heard.said.to_answer;
    let sent = commands
        .into_iter()
        .filter(|(_, cmd)| cmd == "Replace")
        .collect();
    (talk, sent)
}

// spec: C13
#[test]
fn statuses_are_matched_in_any_order_and_late() {
    let (mut talk, sent) = three_sent();
    let reply = |number: u32, (cmd_id, cmd): &(String, String)| status(number, 2, cmd_id, cmd, 200);
    // the last first, and the others a message later
    talk.say(&reply(31, &sent[2]));
    talk.say(&(reply(32, &sent[1]) + &reply(33, &sent[0]) + "<Final/>"));
    let quiet = talk.sync(200, ("3", "4"), "");
    assert!(quiet.said.changes.is_empty());
}

// spec: C14 R11
#[test]
fn codes_that_nobody_knows_are_taken_as_their_class() {
    for (code, comes_again) in [(299, 0), (499, 1), (599, 1)] {
        let (mut talk, sent) = three_sent();
        let codes = [200, code, 200];
        let replies: String = (31..)
            .zip(&sent)
            .zip(codes)
            .map(|((number, (cmd_id, cmd)), code)| status(number, 2, cmd_id, cmd, code))
            .collect();
        talk.say(&(replies + "<Final/>"));
        let next = talk.sync(200, ("3", "4"), "");
        assert!(next.said.changes.len() >= comes_again, "{code}");
        assert_eq!(next.said.changes.is_empty(), comes_again == 0, "{code}");
        let anchors_hold = talk.open(200, "4", "5");
        assert_eq!(anchors_hold.said.code_of("Alert"), 200);
    }
}

// spec: H28
#[test]
fn what_a_client_has_lost_is_added_again() {
    for code in [404, 410] {
        let (mut talk, sent) = three_sent();
        let replies: String = (31..)
            .zip(&sent)
            .zip([200, code, 200])
            .map(|((number, (cmd_id, cmd)), code)| status(number, 2, cmd_id, cmd, code))
            .collect();
        talk.say(&(replies + "<Final/>"));
        let next = talk.sync(200, ("3", "4"), "");
        let added = next.said.changes.iter().find(|change| change.guid == "2");
        assert_eq!(added.unwrap().kind, syncml::ChangeKind::Add);
    }
}

// spec: C15
#[test]
fn commands_that_do_not_exist_or_lack_something_are_refused() {
    let mut talk = Talk::new();
    talk.begin();
    let heard = talk.say(&format!(
        "<Dance><CmdID>7</CmdID></Dance>{}{}{}<Final/>",
        "<Alert><CmdID>8</CmdID><Data>soon</Data></Alert>",
        "<Alert><CmdID>9</CmdID><Data>200</Data></Alert>",
        alert(10, 201, "contacts", "", "1"),
    ));
    let codes = [("0", 212), ("7", 501), ("8", 400), ("9", 412), ("10", 200)];
    assert_eq!(heard.codes(), codes);
}

// spec: C16 G28 G29 H27 S15
#[test]
fn codes_say_what_became_of_a_change() {
    let mut talk = Talk::new();
    let (ann, bob) = (card("Ann", "1"), card("Bob", "2"));
    talk.sync(201, ("", "1"), &add(21, "a", &ann));
    let commands = [
        (add(21, "b", &bob), 201),
        (replace(22, "a", &card("Ann", "9")), 200),
        (replace(23, "new", &card("Eve", "3")), 201),
        (delete(24, "b"), 200),
        (delete(25, "b"), 211),
        (delete(26, "never"), 211),
        (change("Add", 27, "<Item><Data>x</Data></Item>"), 412),
        (change("Add", 28, &item("e", "")), 412),
        (change("Add", 29, ""), 412),
        (replace(30, "a", ""), 200),
        (replace(31, "never", ""), 412),
    ];
    let all: String = commands
        .iter()
        .map(|(command, _)| command.as_str())
        .collect();
    let heard = talk.sync(200, ("1", "2"), &all);
    let codes: Vec<u16> = heard.codes()[2..].iter().map(|(_, code)| *code).collect();
    let expected: Vec<u16> = commands.iter().map(|(_, code)| *code).collect();
    assert_eq!(codes, expected);
    assert_eq!(talk.server.contents(), [card("Ann", "9"), card("Eve", "3")]);
}

// spec: C17
#[test]
fn nothing_of_a_refused_sync_is_applied() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    let commands = add(21, "a", &card("Ann", "1")) + &delete(22, "b");
    let heard = talk.say(&(sync("nowhere", &commands) + "<Final/>"));
    assert_eq!(
        heard.codes(),
        [("0", 200), ("20", 404), ("21", 404), ("22", 404)]
    );
    assert!(talk.server.items().is_empty());
}

// spec: M23
#[test]
fn every_command_of_a_client_is_taken() {
    let mut talk = Talk::new();
    talk.begin();
    let devinf = "<Item><Source><LocURI>./devinf12</LocURI></Source><Data>\
        <DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>phone</DevID>\
        <DevTyp>phone</DevTyp></DevInf></Data></Item>";
    let meta = "<Meta><Type xmlns='syncml:metinf'>application/vnd.syncml-devinf+xml</Type></Meta>";
    let first = format!(
        "{}<Put><CmdID>2</CmdID>{meta}{devinf}</Put>\
         <Get><CmdID>3</CmdID>{meta}<Item><Target><LocURI>./devinf12</LocURI></Target></Item></Get>\
         <Results><CmdID>4</CmdID><MsgRef>1</MsgRef><CmdRef>9</CmdRef>{meta}{devinf}</Results>\
         <Final/>",
        alert(1, 201, "contacts", "", "1"),
    );
    let heard = talk.say(&first);
    let codes = heard.codes();
    assert_eq!(codes[..4], [("0", 212), ("1", 200), ("2", 200), ("3", 200)]);
    let ann = card("Ann", "1");
    let commands = add(21, "a", &ann) + &replace(22, "a", &ann) + &delete(23, "a");
    let second = status(5, 1, "0", "SyncHdr", 200) + &sync("contacts", &commands);
    let heard = talk.say(&(second + &map(6, "1", "a") + "<Final/>"));
    let codes = [
        ("0", 200),
        ("20", 200),
        ("21", 201),
        ("22", 200),
        ("23", 200),
        ("6", 200),
    ];
    assert_eq!(heard.codes(), codes);
}

// spec: M17
#[test]
fn commands_of_other_protocols_are_refused() {
    let mut talk = Talk::new();
    talk.begin();
    let exec = "<Exec><CmdID>2</CmdID><Item><Target><LocURI>./run</LocURI></Target></Item></Exec>";
    let search = "<Search><CmdID>3</CmdID><Source><LocURI>./contacts</LocURI></Source>\
        <Meta><Type xmlns='syncml:metinf'>application/sql</Type></Meta><Data>x</Data></Search>";
    let commands = alert(1, 201, "contacts", "", "1") + exec + search;
    let heard = talk.say(&(commands + "<Final/>"));
    assert_eq!(
        heard.codes(),
        [("0", 212), ("1", 200), ("2", 501), ("3", 421)]
    );
}

// spec: A12 C03
#[test]
fn a_cmd_id_that_occurs_twice_is_answered_twice() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    let twice = add(21, "a", &card("Ann", "1")) + &add(21, "b", &card("Bob", "2"));
    let heard = talk.say(&(sync("contacts", &twice) + "<Final/>"));
    let codes = [("0", 200), ("20", 200), ("21", 201), ("21", 201)];
    assert_eq!(heard.codes(), codes);
    assert_eq!(heard.statuses[2].source_refs, ["a"]);
    assert_eq!(heard.statuses[3].source_refs, ["b"]);
    assert_eq!(talk.server.items().len(), 2);
}

// spec: A19
#[test]
fn an_item_is_taken_without_a_type_and_with_a_size_of_0() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    let untyped = format!(
        "<Add><CmdID>21</CmdID>{}</Add>",
        item("a", &card("Ann", "1"))
    );
    let sized = add(22, "b", &card("Bob", "2"))
        .replace("</Type>", "</Type><Size xmlns='syncml:metinf'>0</Size>");
    let heard = talk.say(&(sync("contacts", &(untyped + &sized)) + "<Final/>"));
    assert_eq!(heard.codes()[2..], [("21", 201), ("22", 201)]);
    assert_eq!(talk.server.contents(), [card("Ann", "1"), card("Bob", "2")]);
}

#[test]
fn a_status_of_an_error_of_the_server_has_no_data() {
    let mut talk = Talk::new();
    talk.open(201, "", "1");
    let exec = "<Exec><CmdID>2</CmdID><Item><Target><LocURI>./run</LocURI></Target></Item></Exec>";
    let nothing = delete(21, "a").replace("Delete", "Exec");
    let heard = talk.say(&(exec.to_owned() + &sync("contacts", &nothing) + "<Final/>"));
    let errors: Vec<_> = heard
        .statuses
        .iter()
        .filter(|one| one.code >= 500)
        .collect();
    assert_eq!(errors.len(), 2);
    for status in errors {
        assert!(status.items.is_empty(), "{status:?}");
    }
}

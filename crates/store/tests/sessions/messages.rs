//! What single messages are answered with.

use syncml::ChangeKind::Add;
use syncml::Command;

use crate::scripted::{Client, Server, card, get_devinf, read, statuses_for, sync_alert, sync_of};

#[test]
fn versions_that_are_not_ours_are_told_which_are() {
    let mut server = Server::new();
    let message = |dtd: &str, proto: &str| {
        format!(
            "<SyncML><SyncHdr><VerDTD>{dtd}</VerDTD><VerProto>{proto}</VerProto>\
             <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>s</LocURI></Target>\
             <Source><LocURI>phone</LocURI></Source></SyncHdr><SyncBody>\
             <Alert><CmdID>1</CmdID><Data>200</Data></Alert><Final/></SyncBody></SyncML>"
        )
    };
    for (dtd, proto, code) in [
        ("2.0", "SyncML/2.0", 505),
        ("1.2", "SyncML/3.0", 513),
        ("1.2", "DM/1.2", 513),
    ] {
        let answer = server.post(message(dtd, proto).as_bytes(), None).unwrap();
        assert_eq!(read(&answer.body).codes(), [code, code], "{dtd} {proto}");
    }
}

// spec: B14 C17 G17 S18
#[test]
fn one_datastore_fails_and_the_others_go_on() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    let mut unknown = sync_alert(1, 200, "", "1");
    if let Command::Alert(alert) = &mut unknown {
        alert.items[0].target = Some(syncml::Location::new("./bookmarks"));
    }
    let mut no_anchor = sync_alert(2, 200, "", "1");
    if let Command::Alert(alert) = &mut no_anchor {
        alert.items[0].target = Some(syncml::Location::new("./notes"));
        alert.items[0].meta = None;
    }
    let good = sync_alert(3, 200, "", "1");
    let said = phone.send(&mut server, &[unknown, no_anchor, good], true);
    assert_eq!(said.codes(), [212, 404, 412, 508]);
    assert_eq!(said.alerts.len(), 1);
    let mut wrong = sync_of(&[(Add, "a", "x")]);
    if let Command::Sync(sync) = &mut wrong {
        sync.cmd_id = "60".into();
        sync.target = Some(syncml::Location::new("./bookmarks"));
        if let Some(Command::Change(change)) = sync.commands.first_mut() {
            change.cmd_id = "61".into();
        }
    }
    let right = sync_of(&[(Add, "a", &card("Ann", "1"))]);
    let said = phone.send(&mut server, &[wrong, right], true);
    assert_eq!(said.codes(), [200, 404, 404, 200, 201]);
    assert_eq!(server.items().len(), 1);
}

// spec: F04 F22 S04
#[test]
fn device_information_is_exchanged() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    let said = phone.send(
        &mut server,
        &[sync_alert(1, 200, "", "1"), get_devinf()],
        true,
    );
    assert_eq!(said.code_of("Get"), 200);
    assert_eq!(
        said.others,
        ["Results", "Get"],
        "ours is given, theirs asked for"
    );
    assert!(said.is_final);
}

// spec: A28
#[test]
fn no_resp_is_kept() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    phone.no_resp = true;
    let said = phone.send(
        &mut server,
        &[sync_of(&[(Add, "a", &card("Ann", "1"))])],
        true,
    );
    assert!(said.statuses.is_empty());
    assert_eq!(server.items().len(), 1);
}

// spec: N15
#[test]
fn resp_uri_comes_after_the_login_and_has_to_be_kept() {
    let mut server = Server::new();
    server.resp_uri_base = Some("http://server/syncml");
    let mut phone = Client::new("phone");
    phone.begin();
    let said = phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let uri = said.resp_uri.clone().unwrap();
    let token = uri.strip_prefix("http://server/syncml?sid=").unwrap();
    let replies = statuses_for(&said, 1);
    // two messages with the token, then one without: it is not this session any more
    let body = |phone: &mut Client, server: &mut Server, commands: &[Command<'_>], token| {
        let mut scratch = Server::new();
        phone.send(&mut scratch, commands, false);
        read(&server.post(&phone.last_body, token).unwrap().body)
    };
    let said = body(&mut phone, &mut server, &replies, Some(token));
    assert_eq!(said.code_of("SyncHdr"), 200);
    phone.cred = None;
    let said = body(&mut phone, &mut server, &[sync_of(&[])], None);
    assert_eq!(said.code_of("SyncHdr"), 407);
}

#[test]
fn what_belongs_elsewhere_is_refused() {
    let mut server = Server::new();
    let mut phone = Client::new("phone");
    let event = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let outcome = phone.sync(
        &mut server,
        200,
        ("", "1"),
        &[(Add, "a", event), (Add, "b", &card("Ann", "1"))],
    );
    assert_eq!(outcome.codes, [415, 201]);
    assert_eq!(server.items().len(), 1);
}

#[test]
fn an_answer_is_no_larger_than_the_servers_own_limit() {
    let mut server = Server::new();
    server.config.max_msg_size = 4000;
    let cards: Vec<String> = (0..40).map(|n| card(&format!("Person {n}"), "1")).collect();
    let luids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let all: Vec<_> = cards
        .iter()
        .zip(&luids)
        .map(|(card, luid)| (Add, luid.as_str(), card.as_str()))
        .collect();
    Client::new("laptop").sync(&mut server, 200, ("", "1"), &all);
    let mut phone = Client {
        limit: 4_000_000_000,
        ..Client::new("phone")
    };
    phone.begin();
    phone.send(&mut server, &[sync_alert(1, 200, "", "1")], true);
    let said = phone.send(&mut server, &[sync_of(&[])], true);
    assert!(said.size <= 4000, "{}", said.size);
    assert!(!said.is_final);
}

//! Mail and files: a device that has read a mail sends its flags alone, and one that has renamed a
//! file its name. What it does not say stays.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;
#[path = "conformance/talk.rs"]
mod talk;

use session::store::DatastoreKind;
use talk::{Heard, Talk, alert, item, kept, status, sync};

const EMAIL: &str = "application/vnd.omads-email+xml";
const FILE: &str = "application/vnd.omads-file+xml";
const MESSAGE: &str = "<emailitem enc=\"base64\">RnJvbTogYW5hQGV4YW1wbGUub3JnDQpTdWJqZWN0OiBIaQ0K\
                       DQpMdW5jaD8NCg==</emailitem>";

fn command(name: &str, luid: &str, media_type: &str, data: &str) -> String {
    let data = data.replace('<', "&lt;");
    let item = item(luid, "").replace("<![CDATA[]]>", &data);
    format!(
        "<{name}><CmdID>30</CmdID><Meta><Type xmlns='syncml:metinf'>{media_type}</Type></Meta>\
         {item}</{name}>"
    )
}

/// A session of a device; what the server answers to its changes.
fn session(talk: &mut Talk, device: &'static str, name: &str, last: u32, commands: &str) -> Heard {
    talk.device = device;
    talk.begin();
    let (code, old) = match last {
        0 => (201, String::new()),
        last => (200, last.to_string()),
    };
    let heard = talk.say(&(alert(1, code, name, &old, &(last + 1).to_string()) + "<Final/>"));
    assert_eq!(heard.said.code_of("Alert"), 200, "{}", heard.xml);
    let heard = talk.say(&(sync(name, commands) + "<Final/>"));
    let mut text = String::new();
    for (number, (cmd_id, cmd)) in (60..).zip(&heard.said.to_answer) {
        text += &status(number, talk.message, cmd_id, cmd, 200);
    }
    for (number, change) in (200..).zip(&heard.said.changes) {
        let luid = format!("l{}", change.guid);
        text += &talk::map(number, &change.guid, &luid).replace("contacts", name);
    }
    talk.say(&(text + "<Final/>"));
    heard
}

#[test]
fn flags_alone_leave_the_message() {
    let mail = format!("<Email><read>false</read><received>1</received>{MESSAGE}</Email>");
    let mut talk = Talk::new();
    let added = command("Add", "m1", EMAIL, &mail);
    session(&mut talk, "phone", "mail", 0, &added);
    for (last, flags) in [
        (1, "<Email><read>true</read><flagged>true</flagged></Email>"),
        (
            2,
            "<Email><read>true</read><flagged>false</flagged></Email>",
        ),
    ] {
        let read = command("Replace", "m1", EMAIL, flags);
        let heard = session(&mut talk, "phone", "mail", last, &read);
        assert_eq!(heard.said.code_of("Replace"), 200, "{}", heard.xml);
        assert!(heard.said.changes.is_empty(), "{}", heard.xml);
    }
    let expected = "<Email><read>true</read><flagged>false</flagged><received>1</received>";
    let expected = format!("{expected}{MESSAGE}</Email>");
    assert_eq!(kept(&talk, DatastoreKind::Mail), [expected.as_str()]);
    let heard = session(&mut talk, "laptop", "mail", 0, "");
    assert_eq!(heard.said.changes[0].content, expected);
}

#[test]
fn flags_of_two_devices_come_to_one_mail() {
    let mail = format!("<Email><read>false</read>{MESSAGE}</Email>");
    let mut talk = Talk::new();
    session(
        &mut talk,
        "phone",
        "mail",
        0,
        &command("Add", "m1", EMAIL, &mail),
    );
    let heard = session(&mut talk, "laptop", "mail", 0, "");
    let luid = format!("l{}", heard.said.changes[0].guid);
    let read = command("Replace", "m1", EMAIL, "<Email><read>true</read></Email>");
    session(&mut talk, "phone", "mail", 1, &read);
    let replied = "<Email><replied>true</replied></Email>";
    let replied = command("Replace", &luid, EMAIL, replied);
    session(&mut talk, "laptop", "mail", 1, &replied);
    let expected = format!("<Email><replied>true</replied><read>true</read>{MESSAGE}</Email>");
    assert_eq!(kept(&talk, DatastoreKind::Mail), [expected]);
}

#[test]
fn a_name_alone_leaves_the_content() {
    let file = "<File><name>list</name><attributes><w>true</w></attributes><body>milk</body>\
                <size>4</size></File>";
    let mut talk = Talk::new();
    session(
        &mut talk,
        "phone",
        "files",
        0,
        &command("Add", "f1", FILE, file),
    );
    let renamed = command("Replace", "f1", FILE, "<File><name>shopping</name></File>");
    session(&mut talk, "phone", "files", 1, &renamed);
    let expected = "<File><name>shopping</name><attributes><w>true</w></attributes>\
                    <body>milk</body><size>4</size></File>";
    assert_eq!(kept(&talk, DatastoreKind::Files), [expected]);
    let emptied = command(
        "Replace",
        "f1",
        FILE,
        "<File><body></body><size>0</size></File>",
    );
    session(&mut talk, "phone", "files", 2, &emptied);
    let expected = "<File><body></body><size>0</size><name>shopping</name>\
                    <attributes><w>true</w></attributes></File>";
    assert_eq!(kept(&talk, DatastoreKind::Files), [expected]);
}

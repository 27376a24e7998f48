//! What the client says when something is in the way.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::place::{Place, card, header_status, json, ok, scripted};

#[test]
fn a_server_that_cannot_answer_now_is_not_said_to_be_overloaded() {
    let place = Place::new();
    let (url, requests) = scripted(3, |_| {
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nConnection: close\r\n\
         Content-Length: 0\r\n\r\n"
            .to_owned()
    });
    let args = ["--encoding", "xml", "contacts=c"];
    let error = place.sync(&url, &args).fails(3);
    assert_eq!(requests.join().unwrap().len(), 3);
    assert!(error.contains("cannot answer now"), "{error}");
    assert!(
        error.contains("503") && error.contains("again later"),
        "{error}"
    );
}

#[test]
fn a_server_with_too_many_sessions_is_said_to_have_them() {
    let place = Place::new();
    let (url, requests) = scripted(1, |request| ok(&header_status(request, 503)));
    let args = ["--encoding", "xml", "contacts=c"];
    let error = place.sync(&url, &args).fails(3);
    requests.join().unwrap();
    assert!(error.contains("takes no session now"), "{error}");
    assert!(
        error.contains("503") && error.contains("again later"),
        "{error}"
    );
}

/// A whole message of HTTP.
fn message(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes.clone()).unwrap().to_lowercase();
    let length = head.split_once("content-length: ").unwrap().1;
    let length = length.split_once("\r\n").unwrap().0.parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    bytes.extend(body);
    bytes
}

/// An address before a server that brings it as many messages of one connection, and is gone then.
fn relay(server: &str, answers: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.strip_prefix("http://").unwrap();
    let (server, path) = server.split_once('/').unwrap();
    let (server, url) = (server.to_owned(), format!("http://{address}/{path}"));
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect(server).unwrap();
        for _ in 0..answers {
            server.write_all(&message(&mut client)).unwrap();
            client.write_all(&message(&mut server)).unwrap();
        }
    });
    url
}

// spec: R12
#[test]
fn a_connection_lost_in_the_middle_says_what_has_come_and_what_to_do() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("a/ada.vcf", &card("Lind", "Ada", "1"));
    place.write("a/jonas.vcf", &card("Berg", "Jonas", "2"));
    place.sync(&server.url, &["contacts=a"]).ok();
    for (version, advice) in [
        ("1.2", "it goes on where it stopped"),
        ("1.1", "that stays"),
    ] {
        let dir = format!("b{version}");
        place.write(
            &format!("{dir}/mira.vcf"),
            &card("Okafor", &format!("Mira {version}"), "3"),
        );
        let before = place.count("contacts");
        let folder = format!("contacts={dir}");
        let args = ["--version", version, folder.as_str()];
        let error = place.sync(&relay(&server.url, 3), &args).fails(3);
        let what = format!("1 changes confirmed by the server and {before} received");
        assert!(error.contains(&what), "{error}");
        assert!(error.contains("run the same command again"), "{error}");
        assert!(error.contains(advice), "{error}");
        // nothing was answered: there is nothing to go on with
        let error = place.sync(&relay(&server.url, 0), &args).fails(3);
        assert!(!error.contains("confirmed"), "{error}");
    }
}

#[test]
fn another_spelling_of_the_address_is_noticed_before_all_is_compared() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    let other = server.url.replace("127.0.0.1", "localhost");
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let first = place.sync(&server.url, &["contacts=c"]);
    assert_eq!(first.err, "", "a first sync is no other one");
    let run = place.sync(&other, &["--dry-run", "contacts=c"]);
    let warned = |text: &str| text.contains("was in step with") && text.contains(&server.url);
    assert!(warned(&run.err), "{}", run.err);
    // whoever wants a comparison needs no warning, and the same address is the same
    let run = place.sync(&other, &["--dry-run", "--mode", "slow", "contacts=c"]);
    assert_eq!(run.err, "");
    assert_eq!(place.sync(&server.url, &["contacts=c"]).err, "");
    let run = place.sync(&other, &["contacts=c"]);
    assert!(warned(&run.err), "{}", run.err);
    run.ok();
    assert_eq!(
        place.sync(&other, &["contacts=c"]).err,
        "",
        "it is known now"
    );
}

#[test]
fn what_was_found_equal_in_a_comparison_is_not_said_to_have_changed() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("a/ada.vcf", &card("Lind", "Ada", "1"));
    place.write("a/jonas.vcf", &card("Berg", "Jonas", "2"));
    let none = "received 0 added, 0 changed, 0 deleted; 0 failed";
    let sync = |args: &[&str]| place.sync(&server.url, args).ok();
    assert_eq!(
        sync(&["contacts=a"]),
        format!("contacts: sent 2 added, 0 changed, 0 deleted; {none}\n")
    );
    place.write("a/mira.vcf", &card("Okafor", "Mira", "3"));
    assert_eq!(
        sync(&["--mode", "slow", "contacts=a"]),
        format!("contacts: sent 1 added, 0 changed, 0 deleted; {none}; 2 compared\n")
    );
    let report = json(&sync(&["--mode", "slow", "--json", "contacts=a"]));
    assert_eq!(report[0]["compared"], 3, "{report}");
    assert_eq!(report[0]["sent"]["changed"], 0, "{report}");
}

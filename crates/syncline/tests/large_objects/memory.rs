//! What an object costs the server that is much larger than a message: a message's worth while it
//! comes or goes in pieces, and the object when it is put together.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::time::Instant;

use testkit::items::{self, Kind};
use testkit::process::{PATIENCE, Server};
use testkit::proxy::{Break, Moment, Proxy};
use testkit::syncline::Device;

use crate::{PASSWORD, PROGRAM, USER, is_thorough, server};

/// Bytes of the object, and of the messages that carry it.
fn sizes() -> (usize, u32) {
    if is_thorough() {
        (20 << 20, 5_000)
    } else {
        (12 << 20, 50_000)
    }
}

/// How often a mail or file object may be there at one time: it is decoded to be compared, too, and written
/// once more on its way to PostgreSQL.
const OF_OBJECT: usize = 6;

/// What the server may need beside the object.
const SLACK: u64 = 8 << 20;

/// A device at the other end of a network, with the one datastore.
fn device(proxy: &Proxy, store: &(&str, Kind), message: u32) -> Device {
    let mut device = Device::new(PROGRAM, proxy.url(), USER, PASSWORD, &[*store]).unwrap();
    device.arguments = vec!["--max-msg-size".to_owned(), message.to_string()];
    device
}

/// Syncs, and gives what the server needed on the way and in all, beyond what it had.
fn measured(
    server: &Server,
    proxy: &Proxy,
    device: &Device,
    size: usize,
    message: u32,
) -> (u64, u64) {
    server.reset_peak_memory().unwrap();
    let before = server.peak_memory().unwrap();
    let begun = Instant::now();
    // near the end, which the server is to wait for
    let most = u32::try_from(size).unwrap() / message;
    proxy.break_at(most / 10 * 9, Moment::Before, Break::Silence);
    let mut running = device.start("two-way").unwrap();
    assert!(running.wait_until(|_| proxy.is_broken()).unwrap());
    let on_the_way = server.peak_memory().unwrap().saturating_sub(before);
    proxy.mend();
    let output = running.finish(PATIENCE).unwrap();
    assert_eq!(output.code, Some(0), "{}", output.all());
    let in_all = server.peak_memory().unwrap().saturating_sub(before);
    let messages = proxy.take_exchanges().len();
    if is_thorough() {
        let _ = writeln!(
            std::io::stderr(),
            "{size} bytes in {messages} messages, {:.1} s: {} KiB on the way, {} KiB in all",
            begun.elapsed().as_secs_f32(),
            on_the_way >> 10,
            in_all >> 10
        );
    }
    (on_the_way, in_all)
}

/// Sends an object to a server, and from another one over the same state to another device: what the
/// first has given back to the system, or not, is not measured of the second. `most` are the bytes that the whole object may cost.
fn travels(store: (&str, Kind), content: &[u8], most: usize) {
    let (_, message) = sizes();
    let (server, installation) = server(message);
    let servers = [server, installation.serve().unwrap()];
    let places = servers.map(|server| {
        let proxy = Proxy::start(server.url()).unwrap();
        let device = device(&proxy, &store, message);
        (server, proxy, device)
    });
    // what a server does for the first time is not what is asked for
    for (_, _, device) in &places {
        items::fill(&device.folder(store.0), store.1, 1..=5, 0).unwrap();
        device.sync("two-way").unwrap();
    }
    let [(_, _, first), (_, _, second)] = &places;
    fs::write(first.folder(store.0).join("large"), content).unwrap();
    for (server, proxy, device) in &places {
        let (on_the_way, in_all) = measured(server, proxy, device, content.len(), message);
        assert!(on_the_way < SLACK, "{on_the_way} bytes on the way");
        // as text, as it is compared, and as it is written
        assert!(in_all < most as u64 + SLACK, "{in_all} bytes in all");
    }
    let files = fs::read_dir(second.folder(store.0)).unwrap().flatten();
    assert!(
        files
            .filter_map(|file| fs::read(file.path()).ok())
            .any(|bytes| bytes == content),
        "it arrives as it was"
    );
}

#[test]
fn a_note_costs_the_server_a_message_until_it_is_whole() {
    let (size, _) = sizes();
    let mut text = String::from("A long note\n");
    let mut line = 0;
    while text.len() < size {
        line += 1;
        writeln!(text, "Line {line} of a long story, with Grüße & <all>.").unwrap();
    }
    travels(("notes", Kind::Note), text.as_bytes(), 4 * text.len());
}

#[test]
fn a_photo_costs_the_server_a_message_until_it_is_whole() {
    let (size, _) = sizes();
    let card = items::contact_with_photo(9, size / 4 * 3);
    travels(("contacts", Kind::Contact), &card, 4 * card.len());
}

/// Bytes as good as random, which no encoding makes smaller.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 56) as u8
    })
    .take(count)
    .collect()
}

#[test]
fn a_file_costs_the_server_a_message_until_it_is_whole() {
    let (size, _) = sizes();
    let content = bytes(size / 4 * 3);
    travels(("files", Kind::Note), &content, OF_OBJECT * size);
}

#[test]
fn a_mail_costs_the_server_a_message_until_it_is_whole() {
    let (size, _) = sizes();
    let mut mail = b"From: ann@example.org\r\nSubject: Pictures\r\n\r\n".to_vec();
    mail.extend(bytes(size / 4 * 3));
    travels(("mail", Kind::Note), &mail, OF_OBJECT * size);
}

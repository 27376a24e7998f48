//! The tests of the engines and of the server's session, once more over PostgreSQL. They are the
//! same files; what they find out where they are compiled into is `fresh`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    clippy::duplicate_mod,
    dead_code,
    unused_imports
)]

mod faults;
mod moved;
mod renewed;
#[path = "../scripted/mod.rs"]
mod scripted;

#[path = "../beginnings.rs"]
mod of_beginnings;
#[path = "../chunks.rs"]
mod of_chunks;
#[path = "../client.rs"]
mod of_client;
#[path = "../converted.rs"]
mod of_converted;
#[path = "../devices.rs"]
mod of_devices;
#[path = "../echoes.rs"]
mod of_echoes;
#[path = "../engines.rs"]
mod of_engines;
#[path = "../example_session.rs"]
mod of_example_session;
#[path = "../formats.rs"]
mod of_formats;
#[path = "../funambol.rs"]
mod of_funambol;
#[path = "../guard.rs"]
mod of_guard;
#[path = "../kept_here.rs"]
mod of_kept_here;
#[path = "../large_objects.rs"]
mod of_large_objects;
#[path = "../logins.rs"]
mod of_logins;
#[path = "../objects.rs"]
mod of_objects;
#[path = "../one_package.rs"]
mod of_one_package;
#[path = "../races.rs"]
mod of_races;
#[path = "../scale.rs"]
mod of_scale;
#[path = "../small_messages.rs"]
mod of_small_messages;
#[path = "../suspended.rs"]
mod of_suspended;
#[path = "../tidy.rs"]
mod of_tidy;
#[path = "../world_clock.rs"]
mod of_world_clock;

// those in folders say `crate::scripted` and `crate::talk`
#[path = "../conformance/busy.rs"]
mod busy;
#[path = "../conformance/changes.rs"]
mod changes;
#[path = "../conformance/conflicts.rs"]
mod conflicts;
#[path = "../conformance/device_information.rs"]
mod device_information;
#[path = "../conformance/filters.rs"]
mod filters;
#[path = "../conformance/groups.rs"]
mod groups;
#[path = "../conformance/hierarchy.rs"]
mod hierarchy;
#[path = "../conformance/initialization.rs"]
mod initialization;
#[path = "../conformance/large.rs"]
mod large;
#[path = "../conformance/one_package.rs"]
mod one_package;
#[path = "../conformance/packages.rs"]
mod packages;
#[path = "../conformance/periods.rs"]
mod periods;
#[path = "../conformance/representation.rs"]
mod representation;
#[path = "../conformance/resume.rs"]
mod resume;
#[path = "../conformance/room.rs"]
mod room;
#[path = "../conformance/searches.rs"]
mod searches;
#[path = "../conformance/statuses.rs"]
mod statuses;
#[path = "../conformance/talk.rs"]
mod talk;

#[path = "../occurrences/compared.rs"]
mod compared;
#[path = "../occurrences/disturbed.rs"]
mod disturbed;
#[path = "../occurrences/drawn.rs"]
mod drawn;
#[path = "../occurrences/edited.rs"]
mod edited;
#[path = "../occurrences/home.rs"]
mod home;
#[path = "../occurrences/shown.rs"]
mod shown;
#[path = "../occurrences/undone.rs"]
mod undone;

#[path = "../poor_phone/book.rs"]
mod book;
#[path = "../poor_phone/card.rs"]
mod card;
#[path = "../poor_phone/device.rs"]
mod device;
#[path = "../poor_phone/people.rs"]
mod people;

#[path = "../sessions/broken.rs"]
mod broken;
#[path = "../sessions/in_step.rs"]
mod in_step;
#[path = "../sessions/messages.rs"]
mod messages;
#[path = "../sessions/strangers.rs"]
mod strangers;

#[test]
fn no_file_of_tests_is_left_out() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let here = include_str!("main.rs");
    // how records are paired, whatever holds them; what is done with files of SQLite
    let others = ["matching", "backup"];
    for (part, but) in [
        ("", &others[..]),
        ("conformance/", &["main"]),
        ("occurrences/", &["main"]),
        ("poor_phone/", &["main"]),
        ("sessions/", &["main"]),
    ] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let listed = here.contains(&format!("\"../{part}{name}.rs\""));
            assert!(
                path.is_dir() || but.contains(&name) || listed,
                "{part}{name}"
            );
        }
    }
}

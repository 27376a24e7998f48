//! A database that its own programs have restored to an earlier moment.

use session::client::Mode;
use store::{Error, Postgres};

use crate::scripted::Server;
use crate::scripted::device::Device;
use crate::scripted::state::State;

#[test]
fn devices_compare_all_items_with_a_renewed_database() {
    let mut server = Server::in_engine();
    let State::Postgres(shared) = &server.state else {
        // PostgreSQL is not installed
        return;
    };
    // what is told apart by its name may stay connected
    let database = format!("{}?application_name=renewed", shared.url());
    let refused = Postgres::renew(&shared.url());
    assert!(matches!(refused, Err(Error::NotAlone)), "{refused:?}");
    let mut phone = Device::new("phone");
    phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    Postgres::renew(&database).unwrap();

    let summary = phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(summary.sources[0].alert, 201);
    phone.add("Bob", "2");
    phone.sync(&mut server, Mode::TwoWay);
    let guids: Vec<i64> = server.items().iter().map(|item| item.guid.0).collect();
    assert_eq!(guids, [1, 100_002]);
    assert_eq!(phone.contacts.contents().len(), 2);
}

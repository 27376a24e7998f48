//! Conflicts that the server leaves to the client.

use super::*;
use session::client::{Decide, Decision, Plan};

/// What was asked: the datastore, the item, its version here and the server's.
type Asked = Arc<Mutex<Vec<[String; 4]>>>;

fn always(decision: Decision, asked: &Asked) -> Decide {
    let asked = Arc::clone(asked);
    Box::new(move |conflict| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        asked.lock().unwrap().push([
            conflict.source.to_owned(),
            conflict.luid.to_owned(),
            text(conflict.ours),
            text(conflict.theirs),
        ]);
        decision
    })
}

/// An item 1 that was edited since the last session.
fn edited() -> Shared {
    let replica = Shared::default();
    let added = change("Add", 903, "7", "") + &change("Add", 904, "8", "");
    two_way(&mut contacts(Mode::TwoWay, &replica), &added);
    replica.lock().unwrap().edit("1", b"mine");
    replica
}

/// A session in which the server answers the change with this code and sends its own versions of both
/// items; the codes that the client gives them, and how many items it says to have failed.
fn disputed(replica: &Shared, decide: Option<Decide>, code: u16) -> (Vec<String>, usize) {
    let mut session = contacts(Mode::TwoWay, replica);
    if let Some(decide) = decide {
        session.decide_conflicts(decide);
    }
    exchange(&mut session, &alert(200));
    let sent = next(&mut session);
    assert!(sent.has("Replace"));
    let of = |name: &str| if name == "Replace" { code } else { 200 };
    let theirs = change("Replace", 913, "", "1") + &change("Replace", 914, "", "2");
    let answer = sent.answer(of, "", &sync(&theirs));
    session.receive(answer.as_bytes(), None).unwrap();
    let codes = statuses(&exchange(&mut session, "<Final/>")).into_iter();
    assert!(is_over(&mut session));
    let codes = codes
        .filter(|(cmd, _)| cmd == "Replace")
        .map(|(_, code)| code);
    (codes.collect(), session.summary().sources[0].failed.len())
}

fn texts(replica: &Shared) -> Vec<String> {
    let replica = replica.lock().unwrap();
    let texts = replica.items().map(|(_, content)| content.to_vec());
    texts.map(|text| String::from_utf8(text).unwrap()).collect()
}

/// The changes that the next session sends.
fn sends(replica: &Shared) -> Vec<String> {
    let sent = &two_way(&mut contacts(Mode::TwoWay, replica), "")[1];
    let names = sent.commands.iter().map(|(_, name)| name.clone());
    names.filter(|name| name != "Sync").collect()
}

// spec: H24
#[test]
fn a_conflict_is_decided_by_who_is_there_for_it() {
    for (decision, codes, failed, here, next) in [
        (
            Decision::Server,
            ["200", "200"],
            0,
            vec!["text 913", "text 914"],
            vec![],
        ),
        (
            Decision::Client,
            ["409", "200"],
            1,
            vec!["mine", "text 914"],
            vec!["Replace"],
        ),
        (
            Decision::Both,
            ["200", "200"],
            0,
            vec!["text 913", "text 914", "mine"],
            vec!["Add"],
        ),
    ] {
        let replica = edited();
        let asked = Asked::default();
        let outcome = disputed(&replica, Some(always(decision, &asked)), 409);
        assert_eq!(
            outcome,
            (codes.map(str::to_owned).to_vec(), failed),
            "{decision:?}"
        );
        // one of the two alone was changed here
        let question = ["contacts", "1", "mine", "text 913"].map(str::to_owned);
        assert_eq!(*asked.lock().unwrap(), [question]);
        assert_eq!(texts(&replica), here, "{decision:?}");
        assert_eq!(sends(&replica), next, "{decision:?}");
        assert!(sends(&replica).is_empty());
    }
}

// spec: H24
#[test]
fn what_is_put_off_is_asked_again() {
    let replica = edited();
    let asked = Asked::default();
    for round in 1..=2 {
        let later = always(Decision::Later, &asked);
        let (codes, failed) = disputed(&replica, Some(later), 409);
        // a 409 would say that the version here shall stand
        assert_eq!((codes[0].as_str(), failed), ("500", 1));
        assert_eq!(asked.lock().unwrap().len(), round);
        assert!(texts(&replica).contains(&"mine".to_owned()));
    }
    let server = always(Decision::Server, &asked);
    assert_eq!(disputed(&replica, Some(server), 409).0[0], "200");
    assert!(!texts(&replica).contains(&"mine".to_owned()));
}

#[test]
fn what_the_server_has_decided_is_not_asked() {
    let asked = Asked::default();
    let decide = always(Decision::Client, &asked);
    disputed(&edited(), Some(decide), 419);
    assert!(asked.lock().unwrap().is_empty());
    // and without anybody to ask the server's stands
    let replica = edited();
    let (codes, failed) = disputed(&replica, None, 409);
    assert_eq!((codes, failed), (vec!["200".to_owned(); 2], 1));
    assert_eq!(texts(&replica), ["text 913", "text 914"]);
}

// spec: H24
#[test]
fn both_versions_are_kept_once_however_often_the_servers_comes() {
    let replica = edited();
    {
        let mut replica = replica.lock().unwrap();
        let plan = Plan {
            all_items: false,
            sends: true,
            renews_map: false,
            resumes: false,
        };
        replica.begin(plan).unwrap();
        while replica.next_change().unwrap().is_some() {}
        for _ in 0..2 {
            replica.keep_own("1").unwrap();
        }
    }
    assert_eq!(texts(&replica), ["mine", "text 904", "mine"]);
    // edited since, it is replaced by nothing
    replica.lock().unwrap().edit("1", b"newer");
    replica.lock().unwrap().keep_own("1").unwrap();
    assert_eq!(texts(&replica), ["newer", "text 904", "mine"]);
}

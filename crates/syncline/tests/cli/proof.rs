//! A server that has to prove itself to the client.

use crate::place::{Place, card};

/// A server with a name and a password, which challenges in this scheme.
fn config(scheme: &str) -> String {
    format!("[server]\nscheme = '{scheme}'\nname = 'sync.example'\npassword = 'open sesame'\n")
}

// spec: E15
#[test]
fn a_server_is_synced_with_that_knows_its_password() {
    for scheme in ["basic", "md5"] {
        let place = Place::new();
        place.account();
        place.write("syncline.toml", &config(scheme));
        place.write("right", "open sesame\n");
        place.write("wrong", "open barley\n");
        place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
        let server = place.serve(&["--config", "syncline.toml"]);
        let sync = |name: &str, file: &str| {
            let asks = ["--server-name", name, "--server-password-file", file];
            place.sync(&server.url, &[&asks[..], &["contacts=c"]].concat())
        };
        for (name, file) in [("sync.example", "wrong"), ("other.example", "right")] {
            let error = sync(name, file).fails(3);
            assert!(error.contains("did not prove"), "{error}");
            assert!(error.contains(name), "{error}");
            assert_eq!(place.count("contacts"), 0, "it was told of no item");
        }
        let out = sync("sync.example", "right").ok();
        assert!(out.contains("sent 1 added"), "{out}");
        assert_eq!(place.count("contacts"), 1);
        // and in the session after
        place.write("c/ada.vcf", &card("Lind", "Ada", "2"));
        let early = ["--server-name", "sync.example", "--server-password-file"];
        let early = [&early[..], &["right", "--one-package", "contacts=c"]].concat();
        let out = place.sync(&server.url, &early).ok();
        assert!(out.contains("1 changed"), "{out}");
    }
}

// spec: E15
#[test]
fn a_profile_names_the_server_that_is_expected() {
    let place = Place::new();
    place.account();
    place.write("syncline.toml", &config("md5"));
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let server = place.serve(&["--config", "syncline.toml"]);
    let profile = |keys: &str| {
        let url = &server.url;
        let text = format!(
            "url = '{url}'\nuser = 'alice'\npassword = 'secret'\n{keys}[stores]\ncontacts = 'c'\n"
        );
        place.write("home.toml", &text);
        place.run(&["sync", "home.toml"])
    };
    let error = profile("server-name = 'sync.example'\n").fails(2);
    assert!(error.contains("server-password"), "{error}");
    let wrong = "server-name = 'sync.example'\nserver-password = 'guess'\n";
    profile(wrong).fails(3);
    place.write("server.secret", "open sesame\n");
    let right = "server-name = 'sync.example'\nserver-password-file = 'server.secret'\n";
    profile(right).ok();
    assert_eq!(place.count("contacts"), 1);
}

// spec: E15
#[test]
fn a_server_without_a_password_of_its_own_is_not_believed() {
    let place = Place::new();
    place.account();
    place.write("secret", "open sesame\n");
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let server = place.serve(&[]);
    let asks = ["--server-name", "sync.example", "--server-password-file"];
    let asks = [&asks[..], &["secret", "contacts=c"]].concat();
    let error = place.sync(&server.url, &asks).fails(3);
    assert!(error.contains("did not prove"), "{error}");
}

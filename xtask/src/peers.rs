//! The programs that the interoperability tests talk to: found, and installed where that is
//! allowed.

use std::process::{Command, Stdio};

use crate::say;

/// A program of others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Files of which all have to exist.
    files: &'static [&'static str],
    /// Debian packages that bring them.
    pub(crate) packages: &'static [&'static str],
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "SyncEvolution's client",
        files: &["/usr/bin/syncevolution", "/usr/bin/cc"],
        packages: &["syncevolution", "syncevolution-libs", "gcc", "libc6-dev"],
    },
    Peer {
        name: "SyncEvolution's server",
        files: &[
            "/usr/bin/syncevo-http-server",
            "/usr/bin/dbus-daemon",
            "/usr/lib/python3/dist-packages/twisted/__init__.py",
            "/usr/lib/python3/dist-packages/gi/__init__.py",
            "/usr/lib/python3/dist-packages/dbus/__init__.py",
            "/usr/lib/python3/dist-packages/OpenSSL/__init__.py",
        ],
        packages: &[
            "syncevolution-http",
            "syncevolution-dbus",
            "dbus",
            "dbus-bin",
            "python3-twisted",
            "python3-gi",
            "python3-dbus",
            "python3-openssl",
        ],
    },
    Peer {
        name: "libwbxml's tools",
        files: &["/usr/bin/wbxml2xml", "/usr/bin/xml2wbxml"],
        packages: &["libwbxml2-utils"],
    },
];

/// Those that are not here.
pub(crate) fn missing() -> Vec<Peer> {
    let here = |peer: &Peer| {
        peer.files
            .iter()
            .all(|file| std::path::Path::new(file).exists())
    };
    PEERS.into_iter().filter(|peer| !here(peer)).collect()
}

/// Installs what is missing, where this user may; what fails shows in [`missing`].
pub(crate) fn install() {
    let missing = missing();
    if missing.is_empty() || !is_root() || Command::new("apt-get").arg("-v").output().is_err() {
        return;
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|peer| peer.packages.iter().copied())
        .collect();
    say(&format!("== peers: installing {}", packages.join(" ")));
    let install = |first: &str| {
        let status = Command::new("apt-get")
            .args([first, "--yes", "--no-install-recommends", "-qq"])
            .args(if first == "install" {
                packages.as_slice()
            } else {
                &[]
            })
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !install("install") {
        // the package lists of a fresh machine are old or empty
        install("update");
        install("install");
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

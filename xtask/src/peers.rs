//! The programs that the interoperability tests talk to: found, and installed where that is
//! allowed.

use std::process::{Command, Stdio};

use testkit::Peer;

use crate::say;

/// Packages that only the benchmarks need.
const BENCH_PACKAGES: [&str; 1] = ["libwbxml2-dev"];

/// Those that are not here.
pub(crate) fn missing() -> Vec<Peer> {
    Peer::ALL
        .into_iter()
        .filter(|peer| !peer.is_installed())
        .collect()
}

/// Installs what the tests need, where this user may; what fails shows in [`missing`].
pub(crate) fn install() {
    let mut packages: Vec<&str> = missing()
        .iter()
        .flat_map(|peer| peer.packages().iter().copied())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    install_packages(&packages);
}

/// Installs what the benchmarks need beside.
pub(crate) fn install_for_bench() {
    install();
    install_packages(&BENCH_PACKAGES);
}

fn install_packages(packages: &[&str]) {
    if packages.is_empty() || !is_root() || Command::new("apt-get").arg("-v").output().is_err() {
        return;
    }
    say(&format!("== peers: installing {}", packages.join(" ")));
    let mut install = vec!["install", "--no-install-recommends"];
    install.extend(packages);
    if !apt_get(&install) {
        // the package lists of a fresh machine are old or empty
        apt_get(&["update"]);
        apt_get(&install);
    }
}

fn apt_get(arguments: &[&str]) -> bool {
    let status = Command::new("apt-get")
        .args(["--yes", "-qq"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

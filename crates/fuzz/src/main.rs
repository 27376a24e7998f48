//! The coverage-guided runner: libFuzzer's `main` over the target that `SYNCLINE_FUZZ` names.
//!
//! `cargo xtask fuzz` builds it with the flags that make coverage visible, and starts it.

#![no_main]

use std::sync::LazyLock;

use fuzz::Target;
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("SYNCLINE_FUZZ").unwrap_or_default();
    fuzz::target(&name).unwrap_or_else(|| panic!("SYNCLINE_FUZZ={name:?} names no target"))
});

fuzz_target!(|input: &[u8]| (TARGET.run)(input));

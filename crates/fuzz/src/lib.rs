//! What holds for any input, as functions of bytes.
//!
//! A [`Target`] takes arbitrary bytes and panics when one of its claims does not hold: nothing
//! panics, what is read and written again reads the same, an answer is no longer than allowed and
//! parses, every command has a status. Two things call them:
//!
//! ```text
//! corpus/NAME, samples ─▶ tests/corpus.rs: as they are, and some mutations of each ─▶ Target::run
//!                     └─▶ src/main.rs under `cargo xtask fuzz`: guided by coverage ─▶ Target::run
//! ```

// a claim that does not hold has no other way to be told
#![allow(clippy::panic, clippy::expect_used, clippy::missing_panics_doc)]

pub mod corpus;
pub mod mutate;
mod targets;

/// A claim about arbitrary bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line, and that of its folder below `corpus`.
    pub name: &'static str,
    /// The claim; panics on input for which it does not hold.
    pub run: fn(&[u8]),
    /// Sample documents of `crates/syncml/tests/samples` are seeds, too.
    pub takes_samples: bool,
    /// Bytes of the longest input worth trying.
    pub max_len: usize,
}

/// All targets.
pub const TARGETS: [Target; 11] = [
    Target {
        name: "wbxml",
        run: targets::wbxml::run,
        takes_samples: true,
        max_len: 4096,
    },
    Target {
        name: "message",
        run: targets::message::run,
        takes_samples: true,
        max_len: 8192,
    },
    Target {
        name: "devinf",
        run: targets::devinf::run,
        takes_samples: true,
        max_len: 8192,
    },
    Target {
        name: "transcode",
        run: targets::transcode::run,
        takes_samples: true,
        max_len: 8192,
    },
    Target {
        name: "san",
        run: targets::san::run,
        takes_samples: true,
        max_len: 4096,
    },
    Target {
        name: "filter",
        run: targets::filter::run,
        takes_samples: false,
        max_len: 2048,
    },
    Target {
        name: "pim",
        run: targets::pim::run,
        takes_samples: false,
        max_len: 4096,
    },
    Target {
        name: "calendar",
        run: targets::calendar::run,
        takes_samples: false,
        max_len: 4096,
    },
    Target {
        name: "object",
        run: targets::object::run,
        takes_samples: false,
        max_len: 4096,
    },
    Target {
        name: "session_server",
        run: targets::server::run,
        takes_samples: false,
        max_len: 16384,
    },
    Target {
        name: "session_client",
        run: targets::client::run,
        takes_samples: false,
        max_len: 16384,
    },
];

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

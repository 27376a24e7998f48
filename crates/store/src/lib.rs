//! State of a server, behind the traits that the session defines.
//!
//! There is one engine so far: [`Memory`], a model for tests and simulation, which says what the
//! durable engines have to do.

mod memory;

pub use memory::Memory;

//! Places outside that a client keeps in step.
//!
//! [`vdir`] is a folder of one item a file, as `vdirsyncer`, `khal` and their kin use it.

pub mod vdir;

//! Device information: every version and encoding carries it, and what is read is not much more
//! than what was sent.

use syncml::{DevInf, Version};

use super::shown::assert_same;

pub(crate) fn run(input: &[u8]) {
    let Ok(read) = DevInf::read(input) else {
        return;
    };
    for version in Version::ALL {
        let text = read.to_xml(version);
        let most = 64 * input.len() + 4096;
        assert!(
            text.len() <= most,
            "{} bytes from {}",
            text.len(),
            input.len()
        );
        // capabilities that differ in what a version lacks become one, but not at the first time
        let once = DevInf::read(&text).expect("what is written is read");
        let settled = DevInf::read(&once.to_xml(version)).expect("what is written is read");
        let again = DevInf::read(&settled.to_xml(version)).expect("what is written is read");
        assert_same(&again, &settled, "read and written again");
        let binary = DevInf::read(&settled.to_wbxml(version)).expect("what is written is read");
        assert_same(&binary, &settled, "binary and text differ");
    }
}

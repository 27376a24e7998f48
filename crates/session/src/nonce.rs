//! Nonces: random bytes in, what a peer is given to make its next digest over out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A nonce of random bytes: their text. Peers keep a nonce as a string that a zero byte ends, so
/// that one of any bytes would now and then come back cut, and with it a digest that proves nothing.
pub(crate) fn nonce_of(random: &[u8]) -> Vec<u8> {
    STANDARD_NO_PAD.encode(random).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: E14
    #[test]
    fn a_nonce_is_a_text_that_tells_all_random_bytes() {
        for byte in 0..=u8::MAX {
            let mut random = [byte; 16];
            let nonce = nonce_of(&random);
            assert!(nonce.iter().all(u8::is_ascii_graphic), "{nonce:?}");
            random[15] ^= 1;
            assert_ne!(nonce_of(&random), nonce);
        }
    }
}

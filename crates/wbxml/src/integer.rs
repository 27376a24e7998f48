//! Multi-byte integers (`mb_u_int32`, WBXML 1.3 section 5.1): seven bits a byte, high bit set on
//! all bytes but the last.

use crate::Error;

/// Reads the integer at `offset`; gives it and the offset behind it.
///
/// Padding is accepted up to five bytes, as all peers do.
#[inline]
pub(crate) fn read(bytes: &[u8], offset: usize) -> Result<(u32, usize), Error> {
    let mut value = 0u64;
    for at in offset..offset + 5 {
        let byte = *bytes.get(at).ok_or(Error::Truncated { offset: at })?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| Error::Integer { offset })?;
            return Ok((value, at + 1));
        }
    }
    Err(Error::Integer { offset })
}

/// Appends the shortest form.
#[inline]
pub(crate) fn write(buffer: &mut Vec<u8>, value: u32) {
    let mut shift = (value | 1).ilog2() / 7 * 7;
    while shift > 0 {
        buffer.push((value >> shift) as u8 & 0x7f | 0x80);
        shift -= 7;
    }
    buffer.push(value as u8 & 0x7f);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples() {
        for (value, bytes) in [
            (0u32, &[0x00u8][..]),
            (127, &[0x7f]),
            (128, &[0x81, 0x00]),
            (0x0fd1, &[0x9f, 0x51]),
            (0x1201, &[0xa4, 0x01]),
            (16383, &[0xff, 0x7f]),
            (16384, &[0x81, 0x80, 0x00]),
            ((1 << 28) - 1, &[0xff, 0xff, 0xff, 0x7f]),
            (1 << 28, &[0x81, 0x80, 0x80, 0x80, 0x00]),
            (u32::MAX, &[0x8f, 0xff, 0xff, 0xff, 0x7f]),
        ] {
            let mut written = Vec::new();
            write(&mut written, value);
            assert_eq!(written, bytes);
            assert_eq!(read(bytes, 0), Ok((value, bytes.len())));
        }
    }

    #[test]
    fn padding_and_overflow() {
        assert_eq!(read(&[0x80, 0xa4, 0x01], 0), Ok((0x1201, 3)));
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80, 0x01], 0), Ok((1, 5)));
        assert_eq!(
            read(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 0),
            Err(Error::Integer { offset: 0 })
        );
        assert_eq!(
            read(&[0x9f, 0xff, 0xff, 0xff, 0x7f], 0),
            Err(Error::Integer { offset: 0 })
        );
        assert_eq!(read(&[0x81], 0), Err(Error::Truncated { offset: 1 }));
    }
}

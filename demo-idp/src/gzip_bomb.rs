//! A gzip stream that is small on the wire and 1 GiB when opened, made while it is sent. Knows only gzip (RFC 1952).

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

const PIECE: usize = 1024 * 1024;
const PIECES: u32 = 1024;

/// What it opens to, in bytes.
#[cfg(test)]
const OPENED: u64 = PIECE as u64 * PIECES as u64;

/// The pieces of the stream: a header, one compressed MiB of blanks over and over, an end. Blanks may stand before any
/// JSON value, so a parser reads on.
pub(crate) struct GzipBomb {
    piece: Bytes,
    crc: Crc,
    next: u32,
}

impl GzipBomb {
    pub(crate) fn new() -> Self {
        let blanks = vec![b' '; PIECE];
        let mut piece = Vec::with_capacity(PIECE / 64);
        // A full flush ends on a byte border and forgets the window, so that the same bytes can be repeated.
        let compressed =
            Compress::new(Compression::best(), false).compress_vec(&blanks, &mut piece, FlushCompress::Full);
        debug_assert!(compressed.is_ok(), "blanks compress");
        let mut crc = Crc::new();
        crc.update(&blanks);
        Self { piece: piece.into(), crc, next: 0 }
    }

    fn trailer(&self) -> Bytes {
        let mut whole = Crc::new();
        for _ in 0..PIECES {
            whole.combine(&self.crc);
        }
        // An empty last block, then the checksum and the length modulo 2^32.
        let mut trailer = vec![0x03, 0x00];
        trailer.extend(whole.sum().to_le_bytes());
        trailer.extend(whole.amount().to_le_bytes());
        trailer.into()
    }
}

impl Iterator for GzipBomb {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let number = self.next;
        self.next = number.saturating_add(1);
        match number {
            0 => Some(Bytes::from_static(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255])),
            n if n <= PIECES => Some(self.piece.clone()),
            n if n == PIECES + 1 => Some(self.trailer()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{GzipBomb, OPENED};

    #[test]
    fn is_small_and_opens_to_a_gibibyte_with_a_right_checksum() {
        let wire: Vec<u8> = GzipBomb::new().flatten().collect();
        assert!(wire.len() < 2 * 1024 * 1024, "{} bytes on the wire", wire.len());
        let mut reader = flate2::read::GzDecoder::new(wire.as_slice());
        let mut buffer = vec![0; 1024 * 1024];
        let mut opened = 0_u64;
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                n => opened += n as u64,
            }
        }
        assert_eq!(opened, OPENED);
    }
}

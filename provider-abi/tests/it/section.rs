//! The ELF section: read before anything of a file runs.

use proptest::collection::vec;
use proptest::prelude::*;
use vestibule_abi::EPOCH;
use vestibule_abi::section::{Descriptor, DescriptorError, LEN, MAGIC, decode, encode};

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        epoch in any::<u32>(),
        unwinds in any::<bool>(),
        name in "[a-z][a-z0-9_]{0,39}",
        version in "[!-~]{1,64}",
    ) {
        let section = encode(epoch, unwinds, &name, &version);
        prop_assert_eq!(decode(&section), Ok(Descriptor { epoch, unwinds, name, version }));
    }

    #[test]
    fn any_bytes_are_an_error_or_hold_what_is_allowed(mut bytes in vec(any::<u8>(), LEN), magic in any::<bool>()) {
        if magic {
            bytes[..8].copy_from_slice(&MAGIC);
        }
        if let Ok(descriptor) = decode(&bytes) {
            // What was read could have been written.
            encode(descriptor.epoch, descriptor.unwinds, &descriptor.name, &descriptor.version);
        }
    }
}

fn good() -> [u8; LEN] {
    encode(EPOCH, true, "github", "1.2.0")
}

#[test]
fn the_bytes_are_where_the_layout_says() {
    let section = encode(0x0403_0201, true, "ab", "1.0");
    let mut expected = [0; LEN];
    expected[..16].copy_from_slice(b"VESTIBUL\x01\x02\x03\x04\x01\x02\x03\x00");
    expected[16..18].copy_from_slice(b"ab");
    expected[56..59].copy_from_slice(b"1.0");
    assert_eq!(section, expected);
}

#[test]
fn another_epoch_is_read_for_the_host_to_refuse_it_by_name() {
    let next = decode(&encode(EPOCH + 1, true, "github", "9.0.0")).unwrap();
    assert_eq!((next.epoch, next.name.as_str(), next.version.as_str()), (EPOCH + 1, "github", "9.0.0"));
}

#[test]
fn only_a_one_says_that_panics_unwind() {
    for (byte, unwinds) in [(0, false), (1, true), (2, false), (255, false)] {
        let mut section = good();
        section[12] = byte;
        assert_eq!(decode(&section).unwrap().unwinds, unwinds);
    }
}

#[test]
fn a_section_of_another_length_or_magic_is_refused() {
    for len in [0, 1, 8, LEN - 1, LEN + 1, 4096] {
        let mut bytes = good().to_vec();
        bytes.resize(len, 0);
        assert_eq!(decode(&bytes), Err(DescriptorError::Length(len)));
    }
    for at in 0..8 {
        let mut section = good();
        section[at] ^= 0x20;
        assert_eq!(decode(&section), Err(DescriptorError::Magic));
    }
}

#[test]
fn a_name_or_version_that_is_not_allowed_is_refused() {
    // Byte 13 is the name's length and byte 14 the version's; the texts begin at 16 and 56.
    for (at, byte) in [
        (13, 0),
        (13, 41),
        (13, 7),
        (13, 255),
        (14, 0),
        (14, 65),
        (14, 6),
        (14, 255),
        (16, b'G'),
        (16, b'1'),
        (17, b'-'),
    ] {
        let mut section = good();
        section[at] = byte;
        assert_eq!(decode(&section), Err(DescriptorError::Text), "{at} {byte}");
    }
    for byte in [0, b' ', b'\n', 0x7f, 0xff] {
        let mut section = good();
        section[57] = byte;
        assert_eq!(decode(&section), Err(DescriptorError::Text), "{byte}");
    }
}

#[test]
fn what_is_said_to_be_zero_is_zero() {
    let section = good();
    let descriptor = decode(&section).unwrap();
    let (name, version) = (16 + descriptor.name.len(), 56 + descriptor.version.len());
    for at in [15].into_iter().chain(name..56).chain(version..LEN) {
        let mut section = section;
        section[at] = b'x';
        assert_eq!(decode(&section), Err(DescriptorError::Zero), "{at}");
    }
}

#[test]
fn the_longest_name_and_version_fit() {
    let (name, version) = ("n".repeat(40), "v".repeat(64));
    let descriptor = decode(&encode(EPOCH, false, &name, &version)).unwrap();
    assert_eq!((descriptor.name, descriptor.version), (name, version));
    for (name, version) in [("n".repeat(41), "v".to_owned()), ("n".to_owned(), "v".repeat(65))] {
        assert!(std::panic::catch_unwind(|| encode(EPOCH, false, &name, &version)).is_err());
    }
}

//! The frame decoder.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vestibule::plugin::strangers::frames(bytes);
});

//! The check of a plugin's file.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vestibule::plugin::strangers::file(bytes);
});

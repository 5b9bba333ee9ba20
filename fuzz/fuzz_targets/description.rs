//! What a plugin says about itself.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vestibule::plugin::strangers::description(bytes);
});

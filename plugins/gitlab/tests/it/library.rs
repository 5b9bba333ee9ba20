//! The built library, as a loader sees it before it opens it.

use object::{Object, ObjectSection, ObjectSymbol};
use vestibule_abi::{EPOCH, root, section};

/// Beside the test's own binary: cargo builds all of the crate's library types for its tests.
fn library() -> Vec<u8> {
    let path = std::env::current_exe().unwrap().with_file_name("libvestibule_plugin_gitlab.so");
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn carries_the_section_that_is_read_before_it_runs() {
    let library = library();
    let file = object::File::parse(&*library).unwrap();
    let found = file.section_by_name(section::NAME).expect("the linker has kept the section");
    let descriptor = section::decode(found.data().unwrap()).unwrap();
    assert_eq!(descriptor.name, "gitlab");
    assert_eq!(descriptor.version, env!("CARGO_PKG_VERSION"));
    assert_eq!((descriptor.epoch, descriptor.unwinds), (EPOCH, true));
}

#[test]
fn exports_the_one_symbol_that_is_looked_up() {
    let library = library();
    let file = object::File::parse(&*library).unwrap();
    let exported: Vec<_> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition())
        .map(|symbol| symbol.name().unwrap().to_owned())
        .collect();
    let looked_up = std::ffi::CStr::from_bytes_with_nul(root::SYMBOL).unwrap().to_str().unwrap();
    assert_eq!(exported, [looked_up]);
}

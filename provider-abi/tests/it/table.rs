//! The shell: what never changes within an epoch.

use vestibule_abi::root::SYMBOL;
use vestibule_abi::table::{OperationPtr, ProviderModule_Prefix, ProviderModuleRef, ProviderPtr};

#[test]
fn the_table_is_a_pointer_to_six_pointers() {
    use abi_stable::abi_stability::PrefixStableAbi;
    let fields: Vec<_> = <ProviderModule_Prefix as PrefixStableAbi>::LAYOUT
        .get_fields()
        .expect("a prefix type has fields")
        .iter()
        .map(|field| field.name().to_owned())
        .collect();
    assert_eq!(fields, ["describe", "create", "destroy", "start", "step", "drop_operation"]);
    assert_eq!(size_of::<ProviderModuleRef>(), size_of::<usize>());
    assert_eq!(size_of::<ProviderPtr>(), size_of::<usize>());
    assert_eq!(size_of::<OperationPtr>(), size_of::<usize>());
}

#[test]
fn the_layout_carries_the_crates_own_version() {
    // The loader refuses another minor version below 1.0, and another major one above: so this changes with the epoch.
    assert_eq!((env!("CARGO_PKG_VERSION_MAJOR"), vestibule_abi::EPOCH), ("1", 1));
}

#[test]
fn the_symbol_is_the_one_that_plugins_export() {
    assert_eq!(SYMBOL, b"_1as_0lib_1header_0root_bmodule_bloader\0");
}

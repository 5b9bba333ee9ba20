//! The shell: what never changes within an epoch.

use std::fmt::Write as _;

use abi_stable::StableAbi;
use abi_stable::abi_stability::PrefixStableAbi;
use abi_stable::type_layout::{TLData, TypeLayout};
use vestibule_abi::root::{RResult, RSlice, RVec, SYMBOL};
use vestibule_abi::section;

use crate::frozen::is_frozen;
use vestibule_abi::table::{OperationPtr, ProviderModule_Prefix, ProviderModuleRef, ProviderPtr};

#[test]
fn the_table_is_a_pointer_to_six_pointers() {
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

/// A type as abi_stable compares it when a library is loaded: size, alignment, and each field in its order.
fn layout(layout: &TypeLayout) -> String {
    let kind = match layout.data() {
        TLData::Primitive(_) => "primitive",
        TLData::Opaque => "opaque",
        TLData::Struct { .. } => "struct",
        TLData::Union { .. } => "union",
        TLData::Enum(_) => "enum",
        TLData::PrefixType(_) => "prefix",
    };
    // Ours has a test of its own for its version; the other one is part of what is frozen.
    let package = match layout.package().as_str() {
        "vestibule-abi" => "vestibule-abi".to_owned(),
        other => format!("{other} {}", layout.package_version()),
    };
    let mut text = format!(
        "{kind} {} of {package} {:?}: size {}, alignment {}, {}\n",
        layout.full_type(),
        layout.repr_attr(),
        layout.size(),
        layout.alignment(),
        if layout.is_nonzero() { "never null" } else { "may be null" },
    );
    if let TLData::Enum(variants) = layout.data() {
        writeln!(text, "  variants {}, {:?}", variants.variant_names, variants.discriminants).unwrap();
    }
    for field in layout.get_fields().into_iter().flat_map(|fields| fields.iter()) {
        let functions: Vec<_> =
            field.function_range().iter().map(|function| function.to_string().replace('\n', " ")).collect();
        let kind = if functions.is_empty() { field.full_type().to_string() } else { functions.join(", ") };
        writeln!(text, "  {}: {kind}, size {}", field.name(), field.layout().size()).unwrap();
    }
    text
}

#[test]
fn the_table_and_all_that_it_passes_by_value_are_laid_out_as_in_the_epoch() {
    let types: [&TypeLayout; 7] = [
        <ProviderModule_Prefix as PrefixStableAbi>::LAYOUT,
        <ProviderModuleRef as StableAbi>::LAYOUT,
        <ProviderPtr as StableAbi>::LAYOUT,
        <OperationPtr as StableAbi>::LAYOUT,
        <RVec<u8> as StableAbi>::LAYOUT,
        <RSlice<'static, u8> as StableAbi>::LAYOUT,
        <RResult<ProviderPtr, RVec<u8>> as StableAbi>::LAYOUT,
    ];
    let table: String = types.into_iter().map(layout).collect();
    let symbol = SYMBOL.escape_ascii();
    let section = section::encode(vestibule_abi::EPOCH, true, "github", "1.2.3-rc.4");
    is_frozen("table.txt", &format!("symbol {symbol}\nsection {}\n{table}", section.escape_ascii()));
}

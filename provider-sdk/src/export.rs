//! `export_provider!`: what makes a cdylib a plugin.

/// Exports a type that implements [`OAuthProvider`](crate::OAuthProvider) or [`Provider`](crate::Provider) as the
/// plugin's one provider. Once in a crate, whose `Cargo.toml` says `crate-type = ["cdylib"]`; the plugin's version is
/// that crate's.
///
/// ```text
/// export_provider!(Forgejo);
/// ```
#[macro_export]
macro_rules! export_provider {
    ($provider:ty $(,)?) => {
        #[doc(hidden)]
        mod __export_provider_goes_once_into_a_crate {}

        const _: () = {
            struct Exported;

            impl $crate::__private::Export for Exported {
                type Provider = $provider;
                const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
            }

            extern "C" fn root() -> $crate::__private::ModuleResult {
                $crate::__private::construct(|| $crate::__private::module::<Exported>())
            }

            // The name under which `vestibule_abi::root::SYMBOL` is looked up; a test holds the two together.
            #[used]
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            // SAFETY: `root` constructs the module by `construct`, and from nothing else.
            static ROOT: $crate::__private::Library = unsafe { $crate::__private::library(root) };

            #[used]
            #[unsafe(link_section = ".vestibule")]
            static SECTION: [u8; $crate::__private::section::LEN] = $crate::__private::section::encode(
                $crate::__private::EPOCH,
                ::core::cfg!(panic = "unwind"),
                <$provider as $crate::Provider>::NAME,
                ::core::env!("CARGO_PKG_VERSION"),
            );
        };
    };
    () => {
        ::core::compile_error!("name the type to export: `export_provider!(MyProvider);`");
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "a plugin exports one provider, named by its type: `export_provider!(MyProvider);`"
        );
    };
}

//! Files, and with newer kernels networks and signals: of all of them a worker keeps the system's libraries, to read.
//!
//! The sealed copy of the plugin needs no rule: memory without a name in the file system is outside of Landlock.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

/// Where the dynamic linker finds the C library and the compiler's unwinder. Those that do not exist are left out.
const LIBRARIES: [&str; 6] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"];
/// The first version, which must be there.
const FLOOR: ABI = ABI::V1;
/// The newest one that is known here; a kernel that knows less is asked for less.
const NEWEST: ABI = ABI::V10;

/// The version that the kernel speaks, 0 where there is none.
pub(super) fn version() -> u32 {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no structure, and gives a number.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION)
    };
    u32::try_from(version).unwrap_or(0)
}

/// Restricts this process, for good.
pub(super) fn restrict() -> Result<(), String> {
    let failed = |error: landlock::RulesetError| format!("Landlock cannot be used: {error}");
    let restricted = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(FLOOR))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?
            .add_rules(path_beneath_rules(LIBRARIES, AccessFs::ReadFile))?
            .restrict_self()
    };
    match restricted().map_err(failed)?.ruleset {
        RulesetStatus::NotEnforced => Err("Landlock is not enforced".to_owned()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

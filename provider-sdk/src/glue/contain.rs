//! Panics end here: as an error with message and place, printed nowhere.
//!
//! A plugin has its own copy of the standard library, whose hook would print to the host's standard error. The hook
//! installed here is silent while contained code runs, and what stood before it has the word otherwise (a test's
//! assertions, where a plugin is linked into its tests).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use vestibule_abi::record::code;

use crate::{Error, Result};

thread_local! {
    /// How many containments this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// The last panic within them.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs code of the author's; a panic in it becomes an error.
pub(super) fn contain<T>(run: impl FnOnce() -> T) -> Result<T> {
    install_hook();
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(run));
    let result = result.map_err(|payload| {
        let told = LAST.take().unwrap_or_else(|| "panicked".to_owned());
        discard(payload);
        // What a payload's destructor said is nobody's panic.
        LAST.take();
        Error::new(code::PANIC, told)
    });
    DEPTH.set(DEPTH.get() - 1);
    result
}

/// A panic's payload may panic when it is dropped, and that panic's payload again: then it is leaked.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(next) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(next);
    }
}

fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // While a thread ends, its variables may be gone already.
            if DEPTH.try_with(Cell::get).is_ok_and(|depth| depth > 0) {
                let _ = LAST.try_with(|last| {
                    if let Ok(mut last) = last.try_borrow_mut() {
                        *last = Some(told(info));
                    }
                });
            } else {
                before(info);
            }
        }));
    });
}

fn told(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("something that is no text");
    match info.location() {
        Some(place) => format!("panicked at {}:{}:{}: {message}", place.file(), place.line(), place.column()),
        None => format!("panicked: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_tells_what_and_where() {
        let error = contain(|| -> () { panic!("no {}", "luck") }).unwrap_err();
        assert_eq!(error.code(), code::PANIC);
        assert!(error.message().starts_with("panicked at provider-sdk/src/glue/contain.rs:"), "{error}");
        assert!(error.message().ends_with(": no luck"), "{error}");
        assert_eq!(contain(|| 5).unwrap(), 5);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_contained() {
        struct Bomb(u32);
        impl Drop for Bomb {
            fn drop(&mut self) {
                std::panic::panic_any(Bomb(self.0 + 1));
            }
        }
        let error = contain(|| -> () { std::panic::panic_any(Bomb(0)) }).unwrap_err();
        assert!(error.message().ends_with(": something that is no text"), "{error}");
    }

    #[test]
    fn containments_nest() {
        let error = contain(|| -> () {
            contain(|| -> () { panic!("inner") }).unwrap_err();
            panic!("outer")
        });
        assert!(error.unwrap_err().message().ends_with(": outer"));
    }
}

//! The program `vestibule`.

fn main() -> std::process::ExitCode {
    // Before anything else: a worker has no arguments to parse, no log and no runtime.
    if let Some(code) = vestibule::plugin::run_if_worker() {
        return code;
    }
    vestibule::cli::run().into()
}

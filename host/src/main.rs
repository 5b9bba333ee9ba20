//! The program `vestibule`.

fn main() -> std::process::ExitCode {
    vestibule::cli::run().into()
}

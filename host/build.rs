//! Tells cargo about the folders whose files are inside the program: a new file there is a reason to build anew, which
//! the compiler sees for itself only of files that it has read before.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for folder in ["../migrations", "assets", "locales", "templates"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}

//! `cargo run -p vestibule --example describe -- LIBRARY`: what a plugin says about itself, as JSON. It loads the library into
//! this process, so it is for libraries that one has just built: `cargo xtask package` asks it for the manifest.

use std::path::Path;

use serde_json::json;
use vestibule::plugin::Plugin;
use vestibule::random::sha256;

#[expect(clippy::print_stdout, reason = "this is the one thing that it has to say")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a library")?;
    let path = Path::new(&path);
    let name = std::env::args().nth(2);
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .and_then(|stem| stem.strip_prefix("libvestibule_plugin_"));
    let name = name.as_deref().or(stem).ok_or("name the plugin behind the library")?.parse()?;
    let plugin = Plugin::load(path, &[sha256(&std::fs::read(path)?)], &name)?;
    let described = plugin.description();
    println!(
        "{}",
        json!({
            "name": described.name,
            "version": described.version,
            "abi_epoch": vestibule_abi::EPOCH,
            "requires": described.requires,
            "settings_schema": described.settings_schema,
        })
    );
    Ok(())
}

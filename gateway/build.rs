//! Tells cargo when the browser app was built anew, so that it is embedded anew.

use std::path::Path;

fn main() {
    // A watched path that does not exist would make every build a rebuild.
    let watched = ["web/dist", "web", "Cargo.toml"].into_iter().find(|path| Path::new(path).exists());
    if let Some(path) = watched {
        println!("cargo::rerun-if-changed={path}");
    }
}

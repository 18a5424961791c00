//! The files that the rules look at.

use std::{collections::BTreeMap, fs, path::Path};

/// Folders that hold nothing of ours, or what was generated.
const FOREIGN: [&str; 5] = ["target", "node_modules", "dist", "data", "gen"];

/// Manifests and Rust files by their paths from the root of the workspace.
pub(super) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Reads every manifest and Rust file below `root`.
    pub(super) fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        read_into(&mut files, root, "");
        files.remove("Cargo.toml");
        Self(files)
    }

    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    pub(super) fn with(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.to_owned(), text.to_owned());
        self
    }

    /// Every Rust file: path and text.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ending_with(".rs")
    }

    /// Every Rust file of the programs themselves: without tests in files of their own.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rust().filter(|(path, _)| !path.ends_with("/tests.rs") && !path.contains("/tests/"))
    }

    /// Every manifest of a crate: folder and text.
    pub(super) fn manifests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ending_with("/Cargo.toml").map(|(path, text)| (path.trim_end_matches("/Cargo.toml"), text))
    }

    fn ending_with(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.0.iter().filter(move |(path, _)| path.ends_with(end));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

fn read_into(files: &mut BTreeMap<String, String>, folder: &Path, place: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{place}{name}");
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) {
                read_into(files, &entry.path(), &format!("{path}/"));
            }
        } else if name.ends_with(".rs") || name == "Cargo.toml" {
            files.insert(path, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

//! Metrics have the names that operators are told: what is counted is documented, and what is documented is counted.

use std::{collections::BTreeSet, fs, path::Path};

const MACROS: [&str; 3] = ["counter!(", "gauge!(", "histogram!("];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The first arguments of all metrics below a folder.
fn counted(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !["tests", "target", "node_modules", "web"].contains(&name.as_str()) {
            counted(&path, found);
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap();
            // Tests beside the code call theirs what they like, in one word.
            let all = MACROS.iter().flat_map(|name| names(&text, name));
            found.extend(all.filter(|name| name.contains('_')));
        }
    }
}

/// What a macro is called with first: a name, or a constant of the same file.
fn names<'t>(text: &'t str, name: &str) -> impl Iterator<Item = String> + use<'t> {
    let is_own = |at: usize| !text[..at].ends_with('_');
    let starts: Vec<usize> =
        text.match_indices(name).filter(|(at, _)| is_own(*at)).map(|(at, it)| at + it.len()).collect();
    starts.into_iter().map(|start| {
        let argument = text[start..].trim_start();
        let quoted = match argument.strip_prefix('"') {
            Some(name) => name,
            None => {
                let constant = argument.split([',', ')']).next().unwrap();
                let (_, value) = text.split_once(&format!("const {constant}: &str = \"")).unwrap();
                value
            }
        };
        quoted.split('"').next().unwrap().to_owned()
    })
}

/// Every name in the first column of the table of metrics.
fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let (_, table) = text.split_once("| metric | labels |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let cells = table.lines().skip(2).map(|line| line.split('|').nth(1).unwrap());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| name.contains('_') && !name.contains(' ')).map(str::to_owned).collect()
}

#[test]
fn metrics_are_called_as_operators_are_told() {
    let mut ours = BTreeSet::new();
    for folder in ["services", "gateway", "db"] {
        counted(&root().join(folder), &mut ours);
    }
    assert!(ours.len() > 60, "{ours:?}");
    let told = documented();
    let (silent, gone): (Vec<_>, Vec<_>) =
        (ours.difference(&told).collect(), told.difference(&ours).collect());
    assert!(
        silent.is_empty() && gone.is_empty(),
        "not in docs/operations.md: {silent:?}; not counted: {gone:?}"
    );
}

//! Crates stand on floors and depend only downwards.

use super::tree::Tree;

/// What stands on the floor of the services; development crates may know as much as they do.
const SERVICES: u8 = 4;

/// Arithmetic is measured in the process that does it, beside its peers: a call would take longer than what is measured.
const MEASURED: (&str, &str) = ("capstan-bench", "capstan-quoter");

/// Dependencies of crates that stand on the wrong floor.
pub(super) fn violations(tree: &Tree) -> Vec<String> {
    let crates: Vec<Crate> = tree.manifests().map(|(folder, text)| Crate::read(folder, text)).collect();
    let mut found = Vec::new();
    for member in &crates {
        if member.floor().is_none() {
            found.push(format!("{}: stands on no floor", member.folder));
        }
        let ours = crates.iter().flat_map(|other| {
            let kinds = member.dependencies.iter().filter(|dependency| dependency.name == other.name);
            kinds.map(move |dependency| (dependency, other))
        });
        for (dependency, other) in
            ours.filter(|(dependency, other)| !may_depend(member, dependency.for_tests, other))
        {
            let kind = if dependency.for_tests { "test with" } else { "depend on" };
            found.push(format!("{}: may not {kind} {}", member.folder, other.name));
        }
    }
    found
}

fn may_depend(member: &Crate, for_tests: bool, other: &Crate) -> bool {
    if for_tests && (member.name == other.name || other.is_development()) {
        return true;
    }
    if other.is_development() {
        return member.is_top() || member.is_development();
    }
    if other.is_service() {
        return member.is_top() || (member.name.as_str(), other.name.as_str()) == MEASURED;
    }
    member.floor() > other.floor()
}

/// One crate of the workspace.
struct Crate {
    folder: String,
    name: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    for_tests: bool,
}

impl Crate {
    fn read(folder: &str, text: &str) -> Self {
        let mut crate_ = Self { folder: folder.to_owned(), name: String::new(), dependencies: Vec::new() };
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_end_matches(']');
                // A dependency can have a section of its own: [dependencies.name].
                if let Some((kind, name)) = section.rsplit_once("dependencies.") {
                    crate_.add(kind, name);
                }
            } else if let Some((key, value)) = line.split_once('=') {
                if let Some(kind) = section.strip_suffix("dependencies") {
                    crate_.add(kind, key);
                } else if section == "package" && key.trim() == "name" {
                    crate_.name = value.trim().trim_matches('"').to_owned();
                }
            }
        }
        crate_
    }

    fn add(&mut self, kind: &str, key: &str) {
        let name = key.split('.').next().unwrap_or_default().trim().to_owned();
        self.dependencies.push(Dependency { name, for_tests: kind.ends_with("dev-") });
    }

    fn floor(&self) -> Option<u8> {
        match self.folder.as_str() {
            "services/base/primitives" => Some(0),
            "proto" | "db" | "services/base/chain" => Some(1),
            "services/base/runtime" => Some(2),
            "services/base/kafka" => Some(3),
            "gateway" => Some(5),
            "services/capstan" => Some(6),
            _ if self.is_service() || self.is_development() => Some(SERVICES),
            _ => None,
        }
    }

    fn is_service(&self) -> bool {
        let name = self.folder.strip_prefix("services/");
        name.is_some_and(|name| !name.contains('/') && name != "capstan")
    }

    fn is_development(&self) -> bool {
        self.folder.starts_with("dev/")
    }

    fn is_top(&self) -> bool {
        self.folder == "services/capstan"
    }
}

#[cfg(test)]
mod tests {
    use super::super::{accepted, refused};

    fn with(name: &str, dependencies: &str) -> String {
        format!("[package]\nname = \"{name}\"\n{dependencies}\n")
    }

    #[test]
    fn a_dependency_upwards_is_refused() {
        let text = with("capstan-db", "[dependencies]\ncapstan-runtime.workspace = true");
        refused("db/Cargo.toml", &text, "db: may not depend on capstan-runtime");
    }

    #[test]
    fn a_dependency_on_the_same_floor_is_refused() {
        let text =
            with("capstan-db", "[target.'cfg(unix)'.build-dependencies.capstan-proto]\npath = \"../proto\"");
        refused("db/Cargo.toml", &text, "db: may not depend on capstan-proto");
    }

    #[test]
    fn a_service_that_depends_on_another_is_refused() {
        let text = with("capstan-market", "[dependencies]\ncapstan-indexer = { path = \"../indexer\" }");
        refused("services/market/Cargo.toml", &text, "services/market: may not depend on capstan-indexer");
    }

    #[test]
    fn a_service_that_tests_with_another_is_refused() {
        let text = with("capstan-market", "[dev-dependencies]\ncapstan-indexer.workspace = true");
        refused("services/market/Cargo.toml", &text, "services/market: may not test with capstan-indexer");
    }

    #[test]
    fn a_gateway_that_depends_on_a_service_is_refused() {
        let text = with("capstan-gateway", "[dependencies]\ncapstan-market.workspace = true");
        refused("gateway/Cargo.toml", &text, "gateway: may not depend on capstan-market");
    }

    #[test]
    fn a_development_crate_is_only_for_tests_its_like_and_the_binary() {
        let text = with("capstan-gateway", "[dependencies]\ncapstan-devnet.workspace = true");
        refused("gateway/Cargo.toml", &text, "gateway: may not depend on capstan-devnet");
        let text = with("capstan-gateway", "[dev-dependencies]\ncapstan-devnet.workspace = true");
        accepted("gateway/Cargo.toml", &text);
        let text = with("capstan-bench", "[dependencies]\ncapstan-devnet.workspace = true");
        accepted("dev/bench/Cargo.toml", &text);
        let text = with("capstan-bench", "[dependencies]\ncapstan-indexer.workspace = true");
        refused("dev/bench/Cargo.toml", &text, "dev/bench: may not depend on capstan-indexer");
    }

    #[test]
    fn only_the_benchmark_may_measure_a_service_in_its_process() {
        let text = with("capstan-bench", "[dependencies]\ncapstan-market.workspace = true");
        refused("dev/bench/Cargo.toml", &text, "dev/bench: may not depend on capstan-market");
        let text = with("capstan-devnet", "[dependencies]\ncapstan-market.workspace = true");
        refused("dev/devnet/Cargo.toml", &text, "dev/devnet: may not depend on capstan-market");
    }

    #[test]
    fn a_crate_may_test_with_itself() {
        let text =
            with("capstan-market", "[dev-dependencies]\ncapstan-market = { features = [\"testing\"] }");
        accepted("services/market/Cargo.toml", &text);
    }

    #[test]
    fn a_crate_outside_the_house_is_refused() {
        refused("shared/Cargo.toml", &with("capstan-shared", ""), "shared: stands on no floor");
    }
}

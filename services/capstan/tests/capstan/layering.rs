//! The house rules about who may know whom, and how files look, checked against the sources.

mod crates;
mod files;
mod peers;
mod rooms;
mod rust;
mod tree;

use std::path::Path;

use tree::Tree;

/// Everything in `tree` that breaks a rule, each as one line that names the place.
fn violations(tree: &Tree) -> Vec<String> {
    [crates::violations(tree), files::violations(tree), peers::violations(tree), rooms::violations(tree)]
        .concat()
}

#[test]
fn the_sources_keep_the_house_rules() {
    let tree = Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    assert!(tree.manifests().count() >= 10, "too few manifests: not the whole workspace was read");
    assert!(tree.rust().count() >= 100, "too few Rust files: not the whole workspace was read");
    let found = violations(&tree);
    assert!(found.is_empty(), "{} violations:\n  {}", found.len(), found.join("\n  "));
}

/// A small workspace that keeps every rule.
fn house() -> Tree {
    Tree::of(&[
        ("services/base/primitives/Cargo.toml", "[package]\nname = \"capstan-primitives\"\n"),
        (
            "proto/Cargo.toml",
            "[package]\nname = \"capstan-proto\"\n[dependencies]\ncapstan-primitives.workspace = true\n",
        ),
        ("db/Cargo.toml", "[package]\nname = \"capstan-db\"\n"),
        (
            "services/base/runtime/Cargo.toml",
            "[package]\nname = \"capstan-runtime\"\n[dependencies]\ncapstan-db.workspace = true\n",
        ),
        ("dev/devnet/Cargo.toml", "[package]\nname = \"capstan-devnet\"\n"),
        (
            "services/indexer/Cargo.toml",
            "[package]\nname = \"capstan-indexer\"\n[dependencies]\ncapstan-runtime.workspace = true\n\
             [dev-dependencies]\ncapstan-devnet.workspace = true\n",
        ),
        (
            "services/indexer/src/lib.rs",
            "//! Lib.\nuse crate::rpc::Rpc;\nuse capstan_db::indexer::Migrator;\n",
        ),
        (
            "services/indexer/src/rpc.rs",
            "//! Rpc.\nuse crate::{domain::Event, operations};\nuse capstan_proto::indexer;\n",
        ),
        (
            "services/indexer/src/domain/mod.rs",
            "//! Domain: async tokio.\npub struct Event;\nfn f() { super::domain::g() }\n",
        ),
        (
            "services/indexer/src/store.rs",
            "//! Store.\nuse capstan_db::{Database, indexer::entities::event};\n",
        ),
        ("services/market/Cargo.toml", "[package]\nname = \"capstan-market\"\n"),
        ("services/market/src/lib.rs", "//! Lib.\nfn f(s: Scope) { s.peer(\"indexer\"); }\n"),
        (
            "services/market/src/adapters/indexer.rs",
            "//! Peer.\nuse capstan_proto::{indexer as wire, primitives};\n",
        ),
        (
            "gateway/Cargo.toml",
            "[package]\nname = \"capstan-gateway\"\n[dependencies]\ncapstan-proto.workspace = true\n",
        ),
        ("gateway/src/adapters.rs", "//! Peers.\nuse capstan_proto::{indexer, market};\n"),
        (
            "services/capstan/Cargo.toml",
            "[package]\nname = \"capstan\"\n[dependencies]\ncapstan-devnet = { workspace = true, optional = true }\n\
             capstan-gateway.workspace = true\ncapstan-market.workspace = true\n",
        ),
        ("services/capstan/src/main.rs", "//! Main.\nuse capstan_db::market::Migrator;\n"),
    ])
}

/// Asserts that one more file, or another text of one, is the only violation and is called `expected`.
#[track_caller]
fn refused(path: &str, text: &str, expected: &str) {
    assert_eq!(violations(&house().with(path, text)), [expected]);
}

/// Asserts that one more file, or another text of one, breaks no rule.
#[track_caller]
fn accepted(path: &str, text: &str) {
    assert_eq!(violations(&house().with(path, text)), [""; 0]);
}

#[test]
fn a_house_that_keeps_the_rules_is_accepted() {
    assert_eq!(violations(&house()), [""; 0]);
}

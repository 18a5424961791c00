//! The rooms of a service: which there are, what they may import, and what some never hold.

use super::{
    rust::{paths, tokens},
    tree::Tree,
};

/// Rooms by floor; a room imports from rooms below it.
const FLOORS: [(&str, u8); 12] = [
    ("domain", 0),
    ("config", 0),
    ("error", 1),
    ("metrics", 1),
    ("ports", 2),
    ("store", 3),
    ("adapters", 3),
    ("operations", 4),
    ("rpc", 5),
    ("worker", 5),
    ("lib", 6),
    ("main", 6),
];

/// The one import on the same floor: a failure is counted by its class.
const BESIDE: (&str, &str) = ("metrics", "error");

/// Rooms that translate between the wire and the domain, and the one that wires everything.
const WIRE: [&str; 3] = ["rpc", "adapters", "lib"];

/// Words that rules and arithmetic have no use for.
const IMPURE: [&str; 3] = ["async", "SystemTime", "Instant"];
const IMPURE_CRATES: [&str; 7] =
    ["tokio", "sea_orm", "tonic", "axum", "reqwest", "capstan_db", "capstan_runtime"];

/// Imports and contents that are in the wrong room.
pub(super) fn violations(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.programs() {
        let Some(file) = File::of(path) else { continue };
        if file.floor().is_none() {
            found.push(format!("{path}: {} is no room", file.room));
            continue;
        }
        let tokens = tokens(text);
        let wrong = paths(&tokens).into_iter().filter_map(|path| file.objection(&path));
        let impure = tokens.iter().filter(|token| file.room == "domain" && IMPURE.contains(token));
        let wrong = wrong.chain(impure.map(|token| format!("domain may not hold {token}")));
        found.extend(wrong.map(|objection| format!("{path}: {objection}")));
    }
    found.dedup();
    found
}

/// A file of a service or the gateway.
struct File<'a> {
    room: &'a str,
    /// How many modules deep the file is: 0 for lib.rs, 1 for a room itself.
    depth: usize,
}

impl<'a> File<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let inside = path.strip_prefix("gateway/src/").or_else(|| {
            let (service, inside) = path.strip_prefix("services/")?.split_once("/src/")?;
            (!service.contains('/') && service != "capstan").then_some(inside)
        })?;
        let module = inside.trim_end_matches(".rs").trim_end_matches("/mod");
        let room = module.split('/').next()?;
        let depth = if room == "lib" || room == "main" { 0 } else { module.split('/').count() };
        Some(Self { room, depth })
    }

    fn floor(&self) -> Option<u8> {
        floor(self.room)
    }

    /// What is wrong with naming `path` here.
    fn objection(&self, path: &[&str]) -> Option<String> {
        let room = self.room;
        match path {
            ["capstan_proto", "google" | "FILE_DESCRIPTOR_SET", ..] => None,
            ["capstan_proto", ..] if !WIRE.contains(&room) => Some(format!("{room} may not hold wire types")),
            ["capstan_db", .., "entities"] | ["capstan_db", _, "entities", ..] if room != "store" => {
                Some(format!("{room} may not hold row types"))
            }
            [first, ..] if room == "domain" && IMPURE_CRATES.contains(first) => {
                Some(format!("domain may not hold {first}"))
            }
            _ => self.import(path).map(|other| format!("{room} may not import from {other}")),
        }
    }

    /// The room that `path` leads to, when it may not be imported.
    fn import<'b>(&self, path: &[&'b str]) -> Option<&'b str> {
        let supers = path.iter().take_while(|part| **part == "super").count();
        let other = match path {
            ["crate", other, ..] => *other,
            _ if supers > 0 && supers == self.depth => *path.get(supers)?,
            _ => return None,
        };
        let below = floor(other) < self.floor() && floor(other).is_some();
        (!below && other != self.room && (self.room, other) != BESIDE).then_some(other)
    }
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

#[cfg(test)]
mod tests {
    use super::super::{accepted, refused};

    #[test]
    fn an_unknown_room_is_refused() {
        refused("services/market/src/utils.rs", "//! A.\n", "services/market/src/utils.rs: utils is no room");
    }

    #[test]
    fn an_import_from_a_higher_floor_is_refused() {
        let path = "services/market/src/store/read.rs";
        let expected = "services/market/src/store/read.rs: store may not import from operations";
        refused(path, "//! A.\nuse crate::{domain, operations::Lists};\n", expected);
        refused(path, "//! A.\nfn f() { crate::operations::g() }\n", expected);
        refused(path, "//! A.\nuse super::super::operations;\n", expected);
        accepted(path, "//! A.\nuse super::rows;\nuse crate::{domain, error::Error, store::Row};\n");
    }

    #[test]
    fn an_import_from_the_same_floor_is_refused() {
        let path = "services/market/src/adapters.rs";
        refused(
            path,
            "//! A.\nuse crate::store;\n",
            "services/market/src/adapters.rs: adapters may not import from store",
        );
        accepted("services/market/src/metrics.rs", "//! A.\nuse crate::error::Error;\n");
        let path = "services/market/src/error.rs";
        refused(
            path,
            "//! A.\nuse super::metrics;\n",
            "services/market/src/error.rs: error may not import from metrics",
        );
    }

    #[test]
    fn an_import_of_the_wiring_is_refused() {
        let path = "services/market/src/rpc.rs";
        refused(
            path,
            "//! A.\nuse crate::Market;\n",
            "services/market/src/rpc.rs: rpc may not import from Market",
        );
    }

    #[test]
    fn tests_may_import_what_they_like() {
        let text = "//! A.\n#[cfg(test)]\nmod tests { use crate::store::Store; async fn f() {} }\n";
        accepted("services/market/src/domain/price.rs", text);
        let text = "//! A.\nuse crate::store::Store;\nuse capstan_db::market::entities::trade;\n";
        accepted("services/market/src/operations/project/tests.rs", text);
    }

    #[test]
    fn an_impure_domain_is_refused() {
        let path = "gateway/src/domain/price.rs";
        for (text, what) in [
            ("async fn f() {}", "async"),
            ("use std::time::Instant;", "Instant"),
            ("fn f() -> std::time::SystemTime { g() }", "SystemTime"),
            ("use sea_orm::DbErr;", "sea_orm"),
            ("fn f(s: tonic::Status) {}", "tonic"),
            ("use capstan_db::columns::AmountColumn;", "capstan_db"),
        ] {
            let expected = format!("gateway/src/domain/price.rs: domain may not hold {what}");
            refused(path, &format!("//! A.\n{text}\n"), &expected);
        }
        accepted(path, "//! A.\nuse capstan_proto::google::api::HttpRule;\n");
    }

    #[test]
    fn wire_types_stay_at_the_edges() {
        let path = "services/market/src/operations/lists.rs";
        let expected = "services/market/src/operations/lists.rs: operations may not hold wire types";
        refused(path, "//! A.\nuse capstan_proto::market as wire;\n", expected);
        accepted("services/market/src/rpc/convert.rs", "//! A.\nuse capstan_proto::market as wire;\n");
    }

    #[test]
    fn row_types_stay_in_the_store() {
        let text = "//! A.\nuse capstan_db::{Database, market::entities::trade};\n";
        let expected = "services/market/src/operations.rs: operations may not hold row types";
        refused("services/market/src/operations.rs", text, expected);
        accepted("services/market/src/store/rows.rs", text);
    }
}

//! The call table: which services a service may call, and that nobody reads another's tables.

use super::{
    rust::{paths, tokens},
    tree::Tree,
};

/// Every service in rank order with the peers that it may name, as in `docs/architecture.md`.
const CALLS: [(&str, &[&str]); 10] = [
    ("indexer", &[]),
    ("account", &[]),
    ("oracle", &["indexer"]),
    ("market", &["indexer"]),
    ("portfolio", &["indexer", "oracle"]),
    ("vault", &["indexer", "oracle"]),
    ("quoter", &["indexer", "oracle"]),
    ("funder", &["oracle"]),
    ("keeper", &["quoter", "market", "vault", "oracle", "funder"]),
    // It asks for health, which every service answers by the same standard service.
    ("watcher", &[]),
];

/// Peers and tables that a service names and may not.
pub(super) fn violations(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.programs() {
        let Some(service) = service_of(path) else { continue };
        let tokens = tokens(text);
        for peer in called(&tokens).filter(|peer| !may_call(service, peer)) {
            found.push(format!("{path}: {service} may not call {peer}"));
        }
        for owner in schemas(&tokens).filter(|owner| *owner != service) {
            found.push(format!("{path}: {service} may not use the tables of {owner}"));
        }
    }
    found.dedup();
    found
}

/// The service, or the gateway, whose sources a file belongs to; tests may play every part.
fn service_of(path: &str) -> Option<&str> {
    if path.starts_with("gateway/src/") {
        return Some("gateway");
    }
    let (service, room) = path.strip_prefix("services/")?.split_once('/')?;
    (room.starts_with("src/") && is_service(service)).then_some(service)
}

fn is_service(name: &str) -> bool {
    CALLS.iter().any(|(service, _)| *service == name)
}

fn may_call(service: &str, peer: &str) -> bool {
    let peers = CALLS.iter().find(|(caller, _)| *caller == service).map(|(_, peers)| peers);
    service == peer || service == "gateway" || peers.is_some_and(|peers| peers.contains(&peer))
}

/// Services whose contract is named, as `capstan_proto::market`, or whose channel is asked for, as `peer("market")`.
fn called<'a>(tokens: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let contracts = paths(tokens).into_iter().filter_map(|path| match path.as_slice() {
        ["capstan_proto", "capstan", package, ..] | ["capstan_proto", package, ..] => Some(*package),
        _ => None,
    });
    let channels = tokens.windows(3).filter_map(|window| match window {
        ["peer", "(", name] => Some(name.trim_matches('"')),
        _ => None,
    });
    contracts.chain(channels).filter(|name| is_service(name) || *name == "gateway")
}

/// Services whose tables are named, as `capstan_db::market`.
fn schemas<'a>(tokens: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let modules = paths(tokens).into_iter().filter_map(|path| match path.as_slice() {
        ["capstan_db", module, ..] => Some(*module),
        _ => None,
    });
    modules.filter(|name| is_service(name))
}

#[test]
fn every_service_calls_only_services_of_lower_rank() {
    for (rank, (service, peers)) in CALLS.iter().enumerate() {
        for peer in *peers {
            let below = CALLS[..rank].iter().any(|(lower, _)| lower == peer);
            assert!(below, "{service} calls {peer}, which is not below it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{accepted, refused};

    #[test]
    fn a_peer_outside_the_call_table_is_refused() {
        let path = "services/indexer/src/adapters/market.rs";
        let expected = "services/indexer/src/adapters/market.rs: indexer may not call market";
        refused(path, "//! Peer.\nuse capstan_proto::{indexer, market as wire};\n", expected);
        refused(path, "//! Peer.\nuse capstan_proto::capstan::market::v1::Market;\n", expected);
        refused(path, "//! Peer.\nfn f(s: Scope) { s.peer(\"market\"); }\n", expected);
    }

    #[test]
    fn nobody_calls_the_gateway() {
        let path = "services/market/src/rpc.rs";
        refused(
            path,
            "//! Rpc.\nuse capstan_proto::gateway;\n",
            "services/market/src/rpc.rs: market may not call gateway",
        );
    }

    #[test]
    fn the_gateway_may_call_everybody() {
        accepted("gateway/src/adapters.rs", "//! Peers.\nuse capstan_proto::{account, vault};\n");
    }

    #[test]
    fn the_tables_of_another_service_are_refused() {
        let path = "services/market/src/store.rs";
        let text =
            "//! Store.\nuse capstan_db::{Database, indexer::entities::event, market::entities::market};\n";
        refused(path, text, "services/market/src/store.rs: market may not use the tables of indexer");
        accepted(path, "//! Store.\nuse capstan_db::{columns, market::entities::market};\n");
    }
}

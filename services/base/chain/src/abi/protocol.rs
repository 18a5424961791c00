//! The protocols that are known by name, so that nobody has to look up their ABIs.

use std::sync::LazyLock;

use super::{Abi, known::DEFINITIONS};

/// A protocol whose events are known.
#[derive(Debug)]
pub struct Protocol {
    /// Name in configuration: `uniswap.v2.pair`.
    pub name: &'static str,
    /// Its events.
    pub abi: Abi,
    /// Contracts that it creates and that speak a known protocol themselves.
    pub creates: &'static [Creates],
}

/// An event that announces a new contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creates {
    /// Name of the event.
    pub event: &'static str,
    /// Name of its argument, of type `address`, that holds the new contract.
    pub argument: &'static str,
    /// Protocol of the new contract.
    pub protocol: &'static str,
    /// Names of the event's arguments, of type `address`, that hold the tokens that it trades: both of a
    /// pool, in their order, or the collateral of outcomes; none when the event does not tell.
    pub tokens: &'static [&'static str],
}

/// One protocol as it is written down.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) events: &'static [&'static str],
    pub(super) creates: &'static [Creates],
}

// A definition that does not parse would be left out here; a test holds that none is.
static PROTOCOLS: LazyLock<Vec<Protocol>> = LazyLock::new(|| {
    let parsed = DEFINITIONS.iter().map(|definition| {
        let Definition { name, events, creates } = definition;
        Ok(Protocol { name, abi: Abi::parse_signatures(events)?, creates })
    });
    parsed.filter_map(Result::<_, super::AbiError>::ok).collect()
});

/// The protocol of this name.
#[must_use]
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|protocol| protocol.name == name)
}

/// The names of all known protocols, in alphabetical order.
pub fn known_protocols() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().map(|protocol| protocol.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_is_read_and_in_order() {
        for definition in DEFINITIONS {
            let abi = Abi::parse_signatures(definition.events);
            assert!(abi.is_ok(), "{}: {abi:?}", definition.name);
        }
        let names: Vec<_> = known_protocols().collect();
        assert_eq!(names.len(), DEFINITIONS.len());
        assert!(names.is_sorted());
    }

    #[test]
    fn what_a_factory_creates_is_an_address_of_a_known_protocol() {
        for factory in PROTOCOLS.iter() {
            for creates in factory.creates {
                assert!(protocol(creates.protocol).is_some(), "{}", creates.protocol);
                let mut events = factory.abi.events.iter().filter(|event| event.name == creates.event);
                let holds = events.all(|event| {
                    let mut arguments = event.parameters.iter();
                    arguments.any(|one| one.name == creates.argument && one.type_ == "address")
                });
                assert!(holds && factory.abi.event_names().contains(&creates.event), "{}", factory.name);
            }
        }
    }

    /// Events of compiled contracts that `dev/install` brings; paths under `dev/node_modules`.
    fn artifacts(paths: &[&str]) -> Vec<crate::abi::EventShape> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../dev/node_modules/");
        let read = |path: &&str| {
            let text = std::fs::read_to_string(format!("{root}{path}"));
            Abi::parse_json(&text.unwrap_or_else(|error| panic!("run dev/install: {path}: {error}")))
        };
        paths.iter().flat_map(|path| read(path).unwrap().events).collect()
    }

    #[test]
    fn definitions_equal_the_compiled_contracts() {
        const GNOSIS: &str = "@gnosis.pm/conditional-tokens-market-makers/build/contracts/";
        const BALANCER: &str = "@balancer-labs/v2-deployments/dist/tasks/";
        let gnosis = |name: &str| format!("{GNOSIS}{name}.json");
        let balancer = |path: &str| format!("{BALANCER}{path}.json");
        let weighted = "deprecated/20210418-weighted-pool/abi/";
        let contracts = [
            ("balancer.v2.vault", balancer("20210418-vault/artifact/Vault")),
            ("balancer.v2.weighted_pool", balancer(&format!("{weighted}WeightedPool"))),
            ("balancer.v2.weighted_pool_factory", balancer(&format!("{weighted}WeightedPoolFactory"))),
            ("gnosis.conditional_tokens", gnosis("ConditionalTokens")),
            ("gnosis.fpmm", gnosis("FixedProductMarketMaker")),
            ("weth9", gnosis("WETH9")),
            ("uniswap.v2.factory", "@uniswap/v2-core/build/UniswapV2Factory.json".into()),
            ("uniswap.v2.pair", "@uniswap/v2-core/build/UniswapV2Pair.json".into()),
            (
                "uniswap.v3.factory",
                "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json".into(),
            ),
            (
                "uniswap.v3.pool",
                "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json".into(),
            ),
            (
                "uniswap.v4.pool_manager",
                "@uniswap/v4-periphery/foundry-out/PoolManager.sol/PoolManager.default.json".into(),
            ),
        ];
        for (name, path) in contracts {
            let mut compiled = artifacts(&[&path]);
            let mut known = protocol(name).unwrap().abi.events.clone();
            compiled.sort_by_key(|event| event.id);
            known.sort_by_key(|event| event.id);
            assert_eq!(known, compiled, "{name}");
        }
    }

    #[test]
    fn the_events_of_both_market_maker_factories_are_known() {
        const GNOSIS: &str = "@gnosis.pm/conditional-tokens-market-makers/build/contracts/";
        let paths = ["FPMMDeterministicFactory", "FixedProductMarketMakerFactory"]
            .map(|name| format!("{GNOSIS}{name}.json"));
        let compiled = artifacts(&[&paths[0], &paths[1]]);
        for event in &protocol("gnosis.fpmm_factory").unwrap().abi.events {
            assert!(compiled.contains(event), "{event:?}");
        }
    }
}

//! The routers that are configured for a chain.

use capstan_primitives::{Address, ChainId};

use crate::{
    config::{self, Config},
    domain::swap::{Router, RouterKind, Version},
};

/// The routers of a chain, in the order in which they are tried; `wrapped`: the wrapped coins that are followed.
///
/// # Errors
/// The key that is wrong and why.
pub(crate) fn routers(
    config: &Config,
    chain: ChainId,
    wrapped: &[Address],
) -> Result<Vec<Router>, (String, String)> {
    let mut routers: Vec<Router> = Vec::new();
    let configured = config.routers.iter().enumerate().filter(|(_, router)| router.chain_id == chain);
    for (place, router) in configured {
        let wrong = |key: &str, reason: &str| (format!("quoter.routers.{place}.{key}"), reason.to_owned());
        let kind = match router.kind {
            config::RouterKind::SwapRouter02 => RouterKind::SwapRouter02,
            config::RouterKind::Universal => RouterKind::Universal,
        };
        if routers.iter().any(|known| known.kind == kind) {
            return Err(wrong("kind", "the chain has a router of this kind already"));
        }
        if kind == RouterKind::SwapRouter02 && router.pool_manager.is_some() {
            return Err(wrong("pool_manager", "SwapRouter02 does not swap with V4"));
        }
        if router.weth9.is_none() && wrapped.len() > 1 {
            return Err(wrong("weth9", "must be given: several wrapped coins are followed"));
        }
        let version = match router.version {
            Some(config::RouterVersion::V2_0) => Version::V2_0,
            Some(config::RouterVersion::V2_1) => Version::V2_1,
            None if router.pool_manager.is_some() => {
                return Err(wrong("version", "must be given where there is a pool_manager"));
            }
            None => Version::V2_0,
        };
        let config::Router { address, v2_factory, v3_factory, pool_manager, permit2, .. } = *router;
        let weth9 = router.weth9.or_else(|| wrapped.first().copied());
        routers.push(Router { kind, version, address, v2_factory, v3_factory, pool_manager, weth9, permit2 });
    }
    routers.sort_by_key(|router| router.kind == RouterKind::Universal);
    Ok(routers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(kind: config::RouterKind) -> config::Router {
        config::Router {
            chain_id: ChainId(1),
            kind,
            version: None,
            address: Address::from([1; 20]),
            v2_factory: None,
            v3_factory: Some(Address::from([2; 20])),
            pool_manager: None,
            weth9: None,
            permit2: Address::from([3; 20]),
        }
    }

    fn configured(list: &[config::Router], wrapped: &[Address]) -> Result<Vec<RouterKind>, String> {
        let config = Config { routers: list.to_vec(), ..Config::default() };
        let found = routers(&config, ChainId(1), wrapped).map_err(|(key, _)| key)?;
        Ok(found.iter().map(|router| router.kind).collect())
    }

    #[test]
    fn what_takes_an_allowance_is_tried_first_and_what_cannot_be_is_named() {
        let (first, second) = (config::RouterKind::Universal, config::RouterKind::SwapRouter02);
        let both = [router(first), router(second)];
        assert_eq!(configured(&both, &[]), Ok(vec![RouterKind::SwapRouter02, RouterKind::Universal]));
        let twice = [router(first), router(first)];
        assert_eq!(configured(&twice, &[]), Err("quoter.routers.1.kind".to_owned()));
        let v4 = config::Router { pool_manager: Some(Address::ZERO), ..router(second) };
        assert_eq!(configured(&[v4], &[]), Err("quoter.routers.0.pool_manager".to_owned()));
        let v4 = config::Router { pool_manager: Some(Address::ZERO), ..router(first) };
        assert_eq!(configured(&[v4], &[]), Err("quoter.routers.0.version".to_owned()));
        let wrapped = [Address::from([4; 20]), Address::from([5; 20])];
        assert_eq!(configured(&both, &wrapped), Err("quoter.routers.0.weth9".to_owned()));
        let elsewhere = config::Router { chain_id: ChainId(2), ..router(first) };
        assert_eq!(configured(&[elsewhere], &[]), Ok(Vec::new()));
    }
}

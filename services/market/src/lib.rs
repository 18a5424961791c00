//! Prediction markets from the event log: prices, trades, positions and resolutions.

mod adapters;
mod config;
mod domain;
mod error;
mod metrics;
mod operations;
mod rpc;
mod store;
mod worker;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
};

use capstan_kafka::EventSource;
use capstan_proto::market::market_service_server::{MarketServiceServer, SERVICE_NAME};
use capstan_runtime::{HealthCheck, Parts, Platform, Scope, Service, StartError, config::ConfigError};
use tokio::sync::watch;
use tonic::service::Routes;

#[cfg(feature = "testing")]
pub use adapters::simulated;
pub use config::{Config, Factory};

use crate::{
    domain::category::{self, Categories},
    operations::{Markets, Projector},
    rpc::{
        Rpc,
        convert::{Collateral, Collaterals},
    },
    store::Store,
};

/// The market.
#[derive(Debug)]
pub struct Market;

impl Service for Market {
    const NAME: &'static str = "market";

    type Config = Config;

    fn listen(config: &Config) -> SocketAddr {
        config.listen
    }

    async fn build(config: Config, scope: Scope) -> Result<Parts, StartError> {
        // A wrong configuration leaves nothing behind, and is refused where there is no chain yet, too.
        let source = EventSource::choose(scope.platform.events.kafka.as_ref(), || scope.peer("indexer"))?;
        let categories = categories(&config, &scope.platform)?;
        let database = scope.database::<capstan_db::market::Migrator>().await?;
        let health = vec![HealthCheck::of_store(SERVICE_NAME, &database)];
        let store = Store::new(database).with(categories);
        let mut chains = BTreeMap::new();
        for chain_id in scope.platform.chains.iter().map(|chain| chain.id) {
            let (changed, receiver) = watch::channel(0);
            let started_at = scope.clock.now().timestamp_millis();
            let projector = Projector::new(store.clone(), chain_id, started_at, changed).await;
            let projector = projector.map_err(StartError::service)?;
            let following =
                worker::follow::follow(source.another(), chain_id, projector, scope.tasks.stopping());
            scope.tasks.critical("follow", following);
            chains.insert(chain_id, receiver);
        }
        let rpc = Rpc {
            markets: Markets::new(store, chains),
            collaterals: collaterals(&scope.platform),
            heartbeat: config.heartbeat(),
            stopping: scope.tasks.stopping(),
        };
        let routes = Routes::new(MarketServiceServer::new(rpc));
        Ok(Parts { routes, health })
    }
}

/// The configured categories, of chains that there are.
fn categories(config: &Config, platform: &Platform) -> Result<Categories, ConfigError> {
    let mut categories = BTreeMap::new();
    for (at, Factory { chain_id, address, category }) in config.factories.iter().enumerate() {
        let wrong = |key: &str, reason: String| ConfigError::Value {
            place: "configuration".into(),
            key: format!("market.factories.{at}.{key}"),
            reason,
        };
        if platform.chains.iter().all(|chain| chain.id != *chain_id) {
            return Err(wrong("chain_id", format!("chain {chain_id} is not configured")));
        }
        if category::said(category).as_ref() != Some(category) {
            let reason =
                format!("{category:?} is not 1 to {} bytes without spaces around", category::LONGEST);
            return Err(wrong("category", reason));
        }
        if categories.insert((*chain_id, *address), category.clone()).is_some() {
            return Err(wrong("address", format!("{address} is there already")));
        }
    }
    Ok(Categories(Arc::new(categories)))
}

fn collaterals(platform: &Platform) -> Collaterals {
    let tokens = platform.chains.iter().flat_map(|chain| chain.tokens.iter().map(|token| (chain.id, token)));
    let collateral = |(chain, token): (_, &capstan_runtime::platform::Token)| {
        let collateral = Collateral { symbol: token.symbol.clone(), decimals: token.decimals };
        ((chain, token.address), collateral)
    };
    Collaterals(Arc::new(tokens.map(collateral).collect::<HashMap<_, _>>()))
}

//! `PoolService`: translate, call, translate.

use capstan_primitives::{ChainId, Finality};
use capstan_proto::{
    indexer::{
        self as wire, GetPoolRequest, GetPoolResponse, ListPoolsRequest, ListPoolsResponse,
        pool_service_server::PoolService,
    },
    primitives::AsOf,
};
use tonic::{Request, Response, Status};

use super::{convert, page_size};
use crate::{
    domain::{PageStart, Pool, PoolState, PoolVersion, Position, place},
    error::Error,
    operations::Pools,
    store::{PoolPage, PoolQuery},
};

/// `capstan.indexer.v1.PoolService`.
#[derive(Debug)]
pub(crate) struct PoolRpc {
    pub(crate) pools: Pools,
}

#[tonic::async_trait]
impl PoolService for PoolRpc {
    async fn list_pools(
        &self,
        request: Request<ListPoolsRequest>,
    ) -> Result<Response<ListPoolsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn get_pool(&self, request: Request<GetPoolRequest>) -> Result<Response<GetPoolResponse>, Status> {
        let GetPoolRequest { chain_id, address } = request.into_inner();
        let chain_id = self.pools.log.chain(chain_id)?;
        let address = convert::parsed("address", &address)?;
        let query =
            PoolQuery { chain_id, address: Some(address), version: None, token: None, page: None, limit: 1 };
        let page = self.pools.list(&query).await?;
        let (as_of, whole_from) = (self.as_of(chain_id, &page), whole_from(&page));
        let found = page.pools.into_iter().next().ok_or(Error::UnknownPool(address))?;
        let pool = Some(pool(chain_id, whole_from, &found));
        Ok(Response::new(GetPoolResponse { pool, as_of, whole_from }))
    }
}

impl PoolRpc {
    async fn list(&self, request: ListPoolsRequest) -> Result<ListPoolsResponse, Error> {
        let ListPoolsRequest { chain_id, protocol, token, page_size: size, page_token } = request;
        let chain_id = self.pools.log.chain(chain_id)?;
        let version = version(&protocol)?;
        let token = (!token.is_empty()).then(|| convert::parsed("token", &token)).transpose()?;
        let binding = format!("ListPools {chain_id} {version:?} {token:?}");
        let start = PageStart::decode(&page_token, &binding).map_err(Error::PageToken)?;
        let query =
            PoolQuery { chain_id, version, token, address: None, page: start, limit: page_size(size)? };
        let page = self.pools.list(&query).await?;
        let next = next(&page).map(|start| start.encode(&binding));
        Ok(ListPoolsResponse {
            next_page_token: next.unwrap_or_default(),
            pools: page.pools.iter().map(|found| pool(chain_id, whole_from(&page), found)).collect(),
            as_of: self.as_of(chain_id, &page),
            whole_from: whole_from(&page),
        })
    }

    fn as_of(&self, chain_id: ChainId, page: &PoolPage) -> Option<AsOf> {
        let block = page.cursor?.block?;
        let finalized = self.pools.log.view(chain_id)?.borrow().progress.finalized;
        let finality = Finality::of(block.number, finalized.map(|block| block.number));
        Some(convert::as_of(chain_id, block, finality))
    }
}

fn next(page: &PoolPage) -> Option<PageStart> {
    let (last, ..) = page.pools.last().filter(|_| page.more)?;
    let after = last.created_place;
    Some(PageStart { after, read: Position { place: after, mark: 0, ..page.cursor?.at } })
}

fn version(protocol: &str) -> Result<Option<PoolVersion>, Error> {
    let known = [PoolVersion::V2, PoolVersion::V3];
    let found = known.into_iter().find(|version| version.protocol() == protocol);
    if found.is_some() || protocol.is_empty() {
        return Ok(found);
    }
    let [v2, v3] = known.map(PoolVersion::protocol);
    Err(Error::Field { field: "protocol".into(), description: format!("has to be {v2} or {v3}") })
}

fn whole_from(page: &PoolPage) -> Option<u64> {
    page.cursor.and_then(|cursor| cursor.whole_from)
}

fn pool(
    chain_id: ChainId,
    whole_from: Option<u64>,
    (pool, state, day_before): &(Pool, PoolState, PoolState),
) -> wire::Pool {
    let Pool { address, version, factory, token0, token1, fee, tick_spacing, created_place } = pool;
    let PoolState { reserve0, reserve1, sqrt_price, tick, liquidity, last_trade, .. } = state;
    let (volume0, volume1) = state.volume_since(day_before);
    let is_whole = whole_from.is_none_or(|first| first <= place::number_of(*created_place));
    let depth = match version {
        PoolVersion::V2 => wire::pool::Depth::Reserves(wire::Reserves {
            reserve0: reserve0.to_string(),
            reserve1: reserve1.to_string(),
        }),
        PoolVersion::V3 => wire::pool::Depth::Concentrated(wire::Concentrated {
            sqrt_price_x96: sqrt_price.to_string(),
            tick: *tick,
            liquidity: liquidity.to_string(),
        }),
    };
    wire::Pool {
        chain_id: chain_id.0,
        address: address.to_string(),
        protocol: version.protocol().to_owned(),
        factory: factory.to_string(),
        token0: token0.to_string(),
        token1: token1.to_string(),
        fee: *fee,
        tick_spacing: *tick_spacing,
        created_block: place::number_of(*created_place),
        last_trade: last_trade.map(convert::block),
        volume0: volume0.to_string(),
        volume1: volume1.to_string(),
        depth: (is_whole || state.has_depth(*version)).then_some(depth),
    }
}

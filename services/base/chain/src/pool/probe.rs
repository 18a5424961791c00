//! First looks at endpoints, and looks at those that were ejected or lag.

use std::sync::{Arc, Mutex, PoisonError};

use capstan_primitives::{ChainId, Hash};
use futures::future::join_all;
use serde_json::json;
use tokio::{sync::Notify, task::JoinSet, time::Instant};
use tracing::{info, warn};

use super::{Identity, LAG, Member, Pool, allowance::Allowance};
use crate::{
    ChainError, EvmOptions, answers,
    endpoint::Endpoint,
    rpc::{Call, Rpc},
    transport::Budget,
};

impl Pool {
    /// Looks at all endpoints; those that serve requests make up the pool.
    pub(crate) async fn connect(endpoints: &[Endpoint], options: &EvmOptions) -> Result<Self, ChainError> {
        let only_ws = endpoints.iter().all(|endpoint| endpoint.is_ws);
        let budget = Budget::new(options.max_response_bytes);
        let looks = endpoints.iter().map(|endpoint| Box::pin(looked_at(endpoint, options, &budget)));
        let identity = Identity { chain_id: options.chain_id, genesis: Mutex::default() };
        let (mut members, mut down, mut up) = (Vec::new(), Vec::new(), 0_usize);
        let looks = join_all(looks).await.into_iter().zip(endpoints).zip(&options.urls);
        for ((look, endpoint), url) in looks {
            let (rpc, found) = look?;
            let serves = only_ws || !endpoint.is_ws;
            let place = endpoints.iter().position(|other| other.url() == endpoint.url()).unwrap_or_default();
            let member = Member::new(endpoint.to_string(), place, url.role, rpc);
            member.health().allowance =
                url.requests_per_second.map(|most| Allowance::new(most, Instant::now()));
            match found {
                Ok(()) => up += usize::from(serves),
                Err(error @ ChainError::Unreachable { .. }) => {
                    let mut health = member.health();
                    health.eject(Instant::now());
                    // Until a look at it says that it is not.
                    health.is_other_chain = true;
                    drop(health);
                    down.push((serves, error));
                }
                Err(error) => return Err(error),
            }
            if serves {
                members.push(Arc::new(member));
            }
        }
        if up == 0 {
            let unreachable = down.iter().position(|(serves, _)| *serves);
            match unreachable.map(|place| down.swap_remove(place)) {
                None => return Err(ChainError::NoUrl),
                Some((_, error)) if !options.may_be_away => return Err(error),
                Some(down_too) => down.push(down_too),
            }
        }
        for (_, error) in down {
            warn!(chain = options.chain_id.0, %error, "endpoint is down");
        }
        if members.len() > 1 {
            let well = members.iter().filter(|member| member.health().ejected_until.is_none());
            let same = join_all(well.map(|member| same_genesis(member, &identity))).await;
            same.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(Self {
            members,
            identity: Arc::new(identity),
            timeout: options.request_timeout,
            hedge_after: options.hedge_after,
            freed: Arc::new(Notify::new()),
            probes: Mutex::new(JoinSet::new()),
        })
    }
}

/// Whether `member` needs a look now; it is then marked as being looked at.
pub(super) fn begin(member: &Member, now: Instant) -> bool {
    let mut health = member.health();
    let until = health.ejected_until.or(health.lagging_until);
    let due = !health.probing && !health.is_paused(now) && until.is_some_and(|until| until <= now);
    health.probing |= due;
    due
}

/// Lets `member` back in when it serves the right chain and is not behind `best`.
pub(super) async fn look_at(member: Arc<Member>, identity: Arc<Identity>, best: Option<u64>) {
    let found = is_well(&member, &identity).await;
    let now = Instant::now();
    let mut health = member.health();
    health.probing = false;
    let ejected = health.ejected_until.is_some();
    match found {
        Ok(head) => {
            if ejected {
                info!(endpoint = member.url, "endpoint is back");
                health.readmit();
            }
            health.head = Some(head);
            health.lagging_until = None;
            if best.is_some_and(|best| head.saturating_add(LAG) < best) {
                health.lags(now);
            }
        }
        Err(error) => {
            warn!(endpoint = member.url, %error, "endpoint is still not well");
            // That it is down now does not make it the right one.
            health.is_other_chain |=
                matches!(error, ChainError::WrongChain { .. } | ChainError::OtherGenesis { .. });
            health.eject(now);
        }
    }
}

async fn is_well(member: &Member, identity: &Identity) -> Result<u64, ChainError> {
    same_chain(&member.rpc, &member.url, identity.chain_id).await?;
    same_genesis(member, identity).await?;
    let head = member.rpc.call(Call { method: "eth_blockNumber", params: json!([]) }).await?;
    answers::number(&head)
}

/// The outer error is one of the configuration, the inner one is what the endpoint answers.
async fn looked_at(
    endpoint: &Endpoint,
    options: &EvmOptions,
    budget: &Budget,
) -> Result<(Rpc, Result<(), ChainError>), ChainError> {
    let rpc = Rpc::new(endpoint, options.request_timeout, budget)?;
    let url = endpoint.to_string();
    let found = same_chain(&rpc, &url, options.chain_id).await;
    let found = found.map_err(|error| match error {
        error @ ChainError::WrongChain { .. } => error,
        error => ChainError::Unreachable { url, source: Box::new(error) },
    });
    Ok((rpc, found))
}

async fn same_chain(rpc: &Rpc, url: &str, expected: ChainId) -> Result<(), ChainError> {
    let answer = rpc.call(Call { method: "eth_chainId", params: json!([]) }).await?;
    let found = ChainId(answers::number(&answer)?);
    if found == expected {
        return Ok(());
    }
    Err(ChainError::WrongChain { url: url.to_owned(), expected, found })
}

/// Compares the first block with that of the others; endpoints that do not keep it are not blamed.
async fn same_genesis(member: &Member, identity: &Identity) -> Result<(), ChainError> {
    let call = Call { method: "eth_getBlockByNumber", params: json!(["0x0", false]) };
    let Ok(Some(first)) = answers::header(member.rpc.call(call).await) else {
        return Ok(());
    };
    let found: Hash = first.block.hash;
    let mut genesis = identity.genesis.lock().unwrap_or_else(PoisonError::into_inner);
    let expected = *genesis.get_or_insert(found);
    if expected == found {
        return Ok(());
    }
    Err(ChainError::OtherGenesis { url: member.url.clone(), expected, found })
}

//! Gas fees as they are told, once or after every block.

use capstan_primitives::{ChainId, Finality};
use capstan_proto::quoter as wire;
use chrono::Utc;
use futures::{StreamExt, stream::BoxStream};
use tonic::Status;

use super::{Rpc, convert};
use crate::{
    domain::gas::{DataFee, GasFees, Learnt, Tier},
    error::Error,
};

/// The messages of one stream.
pub(crate) type Fees = BoxStream<'static, Result<wire::StreamGasFeesResponse, Status>>;

/// The fees of now.
pub(super) fn fees(rpc: &Rpc, chain_id: u64) -> Result<wire::GasFees, Error> {
    let chain = rpc.quoter.chain(chain_id)?;
    let learnt = *chain.fees.borrow();
    Ok(told(rpc, chain.live.chain, &learnt.ok_or(Error::GasUnknown(chain.live.chain))?))
}

/// The fees of now, and those after every block.
pub(super) fn stream(rpc: &Rpc, chain_id: u64) -> Result<Fees, Error> {
    let chain = rpc.quoter.chain(chain_id)?;
    let (rpc, id, mut fees) = (rpc.clone(), chain.live.chain, chain.fees.clone());
    let messages = async_stream::stream! {
        loop {
            let learnt = *fees.borrow_and_update();
            if let Some(learnt) = learnt {
                yield Ok(wire::StreamGasFeesResponse { fees: Some(told(&rpc, id, &learnt)) });
            }
            tokio::select! {
                () = rpc.stopping.cancelled() => break,
                changed = fees.changed() => if changed.is_err() { break },
            }
        }
    };
    Ok(messages.boxed())
}

fn told(rpc: &Rpc, chain: ChainId, learnt: &Learnt) -> wire::GasFees {
    let GasFees { block, base_fee, next_base_fee, tiers, data_fee, sampled_blocks } = &learnt.fees;
    let now = chrono::DateTime::<Utc>::from_timestamp_millis(rpc.quoter.now_ms()).unwrap_or_default();
    let age = (now - learnt.at).num_milliseconds();
    wire::GasFees {
        chain_id: chain.0,
        base_fee: base_fee.to_string(),
        next_base_fee: next_base_fee.to_string(),
        slow: Some(tier(&tiers.slow)),
        standard: Some(tier(&tiers.standard)),
        fast: Some(tier(&tiers.fast)),
        l1: l1(data_fee),
        sampled_blocks: *sampled_blocks,
        age_ms: u64::try_from(age).unwrap_or_default(),
        as_of: Some(convert::as_of_block(chain, *block, Finality::Latest)),
    }
}

fn tier(tier: &Tier) -> wire::GasTier {
    let Tier { max_priority_fee, max_fee, expected } = tier;
    wire::GasTier {
        max_priority_fee: max_priority_fee.to_string(),
        max_fee: max_fee.to_string(),
        expected: expected.to_string(),
    }
}

fn l1(data_fee: &DataFee) -> Option<wire::L1Fees> {
    match data_fee {
        DataFee::None => None,
        DataFee::OpStack(prices) => Some(wire::L1Fees {
            kind: wire::RollupKind::OpStack.into(),
            base_fee: prices.l1_base_fee.to_string(),
            blob_base_fee: prices.blob_base_fee.to_string(),
            base_fee_scalar: prices.base_fee_scalar,
            blob_base_fee_scalar: prices.blob_base_fee_scalar,
        }),
        DataFee::Arbitrum(prices) => Some(wire::L1Fees {
            kind: wire::RollupKind::Arbitrum.into(),
            base_fee: prices.l1_base_fee.to_string(),
            blob_base_fee: "0".to_owned(),
            ..wire::L1Fees::default()
        }),
    }
}

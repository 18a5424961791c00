//! `ListUserHistory`: domain → wire.

use capstan_primitives::ChainId;
use capstan_proto::market as wire;

use super::convert::{activity, block};
use crate::{
    domain::gift::{Gift, Side},
    operations::Deed,
    store::Outcome,
};

pub(super) fn told(deed: Deed) -> wire::Activity {
    match deed {
        Deed::Activity(of) => activity(of),
        Deed::Gift(chain, given, outcome) => gift(chain, given, outcome),
    }
}

fn gift(chain: ChainId, gift: Gift, outcome: Option<Outcome>) -> wire::Activity {
    let Gift { side, user, counterparty, asset, amount, block: at, transaction, log_index, item: _ } = gift;
    let kind = match side {
        Side::Received => wire::ActivityKind::TransferIn,
        Side::GivenAway => wire::ActivityKind::TransferOut,
    };
    wire::Activity {
        kind: kind.into(),
        user_address: user.to_string(),
        market_id: outcome.map(|outcome| outcome.market.to_string()),
        chain_id: chain.0,
        condition_id: outcome.map(|outcome| outcome.condition.to_string()).unwrap_or_default(),
        outcome_index: outcome.map(|outcome| outcome.index),
        collateral_amount: "0".to_owned(),
        amount: amount.to_string(),
        fee: "0".to_owned(),
        block: Some(block(at)),
        transaction_hash: transaction.to_string(),
        log_index,
        position_id: Some(asset.token.to_string()),
        counterparty: Some(counterparty.to_string()),
    }
}

//! Registered transactions on the wire ↔ domain types.

use capstan_primitives::Finality;
use capstan_proto::{indexer as wire, primitives};

use super::convert;
use crate::{
    domain::{Fate, Inclusion, TransactionState, WatchedTransaction},
    error::Error,
    operations::ChainView,
};

pub(super) fn transaction(of: &WatchedTransaction, view: &ChainView) -> wire::Transaction {
    let WatchedTransaction { chain_id, id, label, fate, signed, registered_at, changed_at, .. } = of;
    let (included, replaced_by) = match fate {
        Fate::Mined { inclusion, .. } => (Some(inclusion), None),
        Fate::Replaced { by, .. } => (None, by.as_ref()),
        Fate::Unknown | Fate::Pending | Fate::Dropped => (None, None),
    };
    wire::Transaction {
        chain_id: chain_id.0,
        hash: id.to_string(),
        label: label.clone(),
        state: state(fate.state()).into(),
        sender: signed.map(|signed| signed.by.to_string()).unwrap_or_default(),
        nonce: signed.map(|signed| signed.nonce),
        inclusion: included.map(|included| inclusion(included, view)),
        replaced_by: replaced_by.map(ToString::to_string).unwrap_or_default(),
        finality: finality(fate).into(),
        registered_at: Some(convert::millis(*registered_at)),
        changed_at: Some(convert::millis(*changed_at)),
    }
}

fn inclusion(of: &Inclusion, view: &ChainView) -> wire::Inclusion {
    let Inclusion { block, index, success, gas_used, gas_price } = *of;
    // The node may have been ahead of what the view says of it.
    let newest = view.head.into_iter().chain(view.progress.indexed).map(|block| block.number).max();
    let above = newest.map_or(0, |newest| newest.saturating_sub(block.number));
    wire::Inclusion {
        block: Some(convert::block(block)),
        transaction_index: index,
        success,
        gas_used,
        effective_gas_price: gas_price.map(|price| price.to_string()).unwrap_or_default(),
        fee: of.fee().map(|fee| fee.to_string()).unwrap_or_default(),
        confirmations: above.saturating_add(1),
    }
}

fn finality(fate: &Fate) -> primitives::Finality {
    match fate {
        Fate::Mined { is_final, .. } | Fate::Replaced { is_final, .. } => {
            convert::finality(if *is_final { Finality::Finalized } else { Finality::Latest })
        }
        Fate::Unknown | Fate::Pending | Fate::Dropped => primitives::Finality::Unspecified,
    }
}

fn state(of: TransactionState) -> wire::TransactionState {
    match of {
        TransactionState::Unknown => wire::TransactionState::Unknown,
        TransactionState::Pending => wire::TransactionState::Pending,
        TransactionState::Mined => wire::TransactionState::Mined,
        TransactionState::Final => wire::TransactionState::Final,
        TransactionState::Replaced => wire::TransactionState::Replaced,
        TransactionState::Dropped => wire::TransactionState::Dropped,
    }
}

/// The state that a list is wanted of; unspecified: every one.
pub(super) fn state_filter(number: i32) -> Result<Option<TransactionState>, Error> {
    let unknown = |_| Error::Field { field: "state".into(), description: format!("{number} is no state") };
    Ok(match wire::TransactionState::try_from(number).map_err(unknown)? {
        wire::TransactionState::Unspecified => None,
        wire::TransactionState::Unknown => Some(TransactionState::Unknown),
        wire::TransactionState::Pending => Some(TransactionState::Pending),
        wire::TransactionState::Mined => Some(TransactionState::Mined),
        wire::TransactionState::Final => Some(TransactionState::Final),
        wire::TransactionState::Replaced => Some(TransactionState::Replaced),
        wire::TransactionState::Dropped => Some(TransactionState::Dropped),
    })
}

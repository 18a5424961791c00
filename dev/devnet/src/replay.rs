//! Rebuilds a chain from its journal.

use alloy::primitives::{B256, Bytes};
use anyhow::{Result, bail};
use serde_json::Value;

use crate::{
    Deployment,
    chain::Chain,
    journal::{Entry, Header},
};

/// The header and the deployment of a journal that got as far as to describe a usable chain.
pub(crate) fn deployed(entries: &[Entry]) -> Option<(&Header, &Deployment)> {
    let Some(Entry::Header(header)) = entries.first() else { return None };
    entries.iter().find_map(|entry| match entry {
        Entry::Deployed(deployment) => Some((header, deployment.as_ref())),
        _ => None,
    })
}

/// Does everything again, in order, and fails unless the last known block hash comes out the same.
///
/// Transactions are sent one by one: inside a JSON-RPC batch anvil may run them in another order.
pub(crate) async fn replay(chain: &mut Chain, entries: &[Entry]) -> Result<()> {
    let mut last = None;
    for (index, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Call { method, params } => drop(chain.rpc.call::<Value>(method, params.clone()).await?),
            Entry::Block { timestamp, base_fee, transactions } => {
                let transactions = mined_instead(entries, index).unwrap_or(transactions);
                chain.set_base_fee(*base_fee).await?;
                block(chain, *timestamp, transactions).await?;
            }
            Entry::Mined { number, hash, .. } => last = Some((*number, *hash)),
            Entry::Reorg { depth, transactions } => {
                chain.replace(*depth, transactions).await?;
                // The kill may have come before the new tip was noted, and the old one is gone.
                last = None;
            }
            Entry::Header(_) | Entry::Deployed(_) => {}
        }
    }
    chain.refresh().await?;
    verify(chain, last).await
}

/// What the block at `index` really held, where that differs from what was announced.
fn mined_instead(entries: &[Entry], index: usize) -> Option<&Vec<Bytes>> {
    match entries.get(index + 1) {
        Some(Entry::Mined { transactions, .. }) => transactions.as_ref(),
        _ => None,
    }
}

async fn block(chain: &mut Chain, timestamp: u64, transactions: &[Bytes]) -> Result<()> {
    for raw in transactions {
        // A transaction that was refused the first time is refused again; the hash check tells whether it mattered.
        let _ = chain.submit(raw).await;
    }
    chain.seal(timestamp).await
}

/// A block hash covers all blocks before it, so the last one speaks for the chain.
async fn verify(chain: &Chain, last: Option<(u64, B256)>) -> Result<()> {
    let Some((number, expected)) = last else { return Ok(()) };
    let found = chain.hash_at(number).await?;
    if found != Some(expected) {
        bail!(
            "the journal does not give the same chain again: block {number} was {expected}, now {found:?}; \
             was it written with another version of anvil? Remove the state folder to start afresh"
        );
    }
    Ok(())
}

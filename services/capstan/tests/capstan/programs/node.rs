//! The node that programs send their calls to, and what became of those.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, Bytes},
    providers::{DynProvider, Provider},
    sol_types::SolCall,
};
use serde_json::json;

use super::calls::GAS;
use crate::house::House;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Approve,
    Prepare,
    Create,
    Split,
    Merge,
    Transfer,
    Gift,
    Buy,
    Sell,
    Fund,
    Unfund,
    Fees,
    Shares,
    Resolve,
    Redeem,
}

/// A transaction to be sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) kind: Kind,
    from: Address,
    to: Address,
    input: Bytes,
}

impl Call {
    pub(super) fn new(kind: Kind, from: Address, to: Address, call: &impl SolCall) -> Self {
        Self { kind, from, to, input: call.abi_encode().into() }
    }
}

/// Sends transactions in the order in which they are mined.
pub(super) struct Node {
    provider: DynProvider,
    nonces: BTreeMap<Address, u64>,
    waiting: BTreeMap<B256, Kind>,
    /// How many calls of each kind were made, and how many reverted.
    pub(super) done: BTreeMap<Kind, [usize; 2]>,
    /// Calls that make pools pay fees by a bare transfer.
    pub(super) bare_fees: BTreeSet<B256>,
}

impl Node {
    pub(super) async fn of(house: &House) -> Self {
        let provider = house.provider();
        let mut nonces = BTreeMap::new();
        for account in &house.devnet.deployment().accounts {
            let nonce = provider.get_transaction_count(account.address).await.unwrap();
            nonces.insert(account.address, nonce);
        }
        let (waiting, done, bare_fees) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { provider, nonces, waiting, done, bare_fees }
    }

    /// anvil knows the keys of the accounts.
    pub(super) async fn send(&mut self, call: Call) {
        let Call { kind, from, to, input } = call;
        let nonce = self.nonces.get_mut(&from).unwrap();
        let transaction = json!([{
            "from": from, "to": to, "data": input,
            "nonce": format!("{nonce:#x}"), "gas": format!("{GAS:#x}"),
            "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x3b9aca00",
        }]);
        *nonce += 1;
        let hash: B256 = self.provider.raw_request("eth_sendTransaction".into(), transaction).await.unwrap();
        self.waiting.insert(hash, kind);
        if matches!(kind, Kind::Fees | Kind::Shares) {
            self.bare_fees.insert(hash);
        }
    }

    /// Mines what was sent, in as many blocks as that takes.
    pub(super) async fn mine(&mut self, house: &mut House) {
        while !self.waiting.is_empty() {
            house.devnet.mine_empty(1).await.unwrap();
            let receipts = self.provider.get_block_receipts(BlockId::latest()).await.unwrap().unwrap();
            assert!(!receipts.is_empty(), "these are never mined: {:?}", self.waiting);
            for receipt in receipts {
                let Some(kind) = self.waiting.remove(&receipt.transaction_hash) else { continue };
                self.done.entry(kind).or_default()[usize::from(!receipt.status())] += 1;
            }
        }
    }
}

//! The workload: an anvil with blocks full of ERC-20 transfers whose values are 1, 2, 3 and so on.

use alloy::{
    primitives::{Address, U64, U256},
    sol,
    sol_types::SolCall,
};
use anyhow::{Context, Result, ensure};
use capstan_devnet::{Anvil, Artifacts, Rpc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::options::{LOGS_A_BLOCK, Options};

pub(crate) const CHAIN_ID: u64 = 13371;
/// 2026-01-01T00:00:00Z; fixed, so that every invocation has the same blocks.
const GENESIS_TIME: u64 = 1_767_225_600;
const BLOCK_SECONDS: u64 = 12;
const GAS: u64 = 30_000_000;

sol! {
    function emitTransfers(uint256 first, uint256 count) external;
}

/// A node with the emitting contract.
pub(crate) struct Node {
    anvil: Anvil,
    rpc: Rpc,
    account: Address,
    emitter: Address,
    /// Height of the newest block.
    height: u64,
    transfers: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    contract_address: Option<Address>,
    logs: Vec<Value>,
}

impl Node {
    /// A new chain with the contract in block 1.
    pub(crate) async fn start() -> Result<Self> {
        let numbers = format!("--chain-id={CHAIN_ID} --timestamp={GENESIS_TIME} --gas-limit={}", 2 * GAS);
        let mut arguments: Vec<&str> = numbers.split(' ').collect();
        // States are neither asked for nor kept, so that nothing is written to disk; logs stay.
        arguments.extend(["--no-mining", "--hardfork=prague", "--accounts=1", "--prune-history"]);
        let anvil = Anvil::start(&Options::dev_dir(), 0, &arguments).await?;
        let rpc = Rpc::new(format!("http://{}", anvil.address()))?;
        let accounts: Vec<Address> = rpc.call("eth_accounts", json!([])).await?;
        let account = *accounts.first().context("anvil has no account")?;
        let mut node = Self { anvil, rpc, account, emitter: Address::ZERO, height: 0, transfers: 0 };
        let code = Artifacts::new(&Options::dev_dir()).own("TransferEmitter", &[])?;
        let receipt = node.mine(json!({ "from": account, "gas": U64::from(GAS), "data": code })).await?;
        node.emitter = receipt.contract_address.context("the contract was not deployed")?;
        Ok(node)
    }

    /// Mines blocks of [`LOGS_A_BLOCK`] transfers each.
    pub(crate) async fn extend(&mut self, blocks: u64) -> Result<()> {
        for _ in 0..blocks {
            let first = U256::from(self.transfers + 1);
            let input = emitTransfersCall { first, count: U256::from(LOGS_A_BLOCK) }.abi_encode();
            let call = json!({ "from": self.account, "to": self.emitter, "gas": U64::from(GAS), "data": alloy::hex::encode_prefixed(input) });
            let receipt = self.mine(call).await?;
            ensure!(receipt.logs.len() as u64 == LOGS_A_BLOCK, "block {} lacks logs", self.height);
            self.transfers += LOGS_A_BLOCK;
        }
        Ok(())
    }

    async fn mine(&mut self, transaction: Value) -> Result<Receipt> {
        self.height += 1;
        let time = GENESIS_TIME + self.height * BLOCK_SECONDS;
        let hash: Value = self.rpc.call("eth_sendTransaction", json!([transaction])).await?;
        self.rpc.call::<Value>("evm_mine", json!([{ "timestamp": time }])).await?;
        self.rpc.call("eth_getTransactionReceipt", json!([hash])).await
    }

    pub(crate) fn http_url(&self) -> String {
        format!("http://{}", self.anvil.address())
    }

    pub(crate) fn ws_url(&self) -> String {
        format!("ws://{}", self.anvil.address())
    }

    /// Address of the emitting contract.
    pub(crate) fn emitter(&self) -> Address {
        self.emitter
    }

    /// Height of the newest block.
    pub(crate) fn height(&self) -> u64 {
        self.height
    }

    /// Transfers on the chain; their values are 1 to this number.
    pub(crate) fn transfers(&self) -> u64 {
        self.transfers
    }

    /// Sum of the values of all transfers.
    pub(crate) fn sum(&self) -> u64 {
        self.transfers * (self.transfers + 1) / 2
    }
}

//! The only place that changes the chain: every block, reorg and cheat goes through here and into the journal.

use alloy::primitives::{B256, Bytes, U64, keccak256};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::warn;

use crate::{
    journal::{Entry, Journal},
    prices,
    rpc::{Request, Rpc},
    wallet::{Send, Wallet},
};

/// A block that was mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Height.
    pub number: u64,
    /// Block hash.
    pub hash: B256,
    /// Transactions in the block, those of others included.
    pub transactions: usize,
    /// How many of them reverted, or were ours and refused by the node.
    pub failed: usize,
}

/// The newest block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) timestamp: u64,
}

#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) rpc: Rpc,
    pub(crate) wallet: Wallet,
    journal: Option<Journal>,
    tip: Tip,
    seed: u64,
}

#[derive(Deserialize)]
struct Header {
    number: U64,
    hash: B256,
    timestamp: U64,
    transactions: Vec<B256>,
}

#[derive(Deserialize)]
struct Pending {
    transactions: Vec<B256>,
}

#[derive(Deserialize)]
struct PoolStatus {
    pending: U64,
}

#[derive(Deserialize)]
struct Receipt {
    status: U64,
}

impl Chain {
    pub(crate) async fn new(rpc: Rpc, wallet: Wallet, journal: Option<Journal>, seed: u64) -> Result<Self> {
        let tip = tip(&header(&rpc).await?);
        Ok(Self { rpc, wallet, journal, tip, seed })
    }

    pub(crate) fn tip(&self) -> Tip {
        self.tip
    }

    pub(crate) fn record(&mut self, entry: &Entry) -> Result<()> {
        self.journal.as_mut().map_or(Ok(()), |journal| journal.append(entry))
    }

    /// A call that changes state outside of blocks.
    pub(crate) async fn cheat(&mut self, method: &str, params: Value) -> Result<()> {
        self.record(&Entry::Call { method: method.to_owned(), params: params.clone() })?;
        self.rpc.call::<Value>(method, params).await.map(drop)
    }

    /// Mines one block out of what waits in the pool and then `sends`, in this order.
    pub(crate) async fn mine(&mut self, timestamp: u64, sends: &[Send]) -> Result<Block> {
        self.adopt_foreign_blocks().await?;
        let base_fee = prices::base_fee(self.seed, self.tip.number + 1);
        self.set_base_fee(base_fee).await?;
        let mut ours = Vec::with_capacity(sends.len());
        for raw in self.sign(sends).await? {
            match self.submit(&raw).await {
                Ok(_) => ours.push(raw),
                Err(error) => warn!(error = format!("{error:#}"), "transaction refused"),
            }
        }
        let refused = sends.len() - ours.len();
        let announced = self.with_those_of_others(ours).await?;
        self.record(&Entry::Block { timestamp, base_fee, transactions: announced.clone() })?;
        self.seal(timestamp).await?;
        let header = header(&self.rpc).await?;
        self.record_mined(&header, &announced).await?;
        self.tip = tip(&header);
        let failed = refused + self.reverted().await?;
        Ok(Block {
            number: self.tip.number,
            hash: self.tip.hash,
            transactions: header.transactions.len(),
            failed,
        })
    }

    /// Replaces the last `depth` blocks. Their transactions are gone, or are mined again, each one block later.
    pub(crate) async fn reorg(&mut self, depth: u64, keep: bool) -> Result<()> {
        self.adopt_foreign_blocks().await?;
        if depth >= self.tip.number {
            bail!("cannot reorg {depth} blocks of a chain of {}", self.tip.number);
        }
        let transactions = if keep { self.postponed(depth).await? } else { Vec::new() };
        self.record(&Entry::Reorg { depth, transactions: transactions.clone() })?;
        self.replace(depth, &transactions).await?;
        self.tip = tip(&header(&self.rpc).await?);
        let Tip { number, hash, .. } = self.tip;
        self.record(&Entry::Mined { number, hash, transactions: None })
    }

    pub(crate) async fn submit(&self, raw: &Bytes) -> Result<B256> {
        self.rpc.call("eth_sendRawTransaction", json!([raw])).await
    }

    pub(crate) async fn set_base_fee(&self, wei: u64) -> Result<()> {
        self.rpc.call::<Value>("anvil_setNextBlockBaseFeePerGas", json!([U64::from(wei)])).await.map(drop)
    }

    /// Mines whatever is in the pool; no journal entry.
    pub(crate) async fn seal(&self, timestamp: u64) -> Result<()> {
        self.rpc.call::<Value>("evm_mine", json!([{ "timestamp": timestamp }])).await.map(drop)
    }

    /// Has anvil replace blocks; no journal entry. By itself anvil would date the new blocks by the wall clock, so
    /// that a replay that crosses a second gives other hashes.
    pub(crate) async fn replace(&self, depth: u64, transactions: &[(Bytes, u64)]) -> Result<()> {
        self.rpc.call::<Value>("anvil_setBlockTimestampInterval", json!([1])).await?;
        let replaced = self.rpc.call::<Value>("anvil_reorg", json!([depth, transactions])).await;
        self.rpc.call::<Value>("anvil_removeBlockTimestampInterval", json!([])).await?;
        replaced.map(drop)
    }

    /// Reads the tip again after a replay.
    pub(crate) async fn refresh(&mut self) -> Result<()> {
        self.tip = tip(&header(&self.rpc).await?);
        Ok(())
    }

    /// Hash of the block at `number`.
    pub(crate) async fn hash_at(&self, number: u64) -> Result<Option<B256>> {
        let block: Option<Header> =
            self.rpc.call("eth_getBlockByNumber", json!([U64::from(number), false])).await?;
        Ok(block.map(|block| block.hash))
    }

    /// A test may mine or reorg by itself through the URL; only a journalled chain cannot allow that.
    async fn adopt_foreign_blocks(&mut self) -> Result<()> {
        let now = tip(&header(&self.rpc).await?);
        if now != self.tip && self.journal.is_some() {
            bail!("block {} was not mined by this devnet: its journal cannot be kept", now.number);
        }
        self.tip = now;
        Ok(())
    }

    async fn sign(&self, sends: &[Send]) -> Result<Vec<Bytes>> {
        let mut nonces = self.nonces(sends).await?;
        let mut signed = Vec::with_capacity(sends.len());
        for send in sends {
            let nonce = nonces.get_mut(send.from).with_context(|| format!("no account {}", send.from))?;
            signed.push(self.wallet.sign(send, *nonce)?);
            *nonce += 1;
        }
        Ok(signed)
    }

    /// The next nonce of every account, what waits in the pool included; read again for each block, because reorgs and
    /// other users of the same keys move them.
    async fn nonces(&self, sends: &[Send]) -> Result<Vec<u64>> {
        if sends.is_empty() {
            return Ok(Vec::new());
        }
        let requests: Vec<Request> = self
            .wallet
            .signers()
            .iter()
            .map(|signer| ("eth_getTransactionCount", json!([signer.address(), "pending"])))
            .collect();
        let answers = self.rpc.batch(&requests).await?;
        answers.into_iter().map(|answer| Ok(serde_json::from_value::<U64>(answer?)?.to())).collect()
    }

    /// What the next block will hold, in its order: ours, and what others have sent to the node.
    async fn with_those_of_others(&self, ours: Vec<Bytes>) -> Result<Vec<Bytes>> {
        let pool: PoolStatus = self.rpc.call("txpool_status", json!([])).await?;
        if pool.pending == U64::from(ours.len()) {
            return Ok(ours);
        }
        // Only the pending block knows the order.
        let pending: Pending = self.rpc.call("eth_getBlockByNumber", json!(["pending", false])).await?;
        let hashes: Vec<Value> = pending.transactions.iter().map(|hash| json!(hash)).collect();
        self.raw(&hashes).await
    }

    async fn raw(&self, hashes: &[Value]) -> Result<Vec<Bytes>> {
        let requests: Vec<Request> =
            hashes.iter().map(|hash| ("eth_getRawTransactionByHash", json!([hash]))).collect();
        let answers = self.rpc.batch(&requests).await?;
        answers.into_iter().map(|answer| Ok(serde_json::from_value(answer?)?)).collect()
    }

    /// The transactions of the last `depth` blocks, each with the index of the block after its own (the last stays).
    async fn postponed(&self, depth: u64) -> Result<Vec<(Bytes, u64)>> {
        let mut transactions = Vec::new();
        for index in 0..depth {
            let number = U64::from(self.tip.number + 1 - depth + index);
            let block: Header = self.rpc.call("eth_getBlockByNumber", json!([number, false])).await?;
            let hashes: Vec<Value> = block.transactions.iter().map(|hash| json!(hash)).collect();
            let later = (index + 1).min(depth - 1);
            transactions.extend(self.raw(&hashes).await?.into_iter().map(|raw| (raw, later)));
        }
        Ok(transactions)
    }

    async fn record_mined(&mut self, header: &Header, announced: &[Bytes]) -> Result<()> {
        if self.journal.is_none() {
            return Ok(());
        }
        let as_announced =
            header.transactions.iter().eq(announced.iter().map(keccak256).collect::<Vec<_>>().iter());
        let transactions = if as_announced {
            None
        } else {
            let hashes: Vec<Value> = header.transactions.iter().map(|hash| json!(hash)).collect();
            Some(self.raw(&hashes).await?)
        };
        self.record(&Entry::Mined { number: header.number.to(), hash: header.hash, transactions })
    }

    async fn reverted(&self) -> Result<usize> {
        let receipts: Vec<Receipt> =
            self.rpc.call("eth_getBlockReceipts", json!([U64::from(self.tip.number)])).await?;
        Ok(receipts.iter().filter(|receipt| receipt.status.is_zero()).count())
    }
}

async fn header(rpc: &Rpc) -> Result<Header> {
    rpc.call("eth_getBlockByNumber", json!(["latest", false])).await
}

fn tip(header: &Header) -> Tip {
    Tip { number: header.number.to(), hash: header.hash, timestamp: header.timestamp.to() }
}

//! The transactions of blocks in a row, and the receipts of a block.

use std::{ops::RangeInclusive, sync::Arc};

use capstan_primitives::Hash;
use serde_json::json;

use crate::{
    BlockTransactions, ChainError, Evm, Header, History, Receipt, Transaction, Verification, answers,
    calls::{at_height, inconsistent, quantity},
    evidence::FullHeader,
    refusals,
    rpc::{Answer, Call, Rpc},
    wire::WireHeader,
};

/// Blocks that are asked for in one request.
const BLOCKS: usize = 20;

/// Some transactions of blocks in a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bodies {
    /// Every block that has some, with these, both in the order of the chain.
    pub blocks: Vec<(Header, Vec<Transaction>)>,
    /// Size of the answers in bytes of JSON.
    pub bytes: usize,
}

/// Some transactions of the blocks of one answer.
pub(crate) struct Linked {
    bodies: Bodies,
    /// Hash of the last block.
    last: Hash,
    /// Whether the headers prove all transactions of all blocks.
    pub(crate) is_proved: bool,
}

impl Linked {
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.last == other.last && self.bodies.blocks == other.bodies.blocks
    }
}

impl Evm {
    /// The transactions that are `wanted`, of the blocks from the first to the second of `ends`: each
    /// block must be the parent of the next. With [`History::Agreed`] two endpoints tell them alike; with
    /// checks they are proved as by [`Evm::block_transactions`].
    ///
    /// # Errors
    /// [`ChainError::BehindRequest`] when a block is missing, [`ChainError::TooLarge`] when an answer
    /// is, and [`ChainError::Inconsistent`] when the blocks do not join, or their transactions are not
    /// those of their headers.
    pub async fn transactions_between(
        &self,
        ends: (Header, Header),
        history: History,
        wanted: &(impl Fn(&Transaction) -> bool + Sync),
    ) -> Result<Bodies, ChainError> {
        self.learn_headers().await;
        let (from, to) = (ends.0.block.number, ends.1.block.number);
        let mut bodies = Bodies::default();
        let mut parent = ends.0.parent_hash;
        for first in (from..=to).step_by(BLOCKS) {
            let numbers = first..=to.min(first.saturating_add(BLOCKS as u64).saturating_sub(1));
            let some = match history {
                History::Agreed => Box::pin(self.agreed_bodies(numbers, parent, wanted)).await?,
                History::Checked(check) => {
                    let how = (check != Verification::Off, wanted);
                    let question = async |rpc: Arc<Rpc>| self.told_bodies(&rpc, &numbers, parent, how).await;
                    self.pool.ask("eth_getBlockByNumber", question).await?
                }
            };
            bodies.blocks.extend(some.bodies.blocks);
            bodies.bytes = bodies.bytes.saturating_add(some.bodies.bytes);
            parent = some.last;
        }
        if parent == ends.1.block.hash {
            return Ok(bodies);
        }
        Err(inconsistent(format!("block {to} changed between two answers")))
    }

    /// What is wanted of blocks on top of `parent`, as one endpoint tells it.
    pub(crate) async fn told_bodies(
        &self,
        rpc: &Rpc,
        numbers: &RangeInclusive<u64>,
        mut parent: Hash,
        (verify, wanted): (bool, &(impl Fn(&Transaction) -> bool + Sync)),
    ) -> Result<Linked, ChainError> {
        let answers = bodies_of(rpc, numbers.clone()).await?;
        let (mut bodies, mut is_proved) = (Bodies::default(), true);
        for (answer, number) in answers.into_iter().zip(numbers.clone()) {
            // To see who signed takes long, and others have deadlines.
            tokio::task::yield_now().await;
            let answer = answer.and_then(|answer| self.body(&answer, verify).map(|body| (body, answer)));
            let (body, answer) = answer
                .map_err(|error| if refusals::is_block_not_seen(&error) { behind(number) } else { error })?;
            let (header, transactions) = body.ok_or_else(|| behind(number))?;
            at_height(header, number)?;
            if header.parent_hash != parent {
                return Err(inconsistent(format!("block {number} is not on top of {parent}")));
            }
            parent = header.block.hash;
            is_proved &= transactions.is_proved;
            bodies.bytes = bodies.bytes.saturating_add(answer.json.as_str().len());
            let wanted: Vec<_> = transactions.transactions.into_iter().filter(|one| wanted(one)).collect();
            bodies.blocks.extend((!wanted.is_empty()).then_some((header, wanted)));
        }
        Ok(Linked { bodies, last: parent, is_proved })
    }

    /// A block with its transactions, which are proved if `verify` and the chain's format allows it;
    /// nothing when the node has no such block.
    pub(crate) fn body(
        &self,
        answer: &Answer,
        verify: bool,
    ) -> Result<Option<(Header, BlockTransactions)>, ChainError> {
        let Some(header) = answers::read::<Option<WireHeader>>(answer)? else { return Ok(None) };
        let header = FullHeader::of(header, answer);
        let is_bound = self.formats.proves(&header)? && verify;
        let transactions = BlockTransactions::read(&header, answer, is_bound)?;
        Ok(Some((header.header, transactions)))
    }

    /// The receipts of the block of this hash, in order, proved by the root in its header but for the
    /// price of gas, and without the contracts that were made; nothing when those of this chain cannot be
    /// checked.
    ///
    /// # Errors
    /// As [`Evm::block_logs`].
    pub async fn block_receipts(&self, hash: Hash) -> Result<Option<Vec<Receipt>>, ChainError> {
        self.receipts_of(hash).await?.map(crate::evidence::ProvedReceipts::into_receipts).transpose()
    }
}

async fn bodies_of(
    rpc: &Rpc,
    numbers: RangeInclusive<u64>,
) -> Result<Vec<Result<Answer, ChainError>>, ChainError> {
    let call = |number| Call { method: "eth_getBlockByNumber", params: json!([quantity(number), true]) };
    rpc.batch_of(numbers.map(call).collect()).await
}

fn behind(number: u64) -> ChainError {
    ChainError::BehindRequest { number }
}

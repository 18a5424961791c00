//! What transactions do to the accounts that are followed. They are no logs, so that a node is asked for
//! whole blocks, and for the receipts of those that concern an account.

use capstan_chain::{ChainError, Header, History, Log, Receipt, Transaction, Verification};

use super::Node;
use crate::{
    domain::{
        Followed, Pattern,
        native::{self, Native},
    },
    error::Error,
};

impl Node {
    /// The logs that stand for transactions of the accounts in one block.
    pub(super) async fn of_accounts(&self, header: Header, followed: &Followed) -> Result<Vec<Log>, Error> {
        let patterns = patterns(followed, header.block.number);
        if patterns.is_empty() {
            return Ok(Vec::new());
        }
        let body = self.evm.block_transactions(header.block.hash).await?;
        let wanted = body.transactions.into_iter().filter(|one| concern(&patterns, one)).collect();
        self.logs_of(header, wanted, &patterns, History::Checked(self.checks.blocks)).await
    }

    /// The same for the blocks from the first to the second of `ends`, with the size of the answers.
    pub(super) async fn of_accounts_between(
        &self,
        ends: (Header, Header),
        followed: &Followed,
        history: History,
    ) -> Result<(Vec<Log>, u64), Error> {
        let patterns = patterns(followed, ends.1.block.number);
        if patterns.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let wanted = |one: &Transaction| concern(&patterns, one);
        let bodies = self.evm.transactions_between(ends, history, &wanted).await?;
        let mut logs = Vec::new();
        for (header, transactions) in bodies.blocks {
            logs.extend(self.logs_of(header, transactions, &patterns, history).await?);
        }
        Ok((logs, u64::try_from(bodies.bytes).unwrap_or(u64::MAX)))
    }

    async fn logs_of(
        &self,
        header: Header,
        transactions: Vec<Transaction>,
        patterns: &[&Pattern],
        history: History,
    ) -> Result<Vec<Log>, Error> {
        let receipts = self.receipts(header, &transactions, history).await?;
        let of_one = |(one, receipt)| native::logs_of(&header, one, receipt);
        let logs = transactions.iter().zip(&receipts).flat_map(of_one);
        let takes = |log: &Log| {
            patterns.iter().any(|pattern| pattern.takes(&log.address, log.block_number, &log.topics))
        };
        Ok(logs.filter(takes).collect())
    }

    /// The receipts of some transactions of a block, in their order: proved where that is wanted, or endpoints
    /// are to agree, and the chain's format allows it.
    async fn receipts(
        &self,
        header: Header,
        transactions: &[Transaction],
        history: History,
    ) -> Result<Vec<Receipt>, Error> {
        let hash = header.block.hash;
        if transactions.is_empty() {
            return Ok(Vec::new());
        }
        if matches!(history, History::Agreed | History::Checked(Verification::Receipts))
            && let Some(proved) = self.evm.block_receipts(hash).await?
        {
            let of = |one: &Transaction| proved.iter().find(|receipt| receipt.id == one.id).cloned();
            let found: Option<Vec<Receipt>> = transactions.iter().map(of).collect();
            let reason = || format!("the transactions of block {hash} are not those of its receipts");
            return found.ok_or_else(|| ChainError::Inconsistent { reason: reason() }.into());
        }
        let mut receipts = Vec::with_capacity(transactions.len());
        for one in transactions {
            let receipt = match history {
                History::Agreed => Box::pin(self.evm.agreed_receipt(&one.id, header.block.number)).await?,
                History::Checked(_) => self.evm.receipt(&one.id).await?,
            };
            let receipt = receipt.filter(|receipt| receipt.place.block_hash == hash);
            receipts.push(receipt.ok_or(ChainError::UnknownBlock { hash })?);
        }
        Ok(receipts)
    }
}

/// Those of accounts that have begun at block `last`.
fn patterns(followed: &Followed, last: u64) -> Vec<&Pattern> {
    let is_of_accounts = |pattern: &&Pattern| matches!(pattern.native, Some(Native::Accounts(_)));
    let has_begun = |pattern: &&Pattern| pattern.contract.start_block <= last;
    followed.patterns.iter().filter(is_of_accounts).filter(has_begun).collect()
}

fn concern(patterns: &[&Pattern], transaction: &Transaction) -> bool {
    let concerns = |pattern: &&Pattern| match &pattern.native {
        Some(Native::Accounts(accounts)) => accounts.concern(transaction),
        _ => false,
    };
    patterns.iter().any(concerns)
}

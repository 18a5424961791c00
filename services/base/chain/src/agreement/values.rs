//! Headers, blocks and receipts as two endpoints tell them alike.

use std::{ops::RangeInclusive, sync::Arc};

use capstan_primitives::{Hash, TransactionId};
use futures::future::try_join;

use super::is_of_size;
use crate::{
    ChainError, Evm, Header, Receipt, Transaction, Verification,
    bodies::Linked,
    calls::{by_number, quantity},
    history::header_at,
    pool::Said,
    rpc::Rpc,
};

/// A question about a block, and when two answers to it are alike.
pub(super) struct Matter<Q, S> {
    pub(super) method: &'static str,
    /// First block that it is about.
    pub(super) block: u64,
    pub(super) question: Q,
    pub(super) same: S,
}

/// What two endpoints say.
pub(super) enum Both<T> {
    Alike(T),
    Otherwise(Said<T>, Said<T>),
}

impl Evm {
    /// The headers of the first and the last block of a range, as two endpoints tell them alike; as one
    /// does where no other can and their hashes can be recomputed.
    ///
    /// # Errors
    /// As [`Evm::agreed_range`].
    pub async fn agreed_ends(&self, from: u64, to: u64) -> Result<(Header, Header), ChainError> {
        let question = async |rpc: Arc<Rpc>| {
            let [first, last] = rpc.batch([from, to].map(|number| by_number(quantity(number)))).await?;
            let (first, last) = (header_at(first, from)?, header_at(last, to)?);
            self.formats.proves(&first)?;
            self.formats.proves(&last)?;
            Ok((first.header, last.header))
        };
        let same = |one: &(Header, Header), other: &(Header, Header)| one == other;
        match self.agreed(Matter { method: "eth_getBlockByNumber", block: from, question, same }).await {
            Err(ChainError::NoWitness { .. }) if self.verification() >= Verification::Bloom => {
                let one =
                    async |number| self.header(number).await?.ok_or(ChainError::BehindRequest { number });
                try_join(one(from), one(to)).await
            }
            agreed => agreed,
        }
    }

    /// What became of a transaction of this block, as two endpoints tell it alike, but for the price of
    /// gas where only one tells it.
    ///
    /// # Errors
    /// As [`Evm::agreed_range`].
    pub async fn agreed_receipt(
        &self,
        id: &TransactionId,
        block: u64,
    ) -> Result<Option<Receipt>, ChainError> {
        let question = async |rpc: Arc<Rpc>| self.told_receipt(&rpc, id).await;
        let same = |one: &Option<Receipt>, other: &Option<Receipt>| match (one, other) {
            (Some(one), Some(other)) => is_same_receipt(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.agreed(Matter { method: "eth_getTransactionReceipt", block, question, same }).await
    }

    /// What is wanted of blocks in a row, as two endpoints tell it alike, or as the roots in the headers
    /// prove it.
    pub(crate) async fn agreed_bodies(
        &self,
        numbers: RangeInclusive<u64>,
        parent: Hash,
        wanted: &(impl Fn(&Transaction) -> bool + Sync),
    ) -> Result<Linked, ChainError> {
        let (from, to) = (*numbers.start(), *numbers.end());
        let question = async |rpc: Arc<Rpc>| self.told_bodies(&rpc, &numbers, parent, (false, wanted)).await;
        let same = |one: &Linked, other: &Linked| one.says_the_same(other);
        let matter = Matter { method: "eth_getBlockByNumber", block: from, question, same };
        let (one, other) = match self.both(&matter).await {
            Ok(Both::Alike(linked)) => return Ok(linked),
            Ok(Both::Otherwise(one, other)) => (one, other),
            Err(error) if from < to && is_of_size(&error) => return Err(error),
            Err(why) => {
                self.is_alone(&why);
                let proved = self.proved_bodies(&numbers, parent, wanted).await?;
                return proved.ok_or_else(|| ChainError::NoWitness { from, to, why: Box::new(why) });
            }
        };
        let Some(proved) = self.proved_bodies(&numbers, parent, wanted).await? else {
            return self.majority(&matter, one, other).await;
        };
        for said in [one, other] {
            if !said.what.says_the_same(&proved) {
                self.pool.lied(&said.rpc);
            }
        }
        Ok(proved)
    }

    /// The same by the roots in the headers, as one endpoint tells it; nothing when these prove nothing.
    async fn proved_bodies(
        &self,
        numbers: &RangeInclusive<u64>,
        parent: Hash,
        wanted: &(impl Fn(&Transaction) -> bool + Sync),
    ) -> Result<Option<Linked>, ChainError> {
        if self.verification() == Verification::Off {
            return Ok(None);
        }
        let question = async |rpc: Arc<Rpc>| self.told_bodies(&rpc, numbers, parent, (true, wanted)).await;
        let linked = self.pool.ask("eth_getBlockByNumber", question).await?;
        Ok(Some(linked).filter(|linked| linked.is_proved))
    }

    /// What two endpoints say alike, or two of three.
    async fn agreed<T, F, Q, S>(&self, matter: Matter<Q, S>) -> Result<T, ChainError>
    where
        Q: Fn(Arc<Rpc>) -> F,
        F: Future<Output = Result<T, ChainError>>,
        S: Fn(&T, &T) -> bool,
    {
        match self.both(&matter).await {
            Ok(Both::Alike(what)) => Ok(what),
            Ok(Both::Otherwise(one, other)) => self.majority(&matter, one, other).await,
            Err(why) => {
                self.is_alone(&why);
                Err(ChainError::NoWitness { from: matter.block, to: matter.block, why: Box::new(why) })
            }
        }
    }

    pub(super) async fn both<T, F, Q, S>(&self, matter: &Matter<Q, S>) -> Result<Both<T>, ChainError>
    where
        Q: Fn(Arc<Rpc>) -> F,
        F: Future<Output = Result<T, ChainError>>,
        S: Fn(&T, &T) -> bool,
    {
        let (one, other) = self.pool.ask_two(matter.method, &matter.question, &matter.question).await?;
        self.is_witnessed();
        if (matter.same)(&one.what, &other.what) {
            return Ok(Both::Alike(one.what));
        }
        self.disagree(&one, &other, matter.block);
        Ok(Both::Otherwise(one, other))
    }

    /// What two of three endpoints say; who says something else has lied.
    pub(super) async fn majority<T, F, Q, S>(
        &self,
        matter: &Matter<Q, S>,
        one: Said<T>,
        other: Said<T>,
    ) -> Result<T, ChainError>
    where
        Q: Fn(Arc<Rpc>) -> F,
        F: Future<Output = Result<T, ChainError>>,
        S: Fn(&T, &T) -> bool,
    {
        let third = self.pool.ask_third([&one.rpc, &other.rpc], matter.method, &matter.question).await;
        if let Some(third) = third {
            for (said, beside) in [(&one, &other), (&other, &one)] {
                if (matter.same)(&third.what, &said.what) {
                    self.pool.lied(&beside.rpc);
                    return Ok(third.what);
                }
            }
        }
        Err(self.undecided(&one, &other, matter.block))
    }
}

/// Compares all but the price of gas where only one tells it.
fn is_same_receipt(one: &Receipt, other: &Receipt) -> bool {
    let prices = one.effective_gas_price.zip(other.effective_gas_price);
    let price = other.effective_gas_price;
    prices.is_none_or(|(one, other)| one == other)
        && Receipt { effective_gas_price: price, ..one.clone() } == *other
}

//! What operators look at and do.

use std::sync::PoisonError;

use capstan_primitives::{Address, ChainId};
use tokio::sync::oneshot;

use super::{EventLog, Ingest};
use crate::{
    domain::{Contract, Contracts, Description, Quarantined, Undo, place},
    error::Error,
};

/// What the worker of a chain is asked to do between two steps.
#[derive(Debug)]
pub enum Command {
    /// Take back what stands above a block.
    Reset {
        /// The block.
        block: u64,
        /// Where the outcome goes.
        answer: Answer<Undo>,
    },
    /// Follow one more contract.
    Add {
        /// Its address.
        address: Address,
        /// How its logs are read.
        of: Description,
        /// Where the outcome goes.
        answer: Answer<Contract>,
    },
    /// Follow a contract no longer.
    Remove {
        /// Its address.
        address: Address,
        /// Where the outcome goes.
        answer: Answer<()>,
    },
    /// Follow the contracts of another configuration.
    Configure(Contracts),
}

/// Where the outcome of a command goes. Whoever asked may have gone; what was done stays done.
pub type Answer<T> = oneshot::Sender<Result<T, Error>>;

impl Command {
    /// Carries it out. Whether the log moved.
    pub async fn obey(self, ingest: &mut Ingest) -> bool {
        match self {
            Self::Reset { block, answer } => {
                let outcome = ingest.reset(block).await;
                let moved = outcome.is_ok();
                drop(answer.send(outcome));
                return moved;
            }
            Self::Add { address, of, answer } => {
                drop(answer.send(ingest.add_contract(address, &of).await));
            }
            Self::Remove { address, answer } => {
                drop(answer.send(ingest.remove_contract(address).await));
            }
            Self::Configure(contracts) => ingest.configure(contracts),
        }
        false
    }

    /// Refuses what only the writer of the log of a chain can do: another process is that.
    pub fn refuse(self, ingest: &mut Ingest) {
        let not_here = Error::NotWrittenHere(ingest.progress().chain_id);
        match self {
            Self::Reset { answer, .. } => drop(answer.send(Err(not_here))),
            Self::Add { answer, .. } => drop(answer.send(Err(not_here))),
            Self::Remove { answer, .. } => drop(answer.send(Err(not_here))),
            Self::Configure(contracts) => ingest.configure(contracts),
        }
    }
}

impl Ingest {
    /// Takes back what was indexed above `block`, final or not, down to the nearest known block, or all of it.
    async fn reset(&mut self, block: u64) -> Result<Undo, Error> {
        let (chain_id, earliest) = (self.progress.chain_id, self.progress.earliest);
        let indexed = self.progress.indexed.map_or(0, |indexed| indexed.number);
        if block >= indexed {
            let description = format!("{block} is not below the newest indexed block, {indexed}");
            return Err(Error::Field { field: "block".into(), description });
        }
        let known = self.store.block_at_or_below(chain_id, block).await?;
        let kept = match known.filter(|known| known.number >= earliest) {
            None => self.before_the_first().await?.filter(|before| before.number <= block),
            known => known,
        };
        self.take_back(kept.ok_or(Error::BlockPruned { chain_id, block, earliest })?).await
    }
}

impl EventLog {
    /// A page of the contracts of a chain that are followed, after the address `after`, and whether
    /// there are more.
    ///
    /// # Errors
    /// When the chain is not configured.
    pub fn contracts(
        &self,
        chain_id: ChainId,
        after: Option<Address>,
        limit: u64,
    ) -> Result<(Vec<(Address, Contract)>, bool), Error> {
        let handle = self.chains.get(&chain_id).ok_or(Error::UnknownChain(chain_id.0))?;
        let contracts = handle.contracts.read().unwrap_or_else(PoisonError::into_inner);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut page = contracts.page(after, limit.saturating_add(1));
        let more = page.len() > limit;
        page.truncate(limit);
        Ok((page, more))
    }

    /// A page of the logs of a chain that did not decode, after the place `after`, and the place after
    /// which there are more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn decode_failures(
        &self,
        chain_id: ChainId,
        after: Option<u64>,
        limit: u64,
    ) -> Result<(Vec<Quarantined>, Option<u64>), Error> {
        let mut page = self.store.quarantined(chain_id, None, after, limit.saturating_add(1)).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = page.len() > limit;
        page.truncate(limit);
        let last = page.last().and_then(|last| place::place(last.log.block_number, last.log.log_index));
        Ok((page, last.filter(|_| more)))
    }

    /// Takes back what was indexed of a chain above `block`, or above the nearest known block below it.
    ///
    /// # Errors
    /// When another process writes the log, when `block` is not below what is indexed or below what is
    /// kept, and when the store does not answer.
    pub async fn reset(&self, chain_id: ChainId, block: u64) -> Result<Undo, Error> {
        let (answer, outcome) = oneshot::channel();
        self.command(chain_id, Command::Reset { block, answer }, outcome).await
    }

    /// Has the worker of a chain do something, and waits for the outcome.
    pub(super) async fn command<T>(
        &self,
        chain_id: ChainId,
        command: Command,
        outcome: oneshot::Receiver<Result<T, Error>>,
    ) -> Result<T, Error> {
        let handle = self.chains.get(&chain_id).ok_or(Error::UnknownChain(chain_id.0))?;
        let stopping = |what: &dyn std::fmt::Display| Error::Task(what.to_string());
        handle.commands.send(command).await.map_err(|error| stopping(&error))?;
        outcome.await.map_err(|error| stopping(&error))?
    }
}

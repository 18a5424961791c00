//! What several endpoints say of one block, where one alone is not to decide.

use capstan_chain::{ChainError, Witness};
use capstan_primitives::{BlockRef, Hash};

use super::Node;
use crate::error::Error;

impl Node {
    /// The hash that every endpoint gives for a height; nothing when none has a block there.
    ///
    /// # Errors
    /// [`ChainError::Inconsistent`] when they disagree.
    pub async fn agreed(&self, number: u64) -> Result<Option<Hash>, Error> {
        let said = self.evm.witnesses_of(number).await;
        let Some(one) = said.first() else { return Ok(None) };
        match said.iter().find(|other| other.hash != one.hash) {
            Some(other) => Err(disagreement(number, one, other).into()),
            None => Ok(Some(one.hash)),
        }
    }

    /// Compares a block that is to be final with what other endpoints say, where nothing proves it.
    ///
    /// # Errors
    /// [`ChainError::Inconsistent`] when they disagree, or when only one can be asked of several.
    pub async fn confirm(&self, block: BlockRef) -> Result<(), Error> {
        let needed = self.evm.witnesses_needed();
        if needed < 2 {
            return Ok(());
        }
        let ours = Witness { url: "the log".to_owned(), hash: block.hash };
        let said = self.evm.witnesses_of(block.number).await;
        let reason = match said.iter().find(|other| other.hash != block.hash) {
            Some(other) => {
                let same = said.iter().find(|one| one.hash == block.hash).unwrap_or(&ours);
                return Err(disagreement(block.number, same, other).into());
            }
            None if said.len() >= needed => return Ok(()),
            None => format!("no second endpoint confirms block {}, which nothing proves", block.number),
        };
        Err(ChainError::Inconsistent { reason }.into())
    }
}

fn disagreement(number: u64, one: &Witness, other: &Witness) -> ChainError {
    let reason = format!(
        "endpoints disagree on block {number}: {} of {}, {} of {}; look at rpc_urls",
        one.hash, one.url, other.hash, other.url
    );
    ChainError::Inconsistent { reason }
}

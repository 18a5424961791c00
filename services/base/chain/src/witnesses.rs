//! One block as every endpoint has it.

use std::sync::Arc;

use capstan_primitives::Hash;

use crate::{
    ChainError, Evm, Verification,
    calls::{at_height, by_number, quantity},
    evidence::FullHeader,
    rpc::Rpc,
};

/// A block as one endpoint has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Scheme, host and port of the endpoint.
    pub url: String,
    /// Hash of the block.
    pub hash: Hash,
}

impl Evm {
    /// The block at a height, as every endpoint has it that works and has seen one.
    pub async fn witnesses_of(&self, number: u64) -> Vec<Witness> {
        let question = async |rpc: Arc<Rpc>| {
            let header = FullHeader::read(rpc.call(by_number(quantity(number))).await)?;
            let header = header.ok_or(ChainError::BehindRequest { number })?;
            if self.formats.knows_headers() {
                self.formats.proves(&header)?;
            }
            let hash = at_height(header.header, number)?.block.hash;
            Ok(Witness { url: self.pool.url_of(&rpc).to_owned(), hash })
        };
        self.pool.ask_each(question).await.into_iter().flatten().collect()
    }

    /// How many endpoints must say the same of a block to be believed: two where nothing proves that the
    /// hash is that of a block, unless there is only one.
    #[must_use]
    pub fn witnesses_needed(&self) -> usize {
        match self.verification() {
            Verification::Off => self.pool.witnesses(),
            _ => 1,
        }
    }
}

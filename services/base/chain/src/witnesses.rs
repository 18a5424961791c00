//! One block as every endpoint has it, and the headers between two blocks.

use std::sync::Arc;

use capstan_primitives::Hash;

use crate::{
    ChainError, Evm, Header, RangeLogs, Verification,
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
    /// The headers of all blocks from `first` to `last`, each the parent of the next.
    ///
    /// # Errors
    /// [`ChainError::BehindRequest`] when a block is missing, and [`ChainError::Inconsistent`] when others lie
    /// between these two.
    pub async fn headers_between(&self, first: Header, last: Header) -> Result<Vec<Header>, ChainError> {
        self.learn_headers().await;
        let range = RangeLogs { first, last, logs: Vec::new(), bytes: 0 };
        Ok(self.headers(&range).await?.into_iter().map(|header| header.header).collect())
    }

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

//! The headers between two blocks.

use crate::{ChainError, Evm, Header, RangeLogs};

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
}

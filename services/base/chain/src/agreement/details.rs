//! Details of blocks as two endpoints tell them alike.

use std::sync::Arc;

use super::{
    is_of_size,
    values::{Both, Matter},
};
use crate::{
    ChainError, Evm, Header, RangeDetails, Verification,
    details::{HEADERS, Link, LinkedDetails},
    pool::Said,
    rpc::Rpc,
};

/// What two endpoints say, or what those say that do not agree.
type Alike = Result<LinkedDetails, Vec<Said<LinkedDetails>>>;

impl Evm {
    /// The details of some blocks of a range whose ends are believed: as headers prove them where that
    /// takes no more of them than asking two endpoints, or where these do not tell them alike.
    pub(crate) async fn agreed_details(
        &self,
        ends: (Header, Header),
        numbers: &[u64],
    ) -> Result<RangeDetails, ChainError> {
        let span = ends.1.block.number.saturating_sub(ends.0.block.number);
        let twice = u64::try_from(numbers.len()).unwrap_or(u64::MAX).saturating_mul(2);
        if self.proves_headers() && twice > span {
            return self.proved_details(ends, numbers).await;
        }
        let (mut range, mut link) = (RangeDetails::default(), Link::of(&ends.0));
        for some in numbers.chunks(HEADERS) {
            match self.details_alike(ends, some, link).await? {
                Ok(told) => {
                    range.add(told.range);
                    link = told.next;
                }
                Err(doubted) => {
                    let proved = self.proved_details(ends, numbers).await?;
                    self.blame(&doubted, &proved);
                    return Ok(proved);
                }
            }
        }
        range.ended(ends.1)
    }

    async fn details_alike(
        &self,
        ends: (Header, Header),
        numbers: &[u64],
        link: Link,
    ) -> Result<Alike, ChainError> {
        let (from, to) = (ends.0.block.number, ends.1.block.number);
        let question = async |rpc: Arc<Rpc>| self.told_details(&rpc, numbers, link).await;
        let same = |one: &LinkedDetails, other: &LinkedDetails| one.range.blocks == other.range.blocks;
        let block = numbers.first().copied().unwrap_or(from);
        let matter = Matter { method: "eth_getBlockByNumber", block, question, same };
        let why = match self.both(&matter).await {
            Ok(Both::Alike(told)) => return Ok(Ok(told)),
            Ok(Both::Otherwise(one, other)) if self.proves_headers() => return Ok(Err(vec![one, other])),
            Ok(Both::Otherwise(one, other)) => return self.majority(&matter, one, other).await.map(Ok),
            Err(error) if from < to && is_of_size(&error) => return Err(error),
            Err(why) => why,
        };
        self.is_alone(&why);
        if self.proves_headers() {
            return Ok(Err(Vec::new()));
        }
        Err(ChainError::NoWitness { from, to, why: Box::new(why) })
    }

    fn proves_headers(&self) -> bool {
        self.verification() != Verification::Off
    }

    /// Whoever said something else than what is proved has lied.
    fn blame(&self, doubted: &[Said<LinkedDetails>], proved: &RangeDetails) {
        let is_wrong = |said: &&Said<LinkedDetails>| {
            said.what.range.blocks.iter().any(|details| !proved.blocks.contains(details))
        };
        doubted.iter().filter(is_wrong).for_each(|said| self.pool.lied(&said.rpc));
    }
}

//! How far the log has been published to a broker.

use capstan_primitives::ChainId;

use super::{EventLog, Ingest};
use crate::{
    domain::{Cursor, Position, Undo},
    error::Error,
    store::{Commit, PUBLICATIONS},
};

/// A publication of the log of one chain, by the process that writes it.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Topic and partition that the broker has it in.
    pub place: String,
    /// Chain.
    pub chain_id: ChainId,
    /// Number of the process that writes the log.
    pub writer: u64,
}

/// How far a log has been published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// How often history had been added when the publication began.
    pub history: u64,
    /// Where the broker has the record that began it.
    pub begun: i64,
    /// Where it has the newest record that was published for sure.
    pub last: i64,
    /// What the broker has all of, as a cursor of a stream.
    pub cursor: String,
}

impl Published {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        Some(Self {
            history: parts.next()?.parse().ok()?,
            begun: parts.next()?.parse().ok()?,
            last: parts.next()?.parse().ok()?,
            cursor: parts.next()?.to_owned(),
        })
    }
}

impl std::fmt::Display for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { history, begun, last, cursor } = self;
        write!(f, "{history} {begun} {last} {cursor}")
    }
}

impl Ingest {
    /// Where the publication of this log into `topic` has come to; none before it has begun.
    pub(super) async fn published(&self, topic: &str) -> Result<Option<Position>, Error> {
        let (first, chain) = (format!("{PUBLICATIONS}{topic}/"), format!(":{}", self.plan.id));
        let stored = self.store.consumers(&first).await?;
        let of_chain = stored.iter().find(|(id, _)| id.ends_with(&chain));
        let published = of_chain.and_then(|(_, text)| Published::parse(text));
        let Some(published) = published else { return Ok(None) };
        let cursor = Cursor::decode_any(&published.cursor).map_err(Error::Cursor)?;
        Ok(cursor.chains.get(&self.plan.id).copied())
    }
}

impl Publication {
    /// The name that its state is stored under.
    fn id(&self) -> String {
        format!("{PUBLICATIONS}{}:{}", self.place, self.chain_id)
    }
}

impl EventLog {
    /// How far a publication has come; none when it has not begun.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn published(&self, publication: &Publication) -> Result<Option<Published>, Error> {
        let stored = self.store.committed_cursor(&publication.id()).await?;
        Ok(stored.and_then(|(text, _)| Published::parse(&text)))
    }

    /// The reorgs after `fork` and through another one, in order.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reorgs(&self, chain_id: ChainId, after: u64, through: u64) -> Result<Vec<Undo>, Error> {
        self.store.reorgs(chain_id, after, through).await
    }

    /// Stores how far a publication has come.
    ///
    /// # Errors
    /// [`Error::OtherWriter`] when another process writes the log by now: it publishes from what was
    /// stored before, and more must not be stored behind its back. Or when the store does not answer.
    pub async fn published_through(
        &self,
        publication: &Publication,
        published: &Published,
        now: i64,
    ) -> Result<(), Error> {
        let Publication { chain_id, writer, .. } = publication;
        let cursor = published.to_string();
        let commit = Commit { consumer_id: &publication.id(), cursor: &cursor, at: now };
        if self.store.commit_as_writer(*chain_id, *writer, commit).await? {
            Ok(())
        } else {
            Err(Error::OtherWriter(*chain_id))
        }
    }
}

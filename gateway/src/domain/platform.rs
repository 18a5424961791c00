//! What the gateway can say about the platform from the answers of its peers.

/// The peer whose answers say how the chains and the stores are.
pub const INDEXER: &str = "indexer";

/// What a peer's gRPC health service says, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// It can do its work.
    Serving,
    /// It answers and cannot do its work.
    NotServing,
    /// It does not answer in time.
    Unreachable,
}

impl Health {
    /// The name in the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::Unreachable => "UNREACHABLE",
        }
    }
}

/// What the indexer says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexerHealth {
    /// Whether every chain is live or syncing.
    pub ok: bool,
    /// Whether its store answers.
    pub database_ok: bool,
}

/// What was heard when everybody was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Every peer by name.
    pub peers: Vec<(String, Health)>,
    /// The indexer's own words; absent when it does not answer.
    pub indexer: Option<IndexerHealth>,
}

impl Survey {
    /// Whether every peer serves and the indexer and its store are well.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.database_ok()
            && self.indexer.is_some_and(|indexer| indexer.ok)
            && self.peers.iter().all(|(_, health)| *health == Health::Serving)
    }

    /// Whether the store answers, as far as the indexer knows.
    #[must_use]
    pub fn database_ok(&self) -> bool {
        self.indexer.is_some_and(|indexer| indexer.database_ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(market: Health, indexer: Option<IndexerHealth>) -> Survey {
        let peers = vec![(INDEXER.to_owned(), Health::Serving), ("market".to_owned(), market)];
        Survey { peers, indexer }
    }

    #[test]
    fn the_platform_is_well_only_when_everybody_is() {
        let well = Some(IndexerHealth { ok: true, database_ok: true });
        let behind = Some(IndexerHealth { ok: false, database_ok: true });
        assert!(survey(Health::Serving, well).is_ok());
        assert!(!survey(Health::Unreachable, well).is_ok());
        assert!(!survey(Health::NotServing, well).is_ok());
        assert!(!survey(Health::Serving, behind).is_ok());
        assert!(!survey(Health::Serving, None).is_ok());
        assert!(!survey(Health::Serving, None).database_ok());
    }
}

//! The logs of one block, checked against the block's hash as far as its chain allows.

use std::{slice, sync::Arc};

use capstan_primitives::Hash;
use serde_json::json;

use crate::{
    ChainError, Evm, Log, LogFilter, Verification, answers,
    calls::{by_hash, by_number, get_logs, inconsistent, of_hash},
    evidence::{BlockReceipts, FullHeader, Part, ProvedReceipts, WireReceipt, proved_logs},
    ranges::logs_of_block,
    refusals,
    rpc::{Answer, Call, Rpc},
};

/// Logs as one endpoint told them, which its header does not rule out.
struct Told {
    logs: Vec<Log>,
    /// Whether the header is proved and its bloom suggests that there are more logs.
    is_doubtful: bool,
}

/// What the receipts of one endpoint say.
enum Evidence {
    Proved(ProvedReceipts),
    Unfamiliar(Hash),
}

impl Evm {
    /// The logs of the block of this hash, by log index, all with their time.
    ///
    /// Less than `verification` asks for is checked on chains whose formats do not allow it (see
    /// [`Evm::verification`]). Receipts prove everything of a log except the id of its transaction,
    /// which must only be that of the block at its place.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] when the node does not know the block, as after a reorg, and
    /// [`ChainError::Inconsistent`] when no endpoint that was asked tells what the block can hold.
    pub async fn block_logs(
        &self,
        hash: Hash,
        filter: &LogFilter,
        verification: Verification,
    ) -> Result<Vec<Log>, ChainError> {
        if verification == Verification::Off {
            let question = async |rpc: Arc<Rpc>| Ok(self.told(&rpc, hash, filter, false).await?.logs);
            return self.pool.ask("eth_getLogs", question).await;
        }
        self.learn_headers().await;
        if verification == Verification::Receipts
            && let Some(logs) = self.receipt_logs(hash, slice::from_ref(filter)).await?
        {
            return Ok(logs);
        }
        let question = async |rpc: Arc<Rpc>| Ok((self.told(&rpc, hash, filter, true).await?, rpc));
        let (told, rpc) = self.pool.ask("eth_getLogs", question).await?;
        // Where receipts prove nothing, one endpoint is only believed while no other says something else.
        let proves_nothing = self.verification() != Verification::Receipts && self.pool.witnesses() > 1;
        if !told.is_doubtful && !proves_nothing {
            return Ok(told.logs);
        }
        let confirmed = self.confirmed(hash, filter, &told.logs).await?;
        if confirmed != told.logs {
            self.pool.lied(&rpc);
        }
        Ok(confirmed)
    }

    /// How far the logs of this chain can be verified, as far as it is known by now.
    #[must_use]
    pub fn verification(&self) -> Verification {
        self.formats.verification()
    }

    /// What the block really holds, when an answer `told` leaves doubts: by receipts, or by the
    /// agreement of all endpoints where receipts cannot be checked.
    pub(crate) async fn confirmed(
        &self,
        hash: Hash,
        filter: &LogFilter,
        told: &[Log],
    ) -> Result<Vec<Log>, ChainError> {
        if let Some(logs) = self.receipt_logs(hash, slice::from_ref(filter)).await? {
            return Ok(logs);
        }
        let question = async |rpc: Arc<Rpc>| self.told(&rpc, hash, filter, true).await;
        let others = self.pool.ask_each(question).await;
        let differs = |other: &Told| !other.logs.iter().eq(told);
        if others.iter().flatten().any(differs) {
            return Err(inconsistent(format!("endpoints disagree on the logs of block {hash}")));
        }
        Ok(told.to_vec())
    }

    /// Learns whether the hashes of this chain can be recomputed, unless that is known. While some endpoint
    /// was not heard, it is asked as soon as it works.
    pub(crate) async fn learn_headers(&self) {
        let Some(heard) = self.formats.to_learn(Part::Headers) else { return };
        let question = async |rpc: Arc<Rpc>| FullHeader::read(rpc.call(by_number("latest".into())).await);
        let answers = self.pool.ask_others(&heard, question).await;
        let headers = answers.into_iter().filter_map(|(who, answer)| Some((who, answer.ok()??)));
        // One that verifies settles it: nobody can forge that.
        let unproved = headers.filter(|(_, header)| !self.formats.proves(header).unwrap_or_default());
        let unproved = unproved.map(|(who, _)| who).collect();
        self.formats.are_other(Part::Headers, unproved, (self.pool.witnesses(), self.pool.size()));
    }

    /// The logs of a block that satisfy one of `filters`, by receipts, which are asked for once;
    /// nothing when the receipts of this chain cannot be checked.
    ///
    /// # Errors
    /// As [`Evm::block_logs`].
    pub async fn receipt_logs(
        &self,
        hash: Hash,
        filters: &[LogFilter],
    ) -> Result<Option<Vec<Log>>, ChainError> {
        let proved = self.receipts_of(hash).await?;
        proved.map(|proved| proved_logs(proved, filters)).transpose()
    }

    /// The receipts of a block; nothing when those of this chain cannot be checked.
    pub(crate) async fn receipts_of(&self, hash: Hash) -> Result<Option<ProvedReceipts>, ChainError> {
        self.learn_headers().await;
        match self.verification() {
            Verification::Receipts => {}
            Verification::Bloom => return self.witnessed(hash, None).await,
            Verification::Off => return Ok(None),
        }
        let question = async |rpc: Arc<Rpc>| Ok((self.evidence(&rpc, hash).await?, rpc));
        match self.pool.ask("eth_getBlockReceipts", question).await {
            Ok((Evidence::Proved(proved), _)) => return Ok(Some(proved)),
            Ok((Evidence::Unfamiliar(root), rpc)) => {
                let proved = self.witnessed(hash, Some(root)).await?;
                if proved.is_some() {
                    self.pool.lied(&rpc);
                    return Ok(proved);
                }
            }
            Err(ChainError::Node { code: -32_601, .. }) if self.formats.is_open(Part::Receipts) => {
                if let Some(proved) = self.witnessed(hash, None).await? {
                    return Ok(Some(proved));
                }
            }
            Err(error) => return Err(error),
        }
        if self.verification() == Verification::Receipts {
            return Err(inconsistent(format!("nobody confirms the receipts of block {hash}")));
        }
        Ok(None)
    }

    /// Asks those for the receipts of a block who were not heard yet, when one does not serve receipts, or
    /// serves such as cannot be checked, with this root. One that proves them settles it.
    async fn witnessed(
        &self,
        hash: Hash,
        mut root: Option<Hash>,
    ) -> Result<Option<ProvedReceipts>, ChainError> {
        let Some(heard) = self.formats.to_learn(Part::Receipts) else { return Ok(None) };
        let question = async |rpc: Arc<Rpc>| self.evidence(&rpc, hash).await;
        let mut unproved = Vec::new();
        for (who, said) in self.pool.ask_others(&heard, question).await {
            match said {
                Ok(Evidence::Proved(proved)) => return Ok(Some(proved)),
                Ok(Evidence::Unfamiliar(other)) if *root.get_or_insert(other) != other => {
                    return Err(inconsistent(format!("endpoints disagree on the receipts of block {hash}")));
                }
                Ok(Evidence::Unfamiliar(_)) | Err(ChainError::Node { code: -32_601, .. }) => {
                    unproved.push(who)
                }
                Err(_) => {}
            }
        }
        self.formats.are_other(Part::Receipts, unproved, (self.pool.witnesses(), self.pool.size()));
        Ok(None)
    }

    async fn evidence(&self, rpc: &Rpc, hash: Hash) -> Result<Evidence, ChainError> {
        let receipts = Call { method: "eth_getBlockReceipts", params: json!([hash]) };
        let [header, receipts] = rpc.batch([by_hash(hash), receipts]).await?;
        let unknown = || ChainError::UnknownBlock { hash };
        let header = self.proved_header(header, hash)?.ok_or_else(unknown)?;
        let receipts = receipts.and_then(|answer| answers::read::<Option<Vec<WireReceipt>>>(&answer));
        let receipts =
            receipts.map_err(|error| if refusals::is_block_not_seen(&error) { unknown() } else { error })?;
        match BlockReceipts::checked(&header, receipts.ok_or_else(unknown)?)? {
            BlockReceipts::Proved(proved) => {
                if !proved.receipts.is_empty() {
                    self.formats.receipts_proved();
                }
                Ok(Evidence::Proved(proved))
            }
            BlockReceipts::Unfamiliar { root } if self.formats.is_open(Part::Receipts) => {
                Ok(Evidence::Unfamiliar(root))
            }
            BlockReceipts::Unfamiliar { root } => {
                Err(inconsistent(format!("the receipts of block {hash} have the root {root}")))
            }
        }
    }

    fn proved_header(
        &self,
        answer: Result<Answer, ChainError>,
        hash: Hash,
    ) -> Result<Option<FullHeader>, ChainError> {
        let Some(header) = FullHeader::read(answer)? else {
            return Ok(None);
        };
        of_hash(header.header, hash)?;
        if !self.formats.proves(&header)? {
            let number = header.header.block.number; // what is known of the chain changed meanwhile
            return Err(ChainError::FormatUnknown { number });
        }
        Ok(Some(header))
    }

    /// The logs that one endpoint tells by `eth_getLogs`, checked against the header if `verify`.
    async fn told(
        &self,
        rpc: &Rpc,
        hash: Hash,
        filter: &LogFilter,
        verify: bool,
    ) -> Result<Told, ChainError> {
        let block = json!({ "blockHash": hash });
        let [header, logs] = rpc.batch([by_hash(hash), get_logs(block, filter)]).await?;
        let unknown = || ChainError::UnknownBlock { hash };
        let header = FullHeader::read(header)?.ok_or_else(unknown)?;
        of_hash(header.header, hash)?;
        let logs = logs
            .and_then(|logs| answers::logs(&logs))
            .map_err(|error| if refusals::is_block_not_seen(&error) { unknown() } else { error })?;
        let logs = logs_of_block(header.header, logs)?;
        let is_doubtful = verify && self.doubts(&header, filter, &logs)?;
        Ok(Told { logs, is_doubtful })
    }

    /// Whether a header suggests more logs than `logs`; an error when it rules one of them out.
    pub(crate) fn doubts(
        &self,
        header: &FullHeader,
        filter: &LogFilter,
        logs: &[Log],
    ) -> Result<bool, ChainError> {
        if let Some(log) = logs.iter().find(|log| !filter.matches(log)) {
            return Err(inconsistent(format!(
                "log {} of block {} was not asked for",
                log.log_index, log.block_number
            )));
        }
        if !self.formats.proves(header)? {
            return Ok(false); // nothing binds the bloom to the block
        }
        header.check_bloom(logs)?;
        Ok(header.doubts(filter, logs))
    }
}

//! Tokens are tried out for fees on transfer, and those that take one are refused.

use std::{collections::HashSet, sync::Arc};

use capstan_primitives::Address;

use super::{Projector, Snapshot, Watcher, Writer};
use crate::{
    adapters::tokens::Trials,
    domain::{
        state::{Pools, Problem},
        token::{Turns, Verdict},
        wrap::COIN,
    },
    metrics,
};

/// Tokens that are tried out in a block.
const AT_ONCE: usize = 16;

/// Tries the tokens of a chain out.
#[derive(Debug)]
pub(crate) struct TokenChecker {
    writer: Writer,
    trials: Trials,
    turns: Turns,
}

impl TokenChecker {
    pub(crate) fn new(writer: Writer, trials: Trials) -> Self {
        Self { writer, trials, turns: Turns::default() }
    }
}

impl Watcher for TokenChecker {
    /// Tries some tokens out whose turn it is. While no node answers, it stays their turn.
    async fn look(&mut self, snapshot: &Snapshot) {
        let block = snapshot.block;
        let tokens = self.turns.next(&snapshot.pools, (block.number, AT_ONCE), Address::from(COIN));
        let mut judged = Vec::with_capacity(tokens.len());
        for token in tokens {
            match self.trials.of(block.hash, &snapshot.pools, token).await {
                Ok(verdict) => {
                    metrics::token_checked(snapshot.chain, token, &verdict);
                    self.turns.done(token, block.number, &verdict);
                    judged.push((token, verdict));
                }
                Err(error) => {
                    metrics::token_unchecked(snapshot.chain, &error);
                    break;
                }
            }
        }
        if !judged.is_empty() {
            self.writer.with(|projector| projector.judged(&judged));
        }
    }
}

impl Projector {
    /// Refuses tokens that take a fee, in every state; remembers those that do not.
    fn judged(&mut self, judged: &[(Address, Verdict)]) {
        let known = self.history.pools().exact();
        let mut exact = known.map(|exact| HashSet::clone(exact)).unwrap_or_default();
        exact.insert(Address::from(COIN));
        for (token, verdict) in judged {
            match verdict {
                Verdict::Exact => exact.insert(*token),
                Verdict::TakesFee | Verdict::Unknown(_) => exact.remove(token),
            };
        }
        let exact = Arc::new(exact);
        let refused = judged.iter().filter(|(_, verdict)| *verdict == Verdict::TakesFee);
        let refused: Vec<Address> = refused.map(|(token, _)| *token).collect();
        let amend = |pools: &mut Pools| {
            pools.know_exact(Arc::clone(&exact));
            refused.iter().for_each(|token| pools.refuse(*token, Problem::FeeOnTransfer));
        };
        self.history.amend(amend);
        amend(&mut self.beginning);
        self.live.amend(|pools, _| amend(pools));
    }
}

//! What of the views of its chains concerns a stream.

use capstan_primitives::{BlockRef, Finality};
use futures::future::select_all;
use tokio::sync::watch;

use crate::operations::ChainView;

/// The chains of a stream, and what it knows of them.
pub(super) struct News {
    views: Vec<watch::Receiver<ChainView>>,
    finality: Finality,
    seen: Vec<State>,
}

/// What of a chain decides what a stream can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    log_id: u64,
    fork: u64,
    history: u64,
    indexed: Option<BlockRef>,
    safe: Option<BlockRef>,
    finalized: Option<BlockRef>,
}

impl State {
    fn of(view: &ChainView, finality: Finality) -> Self {
        let progress = &view.progress;
        Self {
            log_id: progress.log_id,
            fork: progress.fork,
            history: progress.history,
            indexed: progress.indexed.filter(|_| finality != Finality::Finalized),
            safe: view.safe.filter(|_| finality == Finality::Safe),
            finalized: progress.finalized,
        }
    }
}

impl News {
    /// Of chains of which blocks are read that are at least so final.
    pub(super) fn of(views: Vec<watch::Receiver<ChainView>>, finality: Finality) -> Self {
        Self { views, finality, seen: Vec::new() }
    }

    /// Takes note of how the chains are now; they are read after that.
    pub(super) fn note(&mut self) {
        let finality = self.finality;
        self.seen = self.views.iter().map(|view| State::of(&view.borrow(), finality)).collect();
    }

    /// Waits until a chain is not as it was noted; false when its worker has ended.
    pub(super) async fn wait(&mut self) -> bool {
        let finality = self.finality;
        let changes = self.views.iter_mut().zip(&self.seen).map(|(view, seen)| {
            Box::pin(async move { view.wait_for(|view| State::of(view, finality) != *seen).await.is_ok() })
        });
        let (is_alive, ..) = select_all(changes).await;
        is_alive
    }
}

#[cfg(test)]
mod tests;

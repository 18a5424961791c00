//! Looks at every state of one chain, beside everything else.

use std::{convert::Infallible, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::operations::{Live, Watcher};

/// Looks at the state after every change until `stopping`. What cannot be asked now is asked in a later block.
///
/// # Errors
/// Never.
pub(crate) async fn check(
    live: Arc<Live>,
    mut watcher: impl Watcher,
    stopping: CancellationToken,
) -> Result<(), Infallible> {
    let mut changes = live.changes();
    loop {
        changes.borrow_and_update();
        if let Some(snapshot) = live.snapshot()
            && stopping.run_until_cancelled(watcher.look(&snapshot)).await.is_none()
        {
            return Ok(());
        }
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            changed = changes.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

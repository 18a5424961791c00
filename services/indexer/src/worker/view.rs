//! Waiting for what the worker of a chain says of it. That worker ends only when everything stops, and
//! whoever waits is then stopped too.

use tokio::sync::watch;

use crate::{domain::ChainProgress, operations::ChainView};

/// Waits until what is said is as `wanted`, and returns how far the log is then.
pub(super) async fn until(
    view: &mut watch::Receiver<ChainView>,
    wanted: impl FnMut(&ChainView) -> bool,
) -> ChainProgress {
    match view.wait_for(wanted).await.map(|view| view.progress) {
        Ok(progress) => progress,
        Err(_) => std::future::pending().await,
    }
}

/// Waits until something else is said than was seen.
pub(super) async fn changed(view: &mut watch::Receiver<ChainView>) {
    if view.changed().await.is_err() {
        std::future::pending().await
    }
}

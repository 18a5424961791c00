//! Streams that end when the gateway stops, so that an open page does not hold the stop up.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Future;
use http::HeaderMap;
use http_body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

/// The body of a streaming answer; a stop ends it with status UNAVAILABLE, on which clients come back.
pub(super) struct UntilStopping {
    body: Option<Body>,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl UntilStopping {
    /// Passes `body` on until `stopping`.
    pub(super) fn new(body: Body, stopping: &CancellationToken) -> Self {
        Self { body: Some(body), stopping: Box::pin(stopping.clone().cancelled_owned()) }
    }
}

impl http_body::Body for UntilStopping {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        if self.stopping.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.body = None;
        let mut trailers = HeaderMap::new();
        let written = Status::unavailable("the gateway is stopping").add_header(&mut trailers);
        Poll::Ready(Some(written.map(|()| Frame::trailers(trailers))))
    }
}

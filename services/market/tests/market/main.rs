//! The market as its callers see it: real gRPC, a scripted indexer behind it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that is not told what it expects has to stop"
)]

mod candles;
mod categories;
mod costs;
mod holders;
mod interest;
mod kills;
mod lists;
mod names;
mod orders;
mod platform;
mod reads;
mod refusals;
mod reorgs;
mod stream_consumers;
mod stream_kinds;
mod streams;
mod transfers;

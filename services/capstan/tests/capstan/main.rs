//! Tests of the whole: its sources, and what `capstan up` does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod books;
mod contracts;
mod exactness;
mod gifts;
mod house;
mod interest;
mod layering;
mod metrics;
mod process;
mod programs;
mod quoter;
mod quotes;
mod requests;
mod venues;

//! What a block proves about itself: its hash binds the header, and the header binds bloom and receipts.

mod bloom;
mod formats;
mod full_header;
mod receipts;
mod transactions;

pub use formats::Verification;
pub(crate) use formats::{Formats, Part};
pub(crate) use full_header::FullHeader;
pub(crate) use receipts::{BlockReceipts, ProvedReceipts, WireReceipt, proved_logs};

//! Wrapped ether: its deposits and withdrawals mint and burn without a transfer in the log.

use capstan_primitives::Address;
use capstan_proto::indexer::canonical_event::Event;

use super::{
    Adapter,
    erc20::{approved, moved},
    fields::Fields,
};

pub(super) const EVENTS: Adapter = &[
    ("Transfer", |of| moved(of, of.address("src")?, of.address("dst")?, "wad")),
    ("Approval", |of| approved(of, "src", "guy", "wad")),
    ("Deposit", minted),
    ("Withdrawal", burnt),
];

fn minted(of: &Fields<'_>) -> Option<Vec<Event>> {
    moved(of, Address::ZERO.to_string(), of.address("dst")?, "wad")
}

fn burnt(of: &Fields<'_>) -> Option<Vec<Event>> {
    moved(of, of.address("src")?, Address::ZERO.to_string(), "wad")
}

//! Vaults whose shares are tokens.

use capstan_proto::indexer::{VaultDirection, VaultFlow, canonical_event::Event};

use super::{
    Adapter,
    erc20::{APPROVAL, TRANSFER},
    fields::Fields,
};

pub(super) const EVENTS: Adapter = &[TRANSFER, APPROVAL, ("Deposit", deposit), ("Withdraw", withdraw)];

fn deposit(of: &Fields<'_>) -> Option<Vec<Event>> {
    flow(of, VaultDirection::Deposit, String::new())
}

fn withdraw(of: &Fields<'_>) -> Option<Vec<Event>> {
    flow(of, VaultDirection::Withdraw, of.address("receiver")?)
}

fn flow(of: &Fields<'_>, direction: VaultDirection, receiver: String) -> Option<Vec<Event>> {
    Some(vec![Event::VaultFlow(VaultFlow {
        vault: of.contract(),
        direction: direction.into(),
        sender: of.address("sender")?,
        owner: of.address("owner")?,
        receiver,
        assets: of.amount("assets")?,
        shares: of.amount("shares")?,
    })])
}

//! Fungible tokens, and the share tokens of everything that is one as well.

use capstan_proto::indexer::{ApprovalChanged, Transfer, canonical_event::Event};

use super::{Adapter, fields::Fields};

pub(super) const EVENTS: Adapter = &[TRANSFER, APPROVAL];

/// The rows of an adapter of a contract that is a token besides what else it is.
pub(super) const TRANSFER: (&str, super::Reading) = ("Transfer", transfer);
pub(super) const APPROVAL: (&str, super::Reading) = ("Approval", approval);

fn transfer(of: &Fields<'_>) -> Option<Vec<Event>> {
    moved(of, of.address("from")?, of.address("to")?, "value")
}

/// Tokens of the emitter that went from one account to another; `amount` names the argument.
pub(super) fn moved(of: &Fields<'_>, from: String, to: String, amount: &str) -> Option<Vec<Event>> {
    Some(vec![Event::Transfer(Transfer {
        token: of.contract(),
        from,
        to,
        amount: of.amount(amount)?,
        token_id: String::new(),
    })])
}

fn approval(of: &Fields<'_>) -> Option<Vec<Event>> {
    approved(of, "owner", "spender", "value")
}

/// An allowance for tokens of the emitter, from the arguments of these names.
pub(super) fn approved(of: &Fields<'_>, owner: &str, spender: &str, amount: &str) -> Option<Vec<Event>> {
    Some(vec![Event::ApprovalChanged(ApprovalChanged {
        token: of.contract(),
        owner: of.address(owner)?,
        spender: of.address(spender)?,
        amount: of.amount(amount)?,
        ..ApprovalChanged::default()
    })])
}

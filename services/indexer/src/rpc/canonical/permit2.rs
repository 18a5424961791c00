//! Permit2, which keeps allowances in the place of the tokens.

use capstan_proto::indexer::{ApprovalChanged, canonical_event::Event};

use super::{Adapter, fields::Fields};

pub(super) const EVENTS: Adapter = &[("Approval", granted), ("Permit", granted), ("Lockdown", revoked)];

fn granted(of: &Fields<'_>) -> Option<Vec<Event>> {
    changed(of, of.amount("amount")?, Some(of.unsigned("expiration")?))
}

/// The amount becomes zero and the expiration stays as it was.
fn revoked(of: &Fields<'_>) -> Option<Vec<Event>> {
    changed(of, "0".to_owned(), None)
}

fn changed(of: &Fields<'_>, amount: String, expiration: Option<u64>) -> Option<Vec<Event>> {
    Some(vec![Event::ApprovalChanged(ApprovalChanged {
        token: of.address("token")?,
        owner: of.address("owner")?,
        spender: of.address("spender")?,
        amount,
        all_tokens: None,
        registry: of.contract(),
        expiration,
    })])
}

//! Chainlink's price feeds.

use capstan_proto::indexer::{PriceUpdated, canonical_event::Event};
use prost_types::Timestamp;

use super::{Adapter, fields::Fields};

/// The last second that a timestamp of protobuf can hold.
const LAST_SECOND: i64 = 253_402_300_799;

pub(super) const EVENTS: Adapter = &[("AnswerUpdated", price_updated)];

fn price_updated(of: &Fields<'_>) -> Option<Vec<Event>> {
    let seconds = of.unsigned::<i64>("updatedAt").filter(|seconds| *seconds <= LAST_SECOND);
    Some(vec![Event::PriceUpdated(PriceUpdated {
        feed: of.contract(),
        answer: of.amount("current")?,
        round_id: of.amount("roundId")?,
        updated_at: seconds.map(|seconds| Timestamp { seconds, nanos: 0 }),
    })])
}

//! Types and rules of the event log; no I/O.

mod contracts;
mod cursor;
mod decode;
mod event;
pub mod place;
mod progress;

pub use contracts::{Contract, Contracts, Definition, Found};
pub use cursor::{Cursor, Position};
pub use decode::{Batch, NewEvent, Quarantined, sort_out};
pub use event::{Event, EventFilter, EventType, Undo};
pub use progress::{ChainProgress, Coverage, Covered, LogPage};

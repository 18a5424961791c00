//! Types and rules of the event log; no I/O.

mod contracts;
mod cursor;
mod decode;
mod event;
mod progress;

pub use contracts::{Contract, Contracts, Definition, Found};
pub use cursor::{Cursor, Position};
pub use decode::{Batch, Quarantined, decode};
pub use event::{Entry, Event, EventFilter, NewEvent, Undo};
pub use progress::{ChainProgress, Coverage, LogPage};

//! Types and rules of the event log; no I/O.

mod arguments;
mod contracts;
mod cursor;
mod decode;
mod event;
pub mod native;
mod pace;
mod page;
mod pattern;
pub mod place;
mod pool;
mod progress;
mod transaction;

pub use arguments::{ArgumentFilter, ArgumentTopics};
pub use contracts::{Contract, Contracts, Definition, Description, Found, Source};
pub use cursor::{Cursor, Position};
pub use decode::{Batch, NewEvent, Quarantined, Reread, sort_out};
pub use event::{Event, EventFilter, EventType, Undo};
pub use pace::{Pace, Rate, progress_line};
pub use page::PageStart;
pub use pattern::{Followed, Pattern};
pub use pool::{Exchange, Pool, PoolState, PoolVersion};
pub use progress::{ChainProgress, Coverage, Covered, LogPage};
pub use transaction::{Fate, Inclusion, Moment, Sight, Signed, TransactionState, WatchedTransaction};

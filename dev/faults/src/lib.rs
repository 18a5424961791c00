//! A proxy before a node that lies, lags, limits and breaks on demand, for tests.
//!
//! It stands between a client and a JSON-RPC node on loopback, over HTTP and WebSocket on one port.
//! What goes wrong is chosen for each HTTP request by a [`Script`]: by rule, or by a seed.

mod answer;
mod fault;
mod http;
mod lies;
mod providers;
mod proxy;
mod script;

pub use fault::Fault;
pub use providers::Provider;
pub use proxy::FaultProxy;
pub use script::Script;

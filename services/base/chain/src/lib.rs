//! EVM access through alloy: blocks, logs, heads and ABI decoding.

mod abi;
mod agreement;
mod answers;
mod block_logs;
mod bodies;
mod calls;
#[cfg(test)]
mod damage;
mod details;
mod endpoint;
mod error;
mod evidence;
mod evm;
mod fee_history;
mod gas_header;
mod header;
mod heads;
mod hex;
mod history;
mod log;
mod pool;
mod ranges;
mod reading;
mod refusals;
mod rpc;
mod simulate;
mod tls;
mod transaction;
mod transport;
mod views;
mod wire;
mod wire_transaction;
mod witnesses;

pub use abi::{
    Abi, AbiError, Argument, Creates, DecodeError, Decoded, EventShape, Integer, Protocol, Topic, Value,
    address_topic, known_protocols, protocol,
};
pub use agreement::{Disputes, History};
pub use bodies::Bodies;
pub use details::RangeDetails;
pub use error::{ChainError, ErrorClass, RangeHint};
pub use evidence::Verification;
pub use evm::{Evm, EvmOptions};
pub use fee_history::FeeHistory;
pub use gas_header::GasHeader;
pub use header::{BlockDetails, Header, Tag};
pub use heads::HeadSignal;
pub use log::{Log, LogFilter, merge_logs};
pub use pool::{EndpointState, EndpointStatus, EvmUrl, Role};
pub use ranges::RangeLogs;
pub use simulate::{Simulated, SimulatedCall};
pub use tls::install_crypto_provider;
pub use transaction::{At, BlockTransactions, Place, Receipt, Transaction};
pub use views::{ContractCall, Returned, Reverted};
pub use witnesses::Witness;

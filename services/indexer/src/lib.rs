//! Follows EVM chains and serves their decoded events as one resumable log.

//! EVM access through alloy: blocks, logs, heads and ABI decoding.

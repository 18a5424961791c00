//! The chain's own coin, under the address that stands for it.

use super::{Adapter, erc20::TRANSFER};

pub(super) const EVENTS: Adapter = &[TRANSFER];

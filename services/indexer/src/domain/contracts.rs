//! The contracts of a chain: configured ones and those that their factories make.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use capstan_chain::{Abi, Creates, Decoded, Protocol, Value};
use capstan_primitives::Address;

/// A contract whose logs are indexed.
#[derive(Debug, Clone)]
pub struct Contract {
    /// Address.
    pub address: Address,
    /// Protocol, as events carry it.
    pub protocol: String,
    /// What goes before an event's name in its kind.
    pub kind_prefix: String,
    /// How its logs decode.
    pub abi: Definition,
    /// Kinds that replace the usual ones, by event name.
    pub kinds: Arc<BTreeMap<String, String>>,
    /// First block of which logs are taken.
    pub start_block: u64,
    /// What it makes.
    pub creates: &'static [Creates],
}

impl Contract {
    /// A contract of a known protocol.
    #[must_use]
    pub fn of(protocol: &'static Protocol, address: Address, start_block: u64) -> Self {
        Self {
            address,
            protocol: protocol.name.to_owned(),
            kind_prefix: protocol.name.to_owned(),
            abi: Definition::Known(&protocol.abi),
            kinds: Arc::default(),
            start_block,
            creates: protocol.creates,
        }
    }

    /// The canonical kind of an event of this contract.
    #[must_use]
    pub fn kind(&self, event: &str) -> String {
        self.kinds.get(event).cloned().unwrap_or_else(|| format!("{}.{event}", self.kind_prefix))
    }
}

/// Where the ABI of a contract comes from.
#[derive(Debug, Clone)]
pub enum Definition {
    /// A known protocol.
    Known(&'static Abi),
    /// The configuration.
    Configured(Arc<Abi>),
}

impl std::ops::Deref for Definition {
    type Target = Abi;

    fn deref(&self) -> &Abi {
        match self {
            Self::Known(abi) => abi,
            Self::Configured(abi) => abi,
        }
    }
}

/// A contract that a factory's event announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its address.
    pub address: Address,
    /// Its protocol.
    pub protocol: &'static str,
    /// The factory.
    pub factory: Address,
    /// Block that made it.
    pub created_block: u64,
}

/// Contracts by address.
#[derive(Debug, Clone, Default)]
pub struct Contracts {
    by_address: HashMap<Address, Contract>,
}

impl Contracts {
    /// The contracts of a list; a later one replaces an earlier one of the same address.
    #[must_use]
    pub fn new(contracts: impl IntoIterator<Item = Contract>) -> Self {
        Self { by_address: contracts.into_iter().map(|contract| (contract.address, contract)).collect() }
    }

    /// The contract at an address.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&Contract> {
        self.by_address.get(address)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Every address, in a stable order.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        let mut addresses: Vec<_> = self.by_address.keys().copied().collect();
        addresses.sort_unstable();
        addresses
    }

    /// Adds what a factory made; an address that is already known keeps its protocol.
    pub fn add(&mut self, found: &Found) -> bool {
        let Some(protocol) = capstan_chain::protocol(found.protocol) else { return false };
        if self.by_address.contains_key(&found.address) {
            return false;
        }
        let contract = Contract::of(protocol, found.address, found.created_block);
        self.by_address.insert(found.address, contract);
        true
    }

    /// The contract that an event of `factory` announces.
    #[must_use]
    pub fn made_by(factory: &Contract, decoded: &Decoded, block: u64) -> Option<Found> {
        let creates = factory.creates.iter().find(|creates| creates.event == decoded.name)?;
        let argument = decoded.arguments.iter().find(|argument| argument.name == creates.argument)?;
        let Value::Address(address) = argument.value else { return None };
        Some(Found { address, protocol: creates.protocol, factory: factory.address, created_block: block })
    }
}

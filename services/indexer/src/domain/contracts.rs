//! The contracts of a chain: configured ones and those that their factories make.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use capstan_chain::{Abi, Creates, EventShape, Log, Protocol, Value};
use capstan_primitives::{Address, Hash, keccak256};

use super::{Followed, Pattern};

/// How the logs of some contracts are read.
#[derive(Debug)]
pub struct Definition {
    /// Protocol, as events carry it.
    pub protocol: String,
    /// What the logs are filed under: the protocol, or `abi:` and the configured name.
    pub source: Arc<str>,
    /// How the logs decode.
    pub abi: AbiOf,
    /// Canonical kinds, by event name.
    kinds: BTreeMap<String, Arc<str>>,
    /// Whether the kinds are the usual ones.
    is_usual: bool,
    /// What the contracts make.
    pub creates: &'static [Creates],
}

/// Where an ABI comes from.
#[derive(Debug)]
pub enum AbiOf {
    /// A known protocol.
    Known(&'static Abi),
    /// The configuration.
    Configured(Abi),
}

impl std::ops::Deref for AbiOf {
    type Target = Abi;

    fn deref(&self) -> &Abi {
        match self {
            Self::Known(abi) => abi,
            Self::Configured(abi) => abi,
        }
    }
}

impl Definition {
    /// Contracts of a known protocol, with kinds that replace the usual ones, by event name.
    #[must_use]
    pub fn of(protocol: &'static Protocol, kinds: &BTreeMap<String, String>) -> Self {
        let abi = AbiOf::Known(&protocol.abi);
        Self {
            protocol: protocol.name.to_owned(),
            source: protocol.name.into(),
            kinds: kinds_of(&abi, protocol.name, kinds),
            is_usual: kinds.is_empty(),
            abi,
            creates: protocol.creates,
        }
    }

    /// Contracts of an ABI of the configuration, under a name.
    #[must_use]
    pub fn of_abi(name: &str, abi: Abi, kinds: &BTreeMap<String, String>) -> Self {
        let abi = AbiOf::Configured(abi);
        Self {
            protocol: "abi".to_owned(),
            source: format!("abi:{name}").into(),
            kinds: kinds_of(&abi, name, kinds),
            is_usual: kinds.is_empty(),
            abi,
            creates: &[],
        }
    }

    /// The same for some events only, which it must have.
    #[must_use]
    pub fn only(self, events: &[String]) -> Self {
        match self.abi.only(events) {
            Some(abi) => Self { abi: AbiOf::Configured(abi), is_usual: false, ..self },
            None => self,
        }
    }

    /// Changes with everything that a reader can see of these contracts' events.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        let events = self.abi.events().map(|event| format!("{event:?} {}", self.kind(event.name())));
        let text = events.collect::<Vec<_>>().join("\n");
        keccak256(&[self.source.as_bytes(), b"\n", text.as_bytes()])
    }

    /// The canonical kind of an event of these contracts.
    #[must_use]
    pub fn kind(&self, event: &str) -> Arc<str> {
        self.kinds.get(event).map_or_else(|| event.into(), Arc::clone)
    }
}

/// The usual kind is the protocol, or the configured name, and the name of the event.
fn kinds_of(abi: &Abi, prefix: &str, other: &BTreeMap<String, String>) -> BTreeMap<String, Arc<str>> {
    let kind = |name: &str| {
        other.get(name).map_or_else(|| format!("{prefix}.{name}").into(), |kind| kind.as_str().into())
    };
    abi.events().map(|event| (event.name().to_owned(), kind(event.name()))).collect()
}

/// What an operator says of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// A known protocol, or `abi`.
    pub protocol: String,
    /// Name for people and for the kinds of an `abi` contract.
    pub name: Option<String>,
    /// The text of its JSON ABI.
    pub abi: Option<String>,
    /// Events as they are written in Solidity.
    pub signatures: Vec<String>,
    /// Event names and the kinds that they are served as.
    pub events: BTreeMap<String, String>,
    /// First block of its history; the chain's when there is none.
    pub start_block: Option<u64>,
}

/// A contract whose logs are indexed.
#[derive(Debug, Clone)]
pub struct Contract {
    /// How its logs are read.
    pub definition: Arc<Definition>,
    /// First block of which logs are taken.
    pub start_block: u64,
    /// The factory that made it; none for a configured contract.
    pub factory: Option<Address>,
    /// Tokens that it trades, as its factory said: see [`Found::tokens`].
    pub tokens: Arc<[Address]>,
}

/// By which rules a log is followed.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// Those of the contract that emitted it.
    Contract(&'a Contract),
    /// Those of events that are followed on any contract.
    Pattern(&'a Contract),
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
    /// Both tokens of a pool in their order, or the collateral of outcomes and nothing; nothing when it is
    /// not known.
    pub tokens: [Option<Address>; 2],
}

/// Contracts by address, and events that are followed on any contract.
#[derive(Debug, Clone, Default)]
pub struct Contracts {
    by_address: HashMap<Address, Contract>,
    patterns: Arc<[Pattern]>,
    /// Every definition in use, once.
    definitions: Vec<Arc<Definition>>,
    /// The log's history with which they can be read from.
    pub history: u64,
}

impl Contract {
    /// Whether the same logs are read in the same way.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.start_block == other.start_block
            && self.definition.fingerprint() == other.definition.fingerprint()
    }
}

impl Contracts {
    /// The contracts of a list; a later one replaces an earlier one of the same address.
    #[must_use]
    pub fn new(contracts: impl IntoIterator<Item = (Address, Contract)>) -> Self {
        let by_address: HashMap<_, _> = contracts.into_iter().collect();
        let mut definitions: Vec<Arc<Definition>> = Vec::new();
        for contract in by_address.values() {
            if !definitions.iter().any(|known| Arc::ptr_eq(known, &contract.definition)) {
                definitions.push(Arc::clone(&contract.definition));
            }
        }
        // What factories make is known before they make it: a process that only reads the log must not
        // take the first event of a kind for one that nobody can want.
        let mut looked_at = 0;
        while let Some(factory) = definitions.get(looked_at).map(Arc::clone) {
            for creates in factory.creates {
                usual(&mut definitions, creates.protocol);
            }
            looked_at += 1;
        }
        Self { by_address, patterns: Arc::default(), definitions, history: 0 }
    }

    /// These contracts, and those of `more` whose addresses they do not have.
    #[must_use]
    pub fn and(self, more: impl IntoIterator<Item = (Address, Contract)>) -> Self {
        let patterns = self.patterns.to_vec();
        Self::new(more.into_iter().chain(self.by_address)).with(patterns)
    }

    /// These contracts, and events of any contract; of several patterns that a log matches the first counts.
    #[must_use]
    pub fn with(mut self, patterns: Vec<Pattern>) -> Self {
        self.definitions.extend(patterns.iter().map(|pattern| Arc::clone(&pattern.contract.definition)));
        self.patterns = patterns.into();
        self
    }

    /// What is followed of a log in block `number`: the contract's own rules, or those of a pattern.
    #[must_use]
    pub fn of(&self, address: &Address, number: u64, topics: &[Hash]) -> Option<Source<'_>> {
        let own = self.get(address).filter(|contract| contract.start_block <= number);
        let matching = || self.patterns.iter().find(|pattern| pattern.takes(address, number, topics));
        own.map(Source::Contract).or_else(|| matching().map(|pattern| Source::Pattern(&pattern.contract)))
    }

    /// The contract or the pattern of a key of [`subjects`](Self::subjects).
    #[must_use]
    pub fn subject(&self, key: &Address) -> Option<&Contract> {
        let pattern = || self.patterns.iter().find(|pattern| pattern.key == *key);
        self.get(key).or_else(|| pattern().map(|pattern| &pattern.contract))
    }

    /// Everything whose history is kept track of: contracts by address, patterns by key.
    pub fn subjects(&self) -> impl Iterator<Item = (Address, &Contract)> {
        let patterns = self.patterns.iter().map(|pattern| (pattern.key, &pattern.contract));
        self.by_address.iter().map(|(address, contract)| (*address, contract)).chain(patterns)
    }

    /// Only the contract or the pattern of this key.
    #[must_use]
    pub fn only(&self, key: &Address) -> Self {
        let contracts = self.get(key).map(|contract| (*key, contract.clone()));
        let patterns = self.patterns.iter().filter(|pattern| pattern.key == *key).cloned();
        Self::new(contracts).with(patterns.collect())
    }

    /// The contract at an address.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&Contract> {
        self.by_address.get(address)
    }

    /// These without some contracts and patterns, by address and key.
    #[must_use]
    pub fn without(mut self, is_out: impl Fn(&Address) -> bool) -> Self {
        self.by_address.retain(|address, _| !is_out(address));
        self.patterns = self.patterns.iter().filter(|pattern| !is_out(&pattern.key)).cloned().collect();
        self
    }

    /// At most `limit` contracts after `after`, by address.
    #[must_use]
    pub fn page(&self, after: Option<Address>, limit: usize) -> Vec<(Address, Contract)> {
        let addresses =
            self.addresses().into_iter().filter(|address| after.is_none_or(|after| *address > after));
        addresses.filter_map(|address| Some((address, self.get(&address)?.clone()))).take(limit).collect()
    }

    /// What a node is asked about.
    #[must_use]
    pub fn followed(&self) -> Followed {
        Followed { addresses: self.addresses(), patterns: Arc::clone(&self.patterns) }
    }

    /// Every address, in a stable order.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        let mut addresses: Vec<_> = self.by_address.keys().copied().collect();
        addresses.sort_unstable();
        addresses
    }

    /// What logs filed under `source` with the first topic `topic`, zero for anonymous ones, can be:
    /// protocol, kind and event, for every definition that lists such an event. What a pattern takes may have
    /// been filed under a contract that is no longer configured, or under another pattern.
    pub fn meanings<'a>(
        &'a self,
        source: &'a str,
        topic: &'a Hash,
    ) -> impl Iterator<Item = (&'a str, Arc<str>, &'a EventShape)> + 'a {
        let is_of_pattern = |of: &Arc<Definition>| {
            self.patterns.iter().any(|pattern| Arc::ptr_eq(&pattern.contract.definition, of))
        };
        let is_of_source = move |of: &&Arc<Definition>| &*of.source == source || is_of_pattern(of);
        let of_source = self.definitions.iter().filter(is_of_source);
        of_source.flat_map(move |definition| {
            let events = definition.abi.events().filter(|event| event.id().unwrap_or_default() == *topic);
            events.map(move |event: &EventShape| {
                (definition.protocol.as_str(), definition.kind(event.name()), event)
            })
        })
    }

    /// Adds what a factory made; an address that is already known keeps its protocol.
    pub fn add(&mut self, found: &Found) -> bool {
        if self.by_address.contains_key(&found.address) {
            return false;
        }
        let Some(definition) = usual(&mut self.definitions, found.protocol) else { return false };
        let contract = Contract {
            definition,
            start_block: found.created_block,
            factory: Some(found.factory),
            tokens: found.tokens.iter().flatten().copied().collect(),
        };
        self.by_address.insert(found.address, contract);
        true
    }

    /// The contract that a log of `factory` announces.
    #[must_use]
    pub fn made_by(factory: &Contract, log: &Log) -> Option<Found> {
        let Definition { abi, creates, .. } = &*factory.definition;
        if creates.is_empty() || log.block_number < factory.start_block {
            return None;
        }
        let decoded = abi.decode_log(log).ok()?;
        let creates = creates.iter().find(|creates| creates.event == decoded.name)?;
        let argument = |name: &str| {
            let found = decoded.arguments.iter().find(|argument| argument.name == name)?;
            if let Value::Address(address) = found.value { Some(address) } else { None }
        };
        let mut tokens = creates.tokens.iter().map(|name| argument(name));
        Some(Found {
            address: argument(creates.argument)?,
            protocol: creates.protocol,
            factory: log.address,
            created_block: log.block_number,
            tokens: [tokens.next().flatten(), tokens.next().flatten()],
        })
    }
}

/// The definition of a protocol with its usual kinds, made when there is none.
fn usual(definitions: &mut Vec<Arc<Definition>>, name: &str) -> Option<Arc<Definition>> {
    let is_it = |known: &&Arc<Definition>| known.is_usual && known.protocol == name;
    if let Some(known) = definitions.iter().find(is_it) {
        return Some(Arc::clone(known));
    }
    let new = Arc::new(Definition::of(capstan_chain::protocol(name)?, &BTreeMap::new()));
    definitions.push(Arc::clone(&new));
    Some(new)
}

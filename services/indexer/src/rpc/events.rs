//! Events as they are sent.

use std::collections::HashMap;

use capstan_chain::Argument;
use capstan_primitives::{Address, BlockRef, ChainId, Finality, Hash};
use capstan_proto::{
    indexer::{self as wire, Payload},
    primitives,
};
use prost_types::{ListValue, Value, value::Kind};

use super::{canonical, convert};
use crate::domain::Event;

/// Addresses whose text is remembered; their checksums cost more than all else of an event.
const ADDRESSES: usize = 20_000;

/// Writes the events of one chain, remembering what many of them share.
pub(super) struct EventWriter {
    chain_id: ChainId,
    arguments: bool,
    canonical: bool,
    raw: bool,
    addresses: HashMap<Address, String>,
    block: Option<(BlockRef, primitives::BlockRef)>,
}

impl EventWriter {
    /// Writes events that carry `payloads`.
    pub(super) fn new(chain_id: ChainId, payloads: &[Payload]) -> Self {
        let some = |payload| payloads.contains(&payload);
        let none = !some(Payload::Canonical) && !some(Payload::Raw);
        Self {
            chain_id,
            arguments: none || some(Payload::Arguments) || some(Payload::Unspecified),
            canonical: some(Payload::Canonical),
            raw: some(Payload::Raw),
            addresses: HashMap::new(),
            block: None,
        }
    }

    /// One event.
    pub(super) fn write(&mut self, how: Finality, event: &Event) -> wire::Event {
        let abi = &event.definition.abi;
        // It was checked on the way here: an event that does not decode is not handed out.
        let decoded = abi.decode(&event.topics, &event.data).ok();
        let name = decoded.as_ref().map(|decoded| decoded.name.to_owned()).unwrap_or_default();
        let wanted = decoded.as_ref().filter(|_| self.arguments);
        let arguments = wanted.map(|decoded| decoded.arguments.iter().map(|of| self.argument(of)).collect());
        let wanted = decoded.as_ref().filter(|_| self.canonical);
        let canonical =
            wanted.map(|decoded| canonical::of(&event.definition.protocol, decoded, &event.address));
        let (topics, data) = match self.raw {
            true => (event.topics.iter().map(bytes_of).collect(), event.data.clone().into()),
            false => (Vec::new(), bytes::Bytes::new()),
        };
        wire::Event {
            chain_id: self.chain_id.0,
            block: Some(self.block(event.block)),
            transaction_hash: event.transaction.to_string(),
            transaction_index: event.transaction_index,
            log_index: event.log_index,
            address: self.address(event.address),
            protocol: event.definition.protocol.clone(),
            kind: event.kind.to_string(),
            name,
            arguments: arguments.unwrap_or_default(),
            position: event.place,
            finality: convert::finality(how).into(),
            canonical: canonical.unwrap_or_default(),
            topics,
            data,
        }
    }

    fn block(&mut self, of: BlockRef) -> primitives::BlockRef {
        match &self.block {
            Some((known, written)) if *known == of => written.clone(),
            _ => {
                let written = convert::block(of);
                self.block = Some((of, written.clone()));
                written
            }
        }
    }

    fn address(&mut self, of: Address) -> String {
        if self.addresses.len() >= ADDRESSES {
            self.addresses.clear();
        }
        self.addresses.entry(of).or_insert_with(|| of.to_string()).clone()
    }

    fn argument(&mut self, of: &Argument<'_>) -> wire::Argument {
        let value = Some(self.value(&of.value));
        wire::Argument { name: of.name.to_owned(), r#type: of.type_.to_owned(), value }
    }

    fn value(&mut self, of: &capstan_chain::Value<'_>) -> Value {
        use capstan_chain::Value::{Address, Bool, Bytes, Integer, List, Text};
        let kind = match of {
            Bool(flag) => Kind::BoolValue(*flag),
            Integer(number) => Kind::StringValue(number.to_string()),
            Text(text) => Kind::StringValue((*text).to_owned()),
            Bytes(bytes) => Kind::StringValue(hex::encode_prefixed(bytes)),
            Address(address) => Kind::StringValue(self.address(*address)),
            List(values) => {
                Kind::ListValue(ListValue { values: values.iter().map(|value| self.value(value)).collect() })
            }
        };
        Value { kind: Some(kind) }
    }
}

fn bytes_of(topic: &Hash) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(topic.as_bytes())
}

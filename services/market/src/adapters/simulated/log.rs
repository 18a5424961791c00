//! Blocks and events as the indexer serves them.

use capstan_primitives::{Address, BlockRef, BlockTime, Hash, U256, keccak256};
use capstan_proto::{
    indexer::{Argument, Event, EventBatch, Heartbeat, UndoSignal},
    primitives,
};
use prost_types::{ListValue, Timestamp, Value, value::Kind};

/// One mined block.
#[derive(Debug, Clone)]
pub struct Block {
    pub at: BlockRef,
    pub events: Vec<Event>,
}

/// The log of one chain.
#[derive(Debug, Clone)]
pub struct Log {
    pub chain_id: u64,
    pub blocks: Vec<Block>,
    /// Position of the newest event or undo.
    pub position: u64,
    /// Changes the hashes of the blocks to come: another fork.
    pub fork: u64,
    /// Seconds from block to block.
    pub pace: u64,
    open: Vec<Event>,
    transactions: u64,
}

impl Log {
    pub fn new(chain_id: u64) -> Self {
        Self {
            chain_id,
            blocks: Vec::new(),
            position: 0,
            fork: 0,
            pace: 2,
            open: Vec::new(),
            transactions: 0,
        }
    }

    /// Newest mined block.
    pub fn head(&self) -> Option<BlockRef> {
        self.blocks.last().map(|block| block.at)
    }

    fn next_block(&self) -> BlockRef {
        let number = self.head().map_or(1, |head| head.number + 1);
        let parent = self.head().map(|head| head.hash).unwrap_or_default();
        let seeds = [self.chain_id, number, self.fork].map(u64::to_be_bytes).concat();
        let hash = keccak256(&[parent.as_bytes(), &seeds]);
        BlockRef { number, hash, time: BlockTime(1_700_000_000 + self.pace * number) }
    }

    /// Begins a transaction; events belong to it until the next.
    pub fn transaction(&mut self) {
        self.transactions += 1;
    }

    pub fn emit(&mut self, address: Address, kind: &str, arguments: Vec<Argument>) {
        let at = self.next_block();
        let log_index = u32::try_from(self.open.len()).expect("few events");
        self.position = at.number << 24 | u64::from(log_index);
        let (protocol, name) = kind.rsplit_once('.').expect("a kind has a protocol");
        let transaction = keccak256(&[&self.transactions.to_be_bytes(), &self.fork.to_be_bytes()]);
        self.open.push(Event {
            chain_id: self.chain_id,
            block: Some(block(at)),
            transaction_hash: transaction.to_string(),
            transaction_index: 0,
            log_index,
            address: address.to_string(),
            protocol: protocol.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            arguments,
            position: self.position,
            finality: primitives::Finality::Latest.into(),
            ..Event::default()
        });
    }

    /// Mines what was emitted since the last block.
    pub fn mine(&mut self) -> BlockRef {
        let at = self.next_block();
        self.blocks.push(Block { at, events: std::mem::take(&mut self.open) });
        at
    }

    /// The events of blocks `from` to `to`, as one batch; the cursor is the position after them.
    pub fn batch(&self, from: u64, to: u64) -> EventBatch {
        let blocks = self.blocks.iter().filter(|block| (from..=to).contains(&block.at.number));
        let events: Vec<Event> = blocks.flat_map(|block| block.events.clone()).collect();
        let last = self.blocks.iter().find(|block| block.at.number == to).expect("a mined block");
        let cursor = format!("after {} at {}", events.last().map_or(0, |event| event.position), last.at.hash);
        EventBatch {
            chain_id: self.chain_id,
            events,
            block: Some(block(last.at)),
            block_complete: true,
            finalized: None,
            cursor,
        }
    }

    /// Takes every block above `number` back; the next ones are of another fork.
    pub fn undo(&mut self, number: u64) -> UndoSignal {
        let depth = self.head().map_or(0, |head| head.number.saturating_sub(number));
        self.blocks.retain(|block| block.at.number <= number);
        self.fork += 1;
        UndoSignal {
            chain_id: self.chain_id,
            last_valid_block: self.head().map(block),
            depth,
            cursor: format!("undo {}", self.fork),
            reverted: Vec::new(),
        }
    }

    pub fn heartbeat(&self, finalized: Option<u64>) -> Heartbeat {
        let finalized = self.blocks.iter().find(|block| Some(block.at.number) == finalized);
        Heartbeat {
            chain_id: self.chain_id,
            block: self.head().map(block),
            finalized: finalized.map(|found| block(found.at)),
            cursor: format!("heartbeat {:?}", self.head()),
        }
    }
}

pub fn block(at: BlockRef) -> primitives::BlockRef {
    let seconds = i64::try_from(at.time.0).expect("a time in this millennium");
    primitives::BlockRef {
        number: at.number,
        hash: at.hash.to_string(),
        time: Some(Timestamp { seconds, nanos: 0 }),
    }
}

fn text(text: impl ToString) -> Value {
    Value { kind: Some(Kind::StringValue(text.to_string())) }
}

fn list<T: ToString>(items: &[T]) -> Value {
    Value {
        kind: Some(Kind::ListValue(ListValue {
            values: items.iter().map(|item| text(item.to_string())).collect(),
        })),
    }
}

fn argument(name: &str, r#type: &str, value: Value) -> Argument {
    Argument { name: name.to_owned(), r#type: r#type.to_owned(), value: Some(value) }
}

pub fn address(name: &str, value: Address) -> Argument {
    argument(name, "address", text(value))
}

pub fn bytes32(name: &str, value: Hash) -> Argument {
    argument(name, "bytes32", text(value))
}

pub fn bytes32s(name: &str, values: &[Hash]) -> Argument {
    argument(name, "bytes32[]", list(values))
}

pub fn uint(name: &str, value: U256) -> Argument {
    argument(name, "uint256", text(value))
}

pub fn uints(name: &str, values: &[U256]) -> Argument {
    argument(name, "uint256[]", list(values))
}

pub fn string(name: &str, value: &str) -> Argument {
    argument(name, "string", text(value))
}

pub fn strings(name: &str, values: &[String]) -> Argument {
    argument(name, "string[]", list(values))
}

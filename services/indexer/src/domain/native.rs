//! Blocks, and what transactions do to accounts, in the form of logs: as if the chain's coin were a contract
//! that emitted them, so that nothing else has to know of them.

use std::collections::{BTreeMap, BTreeSet};

use capstan_chain::{
    BlockDetails, EventShape, Header, Log, LogFilter, Receipt, Transaction, address_topic, protocol,
};
use capstan_primitives::{Address, Hash, Topics, TransactionId, keccak256};

use super::{Definition, Pattern, place};

/// Name of the protocol.
pub const PROTOCOL: &str = "native";
/// Index of the first log that is none: no block has as many. The two of each transaction follow.
const FIRST_INDEX: u32 = 1 << 23;
const TRANSFER: &str = "Transfer";
const TRANSACTION: &str = "Transaction";
const BLOCK: &str = "Block";
const WORD: usize = 32;

/// What is told as logs without being some.
#[derive(Debug, Clone)]
pub enum Native {
    /// Transactions of accounts.
    Accounts(Accounts),
    /// Blocks whose number is a multiple of this.
    Blocks(u64),
}

/// Accounts whose transactions are followed.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    of: BTreeSet<Address>,
    /// Whether those are of interest that move nothing.
    all: bool,
}

/// What is followed of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    /// Transfers of the chain's coin, by transactions that succeeded.
    pub transfers: bool,
    /// Transactions from and to it.
    pub transactions: bool,
}

/// The address that stands for the chain's coin (ERC-7528).
#[must_use]
pub fn coin() -> Address {
    Address::from([0xee; 20])
}

impl Native {
    /// Whether something of block `number` may be wanted.
    #[must_use]
    pub const fn takes(&self, number: u64) -> bool {
        match self {
            Self::Accounts(_) => true,
            Self::Blocks(every) => number.is_multiple_of(*every),
        }
    }
}

impl Accounts {
    /// Whether something of a transaction may be wanted.
    #[must_use]
    pub fn concern(&self, transaction: &Transaction) -> bool {
        let moves = transaction.value.0.bit_len() > 0;
        (self.all || moves)
            && (self.of.contains(&transaction.from) || self.of.contains(&transaction.target()))
    }
}

/// The pattern of what is followed of some accounts from a block on; none when this is nothing.
#[must_use]
pub fn pattern(accounts: &[Address], follow: Follow, start_block: u64) -> Option<Pattern> {
    let names = [(TRANSFER, follow.transfers), (TRANSACTION, follow.transactions)];
    let names: Vec<String> = names.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).to_owned()).collect();
    let definition = Definition::of(protocol(PROTOCOL)?, &BTreeMap::new()).only(&names);
    let of: BTreeSet<Address> = accounts.iter().copied().collect();
    let wanted: Vec<Hash> = of.iter().filter_map(address_topic).collect();
    let ids = definition.abi.topics();
    let filter = |topics| LogFilter { addresses: vec![coin()], topics };
    let filters = vec![filter(vec![ids.clone(), wanted.clone()]), filter(vec![ids, Vec::new(), wanted])];
    let is_followed = !names.is_empty() && !of.is_empty();
    let native = Some(Native::Accounts(Accounts { of, all: follow.transactions }));
    is_followed.then(|| Pattern { native, ..Pattern::new(definition, start_block, filters) })
}

/// The pattern of the blocks whose number is a multiple of `every`, from a block on; none when that is 0.
#[must_use]
pub fn blocks(every: u64, start_block: u64) -> Option<Pattern> {
    let definition = Definition::of(protocol(PROTOCOL)?, &BTreeMap::new()).only(&[BLOCK.to_owned()]);
    let filter = LogFilter { addresses: vec![coin()], topics: vec![definition.abi.topics()] };
    let pattern = Pattern::new(definition, start_block, vec![filter]);
    // Other multiples are other events.
    let key = Address::from(*keccak256(&[pattern.key.as_bytes(), &every.to_be_bytes()]).as_bytes());
    (every > 0).then_some(Pattern { key, native: Some(Native::Blocks(every)), ..pattern })
}

/// The log of a block, which no transaction emits: the last that there is room for.
#[must_use]
pub fn log_of(details: &BlockDetails) -> Option<Log> {
    let BlockDetails { header, miner, gas_limit, gas_used, base_fee_per_gas } = details;
    let base_fee = base_fee_per_gas.map_or([0; WORD], |fee| fee.0.to_be_bytes::<WORD>());
    Some(Log {
        block_number: header.block.number,
        block_hash: header.block.hash,
        block_time: Some(header.block.time),
        transaction: TransactionId::try_from([0; WORD].as_slice()).ok()?,
        transaction_index: 0,
        log_index: place::MAX_INDEX,
        address: coin(),
        topics: Topics::of([id_of(BLOCK)?, address_topic(miner)?]).ok()?,
        data: [*header.parent_hash.as_bytes(), small(*gas_limit), small(*gas_used), base_fee].concat(),
    })
}

/// The logs of a mined transaction. One that failed moved nothing. Before Byzantium receipts did not
/// say so: all count as successful.
#[must_use]
pub fn logs_of(header: &Header, transaction: &Transaction, receipt: &Receipt) -> Vec<Log> {
    let target = receipt.created.unwrap_or_else(|| transaction.target());
    let success = receipt.is_success.unwrap_or(true);
    let value = transaction.value.0.to_be_bytes::<WORD>();
    let price = receipt.effective_gas_price.map_or([0; WORD], |price| price.0.to_be_bytes::<WORD>());
    let words = [small(transaction.nonce), value, small(u64::from(success)), small(receipt.gas_used), price];
    let moves = success && transaction.value.0.bit_len() > 0;
    let wanted = [(TRANSACTION, 0, words.concat()), (TRANSFER, 1, value.to_vec())];
    let wanted = wanted.into_iter().filter(|(name, ..)| *name == TRANSACTION || moves);
    let log = |(name, offset, data): (&str, u32, Vec<u8>)| {
        let place = receipt.place;
        let index = place.transaction_index.checked_mul(2)?.checked_add(FIRST_INDEX)?.checked_add(offset)?;
        Some(Log {
            block_number: header.block.number,
            block_hash: header.block.hash,
            block_time: Some(header.block.time),
            transaction: transaction.id.clone(),
            transaction_index: place.transaction_index,
            log_index: index,
            address: coin(),
            topics: Topics::of([id_of(name)?, address_topic(&transaction.from)?, address_topic(&target)?])
                .ok()?,
            data,
        })
    };
    wanted.filter_map(log).collect()
}

fn id_of(name: &str) -> Option<Hash> {
    protocol(PROTOCOL)?.abi.events().find(|event| event.name() == name).and_then(EventShape::id)
}

fn small(number: u64) -> [u8; WORD] {
    let mut word = [0; WORD];
    word.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
    word
}

#[cfg(test)]
mod tests {
    use capstan_chain::Place;
    use capstan_primitives::{Amount, BlockRef, BlockTime, TransactionId};

    use super::*;

    fn address(byte: u8) -> Address {
        Address::from([byte; 20])
    }

    fn mined(value: &str, is_success: bool) -> (Header, Transaction, Receipt) {
        let block = BlockRef { number: 7, hash: Hash::from([7; 32]), time: BlockTime(70) };
        let place = Place { block_number: 7, block_hash: block.hash, transaction_index: 3 };
        let id = TransactionId::try_from([9; 32].as_slice()).unwrap();
        let (from, to) = (address(1), Some(address(2)));
        let value: Amount = value.parse().unwrap();
        let transaction = Transaction { id: id.clone(), from, to, value, nonce: 5, place: Some(place) };
        let effective_gas_price = Some("1000".parse().unwrap());
        let is_success = Some(is_success);
        let receipt = Receipt { id, place, is_success, gas_used: 21_000, effective_gas_price, created: None };
        (Header { block, parent_hash: Hash::ZERO }, transaction, receipt)
    }

    #[test]
    fn a_transaction_becomes_logs_that_decode_as_what_it_did() {
        let (header, transaction, receipt) = mined("123", true);
        let logs = logs_of(&header, &transaction, &receipt);
        assert_eq!(logs.iter().map(|log| log.log_index).collect::<Vec<_>>(), [8_388_614, 8_388_615]);
        let abi = &protocol(PROTOCOL).unwrap().abi;
        let values = |log: &Log| {
            let decoded = abi.decode_log(log).unwrap();
            decoded.arguments.iter().map(|one| one.value.to_string()).collect::<Vec<_>>()
        };
        let (from, to) = (address(1).to_string(), address(2).to_string());
        assert_eq!(values(&logs[0]), [&from, &to, "5", "123", "true", "21000", "1000"]);
        assert_eq!(values(&logs[1]), [&from, &to, "123"]);
    }

    #[test]
    fn a_block_becomes_the_last_log_of_its_block_at_every_multiple() {
        let block = |number| BlockRef { number, hash: Hash::from([7; 32]), time: BlockTime(70) };
        let details = |number| BlockDetails {
            header: Header { block: block(number), parent_hash: Hash::from([6; 32]) },
            miner: address(1),
            gas_limit: 30_000_000,
            gas_used: 21_000,
            base_fee_per_gas: Some("7".parse().unwrap()),
        };
        let log = log_of(&details(20)).unwrap();
        let decoded = protocol(PROTOCOL).unwrap().abi.decode_log(&log).unwrap();
        let values: Vec<_> = decoded.arguments.iter().map(|one| one.value.to_string()).collect();
        let parent = format!("0x{}", "06".repeat(32));
        assert_eq!(values, [&address(1).to_string(), &parent, "30000000", "21000", "7"]);
        assert_eq!(place::place(20, log.log_index), Some(place::end_of(20)));

        let tenth = blocks(10, 15).unwrap();
        for (number, taken) in [(10, false), (15, false), (20, true), (25, false), (30, true)] {
            let log = log_of(&details(number)).unwrap();
            assert_eq!(tenth.takes(&log.address, number, &log.topics), taken, "{number}");
            assert_eq!(tenth.takes_block(number), taken, "{number}");
        }
        assert_eq!(tenth.key, blocks(10, 0).unwrap().key);
        assert_ne!(tenth.key, blocks(20, 15).unwrap().key);
        assert!(blocks(0, 0).is_none());
    }

    #[test]
    fn what_failed_or_carried_nothing_moved_nothing() {
        for (value, is_success) in [("123", false), ("0", true)] {
            let (header, transaction, receipt) = mined(value, is_success);
            assert_eq!(logs_of(&header, &transaction, &receipt).len(), 1);
        }
    }

    #[test]
    fn only_what_concerns_the_accounts_is_taken() {
        let transfers = Follow { transfers: true, transactions: false };
        let all = Follow { transfers: true, transactions: true };
        for (follow, account, value, taken) in [
            (transfers, 1, "5", 1),
            (transfers, 2, "5", 1),
            (transfers, 3, "5", 0),
            (transfers, 1, "0", 0),
            (all, 1, "5", 2),
            (all, 2, "0", 1),
        ] {
            let pattern = pattern(&[address(account)], follow, 0).unwrap();
            let (header, transaction, receipt) = mined(value, true);
            let Some(Native::Accounts(accounts)) = &pattern.native else { panic!("{pattern:?}") };
            let logs = logs_of(&header, &transaction, &receipt);
            let takes = |log: &&Log| pattern.takes(&log.address, log.block_number, &log.topics);
            assert_eq!(logs.iter().filter(takes).count(), taken, "{follow:?} {account} {value}");
            assert_eq!(accounts.concern(&transaction), taken > 0, "{follow:?} {account} {value}");
        }
        assert!(pattern(&[], all, 0).is_none());
        assert!(pattern(&[address(1)], Follow { transfers: false, transactions: false }, 0).is_none());
    }
}

//! Transactions, receipts, nonces and calls of a real chain.

use capstan_chain::{At, ChainError, Evm, Header, History, Receipt, Role, Transaction, Verification};
use capstan_faults::{Fault, Script};
use capstan_primitives::{Address, Amount, BlockRef, Hash, TransactionId};
use serde_json::json;

use crate::{anvil::Anvil, options, pool::Pair};

const PROVED: History = History::Checked(Verification::Receipts);
const TOLD: History = History::Checked(Verification::Off);

fn sender() -> Address {
    "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266".parse().unwrap()
}

fn id(hash: Hash) -> TransactionId {
    TransactionId::try_from(hash.as_bytes().as_slice()).unwrap()
}

async fn chain() -> (Anvil, Evm) {
    let anvil = Anvil::start();
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    (anvil, evm)
}

#[tokio::test]
async fn a_transaction_is_pending_and_then_mined() {
    let (anvil, evm) = chain().await;
    let receiver = Address::from([0x11; 20]);
    let sent = id(anvil.send(json!({ "to": receiver, "value": "0x7b" })).await);
    let pending = evm.transaction(&sent).await.unwrap().unwrap();
    assert_eq!((pending.from, pending.to, pending.value), (sender(), Some(receiver), Amount::from(123)));
    assert_eq!((pending.nonce, pending.place), (0, None));
    assert_eq!(evm.receipt(&sent).await.unwrap(), None);
    assert_eq!(evm.transaction_count(sender(), At::Latest).await.unwrap(), 0);
    assert_eq!(evm.transaction_count(sender(), At::Pending).await.unwrap(), 1);

    anvil.mine(1).await;
    let head = evm.head().await.unwrap().block;
    let place = evm.transaction(&sent).await.unwrap().unwrap().place.unwrap();
    assert_eq!((place.block_number, place.block_hash, place.transaction_index), (1, head.hash, 0));
    let receipt = evm.receipt(&sent).await.unwrap().unwrap();
    assert_eq!((receipt.place, receipt.is_success, receipt.gas_used), (place, Some(true), 21_000));
    assert!(receipt.effective_gas_price.is_some());
    assert_eq!(evm.transaction_count(sender(), At::Latest).await.unwrap(), 1);
    assert_eq!(evm.transaction(&id(Hash::ZERO)).await.unwrap(), None);
}

#[tokio::test]
async fn a_receipt_says_what_was_made_and_what_failed() {
    let (anvil, evm) = chain().await;
    let made = anvil.log(1).await;
    let failed = anvil.send(json!({ "data": "0xfe", "gas": "0x30d40" })).await;
    anvil.mine(1).await;
    let receipt = evm.receipt(&id(made)).await.unwrap().unwrap();
    assert_eq!(receipt.created, Some(anvil.made_by(made).await));
    assert_eq!(evm.receipt(&id(failed)).await.unwrap().unwrap().is_success, Some(false));
}

#[tokio::test]
async fn the_transactions_of_a_block_are_proved_by_its_hash() {
    let (anvil, evm) = chain().await;
    let receiver = Address::from([0x11; 20]);
    let sent = [
        anvil.send(json!({ "to": receiver, "value": "0x1" })).await,
        anvil.send(json!({ "to": receiver, "value": "0x2", "gasPrice": "0x77359400" })).await,
        anvil.send(json!({ "to": receiver, "gasPrice": "0x77359400", "accessList": [] })).await,
        anvil.log(1).await,
    ];
    anvil.mine(1).await;
    let hash = evm.head().await.unwrap().block.hash;
    let block = evm.block_transactions(hash).await.unwrap();
    assert!(block.is_proved);
    let ids: Vec<_> = block.transactions.iter().map(|transaction| transaction.id.clone()).collect();
    assert_eq!(ids, sent.map(id));
    assert!(block.transactions.iter().all(|transaction| transaction.from == sender()));
    assert_eq!(block.transactions[1].value, Amount::from(2));
    assert_eq!(block.transactions[3].to, None);
    let error = evm.block_transactions(Hash::ZERO).await.unwrap_err();
    assert!(matches!(error, ChainError::UnknownBlock { .. }), "{error}");
}

#[tokio::test]
async fn altered_transactions_are_not_believed() {
    for lie in [Fault::AlterTransactions, Fault::AlterHeader] {
        let pair = Pair::primary_and(Role::Fallback).await;
        let hash = pair.evm.head().await.unwrap().block.hash;
        let right = pair.evm.block_transactions(hash).await.unwrap();
        assert!(right.is_proved && right.transactions.len() == 1);
        pair.first.follow(Script::always(lie));
        let ask = async || {
            assert_eq!(pair.evm.block_transactions(hash).await.unwrap(), right, "{lie:?}");
        };
        assert!(pair.ejects_after_three(ask).await, "{lie:?}: {:?}", pair.status_of_first());
        pair.second.follow(Script::always(lie));
        assert!(pair.evm.block_transactions(hash).await.is_err(), "{lie:?}");
    }
}

#[tokio::test]
async fn the_receipts_of_a_block_are_proved_and_say_what_each_says() {
    let (anvil, evm) = chain().await;
    let receiver = Address::from([0x11; 20]);
    let failing = json!({ "data": "0xfe", "gas": "0x30d40" });
    let sent = [
        anvil.send(json!({ "to": receiver, "value": "0x1" })).await,
        anvil.send(failing).await,
        anvil.log(1).await,
    ];
    anvil.mine(1).await;
    let hash = evm.head().await.unwrap().block.hash;
    let receipts = evm.block_receipts(hash).await.unwrap().unwrap();
    assert_eq!(receipts.len(), sent.len());
    for (receipt, sent) in receipts.into_iter().zip(sent) {
        let alone = evm.receipt(&id(sent)).await.unwrap().unwrap();
        let transaction = evm.transaction(&id(sent)).await.unwrap().unwrap();
        assert_eq!(transaction.target(), alone.created.unwrap_or(receiver));
        assert_eq!(receipt, Receipt { created: None, ..alone });
    }
}

#[tokio::test]
async fn transactions_of_blocks_in_a_row_come_from_blocks_that_join() {
    let pair = Pair::primary_and(Role::Fallback).await;
    let (evm, wanted) = (&pair.evm, |_: &Transaction| true);
    let header = async |number| evm.header(number).await.unwrap().unwrap();
    let ends = (header(2).await, header(10).await);
    let right = evm.transactions_between(ends, PROVED, &wanted).await.unwrap();
    for (header, transactions) in &right.blocks {
        assert_eq!(*transactions, evm.block_transactions(header.block.hash).await.unwrap().transactions);
    }
    let numbers: Vec<_> = right.blocks.iter().map(|(header, _)| header.block.number).collect();
    assert!(numbers.len() > 1 && numbers.is_sorted(), "{numbers:?}");
    assert_eq!(evm.transactions_between(ends, TOLD, &|_| false).await.unwrap().blocks, []);

    let other = (ends.0, Header { block: BlockRef { hash: Hash::ZERO, ..ends.1.block }, ..ends.1 });
    let error = evm.transactions_between(other, PROVED, &wanted).await.unwrap_err();
    assert!(matches!(error, ChainError::Inconsistent { .. }), "{error}");
    for lie in [Fault::AlterTransactions, Fault::AlterHeader, Fault::WrongHash] {
        pair.first.follow(Script::always(lie));
        assert_eq!(evm.transactions_between(ends, PROVED, &wanted).await.unwrap(), right, "{lie:?}");
    }
}

#[tokio::test]
async fn a_call_sees_the_state_after_its_block_and_a_revert_is_no_fault_of_the_endpoint() {
    let (anvil, evm) = chain().await;
    // Returns the number of the block, and reverts when it is called with data.
    let code = "0x6e36600b57435f5260205ff35b5f5ffd5f52600f6011f3";
    let made = anvil.send(json!({ "data": code, "gas": "0x30d40" })).await;
    anvil.mine(1).await;
    let (first, contract) = (evm.head().await.unwrap().block.hash, anvil.made_by(made).await);
    anvil.mine(4).await;
    let last = evm.head().await.unwrap().block.hash;
    for (block, number) in [(first, 1), (last, 5)] {
        assert_eq!(evm.call(contract, &[], block).await.unwrap().last(), Some(&number));
    }
    for _ in 0..4 {
        let error = evm.call(contract, &[1], last).await.unwrap_err();
        assert!(matches!(error, ChainError::Reverted { .. }), "{error}");
    }
    assert_eq!(evm.endpoints()[0].errors, 0);
    let error = evm.call(contract, &[], Hash::from([7; 32])).await.unwrap_err();
    assert!(matches!(error, ChainError::UnknownBlock { .. }), "{error}");
}

//! A million damaged answers: no panic, and what is proved by a block's hash is what the block holds.

use capstan_primitives::{ChainId, Hash};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::Intact;
use crate::{
    BlockDetails, BlockTransactions, ChainError, Log, LogFilter, RangeHint, Transaction, answers,
    evidence::{BlockReceipts, Formats, FullHeader, WireReceipt, proved_logs},
    ranges::logs_of_block,
    reading::returned,
    refusals,
    rpc::{Answer, take_answer},
    transport::Replies,
    wire::WireDetails,
    wire_transaction::{self, WireTransaction},
};

/// Answers of anvil about one block: it has a transfer, and two transactions with a log each.
const BLOCK: &str = include_str!("block.json");
/// How providers refuse.
const REFUSALS: [&str; 8] = [
    "query returned more than 10000 results. Try with this block range [0x1F4, 0x5DC].",
    "You can make eth_getLogs requests with up to a 2K block range. Based on your parameters and the \
     response size limit, this block range should work: [0x0, 0x7cf]",
    "query exceeds max results 20000, retry with the range 100-2099",
    "requested too many blocks from 1 to 5000, maximum is set to 2048",
    "please limit the query to at most 1,000 blocks",
    "eth_getLogs is limited to 1024 block range",
    "50/second request limit reached - reduce calls per second or upgrade",
    "header not found",
];

/// The block as it is.
struct Truth {
    header: FullHeader,
    details: BlockDetails,
    logs: Vec<Log>,
    transactions: Vec<Transaction>,
    formats: Formats,
}

impl Truth {
    fn read() -> Self {
        let answer = |name| answer(&mut told(body(json!([of(1, name)])).as_bytes()).unwrap(), 1);
        let header = FullHeader::read(answer("header")).unwrap().unwrap();
        let logs = logs_of_block(header.header, answers::logs(&answer("logs").unwrap()).unwrap()).unwrap();
        let block = BlockTransactions::read(&header, &answer("block").unwrap(), true).unwrap();
        assert!(header.self_verifies() && block.is_proved && logs.len() == 2);
        // A header that does not verify is a lie on Ethereum.
        let details = details(&header, &answer("header").unwrap()).unwrap();
        let (transactions, formats) = (block.transactions, Formats::new(ChainId(1)));
        Self { header, details, logs, transactions, formats }
    }

    /// Whether `header` is proved; nothing but what was proved before may be.
    fn proves(&self, header: &FullHeader) -> bool {
        let proved = self.formats.proves(header).is_ok_and(|proved| proved);
        if proved {
            assert_eq!(header.header, self.header.header);
            assert_eq!(header.logs_bloom(), self.header.logs_bloom());
            assert_eq!(header.receipts_root(), self.header.receipts_root());
            assert_eq!(header.transactions_root(), self.header.transactions_root());
        }
        proved
    }
}

fn details(header: &FullHeader, answer: &Answer) -> Option<BlockDetails> {
    Some(answers::read::<WireDetails>(answer).ok()?.of(header.header))
}

fn of(id: u64, name: &str) -> Value {
    let result = serde_json::from_str::<Value>(BLOCK).unwrap()[name].take();
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn body(answers: Value) -> String {
    match answers.as_array().map(Vec::as_slice) {
        Some([answer]) => answer.to_string(),
        _ => answers.to_string(),
    }
}

/// A body as it comes from HTTP.
fn told(body: &[u8]) -> Option<Replies> {
    Replies::parse(String::from_utf8(body.to_owned()).ok()?, None).ok()
}

/// The answer to the call of this id; what an error says must make sense.
fn answer(replies: &mut Replies, id: u64) -> Result<Answer, ChainError> {
    let answer = take_answer(&mut replies.replies, "eth_getLogs", id);
    if let Err(error) = &answer {
        let _ = (error.to_string(), error.class(), error.smaller_range_may_help());
        let _ = refusals::is_block_not_seen(error);
    }
    if let Err(ChainError::RangeTooLarge { hint: Some(hint), .. }) = &answer {
        match *hint {
            RangeHint::Blocks { from, to } => assert!(from <= to),
            RangeHint::AtMost(blocks) => assert!(blocks > 0),
        }
    }
    answer
}

/// Damages `answers` so often; `is_read` says whether something was read and believed.
fn damage(times: u32, seed: u64, answers: Value, is_read: impl Fn(&mut Replies) -> bool) {
    let intact = Intact::new(body(answers));
    let mut random = StdRng::seed_from_u64(seed);
    let mut read = 0;
    for _ in 0..times {
        read +=
            u32::from(told(&intact.damaged(&mut random)).is_some_and(|mut replies| is_read(&mut replies)));
    }
    println!("{read} of {times} were read");
    // Damage to what is not looked at is none.
    assert!((times / 100..times / 10 * 9).contains(&read), "{read} of {times} were read");
}

#[test]
fn damaged_headers_prove_nothing_else() {
    let truth = Truth::read();
    damage(100_000, 1, json!([of(1, "header")]), |replies| {
        let Ok(answer) = answer(replies, 1) else { return false };
        let Ok(Some(header)) = answers::read(&answer) else { return false };
        let header = FullHeader::of(header, &answer);
        let is_proved = truth.proves(&header);
        // What is written in another way may be refused, though its hash is right.
        let details = details(&header, &answer).filter(|_| is_proved);
        assert!(details.is_none_or(|details| details == truth.details));
        is_proved
    });
}

#[test]
fn damaged_receipts_prove_no_other_log() {
    let truth = Truth::read();
    let without_ids = |logs: &[Log]| -> Vec<Log> {
        let id = logs[0].transaction.clone();
        logs.iter().map(|log| Log { transaction: id.clone(), ..log.clone() }).collect()
    };
    damage(20_000, 2, json!([of(1, "receipts")]), |replies| {
        let receipts = answer(replies, 1).and_then(|told| answers::read::<Option<Vec<WireReceipt>>>(&told));
        let Ok(Some(receipts)) = receipts else { return false };
        let Ok(BlockReceipts::Proved(receipts)) = BlockReceipts::checked(&truth.header, receipts) else {
            return false;
        };
        let logs = proved_logs(receipts, &[LogFilter::default()]);
        logs.is_ok_and(|logs| {
            assert_eq!(without_ids(&logs), without_ids(&truth.logs));
            true
        })
    });
}

#[test]
fn damaged_blocks_prove_no_other_transaction() {
    let truth = Truth::read();
    damage(10_000, 3, json!([of(1, "block")]), |replies| {
        let Ok(answer) = answer(replies, 1) else { return false };
        let Ok(Some(header)) = answers::read(&answer) else { return false };
        let header = FullHeader::of(header, &answer);
        let block = BlockTransactions::read(&header, &answer, truth.proves(&header));
        block.is_ok_and(|block| {
            assert!(!block.is_proved || block.transactions == truth.transactions);
            block.is_proved
        })
    });
}

#[test]
fn damaged_logs_and_transactions_are_read_or_refused() {
    let truth = Truth::read();
    damage(200_000, 4, json!([of(1, "logs")]), |replies| {
        let logs = answer(replies, 1).and_then(|answer| answers::logs(&answer));
        let logs = logs.and_then(|logs| logs_of_block(truth.header.header, logs));
        logs.is_ok_and(|logs| truth.header.check_bloom(&logs).is_ok())
    });
    damage(150_000, 5, json!([of(1, "transaction"), of(2, "receipt")]), |replies| {
        let transaction = answer(replies, 1).and_then(|told| answers::read::<WireTransaction>(&told));
        let receipt =
            answer(replies, 2).and_then(|told| answers::read::<wire_transaction::WireReceipt>(&told));
        let transaction = transaction.map(WireTransaction::into_transaction);
        let receipt = receipt.map(wire_transaction::WireReceipt::into_receipt);
        transaction.is_ok_and(|read| read.is_ok()) && receipt.is_ok_and(|read| read.is_ok())
    });
}

#[test]
fn damaged_numbers_results_and_refusals_are_read_or_refused() {
    for (place, refusal) in (0_u64..).zip(REFUSALS) {
        let refusal =
            json!({ "code": -32_005, "message": refusal, "data": { "to": "0x5dc", "limit": 10_000 } });
        let answers = json!([
            { "jsonrpc": "2.0", "id": 1, "result": "0x7a69" },
            { "jsonrpc": "2.0", "id": 2, "result": format!("0x{}", "00".repeat(31) + "2a") },
            { "jsonrpc": "2.0", "id": 3, "error": refusal },
        ]);
        damage(65_000, 6 + place, answers, |replies| {
            let chain = answer(replies, 1).and_then(|told| answers::number(&told));
            let call = returned(answer(replies, 2), Hash::ZERO);
            let refused = answer(replies, 3).is_err();
            chain.is_ok() && call.is_ok() && refused
        });
    }
}

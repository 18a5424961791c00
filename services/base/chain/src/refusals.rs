//! What a node's refusal means: there is no standard, so providers are known by their texts.

use crate::{ChainError, RangeHint};

/// Longest part of a node's text that is kept.
const LONGEST_MESSAGE: usize = 300;

/// EIP-1474: a limit of requests, once the range is not meant.
const LIMIT_EXCEEDED: i64 = -32_005;

/// Where the allowed range stands after the words that a refusal is known by.
enum Hint {
    None,
    /// The next two numbers are the first and the last block.
    FromTo,
    /// The n-th number from 0 is the number of blocks.
    Count(usize),
}

/// Words of refusals of too large a range, in lower case; the first that is found decides, so those
/// with a hint stand before those without.
const RANGE_TOO_LARGE: &[(&str, Hint)] = &[
    ("try with this block range", Hint::FromTo),    // Infura, zkSync
    ("this block range should work", Hint::FromTo), // Alchemy
    ("retry with the range", Hint::FromTo),         // reth
    ("requested too many blocks", Hint::Count(2)),  // Avalanche: from, to, maximum
    ("exceeds the range allowed for your plan", Hint::Count(1)), // Blast
    ("max range:", Hint::Count(0)),                 // Cloudflare
    ("maximum allowed number of requested blocks is", Hint::Count(0)), // thirdweb
    ("maximum block range:", Hint::Count(0)),       // PublicNode
    ("max block range", Hint::Count(0)),            // reth, Hyperliquid
    ("block range greater than", Hint::Count(0)),   // Swell
    ("block range exceeds", Hint::Count(0)),        // Somnia
    ("range is too large, max is", Hint::Count(0)), // Merkle
    ("query must be smaller than size", Hint::Count(0)), // Harmony
    ("block range is too wide (maximum", Hint::Count(0)), // Moonriver
    ("blocks distance:", Hint::Count(0)),           // Ankr
    ("limit the query to at most", Hint::Count(0)), // Coinbase
    ("ranges over", Hint::Count(0)),                // dRPC
    ("logs matched by query exceeds limit", Hint::None), // Arbitrum: a number of logs
    ("exceeds limit of", Hint::Count(0)),
    ("with up to a", Hint::Count(0)),                // Alchemy (free), Aurora
    ("limited to a", Hint::Count(0)),                // QuickNode, 1RPC
    ("block range limit exceeded", Hint::None),      // Chainstack
    ("exceeds maximum rpc range limit", Hint::None), // Besu
    ("exceed maximum block range", Hint::Count(0)),  // BNB Chain
    ("query returned more than", Hint::None),        // Infura, Polygon
    ("query exceeds max results", Hint::None),       // reth, Ankr
    ("too many logs requested", Hint::None),         // Nethermind
    ("response size should not greater than", Hint::None), // 1RPC
    ("response size exceeded", Hint::None),          // Alchemy
    ("response too large", Hint::None),              // Optimism
    ("response is too big", Hint::None),             // jsonrpsee
    ("range is too wide", Hint::None),               // Ankr
    ("range is too large", Hint::None),              // Optimism
    ("range too large", Hint::None),                 // Base
    ("range too wide", Hint::None),
    ("query timeout exceeded", Hint::None), // Infura
    ("query timed out", Hint::None),
];

const NOT_SEEN: &[&str] = &[
    "unknown block",             // geth, anvil
    "header not found",          // geth
    "block not found",           // geth by tag ("safe block not found"), Erigon
    "cannot be found",           // Nethermind, Infura
    "could not find block",      // Besu
    "beyond current head",       // geth
    "beyond head block",         // geth, of fees
    "after last accepted block", // Avalanche
    "greater than latest",       // Erigon
];

/// Failures of a contract that was called, in lower case.
const REVERTED: &[&str] = &[
    "revert",             // everybody
    "vm execution error", // Nethermind, OpenEthereum
    "vm exception",       // Ganache
    "invalid opcode",     // geth, Besu
    "badinstruction",     // Nethermind
    "evm error invalid",  // anvil
    "evm error opcode",   // anvil
    "evm error outofgas", // anvil
    "out of gas",         // geth
    "invalid jump",       // geth
    "stack underflow",    // geth
    "stack limit",        // geth
];

/// The code of an execution that failed with data (geth).
const EXECUTION_REVERTED: i64 = 3;

const HISTORY_UNAVAILABLE: &[&str] =
    &["pruned history unavailable", "history has been pruned", "historical state", "missing trie node"];

const RATE_LIMITED: &[&str] = &[
    "rate limit",
    "too many requests",
    "request limit",
    "requests limited",
    "compute units per second",
    "capacity exceeded",
    "request count exceeded",
];

/// The error that a JSON-RPC error object stands for. `data` is its `data` as JSON text.
pub(crate) fn recognise(method: &'static str, code: i64, message: &str, data: &str) -> ChainError {
    let text = format!("{message} {data}").to_lowercase();
    let has = |words: &[&str]| words.iter().any(|part| text.contains(part));
    let kept = || message.chars().take(LONGEST_MESSAGE).collect::<String>();
    // What follows is the contract's own text, which may sound like anything.
    if code == EXECUTION_REVERTED || text.starts_with("execution reverted") {
        return ChainError::Node { method, code, message: kept() };
    }
    if has(HISTORY_UNAVAILABLE) || code == 4444 {
        return ChainError::HistoryUnavailable { message: kept() };
    }
    if let (false, Some(hint)) = (has(NOT_SEEN), range_too_large(&text)) {
        return ChainError::RangeTooLarge { hint, message: kept() };
    }
    if has(RATE_LIMITED) || matches!(code, 429 | LIMIT_EXCEEDED) {
        return ChainError::RateLimited { method, retry_after: None };
    }
    ChainError::Node { method, code, message: kept() }
}

/// Whether the node says that it has not seen the block asked for.
pub(crate) fn is_block_not_seen(error: &ChainError) -> bool {
    let ChainError::Node { message, .. } = error else {
        return false;
    };
    let text = message.to_lowercase();
    NOT_SEEN.iter().any(|part| text.contains(part))
}

/// Whether it was the contract that failed, not the node.
pub(crate) fn is_revert(code: i64, message: &str) -> bool {
    let text = message.to_lowercase();
    code == EXECUTION_REVERTED || REVERTED.iter().any(|part| text.contains(part))
}

/// The hint of a refusal of too large a range; `None` when `text` is no such refusal.
fn range_too_large(text: &str) -> Option<Option<RangeHint>> {
    let found = RANGE_TOO_LARGE.iter().find_map(|(words, hint)| Some((text.split_once(words)?.1, hint)));
    if let Some((rest, hint)) = found {
        return Some(hinted(rest, hint));
    }
    limited_to_blocks(text).map(|count| Some(RangeHint::AtMost(count)))
}

fn hinted(rest: &str, hint: &Hint) -> Option<RangeHint> {
    let mut numbers = numbers(rest);
    match hint {
        Hint::None => None,
        Hint::FromTo => {
            let (from, to) = (numbers.next()?, numbers.next()?);
            (from <= to).then_some(RangeHint::Blocks { from, to })
        }
        Hint::Count(place) => numbers.nth(*place).filter(|count| *count > 0).map(RangeHint::AtMost),
    }
}

/// BlockPI's "limited to 1024 block", which the rate limits of others resemble.
fn limited_to_blocks(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("limited to ")?;
    let (number, unit) = rest.split_once(' ')?;
    numbers(number).next().filter(|count| *count > 0 && unit.starts_with("block"))
}

/// The numbers in a text: decimal, with separated thousands, with a k for thousand, or 0x and hex.
fn numbers(text: &str) -> impl Iterator<Item = u64> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == ',' || c == '.'));
    // "[1,2]" without a space is two numbers, "10,000" is one.
    let parts = words
        .flat_map(|word| if is_one_number(word) { vec![word] } else { word.split([',', '.']).collect() });
    parts.filter_map(number)
}

fn is_one_number(word: &str) -> bool {
    let mut groups = word.trim_end_matches(['.', ',', 'k']).split([',', '.']);
    let leads = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
    leads && groups.all(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()))
}

fn number(word: &str) -> Option<u64> {
    let plain: String = word.chars().filter(|c| !matches!(c, ',' | '.')).collect();
    if let Some(digits) = plain.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok();
    }
    match plain.strip_suffix('k') {
        Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1000),
        None => plain.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(message: &str) -> ChainError {
        recognise("eth_getLogs", -32_000, message, "")
    }

    #[test]
    fn refusals_of_a_range_are_known_by_the_texts_of_providers() {
        let blocks = |from, to| Some(RangeHint::Blocks { from, to });
        let at_most = |count| Some(RangeHint::AtMost(count));
        let known = [
            (
                "query returned more than 10000 results. Try with this block range [0x1F4, 0x5DC].",
                blocks(500, 1500),
            ),
            (
                "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [0x0, 0x7cf]",
                blocks(0, 1999),
            ),
            (
                "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.",
                at_most(10),
            ),
            ("query exceeds max results 20000, retry with the range 100-2099", blocks(100, 2099)),
            ("query exceeds max block range 100000", at_most(100_000)),
            ("requested too many blocks from 1 to 5000, maximum is set to 2048", at_most(2048)),
            ("Max range: 800", at_most(800)),
            ("Maximum allowed number of requested blocks is 1000", at_most(1000)),
            ("exceed maximum block range: 50000", at_most(50_000)),
            ("exceed maximum block range 5000", at_most(5000)),
            ("block range greater than 10000 max", at_most(10_000)),
            ("block range exceeds 1000", at_most(1000)),
            ("eth_getLogs range is too large, max is 10k blocks", at_most(10_000)),
            ("query must be smaller than size 1024", at_most(1024)),
            ("block range is too wide (maximum 1024)", at_most(1024)),
            ("block range is too wide", None),
            ("maximum [from, to] blocks distance: 10000", at_most(10_000)),
            ("please limit the query to at most 1,000 blocks", at_most(1000)),
            ("ranges over 10000 blocks are not supported on freetier", at_most(10_000)),
            ("eth_getLogs is limited to a 10,000 range", at_most(10_000)),
            ("eth_getLogs is limited to 1024 block range", at_most(1024)),
            ("range 6000 exceeds limit of 5000", at_most(5000)),
            ("block range exceeds the range allowed for your plan (5000 > 2000)", at_most(2000)),
            ("logs matched by query exceeds limit of 10000", None),
            ("Block range limit exceeded.", None),
            ("Requested range exceeds maximum RPC range limit", None),
            ("query returned more than 10000 results", None),
            ("Too many logs requested. Max logs per response is 20000.", None),
            ("response size should not greater than 10000000 bytes", None),
            ("backend response too large", None),
            ("block range too large", None),
            ("query timeout exceeded", None),
        ];
        for (message, expected) in known {
            let ChainError::RangeTooLarge { hint, .. } = of(message) else {
                panic!("not recognised: {message}");
            };
            assert_eq!(hint, expected, "{message}");
        }
    }

    #[test]
    fn the_range_may_stand_in_the_data_of_an_error() {
        let error =
            recognise("eth_getLogs", -32_005, "limit exceeded", r#""Try with this block range [0x1, 0x2].""#);
        let expected = Some(RangeHint::Blocks { from: 1, to: 2 });
        assert!(matches!(error, ChainError::RangeTooLarge { hint, .. } if hint == expected));
    }

    #[test]
    fn a_rate_limit_is_no_refusal_of_a_range() {
        let texts = [
            "Too Many Requests",
            "50/second request limit reached - reduce calls per second or upgrade",
            "daily request count exceeded, request rate limited",
            "Your app has exceeded its compute units per second capacity.",
            "rate limited to 5 requests",
        ];
        for text in texts {
            assert!(matches!(of(text), ChainError::RateLimited { .. }), "{text}");
        }
    }

    #[test]
    fn a_block_that_the_node_has_not_seen_is_known_by_its_text() {
        let texts = [
            "unknown block",
            "header not found",
            "finalized block not found",
            "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.",
            "block range extends beyond current head block",
            "requested from block 9 after last accepted block 7",
        ];
        for text in texts {
            assert!(is_block_not_seen(&of(text)), "{text}");
        }
        assert!(!is_block_not_seen(&of("execution reverted")));
    }

    #[test]
    fn a_failure_of_a_contract_is_told_from_one_of_the_node() {
        let texts =
            ["execution reverted: STF", "VM execution error.", "invalid opcode: INVALID", "out of gas"];
        for text in texts.into_iter().chain(["EVM error InvalidFEOpcode", "EVM error OutOfGas"]) {
            assert!(is_revert(-32_000, text), "{text}");
        }
        assert!(is_revert(3, ""));
        for (code, text) in [(3, "rate limit"), (-32_000, "execution reverted: too many requests")] {
            let error = recognise("eth_call", code, text, "");
            assert!(matches!(error, ChainError::Node { .. }), "{error}");
        }
        for text in ["header not found", "request timed out", "internal error", "EVM error Database"] {
            assert!(!is_revert(-32_603, text), "{text}");
        }
    }

    #[test]
    fn history_that_a_node_threw_away_is_known_by_code_and_text() {
        let by_code = recognise("eth_getLogs", 4444, "gone", "");
        assert!(matches!(by_code, ChainError::HistoryUnavailable { .. }));
        assert!(matches!(of("pruned history unavailable"), ChainError::HistoryUnavailable { .. }));
    }

    #[test]
    fn any_other_refusal_keeps_its_code_and_a_short_text() {
        let ChainError::Node { code, message, .. } = of(&"x".repeat(1000)) else { panic!() };
        assert_eq!((code, message.len()), (-32_000, LONGEST_MESSAGE));
    }
}

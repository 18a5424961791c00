//! Answers that are well-formed and wrong.

use serde_json::{Value, json};

use crate::Fault;

const RECEIPTS: &str = "eth_getBlockReceipts";

/// Changes the answer to `call` as `fault` says; `head` is the node's true height.
pub(crate) fn tell(fault: Fault, call: &Value, answer: &mut Value, head: u64) {
    let method = call.get("method").and_then(Value::as_str).unwrap_or_default();
    if let Fault::RangeLimit(provider, limit) = fault {
        let refused = range(call, head).filter(|(from, to)| to.saturating_sub(*from) >= limit);
        if let Some((from, _)) = refused {
            refuse(answer, provider.refusal(from, limit));
        }
        return;
    }
    if let Fault::Refuse(refused, code, message) = fault {
        if method == refused {
            refuse(answer, json!({ "code": code, "message": message }));
        }
        return;
    }
    let Some(result) = answer.get_mut("result") else {
        return;
    };
    match fault {
        Fault::DropLog => drop(lists(method, result).rfind(|logs| !logs.is_empty()).map(Vec::pop)),
        Fault::EmptyLogs => lists(method, result).for_each(Vec::clear),
        Fault::AlterData => logs(method, result).for_each(|log| change_last_digit(log, "data")),
        Fault::AlterTopic => {
            let topics =
                logs(method, result).filter_map(|log| log.get_mut("topics")?.as_array_mut()?.last_mut());
            topics.for_each(change_digit);
        }
        Fault::InventLog => lists(method, result).rfind(|logs| !logs.is_empty()).into_iter().for_each(invent),
        Fault::AlterReceipts if method == RECEIPTS => {
            logs(method, result).for_each(|log| change_last_digit(log, "data"));
        }
        Fault::AlterTransactions => {
            let transactions = result.get_mut("transactions").and_then(Value::as_array_mut);
            transactions
                .into_iter()
                .flatten()
                .for_each(|transaction| change_last_digit(transaction, "value"));
        }
        Fault::AlterHeader => change_last_digit(result, "stateRoot"),
        Fault::WrongHash => {
            change_last_digit(result, "hash");
            logs(method, result).for_each(|log| change_last_digit(log, "blockHash"));
        }
        Fault::OtherChain(id) if method == "eth_chainId" => *result = quantity(id),
        Fault::Lag(blocks) => forget(method, result, head.saturating_sub(blocks)),
        _ => {}
    }
}

/// Takes away what lies above `head`; the newest block is asked for at `head` by the proxy.
fn forget(method: &str, result: &mut Value, head: u64) {
    match method {
        "eth_blockNumber" => *result = quantity(head),
        "eth_getLogs" => {
            if let Some(logs) = result.as_array_mut() {
                logs.retain(|log| number(log.get("blockNumber")).is_some_and(|number| number <= head));
            }
        }
        _ if number(result.get("number")).is_some_and(|number| number > head) => *result = Value::Null,
        _ => {}
    }
}

/// Rewrites a request for the newest block into one for the head that a lagging node has.
pub(crate) fn ask_behind(request: &mut Value, head: u64, blocks: u64) {
    let calls = request.as_array_mut().map_or_else(Vec::new, |calls| calls.iter_mut().collect());
    let is_batch = !calls.is_empty();
    let set = |call: &mut Value| {
        if let Some(tag) = call.pointer_mut("/params/0").filter(|tag| *tag == "latest") {
            *tag = quantity(head.saturating_sub(blocks));
        }
    };
    calls.into_iter().for_each(set);
    if !is_batch {
        set(request);
    }
}

fn refuse(answer: &mut Value, error: Value) {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("result");
        fields.insert("error".to_owned(), error);
    }
}

fn range(call: &Value, head: u64) -> Option<(u64, u64)> {
    let filter = call.pointer("/params/0").filter(|_| call.get("method") == Some(&json!("eth_getLogs")))?;
    let from = number(filter.get("fromBlock"))?;
    Some((from, number(filter.get("toBlock")).unwrap_or(head)))
}

/// The lists of logs in an answer: one, or one in each receipt.
fn lists<'a>(
    method: &str,
    result: &'a mut Value,
) -> Box<dyn DoubleEndedIterator<Item = &'a mut Vec<Value>> + 'a> {
    match method {
        "eth_getLogs" => Box::new(result.as_array_mut().into_iter()),
        RECEIPTS => {
            let receipts = result.as_array_mut().into_iter().flatten();
            Box::new(receipts.filter_map(|receipt| receipt.get_mut("logs")?.as_array_mut()))
        }
        _ => Box::new(std::iter::empty()),
    }
}

fn logs<'a>(method: &str, result: &'a mut Value) -> impl Iterator<Item = &'a mut Value> {
    lists(method, result).flatten()
}

fn invent(logs: &mut Vec<Value>) {
    if let Some(mut log) = logs.last().cloned() {
        let index = number(log.get("logIndex")).unwrap_or_default();
        if let Some(fields) = log.as_object_mut() {
            fields.insert("logIndex".to_owned(), quantity(index + 1));
        }
        logs.push(log);
    }
}

fn change_last_digit(object: &mut Value, field: &str) {
    object.get_mut(field).into_iter().for_each(change_digit);
}

fn change_digit(text: &mut Value) {
    if let Value::String(text) = text {
        let last = text.pop().filter(|last| *last != 'x');
        text.push(if last == Some('1') { '2' } else { '1' });
    }
}

pub(crate) fn quantity(number: u64) -> Value {
    format!("0x{number:x}").into()
}

pub(crate) fn number(value: Option<&Value>) -> Option<u64> {
    u64::from_str_radix(value?.as_str()?.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Provider;

    fn told(fault: Fault, method: &str, params: Value, result: Value) -> Value {
        let call = json!({ "method": method, "params": params });
        let mut answer = json!({ "id": 1, "result": result });
        tell(fault, &call, &mut answer, 10);
        answer
    }

    #[test]
    fn logs_are_dropped_altered_and_forgotten() {
        let logs =
            json!([{ "blockNumber": "0x5", "data": "0x01" }, { "blockNumber": "0xa", "data": "0x02" }]);
        let of = |fault| told(fault, "eth_getLogs", json!([{}]), logs.clone())["result"].clone();
        assert_eq!(of(Fault::DropLog), json!([logs[0]]));
        assert_eq!(of(Fault::EmptyLogs), json!([]));
        assert_eq!(of(Fault::Lag(1)), json!([logs[0]]));
        assert_eq!(of(Fault::AlterData)[0]["data"], "0x02");
        assert_eq!(of(Fault::AlterReceipts), logs);
        assert_eq!(of(Fault::InventLog)[2]["logIndex"], "0x1");
    }

    #[test]
    fn receipts_tell_the_same_lies_as_logs() {
        let log = json!({ "logIndex": "0x0", "data": "0x01", "topics": ["0x03"] });
        let receipts = json!([{ "logs": [log] }, { "logs": [] }]);
        let of = |fault| told(fault, RECEIPTS, json!([]), receipts.clone())["result"].clone();
        assert_eq!(of(Fault::DropLog), json!([{ "logs": [] }, { "logs": [] }]));
        assert_eq!(of(Fault::EmptyLogs), json!([{ "logs": [] }, { "logs": [] }]));
        assert_eq!(of(Fault::AlterReceipts)[0]["logs"][0]["data"], "0x02");
        assert_eq!(of(Fault::AlterTopic)[0]["logs"][0]["topics"][0], "0x01");
        assert_eq!(of(Fault::InventLog)[0]["logs"][1]["logIndex"], "0x1");
    }

    #[test]
    fn a_block_above_the_head_of_a_lagging_node_is_unknown() {
        let block = json!({ "number": "0x9", "hash": "0xab" });
        assert!(told(Fault::Lag(2), "eth_getBlockByNumber", json!([]), block.clone())["result"].is_null());
        assert_eq!(told(Fault::Lag(1), "eth_getBlockByNumber", json!([]), block)["result"]["hash"], "0xab");
        let mut request = json!([{ "params": ["latest", false] }]);
        ask_behind(&mut request, 10, 3);
        assert_eq!(request[0]["params"][0], "0x7");
    }

    #[test]
    fn a_range_within_the_limit_passes() {
        let limited = |to: &str| {
            let range = json!([{ "fromBlock": "0x1", "toBlock": to }]);
            told(Fault::RangeLimit(Provider::QuickNode, 3), "eth_getLogs", range, json!([]))
        };
        assert_eq!(limited("0x3")["result"], json!([]));
        assert_eq!(limited("0x4")["error"]["code"], -32_614);
    }
}

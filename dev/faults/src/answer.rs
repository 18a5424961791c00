//! One request, from reading it to the answer that its fault leaves of it.

use std::{future::pending, io};

use serde_json::{Value, json};
use tokio::{io::BufReader, net::TcpStream, time::sleep};

use crate::{
    Fault,
    http::{self, Request},
    lies,
    proxy::Shared,
};

const OK: &str = "200 OK";

/// Answers one request. False when the connection has to end.
pub(crate) async fn answer(
    shared: &Shared,
    request: Request,
    client: &mut BufReader<TcpStream>,
) -> io::Result<bool> {
    let Ok(question) = serde_json::from_slice::<Value>(&request.body) else {
        http::answer(client, "400 Bad Request", "", b"").await?;
        return Ok(true);
    };
    let fault = shared.fault_of(&question);
    match fault {
        Some(Fault::RateLimit(retry_after)) => {
            let header = retry_after.map(|seconds| format!("retry-after: {seconds}\r\n"));
            http::answer(client, "429 Too Many Requests", &header.unwrap_or_default(), b"slow down").await?;
        }
        Some(Fault::Unavailable) => http::answer(client, "503 Service Unavailable", "", b"<html>").await?,
        Some(Fault::Silence) => pending().await,
        Some(Fault::Reset) => {
            client.get_ref().set_zero_linger()?;
            return Ok(false);
        }
        Some(Fault::InvalidJson) => http::answer(client, OK, "", b"{\"jsonrpc\": nonsense}").await?,
        Some(Fault::Html) => http::answer(client, OK, "", b"<html><body>Just a moment</body></html>").await?,
        Some(Fault::Oversize(bytes)) => {
            http::flood(client, bytes).await?;
            return Ok(false);
        }
        Some(Fault::Delay(time)) => {
            sleep(time).await;
            http::answer(client, OK, "", told(shared, question, None).await?.as_bytes()).await?;
        }
        Some(Fault::TruncatedJson) => {
            let body = told(shared, question, None).await?;
            http::answer(client, OK, "", body.get(..body.len() / 2).unwrap_or_default().as_bytes()).await?;
        }
        Some(Fault::RefuseBatch(code, message)) if question.is_array() => {
            let error = json!({ "code": code, "message": message });
            let refusal = json!({ "jsonrpc": "2.0", "id": null, "error": error });
            http::answer(client, OK, "", refusal.to_string().as_bytes()).await?;
        }
        lie => http::answer(client, OK, "", told(shared, question, lie).await?.as_bytes()).await?,
    }
    Ok(true)
}

/// The node's answer, with a lie in it if there is one to tell.
async fn told(shared: &Shared, mut question: Value, lie: Option<Fault>) -> io::Result<String> {
    let Some(lie) = lie else {
        return Ok(ask(shared, &question).await?.to_string());
    };
    let height = json!({ "jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": [] });
    let head = lies::number(ask(shared, &height).await?.get("result")).unwrap_or_default();
    if let Fault::Lag(blocks) = lie {
        lies::ask_behind(&mut question, head, blocks);
    }
    let mut answers = ask(shared, &question).await?;
    if let (Some(calls), Some(answers)) = (question.as_array(), answers.as_array_mut()) {
        for call in calls {
            let answer = answers.iter_mut().find(|answer| answer.get("id") == call.get("id"));
            answer.into_iter().for_each(|answer| lies::tell(lie, call, answer, head));
        }
    } else {
        lies::tell(lie, &question, &mut answers, head);
    }
    Ok(answers.to_string())
}

async fn ask(shared: &Shared, question: &Value) -> io::Result<Value> {
    let sent = shared.client.post(&shared.node).json(question).send().await;
    sent.map_err(io::Error::other)?.json().await.map_err(io::Error::other)
}

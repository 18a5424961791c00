//! A node's answers to the calls of one request, without a copy of the body they stand in.

use std::{ops::Range, sync::Arc};

use alloy::rpc::json_rpc::{ErrorPayload, Id, ResponsePacket, ResponsePayload};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

use super::budget::Share;

/// JSON that is a part of a body.
#[derive(Debug, Clone)]
pub(crate) struct Json {
    body: Arc<Body>,
    place: Range<usize>,
}

/// What an endpoint sent, for as long as something of it is read.
#[derive(Debug)]
struct Body {
    text: String,
    _share: Option<Share>,
}

/// The answer to one call.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) id: Id,
    pub(crate) payload: Result<Json, ErrorPayload>,
}

/// The answers to one request.
#[derive(Debug)]
pub(crate) struct Replies {
    /// Whether they came as an array; a single error in answer to a batch refuses all of it.
    pub(crate) is_batch: bool,
    pub(crate) replies: Vec<Reply>,
}

/// One JSON-RPC response object.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: Option<Id>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<ErrorPayload>,
}

impl Json {
    pub(crate) fn as_str(&self) -> &str {
        self.body.text.get(self.place.clone()).unwrap_or_default()
    }
}

impl Replies {
    /// Finds the answers in a body, which takes a share of the memory for answers.
    pub(crate) fn parse(body: String, share: Option<Share>) -> Result<Self, serde_json::Error> {
        let is_batch = body.trim_start().starts_with('[');
        let envelopes: Vec<Envelope<'_>> =
            if is_batch { serde_json::from_str(&body)? } else { vec![serde_json::from_str(&body)?] };
        let found = envelopes.into_iter().map(|envelope| envelope.located(&body));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let body = Arc::new(Body { text: body, _share: share });
        let replies = found.into_iter().map(|(id, payload)| {
            let payload = payload.map(|place| Json { body: Arc::clone(&body), place });
            Reply { id, payload }
        });
        Ok(Self { is_batch, replies: replies.collect() })
    }
}

impl Envelope<'_> {
    /// The place of the result in `body`, in which this envelope was found.
    fn located(self, body: &str) -> Result<(Id, Result<Range<usize>, ErrorPayload>), serde_json::Error> {
        let id = self.id.unwrap_or(Id::None);
        if let Some(error) = self.error {
            return Ok((id, Err(error)));
        }
        let neither = || serde_json::Error::custom("an answer without a result and without an error");
        let text = self.result.ok_or_else(neither)?.get();
        let start = (text.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
        Ok((id, Ok(start..start.saturating_add(text.len()))))
    }
}

impl From<ResponsePacket> for Replies {
    fn from(packet: ResponsePacket) -> Self {
        let (is_batch, responses) = match packet {
            ResponsePacket::Single(response) => (false, vec![response]),
            ResponsePacket::Batch(responses) => (true, responses),
        };
        let replies = responses.into_iter().map(|response| {
            let payload = match response.payload {
                ResponsePayload::Success(json) => Ok(Json::from(json)),
                ResponsePayload::Failure(error) => Err(error),
            };
            Reply { id: response.id, payload }
        });
        Self { is_batch, replies: replies.collect() }
    }
}

impl From<Box<RawValue>> for Json {
    fn from(json: Box<RawValue>) -> Self {
        let body = String::from(Box::<str>::from(json));
        Self { place: 0..body.len(), body: Arc::new(Body { text: body, _share: None }) }
    }
}

/// Tells `null` from a field that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Vec<(Id, Result<String, i64>)> {
        let replies = Replies::parse(body.to_owned(), None).unwrap().replies.into_iter();
        let plain = replies.map(|reply| {
            let payload = reply.payload.map(|json| json.as_str().to_owned()).map_err(|error| error.code);
            (reply.id, payload)
        });
        plain.collect()
    }

    #[test]
    fn answers_keep_their_ids_in_any_order_of_fields() {
        let batch = r#" [{"result": {"a": "\"]" } ,"id":2,"jsonrpc":"2.0"},
            {"jsonrpc":"2.0","id":"x","error":{"code":-1,"message":"no"}},{"id":3,"result":null,"error":null}]"#;
        let expected = [
            (Id::Number(2), Ok(r#"{"a": "\"]" }"#.to_owned())),
            (Id::String("x".into()), Err(-1)),
            (Id::Number(3), Ok("null".to_owned())),
        ];
        assert_eq!(parsed(batch), expected);
    }

    #[test]
    fn an_error_without_an_id_is_an_answer() {
        assert_eq!(parsed(r#"{"error":{"code":-2,"message":"no"},"id":null}"#), [(Id::None, Err(-2))]);
    }

    #[test]
    fn what_is_no_response_is_an_error() {
        for body in ["", "<html>", r#"[{"id":1,"result":"0x"#, r#"{"id":1,"result":1} tail"#, "7", "{}"] {
            assert!(Replies::parse(body.to_owned(), None).is_err(), "{body}");
        }
    }
}

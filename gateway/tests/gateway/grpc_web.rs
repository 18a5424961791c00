//! gRPC-web as bytes, and what a browser needs to be allowed to send and read it.

use base64::{Engine, prelude::BASE64_STANDARD};
use capstan_gateway::config::Config;
use capstan_proto::market::{GetMarketRequest, GetMarketResponse, Market, StreamMarketsResponse};
use http::Method;
use prost::Message;
use tonic::{Code, Status};

use crate::{
    backend::script,
    edge::{Edge, Setup},
};

const MARKET: &str = "/capstan.market.v1.MarketService/GetMarket";
const STREAM: &str = "/capstan.market.v1.MarketService/StreamMarkets";

fn frame(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), &body].concat()
}

/// Data frames, and the trailers of the last frame.
fn frames(mut bytes: &[u8]) -> (Vec<Vec<u8>>, String) {
    let (mut data, mut trailers) = (Vec::new(), String::new());
    while let [flags, a, b, c, d, rest @ ..] = bytes {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (body, after) = rest.split_at(length);
        match flags {
            0x80 => trailers = String::from_utf8(body.to_vec()).unwrap(),
            _ => data.push(body.to_vec()),
        }
        bytes = after;
    }
    (data, trailers)
}

async fn send(edge: &Edge, path: &str, kind: &str, body: Vec<u8>) -> reqwest::Response {
    let request = edge.http.post(edge.url(path)).header("content-type", kind);
    request.header("origin", "https://app.example").header("x-grpc-web", "1").body(body).send().await.unwrap()
}

fn market_answer() -> Result<GetMarketResponse, Status> {
    let market = Market { market_id: "0xabc".into(), ..Default::default() };
    Ok(GetMarketResponse { market: Some(market), as_of: None })
}

#[tokio::test]
async fn a_unary_call_is_answered_with_a_message_and_trailers() {
    let edge = Edge::start().await;
    edge.backend.answers(market_answer);
    let body = frame(&GetMarketRequest { market_id: "0xabc".into(), chain_id: 5 });
    for kind in
        ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web+proto; charset=utf-8"]
    {
        let answer = send(&edge, MARKET, kind, body.clone()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/grpc-web+proto");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
        for name in ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        let (data, trailers) = frames(&answer.bytes().await.unwrap());
        assert_eq!(GetMarketResponse::decode(data[0].as_slice()).unwrap(), market_answer().unwrap());
        assert_eq!(trailers.trim(), "grpc-status:0");
        assert_eq!(edge.backend.asked::<GetMarketRequest>().0.chain_id, 5);
    }
}

#[tokio::test]
async fn the_text_form_is_base64_both_ways() {
    let edge = Edge::start().await;
    edge.backend.answers(market_answer);
    // Lengths of every remainder, so that padding cannot hide a mistake.
    for id in ["0", "01", "012"] {
        let body = frame(&GetMarketRequest { market_id: id.into(), chain_id: 0 });
        let text = BASE64_STANDARD.encode(body).into_bytes();
        let answer = send(&edge, MARKET, "application/grpc-web-text", text).await;
        assert_eq!(answer.headers()["content-type"], "application/grpc-web-text+proto");
        let text = answer.text().await.unwrap();
        // Every piece is padded by itself.
        let pieces = text.split_inclusive("==").flat_map(|piece| piece.as_bytes().chunks(4));
        let bytes: Vec<u8> = pieces.flat_map(|piece| BASE64_STANDARD.decode(piece).unwrap()).collect();
        let (data, trailers) = frames(&bytes);
        assert_eq!(GetMarketResponse::decode(data[0].as_slice()).unwrap(), market_answer().unwrap());
        assert_eq!(trailers.trim(), "grpc-status:0");
        assert_eq!(edge.backend.asked::<GetMarketRequest>().0.market_id, id);
    }
}

#[tokio::test]
async fn a_stream_is_answered_with_its_messages_and_its_end() {
    let edge = Edge::start().await;
    let empty = vec![0, 0, 0, 0, 0];
    let answer = send(&edge, STREAM, "application/grpc-web+proto", empty).await;
    let (data, trailers) = frames(&answer.bytes().await.unwrap());
    let decoded = data.iter().map(|message| StreamMarketsResponse::decode(message.as_slice()).unwrap());
    assert_eq!(decoded.collect::<Vec<_>>(), script());
    assert!(trailers.contains("grpc-status:10\r\n"), "{trailers}");
    assert!(trailers.contains("grpc-message:enough:%20100%25\r\n"), "{trailers}");
}

#[tokio::test]
async fn a_refusal_stands_in_the_headers_and_is_not_contradicted_by_trailers() {
    let edge = Edge::start().await;
    edge.backend.answers::<GetMarketResponse>(|| Err(Status::new(Code::NotFound, "no market")));
    let empty = vec![0, 0, 0, 0, 0];
    let answer = send(&edge, MARKET, "application/grpc-web+proto", empty.clone()).await;
    assert_eq!(answer.headers()["grpc-status"], "5");
    assert_eq!(answer.headers()["grpc-message"], "no%20market");
    assert!(answer.bytes().await.unwrap().is_empty());

    let answer = send(&edge, "/capstan.nope.v1.Nope/Do", "application/grpc-web+proto", empty).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["grpc-status"]), (200, &"12".parse().unwrap()));
}

#[tokio::test]
async fn a_preflight_is_allowed_from_any_origin_unless_some_are_listed() {
    let cors_origins = vec!["https://app.example".to_owned().try_into().unwrap()];
    let listed = Setup { config: Config { cors_origins, ..Config::default() }, ..Setup::default() };
    for (edge, anywhere) in [(Edge::start().await, true), (Edge::with(listed).await, false)] {
        for (origin, is_listed) in [("https://app.example", true), ("https://evil.example", false)] {
            let request = edge.http.request(Method::OPTIONS, edge.url(MARKET)).header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            let asked = "content-type,x-grpc-web,authorization";
            let answer = request.header("access-control-request-headers", asked).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["access-control-allow-headers"], asked);
            let allowed = answer.headers().get("access-control-allow-origin");
            assert_eq!(allowed.is_some(), anywhere || is_listed, "{origin}");
        }
    }
}

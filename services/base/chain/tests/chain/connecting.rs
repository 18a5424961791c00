//! Which endpoints are accepted, and how their failures are told apart.

use std::{net::TcpListener, time::Duration};

use capstan_chain::{ChainError, ErrorClass, Evm, Tag};
use capstan_primitives::{Address, ChainId};

use crate::{
    CHAIN,
    anvil::Anvil,
    canned::{http, nobody, serve},
    options,
};

async fn refusal_of(url: &str) -> ChainError {
    match Evm::connect(options(&[url])).await.unwrap_err() {
        ChainError::Unreachable { source, .. } => *source,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_refused() {
    let anvil = Anvil::start();
    for urls in [[anvil.http(), anvil.ws()], [anvil.ws(), anvil.ws()]] {
        let mut options = options(&urls.each_ref().map(String::as_str));
        options.chain_id = ChainId(8453);
        let error = Evm::connect(options).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Misconfigured);
        let ChainError::WrongChain { expected, found, .. } = error else { panic!("{error}") };
        assert_eq!((expected, found), (ChainId(8453), CHAIN));
    }
}

#[tokio::test]
async fn an_endpoint_at_which_nobody_listens_is_unreachable_and_keeps_its_key_secret() {
    for scheme in ["http", "ws"] {
        let url = nobody(scheme);
        let error = Evm::connect(options(&[&format!("{url}/v2/secret")])).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Transient);
        let ChainError::Unreachable { url: shown, source } = error else { panic!("{error}") };
        assert_eq!(shown, url);
        assert!(!format!("{source:?}").contains("secret"), "{source:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_only_announces_blocks_may_be_down() {
    let anvil = Anvil::start();
    let evm = Evm::connect(options(&[&nobody("ws"), &anvil.http()])).await.unwrap();
    assert_eq!(evm.head().await.unwrap().block.number, 0);
}

#[tokio::test]
async fn no_endpoint_at_all_is_a_mistake_of_the_configuration() {
    let error = Evm::connect(options(&[])).await.unwrap_err();
    assert!(matches!(error, ChainError::NoUrl));
}

#[tokio::test]
async fn a_node_that_never_answers_is_given_up_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for scheme in ["http", "ws"] {
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let mut options = options(&[&url]);
        options.request_timeout = Duration::from_millis(100);
        let ChainError::Unreachable { source, .. } = Evm::connect(options).await.unwrap_err() else {
            panic!()
        };
        assert!(matches!(*source, ChainError::Timeout { .. }), "{source}");
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let url = serve(|_| http("429 Too Many Requests", "retry-after: 7\r\n", "slow down"));
    let expected = Some(Duration::from_secs(7));
    assert!(
        matches!(refusal_of(&url).await, ChainError::RateLimited { retry_after, .. } if retry_after == expected)
    );
}

#[tokio::test]
async fn a_proxy_is_told_from_a_node() {
    let url = serve(|_| http("503 Service Unavailable", "", "<html>"));
    let error = refusal_of(&url).await;
    assert!(matches!(error, ChainError::HttpStatus { status: 503, .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Transient);

    let url = serve(|_| http("401 Unauthorized", "", "{}"));
    assert_eq!(refusal_of(&url).await.class(), ErrorClass::Misconfigured);

    let url = serve(|_| http("200 OK", "", "<html>"));
    assert!(matches!(refusal_of(&url).await, ChainError::Malformed { .. }));

    let url = serve(|_| http("302 Found", "location: http://127.0.0.1:1/\r\n", ""));
    assert!(matches!(refusal_of(&url).await, ChainError::HttpStatus { status: 302, .. }));
}

#[tokio::test]
async fn the_words_of_a_node_are_kept_under_any_status() {
    let body = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32052,"message":"invalid api key"}}"#;
    let url = serve(|_| http("403 Forbidden", "", body));
    let error = refusal_of(&url).await;
    assert!(
        matches!(&error, ChainError::Node { code: -32_052, message, .. } if message == "invalid api key")
    );
    assert_eq!(error.class(), ErrorClass::Misconfigured);
}

#[tokio::test]
async fn safe_and_final_blocks_and_code_are_read() {
    let anvil = Anvil::start();
    let evm = Evm::connect(options(&[&anvil.http()])).await.unwrap();
    let made = anvil.log(1).await;
    anvil.mine(100).await;
    let number = async |tag| evm.tagged(tag).await.unwrap().unwrap().block.number;
    assert_eq!(number(Tag::Safe).await, 68);
    assert_eq!(number(Tag::Finalized).await, 36);
    assert!(evm.has_code(anvil.made_by(made).await).await.unwrap());
    assert!(!evm.has_code(Address::from([0x77; 20])).await.unwrap());
}

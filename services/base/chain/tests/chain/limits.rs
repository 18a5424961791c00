//! Answers that are too large are refused before they fill the memory.

use capstan_chain::{ChainError, ErrorClass, Evm, LogFilter};

use crate::{
    anvil::Anvil,
    canned::{http, serve},
    options,
};

const LIMIT: usize = 4096;

async fn limited(url: &str) -> Evm {
    let mut options = options(&[url]);
    options.max_response_bytes = LIMIT;
    Evm::connect(options).await.unwrap()
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_and_the_next_question_is_answered() {
    let anvil = Anvil::start();
    for value in 0..20 {
        anvil.log(value).await;
    }
    anvil.mine(1).await;
    for url in [anvil.http(), anvil.ws()] {
        let evm = limited(&url).await;
        let error = evm.headers_and_logs(0, 1, &LogFilter::default()).await.unwrap_err();
        assert!(matches!(error, ChainError::TooLarge { .. } | ChainError::Closed { .. }), "{error}");
        assert!(error.smaller_range_may_help());
        assert_eq!(error.class(), ErrorClass::Transient);
        assert_eq!(evm.head().await.unwrap().block.number, 1, "{url}");
    }
}

#[tokio::test]
async fn an_answer_without_a_length_is_cut_off_at_the_limit() {
    let url = serve(|request| {
        if request.contains("eth_chainId") {
            return http("200 OK", "", r#"{"jsonrpc":"2.0","id":1,"result":"0x7a69"}"#);
        }
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", " ".repeat(LIMIT * 2))
    });
    let error = limited(&url).await.head().await.unwrap_err();
    assert!(matches!(error, ChainError::TooLarge { limit: LIMIT, .. }), "{error}");
}

//! Tokens that take a fee on transfer are found out by themselves, and refused with the reason.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    sol,
    sol_types::SolCall,
};
use capstan_devnet::{Artifacts, Options};
use capstan_faults::{Fault, Script};
use capstan_proto::quoter::{
    ListPoolsRequest, PoolProblem, Quote, QuoteRequest, QuoteStatus, quote_request::Amount,
};
use capstan_quoter::Quoter;
use serde_json::{Value, json};

use super::{Client, ask, client, level};
use crate::house::House;

sol! {
    function mint(address to, uint256 value);
    function approve(address spender, uint256 value) returns (bool);
    function addLiquidity(
        address tokenA, address tokenB, uint256 desiredA, uint256 desiredB,
        uint256 minimumA, uint256 minimumB, address to, uint256 deadline
    );
}

/// An account of nobody else, so that nobody else's transactions get other numbers.
const ACCOUNT: Address = Address::repeat_byte(0x5a);
const UNCHECKED: &str = "has not been checked for fees on transfer";

async fn send(house: &House, to: Option<Address>, data: Vec<u8>) -> B256 {
    let transaction = json!({ "from": ACCOUNT, "to": to, "data": Bytes::from(data), "gas": "0x5b8d80" });
    house.provider().raw_request("eth_sendTransaction".into(), [transaction]).await.unwrap()
}

/// Deploys a token that takes a fee, with a pair of it and the chain's first token, and gives it.
async fn pair_with_fees(house: &mut House) -> Address {
    let provider = house.provider();
    let coins = json!([ACCOUNT, "0x56bc75e2d63100000"]);
    let _: Value = provider.raw_request("anvil_setBalance".into(), coins).await.unwrap();
    let _: Value = provider.raw_request("anvil_impersonateAccount".into(), [ACCOUNT]).await.unwrap();
    let code = Artifacts::new(&Options::default().dev_dir).own("FeeToken", &[]).unwrap();
    let deployed = send(house, None, code.to_vec()).await;
    house.devnet.mine_empty(1).await.unwrap();
    let receipt = provider.get_transaction_receipt(deployed).await.unwrap().unwrap();
    let (token, other) = (receipt.contract_address.unwrap(), house.devnet.deployment().tokens[0].address);
    let (router, value) = (house.devnet.deployment().uniswap.v2_router, U256::from(10).pow(U256::from(20)));
    for token in [token, other] {
        send(house, Some(token), mintCall { to: ACCOUNT, value }.abi_encode()).await;
        send(house, Some(token), approveCall { spender: router, value }.abi_encode()).await;
    }
    let add = addLiquidityCall {
        tokenA: token,
        tokenB: other,
        desiredA: value / U256::from(2),
        desiredB: value / U256::from(2),
        minimumA: U256::ZERO,
        minimumB: U256::ZERO,
        to: ACCOUNT,
        deadline: U256::MAX,
    };
    let added = send(house, Some(router), add.abi_encode()).await;
    house.devnet.mine_empty(3).await.unwrap();
    assert!(provider.get_transaction_receipt(added).await.unwrap().unwrap().status());
    token
}

async fn quote(client: &mut Client, tokens: (Address, Address)) -> Quote {
    let request = QuoteRequest {
        token_in: tokens.0.to_string(),
        token_out: tokens.1.to_string(),
        amount: Some(Amount::AmountIn("1000000".to_owned())),
        ..QuoteRequest::default()
    };
    ask(client, &request).await
}

/// Waits until a token is refused; before that every quote says that it is not known.
async fn until_refused(client: &mut Client, tokens: (Address, Address)) -> Quote {
    loop {
        let quote = quote(client, tokens).await;
        if quote.status() != QuoteStatus::Ok {
            assert_eq!(quote.status(), QuoteStatus::UnsupportedToken, "{quote:?}");
            return quote;
        }
        assert!(quote.warnings.iter().any(|warning| warning.contains(UNCHECKED)), "{quote:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_takes_a_fee_is_refused_and_others_are_not() {
    let options = Options { seed: 71, venues: true, ..Options::default() };
    let mut house = House::open_quoting(options, "").await;
    let mut client = client(&house).await;
    let token = pair_with_fees(&mut house).await;
    let (first, weth) =
        (house.devnet.deployment().tokens[0].address, house.devnet.deployment().tokens[3].address);
    level(&house, &mut client).await;
    for tokens in [(token, first), (first, token)] {
        let refused = until_refused(&mut client, tokens).await;
        assert_eq!(refused.problem, format!("token {token} takes a fee on transfer"));
    }
    let request = ListPoolsRequest {
        token: token.to_string(),
        include_unusable: true,
        page_size: 500,
        ..ListPoolsRequest::default()
    };
    let listed = client.list_pools(request).await.unwrap().into_inner().pools;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].problem(), PoolProblem::FeeOnTransfer);
    assert_eq!(listed[0].problem_detail, format!("token {token}"));
    while quote(&mut client, (first, weth)).await.warnings.iter().any(|warning| warning.contains(UNCHECKED)) {
        house.devnet.step().await.unwrap();
        level(&house, &mut client).await;
    }
    assert_eq!(quote(&mut client, (first, weth)).await.status(), QuoteStatus::Ok);
    house.devnet.reorg(2).await.unwrap();
    level(&house, &mut client).await;
    assert_eq!(quote(&mut client, (token, first)).await.status(), QuoteStatus::UnsupportedToken);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_node_can_try_out_is_quoted_with_a_warning() {
    let options = Options { seed: 72, venues: true, ..Options::default() };
    let mut house = House::open_quoting(options, "").await;
    let mut client = client(&house).await;
    house.stop_one::<Quoter>().await;
    let unable = Fault::Refuse("eth_simulateV1", -32_601, "Method not found");
    house.node.as_ref().unwrap().follow(Script::honest().on("eth_simulateV1", unable));
    house.start_again::<Quoter>().await;
    let token = pair_with_fees(&mut house).await;
    let first = house.devnet.deployment().tokens[0].address;
    house.serving().await;
    level(&house, &mut client).await;
    while house.node.as_ref().unwrap().calls("eth_simulateV1") < 3 {
        house.devnet.step().await.unwrap();
        level(&house, &mut client).await;
    }
    let quote = quote(&mut client, (token, first)).await;
    assert_eq!(quote.status(), QuoteStatus::Ok);
    for token in [token, first] {
        assert!(quote.warnings.contains(&format!("token {token} {UNCHECKED}")), "{quote:?}");
    }
    house.stop().await;
}

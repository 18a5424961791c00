//! Sends what BuildSwap makes and reads what it moved.

use std::collections::BTreeMap;

use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    primitives::{Address, Bytes, TxHash, U256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
};
use capstan_db::testing::TestStore;
use capstan_devnet::Options;
use capstan_proto::quoter::{self as wire, BuildSwapRequest, BuildSwapResponse};
use serde_json::{Value, json};

use super::super::{Client, chain::COIN, level};
use crate::house::House;

sol! {
    #[sol(rpc)]
    contract Erc20 {
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 value) external returns (bool);
        function mint(address to, uint256 value) external;
    }

    #[sol(rpc)]
    contract Permit2 {
        function allowance(address owner, address token, address spender) external view returns (uint160 amount, uint48 expiration, uint48 nonce);
    }
}

const GAS: u64 = 6_000_000;
const MAX_FEE: u128 = 200_000_000_000;

/// What somebody has of something; the coin is named as in quotes.
pub(super) type Balances = BTreeMap<(Address, Address), U256>;

/// A transaction that was mined.
pub(super) struct Mined {
    pub(super) succeeded: bool,
    /// Wei that its sender paid for gas.
    pub(super) fee: U256,
    pub(super) gas: u64,
}

pub(super) struct Trader {
    pub(super) house: House,
    pub(super) client: Client,
}

impl Trader {
    pub(super) async fn open(options: Options) -> Self {
        Self::open_changed(options, |toml| toml).await
    }

    /// With another configuration than the chain's.
    pub(super) async fn open_changed(options: Options, change: impl FnOnce(String) -> String) -> Self {
        let house = House::open_changed(TestStore::sqlite(), options, change).await;
        let mut client = super::super::client(&house).await;
        level(&house, &mut client).await;
        Self { house, client }
    }

    pub(super) async fn level(&mut self) {
        level(&self.house, &mut self.client).await;
    }

    /// SwapRouter02 and the Universal Router.
    pub(super) fn routers(&self) -> [Address; 2] {
        let deployment = self.house.devnet.deployment();
        let venues = deployment.venues.as_ref().unwrap();
        [deployment.uniswap.v3_router, venues.universal_router.unwrap()]
    }

    pub(super) fn account(&self, number: usize) -> Address {
        self.house.devnet.deployment().accounts[number].address
    }

    /// Every token, and the coin.
    pub(super) fn tokens(&self) -> Vec<Address> {
        let tokens = self.house.devnet.deployment().tokens.iter().map(|token| token.address);
        tokens.chain([COIN]).collect()
    }

    pub(super) async fn build(&mut self, request: &BuildSwapRequest) -> BuildSwapResponse {
        self.client.build_swap(request.clone()).await.unwrap().into_inner()
    }

    /// Builds a swap and does what it says is to be done before, as a wallet would.
    pub(super) async fn prepare(&mut self, request: &mut BuildSwapRequest) -> BuildSwapResponse {
        let mut built = self.build(request).await;
        if let Some(allowance) = built.allowance.take() {
            let sender = request.sender.parse().unwrap();
            self.approve(sender, &allowance).await;
            built = self.build(request).await;
            assert_eq!(built.allowance, None, "it was given");
        }
        if let Some(permit) = built.permit.take() {
            assert!(built.transaction.is_none() && !built.problem.is_empty(), "{built:?}");
            request.permit = Some(self.sign(&request.sender, permit).await);
            built = self.build(request).await;
        }
        built
    }

    pub(super) async fn sign(&self, sender: &str, permit: wire::PermitToSign) -> wire::SignedPermit {
        let typed: Value = serde_json::from_str(&permit.typed_data).unwrap();
        let params = json!([sender, typed]);
        let signed = self.house.provider().raw_request("eth_signTypedData_v4".into(), params).await;
        wire::SignedPermit { permit: permit.permit, signature: signed.unwrap() }
    }

    async fn approve(&mut self, sender: Address, allowance: &wire::Allowance) {
        let (spender, value) = (allowance.spender.parse().unwrap(), allowance.amount.parse().unwrap());
        self.allow(sender, allowance.token.parse().unwrap(), (spender, value)).await;
        self.level().await;
    }

    pub(super) async fn allow(&mut self, sender: Address, token: Address, (spender, value): (Address, U256)) {
        let data = Erc20::approveCall { spender, value }.abi_encode();
        let hash = self.announce((sender, token), data.into(), U256::ZERO).await;
        assert!(self.mine(hash).await.succeeded);
    }

    /// Makes tokens of a test's.
    pub(super) async fn mint(&mut self, to: Address, token: Address, value: U256) {
        let data = Erc20::mintCall { to, value }.abi_encode();
        let hash = self.announce((to, token), data.into(), U256::ZERO).await;
        assert!(self.mine(hash).await.succeeded);
        self.level().await;
    }

    /// Sends a transaction in a block of its own.
    pub(super) async fn send(&mut self, sender: Address, transaction: &wire::Transaction) -> Mined {
        let wire::Transaction { to, data, value, .. } = transaction;
        let ends = (sender, to.parse().unwrap());
        let hash = self.announce(ends, data.parse().unwrap(), value.parse().unwrap()).await;
        self.mine(hash).await
    }

    async fn announce(&self, (from, to): (Address, Address), data: Bytes, value: U256) -> TxHash {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(to)
            .with_input(data)
            .with_value(value)
            .with_gas_limit(GAS)
            .with_max_fee_per_gas(MAX_FEE)
            .with_max_priority_fee_per_gas(1);
        let sent = self.house.provider().raw_request("eth_sendTransaction".into(), [json!(request)]).await;
        sent.unwrap()
    }

    async fn mine(&mut self, hash: TxHash) -> Mined {
        self.house.devnet.mine_empty(1).await.unwrap();
        let receipt = self.house.provider().get_transaction_receipt(hash).await.unwrap().unwrap();
        let fee = U256::from(receipt.effective_gas_price) * U256::from(receipt.gas_used);
        Mined { succeeded: receipt.status(), fee, gas: receipt.gas_used }
    }

    /// What each of some accounts has of everything, now.
    pub(super) async fn balances(&self, holders: &[Address]) -> Balances {
        let mut balances = Balances::new();
        let provider = self.house.provider();
        for holder in holders {
            for token in self.tokens() {
                let balance = if token == COIN {
                    provider.get_balance(*holder).block_id(BlockId::latest()).await.unwrap()
                } else {
                    Erc20::new(token, &provider).balanceOf(*holder).call().await.unwrap()
                };
                balances.insert((*holder, token), balance);
            }
        }
        balances
    }

    /// What the owner lets a router take: SwapRouter02 by the token, the Universal Router by Permit2.
    pub(super) async fn allowed(&self, owner: Address, token: Address, router: Address) -> U256 {
        let provider = self.house.provider();
        if token == COIN {
            return U256::ZERO;
        }
        if router == self.routers()[0] {
            return Erc20::new(token, &provider).allowance(owner, router).call().await.unwrap();
        }
        let permit2 = Permit2::new(self.house.devnet.deployment().permit2, &provider);
        U256::from(permit2.allowance(owner, token, router).call().await.unwrap().amount)
    }
}

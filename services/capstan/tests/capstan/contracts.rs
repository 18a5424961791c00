//! What the contracts themselves say, by their views and logs at one block.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, U256, Uint},
    providers::Provider,
    rpc::types::Filter,
    sol,
    sol_types::SolEvent,
};

use crate::house::House;

sol! {
    #[sol(rpc)]
    contract ConditionalTokens {
        event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);
        event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values);
        function balanceOfBatch(address[] owners, uint256[] ids) external view returns (uint256[]);
        function payoutDenominator(bytes32 conditionId) external view returns (uint256);
        function payoutNumerators(bytes32 conditionId, uint256 index) external view returns (uint256);
        function getOutcomeSlotCount(bytes32 conditionId) external view returns (uint256);
        function getCollectionId(bytes32 parent, bytes32 conditionId, uint256 indexSet) external view returns (bytes32);
        function getPositionId(address collateral, bytes32 collectionId) external pure returns (uint256);
    }

    #[sol(rpc)]
    contract Fpmm {
        event FPMMBuy(address indexed buyer, uint256 investmentAmount, uint256 feeAmount, uint256 indexed outcomeIndex, uint256 outcomeTokensBought);
        event FPMMSell(address indexed seller, uint256 returnAmount, uint256 feeAmount, uint256 indexed outcomeIndex, uint256 outcomeTokensSold);
        function fee() external view returns (uint256);
        function collateralToken() external view returns (address);
        function conditionIds(uint256 index) external view returns (bytes32);
        function calcBuyAmount(uint256 investmentAmount, uint256 outcomeIndex) external view returns (uint256);
        function calcSellAmount(uint256 returnAmount, uint256 outcomeIndex) external view returns (uint256);
    }
}

/// Room for the product of all balances of a pool.
type Wide = Uint<2048, 32>;

/// A trade as its log says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) side: &'static str,
    pub(crate) trader: Address,
    pub(crate) outcome: u64,
    pub(crate) tokens: U256,
    pub(crate) collateral: U256,
    pub(crate) fee: U256,
    pub(crate) block: B256,
    pub(crate) log_index: u64,
}

/// A market as the contracts have it.
#[derive(Debug)]
pub(crate) struct Truth {
    /// One; several in a pool that combines their outcomes.
    pub(crate) conditions: Vec<B256>,
    pub(crate) collateral: Address,
    pub(crate) fee: U256,
    pub(crate) position_ids: Vec<U256>,
    pub(crate) pool: Vec<U256>,
    pub(crate) payouts: Vec<U256>,
    /// Newest first.
    pub(crate) trades: Vec<Trade>,
    /// Balances by outcome and holder that are not zero, the pool's left out.
    pub(crate) holders: BTreeMap<(u64, Address), U256>,
}

/// Everyone who ever received an outcome token.
pub(crate) async fn receivers(house: &House) -> BTreeSet<Address> {
    let address = house.devnet.deployment().conditional_tokens;
    let logs = house.provider().get_logs(&Filter::new().address(address).from_block(0)).await.unwrap();
    let to = logs.iter().filter_map(|log| match log.topic0() {
        Some(
            &ConditionalTokens::TransferSingle::SIGNATURE_HASH
            | &ConditionalTokens::TransferBatch::SIGNATURE_HASH,
        ) => Some(Address::from_word(log.topics()[3])),
        _ => None,
    });
    to.filter(|address| *address != Address::ZERO).collect()
}

impl Truth {
    /// The market of a pool at `block`.
    pub(crate) async fn of(house: &House, amm: Address, everyone: &BTreeSet<Address>, block: B256) -> Self {
        let at = BlockId::hash(block);
        let provider = house.provider();
        let pool = Fpmm::new(amm, &provider);
        let tokens = ConditionalTokens::new(house.devnet.deployment().conditional_tokens, &provider);
        let collateral = pool.collateralToken().block(at).call().await.unwrap();
        let mut conditions = Vec::new();
        while let Ok(condition) = pool.conditionIds(U256::from(conditions.len())).block(at).call().await {
            conditions.push(condition);
        }
        let mut combined = (vec![B256::ZERO], Some(vec![U256::from(1)]));
        // Of the outcomes of a pool those of its first condition count fastest.
        for condition in conditions.iter().rev() {
            combined = combine(&tokens, *condition, combined, at).await;
        }
        let mut position_ids = Vec::new();
        for collection in combined.0 {
            position_ids.push(tokens.getPositionId(collateral, collection).block(at).call().await.unwrap());
        }
        let payouts = combined.1.unwrap_or_default();
        let mut holders = BTreeMap::new();
        let mut balances = Vec::new();
        for (outcome, id) in (0..).zip(&position_ids) {
            let owners: Vec<Address> = everyone.iter().copied().chain([amm]).collect();
            let ids = vec![*id; owners.len()];
            let amounts = tokens.balanceOfBatch(owners.clone(), ids).block(at).call().await.unwrap();
            balances.push(*amounts.last().unwrap());
            let held =
                owners.into_iter().zip(amounts).filter(|(owner, amount)| *owner != amm && !amount.is_zero());
            holders.extend(held.map(|(owner, amount)| ((outcome, owner), amount)));
        }
        let fee = pool.fee().block(at).call().await.unwrap();
        let trades = trades(&provider, amm).await;
        Self { conditions, collateral, fee, position_ids, pool: balances, payouts, trades, holders }
    }

    /// The product of the other balances, by outcome.
    fn weights(&self) -> Vec<Wide> {
        let weight = |skip: usize| {
            let others = self.pool.iter().enumerate().filter(|(index, _)| *index != skip);
            others.fold(Wide::from(1), |product, (_, balance)| product * Wide::from(*balance))
        };
        (0..self.pool.len()).map(weight).collect()
    }

    /// What the tokens in the pool are worth at their marginal prices: each outcome the same.
    pub(crate) fn liquidity(&self) -> Option<U256> {
        let sum = self.weights().into_iter().fold(Wide::ZERO, |sum, weight| sum + weight);
        let product = self.pool.iter().fold(Wide::from(self.pool.len()), |all, one| all * Wide::from(*one));
        let worth = (!sum.is_zero()).then(|| product / sum);
        worth.map(|worth| U256::from_limbs_slice(&worth.as_limbs()[..4]))
    }

    /// Marginal prices in units of 10^-18: the product of the other balances over the sum of such
    /// products, what is lost by rounding down given to the largest remainders.
    pub(crate) fn prices(&self) -> Vec<U256> {
        let one = Wide::from(10).pow(Wide::from(18));
        let weights = self.weights();
        let sum = weights.iter().fold(Wide::ZERO, |sum, weight| sum + weight);
        if sum.is_zero() {
            return Vec::new();
        }
        let mut prices: Vec<Wide> = weights.iter().map(|weight| *weight * one / sum).collect();
        let mut by_remainder: Vec<usize> = (0..prices.len()).collect();
        by_remainder.sort_by_key(|index| std::cmp::Reverse(weights[*index] * one % sum));
        let mut missing = one - prices.iter().fold(Wide::ZERO, |sum, price| sum + price);
        for index in by_remainder {
            if !missing.is_zero() {
                prices[index] += Wide::from(1);
                missing -= Wide::from(1);
            }
        }
        prices.into_iter().map(|price| U256::from_limbs_slice(&price.as_limbs()[..4])).collect()
    }
}

type Combined = (Vec<B256>, Option<Vec<U256>>);

/// Every collection with every outcome of a condition, and what those pay when all of their conditions are resolved.
async fn combine<P: Provider>(
    tokens: &ConditionalTokens::ConditionalTokensInstance<P>,
    condition: B256,
    (collections, payouts): Combined,
    at: BlockId,
) -> Combined {
    let outcomes: u64 = tokens.getOutcomeSlotCount(condition).block(at).call().await.unwrap().to();
    let resolved = tokens.payoutDenominator(condition).block(at).call().await.unwrap() > U256::ZERO;
    let mut numerators = Vec::new();
    for outcome in 0..outcomes {
        let index = U256::from(outcome);
        numerators.push(tokens.payoutNumerators(condition, index).block(at).call().await.unwrap());
    }
    let mut below = Vec::new();
    for parent in collections {
        for outcome in 0..outcomes {
            let set = U256::from(1) << outcome;
            below.push(tokens.getCollectionId(parent, condition, set).block(at).call().await.unwrap());
        }
    }
    let products =
        |above: &U256| numerators.iter().map(|numerator| *above * numerator).collect::<Vec<U256>>();
    let payouts = payouts.filter(|_| resolved).map(|payouts| payouts.iter().flat_map(products).collect());
    (below, payouts)
}

async fn trades(provider: &impl Provider, amm: Address) -> Vec<Trade> {
    let logs = provider.get_logs(&Filter::new().address(amm).from_block(0)).await.unwrap();
    let mut trades: Vec<Trade> = logs
        .iter()
        .filter_map(|log| {
            let (block, log_index) = (log.block_hash.unwrap(), log.log_index.unwrap());
            if let Ok(buy) = log.log_decode::<Fpmm::FPMMBuy>() {
                let Fpmm::FPMMBuy { buyer, investmentAmount, feeAmount, outcomeIndex, outcomeTokensBought } =
                    buy.inner.data;
                let (outcome, fee, tokens) = (outcomeIndex.to(), feeAmount, outcomeTokensBought);
                let (side, trader, collateral) = ("TRADE_SIDE_BUY", buyer, investmentAmount);
                return Some(Trade { side, trader, outcome, tokens, collateral, fee, block, log_index });
            }
            let sell = log.log_decode::<Fpmm::FPMMSell>().ok()?.inner.data;
            let Fpmm::FPMMSell { seller, returnAmount, feeAmount, outcomeIndex, outcomeTokensSold } = sell;
            let (outcome, fee, tokens) = (outcomeIndex.to(), feeAmount, outcomeTokensSold);
            let (side, trader, collateral) = ("TRADE_SIDE_SELL", seller, returnAmount);
            Some(Trade { side, trader, outcome, tokens, collateral, fee, block, log_index })
        })
        .collect();
    trades.reverse();
    trades
}

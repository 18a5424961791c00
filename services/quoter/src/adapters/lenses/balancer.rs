//! Balancer V2: the vault itself tries a swap out.

use alloy::{
    primitives::{Bytes, I256},
    sol,
    sol_types::SolCall,
};
use capstan_chain::{ContractCall, Returned};
use capstan_primitives::U256;

use super::{Next, Question, ends, evm, evm_number, read_address, read_word, vault::contract};
use crate::domain::route::Side;

sol! {
    struct BatchSwapStep { bytes32 poolId; uint256 assetInIndex; uint256 assetOutIndex; uint256 amount; bytes userData; }
    struct FundManagement { address sender; bool fromInternalBalance; address recipient; bool toInternalBalance; }
    function getVault() returns (address);
    function getPoolId() returns (bytes32);
    function queryBatchSwap(uint8 kind, BatchSwapStep[] swaps, address[] assets, FundManagement funds) returns (int256[] assetDeltas);
}

/// Where the pool's vault is, and what it calls the pool.
pub(super) fn first(question: &Question) -> Vec<ContractCall> {
    let calls = [getVaultCall {}.abi_encode(), getPoolIdCall {}.abi_encode()];
    let pool = contract(question).ok();
    pool.map(|to| calls.map(|data| ContractCall { to, data }).to_vec()).unwrap_or_default()
}

pub(super) fn next(question: &Question, read: &[Returned]) -> Result<Next, String> {
    let (to, id) = (read_address(read, 0)?, read_word(read, 1, 0)?);
    let (given, wanted) = ends(question)?;
    let nobody = alloy::primitives::Address::ZERO;
    let call = queryBatchSwapCall {
        kind: u8::from(question.side == Side::Out),
        swaps: vec![BatchSwapStep {
            poolId: id.to_be_bytes::<32>().into(),
            assetInIndex: evm_number(U256::ZERO),
            assetOutIndex: evm_number(U256::ONE),
            amount: evm_number(question.amount),
            userData: Bytes::new(),
        }],
        assets: vec![evm(given)?, evm(wanted)?],
        funds: FundManagement {
            sender: nobody,
            fromInternalBalance: false,
            recipient: nobody,
            toInternalBalance: false,
        },
    };
    let read = if question.side == Side::In { out } else { given_for };
    Ok(Next::Ask(ContractCall { to, data: call.abi_encode() }, read))
}

/// What the vault would pay, which it says as a negative number.
fn out(answer: &[u8]) -> Result<U256, String> {
    deltas(answer).map(|[_, out]| out)
}

fn given_for(answer: &[u8]) -> Result<U256, String> {
    deltas(answer).map(|[given, _]| given)
}

fn deltas(answer: &[u8]) -> Result<[U256; 2], String> {
    let deltas = queryBatchSwapCall::abi_decode_returns(answer).map_err(|error| error.to_string())?;
    let [given, out] = deltas.as_slice() else { return Err("its answer is too short".to_owned()) };
    let size = |delta: &I256| U256::from_limbs(*delta.unsigned_abs().as_limbs());
    Ok([size(given), size(out)])
}

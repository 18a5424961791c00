//! ERC-4626: the vault's own previews.

use alloy::{sol, sol_types::SolCall};
use capstan_chain::ContractCall;
use capstan_primitives::Address;

use super::{Next, Question, evm_number, first_word};
use crate::domain::{
    pool::{PoolId, Way},
    route::Side,
};

sol! {
    function previewDeposit(uint256 amount) returns (uint256 shares);
    function previewMint(uint256 amount) returns (uint256 assets);
    function previewRedeem(uint256 amount) returns (uint256 assets);
    function previewWithdraw(uint256 amount) returns (uint256 shares);
}

pub(super) fn next(question: &Question) -> Result<Next, String> {
    let amount = evm_number(question.amount);
    let data = match (question.way, question.side) {
        (Way::DOWN, Side::In) => previewDepositCall { amount }.abi_encode(),
        (Way::DOWN, Side::Out) => previewMintCall { amount }.abi_encode(),
        (_, Side::In) => previewRedeemCall { amount }.abi_encode(),
        (_, Side::Out) => previewWithdrawCall { amount }.abi_encode(),
    };
    Ok(Next::Ask(ContractCall { to: contract(question)?, data }, first_word))
}

/// The contract that the pool is.
pub(super) fn contract(question: &Question) -> Result<Address, String> {
    match question.entry.id {
        PoolId::Contract(address) => Ok(address),
        PoolId::Key(_) => Err("it is no contract of its own".to_owned()),
    }
}

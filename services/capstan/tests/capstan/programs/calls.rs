//! The functions of the contracts that programs call.
#![allow(clippy::too_many_arguments, reason = "generated code")]

use alloy::sol;

/// Enough for each of them.
pub(super) const GAS: u64 = 8_000_000;

sol! {
    interface Erc20 {
        function approve(address spender, uint256 value) external returns (bool);
    }

    interface Tokens {
        function prepareCondition(address oracle, bytes32 questionId, uint256 outcomeSlotCount) external;
        function reportPayouts(bytes32 questionId, uint256[] payouts) external;
        function splitPosition(
            address collateral, bytes32 parent, bytes32 conditionId, uint256[] partition, uint256 amount
        ) external;
        function mergePositions(
            address collateral, bytes32 parent, bytes32 conditionId, uint256[] partition, uint256 amount
        ) external;
        function redeemPositions(
            address collateral, bytes32 parent, bytes32 conditionId, uint256[] indexSets
        ) external;
        function setApprovalForAll(address operator, bool approved) external;
        function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data) external;
        function safeBatchTransferFrom(
            address from, address to, uint256[] ids, uint256[] values, bytes data
        ) external;
    }

    #[sol(rpc)]
    interface Pool {
        function addFunding(uint256 funds, uint256[] distributionHint) external;
        function removeFunding(uint256 shares) external;
        function buy(uint256 investment, uint256 outcome, uint256 minimumTokens) external;
        function sell(uint256 returned, uint256 outcome, uint256 maximumTokens) external;
        function withdrawFees(address account) external;
        function transfer(address to, uint256 shares) external returns (bool);
        function balanceOf(address owner) external view returns (uint256);
    }

    #[sol(rpc)]
    interface PoolFactory {
        function create2FixedProductMarketMaker(
            uint256 saltNonce, address conditionalTokens, address collateralToken, bytes32[] conditionIds,
            uint256 fee, uint256 initialFunds, uint256[] distributionHint
        ) external returns (address pool);
    }

    struct NewMarket {
        address oracle;
        bytes32 questionId;
        address collateralToken;
        string question;
        string[] outcomes;
        uint256 resolutionTime;
        uint256 fee;
        uint256 initialFunds;
        uint256[] distributionHint;
    }

    #[sol(rpc)]
    interface MarketFactory {
        function createMarket(NewMarket market) external returns (bytes32 marketId, address pool);
        function resolve(bytes32 marketId, uint256[] payouts) external;
    }
}

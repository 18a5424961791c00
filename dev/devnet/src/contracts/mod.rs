//! The parts of the contracts' interfaces that we call or read.
#![allow(unreachable_pub, clippy::too_many_arguments, reason = "generated code")]

pub(crate) mod venues;

use alloy::sol;

sol! {
    interface Erc20 {
        function mint(address to, uint256 value) external;
        function approve(address spender, uint256 value) external returns (bool);
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function deposit() external payable;
    }

    interface V2Factory {
        function getPair(address a, address b) external view returns (address);
    }

    interface V2Pair {
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 at);
    }

    interface V2Router {
        function addLiquidity(
            address tokenA, address tokenB, uint256 desiredA, uint256 desiredB,
            uint256 minimumA, uint256 minimumB, address to, uint256 deadline
        ) external;
        function removeLiquidity(
            address tokenA, address tokenB, uint256 liquidity,
            uint256 minimumA, uint256 minimumB, address to, uint256 deadline
        ) external;
        function swapExactTokensForTokens(
            uint256 amountIn, uint256 amountOutMinimum, address[] path, address to, uint256 deadline
        ) external;
    }

    interface V3Factory {
        function enableFeeAmount(uint24 fee, int24 tickSpacing) external;
        function getPool(address a, address b, uint24 fee) external view returns (address);
    }

    interface V3Pool {
        function slot0() external view returns (
            uint160 sqrtPriceX96, int24 tick, uint16 observation, uint16 cardinality,
            uint16 cardinalityNext, uint8 feeProtocol, bool unlocked
        );
        function tickSpacing() external view returns (int24);
    }

    struct Mint {
        address token0;
        address token1;
        uint24 fee;
        int24 tickLower;
        int24 tickUpper;
        uint256 desired0;
        uint256 desired1;
        uint256 minimum0;
        uint256 minimum1;
        address recipient;
        uint256 deadline;
    }

    struct Decrease {
        uint256 tokenId;
        uint128 liquidity;
        uint256 minimum0;
        uint256 minimum1;
        uint256 deadline;
    }

    struct Collect {
        uint256 tokenId;
        address recipient;
        uint128 maximum0;
        uint128 maximum1;
    }

    interface V3Positions {
        function createAndInitializePoolIfNecessary(
            address token0, address token1, uint24 fee, uint160 sqrtPriceX96
        ) external payable returns (address pool);
        function mint(Mint position) external payable;
        function decreaseLiquidity(Decrease position) external payable;
        function collect(Collect position) external payable;
        function multicall(bytes[] calls) external payable;
        function balanceOf(address owner) external view returns (uint256);
        function tokenOfOwnerByIndex(address owner, uint256 index) external view returns (uint256);
        function positions(uint256 tokenId) external view returns (
            uint96 nonce, address operator, address token0, address token1, uint24 fee,
            int24 tickLower, int24 tickUpper, uint128 liquidity,
            uint256 growth0, uint256 growth1, uint128 owed0, uint128 owed1
        );
    }

    struct ExactInputSingle {
        address tokenIn;
        address tokenOut;
        uint24 fee;
        address recipient;
        uint256 amountIn;
        uint256 amountOutMinimum;
        uint160 sqrtPriceLimitX96;
    }

    interface V3Router {
        function exactInputSingle(ExactInputSingle swap) external payable returns (uint256);
    }

    interface ConditionalTokens {
        event ConditionResolution(
            bytes32 indexed conditionId, address indexed oracle, bytes32 indexed questionId,
            uint256 outcomeSlotCount, uint256[] payoutNumerators
        );
        function prepareCondition(address oracle, bytes32 questionId, uint256 outcomeSlotCount) external;
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
        function isApprovedForAll(address owner, address operator) external view returns (bool);
        function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data) external;
        function safeBatchTransferFrom(
            address from, address to, uint256[] ids, uint256[] values, bytes data
        ) external;
        function balanceOfBatch(address[] owners, uint256[] ids) external view returns (uint256[]);
        function getOutcomeSlotCount(bytes32 conditionId) external view returns (uint256);
        function getCollectionId(bytes32 parent, bytes32 conditionId, uint256 indexSet)
            external view returns (bytes32);
        function getPositionId(address collateral, bytes32 collectionId) external view returns (uint256);
    }

    interface FpmmFactory {
        event FixedProductMarketMakerCreation(
            address indexed creator, address amm, address conditionalTokens, address collateralToken,
            bytes32[] conditionIds, uint256 fee
        );
        function create2FixedProductMarketMaker(
            uint256 saltNonce, address conditionalTokens, address collateralToken, bytes32[] conditionIds,
            uint256 fee, uint256 initialFunds, uint256[] distributionHint
        ) external;
    }

    interface Fpmm {
        function addFunding(uint256 funds, uint256[] distributionHint) external;
        function removeFunding(uint256 shares) external;
        function buy(uint256 investment, uint256 outcome, uint256 minimumTokens) external;
        function sell(uint256 returned, uint256 outcome, uint256 maximumTokens) external;
        function balanceOf(address owner) external view returns (uint256);
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

    interface MarketFactory {
        event MarketCreated(
            bytes32 indexed marketId, bytes32 indexed conditionId, address indexed creator, bytes32 questionId,
            address collateralToken, string question, string[] outcomes, uint256 resolutionTime
        );
        event AMMDeployed(bytes32 indexed marketId, address indexed amm, uint256 fee);
        function createMarket(NewMarket market) external;
        function resolve(bytes32 marketId, uint256[] payouts) external;
    }
}

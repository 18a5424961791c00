//! Event signatures of known protocols, as their contracts declare them.

use super::protocol::{Creates, Definition};

/// All known protocols, by name.
pub(super) const DEFINITIONS: &[Definition] = &[
    BALANCER_V2_VAULT,
    BALANCER_V2_WEIGHTED_POOL,
    BALANCER_V2_WEIGHTED_POOL_FACTORY,
    CHAINLINK_AGGREGATOR,
    ERC20,
    ERC4626,
    CONDITIONAL_TOKENS,
    FPMM,
    FPMM_FACTORY,
    NATIVE,
    PERMIT2,
    UNISWAP_V2_FACTORY,
    UNISWAP_V2_PAIR,
    UNISWAP_V3_FACTORY,
    UNISWAP_V3_POOL,
    UNISWAP_V4_POOL_MANAGER,
    WETH9,
];

const BALANCER_V2_VAULT: Definition = Definition {
    name: "balancer.v2.vault",
    events: &[
        "Swap(bytes32 indexed poolId, address indexed tokenIn, address indexed tokenOut, uint256 amountIn, uint256 amountOut)",
        "PoolBalanceChanged(bytes32 indexed poolId, address indexed liquidityProvider, address[] tokens, int256[] deltas, uint256[] protocolFeeAmounts)",
        "PoolBalanceManaged(bytes32 indexed poolId, address indexed assetManager, address indexed token, int256 cashDelta, int256 managedDelta)",
        "PoolRegistered(bytes32 indexed poolId, address indexed poolAddress, uint8 specialization)",
        "TokensRegistered(bytes32 indexed poolId, address[] tokens, address[] assetManagers)",
        "TokensDeregistered(bytes32 indexed poolId, address[] tokens)",
        "InternalBalanceChanged(address indexed user, address indexed token, int256 delta)",
        "ExternalBalanceTransfer(address indexed token, address indexed sender, address recipient, uint256 amount)",
        "FlashLoan(address indexed recipient, address indexed token, uint256 amount, uint256 feeAmount)",
        "RelayerApprovalChanged(address indexed relayer, address indexed sender, bool approved)",
        "AuthorizerChanged(address indexed newAuthorizer)",
        "PausedStateChanged(bool paused)",
    ],
    creates: &[],
};

const BALANCER_V2_WEIGHTED_POOL: Definition = Definition {
    name: "balancer.v2.weighted_pool",
    events: &[
        "SwapFeePercentageChanged(uint256 swapFeePercentage)",
        "PausedStateChanged(bool paused)",
        "Transfer(address indexed from, address indexed to, uint256 value)",
        "Approval(address indexed owner, address indexed spender, uint256 value)",
    ],
    creates: &[],
};

// Which tokens a pool trades, two to eight, only the vault tells.
const BALANCER_V2_WEIGHTED_POOL_FACTORY: Definition = Definition {
    name: "balancer.v2.weighted_pool_factory",
    events: &["PoolCreated(address indexed pool)"],
    creates: &[Creates {
        event: "PoolCreated",
        argument: "pool",
        protocol: "balancer.v2.weighted_pool",
        tokens: &[],
    }],
};

const CHAINLINK_AGGREGATOR: Definition = Definition {
    name: "chainlink.aggregator",
    events: &[
        "AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt)",
        "NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt)",
    ],
    creates: &[],
};

const ERC20: Definition = Definition {
    name: "erc20",
    events: &[
        "Transfer(address indexed from, address indexed to, uint256 value)",
        "Approval(address indexed owner, address indexed spender, uint256 value)",
    ],
    creates: &[],
};

const ERC4626: Definition = Definition {
    name: "erc4626",
    events: &[
        "Transfer(address indexed from, address indexed to, uint256 value)",
        "Approval(address indexed owner, address indexed spender, uint256 value)",
        "Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares)",
        "Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares)",
    ],
    creates: &[],
};

const CONDITIONAL_TOKENS: Definition = Definition {
    name: "gnosis.conditional_tokens",
    events: &[
        "ConditionPreparation(bytes32 indexed conditionId, address indexed oracle, bytes32 indexed questionId, uint256 outcomeSlotCount)",
        "ConditionResolution(bytes32 indexed conditionId, address indexed oracle, bytes32 indexed questionId, uint256 outcomeSlotCount, uint256[] payoutNumerators)",
        "PositionSplit(address indexed stakeholder, address collateralToken, bytes32 indexed parentCollectionId, bytes32 indexed conditionId, uint256[] partition, uint256 amount)",
        "PositionsMerge(address indexed stakeholder, address collateralToken, bytes32 indexed parentCollectionId, bytes32 indexed conditionId, uint256[] partition, uint256 amount)",
        "PayoutRedemption(address indexed redeemer, address indexed collateralToken, bytes32 indexed parentCollectionId, bytes32 conditionId, uint256[] indexSets, uint256 payout)",
        "TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value)",
        "TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values)",
        "ApprovalForAll(address indexed owner, address indexed operator, bool approved)",
        "URI(string value, uint256 indexed id)",
    ],
    creates: &[],
};

const FPMM: Definition = Definition {
    name: "gnosis.fpmm",
    events: &[
        "FPMMFundingAdded(address indexed funder, uint256[] amountsAdded, uint256 sharesMinted)",
        "FPMMFundingRemoved(address indexed funder, uint256[] amountsRemoved, uint256 collateralRemovedFromFeePool, uint256 sharesBurnt)",
        "FPMMBuy(address indexed buyer, uint256 investmentAmount, uint256 feeAmount, uint256 indexed outcomeIndex, uint256 outcomeTokensBought)",
        "FPMMSell(address indexed seller, uint256 returnAmount, uint256 feeAmount, uint256 indexed outcomeIndex, uint256 outcomeTokensSold)",
        "Transfer(address indexed from, address indexed to, uint256 value)",
        "Approval(address indexed owner, address indexed spender, uint256 value)",
    ],
    creates: &[],
};

// The deterministic factory and the plain one declare the same event with other arguments indexed.
const FPMM_FACTORY: Definition = Definition {
    name: "gnosis.fpmm_factory",
    events: &[
        "FixedProductMarketMakerCreation(address indexed creator, address fixedProductMarketMaker, address conditionalTokens, address collateralToken, bytes32[] conditionIds, uint256 fee)",
        "FixedProductMarketMakerCreation(address indexed creator, address fixedProductMarketMaker, address indexed conditionalTokens, address indexed collateralToken, bytes32[] conditionIds, uint256 fee)",
        "CloneCreated(address indexed target, address clone)",
    ],
    creates: &[Creates {
        event: "FixedProductMarketMakerCreation",
        argument: "fixedProductMarketMaker",
        protocol: "gnosis.fpmm",
        tokens: &["collateralToken"],
    }],
};

// Blocks, and what transactions do to accounts, as if the chain's coin were a contract (ERC-7528).
const NATIVE: Definition = Definition {
    name: "native",
    events: &[
        "Transfer(address indexed from, address indexed to, uint256 value)",
        "Transaction(address indexed from, address indexed to, uint64 nonce, uint256 value, bool success, uint64 gasUsed, uint256 effectiveGasPrice)",
        "Block(address indexed miner, bytes32 parentHash, uint64 gasLimit, uint64 gasUsed, uint256 baseFeePerGas)",
    ],
    creates: &[],
};

const PERMIT2: Definition = Definition {
    name: "permit2",
    events: &[
        "Approval(address indexed owner, address indexed token, address indexed spender, uint160 amount, uint48 expiration)",
        "Permit(address indexed owner, address indexed token, address indexed spender, uint160 amount, uint48 expiration, uint48 nonce)",
        "Lockdown(address indexed owner, address token, address spender)",
        "NonceInvalidation(address indexed owner, address indexed token, address indexed spender, uint48 newNonce, uint48 oldNonce)",
        "UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask)",
    ],
    creates: &[],
};

const UNISWAP_V2_FACTORY: Definition = Definition {
    name: "uniswap.v2.factory",
    events: &["PairCreated(address indexed token0, address indexed token1, address pair, uint256)"],
    creates: &[Creates {
        event: "PairCreated",
        argument: "pair",
        protocol: "uniswap.v2.pair",
        tokens: &["token0", "token1"],
    }],
};

const UNISWAP_V2_PAIR: Definition = Definition {
    name: "uniswap.v2.pair",
    events: &[
        "Mint(address indexed sender, uint256 amount0, uint256 amount1)",
        "Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to)",
        "Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)",
        "Sync(uint112 reserve0, uint112 reserve1)",
        "Transfer(address indexed from, address indexed to, uint256 value)",
        "Approval(address indexed owner, address indexed spender, uint256 value)",
    ],
    creates: &[],
};

const UNISWAP_V3_FACTORY: Definition = Definition {
    name: "uniswap.v3.factory",
    events: &[
        "PoolCreated(address indexed token0, address indexed token1, uint24 indexed fee, int24 tickSpacing, address pool)",
        "FeeAmountEnabled(uint24 indexed fee, int24 indexed tickSpacing)",
        "OwnerChanged(address indexed oldOwner, address indexed newOwner)",
    ],
    creates: &[Creates {
        event: "PoolCreated",
        argument: "pool",
        protocol: "uniswap.v3.pool",
        tokens: &["token0", "token1"],
    }],
};

const UNISWAP_V3_POOL: Definition = Definition {
    name: "uniswap.v3.pool",
    events: &[
        "Initialize(uint160 sqrtPriceX96, int24 tick)",
        "Mint(address sender, address indexed owner, int24 indexed tickLower, int24 indexed tickUpper, uint128 amount, uint256 amount0, uint256 amount1)",
        "Burn(address indexed owner, int24 indexed tickLower, int24 indexed tickUpper, uint128 amount, uint256 amount0, uint256 amount1)",
        "Collect(address indexed owner, address recipient, int24 indexed tickLower, int24 indexed tickUpper, uint128 amount0, uint128 amount1)",
        "Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1, uint160 sqrtPriceX96, uint128 liquidity, int24 tick)",
        "Flash(address indexed sender, address indexed recipient, uint256 amount0, uint256 amount1, uint256 paid0, uint256 paid1)",
        "IncreaseObservationCardinalityNext(uint16 observationCardinalityNextOld, uint16 observationCardinalityNextNew)",
        "SetFeeProtocol(uint8 feeProtocol0Old, uint8 feeProtocol1Old, uint8 feeProtocol0New, uint8 feeProtocol1New)",
        "CollectProtocol(address indexed sender, address indexed recipient, uint128 amount0, uint128 amount1)",
    ],
    creates: &[],
};

// One contract for all pools; a pool is the hash of its key, which Initialize tells.
const UNISWAP_V4_POOL_MANAGER: Definition = Definition {
    name: "uniswap.v4.pool_manager",
    events: &[
        "Initialize(bytes32 indexed id, address indexed currency0, address indexed currency1, uint24 fee, int24 tickSpacing, address hooks, uint160 sqrtPriceX96, int24 tick)",
        "ModifyLiquidity(bytes32 indexed id, address indexed sender, int24 tickLower, int24 tickUpper, int256 liquidityDelta, bytes32 salt)",
        "Swap(bytes32 indexed id, address indexed sender, int128 amount0, int128 amount1, uint160 sqrtPriceX96, uint128 liquidity, int24 tick, uint24 fee)",
        "Donate(bytes32 indexed id, address indexed sender, uint256 amount0, uint256 amount1)",
        "ProtocolFeeUpdated(bytes32 indexed id, uint24 protocolFee)",
        "ProtocolFeeControllerUpdated(address indexed protocolFeeController)",
        "OwnershipTransferred(address indexed user, address indexed newOwner)",
        "Transfer(address caller, address indexed from, address indexed to, uint256 indexed id, uint256 amount)",
        "Approval(address indexed owner, address indexed spender, uint256 indexed id, uint256 amount)",
        "OperatorSet(address indexed owner, address indexed operator, bool approved)",
    ],
    creates: &[],
};

const WETH9: Definition = Definition {
    name: "weth9",
    events: &[
        "Approval(address indexed src, address indexed guy, uint256 wad)",
        "Transfer(address indexed src, address indexed dst, uint256 wad)",
        "Deposit(address indexed dst, uint256 wad)",
        "Withdrawal(address indexed src, uint256 wad)",
    ],
    creates: &[],
};

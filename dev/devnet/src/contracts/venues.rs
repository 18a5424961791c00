//! The parts of Uniswap V4's, Balancer V2's and ERC-4626's interfaces that we call or read.

use alloy::sol;

sol! {
    struct PoolKey {
        address currency0;
        address currency1;
        uint24 fee;
        int24 tickSpacing;
        address hooks;
    }

    struct ModifyLiquidity {
        int24 tickLower;
        int24 tickUpper;
        int256 liquidityDelta;
        bytes32 salt;
    }

    struct SwapV4 {
        bool zeroForOne;
        int256 amountSpecified;
        uint160 sqrtPriceLimitX96;
    }

    struct Settlement {
        bool takeClaims;
        bool settleUsingBurn;
    }

    interface PoolManager {
        function initialize(PoolKey key, uint160 sqrtPriceX96) external returns (int24 tick);
        function setProtocolFeeController(address controller) external;
        function setProtocolFee(PoolKey key, uint24 newProtocolFee) external;
    }

    interface V4Liquidity {
        function modifyLiquidity(PoolKey key, ModifyLiquidity change, bytes hookData) external payable;
    }

    interface V4Router {
        function swap(PoolKey key, SwapV4 swap, Settlement settlement, bytes hookData) external payable;
    }

    interface StateView {
        function getSlot0(bytes32 poolId) external view returns (
            uint160 sqrtPriceX96, int24 tick, uint24 protocolFee, uint24 lpFee
        );
        function getPositionInfo(
            bytes32 poolId, address owner, int24 tickLower, int24 tickUpper, bytes32 salt
        ) external view returns (uint128 liquidity, uint256 growth0, uint256 growth1);
    }

    struct ChangeBalances {
        address[] assets;
        uint256[] limits;
        bytes userData;
        bool internalBalance;
    }

    struct SingleSwap {
        bytes32 poolId;
        uint8 kind;
        address assetIn;
        address assetOut;
        uint256 amount;
        bytes userData;
    }

    struct Funds {
        address sender;
        bool fromInternalBalance;
        address recipient;
        bool toInternalBalance;
    }

    interface BalancerVault {
        event PoolRegistered(bytes32 indexed poolId, address indexed poolAddress, uint8 specialization);
        function joinPool(bytes32 poolId, address sender, address recipient, ChangeBalances request)
            external payable;
        function exitPool(bytes32 poolId, address sender, address recipient, ChangeBalances request) external;
        function swap(SingleSwap singleSwap, Funds funds, uint256 limit, uint256 deadline) external payable;
        function getPoolTokens(bytes32 poolId) external view returns (
            address[] tokens, uint256[] balances, uint256 lastChangeBlock
        );
    }

    interface WeightedPoolFactory {
        function create(
            string name, string symbol, address[] tokens, uint256[] weights, uint256 swapFee, address owner
        ) external returns (address);
    }

    interface Erc4626 {
        function deposit(uint256 assets, address receiver) external returns (uint256);
        function redeem(uint256 shares, address receiver, address owner) external returns (uint256);
    }
}

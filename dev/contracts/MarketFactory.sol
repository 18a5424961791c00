// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

interface IERC20 {
    function approve(address spender, uint256 value) external returns (bool);
    function balanceOf(address owner) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

interface IConditionalTokens {
    function prepareCondition(address oracle, bytes32 questionId, uint256 outcomeSlotCount) external;
    function reportPayouts(bytes32 questionId, uint256[] calldata payouts) external;
    function getConditionId(address oracle, bytes32 questionId, uint256 outcomeSlotCount)
        external pure returns (bytes32);
}

interface IFPMMFactory {
    function create2FixedProductMarketMaker(
        uint256 saltNonce,
        address conditionalTokens,
        address collateralToken,
        bytes32[] calldata conditionIds,
        uint256 fee,
        uint256 initialFunds,
        uint256[] calldata distributionHint
    ) external returns (address);
}

interface IERC1155 {
    function safeBatchTransferFrom(
        address from, address to, uint256[] calldata ids, uint256[] calldata values, bytes calldata data
    ) external;
}

/// @title Creates a prediction market (condition and market maker) in one call, and resolves it.
/// @notice The events are the ones that a backend follows; the market id is unique per factory.
contract MarketFactory {
    /// @param oracle Who reports the payouts; zero means this factory, on behalf of the market's creator.
    /// @param resolutionTime Unix seconds from which the factory accepts a resolution.
    /// @param fee Share of every trade that goes to liquidity providers, 1e18 = 100 %.
    /// @param initialFunds Collateral in base units, taken from the caller.
    /// @param distributionHint Relative pool sizes of the first funding; empty means equal.
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

    struct Market {
        bytes32 conditionId;
        bytes32 questionId;
        address creator;
        address oracle;
        address amm;
        uint256 resolutionTime;
        bool resolved;
    }

    IConditionalTokens public immutable conditionalTokens;
    IFPMMFactory public immutable ammFactory;
    mapping(bytes32 => Market) public markets;
    address private funder;

    event MarketCreated(
        bytes32 indexed marketId,
        bytes32 indexed conditionId,
        address indexed creator,
        bytes32 questionId,
        address collateralToken,
        string question,
        string[] outcomes,
        uint256 resolutionTime
    );
    event AMMDeployed(bytes32 indexed marketId, address indexed amm, uint256 fee);
    event MarketResolved(bytes32 indexed marketId, bytes32 indexed conditionId, uint256[] payouts);

    error TooFewOutcomes(uint256 outcomes);
    error MarketExists(bytes32 marketId);
    error UnknownMarket(bytes32 marketId);
    error NotTheResolver(address caller);
    error TooEarly(uint256 resolutionTime);
    error AlreadyResolved(bytes32 marketId);
    error UnexpectedTokens(address sender);
    error TransferFailed();

    constructor(IConditionalTokens conditionalTokens_, IFPMMFactory ammFactory_) {
        conditionalTokens = conditionalTokens_;
        ammFactory = ammFactory_;
    }

    /// @notice Prepares the condition, deploys and funds its market maker; liquidity shares go to the caller.
    function createMarket(NewMarket calldata market) external returns (bytes32 marketId, address amm) {
        if (market.outcomes.length < 2) revert TooFewOutcomes(market.outcomes.length);
        address oracle = market.oracle == address(0) ? address(this) : market.oracle;
        conditionalTokens.prepareCondition(oracle, market.questionId, market.outcomes.length);
        bytes32 conditionId =
            conditionalTokens.getConditionId(oracle, market.questionId, market.outcomes.length);
        marketId = keccak256(abi.encode(address(this), conditionId));
        if (markets[marketId].creator != address(0)) revert MarketExists(marketId);

        markets[marketId] = Market({
            conditionId: conditionId,
            questionId: market.questionId,
            creator: msg.sender,
            oracle: oracle,
            amm: address(0),
            resolutionTime: market.resolutionTime,
            resolved: false
        });
        announce(marketId, conditionId, market);
        amm = deploy(marketId, conditionId, market);
        markets[marketId].amm = amm;
        emit AMMDeployed(marketId, amm, market.fee);
    }

    /// @notice Reports the payouts of a market whose oracle is this factory; only its creator may.
    ///         Any other oracle reports to the conditional tokens itself, and no MarketResolved is emitted.
    function resolve(bytes32 marketId, uint256[] calldata payouts) external {
        Market storage market = markets[marketId];
        if (market.creator == address(0)) revert UnknownMarket(marketId);
        if (market.oracle != address(this) || msg.sender != market.creator) revert NotTheResolver(msg.sender);
        if (block.timestamp < market.resolutionTime) revert TooEarly(market.resolutionTime);
        if (market.resolved) revert AlreadyResolved(marketId);
        market.resolved = true;
        conditionalTokens.reportPayouts(market.questionId, payouts);
        emit MarketResolved(marketId, market.conditionId, payouts);
    }

    function announce(bytes32 marketId, bytes32 conditionId, NewMarket calldata market) private {
        emit MarketCreated(
            marketId,
            conditionId,
            msg.sender,
            market.questionId,
            market.collateralToken,
            market.question,
            market.outcomes,
            market.resolutionTime
        );
    }

    function deploy(bytes32 marketId, bytes32 conditionId, NewMarket calldata market)
        private
        returns (address amm)
    {
        IERC20 collateral = IERC20(market.collateralToken);
        if (market.initialFunds > 0) {
            if (!collateral.transferFrom(msg.sender, address(this), market.initialFunds)) revert TransferFailed();
            if (!collateral.approve(address(ammFactory), market.initialFunds)) revert TransferFailed();
        }
        bytes32[] memory conditionIds = new bytes32[](1);
        conditionIds[0] = conditionId;
        funder = msg.sender;
        amm = ammFactory.create2FixedProductMarketMaker(
            uint256(marketId),
            address(conditionalTokens),
            market.collateralToken,
            conditionIds,
            market.fee,
            market.initialFunds,
            market.distributionHint
        );
        funder = address(0);
        uint256 shares = IERC20(amm).balanceOf(address(this));
        if (shares > 0 && !IERC20(amm).transfer(msg.sender, shares)) revert TransferFailed();
    }

    /// @dev An uneven first funding hands back outcome tokens; they belong to whoever paid for them.
    function onERC1155BatchReceived(
        address, address, uint256[] calldata ids, uint256[] calldata values, bytes calldata data
    ) external returns (bytes4) {
        if (funder == address(0) || msg.sender != address(conditionalTokens)) revert UnexpectedTokens(msg.sender);
        IERC1155(msg.sender).safeBatchTransferFrom(address(this), funder, ids, values, data);
        return this.onERC1155BatchReceived.selector;
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == 0x4e2312e0;
    }
}

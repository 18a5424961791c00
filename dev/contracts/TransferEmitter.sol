// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// @title Emits ERC-20 transfers and keeps no state, for measuring those who read them.
contract TransferEmitter {
    event Transfer(address indexed from, address indexed to, uint256 value);

    /// @dev The values are `first`, `first + 1` and so on, so that both their sum and a gap show; the addresses are
    ///   as many as the values.
    function emitTransfers(uint256 first, uint256 count) external {
        for (uint256 value = first; value < first + count; ++value) {
            bytes32 hash = keccak256(abi.encode(value));
            emit Transfer(address(bytes20(hash)), address(uint160(uint256(hash))), value);
        }
    }
}

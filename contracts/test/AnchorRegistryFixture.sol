// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../AnchorRegistry.sol";
import {IAnchorRegistry} from "../interfaces/IAnchorRegistry.sol";
import {Trees} from "./Trees.sol";
import {vm} from "./Vm.sol";

/// @title A registry with one log, its roles, and the refusals that its tests expect
abstract contract AnchorRegistryFixture {
    address internal constant REGISTRAR = address(0xA1);
    address internal constant OWNER = address(0xA2);
    address internal constant ANCHORER = address(0xA3);
    address internal constant STRANGER = address(0xA4);
    bytes32 internal constant ORIGIN = keccak256("returns.example/eu");
    uint64 internal constant CAP = 16;
    uint256 internal constant TIME = 1_800_000_000;
    uint256 internal constant BLOCK = 1000;

    AnchorRegistry internal registry;
    bytes32[] internal leaves;
    bytes32 internal logId;

    function setUp() public {
        registry = new AnchorRegistry();
        leaves = Trees.leaves("registry", 40);
        vm.warp(TIME);
        vm.roll(BLOCK);
        vm.prank(REGISTRAR);
        logId = registry.registerLog(ORIGIN, leaves[0], OWNER, ANCHORER, CAP);
    }

    function _anchor(uint64 size) internal returns (uint64) {
        (, uint64 last,) = registry.head(logId);
        bytes32 root = Trees.root(leaves, 0, size);
        bytes32[] memory proof = Trees.consistency(leaves, last, size);
        vm.prank(ANCHORER);
        return registry.anchor(logId, size, root, proof);
    }

    /// @dev The commitment that a head recorded in this block has.
    function _commitment(bytes32 id, uint64 sequence, uint64 size, bytes32 root) internal view returns (bytes32) {
        bytes32 parent = blockhash(block.number - 1);
        return keccak256(abi.encode(id, sequence, size, root, block.timestamp, block.number, parent));
    }

    function _expectZero(string memory argument) internal {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogZeroValue.selector, argument));
    }

    function _expectClosed() internal {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogIsClosed.selector, logId));
    }

    function _expectExists() internal {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogExists.selector, logId));
    }

    function _expectOwnerOnly(address caller, address owner) internal {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogOwnerOnly.selector, logId, caller, owner));
    }
}

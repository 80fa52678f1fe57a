// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../AnchorRegistry.sol";
import {AnchorRegistryHandler} from "./AnchorRegistryHandler.sol";
import {Trees} from "./Trees.sol";
import {vm} from "./Vm.sol";

/// @title What holds after any sequence of acts
contract AnchorRegistryInvariantsTest {
    AnchorRegistryHandler private handler;
    AnchorRegistry private registry;

    function setUp() public {
        handler = new AnchorRegistryHandler();
        registry = handler.registry();
    }

    /// @dev Only the handler is called: it calls the registry in every role.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_EachActIsAcceptedExactlyWhenItShouldBe() public view {
        require(bytes(handler.breach()).length == 0, handler.breach());
    }

    /// @dev The mirror only ever grows, so equal heads mean that size and sequence of the registry only grow.
    function invariant_TheHeadIsThatOfTheHonestLog() public view {
        for (uint256 i = 0; i < 2; ++i) {
            AnchorRegistryHandler.Mirror memory log = handler.mirror(i);
            (uint64 sequence, uint64 size, bytes32 root) = registry.head(log.id);
            require(sequence == log.commitments.length - 1, "sequence");
            require(size == log.size, "size");
            require(root == Trees.root(log.leaves, 0, size), "root");
        }
    }

    function invariant_ARecordedCommitmentNeverChanges() public view {
        for (uint256 i = 0; i < 2; ++i) {
            AnchorRegistryHandler.Mirror memory log = handler.mirror(i);
            for (uint64 sequence = 0; sequence < log.commitments.length; ++sequence) {
                bytes32 slot = keccak256(abi.encode(sequence, keccak256(abi.encode(log.id, 0))));
                require(registry.commitment(log.id, sequence) == log.commitments[sequence], "commitment");
                require(vm.load(address(registry), slot) == log.commitments[sequence], "slot");
            }
            require(registry.commitment(log.id, uint64(log.commitments.length)) == 0, "nothing after the last");
        }
    }

    function invariant_RolesCapAndClosureAreWhatTheOwnerSet() public view {
        for (uint256 i = 0; i < 2; ++i) {
            AnchorRegistryHandler.Mirror memory log = handler.mirror(i);
            (
                bytes32 originHash,
                address registrar,
                address owner,
                address pendingOwner,
                address anchorer,
                uint64 maxGrowth,
                bool closed,,
            ) = registry.log(log.id);
            require(originHash == bytes32(i + 1) && registrar == address(handler), "birth");
            require(owner == log.owner && pendingOwner == log.offered && anchorer == log.anchorer, "roles");
            require(maxGrowth == log.maxGrowth && closed == log.closed, "cap and closure");
        }
    }
}

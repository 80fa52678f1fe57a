// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../interfaces/IAnchorRegistry.sol";
import {AnchorRegistryFixture} from "./AnchorRegistryFixture.sol";
import {Trees} from "./Trees.sol";
import {vm} from "./Vm.sol";

/// @title Owning and closing: each act, its event, and each refusal with its values
contract AnchorRegistryOwnerTest is AnchorRegistryFixture {
    // Owning.

    function test_OwnershipMovesInTwoSteps() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IAnchorRegistry.OwnershipOffered(logId, OWNER, STRANGER);
        vm.prank(OWNER);
        registry.transferOwnership(logId, STRANGER);
        (,, address owner, address pending,,,,,) = registry.log(logId);
        require(owner == OWNER && pending == STRANGER, "offered, not moved");

        vm.expectEmit(true, true, true, true, address(registry));
        emit IAnchorRegistry.OwnershipTransferred(logId, OWNER, STRANGER);
        vm.prank(STRANGER);
        registry.acceptOwnership(logId);
        (,, owner, pending,,,,,) = registry.log(logId);
        require(owner == STRANGER && pending == address(0), "moved");
        _expectOwnerOnly(OWNER, STRANGER);
        vm.prank(OWNER);
        registry.setMaxGrowth(logId, 1);
    }

    function test_OnlyThePendingOwnerAccepts() public {
        vm.expectRevert(
            abi.encodeWithSelector(IAnchorRegistry.LogPendingOwnerOnly.selector, logId, OWNER, address(0))
        );
        vm.prank(OWNER);
        registry.acceptOwnership(logId);
        vm.prank(OWNER);
        registry.transferOwnership(logId, STRANGER);
        vm.expectRevert(
            abi.encodeWithSelector(IAnchorRegistry.LogPendingOwnerOnly.selector, logId, REGISTRAR, STRANGER)
        );
        vm.prank(REGISTRAR);
        registry.acceptOwnership(logId);
    }

    function test_AnOfferCanBeWithdrawn() public {
        vm.prank(OWNER);
        registry.transferOwnership(logId, STRANGER);
        vm.prank(OWNER);
        registry.transferOwnership(logId, address(0));

        vm.expectRevert(
            abi.encodeWithSelector(IAnchorRegistry.LogPendingOwnerOnly.selector, logId, STRANGER, address(0))
        );
        vm.prank(STRANGER);
        registry.acceptOwnership(logId);
    }

    function test_OnlyTheOwnerOwns() public {
        address[3] memory others = [REGISTRAR, ANCHORER, STRANGER];
        for (uint256 i = 0; i < 3; ++i) {
            _expectOwnerOnly(others[i], OWNER);
            vm.prank(others[i]);
            registry.transferOwnership(logId, others[i]);
            _expectOwnerOnly(others[i], OWNER);
            vm.prank(others[i]);
            registry.setAnchorer(logId, others[i]);
            _expectOwnerOnly(others[i], OWNER);
            vm.prank(others[i]);
            registry.setMaxGrowth(logId, 99);
            _expectOwnerOnly(others[i], OWNER);
            vm.prank(others[i]);
            registry.closeLog(logId, 0, 0);
        }
    }

    function test_ANewAnchorerReplacesTheOldOneFromTheSizeReached() public {
        _anchor(7);

        vm.expectEmit(true, true, true, true, address(registry));
        emit IAnchorRegistry.AnchorerChanged(logId, ANCHORER, STRANGER, 7);
        vm.prank(OWNER);
        registry.setAnchorer(logId, STRANGER);
        bytes32 root = Trees.root(leaves, 0, 9);
        bytes32[] memory proof = Trees.consistency(leaves, 7, 9);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogAnchorerOnly.selector, logId, ANCHORER, STRANGER));
        vm.prank(ANCHORER);
        registry.anchor(logId, 9, root, proof);
        vm.prank(STRANGER);
        registry.anchor(logId, 9, root, proof);
    }

    function test_TheCapChangesFromTheSizeReached() public {
        _anchor(7);

        vm.expectEmit(true, true, true, true, address(registry));
        emit IAnchorRegistry.MaxGrowthChanged(logId, CAP, 3, 7);
        vm.prank(OWNER);
        registry.setMaxGrowth(logId, 3);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.HeadGrowthOverCap.selector, logId, 4, 3));
        vm.prank(ANCHORER);
        registry.anchor(logId, 11, 0, new bytes32[](0));
        _anchor(10);
    }

    function test_ZeroAnchorerAndZeroCapAreRefused() public {
        _expectZero("anchorer");
        vm.prank(OWNER);
        registry.setAnchorer(logId, address(0));
        _expectZero("maxGrowth");
        vm.prank(OWNER);
        registry.setMaxGrowth(logId, 0);
    }

    // Closing.

    function test_ClosingNamesTheLastHonestHeadAndTheSuccessor() public {
        _anchor(7);
        _anchor(9);

        vm.expectEmit(true, true, true, true, address(registry));
        emit IAnchorRegistry.LogClosed(logId, keccak256("next"), 1, 2);
        vm.prank(OWNER);
        registry.closeLog(logId, keccak256("next"), 1);
        (,,,,,, bool closed, bytes32 successor, uint64 lastHonestSequence) = registry.log(logId);
        require(closed && successor == keccak256("next") && lastHonestSequence == 1, "closed");
        (uint64 sequence, uint64 size,) = registry.head(logId);
        require(sequence == 2 && size == 9, "what was recorded stays");
        require(registry.commitment(logId, 2) != 0, "its commitment too");
    }

    function test_AHeadThatIsNotThereCannotBeTheLastHonestOne() public {
        _anchor(7);

        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogSequenceUnknown.selector, logId, 1, 2));
        vm.prank(OWNER);
        registry.closeLog(logId, 0, 2);
        vm.prank(OWNER);
        registry.closeLog(logId, 0, 1);
    }

    function test_AClosedLogAcceptsNothing() public {
        vm.prank(OWNER);
        registry.transferOwnership(logId, STRANGER);
        vm.prank(OWNER);
        registry.closeLog(logId, 0, 0);
        bytes32 root = Trees.root(leaves, 0, 3);
        bytes32[] memory proof = Trees.consistency(leaves, 1, 3);

        _expectClosed();
        vm.prank(ANCHORER);
        registry.anchor(logId, 3, root, proof);
        _expectClosed();
        vm.prank(OWNER);
        registry.closeLog(logId, keccak256("next"), 0);
        _expectClosed();
        vm.prank(OWNER);
        registry.setAnchorer(logId, STRANGER);
        _expectClosed();
        vm.prank(OWNER);
        registry.setMaxGrowth(logId, 99);
        _expectClosed();
        vm.prank(OWNER);
        registry.transferOwnership(logId, STRANGER);
        _expectClosed();
        vm.prank(STRANGER);
        registry.acceptOwnership(logId);
        _expectExists();
        vm.prank(REGISTRAR);
        registry.registerLog(ORIGIN, leaves[0], OWNER, ANCHORER, CAP);
    }

    function test_TheRegistryTakesNoEther() public {
        (bool plain,) = address(registry).call{value: 1}("");
        (bool called,) = address(registry).call{value: 1}(abi.encodeCall(IAnchorRegistry.head, (logId)));
        (bool unknown,) = address(registry).call(hex"deadbeef");

        require(!plain && !called && !unknown, "refused");
        require(address(registry).balance == 0, "no balance");
    }
}

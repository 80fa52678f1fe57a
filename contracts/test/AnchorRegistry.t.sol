// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../AnchorRegistry.sol";
import {IAnchorRegistry} from "../interfaces/IAnchorRegistry.sol";
import {MerkleTree} from "../libraries/MerkleTree.sol";
import {AnchorRegistryFixture} from "./AnchorRegistryFixture.sol";
import {Trees} from "./Trees.sol";
import {vm} from "./Vm.sol";

/// @title Registering and anchoring: each act, its event, and each refusal with its values
contract AnchorRegistryTest is AnchorRegistryFixture {
    // Registering.

    function test_RegisteringAnchorsHeadZero() public view {
        (uint64 sequence, uint64 size, bytes32 root) = registry.head(logId);
        require(sequence == 0 && size == 1 && root == leaves[0], "head 0");
        require(registry.commitment(logId, 0) == _commitment(logId, 0, 1, leaves[0]), "commitment 0");
    }

    function test_RegisteringIsTold() public {
        bytes32 origin = keccak256("another");
        bytes32 id = registry.computeLogId(STRANGER, origin);

        vm.expectEmit(true, true, true, true, address(registry));
        emit IAnchorRegistry.LogRegistered(id, origin, STRANGER, leaves[3], OWNER, ANCHORER, 5);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IAnchorRegistry.HeadAnchored(id, 0, 1, leaves[3], uint64(TIME), uint64(BLOCK), blockhash(BLOCK - 1));
        vm.prank(STRANGER);
        require(registry.registerLog(origin, leaves[3], OWNER, ANCHORER, 5) == id, "the computed id");
    }

    function test_TheLogSaysEverythingAboutItself() public view {
        (
            bytes32 originHash,
            address registrar,
            address owner,
            address pendingOwner,
            address anchorer,
            uint64 maxGrowth,
            bool closed,
            bytes32 successor,
            uint64 lastHonestSequence
        ) = registry.log(logId);
        require(originHash == ORIGIN && registrar == REGISTRAR && owner == OWNER, "origin, registrar, owner");
        require(pendingOwner == address(0) && anchorer == ANCHORER && maxGrowth == CAP, "roles and cap");
        require(!closed && successor == 0 && lastHonestSequence == 0, "open");
    }

    function test_TheIdBindsChainContractRegistrarAndOrigin() public {
        bytes32 id = registry.computeLogId(REGISTRAR, ORIGIN);
        require(id == keccak256(abi.encode(block.chainid, address(registry), REGISTRAR, ORIGIN)), "formula");
        require(id == logId, "the registered id");
        require(id != registry.computeLogId(STRANGER, ORIGIN), "registrar");
        require(id != registry.computeLogId(REGISTRAR, keccak256("other")), "origin");
        require(id != new AnchorRegistry().computeLogId(REGISTRAR, ORIGIN), "contract");
        vm.chainId(4242);
        require(id != registry.computeLogId(REGISTRAR, ORIGIN), "chain");
    }

    function test_TwoRegistrarsOfOneOriginHaveTwoLogs() public {
        vm.prank(STRANGER);
        bytes32 other = registry.registerLog(ORIGIN, leaves[1], STRANGER, STRANGER, CAP);

        require(other != logId, "another id");
        (,, bytes32 root) = registry.head(logId);
        require(root == leaves[0], "the first log is untouched");
    }

    function test_RegisteringTwiceIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogExists.selector, logId));
        vm.prank(REGISTRAR);
        registry.registerLog(ORIGIN, leaves[1], OWNER, ANCHORER, CAP);
    }

    function test_RegisteringZeroValuesIsRefused() public {
        bytes32 origin = keccak256("zero");
        _expectZero("originHash");
        registry.registerLog(0, leaves[0], OWNER, ANCHORER, CAP);
        _expectZero("genesisLeafHash");
        registry.registerLog(origin, 0, OWNER, ANCHORER, CAP);
        _expectZero("owner");
        registry.registerLog(origin, leaves[0], address(0), ANCHORER, CAP);
        _expectZero("anchorer");
        registry.registerLog(origin, leaves[0], OWNER, address(0), CAP);
        _expectZero("maxGrowth");
        registry.registerLog(origin, leaves[0], OWNER, ANCHORER, 0);
    }

    // Anchoring.

    function test_AnchoringRecordsAndTells() public {
        bytes32 root = Trees.root(leaves, 0, 7);
        vm.roll(BLOCK + 5);
        vm.warp(TIME + 60);

        vm.expectEmit(true, true, true, true, address(registry));
        emit IAnchorRegistry.HeadAnchored(
            logId, 1, 7, root, uint64(TIME + 60), uint64(BLOCK + 5), blockhash(BLOCK + 4)
        );
        require(_anchor(7) == 1, "sequence 1");
        require(registry.commitment(logId, 1) == _commitment(logId, 1, 7, root), "commitment 1");
        vm.roll(BLOCK + 9);
        require(_anchor(9) == 2, "sequence 2");
        (uint64 sequence, uint64 size, bytes32 last) = registry.head(logId);
        require(sequence == 2 && size == 9 && last == Trees.root(leaves, 0, 9), "head 2");
        require(registry.commitment(logId, 3) == 0, "no head 3 yet");
    }

    function test_ACommitmentLiesInItsDocumentedSlot() public {
        _anchor(7);
        for (uint64 sequence = 0; sequence < 2; ++sequence) {
            bytes32 slot = keccak256(abi.encode(sequence, keccak256(abi.encode(logId, 0))));
            bytes32 found = vm.load(address(registry), slot);
            require(found != 0 && found == registry.commitment(logId, sequence), "slot");
        }
    }

    function test_OnlyTheAnchorerAnchors() public {
        bytes32 root = Trees.root(leaves, 0, 3);
        bytes32[] memory proof = Trees.consistency(leaves, 1, 3);
        address[3] memory others = [OWNER, REGISTRAR, STRANGER];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IAnchorRegistry.LogAnchorerOnly.selector, logId, others[i], ANCHORER)
            );
            vm.prank(others[i]);
            registry.anchor(logId, 3, root, proof);
        }
    }

    function test_AHeadThatDoesNotGrowIsRefused() public {
        _anchor(7);
        bytes32 root = Trees.root(leaves, 0, 7);
        uint64[4] memory sizes = [uint64(7), 6, 1, 0];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.HeadNotGrowing.selector, logId, 7, sizes[i]));
            vm.prank(ANCHORER);
            registry.anchor(logId, sizes[i], root, new bytes32[](0));
        }
    }

    function test_ASecondRootForOneSizeIsRefused() public {
        _anchor(7);

        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.HeadNotGrowing.selector, logId, 7, 7));
        vm.prank(ANCHORER);
        registry.anchor(logId, 7, keccak256("another root"), new bytes32[](0));
    }

    function test_TheGrowthCapIsTheLastSizeAccepted() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.HeadGrowthOverCap.selector, logId, CAP + 1, CAP));
        vm.prank(ANCHORER);
        registry.anchor(logId, CAP + 2, 0, new bytes32[](0));

        _anchor(CAP + 1);
    }

    function test_AHeadOfRewrittenHistoryIsRefused() public {
        _anchor(7);
        bytes32[] memory rewritten = leaves;
        rewritten[3] = Trees.leaf("rewritten");
        bytes32[] memory proof = Trees.consistency(rewritten, 7, 12);
        bytes32 honest = Trees.root(leaves, 0, 7);
        bytes32 other = Trees.root(rewritten, 0, 7);
        bytes32 root = Trees.root(rewritten, 0, 12);

        vm.expectRevert(abi.encodeWithSelector(MerkleTree.MerkleOlderRoot.selector, honest, other));
        vm.prank(ANCHORER);
        registry.anchor(logId, 12, root, proof);
    }

    function test_AnUnknownLogIsRefused() public {
        bytes32 id = keccak256("unknown");
        bytes memory refusal = abi.encodeWithSelector(IAnchorRegistry.LogUnknown.selector, id);

        vm.expectRevert(refusal);
        registry.anchor(id, 2, 0, new bytes32[](0));
        vm.expectRevert(refusal);
        registry.head(id);
        vm.expectRevert(refusal);
        registry.log(id);
        vm.expectRevert(refusal);
        registry.transferOwnership(id, OWNER);
        vm.expectRevert(refusal);
        registry.acceptOwnership(id);
        vm.expectRevert(refusal);
        registry.setAnchorer(id, OWNER);
        vm.expectRevert(refusal);
        registry.setMaxGrowth(id, 1);
        vm.expectRevert(refusal);
        registry.closeLog(id, 0, 0);
        require(registry.commitment(id, 0) == 0, "no commitment");
    }
}

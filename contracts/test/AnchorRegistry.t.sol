// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../AnchorRegistry.sol";
import {IAnchorRegistry} from "../interfaces/IAnchorRegistry.sol";
import {MerkleTree} from "../libraries/MerkleTree.sol";
import {Trees} from "./Trees.sol";
import {vm} from "./Vm.sol";

/// @title Each act of the registry, its event, and each refusal with its values
contract AnchorRegistryTest {
    address private constant REGISTRAR = address(0xA1);
    address private constant OWNER = address(0xA2);
    address private constant ANCHORER = address(0xA3);
    address private constant STRANGER = address(0xA4);
    bytes32 private constant ORIGIN = keccak256("returns.example/eu");
    uint64 private constant CAP = 16;
    uint256 private constant TIME = 1_800_000_000;
    uint256 private constant BLOCK = 1000;

    AnchorRegistry private registry;
    bytes32[] private leaves;
    bytes32 private logId;

    function setUp() public {
        registry = new AnchorRegistry();
        leaves = Trees.leaves("registry", 40);
        vm.warp(TIME);
        vm.roll(BLOCK);
        vm.prank(REGISTRAR);
        logId = registry.registerLog(ORIGIN, leaves[0], OWNER, ANCHORER, CAP);
    }

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

    function _anchor(uint64 size) private returns (uint64) {
        (, uint64 last,) = registry.head(logId);
        bytes32 root = Trees.root(leaves, 0, size);
        bytes32[] memory proof = Trees.consistency(leaves, last, size);
        vm.prank(ANCHORER);
        return registry.anchor(logId, size, root, proof);
    }

    /// @dev The commitment that a head recorded in this block has.
    function _commitment(bytes32 id, uint64 sequence, uint64 size, bytes32 root) private view returns (bytes32) {
        bytes32 parent = blockhash(block.number - 1);
        return keccak256(abi.encode(id, sequence, size, root, block.timestamp, block.number, parent));
    }

    function _expectZero(string memory argument) private {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogZeroValue.selector, argument));
    }

    function _expectClosed() private {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogIsClosed.selector, logId));
    }

    function _expectExists() private {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogExists.selector, logId));
    }

    function _expectOwnerOnly(address caller, address owner) private {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogOwnerOnly.selector, logId, caller, owner));
    }
}

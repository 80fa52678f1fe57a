"""The embedded chain's fixed parameters: id, genesis block, development accounts, finality distance.

Promises: these never change, so that the genesis block is the same on every machine and a chain made by one version
opens in the next. The development accounts are the ones that Hardhat and anvil fund too; **their keys are public**,
and `account.development_signer` refuses them on any other chain.
"""

from __future__ import annotations

EMBEDDED_CHAIN_ID = 0x726C6564  # 1919706468, "rled"
HARDHAT_CHAIN_ID = 31337  # Hardhat's and anvil's local chains
DEVELOPMENT_CHAIN_IDS = frozenset({EMBEDDED_CHAIN_ID, HARDHAT_CHAIN_ID})
FINAL_DISTANCE = 2  # blocks: `finalized` is this far behind the head, by a rule of our own
SAFE_DISTANCE = 1

EMBEDDED_GENESIS_HASH = bytes.fromhex("d0c9591d2941b9958dd4c18a16d434b275f8f8b2dd6fbac6b04f25d1dd6ac478")
GENESIS_TIME = 1_767_225_600  # 2026-01-01T00:00:00Z
GENESIS_WORDS = b"return-ledger demonstration"  # extra data: it proves nothing against its operator
BLOCK_GAS_LIMIT = 30_000_000
PRIORITY_FEE_WEI = 1_000_000_000  # what eth_maxPriorityFeePerGas suggests; any fee is mined at once

DEVELOPMENT_MNEMONIC = "test test test test test test test test test test test junk"  # public on purpose
DEVELOPMENT_PATH = "m/44'/60'/0'/0/{index}"
DEVELOPMENT_BALANCE_WEI = 10_000 * 10**18
# The first ten addresses of the mnemonic; a test derives them again.
DEVELOPMENT_ADDRESSES = tuple(
    bytes.fromhex(digits)
    for digits in (
        "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "90f79bf6eb2c4f870365e785982e1f101e93b906",
        "15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "976ea74026e726554db657fa54763abd0c3a0aa9",
        "14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "a0ee7a142d267c1f36714e4a8f75612f20a79720",
    )
)

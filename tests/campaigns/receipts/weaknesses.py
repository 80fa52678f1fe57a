"""Verifiers with one check taken out: what the campaign must find, or it proves nothing.

Each is the product's source with exact texts replaced in a copy (`judge.planted`). `by` says which campaign has to
find it: the one that changes receipts, or the one that changes trust files, where no receipt can raise the matter.
"""

from __future__ import annotations

from dataclasses import dataclass

Change = tuple[str, str, str]
RECEIPTS, TRUST = "receipts", "trust"


@dataclass(frozen=True, slots=True)
class Weakness:
    """One check that is missing: its name, the replaced texts as (module, text, replacement), and who must find it."""

    name: str
    changes: tuple[Change, ...]
    by: str = RECEIPTS


def weaknesses(true_sizes: dict[bytes, int]) -> list[Weakness]:
    """Return every weakness; `true_sizes` (size by root) is what the verifier that does not bind sizes knows."""
    return [*_size(true_sizes), *_identity(), *_content(), *_offline(), *_spelling(), *_of_the_trust_file()]


def _size(true_sizes: dict[bytes, int]) -> list[Weakness]:
    """Signature and contract bind the root alone: the size is whatever the note claims (threats, fact 1).

    The planted verifier knows the true size of each root, so that signature and commitment hold, and believes the
    claimed one where the inclusion proof is verified: as in a log that signs and anchors roots without sizes.
    """
    table = f"_TRUE = {true_sizes!r}\n\n\n"
    unbound = (
        ("core/checkpoint", "def verify_checkpoint(", table + "def verify_checkpoint("),
        (
            "core/checkpoint",
            "    message = checkpoint.text().encode()\n",
            "    true = _TRUE.get(checkpoint.root, checkpoint.size)\n"
            "    message = Checkpoint(checkpoint.origin, true, checkpoint.root).text().encode()\n",
        ),
        ("core/verify", "Sha256Hex = NewType", table + "Sha256Hex = NewType"),
        ("core/verify", "size=checkpoint.size,", "size=_TRUE.get(checkpoint.root, checkpoint.size),"),
    )
    lengths = (
        (
            "core/merkle",
            "if len(proof) != expected:  # first of all: a proof has exactly one right length",
            "if False:",
        ),
        ("core/merkle", "if sn != 0 or r != root:  # step 5", "if r != root:"),
    )
    return [Weakness("size_not_bound", unbound), Weakness("size_and_proof_length_not_bound", (*unbound, *lengths))]


def _identity() -> list[Weakness]:
    """Who is meant is taken from the receipt instead of the trust file."""
    claimed = (
        "Sha256Hex = NewType",
        "def _claimed(anchor, trust):\n"
        "    pinned = trust.targets[0]\n"
        "    return replace(pinned, target=replace(pinned.target, {members}))\n\n\n"
        "Sha256Hex = NewType",
    )
    asked = ("core/verify", "found = trust.target_of(anchor.log_id)\n", "found = _claimed(anchor, trust)\n")
    used = ("core/verify", "pinned = trust.target_of(anchor.log_id)\n", "pinned = _claimed(anchor, trust)\n")

    def taken(members: str) -> tuple[Change, ...]:
        return ("core/verify", claimed[0], claimed[1].replace("{members}", members)), asked, used

    return [
        Weakness("log_id_from_the_receipt", taken("log_id=anchor.log_id")),
        Weakness("contract_from_the_receipt", taken("log_id=anchor.log_id, contract=anchor.contract")),
        Weakness(
            "contract_and_chain_not_compared",
            (
                (
                    "core/verify",
                    "(anchor.chain_id, anchor.contract) != (pinned.target.chain_id, pinned.target.contract)",
                    "False",
                ),
            ),
        ),
        Weakness(
            "signature_not_verified",
            (("core/verify", "verify_checkpoint(receipt.checkpoint, keys, origin=trust.origin)", "pass"),),
        ),
        Weakness(
            "key_change_signature_not_verified",
            (
                (
                    "core/verify",
                    "entry.old_key.verify(entry.signature, key_change_message(entry.origin, entry.new_key))",
                    "pass",
                ),
                (
                    "core/verify",
                    "verify_inclusion(leaf, change.index, checkpoint.size, change.inclusion, checkpoint.root)",
                    "pass",
                ),
            ),
        ),
        Weakness(
            "key_change_not_in_the_tree",
            (
                (
                    "core/verify",
                    "verify_inclusion(leaf, change.index, checkpoint.size, change.inclusion, checkpoint.root)",
                    "pass",
                ),
            ),
        ),
        Weakness(
            "key_changes_no_chain", (("core/verify", "keys = (entry.new_key,)", "keys = (*keys, entry.new_key)"),)
        ),
        Weakness(
            "one_final_target_is_enough",
            (
                ("core/verify", "if len(final) < trust.required:", "if len(final) < 1:"),
                ("core/verify", "check_time(receipt, final, trust.required)", "check_time(receipt, final, 1)"),
            ),
        ),
    ]


def _content() -> list[Weakness]:
    """What the proofs say is not compared with what the receipt says."""
    return [
        Weakness("disclosure_not_checked", (("core/verify", "if opened != named.commitment:", "if False:"),)),
        Weakness(
            "names_of_records_not_compared",
            (
                (
                    "core/verify",
                    "if [c.name for c in committed] != [r.name for r in receipt.records]:",
                    "if len(committed) != len(receipt.records):",
                ),
            ),
        ),
        Weakness("commitment_not_compared", (("core/verify", "if answer.commitment != commitment:", "if False:"),)),
        Weakness(
            "block_hash_not_compared", (("core/verify", "if answer.block_hash != claim.block_hash:", "if False:"),)
        ),
        Weakness(
            "inclusion_not_verified",
            (
                (
                    "core/verify",
                    "verify_inclusion(leaf, receipt.index, checkpoint.size, receipt.inclusion, checkpoint.root)",
                    "pass",
                ),
            ),
        ),
    ]


def _offline() -> list[Weakness]:
    """What is proved by bytes alone, with the hash of a block and no node, is not looked at.

    That the account proof shows the pinned code is among those of the trust file: a true state holds one code.
    """
    return [
        Weakness(
            "commitment_in_the_state_not_compared", (("core/verify_state", "if held != commitment:", "if False:"),)
        ),
        Weakness("trie_node_hashes_not_compared", (("core/state_proof", "if keccak(encoded) != child:", "if False:"),)),
        Weakness(
            "seal_not_in_the_tree",
            (
                (
                    "core/verify_after",
                    "verify_inclusion("
                    "leaf_hash(after.seal), after.index, checkpoint.size, after.inclusion, checkpoint.root)",
                    "pass",
                ),
            ),
        ),
        Weakness(
            "quoted_anchor_not_compared",
            (
                (
                    "core/verify_after",
                    "if quoted != (pinned.target.chain_id, after.log_id, after.sequence, commitment):",
                    "if False:",
                ),
            ),
        ),
        Weakness(
            "seal_need_not_stand_before_the_entry",
            (("core/verify_after", "if after.index >= receipt.index:", "if False:"),),
        ),
    ]


def _spelling() -> list[Weakness]:
    """A second spelling of the same receipt passes."""
    return [
        Weakness("other_spelling_accepted", (("core/encoding", "if encode(value) != bare.encode():", "if False:"),)),
        Weakness(
            "extra_signature_accepted",
            (("core/verify", "if len(signatures) != 1 or checkpoint.extensions:", "if checkpoint.extensions:"),),
        ),
        Weakness(
            "unused_bits_of_base64_accepted",
            (("core/checkpoint", "if base64.b64encode(raw).decode() != text:", "if False:"),),
        ),
        Weakness(
            "zeros_before_a_size_accepted",
            (("core/checkpoint", '_SIZE = re.compile(r"0|[1-9][0-9]*")', '_SIZE = re.compile(r"[ +]?[0-9]+")'),),
        ),
        Weakness("upper_case_hex_accepted", (("core/members", "if raw.hex() == digits:", "if raw:"),)),
        Weakness(
            "upper_case_salt_accepted",
            (("core/disclosure", "if raw.hex() != salt or len(raw)", "if len(raw)"),),
        ),
        Weakness(
            "unknown_member_accepted",
            (("core/members", "if unknown := sorted(set(value).difference(names, optional)):", "if unknown := []:"),),
        ),
        Weakness(
            "truth_value_accepted_as_number",
            (("core/members", "if type(value) is not int or not", "if not isinstance(value, int) or not"),),
        ),
        Weakness(
            "format_not_compared",
            (
                (
                    "core/receipt",
                    'if not isinstance(value, dict) or value.get("format") != FORMAT:',
                    "if not isinstance(value, dict):",
                ),
            ),
        ),
        Weakness(
            "order_of_anchors_free",
            (("core/receipt", "if log_ids != sorted(set(log_ids)):", "if len(set(log_ids)) != len(log_ids):"),),
        ),
        Weakness(
            "log_anchored_twice",
            (("core/receipt", "if log_ids != sorted(set(log_ids)):", "if log_ids != sorted(log_ids):"),),
        ),
        Weakness(
            "unprotected_need_not_be_an_object",
            (("core/receipt", 'if not isinstance(m["unprotected"], dict):', "if False:"),),
        ),
    ]


def _of_the_trust_file() -> list[Weakness]:
    """What the trust file pins is not compared with what the node says.

    The comparison of the anchor's block with the final one is not among them: a node reads the commitment at the final
    block, so a head that is not final yet is not there, and that check only keeps "not yet" from being called "no".
    """
    return [
        Weakness(
            "code_hash_not_compared",
            (("core/verify", "if answer.code_hash != pinned.target.code_hash:", "if False:"),),
            by=TRUST,
        ),
        Weakness(
            "code_hash_in_the_state_not_compared",
            (("core/verify_state", "if account.code_hash != pinned.target.code_hash:", "if False:"),),
            by=TRUST,
        ),
        Weakness(
            "chain_not_compared",
            (
                (
                    "core/verify",
                    "(answer.chain_id, answer.chain_genesis) != (pinned.target.chain_id, pinned.target.chain_genesis)",
                    "False",
                ),
            ),
            by=TRUST,
        ),
        Weakness(
            "genesis_leaf_not_compared",
            (
                (
                    "core/verify",
                    "if receipt.index == 0 and trust is not None and leaf != trust.genesis:",
                    "if False:",
                ),
            ),
            by=TRUST,
        ),
        Weakness(
            "log_id_need_not_follow",
            (("core/trust", "if target.log_id != compute_log_id(", "if 0 and compute_log_id("),),
            by=TRUST,
        ),
        Weakness(
            "other_spelling_of_a_trust_file",
            (("core/encoding", "if encode(value) != bare.encode():", "if False:"),),
            by=TRUST,
        ),
    ]

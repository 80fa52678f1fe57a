"""The ledger as an integrator calls it: steps, returns, entries, receipts, and a check of every answer.

Promises: what is returned was checked against the pinned trust file and against everything this object saw before; a
step is recorded once, however often it is sent. Does not: ask a chain (`rledger verify` does), or keep anything after
it is closed; keep `newest_note` and hand it to the next one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from ledger_service.client.answers import (
    CheckedReceipt,
    LoggedEntry,
    RecordedStep,
    ReturnState,
    parse_json,
    read_entry,
    read_page,
    read_proof,
    read_recorded,
    read_return,
)
from ledger_service.client.asking import Answered, Asker, Patience
from ledger_service.client.checks import Proven, check_receipt, check_recorded
from ledger_service.client.contradicting import compare_heads, compare_leaves
from ledger_service.client.failures import (
    BusyError,
    ClientError,
    ContradictionError,
    CredentialRefusedError,
    ProblemError,
    WrongAnswerError,
)
from ledger_service.client.public_log import PublicLog
from ledger_service.client.seen import Seen
from ledger_service.client.sent import SentStep, sent_step
from ledger_service.client.uploading import UploadedFile, upload
from ledger_service.core import encoding
from ledger_service.core.checkpoint import Checkpoint
from ledger_service.core.encoding import Json
from ledger_service.core.entry import ENTRY_BYTES_MAX, parse_entry
from ledger_service.core.merkle import leaf_hash, verify_inclusion
from ledger_service.core.proven_leaf import prove_leaf
from ledger_service.core.trust import parse_trust
from ledger_service.errors import FormatError, InvalidProofError

KEY_BYTES = 16  # of a key that we draw: nobody else draws it again
T = TypeVar("T")
After = ReturnState | RecordedStep | int | None


class Ledger:
    """One ledger, asked with one token. May be used from several threads; close it, or use it in a `with`."""

    def __init__(
        self,
        base_url: str,
        token: str | None,
        *,
        trust: bytes | Path,
        newest_note: bytes | None = None,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Take address, token and what is pinned; nothing is asked yet.

        Args:
            base_url: Where the service answers, `https://ledger.example`.
            token: A key or session; None: only what is everybody's can be asked.
            trust: The trust file, pinned once, from whoever you trust with it: its bytes, or its path.
            newest_note: `newest_note` of the client before this one, so that the log cannot go back in between.
            patience: How long a call may take; `Patience()` if left out.
            transport: Of httpx, for tests and proxies.

        Raises:
            TrustFormatError: The trust file is none.
            OSError: It cannot be read.
            WrongAnswerError: The note is none of the pinned log.
        """
        self._trust = parse_trust(trust.read_bytes() if isinstance(trust, Path) else trust)
        self._seen = Seen(self._trust, self._ask_consistency)
        self._note = b""
        if newest_note is not None:
            self._seen.start(self._seen.open(newest_note))
            self._note = newest_note
        self._asker = Asker(base_url, token, transport=transport, patience=patience or Patience())

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._asker.close()

    @property
    def newest_note(self) -> bytes:
        """Return the signed note of the newest checkpoint that was asked for; empty before the first."""
        return self._note

    def open_return(self, verb: str, fields: Mapping[str, Any], *, key: str | None = None, **step: Any) -> RecordedStep:
        """Open a return with its first step, under a new random return_id; else as `record`."""
        return self._record(sent_step(verb, None, fields, **step), key, None)

    def record(
        self,
        return_id: str,
        verb: str,
        fields: Mapping[str, Any] | None = None,
        *,
        if_match: After = None,
        key: str | None = None,
        **step: Any,
    ) -> RecordedStep:
        """Record a step of a return, and return when it is durable and its receipt was checked.

        Args:
            return_id: Of the return.
            verb: The step.
            fields: Its fields.
            if_match: What the step is to follow: the return as it was read, the step recorded before, or an index.
                It is refused if the return moved on. With a return or a step the place in the log is checked too.
            key: The idempotency key, if this call repeats an earlier one; else a new one is drawn.
            **step: `asserted_by` (Party), `evidence` (EvidenceFile), `occurred_at`, `rule` (RuleReference),
                `to_state`, `authenticity`, `signed` (WalletSignature), `parties` (Party).

        Raises:
            ProblemError: The service refused; its subclass says which way.
            UnreachableError: Nobody answered. As with each error here, `idempotency_key` is the key to repeat it with.
            WrongAnswerError: The answer is not what an honest ledger gives.
            JsonFormatError, LimitError: The fields have no canonical JSON; nothing was sent.
        """
        return self._record(sent_step(verb, return_id, fields or {}, **step), key, if_match)

    def upload(self, path: Path) -> UploadedFile:
        """Send a file that a step is to name (`EvidenceFile(kind, uploaded.sha256)`); it goes on where it broke off.

        Raises:
            OSError: It cannot be read.
            ValueError: It has no bytes, or changed while it was sent.
            ProblemError: The service refused.
            UnreachableError: Nobody answered; the same call goes on where this one was.
            WrongAnswerError: The service says that it keeps something else.
        """
        return upload(self._asker, path)

    def show(self, return_id: str) -> ReturnState:
        """Return a return as the service sees it now."""
        found = _read(read_return, self._asker.ask("GET", f"/v1/returns/{_segment(return_id)}"))
        if found.return_id != return_id:
            raise WrongAnswerError("return_id", "the answer is another return than the one asked for")
        return found

    def returns(self) -> Iterator[ReturnState]:
        """Yield the returns that the token may see, in the order of their ids; asks page by page."""
        after: str | None = ""
        last = ""
        while after is not None:
            items, after = _read(read_page, self._asker.ask("GET", "/v1/returns", query={"after": after}))
            for one in items:
                if one.return_id <= last:  # a page that begins again would never end
                    raise WrongAnswerError("form", "the pages do not go on")
                last = one.return_id
                yield one
            if after is not None and not items:
                raise WrongAnswerError("form", "a page is empty and not the last")

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint: signed, not smaller than any seen before, and consistent with it.

        Raises:
            ContradictionError: It is not of the log that was signed before; the error holds what shows it.
        """
        floor = self._seen.newest.size
        note = self._asker.ask("GET", "/checkpoint").body
        checkpoint = self._seen.open(note)
        if checkpoint.size < floor:
            raise WrongAnswerError("backwards", f"the log has {checkpoint.size} entries, it had {floor}", answer=note)
        try:
            self._seen.take(checkpoint, note=note)
        except WrongAnswerError as error:
            if error.what == "fork" and self._note:
                self._convict_if_shown(note)
            raise
        self._note = note
        return checkpoint

    def compare(self, note: bytes) -> Checkpoint:
        """Compare the newest checkpoint with a note that somebody else got from this log; return the other's.

        Two who compare both ways, each with the other's `newest_note`, find out whether they were shown one log.

        Raises:
            ContradictionError: They were not; `evidence` shows it to anybody.
            WrongAnswerError: The note is none of this log, or what the service says decides nothing.
            ProblemError, UnreachableError: The service cannot be asked, or does not know the other's log: it is for the
                other then to compare.
        """
        if not self._note or PublicLog(self._asker, self._trust).open(note).checkpoint.size > self._seen.newest.size:
            self.checkpoint()
        return self._convict(note)

    def receipt(self, index: int) -> CheckedReceipt:
        """Return the receipt of an entry, with the values that the token may see; asked again later it has grown.

        Raises:
            ContradictionError: An earlier receipt proved another leaf at this index; the error holds what shows it.
        """
        data = self._asker.ask("GET", f"/v1/entries/{int(index)}/receipt").body
        proven = self._take(data)
        if proven.receipt.index != index:
            raise WrongAnswerError("index", "the receipt is of another entry than the one asked for", answer=data)
        shown = [record.disclosure for record in proven.receipt.records if record.disclosure is not None]
        return CheckedReceipt(
            index=index,
            entry=proven.entry,
            values={disclosure.name: disclosure.value for disclosure in shown},
            size=proven.checkpoint.size,
            data=data,
        )

    def entry(self, index: int) -> LoggedEntry:
        """Return an entry, checked to stand at its index in the newest checkpoint."""
        answered = self._asker.ask("GET", f"/v1/entries/{int(index)}")
        said, leaf, members, state, anchored_at = _read(read_entry, answered)
        if said != index:
            raise WrongAnswerError("index", "the answer is another entry than the one asked for", answer=answered.body)
        encoded = encoding.encode(members)
        if leaf_hash(encoded) != leaf:
            raise WrongAnswerError("leaf_hash", "it is not that of the entry", answer=answered.body)
        newest = self._seen.newest if self._seen.newest.size > index else self.checkpoint()
        try:
            entry = parse_entry(encoded[: ENTRY_BYTES_MAX + 1])
            sizes, _, hashes = self._ask_proof("inclusion", {"index": index, "size": newest.size})
            if sizes != (newest.size,):
                raise WrongAnswerError("size", "the proof is of another tree than the one asked for")
            verify_inclusion(leaf, index, newest.size, hashes, newest.root)
        except FormatError as error:
            raise WrongAnswerError("form", error.message, answer=answered.body) from None
        except InvalidProofError as error:
            raise WrongAnswerError("fork", error.message, answer=answered.body) from None
        return LoggedEntry(index, leaf, entry, encoded, state, anchored_at)

    def _convict_if_shown(self, note: bytes) -> None:
        try:
            self._convict(note)
        except ContradictionError:
            raise
        except ClientError:
            return  # nobody gives what would show it: the fork is told without

    def _convict(self, note: bytes) -> Checkpoint:
        """Return the checkpoint of a note that is of the same log as the newest note.

        Raises:
            ContradictionError: It is not.
            ClientError: It is not known.
        """
        log = PublicLog(self._asker, self._trust)
        mine, other = log.open(self._note), log.open(note)
        evidence = compare_heads(mine, other, trust=self._trust, paths=(log.tiles.path, log.proved_path))
        if evidence is not None:
            sizes = f"{mine.checkpoint.size} and {other.checkpoint.size}"
            raise ContradictionError(f"the log signed heads of {sizes} entries that are not of one log",
                                     evidence=evidence, answer=note)  # fmt: skip
        return other.checkpoint

    def _record(self, step: SentStep, key: str | None, after: After) -> RecordedStep:
        drawn = secrets.token_hex(KEY_BYTES) if key is None else key
        try:
            return self._record_under(step, drawn, after, fresh=key is None)
        except ClientError as error:
            error.idempotency_key = drawn
            raise

    def _record_under(self, step: SentStep, key: str, after: After, *, fresh: bool) -> RecordedStep:
        floor = self._seen.newest.size if self._seen.newest.size > 1 else self.checkpoint().size
        path = "/v1/returns" if step.return_id is None else f"/v1/returns/{_segment(step.return_id)}/transitions"
        headers = {"Idempotency-Key": key}
        previous = None
        if after is not None:
            index, previous = _place(after)
            headers["If-Match"] = f'"{index}"'
        answered = self._asker.ask("POST", path, headers=headers, body=step.body())
        said = _read(read_recorded, answered)
        proven = self._take(said.receipt)
        check_recorded(said, step, proven, previous=previous)
        replayed = answered.headers.get("idempotent-replayed") == "true"
        if replayed and fresh and answered.attempts == 1:
            raise WrongAnswerError("replayed", "nobody used this key before", answer=answered.body)
        if said.index < floor and (fresh or not replayed):
            raise WrongAnswerError("replayed", "the entry is older than the request", answer=answered.body)
        self._seen.answer(said.leaf_hash, key)
        return RecordedStep(
            return_id=said.return_id,
            index=said.index,
            leaf_hash=said.leaf_hash,
            verb=said.verb,
            state=said.state,
            recorded_at=said.recorded_at,
            size=said.size,
            receipt=said.receipt,
            replayed=replayed,
            idempotency_key=key,
        )

    def _take(self, data: bytes) -> Proven:
        """Check a receipt, its leaf against an earlier receipt's, and its checkpoint against the newest one seen."""
        proven = check_receipt(data, self._trust)
        leaf = prove_leaf(proven.receipt, self._trust)
        before = self._seen.leaf_before(leaf)
        evidence = None if before is None else compare_leaves(before, leaf, trust=self._trust)
        if evidence is not None:
            raise ContradictionError(
                f"the log signed two leaves at index {leaf.index}, or two roots for one size",
                evidence=evidence,
                answer=data,
            )
        self._seen.take(proven.checkpoint, note=proven.receipt.checkpoint)
        self._seen.learn(proven.keys)
        return proven

    def _ask_consistency(self, older: Checkpoint, newer: Checkpoint) -> Sequence[bytes]:
        sizes, roots, hashes = self._ask_proof("consistency", {"from": older.size, "to": newer.size})
        if sizes != (older.size, newer.size) or roots != (older.root, newer.root):
            raise InvalidProofError("the service proves the growth of other trees than those it signed")
        return hashes

    def _ask_proof(
        self, kind: str, query: Mapping[str, int]
    ) -> tuple[tuple[int, ...], tuple[bytes, ...], tuple[bytes, ...]]:
        try:
            answered = self._asker.ask("GET", f"/v1/proofs/{kind}", query=query)
        except ProblemError as error:
            if isinstance(error, BusyError | CredentialRefusedError) or error.status >= 500:
                raise
            raise WrongAnswerError("fork", f"the service gives no {kind} proof of what it signed") from error
        return _read(lambda value: read_proof(value, kind), answered)


def _place(after: ReturnState | RecordedStep | int) -> tuple[int, bytes | None]:
    if isinstance(after, ReturnState):
        return after.last_index, after.head
    if isinstance(after, RecordedStep):
        return after.index, after.leaf_hash
    return int(after), None


def _read(read: Callable[[Json], T], answered: Answered) -> T:
    """Return what `read` makes of an answer.

    Raises:
        WrongAnswerError: It has not its form.
    """
    try:
        return read(parse_json(answered.body))
    except FormatError as error:
        raise WrongAnswerError("form", error.message, answer=answered.body) from None


def _segment(return_id: str) -> str:
    """Return a return_id as part of a path.

    Raises:
        ValueError: It is none; nothing is asked.
    """
    if len(return_id) != 32 or not set(return_id) <= set("0123456789abcdef"):
        raise ValueError("a return_id has 32 lower-case hex digits")
    return return_id

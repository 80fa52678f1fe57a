"""One round of the monitor: ask the log for its newest head, re-derive its root, look at entries and chain, remember.

The root is re-derived from every leaf hash since the head that was seen before, so what follows is one log that grew.
Where it does not, the monitor looks for what shows that, in the leaves that it keeps, in the log's tiles and in the
proofs of its API, and writes the contradiction file.

Promises: three things are kept apart: the log contradicts itself (fail, with a file where it signed both), nobody or
nothing sensible answered (unknown), and our own folder is broken (`BrokenStateError`). What is remembered was verified.
Does not: write anything to the log, or hold a key of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_service.chain.rpc import open_node
from ledger_service.client.answers import parse_json
from ledger_service.client.asking import Asker
from ledger_service.client.contradicting import Paths, compare_heads
from ledger_service.client.failures import ClientError, WrongAnswerError
from ledger_service.client.public_log import PublicLog, ShownHead
from ledger_service.core.contradiction import parse_contradiction
from ledger_service.core.merkle import reconstruct_roots
from ledger_service.core.report import Check, Outcome, Report
from ledger_service.core.trust import Trust
from ledger_service.errors import FormatError, InvalidProofError, LedgerError
from ledger_service.watch.anchors import CHAIN, compare_anchors, read_claims
from ledger_service.watch.case_map import CaseMap
from ledger_service.watch.durable import write_whole
from ledger_service.watch.entries import WrongEntryError, check_entries
from ledger_service.watch.seen_log import SeenLog

LEAVES_MAX = 1 << 28  # 8 GB of leaf hashes: a log that claims more cannot fill the disk
WRITTEN_LEAVES = 8_192  # that go to the disk at once


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found: the report, the newest head that is remembered, and the file of a contradiction, if any."""

    report: Report
    origin: str
    size: int
    root: bytes
    entries: int
    anchors: int
    evidence: Path | None

    def as_json(self) -> dict[str, Any]:
        """Return the one document of a round."""
        return {
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "entries_checked": self.entries,
            "anchors_checked": self.anchors,
            "verdict": self.report.verdict.value,
            "checks": [{"name": c.name, "outcome": c.outcome.value, "detail": c.detail} for c in self.report.checks],
            "evidence": None if self.evidence is None else str(self.evidence),
        }


class Monitor:
    """Follows one log."""

    def __init__(self, asker: Asker, trust: Trust, seen: SeenLog, *, evidence: Path, cases: CaseMap | None) -> None:
        """Take who asks the log, what is pinned, what was seen, and where a contradiction is written to.

        Args:
            asker: Of the log's service.
            trust: The pinned trust file.
            seen: What is remembered, its folder held by this process.
            evidence: A folder; it is made when there is something to write.
            cases: Those of the entries that were read; None where the asker's token may not read entries.
        """
        self._asker = asker
        self._trust = trust
        self._seen = seen
        self._evidence = evidence
        self._cases = cases
        self._log = PublicLog(asker, trust)

    def run(self, rpcs: Sequence[str] = ()) -> Round:
        """Make a round, asking these nodes too.

        Raises:
            BrokenStateError: The folder cannot be read.
            OSError: It cannot be written.
        """
        checks, evidence = self._follow()
        if self._cases is not None:
            checks.append(self._check_entries(self._cases))
        if rpcs:
            checks.extend(self._compare_anchors(rpcs))
        memory = self._seen.memory
        return Round(
            report=Report(tuple(checks)),
            origin=self._trust.origin,
            size=memory.size,
            root=memory.root,
            entries=memory.entries,
            anchors=sum(sequence - 1 for sequence in memory.anchors.values()),
            evidence=evidence,
        )

    def _follow(self) -> tuple[list[Check], Path | None]:
        try:
            shown = self._log.head()
        except ClientError as error:
            return [_unanswered("checkpoint", error)], None
        signed = Check("checkpoint", Outcome.PASS, f"signed by {self._trust.origin}: {shown.checkpoint.size} entries")
        try:
            check, found = self._compare(shown)
        except ClientError as error:
            check, found = _unanswered("growth", error), None
        return [signed, check], None if found is None else self._write(found)

    def _compare(self, shown: ShownHead) -> tuple[Check, bytes | None]:
        """Compare a signed head with what was seen; remember it if it is the same log, grown."""
        size, before = shown.checkpoint.size, self._seen.memory.size
        if size < before:
            return self._compare_older(shown)
        if size > before and self._take(shown):
            return Check("growth", Outcome.PASS, f"the root of {size} entries follows from their leaf hashes"), None
        if size == before and shown.checkpoint.root == self._seen.memory.root:
            if self._seen.memory.signed is None:
                self._seen.keep(replace(self._seen.memory, signed=shown.signed))
            return Check("growth", Outcome.PASS, f"nothing new since the head of {size} entries"), None
        self._log.tiles.forget()
        found = self._contradiction(shown, [self._log.tiles.path, self._log.proved_path])
        if found is not None:
            return found
        return Check("growth", Outcome.UNKNOWN, "garbled: the tiles are not those of the signed root"), None

    def _compare_older(self, shown: ShownHead) -> tuple[Check, bytes | None]:
        """Of a log that goes back, everything is known: the leaves that were kept show whether it is the same."""
        found = None if shown.checkpoint.size < 1 else self._contradiction(shown, [self._seen.leaves.path])
        if found is not None:
            return found
        size, before = shown.checkpoint.size, self._seen.memory.size
        return Check("growth", Outcome.UNKNOWN, f"the log shows {size} entries, and has shown {before} before"), None

    def _contradiction(self, shown: ShownHead, paths: Sequence[Paths]) -> tuple[Check, bytes | None] | None:
        """Return the failed check, with a file where both heads are signed; None if the two are of one log.

        Raises:
            ClientError: It is not known.
        """
        seen = self._seen.head
        if seen is None:
            return self._not_the_pinned_log(shown, paths)
        data = compare_heads(seen, shown, trust=self._trust, paths=paths)
        if data is None:
            return None
        kind = parse_contradiction(data).kind.value
        reason = f"the log contradicts itself ({kind}): it signed {seen.checkpoint.size} entries before, and"
        return Check("growth", Outcome.FAIL, f"{reason} now {shown.checkpoint.size} that are of another log"), data

    def _not_the_pinned_log(self, shown: ShownHead, paths: Sequence[Paths]) -> tuple[Check, None] | None:
        """Compare with what was seen and is not signed under the pinned keys: the genesis entry, as a rule."""
        memory, checkpoint = self._seen.memory, shown.checkpoint
        failed = Check("growth", Outcome.FAIL, f"the signed head does not begin with the {memory.size} entries known")
        if checkpoint.size == memory.size:
            return failed, None
        for ask in paths:
            older, newer = sorted(((memory.size, memory.root), (checkpoint.size, checkpoint.root)))
            try:
                before, after = reconstruct_roots(older[0], newer[0], ask(older[0], newer[0]))
            except (ClientError, InvalidProofError):
                continue
            if after == newer[1]:
                return None if before == older[1] else (failed, None)
        raise WrongAnswerError("fork", "nobody gave a path that leads to the signed root")

    def _take(self, shown: ShownHead) -> bool:
        """Re-derive the root of a larger head from its leaf hashes; remember it if it is the signed one."""
        size = shown.checkpoint.size
        if size > LEAVES_MAX:
            raise WrongAnswerError("size", f"a log of more than {LEAVES_MAX} entries is not followed")
        frontier = self._seen.frontier()
        waiting: list[bytes] = []
        while frontier.size < size:
            for leaf in self._log.tiles.leaves(frontier.size, size):
                frontier.append(leaf)
                waiting.append(leaf)
            if len(waiting) >= WRITTEN_LEAVES or frontier.size == size:
                self._seen.leaves.append(frontier.size - len(waiting), waiting)
                waiting = []
        if frontier.root() != shown.checkpoint.root:
            return False
        self._seen.grow(shown, frontier)
        return True

    def _check_entries(self, cases: CaseMap) -> Check:
        memory = self._seen.memory
        try:
            check_entries(lambda path: self._asker.ask("GET", path).body, self._seen.leaves, cases, memory.size)
        except WrongEntryError as error:
            return Check("entries", Outcome.FAIL, str(error))
        except ClientError as error:
            return _unanswered("entries", error)
        finally:
            if cases.following > memory.entries:
                self._seen.keep(replace(memory, entries=cases.following))
        counted = f"{cases.following} entries are those of their leaves, in order"
        return Check("entries", Outcome.PASS, f"{counted}; the case index of {cases.seals} seals follows from them")

    def _compare_anchors(self, rpcs: Sequence[str]) -> list[Check]:
        try:
            claims = read_claims(parse_json(self._asker.ask("GET", "/v1/anchors").body))
        except ClientError as error:
            return [_unanswered(CHAIN, error)]
        except FormatError as error:
            return [_unanswered(CHAIN, WrongAnswerError("form", error.message))]
        memory = self._seen.memory
        checks: list[Check] = []
        reached: list[dict[str, int]] = []
        for rpc in rpcs:
            try:
                with open_node(rpc) as node:
                    found = compare_anchors(
                        node, self._trust, claims, leaves=self._seen.leaves, size=memory.size, reached=memory.anchors
                    )
            except LedgerError as error:
                checks.append(Check(CHAIN, Outcome.UNKNOWN, f"a node could not be asked: {error.message}"))
                continue
            checks.extend(found.checks)
            reached.append(dict(found.reached))
        anchors = dict(memory.anchors)
        for name in {name for one in reached for name in one}:
            # Of several nodes of one chain the one that got least far; a node of another chain leaves it as it was.
            moved = [one[name] for one in reached if one.get(name, 0) > memory.anchors.get(name, 0)]
            anchors[name] = min(moved, default=memory.anchors.get(name, 0))
        if anchors != dict(memory.anchors):
            self._seen.keep(replace(memory, anchors=anchors))
        return checks

    def _write(self, data: bytes) -> Path:
        """Write a contradiction file under a name that follows from its content: found again, it is the same file."""
        self._evidence.mkdir(parents=True, exist_ok=True)
        kind = parse_contradiction(data).kind.value
        path = self._evidence / f"{kind}-{sha256(data).hexdigest()[:16]}.contradiction.json"
        write_whole(path, data)
        return path


def _unanswered(name: str, error: ClientError) -> Check:
    how = "garbled" if isinstance(error, WrongAnswerError) else "unreachable or refused"
    return Check(name, Outcome.UNKNOWN, f"{how}: {error}")

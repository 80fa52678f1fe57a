"""Drafts and outcomes as bytes, between a process and the one that appends for it.

Promises: what arrives equals what was sent; an error arrives with its class, its words and its members, without its
traceback. Does not: read bytes of anybody but a process of our own (pickle runs what it is told to).
"""

from __future__ import annotations

import io
import pickle
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, cast

from ledger_service.core.case import Case, Command, Dispute
from ledger_service.core.entry import Actor, CaseEntry, EvidenceDescriptor, NamedCommitment, RuleReference
from ledger_service.errors import StoreError
from ledger_service.store.drafts import (
    Appended,
    AsideDraft,
    CaseDraft,
    Draft,
    IdempotencyKey,
    Member,
    SealedValue,
    StoredFile,
)
from ledger_service.store.ledger import Outcome

_LENGTH = struct.Struct(">Q")
_SHAPES: tuple[type[Any], ...] = (
    CaseDraft, AsideDraft, Command, Actor, NamedCommitment, EvidenceDescriptor, RuleReference, SealedValue, StoredFile,
    IdempotencyKey, Member, Appended, CaseEntry, Case, Dispute,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Told:
    """An error on its way."""

    kind: type[BaseException]
    arguments: tuple[Any, ...]
    members: dict[str, Any]

    @classmethod
    def of(cls, error: BaseException) -> _Told:
        return cls(type(error), error.args, dict(error.__dict__))

    def error(self) -> BaseException:
        made = self.kind.__new__(self.kind, *self.arguments)
        made.__dict__.update(self.members)
        return made


def _reducer(shape: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes a value apart into its fields: a third of the time that pickle takes for one with slots."""
    values = attrgetter(*(field.name for field in fields(shape)))
    return lambda one: (shape, values(one))


_TABLE = {shape: _reducer(shape) for shape in _SHAPES}


def send_drafts(channel: socket.socket, drafts: Sequence[Draft]) -> None:
    """Send drafts; those of a step of the log hold code of this process and cannot be sent.

    Raises:
        OSError: Nobody reads.
        StoreError: A draft that cannot be sent.
    """
    _send(channel, list(drafts))


def receive_drafts(channel: socket.socket) -> list[Draft] | None:
    """Return the next drafts, None when the other side is closed.

    Raises:
        OSError: The channel broke.
    """
    drafts: list[Draft] | None = _receive(channel)
    return drafts


def send_outcomes(channel: socket.socket, outcomes: Sequence[Outcome], *, stopped: BaseException | None = None) -> None:
    """Send the outcomes of a group, or the error after which nothing more is appended.

    Raises:
        OSError: Nobody reads.
        StoreError: An outcome that cannot be sent.
    """
    told = [_Told.of(one) if isinstance(one, Exception) else one for one in outcomes]
    _send(channel, (told, None if stopped is None else _Told.of(stopped)))


def receive_outcomes(channel: socket.socket) -> list[Outcome]:
    """Return the outcomes of a group.

    Raises:
        EOFError: The other side closed before it answered.
        OSError: The channel broke.
        BaseException: The error after which nothing more is appended.
    """
    answer = _receive(channel)
    if answer is None:
        raise EOFError
    outcomes, stopped = answer
    if stopped is not None:
        raise stopped.error()
    return [cast(Exception, one.error()) if isinstance(one, _Told) else one for one in outcomes]


def _send(channel: socket.socket, value: object) -> None:
    buffer = io.BytesIO()
    buffer.write(bytes(_LENGTH.size))
    pickler = pickle.Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _TABLE
    try:
        pickler.dump(value)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise StoreError(f"a value does not go to another process: {error}") from error
    data = buffer.getbuffer()
    data[: _LENGTH.size] = _LENGTH.pack(len(data) - _LENGTH.size)
    channel.sendall(data)


def _receive(channel: socket.socket) -> Any:
    head = _take(channel, _LENGTH.size)
    if head is None:
        return None
    body = _take(channel, _LENGTH.unpack(head)[0])
    return None if body is None else pickle.loads(body)  # noqa: S301 - of a process of our own, over its own socket


def _take(channel: socket.socket, count: int) -> bytearray | None:
    """Return so many bytes, None where the other side closed before them."""
    taken = bytearray(count)
    view, at = memoryview(taken), 0
    while at < count:
        received = channel.recv_into(view[at:])
        if not received:
            return None
        at += received
    return taken

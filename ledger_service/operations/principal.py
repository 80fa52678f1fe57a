"""Who asks, and what its credential lets it do. Values only: `credentials.py` makes them, `access.py` opens cases.

Promises: a scope or a role that a credential does not name is refused. Does not: say which cases somebody may see.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from ledger_service.core.entry import Role
from ledger_service.errors import PermissionRefusedError
from ledger_service.operations.pseudonyms import Party


class Scope(StrEnum):
    """What a credential may be used for."""

    READ = "read"  # see the cases whose party one is: states, timelines, entries, receipts
    RECORD = "record"  # record steps, upload evidence
    EVIDENCE = "evidence"  # open the files of others; each time is an entry
    EXPORT = "export"  # packages and exports; each time is an entry
    SHARE = "share"  # put parties on access lists, make one-time links
    NOTIFY = "notify"  # webhooks
    ERASE = "erase"  # decide about the erasure of a person's data
    OPERATE = "operate"  # keys, metrics, the state of the service


_PARTY = frozenset({Scope.READ, Scope.RECORD, Scope.EVIDENCE, Scope.EXPORT, Scope.NOTIFY})
_WATCHES = frozenset({Scope.READ, Scope.EVIDENCE, Scope.EXPORT, Scope.NOTIFY})
SCOPES_OF: dict[Role, frozenset[Scope]] = {
    Role.BUYER: _PARTY,
    Role.SELLER: _PARTY,
    Role.CARRIER: _PARTY,
    Role.CUSTOMS: _PARTY,
    Role.INSPECTOR: _PARTY,
    Role.PSP: _PARTY,
    Role.ARBITRATOR: _PARTY,
    Role.REGULATOR: _WATCHES,
    Role.PLATFORM: _PARTY | {Scope.SHARE, Scope.ERASE, Scope.OPERATE},
}  # the most that a credential of a role may be given; `system` gets none: only the ledger itself acts as it
LINK_SCOPES = frozenset({Scope.READ, Scope.RECORD, Scope.EVIDENCE, Scope.EXPORT})
ACTS_FOR_ALL = frozenset(Role) - {Role.REGULATOR, Role.SYSTEM}  # whose steps a platform may hand in


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: `party` in its role, `mark` (32 bytes) in access lists, and what its credential allows.

    `acts_for` are further roles whose steps it may hand in; `countries` are those whose cases a regulator sees;
    `return_id` limits a session to one case. `name` is a credential's public prefix; for a token of an `issuer` that
    issuer's name and a digest, different for each member of its staff.
    """

    party: Party
    mark: bytes
    name: str
    scopes: frozenset[Scope]
    acts_for: frozenset[Role] = field(default_factory=frozenset)
    countries: frozenset[str] = field(default_factory=frozenset)
    return_id: str | None = None
    issuer: str | None = None

    def require(self, scope: Scope) -> None:
        """Refuse unless the credential has a scope.

        Raises:
            PermissionRefusedError: It has not.
        """
        if scope not in self.scopes:
            raise PermissionRefusedError(
                f"this needs a credential with the scope {scope.value!r}",
                hint=f"this one has: {', '.join(sorted(self.scopes)) or 'none'}",
            )

    def require_speaker(self, role: Role, reference: str | None) -> Party:
        """Return the party in whose name a step is handed in.

        Args:
            role: The role that asserts the step.
            reference: Of that party; None: the caller itself.

        Raises:
            PermissionRefusedError: The caller may not speak for that party.
        """
        if role is self.party.role and reference in (None, self.party.reference):
            return self.party
        if role in self.acts_for:
            if reference is not None:
                return Party(role, reference)
            raise PermissionRefusedError(
                f"a step of the role {role.value!r} needs the reference of that party",
                hint='name it: "asserted_by": {"role": …, "reference": …}',
            )
        raise PermissionRefusedError(
            f"this credential speaks for {self.party.role.value!r} itself, not for another {role.value!r}",
            hint="roles it may hand steps in for: " + (", ".join(sorted(self.acts_for)) or "none"),
        )


def allowed_scopes(role: Role, asked: Iterable[Scope]) -> frozenset[Scope]:
    """Return the scopes of a new credential.

    Raises:
        PermissionRefusedError: One that the role cannot have.
    """
    scopes, most = frozenset(asked), SCOPES_OF.get(role, frozenset())
    if beyond := sorted(scopes - most):
        raise PermissionRefusedError(
            f"a credential of the role {role.value!r} cannot have the scope {beyond[0].value!r}",
            hint=f"possible: {', '.join(sorted(most)) or 'none'}",
        )
    return scopes

"""What a POST led to is answered again for thirty days, and forgotten then."""

from __future__ import annotations

from ledger_service.operations.once import KEPT_DAYS, Outcome, forget_old_answers, once
from tests.operations.world import PLATFORM, World

DAY_SECONDS = 86_400


def test_an_answer_is_kept_for_thirty_days_and_its_key_is_free_afterwards(world: World) -> None:
    done: list[int] = []

    def work() -> Outcome:
        done.append(len(done))
        return Outcome({"number": len(done)})

    with world.opened() as opened:
        ledger = opened.ledger
        first = once(ledger, PLATFORM, "key", ["POST", "/x", {}], work)
        world.clock.pass_seconds((KEPT_DAYS - 1) * DAY_SECONDS)
        kept = forget_old_answers(ledger)
        again = once(ledger, PLATFORM, "key", ["POST", "/x", {}], work)
        world.clock.pass_seconds(2 * DAY_SECONDS)
        gone = forget_old_answers(ledger)
        later = once(ledger, PLATFORM, "key", ["POST", "/x", {}], work)

    assert (first.replayed, again.replayed, later.replayed) == (False, True, False)
    assert (kept, gone) == (0, 1)
    assert done == [0, 1]

"""The page of the regulator: the numbers change with the returns, stay within its countries, and can be taken along."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ledger_service.app import make_app
from ledger_service.core.entry import CaseEntry, Kind, Role, parse_entry
from ledger_service.core.question import Question
from ledger_service.core.statistics import Statistics, count
from ledger_service.core.verify_case_proof import verify_case_proof
from ledger_service.core.verify_export import verify_export
from ledger_service.operations import saved_questions, statistics
from ledger_service.operations.access import local_reader
from ledger_service.operations.pseudonyms import Party
from ledger_service.operations.statistics import READ, answer, seller_name
from ledger_service.web import charts
from ledger_service.web.charts import MONTHS_SHOWN, SEEN, WIDTH, draw
from ledger_service.web.talk import talk
from ledger_service.web.told_statistics import SELLERS_SHOWN, told_statistics
from tests.api.asking import Asking
from tests.core.test_statistics import CASES, case
from tests.operations.cases import Story
from tests.operations.world import SELLER, World
from tests.web.browsing import HOST, Browser, Page
from tests.web.test_staff import signed_in


def fact(page: Page, name: str) -> str:
    """Return the value that stands beside a name."""
    rest = page.html.split(f"<dt>{name}</dt><dd>")[1]
    return rest.split("</dd>")[0]


@pytest.fixture
def regulator(service: Asking) -> Browser:
    """The browser of a regulator of Germany."""
    return signed_in(service)[0]


def test_a_decline_that_is_overturned_moves_the_number_and_another_country_does_not(
    service: Asking, regulator: Browser
) -> None:
    seller = Party(Role.SELLER, "seller-of-one-decline")
    story = Story(service.ledger, service.folder, seller=seller).decline()
    Story(service.ledger, service.folder, seller=seller, buyer_country="FR").decline()
    asked = f"/regulator?seller={seller_name(local_reader(service.ledger, seller).mark)}"
    before = regulator.get(asked)
    story.overturn()
    after = regulator.get(asked)

    assert fact(before, "overturned, of all refusals").endswith("(0 / 1)")
    assert fact(after, "overturned, of all refusals") == "100% (1 / 1)"
    assert "Germany → China" in after.text
    assert "France" not in after.text
    assert "That you look is recorded" in after.text


def test_the_look_stands_beside_the_return(service: Asking, regulator: Browser) -> None:
    return_id = Story(service.ledger, service.folder).return_id

    regulator.get("/regulator")

    found = [parse_entry(row.encoded) for row in service.ledger.read.entries_of(return_id)]
    assert [one.asserted_by.role for one in found if isinstance(one, CaseEntry) and one.verb == READ] == [
        Role.REGULATOR
    ]
    assert found[-1].kind is Kind.ACCESS  # type: ignore[union-attr]


def test_a_row_leads_to_the_question_about_it_alone(service: Asking) -> None:
    seller = Party(Role.SELLER, "seller-with-a-row")
    Story(service.ledger, service.folder, seller=seller).decline()
    regulator, _ = signed_in(service)
    name = seller_name(local_reader(service.ledger, seller).mark)

    page = regulator.get("/regulator?verb=decline_return")

    for query in (
        "from=2026-11&to=2026-11&verb=decline_return",
        "buyer_country=DE&seller_country=CN&verb=decline_return",
        f"seller={name}&verb=decline_return",
    ):
        assert f"/regulator?{query}" in page.links
        assert regulator.get(f"/regulator?{query}").status == 200
    assert fact(regulator.get(f"/regulator?seller={name}"), "returns opened") == "1"


def test_a_question_is_asked_by_a_form_and_stands_in_the_address(service: Asking, regulator: Browser) -> None:
    Story(service.ledger, service.folder).decline()
    page = regulator.get("/regulator")

    found = regulator.search(
        page, "/regulator", buyer_country="DE", verb="decline_return", rule="PLATFORM", **{"from": "2026-11"}
    )
    nothing = regulator.search(page, "/regulator", to="2020-01")

    assert found.form("/regulator").fields["buyer_country"] == "DE"
    assert found.form("/regulator").fields["verb"] == "decline_return"
    assert int(fact(found, "returns opened")) <= int(fact(page, "returns opened"))
    assert fact(found, "refusals") == fact(found, "returns refused")
    assert "No return of yours fits." in nothing.text


def test_a_field_without_its_form_is_named_and_nothing_is_counted(service: Asking, regulator: Browser) -> None:
    Story(service.ledger, service.folder)
    size = service.ledger.read.size()

    page = regulator.get("/regulator?buyer_country=Deutschland&to=2026-12")
    reversed_months = regulator.get("/regulator?from=2026-12&to=2026-11")

    assert page.status == reversed_months.status == 400
    assert "#buyer_country" in page.links
    assert page.form("/regulator").fields["buyer_country"] == "Deutschland"
    assert "#to" in reversed_months.links
    assert "In all" not in page.text
    assert service.ledger.read.size() == size


def test_what_is_in_a_question_is_shown_as_text(regulator: Browser) -> None:
    page = regulator.get("/regulator?seller=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")

    assert page.status == 400
    assert "<script>alert" not in page.html
    assert regulator.raw("GET", "/regulator?who=me").status_code == 422
    assert regulator.raw("GET", "/regulator?to=2026-11&to=2026-12").status_code == 422


def test_the_figures_can_be_taken_along_as_json_and_as_a_table(service: Asking, regulator: Browser) -> None:
    Story(service.ledger, service.folder).decline()
    page = regulator.get("/regulator?verb=decline_return")
    (table,) = [link for link in page.links if link.startswith("/regulator/statistics.csv")]
    (members,) = [link for link in page.links if link.startswith("/regulator/statistics.json")]

    as_table, as_json = regulator.raw("GET", table), regulator.raw("GET", members)

    rows = {tuple(row[:3]): row[3] for row in csv.reader(io.StringIO(as_table.content.decode("utf-8-sig")))}
    found = json.loads(as_json.content)
    assert found["question"] == {"verb": "decline_return"}
    assert rows["all", "", "opened"] == str(found["totals"]["opened"]) == fact(page, "returns opened")
    assert {one.headers["cache-control"] for one in (as_table, as_json)} == {"no-store"}
    assert regulator.get("/regulator/statistics.csv?to=x").status == 400
    assert regulator.get("/regulator/statistics.json?to=x").status == 400
    assert Browser(service.app).get("/regulator/statistics.json").status == 401


def test_the_entries_can_be_taken_along_with_their_proofs(service: Asking, regulator: Browser) -> None:
    Story(service.ledger, service.folder)
    french = Story(service.ledger, service.folder, buyer_country="FR").return_id
    page = regulator.get("/regulator?buyer_country=DE")
    headers = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}

    sent = regulator.raw("POST", "/regulator/export", data=page.form("/regulator/export").fields, headers=headers)

    lines = sent.content.splitlines(keepends=True)
    report = verify_export(lines, service.ledger.trust())
    assert [one.name for one in report.checks if one.outcome.value != "pass"] == ["policy"]
    assert french not in sent.text
    assert json.loads(lines[0])["filters"]["buyer_country"] == "DE"
    assert regulator.post("/regulator/export", {"to": "x"}).status == 400
    assert Browser(service.app).post("/regulator/export", {}).status == 401


def test_a_count_that_takes_longer_says_how_far_it_is_and_goes_on(
    service: Asking, regulator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        Story(service.ledger, service.folder)
    monkeypatch.setattr(statistics, "COUNTING_SECONDS", -1.0)
    page = regulator.get("/regulator?buyer_country=DE")
    monkeypatch.undo()

    assert (page.status, page.answer.headers["retry-after"]) == (503, "1")
    assert "returns are counted so far" in page.text
    assert regulator.get("/regulator?buyer_country=DE").status == 200


def test_too_many_returns_are_told_as_such(
    service: Asking, regulator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    Story(service.ledger, service.folder)
    monkeypatch.setattr(statistics, "CASES_MAX", 0)

    page = regulator.get("/regulator")

    assert (page.status, "Too many returns" in page.text) == (400, True)


def test_a_seller_sees_the_statistics_of_its_own_returns(service: Asking) -> None:
    name = Party(Role.SELLER, "seller-of-two")
    for _ in range(2):
        Story(service.ledger, service.folder, seller=name)
    Story(service.ledger, service.folder, seller=SELLER)
    browser, _ = signed_in(service, name)

    page = browser.get("/regulator")

    assert fact(page, "returns opened") == "2"
    assert "Returns whose party you are" in page.text


def test_the_page_is_in_chinese_with_its_months_and_numbers(service: Asking) -> None:
    Story(service.ledger, service.folder).decline()
    browser, _ = signed_in(service, accepts="zh")

    page = browser.get("/regulator?buyer_country=DE")

    assert page.language == "zh-Hans"
    assert "德国 → 中国" in page.text
    assert "2026年11月" in page.text
    assert "您的查阅会被记录" in page.text
    stayed = browser.send(page, "/language", tag="en")
    assert stayed.form("/regulator").fields["buyer_country"] == "DE"  # the question stays with the language


def many_months(number: int) -> Statistics:
    """Return statistics of that many months, a return in each."""
    return count([case(opened_at=f"{2020 + n // 12}-{n % 12 + 1:02d}-01T00:00:00.000Z") for n in range(number)])


def test_a_bar_is_its_share_of_the_longest_and_never_unseen() -> None:
    chart = draw("x", "months", [("a", 5_000, 0), ("b", 1, 0), ("c", 2_500, 2_500)], talk("en"))

    assert [(bar.first, bar.second) for bar in chart.bars] == [
        (WIDTH - SEEN, 0), (SEEN, 0), ((WIDTH - SEEN) // 2, (WIDTH - SEEN) // 2)
    ]  # fmt: skip
    assert [bar.numbers for bar in chart.bars] == ["5,000 + 0", "1 + 0", "2,500 + 2,500"]
    assert all(bar.first + bar.second <= WIDTH for bar in chart.bars)
    assert draw("x", "months", [("a", 0, 0)], talk("en")).bars == ()
    assert draw("x", "months", [], talk("en")).bars == ()


def test_the_drawings_show_the_newest_months_and_add_up_to_the_table() -> None:
    drawn = {one.name: one for one in charts.charts(count(CASES), talk("en"))}

    assert [(bar.label, bar.numbers) for bar in drawn["returns"].bars] == [
        ("November 2026", "0 + 2"), ("December 2026", "1 + 0")
    ]  # fmt: skip
    assert [bar.numbers for bar in drawn["deadlines"].bars] == ["1 + 1", "0 + 0"]
    assert [bar.numbers for bar in drawn["refusals"].bars] == ["1 + 1", "1 + 1"]
    assert [bar.numbers for bar in drawn["steps"].bars] == ["2 + 2", "0 + 1"]
    found = count(CASES)
    assert [bar.numbers for bar in drawn["holds"].bars] == [
        f"{totals.holds.count} + {totals.holds_open}" for _, totals in found.months
    ]
    newest = charts.charts(many_months(MONTHS_SHOWN + 2), talk("en"))[0].bars
    assert (len(newest), newest[0].label) == (MONTHS_SHOWN, "March 2020")


def test_pairs_and_rules_are_drawn_with_the_most_first_and_add_up_to_their_tables() -> None:
    found = count(CASES)
    drawn = {one.name: one for one in charts.charts(found, talk("en"))}

    def sums(name: str) -> list[int]:
        return [sum(int(part.replace(",", "")) for part in bar.numbers.split(" + ")) for bar in drawn[name].bars]

    assert sums("pairs") == sorted((totals.opened for _, totals in found.pairs), reverse=True)
    assert {bar.label for bar in drawn["pairs"].bars} == {talk("en").pair(pair) for pair, _ in found.pairs}
    assert sums("rules") == sorted(sums("rules"), reverse=True)
    assert sum(sums("rules")) == found.totals.duties_met + found.totals.duties_missed > 0
    assert {one.by for one in drawn.values()} == {"months", "pairs", "rules"}


@pytest.mark.parametrize(
    ("label", "shown"),
    [("x" * 34, "x" * 34), ("x" * 35, "x" * 33 + "…"), ("海" * 17, "海" * 17), ("海" * 18, "海" * 16 + "…")],
)
def test_a_long_label_leaves_room_for_its_numbers(label: str, shown: str) -> None:
    assert charts._fitting(label) == shown


def test_every_drawing_has_a_name_and_a_description_and_the_table_beside_it(
    service: Asking, regulator: Browser
) -> None:
    Story(service.ledger, service.folder).decline()

    page = regulator.get("/regulator")

    assert page.html.count('<svg role="img"') == page.html.count("<title id=") == page.html.count("<desc id=") > 1
    assert 'id="months"' in page.html


def test_more_sellers_than_are_shown_are_counted(service: Asking) -> None:
    found = answer(service.ledger, local_reader(service.ledger, Party(Role.CARRIER, "nobody")), Question())
    many = count([case(f"{n:032x}") for n in range(SELLERS_SHOWN + 3)])
    told = told_statistics(statistics.Answer(found.question, found.now, found.size, many), talk("en"))

    assert (len(told.sellers), told.sellers_more) == (SELLERS_SHOWN, 3)


def test_a_question_is_saved_under_a_name_asked_again_and_removed(service: Asking) -> None:
    regulator, _ = signed_in(service, Party(Role.REGULATOR, "saves-one"))
    Story(service.ledger, service.folder).decline()
    page = regulator.get("/regulator?buyer_country=DE&verb=decline_return")

    saved = regulator.send(page, "/regulator/saved", name="<b>Refusals</b>")
    (link,) = [one for one in saved.links if one == "/regulator?buyer_country=DE&verb=decline_return"]
    again = regulator.get(link)
    other = signed_in(service, Party(Role.REGULATOR, "another"))[0].get("/regulator")
    removed = regulator.send(again, "/regulator/saved/remove")

    assert saved.form("/regulator").fields["verb"] == "decline_return"
    assert "<b>Refusals</b>" in saved.text
    assert "&lt;b&gt;Refusals&lt;/b&gt;" in saved.html
    assert "Refusals</b>" not in other.text
    assert "Refusals</b>" not in removed.text


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"name": ""}, 400), ({"name": "x" * 81}, 400), ({"name": "x", "to": "never"}, 400), ({"name": "x"}, 200)],
)
def test_a_question_without_a_name_or_form_is_not_saved(
    service: Asking, regulator: Browser, fields: dict[str, str], status: int
) -> None:
    assert regulator.post("/regulator/saved", fields).status == status
    assert Browser(service.app).post("/regulator/saved", fields).status == 401
    assert Browser(service.app).post("/regulator/saved/remove", {"id": "x"}).status == 401


def test_no_further_question_than_can_be_kept_is_saved(
    service: Asking, regulator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_questions, "SAVED_MAX", 0)

    page = regulator.post("/regulator/saved", {"name": "one more"})

    assert (page.status, "/regulator" in page.links) == (409, True)


def test_a_file_of_figures_says_when_it_cannot_be_made_yet(
    service: Asking, regulator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        Story(service.ledger, service.folder)
    monkeypatch.setattr(statistics, "COUNTING_SECONDS", -1.0)
    counting = regulator.get("/regulator/statistics.json")
    monkeypatch.setattr(statistics, "CASES_MAX", 0)
    many = regulator.get("/regulator/statistics.csv")

    assert (counting.status, many.status) == (503, 400)
    assert counting.answer.headers["retry-after"]


def test_the_proof_that_none_was_left_out_is_beside_the_export(world: World, tmp_path: Path) -> None:
    with world.anchoring() as (ledger, _, anchorer):
        service = Asking(ledger, make_app(ledger, world.settings), tmp_path)
        first = Story(ledger, tmp_path)
        browser, _ = signed_in(service)
        asked = "?buyer_country=DE&seller_country=CN"
        unsealed = browser.get(f"/regulator/completeness.json{asked}")
        anchorer.run()
        page = browser.get(f"/regulator{asked}")
        files = {
            query: browser.raw("GET", f"/regulator/completeness.json{query}")
            for query in (asked, f"{asked}&from=2026-11&to=2026-11", f"{asked}&from=2026-10&to=2026-10")
        }
        refused = [
            browser.get(f"/regulator/completeness.json{query}").status
            for query in (
                "",
                "?buyer_country=DE",
                f"{asked}&from=2026-10&to=2026-11",
                "?buyer_country=FR&seller_country=IT",
            )
        ]
        without = browser.get("/regulator?buyer_country=DE")
        ancient = browser.get(f"/regulator/completeness.json{asked}&from=1969-12&to=1969-12").status
        others = signed_in(service, SELLER)[0].get(f"/regulator{asked}")
        trust = ledger.trust()

    assert unsealed.status == 409
    assert f"/regulator/completeness.json{asked}" in page.links
    assert not [link for page in (without, others) for link in page.links if "completeness.json" in link]
    said = [verify_case_proof(one.content, trust).checks[-1].detail for one in files.values()]
    assert ["exactly 1 returns of DE <- CN" in one for one in said] == [True, True, False]
    assert "exactly 0 returns" in said[-1]
    assert (refused, ancient) == ([400, 400, 400, 403], 400)
    assert first.return_id not in files[asked].text

"""The page of the soak: it says at once whether all was exact, and how to repeat what was not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import cast

from local.stand import Stand
from tests.faults.aftermath import Leftovers
from tests.faults.events import DAYS_END, MEANINGS, POISON, WAITED_FOR_THE_DAY, Events
from tests.faults.reliability_page import Conditions, Results, Verdict, page
from tests.faults.storage_gate import StorageGates

EXACT = Verdict(7, "run-7", "completed_with_warnings", 30.0, 0, 0, ())
ALL_GOOD = Results(
    verdicts=(EXACT, replace(EXACT, number=8, run_id="run-8")),
    seconds=90.0,
    events=Counter({"a host killed (kill -9)": 3}),
    missed=Counter(),
    boundaries=Counter({"after a batch was taken": 1}),
    destination_faults=Counter({"slow": 1, "throttled": 0}),
    restarts=6,
    kills_put_off=0,
    statistics={
        "source_file_names_taken_more_than_once": [],
        "contacts_imported_more_than_once": 0,
        "calls_over_the_quota": 0,
        "most_requests_in_a_second": {"all": 5, "accepted": 4},
        "token_refreshes": 5,
    },
    calls=1_234,
    leftovers=Leftovers(0, 0, {}),
    connections=3,
    grants_lost=0,
    living_grants=3,
)


def shown(results: Results) -> str:
    conditions = Conditions(12, (0.0, 5.0, -5.0), 660, {"UNCLEAR_UPLOAD_SECONDS": "15"})
    return page(results, conditions, 7, lambda first, runs: f"soak --first {first} --runs {runs}")


def test_a_good_soak_says_so_in_its_first_sentence_and_how_to_repeat_it() -> None:
    text = shown(ALL_GOOD)

    assert ALL_GOOD.good
    assert "**2 of 2 runs ended exact**" in text
    assert "    soak --first 7 --runs 2\n" in text
    assert "| connections whose grant still lives | 3 of 3 |" in text
    assert "| after a batch was taken | 1 |" in text
    assert "Runs that did not end exact" not in text
    assert "throttled" not in text


def test_each_event_that_struck_is_explained_and_how_fast_requests_came_is_told() -> None:
    text = shown(replace(ALL_GOOD, events=Counter({POISON: 3})))

    assert f"| {POISON} | 3 | {MEANINGS[POISON]} |" in text
    assert DAYS_END not in text
    assert "| most requests let through in any second (4 are allowed) | 4 |" in text
    assert "| most requests that arrived in any second | 5 |" in text


def test_every_event_has_an_explanation() -> None:
    # Which events there are does not depend on what they strike.
    drawn = Events(cast("Stand", None), cast("StorageGates", None)).kinds

    assert {POISON, DAYS_END, WAITED_FOR_THE_DAY, *drawn} <= MEANINGS.keys()


def test_a_run_that_is_not_exact_is_named_with_what_is_wrong_and_the_command_for_it_alone() -> None:
    wrong = replace(EXACT, number=9, run_id="run-9", lost=2, wrong=("sent 5 instead of 7",))
    results = replace(ALL_GOOD, verdicts=(EXACT, wrong))

    assert not results.good
    assert "**1 of 2 runs ended exact**" in shown(results)
    row = "| 9 | sent 5 instead of 7; 2 contacts are not on the list | `soak --first 9 --runs 1` |"
    assert row in shown(results)


def test_a_batch_that_was_imported_twice_is_the_fault_of_its_run() -> None:
    statistics = ALL_GOOD.statistics | {"source_file_names_taken_more_than_once": ["run-8-0001.csv"]}
    results = replace(ALL_GOOD, statistics=statistics)

    assert [verdict.number for verdict in results.not_exact] == [8]


def test_whatever_is_left_behind_makes_a_soak_bad() -> None:
    assert not replace(ALL_GOOD, leftovers=Leftovers(0, 1, {})).good
    assert not replace(ALL_GOOD, leftovers=Leftovers(0, 0, {"export-runs": 1})).good
    assert not replace(ALL_GOOD, living_grants=2).good
    assert not replace(ALL_GOOD, grants_lost=1).good
    assert not replace(ALL_GOOD, statistics=ALL_GOOD.statistics | {"calls_over_the_quota": 1}).good

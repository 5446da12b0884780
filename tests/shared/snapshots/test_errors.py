"""What is shown of names and lists that come out of others' files: a little, on one line, without addresses."""

from __future__ import annotations

import pytest

from shared.snapshots import AmbiguousSegment, BrokenSnapshot, SnapshotError


@pytest.mark.parametrize(("length", "is_cut"), [(8_000, False), (8_001, True), (50_000, True)])
def test_a_message_is_cut_in_its_middle_where_it_is_too_long(length: int, is_cut: bool) -> None:
    text = "a" * (length - 10) + "b" * 10
    said = str(SnapshotError(text))
    assert (said != text) is is_cut
    assert said.startswith("aaa")
    assert said.endswith("a" * 400 + "b" * 10)
    assert len(said) <= 8_010


def test_a_message_is_one_line() -> None:
    assert str(SnapshotError("one\ntwo\x00three")) == "one two three"


def test_a_broken_snapshot_tells_every_problem() -> None:
    said = str(BrokenSnapshot("Loyal", ["first", "second"]))
    assert said == "Segment 'Loyal' has no complete snapshot: first; second. Have the segment refreshed again."


@pytest.mark.parametrize(("count", "more"), [(2, ""), (10, ""), (11, "and 1 more"), (15, "and 5 more")])
def test_of_many_places_ten_are_shown(count: int, more: str) -> None:
    said = str(AmbiguousSegment("Loyal", [f"r{number}/Loyal" for number in range(count)]))
    assert ("more" in said.replace("more than once", "")) is bool(more)
    assert more in said
    assert "r9/Loyal" in said or count < 10
    assert "r10/Loyal" not in said

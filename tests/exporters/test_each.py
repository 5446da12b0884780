"""The same with one thing after the other: what is wrong with one does not hold up the others."""

from __future__ import annotations

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError
from pydantic import BaseModel

from exporters.each import each
from shared.errors import ExportError


class Document(BaseModel):
    number: int


class Work:
    """Fails for some of the things; remembers which had their turn."""

    def __init__(self, errors: dict[str, Exception]) -> None:
        self.errors = errors
        self.done: list[str] = []

    def __call__(self, thing: str) -> str | None:
        self.done.append(thing)
        if thing == "document":
            Document.model_validate_json('{"number": "ana@example.com"}')
        if thing in self.errors:
            raise self.errors[thing]
        return None if thing == "nothing to do" else thing.upper()


def test_what_is_done_comes_back_in_order_and_what_had_nothing_to_do_is_left_out() -> None:
    assert each(["a", "nothing to do", "b"], Work({}), str) == ["A", "B"]


def test_what_is_wrong_in_itself_is_passed_over_and_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    work = Work({"refused": ExportError("It has no list.")})
    assert each(["a", "document", "refused", "b"], work, lambda thing: f"the {thing}") == ["A", "B"]
    assert "the document was passed over: ValidationError" in caplog.text
    assert "the refused was passed over: ExportError" in caplog.text
    assert "ana@example.com" not in caplog.text


def test_an_outage_is_raised_after_the_others_had_their_turn(caplog: pytest.LogCaptureFixture) -> None:
    work = Work({"b": HttpResponseError("busy with ana@example.com"), "c": ServiceRequestError("nobody answers")})
    with pytest.raises(AzureError, match="busy"):
        each(["a", "b", "c", "d"], work, str)
    assert work.done == ["a", "b", "c", "d"]
    assert "b failed: HttpResponseError" in caplog.text
    assert "ana@example.com" not in caplog.text


def test_an_error_that_nobody_thought_of_does_not_hold_up_the_others_either() -> None:
    work = Work({"a": KeyError("odd")})
    with pytest.raises(KeyError, match="odd"):
        each(["a", "b"], work, str)
    assert work.done == ["a", "b"]


def test_after_three_in_a_row_without_an_answer_nobody_waits_for_the_fourth() -> None:
    away = ServiceRequestError("nobody answers")
    work = Work(dict.fromkeys("acdef", away))
    with pytest.raises(ServiceRequestError):
        each("abcdefgh", work, str)
    assert work.done == list("abcde")


def test_three_that_are_refused_are_no_outage() -> None:
    work = Work(dict.fromkeys("abc", HttpResponseError("leased")))
    with pytest.raises(HttpResponseError, match="leased"):
        each("abcd", work, str)
    assert work.done == list("abcd")

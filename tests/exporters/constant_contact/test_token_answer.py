"""What the token endpoint sends is taken within bounds, and never repeated in an error."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from exporters.constant_contact.tokens import TokenAnswer, TokenSet

A_MONTH = 30 * 24 * 3600


@pytest.mark.parametrize(
    ("said", "taken"),
    [(None, None), (math.nan, None), (-5, 0), (0, 0), (0.5, 0.5), (A_MONTH + 1, A_MONTH), (math.inf, A_MONTH)],
)
def test_a_lifetime_is_between_nothing_and_a_month(said: float | None, taken: float | None) -> None:
    assert TokenAnswer.model_validate({"access_token": "a", "expires_in": said}).expires_in == taken


def test_a_token_may_be_as_long_as_a_header_may_be() -> None:
    longest = "a" * 8_000
    assert TokenAnswer.model_validate({"access_token": longest}).access_token.get_secret_value() == longest
    with pytest.raises(ValidationError):
        TokenAnswer.model_validate({"access_token": longest + "a"})


@pytest.mark.parametrize("model", [TokenAnswer, TokenSet])
def test_an_error_never_repeats_what_may_be_a_token(model: type[TokenAnswer | TokenSet]) -> None:
    with pytest.raises(ValidationError) as error:
        model.model_validate({"access_token": ["kept-to-itself"], "expires_in": "kept-to-itself", "expires_at": "kept"})
    assert "kept" not in str(error.value)

"""What may be said of a file's format, and what holds where nothing is said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from shared.snapshots import Partition, ReadOptions


def test_where_nothing_is_said_everything_is_found_out() -> None:
    options, partition = ReadOptions(), Partition(path="p", etag='"1"', size=1)
    assert (options.header, options.delimiter, options.encoding) == ("auto", None, None)
    assert (partition.header, partition.delimiter, partition.encoding) == ("auto", None, None)
    assert (partition.kind, partition.gzip, partition.quoting) == ("csv", False, "csv")


@pytest.mark.parametrize(
    "given",
    [
        {"header": "auto"},
        {"header": "yes"},
        {"header": "no"},
        {"delimiter": ";"},
        {"delimiter": "\t"},
        {"encoding": "utf-8"},
        {"encoding": "latin-1"},
        {"encoding": "utf_16"},
        {"encoding": "cp1250"},
    ],
)
def test_it_can_be_said(given: dict[str, Any]) -> None:
    options = ReadOptions.model_validate(given)
    assert ReadOptions.model_validate_json(options.model_dump_json()) == options


@pytest.mark.parametrize(
    "given",
    [
        {"header": "perhaps"},
        {"delimiter": ""},
        {"delimiter": ";;"},
        {"delimiter": '"'},
        {"delimiter": "\n"},
        {"delimiter": "\r"},
        {"delimiter": "\0"},
        {"encoding": "no-such-encoding"},
        *(
            {"encoding": name}
            for name in ("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf7")
        ),
        {"something": "else"},
    ],
)
def test_it_cannot_be_said(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReadOptions.model_validate(given)

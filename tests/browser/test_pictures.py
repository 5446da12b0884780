"""The pictures of the pages: which there are, and how large they may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import screenshots
from tests.browser.screenshots import FOLDER, PICTURES, too_large


def test_each_picture_has_a_name_of_its_own() -> None:
    names = [picture.name for picture in PICTURES]
    assert sorted(set(names)) == sorted(names)


def test_the_pictures_of_the_project_are_small() -> None:
    assert too_large(FOLDER) == []


def test_a_picture_that_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home.webp").write_bytes(bytes(300_001))
    assert too_large(tmp_path) == ["home.webp has 300,001 bytes"]
    monkeypatch.setattr(screenshots, "ALL_BYTES", 300_000)
    assert too_large(tmp_path)[1:] == ["all 1 pictures together have 300,001 bytes"]

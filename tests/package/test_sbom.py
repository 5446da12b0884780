"""The bill of materials: every package that is installed, with licence and hashes, in the form that others read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dev
from release import sbom
from release.licences import normal
from release.lock import read_lock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def made(installed: Path) -> dict[str, Any]:
    return sbom.make_sbom(installed / "production" / dev.PYTHON_IN_VENV)


def test_it_lists_every_package_of_the_lock_and_nothing_else(made: dict[str, Any]) -> None:
    listed = {(normal(one["name"]), one["version"]) for one in made["components"]}

    assert listed == {(one.name, one.version) for one in read_lock() if one.is_for_this_python}


def test_each_package_has_its_hashes_and_licence(made: dict[str, Any]) -> None:
    hashes = {(one.name, one.version): one.hashes for one in read_lock()}

    for one in made["components"]:
        (files,) = [known["hashes"] for known in one["externalReferences"] if "hashes" in known]
        told = tuple(f"sha256:{digest['content']}" for digest in files)
        assert told == hashes[normal(one["name"]), one["version"]]
        assert one["licenses"]


def test_it_says_what_the_app_itself_needs(made: dict[str, Any]) -> None:
    root = made["metadata"]["component"]
    needed = next(one for one in made["dependencies"] if one["ref"] == root["bom-ref"])["dependsOn"]

    assert root["name"] == "segment-exports"
    assert {one.partition("==")[0] for one in needed} >= {"requests", "fastapi", "pydantic"}
    # Something that only another package needs.
    assert "certifi" not in {one.partition("==")[0] for one in needed}


def test_one_that_does_not_keep_to_the_schema_is_refused(made: dict[str, Any]) -> None:
    wrong = {**made, "components": [{"type": "library", "name": "one", "licenses": [{"license": {"id": "none"}}]}]}

    with pytest.raises(sbom.InvalidSbom):
        sbom.check(wrong)

"""README, CONTRIBUTING, CHANGELOG, architecture, decisions and the API's page say what is there, and no more."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

import dev
from admin.site import make_api
from exporters.batches import MAX_BYTES, MAX_CONTACTS
from exporters.constant_contact.limits import KEPT_FOR_FOLLOWING
from exporters.contact_fields import BIRTHDAY, IMPORT_ORDER, MAX_CUSTOM_FIELDS
from exporters.profiles import MOST_CONTACTS
from exporters.turns import AT_ONCE
from shared import queues
from shared.settings import Settings

DOCS = dev.ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
DRAWINGS = sorted((DOCS / "drawings").glob("*.svg"))
ARCHITECTURE = DOCS / "architecture.md"


def text_of(file: str | Path) -> str:
    return (dev.ROOT / file).read_text(encoding="utf-8")


def commands_in(text: str) -> set[str]:
    return set(re.findall(r"python3 dev\.py (\w+)", text))


# --- Commands ---------------------------------------------------------------------------------------------------------


def test_the_list_of_commands_has_every_one_that_there_is() -> None:
    listed = commands_in(text_of("CONTRIBUTING.md").partition("## Commands")[2].partition("\n## ")[0])

    assert listed == set(dev.COMMANDS)


def test_the_readme_names_only_commands_that_there_are() -> None:
    assert {"up", "test"} <= commands_in(text_of("README.md")) <= set(dev.COMMANDS)


def test_the_readme_is_one_page_and_its_code_needs_no_scrolling() -> None:
    text = text_of("README.md")
    code = [line for block in text.split("```")[1::2] for line in block.splitlines()]

    assert len(re.sub(r"<[^>]+>|\([^)]*\)", " ", text).split()) <= 950
    assert max(map(len, code)) <= 80


def test_the_help_of_dev_py_lists_every_command_that_there_is() -> None:
    assert commands_in(dev.__doc__ or "") == set(dev.COMMANDS)


def test_what_ci_runs_is_what_developers_run() -> None:
    assert commands_in(text_of(".ci/run")) == {"test"}


def test_the_folders_of_test_infra_and_the_like_are_there() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        for name in re.findall(r"(?:dev\.py )?test (\w+)`", text_of(document)):
            assert (dev.ROOT / "tests" / name).is_dir(), name


# --- The API ----------------------------------------------------------------------------------------------------------


def test_the_page_of_the_api_has_every_call_and_no_other(description: Mapping[str, Any]) -> None:
    described = {(method.upper(), path) for path, found in description["paths"].items() for method in found}
    table = text_of("docs/api.md").partition("## Calls")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| `(\w+) (/api/[^`]*)` \|", table, re.MULTILINE)) == described


def test_the_page_of_the_api_names_every_column_that_can_be_mapped() -> None:
    page = text_of("docs/api.md").partition("A **mapping**")[2].partition("\n\n")[0]

    assert set(re.findall(r"`(\w+)`", page)) == {*IMPORT_ORDER, BIRTHDAY}
    assert f"at most {MAX_CUSTOM_FIELDS} of them" in page


@pytest.fixture(scope="module")
def description() -> Mapping[str, Any]:
    def none_is_needed() -> Any:
        raise AssertionError("a description asks no service")

    return make_api(none_is_needed, cast("Settings", None)).openapi()


# --- Numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("docs/api.md", f"{MOST_CONTACTS:,} contacts an export, {MAX_CONTACTS:,} contacts and {MAX_BYTES:,}"),
        ("docs/architecture.md", f"at most {MAX_CONTACTS:,} contacts and under {MAX_BYTES:,} bytes"),
        ("docs/architecture.md", f"the last {KEPT_FOR_FOLLOWING} are kept for following"),
        ("docs/architecture.md", f"the first {('no', 'one', 'two', 'three', 'four', 'five')[AT_ONCE]} batches"),
        ("docs/decisions/0005-sizes-of-a-batch.md", f"{MAX_CONTACTS:,} contacts or before {MAX_BYTES:,}"),
    ],
)
def test_a_limit_that_is_told_is_the_one_that_is_kept(document: str, said: str) -> None:
    assert said in " ".join(text_of(document).split())


def test_the_readme_claims_of_reliability_what_the_trial_measured() -> None:
    measured = re.search(r"\*\*(\d+ of \d+ runs ended exact)\*\*", text_of("docs/reliability.md"))

    assert measured
    assert measured.group(1) in text_of("README.md")


def test_the_pictures_of_the_readme_are_there_in_light_and_dark() -> None:
    dark = re.findall(r'srcset="([^"]+)"', text_of("README.md"))
    light = re.findall(r' src="([^"]+)"', text_of("README.md"))

    assert len(light) == 2
    assert dark == [picture.replace("-light", "-dark") for picture in light]
    assert {picture for picture in dark + light if not (dev.ROOT / picture).is_file()} == set()


# --- Architecture -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [ARCHITECTURE, *DECISIONS, dev.ROOT / "CONTRIBUTING.md", dev.ROOT / "README.md"],
    ids=lambda document: document.stem,
)
def test_every_file_that_is_named_is_there(document: Path) -> None:
    """`DIR` and r.json are the reader's own; within the row of a folder, its files are named without it."""
    folders = (dev.ROOT, dev.ROOT / "admin", dev.ROOT / "exporters")
    for name in re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|json|md|in|txt|toml))`", text_of(document)):
        assert name.startswith("DIR/") or any((folder / name).exists() for folder in folders), name


def test_the_table_of_queues_names_all_of_them() -> None:
    rows = text_of(ARCHITECTURE).partition("## Queues")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| `(export-\w+)`", rows, re.MULTILINE)) == {
        queues.RUNS,
        queues.BATCHES,
        queues.ACTIVITIES,
        queues.NOTIFICATIONS,
    }


def test_the_table_of_state_names_every_table_that_the_app_opens() -> None:
    opened = set(re.findall(r'storage\.table\("(\w+)"\)', text_of("exporters/services.py")))
    rows = text_of(ARCHITECTURE).partition("## State")[2].partition("\n## ")[0]
    tables = "".join(re.findall(r"^\| table ([^|]+)\|", rows, re.MULTILINE))

    assert set(re.findall(r"`(\w+)`", tables)) == opened


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: drawing.stem)
def test_a_drawing_is_drawn_for_light_and_dark_and_can_be_read_aloud(drawing: Path) -> None:
    root = ElementTree.parse(drawing).getroot()  # noqa: S314 - ours
    tags = {element.tag.partition("}")[2] for element in root.iter()}

    assert root.get("role") == "img"
    assert {"title", "desc", "style"} <= tags
    assert not tags & {"image", "foreignObject", "script"}
    assert "prefers-color-scheme: dark" in text_of(drawing)


def test_the_drawing_of_the_data_flow_has_every_queue_of_a_run() -> None:
    drawing = text_of(DOCS / "drawings" / "data-flow.svg")

    for queue in (queues.RUNS, queues.BATCHES, queues.ACTIVITIES):
        assert f">{queue}<" in drawing


# --- Decisions and changes --------------------------------------------------------------------------------------------


def test_decisions_are_numbered_one_after_the_other_and_all_in_the_index() -> None:
    index = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", text_of(DOCS / "decisions" / "README.md"), re.MULTILINE)

    assert [name for _, _, name in index] == [file.name for file in DECISIONS]
    for place, (number, title, name) in enumerate(index, 1):
        assert (int(number), int(name[:4])) == (place, place)
        assert text_of(DOCS / "decisions" / name).startswith(f"# {place}. {title}\n")


@pytest.mark.parametrize("file", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_says_what_was_the_case_what_was_decided_and_what_follows(file: Path) -> None:
    assert re.findall(r"^## (.+)$", text_of(file), re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert len(text_of(file).splitlines()) < 40


def test_the_changelog_speaks_of_the_version_that_is_made() -> None:
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]

    assert version in text_of("CHANGELOG.md")

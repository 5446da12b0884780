"""What the documents name is there: files and headings, commands, settings, parameters, stores and tests."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from dev import COMMANDS
from tests.docs.reading import ROOT, Document, document, documents, slug

_NAME_OF_A_SETTING = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9](?:__[A-Za-z]+)?\b")
_COMMAND = re.compile(r"python3? dev\.py +([a-z]+)\b")
_TEST = re.compile(r"\b(tests/[\w/]+\.py)::(\w+)")
_VALUE = re.compile(r"azd env get-value ([A-Z_]+)")
DOCUMENTS = documents()
_READ = {".py", ".bicep", ".json", ".yaml", ".sh"}


def by_name(one: Document) -> str:
    return one.name


def missing_link(one: Document, link: str) -> str | None:
    """What of this link is not there; None when it leads somewhere, or to another site."""
    if re.match(r"[a-z]+:", link):
        return None
    path, _, anchor = link.partition("#")
    target = (one.path.parent / unquote(path)).resolve() if path else one.path
    if not target.exists():
        return f"{link}: no such file"
    if anchor and anchor not in Document(target, target.read_text(encoding="utf-8")).anchors:
        return f"{link}: no such heading"
    return None


@pytest.mark.parametrize("one", DOCUMENTS, ids=by_name)
def test_every_link_of_a_document_leads_somewhere(one: Document) -> None:
    assert [wrong for link in one.links if (wrong := missing_link(one, link))] == []


@pytest.mark.parametrize("one", DOCUMENTS, ids=by_name)
def test_every_command_that_a_document_names_is_there(one: Document) -> None:
    assert set(_COMMAND.findall(one.text)) - set(COMMANDS) - {"test"} == set()


@cache
def known_names() -> frozenset[str]:
    """Whatever the code, the templates and their programs call in capitals."""
    folders = ("shared", "exporters", "admin", "infra", "local", "tests", "bench")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in _READ]
    paths += [ROOT / name for name in ("azure.yaml", "local.settings.sample.json", "dev.py", "function_app.py")]
    paths += (ROOT / ".github").rglob("*.yml")
    return frozenset(
        name for path in paths for name in _NAME_OF_A_SETTING.findall(path.read_text(encoding="utf-8", errors="ignore"))
    )


# The lines of code in the page on mutation testing are cut short.
@pytest.mark.parametrize("one", [one for one in DOCUMENTS if one.path.name != "mutation-testing.md"], ids=by_name)
def test_every_setting_that_a_document_names_is_one(one: Document) -> None:
    code = "\n".join(one.code)
    own = set(re.findall(r"\b([A-Z][A-Z0-9_]*)=", code)) | set(re.findall(r"for ([A-Z]+) in", code))
    assert set(_NAME_OF_A_SETTING.findall(code)) - known_names() - own == set()


@pytest.mark.parametrize("one", DOCUMENTS, ids=by_name)
def test_every_test_that_a_document_names_is_there(one: Document) -> None:
    named = {(path, name) for path, name in _TEST.findall(one.text)}
    assert {(path, name) for path, name in named if name not in functions_of(path)} == set()


@cache
def functions_of(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.exists():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("one", DOCUMENTS, ids=by_name)
def test_no_document_is_unfinished(one: Document) -> None:
    assert re.findall(r"\b(?:TODO|FIXME|TBD|XXX|lorem ipsum)\b", one.text) == []


# --- What the templates ask for ---------------------------------------------------------------------------------------


def parameters() -> dict[str, str]:
    """The parameters of the templates by the name that they have in the environment."""
    given = json.loads((ROOT / "infra" / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    return {re.sub(r"^\$\{(\w+).*\}$", r"\1", str(one["value"])): name for name, one in given.items()}


def test_what_may_be_set_before_a_deployment_is_listed_with_its_parameter() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| `(\w+)` \|", document("docs/install.md").text, re.MULTILINE)
    required = {"AZURE_ENV_NAME", "AZURE_LOCATION", "CONSTANT_CONTACT_CLIENT_ID", "CONSTANT_CONTACT_CLIENT_SECRET"}
    # Whoever deploys does not set these: a hook finds them out.
    found_out = {"SNAPSHOT_STORAGE_RESOURCE_GROUP", "SNAPSHOT_STORAGE_HAS_TOPIC"}
    assert dict(rows) == {name: one for name, one in parameters().items() if name not in required | found_out}


@pytest.mark.parametrize("name", ["docs/install.md", "docs/operate.md"])
def test_every_value_that_is_read_from_the_environment_is_there(name: str) -> None:
    outputs = re.findall(r"^output (\w+) ", (ROOT / "infra" / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(_VALUE.findall(document(name).text)) - {*outputs, *parameters()} == set()


@pytest.mark.parametrize("name", ["docs/install.md", "docs/operate.md", "docs/privacy.md"])
def test_a_file_of_the_project_that_a_document_names_is_there(name: str) -> None:
    named = {
        one.removeprefix("@")
        for one in re.findall(r"@?\b(?:infra|exporters|admin|shared|docs)/[\w/.-]+\w", document(name).text)
    }
    assert {one for one in named if not (ROOT / one).exists()} == set()


# --- What the app keeps -----------------------------------------------------------------------------------------------


def stores(kind: str) -> set[str]:
    """The tables or containers that the code asks the storage account for."""
    found = re.findall(rf'storage\.{kind}\("(\w+)"\)', (ROOT / "exporters" / "services.py").read_text(encoding="utf-8"))
    return set(found)


def test_every_table_and_container_is_among_what_is_state_and_what_is_not() -> None:
    section = document("docs/operate.md").text.partition("## What is state")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert stores("table") <= named
    assert stores("container") <= named


def test_every_table_is_in_the_record_of_what_is_kept_or_tells_of_nobody() -> None:
    tells_of_nobody = {"Limits", "Schedules", "Segments"}
    named = set(re.findall(r"`(\w+)`", document("docs/privacy.md").text))
    assert stores("table") - tells_of_nobody <= named
    assert stores("container") - {"locks"} <= named


# --- The checks themselves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Use a domain of your own", "use-a-domain-of-your-own"),
        ("2. Deploy", "2-deploy"),
        ("`quota`: The calls are used up", "quota-the-calls-are-used-up"),
    ],
)
def test_a_heading_is_named_as_web_sites_for_code_name_it(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


@pytest.mark.parametrize("link", ["nowhere.md", "install.md#nothing", "#nothing"])
def test_a_link_that_leads_nowhere_is_noticed(link: str) -> None:
    assert missing_link(document("docs/operate.md"), link) is not None


def test_a_name_in_a_block_of_code_is_noticed() -> None:
    made_up = Document(Path("made-up.md"), "Type this:\n\n```\nazd env set NO_SUCH_SETTING 1\n```\n")
    assert _NAME_OF_A_SETTING.findall("\n".join(made_up.code)) == ["NO_SUCH_SETTING"]

"""What a compiler would say first: names that exist, modules that get what they ask for, nothing left over."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tree_sitter import Node

from tests.infra.bicep import INFRA, Declared, bicep_files, declared, text, tree
from tests.infra.conftest import Breaking, Change

FUNCTIONS = {
    "concat",
    "empty",
    "environment",
    "guid",
    "loadTextContent",
    "replace",
    "resourceGroup",
    "resourceId",
    "string",
    "subscription",
    "subscriptionResourceId",
    "tenant",
    "toLower",
    "union",
    "uniqueString",
    "allowed",
    "batchSize",
    "description",
    "maxLength",
    "maxValue",
    "minLength",
    "minValue",
    "secure",
}
LOOP = ("loop_variable", "loop_enumerator")


def wrong_names(folder: Path) -> list[str]:
    """Names that nothing declares, functions that are none of Bicep's, and what is declared and not used."""
    problems = []
    for path in bicep_files(folder):
        file = path.relative_to(folder).as_posix()
        own = {one.name: one for one in declared(folder) if one.file == file and one.kind != "output"}
        used, called = set(), set()
        loops = set()
        for node in _below(tree(path)):
            if node.type == "call_expression":
                called.add(_text(node.named_children[0]))
            elif node.type in LOOP or (node.type == "for_statement" and node.named_children[0].type == "identifier"):
                loops.add(_text(node if node.type in LOOP else node.named_children[0]))
            if node.type == "identifier" and not _declares(node):
                used.add(_text(node))
        problems += [f"{file}: {one} is not declared" for one in used - own.keys() - loops - called]
        problems += [f"{file}: {one}() is no function that is known here" for one in called - FUNCTIONS]
        kept = {name for name, one in own.items() if one.kind in ("param", "var")}
        problems += [f"{file}: {one} is not used" for one in kept - used]
    return sorted(problems)


def _below(node: Node) -> Iterator[Node]:
    yield node
    for one in node.named_children:
        yield from _below(one)


def _declares(node: Node) -> bool:
    """Whether an identifier gives a name to something (a declaration, a property) and does not refer to it."""
    above = node.parent
    assert above is not None
    if above.type == "for_statement":
        return above.named_children[0] == node
    first = above.named_children[0] == node
    return first and (above.type.endswith("_declaration") or above.type in ("object_property", "output_declaration"))


def _text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()


def wrong_modules(folder: Path) -> list[str]:
    """Modules that are not there, get too little or too much, and outputs that they do not have."""
    problems = []
    outputs: dict[str, set[str]] = {}
    for module in declared(folder, "module"):
        source = posixpath.normpath(posixpath.join(posixpath.dirname(module.file), module.type))
        inside = [one for one in declared(folder) if one.file == source]
        if not inside:
            problems.append(f"{module.name}: there is no {module.type}")
        asked = {one.name: one for one in inside if one.kind == "param"}
        given = set(module.at("params") or {})
        problems += [f"{module.name} does not get {one}" for one in _required(asked) - given]
        problems += [f"{module.name} does not know {one}" for one in given - asked.keys()]
        outputs[module.name] = {one.name for one in inside if one.kind == "output"}
    for path in bicep_files(folder):
        for module_name, output in re.findall(r"(\w+)\.outputs\.(\w+)", path.read_text(encoding="utf-8")):
            if output not in outputs.get(module_name, set()):
                problems.append(f"{module_name} has no output {output}")
    return sorted(problems)


def _required(asked: dict[str, Declared]) -> set[str]:
    return {name for name, one in asked.items() if one.value is None}


def wrong_parameters(folder: Path) -> list[str]:
    """Parameters that azd does not fill in, or has another default for, and those that nobody explains."""
    parameters = {one.name: one for one in declared(folder, "param") if one.file == "main.bicep"}
    file = json.loads((folder / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    problems = [f"{one} has no value in main.parameters.json" for one in parameters.keys() - file.keys()]
    problems += [f"{one} is no parameter" for one in file.keys() - parameters.keys()]
    problems += [f"{one.name} is not explained" for one in parameters.values() if "description" not in one.decorators]
    for name in parameters.keys() & file.keys():
        match = re.fullmatch(r"\$\{[A-Z_]+(?:=(.*))?\}", file[name]["value"])
        default = parameters[name].value
        wanted = None if default is None else str(default).lower() if isinstance(default, bool) else str(default)
        if not match or match[1] != wanted:
            problems.append(f"{name} is {file[name]['value']}, by default {wanted}")
    return sorted(problems)


def azd_variables(folder: Path) -> set[str]:
    """The azd variables that the parameters are filled in from."""
    written = (folder / "main.parameters.json").read_text(encoding="utf-8")
    return set(re.findall(r"\$\{([A-Z_]+)", written))


def test_every_name_is_declared_and_used() -> None:
    assert wrong_names(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("modules/vault.bicep", "name: name", "name: nam"),
            ["modules/vault.bicep: nam is not declared", "modules/vault.bicep: name is not used"],
        ),
        (
            ("modules/vault.bicep", "param name string", "param name string\nparam more string"),
            ["modules/vault.bicep: more is not used"],
        ),
        (("main.bicep", "toLower(", "lower("), ["main.bicep: lower() is no function that is known here"]),
        (
            ("modules/endpoints.bicep", "id: networkId", "id: network.id"),
            ["modules/endpoints.bicep: network is not declared", "modules/endpoints.bicep: networkId is not used"],
        ),
    ],
)
def test_a_wrong_name_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert wrong_names(broken(change)) == expected


def test_every_module_gets_what_it_asks_for() -> None:
    assert wrong_modules(INFRA) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("main.bicep", "    alertEmail: alertEmail\n", ""), ["alerts does not get alertEmail"]),
        (
            ("main.bicep", "    quietHours: quietHours\n", "    quietHours: quietHours\n    x: 1\n"),
            ["alerts does not know x"],
        ),
        (("main.bicep", "modules/workbook.bicep", "modules/book.bicep"), ["workbook: there is no modules/book.bicep"]),
        (
            ("main.bicep", "storage.outputs.packageContainer", "storage.outputs.packages"),
            ["storage has no output packages"],
        ),
    ],
)
def test_a_module_that_does_not_fit_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert [one for one in wrong_modules(broken(change)) if one in expected] == expected


def test_azd_fills_every_parameter_in() -> None:
    assert wrong_parameters(INFRA) == []


def test_the_page_about_the_templates_names_every_parameter() -> None:
    page = (INFRA / "README.md").read_text(encoding="utf-8")
    assert sorted(one for one in azd_variables(INFRA) if f"`{one}`" not in page) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("main.parameters.json", "${QUIET_HOURS=26}", "${QUIET_HOURS=25}"),
            ["quietHours is ${QUIET_HOURS=25}, by default 26"],
        ),
        (
            ("main.parameters.json", '"siteUrl"', '"siteUri"'),
            ["siteUri is no parameter", "siteUrl has no value in main.parameters.json"],
        ),
        (
            ("main.bicep", "@description('Region of everything that is made here.')\n", ""),
            ["location is not explained"],
        ),
    ],
)
def test_a_wrong_parameter_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert wrong_parameters(broken(change)) == expected


def test_no_output_takes_the_place_of_a_value_that_somebody_set() -> None:
    outputs = {one.name for one in declared(INFRA, "output") if one.file == "main.bicep"}
    assert outputs & azd_variables(INFRA) == set()


def test_names_begin_with_the_abbreviations_of_the_cloud_adoption_framework() -> None:
    abbreviations = {
        "Microsoft.Web/sites": "func-",
        "Microsoft.Web/serverfarms": "asp-",
        "Microsoft.Insights/components": "appi-",
        "Microsoft.Insights/actionGroups": "ag-",
        "Microsoft.OperationalInsights/workspaces": "log-",
        "Microsoft.Network/virtualNetworks": "vnet-",
        "Microsoft.Network/natGateways": "ng-",
        "Microsoft.Network/publicIPAddresses": "pip-",
        "Microsoft.Network/privateEndpoints": "pep-",
    }
    for one in declared(INFRA, "resource"):
        prefix = abbreviations.get(one.type.split("@")[0])
        if prefix and not one.existing:
            assert text(one.at("name")).strip("'").startswith(prefix), one.name
    given = {one.name: text(one.at("params.name")) for one in declared(INFRA, "module") if one.at("params.name")}
    assert given == {
        "identity": "'id-${token}'",
        "account": "'st${token}'",
        "accountOfSnapshots": "snapshotAccount",
        "vault": "'kv-${token}'",
        "topic": "'egst-${accountName}'",
    }


def late_locations(folder: Path) -> list[str]:
    """Locations that are only known during the deployment: the platform wants them before."""
    early = {"location", "global"}
    return [
        f"{one.file}: {one.name}"
        for one in declared(folder, "resource")
        if one.at("location") is not None and text(one.at("location")) not in early
    ]


def test_every_location_is_known_before_the_deployment() -> None:
    assert late_locations(INFRA) == []


def test_a_location_that_is_known_too_late_is_noticed(broken: Breaking) -> None:
    folder = broken(
        (
            "modules/network.bicep",
            "location: location\n  tags: tags\n  sku",
            "location: network.location\n  tags: tags\n  sku",
        )
    )
    assert late_locations(folder) == ["modules/network.bicep: address", "modules/network.bicep: wayOut"]


# What Azure refuses from a day on that it has announced: versions before this one. Of Key Vault from February 27, 2027.
OLDEST = {"Microsoft.KeyVault": "2026-02-01"}


def retiring(folder: Path) -> list[str]:
    """Resources whose API version Azure has announced to refuse."""
    problems = []
    for one in declared(folder, "resource"):
        type_, _, version = one.type.partition("@")
        if version < OLDEST.get(type_.split("/")[0], ""):
            problems.append(f"{one.file}: {one.name} has the API version {version}")
    return problems


def test_no_resource_has_an_api_version_that_azure_is_about_to_refuse() -> None:
    assert retiring(INFRA) == []


def test_an_api_version_that_azure_is_about_to_refuse_is_noticed(broken: Breaking) -> None:
    folder = broken(("modules/vault.bicep", "vaults/secrets@2026-02-01", "vaults/secrets@2023-07-01"))
    assert retiring(folder) == ["modules/vault.bicep: clientSecret has the API version 2023-07-01"]


def test_everything_that_can_have_tags_has_those_of_azd() -> None:
    without = {"config", "basicPublishingCredentialsPolicies", "roleAssignments", "eventSubscriptions", "subnets"}
    without |= {
        "blobServices",
        "containers",
        "queueServices",
        "queues",
        "tableServices",
        "tables",
        "managementPolicies",
    }
    without |= {"secrets", "diagnosticSettings", "privateDnsZoneGroups"}
    for one in declared(INFRA, "resource"):
        if not one.existing and one.type.split("@")[0].rsplit("/", 1)[-1] not in without:
            assert "tags" in text(one.at("tags")), f"{one.file}: {one.name}"
    tags = next(one for one in declared(INFRA, "var") if one.name == "tags")
    assert text(tags.at("azd-env-name")) == "environmentName"

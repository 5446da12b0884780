"""The app's identity has the roles that the code needs, where it needs them, and none more."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.infra.bicep import INFRA, Declared, Written, declared, resources, text
from tests.infra.conftest import Breaking, Change

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"

# The ids of built-in roles are the same everywhere.
ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
NAMES = {id_: name for name, id_ in ROLES.items()}


class Grant(NamedTuple):
    """A role on one thing."""

    role: str
    on: str
    file: str


# What the code does that needs each of them.
NEEDED = {
    Grant("Storage Blob Data Owner", "storageAccounts", "modules/storage.bicep"): (
        "the host keeps leases, keys and timers in containers that it makes; `Storage.container` makes ours; "
        "batch files are written and deleted"
    ),
    Grant("Storage Queue Data Contributor", "storageAccounts", "modules/storage.bicep"): (
        "`Storage.queue` makes and fills queues; the host reads them, and makes that of the blob trigger"
    ),
    Grant("Storage Table Data Contributor", "storageAccounts", "modules/storage.bicep"): (
        "`Storage.table` makes tables; all state is rows"
    ),
    Grant("Storage Blob Data Reader", "containers", "modules/snapshots.bicep"): (
        "`SegmentCatalog` and the readers of partitions: `Storage.others_container`, never written"
    ),
    Grant("Storage Queue Data Contributor", "queues", "modules/snapshots.bicep"): (
        "the host puts blob events aside there that failed again and again"
    ),
    Grant("Key Vault Secrets Officer", "vaults", "modules/vault.bicep"): (
        "`Secrets` reads, writes, disables, deletes and purges the tokens of connections"
    ),
    Grant("Monitoring Metrics Publisher", "components", "modules/monitoring.bicep"): (
        "the host and the worker send telemetry without a key"
    ),
}


def granted(folder: Path) -> Counter[Grant]:
    """Every role that is given, to whomever; one in a loop once for each turn."""
    grants: Counter[Grant] = Counter()
    for one in resources(folder, ASSIGNMENT):
        scope = text(one.at("scope"))
        for role in _roles(folder, one):
            grants[Grant(NAMES.get(role, role), _kind(folder, one.file, scope), one.file)] += 1
    return grants


def wrong_roles(folder: Path) -> list[str]:
    """Roles that are missing, given twice or too many, and those that go to somebody else."""
    found = granted(folder)
    problems = [f"missing: {one.role} on {one.on} ({one.file})" for one in NEEDED.keys() - found.keys()]
    problems += [f"not needed: {one.role} on {one.on} ({one.file})" for one in found.keys() - NEEDED.keys()]
    problems += [f"given twice: {one.role} on {one.on}" for one, times in found.items() if times > 1]
    for one in resources(folder, ASSIGNMENT):
        who = text(one.at("properties.principalId")), one.at("properties.principalType")
        if who != ("principalId", "ServicePrincipal"):
            problems.append(f"to somebody else: {one.name} ({one.file})")
    for module in declared(folder, "module"):
        principal = module.at("params.principalId")
        if principal is not None and text(principal) != "identity.outputs.principalId":
            problems.append(f"to somebody else: {module.name} (main.bicep)")
    return sorted(problems)


def _roles(folder: Path, assignment: Declared) -> list[str]:
    """The ids of the roles: written, or the value of a variable, or each of a list that is looped over."""
    definition = text(assignment.at("properties.roleDefinitionId"))
    match = re.fullmatch(
        r"subscriptionResourceId\('Microsoft\.Authorization/roleDefinitions', ('?)([\w-]+)\1\)", definition
    )
    assert match, definition
    variables = {one.name: one.value for one in declared(folder, "var") if one.file == assignment.file}
    chosen: Any = match[2]
    if assignment.looped:
        chosen = variables[assignment.looped]
    every = chosen if isinstance(chosen, list) else [Written(chosen)]
    return [str(variables.get(text(one), text(one))) for one in every]


def _kind(folder: Path, file: str, symbol: str) -> str:
    """The last part of the type of the resource that a symbol of a file stands for; a group's or more where none is."""
    found = [one for one in declared(folder, "resource") if (one.file, one.name) == (file, symbol)]
    return found[0].type.split("@")[0].rsplit("/", 1)[-1] if found else f"everything in {symbol}"


def test_every_role_that_the_code_needs_is_granted_and_none_more() -> None:
    assert wrong_roles(INFRA) == []


SECRETS = ("modules/vault.bicep", ROLES["Key Vault Secrets Officer"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("modules/storage.bicep", "  tableDataContributor\n]", "]"),
            ["missing: Storage Table Data Contributor on storageAccounts (modules/storage.bicep)"],
        ),
        (
            ("modules/storage.bicep", "  tableDataContributor\n]", "  tableDataContributor\n  'owner'\n]"),
            ["not needed: owner on storageAccounts (modules/storage.bicep)"],
        ),
        (
            ("modules/storage.bicep", "  tableDataContributor\n]", "  tableDataContributor\n  blobDataOwner\n]"),
            ["given twice: Storage Blob Data Owner on storageAccounts"],
        ),
        (
            (*SECRETS, "4633458b-17de-408a-b874-0445c86b69e6"),
            [
                "missing: Key Vault Secrets Officer on vaults (modules/vault.bicep)",
                "not needed: 4633458b-17de-408a-b874-0445c86b69e6 on vaults (modules/vault.bicep)",
            ],
        ),
        (
            ("modules/snapshots.bicep", "scope: segments", "scope: account"),
            [
                "missing: Storage Blob Data Reader on containers (modules/snapshots.bicep)",
                "not needed: Storage Blob Data Reader on storageAccounts (modules/snapshots.bicep)",
            ],
        ),
        (
            ("modules/vault.bicep", "  scope: vault\n  properties: {\n    roleDef", "  properties: {\n    roleDef"),
            [
                "missing: Key Vault Secrets Officer on vaults (modules/vault.bicep)",
                "not needed: Key Vault Secrets Officer on everything in None (modules/vault.bicep)",
            ],
        ),
        (
            ("modules/monitoring.bicep", "principalType: 'ServicePrincipal'", "principalType: 'User'"),
            ["to somebody else: maySend (modules/monitoring.bicep)"],
        ),
    ],
)
def test_a_wrong_role_is_noticed(broken: Breaking, change: Change, expected: list[str]) -> None:
    assert wrong_roles(broken(change)) == expected

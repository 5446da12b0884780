"""What must hold for the workflows of a tree: each finding is a sentence; none when all is well."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]
from ruamel.yaml import YAML

import dev

CI = ".github/workflows/ci.yml"
DEPLOY = ".github/workflows/azure-dev.yml"
SCHEMAS = {
    "vendor.github-workflows": (CI, DEPLOY),
    "custom.github-workflows-require-timeout": (CI, DEPLOY),
    "vendor.dependabot": (".github/dependabot.yml",),
    "vendor.github-issue-forms": (".github/ISSUE_TEMPLATE/problem.yml",),
}
# Every workflow has these from azd itself.
AZD_VARIABLES = {
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_ENV_NAME",
    "AZURE_LOCATION",
}
# The pipeline has no secret to sign in with. Whoever knows this address may post to it, so it is kept like one.
ADDRESSES = {"NOTIFICATION_WEB_ADDRESS"}
# Put there by the first deployment, which a person makes; empty leaves it as it is.
IN_THE_VAULT = {"CONSTANT_CONTACT_CLIENT_SECRET"}
_SECRET = re.compile(r"\bsecrets\.(\w+)")
_PINNED = re.compile(r"uses: ([\w.-]+/[\w.-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
_LOCAL = re.compile(r"uses: \./")


def findings(root: Path) -> list[str]:
    """All that is wrong."""
    return [
        *_schema_errors(root),
        *_weaknesses(root),
        *_not_pinned(root),
        *_wrong_rights(root),
        *_wrong_checks(root),
        *_wrong_settings(root),
    ]


def _schema_errors(root: Path) -> Iterator[str]:
    """Schemas are those of the check-jsonschema package: nothing is fetched."""
    for schema, files in SCHEMAS.items():
        for file in files:
            for error in _validator(schema).iter_errors(load(root / file)):
                yield f"{file}: {schema}: {error.instance_path}: {error.message}"


@functools.cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(get_builtin_schema(schema))


def _weaknesses(root: Path) -> Iterator[str]:
    """What zizmor finds, at its strictest: rights, injections, secrets that leak, actions that can be exchanged."""
    command = [str(dev.VENV_PYTHON.with_name("zizmor" + (".exe" if dev.WINDOWS else "")))]
    command += ["--offline", "--no-config", "--persona=auditor", "--strict-collection", "--format=json", "--quiet", "."]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        yield f"zizmor: {done.stdout}{done.stderr}"
        return
    for one in found:
        if not one["ignored"]:
            yield f"zizmor: {one['ident']}: {one['desc']}"


def _not_pinned(root: Path) -> Iterator[str]:
    """An action is named by commit, with its version beside it for people and for Dependabot."""
    for file in (CI, DEPLOY):
        for line in (root / file).read_text(encoding="utf-8").splitlines():
            if "uses: " in line and not _LOCAL.search(line) and not _PINNED.search(line):
                yield f"{file}: not pinned by commit with its version: {line.strip()}"


def _wrong_rights(root: Path) -> Iterator[str]:
    """Nothing may write; Azure alone is signed in to, by the job that deploys, and with no stored secret."""
    for file in (CI, DEPLOY):
        workflow = load(root / file)
        if workflow["permissions"] != {}:
            yield f"{file}: rights for every job"
        for name, job in workflow["jobs"].items():
            allowed = {"contents": "read"} | ({"id-token": "write"} if (file, name) == (DEPLOY, "deploy") else {})
            if job["permissions"] != allowed:
                yield f"{file}: the job {name} has the rights {job['permissions']}"
        if set(_SECRET.findall((root / file).read_text(encoding="utf-8"))) - ADDRESSES:
            yield f"{file}: a stored secret"
    if "pull_request" in load(root / DEPLOY)["on"]:
        yield f"{DEPLOY}: runs for pull requests"


def _wrong_checks(root: Path) -> Iterator[str]:
    """Each Python that the project knows is checked by .ci/run, before anything is deployed."""
    check = load(root / CI)["jobs"]["check"]
    pythons = {".".join(map(str, version)) for version in dev.VERSIONS}
    if set(check["strategy"]["matrix"]["python"]) != pythons:
        yield f"{CI}: not the Pythons {sorted(pythons)}"
    if not any(step.get("run") == ".ci/run" for step in check["steps"]):
        yield f"{CI}: does not call .ci/run"
    for step in check["steps"]:
        if str(step.get("run", "")).startswith("python3 dev.py") and step["run"].split()[2] not in dev.COMMANDS:
            yield f"{CI}: no command of dev.py: {step['run']}"
    jobs = load(root / DEPLOY)["jobs"]
    if jobs["check"].get("uses") != f"./{CI}" or jobs["deploy"].get("needs") != "check":
        yield f"{DEPLOY}: deploys what was not checked"


def _wrong_settings(root: Path) -> Iterator[str]:
    """What the templates ask for reaches them, from the environment of `azd` over what the repository keeps."""
    parameters = (root / "infra" / "main.parameters.json").read_text(encoding="utf-8")
    pipeline = load(root / "azure.yaml").get("pipeline", {})
    variables, secrets = set(pipeline.get("variables") or []), set(pipeline.get("secrets") or [])
    if missing := set(re.findall(r"\$\{(\w+)", parameters)) - AZD_VARIABLES - IN_THE_VAULT - variables - secrets:
        yield f"azure.yaml: `azd pipeline config` does not copy {sorted(missing)}"
    if secrets - ADDRESSES:
        yield f"azure.yaml: `azd pipeline config` copies the secrets {sorted(secrets - ADDRESSES)}"
    wanted = {name: f"${{{{ vars.{name} }}}}" for name in AZD_VARIABLES | variables}
    wanted |= {name: f"${{{{ secrets.{name} }}}}" for name in secrets}
    given = load(root / DEPLOY)["jobs"]["deploy"]["env"]
    if given != wanted:
        other = sorted(name for name, _ in given.items() ^ wanted.items())
        yield f"{DEPLOY}: not what azure.yaml has copied: {other}"


def load(file: Path) -> Any:
    """A YAML file (1.2: `on` is a word)."""
    return YAML(typ="safe").load(file)

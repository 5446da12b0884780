"""`python3 dev.py sbom`: what the deployed app consists of, in CycloneDX 1.6, with licences and hashes.

The packages and what needs what come from the environment that requirements.txt makes, the hashes from the lock, the
licences from release/licences.py. With Python 3.13 it is that of production.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

import dev
from release.licences import licences_of, normal
from release.lock import REQUIREMENTS, read_lock
from release.production import production_python

SBOM = dev.LOGS / "sbom.cdx.json"


class InvalidSbom(Exception):
    """It does not keep to the schema; the message says where."""


def make_sbom(python: Path) -> dict[str, Any]:
    """The bill of materials of the environment of this Python; InvalidSbom when it does not keep to the schema."""
    made = _inventory(python)
    hashes = {(one.name, one.version): one.hashes for one in read_lock()}
    licences = licences_of(python)
    for component in made["components"]:
        name = normal(component["name"])
        component["licenses"] = [_licence(licences[name])]
        component.setdefault("externalReferences", []).append(
            _files(component["purl"], hashes[name, component["version"]])
        )
    root = made["metadata"]["component"]["bom-ref"]
    needed = _needed_by_the_app()
    direct = sorted(one["bom-ref"] for one in made["components"] if normal(one["name"]) in needed)
    next(one for one in made["dependencies"] if one["ref"] == root)["dependsOn"] = direct
    check(made)
    return made


def check(made: dict[str, Any]) -> None:
    """InvalidSbom when it does not keep to the schema."""
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made))
    if problem is not None:
        raise InvalidSbom(str(problem))


def _inventory(python: Path) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "environment", str(python)]
    command += [
        "--pyproject",
        str(dev.ROOT / "pyproject.toml"),
        "--spec-version",
        "1.6",
        "--output-reproducible",
        "--no-validate",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(answer.stdout)
    return made


def _licence(expression: str) -> dict[str, Any]:
    if " " in expression:
        return {"expression": expression, "acknowledgement": "declared"}
    return {"license": {"id": expression, "acknowledgement": "declared"}}


def _files(purl: str, hashes: tuple[str, ...]) -> dict[str, Any]:
    """One of these is that of the file that pip has taken; which one depends on the system."""
    known = [dict(zip(("alg", "content"), ("SHA-256", one.removeprefix("sha256:")), strict=True)) for one in hashes]
    return {"type": "distribution", "url": purl, "comment": "files that the lock allows", "hashes": known}


def _needed_by_the_app() -> set[str]:
    lines = [line.strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {normal(one.name) for one in wanted if one.marker is None or one.marker.evaluate()}


def main(arguments: Sequence[str] = ()) -> int:
    """Write it; 1 when it would not keep to the schema."""
    argparse.ArgumentParser(prog="python3 dev.py sbom", description=__doc__).parse_args(arguments)
    try:
        made = make_sbom(production_python())
    except InvalidSbom as error:
        dev.say(f"The bill of materials does not keep to CycloneDX 1.6: {error}")
        return 1
    SBOM.write_text(json.dumps(made, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    dev.say(f"{len(made['components'])} packages. Written to {SBOM.relative_to(dev.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

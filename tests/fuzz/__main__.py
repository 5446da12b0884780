"""Fuzzes the targets one after the other: `python3 dev.py fuzz [--minutes M] [target ...]`.

Each target runs in a process of its own, guided by what its inputs reach (Atheris, libFuzzer). An input that crashes,
takes longer than ten seconds or more than 1 GiB is a finding: it is kept, told, and the exit code is 1. What a
target has learned is kept too, so that the next call goes on from there.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".local" / "fuzz"
NAMES = ("csv", "model", "paths", "email", "contacts", "answers", "tokens", "site")
_LONGEST_INPUT = 4_096
_SECONDS_AN_INPUT = 10
_MIB = 1_024


@dataclass(frozen=True)
class Result:
    """What fuzzing one target came to."""

    name: str
    executions: int
    seconds: float
    findings: tuple[Path, ...]
    said: str


def fuzz(name: str, seconds: float) -> Result:
    """Fuzz one target for so long, or until its first finding."""
    corpus, findings = KEPT / name / "corpus", KEPT / name / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(corpus)]
    command += [f"-max_total_time={max(1, round(seconds))}", f"-max_len={_LONGEST_INPUT}", f"-rss_limit_mb={_MIB}"]
    command += [
        f"-timeout={_SECONDS_AN_INPUT}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    counted = re.findall(r"stat::number_of_executed_units:\s*(\d+)", done.stdout) or re.findall(
        r"^#(\d+)", done.stdout, re.M
    )
    found = tuple(sorted(set(findings.iterdir()) - before))
    ended_badly = done.returncode != 0 and not found
    said = done.stdout if found or ended_badly else ""
    return Result(name, int(counted[-1]) if counted else 0, time.monotonic() - began, found, said)


def repeat(name: str, file: Path) -> int:
    """Give one input to one target; its error comes as it is."""
    return subprocess.run([sys.executable, "-m", "tests.fuzz.one", name, str(file)], cwd=ROOT, check=False).returncode


def say(text: str) -> None:
    """A line for the person who waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Fuzz, or repeat a finding; 1 on a finding, 2 where fuzzing is not possible."""
    parser = argparse.ArgumentParser(prog="python3 dev.py fuzz", description="Fuzz what reads others' input.")
    parser.add_argument("targets", nargs="*", metavar="target", help=f"one or more of: {', '.join(NAMES)}; all without")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long each target is fuzzed (default: 1)")
    parser.add_argument("--repeat", type=Path, metavar="FILE", help="give this input to the target, once")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.targets) - set(NAMES))
    if unknown:
        parser.error(f"there is no target {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if given.repeat and len(given.targets) != 1:
        parser.error("name the one target to repeat the input with")
    if importlib.util.find_spec("atheris") is None:
        say("Fuzzing needs Atheris, which is there for CPython 3.12 and 3.13 on Linux (x86-64); it is not installed.")
        return 2
    if given.repeat:
        return repeat(given.targets[0], given.repeat)
    code = 0
    say(f"{given.minutes:g} min for each target; a line comes when it is over")
    say(f"{'target':10}{'executions':>12}{'seconds':>9}{'findings':>10}")
    for name in given.targets or NAMES:
        result = fuzz(name, given.minutes * 60)
        say(f"{name:10}{result.executions:>12,}{result.seconds:>9.0f}{len(result.findings):>10}")
        if result.said:
            code = 1
            say("".join(f"  | {line}\n" for line in result.said.splitlines()[-40:] if not line.startswith("#")))
        for file in result.findings:
            say(f"  To repeat: python3 dev.py fuzz {name} --repeat {file}")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

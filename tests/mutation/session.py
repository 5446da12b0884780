"""The test session in which mutants are tried: a plugin of pytest that takes the place of its loop."""

from __future__ import annotations

import ast
import json
import os
import random
import signal
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.child import (
    SURVIVED,
    TIMED_OUT,
    Chosen,
    Functions,
    most_seconds,
    run_anew,
    run_in_child,
    run_tests,
)
from tests.mutation.executed import Executed, Run, Watch
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.page import FOLDERS, read_judgements
from tests.mutation.results import Outcome, Result, Results, say

# What the fixtures of the session gave: services that run until it ends.
_running: dict[str, object] = {}


@dataclass(frozen=True)
class Orders:
    """What to try: paths of modules or folders, how many mutants at once and of each module, with how long tests."""

    paths: tuple[str, ...]
    results: str
    jobs: int
    sample: int | None
    again: bool
    seconds: float

    @classmethod
    def read(cls) -> Orders:
        """From the environment that the command line has set."""
        given: dict[str, Any] = json.loads(os.environ["MUTATION_ORDERS"])
        return cls(**{**given, "paths": tuple(given["paths"])})

    def written(self) -> str:
        """For the environment."""
        return json.dumps(asdict(self))


class SharedServices:
    """Gives a session inside a child the services that run already."""

    def __init__(self, values: dict[str, object]) -> None:
        self._values = values

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> object | None:
        value = self._values.get(fixturedef.argname)
        if value is None or fixturedef.scope != "session":
            return None
        fixturedef.cached_result = (value, fixturedef.cache_key(request), None)  # type: ignore[arg-type]
        return value


class _Nothing:
    """A following test that keeps what belongs to the session, and nothing else."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session

    def listchain(self) -> list[object]:
        return [self._session]


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    """Remember what runs, for the sessions of children."""
    value = yield
    if fixturedef.scope == "session" and fixturedef.baseid.startswith("tests"):
        _running[fixturedef.argname] = value
    return value


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run each test once to see what it executes, then the mutants."""
    orders = Orders.read()
    root = Path.cwd()
    trial = Trial(session, orders, _executed(session, root, Path(orders.results).with_name("executed.json")), root)
    trial.try_all()
    return True


def _executed(session: pytest.Session, root: Path, file: Path) -> Executed:
    """Runs every test whose lines are not known yet, and at least one that starts the services."""
    executed = Executed.kept(file, root)
    watch = Watch(root, FOLDERS)
    new = [item for item in session.items if item.nodeid not in executed.runs]
    first = [item for item in session.items if "world" in getattr(item, "fixturenames", ())][:1]
    items = new or first
    nothing: Any = _Nothing(session)
    broken: list[str] = []
    if new:
        say(f"{len(new)} tests are run once, to see what each executes")
    with watch.watching():
        for number, item in enumerate(items):
            watch.begin()
            began = time.monotonic()
            following = items[number + 1] if number + 1 < len(items) else nothing
            reports = runtestprotocol(item, log=False, nextitem=following)
            failed = next((report for report in reports if report.failed), None)
            if failed:
                broken.append(f"{item.nodeid}\n{failed.longreprtext[-1500:]}")
            else:
                executed.runs[item.nodeid] = Run(time.monotonic() - began, watch.lines())
            if number % 100 == 99:
                say(f"  {number + 1} of {len(items)}")
    executed.keep(file)
    known = {item.nodeid for item in session.items}
    executed.runs = {test: run for test, run in executed.runs.items() if test in known}
    say(f"{len(executed.runs)} tests take {sum(run.seconds for run in executed.runs.values()):.0f} s")
    for one in broken:
        say(f"left out, because it fails without any change: {one}")
    return executed


class Trial:
    """Tries mutants, several at a time, and keeps what became of each."""

    def __init__(self, session: pytest.Session, orders: Orders, executed: Executed, root: Path) -> None:
        self._orders = orders
        self._executed = executed
        self._items = {item.nodeid: item for item in session.items}
        self._nothing: Any = _Nothing(session)
        self._plugin = SharedServices(_running)
        self._root = root
        self._functions = Functions(root)
        self._results = Results(Path(orders.results))
        self._judgements = read_judgements(root)
        paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
        self._sources = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}
        self._names: dict[str, set[tuple[str, int]]] = {}
        for path, source in self._sources.items():
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Name | ast.Attribute):
                    name = node.id if isinstance(node, ast.Name) else node.attr
                    self._names.setdefault(name, set()).add((path, node.lineno))
        self._under_way: dict[int, tuple[Mutant, Path, float, float]] = {}

    def try_all(self) -> None:
        """Every mutant that has no result yet."""
        wanted = list(self._wanted())
        say(f"{len(wanted)} mutants to try")
        for number, mutant in enumerate(wanted):
            tests = self._executed.tests_for(mutant, self._uses(mutant), self._orders.seconds)
            if not tests:
                self._keep(mutant, "survived", "no test executes it")
                continue
            while len(self._under_way) >= self._orders.jobs:
                self._wait()
            self._begin(mutant, tests)
            if number % 100 == 99:
                say(f"  {number + 1} of {len(wanted)}")
        while self._under_way:
            self._wait()

    def _wanted(self) -> Iterator[Mutant]:
        chosen = {p: s for p, s in self._sources.items() if any(p.startswith(path) for path in self._orders.paths)}
        for path, source in chosen.items():
            mutants = mutants_of(path, source)
            if self._orders.sample is not None and len(mutants) > self._orders.sample:
                mutants = random.Random(path).sample(mutants, self._orders.sample)
            for mutant in mutants:
                is_judged = any(one.is_about(mutant) for one in self._judgements)
                if not self._results.holds(mutant, again=self._orders.again and not is_judged):
                    yield mutant

    def _uses(self, mutant: Mutant) -> dict[str, set[int]]:
        """Where the name is used that a statement at the top of a module or class defines."""
        if mutant.function:
            return {}
        statement = "\n".join(self._sources[mutant.path].splitlines()[mutant.first - 1 : mutant.last])
        try:
            parsed = ast.parse(statement.strip().removeprefix("@"))
        except SyntaxError:
            return {}
        names = {node.id for node in ast.walk(parsed) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        uses: dict[str, set[int]] = {}
        for name in names:
            for path, line in self._names.get(name, ()):
                uses.setdefault(path, set()).add(line)
        return uses

    def _begin(self, mutant: Mutant, tests: list[str]) -> None:
        source = mutant.apply(self._sources[mutant.path])
        chosen = [Chosen(self._items[test], self._executed.runs[test].seconds) for test in tests]
        usual = sum(one.seconds for one in chosen)
        report = self._root / f".mutant-{len(self._under_way)}-{time.monotonic_ns()}"

        # What no test executes may have done its work on import.
        is_live = bool(self._executed.tests_executing(mutant))

        def work() -> int:
            code = compile(source, str(self._root / mutant.path), "exec", dont_inherit=True)
            if is_live and self._functions.put(code, mutant.function):
                return run_tests(chosen, self._nothing, report)
            return run_anew(mutant, source, tests, usual, self._plugin, report)

        process = run_in_child(work, report)
        until = time.monotonic() + 40 + len(chosen) * 6 + most_seconds(usual)
        self._under_way[process] = (mutant, report, until, time.monotonic())

    def _wait(self) -> None:
        """Until one of those under way has ended."""
        while True:
            for process, (mutant, report, until, began) in list(self._under_way.items()):
                ended, status = os.waitpid(process, os.WNOHANG)
                if not ended and time.monotonic() < until:
                    continue
                if not ended:
                    os.killpg(process, signal.SIGKILL)
                    os.waitpid(process, 0)
                    status = TIMED_OUT << 8
                del self._under_way[process]
                code = os.waitstatus_to_exitcode(status)
                how: Outcome = {SURVIVED: "survived", TIMED_OUT: "timed out"}.get(code, "killed")  # type: ignore[assignment]
                by = report.read_text(encoding="utf-8") if report.exists() else ""
                report.unlink(missing_ok=True)
                self._keep(mutant, how, by, time.monotonic() - began)
                return
            time.sleep(0.01)

    def _keep(
        self, mutant: Mutant, how: Literal["killed", "survived", "timed out"], by: str, seconds: float = 0
    ) -> None:
        self._results.add(Result(mutant.path, mutant.line, mutant.change, mutant.key, how, by, round(seconds, 2)))
        if how == "survived":
            say(f"survived: {mutant.path}: {mutant.line}   [{mutant.change}] {by}")

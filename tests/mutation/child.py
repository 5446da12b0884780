"""A process of its own for each mutant, forked from one in which the services run and the tests are collected."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest

from tests.mutation.mutants import Mutant

KILLED, SURVIVED, TIMED_OUT = 0, 10, 11
_OURS = ("exporters", "shared", "admin", "bench", "local", "tests", "function_app", "dev", "conftest")
# Somebody else's, but changed by ours on import.
_CHANGED_BY_OURS = ("email_validator",)
_MEMORY = 6 * 1024**3


@dataclass(frozen=True)
class Chosen:
    """A test to run: its item, and the seconds that it takes."""

    item: pytest.Item
    seconds: float


class Functions:
    """Every live function of the app, found by its code: decorated, bound or hidden in a model."""

    def __init__(self, root: Path) -> None:
        self._found: dict[tuple[str, str, int], list[FunctionType]] = {}
        self._caches: dict[int, Callable[[], None]] = {}
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(str(root)):
                self._found.setdefault(_place(one.__code__), []).append(one)
            elif isinstance(one, functools._lru_cache_wrapper):
                self._caches[id(one.__wrapped__)] = one.cache_clear

    def put(self, code: CodeType, qualified: str) -> bool:
        """Give the functions below `qualified` the code that they have in `code`; False where that cannot be done."""
        done = False
        for inner in _codes(code):
            if inner.co_qualname != qualified and not inner.co_qualname.startswith(f"{qualified}."):
                continue
            for function in self._found.get(_place(inner), []):
                try:
                    function.__code__ = inner
                except ValueError:
                    return False  # Its free variables are others now.
                # What was remembered comes from the code as it was.
                self._caches.get(id(function), _nothing)()
                done = True
        return done


def run_in_child(work: Callable[[], int], report: Path) -> int:
    """Fork; the child does `work` without a word and ends with its exit code. The child's process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings(action="ignore"):
        process = os.fork()  # Threads of the services' clients may be left; the child needs none of them.
    if process:
        return process
    code = KILLED
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        code = work()
    except BaseException as error:  # noqa: BLE001 - a mutant may raise anything at all
        with contextlib.suppress(OSError):
            report.write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
    finally:
        os._exit(code)


def give_up_after(seconds: float) -> None:
    """End this process as one that timed out, unless it is called again before."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(TIMED_OUT))
    signal.setitimer(signal.ITIMER_REAL, seconds)


def most_seconds(usual: float) -> float:
    """How long a test may take that usually takes so long."""
    return 6.0 + 5.0 * usual


def run_tests(chosen: Sequence[Chosen], nothing_next: pytest.Item, report: Path) -> int:
    """Run the tests up to the first that fails."""
    from _pytest.runner import runtestprotocol

    for number, one in enumerate(chosen):
        give_up_after(most_seconds(one.seconds))
        following = chosen[number + 1].item if number + 1 < len(chosen) else nothing_next
        if any(result.failed for result in runtestprotocol(one.item, log=False, nextitem=following)):
            report.write_text(one.item.nodeid, encoding="utf-8")
            return KILLED
    return SURVIVED


class _Mutated(importlib.machinery.SourceFileLoader):
    """Loads a module from a changed source."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_data(self, path: str) -> bytes:
        return self._source.encode() if path == self.path else super().get_data(path)

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError  # So that no compiled file is read or written.


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, path: str, source: str) -> None:
        self._name, self._path, self._source = name, path, source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Mutated(fullname, self._path, self._source)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def run_anew(mutant: Mutant, source: str, tests: Sequence[str], seconds: float, plugin: object, report: Path) -> int:
    """Import everything of ours anew with the changed module, and run the tests in a session of their own."""
    give_up_after(20 + most_seconds(seconds))
    for name in [name for name in sys.modules if name.partition(".")[0] in _OURS + _CHANGED_BY_OURS]:
        del sys.modules[name]
    name = mutant.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    sys.meta_path.insert(0, _Finder(name, str(Path(mutant.path).resolve()), source))
    ended = pytest.main([*tests, "-x", "-q", "-s", "-p", "no:cacheprovider"], plugins=[plugin])
    if ended == pytest.ExitCode.OK:
        return SURVIVED
    report.write_text(f"one of {len(tests)} tests" if ended == 1 else f"import ({ended})", encoding="utf-8")
    return KILLED


def _nothing() -> None:
    """There is no cache."""


def _codes(code: CodeType) -> list[CodeType]:
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return [*inner, *(deeper for one in inner for deeper in _codes(one))]


def _place(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno

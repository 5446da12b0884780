"""The developer's command: which Python it takes, what it keeps and makes anew, and what it says when it cannot."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dev
from tests import __main__ as running

needs_shell = pytest.mark.skipif(os.name == "nt", reason="the stand-ins for Pythons are shell scripts")


def call_dev(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(dev.ROOT / "dev.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def stand_in(folder: Path, name: str, answer: str) -> str:
    """An executable that answers as a Python of some version would."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return str(path)


def test_help_names_every_command_and_how_to_force_a_python() -> None:
    answer = call_dev("--help")

    assert answer.returncode == 0
    for word in (
        "dev.py up",
        "dev.py test",
        "dev.py bench",
        "dev.py soak",
        "dev.py fuzz",
        "dev.py mutate",
        "dev.py screenshots",
        "dev.py lock",
        "dev.py package",
        "dev.py sbom",
        "DEV_PYTHON",
        "DEV_CHROMIUM",
    ):
        assert word in answer.stdout


def test_an_unknown_command_is_refused_in_one_line() -> None:
    answer = call_dev("deploy")

    assert answer.returncode == 2
    assert len(answer.stdout.splitlines()) == 1
    assert "'deploy'" in answer.stdout


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("up", "local.up"),
        ("bench", "bench"),
        ("soak", "tests.faults.soak"),
        ("fuzz", "tests.fuzz"),
        ("mutate", "tests.mutation"),
        ("screenshots", "tests.browser.screenshots"),
        ("test", "tests"),
        ("lock", "release.lock"),
        ("package", "release.package"),
        ("sbom", "release.sbom"),
    ],
)
def test_a_command_goes_on_as_its_module_with_its_options(
    command: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(dev, "set_up", lambda: None)
    monkeypatch.setattr(dev, "set_up_chromium", lambda: None)
    monkeypatch.setattr(dev, "set_up_checkov", lambda: None)
    monkeypatch.setattr(dev, "run_module", lambda *given: called.append(given))

    dev.main([command, "--help"])

    assert called == [(module, ["--help"])]
    assert importlib.util.find_spec(module)


@pytest.mark.skipif(os.name == "nt", reason="there, SIGINT cannot be sent to one process")
def test_a_command_that_is_ended_by_ctrl_c_says_nothing_and_ends_with_exit_code_130(tmp_path: Path) -> None:
    # Where it is, it has not yet got to anything that could catch it.
    (tmp_path / "waiting.py").write_text("import sys\nprint(sys.argv[1:], flush=True)\nsys.stdin.read()\n")
    go_on = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(dev.ROOT)!r})
import dev
dev.VENV_PYTHON = Path(sys.executable)
dev.run_module("waiting", ["--option", "a value"])
"""
    command = [sys.executable, "-c", go_on]
    pipe, environment = subprocess.PIPE, {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        assert process.stdout
        assert process.stdout.readline() == "['--option', 'a value']\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (130, "")


def test_a_forced_python_that_does_not_fit_is_named() -> None:
    answer = call_dev("up", DEV_PYTHON="/nowhere/python3.13")

    assert answer.returncode == 1
    assert "DEV_PYTHON is set to /nowhere/python3.13" in answer.stdout


@needs_shell
def test_the_newest_python_that_fits_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEV_PYTHON", raising=False)
    pythons = [
        stand_in(tmp_path, "older", "3 11 9 /base/older"),
        stand_in(tmp_path, "newest", "3 12 4 /base/newest"),
        stand_in(tmp_path, "too new", "3 14 0 /base/too-new"),
        stand_in(tmp_path, "too old", "3 10 2 /base/too-old"),
        stand_in(tmp_path, "no wheels", "3 13 0 "),
        stand_in(tmp_path, "broken", "Illegal instruction"),
        str(tmp_path / "missing"),
    ]
    monkeypatch.setattr(dev, "candidates", lambda: pythons)

    assert dev.find_python() == ((3, 12, 4), "/base/newest")


@needs_shell
def test_without_a_python_that_fits_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEV_PYTHON", raising=False)
    monkeypatch.setattr(dev, "candidates", lambda: [stand_in(tmp_path, "too old", "3 9 2 /base")])

    with pytest.raises(dev.SetUpError, match=r"CPython 3\.13, 3\.12 or 3\.11 is needed(?s:.*)Install one"):
        dev.find_python()


@needs_shell
def test_pythons_of_pyenv_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "versions" / "3.12.7" / "bin").mkdir(parents=True)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    assert str(tmp_path / "versions" / "3.12.7" / "bin" / "python") in dev.candidates()


def test_a_complete_installation_is_kept_until_what_it_is_made_from_changes(tmp_path: Path) -> None:
    made: list[str] = []

    for made_from in ["pins", "pins", "other pins", "other pins"]:
        dev.keep_or_make(tmp_path, made_from, lambda of=made_from: made.append(of))  # type: ignore[misc]

    assert made == ["pins", "other pins"]


def test_an_installation_that_was_interrupted_is_made_anew(tmp_path: Path) -> None:
    made: list[str] = []

    def be_interrupted() -> None:
        raise KeyboardInterrupt

    dev.keep_or_make(tmp_path, "pins", lambda: made.append("first"))
    with pytest.raises(KeyboardInterrupt):
        dev.keep_or_make(tmp_path, "other pins", be_interrupted)
    dev.keep_or_make(tmp_path, "pins", lambda: made.append("again"))

    assert made == ["first", "again"]


def test_the_fingerprint_changes_with_the_pins_and_the_python_and_not_with_line_ends(tmp_path: Path) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_bytes(b"one==1\ntwo==2\n")
    before = dev.fingerprint([pins], (3, 13, 0))

    assert dev.fingerprint([pins], (3, 12, 0)) != before
    pins.write_bytes(b"one==1\r\ntwo==2\r\n")
    assert dev.fingerprint([pins], (3, 13, 0)) == before
    pins.write_bytes(b"one==1\ntwo==3\n")
    assert dev.fingerprint([pins], (3, 13, 0)) != before


def test_the_set_up_lock_is_held_by_one_process_and_freed_when_that_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "set-up.lock"
    hold = f"""
import sys
sys.path.insert(0, {str(dev.ROOT)!r})
import dev
with open({str(lock)!r}, "a+b") as lock:
    print(dev.locked(lock.fileno()), flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", hold]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        with lock.open("a+b") as second:
            assert not dev.locked(second.fileno())
        holder.kill()

    with lock.open("a+b") as second:
        assert dev.locked(second.fileno())


def test_a_failing_step_is_told_with_its_command_and_its_last_lines(capsys: pytest.CaptureFixture[str]) -> None:
    program = "print('no route to the index'); raise SystemExit(3)"

    with pytest.raises(dev.SetUpError) as failure:
        dev.step("Installing the Python packages", [sys.executable, "-c", program])

    assert "exit code 3" in str(failure.value)
    assert "no route to the index" in str(failure.value)
    assert capsys.readouterr().out == "Installing the Python packages ... failed\n"


def test_a_step_that_does_not_end_is_ended_and_told_with_what_it_has_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # A bare interpreter has said it long before, on the slowest machine.
    monkeypatch.setattr(dev, "STEP_SECONDS", 3)
    program = "print('Looking in an index', flush=True); import time; time.sleep(600)"

    with pytest.raises(dev.SetUpError, match=r"(?s)took longer than .* minutes and was ended.*Looking in an index"):
        dev.step("Installing the Python packages", [sys.executable, "-I", "-S", "-c", program])


def test_npm_packages_are_installed_with_a_cache_inside_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    environments: list[dict[str, str]] = []
    monkeypatch.setattr(dev, "VENV_PYTHON", Path(sys.executable))
    monkeypatch.setattr(dev, "step", lambda *_, folder, environment: environments.append(environment))

    dev.install_npm_packages()

    assert [one["npm_config_cache"] for one in environments] == [str(dev.ROOT / ".local" / "npm")]


def test_the_help_of_the_tests_is_shown_without_running_any(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "check", lambda: pytest.fail("it has checked"))

    assert running.main(["infra", "--help"]) == 0
    assert "python3 dev.py test exporters" in capsys.readouterr().out


def test_the_tests_stop_at_the_first_check_that_fails_and_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.py").write_text("import os\n")
    monkeypatch.setattr(dev, "ROOT", tmp_path)

    assert running.main([]) == 1

    said = capsys.readouterr().out
    assert "F401" in said
    assert "ruff check failed" in said
    assert "mypy" not in said


@pytest.mark.parametrize(
    ("arguments", "passed_on"),
    [
        (["infra"], ["tests/infra"]),
        (["infra", "-x", "tests/test_dev.py"], ["tests/infra", "-x", "tests/test_dev.py"]),
        (["elsewhere"], ["elsewhere"]),
        ([], list(running.ALL_TESTS)),
    ],
)
def test_the_name_of_a_folder_of_tests_stands_for_it(
    arguments: list[str], passed_on: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests" / "infra").mkdir(parents=True)
    monkeypatch.setattr(dev, "ROOT", tmp_path)

    assert running.pytest_command(arguments)[3:] == passed_on


class Steps:
    """Stands for the steps of a set-up: keeps the commands, and does nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.commands: list[list[str]] = []
        monkeypatch.setattr(dev, "step", lambda _, command, **__: self.commands.append(command))
        monkeypatch.setattr(dev, "find_python", lambda: ((3, 13, 0), "python3.13"))
        for name in ("VENV", "CHECKOV", "LOGS"):
            (folder / name).mkdir()
            monkeypatch.setattr(dev, name, folder / name)


def test_what_runs_is_installed_by_its_hashes_before_what_develops_it_and_held_at_those_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(monkeypatch, tmp_path)
    dev.install_requirements("python3.13", (3, 13, 0))

    _, production, development = steps.commands
    assert production[-3:] == ["--require-hashes", "-r", str(dev.PRODUCTION_PINS)]
    constraints = tmp_path / "LOGS" / "constraints.txt"
    assert development[-4:] == ["-c", str(constraints), "-r", str(dev.DEVELOPMENT_PINS)]
    assert "\nrequests==2." in constraints.read_text()


def test_constraints_have_names_versions_and_markers_and_no_hashes() -> None:
    one = "# said\none==1.0 \\\n    --hash=sha256:00\n    # via two\n"
    two = "two==2 ; python_version < '3.13' \\\n    --hash=sha256:11\n"

    assert dev.without_hashes(one + two) == "one==1.0\ntwo==2 ; python_version < '3.13'\n"


def test_checkov_is_installed_into_an_environment_of_its_own_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(monkeypatch, tmp_path)
    dev.set_up_checkov()
    dev.set_up_checkov()

    made, installed = steps.commands
    assert made[-1] == str(tmp_path / "CHECKOV")
    assert installed[0].startswith(str(tmp_path / "CHECKOV"))
    assert installed[-1] == str(dev.ROOT / "requirements-checkov.txt")


def test_npm_packages_are_locked_without_the_address_of_a_registry() -> None:
    assert '"resolved"' not in (dev.LOCAL / "package-lock.json").read_text(encoding="utf-8")


class AptGet:
    """Stands for apt-get: keeps what it was called with, and afterwards there is a browser."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, os_release: Path) -> None:
        self.calls: list[list[str]] = []
        self.browser: str | None = None
        os_release.write_text('PRETTY_NAME="Debian"\nID=debian\n')
        monkeypatch.setattr(dev, "OS_RELEASE", os_release)
        monkeypatch.setattr(dev, "step", self._step)
        monkeypatch.setattr(dev, "find_chromium", lambda: self.browser)
        monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")

    def _step(self, title: str, command: list[str], **_: object) -> None:
        self.calls.append(command)
        self.browser = "/usr/bin/chromium"


@pytest.fixture
def apt_get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AptGet:
    monkeypatch.setattr(dev, "WINDOWS", False)
    return AptGet(monkeypatch, tmp_path / "os-release")


def test_root_on_debian_gets_chromium_where_there_is_none(apt_get: AptGet, capsys: pytest.CaptureFixture[str]) -> None:
    dev.set_up_chromium()

    assert [command[:2] for command in apt_get.calls] == [["apt-get", "update"], ["apt-get", "install"]]
    assert "chromium" in apt_get.calls[1]
    assert not capsys.readouterr().out


def test_a_browser_that_is_there_is_taken_as_it_is(apt_get: AptGet) -> None:
    apt_get.browser = "/usr/bin/google-chrome"
    dev.set_up_chromium()

    assert apt_get.calls == []


@pytest.mark.parametrize("missing", ["root", "debian"])
def test_whoever_may_not_install_chromium_is_told_what_to_install(
    missing: str, apt_get: AptGet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing == "root":
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    else:
        dev.OS_RELEASE.write_text("ID=fedora\n")
    dev.set_up_chromium()

    assert apt_get.calls == []
    assert "Install Chromium or Google Chrome" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "needs_it"), [("up", False), ("bench", False), ("test", True)])
def test_only_what_opens_pages_sets_up_a_browser(command: str, needs_it: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up: list[str] = []
    monkeypatch.setattr(dev, "set_up", lambda: None)
    monkeypatch.setattr(dev, "set_up_chromium", lambda: set_up.append(command))
    monkeypatch.setattr(dev, "set_up_checkov", lambda: None)
    monkeypatch.setattr(dev, "run_module", lambda *_: 0)

    dev.main([command])

    assert bool(set_up) == needs_it


def test_the_browser_that_the_environment_names_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV_CHROMIUM", "/opt/browser")

    assert dev.find_chromium() == "/opt/browser"

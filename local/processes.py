"""Child processes: started with a log each, ended by their own pid, never outliving the process that started them."""

from __future__ import annotations

import os
import random
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

END_SECONDS = 5.0
READY_SECONDS = 60.0
LOG_TAIL_LINES = 20

# Below the ranges from which Linux (32768), macOS and Windows (49152) take ports for outgoing connections, so that a
# port found free is not taken by a client between looking and listening.
_PORTS = range(20_000, 32_000)
_PORTS_A_BLOCK = 20
_ROOT = Path(__file__).resolve().parent.parent


class ProcessError(RuntimeError):
    """A child process did not start or has ended by itself; the message names it and shows the end of its log."""


def free_ports(count: int, *, besides: Collection[int | None] = ()) -> list[int]:
    """Different TCP ports of the loopback interface on which nothing listens now, none of those in `besides`.

    No other process gets them from this function as long as this one lives.
    """
    found: list[int] = []
    with _own_ports_lock:
        while len(found) < count:
            port = next(_own_ports)
            if port not in besides and port_is_free(port):
                found.append(port)
    return found


def _take_blocks() -> Iterator[int]:
    """The ports of one block after the other; a socket bound to a block's first port keeps other processes from it."""
    guards = []
    while True:
        first = random.choice(range(_PORTS.start, _PORTS.stop, _PORTS_A_BLOCK))
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.1", first))
        except OSError:
            guard.close()
            continue
        guards.append(guard)
        yield from range(first + 1, first + _PORTS_A_BLOCK)


_own_ports = _take_blocks()
_own_ports_lock = threading.Lock()


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket() as probe:
        if os.name != "nt":
            # As servers do: a port whose last connections are still closing counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a Python module as a child and ends it when its parent is gone, however that ended."""
    # -P: the folder from which the stand was started is not searched for modules; PYTHONPATH says where ours are.
    return [sys.executable, "-P", "-m", "local.processes", module, *arguments]


class Child:
    """One process started by this one. It can be started again after it has ended; its log is appended to."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        port: int,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.port = port
        self._command = list(command)
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        own = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
        self._environment = {**os.environ, **own, **(environment or {})}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process without waiting for it to be ready.

        A session (on Windows: a group) of its own keeps Ctrl-C away from it: the stand ends its children in order.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    @property
    def pid(self) -> int | None:
        """The process id, or None before the first start."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs or before the first start."""
        return self._process.poll() if self._process else None

    def wait_until_listening(self, seconds: float = READY_SECONDS) -> None:
        """Return when the port of the process accepts a connection; ProcessError when it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not _listens(self.port):
            if self.exit_code is not None:
                raise self.failure()
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{self.name} did not listen on port {self.port} within {seconds:.0f} s.{self.log_tail()}"
                )
            time.sleep(0.02)

    def failure(self) -> ProcessError:
        """The error that says that this process has ended by itself, with the end of its log."""
        return ProcessError(f"{self.name} ended {self.how_it_ended}.{self.log_tail()}")

    @property
    def how_it_ended(self) -> str:
        """By which signal or with which exit code this process has ended."""
        code = self.exit_code
        if code is None or code >= 0:
            return f"with exit code {code}"
        return f"by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"by signal {-code}"

    def log_tail(self, besides: str | None = None) -> str:
        """The last lines of the log under a heading, without those that hold `besides`; or that it is empty."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        shown = [line for line in lines if besides is None or besides not in line]
        return "\n".join(["", "The end of its log:", *shown[-LOG_TAIL_LINES:]]) if shown else " Its log is empty."


def end(children: Iterable[Child]) -> None:
    """End these processes: all are asked at once, those still there after 5 seconds are killed.

    Returns when each has ended. A process that has ended already or was never started is left alone.
    """
    running = [child._process for child in children if child._process]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + END_SECONDS
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end_with_parent() -> None:
    """Wait for the end of standard input, which the parent alone holds open, then end this process."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(END_SECONDS)
    os._exit(1)


def _run_module() -> None:
    """Become the module named on the command line; the entry point of `module_command`."""
    module = sys.argv[1]
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run_module()

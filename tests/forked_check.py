"""Clean processes without their start: forks of one that has imported Keras and nothing else.

A download is asked in a clean process of plain Keras, which imports TensorFlow anew each time: 3 to 4 s of work for
half a second of answers. Tests of something else than that start let a fork answer. It is of a process that began as
the real one does (`python -I`, nothing of Layerwise on its path), has computed nothing, and gets the command, folder,
environment and log of the real one.

Run as `python -I forked_check.py SOCKET` it is that process; it ends when its standard input does.
"""

import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any


class Forked:
    """A fork that runs a script: as much of `subprocess.Popen` as a check needs."""

    def __init__(self, args: list[str], connection: socket.socket) -> None:
        self.args, self.returncode = args, None
        self._connection, self._told = connection, connection.makefile("r", encoding="utf-8")
        self.pid = int(self._told.readline())

    def poll(self) -> int | None:
        """Return how it ended, if it has."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; raises `TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            self.returncode = int(self._told.readline())
            self._told.close()
            self._connection.close()
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Forks:
    """The process that forks; it is started by the first question."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="layerwise-forks-")

    def popen(self, command: list[str], *, cwd: Path, env: dict[str, str], stdout: Any, **_streams: Any) -> Forked:
        """Do what `subprocess.Popen` does with `python -I SCRIPT ...`; the log takes errors too."""
        assert command[:2] == [sys.executable, "-I"], command
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._serving(env))
        told = {"arguments": command[2:], "folder": str(cwd), "environment": env, "log": stdout.name}
        connection.sendall(json.dumps(told).encode() + b"\n")
        return Forked(command, connection)

    def close(self) -> None:
        """End the process that forks."""
        if self._server:
            self._server.communicate(timeout=60)
        self._folder.cleanup()

    def _serving(self, environment: dict[str, str]) -> str:
        address = str(Path(self._folder.name) / "socket")
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-I", __file__, address], cwd=self._folder.name, text=True,
                env=environment | {"HOME": self._folder.name}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            assert self._server.stdout
            assert self._server.stdout.readline() == "ready\n"
        return address


def _serve(address: str) -> None:
    import keras  # noqa: F401 - what every fork finds imported

    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)  # noqa: T201 - the one who started it waits for this line
        while True:
            ready = select.select([0, listener], [], [])[0]
            if listener in ready:
                connection = listener.accept()[0]
                if os.fork() == 0:
                    listener.close()
                    _accompany(connection)
                connection.close()
            elif 0 in ready:
                return


def _accompany(connection: socket.socket) -> None:
    """Fork once more, tell the number of that process and then how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    told = json.loads(connection.makefile("r", encoding="utf-8").readline())
    pid = os.fork()
    if pid == 0:
        connection.close()
        _run(told)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(b"%d\n" % pid)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os._exit(0)


def _run(told: dict[str, Any]) -> None:
    """Become the process that was asked for."""
    code = 0
    try:
        streams = os.open(os.devnull, os.O_RDONLY), os.open(told["log"], os.O_WRONLY | os.O_APPEND)
        for stream, place in zip((streams[0], streams[1], streams[1]), (0, 1, 2), strict=True):
            os.dup2(stream, place)
        os.chdir(told["folder"])
        os.environ.clear()
        os.environ.update(told["environment"])
        sys.argv[:] = told["arguments"]
        runpy.run_path(told["arguments"][0], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001 - as Python ends a script: the trace goes to the log
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])

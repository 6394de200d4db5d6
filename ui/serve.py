"""Start the studio: `python -m ui.serve --address 127.0.0.1 --port 8501`; the next port where that one is taken."""

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

from recipes.configuration import check_or_exit

ROOT = Path(__file__).resolve().parents[1]
PORTS_TRIED = 50
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
LONGEST_START = 60.0


def main(arguments: list[str] | None = None) -> None:
    """Choose a port and become the server."""
    parser = argparse.ArgumentParser(prog="python -m ui.serve", description="Start Layerwise in the browser.")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen; 0.0.0.0 for every machine around")
    parser.add_argument("--port", type=int, default=8501)
    told = parser.parse_args(arguments)
    check_or_exit()
    port = free_port(told.address, told.port)
    if port != told.port:
        print(f"Port {told.port} is taken; using {port}.", flush=True)  # noqa: T201 - what the person waits for
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "asgi.py")]
    options = {"server.address": told.address, "server.port": port, "logger.hideWelcomeMessage": "true"}
    os.chdir(ROOT)  # .streamlit/config.toml is read from here
    os.execv(sys.executable, [*command, *(f"--{name}={value}" for name, value in options.items())])  # noqa: S606


def free_port(address: str, first: int) -> int:
    """Return the first free port from `first` on."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in range(first, first + PORTS_TRIED):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    sys.exit(f"The ports {first} to {first + PORTS_TRIED - 1} are all taken. Choose another: make run PORT=9000")


async def announce(address: str, port: int) -> None:
    """Print the address in one line, as soon as somebody answers there."""
    host = "127.0.0.1" if address in EVERYWHERE else address
    async with asyncio.timeout(LONGEST_START):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
    shown = f"[{host}]" if ":" in host else host
    print(f"Layerwise is open at http://{shown}:{port}  (Ctrl-C ends it; running trainings go on)", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

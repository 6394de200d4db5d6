"""Serve a finished run: `python -m exporters.service RUN [--host 127.0.0.1] [--port 8600]`."""

import argparse
import sys

import uvicorn

from exporters.service import app_of, run_of
from recipes import Refusal


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; status 2 where there is nothing to serve."""
    parser = argparse.ArgumentParser(prog="python -m exporters.service", description="Serve a finished run's model.")
    parser.add_argument("run", help="the run's folder, or its id as it stands in the page's address")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8600)
    told = parser.parse_args(arguments)
    try:
        app = app_of(run_of(told.run))
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 2
    uvicorn.run(app, host=told.host, port=told.port, log_level="info")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A job service that speaks as Ray's does: jobs are shell lines that it really runs, on this machine."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "the-token"


class Service(ThreadingHTTPServer):
    """Answers on a free port of this machine; `places` jobs run at once, the others are PENDING."""

    daemon_threads = True

    def __init__(self, places=9):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.places = places
        self.jobs = {}
        self.running = {}
        self.asked = []
        self.silent = False
        """Answers nothing at all, as behind a broken line; what is asked is not heard either."""
        self.deaf_mute = False
        """Starts what is asked for, but the answer gets lost."""
        self.errors = {}
        self.lock = threading.RLock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def submit(self, job):
        name = job["submission_id"]
        if name in self.jobs:
            return 500, f"Job with submission_id {name} already exists"
        self.jobs[name] = job
        self.turn()
        return 200, {"submission_id": name}

    def turn(self):
        """Start what may start."""
        for name, job in self.jobs.items():
            busy = sum(process.poll() is None for process in self.running.values())
            if name not in self.running and busy < self.places:
                self.running[name] = subprocess.Popen(["/bin/sh", "-c", job["entrypoint"]], start_new_session=True)

    def look(self, name):
        self.turn()
        if name not in self.jobs:
            return 404, "Job does not exist"
        told = {"status": "PENDING", "driver_exit_code": None, "error_type": None}
        if name in self.running:
            code = self.running[name].poll()
            status = "RUNNING" if code is None else "SUCCEEDED" if code == 0 else "FAILED"
            told |= {"status": status, "driver_exit_code": code}
        return 200, told | self.errors.get(name, {})

    def stop(self, name):
        self.running[name].terminate()
        return 200, {"stopped": True}

    def end(self):
        self.shutdown()
        self.server_close()
        for process in self.running.values():
            process.kill()
            process.wait()


class _Handler(BaseHTTPRequestHandler):
    server: Service  # ty: ignore[incompatible-mutable-override]

    def do_GET(self):
        self._answer(
            lambda path: (200, {"ray_version": "2.60.0"}) if path[1] == "version" else self.server.look(path[2])
        )

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        self._answer(lambda path: self.server.stop(path[2]) if path[-1] == "stop" else self.server.submit(body))

    def _answer(self, work):
        server = self.server
        with server.lock:
            server.asked.append(f"{self.command} {self.path}")
            if server.silent:
                self.close_connection = True
                return
            code, told = 401, "no token"
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                code, told = work([part for part in self.path.split("/") if part])
            if server.deaf_mute and self.command == "POST":
                self.close_connection = True
                return
        data = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):  # noqa: A002 - its name above
        """Keep quiet."""

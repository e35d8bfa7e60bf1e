"""A manager of its own for each scenario: own data directory, own ports, real children. Waits poll for an
event with one generous deadline; everything started here is ended here, by pid."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_SECS = 60
PROGRAM = os.environ["SYSPULSE_PROGRAM"]


def until(condition, what, every=0.02):
    end = time.monotonic() + DEADLINE_SECS
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"waited {DEADLINE_SECS} s in vain: {what}")


def free_port():
    """Outside the range that the kernel gives to outgoing connections, so that nobody gets it before its owner."""
    while True:
        port = random.randrange(10000, 32768)
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return port


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def need(*programs):
    """Skips the scenario when a real component is not installed; in CI, where scripts/setup has installed it, that
    is a failure."""
    for program in programs:
        if not shutil.which(program) and not os.path.exists(program):
            assert not os.environ.get("CI"), f"{program} is not installed: run scripts/setup test"
            print(f"skipped: {program} is not installed")
            sys.exit(77)


def need_root():
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)


class Manager:
    def __init__(self, prefix="syspulse-it-"):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.root.chmod(0o711)
        self.data = self.root / "data"
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        if failure and failure is not SystemExit and self.process:
            self._explain()
            if self.process.poll() is not None:
                self.start()  # What this scenario left running is found and ended by a manager once more.
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE_SECS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        shutil.rmtree(self.root, ignore_errors=True)

    def _explain(self):
        """What a reader of a failed scenario's output wants to know."""
        for words in (("status",), ("events",)):
            print(*words, self.run(*words).stdout[-4000:], sep="\n")
        print("manager.log", (self.root / "manager.log").read_text(errors="replace")[-4000:], sep="\n")

    def launch(self, *flags, env=None):
        with open(self.root / "manager.log", "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "daemon", "--data-dir", self.data, *flags], stdout=log,
                                            stderr=log, env=env)

    def start(self, *flags, env=None):
        self.launch(*flags, env=env)
        until(lambda: self.run("ping").returncode == 0, "the manager answers")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_SECS) == 0, "SIGTERM ends the manager with 0"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def run(self, *words, **options):
        return subprocess.run([PROGRAM, "--data-dir", self.data, *map(str, words)], capture_output=True, text=True,
                              timeout=2 * DEADLINE_SECS, **options)

    def request(self, method, path, timeout=DEADLINE_SECS):
        """One request without the CLI: what a 200 said, or nothing."""
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(timeout)
                s.connect(str(self.data / "syspulse.sock"))
                s.sendall(f"{method} {path} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                answer = b""
                while part := s.recv(65536):
                    answer += part
        except OSError:
            return None
        head, _, body = answer.partition(b"\r\n\r\n")
        return json.loads(body or b"{}") if head.startswith(b"HTTP/1.1 200") else None

    def get(self, path, timeout=DEADLINE_SECS):
        return self.request("GET", path, timeout)

    def ok(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def fails(self, code, *words):
        done = self.run(*words)
        assert done.returncode == code, f"{words}: expected {code}, got {done.returncode}: {done.stdout}{done.stderr}"
        return done.stderr

    def spec_file(self, **daemons):
        """A spec file with these daemons; JSON is YAML."""
        file = self.root / f"spec-{time.monotonic_ns()}.yaml"
        file.write_text(json.dumps({"daemons": daemons}))
        return file

    def add(self, **daemons):
        """Registers daemons from a spec file."""
        return self.ok("add", "-f", self.spec_file(**daemons))

    def status(self, name):
        return json.loads(self.ok("--format", "json", "status", name))

    def wait_for(self, name, **fields):
        def reached():
            now = self.status(name)
            return now if all(now[k] == v for k, v in fields.items()) else None
        return until(reached, f"{name} becomes {fields}")

    def pid(self):
        """Of the manager itself; self.process is what was started."""
        return json.loads(self.ok("--format", "json", "info"))["pid"]

    def log(self, name, stream="stdout"):
        with contextlib.suppress(FileNotFoundError):
            return (self.data / "logs" / name / f"{stream}.log").read_text()
        return ""


def main(names):
    """Runs the scenario named on the command line: a function of the calling file that takes nothing."""
    scenarios = {n: f for n, f in names.items() if callable(f) and getattr(f, "__module__", "") == "__main__"}
    scenarios[sys.argv[1]]()

"""What the tests of the real program on Windows share: the program, a manager of it, and how to wait."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from windows_paths import windows_path  # noqa: F401

PROGRAM = os.environ["SYSPULSE_PROGRAM"]
CHILD = os.environ["SYSPULSE_CHILD"]
BUNDLED = pathlib.Path(PROGRAM).parent.parent / "lib/syspulse/plugins"
RUNNER = [os.environ["SYSPULSE_RUNNER"]] if os.environ.get("SYSPULSE_RUNNER") else []
PATIENCE = 90


class Manager:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="syspulse-windows-"))
        self.data = self.folder / "data dir"
        self.process = None
        self.trusted = None

    def trusted_folder(self):
        """One that nobody else can write to on the way, as plugins have to be in: the temporary ones are everybody's."""
        if not self.trusted:
            self.trusted = pathlib.Path(tempfile.mkdtemp(prefix="third party's ", dir=pathlib.Path(PROGRAM).parent.parent))
        return self.trusted

    def start(self, *flags, under=()):
        """`under`: the program that is to start it, with its own words."""
        log = open(self.folder / "manager.log", "ab")
        self.process = subprocess.Popen(RUNNER + [*under, windows_path(PROGRAM) if under else PROGRAM, "--data-dir", windows_path(self.data), "daemon", *flags],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("the manager answers", lambda: self.run("ping", check=False).returncode == 0)

    def run(self, *words, check=True, variables=()):
        done = subprocess.run(RUNNER + [PROGRAM, "--data-dir", windows_path(self.data), *words], capture_output=True,
                              text=True, encoding="utf-8", timeout=PATIENCE, stdin=subprocess.DEVNULL,
                              env={**os.environ, **dict(variables)})
        if check and done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}{self.log()}")
        return done

    def info(self):
        return json.loads(self.run("--format", "json", "info").stdout)

    def crash(self):
        """Ends the manager as a crash would, and waits for that; it must be one without a keeper."""
        end_process(self.info()["pid"])
        self.process.wait(PATIENCE)

    def status(self, name):
        return json.loads(self.run("--format", "json", "status", name).stdout)

    def goes_on(self, name, pid):
        """Waits until a manager has looked for the daemon's process, and that is the one of before."""
        wait_for(f"{name} has been looked for", lambda: self.status(name)["state"] != "starting")
        status = self.status(name)
        equal((name, status["state"], status["pid"], status["restart_count"]), (name, "running", pid, 0))

    def log(self):
        path = self.folder / "manager.log"
        return "\n-- the manager:\n" + path.read_text(errors="replace") if path.exists() else ""

    def add(self, name, words, **keys):
        spec = {"daemons": {name: {"command": [windows_path(CHILD), *words], **keys}}}
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(spec))
        return self.run("add", "-f", windows_path(path), check=False)

    def __enter__(self):
        if not self.process:
            self.start()
        return self

    def started(self, *flags, under=()):
        self.start(*flags, under=under)
        return self

    def __exit__(self, *failure):
        if self.process and self.process.poll() is None:
            self.run("shutdown", check=False)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if failure[0]:
            print(self.log())
        for folder in filter(None, (self.folder, self.trusted)):
            shutil.rmtree(folder, ignore_errors=True)


def system(*words):
    """A program of Windows."""
    return subprocess.run([*RUNNER, *words], capture_output=True, text=True, errors="replace", timeout=PATIENCE, stdin=subprocess.DEVNULL)


def end_process(pid, code=1):
    """As the task manager does, with the code that it would have."""
    equal(system(windows_path(CHILD), "kill", str(pid), str(code)).returncode, 0)


def lives(pid):
    return system(windows_path(CHILD), "lives", str(pid)).returncode == 0


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain until " + what)


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, expected {wanted!r}")


def holds(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def main(functions):
    functions[sys.argv[1]]()

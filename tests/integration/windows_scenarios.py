"""The real program on Windows, or under Wine: each function without parameters is one test."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

PROGRAM = os.environ["SYSPULSE_PROGRAM"]
CHILD = os.environ["SYSPULSE_CHILD"]
RUNNER = [os.environ["SYSPULSE_RUNNER"]] if os.environ.get("SYSPULSE_RUNNER") else []
PATIENCE = 90


def windows_path(path):
    """As the program sees a path of this machine: Wine shows the root as drive Z."""
    return str(path) if os.name == "nt" else "Z:" + str(path).replace("/", "\\")


class Manager:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="syspulse-windows-"))
        self.data = self.folder / "data dir"
        self.process = None

    def start(self):
        log = open(self.folder / "manager.log", "ab")
        self.process = subprocess.Popen(RUNNER + [PROGRAM, "--data-dir", windows_path(self.data), "daemon"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("the manager answers", lambda: self.run("ping", check=False).returncode == 0)

    def run(self, *words, check=True):
        done = subprocess.run(RUNNER + [PROGRAM, "--data-dir", windows_path(self.data), *words], capture_output=True,
                              text=True, encoding="utf-8", timeout=PATIENCE, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}{self.log()}")
        return done

    def status(self, name):
        return json.loads(self.run("--format", "json", "status", name).stdout)

    def log(self):
        path = self.folder / "manager.log"
        return "\n-- the manager:\n" + path.read_text(errors="replace") if path.exists() else ""

    def add(self, name, words, **keys):
        spec = {"daemons": {name: {"command": [windows_path(CHILD), *words], **keys}}}
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(spec))
        return self.run("add", "-f", windows_path(path), check=False)

    def __enter__(self):
        self.start()
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
        shutil.rmtree(self.folder, ignore_errors=True)


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


def a_daemon_lives_on_windows_from_add_to_stop():
    with Manager() as manager:
        equal(manager.add("web", ["tick"], stop_timeout_secs=20, restart_policy={
            "policy": "always", "backoff_base_secs": 0.1, "backoff_max_secs": 0.1}, health_check={
                "type": "command", "target": "exit 0", "interval_secs": 1}).returncode, 0)
        manager.run("start", "web", "--wait", "--timeout", "60")
        first = manager.status("web")
        equal((first["state"], first["driver"], first["health_status"]), ("running", "job", "healthy"))
        wait_for("its line is in the log", lambda: "tick" in manager.run("logs", "web").stdout)
        manager.run("signal", "web", "KILL")
        wait_for("it runs again", lambda: manager.status("web")["restart_count"] >= 1
                 and manager.status("web")["state"] == "running")
        second = manager.status("web")
        if second["pid"] == first["pid"]:
            raise AssertionError("the second run has the pid of the first")
        wait_for("its second line is in the log", lambda: manager.run("logs", "web").stdout.count("tick") >= 2)
        manager.run("stop", "web")
        equal(manager.status("web")["state"], "stopped")
        holds(manager.run("events", "--daemon", "web").stdout, "running")
        manager.run("remove", "web")
        equal(manager.run("status", "web", check=False).returncode, 4)


def a_log_on_windows_rotates_while_it_is_written():
    with Manager() as manager:
        equal(manager.add("loud", ["lines", "4000"], log_config={"max_size_bytes": "8K", "retain_count": 100}).returncode, 0)
        manager.run("start", "loud")
        wait_for("it has ended", lambda: manager.status("loud")["state"] == "stopped")
        lines = manager.run("logs", "loud", "-n", "5000").stdout.split("\n")[:-1]
        equal(lines, [f"line {i}" for i in range(4000)])
        files = [p.name for p in (manager.data / "logs/loud").iterdir() if p.name.startswith("stdout.log")]
        if len(files) < 3:
            raise AssertionError(f"nothing was rotated: {files}")


def exit_codes_of_windows_are_told_readably():
    with Manager() as manager:
        equal(manager.add("crash", ["crash"]).returncode, 0)
        manager.run("start", "crash")
        wait_for("it has failed", lambda: manager.status("crash")["state"] == "failed")
        holds(manager.run("status", "crash").stdout, "0xC0000005 (access violation)")


def what_windows_has_not_is_refused_with_an_alternative():
    with Manager() as manager:
        for keys, words in (({"user": "somebody"}, "run a manager as that user"),
                            ({"driver": "cgroup"}, "on Windows use job"),
                            ({"driver": "posix"}, "on Windows use job"),
                            ({"stop_signal": "SIGUSR1"}, "use one of SIGINT, SIGKILL, SIGTERM")):
            refused = manager.add("odd", ["sleep"], **keys)
            equal(refused.returncode, 2)
            holds(refused.stderr, words)
        script = manager.folder / "odd.yaml"
        script.write_text(json.dumps({"daemons": {"odd": {"command": ["C:\\a.bat"]}}}))
        manager.run("add", "-f", windows_path(script))
        failed = manager.run("start", "odd", check=False)
        equal(failed.returncode, 2)
        holds(failed.stderr, "cmd.exe")


def a_second_manager_on_windows_is_refused():
    with Manager() as manager:
        second = manager.run("daemon", check=False)
        equal(second.returncode, 5)
        holds(second.stderr, "another manager (pid ")


def daemons_on_windows_outlive_a_manager_that_goes():
    with Manager() as manager:
        equal(manager.add("keep", ["sleep"]).returncode, 0)
        manager.run("start", "keep", "--wait", "--timeout", "60")
        before = manager.status("keep")["pid"]
        time.sleep(6)  # The driver lets a job outlive its manager five seconds after the start.
        manager.run("shutdown", "--keep-running")
        manager.process.wait(PATIENCE)
        manager.start()
        after = manager.status("keep")
        equal((after["state"], after["pid"]), ("running", before))
        manager.run("stop", "keep", "--force")
        equal(manager.status("keep")["state"], "stopped")


if __name__ == "__main__":
    globals()[sys.argv[1]]()

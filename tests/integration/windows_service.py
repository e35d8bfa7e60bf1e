"""The manager as a service of Windows, or of Wine's services: each function without parameters is one test."""
import json
import os
import pathlib
import shutil
import tempfile

from windows_harness import CHILD, RUNNER, Manager, end_process, equal, holds, lives, main, skip, system, wait_for, windows_path


def state(name):
    words = system("sc", "query", name).stdout.split()
    return next((word for word in words if word.replace("_", "").isalpha() and word.isupper() and word.endswith(("ED", "ING"))), "")


def a_service_starts_its_daemons_and_stops_them():
    manager = Manager()
    name = f"syspulse-test-{os.getpid()}"
    spec = manager.folder / "daemons with blanks.yaml"
    spec.write_text(json.dumps({"daemons": {"web": {"command": [windows_path(CHILD), "sleep"], "autostart": True,
                                                    "stop_timeout_secs": 5}}}))
    try:
        wrong = manager.folder / "wrong.yaml"
        wrong.write_text(spec.read_text().replace('"autostart"', '"driver": "jop", "autostart"'))
        refused = manager.run("service", "install", "--name", name, "--config", windows_path(wrong), check=False)
        equal((refused.returncode, state(name)), (2, ""))
        holds(refused.stderr, 'unknown driver "jop"')
        installed = manager.run("service", "install", "--name", name, "--config", windows_path(spec))
        holds(installed.stdout, f"service {name}: installed")
        taken = manager.run("service", "install", "--name", name, check=False)
        equal(taken.returncode, 5)
        holds(taken.stderr, "choose another --name")
        equal(state(name), "STOPPED")
        equal(system("sc", "start", name).returncode, 0)
        wait_for("it runs", lambda: state(name) == "RUNNING")
        equal(manager.run("ping").stdout, "pong\n")
        wait_for("its daemon runs", lambda: manager.status("web")["state"] == "running")
        equal(system("sc", "stop", name).returncode, 0)
        wait_for("it has stopped", lambda: state(name) == "STOPPED")
        equal(manager.run("ping", check=False).returncode, 3)
        log = (manager.data / "manager.log").read_text(errors="replace")
        holds(log, "stopping all daemons")
        # Again, and removed while it runs.
        equal(system("sc", "start", name).returncode, 0)
        wait_for("it runs again", lambda: state(name) == "RUNNING")
        equal(manager.status("web")["restart_count"], 0)
        # What the second start says comes after what the first one has said.
        both = (manager.data / "manager.log").read_text(errors="replace")
        equal((both.startswith(log), len(both) > len(log)), (True, True))
    finally:
        removed = manager.run("service", "uninstall", "--name", name, check=False)
        log = manager.data / "manager.log"
        if removed.returncode != 0 and log.exists():
            print(log.read_text(errors="replace"))
    equal((removed.returncode, removed.stdout), (0, f"service {name}: uninstalled\n"))
    equal(manager.run("ping", check=False).returncode, 3)
    missing = manager.run("service", "uninstall", "--name", name, check=False)
    equal(missing.returncode, 1)
    holds(missing.stderr, f"cannot uninstall the service {name}: ")
    manager.__exit__(None)


def a_service_of_somebody_else_is_left_alone():
    manager = Manager()
    name = f"other-test-{os.getpid()}"
    line = windows_path(CHILD) + " sleep service run"
    equal(system("sc", "create", name, "binPath=", line).returncode, 0)
    try:
        refused = manager.run("service", "uninstall", "--name", name, check=False)
        equal((refused.returncode, state(name)), (5, "STOPPED"))
        for words in (f"the service {name}: it is not one of syspulse", "it runs " + line):
            holds(refused.stderr, words)
        taken = manager.run("service", "install", "--name", name, check=False)
        equal((taken.returncode, state(name)), (5, "STOPPED"))
        for words in ("is not one of syspulse, it runs " + line, "choose another --name"):
            holds(taken.stderr, words)
        equal("uninstall it" in taken.stderr, False)
        # One that Windows needs goes on.
        before = state("PlugPlay")
        refused = manager.run("service", "uninstall", "--name", "PlugPlay", check=False)
        equal((refused.returncode, state("PlugPlay")), (5, before))
    finally:
        system("sc", "delete", name)
    manager.__exit__(None)


def a_service_says_why_it_does_not_run():
    with Manager() as manager:
        name = f"syspulse-test-{os.getpid()}"
        manager.run("service", "install", "--name", name)
        try:
            system("sc", "start", name)
            log = manager.data / "manager.log"
            wait_for("it has said why", lambda: log.exists() and "another manager" in log.read_text(errors="replace"))
            wait_for("it has stopped", lambda: state(name) == "STOPPED")
            holds(log.read_text(errors="replace"), f"another manager (pid {manager.info()['pid']}) is running on ")
            # ERROR_SERVICE_SPECIFIC_ERROR, and the exit code of syspulse daemon.
            equal(system(windows_path(CHILD), "service_end", name).stdout.split(), ["1066", "5"])
        finally:
            manager.run("service", "uninstall", "--name", name)


class Service:
    """An installed one that runs, with the daemon web."""

    def __init__(self, *words, **keys):
        self.web = {"command": [windows_path(CHILD), *(words or ["sleep"])], "autostart": True, "stop_timeout_secs": 5, **keys}

    def __enter__(self):
        self.manager = Manager()
        self.name = f"syspulse-test-{os.getpid()}"
        spec = self.manager.folder / "daemons.yaml"
        spec.write_text(json.dumps({"daemons": {"web": self.web}}))
        self.manager.run("service", "install", "--name", self.name, "--config", windows_path(spec))
        equal(system("sc", "start", self.name).returncode, 0)
        wait_for("it runs", lambda: state(self.name) == "RUNNING")
        wait_for("its daemon runs", lambda: self.manager.status("web")["state"] == "running")
        return self

    def __exit__(self, *failure):
        self.manager.run("service", "uninstall", "--name", self.name, check=False)
        log = self.manager.data / "manager.log"
        if failure[0] and log.exists():
            print(log.read_text(errors="replace"))
        self.manager.__exit__(None)


def a_service_replaces_a_manager_that_dies():
    with Service() as service:
        manager = service.manager
        before, daemon = manager.info(), manager.status("web")["pid"]
        end_process(before["pid"])
        wait_for("the next manager serves", lambda: manager.run("ping", check=False).returncode == 0)
        after = manager.info()
        equal((after["keeper_pid"], after["restarts"]), (before["keeper_pid"], 1))
        equal(state(service.name), "RUNNING")
        manager.goes_on("web", daemon)
        equal(system("sc", "stop", service.name).returncode, 0)
        wait_for("it has stopped", lambda: state(service.name) == "STOPPED")
        equal([lives(pid) for pid in (daemon, after["pid"], after["keeper_pid"])], [False] * 3)


def a_service_is_said_to_stop_while_its_daemons_do():
    ready = pathlib.Path(tempfile.mkdtemp()) / "ready"
    # It heeds no Ctrl+C, so that the stop takes as long as it is given.
    with Service("deaf", windows_path(ready), stop_timeout_secs=4) as service:
        wait_for("it listens to nothing", ready.exists)
        equal(system("sc", "stop", service.name).returncode, 0)
        wait_for("the stop is under way", lambda: state(service.name) == "STOP_PENDING")
        wait_for("it has stopped", lambda: state(service.name) == "STOPPED")
    shutil.rmtree(ready.parent)


def a_service_that_stops_runs_no_more_when_its_manager_dies_meanwhile():
    ready = pathlib.Path(tempfile.mkdtemp()) / "ready"
    with Service("deaf", windows_path(ready), stop_timeout_secs=8) as service:
        wait_for("it listens to nothing", ready.exists)
        before = service.manager.info()["pid"]
        equal(system("sc", "stop", service.name).returncode, 0)
        wait_for("the stop is under way", lambda: state(service.name) == "STOP_PENDING")
        end_process(before)
        seen = set()

        def stopped():
            seen.add(state(service.name))
            return "STOPPED" in seen
        wait_for("it has stopped", stopped)
        equal(seen, {"STOP_PENDING", "STOPPED"})
    shutil.rmtree(ready.parent)


# That the request comes, and stops daemons as `sc stop` does, takes a shutdown of Windows: nobody else may send it.
def a_service_asks_windows_to_wait_for_it_before_a_shutdown():
    with Service() as service:
        told = system(windows_path(CHILD), "service", service.name)
        equal((told.returncode, told.stdout.split()), (0, ["accepts", "180000"]))


def service_run_by_hand_says_who_starts_it():
    if RUNNER:
        skip("Wine lacks error 1063: a program that nobody started as a service becomes one under another's name")
    manager = Manager()
    refused = manager.run("service", "run", check=False)
    equal(refused.returncode, 5)
    holds(refused.stderr, "only Windows starts it so")
    manager.__exit__(None)


if __name__ == "__main__":
    main(globals())

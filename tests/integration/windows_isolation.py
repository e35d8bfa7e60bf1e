"""A third party's driver in a process of its own, on Windows: each function without parameters is one test."""
import json
import pathlib
import shutil
import time

from windows_harness import BUNDLED, Manager, end_process, equal, holds, lives, main, wait_for, windows_path


def with_foreign_driver(manager, restart=None, *flags):
    """Starts it with a driver that is not bundled: a copy of `job`, in a folder of its own."""
    folder = manager.trusted_folder()
    for name in ("job.dll", "syspulse-console-signal.exe"):
        shutil.copy(BUNDLED / name, folder / name)
    config = manager.folder / "manager.yaml"
    config.write_text(json.dumps({"plugins": {"syspulse.job": {"restart": restart or {"backoff_base_secs": 0.05}}}}))
    return manager.started("--plugin-dir", windows_path(folder), "--config", windows_path(config), *flags)


def host(manager):
    plugins = json.loads(manager.run("--format", "json", "plugin", "list").stdout)
    driver = next(plugin for plugin in plugins if plugin["name"] == "syspulse.job")
    equal(driver["isolation"], "process")
    return driver["host"]


def fresh_host(manager, before):
    wait_for("the driver has a fresh process", lambda: host(manager)["pid"] not in (None, before))


def pids_in(path):
    wait_for("the tree of processes is up", path.exists)
    return [int(word) for word in path.read_text().split()]


def an_isolated_driver_runs_daemons_on_windows():
    with with_foreign_driver(Manager()) as manager:
        equal(manager.add("short", ["exit", "1234"]).returncode, 0)
        manager.run("start", "short", check=False)
        wait_for("its exit is seen", lambda: manager.status("short")["state"] == "failed")
        equal(manager.status("short")["exit_code"], 1234)
        ready = manager.folder / "ready"
        equal(manager.add("polite", ["ctrl", windows_path(ready)], success_exit_codes=[21]).returncode, 0)
        manager.run("start", "polite", "--wait", "--timeout", "60")
        wait_for("it listens to Ctrl+C", ready.exists)
        manager.run("stop", "polite")
        equal(manager.status("polite")["exit_code"], 21)
        equal(manager.add("loud", ["tick"]).returncode, 0)
        manager.run("start", "loud")
        wait_for("its line is in the log", lambda: "tick" in manager.run("logs", "loud").stdout)
        manager.run("signal", "loud", "KILL")
        wait_for("its kill is seen", lambda: manager.status("loud")["state"] == "failed")
        equal(manager.status("loud")["exit_signal"], "SIGKILL")
        missing = manager.folder / "missing.yaml"
        missing.write_text(json.dumps({"daemons": {"missing": {"command": ["C:\\no\\such"]}}}))
        manager.run("add", "-f", windows_path(missing))
        holds(manager.run("start", "missing", check=False).stderr, "(stage exec)")


def a_fresh_process_of_a_driver_recovers_its_daemons_on_windows():
    with with_foreign_driver(Manager()) as manager:
        tree = manager.folder / "tree"
        equal(manager.add("tree", ["tree", windows_path(tree)], stop_timeout_secs=1).returncode, 0)
        manager.run("start", "tree", "--wait", "--timeout", "60")
        others = pids_in(tree)
        before = manager.status("tree")["pid"]
        # At once, while its job still ends with the last that holds it.
        lost = host(manager)["pid"]
        end_process(lost)
        fresh_host(manager, lost)
        manager.goes_on("tree", before)
        equal([lives(pid) for pid in (before, *others)], [True] * 3)
        manager.run("stop", "tree")
        equal(manager.status("tree")["state"], "stopped")
        wait_for("all of its tree is gone", lambda: not any(lives(pid) for pid in (before, *others)))


def the_exit_of_a_daemon_whose_driver_is_away_is_known_on_windows():
    with with_foreign_driver(Manager(), {"backoff_base_secs": 300, "backoff_max_secs": 300}) as manager:
        end = manager.folder / "end"
        for name in ("ends", "killed"):
            equal(manager.add(name, ["until", windows_path(end), "4321"]).returncode, 0)
            manager.run("start", name, "--wait", "--timeout", "60")
        end_process(host(manager)["pid"])
        wait_for("it is away", lambda: host(manager)["pid"] is None)
        manager.run("signal", "killed", "KILL")
        wait_for("it is killed without its driver", lambda: manager.status("killed")["state"] == "failed")
        equal(manager.status("killed")["exit_signal"], "SIGKILL")
        equal(manager.status("ends")["state"], "running")
        end.touch()
        wait_for("its exit is seen", lambda: manager.status("ends")["state"] == "failed")
        equal(manager.status("ends")["exit_code"], 4321)


def daemons_of_an_isolated_driver_outlive_manager_and_driver_on_windows():
    with with_foreign_driver(Manager(), None, "--no-keeper") as manager:
        equal(manager.add("keep", ["sleep"], stop_timeout_secs=1).returncode, 0)
        manager.run("start", "keep", "--wait", "--timeout", "60")
        before = manager.status("keep")["pid"]
        time.sleep(6)  # The driver lets a job outlive its manager five seconds after the start.
        driver = host(manager)["pid"]
        manager.crash()
        wait_for("the driver's process has gone with its manager", lambda: not lives(driver))
        equal(lives(before), True)
        with_foreign_driver(manager, None, "--no-keeper")
        manager.goes_on("keep", before)
        manager.run("stop", "keep", "--force")
        wait_for("it is gone", lambda: not lives(before))


if __name__ == "__main__":
    main(globals())

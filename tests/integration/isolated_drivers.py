"""Drivers in processes of their own: their daemons outlive them, a new file of theirs, and the manager."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

from harness import DEADLINE_SECS, Manager, alive, main, need_root, until
from plugin_hosts import MOCK, QUICK, SHELL_FOREVER, configured, fresh_host, host
from survival import while_no_manager


def daemons_outlive_the_process_of_their_driver():
    with Manager() as m:
        configured(m, {"posix": {"isolation": "process", **QUICK}})
        m.add(web={"command": ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done"]},
              bystander={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web", "bystander")
        pid = m.status("web")["pid"]
        first = host(m, "syspulse.posix")
        assert first["state"] == "running" and m.status("web")["driver_host"]["pid"] == first["pid"]
        os.kill(first["pid"], signal.SIGKILL)
        second = fresh_host(m, "syspulse.posix", first["pid"])
        assert second["restarts"] == 1 and "SIGKILL" in second["last_error"], second
        now = m.status("web")
        assert (now["pid"], now["state"], now["restart_count"]) == (pid, "running", 0), now
        # The manager has inherited the daemon, so that its status is known.
        os.kill(pid, signal.SIGTERM)
        ended = until(lambda: (lambda s: s if s["exit_code"] is not None else None)(m.status("web")), "web has ended")
        assert ended["exit_code"] == 5, ended
        # An exit while the process hangs is seen when the watchdog has replaced it.
        m.ok("start", "web")
        pid = m.status("web")["pid"]
        os.kill(second["pid"], signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        until(lambda: m.status("web")["exit_signal"] == "SIGKILL", "the exit is seen")
        third = fresh_host(m, "syspulse.posix", second["pid"])
        # A request to end that was on its way when the process was lost is made again.
        m.ok("start", "web")
        os.kill(third["pid"], signal.SIGSTOP)
        stop = threading.Thread(target=m.ok, args=("stop", "web"))
        stop.start()
        until(lambda: {d["name"]: d["state"] for d in m.get("/v1/daemons")}["web"] == "stopping", "web is being stopped")
        os.kill(third["pid"], signal.SIGKILL)
        stop.join(60)
        ended = m.status("web")
        assert (ended["exit_code"], ended["exit_signal"]) == (5, None), ended
        third = fresh_host(m, "syspulse.posix", third["pid"])
        # A driver that hangs holds up no answer and no stop.
        m.ok("start", "web")
        pid = m.status("web")["pid"]
        os.kill(third["pid"], signal.SIGSTOP)
        web = m.get("/v1/daemons/web", timeout=2)
        assert web is not None and web["stats"] is None, "the answer comes without statistics"
        m.ok("stop", "web", "--force")
        assert not alive(pid) and m.status("bystander")["restart_count"] == 0


def a_process_of_a_driver_that_is_lost_leaves_no_group_behind():
    need_root()
    with Manager() as m:
        configured(m, {"cgroup": {"isolation": "process", **QUICK}})
        m.add(web={"command": ["/bin/sh", "-c", "sleep 600 & exec sleep 600"], "driver": "cgroup"})
        if m.run("start", "web").returncode != 0:
            print("skipped:", m.status("web")["last_error"])
            sys.exit(77)
        pid, hung = m.status("web")["pid"], host(m, "syspulse.cgroup")["pid"]
        names = {pathlib.Path(line).name for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()}
        (name,) = (n for n in names if n.startswith("web."))

        def groups():
            found = subprocess.run(["find", "/sys/fs/cgroup", "-type", "d", "-name", name], capture_output=True, text=True)
            return found.stdout.split()
        assert groups()
        # Its end is seen from the manager; only the driver knows of the group, and it is told by the fresh process.
        os.kill(hung, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        until(lambda: m.status("web")["exit_signal"] == "SIGKILL", "the exit is seen")
        fresh_host(m, "syspulse.cgroup", hung)
        until(lambda: not groups(), "the group is gone, with all that was in it", 0.2)


def a_driver_that_dies_in_spawn_leaves_no_second_copy():
    with Manager() as m:
        os.environ["SYSPULSE_MOCK_FAULT"] = "crash-after-spawn"
        try:
            configured(m, {"syspulse.mock": QUICK})
        finally:
            del os.environ["SYSPULSE_MOCK_FAULT"]
        mark = f"mark-{os.getpid()}"
        m.add(web={"command": ["/bin/sh", "-c", f": {mark}; while :; do sleep 60; done"], "driver": "mock"})
        m.ok("start", "web", "--timeout", 30)
        running = m.wait_for("web", state="running")
        assert host(m, "syspulse.mock")["restarts"] >= 1
        copies = subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True).stdout.split()
        assert [int(pid) for pid in copies] == [running["pid"]], copies
        m.ok("stop", "web", "--force")


def a_start_does_not_wait_for_the_end_of_a_long_back_off():
    with Manager() as m:
        configured(m, {"syspulse.mock": {"watchdog_secs": 2, "restart": {"backoff_base_secs": 300, "backoff_max_secs": 300}}})
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"}, late={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web")
        pid = m.status("web")["pid"]
        os.kill(host(m, "syspulse.mock")["pid"], signal.SIGKILL)
        until(lambda: host(m, "syspulse.mock")["state"] == "restarting", "the driver's process is lost")
        m.ok("start", "late")
        now = host(m, "syspulse.mock")
        assert (now["state"], now["restarts"]) == ("running", 1), now
        assert m.status("late")["state"] == "running" and m.status("web")["pid"] == pid


def starts_that_end_their_driver_do_not_follow_each_other_without_a_pause():
    with Manager() as m:
        os.environ["SYSPULSE_MOCK_FAULT"] = "spawn-crash"
        try:
            configured(m, {"syspulse.mock": {"restart": {"backoff_base_secs": 300, "backoff_max_secs": 300}}})
        finally:
            del os.environ["SYSPULSE_MOCK_FAULT"]
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"})
        for losses in (1, 2):
            began = time.monotonic()
            assert m.run("start", "web").returncode != 0
            assert time.monotonic() - began >= 1, "a process came too soon after one that was lost"
            assert host(m, "syspulse.mock")["restarts"] == losses, host(m, "syspulse.mock")
            told = m.status("web")["last_error"]
            assert "the process of driver mock was lost while it was starting this or another daemon" in told, told
            assert "SIGABRT" in told, told


def running_as(argument):
    """Who runs with this as the last argument, but for its zombies."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().split(b"\0")[-2:-1] == [argument.encode()]:
                found.append(int(path.parent.name))
        except OSError:
            pass  # It has ended.
    return found


def configured_with_fault(m, fault, settings):
    os.environ["SYSPULSE_MOCK_FAULT"] = fault
    try:
        configured(m, {"syspulse.mock": settings})
    finally:
        del os.environ["SYSPULSE_MOCK_FAULT"]


def a_driver_that_says_a_live_daemon_is_gone_gets_no_second_copy():
    for settings in (QUICK, {"isolation": "none"}):
        with Manager() as m:
            configured(m, {"syspulse.mock": settings})
            seconds = f"601.{m.process.pid}"
            m.add(web={"command": ["/bin/sleep", seconds], "driver": "mock"})
            m.ok("start", "web")
            pid = m.status("web")["pid"]
            m.kill()
            configured_with_fault(m, "D08", settings)
            told = until(lambda: m.status("web")["last_error"], "it is told")
            assert f"its driver says that it is gone (gone), but process {pid} lives and is this run" in told, told
            assert running_as(seconds) == [pid] and m.status("web")["pid"] == pid, (running_as(seconds), m.status("web"))
            assert "left alone" in (m.root / "manager.log").read_text()
            m.kill()
            configured(m, {"syspulse.mock": settings})
            m.wait_for("web", state="running")
            assert running_as(seconds) == [m.status("web")["pid"]] == [pid]
            m.ok("stop", "web")
            m.kill()
            configured_with_fault(m, "D08", settings)
            assert m.status("web")["state"] == "stopped", "what is gone is not looked for"


def starts_that_another_one_took_along_follow_their_policy():
    with Manager() as m:
        configured_with_fault(m, "crash-after-spawn", QUICK)
        policy = {"policy": "on_failure", "backoff_base_secs": 0.1, "backoff_max_secs": 0.1}
        seconds = {name: f"60{number}.{m.process.pid}" for number, name in enumerate("abc")}
        m.add(**{name: {"command": ["/bin/sleep", seconds[name]], "driver": "mock", "restart_policy": policy} for name in seconds})
        m.run("start", *seconds)
        for name in seconds:
            running = m.wait_for(name, state="running")
            assert running_as(seconds[name]) == [running["pid"]], (running_as(seconds[name]), running)
        assert host(m, "syspulse.mock")["restarts"] >= 3, host(m, "syspulse.mock")


def a_start_that_nobody_can_tell_of_is_looked_for_and_not_made_again():
    with Manager() as m:
        configured_with_fault(m, "crash-always", QUICK)
        seconds = f"601.{m.process.pid}"
        m.add(web={"command": ["/bin/sleep", seconds], "driver": "mock", "restart_policy": {"policy": "always", "backoff_base_secs": 0.05}})
        m.run("start", "web")
        until(lambda: "cannot tell whether the failed start left a process" in (m.status("web")["last_error"] or ""), "it is told")
        until(lambda: host(m, "syspulse.mock")["restarts"] >= 6, "it is looked for again")
        copies = running_as(seconds)
        assert len(copies) == 1 and m.status("web")["state"] == "starting", (copies, m.status("web"))
        m.kill()
        configured(m, {"syspulse.mock": QUICK})
        m.wait_for("web", state="running")
        assert running_as(seconds) == copies == [m.status("web")["pid"]], (running_as(seconds), m.status("web"))


def a_start_whose_answer_is_refused_leaves_nothing_running():
    with Manager() as m:
        configured_with_fault(m, "D07", QUICK)
        seconds = f"600.{m.process.pid}"
        m.add(web={"command": ["/bin/sleep", seconds], "driver": "mock",
                   "restart_policy": {"policy": "always", "max_retries": 3, "backoff_base_secs": 0.05,
                                      "backoff_max_secs": 0.05}})
        m.fails(1, "start", "web", "--wait")
        m.wait_for("web", state="failed")
        assert not running_as(seconds)
        told = (m.root / "manager.log").read_text()
        assert told.count('driver mock, daemon "web": the driver reported') == 4, told


def a_start_with_an_impossible_number_is_looked_for_and_nobody_is_killed():
    for fault, settings in (("manager-pid", QUICK), ("own-pid", QUICK), ("init-pid", QUICK),
                            ("own-pid", {"isolation": "none"}), ("init-pid", {"isolation": "none"})):
        with Manager() as m:
            configured_with_fault(m, fault, settings)
            seconds = f"602.{m.process.pid}"
            m.add(web={"command": ["/bin/sleep", seconds], "driver": "mock", "restart_policy": {"policy": "always"}})
            m.run("start", "web")
            web = m.wait_for("web", state="running")
            assert running_as(seconds) == [web["pid"]] and web["restart_count"] == 0, (fault, settings, web)
            assert m.process.poll() is None, "the manager has killed itself"
            assert 'driver mock, daemon "web": the driver reported process' in (m.root / "manager.log").read_text()
            m.ok("stop", "web")
            assert not running_as(seconds)


def a_start_that_leaves_what_cannot_be_killed_is_followed_by_no_other():
    for settings in (QUICK, {"isolation": "none"}):
        with Manager() as m:
            configured_with_fault(m, "unruly-start", settings)
            seconds = f"601.{m.process.pid}"
            m.add(web={"command": ["/bin/sleep", seconds], "driver": "mock"})
            m.run("start", "web")
            web = m.wait_for("web", state="running")
            assert running_as(seconds) == [web["pid"]] and web["restart_count"] == 0, web
            assert "could not be killed" in (m.root / "manager.log").read_text()
            m.ok("stop", "web")
            assert not running_as(seconds)


def a_driver_of_another_user_borrows_no_rights_from_the_manager():
    need_root()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        with Manager() as m:
            os.environ["SYSPULSE_MOCK_FOREIGN_PID"] = str(stranger.pid)
            try:
                configured(m, {"syspulse.mock": {"user": "nobody", **QUICK}})
            finally:
                del os.environ["SYSPULSE_MOCK_FOREIGN_PID"]
            m.add(web={"command": SHELL_FOREVER, "driver": "mock", "stop_timeout_secs": 1})
            m.ok("start", "web")
            assert m.status("web")["pid"] == stranger.pid
            m.run("stop", "web", "--force")
            os.kill(host(m, "syspulse.mock")["pid"], signal.SIGKILL)
            m.run("signal", "web", "KILL")
            assert stranger.poll() is None, "the manager has killed what its plugin could not"
    finally:
        stranger.kill()
        stranger.wait()


def a_new_file_takes_over_running_daemons():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": QUICK})
        names = [f"web{i}" for i in range(10)]
        m.add(**{name: {"command": ["/bin/sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done"],
                        "driver": "mock"} for name in names})
        m.ok("start", *names)
        before = {name: m.status(name)["pid"] for name in names}
        first = host(m, "syspulse.mock")["pid"]

        def replaced_by(pid):
            assert host(m, "syspulse.mock")["pid"] != pid
            for name in names:
                now = m.status(name)
                assert (now["pid"], now["state"], now["restart_count"]) == (before[name], "running", 0), now
            until(lambda: not alive(pid), "the old process is gone")

        shutil.copy(MOCK, plugins / "mock.new")
        os.rename(plugins / "mock.new", plugins / "mock.so")
        assert "reloaded" in m.ok("plugin", "reload", "syspulse.mock")
        replaced_by(first)
        second = host(m, "syspulse.mock")["pid"]
        shutil.copy(MOCK, plugins / "mock.new")
        os.rename(plugins / "mock.new", plugins / "mock.so")
        os.kill(json.loads(m.ok("--format", "json", "info"))["pid"], signal.SIGHUP)
        until(lambda: host(m, "syspulse.mock")["pid"] not in (None, second), "SIGHUP reloads it")
        replaced_by(second)
        os.kill(before["web0"], signal.SIGTERM)
        until(lambda: m.status("web0")["exit_code"] == 7, "its exit is still seen")
        # A file that is no plugin leaves everything as it is.
        third = host(m, "syspulse.mock")["pid"]
        (plugins / "mock.new").write_text("no plugin")
        os.rename(plugins / "mock.new", plugins / "mock.so")
        assert "mock" in m.fails(1, "plugin", "reload", "mock")
        assert host(m, "syspulse.mock")["pid"] == third and alive(before["web1"])
        m.ok("stop", *names[1:])
        assert "runs inside the manager" in m.fails(5, "plugin", "reload", "posix")
        assert m.run("plugin", "reload", "no-such").returncode != 0


def a_lost_manager_takes_its_plugin_processes_along():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": QUICK}, "--no-keeper")
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web")
        pid, old = m.status("web")["pid"], host(m, "syspulse.mock")["pid"]
        os.kill(old, signal.SIGSTOP)  # Even one that cannot notice it.
        m.kill()
        until(lambda: not alive(old), "the plugin's process ends with the manager")
        assert alive(pid)
        m.start("--plugin-dir", plugins, "--no-keeper")
        now = m.wait_for("web", state="running")
        assert (now["pid"], now["restart_count"]) == (pid, 0)


def daemons_of_an_isolated_driver_survive_their_manager():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": QUICK})
        go = m.root / "go"
        counted = ["/bin/sh", "-c", f"while [ ! -e {go} ]; do sleep 0.02; done; exit 7"]
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"}, adopted={"command": counted, "driver": "mock"},
              unseen={"command": SHELL_FOREVER, "driver": "mock"}, held={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web", "adopted", "unseen", "held")
        m.ok("pause", "held")
        before = {name: m.status(name)["pid"] for name in ("web", "adopted", "unseen", "held")}

        def taken_over(old, *names):
            """A fresh process holds the same daemons, and the old one is gone."""
            until(lambda: not alive(old), "the plugin's old process ends with its manager")
            for name in names:
                now = m.wait_for(name, state="running")
                assert (now["pid"], now["restart_count"]) == (before[name], 0), now
            assert m.status("held")["paused"] is True
            return fresh_host(m, "syspulse.mock", old)["pid"]

        old = host(m, "syspulse.mock")["pid"]
        while_no_manager(m, lambda: os.kill(before["unseen"], signal.SIGTERM))
        old = taken_over(old, "web", "adopted", "held")
        assert m.wait_for("unseen", state="failed")["exit_signal"] == "SIGTERM"
        m.ok("upgrade")
        old = taken_over(old, "web", "adopted", "held")
        go.touch()  # A child of the keeper by now: the driver cannot read its status.
        assert m.wait_for("adopted", state="failed")["exit_code"] == 7
        m.ok("resume", "held")
        assert m.status("held")["paused"] is False
        m.ok("pause", "held")
        m.ok("shutdown", "--keep-running")
        assert m.process.wait(DEADLINE_SECS) == 0
        until(lambda: not alive(old), "the plugin's process ends with the manager")
        assert alive(before["web"]) and alive(before["held"])
        m.start("--plugin-dir", plugins, "--config", m.root / "manager.yaml")
        taken_over(old, "web", "held")
        m.ok("stop", "web")
        assert not alive(before["web"])


if __name__ == "__main__":
    main(globals())

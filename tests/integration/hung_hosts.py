"""Drivers whose process hangs or is lost: their daemons are asked to end all the same, and what is said of it is true."""
import contextlib
import grp
import os
import pathlib
import pwd
import signal
import sys
import threading

from harness import Manager, alive, main, need_root, until
from plugin_hosts import QUICK, configured, fresh_host, host
from survival import state_of, while_no_manager

SAVES = ["/bin/sh", "-c", "trap 'echo saved; exit 5' TERM; echo ready; while :; do sleep 0.05; done"]


def started(m, settings, **spec):
    """A daemon that saves when it is asked to end, run by an isolated driver."""
    configured(m, {"syspulse.mock": settings})
    m.add(web={"command": SAVES, "driver": "mock", **spec})
    m.ok("start", "web")
    until(lambda: "ready" in m.ok("logs", "web"), "it has set its handler")
    return m.status("web")["pid"], host(m, "syspulse.mock")["pid"]


def stopped_while_hung(m, hung):
    """Stops the daemon while its driver's process is held by SIGSTOP, and gives what the events tell of signals."""
    os.kill(hung, signal.SIGSTOP)
    m.ok("stop", "web")
    return [e for e in m.ok("events", "--daemon", "web").splitlines() if " web signal " in e]


def being_stopped(m):
    """Waits for that without a question to the driver, behind whose answer the signal would have to wait."""
    until(lambda: {d["name"]: d["state"] for d in m.get("/v1/daemons")}["web"] == "stopping", "web is being stopped")


def saved(m, told):
    ended = m.status("web")
    assert (ended["exit_code"], ended["exit_signal"]) == (5, None), (ended, told)
    assert m.ok("logs", "web").split() == ["ready", "saved"], "it was asked to end, once"


def a_daemon_of_a_driver_that_hangs_is_asked_to_end():
    # Shorter and longer than what an operation may take, and the same.
    for settings in ({}, {"watchdog_secs": 1}, {"watchdog_secs": 4}, {"watchdog_secs": 20}):
        with Manager() as m:
            _, hung = started(m, settings, stop_timeout_secs=60)
            told = stopped_while_hung(m, hung)
            saved(m, told)
            assert len(told) == 1 and told[0].endswith("asked to end"), told
            assert "is silent; the manager signals 1 of its daemons itself" in (m.root / "manager.log").read_text() \
                or settings == {"watchdog_secs": 1}, "by the manager, unless the watchdog was quicker"
            os.kill(hung, signal.SIGKILL) if alive(hung) else None


def a_hung_driver_of_another_user_is_replaced_in_time_to_ask_its_daemons():
    need_root()  # The manager lends no rights: only the fresh process can signal.
    for settings in ({}, {"watchdog_secs": 3}, {"watchdog_secs": 14}):
        with Manager() as m:
            _, hung = started(m, {"user": "nobody", **settings}, stop_timeout_secs=60)
            stop = threading.Thread(target=m.run, args=("stop", "web"))
            os.kill(hung, signal.SIGSTOP)
            stop.start()
            fresh_host(m, "syspulse.mock", hung)
            stop.join()
            told = [e for e in m.ok("events", "--daemon", "web").splitlines() if " web signal " in e]
            saved(m, told)
            assert len(told) == 1 and told[0].endswith("asked to end"), told


def two_daemons_of_a_driver_that_hangs_have_the_same_patience():
    with Manager() as m:
        _, hung = started(m, {"watchdog_secs": 6}, stop_timeout_secs=60)
        # More than what a signal waits for a driver, and less than twice that.
        m.add(late={"command": SAVES, "driver": "mock", "stop_timeout_secs": 3})
        m.ok("start", "late")
        until(lambda: "ready" in m.ok("logs", "late"), "it has set its handler")
        os.kill(hung, signal.SIGSTOP)
        first = threading.Thread(target=m.run, args=("stop", "web"))
        first.start()
        being_stopped(m)
        m.run("stop", "late")  # How it ended is known when the watchdog has replaced the process.
        first.join()
        late = m.wait_for("late", pid=None)
        assert (late["exit_code"], late["exit_signal"]) == (5, None), late


@contextlib.contextmanager
def fresh_host_at_the_gate(m, command, place="RECOVER"):
    """A daemon whose driver's process was lost, while the fresh one is held in its recovery, or when it is loaded,
    before the manager hears of it: the gate's descriptor."""
    gate = m.root / "gate"
    os.environ[f"SYSPULSE_MOCK_{place}_GATE"] = str(gate)
    try:
        configured(m, {"syspulse.mock": {"watchdog_secs": 60}})
    finally:
        del os.environ[f"SYSPULSE_MOCK_{place}_GATE"]
    m.add(web={"command": command, "driver": "mock", "stop_timeout_secs": 30})
    m.ok("start", "web")
    until(lambda: "ready" in m.ok("logs", "web"), "it has set its handler")
    os.mkfifo(gate)
    os.kill(host(m, "syspulse.mock")["pid"], signal.SIGKILL)
    held = [os.open(gate, os.O_WRONLY)]  # Waits until the fresh process has come there.
    host(m, "syspulse.mock")  # By now the manager has heard of that process.
    try:
        yield held
    finally:
        for descriptor in held:
            os.close(descriptor)


def reaches_the_whole_group(place):
    child = "trap 'echo child saved; exit' TERM; echo ready; while :; do sleep 0.05; done"
    with Manager() as m, fresh_host_at_the_gate(
            m, ["/bin/sh", "-c", f"trap 'wait; exit 5' TERM; ({child}) & wait; wait"], place) as held:
        stop = threading.Thread(target=m.run, args=("stop", "web"))
        stop.start()
        being_stopped(m)
        os.close(held.pop())
        stop.join()
        ended = m.status("web")
        assert (ended["exit_code"], ended["exit_signal"]) == (5, None), ended
        assert "child saved" in m.ok("logs", "web"), "not only its leader was asked to end"


def a_signal_waits_for_a_fresh_process_that_reaches_the_whole_group():
    reaches_the_whole_group("RECOVER")


def a_signal_waits_for_a_fresh_process_that_has_not_said_hello():
    reaches_the_whole_group("LOAD")


def a_signal_waits_for_a_fresh_process_no_longer_than_for_a_silent_one():
    with Manager() as m, fresh_host_at_the_gate(m, SAVES):
        m.ok("stop", "web")
        ended = m.status("web")
        assert (ended["exit_code"], ended["exit_signal"]) == (5, None), ended
        assert "the manager signals 1 of its daemons itself" in (m.root / "manager.log").read_text()


def what_becomes_of_a_signal_is_told():
    need_root()
    with Manager() as m:
        pid, hung = started(m, {"user": "nobody", "watchdog_secs": 5}, stop_timeout_secs=1)
        told = stopped_while_hung(m, hung)
        assert not alive(pid) and m.status("web")["exit_signal"] == "SIGKILL"
        assert len(told) == 3, told
        assert told[0].endswith("asked to end") and "SIGKILL" in told[1] and "stop_timeout passed" in told[1], told
        assert "SIGTERM" in told[2] and "nobody knows whether it arrived: the process is killed instead" in told[2], told


def a_daemon_that_was_paused_while_it_began_a_program_is_found_paused():
    with Manager() as m:
        configured(m, {"syspulse.mock": QUICK})
        pipe = m.root / "pipe"
        os.mkfifo(pipe)
        # The child waits for a writer before its exec; its parent cannot be stopped meanwhile, as it waits for that.
        begins = f"import os; os.posix_spawn('/bin/true', ['true'], {{}}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, '{pipe}', os.O_RDONLY, 0)])"
        m.add(web={"command": [sys.executable, "-c", begins], "driver": "mock"})
        m.ok("start", "web")
        pid = m.status("web")["pid"]
        until(lambda: state_of(pid) == "D", "it waits for its child")
        m.ok("pause", "web")
        old = host(m, "syspulse.mock")["pid"]
        while_no_manager(m, lambda: until(lambda: not alive(old), "the driver's process ends"))
        now = m.wait_for("web", state="running")
        assert (now["pid"], now["paused"]) == (pid, True), now
        assert state_of(pid) == "D", "its leader is not stopped, and cannot go on"
        m.ok("resume", "web")
        with open(pipe, "w"):
            m.wait_for("web", state="stopped")


def a_driver_that_is_lost_too_often_is_left_alone_until_it_is_reloaded():
    with Manager() as m:
        restart = {"backoff_base_secs": 0.05, "max_retries": 2}
        pid, lost = started(m, {"restart": restart})
        for _ in range(2):
            os.kill(lost, signal.SIGKILL)
            lost = fresh_host(m, "syspulse.mock", lost)["pid"]
        os.kill(lost, signal.SIGKILL)
        now = until(lambda: (lambda h: h if h["state"] == "failed" else None)(host(m, "syspulse.mock")), "it is given up")
        assert now["pid"] is None and now["restarts"] == 3 and "SIGKILL" in now["last_error"], now
        assert "was lost 3 times in a row and is not started again" in (m.root / "manager.log").read_text()
        # Its daemons live, are shown with what became of their driver, and can be ended; new ones are refused with what to do.
        web = m.status("web")
        assert (web["pid"], web["state"], web["driver_host"]["state"]) == (pid, "running", "failed"), web
        assert "failed" in next(line for line in m.ok("plugin", "list").splitlines() if line.startswith("syspulse.mock"))
        m.add(late={"command": SAVES, "driver": "mock"})
        m.run("start", "late")
        refused = m.status("late")["last_error"]
        assert "was lost too often" in refused and "run syspulse plugin reload syspulse.mock" in refused, refused
        m.ok("stop", "web")
        assert m.status("web")["exit_code"] == 5 and not alive(pid), m.status("web")
        m.ok("plugin", "reload", "syspulse.mock")
        m.ok("start", "late")
        assert host(m, "syspulse.mock")["state"] == "running" and m.status("late")["state"] == "running"


def the_process_of_a_plugin_runs_as_whom_its_settings_name():
    need_root()
    with Manager() as m:
        _, pid = started(m, {"user": "nobody", "group": "daemon"})
        ids = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        assert set(ids["Uid"].split()) == {str(pwd.getpwnam("nobody").pw_uid)}, ids["Uid"]
        assert set(ids["Gid"].split()) == {str(grp.getgrnam("daemon").gr_gid)}, ids["Gid"]
        assert "0" not in ids["Groups"].split(), ids["Groups"]


if __name__ == "__main__":
    main(globals())

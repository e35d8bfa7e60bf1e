"""Plugins that end the manager they run in, as an operator has wished them to run there."""
import json
import os
import signal

from harness import Manager, alive, main, until
from plugin_hosts import SHELL_FOREVER, checked_by, configured, host, plugin

IN_THE_MANAGER = {"syspulse.mock": {"isolation": "none"}}


def log(m):
    return (m.root / "manager.log").read_text()


def crashed_by(m, fault):
    """Its start may be answered by nobody, as the first check comes soon after it."""
    m.add(faulty={"command": SHELL_FOREVER, "health_check": {
        "type": "mock", "target": fault, "interval_secs": 0.1, "timeout_secs": 1, "retries": 1, "on_unhealthy": "none"}})
    m.run("start", "faulty")


def settled(m):
    """The manager that follows on those that crash, and does so no more."""
    until(lambda: "runs in a process of its own now" in log(m), "the plugin is taken out of the manager")
    until(lambda: m.run("ping").returncode == 0, "the manager answers")
    return m.pid()


def warned(m):
    return [w for w in json.loads(m.ok("--format", "json", "info"))["warnings"] if "syspulse.mock" in w]


def a_plugin_that_ends_its_manager_gets_a_process_of_its_own():
    for fault in ("crash", "abort", "exit", "leave"):
        with Manager() as m:
            configured(m, IN_THE_MANAGER)
            m.add(steady={"command": SHELL_FOREVER})
            m.ok("start", "steady")
            steady = m.status("steady")["pid"]
            assert plugin(m, "syspulse.mock")["isolation"] == "none"
            first = m.pid()
            crashed_by(m, fault)
            last = settled(m)
            assert last != first
            told = [line for line in log(m).splitlines() if "the last manager " in line]
            assert len(told) == 3 and all("being called: start of plugin syspulse.mock" in line for line in told), told
            assert all("isolation: process" in line for line in told), told
            assert [f"; starting it again{pause}\n" in log(m) for pause in ("", " in 100 ms", " in 200 ms")] == [True] * 3, log(m)
            assert plugin(m, "syspulse.mock")["isolation"] == "process"
            until(lambda: host(m, "syspulse.mock")["culprits"], "only the plugin's process is lost any more")
            assert any("runs in a process of its own now" in w for w in warned(m)), warned(m)
            now = m.status("steady")
            assert (now["pid"], now["restart_count"]) == (steady, 0) and alive(steady), now
            assert m.pid() == last, log(m)
            assert log(m).count("the last manager ") == 3
            m.ok("remove", "faulty", "--force")


def an_upgrade_has_a_plugin_that_crashed_its_manager_in_there_again():
    with Manager() as m:
        configured(m, IN_THE_MANAGER)
        crashed_by(m, "crash")
        last = settled(m)
        m.ok("remove", "faulty", "--force")
        m.ok("upgrade")
        until(lambda: m.run("ping").returncode == 0 and m.pid() != last, "the next manager answers")
        assert plugin(m, "syspulse.mock")["isolation"] == "none" and not warned(m), warned(m)


def a_manager_that_somebody_kills_is_nobody_elses_fault():
    with Manager() as m:
        configured(m, IN_THE_MANAGER)
        checked_by(m, "stuck", "stuck", timeout_secs=60)
        for _ in range(4):
            before = m.pid()
            os.kill(before, signal.SIGKILL)
            until(lambda: m.run("ping").returncode == 0 and m.pid() != before, "the next manager answers")
        assert plugin(m, "syspulse.mock")["isolation"] == "none"
        assert "the last manager " not in log(m) and "starting it again in" not in log(m), log(m)


if __name__ == "__main__":
    main(globals())

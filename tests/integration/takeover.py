"""What can be in the way of a manager that is to take the place of another. One scenario per CTest."""
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3

import harness
from harness import DEADLINE_SECS, Manager, alive, main, until

FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]


def info(m):
    return json.loads(m.ok("--format", "json", "info"))


def said(m, words):
    return words in (m.root / "manager.log").read_text(errors="replace")


def a_manager_that_cannot_take_over_at_once_is_tried_again():
    with Manager() as m:
        m.start()
        m.add(a={"command": FOREVER, "restart_policy": "always"})
        m.ok("start", "a")
        daemon, before = m.status("a")["pid"], info(m)
        registry = sqlite3.connect(m.data / "syspulse.db", isolation_level=None, timeout=DEADLINE_SECS)
        os.kill(m.process.pid, signal.SIGSTOP)
        try:
            os.kill(before["pid"], signal.SIGKILL)
            until(lambda: not alive(before["pid"]), "the manager is gone")
            registry.execute("PRAGMA locking_mode=EXCLUSIVE")
            registry.execute("BEGIN EXCLUSIVE")
        finally:
            os.kill(m.process.pid, signal.SIGCONT)
        until(lambda: said(m, "ended with code 1; starting it again"), "a manager that found the registry locked")
        registry.execute("ROLLBACK")
        registry.close()
        until(lambda: m.get("/v1/ping") is not None, "a manager that serves")
        after = info(m)
        assert after["keeper_pid"] == before["keeper_pid"] and after["restarts"] >= 2, after
        assert m.wait_for("a", state="running")["pid"] == daemon
        m.stop()


def a_signal_to_stop_in_the_farewell_of_an_upgrade_stops_all():
    for target in ("keeper_pid", "pid"):
        with Manager() as m:
            m.start()
            m.add(a={"command": FOREVER})
            m.ok("start", "a")
            daemon, about = m.status("a")["pid"], info(m)
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(DEADLINE_SECS)
                s.connect(str(m.data / "syspulse.sock"))
                s.sendall(b"POST /v1/upgrade HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                          b"Content-Length: 2\r\n\r\n{}")
                assert s.recv(100).startswith(b"HTTP/1.1 200")
                os.kill(about[target], signal.SIGTERM)
            assert m.process.wait(DEADLINE_SECS) == 0
            assert not alive(daemon), target


def a_declaration_that_cannot_be_read_keeps_no_manager_from_starting():
    with Manager() as m:
        m.start()
        at_three = {"command": ["true"], "schedule": {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}}
        m.add(other={"command": FOREVER, "restart_policy": "always"}, job=at_three, live={**at_three, "command": FOREVER},
              behind={"command": FOREVER, "depends_on": ["job"]})
        m.ok("start", "other", "live")
        daemon, lost, before = m.status("other")["pid"], m.status("live")["pid"], info(m)
        with sqlite3.connect(m.data / "syspulse.db", timeout=DEADLINE_SECS) as registry:
            registry.execute("UPDATE specs SET spec_json = replace(spec_json, 'Europe/Berlin', 'Europe/Gone')")
        registry.close()
        os.kill(before["pid"], signal.SIGKILL)
        until(lambda: m.get("/v1/ping") is not None and info(m)["pid"] != before["pid"], "the next manager")
        assert m.wait_for("other", state="running")["pid"] == daemon
        warnings = info(m)["warnings"]
        assert all("syspulse upgrade" in w and "--replace" not in w for w in warnings), warnings
        assert len(warnings) == 2 and all("Europe/Gone" in w for w in warnings), warnings
        assert '"job" is left alone' in m.fails(5, "start", "job")
        m.ok("remove", "job")
        m.add(job=at_three)
        assert "end that" in m.fails(5, "remove", "live")
        os.killpg(lost, signal.SIGKILL)
        m.ok("remove", "live", "--force")
        assert info(m)["warnings"] == []
        m.add(live={**at_three, "command": FOREVER})
        m.ok("start", "live")
        running = m.status("live")["pid"]
        os.kill(m.process.pid, signal.SIGKILL)
        m.process.wait()
        with sqlite3.connect(m.data / "syspulse.db", timeout=DEADLINE_SECS) as registry:
            registry.execute("UPDATE specs SET spec_json = '{}' WHERE name = 'live'")
        registry.close()
        config = m.root / "config.yaml"
        config.write_text(json.dumps({"daemons": {"live": {"command": FOREVER}}}))
        m.start("--config", config)
        assert m.wait_for("live", state="running")["pid"] == running, "mended by a file, it is gone on with"
        m.stop()
        m.start()
        assert {d["name"] for d in json.loads(m.ok("--format", "json", "list"))} == {"other", "job", "behind", "live"}
        m.stop()


def an_upgrade_that_does_not_fit_the_keeper_says_what_to_do():
    """The memory that keeper and managers share has another layout in the other version."""
    with Manager() as m:
        m.start()
        m.add(a={"command": FOREVER, "restart_policy": "always"})
        m.ok("start", "a")
        daemon, before = m.status("a")["pid"], info(m)
        plugins = pathlib.Path(harness.PROGRAM).parent.parent / "lib/syspulse/plugins"
        shutil.copytree(plugins, m.root / "lib/syspulse/plugins")
        other = m.root / "bin" / "syspulse"
        other.parent.mkdir()
        program = pathlib.Path(harness.PROGRAM).read_bytes()
        ours, theirs = (0x53504B33).to_bytes(4, "little"), (0x53504B01).to_bytes(4, "little")
        assert ours in program, "board_magic has changed"
        other.write_bytes(program.replace(ours, theirs))
        other.chmod(0o755)
        assert "the old one goes on" in m.fails(1, "upgrade", other)
        assert said(m, "which is of another version; end it with: syspulse shutdown --keep-running")
        assert info(m)["keeper_pid"] == before["keeper_pid"] and m.wait_for("a", state="running")["pid"] == daemon
        # What it says works. A program that stands alone is its own keeper.
        m.ok("shutdown", "--keep-running")
        assert m.process.wait(DEADLINE_SECS) == 0
        harness.PROGRAM = other
        m.start("--plugin-dir", plugins)
        assert m.wait_for("a", state="running")["pid"] == daemon
        m.stop()


if __name__ == "__main__":
    main(globals())

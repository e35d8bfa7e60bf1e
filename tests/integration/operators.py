"""What an operator asks for in the wrong way or at the wrong time, and what the answer says. One scenario per CTest."""
import contextlib
import json
import os
import signal
import socket
import subprocess

from harness import DEADLINE_SECS, PROGRAM, Manager, main, need_root, until

FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]


def a_removed_socket_file_comes_back():
    with Manager() as m:
        m.start()
        m.add(web={"command": FOREVER})
        m.ok("start", "web")
        file = m.data / "syspulse.sock"
        for _ in range(2):
            file.unlink()
            until(file.exists, "the manager makes it anew")
            m.ok("ping")
            # The keeper's socket has no file any more.
            before = m.pid()
            os.kill(before, signal.SIGKILL)
            until(lambda: m.run("ping").returncode == 0 and m.pid() != before, "the next manager answers")
        assert m.status("web")["state"] == "running"
        m.stop()
        assert not file.exists()


def a_manager_that_dies_while_it_makes_its_socket_anew_is_replaced():
    with Manager() as m:
        m.start()
        m.add(web={"command": FOREVER})
        m.ok("start", "web")
        first, file = m.status("web")["pid"], m.data / "syspulse.sock"

        def next_one_serves(before):
            until(lambda: m.run("ping").returncode == 0 and m.pid() != before, "the next manager answers")
            assert file.stat().st_mode & 0o777 == 0o600
        # What the old manager has bound and nobody listens at yet, or is only about to bind.
        before = m.pid()
        os.kill(before, signal.SIGSTOP)
        file.unlink()
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(file))
            os.kill(before, signal.SIGKILL)
        next_one_serves(before)
        # And wherever it is, some time after the file was gone.
        for steps in range(0, 2000, 100):
            before = m.pid()
            file.unlink()
            for _ in range(steps):
                os.getppid()
            os.kill(before, signal.SIGKILL)
            next_one_serves(before)
        now = m.status("web")
        assert (now["pid"], now["state"]) == (first, "running"), now
        m.stop()
        assert not file.exists()


def a_name_that_is_nearly_right_is_suggested():
    with Manager() as m:
        m.start()
        m.add(cache={"command": FOREVER})
        for command in ("start", "status", "spec", "logs", "stop"):
            assert 'no daemon named "cach"; did you mean "cache"?' in m.fails(4, command, "cach"), command
        assert 'no daemon named "cach"; did you mean "cache"?' in m.fails(4, "start", "cach", "cache")
        refused = json.loads(m.fails(4, "--format", "json", "start", "cach"))["error"]
        assert refused["kind"] == "daemon_not_found" and 'mean "cache"?' in refused["message"], refused
        assert "mean" not in m.fails(4, "start", "something-else")
        for words in (("start", "--all", "--tag", "x"), ("stop", "--tag", "x", "--all")):
            assert "give one of them" in m.fails(2, *words)
        assert m.status("cache")["state"] == "running", "what was refused has changed nothing"


def who_finds_no_socket_hears_of_the_manager_all_the_same():
    with Manager() as m:
        m.start()
        pid, file = m.pid(), m.data / "syspulse.sock"
        other = m.data / "other"
        other.write_text("")
        other.rename(file)
        told = until(lambda: (done := m.run("ping")).returncode == 3 and done.stderr, "the socket is gone")
        assert f"the manager (pid {pid})" in told and f"kill -TERM {pid}" in told, told
        file.unlink()
        assert f"kill -TERM {pid}" in m.fails(3, "ping")
        m.stop()
        assert "no manager is running" in m.fails(3, "ping")


def a_long_data_directory_is_left_without_a_socket():
    """Its socket is reached through a descriptor of the directory, as its name would be too long."""
    with Manager() as m:
        m.data = m.root / ("d" * 120)
        m.start()
        file = m.data / "syspulse.sock"
        file.unlink()
        until(file.exists, "the manager makes it anew")
        m.ok("ping")
        m.stop()
        assert not file.exists()


def what_the_system_refuses_is_permission_denied():
    need_root()
    with Manager() as m:
        m.start()
        closed = m.root / "closed"
        closed.mkdir(mode=0o700)
        m.add(program={"command": ["/etc/passwd"]}, missing={"command": ["/no/such/program"]},
              directory={"command": FOREVER, "user": "nobody", "working_dir": str(closed)})
        for name in ("program", "directory"):
            refused = json.loads(m.fails(7, "--format", "json", "start", name))["error"]
            assert (refused["code"], refused["kind"]) == (403, "permission_denied"), refused
        refused = json.loads(m.fails(1, "--format", "json", "start", "missing"))["error"]
        assert (refused["code"], refused["kind"]) == (500, "failed"), refused


@contextlib.contextmanager
def manager_of_nobody(m, **environment):
    m.data.mkdir(mode=0o700)
    os.chown(m.data, 65534, 65534)
    process = subprocess.Popen([PROGRAM, "daemon", "--data-dir", m.data], user=65534, group=65534, extra_groups=[],
                               stderr=subprocess.DEVNULL, env={**os.environ, **environment})
    try:
        until(lambda: m.run("ping").returncode == 0, "the manager answers")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECS) == 0


def a_program_where_nobody_may_look_is_not_found():
    need_root()
    with Manager() as m:
        closed = m.root / "closed"
        closed.mkdir(mode=0o700)
        with manager_of_nobody(m):
            m.add(lost={"command": ["nosuchprogram"], "env": {"PATH": f"/usr/bin:{closed}"}})
            told = m.fails(1, "start", "lost")
            assert "cannot execute nosuchprogram: No such file" in told, told
            assert f"{closed} cannot be searched" in told, told


def a_manager_of_nobody_refuses_other_users_at_once():
    need_root()
    with Manager() as m:
        with manager_of_nobody(m):
            spec = m.root / "spec.yaml"
            spec.write_text(json.dumps({"daemons": {"a": {"command": FOREVER, "user": "daemon"}}}))
            told = m.fails(2, "add", "-f", spec)
            assert "only a manager of root can" in told and f"{spec}:1:" in told, told
            m.add(own={"command": FOREVER, "user": "nobody"})
            spec.chmod(0o600)
            done = m.run("add", "-f", spec, user=65534, group=65534, extra_groups=[])
            assert done.returncode == 7 and "Permission denied" in done.stderr, done


def a_daemon_that_a_signal_stopped_ends_when_asked():
    with Manager() as m:
        m.start()
        m.add(st={"command": ["/bin/sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"]})
        m.ok("start", "st")
        until(lambda: m.log("st"), "the trap is set")
        m.ok("signal", "st", "STOP")
        assert m.ok("stop", "st") == "st: stopped\n"
        assert m.status("st")["exit_code"] == 0 and m.status("st")["killed_after_secs"] is None
        assert "signal SIGSTOP" in m.ok("events", "--daemon", "st")


def logs_of_a_removed_daemon_are_pointed_to():
    with Manager() as m:
        m.start()
        m.add(st={"command": ["/bin/echo", "x"]})
        m.ok("start", "st")
        until(lambda: m.log("st"), "it has written")
        m.wait_for("st", state="stopped")
        m.ok("remove", "st")
        assert str(m.data / "logs" / "st") in m.fails(4, "logs", "st")
        assert "logs" not in m.fails(4, "logs", "other")


def files_that_are_not_there_are_no_daemons():
    with Manager() as m:
        m.start()
        for words in (("upgrade", "/nope"), ("plugin", "check", "/nope")):
            assert "cannot read /nope: No such file" in m.fails(1, *words)
        told = m.fails(1, "plugin", "check", "/bin/true")
        assert "boost" not in m.run("plugin", "check", "/bin/true").stdout + told


def a_wait_is_one_for_all_daemons():
    with Manager() as m:
        m.start()
        m.add(base={"command": FOREVER, "health_check": {"type": "tcp", "target": "127.0.0.1:1", "interval_secs": 600,
                                                         "start_period_secs": 600}},
              **{f"d{i}": {"command": FOREVER, "tags": ["k"], "depends_on": ["base"]} for i in range(40)})
        told = m.fails(6, "start", "--tag", "k", "--wait", "--timeout", 2)
        assert told.count("is still starting after ") == 40, told
        late = [line for line in told.splitlines() if "after 0" in line]
        assert not late, "each was waited for from the beginning"
        assert "base" in m.fails(6, "restart", "base", "--wait", "--timeout", 1)


if __name__ == "__main__":
    main(globals())

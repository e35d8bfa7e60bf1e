"""A host that does not give what the manager needs: paths, rights, space, a damaged registry."""
import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time

from harness import DEADLINE_SECS, PROGRAM, Manager, main, need_root, until


def manager(m, *words, **options):
    return subprocess.run([PROGRAM, *map(str, words), "daemon"], capture_output=True, text=True, timeout=DEADLINE_SECS,
                          **options)


def a_data_directory_with_a_long_path_works():
    with Manager() as m:
        m.data = m.root / ("d" * 120) / "data"
        m.data.parent.mkdir()
        m.start()
        m.add(web={"command": ["/bin/sh", "-c", "sleep 600"]})
        m.ok("start", "web")
        assert m.status("web")["state"] == "running"
        m.stop()


def a_second_manager_names_the_first():
    with Manager() as m:
        m.start()
        told = manager(m, "--data-dir", m.data)
        assert told.returncode == 5 and str(m.process.pid) in told.stderr, told
        told = manager(m, "--data-dir", m.data, "--format", "json")
        assert told.returncode == 5 and '"code":409' in told.stderr, told
        m.ok("ping")


def a_data_directory_that_cannot_be_used_is_refused():
    need_root()
    with Manager() as m:
        file = m.root / "file"
        file.write_text("")
        told = manager(m, "--data-dir", file / "data")
        assert told.returncode == 1 and str(file) in told.stderr, told
        locked = m.root / "locked"
        locked.mkdir(mode=0o755)
        told = manager(m, "--data-dir", locked / "data", user=65534, group=65534, extra_groups=[])
        assert told.returncode == 7 and "ermission denied" in told.stderr, told
        theirs = m.root / "theirs"
        theirs.mkdir(mode=0o777)
        theirs.chmod(0o777)
        told = manager(m, "--data-dir", theirs)
        assert told.returncode != 0 or not os.path.exists(theirs / "syspulse.sock"), told


def a_socket_of_somebody_else_is_not_taken():
    with Manager() as m:
        path = m.root / "other.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            told = manager(m, "--data-dir", m.data, "--socket", path)
            assert told.returncode != 0 and str(path) in told.stderr, told


def a_damaged_registry_is_refused_and_left_alone():
    with Manager() as m:
        m.data.mkdir(mode=0o700)
        for text in (b"this is no database, and longer than a header of SQLite would be" * 20,):
            (m.data / "syspulse.db").write_bytes(text)
            told = manager(m, "--data-dir", m.data)
            assert told.returncode == 1 and "syspulse.db" in told.stderr, told
            assert (m.data / "syspulse.db").read_bytes() == text


def a_full_disk_stops_no_daemon_and_loses_no_registration():
    """The data directory is a tmpfs of 2 MiB in a mount namespace of its own."""
    need_root()
    if os.environ.get("SYSPULSE_TEST_NAMESPACE") != "1":
        done = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv],
                              env=os.environ | {"SYSPULSE_TEST_NAMESPACE": "1"}, check=False)
        sys.exit(done.returncode)
    with Manager() as m:
        m.data.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "syspulse-test", m.data], check=True)
        try:
            m.start()
            m.add(web={"command": ["/bin/sh", "-c", "while :; do sleep 60; done"],
                       "restart_policy": {"policy": "always", "backoff_base_secs": 0.05}})
            m.ok("start", "web")
            ballast = m.data / "ballast"
            with open(ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
                while True:
                    f.write(b"x" * 4096)
            first = m.status("web")["pid"]
            refused = fill_until_add_fails(m)
            assert "disk is full" in refused or "No space" in refused or "full" in refused, refused
            os.kill(first, signal.SIGKILL)
            until(lambda: (now := m.status("web"))["state"] == "running" and now["pid"] != first,
                  "it is restarted although nothing can be recorded")
            ballast.unlink()
            until(lambda: m.run("add", "--name", "later", "--command", "/bin/true").returncode == 0, "space is used again")
            assert m.status("web")["state"] == "running"
            m.stop()
        finally:
            if m.process and m.process.poll() is None:
                m.process.terminate()
                m.process.wait(DEADLINE_SECS)
            subprocess.run(["umount", m.data], check=False)


def a_stop_while_the_disk_is_full_is_known_to_the_next_manager():
    """The data directory is a tmpfs of 3 MiB in a mount namespace of its own."""
    need_root()
    if os.environ.get("SYSPULSE_TEST_NAMESPACE") != "1":
        done = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv],
                              env=os.environ | {"SYSPULSE_TEST_NAMESPACE": "1"}, check=False)
        sys.exit(done.returncode)
    with Manager() as m:
        m.data.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "syspulse-test", m.data], check=True)
        try:
            m.start()
            names = [f"d{n}" for n in range(20)]
            m.add(**{name: {"command": ["/bin/sleep", "600"]} for name in names})
            m.ok("start", "--all")
            ballast = m.data / "ballast"
            with open(ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
                while True:
                    f.write(b"x" * 4096)
            fill_until_add_fails(m)

            def warned():
                return json.loads(m.ok("--format", "json", "info"))["warnings"]
            until(lambda: m.run("signal", "d0", "CONT").returncode == 0 and warned(), "not a line more can be recorded")
            m.ok("stop", "--all")
            assert warned(), "nor that they were stopped"
            m.ok("shutdown")
            assert ballast.exists() and not (m.data / "syspulse.db-reserve").exists(), "the reserve was used"
            m.process.wait(DEADLINE_SECS)
            ballast.unlink()
            m.start()
            assert (m.data / "syspulse.db-reserve").stat().st_size == 512 << 10, "it is made again"
            for name in names:
                now = m.status(name)
                assert now["state"] == "stopped" and now["last_error"] is None, now
            m.stop()
        finally:
            if m.process and m.process.poll() is None:
                m.process.terminate()
                m.process.wait(DEADLINE_SECS)
            subprocess.run(["umount", m.data], check=False)


def _ask(m, path, body):
    """Not the client, which would wait as long as it takes until there is a descriptor left for it."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
        s.settimeout(2)
        s.connect(str(m.data / "syspulse.sock"))
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: m\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        s.recv(1)


def too_few_descriptors_are_told_and_end_nothing_by_a_signal():
    with Manager() as m:
        served = refused = 0
        for limit in (*range(6, 30, 3), 64):
            m.data = m.root / f"data-{limit}"
            process = subprocess.Popen([PROGRAM, "daemon", "--no-keeper", "--data-dir", m.data], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True,
                                       preexec_fn=lambda n=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
            until(lambda: process.poll() is not None or (m.data / "syspulse.sock").exists(), "it serves or refuses")
            _ask(m, "/v1/daemons", '{"daemons": {"web": {"command": ["/bin/sleep", "600"]}}}')
            _ask(m, "/v1/daemons/web/start", "{}")
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(DEADLINE_SECS) == 0, f"{limit}: {process.returncode}: {process.stderr.read()}"
                served += 1
            else:
                told = process.stderr.read()
                assert process.returncode == 1 and "oo many open files" in told, f"{limit}: {process.returncode}: {told}"
                refused += 1
            process.stderr.close()
        assert served > 0 and refused > 0, f"{served} {refused}"


def a_limit_is_told_before_it_hurts():
    limit, daemons = 200, 29  # 200 less those kept free and the manager's own leave 32.
    with Manager() as m:
        m.start("--no-keeper")
        resource.prlimit(m.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        spec = {"command": ["/bin/sleep", "600"], "autostart": True}
        m.add(**{f"d{i}": spec for i in range(daemons - 4)})
        assert "open descriptors" not in m.ok("info"), "there is room enough"
        m.add(**{f"e{i}": spec for i in range(4)})
        told = m.ok("info")
        assert "29 daemons are declared" in told and "open descriptors (200)" in told and "LimitNOFILE=" in told, told
        m.add(**{f"f{i}": spec for i in range(60)})
        refused = m.fails(1, "start", "--all")
        assert "raise the hard limit" in refused and "for checks, clients and files" in refused, refused
        running = [d for d in json.loads(m.ok("list", "--format", "json")) if d["state"] == "running"]
        assert len(running) >= 32, "there was room for as many as it said"
        assert "cannot be started" in m.ok("info")


def a_registry_that_somebody_locks_holds_up_nobody():
    with Manager() as m:
        m.start()
        m.add(busy={"command": ["/bin/sh", "-c", "exit 1"],
                    "restart_policy": {"policy": "always", "backoff_base_secs": 0.01, "backoff_max_secs": 0.05}})
        m.add(calm={"command": ["/bin/sleep", "600"]})
        m.ok("start", "busy")
        with contextlib.closing(sqlite3.connect(m.data / "syspulse.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            locked_at = m.status("busy")["restart_count"]
            until(lambda: m.status("busy")["restart_count"] > locked_at + 40, "it is restarted again and again")
            assert "locked" in m.ok("info"), "the operator is told"
            m.fails(1, "add", "--name", "later", "--command", "/bin/true")
            refused = m.fails(1, "start", "calm")
            assert 'cannot start "calm"' in refused and "another program holds it" in refused, refused
            assert m.status("calm")["pid"] is None, "what nobody would find after a crash is not begun"
        until(lambda: "locked" not in m.ok("info"), "all is recorded")
        m.ok("add", "--name", "later", "--command", "/bin/true")
        m.ok("start", "calm")
        m.ok("stop", "busy")
        with contextlib.closing(sqlite3.connect(m.data / "syspulse.db")) as other:
            (kept,) = other.execute("SELECT max(restart_count) FROM instances").fetchone()
        assert kept > locked_at + 40, "as it stands, not as it stood"


def fill_until_add_fails(m):
    """The registry may have room left in pages it owns; a large spec does not fit into them."""
    end = time.monotonic() + DEADLINE_SECS
    number = 0
    while time.monotonic() < end:
        number += 1
        done = m.run("add", "--name", f"big-{number}", "--description", "x" * 60000, "--command", "/bin/true")
        if done.returncode != 0:
            assert done.returncode == 1, done
            m.fails(4, "status", f"big-{number}")
            return done.stderr
    raise AssertionError("the disk does not fill")


main(globals())

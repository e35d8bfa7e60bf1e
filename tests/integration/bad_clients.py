"""Clients of the control endpoint that misbehave: refused or dropped, and nobody else has to wait."""
import os
import select
import socket
import subprocess
import time

from harness import DEADLINE_SECS, PROGRAM, Manager, main, until

PROMPT_SECS = 5  # What a well-behaved client may have to wait on a busy machine.


def connect(m):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE_SECS)
    s.connect(str(m.data / "syspulse.sock"))
    return s


def answer(s):
    """All that comes until the manager closes."""
    data = b""
    try:
        while chunk := s.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def prompt(m):
    begin = time.monotonic()
    m.ok("ping")
    assert time.monotonic() - begin < PROMPT_SECS


def descriptors(m):
    return len(os.listdir(f"/proc/{m.pid()}/fd"))


def garbage_is_answered_with_400():
    with Manager() as m:
        m.start()
        for text in (b"\x00\x01\x02\xff" * 64 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"POST /v1/daemons HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"):
            with connect(m) as s:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                told = answer(s)
                assert told.startswith(b"HTTP/1.1 400"), told
            prompt(m)


def a_hundred_megabytes_are_refused_before_they_are_read():
    with Manager() as m:
        m.start()
        with connect(m) as s:
            s.sendall(b"POST /v1/daemons HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
            told = b""
            try:
                for _ in range(100):
                    s.sendall(b"x" * 1048576)
            except (BrokenPipeError, ConnectionResetError):
                pass
            told = answer(s)
            assert told.startswith(b"HTTP/1.1 413"), told[:200]
        with connect(m) as s:
            s.sendall(b"POST /v1/daemons HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
            assert s.recv(65536).startswith(b"HTTP/1.1 413"), "told without waiting for the body"
        with open(f"/proc/{m.pid()}/status") as f:
            peak_kib = int(next(line for line in f if line.startswith("VmHWM")).split()[1])
        assert peak_kib < 256 * 1024, f"{peak_kib} KiB"
        prompt(m)


def one_byte_a_second_delays_nobody():
    """A few bytes, each alone; the connection then stays open and silent while others are served."""
    with Manager() as m:
        m.start()
        slow = [connect(m) for _ in range(50)]
        for byte in b"GET /v":
            for s in slow:
                s.sendall(bytes([byte]))
            prompt(m)
        m.add(web={"command": ["/bin/sh", "-c", "sleep 600"]})
        m.ok("start", "web")
        for s in slow:
            s.close()


def who_vanishes_leaves_nothing_behind():
    with Manager() as m:
        m.start()
        m.add(web={"command": ["/bin/sh", "-c", "while :; do sleep 60; done"],
                   "health_check": {"type": "tcp", "target": "127.0.0.1:1"}})
        m.ok("start", "web")  # What its capture needs stays open.
        m.ok("stop", "web")
        before = descriptors(m)
        requests = (b"GET /v1/events?follow=true HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"GET /v1/daemons/web/logs?follow=true HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"POST /v1/daemons/web/restart HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n"
                    b'{"wait":true,"timeout_secs":9}', b"GET /v1/dae", b"")
        for text in requests * 4:
            s = connect(m)
            s.sendall(text)
            s.close()
        prompt(m)
        m.wait_for("web", state="running")
        m.ok("stop", "web")
        until(lambda: descriptors(m) <= before, f"the {before} descriptors of before")


def a_long_look_into_logs_delays_no_other_client():
    with Manager() as m:
        m.start()
        m.add(big={"command": ["/bin/true"]})
        lines = 600_000
        (m.data / "logs" / "big").mkdir(parents=True, exist_ok=True)  # The manager may not have come to it yet.
        for stream in ("stdout", "stderr"):
            with open(m.data / "logs" / "big" / f"{stream}.log", "w") as log:
                log.write("".join(f"{stream} {n}\n" for n in range(lines)))
        query = subprocess.Popen([PROGRAM, "--data-dir", m.data, "logs", "big", "--all-streams", "-n", str(lines)],
                                 stdout=subprocess.PIPE)
        pings = 0
        while not select.select([query.stdout], [], [], 0)[0]:
            assert m.get("/v1/ping") == {"status": "pong"}
            pings += 1
        query.kill()
        query.wait()
        query.stdout.close()
        assert pings > 4, f"{pings} were answered before the query, which takes as long as many"


main(globals())

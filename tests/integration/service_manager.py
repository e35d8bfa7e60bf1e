"""What a service manager above us hears (systemd's notify protocol), played by a socket. One scenario per CTest."""
import os
import signal
import socket
import sys
import time

from harness import DEADLINE_SECS, Manager, alive

WATCHDOG_USEC = 400_000
FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]


class Heard:
    def __init__(self, m):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = str(m.root / "notify")
        self.socket.bind(self.path)
        self.socket.settimeout(DEADLINE_SECS)

    def next(self):
        return self.socket.recv(1000).decode()

    def until(self, wanted):
        """What came before it."""
        before = []
        while (word := self.next()) != wanted:
            before.append(word)
        return before

    def drop_all(self):
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(1000)
        except BlockingIOError:
            self.socket.settimeout(DEADLINE_SECS)


def launch(m, heard, *flags):
    """As systemd does it, WATCHDOG_PID is the process that it started."""
    pid = os.fork()
    if pid == 0:
        os.environ["WATCHDOG_USEC"] = str(WATCHDOG_USEC)
        os.environ["WATCHDOG_PID"] = str(os.getpid())
        os.environ["NOTIFY_SOCKET"] = heard.path
        log = os.open(m.root / "manager.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        program = os.environ["SYSPULSE_PROGRAM"]
        os.execv(program, [program, "daemon", "--data-dir", str(m.data), *flags])
    return pid


def it_hears_of_readiness_life_and_stopping_under_a_keeper_and_without():
    for flags in ((), ("--no-keeper",)):
        with Manager() as m:
            heard = Heard(m)
            started = launch(m, heard, *flags)
            try:
                assert heard.next() == "READY=1"
                for _ in range(5):
                    assert heard.next() == "WATCHDOG=1"
                assert m.run("ping").returncode == 0
                os.kill(started, signal.SIGTERM)
                assert set(heard.until("STOPPING=1")) <= {"WATCHDOG=1"}
            finally:
                assert os.waitpid(started, 0)[1] == 0


def a_hung_manager_falls_silent_and_its_successor_speaks():
    with Manager() as m:
        heard = Heard(m)
        started = launch(m, heard)
        try:
            heard.until("WATCHDOG=1")
            m.add(a={"command": FOREVER})
            m.ok("start", "a")
            manager, daemon = m.pid(), m.status("a")["pid"]
            os.kill(manager, signal.SIGSTOP)
            time.sleep(0.1)  # What it had sent by then.
            heard.drop_all()
            heard.socket.settimeout(2 * WATCHDOG_USEC / 1e6)
            try:
                raise AssertionError("a manager that stands still said " + heard.next())
            except TimeoutError:
                heard.socket.settimeout(DEADLINE_SECS)
            # systemd would send SIGABRT to all of the unit; here, only the manager goes.
            os.kill(manager, signal.SIGABRT)
            os.kill(manager, signal.SIGCONT)
            assert heard.next() == "READY=1"
            for _ in range(3):
                assert heard.next() == "WATCHDOG=1"
            assert m.wait_for("a", state="running")["pid"] == daemon
        finally:
            os.kill(started, signal.SIGTERM)
            assert os.waitpid(started, 0)[1] == 0
        assert not alive(daemon)


if __name__ == "__main__":
    globals()[sys.argv[1]]()

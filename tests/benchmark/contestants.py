"""Everybody who does the same work side by side: the bare limit of the kernel, syspulse, and the supervisors that
Debian packages. Each class writes what its program reads, and says how to start it and how to ask it."""
import json
import os
import shutil
import signal
import socket
import subprocess
import threading

import procs

LIMIT, OURS = "limit", "syspulse"


def debian_version(package):
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True).stdout


def write_program(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)


class Contestant:
    name = "?"
    most = 10 ** 9      # More services than this it refuses or cannot take in a reasonable time.
    settle_s = 0.0      # A service younger than this is throttled when it ends.
    stop_signal = signal.SIGTERM

    def __init__(self, place, directory):
        self.place = place  # A Place: helpers and the programs under test.
        self.dir = directory
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        self.process = None

    def launch(self, *command, **options):
        with open(f"{self.dir}/supervisor.out", "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options)

    @classmethod
    def version(cls, place):
        return ""

    def prepare(self, services, logs=None):
        """`services` are (name, program, argument); with `logs`, output is kept below that directory."""

    def start(self):
        raise NotImplementedError

    def stop(self):
        self.process.send_signal(self.stop_signal)

    def status_command(self, name):
        return None

    def is_idle(self, count):
        """Whether nothing is under way any more, once the `count` services run."""
        return True

    def clean_up(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class BareLimit(Contestant):
    name = LIMIT

    @classmethod
    def version(cls, place):
        return "clone(CLONE_VM|CLONE_VFORK|CLONE_PIDFD) + execve, pidfds in epoll"

    def prepare(self, services, logs=None):
        self.file, _, self.mode = services[0][2].split(":")
        self.count = len(services)

    def start(self):
        self.launch(self.place.helper("bare_limit"), self.place.service, self.file, str(self.count), self.mode)


class Syspulse(Contestant):
    """From the registry: the daemons were added before, as peers find their service directories."""
    name = OURS
    from_file = False
    file_holds = 5000   # Daemons; a file may have half a million values.
    captures = True     # Output is kept in log files.
    check = None        # A function from the index to a health check.
    driver = None

    @classmethod
    def version(cls, place):
        return subprocess.run([place.program, "--version"], capture_output=True, text=True).stdout.strip()

    def spec(self, index, service, logs):
        name, program, argument = service
        daemon = {"command": [program, argument], "autostart": True, "stop_timeout_secs": 30,
                  "restart_policy": {"policy": "always", "backoff_base_secs": 0, "backoff_max_secs": 0}}
        if not self.captures:
            daemon["log_config"] = {"capture": False}
        elif logs:
            daemon["log_config"] = {"max_size_bytes": 100_000_000, "retain_count": 200}
        if self.check:
            daemon["health_check"] = self.check(index)
        return name, daemon

    def prepare(self, services, logs=None):
        self.data = logs or f"{self.dir}/data"
        self.files = [self.write(at, services[at:at + self.file_holds], logs)
                      for at in range(0, len(services), self.file_holds)] or [self.write(0, [], logs)]
        if self.from_file or not services:
            return
        self.launch(self.place.program, "daemon", "--data-dir", self.data)
        procs.until(lambda: self.cli("ping").returncode == 0, 30)
        for file in self.files:
            added = self.cli("add", "-f", file)
            if added.returncode != 0:
                raise RuntimeError(added.stderr)
        self.stop()
        self.process.wait(180)

    def write(self, first, services, logs):
        file = f"{self.dir}/services-{first}.yaml"
        with open(file, "w") as f:  # JSON is YAML.
            f.write("daemons:\n")
            for i, service in enumerate(services, first):
                name, daemon = self.spec(i, service, logs)
                f.write(f"  {name}: {json.dumps(daemon)}\n")
        return file

    def command(self, *arguments):
        return [self.place.program, "--data-dir", self.data, *arguments]

    def cli(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True)

    def start(self):
        config = ["--config", *self.files] if self.from_file else []
        self.launch(self.place.program, "daemon", "--data-dir", self.data, *config)

    def status_command(self, name):
        return self.command("status", name)

    def endpoint(self):
        """A function that asks for one daemon on an open connection, without the client program."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(f"{self.data}/syspulse.sock")

        def ask(name):
            connection.sendall(f"GET /v1/daemons/{name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            got = b""
            while b"\r\n\r\n" not in got:
                got += connection.recv(1 << 16)
            head, _, body = got.partition(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                          if line.startswith(b"content-length"))
            while len(body) < length:
                body += connection.recv(1 << 16)
            return body
        return ask


class SyspulseFromFile(Syspulse):
    name = "syspulse, from a spec file"
    from_file = True
    file_holds = 1 << 30  # There is one to start with.


class SyspulseWithoutCapture(Syspulse):
    name = "syspulse, without log capture"
    captures = False


class SyspulseWithCheck(Syspulse):
    """The bundled TCP checker. It is asked once, at the start, and passes: a check that fails is soon made again."""
    name = "syspulse, with a check"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.accepted = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept_all, args=(self.listener,), daemon=True).start()

    def accept_all(self, listener):
        try:
            while True:
                listener.accept()[0].close()
                self.accepted += 1
        except OSError:
            return  # Closed.

    def check(self, index):
        return {"type": "tcp", "target": f"127.0.0.1:{self.port}", "interval_secs": 86400}

    def start(self):
        self.accepted = 0  # Since it was started to add the daemons.
        super().start()

    def is_idle(self, count):
        return self.accepted >= count

    def clean_up(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        super().clean_up()


class S6(Contestant):
    name = "s6"
    settle_s = 1.0

    @classmethod
    def version(cls, place):
        return debian_version("s6")

    def prepare(self, services, logs=None):
        self.scan = f"{self.dir}/scan"
        os.makedirs(self.scan)
        for name, program, argument in services:
            directory = f"{self.scan}/{name}"
            os.makedirs(directory)
            write_program(f"{directory}/run", f"#!{program} {argument}\n")
            if logs:
                os.makedirs(f"{directory}/log")
                os.makedirs(f"{logs}/{name}")
                write_program(f"{directory}/log/run",
                              f"#!/bin/sh\nexec s6-log n200 s100000000 {logs}/{name}\n")

    def start(self):
        self.launch("s6-svscan", "-c", "8000", self.scan)

    def status_command(self, name):
        return ["s6-svstat", f"{self.scan}/{name}"]


class Runit(Contestant):
    name = "runit"
    most = 1000
    settle_s = 1.0
    stop_signal = signal.SIGHUP
    program, logger = "runsvdir", "svlogd"

    @classmethod
    def version(cls, place):
        return debian_version("runit")

    def prepare(self, services, logs=None):
        self.scan = f"{self.dir}/service"
        os.makedirs(self.scan)
        for name, program, argument in services:
            directory = f"{self.scan}/{name}"
            os.makedirs(directory)
            write_program(f"{directory}/run", f"#!{program} {argument}\n")
            if logs:
                self.prepare_log(directory, f"{logs}/{name}")

    def prepare_log(self, directory, target):
        os.makedirs(f"{directory}/log")
        os.makedirs(target)
        with open(f"{target}/config", "w") as f:
            f.write("s100000000\nn200\n")
        write_program(f"{directory}/log/run", f"#!/bin/sh\nexec svlogd {target}\n")

    def start(self):
        self.launch(self.program, self.scan)

    def status_command(self, name):
        return ["sv", "status", f"{self.scan}/{name}"]


class Daemontools(Runit):
    name = "daemontools"
    program = "svscan"

    @classmethod
    def version(cls, place):
        return debian_version("daemontools")

    def prepare_log(self, directory, target):
        os.makedirs(f"{directory}/log")
        os.chmod(directory, 0o1755)
        write_program(f"{directory}/log/run", f"#!/bin/sh\nexec multilog s16777215 n400 {target}\n")

    def status_command(self, name):
        return ["svstat", f"{self.scan}/{name}"]

    def stop(self):
        raise NotImplementedError  # svscan leaves its services alone.


class Supervisord(Contestant):
    name = "supervisord"

    @classmethod
    def version(cls, place):
        return debian_version("supervisor")

    def prepare(self, services, logs=None):
        self.config = f"{self.dir}/supervisord.conf"
        with open(self.config, "w") as f:
            f.write(f"[supervisord]\nnodaemon=true\nlogfile={self.dir}/log\nlogfile_maxbytes=0\n"
                    f"pidfile={self.dir}/pid\nminfds=1024\nminprocs=200\n"
                    f"[unix_http_server]\nfile={self.dir}/sock\n[rpcinterface:supervisor]\n"
                    "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
                    f"[supervisorctl]\nserverurl=unix://{self.dir}/sock\n")
            for name, program, argument in services:
                out = f"{logs}/{name}.log" if logs else "NONE"
                f.write(f"[program:{name}]\ncommand={program} {argument}\nautorestart=true\nstartsecs=0\n"
                        f"startretries=1000000\nstdout_logfile={out}\nstdout_logfile_maxbytes=100000000\n"
                        "stdout_logfile_backups=200\nstderr_logfile=NONE\n")

    def start(self):
        self.launch("/usr/bin/supervisord", "-n", "-c", self.config)

    def status_command(self, name):
        return ["supervisorctl", "-c", self.config, "status", name]


class Monit(Contestant):
    """Polls once a second, its minimum, and finds services by their pid files."""
    name = "monit"
    most = 100

    @classmethod
    def version(cls, place):
        return debian_version("monit")

    def prepare(self, services, logs=None):
        self.config = f"{self.dir}/monitrc"
        with open(self.config, "w") as f:
            f.write(f"set daemon 1\nset log {self.dir}/log\nset pidfile {self.dir}/pid\nset idfile {self.dir}/id\n"
                    f"set statefile {self.dir}/state\nset httpd unixsocket {self.dir}/sock\n    allow localhost\n")
            for name, program, argument in services:
                pid = f"{self.dir}/{name}.pid"
                f.write(f"check process {name} with pidfile {pid}\n"
                        f"  start program = \"/bin/sh -c '{program} {argument} >/dev/null 2>&1 & echo $! >{pid}'\"\n"
                        f"  stop program = \"/bin/sh -c 'kill `cat {pid}`'\"\n")
        os.chmod(self.config, 0o600)

    def start(self):
        self.launch("monit", "-I", "-c", self.config)

    def status_command(self, name):
        return ["monit", "-c", self.config, "status", name]

    def stop(self):
        raise NotImplementedError  # It leaves its services alone.

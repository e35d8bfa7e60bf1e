"""What the program prints, word for word: each session of commands is compared with a golden file. Process ids,
times, sizes and paths are normalised. `transcripts.py --update` writes the golden files anew."""
import difflib
import os
import pathlib
import re
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from harness import DEADLINE_SECS, PROGRAM, Manager, until  # noqa: E402

FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]
NORMAL = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
    (r"\(pid \d+\)", "(pid PID)"),
    (r"(pid:\s+|\"pid\":)\d+", r"\1PID"),
    (r"(\"uptime_secs\":)[\d.e-]+", r"\1SECS"),
    (r"(\"(?:cpu_secs|memory_bytes|tasks|output_bytes)\":)[\d.e-]+", r"\1N"),
    (r"(state:\s+\w+, pid )\d+, for [\dmsh ]+", r"\1PID, for AGE"),
    (r"TIME \([\dmsh ]+ ago\)", "TIME (AGE ago)"),
    (r"((?:memory|cpu time|tasks): +)\S.*", r"\1N"),
)
# In tables, once columns are two blanks apart: the process id after the health, and the uptime after it.
TABLE = ((r"(?m)^(web  \S+  \S+  )\d+", r"\1PID"), (r"(?m)^(web  \S+  \S+  PID  )\d+m?s", r"\1UP"))


class Session:
    posix = True

    def __init__(self, manager):
        self.manager = manager
        self.text = ""

    def note(self, words, output, code):
        for pattern, name in ((re.escape(str(self.manager.root)), "ROOT"), *NORMAL):
            output = re.sub(pattern, name, output)
        # Columns move with the width of what was normalised.
        output = re.sub(r"(?<=\S) {2,}(?=\S)", "  ", output)
        for pattern, name in TABLE:
            output = re.sub(pattern, name, output)
        shown = " ".join(str(w) for w in words).replace(str(self.manager.root), "ROOT")
        self.text += f"$ syspulse {shown}\n{output}[{code}]\n\n"

    def run(self, *words):
        done = subprocess.run([PROGRAM, "--data-dir", self.manager.data, *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_SECS, check=False,
                              env=os.environ | {"TZ": "UTC"})
        self.note(words, done.stdout, done.returncode)

    def on_terminal(self, columns, *words, **environment):
        """The same on a terminal of that many columns; escape characters are shown as \\e."""
        import fcntl
        import pty
        import termios
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        child = subprocess.Popen([PROGRAM, "--data-dir", self.manager.data, *words], stdin=theirs, stdout=theirs,
                                 stderr=theirs, env={**os.environ, "TERM": "xterm", **environment})
        os.close(theirs)
        data = b""
        try:
            while chunk := os.read(ours, 65536):
                data += chunk
        except OSError:
            pass  # The other side is closed.
        os.close(ours)
        code = child.wait(DEADLINE_SECS)
        output = data.decode().replace("\r\n", "\n").replace("\x1b", "\\e")
        before = " ".join(f"{k}={v}" for k, v in environment.items())
        self.note((f"# {columns} columns", *([before] if before else []), *words), output, code)


def errors(s):
    s.run("status")
    s.run("--format", "json", "status")
    s.run("fly")
    s.run("--format", "json", "fly")
    s.run("stat")
    s.run("start")
    s.run("start", "web", "--wat")
    s.run("start", "web", "--timeout", "soon")
    s.run("validate", "ROOT/missing.yaml")
    s.run("schedule", "61 * * * *")
    s.run("signal", "web", "FOO")
    s.run("--format", "yaml", "list")
    if s.posix:
        s.run("service", "install")
    s.manager.start()
    s.run("status")
    s.run("--format", "json", "list")
    s.run("start", "web")
    s.run("--format", "json", "start", "web", "db")
    s.run("stop", "--tag", "x")
    s.run("stop", "--all")
    s.run("logs", "web")
    s.run("spec", "web")


def lifecycle(s):
    s.manager.start()
    s.run("add", "--name", "web", "--description", "Static files", "--command", *FOREVER)
    s.run("add", "--name", "web", "--command", "true")
    s.run("add", "--name", "job", "--command", "/bin/sh", "-c", "echo out; echo err >&2; exit 3")
    s.run("list")
    s.run("start", "--wait", "web")
    s.run("start", "web")
    s.run("start", "job")
    until(lambda: s.manager.status("job")["state"] == "failed", "the job is over")
    until(lambda: s.manager.log("job") and s.manager.log("job", "stderr"), "its output is there")
    s.run("status")
    s.run("status", "web")
    s.run("status", "job")
    s.run("--format", "json", "status", "job")
    s.run("list", "-q")
    s.run("logs", "job")
    s.run("logs", "job", "--stderr")
    s.run("--format", "json", "logs", "job")
    s.run("remove", "web")
    s.run("signal", "web", "USR1")
    until(lambda: s.manager.status("web")["state"] == "failed", "the signal ended it")
    s.run("restart", "web")
    s.run("stop", "web", "job")
    s.run("--format", "json", "stop", "--all")
    s.run("remove", "web", "job")
    s.run("ping")
    s.run("--format", "json", "ping")
    s.run("shutdown")


def requests(s):
    """What start and stop tell beside their result, and what is left of it in the status and the history."""
    s.manager.start()
    stubborn = ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"]
    s.manager.add(db={"command": FOREVER}, web={"command": FOREVER, "depends_on": ["db"]},
                  tick={"command": FOREVER, "depends_on": ["web"]}, idle={"command": FOREVER, "depends_on": ["db"]},
                  stubborn={"command": stubborn, "stop_timeout_secs": 0.2})
    s.manager.ok("start", "web", "tick", "stubborn")
    s.run("start", "db", "web")
    s.run("remove", "db")
    s.run("stop", "db")
    s.run("stop", "d*")
    until(lambda: s.manager.log("stubborn"), "the trap is set")
    s.run("stop", "stubborn")
    s.run("status", "stubborn")
    s.run("start", "d*")
    s.run("start", "d*")
    s.run("add", "--replace", "--name", "db", "--command", "/bin/sh", "-c", "while :; do sleep 50; done")
    s.run("status", "db")
    s.run("list", "--tag", "zzz")
    s.run("logs", "")
    s.run("add", "--name", "b d", "--restart", "foo", "--command", "/bin/true")
    events = s.manager.ok("events", "--daemon", "db")
    s.text += "".join(line.split(maxsplit=1)[1].split(" by uid")[0] + "\n" for line in events.splitlines() if " action " in line)


def terminal(s):
    s.manager.start()
    s.manager.add(web={"command": FOREVER, "description": "A description that is far too long for a narrow terminal",
                       "tags": ["one", "two", "three"]},
                  job={"command": ["/no/such/program"]})
    for columns in (40, 60, 80):  # Before anything has a process id, whose width would move the columns.
        s.on_terminal(columns, "list")
    s.manager.ok("start", "web")
    s.manager.run("start", "job")
    s.on_terminal(120, "status")
    s.on_terminal(120, "status", "--no-color")
    s.on_terminal(120, "list", NO_COLOR="1")
    s.on_terminal(120, "--format", "json", "list", "--tag", "none")
    s.run("list")


def offline(s):
    s.run("schedule", "30 2 * * *", "--from", "2040-03-24T00:00:00Z", "--timezone", "Europe/Berlin", "-n", "3")
    s.run("--format", "json", "schedule", "@daily", "--from", "2026-01-01T00:00:00Z", "-n", "2")
    s.run("init", s.manager.root / "new.yaml")
    s.run("init", s.manager.root / "new.yaml")
    s.run("validate", s.manager.root / "new.yaml")
    s.run("--format", "json", "validate", s.manager.root / "new.yaml")


SESSIONS = {f.__name__: f for f in (errors, lifecycle, requests, terminal, offline)}


def complete(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECS, check=True,
                          env=os.environ | {"PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"}).stdout.split()


def completions():
    """Each shell loads its script and completes a command, an option and a daemon's name."""
    with Manager() as m:
        os.environ["SYSPULSE_DATA_DIR"] = str(m.data)
        m.start()
        m.add(**{"web-1": {"command": FOREVER}, "web-2": {"command": FOREVER}})
        expected = {"syspulse resta": {"restart"}, "syspulse stop --forc": {"--force"},
                    "syspulse start web-": {"web-1", "web-2"}}
        for line, wanted in expected.items():
            words = line.split()
            bash = complete(["bash", "-c", f"source <(syspulse completion bash); COMP_WORDS=({line}); "
                             f"COMP_CWORD={len(words) - 1}; _syspulse; printf '%s\\n' \"${{COMPREPLY[@]}}\""])
            assert wanted == set(bash), ("bash", line, bash)
            if os.path.exists("/usr/bin/fish"):
                fish = complete(["fish", "--no-config", "-c", f"syspulse completion fish | source; complete -C '{line}'"])
                assert wanted <= set(fish), ("fish", line, fish)
        if os.path.exists("/usr/bin/zsh"):
            zsh = complete(["zsh", "-f", "-c", "autoload -U compinit; compinit -u -D; "
                            "source <(syspulse completion zsh); print ${_comps[syspulse]}"])
            assert zsh[-1] == "_syspulse", zsh


def compare(golden, text):
    if "--update" in sys.argv:
        golden.write_text(text)
    elif golden.read_text() != text:
        sys.stdout.writelines(difflib.unified_diff(golden.read_text().splitlines(True), text.splitlines(True), str(golden), "now"))
        sys.exit("the transcript differs; if that is meant, run the same with --update")


def main():
    for name in sys.argv[1:2]:
        if name == "completions":
            completions()
            return
        with Manager() as m:
            session = Session(m)
            SESSIONS[name](session)
        compare(HERE / "golden" / f"{name}.txt", session.text)


if __name__ == "__main__":
    main()

"""`syspulse up`: as an ordinary process, and as process 1 of a container."""
import os
import signal
import subprocess

from harness import DEADLINE_SECS, PROGRAM, Manager, alive, main, need_root, until

FAREWELL = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"


def _write_stack(m):
    spec = m.root / "stack.yaml"
    spec.write_text(f"""daemons:
  db: {{command: [/bin/sh, -c, "{FAREWELL}"]}}
  web: {{command: [/bin/sh, -c, "{FAREWELL}"], depends_on: [db]}}
""")
    return spec


def _until_line(output, wanted, seen):
    while wanted not in (seen[-1] if seen else ""):
        line = output.readline()
        assert line, f"ended without {wanted!r}: {seen}"
        seen.append(line)


def ctrl_c_stops_in_reverse_order():
    with Manager() as m:
        up = subprocess.Popen([PROGRAM, "--data-dir", m.data, "up", "-f", _write_stack(m)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        seen = []
        _until_line(up.stdout, "web      | up", seen)
        up.send_signal(signal.SIGINT)
        rest = up.stdout.read()
        assert up.wait(DEADLINE_SECS) == 0
        order = [rest.index(what) for what in ("web      | bye", "web is stopped", "db       | bye", "db is stopped")]
        assert order == sorted(order), rest


def the_last_output_of_a_daemon_comes_before_its_end_is_told():
    """Even when nobody reads for as long as it lives, and although its end is seen at once."""
    with Manager() as m:
        spec = m.root / "stack.yaml"
        lines = 30_000
        spec.write_text(f"""daemons:
  much: {{command: [/bin/sh, -c, "seq -f 'a line of some length with the number %.0f' {lines}; echo bye"]}}
""")
        up = subprocess.Popen([PROGRAM, "--data-dir", m.data, "up", "--keep-going", "-f", spec],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        until(lambda: m.run("ping").returncode == 0, "the manager answers")
        m.wait_for("much", state="stopped")
        seen = []
        _until_line(up.stdout, "much is stopped", seen)
        assert seen[-2] == "much     | bye\n", seen[-3:]
        assert sum("of some length" in line for line in seen) == lines
        up.send_signal(signal.SIGTERM)
        up.stdout.read()
        assert up.wait(DEADLINE_SECS) == 0


def up_without_daemons_left_ends_and_tells_failure():
    with Manager() as m:
        spec = m.root / "stack.yaml"
        for code, expected in ((0, 0), (3, 1)):
            spec.write_text(f"daemons:\n  job: {{command: [/bin/sh, -c, 'echo done; exit {code}']}}\n")
            told = m.run("up", "-f", spec)
            assert told.returncode == expected and "job      | done" in told.stdout, told
        told = m.run("up", "-f", m.root / "missing.yaml")
        assert told.returncode == 2 and told.stderr.startswith(f"{m.root}/missing.yaml: "), told
        told = m.run("--format", "json", "up", "-f", m.root / "missing.yaml")
        assert told.returncode == 2 and told.stderr.startswith('{"error":{"code":400,"kind":"invalid_spec"'), told


def process_one_reaps_orphans_and_ends_on_sigterm():
    """In a PID namespace of its own, as the entry point of a container."""
    need_root()
    with Manager() as m:
        # Grandchildren whose parent ends: process 1 inherits and has to reap them.
        script = "while :; do (sleep 0.05 & exit 0); sleep 0.02; done"
        spec = m.root / "stack.yaml"
        spec.write_text(f'daemons:\n  orphans: {{command: [/bin/sh, -c, "{script}"]}}\n')
        seen = []
        up = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", PROGRAM, "--data-dir",
                               m.data, "up", "-f", spec], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        _until_line(up.stdout, "orphans is running (pid ", seen)
        children = f"/proc/{up.pid}/task/{up.pid}/children"
        manager = int(open(children).read().split()[0])

        def zombies():
            found = 0
            for pid in open(f"/proc/{manager}/task/{manager}/children").read().split():
                with open(f"/proc/{pid}/stat") as f:
                    found += f.read().rsplit(")", 1)[1].split()[0] == "Z"
            return found

        def started():
            return len(m.status("orphans")["started_at"]) > 0
        until(started, "the daemon runs")
        # Hundreds of orphans have come and gone by the time that the last process id is far from the first.
        until(lambda: int(open(f"/proc/{manager}/root/proc/loadavg").read().split()[4]) > 200, "many processes")
        assert zombies() < 50, "orphans are reaped"
        os.kill(manager, signal.SIGTERM)
        rest = up.stdout.read()
        assert up.wait(DEADLINE_SECS) == 0, rest
        assert not alive(manager) and "orphans is stopped" in rest


main(globals())

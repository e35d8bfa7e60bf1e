"""Compares how processes ended with what the registry says of it; see chaos.py."""
import dataclasses
import sys

# An exit so long before the keeper's death may not have been recorded yet, on a busy machine.
UNRECORDED_MS = 1000
# The clocks are compared once, and each moment is rounded.
CLOCKS_DIFFER_MS = 50


@dataclasses.dataclass
class Death:
    """When a keeper was killed, by the clock of the workers and by that of the registry."""
    monotonic_ms: float
    wall_ms: float


@dataclasses.dataclass
class Life:
    """A process as it was, by its own account."""
    pid: int
    begin_ms: int
    end_ms: int | None = None  # None, too: it was ended by a signal.
    code: int | None = None


@dataclasses.dataclass
class Recorded:
    """A run that has ended, as it was recorded."""
    pid: int  # Zero: it was never known.
    began_ms: int
    kind: str | None  # None: it never had a process.
    value: int | None


@dataclasses.dataclass
class Count:
    seen: int = 0
    unknown: int = 0
    unexplained: int = 0  # Of these: no keeper died while the process was alive.
    wrong: int = 0
    missing: int = 0
    phantom: int = 0  # Recorded, and there was no such process.
    doubtful: int = 0  # Likewise, as unknown: a process had ended of which the keeper could not tell whose it was.
    without_process: int = 0  # Recorded as never having had one.


def read_lives(lines):
    lives = []
    for what, pid, *rest in lines:
        if what == "start":
            lives.append(Life(int(pid), int(rest[0])))
        elif what == "exit":
            lives[-1].end_ms, lives[-1].code = int(rest[0]), int(rest[1])
            assert lives[-1].pid == int(pid), "one process at a time"
    return lives


def compare(name, lives, recorded, deaths, count, clocks_apart_ms=0):
    """Both are in the order of starting. The registry keeps only the newest runs, and its clock is ahead."""
    def complain(kind, what):
        setattr(count, kind, getattr(count, kind) + 1)
        print(f"{name}: {kind}: {what}", file=sys.stderr)

    count.seen += sum(life.code is not None for life in lives)
    known = {run.pid for run in recorded if run.pid}
    oldest_ms = recorded[0].began_ms - clocks_apart_ms - CLOCKS_DIFFER_MS if recorded else 0
    at = next((i for i, life in enumerate(lives) if life.begin_ms >= oldest_ms), len(lives))
    for run in recorded:
        if run.kind is None and not run.pid:
            count.without_process += 1
            continue
        begin = at
        while run.pid and at < len(lives) and lives[at].pid != run.pid:
            at += 1
        if at == len(lives) or (not run.pid and lives[at].pid in known):
            at = begin
            # A process may be ended before it can say that it is there.
            if run.kind == "lost" and not run.pid:
                count.doubtful += 1
            elif run.kind != "signal":
                complain("phantom", run)
            continue
        for skipped in lives[begin:at]:
            if skipped.code is not None:
                complain("missing", skipped)
        judge(lives[at], run, at + 1 == len(lives), deaths, count, complain)
        at += 1
    for life in lives[at:]:
        if life.code is not None:
            complain("missing", life)


def judge(life, run, is_last, deaths, count, complain):
    if run.kind == "lost":
        count.unknown += 1
        end = life.end_ms if life.end_ms is not None else float("inf")
        if not any(run.began_ms <= d.wall_ms and d.monotonic_ms <= end + UNRECORDED_MS for d in deaths):
            complain("unexplained", (life, run))
    elif run.kind == "signal":
        # Only the last one is stopped; that may come after it has said how it will end.
        if not is_last:
            complain("wrong", (life, run))
    elif run.kind is None:
        complain("missing", (life, run))
    elif life.code != run.value:
        complain("wrong", (life, run))

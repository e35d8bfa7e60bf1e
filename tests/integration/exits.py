"""Compares how processes ended with what the registry says of it; see chaos.py."""
import dataclasses
import sys

# An exit so long before the keeper's death may not have been recorded yet, on a busy machine.
UNRECORDED_MS = 1000
# The clocks are compared once and drift, and each moment is rounded.
CLOCKS_DIFFER_MS = 100
# The system gives no process number twice within this time.
NUMBER_COMES_BACK_MS = 30000


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
    pairs = pair(lives, recorded, clocks_apart_ms)
    for i, run in enumerate(recorded):
        if i in pairs:
            judge(lives[pairs[i]], run, pairs[i] + 1 == len(lives), deaths, count, complain)
        elif run.kind is None and not run.pid:
            count.without_process += 1
        elif run.kind == "lost" and not run.pid:
            # A process may be ended before it can say that it is there.
            count.doubtful += 1
        elif run.kind != "signal":
            complain("phantom", run)
    paired = set(pairs.values())
    for i in range(first_that_is_kept(lives, recorded, pairs, clocks_apart_ms), len(lives)):
        if i not in paired and lives[i].code is not None:
            complain("missing", lives[i])


def pair(lives, recorded, clocks_apart_ms):
    """Which life each record is about, by their places in the lists. What has a process number is found by it; what has
    none lies between its neighbours and is found by its code, and what is unknown of all gets what is left."""
    pairs = {}
    at = 0
    for i, run in enumerate(recorded):
        began_ms = run.began_ms - clocks_apart_ms
        same = [k for k in range(at, len(lives)) if run.pid and lives[k].pid == run.pid
                and abs(lives[k].begin_ms - began_ms) < NUMBER_COMES_BACK_MS]
        if same:
            pairs[i] = same[0]
            at = same[0] + 1
    for kind in ("code", "lost"):
        for i, run in enumerate(recorded):
            if run.kind != kind or run.pid or i in pairs:
                continue
            after = max((k for j, k in pairs.items() if j < i), default=-1)
            before = min((k for j, k in pairs.items() if j > i), default=len(lives))
            # A process does not begin before it is recorded that it is to.
            fits = [k for k in range(after + 1, before) if (kind == "lost" or lives[k].code == run.value)
                    and lives[k].begin_ms > run.began_ms - clocks_apart_ms - CLOCKS_DIFFER_MS]
            if fits:
                pairs[i] = fits[0]
    return pairs


def first_that_is_kept(lives, recorded, pairs, clocks_apart_ms):
    """The place of the first life that is newer than the oldest record."""
    if not recorded:
        return 0
    if 0 in pairs:
        return pairs[0]
    oldest_ms = recorded[0].began_ms - clocks_apart_ms - CLOCKS_DIFFER_MS
    return next((i for i, life in enumerate(lives) if life.begin_ms >= oldest_ms), len(lives))


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

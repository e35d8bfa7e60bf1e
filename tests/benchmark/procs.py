"""What the benchmarks share: the file into which services stamp their starts, and reading what processes cost.
This process is a child subreaper, so whatever a contestant starts, however it detaches, is a descendant of it
and can be counted and ended by pid."""
import ctypes
import mmap
import os
import resource
import signal
import struct
import time

PR_SET_CHILD_SUBREAPER = 36
SLOT = struct.Struct("<QII")  # started_ns, pid, starts; see helpers/stamped_service.c
HEADER_BYTES, SLOT_BYTES = 64, 32
ME = os.getpid()


def become_root_of_all():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Stamps:
    """The shared file of one session with `count` services."""

    def __init__(self, path, count):
        self.path, self.count = path, count
        size = (HEADER_BYTES + SLOT_BYTES * count + 2 * 4096 + 4095) // 4096 * 4096
        with open(path, "wb") as f:
            f.truncate(size)
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), size)

    def total(self):
        return struct.unpack_from("<Q", self.map, 0)[0]

    def slot(self, index):
        return SLOT.unpack_from(self.map, HEADER_BYTES + SLOT_BYTES * index)

    def slots(self):
        return [self.slot(i) for i in range(self.count)]

    def all_started(self):
        return self.total() >= self.count and all(s[0] for s in self.slots())

    def close(self):
        self.map.close()
        self.file.close()
        os.unlink(self.path)


def until(condition, limit_s, step_s=0.005):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step_s)
    return bool(condition())


def children_of_all():
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    text = f.read()
            except OSError:
                continue
            found.setdefault(int(text[text.rindex(")") + 2:].split()[1]), []).append(int(entry))
    return found


def descendants():
    children, found, pending = children_of_all(), [], [ME]
    while pending:
        for child in children.get(pending.pop(), []):
            found.append(child)
            pending.append(child)
    return found


def program_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def supervisors(services):
    """Every live descendant that does not run one of the `services` programs."""
    return [p for p in descendants() if program_of(p) not in (None, *services)]


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def end_all(services):
    """Ends every descendant: supervisors first, so that nothing is started again."""
    for attempt in range(400):
        alive = [p for p in descendants() if program_of(p)]
        if not alive:
            break
        first = [p for p in alive if program_of(p) not in services] or alive
        for pid in first if attempt < 3 else alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.02)
        reap()
    reap()


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError:
            pass
    return total


def cpu_and_wakeups(pids):
    """CPU seconds, voluntary switches and clock ticks of all threads of the processes."""
    ns = voluntary = ticks = 0
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                    ns += int(f.read().split()[0])
                with open(f"/proc/{pid}/task/{thread}/status") as f:
                    voluntary += next(int(line.split()[1]) for line in f if line.startswith("voluntary"))
                with open(f"/proc/{pid}/task/{thread}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                    ticks += int(fields[11]) + int(fields[12])
            except (OSError, StopIteration):
                pass
    return ns / 1e9, voluntary, ticks


def machine_busy():
    """Busy and all clock ticks of the machine so far."""
    with open("/proc/stat") as f:
        values = [int(x) for x in f.readline().split()[1:9]]
    return sum(values) - values[3] - values[4], sum(values)


def percentile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(q / 100 * (len(ordered) - 1))))]

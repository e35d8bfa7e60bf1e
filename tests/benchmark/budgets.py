"""What is promised: ratios to the bare limit where the kernel sets the pace, absolute bounds elsewhere."""
import dataclasses

OURS, LIMIT = "syspulse", "limit"


@dataclasses.dataclass(frozen=True)
class Budget:
    what: str
    case: str
    count: int
    metric: str
    bound: float
    unit: str = ""
    who: str = OURS
    is_ratio: bool = False      # Of the limit's value.
    at_least: bool = False
    per_daemon: bool = False    # What the value grows by, per daemon, from none to `count`.
    lower_is_better: bool = True

    def shown(self, results):
        value = results.median(self.case, self.count, self.who, self.metric)
        if not self.per_daemon or value is None:
            return value
        nothing = results.median(self.case, 0, self.who, self.metric)
        return None if nothing is None else (value - nothing) / self.count

    def measured(self, results):
        if self.is_ratio:
            return results.ratio(self.case, self.count, self.who, self.metric)
        return self.shown(results)

    def limit(self, results):
        if self.per_daemon:
            return None
        return results.median(self.case, self.count, LIMIT, self.metric)

    def peer(self, results):
        if self.per_daemon:
            return "-"
        found = results.peers(self.case, self.count, self.metric)
        if not found:
            return "-"
        value, name = found[0] if self.lower_is_better else found[-1]
        return f"{value:.3g} ({name})" if value < 1000 else f"{value:.0f} ({name})"

    def holds(self, value):
        return value >= self.bound if self.at_least else value <= self.bound

    def bound_text(self):
        sign = ">=" if self.at_least else "<="
        return f"{sign} {self.bound:g}" + (" x limit" if self.is_ratio else f" {self.unit}".rstrip())


def start(count):
    return Budget(f"{count} daemons from cold to all running, ms", "start", count, "start_ms", 1.3, is_ratio=True)


BUDGETS = [
    start(1000),
    start(5000),
    Budget("crash to first instruction of the replacement, 1000 running, p50 ms", "restart", 1000, "restart_p50_ms", 1.3,
           is_ratio=True),
    Budget("... p99 ms", "restart", 1000, "restart_p99_ms", 2.0, is_ratio=True),
    Budget("memory per daemon at 10000, without log capture, PSS KiB", "memory", 10000, "pss_kib", 2, "KiB",
           who="syspulse, without log capture", per_daemon=True),
    Budget("... with log capture", "memory", 10000, "pss_kib", 4, "KiB", per_daemon=True),
    Budget("... with log capture and a check", "memory", 10000, "pss_kib", 4, "KiB", who="syspulse, with a check",
           per_daemon=True),
    Budget("memory with no daemon, PSS KiB", "memory", 0, "pss_kib", 6 * 1024, "KiB"),
    Budget("idle with 1000 daemons, clock ticks a minute", "idle", 1000, "ticks_per_min", 0),
    Budget("... wake-ups a minute", "idle", 1000, "wakeups_per_min", 0),
    Budget("200 daemons exiting at once, restarts/s", "storm", 200, "restarts_per_s", 4500, "/s", at_least=True,
           lower_is_better=False),
    Budget("... status of one meanwhile, raw endpoint p99 ms", "storm", 200, "storm_status_p99_ms", 10, "ms"),
    Budget("status of one of 1000, raw endpoint p50 ms", "status", 1000, "raw_p50_ms", 0.2, "ms"),
    Budget("... command line p50 ms", "status", 1000, "cli_p50_ms", 2.5, "ms"),
    Budget("log capture, 100-byte lines in 4 KB writes, MB/s", "logs", 40, "mb_per_s", 0.7, is_ratio=True, at_least=True,
           lower_is_better=False),
    Budget("... lines lost", "logs", 40, "lines_lost", 0),
    Budget("10000 TCP checks every 10 s, CPU of one core, percent", "checks", 10000, "cpu_percent", 25, "%"),
    Budget("... late by more than 100 ms", "checks", 10000, "checks_late", 0),
    Budget("spawn through cgroup, less mkdir and rmdir of its cgroups, by that through posix", "drivers", 1, "spawn_ratio",
           1.5),
    Budget("... from spawn to the end", "drivers", 1, "cycle_ratio", 1.5),
    Budget("end of a tree of 10000 processes, s", "drivers", 1, "tree_end_s", 1, "s"),
    Budget("a plugin from loading its file to its first instance, ms", "isolation", 1, "load_create_ms", 5, "ms"),
    Budget("... in a process of its own, a check takes longer by, p50 us", "isolation", 1, "check_more_us", 200, "us"),
    Budget("... and a start by, p50 us", "isolation", 1, "spawn_more_us", 1000, "us"),
    Budget("decision engine in simulation, events/s", "engine", 1000, "events_per_s", 1e6, "/s", at_least=True,
           lower_is_better=False),
]

"""That exits.py complains of what is not as it was, and of nothing else."""
import contextlib
import io

from exits import Count, Death, Recorded, compare, read_lives

LIVES = [["start", "10", "1000"], ["exit", "10", "2000", "5"], ["start", "11", "3000"], ["exit", "11", "4000", "6"],
         ["start", "12", "5000"]]
FINE = [Recorded(10, 1000, "code", 5), Recorded(11, 3000, "code", 6), Recorded(12, 5000, "signal", 15)]
DURING, BETWEEN = Death(3500, 3500), Death(200, 200)


def counted(recorded, *deaths):
    count = Count()
    with contextlib.redirect_stderr(io.StringIO()):
        compare("c", read_lives(LIVES), recorded, deaths, count)
    return {k: v for k, v in vars(count).items() if v and k != "seen"}


def changed(at, run):
    return FINE[:at] + [run] + FINE[at + 1:]


LOST = changed(1, Recorded(11, 3000, "lost", None))
assert counted(FINE) == {}
assert counted(FINE[1:]) == {}, "old runs are forgotten"
assert counted([Recorded(0, 900, None, None), *FINE]) == {"without_process": 1}
assert counted(changed(1, Recorded(0, 3000, "code", 6))) == {}, "how it ended is known, its number is not"
assert counted(LOST, DURING) == {"unknown": 1}
assert counted(LOST, BETWEEN) == {"unknown": 1, "unexplained": 1}
assert counted(LOST) == {"unknown": 1, "unexplained": 1}
assert counted(changed(0, Recorded(10, 1000, "code", 4))) == {"wrong": 1}
assert counted(changed(0, Recorded(10, 1000, "signal", 9))) == {"wrong": 1}
assert counted(changed(0, Recorded(10, 1000, None, None))) == {"missing": 1}
assert counted(FINE[:1] + FINE[2:]) == {"missing": 1}
assert counted(FINE[:1]) == {"missing": 1}
assert counted([Recorded(0, 900, "lost", None), *FINE]) == {"doubtful": 1}
REUSED = [["start", "11", "10"], ["exit", "11", "20", "3"]]
LIVES[:0] = REUSED
assert counted(FINE) == {}, "a process number comes back"
del LIVES[:2]
assert counted([*FINE, Recorded(99, 6000, "code", 1)]) == {"phantom": 1}
assert counted([Recorded(10, 1200, "code", 5), *FINE[1:]]) == {}, "it was busy before it noted when the run began"
UNKNOWN = Recorded(0, 2500, "lost", None)
assert counted([FINE[0], UNKNOWN, Recorded(0, 2990, "code", 6), FINE[2]]) == {"doubtful": 1}, "the newer one has its code"
assert counted([FINE[0], UNKNOWN, FINE[2]], DURING) == {"unknown": 1}
assert counted([FINE[0], UNKNOWN, FINE[2]]) == {"unknown": 1, "unexplained": 1}
assert counted([FINE[0], Recorded(0, 2990, "code", 7), FINE[2]]) == {"phantom": 1, "missing": 1}

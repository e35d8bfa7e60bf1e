"""Results: their file, their table, the budgets they are held against, and README's excerpt.
`report.py --check` fails when README does not show the newest results, `report.py --readme` makes it."""
import json
import pathlib
import statistics
import sys

from budgets import BUDGETS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- benchmark results: begin -->\n", "<!-- benchmark results: end -->\n"
NEXT_SECTION = "## Where to read on\n"
SKIPPED = 77
LIMIT, OURS = "limit", "syspulse"
NOT_PRINTED = {"restarts", "machine_busy_percent"}


class Results:
    def __init__(self, machine, versions, date, rounds):
        self.machine, self.versions, self.date, self.rounds = machine, versions, date, rounds
        self.seconds = 0
        self.rows = []  # {case, count, who, metrics: {name: [a value per round]}, errors}

    def row(self, case, count, who):
        for row in self.rows:
            if (row["case"], row["count"], row["who"]) == (case, count, who):
                return row
        self.rows.append({"case": case, "count": count, "who": who, "metrics": {}})
        return self.rows[-1]

    def add(self, case, count, who, found):
        metrics = self.row(case, count, who)["metrics"]
        for name, value in found.items():
            if not isinstance(value, list):
                metrics.setdefault(name, []).append(round(value, 4))

    def fail(self, case, count, who, error):
        self.row(case, count, who).setdefault("errors", []).append(error)

    def values(self, case, count, who, metric):
        for row in self.rows:
            if (row["case"], row["count"], row["who"]) == (case, count, who):
                return row["metrics"].get(metric, [])
        return []

    def median(self, case, count, who, metric):
        values = self.values(case, count, who, metric)
        return statistics.median(values) if values else None

    def ratio(self, case, count, who, metric):
        """The median of the ratios to the limit, each within its round."""
        pairs = zip(self.values(case, count, who, metric), self.values(case, count, LIMIT, metric))
        ratios = [a / b for a, b in pairs if b]
        return statistics.median(ratios) if ratios else None

    def peers(self, case, count, metric):
        names = {r["who"] for r in self.rows if not r["who"].startswith((LIMIT, OURS))}
        found = ((self.median(case, count, n, metric), n) for n in names)
        return sorted((m, n) for m, n in found if m is not None)

    def save(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.__dict__, indent=1, sort_keys=True) + "\n")

    def with_others_of(self, path):
        """Takes over the rows of a file of this day whose cases were not measured again."""
        if not path.exists():
            return self
        earlier = Results.load(path)
        if earlier.rounds != self.rounds:
            sys.exit(f"{path} is of {earlier.rounds} rounds, and these are {self.rounds}: give --rounds {earlier.rounds}")
        cases = {row["case"] for row in self.rows}
        self.rows = [row for row in earlier.rows if row["case"] not in cases] + self.rows
        self.seconds += earlier.seconds
        return self

    @staticmethod
    def load(path):
        results = Results(None, None, None, None)
        results.__dict__.update(json.loads(path.read_text()))
        return results


def short(value):
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def progress(case, count, who, round_number, found):
    shown = "  ".join(f"{k} {short(v)}" for k, v in found.items() if k not in NOT_PRINTED)
    return f"round {round_number + 1}  {case:8} {count:6} {who:34} {shown}"


def text(results):
    lines = ["", f"{'case':14}{'count':>7}  {'who':34}{'metric':24}{'median':>10}{'min':>10}{'max':>10}{'x limit':>9}"]
    for row in results.rows:
        for metric, values in row["metrics"].items():
            if metric in NOT_PRINTED:
                continue
            ratio = results.ratio(row["case"], row["count"], row["who"], metric)
            lines.append(f"{row['case']:14}{row['count']:7}  {row['who']:34}{metric:24}"
                         f"{short(statistics.median(values)):>10}{short(min(values)):>10}{short(max(values)):>10}"
                         f"{short(ratio) if ratio else '':>9}")
        for error in row.get("errors", []):
            lines.append(f"{row['case']:14}{row['count']:7}  {row['who']:34}{error}")
    lines += ["", *budget_lines(results)]
    return "\n".join(lines)


def budget_lines(results):
    lines = []
    for budget in BUDGETS:
        value = budget.measured(results)
        if value is not None:
            verdict = "met" if budget.holds(value) else "MISSED"
            lines.append(f"{verdict:7} {budget.what}: {short(value)} {budget.unit} (budget {budget.bound_text()})")
    return lines


def readme_table(results):
    m = results.machine
    lines = [f"Measured by `scripts/bench` on {results.date}: {m['cores']} cores of {m['cpu']}, Linux {m['kernel']}, "
             f"{m['system']}; medians of {results.rounds} rounds in alternation. *Limit* is a bare C program that does "
             "only this work.", "",
             "| what | limit | syspulse | best peer of " + ", ".join(p for p in results.versions if p not in (LIMIT, OURS))
             + " | budget | |", "|---|---|---|---|---|---|"]
    for budget in BUDGETS:
        value = budget.measured(results)
        if value is None:
            continue
        limit, peer = budget.limit(results), budget.peer(results)
        ours = short(budget.shown(results)) + (f" (x {short(value)})" if budget.is_ratio else "")
        lines.append(f"| {budget.what} | {short(limit)} | {ours} | {peer} | {budget.bound_text()} | "
                     f"{'met' if budget.holds(value) else 'missed'} |")
    return "\n".join(lines) + "\n"


def newest():
    found = sorted((HERE / "results").glob("*.json"))
    return Results.load(found[-1]) if found else None


def with_table(readme, results):
    if BEGIN not in readme:
        readme = readme.replace(NEXT_SECTION, f"## Performance\n\n{BEGIN}{END}\n{NEXT_SECTION}", 1)
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + readme_table(results) + END + tail


def write_readme():
    README.write_text(with_table(README.read_text(), newest()))


def check():
    results, readme = newest(), README.read_text()
    if results is None and BEGIN not in readme:
        print("skipped: nothing has been recorded yet")
        sys.exit(SKIPPED)
    if results is None or BEGIN not in readme:
        sys.exit("README has no table of benchmark results, or there are none in tests/benchmark/results")
    if with_table(readme, results) != readme:
        sys.exit("README does not show the newest results: run tests/benchmark/report.py --readme")


if __name__ == "__main__":
    {"--check": check, "--readme": write_readme}[sys.argv[1]]()

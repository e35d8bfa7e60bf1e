"""What is recorded of a part of the cases stands beside the others of the day."""
import pathlib
import tempfile
import unittest

from report import Results


def results(rounds, *rows):
    made = Results({}, {}, "2000-01-01", rounds)
    for case, count, value in rows:
        made.add(case, count, "syspulse", {"ms": value})
    return made


class Record(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "2000-01-01.json"

    def rows(self, made):
        return sorted((row["case"], row["count"], row["metrics"]["ms"]) for row in made.rows)

    def test_a_case_measured_again_replaces_all_its_rows_and_no_others(self):
        results(3, ("start", 100, 1), ("start", 1000, 2), ("stop", 100, 3)).save(self.path)
        merged = results(3, ("start", 100, 4)).with_others_of(self.path)
        self.assertEqual(self.rows(merged), [("start", 100, [4]), ("stop", 100, [3])])

    def test_the_first_of_the_day_stands_alone(self):
        self.assertEqual(self.rows(results(3, ("stop", 1, 5)).with_others_of(self.path)), [("stop", 1, [5])])

    def test_medians_of_other_rounds_are_not_mixed(self):
        results(5, ("stop", 1, 5)).save(self.path)
        with self.assertRaisesRegex(SystemExit, "give --rounds 5"):
            results(3, ("start", 1, 5)).with_others_of(self.path)


unittest.main()

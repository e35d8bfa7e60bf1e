"""What stays as it is when a manager takes the place of another on Windows: each function without parameters is one test."""
import os
import pathlib
import shutil

from windows_harness import CHILD, PROGRAM, Manager, end_process, equal, holds, lives, main, system, wait_for, windows_path
from windows_keeper import pids_in, replaced


def held(pid):
    return system(windows_path(CHILD), "held", str(pid)).returncode == 0


def runs(pid, program):
    """Whether a process runs that file, by whichever name."""
    done = system(windows_path(CHILD), "image", str(pid))
    equal(done.returncode, 0)
    image = done.stdout.strip()
    return os.path.samefile(image, program) if os.name == "nt" else image == windows_path(program)


def said(file):
    return file.with_name(file.name + ".said").exists()


def what_is_paused_stays_so_when_its_manager_is_replaced_on_windows():
    with Manager() as manager:
        tree = manager.folder / "tree"
        words = {name: [manager.folder / f"{name}{i}" for i in range(5)] for name in ("paused", "runs")}
        equal(manager.add("tree", ["tree", windows_path(tree)], stop_timeout_secs=1).returncode, 0)
        for name, files in words.items():
            equal(manager.add(name, ["speak", *map(windows_path, files)], stop_timeout_secs=1).returncode, 0)
        manager.run("start", "--all", "--wait", "--timeout", "60")
        others = pids_in(tree)
        pids = {name: manager.status(name)["pid"] for name in ("tree", *words)}
        manager.run("pause", "tree", "paused")
        equal([held(pid) for pid in (*others, pids["tree"], pids["paused"], pids["runs"])], [True] * 4 + [False])
        before = manager.info()["pid"]
        end_process(before)
        replaced(manager, before)
        manager.goes_on("paused", pids["paused"])
        equal([(name, manager.status(name)["paused"]) for name in pids], [("tree", True), ("paused", True), ("runs", False)])
        # Each word is said after the one before it, so that there is time for the other one to say its first.
        for files in words.values():
            for file in files:
                file.touch()
        wait_for("the one that runs has said all", lambda: said(words["runs"][-1]))
        equal(said(words["paused"][0]), False)
        manager.run("resume", "paused")
        wait_for("the other one goes on", lambda: said(words["paused"][-1]))
        equal(manager.status("paused")["paused"], False)
        # A stop lets go, too.
        equal([held(pid) for pid in others], [True, True])
        manager.run("stop", "tree")
        wait_for("all of its tree is gone", lambda: not any(lives(pid) for pid in (pids["tree"], *others)))


def what_a_lost_manager_has_half_held_is_let_go_by_resume_on_windows():
    with Manager() as manager:
        tree = manager.folder / "tree"
        equal(manager.add("tree", ["tree", windows_path(tree)], stop_timeout_secs=1).returncode, 0)
        manager.run("start", "tree", "--wait", "--timeout", "60")
        daemon, before = manager.status("tree")["pid"], manager.info()["pid"]
        half, other = pids_in(tree)
        # As if it had died in the middle of a pause.
        equal(system(windows_path(CHILD), "hold", str(half)).returncode, 0)
        end_process(before)
        replaced(manager, before)
        manager.goes_on("tree", daemon)
        equal(([held(pid) for pid in (daemon, half, other)], manager.status("tree")["paused"]), ([False, True, False], False))
        # Also of what runs as a whole.
        for _ in range(2):
            manager.run("resume", "tree")
            equal([held(pid) for pid in (daemon, half, other)], [False] * 3)
        manager.run("stop", "tree")


def another_program(manager):
    """A copy of the whole tree, as an administrator unpacks a new version."""
    root = manager.trusted_folder() / "next"
    for part in ("bin", "lib", "share"):
        (root / part).mkdir(parents=True)
    here = pathlib.Path(PROGRAM).parent
    shutil.copy(PROGRAM, root / "bin")
    for part in ("lib/syspulse", "share/syspulse"):
        if (here.parent / part).exists():
            shutil.copytree(here.parent / part, root / part)
    return root / "bin" / pathlib.Path(PROGRAM).name


def an_upgrade_keeps_everything_and_a_bad_one_changes_nothing_on_windows():
    with Manager() as manager:
        words = [manager.folder / word for word in ("before", "after", "again")]
        equal(manager.add("speaker", ["speak", *map(windows_path, words)], stop_timeout_secs=1).returncode, 0)
        manager.run("start", "speaker", "--wait", "--timeout", "60")
        daemon, before = manager.status("speaker")["pid"], manager.info()
        words[0].touch()
        program = another_program(manager)
        manager.run("upgrade", windows_path(program))
        after = manager.info()
        equal((after["keeper_pid"], after["restarts"], after["failed_upgrades"]), (before["keeper_pid"], 0, 0))
        equal((after["pid"] != before["pid"], runs(after["pid"], program)), (True, True))
        manager.goes_on("speaker", daemon)

        # One that ends, one that is no program, and one that is not there.
        bad = program.with_name("bad.exe")
        for content, how in ((pathlib.Path(PROGRAM).with_name("syspulse-kit-program.exe").read_bytes(), "could not serve"),
                             (b"this is no program", "could not serve"), (None, "cannot trust")):
            bad.write_bytes(content) if content else bad.unlink()
            refused = manager.run("upgrade", windows_path(bad), check=False)
            equal((how, refused.returncode), (how, 1))
            holds(refused.stderr, how)
            goes_on = manager.info()
            equal((runs(goes_on["pid"], program), goes_on["keeper_pid"]), (True, before["keeper_pid"]))
            manager.goes_on("speaker", daemon)
        equal(manager.info()["failed_upgrades"], 2)
        holds(manager.log(), "before it could serve; the old program goes on")

        # One that would find no plugins is not tried at all.
        alone = manager.trusted_folder() / "alone" / "bin" / program.name
        alone.parent.mkdir(parents=True)
        shutil.copy(PROGRAM, alone)
        served = manager.info()
        refused = manager.run("upgrade", windows_path(alone), check=False)
        equal(refused.returncode, 2)
        holds(refused.stderr, 'the plugin job.dll, which "speaker" is run with')
        goes_on = manager.info()
        equal((goes_on["pid"], goes_on["failed_upgrades"]), (served["pid"], 2))

        # Nor is one that would find no time zones, where a schedule needs one.
        shutil.copytree(pathlib.Path(PROGRAM).parent.parent / "lib/syspulse", alone.parent.parent / "lib/syspulse")
        zoned = {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}
        equal(manager.add("nightly", ["exit", "0"], schedule=zoned).returncode, 0)
        refused = manager.run("upgrade", windows_path(alone), check=False)
        equal(refused.returncode, 2)
        for part in ('the time zone "Europe/Berlin", which the schedule of "nightly" is in', "tzdata", "bin, lib and share side by side"):
            holds(refused.stderr, part)
        goes_on = manager.info()
        equal((goes_on["pid"], goes_on["failed_upgrades"], goes_on["warnings"]), (served["pid"], 2, []))

        # A file of commands is handed to nobody.
        for script in (program.with_name("new.bat"), program.with_name("new.CMD")):
            script.write_text("@echo off\n")
            refused = manager.run("upgrade", windows_path(script), check=False)
            equal(refused.returncode, 2)
            holds(refused.stderr, "name ends with .exe")
        equal((manager.info()["failed_upgrades"], runs(manager.info()["pid"], program)), (2, True))

        # A file in the place of the one that runs would leave no way back; Windows lets one that runs be renamed.
        aside = program.with_name("aside.exe")
        program.rename(aside)
        shutil.copy(PROGRAM, program)
        refused = manager.run("upgrade", check=False)
        holds(refused.stderr, "no way back")
        program.unlink()
        aside.rename(program)

        # The new program stays when its manager is replaced, and nothing of the output is missing.
        pid = manager.info()["pid"]
        end_process(pid)
        replaced(manager, pid)
        equal(runs(manager.info()["pid"], program), True)
        for file in words[1:]:
            file.touch()
        wait_for("all is in the log, once", lambda: manager.run("logs", "speaker").stdout.split() == [file.name for file in words])


if __name__ == "__main__":
    main(globals())

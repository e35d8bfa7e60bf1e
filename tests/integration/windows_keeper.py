"""The keeper on Windows, which starts the next manager: each function without parameters is one test."""
import contextlib
import time

from windows_harness import CHILD, PATIENCE, Manager, end_process, equal, holds, lives, main, system, wait_for, windows_path


def pids_in(path):
    wait_for("the tree of processes is up", path.exists)
    return [int(word) for word in path.read_text().split()]


def replaced(manager, before):
    """Waits until a manager serves that is not `before`."""
    def serves():
        return manager.run("ping", check=False).returncode == 0 and manager.info()["pid"] != before
    wait_for("the next manager serves", serves)


@contextlib.contextmanager
def no_manager(manager, and_then=replaced):
    """Ends the manager, and no other one comes until the block is left."""
    info = manager.info()
    equal(system(windows_path(CHILD), "hold", str(info["keeper_pid"])).returncode, 0)
    end_process(info["pid"])
    wait_for("the manager has ended", lambda: not lives(info["pid"]))
    try:
        yield
    finally:
        equal(system(windows_path(CHILD), "let_go", str(info["keeper_pid"])).returncode, 0)
    and_then(manager, info["pid"])


def a_manager_that_is_killed_is_replaced_on_windows():
    with Manager() as manager:
        tree = manager.folder / "tree"
        equal(manager.add("tree", ["tree", windows_path(tree)], stop_timeout_secs=1).returncode, 0)
        manager.run("start", "tree", "--wait", "--timeout", "60")
        others = pids_in(tree)
        daemon = manager.status("tree")["pid"]
        before = manager.info()
        equal((before["restarts"], lives(before["keeper_pid"])), (0, True))
        # At once, while the daemon's job still ends with the last that holds it.
        begin = time.monotonic()
        end_process(before["pid"])
        # A client waits for it.
        manager.run("ping")
        replaced(manager, before["pid"])
        print(f"the next manager serves {time.monotonic() - begin:.1f} s after the end of the last")
        after = manager.info()
        equal((after["keeper_pid"], after["restarts"]), (before["keeper_pid"], 1))
        manager.goes_on("tree", daemon)
        equal([lives(pid) for pid in (daemon, *others)], [True] * 3)
        holds(manager.log(), "the manager ended with exit code 1; starting it again")
        # The daemon has none.
        equal("reaches its limits" in manager.log(), False)
        # Nor is a manager that was ended with the code of an orderly end taken for one.
        end_process(after["pid"], 0)
        replaced(manager, after["pid"])
        manager.run("stop", "tree")
        wait_for("all of its tree is gone", lambda: not any(lives(pid) for pid in (daemon, *others)))
        # What is stopped by a client ends the keeper as well.
        manager.run("shutdown")
        equal(manager.process.wait(PATIENCE), 0)
        wait_for("the keeper is gone", lambda: not lives(before["keeper_pid"]))


def an_exit_that_no_manager_saw_is_known_exactly_on_windows():
    with Manager() as manager:
        end = manager.folder / "end"
        codes = {"failed": 4321, "fine": 0, "crashed": 0xC0000409}
        pids = {}
        for name, code in codes.items():
            equal(manager.add(name, ["until", windows_path(end), hex(code)]).returncode, 0)
            manager.run("start", name, "--wait", "--timeout", "60")
            pids[name] = manager.status(name)["pid"]
        equal(manager.add("stays", ["sleep"]).returncode, 0)
        manager.run("start", "stays", "--wait", "--timeout", "60")
        stays = manager.status("stays")["pid"]
        with no_manager(manager):
            end.touch()
            wait_for("they have ended", lambda: not any(lives(pid) for pid in pids.values()))
        for name, code in codes.items():
            wait_for(f"{name}: its end is told", lambda: manager.status(name)["state"] in ("failed", "stopped"))
            status = manager.status(name)
            equal((name, status["exit_code"] & 0xFFFFFFFF, status["restart_count"]), (name, code, 0))
        equal(manager.status("fine")["state"], "stopped")
        manager.goes_on("stays", stays)


def what_is_written_while_no_manager_runs_is_in_the_log_on_windows():
    with Manager() as manager:
        words = [manager.folder / word for word in ("before", "meanwhile", "again", "after")]
        equal(manager.add("speaker", ["speak", *map(windows_path, words)]).returncode, 0)
        manager.run("start", "speaker", "--wait", "--timeout", "60")

        def let_say(file):
            file.touch()
            said = file.with_name(file.name + ".said")
            wait_for(f"it says {file.name}", said.exists)
            equal((file.name, said.read_text()), (file.name, "printed"))

        def logged():
            return manager.run("logs", "speaker").stdout.split()

        before, meanwhile, again, after = words
        let_say(before)
        wait_for("its first line is in the log", lambda: logged() == ["before"])
        with no_manager(manager):
            let_say(meanwhile)
        wait_for("the line of meanwhile is in the log", lambda: logged() == ["before", "meanwhile"])
        with no_manager(manager):
            let_say(again)
        let_say(after)
        wait_for("all is in the log, once", lambda: logged() == [file.name for file in words])
        # The pipe goes on to the next run.
        manager.run("signal", "speaker", "KILL")
        wait_for("its end is seen", lambda: manager.status("speaker")["state"] == "failed")
        manager.run("start", "speaker")
        wait_for("the second run is in the log", lambda: logged() == 2 * [file.name for file in words])


def a_keeper_takes_its_manager_along_and_daemons_stay_on_windows():
    with Manager() as manager:
        equal(manager.add("keep", ["sleep"], stop_timeout_secs=1).returncode, 0)
        manager.run("start", "keep", "--wait", "--timeout", "60")
        daemon = manager.status("keep")["pid"]
        info = manager.info()
        time.sleep(6)  # The driver lets a job outlive all who hold it five seconds after the start.
        end_process(info["keeper_pid"])
        manager.process.wait(PATIENCE)
        wait_for("the manager is gone, too", lambda: not lives(info["pid"]))
        equal(lives(daemon), True)
        manager.start()
        manager.goes_on("keep", daemon)


def a_second_manager_is_refused_while_a_keeper_starts_the_next_on_windows():
    with Manager() as manager:
        before = manager.info()["pid"]
        holds((manager.data / "syspulse.pid").read_text(), str(before))
        with no_manager(manager):
            second = manager.run("daemon", check=False)
            equal(second.returncode, 5)
            holds(second.stderr, "another manager (pid ")
        holds((manager.data / "syspulse.pid").read_text(), str(manager.info()["pid"]))


def a_manager_that_cannot_start_ends_its_keeper_with_the_reason_on_windows():
    manager = Manager()
    try:
        broken = manager.folder / "broken.yaml"
        broken.write_text("daemons: {web: {command: }}")
        refused = manager.run("daemon", "--config", windows_path(broken), check=False)
        equal(refused.returncode, 2)
        holds(refused.stderr, "broken.yaml:1:")
        equal("starting it again" in refused.stderr, False)
    finally:
        manager.__exit__(None)


def a_keeper_gives_up_managers_that_never_serve_and_leaves_daemons_alone_on_windows():
    with Manager() as manager:
        equal(manager.add("keep", ["sleep"], stop_timeout_secs=1).returncode, 0)
        manager.run("start", "keep", "--wait", "--timeout", "60")
        daemon = manager.status("keep")["pid"]
        time.sleep(6)  # As above.
        registry = manager.data / "syspulse.db"
        aside = manager.folder / "registry"
        aside.mkdir()
        with no_manager(manager, lambda *_: None):
            for part in list(manager.data.glob("syspulse.db*")):
                part.rename(aside / part.name)
            registry.mkdir()
        equal(manager.process.wait(PATIENCE), 1)
        holds(manager.log(), "10 times in a row before it could serve; giving up. Daemons keep running")
        equal(lives(daemon), True)
        registry.rmdir()
        for part in list(aside.iterdir()):
            part.rename(manager.data / part.name)
        manager.start()
        manager.goes_on("keep", daemon)


def ctrl_c_at_its_console_stops_a_manager_with_all_its_daemons_on_windows():
    manager = Manager()
    go = manager.folder / "go"
    with manager.started(under=(windows_path(CHILD), "interrupt", windows_path(go))):
        equal(manager.add("web", ["sleep"]).returncode, 0)
        manager.run("start", "web", "--wait", "--timeout", "60")
        pids = [manager.status("web")["pid"], manager.info()["pid"], manager.info()["keeper_pid"]]
        go.touch()
        equal(manager.process.wait(PATIENCE), 0)
        equal([lives(pid) for pid in pids], [False] * 3)
        holds(manager.log(), "stopping all daemons")


def a_manager_without_a_keeper_says_what_it_cannot_see_on_windows():
    with Manager().started("--no-keeper") as manager:
        holds(manager.log(), "how daemons end while no manager runs is not known")
        equal(manager.info()["keeper_pid"], None)
        end = manager.folder / "end"
        equal(manager.add("ends", ["until", windows_path(end), "7"]).returncode, 0)
        manager.run("start", "ends", "--wait", "--timeout", "60")
        daemon = manager.status("ends")["pid"]
        time.sleep(6)  # As above.
        manager.crash()
        end.touch()
        wait_for("it has ended", lambda: not lives(daemon))
        manager.start("--no-keeper")
        wait_for("its end is told", lambda: manager.status("ends")["state"] == "failed")
        equal(manager.status("ends")["exit_code"], None)


if __name__ == "__main__":
    main(globals())

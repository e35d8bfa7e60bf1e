"""The transcripts that apply on Windows, against golden files of their own: windows_transcripts.py SESSION [--update]."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
import transcripts  # noqa: E402
from windows_harness import CHILD, PATIENCE, PROGRAM, RUNNER, Manager, wait_for, windows_path  # noqa: E402


class Session(transcripts.Session):
    """Paths are shown with ROOT for the folder of the session, and with slashes."""
    posix = False

    def __init__(self, manager):
        manager.root = manager.folder
        super().__init__(manager)

    def run(self, *words):
        given = [windows_path(word) if isinstance(word, pathlib.Path) else word for word in words]
        done = subprocess.run([*RUNNER, PROGRAM, "--data-dir", windows_path(self.manager.data), *given], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, encoding="utf-8", timeout=PATIENCE, stdin=subprocess.DEVNULL,
                              env=os.environ | {"TZ": "UTC"})
        output = done.stdout
        for here, name in ((self.manager.folder, "ROOT"), (pathlib.Path(CHILD).parent, "BIN")):
            for path in (windows_path(here).replace("\\", "\\\\"), windows_path(here), str(here)):
                output = output.replace(path, name)
        for separator in ("\\\\", "\\"):
            for name in ("ROOT", "BIN"):
                output = output.replace(name + separator, name + "/")
        shown = [windows_path(word).replace(windows_path(pathlib.Path(CHILD).parent) + "\\", "BIN/") if isinstance(word, pathlib.Path)
                 and word == pathlib.Path(CHILD) else word for word in words]
        self.note(shown, output, done.returncode)


def lifecycle(s):
    child = pathlib.Path(CHILD)
    s.manager.start()
    s.run("add", "--name", "web", "--description", "Static files", "--command", child, "sleep")
    s.run("add", "--name", "web", "--command", child)
    s.run("add", "--name", "job", "--command", child, "exit", "3")
    s.run("list")
    s.run("start", "--wait", "web")
    s.run("start", "web")
    s.run("start", "job")
    wait_for("the job is over", lambda: s.manager.status("job")["state"] == "failed")
    s.run("status")
    s.run("status", "job")
    s.run("list", "-q")
    s.run("remove", "web")
    s.run("signal", "web", "USR1")
    s.run("pause", "web")
    s.run("resume", "web")
    s.run("signal", "web", "KILL")
    wait_for("the signal ended it", lambda: s.manager.status("web")["state"] == "failed")
    s.run("status", "web")
    s.run("restart", "web")
    s.run("stop", "--force", "web", "job")
    s.run("remove", "web", "job")
    s.run("ping")
    s.run("shutdown")


SESSIONS = {"errors": transcripts.errors, "offline": transcripts.offline, "lifecycle": lifecycle}


def main():
    name = sys.argv[1]
    manager = Manager()
    session = Session(manager)
    try:
        SESSIONS[name](session)
    finally:
        manager.__exit__(*sys.exc_info())
    transcripts.compare(HERE / "golden/windows" / f"{name}.txt", session.text)


if __name__ == "__main__":
    main()

"""The conformance kit proves the bundled plugins, and finds every fault that the mock plugin can have."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from windows_paths import windows_path  # noqa: E402

RUNNER = os.environ.get("SYSPULSE_RUNNER")
PROGRAM = [word for word in (RUNNER, os.environ["SYSPULSE_PROGRAM"]) if word]
MOCK = os.environ["SYSPULSE_MOCK_PLUGIN"]
SEEN = windows_path if RUNNER else str
DEADLINE_SECS = 600
BAD = ("fail", "crash", "hang")
# Of these the kit warns.
ONLY_WARNED = ("T04",)
# One thread of Wine serves all programs.
SCALE = ["--deadline-scale", "4"] if RUNNER else []


def check(plugin, *flags, fault="", temp=None):
    env = {**os.environ, "SYSPULSE_MOCK_FAULT": fault} if fault else dict(os.environ)
    if temp:
        env["TMPDIR"] = temp
    author = HERE / (pathlib.Path(plugin).stem + ".yaml")
    config = ["--config", SEEN(author)] if author.exists() else []
    # Not through pipes: under Wine the host of a console may hold their other ends after all else has ended.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        done = subprocess.run([*PROGRAM, "plugin", "check", SEEN(plugin), *config, "--json", *SCALE, *flags], stdout=out,
                              stderr=errors, timeout=DEADLINE_SECS, env=env)
        out.seek(0)
        errors.seek(0)
        said, problems = out.read(), errors.read()
    assert done.returncode in (0, 1), (plugin, flags, problems)
    items = json.loads(said)["items"]
    assert (done.returncode == 1) == any(i["status"] in BAD for i in items), said
    return items


def bad(items):
    return [i for i in items if i["status"] in BAD]


def need_cgroups(items):
    """Skips where no cgroup may be made, with the driver's own reason."""
    refused = [i["message"] for i in bad(items) if "Delegate=yes" in i["message"]]
    if refused:
        print("skipped:", refused[0])
        sys.exit(77)


def groups_of_the_kit():
    """Others come and go meanwhile, which find complains of."""
    if os.name == "nt":
        return set()
    found = subprocess.run(["find", "/sys/fs/cgroup", "-type", "d", "-name", "kit.kit-*"], capture_output=True, text=True)
    return set(found.stdout.splitlines())


def sound(plugin, level):
    before = groups_of_the_kit()
    if pathlib.Path(plugin).stem == "cgroup":
        need_cgroups(check(plugin, "--only", "D01"))
    items = check(plugin, "--level", level)
    # Those of another run, on the same machine at the same time, go away by themselves.
    end = time.monotonic() + 60
    while (left := groups_of_the_kit() - before) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left, f"the kit leaves cgroups behind: {left}"
    assert not bad(items), json.dumps(bad(items), indent=1)
    proven = {i["item"] for i in items if i["status"] in ("pass", "warn")}
    assert len(proven) >= 25, sorted(proven)
    print(len(proven), "items proven:", " ".join(sorted(proven)))
    for item in items:
        if item["status"] == "skip":
            print(f"{item['item']} skipped: {item['message']}")


def faults():
    """Each fault with the other items that cannot but see it, too."""
    found = {}
    for line in (HERE / "broken.txt").read_text().splitlines():
        if not line.startswith("#"):
            first, _, others = line.partition(":")
            found |= {name: set(others.split()) for name in first.split()}
    return found


def reasons_missing(items):
    return [i for i in items if i["status"] in ("skip", *BAD) and not i["message"]]


# What no kit can look at on some machines, by the word in its reason.
DEPENDS_ON_THE_MACHINE = {"D10": "namespace", "D25": "swap"}


def impossible_here(item):
    """Why the item cannot be looked at here, although the plugin is sound; empty when it can."""
    word = DEPENDS_ON_THE_MACHINE.get(item)
    return next((i["message"] for i in look_at.sound if word and i["item"] == item and i["status"] == "skip" and word in i["message"]), "")


# What the code of a plugin cannot bring about, but its file: the name of a symbol that it needs becomes another.
RENAMED = {"M01": (b"getpgid", b"getpgix"), "M02": (b"__gmon_start__", b"sysp_gmon_star")}


@contextlib.contextmanager
def file_with(fault):
    """The mock plugin, or a copy whose file has the fault."""
    if fault not in RENAMED:
        yield MOCK
        return
    old, new = (b"\0" + name + b"\0" for name in RENAMED[fault])
    content = pathlib.Path(MOCK).read_bytes()
    assert content.count(old) >= 1, f"{MOCK} does not need {old}"
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "mock.so"
        copy.write_bytes(content.replace(old, new))
        yield str(copy)


def look_at(fault, others):
    """The whole kit on a plugin with this fault: what is wrong with its findings, or nothing."""
    item = fault.partition(".")[0]
    if reason := impossible_here(item):
        print(f"{item} is left out: {reason}")
        return ""
    # What the faulty plugin leaves in the directory for temporary files goes away with it.
    with file_with(fault) as file, tempfile.TemporaryDirectory() as temp:
        items = check(file, "--level", "4", fault=fault, temp=temp)
    seen = {i["item"] for i in bad(items)} | {i["item"] for i in items if i["status"] == "warn" and i["item"] in ONLY_WARNED}
    if item not in seen:
        return f"{fault}: the fault is not found"
    if seen - {item} - others:
        return f"{fault}: found by others: {json.dumps([i for i in bad(items) if i['item'] in seen - {item} - others])}"
    if reasons_missing(items):
        return f"{fault}: no reason for {reasons_missing(items)}"
    # What nobody was told of could not be looked at: all items are there, whatever the fault is.
    missing = {i["item"] for i in look_at.sound} - {i["item"] for i in items}
    return f"{fault}: passed over in silence: {missing}" if missing else ""


def broken(group):
    every = faults()
    assert len([item for item, others in every.items() if not others]) >= 25, "faults that one item alone finds"
    look_at.sound = check(MOCK, "--level", "4")
    assert not bad(look_at.sound), bad(look_at.sound)
    # Nearly all of a case is waiting.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong = [text for text in pool.map(lambda item: look_at(item, every[item]), [i for i in every if i.startswith(group)]) if text]
    assert not wrong, "\n".join(wrong)


if sys.argv[1] == "sound":
    sound(*sys.argv[2:])
else:
    broken(sys.argv[2])

"""A manager with plugins in processes of their own, for the scenarios about them."""
import json
import os
import pathlib
import shutil
import subprocess

from harness import until

MOCK = pathlib.Path(os.environ["SYSPULSE_MOCK_PLUGIN"])
SANITIZED = os.environ.get("SYSPULSE_SANITIZE", "") != ""
SHELL_FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]
QUICK = {"watchdog_secs": 2, "restart": {"backoff_base_secs": 0.05, "backoff_max_secs": 1}}


def configured(m, settings, *flags):
    """A manager with the mock plugin and these settings of plugins."""
    plugins = m.root / "plugins"
    plugins.mkdir(exist_ok=True)
    if not (plugins / "mock.so").exists():
        shutil.copy(MOCK, plugins / "mock.so")
    config = m.root / "manager.yaml"
    config.write_text(json.dumps({"plugins": settings}))
    m.start("--plugin-dir", plugins, "--config", config, *flags)
    return plugins


def plugin(m, name):
    return next(p for p in json.loads(m.ok("--format", "json", "plugin", "list")) if p["name"] == name)


def host(m, name):
    return plugin(m, name)["host"]


def fresh_host(m, name, before):
    return until(lambda: (lambda h: h if h["pid"] not in (None, before) else None)(host(m, name)),
                 f"{name} has a fresh process")


def checked_by(m, name, target, **more):
    """A daemon whose checker does what `target` says."""
    m.add(**{name: {"command": SHELL_FOREVER, "health_check": {
        "type": "mock", "target": target, "interval_secs": 0.1, "timeout_secs": 1, "retries": 1, "on_unhealthy": "none",
        **more}}})
    m.ok("start", name)


def misbehaviour(m):
    return json.loads(m.ok("--format", "json", "info"))["misbehaviour"]


def hosts_of(m):
    """The processes of plugins below this manager."""
    found = subprocess.run(["ps", "-o", "args=", "--ppid", str(m.pid())], capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if line.startswith("syspulse-plugin-host serve")]

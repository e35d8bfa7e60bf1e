"""What operators write about plugins: options of daemons, secrets, settings of the plugins themselves."""
import json
import subprocess

from harness import DEADLINE_SECS, PROGRAM, Manager, main, until
from plugin_hosts import QUICK, SHELL_FOREVER, checked_by, configured, host, hosts_of, plugin


def options_of_a_foreign_plugin_are_refused_at_their_place():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": {**QUICK, "watchdog_secs": 5}})
        spec = m.root / "spec.yaml"

        def write(block):
            spec.write_text("daemons:\n  a:\n    command: [x]\n    autostart: false\n" + block)
        check = "    health_check:\n      type: mock\n      target: pass\n      with:\n        word: pass\n        %s\n"
        m.add(sound={"command": SHELL_FOREVER, "health_check": {"type": "mock", "target": "pass", "interval_secs": 0.1}})
        m.ok("start", "sound", "--wait")
        first = host(m, "syspulse.mock")
        for block, place, message in (
                (check % "wrod: x", "10:9", 'did you mean "word"?'),
                (check % "key: abcdefghijklmnopqrstuvwxyz", "10:14", "20"),
                (check.replace("pass\n        %s", "contradiction"), "9:9", 'refuses "word": contradicts itself'),
                (check.replace("pass\n        %s", "abort"), "6:", "they ended the process that tried them: signal SIGABRT"),
                ("    driver: {type: mock, with: {zap: 1}}\n", "5:33", 'unknown option "zap"'),
                ("    driver: {type: mock, with: {word: contradiction}}\n", "5:33", 'the driver "mock" refuses "word": contradicts itself'),
                ("    driver: mock\n    resource_limits: {max_open_files: 64, max_processes: 13}\n", "6:43",
                 'refuses "max_processes": brings bad luck'),
                ("    driver: {type: mock, with: {word: abort}}\n", "5:", "they ended the process that tried them: signal SIGABRT")):
            write(block)
            for told in (m.fails(2, "validate", "--plugin-dir", plugins, spec), m.fails(2, "add", "-f", spec)):
                assert f"{spec}:{place}" in told and message in told, (place, message, told)
        # One that never comes back holds up only who gave its options.
        write(check.replace("pass\n        %s", "spin"))
        with subprocess.Popen([PROGRAM, "--data-dir", m.data, "add", "-f", spec], stderr=subprocess.PIPE, text=True) as adding:
            until(lambda: len(hosts_of(m)) > 1, "the options are tried in a process of their own")
            m.ok("ping")
            assert adding.poll() is None, "others are served meanwhile"
            told = adding.communicate(timeout=DEADLINE_SECS)[1]
        assert adding.returncode == 2 and f"{spec}:6:" in told and "no answer within 5s" in told, told
        assert host(m, "syspulse.mock") == first, "the process that serves checks knows nothing of it"
        write(check % "key: abc")
        m.ok("add", "-f", spec)
        write("    driver: {type: mock, with: {word: fine}}\n    resource_limits: {max_processes: 64}\n")
        m.ok("validate", "--plugin-dir", plugins, spec)
        m.ok("add", "--replace", "-f", spec)
        assert len(hosts_of(m)) == 1, "nothing is left behind"


def secrets_are_shown_nowhere():
    with Manager() as m:
        configured(m, {"syspulse.mock": QUICK})
        secret = "k-4711"
        check = {"type": "mock", "target": "pass", "interval_secs": 0.1, "with": {"key": secret}}
        m.add(web={"command": SHELL_FOREVER, "health_check": check})
        m.ok("start", "web", "--wait", "--timeout", 30)
        shown = json.loads(m.ok("--format", "json", "spec", "web"))
        masked = json.dumps(shown)
        assert '"***"' in masked, masked
        bad = m.root / "bad.yaml"
        for value in (secret * 10, {"a": secret}, "***"):
            bad.write_text(json.dumps({"daemons": {"bad": {"command": SHELL_FOREVER,
                                                           "health_check": {**check, "with": {"key": value}}}}}))
            assert secret not in m.fails(2, "add", "-f", bad), value
        told = masked + m.ok("status", "web") + m.ok("--format", "json", "events") + m.ok("plugin", "list")
        assert secret not in told and secret not in (m.root / "manager.log").read_text()


def what_a_plugin_says_of_its_secrets_is_hidden():
    for isolation in ("process", "none"):
        with Manager() as m:
            settings = {"isolation": isolation, **(QUICK if isolation == "process" else {})}
            configured(m, {"syspulse.mock": settings}, "-v")
            secret = "swordfish-4711"
            checked_by(m, "web", "tell", **{"with": {"key": secret}, "retries": 100})
            until(lambda: len([e for e in m.ok("events", "--daemon", "web").splitlines() if "***" in e]) > 0,
                  "it has told it")
            assert "the key is ***!" in m.status("web")["last_check"]["message"]
            bad = m.root / "bad.yaml"
            bad.write_text(json.dumps({"daemons": {"bad": {"command": SHELL_FOREVER, "health_check": {
                "type": "mock", "target": "pass", "with": {"word": "tell", "key": secret}}}}}))
            refused = m.fails(2, "add", "-f", bad)
            assert '"key": ***' in refused, refused
            until(lambda: "the key is ***!" in (m.root / "manager.log").read_text(), "it has logged it")
            told = refused + (m.root / "manager.log").read_text() + m.ok("--format", "json", "status") \
                + m.ok("--format", "json", "events") + m.ok("--format", "json", "spec", "web")
            assert secret not in told, isolation


def settings_of_plugins_are_strict():
    with Manager() as m:
        file = m.root / "manager.yaml"
        file.write_text("plugins:\n  http:\n    isolation: proces\n    limits: {max_memory_bytes: 1M}\n    wachdog_secs: 3\n"
                        "  tcp:\n    isolation: none\n    watchdog_secs: 3\n")
        done = m.run("daemon", "--config", file)
        assert done.returncode == 2, done
        for expected in (":3:16: ", ":4:", "16M", ":5:5: ", "watchdog_secs", ":8:5: ", "no effect"):
            assert expected in done.stderr, (expected, done.stderr)
        file.write_text("plugins: {htpt: {isolation: process}}\n")
        m.start("--config", file)
        m.ok("ping")
        told = f'{file}:1:11: the settings of plugin "htpt" are for none that is installed; did you mean "http"?'
        assert told in (m.root / "manager.log").read_text()
        assert told in m.run("validate", file).stderr
        m.stop()
        file.write_text("plugins:\n  http: {isolation: process}\n  syspulse.http: {isolation: none}\n")
        for words in (("daemon", "--config", file), ("validate", file)):
            told = m.fails(2, *words)
            assert f'{file}:3:3: "syspulse.http" is the plugin that stands as "http" in {file}:2:3 already' in told, told
            assert 'another "isolation"' in told, told
        file.write_text("plugins:\n  http: {isolation: process}\n  syspulse.http: {watchdog_secs: 5}\n")
        m.start("--config", file)
        assert plugin(m, "syspulse.http")["isolation"] == "process"
        file.write_text("plugins: {http: {isolation: process}}\n")
        assert "manager's own configuration" in m.fails(2, "add", "-f", file)


if __name__ == "__main__":
    main(globals())

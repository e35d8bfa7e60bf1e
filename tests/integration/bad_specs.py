"""Every mistake that a spec file can hold: exit code 2, and a message with file, line and column."""
import concurrent.futures
import os

from harness import Manager, main


def daemon(*lines):
    """One daemon with a command; `lines` begin at line 4, column 5."""
    return "\n".join(["daemons:", "  a:", "    command: [x]", *("    " + line for line in lines), ""])


def command(text):
    return f"daemons:\n  a:\n    command: {text}\n"


BOMB = "x-a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"x-{b}: &{b} [" + ",".join([f"*{a}"] * 10) + "]\n" for a, b in zip("abcdef", "bcdefg")) + command("*g")

# What is wrong: the text, where, and a part of the message.
STRUCTURE = {
    "unknown top-level key": ("daemonz:\n  a: {command: [x]}\n", "1:1", 'did you mean "daemons"?'),
    "no daemons": ("x-foo: 1\n", "1:1", '"daemons"'),
    "empty file": ("", "1:1", "empty"),
    "a list": ("- a\n", "1:1", "must be a map"),
    "broken YAML": (command("[x"), "4:1", "invalid YAML"),
    "a tab": ("daemons:\n\ta: 1\n", "2:", "invalid YAML"),
    "unknown alias": (command("*nope"), "3:14", "anchor"),
    "alias bomb": (BOMB, "6:", "too large"),
    "misspelt key": ("daemons:\n  a:\n    comand: [x]\n", "3:5", 'did you mean "command"?'),
    "no command": ("daemons:\n  a:\n    description: x\n", "2:3", 'no "command"'),
    "nothing": ("daemons:\n  a:\n", "2:3", "must be a map"),
    "a shell line": (command("sleep 5"), "3:14", "list of arguments"),
    "empty command": (command("[]"), "3:14", "must name a program"),
    "nested command": (command("[x, [y]]"), "3:18", "found a list"),
    "NUL byte": (command('["a\\0b"]'), "3:15", "NUL"),
    "bad name": ("daemons:\n  -a:\n    command: [x]\n", "2:3", "invalid daemon name"),
    "long name": ("daemons:\n  " + "a" * 129 + ":\n    command: [x]\n", "2:3", "1 to 128"),
    "the same name twice": ("daemons:\n  a: {command: [x]}\n  a: {command: [y]}\n", "3:3", "duplicate"),
    "the same key twice": (daemon("command: [y]"), "4:5", "duplicate"),
    "unset variable": (command("['${NO_SUCH_VARIABLE}']"), "3:15", "NO_SUCH_VARIABLE"),
    "open brace": (command("['${NOPE']"), "3:15", "closing brace"),
}
VALUES = {
    "env as a list": (daemon("env: [A=1]"), "4:10", "must be a map"),
    "name of a variable": (daemon("env: {A=B: 1}"), "4:11", "environment variable"),
    "unknown user": (daemon("user: nobody-at-all"), "4:11", "unknown user"),
    "unknown group": (daemon("user: root:no-group-at-all"), "4:11", "unknown group"),
    "description": (daemon("description: [1]"), "4:18", "must be a text"),
    "unknown driver": (daemon("driver: posx"), "4:13", 'did you mean "posix"?'),
    "driver option": (daemon("driver: {type: posix, with: {zap: 1}}"), "4:34", "unknown option"),
    "driver without type": (daemon("driver: {with: {}}"), "4:13", 'no "type"'),
    "exit code": (daemon("success_exit_codes: [256]"), "4:26", "0 to 255"),
    "signal": (daemon("stop_signal: SIGFOO"), "4:18", "unknown signal"),
    "negative timeout": (daemon("stop_timeout_secs: -3"), "4:24", "found the number -3"),
    "timeout in words": (daemon("stop_timeout_secs: soon"), "4:24", 'found the text "soon"'),
    "size": (daemon("resource_limits: {max_memory_bytes: 12Q}"), "4:41", "256M"),
    "limit nobody enforces": (daemon("driver: posix", "resource_limits: {max_cpu_percent: 50}"), "5:23",
                              "cannot enforce"),
    "no files": (daemon("resource_limits: {max_open_files: 0}"), "4:39", "from 1"),
    "unknown limit": (daemon("resource_limits: {max_memory: 1}"), "4:23", 'did you mean "max_memory_bytes"?'),
    "log size": (daemon("log_config: {max_size_bytes: 0}"), "4:34", "above 0"),
    "log key": (daemon("log_config: {max_size: 1}"), "4:18", "max_size_bytes"),
    "log flag": (daemon("log_config: {timestamps: 3}"), "4:30", "true or false"),
    "tags as a word": (daemon("tags: web"), "4:11", "must be a list"),
    "autostart": (daemon("autostart: perhaps"), "4:16", "true or false"),
    "unknown dependency": (daemon("depends_on: [bb]"), "4:18", 'unknown daemon "bb"'),
    "depends on itself": (daemon("depends_on: [a]"), "4:18", "itself"),
    "a cycle": (daemon("depends_on: [b]", "") + "  b: {command: [x], depends_on: [c]}\n"
                "  c: {command: [x], depends_on: [a]}\n", "4:18", "a -> b -> c -> a"),
}
CHECK = "health_check: {type: tcp, target: 'h:1', "
POLICIES = {
    "unknown checker": (daemon("health_check: {type: htp, target: 'http://x/'}"), "4:26", 'did you mean "http"?'),
    "no target": (daemon("health_check: {type: http}"), "4:19", 'no "target"'),
    "no port": (daemon("health_check: {type: tcp, target: nowhere}"), "4:39", "host:port"),
    "port": (daemon("health_check: {type: tcp, target: 'h:99999'}"), "4:39", "host:port"),
    "no URL": (daemon("health_check: {type: http, target: 'ftp://x/'}"), "4:40", "URL"),
    "no retries": (daemon(CHECK + "retries: 0}"), "4:", "from 1"),
    "no interval": (daemon(CHECK + "interval_secs: 0}"), "4:", "above 0"),
    "no threshold": (daemon(CHECK + "success_threshold: 0}"), "4:", "from 1"),
    "on_unhealthy": (daemon(CHECK + "on_unhealthy: explode}"), "4:", "restart, none"),
    "checker option": (daemon("health_check: {type: http, target: 'http://h/', with: {expect_statuss: [200]}}"), "4:60",
                       'did you mean "expect_status"?'),
    "option's type": (daemon("health_check: {type: http, target: 'http://h/', with: {expect_status: abc}}"), "4:75",
                      "must be a list"),
    "policy": (daemon("restart_policy: sometimes"), "4:21", "never, always, on_failure"),
    "policy key": (daemon("restart_policy: {policy: always, max_retry: 3}"), "4:38", 'did you mean "max_retries"?'),
    "no policy": (daemon("restart_policy: {max_retries: 3}"), "4:21", 'no "policy"'),
    "negative retries": (daemon("restart_policy: {policy: always, max_retries: -1}"), "4:51", "found the number -1"),
    "negative back-off": (daemon("restart_policy: {policy: always, backoff_base_secs: -1}"), "4:57", "from 0"),
    "minute": (daemon("schedule: '61 * * * *'"), "4:15", "out of range"),
    "no cron": (daemon("schedule: whenever"), "4:15", "five"),
    "never fires": (daemon("schedule: '0 0 30 2 *'"), "4:15", "never fires"),
    "zone": (daemon("schedule: {cron: '0 3 * * *', timezone: Mars/Phobos}"), "4:45", "unknown time zone"),
    "overlap": (daemon("schedule: {cron: '0 3 * * *', overlap: maybe}"), "4:44", "skip, queue, replace"),
    "catch_up": (daemon("schedule: {cron: '0 3 * * *', catch_up: all}"), "4:45", "none, one"),
    "schedule without cron": (daemon("schedule: {timezone: UTC}"), "4:15", 'no "cron"'),
}


def refuse_each(cases):
    with Manager() as m:
        def refuse(number, what):
            text, place, message = cases[what]
            file = m.root / f"spec-{number}.yaml"
            file.write_text(text)
            told = m.run("validate", file)
            assert told.returncode == 2 and not told.stdout, (what, told)
            assert any(line.startswith(f"{file}:{place}") and message in line
                       for line in told.stderr.splitlines()), (what, told.stderr)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(refuse, n, what) for n, what in enumerate(cases)]:
                done.result()


def mistakes_of_structure_are_refused():
    refuse_each(STRUCTURE)


def mistakes_of_values_are_refused():
    refuse_each(VALUES)


def mistakes_of_policies_are_refused():
    refuse_each(POLICIES)


def what_only_plugin_and_machine_can_judge_is_refused_at_its_place():
    check = "daemons:\n  web:\n    command: [x]\n    health_check:\n      type: http\n      target: http://127.0.0.1/\n      with:\n"
    with Manager() as m:
        cases = [(check + '        body_regex: "a(b"\n', "8:9", '"body_regex"'),
                 (check + "        ca_file: /no/such/file\n", "8:9", "/no/such/file")]
        if os.geteuid() == 0:
            limit = "    resource_limits:\n      max_processes: 5\n"
            cases.append(("daemons:\n  web:\n    command: [x]\n" + limit, "5:7", "give the daemon a user"))
            cases.append(("daemons:\n  web:\n    command: [x]\n    user: root\n" + limit, "6:7", "give the daemon a user"))
        file = m.root / "spec.yaml"
        m.start()
        for text, place, message in cases:
            file.write_text(text)
            for words in (("validate",), ("add", "-f")):
                told = m.fails(2, *words, file)
                assert told.startswith(f"{file}:{place}: ") and message in told and told.count("\n") == 1, told
        assert m.ok("list", "-q") == ""
        m.stop()
        for text, place, message in cases:
            file.write_text(text)
            told = m.fails(2, "up", "-f", file)
            assert told.startswith(f"{file}:{place}: ") and message in told, told


def text_that_is_not_utf8_is_refused():
    with Manager() as m:
        file = m.root / "latin.yaml"
        file.write_bytes(b'daemons:\n  a:\n    command: ["\xff"]\n')
        assert m.fails(2, "validate", file).startswith(f"{file}:3:16: ")


def all_mistakes_are_told_in_one_go_and_nothing_is_registered():
    with Manager() as m:
        m.start()
        file = m.root / "spec.yaml"
        file.write_text("daemons:\n  good: {command: [x]}\n  bad:\n    comand: [x]\n  worse: {command: [x], "
                        "schedule: never, depends_on: [nobody]}\n")
        for command_line in (("add", "-f", file), ("validate", file), ("up", "-f", file)):
            if command_line[0] == "up":
                m.stop()
            told = m.fails(2, *command_line).splitlines()
            assert len(told) == 4 and all(line.startswith(f"{file}:") for line in told), told
        m.start()
        assert m.ok("list", "-q") == ""
        told = m.run("--format", "json", "add", "-f", file)
        assert told.returncode == 2 and '"kind":"invalid_spec"' in told.stderr and '"line":4' in told.stderr, told


main(globals())

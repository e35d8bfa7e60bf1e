#include "config/spec_template.hpp"

namespace syspulse::config {

std::string_view spec_template() noexcept {
    return R"yaml(# What syspulse runs. Every key is described in syspulse.yaml(5); "syspulse validate" checks this
# file, "syspulse up -f" runs it in the foreground, "syspulse add -f" hands it to the manager.
daemons:
  hello:
    # The program and its arguments. No shell is involved: for one, write [cmd, /c, "..."].
    command: [ping, -n, "3600", 127.0.0.1]
    description: A daemon to begin with

    # Where it runs, and with which variables. ${NAME} and ${NAME:-default} come from the environment
    # when this file is loaded; $$ is a dollar sign.
    # working_dir: C:\srv\hello
    # env:
    #   PORT: "${PORT:-8000}"

    # What happens when it ends: never, always or on_failure.
    restart_policy:
      policy: on_failure
      max_retries: 5             # Leave it out to retry for ever.
      backoff_base_secs: 1       # Doubles with each attempt ...
      backoff_max_secs: 300      # ... up to this.
      reset_after_secs: 60       # A run of this length starts again at the base.

    # How to tell that it works: tcp (host:port), http (a URL) or command (a line of cmd.exe).
    # health_check:
    #   type: http
    #   target: http://127.0.0.1:8000/
    #   interval_secs: 30
    #   timeout_secs: 5
    #   retries: 3
    #   start_period_secs: 10

    # How it is stopped: by Ctrl+C, with all that it has started when the time is over.
    stop_timeout_secs: 30

    # Limits of the job that it runs in, for it with all that it starts.
    # resource_limits:
    #   max_memory_bytes: 256M
    #   max_processes: 16

    # Run at certain times instead of all the time.
    # schedule: "0 3 * * *"

    log_config:
      max_size_bytes: 50M
      retain_count: 5

    tags: [example]
    # depends_on: [database]     # Start after these are ready, stop before them.
    autostart: true              # Start together with the manager.
)yaml";
}

}  // namespace syspulse::config

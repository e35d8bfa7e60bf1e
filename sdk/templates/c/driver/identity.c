#define _GNU_SOURCE
#include "identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t read_file(const char* path, char* text, size_t size) {
  ssize_t count = -1;
  size_t length = 0;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  text[0] = '\0';
  if (file < 0) return -1;
  while (length + 1 < size && (count = read(file, text + length, size - 1 - length)) > 0) length += (size_t)count;
  close(file);
  text[length] = '\0';
  return (ssize_t)length;
}

/* Whether errno says that a process is gone, or a stranger's. Without a descriptor, say, nothing is known of it. */
static int is_none(void) { return errno == ENOENT || errno == ESRCH || errno == EACCES || errno == EPERM; }

/* Field `number` of /proc/PID/stat, from 3 on, in a text of the caller's; NULL with errno: it has none. */
static const char* stat_field(pid_t pid, int number, char* line, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  errno = ESRCH; /* What a file without a text says. */
  read_file(path, line, size);
  const char* at = strrchr(line, ')'); /* The name before it may hold spaces and brackets. */
  for (int field = 2; field < number && at != NULL; ++field) at = strchr(at + 1, ' ');
  return at == NULL ? NULL : at + 1;
}

int identify(pid_t pid, char* token, unsigned long long* started) {
  char line[1024], boot[64];
  const char* start = stat_field(pid, 22, line, sizeof line);
  if (start == NULL) return is_none() ? 0 : -1;
  if (read_file("/proc/sys/kernel/random/boot_id", boot, sizeof boot) < 0) return -1;
  *started = strtoull(start, NULL, 10);
  snprintf(token, token_size, "%d %llu %.36s", (int)pid, *started, boot);
  return 1;
}

/* Whether the process was started for the run. One that is in the middle of exec, or of its end, does not say. */
static enum search belongs_to(pid_t pid, const sysp_str* run_id) {
  static char text[2 << 20]; /* More than this the kernel does not take. */
  static const char variable[] = "SYSPULSE_RUN_ID=";
  const size_t prefix = sizeof variable - 1;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  const ssize_t length = read_file(path, text, sizeof text);
  if (length < 0) return is_none() ? is_other : is_in_doubt;
  for (const char* at = text; at < text + length; at += strlen(at) + 1)
    if (strncmp(at, variable, prefix) == 0 && strlen(at + prefix) == run_id->len &&
        memcmp(at + prefix, run_id->ptr, run_id->len) == 0)
      return is_sought;
  if (length > 0) return is_other;
  snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
  const ssize_t words = read_file(path, text, sizeof text);
  if (words > 0) return is_other;
  const char* state = words < 0 ? NULL : stat_field(pid, 3, text, sizeof text);
  if (state == NULL) return is_none() ? is_other : is_in_doubt;
  return *state == 'Z' ? is_other : is_in_doubt;
}

enum search find_run(const sysp_str* run_id, char* token) {
  enum search found = is_other;
  unsigned long long earliest = ~0ULL, started = 0;
  char candidate[token_size];
  DIR* all = opendir("/proc");
  if (all == NULL) return is_in_doubt;
  for (const struct dirent* entry = readdir(all); entry != NULL; entry = readdir(all)) {
    const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid <= 1 || getsid(pid) != pid) continue;
    enum search says = belongs_to(pid, run_id);
    const int known = says == is_sought ? identify(pid, candidate, &started) : 0;
    if (known < 0) says = is_in_doubt;
    if (says == is_in_doubt && found == is_other) found = is_in_doubt;
    if (known <= 0 || started >= earliest) continue;
    found = is_sought;
    earliest = started;
    memcpy(token, candidate, token_size);
  }
  closedir(all);
  return found;
}

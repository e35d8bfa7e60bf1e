/* Which process is which, by /proc. */
#ifndef IDENTITY_H
#define IDENTITY_H
#include <sys/types.h>
#include <syspulse/plugin.h>

enum { token_size = 128 };

/* The bytes that were read; the text ends with a NUL. -1 with errno: it cannot be opened. */
ssize_t read_file(const char* path, char* text, size_t size);

/* The token of a process; 0: there is none; -1 with errno: that cannot be told. A pid alone proves nothing, as it is
 * given away again: with it go the process's start and the boot. */
int identify(pid_t pid, char* token, unsigned long long* started);

enum search { is_other, is_sought, is_in_doubt };

/* The token of a run that has none, as its manager died too early. The one that was started first, because what it
 * starts in sessions of their own has its environment, too. */
enum search find_run(const sysp_str* run_id, char* token);

#endif

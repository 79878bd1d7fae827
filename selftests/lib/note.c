// SPDX-License-Identifier: GPL-2.0
/* See note.h. */
#include "lib/note.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void t_note(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "# %s\n", line);
}

bool t_kernel_must_have(const char *what)
{
	const char *has = getenv("KERNEL_HAS") ?: "";
	size_t len = strlen(what);

	for (; *has; has += strcspn(has, " ")) {
		has += strspn(has, " ");
		if (strcspn(has, " ") == len && !memcmp(has, what, len))
			return true;
	}
	return false;
}

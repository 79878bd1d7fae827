// SPDX-License-Identifier: GPL-2.0
/* See capabilities.h. */
#include "lib/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/note.h"

bool t_set_capabilities(uint64_t capabilities)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (!syscall(SYS_capget, &header, data)) {
		data[0].effective = data[0].permitted & capabilities;
		data[1].effective = data[1].permitted & (capabilities >> 32);
		if (!syscall(SYS_capset, &header, data))
			return true;
	}
	t_note("capset: %s", strerror(errno));
	return false;
}

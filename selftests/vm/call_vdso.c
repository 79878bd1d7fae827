// SPDX-License-Identifier: GPL-2.0
/*
 * Calls every function of the vDSO that it was told of by the kernel, or by who
 * has made it believe so, and compares with system calls. Its exit status says
 * whether all answered truly. A 32-bit libc may make all of its own system calls
 * through that vDSO, too.
 *
 *   call_vdso		once
 *   call_vdso wait	then sleeps in pause() until a SIGUSR1; and once more
 *   call_vdso outside	the same, but not through the vDSO
 */
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/syscall.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/vdso_calls.h"

/* Instead of libtests.a's. */
void t_note(const char *format, ...)
{
	va_list args;

	fputs("# ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\n", stderr);
}

/* Its section headers are the last thing in it. */
static size_t text_size(const uint8_t *text)
{
	const ElfW(Ehdr) *ehdr = (const void *)text;

	return (ehdr->e_shoff + ehdr->e_shnum * ehdr->e_shentsize + T_PAGE - 1) & ~(T_PAGE - 1);
}

static bool answers(void)
{
	const uint8_t *text = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	struct vdso_remap_image parsed = VDSO_REMAP_INIT(parsed);
	int ret = text ? vdso_remap_parse(&parsed, text, text_size(text)) : -1;

	if (ret)
		t_note("no vDSO at %p: %s", text, strerror(-ret));
	return !ret && t_image_answers(&parsed, text);
}

static void ignore(int __attribute__((unused)) sig)
{
}

/* In a system call, but not in the vDSO, wherever libc makes its own. */
static void sleep_outside(void)
{
	raw_syscall(SYS_ppoll, 0, 0, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	bool right = answers();

	if (argc > 1) {
		signal(SIGUSR1, ignore);
		if (!strcmp(argv[1], "wait"))
			pause();
		else
			sleep_outside();
		right &= answers();
	}
	return !right;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of vdso_remap_restore() share. */
#ifndef _SELFTESTS_VM_RESTORE_H
#define _SELFTESTS_VM_RESTORE_H

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/clock.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/vdso_calls.h"

#define DATA_SIZE	(4 * T_PAGE)
#define ELSEWHERE	(T_IMAGE_ADDR + T_FAR)	/* another place than the image's */

/* What a failing restore must leave. */
static struct t_state state;

static inline bool map_at(uint64_t addr, uint64_t size, int prot)
{
	return mmap((void *)addr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		    -1, 0) == (void *)addr;
}

static inline bool is_all(uint64_t addr, uint64_t size, uint8_t byte)
{
	const uint8_t *at = (const uint8_t *)addr;

	while (size && *at == byte) {
		at++;
		size--;
	}
	return !size;
}

/* A restore fails, says why, and leaves the process as it was. */
static inline void fails(struct __test_metadata *_metadata, const struct t_image *image, int error,
			 struct vdso_remap_restore_args *restore)
{
	EXPECT_EQ(error, vdso_remap_restore(restore));
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(t_image_is_expected(image));
	if (state.info.state & VDSO_REMAP_STATE_PRESENT)
		EXPECT_TRUE(t_time_between_syscalls(state.info.vdso));
}

/* System calls of a restore in a forked child, or -1 if it did not end well. */
static inline int count_system_calls(struct vdso_remap_restore_args *restore, int outcome)
{
	struct __ptrace_syscall_info info;
	int status, calls = 0;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		t_raw(SYS_kill, getpid(), SIGSTOP, 0);
		if (vdso_remap_restore(restore))
			_exit(0);
		_exit(restore->outcome);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		return -1;
	while (!ptrace(PTRACE_SYSCALL, pid, NULL, NULL) && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
			return -1;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr != SYS_exit_group)
			calls++;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == outcome ? calls : -1;
}

#define NO_SPLIT	"this kernel splits no special mapping, or it has one page"

/* Special mappings are never joined again. From 5.11 on they can't be split, either. */
static inline bool split_at(struct __test_metadata *_metadata, uint64_t page)
{
	static struct t_maps maps;

	ASSERT_TRUE(t_maps_read(&maps, 0));
	for (unsigned int i = 0; i < maps.nr; i++)
		if (maps.vma[i].start == page && maps.vma[i].end == page + T_PAGE)
			return false;
	if (!mprotect((void *)page, T_PAGE, PROT_NONE))
		return !mprotect((void *)page, T_PAGE, PROT_READ);
	ASSERT_EQ(EINVAL, errno);
	ASSERT_FALSE(t_kernel_must_have("split-vdso"));
	return false;
}

#endif /* _SELFTESTS_VM_RESTORE_H */

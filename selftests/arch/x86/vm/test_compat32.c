// SPDX-License-Identifier: GPL-2.0
/*
 * What a 64-bit tracer does to a 32-bit process: call_vdso32, which is stopped
 * at its start, or asleep. Where its vDSO has gone it reads in auxv, as any
 * program does, when that was changed before it began.
 */
#include <elf.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "arch/x86/vsyscall.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/vdso.h"

#define PLACE		0x40000000U
#define IMAGE		0x60000000U
#define NEAR		0x1000000U
#define LIMIT		0xffffe000U	/* of its addresses */

/* System calls of i386. */
enum {
	NR_pause = 29,
	NR_munmap = 91,
	NR_mmap2 = 192,
	NR_ppoll = 309,
};

/* The images of these tests are not those of its own ABI. */
static void __attribute__((constructor(101))) use_images_of_i386(void)
{
	const char *dir = getenv("VDSO_IMAGES");
	char path[4096];

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/i386", dir);
	setenv("VDSO_IMAGES", path, 1);
}

static int fd;
static struct t_maps maps;

static bool wait_for_stop(pid_t pid, int sig)
{
	int status = 0;

	if (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == sig)
		return true;
	t_note("process %d is not stopped by signal %d: status %x", pid, sig, status);
	return false;
}

/* Starts call_vdso32, seized and stopped before its first instruction. */
static pid_t start(const char *mode)
{
	char self[4096] = "", path[4096 + 16];
	int go[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		exit(1);
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || read(go[0], path, 1))
			_exit(126);
		snprintf(path, sizeof(path), "%s/call_vdso32", dirname(self));
		execl(path, path, mode, NULL);
		_exit(127);
	}
	/* first when it executes the program, then when that system call is over */
	if (pid < 0 ||
	    ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) ||
	    close(go[0]) || close(go[1]) || !wait_for_stop(pid, SIGTRAP) ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || !wait_for_stop(pid, SIGTRAP))
		exit(1);
	return pid;
}

/* Lets it run to its end, with this signal first; its functions answered truly. */
static bool ends_well(pid_t pid, int sig)
{
	int status = 0;

	while (!ptrace(PTRACE_CONT, pid, NULL, sig) && waitpid(pid, &status, __WALL) == pid &&
	       WIFSTOPPED(status) && WSTOPSIG(status) != SIGSEGV)
		sig = WSTOPSIG(status);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	t_note("call_vdso32 ends with status %x", status);
	return false;
}

/* In pause() or ppoll(), by their numbers. */
static bool is_asleep(pid_t pid)
{
	char path[64];
	int nr = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%d", &nr) != 1)
		nr = -1;
	fclose(file);
	return nr == NR_pause || nr == NR_ppoll;
}

/*
 * It has got to where it waits and is stopped there. What it sends itself before
 * that stops it, too.
 */
static bool falls_asleep(pid_t pid)
{
	int status, sig = 0, tries;

	for (tries = 0; tries < 5000; tries++) {
		ptrace(PTRACE_CONT, pid, NULL, sig);
		sig = 0;
		while (!waitpid(pid, &status, __WALL | WNOHANG)) {
			if (is_asleep(pid))
				return !kill(pid, SIGSTOP) && wait_for_stop(pid, SIGSTOP);
			usleep(1000);
		}
		if (!WIFSTOPPED(status))
			break;
		sig = WSTOPSIG(status);
	}
	t_note("call_vdso32 does not sleep: status %x", status);
	return false;
}

/* Makes it make a system call; what that returns. */
static long inject(pid_t pid, long nr, const unsigned int args[6])
{
	static const uint8_t int80[] = { 0xcd, 0x80 };
	struct user_regs_struct saved, regs;
	uint8_t code[sizeof(int80)];

	if (ptrace(PTRACE_GETREGS, pid, NULL, &saved) ||
	    !t_mem_read(pid, saved.rip, code, sizeof(code)) ||
	    !t_mem_write(pid, saved.rip, int80, sizeof(int80)))
		exit(1);
	regs = saved;
	regs.rax = nr;
	regs.rbx = args[0];
	regs.rcx = args[1];
	regs.rdx = args[2];
	regs.rsi = args[3];
	regs.rdi = args[4];
	regs.rbp = args[5];
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) ||
	    ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) || !wait_for_stop(pid, SIGTRAP) ||
	    ptrace(PTRACE_GETREGS, pid, NULL, &regs) ||
	    ptrace(PTRACE_SETREGS, pid, NULL, &saved) ||
	    !t_mem_write(pid, saved.rip, code, sizeof(code)))
		exit(1);
	return (int)regs.rax;
}

static unsigned int word_at(pid_t pid, uint64_t addr)
{
	unsigned int word = 0;

	if (!t_mem_read(pid, addr, &word, sizeof(word)))
		exit(1);
	return word;
}

/* Changes what it will be told of; it is at its start, with all that on its stack. */
static bool set_auxv(pid_t pid, unsigned int type, unsigned int value)
{
	struct user_regs_struct regs;
	unsigned int found;
	uint64_t at;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return false;
	at = regs.rsp + 4 + 4 * (word_at(pid, regs.rsp) + 1);	/* argc, argv */
	while (word_at(pid, at))
		at += 4;	/* environment */
	at += 4;
	for (; (found = word_at(pid, at)) != AT_NULL; at += 8) {
		if (found == type)
			return t_mem_write(pid, at + 4, &value, sizeof(value));
	}
	t_note("no %u in auxv", type);
	return false;
}

/* Its offset, 0: none. */
static uint32_t find_vsyscall(const struct vdso_remap_image *parsed)
{
	for (unsigned int i = 0; i < parsed->nr_entry_points; i++) {
		if (!strcmp(parsed->entry_points[i].name, "__kernel_vsyscall"))
			return parsed->entry_points[i].off;
	}
	return 0;
}

static bool set_auxv_of(pid_t pid, unsigned int text, const struct vdso_remap_image *parsed)
{
	return set_auxv(pid, AT_SYSINFO_EHDR, text) &&
	       set_auxv(pid, AT_SYSINFO, text + find_vsyscall(parsed));
}

FIXTURE(compat32)
{
	pid_t pid;
	struct vdso_remap_info info;
	uint8_t text[T_MAX_TEXT];
	size_t size;
	struct vdso_remap_image parsed;
};

/* The group and what is in it; a process has to be stopped for that. */
static void learn(struct __test_metadata *_metadata, FIXTURE_DATA(compat32) *self, const char *mode)
{
	const struct vdso_remap_area *text;

	self->pid = start(mode);
	self->info.size = sizeof(self->info);
	self->info.pid = self->pid;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_GET_INFO, &self->info));
	ASSERT_LT(1, self->info.nr_areas);
	text = &self->info.areas[self->info.nr_areas - 1];
	self->size = text->size;
	ASSERT_GE(sizeof(self->text), self->size);
	ASSERT_TRUE(t_mem_read(self->pid, text->start, self->text, self->size));
	ASSERT_EQ(0, t_parse(&self->parsed, self->text, self->size));
}

FIXTURE_SETUP(compat32)
{
	fd = t_open();
}

FIXTURE_TEARDOWN(compat32)
{
	kill(self->pid, SIGKILL);
}

static int move(FIXTURE_DATA(compat32) *self, uint64_t addr)
{
	struct vdso_remap_move req = { .size = sizeof(req), .pid = self->pid, .addr = addr };
	int ret = t_ioctl(fd, VDSO_REMAP_MOVE, &req);

	if (ret == -EBUSY && req.busy_tid != self->pid)
		t_note("busy is %d, not %d", req.busy_tid, self->pid);
	return ret;
}

/* The text is there, whole, and the same. */
static bool has_group_at(FIXTURE_DATA(compat32) *self, uint64_t addr)
{
	struct vdso_remap_info info = { .size = sizeof(info), .pid = self->pid };
	uint8_t text[T_MAX_TEXT];
	const struct t_vma *vma;

	return !t_ioctl(fd, VDSO_REMAP_GET_INFO, &info) && info.vdso == addr &&
	       info.state & VDSO_REMAP_STATE_PRESENT && t_maps_read(&maps, self->pid) &&
	       (vma = t_maps_find(&maps, "[vdso]")) && vma->start == addr &&
	       vma->end - vma->start == self->size &&
	       t_mem_read(self->pid, addr, text, self->size) &&
	       !memcmp(text, self->text, self->size);
}

TEST_F(compat32, is_reported_as_what_it_is)
{
	unsigned int i, nr = 0;

	learn(_metadata, self, NULL);
	EXPECT_EQ(EM_386, self->info.machine);
	EXPECT_EQ(32, self->parsed.bits);
	EXPECT_EQ(self->parsed.build_id_size, self->info.build_id_size);
	EXPECT_EQ(0, memcmp(self->parsed.build_id, self->info.build_id, self->info.build_id_size));
	ASSERT_TRUE(t_maps_read(&maps, self->pid));
	for (i = 0; i < maps.nr; i++) {
		if (!t_is_special(&maps.vma[i]))
			continue;
		EXPECT_EQ(maps.vma[i].start, self->info.areas[nr].start);
		EXPECT_EQ(maps.vma[i].end - maps.vma[i].start, self->info.areas[nr].size);
		nr++;
	}
	EXPECT_EQ(nr, self->info.nr_areas);
	EXPECT_TRUE(ends_well(self->pid, 0));
}

TEST_F(compat32, is_moved)
{
	learn(_metadata, self, NULL);
	ASSERT_EQ(0, move(self, PLACE));
	EXPECT_TRUE(has_group_at(self, PLACE));
	ASSERT_TRUE(set_auxv_of(self->pid, PLACE, &self->parsed));
	EXPECT_TRUE(ends_well(self->pid, 0));
}

TEST_F(compat32, is_not_moved_out_of_its_address_space)
{
	learn(_metadata, self, NULL);
	EXPECT_EQ(-EINVAL, move(self, LIMIT - self->size + T_PAGE));
	EXPECT_EQ(-EINVAL, move(self, LIMIT));
	EXPECT_EQ(-EINVAL, move(self, 1ULL << 32));
	EXPECT_EQ(-EINVAL, move(self, (1ULL << 32) + PLACE));
	EXPECT_EQ(-EINVAL, move(self, T_IMAGE_ADDR));
	EXPECT_TRUE(has_group_at(self, self->info.vdso));
	EXPECT_TRUE(ends_well(self->pid, 0));
}

TEST_F(compat32, is_given_a_fresh_group)
{
	struct vdso_remap_map req = { .size = sizeof(req), .addr = PLACE };
	unsigned int i;

	learn(_metadata, self, NULL);
	req.pid = self->pid;
	EXPECT_EQ(-EEXIST, t_ioctl(fd, VDSO_REMAP_MAP, &req));
	for (i = 0; i < self->info.nr_areas; i++) {
		const unsigned int args[6] = {
			self->info.areas[i].start, self->info.areas[i].size
		};

		ASSERT_EQ(0, inject(self->pid, NR_munmap, args));
	}
	req.addr = 1ULL << 32;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_MAP, &req));
	req.addr = PLACE;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_MAP, &req));
	EXPECT_TRUE(has_group_at(self, PLACE));
	ASSERT_TRUE(set_auxv_of(self->pid, PLACE, &self->parsed));
	EXPECT_TRUE(ends_well(self->pid, 0));
}

/* It sleeps in __kernel_vsyscall: it will come back there. */
TEST_F(compat32, is_not_moved_while_it_is_in_the_vdso)
{
	learn(_metadata, self, "wait");
	ASSERT_TRUE(falls_asleep(self->pid));
	EXPECT_EQ(-EBUSY, move(self, PLACE));
	EXPECT_TRUE(has_group_at(self, self->info.vdso));
	EXPECT_TRUE(ends_well(self->pid, SIGUSR1));
}

TEST_F(compat32, is_moved_while_it_is_in_another_system_call)
{
	learn(_metadata, self, "outside");
	ASSERT_TRUE(falls_asleep(self->pid));
	ASSERT_EQ(0, move(self, PLACE));
	EXPECT_TRUE(has_group_at(self, PLACE));
	/* Back, or its libc would not find it. */
	ASSERT_EQ(0, move(self, self->info.vdso));
	EXPECT_TRUE(has_group_at(self, self->info.vdso));
	EXPECT_TRUE(ends_well(self->pid, SIGUSR1));
}

/* At an int $0x80, sysenter or syscall, or right behind the first. */
static bool is_at_system_call(pid_t pid, uint64_t ip)
{
	static const uint8_t calls[][2] = { { 0xcd, 0x80 }, { 0x0f, 0x34 }, { 0x0f, 0x05 } };
	uint8_t bytes[4];

	if (!t_mem_read(pid, ip - 2, bytes, sizeof(bytes)))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		if (!memcmp(bytes + 2, calls[i], 2))
			return true;
	return !memcmp(bytes, calls[0], 2);
}

/*
 * From wherever it is inside, and its answers are right. It is not left in system
 * calls of its functions: three words are on the stack then, and who has called.
 */
TEST_F_TIMEOUT(compat32, is_brought_out_of_the_vdso, 240)
{
	unsigned int nr_out = 0, nr_calling = 0, nr_slow = 0, left = 0;
	struct vdso_remap_range text;
	struct user_regs_struct regs;
	int status, sig = SIGUSR1, ret;
	uint64_t caller;

	learn(_metadata, self, "wait");
	if (getenv("STEPS_ARE_SLOW"))
		SKIP(return, "steps are slow: the clock functions start again and again");
	text.start = self->info.vdso;
	text.end = text.start + self->size;
	ASSERT_TRUE(falls_asleep(self->pid));
	EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->pid, &text, 1, 0));
	srandom(1);
	/* more only where few of them come to an end */
	while (nr_out + nr_calling + nr_slow < (nr_out && nr_calling ? 60 : 200)) {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, sig));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
		ASSERT_TRUE(WIFSTOPPED(status));
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
		if (sig || regs.rip < text.start || regs.rip >= text.end || left--)
			continue;
		left = random() % 32;
		ret = vdso_remap_evict(self->pid, &text, 1, 300);
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
		if (ret == -EOPNOTSUPP) {
			ASSERT_TRUE(is_at_system_call(self->pid, regs.rip));
			caller = word_at(self->pid, regs.rsp + 12);
			ASSERT_TRUE(caller < text.start || caller >= text.end);
			nr_calling++;
			continue;
		}
		/* on a slow machine the clock ticks in the middle, and its functions start again */
		if (ret == -ETIME) {
			nr_slow++;
			continue;
		}
		ASSERT_LT(0, ret);
		ASSERT_TRUE(regs.rip < text.start || regs.rip >= text.end);
		nr_out++;
	}
	EXPECT_TRUE(ends_well(self->pid, 0));
	EXPECT_LT(0, nr_out);
	EXPECT_LT(0, nr_calling);
	TH_LOG("out %u times, %u times at a system call, %u times too slow", nr_out, nr_calling,
	       nr_slow);
}

TEST_F(compat32, is_not_brought_over_a_breakpoint)
{
	static const uint8_t int3 = 0xcc;
	struct user_regs_struct before, after;
	struct vdso_remap_range text;

	learn(_metadata, self, NULL);
	text.start = self->info.vdso;
	text.end = text.start + self->size;
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &before));
	before.rip = text.start + self->parsed.entry_points[0].off;
	before.eflags |= 2;	/* which is set once it has run */
	ASSERT_TRUE(t_mem_write(self->pid, before.rip, &int3, sizeof(int3)));
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, self->pid, NULL, &before));
	EXPECT_EQ(-EILSEQ, vdso_remap_evict(self->pid, &text, 1, 0));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(compat32, is_found_in_a_handler_that_returns_to_its_system_call)
{
	struct vdso_remap_handler handler = { 0 };
	struct user_regs_struct regs;
	struct vdso_remap_range text;

	learn(_metadata, self, "wait");
	text.start = self->info.vdso;
	text.end = text.start + self->size;
	ASSERT_TRUE(falls_asleep(self->pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
	EXPECT_EQ(0, vdso_remap_find_handlers(self->pid, &text, 1, &handler, 1));
	ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, SIGUSR1));
	ASSERT_TRUE(wait_for_stop(self->pid, SIGTRAP));
	EXPECT_EQ(1, vdso_remap_find_handlers(self->pid, &text, 1, &handler, 1));
	EXPECT_EQ(regs.rip, handler.addr);
	EXPECT_TRUE(handler.at_syscall);
	EXPECT_TRUE(ends_well(self->pid, 0));
}

/* Images */

FIXTURE(compat32_image)
{
	FIXTURE_DATA(compat32) tracee;
	const void *bytes;
	size_t size;
	struct vdso_remap_image parsed;
	struct vdso_remap_plan plan;
	struct vdso_remap_proxy req;
};

T_IMAGE_VARIANTS(compat32_image);

/* The image is in the tracee, as a restore would leave it. */
FIXTURE_SETUP(compat32_image)
{
	unsigned int args[6] = {
		IMAGE, 0, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0
	};
	uint32_t vsyscall;

	fd = t_open();
	learn(_metadata, &self->tracee, "wait");
	if (strcmp(variant->image, "own")) {
		self->bytes = t_image_read(variant->image, &self->size);
	} else {
		self->bytes = self->tracee.text;
		self->size = self->tracee.size;
	}
	ASSERT_EQ(0, t_parse(&self->parsed, self->bytes, self->size));
	vsyscall = find_vsyscall(&self->parsed);
	ASSERT_NE(0, vsyscall);
	/* Else it was taken on another vendor's processor. */
	ASSERT_TRUE(t_vsyscall_fits((const uint8_t *)self->bytes + vsyscall));
	args[1] = self->size;
	ASSERT_EQ(IMAGE, inject(self->tracee.pid, NR_mmap2, args));
	ASSERT_TRUE(t_mem_write(self->tracee.pid, IMAGE, self->bytes, self->size));
	ASSERT_EQ(0, t_make_plan(&self->plan, &self->parsed, &self->tracee.parsed,
				 VDSO_REMAP_FORCE_PROXY));
	self->req = (struct vdso_remap_proxy){
		.size = sizeof(self->req),
		.pid = self->tracee.pid,
		.nr_sites = self->plan.nr_sites,
		.sites = (uintptr_t)self->plan.sites,
		.image = IMAGE,
		.image_size = self->size,
	};
}

FIXTURE_TEARDOWN(compat32_image)
{
	kill(self->tracee.pid, SIGKILL);
}

TEST_F(compat32_image, becomes_a_proxy)
{
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(set_auxv_of(self->tracee.pid, IMAGE, &self->parsed));
	ASSERT_TRUE(falls_asleep(self->tracee.pid));
	EXPECT_TRUE(ends_well(self->tracee.pid, SIGUSR1));
}

TEST_F(compat32_image, becomes_a_proxy_of_the_parked_group)
{
	/* of 64-bit words, as CRIU's code is that restores and dumps such a process */
	const uint64_t mark[] = {
		0x4f53447655495243ULL, IMAGE, 3, IMAGE - 4 * T_PAGE,
		IMAGE + NEAR - (self->tracee.info.vdso - self->tracee.info.areas[0].start),
	};
	uint64_t found[ARRAY_SIZE(mark)];

	self->req.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_MARK;
	self->req.addr = IMAGE + NEAR;
	self->req.image_data = IMAGE - 4 * T_PAGE;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(t_mem_read(self->tracee.pid, IMAGE + NEAR, found, sizeof(found)));
	EXPECT_EQ(0, memcmp(mark, found, sizeof(mark)));
	ASSERT_TRUE(set_auxv_of(self->tracee.pid, IMAGE, &self->parsed));
	ASSERT_TRUE(falls_asleep(self->tracee.pid));
	EXPECT_TRUE(ends_well(self->tracee.pid, SIGUSR1));
}

/* As for a checkpoint, which leaves the runtime vDSO out. */
TEST_F(compat32_image, returns_from_its_system_call_into_the_image)
{
	const pid_t pid = self->tracee.pid;
	struct vdso_remap_range runtime;
	struct user_regs_struct regs;

	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = IMAGE + NEAR;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(set_auxv_of(pid, IMAGE, &self->parsed));
	ASSERT_TRUE(falls_asleep(pid));
	runtime.start = IMAGE + NEAR;
	runtime.end = runtime.start + T_MAX_TEXT;

	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &regs));
	ASSERT_LE(runtime.start, regs.rip);
	ASSERT_GT(runtime.end, regs.rip);
	EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(pid, &runtime, 1, 0));
	EXPECT_EQ(1, vdso_remap_evict_syscall(pid, &runtime, &self->parsed, IMAGE));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, pid, NULL, &regs));
	EXPECT_LE(IMAGE, regs.rip);
	EXPECT_GT(IMAGE + self->parsed.text_size, regs.rip);
	EXPECT_EQ(0, vdso_remap_evict_syscall(pid, &runtime, &self->parsed, IMAGE));
	EXPECT_TRUE(ends_well(pid, SIGUSR1));
}

/* Asleep in __kernel_vsyscall it is in the way of a move, not of the sites. */
TEST_F(compat32_image, becomes_a_proxy_while_its_process_sleeps)
{
	ASSERT_TRUE(falls_asleep(self->tracee.pid));
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = IMAGE + NEAR;
	EXPECT_EQ(-EBUSY, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	EXPECT_EQ(self->tracee.pid, self->req.busy_tid);
	self->req.flags = 0;
	self->req.addr = 0;
	EXPECT_EQ(0, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	EXPECT_TRUE(ends_well(self->tracee.pid, SIGUSR1));
}

TEST_F(compat32_image, must_be_within_its_address_space)
{
	self->req.image = (1ULL << 32) + IMAGE;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	self->req.image = LIMIT - self->size + T_PAGE;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	self->req.image = IMAGE;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = (1ULL << 32) + IMAGE;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
}

TEST_HARNESS_MAIN

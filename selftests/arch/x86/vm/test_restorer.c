// SPDX-License-Identifier: GPL-2.0
/*
 * vdso_remap_restore() by 64-bit code in a process that will go on as a 32-bit
 * one, which is how CRIU restores those: the kernel has been told to give it the
 * i386 vDSO. Afterwards 32-bit code calls the image.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <asm/prctl.h>
#include <vdso_remap.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/device.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/vdso.h"

#define CODE_ADDR	0x20000000U	/* for 32-bit code: its stack, and the way there and back */
#define VDSO_ADDR	0x30000000U
#define IMAGE_ADDR	0x40000000U
#define DATA_SIZE	(4 * T_PAGE)
#define END_OF_ADDRESSES 0x100000000ULL

#define CS_32BIT	0x23
#define CS_64BIT	0x33

/* Not static: assembly uses it. */
extern uint64_t saved_rsp;
uint64_t saved_rsp;

/*
 * Leaves to 32-bit code by a far jump, with that stack. It comes back to
 * back_here, with a result in eax. (A far return would be shorter, but QEMU reads
 * the stack for one as the kernel would, and SMAP forbids that.)
 */
extern const char back_here[];
long enter32(const void *far_pointer, const void *stack);
__asm__("	.text\n"
"enter32:\n"
"	push	%rbx\n	push	%rbp\n	push	%r12\n	push	%r13\n	push	%r14\n	push	%r15\n"
"	mov	%rsp, saved_rsp(%rip)\n"
"	mov	$0x2b, %eax\n	mov	%eax, %ds\n	mov	%eax, %es\n"
"	mov	%rsi, %rsp\n"
"	ljmpl	*(%rdi)\n"
"back_here:\n"
"	mov	saved_rsp(%rip), %rsp\n"
"	pop	%r15\n	pop	%r14\n	pop	%r13\n	pop	%r12\n	pop	%rbp\n	pop	%rbx\n"
"	movslq	%eax, %rax\n"
"	ret\n"
);

static uint8_t *append(uint8_t *to, const void *bytes, size_t size)
{
	memcpy(to, bytes, size);
	return to + size;
}

/* What is at CODE_ADDR. */
struct low_memory {
	uint8_t code[64];
	uint32_t entry[2];	/* where to, and the code segment */
	uint8_t stack[3968];
	uint32_t args[2];	/* of the function */
	int32_t timespec[2];
};

/* A clock of the image, read by 32-bit code. */
static long call32(uint32_t function, clockid_t clock, struct timespec *ts)
{
	struct low_memory *low = (struct low_memory *)(uintptr_t)CODE_ADDR;
	uint32_t way_back = CODE_ADDR + 32;
	uint64_t back = (uintptr_t)back_here;
	uint16_t segment = CS_64BIT;
	uint8_t *to = low->code;
	long ret;

	to = append(to, "\xb8", 1);		/* mov $function, %eax */
	to = append(to, &function, sizeof(function));
	to = append(to, "\xff\xd0\xea", 3);	/* call *%eax; ljmp $segment, $way_back */
	to = append(to, &way_back, sizeof(way_back));
	append(to, &segment, sizeof(segment));
	to = append(low->code + 32, "\x49\xbb", 2);	/* movabs $back, %r11; jmp *%r11 */
	to = append(to, &back, sizeof(back));
	append(to, "\x41\xff\xe3", 3);
	low->entry[0] = CODE_ADDR;
	low->entry[1] = CS_32BIT;
	low->args[0] = clock;
	low->args[1] = (uintptr_t)low->timespec;
	ret = enter32(low->entry, low->args);
	*ts = (struct timespec){ low->timespec[0], low->timespec[1] };
	return ret;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

static bool clock_is_right(uint64_t text, uint32_t off)
{
	struct timespec before, now, after;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &before);
	if (call32(text + off, CLOCK_MONOTONIC, &now))
		return false;
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after);
	return is_before(&before, &now) && is_before(&now, &after);
}

FIXTURE(restorer)
{
	int fd;
	struct t_group group;
	struct vdso_remap_restore_args restore;
	struct vdso_remap_error error;
	uint32_t clock_gettime;	/* offset in the image */
};

FIXTURE_SETUP(restorer)
{
	static struct t_maps maps;
	struct t_group own;

	self->fd = t_open();
	ASSERT_TRUE(t_maps_read(&maps, 0));
	ASSERT_TRUE(t_group_find(&own, &maps));
	if (munmap((void *)own.start, own.end - own.start))
		T_SKIP_IN_SETUP("this kernel keeps its vDSO where it is (sealed)");
	if (syscall(SYS_arch_prctl, ARCH_MAP_VDSO_32, VDSO_ADDR) <= 0)
		T_SKIP_IN_SETUP("this kernel has no ARCH_MAP_VDSO_32 (CHECKPOINT_RESTORE)");
	ASSERT_TRUE(t_maps_read(&maps, 0));
	for (unsigned int i = 0; i < maps.nr; i++) {
		if (!t_is_special(&maps.vma[i]))
			continue;
		if (!self->group.start)
			self->group.start = maps.vma[i].start;
		self->group.text = maps.vma[i].start;
		self->group.end = maps.vma[i].end;
	}
	ASSERT_EQ((void *)(uintptr_t)CODE_ADDR,
		  mmap((void *)(uintptr_t)CODE_ADDR, T_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
}

FIXTURE_TEARDOWN(restorer)
{
}

static bool map_image(FIXTURE_DATA(restorer) *self, uint64_t addr, const void *bytes, size_t size)
{
	static struct vdso_remap_image parsed = VDSO_REMAP_INIT(parsed);
	void *mem = mmap((void *)addr, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (mem != (void *)addr)
		return false;
	memcpy(mem, bytes, size);
	if (mprotect(mem, size, PROT_READ | PROT_EXEC) || vdso_remap_parse(&parsed, mem, size))
		return false;
	self->clock_gettime = 0;
	for (uint32_t i = 0; i < parsed.nr_entry_points; i++)
		if (!strcmp(parsed.entry_points[i].name, "__vdso_clock_gettime"))
			self->clock_gettime = parsed.entry_points[i].off;
	self->error.size = sizeof(self->error);
	self->restore = (struct vdso_remap_restore_args){
		.size = sizeof(self->restore),
		.error = &self->error,
		.fd = self->fd,
		.image = addr,
		.image_size = size,
		.image_data = addr - DATA_SIZE,
		.image_data_size = DATA_SIZE,
	};
	return self->clock_gettime;
}

static bool map_own_image(FIXTURE_DATA(restorer) *self, uint64_t addr)
{
	return map_image(self, addr, (void *)self->group.text, self->group.end - self->group.text);
}

TEST_F(restorer, in_place)
{
	ASSERT_TRUE(map_own_image(self, IMAGE_ADDR));
	ASSERT_EQ(0, vdso_remap_restore(&self->restore));
	EXPECT_EQ(VDSO_REMAP_IN_PLACE, self->restore.outcome);
	EXPECT_EQ(IMAGE_ADDR, self->restore.runtime);
	EXPECT_TRUE(clock_is_right(IMAGE_ADDR, self->clock_gettime));
}

/* Returns the number of the step that failed, or 0. */
static int proxy_by(FIXTURE_DATA(restorer) *self, const char *path)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	static char bytes[8 * T_PAGE_MAX];
	int fd = open(path, O_RDONLY);
	ssize_t size = read(fd, bytes, sizeof(bytes));

	if (size <= 0 || !map_image(self, IMAGE_ADDR, bytes, size))
		return 1;
	self->restore.flags = VDSO_REMAP_FORCE_PROXY;	/* one of them is the running kernel's */
	if (vdso_remap_restore(&self->restore))
		return 2;
	if (self->restore.outcome != VDSO_REMAP_PROXIED ||
	    self->restore.runtime >= END_OF_ADDRESSES)
		return 3;
	if (!clock_is_right(IMAGE_ADDR, self->clock_gettime))
		return 4;
	if (vdso_remap_query(self->fd, 0, &status) || !(status.flags & VDSO_REMAP_STATUS_PROXIED) ||
	    status.image.start != IMAGE_ADDR || status.image_data.start != IMAGE_ADDR - DATA_SIZE)
		return 5;
	return 0;
}

TEST_F(restorer, proxied_by_every_image)
{
	const char *dir = getenv("VDSO_IMAGES");
	char pattern[4096];
	glob_t found;
	int status;

	if (!dir)
		SKIP(return, "$VDSO_IMAGES is not set");
	snprintf(pattern, sizeof(pattern), "%s/i386/*.vdso", dir);
	ASSERT_EQ(0, glob(pattern, 0, NULL, &found));
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (!fork())
			_exit(proxy_by(self, found.gl_pathv[i]));
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status) {
			TH_LOG("%s: step %d", found.gl_pathv[i], WEXITSTATUS(status));
		}
	}
}

/* All is taken but a hole or two that nobody would guess. */
TEST_F(restorer, finds_the_last_place_that_32_bit_code_can_reach)
{
	const uint64_t hole = 0x61230000, step = 0x10000;
	uint64_t addr;

	ASSERT_TRUE(map_own_image(self, IMAGE_ADDR));
	for (addr = 0x10000; addr < END_OF_ADDRESSES; addr += step) {
		if (addr != hole)
			mmap((void *)addr, step, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			     MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	}
	self->restore.flags = VDSO_REMAP_FORCE_PROXY;
	ASSERT_EQ(0, vdso_remap_restore(&self->restore));
	EXPECT_GT(END_OF_ADDRESSES, self->restore.runtime);
	EXPECT_TRUE(clock_is_right(IMAGE_ADDR, self->clock_gettime));
}

TEST_F(restorer, an_image_beyond_32_bit_addresses_is_refused)
{
	ASSERT_TRUE(map_own_image(self, END_OF_ADDRESSES + IMAGE_ADDR));
	EXPECT_EQ(-EINVAL, vdso_remap_restore(&self->restore));
	ASSERT_TRUE(map_own_image(self, END_OF_ADDRESSES - T_PAGE));
	EXPECT_EQ(-EINVAL, vdso_remap_restore(&self->restore));
	EXPECT_TRUE(clock_is_right(self->group.text, self->clock_gettime));
}

TEST_F(restorer, a_64_bit_image_is_of_another_machine)
{
	const void *bytes;
	size_t size;

	bytes = t_vdso_image(&size);
	ASSERT_EQ((void *)T_IMAGE_ADDR, mmap((void *)T_IMAGE_ADDR, size, PROT_READ | PROT_WRITE |
					     PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memcpy((void *)T_IMAGE_ADDR, bytes, size);
	self->error.size = sizeof(self->error);
	self->restore = (struct vdso_remap_restore_args){
		.size = sizeof(self->restore),
		.error = &self->error,
		.fd = self->fd, .image = T_IMAGE_ADDR, .image_size = size,
	};
	EXPECT_EQ(-EXDEV, vdso_remap_restore(&self->restore));
}

TEST_HARNESS_MAIN

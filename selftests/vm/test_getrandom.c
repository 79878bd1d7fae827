// SPDX-License-Identifier: GPL-2.0
/*
 * getrandom() in the vDSO draws from a state in the process's memory. A restore
 * makes copies of that: two processes that draw from the same copy must not see
 * the same bytes. That they would, without a proxy, is shown first.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/vdso.h"

#define NAME		T_VDSO "getrandom"
#define NR_BYTES	32

typedef long (*random_function)(void *buf, size_t size, unsigned int flags, void *state,
				size_t state_size);

/* What it says when asked how large its state is, and how it has to be mapped. */
struct params {
	uint32_t size;
	uint32_t prot;
	uint32_t flags;
	uint32_t reserved[13];
};

/* A state as a process has it; the mapping's flags are not those that would protect it. */
struct drawing {
	void *state;
	size_t size;
};

/* Has the runtime vDSO make one, if it can; else any bytes may be one. */
static bool make_state(struct drawing *drawing, random_function runtime)
{
	struct params params = { .size = 256 };
	uint8_t some[NR_BYTES];

	if (runtime && runtime(NULL, 0, 0, &params, ~0UL))
		return false;
	drawing->size = params.size;
	drawing->state = mmap(NULL, drawing->size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (drawing->state == MAP_FAILED)
		return false;
	if (runtime)
		return runtime(some, NR_BYTES, 0, drawing->state, drawing->size) == NR_BYTES;
	memset(drawing->state, 1, drawing->size);
	return true;
}

/* What a child, which gets a copy of the state, draws from it. */
static bool draw_in_child(const struct drawing *drawing, random_function fn, uint8_t *bytes)
{
	uint8_t *shared = mmap(NULL, T_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	int status = -1;

	if (shared == MAP_FAILED)
		return false;
	if (!fork())
		_exit(fn(shared, NR_BYTES, 0, drawing->state, drawing->size) != NR_BYTES);
	wait(&status);
	memcpy(bytes, shared, NR_BYTES);
	munmap(shared, T_PAGE);
	return !status;
}

static random_function find_runtime(uint64_t text)
{
	uint32_t off = t_entry_point(NAME);

	return off ? (random_function)(text + off) : NULL;
}

static uint64_t find_text(int fd)
{
	struct vdso_remap_info info = { .size = sizeof(info) };

	return ioctl(fd, VDSO_REMAP_GET_INFO, &info) ? 0 : info.vdso;
}

/* What the other tests are about. The kernel may reseed meanwhile: it need not be at once. */
TEST(two_copies_of_a_state_are_the_same_bytes_in_the_runtime_vdso)
{
	random_function runtime = find_runtime(find_text(t_open()));
	uint8_t first[NR_BYTES], second[NR_BYTES];
	struct drawing drawing;
	unsigned int tries;

	if (!runtime)
		SKIP(return, "this kernel's vDSO has no getrandom");
	for (tries = 0; tries < 20; tries++) {
		ASSERT_TRUE(make_state(&drawing, runtime));
		ASSERT_TRUE(draw_in_child(&drawing, runtime, first));
		ASSERT_TRUE(draw_in_child(&drawing, runtime, second));
		if (!memcmp(first, second, NR_BYTES))
			break;
	}
	EXPECT_GT(20, tries);
}

FIXTURE(getrandom)
{
	int fd;
	struct drawing drawing;
	random_function fn;	/* the image's */
	struct vdso_remap_restore_args restore;
};

T_IMAGE_VARIANTS(getrandom);

FIXTURE_SETUP(getrandom)
{
	struct t_image image;
	const void *bytes;
	uint32_t off;
	size_t size;

	bytes = t_image_read(variant->image, &size);
	off = t_entry_point_of(bytes, size, NAME);
	if (!off)
		T_SKIP_IN_SETUP("this image has no getrandom");
	self->fd = t_open();
	ASSERT_TRUE(t_image_map(&image, T_IMAGE_ADDR, bytes, size));
	self->fn = (random_function)(image.addr + off);
	ASSERT_TRUE(make_state(&self->drawing, find_runtime(find_text(self->fd))));
	self->restore = (struct vdso_remap_restore_args){
		.size = sizeof(self->restore),
		.fd = self->fd,
		.flags = VDSO_REMAP_FORCE_PROXY,
		.image = T_IMAGE_ADDR,
		.image_size = size,
	};
	ASSERT_EQ(0, vdso_remap_restore(&self->restore));
	ASSERT_EQ(VDSO_REMAP_PROXIED, self->restore.outcome);
}

FIXTURE_TEARDOWN(getrandom)
{
}

TEST_F(getrandom, never_repeats_itself)
{
	uint8_t bytes[8][NR_BYTES];

	for (unsigned int i = 0; i < ARRAY_SIZE(bytes); i++) {
		ASSERT_TRUE(draw_in_child(&self->drawing, self->fn, bytes[i]));
		for (unsigned int j = 0; j < i; j++)
			EXPECT_NE(0, memcmp(bytes[i], bytes[j], NR_BYTES));
	}
}

TEST_F(getrandom, leaves_the_state_alone)
{
	uint8_t before[T_PAGE_MAX], bytes[NR_BYTES] = { 0 };

	ASSERT_GE(sizeof(before), self->drawing.size);
	memcpy(before, self->drawing.state, self->drawing.size);
	EXPECT_EQ(NR_BYTES, self->fn(bytes, NR_BYTES, 0, self->drawing.state, self->drawing.size));
	EXPECT_EQ(0, memcmp(before, self->drawing.state, self->drawing.size));
}

/* So a libc that starts anew makes system calls from then on. */
TEST_F(getrandom, has_no_state_to_offer)
{
	struct params params, poison;

	memset(&params, 0xcc, sizeof(params));
	memset(&poison, 0xcc, sizeof(poison));
	EXPECT_EQ(-ENOSYS, self->fn(NULL, 0, 0, &params, ~0UL));
	EXPECT_EQ(0, memcmp(&params, &poison, sizeof(params)));
}

TEST_HARNESS_MAIN

/* SPDX-License-Identifier: MIT */
/* The fixture of the tests of vdso_remap_make_plan(): two images of this machine's own ABI. */
#ifndef _SELFTESTS_HOST_PLAN_FIXTURE_H
#define _SELFTESTS_HOST_PLAN_FIXTURE_H

#include <errno.h>
#include <string.h>

#include <kselftest_harness.h>
#include <vdso_remap.h>

#include "arch/encode.h"
#include "arch/program.h"
#include "arch/test.h"

static unsigned char code[0x1000];

/* A parsed vDSO is a plain structure; here entry points are put in by hand. */
static inline void init_image(struct vdso_remap_image *image, uint8_t build_id)
{
	*image = (struct vdso_remap_image){
		.text = code, .text_size = sizeof(code), .machine = T_MACHINE, .bits = T_BITS,
		.abi = VDSO_ABI_NATIVE, .build_id_size = 20, .build_id = { build_id },
	};
}

static inline void add(struct vdso_remap_image *image, const char *name, uint32_t off,
		       uint32_t room)
{
	image->entry_points[image->nr_entry_points++] = (struct vdso_remap_entry_point){
		.name = name, .off = off, .size = room, .room = room,
	};
}

FIXTURE(plan)
{
	struct vdso_remap_image image, runtime;
	struct vdso_remap_plan plan;
};

FIXTURE_SETUP(plan)
{
	t_fill_with_traps(code, sizeof(code));
	memset(&self->plan, 0xcc, sizeof(self->plan));
	self->plan.size = sizeof(self->plan);
	init_image(&self->image, 1);
	init_image(&self->runtime, 2);
}

FIXTURE_TEARDOWN(plan)
{
}

#define PLAN(flags) vdso_remap_make_plan(&self->plan, &self->image, &self->runtime, flags)

#define EXPECT_STEP(nr, act, why, target) do {						\
	EXPECT_EQ(nr, self->plan.steps[nr].image);					\
	EXPECT_EQ(VDSO_REMAP_ACTION_ ## act, self->plan.steps[nr].action);		\
	EXPECT_EQ(VDSO_REMAP_REASON_ ## why, self->plan.steps[nr].reason);		\
	EXPECT_EQ(target, self->plan.steps[nr].runtime);				\
} while (0)

#endif /* _SELFTESTS_HOST_PLAN_FIXTURE_H */

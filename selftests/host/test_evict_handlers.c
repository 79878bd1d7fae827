// SPDX-License-Identifier: MIT
/* Claims about vdso_remap_find_handlers(): it finds every handler that will return inside. */
#include <sys/uio.h>

#include "arch/test.h"
#include "evict_fixture.h"

TEST_F(evict, finds_a_handler_from_its_first_instruction_to_its_last)
{
	static const int signals[] = { SIGUSR1, SIGUSR2 };
	struct vdso_remap_handler handler;
	uint64_t ip;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		ASSERT_TRUE(evictee_step_in(&self->child, 3));
		ip = ip_of(self->child.pid);
		EXPECT_EQ(0, vdso_remap_find_handlers(self->child.pid, &self->child.vdso, 1,
						      &handler, 1));
		ASSERT_TRUE(deliver(self->child.pid, signals[i]));
		do {
			memset(&handler, 0, sizeof(handler));
			ASSERT_EQ(1, vdso_remap_find_handlers(self->child.pid, &self->child.vdso, 1,
							      &handler, 1));
			ASSERT_EQ(ip, handler.addr);
			ASSERT_FALSE(handler.at_syscall);
			ASSERT_TRUE(single_step(self->child.pid));
		} while (ip_of(self->child.pid) != ip);
		EXPECT_EQ(0, vdso_remap_find_handlers(self->child.pid, &self->child.vdso, 1,
						      &handler, 1));
		EXPECT_EQ(1, shared->signals[signals[i]]);
	}
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

/* From one on another stack, through one that it interrupted */
TEST_F(evict, finds_handlers_behind_handlers)
{
	const struct vdso_remap_range everything = { 0, ~0ULL };
	struct vdso_remap_handler handlers[3];
	uint64_t ip, handler_ip;

	ASSERT_TRUE(evictee_step_in(&self->child, 3));
	ip = ip_of(self->child.pid);
	ASSERT_TRUE(deliver(self->child.pid, SIGUSR1));
	ASSERT_TRUE(single_step(self->child.pid));
	handler_ip = ip_of(self->child.pid);
	ASSERT_TRUE(deliver(self->child.pid, SIGUSR2));
	ASSERT_EQ(2, vdso_remap_find_handlers(self->child.pid, &everything, 1, handlers, 3));
	EXPECT_EQ(handler_ip, handlers[0].addr);
	EXPECT_EQ(ip, handlers[1].addr);
	ASSERT_EQ(1, vdso_remap_find_handlers(self->child.pid, &self->child.vdso, 1, handlers, 3));
	EXPECT_EQ(ip, handlers[0].addr);
	EXPECT_EQ(1, vdso_remap_find_handlers(self->child.pid, &everything, 1, handlers, 1));
	EXPECT_EQ(handler_ip, handlers[0].addr);
	EXPECT_TRUE(evictee_goes_on_well(&self->child));
}

#ifdef T_FRAME_BIAS
TEST_F(evict, takes_no_copy_for_a_handler)
{
	struct vdso_remap_handler handlers[3];
	struct iovec local, remote;
	uint8_t frame[512];
	uint64_t sp;

	/* a signal can be delivered after a step only */
	ASSERT_TRUE(evictee_step_in(&self->child, 1));
	sp = t_get_reg(self->child.pid, VDSO_REG_SP);
	ASSERT_TRUE(deliver(self->child.pid, SIGUSR1));
	ASSERT_EQ(1, vdso_remap_find_handlers(self->child.pid, &self->child.vdso, 1, handlers, 3));
	local = (struct iovec){ frame, sizeof(frame) };
	remote = (struct iovec){ (void *)(uintptr_t)handlers[0].frame, sizeof(frame) };
	ASSERT_EQ(sizeof(frame), process_vm_readv(self->child.pid, &local, 1, &remote, 1, 0));
	/* where the stack is looked at again, as aligned as the frame */
	remote.iov_base = (void *)(uintptr_t)((sp & ~15ULL) + T_FRAME_BIAS);
	ASSERT_EQ(sizeof(frame), process_vm_writev(self->child.pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(1, vdso_remap_find_handlers(self->child.pid, &self->child.vdso, 1, handlers, 3));
}
#endif

TEST_HARNESS_MAIN

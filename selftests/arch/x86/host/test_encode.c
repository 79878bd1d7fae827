// SPDX-License-Identifier: MIT
/*
 * Claims about arch/x86/encode.h for x86_64: what a disassembler reads in
 * the bytes, what they do when they are executed, and when there are none.
 */
#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/types.h>

#define ABI	VDSO_ABI_X86_64
#define CS_MODE	CS_MODE_64
#define SITE	0x7fff12345000ULL

static const __u8 landing_pad[] = { 0xf3, 0x0f, 0x1e, 0xfa };	/* endbr64 */

#include "encode.h"

static __u64 near_target(unsigned int pad, __s64 rel)
{
	return SITE + pad + 5 + rel;
}

TEST_F(encode, near_jump_reaches_its_target)
{
	static const __s64 distances[] = {
		0, 1, -1, 0x1000, -0x1000, 0x7fffffff, -0x80000000LL,
	};
	char ops[32];
	unsigned int len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(distances); i++) {
		__u64 target = near_target(variant->pad, distances[i]);

		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, target);
		ASSERT_EQ(variant->pad + 5, len);
		DISASSEMBLE(len);
		ASSERT_EQ(1, self->nr);
		snprintf(ops, sizeof(ops), "0x%llx", target);
		EXPECT_INSN(0, "jmp", ops);
	}
}

TEST_F(encode, far_jump_reaches_its_target)
{
	__u64 targets[] = {
		near_target(variant->pad, 0x80000000LL),
		near_target(variant->pad, -0x80000001LL),
		0x10000, 0x7fffffffefff,
	};
	unsigned int len;
	char ops[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, targets[i]);
		ASSERT_EQ(variant->pad + 13, len);
		DISASSEMBLE(len);
		ASSERT_EQ(2, self->nr);
		snprintf(ops, sizeof(ops), "r11, 0x%llx", targets[i]);
		EXPECT_INSN(0, "movabs", ops);
		EXPECT_INSN(1, "jmp", "r11");
	}
}

static __u32 stub_nr(__u32 stub)
{
	return vdso_encode_stub_call(ABI, stub).nr;
}

static const struct {
	__u32 stub;
	__u32 nr;
	char eax[16];
} stubs[] = {
	{ VDSO_REMAP_STUB_CLOCK_GETTIME, SYS_clock_gettime, "eax, 0xe4" },
	{ VDSO_REMAP_STUB_CLOCK_GETRES, SYS_clock_getres, "eax, 0xe5" },
	{ VDSO_REMAP_STUB_GETTIMEOFDAY, SYS_gettimeofday, "eax, 0x60" },
	{ VDSO_REMAP_STUB_TIME, SYS_time, "eax, 0xc9" },
	{ VDSO_REMAP_STUB_GETCPU, SYS_getcpu, "eax, 0x135" },
};

TEST_F(encode, stub_is_the_system_call)
{
	unsigned int len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stubs); i++) {
		EXPECT_EQ(stubs[i].nr, stub_nr(stubs[i].stub));
		len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE, stubs[i].stub);
		ASSERT_EQ(variant->pad + 8, len);
		DISASSEMBLE(len);
		ASSERT_EQ(3, self->nr);
		EXPECT_INSN(0, "mov", stubs[i].eax);
		EXPECT_INSN(1, "syscall", "");
		EXPECT_INSN(2, "ret", "");
	}
}

TEST_F(encode, getrandom_stub_answers_the_query_first)
{
	unsigned int len;
	char ret_at[32];

	EXPECT_EQ(SYS_getrandom, stub_nr(VDSO_REMAP_STUB_GETRANDOM));
	len = vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
			       VDSO_REMAP_STUB_GETRANDOM);
	ASSERT_EQ(variant->pad + 16, len);
	DISASSEMBLE(len);
	ASSERT_EQ(7, self->nr);
	EXPECT_INSN(0, "push", "-0x26");
	EXPECT_INSN(1, "pop", "rax");
	EXPECT_INSN(2, "inc", "r8");
	snprintf(ret_at, sizeof(ret_at), "0x%llx", (__u64)self->insn[6].address);
	EXPECT_INSN(3, "je", ret_at);
	EXPECT_INSN(4, "mov", "eax, 0x13e");
	EXPECT_INSN(5, "syscall", "");
	EXPECT_INSN(6, "ret", "");
}

TEST_F(encode, there_is_no_stub_of_other_numbers)
{
	static const __u32 numbers[] = {
		0, VDSO_REMAP_STUB_CLOCK_GETTIME64, VDSO_REMAP_STUB_CLOCK_GETRES_TIME64,
		VDSO_REMAP_STUB_SIGRETURN, VDSO_REMAP_STUB_RT_SIGRETURN,
		VDSO_REMAP_STUB_RT_SIGRETURN + 1, ~0U,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(0, stub_nr(numbers[i]));
		EXPECT_EQ(0, vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE,
					      numbers[i]));
	}
}

/* A pad that the room cuts off is no pad, but an ordinary byte to overwrite. */
static unsigned int pad_in(unsigned int room, unsigned int pad)
{
	return room >= pad ? pad : 0;
}

TEST_F(encode, nothing_leaves_its_room)
{
	const unsigned int sizes[] = { 5, 13, 8, 16 };
	unsigned int room, kind, need, len;

	for (kind = 0; kind < ARRAY_SIZE(sizes); kind++)
		for (room = 0; room <= MAX_ROOM; room++) {
			__u64 target = kind ? 0x10000 : SITE + 0x1000;
			/* Exactly as many bytes as may be read: ASan sees one more. */
			__u8 *old = malloc(room);

			memcpy(old, self->old, room);
			memset(self->buf, FILLER, sizeof(self->buf));
			if (kind < 2)
				len = vdso_encode_jump(ABI, self->buf, old, room, SITE, target);
			else
				len = vdso_encode_stub(ABI, self->buf, old, room, SITE, kind == 2 ?
						       VDSO_REMAP_STUB_TIME :
						       VDSO_REMAP_STUB_GETRANDOM);
			free(old);
			need = pad_in(room, variant->pad) + sizes[kind];
			EXPECT_EQ(room >= need ? need : 0, len) {
				TH_LOG("kind %u, room %u", kind, room);
			}
			EXPECT_LE(len, VDSO_ENCODE_MAX);
			EXPECT_EQ(FILLER, self->buf[VDSO_ENCODE_MAX]);
			if (len)
				EXPECT_EQ(FILLER, self->buf[len]);
		}
}

/* The sizes of the jumps through a register that a thread can stand inside of. */
TEST_F(encode, a_far_jump_is_known_again)
{
	unsigned int len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, 0x10000);
	unsigned int i;

	ASSERT_EQ(variant->pad + 13, len);
	expect_old_jump(_metadata, self->buf, len);
	/* No byte of the instructions may be another; what they load may. */
	for (i = variant->pad; i < len; i++) {
		bool loaded = i >= variant->pad + 2 && i < variant->pad + 10;

		self->buf[i] ^= 1;
		EXPECT_EQ(loaded ? len : 0, vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE).size);
		self->buf[i] ^= 1;
	}
}

TEST_F(encode, a_jump_of_criu_is_known)
{
	static const __u8 jump[] = {
		0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xff, 0xe0
	};

	memcpy(self->buf, landing_pad, variant->pad);
	memcpy(self->buf + variant->pad, jump, sizeof(jump));
	DISASSEMBLE(variant->pad + sizeof(jump));
	ASSERT_EQ(2, self->nr);
	EXPECT_INSN(0, "movabs", "rax, 0x1122334455667788");
	EXPECT_INSN(1, "jmp", "rax");
	expect_old_jump(_metadata, self->buf, variant->pad + sizeof(jump));
	EXPECT_EQ(0, vdso_decode_jump(VDSO_ABI_I386, self->buf, MAX_ROOM, SITE).size);
}

TEST_F(encode, decoding_tells_what_was_encoded)
{
	static const __u64 targets[] = { SITE + 0x1000, SITE - 0x1000, 0x10000, 0x7fffffffefff };
	static const enum vdso_jump_kind kinds[] = {
		VDSO_JUMP_NEAR, VDSO_JUMP_NEAR, VDSO_JUMP_FAR, VDSO_JUMP_FAR,
	};
	struct vdso_jump jump;
	unsigned int len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		len = vdso_encode_jump(ABI, self->buf, self->old, MAX_ROOM, SITE, targets[i]);
		jump = vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE);
		EXPECT_EQ(kinds[i], jump.kind);
		EXPECT_EQ(len, jump.size);
		EXPECT_EQ(targets[i], jump.target);
	}
}

TEST_F(encode, nothing_else_is_taken_for_an_old_jump)
{
	unsigned int stub;

	EXPECT_EQ(0, vdso_decode_jump(ABI, self->old, MAX_ROOM, SITE).size);
	for (stub = 1; stub <= VDSO_REMAP_STUB_GETRANDOM; stub++) {
		ASSERT_NE(0, vdso_encode_stub(ABI, self->buf, self->old, MAX_ROOM, SITE, stub));
		EXPECT_EQ(0, vdso_decode_jump(ABI, self->buf, MAX_ROOM, SITE).size);
	}
}

TEST_F(encode, an_unknown_abi_has_no_code)
{
	EXPECT_EQ(0, vdso_encode_jump(VDSO_ABI_UNKNOWN, self->buf, self->old, MAX_ROOM, SITE,
				      SITE + 0x100));
	EXPECT_EQ(0, vdso_encode_stub(VDSO_ABI_UNKNOWN, self->buf, self->old, MAX_ROOM, SITE,
				      VDSO_REMAP_STUB_TIME));
	EXPECT_EQ(VDSO_ABI_UNKNOWN, vdso_abi_of(EM_AARCH64, 32));
	EXPECT_EQ(VDSO_ABI_UNKNOWN, vdso_abi_of(EM_386, 64));
	EXPECT_EQ(VDSO_ABI_X86_64, vdso_abi_of(EM_X86_64, 64));
	EXPECT_EQ(VDSO_ABI_I386, vdso_abi_of(EM_386, 32));
	EXPECT_EQ(VDSO_ABI_X32, vdso_abi_of(EM_X86_64, 32));
}

TEST(only_a_whole_landing_pad_is_a_landing_pad)
{
	__u8 old[4], buf[4];
	unsigned int i;

	EXPECT_EQ(4, vdso_encode_landing_pad(ABI, buf, landing_pad, 4));
	EXPECT_EQ(0, memcmp(buf, landing_pad, 4));
	EXPECT_EQ(0, vdso_encode_landing_pad(ABI, buf, landing_pad, 3));
	for (i = 0; i < 4; i++) {	/* in the last byte that is endbr32 */
		memcpy(old, landing_pad, sizeof(old));
		old[i] ^= 1;
		EXPECT_EQ(0, vdso_encode_landing_pad(ABI, buf, old, 4));
	}
}

/* From here on the bytes are executed, in a page far from the program. */
FIXTURE(run)
{
	__u8 *page;
};

FIXTURE_VARIANT(run)
{
	unsigned int pad;
};

FIXTURE_VARIANT_ADD(run, plain) {
	.pad = 0,
};

FIXTURE_VARIANT_ADD(run, landing_pad) {
	.pad = sizeof(landing_pad),
};

FIXTURE_SETUP(run)
{
	self->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	memcpy(self->page, landing_pad, variant->pad);
}

FIXTURE_TEARDOWN(run)
{
	munmap(self->page, 4096);
}

#define INSTALL_STUB(name) \
	ASSERT_NE(0, vdso_encode_stub(ABI, self->page, self->page, 64, SITE, \
				      VDSO_REMAP_STUB_ ## name))

static __s64 ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

TEST_F(run, clock_gettime_stub_lies_between_system_calls)
{
	int (*stub)(clockid_t clock, struct timespec *ts) = (void *)self->page;
	struct timespec before, ts, after;

	INSTALL_STUB(CLOCK_GETTIME);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &before);
	ASSERT_EQ(0, stub(CLOCK_MONOTONIC, &ts));
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after);
	EXPECT_LE(ns(&before), ns(&ts));
	EXPECT_LE(ns(&ts), ns(&after));
	EXPECT_EQ(-EINVAL, stub(12345, &ts));
}

TEST_F(run, clock_getres_stub_answers_like_the_system_call)
{
	int (*stub)(clockid_t clock, struct timespec *ts) = (void *)self->page;
	struct timespec expected, ts = { -1, -1 };

	INSTALL_STUB(CLOCK_GETRES);
	syscall(SYS_clock_getres, CLOCK_MONOTONIC_COARSE, &expected);
	ASSERT_EQ(0, stub(CLOCK_MONOTONIC_COARSE, &ts));
	EXPECT_EQ(ns(&expected), ns(&ts));
}

TEST_F(run, gettimeofday_stub_lies_between_system_calls)
{
	int (*stub)(struct timeval *tv, struct timezone *tz) = (void *)self->page;
	struct timeval before, tv, after;

	INSTALL_STUB(GETTIMEOFDAY);
	syscall(SYS_gettimeofday, &before, NULL);
	ASSERT_EQ(0, stub(&tv, NULL));
	syscall(SYS_gettimeofday, &after, NULL);
	EXPECT_FALSE(timercmp(&tv, &before, <));
	EXPECT_FALSE(timercmp(&after, &tv, <));
}

TEST_F(run, time_stub_lies_between_system_calls)
{
	time_t (*stub)(time_t *t) = (void *)self->page;
	time_t before, now, t = 0;

	INSTALL_STUB(TIME);
	before = syscall(SYS_time, NULL);
	now = stub(&t);
	EXPECT_EQ(now, t);
	EXPECT_LE(before, now);
	EXPECT_LE(now, syscall(SYS_time, NULL));
}

TEST_F(run, getcpu_stub_answers_like_the_system_call)
{
	int (*stub)(unsigned int *cpu, unsigned int *node, void *cache) = (void *)self->page;
	unsigned int before, cpu = ~0U, node = ~0U, after;
	int tries = 1000;

	INSTALL_STUB(GETCPU);
	do {	/* until not migrated meanwhile */
		syscall(SYS_getcpu, &before, NULL, NULL);
		ASSERT_EQ(0, stub(&cpu, &node, NULL));
		syscall(SYS_getcpu, &after, NULL, NULL);
	} while (before != after && --tries);
	EXPECT_EQ(before, cpu);
	EXPECT_NE(~0U, node);
}

TEST_F(run, getrandom_stub_is_random_and_has_no_state)
{
	long (*stub)(void *buf, size_t len, unsigned int flags, void *state, size_t state_len) =
		(void *)self->page;
	__u64 a[2] = { 0 }, b[2] = { 0 };
	char params[256];

	INSTALL_STUB(GETRANDOM);
	EXPECT_EQ(sizeof(a), stub(a, sizeof(a), 0, NULL, 0));
	EXPECT_EQ(sizeof(b), stub(b, sizeof(b), GRND_NONBLOCK, params, sizeof(params)));
	EXPECT_NE(0, memcmp(a, b, sizeof(a)));
	EXPECT_EQ(-EINVAL, stub(a, sizeof(a), ~0U, NULL, 0));
	EXPECT_EQ(-ENOSYS, stub(NULL, 0, 0, params, ~0UL));
}

/*
 * Calls site with every register set to a value of its own and keeps what
 * arrives at the target.
 */
enum reg {
	RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R12, R13, R14, R15, RSP, FLAGS, NR_REGS
};

struct regs {
	__u64 gp[NR_REGS];
	__u64 xmm[16][2];
};

__asm__("	.text\n"
"	.type	call_site, @function\n"
"call_site:\n"			/* rdi: struct regs to fill, rsi: site */
"	push	%rbx\n	push	%rbp\n	push	%r12\n	push	%r13\n"
"	push	%r14\n	push	%r15\n	push	%rdi\n"
"	mov	%rsi, %r11\n"
"	mov	$0x1111, %eax\n	mov	$0x2222, %ebx\n	mov	$0x3333, %ecx\n"
"	mov	$0x4444, %edx\n	mov	$0x5555, %esi\n	mov	$0x6666, %edi\n"
"	mov	$0x7777, %ebp\n	mov	$0x8888, %r8d\n	mov	$0x9999, %r9d\n"
"	mov	$0xaaaa, %r10d\n	mov	$0xcccc, %r12d\n	mov	$0xdddd, %r13d\n"
"	mov	$0xeeee, %r14d\n	mov	$0xffff, %r15d\n"
"	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
"	movq	%rax, %xmm\\n\n	pslldq	$\\n, %xmm\\n\n"
"	.endr\n"
"	stc\n"
"	call	*%r11\n"
"	pop	%rdi\n	pop	%r15\n	pop	%r14\n	pop	%r13\n"
"	pop	%r12\n	pop	%rbp\n	pop	%rbx\n"
"	ret\n"
"	.size	call_site, . - call_site\n"
"	.type	keep_regs, @function\n"
"keep_regs:\n"			/* the struct lies above the return address */
"	mov	8(%rsp), %r11\n"
"	mov	%rax, 0(%r11)\n	mov	%rbx, 8(%r11)\n	mov	%rcx, 16(%r11)\n"
"	mov	%rdx, 24(%r11)\n	mov	%rsi, 32(%r11)\n	mov	%rdi, 40(%r11)\n"
"	mov	%rbp, 48(%r11)\n	mov	%r8, 56(%r11)\n	mov	%r9, 64(%r11)\n"
"	mov	%r10, 72(%r11)\n	mov	%r12, 80(%r11)\n	mov	%r13, 88(%r11)\n"
"	mov	%r14, 96(%r11)\n	mov	%r15, 104(%r11)\n	mov	%rsp, 112(%r11)\n"
"	pushf\n	popq	120(%r11)\n"
"	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
"	movdqu	%xmm\\n, 128 + 16 * \\n(%r11)\n"
"	.endr\n"
"	ret\n"
"	.size	keep_regs, . - keep_regs\n"
);

void call_site(struct regs *regs, const void *site);
void keep_regs(void);

TEST_F(run, far_jump_changes_no_register_but_r11)
{
	struct regs direct, jumped;
	unsigned int i;

	memset(&direct, 0xcc, sizeof(direct));
	memset(&jumped, 0xdd, sizeof(jumped));
	ASSERT_EQ(variant->pad + 13,
		  vdso_encode_jump(ABI, self->page, self->page, 64, (uintptr_t)self->page,
				   (uintptr_t)keep_regs));
	call_site(&direct, keep_regs);
	call_site(&jumped, self->page);
	EXPECT_EQ(0x6666, jumped.gp[RDI]);
	for (i = 0; i < NR_REGS; i++)
		EXPECT_EQ(direct.gp[i], jumped.gp[i]) {
			TH_LOG("register %u", i);
		}
	EXPECT_EQ(0, memcmp(direct.xmm, jumped.xmm, sizeof(direct.xmm)));
}

TEST_F(run, near_jump_changes_no_register)
{
	__u8 *behind = self->page + 0x800;
	struct regs direct, jumped;

	/* Near to a far jump, since the program is not near. */
	memset(&direct, 0xcc, sizeof(direct));
	memset(&jumped, 0xdd, sizeof(jumped));
	ASSERT_NE(0, vdso_encode_jump(ABI, behind, behind, 64, (uintptr_t)behind,
				      (uintptr_t)keep_regs));
	ASSERT_EQ(variant->pad + 5,
		  vdso_encode_jump(ABI, self->page, self->page, 64, (uintptr_t)self->page,
				   (uintptr_t)behind));
	call_site(&direct, keep_regs);
	call_site(&jumped, self->page);
	EXPECT_EQ(0, memcmp(&direct, &jumped, sizeof(direct)));
}

TEST_HARNESS_MAIN

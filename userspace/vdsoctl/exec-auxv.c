// SPDX-License-Identifier: MIT
/*
 * vdsoctl exec: the auxiliary vector of a program that has not begun yet. On its
 * stack are argc, the arguments, 0, the environment, 0, and the vector.
 */
#include "exec.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/**
 * struct stack - the program's stack as execve() has left it
 * @pid: of the program
 * @addr: the stack pointer
 * @bytes: from there to the end, size of them
 * @word: bytes of a word: 4 or 8
 */
struct stack {
	pid_t pid;
	uint64_t addr;
	unsigned char *bytes;
	size_t size;
	size_t word;
};

/* To be freed; complains. */
static int read_stack(struct stack *stack, const struct injection *in)
{
	const struct mapping *m;
	struct maps maps;
	int ret;

	*stack = (struct stack){
		.pid = in->pid,
		.addr = vdso_regs_get(&in->regs, VDSO_REG_SP),
		.word = vdso_abi_is_32bit(in->abi) ? 4 : 8,
	};
	ret = maps_read(&maps, in->pid);
	if (ret)
		return complain("can't read /proc/%d/maps: %s", in->pid, strerror(-ret));
	m = maps_at(&maps, stack->addr);
	stack->size = m ? m->end - stack->addr : 0;
	maps_free(&maps);

	stack->bytes = malloc(stack->size);
	ret = stack->bytes ? process_read(in->pid, stack->addr, stack->bytes, stack->size) :
			     -ENOMEM;
	if (!ret)
		return 0;
	free(stack->bytes);
	return complain("can't read the program's stack: %s", strerror(-ret));
}

/* The nr-th word; beyond the end all are 0. */
static uint64_t word_at(const struct stack *stack, size_t nr)
{
	uint64_t val64 = 0;
	uint32_t val32 = 0;

	if (nr >= stack->size / stack->word)
		return 0;
	if (stack->word == sizeof(val64))
		memcpy(&val64, stack->bytes + nr * stack->word, sizeof(val64));
	else
		memcpy(&val32, stack->bytes + nr * stack->word, sizeof(val32));
	return val64 | val32;
}

/* The number of the vector's first word. */
static size_t find_auxv(const struct stack *stack)
{
	size_t nr = 1;

	while (word_at(stack, nr++))	/* arguments */
		;
	while (word_at(stack, nr++))	/* environment */
		;
	return nr;
}

/* Complains. */
static int replace(struct stack *stack, size_t auxv, uint64_t type, uint64_t old, uint64_t new)
{
	uint32_t new32 = new;
	const void *word = stack->word == sizeof(new) ? (const void *)&new : &new32;
	size_t nr;
	int ret;

	for (nr = auxv; word_at(stack, nr) != type; nr += 2)
		if (word_at(stack, nr) == AT_NULL)
			return complain("the program's auxiliary vector has no entry of type %"
					PRIu64, type);
	if (word_at(stack, ++nr) != old)
		return complain("the program's auxiliary vector has 0x%" PRIx64 " for type %"
				PRIu64 " and not 0x%" PRIx64, word_at(stack, nr), type, old);
	ret = process_write(stack->pid, stack->addr + nr * stack->word, word, stack->word);
	if (ret)
		return complain("can't write to the program's stack: %s", strerror(-ret));
	return 0;
}

/* For those who look at /proc/PID/auxv. It takes CAP_SYS_RESOURCE, and may fail. */
static void tell_kernel(struct injection *in, uint64_t insn, const struct stack *stack, size_t auxv)
{
	size_t end = auxv;

	while (word_at(stack, end) != AT_NULL)
		end += 2;

	const __u64 args[VDSO_NR_ARGS] = {
		PR_SET_MM, PR_SET_MM_AUXV, stack->addr + auxv * stack->word,
		(end + 2 - auxv) * stack->word,
	};

	inject_syscall(in, insn, VDSO_CALL_PRCTL, args);
}

int auxv_replace(struct injection *in, uint64_t insn, const struct auxv_vdso *old,
		 const struct auxv_vdso *new)
{
	struct stack stack;
	size_t auxv;
	int ret = 0;

	if (old->text == new->text && old->vsyscall == new->vsyscall)
		return 0;
	if (read_stack(&stack, in))
		return -1;
	auxv = find_auxv(&stack);
	if (old->text != new->text)
		ret = replace(&stack, auxv, AT_SYSINFO_EHDR, old->text, new->text);
	if (!ret && old->vsyscall != new->vsyscall)
		ret = replace(&stack, auxv, AT_SYSINFO, old->vsyscall, new->vsyscall);
	if (!ret)
		tell_kernel(in, insn, &stack, auxv);
	free(stack.bytes);
	return ret;
}

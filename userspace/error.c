// SPDX-License-Identifier: MIT
/* An error in words: what failed, where, and what to do. */
#include <errno.h>

#include "internal.h"

/* A text that grows; len counts also what does not fit. */
struct text {
	char *buf;
	size_t size;
	size_t len;
};

static void add(struct text *text, const char *s)
{
	for (; *s; s++, text->len++)
		if (text->len + 1 < text->size)
			text->buf[text->len] = *s;
}

static void add_number(struct text *text, uint64_t val, unsigned int base)
{
	char digits[20];
	unsigned int nr = 0;
	char c[2] = { 0 };

	do {
		digits[nr++] = "0123456789abcdef"[val % base];
		val /= base;
	} while (val);
	while (nr) {
		c[0] = digits[--nr];
		add(text, c);
	}
}

static void add_addr(struct text *text, uint64_t addr)
{
	add(text, "0x");
	add_number(text, addr, 16);
}

static void add_process(struct text *text, const struct vdso_remap_error *error)
{
	if (!error->pid) {
		add(text, "the calling process");
		return;
	}
	add(text, "process ");
	add_number(text, error->pid, 10);
}

static void add_which(struct text *text, const struct vdso_remap_error *error)
{
	add(text, error->vdso == VDSO_REMAP_IMAGE ? "image" : "runtime");
	add(text, " vDSO");
	if (error->addr) {
		add(text, " at ");
		add_addr(text, error->addr);
	}
}

struct sentence {
	uint32_t stage;		/* 0: any */
	int32_t error;
	/* %w: which vDSO, %a: address, %e: entry point, %t: thread, %p: process */
	const char *text;
};

#define ADDRESS_LIMITS "is not page aligned, is outside of what %p may use, or overlaps its vDSO"

static const struct sentence sentences[] = {
	{ VDSO_REMAP_STAGE_ARGUMENTS, -EINVAL,
	  "the request has an unknown flag, an address that is not page aligned or that the image's "
	  "code can't have, or ranges that overlap" },

	{ VDSO_REMAP_STAGE_MODULE, -ENOENT,
	  VDSO_REMAP_DEVICE " is not there. Is the module loaded? Try: modprobe vdso_remap" },
	{ VDSO_REMAP_STAGE_MODULE, -ENXIO,
	  VDSO_REMAP_DEVICE " is there, but no module behind it. Try: modprobe vdso_remap" },
	{ VDSO_REMAP_STAGE_MODULE, -ENODEV,
	  "it takes the module, which is not loaded. Try: modprobe vdso_remap" },
	{ VDSO_REMAP_STAGE_MODULE, -EACCES,
	  "no permission for " VDSO_REMAP_DEVICE ". Be root, or have root open it to you: see "
	  "vdso_remap(4)" },
	{ VDSO_REMAP_STAGE_MODULE, -EPERM,
	  "no permission for " VDSO_REMAP_DEVICE ". Be root, or have root open it to you: see "
	  "vdso_remap(4)" },

	{ VDSO_REMAP_STAGE_QUERY, -EACCES,
	  "can't look into %p: not allowed. Be its owner, or root. A program that is not dumpable, for "
	  "example because its user can't read its file, takes CAP_SYS_PTRACE" },
	{ VDSO_REMAP_STAGE_QUERY, -EPERM,
	  "can't look into %p: not allowed. Be its owner, or root. A program that is not dumpable, for "
	  "example because its user can't read its file, takes CAP_SYS_PTRACE" },

	{ VDSO_REMAP_STAGE_PARSE, -EPERM,
	  "can't read the %w in %p: not allowed. Be its owner, or root" },
	{ VDSO_REMAP_STAGE_PARSE, -ENOEXEC,
	  "the %w is no vDSO: not an ELF shared object, or a damaged one" },
	{ VDSO_REMAP_STAGE_PARSE, -EALREADY,
	  "the %w is a parked runtime vDSO: a mark stands where its ELF header was. Take the vDSO of a "
	  "process that is not proxied" },
	{ VDSO_REMAP_STAGE_PARSE, -EOPNOTSUPP,
	  "the %w is for an ABI that this library does not know" },
	{ VDSO_REMAP_STAGE_PARSE, -ENOSYS,
	  "the %w has no function symbols: is it a vDSO?" },
	{ VDSO_REMAP_STAGE_PARSE, -EOVERFLOW,
	  "the %w has more function symbols than this library takes: is it a vDSO?" },
	{ VDSO_REMAP_STAGE_PARSE, -EFAULT,
	  "a part of the %w is not mapped, or can't be read, in %p" },
	{ VDSO_REMAP_STAGE_PARSE, -EUCLEAN,
	  "what stands in the runtime vDSO of %p is not what the kernel has put there" },

	{ VDSO_REMAP_STAGE_PLAN, -EXDEV,
	  "the image vDSO is of another ABI than the runtime vDSO of %p" },
	{ VDSO_REMAP_STAGE_PLAN, -ENOTSUP,
	  "the image has an entry point %e that the runtime vDSO lacks and of which nothing is known. If "
	  "the program never calls it, unknown entry points can be allowed" },
	{ VDSO_REMAP_STAGE_PLAN, -ENOSPC,
	  "the image's entry point %e has too little room for a jump" },

	{ VDSO_REMAP_STAGE_PLACE, -ENOMEM,
	  "there is no room for the runtime vDSO in %p" },
	{ VDSO_REMAP_STAGE_DATA, -EEXIST,
	  "the memory at %a in %p is in the way of the runtime vDSO's data areas. Say where the image's "
	  "data pages are, or unmap that memory" },

	{ VDSO_REMAP_STAGE_MOVE, -EACCES,
	  "can't move the vDSO of %p: a security module refuses the new place" },
	{ VDSO_REMAP_STAGE_PROXY, -EACCES,
	  "can't make the %w in %p a proxy: it is not in anonymous, executable memory, or the caller may "
	  "not write there" },
	{ VDSO_REMAP_STAGE_PROXY, -ENOSPC,
	  "the image's entry point %e has too little room for what reaches the runtime vDSO. Park the "
	  "runtime vDSO nearer" },
	{ VDSO_REMAP_STAGE_PROXY, -EFAULT,
	  "a part of the %w is not mapped in %p" },

	{ VDSO_REMAP_STAGE_THREADS, -ETIME,
	  "thread %t can't be brought out of the vDSO: it takes too many steps. Try again" },
	{ VDSO_REMAP_STAGE_THREADS, -EINTR,
	  "thread %t does not leave the vDSO in time. Is its control group frozen?" },
	{ VDSO_REMAP_STAGE_THREADS, -EILSEQ,
	  "thread %t can't be brought out of the vDSO: a breakpoint is in its way. Remove it, or let the "
	  "program go on and try again" },
	{ VDSO_REMAP_STAGE_THREADS, -EFAULT,
	  "thread %t can't be brought out of the vDSO: what it would execute next faults. Let the program "
	  "go on, so that it gets a signal, and try again" },
	{ VDSO_REMAP_STAGE_THREADS, -ENOSYS,
	  "thread %t can't be brought out of the vDSO: it is at a system call that the program handles "
	  "itself, or its seccomp filter has it handle. Let the program go on, and try again" },
	{ VDSO_REMAP_STAGE_THREADS, -EOPNOTSUPP,
	  "thread %t can't be brought out of the vDSO: it is at a system call there. Let the program go "
	  "on, and try again" },
	{ VDSO_REMAP_STAGE_THREADS, -EINVAL,
	  "thread %t can't be brought out of the vDSO: it was not seized (PTRACE_SEIZE)" },
	{ VDSO_REMAP_STAGE_THREADS, -EOVERFLOW,
	  "thread %t runs 64-bit code, and a 32-bit program can't handle that" },
	{ VDSO_REMAP_STAGE_THREADS, -ESRCH,
	  "thread %t ended, or is not stopped by the caller any more. Try again" },
	{ VDSO_REMAP_STAGE_THREADS, -EUCLEAN,
	  "thread %t is at a system call in the runtime vDSO, and the process has overwritten what tells "
	  "which ABI that vDSO has" },
	{ VDSO_REMAP_STAGE_THREADS, -ENOENT,
	  "can't read about thread %t: /proc is not mounted, or is that of another pid namespace" },

	{ 0, -ESRCH,
	  "%p is gone, or one of its threads is not stopped by the caller any more: did it get a SIGKILL? "
	  "Try again" },
	{ 0, -EPERM,
	  "not allowed for %p: the new place is below vm.mmap_min_addr, or a mapping is sealed, or the "
	  "program is not dumpable. For a sealed vDSO it takes the flag UNSEAL (vdsoctl: --unseal), "
	  "CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN, and the module's parameter allow_unseal=1. A program that is not dumpable takes "
	  "CAP_SYS_PTRACE" },
	{ 0, -EALREADY,
	  "%p is proxied, and its image's functions jump to where the vDSO is now. A restore with a place "
	  "to park moves the vDSO and changes the jumps" },
	{ 0, -ENOENT,
	  "%p has no vDSO: was it unmapped, or the kernel booted with vdso=0?" },
	{ 0, -EUCLEAN,
	  "the vDSO of %p is split into pieces, as mprotect() or munmap() of a part leaves it, and can't "
	  "be put together again" },
	{ 0, -EEXIST,
	  "something is mapped at %a in %p" },
	{ 0, -EBUSY,
	  "thread %t of %p is in the way: it runs, or stands inside the vDSO. Try again" },
	{ 0, -EINVAL,
	  "the address %a " ADDRESS_LIMITS },
	{ 0, -ENOMEM,
	  "out of memory, or of mappings in %p" },
	{ 0, -ENOTTY,
	  "the loaded module does not know this. Is it older than the library?" },
	{ 0, -E2BIG,
	  "the request is larger than what the loaded module or the library knows. Is it older than the "
	  "program?" },
};

static const struct sentence *find_sentence(const struct vdso_remap_error *error)
{
	unsigned int i;

	for (i = 0; i < NR_ITEMS(sentences); i++)
		if (sentences[i].error == error->error &&
		    (!sentences[i].stage || sentences[i].stage == error->stage))
			return &sentences[i];
	return NULL;
}

static void add_item(struct text *text, char item, const struct vdso_remap_error *error)
{
	switch (item) {
	case 'w':
		add_which(text, error);
		break;
	case 'a':
		add_addr(text, error->addr);
		break;
	case 'e':
		add(text, error->entry_point);
		break;
	case 't':
		add_number(text, error->tid, 10);
		break;
	default:
		add_process(text, error);
	}
}

static void add_sentence(struct text *text, const char *sentence,
			 const struct vdso_remap_error *error)
{
	char c[2] = { 0 };

	for (; *sentence; sentence++) {
		if (*sentence == '%') {
			add_item(text, *++sentence, error);
			continue;
		}
		c[0] = *sentence;
		add(text, c);
	}
}

/* An error that is not in the list */
static void add_unknown(struct text *text, const struct vdso_remap_error *error)
{
	static const char * const doing[] = {
		[0] = "handling",
		[VDSO_REMAP_STAGE_ARGUMENTS] = "checking a request about",
		[VDSO_REMAP_STAGE_MODULE] = "opening " VDSO_REMAP_DEVICE " for",
		[VDSO_REMAP_STAGE_QUERY] = "asking for the vDSO of",
		[VDSO_REMAP_STAGE_PARSE] = "reading the vDSO of",
		[VDSO_REMAP_STAGE_PLAN] = "planning for",
		[VDSO_REMAP_STAGE_RENEW] = "replacing the vDSO of",
		[VDSO_REMAP_STAGE_PLACE] = "looking for room in",
		[VDSO_REMAP_STAGE_DATA] = "making room for data pages in",
		[VDSO_REMAP_STAGE_MOVE] = "moving the vDSO of",
		[VDSO_REMAP_STAGE_PROXY] = "making the image a proxy in",
		[VDSO_REMAP_STAGE_THREADS] = "handling the threads of",
	};
	uint32_t stage = error->stage < NR_ITEMS(doing) ? error->stage : 0;

	add(text, doing[stage]);
	add(text, " ");
	add_process(text, error);
	add(text, " failed with error ");
	add_number(text, -(int64_t)error->error, 10);
	add(text, ", see errno(3)");
}

public_api size_t vdso_remap_error_text(const struct vdso_remap_error *error, char *buf,
					size_t size)
{
	const struct sentence *sentence = find_sentence(error);
	struct text text = { .buf = buf, .size = size };

	if (sentence)
		add_sentence(&text, sentence->text, error);
	else
		add_unknown(&text, error);
	if (size)
		buf[text.len < size ? text.len : size - 1] = 0;
	return text.len;
}

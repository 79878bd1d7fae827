// SPDX-License-Identifier: GPL-2.0
/*
 * Finds, once at load, the functions of the kernel that are global but not
 * exported, and hands them out as static calls.
 *
 * Static calls and not pointers: with IBT an indirect call must land on ENDBR,
 * and the kernel strips that from functions whose address nobody takes. A
 * static call is a direct one where the machine has such calls. The types come
 * from the kernel's own headers, so a changed signature does not build.
 */
#include "internal.h"

#include <linux/err.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/ptrace.h>
#include <linux/stringify.h>

DEFINE_STATIC_CALL_NULL(vr_install_special_mapping, _install_special_mapping);
DEFINE_STATIC_CALL_NULL(vr_do_munmap, do_munmap);
DEFINE_STATIC_CALL_NULL(vr_get_unmapped_area, VR_GET_UNMAPPED_AREA);
DEFINE_STATIC_CALL_NULL(vr_stop_machine_cpuslocked, stop_machine_cpuslocked);
DEFINE_STATIC_CALL_NULL(vr_ptracer_check, VR_PTRACER_CHECK);

/* Where a function may first be probed: behind a landing pad or a trace call. */
#define MAX_PROBE_OFFSET	16

/*
 * A kprobe's address is the only thing that the kernel tells a module about a
 * symbol. It is not always the start of the function (kp.offset does not say
 * so); sprint_symbol() knows how far in it is.
 */
static unsigned long __init find_function(const char *name)
{
	char where[KSYM_SYMBOL_LEN];
	unsigned long addr, into;
	unsigned int offset;
	const char *plus;
	int ret = 0;

	for (offset = 0; offset <= MAX_PROBE_OFFSET; offset += 4) {
		struct kprobe kp = {
			.symbol_name = name,
			.offset = offset,
			.flags = KPROBE_FLAG_DISABLED,	/* never armed */
		};

		ret = register_kprobe(&kp);
		if (ret == -EINVAL || ret == -EILSEQ)
			continue;
		if (ret)
			break;
		addr = (unsigned long)kp.addr;
		unregister_kprobe(&kp);

		sprint_symbol(where, addr);
		plus = strchr(where, '+');
		if (plus && sscanf(plus, "+%lx/", &into) == 1 && into <= MAX_PROBE_OFFSET)
			return addr - into;
		ret = -ERANGE;	/* not where it begins */
		break;
	}
	/* ENOENT: it has none; EINVAL: it may not be probed. */
	pr_err("not loaded: this kernel does not let its function %s be found: %pe\n", name,
	       ERR_PTR(ret));
	return 0;
}

/* Not ENOENT: loaders take that for a file or a symbol that is not there. */
#define find(call, function) ({						\
	unsigned long addr = find_function(__stringify(function));	\
									\
	if (addr)							\
		static_call_update(call, (typeof(function) *)addr);	\
	addr ? 0 : -EOPNOTSUPP;						\
})

int __init vr_ksyms_init(void)
{
	int ret;

	ret = find(vr_install_special_mapping, _install_special_mapping);
	if (!ret)
		ret = find(vr_do_munmap, do_munmap);
	if (!ret)
		ret = find(vr_get_unmapped_area, VR_GET_UNMAPPED_AREA);
	if (!ret)
		ret = find(vr_stop_machine_cpuslocked, stop_machine_cpuslocked);
	if (!ret)
		ret = find(vr_ptracer_check, VR_PTRACER_CHECK);
	return ret;
}

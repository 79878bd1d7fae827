// SPDX-License-Identifier: GPL-2.0
/*
 * The device: copies requests in and out, refuses unknown ones, and calls the command. The
 * module's parameter: it decides whether sealed mappings may be changed.
 */
#include "internal.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>

bool vr_allow_unseal;
module_param_named(allow_unseal, vr_allow_unseal, bool, 0644);
MODULE_PARM_DESC(allow_unseal,
		 "Let callers with CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN move and mark sealed vDSOs");

/* Checks the current task's capability. A worker has every one, so it must not call this. */
bool vr_may_unseal(void)
{
	return READ_ONCE(vr_allow_unseal) && checkpoint_restore_ns_capable(&init_user_ns);
}

/* Names the caller and the target; called after a sealed group was changed. */
void vr_log_unseal(const struct vr_target *target, const struct vr_group *group)
{
	pr_notice_ratelimited("%s[%d] of user %u unsealed the vDSO of %s[%d] at %lx, by allow_unseal=1\n",
			      current->comm, task_pid_nr(current),
			      from_kuid(&init_user_ns, current_uid()), target->task->comm,
			      task_pid_nr(target->task), group->span.start);
}

/* Every request starts like this. */
struct vr_head {
	u32 size;
	u32 flags;
	s32 pid;
};

union vr_request {
	struct vr_head head;
	struct vdso_remap_info info;
	struct vdso_remap_move move;
	struct vdso_remap_map map;
	struct vdso_remap_proxy proxy;
};

/* No thread is in the way and no site at fault, until an error says so. */
static void clear_move(union vr_request *request)
{
	request->move.busy_tid = 0;
}

static void clear_proxy(union vr_request *request)
{
	request->proxy.busy_tid = 0;
	request->proxy.bad_site = VDSO_REMAP_NO_SITE;
}

static const struct vr_command {
	size_t size;
	size_t size_ver0;
	bool has_out;
	int (*run)(struct vr_target *target, void *request);
	void (*clear)(union vr_request *request);	/* of what errors set, too */
} commands[] = {
	[_IOC_NR(VDSO_REMAP_GET_INFO)] = {
		sizeof(struct vdso_remap_info), VDSO_REMAP_INFO_SIZE_VER0, true, vr_get_info,
	},
	[_IOC_NR(VDSO_REMAP_MOVE)] = {
		sizeof(struct vdso_remap_move), VDSO_REMAP_MOVE_SIZE_VER0, true, vr_move,
		clear_move,
	},
	[_IOC_NR(VDSO_REMAP_MAP)] = {
		sizeof(struct vdso_remap_map), VDSO_REMAP_MAP_SIZE_VER0, false, vr_map,
	},
	[_IOC_NR(VDSO_REMAP_PROXY)] = {
		sizeof(struct vdso_remap_proxy), VDSO_REMAP_PROXY_SIZE_VER0, true, vr_proxy,
		clear_proxy,
	},
};

static_assert(sizeof(struct vdso_remap_info) == VDSO_REMAP_INFO_SIZE_VER0);
static_assert(sizeof(struct vdso_remap_move) == VDSO_REMAP_MOVE_SIZE_VER0);
static_assert(sizeof(struct vdso_remap_map) == VDSO_REMAP_MAP_SIZE_VER0);
static_assert(sizeof(struct vdso_remap_proxy) == VDSO_REMAP_PROXY_SIZE_VER0);

static int run(const struct vr_command *command, void __user *arg)
{
	union vr_request request;
	struct vr_target target;
	size_t size;
	u32 usize;
	int ret;

	if (get_user(usize, (u32 __user *)arg))
		return -EFAULT;
	if (usize < command->size_ver0)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&request, command->size, arg, usize);
	if (ret)
		return ret;
	if (command->clear)
		command->clear(&request);
	/* If the request can't be written to, this must show before anything is done. */
	size = min_t(size_t, usize, command->size);
	if (command->has_out && copy_to_user(arg, &request, size))
		return -EFAULT;

	ret = vr_target_get(&target, request.head.pid);
	if (ret)
		return ret;
	ret = command->run(&target, &request);
	vr_target_put(&target);
	/* This fails only if another thread of the caller unmaps the request meanwhile. */
	if (command->has_out && copy_to_user(arg, &request, size))
		pr_debug("request of %d was unmapped meanwhile\n", current->pid);
	return ret;
}

static long vr_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	unsigned int nr = _IOC_NR(cmd);

	if (cmd != _IO(VDSO_REMAP_TYPE, nr) || nr >= ARRAY_SIZE(commands))
		return -ENOIOCTLCMD;
	return run(&commands[array_index_nospec(nr, ARRAY_SIZE(commands))], (void __user *)arg);
}

static const struct file_operations vr_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vr_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice vr_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vdso_remap",
	.fops = &vr_fops,
	.mode = 0600,
};

static int __init vr_init(void)
{
	int ret = vr_ksyms_init();

	if (!ret)
		ret = vr_group_init();
	if (!ret)
		ret = vr_target_init();
	if (ret)
		return ret;
	ret = misc_register(&vr_device);
	if (ret)
		vr_target_exit();
	return ret;
}

static void __exit vr_exit(void)
{
	misc_deregister(&vr_device);
	vr_target_exit();
}

module_init(vr_init);
module_exit(vr_exit);

MODULE_DESCRIPTION("Carry a process's vDSO over to another kernel: move it, or make the old one a proxy");
MODULE_AUTHOR("The vdso-remap authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(VR_VERSION);

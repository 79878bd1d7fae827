// SPDX-License-Identifier: GPL-2.0
/* The device: copies structures in, refuses what is unknown, dispatches. */
#include "internal.h"

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

/*
 * Copies a structure of the caller's size; what the caller does not know yet
 * becomes zero. Returns that size, or -errno.
 */
static int copy_req(void *req, size_t size, size_t size_ver0, void __user *arg)
{
	u32 usize;
	int ret;

	if (get_user(usize, (u32 __user *)arg))
		return -EFAULT;
	if (usize < size_ver0)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(req, size, arg, usize);
	return ret ?: usize;
}

static long ioctl_get_info(void __user *arg)
{
	struct vdso_remap_info info, req;
	struct vr_target target;
	int usize, ret;

	usize = copy_req(&req, sizeof(req), VDSO_REMAP_INFO_SIZE_VER0, arg);
	if (usize < 0)
		return usize;
	if (req.flags)
		return -EINVAL;

	memset(&info, 0, sizeof(info));
	info.size = req.size;
	info.pid = req.pid;
	info.version = VDSO_REMAP_VERSION;
	info.features = VDSO_REMAP_FEATURE_MARK;

	ret = vr_target_get(&target, req.pid);
	if (ret)
		return ret;
	ret = vr_group_info(&target, &info);
	vr_target_put(&target);
	if (!ret && copy_to_user(arg, &info, min_t(size_t, usize, sizeof(info))))
		ret = -EFAULT;
	return ret;
}

/*
 * Commands that report a thread: the field is written once before the work,
 * so that a structure that can't be written fails before anything has changed.
 */
static long ioctl_move(struct vdso_remap_move __user *arg)
{
	struct vdso_remap_move req;
	struct vr_target target;
	int ret;

	ret = copy_req(&req, sizeof(req), VDSO_REMAP_MOVE_SIZE_VER0, arg);
	if (ret < 0)
		return ret;
	if (req.flags & ~__VDSO_REMAP_MOVE_ALL)
		return -EINVAL;
	if (put_user(0, &arg->busy_tid))
		return -EFAULT;

	ret = vr_target_get(&target, req.pid);
	if (ret)
		return ret;
	req.busy_tid = 0;
	ret = vr_move(&target, &req);
	vr_target_put(&target);
	if (ret == -EBUSY && put_user(req.busy_tid, &arg->busy_tid))
		return -EFAULT;
	return ret;
}

static long ioctl_map(struct vdso_remap_map __user *arg)
{
	struct vdso_remap_map req;
	struct vr_target target;
	int ret;

	ret = copy_req(&req, sizeof(req), VDSO_REMAP_MAP_SIZE_VER0, arg);
	if (ret < 0)
		return ret;
	if (req.flags || req.reserved)
		return -EINVAL;

	ret = vr_target_get(&target, req.pid);
	if (ret)
		return ret;
	ret = vr_map(&target, &req);
	vr_target_put(&target);
	return ret;
}

static long ioctl_proxy(struct vdso_remap_proxy __user *arg)
{
	struct vdso_remap_proxy req;
	struct vr_target target;
	int ret;

	ret = copy_req(&req, sizeof(req), VDSO_REMAP_PROXY_SIZE_VER0, arg);
	if (ret < 0)
		return ret;
	if (req.flags & ~__VDSO_REMAP_PROXY_ALL)
		return -EINVAL;
	req.busy_tid = 0;
	req.bad_site = VDSO_REMAP_NO_SITE;
	if (put_user(req.busy_tid, &arg->busy_tid) || put_user(req.bad_site, &arg->bad_site))
		return -EFAULT;

	ret = vr_target_get(&target, req.pid);
	if (ret)
		return ret;
	ret = vr_proxy(&target, &req);
	vr_target_put(&target);
	if (ret && (put_user(req.busy_tid, &arg->busy_tid) ||
		    put_user(req.bad_site, &arg->bad_site)))
		return -EFAULT;
	return ret;
}

static long vr_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VDSO_REMAP_GET_INFO:
		return ioctl_get_info((void __user *)arg);
	case VDSO_REMAP_MOVE:
		return ioctl_move((void __user *)arg);
	case VDSO_REMAP_MAP:
		return ioctl_map((void __user *)arg);
	case VDSO_REMAP_PROXY:
		return ioctl_proxy((void __user *)arg);
	default:
		return -ENOIOCTLCMD;
	}
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
	int ret;

	static_assert(sizeof(struct vdso_remap_info) == VDSO_REMAP_INFO_SIZE_VER0);
	static_assert(sizeof(struct vdso_remap_move) == VDSO_REMAP_MOVE_SIZE_VER0);
	static_assert(sizeof(struct vdso_remap_map) == VDSO_REMAP_MAP_SIZE_VER0);
	static_assert(sizeof(struct vdso_remap_proxy) == VDSO_REMAP_PROXY_SIZE_VER0);

	ret = vr_ksyms_init();
	if (!ret)
		ret = vr_group_init();
	if (!ret)
		ret = misc_register(&vr_device);
	return ret;
}

static void __exit vr_exit(void)
{
	misc_deregister(&vr_device);
}

module_init(vr_init);
module_exit(vr_exit);

MODULE_DESCRIPTION("Carry a process's vDSO over to another kernel: move it, or make the old one a proxy");
MODULE_AUTHOR("The vdso-remap authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(VR_VERSION);

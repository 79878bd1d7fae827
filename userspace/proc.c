// SPDX-License-Identifier: MIT
/*
 * What /proc says about a process or a thread, read by plain system calls.
 */
#include <elf.h>
#include <fcntl.h>

#include "internal.h"
#include "syscall.h"

#define PROC_DIR	"/proc/"

int vrl_next_line(struct vrl_lines *lines, char *line, unsigned int size)
{
	unsigned int len = 0;
	long ret;
	char c;

	for (;;) {
		if (lines->pos == lines->end) {
			ret = sys_read(lines->fd, lines->buf, sizeof(lines->buf));
			if (ret <= 0)
				return ret;
			lines->pos = 0;
			lines->end = ret;
		}
		c = lines->buf[lines->pos++];
		if (c == '\n')
			break;
		if (len < size - 1)
			line[len++] = c;
	}
	line[len] = 0;
	return 1;
}

/* The line that starts with prefix. Returns 1; 0: there is none; or an error. */
static long find_line(const char *path, const char *prefix, char *line, unsigned int size)
{
	struct vrl_lines lines = { .fd = sys_open(path, O_RDONLY | O_CLOEXEC) };
	long ret;

	if (lines.fd < 0)
		return lines.fd;
	do {
		ret = vrl_next_line(&lines, line, size);
	} while (ret > 0 && !vdso_name_has_prefix(line, prefix));
	sys_close(lines.fd);
	return ret;
}

/*
 * Thread ids mean other threads in another pid namespace. NSpid lists this process's
 * ids from the namespace of /proc down to its own: one id if they are the same.
 */
static long check_namespace(void)
{
	static const char prefix[] = "NSpid:\t";
	char line[64], *c;
	long ret;

	ret = find_line("/proc/self/status", prefix, line, sizeof(line));
	if (ret <= 0)
		return ret;	/* or no such line: a kernel without namespaces of pids */
	for (c = line + sizeof(prefix) - 1; *c; c++)
		if (*c == '\t')
			return -ENOENT;
	return 0;
}

/* "/proc/PID/FILE" */
struct path {
	char text[48];
};

static void make_path(struct path *path, int32_t pid, const char *file)
{
	unsigned int at = sizeof(PROC_DIR) - 1, nr = 0;
	char digits[10];

	__builtin_memcpy(path->text, PROC_DIR, at);
	for (; pid > 0; pid /= 10)
		digits[nr++] = '0' + pid % 10;
	while (nr)
		path->text[at++] = digits[--nr];
	do {
		path->text[at++] = *file;
	} while (*file++);
}

static int open_proc(int32_t pid, const char *file, int flags)
{
	struct path path;
	long ret;

	ret = check_namespace();
	if (ret < 0)
		return ret;
	make_path(&path, pid ? pid : sys_getpid(), file);
	return sys_open(path.text, flags | O_CLOEXEC);
}

int vrl_open_proc(int32_t pid, const char *file)
{
	return open_proc(pid, file, O_RDONLY);
}

#ifdef VDSO_BREAKPOINT
int vrl_open_memory(int32_t pid)
{
	return open_proc(pid, "/mem", O_RDWR);
}
#endif

uint64_t vrl_page_size(void)
{
	struct {
		unsigned long type, value;
	} entry;
	uint64_t size = MIN_PAGE;
	int fd = vrl_open_proc(0, "/auxv");

	if (fd < 0)
		return size;
	while (sys_read(fd, &entry, sizeof(entry)) == sizeof(entry) && entry.type != AT_NULL)
		if (entry.type == AT_PAGESZ)
			size = entry.value;
	sys_close(fd);
	return size;
}

long vrl_thread_status(int32_t tid, const char *field)
{
	struct path path;
	char line[64];
	long ret, val = 0;
	const char *c;

	make_path(&path, tid, "/status");
	ret = find_line(path.text, field, line, sizeof(line));
	if (ret <= 0)
		return ret ?: -ENOENT;
	for (c = line; *c && *c != '\t'; c++)
		;
	if (*c)
		c++;
	if (*c < '0' || *c > '9')
		return *c;
	for (; *c >= '0' && *c <= '9'; c++)
		val = val * 10 + *c - '0';
	return val;
}

/* Parses up to the first character that is no digit, and skips that one. */
static uint64_t parse_hex(const char **text)
{
	uint64_t val = 0;
	char c;

	for (c = *(*text)++; (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); c = *(*text)++)
		val = val << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	return val;
}

/* START-END PERMS OFFSET MAJOR:MINOR INODE  NAME */
int vrl_next_mapping(struct vrl_lines *maps, struct vrl_mapping *mapping)
{
	char line[128];
	const char *c = line;
	unsigned int i;
	int ret;

	ret = vrl_next_line(maps, line, sizeof(line));
	if (ret <= 0)
		return ret;
	mapping->start = parse_hex(&c);
	mapping->end = parse_hex(&c);
	for (i = 0; i < sizeof(mapping->perms); i++)
		mapping->perms[i] = *c++;
	c++;
	parse_hex(&c);		/* offset */
	parse_hex(&c);		/* device */
	parse_hex(&c);
	mapping->is_file = *c != '0';
	while (*c && *c != ' ')
		c++;
	while (*c == ' ')
		c++;
	for (i = 0; *c && i < sizeof(mapping->name) - 1; i++)
		mapping->name[i] = *c++;
	mapping->name[i] = 0;
	return 1;
}

int vrl_is_executable(int maps, uint64_t addr)
{
	struct vrl_lines lines = { .fd = maps };
	struct vrl_mapping mapping;
	int ret;

	for (;;) {
		ret = vrl_next_mapping(&lines, &mapping);
		if (ret <= 0)
			return ret;
		if (addr >= mapping.start && addr < mapping.end)
			return mapping.perms[2] == 'x';
	}
}

/* As getdents64(2) writes it */
struct dirent64 {
	uint64_t ino;
	uint64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

int vrl_next_task(struct vrl_tasks *tasks, int32_t *tid)
{
	const struct dirent64 *entry;
	const char *c;
	long ret;

	do {
		if (tasks->pos == tasks->end) {
			ret = sys_getdents64(tasks->fd, tasks->buf, sizeof(tasks->buf));
			if (ret <= 0)
				return ret;
			tasks->pos = 0;
			tasks->end = ret;
		}
		entry = (const void *)(tasks->buf + tasks->pos);
		tasks->pos += entry->reclen;
		*tid = 0;
		for (c = entry->name; *c >= '0' && *c <= '9'; c++)
			*tid = *tid * 10 + *c - '0';
	} while (!*tid);
	return 1;
}

// SPDX-License-Identifier: GPL-2.0
/* A FUSE server for one file, which is the root of its mount; see slow_mapping.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/fuse.h>

#include "lib/child.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "slow_mapping.h"

#define FILE_SIZE	(T_SLOW_PAGES * T_PAGE)
#define MAX_FILE_SIZE	(T_SLOW_PAGES * T_PAGE_MAX)
#define MAX_WAITING	16

/* What the test tells the server by a byte. */
#define ANSWER_ONE	'1'
#define ANSWER_ALL	'*'

struct t_slow_state {
	bool mounted;
	bool holds_back;
	unsigned int nr_held_back;
};

/* A request, with room for the page of a WRITE. */
union request {
	struct {
		struct fuse_in_header head;
		union {
			struct fuse_init_in init;
			struct fuse_read_in read;
			struct fuse_write_in write;
		};
	};
	char bytes[FUSE_MIN_READ_BUFFER + MAX_FILE_SIZE];
};

struct server {
	int fuse;
	int from;
	struct t_slow_state *state;
	unsigned int nr_waiting;
	union request waiting[MAX_WAITING];
};

static void reply(const struct server *server, uint64_t unique, int error, const void *body,
		  size_t size)
{
	struct fuse_out_header head = {
		.len = sizeof(head) + size,
		.error = -error,
		.unique = unique,
	};
	const struct iovec parts[] = { { &head, sizeof(head) }, { (void *)body, size } };

	/* fails if whoever asked was killed */
	if (writev(server->fuse, parts, 2) < 0 && errno != ENOENT)
		t_note("no FUSE answer: %s", strerror(errno));
}

static void answer_read(const struct server *server, const union request *request)
{
	static const char zeros[MAX_FILE_SIZE];
	size_t size = 0;

	if (request->read.offset < FILE_SIZE)
		size = FILE_SIZE - request->read.offset;
	if (size > request->read.size)
		size = request->read.size;
	reply(server, request->head.unique, 0, zeros, size);
}

static void answer(const struct server *server, const union request *request)
{
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = request->init.minor < FUSE_KERNEL_MINOR_VERSION ?
			request->init.minor : FUSE_KERNEL_MINOR_VERSION,
		.max_write = FILE_SIZE,
	};	/* no readahead: each page is asked for when it is needed */
	const struct fuse_attr_out attr = {
		.attr = {
			.ino = FUSE_ROOT_ID,
			.size = FILE_SIZE,
			.mode = S_IFREG | 0600,
			.nlink = 1,
			.blksize = T_PAGE,
		},
	};
	const struct fuse_write_out write = { .size = request->write.size };
	const struct fuse_open_out open = { 0 };

	switch (request->head.opcode) {
	case FUSE_INIT:
		return reply(server, request->head.unique, 0, &init, sizeof(init));
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		return reply(server, request->head.unique, 0, &attr, sizeof(attr));
	case FUSE_OPEN:
		return reply(server, request->head.unique, 0, &open, sizeof(open));
	case FUSE_READ:
		return answer_read(server, request);
	case FUSE_WRITE:
		return reply(server, request->head.unique, 0, &write, sizeof(write));
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_FSYNC:
		return reply(server, request->head.unique, 0, NULL, 0);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;		/* no answer is expected */
	default:
		return reply(server, request->head.unique, ENOSYS, NULL, 0);
	}
}

static void take_request(struct server *server)
{
	union request *request = &server->waiting[server->nr_waiting];
	struct t_slow_state *state = server->state;

	if (read(server->fuse, request, sizeof(*request)) < (ssize_t)sizeof(request->head)) {
		if (errno == EINTR || errno == ENOENT || errno == EAGAIN)
			return;
		_exit(0);	/* unmounted */
	}
	if ((request->head.opcode != FUSE_READ && request->head.opcode != FUSE_WRITE) ||
	    !__atomic_load_n(&state->holds_back, __ATOMIC_ACQUIRE))
		return answer(server, request);
	if (++server->nr_waiting == MAX_WAITING)
		_exit(1);
	__atomic_fetch_add(&state->nr_held_back, 1, __ATOMIC_RELEASE);
}

static void take_word(struct server *server)
{
	unsigned int nr = server->nr_waiting;
	char word;

	if (read(server->from, &word, 1) != 1)
		_exit(0);
	if (word == ANSWER_ONE && nr)
		nr = 1;
	for (unsigned int i = 0; i < nr; i++)
		answer(server, &server->waiting[i]);
	server->nr_waiting -= nr;
	memmove(server->waiting, server->waiting + nr,
		server->nr_waiting * sizeof(server->waiting[0]));
}

static void serve(const char *path, struct t_slow_state *state, int from)
{
	static struct server server;
	char options[64];

	server.state = state;
	server.from = from;
	server.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	snprintf(options, sizeof(options), "fd=%d,rootmode=%o,user_id=0,group_id=0",
		 server.fuse, S_IFREG);
	if (server.fuse < 0 || mount("slow", path, "fuse", MS_NOSUID | MS_NODEV, options)) {
		t_note("no FUSE mount: %s", strerror(errno));
		_exit(1);
	}
	__atomic_store_n(&state->mounted, true, __ATOMIC_RELEASE);
	for (;;) {
		struct pollfd fds[] = { { server.from, POLLIN, 0 }, { server.fuse, POLLIN, 0 } };

		if (poll(fds, 2, -1) < 0)
			_exit(1);
		if (fds[0].revents)
			take_word(&server);
		else if (fds[1].revents)
			take_request(&server);
	}
}

bool t_slow_start(struct t_slow *slow)
{
	int fd, to[2], tries;

	strcpy(slow->path, "/tmp/slow-XXXXXX");
	slow->state = mmap(NULL, sizeof(*slow->state), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = mkstemp(slow->path);
	if (fd < 0 || slow->state == MAP_FAILED || pipe2(to, O_CLOEXEC)) {
		t_note("no slow file: %s", strerror(errno));
		return false;
	}
	close(fd);
	slow->to = to[1];
	slow->server = t_fork();
	if (!slow->server) {
		close(to[1]);
		serve(slow->path, slow->state, to[0]);
	}
	close(to[0]);
	for (tries = 0; tries < 10000; tries++) {
		if (__atomic_load_n(&slow->state->mounted, __ATOMIC_ACQUIRE))
			return true;
		if (waitpid(slow->server, NULL, WNOHANG))
			break;
		usleep(1000);
	}
	t_note("no slow file: nothing is mounted");
	return false;
}

void t_slow_end(struct t_slow *slow)
{
	kill(slow->server, SIGKILL);
	waitpid(slow->server, NULL, 0);
	close(slow->to);
	umount2(slow->path, MNT_DETACH);
	unlink(slow->path);
}

bool t_slow_map(const struct t_slow *slow, uint64_t addr)
{
	int fd = open(slow->path, O_RDWR | O_CLOEXEC);
	struct stat stat;
	void *map;

	/* The kernel asks for its size only now. */
	fstat(fd, &stat);
	map = mmap((void *)addr, FILE_SIZE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	if (map != (void *)addr)
		t_note("no slow mapping: %s", strerror(errno));
	close(fd);
	return map == (void *)addr;
}

bool t_slow_unmaps_slowly(void)
{
	struct utsname name;
	int major, minor;

	/* Before, what was written out was a copy of the page. */
	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 16));
}

void t_slow_hold_back(const struct t_slow *slow)
{
	__atomic_store_n(&slow->state->nr_held_back, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slow->state->holds_back, true, __ATOMIC_RELEASE);
}

bool t_slow_wait(const struct t_slow *slow, unsigned int nr)
{
	unsigned int tries, have = 0;

	for (tries = 0; tries < 10000; tries++) {
		have = __atomic_load_n(&slow->state->nr_held_back, __ATOMIC_ACQUIRE);
		if (have >= nr)
			return true;
		usleep(1000);
	}
	t_note("the slow file's server holds back %u answers, wanted: %u", have, nr);
	return false;
}

static void tell(const struct t_slow *slow, char word)
{
	if (write(slow->to, &word, 1) != 1)
		t_note("the slow file's server is gone: %s", strerror(errno));
}

void t_slow_answer_one(const struct t_slow *slow)
{
	tell(slow, ANSWER_ONE);
}

void t_slow_answer_all(const struct t_slow *slow)
{
	__atomic_store_n(&slow->state->holds_back, false, __ATOMIC_RELEASE);
	tell(slow, ANSWER_ALL);
}

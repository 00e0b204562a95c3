#define _GNU_SOURCE 1
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static struct sock *
sock_new(void)
{
	struct sock *s = calloc(1, sizeof *s);
	s->refs = 1;
	return s;
}

static void
messages_drop(struct sock *s)
{
	while (s->messages) {
		struct message *m = s->messages;
		s->messages = m->next;
		for (size_t i = 0; i < m->n; i++)
			if (m->files[i])
				file_drop(m->files[i]);
		free(m);
	}
}

void
sock_drop(struct sock *s)
{
	if (--s->refs)
		return;
	if (s->peer) {
		s->peer->peer = NULL;
		s->peer->ended = true;
	}
	s->peer = NULL;
	messages_drop(s);
	free(s->in.p);
	free(s);
}

static void
sock_pair(struct sock *a, struct sock *b)
{
	a->peer = b;
	b->peer = a;
	a->connected = b->connected = true;
}

static struct file *
socket_at(int fd, enum kind kind)
{
	struct file *f = file_at(fd);
	if (f && f->kind == kind)
		return f;
	errno = ENOTSOCK;
	return NULL;
}

int
sim_socket(int family, int type, int protocol)
{
	struct file *f;
	(void)protocol;
	if (family == AF_UNIX) {
		f = file_new(KIND_OF_SOCKET);
		f->u.sock = sock_new();
	} else if (family == AF_INET && (type & 15) == SOCK_DGRAM) {
		f = file_new(KIND_OF_DATAGRAMS);
		f->u.datagrams = datagrams_new(world.current->machine);
	} else {
		errno = EAFNOSUPPORT;
		return -1;
	}
	f->nonblock = type & SOCK_NONBLOCK;
	return install(f, 0, type & SOCK_CLOEXEC);
}

int
sim_socketpair(int family, int type, int protocol, int fds[2])
{
	struct file *files[2] = { file_new(KIND_OF_SOCKET), file_new(KIND_OF_SOCKET) };
	(void)family, (void)type, (void)protocol;
	files[0]->u.sock = sock_new();
	files[1]->u.sock = sock_new();
	sock_pair(files[0]->u.sock, files[1]->u.sock);
	return install_both(files, fds, false);
}

int
sim_bind(int fd, const struct sockaddr *to, socklen_t len)
{
	const struct sockaddr_un *un = (const void *)to;
	char whole[PATH_LEN];
	(void)len;
	struct file *udp = file_at(fd);
	if (udp && udp->kind == KIND_OF_DATAGRAMS)
		return datagrams_bind(udp->u.datagrams, to);
	struct file *f = socket_at(fd, KIND_OF_SOCKET);
	if (!f || to->sa_family != AF_UNIX)
		return -1;
	whole_path(un->sun_path, whole);
	if (node_find(machine_here(), whole)) {
		errno = EADDRINUSE;
		return -1;
	}
	if (!node_has_place(whole))
		return -1;
	sock_drop(f->u.sock);
	f->kind = KIND_OF_LISTENER;
	f->u.listener.n = 0;
	f->u.listener.node = node_new(machine_here(), whole, S_IFSOCK | 0600);
	f->u.listener.node->listener = NULL;
	return 0;
}

int
sim_listen(int fd, int backlog)
{
	struct file *f = socket_at(fd, KIND_OF_LISTENER);
	(void)backlog;
	if (!f)
		return -1;
	f->u.listener.node->listener = f;
	return 0;
}

int
sim_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	const struct sockaddr_un *un = (const void *)to;
	(void)len;
	struct file *f = file_at(fd);
	if (f && f->kind == KIND_OF_DATAGRAMS)
		return datagrams_connect(f->u.datagrams, to);
	if (!f || f->kind != KIND_OF_SOCKET || to->sa_family != AF_UNIX)
		return -1;
	const struct node *n = un->sun_path[0] ? node_look_up(un->sun_path) : NULL;
	if (!n) {
		errno = un->sun_path[0] ? ENOENT : ECONNREFUSED;
		return -1;
	}
	struct file *l = n->listener;
	if (!S_ISSOCK(n->mode) || !l) {
		errno = ECONNREFUSED;
		return -1;
	}
	if (l->u.listener.n == sizeof l->u.listener.queue / sizeof *l->u.listener.queue) {
		errno = EAGAIN;
		return -1;
	}
	struct sock *other = sock_new();
	sock_pair(f->u.sock, other);
	l->u.listener.queue[l->u.listener.n++] = other;
	changed();
	return 0;
}

int
sim_accept(int fd, struct sockaddr *from, socklen_t *len)
{
	struct file *f = socket_at(fd, KIND_OF_LISTENER);
	(void)from, (void)len;
	if (!f || wait_for(f, may_read))
		return -1;
	if (proc_fails(FAIL_DESCRIPTORS)) {
		errno = EMFILE;
		return -1;
	}
	struct file *s = file_new(KIND_OF_SOCKET);
	s->u.sock = f->u.listener.queue[0];
	memmove(f->u.listener.queue, f->u.listener.queue + 1,
	    --f->u.listener.n * sizeof *f->u.listener.queue);
	return install(s, 0, false);
}

int
sim_shutdown(int fd, int how)
{
	struct file *f = socket_at(fd, KIND_OF_SOCKET);
	if (!f)
		return -1;
	if (how != SHUT_RD && f->u.sock->peer)
		f->u.sock->peer->ended = true;
	changed();
	return 0;
}

int
sim_getsockname(int fd, struct sockaddr *name, socklen_t *len)
{
	const struct file *f = file_at(fd);
	if (!f || *len < sizeof(struct sockaddr_in)
	    || (f->kind != KIND_OF_DATAGRAMS && f->kind != KIND_OF_WIRE))
		return -1;
	struct sockaddr_in *in = (void *)name;
	if (f->kind == KIND_OF_DATAGRAMS)
		datagrams_name(f->u.datagrams, in);
	else
		*in = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_addr.s_addr = htonl(f->u.wire->wire->address) };
	*len = sizeof(struct sockaddr_in);
	return 0;
}

int
sim_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	(void)level, (void)option;
	if (!file_at(fd))
		return -1;
	memset(value, 0, *len);
	return 0;
}

int
sim_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	(void)level, (void)option, (void)value, (void)len;
	return file_at(fd) ? 0 : -1;
}

static void
put_message(struct sock *to, const struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return;
	struct message *new = calloc(1, sizeof *new), **at = &to->messages;
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	new->at = to->in.put;
	for (size_t i = 0; i < n && i < MESSAGE_FDS; i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
		struct file *f = file_at(fd);
		if (f) {
			file_keep(f);
			new->files[new->n++] = f;
		}
	}
	while (*at)
		at = &(*at)->next;
	*at = new;
}

ssize_t
sim_sendmsg(int fd, const struct msghdr *m, int flags)
{
	const struct file *udp = file_at(fd);
	if (udp && udp->kind == KIND_OF_DATAGRAMS)
		return datagrams_send(udp->u.datagrams, m->msg_name, m->msg_iov->iov_base,
		    m->msg_iov->iov_len);
	struct file *f = socket_at(fd, KIND_OF_SOCKET);
	(void)flags;
	if (!f || wait_for(f, may_write))
		return -1;
	if (!f->u.sock->peer)
		return broken();
	if (m->msg_controllen)
		put_message(f->u.sock->peer, m);
	return sim_writev(fd, m->msg_iov, (int)m->msg_iovlen);
}

static void
get_message(struct sock *s, struct msghdr *m)
{
	struct message *msg = s->messages;
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t n = 0;
	for (size_t i = 0; i < msg->n; i++) {
		int got = c ? install(msg->files[i], 0, false) : -1;
		if (!c)
			file_drop(msg->files[i]);
		if (got >= 0)
			memcpy(CMSG_DATA(c) + n++ * sizeof got, &got, sizeof got);
	}
	if (c) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
	}
	m->msg_controllen = n ? CMSG_SPACE(n * sizeof(int)) : 0;
	s->messages = msg->next;
	free(msg);
}

ssize_t
sim_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct file *udp = file_at(fd);
	if (udp && udp->kind == KIND_OF_DATAGRAMS) {
		m->msg_controllen = 0;
		if (wait_for(udp, may_read))
			return -1;
		return datagrams_receive(udp->u.datagrams, m->msg_iov->iov_base,
		    m->msg_iov->iov_len, m->msg_name);
	}
	struct file *f = socket_at(fd, KIND_OF_SOCKET);
	(void)flags;
	if (!f || wait_for(f, may_read))
		return -1;
	struct sock *s = f->u.sock;
	size_t n = m->msg_iov[0].iov_len;
	changed();
	if (s->messages && s->messages->at == s->in.got)
		get_message(s, m);
	else
		m->msg_controllen = 0;
	if (s->messages && n > s->messages->at - s->in.got)
		n = s->messages->at - s->in.got;
	return (ssize_t)bytes_get(&s->in, m->msg_iov[0].iov_base, n);
}

void
listener_drop(struct file *f)
{
	for (size_t i = 0; i < f->u.listener.n; i++)
		sock_drop(f->u.listener.queue[i]);
	if (f->u.listener.node && f->u.listener.node->listener == f)
		f->u.listener.node->listener = NULL;
}

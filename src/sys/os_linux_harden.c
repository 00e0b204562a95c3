/* prctl(2), seccomp(2), and the filter that this process puts upon itself. */
#include "sys/os.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__powerpc64__)
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#elif defined(__riscv)
#define ARCH AUDIT_ARCH_RISCV64
#endif

enum {
	X32 = 0x40000000, /* x86_64 has its calls a second time from here on */
	SPEC_ALLOW = 4, /* SECCOMP_FILTER_FLAG_SPEC_ALLOW, of Linux 4.17 */
};

/* Into other processes, into the kernel, and to more rights.  Newer than some headers: those
 * with a condition. */
static const uint16_t denied[] = {
#ifndef __SANITIZE_ADDRESS__ /* looks for leaks by tracing */
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
#endif
	SYS_kcmp,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_open_by_handle_at,
	SYS_unshare,
	SYS_setns,
	SYS_swapon,
	SYS_swapoff,
	SYS_reboot,
	SYS_acct,
	SYS_quotactl,
	SYS_syslog,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_io_uring_setup
	SYS_io_uring_setup,
#endif
#ifdef SYS_open_tree
	SYS_open_tree,
	SYS_move_mount,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
#endif
#ifdef SYS_pidfd_getfd
	SYS_pidfd_getfd,
#endif
#ifdef SYS_mount_setattr
	SYS_mount_setattr,
#endif
};

/* What is called all the time is let through first. */
static const uint16_t frequent[] = {
	SYS_read,
	SYS_write,
	SYS_writev,
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_ppoll,
};

void
os_hide(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

#ifdef ARCH
enum {
	N_FREQUENT = sizeof frequent / sizeof *frequent,
	N_DENIED = sizeof denied / sizeof *denied,
	NUMBER = 3, /* where the numbers begin */
	ALLOW = NUMBER + 1 + N_FREQUENT + N_DENIED,
	DENY,
	FILTER_LEN,
};
_Static_assert((int)FILTER_LEN < 256, "jumps have 8 bits");

static uint8_t
jump(int from, int to)
{
	return (uint8_t)(to - from - 1);
}

/* A program of another kind of machine, as a 32-bit getent(1), is let through. */
static void
put_filter(struct sock_filter *f)
{
	int at = NUMBER;
	f[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, arch));
	f[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 0,
	    jump(1, ALLOW));
	f[2] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N_FREQUENT; i++, at++)
		f[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    frequent[i], jump(at, ALLOW), 0);
	f[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32,
	    jump(at, DENY), 0);
	at++;
	for (size_t i = 0; i < N_DENIED; i++, at++)
		f[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied[i],
		    jump(at, DENY), 0);
	f[ALLOW] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[DENY] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ERRNO | EPERM);
}

bool
os_renounce(void)
{
	struct sock_filter filter[FILTER_LEN];
	struct sock_fprog program = { FILTER_LEN, filter };
	put_filter(filter);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return false;
	/* Some kernels would have every filtered process run without speculation. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SPEC_ALLOW, &program) == 0
	    || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
#else
bool
os_renounce(void)
{
	return false;
}
#endif

//! System calls that fail, by seccomp, in all threads of the process.
//!
//! It is a list of what is refused, with EPERM: what allocators, runtimes and
//! libraries need is not known here. It holds as well what landlock of this kernel may
//! lack or never had: owners, modes, times and attributes of files, signals, sockets
//! of the unix family.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads, sock_filter,
};

/// Those that fail whatever their arguments are.
const REFUSED: &[c_long] = &[
    // Other programs, and what is done to other processes. Own signals are below.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    // Sockets of any family. The worker's own are there, and connected.
    libc::SYS_socket,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Memory, semaphores and queues that other processes know by a key or a name.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // What landlock leaves of files: owner, mode, times, attributes, handles.
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
    FILE_SETATTR,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Views of the system.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    // The kernel itself, its keys, and parts of it that often had holes.
    libc::SYS_bpf,
    libc::SYS_kexec_load,
    KEXEC_FILE_LOAD,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    // What is root's, should workers be root.
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

/// The library has it for one C library and not for the other.
const KEXEC_FILE_LOAD: c_long = if cfg!(target_arch = "x86_64") {
    320
} else {
    294
};

// Newer than the library's lists; the numbers are the same for all processors.
const FCHMODAT2: c_long = 452;
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const FILE_SETATTR: c_long = 469;

/// Older ways to say the same, which newer processors never had.
#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[c_long] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_iopl,
    libc::SYS_ioperm,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[c_long] = &[];

/// Flags of `clone` that make a view of the system of one's own; in one of a user
/// of its own, a process has all rights and reaches code that seldom runs.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Installs both filters in all threads of the process.
pub(super) fn restrict() -> Result<(), String> {
    let refused = refused().map_err(|error| error.to_string())?;
    for filter in [refused, absent()] {
        apply_filter_all_threads(&filter).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The filter of what fails with EPERM.
fn refused() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = BTreeMap::new();
    for call in REFUSED.iter().chain(REFUSED_OLD) {
        rules.insert(*call, Vec::new());
    }
    rules.extend(refused_by_argument()?);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    filter.try_into()
}

/// Those that fail for some arguments: each list is of reasons to refuse.
fn refused_by_argument() -> Result<Vec<(c_long, Vec<SeccompRule>)>, BackendError> {
    let own = u64::from(std::process::id());
    let not_own = || all([argument(0, SeccompCmpOp::Ne, own)]);
    let mut refused = vec![
        // Signals to others. To itself is what abort and raise do; a process group
        // would hold the server.
        (libc::SYS_kill, vec![not_own()?]),
        (libc::SYS_tgkill, vec![not_own()?]),
        (libc::SYS_rt_sigqueueinfo, vec![not_own()?]),
        (libc::SYS_rt_tgsigqueueinfo, vec![not_own()?]),
        // Signals that the kernel would send to others in its name, and letters
        // typed into a terminal.
        (libc::SYS_fcntl, either(1, [8, 15])?), // F_SETOWN, F_SETOWN_EX
        (libc::SYS_ioctl, either(1, [0x8901, 0x8902, 0x5412])?), // FIOSETOWN, SIOCSPGRP, TIOCSTI
        // Limits of others; 0 is the caller.
        (
            libc::SYS_prlimit64,
            vec![all([
                argument(0, SeccompCmpOp::Ne, 0),
                argument(0, SeccompCmpOp::Ne, own),
            ])?],
        ),
        // Pairs that could send datagrams to another socket by name; raw ones are
        // datagrams to the kernel.
        (
            libc::SYS_socketpair,
            [libc::SOCK_DGRAM, libc::SOCK_RAW]
                .map(|kind| all([argument(1, SeccompCmpOp::MaskedEq(0xf), kind as u64)]))
                .into_iter()
                .collect::<Result<_, _>>()?,
        ),
        (
            libc::SYS_clone,
            NAMESPACES
                .map(|flag| flag as u64)
                .map(|flag| all([argument(0, SeccompCmpOp::MaskedEq(flag), flag)]))
                .into_iter()
                .collect::<Result<_, _>>()?,
        ),
    ];
    // A thread's number does not tell whose it is, and musl's abort has no other way.
    if !cfg!(target_env = "musl") {
        refused.push((libc::SYS_tkill, Vec::new()));
    }
    Ok(refused)
}

fn either<const N: usize>(at: u8, values: [u64; N]) -> Result<Vec<SeccompRule>, BackendError> {
    let rules = values.map(|value| all([argument(at, SeccompCmpOp::Eq, value)]));
    rules.into_iter().collect()
}

fn all<const N: usize>(
    conditions: [Result<SeccompCondition, BackendError>; N],
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

/// A condition on the lower half of an argument, which is what the kernel reads
/// of all that are compared here.
fn argument(at: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(at, SeccompCmpArgLen::Dword, operator, value)
}

/// The filter of what fails with ENOSYS, as if the kernel were older: `clone3`,
/// whose flags no filter can read and for which all libraries then take `clone`;
/// and x32, by whose numbers all of the above could be called once more. By hand,
/// since the library compares numbers for equality alone.
fn absent() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    let load_number = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let at_least = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    let instruction = |code: u32, jt, jf, k| sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    vec![
        instruction(load_number, 0, 0, 0),
        instruction(equal, 2, 0, libc::SYS_clone3 as u32),
        instruction(at_least, 1, 0, X32),
        instruction(answer, 0, 0, libc::SECCOMP_RET_ALLOW),
        instruction(answer, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ]
}

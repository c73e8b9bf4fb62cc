//! What a worker may do to the rest of the system, where `sandbox = true` is set.
//!
//! Runs in the worker before its first call, on the thread that runs calls and before it
//! starts others. What is confined may read every file that the user may
//! read, compute, and start threads; it may change no file, start no program, open no
//! socket, and touch no other process. Three parts, each of which holds without the
//! others:
//!
//! - no new privileges: nothing that is executed gains any;
//! - `files`: landlock;
//! - `calls`: seccomp.
//!
//! Not kept from a worker: files to read, time, memory and processor (`limits` has
//! those), and what it was given as open descriptors.

#[cfg(all(
    feature = "sandbox",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod calls;
#[cfg(feature = "sandbox")]
mod files;

/// Confines this process, for good; returns what could not be applied, as sentences
/// for the log of the start-up. Without the feature that is all of it.
#[cfg(not(feature = "sandbox"))]
pub(super) fn confine() -> Vec<String> {
    vec!["the sandbox is not there: hybrid was built without its feature `sandbox`".to_owned()]
}

/// Confines this process, for good; returns what could not be applied, as sentences
/// for the log of the start-up.
#[cfg(feature = "sandbox")]
pub(super) fn confine() -> Vec<String> {
    let mut missing = Vec::new();
    if let Err(error) = rustix::thread::set_no_new_privs(true) {
        missing.push(format!(
            "no_new_privs could not be set ({error}): what workers execute may gain privileges"
        ));
    }
    missing.extend(files::restrict());
    if let Err(error) = calls::restrict() {
        missing.push(format!(
            "seccomp could not be applied ({error}): workers may start programs, open sockets \
             and signal other processes"
        ));
    }
    missing
}

/// Numbers of system calls are a processor's own.
#[cfg(all(
    feature = "sandbox",
    not(any(target_arch = "x86_64", target_arch = "aarch64"))
))]
mod calls {
    pub(super) fn restrict() -> Result<(), String> {
        Err("hybrid has no list of this processor's calls".to_owned())
    }
}

#[cfg(all(test, feature = "sandbox"))]
mod tests {
    use std::{
        env, fs,
        io::ErrorKind,
        net::{TcpListener, TcpStream, UdpSocket},
        os::unix::{
            fs::PermissionsExt as _,
            net::{UnixDatagram, UnixStream},
        },
        panic::catch_unwind,
        path::PathBuf,
        process::{Command, abort},
        sync::Barrier,
        thread,
    };

    use rustix::process::{Pid, Signal, getpid, getppid, kill_process, test_kill_process};

    use super::{
        super::limits::tests::{assert_killed, assert_well, elsewhere},
        *,
    };

    const _: () = assert!(super::super::SANDBOX_IS_AVAILABLE);

    /// Confines this process; whether landlock is in force. That threads run already
    /// is so in every test.
    fn confined() -> bool {
        let missing = confine();
        let has = |text: &str| missing.iter().any(|sentence| sentence.contains(text));
        assert!(!has("seccomp"), "{missing:?}");
        assert!(!has("privileges"), "{missing:?}");
        !has("may write files") || has("that runs already")
    }

    #[track_caller]
    fn assert_denied<T>(result: std::io::Result<T>) {
        let error = result.err().map(|error| error.kind());
        assert_eq!(error, Some(ErrorKind::PermissionDenied));
    }

    #[test]
    fn no_file_is_changed_and_all_are_read() {
        let ended = elsewhere(|| {
            let there = path_of(getppid().unwrap());
            let beside = there.with_extension("beside");
            fs::write(&there, "as it was").unwrap();
            let has_landlock = confined();
            assert_eq!(fs::read_to_string(&there).unwrap(), "as it was");
            fs::read_dir(env::temp_dir()).unwrap();
            fs::metadata(env::current_exe().unwrap()).unwrap();
            assert_denied(fs::set_permissions(
                &there,
                fs::Permissions::from_mode(0o777),
            ));
            if has_landlock {
                assert_denied(fs::write(&there, "changed"));
                assert_denied(fs::write(&beside, "new"));
                assert_denied(fs::create_dir(&beside));
                assert_denied(fs::rename(&there, &beside));
                assert_denied(fs::hard_link(&there, &beside));
                assert_denied(fs::remove_file(&there));
                assert_denied(by_thread(|| fs::write(&beside, "new")));
            }
        });
        assert_well(&ended);
        // The confined process could not remove it.
        fs::remove_file(path_of(getpid())).unwrap();
    }

    fn by_thread<T: Send>(run: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| scope.spawn(run).join().expect("it does not panic"))
    }

    /// The file of the test in that process, which starts the confined one.
    fn path_of(test: Pid) -> PathBuf {
        env::temp_dir().join(format!("hybrid-sandbox-{test}"))
    }

    #[test]
    fn nothing_else_is_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ended = elsewhere(|| {
            confined();
            assert_denied(TcpStream::connect(address));
            assert_denied(TcpListener::bind("127.0.0.1:0"));
            assert_denied(UdpSocket::bind("127.0.0.1:0"));
            assert_denied(UnixStream::connect("/run/nobody"));
            assert_denied(UnixDatagram::pair());
            UnixStream::pair().unwrap();
            assert_denied(by_thread(|| TcpStream::connect(address)));
        });
        assert_well(&ended);
    }

    #[test]
    fn no_program_is_started_and_no_process_signalled() {
        let ended = elsewhere(|| {
            confined();
            assert_denied(Command::new("true").spawn());
            let parent = getppid().unwrap();
            assert!(test_kill_process(parent).is_err());
            assert!(test_kill_process(getpid()).is_ok());
            kill_process(getpid(), Signal::CONT).unwrap();
        });
        assert_well(&ended);
    }

    #[test]
    fn threads_that_run_already_are_confined_by_seccomp() {
        let ended = elsewhere(|| {
            let both = Barrier::new(2);
            let sentences = thread::scope(|scope| {
                let before = scope.spawn(|| {
                    both.wait();
                    both.wait();
                    Command::new("true").spawn()
                });
                both.wait();
                let sentences = confine();
                both.wait();
                assert_denied(before.join().unwrap());
                sentences
            });
            let said = sentences
                .iter()
                .find(|sentence| sentence.contains("already"));
            assert!(
                said.is_none_or(|said| said.contains("2 that `main`")),
                "{said:?}"
            );
        });
        assert_well(&ended);
    }

    #[test]
    fn computing_goes_on() {
        let ended = elsewhere(|| {
            confined();
            let sum = |seed: usize| {
                let bytes: Vec<u8> = (0..1 << 20).map(|at| (at * seed) as u8).collect();
                bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>()
            };
            let sums = thread::scope(|scope| {
                let threads = [1, 3, 5, 7].map(|seed| scope.spawn(move || sum(seed)));
                threads.map(|thread| thread.join().unwrap())
            });
            assert_eq!(sums, [255 * 256 / 2 * 4096; 4]);
            assert!(catch_unwind(|| panic!("as handlers may")).is_err());
            let limits = super::super::ResourceLimits {
                memory_bytes: 1 << 30,
                cpu_seconds: Some(10),
                files: 64,
            };
            super::super::limits::AppliedLimits::new()
                .apply(limits)
                .unwrap();
        });
        assert_well(&ended);
    }

    #[test]
    fn abort_still_kills() {
        let ended = elsewhere(|| {
            confined();
            abort();
        });
        assert_killed(&ended, Signal::ABORT);
    }
}

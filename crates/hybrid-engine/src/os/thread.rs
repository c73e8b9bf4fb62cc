//! The number of a thread, and its priority.

use std::io;

/// The system's number of this thread; 0 where it has none.
#[must_use]
pub fn number() -> u32 {
    #[cfg(target_os = "linux")]
    {
        rustix::thread::gettid()
            .as_raw_nonzero()
            .get()
            .cast_unsigned()
    }
    #[cfg(not(target_os = "linux"))]
    {
        0
    }
}

/// Lowers the priority of a thread of this process by so many steps of its nice value,
/// 0 to 19. Threads that it starts later inherit it. Elsewhere than on Linux, and for
/// the number 0, it does nothing.
///
/// # Errors
/// The system refuses it.
pub fn lower_priority(thread: u32, steps: u8) -> io::Result<()> {
    if steps == 0 || thread == 0 {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, getpriority_process, setpriority_process};

        /// The lowest priority there is.
        const NICEST: i32 = 19;
        // On Linux the number names one thread here, and not its process.
        let thread = i32::try_from(thread).ok().and_then(Pid::from_raw);
        let own = getpriority_process(thread)?;
        setpriority_process(thread, (own + i32::from(steps)).min(NICEST))?;
    }
    Ok(())
}

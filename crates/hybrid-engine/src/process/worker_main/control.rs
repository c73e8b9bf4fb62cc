//! What reaches a worker while a call runs: control messages of the server, the server's
//! end, and signals.

use std::{io, os::fd::OwnedFd};

use rustix::process::Pid;

use super::{CurrentCall, MappedSegments, lock};
use crate::{
    background,
    process::{
        codec::{self, MESSAGE_BYTES_MAX},
        messages::{Control, ControlReply},
        socket,
    },
};

/// Reads control messages while a call runs. Ends the process when the server is gone.
pub(super) fn read_control(
    control: OwnedFd,
    mapped: MappedSegments,
    current: CurrentCall,
) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("hybrid-control".to_owned());
    let listen = move || {
        let mut buffer = Vec::with_capacity(MESSAGE_BYTES_MAX);
        while let Ok(1..) = socket::receive_plain(&control, &mut buffer) {
            match codec::decode(&buffer) {
                Ok(Control::Ping(number)) => {
                    let mut pong = Vec::with_capacity(16);
                    // If it cannot be sent, the server misses it and kills this process.
                    let _ = codec::encode(&ControlReply::Pong(number), &mut pong);
                    let _ = socket::send(&control, &pong, &[]);
                }
                Ok(Control::Cancel(number)) => {
                    if let Some((running, ticket)) = &*lock(&current)
                        && *running == number
                    {
                        ticket.cancel();
                    }
                }
                Ok(Control::Unmap(ids)) => {
                    let mut mapped = lock(&mapped);
                    ids.iter().for_each(|id| drop(mapped.remove(id)));
                }
                Err(_) => break,
            }
        }
        std::process::exit(0);
    };
    thread.spawn(|| background::run_or_exit("hybrid-control", listen))?;
    Ok(())
}

/// Ends the process on a TERM of the server's alone. A service manager that stops a
/// program may signal all of its processes, and workers have calls to finish then: they
/// end when their server says so.
pub(super) fn handle_signals(server: Pid) -> io::Result<()> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::{SignalsInfo, exfiltrator::WithOrigin},
    };
    let mut signals = SignalsInfo::<WithOrigin>::new([SIGTERM, SIGINT, SIGHUP])?;
    let thread = std::thread::Builder::new().name("hybrid-signals".to_owned());
    let listen = move || {
        for origin in &mut signals {
            let sender = origin.process.map(|process| process.pid);
            if origin.signal == SIGTERM && sender == Some(server.as_raw_pid()) {
                std::process::exit(128 + SIGTERM);
            }
        }
    };
    thread.spawn(|| background::run_or_exit("hybrid-signals", listen))?;
    Ok(())
}

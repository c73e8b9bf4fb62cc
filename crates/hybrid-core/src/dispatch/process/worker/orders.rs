//! What reaches a worker while its handler runs: the server's orders, the server's end,
//! and signals.

use std::{io, os::fd::OwnedFd};

use rustix::process::Pid;

use super::{Current, Maps, lock};
use crate::{
    dispatch::process::{
        frame::{self, MESSAGE_BYTES_MAX, Order, Report},
        socket,
    },
    kept,
};

/// Reads orders while a handler runs; ends the process when the server is gone.
pub(super) fn listen_to_orders(control: OwnedFd, maps: Maps, current: Current) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("hybrid-orders".to_owned());
    let listen = move || {
        let mut buffer = Vec::with_capacity(MESSAGE_BYTES_MAX);
        while let Ok(1..) = socket::receive_plain(&control, &mut buffer) {
            match frame::decode(&buffer) {
                Ok(Order::Ping(number)) => {
                    let mut pong = Vec::with_capacity(16);
                    // One that cannot be sent is missed, and then this process is killed.
                    let _ = frame::encode(&Report::Pong(number), &mut pong);
                    let _ = socket::send(&control, &pong, &[]);
                }
                Ok(Order::Cancel(number)) => {
                    if let Some((running, ticket)) = &*lock(&current)
                        && *running == number
                    {
                        ticket.cancel();
                    }
                }
                Ok(Order::Unmap(ids)) => {
                    let mut maps = lock(&maps);
                    ids.iter().for_each(|id| drop(maps.remove(id)));
                }
                Err(_) => break,
            }
        }
        std::process::exit(0);
    };
    thread.spawn(|| kept::or_end("hybrid-orders", listen))?;
    Ok(())
}

/// A service manager that stops a program may signal all of its processes. Workers
/// have requests to finish then: they end when their server says so.
pub(super) fn listen_to_signals(server: Pid) -> io::Result<()> {
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
    thread.spawn(|| kept::or_end("hybrid-signals", listen))?;
    Ok(())
}

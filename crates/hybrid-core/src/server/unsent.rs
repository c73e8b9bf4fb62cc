//! How much of what a socket was given its peer has not taken yet.
//!
//! The one `unsafe` of the server: no library asks for this number safely.

use std::os::fd::AsFd;

/// The bytes in the socket's send buffer: those not sent, and those that the peer
/// has not acknowledged. `None` where the system does not tell.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "what the request writes is promised by hand")]
pub(crate) fn unsent(socket: impl AsFd) -> Option<usize> {
    use rustix::ioctl::{Getter, Opcode, ioctl};

    #[expect(
        clippy::cast_possible_truncation,
        reason = "requests have 32 bits; their type depends on the C library"
    )]
    const SIOCOUTQ: Opcode = libc::TIOCOUTQ as Opcode;
    // SAFETY: the kernel writes one `int` for this request.
    let request = unsafe { Getter::<SIOCOUTQ, libc::c_int>::new() };
    // SAFETY: the request reads no memory and changes nothing of the socket, which
    // stays open for as long as it is borrowed.
    let bytes = unsafe { ioctl(socket, request) }.ok()?;
    usize::try_from(bytes).ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn unsent(_socket: impl AsFd) -> Option<usize> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn what_the_peer_has_not_taken_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        assert_eq!(unsent(&near), Some(0));
        near.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(bytes) = near.write(&[0; 65_536]) {
            written += bytes;
        }
        let left = unsent(&near).unwrap();
        assert!(left > 0 && left <= written, "{left} of {written}");
        far.read_exact(&mut vec![0; written]).unwrap();
        // Acknowledged as soon as it is read, but for a last delay of the peer's.
        while unsent(&near).unwrap() > 0 {
            std::thread::yield_now();
        }
        assert_eq!(unsent(std::fs::File::open("/dev/null").unwrap()), None);
    }
}

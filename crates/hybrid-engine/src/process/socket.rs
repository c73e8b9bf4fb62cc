//! Sockets that keep messages apart, and pass descriptors.
//!
//! Between the server and each worker there are two pairs of them: calls, and
//! control. A message arrives whole or not at all, so nothing here knows lengths
//! or headers; what the bytes mean is told by [`super::messages`].
//!
//! How the end of the other side is seen: `Ok(0)` where it had read all that it
//! was sent, `ConnectionReset` where something was left unread. A reset is told
//! once, and before what may still lie in the queue.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    buffer::spare_capacity,
    cmsg_space,
    io::{Errno, retry_on_intr},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
        SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sockopt,
    },
};

use tokio::io::{Interest, unix::AsyncFd};

use super::codec::MESSAGE_BYTES_MAX;

/// How many descriptors one message carries at most.
pub(super) const FDS_MAX: usize = 4;

/// A pair of sockets, both closed on exec, both of which wait.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let family = AddressFamily::UNIX;
    let (ours, theirs) =
        rustix::net::socketpair(family, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    // The system's default holds one message of the largest size, but is an
    // administrator's to lower. The kernel doubles it for its own needs.
    for socket in [&ours, &theirs] {
        sockopt::set_socket_send_buffer_size(socket, MESSAGE_BYTES_MAX)?;
    }
    Ok((ours, theirs))
}

/// Lets the socket's calls return `WouldBlock` instead of waiting. That is a
/// property of this end alone.
pub(super) fn never_wait(socket: impl AsFd) -> io::Result<()> {
    Ok(rustix::io::ioctl_fionbio(socket, true)?)
}

/// Watched for messages by the event loops of the runtime that this is called in.
/// Not for room: there always is, as a worker has read what it was sent before the
/// next is, and each message that it reads would wake an event loop.
#[expect(unsafe_code, reason = "what the runtime wants to be promised")]
pub(super) fn watched(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor is open until it is dropped, which the `AsyncFd`
    // that owns it does last, and always the same one.
    let watched = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
    watched.map_err(Into::into)
}

/// Sends one message, whole or not at all, with descriptors.
///
/// Never raises `SIGPIPE`. An empty message would look like the end, and is
/// refused.
pub(super) fn send(socket: impl AsFd, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    send_with(socket.as_fd(), message, fds, SendFlags::NOSIGNAL)
}

/// As [`send`], but `WouldBlock` where there is no room, whatever the socket is.
pub(super) fn send_now(
    socket: impl AsFd,
    message: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    send_with(socket.as_fd(), message, fds, flags)
}

fn send_with(
    socket: BorrowedFd<'_>,
    message: &[u8],
    fds: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    if message.is_empty() || fds.len() > FDS_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if fds.is_empty() {
        retry_on_intr(|| rustix::net::send(socket, message, flags))?;
        return Ok(());
    }
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    // There is room, by the check above.
    control.push(SendAncillaryMessage::ScmRights(fds));
    let parts = [IoSlice::new(message)];
    retry_on_intr(|| rustix::net::sendmsg(socket, &parts, &mut control, flags))?;
    Ok(())
}

/// Receives one message into `buffer`, and the descriptors that came with it.
///
/// The buffer's length is the limit; the descriptors of the message before are closed.
/// `Ok(0)`: the other side has closed. A longer message, or more descriptors than
/// [`FDS_MAX`], is `InvalidData`, and lost. For one reader per socket.
///
/// A process that is killed while it waits here has taken nothing, even if a message came
/// before it was dead: the other side learns that the message was never read.
pub(super) fn receive(
    socket: impl AsFd,
    buffer: &mut [u8],
    fds: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    fds.clear();
    wait(socket.as_fd())?;
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        let mut parts = [IoSliceMut::new(buffer)];
        match rustix::net::recvmsg(&socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    if message
        .flags
        .intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC)
    {
        return Err(too_long());
    }
    for attached in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = attached {
            fds.extend(received);
        }
    }
    // Alignment leaves room for one more than was asked for.
    if fds.len() > FDS_MAX {
        fds.clear();
        return Err(too_long());
    }
    Ok(message.bytes)
}

/// Until there is a message, or the end. The call that takes one would also do so on its
/// way to its own end, for a process that is being killed; it comes when this returns.
fn wait(socket: BorrowedFd<'_>) -> io::Result<()> {
    retry_on_intr(|| rustix::net::recv(socket, &mut [0_u8; 0], RecvFlags::PEEK))?;
    Ok(())
}

/// As [`receive`], taking no descriptors: those attached are closed by the system.
pub(super) fn receive_plain(socket: impl AsFd, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.clear();
    if buffer.capacity() == 0 {
        return Err(too_long());
    }
    let (_, length) = loop {
        match rustix::net::recv(&socket, spare_capacity(buffer), RecvFlags::TRUNC) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    if length > buffer.len() {
        buffer.clear();
        return Err(too_long());
    }
    Ok(length)
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the message is too long")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    fn buffer() -> Vec<u8> {
        Vec::with_capacity(MESSAGE_BYTES_MAX)
    }

    fn full() -> Vec<u8> {
        vec![0; MESSAGE_BYTES_MAX]
    }

    fn number_of(fd: &OwnedFd) -> u64 {
        rustix::fs::fstat(fd).unwrap().st_ino
    }

    fn pipe() -> (OwnedFd, OwnedFd) {
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap()
    }

    #[test]
    fn messages_stay_apart() {
        let (ours, theirs) = pair().unwrap();
        send(&ours, b"first", &[]).unwrap();
        send(&ours, b"second one", &[]).unwrap();
        let (mut plain, mut full, mut fds) = (buffer(), full(), Vec::new());
        assert_eq!(receive_plain(&theirs, &mut plain).unwrap(), 5);
        assert_eq!(receive(&theirs, &mut full, &mut fds).unwrap(), 10);
        assert_eq!(
            (&plain[..], &full[..10]),
            (&b"first"[..], &b"second one"[..])
        );
    }

    #[test]
    fn the_largest_message_fits() {
        let (ours, theirs) = pair().unwrap();
        let message = vec![7; MESSAGE_BYTES_MAX];
        let (mut received, mut fds) = (full(), Vec::new());
        send_now(&ours, &message, &[]).unwrap();
        receive(&theirs, &mut received, &mut fds).unwrap();
        assert!(received == message);
        send_now(&ours, &message, &[]).unwrap();
        receive_plain(&theirs, &mut received).unwrap();
        assert!(received == message);
    }

    #[test]
    fn descriptors_arrive_in_order_and_close_on_exec() {
        let (ours, theirs) = pair().unwrap();
        let (read, write) = pipe();
        send(&ours, b"x", &[read.as_fd(), write.as_fd()]).unwrap();
        let mut fds = Vec::new();
        receive(&theirs, &mut full(), &mut fds).unwrap();
        assert_eq!(fds.len(), 2);
        for (sent, received) in [read, write].iter().zip(&fds) {
            assert_eq!(number_of(sent), number_of(received));
            let flags = rustix::io::fcntl_getfd(received).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
        send(&ours, b"none", &[]).unwrap();
        receive(&theirs, &mut full(), &mut fds).unwrap();
        assert!(fds.is_empty(), "those of the message before are gone");
    }

    #[test]
    fn descriptors_that_are_not_taken_are_closed() {
        let (ours, theirs) = pair().unwrap();
        let (read, write) = pipe();
        send(&ours, b"x", &[write.as_fd()]).unwrap();
        drop(write);
        assert_eq!(receive_plain(&theirs, &mut buffer()).unwrap(), 1);
        // The pipe's end shows that no writer is left.
        assert_eq!(rustix::io::read(&read, &mut [0_u8; 1]).unwrap(), 0);
    }

    #[test]
    fn too_many_descriptors_are_an_error_on_both_sides() {
        let (ours, theirs) = pair().unwrap();
        let (read, _write) = pipe();
        let five = [read.as_fd(); FDS_MAX + 1];
        let refused = send(&ours, b"x", &five).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);

        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FDS_MAX + 1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&five)));
        let parts = [IoSlice::new(b"x")];
        rustix::net::sendmsg(&ours, &parts, &mut control, SendFlags::NOSIGNAL).unwrap();
        let mut fds = Vec::new();
        let refused = receive(&theirs, &mut full(), &mut fds).unwrap_err();
        assert_eq!((refused.kind(), fds.len()), (ErrorKind::InvalidData, 0));
    }

    #[test]
    fn a_message_above_the_capacity_is_an_error_and_lost() {
        let (ours, theirs) = pair().unwrap();
        let mut small = Vec::with_capacity(8);
        let too_long = vec![1; small.capacity() + 1];
        for _ in 0..2 {
            send(&ours, &too_long, &[]).unwrap();
        }
        send(&ours, b"next", &[]).unwrap();
        let plain = receive_plain(&theirs, &mut small).unwrap_err();
        assert_eq!((plain.kind(), small.len()), (ErrorKind::InvalidData, 0));
        let full = receive(&theirs, &mut [0; 8], &mut Vec::new()).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::InvalidData);
        assert_eq!(receive_plain(&theirs, &mut small).unwrap(), 4);
        assert_eq!(small, b"next");
    }

    #[test]
    fn a_buffer_without_room_is_not_taken_for_the_end() {
        let (ours, theirs) = pair().unwrap();
        let mut none = Vec::new();
        send(&ours, b"x", &[]).unwrap();
        let plain = receive_plain(&theirs, &mut none).unwrap_err();
        let full = receive(&theirs, &mut [], &mut Vec::new()).unwrap_err();
        assert_eq!(plain.kind(), ErrorKind::InvalidData);
        assert_eq!(full.kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn an_empty_message_is_refused() {
        let (ours, _theirs) = pair().unwrap();
        let refused = send(&ours, b"", &[]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn the_end_is_told_from_a_message_that_was_never_read() {
        let (ours, theirs) = pair().unwrap();
        send(&ours, b"read", &[]).unwrap();
        receive_plain(&theirs, &mut buffer()).unwrap();
        drop(theirs);
        assert_eq!(receive_plain(&ours, &mut buffer()).unwrap(), 0);
        assert_eq!(receive(&ours, &mut full(), &mut Vec::new()).unwrap(), 0);
        let broken = send(&ours, b"x", &[]).unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);

        for plain in [true, false] {
            let (ours, theirs) = pair().unwrap();
            send(&ours, b"unread", &[]).unwrap();
            drop(theirs);
            let unread = if plain {
                receive_plain(&ours, &mut buffer())
            } else {
                receive(&ours, &mut full(), &mut Vec::new())
            };
            assert_eq!(unread.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }

    #[test]
    fn an_answer_may_be_found_behind_a_reset() {
        let (ours, theirs) = pair().unwrap();
        send(&theirs, b"answer", &[]).unwrap();
        send(&ours, b"unread", &[]).unwrap();
        drop(theirs);
        let reset = receive_plain(&ours, &mut buffer()).unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        assert_eq!(receive_plain(&ours, &mut buffer()).unwrap(), 6);
        assert_eq!(receive_plain(&ours, &mut buffer()).unwrap(), 0);
    }

    #[test]
    fn a_full_socket_says_so_where_waiting_is_not_wanted() {
        let (ours, theirs) = pair().unwrap();
        let message = vec![0; MESSAGE_BYTES_MAX / 2];
        while send_now(&ours, &message, &[]).is_ok() {}
        let full = send_now(&ours, &message, &[]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::WouldBlock);

        never_wait(&ours).unwrap();
        let full = send(&ours, &message, &[]).unwrap_err();
        let empty = receive_plain(&ours, &mut buffer()).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        assert_eq!(empty.kind(), ErrorKind::WouldBlock);
        let flags = rustix::fs::fcntl_getfl(&theirs).unwrap();
        assert!(
            !flags.contains(rustix::fs::OFlags::NONBLOCK),
            "the other end still waits"
        );
    }
}

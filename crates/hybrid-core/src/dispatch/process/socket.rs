//! Sockets that keep messages apart, and pass descriptors.

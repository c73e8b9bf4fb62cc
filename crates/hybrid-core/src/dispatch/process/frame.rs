//! Messages between the server and its workers: what is sent, and that what came is sound.

//! Requests that killed their workers: the very same one is not tried a third time.

//! What a worker may do to the rest of the system, where `sandbox = true` is set.

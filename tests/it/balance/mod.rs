//! What the balancer decides.

mod decisions;

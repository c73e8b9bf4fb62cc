//! The process lane from outside: programs of their own with real workers, asked
//! over sockets, watched through their admin page and `/proc`, and ill-treated.
//!
//! A worker of such a program is this test binary once more, started with the same
//! arguments and variables: the test function that is the program comes to `run()`
//! there too, which becomes the worker's loop.

mod bodies;
mod deaths;
mod endings;
mod faults;
mod lies;
mod life;
mod poison;
mod same;
mod sequence;
mod starts;
mod trial;

use self::trial::{
    DIRECTORY, Trial, ask, code, directory, is_alive, kill, request, tell, wait_for_file,
};
use crate::harness::within;

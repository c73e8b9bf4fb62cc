//! Stand-ins where there are no worker processes: they need Linux and the feature
//! `processes`. No value of these types can be made, but for [`CancelHandle`].

use std::{convert::Infallible, io, marker::PhantomData};

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::types::{
    Answered, BoxError, CallError, Caller, IncomingCall, Malformed, Outcome, ProcessCall, TooLong,
    WorkerEnd, WorkerGauge, WorkerSetup, WorkersConfig,
};

/// There are none.
#[derive(Debug)]
pub struct Workers(Infallible);

/// No process is a worker.
#[derive(Clone, Copy, Debug)]
pub enum Sockets {}

/// Has nothing to cancel.
#[derive(Clone, Debug, Default)]
pub struct CancelHandle(());

/// No head is written.
#[derive(Debug)]
pub struct HeadBuffer<'a>(Infallible, PhantomData<&'a ()>);

/// No head was received.
#[derive(Clone, Copy, Debug)]
pub struct HeadBytes<'a>(Infallible, PhantomData<&'a ()>);

impl Workers {
    pub fn start(_: WorkersConfig, _: Handle) -> io::Result<Self> {
        Err(io::Error::other(if cfg!(target_os = "linux") {
            "the process lane needs the feature `processes` of hybrid; `max_processes = 0` runs its \
             routes on the pool"
        } else {
            "the process lane needs Linux: `max_processes = 0` runs its routes on the pool"
        }))
    }

    pub async fn call<C: Caller>(
        &self,
        _: ProcessCall<C>,
    ) -> Result<Answered<C::Answer>, CallError<C::OffLoopError>> {
        match self.0 {}
    }

    pub fn close(&self) {
        match self.0 {}
    }

    pub async fn join(&self) {
        match self.0 {}
    }

    pub fn gauges(&self) -> Vec<WorkerGauge> {
        match self.0 {}
    }

    pub fn queue_depth(&self) -> usize {
        match self.0 {}
    }

    pub fn segment_bytes(&self) -> usize {
        match self.0 {}
    }

    pub fn ended(&self, _: WorkerEnd) -> u64 {
        match self.0 {}
    }
}

impl CancelHandle {
    pub fn cancel(&self) {
        let Self(()) = self;
    }
}

impl HeadBuffer<'_> {
    pub fn write<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), TooLong> {
        match self.0 {}
    }
}

impl<'a> HeadBytes<'a> {
    pub fn read<T: Deserialize<'a>>(self) -> Result<T, Malformed> {
        match self.0 {}
    }
}

pub fn sockets() -> Option<Sockets> {
    None
}

pub fn serve_worker<F, H>(
    sockets: Sockets,
    _is_confined: bool,
    _start: impl FnOnce() -> Option<WorkerSetup<F>> + Send,
) -> !
where
    F: FnMut(IncomingCall<'_>) -> Result<Outcome<H>, BoxError>,
    H: FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong>,
{
    match sockets {}
}

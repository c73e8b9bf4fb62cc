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
pub(crate) struct Workers(Infallible);

/// No process is a worker.
#[derive(Clone, Copy)]
pub(crate) enum Sockets {}

#[derive(Clone, Default)]
pub(crate) struct CancelHandle(());

pub(crate) struct HeadBuffer<'a>(Infallible, PhantomData<&'a ()>);

#[derive(Clone, Copy)]
pub(crate) struct HeadBytes<'a>(Infallible, PhantomData<&'a ()>);

impl Workers {
    pub(crate) fn start(_: WorkersConfig, _: Handle) -> io::Result<Self> {
        Err(io::Error::other(if cfg!(target_os = "linux") {
            "the process lane needs the feature `processes` of hybrid; `max_processes = 0` runs its \
             routes on the pool"
        } else {
            "the process lane needs Linux: `max_processes = 0` runs its routes on the pool"
        }))
    }

    pub(crate) async fn call<C: Caller>(
        &self,
        _: ProcessCall<C>,
    ) -> Result<Answered<C::Answer>, CallError<C::OffLoopError>> {
        match self.0 {}
    }

    pub(crate) fn close(&self) {
        match self.0 {}
    }

    pub(crate) async fn join(&self) {
        match self.0 {}
    }

    pub(crate) fn gauges(&self) -> Vec<WorkerGauge> {
        match self.0 {}
    }

    pub(crate) fn queue_depth(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn segment_bytes(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn ended(&self, _: WorkerEnd) -> u64 {
        match self.0 {}
    }
}

impl CancelHandle {
    pub(crate) fn cancel(&self) {
        let Self(()) = self;
    }
}

impl HeadBuffer<'_> {
    pub(crate) fn write<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), TooLong> {
        match self.0 {}
    }
}

impl<'a> HeadBytes<'a> {
    pub(crate) fn read<T: Deserialize<'a>>(self) -> Result<T, Malformed> {
        match self.0 {}
    }
}

pub(crate) fn sockets() -> Option<Sockets> {
    None
}

pub(crate) fn serve_worker<F, H>(
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

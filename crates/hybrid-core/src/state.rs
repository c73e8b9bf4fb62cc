//! Values that handlers share, found by type: one map a group, a group's
//! shadows its parent's. The maps are frozen at start-up, and what is made is
//! read without a lock.
//!
//! A state with a constructor is a cell that is filled once: by the start, or by
//! the first caller that asks (`app::states` decides which). A caller has it made on
//! a thread of its own, since constructors may block and may start runtimes. One
//! that fails is not called again: why is remembered, and logged once.

use std::{
    any::{Any, TypeId, type_name},
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use hybrid_engine::catch::{Panicked, catch};
use tokio::{runtime::Handle, sync::Notify};

use crate::{
    BoxError,
    config::{Judged, Program},
    error::Fault,
};

/// The states that one group's routes see.
#[derive(Clone, Default)]
pub(crate) struct States {
    // A handful of entries: a scan beats a hash.
    entries: Arc<[Arc<StateEntry>]>,
}

/// One state of one group, made or to be made.
pub(crate) struct StateEntry {
    pub(crate) key: StateKey,
    pub(crate) at: &'static Location<'static>,
    pub(crate) origin: Origin,
    /// The state that it is made from.
    pub(crate) needs: Option<Arc<Self>>,
    made: OnceLock<Made>,
    /// Taken to be called; never touched once the state is made.
    constructor: Mutex<Constructor>,
    done: Notify,
}

/// Where a state has its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `.state(value)`.
    Given,
    /// `.state_with(|| ..)` and its kin, or `.settings::<T>()`.
    Constructed,
    /// A test, in place of either.
    Replaced,
}

/// A state as it is written in a group.
pub(crate) struct StateSource {
    pub(crate) key: StateKey,
    pub(crate) at: &'static Location<'static>,
    pub(crate) make: Make,
}

/// How a state comes to be.
pub(crate) enum Make {
    Given(Value),
    Replaced(Value),
    With(Box<dyn FnOnce() -> Result<Value, BoxError> + Send>),
    WithAsync(Box<dyn FnOnce() -> Making + Send>),
    From(StateKey, MakeFrom),
    FromAsync(StateKey, Box<dyn FnOnce(&States) -> Making + Send>),
    /// The program's settings, not read yet.
    Settings(ReadSettings),
    /// What came of them; why they are not there is in the report already.
    Settled(Option<Value>),
}

type MakeFrom = Box<dyn FnOnce(&States) -> Result<Value, BoxError> + Send>;
pub(crate) type ReadSettings = fn(&Program) -> Judged<Value>;

pub(crate) type Value = Box<dyn Any + Send + Sync>;
type Made = Result<Value, String>;
pub(crate) type Making = Pin<Box<dyn Future<Output = Result<Value, BoxError>> + Send>>;

enum Constructor {
    /// No caller has asked.
    Idle(Construct),
    /// A thread was started that will take it.
    Begun(Construct),
    Taken,
}

type Construct = Box<dyn FnOnce() -> Result<Value, String> + Send>;

/// A state's type, with its name for messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StateKey {
    id: TypeId,
    name: &'static str,
}

impl StateKey {
    /// The key of `T`.
    #[must_use]
    pub fn of<T: 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
        }
    }

    /// The type's name, as the compiler writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Make {
    /// The state that it is made from.
    pub(crate) fn needs(&self) -> Option<StateKey> {
        match self {
            Self::From(key, _) | Self::FromAsync(key, _) => Some(*key),
            _ => None,
        }
    }

    /// Ties what is made from another state to the states that stand before it.
    pub(crate) fn tied_to(self, states: States) -> Self {
        match self {
            Self::From(_, make) => Self::With(Box::new(move || make(&states))),
            Self::FromAsync(_, make) => Self::WithAsync(Box::new(move || make(&states))),
            other => other,
        }
    }

    /// Where the value is from, the value if it is there, and what makes it if
    /// it is not.
    fn resolve(self, runtime: &Handle) -> (Origin, Option<Made>, Constructor) {
        let runtime = runtime.clone();
        let there = |origin, value| (origin, Some(Ok(value)), Constructor::Taken);
        let construct: Construct = match self {
            Self::Given(value) => return there(Origin::Given, value),
            Self::Replaced(value) => return there(Origin::Replaced, value),
            Self::Settled(Some(value)) => return there(Origin::Constructed, value),
            Self::Settled(None) | Self::Settings(_) | Self::From(..) | Self::FromAsync(..) => {
                let why = "the settings are at fault".to_owned();
                return (Origin::Constructed, Some(Err(why)), Constructor::Taken);
            }
            Self::With(make) => Box::new(move || {
                let _context = runtime.enter();
                make().map_err(|error| error.to_string())
            }),
            Self::WithAsync(make) => Box::new(move || {
                let _context = runtime.enter();
                let made = runtime.block_on(make());
                made.map_err(|error| error.to_string())
            }),
        };
        (Origin::Constructed, None, Constructor::Idle(construct))
    }
}

impl StateEntry {
    pub(crate) fn new(source: StateSource, runtime: &Handle) -> Self {
        let StateSource { key, at, make } = source;
        let (origin, made, constructor) = make.resolve(runtime);
        Self {
            key,
            at,
            origin,
            needs: None,
            made: made.map_or_else(OnceLock::new, OnceLock::from),
            constructor: Mutex::new(constructor),
            done: Notify::new(),
        }
    }

    /// The same, made from that state.
    pub(crate) fn made_from(self, needs: Option<Arc<Self>>) -> Self {
        Self { needs, ..self }
    }

    /// Whether it is known to fail, since it has failed or what it is made from has:
    /// the report says so once.
    pub(crate) fn is_in_vain(&self) -> bool {
        matches!(self.made.get(), Some(Err(_)))
            || self.needs.as_deref().is_some_and(Self::is_in_vain)
    }

    /// The value that a test or the program gave, which this one is, or is made from.
    pub(crate) fn given(&self) -> Option<&Self> {
        match self.origin {
            Origin::Given => Some(self),
            _ => self.needs.as_deref().and_then(Self::given),
        }
    }

    /// Makes it on this thread, unless it is made; a thread that may block.
    ///
    /// # Errors
    /// It could not be made, now or before.
    pub(crate) fn make(&self) -> Result<(), Fault> {
        let constructor = std::mem::replace(&mut *self.constructor(), Constructor::Taken);
        if let Constructor::Idle(construct) | Constructor::Begun(construct) = constructor {
            let panicked = |Panicked(text)| Err(format!("its constructor panicked: {text}"));
            let made = catch(construct).unwrap_or_else(panicked);
            // It is empty: the caller that took the constructor fills it.
            let _ = self.made.set(made.map_err(|error| self.not_made(&error)));
            self.done.notify_waiters();
        }
        match self.made.wait() {
            Ok(_) => Ok(()),
            Err(message) => Err(Fault::new(message).called_at("given", self.at)),
        }
    }

    /// The value, made by a thread of its own if it is not made yet; waits
    /// for that.
    fn value(self: &Arc<Self>) -> Result<&Value, String> {
        if self.made.get().is_none() {
            self.begin()?;
        }
        self.made.wait().as_ref().map_err(Clone::clone)
    }

    /// As [`value`](Self::value), without holding the caller's thread.
    async fn ready(self: &Arc<Self>) -> Result<&Value, String> {
        let done = self.done.notified();
        if self.made.get().is_none() {
            self.begin()?;
        }
        // Asked before it is looked at: what is done from here on is told.
        if self.made.get().is_none() {
            done.await;
        }
        self.made.wait().as_ref().map_err(Clone::clone)
    }

    /// Has it made by a thread of its own, unless another caller has begun.
    fn begin(self: &Arc<Self>) -> Result<(), String> {
        let mut constructor = self.constructor();
        if !matches!(*constructor, Constructor::Idle(_)) {
            return Ok(());
        }
        let entry = Arc::clone(self);
        let make = move || {
            if let Err(fault) = entry.make() {
                tracing::error!("{fault}");
            }
        };
        let thread = std::thread::Builder::new().name("hybrid-start".to_owned());
        thread
            .spawn(make)
            .map_err(|error| self.not_made(&format!("no thread to make it on: {error}")))?;
        constructor.begin();
        Ok(())
    }

    fn constructor(&self) -> MutexGuard<'_, Constructor> {
        // Its holder moves a box and cannot leave it half moved.
        self.constructor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn not_made(&self, error: &str) -> String {
        let name = self.key.name();
        format!("the state of type `{name}` could not be made: {error}")
    }
}

impl Constructor {
    fn begin(&mut self) {
        *self = match std::mem::replace(self, Self::Taken) {
            Self::Idle(construct) => Self::Begun(construct),
            other => other,
        };
    }
}

impl States {
    /// `own` in front of what the parent group has.
    pub(crate) fn shadowing(own: Vec<Arc<StateEntry>>, parent: &Self) -> Self {
        let inherited = parent
            .entries
            .iter()
            .filter(|p| own.iter().all(|o| o.key != p.key));
        let inherited: Vec<Arc<StateEntry>> = inherited.cloned().collect();
        Self {
            entries: own.into_iter().chain(inherited).collect(),
        }
    }

    /// The state of that type. Makes it if it is not made yet, and waits for that; what
    /// could not be made is not there.
    pub(crate) fn get<T: Any>(&self) -> Option<&T> {
        let entry = self.find(TypeId::of::<T>())?;
        entry.value().ok()?.downcast_ref()
    }

    /// Whether one of them could not be made.
    pub(crate) fn have_failed(&self) -> bool {
        let failed = |entry: &Arc<StateEntry>| matches!(entry.made.get(), Some(Err(_)));
        self.entries.iter().any(failed)
    }

    /// As [`get`](Self::get), if it is made already.
    pub(crate) fn made<T: Any>(&self) -> Option<&T> {
        let made = self.find(TypeId::of::<T>())?.made.get()?;
        made.as_ref().ok()?.downcast_ref()
    }

    /// As [`get`](Self::get), without holding the caller's thread while it is
    /// made.
    ///
    /// # Errors
    /// Why it is not there.
    pub(crate) async fn ready<T: Any>(&self) -> Result<&T, String> {
        let missing = || format!("no state of type `{}`", type_name::<T>());
        let entry = self.find(TypeId::of::<T>()).ok_or_else(missing)?;
        let value = entry.ready().await?;
        value.downcast_ref().ok_or_else(missing)
    }

    /// The state of that type, in the nearest group that has one.
    pub(crate) fn entry(&self, key: StateKey) -> Option<&Arc<StateEntry>> {
        self.find(key.id)
    }

    fn find(&self, id: TypeId) -> Option<&Arc<StateEntry>> {
        self.entries.iter().find(|entry| entry.key.id == id)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|entry| entry.key))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread::scope,
    };

    use super::*;

    type Make<T> = fn() -> Result<T, BoxError>;

    #[track_caller]
    fn entry<T: Any + Send + Sync>(make: super::Make) -> Arc<StateEntry> {
        let source = StateSource {
            key: StateKey::of::<T>(),
            at: Location::caller(),
            make,
        };
        Arc::new(StateEntry::new(source, &Handle::current()))
    }

    #[track_caller]
    fn given<T: Any + Send + Sync>(value: T) -> Arc<StateEntry> {
        entry::<T>(super::Make::Given(Box::new(value)))
    }

    #[track_caller]
    fn constructed<T: Any + Send + Sync>(make: Make<T>) -> States {
        let make = move || make().map(|value| Box::new(value) as Value);
        let entry = entry::<T>(super::Make::With(Box::new(make)));
        States::shadowing(vec![entry], &States::default())
    }

    #[tokio::test]
    async fn a_group_shadows_its_parent() {
        let parent = States::shadowing(vec![given(1_u8), given("app")], &States::default());
        let group = States::shadowing(vec![given(2_u8)], &parent);
        assert_eq!(group.get::<u8>(), Some(&2));
        assert_eq!(group.get::<&str>(), Some(&"app"));
        assert_eq!(parent.get::<u8>(), Some(&1));
        assert!(group.entry(StateKey::of::<u64>()).is_none());
    }

    #[tokio::test]
    async fn many_who_ask_at_once_have_it_made_once() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let states = constructed::<usize>(|| {
            std::thread::yield_now();
            Ok(MADE.fetch_add(1, Ordering::Relaxed) + 7)
        });
        assert_eq!(states.made::<usize>(), None);
        scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| assert_eq!(states.get::<usize>(), Some(&7)));
            }
        });
        assert_eq!(states.ready::<usize>().await, Ok(&7));
        assert_eq!(states.made::<usize>(), Some(&7));
        assert_eq!(MADE.load(Ordering::Relaxed), 1);
    }

    /// On this runtime of one thread a constructor that awaits needs whoever
    /// waits for it to let that thread go.
    #[tokio::test]
    async fn who_awaits_a_state_does_not_hold_the_runtime() {
        let make = || -> Making {
            Box::pin(async {
                let beside = tokio::spawn(async { 8_u16 });
                Ok(Box::new(beside.await?) as Value)
            })
        };
        let entry = entry::<u16>(super::Make::WithAsync(Box::new(make)));
        let states = States::shadowing(vec![entry], &States::default());
        let both = tokio::join!(states.ready::<u16>(), states.ready::<u16>());
        assert_eq!(both, (Ok(&8), Ok(&8)));
    }

    #[tokio::test]
    async fn a_constructor_that_fails_is_called_once() {
        async fn check(states: States, why: &str) {
            let message = format!("the state of type `u32` could not be made: {why}");
            assert_eq!(states.get::<u32>(), None);
            assert_eq!(states.ready::<u32>().await, Err(message.clone()));
            assert_eq!(states.made::<u32>(), None);
            let entry = states.entry(StateKey::of::<u32>()).unwrap();
            let fault = entry.make().unwrap_err();
            assert_eq!(fault.message, message);
            assert_eq!(fault.places[0].what, "given");
        }
        static CALLED: AtomicUsize = AtomicUsize::new(0);
        let fails = constructed::<u32>(|| {
            CALLED.fetch_add(1, Ordering::Relaxed);
            Err("no database".into())
        });
        check(fails, "no database").await;
        assert_eq!(CALLED.load(Ordering::Relaxed), 1);
        let panics = constructed::<u32>(|| panic!("no disk"));
        check(panics, "its constructor panicked: no disk").await;
    }

    #[tokio::test]
    async fn a_state_that_nobody_gave_says_so() {
        let states = States::default();
        let missing = Err("no state of type `u32`".to_owned());
        assert_eq!(states.ready::<u32>().await, missing);
    }

    #[tokio::test]
    async fn constructors_may_block_and_have_the_runtime() {
        let states = constructed::<String>(|| {
            let name = std::thread::current().name().map(str::to_owned);
            let own = tokio::runtime::Builder::new_current_thread().build()?;
            own.block_on(async {});
            assert!(Handle::try_current().is_ok());
            name.ok_or_else(|| "no name".into())
        });
        assert_eq!(
            states.get::<String>().map(String::as_str),
            Some("hybrid-start")
        );
    }
}

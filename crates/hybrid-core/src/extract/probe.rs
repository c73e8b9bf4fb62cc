//! Which kind of argument a type is, decided by the compiler: the route macros
//! write `arg!(T)`, which asks an [`ArgumentOf`] for its argument, and method
//! resolution picks the first trait below that applies (autoref
//! specialisation). So a type alias works as well as the type.
//!
//! 1. [`ViaModel`]: `Json`, `Option<Json>`, `Query`, `Form`, `Path`, `Header` of a `#[model]`
//! 2. [`ViaValidator`]: the same of a type with `validator::Validate`
//! 3. [`ViaPlain`]: the same of a type that serde can read
//! 4. [`ViaRaw`]: `Bytes` and `BodyReader`
//! 5. [`ViaGuard`]: what implements `FromRequestParts`
//! 6. [`ViaFromRequest`]: what implements `FromRequest`, or a compile error that
//!    says what to write

use std::{borrow::Cow, marker::PhantomData};

use hybrid_validate::{
    Report, Source,
    inspect::{
        Input, Inspect, read_pairs_plain, read_pairs_validator, read_path_plain,
        read_path_validator,
    },
};
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::{
    extract::{
        Argument, BodyArgument, BodyPlan, Extension, Form, FromRequest, FromRequestParts, Guard,
        HeadValue, Header, Json, Path, Query, State, body_argument,
    },
    spec::BodyCheck,
};

/// Asks the compiler what `T` is. See the module's text.
#[derive(Debug, Clone, Copy)]
pub struct ArgumentOf<T>(PhantomData<fn() -> T>);

impl<T> ArgumentOf<T> {
    /// A question about `T`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only generated code makes one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! via {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub trait $name {
            /// The argument it becomes.
            type Argument;

            /// Makes the argument.
            fn argument(&self) -> Self::Argument;
        }
    };
}

via!(/// Types whose faults are all listed.
    ViaModel);
via!(/// Types that `validator` judges.
    ViaValidator);
via!(/// Types that serde reads and no rule judges.
    ViaPlain);
via!(/// Bodies that are taken as they are, without `#[body]`.
    ViaRaw);
via!(/// Guards.
    ViaGuard);

/// Everything else: a type that implements `FromRequest`.
pub trait ViaFromRequest<T> {
    /// Makes the argument.
    fn argument(&self) -> BodyArgument<T>
    where
        T: FromRequest + Send + 'static;
}

/// Guards that hold what is not `Send`: a compile error that says so.
pub trait ViaUnsent<T> {
    /// Is never called.
    fn argument<A: Argument>(&self) -> A
    where
        T: CrossesThreads;
}

/// What every argument must be able to do. No type implements it: those that can were found before it is asked
/// for, and the text below, not that of `Send`, is what the compiler then says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to another thread",
    label = "an argument that cannot go to a thread",
    note = "a plain `fn` runs on a thread of the pool (lane pool), an `async fn` on any of the event loops (lane event)",
    note = "hold what is `Send`: `Arc` in place of `Rc`, `Mutex` in place of `RefCell`"
)]
pub trait CrossesThreads {}

impl<T: FromRequestParts + 'static> ViaUnsent<T> for &ArgumentOf<T> {
    fn argument<A: Argument>(&self) -> A
    where
        T: CrossesThreads,
    {
        unreachable!("no type implements CrossesThreads")
    }
}

/// States and extensions that cannot be handed to several requests: a compile error that says so.
pub trait ViaUnshared<T> {
    /// Is never called.
    fn argument<A: Argument>(&self) -> A
    where
        T: SharedByRequests;
}

/// What a state must be able to do. No type implements it, as with [`CrossesThreads`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shared by requests",
    label = "not `Clone`, or not `Send + Sync`",
    note = "every request gets a clone: write `#[derive(Clone)]` on `{Self}`, or share one value, \
            `.state(Arc::new(value))` and `State<Arc<{Self}>>`",
    note = "a value that is `Clone` already must be `Send + Sync` too: `Arc` in place of `Rc`, `Mutex` in place of `RefCell`"
)]
pub trait SharedByRequests {}

macro_rules! unshared {
    ($($wrapper:ident)*) => {
        $(impl<T: 'static> ViaUnshared<T> for &ArgumentOf<$wrapper<T>> {
            fn argument<A: Argument>(&self) -> A
            where
                T: SharedByRequests,
            {
                unreachable!("no type implements SharedByRequests")
            }
        })*
    };
}

unshared!(State Extension);

// === Bodies ===

impl<T: DeserializeOwned + Inspect + 'static> ViaModel for &&&&&&ArgumentOf<Json<T>> {
    type Argument = BodyArgument<Json<T>>;

    fn argument(&self) -> Self::Argument {
        BodyArgument::of_model::<T>(BodyPlan::Json, body_argument::json_model)
    }
}

impl<T: DeserializeOwned + Validate + 'static> ViaValidator for &&&&&ArgumentOf<Json<T>> {
    type Argument = BodyArgument<Json<T>>;

    fn argument(&self) -> Self::Argument {
        BodyArgument::new(
            BodyPlan::Json,
            BodyCheck::Validator,
            body_argument::json_validator,
        )
    }
}

impl<T: DeserializeOwned + 'static> ViaPlain for &&&&ArgumentOf<Json<T>> {
    type Argument = BodyArgument<Json<T>>;

    fn argument(&self) -> Self::Argument {
        BodyArgument::new(
            BodyPlan::Json,
            BodyCheck::Unchecked,
            body_argument::json_plain,
        )
    }
}

impl<T: DeserializeOwned + Inspect + 'static> ViaModel for &&&&&&ArgumentOf<Option<Json<T>>> {
    type Argument = BodyArgument<Option<Json<T>>>;

    fn argument(&self) -> Self::Argument {
        let read = |received: &mut _, report: &mut _| {
            body_argument::optional(received, report, body_argument::json_model::<T>)
        };
        BodyArgument::of_model::<T>(BodyPlan::Json, read)
    }
}

impl<T: DeserializeOwned + Validate + 'static> ViaValidator for &&&&&ArgumentOf<Option<Json<T>>> {
    type Argument = BodyArgument<Option<Json<T>>>;

    fn argument(&self) -> Self::Argument {
        let read = |received: &mut _, report: &mut _| {
            body_argument::optional(received, report, body_argument::json_validator::<T>)
        };
        BodyArgument::new(BodyPlan::Json, BodyCheck::Validator, read)
    }
}

impl<T: DeserializeOwned + 'static> ViaPlain for &&&&ArgumentOf<Option<Json<T>>> {
    type Argument = BodyArgument<Option<Json<T>>>;

    fn argument(&self) -> Self::Argument {
        let read = |received: &mut _, report: &mut _| {
            body_argument::optional(received, report, body_argument::json_plain::<T>)
        };
        BodyArgument::new(BodyPlan::Json, BodyCheck::Unchecked, read)
    }
}

impl<T: Inspect + 'static> ViaModel for &&&&&&ArgumentOf<Form<T>> {
    type Argument = BodyArgument<Form<T>>;

    fn argument(&self) -> Self::Argument {
        BodyArgument::of_model::<T>(BodyPlan::Form, body_argument::form_model)
    }
}

impl<T: DeserializeOwned + Validate + 'static> ViaValidator for &&&&&ArgumentOf<Form<T>> {
    type Argument = BodyArgument<Form<T>>;

    fn argument(&self) -> Self::Argument {
        BodyArgument::new(
            BodyPlan::Form,
            BodyCheck::Validator,
            body_argument::form_validator,
        )
    }
}

impl<T: DeserializeOwned + 'static> ViaPlain for &&&&ArgumentOf<Form<T>> {
    type Argument = BodyArgument<Form<T>>;

    fn argument(&self) -> Self::Argument {
        BodyArgument::new(
            BodyPlan::Form,
            BodyCheck::Unchecked,
            body_argument::form_plain,
        )
    }
}

// === Values of the head ===

fn head_model<T: Inspect, W>(
    read: fn(&super::Texts<'_>, &mut Report) -> Option<W>,
) -> HeadValue<W> {
    HeadValue {
        read,
        describe: |to| to.model::<T>(),
    }
}

fn head_value<W>(read: fn(&super::Texts<'_>, &mut Report) -> Option<W>) -> HeadValue<W> {
    HeadValue {
        read,
        describe: |_| (),
    }
}

impl<T: Inspect + Send + 'static> ViaModel for &&&&&&ArgumentOf<Query<T>> {
    type Argument = HeadValue<Query<T>>;

    fn argument(&self) -> Self::Argument {
        head_model::<T, _>(|texts, report| {
            report.set_source(Source::Query);
            T::inspect(Input::Pairs(texts.query_pairs()), report).map(Query)
        })
    }
}

impl<T: DeserializeOwned + Validate + Send + 'static> ViaValidator for &&&&&ArgumentOf<Query<T>> {
    type Argument = HeadValue<Query<T>>;

    fn argument(&self) -> Self::Argument {
        head_value(|texts, report| {
            report.set_source(Source::Query);
            read_pairs_validator(texts.query_pairs(), report).map(Query)
        })
    }
}

impl<T: DeserializeOwned + Send + 'static> ViaPlain for &&&&ArgumentOf<Query<T>> {
    type Argument = HeadValue<Query<T>>;

    fn argument(&self) -> Self::Argument {
        head_value(|texts, report| {
            report.set_source(Source::Query);
            read_pairs_plain(texts.query_pairs(), report).map(Query)
        })
    }
}

impl<T: Inspect + Send + 'static> ViaModel for &&&&&&ArgumentOf<Header<T>> {
    type Argument = HeadValue<Header<T>>;

    fn argument(&self) -> Self::Argument {
        head_model::<T, _>(|texts, report| {
            report.set_source(Source::Header);
            T::inspect(Input::Pairs(&texts.header_pairs()), report).map(Header)
        })
    }
}

impl<T: DeserializeOwned + Validate + Send + 'static> ViaValidator for &&&&&ArgumentOf<Header<T>> {
    type Argument = HeadValue<Header<T>>;

    fn argument(&self) -> Self::Argument {
        head_value(|texts, report| {
            report.set_source(Source::Header);
            read_pairs_validator(&texts.header_pairs(), report).map(Header)
        })
    }
}

impl<T: DeserializeOwned + Send + 'static> ViaPlain for &&&&ArgumentOf<Header<T>> {
    type Argument = HeadValue<Header<T>>;

    fn argument(&self) -> Self::Argument {
        head_value(|texts, report| {
            report.set_source(Source::Header);
            read_pairs_plain(&texts.header_pairs(), report).map(Header)
        })
    }
}

impl<T: Inspect + Send + 'static> ViaModel for &&&&&&ArgumentOf<Path<T>> {
    type Argument = HeadValue<Path<T>>;

    fn argument(&self) -> Self::Argument {
        head_model::<T, _>(|texts, report| {
            report.set_source(Source::Path);
            T::inspect(Input::Pairs(&path_pairs(texts)), report).map(Path)
        })
    }
}

impl<T: DeserializeOwned + Validate + Send + 'static> ViaValidator for &&&&&ArgumentOf<Path<T>> {
    type Argument = HeadValue<Path<T>>;

    fn argument(&self) -> Self::Argument {
        head_value(|texts, report| {
            report.set_source(Source::Path);
            read_path_validator(&path_pairs(texts), report).map(Path)
        })
    }
}

impl<T: DeserializeOwned + Send + 'static> ViaPlain for &&&&ArgumentOf<Path<T>> {
    type Argument = HeadValue<Path<T>>;

    fn argument(&self) -> Self::Argument {
        head_value(|texts, report| {
            report.set_source(Source::Path);
            read_path_plain(&path_pairs(texts), report).map(Path)
        })
    }
}

/// The values of the path under the names of the template.
fn path_pairs<'a>(texts: &super::Texts<'a>) -> Vec<super::texts::Pair<'a>> {
    let pairs = texts.head().path_values();
    pairs
        .map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
        .collect()
}

// === Guards and the rest ===

impl<T: FromRequestParts + Send + 'static> ViaGuard for &&ArgumentOf<T> {
    type Argument = Guard<T>;

    fn argument(&self) -> Guard<T> {
        Guard::NEW
    }
}

impl ViaRaw for &&&ArgumentOf<bytes::Bytes> {
    type Argument = BodyArgument<bytes::Bytes>;

    fn argument(&self) -> Self::Argument {
        raw_body()
    }
}

impl ViaRaw for &&&ArgumentOf<body_argument::BodyReader> {
    type Argument = BodyArgument<body_argument::BodyReader>;

    fn argument(&self) -> Self::Argument {
        raw_body()
    }
}

/// The raw body, as `#[body]` takes it.
#[must_use]
pub fn raw_body<T: body_argument::RawBody>() -> BodyArgument<T> {
    BodyArgument::new(BodyPlan::Raw, BodyCheck::Raw, body_argument::raw)
}

impl<T> ViaFromRequest<T> for ArgumentOf<T> {
    fn argument(&self) -> BodyArgument<T>
    where
        T: FromRequest + Send + 'static,
    {
        body_argument::own()
    }
}

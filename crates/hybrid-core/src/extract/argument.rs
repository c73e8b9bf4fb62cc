//! The stages of extraction as traits: [`Argument`] for one argument of a
//! handler, [`Arguments`] for all of them. Implemented for tuples, so that the
//! route macros write a tuple and nothing else.

use std::future::Future;

use hybrid_validate::Report;

use crate::{
    Response,
    context::Parts,
    extract::{Describe, Received, Texts},
    problem::Problem,
};

/// One argument of a handler, on its way through the stages.
pub trait Argument: Send + Sync + 'static {
    /// Whether stage 1 calls code of the user's.
    const IS_GUARD: bool = false;
    /// Whether stage 3 receives a body for it.
    const IS_BODY: bool = false;

    /// What stage 1 makes; `()` for everything but guards.
    type Guarded: Send + 'static;
    /// What is held after the head was read.
    type Held: Send + 'static;
    /// What the handler gets.
    type Value;

    /// Says what it needs and reads.
    fn describe(&self, to: &mut Describe);

    /// Stage 1: guards.
    fn guard(
        &self,
        parts: &mut Parts,
    ) -> impl Future<Output = Result<Self::Guarded, Response>> + Send;

    /// Stage 2: values of the head.
    fn read_head(
        &self,
        guarded: Self::Guarded,
        texts: &Texts<'_>,
        report: &mut Report,
    ) -> Self::Held;

    /// Stage 4: values of the body. `None` once something was reported.
    ///
    /// # Errors
    /// A problem that ends the request at once: a body that is no JSON, say.
    fn read_body(
        &self,
        held: Self::Held,
        received: &mut Received,
        report: &mut Report,
    ) -> Result<Option<Self::Value>, Problem>;
}

/// All arguments of a handler.
pub trait Arguments: Send + Sync + 'static {
    /// Whether one of them is a guard.
    const HAVE_GUARDS: bool;
    /// Whether nothing is waited for before their values are there: none is a guard,
    /// none is read from a body. A constant, so that a handler is compiled for one of
    /// the two ways alone.
    const ARE_IMMEDIATE: bool;

    /// See [`Argument::Guarded`].
    type Guarded: Send + 'static;
    /// See [`Argument::Held`].
    type Held: Send + 'static;
    /// What the handler is called with.
    type Values;

    /// See [`Argument::describe`].
    fn describe(&self, to: &mut Describe);

    /// See [`Argument::guard`].
    fn guard(
        &self,
        parts: &mut Parts,
    ) -> impl Future<Output = Result<Self::Guarded, Response>> + Send;

    /// See [`Argument::read_head`].
    fn read_head(
        &self,
        guarded: Self::Guarded,
        texts: &Texts<'_>,
        report: &mut Report,
    ) -> Self::Held;

    /// See [`Argument::read_body`].
    ///
    /// # Errors
    /// See [`Argument::read_body`].
    fn read_body(
        &self,
        held: Self::Held,
        received: &mut Received,
        report: &mut Report,
    ) -> Result<Option<Self::Values>, Problem>;
}

macro_rules! tuples {
    ($($name:ident)*) => {
        #[allow(non_snake_case, unused_variables, reason = "names of type parameters, reused as bindings")]
        impl<$($name: Argument),*> Arguments for ($($name,)*) {
            const HAVE_GUARDS: bool = false $(|| $name::IS_GUARD)*;
            const ARE_IMMEDIATE: bool = true $(&& !$name::IS_GUARD && !$name::IS_BODY)*;

            type Guarded = ($($name::Guarded,)*);
            type Held = ($($name::Held,)*);
            type Values = ($($name::Value,)*);

            fn describe(&self, to: &mut Describe) {
                let ($($name,)*) = self;
                $($name.describe(to);)*
            }

            async fn guard(&self, parts: &mut Parts) -> Result<Self::Guarded, Response> {
                let ($($name,)*) = self;
                // One statement each: what `?` holds is gone before the next one is awaited.
                $(let $name = $name.guard(parts).await?;)*
                Ok(($($name,)*))
            }

            #[allow(clippy::unused_unit, reason = "the empty tuple of a handler without arguments")]
            fn read_head(
                &self,
                guarded: Self::Guarded,
                texts: &Texts<'_>,
                report: &mut Report,
            ) -> Self::Held {
                tuples!(@zip self guarded $($name)* => |argument, guarded| argument.read_head(guarded, texts, report))
            }

            fn read_body(
                &self,
                held: Self::Held,
                received: &mut Received,
                report: &mut Report,
            ) -> Result<Option<Self::Values>, Problem> {
                let values = tuples!(@zip self held $($name)* => |argument, held| argument.read_body(held, received, report)?);
                let ($($name,)*) = values;
                Ok(tuples!(@all $($name)*))
            }
        }
    };
    (@zip $self:ident $other:ident $($name:ident)* => |$a:ident, $b:ident| $body:expr) => {
        tuples!(@zip_from $self $other [$($name)*] [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] [] |$a, $b| $body)
    };
    (@zip_from $self:ident $other:ident [] [$($rest:tt)*] [$(($index:tt))*] |$a:ident, $b:ident| $body:expr) => {
        ($({ let ($a, $b) = (&$self.$index, $other.$index); $body },)*)
    };
    (@zip_from $self:ident $other:ident [$name:ident $($names:ident)*] [$index:tt $($rest:tt)*] [$($done:tt)*] |$a:ident, $b:ident| $body:expr) => {
        tuples!(@zip_from $self $other [$($names)*] [$($rest)*] [$($done)* ($index)] |$a, $b| $body)
    };
    (@all) => { Some(()) };
    (@all $($name:ident)+) => {
        match ($($name,)+) {
            ($(Some($name),)+) => Some(($($name,)+)),
            _ => None,
        }
    };
}

tuples!();
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);
tuples!(A B C D E F G H I J K L M);
tuples!(A B C D E F G H I J K L M N);
tuples!(A B C D E F G H I J K L M N O);
tuples!(A B C D E F G H I J K L M N O P);

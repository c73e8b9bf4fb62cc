//! Checks that the user writes: their arguments, and how their results are reported.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::ops::Deref;

use crate::report::Report;

/// Reports the result of a user's check. The text of its error is the message, the code is `custom`.
pub fn custom<E: Display>(answer: Result<(), E>, report: &mut Report) {
    if let Err(error) = answer {
        refuse(&error, report);
    }
}

#[cold]
fn refuse(error: &dyn Display, report: &mut Report) {
    report.violate("custom", error.to_string());
}

/// A type that passes its values to a user's check one by one: an `Option`, a list or a set.
pub trait Each {
    /// The type of its values.
    type Item;

    /// Calls `check` for each value, at the place of the value.
    fn each(&self, report: &mut Report, check: &mut dyn FnMut(&Self::Item, &mut Report));
}

impl<T> Each for Option<T> {
    type Item = T;

    fn each(&self, report: &mut Report, check: &mut dyn FnMut(&T, &mut Report)) {
        if let Some(value) = self {
            check(value, report);
        }
    }
}

macro_rules! lists {
    ($(<$($generic:ident),*> $list:ty;)*) => {$(
        impl<T $(, $generic)*> Each for $list {
            type Item = T;

            fn each(&self, report: &mut Report, check: &mut dyn FnMut(&T, &mut Report)) {
                for (index, value) in self.iter().enumerate() {
                    report.at_index(index, |report| check(value, report));
                }
            }
        }
    )*};
}

lists! {
    <> [T];
    <> Vec<T>;
    <> VecDeque<T>;
    <> BTreeSet<T>;
    <S> HashSet<T, S>;
}

impl<T, const N: usize> Each for [T; N] {
    type Item = T;

    fn each(&self, report: &mut Report, check: &mut dyn FnMut(&T, &mut Report)) {
        self.as_slice().each(report, check);
    }
}

// === What a check takes of an `Option` or a list ===

/// A user's check together with the type `W` of its value. The argument of the check decides how it is called: method
/// lookup picks the first trait below that fits, as in [`probe`](crate::inspect::probe).
pub struct Checks<F, W>(F, PhantomData<fn(&W)>);

impl<F, W> Checks<F, W> {
    /// The check `F` on a value of type `W`.
    #[must_use]
    pub const fn new(check: F) -> Self {
        Self(check, PhantomData)
    }
}

impl<F, W> fmt::Debug for Checks<F, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checks")
    }
}

/// A check that takes an `A`, with one lifetime, since the error may borrow from it.
pub trait CheckOf<'a, A: ?Sized> {
    /// Calls the check and reports its result.
    fn call(&self, value: &'a A, report: &mut Report);
}

impl<'a, A: ?Sized + 'a, F, E> CheckOf<'a, A> for F
where
    F: Fn(&'a A) -> Result<(), E>,
    E: Display,
{
    fn call(&self, value: &'a A, report: &mut Report) {
        custom(self(value), report);
    }
}

macro_rules! ways {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub trait $name<W> {
            /// Calls the check.
            fn check(&self, value: &W, report: &mut Report);
        }
    )*};
}

ways! {
    /// The check takes the whole value.
    CheckWhole;
    /// The check takes each inner value.
    CheckEach;
    /// The check takes the target of each inner value: `&str` of a `String`.
    CheckEachDeref;
    /// The check takes the values inside each inner value: the elements of an optional list.
    CheckInner;
    /// The check takes the targets of those.
    CheckInnerDeref;
}

impl<W, F: for<'a> CheckOf<'a, W>> CheckWhole<W> for &&&&&Checks<F, W> {
    fn check(&self, value: &W, report: &mut Report) {
        self.0.call(value, report);
    }
}

impl<W: Each, F: for<'a> CheckOf<'a, W::Item>> CheckEach<W> for &&&&Checks<F, W> {
    fn check(&self, value: &W, report: &mut Report) {
        value.each(report, &mut |item, report| self.0.call(item, report));
    }
}

impl<W, F> CheckEachDeref<W> for &&&Checks<F, W>
where
    W: Each<Item: Deref>,
    F: for<'a> CheckOf<'a, <W::Item as Deref>::Target>,
{
    fn check(&self, value: &W, report: &mut Report) {
        value.each(report, &mut |item, report| self.0.call(&**item, report));
    }
}

impl<W, F> CheckInner<W> for &&Checks<F, W>
where
    W: Each<Item: Each>,
    F: for<'a> CheckOf<'a, <W::Item as Each>::Item>,
{
    fn check(&self, value: &W, report: &mut Report) {
        value.each(report, &mut |items, report| {
            items.each(report, &mut |item, report| self.0.call(item, report));
        });
    }
}

impl<W, F> CheckInnerDeref<W> for &Checks<F, W>
where
    W: Each<Item: Each<Item: Deref>>,
    F: for<'a> CheckOf<'a, <<W::Item as Each>::Item as Deref>::Target>,
{
    fn check(&self, value: &W, report: &mut Report) {
        value.each(report, &mut |items, report| {
            items.each(report, &mut |item, report| self.0.call(&**item, report));
        });
    }
}

/// The check takes another type. This is a compile error that names the type.
pub trait CheckNothing<W> {
    /// Is never called.
    fn check<F>(&self, value: &W, report: &mut Report)
    where
        Self: Holds<F>,
        F: TakesWhatIsThere<W>;
}

/// The check in a [`Checks`].
pub trait Holds<F> {}

impl<F, W> Holds<F> for Checks<F, W> {}

/// The bound of a check that fits no trait above. No type implements it, so the compiler reports it.
#[diagnostic::on_unimplemented(
    message = "the check does not take what is in `{W}`",
    label = "`custom` is put on this type",
    note = "write `fn(&T) -> Result<(), impl Display>`, where `T` is what is in the `Option` or the list, or the whole type"
)]
pub trait TakesWhatIsThere<W> {}

impl<F, W> CheckNothing<W> for Checks<F, W> {
    fn check<G>(&self, _: &W, _: &mut Report)
    where
        Self: Holds<G>,
        G: TakesWhatIsThere<W>,
    {
    }
}

//! Which problem an error becomes under `?`.
//!
//! Two tables, both by the type of the error. What a type says of itself
//! (`#[derive(Problem)]`) is the same in the whole program: the derive submits it
//! through the linker, and `From<E> for Problem` reads it. What `App::on_error`
//! says is known to one application: it outranks the first, where that
//! application writes the response.

use std::{any::TypeId, collections::HashMap, error::Error, fmt, sync::OnceLock};

use http::StatusCode;
use rustc_hash::FxHashMap;

use crate::{
    Response,
    problem::{Carried, Problem, ProblemKind},
};

/// What a typed error says of itself, by its type: submitted by `#[derive(Problem)]`.
#[derive(Debug)]
pub struct Submitted(fn() -> Option<Conversion>);

/// One typed error's conversion.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    type_id: TypeId,
    convert: fn(&(dyn Error + 'static)) -> Option<Problem>,
}

impl Submitted {
    /// A conversion that is looked up once, at the first error; `None` for a type
    /// that `?` cannot turn into a problem.
    #[must_use]
    pub const fn new(conversion: fn() -> Option<Conversion>) -> Self {
        Self(conversion)
    }
}

impl Conversion {
    /// What `E` says of itself.
    #[must_use]
    pub fn of<E: ProblemKind + Error + 'static>() -> Self {
        Self {
            type_id: TypeId::of::<E>(),
            convert: |error| error.downcast_ref().map(E::problem),
        }
    }

    /// Of an error of the framework.
    pub(crate) fn by<E: Error + 'static>(
        convert: fn(&(dyn Error + 'static)) -> Option<Problem>,
    ) -> Self {
        Self {
            type_id: TypeId::of::<E>(),
            convert,
        }
    }
}

inventory::collect!(Submitted);

/// What the type of an error says of itself, if anything.
pub(super) fn of_itself(type_id: TypeId, error: &(dyn Error + 'static)) -> Option<Problem> {
    static TABLE: OnceLock<FxHashMap<TypeId, Conversion>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let submitted = inventory::iter::<Submitted>().filter_map(|submitted| submitted.0());
        submitted
            .map(|conversion| (conversion.type_id, conversion))
            .collect()
    });
    let conversion = table.get(&type_id)?;
    (conversion.convert)(error)
}

type Convert = Box<dyn Fn(&(dyn Error + 'static)) -> Option<Problem> + Send + Sync>;

/// What `App::on_error` says of one type.
pub(crate) struct Registration {
    type_id: TypeId,
    convert: Convert,
}

/// All that `App::on_error` says in one application.
#[derive(Default)]
pub(crate) struct Registry {
    by_type: HashMap<TypeId, Convert>,
}

impl Registration {
    /// What `App::on_error::<E>` registers.
    pub(crate) fn mapping<E: Error + 'static>(
        to_problem: impl Fn(&E) -> Problem + Send + Sync + 'static,
    ) -> Self {
        let convert =
            move |error: &(dyn Error + 'static)| error.downcast_ref::<E>().map(&to_problem);
        Self {
            type_id: TypeId::of::<E>(),
            convert: Box::new(convert),
        }
    }
}

impl Registry {
    /// Of two mappings of one type the first counts.
    pub(crate) fn new(registrations: Vec<Registration>) -> Self {
        let mut by_type = HashMap::new();
        for registration in registrations {
            by_type
                .entry(registration.type_id)
                .or_insert(registration.convert);
        }
        Self { by_type }
    }

    /// The problem that stands for this one, where its source has a mapping.
    pub(crate) fn resolve(&self, problem: &Problem) -> Option<Problem> {
        let convert = self.by_type.get(&problem.source_type()?)?;
        convert(problem.source()?)
    }

    /// The status with which a response will go out, its problem resolved.
    pub(crate) fn status(&self, response: &Response) -> StatusCode {
        let Some(Carried(problem)) = response.extensions().get() else {
            return response.status();
        };
        let was_changed = response.status() != problem.status();
        match self.resolve(problem) {
            Some(resolved) if !was_changed => resolved.status(),
            _ => response.status(),
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").finish_non_exhaustive()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({} types)", self.by_type.len())
    }
}

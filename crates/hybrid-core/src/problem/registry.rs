//! Which problem an error becomes that `?` turned into one: what `App::on_error`
//! says of its type, else what the type itself says (`#[derive(Problem)]`),
//! else a 500.

use std::{any::TypeId, collections::HashMap, error::Error, fmt};

use crate::{
    dispatch::PoolError,
    problem::{Problem, ProblemKind},
};

type Convert = Box<dyn Fn(&(dyn Error + 'static)) -> Option<Problem> + Send + Sync>;

/// One type's conversion.
pub(crate) struct Registration {
    type_id: TypeId,
    convert: Convert,
}

/// All conversions of an application.
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

    /// What a handler that names `E` registers.
    pub(crate) fn kind<E: Error + ProblemKind + 'static>() -> Self {
        Self::mapping(E::problem)
    }
}

impl Registry {
    /// `own` first: what `on_error` says outranks what a type says of itself.
    pub(crate) fn new(own: Vec<Registration>, kinds: Vec<Registration>) -> Self {
        let mut by_type = HashMap::new();
        let framework = Registration::mapping(PoolError::problem);
        for registration in own.into_iter().chain(kinds).chain([framework]) {
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

//! What a route needs and reads, as data: checked before the server listens,
//! and the source of the API description.

use hybrid_validate::{
    Param, Source,
    inspect::{Inspect, Survey},
};

use crate::{
    extract::BodyPlan,
    problem::{Kind, kinds},
    spec::BodyCheck,
    state::StateKey,
};

/// Collects what the arguments of a route need, read and refuse with.
#[derive(Debug, Default)]
pub struct Describe {
    states: Vec<StateKey>,
    params: Vec<ParamDescription>,
    body: Option<BodyDescription>,
    refusals: Vec<Kind>,
    extensions: Vec<&'static str>,
    faults: Vec<String>,
    models: Survey,
}

/// One value that is read by name.
#[derive(Debug, Clone)]
pub struct ParamDescription {
    /// Where it stands.
    pub source: Source,
    /// The wire name.
    pub name: &'static str,
}

/// The body of a route.
#[derive(Debug, Clone)]
pub struct BodyDescription {
    pub(crate) plan: BodyPlan,
    /// How far it is checked.
    pub check: BodyCheck,
}

impl Describe {
    /// A state of that type is needed; a missing one is a start-up error.
    pub fn state<T: 'static>(&mut self) {
        let key = StateKey::of::<T>();
        if !self.states.contains(&key) {
            self.states.push(key);
        }
    }

    /// A value is read by that name.
    pub fn param(&mut self, source: Source, name: &'static str) {
        self.params.push(ParamDescription { source, name });
    }

    /// The request may be refused with that status, code and title.
    pub fn refusal(&mut self, status: u16, code: &'static str, title: &'static str) {
        self.refusals.push(Kind::new(status, code, title));
    }

    /// A value of that type is read from the request's extensions.
    pub(crate) fn extension(&mut self, type_name: &'static str) {
        self.extensions.push(type_name);
    }

    /// It is a guard that asks for credentials: 401 is among its answers.
    pub fn unauthorized(&mut self) {
        self.refusals.push(kinds::UNAUTHORIZED);
    }

    /// As `describe` says, but for a 401, which stands for `None`.
    pub(crate) fn optional(&mut self, describe: fn(&mut Self)) {
        let known = self.refusals.len();
        describe(self);
        let unauthorized = kinds::UNAUTHORIZED.status;
        let mut index = 0;
        self.refusals.retain(|refusal| {
            index += 1;
            index <= known || refusal.status != unauthorized
        });
    }

    pub(crate) fn declared<T>(&mut self, param: &Param<T>) {
        self.param(param.source(), param.name());
        let name = param.name();
        // What the macros cannot see: defaults that are expressions, and how
        // large a pattern is once compiled.
        let defaults = param.default_violations().into_iter();
        let defaults = defaults.map(|v| format!("the default of `{name}` {}", v.message));
        let patterns = param.check_patterns().err().into_iter().flatten();
        let patterns = patterns.map(|fault| format!("the pattern of `{name}`: {fault}"));
        self.faults.extend(defaults.chain(patterns));
    }

    /// A model is read: its fields are looked at, and those of models inside it.
    pub(crate) fn model<T: Inspect>(&mut self) {
        T::survey(&mut self.models);
    }

    pub(crate) fn body(&mut self, plan: BodyPlan, check: BodyCheck) {
        // Form fields share one body; the macros refuse two bodies of other kinds.
        self.body.get_or_insert(BodyDescription { plan, check });
    }

    pub(crate) fn states(&self) -> &[StateKey] {
        &self.states
    }

    /// The types of what is read from the request's extensions.
    pub(crate) fn extensions(&self) -> &[&'static str] {
        &self.extensions
    }

    /// Every value that is read by name, in the order of the arguments.
    #[must_use]
    pub fn params(&self) -> &[ParamDescription] {
        &self.params
    }

    /// The body, where one is read.
    #[must_use]
    pub fn described_body(&self) -> Option<&BodyDescription> {
        self.body.as_ref()
    }

    /// What guards and errors may answer with.
    #[must_use]
    pub fn refusals(&self) -> &[Kind] {
        &self.refusals
    }

    /// What is wrong with the parameters themselves.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &String> {
        self.faults.iter().chain(self.models.faults())
    }

    /// What is odd about the models that it reads.
    pub(crate) fn warnings(&self) -> &[String] {
        self.models.warnings()
    }
}

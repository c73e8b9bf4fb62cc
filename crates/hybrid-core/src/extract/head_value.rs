//! Arguments that are read from the head without a wait: stage 2.

use std::{borrow::Cow, fmt};

use http::HeaderName;
use hybrid_validate::{FromTexts, Param, Report, Source};

use crate::{
    Response,
    context::Parts,
    extract::{Argument, Describe, Received, Texts},
    problem::Problem,
};

/// How the texts of one name become a value.
pub(super) type ReadTexts<T> = fn(&Param<T>, &[Cow<'_, str>], &mut Report) -> Option<T>;

/// One value by name: `#[path]`, `#[query]`, `#[header]`, `#[cookie]`.
///
/// What needs a type that text can become is asked where it is made, so that the compiler says it there, once.
pub struct TextArgument<T: 'static> {
    param: &'static Param<T>,
    /// The name of a header, ready to be looked up.
    header: Option<HeaderName>,
    read: ReadTexts<T>,
    describe: fn(&'static Param<T>, &mut Describe),
}

impl<T: FromTexts> TextArgument<T> {
    pub(crate) fn new(param: &'static Param<T>) -> Self {
        let is_header = param.source() == Source::Header;
        let name = HeaderName::from_bytes(param.name().as_bytes());
        Self {
            param,
            header: name.ok().filter(|_| is_header),
            read: Param::read,
            describe: |param, to| to.declared(param),
        }
    }
}

impl<T> fmt::Debug for TextArgument<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextArgument({})", self.param.name())
    }
}

impl<T: Send + 'static> Argument for TextArgument<T> {
    type Guarded = ();
    type Held = Option<T>;
    type Value = T;

    fn describe(&self, to: &mut Describe) {
        (self.describe)(self.param, to);
    }

    async fn guard(&self, _: &mut Parts) -> Result<(), Response> {
        Ok(())
    }

    fn read_head(&self, (): (), texts: &Texts<'_>, report: &mut Report) -> Option<T> {
        report.set_source(self.param.source());
        let source = self.param.source();
        let read = |values: &[Cow<'_, str>]| (self.read)(self.param, values, report);
        match &self.header {
            Some(name) => texts.with_header_values(name, read),
            None => texts.with_values(source, self.param.name(), read),
        }
    }

    fn read_body(
        &self,
        held: Option<T>,
        _: &mut Received,
        _: &mut Report,
    ) -> Result<Option<T>, Problem> {
        Ok(held)
    }
}

/// A whole source as one value: `Query<T>`, `Path<T>`, `Header<T>`.
pub struct HeadValue<W> {
    pub(crate) read: fn(&Texts<'_>, &mut Report) -> Option<W>,
    pub(crate) describe: fn(&mut Describe),
}

impl<W> fmt::Debug for HeadValue<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadValue<{}>", std::any::type_name::<W>())
    }
}

impl<W: Send + 'static> Argument for HeadValue<W> {
    type Guarded = ();
    type Held = Option<W>;
    type Value = W;

    fn describe(&self, to: &mut Describe) {
        (self.describe)(to);
    }

    async fn guard(&self, _: &mut Parts) -> Result<(), Response> {
        Ok(())
    }

    fn read_head(&self, (): (), texts: &Texts<'_>, report: &mut Report) -> Option<W> {
        (self.read)(texts, report)
    }

    fn read_body(
        &self,
        held: Option<W>,
        _: &mut Received,
        _: &mut Report,
    ) -> Result<Option<W>, Problem> {
        Ok(held)
    }
}

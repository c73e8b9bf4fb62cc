//! The readings of one value, and their shared state.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::de::DeserializeOwned;

use super::reader::Tracer;
use super::run::{Hidden, Run};
use crate::Report;
use crate::inspect::fields::Rest;
use crate::inspect::json::Json;
use crate::inspect::spans::Spans;

/// The error of a [`Tracer`]. The fault itself is in the [`Run`]. The error has no size: a model's `Deserialize`
/// recognises a tracer by that, at compile time.
#[derive(Debug)]
pub(in crate::inspect) struct Stop;

/// The text of a body, during its inspection.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) text: String,
    pub(super) spans: Spans,
}

thread_local! {
    /// The body under inspection, if there is one.
    pub(super) static WHOLE: RefCell<Option<Rc<Whole>>> = const { RefCell::new(None) };
    /// The current reading, if there is one.
    pub(super) static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
    /// How many bytes may still be read again.
    static BUDGET: Cell<usize> = const { Cell::new(0) };
}

/// Calls `look` with the root of a body's text.
pub(in crate::inspect) fn within<R>(text: &str, look: impl FnOnce(Json<'_>) -> R) -> R {
    struct Restore(Option<Rc<Whole>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            // A panic may have left a run.
            if self.0.is_none() {
                RUN.set(None);
            }
            WHOLE.set(self.0.take());
        }
    }
    let whole = Rc::new(Whole {
        text: text.to_owned(),
        spans: Spans::of(text),
    });
    let outer = WHOLE.replace(Some(Rc::clone(&whole)));
    if outer.is_none() {
        BUDGET.set(text.len().saturating_mul(16).saturating_add(1 << 16));
    }
    let _restore = Restore(outer);
    look(Json::new(&whole.text, &whole.spans))
}

/// The input of a type.
#[derive(Clone, Copy, Debug)]
pub(in crate::inspect) enum Node<'a> {
    Piece(Json<'a>),
    /// The rest of an object: for a flattened type, or the content of a tagged variant.
    Rest(&'a Rest<'a>),
}

impl<'a> Node<'a> {
    fn len(self) -> usize {
        match self {
            Self::Piece(json) => json.text().len(),
            Self::Rest(rest) => rest.object.text().len(),
        }
    }
}

/// Whether the budget allows to read so many bytes again. If so, it is reduced.
fn spend(bytes: usize) -> bool {
    // Each reading has a fixed cost besides.
    let rest = BUDGET.get().checked_sub(bytes.saturating_add(64));
    BUDGET.set(rest.unwrap_or(0));
    rest.is_some()
}

/// The value. Its faults are added to `report`. `Err` if the budget is spent: then the caller reports serde's first
/// fault.
pub(in crate::inspect) fn inspect<T: DeserializeOwned>(
    node: Node<'_>,
    report: &mut Report,
) -> Result<Option<T>, Exhausted> {
    if !spend(node.len()) {
        return Err(Exhausted);
    }
    let outer = RUN.replace(Some(Run::new(node, report)));
    let mut hidden = Hidden::default();
    let value = loop {
        match T::deserialize(Tracer::root(node, &hidden)) {
            Ok(value) => break Some(value).filter(|_| hidden.is_empty()),
            Err(Stop) => {
                let again = RUN.with_borrow_mut(|run| {
                    let run = run.as_mut()?;
                    let place = run.settle(&hidden)?;
                    Some(place).filter(|place| hidden.hide(place))
                });
                if again.is_none() || !spend(node.len()) {
                    break None;
                }
            }
        }
    };
    let Some(run) = RUN.replace(outer) else {
        return Ok(None);
    };
    Ok(run.finish(node, report).then_some(value).flatten())
}

/// The budget is spent.
#[derive(Debug)]
pub(in crate::inspect) struct Exhausted;

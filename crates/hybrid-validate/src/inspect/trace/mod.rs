//! Types that only know serde, read from JSON a second time: all faults of the models inside, whatever stands between.
//!
//! serde stops at the first fault, and nothing can be read behind it. So a type is read several times: each reading
//! ends at one fault, and the next is not shown what was refused (an entry, an element, or else what is around it).
//! Models meet their reader on the way ([`model`]) and inspect their own piece of the text; where serde has buffered
//! it, the piece is found by the address of a key in it. What a list or a map holds is the same everywhere, so that a
//! model which was met in one element is looked for in the others too, and the number of readings depends on the type
//! and not on what was sent. Where that cannot be known, in buffered parts, a budget bounds it.
//!
//! ```text
//! T::deserialize(Tracer) ─→ model ─→ Inspect of its piece ─→ violations
//!          └──→ Stop ─→ Fault ─→ Hidden ─→ again
//! ```

mod key;
mod model;
mod reader;
mod run;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::de::DeserializeOwned;

pub use model::model;
use reader::Tracer;
use run::{Hidden, Run};

use super::fields::Rest;
use super::json::Json;
use super::spans::Spans;
use crate::Report;

/// The error of a [`Tracer`]. What is wrong stands in the [`Run`]; that the error itself is nothing tells a model's
/// `Deserialize` at compile time that it cannot be read by a tracer when it is read by anything else.
#[derive(Debug)]
pub(super) struct Stop;

/// The text of a body, for as long as it is looked through.
#[derive(Debug)]
struct Whole {
    text: String,
    spans: Spans,
}

thread_local! {
    /// The body that is looked through, if one is.
    static WHOLE: RefCell<Option<Rc<Whole>>> = const { RefCell::new(None) };
    /// The reading at work, if one is.
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
    /// How many bytes may still be read again.
    static BUDGET: Cell<usize> = const { Cell::new(0) };
}

/// Opens the text of a body for `look`, as the root of all pieces.
pub(super) fn within<R>(text: &str, look: impl FnOnce(Json<'_>) -> R) -> R {
    struct Restore(Option<Rc<Whole>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            // A panic may have left one.
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

/// What a type is read from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'a> {
    Piece(Json<'a>),
    /// What is left of an object: a flattened type, or the content of a tagged variant.
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

/// Whether as many bytes may be read again; if so, they count as read.
fn spend(bytes: usize) -> bool {
    // However little is read, the reading itself costs.
    let rest = BUDGET.get().checked_sub(bytes.saturating_add(64));
    BUDGET.set(rest.unwrap_or(0));
    rest.is_some()
}

/// The value, and in `report` what is wrong with it. `Err` where too much was read already: the caller has to do with
/// serde's first fault.
pub(super) fn inspect<T: DeserializeOwned>(
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

/// Too much was read already.
#[derive(Debug)]
pub(super) struct Exhausted;

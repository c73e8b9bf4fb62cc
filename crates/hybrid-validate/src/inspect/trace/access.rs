//! The parts of a list, an object or a variant. Each is read at its place, without its hidden parts.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;
use std::vec::IntoIter;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::key::TracedKey;
use super::passes::{Node, Stop};
use super::reader::{ReadMode, TracedEntry, TracedResult, Tracer, with_run};
use super::run::{Hidden, Run, Step, Walked};
use crate::inspect::json::Json;
use crate::inspect::spans::Span;

/// Reads a part, one step below the current place.
fn inside<R>(
    walked: Walked,
    span: Span,
    read: impl FnOnce() -> Result<R, Stop>,
) -> Result<R, Stop> {
    with_run(|run| run.path.push(walked));
    let result = read();
    with_run(|run| {
        if result.is_err() {
            run.locate(span);
        }
        run.path.pop();
    });
    result
}

pub(super) struct Seq<'de, 'h> {
    pub(super) items: std::iter::Enumerate<IntoIter<Json<'de>>>,
    pub(super) reader: ReadMode,
    pub(super) hidden: Option<&'h Hidden>,
}

impl<'de> SeqAccess<'de> for Seq<'de, '_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        for (index, json) in self.items.by_ref() {
            let step = Step::Index(index);
            let walked = Walked::new(step, self.reader == ReadMode::Each);
            let hidden = self.hidden.and_then(|hidden| hidden.at(&walked.meant()));
            if hidden.is_some_and(Hidden::is_whole) {
                if self.reader == ReadMode::Fixed {
                    return Err(Stop::custom("an element was refused"));
                }
                continue;
            }
            let inner = Tracer {
                node: Node::Piece(json),
                hidden,
            };
            return inside(walked, json.span(), || seed.deserialize(inner)).map(Some);
        }
        Ok(None)
    }
}

pub(super) struct Map<'de, 'h> {
    pub(super) entries: IntoIter<TracedEntry<'de>>,
    pub(super) value: Option<(Walked, Json<'de>)>,
    pub(super) reader: ReadMode,
    pub(super) hidden: Option<&'h Hidden>,
}

impl Map<'_, '_> {
    fn at(&self, step: &Step) -> Option<&Hidden> {
        self.hidden.and_then(|hidden| hidden.at(step))
    }
}

impl<'de> MapAccess<'de> for Map<'de, '_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        while let Some((key, json, used)) = self.entries.next() {
            if let Some(used) = used {
                used.set(true);
            }
            let step = Step::Key(Rc::from(&*key));
            let whole = |step| self.at(step).is_some_and(Hidden::is_whole);
            if whole(&step) || whole(&Step::Each) {
                continue;
            }
            let names_a_field = Cell::new(false);
            let key = TracedKey {
                text: key,
                names_a_field: &names_a_field,
            };
            let walked = Walked::new(step, false);
            let read = || {
                let name = seed.deserialize(key);
                name.inspect_err(|_| with_run(Run::refuse_key))
            };
            let name = inside(walked.clone(), json.span(), read)?;
            // A map requests keys of some type, a struct requests the names of its fields.
            let each = self.reader == ReadMode::Each && !names_a_field.get();
            self.value = Some((Walked { each, ..walked }, json));
            return Ok(Some(name));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        let Some((walked, json)) = self.value.take() else {
            return Err(Stop::custom("a value before its key"));
        };
        let inner = Tracer {
            node: Node::Piece(json),
            hidden: self.hidden.and_then(|hidden| hidden.at(&walked.meant())),
        };
        inside(walked, json.span(), || seed.deserialize(inner))
    }
}

pub(super) struct Enum<'de, 'h> {
    pub(super) key: Cow<'de, str>,
    pub(super) json: Json<'de>,
    pub(super) used: Option<&'de Cell<bool>>,
    pub(super) hidden: Option<&'h Hidden>,
}

impl<'de, 'h> EnumAccess<'de> for Enum<'de, 'h> {
    type Error = Stop;
    type Variant = Content<'de, 'h>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), Stop> {
        if let Some(used) = self.used {
            used.set(true);
        }
        let walked = Walked::new(Step::Key(Rc::from(&*self.key)), false);
        let name = seed.deserialize(TracedKey {
            text: self.key,
            names_a_field: &Cell::new(false),
        })?;
        let hidden = self.hidden.and_then(|hidden| hidden.at(&walked.step));
        if hidden.is_some_and(Hidden::is_whole) {
            return Err(Stop::custom("the content was refused"));
        }
        let inner = Tracer {
            node: Node::Piece(self.json),
            hidden,
        };
        let span = self.json.span();
        Ok((
            name,
            Content {
                walked,
                span,
                inner,
            },
        ))
    }
}

pub(super) struct Content<'de, 'h> {
    walked: Walked,
    span: Span,
    inner: Tracer<'de, 'h>,
}

impl<'de> VariantAccess<'de> for Content<'de, '_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        inside(self.walked, self.span, || {
            de::Deserialize::deserialize(self.inner)
        })
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        inside(self.walked, self.span, || seed.deserialize(self.inner))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> TracedResult<'de, V> {
        inside(self.walked, self.span, || {
            self.inner.deserialize_tuple(len, visitor)
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> TracedResult<'de, V> {
        inside(self.walked, self.span, || {
            self.inner.deserialize_struct("", fields, visitor)
        })
    }
}

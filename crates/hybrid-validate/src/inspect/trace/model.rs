//! How a model finds its reader: it requests its piece of the text, and inspects that.

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::passes::{RUN, WHOLE, Whole, within};
use super::run::{Run, Step, Walked};
use crate::Report;
use crate::inspect::check::{Check, checked};
use crate::inspect::json::Json;
use crate::inspect::spans::Span;
use crate::inspect::{Fields, Input, Inspect};

/// The name that a model uses to request its piece from a tracer.
pub(super) const ASK: &str = "$hybrid::inspect::trace";

/// Reads a model with serde and checks its rules. If a tracer reads the model, the model inspects its piece instead.
///
/// # Errors
///
/// Those of `read`, or the first broken rule.
#[inline]
pub fn model<'de, T: Inspect + Check, D: Deserializer<'de>>(
    from: D,
    read: impl FnOnce(D) -> Result<T, D::Error>,
) -> Result<T, D::Error> {
    // Known at compile time: only the tracer's error has no size.
    if size_of::<D::Error>() == 0 && RUN.with_borrow(Option::is_some) {
        return traced(from);
    }
    checked(read(from)?)
}

#[cold]
fn traced<'de, T: Inspect, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let asked = from.deserialize_newtype_struct(ASK, Ask)?;
    // Without a run, the model reads on its own.
    let (Some(mut run), Some(whole)) = (RUN.take(), WHOLE.with_borrow(Clone::clone)) else {
        return Err(de::Error::invalid_type(
            de::Unexpected::Other("nothing"),
            &"another value",
        ));
    };
    let value = match asked {
        PieceOrigin::Here => here(&mut run, &whole),
        PieceOrigin::Object { at, keys, count } => object(&mut run, &whole, at, &keys, count),
        PieceOrigin::Text(at) => text(&mut run, &whole, at),
        PieceOrigin::Loose(value) => loose(&mut run, &value),
    };
    let value = value.ok_or_else(|| de::Error::custom(""));
    RUN.set(Some(run));
    value
}

/// The piece is the one that the tracer reads now.
fn here<T: Inspect>(run: &mut Run, whole: &Whole) -> Option<T> {
    let (span, depth) = run.asked.take()?;
    let json = Json::at(&whole.text, &whole.spans, span, depth);
    let mut found = run.report();
    let value = T::inspect(Input::Json(json), &mut found);
    let built = run.note(span, look::<T>, found, value.is_some());
    value.filter(|_| built)
}

fn look<T: Inspect>(input: Input<'_>, report: &mut Report) {
    drop(T::inspect(input, report));
}

/// The piece is an object that serde has buffered. The address is that of a key in it. The object may have keys that
/// are not the model's: a tag, or fields beside a flattened type.
fn object<T: Inspect>(
    run: &mut Run,
    whole: &Whole,
    address: usize,
    keys: &HashSet<String>,
    count: usize,
) -> Option<T> {
    let first = whole.offset(address)?;
    let around = whole.spans.around(first);
    let (span, outer) = around.split_last()?;
    let json = Json::at(&whole.text, &whole.spans, *span, depth(outer));
    let mut found = run.report();
    let mut fields = Fields::open(Input::Json(json), &mut found)?;
    let value = if fields.len() == count {
        T::inspect(Input::Json(json), &mut found)
    } else {
        fields.keep(keys);
        T::inspect(Input::Rest(&fields), &mut found)
    };
    buffered(run, whole, (&around, None, first), value, found)
}

/// The piece is a string that serde has buffered.
fn text<T: Inspect>(run: &mut Run, whole: &Whole, address: usize) -> Option<T> {
    let at = whole.offset(address)?.checked_sub(1)?;
    let around = whole.spans.around(at);
    let span = whole.spans.value(&whole.text, at);
    let json = Json::at(&whole.text, &whole.spans, span, depth(&around));
    let mut found = run.report();
    let value = T::inspect(Input::Json(json), &mut found);
    buffered(run, whole, (&around, Some(span), at), value, found)
}

fn depth(around: &[Span]) -> u16 {
    u16::try_from(around.len()).unwrap_or(u16::MAX)
}

/// The value has no address, so it is written out again. Its place is known as far as the tracer has come.
fn loose<T: Inspect>(run: &mut Run, value: &Value) -> Option<T> {
    let mut found = run.report();
    let value = within(&value.to_string(), |json| {
        T::inspect(Input::Json(json), &mut found)
    });
    if value.is_some() && found.found() == 0 {
        return value;
    }
    run.note_buffered(Vec::new(), run.root.0.0, found);
    None
}

/// Any fault ends the reading: the type that has buffered the value may try another variant. A piece is given by the
/// container around it (itself, if it is a container) and its first byte.
fn buffered<T>(
    run: &mut Run,
    whole: &Whole,
    (around, itself, first): (&[Span], Option<Span>, usize),
    value: Option<T>,
    found: Report,
) -> Option<T> {
    if value.is_some() && found.found() == 0 {
        return value;
    }
    let known = usize::from(run.root.1) + run.path.len();
    let way: Vec<Span> = around.iter().copied().skip(known).chain(itself).collect();
    let steps = way
        .windows(2)
        .filter_map(|pair| whole.step(pair[0], pair[1]));
    let steps: Vec<Walked> = steps.map(|step| Walked::new(step, false)).collect();
    run.note_buffered(steps, first, found);
    None
}

impl Whole {
    /// The position in the text, if the address is in the text.
    fn offset(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.text.as_ptr().addr())?;
        (offset < self.text.len()).then_some(offset)
    }

    /// The step from a container to a value in it.
    fn step(&self, outer: Span, inner: Span) -> Option<Step> {
        let text = &self.text;
        if text.as_bytes().get(outer.0) == Some(&b'[') {
            let elements = self.spans.elements(text, outer.0);
            return elements
                .iter()
                .position(|span| span.0 == inner.0)
                .map(Step::Index);
        }
        let entries = self.spans.entries(text, outer.0);
        let (key, _) = entries.iter().find(|(_, value)| value.0 == inner.0)?;
        let key = Json::at(text, &self.spans, *key, 0).string()?;
        Some(Step::Key(Rc::from(&*key)))
    }
}

/// How the piece of a model is found.
enum PieceOrigin {
    /// The tracer has stored it in the run.
    Here,
    /// The address of a key of the object, all keys, and the number of entries.
    Object {
        at: usize,
        keys: HashSet<String>,
        count: usize,
    },
    /// The address of the first character of a string.
    Text(usize),
    /// The buffered value, without an address.
    Loose(Value),
}

struct Ask;

macro_rules! loose {
    ($($method:ident: $ty:ty;)*) => {$(
        fn $method<E: de::Error>(self, value: $ty) -> Result<PieceOrigin, E> {
            Ok(PieceOrigin::Loose(Value::from(value)))
        }
    )*};
}

impl<'de> Visitor<'de> for Ask {
    type Value = PieceOrigin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another value")
    }

    loose! {
        visit_bool: bool;
        visit_i64: i64;
        visit_u64: u64;
        visit_f64: f64;
        visit_str: &str;
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<PieceOrigin, E> {
        Ok(PieceOrigin::Text(text.as_ptr().addr()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<PieceOrigin, E> {
        let here = RUN.with_borrow(|run| run.as_ref().is_some_and(|run| run.asked.is_some()));
        Ok(if here {
            PieceOrigin::Here
        } else {
            PieceOrigin::Loose(Value::Null)
        })
    }

    fn visit_none<E: de::Error>(self) -> Result<PieceOrigin, E> {
        Ok(PieceOrigin::Loose(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<PieceOrigin, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<PieceOrigin, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<PieceOrigin, A::Error> {
        let value = Value::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
        Ok(PieceOrigin::Loose(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PieceOrigin, A::Error> {
        let (mut at, mut keys, mut count) = (None, HashSet::new(), 0);
        while let Some(Addressed(address, key)) = map.next_key()? {
            map.next_value::<IgnoredAny>()?;
            at = at.or(address);
            keys.insert(key);
            count += 1;
        }
        Ok(match at {
            Some(at) => PieceOrigin::Object { at, keys, count },
            // The object is empty, or all its keys have escapes.
            None => PieceOrigin::Loose(Value::Object(serde_json::Map::new())),
        })
    }
}

/// A key and, if it is borrowed from the text, its address.
struct Addressed(Option<usize>, String);

impl<'de> Deserialize<'de> for Addressed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Key;
        impl<'de> Visitor<'de> for Key {
            type Value = Addressed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Addressed, E> {
                Ok(Addressed(Some(text.as_ptr().addr()), text.to_owned()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Addressed, E> {
                Ok(Addressed(None, text.to_owned()))
            }
        }
        from.deserialize_str(Key)
    }
}

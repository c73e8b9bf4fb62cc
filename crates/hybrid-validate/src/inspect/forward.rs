//! Methods of serde's `Deserializer` that are alike in several deserializers.

/// Writes methods that call the same method of another deserializer: the one behind the arrow, with the visitor behind
/// it. `scalars` stands for the methods of booleans, integers, `f64`, characters and text.
///
/// ```text
/// forward! {
///     (self, visitor) => self.0, Wrapped(visitor);
///     scalars deserialize_option deserialize_seq
/// }
/// ```
macro_rules! forward {
    (($this:ident, $visitor:ident) => $to:expr, $shown:expr; $($method:ident)*) => {
        $(crate::inspect::forward::forward_one!($method $this $visitor ($to) ($shown));)*
    };
}

/// One method, or the group `scalars`, for [`forward!`].
macro_rules! forward_one {
    (@ $method:ident($($name:ident: $ty:ty),*) $this:ident $visitor:ident ($to:expr) ($shown:expr)) => {
        #[inline]
        fn $method<V: Visitor<'de>>(
            $this,
            $($name: $ty,)*
            $visitor: V,
        ) -> Result<V::Value, Self::Error> {
            let shown = $shown;
            $to.$method($($name,)* shown)
        }
    };
    (scalars $this:ident $visitor:ident ($to:expr) ($shown:expr)) => {
        crate::inspect::forward::forward! {
            ($this, $visitor) => $to, $shown;
            deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f64
            deserialize_char deserialize_str deserialize_string
        }
    };
    (deserialize_unit_struct $($rest:tt)*) => {
        crate::inspect::forward::forward_one!(@ deserialize_unit_struct(name: &'static str) $($rest)*);
    };
    (deserialize_newtype_struct $($rest:tt)*) => {
        crate::inspect::forward::forward_one!(@ deserialize_newtype_struct(name: &'static str) $($rest)*);
    };
    (deserialize_tuple $($rest:tt)*) => {
        crate::inspect::forward::forward_one!(@ deserialize_tuple(len: usize) $($rest)*);
    };
    (deserialize_tuple_struct $($rest:tt)*) => {
        crate::inspect::forward::forward_one! {
            @ deserialize_tuple_struct(name: &'static str, len: usize) $($rest)*
        }
    };
    (deserialize_struct $($rest:tt)*) => {
        crate::inspect::forward::forward_one! {
            @ deserialize_struct(name: &'static str, fields: &'static [&'static str]) $($rest)*
        }
    };
    (deserialize_enum $($rest:tt)*) => {
        crate::inspect::forward::forward_one! {
            @ deserialize_enum(name: &'static str, variants: &'static [&'static str]) $($rest)*
        }
    };
    ($method:ident $($rest:tt)*) => {
        crate::inspect::forward::forward_one!(@ $method() $($rest)*);
    };
}

/// Writes the methods of booleans and numbers: each visits the value that the expression makes.
macro_rules! visit_numbers {
    (($this:ident, $visitor:ident) => $value:expr) => {
        crate::inspect::forward::visit_numbers! {
            ($this, $visitor) => $value;
            deserialize_bool visit_bool
            deserialize_i8 visit_i8
            deserialize_i16 visit_i16
            deserialize_i32 visit_i32
            deserialize_i64 visit_i64
            deserialize_i128 visit_i128
            deserialize_u8 visit_u8
            deserialize_u16 visit_u16
            deserialize_u32 visit_u32
            deserialize_u64 visit_u64
            deserialize_u128 visit_u128
            deserialize_f32 visit_f32
            deserialize_f64 visit_f64
        }
    };
    (($this:ident, $visitor:ident) => $value:expr; $($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>($this, $visitor: V) -> Result<V::Value, Self::Error> {
            let value = $value;
            $visitor.$visit(value)
        }
    )*};
}

pub(super) use {forward, forward_one, visit_numbers};

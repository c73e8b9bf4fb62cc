//! The `const` builder of [`Param`]. Rules keep the order in which they are written.
//!
//! The bounds are on the methods and not on the `impl` blocks. So the compiler reports the rule that does not fit, with
//! the trait's own message, instead of a missing method.

use std::marker::PhantomData;

use super::declared::{Param, RULES_MAX, Slot};
use crate::constraint::{Items, Number, Text, UniqueItems};
use crate::format::Format;
use crate::number::Num;
use crate::pattern::Pattern;
use crate::report::Report;
use crate::rule::Rule;
use crate::text::Style;
use crate::violation::Source;

impl<T> Param<T> {
    /// A value without rules. The functions [`query`](crate::query), [`header`](crate::header) and so on are shorter.
    #[must_use]
    pub const fn new(source: Source, name: &'static str) -> Self {
        Self {
            name,
            source,
            style: Style::Repeated,
            slots: [const { Slot::Empty }; RULES_MAX],
            used: 0,
            longest: usize::MAX,
            message: None,
            default: None,
            description: None,
            example: None,
            deprecated: false,
            spelled: false,
            holds_no_value: PhantomData,
        }
    }

    /// Replaces the value if it is absent.
    #[must_use]
    pub const fn default(mut self, default: fn() -> T) -> Self {
        self.default = Some(default);
        self
    }

    /// A check of the user's own, see [`custom`](crate::param::custom).
    ///
    /// # Panics
    /// If there are more than 16 rules. In a `static` this is a compile error.
    #[must_use]
    pub const fn custom(self, check: fn(&T, &mut Report)) -> Self {
        self.with(Slot::Custom(check))
    }

    /// The message in place of the text of every rule of this value. It does not replace the texts of `missing` and
    /// `type`.
    #[must_use]
    pub const fn message(mut self, text: &'static str) -> Self {
        self.message = Some(text);
        self
    }

    /// The purpose of the value, in Markdown.
    #[must_use]
    pub const fn description(mut self, text: &'static str) -> Self {
        self.description = Some(text);
        self
    }

    /// A value as a client would write it.
    #[must_use]
    pub const fn example(mut self, text: &'static str) -> Self {
        self.example = Some(text);
        self
    }

    /// The name of the header is meant as it is spelled: an underscore does not match a hyphen. No effect on other
    /// sources.
    #[must_use]
    pub const fn spelled(mut self) -> Self {
        self.spelled = true;
        self
    }

    /// Clients should stop sending it.
    #[must_use]
    pub const fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// A list is one text with commas between its elements.
    #[must_use]
    pub const fn csv(mut self) -> Self {
        self.style = Style::Csv;
        self
    }

    const fn with(mut self, slot: Slot<T>) -> Self {
        assert!(self.used < RULES_MAX, "a value has at most 16 rules");
        self.slots[self.used] = slot;
        self.used += 1;
        self
    }
}

macro_rules! bounds {
    ($($rule:ident, $int:ident, $uint:ident, $float:ident, $what:literal;)*) => {
        /// Rules about numbers.
        impl<T> Param<T> {
            $(
                #[doc = concat!($what, " this integer. Fits floats too.")]
                #[must_use]
                pub const fn $int(self, bound: i128) -> Self
                where
                    T: Number,
                {
                    self.number(Rule::$rule(Num::Int(bound)))
                }

                #[doc = concat!($what, " this integer, which may be above `i128::MAX`.")]
                #[must_use]
                pub const fn $uint(self, bound: u128) -> Self
                where
                    T: Number,
                {
                    self.number(Rule::$rule(Num::from_u128(bound)))
                }

                #[doc = concat!($what, " this float. Fits integers too, and is compared exactly.")]
                #[must_use]
                pub const fn $float(self, bound: f64) -> Self
                where
                    T: Number,
                {
                    self.number(Rule::$rule(Num::Float(bound)))
                }
            )*

            /// One of these numbers.
            #[must_use]
            pub const fn one_of_numbers(self, allowed: &'static [Num]) -> Self
            where
                T: Number,
            {
                self.number(Rule::OneOfNumbers(allowed))
            }

            const fn number(self, rule: Rule) -> Self
            where
                T: Number,
            {
                self.with(Slot::Number(rule, T::check_number))
            }
        }
    };
}

bounds! {
    Ge, ge, ge_uint, ge_float, "At least";
    Gt, gt, gt_uint, gt_float, "Greater than";
    Le, le, le_uint, le_float, "At most";
    Lt, lt, lt_uint, lt_float, "Less than";
    MultipleOf, multiple_of, multiple_of_uint, multiple_of_float, "A multiple of";
}

/// Rules about text.
impl<T> Param<T> {
    /// At least so many characters.
    #[must_use]
    pub const fn min_length(self, characters: usize) -> Self
    where
        T: Text,
    {
        self.text(Rule::MinLength(characters))
    }

    /// At most so many characters.
    #[must_use]
    pub const fn max_length(mut self, characters: usize) -> Self
    where
        T: Text,
    {
        if characters < self.longest {
            self.longest = characters;
        }
        self.text(Rule::MaxLength(characters))
    }

    /// The text must match the expression. A text that is too long is not searched.
    #[must_use]
    pub const fn regex(self, pattern: &'static Pattern) -> Self
    where
        T: Text,
    {
        self.text(Rule::Regex(pattern))
    }

    /// The text has this form.
    #[must_use]
    pub const fn format(self, format: Format) -> Self
    where
        T: Text,
    {
        self.text(Rule::Format(format))
    }

    /// One of these texts.
    #[must_use]
    pub const fn one_of_text(self, allowed: &'static [&'static str]) -> Self
    where
        T: Text,
    {
        self.text(Rule::OneOfText(allowed))
    }

    const fn text(self, rule: Rule) -> Self
    where
        T: Text,
    {
        self.with(Slot::Text(rule, T::check_text))
    }
}

/// Rules about the number of items.
impl<T> Param<T> {
    /// At least so many items.
    #[must_use]
    pub const fn min_items(self, count: usize) -> Self
    where
        T: Items,
    {
        self.with(Slot::Items(Rule::MinItems(count), T::item_count))
    }

    /// At most so many items.
    #[must_use]
    pub const fn max_items(self, count: usize) -> Self
    where
        T: Items,
    {
        self.with(Slot::Items(Rule::MaxItems(count), T::item_count))
    }
}

/// The rule that no item is repeated.
impl<T> Param<T> {
    /// No item may be repeated.
    #[must_use]
    pub const fn unique_items(self) -> Self
    where
        T: UniqueItems,
    {
        self.with(Slot::Unique(T::has_duplicates))
    }
}

//! Which series there are: one for each variant of each class, and one for each
//! variant of work without a class. They are fixed when the application is built, so
//! no input of a client makes another.

use std::borrow::Cow;

use crate::class::Class;

/// The place of a series among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series(u32);

impl Series {
    /// The place as an index.
    #[inline]
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a series counts.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The class; `None` for work without one.
    pub class: Option<usize>,
    /// The variant; in the sum over a class with several, all of them, with commas.
    pub variant: Cow<'static, str>,
    /// It sums up the variants of a class that has several, each of which has a series
    /// of its own.
    pub is_sum: bool,
}

/// The series of an application.
#[derive(Debug)]
pub struct AllSeries {
    subjects: Vec<Subject>,
    /// The first variant of each class.
    first: Vec<u32>,
    /// Of each class: the sum over its variants, or the one variant it has.
    whole: Vec<u32>,
    /// The first of those that count work without a class.
    unclassified: u32,
    unclassified_variants: &'static [&'static str],
}

/// Work without a class that has none of the known variants.
const OTHER_VARIANT: &str = "_OTHER";

impl AllSeries {
    /// For classes with these variants.
    pub(super) fn new<'a>(
        classes: impl IntoIterator<Item = &'a [&'static str]>,
        unclassified_variants: &'static [&'static str],
    ) -> Self {
        let mut all = Self {
            subjects: Vec::new(),
            first: Vec::new(),
            whole: Vec::new(),
            unclassified: 0,
            unclassified_variants,
        };
        for (class, variants) in classes.into_iter().enumerate() {
            all.add_class(class, variants);
        }
        all.unclassified = all.next();
        let known = unclassified_variants.iter().copied();
        for variant in known.chain([OTHER_VARIANT]) {
            all.add(None, Cow::Borrowed(variant), false);
        }
        all
    }

    fn add_class(&mut self, class: usize, variants: &[&'static str]) {
        let first = self.next();
        self.first.push(first);
        for variant in variants {
            self.add(Some(class), Cow::Borrowed(variant), false);
        }
        if variants.len() == 1 {
            self.whole.push(first);
        } else {
            self.whole.push(self.next());
            self.add(Some(class), variants.join(",").into(), true);
        }
    }

    fn add(&mut self, class: Option<usize>, variant: Cow<'static, str>, is_sum: bool) {
        self.subjects.push(Subject {
            class,
            variant,
            is_sum,
        });
    }

    fn next(&self) -> u32 {
        u32::try_from(self.subjects.len()).expect("classes are written by hand")
    }

    /// Where a job is counted. A variant that the class does not have is counted as its
    /// default.
    #[inline]
    pub(super) fn of(&self, class: Option<&Class>, variant: &impl AsRef<str>) -> Series {
        match class {
            Some(class) if class.variants.len() == 1 => Series(self.first[class.id]),
            Some(class) => self.of_several(class, variant.as_ref()),
            None => self.unclassified(variant.as_ref()),
        }
    }

    // Apart, so that what nearly every class comes to is a few instructions in place.
    #[inline(never)]
    fn of_several(&self, class: &Class, variant: &str) -> Series {
        let variants = class.variants;
        let position = variants.iter().position(|known| *known == variant);
        let position = position.unwrap_or(class.default_variant);
        Series(self.first[class.id] + u32::try_from(position).unwrap_or(0))
    }

    #[inline(never)]
    fn unclassified(&self, variant: &str) -> Series {
        let variants = self.unclassified_variants;
        let known = variants.iter().position(|known| *known == variant);
        let known = known.unwrap_or(variants.len());
        Series(self.unclassified + u32::try_from(known).unwrap_or(0))
    }

    /// All variants of a class.
    #[must_use]
    pub fn whole(&self, class: usize) -> Series {
        Series(self.whole[class])
    }

    /// The sum that a series is a part of.
    pub(super) fn sum_of(&self, series: usize) -> Option<usize> {
        let subject = &self.subjects[series];
        let whole = self.whole[subject.class?] as usize;
        (whole != series).then_some(whole)
    }

    /// The series of a class's variants, in their order.
    #[must_use]
    pub fn variants(&self, class: usize) -> std::ops::Range<usize> {
        let first = self.first[class] as usize;
        let end = first + 1;
        let count = self.subjects[end..]
            .iter()
            .take_while(|subject| subject.class == Some(class) && !subject.is_sum)
            .count();
        first..end + count
    }

    /// Every series, by its place.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }
}

//! Which series there are: one for each method of each route, and one for each
//! method under which no route was found. Fixed when the application is built,
//! so nothing that a client sends makes another.

use std::borrow::Cow;

use http::Method;

use crate::head::Route;

/// The place of a series among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Series(u32);

impl Series {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a series counts.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// `None` for what no route took.
    pub(crate) route: Option<usize>,
    /// The method; where it is the whole of a route with several, all of them,
    /// with commas.
    pub(crate) method: Cow<'static, str>,
    /// It sums up the methods of a route that has several, which have series of
    /// their own.
    pub(crate) is_sum: bool,
}

/// The series of an application.
#[derive(Debug)]
pub(crate) struct AllSeries {
    subjects: Vec<Subject>,
    /// The first method of each route.
    first: Vec<u32>,
    /// Of each route: the sum over its methods, or the one method it has.
    whole: Vec<u32>,
    /// The first of those that count what no route took.
    elsewhere: u32,
}

/// The methods that a label may name where no route is found; any other is
/// [`OTHER_METHOD`].
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
];
const OTHER_METHOD: &str = "_OTHER";

impl AllSeries {
    /// For routes with these methods.
    pub(crate) fn new<'a>(routes: impl IntoIterator<Item = &'a [&'static str]>) -> Self {
        let mut all = Self {
            subjects: Vec::new(),
            first: Vec::new(),
            whole: Vec::new(),
            elsewhere: 0,
        };
        for (route, methods) in routes.into_iter().enumerate() {
            all.add_route(route, methods);
        }
        all.elsewhere = all.next();
        for method in METHODS.into_iter().chain([OTHER_METHOD]) {
            all.add(None, Cow::Borrowed(method), false);
        }
        all
    }

    fn add_route(&mut self, route: usize, methods: &[&'static str]) {
        let first = self.next();
        self.first.push(first);
        for method in methods {
            self.add(Some(route), Cow::Borrowed(method), false);
        }
        if methods.len() == 1 {
            self.whole.push(first);
        } else {
            self.whole.push(self.next());
            self.add(Some(route), methods.join(",").into(), true);
        }
    }

    fn add(&mut self, route: Option<usize>, method: Cow<'static, str>, is_sum: bool) {
        self.subjects.push(Subject {
            route,
            method,
            is_sum,
        });
    }

    fn next(&self) -> u32 {
        u32::try_from(self.subjects.len()).expect("routes are written by hand")
    }

    /// Where a request is counted. A `HEAD` that a `GET` route answers is one of
    /// its `GET`s.
    #[inline]
    pub(crate) fn of(&self, route: Option<&Route>, method: &Method) -> Series {
        match route {
            Some(route) if route.spec.methods.len() == 1 => Series(self.first[route.index]),
            Some(route) => self.of_several(route, method),
            None => self.elsewhere(method),
        }
    }

    // Apart, so that what nearly every route comes to is a few instructions in place.
    #[inline(never)]
    fn of_several(&self, route: &Route, method: &Method) -> Series {
        let methods = route.spec.methods;
        let position = |wanted: &str| methods.iter().position(|known| *known == wanted);
        let position = position(method.as_str()).or_else(|| position("GET"));
        // A layer may have changed the method to one that its route does not have.
        Series(self.first[route.index] + u32::try_from(position.unwrap_or(0)).unwrap_or(0))
    }

    #[inline(never)]
    fn elsewhere(&self, method: &Method) -> Series {
        let known = METHODS.iter().position(|known| method == known);
        let known = known.unwrap_or(METHODS.len());
        Series(self.elsewhere + u32::try_from(known).unwrap_or(0))
    }

    /// All methods of a route.
    pub(crate) fn whole(&self, route: usize) -> Series {
        Series(self.whole[route])
    }

    /// The sum that a series is a part of.
    pub(crate) fn sum_of(&self, series: usize) -> Option<usize> {
        let subject = &self.subjects[series];
        let whole = self.whole[subject.route?] as usize;
        (whole != series).then_some(whole)
    }

    /// The series of a route's methods, in the order they were written.
    pub(crate) fn methods(&self, route: usize) -> std::ops::Range<usize> {
        let first = self.first[route] as usize;
        let end = first + 1;
        let count = self.subjects[end..]
            .iter()
            .take_while(|subject| subject.route == Some(route) && !subject.is_sum)
            .count();
        first..end + count
    }

    pub(crate) fn subjects(&self) -> &[Subject] {
        &self.subjects
    }
}

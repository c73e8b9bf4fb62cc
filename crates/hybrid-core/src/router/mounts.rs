//! Mounts and prefixes: what belongs to a whole part of the paths, and which of
//! two is nearer to one path.

use std::cmp::Reverse;

use super::Mount;

/// The segments of a pattern: of a prefix, or of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segments(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// A name: any segment that is not empty.
    Any,
    /// The rest of the path.
    Rest,
}

impl Segments {
    /// The segments of a template's pattern.
    pub(super) fn of(pattern: &str) -> Self {
        let segments = pattern.split('/').skip(1);
        Self(segments.map(Segment::of).collect())
    }

    /// Whether a path is this prefix or below it.
    pub(super) fn cover(&self, path: &str) -> bool {
        let mut found = path.split('/').skip(1);
        self.0.iter().all(|segment| match (segment, found.next()) {
            (Segment::Literal(wanted), Some(found)) => wanted == found,
            (Segment::Any, Some(found)) => !found.is_empty(),
            (Segment::Rest, found) => found.is_some(),
            (_, None) => false,
        })
    }

    /// Whether this prefix is nearer to the paths that both have than that route: at
    /// the first segment where they differ it says more.
    fn beats(&self, route: &Self) -> bool {
        let pairs = self.0.iter().zip(&route.0);
        for pair in pairs {
            match pair {
                (Segment::Literal(own), Segment::Literal(other)) if own == other => {}
                (Segment::Any, Segment::Any) => {}
                (Segment::Literal(_), Segment::Any) | (_, Segment::Rest) => return true,
                _ => return false,
            }
        }
        false
    }

    /// Longer prefixes first, and of two as long the one that says more.
    pub(super) fn rank(&self) -> (Reverse<usize>, usize) {
        let names = self.0.iter().filter(|segment| **segment == Segment::Any);
        (Reverse(self.0.len()), names.count())
    }
}

impl Segment {
    fn of(pattern: &str) -> Self {
        if pattern.starts_with("{*") {
            Self::Rest
        } else if pattern.starts_with('{') && !pattern.starts_with("{{") {
            Self::Any
        } else {
            // As the matcher has them, literal braces stand twice.
            Self::Literal(pattern.replace("{{", "{").replace("}}", "}"))
        }
    }
}

/// The mounts, the longest prefix first.
#[derive(Default)]
pub(super) struct Mounts(Vec<(Segments, Mount)>);

impl Mounts {
    pub(super) fn new(mounts: impl Iterator<Item = (String, Mount)>) -> Self {
        let mounts = mounts.map(|(pattern, mount)| (Segments::of(&pattern), mount));
        let mut mounts: Vec<_> = mounts.collect();
        mounts.sort_by_key(|(prefix, _)| prefix.rank());
        Self(mounts)
    }

    /// The mount that a path belongs to, where no route takes it.
    pub(super) fn over(&self, path: &str) -> Option<&Mount> {
        let found = self.0.iter().find(|(prefix, _)| prefix.cover(path));
        found.map(|(_, mount)| mount)
    }

    /// The mounts that go before a route, where a path has both.
    pub(super) fn before(&self, pattern: &str) -> Box<[usize]> {
        let route = Segments::of(pattern);
        let beats = |(_, (prefix, _)): &(usize, &(Segments, _))| prefix.beats(&route);
        let mounts = self.0.iter().enumerate().filter(beats);
        mounts.map(|(index, _)| index).collect()
    }

    /// Whether one of those has that path.
    pub(super) fn any_over(&self, mounts: &[usize], path: &str) -> bool {
        mounts.iter().any(|index| self.0[*index].0.cover(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_cover_what_is_below_them() {
        let check = |prefix: &str, path: &str, covers: bool| {
            assert_eq!(Segments::of(prefix).cover(path), covers, "{prefix} {path}");
        };
        check("/a", "/a", true);
        check("/a", "/a/", true);
        check("/a", "/a/b/c", true);
        check("/a", "/ab", false);
        check("/a/{p0}", "/a/b", true);
        check("/a/{p0}", "/a/", false);
        check("/a/{p0}", "/a", false);
        // Braces that are meant as such are no name.
        check("/{{a}}", "/{a}", true);
        check("/{{a}}", "/b", false);
        check("", "/", true);
        check("", "/a/b", true);
    }

    #[test]
    fn a_mount_goes_before_a_route_that_says_less() {
        let check = |mount: &str, route: &str, beats: bool| {
            let mount = Segments::of(mount);
            assert_eq!(mount.beats(&Segments::of(route)), beats, "{route}");
        };
        check("/legacy", "/legacy/{p0}/x", false);
        check("/legacy", "/legacy/users", false);
        check("/legacy", "/{p0}/x", true);
        check("/legacy", "/{*p0}", true);
        check("/legacy", "/other", false);
        check("/a/b", "/a/{p0}", true);
        check("/{p0}/b", "/a/{*p1}", false);
        check("/{p0}", "/{p0}/x", false);
        check("", "/{*p0}", false);
    }
}

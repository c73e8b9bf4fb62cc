//! The end of each object and array of a JSON text.
//!
//! The second pass opens a text level by level. Without this table each level would scan all levels below it again: 127
//! times for the deepest allowed body. With the table the pass is linear. The text is well formed. If it were not,
//! levels would come out short, without other harm.

/// The ends of all containers of a text.
#[derive(Debug)]
pub(super) struct Spans {
    /// Start and end of each, by start.
    list: Vec<(usize, usize)>,
    /// The number of the container around each.
    outer: Vec<Option<usize>>,
}

/// A piece of the text: its first byte and the byte after its last.
pub(super) type Span = (usize, usize);

impl Spans {
    /// One walk over the text.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut list = Vec::new();
        let mut outer = Vec::new();
        let mut open = Vec::new();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    at = after_string(bytes, at);
                    continue;
                }
                b'{' | b'[' => {
                    outer.push(open.last().copied());
                    open.push(list.len());
                    list.push((at, bytes.len()));
                }
                b'}' | b']' => {
                    if let Some((_, end)) = open.pop().and_then(|index: usize| list.get_mut(index))
                    {
                        *end = at + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Self { list, outer }
    }

    /// Every container around the byte at `at`, outermost first. It includes a container that starts there.
    pub(super) fn around(&self, at: usize) -> Vec<Span> {
        let behind = self.list.partition_point(|(start, _)| *start <= at);
        let mut next = behind.checked_sub(1);
        let mut list = Vec::new();
        while let Some(index) = next {
            let span = self.list[index];
            if span.1 > at {
                list.push(span);
            }
            next = self.outer[index];
        }
        list.reverse();
        list
    }

    /// The piece that starts at `at`.
    pub(super) fn value(&self, text: &str, at: usize) -> Span {
        let bytes = text.as_bytes();
        let end = match bytes.get(at) {
            Some(b'"') => after_string(bytes, at),
            Some(b'{' | b'[') => self
                .list
                .binary_search_by_key(&at, |(start, _)| *start)
                .map_or(bytes.len(), |index| self.list[index].1),
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || is_space(*byte);
                bytes[at.min(bytes.len())..]
                    .iter()
                    .position(ends)
                    .map_or(bytes.len(), |len| at + len)
            }
        };
        (at, end)
    }

    /// The values of the array that starts at `at`.
    pub(super) fn elements(&self, text: &str, at: usize) -> Vec<Span> {
        let mut list = Vec::new();
        let mut at = after_space(text, at + 1);
        while at < text.len() && !matches!(text.as_bytes()[at], b']') {
            let span = self.value(text, at);
            list.push(span);
            at = after_comma(text, span.1);
        }
        list
    }

    /// The keys, in their quotes, and the values of the object that starts at `at`.
    pub(super) fn entries(&self, text: &str, at: usize) -> Vec<(Span, Span)> {
        let mut list = Vec::new();
        let mut at = after_space(text, at + 1);
        while at < text.len() && !matches!(text.as_bytes()[at], b'}') {
            let key = self.value(text, at);
            let colon = after_space(text, key.1);
            let value = self.value(text, after_space(text, colon + 1));
            list.push((key, value));
            at = after_comma(text, value.1);
        }
        list
    }
}

/// The first byte after the string that starts at `at`.
fn after_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn after_comma(text: &str, at: usize) -> usize {
    let at = after_space(text, at);
    // A piece that is not a value would stop the scan, so it ends the level.
    match text.as_bytes().get(at) {
        Some(b',') => after_space(text, at + 1),
        Some(b']' | b'}') => at,
        _ => text.len(),
    }
}

fn after_space(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| is_space(**byte)).count()
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::Spans;

    #[test]
    fn pieces_are_found_without_being_opened() {
        let text = r#" {"a" : [1, {"x":"}]"} ,true] , "b\"":"\\" , "c":-1.5e3}"#;
        let spans = Spans::of(text);
        let entries = spans.entries(text, 1);
        let piece = |(from, to): (usize, usize)| &text[from..to];
        let shown: Vec<_> = entries
            .iter()
            .map(|(key, value)| (piece(*key), piece(*value)))
            .collect();
        assert_eq!(
            shown,
            [
                ("\"a\"", r#"[1, {"x":"}]"} ,true]"#),
                (r#""b\"""#, r#""\\""#),
                ("\"c\"", "-1.5e3")
            ]
        );
        let elements = spans.elements(text, entries[0].1.0);
        let shown: Vec<_> = elements.into_iter().map(piece).collect();
        assert_eq!(shown, ["1", r#"{"x":"}]"}"#, "true"]);
        let around: Vec<_> = spans.around(14).into_iter().map(piece).collect();
        assert_eq!(around[1..], [r#"[1, {"x":"}]"} ,true]"#, r#"{"x":"}]"}"#]);
        assert_eq!(spans.around(0).len(), 0);
        assert!(spans.elements("[ ]", 0).is_empty());
        assert!(spans.entries("{}", 0).is_empty());
    }
}

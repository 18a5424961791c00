//! Path templates of `google.api.http`: `/v1/{name=shelves/*/books/**}:archive`.

use std::{borrow::Cow, ops::Range};

use percent_encoding::percent_decode_str;

/// One segment of a template, variables resolved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Exactly this text, percent-decoded.
    Literal(String),
    /// `*`: any one segment that is not empty.
    One,
    /// `**`: any number of segments, none included; only at the end.
    Rest,
}

/// A variable of a template and the segments that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Path of the request field, outermost first.
    pub field: Vec<String>,
    segments: Range<usize>,
    /// Whether it can take more than one segment; `%2F` then stays as it is.
    multiple: bool,
}

/// A parsed path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The segments in order.
    pub segments: Vec<Segment>,
    /// The variables in order.
    pub variables: Vec<Variable>,
    /// What follows the last colon, such as `archive`.
    pub verb: Option<String>,
}

/// Why a template is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// It does not begin with a slash.
    #[error("a path template begins with /")]
    NoSlash,
    /// A segment, variable or verb has no text.
    #[error("a segment, variable or verb is empty")]
    Empty,
    /// A brace has no partner, or variables are nested.
    #[error("braces do not match")]
    Braces,
    /// `**` is followed by another segment.
    #[error("** is not the last segment")]
    RestNotLast,
}

/// A path value whose percent-encoding is broken or does not decode to UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid percent-encoded UTF-8")]
pub struct InvalidEncoding;

impl Template {
    /// Parses the text of a `google.api.HttpRule` pattern.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let rest = text.strip_prefix('/').ok_or(InvalidTemplate::NoSlash)?;
        let (path, verb) = split_verb(rest);
        let mut template =
            Self { segments: Vec::new(), variables: Vec::new(), verb: verb.map(str::to_owned) };
        if template.verb.as_deref() == Some("") {
            return Err(InvalidTemplate::Empty);
        }
        for part in split_outside_braces(path)? {
            template.push(part)?;
        }
        let rest_at = template.segments.iter().position(|s| *s == Segment::Rest);
        if rest_at.is_some_and(|at| at + 1 != template.segments.len()) {
            return Err(InvalidTemplate::RestNotLast);
        }
        Ok(template)
    }

    fn push(&mut self, part: &str) -> Result<(), InvalidTemplate> {
        let Some(inner) = part.strip_prefix('{') else {
            self.segments.push(parse_segment(part)?);
            return Ok(());
        };
        let inner = inner.strip_suffix('}').ok_or(InvalidTemplate::Braces)?;
        let (field, pattern) = inner.split_once('=').unwrap_or((inner, "*"));
        if field.split('.').any(str::is_empty) {
            return Err(InvalidTemplate::Empty);
        }
        let start = self.segments.len();
        for segment in pattern.split('/') {
            self.segments.push(parse_segment(segment)?);
        }
        let segments = start..self.segments.len();
        let taken = self.segments.get(start..).unwrap_or_default();
        self.variables.push(Variable {
            field: field.split('.').map(str::to_owned).collect(),
            multiple: taken.len() > 1 || taken == [Segment::Rest],
            segments,
        });
        Ok(())
    }
}

impl Variable {
    /// The value of the variable in a path that matched, percent-decoded.
    ///
    /// # Errors
    /// When the encoding is broken or the value is not UTF-8.
    pub fn value(&self, path: &PathParts<'_>, template: &Template) -> Result<String, InvalidEncoding> {
        let reaches_end = self.segments.end == template.segments.len();
        let end = if reaches_end { path.segments.len() } else { self.segments.end };
        let taken = path.segments.get(self.segments.start..end).unwrap_or_default();
        let decoded = taken
            .iter()
            .map(|segment| if self.multiple { decode_reserved(segment) } else { decode(segment) })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(decoded.join("/"))
    }
}

/// A request path taken apart, still percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathParts<'a> {
    /// What stands between the slashes; the last one without the verb.
    pub segments: Vec<&'a str>,
    /// What follows the last colon of the last segment, when it is read as a verb.
    pub verb: Option<&'a str>,
}

impl<'a> PathParts<'a> {
    /// The ways to read a path, the one with a verb first.
    #[must_use]
    pub fn readings(path: &'a str) -> Vec<Self> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let plain = Self { segments: path.split('/').collect(), verb: None };
        let last = plain.segments.last().copied().unwrap_or_default();
        let Some((head, verb)) = last.rsplit_once(':').filter(|(_, verb)| !verb.is_empty()) else {
            return vec![plain];
        };
        let mut segments = plain.segments.clone();
        segments.pop();
        segments.push(head);
        vec![Self { segments, verb: Some(verb) }, plain]
    }
}

/// Decodes one path segment.
///
/// # Errors
/// When a `%` is not followed by two hex digits or the bytes are not UTF-8.
pub fn decode(segment: &str) -> Result<Cow<'_, str>, InvalidEncoding> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment));
    }
    let complete = segment.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        let hex = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_hexdigit());
        hex(digits.next()) && hex(digits.next())
    });
    if !complete {
        return Err(InvalidEncoding);
    }
    percent_decode_str(segment).decode_utf8().map_err(|_| InvalidEncoding)
}

// A slash inside a value of several segments could not be told from one between them.
fn decode_reserved(segment: &str) -> Result<Cow<'_, str>, InvalidEncoding> {
    let upper = segment.replace("%2f", "%2F");
    let parts = upper.split("%2F").map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(Cow::Owned(parts.join("%2F")))
}

fn split_verb(text: &str) -> (&str, Option<&str>) {
    let after_brace = text.rfind('}').map_or(0, |at| at + 1);
    let after_slash = text.rfind('/').map_or(0, |at| at + 1);
    let from = after_brace.max(after_slash);
    let tail = text.get(from..).unwrap_or_default();
    match tail.split_once(':') {
        Some((head, verb)) => (text.get(..from + head.len()).unwrap_or_default(), Some(verb)),
        None => (text, None),
    }
}

fn split_outside_braces(text: &str) -> Result<Vec<&str>, InvalidTemplate> {
    let mut parts = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (at, character) in text.char_indices() {
        match character {
            '{' if inside => return Err(InvalidTemplate::Braces),
            '{' => inside = true,
            '}' if !inside => return Err(InvalidTemplate::Braces),
            '}' => inside = false,
            '/' if !inside => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(InvalidTemplate::Braces);
    }
    parts.extend(text.get(start..));
    Ok(parts)
}

fn parse_segment(text: &str) -> Result<Segment, InvalidTemplate> {
    match text {
        "" => Err(InvalidTemplate::Empty),
        "*" => Ok(Segment::One),
        "**" => Ok(Segment::Rest),
        _ if text.contains(['{', '}']) => Err(InvalidTemplate::Braces),
        _ => Ok(Segment::Literal(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    #[test]
    fn a_variable_stands_for_one_segment_unless_it_says_otherwise() {
        let template = Template::parse("/v1/markets/{market_id}/prices").unwrap();
        assert_eq!(template.segments, [literal("v1"), literal("markets"), Segment::One, literal("prices")]);
        assert_eq!(template.variables[0].field, ["market_id"]);
        assert_eq!(template.verb, None);
    }

    #[test]
    fn a_variable_can_hold_a_pattern_and_a_verb_can_follow() {
        let template = Template::parse("/v1/{book.name=shelves/*/books/**}:archive").unwrap();
        assert_eq!(
            template.segments,
            [literal("v1"), literal("shelves"), Segment::One, literal("books"), Segment::Rest]
        );
        assert_eq!(template.variables[0].field, ["book", "name"]);
        assert_eq!(template.verb.as_deref(), Some("archive"));
    }

    #[test]
    fn broken_templates_say_what_is_wrong() {
        for (text, error) in [
            ("v1", InvalidTemplate::NoSlash),
            ("/v1//x", InvalidTemplate::Empty),
            ("/v1/{}", InvalidTemplate::Empty),
            ("/v1/{a.}", InvalidTemplate::Empty),
            ("/v1/x:", InvalidTemplate::Empty),
            ("/v1/{a", InvalidTemplate::Braces),
            ("/v1/a}", InvalidTemplate::Braces),
            ("/v1/{a={b}}", InvalidTemplate::Braces),
            ("/v1/x{a}", InvalidTemplate::Braces),
            ("/v1/**/x", InvalidTemplate::RestNotLast),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_path_with_a_colon_reads_as_a_verb_first() {
        let readings = PathParts::readings("/v1/eip155:8453");
        assert_eq!(readings[0].segments, ["v1", "eip155"]);
        assert_eq!(readings[0].verb, Some("8453"));
        assert_eq!(readings[1].segments, ["v1", "eip155:8453"]);
    }

    #[test]
    fn a_broken_escape_is_refused_and_not_guessed() {
        for text in ["%", "%4", "%zz", "a%", "%ff", "%2"] {
            assert_eq!(decode(text), Err(InvalidEncoding), "{text}");
        }
        assert_eq!(decode("%C3%A9%20x").unwrap(), "é x");
    }
}

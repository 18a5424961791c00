//! The little of Rust that the rules need: tokens, and the paths that they spell.

/// Words, punctuation and string literals, without comments and test code. A lifetime is its name.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = rest.split_at(length(rest));
        if !token.starts_with(char::is_whitespace) && !token.starts_with("//") && !token.starts_with("/*") {
            tokens.push(token);
        }
        rest = after;
    }
    without_tests(&tokens)
}

/// Every path in `tokens`, imports and expressions alike; `a::{b, c::d}` is `a::b` and `a::c::d`.
pub(super) fn paths<'a>(tokens: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = if is_word(tokens[at]) { path(tokens, at, &[], &mut found) } else { at + 1 };
    }
    found
}

fn path<'a>(tokens: &[&'a str], start: usize, prefix: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> usize {
    let mut path = prefix.to_vec();
    let mut at = start;
    while let Some(word) = tokens.get(at).filter(|token| is_word(token)) {
        path.push(word);
        at += 1;
        if tokens.get(at) != Some(&"::") {
            break;
        }
        at += 1;
        if tokens.get(at) == Some(&"{") {
            return group(tokens, at + 1, &path, found);
        }
    }
    found.push(path);
    at
}

fn group<'a>(tokens: &[&'a str], start: usize, prefix: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> usize {
    let mut at = start;
    while at < tokens.len() && tokens[at] != "}" {
        at = match tokens[at] {
            "as" => at + 2,
            word if is_word(word) => path(tokens, at, prefix, found),
            _ => at + 1,
        };
    }
    at + 1
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Bytes of the token, comment or white space that `rest` starts with; at least one character.
fn length(rest: &str) -> usize {
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let until = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
    let while_in = |inside: fn(char) -> bool| rest.find(|next| !inside(next)).unwrap_or(rest.len());
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if let Some(end) = raw_string_end(rest) {
        return until(&end);
    }
    match rest.chars().next() {
        Some('/') if rest.starts_with("/*") => until("*/"),
        Some('"') => string(rest),
        Some('\'') => character(rest),
        Some(':') if rest.starts_with("::") => 2,
        Some(next) if next.is_whitespace() => while_in(char::is_whitespace),
        Some(next) if next.is_alphanumeric() || next == '_' => {
            while_in(|next| next.is_alphanumeric() || next == '_')
        }
        _ => first,
    }
}

/// What ends the raw string that `rest` starts with, if it starts with one.
fn raw_string_end(rest: &str) -> Option<String> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let quoted = after.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(after.len() - quoted.len()));
    // A raw string without hashes ends at its second quote: take the first one along.
    let opened = quoted.strip_prefix('"')?;
    opened.find(&end).map(|at| format!("{}{end}", &rest[rest.len() - quoted.len()..][..=at]))
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, next) in rest.char_indices().skip(1) {
        match next {
            '"' if !escaped => return at + 1,
            _ => escaped = next == '\\' && !escaped,
        }
    }
    rest.len()
}

fn character(rest: &str) -> usize {
    let mut inside = rest.char_indices().skip(1);
    match (inside.next(), inside.next()) {
        (Some((_, '\\')), Some((at, escape))) => {
            let after = at + escape.len_utf8();
            rest[after..].find('\'').map_or(rest.len(), |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// Leaves out every item under `#[cfg(test)]`.
fn without_tests<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].starts_with(&MARK) {
            at += MARK.len();
            at += item(&tokens[at..]);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Tokens of one item: through its first semicolon or its braces.
fn item(tokens: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "{" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[test]
fn comments_and_tests_are_left_out_and_strings_are_one_token() {
    let text = "use a; // b\n/* c */ let d = \"e // \\\" f\"; let g = ('\"', '\\'', 'h', r#\"i\" j\"#, b\"k\");\n\
                fn l<'m>() {}\n#[cfg(test)]\nmod n { fn o() {} }\nlet p = r\"q\";";
    let expected = [
        "use",
        "a",
        ";",
        "let",
        "d",
        "=",
        "\"e // \\\" f\"",
        ";",
        "let",
        "g",
        "=",
        "(",
        "'\"'",
        ",",
        "'\\''",
        ",",
        "'h'",
        ",",
        "r#\"i\" j\"#",
        ",",
        "b",
        "\"k\"",
        ")",
        ";",
        "fn",
        "l",
        "<",
        "'",
        "m",
        ">",
        "(",
        ")",
        "{",
        "}",
        "let",
        "p",
        "=",
        "r\"q\"",
        ";",
    ];
    assert_eq!(tokens(text), expected);
}

#[test]
fn grouped_imports_are_taken_apart() {
    let text = "use crate::{a::{self, B}, c as d, e::*}; f::g(h)";
    let found: Vec<String> = paths(&tokens(text)).iter().map(|path| path.join("::")).collect();
    let expected = ["use", "crate::a::self", "crate::a::B", "crate::c", "crate::e", "f::g", "h"];
    assert_eq!(found, expected);
}

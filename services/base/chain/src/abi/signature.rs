//! Definitions as people write them: `event Transfer(address indexed from, address to)`.

use super::{
    Abi, AbiError,
    kind::{DEEPEST, Kind},
    parse::{Definition, Input, kind},
};

/// First words of the other definitions that lists of signatures hold.
const OTHERS: [&str; 8] =
    ["function", "constructor", "error", "struct", "fallback", "receive", "modifier", "enum"];

impl Abi {
    /// Reads signatures of events as Solidity writes them, with or without the word `event` before
    /// and a semicolon behind:
    /// `event Filled(bytes32 indexed id, (uint256 amount, address token)[] fills) anonymous`.
    /// Tuples stand for structs, with or without the word `tuple` and names of their parts.
    ///
    /// # Errors
    /// [`AbiError::Event`] with the signature and what is wrong with it, [`AbiError::Ambiguous`],
    /// [`AbiError::NoEvents`].
    pub fn parse_signatures(signatures: &[&str]) -> Result<Self, AbiError> {
        let definitions = signatures.iter().map(|signature| parse(signature));
        Self::of_definitions(definitions.collect::<Result<_, _>>()?)
    }
}

/// Whether a text is not a definition of anything else.
pub(super) fn is_event(text: &str) -> bool {
    let (first, _) = split_identifier(text.trim_start());
    !OTHERS.contains(&first)
}

/// Reads one signature.
pub(super) fn parse(text: &str) -> Result<Definition, AbiError> {
    definition(text).map_err(|reason| AbiError::Event { event: format!("`{}`", text.trim()), reason })
}

/// Whether a text can be the name of an event.
pub(super) fn is_identifier(text: &str) -> bool {
    !text.is_empty() && split_identifier(text).1.is_empty()
}

fn definition(text: &str) -> Result<Definition, String> {
    let mut rest = Rest(text.trim());
    let mut name = rest.identifier();
    if name == "event" && !rest.0.starts_with('(') {
        name = rest.identifier();
    }
    if name.is_empty() {
        return Err(format!("expected the name of the event at {}", rest.seen()));
    }
    if !rest.takes('(') {
        return Err(format!("expected \"(\" behind the name at {}", rest.seen()));
    }
    let mut inputs = Vec::new();
    rest.list(|rest| {
        let input = argument(rest).map_err(|reason| format!("argument {}: {reason}", inputs.len() + 1))?;
        inputs.push(input);
        Ok(())
    })?;
    let anonymous = match rest.identifier() {
        "" => false,
        "anonymous" => true,
        other => return Err(format!("{other:?} behind the arguments is not \"anonymous\"")),
    };
    rest.takes(';');
    if !rest.0.is_empty() {
        return Err(format!("ends before {}", rest.seen()));
    }
    Ok(Definition { name: name.to_owned(), anonymous, inputs })
}

/// Reads a type, the word `indexed` and a name, of which only the type has to be there.
fn argument(rest: &mut Rest) -> Result<Input, String> {
    let kind = type_of(rest, 0)?;
    let first = rest.identifier();
    let indexed = first == "indexed";
    let name = if indexed { rest.identifier() } else { first };
    rest.ends_item()?;
    Ok(Input { name: name.to_owned(), kind, indexed })
}

fn type_of(rest: &mut Rest, depth: usize) -> Result<Kind, String> {
    if depth >= DEEPEST {
        return Err(format!("is nested {DEEPEST} deep or deeper"));
    }
    let base = rest.identifier();
    let is_tuple = (base.is_empty() || base == "tuple") && rest.takes('(');
    let parts = if is_tuple { Some(tuple(rest, depth)?) } else { None };
    if parts.is_none() && base.is_empty() {
        return Err(format!("expected a type at {}", rest.seen()));
    }
    let suffixes = rest.suffixes();
    kind(base, parts, &suffixes)
}

/// Reads the parts of a tuple, whose names no log and no id depends on.
fn tuple(rest: &mut Rest, depth: usize) -> Result<Vec<Kind>, String> {
    let mut parts = Vec::new();
    rest.list(|rest| {
        parts.push(type_of(rest, depth + 1)?);
        if rest.identifier() == "indexed" {
            return Err("a part of a tuple cannot be indexed".into());
        }
        rest.ends_item()
    })?;
    Ok(parts)
}

/// What of a signature is not read yet; never begins with white space.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, behind: &'a str) {
        self.0 = behind.trim_start();
    }

    /// Takes a word, which is empty when the next character is none of a word.
    fn identifier(&mut self) -> &'a str {
        let (word, behind) = split_identifier(self.0);
        self.skip(behind);
        word
    }

    fn takes(&mut self, character: char) -> bool {
        let behind = self.0.strip_prefix(character);
        behind.inspect(|behind| self.skip(behind)).is_some()
    }

    /// Takes items up to the closing parenthesis.
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        if self.takes(')') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.takes(')') {
                return Ok(());
            }
            if !self.takes(',') {
                return Err(format!("expected \",\" or \")\" at {}", self.seen()));
            }
        }
    }

    fn ends_item(&self) -> Result<(), String> {
        if self.0.starts_with([',', ')']) {
            return Ok(());
        }
        Err(format!("expected \",\" or \")\" at {}", self.seen()))
    }

    /// Takes everything that looks like lengths of arrays, without its white space.
    fn suffixes(&mut self) -> String {
        let mut suffixes = String::new();
        while self.0.starts_with('[') {
            let end = self.0.find(']').map_or(self.0.len(), |end| end + 1);
            let (suffix, behind) = self.0.split_at(end);
            suffixes.extend(suffix.chars().filter(|character| !character.is_whitespace()));
            self.skip(behind);
        }
        suffixes
    }

    fn seen(&self) -> String {
        if self.0.is_empty() { "the end".into() } else { format!("{:?}", self.0) }
    }
}

fn split_identifier(text: &str) -> (&str, &str) {
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '$');
    let starts_with_digit = text.starts_with(|first: char| first.is_ascii_digit());
    let end = if starts_with_digit { 0 } else { text.find(|one| !is_part(one)).unwrap_or(text.len()) };
    text.split_at(end)
}

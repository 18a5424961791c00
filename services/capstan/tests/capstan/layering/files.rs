//! Every file opens with a sentence about itself and is short.

use super::tree::Tree;

const MOST_LINES: usize = 400;

/// Files that do not say what they are, or are too long.
pub(super) fn violations(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust() {
        if !text.starts_with("//! ") {
            found.push(format!("{path}: does not open with a //! sentence"));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            found.push(format!("{path}: has {lines} lines, more than {MOST_LINES}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{accepted, refused};

    #[test]
    fn a_file_without_its_sentence_is_refused() {
        let path = "services/market/tests/market/main.rs";
        refused(path, "use a;\n", "services/market/tests/market/main.rs: does not open with a //! sentence");
    }

    #[test]
    fn a_file_may_have_400_lines_and_no_more() {
        accepted("db/src/lib.rs", &"//! A line.\n".repeat(400));
        refused("db/src/lib.rs", &"//! A line.\n".repeat(401), "db/src/lib.rs: has 401 lines, more than 400");
    }
}

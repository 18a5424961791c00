//! The write-ahead journal from which a killed chain is rebuilt, block hash for block hash.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use alloy::primitives::{B256, Bytes};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Deployment;

const FILE: &str = "journal.jsonl";

/// What fixes the genesis block; another header means another chain.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) format: u32,
    pub(crate) chain_id: u64,
    pub(crate) seed: u64,
    pub(crate) genesis_time: u64,
}

/// One line of the journal. `Block` is written before the block is mined, `Mined` after it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    Header(Header),
    /// A call that changes state outside of blocks, such as `anvil_setCode`.
    Call {
        method: String,
        params: Value,
    },
    Block {
        timestamp: u64,
        base_fee: u64,
        transactions: Vec<Bytes>,
    },
    /// `transactions` is there only when the block holds others than were announced: someone else sent them in between.
    Mined {
        number: u64,
        hash: B256,
        transactions: Option<Vec<Bytes>>,
    },
    /// `transactions` come back, each in the replacing block with this index.
    Reorg {
        depth: u64,
        transactions: Vec<(Bytes, u64)>,
    },
    Deployed(Box<Deployment>),
}

/// An open journal; the file is locked against a second process.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens or creates the journal and reads it. A half-written last line is cut off.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Vec<Entry>)> {
        let path = folder.join(FILE);
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))?;
        if file.try_lock().is_err() {
            bail!("{} is in use by another process", path.display());
        }
        let text = fs::read(&path)?;
        let (entries, length) = parse(&text).with_context(|| format!("read {}", path.display()))?;
        file.set_len(u64::try_from(length)?)?;
        file.seek(SeekFrom::End(0))?;
        Ok((Self { file, path }, entries))
    }

    /// Hands the line to the operating system, so that it outlives this process.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.write_all(&line).with_context(|| format!("write {}", self.path.display()))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) -> Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        Ok(())
    }
}

/// The entries of all whole lines, and the length of those lines in bytes.
fn parse(text: &[u8]) -> Result<(Vec<Entry>, usize)> {
    let mut entries = Vec::new();
    let mut length = 0;
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        entries.push(serde_json::from_slice(line).with_context(|| format!("line {}", index + 1))?);
        length += line.len();
    }
    Ok((entries, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_written_last_line_is_dropped() {
        let whole = b"{\"reorg\":{\"depth\":3,\"transactions\":[]}}\n";
        let torn = [whole.as_slice(), b"{\"block\":{\"times"].concat();
        let (entries, length) = parse(&torn).unwrap();
        assert_eq!((entries.len(), length), (1, whole.len()));
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error_that_names_it() {
        let error = parse(b"{\"reorg\":{\"depth\":3,\"transactions\":[]}}\nnonsense\n{}\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2");
    }

    #[test]
    fn a_journal_is_not_opened_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (_first, entries) = Journal::open(folder.path()).unwrap();
        assert!(entries.is_empty());
        assert!(Journal::open(folder.path()).unwrap_err().to_string().contains("another process"));
    }
}

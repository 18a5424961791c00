//! Which chains can be checked how far, by what is known of them and by what they proved.

use std::sync::{Mutex, MutexGuard, PoisonError};

use capstan_primitives::ChainId;
use tracing::warn;

use super::FullHeader;
use crate::{ChainError, calls::inconsistent};

/// How far the logs of a block are checked against its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verification {
    /// Only that logs carry the hash of their block.
    Off,
    /// Also that no log is there that the header's bloom rules out; silence about what the bloom may
    /// hold is confirmed by receipts, or by another endpoint.
    Bloom,
    /// Logs are taken from receipts whose root is in the header: none can be missing, altered or invented.
    Receipts,
}

/// Ethereum and its test networks: what does not verify there is a lie, whoever says so.
const ETHEREUM: [u64; 4] = [1, 11_155_111, 17_000, 560_048];

/// Chains with blocks that do not verify at some height: Gnosis and Celo changed their headers,
/// Arbitrum its client, and Polygon kept the logs of state syncs out of blooms and roots.
const UNVERIFIED: [u64; 5] = [100, 137, 42_161, 42_220, 80_002];

/// Whether a chain writes something as Ethereum does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Nothing was proved yet.
    Unknown,
    /// A hash or root that cannot be forged came out right, so it always must.
    Standard,
    /// All endpoints agreed on a block that does not come out right.
    Other,
}

/// The forms of one chain. Only endpoints in agreement can say that one is other than standard, and
/// never after it proved standard.
#[derive(Debug)]
pub(crate) struct Formats {
    chain: ChainId,
    forms: Mutex<Forms>,
}

#[derive(Debug)]
struct Forms {
    headers: Form,
    receipts: Form,
}

impl Formats {
    pub(crate) fn new(chain: ChainId) -> Self {
        let form = match chain.0 {
            id if ETHEREUM.contains(&id) => Form::Standard,
            id if UNVERIFIED.contains(&id) => Form::Other,
            _ => Form::Unknown,
        };
        Self { chain, forms: Mutex::new(Forms { headers: form, receipts: form }) }
    }

    /// The strongest check that the forms allow, as far as they are known.
    pub(crate) fn verification(&self) -> Verification {
        let forms = self.forms();
        match (forms.headers, forms.receipts) {
            (Form::Other, _) => Verification::Off,
            (_, Form::Other) => Verification::Bloom,
            _ => Verification::Receipts,
        }
    }

    pub(crate) fn knows_headers(&self) -> bool {
        self.forms().headers != Form::Unknown
    }

    pub(crate) fn knows_receipts(&self) -> bool {
        self.forms().receipts != Form::Unknown
    }

    /// Whether `header` is proved by its hash; an error when it should be and is not.
    pub(crate) fn proves(&self, header: &FullHeader) -> Result<bool, ChainError> {
        let verifies = header.self_verifies();
        let mut forms = self.forms();
        if verifies && forms.headers == Form::Unknown {
            forms.headers = Form::Standard;
        }
        if verifies || forms.headers == Form::Other {
            return Ok(verifies);
        }
        let block = header.header.block;
        Err(inconsistent(format!(
            "the header of block {} does not have the hash {}",
            block.number, block.hash
        )))
    }

    /// Takes note of a receipts root that came out right.
    pub(crate) fn receipts_proved(&self) {
        self.forms().receipts = Form::Standard;
    }

    /// Takes note that all endpoints agree on a header that is not made as Ethereum's.
    pub(crate) fn headers_are_other(&self) {
        let mut forms = self.forms();
        if forms.headers == Form::Unknown {
            forms.headers = Form::Other;
            warn!(
                chain = self.chain.0,
                "block hashes of this chain cannot be recomputed; logs are not verified"
            );
        }
    }

    /// Takes note that the endpoints serve no receipts, or agree on such as cannot be checked.
    pub(crate) fn receipts_are_other(&self) {
        let mut forms = self.forms();
        if forms.receipts == Form::Unknown {
            forms.receipts = Form::Other;
            warn!(
                chain = self.chain.0,
                "receipts of this chain cannot be checked; logs are verified by bloom"
            );
        }
    }

    fn forms(&self) -> MutexGuard<'_, Forms> {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

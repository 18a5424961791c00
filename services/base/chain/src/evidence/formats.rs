//! Which chains can be checked how far, by what is known of them and by what they proved.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

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

/// Something of a chain that may be written as on Ethereum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Headers, and so the hashes of blocks.
    Headers,
    /// Receipts, and so their roots.
    Receipts,
}

/// Whether a chain writes something as Ethereum does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Nothing was proved yet.
    Unknown,
    /// Those endpoints that could be asked agreed on what does not come out right.
    Assumed,
    /// A hash or root that cannot be forged came out right, so it always must.
    Standard,
    /// All endpoints agreed on what does not come out right.
    Other,
}

/// What is known of a form, and from whom.
#[derive(Debug)]
struct Learnt {
    form: Form,
    /// Places of the endpoints whose answers did not come out right.
    heard: BTreeSet<usize>,
    /// When an assumption is to be looked at again.
    due: Instant,
}

/// How often an endpoint that was not heard yet is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The forms of one chain. Only endpoints in agreement can say that one is other than standard, for good
/// only all of them, and never after it proved standard.
#[derive(Debug)]
pub(crate) struct Formats {
    chain: ChainId,
    forms: Mutex<Forms>,
}

#[derive(Debug)]
struct Forms {
    headers: Learnt,
    receipts: Learnt,
}

impl Learnt {
    const fn new(form: Form, now: Instant) -> Self {
        Self { form, heard: BTreeSet::new(), due: now }
    }

    const fn is_open(&self) -> bool {
        matches!(self.form, Form::Unknown | Form::Assumed)
    }

    const fn is_other(&self) -> bool {
        matches!(self.form, Form::Other | Form::Assumed)
    }
}

impl Forms {
    const fn of(&mut self, part: Part) -> &mut Learnt {
        match part {
            Part::Headers => &mut self.headers,
            Part::Receipts => &mut self.receipts,
        }
    }
}

impl Formats {
    pub(crate) fn new(chain: ChainId) -> Self {
        let form = match chain.0 {
            id if ETHEREUM.contains(&id) => Form::Standard,
            id if UNVERIFIED.contains(&id) => Form::Other,
            _ => Form::Unknown,
        };
        let learnt = || Learnt::new(form, Instant::now());
        Self { chain, forms: Mutex::new(Forms { headers: learnt(), receipts: learnt() }) }
    }

    /// The strongest check that the forms allow, as far as they are known.
    pub(crate) fn verification(&self) -> Verification {
        let forms = self.forms();
        match (forms.headers.is_other(), forms.receipts.is_other()) {
            (true, _) => Verification::Off,
            (_, true) => Verification::Bloom,
            _ => Verification::Receipts,
        }
    }

    pub(crate) fn knows_headers(&self) -> bool {
        self.forms().headers.form != Form::Unknown
    }

    /// Whether something may still prove to be as on Ethereum, or may not.
    pub(crate) fn is_open(&self, part: Part) -> bool {
        self.forms().of(part).is_open()
    }

    /// The endpoints that need not be asked how they write something; nothing when nobody is to be asked now.
    pub(crate) fn to_learn(&self, part: Part) -> Option<BTreeSet<usize>> {
        let now = Instant::now();
        let mut forms = self.forms();
        let learnt = forms.of(part);
        let is_due = learnt.form == Form::Unknown || (learnt.form == Form::Assumed && learnt.due <= now);
        learnt.due = if is_due { now + LOOK_AGAIN } else { learnt.due };
        is_due.then(|| learnt.heard.clone())
    }

    /// Whether `header` is proved by its hash; an error when it should be and is not.
    pub(crate) fn proves(&self, header: &FullHeader) -> Result<bool, ChainError> {
        let verifies = header.self_verifies();
        let mut forms = self.forms();
        if verifies && forms.headers.is_open() {
            forms.headers.form = Form::Standard;
        }
        if verifies || forms.headers.is_other() {
            return Ok(verifies);
        }
        let block = header.header.block;
        if forms.headers.form == Form::Unknown {
            return Err(ChainError::FormatUnknown { number: block.number });
        }
        Err(inconsistent(format!(
            "the header of block {} does not have the hash {}",
            block.number, block.hash
        )))
    }

    /// Takes note of a receipts root that came out right.
    pub(crate) fn receipts_proved(&self) {
        self.forms().receipts.form = Form::Standard;
    }

    /// Takes note that these endpoints, of so many in all, agree on something that is not made as on Ethereum,
    /// or do not serve it. Enough of them are believed until another one is heard.
    pub(crate) fn are_other(&self, part: Part, who: Vec<usize>, (enough, all): (usize, usize)) {
        let mut forms = self.forms();
        let learnt = forms.of(part);
        learnt.heard.extend(who);
        let before = learnt.form;
        if !learnt.is_open() || learnt.heard.len() < enough {
            return;
        }
        learnt.form = if learnt.heard.len() < all { Form::Assumed } else { Form::Other };
        let is_certain = learnt.form == Form::Other;
        drop(forms);
        if before == Form::Unknown {
            self.warn(part, is_certain);
        }
    }

    fn warn(&self, part: Part, is_certain: bool) {
        let chain = self.chain.0;
        match part {
            Part::Headers => warn!(
                chain,
                is_certain, "block hashes of this chain cannot be recomputed; logs are not verified"
            ),
            Part::Receipts => {
                warn!(
                    chain,
                    is_certain, "receipts of this chain cannot be checked; logs are verified by bloom"
                );
            }
        }
    }

    fn forms(&self) -> MutexGuard<'_, Forms> {
        self.forms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

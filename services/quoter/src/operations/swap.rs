//! Transactions that execute quotes, and what has to be done before they can be sent.

use std::sync::Arc;

use capstan_chain::ChainError;
use capstan_primitives::{Address, Hash, U256};

use super::{Answer, Chain, Quoter};
use crate::{
    adapters::accounts::{Holdings, Permitted, Question, Tried},
    domain::{
        pool::PoolId,
        quote::{Ask, Status},
        swap::{Call, Order, Parties, Permit, Router, RouterKind, SignedPermit, Unexecutable},
    },
    error::Error,
    metrics,
};

/// A swap that is to be built.
#[derive(Debug, Clone)]
pub(crate) struct SwapAsk {
    pub(crate) ask: Ask,
    pub(crate) sender: Address,
    pub(crate) recipient: Address,
    pub(crate) deadline_seconds: u64,
    /// By which router; none for whichever can.
    pub(crate) by: Option<RouterKind>,
    pub(crate) permit: Option<SignedPermit>,
}

/// What was built.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) ask: Ask,
    pub(crate) answer: Arc<Answer>,
    /// The router; none when no router can execute a quote.
    pub(crate) by: Option<RouterKind>,
    pub(crate) call: Option<Call>,
    /// Why there is no transaction.
    pub(crate) problem: String,
    /// Unix seconds.
    pub(crate) deadline: u64,
    pub(crate) allowance: Option<Allowance>,
    /// What is to be signed, and the same as typed data.
    pub(crate) permit: Option<(Permit, String)>,
    pub(crate) missing_balance: Option<U256>,
    pub(crate) tried: Option<Tried>,
}

/// An ERC-20 allowance that is to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) token: Address,
    pub(crate) spender: Address,
    pub(crate) amount: U256,
}

impl Quoter {
    /// Quotes a swap and makes the transaction that executes it.
    ///
    /// # Errors
    /// As [`Self::quote`], when a party or the permit is wrong, and when a permit depends on a node that is away.
    pub(crate) async fn build(&self, chain: &Chain, ask: &SwapAsk) -> Result<Built, Error> {
        // Whatever is sent to a pool is anybody's.
        if chain.snapshot()?.pools.get(&PoolId::Contract(ask.recipient)).is_some() {
            return Err(Error::field("recipient", "is a pool"));
        }
        let mut built = self.choose(chain, ask).await?;
        if let Some(router) = built.ask.router.clone().filter(|_| built.by.is_some()) {
            complete(chain, ask, (&mut built, &router)).await?;
        }
        metrics::swap_built(chain.live.chain, built.by.map(RouterKind::name), built.outcome());
        Ok(built)
    }

    /// The first router that can execute a quote, and the best quote that it can execute.
    async fn choose(&self, chain: &Chain, ask: &SwapAsk) -> Result<Built, Error> {
        let mut first = None;
        for router in chain.routers.iter().filter(|router| ask.by.is_none_or(|kind| kind == router.kind)) {
            check_parties(router, ask)?;
            let asked = Ask { router: Some(router.clone()), ..ask.ask.clone() };
            let answer = self.quote(chain, &asked).await?;
            if answer.quote.status == Status::Ok {
                return Ok(Built::new((asked, answer), Some(router.kind), String::new()));
            }
            first.get_or_insert((asked, answer));
        }
        let Some((asked, answer)) = first else {
            let answer = self.quote(chain, &ask.ask).await?;
            let problem = "no router is configured for this chain that takes tokens this way";
            return Ok(Built::new((ask.ask.clone(), answer), None, problem.to_owned()));
        };
        let problem = format!("no route that the router can execute: {}", answer.quote.problem);
        Ok(Built::new((asked, answer), None, problem))
    }
}

/// The transaction of the quote that was chosen, as far as the sender's allowances go.
async fn complete(chain: &Chain, ask: &SwapAsk, (built, router): (&mut Built, &Router)) -> Result<(), Error> {
    let answer = Arc::clone(&built.answer);
    let at = answer.snapshot.block;
    built.deadline = at.time.0.saturating_add(ask.deadline_seconds);
    let parties = Parties { sender: ask.sender, recipient: ask.recipient };
    let made = (&built.ask.clone(), &answer.quote);
    let order = match Order::new(router, made, &answer.snapshot.pools, parties, built.deadline) {
        Ok(order) => order,
        Err(problem) => return built.refuse(&problem),
    };
    let held = match holdings(chain, &order, at.hash).await {
        Ok(held) => Some(held),
        Err(source) if order.takes_permit() => return Err(Error::Node { chain: chain.live.chain, source }),
        Err(_) => None,
    };
    let permitted = held.and_then(|held| held.permitted).filter(|_| order.takes_permit());
    let lacking = permitted.filter(|permitted| !permitted.suffices(order.most_in(), built.deadline));
    let order = match (lacking, &ask.permit) {
        (None, _) => order,
        (Some(permitted), None) => return built.ask_for_permit(chain, (&order, permitted.nonce), held),
        (Some(permitted), Some(given)) => {
            let permit = accepted(chain, &order, given, (permitted.nonce, at.time.0)).await?;
            order.permitted(permit)
        }
    };
    built.deadline = order.deadline;
    built.compare(&order, held);
    match order.call() {
        Ok(call) => built.call = Some(call),
        Err(problem) => return built.refuse(&problem),
    }
    if held.is_some() && built.allowance.is_none() && built.missing_balance.is_none() {
        built.try_out(chain, (ask.sender, at.hash)).await;
    }
    Ok(())
}

async fn holdings(chain: &Chain, order: &Order<'_>, at: Hash) -> Result<Holdings, ChainError> {
    let router = order.router;
    let question = Question {
        owner: order.sender,
        token: order.token_in,
        spender: router.spender(),
        by_permit2: (router.kind == RouterKind::Universal).then_some(router.address),
    };
    chain.accounts.holdings(at, question).await
}

/// A permit that the router's transaction can begin with.
async fn accepted(
    chain: &Chain,
    order: &Order<'_>,
    given: &SignedPermit,
    (nonce, now): (u64, u64),
) -> Result<SignedPermit, Error> {
    let Permit { token, amount, expiration, spender, sig_deadline, .. } = given.permit;
    let wrong = |field: &str, problem: &str| Err(Error::field(format!("permit.{field}"), problem));
    if token != order.token_in {
        return wrong("permit.token", "is not token_in");
    }
    if spender != order.router.address {
        return wrong("permit.spender", "is not the router");
    }
    if amount < order.amount_in() {
        return wrong("permit.amount", "is less than goes in");
    }
    if expiration <= now {
        return wrong("permit.expiration", "is over");
    }
    if sig_deadline <= now {
        return wrong("permit.sig_deadline", "is over");
    }
    if given.permit.nonce != nonce {
        return wrong("permit.nonce", "is not the one that Permit2 expects: sign another permit");
    }
    let asked = |source| Error::Node { chain: chain.live.chain, source };
    if chain.accounts.is_contract(order.sender).await.map_err(asked)? {
        return Ok(given.clone());
    }
    let signed = given.by_key(chain.live.chain, order.router.permit2);
    match signed.filter(|(signer, _)| *signer == order.sender) {
        Some((_, permit)) => Ok(permit),
        None => wrong("signature", "is not the sender's signature of this permit, of 65 bytes or 64"),
    }
}

fn check_parties(router: &Router, ask: &SwapAsk) -> Result<(), Error> {
    if router.is_no_sender(ask.sender) {
        return Err(Error::field("sender", "cannot send transactions"));
    }
    let tokens = [ask.ask.token_in, ask.ask.token_out];
    if router.is_no_recipient(ask.recipient) || tokens.contains(&ask.recipient) {
        return Err(Error::field("recipient", "is nobody who could do anything with what comes out"));
    }
    Ok(())
}

impl Permitted {
    /// Whether this much may be taken until then.
    fn suffices(&self, amount: U256, until: u64) -> bool {
        self.amount >= amount && self.expiration >= until
    }
}

impl Built {
    fn new((ask, answer): (Ask, Arc<Answer>), by: Option<RouterKind>, problem: String) -> Self {
        Self {
            ask,
            answer,
            by,
            call: None,
            problem,
            deadline: 0,
            allowance: None,
            permit: None,
            missing_balance: None,
            tried: None,
        }
    }

    fn refuse(&mut self, problem: &Unexecutable) -> Result<(), Error> {
        self.problem = problem.to_string();
        Ok(())
    }

    fn ask_for_permit(
        &mut self,
        chain: &Chain,
        (order, nonce): (&Order<'_>, u64),
        held: Option<Holdings>,
    ) -> Result<(), Error> {
        let permit = order.permit_with(nonce);
        let text = permit.typed_data(chain.live.chain, order.router.permit2);
        self.permit = Some((permit, text));
        "the permit is to be signed first".clone_into(&mut self.problem);
        self.compare(order, held);
        Ok(())
    }

    /// Says what the sender lacks.
    fn compare(&mut self, order: &Order<'_>, held: Option<Holdings>) {
        let Some(held) = held else { return };
        let most = order.most_in();
        let (token, spender) = (order.token_in, order.router.spender());
        self.allowance = (held.allowance < most).then_some(Allowance { token, spender, amount: most });
        let needed = if order.takes_coin() { most } else { order.amount_in() };
        self.missing_balance = needed.checked_sub(held.balance).filter(|missing| !missing.is_zero());
    }

    async fn try_out(&mut self, chain: &Chain, (sender, at): (Address, Hash)) {
        let Some(call) = &self.call else { return };
        match chain.accounts.try_out(at, sender, call).await {
            Ok(tried) => self.tried = Some(tried),
            Err(error) => tracing::debug!(%error, "a swap was not tried out"),
        }
    }

    fn outcome(&self) -> &'static str {
        match (&self.call, &self.permit, self.by) {
            (Some(_), ..) => "built",
            (None, Some(_), _) => "permit",
            (None, None, Some(_)) => "unexecutable",
            (None, None, None) if self.ask.router.is_some() => "no_quote",
            (None, None, None) => "no_router",
        }
    }
}

//! Requests → questions; a wrong field is named.

use std::fmt::Display;

use capstan_primitives::{Address, Amount, U256};
use capstan_proto::quoter as wire;

use crate::{
    domain::{
        pool::{PoolId, Protocol},
        quote::Ask,
        route::{MOST_HOPS, Side},
    },
    error::Error,
};

const HOPS: usize = 3;
const SPLITS: usize = 8;
const MOST_SPLITS: u32 = 16;
const SLIPPAGE_BPS: u32 = 50;
const MOST_EXCLUDED: usize = 100;
const TIMEOUT_MS: u64 = 100;
const MOST_TIMEOUT_MS: u32 = 5_000;

/// The fields of a message, each with the path that leads to it.
pub(super) struct Fields<'a>(pub(super) &'a str);

impl Fields<'_> {
    pub(super) fn wrong(&self, field: &str, problem: impl Display) -> Error {
        Error::field(format!("{}{field}", self.0), problem.to_string())
    }

    pub(super) fn address(&self, field: &str, text: &str) -> Result<Address, Error> {
        if text.is_empty() {
            return Err(self.wrong(field, "must be given"));
        }
        let address: Address = text.parse().map_err(|problem| self.wrong(field, problem))?;
        match address.as_bytes().len() {
            20 => Ok(address),
            _ => Err(self.wrong(field, "is not an address of 20 bytes")),
        }
    }

    pub(super) fn number(&self, field: &str, text: &str) -> Result<U256, Error> {
        text.parse::<Amount>().map(|amount| amount.0).map_err(|problem| self.wrong(field, problem))
    }

    fn list<T>(
        &self,
        field: &str,
        texts: &[String],
        read: impl Fn(&str) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        if texts.len() > MOST_EXCLUDED {
            return Err(self.wrong(field, format!("has more than {MOST_EXCLUDED} items")));
        }
        texts.iter().map(|text| read(text)).collect()
    }
}

/// Reads what is asked; `at` leads to the message in the request.
pub(super) fn ask(request: Option<wire::QuoteRequest>, at: &str) -> Result<(u64, Ask), Error> {
    let wire::QuoteRequest {
        chain_id,
        token_in,
        token_out,
        amount,
        slippage_bps,
        max_hops,
        max_splits,
        objective,
        protocols,
        excluded_pools,
        excluded_tokens,
        gas_price,
        min_block,
        max_staleness_ms,
        timeout_ms,
    } = request.ok_or_else(|| Error::field(at.trim_end_matches('.'), "must be given"))?;
    let fields = Fields(at);
    let (token_in, token_out) =
        (fields.address("token_in", &token_in)?, fields.address("token_out", &token_out)?);
    if token_in == token_out {
        return Err(fields.wrong("token_out", "is the same token as token_in"));
    }
    let (side, amount) = amount_of(&fields, amount)?;
    let ask = Ask {
        token_in,
        token_out,
        side,
        amount,
        slippage_bps: slippage(&fields, slippage_bps)?,
        max_hops: bounded(&fields, "max_hops", max_hops, MOST_HOPS)?.unwrap_or(HOPS),
        max_splits: bounded(&fields, "max_splits", max_splits, MOST_SPLITS as usize)?.unwrap_or(SPLITS),
        is_net: is_net(&fields, objective)?,
        protocols: fields.list("protocols", &protocols, |text| protocol(&fields, "protocols", text))?,
        excluded_pools: fields
            .list("excluded_pools", &excluded_pools, |text| pool(&fields, "excluded_pools", text))?,
        excluded_tokens: fields
            .list("excluded_tokens", &excluded_tokens, |text| fields.address("excluded_tokens", text))?,
        gas_price: gas_price.map(|text| fields.number("gas_price", &text)).transpose()?,
        min_block,
        max_staleness_ms,
        timeout_ms: match timeout_ms {
            0 => TIMEOUT_MS,
            1..=MOST_TIMEOUT_MS => timeout_ms.into(),
            _ => return Err(fields.wrong("timeout_ms", format!("is not 0 to {MOST_TIMEOUT_MS}"))),
        },
        router: None,
    };
    Ok((chain_id, ask))
}

fn amount_of(
    fields: &Fields<'_>,
    amount: Option<wire::quote_request::Amount>,
) -> Result<(Side, U256), Error> {
    use wire::quote_request::Amount;
    let (side, field, text) = match amount {
        Some(Amount::AmountIn(text)) => (Side::In, "amount_in", text),
        Some(Amount::AmountOut(text)) => (Side::Out, "amount_out", text),
        None => return Err(fields.wrong("amount_in", "must be given, or amount_out")),
    };
    let amount = fields.number(field, &text)?;
    if amount.is_zero() { Err(fields.wrong(field, "must be over 0")) } else { Ok((side, amount)) }
}

fn slippage(fields: &Fields<'_>, bps: Option<u32>) -> Result<u32, Error> {
    match bps.unwrap_or(SLIPPAGE_BPS) {
        bps @ 0..=10_000 => Ok(bps),
        _ => Err(fields.wrong("slippage_bps", "is not 0 to 10000")),
    }
}

fn bounded(fields: &Fields<'_>, field: &str, value: u32, most: usize) -> Result<Option<usize>, Error> {
    match usize::try_from(value).unwrap_or(usize::MAX) {
        0 => Ok(None),
        value if value <= most => Ok(Some(value)),
        _ => Err(fields.wrong(field, format!("is not 0 to {most}"))),
    }
}

fn is_net(fields: &Fields<'_>, objective: i32) -> Result<bool, Error> {
    match wire::Objective::try_from(objective) {
        Ok(wire::Objective::Unspecified | wire::Objective::NetOfGas) => Ok(true),
        Ok(wire::Objective::Gross) => Ok(false),
        Err(_) => Err(fields.wrong("objective", format!("{objective} is not known"))),
    }
}

fn protocol(fields: &Fields<'_>, field: &str, text: &str) -> Result<Protocol, Error> {
    let known = || Protocol::ALL.map(Protocol::name).join(", ");
    let found = Protocol::ALL.into_iter().find(|protocol| protocol.name() == text);
    found.ok_or_else(|| fields.wrong(field, format!("{text:?} is not one of {}", known())))
}

pub(super) fn pool(fields: &Fields<'_>, field: &str, text: &str) -> Result<PoolId, Error> {
    if text.len() == 66 {
        return text.parse().map(PoolId::Key).map_err(|problem| fields.wrong(field, problem));
    }
    fields.address(field, text).map(PoolId::Contract)
}

/// Reads the id of a pool.
pub(super) fn pool_id(text: &str) -> Result<PoolId, Error> {
    pool(&Fields(""), "pool_id", text)
}

/// Reads a token.
pub(super) fn token(field: &str, text: &str) -> Result<Address, Error> {
    Fields("").address(field, text)
}

/// Reads a token that may be absent.
pub(super) fn optional_token(field: &str, text: &str) -> Result<Option<Address>, Error> {
    if text.is_empty() { Ok(None) } else { token(field, text).map(Some) }
}

/// Reads a protocol that may be absent.
pub(super) fn optional_protocol(text: &str) -> Result<Option<Protocol>, Error> {
    if text.is_empty() { Ok(None) } else { protocol(&Fields(""), "protocol", text).map(Some) }
}

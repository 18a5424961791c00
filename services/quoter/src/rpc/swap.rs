//! `BuildSwap`: what is asked, and the transaction as it is told.

use alloy::primitives::hex;
use capstan_primitives::{Address, U256};
use capstan_proto::quoter as wire;

use super::{
    Rpc, convert,
    request::{self, Fields},
};
use crate::{
    domain::swap::{Permit, RouterKind, SignedPermit},
    error::Error,
    operations::{Built, SwapAsk},
};

const DEADLINE_SECONDS: u32 = 600;
const MOST_DEADLINE_SECONDS: u32 = 86_400;
/// Wallets that are contracts may take long ones.
const MOST_SIGNATURE_BYTES: usize = 16_384;
/// Bits of Permit2's times and numbers.
const PERMIT_BITS: u32 = 48;
const PERMIT_AMOUNT_BITS: usize = 160;

/// Quotes a swap and makes its transaction.
pub(super) async fn build(
    rpc: &Rpc,
    request: wire::BuildSwapRequest,
) -> Result<wire::BuildSwapResponse, Error> {
    let (chain, ask) = ask(request)?;
    let chain = rpc.quoter.chain(chain)?;
    let built = rpc.quoter.build(chain, &ask).await?;
    let gas = built.tried.as_ref().and_then(|tried| tried.gas).unwrap_or(built.answer.quote.gas.units);
    let quote = convert::quote(&rpc.quoter, &built.ask, &built.answer);
    let Built { by, call, problem, deadline, allowance, permit, missing_balance, tried, .. } = built;
    let transaction = call.map(|call| wire::Transaction {
        chain_id: chain.live.chain.0,
        to: call.to.to_string(),
        data: hex::encode_prefixed(&call.data),
        value: call.value.to_string(),
        gas,
    });
    let allowance = allowance.map(|allowance| wire::Allowance {
        token: allowance.token.to_string(),
        spender: allowance.spender.to_string(),
        amount: allowance.amount.to_string(),
    });
    let simulation = tried.map(|tried| wire::Simulation {
        succeeded: tried.outcome.is_ok(),
        revert: tried.outcome.err().unwrap_or_default(),
    });
    Ok(wire::BuildSwapResponse {
        quote: Some(quote),
        transaction,
        problem,
        allowance,
        permit: permit.map(to_sign),
        deadline,
        approval: approval(by).into(),
        simulation,
        missing_balance: missing_balance.map(|missing| missing.to_string()),
    })
}

fn ask(request: wire::BuildSwapRequest) -> Result<(u64, SwapAsk), Error> {
    let wire::BuildSwapRequest { quote, sender, recipient, deadline_seconds, approval, permit } = request;
    let (chain, ask) = request::ask(quote, "quote.")?;
    let sender = request::token("sender", &sender)?;
    let recipient = request::optional_token("recipient", &recipient)?.unwrap_or(sender);
    let deadline_seconds = match deadline_seconds.unwrap_or(DEADLINE_SECONDS) {
        seconds @ 1..=MOST_DEADLINE_SECONDS => seconds.into(),
        _ => return Err(Error::field("deadline_seconds", format!("is not 1 to {MOST_DEADLINE_SECONDS}"))),
    };
    let by = match wire::Approval::try_from(approval) {
        Ok(wire::Approval::Unspecified) => None,
        Ok(wire::Approval::Allowance) => Some(RouterKind::SwapRouter02),
        Ok(wire::Approval::Permit2) => Some(RouterKind::Universal),
        Err(_) => return Err(Error::field("approval", format!("{approval} is not known"))),
    };
    let permit = permit.map(signed).transpose()?;
    Ok((chain, SwapAsk { ask, sender, recipient, deadline_seconds, by, permit }))
}

fn signed(signed: wire::SignedPermit) -> Result<SignedPermit, Error> {
    let wire::SignedPermit { permit, signature } = signed;
    let permit = permit.ok_or_else(|| Error::field("permit.permit", "must be given"))?;
    let wire::Permit { token, amount, expiration, nonce, spender, sig_deadline } = permit;
    let fields = Fields("permit.permit.");
    let amount: U256 = fields.number("amount", &amount)?;
    if amount.bit_len() > PERMIT_AMOUNT_BITS {
        return Err(fields.wrong("amount", "is not below 2^160"));
    }
    let small = |field: &str, number: u64| match number >> PERMIT_BITS {
        0 => Ok(number),
        _ => Err(fields.wrong(field, "is not below 2^48")),
    };
    let address = |field: &str, text: &str| -> Result<Address, Error> { fields.address(field, text) };
    let permit = Permit {
        token: address("token", &token)?,
        amount,
        expiration: small("expiration", expiration)?,
        nonce: small("nonce", nonce)?,
        spender: address("spender", &spender)?,
        sig_deadline,
    };
    let signature = hex::decode(&signature).map_err(|problem| Error::field("permit.signature", problem))?;
    if signature.is_empty() || signature.len() > MOST_SIGNATURE_BYTES {
        let problem = format!("has not 1 to {MOST_SIGNATURE_BYTES} bytes");
        return Err(Error::field("permit.signature", problem));
    }
    Ok(SignedPermit { permit, signature })
}

fn to_sign((permit, typed_data): (Permit, String)) -> wire::PermitToSign {
    let Permit { token, amount, expiration, nonce, spender, sig_deadline } = permit;
    let permit = wire::Permit {
        token: token.to_string(),
        amount: amount.to_string(),
        expiration,
        nonce,
        spender: spender.to_string(),
        sig_deadline,
    };
    wire::PermitToSign { permit: Some(permit), typed_data }
}

const fn approval(by: Option<RouterKind>) -> wire::Approval {
    match by {
        None => wire::Approval::Unspecified,
        Some(RouterKind::SwapRouter02) => wire::Approval::Allowance,
        Some(RouterKind::Universal) => wire::Approval::Permit2,
    }
}

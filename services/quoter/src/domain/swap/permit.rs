//! Permits of Permit2: what is signed, and whether it was signed by somebody.

use alloy::{
    primitives::{B256, Bytes, Signature, aliases::U48},
    sol,
    sol_types::{SolStruct, SolValue, eip712_domain},
};
use capstan_primitives::{Address, ChainId, U256};
use serde_json::json;

use super::abi::evm;

sol! {
    struct PermitDetails { address token; uint160 amount; uint48 expiration; uint48 nonce; }
    struct PermitSingle { PermitDetails details; address spender; uint256 sigDeadline; }
}

/// A permit for one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The token.
    pub token: Address,
    /// How much may be taken, below 2^160.
    pub amount: U256,
    /// Unix seconds until which it may be taken, below 2^48.
    pub expiration: u64,
    /// Permits that were given before, below 2^48.
    pub nonce: u64,
    /// Who may take it.
    pub spender: Address,
    /// Unix seconds until which the signature is taken.
    pub sig_deadline: u64,
}

/// A permit with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPermit {
    /// The permit.
    pub permit: Permit,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Permit {
    fn message(&self) -> PermitSingle {
        let Self { token, amount, expiration, nonce, spender, sig_deadline } = self;
        PermitSingle {
            details: PermitDetails {
                token: evm(*token),
                amount: amount.saturating_to(),
                expiration: U48::try_from(*expiration).unwrap_or_default(),
                nonce: U48::try_from(*nonce).unwrap_or_default(),
            },
            spender: evm(*spender),
            sigDeadline: U256::from(*sig_deadline),
        }
    }

    /// What is signed.
    #[must_use]
    pub fn digest(&self, chain: ChainId, permit2: Address) -> B256 {
        let domain = eip712_domain! {
            name: "Permit2",
            chain_id: chain.0,
            verifying_contract: evm(permit2),
        };
        self.message().eip712_signing_hash(&domain)
    }

    /// The same as wallets take it (`eth_signTypedData_v4`); numbers are decimal strings.
    #[must_use]
    pub fn typed_data(&self, chain: ChainId, permit2: Address) -> String {
        let Self { token, amount, expiration, nonce, spender, sig_deadline } = self;
        let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        let domain =
            [field("name", "string"), field("chainId", "uint256"), field("verifyingContract", "address")];
        let single =
            [field("details", "PermitDetails"), field("spender", "address"), field("sigDeadline", "uint256")];
        let details = [
            field("token", "address"),
            field("amount", "uint160"),
            field("expiration", "uint48"),
            field("nonce", "uint48"),
        ];
        json!({
            "types": { "EIP712Domain": domain, "PermitSingle": single, "PermitDetails": details },
            "primaryType": "PermitSingle",
            "domain": {
                "name": "Permit2",
                "chainId": chain.0.to_string(),
                "verifyingContract": permit2.to_string(),
            },
            "message": {
                "details": {
                    "token": token.to_string(),
                    "amount": amount.to_string(),
                    "expiration": expiration.to_string(),
                    "nonce": nonce.to_string(),
                },
                "spender": spender.to_string(),
                "sigDeadline": sig_deadline.to_string(),
            },
        })
        .to_string()
    }
}

impl SignedPermit {
    /// Who signed it with a key, of a signature of 65 bytes, or 64 (EIP-2098); and the same with the signature as Permit2
    /// reads it: some wallets count its last byte from 0.
    #[must_use]
    pub fn by_key(&self, chain: ChainId, permit2: Address) -> Option<(Address, Self)> {
        let signature = match self.signature.len() {
            64 => Signature::from_erc2098(&self.signature),
            65 => Signature::from_raw(&self.signature).ok()?,
            _ => return None,
        };
        let signer = signature.recover_address_from_prehash(&self.permit.digest(chain, permit2)).ok()?;
        let plain = Self { permit: self.permit.clone(), signature: signature.as_bytes().to_vec() };
        Some((Address::from(signer.into_array()), plain))
    }

    /// The input of the router's command.
    pub(super) fn input(&self) -> Vec<u8> {
        (self.permit.message(), Bytes::copy_from_slice(&self.signature)).abi_encode_params()
    }
}

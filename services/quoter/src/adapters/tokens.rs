//! Tries tokens out: somebody who holds one sends some to somebody new and gets it back, and nothing of it is kept.

use alloy::{primitives::U256 as Word, sol, sol_types::SolCall};
use capstan_chain::{ChainError, ContractCall, ErrorClass, Evm, Returned, SimulatedCall};
use capstan_primitives::{Address, Hash, U256, keccak256};

use crate::domain::{
    graph::Graph,
    pool::{PoolId, Protocol},
    state::{Entry, Pools},
    token::{Receipt, Verdict, sample},
};

sol! {
    function balanceOf(address owner) returns (uint256);
    function transfer(address to, uint256 value) returns (bool);
    function getVault() returns (address);
}

/// Holders of a token that are asked what they have.
const HOLDERS: usize = 20;

/// Trials of a chain's tokens.
#[derive(Debug)]
pub(crate) struct Trials {
    evm: Evm,
    multicall: Option<Address>,
}

impl Trials {
    /// Those of a chain, many questions asked at once through the Multicall3 at an address.
    pub(crate) fn new(evm: Evm, multicall: Option<Address>) -> Self {
        Self { evm, multicall }
    }

    /// Tries a token out in the state after a block.
    ///
    /// # Errors
    /// When no node answers, or none knows the block and its state.
    pub(crate) async fn of(&self, at: Hash, pools: &Pools, token: Address) -> Result<Verdict, ChainError> {
        let Some((holder, amount)) = self.holder(at, pools, token).await? else {
            return Ok(Verdict::Unknown("no pool holds enough of it".to_owned()));
        };
        let trial = Trial { token, holder, amount };
        match self.evm.simulate(at, &trial.calls()).await {
            Ok(Some(simulated)) => {
                let returned: Vec<Returned> = simulated.into_iter().map(|one| one.returned).collect();
                Ok(trial.verdict(&returned))
            }
            Ok(None) => Ok(Verdict::Unknown("no node can try it out: eth_simulateV1 is missing".to_owned())),
            // What nodes refuse now they will refuse in the next block, too.
            Err(error) if error.class() == ErrorClass::Misconfigured => {
                Ok(Verdict::Unknown(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// Who has the most of a token among those that pools keep it with, and how much of it is sent.
    async fn holder(
        &self,
        at: Hash,
        pools: &Pools,
        token: Address,
    ) -> Result<Option<(Address, U256)>, ChainError> {
        let mut holders = self.holders(at, pools, token).await?;
        holders.sort_unstable();
        holders.dedup();
        let ask = |owner: &Address| Some(call(token, &balanceOfCall { owner: evm_address(*owner)? }));
        let calls: Vec<ContractCall> = holders.iter().filter_map(ask).collect();
        let balances = self.evm.call_many(at, &calls, self.multicall).await?;
        let held = holders.into_iter().zip(balances.iter().map(|balance| word(balance).unwrap_or_default()));
        let most = held.max_by_key(|(_, balance)| *balance);
        Ok(most.and_then(|(holder, balance)| Some((holder, sample(balance)?))))
    }

    async fn holders(&self, at: Hash, pools: &Pools, token: Address) -> Result<Vec<Address>, ChainError> {
        let graph: &Graph = pools.graph();
        let edges = graph.token(&token).map(|place| graph.from(place)).unwrap_or_default();
        let entries: Vec<&Entry> =
            edges.iter().filter_map(|edge| pools.at(edge.pool)).take(HOLDERS).collect();
        let (weighted, others): (Vec<&Entry>, Vec<&Entry>) =
            entries.into_iter().partition(|entry| entry.pool.protocol() == Protocol::BalancerWeighted);
        let mut holders: Vec<Address> = others.into_iter().filter_map(keeper).collect();
        let calls: Vec<ContractCall> =
            weighted.into_iter().filter_map(keeper).map(|pool| call(pool, &getVaultCall {})).collect();
        let vaults = self.evm.call_many(at, &calls, self.multicall).await?;
        holders.extend(vaults.iter().filter_map(|vault| {
            let [_, _, _, _, _, _, _, _, _, _, _, _, vault @ ..] = word(vault)?.to_be_bytes::<32>();
            Some(Address::from(vault))
        }));
        Ok(holders)
    }
}

/// Who keeps the tokens of a pool; of a weighted one the pool, who knows its vault.
fn keeper(entry: &Entry) -> Option<Address> {
    match entry.id {
        PoolId::Contract(address) => Some(address),
        PoolId::Key(_) => entry.factory,
    }
}

/// There and back.
struct Trial {
    token: Address,
    holder: Address,
    amount: U256,
}

impl Trial {
    fn calls(&self) -> Vec<SimulatedCall> {
        let new = self.receiver();
        let balance = |owner| self.call(new, owner, None);
        vec![
            balance(new),
            self.call(self.holder, new, Some(self.amount)),
            balance(new),
            balance(self.holder),
            self.call(new, self.holder, Some(self.amount)),
            balance(self.holder),
        ]
    }

    /// What an account has, or its sending an amount.
    fn call(&self, from: Address, about: Address, amount: Option<U256>) -> SimulatedCall {
        let address = evm_address(about).unwrap_or_default();
        let data = match amount {
            None => balanceOfCall { owner: address }.abi_encode(),
            Some(amount) => {
                transferCall { to: address, value: Word::from_limbs(*amount.as_limbs()) }.abi_encode()
            }
        };
        SimulatedCall { from, to: self.token, data, value: U256::ZERO }
    }

    /// An account that nobody has.
    fn receiver(&self) -> Address {
        let hash = keccak256(&[b"a receiver that nobody knows", self.token.as_bytes()]);
        Address::from(hash.as_bytes().first_chunk::<20>().copied().unwrap_or_default())
    }

    fn verdict(&self, returned: &[Returned]) -> Verdict {
        let [before, there, after, kept, back, again] = returned else {
            return Verdict::Unknown(format!("{} answers", returned.len()));
        };
        let moved = |what: &str, transfer: &Returned, (before, after): (&Returned, &Returned)| {
            if let Some(reason) = refusal(transfer) {
                return Err(Verdict::Unknown(format!("{what}: {reason}")));
            }
            let (Some(before), Some(after)) = (word(before), word(after)) else {
                return Err(Verdict::Unknown(format!("{what}: its balances cannot be read")));
            };
            let is_exact = Receipt { sent: self.amount, before, after }.is_exact();
            if is_exact { Ok(()) } else { Err(Verdict::TakesFee) }
        };
        let there = moved("sending it", there, (before, after));
        there.and_then(|()| moved("sending it back", back, (kept, again))).err().unwrap_or(Verdict::Exact)
    }
}

/// Why nothing was sent. Some tokens return nothing when they do.
fn refusal(transfer: &Returned) -> Option<String> {
    match transfer {
        Err(reverted) => Some(reverted.to_string()),
        Ok(data) if data.is_empty() => None,
        Ok(_) => word(transfer).is_none_or(|word| word.is_zero()).then(|| "it returned false".to_owned()),
    }
}

fn call(to: Address, call: &impl SolCall) -> ContractCall {
    ContractCall { to, data: call.abi_encode() }
}

fn word(answer: &Returned) -> Option<U256> {
    answer.as_ref().ok()?.first_chunk::<32>().map(|bytes| U256::from_be_bytes(*bytes))
}

fn evm_address(address: Address) -> Option<alloy::primitives::Address> {
    alloy::primitives::Address::try_from(address.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use capstan_chain::Reverted;

    use super::*;

    fn number(number: u64) -> Returned {
        Ok(U256::from(number).to_be_bytes::<32>().to_vec())
    }

    fn verdict(returned: [Returned; 6]) -> Verdict {
        let [token, holder] = [1, 2].map(|number| Address::from([number; 20]));
        Trial { token, holder, amount: U256::from(100) }.verdict(&returned)
    }

    /// A trial of a token that takes so much on either way, whose transfers return `done`.
    fn taking(there: u64, back: u64, done: Returned) -> Verdict {
        let arrived = [number(7), done.clone(), number(107 - there)];
        let [first, second, third] = arrived;
        verdict([first, second, third, number(500), done, number(600 - back)])
    }

    #[test]
    fn a_token_is_exact_when_everything_arrives_on_both_ways() {
        assert_eq!(taking(0, 0, number(1)), Verdict::Exact);
        assert_eq!(taking(0, 0, Ok(Vec::new())), Verdict::Exact);
        assert_eq!(taking(1, 0, number(1)), Verdict::TakesFee);
        assert_eq!(taking(0, 1, number(1)), Verdict::TakesFee);
    }

    #[test]
    fn of_a_token_that_does_not_move_nothing_can_be_told() {
        let reverted = || Err(Reverted { message: "paused".to_owned() });
        let unknown = Verdict::Unknown("sending it: the call reverted: paused".to_owned());
        assert_eq!(taking(1, 0, reverted()), unknown);
        assert_eq!(taking(1, 0, number(0)), Verdict::Unknown("sending it: it returned false".to_owned()));
        let back = [number(7), number(1), number(107), number(500), reverted(), number(500)];
        assert!(matches!(verdict(back), Verdict::Unknown(_)));
    }
}

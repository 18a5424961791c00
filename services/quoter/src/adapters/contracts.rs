//! What no event says of pools: weights, decimals, and what a vault's shares are worth.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use alloy::{
    primitives::{B256, U256 as Word},
    sol,
    sol_types::{SolCall, SolValue},
};
use capstan_chain::{ChainError, ContractCall, Evm, Returned};
use capstan_primitives::{Address, Hash, U256};

use crate::domain::{
    change::{Change, Unusable},
    history::{Deed, Event},
    pool::{Pool, PoolId, Way},
    state::{Entry, Pools, Problem},
    vault::{Shares, Vault},
    weighted::{Arithmetic, Part, Weighted},
};

sol! {
    function getVault() returns (address);
    function getPoolId() returns (bytes32);
    function getNormalizedWeights() returns (uint256[]);
    function getSwapFeePercentage() returns (uint256);
    function getLastPostJoinExitInvariant() returns (uint256);
    function getPoolTokens(bytes32 poolId) returns (address[] tokens, uint256[] balances, uint256 lastChangeBlock);
    function decimals() returns (uint8);
    function asset() returns (address);
    function totalAssets() returns (uint256);
    function totalSupply() returns (uint256);
    function previewDeposit(uint256 assets) returns (uint256);
    function previewRedeem(uint256 shares) returns (uint256);
}

/// An amount that tells the models of vaults apart.
const PROBE: u64 = 1_234_567_890_123;

/// The contracts of a chain, read at the block of each step.
#[derive(Debug)]
pub(crate) struct Contracts {
    evm: Evm,
    vaults: Vec<Address>,
    /// How the vaults that were read once count; none for those that count otherwise than is known.
    models: HashMap<Address, (Address, Option<Shares>)>,
}

impl Contracts {
    /// Those of a chain, with the vaults that are followed.
    pub(crate) fn new(evm: Evm, vaults: Vec<Address>) -> Self {
        Self { evm, vaults, models: HashMap::new() }
    }

    /// Reads what events only announce. None of it ever changes but the fee, of which later events tell, so it is read in
    /// the node's newest block: old states are not kept by every node.
    ///
    /// # Errors
    /// When the node does not answer: without what it says the pools could not be followed.
    pub(crate) async fn complete(&self, events: &mut [Event]) -> Result<(), ChainError> {
        for event in events {
            let Ok(Deed::Announced(pool)) = &event.deed else { continue };
            let (pool, factory) = (*pool, event.address);
            let at = self.evm.head().await?.block.hash;
            let weighted = self.weighted(pool, at).await?;
            event.deed = weighted.map(|weighted| {
                let pool = Entry {
                    id: PoolId::Contract(pool),
                    factory: Some(factory),
                    pool: Arc::new(weighted),
                    problem: None,
                };
                Deed::Created(Box::new(pool))
            });
        }
        Ok(())
    }

    /// What a weighted pool is made of. The inner error is the contract's: it is no such pool.
    async fn weighted(&self, pool: Address, at: Hash) -> Result<Result<Weighted, Unusable>, ChainError> {
        let questions = vec![
            ContractCall { to: pool, data: getVaultCall {}.abi_encode() },
            ContractCall { to: pool, data: getPoolIdCall {}.abi_encode() },
            ContractCall { to: pool, data: getNormalizedWeightsCall {}.abi_encode() },
            ContractCall { to: pool, data: getSwapFeePercentageCall {}.abi_encode() },
            ContractCall { to: pool, data: getLastPostJoinExitInvariantCall {}.abi_encode() },
        ];
        let answers = self.evm.call_many(at, &questions, None).await?;
        let Some((vault, id, weights, fee, newer)) = setup(&answers) else {
            return Ok(Err(Unusable("it does not answer as a weighted pool".to_owned())));
        };
        let tokens = ContractCall { to: vault, data: getPoolTokensCall { poolId: id }.abi_encode() };
        let tokens = self.evm.call_many(at, &[tokens], None).await?;
        let tokens = tokens
            .first()
            .and_then(|answer| getPoolTokensCall::abi_decode_returns(answer.as_ref().ok()?).ok());
        let Some(tokens) = tokens else {
            return Ok(Err(Unusable("its vault does not know its tokens".to_owned())));
        };
        let tokens: Vec<Address> =
            tokens.tokens.iter().map(|token| Address::from(token.into_array())).collect();
        let decimals =
            tokens.iter().map(|token| ContractCall { to: *token, data: decimalsCall {}.abi_encode() });
        let decimals = self.evm.call_many(at, &decimals.collect::<Vec<_>>(), None).await?;
        let parts = tokens.iter().zip(&decimals).zip(&weights).map(|((token, decimals), weight)| {
            // A token that does not say has 18, as the contract itself would fail otherwise.
            let decimals = word(decimals).and_then(|word| u8::try_from(word).ok()).unwrap_or(18);
            Part { token: *token, decimals, weight: *weight }
        });
        let parts: Vec<Part> = parts.collect();
        let arithmetic = if newer { Arithmetic::Shortcuts } else { Arithmetic::Logarithms };
        Ok(Weighted::new(arithmetic, &parts, fee))
    }

    /// Reads what the vaults have after a block, and gives what is to be done with the pools: a vault that cannot be
    /// read is not used, because its shares may be worth something else by now.
    pub(crate) async fn vaults(&mut self, at: Hash) -> impl Fn(&mut Pools) + use<> {
        let mut read: Vec<(Entry, Option<Change>)> = Vec::new();
        for vault in self.vaults.clone() {
            match self.vault(vault, at).await {
                Ok(Some(one)) => read.push(one),
                Ok(None) => {}
                Err(error) => tracing::warn!(%vault, %error, "a vault could not be read"),
            }
        }
        let missing: HashSet<PoolId> = self
            .vaults
            .iter()
            .map(|vault| PoolId::Contract(*vault))
            .filter(|id| read.iter().all(|(entry, _)| entry.id != *id))
            .collect();
        move |pools| {
            for (entry, change) in &read {
                pools.add(entry.clone());
                let applied = change.as_ref().is_none_or(|change| pools.apply(&entry.id, change).is_ok());
                let failed = || (Problem::Unsupported, Arc::from("its totals do not fit"));
                pools.mark(&entry.id, if applied { entry.problem.clone() } else { Some(failed()) });
            }
            for id in &missing {
                pools.mark(id, Some((Problem::Incomplete, Arc::from("its totals could not be read"))));
            }
        }
    }

    async fn vault(
        &mut self,
        vault: Address,
        at: Hash,
    ) -> Result<Option<(Entry, Option<Change>)>, ChainError> {
        let probe = Word::from(PROBE);
        let ask = |data: Vec<u8>| ContractCall { to: vault, data };
        let questions = [
            ask(totalAssetsCall {}.abi_encode()),
            ask(totalSupplyCall {}.abi_encode()),
            ask(assetCall {}.abi_encode()),
            ask(decimalsCall {}.abi_encode()),
            ask(previewDepositCall { assets: probe }.abi_encode()),
            ask(previewRedeemCall { shares: probe }.abi_encode()),
        ];
        let answers = self.evm.call_many(at, &questions, None).await?;
        let words: Option<Vec<U256>> = answers.iter().map(word).collect();
        let Some([assets, shares, asset, decimals, deposited, redeemed]) = words.as_deref() else {
            // Before it was deployed there is none.
            return Ok(None);
        };
        let asset = address(*asset);
        let totals = Change::Totals { assets: *assets, shares: *shares };
        if !self.models.contains_key(&vault) {
            let of_asset = ContractCall { to: asset, data: decimalsCall {}.abi_encode() };
            let of_asset = self.evm.call_many(at, &[of_asset], None).await?;
            let offset = decimals.saturating_sub(of_asset.first().and_then(word).unwrap_or(*decimals));
            let candidates =
                [Shares::Virtual { offset: u8::try_from(offset).unwrap_or_default() }, Shares::Plain];
            let fits =
                |model: &Shares| counts(&Vault::new(asset, vault, *model), &totals, (*deposited, *redeemed));
            self.models.insert(vault, (asset, candidates.into_iter().find(fits)));
        }
        let Some((asset, model)) = self.models.get(&vault) else { return Ok(None) };
        let counted = Vault::new(*asset, vault, model.unwrap_or(Shares::Plain));
        let is_right = model.is_some() && counts(&counted, &totals, (*deposited, *redeemed));
        let problem = (!is_right)
            .then(|| (Problem::Unsupported, Arc::from("its shares count in a way that is not known")));
        let id = PoolId::Contract(vault);
        Ok(Some((Entry { id, factory: None, pool: Arc::new(counted), problem }, Some(totals))))
    }
}

/// Whether a vault counts as its contract does.
fn counts(vault: &Vault, totals: &Change, (deposited, redeemed): (U256, U256)) -> bool {
    let probe = U256::from(PROBE);
    let Ok(vault) = vault.applied(totals) else { return false };
    let out = |way| vault.quote_exact_in(way, probe).map(|swap| swap.amount_out);
    // More shares than there are cannot be redeemed, though the contract's preview does not say so.
    out(Way::DOWN) == Ok(deposited) && out(Way::UP).is_ok_and(|out| out == redeemed)
        || out(Way::DOWN) == Ok(deposited) && out(Way::UP).is_err()
}

type Setup = (Address, B256, Vec<U256>, U256, bool);

fn setup(answers: &[Returned]) -> Option<Setup> {
    let [vault, id, weights, fee, newer] = answers else { return None };
    let weights = <Vec<Word>>::abi_decode(weights.as_ref().ok()?).ok()?;
    let weights = weights.into_iter().map(|weight| U256::from_limbs(*weight.as_limbs())).collect();
    let id = B256::from(word(id)?.to_be_bytes::<32>());
    Some((
        address(word(vault)?),
        id,
        weights,
        word(fee)?,
        newer.as_ref().is_ok_and(|bytes| !bytes.is_empty()),
    ))
}

fn word(answer: &Returned) -> Option<U256> {
    answer.as_ref().ok()?.first_chunk::<32>().map(|bytes| U256::from_be_bytes(*bytes))
}

fn address(word: U256) -> Address {
    let [_, _, _, _, _, _, _, _, _, _, _, _, address @ ..] = word.to_be_bytes::<32>();
    Address::from(address)
}

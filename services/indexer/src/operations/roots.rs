//! The contracts that people ask for: those of the configuration, and those that operators add while the
//! indexer runs.

use std::collections::BTreeMap;

use capstan_primitives::{Address, ChainId};
use capstan_runtime::{config::ConfigError, platform};
use tokio::sync::oneshot;

use super::{Command, EventLog, Ingest, contract, plan, wrong};
use crate::{
    adapters::Node,
    config::Config,
    domain::{Contract, Contracts, Description},
    error::Error,
};

impl Ingest {
    /// Configured and added contracts together; the configuration has the last word on an address.
    pub(super) async fn read_roots(&self) -> Result<Contracts, Error> {
        let added = self.store.added_contracts(self.plan.id).await?;
        if added.is_empty() {
            return Ok(self.plan.contracts.clone());
        }
        let start_block = self.plan.start_block;
        let read = |(address, of): (Address, Description)| match contract(&of, start_block, "added") {
            Ok(contract) => Some((address, contract)),
            // An older or newer version may have known it; the others are followed all the same.
            Err(error) => {
                tracing::error!(chain = self.plan.id.0, %address, %error, "an added contract is left out");
                None
            }
        };
        Ok(self.plan.contracts.clone().and(added.into_iter().filter_map(read)))
    }

    /// Puts other contracts in the place of the configured ones, from the next step on.
    pub(super) fn configure(&mut self, contracts: Contracts) {
        self.plan.contracts = contracts;
        self.roots_changed = true;
    }

    /// Follows one more contract. The same one again changes nothing.
    pub(super) async fn add_contract(
        &mut self,
        address: Address,
        of: &Description,
    ) -> Result<Contract, Error> {
        let wanted = contract(of, self.plan.start_block, "contract").map_err(field)?;
        if self.roots.get(&address).is_none() {
            self.store.add_contract(&self.progress, address, of).await?;
            self.look_at_roots().await?;
        }
        let known = self.roots.get(&address).filter(|known| known.is_same(&wanted));
        known.cloned().ok_or(Error::ContractExists(address))
    }

    /// Follows a contract no longer that was added.
    pub(super) async fn remove_contract(&mut self, address: Address) -> Result<(), Error> {
        if self.plan.contracts.get(&address).is_some() {
            return Err(Error::ContractConfigured(address));
        }
        if !self.store.remove_contract(&self.progress, address).await? {
            return Err(Error::ContractNotAdded(address));
        }
        self.look_at_roots().await
    }
}

impl EventLog {
    /// Follows one more contract of a chain, with its history.
    ///
    /// # Errors
    /// When the description is not of a contract, when there is none at `address`, when it is followed
    /// otherwise, when another process writes the log, and when store or node do not answer.
    pub async fn add_contract(
        &self,
        chain_id: ChainId,
        address: Address,
        of: Description,
    ) -> Result<Contract, Error> {
        let handle = self.chains.get(&chain_id).ok_or(Error::UnknownChain(chain_id.0))?;
        if !handle.node.has_code(address).await? {
            let description = no_contract(address, chain_id);
            return Err(Error::Field { field: "address".into(), description });
        }
        let (answer, outcome) = oneshot::channel();
        self.command(chain_id, Command::Add { address, of, answer }, outcome).await
    }

    /// Follows a contract of a chain no longer that was added, nor what it made.
    ///
    /// # Errors
    /// When it is configured, or was not added, when another process writes the log, and when the store does
    /// not answer.
    pub async fn remove_contract(&self, chain_id: ChainId, address: Address) -> Result<(), Error> {
        let (answer, outcome) = oneshot::channel();
        self.command(chain_id, Command::Remove { address, answer }, outcome).await
    }
}

impl EventLog {
    /// Follows the contracts of `chains`, once everything about them was checked. A chain that is not
    /// followed yet, or is no longer named, takes a restart.
    ///
    /// # Errors
    /// As [`plan`] and [`look_for_code`]; nothing is changed then.
    pub async fn reconfigure(&self, chains: &[platform::Chain], config: &Config) -> Result<(), ConfigError> {
        let mut plans = BTreeMap::new();
        for (index, chain) in chains.iter().enumerate() {
            let place = format!("chains.{index}");
            let plan = plan(chain, config, &place)?;
            let Some(handle) = self.chains.get(&plan.id) else {
                tracing::warn!(chain = plan.id.0, "a chain was configured; it is followed after a restart");
                continue;
            };
            look_for_code(&handle.node, chain, &place).await?;
            plans.insert(plan.id, plan);
        }
        for (id, handle) in &*self.chains {
            match plans.remove(id) {
                // A worker ends only when everything stops.
                Some(plan) => drop(handle.commands.send(Command::Configure(plan.contracts)).await),
                None => tracing::warn!(chain = id.0, "a chain is no longer configured; that takes a restart"),
            }
        }
        Ok(())
    }
}

/// Looks for the code of every configured contract of a chain.
///
/// # Errors
/// When the node has none at an address, or does not answer.
pub async fn look_for_code(node: &Node, chain: &platform::Chain, place: &str) -> Result<(), ConfigError> {
    for (position, contract) in chain.contracts.iter().enumerate() {
        let found = node.has_code(contract.address).await;
        if !found.map_err(|error| wrong(place, "rpc_urls", explain(&error)))? {
            let reason = no_contract(contract.address, chain.id);
            return Err(wrong(place, &format!("contracts.{position}.address"), reason));
        }
    }
    Ok(())
}

fn no_contract(address: Address, chain_id: ChainId) -> String {
    format!("there is no contract at {address} on chain {chain_id}; check address and chain")
}

/// An error with its causes in one line.
pub fn explain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What is wrong with a description, as an error of the request that it came with.
fn field(error: ConfigError) -> Error {
    match error {
        ConfigError::Value { key, reason, .. } => {
            let field = match key.rsplit('.').next().unwrap_or_default() {
                "abi" => "abi_json",
                field => field,
            };
            Error::Field { field: field.to_owned(), description: reason }
        }
        other => Error::Field { field: "contract".into(), description: other.to_string() },
    }
}

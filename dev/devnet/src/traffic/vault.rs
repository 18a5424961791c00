//! Deposits in the ERC-4626 vault, withdrawals, and now and then a yield.

use anyhow::Result;
use rand::Rng;

use super::Planner;
use crate::{
    contracts::{Erc20, venues::Erc4626},
    deploy::call,
    wallet::Send,
};

const GAS: u64 = 250_000;

impl Planner<'_> {
    pub(super) async fn vault(&mut self, account: usize) -> Result<Vec<Send>> {
        let vault = self.venues()?.vault.clone();
        let (address, owner) = (vault.shares.address, self.address(account)?);
        let assets = self.size(vault.asset)?;
        if self.random.random_ratio(1, 8) {
            let gift = Erc20::mintCall { to: address, value: assets };
            return Ok(vec![call(account, vault.asset, &gift, GAS)]);
        }
        let held = self.chain.rpc.view(address, &Erc20::balanceOfCall { owner }).await?;
        let shares = self.share(held, 5..=60);
        if !shares.is_zero() && self.random.random_ratio(1, 2) {
            let redeem = Erc4626::redeemCall { shares, receiver: owner, owner };
            return Ok(vec![call(account, address, &redeem, GAS)]);
        }
        let mut sends = self.prepare(account, vault.asset, address, assets).await?;
        sends.push(call(account, address, &Erc4626::depositCall { assets, receiver: owner }, GAS));
        Ok(sends)
    }
}

//! Which request meets which fault.

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use crate::Fault;

/// Rules in order, the first that applies decides; after them, chance by a seed.
#[derive(Debug, Clone, Default)]
pub struct Script {
    rules: Vec<Rule>,
    chance: Option<Chance>,
}

#[derive(Debug, Clone)]
struct Rule {
    fault: Option<Fault>,
    method: Option<&'static str>,
    left: u64,
}

#[derive(Debug, Clone)]
struct Chance {
    rng: ChaCha8Rng,
    per_thousand: u32,
    faults: Vec<Fault>,
}

impl Script {
    /// Nothing goes wrong.
    #[must_use]
    pub fn honest() -> Self {
        Self::default()
    }

    /// This fault for every request.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self::honest().then(u64::MAX, fault)
    }

    /// So many in a thousand requests meet one of the faults; the same seed and order of requests
    /// give the same faults.
    #[must_use]
    pub fn seeded(seed: u64, per_thousand: u32, faults: &[Fault]) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rules: Vec::new(), chance: Some(Chance { rng, per_thousand, faults: faults.to_vec() }) }
    }

    /// Adds a rule: this fault for the next so many requests that no rule before it takes.
    #[must_use]
    pub fn then(self, requests: u64, fault: Fault) -> Self {
        self.rule(Rule { fault: Some(fault), method: None, left: requests })
    }

    /// Adds a rule: so many requests pass unharmed.
    #[must_use]
    pub fn then_honest(self, requests: u64) -> Self {
        self.rule(Rule { fault: None, method: None, left: requests })
    }

    /// Adds a rule: this fault for every request that calls `method`, alone or in a batch.
    #[must_use]
    pub fn on(self, method: &'static str, fault: Fault) -> Self {
        self.rule(Rule { fault: Some(fault), method: Some(method), left: u64::MAX })
    }

    fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The fault of the next request, which calls these methods.
    pub(crate) fn next(&mut self, methods: &[&str]) -> Option<Fault> {
        let applies =
            |rule: &&mut Rule| rule.left > 0 && rule.method.is_none_or(|method| methods.contains(&method));
        if let Some(rule) = self.rules.iter_mut().find(applies) {
            rule.left = if rule.left == u64::MAX { u64::MAX } else { rule.left - 1 };
            return rule.fault;
        }
        let chance = self.chance.as_mut()?;
        let meets = chance.rng.random_range(0..1000) < chance.per_thousand;
        let fault = chance.faults.choose(&mut chance.rng).copied();
        fault.filter(|_| meets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_used_up_in_order() {
        let mut script = Script::honest().on("eth_getLogs", Fault::Html).then(1, Fault::Reset).then_honest(1);
        let script = &mut script;
        assert_eq!(script.next(&["eth_chainId"]), Some(Fault::Reset));
        assert_eq!(script.next(&["eth_chainId", "eth_getLogs"]), Some(Fault::Html));
        assert_eq!(script.next(&["eth_chainId"]), None);
        assert_eq!(script.next(&["eth_chainId"]), None);
    }

    #[test]
    fn a_seed_gives_the_same_faults_again() {
        let faults = |seed| {
            let mut script = Script::seeded(seed, 500, &[Fault::Html, Fault::Reset]);
            (0..50).map(|_| script.next(&[])).collect::<Vec<_>>()
        };
        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
        assert!(faults(7).contains(&None) && faults(7).contains(&Some(Fault::Reset)));
    }
}

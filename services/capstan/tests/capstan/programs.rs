//! Random programs of everything that users can do with the contracts: after them every number that is served is
//! the contracts' own, to the last unit.

mod actions;
mod calls;
mod comparison;
mod node;
mod pools;
mod program;
mod sets;

use capstan_db::testing::TestStore;
use capstan_devnet::Options;
use futures::future::join_all;

use self::{comparison::Comparison, node::Node, program::Program};
use crate::house::House;

/// Programs without `CAPSTAN_PROGRAMS`; a fifth of them on PostgreSQL.
const PROGRAMS: u64 = 200;
/// Programs that share their blocks.
const TOGETHER: usize = 24;

/// Runs the programs of some seeds, compares in their middle and at their end, and says what that was.
async fn run(store: TestStore, seeds: Vec<u64>) -> String {
    let count = seeds.len();
    let mut house = House::open_on(store, Options { seed: 15, ..Options::default() }).await;
    let (mut node, mut comparison) = (Node::of(&house).await, Comparison::of(&house));
    for (wave, seeds) in seeds.chunks(TOGETHER).enumerate() {
        let mut programs: Vec<Program> = join_all(seeds.iter().map(|seed| Program::of(*seed, &house))).await;
        for round in 1.. {
            step(&mut programs, &mut node, &mut house).await;
            let over = programs.iter().all(Program::is_over);
            // One program alone shows where it first differs.
            if over || count == 1 || round == 4 + wave % 3 * 2 {
                comparison.compare(&house, &programs, &node.bare_fees).await;
            }
            if over {
                break;
            }
        }
    }
    house.stop().await;
    let dull = node.done.iter().find(|(kind, [good, _])| **kind != node::Kind::Gift && *good == 0);
    assert!(count < 50 || dull.is_none() && node.done.len() == 15, "{dull:?} of {:?}", node.done);
    let Comparison { markets, quotes, gifts, .. } = comparison;
    assert!(count < 50 || gifts > count, "{gifts} gifts");
    format!(
        "{count} programs: {markets} markets, {quotes:?} quotes and {gifts} gifts compared; {:?}",
        node.done
    )
}

/// One round of every program, in as few blocks as it fits in.
async fn step(programs: &mut [Program], node: &mut Node, house: &mut House) {
    let calls = join_all(programs.iter_mut().map(|program| program.next(house))).await;
    for call in calls.into_iter().flatten() {
        node.send(call).await;
    }
    node.mine(house).await;
}

/// The seeds to run: `CAPSTAN_SEED` alone, or as many as `CAPSTAN_PROGRAMS` says; one in five of those on PostgreSQL.
#[expect(clippy::disallowed_methods, reason = "a test is told how much to do")]
fn seeds(on_postgres: bool) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("CAPSTAN_SEED") {
        Some(seed) => vec![seed],
        None => {
            let all = 1..=number("CAPSTAN_PROGRAMS").unwrap_or(PROGRAMS);
            all.filter(|seed| seed.is_multiple_of(5) == on_postgres).collect()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_leave_every_number_as_the_contracts_have_it() {
    println!("{}", run(TestStore::sqlite(), seeds(false)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_leave_every_number_as_the_contracts_have_it_on_postgresql() {
    println!("{}", run(TestStore::postgres().await, seeds(true)).await);
}

//! What a projector remembers is never older than the tables.

use super::*;

async fn other(subject: &Subject) -> Projector {
    let store = Store::new(subject.database.clone());
    let mut other = Projector::new(store, ChainId(CHAIN), 2, watch::Sender::new(0)).await.unwrap();
    other.cursor().await.unwrap();
    other
}

fn step(batch: EventBatch) -> Step {
    indexer::step(follow::Step::Apply(batch)).unwrap()
}

#[tokio::test]
async fn what_another_projector_applied_without_moving_the_cursor_is_not_missed() {
    for seed in 61..=64 {
        println!("seed {seed}");
        let world = World::random(CHAIN, seed, 14);
        for mut subject in Subject::both().await {
            subject.apply(world.log.batch(1, 5)).await;
            let mut other = other(&subject).await;
            subject.apply(world.log.batch(6, 8)).await;
            other.cursor().await.unwrap();
            // All but the last block of it is stored, and the cursor stays.
            let open = EventBatch { block_complete: false, ..world.log.batch(9, 12) };
            other.take(step(open)).await.unwrap();
            subject.apply(world.log.batch(9, 14)).await;
            assert_equals_contracts(&subject, &world).await;
            let [mut fresh, _] = Subject::both().await;
            fresh.apply(world.log.batch(1, 14)).await;
            assert_eq!(subject.dump().await, fresh.dump().await);
        }
    }
}

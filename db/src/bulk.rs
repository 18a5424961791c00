//! Inserting many rows at once.

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, Iterable, QueryTrait};

/// Most bind parameters of one statement that SQLite (32,766) and PostgreSQL (65,535) both take.
const MAX_PARAMETERS: usize = 32_000;
const MAX_ROWS: usize = 500;

/// Inserts `rows` in as few statements as the databases' limits allow.
///
/// # Errors
/// When the database refuses a row; the caller's transaction is then to be rolled back.
pub async fn insert_all<A, C>(connection: &C, rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
    let chunk = (MAX_PARAMETERS / columns).clamp(1, MAX_ROWS);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let insert = A::Entity::insert_many(rows.by_ref().take(chunk)).into_query();
        connection.execute(&insert).await?;
    }
    Ok(())
}

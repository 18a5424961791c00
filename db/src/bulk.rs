//! Writing many rows at once, in one transaction with everything else.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, EntityName, EntityTrait,
    ExecResult, IdenStatic, Iterable, QueryResult, RuntimeErr, Statement,
    sea_query::Values,
    sqlx::{self, PgConnection, Postgres, query::Query},
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::Mutex;

use crate::Database;

/// Most bind parameters of one statement that SQLite (32,766) and PostgreSQL (65,535) both take.
const MAX_PARAMETERS: usize = 32_000;
/// Rows of statements. Few sizes, so that there are few statements, which databases parse once and keep.
const ROWS: [usize; 4] = [512, 64, 8, 1];
/// What precedes the rows of a binary COPY: signature, flags, and the length of no extension.
const COPY_HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COPY_PART: usize = 256 << 10;
const COPY_END: [u8; 2] = (-1_i16).to_be_bytes();

/// Inserts `rows`, all of whose columns are set.
///
/// # Errors
/// When a column is not set or the database refuses a row; the caller's transaction is then to be rolled back.
pub async fn insert_all<A, C>(connection: &C, rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    write_all(connection, rows, "").await
}

/// As [`insert_all`], in place of the rows that have their keys. No two of `rows` may have one key.
///
/// # Errors
/// As [`insert_all`].
pub async fn replace_all<A, C>(connection: &C, rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let keys: Vec<String> =
        <A::Entity as EntityTrait>::PrimaryKey::iter().map(|key| format!(r#""{}""#, key.as_str())).collect();
    let columns =
        <A::Entity as EntityTrait>::Column::iter().map(|column| format!(r#""{}""#, column.as_str()));
    let others =
        columns.filter(|column| !keys.contains(column)).map(|column| format!("{column} = excluded.{column}"));
    let others = others.collect::<Vec<_>>().join(", ");
    write_all(connection, rows, &format!(" ON CONFLICT ({}) DO UPDATE SET {others}", keys.join(", "))).await
}

async fn write_all<A, C>(connection: &C, rows: Vec<A>, on_conflict: &str) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let columns: Vec<<A::Entity as EntityTrait>::Column> =
        <A::Entity as EntityTrait>::Column::iter().collect();
    let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
    let into = format!(
        r#"INSERT INTO "{}" ("{}") VALUES "#,
        A::Entity::default().table_name(),
        names.join(r#"", ""#)
    );
    let most = MAX_PARAMETERS / columns.len().max(1);
    let backend = connection.get_database_backend();
    let (mut left, mut rows) = (rows.len(), rows.into_iter());
    while left > 0 {
        let fits = |count: &usize| *count <= left.min(most);
        let count = ROWS.into_iter().find(fits).unwrap_or(1);
        let mut values = Vec::with_capacity(count.saturating_mul(columns.len()));
        for mut row in rows.by_ref().take(count) {
            for column in &columns {
                let value = row.take(*column).into_value();
                values.push(value.ok_or_else(|| DbErr::AttrNotSet(column.as_str().to_owned()))?);
            }
        }
        let places = row_places(backend, (count, columns.len()));
        let statement = format!("{into}{places}{on_conflict}");
        connection.execute_raw(Statement::from_sql_and_values(backend, statement, values)).await?;
        left = left.saturating_sub(count);
    }
    Ok(())
}

/// The places of values in a statement: `(?, ?), (?, ?)`, numbered for PostgreSQL.
fn row_places(backend: DatabaseBackend, (rows, columns): (usize, usize)) -> String {
    let mut text = String::with_capacity(rows.saturating_mul(columns).saturating_mul(7));
    let mut number = 0usize;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            number = number.saturating_add(1);
            text.push_str(if column == 0 { "" } else { ", " });
            match backend {
                DatabaseBackend::Postgres => text.push_str(&format!("${number}")),
                _ => text.push('?'),
            }
        }
        text.push(')');
    }
    text
}

/// Rows in PostgreSQL's binary COPY format.
#[derive(Debug)]
pub struct CopyRows {
    columns: i16,
    bytes: Vec<u8>,
}

impl CopyRows {
    /// No rows yet, of `columns` columns each.
    fn new(columns: i16) -> Self {
        let mut bytes = Vec::with_capacity(COPY_PART.saturating_mul(2));
        bytes.extend_from_slice(COPY_HEADER);
        Self { columns, bytes }
    }

    /// Begins the next row; its columns follow in the order of the statement.
    pub fn row(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
        self
    }

    /// A `bigint`.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// An `integer`.
    pub fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A `bytea`. No log has one of 2 GiB; the database refuses the row if one comes.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.words(&[value])
    }

    /// A `bytea` of these parts, one behind the other.
    pub fn words(&mut self, parts: &[impl AsRef<[u8]>]) -> &mut Self {
        let length: usize = parts.iter().map(|part| part.as_ref().len()).sum();
        self.bytes.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part.as_ref()));
        self
    }
}

/// A transaction that can also COPY on PostgreSQL. Rolls back when dropped.
#[derive(Debug)]
pub struct BulkWrite(Inner);

#[derive(Debug)]
enum Inner {
    Orm(DatabaseTransaction),
    Postgres(Mutex<sqlx::Transaction<'static, Postgres>>),
}

impl Database {
    /// Begins a transaction for many rows.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn bulk_write(&self) -> Result<BulkWrite, DbErr> {
        let inner = match self.backend() {
            DatabaseBackend::Postgres => {
                let pool = self.writer().get_postgres_connection_pool();
                Inner::Postgres(Mutex::new(pool.begin().await.map_err(failed)?))
            }
            _ => Inner::Orm(self.write().await?),
        };
        Ok(BulkWrite(inner))
    }
}

impl BulkWrite {
    /// Copies rows into `table (columns…)` of PostgreSQL, whose number of columns stands before them; `write`
    /// writes one. They are on their way before the last one is written, so that no more than a part of them is
    /// held here.
    ///
    /// # Errors
    /// When the database or `write` refuses a row, or the database is SQLite; the transaction is then to be
    /// dropped.
    pub async fn copy<T, E: From<DbErr>>(
        &self,
        (columns, into): (i16, &str),
        rows: impl Iterator<Item = T>,
        mut write: impl FnMut(T, &mut CopyRows) -> Result<(), E>,
    ) -> Result<(), E> {
        let Inner::Postgres(transaction) = &self.0 else {
            return Err(DbErr::Custom("only PostgreSQL has COPY".to_owned()).into());
        };
        let mut transaction = transaction.lock().await;
        let connection: &mut PgConnection = &mut transaction;
        let statement = format!("COPY {into} FROM STDIN (FORMAT binary)");
        let mut copy = connection.copy_in_raw(&statement).await.map_err(failed)?;
        let mut part = CopyRows::new(columns);
        for row in rows {
            if let Err(error) = write(row, &mut part) {
                copy.abort("a row cannot be written").await.map_err(failed)?;
                return Err(error);
            }
            if part.bytes.len() >= COPY_PART {
                copy.send(part.bytes.as_slice()).await.map_err(failed)?;
                part.bytes.clear();
            }
        }
        part.bytes.extend_from_slice(&COPY_END);
        copy.send(part.bytes).await.map_err(failed)?;
        copy.finish().await.map_err(failed)?;
        Ok(())
    }

    /// Keeps what was written.
    ///
    /// # Errors
    /// When the database does not answer; whether it kept the transaction is then unknown.
    pub async fn commit(self) -> Result<(), DbErr> {
        match self.0 {
            Inner::Orm(transaction) => transaction.commit().await,
            Inner::Postgres(transaction) => transaction.into_inner().commit().await.map_err(failed),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for BulkWrite {
    fn get_database_backend(&self) -> DatabaseBackend {
        match &self.0 {
            Inner::Orm(transaction) => transaction.get_database_backend(),
            Inner::Postgres(_) => DatabaseBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Inner::Orm(transaction) => transaction.execute_raw(statement).await,
            Inner::Postgres(transaction) => {
                let connection: &mut PgConnection = &mut *transaction.lock().await;
                query(&statement).execute(connection).await.map(Into::into).map_err(failed)
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Inner::Orm(transaction) => transaction.execute_unprepared(sql).await,
            Inner::Postgres(transaction) => {
                let connection: &mut PgConnection = &mut *transaction.lock().await;
                let sql = sqlx::AssertSqlSafe(sql.to_owned());
                sqlx::Executor::execute(connection, sql).await.map(Into::into).map_err(failed)
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Inner::Orm(transaction) => transaction.query_one_raw(statement).await,
            Inner::Postgres(transaction) => {
                let connection: &mut PgConnection = &mut *transaction.lock().await;
                let row = query(&statement).fetch_optional(connection).await.map_err(failed)?;
                Ok(row.map(Into::into))
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Inner::Orm(transaction) => transaction.query_all_raw(statement).await,
            Inner::Postgres(transaction) => {
                let connection: &mut PgConnection = &mut *transaction.lock().await;
                let rows = query(&statement).fetch_all(connection).await.map_err(failed)?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
        }
    }
}

fn query(statement: &Statement) -> Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or_else(|| Values(Vec::new()));
    sqlx::query_with(sqlx::AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

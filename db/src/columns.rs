//! Column types that mean the same on SQLite and PostgreSQL.

use bigdecimal::{
    BigDecimal,
    num_bigint::{BigInt, Sign},
};
use capstan_primitives::{Address, Amount, Hash, TransactionId};
use sea_orm::{
    ColIdx, ColumnType, DatabaseBackend, DbErr, QueryResult, RuntimeErr, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnDef, Nullable, ValueType, ValueTypeErr},
    sqlx::Row,
};

/// An amount: NUMERIC(78,0) on PostgreSQL, decimal text on SQLite, whose own numbers would round it.
///
/// On SQLite its order is that of text; order by length first where amounts are compared there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountColumn(pub Amount);

impl From<AmountColumn> for Value {
    fn from(column: AmountColumn) -> Self {
        let number = BigInt::from_bytes_be(Sign::Plus, &column.0.0.to_be_bytes::<32>());
        Self::BigDecimal(Some(Box::new(BigDecimal::from(number))))
    }
}

impl TryGetable for AmountColumn {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let text = if let Some(sqlite) = row.try_as_sqlite_row() {
            let text: Option<String> =
                sqlite.try_get(index.as_sqlx_sqlite_index()).map_err(|e| query_error(&e))?;
            text.ok_or_else(|| TryGetError::Null(format!("{index:?}")))?
        } else {
            BigDecimal::try_get_by(row, index)?.with_scale(0).to_plain_string()
        };
        text.parse().map(Self).map_err(|error| query_error(&error))
    }
}

impl ValueType for AmountColumn {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::BigDecimal(Some(number)) => {
                number.with_scale(0).to_plain_string().parse().map(Self).map_err(|_| ValueTypeErr)
            }
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        "AmountColumn".into()
    }

    fn array_type() -> ArrayType {
        ArrayType::BigDecimal
    }

    fn column_type() -> ColumnType {
        ColumnType::Decimal(Some((78, 0)))
    }
}

impl Nullable for AmountColumn {
    fn null() -> Value {
        Value::BigDecimal(None)
    }
}

/// Gives a column of a migration the type of [`AmountColumn`].
pub fn amount_column(column: &mut ColumnDef, backend: DatabaseBackend) -> &mut ColumnDef {
    match backend {
        DatabaseBackend::Postgres => column.decimal_len(78, 0),
        _ => column.text(),
    }
}

/// A whole number of any size, also below zero: NUMERIC on PostgreSQL, decimal text on SQLite.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntegerColumn(pub BigInt);

impl From<IntegerColumn> for Value {
    fn from(column: IntegerColumn) -> Self {
        Self::BigDecimal(Some(Box::new(BigDecimal::from(column.0))))
    }
}

impl TryGetable for IntegerColumn {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        if let Some(sqlite) = row.try_as_sqlite_row() {
            let text: Option<String> =
                sqlite.try_get(index.as_sqlx_sqlite_index()).map_err(|e| query_error(&e))?;
            let text = text.ok_or_else(|| TryGetError::Null(format!("{index:?}")))?;
            return text.parse().map(Self).map_err(|error| query_error(&error));
        }
        let (number, _) = BigDecimal::try_get_by(row, index)?.with_scale(0).into_bigint_and_exponent();
        Ok(Self(number))
    }
}

impl ValueType for IntegerColumn {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::BigDecimal(Some(number)) => Ok(Self(number.with_scale(0).into_bigint_and_exponent().0)),
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        "IntegerColumn".into()
    }

    fn array_type() -> ArrayType {
        ArrayType::BigDecimal
    }

    fn column_type() -> ColumnType {
        ColumnType::Decimal(None)
    }
}

impl Nullable for IntegerColumn {
    fn null() -> Value {
        Value::BigDecimal(None)
    }
}

/// Gives a column of a migration the type of [`IntegerColumn`].
pub fn integer_column(column: &mut ColumnDef, backend: DatabaseBackend) -> &mut ColumnDef {
    match backend {
        DatabaseBackend::Postgres => column.decimal(),
        _ => column.text(),
    }
}

macro_rules! bytes_column {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $inner);

        impl From<$inner> for $name {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        impl From<$name> for Value {
            fn from(column: $name) -> Self {
                Self::Bytes(Some(column.0.as_bytes().to_vec()))
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let bytes = Vec::<u8>::try_get_by(row, index)?;
                <$inner>::try_from(bytes.as_slice()).map(Self).map_err(|error| query_error(&error))
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                match value {
                    Value::Bytes(Some(bytes)) => {
                        <$inner>::try_from(bytes.as_slice()).map(Self).map_err(|_| ValueTypeErr)
                    }
                    _ => Err(ValueTypeErr),
                }
            }

            fn type_name() -> String {
                stringify!($name).into()
            }

            fn array_type() -> ArrayType {
                ArrayType::Bytes
            }

            fn column_type() -> ColumnType {
                ColumnType::VarBinary(sea_orm::sea_query::StringLen::None)
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                Value::Bytes(None)
            }
        }

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    };
}

bytes_column!(
    /// A 32-byte hash as bytes.
    HashColumn(Hash)
);
bytes_column!(
    /// An address as its 20 or 32 bytes.
    AddressColumn(Address)
);
bytes_column!(
    /// A transaction id as its 32 or 64 bytes.
    TransactionColumn(TransactionId)
);

/// The bytes of a column, where they stand in the row.
///
/// # Errors
/// When there is no such column, it is null, or it holds something else.
pub fn bytes(row: &QueryResult, index: usize) -> Result<&[u8], DbErr> {
    let read = match (row.try_as_pg_row(), row.try_as_sqlite_row()) {
        (Some(row), _) => row.try_get(index),
        (None, Some(row)) => row.try_get(index),
        (None, None) => return Err(DbErr::Type("a row of another database".to_owned())),
    };
    read.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
}

/// An unsigned number as the signed one that both databases store. Chain ids, heights and
/// positions are far below 2^63; a larger one becomes the largest.
#[must_use]
pub fn signed(number: u64) -> i64 {
    <i64 as TryFrom<u64>>::try_from(number).unwrap_or(i64::MAX)
}

/// The reverse of [`signed`].
#[must_use]
pub fn unsigned(number: i64) -> u64 {
    <u64 as TryFrom<i64>>::try_from(number).unwrap_or_default()
}

fn query_error(error: &dyn std::fmt::Display) -> TryGetError {
    TryGetError::DbErr(DbErr::Type(error.to_string()))
}

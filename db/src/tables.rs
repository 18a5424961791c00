//! Pieces of tables that migrations are made of.

use sea_orm::DatabaseBackend;
use sea_orm_migration::prelude::*;

use crate::columns::{amount_column, integer_column};

/// A column of amounts that are always there.
pub(crate) fn amount(name: &'static str, backend: DatabaseBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    amount_column(&mut column, backend).not_null();
    column
}

/// A column of whole numbers, also below zero, that are always there.
pub(crate) fn integer(name: &'static str, backend: DatabaseBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    integer_column(&mut column, backend).not_null();
    column
}

/// An index of these columns, in this order.
pub(crate) fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

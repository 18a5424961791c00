//! One change of the schema a file.

pub(super) mod m0001_projection;
pub(super) mod m0002_markets;
pub(super) mod m0003_history;

use sea_orm::DatabaseBackend;
use sea_orm_migration::prelude::*;

use crate::columns::amount_column;

fn amount(name: &'static str, backend: DatabaseBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    amount_column(&mut column, backend).not_null();
    column
}

fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

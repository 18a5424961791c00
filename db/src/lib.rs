//! Tables and migrations of every Capstan service, on SQLite and PostgreSQL.

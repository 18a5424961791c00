//! Amounts, prices, ids and block references that every Capstan crate shares; no I/O.

//! What a contract means over HTTP: path templates, routes, requests and JSON; no I/O.

pub mod contract;
pub mod fields;
pub mod json;
pub mod platform;
pub mod request;
pub mod routes;
pub mod template;

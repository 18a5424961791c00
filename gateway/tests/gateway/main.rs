//! The whole gateway on a real socket, with scripted services behind it.

// Said of every module, so that clippy knows their helpers for tests too.
#[cfg(test)]
mod backend;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod grpc_web;
#[cfg(test)]
mod health;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod rules;

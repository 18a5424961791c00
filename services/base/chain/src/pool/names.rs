//! Which endpoint said something.

use std::sync::Arc;

use super::Pool;
use crate::rpc::Rpc;

impl Pool {
    /// Scheme, host and port of the endpoint behind `rpc`.
    pub(crate) fn url_of(&self, rpc: &Arc<Rpc>) -> &str {
        let member = self.members.iter().find(|member| Arc::ptr_eq(&member.rpc, rpc));
        member.map(|member| member.url.as_str()).unwrap_or_default()
    }
}

//! The process-wide choice of cryptography for TLS.

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the cryptography of this process unless one was chosen before; safe to call often.
/// Without it every https or wss client of this process panics when it is made.
pub fn install_crypto_provider() {
    if CryptoProvider::get_default().is_none() {
        // Losing a race against another caller leaves a provider installed, which is all we want.
        let _ = ring::default_provider().install_default();
    }
}

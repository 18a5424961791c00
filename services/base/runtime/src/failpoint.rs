//! Named places at which a test has the process end at once, as a power cut would end it.
//!
//! Only with the feature `failpoints`, which tests ask for and binaries do not: without it nothing
//! is left of them.

/// Passes the place `name`. The process ends here by SIGKILL when [`VARIABLE`] says so.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn failpoint(_name: &'static str) {}

#[cfg(feature = "failpoints")]
pub use armed::{VARIABLE, failpoint};

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    /// Names the environment variable that arms one place: `name=3` ends the process when it passes
    /// the place for the third time. Anything else arms none.
    pub const VARIABLE: &str = "CAPSTAN_FAILPOINT";

    struct Armed {
        name: String,
        /// Passages that are left, the last one included.
        left: AtomicU64,
    }

    #[expect(clippy::disallowed_methods, reason = "configuration of the test that spawned the process")]
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| parse(&std::env::var(VARIABLE).ok()?));

    /// Passes the place `name`. The process ends here by SIGKILL when [`VARIABLE`] says so.
    pub fn failpoint(name: &'static str) {
        let Some(armed) = ARMED.as_ref().filter(|armed| armed.name == name) else { return };
        if armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Not by abort: that runs handlers and is another signal than the one of `kill -9`.
            let _never =
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }

    fn parse(text: &str) -> Option<Armed> {
        let (name, passage) = text.split_once('=')?;
        Some(Armed { name: name.to_owned(), left: AtomicU64::new(passage.parse().ok()?) })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_place_is_armed_by_its_name_and_the_number_of_the_passage() {
            let armed = parse("commit.after=3").unwrap();
            assert_eq!((armed.name.as_str(), armed.left.into_inner()), ("commit.after", 3));
            assert!(parse("commit.after").is_none() && parse("commit.after=x").is_none());
        }
    }
}

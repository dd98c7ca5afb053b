//! Signals that end the program or bring it back, taken in by a thread of their own.
//!
//! What ends the program gives the terminal back first and then does what it would have done anyway, so that whoever
//! waits for this process sees it ended by the signal. A stop for the shell (Ctrl-Z) is asked for by a key and stays
//! the system's own: where no shell could continue it, the system leaves the program running.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[cfg(unix)]
mod unix {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};
    use signal_hook::low_level::emulate_default_handler;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Watches until it is dropped.
    pub struct Watch(Handle);

    impl Drop for Watch {
        fn drop(&mut self) {
            self.0.close();
        }
    }

    pub(super) fn watch(
        restore: fn(),
        lent: Arc<AtomicBool>,
        continued: impl Fn() -> bool + Send + 'static,
    ) -> io::Result<Watch> {
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCONT])?;
        let handle = signals.handle();
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let lent = lent.load(Ordering::Acquire);
                match signal {
                    // Who has the terminal meanwhile takes it back himself.
                    SIGCONT if lent => {}
                    SIGCONT => {
                        continued();
                    }
                    // Ctrl-C and Ctrl-\ in an editor are the editor's.
                    SIGINT | SIGQUIT if lent => {}
                    _ => {
                        restore();
                        let _ = emulate_default_handler(signal);
                        std::process::exit(128 + signal);
                    }
                }
            }
        });
        Ok(Watch(handle))
    }
}

/// Watches until it is dropped.
#[cfg(unix)]
pub use unix::Watch;

/// There is nothing to watch on this system.
#[cfg(not(unix))]
pub struct Watch;

/// Calls `restore` before a signal ends the program, and `continued` after one has brought it back. While `lent` is true
/// somebody else has the terminal. It ends with what is returned.
///
/// # Errors
/// Where the system does not let signals be watched.
pub fn watch(restore: fn(), lent: Arc<AtomicBool>, continued: impl Fn() -> bool + Send + 'static) -> io::Result<Watch> {
    #[cfg(unix)]
    return unix::watch(restore, lent, continued);
    #[cfg(not(unix))]
    {
        let _ = (restore, lent, continued);
        Ok(Watch)
    }
}

//! What the timeline asks of the world around it. The command line answers; tests answer for themselves.

use super::clock::Zone;

/// The world around the timeline.
pub trait Host: Send + Sync {
    /// The saved state of a case, if there is one and it may be used.
    fn restore(&self, key: &str) -> Option<String>;

    /// Saves the state of a case.
    ///
    /// # Errors
    /// In words, where it could not be written.
    fn save(&self, key: &str, text: &str) -> Result<(), String>;

    /// Writes a file that does not exist yet into the current folder, and says its path.
    ///
    /// # Errors
    /// In words, where it exists or could not be written.
    fn export(&self, name: &str, text: &str) -> Result<String, String>;

    /// Opens a file at a line in the reader's editor and waits for it.
    ///
    /// # Errors
    /// In words, where there is no editor or it failed.
    fn edit(&self, path: &str, line: u32) -> Result<(), String>;

    /// Stops this process for its shell until it is continued.
    ///
    /// # Errors
    /// In words, where that is not possible here.
    fn suspend(&self) -> Result<(), String>;

    /// The reader's own zone.
    fn zone(&self) -> Zone;
}

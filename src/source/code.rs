//! Source code that stack frames name: finds the file under a folder and shows the lines around a frame.

use super::hint::{Hint, hint};
use std::path::{Path, PathBuf};

/// Lines shown before and after the one that is named.
const AROUND: usize = 3;
/// Larger files are no source code.
const LARGEST: u64 = 4 << 20;

/// A folder of source code.
#[derive(Debug, Clone)]
pub struct Code {
    root: PathBuf,
    /// Paths below the root, with `/`.
    files: Vec<String>,
}

/// What stands at a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// Path below the folder.
    pub path: String,
    /// First line shown.
    pub first: usize,
    /// The lines.
    pub lines: Vec<String>,
    /// Where the return seems to be missing; `None` where nothing can be said.
    pub hint: Option<Hint>,
}

impl Code {
    /// Lists a folder; what version control ignores is left out.
    pub fn open(root: &Path) -> Code {
        let mut files = Vec::new();
        for entry in ignore::WalkBuilder::new(root).build().flatten() {
            if entry.file_type().is_some_and(|t| t.is_file())
                && let Ok(below) = entry.path().strip_prefix(root)
            {
                files.push(below.to_string_lossy().replace('\\', "/"));
            }
        }
        files.sort();
        Code { root: root.to_owned(), files }
    }

    /// The file that a frame means: the one that shares the longest end of its path, where there is only one such. A
    /// Java frame names its package instead of a folder.
    pub fn find(&self, function: &str, file: &str) -> Option<&str> {
        let wanted = file.replace('\\', "/");
        let name = wanted.rsplit('/').next().unwrap_or(&wanted);
        let package: Vec<&str> = function.split('.').collect();
        let package = package.get(..package.len().saturating_sub(2)).unwrap_or_default().join("/");
        let guesses = [wanted.clone(), format!("{package}/{name}")];
        let shared = |path: &str, guess: &str| path.rsplit('/').zip(guess.rsplit('/')).take_while(|(a, b)| a == b).count();
        let score = |path: &String| guesses.iter().map(|g| shared(path, g)).max().unwrap_or(0);
        let best = self.files.iter().map(score).max().filter(|s| *s > 0)?;
        let mut found = self.files.iter().filter(|path| score(path) == best);
        found.next().filter(|_| found.next().is_none()).map(String::as_str)
    }

    /// The lines around `line`; `None` where the file has no such line.
    pub fn snippet(&self, path: &str, line: usize) -> Option<Snippet> {
        let full = self.root.join(path);
        if std::fs::metadata(&full).ok()?.len() > LARGEST {
            return None;
        }
        let text = std::fs::read_to_string(full).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        let index = line.checked_sub(1).filter(|i| *i < lines.len())?;
        let first = index.saturating_sub(AROUND);
        let shown = lines.iter().skip(first).take(index - first + AROUND + 1).map(|l| (*l).to_owned()).collect();
        Some(Snippet { path: path.to_owned(), first: first + 1, lines: shown, hint: hint(&lines, index) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_find_their_files() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a/net/shop/Dao.java", "b/net/other/Dao.java", "app/views/orders.py"] {
            let full = dir.path().join(path);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, "one\ntwo\nthree\n").unwrap();
        }
        let code = Code::open(dir.path());
        assert_eq!(code.find("net.shop.Dao.load", "Dao.java"), Some("a/net/shop/Dao.java"));
        assert_eq!(code.find("load", "Dao.java"), None, "two files could be meant");
        assert_eq!(code.find("list", "/srv/app/views/orders.py"), Some("app/views/orders.py"));
        assert_eq!(code.snippet("app/views/orders.py", 2).unwrap().lines, ["one", "two", "three"]);
        assert_eq!(code.snippet("app/views/orders.py", 9), None);
    }
}

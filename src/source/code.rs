//! Source code that stack frames name: finds the file under a folder and shows the lines around a frame.

use std::path::{Path, PathBuf};

/// Lines shown before and after the one that is named.
const AROUND: usize = 3;
/// Lines after a borrow in which its return is looked for.
const REACH: usize = 60;
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
    pub hint: Option<String>,
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

/// Says whether the borrow at `index` is given back on every path, as far as a look at the text can tell: a reader still
/// has to look.
fn hint(lines: &[&str], index: usize) -> Option<String> {
    let here = lines.get(index)?.trim_start();
    let guarded = ["try (", "try(", "with ", "async with ", "using ", "using(", "await using "];
    if guarded.iter().any(|word| here.starts_with(word)) {
        return None;
    }
    let depth = |line: &str| line.len() - line.trim_start().len();
    let own = depth(lines.get(index)?);
    let from = index + 1;
    let (mut guard, mut between, mut sure, mut returned) = (None, None, false, None);
    for (offset, line) in lines.iter().enumerate().skip(index + 1).take(REACH) {
        let text = line.trim_start();
        // A line further out than the borrow, other than a closing bracket or a handler, ends the block.
        let handler =
            ["}", ")", "finally", "except", "catch", "rescue", "ensure", "else", "end"].iter().any(|w| text.starts_with(w));
        if !text.is_empty() && depth(line) < own && !handler {
            break;
        }
        let guards = ["try", "defer ", "begin", "with ", "using"].iter().any(|word| text.starts_with(word));
        if guards && guard.is_none() {
            guard = Some(offset + 1);
        }
        // What the borrow's own failure does is no way past the return.
        let own_failure = ["if err", "return", "}", "//", "#", "*", "/*", "if (err"].iter().any(|word| text.starts_with(word));
        if guard.is_none() && between.is_none() && text.contains('(') && !own_failure {
            between = Some(offset + 1);
        }
        sure |= text.starts_with("defer ") || text.contains("finally") || text.starts_with("ensure");
        let words = [
            ".close(",
            ".Close(",
            ".release(",
            ".Release(",
            "putconn(",
            ".dispose(",
            ".Dispose(",
            "returnObject(",
            ".checkin(",
        ];
        if words.iter().any(|word| text.contains(word)) {
            returned = Some(offset + 1);
            break;
        }
    }
    match (returned, sure, guard, between) {
        (None, ..) => Some(format!("no return of the connection was seen in the {REACH} lines after line {from}")),
        (Some(at), false, ..) => Some(format!(
            "returned at line {at}, outside of any finally, defer or with: an error or an early exit between lines {from} and {at} skips it"
        )),
        (Some(at), true, Some(guard), Some(between)) => Some(format!(
            "returned at line {at}, but what is called from line {between} on stands before the guard of line {guard}: an error there skips it"
        )),
        (Some(_), true, ..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        let lines: Vec<&str> = text.lines().collect();
        hint(&lines, 0)
    }

    #[test]
    fn a_return_that_errors_skip_is_told_from_one_that_they_do_not() {
        assert!(said("c = pool.get();\ncheck();\nc.close();").unwrap().contains("between lines 1 and 3"));
        assert!(said("c = pool.get();\ncheck();").unwrap().starts_with("no return"));
        assert_eq!(said("c = pool.get();\ntry { check(); }\nfinally { c.close(); }"), None);
        assert_eq!(said("c, err := db.Conn(ctx)\nif err != nil {\n\treturn err\n}\ndefer c.Close()"), None);
        let late = "c = pool.get();\ncheck(order);\ntry { work(); }\nfinally { c.close(); }";
        assert!(said(late).unwrap().contains("from line 2 on stands before the guard of line 3"));
        assert_eq!(said("try (Connection c = pool.get()) {\ncheck();"), None);
    }

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

//! Whether a connection that is borrowed at a line of code is given back on every path, as far as a look at the text can tell,
//! in any of the languages with braces or indentation: a reader still has to look.

/// Lines after a borrow in which its return is looked for.
const REACH: usize = 60;
/// What a borrow begins with where the language gives it back by itself.
const SCOPED: [&str; 8] = ["try (", "try(", "with ", "async with ", "using ", "using(", "await using ", "with("];
/// What functions that give back are called, or begin with.
const GIVES_BACK: [&str; 12] = [
    "close",
    "release",
    "end",
    "dispose",
    "checkin",
    "check_in",
    "putconn",
    "returnobject",
    "returnconnection",
    "return_connection",
    "disconnect",
    "giveback",
];

/// What was seen. Lines are counted from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// In a sentence, without its point.
    pub text: String,
    /// A line that leaves without giving back, where there is one.
    pub leaves: Option<usize>,
}

/// What stands after the borrow, up to its return.
#[derive(Debug, Default)]
struct Seen {
    /// Where a guard (`try`, `defer`) begins.
    guard: Option<usize>,
    /// The first call outside of it.
    call: Option<usize>,
    /// The first line outside of it that leaves the function.
    leaves: Option<usize>,
    /// True where the return stands in what is carried out in any case.
    sure: bool,
    returned: Option<usize>,
}

/// Looks at the borrow in the line `index`, counted from zero; `None` where nothing is wrong or nothing can be said.
pub fn hint(lines: &[&str], index: usize) -> Option<Hint> {
    let here = lines.get(index)?;
    if SCOPED.iter().any(|word| here.trim_start().starts_with(word)) {
        return None;
    }
    let name = variable(here);
    if name.is_some_and(|name| name.contains('.')) {
        // Kept in a field: it is given back somewhere else.
        return None;
    }
    let seen = look(lines, index, name);
    let (from, leaves) = (index + 1, seen.leaves);
    let left = leaves.map(|line| format!("line {line} leaves without it, and "));
    let text = match (seen.returned, seen.sure, seen.guard, seen.call) {
        (None, ..) => {
            let left = leaves.map(|line| format!("; line {line} leaves")).unwrap_or_default();
            format!("no return of the connection was seen after line {from}{left}")
        }
        (Some(at), false, ..) => format!(
            "returned at line {at}, outside of any finally, defer or with: {}an error between lines {from} and {at} skips it",
            left.unwrap_or_default()
        ),
        (Some(at), true, Some(guard), Some(call)) => format!(
            "returned at line {at}, but what is called from line {call} on stands before the guard of line {guard}: {}an error there skips it",
            left.unwrap_or_default()
        ),
        (Some(_), true, ..) => return None,
    };
    Some(Hint { text, leaves })
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn look(lines: &[&str], index: usize, name: Option<&str>) -> Seen {
    let own = lines.get(index).map_or(0, |line| depth(line));
    let mut seen = Seen::default();
    let mut failure: Option<usize> = None;
    for (offset, line) in lines.iter().enumerate().skip(index + 1).take(REACH) {
        let text = line.trim_start();
        if text.is_empty() {
            continue;
        }
        // A line further out than the borrow, other than a closing bracket or a handler, ends the block.
        let handler =
            ["}", ")", "finally", "except", "catch", "rescue", "ensure", "else", "end"].iter().any(|w| text.starts_with(w));
        if depth(line) < own && !(handler && depth(line) + 8 >= own) {
            break;
        }
        // What the borrow's own failure does is no way past the return.
        if failure.is_some_and(|at| depth(line) > at) {
            continue;
        }
        failure = own_failure(text, name).then(|| depth(line));
        if failure.is_some() {
            continue;
        }
        if ["try", "defer ", "begin", "with ", "using"].iter().any(|word| text.starts_with(word)) && seen.guard.is_none() {
            seen.guard = Some(offset + 1);
        }
        seen.sure |= text.starts_with("defer ") || text.contains("finally") || text.starts_with("ensure");
        if gives_back(text, name) {
            seen.returned = Some(offset + 1);
            break;
        }
        let comment = ["//", "#", "*", "/*", "--"].iter().any(|word| text.starts_with(word));
        if seen.guard.is_none() && !comment {
            let exit = ["return", "throw", "raise"].iter().find(|word| text.starts_with(**word));
            let exit = exit.filter(|word| text.get(word.len()..).is_none_or(|rest| !rest.starts_with(char::is_alphanumeric)));
            if exit.is_some() {
                seen.leaves = seen.leaves.or(Some(offset + 1));
            } else if text.contains('(') && !text.starts_with('}') {
                seen.call = seen.call.or(Some(offset + 1));
            }
        }
        // An unguarded way out at the borrow's own depth is the end of the block.
        if depth(line) == own && seen.leaves == Some(offset + 1) {
            break;
        }
    }
    seen
}

/// `if err != nil`, `if (err)`, `if (!client)`, `if conn is None`.
fn own_failure(text: &str, name: Option<&str>) -> bool {
    let Some(condition) = text.strip_prefix("if") else { return false };
    let condition = condition.trim_start_matches([' ', '(', '!']);
    let condition = condition.strip_prefix("not ").unwrap_or(condition);
    let first: String = condition.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let rest = condition.get(first.len()..).unwrap_or_default().trim_start();
    let absent = text.contains('!') || text.contains("not ") || rest.starts_with("is None") || rest.contains("null");
    first == "err" || first == "error" || (Some(first.as_str()) == name && absent)
}

/// The name that the borrow is bound to: `c` of `Connection c = pool.get()`, of `c, err := db.Conn(ctx)`; with its owner
/// where it is a field.
fn variable(line: &str) -> Option<&str> {
    let (left, right) = line.split_once('=')?;
    if right.starts_with('=') || !right.contains('(') {
        return None;
    }
    let left = left.trim_end().trim_end_matches(':').trim_end();
    // Of several the first; of a declaration the last word before a type that follows a colon.
    let left = left.split(',').next().unwrap_or(left);
    let left = left.split(": ").next().unwrap_or(left);
    let word = left.split_whitespace().next_back()?.trim_start_matches(['$', '@']);
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    (!word.is_empty() && word.chars().all(fine)).then_some(word)
}

/// True for a line with a call that gives the connection back: the connection's own, or one that is given the connection.
/// Where the connection has no name any such call counts.
fn gives_back(text: &str, name: Option<&str>) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '?' | '$');
    text.match_indices('(').any(|(at, _)| {
        let (before, after) = text.split_at(at);
        let start = before.rfind(|c: char| !of_name(c)).map_or(0, |i| i + before.get(i..).map_or(1, first_length));
        let path = before.get(start..).unwrap_or_default();
        let mut parts: Vec<&str> = path.split(['.', '?']).filter(|p| !p.is_empty()).collect();
        let function = parts.pop().unwrap_or_default().to_ascii_lowercase();
        if !GIVES_BACK.iter().any(|word| function.starts_with(word)) || function == "endswith" {
            return false;
        }
        let Some(name) = name else { return !parts.is_empty() };
        let given = after.get(1..).unwrap_or_default();
        let given = given.split([')', ';']).next().unwrap_or_default();
        let word = |c: char| !(c.is_alphanumeric() || c == '_');
        parts.contains(&name) || given.split(word).any(|argument| argument == name)
    })
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        let lines: Vec<&str> = text.lines().collect();
        hint(&lines, 0).map(|h| h.text)
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
        assert_eq!(said("self.conn = pool.getconn()\nwork()"), None, "a field is given back elsewhere");
    }

    #[test]
    fn a_way_out_is_named() {
        let early = "c = pool.getconn()\nif order is None:\n    return 404\nwork(c)\npool.putconn(c)\nreturn 200";
        assert!(said(early).unwrap().contains("line 3 leaves without it"), "{:?}", said(early));
        let thrown = "Connection c = pool.get();\nif (bad) {\n    throw new Rejected();\n}\nc.close();";
        assert!(said(thrown).unwrap().contains("line 3 leaves without it"));
        let failed =
            "const c = await pool.connect();\nif (!c) {\n  return null;\n}\ntry {\n  work(c);\n} finally {\n  c.release();\n}";
        assert_eq!(said(failed), None);
    }

    #[test]
    fn only_the_connection_itself_is_given_back() {
        assert!(said("conn = pool.get()\nfile.close()\nwork(conn)").unwrap().starts_with("no return"));
        assert_eq!(
            said("const client = await session();\ntry {\n  work();\n} finally {\n  await endSession(client, log);\n}"),
            None
        );
        assert!(said("conn = pool.get()\nname.endswith(conn)").unwrap().starts_with("no return"));
    }

    #[test]
    fn names_of_borrows() {
        let of = |line: &'static str| variable(line);
        assert_eq!(of("    Connection c = pool.getConnection();"), Some("c"));
        assert_eq!(of("c, err := db.Conn(ctx)"), Some("c"));
        assert_eq!(of("const client = await pool.connect();"), Some("client"));
        assert_eq!(of("let conn: Client = pool.get()?;"), Some("conn"));
        assert_eq!(of("this.conn = pool.get();"), Some("this.conn"));
        assert_eq!(of("if (a == b(c)) {"), None);
        assert_eq!(of("return pool.get();"), None);
    }
}

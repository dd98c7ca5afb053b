//! What the logs of MySQL, MariaDB and Percona Server share: times, accounts, commands, the header of a log file.

use super::{text, time};

/// The commands of the protocol as the general log names them. A longer name stands before one that begins it.
/// Source: MySQL `sql/sql_parse.cc` (`Command_names`), MariaDB `sql/sql_parse.cc` (`command_name`).
pub const COMMANDS: [&[u8]; 47] = [
    b"Query",
    b"Execute",
    b"Prepare",
    b"Connect Out",
    b"Connect",
    b"Quit",
    b"Close stmt",
    b"Init DB",
    b"Reset stmt",
    b"Reset Connection",
    b"Reset connection",
    b"Change user",
    b"Ping",
    b"Statistics",
    b"Field List",
    b"Long Data",
    b"Fetch",
    b"Set option",
    b"Kill",
    b"Binlog Dump GTID",
    b"Binlog Dump",
    b"Table Dump",
    b"Register Slave",
    b"Register Replica",
    b"Refresh",
    b"Shutdown",
    b"Processlist",
    b"Create DB",
    b"Drop DB",
    b"Debug",
    b"Sleep",
    b"Time",
    b"Delayed insert",
    b"Delayed ins",
    b"Daemon",
    b"Error",
    b"clone",
    b"Clone",
    b"Slave_worker",
    b"Slave_IO",
    b"Slave_SQL",
    b"Bulk_execute",
    b"Stmt_bulk_execute",
    b"Multi",
    b"Subscribe Group Replication Stream",
    b"Group Replication Data Stream subscription",
    b"Unimpl get tid",
];

/// The command at the start of `rest` and its argument; commands end with a tab, with padding or with the line.
pub fn command(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let initial = rest.first()?;
    let known = COMMANDS.iter().filter(|name| name.first() == Some(initial)).find_map(|name| {
        let tail = rest.strip_prefix(*name)?;
        match tail.first() {
            None => Some((*name, tail)),
            Some(b'\t' | b'\n' | b'\r') => Some((*name, tail.get(1..).unwrap_or_default())),
            Some(b' ') => Some((*name, tail.trim_ascii_start())),
            _ => None,
        }
    });
    known.or_else(|| {
        // A command that this list does not have, from a server younger than it.
        let width = rest.iter().take(45).take_while(|b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'_')).count();
        let (name, tail) = rest.split_at_checked(width)?;
        let tail = tail.strip_prefix(b"\t")?;
        name.first().is_some_and(u8::is_ascii_uppercase).then_some((name, tail))
    })
}

/// True where a line begins with a date in one of these logs' shapes, readable or not; looks at fixed places.
pub fn looks_dated(line: &[u8]) -> bool {
    let digit = |at: usize| line.get(at).is_some_and(u8::is_ascii_digit);
    let iso = line.get(4) == Some(&b'-') && line.get(7) == Some(&b'-') && line.get(13) == Some(&b':') && digit(3) && digit(9);
    iso || (line.get(6) == Some(&b' ') && line.get(9) == Some(&b':') && line.get(12) == Some(&b':') && digit(5) && digit(14))
}

/// The time that begins a line: `2019-03-24T13:44:34.420123Z`, `2026-11-20 10:20:15`, `2026-11-20  9:20:15`,
/// `261120 10:20:15`, `080721  3:04:01`. Looks at two places before it reads anything.
pub fn stamp(line: &[u8]) -> time::Taken {
    match (line.get(4)?, line.get(6)?) {
        (b'-', _) => time::iso(line),
        (b'0'..=b'9', b' ') => time::compact(line),
        _ => None,
    }
}

/// Splits `'app'@'10.0.0.5'` or `app@localhost` at the start of `text`: user and host.
pub fn account(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(quoted) = text.strip_prefix(b"'") {
        let user = text::before(quoted, b"'@'")?;
        let host = text::before(quoted.get(user.len() + 3..)?, b"'")?;
        return Some((user, host));
    }
    let account = text::word(text);
    let at = memchr::memrchr(b'@', account)?;
    Some((account.get(..at)?, account.get(at + 1..)?))
}

/// True for the first of the three lines that a server writes when it opens its general or slow log:
/// `/usr/sbin/mysqld, Version: 8.0.43 (Source distribution). started with:`.
pub fn opens_log(line: &[u8]) -> bool {
    line.ends_with(b"started with:") && memchr::memmem::find(line, b", Version: ").is_some()
}

/// True for the third of those lines, the names of the columns: `Time                 Id Command    Argument`.
pub fn names_columns(line: &[u8]) -> bool {
    line.starts_with(b"Time")
        && line.trim_ascii_end().ends_with(b"Argument")
        && memchr::memmem::find(line, b"Id Command").is_some()
}

/// True where the last line of `record` names the columns: what follows is the first record behind the header.
pub fn ends_with_header(record: &[u8]) -> bool {
    names_columns(last_line(record))
}

/// The last line of `record`, without a carriage return.
pub fn last_line(record: &[u8]) -> &[u8] {
    let line = record.get(memchr::memrchr(b'\n', record).map_or(0, |n| n + 1)..).unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `record` without the header lines at its start.
pub fn skip_header(record: &[u8]) -> &[u8] {
    let mut rest = record;
    loop {
        let (line, tail) = text::first_line(rest);
        let line = line.trim_ascii_end();
        let port = line.starts_with(b"Tcp port: ") || line.starts_with(b"TCP Port: ");
        if !(opens_log(line) || port || names_columns(line) || (line.is_empty() && !rest.is_empty())) {
            return rest;
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_split() {
        assert_eq!(account(b"'app'@'10.0.0.5' (using"), Some((&b"app"[..], &b"10.0.0.5"[..])));
        assert_eq!(account(b"''@'localhost'"), Some((&b""[..], &b"localhost"[..])));
        assert_eq!(account(b"me@corp@db.example on"), Some((&b"me@corp"[..], &b"db.example"[..])));
        assert_eq!(account(b"nobody"), None);
    }

    #[test]
    fn commands_end_where_they_end() {
        assert_eq!(command(b"Query\tselect 1"), Some((&b"Query"[..], &b"select 1"[..])));
        assert_eq!(command(b"Connect     a@b on c"), Some((&b"Connect"[..], &b"a@b on c"[..])));
        assert_eq!(command(b"Quit"), Some((&b"Quit"[..], &b""[..])));
        assert_eq!(command(b"Queryx"), None);
        assert_eq!(command(b"Telepathy\tx"), Some((&b"Telepathy"[..], &b"x"[..])));
    }

    #[test]
    fn header_is_skipped() {
        let record = b"/usr/sbin/mysqld, Version: 8.0.1 (x). started with:\nTcp port: 1  Unix socket: s\n\
            Time                 Id Command    Argument\nrest";
        assert_eq!(skip_header(record), b"rest");
        assert!(ends_with_header(record.strip_suffix(b"\nrest").unwrap()));
        assert_eq!(skip_header(b""), b"");
    }
}

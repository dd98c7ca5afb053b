//! Finds what is to be hidden in a text: word by word, with the word before it and the signs between them.

use super::Redactor;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Words after which a value is a secret.
const SECRETS: [&str; 21] = [
    "password",
    "passwd",
    "pwd",
    "pass",
    "sslpassword",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "apikey",
    "api_key",
    "api-key",
    "x-api-key",
    "access_key",
    "authorization",
    "cookie",
    "session",
    "sessionid",
    "jwt",
];
/// Words after which a value is a user.
const USERS: [&str; 7] = ["user", "username", "user_name", "usr", "login", "identity", "uid"];
/// What pseudonyms begin with.
const KINDS: [&str; 6] = ["ip-", "user-", "host-", "secret-", "lit-", "mail-"];

/// True for characters that part words.
fn parts(c: char) -> bool {
    let signs = ['"', '\'', '`', '(', ')', ',', ';', '<', '>', '{', '}', '|', '=', '&', '?', '⏎'];
    c.is_whitespace() || signs.contains(&c)
}

impl Redactor {
    /// The text with pseudonyms for what is to be hidden.
    pub fn text(&self, text: &str) -> String {
        let literals = self.literals(text);
        let text = literals.as_deref().unwrap_or(text);
        let mut out = String::with_capacity(text.len());
        let (mut before, mut between) = (String::new(), String::new());
        let mut query = false;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if parts(c) {
                query = c == '?' || (query && !c.is_whitespace());
                between.push(c);
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
                continue;
            }
            let (word, tail) = rest.split_at(rest.find(parts).unwrap_or(rest.len()));
            out.push_str(&self.word(word, &before, &between, query));
            // `"key": "value"` has its colon as a word of its own.
            if word == ":" {
                between.push(':');
            } else {
                word.clone_into(&mut before);
                between.clear();
            }
            rest = tail;
        }
        out
    }

    fn word(&self, word: &str, before: &str, between: &str, query: bool) -> String {
        if word == ":" || KINDS.iter().any(|kind| word.starts_with(kind)) {
            return word.to_owned();
        }
        let key = before.trim_end_matches(':').to_ascii_lowercase();
        let assigned = between.contains(['=', ':']) || before.ends_with(':');
        let bearer = matches!(key.as_str(), "bearer" | "basic") && between == " ";
        let scheme = matches!(word, "Bearer" | "Basic");
        if bearer || (assigned && !scheme && SECRETS.contains(&key.as_str())) || token(word) {
            return self.pseudonym("secret", word);
        }
        if (assigned || between.contains('"')) && USERS.contains(&key.as_str()) {
            return self.pseudonym("user", word);
        }
        if query && between.ends_with('=') {
            return self.pseudonym("secret", word);
        }
        if let Some((scheme, rest)) = word.split_once("://") {
            return format!("{scheme}://{}", self.authority(rest));
        }
        match word.rsplit_once('@') {
            Some((name, place)) if self.users.contains(name) => {
                format!("{}@{}", self.pseudonym("user", name), self.known(place))
            }
            Some((name, place)) if mail(name, place) => self.pseudonym("mail", word),
            _ => self.known(word),
        }
    }

    /// `user:password@host:port/path` of an address with a scheme.
    fn authority(&self, rest: &str) -> String {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let Some((who, host)) = authority.rsplit_once('@') else { return format!("{}{path}", self.known(authority)) };
        let who = match who.split_once(':') {
            Some((user, password)) => format!("{}:{}", self.pseudonym("user", user), self.pseudonym("secret", password)),
            None => self.pseudonym("user", who),
        };
        format!("{who}@{}{path}", self.known(host))
    }

    /// A word that is a known user or host, or holds addresses.
    fn known(&self, word: &str) -> String {
        let core = word.trim_end_matches([':', '.', '!']);
        let tail = word.get(core.len()..).unwrap_or_default();
        let port = |(_, port): &(&str, &str)| port.bytes().all(|b| b.is_ascii_digit());
        let name = core.rsplit_once(':').filter(port).map_or(core, |(host, _)| host);
        if name.parse::<IpAddr>().is_err() && self.hosts.contains(name) {
            return format!("{}{}{tail}", self.pseudonym("host", name), core.get(name.len()..).unwrap_or_default());
        }
        if self.users.contains(core) {
            return format!("{}{tail}", self.pseudonym("user", core));
        }
        self.addresses(word)
    }

    /// Addresses inside a text, whatever stands around them.
    pub fn addresses(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
        let mut rest = text;
        let mut last = ' ';
        while let Some(start) = rest.find(of_address) {
            let (skipped, run) = rest.split_at(start);
            out.push_str(skipped);
            last = skipped.chars().next_back().unwrap_or(last);
            let (run, tail) = run.split_at(run.find(|c| !of_address(c)).unwrap_or(run.len()));
            // A run inside a word is no address.
            let inside = last.is_alphanumeric() || tail.starts_with(char::is_alphanumeric);
            out.push_str(&if inside { run.to_owned() } else { self.address(run) });
            last = run.chars().next_back().unwrap_or(last);
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn address(&self, run: &str) -> String {
        let core = run.trim_end_matches('.');
        let core = if core.ends_with("::") { core } else { core.trim_end_matches(':') };
        let tail = run.get(core.len()..).unwrap_or_default();
        let four = |text: &str| text.parse::<Ipv4Addr>().is_ok();
        if four(core) || (core.len() > 2 && core.parse::<Ipv6Addr>().is_ok()) {
            return format!("{}{tail}", self.pseudonym("ip", core));
        }
        match (core.rsplit_once(':'), core.split_once(':')) {
            (Some((host, port)), _) if four(host) => format!("{}:{port}{tail}", self.pseudonym("ip", host)),
            (_, Some((front, host))) if four(host) => format!("{front}:{}{tail}", self.pseudonym("ip", host)),
            _ => run.to_owned(),
        }
    }

    /// A statement with its literals hidden; `None` where the text is no statement.
    fn literals(&self, text: &str) -> Option<String> {
        if !statement(text) {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut last = ' ';
        while let Some(c) = rest.chars().next() {
            let taken = if c == '\'' {
                let end = quoted(rest);
                let inner = rest.get(1..end.saturating_sub(1)).unwrap_or_default();
                out.push_str(&format!("'{}'", self.pseudonym("lit", inner)));
                end
            } else if c.is_ascii_digit() && !last.is_alphanumeric() && !matches!(last, '_' | '.' | '$' | '-' | ':' | '[') {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                let (number, tail) = rest.split_at(end);
                // A number in a name or a time is no literal.
                let joined = tail.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-'));
                let plain = !joined && number.parse::<f64>().is_ok();
                out.push_str(&if plain { self.pseudonym("lit", number) } else { number.to_owned() });
                end
            } else {
                out.push(c);
                c.len_utf8()
            };
            last = out.chars().next_back().unwrap_or(' ');
            rest = rest.get(taken..).unwrap_or_default();
        }
        Some(out)
    }
}

/// True where a text holds an SQL statement.
fn statement(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let has = |word: &str| lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|w| w == word);
    (has("select") && (has("from") || lower.contains('\'')))
        || (has("insert") && has("into"))
        || (has("update") && has("set"))
        || (has("delete") && has("from"))
}

/// The length of the literal that `text` begins with; doubled quotes are part of it.
fn quoted(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\'' && chars.next_if(|(_, c)| *c == '\'').is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// A JSON web token.
fn token(word: &str) -> bool {
    word.starts_with("eyJ") && word.matches('.').count() == 2
}

/// `ann.lee@example.org`, not `org.postgresql.PgConnection@7e094740`.
fn mail(name: &str, place: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_' | '%');
    let of_place = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    !name.is_empty() && name.chars().all(of_name) && place.contains('.') && place.chars().all(of_place)
}

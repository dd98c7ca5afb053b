//! The beginning and end of sessions.

use crate::event::Event;
use crate::kind::Kind;
use crate::prim::{num, text};
use crate::severity::Severity;

/// `connection received`, `authenticated`, `authorized`, `ready`, and what a lost client gives.
pub(super) fn connection(event: &mut Event<'_>, certain: bool) -> bool {
    let message = event.message;
    if let Some(rest) = message.strip_prefix(b"connection received: host=") {
        event.kind = Kind::DbReceived;
        peer(rest, event);
    } else if let Some(rest) = message.strip_prefix(b"connection authorized: user=") {
        event.kind = Kind::DbOpen;
        names(rest, event);
    } else if let Some(rest) = message.strip_prefix(b"replication connection authorized: user=") {
        event.kind = Kind::DbOpen;
        event.reason = b"replication";
        names(rest, event);
    } else if let Some(rest) = message.strip_prefix(b"connection authenticated: ") {
        event.kind = Kind::DbAuthenticated;
        event.subject = text::between(rest, b"method=", b" ").or_else(|| text::after(rest, b"method=")).unwrap_or_default();
    } else if let Some(rest) = message.strip_prefix(b"connection ready: setup total=") {
        event.kind = Kind::DbReady;
        event.duration_ns = text::before(rest, b" ms").and_then(|ms| num::scaled(ms, 6)).unwrap_or(-1);
    } else if certain && message == b"connection to client lost" {
        event.kind = Kind::DbPeerError;
        event.reason = b"connection_lost";
    } else {
        return false;
    }
    true
}

/// `10.1.0.7 port=40312`, `[local]`; a server's name may stand there, too.
fn peer<'a>(rest: &'a [u8], event: &mut Event<'a>) {
    match memchr::memmem::find(rest, b" port=") {
        Some(at) => {
            event.client = rest.get(..at).unwrap_or_default();
            let port = rest.get(at + 6..).map(text::digits).and_then(num::uint16);
            event.client_port = port.unwrap_or(event.client_port);
        }
        None => event.client = text::before(rest, b" ").unwrap_or(rest),
    }
}

/// `cart database=store application_name=my web app SSL enabled (…)`, behind `user=`.
fn names<'a>(rest: &'a [u8], event: &mut Event<'a>) {
    let mut body = rest;
    for end in [&b" SSL enabled ("[..], b" GSS ("] {
        body = text::before(body, end).unwrap_or(body);
    }
    if let Some(at) = memchr::memmem::find(body, b" application_name=") {
        event.app_name = body.get(at + 18..).unwrap_or_default();
        body = body.get(..at).unwrap_or_default();
    }
    if let Some(at) = memchr::memmem::find(body, b" database=") {
        event.db_name = body.get(at + 10..).unwrap_or_default();
        body = body.get(..at).unwrap_or_default();
    }
    event.db_user = body;
}

/// `disconnection: session time: 0:00:00.011 user=cart database=store host=10.1.0.7 port=40312`
pub(super) fn disconnection(event: &mut Event<'_>) -> bool {
    let Some(rest) = event.message.strip_prefix(b"disconnection: session time: ") else { return false };
    event.kind = Kind::DbClose;
    let Some(at) = memchr::memmem::find(rest, b" user=") else {
        event.duration_ns = session_time(text::word(rest)).unwrap_or(-1);
        return true;
    };
    event.duration_ns = rest.get(..at).and_then(session_time).unwrap_or(-1);
    let who = rest.get(at + 6..).unwrap_or_default();
    let host = memchr::memmem::rfind(who, b" host=");
    names(who.get(..host.unwrap_or(who.len())).unwrap_or_default(), event);
    if let Some(at) = host {
        peer(who.get(at + 6..).unwrap_or_default(), event);
    }
    true
}

/// `27:00:01.250`: hours, minutes, seconds; the hours grow without bound.
fn session_time(text: &[u8]) -> Option<i64> {
    let mut parts = text.splitn(3, |b| *b == b':');
    let (hours, minutes, seconds) = (num::uint(parts.next()?)?, num::uint(parts.next()?)?, num::scaled(parts.next()?, 9)?);
    let whole = i64::try_from(hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?).ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(seconds)
}

/// What `connection authorized: user=` and `replication connection authorized: user=` begin with in other languages.
/// Source: `src/backend/po/*.po`; `connection received` is written by a format without letters and stays English.
const AUTHORIZED: [&str; 20] = [
    "Verbindung autorisiert: Benutzer=",
    "Replikationsverbindung autorisiert: Benutzer=",
    "connexion autorisée\u{a0}: utilisateur=",
    "connexion autorisée : utilisateur=",
    "connexion de réplication autorisée\u{a0}: utilisateur=",
    "connexion de réplication autorisée : utilisateur=",
    "conexión autorizada: usuario=",
    "conexión de replicación autorizada: usuario=",
    "conexão autorizada: usuário=",
    "connessione autorizzata: utente=",
    "connessione di replica autorizzata: utente=",
    "подключение авторизовано: пользователь=",
    "подключение для репликации авторизовано: пользователь=",
    "підключення авторизовано: користувач=",
    "接続の認証完了: ユーザー=",
    "レプリケーション接続の認証完了: ユーザー=",
    "anslutning auktoriserad: användare=",
    "복제 연결 인증: user=",
    "연결 인증: user=",
    "复制连接已经授权: 用户=",
];

/// The same lines of a server that speaks another language: the order of the values and the shape of the time stay.
#[cold]
pub(super) fn translated(event: &mut Event<'_>) -> bool {
    let message = event.message;
    if event.severity != Severity::INFO || memchr::memchr(b'=', message).is_none() {
        return false;
    }
    if let Some(rest) = AUTHORIZED.iter().find_map(|start| message.strip_prefix(start.as_bytes())) {
        event.kind = Kind::DbOpen;
        let mut values = values(rest);
        event.db_user = text::word(rest);
        event.db_name = values.next().unwrap_or(event.db_name);
        return true;
    }
    let Some((duration, rest)) = clock(message) else { return false };
    let mut values = values(rest);
    let (Some(user), Some(database), Some(host)) = (values.next(), values.next(), values.next()) else { return false };
    event.kind = Kind::DbClose;
    event.duration_ns = duration;
    (event.db_user, event.db_name, event.client) = (user, database, host);
    event.client_port = values.next().and_then(num::uint16).unwrap_or(event.client_port);
    true
}

/// The values of ` key=value key = value …`.
fn values(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'=').skip(1).map(|part| text::word(part.trim_ascii_start()))
}

/// The session time inside a message, `0:00:00.006`, and what follows it.
fn clock(message: &[u8]) -> Option<(i64, &[u8])> {
    memchr::memchr_iter(b'.', message).find_map(|dot| {
        let end = dot + 4;
        let start = message.get(..dot)?.iter().rposition(|b| !b.is_ascii_digit() && *b != b':')? + 1;
        let written = message.get(start..end)?;
        let colons = memchr::memchr_iter(b':', written).count();
        let after = message.get(end..)?;
        (colons == 2 && matches!(after.first(), Some(b' ' | b'\n'))).then_some((session_time(written)?, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> (Kind, String) {
        let mut event = Event { message: message.as_bytes(), severity: Severity::INFO, ..Event::default() };
        let known = connection(&mut event, true) || disconnection(&mut event) || translated(&mut event);
        assert!(known, "{message}");
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let (user, database, app, client) =
            (text(event.db_user), text(event.db_name), text(event.app_name), text(event.client));
        (event.kind, format!("{user} {database} {app} {client} {} {}", event.client_port, event.duration_ns))
    }

    #[test]
    fn sessions_in_any_language() {
        for (message, kind, want) in [
            ("connection received: host=[local]", Kind::DbReceived, "   [local] 0 -1"),
            ("connection authorized: user=a database=b", Kind::DbOpen, "a b   0 -1"),
            ("replication connection authorized: user=r application_name=s SSL enabled (x)", Kind::DbOpen, "r  s  0 -1"),
            (
                "disconnection: session time: 0:00:01.5 user=a database=b host=[local]",
                Kind::DbClose,
                "a b  [local] 0 1500000000",
            ),
            (
                "déconnexion : durée de la session : 0:00:00.006\nutilisateur=a base de données=b hôte=h port=5",
                Kind::DbClose,
                "a b  h 5 6000000",
            ),
            (
                "відключення: час сеансу: 1:00:00.000 користувач = a база даних = b хост = h",
                Kind::DbClose,
                "a b  h 0 3600000000000",
            ),
            ("conexión autorizada: usuario=a base_de_datos=b", Kind::DbOpen, "a b   0 -1"),
        ] {
            assert_eq!(read(message), (kind, want.to_owned()), "{message}");
        }
    }
}

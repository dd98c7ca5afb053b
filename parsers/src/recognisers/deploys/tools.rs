//! The fixed texts of deployment tools.

use crate::event::Event;
use crate::kind::Kind;
use crate::prim::text::{after, between, word};
use crate::prim::{num, time};
use crate::stamp::Stamp;

pub(super) fn recognise(event: &mut Event<'_>) -> bool {
    let message = crate::prim::text::first_line(event.message).0;
    capistrano(event, message)
        || kubectl(event, message)
        || heroku(event, message)
        || gitops(event, message)
        || helm(event, message)
        || ecs(event, message)
        || migration(event, message)
        || reload(event, message)
}

/// `Branch main (at 1a2b3c4) deployed as release 20261120101520 by alice`, `alice rolled back to release 2026…`. The
/// release is a time in UTC and the only one that the line has.
fn capistrano<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    let release = |marker: &[u8]| {
        let id = crate::prim::text::digits(after(message, marker)?);
        (id.len() == 14).then_some(id)
    };
    if let (Some(rest), Some(id)) = (message.strip_prefix(b"Branch "), release(b" deployed as release ")) {
        event.kind = Kind::Deploy;
        event.subject = word(rest);
        event.revision = between(message, b"(at ", b")").unwrap_or_default();
        event.version = id;
    } else if let Some(id) = release(b" rolled back to release ") {
        event.kind = Kind::Rollback;
        event.version = id;
    } else {
        return false;
    }
    if !event.stamp.is_some() {
        event.stamp = release_time(event.version).unwrap_or(Stamp::NONE);
    }
    true
}

fn release_time(id: &[u8]) -> Option<Stamp> {
    let part = |from: usize, to: usize| id.get(from..to).and_then(num::uint32);
    let year = i32::try_from(part(0, 4)?).ok()?;
    let days = time::days(year, part(4, 6)?, part(6, 8)?);
    let seconds = i64::from(part(8, 10)? * 3600 + part(10, 12)? * 60 + part(12, 14)?);
    Some(Stamp::instant((days * 86_400 + seconds).checked_mul(1_000_000_000)?, 0))
}

/// `deployment "shop" successfully rolled out`, `deployment.apps/shop restarted`.
fn kubectl<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    for kind in [&b"deployment"[..], b"statefulset", b"daemonset", b"daemon set", b"statefulset rolling update complete"] {
        let Some(rest) = message.strip_prefix(kind) else { continue };
        if let Some(rest) = rest.strip_prefix(b" \"")
            && let Some(end) = memchr::memchr(b'"', rest)
            && rest.get(end..).is_some_and(|r| r.starts_with(b"\" successfully rolled out"))
        {
            event.kind = Kind::Deploy;
            event.subject = rest.get(..end).unwrap_or_default();
            return true;
        }
        let Some(rest) = rest.strip_prefix(b".apps/") else { continue };
        let name = word(rest);
        let done = word(rest.get(name.len()..).unwrap_or_default().trim_ascii_start());
        event.kind = match done {
            b"rolled" => Kind::Rollback,
            b"restarted" | b"image" | b"created" | b"configured" => Kind::Deploy,
            b"scaled" => Kind::ConfigChange,
            _ => continue,
        };
        event.subject = name;
        return true;
    }
    false
}

/// `Release v12 created by user x`, `Deploy 1a2b3c4 by user x`, `Rollback to v11 by user x`.
fn heroku<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    if memchr::memmem::find(message, b" by user ").is_none() {
        return false;
    }
    if let Some(rest) = message.strip_prefix(b"Release v") {
        event.version = message.get(8..9 + num::digits(rest)).unwrap_or_default();
        event.kind = Kind::Deploy;
    } else if let Some(rest) = message.strip_prefix(b"Deploy ") {
        event.revision = word(rest);
        event.kind = Kind::Deploy;
    } else if let Some(rest) = message.strip_prefix(b"Rollback to ") {
        event.version = word(rest);
        event.kind = Kind::Rollback;
    } else {
        return false;
    }
    true
}

/// Argo CD and Flux: `Initiated automated sync to '1a2b…'`, `alice initiated rollback to 4`,
/// `Sync operation to 1a2b… succeeded`.
fn gitops<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    let target = |marker: &[u8]| after(message, marker).map(|rest| word(rest.strip_prefix(b"'").unwrap_or(rest)));
    let sync = target(b"nitiated automated sync to ").or_else(|| target(b"initiated sync to "));
    if let Some(revision) = sync {
        (event.kind, event.revision, event.reason) = (Kind::Deploy, revision, b"started");
    } else if let Some(revision) = target(b"Sync operation to ") {
        let failed = memchr::memmem::find(message, b"failed").is_some();
        (event.kind, event.revision, event.reason) = (Kind::Deploy, revision, if failed { &b"failed"[..] } else { b"" });
    } else if let Some(version) = target(b"initiated rollback to ") {
        (event.kind, event.version, event.reason) = (Kind::Rollback, version, b"started");
    } else {
        return false;
    }
    event.subject = event.attr_any(&["application", "app", "involvedObject.name", "name"]).unwrap_or(event.subject);
    true
}

/// `Release "shop" has been upgraded. Happy Helming!`, `Rollback was a success! Happy Helming!`,
/// `Helm upgrade succeeded for release prod/shop.v5 with chart shop@1.2.3`.
fn helm<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    if let Some(name) =
        between(message, b"Release \"", b"\"").filter(|_| memchr::memmem::find(message, b"has been upgraded").is_some())
    {
        (event.kind, event.subject) = (Kind::Deploy, name);
        return true;
    }
    if message.starts_with(b"Rollback was a success") {
        event.kind = Kind::Rollback;
        return true;
    }
    let Some(rest) = message.strip_prefix(b"Helm ") else { return false };
    event.kind = match word(rest) {
        b"upgrade" | b"install" => Kind::Deploy,
        b"rollback" => Kind::Rollback,
        _ => return false,
    };
    let release = after(rest, b"release ").map(word).unwrap_or_default();
    event.subject = release.split(|b| *b == b'.').next().unwrap_or(release);
    event.version = after(rest, b"chart ").map(word).and_then(|chart| after(chart, b"@")).unwrap_or_default();
    event.reason = if memchr::memmem::find(rest, b"failed").is_some() { b"failed" } else { b"" };
    true
}

/// `(service shop) has reached a steady state.`, `(service shop) (deployment ecs-svc/12) deployment completed.`
fn ecs<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    let Some(name) = between(message, b"(service ", b")").filter(|_| message.starts_with(b"(service ")) else { return false };
    let says = |text: &[u8]| memchr::memmem::find(message, text).is_some();
    if says(b"rolling back to") {
        event.kind = Kind::Rollback;
    } else if says(b"deployment completed") || says(b"has reached a steady state") {
        event.kind = Kind::Deploy;
    } else if says(b"deployment failed") {
        (event.kind, event.reason) = (Kind::Deploy, b"failed");
    } else {
        return false;
    }
    event.subject = name;
    true
}

/// Flyway, Liquibase and Rails: a changed schema is a changed configuration.
fn migration<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    if let Some(rest) = after(message, b"Migrating schema ") {
        event.subject = word(rest.trim_ascii_start().strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"`")).unwrap_or(rest));
        event.subject = event.subject.strip_suffix(b"`").unwrap_or(event.subject);
        event.version = after(rest, b"to version ").map(|v| word(v.strip_prefix(b"\"").unwrap_or(v))).unwrap_or_default();
    } else if let Some(rest) = after(message, b"ChangeSet ").filter(|r| memchr::memmem::find(r, b" ran successfully").is_some())
    {
        event.subject = word(rest);
    } else if let Some(rest) = message.strip_prefix(b"== ").filter(|r| num::digits(r) >= 8) {
        let id = crate::prim::text::digits(rest);
        let name = rest.get(id.len()..).unwrap_or_default().trim_ascii_start();
        let Some(end) = memchr::memmem::find(name, b": migrat") else { return false };
        (event.version, event.subject) = (id, name.get(..end).unwrap_or_default());
    } else {
        return false;
    }
    (event.kind, event.reason) = (Kind::ConfigChange, b"migration");
    true
}

/// `configuration reloaded`, `Config reload successful`: at the start of the message, where it is what happened.
fn reload(event: &mut Event<'_>, message: &[u8]) -> bool {
    let head = message.get(..message.len().min(48)).unwrap_or_default();
    let says = |text: &[u8]| memchr::memmem::find(head, text).is_some();
    if says(b"onfiguration reloaded")
        || says(b"onfig reloaded")
        || says(b"onfiguration reload succe")
        || says(b"onfiguration changed")
        || says(b"onfig changed")
    {
        (event.kind, event.reason) = (Kind::ConfigChange, b"reload");
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let mut event = Event { message: line.as_bytes(), ..Event::default() };
        recognise(&mut event);
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        format!(
            "{}|{}|{}|{}|{}",
            event.kind.name(),
            text(event.subject),
            text(event.version),
            text(event.revision),
            text(event.reason)
        )
    }

    #[test]
    fn texts_of_tools_are_read() {
        for (line, want) in [
            ("alice rolled back to release 20261119090000", "deploy.rollback||20261119090000||"),
            ("deployment.apps/shop rolled back", "deploy.rollback|shop|||"),
            ("deployment.apps/shop image updated", "deploy|shop|||"),
            ("Deploy 1a2b3c4 by user ops@example.com", "deploy|||1a2b3c4|"),
            ("Initiated automated sync to '1a2b3c4d5e6f'", "deploy|||1a2b3c4d5e6f|started"),
            ("Sync operation to 1a2b3c4d failed: timeout", "deploy|||1a2b3c4d|failed"),
            ("Release \"shop\" has been upgraded. Happy Helming!", "deploy|shop|||"),
            ("Helm upgrade succeeded for release prod/shop.v5 with chart shop@1.2.3", "deploy|prod/shop|1.2.3||"),
            ("(service shop) has reached a steady state.", "deploy|shop|||"),
            (
                "== 20261120101520 AddIndexToOrders: migrating ======",
                "config.change|AddIndexToOrders|20261120101520||migration",
            ),
            ("ChangeSet db/changes.xml::12::bob ran successfully in 12ms", "config.change|db/changes.xml::12::bob|||migration"),
            ("Configuration reloaded successfully", "config.change||||reload"),
            ("(service shop) was unable to place a task", "log||||"),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }
}

//! Deployments as structured records: GitHub's and GitLab's hooks, and the objects that scripts write.

use crate::event::Event;
use crate::kind::Kind;

pub(super) fn recognise(event: &mut Event<'_>) -> bool {
    let gitlab = event.attr("object_kind").is_some_and(|kind| kind == b"deployment");
    let github = event.attr("deployment.sha").is_some() || event.attr("deployment.ref").is_some();
    let named = event.attr_any(&["event", "event_type", "type", "action", "kind"]).map(<[u8]>::to_ascii_lowercase);
    let kind = match named.as_deref() {
        Some(b"deploy" | b"deployment" | b"deployed" | b"release" | b"released" | b"deploy_finished" | b"deploy_started") => {
            Kind::Deploy
        }
        Some(b"rollback" | b"rolled_back" | b"deploy_rollback") => Kind::Rollback,
        Some(b"config_change" | b"config.change" | b"configuration_change") => Kind::ConfigChange,
        _ if gitlab || github => Kind::Deploy,
        _ => return false,
    };
    let subject = event.attr_any(&[
        "service",
        "app",
        "application",
        "project.name",
        "repository.name",
        "name",
        "component",
        "environment",
    ]);
    let version = event.attr_any(&["version", "tag", "image_tag", "release", "deployment.ref", "ref"]);
    let revision = event.attr_any(&["commit", "revision", "sha", "short_sha", "deployment.sha", "git_sha"]);
    if !(gitlab || github || (subject.is_some() && (version.is_some() || revision.is_some()))) {
        return false;
    }
    let state = event.attr_any(&["status", "deployment_status.state", "state", "phase"]).unwrap_or_default();
    event.kind = kind;
    event.reason = match state.to_ascii_lowercase().as_slice() {
        b"running" | b"started" | b"pending" | b"queued" | b"in_progress" | b"created" => b"started",
        b"failed" | b"failure" | b"error" | b"canceled" | b"cancelled" => b"failed",
        _ => b"",
    };
    event.subject = subject.unwrap_or_default();
    event.version = version.unwrap_or_default();
    event.revision = revision.unwrap_or_default();
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_read() {
        let attrs = [
            (&b"object_kind"[..], &b"deployment"[..]),
            (b"status", b"running"),
            (b"project.name", b"shop"),
            (b"short_sha", b"1a2b3c4"),
        ];
        let mut event = Event { attrs: &attrs, ..Event::default() };
        assert!(recognise(&mut event));
        assert_eq!(
            (event.kind, event.subject, event.revision, event.reason),
            (Kind::Deploy, &b"shop"[..], &b"1a2b3c4"[..], &b"started"[..])
        );
        let attrs = [(&b"event"[..], &b"deploy"[..]), (b"service", b"shop"), (b"version", b"2.4.1")];
        let mut event = Event { attrs: &attrs, ..Event::default() };
        assert!(recognise(&mut event) && event.version == b"2.4.1");
        let attrs = [(&b"type"[..], &b"release"[..]), (b"name", b"lock")];
        assert!(!recognise(&mut Event { attrs: &attrs, ..Event::default() }));
    }
}

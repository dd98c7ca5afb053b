//! Events of a Kubernetes cluster: `kubectl get events -o json`, watch streams and exporters (an object a line), and the
//! table that `kubectl get events` prints.
//!
//! Sources: Kubernetes API `core/v1` and `events.k8s.io/v1` Event; kubelet `pkg/kubelet/events/event.go`.
//!
//! ```text
//! LAST SEEN   TYPE      REASON      OBJECT               MESSAGE
//! 4m12s       Warning   OOMKilling  node/worker-3        Memory cgroup out of memory: Killed process 4242 (java)
//! └ how long ago: no time
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::listing::Listing;
use crate::prim::object::{self, Pair};
use crate::prim::text::between;
use crate::prim::time;
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "k8s_events",
    about: "Kubernetes events as JSON or as kubectl's table",
    spec: "Kubernetes API: Event of core/v1 and events.k8s.io/v1",
    weight: 92,
    infer,
    examples: &[
        Example {
            line: r#"{"kind":"Event","involvedObject":{"kind":"Deployment","name":"shop-api"},"reason":"ScalingReplicaSet","message":"Scaled up replica set shop-api-7d9 to 1","type":"Normal","firstTimestamp":"2026-11-20T10:10:00Z","lastTimestamp":"2026-11-20T10:15:20Z"}"#,
            shows: &[("time", "2026-11-20T10:15:20Z"), ("kind", "deploy"), ("subject", "shop-api"), ("severity", "INFO")],
        },
        Example {
            line: r#"{"regarding":{"kind":"Pod","name":"shop-api-7d9-x2x4z","fieldPath":"spec.containers{api}"},"reason":"BackOff","note":"Back-off restarting failed container","type":"Warning","eventTime":"2026-11-20T10:15:20.136003Z"}"#,
            shows: &[
                ("kind", "app.stop"),
                ("reason", "crash_loop"),
                ("subject", "shop-api-7d9-x2x4z"),
                ("service.name", "api"),
                ("severity", "WARN"),
            ],
        },
        Example {
            line: "LAST SEEN   TYPE      REASON       OBJECT          MESSAGE\n4m12s       Warning   OOMKilling   node/worker-3   Memory cgroup out of memory",
            shows: &[("kind", "resource.exhausted"), ("reason", "out_of_memory"), ("subject", "worker-3")],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    if let Some(columns) = sample.find(Columns::of) {
        let layout = Box::new(K8sEvents { listing: Listing::Lines, columns: Some(columns) });
        return Some(Inferred { layout, reason: "table of kubectl get events".into() });
    }
    let object = |line: &[u8]| {
        let has = |mark: &[u8]| memchr::memmem::find(line, mark).is_some();
        has(b"\"involvedObject\"") || has(b"\"regarding\"") || has(b"\"EventList\"")
    };
    if !sample.lines.iter().any(|line| object(line)) {
        return None;
    }
    let listing = Listing::infer(sample, "items")?;
    let layout = Box::new(K8sEvents { listing, columns: None });
    let reason = if listing == Listing::Lines { "Kubernetes events, an object a line" } else { "a list of Kubernetes events" };
    Some(Inferred { layout, reason: reason.into() })
}

struct K8sEvents {
    listing: Listing,
    columns: Option<Columns>,
}

impl Layout for K8sEvents {
    fn line(&self, line: &[u8]) -> Line {
        match self.columns {
            Some(_) if Columns::of(line).is_some() => Line::Foreign,
            Some(columns) if columns.fits(line) => Line::Start,
            Some(_) => Line::Foreign,
            None => self.listing.line(line),
        }
    }

    fn skips(&self, line: &[u8]) -> bool {
        if self.columns.is_some() { Columns::of(line).is_some() } else { self.listing.skips(line) }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let event_type = if let Some(columns) = self.columns {
            columns.read(record, event)
        } else {
            event.attrs = object::flatten(self.listing.object(record), arena);
            read(event)
        };
        let (kind, reason) = event_type.ok_or(Reject::new(Reason::BadField, 0))?;
        classify(event, kind, reason);
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Complete
    }
}

/// When an event was last seen, best first: an event that repeats covers a range of time.
const TIMES: [&str; 7] = [
    "series.lastObservedTime",
    "lastTimestamp",
    "deprecatedLastTimestamp",
    "eventTime",
    "firstTimestamp",
    "deprecatedFirstTimestamp",
    "metadata.creationTimestamp",
];

/// Fills what an event object says; its `type` and `reason`. Watch streams put the event into `object`.
fn read<'a>(event: &mut Event<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let attrs = event.attrs;
    let get = |names: &[&str]| -> &'a [u8] {
        let own = |key: &[u8], name: &str| {
            key == name.as_bytes() || key.strip_prefix(b"object.").is_some_and(|k| k == name.as_bytes())
        };
        let find = |name: &&str| attrs.iter().find(|(k, v): &&Pair<'a>| own(k, name) && !v.is_empty());
        names.iter().find_map(find).map_or(b"", |(_, v)| v)
    };
    let reason = get(&["reason"]);
    event.subject = get(&["involvedObject.name", "regarding.name"]);
    event.message = get(&["message", "note"]);
    if reason.is_empty() && event.message.is_empty() {
        return None;
    }
    event.stamp = TIMES.iter().find_map(|name| time::iso(get(&[name]))).map_or(Stamp::NONE, |(stamp, _)| stamp);
    event.service = between(get(&["involvedObject.fieldPath", "regarding.fieldPath"]), b"{", b"}").unwrap_or(event.service);
    event.host = Some(get(&["source.host", "deprecatedSource.host"])).filter(|h| !h.is_empty()).unwrap_or(event.host);
    event.logger = get(&["reportingComponent", "reportingController", "source.component"]);
    // A watch stream's own `type` is ADDED or MODIFIED: the event's follows it.
    let kind = attrs.iter().rev().find(|(k, _)| *k == b"type" || *k == b"object.type").map_or(&b""[..], |(_, v)| *v);
    Some((kind, reason))
}

fn classify(event: &mut Event<'_>, kind: &[u8], reason: &[u8]) {
    event.severity = if kind.eq_ignore_ascii_case(b"Warning") { Severity::WARN } else { Severity::INFO };
    let says = |text: &[u8]| memchr::memmem::find(event.message, text).is_some();
    let (kind, why): (Kind, &'static [u8]) = match reason {
        b"ScalingReplicaSet" if says(b"Scaled down") => (Kind::ConfigChange, b"scaled_down"),
        b"DeploymentRollback" | b"RolloutAborted" => (Kind::Rollback, b""),
        b"ScalingReplicaSet" | b"RolloutUpdated" | b"RolloutCompleted" | b"OperationCompleted" => (Kind::Deploy, b""),
        b"OperationStarted" => (Kind::Deploy, b"started"),
        b"SuccessfulRescale" => (Kind::ConfigChange, b"scaled"),
        b"Started" => (Kind::AppStart, b""),
        b"Rebooted" => (Kind::AppStart, b"node_rebooted"),
        b"Killing" if says(b"probe") => (Kind::AppStop, b"probe_failed"),
        b"Killing" | b"Preempted" => (Kind::AppStop, b"killed"),
        b"BackOff" if says(b"pulling") => (Kind::Error, b"image_pull"),
        b"BackOff" | b"CrashLoopBackOff" => (Kind::AppStop, b"crash_loop"),
        b"OOMKilling" | b"SystemOOM" | b"OOMKilled" => (Kind::ResourceExhausted, b"out_of_memory"),
        b"Evicted" => (Kind::ResourceExhausted, b"evicted"),
        b"FailedScheduling" if says(b"Insufficient") => (Kind::ResourceExhausted, b"scheduling"),
        b"Unhealthy" | b"NodeNotReady" | b"NodeHasDiskPressure" | b"NodeHasInsufficientMemory" | b"ProbeWarning" => {
            (Kind::Alert, b"firing")
        }
        b"NodeReady" => (Kind::Alert, b"resolved"),
        b"Failed" | b"FailedMount" | b"FailedSync" | b"FailedScheduling" | b"FailedCreate" | b"FailedAttachVolume" => {
            (Kind::Error, b"")
        }
        _ => (Kind::Log, b""),
    };
    event.kind = kind;
    event.reason = why;
}

/// Where the columns of kubectl's table begin.
#[derive(Clone, Copy)]
struct Columns {
    kind: usize,
    reason: usize,
    object: usize,
    message: usize,
}

impl Columns {
    /// The columns, where a line is the table's head.
    fn of(line: &[u8]) -> Option<Columns> {
        if !(line.starts_with(b"LAST SEEN ") || line.starts_with(b"NAMESPACE ")) {
            return None;
        }
        let at = |name: &[u8]| memchr::memmem::find(line, name);
        let columns = Columns {
            kind: at(b" TYPE")? + 1,
            reason: at(b" REASON")? + 1,
            object: at(b" OBJECT")? + 1,
            message: at(b" MESSAGE")? + 1,
        };
        (columns.kind < columns.reason && columns.reason < columns.object && columns.object < columns.message)
            .then_some(columns)
    }

    /// A row has a blank before each column.
    fn fits(self, line: &[u8]) -> bool {
        [self.kind, self.reason, self.object, self.message]
            .iter()
            .all(|at| line.get(at - 1) == Some(&b' ') && line.get(*at).is_some_and(|b| *b != b' '))
    }

    fn read<'a>(self, record: &'a [u8], event: &mut Event<'a>) -> Option<(&'a [u8], &'a [u8])> {
        let mut lines = record.split(|b| *b == b'\n');
        let row = lines.find(|line| Columns::of(line).is_none())?;
        let cell = |from: usize, to: usize| row.get(from..to).map(<[u8]>::trim_ascii);
        let object = cell(self.object, self.message)?;
        event.subject = object.rsplit(|b| *b == b'/').next().unwrap_or(object);
        event.message = row.get(self.message..)?.trim_ascii();
        Some((cell(self.kind, self.reason)?, cell(self.reason, self.object)?))
    }
}

//! Which key of a JSON record means what, whoever wrote it.
//!
//! Keys are compared without case, `_`, `-`, `@` and blanks, so that `trace_id`, `traceId` and `TraceID` are one row. A row's
//! rank says how sure the meaning is: of two keys of one role the lower rank wins, then the first.

use crate::prim::text::same;
use std::collections::HashMap;
use std::sync::LazyLock;

macro_rules! roles {
    ($($role:ident)*) => {
        /// What a key's value is to an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Role { $($role),* }
        /// How many roles there are.
        pub(super) const COUNT: usize = [$(Role::$role),*].len();
    };
}

roles! {
    Time Seconds Nanos Level Message Logger Name Thread Pid Host Service ErrorType ErrorMessage Stack Method Path Scheme
    Request Status DurationS DurationMs DurationUs DurationNs Duration ConnectS ClientIp ClientPort Forwarded Agent Bytes
    Server Frontend Backend TraceId SpanId RequestId Caller Line Function Route Query Web Flags
}

/// A role and its rank.
pub(super) type Entry = (Role, u8);

/// The table: role, then names from the surest on. A `|` raises the rank by one, starting with 1.
const TABLE: &[(Role, &str)] = &[
    (
        Role::Time,
        "timestamp timemillis timeunixnano timelocal timeiso8601 asctime record.time.timestamp | time edgeendtimestamp \
         timestampmillis record.time.repr eventtime | ts t datetime logtime isotimestamp instant | msec edgestarttimestamp \
         observedtimeunixnano startutc | starttime startedat created createdat date dt startlocal receivetimestamp",
    ),
    (Role::Seconds, "instant.epochsecond timestamp.seconds time.seconds timestampseconds"),
    (Role::Nanos, "instant.nanoofsecond timestamp.nanos time.nanos timestampnanos"),
    (
        Role::Level,
        "levelname record.level.name loglevelname severitytext log.level level.name | level loglevel lvl l severity | \
         invloglevel levelstr priorityname errorseverity syslog.severityname | levelvalue severitynumber levelno | \
         record.level.no priority",
    ),
    (
        Role::Message,
        "message msg record.message data.message | m shortmessage textpayload body.stringvalue renderedmessage msgtext | \
         mt body messagetemplate state.message | log event text logmessage | fullmessage description short details",
    ),
    (
        Role::Logger,
        "logger loggername log.logger | sourcecontext category scope.name channel record.name | target component log.name | \
         module classname class logname subsystem",
    ),
    (Role::Name, "name"),
    (
        Role::Thread,
        "thread threadname process.thread.name thread.name record.thread.name | threadid thread.id process.thread.id tid",
    ),
    (Role::Pid, "pid process.pid processid process.id record.process.id | proc.pid"),
    (
        Role::Host,
        "hostname host.name host.hostname kubernetes.podname k8s.pod.name podname pod process.hostname | host machinename \
         nodename node.name kubernetes.host servername computername instance",
    ),
    (
        Role::Service,
        "service.name service dd.service servicecontext.service resource.service.name | servicename app appname application \
         applicationname spring.application.name | program kubernetes.containername k8s.container.name container.name \
         containername project",
    ),
    (
        Role::ErrorType,
        "error.type err.type exception.type exception.class thrown.type x.type error.class exception.exceptionclass | \
         err.name error.name error.kind exception.name thrown.name errortype errorclass exceptionclass exceptiontype errorname",
    ),
    (
        Role::ErrorMessage,
        "error.message err.message exception.message thrown.message x.message thrown.localizedmessage exception.exceptionmessage \
         exceptionmessage errormessage err.msg | error err errormsg",
    ),
    (
        Role::Stack,
        "error.stacktrace error.stack err.stack stacktrace stack exception.stacktrace thrown.extendedstacktrace \
         thrown.stacktrace x.stacktrace excinfo traceback backtrace errorstacktrace err.stacktrace exception.backtrace | \
         exception exctext x errorverbose error.stacktracestring thrown stackinfo",
    ),
    (
        Role::Method,
        "req.method request.method http.method http.request.method requestmethod httpmethod httprequest.requestmethod \
         clientrequestmethod csmethod | method verb",
    ),
    (
        Role::Path,
        "req.originalurl req.url request.url request.uri url.original requesturi xenvoyoriginalpath clientrequesturi \
         httprequest.requesturl http.target | req.path request.path requestpath xenvoyoriginpath url.path http.url requesturl \
         http.path | url uri path originalpath | endpoint clientrequestpath url.full",
    ),
    (Role::Request, "request requestline httprequest httprequestline req"),
    (
        Role::Status,
        "res.statuscode response.status response.statuscode http.statuscode http.response.statuscode httpstatus \
         httpstatuscode httprequest.status downstreamstatus edgeresponsestatus res.status resp.status elbstatuscode \
         responsestatus responsestatuscode responsecode | statuscode | status | originstatus",
    ),
    (
        Role::DurationS,
        "requesttime durations durationsec durationsecs durationseconds elapsedsecs elapsedseconds latencyseconds latencys",
    ),
    (
        Role::DurationMs,
        "responsetime durationms elapsedms latencyms tookmillis responsetimems timems durationmillis elapsedmilliseconds \
         tookms processingtimems requestdurationms durationmilliseconds elapsedmillis timetakenms totalms requesttimems",
    ),
    (Role::DurationUs, "durationus elapsedus durationmicros latencyus timetakenus responsetimeus"),
    (Role::DurationNs, "event.duration durationns latencyns elapsednanos durationnanos"),
    (
        Role::Duration,
        "duration latency elapsed | took elapsedtime executiontime requestduration http.duration httprequest.latency \
         processingtime timetaken totaltime runtime",
    ),
    (Role::ConnectS, "upstreamconnecttime"),
    (
        Role::ClientIp,
        "clientip client.ip client.address request.clientip http.clientip | remoteaddr remoteip req.remoteaddress req.ip \
         request.remoteip request.remoteaddr httprequest.remoteip downstreamremoteaddress meta.remoteip clienthost | clientaddr \
         remoteaddress source.ip sourceip ip net.peer.ip remotehost peer.address remote",
    ),
    (Role::ClientPort, "req.remoteport request.remoteport clientport remoteport client.port source.port"),
    (
        Role::Forwarded,
        "httpxforwardedfor xforwardedfor req.headers.xforwardedfor request.headers.xforwardedfor realip xrealip \
         req.headers.xrealip trueclientip",
    ),
    (
        Role::Agent,
        "useragent httpuseragent useragent.original req.headers.useragent request.headers.useragent requestuseragent \
         httprequest.useragent clientrequestuseragent agent http.useragent ua",
    ),
    (
        Role::Bytes,
        "bodybytessent http.response.bytes http.response.body.bytes downstreamcontentsize res.bytes httprequest.responsesize \
         edgeresponsebytes responsesize response.size responsebytes | bytessent res.headers.contentlength res.contentlength | \
         size bytes contentlength",
    ),
    (Role::Server, "upstreamaddr upstreamhost serviceaddr upstream upstreamaddress originip server.address"),
    (Role::Frontend, "routername listenername frontend frontendname"),
    (Role::Backend, "upstreamcluster backend backendname backendpoolname upstreamname proxyupstreamname"),
    (
        Role::TraceId,
        "traceid trace.id dd.traceid logging.googleapis.com/trace otel.traceid oteltraceid xb3traceid span.traceid tr \
         context.traceid trace | xraytraceid",
    ),
    (Role::SpanId, "spanid span.id dd.spanid logging.googleapis.com/spanid otel.spanid otelspanid xb3spanid sp context.spanid"),
    (
        Role::RequestId,
        "reqid req.id requestid request.id http.request.id xrequestid request.requestid | correlationid rayid \
         correlation.id requestuuid awsrequestid transactionid",
    ),
    (
        Role::Caller,
        "caller source.file source.filename src.file log.origin.file.name code.filepath code.file.path pathname loggingcallat \
         logging.googleapis.com/sourcelocation.file sourcelocation.file | filename file record.file.path callsite",
    ),
    (
        Role::Line,
        "source.line source.linenumber src.line log.origin.file.line code.lineno code.line.number lineno linenumber \
         logging.googleapis.com/sourcelocation.line sourcelocation.line record.line | line",
    ),
    (
        Role::Function,
        "source.function source.methodname src.func log.origin.function code.function code.function.name funcname \
         logging.googleapis.com/sourcelocation.function sourcelocation.function record.function | func function",
    ),
    (Role::Route, "http.route route req.route.path routename matchedroute"),
    (Role::Query, "db.statement db.query.text sql"),
    (Role::Flags, "responseflags terminationstate"),
];

/// Keys that only a load balancer or web server writes.
const WEB: &[&str] = &[
    "routername",
    "downstreamstatus",
    "upstreamaddr",
    "upstreamresponsetime",
    "upstreamstatus",
    "bodybytessent",
    "timelocal",
    "responseflags",
    "upstreamcluster",
    "upstreamhost",
    "xenvoyoriginpath",
    "xenvoyoriginalpath",
    "edgeresponsestatus",
    "upstreamservicetime",
    "respheaders.server",
    "upstreamconnecttime",
    "terminationstate",
    "httprequest.cachelookup",
    "resource.labels.forwardingrulename",
    "elbstatuscode",
    "timeiso8601",
    "downstreamremoteaddress",
];

/// Containers in which loggers put the fields of the record itself.
const CONTAINERS: &[&str] = &[
    "fields",
    "contextmap",
    "mdc",
    "context",
    "ctx",
    "extra",
    "jsonpayload",
    "properties",
    "attributes",
    "metadata",
    "data",
    "payload",
    "tags",
    "labels",
    "resource",
    "log",
    "logrecords",
    "resourcelogs.scopelogs.logrecords",
    "scopelogs.logrecords",
    "resourcelogs.resource",
    "resource.attributes",
    "resourcelogs.resource.attributes",
    "resourcelogs.scopelogs.logrecords.attributes",
    "resourcelogs.scopelogs",
    "json",
    "state",
    "event",
    "body",
    "message",
    "msg",
    "protopayload",
    "http",
    "entry",
];

/// How much less a key inside a container is believed.
const INSIDE: u8 = 40;

static ROWS: LazyLock<HashMap<&'static [u8], Entry>> = LazyLock::new(|| {
    let mut rows = HashMap::new();
    for (role, names) in TABLE {
        let mut rank = 1;
        for name in names.split_ascii_whitespace() {
            if name == "|" {
                rank += 1;
            } else {
                rows.entry(name.as_bytes()).or_insert((*role, rank));
            }
        }
    }
    rows
});

/// Longer keys have no role.
const LONGEST: usize = 64;

/// A key without case and without what separates words.
fn bare<'b>(key: &[u8], buffer: &'b mut [u8; LONGEST]) -> &'b [u8] {
    let mut len = 0;
    for byte in key {
        if !matches!(byte, b'_' | b'-' | b'@' | b' ') {
            let Some(slot) = buffer.get_mut(len) else { return b"" };
            *slot = byte.to_ascii_lowercase();
            len += 1;
        }
    }
    buffer.get(..len).unwrap_or_default()
}

/// The role of a key, if it has one.
pub(super) fn of(key: &[u8]) -> Option<Entry> {
    let mut buffer = [0u8; LONGEST];
    let name = bare(key, &mut buffer);
    if let Some(entry) = ROWS.get(name) {
        return Some(*entry);
    }
    memchr::memrchr_iter(b'.', name).find_map(|dot| {
        let (container, rest) = (name.get(..dot)?, name.get(dot + 1..)?);
        let (role, rank) = ROWS.get(rest)?;
        CONTAINERS.iter().any(|c| c.as_bytes() == container).then_some((*role, rank + INSIDE))
    })
}

/// True for a key that only a load balancer or web server writes.
pub(super) fn is_web(key: &[u8]) -> bool {
    let mut buffer = [0u8; LONGEST];
    let name = bare(key, &mut buffer);
    WEB.iter().any(|w| w.as_bytes() == name)
}

/// A key, its role, and whether it marks a web server's record.
type Row = (Box<[u8]>, Option<Entry>, bool);

/// Roles by the exact bytes of keys that a sample showed; asked first, without allocation.
#[derive(Debug)]
pub(super) struct Known {
    slots: Vec<Option<Row>>,
}

impl Known {
    /// The table of some keys.
    pub(super) fn of(keys: impl Iterator<Item = Vec<u8>>) -> Known {
        let keys: Vec<Vec<u8>> = keys.take(4096).collect();
        let mut slots = Vec::new();
        slots.resize((keys.len() * 4).next_power_of_two().max(64), None);
        let mut known = Known { slots };
        for key in keys {
            let row = (of(&key), is_web(&key));
            let mask = known.slots.len() - 1;
            let mut at = hash(&key) & mask;
            while known.slots.get(at).is_some_and(Option::is_some) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = known.slots.get_mut(at) {
                *slot = Some((key.into_boxed_slice(), row.0, row.1));
            }
        }
        known
    }

    /// The role of a key, and whether it marks a web server's record.
    pub(super) fn find(&self, key: &[u8]) -> (Option<Entry>, bool) {
        let mask = self.slots.len() - 1;
        let mut at = hash(key) & mask;
        while let Some(Some((name, entry, web))) = self.slots.get(at) {
            if same(name, key) {
                return (*entry, *web);
            }
            at = (at + 1) & mask;
        }
        (of(key), is_web(key))
    }
}

/// Mixes the length and both ends of a key: names differ there.
fn hash(key: &[u8]) -> usize {
    let ends = if let (Some(head), Some(tail)) = (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        u64::from_le_bytes(*head) ^ u64::from_le_bytes(*tail).rotate_left(29)
    } else if let (Some(head), Some(tail)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*head)) ^ (u64::from(u32::from_le_bytes(*tail)) << 32)
    } else {
        key.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    let mixed = (ends ^ ((key.len() as u64) << 17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::from((mixed >> 48) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_one() {
        for key in ["trace_id", "traceId", "TraceID", "trace.id", "contextMap.traceId"] {
            assert_eq!(of(key.as_bytes()).map(|e| e.0), Some(Role::TraceId), "{key}");
        }
        assert_eq!(of(b"@timestamp"), Some((Role::Time, 1)));
        assert_eq!(of(b"jsonPayload.message"), Some((Role::Message, 1 + INSIDE)));
        assert_eq!(of(b"span.name"), None);
    }

    #[test]
    fn known_keys_and_others_give_the_same() {
        let known = Known::of([b"msg".to_vec(), b"zzz".to_vec()].into_iter());
        assert_eq!(known.find(b"msg").0, of(b"msg"));
        assert_eq!(known.find(b"zzz").0, None);
        assert_eq!(known.find(b"log.level").0, of(b"log.level"));
        assert!(known.find(b"upstream_addr").1);
    }
}

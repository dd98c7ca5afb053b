//! What stands at the edge and around: the balancer's or web server's log, deploys, alerts, the service manager.

use super::plan::{Damage, Edge, Scenario};
use super::world::{ENDPOINTS, World};
use chrono::{DateTime, Duration, TimeZone, Utc};

impl World {
    /// The instant as a source's clock shows it.
    pub(crate) fn clock(&self, t: f64, application: bool) -> DateTime<Utc> {
        let skew = if self.plan.damage == Damage::Skew && application { 30.0 } else { 0.0 };
        let start = Utc.timestamp_opt(self.plan.epoch, 0).unwrap();
        start + Duration::microseconds(((t + skew) * 1e6) as i64)
    }

    pub(crate) fn put(&mut self, file: &str, t: f64, text: String) {
        self.files.entry(file.to_owned()).or_default().push(((t * 1e6) as i64, text));
    }

    pub(crate) fn path(&self, r: usize) -> String {
        let request = &self.requests[r];
        ENDPOINTS[request.ep].path.replace("{}", &request.param.to_string())
    }

    pub(crate) fn log_edge(&mut self, t: f64, r: usize, status: u16, state: &str, server: Option<usize>) {
        let request = &self.requests[r];
        let (path, client) = (self.path(r), &self.clients[request.client]);
        let method = ENDPOINTS[request.ep].method;
        let total = t - request.arrive;
        let bytes = 120 + (request.id % 900);
        let connected = state != "SC" && state != "sC";
        let at = self.clock(t, false);
        match self.plan.edge {
            Edge::Haproxy => {
                let name = server.map_or("<NOSRV>".to_owned(), |s| format!("app{}", s + 1));
                let millis = |s: f64| (s * 1e3).round() as i64;
                let (wait, connect, answer) = match state {
                    "SC" if server.is_none() => (0, -1, -1),
                    "SC" | "sC" => (millis(request.queued), -1, -1),
                    "sH" | "SH" => (millis(request.queued), millis(request.connect), -1),
                    _ => {
                        let (q, c) = (millis(request.queued), millis(request.connect));
                        (q, c, (millis(total) - q - c).max(0))
                    }
                };
                let flags = if state == "--" { "----".to_owned() } else { format!("{state}--") };
                let capture =
                    if self.plan.damage == Damage::NoIds { String::new() } else { format!("{{{:012X}}} ", request.id >> 16) };
                let line = format!(
                    "{} lb1 haproxy[811]: {}:{} [{}] shop_fe shop_be/{name} 0/{wait}/{connect}/{answer}/{} {status} {bytes} - - {flags} 9/9/3/2/0 0/0 {capture}\"{method} {path} HTTP/1.1\"",
                    at.format("%b %e %H:%M:%S"),
                    client.address,
                    20_000 + request.id % 40_000,
                    self.clock(request.arrive, false).format("%d/%b/%Y:%H:%M:%S%.3f"),
                    millis(total),
                );
                self.put("haproxy.log", t, line);
            }
            Edge::NginxTimed | Edge::Nginx => {
                let status = match state {
                    "SC" => 502,
                    "sC" => 504,
                    _ => status,
                };
                let mut line = format!(
                    "{} - - [{}] \"{method} {path} HTTP/1.1\" {status} {bytes} \"-\" \"{}\"",
                    client.address,
                    at.format("%d/%b/%Y:%H:%M:%S +0000"),
                    client.agent
                );
                let upstream = server.map_or("-".to_owned(), |s| format!("10.0.0.{}:8000", 11 + s));
                if self.plan.edge == Edge::NginxTimed {
                    let connect = if connected { format!("{:.3}", request.connect) } else { "-".into() };
                    line += &format!(" rt={total:.3} uct=\"{connect}\" urt=\"{total:.3}\" ua=\"{upstream}\"");
                    if self.plan.damage != Damage::NoIds {
                        line += &format!(" rid={:016x}", request.id);
                    }
                }
                let why = match state {
                    "SC" if server.is_none() => "no live upstreams while connecting to upstream",
                    "SC" => "connect() failed (111: Connection refused) while connecting to upstream",
                    "sC" => "upstream timed out (110: Connection timed out) while connecting to upstream",
                    "sH" => "upstream timed out (110: Connection timed out) while reading response header from upstream",
                    "SH" => "upstream prematurely closed connection while reading response header from upstream",
                    _ => "",
                };
                let error = format!(
                    "{} [error] 902#902: *{} {why}, client: {}, server: shop.example.com, request: \"{method} {path} HTTP/1.1\", upstream: \"http://{}{path}\", host: \"shop.example.com\"",
                    at.format("%Y/%m/%d %H:%M:%S"),
                    r + 1,
                    client.address,
                    if server.is_none() { "shop_app" } else { &upstream },
                );
                self.put("access.log", t, line);
                if !why.is_empty() {
                    self.put("error.log", t, error);
                }
            }
        }
    }

    /// The balancer finds its servers down, or up again.
    pub(crate) fn log_servers(&mut self, t: f64, up: bool) {
        if self.plan.edge != Edge::Haproxy || self.plan.scenario != Scenario::LbNoServer {
            return;
        }
        let at = self.clock(t, false).format("%b %e %H:%M:%S").to_string();
        for server in 1..=self.plan.instances {
            let left = if up { server } else { self.plan.instances - server };
            let text = if up {
                format!(
                    "{at} lb1 haproxy[811]: Server shop_be/app{server} is UP, reason: Layer4 check passed, check duration: 0ms. {left} active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
                )
            } else {
                format!(
                    "{at} lb1 haproxy[811]: Server shop_be/app{server} is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. {left} active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
                )
            };
            self.put("haproxy.log", t, text);
        }
        if !up {
            self.put("haproxy.log", t, format!("{at} lb1 haproxy[811]: backend shop_be has no server available!"));
        }
    }

    pub(crate) fn log_deploy(&mut self, t: f64, service: &str, version: &str) {
        let commit = format!("{:07x}", (self.plan.seed ^ t.to_bits()) & 0xfff_ffff);
        let line = format!(
            "{} deployed {service} version {version} (commit {commit}) by ci",
            self.clock(t, false).format("%Y-%m-%dT%H:%M:%SZ")
        );
        self.put("deploys.log", t, line);
    }

    pub(crate) fn log_alert(&mut self, t: f64, firing: bool) {
        if t > self.plan.seconds {
            return;
        }
        let status = if firing { "firing" } else { "resolved" };
        let at = self.clock(t, false).format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let end = if firing { "0001-01-01T00:00:00Z".to_owned() } else { at.to_string() };
        let line = format!(
            r#"{{"receiver":"oncall","status":"{status}","alerts":[{{"status":"{status}","labels":{{"alertname":"HighErrorRate","service":"shop-api","severity":"page"}},"annotations":{{"summary":"too many requests to shop-api fail"}},"startsAt":"{at}","endsAt":"{end}"}}]}}"#
        );
        self.put("alerts.jsonl", t, line);
    }

    pub(crate) fn log_oom_kill(&mut self, t: f64, inst: usize) {
        let at = self.clock(t, false).format("%b %e %H:%M:%S").to_string();
        let pid = self.instances[inst].pid;
        let host = inst + 1;
        for text in [
            format!(
                "{at} app{host} kernel: Out of memory: Killed process {pid} (java) total-vm:8123456kB, anon-rss:4012345kB, file-rss:0kB, shmem-rss:0kB, UID:1000"
            ),
            format!("{at} app{host} systemd[1]: shop-api.service: Main process exited, code=killed, status=9/KILL"),
            format!("{at} app{host} systemd[1]: shop-api.service: Failed with result 'oom-kill'."),
            format!("{at} app{host} systemd[1]: Started shop-api.service - Shop API."),
        ] {
            self.put("syslog", t, text);
        }
    }
}

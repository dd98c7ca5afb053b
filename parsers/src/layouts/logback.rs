//! Lines of logback, log4j and log4j2 patterns: a time, a level, and thread, logger, process, context and message in
//! whatever order and dress. The columns are inferred from the lines. Spring Boot's, Elasticsearch's, Kafka's, Hadoop's,
//! ZooKeeper's, Solr's, Spark's, Cassandra's, JBoss's and WildFly's defaults are all of this family.
//!
//! ```text
//! 2026-11-20T10:15:20.136Z  WARN 4242 --- [shop] [nio-8080-exec-1] [4bf9…-00f0…] c.a.shop.Orders : slow
//! time                      level pid     app    thread            context       logger            message
//! ```

mod infer;
mod plan;
mod roles;
mod tokens;

use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{jvm, text};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;
use plan::Plan;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "logback",
    about: "patterns of logback, log4j and log4j2 (Spring Boot, Elasticsearch, Kafka, Hadoop, WildFly …), columns inferred",
    spec: "logback manual, chapter 6 (PatternLayout); log4j2 manual, Pattern Layout; Spring Boot DefaultLogbackConfiguration",
    weight: 60,
    infer: |sample: &Sample<'_>| {
        let coloured = sample.lines.iter().any(|line| memchr::memchr(0x1b, line).is_some());
        let plain: Arena = Arena::new();
        let bare = Sample { lines: sample.lines.iter().map(|line| text::strip_ansi(line, &plain)).collect() };
        let plans = infer::plans(&bare);
        let reason = plans.iter().map(Plan::describe).collect::<Vec<_>>().join("; ");
        (!plans.is_empty()).then(|| Inferred { layout: Box::new(Logback { plans, coloured }), reason })
    },
    examples: &[
        Example {
            line: "2026-11-20T10:15:20.136Z  WARN 4242 --- [shop] [nio-8080-exec-1] [4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7] c.a.shop.OrderService                    : stock is low",
            shows: &[
                ("time", "2026-11-20T10:15:20.136Z"),
                ("severity", "WARN"),
                ("process.pid", "4242"),
                ("service.name", "shop"),
                ("thread.name", "nio-8080-exec-1"),
                ("trace.id", "4bf92f3577b34da6a3ce929d0e0e4736"),
                ("span.id", "00f067aa0ba902b7"),
                ("logger", "c.a.shop.OrderService"),
                ("message", "stock is low"),
            ],
        },
        Example {
            line: "10:15:20.136 [main] DEBUG com.acme.shop.Boot - ready",
            shows: &[
                ("time", "T10:15:20.136"),
                ("thread.name", "main"),
                ("logger", "com.acme.shop.Boot"),
                ("message", "ready"),
            ],
        },
        Example {
            line: "2026-11-20 10:15:20,136 INFO  [org.jboss.as] (default task-1) started in 1234ms",
            shows: &[("logger", "org.jboss.as"), ("thread.name", "default task-1"), ("message", "started in 1234ms")],
        },
    ],
};

struct Logback {
    plans: Vec<Plan>,
    /// Some sampled line held colours.
    coloured: bool,
}

impl Layout for Logback {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b' ' | b'\t') | None => Line::Continue,
            _ if self.plans.iter().any(|plan| plan.starts(line)) => Line::Start,
            Some(0x1b) if self.coloured => {
                let arena = Arena::new();
                let plain = text::strip_ansi(line, &arena);
                if self.plans.iter().any(|plan| plan.starts(plain)) { Line::Start } else { Line::Continue }
            }
            _ if self.coloured && memchr::memchr(0x1b, line).is_some() => {
                let arena = Arena::new();
                let plain = text::strip_ansi(line, &arena);
                if self.plans.iter().any(|plan| plan.starts(plain)) { Line::Start } else { Line::Continue }
            }
            _ => Line::Continue,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let record = if self.coloured { text::strip_ansi(record, arena) } else { record };
        let end = memchr::memchr(b'\n', record).unwrap_or(record.len());
        let (line, more) = record.split_at_checked(end).unwrap_or((record, b""));
        let message = self.head(line, event).ok_or(Reject::new(Reason::BadTime, 0))?;
        if more.is_empty() {
            event.message = message.trim_ascii_end();
            return Ok(());
        }
        if self.plans.iter().any(Plan::trails) {
            // The logger stood behind the message: the lines that follow do not touch the message.
            let (lines, stack) = jvm::split_stack(more);
            event.message = message;
            event.stack = if lines.trim_ascii().is_empty() { stack } else { more.get(1..).unwrap_or_default() };
            return Ok(());
        }
        let from = line.len() - message.len();
        let (message, stack) = jvm::split_stack(record.get(from..).unwrap_or_default());
        event.message = message.trim_ascii_end();
        event.stack = stack;
        Ok(())
    }
}

impl Logback {
    /// Runs the columns over a record's first line: the pattern that fits wholly, else the first that has the time.
    fn head<'a>(&self, line: &'a [u8], event: &mut Event<'a>) -> Option<&'a [u8]> {
        if let [only] = self.plans.as_slice() {
            return only.run(line, event, false, false);
        }
        let envelope = *event;
        for plan in &self.plans {
            if let Some(message) = plan.run(line, event, true, false) {
                return Some(message);
            }
            *event = envelope;
        }
        for plan in &self.plans {
            if let Some(message) = plan.run(line, event, false, false) {
                return Some(message);
            }
            *event = envelope;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns(text: &str) -> String {
        (SPEC.infer)(&Sample { lines: text.lines().map(str::as_bytes).collect() }).map(|i| i.reason).unwrap_or_default()
    }

    #[test]
    fn patterns_of_well_known_programs_are_inferred() {
        let time = "2026-03-02 08:00:00,101";
        for (lines, want) in [
            (
                format!("{time} INFO  [main] org.h.Master: up\n{time} WARN  [RPC Server-3] org.h.Region: slow"),
                "time (Iso) level [thread] logger:",
            ),
            (
                format!("[{time}] INFO up (kafka.K)\n[{time}] WARN [Broker id=3] x (kafka.log.L)"),
                "[time (Iso)] level … (logger)",
            ),
            (
                format!(
                    "[{time}][INFO ][o.e.n.Node               ] [n1] up\n[{time}][WARN ][o.e.c.Svc                ] [n1] x"
                ),
                "[time (Iso)] [level] [logger] [node]",
            ),
            (format!("{time} [myid:2] - INFO  [Peer:7:Fle@51] - up"), "time (Iso) [ids] - level [thread:logger@line] -"),
            (format!("{time} INFO  (qtp1-15) [c:a s:b] o.a.s.Core up and about"), "time (Iso) level (thread) [ids] logger"),
            (format!("INFO  [main] {time} Daemon.java:40 - up"), "level [thread] time (Iso) logger -"),
            (format!("{time} INFO  org.f.Cluster        [] - up"), "time (Iso) level logger [ids] -"),
            (
                format!(
                    "{time} | INFO | main | c.a.Shop | up\n{time} | WARN | exec-1 | c.a.Shop | a | b\n{time} | WARN | exec-2 | c.a.Shop | c"
                ),
                "time (Iso) | level | thread | logger |",
            ),
            (
                format!(
                    "{time} INFO  pool-1 keeper com.a.Foo - hi\n{time} INFO  pool-1 keeper com.a.Bar - ho\n{time} WARN  pool-1 keeper com.a.Bar - ho"
                ),
                "time (Iso) level thread logger -",
            ),
            ("17/06/09 20:10:40 INFO exec.Backend: up".to_owned(), "time (ShortYear) level logger:"),
            ("081109 203615 148 INFO dfs.Node$Responder: up".to_owned(), "time (Bare) pid level logger:"),
        ] {
            assert_eq!(columns(&lines), want, "{lines}");
        }
    }

    #[test]
    fn other_producers_are_left_alone() {
        for line in [
            "2026-03-02 08:00:00.101 UTC [15] ERROR:  canceling statement",
            "127.0.0.1 - - [02/Mar/2026:08:00:00 +0000] \"GET /INFO HTTP/1.1\" 200 1",
            "2026/03/02 08:00:00 [error] 7#7: *7 upstream timed out",
            "2026-03-02T08:00:00.101Z  WARN sqlx::pool: slow",
            "{\"time\":\"2026-03-02T08:00:00Z\",\"level\":\"INFO\"}",
            "level=INFO ts=2026-03-02T08:00:00Z msg=x",
        ] {
            assert_eq!(columns(line), "", "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_lines_are_read(lines in proptest::collection::vec("(2026-03-02 08:00:00,101 |10:15:20.136 |\\[2026-03-02 08:00:00\\] |INFO |)[ -~]{0,50}", 1..6), odd in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut sample: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            sample.push(&odd);
            if let Some(inferred) = (SPEC.infer)(&Sample { lines: sample.clone() }) {
                let arena = Arena::new();
                for line in sample {
                    let _ = (inferred.layout.line(line), inferred.layout.parse(line, &arena, &mut Event::default()));
                }
            }
        }
    }
}

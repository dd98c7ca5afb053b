//! The postmortems beside the stories: what the teams wrote down by hand (duration, cause, share affected, wrong turns) is
//! what the drafts say.

use super::tools::{backtrail, root};
use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta};

/// What a team declared of its outage, in its own zone.
struct Declared {
    story: &'static str,
    /// Offset of the team's zone from UTC, hours.
    zone: i32,
    from: &'static str,
    to: &'static str,
    /// How far users' failures may lie from what was declared, minutes: the beginning is when somebody noticed, the end
    /// when the last change was made.
    within: (i64, i64),
    cause: &'static str,
    /// What set it off, where a deploy did.
    trigger: Option<&'static str>,
    /// The figure that the team meant, and between which values it lies.
    affected: (Figure, f64, f64),
    /// True where users saw it come and go.
    intermittent: bool,
    /// Causes that the team went after in vain, and what the draft may say of them.
    wrong: &'static [(&'static str, &'static [&'static str])],
}

/// Four figures that share the word "affected".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    /// Share of clients with a failed request.
    Clients,
    /// Share of requests, while it lasted, that failed or were too slow: of the service.
    Service,
    /// The worst minute.
    Peak,
}

const OUT: &[&str] = &["ruled out"];

const DECLARED: [Declared; 5] = [
    Declared {
        story: "2023-08-10-slow-leak",
        zone: 0,
        from: "2023-08-10 14:30",
        to: "2023-08-11 06:45",
        within: (15, 15),
        cause: "connection leak",
        trigger: Some("shop-api 2.7.0"),
        affected: (Figure::Clients, 0.25, 0.45),
        intermittent: true,
        // The cache and the database's load, then queries and indexes.
        wrong: &[("cache failure", &["ruled out", "cannot tell"]), ("slow queries", OUT)],
    },
    Declared {
        story: "2024-08-14-deploy-leak",
        zone: 0,
        from: "2024-08-14 10:30",
        to: "2024-08-14 12:45",
        within: (15, 35),
        cause: "connection leak",
        trigger: Some(""),
        affected: (Figure::Service, 0.15, 0.30),
        intermittent: false,
        // The network, then an attack.
        wrong: &[("network latency", OUT), ("traffic surge", OUT), ("abusive client", OUT)],
    },
    Declared {
        story: "2023-05-10-shop-leak",
        zone: 0,
        from: "2023-05-10 10:00",
        to: "2023-05-11 02:00",
        within: (15, 15),
        cause: "connection leak",
        trigger: Some(""),
        affected: (Figure::Clients, 0.25, 0.45),
        intermittent: true,
        // Web servers and load balancers, caches, the network.
        wrong: &[("lb misconfiguration", OUT), ("cache failure", OUT), ("network latency", OUT), ("resource exhaustion", OUT)],
    },
    Declared {
        story: "2024-03-10-cascade",
        zone: 0,
        from: "2024-03-10 15:30",
        to: "2024-03-10 17:45",
        within: (10, 10),
        cause: "connection leak",
        trigger: None,
        affected: (Figure::Peak, 0.999, 1.0),
        intermittent: false,
        wrong: &[("slow queries", OUT)],
    },
    Declared {
        story: "2023-05-10-pool-exhaustion",
        zone: -5,
        from: "2023-05-10 08:00",
        to: "2023-05-11 10:00",
        within: (15, 15),
        cause: "undersized pool",
        trigger: None,
        // The dealers, three in ten, hit the pool's end by themselves; other visitors met it on the way.
        affected: (Figure::Clients, 0.25, 0.55),
        intermittent: true,
        wrong: &[("lb misconfiguration", OUT)],
    },
];

fn postmortem(story: &str) -> String {
    std::fs::read_to_string(root().join("sample-logs/outages").join(story).join("postmortem.md")).unwrap()
}

/// The text of a section, up to the next heading of its level or a higher one.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let from = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}")) + heading.len() + 2;
    let rest = &text[from..];
    let level = heading.split(' ').next().unwrap().len();
    let ends = (1..=level).filter_map(|n| rest.find(&format!("\n{} ", "#".repeat(n))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// `10 Aug 2023 14:29 UTC`, `10 May 2023 08:07 UTC-05:00`: the times in a text.
fn times(text: &str) -> Vec<DateTime<FixedOffset>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(" UTC") {
        let words: Vec<&str> = text[..at].split_whitespace().rev().take(4).collect();
        let when: Vec<&str> = words.into_iter().rev().collect();
        let Ok(naive) = NaiveDateTime::parse_from_str(&when.join(" "), "%d %b %Y %H:%M") else { continue };
        let offset: String = text[at + 4..].chars().take_while(|c| matches!(c, '+' | '-' | ':' | '0'..='9')).collect();
        let seconds = match offset.split_once(':') {
            Some((hours, minutes)) => {
                let (h, m): (i32, i32) = (hours.parse().unwrap(), minutes.parse().unwrap());
                h * 3600 + h.signum() * m * 60
            }
            None => 0,
        };
        found.push(naive.and_local_timezone(FixedOffset::east_opt(seconds).unwrap()).unwrap());
    }
    found
}

/// The share in brackets of the sentence that holds some words.
fn share(text: &str, words: &str) -> f64 {
    let line = text.lines().find(|l| l.contains(words)).unwrap_or_else(|| panic!("no line with {words} in {text}"));
    let before = line.split(" %").next().unwrap();
    before.rsplit('(').next().unwrap().parse::<f64>().unwrap() / 100.0
}

fn disagreements(declared: &Declared) -> Vec<String> {
    let text = postmortem(declared.story);
    let summary = section(&text, "## Issue Summary");
    let mut wrong = Vec::new();
    let zone = FixedOffset::east_opt(declared.zone * 3600).unwrap();
    let moment = |text: &str| {
        let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        naive.and_local_timezone(zone).unwrap()
    };
    let told = times(section(&text, "### Duration"));
    for (name, want, got, within) in [
        ("begin", moment(declared.from), told.first(), declared.within.0),
        ("end", moment(declared.to), told.get(1), declared.within.1),
    ] {
        match got {
            Some(got) if (*got - want).abs() <= TimeDelta::minutes(within) => {
                if got.offset().local_minus_utc() != declared.zone * 3600 {
                    wrong.push(format!("the {name} is not told in the zone people lived in: {got}"));
                }
            }
            other => wrong.push(format!("the {name} is {other:?}, not about {want}")),
        }
    }
    let root_cause = section(&text, "### Root Cause").to_lowercase();
    let title = text.lines().next().unwrap();
    if !title.ends_with(&format!("outage through {}", declared.cause))
        || !root_cause.contains(declared.cause.trim_start_matches("undersized "))
    {
        wrong.push(format!("the cause is {}, not told by {title} and {root_cause}", declared.cause));
    }
    let set_off = text.lines().find(|l| l.starts_with("- **Set off by**"));
    match (declared.trigger, set_off) {
        (Some(version), Some(line)) if line.contains("eploy") && line.contains(version) => {}
        (None, None) => {}
        (want, got) => wrong.push(format!("it is told to be set off by {got:?}, not {want:?}")),
    }
    let (figure, low, high) = declared.affected;
    let got = match figure {
        Figure::Clients => share(summary, "clients had at least one failed request"),
        Figure::Service => share(summary, "requests of users failed or were too slow"),
        Figure::Peak => share(summary, "The worst minute was"),
    };
    if got < low || got > high {
        wrong.push(format!("{figure:?} is {got}, not between {low} and {high}"));
    }
    if declared.intermittent != summary.contains(" spells") {
        wrong.push(format!("coming and going: {}", declared.intermittent));
    }
    let not = section(&text, "### What it was not").to_lowercase();
    for (cause, statuses) in declared.wrong {
        let line = not.lines().find(|l| l.starts_with(&format!("- **{cause}**")));
        let fits = |line: &str| statuses.iter().any(|s| line.starts_with(&format!("- **{cause}**: {s}.")));
        // Each with the number that closes it, or what would be needed for one.
        let number = |line: &str| line.chars().any(|c| c.is_ascii_digit()) || line.contains("would need");
        if !line.is_some_and(|l| fits(l) && number(l)) {
            wrong.push(format!("{cause}: {line:?}"));
        }
    }
    wrong
}

#[test]
fn the_postmortems_say_what_the_teams_wrote_down() {
    let mut wrong = Vec::new();
    for declared in &DECLARED {
        wrong.extend(disagreements(declared).into_iter().map(|w| format!("{}: {w}", declared.story)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn another_story_is_told_apart() {
    let mut swapped = Declared { story: "2024-03-10-cascade", ..DECLARED[0] };
    assert!(disagreements(&swapped).len() >= 3, "{:?}", disagreements(&swapped));
    swapped = Declared { cause: "undersized pool", ..DECLARED[3] };
    assert_eq!(disagreements(&swapped).len(), 1);
    swapped = Declared { affected: (Figure::Peak, 0.1, 0.2), ..DECLARED[3] };
    assert_eq!(disagreements(&swapped).len(), 1);
    swapped = Declared { wrong: &[("connection leak", OUT)], ..DECLARED[3] };
    assert_eq!(disagreements(&swapped).len(), 1);
}

/// One of them whole, so that a change of words or figures is not forgotten.
#[test]
fn a_postmortem_is_what_is_written_now() {
    let story = "2024-03-10-cascade";
    let path = format!("sample-logs/outages/{story}");
    let done = backtrail().current_dir(root()).args(["postmortem", &format!("{path}/logs")]).assert().code(0);
    let written = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(
        written == postmortem(story),
        "from the root of the checkout: `backtrail postmortem {path}/logs -o {path}/postmortem.md --force`, and so for the others"
    );
}

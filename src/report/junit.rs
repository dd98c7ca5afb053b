//! The verdict as JUnit XML: a case a leaking site, a cause and a layer of the ledger.

use super::gate::Outcome;
use super::text::clean;
use super::{Hypothesis, Leak, Report, site, text};
use crate::error::{Error, Result};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::io::Write;

/// Writes the cases. With a gate's outcome only what it fails on is a failure.
pub fn write(report: &Report, outcome: Option<&Outcome>, out: &mut dyn Write) -> Result<()> {
    let mut all = quick_junit::Report::new("backtrail");
    let mut leaks = TestSuite::new("leaks");
    for leak in &report.leaks {
        leaks.add_test_case(leak_case(report, leak, outcome));
    }
    if report.leaks.is_empty() {
        leaks.add_test_case(case("no leaked connection", "backtrail.leaks", TestCaseStatus::success()));
    }
    let mut causes = TestSuite::new("causes");
    for h in report.hypotheses.iter().filter(|h| h.cause != "none") {
        causes.add_test_case(cause_case(h, outcome));
    }
    let mut ledger = TestSuite::new("ledger");
    for (layer, l) in report.ledger.iter().filter(|(_, l)| l.opens + l.closes + l.inferred_opens > 0) {
        let status = if l.balanced { TestCaseStatus::success() } else { failure("the ledger does not balance", "") };
        ledger.add_test_case(case(&format!("{layer} balances"), "backtrail.ledger", status));
    }
    all.add_test_suites([leaks, causes, ledger]);
    let text = all.to_string().map_err(|e| Error::Table(e.to_string()))?;
    out.write_all(text.as_bytes()).map_err(|source| Error::Io { path: "output".into(), source })
}

fn case(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(clean(name), status);
    case.set_classname(class);
    case
}

fn failure(message: &str, detail: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(clean(message));
    if !detail.is_empty() {
        status.set_description(detail.lines().map(|l| clean(l) + "\n").collect::<String>());
    }
    status
}

fn leak_case(report: &Report, leak: &Leak, outcome: Option<&Outcome>) -> TestCase {
    let identity = site::of(leak);
    let fails = outcome.is_none_or(|o| o.failures.iter().any(|f| f.subject == identity));
    let message = format!("{} connections were never given back", leak.sessions);
    let mut detail = format!("opened from {} to {}, {}\n", leak.first, leak.last, leak.confidence);
    for at in leak.evidence.iter().take(5) {
        detail.push_str(&format!("see {}\n", text::place(report, at)));
    }
    let status = if fails {
        failure(&message, &detail)
    } else {
        let mut status = TestCaseStatus::skipped();
        status.set_message("known from the baseline, or not asked for");
        status
    };
    let mut case = case(&site::place(leak), "backtrail.leaks", status);
    if let Some(frame) = &leak.call_site {
        for (key, value) in [("file", frame.file.clone()), ("line", frame.line.map(|l| l.to_string()))] {
            if let Some(value) = value {
                case.extra.insert(key.into(), clean(&value).into());
            }
        }
    }
    case
}

fn cause_case(h: &Hypothesis, outcome: Option<&Outcome>) -> TestCase {
    let asked = outcome.is_none_or(|o| o.failures.iter().any(|f| f.subject == h.cause));
    let detail = h.speaks_for.iter().chain(&h.against).fold(String::new(), |all, f| all + &f.text + "\n");
    let status = match h.status {
        "confirmed" | "likely" if asked => failure(&format!("{} is {}", h.cause.replace('_', " "), h.status), &detail),
        "ruled_out" => TestCaseStatus::success(),
        other => {
            let mut status = TestCaseStatus::skipped();
            let missing = if h.missing.is_empty() { String::new() } else { format!(": would need {}", h.missing.join("; ")) };
            status.set_message(clean(&format!("{}{missing}", other.replace('_', " "))));
            status
        }
    };
    case(h.cause, "backtrail.causes", status)
}

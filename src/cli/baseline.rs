//! What `--baseline` means: other logs, or a stretch of time in these.

use super::moment::{self, Moment};
use super::plan::Plan;
use super::run;
use crate::correlate::Case;
use crate::diagnose::baseline::{compare, outside, tally};
use crate::error::Error;
use crate::report;
use crate::report::redact::Redactor;
use crate::table::EventTable;
use anyhow::Result;

/// What is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Baseline {
    /// Other logs.
    Path(String),
    /// A stretch of these.
    Range(Moment, Moment),
}

/// Two moments with `..` between them, else a path.
pub(super) fn parse(text: &str) -> Baseline {
    if let Some((from, to)) = text.split_once("..")
        && let (Ok(from), Ok(to)) = (moment::parse("--baseline", from), moment::parse("--baseline", to))
    {
        return Baseline::Range(from, to);
    }
    Baseline::Path(text.to_owned())
}

/// What changed in the logs of the plan. Names that only the other logs know are learned, so that they can be hidden.
pub(super) fn changes(
    plan: &Plan,
    table: &EventTable,
    case: &Case,
    against: &Baseline,
    redactor: Option<&mut Redactor>,
) -> Result<Vec<report::baseline::Change>> {
    let rows = table.rows();
    let window = case.window.unwrap_or((0, 0));
    let found = match against {
        Baseline::Path(path) => {
            let other = Plan { paths: vec![path.clone()], ..plan.clone() };
            let (other_table, other_case, _) = run::case(&other)?;
            if other_table.is_empty() {
                let reason = format!("{path}: no record to compare with");
                return Err(Error::Usage { option: "--baseline".into(), reason }.into());
            }
            let other_rows = other_table.rows();
            if let Some(redactor) = redactor {
                redactor.learn(&other_rows);
            }
            let whole = other_case.window.map_or((0, 0), |w| (w.0, w.1 + 1));
            let then = tally(&other_rows, &other_case, &[whole]);
            compare(&then, &tally(&rows, case, &[(window.0, window.1 + 1)]))
        }
        Baseline::Range(from, to) => {
            let from = moment::settle("--baseline", *from, plan.zone, case.window)?;
            let to = moment::settle("--baseline", *to, plan.zone, case.window)?;
            if to <= from {
                let reason = "the end lies before the begin".into();
                return Err(Error::Usage { option: "--baseline".into(), reason }.into());
            }
            compare(&tally(&rows, case, &[(from, to)]), &tally(&rows, case, &outside(window, (from, to))))
        }
    };
    Ok(report::baseline::build(&rows, &found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_from_paths() {
        assert!(matches!(parse("10:00..11:00"), Baseline::Range(..)));
        assert!(matches!(parse("2024-03-10T10:00:00Z..2024-03-10T11:00:00Z"), Baseline::Range(..)));
        assert_eq!(parse("../yesterday"), Baseline::Path("../yesterday".into()));
    }
}

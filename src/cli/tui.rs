//! The interactive timeline and the world around it: settings and notes on disk, editor, shell, the reader's zone.

use super::args::{Clocks, TuiOptions};
use super::plan::Plan;
use super::progress;
use crate::error::Error;
use crate::tui::clock::Zone;
use crate::tui::host::Host;
use crate::tui::run;
use crate::tui::settings::Settings;
use crate::tui::theme::Theme;
use crate::tui::work::Wish;
use anyhow::Result;
use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;

/// True where a terminal is there to draw on.
pub(super) fn possible() -> bool {
    std::io::stdout().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb")
}

/// Shows the timeline.
pub(super) fn show(plan: Plan, options: &TuiOptions) -> Result<ExitCode> {
    if !possible() {
        let reason = "needs a terminal; `backtrail report` writes the same answer as text";
        return Err(Error::Usage { option: "tui".into(), reason: reason.into() }.into());
    }
    let text = folder("XDG_CONFIG_HOME", ".config").and_then(|dir| std::fs::read_to_string(dir.join("config.toml")).ok());
    let (mut settings, odd) = Settings::parse(&text.unwrap_or_default());
    if !plan.color {
        settings.theme = Theme::Plain;
    }
    settings.ascii |= options.ascii;
    settings.mouse &= !options.no_mouse;
    settings.restore &= !options.no_restore;
    let host: Arc<dyn Host> = Arc::new(Outside);
    let clocks = match plan.clock {
        Clocks::Off => None,
        Clocks::Show => Some(false),
        Clocks::Apply => Some(true),
    };
    let wish = Wish { paths: plan.paths, options: plan.options, clocks, source: options.source.clone() };
    let outcome = run::run(wish, settings, odd, &host, options.follow)?;
    for problem in &outcome.problems {
        progress::complain(problem);
    }
    Ok(ExitCode::from(outcome.code))
}

/// `$XDG_…_HOME/backtrail`, or its usual place below the home folder.
fn folder(variable: &str, usual: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = set.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(usual)))?;
    Some(base.join("backtrail"))
}

/// This machine.
struct Outside;

impl Outside {
    fn notes(key: &str) -> Option<PathBuf> {
        Some(folder("XDG_STATE_HOME", ".local/state")?.join("notes").join(format!("{key}.toml")))
    }
}

impl Host for Outside {
    fn restore(&self, key: &str) -> Option<String> {
        std::fs::read_to_string(Outside::notes(key)?).ok()
    }

    fn save(&self, key: &str, text: &str) -> Result<(), String> {
        let path = Outside::notes(key).ok_or("there is no home folder")?;
        let told = |e: std::io::Error| format!("{}: {e}", path.display());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(told)?;
        }
        // Written beside and moved: a crash leaves the old notes, not half of the new ones.
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, &path)).map_err(told)
    }

    fn export(&self, name: &str, text: &str) -> Result<String, String> {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "md"));
        for number in 1..1000 {
            let path = if number == 1 { name.to_owned() } else { format!("{stem}-{number}.{ending}") };
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    return file.write_all(text.as_bytes()).map(|()| path.clone()).map_err(|e| format!("{path}: {e}"));
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(format!("{path}: {e}")),
            }
        }
        Err(format!("{name}: there are too many of them already"))
    }

    fn edit(&self, path: &str, line: u32) -> Result<(), String> {
        let set = |name: &str| std::env::var(name).ok().filter(|v| !v.trim().is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into());
        let mut words = editor.split_whitespace();
        let program = words.next().unwrap_or("vi");
        let done = Command::new(program).args(words).arg(format!("+{line}")).arg(path).status();
        match done {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{editor}: {status}")),
            Err(problem) => Err(format!("{editor}: {problem}; set EDITOR to yours")),
        }
    }

    #[cfg(unix)]
    fn suspend(&self) -> Result<(), String> {
        signal_hook::low_level::raise(signal_hook::consts::SIGTSTP).map_err(|e| e.to_string())
    }

    #[cfg(not(unix))]
    fn suspend(&self) -> Result<(), String> {
        Err("this system cannot suspend a program".into())
    }

    fn zone(&self) -> Zone {
        let named = std::env::var("TZ").ok().map(|tz| tz.trim_start_matches(':').to_owned()).filter(|tz| !tz.is_empty());
        let linked = || {
            let path = std::fs::read_link("/etc/localtime").ok()?;
            path.to_str()?.rsplit_once("zoneinfo/").map(|(_, name)| name.to_owned())
        };
        named.or_else(linked).map_or(Zone::Utc, |name| Zone::parse(&name))
    }
}

//! The whole program in a real terminal, where tmux is there to be one: opened, steered by keys, quit, killed.

use super::tools::root;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A terminal of its own, gone when this goes.
struct Screen {
    socket: String,
}

impl Screen {
    /// Opens a shell in a folder; `None` where there is no tmux.
    fn open(dir: &Path, size: (u32, u32)) -> Option<Screen> {
        Command::new("tmux").arg("-V").output().ok().filter(|o| o.status.success())?;
        let screen = Screen { socket: format!("backtrail-{}-{}", std::process::id(), size.0) };
        let shell = format!(
            "cd '{0}' && exec env -u NO_COLOR XDG_STATE_HOME='{0}/state' XDG_CONFIG_HOME='{0}' PS1='> ' ENV= sh",
            dir.display()
        );
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let done = screen.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, &shell]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Some(screen)
    }

    fn tmux(&self, args: &[&str]) -> Output {
        Command::new("tmux").args(["-L", &self.socket]).args(args).output().unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Waits until the screen holds a text, and gives the screen.
    fn shows(&self, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let screen = self.text();
            if screen.contains(text) {
                return screen;
            }
            assert!(begin.elapsed() < Duration::from_secs(90), "{text} never came\n{screen}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sends a signal to what the shell runs.
    fn signal(&self, signal: &str) {
        let pane = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell = String::from_utf8_lossy(&pane.stdout).trim().to_owned();
        let child = Command::new("ps").args(["-o", "pid=", "--ppid", &shell]).output().unwrap();
        for pid in String::from_utf8_lossy(&child.stdout).split_whitespace() {
            Command::new("kill").args([signal, pid]).status().unwrap();
        }
    }

    /// Neither the other screen nor the mouse is taken, and the cursor is seen.
    fn sane(&self) {
        let begin = Instant::now();
        loop {
            let state = self.tmux(&["display-message", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}"]);
            let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
            if state == "0 0 1" {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "the terminal is left as {state}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn command(logs: &str) -> String {
    format!("{} '{}'", env!("CARGO_BIN_EXE_backtrail"), root().join(logs).display())
}

#[test]
fn an_outage_is_looked_into_from_end_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let Some(screen) = Screen::open(dir.path(), (100, 30)) else { return };
    screen.keys(&[&command("sample-logs/outages/2023-08-10-slow-leak/logs"), "Enter"]);
    let home = screen.shows("leaked");
    assert!(screen.shows("confirmed: connection leak").contains("ShipmentService.java:19"), "{home}");
    screen.keys(&["!"]);
    screen.keys(&["2"]);
    screen.shows("called by net.larchshop.api.web.Controllers.shipment");
    screen.keys(&["Enter"]);
    screen.shows("✕");
    screen.keys(&["Enter"]);
    screen.shows("Apparent connection leak detected");
    screen.keys(&["m", "j", "m", "c", "second", "Enter", "#"]);
    screen.shows("tagged Detection");
    screen.keys(&["6"]);
    screen.shows("second");
    screen.keys(&["e"]);
    screen.shows("written: backtrail-report.md, backtrail-timeline.csv, backtrail-postmortem.md");
    screen.keys(&["C-z"]);
    screen.sane();
    screen.keys(&["fg", "Enter"]);
    screen.shows("Detection");
    screen.tmux(&["resize-window", "-x", "60", "-y", "16"]);
    screen.shows("6 Notes");
    screen.keys(&["q"]);
    screen.sane();
    screen.keys(&["echo \"then $?\"", "Enter"]);
    screen.shows("then 0");
    let postmortem = std::fs::read_to_string(dir.path().join("backtrail-postmortem.md")).unwrap();
    assert!(postmortem.contains("second"), "{postmortem}");
}

#[test]
fn whatever_ends_it_the_terminal_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let Some(screen) = Screen::open(dir.path(), (90, 24)) else { return };
    let start = command("sample-logs/formats/hikaricp");
    for (end, code) in [("-TERM", "code 143"), ("-HUP", "code 129"), ("-INT", "code 130"), ("keys", "code 130")] {
        screen.keys(&["clear", "Enter"]);
        screen.keys(&[&start, "Enter"]);
        screen.shows("nothing abnormal");
        if end == "keys" {
            screen.keys(&["C-c"]);
        } else {
            screen.signal(end);
        }
        screen.sane();
        screen.keys(&["echo \"code $?\"", "Enter"]);
        screen.shows(code);
    }
}

#[test]
fn stopped_and_continued_it_draws_itself_anew() {
    let dir = tempfile::tempdir().unwrap();
    let Some(screen) = Screen::open(dir.path(), (70, 24)) else { return };
    screen.keys(&[&command("sample-logs/formats/hikaricp"), "Enter"]);
    screen.shows("nothing abnormal");
    // A stop that cannot be caught leaves the screen to the shell, with the modes that the shell gives it.
    screen.signal("-STOP");
    screen.shows("Stopped");
    // The shell reads a terminal that was left raw: only a line feed ends its line.
    screen.keys(&["fg", "C-j"]);
    let again = screen.shows("nothing abnormal");
    assert!(!again.contains("Stopped"), "{again}");
    screen.keys(&["4"]);
    screen.shows("24 events");
    screen.keys(&["q"]);
    screen.sane();
}

#[test]
fn what_is_copied_reaches_the_clipboard() {
    let dir = tempfile::tempdir().unwrap();
    let Some(screen) = Screen::open(dir.path(), (110, 30)) else { return };
    screen.tmux(&["set-option", "-s", "set-clipboard", "on"]);
    screen.keys(&[&command("sample-logs/outages/2023-08-10-slow-leak/logs"), "Enter"]);
    screen.shows("confirmed: connection leak");
    screen.keys(&["2", "y"]);
    screen.shows("is on the clipboard");
    let begin = Instant::now();
    loop {
        let copied = String::from_utf8_lossy(&screen.tmux(&["show-buffer"]).stdout).into_owned();
        if copied == "ShipmentService.java:19 net.larchshop.api.service.ShipmentService.record" {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "the clipboard has {copied:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    screen.keys(&["P"]);
    screen.shows("written: backtrail-call-sites.svg");
    let picture = std::fs::read_to_string(dir.path().join("backtrail-call-sites.svg")).unwrap();
    assert!(picture.contains("ShipmentService.java:19") && !picture.contains('\x1b'), "{picture}");
}

//! Owns the terminal: takes it over, gives it back whatever happens, and runs the loop between model, view and work.

use super::host::Host;
use super::model::{Model, Stage};
use super::msg::{Cmd, Msg};
use super::settings::Settings;
use super::signals;
use super::svg::svg;
use super::update::update;
use super::view::view;
use super::work::{Latest, Readers, Wish, perform, read};
use notify::{RecursiveMode, Watcher};
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::crossterm::clipboard::CopyToClipboard;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event, KeyCode, KeyModifiers,
    MouseEventKind,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use std::io::{self, Stdout, Write, stdout};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Messages taken in before the screen is drawn again.
const BATCH: usize = 256;
/// How long a wait for keys lasts before it is asked whether the terminal is lent out.
const PATIENCE: Duration = Duration::from_millis(50);

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Exit code.
    pub code: u8,
    /// What could not be read.
    pub problems: Vec<String>,
}

/// The terminal while it is ours; given back when this goes.
struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

fn take(mouse: bool) -> io::Result<()> {
    terminal::enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    if mouse { execute!(stdout(), EnableMouseCapture) } else { Ok(()) }
}

/// Gives the terminal back; each step is tried whatever became of the others.
fn give_back() {
    let _ = execute!(stdout(), DisableMouseCapture);
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = terminal::disable_raw_mode();
}

impl Screen {
    fn new(mouse: bool) -> io::Result<Screen> {
        let taken = take(mouse).and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match taken {
            Ok(terminal) => Ok(Screen { terminal }),
            Err(problem) => {
                give_back();
                Err(problem)
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Shows the timeline until the reader quits.
///
/// # Errors
/// Where the terminal cannot be written to.
pub fn run(wish: Wish, settings: Settings, odd: Vec<String>, host: &Arc<dyn Host>, follow: bool) -> io::Result<Outcome> {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        give_back();
        before(info);
        // A thread that does the work takes the program with it: nobody else would answer for what it owes.
        if std::thread::current().name() != Some("main") {
            std::process::exit(101);
        }
    }));
    let mut screen = Screen::new(settings.mouse)?;
    let size = screen.terminal.size()?;
    let mut model = Model::new((size.width, size.height), settings, host.zone(), follow);
    screen.terminal.draw(|frame| view(&model, frame))?;
    let (send, messages) = channel();
    let lent = Arc::new(AtomicBool::new(false));
    let signals = {
        let send = send.clone();
        signals::watch(give_back, Arc::clone(&lent), move || send.send(Msg::Continued).is_ok())?
    };
    keys(send.clone(), Arc::clone(&lent));
    reader(wish, follow, send.clone());
    for text in odd {
        let _ = send.send(Msg::Say(text));
    }
    let mut worker = Worker { host: Arc::clone(host), send, latest: Arc::default(), quick: None };
    let code = turns(&mut screen, &mut model, &messages, &mut worker, &lent)?;
    drop(screen);
    drop(signals);
    let _ = std::panic::take_hook();
    let problems = match &model.stage {
        Stage::Ready(data) => data.problems.clone(),
        Stage::Failed(reason) => vec![reason.clone()],
        Stage::Loading(_) => Vec::new(),
    };
    let code = code.unwrap_or(u8::from(!problems.is_empty()));
    Ok(Outcome { code, problems })
}

/// Takes messages, changes the model, carries out commands, draws; until one of them says to quit.
fn turns(
    screen: &mut Screen,
    model: &mut Model,
    messages: &Receiver<Msg>,
    worker: &mut Worker,
    lent: &AtomicBool,
) -> io::Result<Option<u8>> {
    while let Ok(first) = messages.recv() {
        let rest = std::iter::from_fn(|| messages.try_recv().ok()).take(BATCH);
        for msg in std::iter::once(first).chain(rest) {
            for cmd in update(model, msg) {
                worker.latest.raise(model);
                if let Cmd::Quit(code) = cmd {
                    return Ok(code);
                }
                outside(screen, model, worker, lent, cmd)?;
            }
        }
        screen.terminal.draw(|frame| view(model, frame))?;
    }
    Ok(None)
}

/// Commands that need the terminal; all others are work.
fn outside(screen: &mut Screen, model: &mut Model, worker: &mut Worker, lent: &AtomicBool, cmd: Cmd) -> io::Result<()> {
    match cmd {
        Cmd::Redraw => {
            // Whoever had the terminal meanwhile may have changed its modes.
            terminal::disable_raw_mode()?;
            take(model.settings.mouse)?;
            retaken(screen, model)
        }
        Cmd::Mouse(true) => execute!(stdout(), EnableMouseCapture),
        Cmd::Mouse(false) => execute!(stdout(), DisableMouseCapture),
        Cmd::Bell => {
            stdout().write_all(b"\x07")?;
            stdout().flush()
        }
        Cmd::Copy(text) => copy(&mut stdout(), &text),
        Cmd::Picture => {
            let said = picture(model, worker.host.as_ref());
            update(model, Msg::Say(said));
            Ok(())
        }
        Cmd::Suspend => {
            let host = Arc::clone(&worker.host);
            lend(screen, model, lent, || host.suspend())
        }
        Cmd::Edit { path, line } => {
            let host = Arc::clone(&worker.host);
            lend(screen, model, lent, || host.edit(&path, line))
        }
        work => {
            worker.perform(work);
            Ok(())
        }
    }
}

/// Puts text on the terminal's clipboard (OSC 52): it gets through ssh, and through tmux where that allows it.
fn copy(to: &mut impl Write, text: &str) -> io::Result<()> {
    execute!(to, CopyToClipboard::to_clipboard_from(text))
}

/// Draws the frame once more, for a file.
fn picture(model: &Model, host: &dyn Host) -> String {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(model.size.0, model.size.1));
    let Ok(frame) = terminal.draw(|frame| view(model, frame));
    let name = model.pane.title().to_lowercase().replace(' ', "-");
    let text = svg(frame.buffer, model.settings.theme, &format!("backtrail: {name}"));
    match host.export(&format!("backtrail-{name}.svg"), &text) {
        Ok(path) => format!("written: {path}"),
        Err(reason) => reason,
    }
}

/// Gives the terminal to somebody else and takes it back.
fn lend(
    screen: &mut Screen,
    model: &mut Model,
    lent: &AtomicBool,
    work: impl FnOnce() -> Result<(), String>,
) -> io::Result<()> {
    lent.store(true, Ordering::Release);
    // The thread that reads keys notices within its patience.
    std::thread::sleep(PATIENCE * 2);
    give_back();
    let done = work();
    take(model.settings.mouse)?;
    lent.store(false, Ordering::Release);
    if let Err(reason) = done {
        update(model, Msg::Say(reason));
    }
    retaken(screen, model)
}

/// The terminal is ours again: its size may be another one, and nothing of what stands on it is known.
fn retaken(screen: &mut Screen, model: &mut Model) -> io::Result<()> {
    let size = screen.terminal.size()?;
    update(model, Msg::Resize(size.width, size.height));
    screen.terminal.clear()
}

/// Threads that carry out commands.
struct Worker {
    host: Arc<dyn Host>,
    send: Sender<Msg>,
    latest: Arc<Latest>,
    /// Reads records for what is in sight, one request after the other.
    quick: Option<Sender<Cmd>>,
}

impl Worker {
    fn perform(&mut self, cmd: Cmd) {
        let (host, latest, send) = (Arc::clone(&self.host), Arc::clone(&self.latest), self.send.clone());
        if matches!(cmd, Cmd::Filter(..) | Cmd::Search(..) | Cmd::Jump(..) | Cmd::Compare(..)) {
            std::thread::spawn(move || {
                perform(cmd, host.as_ref(), &Readers::default(), &latest, &|msg| send.send(msg).is_ok());
            });
            return;
        }
        let queue = self.quick.get_or_insert_with(|| {
            let (queue, jobs) = channel::<Cmd>();
            std::thread::spawn(move || {
                let readers = Readers::default();
                while let Ok(cmd) = jobs.recv() {
                    perform(cmd, host.as_ref(), &readers, &latest, &|msg| send.send(msg).is_ok());
                }
            });
            queue
        });
        let _ = queue.send(cmd);
    }
}

/// Reads keys, mouse and sizes. A second Ctrl-C that finds the first one unanswered ends the program.
fn keys(send: Sender<Msg>, lent: Arc<AtomicBool>) {
    let interrupts = AtomicU8::new(0);
    std::thread::spawn(move || {
        loop {
            if lent.load(Ordering::Acquire) {
                std::thread::sleep(PATIENCE);
                continue;
            }
            let event = match event::poll(PATIENCE) {
                Ok(true) => event::read(),
                Ok(false) => continue,
                Err(problem) => Err(problem),
            };
            let msg = match event {
                Ok(Event::Key(key)) => {
                    let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                    if interrupt && interrupts.fetch_add(1, Ordering::Relaxed) > 0 {
                        give_back();
                        std::process::exit(130);
                    }
                    Msg::Key(key)
                }
                // The pointer passing by changes nothing.
                Ok(Event::Mouse(mouse)) if mouse.kind == MouseEventKind::Moved => continue,
                Ok(Event::Mouse(mouse)) => Msg::Mouse(mouse),
                Ok(Event::Paste(text)) => Msg::Paste(text),
                Ok(Event::Resize(width, height)) => Msg::Resize(width, height),
                Ok(Event::FocusGained | Event::FocusLost) => continue,
                // The terminal went away: nobody is left to answer to.
                Err(_) => {
                    give_back();
                    std::process::exit(129);
                }
            };
            if send.send(msg).is_err() {
                return;
            }
        }
    });
}

/// Reads the logs; while they are followed, again whenever they change.
fn reader(wish: Wish, follow: bool, send: Sender<Msg>) {
    std::thread::spawn(move || {
        let mut wish = wish;
        let mut seen = super::work::signature(&wish);
        read(&wish, &|msg| send.send(msg).is_ok());
        if !follow {
            return;
        }
        let (touched, changes) = channel::<()>();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is an access too: only what may change a file counts.
            if event.is_ok_and(|e| !e.kind.is_access()) {
                let _ = touched.send(());
            }
        });
        let mut watcher = watcher.ok();
        for path in &wish.paths {
            let path = Path::new(path);
            let place = if path.is_dir() { Some(path) } else { path.parent() };
            let place = place.map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
            if let (Some(watcher), Some(place)) = (&mut watcher, place) {
                let _ = watcher.watch(place, RecursiveMode::Recursive);
            }
        }
        loop {
            // File systems that tell nothing are looked at every two seconds.
            match changes.recv_timeout(Duration::from_secs(2)) {
                Ok(()) => {
                    std::thread::sleep(Duration::from_millis(300));
                    while changes.try_recv().is_ok() {}
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(Duration::from_secs(2)),
            }
            super::work::rotated(&mut wish, &seen);
            let now = super::work::signature(&wish);
            if now != seen {
                seen = now;
                let kept = |msg: Msg| match msg {
                    // A reading that fails while files are being rotated leaves the last one standing.
                    Msg::Failed(reason) => send.send(Msg::Say(reason)).is_ok(),
                    msg => send.send(msg).is_ok(),
                };
                read(&wish, &kept);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::copy;

    #[test]
    fn the_clipboard_gets_the_bytes_that_terminals_know() {
        let mut bytes = Vec::new();
        copy(&mut bytes, "Dao.java:19 größer").unwrap();
        // OSC 52, the clipboard, base64 of UTF-8, string terminator.
        assert_eq!(bytes, b"\x1b]52;c;RGFvLmphdmE6MTkgZ3LDtsOfZXI=\x1b\\");
    }
}

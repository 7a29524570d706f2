//! The terminal while a live view has it, and what the person at it wants.
//!
//! **Invariant:** whoever leaves, by a key, a signal or a panic, leaves the terminal as it was: the guard restores it, and so does the
//! panic's hook.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Frame};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The terminal, in raw mode and on its other screen.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    wishes: UnboundedReceiver<Wish>,
    reads: Arc<AtomicBool>,
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Validate,
    Renew,
    Close,
    Help,
    /// The terminal has another size.
    Redraw,
    Quit,
}

impl Screen {
    pub(super) fn enter() -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        let (tell, wishes) = unbounded_channel();
        let reads = Arc::new(AtomicBool::new(true));
        let goes_on = Arc::clone(&reads);
        // Reading a terminal blocks, so it has a thread of its own, which looks now and then whether it is still wanted.
        std::thread::spawn(move || {
            while goes_on.load(Ordering::Acquire) {
                let wish = match event::poll(LOOK) {
                    Ok(false) => continue,
                    Ok(true) => event::read().map(|event| meaning(&event)),
                    Err(error) => Err(error),
                };
                // A terminal that cannot be read any more has gone.
                let wish = wish.unwrap_or(Some(Wish::Quit));
                if wish.is_some_and(|wish| tell.send(wish).is_err()) {
                    return;
                }
            }
        });
        Ok(Self { terminal, wishes, reads })
    }

    /// Draws.
    pub(super) fn show(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(drop)
    }

    /// What the person wants next.
    pub(super) async fn wish(&mut self) -> Option<Wish> {
        self.wishes.recv().await
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.reads.store(false, Ordering::Release);
        ratatui::restore();
    }
}

fn meaning(event: &Event) -> Option<Wish> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => of_key(*key),
        Event::Resize(..) => Some(Wish::Redraw),
        _ => None,
    }
}

fn of_key(key: KeyEvent) -> Option<Wish> {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if with_control => Wish::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Wish::Quit,
        KeyCode::Up | KeyCode::Char('k') => Wish::Up,
        KeyCode::Down | KeyCode::Char('j') => Wish::Down,
        KeyCode::PageUp => Wish::PageUp,
        KeyCode::PageDown => Wish::PageDown,
        KeyCode::Home => Wish::First,
        KeyCode::End => Wish::Last,
        KeyCode::Char('v') => Wish::Validate,
        KeyCode::Char('r') => Wish::Renew,
        KeyCode::Char('c') => Wish::Close,
        KeyCode::Char('?') => Wish::Help,
        _ => return None,
    })
}

/// Listens from now on, and ends when the process is asked to.
#[cfg(unix)]
pub(super) fn ended() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut stop, mut gone) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = stop.recv() => {}
            _ = gone.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}

/// Ends when the process is asked to.
#[cfg(not(unix))]
pub(super) fn ended() -> io::Result<impl Future<Output = ()>> {
    Ok(crate::commands::interrupted())
}

const LOOK: Duration = Duration::from_millis(50);

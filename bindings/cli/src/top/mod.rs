//! `hallpass top`: how do the saved sessions of a platform stand, live?
//!
//! They are opened in this process, as any program would open them; on the way out they are saved and let go of, never signed out.
//!
//! **Invariant:** the terminal is given back as it was, however this ends.

mod draw;
mod screen;
mod view;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use comfy_table::{Table, presets};
use hallpass::{Client, Error, Kind, Platform, Session};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::draw::{COLUMNS, draw, plain};
use self::screen::{Screen, Wish};
use self::view::{Help, Unopened, View};
use crate::args::{Common, Top};
use crate::commands::{say, say_json, unwritable};
use crate::outcome::{Exit, Failure};
use crate::places::Places;
use crate::platforms;
use crate::vault::{Tells, Vault};

pub(crate) async fn run(common: &Common, wanted: &Top) -> Result<Exit, Failure> {
    let is_live = !wanted.once && !wanted.json;
    let has_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if is_live && !has_terminal {
        let failure = Failure::from(Error::new(Kind::ConfigInvalid, "a live view needs a terminal"));
        return Err(failure.with_hint("--once prints a table, --json the same for programs"));
    }
    let places = Places::find()?;
    let platform = platforms::find(&wanted.platform, &places)?;
    let vault = Vault::open(common, &places)?;
    let accounts = accounts(&vault, &platform, wanted).await?;
    let about = |error, account: &str| Failure::about(error, &wanted.platform, account);
    let keyring = vault.keyring_for(&accounts[0]).await.map_err(|error| about(error, &accounts[0]))?;
    let mut open =
        Open { client: vault.client(keyring, Tells::Nothing)?, sessions: HashMap::new(), unopened: Vec::new() };
    let mut first = None;
    for account in &accounts {
        match open.client.resume(&platform, account).await {
            Ok(session) => drop(open.sessions.insert(account.clone(), session)),
            Err(error) => {
                open.unopened.push(Unopened { account: account.clone(), kind: error.kind() });
                first.get_or_insert_with(|| about(error, account));
            }
        }
    }
    if let (true, Some(failure)) = (open.sessions.is_empty(), first) {
        return Err(failure);
    }
    let mut view = View { platform: platform.id().to_owned(), ..View::default() };
    view.refresh(&open.client.snapshot(), &open.unopened);
    let shown = if wanted.json {
        let unopened = open.unopened.iter().map(|one| json!({ "account": one.account, "kind": one.kind }));
        let snapshot = serde_json::to_value(open.client.snapshot()).unwrap_or_default();
        say_json(&json!({ "snapshot": snapshot, "unopened": unopened.collect::<Vec<_>>() })).map(|()| Exit::Served)
    } else if wanted.once {
        say(&table(&view)).map(|()| Exit::Served)
    } else {
        watch(&mut open, &mut view, wanted.every).await
    };
    open.sessions.clear();
    let closed = open.client.close().await;
    let exit = shown?;
    closed?;
    Ok(exit)
}

/// What is open here.
struct Open {
    client: Client,
    sessions: HashMap<String, Session>,
    unopened: Vec<Unopened>,
}

/// Those that were named, or all that are saved.
async fn accounts(vault: &Vault, platform: &Platform, wanted: &Top) -> Result<Vec<String>, Failure> {
    let mut accounts = wanted.accounts.clone();
    if wanted.all {
        let (entries, _) = vault.list().await?;
        let of_platform = entries.into_iter().filter(|entry| entry.key.platform == platform.id());
        accounts = of_platform.map(|entry| entry.key.account).collect();
    }
    accounts.sort();
    accounts.dedup();
    if accounts.is_empty() {
        let what = format!("no session of {} is saved in {}", platform.id(), vault.place());
        let failure = Failure::from(Error::new(Kind::NoSession, what));
        return Err(failure.with_hint("`hallpass sessions` lists the saved ones"));
    }
    Ok(accounts)
}

/// Shows them until the person has seen enough.
async fn watch(open: &mut Open, view: &mut View, every: Duration) -> Result<Exit, Failure> {
    let (tell, mut told) = unbounded_channel();
    // Before the terminal is taken, which nobody would give back otherwise.
    let mut ended = std::pin::pin!(screen::ended().map_err(|error| unwritable("the terminal", &error))?);
    let mut screen = Screen::enter().map_err(|error| unwritable("the terminal", &error))?;
    let mut beat = tokio::time::interval(every);
    loop {
        screen.show(|frame| draw(frame, view)).map_err(|error| unwritable("the terminal", &error))?;
        tokio::select! {
            _ = beat.tick() => view.refresh(&open.client.snapshot(), &open.unopened),
            Some(message) = told.recv() => {
                view.message = message;
                view.refresh(&open.client.snapshot(), &open.unopened);
            }
            () = &mut ended => return Ok(Exit::Interrupted),
            wish = screen.wish() => match wish {
                None | Some(Wish::Quit) => return Ok(Exit::Served),
                Some(wish) => obey(wish, open, view, &tell),
            },
        }
    }
}

/// Does what a key asks for; what takes time tells how it went when it is done.
fn obey(wish: Wish, open: &mut Open, view: &mut View, tell: &UnboundedSender<String>) {
    let page = 10;
    match wish {
        Wish::Quit | Wish::Redraw => {}
        Wish::Up => view.go(-1),
        Wish::Down => view.go(1),
        Wish::PageUp => view.go(-page),
        Wish::PageDown => view.go(page),
        Wish::First => view.go(isize::MIN),
        Wish::Last => view.go(isize::MAX),
        Wish::Help => view.help = if view.help == Help::Shown { Help::Hidden } else { Help::Shown },
        Wish::Validate | Wish::Renew | Wish::Close => {
            let Some(account) = view.account().map(str::to_owned) else { return };
            let Some(session) = open.sessions.get(&account).cloned() else {
                view.message = format!("{account} is not open");
                return;
            };
            let tell = tell.clone();
            view.message = match wish {
                Wish::Validate => format!("asking the platform about {account} …"),
                Wish::Renew => format!("renewing {account} …"),
                _ => format!("closing {account} …"),
            };
            if wish == Wish::Close {
                open.sessions.remove(&account);
            }
            tokio::spawn(async move {
                let (done, went) = match wish {
                    Wish::Validate => ("is good", session.validate().await),
                    Wish::Renew => ("was renewed", session.renew().await),
                    _ => ("was saved and closed", session.close().await),
                };
                // Who has left meanwhile does not want to know.
                drop(tell.send(match went {
                    Ok(()) => format!("{account} {done}"),
                    Err(error) => format!("{account}: {error}"),
                }));
            });
        }
    }
}

/// All columns as a plain table.
fn table(view: &View) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(COLUMNS.map(|column| column.title));
    for row in &view.rows {
        table.add_row(COLUMNS.map(|column| plain((column.of)(row))));
    }
    format!("{}\n{}\n{}", view.summary[0], view.summary[1], table.trim_fmt())
}
